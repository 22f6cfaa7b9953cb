//! What Documenso's refusals mean: by their code before their HTTP status (spec 3.7).

use esign_core::{Error, ErrorKind, Retry};
use esign_http::Words;
use esign_http::http::header::RETRY_AFTER;
use esign_http::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

/// What every fault of the program's own bears at the top, whatever it is.
const NOTHING: &str = "INTERNAL_SERVER_ERROR";

/// All four forms of an error body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: Option<String>,
    code: Option<String>,
    data: Option<Data>,
    error: Option<Value>,
    issues: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    code: Option<String>,
}

impl Refusal {
    fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The code that says something.
    fn code(&self) -> Option<&str> {
        let inner = self.data.as_ref().and_then(|data| data.code.as_deref());
        inner.or(self.code.as_deref()).filter(|code| *code != NOTHING)
    }

    /// The field of the request and what is wrong with it, of each issue.
    fn issues(&self) -> Option<String> {
        let list = self.issues.as_ref().or(self.error.as_ref())?.as_array()?;
        let issue = |issue: &Value| {
            // Words between spaces: joined by dots, a path looks like a token and would be left out.
            let path = issue.get("path")?.as_array()?.iter().map(|step| match step {
                Value::String(name) => name.clone(),
                other => other.to_string(),
            });
            let path = path.collect::<Vec<_>>().join(" ");
            Some(format!("{path}: {}", issue.get("message")?.as_str()?))
        };
        let issues: Vec<_> = list.iter().filter_map(issue).collect();
        (!issues.is_empty()).then(|| issues.join("; "))
    }
}

/// Documenso's words, without those that name people.
pub(crate) fn explain(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Words {
    let mut words = Words::generic(status, headers, body);
    if let Some(refusal) = Refusal::read(body) {
        words.code = refusal.code().map(str::to_owned);
        let said = refusal.message.clone().or_else(|| refusal.error.as_ref()?.as_str().map(str::to_owned));
        words.message = match (said, refusal.issues()) {
            (Some(said), Some(issues)) => Some(format!("{said}: {issues}")),
            (said, issues) => issues.or(said),
        };
    }
    // "… missing required fields: Ann (ann@example.com, id: 24)": the name cannot be told from the rest.
    if words.message.as_deref().is_some_and(|message| message.contains('@') || message.contains("/sign/")) {
        words.message = Some("(the words name people and are left out)".to_owned());
    }
    words
}

/// Whether a 429 or 5xx stands however often it is repeated: its code says what is wrong. A 429 with a time passes by
/// waiting; a quota has none.
pub(crate) fn stands(_: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    let refusal = Refusal::read(body);
    let known = refusal.as_ref().is_some_and(|refusal| refusal.code().is_some());
    known && !headers.contains_key(RETRY_AFTER)
}

/// The error by its code, where the HTTP status says something else.
pub(crate) fn by_code(error: Error) -> Error {
    let status = error.http_status();
    match (error.provider_code().unwrap_or_default(), status) {
        ("EXPIRED_CODE", _) => {
            let message = "the API token has expired: make a new one in the web application and configure that";
            error.with_kind(ErrorKind::Unauthenticated).with_message(message)
        }
        ("UNAUTHORIZED", Some(401)) if about_a_feature(&error) => {
            let message = "the server's plan or the token's user does not allow this";
            error.with_kind(ErrorKind::Forbidden).with_message(message)
        }
        ("TOO_MANY_REQUESTS", Some(429)) if error.retry() == Retry::Never => {
            error.with_message("a quota of the organisation's is used up; waiting does not help: ask its administrator")
        }
        // A download does not say whether it is a window or a quota.
        ("TOO_MANY_REQUESTS", Some(500)) => error
            .with_kind(ErrorKind::RateLimited)
            .with_retry(Retry::SAFE)
            .with_message("too many requests, or a quota of the organisation's is used up"),
        ("DOCUMENT_NOT_COMPLETE" | "ENVELOPE_DRAFT", _) => {
            error.with_kind(ErrorKind::NotReady).with_message("it does not exist yet: the request is not completed")
        }
        ("ENVELOPE_COMPLETED" | "ENVELOPE_REJECTED", _) => {
            error.with_kind(ErrorKind::Gone).with_message("the request has ended: there is no unfinished document any more")
        }
        ("CONVERSION_SERVICE_UNAVAILABLE" | "INVALID_DOCUMENT_FILE" | "UNSUPPORTED_FILE_TYPE", _) => {
            let message = "the server cannot read the document as PDF: save or print it to a new PDF without protection";
            error.with_kind(ErrorKind::InvalidRequest).with_retry(Retry::Never).with_message(message)
        }
        ("ENVELOPE_ITEM_LIMIT_EXCEEDED", _) => error.with_message(
            "more documents than the organisation allows in one request: send fewer, or set max_documents as the server is",
        ),
        _ => error,
    }
}

/// "You do not have permission to set the action auth": the token is good, what was asked for is not allowed.
fn about_a_feature(error: &Error) -> bool {
    let words = error.provider_words().unwrap_or_default().to_lowercase();
    !words.is_empty() && !words.contains("token")
}

/// The error for an envelope that the server does not know, or no longer.
pub(crate) fn unknown() -> Error {
    let message =
        "the server does not know this request: it was deleted, or the token belongs to another team";
    Error::new(ErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &str) -> (Option<String>, Option<String>) {
        let words = explain(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
        (words.code, words.message)
    }

    #[test]
    fn the_four_forms_are_read_and_the_code_at_the_top_means_nothing() {
        for (body, code, message) in [
            (
                r#"{"message":"Invalid token","code":"INTERNAL_SERVER_ERROR","data":{"code":"UNAUTHORIZED","httpStatus":401}}"#,
                Some("UNAUTHORIZED"),
                "Invalid token",
            ),
            (
                r#"{"message":"Input validation failed","code":"BAD_REQUEST","data":{"code":"BAD_REQUEST"},"issues":[{"code":"too_big","message":"too large","path":["payload","recipients",0,"fields",0,"positionX"]}]}"#,
                Some("BAD_REQUEST"),
                "Input validation failed: payload recipients 0 fields 0 positionX: too large",
            ),
            (
                r#"{"error":"Something went wrong","code":"DOCUMENT_NOT_COMPLETE"}"#,
                Some("DOCUMENT_NOT_COMPLETE"),
                "Something went wrong",
            ),
            (r#"{"data":{},"error":[{"path":["version"],"message":"Invalid"}]}"#, None, "version: Invalid"),
            (
                r#"{"error":"Too many requests, please try again later."}"#,
                None,
                "Too many requests, please try again later.",
            ),
            (
                r#"{"message":"Document has no recipients","code":"INTERNAL_SERVER_ERROR","data":{"code":"INTERNAL_SERVER_ERROR"}}"#,
                None,
                "Document has no recipients",
            ),
            ("<html>marker</html>", None, "(an HTML page, probably of a gateway in between)"),
            (
                r#"{"message":"missing required fields: Sig (s@lab.example, id: 24).","data":{"code":"MISSING_SIGNATURE_FIELD"}}"#,
                Some("MISSING_SIGNATURE_FIELD"),
                "(the words name people and are left out)",
            ),
        ] {
            assert_eq!(words(body), (code.map(str::to_owned), Some(message.to_owned())), "{body}");
        }
    }

    #[test]
    fn a_refusal_stands_if_its_code_says_why_and_no_time_is_named() {
        let quota = r#"{"code":"INTERNAL_SERVER_ERROR","data":{"code":"TOO_MANY_REQUESTS"}}"#;
        let named = HeaderMap::from_iter([(RETRY_AFTER, "177".parse().unwrap())]);
        for (body, headers, expected) in [
            (quota, HeaderMap::new(), true),
            (quota, named.clone(), false),
            (r#"{"error":"Something went wrong","code":"EXPIRED_CODE"}"#, HeaderMap::new(), true),
            (r#"{"error":"Too many requests, please try again later."}"#, HeaderMap::new(), false),
            (r#"{"message":"x","code":"INTERNAL_SERVER_ERROR"}"#, HeaderMap::new(), false),
            ("<html></html>", HeaderMap::new(), false),
        ] {
            assert_eq!(stands(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes()), expected, "{body}");
        }
    }
}
