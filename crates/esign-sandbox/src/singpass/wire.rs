//! The JSON of Sign V3: answers, errors, the claims of its own tokens.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::request::Request;
use super::settings::SingpassSettings;
use super::store::CancelRefused;

#[derive(Serialize)]
pub(super) struct Initiated {
    pub(super) request_id: String,
    pub(super) signing_url: String,
    pub(super) exchange_code: String,
}

#[derive(Serialize)]
pub(super) struct SigningResult {
    pub(super) signed_doc_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signer_info: Option<SignerInfo>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
}

#[derive(Clone, Serialize)]
pub(super) struct SignerInfo {
    signer_name: String,
    signer_partial_uinfin: String,
    /// Milliseconds since 1970.
    signed_at: i64,
}

impl SignerInfo {
    /// Who signed, if it is signed and the settings tell.
    pub(super) fn of(request: &Request, settings: &SingpassSettings) -> Option<Self> {
        let (person, at) = request.signed().filter(|_| settings.signer_info)?;
        Some(Self {
            signer_name: person.name.clone(),
            signer_partial_uinfin: person.partial_uin().to_owned(),
            signed_at: at.as_millisecond(),
        })
    }
}

/// Claims of the token in `signing_url` (as in the documentation's sample).
#[derive(Serialize)]
pub(super) struct SigningClaims<'a> {
    pub(super) request_id: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
}

/// Claims of the webhook's token.
#[derive(Serialize)]
pub(super) struct WebhookClaims {
    pub(super) request_type: &'static str,
    pub(super) signed_doc_url: String,
    pub(super) request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signer_info: Option<SignerInfo>,
    pub(super) iat: i64,
    pub(super) exp: i64,
}

/// Why a call of the API is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The token, and what is wrong with it.
    Unauthorized(String),
    InvalidRequest(String),
    InvalidDocument(String),
    NotFound,
    NotSigned,
    Expired,
    AccessExpired,
    Cancelled,
    ActiveSession,
    AlreadySigned,
    AlreadyCancelled,
    LinkExpired,
}

impl From<CancelRefused> for Refused {
    fn from(refused: CancelRefused) -> Self {
        match refused {
            CancelRefused::ActiveSession => Self::ActiveSession,
            CancelRefused::Signed => Self::AlreadySigned,
            CancelRefused::Cancelled => Self::AlreadyCancelled,
        }
    }
}

/// `{"error": …, "error_description": …}`.
pub(super) fn error(refused: Refused, settings: &SingpassSettings) -> Response {
    let codes = &settings.codes;
    let mut status = StatusCode::BAD_REQUEST;
    let (code, description): (&str, String) = match refused {
        Refused::Unauthorized(why) => {
            if settings.unauthorized_is_401 {
                status = StatusCode::UNAUTHORIZED;
            }
            let why = if settings.explain_unauthorized {
                format!("Unauthorized: {why}.")
            } else {
                "Unauthorized.".into()
            };
            (&codes.unauthorized, why)
        }
        Refused::InvalidRequest(why) => (&codes.invalid_request, why),
        Refused::InvalidDocument(why) => (&codes.invalid_document, why),
        Refused::NotFound => (&codes.not_found, "Sign request not found.".into()),
        Refused::NotSigned => ("DOCUMENT_NOT_SIGNED", "The document is not signed yet.".into()),
        Refused::Expired => ("REQUEST_EXPIRED", "The sign request has expired without a signature.".into()),
        Refused::AccessExpired => {
            ("SIGNED_ACCESS_EXPIRED", "The signed document can no longer be accessed.".into())
        }
        Refused::Cancelled => (&codes.cancelled, "The sign request was cancelled.".into()),
        Refused::ActiveSession => {
            ("ACTIVE_SESSION_ONGOING", "Request cannot be cancelled due to an active sign session".into())
        }
        Refused::AlreadySigned => (&codes.already_signed, "The document is already signed.".into()),
        Refused::AlreadyCancelled => {
            (&codes.already_cancelled, "The sign request is already cancelled.".into())
        }
        Refused::LinkExpired => {
            status = StatusCode::FORBIDDEN;
            (&codes.link_expired, "This link has expired.".into())
        }
    };
    (status, Json(serde_json::json!({ "error": code, "error_description": description }))).into_response()
}

/// Whole seconds since 1970.
pub(super) fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}
