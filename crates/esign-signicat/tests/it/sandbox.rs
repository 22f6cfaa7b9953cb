//! Whole flows over sockets, against the simulator, which shares no type with the adapter.

use std::sync::Arc;
use std::time::Duration;

use esign_core::memory::A4Pages;
use esign_core::{
    Artifact, ArtifactId, Client, Config, Delivery, Document, ErrorKind, Event, FixedSecrets, Handle,
    InboundCall, InstanceConfig, MediaType, Order, Reference, Registry, Resolution, ResultState, SignRequest,
    Signer, State, Step, Submission, Use, VirtualClock, Wait,
};
use esign_sandbox::signicat::{Downloads, ForwardTo, Signer as Person, SignicatControl, SignicatSettings};
use esign_sandbox::{Effect, Fault, Sandbox, SandboxClock};
use esign_signicat::{
    Action, Notice, SignicatConfig, SignicatOptions, SignicatProvider, SigningOrder, Task, TaskDocument,
};
use serde_json::{Value, json};

const START: &str = "2026-03-02T01:00:00Z";
const CLIENT: &str = "sandbox-client";
const SECRET: &str = "a secret: 100% + more";

pub(crate) struct Live {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    clock: VirtualClock,
}

async fn live() -> Live {
    live_with(&[], |_| {}).await
}

/// With these settings of the adapter and these switches of the simulator.
async fn live_with(settings: &[(&str, Value)], switches: impl FnOnce(&mut SignicatSettings)) -> Live {
    live_as(SECRET, settings, switches).await
}

/// With this secret.
pub(crate) async fn live_as(
    secret: &str,
    settings: &[(&str, Value)],
    switches: impl FnOnce(&mut SignicatSettings),
) -> Live {
    let builder = Sandbox::builder().clock(SandboxClock::virtual_at(START.parse().unwrap()));
    let sandbox = builder.signicat(|s| s.client(CLIENT, secret).settings(switches)).start().await.unwrap();
    let base = sandbox.base_url();
    let mut instance = InstanceConfig::new(esign_signicat::KIND)
        .with("base_url", format!("{base}enterprise/sign"))
        .with("token_url", format!("{base}auth/open/connect/token"))
        .with("client_id", CLIENT)
        .with("client_secret", json!({ "external": "secret" }))
        .with("methods", json!([{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }]))
        .with("email", json!({ "header": "Please sign", "message": "A document waits for you." }));
    for (name, value) in settings {
        instance = instance.with(*name, value.clone());
    }
    let clock = VirtualClock::jumping(START.parse().unwrap());
    let mut registry = Registry::new();
    registry.register::<SignicatConfig>().unwrap();
    let mut config = Config { active: Some("signicat".into()), ..Config::default() };
    config.providers.insert("signicat".to_owned(), instance);
    let client = Client::builder(registry)
        .config(config)
        .secrets(FixedSecrets::new().with("secret", secret))
        .clock(Arc::new(clock.clone()))
        .inspector(Arc::new(A4Pages(2)))
        .build()
        .await
        .unwrap();
    Live { sandbox, client, clock }
}

impl Live {
    fn signicat(&self) -> SignicatControl {
        self.sandbox.signicat()
    }

    fn provider(&self) -> Arc<SignicatProvider> {
        self.client.provider_as::<SignicatProvider>("signicat").unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    async fn send(&self, request: SignRequest) -> Submission {
        let prepared = self.client.prepare(request).await.unwrap();
        self.client.submit(prepared).await.unwrap()
    }

    async fn sign(&self, handle: &Handle, task: &str) {
        self.signicat().sign(handle.request().id(), task, &Person::named("Ada Lovelace")).await.unwrap();
    }

    async fn state(&self, handle: &Handle) -> State {
        self.client.status(handle).await.unwrap().state()
    }

    async fn download(&self, handle: &Handle, what: &str) -> Artifact {
        self.client.download(handle, &ArtifactId::parse(what)).await.unwrap()
    }
}

pub(crate) fn pdf() -> Vec<u8> {
    esign_sandbox::sample_pdf("Agreement", &["This is the first clause."])
}

fn request(delivery: Delivery) -> SignRequest {
    SignRequest::new(Reference::random().unwrap(), Document::pdf("Agreement", pdf()), delivery)
}

fn tenant() -> Signer {
    Signer::new("tenant").email("tenant@example.com")
}

fn two(delivery: Delivery, order: Order) -> SignRequest {
    request(delivery)
        .signer(tenant())
        .signer(Signer::new("landlord").email("landlord@example.com"))
        .order(order)
}

#[tokio::test]
async fn two_signers_in_order_and_the_race_between_browser_and_packaging() {
    let live = live().await;
    let submission = live.send(two(Delivery::ShareableLink, Order::Sequential)).await;
    let handle = &submission.handle;
    assert_eq!(live.state(handle).await, State::Pending);
    let early = live.signicat().sign(handle.request().id(), "task-2", &Person::named("Bob")).await;
    assert!(early.is_err(), "it is the first signer's turn");
    live.sign(handle, "task-1").await;
    assert_eq!(live.state(handle).await, State::InProgress);
    live.sign(handle, "task-2").await;
    // The signer is back, the file is not there.
    let report = live.client.status(handle).await.unwrap();
    assert_eq!((report.state(), report.result), (State::InProgress, ResultState::NotReady));
    let error = live.client.download(handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    live.advance(3);
    let report = live.client.wait(handle, Wait::FOREVER, |_| {}).await.unwrap();
    assert_eq!(report.state(), State::Completed);

    assert!(live.download(handle, "signed").await.content.starts_with(&pdf()));
    assert_eq!(live.download(handle, "original").await.content, pdf());
    let digest = submission.record.intent().documents()[0].sha256.to_string();
    for signer in ["tenant", "landlord"] {
        let evidence = live.download(handle, &format!("evidence:document/{signer}")).await;
        assert!(String::from_utf8(evidence.content.to_vec()).unwrap().contains(&digest));
    }
    let links = live.provider().signing_links(handle.request()).await.unwrap();
    assert_eq!(links.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["tenant", "landlord"]);
}

#[tokio::test]
async fn invitations_arrive_with_working_links() {
    let sms = ("sms", json!({ "message": "Sign here" }));
    let live = live_with(&[sms], |_| {}).await;
    let mut request = two(Delivery::ProviderEmail, Order::Parallel).message("Please sign the lease.");
    request.signers[0].phone = Some("+4712345678".into());
    let handle = live.send(request).await.handle;
    let mail = live.sandbox.mailbox();
    let to: Vec<_> = mail.iter().map(|message| message.to.as_str()).collect();
    assert_eq!(to, ["tenant@example.com", "+4712345678", "landlord@example.com"]);
    assert!(mail.iter().all(|message| message.link.is_some()), "{mail:?}");
    assert!(mail[0].text.starts_with("Please sign the lease."));
    live.sign(&handle, "task-2").await;
    live.sign(&handle, "task-1").await;
    live.advance(3);
    assert_eq!(live.state(&handle).await, State::Completed);
}

#[tokio::test]
async fn several_documents_text_views_and_uploads() {
    let live = live_with(&[("archive", json!(true))], |_| {}).await;
    let terms = Document::new("Terms", MediaType::TEXT, "I agree.").with_key("terms");
    let options: SignicatOptions = serde_json::from_value(
        json!({ "signers": { "tenant": { "uploads": [{ "description": "Proof" }] } } }),
    )
    .unwrap();
    let request = request(Delivery::InSessionRedirect)
        .document(terms)
        .signer(tenant().document("document", Use::Sign).document("terms", Use::View))
        .signer(Signer::new("witness"))
        .order(Order::Parallel)
        .with_option(&options)
        .unwrap();
    let handle = live.send(request).await.handle;
    let id = handle.request().id();
    let ada = Person::named("Ada Lovelace");
    live.signicat().upload(id, "task-1", "upload-1", &ada, pdf()).await.unwrap();
    live.sign(&handle, "task-1").await;
    live.sign(&handle, "task-2").await;
    live.advance(3);
    let report = live.client.status(&handle).await.unwrap();
    assert_eq!(report.state(), State::Completed);
    for artifact in &report.artifacts {
        assert!(!live.download(&handle, artifact.as_str()).await.content.is_empty(), "{artifact}");
    }
    assert_eq!(live.download(&handle, "uploaded:tenant/1").await.content, pdf());
    assert_eq!(live.download(&handle, "original:terms").await.content, "I agree.");
    assert!(live.download(&handle, "archived:document").await.content.starts_with(b"%PDF-"));
}

#[tokio::test]
async fn ends_mixed_and_packaging_that_fails() {
    let live = live().await;
    let control = live.signicat();
    let send = || async { live.send(two(Delivery::ShareableLink, Order::Parallel)).await.handle };
    let id = |handle: &Handle| handle.request().id().to_owned();

    let rejected = send().await;
    control.reject(&id(&rejected), "task-1", &Person::named("Ada"), None).unwrap();
    control.expire(&id(&rejected), "task-2").unwrap();
    assert_eq!(live.state(&rejected).await, State::Declined);

    let expired = send().await;
    live.sign(&expired, "task-1").await;
    control.expire(&id(&expired), "task-2").unwrap();
    assert_eq!(live.state(&expired).await, State::Expired);

    let deleted = send().await;
    control.expire(&id(&deleted), "task-1").unwrap();
    control.delete_task(&id(&deleted), "task-2").unwrap();
    assert_eq!(live.state(&deleted).await, State::Cancelled);

    let failed = send().await;
    control.fail_next_packaging();
    live.sign(&failed, "task-1").await;
    live.sign(&failed, "task-2").await;
    live.advance(3);
    let report = live.client.status(&failed).await.unwrap();
    assert_eq!(report.state(), State::Failed);
    assert!(!live.download(&failed, "evidence:document/tenant").await.content.is_empty());

    let called_back = send().await;
    live.client.cancel(&called_back).await.unwrap();
    assert_eq!(live.state(&called_back).await, State::Cancelled);
}

#[tokio::test]
async fn a_forwarded_task_is_followed() {
    let live = live().await;
    let handle = live.send(request(Delivery::ShareableLink).signer(tenant())).await.handle;
    let to: ForwardTo = serde_json::from_value(json!({ "name": "Bob", "email": "bob@example.com" })).unwrap();
    let id = handle.request().id();
    let next = live.signicat().forward(id, "task-1", &Person::named("Ada"), &to).unwrap();
    assert_eq!(live.state(&handle).await, State::Pending, "passed on is not declined");
    live.signicat().reject(id, &next, &Person::named("Bob"), None).unwrap();
    assert_eq!(live.state(&handle).await, State::Declined);
    let forwards = live.provider().client().task_forwards(id, "task-1").await.unwrap();
    assert_eq!(forwards[0].task_id.as_deref(), Some(next.as_str()));
    let events = live.provider().client().task_events(id, "task-1").await.unwrap();
    assert!(events.iter().all(|event| event.at.is_some()), "{events:?}");
}

#[tokio::test]
async fn tokens_end_and_are_revoked_in_the_middle_of_a_flow() {
    let live = live().await;
    let handle = live.send(request(Delivery::ShareableLink).signer(tenant())).await.handle;
    live.signicat().revoke_tokens();
    assert_eq!(live.state(&handle).await, State::Pending);
    // The simulator's clock only: the adapter thinks that its token is good.
    live.sandbox.clock().advance(Duration::from_secs(601));
    live.send(request(Delivery::ShareableLink).signer(tenant())).await;
    assert_eq!(live.sandbox.call_count("signicat.token"), 3);
    assert_eq!(live.signicat().orders().len(), 2, "no order was made twice");
}

#[tokio::test]
async fn fifty_submits_at_once_fetch_one_token_and_make_fifty_orders() {
    let live = live().await;
    let mut calls = Vec::new();
    for _ in 0..50 {
        let client = live.client.clone();
        calls.push(tokio::spawn(async move {
            let prepared = client.prepare(request(Delivery::ProviderEmail).signer(tenant())).await.unwrap();
            client.submit(prepared).await.map(drop)
        }));
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(live.sandbox.call_count("signicat.token"), 1);
    assert_eq!(live.signicat().orders().len(), 50);
}

#[tokio::test]
async fn an_upload_that_has_run_out_makes_no_order() {
    let live = live().await;
    let provider = live.provider();
    let stored = provider.client().upload_document(&MediaType::PDF, pdf().into()).await.unwrap();
    assert_eq!(stored.len(), 58);
    live.advance(31 * 60);
    let order = SigningOrder {
        tasks: vec![Task {
            id: "1".to_owned(),
            documents: vec![TaskDocument::stored("d", Action::Sign, stored)],
            signature_methods: vec![esign_signicat::SignatureMethod {
                handwritten: Some(true),
                ..Default::default()
            }],
            ..Task::default()
        }],
        ..SigningOrder::default()
    };
    let error = provider.client().create_order(&order).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(live.signicat().orders().is_empty());
}

#[tokio::test]
async fn downloads_are_followed_to_another_host_without_the_token() {
    for downloads in [Downloads::Redirect, Downloads::OtherHost] {
        let live = live_with(&[], |settings| settings.downloads = downloads).await;
        let handle = live.send(request(Delivery::ShareableLink).signer(tenant())).await.handle;
        live.sign(&handle, "task-1").await;
        live.advance(3);
        assert!(live.download(&handle, "signed").await.content.starts_with(&pdf()), "{downloads:?}");
    }
}

#[tokio::test]
async fn a_lost_order_is_found_by_the_browser_that_comes_back() {
    let live = live().await;
    live.sandbox.inject(Fault::on("signicat.create", Effect::Close).after_commit()).unwrap();
    let request = two(Delivery::ProviderEmail, Order::Sequential)
        .return_url("https://app.example/done?case=12".parse().unwrap());
    let prepared = live.client.prepare(request).await.unwrap();
    let intent = prepared.intent().clone();
    assert!(live.client.submit(prepared).await.unwrap_err().is_outcome_unknown());
    let orders = live.signicat().orders();
    assert_eq!(orders.len(), 1, "lost, and not repeated");

    let back = live.signicat().postpone(&orders[0].id, "task-1", &Person::named("Ada")).unwrap().unwrap();
    let back: url::Url = back.parse().unwrap();
    let call = back
        .query_pairs()
        .fold(InboundCall::get("/done"), |call, (name, value)| call.with_query(name, value));
    let notice = Notice::of(&call);
    assert_eq!(notice.reference.as_deref(), Some(intent.reference().as_str()));
    let found = live.provider().recover(&intent, notice.order_id.as_deref().unwrap()).await.unwrap();
    let Resolution::Found(found) = found else { panic!("{found:?}") };
    assert_eq!(live.state(&found.handle).await, State::Pending);
    assert!(found.next_steps.iter().any(|next| next.step == Step::WaitForOthers));
    match live.client.receive("signicat", &call).await.unwrap().events.unwrap().as_slice() {
        [Event::Hint { key, .. }] => assert_eq!(*key, Some(found.handle.key())),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_older_platform_is_served_by_its_settings() {
    let live = live().await;
    let base = live.sandbox.base_url();
    let instance = InstanceConfig::new(esign_signicat::KIND)
        .with("platform", "nordics")
        .with("base_url", format!("{base}sign"))
        .with("token_url", format!("{base}oidc/token"))
        .with("client_id", CLIENT)
        .with("client_secret", json!({ "external": "secret" }));
    let mut registry = Registry::new();
    registry.register::<SignicatConfig>().unwrap();
    let mut config = Config::default();
    config.providers.insert("older".to_owned(), instance);
    let secrets = FixedSecrets::new().with("secret", SECRET);
    let client = Client::builder(registry).config(config).secrets(secrets).build().await.unwrap();
    let probe = client.probe("older").await.unwrap();
    assert!(probe.is_good(), "{probe:?}");
}
