//! Secrets: where they come from, and how they are held.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, ErrorKind, Result};

/// Names a secret in configuration; the secret itself is never in the tree.
///
/// Written `{ env = "NAME" }`, `{ file = "/path" }` or `{ external = "name" }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a final line break is not part of the secret.
    File(PathBuf),
    /// A name that the application's own [`SecretSource`] understands.
    External(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::External(name) => write!(f, "external secret {name}"),
        }
    }
}

/// Reads secrets. The facade has one for environment and files; applications add their vault.
#[async_trait]
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// The present value. Called when a provider is built and once after it was refused with a 401.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`], naming the reference and never a value.
    async fn secret(&self, reference: &SecretRef) -> Result<SecretString>;
}

/// Secrets given in code: for tests and for applications that have them at hand. Answers `external` references only.
#[derive(Clone, Default)]
pub struct FixedSecrets(BTreeMap<String, SecretString>);

impl FixedSecrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret under the name used in `{ external = "name" }`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), SecretString::from(value.into()));
        self
    }
}

impl fmt::Debug for FixedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[async_trait]
impl SecretSource for FixedSecrets {
    async fn secret(&self, reference: &SecretRef) -> Result<SecretString> {
        match reference {
            SecretRef::External(name) => self.0.get(name).cloned(),
            SecretRef::Env(_) | SecretRef::File(_) => None,
        }
        .ok_or_else(|| {
            Error::new(ErrorKind::Secret, format!("{reference} is not among the secrets given in code"))
        })
    }
}

/// A secret that can be read again: what an adapter holds instead of a string.
///
/// Clones share the value, so one refresh serves all.
#[derive(Clone)]
pub struct Credential {
    reference: SecretRef,
    source: Arc<dyn SecretSource>,
    value: Arc<RwLock<SecretString>>,
}

impl Credential {
    /// Reads the secret for the first time.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] if it cannot be read or is empty.
    pub async fn read(source: Arc<dyn SecretSource>, reference: SecretRef) -> Result<Self> {
        let value = read_nonempty(source.as_ref(), &reference).await?;
        Ok(Self { reference, source, value: Arc::new(RwLock::new(value)) })
    }

    /// The value as last read.
    #[must_use]
    pub fn current(&self) -> SecretString {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the secret again; true if it has changed. The old value stays if reading fails.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] if it cannot be read or is empty.
    pub async fn refresh(&self) -> Result<bool> {
        let fresh = read_nonempty(self.source.as_ref(), &self.reference).await?;
        let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
        let changed = value.expose_secret() != fresh.expose_secret();
        *value = fresh;
        Ok(changed)
    }

    /// Where the secret comes from.
    #[must_use]
    pub fn reference(&self) -> &SecretRef {
        &self.reference
    }
}

async fn read_nonempty(source: &dyn SecretSource, reference: &SecretRef) -> Result<SecretString> {
    let value = source.secret(reference).await?;
    if value.expose_secret().trim().is_empty() {
        return Err(Error::new(ErrorKind::Secret, format!("{reference} is empty")));
    }
    Ok(value)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.reference)
    }
}

/// An address that lets whoever holds it act: signing links, document links. `Debug` shows scheme and host only.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// Wraps an address.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole address: give it to the signer, never to a log.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({}://{}/…)", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

/// Personal data: an e-mail address, a phone number, a name, a national id. Compares and serialises as its text;
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal(String);

impl Personal {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: for the provider, never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Personal {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_formatted() {
        let url = SecretUrl::new("https://u:marker@sign.example/marker?marker=1".parse().unwrap());
        let secrets = FixedSecrets::new().with("key", "marker");
        let text = format!("{url:?} {url:#?} {:?} {secrets:?} {secrets:#?}", Personal::new("marker"));
        assert!(!text.contains("marker"), "{text}");
        assert!(text.contains("sign.example"));
    }

    #[tokio::test]
    async fn a_credential_is_read_again_and_an_empty_one_is_refused() {
        let reference = SecretRef::External("key".into());
        let source = Arc::new(FixedSecrets::new().with("key", "one"));
        let credential = Credential::read(source, reference.clone()).await.unwrap();
        assert!(!credential.refresh().await.unwrap());

        let blank = Arc::new(FixedSecrets::new().with("key", " \n"));
        let error = Credential::read(blank, reference).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Secret);
        assert_eq!(error.to_string(), "external secret key is empty");
    }
}
