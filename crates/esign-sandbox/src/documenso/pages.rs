//! The signing pages: `/sign/<token>`, `/waiting`, `/expired`, `/complete`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, State as Share};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use jiff::SignedDuration;
use maud::html;
use serde::Deserialize;
use serde_json::Value;

use super::store::{Refusal, Status};
use super::{BASE_PATH, Documenso};
use crate::pages::page;

type Sim = Share<Arc<Documenso>>;

pub(super) fn router<S: Clone + Send + Sync + 'static>(documenso: &Arc<Documenso>) -> Router<S> {
    Router::new()
        .route("/documenso/sign/{token}", get(open).post(act))
        .route("/documenso/sign/{token}/document.pdf", get(document))
        .route("/documenso/sign/{token}/waiting", get(waiting))
        .route("/documenso/sign/{token}/expired", get(expired))
        .route("/documenso/sign/{token}/complete", get(complete))
        .with_state(documenso.clone())
}

#[derive(Deserialize)]
struct Act {
    /// `sign` or `reject`.
    action: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    reason: String,
}

/// Opening is noted, whoever opens: link previews too.
async fn open(Share(sim): Sim, Path(token): Path<String>) -> Response {
    sim.tick().await;
    let now = sim.now();
    let (first, envelope, index, may) = {
        let mut state = sim.lock();
        let Some((envelope, index)) = state.store.by_token(&token) else { return dead() };
        if envelope.status == Status::Draft || envelope.deleted_at.is_some() {
            return dead();
        }
        let first = !envelope.recipients[index].opened;
        envelope.recipients[index].opened = true;
        // With links only, what is opened counts as sent.
        envelope.recipients[index].sent = true;
        (first, envelope.clone(), index, envelope.may_act(index, now))
    };
    if first {
        sim.webhook(&envelope, "DOCUMENT_OPENED", now);
    }
    let here = format!("{BASE_PATH}sign/{token}");
    match may {
        Err(Refusal::OutOfTurn) => return Redirect::to(&format!("{here}/waiting")).into_response(),
        Err(Refusal::Expired) => return Redirect::to(&format!("{here}/expired")).into_response(),
        Err(_) => return after(&envelope, &here),
        Ok(()) => {}
    }
    let recipient = &envelope.recipients[index];
    let signs = recipient.role == "SIGNER";
    let body = html! {
        p { strong { (envelope.title) } ", for " (recipient.name) " (" (recipient.role.to_lowercase()) ")" }
        h2 { @if signs { "Sign" } @else { "Confirm" } }
        form method="post" action=(here) {
            label for="name" { "Your full name" }
            input #name name="name" type="text" required maxlength="64" autocomplete="name" value=(recipient.name);
            div { button type="submit" name="action" value="sign" { @if signs { "Sign" } @else { "Confirm" } } }
        }
        h2 { "Reject" }
        form method="post" action=(here) {
            label for="reason" { "Why" }
            input #reason name="reason" type="text" required maxlength="500";
            div { button.quiet type="submit" name="action" value="reject" { "Reject the document" } }
        }
        object type="application/pdf" data={ (here) "/document.pdf" } aria-label="The document" {
            p { a href={ (here) "/document.pdf" } { "Open the document" } }
        }
    };
    page(StatusCode::OK, &envelope.title, &body)
}

async fn act(Share(sim): Sim, Path(token): Path<String>, Form(act): Form<Act>) -> Response {
    let here = format!("{BASE_PATH}sign/{token}");
    let done = match act.action.as_str() {
        "sign" => sim.sign(&token, Some(act.name.trim()).filter(|name| !name.is_empty())),
        "reject" => sim.reject(&token, &act.reason),
        _ => Err(Refusal::NotFound),
    };
    match done {
        Ok(envelope) => after(&envelope, &here),
        Err(Refusal::OutOfTurn) => Redirect::to(&format!("{here}/waiting")).into_response(),
        Err(Refusal::Expired) => Redirect::to(&format!("{here}/expired")).into_response(),
        Err(Refusal::Done) => Redirect::to(&here).into_response(),
        Err(Refusal::NotFound) => dead(),
    }
}

/// To the client's address verbatim; it does not wait for the seal.
fn after(envelope: &super::store::Envelope, here: &str) -> Response {
    match envelope.meta.get("redirectUrl").and_then(Value::as_str) {
        Some(url) => Redirect::to(url).into_response(),
        None => Redirect::to(&format!("{here}/complete")).into_response(),
    }
}

impl Documenso {
    /// Fills in what is the recipient's, and completes.
    pub(super) fn sign(
        self: &Arc<Self>,
        token: &str,
        name: Option<&str>,
    ) -> Result<super::store::Envelope, Refusal> {
        let now = self.now();
        let envelope = {
            let mut state = self.lock();
            let delay = SignedDuration::from_secs(state.settings.seal_seconds.into());
            let (envelope, index) = state.store.by_token(token).ok_or(Refusal::NotFound)?;
            envelope.may_act(index, now)?;
            let mailed = envelope.complete(index, name, now, delay);
            let envelope = envelope.clone();
            self.invite(&state, &envelope, &mailed, false);
            envelope
        };
        // Both say that it is pending, also after the last.
        self.webhook(&envelope, "DOCUMENT_RECIPIENT_COMPLETED", now);
        self.webhook(&envelope, "DOCUMENT_SIGNED", now);
        Ok(envelope)
    }

    pub(super) fn reject(
        self: &Arc<Self>,
        token: &str,
        reason: &str,
    ) -> Result<super::store::Envelope, Refusal> {
        let now = self.now();
        let mut state = self.lock();
        let delay = SignedDuration::from_secs(state.settings.seal_seconds.into());
        let (envelope, index) = state.store.by_token(token).ok_or(Refusal::NotFound)?;
        envelope.may_act(index, now)?;
        envelope.reject(index, reason, now, delay);
        Ok(envelope.clone())
    }
}

async fn document(Share(sim): Sim, Path(token): Path<String>) -> Response {
    let kept = sim
        .lock()
        .store
        .by_token(&token)
        .and_then(|(envelope, _)| Some(envelope.items.first()?.kept.clone()));
    match kept {
        Some(kept) => {
            let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CACHE_CONTROL, "no-store")];
            (headers, kept).into_response()
        }
        None => dead(),
    }
}

async fn waiting() -> Response {
    page(StatusCode::OK, "Waiting for your turn", &html! { p { "Others have to sign before you." } })
}

async fn expired() -> Response {
    page(StatusCode::OK, "The time to sign is over", &html! { p { "Ask the sender to remind you." } })
}

async fn complete() -> Response {
    page(StatusCode::OK, "Done", &html! { p { "You have nothing left to do here." } })
}

fn dead() -> Response {
    page(StatusCode::NOT_FOUND, "This link does not work", &html! { p { "Ask whoever sent you the link." } })
}
