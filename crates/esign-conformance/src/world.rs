//! A fresh backend with a client over it, and what everything said in the meantime.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use esign_core::{
    Capabilities, Client, Config, Handle, InstanceConfig, Observation, Observer, Operation, Provider,
    Registry, Result, SignRequest, Signer, Submission, Wish,
};

use crate::check::{Outcome, Stop, ensure, fail};
use crate::harness::{Action, Backend, Fault, Harness};

/// The name of the instance under test.
pub(crate) const INSTANCE: &str = "under-test";

/// Every operation that can reach a backend.
const OPERATIONS: [Operation; 9] = [
    Operation::Submit,
    Operation::Status,
    Operation::Download,
    Operation::Cancel,
    Operation::Lookup,
    Operation::Remind,
    Operation::Erase,
    Operation::Transaction,
    Operation::Token,
];

/// One check's world.
pub(crate) struct World {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) client: Client,
    pub(crate) caps: Capabilities,
    pub(crate) told: Arc<Told>,
}

impl World {
    pub(crate) async fn start(harness: &dyn Harness) -> Result<Self, Stop> {
        let backend = harness.start().await;
        let told = Arc::new(Told::default());
        let client = build(backend.as_ref(), &told, INSTANCE, backend.instance()).await?;
        let caps = client.capabilities(INSTANCE)?;
        Ok(Self { backend, client, caps, told })
    }

    /// Another client over the same backend: after a restart, a renaming, a change of address.
    pub(crate) async fn client_with(&self, name: &str, instance: InstanceConfig) -> Result<Client> {
        build(self.backend.as_ref(), &self.told, name, instance).await
    }

    /// A client whose instance may change these wishes.
    pub(crate) async fn client_adapting(&self, wishes: &[Wish]) -> Result<Client> {
        let instance = wishes.iter().fold(self.backend.instance(), |config, wish| config.adapt(*wish));
        self.client_with(INSTANCE, instance).await
    }

    pub(crate) fn provider(&self) -> Result<Arc<dyn Provider>> {
        self.client.provider(INSTANCE)
    }

    pub(crate) async fn submit(&self, request: &SignRequest) -> Result<Submission> {
        self.client.submit(self.client.prepare(request.clone()).await?).await
    }

    /// The handle of a request, newly sent.
    pub(crate) async fn sent(&self, request: &SignRequest) -> Result<Handle> {
        Ok(self.submit(request).await?.handle)
    }

    /// Makes the next call of this operation go wrong; false if it cannot be made to.
    pub(crate) async fn inject(&self, operation: Operation, fault: Fault) -> bool {
        match (fault, self.backend.relay()) {
            (Fault::RefuseConnection, Some(relay)) => {
                relay.refuse().await;
                true
            }
            _ => self.backend.inject(operation, fault).await,
        }
    }

    /// Ends a fault that still lasts.
    pub(crate) async fn heal(&self) -> Outcome {
        if let Some(relay) = self.backend.relay()
            && let Err(error) = relay.accept().await
        {
            return fail(format!("the relay's port is taken: {error}"));
        }
        self.backend.heal().await;
        Ok(())
    }

    /// Acts as the signer, who must be able to.
    pub(crate) async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> Outcome {
        let done = self.backend.act(handle, signer, action).await;
        ensure!(done, "the service does not let {} {action:?}", signer.key);
        Ok(())
    }

    /// Everybody signs, in the request's order.
    pub(crate) async fn sign_all(&self, handle: &Handle, request: &SignRequest) -> Outcome {
        for signer in &request.signers {
            self.act(handle, signer, Action::Sign).await?;
        }
        Ok(())
    }

    /// The request must be refused, at a field that begins so, before anything reaches the backend.
    pub(crate) async fn refused(&self, request: SignRequest, field: &str) -> Result<esign_core::Error, Stop> {
        let before = self.reached().await;
        let error = match self.client.prepare(request).await {
            Ok(prepared) => return fail(format!("not refused: {:?}", prepared.intent())),
            Err(error) => error,
        };
        ensure!(
            error.field_path().is_some_and(|path| path.starts_with(field)),
            "refused at {:?} instead of {field}: {error}",
            error.field_path()
        );
        let after = self.reached().await;
        ensure!(before == after, "a refused request reached the backend: {before:?}, then {after:?}");
        Ok(error)
    }

    /// How often each operation has reached the backend.
    pub(crate) async fn reached(&self) -> Vec<(Operation, u32)> {
        let mut reached = Vec::new();
        for operation in OPERATIONS {
            reached.push((operation, self.backend.reached(operation).await));
        }
        reached
    }
}

async fn build(
    backend: &dyn Backend,
    told: &Arc<Told>,
    name: &str,
    instance: InstanceConfig,
) -> Result<Client> {
    let mut registry = Registry::new();
    backend.register(&mut registry)?;
    let mut config = Config { active: Some(name.to_owned()), ..Config::default() };
    config.providers.insert(name.to_owned(), instance);
    let builder = Client::builder(registry)
        .config(config)
        .secrets(backend.secrets())
        .clock(backend.clock())
        .inspector(backend.inspector())
        .observer(Arc::clone(told) as Arc<dyn Observer>);
    backend.keys().into_iter().fold(builder, |builder, (name, key)| builder.key(name, key)).build().await
}

/// Writes down what the client and the provider tell their observer.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<String>);

impl Told {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Told {
    fn observe(&self, event: &Observation<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0.lock().unwrap_or_else(PoisonError::into_inner), "{event:?} {event:#?}");
    }
}

/// A value in both forms of `Debug`.
pub(crate) fn debugged(value: &dyn Debug) -> String {
    format!("{value:?} {value:#?}")
}
