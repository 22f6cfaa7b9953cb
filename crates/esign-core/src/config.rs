//! Configuration: which instances there are, and which one new requests go to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, ProviderKind, Result, Wish};

/// The configuration of a [`Client`](crate::Client), from any serde source.
///
/// There is no default provider and no default environment: a forgotten line must not send to nobody or to production.
///
/// ```
/// let config: esign_core::Config = toml::from_str(r#"
///     active = "signify-prod"
///     [providers.signify-prod]
///     kind = "signify"
///     environment = "staging"
///     api_key = { env = "SIGNIFY_API_KEY" }
///     adapt = ["message"]
/// "#).unwrap();
/// assert_eq!(config.active.as_deref(), Some("signify-prod"));
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The instance for new requests. Without it each call must name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// The instances by name.
    #[serde(default)]
    pub providers: BTreeMap<String, InstanceConfig>,
    /// Whom signatures are believed from.
    #[serde(default, skip_serializing_if = "TrustConfig::is_empty")]
    pub trust: TrustConfig,
}

/// Whom signatures are believed from: root certificates by file, since nobody may be trusted whom nobody named.
///
/// ```
/// let config: esign_core::Config = toml::from_str(r#"
///     [trust]
///     roots = ["roots/national-root.pem"]
///     timestamp_roots = ["roots/timestamp-authority.pem"]
///     times = "when-trusted"
///     strict = true
/// "#).unwrap();
/// assert!(config.trust.strict);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustConfig {
    /// PEM files with the roots of signers and timestamp authorities, as the application's working directory sees them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<PathBuf>,
    /// PEM files with further roots, for timestamp authorities only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamp_roots: Vec<PathBuf>,
    /// When the time in a timestamp counts. Default [`Times::WhenTrusted`].
    pub times: Times,
    /// Nothing is left open: timestamps count only under a root, whatever `times` says, and revocation must be settled.
    /// Default false.
    pub strict: bool,
}

/// When the time in a timestamp counts as the time of signing. It is asked where a certificate has ended or was revoked since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// When its authority leads to a configured root: `"when-trusted"`. Else the verdict is "not established".
    #[default]
    WhenTrusted,
    /// From any authority, if it is intact: `"when-intact"`. It bridges the end of a certificate and no revocation, and a note says
    /// on whose word the time stands.
    WhenIntact,
}

impl TrustConfig {
    /// True if nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One configured provider. `Debug` shows the names of its settings: somebody may have written a secret into them.
#[derive(Clone, Serialize, Deserialize)]
pub struct InstanceConfig {
    /// Its kind.
    pub kind: ProviderKind,
    /// Earlier names of this instance: handles made under them still find it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub aliases: BTreeSet<String>,
    /// Wishes that may be changed or left out for this instance; each change shows in plan, submission and record.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub adapt: BTreeSet<Wish>,
    /// The keys of the provider's own configuration.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

impl InstanceConfig {
    /// An instance without settings.
    #[must_use]
    pub fn new(kind: ProviderKind) -> Self {
        Self { kind, aliases: BTreeSet::new(), adapt: BTreeSet::new(), settings: Map::new() }
    }

    /// Sets one of the provider's own keys.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// Allows a wish to be changed.
    #[must_use]
    pub fn adapt(mut self, wish: Wish) -> Self {
        self.adapt.insert(wish);
        self
    }
}

impl fmt::Debug for InstanceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceConfig")
            .field("kind", &self.kind)
            .field("aliases", &self.aliases)
            .field("adapt", &self.adapt)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Config {
    /// Checks what does not depend on any provider: names, aliases, and that `active` exists.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the key's path.
    pub fn check(&self) -> Result<()> {
        let mut names: BTreeSet<&str> = self.providers.keys().map(String::as_str).collect();
        for (name, instance) in &self.providers {
            if !is_name(name) {
                let message = "instances are named with letters, digits, '-' and '_'";
                return Err(Error::config(format!("providers.{name}"), message));
            }
            for alias in &instance.aliases {
                if !names.insert(alias) {
                    let message = format!("{alias:?} names another instance already");
                    return Err(Error::config(format!("providers.{name}.aliases"), message));
                }
            }
        }
        match &self.active {
            Some(active) if !self.providers.contains_key(active) => {
                let known: Vec<_> = self.providers.keys().map(String::as_str).collect();
                Err(Error::config(
                    "active",
                    format!("there is no [providers.{active}]; there are: {}", known.join(", ")),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_aliases_and_active_are_checked() {
        let cases = [
            ("active = 'x'\n[providers.y]\nkind = 'k'", "active"),
            ("[providers.'a b']\nkind = 'k'", "providers.a b"),
            ("[providers.a]\nkind = 'k'\naliases = ['b']\n[providers.b]\nkind = 'k'", "providers.a.aliases"),
            (
                "[providers.a]\nkind = 'k'\naliases = ['c']\n[providers.b]\nkind = 'k'\naliases = ['c']",
                "providers.b.aliases",
            ),
        ];
        for (text, path) in cases {
            let config: Config = toml::from_str(text).unwrap();
            assert_eq!(config.check().unwrap_err().field_path(), Some(path), "{text}");
        }
        assert!(toml::from_str::<Config>("actve = 'x'").is_err());
        assert!(toml::from_str::<Config>("[providers.a]\nkind = 'k'\nadapt = ['colour']").is_err());
    }
}
