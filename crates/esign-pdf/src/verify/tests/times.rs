//! On whose word the time of signing stands: `docs/adr/0011`.

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

/// Everything that a person needs to settle it is in the sentence.
#[test]
fn an_expired_certificate_is_not_established_on_the_word_of_a_stranger() {
    let fixture = Expired::new();
    let report = verify(&fixture.signed, &fixture.options()).unwrap();
    assert_eq!(report.verdict, Verdict::Indeterminate, "{report:#?}");
    let signature = &report.signatures[0];
    assert_eq!((signature.chain.time_source, signature.chain.needs_timestamp), (TimeSource::Caller, true));
    let timestamp = signature.timestamp.as_ref().unwrap();
    assert_eq!(timestamp.authority.as_deref(), Some("Sandbox Timestamp Authority"));
    assert!(timestamp.integrity.is_passed() && timestamp.chain.is_failed());
    let top = timestamp.top.as_ref().unwrap();
    assert_eq!(top.der, fixture.authority.root_der());
    let [reason] = report.reasons.as_slice() else { panic!("{:?}", report.reasons) };
    for words in [
        "signature s: trust: ",
        "has ended",
        "Sandbox Timestamp Authority alone",
        &hex(&sha256(fixture.authority.root_der())),
        "`esign roots ",
        "`--timestamp-root ",
        "timestamp_roots",
    ] {
        assert!(reason.contains(words), "{words}: {reason}");
    }

    let mut settled = fixture.options();
    settled.timestamp_roots = vec![top.der.clone()];
    let settled = verify(&fixture.signed, &settled).unwrap();
    assert_eq!((settled.verdict, &settled.notes), (Verdict::Passed, &Vec::new()), "{settled:#?}");
    assert_eq!(settled.signatures[0].chain.time_source, TimeSource::Timestamp);
    let untrusted = verify(&fixture.signed, &VerifyOptions::new(TODAY.parse().unwrap())).unwrap();
    assert_eq!(untrusted.verdict, Verdict::Indeterminate, "without a root nobody is trusted");
    let mut flipped = fixture.signed.clone();
    flipped[700] ^= 1;
    assert!(verify(&flipped, &fixture.options()).map_or(true, |report| report.verdict == Verdict::Failed));
}

/// At download the verdict does not need the time, and a note says that it will.
#[test]
fn while_the_certificate_is_valid_the_time_is_not_needed() {
    let fixture = Expired::new();
    let mut options = fixture.options();
    options.at = "2025-06-15T10:05:00Z".parse().unwrap();
    let report = verify(&fixture.signed, &options).unwrap();
    assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()), "{report:#?}");
    let chain = &report.signatures[0].chain;
    assert_eq!((chain.time_source, chain.needs_timestamp, chain.at), (TimeSource::Caller, false, options.at));
    let [note] = report.notes.as_slice() else { panic!("{:?}", report.notes) };
    assert!(note.contains("will need the time") && note.contains("`esign roots "), "{note}");
}

#[test]
fn the_word_of_a_stranger_counts_where_it_is_configured() {
    let fixture = Expired::new();
    let mut options = fixture.options();
    options.timestamps = TimestampTrust::WhenIntact;
    let report = verify(&fixture.signed, &options).unwrap();
    assert_eq!((report.verdict, &report.reasons), (Verdict::Passed, &Vec::new()), "{report:#?}");
    let chain = &report.signatures[0].chain;
    assert_eq!((chain.time_source, chain.at), (TimeSource::UntrustedTimestamp, THEN.parse().unwrap()));
    let [note] = report.notes.as_slice() else { panic!("{:?}", report.notes) };
    assert!(note.contains("stands on the word of the timestamp authority Sandbox"), "{note}");
    assert_eq!(verify(&fixture.signed, &options.strict()).unwrap().verdict, Verdict::Indeterminate);
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
    let with_list = |signed: &[u8], since: &str| {
        let list = fixture.signer.identity.revocation_of(since.parse().unwrap());
        Update::to(signed, |u| {
            let stream = u.add(lopdf::Stream::new(Dictionary::new(), list));
            u.set(CATALOG, "DSS", lopdf::dictionary! { "CRLs" => vec![Object::Reference(stream)] });
        })
    };
    let since = with_list(&fixture.signed, "2025-08-01T00:00:00Z");
    let before = with_list(&fixture.signed, "2025-06-15T09:00:00Z");
    let bare = fixture.signer.sign(&base(Style::Table), "s", 300.0, Level::BB);
    let unstamped = {
        let list = fixture.signer.identity.revocation_of("2025-08-01T00:00:00Z".parse().unwrap());
        Update::to(&bare, |u| {
            let stream = u.add(lopdf::Stream::new(Dictionary::new(), list));
            u.set(CATALOG, "DSS", lopdf::dictionary! { "CRLs" => vec![Object::Reference(stream)] });
        })
    };
    let judged = |signed: &[u8], at: &str, timestamps, roots: &[Vec<u8>]| {
        let mut options = fixture.options();
        (options.at, options.timestamps) = (at.parse().unwrap(), timestamps);
        options.timestamp_roots = roots.to_vec();
        verify(signed, &options).unwrap()
    };
    let valid = "2025-09-01T00:00:00Z";
    for timestamps in [TimestampTrust::WhenTrusted, TimestampTrust::WhenIntact] {
        for at in [valid, TODAY] {
            let report = judged(&since, at, timestamps, &[]);
            assert_eq!(
                report.verdict,
                Verdict::Indeterminate,
                "a stranger says that it was before: {report:#?}"
            );
            assert!(report.reasons.join("\n").contains("was revoked"), "{:?}", report.reasons);
            let report = judged(&before, at, timestamps, &[]);
            assert_eq!(report.verdict, Verdict::Failed, "it does not say that it was before: {report:#?}");
        }
        let report = judged(&unstamped, valid, timestamps, &[]);
        assert_eq!(report.verdict, Verdict::Failed, "nothing says when it was: {report:#?}");
    }
    let known = [fixture.authority.root_der().to_vec()];
    let report = judged(&since, TODAY, TimestampTrust::WhenTrusted, &known);
    assert_eq!(report.verdict, Verdict::Passed, "it was signed before that: {report:#?}");
    let report = judged(&before, TODAY, TimestampTrust::WhenTrusted, &known);
    assert_eq!(report.verdict, Verdict::Failed, "{report:#?}");
}
