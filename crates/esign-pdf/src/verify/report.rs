//! What verification found: separate facts, and a verdict on top of them.

use std::fmt;

use esign_core::Personal;
use esign_core::facts::{Rect, SignatureLevel, Widget};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::revocation::Unsettled;

/// Everything that was found out about a signed document. Serialises as version 1; fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerificationReport {
    /// Version of this structure: 1.
    pub version: u32,
    /// Size of the document in bytes.
    pub bytes: u64,
    /// SHA-256 of the document, hexadecimal.
    pub sha256: String,
    /// The time that the caller asked to verify for.
    pub at: Timestamp,
    /// True if the document starts with the original, byte for byte; `None` if no original was given. False is a
    /// fact, not a fault: some providers rewrite the file.
    pub extends_original: Option<bool>,
    /// What is wrong with the structure of the file.
    pub damage: Vec<String>,
    /// What of the damage may make viewers show something else than what was judged; with any, the verdict is at best
    /// [`Verdict::Indeterminate`].
    #[serde(default)]
    pub departures: Vec<String>,
    /// The signatures and document timestamps, oldest first.
    pub signatures: Vec<SignatureReport>,
    /// Fields that hold a signature which cannot be read.
    pub unreadable: Vec<UnreadableSignature>,
    /// Signatures of earlier revisions that the last one no longer has.
    pub stripped: Vec<StrippedSignature>,
    /// One for every box that was expected.
    pub boxes: Vec<BoxReport>,
    /// One for every signer who was expected.
    #[serde(default)]
    pub signers: Vec<SignerReport>,
    /// The conclusion for the whole document: that of its worst signature, and failed without any.
    pub verdict: Verdict,
    /// Why the verdict is not [`Verdict::Passed`], in words.
    pub reasons: Vec<String>,
    /// What a reader of the verdict must know although it does not change it, in words: those of the signatures, and what
    /// concerns the whole document.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A conclusion, in the sense of ETSI EN 319 102-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was checked holds.
    Passed,
    /// Nothing is wrong, but something that matters could not be established, such as trust.
    Indeterminate,
    /// Something is wrong.
    Failed,
}

/// One signature or document timestamp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignatureReport {
    /// Full name of its field.
    pub field: String,
    /// What it is.
    pub kind: SignatureKind,
    /// `/SubFilter`.
    pub sub_filter: String,
    /// The PAdES baseline level that the parts present amount to; B-LTA only with a timestamp over the document that holds and
    /// whose authority leads to a configured root.
    pub level: SignatureLevel,
    /// Where it appears, in shown space.
    pub widgets: Vec<Widget>,
    /// The time that the signer claims (`/M`); nobody vouches for it.
    pub claimed_time: Option<Timestamp>,
    /// The signed bytes and the signature value belong together.
    pub integrity: Fact,
    /// The signature names the certificate it was made with (ESS signing-certificate).
    pub binding: Fact,
    /// The certificate that the signature was made with, trusted or not.
    pub signer: Option<Signer>,
    /// The signature timestamp; for a document timestamp, itself.
    pub timestamp: Option<TimestampReport>,
    /// The path from the signer's certificate to a configured root.
    pub chain: Chain,
    /// What the revocation data in the document says of the signer's certificate and those above it.
    pub revocation: Revocation,
    /// Whether it covers the whole file.
    pub coverage: Coverage,
    /// The end of the signed bytes.
    pub signed_bytes: u64,
    /// What was changed after it, object by object.
    pub changes: Vec<Change>,
    /// The conclusion for this signature.
    pub verdict: Verdict,
    /// Why the verdict is not [`Verdict::Passed`], in words.
    pub reasons: Vec<String>,
    /// What a reader of the verdict must know although it does not change it, in words: on whose word a time stands.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl SignatureReport {
    /// True unless it is a document timestamp: a document timestamp answers for no person.
    #[must_use]
    pub fn is_of_a_person(&self) -> bool {
        self.kind != SignatureKind::DocumentTimestamp
    }
}

/// What a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureKind {
    /// Somebody's signature.
    Approval,
    /// Somebody's signature that also says what may still change (DocMDP).
    Certification,
    /// A timestamp over the document.
    DocumentTimestamp,
}

/// One established or not established thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// How it turned out.
    pub outcome: Outcome,
    /// In words, where there is more to say.
    pub detail: Option<String>,
}

impl Fact {
    pub(crate) fn passed() -> Self {
        Self { outcome: Outcome::Passed, detail: None }
    }

    pub(crate) fn failed(detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, detail: Some(detail.into()) }
    }

    pub(crate) fn unknown(detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Unknown, detail: Some(detail.into()) }
    }

    /// True if it is established.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// True if the opposite is established.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }
}

/// How a check turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It could not be established.
    Unknown,
}

/// A signer's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signer {
    /// The subject's common name: personal data.
    pub common_name: Option<Personal>,
    /// The last four characters of the first word of the subject's serial number (X.520): where certificates of
    /// persons have the end of the national id. Personal data.
    #[serde(default)]
    pub id_end: Option<Personal>,
    /// The issuer's common name.
    pub issuer: Option<String>,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// From when the certificate is valid.
    pub not_before: Timestamp,
    /// Until when the certificate is valid.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
}

/// A timestamp by a third party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TimestampReport {
    /// When, according to the timestamp authority.
    pub time: Option<Timestamp>,
    /// The common name in the authority's certificate, trusted or not.
    #[serde(default)]
    pub authority: Option<String>,
    /// The token is about this signature and its own signature holds.
    pub integrity: Fact,
    /// The path from the authority's certificate to a configured root, at the time of the token.
    pub chain: Fact,
    /// What the document brings along above the authority, where that path does not stand.
    #[serde(default)]
    pub top: Option<TopCertificate>,
    /// What the revocation data in the document says of the authority's certificate and those above it.
    pub revocation: Revocation,
}

/// The path of the signer's certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Chain {
    /// Whether there is one.
    pub trusted: Fact,
    /// The time that it was checked for.
    pub at: Timestamp,
    /// Where that time comes from.
    pub time_source: TimeSource,
    /// The common name of the root it ends in.
    pub root: Option<String>,
    /// True if the chain would stand at the time of the timestamp, whose authority leads to no configured root, and does not
    /// at `at`: a certificate of it has ended or was revoked since. Configure the root of the authority to settle it.
    #[serde(default)]
    pub needs_timestamp: bool,
    /// What the document brings along above the signer's certificate, where the chain does not stand.
    #[serde(default)]
    pub top: Option<TopCertificate>,
}

/// The highest certificate that a document brings along above another one: what could be configured as a root, once
/// its fingerprint is compared with one from another source. The document itself is no reason to trust it. `Debug` leaves the
/// certificate out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TopCertificate {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The issuer's common name.
    pub issuer: Option<String>,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// It is its own issuer: a root. If not, the root is not in the document.
    pub self_signed: bool,
    /// The certificate in DER; not part of the stored report.
    #[serde(skip)]
    pub der: Vec<u8>,
}

impl fmt::Debug for TopCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { common_name, issuer, sha256, self_signed, der: _ } = self;
        let mut shown = f.debug_struct("TopCertificate");
        shown.field("common_name", common_name).field("issuer", issuer).field("sha256", sha256);
        shown.field("self_signed", self_signed).finish_non_exhaustive()
    }
}

/// Where the time comes from that a certificate path is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// A timestamp whose authority leads to a configured root.
    Timestamp,
    /// A timestamp that is intact but whose authority leads to no configured root. It is asked only with
    /// [`TimestampTrust::WhenIntact`](super::TimestampTrust::WhenIntact), and where it is against the signature itself.
    UntrustedTimestamp,
    /// The caller.
    Caller,
}

/// What is known about revocation, from the document's own security store; nothing is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The status.
    pub status: RevocationStatus,
    /// In words, where there is more to say.
    pub detail: Option<String>,
    /// What could be asked elsewhere; not part of the stored report.
    #[serde(skip)]
    pub unsettled: Vec<Unsettled>,
}

/// A revocation status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationStatus {
    /// An answer signed by the right party says that the certificate was good: one in the document, or of
    /// [`VerifyOptions::revocation_data`](super::VerifyOptions::revocation_data).
    Good,
    /// Such an answer says that it was revoked before the time of signing.
    Revoked,
    /// There are answers, but none that counts for this certificate.
    Unknown,
    /// There is no revocation data, or there is no trusted path to check.
    NotChecked,
}

/// How much of the file a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// All of it, up to white space at the end.
    WholeFile,
    /// Up to the end of an earlier revision; what came later is in [`SignatureReport::changes`].
    Revision,
}

/// Something that differs between the signed revision and the file as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Whether such a change leaves the signature's meaning alone: validation data, further signatures, metadata.
    pub allowed: bool,
    /// What was changed, in words.
    pub what: String,
    /// The number of the object, where one can be named.
    pub object: Option<u32>,
    /// True if a reader of the verdict must know of it although it is allowed: a new box that covers something, a field that
    /// may not show its value.
    #[serde(default)]
    pub remarkable: bool,
}

impl Change {
    pub(crate) fn forbidden(what: impl Into<String>, object: Option<u32>) -> Self {
        Self { allowed: false, what: what.into(), object, remarkable: false }
    }

    pub(crate) fn allowed(what: impl Into<String>, object: Option<u32>) -> Self {
        Self { allowed: true, ..Self::forbidden(what, object) }
    }
}

/// A signed field whose signature cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableSignature {
    /// Full name of the field.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// A signature that an earlier revision had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrippedSignature {
    /// Full name of its field, if it could be read.
    pub field: Option<String>,
    /// Where its `/ByteRange` stands in the file.
    pub offset: u64,
}

/// Whether a signature stands where it was asked to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BoxReport {
    /// From 1.
    pub page: u32,
    /// Where it was asked, in shown space.
    pub asked: Rect,
    /// The signed field that stands there.
    pub field: Option<String>,
    /// The box nearest to it on that page, whether it is near enough or not.
    pub found: Option<Rect>,
    /// True if the page is rotated, cropped, shifted or scaled, where services place boxes differently: a signature that
    /// stands elsewhere on such a page is noted and does not touch the verdict.
    #[serde(default)]
    pub uncertain: bool,
}

/// Whether somebody who was expected has signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignerReport {
    /// The name that was asked for: personal data.
    pub name: Personal,
    /// The field of the signature that answers for them, where there is one.
    pub field: Option<String>,
    /// A signature of that name stands, new and passed.
    pub signed: Fact,
    /// The last characters of the national id are those in its certificate; `None` if none were asked for.
    pub id_end: Option<Fact>,
}
