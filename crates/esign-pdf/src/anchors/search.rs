//! Looking for a text among the letters of a page.

use esign_core::facts::{PageFacts, Rect, TextHit, TextQuery};
use hayro_interpret::kurbo::Vec2;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::glyphs::{Letter, is_ignored};

/// A text, ready to be looked for.
pub(super) struct Needle {
    /// The letters, and whether white space stands before each.
    letters: Vec<(char, bool)>,
    ignore_case: bool,
}

impl Needle {
    pub(super) fn new(query: &TextQuery) -> Self {
        let mut letters = Vec::new();
        let mut space = false;
        for letter in query.text.nfkd() {
            if letter.is_whitespace() {
                space = true;
            } else if !is_ignored(letter) {
                letters.push((letter, std::mem::take(&mut space)));
            }
        }
        if let Some(first) = letters.first_mut() {
            first.1 = false;
        }
        Self { letters, ignore_case: query.ignore_case }
    }

    fn same(&self, a: char, b: char) -> bool {
        a == b || (self.ignore_case && a.to_lowercase().eq(b.to_lowercase()))
    }
}

/// The letters line by line, from the top and from the left, whatever the order they were drawn in.
pub(super) fn by_lines(letters: &[Letter]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..letters.len()).collect();
    order.sort_by(|&a, &b| letters[b].at.y.total_cmp(&letters[a].at.y));
    let mut start = 0;
    while start < order.len() {
        let top = &letters[order[start]];
        let near = |&&index: &&usize| top.at.y - letters[index].at.y <= 0.3 * top.em.max(1.0);
        let end = start + order[start..].iter().take_while(near).count().max(1);
        // A ligature's letters share their place and keep their order.
        order[start..end].sort_by(|&a, &b| letters[a].at.x.total_cmp(&letters[b].at.x).then(a.cmp(&b)));
        start = end;
    }
    order
}

/// Where the text is on this page, in reading order.
pub(super) fn hits(needle: &Needle, letters: &[Letter], lines: &[usize], page: &PageFacts) -> Vec<TextHit> {
    let drawn: Vec<usize> = (0..letters.len()).collect();
    let mut found: Vec<(TextHit, f64)> = Vec::new();
    for order in [drawn.as_slice(), lines] {
        for start in 0..order.len() {
            let Some(end) = matches(needle, letters, order, start) else { continue };
            let first = &letters[order[start]];
            let visible = (0.0..=page.shown.width).contains(&first.at.x)
                && (0.0..=page.shown.height).contains(&first.at.y);
            if visible {
                found.push((hit(page.number, letters, &order[start..end]), first.em));
            }
        }
    }
    reading_order(&mut found);
    found.dedup_by(|(later, _), (earlier, em)| {
        let near = 0.3 * em.max(1.0);
        (later.shown.x - earlier.shown.x).abs() < near && (later.shown.y - earlier.shown.y).abs() < near
    });
    found.into_iter().map(|(hit, _)| hit).collect()
}

/// The end of the match that begins at `start`, if one does.
fn matches(needle: &Needle, letters: &[Letter], order: &[usize], start: usize) -> Option<usize> {
    let candidates = order.get(start..start.checked_add(needle.letters.len())?)?;
    let mut before: Option<&Letter> = None;
    for (&index, &(wanted, space)) in candidates.iter().zip(&needle.letters) {
        let letter = &letters[index];
        if !needle.same(letter.letter, wanted) || before.is_some_and(|before| !follows(before, letter, space))
        {
            return None;
        }
        before = Some(letter);
    }
    let end = start + needle.letters.len();
    // "cafe" is not the beginning of "café", whose accent is a letter of its own here.
    let accented = order.get(end).map(|&next| &letters[next]);
    let cut = accented.is_some_and(|next| {
        is_combining_mark(next.letter) && before.is_some_and(|last| (next.at - last.end).hypot() < last.em)
    });
    (before.is_some() && !cut).then_some(end)
}

/// Whether a letter may follow another in one text. White space is a drawn space, a gap, or the end of a line; without
/// it, letters may still be spaced apart.
fn follows(before: &Letter, letter: &Letter, space: bool) -> bool {
    if letter.continues || is_combining_mark(letter.letter) {
        return !space;
    }
    let em = before.em.max(letter.em).max(1e-3);
    let width = before.end - before.at;
    let along = if width.hypot() > 1e-9 { width / width.hypot() } else { Vec2::new(1.0, 0.0) };
    let gap = letter.at - before.end;
    let (ahead, aside) = (gap.dot(along) / em, gap.cross(along) / em);
    let same_line = aside.abs() < 0.5;
    if space {
        let apart = letter.spaced || ahead > 0.05;
        // Downwards is to the right of the writing direction.
        let next_line = (0.5..=4.0).contains(&aside);
        (same_line && apart && (-0.5..=20.0).contains(&ahead)) || next_line
    } else {
        // Vertical writing moves down by its own height, without any width.
        let below = (0.3..=1.6).contains(&aside) && (letter.at.x - before.at.x).abs() < 0.3 * em;
        (same_line && (-1.0..=1.5).contains(&ahead)) || below
    }
}

fn hit(page: u32, letters: &[Letter], matched: &[usize]) -> TextHit {
    let first = &letters[matched[0]];
    let on_first_line = matched.iter().map(|&index| &letters[index]);
    let right = on_first_line
        .take_while(|letter| (letter.at.y - first.at.y).abs() < 0.5 * first.em)
        .fold(first.at.x, |right, letter| right.max(letter.end.x));
    TextHit { page, shown: Rect::new(first.at.x, first.at.y, right - first.at.x, first.em) }
}

/// From the top, then from the left; what is nearly on one line is on one line.
fn reading_order(found: &mut [(TextHit, f64)]) {
    found.sort_by(|(a, _), (b, _)| b.shown.y.total_cmp(&a.shown.y));
    let mut start = 0;
    while start < found.len() {
        let (top, em) = (found[start].0.shown.y, found[start].1);
        let near = |(hit, _): &&(TextHit, f64)| top - hit.shown.y <= 0.3 * em.max(1.0);
        let end = start + found[start..].iter().take_while(near).count().max(1);
        found[start..end].sort_by(|(a, _), (b, _)| a.shown.x.total_cmp(&b.shown.x));
        start = end;
    }
}
