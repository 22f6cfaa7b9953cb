//! The PDF of a sign request, and the boxes in it (PDF requirements and signing coordinates of Initiate Sign Request).

use esign_pdf::facts::{PageFacts, PdfFacts, Rect, SignatureLevel};
use esign_pdf::geometry::shown_page;

use super::payload::Location;
use super::settings::SingpassSettings;
use crate::signing::{BOX, signable};

/// What the documents of June 2025 say the box's width is; drawn is [`BOX`].
const WIDE: f64 = 225.0;

/// The sub-filter of a document timestamp, which is no signature.
const DOCUMENT_TIMESTAMP: &str = "ETSI.RFC3161";

/// Where a signature is drawn, on the page as shown, in points from its lower-left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) location: Location,
    pub(super) rect: Rect,
}

/// Checks the PDF and finds each location's box in it. Takes milliseconds of computing.
///
/// The page counts as it is shown, rotated and cropped; the documentation says nothing about such pages.
///
/// # Errors
/// One sentence about the first rule that is broken.
pub(super) fn places(
    pdf: &[u8],
    locations: &[Location],
    settings: &SingpassSettings,
) -> Result<Vec<Place>, String> {
    if pdf.len() >= settings.max_pdf_bytes {
        return Err(format!(
            "the PDF must be smaller than {} bytes, it has {}",
            settings.max_pdf_bytes,
            pdf.len()
        ));
    }
    let facts = signable(pdf).map_err(|unsignable| format!("the PDF cannot be signed: {unsignable}"))?;
    check_signatures(&facts)?;
    check_kind(&facts, settings)?;
    locations.iter().map(|location| place(&facts, *location, settings)).collect()
}

fn check_kind(facts: &PdfFacts, settings: &SingpassSettings) -> Result<(), String> {
    if settings.refuse_forms && (facts.form_fields > 0 || facts.xfa.is_some()) {
        return Err("the PDF has a form".to_owned());
    }
    let longest = |page: &PageFacts| page.shown.width.max(page.shown.height);
    match settings.max_page_points {
        Some(most) if facts.pages.iter().any(|page| longest(page) > f64::from(most)) => {
            Err(format!("a page is longer than {most} points"))
        }
        _ => Ok(()),
    }
}

fn check_signatures(facts: &PdfFacts) -> Result<(), String> {
    for field in &facts.signatures {
        if field.unreadable.is_some() {
            return Err("an existing signature cannot be read".to_owned());
        }
        let signature =
            field.signature.as_ref().filter(|signature| signature.sub_filter != DOCUMENT_TIMESTAMP);
        if let Some(signature) = signature.filter(|signature| signature.level < SignatureLevel::BT) {
            let level = signature.level.as_str();
            return Err(format!("an existing signature is below PAdES B-T (its level is {level})"));
        }
    }
    Ok(())
}

fn place(facts: &PdfFacts, location: Location, settings: &SingpassSettings) -> Result<Place, String> {
    let Location { page: number, x, y } = location;
    let page = facts
        .page(number)
        .ok_or_else(|| format!("there is no page {number}: the PDF has {}", facts.pages.len()))?;
    let rect = lower_left_box(page, x, y);
    let checked = Rect { width: if settings.wide_box { WIDE } else { rect.width }, ..rect };
    if !shown_page(page).contains(&checked) {
        return Err(format!(
            "signature will be out of page area: {} x {} points from {}, {} do not fit on page {number}, which has \
             {:.2} x {:.2}",
            checked.width,
            checked.height,
            f64::from(x) / 1e4,
            f64::from(y) / 1e4,
            page.shown.width,
            page.shown.height
        ));
    }
    let signed = facts.signatures.iter().filter(|field| field.signature.is_some());
    let mut boxes = signed.flat_map(|field| &field.widgets).filter(|widget| widget.page == number);
    if boxes.any(|widget| widget.shown.overlaps(&checked)) {
        return Err(format!("the signature on page {number} would overlap an existing one"));
    }
    Ok(Place { location, rect })
}

fn lower_left_box(page: &PageFacts, x: u16, y: u16) -> Rect {
    let (x, y) = (f64::from(x) / 1e4 * page.shown.width, f64::from(y) / 1e4 * page.shown.height);
    Rect::new(x, y, BOX.width, BOX.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A4: [f64; 2] = [595.28, 841.89];

    fn check(page: PageFacts, x: u16, y: u16, wide_box: bool) -> Result<Rect, String> {
        let facts = PdfFacts::new(1000, vec![page]);
        let settings = SingpassSettings { wide_box, ..SingpassSettings::default() };
        place(&facts, Location { page: 1, x, y }, &settings).map(|place| place.rect)
    }

    #[test]
    fn the_box_stands_where_the_service_draws_it() {
        // Measured on a document signed by the staging service with x = y = 0.5.
        let rect = check(PageFacts::plain(1, A4[0], A4[1]), 5000, 5000, false).unwrap();
        let off = [rect.x - 297.64, rect.y - 420.945, rect.right() - 518.14, rect.top() - 480.945];
        assert!(off.iter().all(|off| off.abs() < 1e-9), "{rect:?}");
        let rect = check(PageFacts::plain(1, A4[0], A4[1]), 0, 0, false).unwrap();
        assert_eq!((rect.x, rect.y), (0.0, 0.0));
    }

    #[test]
    fn the_whole_box_must_lie_on_the_page() {
        for (page, x, y, wide, fits) in [
            (A4, 6295, 9287, false, true),
            (A4, 6296, 9287, false, false),
            (A4, 6295, 9288, false, false),
            (A4, 6220, 0, true, true),
            (A4, 6221, 0, true, false),
            ([612.0, 792.0], 6397, 9242, false, true),
            ([612.0, 792.0], 6398, 0, false, false),
            ([612.0, 792.0], 0, 9243, false, false),
            ([220.0, 800.0], 0, 0, false, false),
        ] {
            let placed = check(PageFacts::plain(1, page[0], page[1]), x, y, wide);
            assert_eq!(placed.is_ok(), fits, "{page:?} {x} {y} {wide}: {placed:?}");
        }
    }

    #[test]
    fn a_turned_page_counts_as_it_is_shown() {
        let turned = PageFacts::new(1, Rect::new(0.0, 0.0, 200.0, 842.0), None, 90, 1.0);
        assert_eq!(check(turned, 5000, 5000, false).unwrap(), Rect::new(421.0, 100.0, 220.5, 60.0));
    }
}
