//! Errors as Singpass's sister pages describe them, and the claims of the answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::settings::TxnSettings;
use super::store::Authorised;

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The caller's token, and what is wrong with it.
    Unauthorized(String),
    /// Anything else that the caller has to put right.
    Invalid(String),
    NoSession,
    SwitchedOff,
}

/// `{"id", "trace_id", "error", "error_description"}`, with the broad classes that are documented.
pub(super) fn error(refused: Refused, settings: &TxnSettings) -> Response {
    let (status, class, description) = match refused {
        Refused::Unauthorized(why) if settings.unauthorized_is_401 => {
            (StatusCode::UNAUTHORIZED, "CLIENT_SIDE_ERROR", why)
        }
        Refused::Unauthorized(why) | Refused::Invalid(why) => {
            (StatusCode::BAD_REQUEST, "CLIENT_SIDE_ERROR", why)
        }
        Refused::NoSession => {
            (StatusCode::NOT_FOUND, "CLIENT_SIDE_ERROR", "there is no such session".to_owned())
        }
        Refused::SwitchedOff => (
            StatusCode::SERVICE_UNAVAILABLE,
            "SERVER_SIDE_ERROR",
            "transaction signing is switched off".to_owned(),
        ),
    };
    let body = json!({
        "id": Uuid::new_v4().to_string(), "trace_id": Uuid::new_v4().simple().to_string(),
        "error": class, "error_description": description,
    });
    (status, Json(body)).into_response()
}

/// The claims of the exchange's answer. The documentation names `iss`, `sub` and `exp`; the rest is this sandbox's choice.
pub(super) fn claims(
    authorised: &Authorised,
    iss: &str,
    now: Timestamp,
    settings: &TxnSettings,
) -> Map<String, Value> {
    let iat = now.as_second();
    let mut claims = Map::new();
    if settings.response_iss {
        claims.insert("iss".to_owned(), json!(iss));
    }
    claims.insert("sub".to_owned(), json!(authorised.by.to_string()));
    claims.insert("iat".to_owned(), json!(iat));
    claims.insert("exp".to_owned(), json!(iat + i64::from(settings.response_seconds)));
    claims.insert(settings.nonce_claim.clone(), json!(authorised.nonce));
    claims.insert(settings.hash_claim.clone(), json!(authorised.hash));
    claims
}
