//! The keys of an instance: the one that signs, and those that are only published for rotation.

use std::sync::Arc;

use esign_core::{BuildContext, Error, Result, SecretRef, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::LocalKey;

/// A key that is published and not used to sign: the next one, or the last one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedKey {
    /// Where the key is.
    pub key: SecretRef,
    /// Its `kid`. Default: as for the signing key.
    pub key_id: Option<String>,
}

/// The keys of a provider instance whose provider reads them from our key set.
#[derive(Clone, Debug)]
pub struct PublishedKeys {
    signing: Arc<dyn SigningKey>,
    others: Vec<Arc<dyn SigningKey>>,
}

impl PublishedKeys {
    /// Reads the signing key, configured as `signing_key` with an optional `key_id`, and the keys of `published_keys`. Keys
    /// are read from PEM or JWK, or are the application's own where the reference is external.
    ///
    /// # Errors
    /// At the key of the configuration: [`ErrorKind::Secret`](esign_core::ErrorKind::Secret) if one cannot be read,
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) if two have the same id.
    pub async fn load(
        cx: &BuildContext,
        signing_key: &SecretRef,
        key_id: Option<&str>,
        published_keys: &[PublishedKey],
    ) -> Result<Self> {
        let signing = load_key(cx, "signing_key", signing_key, key_id).await?;
        let mut others: Vec<Arc<dyn SigningKey>> = Vec::new();
        for (i, published) in published_keys.iter().enumerate() {
            let at = format!("published_keys[{i}].key");
            let key = load_key(cx, &at, &published.key, published.key_id.as_deref()).await?;
            if std::iter::once(&signing).chain(&others).any(|other| other.key_id() == key.key_id()) {
                let message =
                    format!("two keys have the id {}: providers choose keys by their id", key.key_id());
                return Err(Error::config(at, message));
            }
            others.push(key);
        }
        Ok(Self { signing, others })
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> &Arc<dyn SigningKey> {
        &self.signing
    }

    /// The public key set to serve.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<_> =
            std::iter::once(&self.signing).chain(&self.others).map(|key| key.public_jwk()).collect();
        json!({ "keys": keys })
    }
}

async fn load_key(
    cx: &BuildContext,
    at: &str,
    reference: &SecretRef,
    id: Option<&str>,
) -> Result<Arc<dyn SigningKey>> {
    if let SecretRef::External(name) = reference {
        return cx.external_key(name).map_err(|e| e.within(at));
    }
    let text = cx.credential(at, reference).await?.current();
    Ok(Arc::new(LocalKey::from_pem_or_jwk(&text, id).map_err(|e| e.within(at))?))
}
