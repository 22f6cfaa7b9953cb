//! The conformance kit over the sandbox's Signify.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use esign_conformance::{Action, Backend, Fault, Harness, Relay, drawn_boxes};
use esign_core::facts::Rect;
use esign_core::{
    Clock, FixedSecrets, Handle, InstanceConfig, Operation, Placement, Registry, Result, Signer, VirtualClock,
};
use esign_sandbox::signify::Signer as Person;
use esign_sandbox::{Effect, Fault as Planned, Sandbox, SandboxClock};
use esign_signify::{KIND, SignifyConfig};
use serde_json::json;

const START: &str = "2026-03-02T01:00:00Z";
const KEY: &str = "conformance-api-key";
const PERSON: &str = "Zq Signatory";

fn main() -> ExitCode {
    esign_conformance::main(SignifyHarness)
}

struct SignifyHarness;

/// The sandbox behind a relay, through which the kit refuses connections.
struct SignifyBackend {
    sandbox: Sandbox,
    relay: Relay,
    clock: VirtualClock,
    /// Every document ever seen: deleted ones leave the sandbox.
    seen: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Harness for SignifyHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let start = START.parse().unwrap();
        let builder = Sandbox::builder().clock(SandboxClock::virtual_at(start));
        // The client's clock jumps over its own waits, so the two clocks' windows are not the same.
        let builder = builder.signify(|s| s.api_key(KEY).settings(|s| s.rate_limit = None));
        let sandbox = builder.start().await.unwrap();
        let relay = Relay::open(sandbox.local_addr()).await.unwrap();
        let clock = VirtualClock::jumping(start);
        Box::new(SignifyBackend { sandbox, relay, clock, seen: Mutex::default() })
    }
}

impl SignifyBackend {
    fn at(address: impl std::fmt::Display) -> InstanceConfig {
        InstanceConfig::new(KIND)
            .with("base_url", format!("http://{address}/public"))
            .with("api_key", json!({ "external": "key" }))
            .with("placement_origin", "top-left")
    }
}

/// The sandbox's name of the call that an operation needs.
fn call(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Submit => "signify.create",
        Operation::Status => "signify.get",
        Operation::Download => "signify.download",
        Operation::Cancel | Operation::Erase => "signify.delete",
        Operation::Lookup => "signify.list",
        _ => return None,
    })
}

#[async_trait]
impl Backend for SignifyBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<SignifyConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        Self::at(self.relay.address())
    }

    fn elsewhere(&self) -> InstanceConfig {
        Self::at("127.0.0.1:9")
    }

    fn secrets(&self) -> FixedSecrets {
        FixedSecrets::new().with("key", KEY)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn native(&self, signer: u32) -> Option<Placement> {
        Placement::native(KIND, 1, "0.1", &format!("0.{signer}")).ok()
    }

    fn markers(&self) -> Vec<String> {
        vec![KEY.to_owned(), PERSON.to_owned()]
    }

    fn trace_target(&self) -> &'static str {
        "esign_sandbox"
    }

    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool {
        let control = self.sandbox.signify();
        let id = handle.request().id();
        let Ok(document) = control.document(id) else { return false };
        let by_email = document.invitations.iter().any(|invitation| invitation.email.is_some());
        let person = match signer.email.as_ref().filter(|_| by_email) {
            Some(email) => Person::invited(PERSON, email.expose()),
            None => Person::named(PERSON),
        };
        match action {
            Action::Sign => control.sign_all(id, &person).await.is_ok(),
            Action::Leave => {
                let session = control.open_session(id, &person);
                session.and_then(|token| control.leave(id, &person, &token)).is_ok()
            }
            // Signify's page has no way to decline.
            _ => false,
        }
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
        let refusal =
            |status| Effect::json(status, r#"{"message":"no such thing for zqmarker1@conformance.example"}"#);
        let planned = match fault {
            Fault::LoseAnswer => Planned::on(call, Effect::Close).after_commit(),
            Fault::RateLimited { after } => {
                let seconds = after.map(|after| u32::try_from(after.as_secs()).unwrap());
                Planned::on(call, Effect::too_many_requests(seconds))
            }
            Fault::Refuse(status) => Planned::on(call, refusal(status)),
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
            Fault::Link("") => Planned::on(call, Effect::set("/signingLinks", json!([]))),
            Fault::Link(link) => Planned::on(call, Effect::set("/signingLinks/0/signingLink", link)),
            _ => return false,
        };
        self.sandbox.inject(planned).is_ok()
    }

    async fn reached(&self, operation: Operation) -> u32 {
        let calls = call(operation).map_or(0, |call| self.sandbox.call_count(call));
        u32::try_from(calls).unwrap()
    }

    async fn accepted(&self) -> u32 {
        let mut seen = self.seen.lock().unwrap();
        seen.extend(self.sandbox.signify().documents().into_iter().map(|document| document.id));
        u32::try_from(seen.len()).unwrap()
    }

    async fn received(&self, handle: &Handle) -> Option<Vec<Bytes>> {
        // Nobody has signed yet, so it is what was sent.
        self.sandbox.signify().pdf(handle.request().id()).ok().map(|pdf| vec![pdf])
    }

    async fn boxes(&self, handle: &Handle) -> Option<Vec<(u32, Rect)>> {
        let signed = self.sandbox.signify().pdf(handle.request().id()).ok()?;
        Some(drawn_boxes(&signed))
    }

    async fn extend(&self) -> bool {
        self.sandbox.inject(Planned::on("signify.*", Effect::Extend).times(1000)).is_ok()
    }

    fn refusal_words(&self) -> Option<&'static str> {
        Some("no such thing")
    }

    fn stored_handles(&self) -> Vec<String> {
        vec![include_str!("golden/handle-1.json").to_owned()]
    }

    async fn speak(&self, handle: &Handle, word: &str) -> bool {
        let id: u64 = handle.request().id().parse().unwrap();
        let answer = json!({
            "id": id,
            "documentName": "Conformance",
            "documentUrl": format!("{}api/v1/bucket/01hfk78xjafvn9n8xn084a9rsn", self.sandbox.base_url()),
            "expiresAt": "2026-04-01T15:59:59.999Z",
            "createdAt": START,
            "status": word,
            "documentMode": "email",
            "signingInvitations": [],
        });
        let forever = Planned::on("signify.get", Effect::json(200, answer.to_string())).times(1000);
        self.sandbox.inject(forever).is_ok()
    }
}
