//! What came back.

use std::fmt;

use bytes::Bytes;
use esign_core::{Error, ErrorKind};
use http::{HeaderMap, StatusCode};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::errors::Circumstances;
use crate::words::is_html;

/// A complete answer.
#[non_exhaustive]
pub struct Answer {
    /// A success, or a status that the call [accepts](crate::Call::accept).
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    pub(super) circumstances: Circumstances,
}

impl Answer {
    /// The body as JSON. A byte order mark before it is skipped (RFC 8259, 8.1).
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedAnswer`], which says where the JSON differs and never what it contains: answers hold signing
    /// links and people's names. After a create it is [`Retry::OutcomeUnknown`](esign_core::Retry::OutcomeUnknown),
    /// because the provider said that it succeeded.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read(self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body))
            .map_err(|fault| self.unexpected(self.describe(&fault)))
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// An earlier attempt of this call may have had its effect: its answer was lost.
    #[must_use]
    pub fn earlier_unanswered(&self) -> bool {
        self.circumstances.earlier_unanswered
    }

    /// The error for an answer that came, but does not say what it should. The message is ours: no words of the answer.
    #[must_use]
    pub fn unexpected(&self, message: impl Into<String>) -> Error {
        self.circumstances
            .unusable(ErrorKind::UnexpectedAnswer, message)
            .with_http_status(self.status.as_u16())
    }

    fn describe(&self, fault: &serde_json::Error) -> String {
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(64)]);
        if start.trim().is_empty() {
            return "the answer is empty, but JSON was expected".to_owned();
        }
        if is_html(&start) {
            return "the answer is an HTML page instead of JSON: is a proxy or login page in between?"
                .to_owned();
        }
        if let Some(coding) = self.header("content-encoding").filter(|coding| *coding != "identity") {
            return format!("the answer is compressed ({coding:.20}), which it was not asked to be");
        }
        // serde's text may quote values; which field is missing is the one thing it says without.
        let text = fault.to_string();
        let what = match text.split_once(" at line ") {
            Some((missing, _)) if missing.starts_with("missing field `") => missing,
            _ if fault.is_data() => "a value of another type than documented",
            _ => "not valid JSON",
        };
        format!(
            "the answer is not the documented JSON: {what} (line {}, column {})",
            fault.line(),
            fault.column()
        )
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(ObjectForStruct(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// Reads a struct from an object only: serde would as well take a list for its fields in their order.
struct ObjectForStruct<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectForStruct<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use esign_core::{Operation, Retry};

    use super::*;
    use crate::Effect;

    fn answer(operation: Operation, body: &'static str) -> Answer {
        Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            circumstances: Circumstances {
                operation,
                effect: Effect::of(operation),
                earlier_unanswered: false,
            },
        }
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[allow(dead_code)]
    struct Created {
        document_id: u64,
    }

    #[test]
    fn a_fault_is_located_and_nothing_is_quoted() {
        for (body, expected) in [
            ("{}", "missing field `documentId`"),
            (r#"{"documentId": "marker"}"#, "another type"),
            (r#"{"marker": 1}"#, "another type"),
            ("[1]", "another type"),
            (r#"{"documentId": 1"#, "not valid JSON"),
            (r#"{"documentId": 1} marker"#, "not valid JSON"),
            ("marker", "not valid JSON"),
            ("  ", "empty"),
            ("<!DOCTYPE html><p>marker", "HTML page"),
        ] {
            let error = answer(Operation::Status, body).json::<Created>().unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::UnexpectedAnswer, Retry::Never), "{body}");
            let text = format!("{error} {error:?}");
            assert!(text.contains(expected) && !text.contains("marker"), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_lists_are_read_where_they_are_wanted() {
        let created = answer(Operation::Status, "\u{feff}{\"documentId\": 1}").json::<Created>().unwrap();
        assert_eq!(created.document_id, 1);
        let list = answer(Operation::Status, r#"[{"documentId": 1}, {"documentId": 2}]"#);
        assert_eq!(list.json::<Vec<Created>>().unwrap().len(), 2);
        assert_eq!(answer(Operation::Status, "[1]").json::<serde_json::Value>().unwrap()[0], 1);
        assert!(answer(Operation::Status, "null").json::<Option<Created>>().unwrap().is_none());
    }

    #[test]
    fn a_compressed_answer_is_called_that() {
        let mut answer = answer(Operation::Status, "\u{1f}\u{8b}");
        answer.headers.insert("content-encoding", http::HeaderValue::from_static("gzip"));
        let error = answer.json::<Created>().unwrap_err();
        assert!(error.message().contains("compressed (gzip)"), "{error}");
    }

    #[test]
    fn an_unreadable_answer_to_a_create_leaves_its_outcome_unknown() {
        let error = answer(Operation::Submit, "{}").json::<Created>().unwrap_err();
        assert!(error.is_outcome_unknown());
    }

    #[test]
    fn debug_shows_no_content() {
        assert!(!format!("{:?}", answer(Operation::Status, "marker")).contains("marker"));
    }
}
