//! A sandbox, calls of its API, and how answers are compared.

use std::time::Duration;

use bytes::Bytes;
use esign_sandbox::documenso::{DocumensoControl, DocumensoSettings};
use esign_sandbox::{Sandbox, SandboxClock};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::measured::Measured;

pub(crate) const TOKEN: &str = "api_sandbox0token000";
pub(crate) const EXPIRED: &str = "api_expired0token000";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    http: reqwest::Client,
}

/// A status, headers and a body, which may be no JSON.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) json: Option<Value>,
    pub(crate) bytes: Bytes,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut DocumensoSettings)) -> Self {
        let start: jiff::Timestamp = "2026-11-28T11:09:45.905Z".parse().unwrap();
        let clock = SandboxClock::virtual_at(start);
        let set_up = Sandbox::builder().clock(clock).documenso(|documenso| {
            documenso
                .api_token_of("team", TOKEN, None)
                .api_token_of("team", EXPIRED, Some(start))
                .settings(change)
        });
        Self { sandbox: set_up.start().await.unwrap(), http: client() }
    }

    pub(crate) fn control(&self) -> DocumensoControl {
        self.sandbox.documenso()
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.sandbox.clock().advance(Duration::from_secs(seconds));
        self.control().tick().await;
    }

    fn url(&self, path: &str) -> String {
        format!("{}documenso/api/v2{path}", self.sandbox.base_url())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.url(path)).header("authorization", TOKEN)).await
    }

    pub(crate) async fn get_as(&self, path: &str, token: Option<&str>) -> Answer {
        let call = self.http.get(self.url(path));
        self.send(token.into_iter().fold(call, |call, token| call.header("authorization", token))).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: String) -> Answer {
        let call = self.http.post(self.url(path)).header("authorization", TOKEN);
        self.send(call.header("content-type", "application/json").body(body)).await
    }

    /// A create with this payload and these files: name, type, content.
    pub(crate) async fn create(&self, payload: &str, files: &[(&str, &str, Bytes)]) -> Answer {
        let mut form = Form::new().text("payload", payload.to_owned());
        for (name, kind, content) in files {
            let part = Part::bytes(content.to_vec()).file_name((*name).to_owned()).mime_str(kind).unwrap();
            form = form.part("files", part);
        }
        self.send(self.http.post(self.url("/envelope/create")).header("authorization", TOKEN).multipart(form))
            .await
    }

    /// An envelope of one plain PDF; gives its id.
    pub(crate) async fn envelope(&self, payload: Value) -> String {
        let answer = self.create(&payload.to_string(), &[("contract.pdf", "application/pdf", pdf())]).await;
        assert_eq!(answer.status, 200, "{:?}", answer.json);
        answer.json.unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn distribute(&self, id: &str) -> Answer {
        self.post("/envelope/distribute", json!({ "envelopeId": id })).await
    }

    pub(crate) async fn read(&self, id: &str) -> Value {
        self.get(&format!("/envelope/{id}")).await.json.unwrap()
    }

    pub(crate) async fn item(&self, id: &str) -> String {
        self.read(id).await["envelopeItems"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn send(&self, call: reqwest::RequestBuilder) -> Answer {
        let response = call.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        Answer { status, headers, json: serde_json::from_slice(&bytes).ok(), bytes }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the sandbox shares nothing with the adapters, esign-http included"
)]
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Two pages with boxes and resources of their own.
pub(crate) fn pdf() -> Bytes {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>";
    written(&["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>", page, page])
}

/// A PDF of these objects, numbered from 1.
pub(crate) fn written(objects: &[&str]) -> Bytes {
    let mut text = "%PDF-1.4\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (i, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", text.len());
        text += &format!("{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let (start, count) = (text.len(), objects.len() + 1);
    text += &format!(
        "xref\n0 {count}\n{table}trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    );
    text.into()
}

/// The answer is the measured one: status, the headers that say something, and each member.
pub(crate) fn same(measured: &Measured, answer: &Answer) {
    let name = measured.name;
    assert_eq!(answer.status, measured.status, "{name}: {:?}", answer.json);
    for header in [
        "content-type",
        "retry-after",
        "x-ratelimit-limit",
        "access-control-allow-origin",
        "cache-control",
        "pragma",
        "expires",
    ] {
        let ours = answer.headers.get(header).map(|value| value.to_str().unwrap().to_owned());
        let theirs = measured.headers.get(header);
        if header == "retry-after" {
            assert_eq!(ours.is_some(), theirs.is_some(), "{name}: {header}");
        } else {
            assert_eq!(ours.as_ref(), theirs, "{name}: {header}");
        }
    }
    for header in
        ["x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "etag", "content-disposition"]
    {
        assert_eq!(
            answer.headers.contains_key(header),
            measured.headers.contains_key(header),
            "{name}: {header}"
        );
    }
    match (&measured.answer, &answer.json) {
        (Some(theirs), Some(ours)) => compare(name, theirs, ours),
        (None, _) => assert!(answer.bytes.starts_with(b"%PDF-"), "{name}: no PDF"),
        (Some(_), None) => panic!("{name}: no JSON"),
    }
}

/// Members that are made anew each time, or belong to the server that was measured.
const OWN: [&str; 18] = [
    "id",
    "secondaryId",
    "token",
    "signingUrl",
    "envelopeId",
    "envelopeItemId",
    "documentDataId",
    "documentId",
    "userId",
    "teamId",
    "recipientId",
    "fieldId",
    "url",
    "webhookEndpoint",
    "transactionId",
    "userAgent",
    "user",
    "team",
];

pub(crate) fn compare(at: &str, theirs: &Value, ours: &Value) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
            let (mut t, mut o) = (names(theirs), names(ours));
            t.sort();
            o.sort();
            assert_eq!(o, t, "{at}: members");
            for (name, theirs) in theirs {
                let at = format!("{at}.{name}");
                let ours = &ours[name];
                if OWN.contains(&name.as_str()) || name.ends_with("At") {
                    assert_eq!(kind(ours), kind(theirs), "{at}");
                } else {
                    compare(&at, theirs, ours);
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}: length");
            for (i, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                compare(&format!("{at}[{i}]"), theirs, ours);
            }
        }
        (Value::String(theirs), Value::String(ours)) => {
            assert_eq!(without_ids(ours), without_ids(theirs), "{at}")
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Words with the ids in them replaced.
fn without_ids(text: &str) -> String {
    let word = |word: &str| {
        let plain = word.trim_end_matches([')', '.', ',']);
        let id = plain.starts_with("envelope_")
            || (!plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit()));
        if id { "#".to_owned() } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
