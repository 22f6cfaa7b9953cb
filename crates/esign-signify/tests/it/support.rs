//! What the tests share: a client on a jumping clock, a sandbox, requests, and a PDF.

use std::sync::Arc;

use bytes::Bytes;
use esign_core::memory::A4Pages;
use esign_core::{
    Client, Config, Delivery, Document, FixedSecrets, Handle, InstanceConfig, Order, Placement, Reference,
    Registry, SignRequest, Signer, VirtualClock,
};
use esign_sandbox::signify::SignifySettings;
use esign_sandbox::{Sandbox, SandboxClock};
use esign_signify::{KIND, SignifyConfig, SignifyProvider};
use serde_json::{Value, json};

pub(crate) const START: &str = "2026-03-02T01:00:00Z";
pub(crate) const KEY: &str = "sandbox-key";

/// A client with the one instance `s`, on a clock that never waits.
pub(crate) async fn client(base: &str, settings: Value) -> (Client, VirtualClock) {
    client_at(base, settings, START).await
}

/// The same with another time on its clock.
pub(crate) async fn client_at(base: &str, settings: Value, start: &str) -> (Client, VirtualClock) {
    let clock = VirtualClock::jumping(start.parse().unwrap());
    let mut instance = InstanceConfig::new(KIND)
        .with("base_url", format!("{}/public", base.trim_end_matches('/')))
        .with("api_key", json!({ "external": "key" }));
    for (key, value) in settings.as_object().unwrap() {
        match key.as_str() {
            "adapt" => instance.adapt = serde_json::from_value(value.clone()).unwrap(),
            _ => instance = instance.with(key, value.clone()),
        }
    }
    let config = Config {
        active: Some("s".to_owned()),
        providers: [("s".to_owned(), instance)].into_iter().collect(),
        ..Config::default()
    };
    let mut registry = Registry::new();
    registry.register::<SignifyConfig>().unwrap();
    let client = Client::builder(registry)
        .config(config)
        .secrets(FixedSecrets::new().with("key", KEY))
        .clock(Arc::new(clock.clone()))
        .inspector(Arc::new(A4Pages(3)))
        .build()
        .await
        .unwrap();
    (client, clock)
}

/// The provider behind a client.
pub(crate) fn provider(client: &Client) -> Arc<SignifyProvider> {
    client.provider_as::<SignifyProvider>("s").unwrap()
}

/// A sandbox and a client of it; both clocks start at the same time and move apart.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) clock: VirtualClock,
}

impl World {
    pub(crate) async fn new(settings: Value) -> Self {
        Self::with(settings, |_| {}).await
    }

    pub(crate) async fn with(settings: Value, switches: impl FnOnce(&mut SignifySettings)) -> Self {
        let time = SandboxClock::virtual_at(START.parse().unwrap());
        let set_up = Sandbox::builder().clock(time).signify(|s| s.api_key(KEY).settings(switches));
        let sandbox = set_up.start().await.unwrap();
        let (client, clock) = client(sandbox.base_url().as_str(), settings).await;
        Self { sandbox, client, clock }
    }

    pub(crate) async fn send(&self, request: SignRequest) -> Handle {
        let prepared = self.client.prepare(request).await.unwrap();
        self.client.submit(prepared).await.unwrap().handle
    }

    pub(crate) fn advance(&self, by: std::time::Duration) {
        self.sandbox.clock().advance(by);
        self.clock.advance(by);
    }
}

pub(crate) const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// A place by its native numbers.
pub(crate) fn place(page: u32, x: &str, y: &str) -> Placement {
    Placement::native(KIND, page, x, y).unwrap()
}

/// One signer by e-mail.
pub(crate) fn one_by_email(name: &str) -> SignRequest {
    request(name, Delivery::ProviderEmail)
        .signer(Signer::new("tenant").email("tenant@agency.gov.sg").place(place(1, "0.1", "0.2")))
}

/// One signer by link.
pub(crate) fn one_by_link(name: &str) -> SignRequest {
    request(name, Delivery::ShareableLink).signer(Signer::new("tenant").place(place(1, "0.1", "0.2")))
}

/// Two signers by e-mail: the tenant signs twice.
pub(crate) fn two_by_email() -> SignRequest {
    let tenant = Signer::new("tenant").email("Tenant@agency.gov.sg");
    let tenant = tenant.place(place(1, "0.1", "0.2")).place(place(2, "0.1", "0.2"));
    let landlord = Signer::new("landlord").email("landlord@agency.gov.sg").place(place(1, "0.5", "0.5"));
    request("Lease 12", Delivery::ProviderEmail).signer(tenant).signer(landlord).order(Order::Parallel)
}

/// A request without signers.
pub(crate) fn request(name: &str, delivery: Delivery) -> SignRequest {
    SignRequest::new(Reference::random().unwrap(), Document::pdf(name, pdf()), delivery)
}

/// Three plain A4 pages.
pub(crate) fn pdf() -> Bytes {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R 4 0 R 5 0 R] /Count 3 /MediaBox [0 0 595.28 841.89] >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R >>".to_owned(),
    ];
    let mut text = "%PDF-1.7\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (i, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", text.len()));
        text.push_str(&format!("{} 0 obj\n{object}\nendobj\n", i + 1));
    }
    let start = text.len();
    let count = objects.len() + 1;
    text.push_str(&format!(
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    Bytes::from(text)
}
