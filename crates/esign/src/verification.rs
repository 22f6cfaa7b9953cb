//! Is what came back what was sent, signed by those who were asked?

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{
    Artifact, ArtifactId, Error, ErrorKind, Intent, Result, SentDocument, SubmissionRecord, Times,
    TrustConfig,
};
use esign_pdf::verify::{ExpectedBox, Original, TimestampTrust, Verdict};
use esign_pdf::{VerificationReport, VerifyOptions, roots_from_pem};

use crate::inspector::compute;

/// What was found out about a signed PDF by its own means and against the record of its submission.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordVerification {
    /// Every signature in the file, fact by fact.
    pub report: VerificationReport,
    /// Signatures of people that were made after it was sent; timestamps over the document are none.
    pub signatures_added: usize,
    /// The provider writes the file anew, so nothing in it shows that it is the document that was sent: the notes say what
    /// can be shown.
    pub rewritten: bool,
    /// Why the file is not good, in words; empty if it is.
    pub problems: Vec<String>,
    /// What a reader must know although the file is good: those of the report, and what could not be settled of signatures
    /// that were in the file before it was sent, which are whole, but nobody said whom they should be trusted by.
    pub notes: Vec<String>,
}

impl RecordVerification {
    /// True if the file is the one that was sent with the signatures that were asked for, all of them valid and trusted,
    /// and nothing else. Signatures that were in it before must be whole.
    ///
    /// Of a file that is [rewritten](Self::rewritten) it says less: it is sealed, and the seal is valid and trusted.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// True if nothing is wrong, but something that matters could not be established, such as trust or the time.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.report.verdict == Verdict::Indeterminate
            && !self.problems.is_empty()
            && self.problems.iter().all(|problem| self.report.reasons.contains(problem))
    }
}

/// Options that trust the roots of a configuration, for verifying at this time. Reads their files.
///
/// # Errors
/// [`ErrorKind::Config`] with the key's path if a file cannot be read or has no certificates.
pub async fn verify_options(trust: &TrustConfig, at: Timestamp) -> Result<VerifyOptions> {
    let mut options = VerifyOptions::new(at);
    options.roots = read_roots("trust.roots", &trust.roots).await?;
    options.timestamp_roots = read_roots("trust.timestamp_roots", &trust.timestamp_roots).await?;
    options.timestamps = match trust.times {
        Times::WhenTrusted => TimestampTrust::WhenTrusted,
        Times::WhenIntact => TimestampTrust::WhenIntact,
    };
    Ok(if trust.strict { options.strict() } else { options })
}

async fn read_roots(key: &str, files: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    let mut roots = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let wrong =
            |why: String| Error::config(format!("{key}[{index}]"), format!("{}: {why}", file.display()));
        let pem = tokio::fs::read(file).await.map_err(|e| wrong(format!("cannot be read: {e}")))?;
        roots.extend(roots_from_pem(&pem).map_err(|e| wrong(e.to_string()))?);
    }
    Ok(roots)
}

/// Verifies every signature of a PDF, on a thread for it. Fetches nothing.
///
/// # Errors
/// As [`esign_pdf::verify()`]: [`ErrorKind::Document`] if it cannot be read, [`ErrorKind::Config`] for a root that is no
/// certificate.
pub async fn verify(content: Bytes, options: VerifyOptions) -> Result<VerificationReport> {
    Ok(compute(move || esign_pdf::verify(&content, &options)).await??)
}

/// Verifies a signed PDF against the record of its submission: it must begin with the bytes that were sent, have at least
/// one new signature of each signer who was given a place in it, a new signature in each place that was asked for, and only
/// good signatures. Set the trusted roots in `options`, and whoever is expected by name; without roots, nothing is good.
///
/// Places count to 5 points, because services draw boxes of a size of their own and round. Where the provider looked for
/// the place itself (by text, field or in its own numbers) there is nothing to compare.
///
/// Signatures that were in the document before it was sent are other people's, under roots of their own: they must still be
/// whole, and whether they are trusted is told in [`RecordVerification::notes`].
///
/// A file of a provider that writes it anew ([`OriginProof::OriginalKept`](esign_core::OriginProof)) is good if it bears a
/// signature and only good ones. That it is the document that was sent cannot be shown: the notes say so, and that is no
/// problem of the file's. [`original_is_what_was_sent`] shows what can be.
///
/// # Errors
/// As [`verify`], and [`ErrorKind::BadHandle`] if the record knows no such document.
pub async fn verify_against_record(
    record: &SubmissionRecord,
    artifact: &Artifact,
    mut options: VerifyOptions,
) -> Result<RecordVerification> {
    let sent = sent_document(record.intent(), &artifact.id)?;
    if record.intent().is_rewritten() {
        return verify_rewritten(sent, artifact, options).await;
    }
    options.original = Some(Original { bytes: sent.bytes, sha256: *sent.sha256.as_bytes() });
    options.boxes.extend(boxes_of(record.intent(), &sent.key));
    let report = verify(artifact.content.clone(), options).await?;
    let added = report.signatures.iter().filter(|s| s.is_of_a_person() && s.signed_bytes > sent.bytes);
    let signatures_added = added.count();
    let mut problems = Vec::new();
    if report.extends_original != Some(true) {
        problems.push("it does not begin with the bytes that were sent".to_owned());
    }
    let expected = signers_of(record.intent(), &sent.key).max(1);
    if signatures_added < expected {
        problems.push(format!("{expected} new signatures were asked for, {signatures_added} are there"));
    }
    let mut notes = unsettled_before(&report, sent.bytes);
    if report.verdict != Verdict::Passed {
        problems.extend(report.reasons.iter().filter(|reason| !notes.contains(reason)).cloned());
    }
    notes.extend(report.notes.iter().cloned());
    Ok(RecordVerification { report, signatures_added, rewritten: false, problems, notes })
}

/// Of a file that the provider wrote anew: its seal, and in plain words what that does not show.
async fn verify_rewritten(
    sent: &SentDocument,
    artifact: &Artifact,
    options: VerifyOptions,
) -> Result<RecordVerification> {
    let report = verify(artifact.content.clone(), options).await?;
    let signatures_added = report.signatures.len();
    let mut problems = Vec::new();
    if signatures_added == 0 {
        problems.push("it bears no signature".to_owned());
    }
    if report.verdict != Verdict::Passed {
        problems.extend(report.reasons.iter().cloned());
    }
    let mut notes = vec![format!(
        "the provider writes the file anew and seals that: the seal shows that nothing was changed since, not that this is \
         the document that was sent. What can be shown is that the original which the provider keeps is what was sent: \
         fetch the artifact `original`, its SHA-256 must be {}. Nothing ties it to the sealed file but the provider's word: \
         read them side by side",
        sent.sha256
    )];
    notes.extend(report.notes.iter().cloned());
    Ok(RecordVerification { report, signatures_added, rewritten: true, problems, notes })
}

/// Whether the original that a provider keeps and returns is, byte for byte, the document that was sent.
///
/// # Errors
/// [`ErrorKind::BadHandle`] if the record knows no such document.
pub fn original_is_what_was_sent(record: &SubmissionRecord, original: &Artifact) -> Result<bool> {
    Ok(sent_document(record.intent(), &original.id)?.sha256 == original.sha256())
}

/// Whether a file that is embedded in a signed PDF names the SHA-256 digest of the document that was sent, in hexadecimal
/// digits or base64: the proof of origin of providers that seal the evidence into the document
/// ([`OriginProof::EvidenceDigest`](esign_core::OriginProof)). It proves something only if the PDF verifies, because the
/// signature is over the embedded files too.
///
/// # Errors
/// [`ErrorKind::Document`] if the PDF cannot be read, [`ErrorKind::BadHandle`] if the record knows no such document.
pub async fn evidence_names_original(record: &SubmissionRecord, artifact: &Artifact) -> Result<bool> {
    let digest = sent_document(record.intent(), &artifact.id)?.sha256;
    let content = artifact.content.clone();
    let files = compute(move || esign_pdf::attachments(&content, &esign_pdf::Limits::default())).await??;
    let hex = digest.to_string();
    let forms = [hex.clone(), hex.to_ascii_uppercase(), STANDARD.encode(digest.as_bytes())];
    let names = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        forms.iter().any(|form| text.contains(form.as_str()))
    };
    Ok(files.iter().any(|file| names(&file.bytes)))
}

/// What is unsettled, but not wrong, of the signatures within the bytes that were sent: as the report words it.
fn unsettled_before(report: &VerificationReport, sent: u64) -> Vec<String> {
    let before =
        report.signatures.iter().filter(|s| s.signed_bytes <= sent && s.verdict == Verdict::Indeterminate);
    before
        .flat_map(|s| s.reasons.iter().map(move |reason| format!("signature {}: {reason}", s.field)))
        .collect()
}

/// The document that an artifact came from: the one it names, or the only one.
pub(crate) fn sent_document<'a>(intent: &'a Intent, artifact: &ArtifactId) -> Result<&'a SentDocument> {
    let documents = intent.documents();
    let found = match (artifact.document(), documents) {
        (Some(key), _) => documents.iter().find(|d| d.key == key),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    found.ok_or_else(|| {
        let known: Vec<_> = documents.iter().map(|d| d.key.as_str()).collect();
        let message =
            format!("the record does not say which document {artifact} is; it lists: {}", known.join(", "));
        Error::new(ErrorKind::BadHandle, message)
    })
}

/// How many signers were given a place in a document.
fn signers_of(intent: &Intent, document: &str) -> usize {
    let placed = intent.placements().iter().filter(|p| p.document == document);
    placed.map(|p| p.signer.as_str()).collect::<BTreeSet<_>>().len()
}

/// Where a record says that signatures of a document go, as far as it is known on our side.
fn boxes_of<'a>(intent: &'a Intent, document: &'a str) -> impl Iterator<Item = ExpectedBox> {
    const TOLERANCE: f64 = 5.0;
    let placed = intent.placements().iter().filter(move |placed| placed.document == document);
    placed.filter_map(|placed| {
        Some(ExpectedBox { page: placed.page?, rect: placed.area?, tolerance: TOLERANCE })
    })
}

#[cfg(test)]
mod tests {
    use esign_core::memory::MemoryService;
    use esign_core::{
        Client, Corner, Delivery, Document, MediaType, Origin, Placement, Reference, SignRequest, Signer,
    };
    use esign_pdf::facts::Rect;
    use esign_pdf::sign::{SignOptions, Subject, TestPki, sample_pdf, sign};

    use esign_pdf::verify::ExpectedSigner;

    use super::*;

    const NOW: &str = "2026-01-01T12:00:00Z";

    struct Desk {
        pki: TestPki,
        original: Bytes,
    }

    impl Desk {
        fn new() -> Self {
            let original = Bytes::from(sample_pdf("Lease", &["The tenant rents the flat."]));
            Self { pki: TestPki::generate(NOW.parse().unwrap()).unwrap(), original }
        }

        /// Where the record says that the signers sign: the first at 50, the second at 250.
        fn sign(&self, pdf: &Bytes, field: &str) -> Bytes {
            self.sign_at(pdf, field, if field == "b" { 250.0 } else { 50.0 })
        }

        fn sign_at(&self, pdf: &Bytes, field: &str, y: f64) -> Bytes {
            let at = NOW.parse().unwrap();
            let identity = self.pki.issue(&Subject::new("Tester"), at).unwrap();
            let options = SignOptions::new(field.to_owned(), 1, Rect::new(50.0, y, 200.0, 60.0), at);
            sign(pdf, &identity, Some(self.pki.tsa()), &options).unwrap()
        }

        fn options(&self) -> VerifyOptions {
            let mut options = VerifyOptions::new(NOW.parse().unwrap());
            options.roots = roots_from_pem(self.pki.root_pem().as_bytes()).unwrap();
            options
        }

        /// The record of sending the original to two signers.
        async fn record(&self) -> SubmissionRecord {
            let client: Client = MemoryService::new().client().await.unwrap();
            let place = |y| Placement::points(1, 50.0, y, Origin::BottomLeft, Corner::BottomLeft);
            let request = SignRequest::new(
                Reference::new("r").unwrap(),
                Document::pdf("Lease", self.original.clone()),
                Delivery::ShareableLink,
            )
            .signer(Signer::new("tenant").place(place(50.0)))
            .signer(Signer::new("landlord").place(place(250.0)))
            .order(esign_core::Order::Parallel);
            client.submit(client.prepare(request).await.unwrap()).await.unwrap().record
        }

        async fn problems(&self, pdf: &Bytes, options: VerifyOptions) -> Vec<String> {
            let artifact = Artifact::new(ArtifactId::SIGNED, MediaType::PDF, pdf.clone());
            verify_against_record(&self.record().await, &artifact, options).await.unwrap().problems
        }
    }

    #[tokio::test]
    async fn a_rewritten_file_is_judged_by_its_seal_and_the_notes_say_what_that_shows() {
        let desk = Desk::new();
        let service = MemoryService::new();
        service.change_capabilities(|caps| caps.origin_proof = esign_core::OriginProof::OriginalKept);
        let client: Client = service.client().await.unwrap();
        let document = Document::pdf("Lease", desk.original.clone());
        let request = SignRequest::new(Reference::new("r").unwrap(), document, Delivery::ShareableLink)
            .signer(Signer::new("tenant").place(Placement::points(
                1,
                50.0,
                50.0,
                Origin::BottomLeft,
                Corner::BottomLeft,
            )));
        let record = client.submit(client.prepare(request).await.unwrap()).await.unwrap().record;
        let record = SubmissionRecord::from_json(&record.to_json()).unwrap();
        assert!(record.intent().is_rewritten());
        let judge = async |pdf: &Bytes| {
            let artifact = Artifact::new(ArtifactId::SIGNED, MediaType::PDF, pdf.clone());
            verify_against_record(&record, &artifact, desk.options()).await.unwrap()
        };

        let rewritten = Bytes::from(sample_pdf("Lease", &["The tenant rents the flat.", "Certificate"]));
        let sealed = judge(&desk.sign(&rewritten, "Signature_1")).await;
        assert!(sealed.is_good() && sealed.rewritten, "{:?}", sealed.problems);
        let said = &sealed.notes[0];
        let digest = record.intent().documents()[0].sha256.to_string();
        assert!(
            said.contains("not that this is the document that was sent") && said.contains(&digest),
            "{said}"
        );

        assert_eq!(judge(&rewritten).await.problems[0], "it bears no signature");
        let mut broken = desk.sign(&rewritten, "Signature_1").to_vec();
        broken[20] ^= 1;
        assert!(!judge(&broken.into()).await.is_good());

        let kept = |content: &Bytes| Artifact::new(ArtifactId::ORIGINAL, MediaType::PDF, content.clone());
        assert!(original_is_what_was_sent(&record, &kept(&desk.original)).unwrap());
        assert!(!original_is_what_was_sent(&record, &kept(&rewritten)).unwrap());
    }

    #[tokio::test]
    async fn only_the_document_that_was_sent_with_all_its_signatures_is_good() {
        let desk = Desk::new();
        let once = desk.sign(&desk.original, "a");
        let twice = desk.sign(&once, "b");
        assert_eq!(desk.problems(&twice, desk.options()).await, Vec::<String>::new());

        let other = Bytes::from(sample_pdf("Lease", &["The tenant rents the house."]));
        let other = desk.sign(&desk.sign(&other, "a"), "b");
        let mut cut = twice.to_vec();
        cut.truncate(twice.len() - 600);
        for (pdf, problem) in [
            (&desk.original, "2 new signatures were asked for, 0 are there"),
            (&once, "2 new signatures were asked for, 1 are there"),
            (&other, "does not begin with the bytes that were sent"),
            (&Bytes::from(cut), "2 new signatures were asked for, 1 are there"),
        ] {
            let problems = desk.problems(pdf, desk.options()).await;
            assert!(problems.iter().any(|p| p.contains(problem)), "{problem}: {problems:?}");
        }
        let untrusted = VerifyOptions::new(NOW.parse().unwrap());
        assert!(!desk.problems(&twice, untrusted).await.is_empty(), "nobody is trusted without a root");
    }

    #[tokio::test]
    async fn signatures_from_before_must_be_whole_and_need_not_be_trusted() {
        let stranger = Desk::new();
        let mut desk = Desk::new();
        desk.original = stranger.sign(&stranger.original, "before");
        let twice = desk.sign(&desk.sign(&desk.original, "a"), "b");
        let artifact = Artifact::new(ArtifactId::SIGNED, MediaType::PDF, twice.clone());
        let checked = verify_against_record(&desk.record().await, &artifact, desk.options()).await.unwrap();
        assert_eq!(checked.problems, Vec::<String>::new());
        assert!(checked.notes.iter().any(|note| note.contains("signature before")), "{:?}", checked.notes);

        let mut broken = twice.to_vec();
        let within_all = broken.windows(4).position(|w| w == b"%PDF").unwrap() + 20;
        broken[within_all] ^= 1;
        let problems = desk.problems(&Bytes::from(broken), desk.options()).await;
        assert!(problems.iter().any(|p| p.starts_with("signature before: integrity")), "{problems:?}");
    }

    /// The places are in the record, and stay there.
    #[tokio::test]
    async fn signatures_stand_where_the_record_says() {
        let desk = Desk::new();
        let moved = desk.sign_at(&desk.sign_at(&desk.original, "a", 50.0), "b", 240.0);
        let problems = desk.problems(&moved, desk.options()).await;
        assert_eq!(problems, ["no signature stands where one was asked for on page 1"]);
    }

    #[tokio::test]
    async fn whoever_is_expected_must_be_among_the_new_signers() {
        let desk = Desk::new();
        let twice = desk.sign(&desk.sign(&desk.original, "a"), "b");
        let mut options = desk.options();
        options.signers = vec![ExpectedSigner::new("Tester"), ExpectedSigner::new("Somebody Else")];
        let problems = desk.problems(&twice, options).await;
        assert_eq!(problems, ["expected signer 2: no signature has a certificate of that name"]);
    }

    #[tokio::test]
    async fn roots_are_read_from_the_files_of_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let (root, junk) = (folder.path().join("root.pem"), folder.path().join("junk.pem"));
        std::fs::write(&root, Desk::new().pki.root_pem()).unwrap();
        std::fs::write(&junk, "no certificate").unwrap();
        let with_times = |roots: &[&PathBuf], timestamp_roots: &[&PathBuf], times, strict| {
            let paths = |files: &[&PathBuf]| files.iter().map(|file| (*file).clone()).collect();
            let trust =
                TrustConfig { roots: paths(roots), timestamp_roots: paths(timestamp_roots), times, strict };
            async move { verify_options(&trust, NOW.parse().unwrap()).await }
        };
        let with = |roots: &[&PathBuf], timestamp_roots: &[&PathBuf]| {
            with_times(roots, timestamp_roots, Times::WhenIntact, true)
        };
        let options = with(&[&root], &[&root, &root]).await.unwrap();
        assert_eq!((options.roots.len(), options.timestamp_roots.len()), (1, 2));
        assert_eq!(options.timestamps, TimestampTrust::WhenTrusted, "strict counts");
        for (times, timestamps) in [
            (Times::WhenIntact, TimestampTrust::WhenIntact),
            (Times::WhenTrusted, TimestampTrust::WhenTrusted),
        ] {
            assert_eq!(with_times(&[], &[], times, false).await.unwrap().timestamps, timestamps);
        }
        for (error, path) in [
            (with(&[&root, &junk], &[]).await.unwrap_err(), "trust.roots[1]"),
            (with(&[], &[&folder.path().join("none.pem")]).await.unwrap_err(), "trust.timestamp_roots[0]"),
        ] {
            assert_eq!((error.kind(), error.field_path()), (ErrorKind::Config, Some(path)), "{error}");
        }
    }

    #[tokio::test]
    async fn an_artifact_of_another_document_is_named() {
        let desk = Desk::new();
        let artifact = Artifact::new(ArtifactId::SIGNED.of_document("annex"), MediaType::PDF, Bytes::new());
        let error = verify_against_record(&desk.record().await, &artifact, desk.options()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadHandle);
        assert!(
            error.to_string().contains("signed:annex") && error.to_string().contains("document"),
            "{error}"
        );
    }
}
