//! Singpass's JSON. Field names are theirs; anything that older documents or peers lack is optional (spec 7.1).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Claims of the initiate token (spec 3.1), without the times.
#[derive(Serialize)]
pub(crate) struct InitiateClaims {
    pub(crate) client_id: String,
    pub(crate) doc_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sign_locations: Option<Vec<SignLocation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signer_uin_hash: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct SignLocation {
    pub(crate) page: u32,
    pub(crate) x: Box<RawValue>,
    pub(crate) y: Box<RawValue>,
}

/// Claims of the result token (spec 3.3).
#[derive(Serialize)]
pub(crate) struct ResultClaims {
    pub(crate) exchange_code: String,
}

/// Claims of the cancel token (spec 3.4).
#[derive(Serialize)]
pub(crate) struct CancelClaims {
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_request: Option<String>,
    pub(crate) request_id: String,
}

#[derive(Deserialize)]
pub(crate) struct InitiateAnswer {
    pub(crate) request_id: String,
    pub(crate) signing_url: String,
    pub(crate) exchange_code: String,
}

#[derive(Deserialize)]
pub(crate) struct ResultAnswer {
    pub(crate) signed_doc_url: String,
    #[serde(default)]
    pub(crate) signer_info: Option<SignerInfo>,
    /// Unix seconds.
    #[serde(default)]
    pub(crate) exp: Option<i64>,
}

#[derive(Deserialize)]
pub(crate) struct SignerInfo {
    #[serde(default)]
    pub(crate) signer_name: Option<String>,
    #[serde(default)]
    pub(crate) signer_partial_uinfin: Option<String>,
    /// Unix milliseconds.
    #[serde(default)]
    pub(crate) signed_at: Option<i64>,
}

/// The body of the webhook (spec 4.2).
#[derive(Deserialize)]
pub(crate) struct WebhookBody {
    pub(crate) token: String,
}

#[derive(Deserialize)]
pub(crate) struct WebhookClaims {
    pub(crate) request_type: String,
    pub(crate) request_id: String,
    #[serde(default)]
    pub(crate) signer_info: Option<SignerInfo>,
    #[serde(default)]
    pub(crate) iat: Option<i64>,
}
