//! The control API of what all services share, under `/_sandbox`: JSON in, JSON out. Documented in the README.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::calls::Call;
use crate::faults::Fault;
use crate::mailbox::Message;
use crate::shared::Shared;

pub(crate) fn router<S: Clone + Send + Sync + 'static>(shared: &Arc<Shared>) -> Router<S> {
    Router::new()
        .route("/", get(state))
        .route("/root.pem", get(root))
        .route("/clock", get(clock).post(advance))
        .route("/faults", get(faults).post(inject).delete(clear_faults))
        .route("/calls", get(calls).delete(clear_calls))
        .route("/mailbox", get(mailbox).delete(clear_mailbox))
        .with_state(shared.clone())
}

/// A control call that cannot be carried out: the status, and `{"error": "…"}`.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

/// A JSON body, whose defects are answered as a [`Refusal`].
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let refuse = |rejection: JsonRejection| Refusal(rejection.status(), rejection.body_text());
        Json::from_request(request, state).await.map(|Json(input)| Self(input)).map_err(refuse)
    }
}

#[derive(Serialize)]
struct Overview<'a> {
    base_url: &'a str,
    clock: Clock,
    /// Names for faults and counts, with how many calls each has received.
    operations: BTreeMap<&'static str, usize>,
    planned_faults: usize,
    messages: usize,
}

async fn state(State(shared): State<Arc<Shared>>) -> Response {
    let operations = shared.faults.operations().iter().map(|&name| (name, shared.calls.count(name)));
    Json(Overview {
        base_url: shared.base_url.as_str(),
        clock: Clock::of(&shared),
        operations: operations.collect(),
        planned_faults: shared.faults.planned().len(),
        messages: shared.mailbox.all().len(),
    })
    .into_response()
}

async fn root(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], shared.signing.root_pem().to_owned()).into_response()
}

#[derive(Serialize)]
struct Clock {
    now: Timestamp,
    #[serde(rename = "virtual")]
    is_virtual: bool,
}

impl Clock {
    fn of(shared: &Shared) -> Self {
        Self { now: shared.clock.now(), is_virtual: shared.clock.is_virtual() }
    }
}

async fn clock(State(shared): State<Arc<Shared>>) -> Json<Clock> {
    Json(Clock::of(&shared))
}

/// `{"advance": "31m"}`: a duration in words (`1h 30m`, `31 days` is not one) or ISO 8601 (`PT31M`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: SignedDuration,
}

async fn advance(
    State(shared): State<Arc<Shared>>,
    Input(by): Input<Advance>,
) -> Result<Json<Clock>, Refusal> {
    let by = Duration::try_from(by.advance).map_err(|_| {
        Refusal(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the clock moves forward only: advance must not be negative".into(),
        )
    })?;
    shared.clock.advance(by);
    Ok(Json(Clock::of(&shared)))
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<Vec<Fault>> {
    Json(shared.faults.planned())
}

async fn inject(
    State(shared): State<Arc<Shared>>,
    Input(fault): Input<Fault>,
) -> Result<(StatusCode, Json<Vec<Fault>>), Refusal> {
    shared
        .faults
        .inject(fault)
        .map_err(|refused| Refusal(StatusCode::UNPROCESSABLE_ENTITY, refused.to_string()))?;
    Ok((StatusCode::CREATED, Json(shared.faults.planned())))
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults.clear();
    StatusCode::NO_CONTENT
}

async fn calls(State(shared): State<Arc<Shared>>) -> Json<Vec<Call>> {
    Json(shared.calls.all())
}

async fn clear_calls(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.calls.clear();
    StatusCode::NO_CONTENT
}

async fn mailbox(State(shared): State<Arc<Shared>>) -> Json<Vec<Message>> {
    Json(shared.mailbox.all())
}

async fn clear_mailbox(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.mailbox.clear();
    StatusCode::NO_CONTENT
}
