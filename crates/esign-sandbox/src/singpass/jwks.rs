//! The clients' public keys: fetched from their JWKS URL, kept for an hour (JWKS specification of Sign V3).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use url::Url;

use super::clients::{Client, ClientKeys};
use super::outgoing::Outgoing;
use crate::clock::SandboxClock;

/// How long a fetched set is used.
const KEEP: SignedDuration = SignedDuration::from_hours(1);
/// How long a try may take, and how many there are.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(3);
const TRIES: u32 = 3;

/// A key that can verify a client's tokens.
#[derive(Clone)]
pub(super) struct ClientKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// What was fetched, by client id.
#[derive(Default)]
pub(super) struct KeyCache(Mutex<HashMap<String, Fetched>>);

struct Fetched {
    from: Url,
    at: Timestamp,
    keys: HashMap<String, ClientKey>,
}

impl KeyCache {
    /// The client's key `kid`. An unknown one makes the set be fetched once more, which is this sandbox's choice: the
    /// documents only tell that the set is kept for an hour.
    pub(super) async fn find(
        &self,
        client: &Client,
        kid: &str,
        outgoing: &Outgoing,
        clock: &SandboxClock,
    ) -> Result<ClientKey, String> {
        let url = match &client.keys {
            ClientKeys::Inline(set) => return pick(&parse(set)?, kid),
            ClientKeys::Url(url) => url,
        };
        if let Some(key) = self.cached(&client.client_id, url, kid, clock.now()) {
            return Ok(key);
        }
        let keys = fetch(url, outgoing, clock).await?;
        let found = pick(&keys, kid);
        let fetched = Fetched { from: url.clone(), at: clock.now(), keys };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(client.client_id.clone(), fetched);
        found
    }

    fn cached(&self, client_id: &str, url: &Url, kid: &str, now: Timestamp) -> Option<ClientKey> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = cache.get(client_id)?;
        let fresh = fetched.from == *url && now.duration_since(fetched.at) < KEEP;
        fetched.keys.get(kid).filter(|_| fresh).cloned()
    }
}

fn pick(keys: &HashMap<String, ClientKey>, kid: &str) -> Result<ClientKey, String> {
    let unknown = || format!("the client's JWKS has no usable key with the kid of the token ({kid:?})");
    keys.get(kid).cloned().ok_or_else(unknown)
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

/// The keys of a set that can verify tokens, by `kid`. Others are left out; there must be one at least.
pub(super) fn parse(set: &Value) -> Result<HashMap<String, ClientKey>, String> {
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
    let jwk: Jwk = serde_json::from_value(entry.clone()).map_err(|_| "is no JWK")?;
    let kid = jwk.common.key_id.clone().ok_or("has no kid")?;
    if jwk.common.public_key_use != Some(PublicKeyUse::Signature) {
        return Err("is not for signatures: use must be \"sig\"");
    }
    let AlgorithmParameters::EllipticCurve(point) = &jwk.algorithm else {
        return Err("is not an EC key");
    };
    let (algorithm, named) = match point.curve {
        EllipticCurve::P256 => (Algorithm::ES256, KeyAlgorithm::ES256),
        EllipticCurve::P384 => (Algorithm::ES384, KeyAlgorithm::ES384),
        _ => return Err("is on a curve that this sandbox does not know; it knows P-256 and P-384"),
    };
    if jwk.common.key_algorithm.is_some_and(|alg| alg != named) {
        return Err("has an alg that does not fit its curve");
    }
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "has coordinates that cannot be read")?;
    Ok((kid, ClientKey { algorithm, key }))
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
            (with("crv", json!("P-521")), "curve"),
            (with("alg", json!("ES384")), "alg"),
            (with("x", json!("!")), "coordinates"),
            (json!({ "kty": "RSA", "use": "sig", "kid": "a", "n": "AQAB", "e": "AQAB" }), "not an EC key"),
            (json!(1), "no JWK"),
        ] {
            let error = parse(&json!({ "keys": [bad] })).err().unwrap();
            assert!(error.contains(why), "{error}");
            let keys = parse(&json!({ "keys": [bad, with("kid", json!("b"))] })).unwrap();
            assert_eq!(keys.keys().collect::<Vec<_>>(), ["b"]);
        }
        for none in [json!({}), json!({ "keys": {} }), json!({ "keys": [] }), json!([])] {
            assert!(parse(&none).is_err(), "{none}");
        }
        assert_eq!(parse(&json!({ "keys": [good] })).unwrap()["a"].algorithm, Algorithm::ES256);
    }
}
