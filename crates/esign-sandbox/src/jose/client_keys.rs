//! The clients' public keys: fetched from their JWKS URL, kept for an hour (JWKS specification of Sign V3).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Host, Url};

use crate::clock::SandboxClock;
use crate::outgoing::Outgoing;

/// How long a fetched set is used.
const KEEP: SignedDuration = SignedDuration::from_hours(1);
/// How long a try may take, and how many there are.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(3);
const TRIES: u32 = 3;

/// A client's public keys (JWK set, RFC 7517): EC keys on P-256 (ES256), P-384 (ES384) or P-521 (ES512), with `kid` and
/// `use: "sig"`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientKeys {
    /// Fetched from here and kept for an hour by the sandbox's clock.
    #[serde(rename = "jwks_url")]
    Url(Url),
    /// These, for a client that serves none.
    #[serde(rename = "jwks")]
    Inline(Value),
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url(_) => "Url",
            Self::Inline(_) => "Inline",
        })
    }
}

/// The real services take `https` only; a program under development is reached without.
pub(crate) fn may_be_called(url: &Url, allow_plain_http: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => allow_plain_http || is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => host == "localhost" || host.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// A key that can verify a client's tokens.
#[derive(Clone)]
pub(crate) struct ClientKey {
    /// As tokens name it, which its curve decides (RFC 7518, 3.4).
    pub(crate) algorithm: &'static str,
    pub(crate) key: ParsedPublicKey,
}

/// What was fetched, by client id.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<HashMap<String, Fetched>>);

struct Fetched {
    from: Url,
    at: Timestamp,
    keys: HashMap<String, ClientKey>,
}

impl KeyCache {
    /// The client's key `kid`; without one, all its keys, one at least. An unknown `kid` makes the set be fetched once
    /// more, which is this sandbox's choice: the documents only tell that the set is kept for an hour.
    pub(crate) async fn find(
        &self,
        client_id: &str,
        keys: &ClientKeys,
        kid: Option<&str>,
        outgoing: &Outgoing,
        clock: &SandboxClock,
    ) -> Result<Vec<ClientKey>, String> {
        let url = match keys {
            ClientKeys::Inline(set) => return pick(&parse(set)?, kid),
            ClientKeys::Url(url) => url,
        };
        if let Some(found) = self.cached(client_id, url, kid, clock.now()) {
            return Ok(found);
        }
        let keys = fetch(url, outgoing, clock).await?;
        let found = pick(&keys, kid);
        let fetched = Fetched { from: url.clone(), at: clock.now(), keys };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(client_id.to_owned(), fetched);
        found
    }

    fn cached(
        &self,
        client_id: &str,
        url: &Url,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Option<Vec<ClientKey>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = cache.get(client_id)?;
        let fresh = fetched.from == *url && now.duration_since(fetched.at) < KEEP;
        fresh.then(|| pick(&fetched.keys, kid).ok()).flatten()
    }
}

fn pick(keys: &HashMap<String, ClientKey>, kid: Option<&str>) -> Result<Vec<ClientKey>, String> {
    let Some(kid) = kid else { return Ok(keys.values().cloned().collect()) };
    let unknown = || format!("the client's JWKS has no usable key with the kid of the token ({kid:?})");
    keys.get(kid).map(|key| vec![key.clone()]).ok_or_else(unknown)
}

async fn fetch(
    url: &Url,
    outgoing: &Outgoing,
    clock: &SandboxClock,
) -> Result<HashMap<String, ClientKey>, String> {
    let mut failed = String::new();
    for attempt in 1..=TRIES {
        match outgoing.get_json(url, TIME_OUT, clock).await {
            Ok(set) => return parse(&set).map_err(|why| format!("the client's JWKS: {why}")),
            Err(why) => {
                tracing::debug!(attempt, %why, "a client's JWKS could not be fetched");
                failed = why.to_string();
            }
        }
    }
    Err(format!("the client's JWKS could not be fetched: {failed}"))
}

/// Whether a set has a key that can verify tokens.
pub(crate) fn check_keys(set: &Value) -> Result<(), String> {
    parse(set).map(drop)
}

/// The keys of a set that can verify tokens, by `kid`. Others are left out; there must be one at least.
fn parse(set: &Value) -> Result<HashMap<String, ClientKey>, String> {
    let entries = set.get("keys").and_then(Value::as_array).ok_or("it has no array \"keys\"")?;
    let mut keys = HashMap::new();
    let mut left_out = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match usable(entry) {
            Ok((kid, key)) => {
                keys.insert(kid, key);
            }
            Err(why) => left_out.push(format!("key {index} {why}")),
        }
    }
    match keys.is_empty() {
        false => Ok(keys),
        true if left_out.is_empty() => Err("it has no keys".to_owned()),
        true => Err(format!("it has no usable key: {}", left_out.join("; "))),
    }
}

fn usable(entry: &Value) -> Result<(String, ClientKey), &'static str> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let kid = text("kid").ok_or("has no kid")?;
    if text("use") != Some("sig") {
        return Err("is not for signatures: use must be \"sig\"");
    }
    if text("kty") != Some("EC") {
        return Err("is not an EC key");
    }
    let (algorithm, verification, width) = curve(text("crv").unwrap_or_default())?;
    if text("alg").is_some_and(|alg| alg != algorithm) {
        return Err("has an alg that does not fit its curve");
    }
    let coordinate = |name: &str| {
        let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.filter(|bytes| bytes.len() == width).ok_or("has coordinates that cannot be read")
    };
    // The uncompressed form of a point (SEC 1, 2.3.3).
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    let key = ParsedPublicKey::new(verification, point).map_err(|_| "is not a point of its curve")?;
    Ok((kid.to_owned(), ClientKey { algorithm, key }))
}

/// What keys on a curve are for, and the bytes of a coordinate (RFC 7518, 3.4 and 6.2.1.2).
fn curve(name: &str) -> Result<(&'static str, &'static EcdsaVerificationAlgorithm, usize), &'static str> {
    match name {
        "P-256" => Ok(("ES256", &ECDSA_P256_SHA256_FIXED, 32)),
        "P-384" => Ok(("ES384", &ECDSA_P384_SHA384_FIXED, 48)),
        "P-521" => Ok(("ES512", &ECDSA_P521_SHA512_FIXED, 66)),
        _ => Err("is on a curve that is not P-256, P-384 or P-521"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_signature_keys_on_known_curves_with_a_name_are_used() {
        let good = json!({
            "kty": "EC", "use": "sig", "kid": "a", "crv": "P-256", "alg": "ES256",
            "x": "UW_yTlIWPgH2sR0wVm5-vW5wPywLffOT6q2WC-U0uok", "y": "b5r2O6wMepqUyxvHlKeYS05FLTdIqfFXlb2x45UFbGU",
        });
        let with = |name: &str, value: Value| {
            let mut key = good.clone();
            key[name] = value;
            key
        };
        for (bad, why) in [
            (with("use", json!("enc")), "use must be"),
            (with("use", Value::Null), "use must be"),
            (with("kid", Value::Null), "no kid"),
            (with("crv", json!("secp256k1")), "curve"),
            (with("crv", json!("P-521")), "alg"),
            (with("alg", json!("ES384")), "alg"),
            (with("x", json!("!")), "coordinates"),
            (with("x", json!("UW_yTlIWPgH2sR0wVm5-vW5wPywLffOT6q2WC-U0")), "coordinates"),
            (with("x", good["y"].clone()), "not a point"),
            (json!({ "kty": "RSA", "use": "sig", "kid": "a", "n": "AQAB", "e": "AQAB" }), "not an EC key"),
            (json!(1), "no kid"),
        ] {
            let error = parse(&json!({ "keys": [bad] })).err().unwrap();
            assert!(error.contains(why), "{error}");
            let keys = parse(&json!({ "keys": [bad, with("kid", json!("b"))] })).unwrap();
            assert_eq!(keys.keys().collect::<Vec<_>>(), ["b"]);
        }
        for none in [json!({}), json!({ "keys": {} }), json!({ "keys": [] }), json!([])] {
            assert!(parse(&none).is_err(), "{none}");
        }
        assert_eq!(parse(&json!({ "keys": [good] })).unwrap()["a"].algorithm, "ES256");
    }
}
