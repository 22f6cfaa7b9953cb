//! The layer around every simulated operation: writes the call down, and applies the fault planned for it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use futures_util::stream;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;

use crate::connection::Connection;
use crate::faults::Effect;
use crate::shared::Shared;

/// The largest request body that is read at all.
const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// Makes `route` the operation `name`, under which its calls are counted and its faults planned.
pub(crate) fn operation<S>(
    shared: &Arc<Shared>,
    name: &'static str,
    route: MethodRouter<S>,
) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    route.route_layer(from_fn_with_state((shared.clone(), name), observe))
}

async fn observe(
    State((shared, operation)): State<(Arc<Shared>, &'static str)>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let call = shared.calls.received(operation, shared.clock.now());
    // Read to the end first, as a gateway does: an early refusal must not break the client's upload.
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large or broken").into_response();
    };
    let next = next.run(Request::from_parts(parts, Body::from(body)));
    let (mut response, sent) = match shared.faults.take(operation) {
        None => (next.await, true),
        Some((effect, committed)) => {
            tracing::info!(operation, ?effect, committed, "injected fault");
            let sent = !matches!(effect, Effect::Close | Effect::Stall);
            (apply(effect, committed, next, &connection, &shared).await, sent)
        }
    };
    if sent {
        shared.calls.answered(call, operation, response.status().as_u16());
    }
    // Clients judge their clock by it; without it the server writes the machine's time.
    if let Some(now) = date(shared.clock.now()) {
        response.headers_mut().entry(header::DATE).or_insert(now);
    }
    response
}

/// A time as HTTP writes it (RFC 9110, 5.6.7).
fn date(at: Timestamp) -> Option<HeaderValue> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?.parse().ok()
}

async fn apply(
    effect: Effect,
    committed: bool,
    next: impl Future<Output = Response>,
    connection: &Connection,
    shared: &Shared,
) -> Response {
    let replaces_answer = matches!(effect, Effect::Close | Effect::Stall | Effect::Answer { .. });
    let real = if committed || !replaces_answer { next.await } else { Response::default() };
    match effect {
        Effect::Close => {
            connection.cut();
            real
        }
        Effect::Stall => {
            shared.stopped().await;
            connection.cut();
            real
        }
        Effect::Delay { millis } => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            real
        }
        Effect::Answer { status, headers, body } => {
            let headers = headers.iter().filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
            });
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, HeaderMap::from_iter(headers), body).into_response()
        }
        Effect::Truncate { keep } => reshape(real, |body| truncated(&body, keep)).await,
        Effect::Slow { chunk, pause_millis } => reshape(real, |body| slow(body, chunk, pause_millis)).await,
        Effect::Huge { bytes } => {
            let mut real = reshape(real, |body| padded(body, bytes)).await;
            real.headers_mut().remove(header::CONTENT_LENGTH);
            real
        }
        Effect::Extend => {
            let mut real = reshape(real, |body| extended(&body)).await;
            real.headers_mut().remove(header::CONTENT_LENGTH);
            real
        }
        Effect::Set { values } => {
            let mut real = reshape(real, |body| replaced(&body, values)).await;
            real.headers_mut().remove(header::CONTENT_LENGTH);
            real
        }
    }
}

/// Replaces the body, and states the length of the original one.
async fn reshape(response: Response, change: impl FnOnce(Bytes) -> Body) -> Response {
    let (mut parts, body) = response.into_parts();
    // Only a body made by this process: it is in memory and does not fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, change(body))
}

fn truncated(body: &Bytes, keep: usize) -> Body {
    let kept = body.slice(..keep.min(body.len()));
    Body::from_stream(stream::unfold(Some(kept), |kept| async move {
        match kept {
            Some(kept) if !kept.is_empty() => Some((Ok(kept), Some(Bytes::new()))),
            Some(_) => {
                // Lets the server send what it has before the error closes the connection.
                tokio::task::yield_now().await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            }
            None => None,
        }
    }))
}

/// A body that is no JSON stays as it is.
fn extended(body: &Bytes) -> Body {
    fn extend(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.values_mut().for_each(extend);
                members.insert("unheardOf".to_owned(), serde_json::json!({ "since": [2027, null] }));
            }
            Value::Array(items) => items.iter_mut().for_each(extend),
            _ => {}
        }
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            extend(&mut value);
            Body::from(value.to_string())
        }
        Err(_) => Body::from(body.clone()),
    }
}

/// A body that is no JSON stays as it is.
fn replaced(body: &Bytes, values: BTreeMap<String, Value>) -> Body {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else { return Body::from(body.clone()) };
    for (place, value) in values {
        if let Some(old) = answer.pointer_mut(&place) {
            *old = value;
        }
    }
    Body::from(answer.to_string())
}

fn slow(body: Bytes, chunk: usize, pause_millis: u64) -> Body {
    Body::from_stream(stream::unfold((body, false), move |(mut rest, started)| async move {
        if rest.is_empty() {
            return None;
        }
        if started {
            tokio::time::sleep(Duration::from_millis(pause_millis)).await;
        }
        let piece = rest.split_to(chunk.min(rest.len()));
        Some((Ok::<_, Infallible>(piece), (rest, true)))
    }))
}

fn padded(body: Bytes, bytes: u64) -> Body {
    static SPACES: [u8; 65_536] = [b' '; 65_536];
    Body::from_stream(stream::unfold((Some(body), bytes), |(body, left)| async move {
        if let Some(body) = body {
            return Some((Ok::<_, Infallible>(body), (None, left)));
        }
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(SPACES.len());
        (now > 0).then(|| (Ok(Bytes::from_static(&SPACES[..now])), (None, left - now as u64)))
    }))
}
