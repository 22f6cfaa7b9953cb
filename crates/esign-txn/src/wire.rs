//! Singpass's JSON. Field names are theirs.

use serde::Serialize;

/// Claims of the client JWT (spec 3.5). The printed example has the first three; a decoded one has all.
#[derive(Serialize)]
pub(crate) struct ClientClaims<'a> {
    pub(crate) sub: &'a str,
    pub(crate) sign_code: &'a str,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<&'a str>,
}

/// Body of the exchange (spec 3.5): equal to the claim.
#[derive(Serialize)]
pub(crate) struct ExchangeBody<'a> {
    pub(crate) sign_code: &'a str,
}
