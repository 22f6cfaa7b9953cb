//! On whose word the time of signing stands: `docs/adr/0004`.

use super::*;

/// A B-LT signature whose certificate expired since, with a timestamp of an authority under a root of its own.
struct Expired {
    signer: Pki,
    authority: TestPki,
    signed: Vec<u8>,
}

/// When it was signed, and when it is verified: the signer's certificate is valid for a year.
const THEN: &str = "2025-06-15T10:00:00Z";
const TODAY: &str = "2026-11-22T10:00:00Z";

impl Expired {
    fn new() -> Self {
        Self::stamped(THEN)
    }

    fn stamped(time: &str) -> Self {
        let then: Timestamp = THEN.parse().unwrap();
        let (pki, authority) = (TestPki::generate(then).unwrap(), TestPki::generate(then).unwrap());
        let identity = pki.issue(&Subject::new("TAN AH KOW"), then).unwrap();
        let rect = Rect::new(100.0, 300.0, 200.0, 60.0);
        let mut options = SignOptions::new("s", 1, rect, time.parse().unwrap());
        options.level = Level::BLT;
        let signed = sign(&base(Style::Table).into(), &identity, Some(authority.tsa()), &options).unwrap();
        Self { signer: Pki { pki, identity }, authority, signed: signed.to_vec() }
    }

    fn options(&self) -> VerifyOptions {
        let mut options = VerifyOptions::new(TODAY.parse().unwrap());
        options.roots = vec![self.signer.pki.root_der().to_vec()];
        options
    }
}

#[test]
fn an_expired_certificate_passes_on_the_word_of_a_stranger_and_the_report_says_so() {
    let fixture = Expired::new();
    let report = verify(&fixture.signed, &fixture.options()).unwrap();
    assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()), "{report:#?}");
    let signature = &report.signatures[0];
    assert_eq!(signature.chain.time_source, TimeSource::UntrustedTimestamp);
    assert_eq!(signature.chain.at, THEN.parse().unwrap());
    let timestamp = signature.timestamp.as_ref().unwrap();
    assert_eq!(timestamp.authority.as_deref(), Some("Sandbox Timestamp Authority"));
    assert!(timestamp.integrity.is_passed() && timestamp.chain.is_failed());
    let [note] = report.notes.as_slice() else { panic!("{:?}", report.notes) };
    assert!(note.contains("signature s: ") && note.contains("Sandbox Timestamp Authority alone"), "{note}");

    let untrusted = verify(&fixture.signed, &VerifyOptions::new(TODAY.parse().unwrap())).unwrap();
    assert_eq!(untrusted.verdict, Verdict::Indeterminate, "without a root nobody is trusted");
    let mut flipped = fixture.signed.clone();
    flipped[700] ^= 1;
    assert!(verify(&flipped, &fixture.options()).map_or(true, |report| report.verdict == Verdict::Failed));
}

#[test]
fn strict_verification_takes_nobodys_word() {
    let fixture = Expired::new();
    let refused = verify(&fixture.signed, &fixture.options().strict()).unwrap();
    assert_eq!(refused.verdict, Verdict::Indeterminate);
    assert!(refused.reasons[0].contains("not valid at that time"), "{:?}", refused.reasons);

    let mut options = fixture.options().strict();
    options.timestamp_roots = vec![fixture.authority.root_der().to_vec()];
    let settled = verify(&fixture.signed, &options).unwrap();
    assert_eq!((settled.verdict, &settled.notes), (Verdict::Passed, &Vec::new()), "{settled:#?}");
    assert_eq!(settled.signatures[0].chain.time_source, TimeSource::Timestamp);
}

#[test]
fn a_root_for_timestamps_trusts_no_signer() {
    let fixture = Expired::new();
    let mut options = fixture.options();
    options.timestamp_roots = std::mem::take(&mut options.roots);
    assert_eq!(verify(&fixture.signed, &options).unwrap().verdict, Verdict::Indeterminate);
}

/// Nobody can have seen a signature that is yet to be made.
#[test]
fn a_timestamp_from_the_future_does_not_count() {
    let fixture = Expired::stamped("2028-01-01T00:00:00Z");
    let mut options = fixture.options();
    options.timestamp_roots = vec![fixture.authority.root_der().to_vec()];
    let report = verify(&fixture.signed, &options).unwrap();
    assert_eq!(report.signatures[0].chain.time_source, TimeSource::Caller);
    assert_eq!(report.verdict, Verdict::Indeterminate, "{report:#?}");
}

#[test]
fn only_a_known_authority_excuses_a_revocation() {
    let fixture = Expired::new();
    let list = fixture.signer.identity.revocation_of("2025-08-01T00:00:00Z".parse().unwrap());
    let signed = Update::to(&fixture.signed, |u| {
        let stream = u.add(lopdf::Stream::new(Dictionary::new(), list));
        u.set(CATALOG, "DSS", lopdf::dictionary! { "CRLs" => vec![Object::Reference(stream)] });
    });
    let report = verify(&signed, &fixture.options()).unwrap();
    assert_eq!(report.signatures[0].revocation.status, RevocationStatus::Revoked);
    assert_eq!(report.verdict, Verdict::Failed, "a stranger says that it was signed before: {report:#?}");

    let mut options = fixture.options();
    options.timestamp_roots = vec![fixture.authority.root_der().to_vec()];
    let report = verify(&signed, &options).unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "it was signed before that: {report:#?}");
}
