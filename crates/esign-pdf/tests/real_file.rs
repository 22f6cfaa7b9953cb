//! A document signed by a real service, where its fixture lies beside the tests.

use std::io::Write as _;
use std::path::PathBuf;

use esign_pdf::facts::SignatureLevel;
use esign_pdf::verify::{Coverage, Outcome, RevocationStatus, TimeSource, Verdict};
use esign_pdf::{Limits, VerificationReport, VerifyOptions, inspect, roots_from_pem, verify};

/// The document and its root, or a line that says why not: third-party files are not in the repository.
fn fixture(test: &str) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let folder = std::env::var_os("ESIGN_FIXTURES").map(PathBuf::from);
    let files = folder.and_then(|folder| {
        let pdf = std::fs::read(folder.join("singpass-staging-signed.pdf")).ok()?;
        let root = std::fs::read(folder.join("singpass-staging-root.pem")).ok()?;
        Some((pdf, roots_from_pem(&root).expect("the fixture's root is a certificate")))
    });
    if files.is_none() {
        // Straight to the stream: the harness keeps what `println` says of a passing test to itself.
        let words = "ESIGN_FIXTURES names no folder with singpass-staging-signed.pdf and its root";
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {words}");
    }
    files
}

fn verified(pdf: &[u8], roots: &[Vec<u8>], at: &str) -> VerificationReport {
    let mut options = VerifyOptions::new(at.parse().expect("a time"));
    options.roots = roots.to_vec();
    verify(pdf, &options).expect("the document can be read")
}

#[test]
fn a_real_document_passes_with_its_root() {
    let Some((pdf, roots)) = fixture("a_real_document_passes_with_its_root") else { return };
    let report = verified(&pdf, &roots, "2025-06-16T00:00:00Z");
    assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()), "{report:#?}");
    let [signature] = report.signatures.as_slice() else { panic!("one signature") };
    assert_eq!(signature.level, SignatureLevel::BLT);
    assert_eq!(signature.coverage, Coverage::Revision);
    assert!(signature.changes.iter().all(|change| change.allowed) && !signature.changes.is_empty());
    let timestamp = signature.timestamp.as_ref().expect("a timestamp");
    assert_eq!(timestamp.integrity.outcome, Outcome::Passed);
    assert_eq!(signature.revocation.status, RevocationStatus::Good);
}

/// Its signer's certificate expired in June 2026: the verdict needs the time of its timestamp authority, and whoever configured its
/// root has it.
#[test]
fn a_real_document_needs_the_root_of_its_timestamp_authority_since_its_certificate_expired() {
    let name = "a_real_document_needs_the_root_of_its_timestamp_authority_since_its_certificate_expired";
    let Some((pdf, roots)) = fixture(name) else { return };
    let report = verified(&pdf, &roots, "2026-11-22T00:00:00Z");
    assert_eq!(report.verdict, Verdict::Indeterminate, "{report:#?}");
    let chain = &report.signatures[0].chain;
    assert_eq!((chain.time_source, chain.needs_timestamp), (TimeSource::Caller, true));
    let top = report.signatures[0].timestamp.as_ref().and_then(|timestamp| timestamp.top.as_ref());
    let top = top.expect("the document brings the root along");
    for words in ["SwissSign ZertES TSA", top.sha256.as_str(), "`esign roots ", "--timestamp-root"] {
        assert!(report.reasons[0].contains(words), "{words}: {:?}", report.reasons);
    }

    let mut options = VerifyOptions::new("2026-11-22T00:00:00Z".parse().expect("a time"));
    (options.roots, options.timestamp_roots) = (roots, vec![top.der.clone()]);
    let report = verify(&pdf, &options).expect("readable");
    assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()), "{report:#?}");
    assert_eq!(report.signatures[0].chain.time_source, TimeSource::Timestamp);
}

#[test]
fn a_real_document_is_untrusted_without_its_root() {
    let Some((pdf, _)) = fixture("a_real_document_is_untrusted_without_its_root") else { return };
    let report = verified(&pdf, &[], "2025-06-16T00:00:00Z");
    assert_eq!(report.verdict, Verdict::Indeterminate, "{report:#?}");
}

#[test]
fn a_real_document_fails_after_one_flipped_byte() {
    let Some((pdf, roots)) = fixture("a_real_document_fails_after_one_flipped_byte") else { return };
    let facts = inspect(&pdf, &Limits::default()).expect("facts");
    let signed_end = usize::try_from(facts.revisions[1].end).expect("a size");
    for at in [100, 700, signed_end - 20] {
        let mut flipped = pdf.clone();
        flipped[at] ^= 1;
        let mut options = VerifyOptions::new("2025-06-16T00:00:00Z".parse().expect("a time"));
        options.roots.clone_from(&roots);
        // Refusing to read it is as good as finding the fault.
        if let Ok(report) = verify(&flipped, &options) {
            assert_eq!(report.verdict, Verdict::Failed, "byte {at}: {report:#?}");
        }
    }
}
