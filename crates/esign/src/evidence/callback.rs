//! Verifying a kept callback with the key that was kept beside it.

use std::collections::BTreeSet;
use std::time::Duration;

use esign_core::{CallbackEvidence, Sha256Hash};
use esign_http::{Checks, VerifyingKey, thumbprint};
use serde_json::Value;

/// How a kept callback turned out.
pub(super) enum Outcome {
    /// A token in it is signed by the kept key.
    Holds {
        /// RFC 7638 thumbprint of the key.
        key: String,
        /// Whether it names the request.
        names_request: bool,
    },
    /// It cannot be verified from what is kept.
    Open(&'static str),
    /// It does not hold.
    Broken(&'static str),
}

/// By how much the clocks differed when it came in.
const LEEWAY: Duration = Duration::from_secs(600);

/// Verifies every token in the body with the kept key, as of when it was received: tokens live for minutes.
pub(super) fn check(callback: &CallbackEvidence, request: &str) -> Outcome {
    let Ok(jwk) = serde_json::from_str::<Value>(&callback.verified_with) else {
        return Outcome::Open("it was verified with a shared secret, which is not kept");
    };
    let (Ok(key), Ok(thumbprint)) = (VerifyingKey::from_jwk(&jwk), thumbprint(&jwk)) else {
        return Outcome::Broken("what is kept as its key is no key that it can be verified with");
    };
    let tokens = tokens(&callback.body);
    if tokens.is_empty() {
        return Outcome::Broken("there is no signed token in it");
    }
    let mut checks = Checks::expiring(LEEWAY);
    checks.require_exp = false;
    let claims = |token: &String| key.verify::<Value>(token, &checks, callback.received_at).ok();
    match tokens.iter().find_map(claims) {
        Some(claims) => Outcome::Holds { key: thumbprint, names_request: mentions(&claims, request) },
        None => Outcome::Broken("no token in it was signed by the kept key at that time"),
    }
}

/// The RFC 7638 thumbprints of a key set's keys; `None` if it is none, or has none.
pub(super) fn thumbprints(jwks: &str) -> Option<BTreeSet<String>> {
    let set: Value = serde_json::from_str(jwks).ok()?;
    let found: BTreeSet<_> =
        set.get("keys")?.as_array()?.iter().filter_map(|jwk| thumbprint(jwk).ok()).collect();
    (!found.is_empty()).then_some(found)
}

/// Compact JWS in a body: the body itself, or texts in its JSON.
fn tokens(body: &[u8]) -> Vec<String> {
    const MOST: usize = 16;
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let mut found = Vec::new();
    let json = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.trim().to_owned()));
    texts(&json, &mut |text| {
        if found.len() < MOST && text.split('.').count() == 3 && text.split('.').all(|part| !part.is_empty())
        {
            found.push(text.to_owned());
        }
    });
    found
}

fn mentions(claims: &Value, wanted: &str) -> bool {
    let mut found = false;
    texts(claims, &mut |text| found |= text == wanted);
    found
}

/// serde_json limits nesting, so this cannot run deep.
fn texts(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

/// Short enough for a line, long enough to tell two callbacks apart.
pub(super) fn name(callback: &CallbackEvidence) -> String {
    Sha256Hash::of(&callback.body).to_string().chars().take(12).collect()
}
