//! Signing keys, wherever they live: in a file, or in a KMS or HSM that signs on request.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// The signature algorithms that the providers accept (JWS names, RFC 7518).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA over P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
}

impl KeyAlgorithm {
    /// The JWS name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A private key that can sign and does not leave its home.
///
/// Register a KMS or HSM key under a name and write `{ external = "name" }` in the configuration.
#[async_trait]
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The algorithm of [`SigningKey::sign`].
    fn algorithm(&self) -> KeyAlgorithm;

    /// The `kid` under which the public half is published.
    fn key_id(&self) -> &str;

    /// The public half as a JSON Web Key with `kty`, `crv`, `x`, `y`, `kid`, `use` and `alg`; no private member.
    fn public_jwk(&self) -> serde_json::Value;

    /// Signs the bytes (hashing them first) and returns the JWS form of the signature: `r` and `s`, each of the
    /// curve's full width, one after the other.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`](crate::ErrorKind::Secret) if the key cannot be used now.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>>;
}
