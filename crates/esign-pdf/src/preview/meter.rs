//! What drawing a page costs, added up before it is drawn: the renderer has no limits and cannot be stopped.
//!
//! The page is interpreted once onto nothing. Every call that would draw says how many pixels it touches and what it keeps
//! until the page is finished; a pattern is interpreted once and counted as often as it would be drawn. The figures are
//! those of `hayro` 0.9 and `vello_cpu` 0.3, rounded up; they need not be exact, only in proportion.

use std::collections::HashSet;

use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::hayro_syntax::page::Page;
use hayro::hayro_interpret::pattern::{Pattern, ShadingPattern, TilingPattern};
use hayro::hayro_interpret::shading::ShadingType;
use hayro::hayro_interpret::util::x_y_advances;
use hayro::hayro_interpret::{
    BlendMode, CacheKey, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, Paint, SoftMask, interpret_page,
};
use hayro::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape};

use super::pictures;
use crate::anchors::Heaviest;
use crate::limits::{stop, stoppable};
use crate::{Limits, PdfError};

/// Bytes that drawing a picture may keep until it is finished, decoded pictures and patterns among them.
const MOST_KEPT: f64 = 320e6;
/// Pixels of one picture or texture.
const MOST_TEXTURE: f64 = 40e6;
/// Pixels of a mesh, each of which is kept in a map.
const MOST_MESH: f64 = 6e6;

/// What one pixel of a plain colour takes is 1; these are what other things take.
mod costs {
    /// A byte of content that is interpreted.
    pub(super) const CONTENT: f64 = 16.0;
    /// A line or curve of a path.
    pub(super) const SEGMENT: f64 = 32.0;
    /// A pixel that an outline runs through.
    pub(super) const EDGE: f64 = 8.0;
    /// Looking a letter up.
    pub(super) const GLYPH: f64 = 200.0;
    /// A pixel of a shading, whose function is evaluated.
    pub(super) const SAMPLE: f64 = 24.0;
    /// A pixel of a mask: drawn, turned into a mask, applied.
    pub(super) const MASK: f64 = 6.0;
    /// A triangle of a mesh.
    pub(super) const TRIANGLE: f64 = 100.0;
    /// Setting up a canvas and an interpreter for a pattern or mask.
    pub(super) const CANVAS: f64 = 5_000.0;
    /// Setting up an interpreter for a glyph that is drawn.
    pub(super) const DRAWN_GLYPH: f64 = 1_000.0;
}

/// Adds up what drawing costs.
pub(super) struct Meter<'m> {
    limit: f64,
    heaviest: &'m Heaviest,
    /// Of the picture or pattern that is being drawn.
    canvas: Rect,
    spent: f64,
    kept: f64,
    /// What was found too much.
    excess: Option<&'static str>,
    /// Masks that are drawn once for each size of canvas.
    masks: HashSet<(u128, [u64; 2])>,
}

impl<'m> Meter<'m> {
    /// For a picture of so many pixels.
    pub(super) fn new(limits: &Limits, heaviest: &'m Heaviest, width: f64, height: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a limit need not be exact")]
        let limit = limits.max_pixels as f64;
        let canvas = Rect::new(0.0, 0.0, width, height);
        Self { limit, heaviest, canvas, spent: 0.0, kept: 0.0, excess: None, masks: HashSet::new() }
    }

    /// Adds what this page costs, or says that the limit is exceeded.
    pub(super) fn add<'a>(
        &mut self,
        page: &Page<'a>,
        settings: &InterpreterSettings,
        transform: Affine,
    ) -> Result<(), PdfError> {
        let cache = InterpreterCache::new();
        stoppable(|| {
            let mut context = Context::new(transform, self.canvas, &cache, page.xref(), settings.clone());
            interpret_page(page, &mut context, self);
        });
        match self.excess {
            Some(what) => Err(PdfError::Limit { what, limit: self.limit as u64 }),
            None => Ok(()),
        }
    }

    fn spend(&mut self, cost: f64) {
        self.spent += cost;
        if !within(self.spent, self.limit) {
            self.refuse("pixels to paint");
        }
    }

    fn keep(&mut self, bytes: f64) {
        self.kept += bytes;
        if !within(self.kept, MOST_KEPT) {
            self.refuse("pixels to keep while it is drawn");
        }
    }

    fn refuse(&mut self, what: &'static str) {
        self.excess.get_or_insert(what);
        stop();
    }

    fn texture(&mut self, pixels: f64) {
        if !within(pixels, MOST_TEXTURE) {
            self.refuse("pixels of one of its pictures or patterns");
        }
        self.keep(4.0 * pixels);
    }

    fn visible(&self, shape: Rect) -> Rect {
        let visible = shape.intersect(self.canvas);
        if visible.is_finite() { visible } else { self.canvas }
    }

    /// Painting an area of the canvas: its pixels, and a command for each kilopixel.
    fn paint(&mut self, area: Rect, is_stroke: bool, paint: &Paint<'_>) {
        let pixels = area.area();
        self.spend(costs::SEGMENT + pixels);
        self.keep(64.0 + pixels / 32.0);
        match paint {
            Paint::Color(_) => {}
            Paint::Pattern(pattern) => match pattern.as_ref() {
                Pattern::Shading(shading) => self.shading(shading, pixels),
                Pattern::Tiling(tiling) => self.tiling(tiling, area, is_stroke),
            },
        }
    }

    fn shading(&mut self, pattern: &ShadingPattern, pixels: f64) {
        let on_canvas = |points: &[Point]| {
            let mut bounds: Option<Rect> = None;
            for point in points.iter().map(|point| pattern.matrix * *point) {
                let here = Rect::from_points(point, point);
                bounds = Some(bounds.map_or(here, |bounds| bounds.union(here)));
            }
            bounds.map_or(0.0, |bounds| bounds.area())
        };
        // What is sampled into a map, wherever it lies.
        let mesh = |count: usize, area: f64| (count as f64 * costs::TRIANGLE + area, area);
        let (cost, kept) = match pattern.shading.shading_type.as_ref() {
            ShadingType::TriangleMesh { triangles, .. } => mesh(
                triangles.len(),
                triangles.iter().map(|t| on_canvas(&[t.p0.point, t.p1.point, t.p2.point])).sum(),
            ),
            // Each patch becomes a few hundred triangles.
            ShadingType::CoonsPatchMesh { patches, .. } => {
                mesh(512 * patches.len(), patches.iter().map(|p| on_canvas(&p.control_points)).sum())
            }
            ShadingType::TensorProductPatchMesh { patches, .. } => {
                mesh(512 * patches.len(), patches.iter().map(|p| on_canvas(&p.control_points)).sum())
            }
            _ => (0.0, 0.0),
        };
        if !within(kept, MOST_MESH) {
            self.refuse("pixels of a shading's mesh");
        }
        self.texture(pixels);
        self.spend(cost * costs::SAMPLE + pixels * costs::SAMPLE * self.heaviest.function());
    }

    /// A tile is drawn into a texture, and its neighbours where they reach into it.
    fn tiling<'a>(&mut self, pattern: &TilingPattern<'a>, area: Rect, is_stroke: bool) {
        let inside = pattern.matrix.inverse().transform_rect_bbox(area);
        let (x, y) = x_y_advances(&pattern.matrix);
        let bbox = pattern.bbox;
        let across = axis(x.length(), bbox.width(), f64::from(pattern.x_step.abs()), inside.width());
        let down = axis(y.length(), bbox.height(), f64::from(pattern.y_step.abs()), inside.height());
        let pixels = across.size * down.size;
        self.texture(pixels);
        self.spend(pixels + costs::CANVAS);

        let canvas = std::mem::replace(&mut self.canvas, Rect::new(0.0, 0.0, across.size, down.size));
        let before = self.spent;
        let to_texture =
            Affine::scale_non_uniform(across.scale, down.scale) * Affine::translate((-bbox.x0, -bbox.y0));
        pattern.interpret(self, to_texture, is_stroke);
        self.canvas = canvas;
        let once = self.spent - before + costs::DRAWN_GLYPH + costs::CONTENT * self.heaviest.pattern;
        self.spend(once * across.copies * down.copies);
    }

    fn mask<'a>(&mut self, mask: Option<&SoftMask<'a>>) {
        let Some(mask) = mask else { return };
        let size = [self.canvas.width().to_bits(), self.canvas.height().to_bits()];
        self.spend(self.canvas.area() / 8.0);
        if self.masks.insert((mask.cache_key(), size)) {
            self.spend(
                self.canvas.area() * costs::MASK + costs::CANVAS + costs::CONTENT * self.heaviest.group,
            );
            self.keep(self.canvas.area());
            mask.interpret(self);
        }
    }

    /// Cutting an outline into pieces of the canvas, wherever it is filled or stroked.
    fn outline(&mut self, path: &BezPath, transform: Affine) -> Rect {
        let bounds = transform.transform_rect_bbox(path.control_box());
        let far = bounds.width().max(bounds.height()).max(0.0);
        let pieces = path.elements().len() as f64;
        // Long curves become more lines than short ones.
        self.spend(pieces * (costs::SEGMENT + far.sqrt()));
        let (x, y) = x_y_advances(&transform);
        let across = pieces * (self.canvas.width() + self.canvas.height());
        let crossed = (length(path) * x.length().max(y.length())).min(across);
        self.spend(crossed * costs::EDGE);
        self.keep(crossed * 8.0);
        bounds
    }

    fn stroke(&mut self, path: &BezPath, transform: Affine, dashes: &[f32], width: f32, paint: &Paint<'_>) {
        let bounds = self.outline(path, transform);
        let (x, y) = x_y_advances(&transform);
        let scale = x.length().max(y.length());
        let length = length(path);
        let pattern: f64 = dashes.iter().map(|dash| f64::from(dash.abs())).sum();
        if pattern > 0.0 {
            let count = length / pattern * dashes.len() as f64;
            self.spend(count * costs::SEGMENT);
            self.keep(count * 32.0);
        }
        let wide = (f64::from(width) * scale).abs().max(1.0) + 2.0;
        let area = self.visible(bounds.inflate(wide, wide));
        // A thin line across the page touches few of the pixels around it.
        let touched = (length * scale * wide).min(area.area());
        match paint {
            Paint::Color(_) => {
                self.spend(costs::SEGMENT + touched);
                self.keep(64.0 + touched / 32.0);
            }
            Paint::Pattern(_) => self.paint(area, true, paint),
        }
    }

    fn draw(&mut self, path: &BezPath, props: &DrawProps<'_>, mode: &DrawMode) {
        self.mask(props.soft_mask.as_ref());
        let (fills, stroke) = match mode {
            DrawMode::Fill(_) => (true, None),
            DrawMode::Stroke(stroke) => (false, Some(stroke)),
            DrawMode::FillAndStroke(_, stroke) => (true, Some(stroke)),
            DrawMode::Invisible => (false, None),
        };
        if fills {
            let bounds = self.outline(path, props.transform);
            self.paint(self.visible(bounds), false, &props.paint);
        }
        if let Some(stroke) = stroke {
            self.stroke(path, props.transform, &stroke.dash_array, stroke.line_width, &props.paint);
        }
    }
}

/// False for what is no number as well.
fn within(amount: f64, limit: f64) -> bool {
    amount <= limit
}

/// One direction of a pattern's texture.
struct Axis {
    size: f64,
    scale: f64,
    copies: f64,
}

fn axis(scale: f64, cell: f64, step: f64, visible: f64) -> Axis {
    let visible = visible.max(0.0);
    let scale = (step * scale).round().max(1.0) / step;
    let size = if visible >= step { step * scale } else { (visible + cell.min(step)) * scale };
    Axis { size: size.max(1.0), scale, copies: (cell.abs() / step).ceil() + 2.0 }
}

/// The lines between the points of a path: never longer than its curves by much.
fn length(path: &BezPath) -> f64 {
    let (mut start, mut last, mut sum) = (Point::ZERO, Point::ZERO, 0.0);
    for element in path.elements() {
        let points: &[Point] = match element {
            PathEl::MoveTo(to) => {
                (start, last) = (*to, *to);
                &[]
            }
            PathEl::LineTo(to) => &[*to],
            PathEl::QuadTo(a, to) => &[*a, *to],
            PathEl::CurveTo(a, b, to) => &[*a, *b, *to],
            PathEl::ClosePath => &[start],
        };
        for point in points {
            sum += (*point - last).hypot();
            last = *point;
        }
    }
    sum
}

impl<'a> Device<'a> for Meter<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.draw(path, &props, mode);
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        self.draw(&rect.to_path(0.1), &props, mode);
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        let bounds = self.outline(&clip.path, Affine::IDENTITY);
        let pixels = self.visible(bounds).area();
        self.spend(costs::SEGMENT + pixels / 4.0);
        self.keep(64.0 + pixels / 64.0);
    }

    fn push_clip_rect(&mut self, _: &Rect) {
        self.spend(costs::SEGMENT);
        self.keep(64.0);
    }

    fn push_transparency_group(&mut self, _: f32, mask: Option<SoftMask<'a>>, _: BlendMode) {
        self.mask(mask.as_ref());
        self.spend(self.canvas.area() / 16.0);
        self.keep(64.0 + self.canvas.area() / 256.0);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if matches!(mode, DrawMode::Invisible) {
            return;
        }
        self.mask(props.soft_mask.as_ref());
        for glyph in run.glyphs() {
            /// Glyphs are drawn a thousand units high.
            const EM: Rect = Rect::new(-500.0, -500.0, 1500.0, 1500.0);
            self.spend(costs::GLYPH);
            let transform = props.transform * glyph.transform();
            match &**glyph {
                Glyph::Outline(_) => {
                    let area = self.visible(transform.transform_rect_bbox(EM));
                    // Most of the square around a letter stays empty.
                    let ink = Rect::new(0.0, 0.0, area.width().max(0.0) / 3.0, area.height().max(0.0) / 2.0);
                    self.paint(ink, false, &props.paint);
                }
                Glyph::Type3(drawn) => {
                    self.spend(costs::DRAWN_GLYPH + costs::CONTENT * self.heaviest.glyph);
                    drawn.interpret(self, props.transform, glyph.transform(), &props.paint);
                }
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.mask(props.soft_mask.as_ref());
        // A stencil has one colour, so its samples go through no function.
        let (stream, function) = match &image {
            Image::Stencil(stencil) => (stencil.stream(), 1.0),
            Image::Raster(raster) => (raster.stream(), self.heaviest.function()),
        };
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let source = pictures::source(stream, image.width(), image.height());
        self.texture(source.pixels);
        self.spend(source.pixels * source.weight * function);
        let unit = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height));
        let pixels = self.visible(unit).area();
        self.spend(pixels * 4.0);
        self.keep(64.0 + pixels / 32.0);
    }

    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
