//! Secrets: where they come from, and how they are held.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::{Error, ErrorKind, Result};

/// Names a secret in configuration; the secret itself is never in the tree.
///
/// Written `{ env = "NAME" }`, `{ file = "/path" }` or `{ external = "name" }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a final line break is not part of the secret.
    File(PathBuf),
    /// A name that the application's own [`SecretSource`] understands.
    External(String),
}

impl<'de> Deserialize<'de> for SecretRef {
    /// Refuses anything else without repeating it: it may be the secret itself.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;

        impl<'de> Visitor<'de> for Table {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"{ env = "NAME" }, { file = "/path" } or { external = "name" }"#)
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretRef, E> {
                Err(de::Error::custom(
                    r#"a secret is never written here: name where it is, { env = "NAME" }, { file = "/path" } or { external = "name" }"#,
                ))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let one = || {
                    de::Error::custom(
                        r#"exactly one of { env = "NAME" }, { file = "/path" } and { external = "name" } is needed"#,
                    )
                };
                let kind: String = map.next_key()?.ok_or_else(one)?;
                let reference = match kind.as_str() {
                    "env" => SecretRef::Env(map.next_value()?),
                    "file" => SecretRef::File(map.next_value()?),
                    "external" => SecretRef::External(map.next_value()?),
                    _ => return Err(one()),
                };
                map.next_key::<de::IgnoredAny>()?.map_or(Ok(reference), |_| Err(one()))
            }
        }

        deserializer.deserialize_any(Table)
    }
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

    /// An address out of a provider's answer that a browser may be sent to: http or https, with a host, without a user name
    /// and password. Anything else (`javascript:`, `data:`, text) is nothing.
    #[must_use]
    pub fn for_browser(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        browser_fault(&url).is_none().then_some(Self(url))
    }

    /// The whole address: give it to the signer, never to a log.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

/// Why a browser may not be sent to this address; `None` if it may.
#[must_use]
pub fn browser_fault(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        Some("an address that a browser is sent to begins with https:// or http://")
    } else if !url.has_host() {
        Some("an address with a host is needed")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("an address that a browser is sent to has no user name or password")
    } else {
        None
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    /// Refuses what is no address without repeating it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| de::Error::custom("not an address"))
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
        assert_eq!(
            serde_json::from_str::<SecretUrl>("\"https://sign.example/1\"").unwrap().expose().path(),
            "/1"
        );
        let error = serde_json::from_str::<SecretUrl>("\"sign.example/marker\"").unwrap_err().to_string();
        assert!(error.contains("not an address") && !error.contains("marker"), "{error}");
    }

    #[test]
    fn a_secret_written_in_the_configuration_is_refused_and_not_repeated() {
        for bad in [
            r#""marker""#,
            r#"{"marker":"x"}"#,
            r#"{"env":"A","marker":"x"}"#,
            r#"{"env":"A","file":"marker"}"#,
            "{}",
        ] {
            let error = serde_json::from_str::<SecretRef>(bad).unwrap_err().to_string();
            assert!(error.contains("{ env = ") && !error.contains("marker"), "{error}");
        }
        for good in [r#"{"env":"A"}"#, r#"{"file":"/a"}"#, r#"{"external":"a"}"#] {
            let reference: SecretRef = serde_json::from_str(good).unwrap();
            assert_eq!(serde_json::to_string(&reference).unwrap(), good);
        }
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
