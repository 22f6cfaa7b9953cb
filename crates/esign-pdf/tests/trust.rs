//! Files that other programs' habits made, and whom they show to have signed: each a case that was judged wrongly once.

use std::path::PathBuf;

use esign_pdf::verify::{ExpectedSigner, Outcome, Verdict};
use esign_pdf::{VerificationReport, VerifyOptions, roots_from_pem, verify};

fn case(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn options(roots: &[&str], at: &str) -> VerifyOptions {
    let mut options = VerifyOptions::new(at.parse().expect("a time"));
    options.roots = roots.iter().flat_map(|root| roots_from_pem(&case(root)).expect("a root")).collect();
    options
}

fn verified(name: &str, options: &VerifyOptions) -> VerificationReport {
    verify(&case(&format!("{name}.pdf")), options).expect("readable")
}

/// RFC 5280, 7.1: in a chain, and in what a signature says of its certificate.
#[test]
fn issuers_are_compared_as_names() {
    for name in [
        "06-issuer-in-another-string-type",
        "06b-signerinfo-issuer-in-another-string-type",
        "06d-signerinfo-issuer-case-and-spaces",
    ] {
        let report = verified(name, &options(&[&format!("{name}.pem")], "2025-06-02T00:00:00Z"));
        assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()), "{name}");
    }
}

#[test]
fn a_name_is_the_same_composed_and_decomposed() {
    let name = "10-expected-signer-composed";
    for (asked, verdict) in [
        ("José Ängel", Verdict::Passed),
        ("Jose\u{301} A\u{308}ngel", Verdict::Passed),
        ("JOSÉ ÄNGEL", Verdict::Passed),
        ("Jose Angel", Verdict::Failed),
    ] {
        let mut options = options(&[&format!("{name}.pem")], "2025-06-02T00:00:00Z");
        options.signers = vec![ExpectedSigner::new(asked)];
        assert_eq!(verified(name, &options).verdict, verdict, "{asked}");
    }
}

/// What follows the message in its hole is not signed, and says nothing.
#[test]
fn padding_is_no_reason() {
    let options = options(&["refuse-root.pem", "refuse-tsa-root.pem"], "2026-11-28T13:00:00Z");
    let report = verified("refuse-contents-padded-with-random-bytes", &options);
    assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()));
}

/// It may be about something else, which is not to say that it is.
#[test]
fn a_weak_imprint_is_called_weak() {
    let options = options(&["refuse-root.pem", "refuse-tsa-root.pem"], "2026-11-28T13:00:00Z");
    let report = verified("refuse-timestamp-with-sha1-imprint", &options);
    assert_eq!(report.verdict, Verdict::Indeterminate);
    let timestamp = report.signatures[0].timestamp.as_ref().expect("a timestamp");
    assert_eq!(timestamp.integrity.outcome, Outcome::Unknown);
    let reasons = report.reasons.join("\n");
    assert!(reasons.contains("SHA-1") && !reasons.contains("about something else:"), "{reasons}");
}

#[test]
fn roots_are_read_as_programs_save_them() {
    for name in ["14-root-with-byte-order-mark.pem", "14c-root-in-der.cer"] {
        assert_eq!(roots_from_pem(&case(name)).map(|roots| roots.len()), Ok(1), "{name}");
    }
    let utf16: Vec<u8> = case("refuse-root.pem").iter().flat_map(|byte| [*byte, 0]).collect();
    let error = roots_from_pem(&[&[0xFF, 0xFE], utf16.as_slice()].concat()).expect_err("UTF-16");
    assert!(error.to_string().contains("UTF-16"), "{error}");
}
