//! What Singpass's error answers say.

use esign_http::Words;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// Reads an error answer: Singpass's own form (spec 3.5), or whatever stands between.
///
/// `error` is one of the broad classes `CLIENT_SIDE_ERROR` and `SERVER_SIDE_ERROR`; the status says the same more exactly.
/// `id` and `trace_id` are what Singpass's support asks for.
pub(crate) fn explain(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Words {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default)]
        error_description: Option<String>,
        #[serde(default)]
        id: Option<String>,
        #[serde(default)]
        trace_id: Option<String>,
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => {
            let mut words = Words::default();
            words.code = Some(refusal.error);
            words.message = refusal.error_description;
            words.request_id = refusal.id;
            words.trace_id = refusal.trace_id;
            words
        }
        Err(_) => Words::generic(status, headers, body),
    }
}
