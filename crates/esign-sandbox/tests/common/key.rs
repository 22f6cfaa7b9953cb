//! A client's key, and tokens made with it that may say anything.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair of a relying party.
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) algorithm: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    /// `algorithm` is ES256, ES384 or ES512.
    pub(crate) fn new(kid: &str, algorithm: &'static str) -> Self {
        let curve = match algorithm {
            "ES256" => &ECDSA_P256_SHA256_FIXED_SIGNING,
            "ES384" => &ECDSA_P384_SHA384_FIXED_SIGNING,
            "ES512" => &ECDSA_P521_SHA512_FIXED_SIGNING,
            other => panic!("{other}"),
        };
        Self { kid: kid.to_owned(), algorithm, pair: EcdsaKeyPair::generate(curve).unwrap() }
    }

    pub(crate) fn jwk(&self) -> Value {
        // 4, x, y.
        let point = &self.pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let curve = match self.algorithm {
            "ES256" => "P-256",
            "ES384" => "P-384",
            _ => "P-521",
        };
        json!({
            "kty": "EC", "crv": curve, "alg": self.algorithm, "use": "sig", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// A token with the claims as they are written.
    pub(crate) fn token(&self, claims: &str) -> String {
        self.token_with_header(&json!({ "alg": self.algorithm, "kid": self.kid }), claims)
    }

    pub(crate) fn token_with_header(&self, header: &Value, claims: &str) -> String {
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
