//! A sandbox on a virtual clock, a client that it knows, and what that client sends.

use std::time::Duration;

use esign_sandbox::signicat::{Signer, SignicatControl, SignicatSettings};
use esign_sandbox::{Sandbox, SandboxClock};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::openapi;

pub(crate) const START: &str = "2026-11-22T09:30:00Z";
pub(crate) const CLIENT: &str = "sandbox-client";
pub(crate) const SECRET: &str = "a secret: 100% + more";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

pub(crate) async fn world() -> World {
    world_with(|_| {}).await
}

pub(crate) async fn world_with(change: impl FnOnce(&mut SignicatSettings)) -> World {
    let clock = SandboxClock::virtual_at(START.parse().unwrap());
    let builder = Sandbox::builder().clock(clock);
    let sandbox = builder.signicat(|s| s.client(CLIENT, SECRET).settings(change)).start().await.unwrap();
    let mut world = World { sandbox, http: client(), token: String::new() };
    world.token = world.fresh_token().await;
    world
}

#[allow(clippy::disallowed_methods, reason = "a client that shares nothing with the adapters")]
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A PDF of two A4 pages.
pub(crate) fn pdf() -> Vec<u8> {
    esign_pdf::sign::sample_pdf("Agreement", &["This is the first clause."])
}

pub(crate) fn signer() -> Signer {
    Signer::named("Ada Lovelace")
}

/// A task with one document to sign, by id.
pub(crate) fn task(id: &str, document: &str) -> Value {
    json!({
        "id": id,
        "documents": [
            { "id": "doc", "description": "Agreement", "action": "SIGN", "source": "SESSION", "documentRef": document },
        ],
        "signatureMethods": [{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }],
    })
}

/// The order that most tests begin with: one task, one packaging task.
pub(crate) fn order(document: &str) -> Value {
    json!({ "tasks": [task("t1", document)], "packagingTasks": [packaging("p1", &["t1"])] })
}

pub(crate) fn packaging(id: &str, tasks: &[&str]) -> Value {
    let documents: Vec<_> =
        tasks.iter().map(|task| json!({ "taskId": task, "documentIds": ["doc"] })).collect();
    json!({ "id": id, "method": "pades", "documents": documents })
}

impl World {
    pub(crate) fn signicat(&self) -> SignicatControl {
        self.sandbox.signicat()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.sandbox.base_url().join(path).unwrap().to_string()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn fresh_token(&self) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", "signicat-api")];
        let request = self.http.post(self.url("/auth/open/connect/token")).basic_auth(CLIENT, Some(SECRET));
        let (status, body) = read(request.form(&form).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// A call of the API on the current platform; `path` follows its base.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(&format!("/enterprise/sign{path}"))).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = read(self.api(Method::GET, path).send().await.unwrap()).await;
        openapi::check_answer("GET", path, status, &body);
        (status, body)
    }

    pub(crate) async fn bytes(&self, path: &str) -> (u16, Vec<u8>) {
        let response = self.api(Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    pub(crate) async fn delete(&self, path: &str) -> u16 {
        self.api(Method::DELETE, path).send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn upload(&self, bytes: Vec<u8>, media_type: &str) -> (u16, Value) {
        let request = self.api(Method::POST, "/documents").header("content-type", media_type).body(bytes);
        let (status, body) = read(request.send().await.unwrap()).await;
        openapi::check_answer("POST", "/documents", status, &body);
        (status, body)
    }

    /// The id of an uploaded PDF.
    pub(crate) async fn document(&self) -> String {
        let (status, body) = self.upload(pdf(), "application/pdf").await;
        assert_eq!(status, 201, "{body}");
        body["documentId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_create(&self, order: &Value) -> (u16, Value) {
        let (status, body) = read(self.api(Method::POST, "/orders").json(order).send().await.unwrap()).await;
        if status == 201 {
            openapi::check_order(order);
        }
        openapi::check_answer("POST", "/orders", status, &body);
        (status, body)
    }

    pub(crate) async fn create(&self, order: &Value) -> Value {
        let (status, body) = self.try_create(order).await;
        assert_eq!(status, 201, "{body}");
        body
    }

    /// An order with one task, `t1`, over one document, `doc`, packaged by `p1`; its id.
    pub(crate) async fn ordered(&self) -> String {
        let created = self.create(&order(&self.document().await)).await;
        created["id"].as_str().unwrap().to_owned()
    }
}

/// Status and JSON body; `null` for a body that is none.
pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}
