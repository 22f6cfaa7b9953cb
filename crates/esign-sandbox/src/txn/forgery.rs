//! The token that answers an exchange, as it should be and as a client must not accept it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::settings::TxnSettings;
use crate::jose::{OwnKey, OwnKeys};

/// What is wrong with the answer to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Forgery {
    /// Signed by a foreign key under the service's own `kid`.
    BadSignature,
    /// Signed by a key that is not published.
    UnknownKid,
    /// `alg: none`, and no signature.
    AlgNone,
    /// Expired an hour ago.
    Expired,
    /// Valid for an hour, which is longer than documented.
    LongLived,
    /// Another nonce.
    WrongNonce,
    /// No nonce.
    NoNonce,
    /// The hash of another transaction.
    WrongHash,
    /// No hash.
    NoHash,
    /// Another person.
    WrongSubject,
}

/// Signs the claims, or does what the forgery says.
pub(super) fn sign(
    mut claims: Map<String, Value>,
    forgery: Option<Forgery>,
    keys: &OwnKeys,
    settings: &TxnSettings,
) -> String {
    let own = keys.newest();
    let mut change = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    match forgery {
        None => {}
        Some(Forgery::BadSignature) => return OwnKey::generate(own.kid().to_owned()).sign(&claims),
        Some(Forgery::UnknownKid) => return OwnKey::generate("txn-unknown-01".to_owned()).sign(&claims),
        Some(Forgery::AlgNone) => return unsigned(&claims),
        Some(Forgery::Expired) => {
            let (iat, exp) = (time(&claims, "iat"), time(&claims, "exp"));
            claims.extend([("iat".to_owned(), json!(iat - 3600)), ("exp".to_owned(), json!(exp - 3600))]);
        }
        Some(Forgery::LongLived) => {
            let iat = time(&claims, "iat");
            claims.insert("exp".to_owned(), json!(iat + 3600));
        }
        Some(Forgery::WrongNonce) => change(&settings.nonce_claim, json!(Uuid::new_v4().to_string())),
        Some(Forgery::WrongHash) => {
            let other = format!("{0}{0}", Uuid::new_v4().simple());
            change(&settings.hash_claim, json!(other));
        }
        Some(Forgery::WrongSubject) => change("sub", json!(Uuid::new_v4().to_string())),
        Some(Forgery::NoNonce) => drop(claims.remove(&settings.nonce_claim)),
        Some(Forgery::NoHash) => drop(claims.remove(&settings.hash_claim)),
    }
    own.sign(&claims)
}

fn time(claims: &Map<String, Value>, name: &str) -> i64 {
    claims.get(name).and_then(Value::as_i64).unwrap_or_default()
}

fn unsigned(claims: &Map<String, Value>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(&Value::Object(claims.clone())))
}
