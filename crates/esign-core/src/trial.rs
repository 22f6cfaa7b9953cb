//! Settling by trial what a provider's documentation leaves open: `Probe::settle`.

use bytes::Bytes;

use crate::SecretUrl;

/// With what to settle what no documentation says, and what whoever runs it has agreed to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trial {
    /// A PDF of one page that nobody minds to see at the provider. A trial that needs a certain one makes a [`BlankPdf`].
    pub document: Bytes,
    /// Leave a request open for whoever runs this to look at: some questions are answered by eye only.
    pub look: bool,
    /// Send more at once than the rate limit allows. Whoever shares the credential may be refused meanwhile.
    pub burst: bool,
}

impl Trial {
    /// A trial that leaves nothing open and is in nobody's way.
    #[must_use]
    pub fn new(document: impl Into<Bytes>) -> Self {
        Self { document: document.into(), look: false, burst: false }
    }

    /// Also leaves a request open to look at.
    #[must_use]
    pub fn look(mut self) -> Self {
        self.look = true;
        self
    }

    /// Also tries what lies beyond the rate limit.
    #[must_use]
    pub fn burst(mut self) -> Self {
        self.burst = true;
        self
    }
}

/// What a trial says about something that no documentation says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settled {
    /// What was open: a line of [`Capabilities::unverified`](crate::Capabilities::unverified), or a further question.
    pub question: &'static str,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// What was found, in a sentence; or why nothing was.
    pub found: String,
    /// The line of configuration that follows from it.
    pub setting: Option<String>,
    /// A link for whoever runs the trial to look at.
    pub link: Option<SecretUrl>,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrialOutcome {
    /// The question is answered.
    Settled,
    /// It was tried, and is as open as before; or it takes what whoever runs this has not agreed to.
    Open,
    /// No trial can answer it.
    Untriable,
}

impl TrialOutcome {
    /// As a word: `settled`, `open`, `untriable`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Open => "open",
            Self::Untriable => "untriable",
        }
    }
}

impl Settled {
    /// An answer.
    #[must_use]
    pub fn new(question: &'static str, found: impl Into<String>) -> Self {
        Self { question, outcome: TrialOutcome::Settled, found: found.into(), setting: None, link: None }
    }

    /// No answer, and why: what came, or what it takes.
    #[must_use]
    pub fn open(question: &'static str, why: &(impl ToString + ?Sized)) -> Self {
        Self { outcome: TrialOutcome::Open, ..Self::new(question, why.to_string()) }
    }

    /// Why no trial can give an answer.
    #[must_use]
    pub fn untriable(question: &'static str, because: &str) -> Self {
        Self { outcome: TrialOutcome::Untriable, ..Self::new(question, because) }
    }

    /// The line to write.
    #[must_use]
    pub fn setting(mut self, line: impl Into<String>) -> Self {
        self.setting = Some(line.into());
        self
    }

    /// What to look at.
    #[must_use]
    pub fn link(mut self, link: SecretUrl) -> Self {
        self.link = Some(link);
        self
    }
}

/// A well-formed PDF of one page with nothing on it, made to have one property: for trials and tests.
///
/// ```
/// let pdf = esign_core::BlankPdf { bytes: 10_000_000, ..Default::default() }.to_bytes();
/// assert_eq!(pdf.len(), 10_000_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BlankPdf<'a> {
    /// Further entries of the catalog, in PDF syntax: `/AcroForm << /Fields [] >>`.
    pub catalog: &'a str,
    /// Width and height of the page in points. Default A4.
    pub page: (f64, f64),
    /// The length of the file. One that is shorter than it can be gives the shortest; 0, the default, does.
    pub bytes: usize,
}

impl Default for BlankPdf<'_> {
    fn default() -> Self {
        Self { catalog: "", page: (595.28, 841.89), bytes: 0 }
    }
}

impl BlankPdf<'_> {
    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut padding = self.bytes.saturating_sub(self.padded(0).len());
        let mut made = self.padded(padding);
        // The more padding, the more digits its length takes elsewhere in the file.
        while made.len() > self.bytes && padding > 0 {
            padding -= made.len() - self.bytes;
            made = self.padded(padding);
        }
        // Where one more digit is one too many, a line end makes up for it.
        made.resize(made.len().max(self.bytes), b'\n');
        made.into()
    }

    /// With a comment of this many characters behind the header.
    fn padded(&self, padding: usize) -> Vec<u8> {
        let (width, height) = self.page;
        let objects = [
            format!("<< /Type /Catalog /Pages 2 0 R {}>>", self.catalog),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Resources << >> >>"),
        ];
        let mut pdf = b"%PDF-1.7\n%".to_vec();
        pdf.resize(pdf.len() + padding, b'x');
        pdf.push(b'\n');
        let mut table = "0000000000 65535 f \n".to_owned();
        for (number, object) in (1..).zip(&objects) {
            table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
            pdf.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
        }
        let (start, size) = (pdf.len(), objects.len() + 1);
        let end = format!(
            "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        );
        pdf.extend_from_slice(end.as_bytes());
        pdf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_pdf_is_as_long_as_wished() {
        let least = BlankPdf::default().to_bytes().len();
        for bytes in [0, least, least + 1, 1000, 9_999, 10_001, 100_000, 1_000_003] {
            let pdf = BlankPdf { bytes, ..BlankPdf::default() }.to_bytes();
            assert_eq!(pdf.len(), bytes.max(least), "{bytes}");
            let text = String::from_utf8(pdf.to_vec()).unwrap();
            let start: usize =
                text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
            assert!(text[start..].starts_with("xref\n"), "{bytes}");
        }
    }

    #[test]
    fn a_blank_pdf_has_what_was_wished() {
        let catalog = "/AcroForm << /Fields [] >> ";
        let pdf = BlankPdf { catalog, page: (1684.0, 2384.5), bytes: 0 }.to_bytes();
        let text = String::from_utf8(pdf.to_vec()).unwrap();
        assert!(text.contains("/MediaBox [0 0 1684 2384.5]") && text.contains(catalog), "{text}");
    }
}
