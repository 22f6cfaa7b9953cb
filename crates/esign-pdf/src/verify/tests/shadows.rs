//! Attacks that prepare the document before it is signed, or play readers off against each other.

use super::*;

/// A file with more bytes after it: no object, only another table that points elsewhere.
fn with_table(bytes: &[u8], entries: &[(u32, usize)], trailer: &str) -> Vec<u8> {
    let previous = bytes.windows(9).rposition(|window| window == b"startxref").unwrap();
    let previous: String =
        bytes[previous + 9..].iter().map(|b| char::from(*b)).take_while(|c| *c != '%').collect();
    let mut table = "xref\n0 1\n0000000000 65535 f \n".to_owned();
    for (number, offset) in entries {
        table.push_str(&format!("{number} 1\n{offset:010} 00000 n \n"));
    }
    let at = bytes.len();
    table.push_str(&format!(
        "trailer\n<</Size 200/Root 1 0 R/Info 16 0 R/Prev {}{trailer}>>\nstartxref\n{at}\n%%EOF\n",
        previous.trim()
    ));
    [bytes, table.as_bytes()].concat()
}

fn offset_of(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).rposition(|window| window == text.as_bytes()).unwrap()
}

/// "Hide and replace": what is shown later lies in the signed bytes already, and only a table is added that leads to it.
#[test]
fn hidden_content_that_is_shown_later_is_found() {
    let pki = Pki::new();
    let mut document = base(Style::Table);
    let hidden = document.len();
    document.extend_from_slice(format!("10 0 obj\n{}\nendobj\n", stream("", "(Pay 999) Tj")).as_bytes());
    let shown = offset_of(&document[..hidden], "10 0 obj");
    let document = with_table(&document, &[(10, shown)], "");
    let signed = pki.sign(&document, "s", 300.0, Level::BT);
    let report = pki.verify(&signed);
    assert_eq!(report.verdict, Verdict::Indeterminate, "a viewer that searches the file finds the other one");
    assert!(report.reasons[0].contains("object 10 stands here"), "{:?}", report.reasons);
    let report = pki.verify(&with_table(&signed, &[(10, hidden)], ""));
    assert_eq!(report.verdict, Verdict::Failed);
    assert!(report.reasons.join("\n").contains("not a proper update"), "{:?}", report.reasons);
}

/// "Hide": an annotation that covers something is taken away.
#[test]
fn what_covers_something_may_not_disappear() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    for (what, words, attack) in [
        ("freed", "was removed", (|u| u.put((12, 0), Object::Null)) as fn(&mut Update)),
        ("unlisted", "annotations of page 1", |u| {
            u.dict(PAGE).get_mut(b"Annots").unwrap().as_array_mut().unwrap().remove(0);
        }),
        ("made invisible", "an object of type Annot Text was changed", |u| u.set((12, 0), "F", 2)),
    ] {
        let report = pki.verify(&Update::to(&signed, attack));
        assert_eq!(report.verdict, Verdict::Failed, "{what}");
        let reasons = report.reasons.join("\n");
        assert!(reasons.contains(words) || what == "freed", "{what}: {reasons}");
    }
}

/// The same through object streams: an object of the signed revision gets a second home.
#[test]
fn an_object_stream_may_not_replace_what_was_signed() {
    let pki = Pki::new();
    for style in [Style::Stream, Style::Compressed] {
        let signed = pki.sign(&base(style), "s", 300.0, Level::BT);
        let replaced = Update::to(&signed, |u| {
            u.put((11, 0), lopdf::dictionary! { "Type" => "Font", "BaseFont" => "Wingdings" });
        });
        assert_eq!(pki.verify(&replaced).verdict, Verdict::Failed, "{style:?}");
    }
}

/// Readers disagree which of two entries counts: `/ByteRange`, `/Contents` or any other.
#[test]
fn a_signature_dictionary_with_an_entry_twice_is_none() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BB);
    let signature = offset_of(&signed, "/ByteRange");
    // Signed anew with an entry twice: `/M` gets the name of the entry before it, at the same length.
    let filter = signed[..].windows(7).rposition(|window| window == b"/Filter").unwrap();
    assert!(filter > signature - 2_000, "it is the signature's");
    let mut doubled = signed.clone();
    doubled[filter..filter + 7].copy_from_slice(b"/Type  ");
    let report = pki.verify(&doubled);
    assert_eq!(report.verdict, Verdict::Failed);
    let words = "the signature's dictionary has an entry twice";
    assert!(report.reasons.join("\n").contains(words), "{:?}", report.reasons);
}

/// Usage rights and certifications in the catalog are no place for afterthoughts.
#[test]
fn permissions_may_not_be_changed() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let report = pki.verify(&Update::to(&signed, |u| {
        u.set(CATALOG, "Perms", lopdf::dictionary! { "DocMDP" => (15, 0) });
    }));
    assert!(report.reasons.join("\n").contains("the document catalog's /Perms was changed"), "{report:#?}");
}

/// A further signature does not make up for what was done before it.
#[test]
fn a_signature_on_top_hides_no_change() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BT);
    let changed = Update::to(&signed, |u| u.put((10, 0), Update::content("BT (Pay 999) Tj ET")));
    let report = pki.verify(&pki.sign(&changed, "on-top", 400.0, Level::BLT));
    let verdicts: Vec<_> = report.signatures.iter().map(|signature| signature.verdict).collect();
    assert_eq!((report.verdict, verdicts), (Verdict::Failed, vec![Verdict::Failed, Verdict::Passed]));
}

/// A range that covers the document but not this revision's end, or that runs into the hole.
#[test]
fn wrapped_and_overlapping_ranges_are_refused() {
    let pki = Pki::new();
    let signed = pki.sign(&base(Style::Table), "s", 300.0, Level::BB);
    let range = offset_of(&signed, "/ByteRange[") + 11;
    let end = range + signed[range..].iter().position(|byte| *byte == b']').unwrap();
    let text = String::from_utf8(signed[range..end].to_vec()).unwrap();
    let numbers: Vec<usize> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [_, first, second, length] = numbers[..] else { panic!("{numbers:?}") };
    for wrong in [
        [0, first, first, length],
        [0, first - 8, second, length],
        [0, first, second + 8, length - 8],
        [0, first + 8, second, length],
        [0, first, second, length / 2],
        [0, second, first, length],
        [0, first, second, length + 1],
    ] {
        let mut wrapped = signed.clone();
        let text = wrong.map(|number| number.to_string()).join(" ");
        let text = format!("{text:width$}", width = end - range);
        wrapped[range..end].copy_from_slice(&text.as_bytes()[..end - range]);
        let verdict = verify(&wrapped, &pki.options()).map(|report| report.verdict);
        assert!(verdict.is_err() || verdict == Ok(Verdict::Failed), "{wrong:?}: {verdict:?}");
    }
}
