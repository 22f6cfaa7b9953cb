//! The same as JSON under `/_sandbox/signicat`. Documented in the README.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, patch, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Client, Delivery, Forgery, ForwardTo, NotPossible, OrderState, Signer, SignicatControl, SignicatSettings,
};
use crate::control::{Input, Refusal as Answer};
use crate::signicat::Signicat;

pub(crate) fn router<S: Clone + Send + Sync + 'static>(signicat: &Arc<Signicat>) -> Router<S> {
    Router::new()
        .route("/", get(state))
        .route("/settings", patch(settings))
        .route("/clients", post(register))
        .route("/clients/{id}", delete(unregister))
        .route("/tokens", delete(revoke))
        .route("/notifications", get(deliveries))
        .route("/packaging/fail-next", post(fail_next))
        .route("/orders/{order}", get(order))
        .route("/orders/{order}/notify", post(notify))
        .route("/orders/{order}/tasks/{task}/sign", post(sign))
        .route("/orders/{order}/tasks/{task}/reject", post(reject))
        .route("/orders/{order}/tasks/{task}/postpone", post(postpone))
        .route("/orders/{order}/tasks/{task}/forward", post(forward))
        .route("/orders/{order}/tasks/{task}/documents/{document}", put(upload))
        .route("/orders/{order}/tasks/{task}/expire", post(expire))
        .route("/orders/{order}/tasks/{task}", delete(delete_task))
        .with_state(SignicatControl::new(signicat.clone()))
}

type Control = State<SignicatControl>;
/// Order and task.
type TaskPath = Path<(String, String)>;
/// Where the signer's browser goes now: `{"redirect_url": …}`, `null` if the order does not say.
type Back = Result<Json<Value>, Answer>;

#[derive(Serialize)]
struct Overview {
    settings: SignicatSettings,
    clients: Vec<Value>,
    orders: Vec<OrderState>,
}

async fn state(State(control): Control) -> Json<Overview> {
    let client = |client: &Client| json!({ "client_id": client.client_id, "permitted": client.permitted });
    let clients = control.clients().iter().map(client).collect();
    Json(Overview { settings: control.settings(), clients, orders: control.orders() })
}

async fn settings(
    State(control): Control,
    Input(changes): Input<Map<String, Value>>,
) -> Result<Json<SignicatSettings>, Answer> {
    Ok(Json(control.change_by_json(&changes)?))
}

async fn register(State(control): Control, Input(client): Input<Client>) -> StatusCode {
    control.register(client);
    StatusCode::NO_CONTENT
}

async fn unregister(State(control): Control, Path(id): Path<String>) -> StatusCode {
    control.unregister(&id);
    StatusCode::NO_CONTENT
}

async fn revoke(State(control): Control) -> StatusCode {
    control.revoke_tokens();
    StatusCode::NO_CONTENT
}

async fn deliveries(State(control): Control) -> Json<Vec<Delivery>> {
    Json(control.deliveries())
}

async fn fail_next(State(control): Control) -> StatusCode {
    control.fail_next_packaging();
    StatusCode::NO_CONTENT
}

async fn order(State(control): Control, Path(id): Path<String>) -> Result<Json<OrderState>, Answer> {
    Ok(Json(control.order(&id)?))
}

/// `{"what": {"task": "1"}, "to": "https://…"}`; `what` is also `{"packaging_task": …}`, `"unknown_order"`,
/// `"unknown_task"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notify {
    what: Forgery,
    to: String,
}

async fn notify(
    State(control): Control,
    Path(id): Path<String>,
    Input(notify): Input<Notify>,
) -> Result<StatusCode, Answer> {
    control.notify(&id, notify.what, &notify.to)?;
    Ok(StatusCode::ACCEPTED)
}

async fn sign(State(control): Control, Path((id, task)): TaskPath, Input(signer): Input<Signer>) -> Back {
    back(control.sign(&id, &task, &signer).await)
}

/// The signer, and `reason` if there is one.
#[derive(Deserialize)]
struct Rejection {
    reason: Option<String>,
    #[serde(flatten)]
    signer: Person,
}

/// A signer among other fields.
#[derive(Deserialize)]
struct Person {
    name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl Person {
    fn signer(self) -> Signer {
        Signer { attributes: self.attributes, ..Signer::named(self.name) }
    }
}

async fn reject(State(control): Control, Path((id, task)): TaskPath, Input(why): Input<Rejection>) -> Back {
    back(control.reject(&id, &task, &why.signer.signer(), why.reason.as_deref()))
}

async fn postpone(State(control): Control, Path((id, task)): TaskPath, Input(signer): Input<Person>) -> Back {
    back(control.postpone(&id, &task, &signer.signer()))
}

/// The signer, and to whom the task goes.
#[derive(Deserialize)]
struct Forwarding {
    to: ForwardTo,
    #[serde(flatten)]
    signer: Person,
}

async fn forward(
    State(control): Control,
    Path((id, task)): TaskPath,
    Input(forwarding): Input<Forwarding>,
) -> Result<Json<Value>, Answer> {
    let new = control.forward(&id, &task, &forwarding.signer.signer(), &forwarding.to)?;
    Ok(Json(json!({ "task": new })))
}

/// The file as it is; the signer's name in the query.
async fn upload(
    State(control): Control,
    Path((id, task, document)): Path<(String, String, String)>,
    Query(signer): Query<UploadedBy>,
    file: Bytes,
) -> Result<StatusCode, Answer> {
    control.upload(&id, &task, &document, &Signer::named(signer.name), file).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct UploadedBy {
    name: String,
}

async fn expire(State(control): Control, Path((id, task)): TaskPath) -> Result<StatusCode, Answer> {
    control.expire(&id, &task)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_task(State(control): Control, Path((id, task)): TaskPath) -> Result<StatusCode, Answer> {
    control.delete_task(&id, &task)?;
    Ok(StatusCode::NO_CONTENT)
}

fn back(to: Result<Option<String>, NotPossible>) -> Back {
    Ok(Json(json!({ "redirect_url": to? })))
}

impl From<NotPossible> for Answer {
    fn from(error: NotPossible) -> Self {
        let status = match error {
            NotPossible::NoOrder(_) | NotPossible::Nothing(_) => StatusCode::NOT_FOUND,
            NotPossible::Refused(_) => StatusCode::CONFLICT,
            NotPossible::File(_) | NotPossible::Settings(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}
