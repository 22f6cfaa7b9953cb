//! Files that a real Documenso server, version 2.17.0, made: what they are found to be.

use bytes::Bytes;
use esign::facts::SignatureLevel;
use esign::pdf::verify::Verdict;
use esign::pdf::{Limits, VerificationReport, VerifyOptions, inspect, roots_from_pem};

fn file(name: &str) -> Bytes {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documenso/");
    std::fs::read(format!("{folder}{name}")).unwrap().into()
}

async fn verified(name: &str, timestamps_too: bool) -> VerificationReport {
    let mut options = VerifyOptions::new("2026-11-28T12:00:00Z".parse().unwrap());
    options.roots = roots_from_pem(&file("root.pem")).unwrap();
    if timestamps_too {
        options.timestamp_roots = options.roots.clone();
    }
    esign::verify(file(name), options).await.unwrap()
}

/// One seal, good under the operator's root, over a file that was written anew with a page more.
#[tokio::test]
async fn a_sealed_file_is_good_and_extends_nothing() {
    for (name, original) in [("signed.pdf", "original.pdf"), ("shapes-signed.pdf", "shapes-original.pdf")] {
        let report = verified(name, false).await;
        assert_eq!(
            (report.verdict, report.signatures.len()),
            (Verdict::Passed, 1),
            "{name}: {:?}",
            report.reasons
        );
        assert_eq!(report.signatures[0].level, SignatureLevel::BB, "{name}");
        assert!(!file(name).starts_with(&file(original)), "{name}");
        let pages = |name: &str| inspect(&file(name), &Limits::default()).unwrap().pages.len();
        assert_eq!(pages(name), pages(original) + 1, "{name}");
    }
}

/// With a timestamp authority the seal has a timestamp, and a document timestamp follows.
#[tokio::test]
async fn a_sealed_file_with_timestamps_is_good_under_their_root() {
    let report = verified("tsa-signed.pdf", true).await;
    assert_eq!(report.verdict, Verdict::Passed, "{:?}", report.reasons);
    assert!(report.signatures.iter().any(|signature| signature.timestamp.is_some()));
}

/// A rejected document bears a valid seal: its status refuses it, not its signature.
#[tokio::test]
async fn the_seal_of_a_rejected_document_is_valid() {
    assert_eq!(verified("rejected.pdf", false).await.verdict, Verdict::Passed);
}

/// The unfinished document bears none, and neither does what is kept of a file that was signed before it came.
#[tokio::test]
async fn signatures_that_were_in_a_file_are_destroyed() {
    let signatures = |name: &str| {
        let facts = inspect(&file(name), &Limits::default()).unwrap();
        facts.signatures.iter().filter(|field| field.signature.is_some()).count()
    };
    for (name, count) in [
        ("pending.pdf", 0),
        ("presigned-sent.pdf", 1),
        ("presigned-original-as-kept.pdf", 0),
        ("presigned-signed.pdf", 1),
    ] {
        assert_eq!(signatures(name), count, "{name}");
    }
    assert_eq!(verified("presigned-signed.pdf", false).await.signatures[0].field, "Signature_1");
}

/// What a page inherits is known before it is sent: the text of this one is gone from the sealed file.
#[test]
fn a_page_that_inherits_is_recognised() {
    let page = inspect(&file("inherited-original.pdf"), &Limits::default()).unwrap().pages.remove(0);
    assert!(page.inherited.resources || page.inherited.media_box, "{:?}", page.inherited);
}
