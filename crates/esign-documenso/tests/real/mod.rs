//! A real server in the place of the sandbox. Its signers act through what its signing pages call, which no documentation
//! describes: unverified, and only for tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use esign_conformance::{Action, Backend, Fault, Harness};
use esign_core::secrecy::ExposeSecret;
use esign_core::{
    Clock, FixedSecrets, Handle, InstanceConfig, Operation, Placement, Registry, Result, Signer, Spot,
    SystemClock,
};
use esign_documenso::{DocumensoConfig, KIND};
use serde_json::{Value, json};

/// The real server that the environment names, if it names one.
pub(crate) fn server() -> Option<RealHarness> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some(RealHarness { url: variable("ESIGN_DOCUMENSO_URL")?, token: variable("ESIGN_DOCUMENSO_TOKEN")? })
}

#[derive(Clone)]
pub(crate) struct RealHarness {
    url: String,
    token: String,
}

struct RealBackend {
    harness: RealHarness,
    http: reqwest::Client,
    /// What the server held when the check began. Nobody else may send while it runs.
    before: u32,
}

#[async_trait]
impl Harness for RealHarness {
    async fn start(&self) -> Box<dyn Backend> {
        let mut backend = RealBackend { harness: self.clone(), http: client(), before: 0 };
        backend.before = backend.sent().await;
        Box::new(backend)
    }
}

#[allow(clippy::disallowed_methods, reason = "acts as a browser, not as the adapter")]
fn client() -> reqwest::Client {
    reqwest::Client::new()
}

impl RealBackend {
    /// The address without the API's path.
    fn root(&self) -> &str {
        let url = self.harness.url.trim_end_matches('/');
        url.strip_suffix("/api/v2").unwrap_or(url)
    }

    fn at(&self, url: &str) -> InstanceConfig {
        InstanceConfig::new(KIND).with("base_url", url).with("api_token", json!({ "external": "token" }))
    }

    async fn envelope(&self, id: &str) -> Option<Value> {
        let call = self.http.get(format!("{}/api/v2/envelope/{id}", self.root()));
        let answer = call.header("authorization", &self.harness.token).send().await.ok()?;
        answer.json().await.ok()
    }

    /// Envelopes that are no drafts.
    async fn sent(&self) -> u32 {
        let (mut sent, mut page) = (0, 1);
        loop {
            let url = format!("{}/api/v2/envelope?perPage=100&page={page}", self.root());
            let call = self.http.get(url).header("authorization", &self.harness.token);
            let Ok(answer) = call.send().await else { return sent };
            let answer: Value = answer.json().await.unwrap_or_default();
            let listed = answer["data"].as_array().into_iter().flatten();
            let others = listed.filter(|envelope| envelope["status"] != "DRAFT").count();
            sent += u32::try_from(others).unwrap_or_default();
            if answer["totalPages"].as_u64().is_none_or(|pages| page >= pages) {
                return sent;
            }
            page += 1;
        }
    }

    /// What the signing page sends.
    async fn page(&self, procedure: &str, body: Value) -> bool {
        let call =
            self.http.post(format!("{}/api/trpc/{procedure}", self.root())).json(&json!({ "json": body }));
        call.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    async fn sign(&self, envelope: &Value, recipient: &Value) -> bool {
        let token = &recipient["token"];
        let own = envelope["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|f| f["recipientId"] == recipient["id"]);
        for field in own.filter(|field| field["inserted"] == false) {
            let value = match field["type"].as_str().unwrap_or_default() {
                "SIGNATURE" => json!({ "type": "SIGNATURE", "value": recipient["name"] }),
                "DATE" => json!({ "type": "DATE", "value": true }),
                kind => json!({ "type": kind, "value": recipient["name"] }),
            };
            let body = json!({ "token": token, "fieldId": field["id"], "fieldValue": value });
            if !self.page("envelope.field.sign", body).await {
                return false;
            }
        }
        let number = envelope["secondaryId"]
            .as_str()
            .and_then(|id| id.trim_start_matches("document_").parse::<u64>().ok());
        self.page("recipient.completeDocumentWithToken", json!({ "token": token, "documentId": number }))
            .await
    }

    /// Until the server has sealed it, or has not in two minutes of real time.
    async fn sealed(&self, id: &str) {
        let clock = SystemClock;
        for _ in 0..60 {
            let Some(envelope) = self.envelope(id).await else { return };
            let open = |r: &Value| r["role"] != "CC" && r["signingStatus"] == "NOT_SIGNED";
            let waits = envelope["recipients"].as_array().is_some_and(|list| list.iter().any(open));
            if envelope["status"] != "PENDING" || waits {
                return;
            }
            clock.sleep_until(clock.monotonic() + Duration::from_secs(2)).await;
        }
    }
}

#[async_trait]
impl Backend for RealBackend {
    fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register::<DocumensoConfig>().map(|_| ())
    }

    fn instance(&self) -> InstanceConfig {
        self.at(&self.harness.url)
    }

    fn elsewhere(&self) -> InstanceConfig {
        self.at("http://127.0.0.1:9/elsewhere")
    }

    fn secrets(&self) -> FixedSecrets {
        FixedSecrets::new().with("token", self.harness.token.as_str())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn native(&self, signer: u32) -> Option<Placement> {
        let mut placement = Placement::native(KIND, 1, "10.5", &format!("{signer}.25")).ok()?;
        if let Spot::Native(native) = &mut placement.spot {
            *native = native.clone().with_size("20".parse().ok()?, "5".parse().ok()?);
        }
        Some(placement)
    }

    fn markers(&self) -> Vec<String> {
        vec![self.harness.token.clone()]
    }

    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool {
        let id = handle.request().id();
        let stored: Value = serde_json::from_str(handle.to_stored().expose_secret()).unwrap_or_default();
        let parties = stored["private"]["signers"].as_array().cloned().unwrap_or_default();
        let number =
            parties.iter().find(|party| party["key"] == signer.key.as_str()).map(|p| p["recipient"].clone());
        let Some(envelope) = self.envelope(id).await else { return false };
        let recipients = envelope["recipients"].as_array().cloned().unwrap_or_default();
        let Some(recipient) = recipients.iter().find(|r| Some(&r["id"]) == number.as_ref()) else {
            return false;
        };
        let done = match action {
            Action::Sign => self.sign(&envelope, recipient).await,
            Action::Decline => {
                // Measured: on behalf of the recipient.
                let path = format!("{}/api/v2/envelope/recipient/{}/reject", self.root(), recipient["id"]);
                let body = json!({ "envelopeId": id, "reason": "wrong rent" });
                let call = self.http.post(path).header("authorization", &self.harness.token).json(&body);
                call.send().await.is_ok_and(|answer| answer.status().is_success())
            }
            Action::Leave => true,
            _ => false,
        };
        self.sealed(id).await;
        done
    }

    /// The server's time cannot be moved.
    async fn pass(&self, _: Duration) {}

    async fn inject(&self, _: Operation, _: Fault) -> bool {
        false
    }

    async fn reached(&self, operation: Operation) -> u32 {
        if operation == Operation::Submit { self.accepted().await } else { 0 }
    }

    async fn accepted(&self) -> u32 {
        self.sent().await.saturating_sub(self.before)
    }

    async fn received(&self, handle: &Handle) -> Option<Vec<Bytes>> {
        let envelope = self.envelope(handle.request().id()).await?;
        let mut received = Vec::new();
        for item in envelope["envelopeItems"].as_array()? {
            let id = item["id"].as_str()?;
            let url = format!("{}/api/v2/envelope/item/{id}/download?version=original", self.root());
            let answer = self.http.get(url).header("authorization", &self.harness.token).send().await.ok()?;
            received.push(answer.bytes().await.ok()?);
        }
        Some(received)
    }
}
