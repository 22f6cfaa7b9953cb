//! What the client promises around any provider: routing, changes at run time, lost answers, waiting.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::memory::{KIND, MemoryConfig, MemoryFault, MemoryProvider, MemoryService};
use esign_core::{
    Artifact, ArtifactId, BuildContext, CancelOutcome, Capabilities, Client, Config, Delivery, Document,
    Documents, ErrorKind, Finding, Handle, InstanceConfig, Observation, Observer, Operation, Prepared,
    Provider, ProviderConfig, ProviderKind, Reference, Registry, RequestRef, Resolution, Resolved, Result,
    Retry, SignRequest, Signer, State, StatusReport, Submission, Wait,
};
use tokio::sync::Notify;

fn request() -> SignRequest {
    let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
    SignRequest::new(Reference::random().unwrap(), document, Delivery::ShareableLink).signer(Signer::new("a"))
}

fn config(toml: &str) -> Config {
    toml::from_str(toml).unwrap()
}

async fn client(toml: &str) -> Client {
    Client::builder(registry()).config(config(toml)).build().await.unwrap()
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register::<MemoryConfig>().unwrap().register::<OtherConfig>().unwrap();
    registry
}

async fn send(client: &Client) -> Handle {
    client.submit(client.prepare(request()).await.unwrap()).await.unwrap().handle
}

/// Another kind over the same service.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherConfig {}

const OTHER: ProviderKind = ProviderKind::new("other");

#[async_trait]
impl ProviderConfig for OtherConfig {
    const KIND: ProviderKind = OTHER;

    async fn build(self, _: &BuildContext) -> Result<Arc<dyn Provider>> {
        let service = MemoryService::new();
        service.change_capabilities(|caps| caps.kind = OTHER);
        Ok(Arc::new(Slow { inner: service.provider(), kind: OTHER, gate: Arc::default() }))
    }
}

/// The in-memory provider behind a gate, without a way to look anything up.
#[derive(Clone, Debug)]
struct Slow {
    inner: MemoryProvider,
    kind: ProviderKind,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    closed: Mutex<bool>,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    async fn pass(&self) {
        if *self.closed.lock().unwrap() {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }
}

impl Provider for Slow {
    fn kind(&self) -> ProviderKind {
        self.kind.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for Slow {
    fn check(&self, request: &Resolved<'_>) -> Vec<Finding> {
        self.inner.check(request)
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let submission = self.inner.submit(request).await;
        self.gate.pass().await;
        submission
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        self.gate.pass().await;
        self.inner.status(at).await
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        self.inner.download(at, what).await
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        self.inner.cancel(at).await
    }
}

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn observe(&self, event: &Observation<'_>) {
        let note = match event {
            Observation::Submitted { instance, reference, .. } => {
                format!("submitted {reference} on {instance}")
            }
            Observation::OutcomeUnknown { instance, reference } => {
                format!("unknown {reference} on {instance}")
            }
            Observation::Status { state, .. } => format!("status {state}"),
            _ => return,
        };
        self.0.lock().unwrap().push(note);
    }
}

async fn slow() -> (Client, Slow, Arc<Notes>) {
    let slow = Slow { inner: MemoryService::new().provider(), kind: KIND, gate: Arc::default() };
    let notes = Arc::new(Notes::default());
    let config = Config { active: Some("slow".into()), ..Config::default() };
    let client = Client::builder(registry())
        .config(config)
        .provider("slow", Arc::new(slow.clone()))
        .observer(Arc::clone(&notes) as Arc<dyn Observer>)
        .clock(Arc::new(slow.inner.service().clock()))
        .build()
        .await
        .unwrap();
    (client, slow, notes)
}

#[tokio::test]
async fn a_call_in_flight_survives_the_removal_of_its_instance() {
    let (client, slow, _) = slow().await;
    let handle = send(&client).await;
    slow.gate.close();
    let in_flight = tokio::spawn({
        let (client, handle) = (client.clone(), handle.clone());
        async move { client.status(&handle).await }
    });
    slow.gate.reached.notified().await;
    client.remove("slow").unwrap();
    let gone = client.status(&handle).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::BadHandle);
    assert!(gone.message().contains("[providers.slow]"), "{gone}");
    slow.gate.opened.notify_one();
    assert_eq!(in_flight.await.unwrap().unwrap().state(), State::Pending);
    assert_eq!(client.active(), None);
    assert_eq!(client.prepare(request()).await.unwrap_err().field_path(), Some("active"));
}

#[tokio::test]
async fn instances_come_change_and_go() {
    let client = client("active = 'one'\n[providers.one]\nkind = 'memory'").await;
    let memory = InstanceConfig::new(KIND);
    client.add("two", &memory).await.unwrap();
    assert_eq!(client.add("two", &memory).await.unwrap_err().field_path(), Some("providers.two"));
    client.activate("two").unwrap();
    let handle = send(&client).await;
    assert_eq!(handle.instance(), "two");

    let before = client.provider("two").unwrap();
    let broken = memory.clone().with("colour", "red");
    let error = client.replace("two", &broken).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Config, Some(Operation::Build)));
    assert!(error.to_string().contains("colour"), "{error}");
    assert!(Arc::ptr_eq(&before, &client.provider("two").unwrap()), "a failed change changed something");

    client.replace("two", &memory).await.unwrap();
    assert!(!Arc::ptr_eq(&before, &client.provider("two").unwrap()));
    for unknown in [client.replace("three", &memory).await, client.remove("three"), client.activate("three")]
    {
        let error = unknown.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("one, two"), "{error}");
    }
}

#[tokio::test]
async fn a_reload_replaces_everything_or_nothing() {
    let client =
        client("active = 'one'\n[providers.one]\nkind = 'memory'\n[providers.two]\nkind = 'memory'").await;
    let broken = [
        "active = 'three'\n[providers.three]\nkind = 'memory'\n[providers.four]\nkind = 'nobody'",
        "active = 'five'\n[providers.three]\nkind = 'memory'",
        "[providers.three]\nkind = 'memory'\n[providers.four]\nkind = 'memory'\naliases = ['three']",
        "[providers.three]\nkind = 'memory'\ncolour = 'red'",
    ];
    for toml in broken {
        assert_eq!(client.reload(&config(toml)).await.unwrap_err().kind(), ErrorKind::Config, "{toml}");
        let names: Vec<_> = client.instances().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            (names, client.active()),
            (vec!["one".into(), "two".into()], Some("one".into())),
            "{toml}"
        );
    }
    client.reload(&config("[providers.three]\nkind = 'memory'")).await.unwrap();
    assert_eq!(client.instances().len(), 1);
    assert_eq!(client.active(), None);
}

#[tokio::test]
async fn a_handle_finds_its_instance_by_an_alias_and_no_other() {
    let at = |name: &str, more: &str| {
        format!(
            "active = '{name}'\n[providers.{name}]\nkind = 'memory'\nbase_url = 'https://a.example'\n{more}"
        )
    };
    let client = client(&at("old", "")).await;
    let handle = send(&client).await;
    let service = client.provider_as::<MemoryProvider>("old").unwrap();

    // Each memory instance has a service of its own, so a renamed one knows the address but not the request.
    client.reload(&config(&at("new", "aliases = ['old']"))).await.unwrap();
    assert_eq!(client.status(&handle).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(service.service().calls(Operation::Status), 0);

    let cases = [
        (at("new", ""), "not configured"),
        (at("new", "aliases = ['older']"), "not configured"),
        (at("old", "").replace("a.example", "b.example"), "another address"),
        ("[providers.old]\nkind = 'other'".to_owned(), "of kind other"),
        ("[providers.new]\nkind = 'other'\naliases = ['old']".to_owned(), "of kind other"),
    ];
    for (toml, expected) in cases {
        client.reload(&config(&toml)).await.unwrap();
        for error in [
            client.status(&handle).await.unwrap_err(),
            client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err(),
            client.cancel(&handle).await.unwrap_err(),
            client.erase(&handle).await.unwrap_err(),
            client.wait(&handle, Wait::FOREVER, |_| ()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::BadHandle, "{toml}: {error}");
            assert_eq!(error.retry(), Retry::Never);
            assert!(error.message().contains(expected), "{toml}: {error}");
        }
    }
}

#[tokio::test]
async fn a_prepared_request_is_not_sent_where_it_was_not_prepared_for() {
    let client = client("active = 'm'\n[providers.m]\nkind = 'memory'\nbase_url = 'https://a.example'").await;
    let prepared = client.prepare(request()).await.unwrap();
    let intent = prepared.intent().clone();
    let moved = "active = 'm'\n[providers.m]\nkind = 'memory'\nbase_url = 'https://b.example'";
    client.reload(&config(moved)).await.unwrap();
    assert_eq!(client.submit(prepared).await.unwrap_err().kind(), ErrorKind::BadHandle);
    assert_eq!(client.resolve(&intent).await.unwrap_err().kind(), ErrorKind::BadHandle);
    assert_eq!(client.provider_as::<MemoryProvider>("m").unwrap().service().accepted(), 0);
}

#[tokio::test]
async fn options_for_a_kind_that_nobody_registered_are_an_error() {
    let client = client("active = 'm'\n[providers.m]\nkind = 'memory'").await;
    let with = |kind: &str| {
        let mut request = request();
        request.options = serde_json::from_str(&format!("{{\"{kind}\":{{}}}}")).unwrap();
        request
    };
    let error = client.prepare(with("signifi")).await.unwrap_err();
    assert_eq!((error.kind(), error.field_path()), (ErrorKind::InvalidRequest, Some("options.signifi")));
    assert!(error.message().contains("memory, other"), "{error}");
    // Registered, though no instance of it is configured: one request may carry options for several kinds.
    client.prepare(with("other")).await.unwrap();
}

#[tokio::test]
async fn a_dropped_submit_counts_as_unknown_and_is_told() {
    let (client, slow, notes) = slow().await;
    let prepared = client.prepare(request()).await.unwrap();
    let (intent, reference) = (prepared.intent().clone(), prepared.intent().reference().clone());
    slow.gate.close();
    {
        let submit = client.submit(prepared);
        tokio::select! {
            biased;
            _ = submit => panic!("the gate is closed"),
            () = slow.gate.reached.notified() => {}
        }
    }
    assert_eq!(*notes.0.lock().unwrap(), [format!("unknown {reference} on slow")]);
    assert_eq!(slow.inner.service().accepted(), 1);
    // This provider has no way to look it up, and says so instead of guessing.
    let Resolution::Unknown { why } = client.resolve(&intent).await.unwrap() else { panic!() };
    assert!(why.contains("no way to ask"), "{why}");
}

#[tokio::test]
async fn each_way_a_submit_ends_is_told_and_resolved_honestly() {
    let cases = [
        (None, Retry::Never, 1, true),
        (Some(MemoryFault::LoseAnswer), Retry::OutcomeUnknown, 1, true),
        (Some(MemoryFault::FailAfterEffect), Retry::OutcomeUnknown, 1, true),
        (Some(MemoryFault::Garbage), Retry::OutcomeUnknown, 1, true),
        (Some(MemoryFault::RefuseConnection), Retry::SAFE, 0, false),
        (Some(MemoryFault::RateLimited { after: None }), Retry::SAFE, 0, false),
        (Some(MemoryFault::Refuse(400)), Retry::Never, 0, false),
    ];
    for (fault, retry, accepted, found) in cases {
        let service = MemoryService::new();
        let notes = Arc::new(Notes::default());
        let config = Config { active: Some("memory".into()), ..Config::default() };
        let client = Client::builder(Registry::new())
            .config(config)
            .provider("memory", Arc::new(service.provider()))
            .observer(Arc::clone(&notes) as Arc<dyn Observer>)
            .build()
            .await
            .unwrap();
        if let Some(fault) = fault {
            service.fail_next(Operation::Submit, fault);
        }
        let prepared = client.prepare(request()).await.unwrap();
        let intent = prepared.intent().clone();
        let result = client.submit(prepared).await;
        let told = notes.0.lock().unwrap().join(";");
        match &result {
            Ok(_) => assert!(told.starts_with("submitted"), "{told}"),
            Err(error) => {
                assert_eq!(error.retry(), retry, "{fault:?}");
                assert_eq!(error.operation(), Some(Operation::Submit));
                assert_eq!((error.instance(), error.provider()), (Some("memory"), Some(&KIND)));
                assert_eq!(told.starts_with("unknown"), retry == Retry::OutcomeUnknown, "{fault:?}: {told}");
            }
        }
        assert_eq!(service.accepted(), accepted, "{fault:?}");
        match client.resolve(&intent).await.unwrap() {
            Resolution::Found(submission) => {
                assert!(found, "{fault:?}");
                assert_eq!(client.status(&submission.handle).await.unwrap().state(), State::Pending);
                assert_eq!(submission.record.intent(), &intent);
                if let Ok(sent) = result {
                    assert_eq!(sent.handle, submission.handle);
                }
            }
            Resolution::NotFound => assert!(!found, "{fault:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn wait_sits_out_what_is_safe_to_repeat_and_one_odd_answer() {
    let service = MemoryService::new();
    let client = service.client().await.unwrap();
    let clock = service.clock();
    let handle = send(&client).await;
    let after = Some(Duration::from_secs(40));
    service.fail_next(Operation::Status, MemoryFault::RefuseConnection);
    service.fail_next(Operation::Status, MemoryFault::RateLimited { after });
    service.fail_next(Operation::Status, MemoryFault::Garbage);
    let mut seen = Vec::new();
    let ended = clock.run(client.wait(&handle, Wait::FOREVER, |report| {
        seen.push(report.state());
        if seen.len() == 2 {
            assert!(service.sign(&handle, "a"));
        }
    }));
    let report = ended.await.unwrap();
    assert_eq!(report.state(), State::Completed);
    assert_eq!(seen, [State::Pending, State::Pending, State::Completed]);
    // 5 s after each look and each fault, 40 s where that was asked for.
    assert_eq!(esign_core::Clock::monotonic(&clock), Duration::from_secs(5 + 40 + 5 + 5 + 5));

    for odd in [MemoryFault::Refuse(401), MemoryFault::Intercepted(302), MemoryFault::Intercepted(404)] {
        service.fail_next(Operation::Status, odd);
        let report = clock.run(client.wait(&handle, Wait::FOREVER, |_| ())).await.unwrap();
        assert_eq!(report.state(), State::Completed, "after one {odd:?}");
        service.fail_next(Operation::Status, odd);
        service.fail_next(Operation::Status, odd);
        let error = clock.run(client.wait(&handle, Wait::FOREVER, |_| ())).await.unwrap_err();
        assert!(error.http_status().is_some(), "two of them in a row are believed: {error}");
    }
}

#[tokio::test]
async fn no_pause_that_a_provider_asks_for_is_too_long_for_the_clock() {
    let service = MemoryService::new();
    let client = service.client().await.unwrap();
    let clock = service.clock();
    let handle = send(&client).await;
    let _ = clock.run(client.wait(&handle, Wait::at_most(Duration::from_secs(1)), |_| ())).await;
    assert!(service.sign(&handle, "a"));
    let before = esign_core::Clock::monotonic(&clock);
    let after = Some(Duration::from_secs(u64::MAX));
    service.fail_next(Operation::Status, MemoryFault::RateLimited { after });
    let for_ever = Wait::at_most(Duration::MAX);
    assert_eq!(clock.run(client.wait(&handle, for_ever, |_| ())).await.unwrap().state(), State::Completed);
    let waited = esign_core::Clock::monotonic(&clock) - before;
    assert_eq!(waited, Duration::from_secs(3600), "the documented bound");
}

#[tokio::test]
async fn a_wait_ends_in_time_even_if_the_provider_does_not_answer() {
    let (client, slow, _) = slow().await;
    let clock = slow.inner.service().clock();
    let handle = send(&client).await;
    slow.gate.close();
    let wait = Wait::at_most(Duration::from_secs(23));
    let error = clock.run(client.wait(&handle, wait, |_| ())).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Timeout, Retry::SAFE));
    assert_eq!(esign_core::Clock::monotonic(&clock), Duration::from_secs(23));
}

#[tokio::test]
async fn wait_gives_up_with_the_last_report_or_error() {
    let service = MemoryService::new();
    let client = service.client().await.unwrap();
    let clock = service.clock();
    let handle = send(&client).await;
    let minute = Wait::at_most(Duration::from_secs(60)).every(Duration::from_secs(25));
    let report = clock.run(client.wait(&handle, minute, |_| ())).await.unwrap();
    assert_eq!(report.state(), State::Pending);
    assert_eq!(service.calls(Operation::Status), 3, "at 0, 25 and 50 seconds");

    let already = esign_core::Clock::monotonic(&clock);
    service.fail_next(Operation::Status, MemoryFault::RateLimited { after: Some(Duration::from_secs(600)) });
    let error = clock.run(client.wait(&handle, minute, |_| ())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(esign_core::Clock::monotonic(&clock), already, "nobody waits for what comes too late");
}

#[tokio::test]
async fn cancel_reads_the_status_first_and_leaves_a_completed_request_alone() {
    let service = MemoryService::new();
    let client = service.client().await.unwrap();
    let handle = send(&client).await;
    assert!(service.sign(&handle, "a"));
    assert_eq!(client.cancel(&handle).await.unwrap(), CancelOutcome::TooLate);
    assert_eq!(service.calls(Operation::Cancel), 0);

    let open = send(&client).await;
    assert_eq!(client.cancel(&open).await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(client.cancel(&open).await.unwrap(), CancelOutcome::AlreadyGone);

    service.change_capabilities(|caps| caps.cancel = esign_core::Support::Unknown);
    assert_eq!(client.cancel(&open).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
