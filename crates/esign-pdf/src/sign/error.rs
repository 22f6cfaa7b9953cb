//! What stands in the way of signing.

use crate::PdfError;

/// Why a document could not be signed. No variant carries text from the document or a person's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A signature of level B-T or B-LT was asked for without an authority to timestamp it.
    #[error("this level needs a timestamp: pass a timestamp authority or ask for level B-B")]
    NoTimestampAuthority,
    /// The subject has no name.
    #[error("the signer has no name: set the common name")]
    EmptyName,
    /// A certificate, revocation list or signature could not be made.
    #[error("a certificate or signature could not be made: {0}")]
    Certificate(String),
    /// The file cannot be read at all.
    #[error(transparent)]
    Document(#[from] PdfError),
    /// The file had to be repaired to be read, and a signature would be over something else than what is shown.
    #[error("the PDF is damaged ({0}): save it anew with the program that made it")]
    Damaged(String),
    /// The file is encrypted.
    #[error("the PDF is encrypted: remove the encryption before signing")]
    Encrypted,
    /// The file has hybrid cross-references, which two readers may read in two ways.
    #[error("the PDF has hybrid cross-references: save it anew without them")]
    Hybrid,
    /// There are bytes before the header, so that no offset in the file is right.
    #[error("the PDF starts with bytes that do not belong to it: remove what stands before %PDF-")]
    HeaderOffset,
    /// The pages exist only in a form reader (XFA).
    #[error("the PDF is a dynamic XFA form: print it to a plain PDF first")]
    DynamicForm,
    /// An earlier signature forbids any change.
    #[error("an earlier signature locks the PDF: no more signatures are allowed")]
    Locked,
    /// The field name cannot be used.
    #[error("the field name must not be empty and must not contain a dot")]
    BadFieldName,
    /// There is a field of this name already.
    #[error("the PDF already has a field of this name: choose another")]
    FieldNameTaken,
    /// A file to embed has no name, or the name of one that is there.
    #[error("a file to embed needs a name that no other embedded file of the PDF has")]
    AttachmentName,
    /// There is no such page.
    #[error("there is no page {page}: the PDF has {pages}")]
    NoSuchPage {
        /// The page asked for, from 1.
        page: u32,
        /// How many there are.
        pages: usize,
    },
    /// The box is not a rectangle on the page as shown.
    #[error("the box does not lie on page {page}, which is shown as {width:.2} x {height:.2} points")]
    BoxOutside {
        /// The page asked for, from 1.
        page: u32,
        /// Width of the page as shown, in points.
        width: f64,
        /// Height of the page as shown, in points.
        height: f64,
    },
    /// The document's structure does not allow the signature to be added.
    #[error("the PDF's structure does not allow a signature to be added: {0}")]
    Structure(&'static str),
    /// The signature needs more bytes than were kept for it.
    #[error("the signature needs {needed} bytes, {reserved} were kept for it: raise the reserve")]
    ReserveTooSmall {
        /// Bytes that the signature has.
        needed: usize,
        /// Bytes that were kept.
        reserved: usize,
    },
    /// More was to be kept for the signature than any signature needs.
    #[error("a signature may have at most {limit} bytes: lower the reserve")]
    ReserveTooLarge {
        /// Most bytes that can be kept.
        limit: usize,
    },
}

impl SignError {
    /// Every signer here comes with its own certificate; this is for the compiler.
    pub(super) fn no_certificate() -> Self {
        Self::Certificate("the signer has no certificate".to_owned())
    }
}

impl From<rcgen::Error> for SignError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}
