//! The conformance kit over Documenso: the sandbox's, or a real server that `ESIGN_DOCUMENSO_URL` and
//! `ESIGN_DOCUMENSO_TOKEN` name.

mod real;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use esign_conformance::{Action, Backend, Fault, Harness, Relay};
use esign_core::facts::Rect;
use esign_core::{
    Clock, FixedSecrets, Handle, InboundCall, InstanceConfig, Operation, Placement, Registry, Result,
    SignRequest, Signer, Spot, VirtualClock,
};
use esign_documenso::{DocumensoConfig, KIND};
use esign_sandbox::{Effect, Fault as Planned, Sandbox, SandboxClock};
use serde_json::json;

const START: &str = "2026-03-02T01:00:00Z";
const TOKEN: &str = "api_conformance00token";
const SECRET: &str = "conformance-webhook-secret";

fn main() -> ExitCode {
    match real::server() {
        Some(server) => esign_conformance::main(server),
        None => {
            eprintln!(
                "a real server: skipped, because ESIGN_DOCUMENSO_URL and ESIGN_DOCUMENSO_TOKEN do not name one"
            );
            esign_conformance::main(DocumensoHarness)
        }
    }
}

struct DocumensoHarness;

/// The sandbox behind a relay, through which the kit refuses connections.
struct DocumensoBackend {
    sandbox: Sandbox,
    relay: Relay,
    clock: VirtualClock,
}

#[async_trait]
impl Harness for DocumensoHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let start = START.parse().unwrap();
        let builder = Sandbox::builder().clock(SandboxClock::virtual_at(start));
        // The client's clock jumps over its own waits, so the two clocks' minutes are not the same.
        let builder = builder.documenso(|d| d.api_token(TOKEN).settings(|s| s.requests_per_minute = None));
        let sandbox = builder.start().await.unwrap();
        let hook = esign_sandbox::documenso::Webhook {
            url: "http://127.0.0.1:9/hook".parse().unwrap(),
            secret: SECRET.into(),
        };
        sandbox.documenso().change(|s| s.webhook = Some(hook));
        let relay = Relay::open(sandbox.local_addr()).await.unwrap();
        // Links lead where the calls went.
        let public = format!("http://{}/documenso", relay.address()).parse().unwrap();
        sandbox.documenso().change(|s| s.public_url = Some(public));
        Box::new(DocumensoBackend { sandbox, relay, clock: VirtualClock::jumping(start) })
    }
}

impl DocumensoBackend {
    fn at(address: impl std::fmt::Display) -> InstanceConfig {
        InstanceConfig::new(KIND)
            .with("base_url", format!("http://{address}/documenso"))
            .with("api_token", json!({ "external": "token" }))
            .with("callback_secret", json!({ "external": "secret" }))
    }
}

/// The sandbox's name of the call that an operation needs.
fn call(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Submit => "documenso.distribute",
        Operation::Status => "documenso.get",
        Operation::Download => "documenso.download",
        Operation::Cancel => "documenso.cancel",
        Operation::Lookup => "documenso.find",
        Operation::Remind => "documenso.redistribute",
        _ => return None,
    })
}

/// The recipient's place in the envelope, by what the handle says.
pub(crate) fn place(handle: &Handle, key: &str) -> Option<usize> {
    let stored: serde_json::Value = {
        use esign_core::secrecy::ExposeSecret;
        serde_json::from_str(handle.to_stored().expose_secret()).ok()?
    };
    stored["private"]["signers"].as_array()?.iter().position(|party| party["key"] == key)
}

#[async_trait]
impl Backend for DocumensoBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<DocumensoConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        Self::at(self.relay.address())
    }

    fn elsewhere(&self) -> InstanceConfig {
        Self::at("127.0.0.1:9")
    }

    fn secrets(&self) -> FixedSecrets {
        FixedSecrets::new().with("token", TOKEN).with("secret", SECRET)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn native(&self, signer: u32) -> Option<Placement> {
        let mut placement = Placement::native(KIND, 1, "10.50", &format!("{signer}.25")).ok()?;
        if let Spot::Native(native) = &mut placement.spot {
            *native = native.clone().with_size("20.0".parse().ok()?, "5".parse().ok()?);
        }
        Some(placement)
    }

    fn complete(&self, request: SignRequest) -> SignRequest {
        request
    }

    fn markers(&self) -> Vec<String> {
        vec![TOKEN.to_owned(), SECRET.to_owned()]
    }

    fn trace_target(&self) -> &'static str {
        "esign_sandbox"
    }

    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool {
        let control = self.sandbox.documenso();
        let id = handle.request().id();
        let Some(place) = place(handle, &signer.key) else { return false };
        let done = match action {
            Action::Sign => control.sign(id, place).await.is_ok(),
            Action::Decline => control.reject(id, place, "wrong rent").await.is_ok(),
            Action::Leave => true,
            _ => false,
        };
        // The seal takes its seconds.
        self.pass(Duration::from_secs(5)).await;
        control.tick().await;
        done
    }

    async fn page(&self, handle: &Handle, signer: &Signer) -> Option<String> {
        let envelope = self.sandbox.documenso().envelope(handle.request().id()).ok()?;
        Some(envelope.recipients.get(place(handle, &signer.key)?)?.signing_link.clone())
    }

    async fn pass(&self, time: Duration) {
        self.sandbox.clock().advance(time);
        self.clock.advance(time);
    }

    fn readme(&self) -> Option<&'static str> {
        Some(include_str!("../README.md"))
    }

    fn relay(&self) -> Option<&Relay> {
        Some(&self.relay)
    }

    async fn inject(&self, operation: Operation, fault: Fault) -> bool {
        let Some(call) = call(operation) else { return false };
        let refusal = |status: u16| {
            let words = "no such thing for zqmarker1@conformance.example";
            let body = json!({ "message": words, "code": "INTERNAL_SERVER_ERROR", "data": { "code": "SOME_RULE", "httpStatus": status } });
            Effect::json(status, body.to_string())
        };
        let planned = match fault {
            Fault::LoseAnswer => Planned::on(call, Effect::Close).after_commit(),
            // The real server always names a time for what passes by waiting.
            Fault::RateLimited { after } => {
                let seconds = after.map_or(1, |after| u32::try_from(after.as_secs()).unwrap());
                Planned::on(call, Effect::too_many_requests(Some(seconds)))
            }
            Fault::Refuse(status) => Planned::on(call, refusal(status)),
            Fault::FailAfterEffect => Planned::on(call, Effect::html(503)).after_commit(),
            Fault::Garbage => Planned::on(call, Effect::html(200)).after_commit(),
            Fault::Truncate => Planned::on(call, Effect::Truncate { keep: 20 }),
            _ => return false,
        };
        self.sandbox.inject(planned).is_ok()
    }

    async fn reached(&self, operation: Operation) -> u32 {
        let mut calls = call(operation).map_or(0, |call| self.sandbox.call_count(call));
        if operation == Operation::Status {
            // Sending looks at its envelope before and after.
            calls = calls.saturating_sub(2 * self.sandbox.call_count("documenso.distribute"));
        }
        u32::try_from(calls).unwrap()
    }

    async fn accepted(&self) -> u32 {
        let sent =
            self.sandbox.documenso().envelopes().into_iter().filter(|envelope| envelope.status != "DRAFT");
        u32::try_from(sent.count()).unwrap()
    }

    async fn received(&self, handle: &Handle) -> Option<Vec<Bytes>> {
        self.sandbox.documenso().received(handle.request().id()).ok()
    }

    async fn heard(&self, handle: &Handle) -> Option<String> {
        self.sandbox.documenso().heard(handle.request().id()).ok()
    }

    async fn boxes(&self, handle: &Handle) -> Option<Vec<(u32, Rect)>> {
        let drawn = self.sandbox.documenso().drawn(handle.request().id()).ok()?;
        Some(drawn.into_iter().map(|(_, page, area)| (page, area)).collect())
    }

    async fn extend(&self) -> bool {
        self.sandbox.inject(Planned::on("documenso.*", Effect::Extend).times(1000)).is_ok()
    }

    fn refusal_words(&self) -> Option<&'static str> {
        Some("SOME_RULE")
    }

    fn stored_handles(&self) -> Vec<String> {
        vec![include_str!("golden/handle-1.json").to_owned()]
    }

    async fn speak(&self, handle: &Handle, word: &str) -> bool {
        self.sandbox.documenso().speak(handle.request().id(), word);
        true
    }

    async fn callbacks(&self, handle: &Handle) -> Vec<InboundCall> {
        let id = handle.request().id();
        let calls = self.sandbox.documenso().webhooks().into_iter().filter(|call| call.envelope == id);
        let call = |call: esign_sandbox::documenso::WebhookCall| {
            InboundCall::post("/hook", call.body).with_header("X-Documenso-Secret", call.secret)
        };
        calls.map(call).collect()
    }
}
