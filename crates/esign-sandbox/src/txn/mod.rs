//! Singpass transaction signing: the pages Embedding Singpass JS, Init Transaction Signing and Exchange Transaction
//! Signature of <https://docs.sign.singpass.gov.sg/for-relying-parties/api-documentation/transaction-signing>.

mod browser;
mod clients;
mod control;
mod exchange;
mod forgery;
mod params;
mod phone;
mod qr;
mod script;
mod settings;
mod store;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use url::Url;
use uuid::Uuid;

pub use crate::jose::ClientKeys;
pub use clients::{Client, InvalidClient};
pub use control::{NotPossible, SessionState, SessionStatus, TxnControl};
pub use forgery::Forgery;
pub use settings::{CodeParameter, TxnSettings, TxnSetup};

pub(crate) use control::router as control_router;

use self::store::{Refusal, Session, Store};
use crate::jose::{Claims, KeyCache, OwnKeys, Presented};
use crate::outgoing::Outgoing;
use crate::shared::Shared;

/// What clients put before `/txn-signatures`.
pub(crate) const BASE_PATH: &str = "/api/v1";

/// Where the script for pages is.
pub(crate) const SCRIPT_PATH: &str = "/static/ndi_txn_sign.js";

/// The operations, by the names that faults and counts use.
pub(crate) const OPERATIONS: [&str; 4] = ["txn.script", "txn.session", "txn.status", "txn.exchange"];

pub(crate) struct Txn {
    shared: Arc<Shared>,
    /// Who approves unless it is said who: made up at start.
    anybody: Uuid,
    state: Mutex<State>,
    own_keys: Arc<Mutex<OwnKeys>>,
    client_keys: KeyCache,
    outgoing: Outgoing,
}

struct State {
    clients: BTreeMap<String, Client>,
    settings: TxnSettings,
    store: Store,
    /// For the next exchanges.
    forgeries: VecDeque<Forgery>,
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(txn: &Arc<Txn>) -> Router<S> {
    browser::router(txn).merge(exchange::router(txn)).merge(script::router(txn)).merge(phone::router(txn))
}

impl Txn {
    /// `own_keys` are all of Singpass's, whatever the product.
    ///
    /// # Errors
    /// The client that cannot be registered, and why.
    pub(crate) fn new(
        shared: Arc<Shared>,
        own_keys: Arc<Mutex<OwnKeys>>,
        setup: TxnSetup,
    ) -> Result<Self, (String, InvalidClient)> {
        let mut clients = BTreeMap::new();
        for client in setup.clients {
            let checked = client.check(setup.settings.allow_plain_http);
            checked.map_err(|invalid| (client.client_id.clone(), invalid))?;
            clients.insert(client.client_id.clone(), client);
        }
        let state =
            State { clients, settings: setup.settings, store: Store::default(), forgeries: VecDeque::new() };
        Ok(Self {
            shared,
            anybody: Uuid::new_v4(),
            state: Mutex::new(state),
            own_keys,
            client_keys: KeyCache::default(),
            outgoing: Outgoing::default(),
        })
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> TxnSettings {
        self.lock().settings.clone()
    }

    /// Verifies a token by its client's keys.
    async fn prove(&self, client: &Client, token: Presented<'_>) -> Result<Claims, String> {
        if token.kid.is_none() && self.settings().require_kid {
            return Err("the token's header has no kid".to_owned());
        }
        let (outgoing, clock) = (&self.outgoing, &self.shared.clock);
        let kid = token.kid.as_deref();
        let keys = self.client_keys.find(&client.client_id, &client.keys, kid, outgoing, clock).await?;
        token.prove(&keys)
    }

    fn phone_url(&self, session: &Session) -> String {
        self.shared.url(&format!("/singpass/txn/{}", session.phone))
    }

    /// The person approves; `None` is whom the client expects, or anybody.
    fn approve(&self, phone: &str, by: Option<Uuid>) -> Result<(), Refusal> {
        let now = self.now();
        let State { store, settings, .. } = &mut *self.lock();
        let expected = store.by_phone(phone).and_then(|session| session.info.sub);
        let by = by.or(expected).unwrap_or(self.anybody);
        store.approve(phone, by, settings.allow_other_person, now)
    }
}

impl fmt::Debug for Txn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Txn").finish_non_exhaustive()
    }
}

/// Where the browser goes once the person has approved: "along with the `code` and `state` parameters".
fn redirect_url(session: &Session, settings: &TxnSettings) -> Option<Url> {
    let (code, ..) = session.code()?;
    let mut url = session.redirect_url.clone();
    for name in settings.code_parameter.names() {
        url.query_pairs_mut().append_pair(name, code);
    }
    url.query_pairs_mut().append_pair("state", &session.state);
    Some(url)
}

fn seconds(seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(seconds.into())
}

fn describe(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => "there is no such session",
        Refusal::Expired => "this session has expired",
        Refusal::Decided => "this transaction was approved or declined already",
        Refusal::OtherPerson => "this transaction is for another person to approve",
    }
}
