//! Acting as the signer and looking inside: for Rust tests as [`SingpassControl`], for others as JSON under
//! `/_sandbox/singpass`.

mod routes;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::clients::{Client, InvalidClient};
use super::person::Person;
use super::request::{Request, Status};
use super::settings::SingpassSettings;
use super::store::Refusal;
use super::webhook::{Delivery, Forgery};
use super::{PortalError, Singpass};

pub(crate) use routes::router;

/// The simulated Sign V3 from the other side: its signers, its switches, its keys, its requests of all clients.
#[derive(Clone, Debug)]
pub struct SingpassControl(Arc<Singpass>);

/// A sign request as the sandbox knows it. Debug does not show the link.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestState {
    /// `signv3-` and a UUID.
    pub request_id: String,
    /// Who made it.
    pub client_id: String,
    /// The name shown to the signer.
    pub doc_name: String,
    /// Where it stands.
    pub status: RequestStatus,
    /// The signer has pressed Proceed to Sign: it cannot be cancelled.
    pub active: bool,
    /// A person has opened it: nobody else can.
    pub locked: bool,
    /// Where the signer signs.
    pub signing_url: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be signed.
    pub expires_at: Timestamp,
    /// When it was signed.
    pub signed_at: Option<Timestamp>,
}

impl fmt::Debug for RequestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestState")
            .field("request_id", &self.request_id)
            .field("status", &self.status)
            .field("active", &self.active)
            .field("locked", &self.locked)
            .finish_non_exhaustive()
    }
}

/// Where a sign request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestStatus {
    /// Waits for the signer, who may have rejected it in the app: nobody learns of that.
    Pending,
    /// 30 minutes passed without a signature.
    Expired,
    /// Signed; the document can be fetched.
    Signed,
    /// Signed more than an hour ago.
    AccessExpired,
    /// Cancelled by its client.
    Cancelled,
}

impl From<Status> for RequestStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Expired => Self::Expired,
            Status::Signed => Self::Signed,
            Status::AccessExpired => Self::AccessExpired,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// Why the signer, or the test, could not do that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPossible {
    /// There is no such sign request.
    #[error("there is no sign request {0}")]
    NoRequest(String),
    /// The link does not work: the request has expired, was cancelled, or is signed.
    #[error("nothing is left to sign: the request has expired, was cancelled, or is signed")]
    Dead,
    /// Another person is intended, or was there first.
    #[error("the document is for another person to sign, or another person has opened it before")]
    WrongPerson {
        /// Where the person's browser goes now.
        redirect_url: String,
    },
    /// Nobody has opened the request, or the session is over.
    #[error("nobody is at the portal: open the request first")]
    NotOpen,
    /// That does not come next.
    #[error("this is not possible now: the steps are open, proceed, then approve or reject")]
    OutOfOrder,
    /// The request is not signed, or its bytes are gone.
    #[error("there is no signed document")]
    NotSigned,
    /// The client cannot be registered.
    #[error(transparent)]
    Client(#[from] InvalidClient),
    /// The switches as changed are no settings.
    #[error("these are not settings of Singpass: {0}")]
    Settings(String),
    /// Anything else: the person, or the document itself.
    #[error("{0}")]
    Other(String),
}

impl From<PortalError> for NotPossible {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Refused(Refusal::Dead) => Self::Dead,
            PortalError::Refused(Refusal::SessionOver) => Self::NotOpen,
            PortalError::Refused(Refusal::OutOfOrder) => Self::OutOfOrder,
            PortalError::Refused(Refusal::WrongPerson | Refusal::NotReviewed | Refusal::NoField)
            | PortalError::Person(_)
            | PortalError::Failed(_) => Self::Other(error.to_string()),
        }
    }
}

impl SingpassControl {
    pub(crate) fn new(singpass: Arc<Singpass>) -> Self {
        Self(singpass)
    }

    /// Registers a client (relying party), or replaces the one with its id.
    ///
    /// # Errors
    /// [`NotPossible::Client`] if its addresses or keys cannot be used.
    pub fn register(&self, client: Client) -> Result<(), NotPossible> {
        let mut state = self.0.lock();
        client.check(&state.settings)?;
        state.clients.insert(client.client_id.clone(), client);
        Ok(())
    }

    /// Forgets a client; its requests remain.
    pub fn unregister(&self, client_id: &str) {
        self.0.lock().clients.remove(client_id);
    }

    /// The clients that are registered.
    pub fn clients(&self) -> Vec<Client> {
        self.0.lock().clients.values().cloned().collect()
    }

    /// All sign requests of all clients, oldest first.
    pub fn requests(&self) -> Vec<RequestState> {
        let now = self.0.now();
        self.0.lock().store.all().map(|request| self.state(request, now)).collect()
    }

    /// A sign request.
    ///
    /// # Errors
    /// [`NotPossible::NoRequest`].
    pub fn request(&self, request_id: &str) -> Result<RequestState, NotPossible> {
        self.with(request_id, |request, now| self.state(request, now))
    }

    /// A person opens the link and logs in: the document is theirs.
    ///
    /// # Errors
    /// [`NotPossible::WrongPerson`], [`NotPossible::Dead`], and as the portal refuses.
    pub fn open(&self, request_id: &str, person: &Person) -> Result<(), NotPossible> {
        self.with(request_id, |_, _| ())?;
        match self.0.open(request_id, person) {
            Ok(_) => Ok(()),
            Err(PortalError::Refused(Refusal::WrongPerson)) => {
                let redirect_url = self.0.turned_away(request_id).map(String::from).unwrap_or_default();
                Err(NotPossible::WrongPerson { redirect_url })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The person reviews every field and presses Proceed to Sign: from now on the request cannot be cancelled.
    ///
    /// # Errors
    /// [`NotPossible`], as the portal refuses.
    pub fn proceed(&self, request_id: &str) -> Result<(), NotPossible> {
        Ok(self.0.review_and_proceed(&self.session(request_id)?)?)
    }

    /// The person approves in the app: the document is signed and the webhook goes out. Returns where the browser goes.
    ///
    /// # Errors
    /// [`NotPossible`], as the portal refuses; [`NotPossible::OutOfOrder`] before [`SingpassControl::proceed`].
    pub async fn approve(&self, request_id: &str) -> Result<String, NotPossible> {
        let session = self.session(request_id)?;
        self.0.approve(&session).await?;
        Ok(self.0.leave(&session)?.into())
    }

    /// The person rejects in the app; nobody is told. [`SingpassControl::proceed`] tries again.
    ///
    /// # Errors
    /// [`NotPossible`], as the portal refuses; [`NotPossible::OutOfOrder`] before [`SingpassControl::proceed`].
    pub fn reject(&self, request_id: &str) -> Result<(), NotPossible> {
        Ok(self.0.reject(&self.session(request_id)?)?)
    }

    /// The person leaves the portal. Returns where the browser goes.
    ///
    /// # Errors
    /// [`NotPossible::NotOpen`] if nobody is there.
    pub fn leave(&self, request_id: &str) -> Result<String, NotPossible> {
        Ok(self.0.leave(&self.session(request_id)?)?.into())
    }

    /// All of it: open, review, proceed, approve. Returns where the browser goes.
    ///
    /// # Errors
    /// As each of the steps.
    pub async fn sign(&self, request_id: &str, person: &Person) -> Result<String, NotPossible> {
        self.open(request_id, person)?;
        self.proceed(request_id)?;
        self.approve(request_id).await
    }

    /// Lets the time for signing this request run out, without moving the clock.
    ///
    /// # Errors
    /// [`NotPossible::NoRequest`].
    pub fn expire(&self, request_id: &str) -> Result<(), NotPossible> {
        let now = self.0.now();
        self.0
            .lock()
            .store
            .expire(request_id, now)
            .ok_or_else(|| NotPossible::NoRequest(request_id.to_owned()))
    }

    /// The document as it is now, signed or not.
    ///
    /// # Errors
    /// [`NotPossible::NoRequest`].
    pub fn pdf(&self, request_id: &str) -> Result<Bytes, NotPossible> {
        self.with(request_id, |request, _| request.pdf.clone())
    }

    /// Puts other bytes in the place of a signed document: tampered with, or signed by somebody else.
    ///
    /// # Errors
    /// [`NotPossible::NotSigned`], [`NotPossible::NoRequest`].
    pub fn replace_pdf(&self, request_id: &str, pdf: impl Into<Bytes>) -> Result<(), NotPossible> {
        self.signed(request_id)?;
        self.0.lock().store.replace_pdf(request_id, pdf.into());
        Ok(())
    }

    /// Every try to deliver a webhook that has ended, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.0.webhooks.borrow().deliveries.clone()
    }

    /// Waits until this many tries have ended, counted from the start, and returns them.
    pub async fn delivered(&self, count: usize) -> Vec<Delivery> {
        let mut log = self.0.webhooks.subscribe();
        // The sender is in `self.0`.
        let _ = log.wait_for(|log| log.deliveries.len() >= count).await;
        self.deliveries()
    }

    /// Waits until no webhook is under way, nor waits for its next try, and returns all tries.
    pub async fn webhooks_done(&self) -> Vec<Delivery> {
        let mut log = self.0.webhooks.subscribe();
        // The sender is in `self.0`.
        let _ = log.wait_for(|log| log.under_way == 0).await;
        self.deliveries()
    }

    /// Sends the webhook of a signed request once more, with a new token.
    ///
    /// # Errors
    /// [`NotPossible::NotSigned`], [`NotPossible::NoRequest`].
    pub fn announce_again(&self, request_id: &str) -> Result<(), NotPossible> {
        self.signed(request_id)?;
        self.0.announce(request_id);
        Ok(())
    }

    /// Sends the client a webhook with something wrong with it, once. The request need not be signed.
    ///
    /// # Errors
    /// [`NotPossible::NoRequest`].
    pub fn forge(&self, request_id: &str, forgery: Forgery) -> Result<(), NotPossible> {
        let there = self.0.forge(request_id, forgery);
        there.then_some(()).ok_or_else(|| NotPossible::NoRequest(request_id.to_owned()))
    }

    /// Signs with a new key from now on, and returns its `kid`. The old keys stay published. Singpass has one set of
    /// keys for document and transaction signing.
    pub fn rotate_key(&self) -> String {
        self.0.own_keys().rotate()
    }

    /// Publishes the newest key only.
    pub fn withdraw_old_keys(&self) {
        self.0.own_keys().withdraw_old();
    }

    /// The switches as they are.
    pub fn settings(&self) -> SingpassSettings {
        self.0.settings()
    }

    /// Changes switches; they hold from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut SingpassSettings)) {
        change(&mut self.0.lock().settings);
    }

    fn change_by_json(&self, changes: &Map<String, Value>) -> Result<SingpassSettings, NotPossible> {
        let mut state = self.0.lock();
        let settings = |error: serde_json::Error| NotPossible::Settings(error.to_string());
        let mut value = serde_json::to_value(&state.settings).map_err(settings)?;
        for (name, setting) in changes {
            value[name] = setting.clone();
        }
        state.settings = serde_json::from_value(value).map_err(settings)?;
        Ok(state.settings.clone())
    }

    fn signed(&self, request_id: &str) -> Result<(), NotPossible> {
        let signed = self.with(request_id, |request, _| request.signed().is_some())?;
        signed.then_some(()).ok_or(NotPossible::NotSigned)
    }

    fn session(&self, request_id: &str) -> Result<String, NotPossible> {
        let session = self.with(request_id, |request, _| request.session().map(str::to_owned))?;
        session.ok_or(NotPossible::NotOpen)
    }

    fn with<T>(&self, id: &str, read: impl FnOnce(&Request, Timestamp) -> T) -> Result<T, NotPossible> {
        let now = self.0.now();
        let state = self.0.lock();
        let request = state.store.get(id).ok_or_else(|| NotPossible::NoRequest(id.to_owned()))?;
        Ok(read(request, now))
    }

    fn state(&self, request: &Request, now: Timestamp) -> RequestState {
        RequestState {
            request_id: request.id.clone(),
            client_id: request.client_id.clone(),
            doc_name: request.doc_name.clone(),
            status: request.status(now).into(),
            active: request.is_active(now),
            locked: request.is_locked(),
            signing_url: self.0.signing_url(request),
            created_at: request.created_at,
            expires_at: request.expires_at,
            signed_at: request.signed().map(|(_, at)| at),
        }
    }
}
