//! From the neutral page to Signify's fractions and back (spec 6.1). Pure.
//!
//! Assumed, because the guide does not say it: with a top-left origin the numbers name the box's top-left corner, with a
//! bottom-left origin its lower-left corner, on the page as shown, and the box has the configured size.

use esign_core::facts::{PdfFacts, Rect, Size};
use esign_core::{
    Decimal, Error, ErrorKind, Origin, ResolvedPlacement, ResolvedSigner, ResolvedSpot, Result,
};

use crate::{Position, RequiredSignature, SignifyConfig};

/// The signer's places as Signify takes them.
pub(crate) fn required_signatures(
    signer: &ResolvedSigner,
    facts: Option<&PdfFacts>,
    config: &SignifyConfig,
) -> Result<Vec<RequiredSignature>> {
    signer.placements.iter().map(|placement| required_signature(placement, facts, config)).collect()
}

fn required_signature(
    placement: &ResolvedPlacement,
    facts: Option<&PdfFacts>,
    config: &SignifyConfig,
) -> Result<RequiredSignature> {
    let fault = |what: &str| Error::new(ErrorKind::Internal, format!("a prepared placement {what}"));
    match (&placement.spot, placement.page) {
        (ResolvedSpot::Native(native), _) => {
            Ok(RequiredSignature::new(native.page, Position::from(&native.x), Position::from(&native.y)))
        }
        (ResolvedSpot::Box(area), Some(page)) => {
            let origin = config.placement_origin.ok_or_else(|| fault("needs placement_origin"))?;
            let shown = facts.and_then(|f| f.page(page)).ok_or_else(|| fault("is on an unknown page"))?.shown;
            let (x, y) = to_fractions(area, shown, origin);
            let position = |value| Position::fraction(value).ok_or_else(|| fault("is not on its page"));
            Ok(RequiredSignature::new(page, position(x)?, position(y)?))
        }
        _ => Err(fault("has no position")),
    }
}

/// The fractions that put the box there, on the page whatever a rounding error says, and to 12 decimals: a millionth of a
/// millionth of a page is what arithmetic leaves, and 0.25 is not to be sent as 0.24999999999999997.
pub(crate) fn to_fractions(area: &Rect, page: Size, origin: Origin) -> (f64, f64) {
    let from_edge = match origin {
        Origin::TopLeft => page.height - area.top(),
        Origin::BottomLeft => area.y,
    };
    (fraction(area.x, area.width, page.width), fraction(from_edge, area.height, page.height))
}

fn fraction(offset: f64, length: f64, whole: f64) -> f64 {
    const DECIMALS: f64 = 1e12;
    let most = ((whole - length) / whole).clamp(0.0, 1.0);
    ((offset / whole).clamp(0.0, most) * DECIMALS).round() / DECIMALS
}

/// The box that these fractions are assumed to mean.
pub(crate) fn to_box(x: f64, y: f64, page: Size, origin: Origin, size: Size) -> Rect {
    let bottom = match origin {
        Origin::TopLeft => page.height - y * page.height - size.height,
        Origin::BottomLeft => y * page.height,
    };
    Rect::new(x * page.width, bottom, size.width, size.height)
}

/// What is wrong with a native coordinate, decided on its digits: a binary number would round 1.00000000000000000001.
pub(crate) fn native_fault(digits: &Decimal, allow_one: bool) -> Option<&'static str> {
    let (whole, fraction) = digits.as_str().split_once('.').unwrap_or((digits.as_str(), "0"));
    let is_one = whole == "1" && fraction.bytes().all(|digit| digit == b'0');
    if whole == "0" || (is_one && allow_one) {
        None
    } else if is_one {
        Some("exactly 1 is not accepted: allow_coordinate_one is off")
    } else {
        Some("Signify takes fractions of the page's width and height, 0 to 1")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A4: Size = Size { width: 595.0, height: 842.0 };
    const BOX: Size = Size { width: 220.5, height: 60.0 };

    #[test]
    fn corners_of_a_page() {
        let cases = [
            (Rect::new(0.0, 782.0, 220.5, 60.0), Origin::TopLeft, (0.0, 0.0)),
            (Rect::new(0.0, 0.0, 220.5, 60.0), Origin::TopLeft, (0.0, 782.0 / 842.0)),
            (Rect::new(0.0, 0.0, 220.5, 60.0), Origin::BottomLeft, (0.0, 0.0)),
            (Rect::new(59.5, 421.0, 220.5, 60.0), Origin::BottomLeft, (0.1, 0.5)),
            // A rounding error of the caller's goes inwards.
            (Rect::new(-1e-7, -1e-7, 220.5, 60.0), Origin::BottomLeft, (0.0, 0.0)),
        ];
        for (area, origin, expected) in cases {
            let (x, y) = to_fractions(&area, A4, origin);
            assert!((x - expected.0).abs() < 1e-12 && (y - expected.1).abs() < 1e-12, "{area:?}: {x} {y}");
        }
    }

    #[test]
    fn coordinates_in_their_shortest_digits() {
        for (value, digits) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (0.1, "0.1"),
            (1.0, "1.0"),
            (1e-7, "1e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(Position::fraction(value).unwrap().as_str(), digits);
        }
        for outside in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Position::fraction(outside), None);
        }
    }

    #[test]
    fn native_numbers_are_judged_by_their_digits() {
        for (digits, with_one, without) in [
            ("0", true, true),
            ("0.10", true, true),
            ("0.99999999999999999999", true, true),
            ("1", true, false),
            ("1.000", true, false),
            ("1.00000000000000000001", false, false),
            ("2", false, false),
            ("-0.1", false, false),
            ("-0", false, false),
        ] {
            let number: Decimal = digits.parse().unwrap();
            assert_eq!(native_fault(&number, true).is_none(), with_one, "{digits}");
            assert_eq!(native_fault(&number, false).is_none(), without, "{digits}");
        }
    }

    proptest! {
        /// Whatever the page, a box on it becomes fractions that mean the same box, and nothing leaves the page.
        #[test]
        fn there_and_back(
            width in 220.5..5000.0_f64, height in 60.0..5000.0_f64, u in 0.0..=1.0_f64, v in 0.0..=1.0_f64, top in any::<bool>(),
        ) {
            let page = Size { width, height };
            let origin = if top { Origin::TopLeft } else { Origin::BottomLeft };
            let area = Rect::new(u * (width - BOX.width), v * (height - BOX.height), BOX.width, BOX.height);
            let (x, y) = to_fractions(&area, page, origin);
            prop_assert!((0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y));
            let written = |value| Position::fraction(value).unwrap().as_str().parse::<f64>().unwrap();
            prop_assert_eq!((written(x), written(y)), (x, y));
            let back = to_box(x, y, page, origin, BOX);
            prop_assert!((back.x - area.x).abs() < 1e-6 && (back.y - area.y).abs() < 1e-6, "{:?} {:?}", area, back);
            prop_assert!(Rect::new(0.0, 0.0, width, height).contains(&back));
        }
    }
}
