//! Pages as pictures, with the boxes of a request on them.
//!
//! For people who look at where signatures will go before anything is sent. The pages are drawn by `hayro`; a page that it
//! draws differently from a reader's program has its boxes in the right place all the same, because both are put through
//! our own geometry.

mod canvas;
mod layout;
mod meter;
mod pictures;

use bytes::Bytes;
use esign_core::facts::Rect;
use esign_core::{Plan, Severity};

use crate::limits::on_own_thread;
use crate::{Limits, PdfError};

/// Pages that one picture shows at most; further ones are counted below it.
pub const MOST_PAGES: usize = 12;

/// A box to draw.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mark {
    /// From 1.
    pub page: u32,
    /// In shown space: points, lower-left origin. Without size it is drawn as a cross.
    pub area: Rect,
    /// Who signs there.
    pub label: String,
    /// How it is drawn.
    pub standing: Standing,
    /// Why it is not as it should be, written below the page.
    pub reason: Option<String>,
}

/// Whether a box may be where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It will be drawn there.
    Fits,
    /// Look before you send.
    Doubtful,
    /// It is refused.
    Refused,
}

impl Mark {
    /// A box that may be where it is.
    #[must_use]
    pub fn new(page: u32, area: Rect, label: impl Into<String>) -> Self {
        Self { page, area, label: label.into(), standing: Standing::Fits, reason: None }
    }

    /// The boxes that a plan has on the document of this key. What a finding says of a placement is its reason; both of
    /// two boxes that overlap are refused. Placements whose box is not known, because they are a provider's own numbers or
    /// found by it, have none.
    #[must_use]
    pub fn of_plan(plan: &Plan, document: &str) -> Vec<Self> {
        let here = plan.placements.iter().filter(|place| place.placed.document == document);
        let mut marks: Vec<(&str, Self)> = Vec::new();
        for place in here {
            let (Some(page), Some(area)) = (place.placed.page, place.placed.area) else { continue };
            let mut mark = Self::new(page, area, place.placed.signer.as_str());
            let about = |field: &str| field == place.at || field.starts_with(&format!("{}.", place.at));
            let finding = plan
                .findings
                .iter()
                .filter(|finding| finding.severity >= Severity::Warning)
                .filter(|finding| finding.field.as_deref().is_some_and(about))
                .max_by_key(|finding| finding.severity);
            if let Some(finding) = finding {
                let refused = finding.severity == Severity::Refusal;
                mark.standing = if refused { Standing::Refused } else { Standing::Doubtful };
                mark.reason = Some(finding.message.clone());
            }
            marks.push((place.at.as_str(), mark));
        }
        if plan.findings.iter().any(|finding| finding.code == "placement.overlap") {
            refuse_overlaps(&mut marks);
        }
        marks.into_iter().map(|(_, mark)| mark).collect()
    }
}

/// The plan names only the later one of two boxes.
fn refuse_overlaps(marks: &mut [(&str, Mark)]) {
    for first in 0..marks.len() {
        let later = (first + 1..marks.len()).find(|&second| {
            let (a, b) = (&marks[first].1, &marks[second].1);
            a.page == b.page && a.area.overlaps(&b.area)
        });
        if let Some(second) = later {
            let message = format!("the box overlaps that of {}", marks[second].0);
            let mark = &mut marks[first].1;
            mark.standing = Standing::Refused;
            mark.reason.get_or_insert(message);
        }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Picture {
    /// The file.
    pub png: Vec<u8>,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Pixels per point: what was asked for, or less where the picture would have been too large.
    pub scale: f64,
}

/// Draws one page (from 1) and nothing else: no margin, the crop box as shown.
///
/// # Errors
/// [`PdfError`] if the document cannot be read, has no such page, or exceeds the limits.
pub fn page(bytes: &Bytes, number: u32, scale: f64, limits: &Limits) -> Result<Picture, PdfError> {
    draw(bytes, limits, move |bytes, limits| canvas::page(bytes, number, scale, limits))
}

/// Draws every page that has a box, one below the other, with the surroundings of boxes that lie outside it. Boxes are
/// numbered; below each page stands whose they are, and in red why they are refused. `scale` is in pixels per point:
/// 96.0 / 72.0 gives the size that the page has on paper.
///
/// # Errors
/// As [`page()`]; [`PdfError::NoBox`] if there is nothing to draw.
pub fn boxes(bytes: &Bytes, marks: &[Mark], scale: f64, limits: &Limits) -> Result<Picture, PdfError> {
    let marks = marks.to_vec();
    draw(bytes, limits, move |bytes, limits| canvas::boxes(bytes, &marks, scale, limits))
}

fn draw(
    bytes: &Bytes,
    limits: &Limits,
    work: impl FnOnce(&Bytes, &Limits) -> Result<Picture, PdfError> + Send + 'static,
) -> Result<Picture, PdfError> {
    limits.check_size(bytes)?;
    let (bytes, limits) = (bytes.clone(), limits.clone());
    on_own_thread(&limits.clone(), move || work(&bytes, &limits))
}

#[cfg(test)]
mod tests;
