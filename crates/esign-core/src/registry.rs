//! Which kinds of provider there are: a value, filled in `main`.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Clock, Credential, Error, ErrorKind, Gate, InstanceConfig, Observer, Operation, Provider, ProviderKind,
    Result, SecretRef, SecretSource, SigningKey,
};

/// The configuration of one provider kind: a struct in the provider's crate, with public docs on every field and
/// `#[serde(deny_unknown_fields)]`.
#[async_trait]
pub trait ProviderConfig: DeserializeOwned + Send + 'static {
    /// The kind as written in configuration.
    const KIND: ProviderKind;

    /// Checks everything and builds the provider. No network call; secrets are read here, so that a missing one is
    /// noticed now and not at the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] or [`ErrorKind::Secret`], with the key's name as field.
    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>>;
}

/// The kinds that an application knows.
///
/// ```
/// use esign_core::{Registry, memory};
/// let mut registry = Registry::new();
/// registry.register::<memory::MemoryConfig>()?;
/// assert!(registry.register::<memory::MemoryConfig>().is_err());
/// # Ok::<(), esign_core::Error>(())
/// ```
#[derive(Default)]
pub struct Registry {
    factories: BTreeMap<ProviderKind, Box<dyn Factory>>,
}

impl Registry {
    /// No kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the kind is registered already.
    pub fn register<C: ProviderConfig>(&mut self) -> Result<&mut Self> {
        if self.factories.contains_key(&C::KIND) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the provider kind {} is registered twice", C::KIND),
            ));
        }
        self.factories.insert(C::KIND, Box::new(FactoryOf::<C>(std::marker::PhantomData)));
        Ok(self)
    }

    /// The registered kinds, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &ProviderKind> {
        self.factories.keys()
    }

    /// Builds one instance.
    pub(crate) async fn build(
        &self,
        config: &InstanceConfig,
        cx: &BuildContext,
    ) -> Result<Arc<dyn Provider>> {
        let prefix = format!("providers.{}", cx.instance());
        let Some(factory) = self.factories.get(&config.kind) else {
            let known: Vec<_> = self.kinds().map(ProviderKind::as_str).collect();
            let message = format!(
                "there is no provider kind {:?}; registered: {}",
                config.kind.as_str(),
                known.join(", ")
            );
            return Err(Error::config("kind", message).within(&prefix));
        };
        let built = factory.build(Value::Object(config.settings.clone()), cx).await;
        built.map_err(|e| e.within(&prefix).with_provider(config.kind.clone()).during(Operation::Build))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.factories.keys()).finish()
    }
}

#[async_trait]
trait Factory: Send + Sync {
    async fn build(&self, settings: Value, cx: &BuildContext) -> Result<Arc<dyn Provider>>;
}

struct FactoryOf<C>(std::marker::PhantomData<fn() -> C>);

#[async_trait]
impl<C: ProviderConfig> Factory for FactoryOf<C> {
    async fn build(&self, settings: Value, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        let config: C = serde_path_to_error::deserialize(settings).map_err(|e| {
            let path = e.path().to_string();
            let error = Error::new(ErrorKind::Config, e.inner().to_string());
            if path == "." { error } else { error.field(path) }
        })?;
        config.build(cx).await
    }
}

/// What a provider gets to build itself with.
#[derive(Clone, Debug)]
pub struct BuildContext {
    instance: String,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    secrets: Arc<dyn SecretSource>,
    keys: Arc<BTreeMap<String, Arc<dyn SigningKey>>>,
    gate: Option<Arc<dyn Gate>>,
    shared: Shared,
}

impl BuildContext {
    pub(crate) fn new(
        instance: &str,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        secrets: Arc<dyn SecretSource>,
        keys: Arc<BTreeMap<String, Arc<dyn SigningKey>>>,
        gate: Option<Arc<dyn Gate>>,
        shared: Shared,
    ) -> Self {
        Self { instance: instance.to_owned(), clock, observer, secrets, keys, gate, shared }
    }

    /// The name of the instance that is being built.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The observer.
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.observer)
    }

    /// What counts calls over several processes, if the application gave the client such a gate. A provider asks it beside its
    /// own limiter.
    #[must_use]
    pub fn gate(&self) -> Option<Arc<dyn Gate>> {
        self.gate.clone()
    }

    /// Reads a secret, named by the key under which it is configured.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] with the key as field.
    pub async fn credential(&self, key: &str, reference: &SecretRef) -> Result<Credential> {
        Credential::read(Arc::clone(&self.secrets), reference.clone()).await.map_err(|e| e.within(key))
    }

    /// The application's own key that was registered under this name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is none, listing those that there are.
    pub fn external_key(&self, name: &str) -> Result<Arc<dyn SigningKey>> {
        self.keys.get(name).cloned().ok_or_else(|| {
            let known: Vec<_> = self.keys.keys().map(String::as_str).collect();
            let message =
                format!("the application registered no key {name:?}; it registered: {}", known.join(", "));
            Error::new(ErrorKind::Config, message)
        })
    }

    /// A thing that all instances with the same `key` share, such as a limiter: made by `init` the first time and kept
    /// as long as the client lives, also when instances are replaced.
    pub fn shared<T: Any + Send + Sync>(&self, key: &str, init: impl FnOnce() -> T) -> Arc<T> {
        self.shared.get(key, init)
    }
}

/// Things that instances share, by type and key.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<HashMap<(TypeId, String), Thing>>>);

type Thing = Arc<dyn Any + Send + Sync>;

impl Shared {
    fn get<T: Any + Send + Sync>(&self, key: &str, init: impl FnOnce() -> T) -> Arc<T> {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let thing = things.entry((TypeId::of::<T>(), key.to_owned())).or_insert_with(|| Arc::new(init()));
        // The map is keyed by the type, so the downcast succeeds.
        Arc::clone(thing).downcast().unwrap_or_else(|_| unreachable!("keyed by type"))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} things)", self.0.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}
