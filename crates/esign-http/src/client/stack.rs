//! The layers that every attempt passes: trace, retry, Retry-After, limiter, auth, and the wire.
//!
//! `reqwest_retry::RetryTransientMiddleware` is not used itself: it sleeps on tokio's timer instead of the injected clock,
//! does not see the request, and wraps every error. Its parts are: the strategy trait decides what is worth repeating,
//! the policy how long to wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use esign_core::jiff::Timestamp;
use esign_core::secrecy::SecretString;
use esign_core::{CallScope, Clock, Error, ErrorKind, NotBefore, Observation, Observer, ProviderKind, Retry};
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{Extensions, HeaderMap, HeaderValue};
use reqwest::{Body, Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use reqwest_retry::{Retryable, RetryableStrategy};
use reqwest_tracing::{ReqwestOtelSpanBackend, reqwest_otel_span};
use tracing::Span;
use url::Origin;

use super::backoff::Backoff;
use crate::auth::Outgoing;
use crate::errors::{Circumstances, Fault, as_reqwest, fault_of};
use crate::multipart::FinishedForm;
use crate::secrets::OwnSecrets;
use crate::{Authorize, Final, Limiter, Permit};

/// How much of an error answer is read: enough for any message.
const MAX_ERROR_BODY: usize = 64 << 10;
/// How much memory an announced length may claim before a byte has arrived.
const MAX_PREALLOCATED: usize = 16 << 20;

/// Travels with a call through the layers, as its one extension.
pub(super) struct Ticket {
    pub(super) circumstances: Circumstances,
    pub(super) replayable: bool,
    pub(super) limited: bool,
    pub(super) cap: usize,
    pub(super) payload: Payload,
    /// Secrets that the payload carries.
    pub(super) secrets: Arc<[SecretString]>,
    pub(super) auth: Option<Arc<dyn Authorize>>,
    pub(super) watch: Option<Watch>,
    pub(super) refusal: Option<Final>,
    /// How often the call had been sent before it entered the layers.
    pub(super) earlier_attempts: u32,
    pub(super) journal: Mutex<Journal>,
}

/// Who is told what happens, and on whose behalf.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) kind: ProviderKind,
    pub(super) observer: Arc<dyn Observer>,
}

/// What has happened to a call so far.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) retries: u32,
    /// An attempt before the present one may have had its effect.
    pub(super) earlier_unanswered: bool,
    /// The `Authorization` of the latest attempt.
    pub(super) authorization: Option<HeaderValue>,
    /// What the latest answer asked for.
    pub(super) retry_after: Option<Duration>,
    /// The latest answer is a refusal that stands.
    pub(super) refused: bool,
    permit: Option<Permit>,
}

/// A body that can be sent any number of times.
#[derive(Clone, Default)]
pub(super) enum Payload {
    #[default]
    Empty,
    Bytes(Bytes),
    Form(FinishedForm),
}

impl Ticket {
    /// Nothing can panic while the lock is held, so a poisoned one holds a sound value.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell<'a>(&'a self, what: impl FnOnce(&'a ProviderKind) -> Observation<'a>) {
        if let Some(watch) = &self.watch {
            watch.observer.observe(&what(&watch.kind));
        }
    }
}

fn ticket(extensions: &Extensions) -> Result<Arc<Ticket>> {
    extensions.get::<Arc<Ticket>>().cloned().ok_or_else(|| {
        reqwest_middleware::Error::middleware(Error::new(
            ErrorKind::Internal,
            "a request entered the stack without its ticket",
        ))
    })
}

/// A span per call that shows where it goes, but not the path and query: signing links and ids are in them.
pub(super) struct SpanWithoutUrl;

impl ReqwestOtelSpanBackend for SpanWithoutUrl {
    fn on_request_start(request: &Request, extensions: &mut Extensions) -> Span {
        let operation = ticket(extensions).map_or("", |t| t.circumstances.operation.as_str());
        let name = format!("{} {operation}", request.method());
        reqwest_otel_span!(
            name = name,
            request,
            esign.operation = operation,
            esign.retries = tracing::field::Empty,
            error.kind = tracing::field::Empty
        )
    }

    fn on_request_end(span: &Span, outcome: &Result<Response>, extensions: &mut Extensions) {
        if let Ok(ticket) = ticket(extensions) {
            span.record("esign.retries", ticket.journal().retries);
        }
        // The default would record the error's text, which contains the URL with its query.
        match outcome {
            Ok(response) => {
                span.record("http.response.status_code", response.status().as_u16());
                if response.status().is_client_error() || response.status().is_server_error() {
                    span.record("otel.status_code", "ERROR");
                }
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                span.record("error.kind", word_for(error));
            }
        }
    }
}

fn word_for(error: &reqwest_middleware::Error) -> &'static str {
    match as_reqwest(error).map(fault_of) {
        Some(Fault::Connect) => "connect",
        Some(Fault::Timeout) => "timeout",
        Some(Fault::Builder) => "builder",
        Some(Fault::Broken) => "connection",
        None => ours(error).map_or("internal", |e| e.kind().as_str()),
    }
}

/// Our own error from a deeper layer.
fn ours(error: &reqwest_middleware::Error) -> Option<&Error> {
    match error {
        reqwest_middleware::Error::Middleware(any) => any.downcast_ref::<Error>(),
        reqwest_middleware::Error::Reqwest(_) => None,
    }
}

/// Repeats what is marked replayable.
pub(super) struct RetryLayer {
    pub(super) backoff: Backoff,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for RetryLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let ticket = ticket(extensions)?;
        loop {
            // The body is added at the wire, so a request can always be cloned.
            let Some(attempt) = request.try_clone() else { return next.run(request, extensions).await };
            let outcome = next.clone().run(attempt, extensions).await;
            if !ticket.replayable || !matches!(PassingFaults.handle(&outcome), Some(Retryable::Transient)) {
                return outcome;
            }
            let (retries, retry_after, refused) = {
                let journal = ticket.journal();
                (journal.retries, journal.retry_after, journal.refused)
            };
            if refused {
                return outcome;
            }
            let Some(wait) = self.backoff.wait(retries, retry_after) else { return outcome };
            if CallScope::current().is_missed_at(self.clock.monotonic() + wait) {
                return outcome;
            }
            {
                let mut journal = ticket.journal();
                journal.retries += 1;
                journal.earlier_unanswered |= may_have_had_effect(&outcome);
            }
            tracing::debug!(retries, wait_ms = wait.as_millis(), "repeating after a passing fault");
            let operation = ticket.circumstances.operation;
            ticket.tell(|kind| Observation::Retry { kind, operation, after: wait });
            self.clock.sleep_until(self.clock.monotonic() + wait).await;
        }
    }
}

/// What may be gone on the next try: no answer, 408, 429, and faults of the server.
struct PassingFaults;

impl RetryableStrategy for PassingFaults {
    fn handle(&self, outcome: &Result<Response>) -> Option<Retryable> {
        let passing = match outcome {
            Ok(response) => {
                let status = response.status();
                if status.is_success() {
                    return None;
                }
                status.is_server_error() || matches!(status.as_u16(), 408 | 429)
            }
            Err(error) => match as_reqwest(error) {
                Some(error) => fault_of(error) != Fault::Builder,
                // Who says when to come back has been asked as often as is right: a call of its own, for a token.
                None => ours(error).is_some_and(|e| e.retry() == Retry::SAFE),
            },
        };
        Some(if passing { Retryable::Transient } else { Retryable::Fatal })
    }
}

fn may_have_had_effect(outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(response) => response.status().is_server_error() || response.status().as_u16() == 408,
        Err(error) => match as_reqwest(error) {
            Some(error) => !matches!(fault_of(error), Fault::Connect | Fault::Builder),
            // The credentials could not be had: nothing was sent. A truncated answer was sent.
            None => ours(error).is_some_and(|e| e.kind() == ErrorKind::Integrity),
        },
    }
}

/// Notes for how long an answer asks to wait: the retry layer and the caller go by it.
pub(super) struct RetryAfterLayer {
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for RetryAfterLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let ticket = ticket(extensions)?;
        let outcome = next.run(request, extensions).await;
        let answer = outcome.as_ref().ok();
        ticket.journal().retry_after =
            answer.and_then(|answer| retry_after(answer.headers(), self.clock.as_ref()));
        outcome
    }
}

/// Retry-After (RFC 9110, 10.2.3): seconds, however many, or a date in any of its three forms.
fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What is beyond the largest number is for ever, too.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Duration::try_from(clock.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
    Some(date.saturating_sub(now))
}

/// Waits for permission to send.
pub(super) struct LimiterLayer {
    pub(super) limiter: Option<Arc<Limiter>>,
}

#[async_trait]
impl Middleware for LimiterLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let ticket = ticket(extensions)?;
        let Some(limiter) = self.limiter.as_ref().filter(|_| ticket.limited) else {
            return next.run(request, extensions).await;
        };
        let permit = match limiter.acquire_in_time().await {
            Ok(permit) => permit,
            Err(NotBefore(time)) => {
                let wait = time.saturating_sub(limiter.clock().monotonic());
                return Err(reqwest_middleware::Error::middleware(not_in_time(wait)));
            }
        };
        if !permit.waited().is_zero() {
            let waited = permit.waited();
            tracing::debug!(limiter_wait_ms = waited.as_millis(), "waited for the rate limit");
            ticket.tell(|kind| Observation::LimiterWait { kind, waited });
        }
        ticket.journal().permit = Some(permit);
        let outcome = next.run(request, extensions).await;
        // Still there if nothing was sent: it then goes to the next in the queue.
        drop(ticket.journal().permit.take());
        outcome
    }
}

/// Nothing was sent, so that it is safe to come back.
fn not_in_time(wait: Duration) -> Error {
    let message = "the rate limit lets nothing through within the time that the call was given";
    Error::new(ErrorKind::RateLimited, message).with_retry(Retry::Safe { after: Some(wait) })
}

/// Adds the credentials, if the request goes to the API's own origin.
pub(super) struct AuthLayer {
    pub(super) origin: Origin,
}

#[async_trait]
impl Middleware for AuthLayer {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let ticket = ticket(extensions)?;
        if let Some(auth) = ticket.auth.as_ref().filter(|_| request.url().origin() == self.origin) {
            let (method, url) = (request.method().clone(), request.url().clone());
            let mut outgoing = Outgoing { method: &method, url: &url, headers: request.headers_mut() };
            auth.authorize(&mut outgoing).await.map_err(reqwest_middleware::Error::middleware)?;
        }
        ticket.journal().authorization = request.headers().get(AUTHORIZATION).cloned();
        next.run(request, extensions).await
    }
}

/// Adds the body, sends, and reads the whole answer: one that breaks off is a failed attempt like any other.
pub(super) struct WireLayer {
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Middleware for WireLayer {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let ticket = ticket(extensions)?;
        add_body(&mut request, ticket.payload.clone());
        let permit = ticket.journal().permit.take();
        if let Some(permit) = permit {
            permit.sent();
        }
        let own = OwnSecrets::of(request.headers(), &ticket.secrets);
        let sent_at = self.clock.monotonic();
        let outcome = match next.run(request, extensions).await {
            Ok(response) if response.status().is_success() => read_whole(response, &ticket, &own).await,
            Ok(response) => Ok(read_start(response, &ticket, &own).await),
            Err(error) => Err(error),
        };
        let operation = ticket.circumstances.operation;
        let attempt = ticket.earlier_attempts + ticket.journal().retries + 1;
        let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
        let took = self.clock.monotonic().saturating_sub(sent_at);
        let scope = CallScope::current();
        let reference = scope.reference.as_ref();
        if let Some(watch) = &ticket.watch {
            let attempt =
                Observation::Attempt { kind: &watch.kind, operation, reference, attempt, status, took };
            watch.observer.observe(&attempt);
        }
        outcome
    }
}

fn add_body(request: &mut Request, payload: Payload) {
    match payload {
        Payload::Empty => {}
        Payload::Bytes(bytes) => *request.body_mut() = Some(bytes.into()),
        Payload::Form(form) => {
            let headers = request.headers_mut();
            // Boundary and lengths are our own ASCII.
            if let Ok(content_type) = HeaderValue::from_str(form.content_type()) {
                headers.insert(CONTENT_TYPE, content_type);
            }
            headers.insert(CONTENT_LENGTH, HeaderValue::from(form.content_length()));
            let parts = form.into_parts().map(Ok::<_, std::convert::Infallible>);
            *request.body_mut() = Some(Body::wrap_stream(stream::iter(parts)));
        }
    }
}

async fn read_whole(mut response: Response, ticket: &Ticket, own: &OwnSecrets) -> Result<Response> {
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > ticket.cap as u64) {
        return Err(too_large(ticket));
    }
    let announced_size = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut body = BytesMut::with_capacity(announced_size.min(MAX_PREALLOCATED));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ticket.cap {
            return Err(too_large(ticket));
        }
        body.extend_from_slice(&chunk);
    }
    if let Some(announced) = announced.filter(|&length| length != body.len() as u64) {
        return Err(reqwest_middleware::Error::middleware(
            ticket.circumstances.truncated(announced, body.len()),
        ));
    }
    Ok(with_body(&response, body.freeze(), own))
}

/// The beginning of an error answer. The status has said what matters, so whatever goes wrong here is ignored.
async fn read_start(mut response: Response, ticket: &Ticket, own: &OwnSecrets) -> Response {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ERROR_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ERROR_BODY {
            break;
        }
    }
    let status = response.status();
    let asked = status.is_server_error() || status.as_u16() == 429;
    let stands = |refusal: Final| refusal(status, response.headers(), &body);
    ticket.journal().refused = asked && ticket.refusal.is_some_and(stands);
    with_body(&response, body.freeze(), own)
}

/// The answer with this body, without secrets of ours that it repeats: whatever is made of it may be shown.
fn with_body(response: &Response, body: Bytes, own: &OwnSecrets) -> Response {
    let is_error = !response.status().is_success();
    let mut whole = http::Response::new(own.hide_in_body(body, is_error));
    *whole.status_mut() = response.status();
    *whole.headers_mut() = response.headers().clone();
    own.hide_in_headers(whole.headers_mut());
    whole.into()
}

fn too_large(ticket: &Ticket) -> reqwest_middleware::Error {
    let message = format!("the answer is larger than {} bytes, the most that is read of it", ticket.cap);
    reqwest_middleware::Error::middleware(ticket.circumstances.unusable(ErrorKind::TooLarge, message))
}
