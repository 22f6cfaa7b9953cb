//! What Signicat's refusals mean (spec 3.7): its own form, with `violations`, and that of the gateway in front of it.

use esign_core::{Error, ErrorKind};
use esign_http::http::{HeaderMap, StatusCode};
use esign_http::{Answer, Words};
use serde_json::Value;

/// The words of either form, violations included.
pub(crate) fn explain(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Words {
    let mut words = Words::generic(status, headers, body);
    let violations = violations(body);
    if !violations.is_empty() {
        let said = words.message.map_or_else(String::new, |message| message + "; ");
        words.message = Some(said + &violations.join("; "));
    }
    words
}

fn violations(body: &[u8]) -> Vec<String> {
    let Ok(problem) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let text = |violation: &Value, name: &str| violation.get(name)?.as_str().map(str::to_owned);
    let all = problem.get("violations").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|violation| {
        let message = text(violation, "message")?;
        Some(match text(violation, "propertyPath") {
            Some(path) => format!("{path}: {message}"),
            None => message,
        })
    })
    .collect()
}

/// A 404 of Signicat's own, which has a `title` (spec 3.7). One of the gateway (which has a `code` too) or of a proxy says
/// nothing about the order.
pub(crate) fn is_not_there(answer: &Answer) -> Result<bool, Error> {
    if !matches!(answer.status.as_u16(), 404 | 410) {
        return Ok(false);
    }
    let own = serde_json::from_slice::<Value>(&answer.body).is_ok_and(|problem| {
        problem.get("title").is_some_and(Value::is_string) && problem.get("code").is_none_or(Value::is_null)
    });
    if own {
        return Ok(true);
    }
    Err(answer.unexpected(
        "the answer \"not found\" does not come from Signicat's signing service: is the address wrong, or a proxy in \
         between?",
    ))
}

/// Whether a DELETE was answered as it is documented: success, and no body.
pub(crate) fn is_deleted(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 200 | 204) && answer.body.trim_ascii().is_empty()
}

/// A refused create. A document that had expired is worth another try: nothing was created.
pub(crate) fn refused_create(error: Error) -> Error {
    let refused = matches!(error.http_status(), Some(400 | 404 | 410 | 422));
    let about_document = error.provider_words().is_some_and(|words| words.contains("documentRef"));
    if !refused || !(about_document || matches!(error.http_status(), Some(404 | 410))) {
        return error;
    }
    let hint = "an uploaded document lives 30 minutes; if it had run out before the order was made, submit again: nothing \
                was created";
    error.with_kind(ErrorKind::InvalidRequest).context("hint", hint)
}

/// The error for an order that was there once.
pub(crate) fn gone() -> Error {
    Error::new(
        ErrorKind::Gone,
        "Signicat does not have the order any more: it was deleted, its time is over, or this client may not see it",
    )
}

/// Why there is no token, for each call that waited for it: told as part of that call, and without the source, which
/// only one of them could have.
pub(crate) fn no_token(error: &Error) -> Error {
    let advice = match (error.kind(), error.provider_code()) {
        (ErrorKind::Unauthenticated, _) => "; check client_id, client_secret, environment and platform",
        (_, Some("invalid_scope")) => "; check scope and platform",
        _ => "",
    };
    let message = format!("no access token: {}{advice}", error.message());
    let mut told = Error::new(error.kind(), message).with_retry(error.retry());
    if let Some(status) = error.http_status() {
        told = told.with_http_status(status);
    }
    if let Some(code) = error.provider_code() {
        told = told.with_code(code);
    }
    if let Some(words) = error.provider_words() {
        told = told.said(words);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_errors_are_read() {
        let cases = [
            (
                r#"{"status":400,"title":"Constraint Violation","violations":[{"propertyPath":"tasks[0].subject.attributes[0].value","message":"Subject attribute value is required"},{"message":"x"},{"propertyPath":1}]}"#,
                None,
                Some(
                    "Constraint Violation; tasks[0].subject.attributes[0].value: Subject attribute value is required; x",
                ),
            ),
            (
                r#"{"violations":[{"propertyPath":"tasks","message":"must not be empty"}]}"#,
                None,
                Some("tasks: must not be empty"),
            ),
            (r#"{"violations":"none"}"#, None, None),
            (
                r#"{"status":404,"type":"about:blank","title":"Not Found","detail":"no such order"}"#,
                None,
                Some("Not Found: no such order"),
            ),
            (
                r#"{"title":"Unauthorized","code":"invalid_token","detail":"expired"}"#,
                Some("invalid_token"),
                Some("Unauthorized: expired"),
            ),
            ("<html>marker</html>", None, Some("(an HTML page, probably of a gateway in between)")),
            ("", None, None),
        ];
        for (body, code, message) in cases {
            let words = explain(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
            assert_eq!((words.code.as_deref(), words.message.as_deref()), (code, message), "{body}");
        }
    }
}
