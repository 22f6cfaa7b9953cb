//! Where pages, boxes and words go on a sheet, and the small PDF that draws boxes and words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use esign_core::facts::{PageFacts, Rect};

use super::canvas::facts_of;
use super::{MOST_PAGES, Mark, Standing};
use crate::PdfError;

/// Around pages and words, in points.
const MARGIN: f64 = 18.0;
/// Size of the words, and from line to line.
const FONT: f64 = 9.0;
const LINE: f64 = 12.0;
/// Width of a letter of Courier.
const LETTER: f64 = 0.6 * FONT;
/// Narrowest sheet, so that the words have room.
const LEAST_WIDTH: f64 = 320.0;

/// A sheet: points, lower-left origin.
pub(super) struct Sheet {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Each page with the place where it goes.
    pub(super) pages: Vec<(u32, Rect)>,
    /// A PDF of one page of the sheet's size with everything that is drawn over the pages.
    pub(super) ink: Option<Bytes>,
}

/// One page with its boxes and its words.
struct Block<'a> {
    page: &'a PageFacts,
    marks: Vec<(usize, &'a Mark)>,
    /// What is shown of the plane that the page lies in, in its shown space.
    around: Rect,
    words: Vec<(Standing, String)>,
}

/// Puts every page that has a mark below the one before it.
pub(super) fn sheet(facts: &[PageFacts], marks: &[Mark]) -> Result<Sheet, PdfError> {
    let mut by_page: BTreeMap<u32, Vec<(usize, &Mark)>> = BTreeMap::new();
    for (number, mark) in (1..).zip(marks) {
        by_page.entry(mark.page).or_default().push((number, mark));
    }
    if by_page.is_empty() {
        return Err(PdfError::NoBox);
    }
    let left_out = by_page.len().saturating_sub(MOST_PAGES);
    let mut blocks = Vec::new();
    for (number, marks) in by_page.into_iter().take(MOST_PAGES) {
        let page = facts_of(facts, number)?;
        let around = around(page, &marks);
        blocks.push(Block { page, marks, around, words: Vec::new() });
    }
    let widest = blocks.iter().map(|block| block.around.width).fold(LEAST_WIDTH, f64::max);
    let letters = (widest / LETTER).floor().max(20.0) as usize;
    for block in &mut blocks {
        block.words = words(block, letters);
    }
    let more = (left_out > 0).then(|| format!("and {left_out} more pages with boxes"));
    Ok(place(&blocks, widest + 2.0 * MARGIN, more.as_deref()))
}

/// The page and its boxes, as far as they are no more than a page's length away.
fn around(page: &PageFacts, marks: &[(usize, &Mark)]) -> Rect {
    let (width, height) = (page.shown.width, page.shown.height);
    let (mut left, mut bottom, mut right, mut top) = (0.0f64, 0.0f64, width, height);
    for (_, mark) in marks {
        left = left.min(mark.area.x.max(-width));
        bottom = bottom.min(mark.area.y.max(-height));
        right = right.max(mark.area.right().min(2.0 * width));
        top = top.max(mark.area.top().min(2.0 * height));
    }
    Rect::new(left, bottom, right - left, top - bottom)
}

fn words(block: &Block<'_>, letters: usize) -> Vec<(Standing, String)> {
    let mut lines = Vec::new();
    for (number, mark) in &block.marks {
        let Rect { x, y, width, height } = mark.area;
        let mut text = format!(
            "{number} {}: {:.2} from the left, {:.2} from the bottom, {:.2} x {:.2} points",
            mark.label, x, y, width, height
        );
        if let Some(reason) = &mark.reason {
            let word = if mark.standing == Standing::Refused { "refused" } else { "look" };
            // Writing to a string cannot fail.
            let _ = write!(text, " - {word}: {reason}");
        }
        lines.extend(wrapped(&text, letters).into_iter().map(|line| (mark.standing, line)));
    }
    lines
}

/// Cut at spaces, longer words anywhere.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let line = lines.last_mut().map_or(0, |line| line.chars().count());
            let room = letters.saturating_sub(if line == 0 { 0 } else { line + 1 });
            if rest.len() > room && line > 0 {
                lines.push(String::new());
                continue;
            }
            let taken: String = rest.drain(..rest.len().min(letters)).collect();
            if let Some(last) = lines.last_mut() {
                if line > 0 {
                    last.push(' ');
                }
                last.push_str(&taken);
            }
        }
    }
    lines
}

fn place(blocks: &[Block<'_>], width: f64, more: Option<&str>) -> Sheet {
    let heading = LINE + 4.0;
    let tall = |block: &Block<'_>| heading + block.around.height + 6.0 + LINE * block.words.len() as f64;
    let height = blocks.iter().map(|block| tall(block) + MARGIN).sum::<f64>()
        + MARGIN
        + more.map_or(0.0, |_| LINE + MARGIN);
    let mut ink = Ink::default();
    let mut pages = Vec::new();
    let mut top = height - MARGIN;
    for block in blocks {
        ink.words(Standing::Fits, MARGIN, top - FONT, &format!("page {}", block.page.number));
        let bottom = top - heading - block.around.height;
        let (x, y) = (MARGIN - block.around.x, bottom - block.around.y);
        let area = Rect::new(x, y, block.page.shown.width, block.page.shown.height);
        ink.frame(&area);
        for (number, mark) in &block.marks {
            ink.mark(*number, mark, x, y);
        }
        for (line, (standing, words)) in (1..).zip(&block.words) {
            ink.words(*standing, MARGIN, bottom - 3.0 - LINE * f64::from(line), words);
        }
        pages.push((block.page.number, area));
        top -= tall(block) + MARGIN;
    }
    if let Some(more) = more {
        ink.words(Standing::Fits, MARGIN, top - FONT, more);
    }
    Sheet { width, height, pages, ink: Some(ink.finish(width, height)) }
}

/// The content of the small PDF.
#[derive(Default)]
struct Ink(String);

impl Ink {
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{arguments}");
    }

    fn frame(&mut self, area: &Rect) {
        let Rect { x, y, width, height } = *area;
        self.put(format_args!("0.5 G 0.5 w {x} {y} {width} {height} re S"));
    }

    /// A translucent box with its number and label; crossed out if it is refused.
    fn mark(&mut self, number: usize, mark: &Mark, x: f64, y: f64) {
        let (left, bottom) = (mark.area.x + x, mark.area.y + y);
        let (width, height) = (mark.area.width, mark.area.height);
        let colour = colour(mark.standing);
        self.put(format_args!("q {colour} rg {colour} RG 1 w"));
        if width <= 0.0 || height <= 0.0 {
            self.put(format_args!("{} {bottom} m {} {bottom} l", left - 8.0, left + 8.0));
            self.put(format_args!("{left} {} m {left} {} l S", bottom - 8.0, bottom + 8.0));
        } else {
            self.put(format_args!("/A gs {left} {bottom} {width} {height} re f /O gs"));
            self.put(format_args!("{left} {bottom} {width} {height} re S"));
            if mark.standing == Standing::Refused {
                let (right, top) = (left + width, bottom + height);
                self.put(format_args!(
                    "{left} {bottom} m {right} {top} l {left} {top} m {right} {bottom} l S"
                ));
            }
        }
        self.put(format_args!("Q"));
        let room = ((width / LETTER) as usize).saturating_sub(1).max(2);
        let label: String = format!("{number} {}", mark.label).chars().take(room).collect();
        self.words(mark.standing, left + 2.0, bottom + height - FONT, &label);
    }

    fn words(&mut self, standing: Standing, x: f64, y: f64, text: &str) {
        let colour = match standing {
            Standing::Fits => "0.1 0.1 0.1",
            other => colour(other),
        };
        let code = |letter: char| u8::try_from(letter).unwrap_or(b'?');
        let hex: String = text.chars().map(|letter| format!("{:02x}", code(letter))).collect();
        self.put(format_args!("BT {colour} rg /F {FONT} Tf {x} {y} Td <{hex}> Tj ET"));
    }

    fn finish(self, width: f64, height: f64) -> Bytes {
        let resources = "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>>>\
                         /ExtGState<</A<</ca 0.2>>/O<</ca 1>>>>>>";
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned(),
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents 4 0 R{resources}>>"),
            format!("<</Length {}>>stream\n{}\nendstream", self.0.len(), self.0),
        ];
        let mut pdf = "%PDF-1.7\n".to_owned();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
        for (number, body) in (1..).zip(&objects) {
            let _ = writeln!(table, "{:010} 00000 n ", pdf.len());
            let _ = writeln!(pdf, "{number} 0 obj\n{body}\nendobj");
        }
        let (start, size) = (pdf.len(), objects.len() + 1);
        let _ = write!(pdf, "{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
        pdf.into()
    }
}

fn colour(standing: Standing) -> &'static str {
    match standing {
        Standing::Fits => "0.1 0.3 0.8",
        Standing::Doubtful => "0.7 0.4 0",
        Standing::Refused => "0.8 0 0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_at_spaces_and_long_ones_anywhere() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn a_box_that_is_far_away_does_not_make_the_sheet_huge() {
        let page = [PageFacts::plain(1, 100.0, 200.0)];
        let mark = Mark::new(1, Rect::new(1e9, -1e9, 10.0, 10.0), "far");
        let sheet = sheet(&page, &[mark]).unwrap();
        assert!(sheet.width < 500.0 && sheet.height < 700.0, "{} x {}", sheet.width, sheet.height);
    }

    #[test]
    fn pages_without_marks_are_not_shown_and_missing_ones_are_errors() {
        let pages = [PageFacts::plain(1, 100.0, 200.0), PageFacts::plain(2, 100.0, 200.0)];
        let mark = |page| Mark::new(page, Rect::new(0.0, 0.0, 10.0, 10.0), "a");
        assert_eq!(sheet(&pages, &[mark(2)]).unwrap().pages.len(), 1);
        assert_eq!(sheet(&pages, &[mark(3)]).err(), Some(PdfError::NoPage { page: 3 }));
        assert_eq!(sheet(&pages, &[]).err(), Some(PdfError::NoBox));
    }
}
