//! Documenso as a [`Provider`].

mod artifacts;
mod lookup;
mod report;
mod submit;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use esign_core::facts::{PageFacts, Rect};
use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    Artifact, ArtifactId, Callbacks, CancelOutcome, Capabilities, Credential, Documents, Endpoint, Error,
    ErrorKind, Finding, InboundCall, Intent, Lookup, NativePosition, Operation, Prepared, Probe, ProbeCheck,
    ProbeReport, ProbeVerdict, Provider, ProviderKind, Received, Reminders, RequestRef, Resolution, Resolved,
    Result, Settled, StatusReport, Submission, Trial,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::capabilities::{UNVERIFIED, capabilities};
use crate::check::check;
use crate::client::time_of;
use crate::config::{DocumensoConfig, OddPages};
use crate::convert::{oddity, percent};
use crate::types::{EnvelopeId, EnvelopeStatus, RecipientRole};
use crate::{DocumensoClient, KIND, callbacks};

/// Documenso: envelopes by e-mail or by link, status by polling or on a webhook's hint, lookup by reference.
///
/// [`DocumensoProvider::client`] reaches the API itself.
#[derive(Clone)]
pub struct DocumensoProvider(Arc<Inner>);

struct Inner {
    client: DocumensoClient,
    config: DocumensoConfig,
    callback_secret: Option<Credential>,
    capabilities: Capabilities,
}

/// What a handle keeps: how the server's numbers belong to the request's keys. No token, and no personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Private {
    by_email: bool,
    /// In the order of the request.
    signers: Vec<Party>,
    /// In the order of the request.
    documents: Vec<Paper>,
    /// What signing links begin with: the server writes them with its public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    links: Option<Url>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Party {
    key: String,
    recipient: u64,
    role: RecipientRole,
    /// How many signatures were asked for.
    signatures: u32,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Paper {
    key: String,
    item: String,
}

impl DocumensoProvider {
    pub(crate) fn new(
        client: DocumensoClient,
        config: DocumensoConfig,
        callback_secret: Option<Credential>,
        endpoint: Endpoint,
        rate: Option<esign_http::RateLimit>,
    ) -> Self {
        let capabilities = capabilities(&config, endpoint, rate);
        Self(Arc::new(Inner { client, config, callback_secret, capabilities }))
    }

    /// The typed client of the API.
    #[must_use]
    pub fn client(&self) -> &DocumensoClient {
        &self.0.client
    }

    fn now(&self) -> Timestamp {
        self.0.client.http().clock().now()
    }
}

impl Provider for DocumensoProvider {
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
        self.0.callback_secret.as_ref().map(|_| Arc::new(self.clone()) as Arc<dyn Callbacks>)
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }

    fn reminders(&self) -> Option<Arc<dyn Reminders>> {
        Some(Arc::new(self.clone()))
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for DocumensoProvider {
    fn check<'a>(&self, request: &Resolved<'a>) -> Vec<Finding> {
        check(request, &self.0.config)
    }

    fn native(&self, page: &PageFacts, area: &Rect) -> Option<NativePosition> {
        let drawn_rightly = self.0.config.odd_pages == OddPages::Warn || oddity(page).is_none();
        drawn_rightly.then(|| percent(page, area))?
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        submit::submit(self, request).await
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        let private: Private = at.state()?;
        let envelope = self.0.client.find_one(&EnvelopeId::new(at.id()), Operation::Status).await?;
        let seal_timeout = self.0.config.seal_timeout;
        Ok(match envelope {
            Some(envelope) => report::of(&envelope, &private, self.now(), seal_timeout),
            None => report::not_there(),
        })
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let private: Private = at.state()?;
        artifacts::download(&self.0.client, &EnvelopeId::new(at.id()), &private, what).await
    }

    /// A draft is deleted, a pending envelope cancelled; what has ended stays as it is. A request that is completed between
    /// reading and cancelling is `TooLate`: the server refuses.
    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        let id = EnvelopeId::new(at.id());
        match self.status_of(&id).await? {
            None => Ok(CancelOutcome::AlreadyGone),
            Some(EnvelopeStatus::Draft) => {
                let removed = self.0.client.remove(&id, Operation::Cancel).await?;
                Ok(if removed { CancelOutcome::Cancelled } else { CancelOutcome::AlreadyGone })
            }
            Some(EnvelopeStatus::Pending | EnvelopeStatus::Other(_)) => {
                if self.0.client.cancel(&id).await? {
                    return Ok(CancelOutcome::Cancelled);
                }
                match self.status_of(&id).await? {
                    Some(EnvelopeStatus::Pending | EnvelopeStatus::Draft | EnvelopeStatus::Other(_)) => {
                        let message =
                            "the server does not cancel the request, and gives no reason that is known here";
                        Err(Error::new(ErrorKind::Conflict, message).during(Operation::Cancel))
                    }
                    ended => Ok(ended_before(ended.as_ref())),
                }
            }
            ended => Ok(ended_before(ended.as_ref())),
        }
    }
}

fn ended_before(status: Option<&EnvelopeStatus>) -> CancelOutcome {
    if status == Some(&EnvelopeStatus::Completed) {
        CancelOutcome::TooLate
    } else {
        CancelOutcome::AlreadyGone
    }
}

impl DocumensoProvider {
    async fn status_of(&self, id: &EnvelopeId) -> Result<Option<EnvelopeStatus>> {
        let found = self.0.client.find_one(id, Operation::Cancel).await?;
        Ok(found.map(|envelope| envelope.status))
    }
}

#[async_trait]
impl Reminders for DocumensoProvider {
    /// Renews the time that they have as well: a link that has expired works again.
    async fn remind(&self, at: &RequestRef) -> Result<Vec<String>> {
        let private: Private = at.state()?;
        if !private.by_email {
            let message = "Documenso mails nothing to signers with a link: pass the link on again";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let id = EnvelopeId::new(at.id());
        let envelope =
            self.0.client.find_one(&id, Operation::Remind).await?.ok_or_else(crate::error::unknown)?;
        if envelope.status != EnvelopeStatus::Pending {
            let message = format!("nobody is reminded: the request is {}", envelope.status.as_str());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let waiting: Vec<_> =
            report::waited_for(&envelope, &private).map(|(party, _)| party.clone()).collect();
        if !waiting.is_empty() {
            let recipients: Vec<_> = waiting.iter().map(|party| party.recipient).collect();
            self.0.client.redistribute(&id, &recipients).await?;
        }
        Ok(waiting.into_iter().map(|party| party.key).collect())
    }
}

#[async_trait]
impl Lookup for DocumensoProvider {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        lookup::find(self, intent).await
    }
}

#[async_trait]
impl Callbacks for DocumensoProvider {
    async fn ready(&self) -> Result<()> {
        Ok(())
    }

    async fn receive(&self, call: &InboundCall) -> Received {
        let fingerprint = self.0.capabilities.endpoint.fingerprint();
        match &self.0.callback_secret {
            Some(secret) => callbacks::receive(call, secret, &fingerprint).await,
            None => {
                let error =
                    Error::config("callback_secret", "without it callbacks are refused: they prove nothing");
                Received::new(esign_core::Reply::status(401), Err(error))
            }
        }
    }
}

#[async_trait]
impl Probe for DocumensoProvider {
    async fn probe(&self) -> Result<ProbeReport> {
        let check = |name, verdict, message: &str| ProbeCheck { name, verdict, message: message.to_owned() };
        let answer = match self.0.client.any().await {
            Ok(answer) => answer,
            Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Forbidden) => {
                let check = check("credentials", ProbeVerdict::Bad, &error.to_string());
                return Ok(ProbeReport::new(vec![check]));
            }
            Err(error) => return Err(error),
        };
        let mut checks = vec![check("credentials", ProbeVerdict::Good, "Documenso accepts the API token")];
        if let Some(theirs) = time_of(&answer) {
            // `Date` has whole seconds, and the answer took a moment.
            let apart = SignedDuration::from_secs(self.now().duration_since(theirs).abs().as_secs());
            checks.push(if apart <= SignedDuration::from_secs(30) {
                check("clock", ProbeVerdict::Good, "our clock and the server's agree")
            } else {
                let words =
                    format!("our clock and the server's are {apart:#} apart; expiry is concluded by ours");
                check("clock", ProbeVerdict::Warning, &words)
            });
        }
        Ok(ProbeReport::new(checks))
    }

    async fn settle(&self, _: &Trial) -> Result<Vec<Settled>> {
        Ok(UNVERIFIED.map(|(question, because)| Settled::untriable(question, because)).to_vec())
    }
}

impl fmt::Debug for DocumensoProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumensoProvider")
            .field("endpoint", &self.0.capabilities.endpoint)
            .field("callback_secret", &self.0.callback_secret)
            .finish_non_exhaustive()
    }
}
