//! A provider that is right but for what a defect overrides.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use esign_core::memory::{KIND, MemoryProvider};
use esign_core::{
    Artifact, ArtifactId, Callbacks, CancelOutcome, Capabilities, Documents, Error, ErrorKind, Finding,
    Handle, InboundCall, Intent, Lookup, Prepared, Probe, ProbeReport, Provider, ProviderKind, Received,
    Reminders, RequestRef, Resolution, Resolved, Result, Retention, Settled, SignRequest, StatusReport,
    Submission, TransactionRequest, TransactionResult, TransactionReturn, TransactionStart, Transactions,
    Trial,
};

/// What is done wrong; everything else is left as it is.
#[async_trait]
pub(crate) trait Defect: fmt::Debug + Default + Send + Sync + 'static {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        right.capabilities()
    }

    /// What `Debug` of the provider shows.
    fn debug(&self) -> &'static str {
        "Wrong"
    }

    fn erases(&self) -> bool {
        true
    }

    fn check(&self, right: &MemoryProvider, request: &Resolved<'_>) -> Vec<Finding> {
        Documents::check(right, request)
    }

    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.submit(request).await
    }

    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        right.status(at).await
    }

    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        right.download(at, what).await
    }

    async fn cancel(&self, right: &MemoryProvider, at: &RequestRef) -> Result<CancelOutcome> {
        right.cancel(at).await
    }

    async fn find(&self, right: &MemoryProvider, intent: &Intent) -> Result<Resolution> {
        right.find(intent).await
    }

    async fn remind(&self, right: &MemoryProvider, at: &RequestRef) -> Result<Vec<String>> {
        right.remind(at).await
    }

    async fn erase(&self, right: &MemoryProvider, at: &RequestRef) -> Result<bool> {
        right.erase(at).await
    }

    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        right.receive(call).await
    }

    async fn settle(&self, right: &MemoryProvider, trial: &Trial) -> Result<Vec<Settled>> {
        Probe::settle(right, trial).await
    }

    async fn begin(&self, right: &MemoryProvider, request: &TransactionRequest) -> Result<TransactionStart> {
        right.begin(request).await
    }

    async fn complete(&self, right: &MemoryProvider, back: &TransactionReturn) -> Result<TransactionResult> {
        right.complete(back).await
    }
}

/// The provider with a defect.
pub(crate) struct Wrong<D> {
    right: MemoryProvider,
    defect: Arc<D>,
}

impl<D> Wrong<D> {
    pub(crate) fn new(right: MemoryProvider, defect: D) -> Self {
        Self { right, defect: Arc::new(defect) }
    }

    fn share(&self) -> Arc<Self> {
        Arc::new(Self { right: self.right.clone(), defect: Arc::clone(&self.defect) })
    }
}

impl<D: Defect> fmt::Debug for Wrong<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.defect.debug())
    }
}

impl<D: Defect> Provider for Wrong<D> {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        self.defect.capabilities(&self.right)
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(self.share())
    }

    fn callbacks(&self) -> Option<Arc<dyn Callbacks>> {
        Some(self.share())
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(self.share())
    }

    fn reminders(&self) -> Option<Arc<dyn Reminders>> {
        Some(self.share())
    }

    fn retention(&self) -> Option<Arc<dyn Retention>> {
        self.defect.erases().then(|| self.share() as Arc<dyn Retention>)
    }

    fn transactions(&self) -> Option<Arc<dyn Transactions>> {
        Some(self.share())
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        Some(self.share())
    }
}

#[async_trait]
impl<D: Defect> Documents for Wrong<D> {
    fn check(&self, request: &Resolved<'_>) -> Vec<Finding> {
        self.defect.check(&self.right, request)
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        self.defect.submit(&self.right, request).await
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        self.defect.status(&self.right, at).await
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        self.defect.download(&self.right, at, what).await
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        self.defect.cancel(&self.right, at).await
    }
}

#[async_trait]
impl<D: Defect> Lookup for Wrong<D> {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        self.defect.find(&self.right, intent).await
    }
}

#[async_trait]
impl<D: Defect> Callbacks for Wrong<D> {
    async fn ready(&self) -> Result<()> {
        self.right.ready().await
    }

    async fn receive(&self, call: &InboundCall) -> Received {
        self.defect.receive(&self.right, call).await
    }
}

#[async_trait]
impl<D: Defect> Reminders for Wrong<D> {
    async fn remind(&self, at: &RequestRef) -> Result<Vec<String>> {
        self.defect.remind(&self.right, at).await
    }
}

#[async_trait]
impl<D: Defect> Retention for Wrong<D> {
    async fn erase(&self, at: &RequestRef) -> Result<bool> {
        self.defect.erase(&self.right, at).await
    }
}

#[async_trait]
impl<D: Defect> Probe for Wrong<D> {
    async fn probe(&self) -> Result<ProbeReport> {
        Probe::probe(&self.right).await
    }

    async fn settle(&self, trial: &Trial) -> Result<Vec<Settled>> {
        self.defect.settle(&self.right, trial).await
    }
}

#[async_trait]
impl<D: Defect> Transactions for Wrong<D> {
    fn check(&self, request: &TransactionRequest) -> Vec<Finding> {
        Transactions::check(&self.right, request)
    }

    async fn begin(&self, request: &TransactionRequest) -> Result<TransactionStart> {
        self.defect.begin(&self.right, request).await
    }

    async fn complete(&self, back: &TransactionReturn) -> Result<TransactionResult> {
        self.defect.complete(&self.right, back).await
    }
}

/// Sends something else than was prepared, and answers as if it had been that.
pub(crate) async fn submit_changed(
    right: &MemoryProvider,
    request: &Prepared,
    change: fn(&mut SignRequest),
) -> Result<Submission> {
    let mut changed = request.request().clone();
    change(&mut changed);
    let client = right.service().client().await?;
    let sent = right.submit(&client.prepare(changed).await?).await?;
    let at = sent.handle.request();
    let state: kept::State = at.state()?;
    let handle = Handle::new(request.intent(), at.id(), at.created_at()).with_private(&state)?;
    let submission = Submission::new(request.intent(), handle);
    Ok(sent.next_steps.into_iter().fold(submission, |s, next| s.step(next.signer, next.step)))
}

/// What the right provider keeps in a handle.
pub(crate) mod kept {
    #[derive(serde::Deserialize, serde::Serialize)]
    pub(crate) struct State {
        pub(crate) signers: Vec<String>,
    }
}

/// The error that a defect makes of nothing.
pub(crate) fn error(kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, message)
}
