//! What a person should know of a document before it is sent for signature.
//!
//! Everything here follows from [`PdfFacts`] alone and names no provider: what one accepts is data of its own, checked
//! when a request is prepared.

use esign_core::facts::{PdfFacts, Xfa};
use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It may be refused, or look different from what was meant.
    Warning,
    /// It cannot be signed meaningfully as it is.
    Blocker,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// A stable name for programs: `pdf.encrypted`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The first page it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The form field it is about, by full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it is and what to do, in a sentence.
    pub message: String,
}

impl Finding {
    fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self { code, severity, page: None, field: None, message: message.into() }
    }

    fn on_page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }

    fn in_field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }
}

/// Lists what stands out, worst first.
///
/// ```
/// use esign_pdf::facts::{PageFacts, PdfFacts};
/// use esign_pdf::preflight::preflight;
/// let mut facts = PdfFacts::new(1000, vec![PageFacts::plain(1, 595.0, 842.0)]);
/// assert!(preflight(&facts).is_empty());
/// facts.encrypted = true;
/// assert_eq!(preflight(&facts)[0].code, "pdf.encrypted");
/// ```
#[must_use]
pub fn preflight(facts: &PdfFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    structure(facts, &mut findings);
    pages(facts, &mut findings);
    form(facts, &mut findings);
    signatures(facts, &mut findings);
    features(facts, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn structure(facts: &PdfFacts, findings: &mut Vec<Finding>) {
    if facts.encrypted {
        findings.push(Finding::new(
            "pdf.encrypted",
            Severity::Blocker,
            "the document is encrypted or restricted, even if it opens without a password; save a copy without protection",
        ));
    }
    if facts.header_offset > 0 {
        let message =
            format!("{} bytes stand before the PDF header; save the document afresh", facts.header_offset);
        findings.push(Finding::new("pdf.header_offset", Severity::Warning, message));
    }
    for damage in &facts.damage {
        let message = format!(
            "the document is damaged: {damage}; open it in the program that made it and save it again"
        );
        findings.push(Finding::new("pdf.damaged", Severity::Warning, message));
    }
    if facts.trailing_bytes > 0 {
        let message =
            format!("{} bytes follow the end of the PDF; save the document afresh", facts.trailing_bytes);
        findings.push(Finding::new("pdf.trailing_bytes", Severity::Warning, message));
    }
    if facts.is_hybrid() {
        findings.push(Finding::new(
            "pdf.hybrid",
            Severity::Warning,
            "the document is hybrid-referenced, which some services refuse; save it afresh with another program",
        ));
    }
}

/// One finding for all pages of a kind: a scanned book would give thousands.
fn pages(facts: &PdfFacts, findings: &mut Vec<Finding>) {
    let mut unusual = facts.pages.iter().filter(|page| !page.is_plain());
    if let Some(first) = unusual.next() {
        let others = match unusual.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "page {}{others} is rotated, cropped, shifted or scaled, so a service may place boxes differently; look at \
             the signed result, or print to a new PDF first",
            first.number
        );
        findings
            .push(Finding::new("pdf.placement_uncertain", Severity::Warning, message).on_page(first.number));
    }
}

fn form(facts: &PdfFacts, findings: &mut Vec<Finding>) {
    match facts.xfa {
        None => {}
        Some(Xfa::Dynamic) => findings.push(Finding::new(
            "pdf.dynamic_xfa",
            Severity::Blocker,
            "the document is a dynamic XFA form whose pages are not in the file; print it to a new PDF",
        )),
        Some(_) => findings.push(Finding::new(
            "pdf.static_xfa",
            Severity::Warning,
            "the document has an XFA form, which most readers ignore; flatten it or print it to a new PDF",
        )),
    }
    if facts.form_fields > 0 {
        let message = format!(
            "the document has {} form fields that stay editable; fill and flatten them if they matter",
            facts.form_fields
        );
        findings.push(Finding::new("pdf.form_fields", Severity::Info, message));
    }
}

fn signatures(facts: &PdfFacts, findings: &mut Vec<Finding>) {
    match &facts.certification {
        Some(certification) if certification.forbids_signing() => {
            let message = "an earlier signature allows no change at all, so one more signature would break it; ask its \
                           signer for a version without that lock";
            findings
                .push(Finding::new("pdf.locked", Severity::Blocker, message).in_field(&certification.field));
        }
        Some(certification) => {
            let message = "an earlier signature certifies the document: signing is allowed, any other change is not, and some \
                           validators count a new visible box as one; sign in a field that is there already, or have the \
                           result checked by those who rely on it";
            findings.push(
                Finding::new("pdf.certified", Severity::Warning, message).in_field(&certification.field),
            );
        }
        None => {}
    }
    for field in &facts.signatures {
        if let Some(reason) = &field.unreadable {
            let message = format!(
                "a signature in the document cannot be read ({reason}); ask where the file comes from"
            );
            findings.push(
                Finding::new("pdf.unreadable_signature", Severity::Blocker, message).in_field(&field.name),
            );
        }
    }
    let signed = facts.signatures.iter().filter(|field| field.signature.is_some()).count();
    if signed > 0 {
        let message =
            format!("the document already has {signed} signatures; send it exactly as it is, or they break");
        findings.push(Finding::new("pdf.already_signed", Severity::Info, message));
    }
}

fn features(facts: &PdfFacts, findings: &mut Vec<Finding>) {
    for (feature, code, severity, message) in [
        (
            "usage_rights",
            "pdf.usage_rights",
            Severity::Warning,
            "the document has usage rights that break when it is signed; save a copy without them",
        ),
        (
            "javascript",
            "pdf.javascript",
            Severity::Warning,
            "the document contains scripts that can change what it shows; remove them before it is signed",
        ),
        (
            "open_action",
            "pdf.open_action",
            Severity::Info,
            "the document does something when it is opened; make sure that this is wanted",
        ),
        (
            "embedded_files",
            "pdf.embedded_files",
            Severity::Info,
            "files are attached to the document; the signature covers them, but signers may not see them",
        ),
    ] {
        if facts.features.iter().any(|found| found == feature) {
            findings.push(Finding::new(code, severity, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use esign_core::facts::{Certification, PageFacts, Rect, Revision, SignatureFieldFacts, XrefKind};

    use super::*;

    type Case = (&'static str, Severity, fn(&mut PdfFacts));

    const CASES: &[Case] = &[
        ("pdf.encrypted", Severity::Blocker, |f| f.encrypted = true),
        ("pdf.header_offset", Severity::Warning, |f| f.header_offset = 3),
        ("pdf.damaged", Severity::Warning, |f| f.damage.push("x".to_owned())),
        ("pdf.trailing_bytes", Severity::Warning, |f| f.trailing_bytes = 3),
        ("pdf.hybrid", Severity::Warning, |f| {
            f.revisions.push(Revision { offset: 9, xref: XrefKind::Hybrid, end: 99 });
        }),
        ("pdf.placement_uncertain", Severity::Warning, |f| {
            f.pages.push(PageFacts::new(2, Rect::new(0.0, 0.0, 9.0, 9.0), None, 90, 1.0));
        }),
        ("pdf.dynamic_xfa", Severity::Blocker, |f| f.xfa = Some(Xfa::Dynamic)),
        ("pdf.static_xfa", Severity::Warning, |f| f.xfa = Some(Xfa::Static)),
        ("pdf.form_fields", Severity::Info, |f| f.form_fields = 1),
        ("pdf.locked", Severity::Blocker, |f| {
            f.certification = Some(Certification { permission: 1, field: "c".to_owned() });
        }),
        ("pdf.certified", Severity::Warning, |f| {
            f.certification = Some(Certification { permission: 2, field: "c".to_owned() });
        }),
        ("pdf.unreadable_signature", Severity::Blocker, |f| {
            let mut field = SignatureFieldFacts::new("s");
            field.unreadable = Some("x".to_owned());
            f.signatures.push(field);
        }),
        ("pdf.usage_rights", Severity::Warning, |f| f.features.push("usage_rights".to_owned())),
        ("pdf.javascript", Severity::Warning, |f| f.features.push("javascript".to_owned())),
        ("pdf.open_action", Severity::Info, |f| f.features.push("open_action".to_owned())),
        ("pdf.embedded_files", Severity::Info, |f| f.features.push("embedded_files".to_owned())),
    ];

    #[test]
    fn each_fact_gives_its_finding_and_advice() {
        let mut everything = PdfFacts::new(1, vec![PageFacts::plain(1, 9.0, 9.0)]);
        for (code, severity, change) in CASES {
            let mut facts = PdfFacts::new(1, vec![PageFacts::plain(1, 9.0, 9.0)]);
            change(&mut facts);
            change(&mut everything);
            let [finding] = &preflight(&facts)[..] else { panic!("{code}: one finding") };
            assert_eq!((finding.code, finding.severity), (*code, *severity));
            assert!(finding.message.contains([';', ',']), "says what to do: {}", finding.message);
        }
        let order: Vec<_> = preflight(&everything).iter().map(|finding| finding.severity).collect();
        assert!(order.is_sorted_by(|a, b| a >= b), "worst first: {order:?}");
    }

    #[test]
    fn many_unusual_pages_are_one_finding() {
        let page = |number| PageFacts::new(number, Rect::new(5.0, 0.0, 9.0, 9.0), None, 0, 1.0);
        let findings = preflight(&PdfFacts::new(1, (1..=1000).map(page).collect()));
        assert_eq!((findings.len(), findings[0].page), (1, Some(1)));
        assert!(findings[0].message.contains("and 999 more"));
    }
}
