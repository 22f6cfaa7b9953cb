//! For real: an engine on an SQLite file and a vault of files is killed with SIGKILL again and again, and the provider's own
//! ledger, a file that only grows, shows one submission for each order.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_engine::esign_core::{
    Artifact, ArtifactId, CancelOutcome, Capabilities, Client, Clock, Config, Delivery, DeliverySupport,
    Document, Documents, Endpoint, Error, ErrorKind, Finding, Handle, Intent, Lookup, MediaType, Need,
    Prepared, Provider, ProviderKind, Range, Reference, Registry, RequestRef, Resolution, Resolved, Result,
    ResultState, SignRequest, Signer, Standing, State, StatusReport, Submission, SystemClock,
};
use esign_engine::{Engine, FileVault, Filter, Keyring, Settings, Stage, Store, Tenant};
use esign_store_sqlite::SqliteStore;

/// The folder of the child that is to be killed.
const FOLDER: &str = "ESIGN_KILL_FOLDER";
/// More than are sent before the last kill.
const ORDERS: u32 = 250;
const KIND: ProviderKind = ProviderKind::new("ledger");

/// A provider whose memory is a file: one line for each submission.
#[derive(Clone, Debug)]
struct Ledger(PathBuf);

impl Ledger {
    fn references(&self) -> Vec<String> {
        std::fs::read_to_string(&self.0).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn submission(intent: &Intent) -> Submission {
        let id = intent.reference().as_str();
        Submission::new(intent, Handle::new(intent, id, intent.prepared_at()))
    }
}

impl Provider for Ledger {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        let mut caps = Capabilities::none(KIND);
        caps.endpoint = Endpoint { environment: "custom".into(), base_url: "ledger:".into() };
        caps.documents.count = Range::of(1, 1);
        caps.documents.bytes = Range::FREE;
        caps.documents.name.chars = Range::FREE;
        caps.documents.media_types = vec![MediaType::TEXT];
        caps.signers.count = Range::of(1, 1);
        caps.signers.email = Need::ForEmailDelivery;
        caps.placements.per_signer = Range::FREE;
        caps.placements.per_document = Range::FREE;
        caps.deliveries = vec![DeliverySupport::new(Delivery::ProviderEmail, Range::of(1, 1))];
        caps.poll_interval = 1;
        caps
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }

    fn lookup(&self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for Ledger {
    fn check(&self, _: &Resolved<'_>) -> Vec<Finding> {
        Vec::new()
    }

    async fn submit(&self, prepared: &Prepared) -> Result<Submission> {
        let line = format!("{}\n", prepared.intent().reference());
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        // One write of a few bytes: there whole, or not at all.
        file.write_all(line.as_bytes()).unwrap();
        // The answer takes its time, so that a kill can come before it.
        let clock = SystemClock;
        clock.sleep_until(clock.monotonic() + Duration::from_millis(3)).await;
        Ok(Self::submission(prepared.intent()))
    }

    async fn status(&self, _: &RequestRef) -> Result<StatusReport> {
        let mut report = StatusReport::new(Standing::stated(State::Completed));
        report.result = ResultState::Ready { until: None };
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        Ok(Artifact::new(what.clone(), MediaType::TEXT, format!("signed {}", at.id()).into()))
    }

    async fn cancel(&self, _: &RequestRef) -> Result<CancelOutcome> {
        Err(Error::new(ErrorKind::Unsupported, "it cannot be called back"))
    }
}

#[async_trait]
impl Lookup for Ledger {
    async fn find(&self, intent: &Intent) -> Result<Resolution> {
        let there = self.references().iter().any(|line| line == intent.reference().as_str());
        Ok(if there { Resolution::Found(Box::new(Self::submission(intent))) } else { Resolution::NotFound })
    }
}

async fn engine(folder: &Path) -> Engine {
    let client = Client::builder(Registry::new())
        .config(Config { active: Some("ledger".into()), ..Config::default() })
        .provider("ledger", Arc::new(Ledger(folder.join("ledger"))))
        .build()
        .await
        .unwrap();
    let mut settings = Settings::default();
    settings.lease = Duration::from_millis(700);
    settings.call_timeout = Duration::from_millis(200);
    settings.use_within = Duration::from_millis(100);
    settings.lookup_settle = Duration::from_millis(50);
    settings.idle = Duration::from_millis(20);
    settings.at_once = 8;
    Engine::builder(client, Keyring::new(&[[7; 32]]).unwrap())
        .store(Arc::new(SqliteStore::open(folder.join("engine.db")).unwrap()))
        .vault(Arc::new(FileVault::open(folder.join("vault")).unwrap()))
        .settings(settings)
        .build()
        .await
        .unwrap()
}

fn request(n: u32) -> SignRequest {
    let document = Document::new("Lease", MediaType::TEXT, format!("text {n}").into_bytes());
    let reference = Reference::new(format!("order-{n}")).unwrap();
    SignRequest::new(reference, document, Delivery::ProviderEmail)
        .signer(Signer::new("a").email("a@example.com"))
}

/// Not a test by itself: what the other one starts and kills. Without its folder there is nothing to do.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let engine = engine(Path::new(&folder)).await;
    let accepting = async {
        for n in 0..ORDERS {
            engine.accept(&Tenant::default(), None, request(n)).await.unwrap();
            SystemClock.sleep_until(SystemClock.monotonic() + Duration::from_millis(4)).await;
        }
    };
    tokio::join!(accepting, engine.run());
}

/// Orders that a kill has left between arming and answer.
async fn open_attempts(folder: &Path) -> usize {
    let store = SqliteStore::open(folder.join("engine.db")).unwrap();
    let armed = Filter { stage: Some(Stage::Armed), limit: ORDERS as usize, ..Filter::default() };
    store.list(&armed).await.unwrap().len()
}

#[tokio::test]
async fn twenty_kills_lose_nothing_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = SystemClock;
    let mut in_between = 0;
    for kill in 0..20u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Times that fall into starting, accepting, arming, sending and archiving.
        clock.sleep_until(clock.monotonic() + Duration::from_millis(60 + (kill * 37) % 150)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        in_between += open_attempts(folder.path()).await;
    }
    println!("{in_between} orders were left between arming and answer");
    assert!(in_between > 0, "no kill came between arming and answer, so this shows nothing");
    let engine = engine(folder.path()).await;
    for n in 0..ORDERS {
        engine.accept(&Tenant::default(), None, request(n)).await.unwrap();
    }
    let give_up = clock.monotonic() + Duration::from_secs(60);
    let all = Filter { limit: ORDERS as usize, ..Filter::default() };
    loop {
        engine.tick().await.unwrap();
        let orders = engine.orders(&all).await.unwrap();
        if orders.iter().all(|order| order.stage == Stage::Archived) {
            assert_eq!(orders.len(), ORDERS as usize);
            break;
        }
        assert!(clock.monotonic() < give_up, "{:?}", orders.iter().map(|o| o.stage).collect::<Vec<_>>());
        clock.sleep_until(clock.monotonic() + Duration::from_millis(20)).await;
    }
    let mut sent = Ledger(folder.path().join("ledger")).references();
    assert_eq!(sent.len(), ORDERS as usize, "one submission for each order, over all kills");
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), ORDERS as usize);
}
