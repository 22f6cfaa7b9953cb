//! What can go wrong with a PDF, in words that say what to do next.

use esign_core::ErrorKind;

/// Why a document cannot be read, verified or worked on.
///
/// No variant carries bytes, names or text out of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PdfError {
    /// No `%PDF-` header within the first kilobyte.
    #[error("this is not a PDF: no %PDF- header within the first 1024 bytes; send the PDF file itself")]
    NotPdf,
    /// Larger than the caller's cap.
    #[error("the document has {bytes} bytes, the limit is {limit}; send a smaller file or raise max_bytes")]
    TooLarge {
        /// Size of the document.
        bytes: u64,
        /// The caller's cap.
        limit: u64,
    },
    /// One of [`Limits`](crate::Limits) was reached: the document is huge or made to exhaust its reader.
    #[error(
        "the document exceeds the limit of {limit} for {what}; save it afresh from the program that made it, or raise the limit"
    )]
    Limit {
        /// Which limit, in words.
        what: &'static str,
        /// Its value.
        limit: u64,
    },
    /// The structure is too broken to be read.
    #[error("the document cannot be read: {0}; open it in the program that made it and save it again")]
    Unreadable(&'static str),
    /// A password is needed even to read it.
    #[error("the document is encrypted and needs a password; remove the password protection first")]
    Encrypted,
    /// The page tree is empty or missing.
    #[error("the document has no pages; open it in the program that made it and save it again")]
    NoPages,
    /// A page without a usable `/MediaBox`, its own or inherited: its size is not known and is not guessed.
    #[error(
        "page {page} has no usable MediaBox, so its size is unknown; save the document again from the program that made it"
    )]
    NoMediaBox {
        /// From 1.
        page: u32,
    },
    /// There is no such page.
    #[error("the document has no page {page}; pages count from 1")]
    NoPage {
        /// The page that was asked for.
        page: u32,
    },
    /// No box of the request is known on this document, so there is nothing to draw.
    #[error(
        "no box of the request is known on this document; place signatures by position, text or form field"
    )]
    NoBox,
    /// A trusted root certificate cannot be used.
    #[error("the trusted root certificates cannot be read: {0}; give PEM blocks of type CERTIFICATE, or DER")]
    BadRoots(&'static str),
    /// No thread could be started, or the parser panicked: a defect, not the caller's fault.
    #[error(
        "the PDF reader failed on this document: {0}; please report it, with the document if you may share it"
    )]
    Internal(&'static str),
}

impl From<PdfError> for esign_core::Error {
    fn from(error: PdfError) -> Self {
        let kind = match error {
            PdfError::TooLarge { .. } => ErrorKind::TooLarge,
            PdfError::BadRoots(_) => ErrorKind::Config,
            PdfError::Internal(_) => ErrorKind::Internal,
            PdfError::NotPdf
            | PdfError::Limit { .. }
            | PdfError::Unreadable(_)
            | PdfError::Encrypted
            | PdfError::NoPages
            | PdfError::NoMediaBox { .. } => ErrorKind::Document,
            PdfError::NoPage { .. } | PdfError::NoBox => ErrorKind::InvalidRequest,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_kind_and_their_advice() {
        for (error, kind) in [
            (PdfError::NotPdf, ErrorKind::Document),
            (PdfError::TooLarge { bytes: 2, limit: 1 }, ErrorKind::TooLarge),
            (PdfError::NoMediaBox { page: 3 }, ErrorKind::Document),
            (PdfError::BadRoots("no certificate"), ErrorKind::Config),
        ] {
            let words = error.to_string();
            let neutral = esign_core::Error::from(error);
            assert_eq!((neutral.kind(), neutral.message()), (kind, words.as_str()));
            assert!(words.contains(';'), "says what to do: {words}");
        }
    }
}
