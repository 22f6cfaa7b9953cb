//! A provider that remembers: what it accepted, whom it told, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    Artifact, ArtifactId, Bound, CallScope, CallbackEvidence, CallbackSupport, Callbacks, CancelOutcome,
    Candidate, Capabilities, Clock, Delivery, DeliverySupport, Documents, Endpoint, Error, ErrorKind, Event,
    Finding, Handle, HandleKey, InboundCall, Intent, Lookup, MediaType, Prepared, Provider, ProviderKind,
    Range, Received, Reference, Reply, RequestRef, Resolution, Resolved, Result, ResultState, Retry,
    Standing, State, StatusReport, Submission, Support, VerifiedEvent, VirtualClock,
};

use super::wraps::Shared;

const KIND: ProviderKind = ProviderKind::new("scripted");
/// How long after a caller has given up its submission may still become visible.
const SETTLED: Duration = Duration::from_secs(7);
/// How long a result can be fetched.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

/// What a provider can do about lost answers, and what it says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// Finds a submission by its reference; its callbacks are signed.
    Exact,
    /// Lists what may be it; its callbacks are hints.
    Candidates,
    /// Cannot be asked and says nothing.
    Silent,
}

/// A request at the provider.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) reference: String,
    pub(super) delivery: Delivery,
    pub(super) at: Timestamp,
    pub(super) state: State,
    pub(super) completed_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) requests: Vec<Request>,
    /// Sent and still on the way.
    on_the_way: Vec<(Timestamp, Request)>,
    /// Callbacks to be made.
    pub(super) calls: Vec<InboundCall>,
    next: u32,
}

/// The provider. All instances of a schedule share the ledger.
#[derive(Clone, Debug)]
pub(super) struct Scripted {
    pub(super) class: Class,
    pub(super) shared: Shared,
    pub(super) clock: VirtualClock,
    ledger: Arc<Mutex<Ledger>>,
}

impl Scripted {
    pub(super) fn new(class: Class, shared: Shared, clock: VirtualClock) -> Self {
        Self { class, shared, clock, ledger: Arc::default() }
    }

    /// The ledger, with everything in it that has arrived by now.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let (arrived, still): (Vec<_>, _) =
            std::mem::take(&mut ledger.on_the_way).into_iter().partition(|(at, _)| *at <= now);
        ledger.on_the_way = still;
        ledger.requests.extend(arrived.into_iter().map(|(_, request)| request));
        ledger
    }

    /// A signer acts: signs, or now and then declines.
    pub(super) fn act(&self, id: &str, declines: bool) {
        let now = self.clock.now();
        let class = self.class;
        let mut ledger = self.ledger();
        let Some(request) = ledger.requests.iter_mut().find(|r| r.id == id && !r.state.is_end()) else {
            return;
        };
        request.state = if declines { State::Declined } else { State::Completed };
        request.completed_at = (!declines).then_some(now);
        let call = call_about(request, "genuine");
        match class {
            Class::Exact => ledger.calls.push(call),
            Class::Candidates => ledger.calls.push(InboundCall::get("/back").with_query("id", id)),
            Class::Silent => {}
        }
    }

    /// A call that the provider makes too early, too late or never made.
    pub(super) fn odd_call(&self, id: &str, forged: bool) {
        let mut ledger = self.ledger();
        let Some(request) = ledger.requests.iter().find(|r| r.id == id).cloned() else { return };
        let old = Request { state: if forged { State::Completed } else { State::Pending }, ..request };
        let call = call_about(&old, if forged { "forged" } else { "genuine" });
        if self.class == Class::Exact {
            ledger.calls.push(call);
        }
    }

    fn fingerprint(&self) -> String {
        Provider::capabilities(self).endpoint.fingerprint()
    }

    fn submission(intent: &Intent, request: &Request) -> Submission {
        Submission::new(intent, Handle::new(intent, &request.id, request.at))
    }

    /// A fault that a call may meet before it has had any effect.
    async fn arrive(&self, what: &str) -> Result<()> {
        self.shared.point(&format!("provider.{what}")).await;
        let mut inside = self.shared.lock();
        let faults = inside.faults;
        if !inside.random.chance(faults) {
            return Ok(());
        }
        let error = if inside.random.chance(500) {
            Error::new(ErrorKind::RateLimited, "too many")
                .with_retry(Retry::Safe { after: Some(Duration::from_secs(5)) })
        } else {
            Error::new(ErrorKind::Connect, "no connection").with_retry(Retry::SAFE)
        };
        inside.trace.push(format!("provider.{what}: {}", error.kind().as_str()));
        Err(error)
    }
}

fn call_about(request: &Request, signature: &str) -> InboundCall {
    let body = format!("{} {}", request.id, request.state.as_str());
    InboundCall::post("/callback", body).with_header("x-signature", signature)
}

impl Provider for Scripted {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        let mut caps = Capabilities::none(KIND);
        caps.endpoint = Endpoint { environment: "custom".into(), base_url: "scripted:".into() };
        caps.documents.count = Range::of(1, 5);
        caps.documents.bytes = Range::FREE;
        caps.documents.media_types = vec![MediaType::TEXT, MediaType::PDF];
        caps.documents.name.chars = Range::FREE;
        caps.signers.count = Range::of(1, 5);
        let any = Range::of(1, 5);
        caps.deliveries = [Delivery::ProviderEmail, Delivery::ShareableLink]
            .map(|delivery| DeliverySupport::new(delivery, any))
            .to_vec();
        caps.signers.email = esign_core::Need::ForEmailDelivery;
        caps.placements.per_signer = Range::FREE;
        caps.placements.per_document = Range::FREE;
        caps.cancel = Support::Yes;
        caps.result_lifetime = Bound::Is(LIFETIME.as_secs());
        caps.poll_interval = 60;
        caps.callbacks = match self.class {
            Class::Exact => CallbackSupport::Verified,
            Class::Candidates => CallbackSupport::Hints,
            Class::Silent => CallbackSupport::None,
        };
        caps
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }

    fn callbacks(&self) -> Option<Arc<dyn Callbacks>> {
        Some(Arc::new(self.clone()))
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        (self.class != Class::Silent).then(|| Arc::new(self.clone()) as Arc<dyn Lookup>)
    }
}

#[async_trait]
impl Documents for Scripted {
    fn check(&self, _: &Resolved<'_>) -> Vec<Finding> {
        Vec::new()
    }

    /// What was sent arrives when it arrives, whatever becomes of the sender.
    async fn submit(&self, prepared: &Prepared) -> Result<Submission> {
        self.arrive("submit").await?;
        let (takes, lost, dead, early) = {
            let mut inside = self.shared.lock();
            let faults = inside.faults;
            let slow = inside.random.chance(faults * 2);
            let takes = if slow { inside.random.below(36_000) } else { inside.random.below(400) };
            (
                Duration::from_millis(takes as u64),
                inside.random.chance(faults * 2),
                inside.random.chance(faults),
                inside.random.below(1000),
            )
        };
        // What the contract's settings promise: at the latest so long after the caller has given up.
        let left =
            CallScope::current().deadline.map(|d| (d + SETTLED).saturating_sub(self.clock.monotonic()));
        let takes = left.map_or(takes, |left| takes.min(left));
        let at = self.clock.now() + takes;
        let request = {
            let mut ledger = self.ledger();
            ledger.next += 1;
            let request = Request {
                id: format!("p-{}", ledger.next),
                reference: prepared.intent().reference().to_string(),
                delivery: prepared.intent().delivery(),
                at,
                state: State::Pending,
                completed_at: None,
            };
            if !dead {
                ledger.on_the_way.push((at, request.clone()));
            }
            request
        };
        self.shared.point(&format!("provider.submit. {} {}", request.reference, request.id)).await;
        // An answer can be lost long before what was sent has arrived.
        let waits = if lost { takes * u32::try_from(early).unwrap_or_default() / 1000 } else { takes };
        self.clock.sleep_until(self.clock.monotonic() + waits).await;
        if lost || dead {
            self.shared.note(format!("provider.submit: answer lost {}", request.id));
            let error = Error::new(ErrorKind::Timeout, "no answer").with_retry(Retry::OutcomeUnknown);
            return Err(error);
        }
        self.shared.point("provider.submit: answered").await;
        Ok(Self::submission(prepared.intent(), &request))
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        self.arrive("status").await?;
        let now = self.clock.now();
        let ledger = self.ledger();
        let request = ledger.requests.iter().find(|r| r.id == at.id());
        let Some(request) = request else { return Err(Error::new(ErrorKind::NotFound, "not known")) };
        let mut report = StatusReport::new(Standing::stated(request.state));
        report.result = match request.completed_at {
            Some(at) if now.duration_since(at) > SignedDuration::try_from(LIFETIME).unwrap_or_default() => {
                ResultState::Gone
            }
            Some(_) => ResultState::Ready { until: None },
            None => ResultState::NotReady,
        };
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        self.arrive("download").await?;
        let content = format!("signed {}", at.id());
        Ok(Artifact::new(what.clone(), MediaType::PDF, content.into()))
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        self.arrive("cancel").await?;
        let outcome = {
            let mut ledger = self.ledger();
            match ledger.requests.iter_mut().find(|r| r.id == at.id()) {
                None => CancelOutcome::AlreadyGone,
                Some(request) if request.state == State::Completed => CancelOutcome::TooLate,
                Some(request) if request.state.is_end() => CancelOutcome::AlreadyGone,
                Some(request) => {
                    request.state = State::Cancelled;
                    CancelOutcome::Cancelled
                }
            }
        };
        self.shared.point("provider.cancel.").await;
        Ok(outcome)
    }
}

#[async_trait]
impl Lookup for Scripted {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        self.arrive("lookup").await?;
        let ledger = self.ledger();
        let wanted = intent.reference().as_str();
        Ok(match self.class {
            Class::Exact => match ledger.requests.iter().rev().find(|r| r.reference == wanted) {
                Some(request) => Resolution::Found(Box::new(Self::submission(intent, request))),
                None => Resolution::NotFound,
            },
            Class::Candidates => {
                // It does not know references: all that was made since then may be it.
                // Clocks differ, so a little earlier counts too.
                let since = intent.prepared_at() - Duration::from_secs(3);
                let may_be = ledger.requests.iter().filter(|r| r.at >= since);
                let candidates: Vec<_> =
                    may_be.map(|r| Candidate::new(Self::submission(intent, r), vec!["created_at"])).collect();
                if candidates.is_empty() { Resolution::NotFound } else { Resolution::Candidates(candidates) }
            }
            Class::Silent => Resolution::Unknown { why: "it cannot be asked".into() },
        })
    }
}

#[async_trait]
impl Callbacks for Scripted {
    async fn ready(&self) -> Result<()> {
        Ok(())
    }

    async fn receive(&self, call: &InboundCall) -> Received {
        let key = |id: &str| HandleKey::of(&KIND, &self.fingerprint(), id);
        if let Some(id) = call.query_value("id") {
            let hint = Event::Hint { key: Some(key(id)), reference: None::<Reference> };
            return Received::new(Reply::status(200), Ok(vec![hint]));
        }
        if call.header("x-signature") != Some("genuine") {
            let error = Error::new(ErrorKind::Verification, "the signature is not the provider's");
            return Received::new(Reply::status(401), Err(error));
        }
        let text = String::from_utf8_lossy(&call.body).into_owned();
        let words: BTreeMap<_, _> = State::ALL.iter().map(|state| (state.as_str(), *state)).collect();
        let (id, word) = text.split_once(' ').unwrap_or((&text, ""));
        let state = words.get(word).copied().unwrap_or(State::Unrecognised);
        let evidence = CallbackEvidence {
            body: call.body.clone(),
            verified_with: "shared secret".into(),
            received_at: self.clock.now(),
        };
        let event = VerifiedEvent::new(key(id), text.clone(), Standing::stated(state), evidence);
        Received::new(Reply::status(200), Ok(vec![Event::Verified(event)]))
    }
}
