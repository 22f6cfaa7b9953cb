//! A document to try things out with.

use std::convert::Infallible;

use esign_core::facts::Rect;
use lopdf::{Document, Object, ObjectId, Stream, dictionary, text_string};

use super::paint::{Colour, Painter, Style, number};
use super::text::{Fonts, Text, Weight};

/// A4 in points.
const PAGE: (f64, f64) = (595.28, 841.89);
const MARGIN: f64 = 62.0;
const TOP: f64 = 760.0;
/// Where running text ends, above the page number.
const BOTTOM: f64 = 90.0;
/// Space between clause number and clause.
const INDENT: f64 = 26.0;

/// Where [`sample_pdf`] leaves room for signatures on its last page, in points from the lower left: two parties, two
/// witnesses. Each place is a little larger than the box that Sign with Singpass draws.
pub const SAMPLE_PLACES: [Rect; 4] = [place(0, 0), place(1, 0), place(0, 1), place(1, 1)];
const ROLES: [&str; 4] = ["First party", "Second party", "Witness to the first", "Witness to the second"];

const fn place(column: u8, row: u8) -> Rect {
    const SIZE: (f64, f64) = (225.0, 64.0);
    let x = if column == 0 { MARGIN } else { PAGE.0 - MARGIN - SIZE.0 };
    Rect::new(x, 585.0 - 145.0 * row as f64, SIZE.0, SIZE.1)
}

const MAX_TITLE_LINES: usize = 4;

const INK: Colour = [0.13, 0.15, 0.19];
const MUTED: Colour = [0.45, 0.48, 0.54];
const SLATE: Colour = [0.25, 0.36, 0.52];

const TITLE: Style = Style { weight: Weight::Bold, size: 22.0, colour: INK };
const NOTE: Style = Style { weight: Weight::Regular, size: 9.0, colour: MUTED };
const NUMBER: Style = Style { weight: Weight::Bold, size: 10.5, colour: SLATE };
const BODY: Style = Style { weight: Weight::Regular, size: 10.5, colour: INK };
const LABEL: Style = Style { weight: Weight::Bold, size: 9.0, colour: SLATE };
const BODY_LEADING: f64 = 15.5;
const CLAUSE_GAP: f64 = 9.0;

/// Makes an agreement on A4: a title, numbered clauses, and a last page with places for signatures
/// ([`SAMPLE_PLACES`]); two pages at least.
///
/// The same input gives the same bytes. Texts may have Latin, Greek, Cyrillic, Tamil and Chinese letters; any other character
/// shows as an empty box.
///
/// ```
/// let pdf = esign_pdf::sign::sample_pdf("Agreement", &["This is the first clause."]);
/// assert_eq!(esign_pdf::inspect(&pdf, &esign_pdf::Limits::default())?.pages.len(), 2);
/// # Ok::<(), esign_pdf::PdfError>(())
/// ```
#[must_use]
pub fn sample_pdf(title: &str, paragraphs: &[&str]) -> Vec<u8> {
    let mut layout = Layout::new(title);
    for (number, paragraph) in (1..).zip(paragraphs) {
        layout.clause(number, paragraph);
    }
    layout.signatures();
    layout.turn();
    layout.write(title)
}

/// Makes a PDF on A4 out of plain text, one line or more for each of its lines; blanks are not kept. Characters
/// show as in [`sample_pdf`].
///
/// ```
/// let pdf = esign_pdf::sign::text_pdf("Note", "First line.\nSecond line.");
/// assert_eq!(esign_pdf::inspect(&pdf, &esign_pdf::Limits::default())?.pages.len(), 1);
/// # Ok::<(), esign_pdf::PdfError>(())
/// ```
#[must_use]
pub fn text_pdf(title: &str, text: &str) -> Vec<u8> {
    let mut layout = Layout { y: TOP, ..Layout::default() };
    for piece in text.lines().flat_map(pieces) {
        layout.paragraph(piece);
    }
    layout.turn();
    layout.write(title)
}

/// A line in pieces that are set one by one, because glyphs take far more memory than text.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    const LONGEST: usize = 4096;
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = line.floor_char_boundary(LONGEST);
        let end =
            if end < line.len() { line[..end].rfind(' ').filter(|at| *at > 0).unwrap_or(end) } else { end };
        rest = Some(&line[end..]).filter(|rest| !rest.is_empty());
        Some(&line[..end])
    })
}

/// Pages being filled from top to bottom.
#[derive(Default)]
struct Layout {
    done: Vec<Painter>,
    page: Painter,
    fonts: Fonts,
    /// Where the next line's top is.
    y: f64,
}

impl Layout {
    fn new(title: &str) -> Self {
        let mut layout = Self { y: TOP, ..Self::default() };
        for line in TITLE.set(title).wrap(TITLE.size, text_width()).iter().take(MAX_TITLE_LINES) {
            layout.line(TITLE, MARGIN, line, 28.0);
        }
        layout.y -= 5.0;
        let note = "A sample to try electronic signatures with. It binds nobody.";
        layout.line(NOTE, MARGIN, &NOTE.set(note), 20.0);
        let rule = layout.y + 2.0;
        layout.page.fill(SLATE, MARGIN, rule, text_width(), 1.2);
        layout.y -= 18.0;
        layout
    }

    fn clause(&mut self, number: usize, paragraph: &str) {
        let lines = BODY.set(paragraph).wrap(BODY.size, text_width() - INDENT);
        for (index, line) in lines.iter().enumerate() {
            if self.y - BODY_LEADING < BOTTOM {
                self.turn();
            }
            if index == 0 {
                let baseline = self.y - BODY.size;
                self.text(NUMBER, MARGIN, baseline, &NUMBER.set(&format!("{number}.")));
            }
            self.line(BODY, MARGIN + INDENT, line, BODY_LEADING);
        }
        self.y -= CLAUSE_GAP;
    }

    /// A line of the text, broken where the page's width asks for it; an empty one leaves its space.
    fn paragraph(&mut self, text: &str) {
        let lines = BODY.set(text).wrap(BODY.size, text_width());
        if lines.is_empty() {
            self.y -= BODY_LEADING;
        }
        for line in &lines {
            if self.y - BODY_LEADING < BOTTOM {
                self.turn();
            }
            self.line(BODY, MARGIN, line, BODY_LEADING);
        }
    }

    /// The last page, with lines to sign on.
    fn signatures(&mut self) {
        self.turn();
        self.line(Style { size: 15.0, ..TITLE }, MARGIN, &TITLE.set("Signatures"), 26.0);
        let note = BODY.set("Signed electronically, each in the place that bears the role.");
        self.line(BODY, MARGIN, &note, BODY_LEADING);
        for (place, role) in SAMPLE_PLACES.iter().zip(ROLES) {
            self.text(LABEL, place.x, place.top() + 10.0, &LABEL.set(role));
            self.page.fill(INK, place.x, place.y - 4.0, place.width, 0.7);
            self.text(NOTE, place.x, place.y - 17.0, &NOTE.set("Signature, name and date"));
        }
    }

    fn line(&mut self, style: Style, x: f64, text: &Text, leading: f64) {
        self.text(style, x, self.y - style.size, text);
        self.y -= leading;
    }

    fn text(&mut self, style: Style, x: f64, baseline: f64, text: &Text) {
        self.page.text(&mut self.fonts, style, x, baseline, text);
    }

    fn turn(&mut self) {
        self.done.push(std::mem::take(&mut self.page));
        self.y = TOP;
    }

    /// Title and number of each page, below its text.
    fn footers(&mut self, title: &str) {
        let count = self.done.len();
        for (number, page) in (1..).zip(&mut self.done) {
            let of = NOTE.set(&format!("Page {number} of {count}"));
            let right = PAGE.0 - MARGIN - of.width(NOTE.size);
            page.text(&mut self.fonts, NOTE, right, 48.0, &of);
            let title = NOTE.set(title).shorten(NOTE.size, right - MARGIN - 20.0);
            page.text(&mut self.fonts, NOTE, MARGIN, 48.0, &title);
        }
    }

    /// The file: fixed numbering, no dates, so that it is the same each time.
    fn write(mut self, title: &str) -> Vec<u8> {
        self.footers(title);
        let mut document = Document::with_version("1.7");
        document.reference_table.cross_reference_type = lopdf::xref::XrefType::CrossReferenceTable;
        let (catalog, tree) = (document.new_object_id(), document.new_object_id());
        let resources = self.fonts.resources(|font| Ok::<_, Infallible>(document.add_object(font)));
        let Ok(resources) = resources;
        let resources = document.add_object(resources);
        let kids: Vec<Object> =
            self.done.into_iter().map(|page| add_page(&mut document, tree, resources, page).into()).collect();
        let count = kids.len() as i64;
        document.set_object(tree, dictionary! { "Type" => "Pages", "Count" => count, "Kids" => kids });
        document.set_object(
            catalog,
            dictionary! {
                "Type" => "Catalog",
                "Pages" => tree,
                "Lang" => text_string("en"),
                "ViewerPreferences" => dictionary! { "DisplayDocTitle" => true },
            },
        );
        let info = document.add_object(dictionary! { "Title" => text_string(title) });
        document.trailer.set("Root", catalog);
        document.trailer.set("Info", info);
        let mut bytes = Vec::new();
        // Writing into memory does not fail.
        let _ = document.save_to(&mut bytes);
        bytes
    }
}

fn text_width() -> f64 {
    PAGE.0 - 2.0 * MARGIN
}

fn add_page(document: &mut Document, tree: ObjectId, resources: ObjectId, page: Painter) -> ObjectId {
    let contents = document.add_object(Stream::new(dictionary! {}, page.finish()));
    document.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => tree,
        "MediaBox" => [0.0, 0.0, PAGE.0, PAGE.1].map(number).to_vec(),
        "Resources" => resources,
        "Contents" => contents,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::shown_page;
    use crate::{Limits, inspect};

    #[test]
    fn it_is_a_sound_document_that_never_changes() {
        let clause = "The parties agree on what is written here and on nothing else. ".repeat(8);
        for (clauses, pages) in [(0, 2), (1, 2), (4, 2), (6, 3)] {
            let pdf = sample_pdf("Agreement", &vec![clause.as_str(); clauses]);
            assert_eq!(pdf, sample_pdf("Agreement", &vec![clause.as_str(); clauses]));
            let facts = inspect(&pdf, &Limits::default()).unwrap();
            assert!(facts.damage.is_empty() && facts.features.is_empty(), "{facts:?}");
            assert_eq!(facts.pages.len(), pages, "{clauses} clauses");
            let last = facts.pages.last().unwrap();
            assert!(last.is_plain() && SAMPLE_PLACES.iter().all(|place| shown_page(last).contains(place)));
        }
    }

    #[test]
    fn plain_text_becomes_pages() {
        let long =
            "A line that is too long for one line of the page, and so is broken into two lines. ".repeat(2);
        for (text, pages) in
            [("", 1), ("one\n\ntwo\r\n", 1), (&long, 1), (&format!("{long}\n").repeat(60), 3)]
        {
            let facts = inspect(&text_pdf("Note", text), &Limits::default()).unwrap();
            assert!(facts.damage.is_empty() && facts.features.is_empty(), "{facts:?}");
            assert_eq!(facts.pages.len(), pages, "{}", text.len());
        }
    }

    #[test]
    fn long_lines_are_set_in_pieces() {
        for line in [String::new(), "x".repeat(10_000), "é".repeat(10_000), "word ".repeat(3_000)] {
            let cut: Vec<_> = pieces(&line).collect();
            assert_eq!(cut.concat(), line);
            assert!(cut.iter().all(|piece| piece.len() <= 4096) && cut.len() == line.len() / 4096 + 1);
        }
    }

    #[test]
    fn any_text_will_do() {
        for (title, clause) in [("", ""), ("த陳 (\\) %%EOF", "endstream endobj"), (&"x".repeat(5000), "\0\n")]
        {
            let facts = inspect(&sample_pdf(title, &[clause]), &Limits::default()).unwrap();
            assert_eq!((facts.pages.len(), facts.damage.len()), (2, 0), "{clause:?}");
        }
    }
}
