//! The conformance kit over the sandbox's transaction signing.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_conformance::{Action, Backend, BackendClock, Fault, Harness, Relay};
use esign_core::{
    Clock, Handle, InboundCall, InstanceConfig, KeyAlgorithm, Operation, Registry, Result, Signer,
    SigningKey, SystemClock, TransactionStart,
};
use esign_http::http::HeaderValue;
use esign_http::http::header::ORIGIN;
use esign_http::url::Url;
use esign_http::{HttpClient, LocalKey};
use esign_sandbox::txn::{Client as RelyingParty, ClientKeys};
use esign_sandbox::{Effect, Fault as Planned, Sandbox, SandboxClock};
use esign_txn::{KIND, SingpassTxnConfig};
use serde_json::{Value, json};

const START: &str = "2026-11-21T10:00:00Z";
const CLIENT_ID: &str = "conformance";
const PAGE: &str = "https://rp.example";
const REDIRECT: &str = "https://rp.example/back";
const EXCHANGE: &str = "txn.exchange";

fn main() -> ExitCode {
    esign_conformance::main(TxnHarness)
}

struct TxnHarness;

/// The sandbox behind a relay, through which the kit refuses connections.
struct TxnBackend {
    sandbox: Sandbox,
    relay: Relay,
    key: Arc<LocalKey>,
    clock: Arc<BackendClock>,
}

#[async_trait]
impl Harness for TxnHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let time = SandboxClock::virtual_at(START.parse().unwrap());
        let (told, moved) = (time.clone(), time.clone());
        let clock = Arc::new(BackendClock::new(move || told.now(), move |by| moved.advance(by)));
        let key = Arc::new(LocalKey::generate(KeyAlgorithm::Es256, Some("rp-1")).unwrap());
        let registered = RelyingParty {
            client_id: CLIENT_ID.to_owned(),
            keys: ClientKeys::Inline(json!({ "keys": [key.public_jwk()] })),
            redirect_uri: REDIRECT.to_owned(),
            origins: Vec::new(),
        };
        let builder = Sandbox::builder().clock(time);
        let sandbox = builder.txn(|t| t.client(registered)).start().await.unwrap();
        let relay = Relay::open(sandbox.local_addr()).await.unwrap();
        Box::new(TxnBackend { sandbox, relay, key, clock })
    }
}

impl TxnBackend {
    fn at(address: impl std::fmt::Display) -> InstanceConfig {
        InstanceConfig::new(KIND)
            .with("base_url", format!("http://{address}/api/v1"))
            .with("jwks_url", format!("http://{address}/.well-known/keys.json"))
            .with("client_id", CLIENT_ID)
            .with("redirect_uri", REDIRECT)
            .with("signing_key", json!({ "external": "rp" }))
            .with("nonce_claim", "nonce")
            .with("hash_claim", "txn_hash")
    }

    /// What the page's script does: it opens a session with what the supplier returned.
    async fn open(&self, supplied: &str) -> String {
        let mut session: Value = serde_json::from_str(supplied).unwrap();
        (session["clientId"], session["redirectUri"]) = (CLIENT_ID.into(), REDIRECT.into());
        let browser =
            HttpClient::builder(self.sandbox.base_url().clone(), Arc::new(SystemClock)).build().unwrap();
        let call = browser.post(browser.url(["api", "v1", "txn-signing-sessions"]).unwrap());
        let call = call.header(ORIGIN, HeaderValue::from_static(PAGE)).json(&session).unwrap();
        let opened: Value = call.send().await.unwrap().json().unwrap();
        opened["session_id"].as_str().unwrap().to_owned()
    }
}

#[async_trait]
impl Backend for TxnBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<SingpassTxnConfig>().map(|_| ())
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

    fn markers(&self) -> Vec<String> {
        vec![self.sandbox.txn().anybody()]
    }

    fn trace_target(&self) -> &'static str {
        "esign_sandbox"
    }

    async fn act(&self, _: &Handle, _: &Signer, _: Action) -> bool {
        false
    }

    async fn approve(&self, start: &TransactionStart) -> Option<InboundCall> {
        let session = self.open(start.page_parameters.expose()).await;
        let back: Url = self.sandbox.txn().approve(&session, None).ok()?.parse().ok()?;
        let call = InboundCall::get(back.path());
        Some(back.query_pairs().fold(call, |call, (name, value)| call.with_query(name, value)))
    }

    async fn pass(&self, time: Duration) {
        self.sandbox.clock().advance(time);
    }

    fn readme(&self) -> Option<&'static str> {
        Some(include_str!("../README.md"))
    }

    fn relay(&self) -> Option<&Relay> {
        Some(&self.relay)
    }

    async fn inject(&self, operation: Operation, fault: Fault) -> bool {
        if operation != Operation::Transaction {
            return false;
        }
        let planned = match fault {
            Fault::LoseAnswer => Planned::on(EXCHANGE, Effect::Close).after_commit(),
            Fault::FailAfterEffect => Planned::on(EXCHANGE, Effect::html(503)).after_commit(),
            Fault::Garbage => Planned::on(EXCHANGE, Effect::html(200)).after_commit(),
            _ => return false,
        };
        self.sandbox.inject(planned).is_ok()
    }

    async fn reached(&self, operation: Operation) -> u32 {
        let calls = if operation == Operation::Transaction { self.sandbox.call_count(EXCHANGE) } else { 0 };
        u32::try_from(calls).unwrap()
    }

    async fn accepted(&self) -> u32 {
        u32::try_from(self.sandbox.txn().sessions().len()).unwrap()
    }
}
