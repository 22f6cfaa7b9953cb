//! Tokens of clients: compact JWS whose signature is all that is proven here; what they must say is each service's.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde_json::value::RawValue;

use super::client_keys::ClientKey;

/// A longer one in a header is refused unread; one with 20 signing locations has a few KiB.
const MAX_IN_HEADER: usize = 64 << 10;

/// The claims as they are written, digit for digit.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Claims(BTreeMap<String, Box<RawValue>>);

impl Claims {
    /// The JSON text of a claim; `null` counts as absent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.get()).filter(|text| *text != "null")
    }

    /// A claim that must be text, if it is there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, String> {
        let read = |text| serde_json::from_str(text).map_err(|_| format!("{name} must be text"));
        self.raw(name).map(read).transpose()
    }

    /// A time in seconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Result<f64, String> {
        let text = self.raw(name).ok_or_else(|| format!("{name} is missing"))?;
        let seconds = serde_json::from_str::<f64>(text).ok().filter(|seconds| seconds.is_finite());
        seconds.ok_or_else(|| format!("{name} must be a number of seconds"))
    }
}

/// A token as it came, nothing proven yet.
pub(crate) struct Presented<'a> {
    token: &'a str,
    pub(crate) kid: Option<String>,
    algorithm: Algorithm,
    /// What it claims; to find out whose key is to be tried.
    pub(crate) unproven: Claims,
}

/// The token in `Authorization`: alone, without `Bearer`.
pub(crate) fn in_authorization(headers: &HeaderMap) -> Result<Presented<'_>, String> {
    let token = headers.get(header::AUTHORIZATION).ok_or("the header Authorization is missing")?;
    let token = token.to_str().map_err(|_| "the header Authorization is not plain text")?;
    if token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        return Err("Authorization is the token alone, without \"Bearer \"".to_owned());
    }
    if token.len() > MAX_IN_HEADER {
        return Err(format!("the token is longer than {MAX_IN_HEADER} bytes"));
    }
    presented(token)
}

/// Reads the header without believing anything.
pub(crate) fn presented(token: &str) -> Result<Presented<'_>, String> {
    let Header { alg, kid, .. } = jsonwebtoken::decode_header(token)
        .map_err(|_| "the token is no JWT with an alg that this sandbox knows (ES256, ES384)")?;
    if !matches!(alg, Algorithm::ES256 | Algorithm::ES384) {
        return Err(format!("alg must be ES256 or ES384, not {alg:?}"));
    }
    let unproven = jsonwebtoken::dangerous::insecure_decode_claims(token)
        .map_err(|_| "the token's payload is not a JSON object")?;
    Ok(Presented { token, kid, algorithm: alg, unproven })
}

impl Presented<'_> {
    /// Verifies the signature by one of the keys, and hands the claims over. Their times are not looked at.
    pub(crate) fn prove(&self, keys: &[ClientKey]) -> Result<Claims, String> {
        let mut fitting = keys.iter().filter(|key| key.algorithm == self.algorithm).peekable();
        if fitting.peek().is_none() {
            return Err(format!("alg is {:?}, which is not what the client's key is for", self.algorithm));
        }
        let mut signature_only = Validation::new(self.algorithm);
        // The times follow the sandbox's clock, which the library does not know.
        signature_only.leeway = 0;
        signature_only.validate_exp = false;
        signature_only.validate_nbf = false;
        signature_only.validate_aud = false;
        signature_only.required_spec_claims.clear();
        fitting
            .find_map(|key| jsonwebtoken::decode::<Claims>(self.token, &key.key, &signature_only).ok())
            .map(|proven| proven.claims)
            .ok_or_else(|| "the signature does not fit the client's key".to_owned())
    }
}
