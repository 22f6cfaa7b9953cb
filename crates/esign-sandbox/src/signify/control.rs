//! Acting as the signer and looking inside: for Rust tests as [`SignifyControl`], for others as JSON under
//! `/_sandbox/signify`.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rate::Window;
use super::settings::SignifySettings;
use super::store::{Document, Refusal};
use super::{Key, Signify, SigningError};
use crate::control::{Input, Refusal as Answer};

/// The simulated Signify from the other side: its signers, its switches, its documents of all users.
#[derive(Clone, Debug)]
pub struct SignifyControl(Arc<Signify>);

/// Who signs. Debug shows neither name nor address.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Signer {
    /// The name, as Singpass would give it: in the certificate, in the box and in `completedSignatures`.
    pub name: String,
    /// The recipient whose invitation is used; needed in email mode, refused in link mode.
    pub email: Option<String>,
}

impl Signer {
    /// Anyone who has the link (link mode).
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), email: None }
    }

    /// The recipient with this address (email mode).
    pub fn invited(name: impl Into<String>, email: impl Into<String>) -> Self {
        Self { name: name.into(), email: Some(email.into()) }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

/// A document as the sandbox knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DocumentState {
    /// The number, written as text.
    pub id: String,
    /// The name given at creation.
    pub name: String,
    /// All signatures are made.
    pub signed: bool,
    /// After it the document cannot be accessed.
    pub expires_at: Timestamp,
    /// Someone is signing right now.
    pub locked: bool,
    /// One per recipient, or one for the link.
    pub invitations: Vec<InvitationState>,
}

/// An invitation as the sandbox knows it. Debug shows neither address nor link.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InvitationState {
    /// The recipient, in email mode.
    pub email: Option<String>,
    /// Where this recipient signs; in email mode the API never tells.
    pub signing_link: String,
    /// Signatures wanted.
    pub total: usize,
    /// Signatures made.
    pub completed: usize,
}

impl fmt::Debug for InvitationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationState")
            .field("total", &self.total)
            .field("completed", &self.completed)
            .finish_non_exhaustive()
    }
}

/// What a signature brought about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignedAs {
    /// All signatures of this invitation are made.
    pub invitation_done: bool,
    /// Where the signer's browser is sent now: the client's `redirectUrl`, once the invitation is done.
    pub redirect_url: Option<String>,
}

/// Why the signer, or the test, could not do that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPossible {
    /// There is no such document: it was deleted, has expired, or never was.
    #[error("there is no document {0}: it was deleted, has expired, or never was")]
    NoDocument(String),
    /// The document has no invitation for this signer.
    #[error("the document has no such invitation; in email mode name a recipient, in link mode none")]
    NoInvitation,
    /// Someone else is signing.
    #[error("a signing session is ongoing")]
    Ongoing,
    /// All signatures of the invitation are made already.
    #[error("nothing is left to sign")]
    NothingLeft,
    /// The switches as changed are no settings.
    #[error("these are not settings of Signify: {0}")]
    Settings(String),
    /// Anything else: the name, or the document itself.
    #[error("{0}")]
    Other(String),
}

impl From<SigningError> for NotPossible {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Refused(Refusal::Ongoing) => Self::Ongoing,
            SigningError::Refused(Refusal::Complete | Refusal::NotThere) => Self::NothingLeft,
            SigningError::Refused(Refusal::NotFound | Refusal::SessionOver)
            | SigningError::Name
            | SigningError::Failed(_) => Self::Other(error.to_string()),
        }
    }
}

impl SignifyControl {
    pub(crate) fn new(signify: Arc<Signify>) -> Self {
        Self(signify)
    }

    /// Signs the signer's next open placeholder, through the same steps as the signing page. `document` is the id from
    /// the API, as text.
    ///
    /// # Errors
    /// [`NotPossible`], as a person at the page would be refused.
    pub async fn sign(&self, document: &str, signer: &Signer) -> Result<SignedAs, NotPossible> {
        let link = self.link(document, signer)?;
        let progress = self.0.sign_once(&link, &signer.name, None).await?;
        let redirect_url = progress.redirect_url.filter(|_| progress.invitation_done).map(String::from);
        Ok(SignedAs { invitation_done: progress.invitation_done, redirect_url })
    }

    /// Signs all that is open for this signer.
    ///
    /// # Errors
    /// As [`SignifyControl::sign`]; signatures made before the error remain.
    pub async fn sign_all(&self, document: &str, signer: &Signer) -> Result<SignedAs, NotPossible> {
        loop {
            let signed = self.sign(document, signer).await?;
            if signed.invitation_done {
                return Ok(signed);
            }
        }
    }

    /// Opens a signing session and leaves it open: the document is locked. The token is for [`SignifyControl::leave`].
    ///
    /// # Errors
    /// [`NotPossible`], as a person at the page would be refused.
    pub fn open_session(&self, document: &str, signer: &Signer) -> Result<String, NotPossible> {
        Ok(self.0.open_session(&self.link(document, signer)?, &signer.name)?)
    }

    /// Leaves a session, and so unlocks the document. A session that is over stays over.
    ///
    /// # Errors
    /// [`NotPossible`] without such a document or invitation.
    pub fn leave(&self, document: &str, signer: &Signer, token: &str) -> Result<(), NotPossible> {
        Ok(self.0.leave(&self.link(document, signer)?, token)?)
    }

    /// All documents of all users, oldest first, expired ones included.
    pub fn documents(&self) -> Vec<DocumentState> {
        let now = self.0.now();
        self.0.lock().store.all().map(|document| self.state(document, now)).collect()
    }

    /// A document that has not expired.
    ///
    /// # Errors
    /// [`NotPossible::NoDocument`].
    pub fn document(&self, document: &str) -> Result<DocumentState, NotPossible> {
        self.with(document, |document, now| self.state(document, now))
    }

    /// The PDF as it is now, with the signatures made so far.
    ///
    /// # Errors
    /// [`NotPossible::NoDocument`].
    pub fn pdf(&self, document: &str) -> Result<Bytes, NotPossible> {
        self.with(document, |document, _| document.pdf.clone())
    }

    /// Accepts another API key, for `user`.
    pub fn add_api_key(&self, user: impl Into<String>, key: impl Into<String>) {
        let key_of = Key { user: user.into(), window: Window::default() };
        self.0.lock().keys.insert(key.into(), key_of);
    }

    /// Refuses an API key from now on; documents remain.
    pub fn remove_api_key(&self, key: &str) {
        self.0.lock().keys.remove(key);
    }

    /// The switches as they are.
    pub fn settings(&self) -> SignifySettings {
        self.0.settings()
    }

    /// Changes switches; they hold from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut SignifySettings)) {
        change(&mut self.0.lock().settings);
    }

    fn change_by_json(
        &self,
        changes: &serde_json::Map<String, Value>,
    ) -> Result<SignifySettings, NotPossible> {
        let mut state = self.0.lock();
        let settings = |error: serde_json::Error| NotPossible::Settings(error.to_string());
        let mut value = serde_json::to_value(&state.settings).map_err(settings)?;
        for (name, setting) in changes {
            value[name] = setting.clone();
        }
        state.settings = serde_json::from_value(value).map_err(settings)?;
        Ok(state.settings.clone())
    }

    /// The signing link's last part for this signer.
    fn link(&self, document: &str, signer: &Signer) -> Result<String, NotPossible> {
        let found = self.with(document, |document, _| {
            let of_signer = |email: &Option<String>| match (email, &signer.email) {
                (Some(email), Some(wanted)) => email.eq_ignore_ascii_case(wanted),
                (None, None) => true,
                _ => false,
            };
            let invitation = document.invitations.iter().find(|invitation| of_signer(&invitation.email));
            invitation.map(|invitation| invitation.link.clone())
        })?;
        found.ok_or(NotPossible::NoInvitation)
    }

    fn with<T>(&self, id: &str, read: impl FnOnce(&Document, Timestamp) -> T) -> Result<T, NotPossible> {
        let now = self.0.now();
        let state = self.0.lock();
        let document = id.parse().ok().and_then(|id| state.store.document(id, now));
        let document = document.ok_or_else(|| NotPossible::NoDocument(id.to_owned()))?;
        Ok(read(document, now))
    }

    fn state(&self, document: &Document, now: Timestamp) -> DocumentState {
        let invitations = document.invitations.iter().map(|invitation| InvitationState {
            email: invitation.email.clone(),
            signing_link: self.0.signing_url(&invitation.link),
            total: invitation.placeholders.len(),
            completed: invitation.completed.len(),
        });
        DocumentState {
            id: document.id.to_string(),
            name: document.name.clone(),
            signed: document.is_signed(),
            expires_at: document.expires_at,
            locked: document.is_locked(now),
            invitations: invitations.collect(),
        }
    }
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(signify: &Arc<Signify>) -> Router<S> {
    Router::new()
        .route("/", get(state))
        .route("/settings", patch(settings))
        .route("/keys", post(add_key))
        .route("/documents/{id}", get(document))
        .route("/documents/{id}/sign", post(sign))
        .route("/documents/{id}/session", post(open).delete(leave))
        .with_state(SignifyControl::new(signify.clone()))
}

#[derive(Serialize)]
struct Overview {
    settings: SignifySettings,
    documents: Vec<DocumentState>,
}

async fn state(State(control): State<SignifyControl>) -> Json<Overview> {
    Json(Overview { settings: control.settings(), documents: control.documents() })
}

async fn settings(
    State(control): State<SignifyControl>,
    Input(changes): Input<serde_json::Map<String, Value>>,
) -> Result<Json<SignifySettings>, Answer> {
    Ok(Json(control.change_by_json(&changes)?))
}

/// A key without a user is a user of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    key: String,
    user: Option<String>,
}

async fn add_key(State(control): State<SignifyControl>, Input(new): Input<NewKey>) -> StatusCode {
    control.add_api_key(new.user.unwrap_or_else(|| new.key.clone()), new.key);
    StatusCode::NO_CONTENT
}

async fn document(
    State(control): State<SignifyControl>,
    Path(id): Path<String>,
) -> Result<Json<DocumentState>, Answer> {
    Ok(Json(control.document(&id)?))
}

/// `all` signs all that is open for this signer, else the next one only.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOrder {
    name: String,
    email: Option<String>,
    #[serde(default)]
    all: bool,
}

async fn sign(
    State(control): State<SignifyControl>,
    Path(id): Path<String>,
    Input(order): Input<SignOrder>,
) -> Result<Json<SignedAs>, Answer> {
    let signer = Signer { name: order.name, email: order.email };
    let signed =
        if order.all { control.sign_all(&id, &signer).await } else { control.sign(&id, &signer).await };
    Ok(Json(signed?))
}

async fn open(
    State(control): State<SignifyControl>,
    Path(id): Path<String>,
    Input(signer): Input<Signer>,
) -> Result<(StatusCode, Json<Value>), Answer> {
    let token = control.open_session(&id, &signer)?;
    Ok((StatusCode::CREATED, Json(serde_json::json!({ "token": token }))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    email: Option<String>,
    token: String,
}

async fn leave(
    State(control): State<SignifyControl>,
    Path(id): Path<String>,
    Input(leave): Input<Leave>,
) -> Result<StatusCode, Answer> {
    let signer = Signer { name: String::new(), email: leave.email };
    control.leave(&id, &signer, &leave.token)?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<NotPossible> for Answer {
    fn from(error: NotPossible) -> Self {
        let status = match error {
            NotPossible::NoDocument(_) | NotPossible::NoInvitation => StatusCode::NOT_FOUND,
            NotPossible::Ongoing | NotPossible::NothingLeft => StatusCode::CONFLICT,
            NotPossible::Settings(_) | NotPossible::Other(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}
