//! The configured instances: added, replaced and removed at run time without disturbing calls in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use crate::registry::Shared;
use crate::{
    BuildContext, Clock, Config, Error, ErrorKind, Gate, Handle, InstanceConfig, Observer, Provider,
    ProviderKind, Registry, Result, SecretSource, SigningKey, Wish,
};

/// One configured provider. A call in flight holds on to it, whatever happens to the configuration meanwhile.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) kind: ProviderKind,
    pub(super) adapt: BTreeSet<Wish>,
    pub(super) provider: Arc<dyn Provider>,
    aliases: BTreeSet<String>,
}

impl Instance {
    pub(super) fn from_provider(
        name: &str,
        provider: Arc<dyn Provider>,
        config: Option<&InstanceConfig>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind: provider.kind(),
            adapt: config.map(|c| c.adapt.clone()).unwrap_or_default(),
            aliases: config.map(|c| c.aliases.clone()).unwrap_or_default(),
            provider,
        }
    }

    /// Whether something stored was made by this kind at this address.
    pub(super) fn check_origin(&self, kind: &ProviderKind, fingerprint: &str) -> Result<()> {
        if self.kind != *kind {
            let message =
                format!("it was made by a {kind} instance, but {} is now of kind {}", self.name, self.kind);
            return Err(Error::new(ErrorKind::BadHandle, message).with_instance(&self.name));
        }
        let endpoint = self.provider.capabilities().endpoint;
        if endpoint.fingerprint() != fingerprint {
            let message = format!(
                "it was made at another address than the one {} now sends to ({}); keep the old instance under \
                 another name with this one's name as alias",
                self.name, endpoint.environment
            );
            return Err(Error::new(ErrorKind::BadHandle, message).with_instance(&self.name));
        }
        Ok(())
    }
}

/// Everything needed to build an instance, and those that were built.
pub(super) struct Instances {
    pub(super) registry: Registry,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) secrets: Arc<dyn SecretSource>,
    pub(super) keys: Arc<BTreeMap<String, Arc<dyn SigningKey>>>,
    pub(super) gate: Option<Arc<dyn Gate>>,
    pub(super) shared: Shared,
    pub(super) present: RwLock<Present>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Present {
    active: Option<String>,
    by_name: BTreeMap<String, Arc<Instance>>,
}

impl Instances {
    pub(super) async fn build(&self, name: &str, config: &InstanceConfig) -> Result<Instance> {
        let cx = BuildContext::new(
            name,
            Arc::clone(&self.clock),
            Arc::clone(&self.observer),
            Arc::clone(&self.secrets),
            Arc::clone(&self.keys),
            self.gate.clone(),
            self.shared.clone(),
        );
        let provider = self.registry.build(config, &cx).await?;
        Ok(Instance::from_provider(name, provider, Some(config)))
    }

    /// Builds all of a configuration or nothing of it.
    pub(super) async fn load(&self, config: &Config) -> Result<()> {
        config.check()?;
        let mut fresh = Present { active: config.active.clone(), by_name: BTreeMap::new() };
        for (name, instance) in &config.providers {
            fresh.by_name.insert(name.clone(), Arc::new(self.build(name, instance).await?));
        }
        self.change(|present| {
            *present = fresh;
            Ok(())
        })
    }

    pub(super) fn add(&self, instance: Instance) -> Result<()> {
        self.change(|present| {
            if present.find(&instance.name).is_some() {
                let message = "there is an instance or an alias of this name already";
                return Err(Error::config(format!("providers.{}", instance.name), message));
            }
            present.put(instance)
        })
    }

    pub(super) fn replace(&self, instance: Instance) -> Result<()> {
        self.change(|present| {
            present.by_name.remove(&instance.name).ok_or_else(|| present.unknown(&instance.name))?;
            present.put(instance)
        })
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        self.change(|present| {
            present.by_name.remove(name).ok_or_else(|| present.unknown(name))?;
            if present.active.as_deref() == Some(name) {
                present.active = None;
            }
            Ok(())
        })
    }

    pub(super) fn activate(&self, name: &str) -> Result<()> {
        self.change(|present| {
            let found = present.by_name.get(name).ok_or_else(|| present.unknown(name))?;
            present.active = Some(found.name.clone());
            Ok(())
        })
    }

    pub(super) fn all(&self) -> Vec<Arc<Instance>> {
        self.present().by_name.values().cloned().collect()
    }

    pub(super) fn kinds(&self) -> BTreeSet<ProviderKind> {
        let built = self.all().into_iter().map(|instance| instance.kind.clone());
        self.registry.kinds().cloned().chain(built).collect()
    }

    pub(super) fn active(&self) -> Result<Arc<Instance>> {
        let present = self.present();
        let name = present.active.as_deref().ok_or_else(|| {
            let known: Vec<_> = present.by_name.keys().map(String::as_str).collect();
            let message =
                format!("no instance is active: name one of {}, or call prepare_on", known.join(", "));
            Error::config("active", message)
        })?;
        present.by_name.get(name).cloned().ok_or_else(|| present.unknown(name))
    }

    pub(super) fn named(&self, name: &str) -> Result<Arc<Instance>> {
        let present = self.present();
        present.find(name).ok_or_else(|| present.unknown(name))
    }

    /// The instance that something stored names. Another one is never guessed.
    pub(super) fn stored(&self, name: &str) -> Result<Arc<Instance>> {
        let present = self.present();
        present.find(name).ok_or_else(|| {
            let message = format!(
                "the instance {name:?} that made it is not configured; keep [providers.{name}] in the configuration, \
                 or add {name:?} to the aliases of the instance that took its place"
            );
            Error::new(ErrorKind::BadHandle, message)
        })
    }

    pub(super) fn of_handle(&self, handle: &Handle) -> Result<Arc<Instance>> {
        let instance = self.stored(handle.instance())?;
        instance.check_origin(handle.kind(), handle.fingerprint())?;
        Ok(instance)
    }

    fn present(&self) -> Present {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Present) -> Result<()>) -> Result<()> {
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = present.clone();
        change(&mut fresh)?;
        *present = fresh;
        Ok(())
    }
}

impl Present {
    fn find(&self, name: &str) -> Option<Arc<Instance>> {
        let by_alias = || self.by_name.values().find(|instance| instance.aliases.contains(name));
        self.by_name.get(name).or_else(by_alias).cloned()
    }

    fn put(&mut self, instance: Instance) -> Result<()> {
        if let Some(alias) = instance.aliases.iter().find(|alias| self.find(alias).is_some()) {
            let message = format!("{alias:?} names another instance already");
            return Err(Error::config(format!("providers.{}.aliases", instance.name), message));
        }
        self.by_name.insert(instance.name.clone(), Arc::new(instance));
        Ok(())
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<_> = self.by_name.keys().map(String::as_str).collect();
        let message = format!("there is no instance {name:?}; there are: {}", known.join(", "));
        Error::config(format!("providers.{name}"), message)
    }
}
