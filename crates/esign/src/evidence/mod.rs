//! One archive with everything that shows, years later and offline, what was sent, who signed it and what came back.

mod archive;
mod callback;
mod check;

use std::collections::BTreeSet;

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{
    Artifact, ArtifactId, CallbackEvidence, Error, ErrorKind, Result, Sha256Hash, SubmissionRecord,
};
use esign_pdf::VerifyOptions;
use serde::{Deserialize, Serialize};

use crate::verification::{sent_document, verify_against_record};

pub use check::{CallbackCheck, DocumentCheck, EvidenceReport, check_evidence, check_evidence_with_keys};

/// What goes into an archive: the record, the signed PDFs, and whatever else there is.
///
/// ```
/// # use esign::{Artifact, ArtifactId, CallbackEvidence, Evidence, SubmissionRecord, pdf::VerifyOptions};
/// # async fn keep(record: SubmissionRecord, signed: Artifact, original: bytes::Bytes, webhook: CallbackEvidence,
/// #     options: VerifyOptions) -> esign::Result<()> {
/// let packed = Evidence::new(record).signed(signed).original("document", original).callback(webhook).pack(&options).await?;
/// std::fs::write("lease.evidence.zip", &packed.archive).unwrap();
/// // Years later:
/// let report = esign::check_evidence(packed.archive, &options).await?;
/// assert_eq!(report.problems, Vec::<String>::new());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Evidence {
    record: SubmissionRecord,
    signed: Vec<Artifact>,
    originals: Vec<(String, Bytes)>,
    provider: Vec<Artifact>,
    callbacks: Vec<CallbackEvidence>,
}

/// An archive, and what is wrong with what went into it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackedEvidence {
    /// A ZIP archive without compression. The same content gives the same bytes.
    pub archive: Bytes,
    /// Why a signed PDF in it is not good, in words; they are evidence all the same.
    pub problems: Vec<String>,
}

impl Evidence {
    /// Evidence of this submission.
    #[must_use]
    pub fn new(record: SubmissionRecord) -> Self {
        Self {
            record,
            signed: Vec::new(),
            originals: Vec::new(),
            provider: Vec::new(),
            callbacks: Vec::new(),
        }
    }

    /// Adds a signed PDF: [`ArtifactId::SIGNED`], of a document of the record if there are several.
    #[must_use]
    pub fn signed(mut self, artifact: Artifact) -> Self {
        self.signed.push(artifact);
        self
    }

    /// Adds a document as it was sent, by its key. Without it, its hash in the record stands for it.
    #[must_use]
    pub fn original(mut self, document: impl Into<String>, content: impl Into<Bytes>) -> Self {
        self.originals.push((document.into(), content.into()));
        self
    }

    /// Adds the provider's own evidence.
    #[must_use]
    pub fn provider_evidence(mut self, artifact: Artifact) -> Self {
        self.provider.push(artifact);
        self
    }

    /// Adds a callback that was accepted.
    #[must_use]
    pub fn callback(mut self, callback: CallbackEvidence) -> Self {
        self.callbacks.push(callback);
        self
    }

    /// Verifies what is there and packs it, with the reports and a manifest of every file's hash. The time of `options` is
    /// the archive's; its roots are not packed, because trust must come from whoever checks.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] without a signed PDF, with two of one document, or if one cannot be read; [`ErrorKind::Integrity`] if an original is
    /// not what the record says was sent; [`ErrorKind::BadHandle`] for a document that the record does not list.
    pub async fn pack(self, options: &VerifyOptions) -> Result<PackedEvidence> {
        if self.signed.is_empty() {
            return Err(Error::new(ErrorKind::Document, "evidence needs the signed PDF; download it first"));
        }
        let signed =
            self.signed.iter().map(|artifact| Ok(&sent_document(self.record.intent(), &artifact.id)?.key));
        only_one_each("signed PDFs", signed.collect::<Result<Vec<_>>>()?)?;
        let mut files = Files::default();
        let mut problems = Vec::new();
        files.add("record.json", Holds::Record, None, self.record.to_json().into());
        for (number, artifact) in (1..).zip(&self.signed) {
            let key = sent_document(self.record.intent(), &artifact.id)?.key.clone();
            let checked = verify_against_record(&self.record, artifact, options.clone()).await?;
            problems.extend(checked.problems.iter().map(|problem| format!("document {key}: {problem}")));
            let report = written(&checked.report)?;
            let path = |name: &str| format!("documents/{number}/{name}");
            files.add(path("signed.pdf"), Holds::Signed, Some(&key), artifact.content.clone());
            files.add(path("report.json"), Holds::Report, Some(&key), report.into());
        }
        for (number, (key, content)) in (1..).zip(&self.originals) {
            let sent = sent_document(self.record.intent(), &ArtifactId::ORIGINAL.of_document(key))?;
            if sent.sha256 != Sha256Hash::of(content) {
                let message = format!("the original of document {key} is not what the record says was sent");
                return Err(Error::new(ErrorKind::Integrity, message));
            }
            files.add(format!("originals/{number}.pdf"), Holds::Original, Some(key), content.clone());
        }
        only_one_each("originals", self.originals.iter().map(|(key, _)| key))?;
        for (number, artifact) in (1..).zip(&self.provider) {
            let path = format!("provider/{number}.bin");
            let id = artifact.id.as_str();
            files.add(path, Holds::ProviderEvidence, Some(id), artifact.content.clone());
        }
        for (number, callback) in (1..).zip(&self.callbacks) {
            files.add(format!("callbacks/{number}/body"), Holds::Callback, None, callback.body.clone());
            let receipt = callback.receipt();
            files.add(format!("callbacks/{number}/receipt.json"), Holds::Receipt, None, receipt.into());
        }
        let archive = files.into_archive(options.at)?;
        Ok(PackedEvidence { archive, problems })
    }
}

fn only_one_each<'a>(what: &str, keys: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key) {
            let message = format!("there are two {what} of document {key}; an archive holds one of each");
            return Err(Error::new(ErrorKind::Document, message));
        }
    }
    Ok(())
}

const MANIFEST_VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// The list of all files. Stored for ever, so fields are only ever added.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    evidence: u32,
    created_at: Timestamp,
    software: String,
    files: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    path: String,
    holds: Holds,
    /// A document's key, or an artifact's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    bytes: u64,
    sha256: Sha256Hash,
}

/// What a file of the archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Holds {
    Record,
    Original,
    Signed,
    Report,
    ProviderEvidence,
    Callback,
    Receipt,
}

impl Holds {
    /// What a file at this place is, and which of its kind.
    fn at(path: &str) -> Option<(Self, u32)> {
        let parts: Vec<_> = path.split('/').collect();
        let number = |text: &str| {
            let number: u32 = text.parse().ok()?;
            // As it is written here: no sign, no zeroes before it.
            (number > 0 && number.to_string() == text).then_some(number)
        };
        Some(match parts[..] {
            ["record.json"] => (Self::Record, 1),
            ["documents", at, "signed.pdf"] => (Self::Signed, number(at)?),
            ["documents", at, "report.json"] => (Self::Report, number(at)?),
            ["originals", at] => (Self::Original, number(at.strip_suffix(".pdf")?)?),
            ["provider", at] => (Self::ProviderEvidence, number(at.strip_suffix(".bin")?)?),
            ["callbacks", at, "body"] => (Self::Callback, number(at)?),
            ["callbacks", at, "receipt.json"] => (Self::Receipt, number(at)?),
            _ => return None,
        })
    }
}

#[derive(Default)]
struct Files {
    entries: Vec<Entry>,
    contents: Vec<Bytes>,
}

impl Files {
    fn add(&mut self, path: impl Into<String>, holds: Holds, of: Option<&str>, content: Bytes) {
        let (bytes, sha256) = (content.len() as u64, Sha256Hash::of(&content));
        self.entries.push(Entry { path: path.into(), holds, of: of.map(str::to_owned), bytes, sha256 });
        self.contents.push(content);
    }

    /// The manifest stands first, for whoever opens the archive by hand.
    fn into_archive(self, created_at: Timestamp) -> Result<Bytes> {
        let paths: Vec<_> = self.entries.iter().map(|entry| entry.path.clone()).collect();
        let software = concat!("esign ", env!("CARGO_PKG_VERSION")).to_owned();
        let manifest = Manifest { evidence: MANIFEST_VERSION, created_at, software, files: self.entries };
        let manifest = written(&manifest)?;
        let files = paths.iter().map(String::as_str).zip(&self.contents);
        archive::write(std::iter::once((MANIFEST, &Bytes::from(manifest))).chain(files))
    }
}

/// An archive with an empty report in it would prove nothing.
fn written(part: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(part)
        .map_err(|_| Error::new(ErrorKind::Internal, "a part of the evidence has no JSON form"))
}

#[cfg(test)]
mod tests;
