//! The conformance kit over the sandbox's Sign with Singpass.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use esign_conformance::{Action, Backend, BackendClock, Fault, Harness, Relay, drawn_boxes};
use esign_core::facts::Rect;
use esign_core::{
    Clock, Handle, Identity, InboundCall, InstanceConfig, KeyAlgorithm, Operation, Placement, Registry,
    Result, Signer, SigningKey,
};
use esign_http::LocalKey;
use esign_sandbox::singpass::{Client as RelyingParty, ClientKeys, Person};
use esign_sandbox::{Effect, Fault as Planned, Sandbox, SandboxClock};
use esign_singpass::{KIND, SingpassConfig};
use serde_json::{Value, json};

const START: &str = "2026-03-02T01:00:00Z";
const CLIENT_ID: &str = "conformance";
const PERSON: &str = "Zq Signatory";
const NRIC: &str = "S1234567D";
const ANOTHER: &str = "T7654321Z";

fn main() -> ExitCode {
    esign_conformance::main(SingpassHarness)
}

struct SingpassHarness;

/// The sandbox behind a relay, through which the kit refuses connections.
struct SingpassBackend {
    sandbox: Sandbox,
    relay: Relay,
    key: Arc<LocalKey>,
    clock: Arc<BackendClock>,
    webhooks: Webhooks,
}

/// The bodies that came to the webhook.
type Webhooks = Arc<Mutex<Vec<Bytes>>>;

#[async_trait]
impl Harness for SingpassHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let time = SandboxClock::virtual_at(START.parse().unwrap());
        let (told, moved) = (time.clone(), time.clone());
        let clock = Arc::new(BackendClock::new(move || told.now(), move |by| moved.advance(by)));
        let key = Arc::new(LocalKey::generate(KeyAlgorithm::Es256, Some("rp-1")).unwrap());
        let webhooks = Webhooks::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook_url = format!("http://{}/webhook", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().route("/webhook", post(webhook)).with_state(webhooks.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let registered = RelyingParty {
            client_id: CLIENT_ID.to_owned(),
            keys: ClientKeys::Inline(json!({ "keys": [key.public_jwk()] })),
            redirect_url: "https://rp.example/back".parse().unwrap(),
            webhook_url,
        };
        let builder = Sandbox::builder().clock(time);
        let sandbox = builder.singpass(|s| s.client(registered)).start().await.unwrap();
        let relay = Relay::open(sandbox.local_addr()).await.unwrap();
        Box::new(SingpassBackend { sandbox, relay, key, clock, webhooks })
    }
}

async fn webhook(State(webhooks): State<Webhooks>, body: Bytes) {
    webhooks.lock().unwrap().push(body);
}

/// The request that a webhook is about.
fn request_id(webhook: &[u8]) -> String {
    let body: Value = serde_json::from_slice(webhook).unwrap();
    let claims = body["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["request_id"].as_str().unwrap().to_owned()
}

impl SingpassBackend {
    fn at(address: impl std::fmt::Display) -> InstanceConfig {
        InstanceConfig::new(KIND)
            .with("base_url", format!("http://{address}/api/v3"))
            .with("jwks_url", format!("http://{address}/.well-known/keys.json"))
            .with("client_id", CLIENT_ID)
            .with("signing_key", json!({ "external": "rp" }))
            .with("cancelled_codes", json!(["REQUEST_CANCELLED", "REQUEST_ALREADY_CANCELLED"]))
    }
}

/// The sandbox's name of the call that an operation needs.
fn call(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Submit => "singpass.initiate",
        Operation::Status => "singpass.result",
        Operation::Download => "singpass.download",
        Operation::Cancel => "singpass.cancel",
        _ => return None,
    })
}

/// A refusal in Singpass's own form.
fn refusal(status: u16, code: &str) -> Effect {
    let words = "no such thing for zqmarker1@conformance.example";
    Effect::json(status, json!({ "error": code, "error_description": words }).to_string())
}

#[async_trait]
impl Backend for SingpassBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<SingpassConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        Self::at(self.relay.address())
    }

    fn elsewhere(&self) -> InstanceConfig {
        Self::at("127.0.0.1:9")
    }

    fn keys(&self) -> Vec<(String, Arc<dyn SigningKey>)> {
        vec![("rp".to_owned(), self.key.clone())]
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn native(&self, signer: u32) -> Option<Placement> {
        Placement::native(KIND, 1, "0.1", &format!("0.{signer}")).ok()
    }

    fn markers(&self) -> Vec<String> {
        vec![PERSON.to_owned(), NRIC.to_owned()]
    }

    fn trace_target(&self) -> &'static str {
        "esign_sandbox"
    }

    async fn act(&self, handle: &Handle, _: &Signer, action: Action) -> bool {
        let (control, id) = (self.sandbox.singpass(), handle.request().id());
        let person = Person::new(PERSON, NRIC);
        match action {
            Action::Sign => control.sign(id, &person).await.is_ok(),
            Action::SignAsSomebodyElse => control.sign(id, &Person::new(PERSON, ANOTHER)).await.is_ok(),
            Action::Leave => control.open(id, &person).and_then(|()| control.leave(id)).is_ok(),
            // In the app, which ends nothing and is told to nobody.
            Action::Decline => {
                let proceeded = control.open(id, &person).and_then(|()| control.proceed(id));
                proceeded.and_then(|()| control.reject(id)).is_ok()
            }
            _ => false,
        }
    }

    async fn pass(&self, time: Duration) {
        self.sandbox.clock().advance(time);
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new(Identity::SG_NRIC, NRIC))
    }

    fn readme(&self) -> Option<&'static str> {
        Some(include_str!("../README.md"))
    }

    fn relay(&self) -> Option<&Relay> {
        Some(&self.relay)
    }

    async fn inject(&self, operation: Operation, fault: Fault) -> bool {
        let Some(call) = call(operation) else { return false };
        let planned = match fault {
            Fault::LoseAnswer => Planned::on(call, Effect::Close).after_commit(),
            Fault::RateLimited { after } => {
                let seconds = after.map(|after| u32::try_from(after.as_secs()).unwrap());
                Planned::on(call, Effect::too_many_requests(seconds))
            }
            Fault::Refuse(401) => Planned::on(call, refusal(401, "UNAUTHORIZED")),
            Fault::Refuse(status) => Planned::on(call, refusal(status, "INVALID_REQUEST")),
            Fault::FailAfterEffect => Planned::on(call, Effect::html(503)).after_commit(),
            Fault::Garbage => Planned::on(call, Effect::html(200)).after_commit(),
            Fault::Truncate => Planned::on(call, Effect::Truncate { keep: 20 }),
            Fault::Intercepted { status, body } if body.starts_with('<') => Planned::on(
                call,
                Effect::Answer {
                    status,
                    headers: [("content-type".to_owned(), "text/html".to_owned())].into(),
                    body: body.to_owned(),
                },
            ),
            Fault::Intercepted { status, body } => Planned::on(call, Effect::json(status, body)),
            Fault::Link("") => Planned::on(call, Effect::set("/signing_url", json!(null))),
            Fault::Link(link) => Planned::on(call, Effect::set("/signing_url", link)),
            _ => return false,
        };
        self.sandbox.inject(planned).is_ok()
    }

    async fn reached(&self, operation: Operation) -> u32 {
        let calls = call(operation).map_or(0, |call| self.sandbox.call_count(call));
        u32::try_from(calls).unwrap()
    }

    async fn accepted(&self) -> u32 {
        u32::try_from(self.sandbox.singpass().requests().len()).unwrap()
    }

    async fn received(&self, handle: &Handle) -> Option<Vec<Bytes>> {
        // Nobody has signed yet, so it is what was sent.
        self.sandbox.singpass().pdf(handle.request().id()).ok().map(|pdf| vec![pdf])
    }

    async fn boxes(&self, handle: &Handle) -> Option<Vec<(u32, Rect)>> {
        let signed = self.sandbox.singpass().pdf(handle.request().id()).ok()?;
        Some(drawn_boxes(&signed))
    }

    async fn extend(&self) -> bool {
        self.sandbox.inject(Planned::on("singpass.*", Effect::Extend).times(1000)).is_ok()
    }

    fn refusal_words(&self) -> Option<&'static str> {
        Some("INVALID_REQUEST")
    }

    fn stored_handles(&self) -> Vec<String> {
        vec![include_str!("golden/handle-1.json").to_owned()]
    }

    async fn speak(&self, _: &Handle, word: &str) -> bool {
        let forever = Planned::on("singpass.result", refusal(400, word)).times(1000);
        self.sandbox.inject(forever).is_ok()
    }

    fn callback_is_a_token(&self) -> bool {
        true
    }

    async fn callbacks(&self, handle: &Handle) -> Vec<InboundCall> {
        self.sandbox.singpass().webhooks_done().await;
        let all = self.webhooks.lock().unwrap().clone();
        let about = |body: &Bytes| request_id(body) == handle.request().id();
        // Without headers: none of them proves anything.
        all.into_iter().filter(about).map(|body| InboundCall::post("/webhook", body)).collect()
    }
}
