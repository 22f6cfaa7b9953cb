//! One-time values, from the system's secure random source.

use esign_core::{Error, ErrorKind, Result};

/// The longest `state` and `nonce` that Singpass takes, in characters (spec 3.2).
pub(crate) const MAX_CHARS: usize = 255;
/// 256 bits: nobody guesses one, and no two are ever the same.
const BYTES: usize = 32;

/// A new value of 64 hexadecimal digits: within the documented alphabet of `state`, and the documented form of `nonce`.
pub(crate) fn one_time_value() -> Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::new(ErrorKind::Internal, "the system gives no randomness").with_source(e))?;
    Ok(hex(&bytes))
}

/// Whether a text can be a `state`: 1 to 255 of `A-Z a-z 0-9 / _ - = .` (spec 3.2).
pub(crate) fn is_state(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'=' | b'.');
    !text.is_empty() && text.len() <= MAX_CHARS && text.bytes().all(allowed)
}

/// Compares without telling by the time it takes where the texts differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_unique_and_in_the_documented_alphabet_and_length() {
        let values: HashSet<String> = (0..10_000).map(|_| one_time_value().unwrap()).collect();
        assert_eq!(values.len(), 10_000);
        for value in &values {
            assert_eq!(value.len(), 64);
            assert!(is_state(value) && value.bytes().all(|b| b.is_ascii_hexdigit()), "{value}");
        }
        // Every position varies: 256 bits of them, not a counter beside a constant.
        for position in 0..64 {
            let digits: HashSet<u8> = values.iter().map(|value| value.as_bytes()[position]).collect();
            assert_eq!(digits.len(), 16, "position {position}");
        }
    }

    #[test]
    fn a_state_has_1_to_255_characters() {
        for (length, fine) in [(0, false), (1, true), (255, true), (256, false), (10_000, false)] {
            assert_eq!(is_state(&"a".repeat(length)), fine, "{length}");
        }
    }

    #[test]
    fn every_character_outside_the_pattern_is_refused() {
        let pattern = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-=.";
        for c in (0..=0x2ff).filter_map(char::from_u32).chain(['\u{2028}', '😀', 'Ａ']) {
            assert_eq!(is_state(&format!("ab{c}cd")), pattern.contains(c), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn equality_is_equality(a in ".{0,40}", b in ".{0,40}") {
            prop_assert_eq!(same(&a, &b), a == b);
            prop_assert!(same(&a, &a));
        }
    }
}
