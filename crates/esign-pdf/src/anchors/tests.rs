//! Words in sixteen font encodings, pages in every position, and documents made to exhaust the reader.

mod encodings;
mod hostile;

use esign_core::facts::Rect;

use super::*;
use crate::testing::{Fixture, Style, document, stream};

fn search(bytes: &[u8], text: &str) -> Result<Vec<TextHit>, PdfError> {
    find_texts(&Bytes::copy_from_slice(bytes), &[TextQuery::new(text, false)], &Limits::default())
        .map(|mut found| found.remove(0))
}

/// A page of this content whose font `F` is Helvetica.
fn page(entries: &str, content: &str) -> Fixture {
    let resources = "/Resources<</Font<</F 20 0 R>>/XObject<</X 22 0 R>>>>/Contents 21 0 R";
    document("", &[&format!("{entries}{resources}")], Style::Table).update(
        &[
            (20, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned()),
            (21, stream("", content)),
        ],
        Style::Table,
    )
}

const A4: &str = "/MediaBox[0 0 595 842]";

fn places(content: &str, text: &str) -> Vec<(f64, f64)> {
    let hits = search(&page(A4, content).bytes, text).unwrap();
    hits.iter().map(|hit| (hit.shown.x.round(), hit.shown.y.round())).collect()
}

#[test]
fn a_text_is_found_however_it_is_cut_up() {
    for content in [
        "BT /F 12 Tf 72 700 Td (Please sign here today) Tj ET",
        "BT /F 12 Tf 72 700 Td [(Please si) 20 (gn) -278 (he) 10 (re) -278 (today)] TJ ET",
        "BT /F 12 Tf 72 700 Td (Please sign ) Tj (h) Tj (ere) Tj ET",
        "BT /F 12 Tf 72 700 Td (Please) Tj ET BT /F 12 Tf 112 700 Td (sign) Tj ET BT /F 12 Tf 138 700 Td (here) Tj ET",
        "BT /F 12 Tf 138 700 Td (here) Tj ET BT /F 12 Tf 112 700 Td (sign) Tj ET",
        "BT /F 1 Tf 12 0 0 12 72 700 Tm (Please sign) Tj 40 TL T* ET BT /F 12 Tf 112 686 Td (here) Tj ET BT /F 12 Tf \
         112 700 Td 3 Tr (sign) Tj ET",
        "BT /F 12 Tf 2 Tr 72 700 Td (Please sign here) Tj ET",
        "BT /F 12 Tf 72 700 Td (Please sign here) Tj ET BT /F 12 Tf 72.3 700 Td (Please sign here) Tj ET",
    ] {
        assert_eq!(places(content, "sign here"), [(112.0, 700.0)], "{content}");
    }
}

#[test]
fn what_only_looks_alike_is_not_found() {
    for (content, text) in [
        ("BT /F 12 Tf 72 700 Td (sign) Tj 0 -400 Td (here) Tj ET", "sign here"),
        ("BT /F 12 Tf 72 700 Td (sign) Tj 300 0 Td (here) Tj ET", "signhere"),
        ("BT /F 12 Tf 72 700 Td (signhere) Tj ET", "sign here"),
        ("BT /F 12 Tf 72 700 Td (Sign here) Tj ET", "sign here"),
        ("BT /F 12 Tf 72 700 Td <636166E9> Tj ET", "cafe"),
        ("BT /F 12 Tf 72 700 Td (sign here) Tj ET", "sign here!"),
        ("BT /F 12 Tf 900 700 Td (sign here) Tj ET", "sign here"),
        ("BT /F 12 Tf 72 -10 Td (sign here) Tj ET", "sign here"),
    ] {
        assert_eq!(places(content, text), [], "{content}");
    }
}

#[test]
fn occurrences_come_in_reading_order_and_their_size_is_that_of_the_text() {
    let content =
        "BT /F 10 Tf 300 100 Td (X) Tj ET BT /F 10 Tf 50 101 Td (X) Tj ET BT /F 20 Tf 9 800 Td (X) Tj ET";
    assert_eq!(places(content, "X"), [(9.0, 800.0), (50.0, 101.0), (300.0, 100.0)]);
    let [hit] = search(&page(A4, "BT /F 10 Tf 50 101 Td (iiii) Tj ET").bytes, "iiii").unwrap()[..] else {
        panic!("once")
    };
    // Four letters of 222 thousandths in Helvetica.
    assert!((hit.shown.width - 8.88).abs() < 0.01 && (hit.shown.height - 10.0).abs() < 0.01, "{hit:?}");
}

#[test]
fn the_second_page_is_page_two() {
    let content = "/Resources<</Font<</F 20 0 R>>>>/MediaBox[0 0 595 842]/Contents";
    let pages = [format!("{content} 21 0 R"), format!("{content}[22 0 R 21 0 R 22 0 R]")];
    let file = document("", &[&pages[0], &pages[1]], Style::Compressed).update(
        &[
            (20, "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>".to_owned()),
            (21, stream("", "BT /F 12 Tf 72 700 Td (both) Tj ET")),
            (22, stream("", "BT /F 12 Tf 72 600 Td (second) Tj ET")),
        ],
        Style::Compressed,
    );
    let numbers = |text| search(&file.bytes, text).unwrap().iter().map(|hit| hit.page).collect::<Vec<_>>();
    assert_eq!(numbers("both"), [1, 2]);
    assert_eq!(numbers("second"), [2], "the same letters drawn twice at one place count once");
}

/// The word is drawn upright as shown; the numbers are worked out by hand from the page's boxes.
#[test]
fn places_are_those_of_the_page_as_shown() {
    // Visible: 400 x 300 units from (50, 100).
    let crop = "/MediaBox[0 0 600 800]/CropBox[50 100 450 400]";
    for (entries, matrix, expected) in [
        (crop.to_owned(), "1 0 0 1 60 120", (10.0, 20.0)),
        (format!("{crop}/UserUnit 2"), "1 0 0 1 60 120", (20.0, 40.0)),
        (format!("{crop}/Rotate 90"), "0 1 -1 0 430 110", (10.0, 20.0)),
        (format!("{crop}/Rotate 180"), "-1 0 0 -1 440 380", (10.0, 20.0)),
        (format!("{crop}/Rotate 270"), "0 -1 1 0 70 390", (10.0, 20.0)),
        (format!("{crop}/Rotate -90/UserUnit 0.5"), "0 -1 1 0 70 390", (5.0, 10.0)),
        (format!("{crop}/Rotate 450"), "0 1 -1 0 430 110", (10.0, 20.0)),
        ("/MediaBox[-100 -200 500 600]".to_owned(), "1 0 0 1 -90 -180", (10.0, 20.0)),
        ("/MediaBox[500 600 -100 -200]/CropBox[0 0 9999 9999]".to_owned(), "1 0 0 1 10 20", (10.0, 20.0)),
    ] {
        let content = format!("BT /F 12 Tf {matrix} Tm (sign here) Tj ET");
        let found = search(&page(&entries, &content).bytes, "sign here").unwrap();
        let [hit] = found[..] else { panic!("{entries}: {found:?}") };
        let Rect { x, y, width, height } = hit.shown;
        assert!((x - expected.0).abs() < 1e-3 && (y - expected.1).abs() < 1e-3, "{entries}: {x} {y}");
        assert!(width > 3.0 * height, "{entries}: the text runs to the right as shown");
    }
}

#[test]
fn what_is_cropped_away_is_not_found() {
    let entries = "/MediaBox[0 0 600 800]/CropBox[50 100 450 400]";
    assert_eq!(search(&page(entries, "BT /F 12 Tf 60 500 Td (out) Tj ET").bytes, "out"), Ok(Vec::new()));
}

#[test]
fn forms_are_read_and_annotations_are_not() {
    let entries = "/MediaBox[0 0 600 800]/Annots[23 0 R]";
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</Font<</F 20 0 R>>>>";
    let file = page(entries, "q 1 0 0 1 100 50 cm /X Do Q").update(
        &[
            (22, stream(form, "BT /F 12 Tf 10 20 Td (within) Tj ET")),
            (23, "<</Type/Annot/Subtype/Stamp/Rect[0 0 600 800]/AP<</N 24 0 R>>>>".to_owned()),
            (24, stream(form, "BT /F 12 Tf 10 20 Td (stamped) Tj ET")),
        ],
        Style::Table,
    );
    let found = search(&file.bytes, "within").unwrap();
    assert_eq!(
        found.iter().map(|hit| (hit.shown.x, hit.shown.y)).collect::<Vec<_>>(),
        [(110.0, 70.0)],
        "{found:?}"
    );
    assert_eq!(search(&file.bytes, "stamped"), Ok(Vec::new()));
}

#[test]
fn case_is_ignored_only_when_asked() {
    let bytes = Bytes::from(page(A4, "BT /F 12 Tf 72 700 Td <C95441542047415242> Tj ET").bytes);
    let count = |ignore| {
        let query = [TextQuery::new("état garb", ignore)];
        find_texts(&bytes, &query, &Limits::default()).unwrap()[0].len()
    };
    assert_eq!((count(true), count(false)), (1, 0));
}
