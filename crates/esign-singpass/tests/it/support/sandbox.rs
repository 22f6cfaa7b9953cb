//! A client, the simulator of Sign with Singpass, and between them what a relying party serves: keys and a webhook.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::{get, post};
use esign_core::memory::A4Pages;
use esign_core::{
    ArtifactId, Client, Config, Corner, Delivery, Document, Event, Handle, InstanceConfig, KeyAlgorithm,
    Origin, Placement, Prepared, Received, Reference, Registry, Result, SignRequest, Signer, VirtualClock,
};
use esign_http::LocalKey;
use esign_sandbox::singpass::{
    Client as RelyingParty, ClientKeys, Person, SingpassControl, SingpassSettings,
};
use esign_sandbox::{SAMPLE_PLACES, Sandbox, SandboxClock};
use esign_singpass::{Singpass, SingpassConfig};
use serde_json::Value;
use tokio::net::TcpListener;

/// Not a whole second: Singpass says when somebody signed in milliseconds.
const START: &str = "2026-03-02T01:00:00.250Z";
const CLIENT_ID: &str = "9RgGCHe8X1";
pub(crate) const NRIC: &str = "S1234567D";

pub(crate) struct Live {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) clock: VirtualClock,
    pub(crate) party: Arc<Party>,
}

/// What the relying party has.
#[derive(Default)]
pub(crate) struct Party {
    client: OnceLock<Client>,
    received: Mutex<Vec<Received>>,
}

impl Party {
    /// The calls to the webhook, oldest first, as the client understood them.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock().unwrap())
    }

    fn client(&self) -> &Client {
        self.client.get().unwrap()
    }
}

pub(crate) async fn live() -> Live {
    live_with(&[], |_| {}).await
}

/// With these settings of the adapter and these switches of the simulator.
pub(crate) async fn live_with(
    settings: &[(&str, Value)],
    switches: impl FnOnce(&mut SingpassSettings),
) -> Live {
    let party = Arc::new(Party::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/jwks", get(jwks)).route("/webhook", post(webhook));
    let router = router.with_state(party.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let url = |path: &str| format!("http://{address}/{path}").parse().unwrap();
    let registered = RelyingParty {
        client_id: CLIENT_ID.to_owned(),
        keys: ClientKeys::Url(url("jwks")),
        redirect_url: url("redirect"),
        webhook_url: url("webhook"),
    };
    let builder = Sandbox::builder().clock(SandboxClock::virtual_at(START.parse().unwrap()));
    let sandbox = builder.singpass(|s| s.client(registered).settings(switches)).start().await.unwrap();
    let (client, clock) = client(&sandbox, settings).await;
    assert!(party.client.set(client.clone()).is_ok());
    Live { sandbox, client, clock, party }
}

async fn client(sandbox: &Sandbox, settings: &[(&str, Value)]) -> (Client, VirtualClock) {
    let base = sandbox.base_url();
    let mut instance = InstanceConfig::new(esign_singpass::KIND)
        .with("base_url", format!("{base}api/v3"))
        .with("jwks_url", format!("{base}.well-known/keys.json"))
        .with("client_id", CLIENT_ID)
        .with("signing_key", serde_json::json!({ "external": "rp" }));
    for (name, value) in settings {
        instance = instance.with(*name, value.clone());
    }
    let config = Config {
        active: Some("singpass".into()),
        providers: [("singpass".to_owned(), instance)].into(),
        ..Config::default()
    };
    let clock = VirtualClock::jumping(START.parse().unwrap());
    let mut registry = Registry::new();
    registry.register::<SingpassConfig>().unwrap();
    let client = Client::builder(registry)
        .config(config)
        .key("rp", Arc::new(LocalKey::generate(KeyAlgorithm::Es256, Some("rp-1")).unwrap()))
        .clock(Arc::new(clock.clone()))
        .inspector(Arc::new(A4Pages(2)))
        .build()
        .await
        .unwrap();
    (client, clock)
}

/// The adapter's key set, as it says to publish it.
async fn jwks(Shared(party): Shared<Arc<Party>>) -> String {
    let keys = party.client().provider("singpass").unwrap().keys().unwrap();
    keys.jwks().await.unwrap().to_string()
}

/// Passes on what came, and answers what the client says.
async fn webhook(Shared(party): Shared<Arc<Party>>, body: Bytes) -> StatusCode {
    let call =
        esign_core::InboundCall::post("/webhook", body).with_header("content-type", "application/json");
    let received = party.client().receive("singpass", &call).await.unwrap();
    let status = StatusCode::from_u16(received.reply.status).unwrap();
    party.received.lock().unwrap().push(received);
    status
}

impl Live {
    pub(crate) fn singpass(&self) -> SingpassControl {
        self.sandbox.singpass()
    }

    /// The provider behind the client.
    pub(crate) fn provider(&self) -> Arc<Singpass> {
        self.client.provider_as::<Singpass>("singpass").unwrap()
    }

    /// Lets time pass for all. The client's clock first: the simulator acts as soon as its own moves.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.sandbox.clock().advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn prepared(&self, request: SignRequest) -> Prepared {
        self.client.prepare(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: SignRequest) -> Handle {
        self.client.submit(self.prepared(request).await).await.unwrap().handle
    }

    /// A request that is signed, its webhook delivered.
    pub(crate) async fn signed(&self) -> Handle {
        let handle = self.send(one()).await;
        self.singpass().sign(handle.request().id(), &person()).await.unwrap();
        self.singpass().webhooks_done().await;
        handle
    }

    pub(crate) async fn download(&self, handle: &Handle) -> Result<Bytes> {
        Ok(self.client.download(handle, &ArtifactId::SIGNED).await?.content)
    }
}

/// How many signatures are in a document, each with its byte range in plain text.
pub(crate) fn signatures(pdf: &[u8]) -> usize {
    const MARK: &[u8] = b"/ByteRange";
    pdf.windows(MARK.len()).filter(|window| *window == MARK).count()
}

/// Who signs here.
pub(crate) fn person() -> Person {
    Person::new("NAME OF S1234567D", NRIC)
}

pub(crate) fn other_person() -> Person {
    Person::new("NAME OF T7654321Z", "T7654321Z")
}

/// Two A4 pages; [`SAMPLE_PLACES`] are on the second.
pub(crate) fn pdf() -> Vec<u8> {
    esign_sandbox::sample_pdf("Agreement", &["This is the first clause."])
}

/// One of [`SAMPLE_PLACES`].
pub(crate) fn place(number: usize) -> Placement {
    let at = SAMPLE_PLACES[number];
    Placement::points(2, at.x, at.y, Origin::BottomLeft, Corner::BottomLeft)
}

pub(crate) fn request(signers: impl IntoIterator<Item = Signer>) -> SignRequest {
    let document = Document::pdf("Agreement.pdf", pdf());
    let request = SignRequest::new(Reference::random().unwrap(), document, Delivery::InSessionRedirect);
    signers.into_iter().fold(request, SignRequest::signer)
}

/// One signer, one place.
pub(crate) fn one() -> SignRequest {
    request([Signer::new("tenant").place(place(0))])
}

/// The believed event of a call, or a panic that says what came instead.
pub(crate) fn verified(received: &Received) -> &esign_core::VerifiedEvent {
    match received.events.as_deref() {
        Ok([Event::Verified(event)]) => event,
        other => panic!("{other:?}"),
    }
}
