//! The conformance kit over a simulator of Acme.

mod backend;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backend::{AcmeService, KEY};
use esign_acme::{AcmeConfig, KIND};
use esign_conformance::{Action, Backend, Fault, Harness, Relay};
use esign_core::{Clock, FixedSecrets, Handle, InstanceConfig, Operation, Registry, Result, Signer};
use serde_json::json;

fn main() -> ExitCode {
    esign_conformance::main(AcmeHarness)
}

struct AcmeHarness;

/// The service behind a relay, through which the kit refuses connections.
struct AcmeBackend {
    service: AcmeService,
    relay: Relay,
}

#[async_trait]
impl Harness for AcmeHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let (service, address) = AcmeService::start().await;
        let relay = Relay::open(address).await.unwrap();
        Box::new(AcmeBackend { service, relay })
    }
}

fn at(address: impl std::fmt::Display) -> InstanceConfig {
    InstanceConfig::new(KIND)
        .with("base_url", format!("http://{address}"))
        .with("api_key", json!({ "external": "key" }))
}

#[async_trait]
impl Backend for AcmeBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<AcmeConfig>().map(|_| ())
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

    /// Next: make the simulator sign, decline and leave; false where it does not let the signer.
    async fn act(&self, _handle: &Handle, _signer: &Signer, _action: Action) -> bool {
        false
    }

    async fn pass(&self, time: Duration) {
        self.service.clock.advance(time);
    }

    fn relay(&self) -> Option<&Relay> {
        Some(&self.relay)
    }

    /// Next: make the simulator lose an answer, answer 429, refuse, fail, and break off.
    async fn inject(&self, _operation: Operation, _fault: Fault) -> bool {
        false
    }

    /// Next: count each operation by itself.
    async fn reached(&self, _operation: Operation) -> u32 {
        self.service.calls()
    }

    /// Next: how many requests the simulator has accepted.
    async fn accepted(&self) -> u32 {
        0
    }

    // Next, where the simulator can tell: received, heard, boxes, speak, extend, refusal_words, callbacks.
}
