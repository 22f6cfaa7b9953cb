//! Signify as a [`Provider`].

mod lookup;
mod probe;
mod report;
mod settle;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use esign_core::facts::{PageFacts, Rect};
use esign_core::jiff::Timestamp;
use esign_core::{
    Artifact, ArtifactId, CancelOutcome, Capabilities, Credential, Delivery, Documents, Endpoint, Error,
    ErrorKind, Finding, Handle, Intent, Lookup, MediaType, NativePosition, Operation, Prepared, Probe,
    Provider, ProviderKind, RequestRef, Resolution, Resolved, Result, Retention, SentSigner, Settled,
    StatusReport, Step, Submission, Trial,
};
use serde::{Deserialize, Serialize};

use crate::capabilities::capabilities;
use crate::check::{check, sent_name};
use crate::client::Deletion;
use crate::config::SignifyConfig;
use crate::convert::{required_signatures, to_fractions};
use crate::error::{gone, is_refusal, refused_delete};
use crate::types::{
    Created, DocumentDetails, DocumentId, DocumentStatus, Mode, NewDocument, Position, Recipient, SigningLink,
};
use crate::{KIND, SignifyClient};

pub(crate) use probe::key_fault;
pub(crate) use settle::unverified;

/// Signify: documents by e-mail or by link, status by polling, lookup by name and time.
///
/// [`SignifyProvider::client`] reaches the API itself.
#[derive(Clone)]
pub struct SignifyProvider(Arc<Inner>);

struct Inner {
    client: SignifyClient,
    config: SignifyConfig,
    credential: Credential,
    capabilities: Capabilities,
}

/// What a handle keeps: what a status needs later, and no personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Private {
    mode: Mode,
    signers: Vec<SentSigner>,
    /// As last seen: what a 404 means depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Signify has said once that everything is signed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    signed: bool,
}

impl SignifyProvider {
    pub(crate) fn new(
        client: SignifyClient,
        config: SignifyConfig,
        credential: Credential,
        endpoint: Endpoint,
        rate: Option<esign_http::RateLimit>,
    ) -> Self {
        let capabilities = capabilities(&config, endpoint, rate);
        Self(Arc::new(Inner { client, config, credential, capabilities }))
    }

    /// The typed client of the API.
    #[must_use]
    pub fn client(&self) -> &SignifyClient {
        &self.0.client
    }

    fn now(&self) -> Timestamp {
        self.0.client.http().clock().now()
    }

    async fn create(&self, request: &Prepared) -> Result<Created> {
        let intent = request.intent();
        let fault = |what| Error::new(ErrorKind::Internal, format!("a prepared request {what}"));
        let document = request.request().documents.first().ok_or_else(|| fault("has no document"))?;
        let name = sent_name(document.name(), intent.reference(), self.0.config.reference_in_name);
        let mut new = NewDocument::new(name, document.content().clone());
        new.redirect_url.clone_from(&request.request().return_url);

        let places = request
            .signers()
            .iter()
            .map(|signer| required_signatures(signer, request.facts(0), &self.0.config))
            .collect::<Result<Vec<_>>>()?;
        match mode_of(intent)? {
            Mode::Link => self.0.client.create_link(&new, &places.concat()).await,
            Mode::Email => {
                let signers = request.request().signers.iter().zip(places).map(|(signer, places)| {
                    let email = signer.email.clone().ok_or_else(|| fault("lacks an e-mail address"))?;
                    let mut recipient = Recipient::new(email, places);
                    recipient.message = request.request().message_for(signer).map(str::to_owned);
                    Ok(recipient)
                });
                self.0.client.create_email(&new, &signers.collect::<Result<Vec<_>>>()?).await
            }
        }
    }

    /// The link of a document that was created without one in the answer. Best effort: the document exists either way.
    async fn link_of(&self, id: &DocumentId) -> Option<SigningLink> {
        let found = self.0.client.find(id, Operation::Submit).await;
        found
            .ok()??
            .invitations
            .into_iter()
            .find_map(|invitation| Some(SigningLink { url: invitation.link?, total: invitation.total }))
    }
}

/// What was made from an intent: handle, record, next steps.
fn submission(
    intent: &Intent,
    id: &DocumentId,
    link: Option<&SigningLink>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<Submission> {
    let mode = mode_of(intent)?;
    let private = Private { mode, signers: intent.signers().to_vec(), expires_at, signed: false };
    let handle = Handle::new(intent, id.as_str(), created_at).with_private(&private)?;
    let mut submission = Submission::new(intent, handle);
    let shared = intent.signers().len() > 1;
    for signer in intent.signers() {
        let step = match (mode, link) {
            (Mode::Email, _) => Step::EmailSent,
            (Mode::Link, Some(link)) => {
                Step::OpenLink { url: link.url.clone(), open_before: expires_at, shared }
            }
            (Mode::Link, None) => Step::LinkMissing { later: true },
        };
        submission = submission.step(&signer.key, step);
    }
    if mode == Mode::Link && link.is_none() {
        submission =
            submission.note("Signify's answer had no signing link that can be used: the status has it later");
    }
    if mode == Mode::Link && shared {
        submission = submission.note("all signers share one link: signatures are not bound to signers");
    }
    let asked = intent.placements().len();
    if let Some(total) = link.and_then(|link| link.total).filter(|&total| total as usize != asked) {
        submission = submission
            .note(format!("Signify counts {total} signatures behind the link; {asked} were asked for"));
    }
    Ok(submission)
}

fn mode_of(intent: &Intent) -> Result<Mode> {
    match intent.delivery() {
        Delivery::ProviderEmail => Ok(Mode::Email),
        Delivery::ShareableLink | Delivery::InSessionRedirect => Ok(Mode::Link),
        _ => Err(Error::new(ErrorKind::Internal, "a prepared request has a delivery that Signify lacks")),
    }
}

impl Provider for SignifyProvider {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities.clone()
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
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
impl Documents for SignifyProvider {
    fn check<'a>(&self, request: &Resolved<'a>) -> Vec<Finding> {
        check(request, &self.0.config)
    }

    fn native(&self, page: &PageFacts, area: &Rect) -> Option<NativePosition> {
        let (x, y) = to_fractions(area, page.shown, self.0.config.placement_origin?);
        let digits = |value| Position::fraction(value)?.as_str().parse().ok();
        Some(NativePosition::new(KIND, page.number, digits(x)?, digits(y)?))
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let intent = request.intent();
        let created = self.create(request).await?;
        let mut link = created.links.into_iter().next();
        if link.is_none() && mode_of(intent)? == Mode::Link {
            link = self.link_of(&created.id).await;
        }
        let mut submission = submission(intent, &created.id, link.as_ref(), self.now(), None)?;
        let given = &intent.documents()[0].name;
        let sent = sent_name(given, intent.reference(), self.0.config.reference_in_name);
        if sent != *given {
            submission = submission.note(format!("the document's name was sent as {sent:?}"));
        }
        Ok(submission)
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        let private: Private = at.state()?;
        let found = self.0.client.find(&DocumentId::new(at.id()), Operation::Status).await?;
        let now = self.now();
        let Some(details) = found else { return Ok(report::not_there(&private, at.created_at(), now)) };
        let mut report = report::of(&details, &private, at.reference(), now);
        let seen = Private {
            expires_at: details.summary.expires_at.or(private.expires_at),
            signed: private.signed || details.summary.status == DocumentStatus::Signed,
            ..private.clone()
        };
        if seen != private {
            report.new_request = Some(at.with_state(&seen)?);
        }
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let partial = *what == ArtifactId::PARTIAL;
        if !partial && *what != ArtifactId::SIGNED {
            return Err(Error::new(ErrorKind::NotFound, format!("Signify never has an artifact {what}")));
        }
        let found = self.0.client.find(&DocumentId::new(at.id()), Operation::Download).await?;
        let details = found.ok_or_else(gone)?;
        if let Some(why) = not_ready(&details, partial) {
            return Err(Error::new(ErrorKind::NotReady, why).with_code(details.summary.status.as_str()));
        }
        let content = self.0.client.download(&details).await?;
        Ok(Artifact::new(what.clone(), MediaType::PDF, content))
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        let id = DocumentId::new(at.id());
        match self.0.client.remove(&id, Operation::Cancel).await {
            Ok(Deletion::Done) => Ok(CancelOutcome::Cancelled),
            Ok(Deletion::Gone { .. }) => Ok(CancelOutcome::AlreadyGone),
            Ok(Deletion::Still(details, _)) if details.summary.status == DocumentStatus::Signed => {
                Ok(CancelOutcome::TooLate)
            }
            Ok(Deletion::Still(_, error)) => Err(error),
            Err(error) if is_refusal(&error) => match self.0.client.find(&id, Operation::Cancel).await {
                Ok(Some(details)) if details.summary.status == DocumentStatus::Signed => {
                    Ok(CancelOutcome::TooLate)
                }
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }
}

fn not_ready(details: &DocumentDetails, partial: bool) -> Option<&'static str> {
    match (&details.summary.status, partial) {
        (DocumentStatus::Signed, _) => None,
        (DocumentStatus::Unknown(_), _) => {
            Some("Signify's status is not known here, so it is not certain what the document is")
        }
        (DocumentStatus::Draft, false) => Some("not all signatures are made yet"),
        (DocumentStatus::Draft, true) if details.completed() > 0 => None,
        (DocumentStatus::Draft, true) => Some("nobody has signed yet"),
    }
}

#[async_trait]
impl Lookup for SignifyProvider {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        lookup::find(&self.0.client, &self.0.config, intent).await
    }

    /// The list is read once for all: it has no filter, so it costs the same for one intent as for five hundred.
    async fn find_many(&self, intents: &[Intent]) -> Result<Vec<Resolution>> {
        lookup::find_many(&self.0.client, &self.0.config, intents).await
    }
}

#[async_trait]
impl Retention for SignifyProvider {
    /// Deletes a signed document too, as far as Signify lets us: that is not documented.
    async fn erase(&self, at: &RequestRef) -> Result<bool> {
        let deleted = self.0.client.delete(&DocumentId::new(at.id())).await;
        match deleted {
            Ok(by_us) => Ok(by_us),
            Err(error) if is_refusal(&error) && !error.is_outcome_unknown() => Err(refused_delete(error)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Probe for SignifyProvider {
    async fn probe(&self) -> Result<esign_core::ProbeReport> {
        let environment = &self.0.capabilities.endpoint.environment;
        probe::probe(&self.0.client, &self.0.config, &self.0.credential, environment).await
    }

    async fn settle(&self, trial: &Trial) -> Result<Vec<Settled>> {
        settle::settle(&self.0.client, &self.0.credential, trial).await
    }
}

impl fmt::Debug for SignifyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignifyProvider")
            .field("endpoint", &self.0.capabilities.endpoint)
            .field("credential", &self.0.credential)
            .finish_non_exhaustive()
    }
}
