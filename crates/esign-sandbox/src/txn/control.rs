//! Acting as the phone and looking inside: for Rust tests as [`TxnControl`], for others as JSON under `/_sandbox/txn`.

mod routes;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::clients::{Client, InvalidClient};
use super::forgery::Forgery;
use super::params::user_id;
use super::settings::TxnSettings;
use super::store::{Refusal, Session, Status};
use super::{State, Txn, describe, redirect_url};

pub(crate) use routes::router;

/// The simulated transaction signing from the other side: the phone, the switches, the sessions of all clients.
#[derive(Clone, Debug)]
pub struct TxnControl(Arc<Txn>);

/// A session as the sandbox knows it. Debug shows neither addresses nor the text.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionState {
    /// By which the page asks for the status.
    pub session_id: String,
    /// Whose page opened it.
    pub client_id: String,
    /// `txn_id` of `txnInfo`.
    pub txn_id: String,
    /// `txn_instructions` of `txnInfo`.
    pub txn_instructions: String,
    /// Where it stands.
    pub status: SessionStatus,
    /// What the QR code carries.
    pub phone_url: String,
    /// Where the page's browser goes, once it is approved.
    pub redirect_url: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Until when the person can decide.
    pub expires_at: Timestamp,
    /// When it was approved.
    pub authorised_at: Option<Timestamp>,
    /// The code was exchanged for the result.
    pub exchanged: bool,
}

impl fmt::Debug for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionState")
            .field("session_id", &self.session_id)
            .field("status", &self.status)
            .field("exchanged", &self.exchanged)
            .finish_non_exhaustive()
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SessionStatus {
    /// The QR code is there.
    Created,
    /// The phone has read it.
    Challenged,
    /// The person has approved.
    Authorised,
    /// The person has declined.
    Declined,
    /// Nobody decided in time.
    Expired,
}

impl From<Status> for SessionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Created => Self::Created,
            Status::Challenged => Self::Challenged,
            Status::Authorised => Self::Authorised,
            Status::Declined => Self::Declined,
            Status::Expired => Self::Expired,
        }
    }
}

/// Why the phone, or the test, could not do that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPossible {
    /// There is no such session.
    #[error("there is no session {0}")]
    NoSession(String),
    /// The session has expired.
    #[error("{}", describe(Refusal::Expired))]
    Expired,
    /// The person has approved or declined already.
    #[error("{}", describe(Refusal::Decided))]
    Decided,
    /// `txnInfo` names another person.
    #[error("{}", describe(Refusal::OtherPerson))]
    OtherPerson,
    /// The service refuses to open a session.
    #[error("{0}")]
    Refused(String),
    /// The person is given by something else than a Singpass id.
    #[error("sub must be a UUID of version 4")]
    Sub,
    /// The client cannot be registered.
    #[error(transparent)]
    Client(#[from] InvalidClient),
    /// The switches as changed are no settings.
    #[error("these are not settings of transaction signing: {0}")]
    Settings(String),
}

impl TxnControl {
    pub(crate) fn new(txn: Arc<Txn>) -> Self {
        Self(txn)
    }

    /// Registers a client (relying party), or replaces the one with its id.
    ///
    /// # Errors
    /// [`NotPossible::Client`] if its addresses or keys cannot be used.
    pub fn register(&self, client: Client) -> Result<(), NotPossible> {
        let mut state = self.0.lock();
        client.check(state.settings.allow_plain_http)?;
        state.clients.insert(client.client_id.clone(), client);
        Ok(())
    }

    /// Forgets a client; its sessions remain.
    pub fn unregister(&self, client_id: &str) {
        self.0.lock().clients.remove(client_id);
    }

    /// The clients that are registered.
    pub fn clients(&self) -> Vec<Client> {
        self.0.lock().clients.values().cloned().collect()
    }

    /// The Singpass id of whoever approves when nobody is named: a UUID made up at start.
    pub fn anybody(&self) -> String {
        self.0.anybody.to_string()
    }

    /// All sessions of all clients, oldest first.
    pub fn sessions(&self) -> Vec<SessionState> {
        let now = self.0.now();
        let state = self.0.lock();
        state.store.all().map(|session| self.state(session, &state.settings, now)).collect()
    }

    /// A session.
    ///
    /// # Errors
    /// [`NotPossible::NoSession`].
    pub fn session(&self, session_id: &str) -> Result<SessionState, NotPossible> {
        let now = self.0.now();
        let state = self.0.lock();
        let session = state.store.get(session_id).ok_or_else(|| missing(session_id))?;
        Ok(self.state(session, &state.settings, now))
    }

    /// Opens a session as the script of a page does, with the JSON that the page's supplier returned. Returns its id.
    ///
    /// # Errors
    /// [`NotPossible::Refused`] with the reason that the script would be given.
    pub async fn open(&self, client_id: &str, supplied: &str) -> Result<String, NotPossible> {
        self.0.open_for(client_id, supplied).await.map_err(NotPossible::Refused)
    }

    /// The phone reads the QR code. A second time changes nothing.
    ///
    /// # Errors
    /// [`NotPossible`], as the app refuses.
    pub fn scan(&self, session_id: &str) -> Result<(), NotPossible> {
        let phone = self.phone(session_id)?;
        let now = self.0.now();
        self.0.lock().store.scan(&phone, now).map_err(|refusal| refused(refusal, session_id))
    }

    /// The person approves, having scanned or not; `sub` is their Singpass id, by default the one that `txnInfo` names,
    /// or [`TxnControl::anybody`]. Returns where the page's browser goes.
    ///
    /// # Errors
    /// [`NotPossible`], as the app refuses; [`NotPossible::Sub`] if that is no UUID of version 4.
    pub fn approve(&self, session_id: &str, sub: Option<&str>) -> Result<String, NotPossible> {
        let by = sub.map(|sub| user_id(sub).ok_or(NotPossible::Sub)).transpose()?;
        let phone = self.phone(session_id)?;
        self.0.approve(&phone, by).map_err(|refusal| refused(refusal, session_id))?;
        Ok(self.session(session_id)?.redirect_url.unwrap_or_default())
    }

    /// The person declines.
    ///
    /// # Errors
    /// [`NotPossible`], as the app refuses.
    pub fn decline(&self, session_id: &str) -> Result<(), NotPossible> {
        let phone = self.phone(session_id)?;
        let now = self.0.now();
        self.0.lock().store.decline(&phone, now).map_err(|refusal| refused(refusal, session_id))
    }

    /// Lets the time of a session run out, without moving the clock.
    ///
    /// # Errors
    /// [`NotPossible`] if it is decided, over or unknown.
    pub fn expire(&self, session_id: &str) -> Result<(), NotPossible> {
        let now = self.0.now();
        self.0.lock().store.expire(session_id, now).map_err(|refusal| refused(refusal, session_id))
    }

    /// Makes the answer to the next exchange that is not refused a wrong one; the one after that is right again, or as
    /// the next call of this says.
    pub fn forge_next(&self, forgery: Forgery) {
        self.0.lock().forgeries.push_back(forgery);
    }

    /// The switches as they are.
    pub fn settings(&self) -> TxnSettings {
        self.0.settings()
    }

    /// Changes switches; they hold from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut TxnSettings)) {
        change(&mut self.0.lock().settings);
    }

    fn change_by_json(&self, changes: &Map<String, Value>) -> Result<TxnSettings, NotPossible> {
        let State { settings, .. } = &mut *self.0.lock();
        let wrong = |error: serde_json::Error| NotPossible::Settings(error.to_string());
        let mut value = serde_json::to_value(&*settings).map_err(wrong)?;
        for (name, setting) in changes {
            value[name] = setting.clone();
        }
        *settings = serde_json::from_value(value).map_err(wrong)?;
        Ok(settings.clone())
    }

    fn phone(&self, session_id: &str) -> Result<String, NotPossible> {
        let state = self.0.lock();
        let session = state.store.get(session_id).ok_or_else(|| missing(session_id))?;
        Ok(session.phone.clone())
    }

    fn state(&self, session: &Session, settings: &TxnSettings, now: Timestamp) -> SessionState {
        let code = session.code();
        SessionState {
            session_id: session.id.clone(),
            client_id: session.client_id.clone(),
            txn_id: session.info.txn_id.clone(),
            txn_instructions: session.info.instructions.clone(),
            status: session.status(now).into(),
            phone_url: self.0.phone_url(session),
            redirect_url: redirect_url(session, settings).map(String::from),
            created_at: session.created_at,
            expires_at: session.expires_at,
            authorised_at: code.map(|(_, at, _)| at),
            exchanged: code.is_some_and(|(_, _, exchanged)| exchanged),
        }
    }
}

fn missing(session_id: &str) -> NotPossible {
    NotPossible::NoSession(session_id.to_owned())
}

fn refused(refusal: Refusal, session_id: &str) -> NotPossible {
    match refusal {
        Refusal::Unknown => missing(session_id),
        Refusal::Expired => NotPossible::Expired,
        Refusal::Decided => NotPossible::Decided,
        Refusal::OtherPerson => NotPossible::OtherPerson,
    }
}
