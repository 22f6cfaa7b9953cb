//! What Signify's refusals mean (spec 3.6).

use esign_core::{Error, ErrorKind};
use esign_http::http::{HeaderMap, StatusCode};
use esign_http::{Answer, Words};

/// Signify's words without addresses: a signing link lets whoever reads it sign.
pub(crate) fn explain(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Words {
    let mut words = Words::generic(status, headers, body);
    words.message = words.message.map(|message| without_links(&message));
    words
}

/// The words of an answer that should have been another one.
pub(crate) fn words_of(answer: &Answer) -> Option<String> {
    explain(answer.status, &answer.headers, &answer.body).message
}

/// A 400 on a create says little, and the PDF is among its causes: say what to try.
pub(crate) fn refused_create(error: Error) -> Error {
    if error.http_status() != Some(400) {
        return error;
    }
    let message = "Signify refused the document; if its words do not name a field, the PDF itself may not be \
                   acceptable: save or print it anew with a current program";
    error.with_message(message)
}

/// A DELETE of a document that is there, refused.
pub(crate) fn refused_delete(error: Error) -> Error {
    let message = "Signify did not delete the document; whether signed ones can be deleted is not documented. It \
                   becomes inaccessible by itself when it expires";
    error.with_kind(ErrorKind::Conflict).with_message(message)
}

/// Whether an error is a refusal that may be due to the document's state.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.http_status(), Some(400 | 402 | 403 | 405 | 409 | 422))
}

/// The error for a document that was there once.
pub(crate) fn gone() -> Error {
    Error::new(
        ErrorKind::Gone,
        "Signify does not have the document any more: it has expired or was deleted, or this API key may not see it",
    )
}

fn without_links(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words.map(|word| if word.contains("://") { "<link> " } else { word }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_out_of_the_words() {
        let cases = [
            (r#"{"message":"Unauthorized"}"#, Some("Unauthorized")),
            (
                r#"{"statusCode":400,"message":["a is wrong","see https://x.gov.sg/sign/marker now"],"error":"Bad Request"}"#,
                Some("a is wrong; see <link> now"),
            ),
            ("{}", None),
            ("<html>marker</html>", Some("(an HTML page, probably of a gateway in between)")),
        ];
        for (body, expected) in cases {
            let words = explain(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
            assert_eq!(words.message.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn only_a_400_gets_the_advice_about_the_pdf() {
        let of = |status| {
            let error = Error::new(ErrorKind::InvalidRequest, "x").with_http_status(status).said("why");
            refused_create(error).to_string()
        };
        assert!(of(400).contains("print it anew") && of(400).contains("why"));
        assert!(!of(422).contains("anew"));
    }
}
