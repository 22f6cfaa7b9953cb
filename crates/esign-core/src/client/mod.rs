//! What applications call: plans, sends, reads, fetches and calls back, over whatever providers are configured.

mod builder;
mod chain;
mod instances;
mod lifecycle;
mod submit;
mod wait;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::facts::{PdfFacts, TextHit, TextQuery};
use crate::plan::{Examined, Inspection, Target, Texts, examine};
use crate::{
    CallClass, CallScope, Capabilities, Clock, Error, ErrorKind, Intent, MediaType, Observer, Operation,
    Plan, Prepared, Provider, ProviderKind, Reference, Result, Retry, Rule, SignRequest,
};

pub use builder::ClientBuilder;
use instances::{Instance, Instances};
pub use wait::Wait;

/// Reads the pages of a PDF: injected, because core has no PDF library.
#[async_trait]
pub trait Inspector: fmt::Debug + Send + Sync {
    /// What is in this PDF.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] if it cannot be read, saying why and what to do.
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts>;

    /// Where these texts are on the pages as shown: for each of them, in their order, every occurrence in reading order
    /// (page, then from the top, then from the left). A text that is not there has no occurrence. Called only for requests
    /// that place signatures by text.
    ///
    /// # Errors
    /// [`ErrorKind::Document`] if the pages cannot be read, [`ErrorKind::Unsupported`] if this inspector reads no texts,
    /// as without this method.
    async fn find_texts(&self, content: Bytes, texts: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        let _ = (content, texts);
        Err(Error::new(
            ErrorKind::Unsupported,
            "the client's inspector does not look for texts; give a page and a position, or another inspector",
        ))
    }
}

/// Electronic signatures, over whatever providers are configured. Cheap to clone; all methods take `&self`.
///
/// ```
/// use esign_core::{ArtifactId, Client, Delivery, Document, Reference, SignRequest, Signer, State, memory::MemoryService};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> esign_core::Result<()> {
/// let service = MemoryService::new();
/// let client: Client = service.client().await?;
///
/// let request = SignRequest::new(Reference::random()?, Document::pdf("Lease", &b"%PDF-1.7"[..]), Delivery::ShareableLink)
///     .signer(Signer::new("tenant"));
/// let prepared = client.prepare(request).await?;
/// let intent = prepared.intent().to_json();              // store it before anything is sent
/// let submission = client.submit(prepared).await?;       // store submission.handle at once
///
/// service.sign(&submission.handle, "tenant");            // a signer acts
/// assert_eq!(client.status(&submission.handle).await?.state(), State::Completed);
/// let signed = client.download(&submission.handle, &ArtifactId::SIGNED).await?;
/// assert!(signed.content.starts_with(b"%PDF-1.7"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    within: Option<Duration>,
    class: CallClass,
}

struct Inner {
    instances: Instances,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    inspector: Option<Arc<dyn Inspector>>,
}

impl Client {
    /// Says whether each configured instance could do this request, and if not, why not. Sends nothing.
    pub async fn plan(&self, request: &SignRequest) -> Vec<Plan> {
        let inspections = self.inspect(request).await;
        let instances = self.inner.instances.all();
        instances.iter().map(|instance| self.examine(instance, request, &inspections).plan).collect()
    }

    /// Says whether one instance could do this request. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is no such instance.
    pub async fn plan_on(&self, instance: &str, request: &SignRequest) -> Result<Plan> {
        let instance = self.inner.instances.named(instance)?;
        let inspections = self.inspect(request).await;
        Ok(self.examine(&instance, request, &inspections).plan)
    }

    /// Checks and resolves a request against the active instance. Sends nothing; the same call twice gives the same.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] or [`ErrorKind::Unsupported`] with the field and what to do;
    /// [`ErrorKind::Config`] if no instance is active.
    pub async fn prepare(&self, request: SignRequest) -> Result<Prepared> {
        let instance = self.inner.instances.active()?;
        self.prepare_with(&instance, request).await
    }

    /// Checks and resolves a request against a named instance.
    ///
    /// # Errors
    /// As [`Client::prepare`].
    pub async fn prepare_on(&self, instance: &str, request: SignRequest) -> Result<Prepared> {
        let instance = self.inner.instances.named(instance)?;
        self.prepare_with(&instance, request).await
    }

    async fn prepare_with(&self, instance: &Instance, request: SignRequest) -> Result<Prepared> {
        self.check_options(&request)?;
        let inspections = self.inspect(&request).await;
        let Examined { plan, prepared } = self.examine(instance, &request, &inspections);
        match (prepared, plan.to_error()) {
            (Some(prepared), _) => Ok(prepared),
            (None, Some(error)) => Err(error),
            // A chain works, but not as one request.
            (None, None) => Err(Error::new(
                ErrorKind::Unsupported,
                "this provider takes one signer at a time; several signers work as a chain of requests, each over \
                 the result of the one before: call begin_chain",
            )
            .field("signers")
            .with_provider(plan.kind)
            .with_instance(plan.instance)),
        }
    }

    fn examine(&self, instance: &Instance, request: &SignRequest, inspections: &[Inspection]) -> Examined {
        let capabilities = instance.provider.capabilities();
        let documents = instance.provider.documents();
        let target = Target {
            instance: &instance.name,
            capabilities: &capabilities,
            adapt: &instance.adapt,
            documents: documents.as_deref(),
        };
        examine(target, request, inspections, self.inner.clock.now())
    }

    async fn inspect(&self, request: &SignRequest) -> Vec<Inspection> {
        let rules = |instance: &Arc<Instance>| instance.provider.capabilities().documents.pdf;
        let tags = self.inner.instances.all().iter().any(|i| rules(i).text_tags != Rule::Allow);
        let mut inspections = Vec::new();
        for document in &request.documents {
            let is_pdf = *document.media_type() == MediaType::PDF && !document.content().is_empty();
            inspections.push(match &self.inner.inspector {
                Some(inspector) if is_pdf => match inspector.inspect(document.content().clone()).await {
                    Ok(facts) => {
                        let texts = Texts::find(inspector.as_ref(), document, request, tags).await;
                        Inspection::Facts(Arc::new(facts), texts)
                    }
                    Err(error) => Inspection::Unreadable(error.message().to_owned()),
                },
                Some(_) | None => Inspection::None,
            });
        }
        inspections
    }

    /// Options for a kind that nobody registered are a typing error, not something to ignore.
    fn check_options(&self, request: &SignRequest) -> Result<()> {
        let known = self.inner.instances.kinds();
        match request.options.kinds().find(|kind| !known.contains(kind)) {
            Some(kind) => {
                let known: Vec<_> = known.iter().map(ProviderKind::as_str).collect();
                let message =
                    format!("no such provider kind is registered; registered: {}", known.join(", "));
                Err(Error::invalid(format!("options.{kind}"), message))
            }
            None => Ok(()),
        }
    }

    /// The instances by name, sorted, each with what it can do.
    #[must_use]
    pub fn instances(&self) -> Vec<(String, Capabilities)> {
        self.inner.instances.all().iter().map(|i| (i.name.clone(), i.provider.capabilities())).collect()
    }

    /// The name of the instance for new requests.
    #[must_use]
    pub fn active(&self) -> Option<String> {
        self.inner.instances.active().ok().map(|instance| instance.name.clone())
    }

    /// What an instance can do.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is no such instance.
    pub fn capabilities(&self, instance: &str) -> Result<Capabilities> {
        Ok(self.inner.instances.named(instance)?.provider.capabilities())
    }

    /// The provider behind an instance.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is no such instance.
    pub fn provider(&self, instance: &str) -> Result<Arc<dyn Provider>> {
        Ok(Arc::clone(&self.inner.instances.named(instance)?.provider))
    }

    /// The provider behind an instance as its own type, for calls that only it has.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is no such instance or it is of another type.
    pub fn provider_as<P: Provider>(&self, instance: &str) -> Result<Arc<P>> {
        let found = self.inner.instances.named(instance)?;
        let kind = found.kind.clone();
        let any: Arc<dyn std::any::Any + Send + Sync> = Arc::clone(&found.provider) as _;
        any.downcast().map_err(|_| {
            let message = format!("{instance} is of kind {kind}, not of the type that was asked for");
            Error::new(ErrorKind::Config, message)
        })
    }

    /// The same client, each of whose calls ends after `time` at the latest: waits for a rate limit or before another try that
    /// would last longer are not begun. A call that ends so is a [`ErrorKind::Timeout`] that is safe to repeat; a submission
    /// is [`Retry::OutcomeUnknown`]. A second time replaces the first.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { within: Some(time), ..self.clone() }
    }

    /// The same client, whose calls are of this class where a rate limit is shared.
    #[must_use]
    pub fn of_class(&self, class: CallClass) -> Self {
        Self { class, ..self.clone() }
    }

    /// Runs one call of a provider in its scope, and names whose error it is.
    async fn call<T>(
        &self,
        instance: &Instance,
        operation: Operation,
        reference: Option<&Reference>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let deadline = self.within.map(|time| self.inner.clock.monotonic() + time);
        let scope = CallScope { deadline, class: self.class, reference: reference.cloned() };
        let outcome = scope.run(self.inner.clock.as_ref(), call).await;
        outcome.unwrap_or_else(|| Err(out_of_time(operation))).map_err(|e| instance.name_error(e, operation))
    }

    /// The clock that the client was built with.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    /// Whether an intent was prepared for an instance that still stands where it stood.
    fn instance_for_intent(&self, intent: &Intent) -> Result<Arc<Instance>> {
        let instance = self.inner.instances.stored(intent.instance())?;
        instance.check_origin(intent.kind(), intent.fingerprint())?;
        Ok(instance)
    }
}

fn out_of_time(operation: Operation) -> Error {
    let retry = match operation {
        Operation::Submit | Operation::Remind => Retry::OutcomeUnknown,
        _ => Retry::SAFE,
    };
    Error::new(ErrorKind::Timeout, "it was not done within the time that the call was given")
        .with_retry(retry)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.inner.instances.all().iter().map(|i| i.name.clone()).collect();
        f.debug_struct("Client").field("instances", &names).field("active", &self.active()).finish()
    }
}
