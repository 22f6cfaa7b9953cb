//! Reading what is only good to know.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

/// For `#[serde(default, deserialize_with = "…")]`: what is only good to know must not make an answer unreadable, so in
/// another form than expected, or `null`, it counts as absent.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Answer {
///     id: String,
///     #[serde(default, deserialize_with = "esign_http::if_it_fits")]
///     reference: Option<String>,
/// }
///
/// for json in [r#"{"id":"a"}"#, r#"{"id":"a","reference":null}"#, r#"{"id":"a","reference":{"x":1}}"#] {
///     let answer: Answer = serde_json::from_str(json)?;
///     assert_eq!((answer.id.as_str(), answer.reference), ("a", None));
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// The deserializer's own, if what is there is no value at all.
pub fn if_it_fits<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}
