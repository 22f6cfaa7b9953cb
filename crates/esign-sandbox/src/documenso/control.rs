//! Acting as the signer and looking inside: for Rust tests as [`DocumensoControl`], for others as JSON under
//! `/_sandbox/documenso`.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Path, State as Share};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use bytes::Bytes;
use esign_pdf::facts::Rect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::DocumensoSettings;
use super::store::{Envelope, Refusal};
use super::{Documenso, Token};
use crate::control::{Input, Refusal as Answer};

/// The simulated Documenso from the other side: its signers, its switches, its envelopes of all teams.
#[derive(Clone, Debug)]
pub struct DocumensoControl(Arc<Documenso>);

/// An envelope as the sandbox knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvelopeState {
    /// Its id.
    pub id: String,
    /// `DRAFT`, `PENDING`, ….
    pub status: &'static str,
    /// The title.
    pub title: String,
    /// In the order of the request.
    pub recipients: Vec<RecipientState>,
}

/// A recipient as the sandbox knows it. Debug shows neither address nor link.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecipientState {
    /// The address.
    pub email: String,
    /// `SIGNER`, ….
    pub role: String,
    /// Where the recipient signs.
    pub signing_link: String,
    /// `NOT_SIGNED`, `SIGNED`, `REJECTED`.
    pub signing_status: &'static str,
    /// Until when the link works.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for RecipientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientState")
            .field("role", &self.role)
            .field("signing_status", &self.signing_status)
            .finish_non_exhaustive()
    }
}

/// A webhook that was made, or would have been. Debug shows neither secret nor body.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WebhookCall {
    /// The envelope's id.
    pub envelope: String,
    /// The event.
    pub event: String,
    /// What `X-Documenso-Secret` carried.
    pub secret: String,
    /// The body.
    pub body: String,
}

impl fmt::Debug for WebhookCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookCall").field("event", &self.event).finish_non_exhaustive()
    }
}

/// Why the signer, or the test, could not do that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPossible {
    /// There is no such envelope: it was deleted, or never was.
    #[error("there is no envelope {0}: it was deleted, or never was")]
    NoEnvelope(String),
    /// The envelope has no such recipient.
    #[error("the envelope has no such recipient")]
    NoRecipient,
    /// It is not this recipient's turn.
    #[error("it is not this recipient's turn")]
    OutOfTurn,
    /// The recipient's time is over.
    #[error("the recipient's time is over")]
    Expired,
    /// Nothing is left to do: the recipient or the envelope has ended.
    #[error("nothing is left to do")]
    NothingLeft,
    /// The switches as changed are no settings.
    #[error("these are not settings of Documenso: {0}")]
    Settings(String),
}

impl From<Refusal> for NotPossible {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NoRecipient,
            Refusal::OutOfTurn => Self::OutOfTurn,
            Refusal::Expired => Self::Expired,
            Refusal::Done => Self::NothingLeft,
        }
    }
}

impl DocumensoControl {
    pub(crate) fn new(documenso: Arc<Documenso>) -> Self {
        Self(documenso)
    }

    /// The recipient at this place of the request (from 0) signs, approves or views: through the same steps as the page.
    ///
    /// # Errors
    /// [`NotPossible`], as a person at the page would be refused.
    pub async fn sign(&self, envelope: &str, recipient: usize) -> Result<(), NotPossible> {
        self.0.tick().await;
        let token = self.token(envelope, recipient)?;
        self.0.sign(&token, None)?;
        Ok(())
    }

    /// The recipient at this place of the request (from 0) rejects.
    ///
    /// # Errors
    /// As [`DocumensoControl::sign`].
    pub async fn reject(&self, envelope: &str, recipient: usize, reason: &str) -> Result<(), NotPossible> {
        self.0.tick().await;
        let token = self.token(envelope, recipient)?;
        self.0.reject(&token, reason)?;
        Ok(())
    }

    /// Does what is due by the clock now: seals, and the sweep for those whose time is over. Every call does so first.
    pub async fn tick(&self) {
        self.0.tick().await;
    }

    /// All envelopes of all teams, oldest first.
    pub fn envelopes(&self) -> Vec<EnvelopeState> {
        let envelopes: Vec<Envelope> = self.0.lock().store.envelopes.values().cloned().collect();
        envelopes.iter().map(|envelope| self.state(envelope)).collect()
    }

    /// An envelope.
    ///
    /// # Errors
    /// [`NotPossible::NoEnvelope`].
    pub fn envelope(&self, id: &str) -> Result<EnvelopeState, NotPossible> {
        let envelope = self.get(id)?;
        Ok(self.state(&envelope))
    }

    /// The files as they were uploaded.
    ///
    /// # Errors
    /// [`NotPossible::NoEnvelope`].
    pub fn received(&self, id: &str) -> Result<Vec<Bytes>, NotPossible> {
        Ok(self.get(id)?.received)
    }

    /// The payload of the create, as it came.
    ///
    /// # Errors
    /// [`NotPossible::NoEnvelope`].
    pub fn heard(&self, id: &str) -> Result<String, NotPossible> {
        Ok(self.get(id)?.heard)
    }

    /// Where marks are on the sealed files: index of the file, page, box on the page as shown.
    ///
    /// # Errors
    /// [`NotPossible::NoEnvelope`].
    pub fn drawn(&self, id: &str) -> Result<Vec<(usize, u32, Rect)>, NotPossible> {
        Ok(self.get(id)?.drawn)
    }

    /// From now on the status of an envelope is this word.
    pub fn speak(&self, id: &str, word: &str) {
        let mut state = self.0.lock();
        if let Some(envelope) = state.store.envelopes.values_mut().find(|envelope| envelope.id == id) {
            envelope.word = Some(word.to_owned());
        }
    }

    /// Every webhook so far, made or not, oldest first.
    pub fn webhooks(&self) -> Vec<WebhookCall> {
        self.0.lock().webhooks.clone()
    }

    /// Accepts another token, for `team`, until `ends`.
    pub fn add_token(&self, team: impl Into<String>, token: impl Into<String>, ends: Option<Timestamp>) {
        self.0.lock().tokens.insert(token.into(), Token { team: team.into(), ends });
    }

    /// Refuses a token from now on; envelopes remain.
    pub fn remove_token(&self, token: &str) {
        self.0.lock().tokens.remove(token);
    }

    /// The switches as they are.
    pub fn settings(&self) -> DocumensoSettings {
        self.0.lock().settings.clone()
    }

    /// Changes switches; they hold from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut DocumensoSettings)) {
        change(&mut self.0.lock().settings);
    }

    fn change_by_json(
        &self,
        changes: &serde_json::Map<String, Value>,
    ) -> Result<DocumensoSettings, NotPossible> {
        let mut state = self.0.lock();
        let settings = |error: serde_json::Error| NotPossible::Settings(error.to_string());
        let mut value = serde_json::to_value(&state.settings).map_err(settings)?;
        for (name, setting) in changes {
            value[name] = setting.clone();
        }
        state.settings = serde_json::from_value(value).map_err(settings)?;
        Ok(state.settings.clone())
    }

    fn get(&self, id: &str) -> Result<Envelope, NotPossible> {
        let state = self.0.lock();
        state.store.by_id(id).cloned().ok_or_else(|| NotPossible::NoEnvelope(id.to_owned()))
    }

    fn token(&self, id: &str, recipient: usize) -> Result<String, NotPossible> {
        let envelope = self.get(id)?;
        Ok(envelope.recipients.get(recipient).ok_or(NotPossible::NoRecipient)?.token.clone())
    }

    fn state(&self, envelope: &Envelope) -> EnvelopeState {
        let state = self.0.lock();
        let recipients = envelope.recipients.iter().map(|recipient| RecipientState {
            email: recipient.email.clone(),
            role: recipient.role.clone(),
            signing_link: self.0.link(&state, recipient),
            signing_status: recipient.signing,
            expires_at: recipient.expires_at,
        });
        EnvelopeState {
            id: envelope.id.clone(),
            status: envelope.status.word(),
            title: envelope.title.clone(),
            recipients: recipients.collect(),
        }
    }
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(documenso: &Arc<Documenso>) -> Router<S> {
    Router::new()
        .route("/", get(state))
        .route("/settings", patch(settings))
        .route("/tokens", post(add_token))
        .route("/webhooks", get(webhooks))
        .route("/envelopes/{id}", get(envelope))
        .route("/envelopes/{id}/sign", post(sign))
        .route("/envelopes/{id}/reject", post(reject))
        .with_state(DocumensoControl::new(documenso.clone()))
}

#[derive(Serialize)]
struct Overview {
    settings: DocumensoSettings,
    envelopes: Vec<EnvelopeState>,
}

async fn state(Share(control): Share<DocumensoControl>) -> Json<Overview> {
    control.tick().await;
    Json(Overview { settings: control.settings(), envelopes: control.envelopes() })
}

async fn settings(
    Share(control): Share<DocumensoControl>,
    Input(changes): Input<serde_json::Map<String, Value>>,
) -> Result<Json<DocumensoSettings>, Answer> {
    Ok(Json(control.change_by_json(&changes)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    token: String,
    team: Option<String>,
    ends: Option<Timestamp>,
}

async fn add_token(Share(control): Share<DocumensoControl>, Input(new): Input<NewToken>) -> StatusCode {
    control.add_token(new.team.unwrap_or_else(|| new.token.clone()), new.token, new.ends);
    StatusCode::NO_CONTENT
}

async fn webhooks(Share(control): Share<DocumensoControl>) -> Json<Vec<WebhookCall>> {
    Json(control.webhooks())
}

async fn envelope(
    Share(control): Share<DocumensoControl>,
    Path(id): Path<String>,
) -> Result<Json<EnvelopeState>, Answer> {
    control.tick().await;
    Ok(Json(control.envelope(&id)?))
}

/// Which recipient, from 0, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    #[serde(default)]
    recipient: usize,
    #[serde(default)]
    reason: String,
}

async fn sign(
    Share(control): Share<DocumensoControl>,
    Path(id): Path<String>,
    Input(who): Input<Who>,
) -> Result<Json<EnvelopeState>, Answer> {
    control.sign(&id, who.recipient).await?;
    Ok(Json(control.envelope(&id)?))
}

async fn reject(
    Share(control): Share<DocumensoControl>,
    Path(id): Path<String>,
    Input(who): Input<Who>,
) -> Result<Json<EnvelopeState>, Answer> {
    control.reject(&id, who.recipient, &who.reason).await?;
    Ok(Json(control.envelope(&id)?))
}

impl From<NotPossible> for Answer {
    fn from(error: NotPossible) -> Self {
        let status = match error {
            NotPossible::NoEnvelope(_) | NotPossible::NoRecipient => StatusCode::NOT_FOUND,
            NotPossible::OutOfTurn | NotPossible::Expired | NotPossible::NothingLeft => StatusCode::CONFLICT,
            NotPossible::Settings(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}
