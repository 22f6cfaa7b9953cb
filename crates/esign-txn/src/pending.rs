//! Sessions that were issued and have not come back, and where they are kept.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use esign_core::jiff::Timestamp;
use esign_core::secrecy::SecretString;
use esign_core::{Clock, Error, ErrorKind, Personal, Reference, Result, Retry};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One issued session: what an answer is held against. Secret and short-lived; `Debug` shows the transaction's id and the
/// times.
///
/// Has neither the text nor the person's session, only the hashes of both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingSession {
    pub(crate) client_id: String,
    pub(crate) txn_id: Reference,
    pub(crate) txn_hash: String,
    pub(crate) state: Personal,
    pub(crate) nonce: Personal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Personal>,
    /// SHA-256 of the person's session in the application.
    pub(crate) session_hash: String,
    pub(crate) expires_at: Timestamp,
}

/// The stored form is of this version.
const VERSION: u64 = 1;

impl PendingSession {
    /// The transaction's id.
    #[must_use]
    pub fn txn_id(&self) -> &Reference {
        &self.txn_id
    }

    /// The hash that the person signs, in lower-case hexadecimal.
    #[must_use]
    pub fn txn_hash(&self) -> &str {
        &self.txn_hash
    }

    /// The `state` that it was issued under: what a store finds it by.
    #[must_use]
    pub fn state(&self) -> &Personal {
        &self.state
    }

    /// From when on an answer to it is refused. A store may forget it then.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The session as one text, to be kept by a store. Later versions of this crate read it.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it has no JSON form.
    pub fn to_stored(&self) -> Result<SecretString> {
        let mut form = serde_json::to_value(self)
            .map_err(|_| Error::new(ErrorKind::Internal, "the session has no JSON form"))?;
        form["v"] = VERSION.into();
        Ok(form.to_string().into())
    }

    /// Reads what [`PendingSession::to_stored`] gave.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`] if it is not one, or of a later version; nothing of it is repeated.
    pub fn from_stored(text: &str) -> Result<Self> {
        let not_one = || Error::new(ErrorKind::BadHandle, "this is not a stored transaction session");
        let mut form: Value = serde_json::from_str(text).map_err(|_| not_one())?;
        let version = form.as_object_mut().and_then(|form| form.remove("v")).ok_or_else(not_one)?;
        if version != VERSION {
            let message =
                format!("the session is of version {version}; this version of esign reads {VERSION}");
            return Err(if version.is_u64() { Error::new(ErrorKind::BadHandle, message) } else { not_one() });
        }
        serde_json::from_value(form).map_err(|_| not_one())
    }
}

impl Debug for PendingSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSession")
            .field("txn_id", &self.txn_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Keeps issued sessions until they come back. Several processes that serve one page need one that they share: a database
/// that deletes and returns a row in one statement, or `GETDEL`.
///
/// Sessions are checked after they were taken, so a store decides nothing but who gets one.
#[async_trait]
pub trait PendingStore: Debug + Send + Sync {
    /// Keeps a session until its [`expires_at`](PendingSession::expires_at) at least. Called again for a session that was
    /// taken when nothing came of it.
    ///
    /// # Errors
    /// If it cannot be kept; nothing is issued then.
    async fn put(&self, session: PendingSession) -> Result<()>;

    /// Takes the session of this state out. Atomic: of any number of calls with one state, also in different processes, one
    /// gets it, and the others `None`.
    ///
    /// # Errors
    /// If the store cannot be asked: nothing was taken.
    async fn take(&self, state: &str) -> Result<Option<PendingSession>>;
}

/// Sessions in the memory of **one process**: another one, and this one after a restart, know nothing of them. Clones share
/// them.
#[derive(Clone)]
pub struct MemoryPendingStore {
    clock: Arc<dyn Clock>,
    most: usize,
    sessions: Arc<Mutex<Sessions>>,
}

#[derive(Default)]
struct Sessions {
    by_state: HashMap<StateHash, PendingSession>,
    by_end: BTreeSet<(Timestamp, StateHash)>,
}

/// SHA-256 of the state: the time of a search says nothing about states that are near.
type StateHash = [u8; 32];

impl MemoryPendingStore {
    /// The most sessions that are kept at a time: about 50 MB. Beyond it `put` refuses, so that calls to a page's supplier
    /// cannot exhaust the memory.
    pub const MOST: usize = 100_000;

    /// An empty store, which forgets by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, most: Self::MOST, sessions: Arc::default() }
    }

    /// How many sessions are kept now, expired ones apart.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut sessions = self.sessions();
        sessions.forget(self.clock.now());
        sessions.by_state.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing can panic while the lock is held, so a poisoned one holds sound sessions.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    fn forget(&mut self, now: Timestamp) {
        while let Some((end, key)) = self.by_end.first().copied().filter(|(end, _)| *end <= now) {
            self.by_end.remove(&(end, key));
            self.by_state.remove(&key);
        }
    }
}

#[async_trait]
impl PendingStore for MemoryPendingStore {
    async fn put(&self, session: PendingSession) -> Result<()> {
        let key: StateHash = Sha256::digest(session.state.expose()).into();
        let mut sessions = self.sessions();
        sessions.forget(self.clock.now());
        if sessions.by_state.len() >= self.most {
            let message = "too many transactions are under way in this process";
            return Err(Error::new(ErrorKind::RateLimited, message).with_retry(Retry::SAFE));
        }
        sessions.by_end.insert((session.expires_at, key));
        if let Some(before) = sessions.by_state.insert(key, session.clone())
            && before.expires_at != session.expires_at
        {
            sessions.by_end.remove(&(before.expires_at, key));
        }
        Ok(())
    }

    async fn take(&self, state: &str) -> Result<Option<PendingSession>> {
        let key: StateHash = Sha256::digest(state).into();
        let mut sessions = self.sessions();
        let taken = sessions.by_state.remove(&key);
        if let Some(session) = &taken {
            sessions.by_end.remove(&(session.expires_at, key));
        }
        Ok(taken)
    }
}

impl Debug for MemoryPendingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryPendingStore({} sessions)", self.sessions().by_state.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use esign_core::VirtualClock;
    use esign_core::secrecy::ExposeSecret;
    use proptest::prelude::*;

    use super::*;

    fn session(state: &str, expires_at: Timestamp) -> PendingSession {
        PendingSession {
            client_id: "client".into(),
            txn_id: Reference::new("TXN-1").unwrap(),
            txn_hash: "ab".repeat(32),
            state: state.into(),
            nonce: "marker-nonce".into(),
            subject: None,
            session_hash: "cd".repeat(32),
            expires_at,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn store() -> (MemoryPendingStore, VirtualClock) {
        let clock = VirtualClock::at(at(1000));
        (MemoryPendingStore::new(Arc::new(clock.clone())), clock)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_takers_one_gets_it() {
        let (store, _) = store();
        for round in 0..50 {
            let state = format!("state-{round}");
            store.put(session(&state, at(2000))).await.unwrap();
            let takers: Vec<_> = (0..16)
                .map(|_| {
                    let (store, state) = (store.clone(), state.clone());
                    tokio::spawn(async move { store.take(&state).await.unwrap().is_some() })
                })
                .collect();
            let mut taken = 0;
            for taker in takers {
                taken += usize::from(taker.await.unwrap());
            }
            assert_eq!(taken, 1, "round {round}");
        }
        assert!(store.is_empty());
    }

    #[tokio::test]
    async fn the_memory_is_bounded_and_what_has_expired_makes_room() {
        let (mut store, clock) = store();
        store.most = 3;
        for i in 0..3 {
            store.put(session(&format!("s{i}"), at(1010 + i))).await.unwrap();
        }
        let error = store.put(session("s4", at(1100))).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::SAFE));
        clock.advance(Duration::from_secs(11));
        assert_eq!(store.len(), 1);
        store.put(session("s4", at(1100))).await.unwrap();
        assert_eq!(store.take("s0").await.unwrap(), None);
        assert!(store.take("s2").await.unwrap().is_some());
    }

    #[test]
    fn a_session_is_stored_and_restored() {
        let mut one = session("state", at(5));
        one.subject = Some("7a2c1b1e-8f4d-4c3b-9e2a-0d1c2b3a4f5e".into());
        for session in [one, session("other", at(-7))] {
            let stored = session.to_stored().unwrap();
            assert_eq!(PendingSession::from_stored(stored.expose_secret()).unwrap(), session);
        }
    }

    #[test]
    fn version_1_is_read_for_ever() {
        let golden = include_str!("../tests/golden/pending-session-v1.json");
        let session = PendingSession::from_stored(golden).unwrap();
        assert_eq!(session.txn_id().as_str(), "TXN-2026-000123");
        assert_eq!(session.state().expose(), "5f9c0e6f");
        let again: Value = serde_json::from_str(session.to_stored().unwrap().expose_secret()).unwrap();
        assert_eq!(again, serde_json::from_str::<Value>(golden).unwrap());
    }

    #[test]
    fn what_is_not_a_session_is_refused_and_not_repeated() {
        let good = session("marker-state", at(5)).to_stored().unwrap();
        let good = good.expose_secret();
        let later = good.replace("\"v\":1", "\"v\":2");
        let cut = &good[..good.len() - 1];
        let more = good.replace("\"v\":1", "\"v\":1,\"marker\":1");
        for bad in ["", "marker", "null", "[]", "{}", r#"{"v":1}"#, r#"{"v":"marker"}"#, &later, cut, &more] {
            let error = PendingSession::from_stored(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadHandle, "{bad}");
            assert!(!format!("{error} {error:?}").contains("marker"), "{error}");
        }
        assert!(PendingSession::from_stored(&later).unwrap_err().message().contains("version 2"));
        assert!(!format!("{:?}", session("marker", at(5))).contains("marker"));
    }

    proptest! {
        /// Against a plain map: whatever is put, taken and forgotten in whatever order.
        #[test]
        fn the_store_is_a_map_that_forgets(steps in prop::collection::vec((0u8..3, 0i64..6, 0i64..20), 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (store, clock) = store();
            let mut model: HashMap<String, Timestamp> = HashMap::new();
            for (action, which, seconds) in steps {
                let state = format!("s{which}");
                match action {
                    0 => {
                        let end = clock.now().checked_add(Duration::from_secs(seconds.unsigned_abs())).unwrap();
                        runtime.block_on(store.put(session(&state, end))).unwrap();
                        model.insert(state, end);
                    }
                    1 => {
                        let taken = runtime.block_on(store.take(&state)).unwrap();
                        let expected = model.remove(&state).filter(|end| *end > clock.now());
                        prop_assert_eq!(taken.map(|t| t.expires_at).filter(|end| *end > clock.now()), expected);
                    }
                    _ => clock.advance(Duration::from_secs(seconds.unsigned_abs())),
                }
                let open = model.values().filter(|end| **end > clock.now()).count();
                prop_assert_eq!(store.len(), open);
                prop_assert_eq!(store.sessions().by_end.len(), open);
            }
        }
    }
}
