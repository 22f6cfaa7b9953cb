//! The in-memory service as a backend, with the provider over it as it is or wrapped into a wrong one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use esign_conformance::{Action, Backend, Fault, Harness};
use esign_core::facts::Rect;
use esign_core::memory::{KIND, MemoryFault, MemoryProvider, MemoryService};
use esign_core::{
    ArtifactId, BuildContext, Capabilities, Clock, Documents, Error, Handle, Identity, InboundCall,
    InstanceConfig, Operation, Placement, Provider, ProviderConfig, ProviderKind, Registry, Result, Signer,
    TransactionStart,
};

/// Makes the provider under test of the one that is right.
pub(crate) type Wrap = fn(MemoryProvider) -> Arc<dyn Provider>;

/// The in-memory service with a provider of choice.
pub(crate) struct MemoryHarness {
    /// The provider under test.
    pub(crate) wrap: Wrap,
    /// What the service can do, where that is not everything.
    pub(crate) shape: fn(&mut Capabilities),
}

impl MemoryHarness {
    /// A service that can do everything.
    pub(crate) fn new(wrap: Wrap) -> Self {
        Self { wrap, shape: |_| () }
    }
}

/// What the provider would say of itself if it had a page.
const README: &str = "
## Errors

| status on submit | error | retry |
|---|---|---|
| 400, 415, 422 | `invalid_request` | `never` |
| 401 | `unauthenticated` | `never` |
| 403 | `forbidden` | `never` |
| 404 | `not_found` | `never` |
| 409 | `conflict` | `never` |
| 413 | `too_large` | `never` |
| 402, 408 | `invalid_request` | `outcome_unknown` |
";

struct MemoryBackend {
    id: u64,
    service: MemoryService,
}

/// The running backends: how an instance that is built from configuration finds its own, as others do by address.
static BACKENDS: Mutex<BTreeMap<u64, (MemoryService, Wrap)>> = Mutex::new(BTreeMap::new());

#[async_trait]
impl Harness for MemoryHarness {
    async fn start(&self) -> Box<dyn Backend> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let service = MemoryService::new();
        service.change_capabilities(self.shape);
        backends().insert(id, (service.clone(), self.wrap));
        Box::new(MemoryBackend { id, service })
    }
}

fn backends() -> std::sync::MutexGuard<'static, BTreeMap<u64, (MemoryService, Wrap)>> {
    BACKENDS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for MemoryBackend {
    fn drop(&mut self) {
        backends().remove(&self.id);
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendConfig {
    backend: u64,
}

#[async_trait]
impl ProviderConfig for BackendConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        if let Some((service, wrap)) = backends().get(&self.backend) {
            return Ok(wrap(service.provider().observed(cx.observer())));
        }
        let elsewhere = MemoryService::new();
        elsewhere.change_capabilities(|caps| caps.endpoint.base_url = "memory:elsewhere".into());
        Ok(Arc::new(elsewhere.provider()))
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<BackendConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        InstanceConfig::new(KIND).with("backend", self.id)
    }

    fn elsewhere(&self) -> InstanceConfig {
        InstanceConfig::new(KIND).with("backend", 0)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.service.clock())
    }

    fn native(&self, signer: u32) -> Option<Placement> {
        Placement::native(KIND, 1, "10", &signer.to_string()).ok()
    }

    fn markers(&self) -> Vec<String> {
        vec!["memory-token-1".to_owned()]
    }

    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool {
        match action {
            Action::Sign => self.service.sign(handle, &signer.key),
            Action::Decline => self.service.decline(handle, &signer.key),
            Action::SignAsSomebodyElse => self.service.sign_as_somebody_else(handle, &signer.key),
            _ => true,
        }
    }

    async fn page(&self, handle: &Handle, signer: &Signer) -> Option<String> {
        Some(format!("https://memory.invalid/sign?request={}&signer={}", handle.request().id(), signer.key))
    }

    async fn approve(&self, start: &TransactionStart) -> Option<InboundCall> {
        self.service.approve(start)
    }

    async fn pass(&self, time: Duration) {
        self.service.clock().advance(time);
    }

    fn readme(&self) -> Option<&'static str> {
        Some(README)
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new("memory", "zq-1"))
    }

    async fn inject(&self, operation: Operation, fault: Fault) -> bool {
        let fault = match fault {
            Fault::RefuseConnection => MemoryFault::RefuseConnection,
            Fault::LoseAnswer => MemoryFault::LoseAnswer,
            Fault::RateLimited { after } => MemoryFault::RateLimited { after },
            Fault::Refuse(status) => MemoryFault::Refuse(status),
            Fault::FailAfterEffect => MemoryFault::FailAfterEffect,
            Fault::Garbage => MemoryFault::Garbage,
            Fault::Intercepted { status, .. } => MemoryFault::Intercepted(status),
            Fault::Link(_) => MemoryFault::WithoutLink,
            _ => return false,
        };
        self.service.fail_next(operation, fault);
        true
    }

    async fn reached(&self, operation: Operation) -> u32 {
        self.service.calls(operation)
    }

    async fn accepted(&self) -> u32 {
        u32::try_from(self.service.accepted()).unwrap()
    }

    async fn received(&self, handle: &Handle) -> Option<Vec<Bytes>> {
        let provider = self.service.provider();
        let get = async |id: ArtifactId| -> Option<Bytes> {
            let original: std::result::Result<_, Error> = provider.download(handle.request(), &id).await;
            original.ok().map(|artifact| artifact.content)
        };
        if let Some(only) = get(ArtifactId::ORIGINAL).await {
            return Some(vec![only]);
        }
        // The keys that the kit gives to two.
        let (first, second) = ("document", "document-1");
        Some(vec![
            get(ArtifactId::ORIGINAL.of_document(first)).await?,
            get(ArtifactId::ORIGINAL.of_document(second)).await?,
        ])
    }

    async fn speak(&self, handle: &Handle, word: &str) -> bool {
        self.service.speak(handle, word);
        true
    }

    async fn heard(&self, handle: &Handle) -> Option<String> {
        self.service.heard(handle)
    }

    async fn boxes(&self, handle: &Handle) -> Option<Vec<(u32, Rect)>> {
        Some(self.service.boxes(handle))
    }

    async fn extend(&self) -> bool {
        self.service.extend();
        true
    }

    fn refusal_words(&self) -> Option<&'static str> {
        Some("refused")
    }

    fn stored_handles(&self) -> Vec<String> {
        vec![include_str!("../golden/memory-handle-1.json").to_owned()]
    }

    async fn callbacks(&self, handle: &Handle) -> Vec<InboundCall> {
        vec![self.service.callback(handle)]
    }

    async fn callback_about(&self, handles: &[Handle]) -> Option<InboundCall> {
        Some(self.service.callback_about(handles))
    }
}
