//! What is signed here, judged by the crate's own verification, which shares no code with the signing.

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_pdf::facts::{Rect, SignatureLevel};
use esign_pdf::sign::{
    Identity, KeyKind, Level, SAMPLE_PLACES, SignOptions, Subject, TestPki, sample_pdf, sign,
};
use esign_pdf::verify::{ExpectedBox, Original, RevocationStatus, Verdict};
use esign_pdf::{Limits, VerificationReport, VerifyOptions, inspect, roots_from_pem, verify};

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a time")
}

fn sample() -> Bytes {
    sample_pdf("Agreement", &["The parties agree.", "Nothing else is agreed."]).into()
}

fn signer(pki: &TestPki, name: &str) -> Identity {
    pki.issue(&Subject::new(name), now()).expect("a certificate")
}

fn verified(pdf: &[u8], pki: &TestPki, original: &[u8], boxes: &[(u32, Rect)]) -> VerificationReport {
    let mut options = VerifyOptions::new(now());
    options.roots = roots_from_pem(pki.root_pem().as_bytes()).expect("the root is a certificate");
    options.original = Some(Original::of(original));
    let expected = |(page, rect): &(u32, Rect)| ExpectedBox { page: *page, rect: *rect, tolerance: 0.01 };
    options.boxes = boxes.iter().map(expected).collect();
    verify(pdf, &options).expect("the document can be read")
}

/// Four signers at every level, one after the other: each keeps what was signed before.
#[test]
fn every_signature_in_a_row_passes() {
    let pki = TestPki::generate(now()).expect("keys");
    let original = sample();
    let mut pdf = original.clone();
    let levels = [Level::BB, Level::BLT, Level::BT, Level::BLT];
    for (number, (place, level)) in SAMPLE_PLACES.into_iter().zip(levels).enumerate() {
        let mut options = SignOptions::new(format!("signature-{number}"), 2, place, now());
        options.level = level;
        let identity = signer(&pki, &format!("Signer {number}"));
        pdf = sign(&pdf, &identity, Some(pki.tsa()), &options).expect("a signature");

        let boxes: Vec<_> = SAMPLE_PLACES[..=number].iter().map(|place| (2, *place)).collect();
        let report = verified(&pdf, &pki, &original, &boxes);
        assert_eq!(report.verdict, Verdict::Passed, "{number}: {:?}", report.reasons);
        assert_eq!(report.extends_original, Some(true));
        assert!(report.boxes.iter().all(|place| place.field.is_some()), "{:?}", report.boxes);
        assert_eq!(report.signatures.len(), number + 1);
        for (index, signature) in report.signatures.iter().enumerate() {
            assert_eq!(signature.verdict, Verdict::Passed, "{index}: {:?}", signature.reasons);
            let name = signature.signer.as_ref().and_then(|signer| signer.common_name.as_ref());
            assert!(name.is_some_and(|name| name.expose() == format!("Signer {index}")));
            assert_eq!(signature.timestamp.is_some(), levels[index] != Level::BB);
            assert_ne!(signature.revocation.status, RevocationStatus::Revoked);
        }
    }
    let facts = inspect(&pdf, &Limits::default()).expect("facts");
    let found: Vec<_> =
        facts.signatures.iter().filter_map(|field| Some(field.signature.as_ref()?.level)).collect();
    assert_eq!(
        found,
        [SignatureLevel::BB, SignatureLevel::BLT, SignatureLevel::BLT, SignatureLevel::BLT],
        "a store serves every timestamped signature in the document"
    );
}

/// Every kind of key at every level, with the algorithms that go with it.
#[test]
fn every_kind_of_key_signs() {
    let pki = TestPki::generate(now()).expect("keys");
    let original = sample();
    for (kind, algorithms) in [
        (KeyKind::P256, [ECDSA_SHA256, SHA256]),
        (KeyKind::P384, [ECDSA_SHA384, SHA384]),
        (KeyKind::Rsa2048, [RSA_SHA256, SHA256]),
        (KeyKind::Rsa3072, [RSA_SHA256, SHA256]),
    ] {
        let identity = pki.issue_for(&Subject::new("Signer"), kind, now()).expect("a certificate");
        for level in [Level::BB, Level::BT, Level::BLT] {
            let mut options = SignOptions::new("signature", 2, SAMPLE_PLACES[0], now());
            options.level = level;
            let signed = sign(&original, &identity, Some(pki.tsa()), &options).expect("a signature");
            let report = verified(&signed, &pki, &original, &[]);
            assert_eq!(report.verdict, Verdict::Passed, "{kind:?} {level:?}: {:?}", report.reasons);
            let found = contents(&signed);
            for algorithm in algorithms {
                assert!(found.contains(algorithm), "{kind:?}: {algorithm}");
            }
        }
    }
}

/// Algorithm identifiers in DER, in hexadecimal: ECDSA without parameters, RSA with a null (RFC 5754).
const ECDSA_SHA256: &str = "300a06082a8648ce3d040302";
const ECDSA_SHA384: &str = "300a06082a8648ce3d040303";
const RSA_SHA256: &str = "300d06092a864886f70d01010b0500";
const SHA256: &str = "300b0609608648016503040201";
const SHA384: &str = "300b0609608648016503040202";

/// The hole of the first signature, in hexadecimal.
fn contents(pdf: &[u8]) -> String {
    let text = String::from_utf8_lossy(pdf);
    let (_, after) = text.split_once("/Contents<").expect("a signature");
    after.split('>').next().expect("its end").to_owned()
}

/// One bit in what is signed, tried all over it, and the signature fails or the document can no longer be read.
#[test]
fn no_bit_can_be_flipped() {
    let pki = TestPki::generate(now()).expect("keys");
    let original = sample();
    let options = SignOptions::new("signature", 2, SAMPLE_PLACES[0], now());
    let signed = sign(&original, &signer(&pki, "Signer"), Some(pki.tsa()), &options).expect("a signature");
    let hole = signed.windows(11).position(|window| window == b"/Contents<0" || window == b"/Contents<3");
    let hole = hole.expect("the signature's hole") + "/Contents".len();
    let after = hole + 2 * options.reserve + 2;
    assert_eq!((signed[hole], signed[after - 1]), (b'<', b'>'));
    for at in (0..hole).step_by(151).chain((after..signed.len()).step_by(11)) {
        let mut changed = signed.to_vec();
        changed[at] ^= 1;
        let mut options = VerifyOptions::new(now());
        options.roots = vec![pki.root_der().to_vec()];
        if let Ok(report) = verify(&changed, &options) {
            assert_ne!(report.verdict, Verdict::Passed, "byte {at}");
        }
    }
}

/// Nobody but the root's owner can make a signature that leads to it.
#[test]
fn another_root_is_not_trusted() {
    let (pki, other) = (TestPki::generate(now()).expect("keys"), TestPki::generate(now()).expect("keys"));
    let original = sample();
    let options = SignOptions::new("signature", 2, SAMPLE_PLACES[0], now());
    let signed = sign(&original, &signer(&pki, "Signer"), Some(pki.tsa()), &options).expect("a signature");
    assert_eq!(verified(&signed, &pki, &original, &[]).verdict, Verdict::Passed);
    assert_eq!(verified(&signed, &other, &original, &[]).verdict, Verdict::Indeterminate);
}

/// As many signatures as a long chain of approvals has, each with validation data of its own.
#[test]
fn a_hundred_signatures_stay_within_the_default_limits() {
    let pki = TestPki::generate(now()).expect("keys");
    let original = sample();
    let mut pdf = original.clone();
    for number in 0..100u32 {
        let place =
            Rect::new(20.0 + f64::from(number % 10) * 50.0, 20.0 + f64::from(number / 10) * 60.0, 40.0, 30.0);
        let mut options = SignOptions::new(format!("signature-{number}"), 2, place, now());
        options.level = Level::BLT;
        let identity = signer(&pki, &format!("Signer {number}"));
        pdf = sign(&pdf, &identity, Some(pki.tsa()), &options).expect("a signature");
    }
    let report = verified(&pdf, &pki, &original, &[]);
    assert_eq!((report.signatures.len(), report.verdict), (100, Verdict::Passed), "{:?}", report.reasons);
}
