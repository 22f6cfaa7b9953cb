//! What the stored forms have in common: a version, read before anything else.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// Reads a stored form, JSON text whose version stands under `key`.
///
/// # Errors
/// [`ErrorKind::BadHandle`] if it is not `what`, or of a version from the future. Causes are not attached: they can quote
/// the text, which may be a secret.
pub(crate) fn read<T: DeserializeOwned>(text: &str, what: &str, key: &str, known: u64) -> Result<T> {
    let not_one = || Error::new(ErrorKind::BadHandle, format!("this is not a stored {what}"));
    let value: Value = serde_json::from_str(text.trim()).map_err(|_| not_one())?;
    let version = value.get(key).and_then(Value::as_u64).ok_or_else(not_one)?;
    if version != known {
        let message =
            format!("the {what} is of version {version}; this version of esign reads version {known}");
        return Err(Error::new(ErrorKind::BadHandle, message));
    }
    T::deserialize(value).map_err(|_| not_one())
}

/// Writes a stored form.
///
/// # Panics
/// If it is not JSON, which strings, numbers, times and JSON values always are: a defect, and better loud than an empty
/// text in place of what was to be kept.
pub(crate) fn write<T: Serialize>(form: &T) -> String {
    serde_json::to_string(form).unwrap_or_else(|e| unreachable!("a stored form is not JSON: {e}"))
}

/// As [`write()`], for forms that people read.
pub(crate) fn write_pretty<T: Serialize>(form: &T) -> String {
    serde_json::to_string_pretty(form).unwrap_or_else(|e| unreachable!("a stored form is not JSON: {e}"))
}
