//! The contract for implementers. Applications call [`Client`](crate::Client).

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::facts::{PageFacts, Rect};
use crate::{
    Artifact, ArtifactId, Capabilities, Finding, InboundCall, Intent, NativePosition, Personal, Prepared,
    ProviderKind, Received, RequestRef, Resolved, Result, Settled, StatusReport, Submission, Trial,
};

/// A provider: what it is, what it can do, and which groups of operations it has.
///
/// A group that is absent is `None`: absence is visible, and a group added later breaks no published crate.
///
/// An implementation is stateless between calls but for caches; everything that a later call needs goes into the
/// handle. It may be called from many tasks at once.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Provider: Any + Debug + Send + Sync {
    /// The constant of the provider's crate.
    fn kind(&self) -> ProviderKind;

    /// What this instance can do, computed from its configuration. Called often; must not do IO.
    fn capabilities(&self) -> Capabilities;

    /// Documents to be signed.
    fn documents(&self) -> Option<Arc<dyn Documents>> {
        None
    }

    /// Webhooks, notifications, redirects.
    fn callbacks(&self) -> Option<Arc<dyn Callbacks>> {
        None
    }

    /// Finding a submission whose answer was lost.
    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        None
    }

    /// Reminding signers.
    fn reminders(&self) -> Option<Arc<dyn Reminders>> {
        None
    }

    /// Erasing finished data at the provider.
    fn retention(&self) -> Option<Arc<dyn Retention>> {
        None
    }

    /// Transactions: a text instead of a document.
    fn transactions(&self) -> Option<Arc<dyn Transactions>> {
        None
    }

    /// Public keys to publish.
    fn keys(&self) -> Option<Arc<dyn Keys>> {
        None
    }

    /// Whether the credentials are good and the clock is right.
    fn probe(&self) -> Option<Arc<dyn Probe>> {
        None
    }
}

/// Signing documents.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Documents: Debug + Send + Sync {
    /// Checks what capability data cannot say, before any network call. Pure: the same answer for the same request.
    ///
    /// A [`Severity::Refusal`](crate::Severity::Refusal) stops the request; anything else shows in the plan.
    fn check<'a>(&self, request: &Resolved<'a>) -> Vec<Finding>;

    /// How a box on this page is written in the provider's own numbers: what [`submit`](Self::submit) would send for it.
    /// `None` where the provider has no numbers of its own, or where it cannot be written.
    fn native(&self, page: &PageFacts, area: &Rect) -> Option<NativePosition> {
        let _ = (page, area);
        None
    }

    /// Sends the request. Visible to people, so it happens once: an implementation never repeats the call that has
    /// the effect unless it surely had none.
    ///
    /// # Errors
    /// With [`Retry::OutcomeUnknown`](crate::Retry::OutcomeUnknown) whenever the request may have been accepted.
    /// Dropping the future counts as that too.
    async fn submit(&self, request: &Prepared) -> Result<Submission>;

    /// Reads how far the request has come. May be called at any time, any number of times.
    ///
    /// A request that the provider no longer knows is a report (expired, cancelled, gone) where that can be concluded,
    /// else [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    ///
    /// # Errors
    /// Any; reading is safe to repeat.
    async fn status(&self, at: &RequestRef) -> Result<StatusReport>;

    /// Fetches an artifact, whole and unchanged. May be called any number of times while the provider keeps it.
    ///
    /// # Errors
    /// [`ErrorKind::NotReady`](crate::ErrorKind::NotReady) before it exists,
    /// [`ErrorKind::Gone`](crate::ErrorKind::Gone) after, [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for an id
    /// that never will.
    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact>;

    /// Calls an unfinished request back. A second call gives [`CancelOutcome::AlreadyGone`].
    ///
    /// The client has read the status just before; a request completed in between is
    /// [`CancelOutcome::TooLate`] where the provider can tell, and each provider's docs say what happens where not.
    ///
    /// # Errors
    /// See the table of operations and faults in the crate's documentation.
    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome>;
}

/// How an attempt to call a request back ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// It was called back now.
    Cancelled,
    /// It had already ended without being completed, or is no longer known.
    AlreadyGone,
    /// It was completed before.
    TooLate,
}

impl CancelOutcome {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::AlreadyGone => "already_gone",
            Self::TooLate => "too_late",
        }
    }
}

/// Calls that come in.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Callbacks: Debug + Send + Sync {
    /// Fetches ahead whatever is needed to verify, so that the first callback is answered in time.
    ///
    /// # Errors
    /// If it cannot be fetched now; a later call tries again.
    async fn ready(&self) -> Result<()>;

    /// Verifies and understands a call, in one step. The same call twice gives the same events, with the same
    /// deduplication keys.
    async fn receive(&self, call: &InboundCall) -> Received;
}

/// Finding a submission whose answer was lost.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Lookup: Debug + Send + Sync {
    /// Looks for what was made from this intent. Reads only.
    ///
    /// # Errors
    /// If the provider cannot be asked now: safe to repeat.
    async fn find(&self, intent: &Intent) -> Result<Resolution>;

    /// Looks for what was made from each of these intents, in their order. A provider that reads a list anyway reads it once;
    /// the others are asked one by one.
    ///
    /// # Errors
    /// As [`Lookup::find`]; nothing is known of any of them then.
    async fn find_many(&self, intents: &[Intent]) -> Result<Vec<Resolution>> {
        let mut found = Vec::with_capacity(intents.len());
        for intent in intents {
            found.push(self.find(intent).await?);
        }
        Ok(found)
    }

    /// Looks for what was made from this intent with the help of a call that came in about it: for providers that cannot be
    /// asked for a reference, but whose calls name both it and their own id. Reads only; the call itself proves nothing.
    ///
    /// # Errors
    /// If the provider cannot be asked now: safe to repeat.
    async fn find_by_call(&self, intent: &Intent, call: &InboundCall) -> Result<Resolution> {
        let _ = call;
        self.find(intent).await
    }
}

/// What became of an intent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Resolution {
    /// It was submitted: this is it, without doubt.
    Found(Box<Submission>),
    /// These may be it; nothing tells for sure. A person, or a rule of the application's, decides.
    Candidates(Vec<Candidate>),
    /// It was not submitted: safe to submit again.
    NotFound,
    /// The provider cannot be asked, or its answer proves nothing.
    Unknown {
        /// Why, in a sentence.
        why: String,
    },
}

/// Something that may have been made from an intent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The submission that it would be.
    pub submission: Submission,
    /// What agrees: `name`, `mode`, `created_at`.
    pub agrees: Vec<&'static str>,
}

impl Candidate {
    /// A candidate. For providers.
    #[must_use]
    pub fn new(submission: Submission, agrees: Vec<&'static str>) -> Self {
        Self { submission, agrees }
    }
}

/// Reminding signers.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Reminders: Debug + Send + Sync {
    /// Lets the provider remind those whose turn it is and who have not acted, and gives their keys; none if there is
    /// nobody to remind. Visible to people, so an implementation never repeats it by itself. A second call reminds again.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the request has ended,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if this request's delivery has no reminders; with
    /// [`Retry::OutcomeUnknown`](crate::Retry::OutcomeUnknown) whenever people may have been reminded.
    async fn remind(&self, at: &RequestRef) -> Result<Vec<String>>;
}

/// Erasing finished data at the provider.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Retention: Debug + Send + Sync {
    /// Erases the request and its documents at the provider, whatever its state; true if it was there. There is no way
    /// back: download first.
    ///
    /// # Errors
    /// Any; erasing is safe to repeat.
    async fn erase(&self, at: &RequestRef) -> Result<bool>;
}

/// Signing a short text, a transaction, in the signer's present session.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Transactions: Debug + Send + Sync {
    /// Checks before anything is issued. Pure.
    fn check(&self, request: &TransactionRequest) -> Vec<Finding>;

    /// Issues what the page needs to start. A second call for the same request issues fresh values; earlier ones stay
    /// valid until they expire or one of them is used.
    ///
    /// # Errors
    /// If nothing can be issued; nothing was sent.
    async fn begin(&self, request: &TransactionRequest) -> Result<TransactionStart>;

    /// Completes the transaction that has come back to the application, once.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`](crate::ErrorKind::Verification) if anything does not match: also if it comes back a second
    /// time, or to another session than the one that it was begun for. Where
    /// [`Retry::Safe`](crate::Retry::Safe), the same return can be tried again.
    async fn complete(&self, back: &TransactionReturn) -> Result<TransactionResult>;
}

/// A transaction to be signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionRequest {
    /// The caller's own id of the transaction.
    pub reference: crate::Reference,
    /// What the person reads and signs.
    pub text: Personal,
    /// The session of the person in the application; answers from another session are refused.
    pub session: Personal,
    /// The provider's identifier of the person who must sign, if that is known.
    pub subject: Option<Personal>,
}

impl TransactionRequest {
    /// A transaction for the person in this session.
    #[must_use]
    pub fn new(reference: crate::Reference, text: impl Into<Personal>, session: impl Into<Personal>) -> Self {
        Self { reference, text: text.into(), session: session.into(), subject: None }
    }
}

/// What the page needs to start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionStart {
    /// The JSON object that the page hands to the provider's script. Contains one-time values: do not log it.
    pub page_parameters: Personal,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

impl TransactionStart {
    /// For providers.
    #[must_use]
    pub fn new(page_parameters: impl Into<Personal>, expires_at: Timestamp) -> Self {
        Self { page_parameters: page_parameters.into(), expires_at }
    }
}

/// The return of the browser to the application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionReturn {
    /// The call as it was received.
    pub call: InboundCall,
    /// The session of the person who made it, from the application's own cookie: as in
    /// [`TransactionRequest::session`].
    pub session: Personal,
}

impl TransactionReturn {
    /// This call, in this session.
    #[must_use]
    pub fn new(call: InboundCall, session: impl Into<Personal>) -> Self {
        Self { call, session: session.into() }
    }
}

/// A signed transaction: verified, and kept whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionResult {
    /// The caller's own id of the transaction.
    pub reference: crate::Reference,
    /// The provider's identifier of the person who signed, if it says so.
    pub subject: Option<Personal>,
    /// The provider's signed statement, as it was received, with the key that verified it.
    pub evidence: crate::CallbackEvidence,
}

impl TransactionResult {
    /// For providers.
    #[must_use]
    pub fn new(reference: crate::Reference, evidence: crate::CallbackEvidence) -> Self {
        Self { reference, subject: None, evidence }
    }
}

/// Public keys to publish.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Keys: Debug + Send + Sync {
    /// The JSON Web Key Set to serve at the address that the provider was told: every key that may still be in use.
    ///
    /// # Errors
    /// If a key cannot be reached.
    async fn jwks(&self) -> Result<serde_json::Value>;
}

/// Looking whether an instance would work, without side effects.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Probe: Debug + Send + Sync {
    /// Asks the provider something harmless.
    ///
    /// # Errors
    /// Only if nothing could be asked; what was found wrong is in the report.
    async fn probe(&self) -> Result<ProbeReport>;

    /// Settles by trial what the provider's documentation leaves open: with requests of its own, which it takes back, and
    /// without a word to anybody. Called for staging only. A second call tries again.
    ///
    /// One answer for each line of [`Capabilities::unverified`](crate::Capabilities::unverified), under its own words: what
    /// was found, or why no trial can find it.
    ///
    /// # Errors
    /// If nothing could be tried; a single trial that fails is an answer like any other.
    async fn settle(&self, _trial: &Trial) -> Result<Vec<Settled>> {
        Ok(Vec::new())
    }
}

/// What a probe found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProbeReport {
    /// One line each.
    pub checks: Vec<ProbeCheck>,
}

impl ProbeReport {
    /// A report of these checks.
    #[must_use]
    pub fn new(checks: Vec<ProbeCheck>) -> Self {
        Self { checks }
    }

    /// True if nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|c| c.verdict != ProbeVerdict::Bad)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeCheck {
    /// What: `credentials`, `clock`.
    pub name: &'static str,
    /// How it is.
    pub verdict: ProbeVerdict,
    /// In a sentence.
    pub message: String,
}

/// How a checked thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ProbeVerdict {
    Good,
    Warning,
    Bad,
}
