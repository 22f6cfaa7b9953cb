//! Tokens of clients: compact JWS whose signature is all that is proven here; what they must say is each service's.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client_keys::ClientKey;

/// A longer one in a header is refused unread; one with 20 signing locations has a few KiB.
const MAX_IN_HEADER: usize = 64 << 10;

/// The claims as they are written, digit for digit.
#[derive(Clone, Debug, Default, serde::Deserialize)]
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

    /// Refuses a token whose time has not come: where `nbf` is, it counts (RFC 7519, 4.1.5). Both are seconds since 1970.
    pub(crate) fn check_not_before(&self, now: f64, leeway: f64) -> Result<(), String> {
        if self.raw("nbf").is_none() {
            return Ok(());
        }
        let nbf = self.time("nbf")?;
        if nbf > now + leeway { Err(format!("nbf is {:.0} s in the future", nbf - now)) } else { Ok(()) }
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
    /// What is signed: header and payload as they were sent.
    message: &'a str,
    signature: Vec<u8>,
    pub(crate) kid: Option<String>,
    algorithm: String,
    /// What it claims. Before [`Presented::prove`] good only to find out whose key is to be tried.
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

/// Reads a compact JWS (RFC 7515) without believing anything.
pub(crate) fn presented(token: &str) -> Result<Presented<'_>, String> {
    let (message, signature) = token.rsplit_once('.').ok_or(NO_JWT)?;
    let (head, payload) = message.split_once('.').ok_or(NO_JWT)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_JWT);
    let head: BTreeMap<String, Value> = serde_json::from_slice(&decoded(head)?).map_err(|_| NO_JWT)?;
    if head.contains_key("crit") {
        return Err("the token demands extensions that are not known here (crit)".to_owned());
    }
    let text = |name: &str| match head.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} in the token's header must be text")),
    };
    let algorithm = text("alg")?.ok_or("the token's header has no alg")?;
    if !["ES256", "ES384", "ES512"].contains(&algorithm.as_str()) {
        return Err(format!("alg must be ES256, ES384 or ES512, not {algorithm:?}"));
    }
    let unproven =
        serde_json::from_slice(&decoded(payload)?).map_err(|_| "the token's payload is not a JSON object")?;
    Ok(Presented { message, signature: decoded(signature)?, kid: text("kid")?, algorithm, unproven })
}

const NO_JWT: &str =
    "the token is no JWT: three parts in base64url with dots between, the first a JSON object";

impl Presented<'_> {
    /// Verifies the signature by one of the keys, and hands the claims over. Their times are not looked at.
    pub(crate) fn prove(&self, keys: &[ClientKey]) -> Result<Claims, String> {
        let mut fitting = keys.iter().filter(|key| key.algorithm == self.algorithm).peekable();
        if fitting.peek().is_none() {
            return Err(format!("alg is {}, which is not what the client's key is for", self.algorithm));
        }
        if fitting.any(|key| key.key.verify_sig(self.message.as_bytes(), &self.signature).is_ok()) {
            Ok(self.unproven.clone())
        } else {
            Err("the signature does not fit the client's key".to_owned())
        }
    }
}
