//! Archives and files that were called good once and are not: each with its reason.

use std::path::PathBuf;

use bytes::Bytes;
use esign::pdf::verify::Verdict;
use esign::pdf::{VerifyOptions, roots_from_pem};
use esign::{
    Artifact, ArtifactId, EvidenceReport, MediaType, SubmissionRecord, check_evidence, verify_against_record,
};

fn case(name: &str) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/cases").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into()
}

fn options() -> VerifyOptions {
    let mut options = VerifyOptions::new("2026-11-28T13:00:00Z".parse().unwrap());
    options.roots = roots_from_pem(&case("sandbox-root.pem")).unwrap();
    options
}

async fn checked(name: &str) -> esign::Result<EvidenceReport> {
    check_evidence(case(name), &options()).await
}

#[tokio::test]
async fn archives_that_prove_less_than_they_seem_to_are_not_good() {
    for (name, words) in [
        ("v1-no-documents.zip", "names no document"),
        ("v2-second-signed-unverified.zip", "there are two signed PDFs of it"),
        ("v3-names-lie.zip", "documents/1/signed.pdf is not what its place in the archive says"),
    ] {
        let report = checked(name).await.unwrap();
        assert!(!report.is_good(), "{name}");
        assert!(report.problems.join("\n").contains(words), "{name}: {:?}", report.problems);
    }
    let junk = checked("z3-junk-prefix.zip").await.unwrap_err().to_string();
    assert!(junk.contains("belong to none of its files"), "{junk}");
}

/// The rest of it holds; nothing says that the key is the provider's.
#[tokio::test]
async fn a_callback_is_not_vouched_for_by_an_unconfirmed_key() {
    let report = checked("v7-own-callback-key.zip").await.unwrap();
    assert_eq!(report.callbacks[0].confirmed, None);
    assert!(
        report.unproven.iter().any(|words| words.starts_with("callbacks/1/body")),
        "{:?}",
        report.unproven
    );
}

/// What was asked of people is not answered by a machine.
#[tokio::test]
async fn a_timestamp_is_not_a_persons_signature() {
    let record = case("singpass-chain-2.record.json");
    let record = SubmissionRecord::from_json(std::str::from_utf8(&record).unwrap()).unwrap();
    let signed = Artifact::new(ArtifactId::SIGNED, MediaType::PDF, case("g1-second-party-never-signed.pdf"));
    let checked = verify_against_record(&record, &signed, options()).await.unwrap();
    assert_eq!(checked.report.signatures.len(), 2);
    // It also paints into the box that the second party should have signed, which no timestamp may.
    assert_eq!(checked.report.signatures[0].verdict, Verdict::Failed);
    assert!(!checked.is_good() && !checked.is_open(), "{:?}", checked.problems);
    let words = "no signature stands where one was asked for on page 2";
    assert!(checked.problems.iter().any(|problem| problem.contains(words)), "{:?}", checked.problems);
}
