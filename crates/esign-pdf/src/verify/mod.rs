//! Verification of signed documents: every fact apart, and a verdict on top.

mod boxes;
mod byte_range;
mod changes;
mod report;
mod revisions;
mod signer;
mod signers;
mod store;
mod verdict;

use esign_core::facts::Rect;
use jiff::Timestamp;

use crate::algorithm::digest;
use crate::fields::Field;
use crate::inspect::Locate;
use crate::limits::{Work, on_big_stack};
use crate::reader::File;
use crate::signature::{SignatureValue, level};
use crate::trust::Roots;
use crate::view::View;
use crate::{Limits, PdfError};

pub use crate::revocation::{RevocationData, Unsettled};
pub use report::{
    BoxReport, Chain, Change, Coverage, Fact, Outcome, Revocation, RevocationStatus, SignatureKind,
    SignatureReport, Signer, SignerReport, StrippedSignature, TimeSource, TimestampReport, TopCertificate,
    UnreadableSignature, Verdict, VerificationReport,
};
use revisions::Revisions;
pub use signers::ExpectedSigner;
use store::Store;

/// What to verify against.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Trusted root certificates in DER, for signers and timestamp authorities alike; see
    /// [`roots_from_pem`](crate::roots_from_pem). Without any, nothing is trusted.
    pub roots: Vec<Vec<u8>>,
    /// Further roots in DER, trusted for timestamp authorities only: nobody signs a document under them.
    pub timestamp_roots: Vec<Vec<u8>>,
    /// The time to verify for where no timestamp gives a better one: usually now.
    pub at: Timestamp,
    /// When the time in a timestamp counts.
    pub timestamps: TimestampTrust,
    /// Whether revocation must be settled.
    pub revocation: RevocationPolicy,
    /// Revocation lists and OCSP responses beside those in the document: whatever the caller fetched, for the certificates
    /// that a first report leaves [`unsettled`](Revocation::unsettled). Nothing is fetched here.
    pub revocation_data: RevocationData,
    /// The document as it was sent, to see whether the signed one extends it. If it does, expected boxes and signers
    /// are looked for among the signatures that were made after it only. No timestamp answers for either.
    pub original: Option<Original>,
    /// Where signatures were asked to stand.
    pub boxes: Vec<ExpectedBox>,
    /// Who was asked to sign.
    pub signers: Vec<ExpectedSigner>,
    /// Bounds on the work.
    pub limits: Limits,
}

impl VerifyOptions {
    /// Trusts nobody, expects nothing, verifies for this time.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            roots: Vec::new(),
            timestamp_roots: Vec::new(),
            at,
            timestamps: TimestampTrust::WhenTrusted,
            revocation: RevocationPolicy::Report,
            revocation_data: RevocationData::default(),
            original: None,
            boxes: Vec::new(),
            signers: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Leaves nothing open: a timestamp counts only under a configured root, one over the whole document must lead to one, and
    /// revocation must be settled. For callers that configure the roots of timestamp authorities too.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.timestamps = TimestampTrust::WhenTrusted;
        self.revocation = RevocationPolicy::Require;
        self
    }
}

/// When the time in an intact timestamp is used as the time of signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampTrust {
    /// When its authority's certificate leads to a configured root: the default. Where a verdict needs the time of another one,
    /// because a certificate has ended or was revoked since, it is [`Verdict::Indeterminate`], and the reason names the authority
    /// and the root that the document brings along.
    WhenTrusted,
    /// From any authority. One under no configured root then bridges the expiry of a signer's certificate and nothing
    /// else: it never excuses a revocation, and the report says in [`SignatureReport::notes`] on whose word the time stands.
    /// The holder of an expired certificate's key could make such a timestamp and sign for the past.
    WhenIntact,
}

/// What missing revocation data means. A certificate that is known to be revoked never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// It is reported and does not touch the verdict: before B-LT, documents carry none.
    Report,
    /// It makes the verdict [`Verdict::Indeterminate`].
    Require,
}

/// The document as it was sent for signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

impl Original {
    /// The facts of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: sha256(bytes) }
    }

    /// True if `document` starts with the original.
    fn is_start_of(&self, document: &[u8]) -> bool {
        let start = usize::try_from(self.bytes).ok().and_then(|bytes| document.get(..bytes));
        start.is_some_and(|start| sha256(start) == self.sha256)
    }
}

/// Where a signature was asked to stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedBox {
    /// From 1.
    pub page: u32,
    /// In shown space, lower-left origin, points.
    pub rect: Rect,
    /// By how much each edge may be off, in points.
    pub tolerance: f64,
}

/// Verifies every signature in a document.
///
/// Runs on a thread of its own with a big stack and returns when it is done; it does no I/O and fetches nothing. A
/// document without signatures is not an error: its verdict is [`Verdict::Failed`] and says so.
///
/// # Errors
///
/// [`PdfError`] where the document cannot be read at all, a limit is reached, or a root is not a certificate.
pub fn verify(bytes: &[u8], options: &VerifyOptions) -> Result<VerificationReport, PdfError> {
    options.limits.check_size(bytes)?;
    on_big_stack(&options.limits, || verify_here(bytes, options))
}

fn verify_here(bytes: &[u8], options: &VerifyOptions) -> Result<VerificationReport, PdfError> {
    let limits = &options.limits;
    let roots = Roots::new(&options.roots, &options.timestamp_roots)?;
    let file = File::open(bytes, limits)?;
    let view = View::new(file.newest(), limits)?;
    let locate = Locate::new(&view, limits)?;
    let mut unreadable = Vec::new();
    let mut signed = Vec::new();
    for field in view.fields.list.iter().filter(|field| field.is_signature()) {
        match SignatureValue::of(view.doc, field) {
            None => {}
            Some(Ok(value)) => signed.push((field, value)),
            Some(Err(reason)) => {
                unreadable.push(UnreadableSignature { field: field.name.clone(), reason: reason.to_owned() });
            }
        }
    }
    if signed.len() > limits.max_signatures {
        return Err(PdfError::Limit { what: "signatures", limit: limits.max_signatures as u64 });
    }
    signed.sort_by_key(|(_, value)| value.end());
    let store = Store::read(view.doc, &options.revocation_data, limits);
    let known = store.known();
    let ends = signed.iter().filter_map(|(_, value)| value.end()).filter(|end| *end <= bytes.len());
    let mut revisions = Revisions::survey(&view, ends, limits)?;
    let mut signatures = Vec::new();
    let work = Work::new(limits);
    let values: Vec<_> = signed.iter().map(|(_, value)| value).collect();
    for (field, value) in &signed {
        let revision = Signed { bytes, view: &view, field, value };
        let mut report = signer::report(&revision, &known, &roots, options, &work);
        work.check()?;
        report.level = level(view.doc, value, &values);
        report.widgets = locate.widgets(field);
        revisions.compare_with_now(&revision, &locate, &mut report)?;
        signatures.push(report);
    }
    let stripped = revisions.stripped()?;
    file.check()?;
    let departures: Vec<_> = revisions.departures();
    let mut damage = view.damage();
    for further in departures.iter().cloned().chain(revisions.harmless()) {
        if !damage.contains(&further) {
            damage.push(further);
        }
    }
    let extends_original = options.original.as_ref().map(|original| original.is_start_of(bytes));
    let mut report = VerificationReport {
        version: 1,
        bytes: bytes.len() as u64,
        sha256: hex(&sha256(bytes)),
        at: options.at,
        extends_original,
        damage,
        departures,
        boxes: Vec::new(),
        signers: Vec::new(),
        signatures,
        unreadable,
        stripped,
        verdict: Verdict::Failed,
        reasons: Vec::new(),
        notes: Vec::new(),
    };
    verdict::of_signatures(&mut report, options);
    let sent = options.original.as_ref().filter(|_| extends_original == Some(true)).map(|sent| sent.bytes);
    let asked_for = |signature: &&SignatureReport| {
        signature.is_of_a_person() && signature.signed_bytes > sent.unwrap_or_default()
    };
    let new: Vec<_> = report.signatures.iter().filter(asked_for).collect();
    let (boxes, signers) =
        (boxes::check(&options.boxes, &new, &view.pages.facts), signers::check(&options.signers, &new));
    (report.boxes, report.signers) = (boxes, signers);
    verdict::conclude(&mut report, options);
    Ok(report)
}

/// A signed field in the document as it is now.
pub(crate) struct Signed<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) view: &'a View<'a>,
    pub(crate) field: &'a Field<'a>,
    pub(crate) value: &'a SignatureValue<'a>,
}

impl Signed<'_> {
    /// True if a dictionary in the object that holds the signature has an entry twice. Readers disagree which one counts,
    /// so one of them could see another signature than this one.
    pub(crate) fn repeats_an_entry(&self) -> bool {
        let id = self.field.value.and_then(|value| value.as_reference()).or(self.field.id);
        id.is_some_and(|id| self.view.doc.repeats_a_key(id))
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(&digest(&aws_lc_rs::digest::SHA256, &[bytes]));
    hash
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(all(test, feature = "sign"))]
mod tests;
