//! A service's own keys: they sign what it says (the webhook's token, results), and are published as a JWK set.

use std::sync::Once;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};

/// Never empty; the last one signs.
pub(crate) struct OwnKeys {
    keys: Vec<OwnKey>,
    made: u32,
}

pub(crate) struct OwnKey {
    kid: String,
    key: EncodingKey,
    public: Jwk,
}

impl OwnKeys {
    pub(crate) fn new() -> Self {
        let mut keys = Self { keys: Vec::new(), made: 0 };
        keys.rotate();
        keys
    }

    /// Signs with a new key from now on. The old ones stay published.
    pub(crate) fn rotate(&mut self) -> String {
        self.made += 1;
        let kid = format!("sign-sandbox-{:02}", self.made);
        self.keys.push(OwnKey::generate(kid.clone()));
        kid
    }

    /// Publishes the newest key only.
    pub(crate) fn withdraw_old(&mut self) {
        self.keys.drain(..self.keys.len() - 1);
    }

    pub(crate) fn newest(&self) -> &OwnKey {
        // Made with one, and never emptied.
        self.keys.last().expect("there is always a key")
    }

    /// What is published.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(|key| &key.public).collect::<Vec<_>>() })
    }
}

impl OwnKey {
    /// A new key on P-256, published nowhere yet.
    pub(crate) fn generate(kid: String) -> Self {
        use_aws_lc();
        // Fails only where the system has no randomness at all; nothing can be signed then.
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .expect("the operating system has a source of randomness");
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        // It was made a line above, on this curve.
        let mut public =
            Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a P-256 key has a public half");
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Self { kid, key, public }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// A compact JWS as the service's own: `alg`, `typ: JWT`, `kid`.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.kid.clone());
        // The key fits the algorithm, and the claims are plain data of this crate.
        jsonwebtoken::encode(&header, claims, &self.key).expect("claims can be signed")
    }
}

/// Any crate in the program may have switched on a second backend, and without a choice the library panics then.
fn use_aws_lc() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody has chosen already, which is as good.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_keys_are_published_until_they_are_withdrawn() {
        let mut keys = OwnKeys::new();
        assert_eq!(keys.rotate(), "sign-sandbox-02");
        let published = keys.jwks();
        assert_eq!(published["keys"].as_array().unwrap().len(), 2);
        for (name, value) in [("kty", "EC"), ("crv", "P-256"), ("alg", "ES256"), ("use", "sig")] {
            assert_eq!(published["keys"][0][name], value);
        }
        assert_eq!(published["keys"][0]["kid"], "sign-sandbox-01");
        assert!(published["keys"][0].get("d").is_none());
        keys.withdraw_old();
        assert_eq!(keys.jwks()["keys"].as_array().unwrap().len(), 1);
        assert_eq!(keys.jwks()["keys"][0]["kid"], "sign-sandbox-02");
        assert_eq!(keys.rotate(), "sign-sandbox-03");
    }
}
