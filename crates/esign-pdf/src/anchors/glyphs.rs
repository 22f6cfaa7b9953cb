//! The letters that a page draws, with their place in shown space.

use esign_core::facts::PageFacts;
use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use unicode_normalization::UnicodeNormalization;

use crate::geometry;
use crate::limits::{stop, stoppable};

/// One letter. A ligature is several, all but the first without a width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// After compatibility decomposition.
    pub(super) letter: char,
    /// The start of its baseline, in shown space.
    pub(super) at: Point,
    /// The end of its baseline.
    pub(super) end: Point,
    /// The height of the font as shown, in points.
    pub(super) em: f64,
    /// White space was drawn before it.
    pub(super) spaced: bool,
    /// The letter before it in the same ligature.
    pub(super) continues: bool,
}

/// What was collected from one page.
pub(super) struct Letters {
    pub(super) list: Vec<Letter>,
    /// Glyphs drawn, readable or not.
    pub(super) seen: usize,
}

/// Draws the page onto nothing and keeps its letters, at most `limit` glyphs of them.
pub(super) fn collect<'a>(
    page: &Page<'a>,
    facts: &PageFacts,
    cache: &InterpreterCache<'a>,
    settings: &InterpreterSettings,
    limit: usize,
) -> Letters {
    let media = facts.media;
    let area = Rect::new(media.x, media.y, media.right(), media.top());
    let mut context = Context::new(Affine::IDENTITY, area, cache, page.xref(), settings.clone());
    let mut device = Collector {
        shown: to_shown(facts),
        letters: Vec::new(),
        seen: 0,
        limit,
        space: false,
        last_run: None,
    };
    stoppable(|| interpret_page(page, &mut context, &mut device));
    Letters { list: device.letters, seen: device.seen }
}

/// User space to shown space as a matrix.
pub(crate) fn to_shown(facts: &PageFacts) -> Affine {
    let point = |x, y| Point::from(geometry::point_to_shown(facts, x, y));
    let origin = point(0.0, 0.0);
    let (right, up) = (point(1.0, 0.0) - origin, point(0.0, 1.0) - origin);
    Affine::new([right.x, right.y, up.x, up.y, origin.x, origin.y])
}

struct Collector {
    shown: Affine,
    letters: Vec<Letter>,
    seen: usize,
    limit: usize,
    space: bool,
    /// Where the last run of glyphs began, in user space.
    last_run: Option<Point>,
}

impl Collector {
    fn glyph(&mut self, transform: Affine, glyph: &Glyph<'_>) {
        /// Glyphs are drawn a thousand units high.
        const UNITS: f64 = 1000.0;
        let Some(text) = glyph.as_unicode() else {
            self.space = false;
            return;
        };
        let at = transform * Point::ZERO;
        let up: Vec2 = (transform * Point::new(0.0, UNITS)) - at;
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        let end = transform * Point::new(advance.map_or(0.0, f64::from), 0.0);
        if !(at.is_finite() && end.is_finite() && up.is_finite()) {
            return;
        }
        let mut continues = false;
        let mut push = |letter: char| {
            if letter.is_whitespace() {
                self.space = true;
            } else if !is_ignored(letter) {
                let (at, spaced) = (if continues { end } else { at }, std::mem::take(&mut self.space));
                self.letters.push(Letter { letter, at, end, em: up.hypot(), spaced, continues });
                continues = true;
            }
        };
        match text {
            BfString::Char(letter) => letter.nfkd().for_each(&mut push),
            BfString::String(letters) => letters.nfkd().for_each(&mut push),
        }
    }
}

/// Control characters, soft hyphens and what only directs the writing.
pub(super) fn is_ignored(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let start = run.glyphs().first().map(|glyph| props.transform * glyph.transform() * Point::ZERO);
        // Text that is filled and outlined comes twice.
        if matches!(mode, DrawMode::Stroke(_)) && start == self.last_run {
            return;
        }
        self.last_run = start;
        for glyph in run.glyphs() {
            self.seen = self.seen.saturating_add(1);
            if self.seen > self.limit {
                return stop();
            }
            self.glyph(self.shown * props.transform * glyph.transform(), glyph);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}
}
