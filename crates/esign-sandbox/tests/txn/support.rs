//! A sandbox on a virtual clock, a relying party that it knows, a page of it, and its server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use esign_sandbox::txn::{Client, ClientKeys, TxnControl, TxnSettings};
use esign_sandbox::{Sandbox, SandboxClock};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::key::Key;

pub(crate) const CLIENT: &str = "9RgGCHe8X1";
pub(crate) const REDIRECT: &str = "https://rp.example/back?case=7";
pub(crate) const ORIGIN: &str = "https://rp.example";
pub(crate) const TEXT: &str = "Transfer SGD 10.00 to account ****5678";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) key: Key,
    pub(crate) jwks: Arc<Jwks>,
    pub(crate) http: reqwest::Client,
}

/// What the relying party publishes; `None` answers 500.
#[derive(Default)]
pub(crate) struct Jwks {
    set: Mutex<Option<Value>>,
    calls: AtomicUsize,
}

impl Jwks {
    pub(crate) fn serve(&self, keys: &[Value]) {
        *self.set.lock().unwrap() = Some(json!({ "keys": keys }));
    }

    pub(crate) fn fail(&self) {
        *self.set.lock().unwrap() = None;
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// A session as the script knows it.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) phone_url: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) hash: String,
}

pub(crate) async fn world() -> World {
    world_with(|_| {}).await
}

pub(crate) async fn world_with(change: impl FnOnce(&mut TxnSettings)) -> World {
    let key = Key::new("rp-1", "ES256");
    let jwks = Arc::new(Jwks::default());
    jwks.serve(&[key.jwk()]);
    let url = serve(jwks.clone()).await;
    let client = Client {
        client_id: CLIENT.to_owned(),
        keys: ClientKeys::Url(url.parse().unwrap()),
        redirect_uri: REDIRECT.to_owned(),
        origins: Vec::new(),
    };
    let clock = SandboxClock::virtual_at("2026-11-21T09:30:00.250Z".parse().unwrap());
    let builder = Sandbox::builder().clock(clock);
    let sandbox = builder.txn(|txn| txn.client(client).settings(change)).start().await.unwrap();
    World { sandbox, key, jwks, http: client_without_redirects() }
}

async fn serve(jwks: Arc<Jwks>) -> String {
    async fn answer(State(jwks): State<Arc<Jwks>>) -> Response {
        jwks.calls.fetch_add(1, Ordering::SeqCst);
        match &*jwks.set.lock().unwrap() {
            Some(set) => axum::Json(set).into_response(),
            None => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let router = Router::new().route("/jwks", get(answer)).with_state(jwks);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[allow(clippy::disallowed_methods, reason = "a client that shares nothing with the adapters")]
fn client_without_redirects() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// `base` with the members of `changes`; `null` leaves one out.
pub(crate) fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut base), Value::Object(changes)) = (base, changes) else { panic!("objects") };
    base.extend(changes);
    base.retain(|_, value| !value.is_null());
    Value::Object(base)
}

pub(crate) fn hash_of(txn_id: &str, instructions: &str) -> String {
    let hash = digest(&SHA256, format!("{txn_id}:{instructions}").as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    pub(crate) fn txn(&self) -> TxnControl {
        self.sandbox.txn()
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

    /// The claims of a `txnInfo`.
    pub(crate) fn info(&self, changes: Value) -> Value {
        let base = json!({
            "iat": self.now(), "exp": self.now() + 120, "txn_id": "TXN-2026-000123", "txn_instructions": TEXT,
            "txn_hash": hash_of("TXN-2026-000123", TEXT),
        });
        with(base, changes)
    }

    /// What the script sends for a good page, with new values.
    pub(crate) fn params(&self, changes: Value) -> Value {
        let base = json!({
            "clientId": CLIENT, "redirectUri": REDIRECT,
            "state": Uuid::new_v4().to_string(), "nonce": Uuid::new_v4().to_string(),
            "txnInfo": self.key.token(&self.info(json!({})).to_string()),
        });
        with(base, changes)
    }

    /// Asks for a session as a page of `origin`. Returns status and JSON.
    pub(crate) async fn try_open_from(&self, origin: Option<&str>, params: &Value) -> (u16, Value) {
        let mut request = self.http.post(self.url("/api/v1/txn-signing-sessions")).json(params);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        read(request.send().await.unwrap()).await
    }

    pub(crate) async fn try_open(&self, params: &Value) -> (u16, Value) {
        self.try_open_from(Some(ORIGIN), params).await
    }

    /// The reason for which a session is refused.
    pub(crate) async fn refused(&self, params: &Value) -> String {
        let (status, body) = self.try_open(params).await;
        assert_eq!(status, 400, "{body}");
        is_error(&body, "CLIENT_SIDE_ERROR")
    }

    pub(crate) async fn open_with(&self, info: Value) -> Session {
        let info = self.info(info);
        let params = self.params(json!({ "txnInfo": self.key.token(&info.to_string()) }));
        let (status, body) = self.try_open(&params).await;
        assert_eq!(status, 200, "{body}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Session {
            id: text(&body["session_id"]),
            phone_url: text(&body["phone_url"]),
            state: text(&params["state"]),
            nonce: text(&params["nonce"]),
            hash: text(&info["txn_hash"]),
        }
    }

    pub(crate) async fn open(&self) -> Session {
        self.open_with(json!({})).await
    }

    /// One call of the long poll.
    pub(crate) async fn status(&self, session: &Session, seen: &str) -> Value {
        let request = self.http.get(self.url("/api/v1/status")).header("origin", ORIGIN);
        let query = [("session_id", session.id.as_str()), ("seen", seen)];
        let (status, body) = read(request.query(&query).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A session that was approved, and its code.
    pub(crate) async fn approved(&self) -> (Session, String) {
        let session = self.open().await;
        let back = self.txn().approve(&session.id, None).unwrap();
        (session, query(&back, "code").unwrap())
    }

    pub(crate) fn client_claims(&self, code: &str, changes: Value) -> Value {
        let iat = self.now();
        with(json!({ "sub": CLIENT, "sign_code": code, "iat": iat, "exp": iat + 60 }), changes)
    }

    /// Exchanges a code with this token and body.
    pub(crate) async fn exchange_with(&self, token: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.url("/api/v1/txn-signatures")).header("authorization", token);
        read(request.json(body).send().await.unwrap()).await
    }

    pub(crate) async fn exchange(&self, code: &str) -> (u16, Value) {
        let token = self.key.token(&self.client_claims(code, json!({})).to_string());
        self.exchange_with(&token, &json!({ "sign_code": code })).await
    }

    /// Verifies an answer by the published keys and returns its claims.
    pub(crate) async fn proven(&self, token: &str) -> Option<Map<String, Value>> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let set = self.http.get(self.url("/.well-known/keys.json")).send().await.unwrap();
        let set: JwkSet = set.json().await.unwrap();
        let key = DecodingKey::from_jwk(set.find(header.kid.as_deref()?)?).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(token, &key, &validation).ok().map(|token| token.claims)
    }
}

/// Checks the fields of an error and returns its description.
pub(crate) fn is_error(body: &Value, class: &str) -> String {
    assert_eq!(body["error"], class, "{body}");
    assert!(!body["id"].as_str().unwrap().is_empty() && !body["trace_id"].as_str().unwrap().is_empty());
    body["error_description"].as_str().unwrap().to_owned()
}

/// A parameter of an address.
pub(crate) fn query(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Status and JSON body; `null` for a body that is none.
pub(crate) async fn read(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}
