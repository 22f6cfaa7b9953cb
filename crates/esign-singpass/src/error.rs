//! What Singpass's error codes mean.
//!
//! Errors come as HTTP 400 with `{"error": CODE, "error_description": TEXT}`: the code decides, not the status (spec
//! 3.1, 3.3, 7.1 item 12).

use esign_core::{Error, ErrorKind, Retry};
use esign_http::Words;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// Not signed yet, and not expired.
pub(crate) const NOT_SIGNED: &str = "DOCUMENT_NOT_SIGNED";
/// Expired without a signature.
pub(crate) const EXPIRED: &str = "REQUEST_EXPIRED";
/// Signed, and the hour in which the document can be fetched is over.
pub(crate) const ACCESS_EXPIRED: &str = "SIGNED_ACCESS_EXPIRED";
/// A cancel while the signer is signing.
pub(crate) const ACTIVE_SESSION: &str = "ACTIVE_SESSION_ONGOING";
/// A cancel of a signed request; the name is from a third party's notes.
pub(crate) const ALREADY_SIGNED: &str = "DOCUMENT_ALREADY_SIGNED";
/// The token was not accepted; MockPass says so with a 400.
const UNAUTHORIZED: &str = "UNAUTHORIZED";

/// Reads an error answer: Singpass's own form, or whatever stands between.
pub(crate) fn explain(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Words {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default)]
        error_description: serde_json::Value,
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => {
            let mut words = Words::default();
            words.code = Some(refusal.error);
            words.message = refusal.error_description.as_str().map(str::to_owned);
            words
        }
        Err(_) => Words::generic(status, headers, body),
    }
}

/// Gives an error the kind that its code asks for, and says what to do about it.
pub(crate) fn by_code(error: Error) -> Error {
    match (error.http_status(), error.provider_code()) {
        (Some(401), _) | (Some(400), Some(UNAUTHORIZED)) => {
            error.with_kind(ErrorKind::Unauthenticated).with_message(
                "Singpass did not accept our token: check client_id, signing_key, that the key set is published, and \
                 the clock",
            )
        }
        _ => error,
    }
}

/// A 400 that is not in Singpass's own form says nothing about the request: it broke off on the way, or is from something in
/// between. What only reads may ask again.
pub(crate) fn unreadable(error: Error) -> Error {
    if error.http_status() == Some(400) && error.provider_code().is_none() {
        return error.with_kind(ErrorKind::UnexpectedAnswer).with_retry(Retry::SAFE);
    }
    error
}

/// The code, if the answer was a refusal in Singpass's own form. A documented code counts with any status of a refusal.
pub(crate) fn refusal_code(error: &Error) -> Option<&str> {
    const KNOWN: [&str; 5] = [NOT_SIGNED, EXPIRED, ACCESS_EXPIRED, ACTIVE_SESSION, ALREADY_SIGNED];
    let code = error.provider_code()?;
    let refused = match error.http_status()? {
        400 => true,
        401..=499 => KNOWN.contains(&code),
        _ => false,
    };
    refused.then_some(code)
}
