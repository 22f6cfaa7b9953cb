//! Sessions of transactions: what the page needs to start one, and what its return is held against.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use esign_core::jiff::Timestamp;
use esign_core::{
    Clock, Error, ErrorKind, Finding, Personal, Result, Severity, SigningKey, TransactionRequest,
    TransactionReturn,
};
use serde::{Deserialize, Serialize};

use crate::random::{one_time_value, same};
use crate::redirect::Redirect;
use crate::{CodeParameter, PendingSession, PendingStore, TxnInfo, text, txn_hash};

/// What may differ between instances. Each default is the documented value, or what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// How long `txnInfo` can start a session: 1 to 120 s, the longest that is documented. Default 120 s.
    pub txn_info_life: Duration,
    /// How long an issued session may come back. Not documented; default 10 minutes.
    pub session_life: Duration,
    /// The most characters of a text. Not documented; default 1000.
    pub max_instructions: usize,
    /// Whether `txnInfo` names the client id as `iss`, which is not among the documented claims. Default no.
    pub txn_info_iss: bool,
    /// The `aud` of `txnInfo`, which is not among the documented claims. Default none.
    pub txn_info_aud: Option<String>,
    /// How `txn_hash` is written, which is not documented. Default lower case.
    pub hash_case: LetterCase,
    /// Where the redirect has the sign code, the preferred one first. Default `sign_code`, then `code`.
    pub code_parameters: Vec<CodeParameter>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            txn_info_life: TxnInfo::MAX_LIFE,
            session_life: Duration::from_secs(600),
            max_instructions: 1000,
            txn_info_iss: false,
            txn_info_aud: None,
            hash_case: LetterCase::Lower,
            code_parameters: vec![CodeParameter::SignCode, CodeParameter::Code],
        }
    }
}

/// The case of hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LetterCase {
    #[default]
    Lower,
    Upper,
}

/// Issues sessions and recognises their return. Needs no network: a program that exchanges the code elsewhere needs nothing
/// else. Clones share the store.
#[derive(Clone)]
pub struct TxnSessions {
    client_id: String,
    key: Arc<dyn SigningKey>,
    clock: Arc<dyn Clock>,
    store: Arc<dyn PendingStore>,
    rules: Rules,
}

impl TxnSessions {
    /// Sessions of this client, signed with this key and kept in this store.
    #[must_use]
    pub fn new(
        client_id: impl Into<String>,
        key: Arc<dyn SigningKey>,
        clock: Arc<dyn Clock>,
        store: Arc<dyn PendingStore>,
    ) -> Self {
        Self { client_id: client_id.into(), key, clock, store, rules: Rules::default() }
    }

    /// Sets the rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Keeps sessions in another store, for instance one that several processes share.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn PendingStore>) -> Self {
        self.store = store;
        self
    }

    /// Judges a transaction before anything is issued. Pure.
    #[must_use]
    pub fn check(&self, request: &TransactionRequest) -> Vec<Finding> {
        text::check(request, self.rules.max_instructions)
    }

    /// The claims of `txnInfo`, issued now.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] with the first refusal of [`TxnSessions::check`].
    pub fn txn_info(&self, request: &TransactionRequest) -> Result<TxnInfo> {
        if let Some(refusal) = self.check(request).into_iter().find(|f| f.severity == Severity::Refusal) {
            return Err(Error::invalid(refusal.field.unwrap_or_default(), refusal.message));
        }
        let mut info = TxnInfo::new(request, self.clock.now(), self.rules.txn_info_life)?;
        info.iss = self.rules.txn_info_iss.then(|| self.client_id.clone());
        info.aud.clone_from(&self.rules.txn_info_aud);
        if self.rules.hash_case == LetterCase::Upper {
            info.txn_hash.make_ascii_uppercase();
        }
        Ok(info)
    }

    /// Signs these claims with this instance's key, without issuing a session.
    ///
    /// # Errors
    /// Whatever the key answers.
    pub async fn sign_txn_info(&self, info: &TxnInfo) -> Result<String> {
        info.sign(self.key.as_ref()).await
    }

    /// Issues a session: what the page's `transactionParamsSupplier` returns. Call it for each call of the supplier: every
    /// call gives new values and opens one more session, and earlier ones stay open until they expire or come back.
    ///
    /// # Errors
    /// As [`TxnSessions::txn_info`], what the key answers and what the store says. Nothing was issued then.
    pub async fn supply(&self, request: &TransactionRequest) -> Result<Supplied> {
        let info = self.txn_info(request)?;
        let token = self.sign_txn_info(&info).await?;
        let after = |seconds: i64, life: Duration| {
            Timestamp::from_second(seconds.saturating_add_unsigned(life.as_secs()))
        };
        let end = after(info.iat, self.rules.session_life)
            .map_err(|_| Error::new(ErrorKind::Internal, "the session would end outside of time"))?;
        let session = PendingSession {
            client_id: self.client_id.clone(),
            txn_id: request.reference.clone(),
            txn_hash: txn_hash(&info.txn_id, &info.txn_instructions),
            state: one_time_value()?.into(),
            nonce: one_time_value()?.into(),
            subject: request.subject.clone(),
            session_hash: session_hash(&request.session),
            expires_at: end,
        };
        let supplied = Supplied {
            state: session.state.clone(),
            nonce: session.nonce.clone(),
            txn_info: token.into(),
            expires_at: Timestamp::from_second(info.exp).unwrap_or(end),
        };
        self.store.put(session).await?;
        Ok(supplied)
    }

    /// Recognises the redirect that ends a session, once: its state is consumed whatever comes of it.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`] if the redirect is malformed (nothing is consumed then), its state was never issued, has
    /// expired or was used before, or was issued to another session of the application. What the store says.
    pub async fn accept(&self, back: &TransactionReturn) -> Result<Approved> {
        let redirect = Redirect::read(&back.call, &self.rules.code_parameters)?;
        let refuse = |message: &str| Error::new(ErrorKind::Verification, message);
        let session = self.store.take(redirect.state.expose()).await?;
        let session =
            session.filter(|session| same(session.state.expose(), redirect.state.expose())).ok_or_else(
                || refuse("the redirect's state is not one that is open: never issued, used, or expired"),
            )?;
        if session.expires_at <= self.clock.now() {
            return Err(refuse("the redirect's state has expired: start the transaction again"));
        }
        if !same(&session.session_hash, &session_hash(&back.session)) {
            return Err(refuse("the redirect's state was issued to another session of the application"));
        }
        if session.client_id != self.client_id {
            return Err(refuse("the redirect's state was issued for another client id"));
        }
        Ok(Approved { session, sign_code: redirect.sign_code })
    }

    /// Opens a session again that was accepted, because nothing came of it: its redirect works once more.
    #[cfg(feature = "client")]
    pub(crate) async fn reopen(&self, session: PendingSession) -> Result<()> {
        self.store.put(session).await
    }
}

impl Debug for TxnSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxnSessions")
            .field("client_id", &self.client_id)
            .field("key", &self.key)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// The person's session is a secret of the application's; only its hash is kept.
fn session_hash(session: &Personal) -> String {
    esign_core::Sha256Hash::of(session.expose().as_bytes()).to_string()
}

/// What the page's `transactionParamsSupplier` returns: `{"state", "nonce", "txnInfo"}` as JSON, and nothing else. `Debug`
/// shows no value.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Supplied {
    /// Comes back with the redirect.
    pub state: Personal,
    /// Comes back with the result.
    pub nonce: Personal,
    /// The signed transaction.
    #[serde(rename = "txnInfo")]
    pub txn_info: Personal,
    /// Until when it can start a session. Not part of the JSON.
    #[serde(skip)]
    pub expires_at: Timestamp,
}

impl Supplied {
    /// The JSON object to answer with.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// A redirect that was recognised: the person approved, and what for is not yet proved. `Debug` hides the code.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Approved {
    /// The session that has come back.
    pub session: PendingSession,
    /// For the exchange.
    pub sign_code: Personal,
}
