//! A client over one Signicat instance, and a mock server in Signicat's place.

use std::sync::Arc;
use std::time::Duration;

use esign_core::memory::A4Pages;
use esign_core::{
    Client, Config, Delivery, Document, FixedSecrets, Handle, InstanceConfig, Order, Reference, Registry,
    SignRequest, Signer, VirtualClock,
};
use esign_signicat::{SignicatConfig, SignicatProvider};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, Times};

pub(crate) const PDF: &[u8] = b"%PDF-1.7\nmarker-document\n%%EOF\n";
/// An id as Signicat makes them.
pub(crate) const ORDER: &str = "270120222hwr22fzpgtvkhgqsw0tuok77ktjl6mxxae9xakvwtvvbmnod7";
pub(crate) const DOCUMENT: &str = "0807201949xfrupvbzx7o07uihsihsx3xllslasvk8qtaojow3792xjucp";
/// What no text may ever show.
pub(crate) const SECRETS: [&str; 6] =
    ["marker-secret", "marker-token", "marker-link", "marker-document", "tenant@example.com", "11111111111"];

pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) client: Client,
    pub(crate) clock: VirtualClock,
}

/// With a token endpoint, an upload and these settings beside the least ones.
pub(crate) async fn world(settings: &[(&str, Value)]) -> World {
    let world = bare(settings).await;
    world.serve_tokens(600, ..).await;
    world.answer("POST", "/sign/documents", json_answer(201, &json!({ "documentId": DOCUMENT }))).await;
    world
}

/// Without any answer.
pub(crate) async fn bare(settings: &[(&str, Value)]) -> World {
    let server = MockServer::start().await;
    let mut instance = json!({
        "kind": "signicat",
        "base_url": format!("{}/sign", server.uri()),
        "token_url": format!("{}/token", server.uri()),
        "client_id": "client-1",
        "client_secret": { "external": "secret" },
        "methods": [{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }],
        "email": { "header": "Please sign", "message": "A document waits for you." },
    });
    for (name, value) in settings {
        instance[*name] = value.clone();
    }
    let instance: InstanceConfig = serde_json::from_value(without_nulls(instance)).unwrap();
    let clock = VirtualClock::jumping("2026-01-01T00:00:00Z".parse().unwrap());
    let mut registry = Registry::new();
    registry.register::<SignicatConfig>().unwrap();
    let config = Config {
        active: Some("signicat".into()),
        providers: [("signicat".to_owned(), instance)].into(),
        ..Config::default()
    };
    let client = Client::builder(registry)
        .config(config)
        .secrets(FixedSecrets::new().with("secret", "marker-secret"))
        .clock(Arc::new(clock.clone()))
        .inspector(Arc::new(A4Pages(3)))
        .build()
        .await
        .unwrap();
    World { server, client, clock }
}

/// A setting of null is one that is left out.
fn without_nulls(mut instance: Value) -> Value {
    instance.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    instance
}

pub(crate) fn json_answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

impl World {
    pub(crate) fn provider(&self) -> Arc<SignicatProvider> {
        self.client.provider_as::<SignicatProvider>("signicat").unwrap()
    }

    /// A new token each time, of this life in seconds.
    pub(crate) async fn serve_tokens(&self, life: u64, times: impl Into<Times>) {
        let answer = Numbered(std::sync::atomic::AtomicU32::new(0), life);
        let mock = Mock::given(method("POST")).and(path("/token")).respond_with(answer);
        mock.expect(times).mount(&self.server).await;
        // Whatever else there is not, Signicat says so in its own form.
        let not_found = json_answer(404, &serde_json::json!({ "status": 404, "title": "Not Found" }));
        Mock::given(wiremock::matchers::any())
            .respond_with(not_found)
            .with_priority(255)
            .mount(&self.server)
            .await;
    }

    pub(crate) async fn answer(&self, verb: &str, at: &str, answer: impl Respond + 'static) {
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// Only so often, before what was answered until now.
    pub(crate) async fn answer_first(
        &self,
        times: u64,
        verb: &str,
        at: &str,
        answer: impl Respond + 'static,
    ) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(answer);
        mock.up_to_n_times(times).with_priority(1).mount(&self.server).await;
    }

    /// Takes any order and gives its tasks addresses.
    pub(crate) async fn accept_orders(&self) {
        self.answer("POST", "/sign/orders", Accept).await;
    }

    pub(crate) async fn task(&self, number: usize, status: &str) {
        let body = json!({ "orderId": ORDER, "taskId": format!("task-{number}"), "taskStatus": status });
        let at = format!("/sign/orders/{ORDER}/tasks/task-{number}/status");
        self.answer("GET", &at, json_answer(200, &body)).await;
    }

    pub(crate) async fn package(&self, number: usize, status: &str) {
        let body = json!({ "packagingTaskStatus": status });
        let at = format!("/sign/orders/{ORDER}/packaging-tasks/package-{number}/status");
        self.answer("GET", &at, json_answer(200, &body)).await;
    }

    pub(crate) async fn send(&self, request: SignRequest) -> Handle {
        let prepared = self.client.prepare(request).await.unwrap();
        self.client.submit(prepared).await.unwrap().handle
    }

    /// The tenant alone, by link.
    pub(crate) async fn submitted(&self) -> Handle {
        self.accept_orders().await;
        self.send(one(Delivery::ShareableLink)).await
    }

    pub(crate) async fn received(&self, verb: &str, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|r| r.method.as_str() == verb && r.url.path() == at).collect()
    }

    /// The order that was sent last.
    pub(crate) async fn order(&self) -> Value {
        self.received("POST", "/sign/orders").await.last().unwrap().body_json().unwrap()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Token after token.
struct Numbered(std::sync::atomic::AtomicU32, u64);

impl Respond for Numbered {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        let token = format!("marker-token-{number}");
        json_answer(200, &json!({ "access_token": token, "token_type": "Bearer", "expires_in": self.1 }))
    }
}

/// What was sent, with an id and addresses.
pub(crate) struct Accept;

impl Respond for Accept {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        json_answer(201, &accepted(request.body_json().unwrap()))
    }
}

pub(crate) fn accepted(mut order: Value) -> Value {
    order["id"] = json!(ORDER);
    for task in order["tasks"].as_array_mut().unwrap() {
        let id = task["id"].as_str().unwrap().to_owned();
        task["signingUrl"] =
            json!(format!("https://sign.example/std?request_id={ORDER}&task_id={id}&x=marker-link"));
    }
    order
}

pub(crate) fn request(delivery: Delivery) -> SignRequest {
    SignRequest::new(Reference::new("lease-12").unwrap(), Document::pdf("Lease 12", PDF), delivery)
}

pub(crate) fn tenant() -> Signer {
    Signer::new("tenant").email("tenant@example.com")
}

pub(crate) fn landlord() -> Signer {
    Signer::new("landlord").email("landlord@example.com")
}

pub(crate) fn one(delivery: Delivery) -> SignRequest {
    request(delivery).signer(tenant())
}

pub(crate) fn two(delivery: Delivery, order: Order) -> SignRequest {
    request(delivery).signer(tenant()).signer(landlord()).order(order)
}

pub(crate) fn shows_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
