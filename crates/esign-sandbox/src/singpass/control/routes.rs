//! The same as JSON under `/_sandbox/singpass`. Documented in the README.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Client, Delivery, Forgery, NotPossible, Person, RequestState, Singpass, SingpassControl, SingpassSettings,
};
use crate::control::{Input, Refusal as Answer};

pub(crate) fn router<S: Clone + Send + Sync + 'static>(singpass: &Arc<Singpass>) -> Router<S> {
    Router::new()
        .route("/", get(state))
        .route("/settings", patch(settings))
        .route("/clients", post(register))
        .route("/clients/{id}", delete(unregister))
        .route("/keys", post(rotate).delete(withdraw))
        .route("/webhooks", get(deliveries))
        .route("/requests/{id}", get(request))
        .route("/requests/{id}/open", post(open))
        .route("/requests/{id}/proceed", post(proceed))
        .route("/requests/{id}/approve", post(approve))
        .route("/requests/{id}/reject", post(reject))
        .route("/requests/{id}/leave", post(leave))
        .route("/requests/{id}/sign", post(sign))
        .route("/requests/{id}/expire", post(expire))
        .route("/requests/{id}/webhook", post(webhook))
        .with_state(SingpassControl::new(singpass.clone()))
}

#[derive(Serialize)]
struct Overview {
    settings: SingpassSettings,
    clients: Vec<Client>,
    requests: Vec<RequestState>,
}

type Control = State<SingpassControl>;
/// Where the signer's browser goes now: `{"redirect_url": …}`.
type Back = Result<Json<Value>, Answer>;

async fn state(State(control): Control) -> Json<Overview> {
    let (settings, clients) = (control.settings(), control.clients());
    Json(Overview { settings, clients, requests: control.requests() })
}

async fn settings(
    State(control): Control,
    Input(changes): Input<Map<String, Value>>,
) -> Result<Json<SingpassSettings>, Answer> {
    Ok(Json(control.change_by_json(&changes)?))
}

async fn register(State(control): Control, Input(client): Input<Client>) -> Result<StatusCode, Answer> {
    control.register(client)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unregister(State(control): Control, Path(id): Path<String>) -> StatusCode {
    control.unregister(&id);
    StatusCode::NO_CONTENT
}

async fn rotate(State(control): Control) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({ "kid": control.rotate_key() })))
}

async fn withdraw(State(control): Control) -> StatusCode {
    control.withdraw_old_keys();
    StatusCode::NO_CONTENT
}

async fn deliveries(State(control): Control) -> Json<Vec<Delivery>> {
    Json(control.deliveries())
}

async fn request(State(control): Control, Path(id): Path<String>) -> Result<Json<RequestState>, Answer> {
    Ok(Json(control.request(&id)?))
}

async fn open(
    State(control): Control,
    Path(id): Path<String>,
    Input(person): Input<Person>,
) -> Result<StatusCode, Answer> {
    control.open(&id, &person)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn proceed(State(control): Control, Path(id): Path<String>) -> Result<StatusCode, Answer> {
    control.proceed(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn approve(State(control): Control, Path(id): Path<String>) -> Back {
    back(control.approve(&id).await)
}

async fn reject(State(control): Control, Path(id): Path<String>) -> Result<StatusCode, Answer> {
    control.reject(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn leave(State(control): Control, Path(id): Path<String>) -> Back {
    back(control.leave(&id))
}

async fn sign(State(control): Control, Path(id): Path<String>, Input(person): Input<Person>) -> Back {
    back(control.sign(&id, &person).await)
}

async fn expire(State(control): Control, Path(id): Path<String>) -> Result<StatusCode, Answer> {
    control.expire(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Without a forgery: the real one again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resend {
    forgery: Option<Forgery>,
}

async fn webhook(
    State(control): Control,
    Path(id): Path<String>,
    Input(send): Input<Resend>,
) -> Result<StatusCode, Answer> {
    match send.forgery {
        None => control.announce_again(&id)?,
        Some(forgery) => control.forge(&id, forgery)?,
    }
    Ok(StatusCode::ACCEPTED)
}

fn back(redirect_url: Result<String, NotPossible>) -> Back {
    Ok(Json(json!({ "redirect_url": redirect_url? })))
}

impl From<NotPossible> for Answer {
    fn from(error: NotPossible) -> Self {
        let status = match error {
            NotPossible::NoRequest(_) => StatusCode::NOT_FOUND,
            NotPossible::WrongPerson { .. } => StatusCode::FORBIDDEN,
            NotPossible::Dead | NotPossible::NotOpen | NotPossible::OutOfOrder | NotPossible::NotSigned => {
                StatusCode::CONFLICT
            }
            NotPossible::Client(_) | NotPossible::Settings(_) | NotPossible::Other(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        };
        Self(status, error.to_string())
    }
}
