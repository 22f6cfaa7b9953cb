//! The provider over the in-memory service: what an adapter does, without a network.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::KIND;
use super::service::{MemoryFault, MemoryService, Request, callback_signature};
use crate::{
    Artifact, ArtifactId, CallScope, CallbackEvidence, Callbacks, CancelOutcome, Capabilities, Clock,
    CompletedSignature, Documents, Error, ErrorKind, Event, Finding, Handle, HandleKey, InboundCall, Intent,
    Lookup, NextStep, NoObserver, Observation, Observer, Operation, Prepared, Probe, ProbeCheck, ProbeReport,
    ProbeVerdict, Provider, ProviderKind, Received, Reminders, Reply, RequestRef, Resolution, Resolved,
    Result, ResultState, Retention, Retry, SecretUrl, SignerStatus, Standing, State, StatusReport, Step,
    Submission, Transactions, VerifiedEvent,
};

/// The in-memory provider. All groups are on it; wrap it to make a provider that is wrong in one thing.
#[derive(Clone, Debug)]
pub struct MemoryProvider {
    service: MemoryService,
    /// The token in use: fetched once, shared by all clones, renewed when the service refuses it.
    token: Arc<Mutex<Option<SecretString>>>,
    observer: Arc<dyn Observer>,
}

/// What goes into the handle.
#[derive(Serialize, Deserialize)]
struct Private {
    signers: Vec<String>,
}

impl MemoryProvider {
    pub(super) fn new(service: MemoryService) -> Self {
        Self { service, token: Arc::default(), observer: Arc::new(NoObserver) }
    }

    /// The same provider, which tells this observer of its calls.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// The service behind it.
    #[must_use]
    pub fn service(&self) -> &MemoryService {
        &self.service
    }

    /// One call to the service, with the fault that was ordered for it.
    pub(super) fn call<T>(&self, operation: Operation, effect: impl FnOnce() -> T) -> Result<T> {
        self.authorize();
        let result = self.attempt(operation, effect);
        let status = match &result {
            Ok(_) => Some(200),
            Err(error) => error.http_status(),
        };
        let took = Duration::ZERO;
        let scope = CallScope::current();
        let reference = scope.reference.as_ref();
        let told = Observation::Attempt { kind: &KIND, operation, reference, attempt: 1, status, took };
        self.observer.observe(&told);
        result
    }

    fn attempt<T>(&self, operation: Operation, effect: impl FnOnce() -> T) -> Result<T> {
        let fault = self.service.arrive(operation);
        let refused = fault.and_then(|fault| refusal(fault, operation));
        if let Some(error) = refused {
            return Err(error);
        }
        let done = effect();
        match fault.and_then(|fault| failure(fault, operation)) {
            Some(error) => Err(error),
            None => Ok(done),
        }
    }

    /// Makes sure of a token that the service accepts.
    fn authorize(&self) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if !token.as_ref().is_some_and(|token| self.service.accepts(token)) {
            *token = Some(self.service.issue_token());
        }
    }

    fn submission(&self, intent: &Intent, id: &str, request: &Request) -> Result<Submission> {
        let private = Private { signers: request.signers.iter().map(|s| s.key.clone()).collect() };
        let handle = Handle::new(intent, id, self.service.clock().now()).with_private(&private)?;
        let mut submission = Submission::new(intent, handle);
        let turn = request.turn();
        for signer in &request.signers {
            let step = match intent.delivery() {
                _ if Some(signer.group) != turn => Step::WaitForOthers,
                crate::Delivery::ShareableLink | crate::Delivery::InSessionRedirect if request.linkless => {
                    Step::LinkMissing { later: true }
                }
                crate::Delivery::ProviderEmail => Step::EmailSent,
                crate::Delivery::ShareableLink | crate::Delivery::InSessionRedirect => {
                    open_link(id, request, &signer.key)?
                }
            };
            submission = submission.step(&signer.key, step);
        }
        Ok(submission.provider_times(Some(request.created_at), Some(request.expires_at)))
    }

    fn known(&self, id: &str) -> Result<Request> {
        self.service
            .request(id)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "the service does not know this request"))
    }
}

fn open_link(id: &str, request: &Request, signer: &str) -> Result<Step> {
    let url = signing_link(id, signer)?;
    Ok(Step::OpenLink { url, open_before: Some(request.expires_at), shared: false })
}

fn signing_link(id: &str, signer: &str) -> Result<SecretUrl> {
    let mut url: Url =
        "https://memory.invalid/sign".parse().map_err(|_| Error::new(ErrorKind::Internal, "a bad link"))?;
    url.query_pairs_mut().append_pair("request", id).append_pair("signer", signer);
    Ok(SecretUrl::new(url))
}

/// What goes wrong before the service does anything.
fn refusal(fault: MemoryFault, operation: Operation) -> Option<Error> {
    let error = match fault {
        MemoryFault::RefuseConnection => {
            Error::new(ErrorKind::Connect, "no connection").with_retry(Retry::SAFE)
        }
        MemoryFault::RateLimited { after } => Error::new(ErrorKind::RateLimited, "too many requests")
            .with_http_status(429)
            .with_retry(Retry::Safe { after }),
        MemoryFault::Refuse(status) => {
            let kind = match status {
                401 => ErrorKind::Unauthenticated,
                403 => ErrorKind::Forbidden,
                404 => ErrorKind::NotFound,
                409 => ErrorKind::Conflict,
                413 => ErrorKind::TooLarge,
                _ => ErrorKind::InvalidRequest,
            };
            let error = Error::new(kind, "the service refused").with_http_status(status).with_code("refused");
            match (operation, status) {
                (Operation::Submit, 402 | 408) => error.with_retry(Retry::OutcomeUnknown),
                (_, 408) => error.with_retry(Retry::SAFE),
                _ => error,
            }
        }
        MemoryFault::Intercepted(status) if status != 404 => {
            let error = Error::new(ErrorKind::UnexpectedAnswer, "the answer is not the service's")
                .with_http_status(status);
            if operation == Operation::Submit { error.with_retry(Retry::OutcomeUnknown) } else { error }
        }
        MemoryFault::Intercepted(_) => {
            Error::new(ErrorKind::NotFound, "somebody says that it is not there").with_http_status(404)
        }
        MemoryFault::LoseAnswer
        | MemoryFault::FailAfterEffect
        | MemoryFault::Garbage
        | MemoryFault::WithoutLink => return None,
    };
    Some(error.during(operation))
}

/// What goes wrong after the service has done what was asked.
fn failure(fault: MemoryFault, operation: Operation) -> Option<Error> {
    let error = match fault {
        MemoryFault::LoseAnswer => Error::new(ErrorKind::Timeout, "no answer in time"),
        MemoryFault::FailAfterEffect => {
            Error::new(ErrorKind::Provider, "the service failed").with_http_status(503)
        }
        MemoryFault::Garbage => Error::new(ErrorKind::UnexpectedAnswer, "the answer cannot be understood"),
        MemoryFault::RefuseConnection
        | MemoryFault::RateLimited { .. }
        | MemoryFault::Refuse(_)
        | MemoryFault::Intercepted(_)
        | MemoryFault::WithoutLink => return None,
    };
    let creates = matches!(operation, Operation::Submit | Operation::Transaction | Operation::Remind);
    let retry = if creates { Retry::OutcomeUnknown } else { Retry::SAFE };
    Some(error.with_retry(retry).during(operation))
}

impl Provider for MemoryProvider {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        self.service.capabilities()
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }

    fn callbacks(&self) -> Option<Arc<dyn Callbacks>> {
        Some(Arc::new(self.clone()))
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }

    fn reminders(&self) -> Option<Arc<dyn Reminders>> {
        Some(Arc::new(self.clone()))
    }

    fn retention(&self) -> Option<Arc<dyn Retention>> {
        Some(Arc::new(self.clone()))
    }

    fn transactions(&self) -> Option<Arc<dyn Transactions>> {
        Some(Arc::new(self.clone()))
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for MemoryProvider {
    fn check(&self, _: &Resolved<'_>) -> Vec<Finding> {
        Vec::new()
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let id = self.call(Operation::Submit, || self.service.create(request))?;
        let made = self.known(&id)?;
        self.submission(request.intent(), &id, &made)
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        let Private { signers } = at.state()?;
        let request = self.call(Operation::Status, || self.known(at.id()))??;
        let now = self.service.clock().now();
        let word = request.word.clone();
        let state = if word.is_some() { State::Unrecognised } else { request.state(now) };
        let mut report = StatusReport::new(Standing::stated(state));
        report.provider_status = Some(word.unwrap_or_else(|| state.as_str().to_owned()));
        report.created_at = Some(request.created_at);
        report.expires_at = Some(request.expires_at);
        report.signers = request
            .signers
            .iter()
            .map(|signer| {
                let state = match (signer.signed_at, signer.declined) {
                    (Some(_), _) => State::Completed,
                    (None, true) => State::Declined,
                    (None, false) => State::Pending,
                };
                let mut status =
                    SignerStatus::new(signers.iter().find(|key| **key == signer.key).cloned(), state);
                status.required = Some(1);
                status.completed = signer
                    .signed_at
                    .map(|at| CompletedSignature { name: None, at: Some(at) })
                    .into_iter()
                    .collect();
                status
            })
            .collect();
        let told = request.delivery == crate::Delivery::ShareableLink || request.linkless;
        if told && !state.is_end() {
            for signer in request.waited_for() {
                let step = open_link(at.id(), &request, &signer.key)?;
                report.next_steps.push(NextStep { signer: signer.key.clone(), step });
            }
        }
        let ids = request.documents.iter().map(|(key, ..)| artifact_of(&request, &ArtifactId::SIGNED, key));
        (report.result, report.artifacts) = match state {
            State::Completed if request.result_gone => (ResultState::Gone, Vec::new()),
            State::Completed => (ResultState::Ready { until: None }, ids.collect()),
            State::InProgress => (ResultState::Partial, Vec::new()),
            _ => (ResultState::NotReady, Vec::new()),
        };
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let request = self.call(Operation::Download, || self.known(at.id()))??;
        let done = request.state(self.service.clock().now()) == State::Completed;
        let sort = what.sort();
        let document = request
            .documents
            .iter()
            .find(|(key, ..)| *what == artifact_of(&request, &ArtifactId::parse(sort), key));
        let known = [ArtifactId::SIGNED, ArtifactId::PARTIAL, ArtifactId::ORIGINAL]
            .iter()
            .any(|id| id.as_str() == sort);
        let Some((_, media_type, content)) = document.filter(|_| known) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there never is an artifact {what}")));
        };
        let content = match sort {
            _ if request.result_gone => {
                return Err(Error::new(ErrorKind::Gone, "the result is kept no longer"));
            }
            "original" => content.clone(),
            "signed" if !done => return Err(Error::new(ErrorKind::NotReady, "not everybody has signed yet")),
            _ => request.signed(content),
        };
        Ok(Artifact::new(what.clone(), media_type.clone(), content))
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        let now = self.service.clock().now();
        self.call(Operation::Cancel, || {
            let Some(request) = self.service.request(at.id()) else { return CancelOutcome::AlreadyGone };
            match request.state(now) {
                State::Completed => CancelOutcome::TooLate,
                state if state.is_end() => CancelOutcome::AlreadyGone,
                _ => {
                    self.service.change(at.id(), |request| request.ended = Some(State::Cancelled));
                    CancelOutcome::Cancelled
                }
            }
        })
    }
}

/// The id of an artifact of a document: plain where there is one document only.
fn artifact_of(request: &Request, sort: &ArtifactId, document: &str) -> ArtifactId {
    if request.documents.len() == 1 { sort.clone() } else { sort.of_document(document) }
}

#[async_trait]
impl Lookup for MemoryProvider {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        let found = self.call(Operation::Lookup, || self.service.find(intent.reference().as_str()))?;
        Ok(match found {
            Some((id, request)) => Resolution::Found(Box::new(self.submission(intent, &id, &request)?)),
            None => Resolution::NotFound,
        })
    }
}

#[async_trait]
impl Reminders for MemoryProvider {
    async fn remind(&self, at: &RequestRef) -> Result<Vec<String>> {
        let request = self.known(at.id())?;
        if request.delivery != crate::Delivery::ProviderEmail {
            let message = "the service mails nothing to signers with a link: pass the link on again";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let keys: Vec<_> = request.waited_for().map(|signer| signer.key.clone()).collect();
        self.call(Operation::Remind, || {
            self.service.change(at.id(), |request| request.reminded.extend(keys.iter().cloned()));
        })?;
        Ok(keys)
    }
}

#[async_trait]
impl Retention for MemoryProvider {
    async fn erase(&self, at: &RequestRef) -> Result<bool> {
        self.call(Operation::Erase, || self.service.change(at.id(), |request| request.erased = true))
    }
}

#[async_trait]
impl Probe for MemoryProvider {
    async fn probe(&self) -> Result<ProbeReport> {
        let message = "a service in memory needs none".to_owned();
        Ok(ProbeReport::new(vec![ProbeCheck { name: "credentials", verdict: ProbeVerdict::Good, message }]))
    }
}

#[derive(Deserialize)]
struct CallbackBody {
    events: Vec<CallbackEvent>,
}

#[derive(Deserialize)]
struct CallbackEvent {
    id: String,
    status: State,
}

#[async_trait]
impl Callbacks for MemoryProvider {
    async fn ready(&self) -> Result<()> {
        Ok(())
    }

    async fn receive(&self, call: &InboundCall) -> Received {
        match self.verify(call) {
            Ok(events) => Received::new(Reply::status(200), Ok(events)),
            Err(error) => Received::new(Reply::status(401), Err(error)),
        }
    }
}

impl MemoryProvider {
    fn verify(&self, call: &InboundCall) -> Result<Vec<Event>> {
        let signature = call.header("x-memory-signature").unwrap_or_default();
        if signature != callback_signature(&call.body) {
            return Err(Error::new(
                ErrorKind::Verification,
                "the callback's signature is not that of its body",
            ));
        }
        let body: CallbackBody = serde_json::from_slice(&call.body)
            .map_err(|_| Error::new(ErrorKind::UnexpectedAnswer, "the callback's body is not understood"))?;
        let fingerprint = self.capabilities().endpoint.fingerprint();
        let events = body.events.into_iter().map(|event| {
            let key = HandleKey::of(&KIND, &fingerprint, &event.id);
            let evidence = CallbackEvidence {
                body: call.body.clone(),
                verified_with: "the memory service's callback key".to_owned(),
                received_at: self.service.clock().now(),
            };
            let dedup = format!("{key}-{}", event.status.as_str());
            Event::Verified(VerifiedEvent::new(key, dedup, Standing::stated(event.status), evidence))
        });
        Ok(events.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, Document, Reference, SignRequest, Signer};

    fn request() -> SignRequest {
        let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
        SignRequest::new(Reference::random().unwrap(), document, Delivery::ShareableLink)
            .signer(Signer::new("tenant"))
    }

    #[tokio::test]
    async fn one_token_serves_until_it_expires_or_is_revoked() {
        let service = MemoryService::new();
        let client = service.client().await.unwrap();
        let handle = client.submit(client.prepare(request()).await.unwrap()).await.unwrap().handle;
        client.status(&handle).await.unwrap();
        assert_eq!(service.calls(Operation::Token), 1);
        service.clock().advance(Duration::from_secs(601));
        client.status(&handle).await.unwrap();
        service.revoke_tokens();
        client.status(&handle).await.unwrap();
        assert_eq!(service.calls(Operation::Token), 3);
    }

    #[tokio::test]
    async fn a_lost_answer_is_found_again_and_a_refused_connection_left_no_trace() {
        let service = MemoryService::new();
        let client = service.client().await.unwrap();
        for (fault, accepted) in [(MemoryFault::RefuseConnection, 0), (MemoryFault::LoseAnswer, 1)] {
            let prepared = client.prepare(request()).await.unwrap();
            let intent = prepared.intent().clone();
            service.fail_next(Operation::Submit, fault);
            let error = client.submit(prepared).await.unwrap_err();
            assert_eq!(error.is_outcome_unknown(), accepted == 1, "{error}");
            assert_eq!(service.accepted(), accepted);
            let found = matches!(client.resolve(&intent).await.unwrap(), Resolution::Found(_));
            assert_eq!(found, accepted == 1);
        }
    }
}
