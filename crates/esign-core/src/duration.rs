//! Lengths of time, as people write them.

use std::fmt;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::Deserializer;
use serde::de::{self, Visitor};

use crate::{Error, Result};

const HOW: &str = "write a length of time with its unit, such as \"14 days\", \"36h\", \"1w 2d\", \"90 seconds\" or \"P14D\"";

/// Reads a length of time: words and letters (`14 days`, `1w 2d`, `36h`) or ISO 8601 (`P14D`, `PT36H`). A day has 24 hours.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest), in a sentence, for anything else, and for months and years,
/// which are not equally long.
///
/// ```
/// use esign_core::duration::parse;
/// use jiff::SignedDuration;
/// assert_eq!(parse("14 days")?, SignedDuration::from_hours(14 * 24));
/// assert_eq!(parse("P14D")?, parse("2 weeks")?);
/// assert_eq!(parse("1h 30m")?, SignedDuration::from_mins(90));
/// assert!(parse("1 month").is_err());
/// # Ok::<(), esign_core::Error>(())
/// ```
pub fn parse(text: &str) -> Result<SignedDuration> {
    let text = text.trim();
    if let Ok(duration) = text.parse() {
        return Ok(duration);
    }
    let span: Span = text.parse().map_err(|_| invalid(format!("{text:?} is no length of time: {HOW}")))?;
    if span.get_months() != 0 || span.get_years() != 0 {
        let message = "months and years differ in length: write days or weeks, such as \"30 days\"";
        return Err(invalid(message.to_owned()));
    }
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| invalid(format!("{text:?} is longer than any clock goes")))
}

fn invalid(message: String) -> Error {
    Error::new(crate::ErrorKind::InvalidRequest, message)
}

/// Reads one from a configuration or a file, for `#[serde(deserialize_with = "…")]`.
///
/// # Errors
/// As [`parse`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    deserializer.deserialize_str(Words)
}

/// As [`deserialize`], where there may be none.
///
/// # Errors
/// As [`parse`].
pub fn deserialize_some<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SignedDuration>, D::Error> {
    deserializer.deserialize_option(Optional)
}

struct Words;

impl Visitor<'_> for Words {
    type Value = SignedDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HOW)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SignedDuration, E> {
        parse(text).map_err(|error| E::custom(error.message()))
    }
}

struct Optional;

impl<'de> Visitor<'de> for Optional {
    type Value = Option<SignedDuration>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HOW)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        let hours = |n| SignedDuration::from_hours(n);
        for (text, expected) in [
            ("14 days", hours(336)),
            ("14d", hours(336)),
            ("P14D", hours(336)),
            ("1w", hours(168)),
            ("2 weeks 3 days 4h", hours(17 * 24 + 4)),
            ("PT36H", hours(36)),
            (" 36 hours ", hours(36)),
            ("90 seconds", SignedDuration::from_secs(90)),
            ("PT1.5S", SignedDuration::from_millis(1500)),
            ("P1W2DT3H", hours(9 * 24 + 3)),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_in_a_sentence_without_a_library_s_names() {
        for text in
            ["", "14", "fourteen days", "P", "1 month", "P1Y", "14 dyas", "999999999999999999999 days"]
        {
            let message = parse(text).unwrap_err().message().to_owned();
            assert!(message.contains("\"30 days\"") || message.contains("\"14 days\""), "{text}: {message}");
            for library in ["jiff", "Span", "serde", "friendly"] {
                assert!(!message.contains(library), "{message}");
            }
        }
    }
}
