//! What the stored forms have in common: a version, read before anything else.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// Reads a stored form, JSON text whose version stands under `key`.
///
/// # Errors
/// [`ErrorKind::BadHandle`] if it is not `what`, or of a version after `newest`; every earlier one is read, and what it lacks
/// has a default. Causes are not attached: they can quote
/// the text, which may be a secret.
pub(crate) fn read<T: DeserializeOwned>(text: &str, what: &str, key: &str, newest: u64) -> Result<T> {
    let not_one = || Error::new(ErrorKind::BadHandle, format!("this is not a stored {what}"));
    let value: Value =
        serde_json::from_str(text.trim_start_matches('\u{feff}').trim()).map_err(|_| not_one())?;
    // The first version is 1.
    let version =
        value.get(key).and_then(Value::as_u64).filter(|&version| version > 0).ok_or_else(not_one)?;
    if version > newest {
        let message = format!(
            "the {what} is of version {version}; this version of esign reads versions up to {newest}"
        );
        return Err(Error::new(ErrorKind::BadHandle, message));
    }
    T::deserialize(value).map_err(|_| not_one())
}

/// Writes a stored form on one line.
pub(crate) fn write(form: &impl Serialize) -> String {
    certain(serde_json::to_string(form))
}

/// Writes a stored form for people to read.
pub(crate) fn write_pretty(form: &impl Serialize) -> String {
    certain(serde_json::to_string_pretty(form))
}

/// Texts, numbers, times and JSON values can always be written. If one day they cannot, nothing may be stored: an empty text in
/// the place of a handle would lose a request that was sent.
fn certain(written: serde_json::Result<String>) -> String {
    match written {
        Ok(text) => text,
        Err(error) => unreachable!("a stored form has no JSON form: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Form {
        v: u64,
        #[serde(default)]
        later: Option<u64>,
    }

    #[test]
    fn earlier_versions_are_read_and_later_ones_refused_by_number() {
        assert_eq!(read::<Form>(r#"{"v":1}"#, "form", "v", 2).unwrap(), Form { v: 1, later: None });
        assert_eq!(read::<Form>("\u{feff}{\"v\":2,\"later\":3}\n", "form", "v", 2).unwrap().later, Some(3));
        let newer = read::<Form>(r#"{"v":3}"#, "form", "v", 2).unwrap_err();
        assert!(newer.message().contains("version 3") && newer.message().contains("up to 2"), "{newer}");
        for no_version in [r#"{"v":0}"#, r#"{"v":-1}"#, "{}", ""] {
            let error = read::<Form>(no_version, "form", "v", 2).unwrap_err();
            assert!(error.message().contains("not a stored form"), "{error}");
        }
    }

    #[test]
    #[should_panic(expected = "no JSON form")]
    fn what_cannot_be_written_is_never_stored_as_nothing() {
        write(&std::collections::BTreeMap::from([((1, 2), 3)]));
    }
}
