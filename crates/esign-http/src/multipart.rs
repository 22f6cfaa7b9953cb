//! `multipart/form-data` (RFC 7578) around a document that is not copied.

use std::fmt;

use bytes::{Bytes, BytesMut};
use esign_core::{Error, ErrorKind, Result};

/// A form whose file comes last. Clones share the file's bytes.
///
/// ```
/// # use bytes::Bytes;
/// # use esign_http::Multipart;
/// let form = Multipart::new()?
///     .text("documentName", "Lease")
///     .file("file", "lease.pdf", "application/pdf", Bytes::from_static(b"%PDF-1.7"));
/// assert!(form.content_type().starts_with("multipart/form-data; boundary="));
/// # Ok::<_, esign_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Multipart {
    boundary: String,
    /// What stands before `head`, files each a piece of its own.
    parts: Vec<Bytes>,
    head: BytesMut,
}

impl Multipart {
    /// An empty form with a random boundary of 128 bits, which no document contains but by intent.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system has no randomness.
    pub fn new() -> Result<Self> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random)
            .map_err(|e| Error::new(ErrorKind::Internal, format!("no randomness from the system: {e}")))?;
        let boundary = format!("esign-{:032x}", u128::from_be_bytes(random));
        Ok(Self { boundary, parts: Vec::new(), head: BytesMut::new() })
    }

    /// Adds a text field. Its value is sent byte for byte.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.open_part(&format!("form-data; name=\"{}\"", escape(name)));
        self.head.extend_from_slice(b"\r\n");
        self.head.extend_from_slice(value.as_bytes());
        self.head.extend_from_slice(b"\r\n");
        self
    }

    /// Closes the form with a file, as [`Multipart::attach`] adds one.
    #[must_use]
    pub fn file(self, name: &str, file_name: &str, content_type: &str, bytes: Bytes) -> FinishedForm {
        self.attach(name, file_name, content_type, bytes).finish()
    }

    /// Adds a file, which is not copied. Characters that could end a header or a quoted name are escaped as browsers do.
    #[must_use]
    pub fn attach(mut self, name: &str, file_name: &str, content_type: &str, bytes: Bytes) -> Self {
        self.open_part(&format!("form-data; name=\"{}\"; filename=\"{}\"", escape(name), escape(file_name)));
        let content_type: String = content_type.chars().filter(|c| !c.is_control()).collect();
        self.head.extend_from_slice(format!("Content-Type: {content_type}\r\n\r\n").as_bytes());
        self.parts.extend([self.head.split().freeze(), bytes]);
        self.head.extend_from_slice(b"\r\n");
        self
    }

    /// Closes the form.
    #[must_use]
    pub fn finish(mut self) -> FinishedForm {
        self.head.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        self.parts.push(self.head.freeze());
        FinishedForm {
            content_type: format!("multipart/form-data; boundary={}", self.boundary),
            parts: self.parts,
        }
    }

    fn open_part(&mut self, disposition: &str) {
        self.head.extend_from_slice(
            format!("--{}\r\nContent-Disposition: {disposition}\r\n", self.boundary).as_bytes(),
        );
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart").field("bytes", &self.head.len()).finish_non_exhaustive()
    }
}

/// A form ready to be sent, as often as needed.
#[derive(Clone)]
pub struct FinishedForm {
    content_type: String,
    parts: Vec<Bytes>,
}

impl FinishedForm {
    /// The value of `Content-Type`, boundary included.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The length of the whole body in bytes.
    #[must_use]
    pub fn content_length(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// The body in pieces; the document is a piece of its own, not copied.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = Bytes> + Send {
        self.parts.into_iter().filter(|part| !part.is_empty())
    }
}

impl fmt::Debug for FinishedForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedForm").field("content_length", &self.content_length()).finish_non_exhaustive()
    }
}

/// As the HTML standard encodes names in `multipart/form-data`; other control characters are dropped.
fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' => out.push_str("%22"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(form: FinishedForm) -> String {
        let whole: Vec<u8> = form.into_parts().flat_map(|part| part.to_vec()).collect();
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn the_bytes_on_the_wire() {
        let form = Multipart::new().unwrap();
        let boundary = form.boundary.clone();
        let form = form.text("name", "Lease; 1").file(
            "file",
            "a.pdf",
            "application/pdf",
            Bytes::from_static(b"%PDF"),
        );
        assert_eq!(form.content_type(), format!("multipart/form-data; boundary={boundary}"));
        let length = form.content_length();
        let written = body(form);
        assert_eq!(written.len(), length);
        assert_eq!(
            written,
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nLease; 1\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\
                 Content-Type: application/pdf\r\n\r\n%PDF\r\n--{boundary}--\r\n"
            )
        );
    }

    #[test]
    fn a_form_without_a_file_and_one_with_an_empty_file() {
        let form = Multipart::new().unwrap();
        let boundary = form.boundary.clone();
        assert!(
            body(form.clone().text("a", "b").finish()).ends_with(&format!("\r\nb\r\n--{boundary}--\r\n"))
        );
        let empty = form.file("f", "f", "text/plain", Bytes::new());
        assert!(body(empty).ends_with(&format!("\r\n\r\n\r\n--{boundary}--\r\n")));
    }

    #[test]
    fn several_files_are_parts_of_their_own() {
        let form = Multipart::new().unwrap();
        let boundary = form.boundary.clone();
        let attach = |form: Multipart, name, text| {
            form.attach("files", name, "application/pdf", Bytes::from_static(text))
        };
        let form =
            attach(attach(form.text("payload", "{}"), "a.pdf", b"%PDF-a"), "b.pdf", b"%PDF-b").finish();
        let part = |name: &str, text: &str| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
                 Content-Type: application/pdf\r\n\r\n{text}\r\n"
            )
        };
        let payload =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{{}}\r\n");
        let expected =
            format!("{payload}{}{}--{boundary}--\r\n", part("a.pdf", "%PDF-a"), part("b.pdf", "%PDF-b"));
        assert_eq!(form.content_length(), expected.len());
        assert_eq!(body(form), expected);
    }

    #[test]
    fn names_cannot_inject_headers_or_parts() {
        let evil = "a\"\r\nContent-Type: evil\r\n\r\n\0--x";
        let form = Multipart::new().unwrap().text(evil, "v").file(
            evil,
            evil,
            "text/plain\r\nX: y",
            Bytes::from_static(b"x"),
        );
        let written = body(form);
        assert!(!written.contains("\r\nContent-Type: evil") && !written.contains("\r\nX: y"), "{written}");
        assert!(written.contains("name=\"a%22%0D%0AContent-Type: evil%0D%0A%0D%0A--x\""), "{written}");
    }

    #[test]
    fn the_document_is_not_copied_and_boundaries_differ() {
        let document = Bytes::from(vec![7_u8; 1 << 20]);
        let form = Multipart::new().unwrap().file("f", "f", "application/pdf", document.clone());
        let parts: Vec<_> = form.clone().into_parts().collect();
        assert_eq!(parts[1].as_ptr(), document.as_ptr());
        assert_ne!(form.content_type(), Multipart::new().unwrap().finish().content_type());
    }
}
