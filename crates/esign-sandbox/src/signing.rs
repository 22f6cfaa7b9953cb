//! Real signatures by a test certificate authority.

use bytes::Bytes;
use esign_pdf::facts::{PdfFacts, Size};
use esign_pdf::sign::{Identity, SignError, SignOptions, Subject, TestPki, sign};
use esign_pdf::{Limits, PdfError, inspect};
use jiff::Timestamp;

/// The visible box of Sign with Singpass, in points (measured on a signed sample of its staging service).
pub(crate) const BOX: Size = Size { width: 220.5, height: 60.0 };

/// The longest name that a certificate can carry (X.520, upper bound of common names).
pub(crate) const MAX_SIGNER_NAME: usize = 64;

pub(crate) struct Signing {
    pki: TestPki,
}

impl Signing {
    pub(crate) fn new(now: Timestamp) -> Result<Self, SignError> {
        Ok(Self { pki: TestPki::generate(now)? })
    }

    pub(crate) fn root_pem(&self) -> &str {
        self.pki.root_pem()
    }

    /// A key and certificate in the person's name.
    pub(crate) fn issue(&self, subject: &Subject, now: Timestamp) -> Result<Identity, SignError> {
        self.pki.issue(subject, now)
    }

    /// Appends a PAdES signature with a timestamp. Takes milliseconds of computing: not for an async task.
    pub(crate) fn sign(
        &self,
        pdf: &Bytes,
        signer: &Identity,
        options: &SignOptions,
    ) -> Result<Bytes, SignError> {
        sign(pdf, signer, Some(self.pki.tsa()), options)
    }
}

/// Why a PDF is no good for signing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsignable {
    #[error(transparent)]
    Unreadable(#[from] PdfError),
    #[error("the PDF is {0}")]
    Is(&'static str),
}

/// Reads a PDF that is to be signed, and refuses what [`Signing::sign`] could not sign later.
pub(crate) fn signable(pdf: &[u8]) -> Result<PdfFacts, Unsignable> {
    let facts = inspect(pdf, &Limits::default())?;
    let locked = facts.certification.as_ref().is_some_and(|certification| certification.permission == 1)
        || facts
            .signatures
            .iter()
            .filter(|field| field.signature.is_some())
            .any(|field| field.lock.as_ref().is_some_and(|lock| lock.permission == Some(1)));
    let obstacles = [
        (facts.encrypted, "encrypted"),
        (!facts.damage.is_empty(), "damaged"),
        (facts.header_offset > 0, "shifted by bytes before its header"),
        (facts.is_hybrid(), "hybrid-referenced"),
        (facts.xfa.is_some_and(|xfa| xfa == esign_pdf::facts::Xfa::Dynamic), "a dynamic XFA form"),
        (locked, "locked by an earlier signature"),
    ];
    match obstacles.into_iter().find(|(is, _)| *is) {
        Some((_, obstacle)) => Err(Unsignable::Is(obstacle)),
        None => Ok(facts),
    }
}
