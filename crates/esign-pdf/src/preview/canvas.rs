//! Drawing: pages by `hayro`, and over them what [`layout`](super::layout) wrote as a small PDF of its own.

use std::sync::Arc;

use bytes::Bytes;
use esign_core::facts::{PageFacts, Rect};
use hayro::hayro_interpret::{InterpreterSettings, RenderContent};
use hayro::hayro_syntax::Pdf;
use hayro::kurbo::{self, Affine};
use hayro::vello_cpu::color::{AlphaColor, Srgb};
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};

use super::layout::{Sheet, sheet};
use super::meter::Meter;
use super::{Mark, Picture};
use crate::anchors::{open, read, read_to_draw, to_shown};
use crate::geometry::shown_page;
use crate::{Limits, PdfError};

/// Longest side of a picture, in pixels; the renderer counts to 65,535.
const MOST_SIDE: f64 = 16_000.0;
/// Most pixels of a picture: 96 MB while it is drawn.
const MOST_PIXELS: f64 = 24e6;

const WHITE: AlphaColor<Srgb> = AlphaColor::new([1.0, 1.0, 1.0, 1.0]);
const GREY: AlphaColor<Srgb> = AlphaColor::new([0.85, 0.85, 0.85, 1.0]);

pub(super) fn page(bytes: &Bytes, number: u32, scale: f64, limits: &Limits) -> Result<Picture, PdfError> {
    let (facts, _) = read(bytes, limits)?;
    let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let page = index.and_then(|index| facts.get(index)).ok_or(PdfError::NoPage { page: number })?;
    let sheet = Sheet {
        width: page.shown.width,
        height: page.shown.height,
        pages: vec![(number, Rect::new(0.0, 0.0, page.shown.width, page.shown.height))],
        ink: None,
    };
    let (pixmap, scale) = paint(bytes, &sheet, scale, limits)?;
    picture(pixmap, scale)
}

pub(super) fn boxes(bytes: &Bytes, marks: &[Mark], scale: f64, limits: &Limits) -> Result<Picture, PdfError> {
    let (facts, _) = read(bytes, limits)?;
    let (pixmap, scale) = paint(bytes, &sheet(&facts, marks)?, scale, limits)?;
    picture(pixmap, scale)
}

fn picture(pixmap: Pixmap, scale: f64) -> Result<Picture, PdfError> {
    let (width, height) = (pixmap.width().into(), pixmap.height().into());
    let png = pixmap.into_png().map_err(|_| PdfError::Internal("the picture could not be written"))?;
    Ok(Picture { png, width, height, scale })
}

/// Draws a sheet and gives the scale that was possible.
pub(super) fn paint(
    bytes: &Bytes,
    sheet: &Sheet,
    scale: f64,
    limits: &Limits,
) -> Result<(Pixmap, f64), PdfError> {
    let (facts, mut budget, heaviest) = read_to_draw(bytes, limits)?;
    let pdf = open(bytes, &facts)?;
    let scale = possible(scale, sheet);
    let side = |points: f64| (points * scale).round().clamp(1.0, MOST_SIDE) as u16;
    let mut context = RenderContext::new(side(sheet.width), side(sheet.height));
    // Points with the origin at the lower left become pixels with the origin at the upper left.
    let down = Affine::new([scale, 0.0, 0.0, -scale, 0.0, sheet.height * scale]);
    let cache = RenderCache::new();
    let mut meter = Meter::new(limits, &heaviest, context.width().into(), context.height().into());
    for (number, place) in &sheet.pages {
        let index = usize::try_from(*number).unwrap_or(usize::MAX).saturating_sub(1);
        let (Some(page), Some(facts)) = (pdf.pages().get(index), facts.get(index)) else {
            return Err(PdfError::NoPage { page: *number });
        };
        budget.spend(page)?;
        budget.spend_annotations(page)?;
        let onto = down * Affine::translate((place.x, place.y));
        meter.add(page, &settings(RenderContent::all()), onto * to_shown(facts))?;
        context.set_transform(onto);
        context.set_paint(WHITE);
        context.fill_rect(&area(&shown_page(facts)));
        draw(&mut context, page, &cache, RenderContent::all(), onto * to_shown(facts));
    }
    if let Some(ink) = &sheet.ink {
        let ink = Pdf::new(Arc::new(Bytes::clone(ink)))
            .map_err(|_| PdfError::Internal("the boxes could not be drawn"))?;
        let page = ink.pages().first().ok_or(PdfError::Internal("the boxes could not be drawn"))?;
        draw(&mut context, page, &RenderCache::new(), RenderContent::PAGE, down);
    }
    context.flush();
    let mut pixmap = Pixmap::new(context.width(), context.height());
    let settings = RasterizerSettings { target_init: TargetInit::Clear(GREY), ..Default::default() };
    context.render_with(&mut pixmap, &mut Resources::default(), settings);
    Ok((pixmap, scale))
}

fn draw<'a>(
    context: &mut RenderContext,
    page: &'a hayro::hayro_syntax::page::Page<'a>,
    cache: &RenderCache<'a>,
    render_content: RenderContent,
    transform: Affine,
) {
    render_into(page, cache, &settings(render_content), &RenderSettings::default(), context, transform);
}

fn settings(render_content: RenderContent) -> InterpreterSettings {
    InterpreterSettings { render_content, ..InterpreterSettings::default() }
}

fn area(rect: &Rect) -> kurbo::Rect {
    kurbo::Rect::new(rect.x, rect.y, rect.right(), rect.top())
}

fn possible(scale: f64, sheet: &Sheet) -> f64 {
    let (width, height) = (sheet.width.max(1.0), sheet.height.max(1.0));
    let most = (MOST_SIDE / width.max(height)).min((MOST_PIXELS / (width * height)).sqrt());
    let wanted = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
    wanted.min(most)
}

/// Whether a page number is one of these pages'.
pub(super) fn facts_of(facts: &[PageFacts], number: u32) -> Result<&PageFacts, PdfError> {
    facts.iter().find(|page| page.number == number).ok_or(PdfError::NoPage { page: number })
}
