//! Calls end in time, in their class, and name their reference to what lies below.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::memory::{A4Pages, KIND, MemoryFault, MemoryProvider, MemoryService};
use esign_core::{
    Artifact, ArtifactId, CallClass, CallScope, CancelOutcome, Capabilities, Client, Clock, Config, Delivery,
    Document, Documents, ErrorKind, Finding, InboundCall, Intent, Lookup, NextStep, Operation, Prepared,
    Provider, ProviderKind, Reference, Registry, RequestRef, Resolution, Resolved, Result, Retry,
    SignRequest, Signer, Standing, State, StatusReport, Step, Submission, Wait,
};

/// The in-memory provider, slowly: each call takes this long and notes the scope that it runs in.
#[derive(Clone, Debug)]
struct Slow {
    inner: MemoryProvider,
    takes: Duration,
    scopes: Arc<Mutex<Vec<CallScope>>>,
    listed: Arc<Mutex<Vec<usize>>>,
}

impl Slow {
    async fn pass(&self) {
        self.scopes.lock().unwrap().push(CallScope::current());
        let clock = self.inner.service().clock();
        clock.sleep_until(clock.monotonic() + self.takes).await;
    }
}

impl Provider for Slow {
    fn kind(&self) -> ProviderKind {
        KIND
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }
    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for Slow {
    fn check(&self, request: &Resolved<'_>) -> Vec<Finding> {
        Documents::check(&self.inner, request)
    }
    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let sent = self.inner.submit(request).await;
        self.pass().await;
        sent
    }
    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        self.pass().await;
        self.inner.status(at).await
    }
    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        self.inner.download(at, what).await
    }
    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        self.inner.cancel(at).await
    }
}

#[async_trait]
impl Lookup for Slow {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        self.inner.find(intent).await
    }
    async fn find_many(&self, intents: &[Intent]) -> Result<Vec<Resolution>> {
        self.listed.lock().unwrap().push(intents.len());
        let mut found = Vec::new();
        for intent in intents {
            found.push(self.inner.find(intent).await?);
        }
        Ok(found)
    }
}

struct World {
    service: MemoryService,
    slow: Slow,
    client: Client,
}

async fn world(takes: u64) -> World {
    let service = MemoryService::new();
    let slow = Slow {
        inner: service.provider(),
        takes: Duration::from_secs(takes),
        scopes: Arc::default(),
        listed: Arc::default(),
    };
    let client = Client::builder(Registry::new())
        .config(Config { active: Some("slow".into()), ..Config::default() })
        .provider("slow", Arc::new(slow.clone()))
        .clock(Arc::new(service.clock()))
        .inspector(Arc::new(A4Pages(1)))
        .build()
        .await
        .unwrap();
    World { service, slow, client }
}

fn request(reference: &str) -> SignRequest {
    SignRequest::new(
        Reference::new(reference).unwrap(),
        Document::pdf("Lease", &b"%PDF-1.7"[..]),
        Delivery::ShareableLink,
    )
    .signer(Signer::new("a"))
}

#[tokio::test]
async fn a_submission_that_is_not_answered_in_time_is_of_unknown_outcome() {
    let World { service, client, .. } = world(20).await;
    let prepared = client.prepare(request("r-1")).await.unwrap();
    let intent = prepared.intent().clone();
    let error =
        service.clock().run(client.within(Duration::from_secs(5)).submit(prepared)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Timeout, Retry::OutcomeUnknown));
    assert_eq!(service.clock().monotonic(), Duration::from_secs(5));
    assert!(matches!(client.resolve(&intent).await.unwrap(), Resolution::Found(_)), "it had arrived");
}

#[tokio::test]
async fn a_look_that_is_not_answered_in_time_is_safe_to_repeat() {
    let World { service, client, .. } = world(20).await;
    let clock = service.clock();
    let prepared = client.prepare(request("r-1")).await.unwrap();
    let handle = clock.run(client.submit(prepared)).await.unwrap().handle;
    let error = clock.run(client.within(Duration::from_secs(3)).status(&handle)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Timeout, Retry::SAFE));
    assert_eq!(
        clock.run(client.within(Duration::from_secs(20)).status(&handle)).await.unwrap().state(),
        State::Pending
    );
}

#[tokio::test]
async fn waiting_ends_in_time_although_a_look_is_under_way() {
    let World { service, client, .. } = world(20).await;
    let clock = service.clock();
    let prepared = client.prepare(request("r-1")).await.unwrap();
    let handle = clock.run(client.submit(prepared)).await.unwrap().handle;
    let before = clock.monotonic();
    let wait = Wait::at_most(Duration::from_secs(50));
    let report = clock.run(client.wait(&handle, wait, |_| {})).await.unwrap();
    assert_eq!(report.state(), State::Pending, "the last report is returned");
    assert!(clock.monotonic() - before <= Duration::from_secs(50), "{:?}", clock.monotonic() - before);
    let error = clock.run(client.wait(&handle, Wait::at_most(Duration::from_secs(7)), |_| {})).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout, "there is no report to return");
}

#[tokio::test]
async fn two_different_ends_are_told_and_the_first_one_stands() {
    let World { service, client, .. } = world(0).await;
    let clock = service.clock();
    let prepared = client.prepare(request("r-1")).await.unwrap();
    let handle = clock.run(client.submit(prepared)).await.unwrap().handle;
    assert!(service.sign(&handle, "a"));
    service.lose_result(&handle);
    // Completed, with nothing to wait for: ends at once. A later look says declined.
    let first = client.status(&handle).await.unwrap().standing;
    service.end(&handle, State::Declined);
    let second = client.status(&handle).await.unwrap().standing;
    assert!(first.contradicts(second));
    assert_eq!(first.advance(second), Standing::stated(State::Completed));
}

#[tokio::test]
async fn what_lies_below_sees_deadline_class_and_reference() {
    let World { service, slow, client } = world(1).await;
    let clock = service.clock();
    let prepared = client.prepare(request("r-7")).await.unwrap();
    let handle = clock.run(client.submit(prepared)).await.unwrap().handle;
    let polling = client.within(Duration::from_secs(9)).of_class(CallClass::Poll);
    clock.run(polling.status(&handle)).await.unwrap();
    let scopes = slow.scopes.lock().unwrap().clone();
    assert_eq!((scopes[0].deadline, scopes[0].class), (None, CallClass::Act));
    assert_eq!((scopes[1].deadline, scopes[1].class), (Some(Duration::from_secs(10)), CallClass::Poll));
    assert!(scopes.iter().all(|s| s.reference.as_ref().is_some_and(|r| r.as_str() == "r-7")));
}

#[tokio::test]
async fn many_intents_are_one_question() {
    let World { service, slow, client } = world(0).await;
    let mut intents = Vec::new();
    for (name, lost) in [("r-1", true), ("r-2", false), ("r-3", true)] {
        let prepared = client.prepare(request(name)).await.unwrap();
        intents.push(prepared.intent().clone());
        if lost {
            service.fail_next(Operation::Submit, MemoryFault::LoseAnswer);
            assert!(client.submit(prepared).await.unwrap_err().is_outcome_unknown());
        }
    }
    let found = client.resolve_many(&intents).await.unwrap();
    let found: Vec<_> = found.iter().map(|r| matches!(r, Resolution::Found(_))).collect();
    assert_eq!(found, [true, false, true]);
    assert_eq!(*slow.listed.lock().unwrap(), [3]);
    assert!(client.resolve_many(&[]).await.unwrap().is_empty());
    let by_call = client.resolve_by_call(&intents[0], &InboundCall::get("/back")).await.unwrap();
    assert!(matches!(by_call, Resolution::Found(_)), "without help from the call it is an ordinary look");
}

const STEPS: &str = include_str!("golden/steps-1.json");

#[test]
fn next_steps_are_stored_as_ever_and_read_back() {
    use esign_core::secrecy::ExposeSecret;
    let url: url::Url = "https://sign.example/s?token=abc".parse().unwrap();
    let step = |signer: &str, step| NextStep { signer: signer.into(), step };
    let steps = [
        step(
            "a",
            Step::OpenLink {
                url: esign_core::SecretUrl::new(url),
                open_before: Some("2026-01-01T12:30:00Z".parse().unwrap()),
                shared: true,
            },
        ),
        step("b", Step::EmailSent),
        step("c", Step::WaitForOthers),
    ];
    let stored = NextStep::to_stored(&steps);
    assert_eq!(stored.expose_secret(), STEPS.trim_end());
    assert_eq!(NextStep::from_stored(STEPS).unwrap(), steps);
    assert!(!format!("{stored:?}").contains("token"));
    let newer = NextStep::from_stored(r#"{"steps":2,"sealed":"marker"}"#).unwrap_err();
    assert!(newer.message().contains("version 2") && !format!("{newer:?}").contains("marker"));
}
