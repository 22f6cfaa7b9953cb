//! Signicat as a [`Provider`].

mod artifacts;
mod report;
mod settle;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    Artifact, ArtifactId, Callbacks, CancelOutcome, Capabilities, Delivery, Documents, Endpoint, Error,
    ErrorKind, Finding, Handle, InboundCall, Intent, Lookup, NextStep, Operation, Prepared, Probe,
    ProbeCheck, ProbeReport, ProbeVerdict, Provider, ProviderKind, RequestRef, Resolution, Resolved, Result,
    Retention, Retry, SecretUrl, Settled, StatusReport, Step, Submission, Trial,
};
use serde::{Deserialize, Serialize};

use crate::callbacks::{Notice, SignicatCallbacks};
use crate::capabilities::{DAY, capabilities};
use crate::check::check;
use crate::client::Deletion;
use crate::config::{CreatedMail, SignicatConfig};
use crate::convert::{Layout, signing_order};
use crate::error::gone;
use crate::options::SignicatOptions;
use crate::order::SigningOrder;
use crate::token::TokenSource;
use crate::wire::CreatedOrder;
use crate::{KIND, SignicatClient};

pub(crate) use settle::{CREATED_MAIL, unverified};

/// How long an artifact logs a signer in (spec 3.4; documented for the SOAP sibling).
const ARTIFACT: SignedDuration = SignedDuration::from_secs(30);

/// Signicat: orders by e-mail or link, status by polling, results packaged as PDF.
///
/// [`SignicatProvider::client`] reaches the API itself.
#[derive(Clone)]
pub struct SignicatProvider(Arc<Inner>);

struct Inner {
    client: SignicatClient,
    config: SignicatConfig,
    tokens: Arc<TokenSource>,
    capabilities: Capabilities,
}

/// What a handle keeps: what later calls need, and no personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Private {
    #[serde(flatten)]
    layout: Layout,
    /// When the last task's life ends, by our clock, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    /// When everything is deleted, by our clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_until: Option<Timestamp>,
    /// Signicat has said once that everything is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    completed: bool,
    /// The answer to the create lacked a signing address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    linkless: bool,
}

impl SignicatProvider {
    pub(crate) fn new(
        client: SignicatClient,
        config: SignicatConfig,
        tokens: Arc<TokenSource>,
        endpoint: Endpoint,
        rate: Option<esign_http::RateLimit>,
    ) -> Self {
        let capabilities = capabilities(&config, endpoint, rate);
        Self(Arc::new(Inner { client, config, tokens, capabilities }))
    }

    /// The typed client of the API.
    #[must_use]
    pub fn client(&self) -> &SignicatClient {
        &self.0.client
    }

    /// Finds a submission whose answer was lost, by the order that a callback with the intent's reference named: see
    /// [`Notice`]. Reads only.
    ///
    /// `Found` if Signicat says that the order has the intent's reference; `Unknown` if not: then the call was forged, or
    /// the order is gone.
    ///
    /// # Errors
    /// If Signicat cannot be asked now: safe to repeat. [`ErrorKind::BadHandle`] if the intent is for somebody else.
    pub async fn recover(&self, intent: &Intent, order_id: &str) -> Result<Resolution> {
        let here = self.0.capabilities.endpoint.fingerprint();
        if *intent.kind() != KIND || intent.fingerprint() != here {
            return Err(Error::new(
                ErrorKind::BadHandle,
                "the intent was prepared for another provider or address",
            ));
        }
        let unknown = |why: &str| Ok(Resolution::Unknown { why: why.to_owned() });
        let Some(order) = self.0.client.find_order(order_id, Operation::Lookup).await? else {
            return unknown("Signicat does not have the order that the callback names");
        };
        if order.client_reference.as_deref() != Some(intent.reference().as_str()) {
            return unknown(
                "the order that the callback names has another reference: it was not made from this intent",
            );
        }
        let Some(layout) = Layout::recovered(intent, &order) else {
            return unknown("the order has this reference, but not the tasks of this intent");
        };
        let linkless = lacks_links(intent, &layout, &order);
        let private = Private { layout, ends_at: None, kept_until: None, completed: false, linkless };
        // When it was sent nobody knows any more.
        let submission = self.submission(intent, &order, &private, intent.prepared_at())?;
        Ok(Resolution::Found(Box::new(submission.note("found by a callback after its answer was lost"))))
    }

    /// The signing address of each signer of a request, by the signer's key: for those whose turn came later.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if Signicat does not have the order any more.
    pub async fn signing_links(&self, at: &RequestRef) -> Result<Vec<(String, SecretUrl)>> {
        let private: Private = at.state()?;
        let order = self.0.client.find_order(at.id(), Operation::Status).await?.ok_or_else(gone)?;
        let tasks = private.layout.tasks.into_iter().enumerate();
        Ok(tasks.filter_map(|(i, task)| Some((task.signer, link(&order, i)?))).collect())
    }

    /// The same as next steps, for a request whose answer lacked some.
    async fn links(&self, order: &str, private: &Private) -> Result<Vec<NextStep>> {
        let Some(order) = self.0.client.find_order(order, Operation::Status).await? else {
            return Ok(Vec::new());
        };
        let tasks = private.layout.tasks.iter().enumerate();
        let steps = tasks.filter_map(|(i, task)| {
            let step = Step::OpenLink { url: link(&order, i)?, open_before: private.ends_at, shared: false };
            Some(NextStep { signer: task.signer.clone(), step })
        });
        Ok(steps.collect())
    }

    fn now(&self) -> Timestamp {
        self.0.client.http().clock().now()
    }

    /// Uploads the documents and makes the order: only the last call has an effect.
    async fn create(
        &self,
        request: &Prepared,
        layout: &Layout,
        options: &SignicatOptions,
    ) -> Result<(SigningOrder, CreatedOrder)> {
        let wanted = request.request();
        let mut references = Vec::with_capacity(wanted.documents.len());
        for document in &wanted.documents {
            let upload = self.0.client.upload_document(document.media_type(), document.content().clone());
            references.push(upload.await?);
        }
        let order = signing_order(wanted, layout, &self.0.config, options, &references)?;
        let created = self.0.client.create_order(&order).await?;
        Ok((order, created))
    }

    /// What was made from an intent: handle, record, next steps.
    fn submission(
        &self,
        intent: &Intent,
        order: &CreatedOrder,
        private: &Private,
        at: Timestamp,
    ) -> Result<Submission> {
        let handle = Handle::new(intent, &order.id, at).with_private(private)?;
        let mut submission = Submission::new(intent, handle);
        let mut linkless = Vec::new();
        for (i, task) in private.layout.tasks.iter().enumerate() {
            if task.waits {
                submission = submission.step(&task.signer, Step::WaitForOthers);
            }
            if intent.delivery() == Delivery::ProviderEmail {
                if !task.waits || self.0.config.created_mail == CreatedMail::AtOnce {
                    submission = submission.step(&task.signer, Step::EmailSent);
                }
                continue;
            }
            match link(order, i) {
                Some(url) => {
                    let (url, open_before) = self.with_artifact(url, order, private);
                    submission =
                        submission.step(&task.signer, Step::OpenLink { url, open_before, shared: false });
                }
                None => {
                    if !task.waits {
                        submission = submission.step(&task.signer, Step::LinkMissing { later: true });
                    }
                    linkless.push(task.signer.clone());
                }
            }
        }
        if !linkless.is_empty() {
            let who = linkless.join(", ");
            submission = submission
                .note(format!("Signicat's answer had no signing address for {who}: the status has it later"));
        }
        Ok(submission)
    }

    /// An artifact logs in whoever opens the address within seconds.
    fn with_artifact(
        &self,
        url: SecretUrl,
        order: &CreatedOrder,
        private: &Private,
    ) -> (SecretUrl, Option<Timestamp>) {
        let Some(artifact) = &order.artifact else { return (url, private.ends_at) };
        let mut url = url.expose().clone();
        url.query_pairs_mut().append_pair("artifact", artifact.expose());
        (SecretUrl::new(url), self.now().checked_add(ARTIFACT).ok())
    }
}

/// Whether a link was asked for that the answer does not have.
fn lacks_links(intent: &Intent, layout: &Layout, order: &CreatedOrder) -> bool {
    intent.delivery() != Delivery::ProviderEmail && (0..layout.tasks.len()).any(|i| link(order, i).is_none())
}

fn link(order: &CreatedOrder, index: usize) -> Option<SecretUrl> {
    let id = Layout::task_id(index);
    // Signicat keeps the order of tasks; the id decides where it does not.
    let in_place = order.tasks.get(index).filter(|task| task.id == id);
    in_place.or_else(|| order.tasks.iter().find(|task| task.id == id))?.signing_url.clone()
}

/// The latest end of a task's life, and of everything after it.
fn lifetimes(order: &SigningOrder, at: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
    let days = |days: u32| SignedDuration::from_secs(i64::from(days) * DAY.cast_signed());
    let lives: Option<Vec<_>> = order.tasks.iter().map(|task| task.days_to_live).collect();
    let ends_at = lives.and_then(|lives| at.checked_add(days(lives.into_iter().max()?)).ok());
    let kept_until = ends_at.and_then(|end| end.checked_add(days(order.days_until_deletion?)).ok());
    (ends_at, kept_until)
}

impl Provider for SignicatProvider {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities.clone()
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }

    fn callbacks(&self) -> Option<Arc<dyn Callbacks>> {
        Some(Arc::new(SignicatCallbacks { fingerprint: self.0.capabilities.endpoint.fingerprint() }))
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }

    fn retention(&self) -> Option<Arc<dyn Retention>> {
        Some(Arc::new(self.clone()))
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for SignicatProvider {
    fn check<'a>(&self, request: &Resolved<'a>) -> Vec<Finding> {
        check(request, &self.0.config)
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let options: SignicatOptions = request.request().options.get()?.unwrap_or_default();
        let layout = Layout::of(request.request(), &self.0.config, &options);
        let (order, created) = self.create(request, &layout, &options).await?;
        let now = self.now();
        let (ends_at, kept_until) = lifetimes(&order, now);
        let linkless = lacks_links(request.intent(), &layout, &created);
        let private = Private { layout, ends_at, kept_until, completed: false, linkless };
        self.submission(request.intent(), &created, &private, now)
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        let private: Private = at.state()?;
        let mut report = report::read(&self.0.client, at.id(), &private, self.now()).await?;
        let mut seen = private.clone();
        seen.completed |= report.state() == esign_core::State::Completed;
        if private.linkless && !report.state().is_end() {
            report.next_steps = self.links(at.id(), &private).await?;
            seen.linkless = report.next_steps.len() < private.layout.tasks.len();
        }
        if seen != private {
            report.new_request = Some(at.with_state(&seen)?);
        }
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let private: Private = at.state()?;
        artifacts::fetch(&self.0.client, at.id(), &private.layout, what).await
    }

    /// Deletes the order. The status was read just before; an order that is completed in between is deleted with its
    /// result, because nothing else ends an order.
    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        Ok(match self.0.client.remove_order(at.id(), Operation::Cancel).await? {
            Deletion::Done => CancelOutcome::Cancelled,
            Deletion::Gone { .. } => CancelOutcome::AlreadyGone,
        })
    }
}

#[async_trait]
impl Lookup for SignicatProvider {
    /// Orders can be neither listed nor searched.
    async fn find(&self, _: &Intent) -> Result<Resolution> {
        let why = "Signicat's orders can be neither listed nor searched. A callback or a returning browser that has this \
                   reference in its address names the order, and finds it";
        Ok(Resolution::Unknown { why: why.to_owned() })
    }

    async fn find_by_call(&self, intent: &Intent, call: &InboundCall) -> Result<Resolution> {
        match Notice::of(call).order_id {
            Some(order) => self.recover(intent, &order).await,
            None => {
                Ok(Resolution::Unknown { why: "the address names no order: it has no requestId".to_owned() })
            }
        }
    }
}

#[async_trait]
impl Retention for SignicatProvider {
    async fn erase(&self, at: &RequestRef) -> Result<bool> {
        self.0.client.delete_order(at.id()).await
    }
}

#[async_trait]
impl Probe for SignicatProvider {
    /// Fetches a token, and asks for an order that does not exist.
    async fn probe(&self) -> Result<ProbeReport> {
        let check = |name, verdict, message: String| ProbeCheck { name, verdict, message };
        if let Err(error) = self.0.tokens.header(None).await {
            if matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted) {
                return Err(error.during(Operation::Probe));
            }
            return Ok(ProbeReport::new(vec![check("credentials", ProbeVerdict::Bad, error.to_string())]));
        }
        let token = check("credentials", ProbeVerdict::Good, "Signicat gives a token".to_owned());
        let nobody = format!("esign-probe-{}", uuid::Uuid::new_v4());
        let access = match self.0.client.has_order(&nobody, Operation::Probe).await {
            Ok(_) => {
                check("access", ProbeVerdict::Good, "the token is accepted for signing orders".to_owned())
            }
            Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Forbidden) => {
                let message = format!("{error}; does the client have the permission \"Signature API\"?");
                check("access", ProbeVerdict::Bad, message)
            }
            Err(error) if error.http_status().is_some_and(|status| (400..500).contains(&status)) => {
                let message =
                    "the token is accepted; a made-up order is refused in a way that is not documented";
                check("access", ProbeVerdict::Good, message.to_owned())
            }
            Err(error) => return Err(error),
        };
        Ok(ProbeReport::new(vec![token, access]))
    }

    async fn settle(&self, trial: &Trial) -> Result<Vec<Settled>> {
        settle::settle(self, trial).await
    }
}

impl fmt::Debug for SignicatProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignicatProvider")
            .field("endpoint", &self.0.capabilities.endpoint)
            .field("tokens", &self.0.tokens)
            .finish_non_exhaustive()
    }
}
