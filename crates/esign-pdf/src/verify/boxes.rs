//! Whether signatures stand where they were asked to.

use esign_core::facts::{PageFacts, Rect};

use super::ExpectedBox;
use super::report::{BoxReport, SignatureReport};

/// Looks for each expected box among the signed widgets of its page; one widget answers for one box.
pub(crate) fn check(
    expected: &[ExpectedBox],
    signatures: &[&SignatureReport],
    pages: &[PageFacts],
) -> Vec<BoxReport> {
    let mut free: Vec<_> = signatures
        .iter()
        .flat_map(|signature| signature.widgets.iter().map(|widget| (signature.field.as_str(), widget)))
        .collect();
    let mut reports = Vec::with_capacity(expected.len());
    for asked in expected {
        let on_page = free.iter().enumerate().filter(|(_, (_, widget))| widget.page == asked.page);
        let nearest = on_page
            .map(|(index, (_, widget))| (index, distance(&asked.rect, &widget.shown)))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let uncertain = pages.iter().any(|page| page.number == asked.page && !page.is_plain());
        let mut report =
            BoxReport { page: asked.page, asked: asked.rect, field: None, found: None, uncertain };
        if let Some((index, distance)) = nearest {
            report.found = Some(free[index].1.shown);
            if distance <= asked.tolerance {
                report.field = Some(free.swap_remove(index).0.to_owned());
            }
        }
        reports.push(report);
    }
    reports
}

/// By how much the edge that is furthest off is off. Of a box without size only the corner is known.
fn distance(asked: &Rect, found: &Rect) -> f64 {
    let corner = [(asked.x, found.x), (asked.y, found.y)];
    let far = [(asked.right(), found.right()), (asked.top(), found.top())];
    let sized = asked.width > 0.0 && asked.height > 0.0;
    let edges = corner.iter().chain(far.iter().filter(|_| sized));
    edges.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
