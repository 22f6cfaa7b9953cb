//! The access token: fetched with the client's credentials, kept until shortly before its end, one fetch for everyone who
//! waits (spec 2.1).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use esign_core::secrecy::{ExposeSecret, SecretString};
use esign_core::{Credential, Error, ErrorKind, Operation, Result};
use esign_http::http::HeaderValue;
use esign_http::http::header::AUTHORIZATION;
use esign_http::{Authorize, HttpClient, Outgoing};
use tokio::sync::Mutex;

use crate::config::{ClientAuthentication, SignicatConfig};
use crate::error::no_token;
use crate::wire::TokenBody;

/// How long before its end a token is no longer used: time for the call to arrive. A tenth of a short life.
const MARGIN: Duration = Duration::from_secs(30);

/// Fetches and keeps the token of one client.
///
/// Whoever needs one while it is being fetched waits for that fetch, and shares its failure. A fetch whose caller was
/// dropped is begun anew by the next in the queue: nothing is left half done.
pub(crate) struct TokenSource {
    http: HttpClient,
    client_id: String,
    secret: Credential,
    how: ClientAuthentication,
    scope: String,
    /// Held while fetching.
    state: Mutex<State>,
    /// Fetches that have failed.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    failure: Option<Error>,
}

struct Token {
    /// `Bearer …`
    header: SecretString,
    /// On the clock's monotonic scale; `None` where the answer did not say: then a 401 tells.
    usable_until: Option<Duration>,
}

impl TokenSource {
    /// The endpoint is the base address of `http`.
    pub(crate) fn new(http: HttpClient, config: &SignicatConfig, secret: Credential) -> Self {
        Self {
            http,
            client_id: config.client_id.clone(),
            secret,
            how: config.client_auth,
            scope: config.scope().to_owned(),
            state: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// A usable token other than the refused one.
    pub(crate) async fn header(&self, refused: Option<&HeaderValue>) -> Result<SecretString> {
        let failures_before = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = self.http.clock().monotonic();
        let good = state.token.as_ref().filter(|token| {
            token.usable_until.is_none_or(|until| now < until)
                && refused.is_none_or(|refused| refused.as_bytes() != token.header.expose_secret().as_bytes())
        });
        if let Some(token) = good {
            return Ok(token.header.clone());
        }
        if self.failures.load(Ordering::Acquire) > failures_before
            && let Some(failure) = &state.failure
        {
            return Err(no_token(failure));
        }
        state.token = None;
        match self.fetch().await {
            Ok(token) => {
                let header = token.header.clone();
                *state = State { token: Some(token), failure: None };
                Ok(header)
            }
            Err(error) => {
                let told = no_token(&error);
                state.failure = Some(error);
                self.failures.fetch_add(1, Ordering::Release);
                Err(told)
            }
        }
    }

    async fn fetch(&self) -> Result<Token> {
        let error = match self.ask().await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => error,
            other => return other,
        };
        // The secret may have been changed since it was read.
        if self.secret.refresh().await? { self.ask().await } else { Err(error) }
    }

    async fn ask(&self) -> Result<Token> {
        let asked_at = self.http.clock().monotonic();
        let secret = self.secret.current();
        let secret = secret.expose_secret().trim();
        let call = self.http.post(self.http.base_url().clone()).operation(Operation::Token).replayable();
        let mut form = vec![("grant_type", "client_credentials"), ("scope", self.scope.as_str())];
        let call = match self.how {
            ClientAuthentication::Basic => call.header(AUTHORIZATION, self.basic(secret)?),
            ClientAuthentication::Form => {
                form.extend([("client_id", self.client_id.as_str()), ("client_secret", secret)]);
                call
            }
        };
        let answer = call.form(&form).hiding(secret.into()).send().await.map_err(explain)?;
        let body: TokenBody = answer.json()?;
        let header = SecretString::from(format!("Bearer {}", body.access_token.expose()));
        if body.access_token.expose().is_empty() || HeaderValue::from_str(header.expose_secret()).is_err() {
            return Err(answer.unexpected("the token endpoint gave a token that cannot be used"));
        }
        let usable = |seconds| {
            let life = Duration::from_secs(seconds);
            asked_at.saturating_add(life - MARGIN.min(life / 10))
        };
        Ok(Token { header, usable_until: body.expires_in.map(usable) })
    }

    /// RFC 6749, 2.3.1: both parts are form-encoded first.
    fn basic(&self, secret: &str) -> Result<HeaderValue> {
        let pair = STANDARD.encode(format!("{}:{}", encoded(&self.client_id), encoded(secret)));
        let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
            .map_err(|_| Error::new(ErrorKind::Internal, "base64 is not a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether it makes no difference that credentials are form-encoded.
    pub(crate) fn is_the_same_encoded(&self) -> bool {
        let secret = self.secret.current();
        [self.client_id.as_str(), secret.expose_secret().trim()].into_iter().all(|text| encoded(text) == text)
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// OAuth says with a 400 what elsewhere is a 401.
fn explain(error: Error) -> Error {
    match (error.http_status(), error.provider_code()) {
        (Some(400), Some("invalid_client" | "unauthorized_client")) => {
            error.with_kind(ErrorKind::Unauthenticated)
        }
        _ => error,
    }
}

#[async_trait]
impl Authorize for TokenSource {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        request.set_authorization(self.header(None).await?.expose_secret())
    }

    async fn refused(&self, sent: Option<&HeaderValue>) -> Result<bool> {
        let fresh = self.header(sent).await?;
        Ok(sent.is_none_or(|sent| sent.as_bytes() != fresh.expose_secret().as_bytes()))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("secret", &self.secret).finish_non_exhaustive()
    }
}
