//! What a sign request claims: the document's name, where to sign, who may (Initiate Sign Request).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::settings::{PayloadShape, SingpassSettings};
use crate::jose::Claims;

/// A sign request that follows the rules that need no PDF.
#[derive(Debug, PartialEq)]
pub(super) struct Payload {
    pub(super) doc_name: String,
    pub(super) locations: Vec<Location>,
    /// 64 hexadecimal digits, as sent.
    pub(super) signer_uin_hash: Option<String>,
}

/// Where the lower-left corner of a signature goes: page from 1, ten-thousandths of the page's width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) page: u32,
    pub(super) x: u16,
    pub(super) y: u16,
}

/// Reads the claims.
///
/// # Errors
/// One sentence about the first rule that is broken.
pub(super) fn read(claims: &Claims, settings: &SingpassSettings) -> Result<Payload, String> {
    let doc_name = claims.text("doc_name")?.ok_or("doc_name is missing")?;
    if doc_name.is_empty() {
        return Err("doc_name must not be empty".to_owned());
    }
    if let Some(most) = settings.max_doc_name.filter(|most| doc_name.chars().count() > *most) {
        return Err(format!("doc_name must not have more than {most} characters"));
    }
    let signer_uin_hash = claims.text("signer_uin_hash")?;
    let is_sha256 = |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if signer_uin_hash.as_ref().is_some_and(|hash| !is_sha256(hash)) {
        return Err("signer_uin_hash must be a SHA-256 in 64 hexadecimal digits".to_owned());
    }
    Ok(Payload { doc_name, locations: locations(claims, settings)?, signer_uin_hash })
}

fn locations(claims: &Claims, settings: &SingpassSettings) -> Result<Vec<Location>, String> {
    let legacy = ["x", "y", "page"].iter().any(|name| claims.raw(name).is_some());
    let listed = claims.raw("sign_locations");
    let one = || location(|name| claims.raw(name), "");
    match settings.payload {
        PayloadShape::Legacy => Ok(vec![one()?]),
        PayloadShape::Locations => list(listed.ok_or("sign_locations is missing")?, settings),
        PayloadShape::Both => match listed {
            None if !legacy => Err("either sign_locations or x, y and page must be there".to_owned()),
            None => Ok(vec![one()?]),
            Some(listed) => {
                let listed = list(listed, settings)?;
                if legacy && listed != [one()?] {
                    return Err("x, y and page do not say the same as sign_locations".to_owned());
                }
                Ok(listed)
            }
        },
    }
}

fn list(text: &str, settings: &SingpassSettings) -> Result<Vec<Location>, String> {
    let entries: Vec<BTreeMap<String, &RawValue>> =
        serde_json::from_str(text).map_err(|_| "sign_locations must be an array of objects")?;
    let max = settings.max_locations;
    if !(1..=max).contains(&entries.len()) {
        return Err(format!("sign_locations must have 1 to {max} entries, it has {}", entries.len()));
    }
    let read = |(index, entry): (usize, &BTreeMap<String, &RawValue>)| {
        let raw = |name: &str| entry.get(name).map(|value| value.get()).filter(|text| *text != "null");
        location(raw, &format!("sign_locations[{index}]."))
    };
    entries.iter().enumerate().map(read).collect()
}

fn location<'a>(raw: impl Fn(&str) -> Option<&'a str>, path: &str) -> Result<Location, String> {
    let number = |name: &str| {
        let text = raw(name).ok_or_else(|| format!("{path}{name} is missing"))?;
        Decimal::parse(text).ok_or_else(|| format!("{path}{name} must be a number"))
    };
    let coordinate = |name: &str| {
        let number = number(name)?;
        if number.is_below_zero() || !number.is_below_one() {
            // In the words of the documentation, for x = y = 1.
            return Err(format!(
                "signature will be out of page area: {path}{name} must be 0 or more and below 1"
            ));
        }
        number
            .ten_thousandths()
            .ok_or_else(|| format!("max fraction is 4: {path}{name} has more than 4 decimals"))
    };
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    let page = number("page")?.whole().filter(|page| *page >= 1);
    Ok(Location { page: page.ok_or_else(|| format!("{path}page must be a page number, from 1"))?, x, y })
}

/// A number by the digits it is written with: 0.30000000000000004 has 17 decimals, whatever a floating-point reader
/// makes of it. Zeros at the end do not count.
struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// How many of the digits stand after the point; negative if zeros follow them before it.
    scale: i64,
}

impl Decimal {
    /// From JSON text; `None` if that is no number, or one with an exponent beyond reason.
    fn parse(text: &str) -> Option<Self> {
        // JSON numbers start with a digit or a minus, and nothing else does.
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok().filter(|exponent| (-1_000..=1_000).contains(exponent))?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let trimmed = all.trim_end_matches('0');
        let scale =
            i64::try_from(fraction.len()).ok()? - exponent - i64::try_from(all.len() - trimmed.len()).ok()?;
        let digits = trimmed.trim_start_matches('0').to_owned();
        Some(if digits.is_empty() {
            Self { negative: false, digits, scale: 0 }
        } else {
            Self { negative, digits, scale }
        })
    }

    fn is_below_zero(&self) -> bool {
        self.negative
    }

    /// For numbers that are not below zero.
    fn is_below_one(&self) -> bool {
        i64::try_from(self.digits.len()).is_ok_and(|digits| digits <= self.scale) || self.digits.is_empty()
    }

    /// For numbers from 0 and below 1.
    fn ten_thousandths(&self) -> Option<u16> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let missing = u32::try_from(4 - self.scale).ok()?;
        self.digits.parse::<u16>().ok()?.checked_mul(10_u16.checked_pow(missing)?)
    }

    fn whole(&self) -> Option<u32> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = u32::try_from(-self.scale).ok().filter(|_| !self.negative)?;
        self.digits.parse::<u32>().ok()?.checked_mul(10_u32.checked_pow(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(page: u32, x: u16, y: u16) -> Location {
        Location { page, x, y }
    }

    fn read_json(json: &str, payload: PayloadShape) -> Result<Payload, String> {
        let settings = SingpassSettings { payload, ..SingpassSettings::default() };
        read(&serde_json::from_str(json).unwrap(), &settings)
    }

    #[test]
    fn coordinates_count_by_the_digits_as_written() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("0.0", Ok(0)),
            ("0e9", Ok(0)),
            ("0.5", Ok(5000)),
            ("0.50000", Ok(5000)),
            ("5e-1", Ok(5000)),
            ("0.1234", Ok(1234)),
            ("0.0001", Ok(1)),
            ("1E-4", Ok(1)),
            ("0.9999", Ok(9999)),
            ("0.00001", Err("max fraction is 4")),
            ("1e-5", Err("max fraction is 4")),
            ("0.30000000000000004", Err("max fraction is 4")),
            ("1", Err("out of page area")),
            ("1.0", Err("out of page area")),
            ("0.1e1", Err("out of page area")),
            ("1e3", Err("out of page area")),
            ("-0.1", Err("out of page area")),
            ("1e-999999999999", Err("must be a number")),
            ("\"0.5\"", Err("must be a number")),
            ("true", Err("must be a number")),
            ("null", Err("x is missing")),
            ("[0.5]", Err("must be a number")),
        ] {
            let json = format!(r#"{{"doc_name":"a","x":{text},"y":0,"page":1}}"#);
            match (read_json(&json, PayloadShape::Both), expected) {
                (Ok(payload), Ok(x)) => assert_eq!(payload.locations, [at(1, x, 0)], "{text}"),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{text}: {why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn both_shapes_are_read_and_must_agree() {
        use PayloadShape::{Both, Legacy, Locations};
        const OLD: &str = r#""x":0.5,"y":0.25,"page":2"#;
        const ONE: &str = r#""sign_locations":[{"page":2,"x":0.50,"y":25e-2,"width":9}]"#;
        const TWO: &str = r#""sign_locations":[{"page":2,"x":0.5,"y":0.25},{"page":1,"x":0,"y":0}]"#;
        let both = format!("{OLD},{ONE}");
        let contradiction = format!("{OLD},{TWO}");
        let first = at(2, 5000, 2500);
        for (shape, text, expected) in [
            (Both, OLD, Ok(vec![first])),
            (Both, ONE, Ok(vec![first])),
            (Both, TWO, Ok(vec![first, at(1, 0, 0)])),
            (Both, &both, Ok(vec![first])),
            (Both, &contradiction, Err("do not say the same")),
            (Both, r#""x":0.5"#, Err("y is missing")),
            (Both, r#""x":0.5,"y":0,"page":0"#, Err("page must be a page number")),
            (Both, r#""x":0.5,"y":0,"page":-1"#, Err("page must be a page number")),
            (Both, r#""x":0.5,"y":0,"page":1.5"#, Err("page must be a page number")),
            (Both, r#""x":0.5,"y":0,"page":1e1"#, Ok(vec![at(10, 5000, 0)])),
            (Both, r#""x":0.5,"y":0,"page":4294967296"#, Err("page must be a page number")),
            (Both, r#""sign_locations":null"#, Err("either sign_locations or")),
            (Both, r#""sign_locations":[]"#, Err("1 to 20 entries, it has 0")),
            (Both, r#""sign_locations":{}"#, Err("must be an array of objects")),
            (Both, r#""sign_locations":[1]"#, Err("must be an array of objects")),
            (Both, r#""sign_locations":[{"page":1,"x":0}]"#, Err("sign_locations[0].y is missing")),
            (Legacy, OLD, Ok(vec![first])),
            (Legacy, &contradiction, Ok(vec![first])),
            (Legacy, ONE, Err("x is missing")),
            (Locations, OLD, Err("sign_locations is missing")),
            (Locations, &contradiction, Ok(vec![first, at(1, 0, 0)])),
        ] {
            match (read_json(&format!(r#"{{"doc_name":"a",{text}}}"#), shape), expected) {
                (Ok(payload), Ok(expected)) => assert_eq!(payload.locations, expected, "{shape:?} {text}"),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{shape:?} {text}: {why}"),
                other => panic!("{shape:?} {text}: {other:?}"),
            }
        }
    }

    #[test]
    fn twenty_locations_are_the_most() {
        let json = |count| {
            let one = r#"{"page":1,"x":0,"y":0}"#;
            format!(r#"{{"doc_name":"a","sign_locations":[{}]}}"#, vec![one; count].join(","))
        };
        assert_eq!(read_json(&json(20), PayloadShape::Both).unwrap().locations.len(), 20);
        assert!(read_json(&json(21), PayloadShape::Both).unwrap_err().contains("it has 21"));
    }

    #[test]
    fn name_and_hash_are_checked() {
        let hash = "0aF9".repeat(16);
        for (text, refused) in [
            (format!(r#""doc_name":"a","signer_uin_hash":"{hash}""#), None),
            (r#""doc_name":"a","signer_uin_hash":null"#.to_owned(), None),
            (r#""doc_name":"a","signer_uin_hash":"S1234567A""#.to_owned(), Some("SHA-256")),
            (format!(r#""doc_name":"a","signer_uin_hash":"{hash}0""#), Some("SHA-256")),
            (r#""doc_name":"""#.to_owned(), Some("must not be empty")),
            (r#""doc_name":1"#.to_owned(), Some("doc_name must be text")),
            (r#""other":1"#.to_owned(), Some("doc_name is missing")),
        ] {
            let json = format!(r#"{{{text},"x":0,"y":0,"page":1}}"#);
            match (read_json(&json, PayloadShape::Both), refused) {
                (Ok(_), None) => {}
                (Err(why), Some(expected)) => assert!(why.contains(expected), "{text}: {why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(x in 0_u16..10_000, zeros in 0..5_usize) {
            let text = format!("0.{x:04}{}", "0".repeat(zeros));
            prop_assert_eq!(Decimal::parse(&text).unwrap().ten_thousandths(), Some(x));
        }

        #[test]
        fn any_number_is_read_without_panic(number in any::<f64>(), text in "-?[0-9]{1,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,20})?") {
            for text in [number.to_string(), text] {
                if let Some(decimal) = Decimal::parse(&text) {
                    let _ = (decimal.is_below_one(), decimal.whole());
                    if !decimal.is_below_zero() && decimal.is_below_one() {
                        prop_assert!(decimal.ten_thousandths().is_none_or(|x| x < 10_000));
                    }
                }
            }
        }
    }
}
