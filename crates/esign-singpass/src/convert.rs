//! Between the neutral model and Singpass's numbers: pure functions.
//!
//! Spec 6.1: `x` and `y` are fractions of the page's width and height, `0 <= v < 1`, at most 4 decimals, from the page's
//! bottom-left; they locate the bottom-left corner of a box of fixed size.

use esign_core::facts::{Rect, Size};
use esign_core::{Error, ErrorKind, Personal, Result};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::config::LetterCase;

/// The width of the box in points, as measured on a document signed on staging (spec 6.1).
pub(crate) const BOX_WIDTH: f64 = 220.5;
/// The height of the box in points.
pub(crate) const BOX_HEIGHT: f64 = 60.0;
/// Coordinates are multiples of 1/10,000.
const STEPS: f64 = 10_000.0;
/// Decimals that a coordinate may have.
pub(crate) const DECIMALS: u8 = 4;

/// One location, ready to be sent.
#[derive(Clone, Debug)]
pub struct Location {
    /// From 1.
    pub page: u32,
    /// The digits as they are sent.
    pub x: Box<RawValue>,
    /// The digits as they are sent.
    pub y: Box<RawValue>,
}

impl Location {
    /// A location from digits that are sent as they are.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if they are not a number.
    pub fn from_digits(page: u32, x: &str, y: &str) -> Result<Self> {
        Ok(Self { page, x: raw(x)?, y: raw(y)? })
    }

    /// The location of a box in shown space, and by how many points rounding moves it to the left and down.
    ///
    /// Rounding is downwards: the box moves by less than 0.0001 of the page and never off it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the box's corner is not on the page.
    pub fn from_box(page: u32, area: &Rect, size: Size) -> Result<(Self, (f64, f64))> {
        let (x, shift_x) = step(area.x, size.width)?;
        let (y, shift_y) = step(area.y, size.height)?;
        Ok((Self::from_digits(page, &digits(x), &digits(y))?, (shift_x, shift_y)))
    }
}

/// The coordinate in 1/10,000, and by how many points that is less than what was asked for.
fn step(points: f64, length: f64) -> Result<(u32, f64)> {
    // Noise below a millionth of a step is not a wish to move a whole step.
    let exact = points / length * STEPS;
    let steps = (exact + 1e-6).floor();
    if !(0.0..STEPS).contains(&steps) {
        return Err(Error::new(ErrorKind::InvalidRequest, "the box's lower-left corner is not on the page"));
    }
    let shift = points - steps / STEPS * length;
    // In range by the check above.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok((steps as u32, shift))
}

/// At most four decimals, without an exponent and without needless zeros.
fn digits(steps: u32) -> String {
    let text = format!("0.{steps:04}");
    let text = text.trim_end_matches('0');
    text.trim_end_matches('.').to_owned()
}

fn raw(text: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(text.to_owned())
        .map_err(|_| Error::new(ErrorKind::InvalidRequest, "this is not a number"))
}

/// `signer_uin_hash`: SHA-256 of the NRIC or FIN in hexadecimal (spec 3.1; the casing is a setting, because the official
/// text is not available).
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if it does not look like an NRIC or FIN; the value is not repeated.
pub fn uin_hash(nric: &Personal, nric_case: LetterCase, hash_case: LetterCase) -> Result<String> {
    let nric = nric.expose().trim();
    let b = nric.as_bytes();
    let shape = b.len() == 9
        && b[0].is_ascii_alphabetic()
        && b[8].is_ascii_alphabetic()
        && b[1..8].iter().all(u8::is_ascii_digit);
    if !shape {
        let message = "an NRIC or FIN is a letter, seven digits and a letter";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let hash = Sha256::digest(nric_case.apply(nric));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(hash_case.apply(&hex))
}

/// Whether the last letter of an NRIC or FIN belongs to its digits. The hash of another number is that of no person.
pub(crate) fn check_letter_holds(nric: &Personal) -> bool {
    const WEIGHTS: [usize; 7] = [2, 7, 6, 5, 4, 3, 2];
    let text = nric.expose().trim().to_ascii_uppercase();
    let [first, digits @ .., last] = text.as_bytes() else { return false };
    // What the sum starts from, and the letters by its remainder.
    let (start, letters) = match first {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let sum = digits
        .iter()
        .zip(WEIGHTS)
        .fold(start, |sum, (digit, weight)| sum + usize::from(digit.wrapping_sub(b'0')) * weight);
    digits.len() == WEIGHTS.len() && letters[sum % letters.len()] == *last
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A4: Size = Size { width: 595.28, height: 841.89 };

    fn location(x: f64, y: f64) -> (String, String) {
        let (location, _) = Location::from_box(1, &Rect::new(x, y, BOX_WIDTH, BOX_HEIGHT), A4).unwrap();
        (location.x.get().to_owned(), location.y.get().to_owned())
    }

    #[test]
    fn corners_and_the_centre() {
        assert_eq!(location(0.0, 0.0), ("0".into(), "0".into()));
        assert_eq!(location(297.64, 420.945), ("0.5".into(), "0.5".into()));
        assert_eq!(location(0.6295 * 595.28, 0.9287 * 841.89), ("0.6295".into(), "0.9287".into()));
        for off in [-0.001, 595.28, f64::NAN, f64::INFINITY] {
            assert!(Location::from_box(1, &Rect::new(off, 0.0, BOX_WIDTH, BOX_HEIGHT), A4).is_err(), "{off}");
        }
    }

    #[test]
    fn every_step_is_written_with_at_most_four_decimals_and_reads_back() {
        for n in 0..10_000_u32 {
            let text = digits(n);
            assert!(text.split_once('.').is_none_or(|(_, d)| d.len() <= 4), "{text}");
            let value: f64 = text.parse().unwrap();
            assert!((value * STEPS - f64::from(n)).abs() < 1e-6, "{text}");
        }
    }

    proptest! {
        #[test]
        fn rounding_moves_left_and_down_by_less_than_a_step(x in 0.0..370.0f64, y in 0.0..780.0f64) {
            let (_, (dx, dy)) = Location::from_box(1, &Rect::new(x, y, BOX_WIDTH, BOX_HEIGHT), A4).unwrap();
            prop_assert!((-1e-6..=A4.width / STEPS).contains(&dx), "{dx}");
            prop_assert!((-1e-6..=A4.height / STEPS).contains(&dy), "{dy}");
        }
    }

    #[test]
    fn one_letter_of_eleven_belongs_to_the_digits() {
        for good in ["S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K", " s0000001i "] {
            assert!(check_letter_holds(&good.into()), "{good}");
        }
        for bad in ["S1234567A", "T1234567D", "F1234567D", "A1234567D", "S1234576D", "S123456D", "", "S"] {
            assert!(!check_letter_holds(&bad.into()), "{bad}");
        }
        for first in ["S", "T", "F", "G", "M"] {
            let good = ('A'..='Z').filter(|last| check_letter_holds(&format!("{first}7654321{last}").into()));
            assert_eq!(good.count(), 1, "{first}");
        }
    }

    #[test]
    fn the_hash_is_that_of_the_upper_case_number_in_lower_case_hex() {
        let hash = |nric: &str| uin_hash(&nric.into(), LetterCase::Upper, LetterCase::Lower);
        let expected: String = Sha256::digest("S1234567D").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash("s1234567d").unwrap(), expected);
        assert_eq!(hash(" S1234567D ").unwrap(), expected);
        for bad in ["", "S123456D", "12345678D", "S1234567DD", "Ｓ1234567D"] {
            assert!(hash(bad).is_err(), "{bad}");
        }
    }
}
