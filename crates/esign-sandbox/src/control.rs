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
use jiff::{Span, SpanRelativeTo, Timestamp};
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

/// `{"advance": "31 days"}`: a length of time in words (`1h 30m`, `31d`) or ISO 8601 (`PT31M`, `P31D`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance: String,
}

/// Reads how far a clock goes forward. A day has 24 hours.
pub(crate) fn length_of_time(text: &str) -> Result<Duration, String> {
    let how =
        "write how far the clock goes, such as \"31 minutes\", \"31d\", \"1w\", \"1h 30m\" or \"PT31M\"";
    let span: Span = text.trim().parse().map_err(|_| format!("{text:?} is no length of time: {how}"))?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return Err(format!("months and years differ in length: {how}"));
    }
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let length = length.map_err(|_| format!("{text:?} is longer than the clock goes: {how}"))?;
    Duration::try_from(length)
        .map_err(|_| "the clock moves forward only: advance must not be negative".to_owned())
}

async fn advance(
    State(shared): State<Arc<Shared>>,
    Input(by): Input<Advance>,
) -> Result<Json<Clock>, Refusal> {
    let by = length_of_time(&by.advance).map_err(|why| Refusal(StatusCode::UNPROCESSABLE_ENTITY, why))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_moved_by_what_people_write() {
        let day = 86_400;
        for (text, seconds) in [
            ("31d", 31 * day),
            ("P31D", 31 * day),
            ("31 days", 31 * day),
            ("1w", 7 * day),
            ("PT31M", 1860),
            ("1h 30m", 5400),
        ] {
            assert_eq!(length_of_time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "31", "a month", "1 month", "-1h", "99999999999 days"] {
            let why = length_of_time(text).unwrap_err();
            assert!(!why.contains("jiff") && !why.contains("Span"), "{why}");
        }
    }
}
