//! The provider's own words in an error answer.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// How long a plain-text error body may be and still be taken for a message.
const MAX_PLAIN: usize = 300;

/// What an error answer says. All of it is scrubbed before it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Words {
    /// The provider's error code.
    pub code: Option<String>,
    /// Its message to people.
    pub message: Option<String>,
    /// Its id of the request, for a support ticket.
    pub request_id: Option<String>,
    /// Its id of the trace through its systems, where it has one beside that of the request.
    pub trace_id: Option<String>,
}

/// Reads an error answer: status, headers, and the beginning of the body. Adapters whose provider has a format of its
/// own replace [`Words::generic`].
pub type Explain = fn(StatusCode, &HeaderMap, &[u8]) -> Words;

/// Whether a refusal stands however often it is repeated, from its status, headers and the beginning of its body: for a
/// provider whose statuses say less than its codes. Asked about 429 and 5xx only.
pub type Final = fn(StatusCode, &HeaderMap, &[u8]) -> bool;

impl Words {
    /// Understands the usual forms: `message` (text or list), `error`, `error_description`, `title`, `detail`, `code`,
    /// `traceId`, `invalidParams` (RFC 7807), plain text. Of an HTML page it only says that it is one.
    #[must_use]
    pub fn generic(_: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut words = match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Self::from_json(&object),
            Ok(Value::String(text)) => Self { message: Some(text), ..Self::default() },
            _ => Self { message: describe_foreign(headers, body), ..Self::default() },
        };
        if words.request_id.is_none() {
            words.request_id = ["x-request-id", "x-correlation-id", "x-amzn-requestid"]
                .iter()
                .find_map(|name| headers.get(*name)?.to_str().ok())
                .map(str::to_owned);
        }
        words
    }

    fn from_json(object: &serde_json::Map<String, Value>) -> Self {
        let texts = |keys: &[&str]| keys.iter().find_map(|key| text_of(object.get(*key)?));
        let error = texts(&["error"]);
        let explained = texts(&["message", "detail", "error_description"]);
        let title = texts(&["title"]);
        let mut message = match (title, explained) {
            (Some(title), Some(detail)) if title != detail => Some(format!("{title}: {detail}")),
            (title, detail) => detail.or(title),
        };
        if let Some(params) = object.get("invalidParams").and_then(Value::as_array) {
            let params: Vec<_> = params.iter().filter_map(invalid_param).collect();
            if !params.is_empty() {
                message = Some(message.map_or_else(String::new, |m| m + "; ") + &params.join("; "));
            }
        }
        // OAuth puts its code into `error`; others put the status text there, which the status says already.
        let code = texts(&["code", "errorCode", "error_code"]).or_else(|| {
            error.clone().filter(|e| !e.contains(' ') && e.chars().any(|c| c == '_' || c.is_ascii_digit()))
        });
        let message = message.or_else(|| error.filter(|e| Some(e) != code.as_ref()));
        Self { code, message, request_id: texts(&["traceId", "trace_id", "requestId"]), trace_id: None }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        Value::Object(nested) => nested.get("message").and_then(text_of),
        _ => None,
    }
}

fn invalid_param(param: &Value) -> Option<String> {
    let name = param.get("name").and_then(Value::as_str)?;
    let reason = param.get("reason").and_then(Value::as_str).unwrap_or("invalid");
    Some(format!("{name}: {reason}"))
}

/// A body that is not the API's: a gateway's page, a line of text, something else.
fn describe_foreign(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let declared = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let start = String::from_utf8_lossy(&body[..body.len().min(MAX_PLAIN)]);
    let start = start.trim();
    if start.is_empty() {
        return None;
    }
    if declared.contains("html") || is_html(start) {
        return Some("(an HTML page, probably of a gateway in between)".to_owned());
    }
    let plain = body.len() <= MAX_PLAIN && !start.contains(['\u{fffd}', '{', '<']);
    Some(if plain {
        start.to_owned()
    } else {
        format!("({} bytes that are not the API's error format)", body.len())
    })
}

pub(crate) fn is_html(start: &str) -> bool {
    let start = start.trim_start().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &'static str, body: &str) -> (Option<String>, Option<String>, Option<String>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        let words = Words::generic(StatusCode::BAD_REQUEST, &headers, body.as_bytes());
        (words.code, words.message, words.request_id)
    }

    #[test]
    fn the_usual_forms() {
        let json = "application/json";
        for (body, code, message, id) in [
            (r#"{"message":"Unauthorized"}"#, None, Some("Unauthorized"), None),
            (
                r#"{"statusCode":400,"message":["file is required","documentName too short"],"error":"Bad Request"}"#,
                None,
                Some("file is required; documentName too short"),
                None,
            ),
            (
                r#"{"error":"invalid_client","error_description":"unknown client"}"#,
                Some("invalid_client"),
                Some("unknown client"),
                None,
            ),
            (r#"{"error":"invalid_client"}"#, Some("invalid_client"), None, None),
            (r#"{"error":"Bad Request"}"#, None, Some("Bad Request"), None),
            (
                r#"{"status":400,"type":"x","title":"Invalid order","detail":"no tasks","traceId":"t1"}"#,
                None,
                Some("Invalid order: no tasks"),
                Some("t1"),
            ),
            (
                r#"{"title":"Bad","code":"invalid_request_parameter","invalidParams":[{"name":"days","reason":"too many"}]}"#,
                Some("invalid_request_parameter"),
                Some("Bad; days: too many"),
                None,
            ),
            (r#"{"error":{"message":"nested"}}"#, None, Some("nested"), None),
            (r#"{"message":[{"property":"x"}]}"#, None, None, None),
            (r#""only a text""#, None, Some("only a text"), None),
            ("{}", None, None, None),
            ("[]", None, Some("[]"), None),
            ("", None, None, None),
        ] {
            let expected = (code.map(str::to_owned), message.map(str::to_owned), id.map(str::to_owned));
            assert_eq!(read(json, body), expected, "{body}");
        }
    }

    #[test]
    fn a_page_is_named_and_never_quoted() {
        let page = "<html><body>marker</body></html>";
        for (content_type, body) in
            [("text/html", page), ("application/json", page), ("text/plain", "  <!DOCTYPE html>marker")]
        {
            let message = read(content_type, body).1.unwrap();
            assert!(message.contains("HTML") && !message.contains("marker"), "{message}");
        }
        assert_eq!(read("text/plain", "try later").1.as_deref(), Some("try later"));
        let long = "marker ".repeat(100);
        assert_eq!(
            read("text/plain", &long).1.as_deref(),
            Some("(700 bytes that are not the API's error format)")
        );
        assert!(!read("application/json", r#"{"broken": "marker"#).1.unwrap().contains("marker"));
    }

    #[test]
    fn the_request_id_may_be_in_a_header() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "abc-1".parse().unwrap());
        let words = Words::generic(StatusCode::BAD_GATEWAY, &headers, b"");
        assert_eq!(words.request_id.as_deref(), Some("abc-1"));
    }
}
