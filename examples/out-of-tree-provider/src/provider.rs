//! The neutral provider over the typed client.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::jiff::SignedDuration;
use esign_core::{
    Artifact, ArtifactId, CancelOutcome, Capabilities, Clock, Delivery, Documents, Endpoint, Error,
    ErrorKind, Finding, Handle, Intent, Lookup, MediaType, Prepared, Provider, ProviderKind, RequestRef,
    Resolution, Resolved, Result, ResultState, Retry, Standing, State, StatusReport, Step, Submission,
};

use crate::client::InkwellClient;
use crate::wire::{Envelope, signer_status, state};
use crate::{KIND, capabilities};

/// One configured instance.
#[derive(Clone, Debug)]
pub struct Inkwell {
    client: InkwellClient,
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
}

impl Inkwell {
    pub(crate) fn new(client: InkwellClient, endpoint: Endpoint, clock: Arc<dyn Clock>) -> Self {
        Self { client, endpoint, clock }
    }

    /// Inkwell's API itself.
    #[must_use]
    pub fn client(&self) -> &InkwellClient {
        &self.client
    }

    /// Handle, record and next steps for an envelope that was made from an intent.
    fn submission(&self, intent: &Intent, envelope: &Envelope) -> Submission {
        let handle = Handle::new(intent, &envelope.id, self.clock.now());
        let mut submission = Submission::new(intent, handle);
        for signer in &envelope.signers {
            let step = match &signer.link {
                _ if intent.delivery() == Delivery::ProviderEmail => Step::EmailSent,
                None => Step::LinkMissing { later: true },
                Some(url) => {
                    Step::OpenLink { url: url.clone(), open_before: Some(envelope.lapses), shared: false }
                }
            };
            submission = submission.step(&signer.id, step);
        }
        submission.provider_times(Some(envelope.created), Some(envelope.lapses))
    }
}

impl Provider for Inkwell {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        capabilities::capabilities(self.endpoint.clone())
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for Inkwell {
    fn check<'a>(&self, _: &Resolved<'a>) -> Vec<Finding> {
        Vec::new() // the capabilities say everything
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let envelope = self.client.create(request).await?;
        Ok(self.submission(request.intent(), &envelope))
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        let unknown = || Error::new(ErrorKind::NotFound, "Inkwell has no such envelope");
        let envelope = self.client.get(at.id()).await?.ok_or_else(unknown)?;
        let mut report = StatusReport::new(Standing::stated(state(&envelope.state)));
        report.created_at = Some(envelope.created);
        report.expires_at = Some(envelope.lapses);
        report.signers = envelope.signers.iter().map(signer_status).collect();
        report.next_steps = envelope.links();
        if report.state() == State::Completed {
            report.result = ResultState::Ready { until: None };
            report.artifacts = vec![ArtifactId::SIGNED];
        }
        report.provider_status = Some(envelope.state);
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        if *what != ArtifactId::SIGNED {
            return Err(Error::new(ErrorKind::NotFound, format!("Inkwell never has an artifact {what}")));
        }
        let not_yet = || Error::new(ErrorKind::NotReady, "not everybody has signed yet");
        let content = self.client.document(at.id()).await?.ok_or_else(not_yet)?;
        Ok(Artifact::new(what.clone(), MediaType::PDF, content))
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        let said = self.client.withdraw(at.id()).await?;
        // Whatever the answer says: it may be a login page's, or a gateway's. What counts is the envelope.
        match self.client.get(at.id()).await?.map(|envelope| state(&envelope.state)) {
            Some(State::Completed) => Ok(CancelOutcome::TooLate),
            Some(State::Cancelled) if said == 200 => Ok(CancelOutcome::Cancelled),
            Some(ended) if ended.is_end() => Ok(CancelOutcome::AlreadyGone),
            None => Ok(CancelOutcome::AlreadyGone),
            Some(_) => {
                let message = format!("the envelope is still open, although the answer was {said}");
                Err(Error::new(ErrorKind::UnexpectedAnswer, message).with_retry(Retry::SAFE))
            }
        }
    }
}

#[async_trait]
impl Lookup for Inkwell {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        let envelopes = self.client.find(intent.reference().as_str()).await?;
        // Made elsewhere with the same reference, long before: not what is looked for.
        let earliest = intent.prepared_at() - SignedDuration::from_hours(1);
        let mut ours = envelopes.iter().filter(|envelope| envelope.created >= earliest);
        Ok(match (ours.next(), ours.next()) {
            (Some(envelope), None) => Resolution::Found(Box::new(self.submission(intent, envelope))),
            (None, _) => Resolution::NotFound,
            (Some(_), Some(_)) => {
                Resolution::Unknown { why: "several envelopes have this reference".to_owned() }
            }
        })
    }
}
