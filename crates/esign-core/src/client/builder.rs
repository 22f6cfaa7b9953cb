//! Building a client.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use super::instances::{Instance, Instances, Present};
use super::{Client, Inner, Inspector};
use crate::registry::Shared;
use crate::{
    CallClass, Clock, Config, Error, FixedSecrets, Gate, InstanceConfig, NoObserver, Observer, Provider,
    Registry, Result, SecretSource, SigningKey, SystemClock,
};

/// Puts a [`Client`] together.
pub struct ClientBuilder {
    registry: Registry,
    config: Config,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    secrets: Arc<dyn SecretSource>,
    inspector: Option<Arc<dyn Inspector>>,
    keys: BTreeMap<String, Arc<dyn SigningKey>>,
    gate: Option<Arc<dyn Gate>>,
    providers: Vec<(String, Arc<dyn Provider>)>,
}

impl Client {
    /// Starts with the kinds that the application knows.
    #[must_use]
    pub fn builder(registry: Registry) -> ClientBuilder {
        ClientBuilder {
            registry,
            config: Config::default(),
            clock: Arc::new(SystemClock),
            observer: Arc::new(NoObserver),
            secrets: Arc::new(FixedSecrets::new()),
            inspector: None,
            keys: BTreeMap::new(),
            gate: None,
            providers: Vec::new(),
        }
    }

    /// Builds one more instance at run time.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the name is taken or the configuration is wrong; nothing has
    /// changed then.
    pub async fn add(&self, name: &str, config: &InstanceConfig) -> Result<()> {
        let instance = self.inner.instances.build(name, config).await?;
        self.inner.instances.add(instance)
    }

    /// Builds an instance anew, for instance after a change of credentials. Calls in flight finish on the old one.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no such instance or the configuration is wrong;
    /// nothing has changed then.
    pub async fn replace(&self, name: &str, config: &InstanceConfig) -> Result<()> {
        let instance = self.inner.instances.build(name, config).await?;
        self.inner.instances.replace(instance)
    }

    /// Removes an instance. Calls in flight finish; handles that name it find nothing any more.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no such instance.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.inner.instances.remove(name)
    }

    /// Chooses the instance for new requests.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no such instance.
    pub fn activate(&self, name: &str) -> Result<()> {
        self.inner.instances.activate(name)
    }

    /// Replaces the whole configuration, or nothing of it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn reload(&self, config: &Config) -> Result<()> {
        self.inner.instances.load(config).await
    }
}

impl ClientBuilder {
    /// Sets the configuration.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets where secrets come from.
    #[must_use]
    pub fn secrets(mut self, secrets: impl SecretSource + 'static) -> Self {
        self.secrets = Arc::new(secrets);
        self
    }

    /// Adds a key of the application's, for `{ external = "name" }`.
    #[must_use]
    pub fn key(mut self, name: impl Into<String>, key: Arc<dyn SigningKey>) -> Self {
        self.keys.insert(name.into(), key);
        self
    }

    /// Sets the clock; the system's without this.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets who is told what happens; nobody without this.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Sets who reads PDFs. Without one, neutral placements are refused.
    #[must_use]
    pub fn inspector(mut self, inspector: Arc<dyn Inspector>) -> Self {
        self.inspector = Some(inspector);
        self
    }

    /// Sets what counts calls over several processes; without one, each process keeps limits by itself.
    #[must_use]
    pub fn gate(mut self, gate: Arc<dyn Gate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Adds a provider made by the application itself, beside those of the configuration.
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>, provider: Arc<dyn Provider>) -> Self {
        self.providers.push((name.into(), provider));
        self
    }

    /// Builds every instance. No network call.
    ///
    /// # Errors
    /// The first thing that is wrong, with the key's path.
    pub async fn build(self) -> Result<Client> {
        let instances = Instances {
            registry: self.registry,
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
            secrets: self.secrets,
            keys: Arc::new(self.keys),
            gate: self.gate,
            shared: Shared::default(),
            present: RwLock::new(Present::default()),
        };
        // A provider made by the application may be the active one, which the configuration then does not list.
        let by_hand =
            self.config.active.clone().filter(|active| self.providers.iter().any(|(name, _)| name == active));
        let mut config = self.config;
        if by_hand.is_some() {
            config.active = None;
        }
        instances.load(&config).await?;
        for (name, provider) in self.providers {
            instances.add(Instance::from_provider(&name, provider, None))?;
        }
        if let Some(active) = by_hand {
            instances.activate(&active)?;
        }
        if instances.all().is_empty() {
            return Err(Error::config("providers", "no provider is configured"));
        }
        let inner =
            Inner { instances, clock: self.clock, observer: self.observer, inspector: self.inspector };
        Ok(Client { inner: Arc::new(inner), within: None, class: CallClass::default() })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("registry", &self.registry).finish_non_exhaustive()
    }
}
