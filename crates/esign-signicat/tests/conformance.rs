//! The conformance kit over the sandbox's Signicat.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use esign_conformance::{Action, Backend, BackendClock, Fault, Harness, Relay};
use esign_core::{
    Clock, FixedSecrets, Handle, Identity, InboundCall, InstanceConfig, Operation, Registry, Result, Signer,
};
use esign_sandbox::signicat::{PackagingStatus, Signer as Person, TaskStatus};
use esign_sandbox::{Effect, Fault as Planned, Sandbox, SandboxClock};
use esign_signicat::{KIND, SignicatConfig};
use serde_json::json;

const START: &str = "2026-03-02T01:00:00Z";
const CLIENT: &str = "conformance";
const SECRET: &str = "conformance-secret-zq";
const PERSON: &str = "Zq Signatory";
const SCHEME: &str = "national-id";

fn main() -> ExitCode {
    esign_conformance::main(SignicatHarness)
}

struct SignicatHarness;

/// The sandbox behind a relay, through which the kit refuses connections.
struct SignicatBackend {
    sandbox: Sandbox,
    relay: Relay,
    clock: Arc<BackendClock>,
    /// Where notifications go, and the queries of those that came.
    hook: String,
    queries: Queries,
    /// Every order ever seen: deleted ones leave the sandbox.
    seen: Mutex<BTreeSet<String>>,
}

type Queries = Arc<Mutex<Vec<String>>>;

#[async_trait]
impl Harness for SignicatHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let time = SandboxClock::virtual_at(START.parse().unwrap());
        let (told, moved) = (time.clone(), time.clone());
        let clock = Arc::new(BackendClock::new(move || told.now(), move |by| moved.advance(by)));
        let builder = Sandbox::builder().clock(time);
        // The kit asks for the result as soon as everybody has signed.
        let ready_at_once = |s: &mut esign_sandbox::signicat::SignicatSettings| s.packaging_delay_seconds = 0;
        let builder = builder.signicat(|s| s.client(CLIENT, SECRET).settings(ready_at_once));
        let sandbox = builder.start().await.unwrap();
        let relay = Relay::open(sandbox.local_addr()).await.unwrap();
        let queries = Queries::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", get(hear)).with_state(queries.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Box::new(SignicatBackend { sandbox, relay, clock, hook, queries, seen: Mutex::default() })
    }
}

async fn hear(State(queries): State<Queries>, RawQuery(query): RawQuery) {
    queries.lock().unwrap().push(query.unwrap_or_default());
}

impl SignicatBackend {
    fn at(&self, address: impl std::fmt::Display) -> InstanceConfig {
        InstanceConfig::new(KIND)
            .with("base_url", format!("http://{address}/enterprise/sign"))
            .with("token_url", format!("http://{address}/auth/open/connect/token"))
            .with("client_id", CLIENT)
            .with("client_secret", json!({ "external": "secret" }))
            .with("methods", json!([{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }]))
            .with("email", json!({ "header": "Please sign", "message": "A document waits for you." }))
            .with("sms", json!({ "message": "A document waits for you." }))
            .with("url_notifications_enabled", true)
            .with("notification_url", self.hook.as_str())
    }
}

/// The sandbox's name of the call that an operation needs.
fn call(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Submit => "signicat.create",
        Operation::Status => "signicat.task_status",
        Operation::Download => "signicat.packaged",
        Operation::Cancel | Operation::Erase => "signicat.delete",
        Operation::Lookup => "signicat.get",
        Operation::Token => "signicat.token",
        _ => return None,
    })
}

#[async_trait]
impl Backend for SignicatBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<SignicatConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        self.at(self.relay.address())
    }

    fn elsewhere(&self) -> InstanceConfig {
        self.at("127.0.0.1:9")
    }

    fn secrets(&self) -> FixedSecrets {
        FixedSecrets::new().with("secret", SECRET)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn markers(&self) -> Vec<String> {
        vec![SECRET.to_owned(), PERSON.to_owned()]
    }

    fn trace_target(&self) -> &'static str {
        "esign_sandbox"
    }

    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool {
        let (control, order) = (self.sandbox.signicat(), handle.request().id());
        // The kit calls its signers signer-1, signer-2, …; tasks are numbered like them.
        let task = signer.key.replace("signer-", "task-");
        let person = Person::named(PERSON);
        match action {
            Action::Sign => control.sign(order, &task, &person).await.is_ok(),
            Action::SignAsSomebodyElse => {
                control.sign(order, &task, &person.attribute(SCHEME, "29029600013")).await.is_ok()
            }
            Action::Decline => control.reject(order, &task, &person, None).is_ok(),
            Action::Leave => control.postpone(order, &task, &person).is_ok(),
            _ => false,
        }
    }

    async fn pass(&self, time: Duration) {
        self.sandbox.clock().advance(time);
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new(SCHEME, "17054026641"))
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
            let detail = "no such thing for zqmarker1@conformance.example";
            Effect::json(
                status,
                json!({ "status": status, "title": "Refused", "detail": detail }).to_string(),
            )
        };
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
            Fault::Link("") => Planned::on(call, Effect::set("/tasks/0/signingUrl", json!(null))),
            Fault::Link(link) => Planned::on(call, Effect::set("/tasks/0/signingUrl", link)),
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
        seen.extend(self.sandbox.signicat().orders().into_iter().map(|order| order.id));
        u32::try_from(seen.len()).unwrap()
    }

    async fn extend(&self) -> bool {
        self.sandbox.inject(Planned::on("signicat.*", Effect::Extend).times(1000)).is_ok()
    }

    fn refusal_words(&self) -> Option<&'static str> {
        Some("no such thing")
    }

    fn stored_handles(&self) -> Vec<String> {
        vec![include_str!("golden/handle-1.json").to_owned()]
    }

    async fn speak(&self, _: &Handle, word: &str) -> bool {
        let answer = json!({ "taskStatus": word });
        let forever = Planned::on("signicat.task_status", Effect::json(200, answer.to_string())).times(1000);
        self.sandbox.inject(forever).is_ok()
    }

    async fn callbacks(&self, handle: &Handle) -> Vec<InboundCall> {
        // One for each task that has ended, one for each file that was packaged.
        let control = self.sandbox.signicat();
        let told = control.orders().into_iter().map(|order| {
            let tasks = order.tasks.iter().filter(|task| task.status != TaskStatus::Created).count();
            let packages =
                order.packaging_tasks.iter().filter(|p| p.status == PackagingStatus::Completed).count();
            tasks + packages
        });
        control.delivered(told.sum()).await;
        let queries = self.queries.lock().unwrap().clone();
        let about = |query: &String| query.contains(handle.request().id());
        let call = |query: String| {
            let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
            parameters.fold(InboundCall::get("/hook"), |call, (name, value)| call.with_query(name, value))
        };
        queries.into_iter().filter(about).map(call).collect()
    }
}
