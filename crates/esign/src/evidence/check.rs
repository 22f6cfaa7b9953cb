//! Checking an archive: offline, and believing nothing in it that does not prove itself.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{
    Artifact, ArtifactId, CallbackEvidence, Error, ErrorKind, MediaType, Result, Sha256Hash, SubmissionRecord,
};
use esign_pdf::verify::Verdict;
use esign_pdf::{VerificationReport, VerifyOptions};
use serde::Serialize;

use super::callback::{self, Outcome};
use super::{Entry, Holds, MANIFEST, MANIFEST_VERSION, Manifest, archive};
use crate::inspector::compute;
use crate::verification::{sent_document, verify_against_record};

/// What an archive proves.
///
/// Signatures prove themselves under the roots of whoever checks; callbacks under the keys that were kept with them, which
/// are to be compared with those that the provider publishes. The manifest only shows that nothing was changed by accident:
/// whoever can change the archive can change its manifest, so keep the archive's own hash somewhere else.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EvidenceReport {
    /// When it was packed, by the clock of whoever packed it.
    pub created_at: Timestamp,
    /// What packed it.
    pub software: String,
    /// The signed PDFs, verified anew against the record in the archive.
    pub documents: Vec<DocumentCheck>,
    /// The callbacks, verified anew.
    pub callbacks: Vec<CallbackCheck>,
    /// Why the archive is not good, in words; empty if it is.
    pub problems: Vec<String>,
    /// What a reader must know although the archive is good.
    pub notes: Vec<String>,
}

impl EvidenceReport {
    /// True if every file is what the manifest says, every signed PDF is what the record says and holds today, and every
    /// callback holds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A signed PDF in an archive.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DocumentCheck {
    /// Its key in the record.
    pub document: String,
    /// Whether the archive has the original, and it is what the record says was sent.
    pub original: Option<bool>,
    /// The verdict when it was packed.
    pub verdict_then: Option<Verdict>,
    /// What was found out today.
    pub report: VerificationReport,
}

/// A callback in an archive.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CallbackCheck {
    /// The beginning of the SHA-256 of its body.
    pub sha256: String,
    /// When it was received, by the clock of whoever received it.
    pub received_at: Timestamp,
    /// Whether its signature holds; `None` if that cannot be known from what was kept.
    pub holds: Option<bool>,
    /// RFC 7638 thumbprint of the key that it holds under.
    pub key: Option<String>,
}

/// Checks an archive of [`Evidence`](super::Evidence). Fetches nothing and writes nothing.
///
/// # Errors
/// [`ErrorKind::Verification`] if it is no such archive at all, or made to deceive: names that lead out of it, two files of one
/// name, compressed content. What is wrong with a readable one is in [`EvidenceReport::problems`]. [`ErrorKind::Config`] for a
/// root that is no certificate.
pub async fn check_evidence(archive: Bytes, options: &VerifyOptions) -> Result<EvidenceReport> {
    let mut files = compute(move || archive::read(&archive)).await??;
    let manifest = files.remove(MANIFEST).ok_or_else(|| refuse("it has no manifest.json"))?;
    let manifest = read_manifest(&manifest)?;
    let mut report = EvidenceReport {
        created_at: manifest.created_at,
        software: manifest.software.clone(),
        documents: Vec::new(),
        callbacks: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
    };
    compare(&manifest, &files, &mut report.problems);
    let content = Content { entries: &manifest.files, files: &files };
    match content.record() {
        Ok(record) => {
            content.documents(&record, options, &mut report).await?;
            content.callbacks(record.provider_id(), &mut report);
        }
        Err(problem) => report.problems.push(problem),
    }
    Ok(report)
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest> {
    #[derive(serde::Deserialize)]
    struct Version {
        evidence: u32,
    }
    let version =
        serde_json::from_slice::<Version>(bytes).map_err(|_| refuse("its manifest cannot be read"))?;
    if version.evidence != MANIFEST_VERSION {
        let words = format!(
            "it is of version {}, and this version of esign reads version {MANIFEST_VERSION}",
            version.evidence
        );
        return Err(refuse(&words));
    }
    serde_json::from_slice(bytes).map_err(|_| refuse("its manifest cannot be read"))
}

fn refuse(why: &str) -> Error {
    Error::new(ErrorKind::Verification, format!("this is no evidence archive that can be believed: {why}"))
}

/// Every file is listed once, and is what the list says.
fn compare(manifest: &Manifest, files: &BTreeMap<String, Bytes>, problems: &mut Vec<String>) {
    let mut listed = BTreeSet::new();
    for entry in &manifest.files {
        let path = &entry.path;
        if !listed.insert(path.as_str()) {
            problems.push(format!("the manifest lists {path} twice"));
        }
        match files.get(path) {
            None => problems.push(format!("{path} is missing")),
            Some(content)
                if content.len() as u64 != entry.bytes || Sha256Hash::of(content) != entry.sha256 =>
            {
                problems.push(format!("{path} is not the file that the manifest lists"));
            }
            Some(_) => {}
        }
    }
    let extra = files.keys().filter(|path| !listed.contains(path.as_str()));
    problems.extend(extra.map(|path| format!("{path} is not in the manifest")));
}

struct Content<'a> {
    entries: &'a [Entry],
    files: &'a BTreeMap<String, Bytes>,
}

impl<'a> Content<'a> {
    fn all(&self, holds: Holds) -> impl Iterator<Item = (&'a Entry, &'a Bytes)> {
        let entries = self.entries.iter().filter(move |entry| entry.holds == holds);
        entries.filter_map(|entry| Some((entry, self.files.get(&entry.path)?)))
    }

    /// The file of this sort that belongs to a document.
    fn of(&self, holds: Holds, document: &str) -> Option<&'a Bytes> {
        let found = self.all(holds).find(|(entry, _)| entry.of.as_deref() == Some(document));
        found.map(|(_, content)| content)
    }

    fn record(&self) -> Result<SubmissionRecord, String> {
        let mut records = self.all(Holds::Record);
        let record = match (records.next(), records.next()) {
            (Some((_, record)), None) => record,
            (None, _) => return Err("there is no submission record".to_owned()),
            (Some(_), Some(_)) => return Err("there are two submission records".to_owned()),
        };
        let text = std::str::from_utf8(record).map_err(|_| "the submission record is not text".to_owned())?;
        SubmissionRecord::from_json(text).map_err(|e| format!("the submission record: {e}"))
    }

    async fn documents(
        &self,
        record: &SubmissionRecord,
        options: &VerifyOptions,
        report: &mut EvidenceReport,
    ) -> Result<()> {
        for sent in record.intent().documents() {
            let key = &sent.key;
            let original =
                self.of(Holds::Original, key).map(|content| Sha256Hash::of(content) == sent.sha256);
            match original {
                Some(false) => {
                    report
                        .problems
                        .push(format!("document {key}: the original is not what the record says was sent"));
                }
                Some(true) => {}
                None => {
                    report.notes.push(format!("document {key}: the original is not in it, only its hash"))
                }
            }
            let Some(signed) = self.of(Holds::Signed, key) else {
                if sent.media_type == MediaType::PDF {
                    report.problems.push(format!("document {key}: there is no signed PDF of it"));
                }
                continue;
            };
            let artifact = Artifact::new(ArtifactId::SIGNED.of_document(key), MediaType::PDF, signed.clone());
            let checked = match verify_against_record(record, &artifact, options.clone()).await {
                Ok(checked) => checked,
                Err(e) if e.kind() == ErrorKind::Config => return Err(e),
                Err(e) => {
                    report.problems.push(format!("document {key}: {e}"));
                    continue;
                }
            };
            report
                .problems
                .extend(checked.problems.iter().map(|problem| format!("document {key}: {problem}")));
            report.notes.extend(checked.notes.iter().map(|note| format!("document {key}: {note}")));
            let then = self.of(Holds::Report, key).map(|kept| serde_json::from_slice(kept));
            let verdict_then = match then {
                Some(Ok(then)) => Some(self.then(key, &then, &checked.report, report)),
                Some(Err(_)) => {
                    report.problems.push(format!("document {key}: the report that was kept cannot be read"));
                    None
                }
                None => None,
            };
            let report_now = checked.report;
            report.documents.push(DocumentCheck {
                document: key.clone(),
                original,
                verdict_then,
                report: report_now,
            });
        }
        for (entry, _) in self.all(Holds::Signed) {
            let key = entry.of.as_deref().unwrap_or_default();
            if sent_document(record.intent(), &ArtifactId::SIGNED.of_document(key)).is_err() {
                report
                    .problems
                    .push(format!("{} is of a document that the record does not list", entry.path));
            }
        }
        Ok(())
    }

    /// The report of then is about this very file; where its verdict was another one, the reader is told.
    fn then(
        &self,
        key: &str,
        then: &VerificationReport,
        now: &VerificationReport,
        report: &mut EvidenceReport,
    ) -> Verdict {
        if then.sha256 != now.sha256 {
            report.problems.push(format!("document {key}: the report that was kept is about another file"));
        } else if then.verdict != now.verdict {
            report.notes.push(format!(
                "document {key}: the verdict was {} on {} and is {} now; the roots or the time of verification differ",
                word(then.verdict),
                then.at,
                word(now.verdict)
            ));
        }
        then.verdict
    }

    fn callbacks(&self, request: &str, report: &mut EvidenceReport) {
        for (entry, body) in self.all(Holds::Callback) {
            let receipt = entry.path.replace("/body", "/receipt.json");
            let receipt = self.files.get(&receipt).and_then(|receipt| std::str::from_utf8(receipt).ok());
            let kept = receipt.map(|receipt| CallbackEvidence::from_receipt(body.clone(), receipt));
            let Some(Ok(kept)) = kept else {
                report
                    .problems
                    .push(format!("{}: its receipt is missing or about another callback", entry.path));
                continue;
            };
            let (holds, key) = match callback::check(&kept, request) {
                Outcome::Holds { key, names_request } => {
                    if !names_request {
                        report
                            .notes
                            .push(format!("{}: it holds, but does not name this request", entry.path));
                    }
                    (Some(true), Some(key))
                }
                Outcome::Open(why) => {
                    report.notes.push(format!("{}: {why}", entry.path));
                    (None, None)
                }
                Outcome::Broken(why) => {
                    report.problems.push(format!("{}: {why}", entry.path));
                    (Some(false), None)
                }
            };
            let sha256 = callback::name(&kept);
            report.callbacks.push(CallbackCheck { sha256, received_at: kept.received_at, holds, key });
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Indeterminate => "indeterminate",
        Verdict::Failed => "failed",
    }
}
