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
/// prove nothing until they are compared with those that the provider publishes. The manifest only shows that nothing was
/// changed by accident: whoever can change the archive can change its manifest, so keep the archive's own hash somewhere else.
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
    /// The conclusion: [`Verdict::Indeterminate`] where nothing is wrong, but something that matters could not be established.
    pub verdict: Verdict,
    /// Why the archive is not good, in words; empty if it is.
    pub problems: Vec<String>,
    /// What a reader must know although the archive is good.
    pub notes: Vec<String>,
    /// What is in the archive and is not proven by it, in words, whatever the verdict.
    pub unproven: Vec<String>,
}

impl EvidenceReport {
    /// True if every file is what the manifest and its place say, there is a document that the record names, every signed PDF is
    /// what the record says and holds today under a root, and every callback holds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    fn fails(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
        self.verdict = Verdict::Failed;
    }

    fn leaves_open(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
        self.verdict = self.verdict.max(Verdict::Indeterminate);
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
    /// Whether that key is one that the provider publishes; `None` if it was not compared, and then anybody may have made it.
    pub confirmed: Option<bool>,
}

/// Checks an archive of [`Evidence`](super::Evidence). Fetches nothing and writes nothing. Keys of callbacks are compared with
/// nothing: see [`check_evidence_with_keys`].
///
/// # Errors
/// [`ErrorKind::Verification`] if it is no such archive at all, or made to deceive: names that lead out of it, two files of one
/// name, compressed content, bytes that belong to no file. What is wrong with a readable one is in
/// [`EvidenceReport::problems`]. [`ErrorKind::Config`] for a root that is no certificate.
pub async fn check_evidence(archive: Bytes, options: &VerifyOptions) -> Result<EvidenceReport> {
    check(archive, options, None).await
}

/// As [`check_evidence`], and compares the keys of callbacks with those that the provider publishes or published then: `published`
/// is its JSON Web Key Set (RFC 7517), from the provider's own site.
///
/// # Errors
/// As [`check_evidence`], and [`ErrorKind::Config`] if `published` is no key set.
pub async fn check_evidence_with_keys(
    archive: Bytes,
    options: &VerifyOptions,
    published: &str,
) -> Result<EvidenceReport> {
    let published = callback::thumbprints(published)
        .ok_or_else(|| Error::config("callback keys", "they are no JSON Web Key Set with keys in it"))?;
    check(archive, options, Some(published)).await
}

async fn check(
    archive: Bytes,
    options: &VerifyOptions,
    published: Option<BTreeSet<String>>,
) -> Result<EvidenceReport> {
    let mut files = compute(move || archive::read(&archive)).await??;
    let manifest = files.remove(MANIFEST).ok_or_else(|| refuse("it has no manifest.json"))?;
    let manifest = read_manifest(&manifest)?;
    let mut report = EvidenceReport {
        created_at: manifest.created_at,
        software: manifest.software.clone(),
        documents: Vec::new(),
        callbacks: Vec::new(),
        verdict: Verdict::Passed,
        problems: Vec::new(),
        notes: Vec::new(),
        unproven: vec![UNSIGNED.to_owned()],
    };
    if options.roots.is_empty() {
        report.leaves_open("no root is given, so no signature is trusted");
    }
    compare(&manifest, &files, &mut report);
    let content = Content { entries: &manifest.files, files: &files };
    match content.record() {
        Ok(record) => {
            content.documents(&record, options, &mut report).await?;
            content.callbacks(record.provider_id(), published.as_ref(), &mut report);
        }
        Err(problem) => report.fails(problem),
    }
    for (entry, _) in content.all(Holds::ProviderEvidence) {
        report.unproven.push(format!(
            "{}: it is as the provider is said to have given it; nothing in it was verified",
            entry.path
        ));
    }
    Ok(report)
}

const UNSIGNED: &str = "when it was packed, and that the record is the one of that day: neither is signed; keep the archive's \
                        SHA-256 somewhere else";

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

/// Every file is listed once, and is what the list and its place say.
fn compare(manifest: &Manifest, files: &BTreeMap<String, Bytes>, report: &mut EvidenceReport) {
    let mut listed = BTreeSet::new();
    let mut documents = BTreeMap::new();
    for entry in &manifest.files {
        let path = &entry.path;
        if !listed.insert(path.as_str()) {
            report.fails(format!("the manifest lists {path} twice"));
        }
        match Holds::at(path) {
            Some((holds, number)) if holds == entry.holds => {
                let pair = matches!(holds, Holds::Signed | Holds::Report);
                if pair && documents.entry(number).or_insert(&entry.of) != &&entry.of {
                    report.fails(format!("{path} is of another document than the file beside it"));
                }
            }
            _ => report.fails(format!("{path} is not what its place in the archive says")),
        }
        match files.get(path) {
            None => report.fails(format!("{path} is missing")),
            Some(content)
                if content.len() as u64 != entry.bytes || Sha256Hash::of(content) != entry.sha256 =>
            {
                report.fails(format!("{path} is not the file that the manifest lists"));
            }
            Some(_) => {}
        }
    }
    for path in files.keys().filter(|path| !listed.contains(path.as_str())) {
        report.fails(format!("{path} is not in the manifest"));
    }
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
        if record.intent().documents().is_empty() {
            report.fails("the submission record names no document");
        }
        for sent in record.intent().documents() {
            let key = &sent.key;
            for (holds, what) in
                [(Holds::Signed, "signed PDFs"), (Holds::Original, "originals"), (Holds::Report, "reports")]
            {
                if self.all(holds).filter(|(entry, _)| entry.of.as_ref() == Some(key)).nth(1).is_some() {
                    report.fails(format!(
                        "document {key}: there are two {what} of it, and only one is looked at"
                    ));
                }
            }
            let original =
                self.of(Holds::Original, key).map(|content| Sha256Hash::of(content) == sent.sha256);
            match original {
                Some(false) => {
                    report
                        .fails(format!("document {key}: the original is not what the record says was sent"));
                }
                Some(true) => {}
                None => {
                    report.notes.push(format!("document {key}: the original is not in it, only its hash"))
                }
            }
            let Some(signed) = self.of(Holds::Signed, key) else {
                if sent.media_type == MediaType::PDF {
                    report.fails(format!("document {key}: there is no signed PDF of it"));
                }
                continue;
            };
            let artifact = Artifact::new(ArtifactId::SIGNED.of_document(key), MediaType::PDF, signed.clone());
            let checked = match verify_against_record(record, &artifact, options.clone()).await {
                Ok(checked) => checked,
                Err(e) if e.kind() == ErrorKind::Config => return Err(e),
                Err(e) => {
                    report.fails(format!("document {key}: {e}"));
                    continue;
                }
            };
            let is_open = checked.is_open();
            for problem in checked.problems.iter().map(|problem| format!("document {key}: {problem}")) {
                if is_open { report.leaves_open(problem) } else { report.fails(problem) }
            }
            report.notes.extend(checked.notes.iter().map(|note| format!("document {key}: {note}")));
            let then = self.of(Holds::Report, key).map(|kept| serde_json::from_slice(kept));
            let verdict_then = match then {
                Some(Ok(then)) => Some(self.then(key, &then, &checked.report, report)),
                Some(Err(_)) => {
                    report.fails(format!("document {key}: the report that was kept cannot be read"));
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
        if report.documents.is_empty() {
            report.fails("there is no signed PDF of a document that the record names");
        }
        for holds in [Holds::Signed, Holds::Original, Holds::Report] {
            for (entry, _) in self.all(holds) {
                let key = entry.of.as_deref().unwrap_or_default();
                if sent_document(record.intent(), &ArtifactId::SIGNED.of_document(key)).is_err() {
                    report.fails(format!("{} is of a document that the record does not list", entry.path));
                }
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
            report.fails(format!("document {key}: the report that was kept is about another file"));
            return then.verdict;
        }
        let verdict = word(then.verdict);
        report.unproven.push(format!(
            "document {key}: that its verdict was {verdict} on {}: the report of then is not signed",
            then.at
        ));
        if then.verdict != now.verdict {
            report.notes.push(format!(
                "document {key}: the verdict was {} on {} and is {} now; the roots or the time of verification differ",
                verdict,
                then.at,
                word(now.verdict)
            ));
        }
        then.verdict
    }

    fn callbacks(&self, request: &str, published: Option<&BTreeSet<String>>, report: &mut EvidenceReport) {
        for (entry, _) in self.all(Holds::Receipt) {
            if !self.files.contains_key(&entry.path.replace("/receipt.json", "/body")) {
                report.fails(format!("{}: the callback that it is about is missing", entry.path));
            }
        }
        for (entry, body) in self.all(Holds::Callback) {
            let receipt = entry.path.replace("/body", "/receipt.json");
            let receipt = self.files.get(&receipt).and_then(|receipt| std::str::from_utf8(receipt).ok());
            let kept = receipt.map(|receipt| CallbackEvidence::from_receipt(body.clone(), receipt));
            let path = &entry.path;
            let Some(Ok(kept)) = kept else {
                report.fails(format!("{path}: its receipt is missing or about another callback"));
                continue;
            };
            let mut check = CallbackCheck {
                sha256: callback::name(&kept),
                received_at: kept.received_at,
                holds: None,
                key: None,
                confirmed: None,
            };
            match callback::check(&kept, request) {
                Outcome::Holds { key, names_request } => {
                    if !names_request {
                        report.notes.push(format!("{path}: it holds, but does not name this request"));
                    }
                    check.holds = Some(true);
                    check.confirmed = published.map(|published| published.contains(&key));
                    match check.confirmed {
                        Some(true) => {}
                        Some(false) => report.leaves_open(format!(
                            "{path}: its key {key} is none of those that the provider publishes; ask for those of then"
                        )),
                        None => report.unproven.push(format!(
                            "{path}: that it is the provider's: its key {key} was compared with none that the provider \
                             publishes, and anybody may have made it"
                        )),
                    }
                    check.key = Some(key);
                }
                Outcome::Open(why) => {
                    report.unproven.push(format!("{path}: that it is the provider's: {why}"))
                }
                Outcome::Broken(why) => {
                    report.fails(format!("{path}: {why}"));
                    check.holds = Some(false);
                }
            }
            report.callbacks.push(check);
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
