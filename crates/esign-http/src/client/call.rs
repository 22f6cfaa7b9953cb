//! One call: a recipe for a request, and what its answer means.

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use esign_core::secrecy::SecretString;
use esign_core::{Error, ErrorKind, Operation, Result, Retry};
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest_tracing::DisableOtelPropagation;
use serde::Serialize;
use url::Url;

use super::stack::{Payload, Ticket};
use super::{Answer, HttpClient, exhausted};
use crate::config::{is_loopback, origin_of};
use crate::errors::{Circumstances, from_status, from_transport};
use crate::{Authorize, Effect, FinishedForm};

/// A request that has not been sent. Cloning is cheap: documents are shared.
///
/// Say at least the [operation](Call::operation): it decides what a failure means.
#[derive(Clone)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    client: HttpClient,
    method: Method,
    url: Url,
    headers: HeaderMap,
    payload: Payload,
    secrets: Vec<SecretString>,
    auth: Option<Arc<dyn Authorize>>,
    operation: Operation,
    effect: Effect,
    replayable: bool,
    limited: bool,
    cap: usize,
    accept: Vec<u16>,
    follow: Option<usize>,
    earlier_attempts: u32,
}

impl Call {
    pub(super) fn new(client: HttpClient, method: Method, url: Url) -> Self {
        Self {
            auth: client.0.auth.clone(),
            cap: client.0.settings.max_answer_bytes,
            client,
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Empty,
            secrets: Vec::new(),
            operation: Operation::Probe,
            effect: Effect::Reads,
            replayable: false,
            limited: true,
            accept: Vec::new(),
            follow: None,
            earlier_attempts: 0,
        }
    }

    /// Which operation of the contract this call belongs to, and with it the [`Effect`] that such calls have.
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self.effect = Effect::of(operation);
        self
    }

    /// Corrects the effect, for a call of another nature than its operation: the upload before a create only
    /// [reads](Effect::Reads).
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The call may be repeated after passing faults. Never for a create: [`HttpClient::submit_with`].
    pub fn replayable(mut self) -> Self {
        self.replayable = true;
        self
    }

    /// One of several tries to create something, none of which may be repeated by the layers.
    pub(super) fn one_of_several(mut self, earlier_attempts: u32) -> Self {
        self.replayable = false;
        self.effect = Effect::Creates;
        self.earlier_attempts = earlier_attempts;
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds a query parameter, escaped.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sends bytes of this type.
    pub fn body(mut self, content_type: &'static str, bytes: Bytes) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.payload = Payload::Bytes(bytes);
        self
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the value has no JSON form.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self> {
        let bytes = serde_json::to_vec(value)
            .map_err(|_| Error::new(ErrorKind::Internal, "a request has no JSON form"))?;
        Ok(self.body("application/json", bytes.into()))
    }

    /// Sends an `application/x-www-form-urlencoded` form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        self.body("application/x-www-form-urlencoded", form.finish().into())
    }

    /// Says that the body carries this secret, so that it is taken out of an answer that repeats it. Secrets in headers that
    /// are marked sensitive are known without.
    pub fn hiding(mut self, secret: SecretString) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Sends a `multipart/form-data` form.
    pub fn multipart(mut self, form: FinishedForm) -> Self {
        self.payload = Payload::Form(form);
        self
    }

    /// Uses these credentials instead of the client's: for a token that belongs to this request.
    pub fn auth(mut self, auth: Arc<dyn Authorize>) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Sends no credentials.
    pub fn without_auth(mut self) -> Self {
        self.auth = None;
        self
    }

    /// Does not wait for the limiter: for a trial of the limit itself.
    pub fn without_limiter(mut self) -> Self {
        self.limited = false;
        self
    }

    /// Reads at most so many bytes of the answer.
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    /// Returns these statuses as answers instead of errors: a 404 may be what a cancel hopes for.
    pub fn accept(mut self, statuses: &[u16]) -> Self {
        self.accept.extend_from_slice(statuses);
        self
    }

    /// Follows up to so many redirects of a GET: over https only (plain http to where the API itself may be), without
    /// credentials and own headers once the origin has changed.
    pub fn follow(mut self, redirects: usize) -> Self {
        self.follow = Some(redirects);
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// Whatever kept a usable answer from coming, with the meaning that it has for the operation: the table of operations
    /// and faults in the crate's documentation.
    pub async fn send(mut self) -> Result<Answer> {
        let mut left = self.follow;
        loop {
            let answer = self.send_once().await?;
            let Some(target) = self.redirect_of(&answer)? else { return Ok(answer) };
            left = left.and_then(|left| left.checked_sub(1));
            if left.is_none() {
                return Err(answer.unexpected("too many redirects"));
            }
            self.move_to(target);
        }
    }

    /// Sends to one address, and once more if a 401 was answered and there are other credentials now.
    async fn send_once(&self) -> Result<Answer> {
        self.client.check_url(&self.url).map_err(|e| e.during(self.operation))?;
        let (ticket, answer) = self.pass(false, self.earlier_attempts).await;
        let refused = matches!(&answer, Ok(answer) if answer.status == StatusCode::UNAUTHORIZED);
        if refused && self.has_fresh_credentials(&ticket).await {
            let (earlier_unanswered, attempts) = {
                let journal = ticket.journal();
                (journal.earlier_unanswered, ticket.earlier_attempts + journal.retries + 1)
            };
            let (ticket, answer) = self.pass(earlier_unanswered, attempts).await;
            return self.judge(&ticket, answer);
        }
        self.judge(&ticket, answer)
    }

    /// Once through all layers.
    async fn pass(
        &self,
        earlier_unanswered: bool,
        earlier_attempts: u32,
    ) -> (Arc<Ticket>, Result<Answer, reqwest_middleware::Error>) {
        let ticket = Arc::new(Ticket {
            circumstances: Circumstances {
                operation: self.operation,
                effect: self.effect,
                earlier_unanswered,
            },
            replayable: self.replayable,
            limited: self.limited,
            cap: self.cap,
            payload: self.payload.clone(),
            secrets: self.secrets.as_slice().into(),
            auth: self.auth.clone(),
            watch: self.client.0.watch.clone(),
            refusal: self.client.0.refusal,
            earlier_attempts,
            journal: Mutex::default(),
        });
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(&ticket));
        // Another crate in the tree can switch propagation on: trace ids are not the provider's business.
        extensions.insert(DisableOtelPropagation);
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        let outcome = self.client.0.stack.execute_with_extensions(request, &mut extensions).await;
        let answer = match outcome {
            Ok(response) => self.answer(&ticket, response).await,
            Err(error) => Err(error),
        };
        (ticket, answer)
    }

    async fn answer(
        &self,
        ticket: &Ticket,
        response: reqwest::Response,
    ) -> Result<Answer, reqwest_middleware::Error> {
        let earlier_unanswered =
            ticket.circumstances.earlier_unanswered || ticket.journal().earlier_unanswered;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            // Read already; this only takes it out.
            body: response.bytes().await?,
            circumstances: Circumstances { earlier_unanswered, ..ticket.circumstances },
        })
    }

    async fn has_fresh_credentials(&self, ticket: &Ticket) -> bool {
        let Some(auth) = self.auth.as_ref().filter(|_| self.url.origin() == self.client.0.base.origin())
        else {
            return false;
        };
        let sent = ticket.journal().authorization.clone();
        auth.refused(sent.as_ref()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no fresh credentials after a 401");
            false
        })
    }

    fn judge(&self, ticket: &Ticket, answer: Result<Answer, reqwest_middleware::Error>) -> Result<Answer> {
        let (retries, retry_after, refused) = {
            let journal = ticket.journal();
            (journal.retries, journal.retry_after, journal.refused)
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return Err(exhausted(
                    from_transport(ticket.circumstances, &origin_of(&self.url), error),
                    retries,
                ));
            }
        };
        let status = answer.status;
        if status.is_success() || self.accept.contains(&status.as_u16()) || self.may_follow(status) {
            return Ok(answer);
        }
        let words = (self.client.0.explain)(status, &answer.headers, &answer.body);
        let error = from_status(answer.circumstances, status, retry_after, words);
        Err(if refused { error.with_retry(Retry::Never) } else { exhausted(error, retries) })
    }

    fn may_follow(&self, status: StatusCode) -> bool {
        self.follow.is_some()
            && self.method == Method::GET
            && matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
    }

    fn redirect_of(&self, answer: &Answer) -> Result<Option<Url>> {
        if !self.may_follow(answer.status) || self.accept.contains(&answer.status.as_u16()) {
            return Ok(None);
        }
        let target = answer.headers.get(LOCATION).and_then(|v| self.url.join(v.to_str().ok()?).ok());
        let Some(mut target) = target else {
            return Err(answer.unexpected("a redirect without a usable address"));
        };
        target.set_fragment(None);
        if !target.username().is_empty() || target.password().is_some() {
            return Err(answer.unexpected("a redirect to an address with a password"));
        }
        if self.client.check_url(&target).is_err() {
            let to = if is_loopback(&target) { "this machine".to_owned() } else { origin_of(&target) };
            return Err(answer.unexpected(format!("a redirect to {to} is not followed: only https is")));
        }
        Ok(Some(target))
    }

    /// Once credentials are dropped they stay dropped, even if a later redirect leads back.
    fn move_to(&mut self, target: Url) {
        if target.origin() != self.url.origin() {
            self.auth = None;
            self.headers = self.headers.remove(ACCEPT).map(|accept| (ACCEPT, accept)).into_iter().collect();
        }
        self.url = target;
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("origin", &origin_of(&self.url))
            .field("operation", &self.operation)
            .field("replayable", &self.replayable)
            .finish_non_exhaustive()
    }
}
