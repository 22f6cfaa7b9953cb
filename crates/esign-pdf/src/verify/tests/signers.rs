//! Expected signers, by name and the end of their national id.

use super::*;

fn signed_by(pki: &TestPki, bytes: &[u8], field: &str, y: f64, name: &str, number: Option<&str>) -> Vec<u8> {
    let mut subject = Subject::new(name);
    subject.serial_number = number.map(str::to_owned);
    let identity = pki.issue(&subject, now()).unwrap();
    let options = SignOptions::new(field, 1, Rect::new(100.0, y, 200.0, 60.0), now());
    sign(&Bytes::copy_from_slice(bytes), &identity, Some(pki.tsa()), &options).unwrap().to_vec()
}

/// Two namesakes, told apart by their ids as Singpass writes them, and one as ETSI does.
fn signed() -> (Pki, Vec<u8>) {
    let pki = Pki::new();
    let one = signed_by(&pki.pki, &base(Style::Table), "a", 100.0, "Tan Ah Kow", Some("123A 00ff00ff"));
    let two = signed_by(&pki.pki, &one, "b", 200.0, "Tan Ah Kow", Some("567B 00ff00ff"));
    let three = signed_by(&pki.pki, &two, "c", 300.0, "Lim Bee Hoon", Some("PNOSG-S0000765C"));
    let four = signed_by(&pki.pki, &three, "d", 400.0, "Nobody Special", None);
    (pki, four)
}

#[test]
fn signers_are_found_by_name_and_the_end_of_their_id() {
    let (pki, signed) = signed();
    for (asked, verdict, fields) in [
        (&["TAN  AH KOW", "tan ah kow:123a"][..], Verdict::Passed, &[Some("b"), Some("a")][..]),
        (&["TAN AH KOW:567B", "LIM BEE HOON:765C"], Verdict::Passed, &[Some("b"), Some("c")]),
        (&["TAN AH KOW:999Z"], Verdict::Failed, &[Some("a")]),
        (&["TAN AH"], Verdict::Failed, &[None]),
        (&["TAN AH KOW", "TAN AH KOW", "TAN AH KOW"], Verdict::Failed, &[Some("a"), Some("b"), None]),
        (&["LIM BEE HOON:S0000765C"], Verdict::Indeterminate, &[Some("c")]),
        (&["LIM BEE HOON:S0000765D"], Verdict::Failed, &[Some("c")]),
        (&["NOBODY SPECIAL:567B"], Verdict::Indeterminate, &[Some("d")]),
    ] {
        let mut options = pki.options();
        options.signers = asked.iter().map(|text| ExpectedSigner::parse(text).unwrap()).collect();
        let report = verify(&signed, &options).unwrap();
        let found: Vec<_> = report.signers.iter().map(|signer| signer.field.as_deref()).collect();
        assert_eq!((report.verdict, found.as_slice()), (verdict, fields), "{asked:?} {:?}", report.reasons);
        let words = report.reasons.join(" ").to_uppercase();
        assert!(!words.contains("TAN AH") && !words.contains("765C"), "reasons end up in logs: {words}");
    }
}

#[test]
fn more_of_an_id_is_not_provable_and_the_report_says_so() {
    let (pki, signed) = signed();
    let mut options = pki.options();
    options.signers = vec![ExpectedSigner::new("Lim Bee Hoon").with_id_end("S0000765C")];
    let report = verify(&signed, &options).unwrap();
    assert!(report.reasons[0].contains("not provable from the document"), "{:?}", report.reasons);
}

/// A signature that is not trusted names whoever its maker liked.
#[test]
fn a_name_counts_only_in_a_signature_that_holds() {
    let (_, signed) = signed();
    let mut options = VerifyOptions::new(now());
    options.signers = vec![ExpectedSigner::new("Tan Ah Kow")];
    let report = verify(&signed, &options).unwrap();
    assert_eq!(report.signers[0].signed.outcome, Outcome::Unknown);
}

/// Who signed before it was sent has not answered to this request.
#[test]
fn earlier_signatures_do_not_answer_for_expected_signers_or_boxes() {
    let pki = Pki::new();
    let before = signed_by(&pki.pki, &base(Style::Table), "a", 100.0, "Tan Ah Kow", None);
    let after = signed_by(&pki.pki, &before, "b", 300.0, "Lim Bee Hoon", None);
    let mut options = pki.options();
    options.original = Some(Original::of(&before));
    options.signers = vec![ExpectedSigner::new("Tan Ah Kow")];
    options.boxes = vec![ExpectedBox { page: 1, rect: Rect::new(100.0, 100.0, 200.0, 60.0), tolerance: 1.0 }];
    let report = verify(&after, &options).unwrap();
    assert_eq!((report.signers[0].field.as_ref(), report.boxes[0].field.as_ref()), (None, None));
    options.original = None;
    let report = verify(&after, &options).unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{:?}", report.reasons);
}
