//! What the tests share: measured answers, a client on a jumping clock, a sandbox, requests, and PDFs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use esign_core::memory::A4Pages;
use esign_core::{
    Client, Config, Corner, Delivery, Document, FixedSecrets, Handle, InstanceConfig, Origin, Placement,
    Reference, Registry, SignRequest, Signer, StatusReport, Submission, VirtualClock,
};
use esign_documenso::{DocumensoConfig, DocumensoProvider, KIND};
use esign_sandbox::documenso::DocumensoSettings;
use esign_sandbox::{Sandbox, SandboxClock};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

pub(crate) const START: &str = "2026-11-28T11:09:00Z";
pub(crate) const TOKEN: &str = "api_sandbox0token000";

macro_rules! samples {
    ($($name:literal),+ $(,)?) => {
        fn text(name: &str) -> &'static str {
            match name {
                $($name => include_str!(concat!("../samples/", $name, ".txt")),)+
                other => panic!("no sample {other}"),
            }
        }
    };
}

samples!(
    "audit-log",
    "cancel-again",
    "cancel-completed",
    "certificate-pending",
    "create",
    "distribute",
    "distribute-no-field",
    "distribute-no-recipients",
    "err-429",
    "err-429-organisation",
    "err-429-quota",
    "err-bad-token",
    "err-cancel-unknown",
    "err-create-actionAuth",
    "err-create-docx",
    "err-create-not-pdf",
    "err-create-posX-101",
    "err-expired-token",
    "err-get-unknown",
    "err-six-files",
    "find-external-id",
    "get-cancelled",
    "get-completed",
    "get-draft",
    "get-expired",
    "get-pending",
    "get-pending-1-of-2",
    "get-rejected",
    "get-soft-deleted",
    "redistribute",
    "webhook-DOCUMENT_CANCELLED",
    "webhook-DOCUMENT_COMPLETED",
);

/// A measured answer with its headers, as a mock gives it.
pub(crate) fn measured(name: &str) -> ResponseTemplate {
    let (_, answer) = text(name).split_once("\n< ").unwrap();
    let (head, body) = answer.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status: u16 = lines.next().unwrap().split(' ').next().unwrap().parse().unwrap();
    let mut template = ResponseTemplate::new(status);
    for line in lines {
        let (name, value) = line.trim_start_matches("< ").split_once(": ").unwrap();
        if !matches!(name, "content-length" | "Connection" | "content-type") {
            template = template.insert_header(name, value);
        }
    }
    template.set_body_raw(body.trim().to_owned(), "application/json")
}

/// The body of a measured answer.
pub(crate) fn body(name: &str) -> Value {
    let (_, answer) = text(name).split_once("\n< ").unwrap();
    serde_json::from_str(answer.split_once("\n\n").unwrap().1.trim()).unwrap()
}

/// The body of a measured webhook.
pub(crate) fn webhook(name: &str) -> String {
    text(name).split_once("\n\n").unwrap().1.trim().to_owned()
}

/// A client with the one instance `d`, on a clock that never waits.
pub(crate) async fn client_at(base: &str, settings: Value, start: &str) -> (Client, VirtualClock) {
    client_with(base, settings, start, 3).await
}

async fn client_with(base: &str, settings: Value, start: &str, pages: u32) -> (Client, VirtualClock) {
    let clock = VirtualClock::jumping(start.parse().unwrap());
    let mut instance = InstanceConfig::new(KIND)
        .with("base_url", base)
        .with("api_token", json!({ "external": "token" }))
        .with("callback_secret", json!({ "external": "secret" }));
    for (key, value) in settings.as_object().unwrap() {
        instance = instance.with(key, value.clone());
    }
    let config = Config {
        active: Some("d".to_owned()),
        providers: [("d".to_owned(), instance)].into_iter().collect(),
        ..Config::default()
    };
    let mut registry = Registry::new();
    registry.register::<DocumensoConfig>().unwrap();
    let secrets = FixedSecrets::new().with("token", TOKEN).with("secret", "webhook-secret");
    let builder = Client::builder(registry).config(config).secrets(secrets).clock(Arc::new(clock.clone()));
    (builder.inspector(Arc::new(A4Pages(pages))).build().await.unwrap(), clock)
}

/// The provider behind a client.
pub(crate) fn provider(client: &Client) -> Arc<DocumensoProvider> {
    client.provider_as::<DocumensoProvider>("d").unwrap()
}

/// A sandbox and a client of it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) clock: VirtualClock,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(json!({}), |_| {}).await
    }

    pub(crate) async fn with(settings: Value, switches: impl FnOnce(&mut DocumensoSettings)) -> Self {
        let time = SandboxClock::virtual_at(START.parse().unwrap());
        let set_up = Sandbox::builder().clock(time).documenso(|d| d.api_token(TOKEN).settings(switches));
        let sandbox = set_up.start().await.unwrap();
        let base = format!("{}documenso", sandbox.base_url());
        let (client, clock) = client_at(&base, settings, START).await;
        Self { sandbox, client, clock }
    }

    pub(crate) async fn send(&self, request: SignRequest) -> Submission {
        self.client.submit(self.client.prepare(request).await.unwrap()).await.unwrap()
    }

    pub(crate) async fn status(&self, handle: &Handle) -> StatusReport {
        self.client.status(handle).await.unwrap()
    }

    pub(crate) async fn sign(&self, handle: &Handle, recipient: usize) {
        self.sandbox.documenso().sign(handle.request().id(), recipient).await.unwrap();
    }

    pub(crate) fn advance(&self, seconds: u64) {
        let by = Duration::from_secs(seconds);
        self.sandbox.clock().advance(by);
        self.clock.advance(by);
    }

    pub(crate) fn envelopes(&self) -> Vec<String> {
        self.sandbox
            .documenso()
            .envelopes()
            .into_iter()
            .map(|e| format!("{} {}", e.title, e.status))
            .collect()
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        self.sandbox.mailbox().into_iter().map(|m| format!("{}: {}", m.to, m.subject)).collect()
    }
}

pub(crate) fn place(page: u32, y: f64) -> Placement {
    Placement::points(page, 60.0, y, Origin::BottomLeft, Corner::BottomLeft)
}

pub(crate) fn person(key: &str) -> Signer {
    Signer::new(key).name(format!("Name of {key}")).email(format!("{key}@lab.example"))
}

pub(crate) fn request(delivery: Delivery) -> SignRequest {
    SignRequest::new(Reference::random().unwrap(), Document::pdf("Lease 12", pdf()), delivery)
}

/// One signer by e-mail.
pub(crate) fn by_email() -> SignRequest {
    request(Delivery::ProviderEmail).signer(person("tenant").place(place(1, 100.0)))
}

/// One signer by link.
pub(crate) fn by_link() -> SignRequest {
    request(Delivery::ShareableLink).signer(person("tenant").place(place(1, 100.0)))
}

/// Three A4 pages with boxes and resources of their own.
pub(crate) fn pdf() -> Bytes {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Resources<<>>>>";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>",
        page,
        page,
        page,
    ];
    let mut text = "%PDF-1.7\n".to_owned();
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
