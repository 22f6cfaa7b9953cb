//! Finding texts on pages, for placements by text.
//!
//! The glyphs that a page draws are collected with their place and their Unicode value, in shown space, and searched
//! both in the order in which they are drawn and line by line as they are seen. What annotations and form fields draw is
//! left out, so is text within images; text that a scanner's recognition laid invisibly over an image is found.

mod budget;
mod glyphs;
mod search;

use bytes::Bytes;
use esign_core::facts::{PageFacts, TextHit, TextQuery};
use hayro_interpret::hayro_syntax::{LoadPdfError, Pdf};
use hayro_interpret::{InterpreterCache, InterpreterSettings, RenderContent};

use crate::limits::on_own_thread;
use crate::reader::File;
use crate::{Limits, PdfError, pages};

pub(crate) use budget::Budget;
#[cfg(feature = "preview")]
pub(crate) use budget::Heaviest;
#[cfg(feature = "preview")]
pub(crate) use glyphs::to_shown;

/// Every occurrence of each text on the pages as shown, in reading order: page, then from the top, then from the left.
///
/// White space in a text stands for any white space, a line's end included; letters are compared after compatibility
/// decomposition (NFKD), so that ligatures, full-width forms and accents match however they are written. A text may be
/// part of a longer one. An occurrence that lies outside the visible page does not count, and the same text drawn twice
/// at one place (imitated bold) counts once.
///
/// Runs on a thread of its own with a big stack, and returns when that is done or after
/// [`Limits::max_time`]. The same call twice gives the same.
///
/// ```
/// # fn main() -> Result<(), esign_pdf::PdfError> {
/// use esign_pdf::{Limits, anchors::find_texts, facts::TextQuery};
/// # let page = "BT /F1 12 Tf 72 700 Td (Sign here: ) Tj ET";
/// # let objects = [
/// #     "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
/// #     "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned(),
/// #     "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
/// #     format!("<</Length {}>>stream\n{page}\nendstream", page.len()),
/// #     "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
/// # ];
/// # let mut pdf = "%PDF-1.7\n".to_owned();
/// # let mut table = "xref\n0 6\n0000000000 65535 f \n".to_owned();
/// # for (number, body) in (1..).zip(&objects) {
/// #     table += &format!("{:010} 00000 n \n", pdf.len());
/// #     pdf += &format!("{number} 0 obj\n{body}\nendobj\n");
/// # }
/// # let start = pdf.len();
/// # pdf += &format!("{table}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
/// let found = find_texts(&pdf.into(), &[TextQuery::new("sign  HERE", true)], &Limits::default())?;
/// let first = found[0][0];
/// assert_eq!((first.page, first.shown.x.round(), first.shown.y.round()), (1, 72.0, 700.0));
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`PdfError`] if the document cannot be read, if two readers disagree about its pages, or if it would cost more than
/// `limits` allow.
pub fn find_texts(
    bytes: &Bytes,
    texts: &[TextQuery],
    limits: &Limits,
) -> Result<Vec<Vec<TextHit>>, PdfError> {
    limits.check_size(bytes)?;
    let (bytes, texts, limits) = (bytes.clone(), texts.to_vec(), limits.clone());
    on_own_thread(&limits.clone(), move || find(&bytes, &texts, &limits))
}

fn find(bytes: &Bytes, texts: &[TextQuery], limits: &Limits) -> Result<Vec<Vec<TextHit>>, PdfError> {
    let (facts, mut budget) = read(bytes, limits)?;
    let pdf = open(bytes, &facts)?;
    let cache = InterpreterCache::new();
    let settings =
        InterpreterSettings { render_content: RenderContent::PAGE, ..InterpreterSettings::default() };
    let needles: Vec<_> = texts.iter().map(search::Needle::new).collect();
    let mut found = vec![Vec::new(); texts.len()];
    let mut left = limits.max_glyphs;
    for (page, facts) in pdf.pages().iter().zip(&facts) {
        budget.spend(page)?;
        let glyphs = glyphs::collect(page, facts, &cache, &settings, left);
        left = left
            .checked_sub(glyphs.seen)
            .filter(|left| *left > 0)
            .ok_or(PdfError::Limit { what: "letters on its pages", limit: limits.max_glyphs as u64 })?;
        let lines = search::by_lines(&glyphs.list);
        for (needle, hits) in needles.iter().zip(&mut found) {
            hits.extend(search::hits(needle, &glyphs.list, &lines, facts));
        }
    }
    Ok(found)
}

/// The pages as our own reader sees them, and what reading them may cost.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<(Vec<PageFacts>, Budget), PdfError> {
    let file = File::open(bytes, limits)?;
    let pages = pages::walk(file.newest(), limits)?;
    let budget = Budget::new(file.newest(), limits)?;
    Ok((pages.facts, budget))
}

/// As [`read`], pictures included.
#[cfg(feature = "preview")]
pub(crate) fn read_to_draw(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(Vec<PageFacts>, Budget, Heaviest), PdfError> {
    let file = File::open(bytes, limits)?;
    let doc = file.newest();
    Budget::check_pictures(doc, limits)?;
    let pages = pages::walk(doc, limits)?;
    let budget = Budget::new(doc, limits)?;
    let heaviest = budget.heaviest(doc);
    Ok((pages.facts, budget, heaviest))
}

/// The document for drawing. Both readers must count the same pages, or places would be on the wrong one.
pub(crate) fn open(bytes: &Bytes, facts: &[PageFacts]) -> Result<Pdf, PdfError> {
    let pdf = Pdf::new(std::sync::Arc::new(bytes.clone())).map_err(|error| match error {
        LoadPdfError::Decryption(_) => PdfError::Encrypted,
        LoadPdfError::Invalid => PdfError::Unreadable("its pages cannot be drawn"),
    })?;
    if pdf.pages().len() != facts.len() {
        return Err(PdfError::Unreadable("readers disagree about how many pages it has"));
    }
    Ok(pdf)
}

#[cfg(test)]
mod tests;
