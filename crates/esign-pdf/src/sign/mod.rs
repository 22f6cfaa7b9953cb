//! PAdES signing (ETSI EN 319 142-1) with keys of our own: for sandboxes and tests, not for legal signatures.
//!
//! [`TestPki`] makes the certificates and issues an [`Identity`] to each signer; [`sign`] appends a signature and its
//! visible box to a PDF as an incremental update, so that every byte of the input, and with it every earlier signature,
//! stays as it was.

mod appearance;
mod cms;
mod dss;
mod error;
mod paint;
mod pki;
mod prepared;
mod sample;
mod text;
mod tsa;
mod update;

use std::fmt;

use bytes::Bytes;
use esign_core::facts::Rect;
use jiff::Timestamp;

use crate::Limits;
use crate::limits::on_big_stack;

pub use error::SignError;
pub use pki::{Identity, MARK, Subject, TestPki};
pub use sample::{SAMPLE_PLACES, sample_pdf};
pub use tsa::TimestampAuthority;

/// Bytes kept for the signature by default: what Sign with Singpass keeps, and three times what is needed here.
pub const DEFAULT_RESERVE: usize = 15_000;

/// Where and how to sign. `Debug` leaves out what may name a person.
#[derive(Clone)]
pub struct SignOptions {
    /// Name of the new signature field: not empty, no dot, not yet used in the document.
    pub field_name: String,
    /// The page of the box, from 1.
    pub page: u32,
    /// The box in the space that a person sees (see [`PageFacts::shown`](esign_core::facts::PageFacts::shown)): points,
    /// origin at the lower left. It must lie on the page. Without any area the signature is invisible.
    pub rect: Rect,
    /// Text in the box, below the signer's name, the time and the sandbox mark.
    pub lines: Vec<String>,
    /// Why it was signed (`/Reason`).
    pub reason: Option<String>,
    /// Where it was signed (`/Location`).
    pub location: Option<String>,
    /// The program that signed (`/Prop_Build /App /Name`).
    pub application: Option<String>,
    /// The time of signing, for the box, `/M` and the timestamp token.
    pub signed_at: Timestamp,
    /// Bytes kept for the signature in `/Contents`; [`DEFAULT_RESERVE`] is safe for every level.
    pub reserve: usize,
    /// How much the signature carries with it.
    pub level: Level,
}

impl SignOptions {
    /// A baseline signature with a timestamp, in this box, with nothing optional.
    #[must_use]
    pub fn new(field_name: impl Into<String>, page: u32, rect: Rect, signed_at: Timestamp) -> Self {
        Self {
            field_name: field_name.into(),
            page,
            rect,
            lines: Vec::new(),
            reason: None,
            location: None,
            application: None,
            signed_at,
            reserve: DEFAULT_RESERVE,
            level: Level::BT,
        }
    }
}

impl fmt::Debug for SignOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignOptions")
            .field("page", &self.page)
            .field("rect", &self.rect)
            .field("signed_at", &self.signed_at)
            .field("reserve", &self.reserve)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

/// PAdES baseline levels that can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A signature and its certificates.
    BB,
    /// With a timestamp of the signature: needs a [`TimestampAuthority`].
    BT,
    /// With a timestamp and, in one more incremental update, the certificates and revocation lists to check it later.
    BLT,
}

/// Signs a PDF: appends a signature field with a visible box, and nothing else.
///
/// The result starts with every byte of the input. Earlier signatures stay valid.
///
/// # Errors
/// [`SignError`] says what about the document or the options stands in the way: a document that is damaged, encrypted,
/// hybrid-referenced, shifted by bytes before its header or locked by an earlier signature is refused, never repaired.
pub fn sign(
    pdf: &Bytes,
    identity: &Identity,
    tsa: Option<&TimestampAuthority>,
    options: &SignOptions,
) -> Result<Bytes, SignError> {
    let limits = Limits::default();
    on_big_stack(&limits, || Ok(sign_here(pdf, identity, tsa, options, &limits)))?
}

fn sign_here(
    pdf: &Bytes,
    identity: &Identity,
    tsa: Option<&TimestampAuthority>,
    options: &SignOptions,
    limits: &Limits,
) -> Result<Bytes, SignError> {
    let tsa = match options.level {
        Level::BB => None,
        Level::BT | Level::BLT => Some(tsa.ok_or(SignError::NoTimestampAuthority)?),
    };
    let mut prepared = prepared::prepare(pdf, &identity.name, options, limits)?;
    let signer = cms::Signer { key: &identity.key, chain: &identity.chain };
    let signature = cms::sign(signer, cms::DATA, prepared.digest().as_ref())?;
    let timestamp = tsa.map(|tsa| tsa.token(&signature.value, options.signed_at)).transpose()?;
    prepared.embed(&signature.into_message(None, timestamp.as_deref())?)?;
    let signed = prepared.into_bytes();
    match tsa.filter(|_| options.level == Level::BLT) {
        Some(tsa) => dss::append(&signed, identity, tsa, options.signed_at, limits),
        None => Ok(signed),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use lopdf::{Dictionary, Document, Object};

    use super::*;
    use crate::inspect;
    use crate::testing::{Fixture, Style, document, plain};

    const A4: &str = "/MediaBox[0 0 595.28 841.89]";

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn options(name: &str, y: f64) -> SignOptions {
        SignOptions::new(name, 1, Rect::new(100.0, y, 220.5, 60.0), now())
    }

    fn try_sign(pdf: &Fixture, options: &SignOptions) -> Result<Bytes, SignError> {
        let pki = TestPki::generate(now())?;
        let identity = pki.issue(&Subject::new("TAN AH KOW"), now())?;
        sign(&pdf.bytes.clone().into(), &identity, Some(pki.tsa()), options)
    }

    /// Every signature dictionary, with the bytes that it says are signed.
    fn signatures(pdf: &Bytes) -> Vec<(Dictionary, Vec<u8>)> {
        let read = Document::load_mem(pdf).unwrap();
        assert!(read.xref_recovery.is_none());
        let is_signature =
            |dict: &&Dictionary| dict.get(b"Type").and_then(Object::as_name).is_ok_and(|t| t == b"Sig");
        let dictionaries =
            read.objects.values().filter_map(|object| object.as_dict().ok()).filter(is_signature);
        let signed = |dict: &Dictionary| {
            let range = dict.get(b"ByteRange").unwrap().as_array().unwrap();
            let range: Vec<_> = range.iter().map(|n| usize::try_from(n.as_i64().unwrap()).unwrap()).collect();
            let [0, length, start, rest] = range[..] else { panic!("{range:?}") };
            assert_eq!((pdf[length], pdf[start - 1]), (b'<', b'>'));
            assert!(pdf[length + 1..start - 1].iter().all(u8::is_ascii_hexdigit));
            [&pdf[..length], &pdf[start..start + rest]].concat()
        };
        dictionaries.map(|dict| (dict.clone(), signed(dict))).collect()
    }

    fn contents(signature: &Dictionary) -> &[u8] {
        signature.get(b"Contents").unwrap().as_str().unwrap()
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn everything_but_the_hole_is_signed() {
        for style in [Style::Table, Style::Stream, Style::Compressed] {
            let input = document("", &[A4], style);
            let signed = try_sign(&input, &options("v3-1", 30.0)).unwrap();
            assert!(signed.starts_with(&input.bytes) && signed.ends_with(b"%%EOF\n"), "{style:?}");
            let [(signature, covered)] = &signatures(&signed)[..] else { panic!("{style:?}") };
            assert_eq!(covered.len() + 2 * DEFAULT_RESERVE + 2, signed.len(), "{style:?}");
            assert_eq!(contents(signature).len(), DEFAULT_RESERVE);
            assert!(contains(contents(signature), digest(&SHA256, covered).as_ref()), "{style:?}");
        }
    }

    #[test]
    fn signing_again_leaves_what_was_signed_as_it_was() {
        let pki = TestPki::generate(now()).unwrap();
        let mut pdf: Bytes = plain().bytes.into();
        for (n, level) in [Level::BB, Level::BT, Level::BLT, Level::BLT].into_iter().enumerate() {
            let identity = pki.issue(&Subject::new("TAN AH KOW"), now()).unwrap();
            let mut options = options(&format!("v3-{n}"), 30.0 + 70.0 * n as f64);
            options.level = level;
            let signed = sign(&pdf, &identity, Some(pki.tsa()), &options).unwrap();
            assert!(signed.starts_with(&pdf));
            pdf = signed;
            let all = signatures(&pdf);
            assert_eq!(all.len(), n + 1);
            for (signature, covered) in all {
                assert!(contains(contents(&signature), digest(&SHA256, &covered).as_ref()));
            }
        }
        let facts = inspect(&pdf, &Limits::default()).unwrap();
        assert!(facts.damage.is_empty());
        assert_eq!(facts.revisions.len(), 1 + 4 + 2);
        let names: Vec<_> = facts.signatures.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["v3-0", "v3-1", "v3-2", "v3-3"]);
    }
}
