//! A client over one instance, and a mock server in Singpass's place.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use esign_core::{
    Client, Clock, Config, InboundCall, InstanceConfig, KeyAlgorithm, Reference, Registry, Result,
    SigningKey, TransactionRequest, TransactionReturn, VirtualClock,
};
use esign_http::{LocalKey, sign_compact};
use esign_txn::{SignedTransaction, SingpassTxn, SingpassTxnConfig, Supplied};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const EXCHANGE: &str = "/api/v1/txn-signatures";
pub(crate) const KEYS: &str = "/keys";
pub(crate) const CODE: &str = "bWFya2VyLWNvZGU=";
pub(crate) const SESSION: &str = "marker-session";
pub(crate) const TEXT: &str = "Transfer SGD 10.00 to account ****5678";
pub(crate) const PERSON: &str = "7a2c1b1e-8f4d-4c3b-9e2a-0d1c2b3a4f5e";
/// What no text may ever show.
pub(crate) const SECRETS: [&str; 4] = [CODE, SESSION, TEXT, PERSON];

pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) client: Client,
    pub(crate) clock: VirtualClock,
    /// The key that signs answers.
    pub(crate) singpass: LocalKey,
}

/// The settings of an instance at this address.
pub(crate) fn instance(uri: &str, settings: &[(&str, Value)]) -> InstanceConfig {
    let mut instance = json!({
        "kind": "singpass-txn",
        "base_url": format!("{uri}/api/v1"),
        "jwks_url": format!("{uri}{KEYS}"),
        "script_url": format!("{uri}/ndi_txn_sign.js"),
        "client_id": "client-1",
        "redirect_uri": "https://rp.example/back",
        "signing_key": { "external": "rp" },
        "nonce_claim": "nonce",
        "hash_claim": "txn_hash",
    });
    for (name, value) in settings {
        instance[*name] = value.clone();
    }
    serde_json::from_value(instance).unwrap()
}

pub(crate) async fn client(
    instance: InstanceConfig,
    key: Arc<dyn SigningKey>,
    clock: &VirtualClock,
) -> Result<Client> {
    let mut registry = Registry::new();
    registry.register::<SingpassTxnConfig>().unwrap();
    let config = Config { providers: [("payments".to_owned(), instance)].into(), ..Config::default() };
    let builder = Client::builder(registry).config(config).key("rp", key);
    builder.clock(Arc::new(clock.clone())).build().await
}

pub(crate) async fn world(settings: &[(&str, Value)]) -> World {
    let key = LocalKey::generate(KeyAlgorithm::Es256, Some("rp-1")).unwrap();
    world_with_key(settings, key).await
}

pub(crate) async fn world_with_key(settings: &[(&str, Value)], key: LocalKey) -> World {
    let server = MockServer::start().await;
    let singpass = LocalKey::generate(KeyAlgorithm::Es256, Some("txn-1")).unwrap();
    let clock = VirtualClock::jumping("2026-11-21T10:00:00Z".parse().unwrap());
    let client = client(instance(&server.uri(), settings), Arc::new(key), &clock).await.unwrap();
    let world = World { server, client, clock, singpass };
    let keys = json!({ "keys": [world.singpass.public_jwk()] });
    world.answer("GET", KEYS, ResponseTemplate::new(200).set_body_json(keys)).await;
    world
}

pub(crate) fn request() -> TransactionRequest {
    TransactionRequest::new(Reference::new("TXN-2026-000123").unwrap(), TEXT, SESSION)
}

pub(crate) fn back(state: &str, code: &str) -> TransactionReturn {
    TransactionReturn::new(
        InboundCall::get("/back").with_query("code", code).with_query("state", state),
        SESSION,
    )
}

impl World {
    pub(crate) fn provider(&self) -> Arc<SingpassTxn> {
        self.client.provider_as::<SingpassTxn>("payments").unwrap()
    }

    pub(crate) async fn supply(&self) -> Supplied {
        self.provider().supply(&request()).await.unwrap()
    }

    /// The claims of a good answer to this session.
    pub(crate) fn good_claims(&self, supplied: &Supplied) -> Value {
        let now = self.clock.now().as_second();
        json!({
            "sub": PERSON,
            "nonce": supplied.nonce.expose(),
            "txn_hash": "e60e79017bafc7212e41a6926c991d414e79b69c88803c878a3655d3bbdc3a89",
            "iat": now,
            "exp": now + 120,
        })
    }

    pub(crate) async fn answer(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// Exchanges answer this token.
    pub(crate) async fn exchange_gives(&self, token: &str) {
        self.answer("POST", EXCHANGE, ResponseTemplate::new(200).set_body_json(json!({ "token": token })))
            .await;
    }

    /// Exchanges answer these claims, signed by Singpass.
    pub(crate) async fn exchange_signs(&self, claims: &Value) {
        self.exchange_gives(&sign_compact(&self.singpass, Some("JWT"), claims).await.unwrap()).await;
    }

    /// The person comes back with the code.
    pub(crate) async fn finish(&self, supplied: &Supplied) -> Result<SignedTransaction> {
        let (_, signed) = self.provider().finish(&back(supplied.state.expose(), CODE)).await?;
        Ok(signed)
    }

    pub(crate) async fn received(&self, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|r| r.url.path() == at).collect()
    }
}

/// Header and claims of a token.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let part = |n: usize| {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}
