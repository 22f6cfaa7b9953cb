//! The conformance kit over Inkwell.

mod backend;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::StatusCode;
use backend::{Inkwell, KEY};
use bytes::Bytes;
use esign_conformance::{Action, Backend, Fault, Harness, Relay, drawn_boxes};
use esign_core::facts::Rect;
use esign_core::{Clock, FixedSecrets, Handle, InstanceConfig, Operation, Registry, Result, Signer};
use esign_inkwell::{InkwellConfig, KIND};
use serde_json::json;

fn main() -> ExitCode {
    esign_conformance::main(InkwellHarness)
}

struct InkwellHarness;

/// The service behind a relay, through which the kit refuses connections.
struct InkwellBackend {
    service: Inkwell,
    relay: Relay,
}

#[async_trait]
impl Harness for InkwellHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let (service, address) = Inkwell::start().await;
        let relay = Relay::open(address).await.unwrap();
        Box::new(InkwellBackend { service, relay })
    }
}

fn at(address: impl std::fmt::Display) -> InstanceConfig {
    InstanceConfig::new(KIND)
        .with("base_url", format!("http://{address}/v1"))
        .with("api_key", json!({ "external": "key" }))
}

/// The backend's name of the call that an operation needs.
fn call(operation: Operation) -> Option<&'static str> {
    Some(match operation {
        Operation::Submit => "create",
        Operation::Status => "read",
        Operation::Download => "document",
        Operation::Cancel => "withdraw",
        Operation::Lookup => "list",
        _ => return None,
    })
}

#[async_trait]
impl Backend for InkwellBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<InkwellConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        at(self.relay.address())
    }

    fn elsewhere(&self) -> InstanceConfig {
        at("127.0.0.1:9")
    }

    fn secrets(&self) -> FixedSecrets {
        FixedSecrets::new().with("key", KEY)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.service.clock.clone())
    }

    fn markers(&self) -> Vec<String> {
        vec![KEY.to_owned()]
    }

    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool {
        match action {
            Action::Sign => self.service.act(handle.request().id(), &signer.key, false),
            Action::Decline => self.service.act(handle.request().id(), &signer.key, true),
            Action::Leave => true,
            _ => false,
        }
    }

    async fn pass(&self, time: Duration) {
        self.service.clock.advance(time);
    }

    fn relay(&self) -> Option<&Relay> {
        Some(&self.relay)
    }

    async fn inject(&self, operation: Operation, fault: Fault) -> bool {
        let Some(call) = call(operation) else { return false };
        let status = |status| StatusCode::from_u16(status).unwrap();
        let planned = match fault {
            Fault::LoseAnswer => backend::Fault::Cut(0),
            Fault::RateLimited { after } => {
                let header = after.map(|after| ("retry-after", after.as_secs().to_string()));
                backend::Fault::Answer(status(429), header.into_iter().collect())
            }
            Fault::Refuse(code) => backend::Fault::Answer(status(code), Vec::new()),
            Fault::FailAfterEffect => backend::Fault::Page(status(503)),
            Fault::Garbage => backend::Fault::Page(status(200)),
            Fault::Truncate => backend::Fault::Cut(20),
            Fault::Intercepted { status: code, body } => backend::Fault::Intercepted(status(code), body),
            Fault::Link(link) => backend::Fault::Link(link),
            _ => return false,
        };
        self.service.fail_next(call, planned);
        true
    }

    async fn reached(&self, operation: Operation) -> u32 {
        call(operation).map_or(0, |call| self.service.calls(call))
    }

    async fn accepted(&self) -> u32 {
        u32::try_from(self.service.accepted()).unwrap()
    }

    async fn received(&self, handle: &Handle) -> Option<Vec<Bytes>> {
        self.service.received(handle.request().id()).map(|(file, _)| vec![file])
    }

    async fn heard(&self, handle: &Handle) -> Option<String> {
        self.service.received(handle.request().id()).map(|(_, heard)| heard)
    }

    async fn boxes(&self, handle: &Handle) -> Option<Vec<(u32, Rect)>> {
        self.service.pdf(handle.request().id()).map(|pdf| drawn_boxes(&pdf))
    }

    async fn extend(&self) -> bool {
        self.service.extend();
        true
    }

    fn refusal_words(&self) -> Option<&'static str> {
        Some("not_today")
    }

    async fn speak(&self, handle: &Handle, word: &str) -> bool {
        self.service.speak(handle.request().id(), word);
        true
    }
}
