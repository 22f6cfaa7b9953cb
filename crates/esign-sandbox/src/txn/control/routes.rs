//! The same as JSON under `/_sandbox/txn`. Documented in the README.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Client, Forgery, NotPossible, SessionState, Txn, TxnControl, TxnSettings};
use crate::control::{Input, Refusal as Answer};

pub(crate) fn router<S: Clone + Send + Sync + 'static>(txn: &Arc<Txn>) -> Router<S> {
    Router::new()
        .route("/", get(state))
        .route("/settings", patch(settings))
        .route("/clients", post(register))
        .route("/clients/{id}", delete(unregister))
        .route("/forgeries", post(forge))
        .route("/sessions/{id}", get(session))
        .route("/sessions/{id}/scan", post(scan))
        .route("/sessions/{id}/approve", post(approve))
        .route("/sessions/{id}/decline", post(decline))
        .route("/sessions/{id}/expire", post(expire))
        .with_state(TxnControl::new(txn.clone()))
}

#[derive(Serialize)]
struct Overview {
    settings: TxnSettings,
    clients: Vec<Client>,
    /// Who approves when nobody is named.
    anybody: String,
    sessions: Vec<SessionState>,
}

type Control = State<TxnControl>;
type Done = Result<StatusCode, Answer>;

async fn state(State(control): Control) -> Json<Overview> {
    Json(Overview {
        settings: control.settings(),
        clients: control.clients(),
        anybody: control.anybody(),
        sessions: control.sessions(),
    })
}

async fn settings(
    State(control): Control,
    Input(changes): Input<Map<String, Value>>,
) -> Result<Json<TxnSettings>, Answer> {
    Ok(Json(control.change_by_json(&changes)?))
}

async fn register(State(control): Control, Input(client): Input<Client>) -> Done {
    control.register(client)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unregister(State(control): Control, Path(id): Path<String>) -> StatusCode {
    control.unregister(&id);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forge {
    forgery: Forgery,
}

async fn forge(State(control): Control, Input(Forge { forgery }): Input<Forge>) -> StatusCode {
    control.forge_next(forgery);
    StatusCode::CREATED
}

async fn session(State(control): Control, Path(id): Path<String>) -> Result<Json<SessionState>, Answer> {
    Ok(Json(control.session(&id)?))
}

async fn scan(State(control): Control, Path(id): Path<String>) -> Done {
    control.scan(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Without `sub`: whom `txnInfo` names, or anybody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approver {
    sub: Option<String>,
}

async fn approve(
    State(control): Control,
    Path(id): Path<String>,
    Input(Approver { sub }): Input<Approver>,
) -> Result<Json<Value>, Answer> {
    Ok(Json(json!({ "redirect_url": control.approve(&id, sub.as_deref())? })))
}

async fn decline(State(control): Control, Path(id): Path<String>) -> Done {
    control.decline(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn expire(State(control): Control, Path(id): Path<String>) -> Done {
    control.expire(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<NotPossible> for Answer {
    fn from(error: NotPossible) -> Self {
        let status = match error {
            NotPossible::NoSession(_) => StatusCode::NOT_FOUND,
            NotPossible::OtherPerson => StatusCode::FORBIDDEN,
            NotPossible::Expired | NotPossible::Decided => StatusCode::CONFLICT,
            NotPossible::Refused(_)
            | NotPossible::Sub
            | NotPossible::Client(_)
            | NotPossible::Settings(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}
