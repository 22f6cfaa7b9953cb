//! The engine: takes orders, works on what is due, and answers questions.

mod acts;
mod api;
mod callbacks;
mod requests;
mod work;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::{Artifact, CallbackEvidence, Client, Clock, Error, ErrorKind, Result, SubmissionRecord};
use tokio::sync::Notify;

use crate::plan::{Input, Plan, Rules};
use crate::{Keyring, MemoryStore, MemoryVault, Order, Sink, Store, Vault};

pub use api::Choice;
pub use work::Worked;

/// Sees orders through: from acceptance to the archive, over crashes, lost answers and restores. Clones are the same engine;
/// several engines, in one process or in many, may share a store.
///
/// [`Engine::run`] works until it is dropped. Everything else may be called from anywhere, also from programs that never run it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    client: Client,
    store: Arc<dyn Store>,
    vault: Arc<dyn Vault>,
    keyring: Keyring,
    sinks: Vec<Arc<dyn Sink>>,
    archivist: Option<Arc<dyn Archivist>>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    planner: Planner,
    /// Names leases: a start that no other engine has, and a counter.
    tokens: AtomicU64,
    /// The last position of the store that this engine knows of.
    seen: AtomicU64,
    /// Something has become due in this process.
    woken: Notify,
    /// The position that the vault witnesses; one writes at a time, so that it never goes back.
    witnessed: tokio::sync::Mutex<u64>,
}

type Planner = fn(&Order, &[Input], esign_core::jiff::Timestamp, &Rules) -> Plan;

/// Judges a result and packs it as evidence, before it is kept.
#[async_trait]
pub trait Archivist: fmt::Debug + Send + Sync {
    /// Holds the artifacts against the record and says what to keep.
    ///
    /// # Errors
    /// If it cannot be judged now: the result is fetched again later. A result that is judged and found bad is not an error,
    /// but a [`Verdict`].
    async fn judge(
        &self,
        record: &SubmissionRecord,
        artifacts: Vec<Artifact>,
        callbacks: Vec<CallbackEvidence>,
    ) -> Result<Verdict>;
}

/// What an [`Archivist`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// What to keep: never less than the artifacts themselves.
    pub keep: Vec<Artifact>,
    /// What there is to say of it, in a sentence: shown with the order.
    pub note: Option<String>,
}

impl Verdict {
    /// Keep this.
    #[must_use]
    pub fn keep(keep: Vec<Artifact>) -> Self {
        Self { keep, note: None }
    }

    /// Say this of it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// How the engine works. Every default has its reason.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Names this engine among those that share the store: its witness of what was sent is kept under it. Default `engine`; give
    /// each of several processes its own.
    pub name: String,
    /// For how long a claimed order is this engine's own. Default 2 minutes: more than all calls of one pass. After a crash it
    /// passes before another engine goes on.
    pub lease: Duration,
    /// How long one call of a provider may take. Default 30 s: a submission of 10 MB and a slow answer.
    pub call_timeout: Duration,
    /// From the moment at which it is stored that an order may be sent, to sending. Default 2 s: later it is given up and armed
    /// anew, because others conclude from the time that it was not sent.
    pub use_within: Duration,
    /// How long after a lost submission a provider may still not show it. Default 10 s.
    pub lookup_settle: Duration,
    /// How many orders of one lane are worked on at once. Default 32.
    pub at_once: usize,
    /// The longest pause of an idle engine. Default 1 s: what other processes bring is noticed then.
    pub idle: Duration,
    /// For how long after a restore new orders are looked up before they are sent, because they may have been sent before.
    /// Default 1 hour.
    pub ask_first_for: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "engine".to_owned(),
            lease: Duration::from_secs(120),
            call_timeout: Duration::from_secs(30),
            use_within: Duration::from_secs(2),
            lookup_settle: Duration::from_secs(10),
            at_once: 32,
            idle: Duration::from_secs(1),
            ask_first_for: Duration::from_secs(3600),
        }
    }
}

impl Settings {
    fn check(&self) -> Result<()> {
        if self.lease < self.call_timeout * 2 + self.use_within {
            let message = "must be longer than twice call_timeout and use_within: an order must not change hands in a call";
            return Err(Error::config("engine.lease", message));
        }
        let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.bytes().all(fine) {
            return Err(Error::config("engine.name", "1 to 32 letters, digits or '-' are accepted"));
        }
        if self.at_once == 0 {
            return Err(Error::config("engine.at_once", "must be at least 1"));
        }
        Ok(())
    }
}

/// Puts an [`Engine`] together.
#[derive(Debug)]
pub struct EngineBuilder {
    client: Client,
    keyring: Keyring,
    store: Arc<dyn Store>,
    vault: Arc<dyn Vault>,
    sinks: Vec<Arc<dyn Sink>>,
    archivist: Option<Arc<dyn Archivist>>,
    settings: Settings,
    planner: Planner,
    first_token: Option<u64>,
}

impl Engine {
    /// Starts with a client, whose clock it takes, and the master keys. Without a store and a vault it keeps everything in memory.
    #[must_use]
    pub fn builder(client: Client, keyring: Keyring) -> EngineBuilder {
        EngineBuilder {
            client,
            keyring,
            store: Arc::new(MemoryStore::new()),
            vault: Arc::new(MemoryVault::new()),
            sinks: Vec::new(),
            archivist: None,
            settings: Settings::default(),
            planner: crate::plan,
            first_token: None,
        }
    }

    /// The client that it works with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The store that it works on.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    fn token(&self) -> u64 {
        self.0.tokens.fetch_add(1, Ordering::Relaxed)
    }
}

impl EngineBuilder {
    /// Sets where orders are kept.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Sets where documents are kept. It must not be restored together with the store: it witnesses what was sent.
    #[must_use]
    pub fn vault(mut self, vault: Arc<dyn Vault>) -> Self {
        self.vault = vault;
        self
    }

    /// Adds somewhere for events to go.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Sets who judges results. Without one they are kept as they come, and a note says that they were not judged.
    #[must_use]
    pub fn archivist(mut self, archivist: Arc<dyn Archivist>) -> Self {
        self.archivist = Some(archivist);
        self
    }

    /// Sets how it works.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Puts another mind in, to show that a test finds what is wrong with it.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn planner(mut self, planner: Planner) -> Self {
        self.planner = planner;
        self
    }

    /// Makes leases the same in every run of a test.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn first_token(mut self, token: u64) -> Self {
        self.first_token = Some(token);
        self
    }

    /// The engine. It reads what the store knows of itself and what the vault witnesses; it sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`], naming the id, if a master key is missing that something is sealed under: nothing is overwritten.
    /// [`ErrorKind::Config`] at a setting; else what store or vault say.
    pub async fn build(self) -> Result<Engine> {
        self.settings.check()?;
        let meta = self.store.meta().await?;
        if let Some(missing) = meta.masters.iter().find(|id| !self.keyring.has(id)) {
            let message = format!(
                "the store holds orders sealed under the master key {missing}, which is not configured: put it behind the \
                 active one until everything is re-wrapped"
            );
            return Err(Error::new(ErrorKind::Secret, message));
        }
        let first_token = match self.first_token {
            Some(token) => token,
            None => random_token()?,
        };
        let engine = Engine(Arc::new(Inner {
            clock: self.client.clock(),
            client: self.client,
            store: self.store,
            vault: self.vault,
            keyring: self.keyring,
            sinks: self.sinks,
            archivist: self.archivist,
            settings: self.settings,
            planner: self.planner,
            tokens: AtomicU64::new(first_token),
            seen: AtomicU64::new(meta.position),
            woken: Notify::new(),
            witnessed: tokio::sync::Mutex::new(0),
        }));
        let witnessed = engine.read_witness().await?;
        engine.0.seen.fetch_max(witnessed, Ordering::Relaxed);
        if meta.position < witnessed {
            engine.quarantine().await?;
        }
        Ok(engine)
    }
}

fn random_token() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("the system gives no randomness: {e}")))?;
    // Half of the range is left for counting.
    Ok(u64::from_le_bytes(bytes) >> 1)
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("name", &self.0.settings.name)
            .field("store", &self.0.store)
            .field("vault", &self.0.vault)
            .finish_non_exhaustive()
    }
}
