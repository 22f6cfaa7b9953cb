//! A sandbox on a virtual clock, a relying party that it knows, a client to call it with.

use std::time::Duration;

use esign_sandbox::singpass::{Person, SingpassControl, SingpassSettings};
use esign_sandbox::{Sandbox, SandboxClock};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::rp::{CLIENT, Rp};

/// Not a whole second: `signed_at` is in milliseconds.
pub(crate) const START: &str = "2026-11-21T09:30:00.250Z";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) rp: Rp,
    pub(crate) http: reqwest::Client,
}

pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) signing_url: String,
    pub(crate) exchange_code: String,
}

pub(crate) async fn world() -> World {
    world_with(|_| {}).await
}

pub(crate) async fn world_with(change: impl FnOnce(&mut SingpassSettings)) -> World {
    let rp = Rp::start().await;
    let clock = SandboxClock::virtual_at(START.parse().unwrap());
    let builder = Sandbox::builder().clock(clock);
    let sandbox = builder.singpass(|s| s.client(rp.client()).settings(change)).start().await.unwrap();
    World { sandbox, rp, http: client() }
}

#[allow(clippy::disallowed_methods, reason = "a client that shares nothing with the adapters")]
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Somebody who may sign.
pub(crate) fn person() -> Person {
    Person::new("NAME OF S1234567D", "S1234567D")
}

pub(crate) fn other_person() -> Person {
    Person::new("NAME OF T7654321Z", "T7654321Z")
}

/// A PDF of two A4 pages.
pub(crate) fn pdf() -> Vec<u8> {
    esign_pdf::sign::sample_pdf("Agreement", &["This is the first clause."])
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

impl World {
    pub(crate) fn singpass(&self) -> SingpassControl {
        self.sandbox.singpass()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.sandbox.base_url().join(path).unwrap().to_string()
    }

    /// Whole seconds since 1970, as a client's clock has them.
    pub(crate) fn now(&self) -> i64 {
        self.sandbox.clock().now().as_second()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    /// The claims with a fresh `jti`, `iat` and `exp` where they are not given; `null` leaves one out.
    pub(crate) fn claims(&self, claims: Value) -> Map<String, Value> {
        let mut all =
            object(json!({ "jti": Uuid::new_v4().to_string(), "iat": self.now(), "exp": self.now() + 120 }));
        all.extend(object(claims));
        all.retain(|_, value| !value.is_null());
        all
    }

    pub(crate) fn token(&self, claims: Value) -> String {
        self.rp.key.token(&Value::Object(self.claims(claims)).to_string())
    }

    /// A call of the API; `path` follows `/api/v3`.
    pub(crate) fn api(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, self.url(&format!("/api/v3{path}"))).header("authorization", token)
    }

    pub(crate) async fn post(&self, token: &str, pdf: Vec<u8>) -> Response {
        let request = self.api(Method::POST, "/sign-requests", token);
        request.header("content-type", "application/octet-stream").body(pdf).send().await.unwrap()
    }

    /// Asks for a signature with these claims beside name and client.
    pub(crate) async fn try_initiate(&self, claims: Value, pdf: Vec<u8>) -> (u16, Value) {
        let mut all = object(json!({ "client_id": CLIENT, "doc_name": "test.pdf" }));
        all.extend(object(claims));
        read(self.post(&self.token(Value::Object(all)), pdf).await).await
    }

    pub(crate) async fn initiate_with(&self, claims: Value, pdf: Vec<u8>) -> Request {
        let (status, body) = self.try_initiate(claims, pdf).await;
        assert_eq!(status, 200, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Request {
            id: text("request_id"),
            signing_url: text("signing_url"),
            exchange_code: text("exchange_code"),
        }
    }

    pub(crate) async fn initiate(&self) -> Request {
        self.initiate_with(json!({ "x": 0.5, "y": 0.5, "page": 1 }), pdf()).await
    }

    /// A request that [`person`] has signed.
    pub(crate) async fn signed(&self) -> Request {
        let request = self.initiate().await;
        self.singpass().sign(&request.id, &person()).await.unwrap();
        request
    }

    pub(crate) async fn result(&self, request: &Request) -> (u16, Value) {
        let token = self.token(json!({ "exchange_code": request.exchange_code }));
        self.result_at(&format!("/sign-requests/{}/signed-doc", request.id), &token).await
    }

    pub(crate) async fn result_at(&self, path: &str, token: &str) -> (u16, Value) {
        read(self.api(Method::GET, path, token).send().await.unwrap()).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> (u16, Value) {
        let token = self.token(json!({ "client_id": CLIENT, "request_id": id, "jti": null }));
        self.cancel_with(&token).await
    }

    pub(crate) async fn cancel_with(&self, token: &str) -> (u16, Value) {
        let request = self.api(Method::POST, "/sign-requests/cancel", token);
        read(request.header("content-type", "application/json").send().await.unwrap()).await
    }

    pub(crate) async fn download(&self, url: &str) -> (u16, Vec<u8>) {
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    pub(crate) async fn jwks(&self) -> JwkSet {
        self.http.get(self.url("/.well-known/keys.json")).send().await.unwrap().json().await.unwrap()
    }

    /// Verifies one of the service's own tokens by its published keys, and returns its header and claims.
    pub(crate) async fn proven(&self, token: &str) -> Option<(Value, Value)> {
        let header = jsonwebtoken::decode_header(token).unwrap();
        let set = self.jwks().await;
        let key = DecodingKey::from_jwk(set.find(header.kid.as_deref().unwrap())?).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).ok()?.claims;
        Some((serde_json::to_value(header).unwrap(), claims))
    }
}

/// Status and JSON body; `null` for a body that is none.
pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}
