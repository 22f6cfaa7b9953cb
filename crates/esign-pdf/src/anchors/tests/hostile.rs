//! Documents made to exhaust whoever reads their text.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn refusal(file: &Fixture, limits: &Limits) -> PdfError {
    find_texts(&Bytes::copy_from_slice(&file.bytes), &[TextQuery::new("x", false)], limits).unwrap_err()
}

fn form(resources: &str, content: &str) -> String {
    stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]{resources}"), content)
}

/// Thirty forms, each of which draws the next one ten times.
#[test]
fn forms_that_multiply_are_refused_before_they_are_drawn() {
    let mut objects = Vec::new();
    for level in 0..30 {
        let (this, next) = (22 + level, 23 + level);
        let resources = format!("/Resources<</XObject<</X {next} 0 R>>>>");
        objects.push((this, form(&resources, &"/X Do ".repeat(10))));
    }
    let file = page(A4, "/X Do").update(&objects, Style::Table);
    assert!(
        matches!(refusal(&file, &Limits::default()), PdfError::Limit { what, .. } if what.contains("content"))
    );
}

/// With resources of its own the reader itself resolves the loop to nothing.
#[test]
fn forms_that_draw_themselves_end() {
    let draws = |number| format!("/Resources<</XObject<</X {number} 0 R>>>>");
    for (first, second) in
        [("".to_owned(), "".to_owned()), (draws(22), "".to_owned()), (draws(23), draws(22))]
    {
        let forms = [(22, form(&first, "/X Do /X Do")), (23, form(&second, "/X Do /X Do"))];
        let file = page(A4, "/X Do").update(&forms, Style::Table);
        let outcome = search(&file.bytes, "x");
        let refused = matches!(outcome, Err(PdfError::Unreadable(why)) if why.contains("draws itself"));
        assert!(refused || outcome == Ok(Vec::new()), "{first} {second}: {outcome:?}");
    }
}

#[test]
fn content_that_is_listed_over_and_over_counts_each_time() {
    let contents = format!("{A4}/Contents[{}]", "30 0 R ".repeat(5000));
    let file = document("", &[&contents], Style::Table)
        .update(&[(30, stream("", &" ".repeat(100_000)))], Style::Table);
    assert!(
        matches!(refusal(&file, &Limits::default()), PdfError::Limit { limit, .. } if limit == Limits::default().max_content)
    );
}

#[test]
fn streams_that_unpack_to_too_much_are_refused() {
    let mut packed = lopdf::Stream::new(lopdf::Dictionary::new(), vec![b' '; 3 << 20]);
    packed.compress().unwrap();
    let mut hex = String::new();
    packed.content.iter().for_each(|byte| write!(hex, "{byte:02x}").unwrap());
    let file = page(A4, "");
    let entries = "/Filter[/ASCIIHexDecode/FlateDecode]";
    let file = file.update(&[(21, stream(entries, &format!("{hex}>")))], Style::Table);
    let limits = Limits { max_stream: 1 << 20, ..Limits::default() };
    assert!(
        matches!(refusal(&file, &limits), PdfError::Limit { what, .. } if what.contains("one decompressed"))
    );
    let limits = Limits { max_content: 2 << 20, ..Limits::default() };
    assert!(matches!(refusal(&file, &limits), PdfError::Limit { what, .. } if what.contains("unpacked")));
    assert!(find_texts(&file.bytes.into(), &[], &Limits::default()).is_ok());
}

#[test]
fn letters_are_counted() {
    let file = page(A4, &format!("BT /F 1 Tf ({}) Tj ET", "y".repeat(2000)));
    let limits = Limits { max_glyphs: 1999, ..Limits::default() };
    assert!(matches!(refusal(&file, &limits), PdfError::Limit { limit: 1999, .. }));
}

/// One letter over and over, sought with a text that nearly matches everywhere: the product must stay bearable.
#[test]
fn a_page_of_one_letter_is_searched() {
    let line = format!("({}) Tj ", "a".repeat(1000));
    let file = page(A4, &format!("BT /F 0.1 Tf 1 1 Td {} ET", line.repeat(20)));
    assert_eq!(search(&file.bytes, &format!("{}b", "a".repeat(199))), Ok(Vec::new()));
}

#[test]
fn what_is_no_document_is_an_error() {
    for bytes in [&b""[..], b"%PDF-1.7", b"%PDF-1.7\n%%EOF", &[0xFF; 100]] {
        assert!(search(bytes, "x").is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let content = "q 1 0 0 1 5 5 cm /X Do Q BT /F 12 Tf 2 Tr 72 700 Td [(Sign) -200 (here)] TJ T* <4142> ' ET";
        let inner = form("/Resources<</Font<</F 20 0 R>>>>", "BT /F 9 Tf (inner) Tj ET");
        let mut bytes = page(A4, content).update(&[(22, inner)], Style::Stream).bytes;
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let outcome = search(&bytes, "here");
        prop_assert!(!matches!(outcome, Err(PdfError::Internal(_))), "{outcome:?}");
    }
}
