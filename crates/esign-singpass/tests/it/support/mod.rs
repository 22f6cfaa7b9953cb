//! A client over one Singpass instance, and a mock server in Singpass's place.

pub(crate) mod sandbox;

use std::sync::Arc;

use esign_core::memory::A4Pages;
use esign_core::secrecy::ExposeSecret;
use esign_core::{
    Client, Clock, Config, Corner, Delivery, Document, Handle, InstanceConfig, KeyAlgorithm, Origin,
    Placement, Reference, Registry, SignRequest, Signer, SigningKey, VirtualClock,
};
use esign_http::LocalKey;
use esign_singpass::SingpassConfig;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The document of every test: three A4 pages, if you ask the test's inspector.
pub(crate) const PDF: &[u8] = b"%PDF-1.7\nmarker-document";
/// What no text may ever show.
pub(crate) const SECRETS: [&str; 4] = ["marker-exchange", "marker-link", "S1234567D", "marker-document"];

pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) client: Client,
    pub(crate) clock: VirtualClock,
    /// The key that signs webhooks.
    pub(crate) singpass: LocalKey,
}

pub(crate) async fn world(settings: &[(&str, Value)]) -> World {
    let key = LocalKey::generate(KeyAlgorithm::Es256, Some("rp-1")).unwrap();
    world_with_key(settings, Arc::new(key)).await
}

pub(crate) async fn world_with_key(settings: &[(&str, Value)], key: Arc<dyn SigningKey>) -> World {
    let server = MockServer::start().await;
    let singpass = LocalKey::generate(KeyAlgorithm::Es256, Some("sign-1")).unwrap();
    let keys = json!({ "keys": [singpass.public_jwk()] });
    Mock::given(method("GET"))
        .and(path("/keys"))
        .respond_with(ResponseTemplate::new(200).set_body_json(keys))
        .mount(&server)
        .await;
    let mut instance = json!({
        "kind": "singpass",
        "base_url": format!("{}/api/v3", server.uri()),
        "jwks_url": format!("{}/keys", server.uri()),
        "client_id": "client-1",
        "signing_key": { "external": "rp" },
    });
    for (name, value) in settings {
        instance[*name] = value.clone();
    }
    let instance: InstanceConfig = serde_json::from_value(instance).unwrap();
    let clock = VirtualClock::jumping("2026-01-01T00:00:00Z".parse().unwrap());
    let mut registry = Registry::new();
    registry.register::<SingpassConfig>().unwrap();
    let config = Config {
        active: Some("singpass".into()),
        providers: [("singpass".to_owned(), instance)].into(),
        ..Config::default()
    };
    let client = Client::builder(registry)
        .config(config)
        .key("rp", key)
        .clock(Arc::new(clock.clone()))
        .inspector(Arc::new(A4Pages(3)))
        .build()
        .await
        .unwrap();
    World { server, client, clock, singpass }
}

pub(crate) fn request(places: &[(u32, f64, f64)]) -> SignRequest {
    let document = Document::pdf("Lease 12.pdf", PDF);
    let mut signer = Signer::new("tenant");
    for (page, x, y) in places {
        signer = signer.place(Placement::points(*page, *x, *y, Origin::BottomLeft, Corner::BottomLeft));
    }
    SignRequest::new(Reference::new("r-1").unwrap(), document, Delivery::InSessionRedirect).signer(signer)
}

impl World {
    /// Answers `POST sign-requests` as the documents say.
    pub(crate) async fn accept_requests(&self) {
        let body = json!({
            "request_id": "signv3-1",
            "signing_url": "https://portal.example/?token=marker-link",
            "exchange_code": "marker-exchange",
        });
        self.answer("POST", "/api/v3/sign-requests", ResponseTemplate::new(200).set_body_json(body)).await;
    }

    pub(crate) async fn answer(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// A refusal in Singpass's own form.
    pub(crate) async fn refuse(&self, verb: &str, at: &str, code: &str) {
        let body = json!({ "error": code, "error_description": "as told" });
        self.answer(verb, at, ResponseTemplate::new(400).set_body_json(body)).await;
    }

    pub(crate) async fn submitted(&self) -> Handle {
        self.accept_requests().await;
        let prepared = self.client.prepare(request(&[(1, 100.0, 100.0)])).await.unwrap();
        self.client.submit(prepared).await.unwrap().handle
    }

    pub(crate) async fn received(&self, verb: &str, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|r| r.method.as_str() == verb && r.url.path() == at).collect()
    }

    /// A webhook's body: these claims, signed by this key.
    pub(crate) async fn webhook(&self, key: &LocalKey, claims: &Value) -> Vec<u8> {
        let token = esign_http::sign_compact(key, Some("JWT"), claims).await.unwrap();
        json!({ "token": token }).to_string().into_bytes()
    }

    /// The claims of a good webhook.
    pub(crate) fn good_claims(&self) -> Value {
        let now = self.clock.now().as_second();
        json!({
            "request_type": "signed_doc_url",
            "request_id": "signv3-1",
            "signed_doc_url": "https://portal.example/doc?x=marker-link",
            "signer_info": { "signer_name": "A", "signer_partial_uinfin": "567D", "signed_at": now * 1000 },
            "iat": now,
            "exp": now + 120,
        })
    }
}

/// Header and claims of the token on a request.
pub(crate) fn token(request: &Request) -> (Value, Value) {
    let text = request.headers.get("authorization").unwrap().to_str().unwrap();
    let part = |n: usize| {
        use base64::Engine;
        let part = text.split('.').nth(n).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap())
            .unwrap()
    };
    (part(0), part(1))
}

/// Formats a handle's stored form, to show that it is the one place where secrets are.
pub(crate) fn stored(handle: &Handle) -> String {
    handle.to_stored().expose_secret().to_owned()
}
