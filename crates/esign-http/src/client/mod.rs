//! The client that adapters call a provider through.

mod answer;
mod backoff;
mod call;
mod stack;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use esign_core::{
    CallScope, Clock, Error, ErrorKind, Observation, Observer, Operation, ProviderKind, Result, Retry,
};
use http::Method;
use reqwest_middleware::ClientWithMiddleware;
use reqwest_tracing::TracingMiddleware;
use url::Url;

use self::backoff::Backoff;
use self::stack::{AuthLayer, LimiterLayer, RetryAfterLayer, RetryLayer, SpanWithoutUrl, Watch, WireLayer};
use crate::config::{is_loopback, origin_of};
use crate::{Authorize, Explain, Final, HttpSettings, Limiter, ProxySetting, Words};

pub use self::answer::Answer;
pub use self::call::Call;

/// How far a second look is apart from the first.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// Speaks HTTP with one provider. Clones share connections, limiter and credentials.
///
/// Every attempt passes, outermost first: trace, retry, Retry-After, limiter, auth. So each attempt pays the limiter and
/// carries a fresh token. Redirects are not followed unless a call [says so](Call::follow). Credentials go to the
/// origin of the base URL only.
///
/// All waits of ours are on the injected clock. The time-outs are not: they guard real sockets.
///
/// ```
/// # use std::sync::Arc;
/// # use esign_core::{Operation, SystemClock};
/// # use esign_http::HttpClient;
/// # async fn run() -> esign_core::Result<()> {
/// let client = HttpClient::builder("https://api.example/".parse().unwrap(), Arc::new(SystemClock)).build()?;
/// let url = client.url(["v2", "documents", "7"])?;
/// let answer = client.get(url).operation(Operation::Status).replayable().send().await?;
/// let document: serde_json::Value = answer.json()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    base: Url,
    settings: HttpSettings,
    clock: Arc<dyn Clock>,
    auth: Option<Arc<dyn Authorize>>,
    explain: Explain,
    refusal: Option<Final>,
    backoff: Backoff,
    watch: Option<Watch>,
    stack: ClientWithMiddleware,
}

impl HttpClient {
    /// Starts building a client for the API at this address.
    #[must_use]
    pub fn builder(base_url: Url, clock: Arc<dyn Clock>) -> HttpClientBuilder {
        HttpClientBuilder {
            base: base_url,
            settings: HttpSettings::default(),
            clock,
            limiter: None,
            auth: None,
            explain: Words::generic,
            refusal: None,
            watch: None,
        }
    }

    /// An address below the base URL. Each segment is escaped, so an id cannot lead anywhere else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if a segment is empty, `.` or `..`.
    pub fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Result<Url> {
        let mut url = self.0.base.clone();
        // An http or https address always has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            for segment in segments {
                if matches!(segment, "" | "." | "..") {
                    return Err(Error::new(
                        ErrorKind::InvalidRequest,
                        "an empty or dotted id cannot be part of an address",
                    ));
                }
                path.push(segment);
            }
        }
        Ok(url)
    }

    /// A GET.
    pub fn get(&self, url: Url) -> Call {
        self.call(Method::GET, url)
    }

    /// A POST.
    pub fn post(&self, url: Url) -> Call {
        self.call(Method::POST, url)
    }

    /// A PUT.
    pub fn put(&self, url: Url) -> Call {
        self.call(Method::PUT, url)
    }

    /// A DELETE.
    pub fn delete(&self, url: Url) -> Call {
        self.call(Method::DELETE, url)
    }

    /// A replayable GET of a document, of at most [`HttpSettings::max_document_bytes`]. Follows no redirect unless told.
    pub fn download(&self, url: Url) -> Call {
        self.get(url).operation(Operation::Download).replayable().cap(self.0.settings.max_document_bytes)
    }

    /// Any other method.
    pub fn call(&self, method: Method, url: Url) -> Call {
        Call::new(self.clone(), method, url)
    }

    /// Sends a create. It is repeated only when nothing can have been created: after a failure to connect, after a 429
    /// (with back-off, or the provider's Retry-After), and once after a 401 if the credentials have changed. Each try
    /// is a new request from the recipe.
    ///
    /// # Errors
    /// As [`Call::send`]; a lost answer is [`Retry::OutcomeUnknown`], and the caller has to look before trying again.
    pub async fn submit_with(&self, mut recipe: impl FnMut() -> Result<Call> + Send) -> Result<Answer> {
        let mut repeated = 0;
        loop {
            let error = match recipe()?.one_of_several(repeated).send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let (ErrorKind::Connect | ErrorKind::RateLimited, Retry::Safe { after }) =
                (error.kind(), error.retry())
            else {
                return Err(error);
            };
            let Some(wait) = self.0.backoff.wait(repeated, after) else {
                return Err(exhausted(error, repeated));
            };
            if CallScope::current().is_missed_at(self.0.clock.monotonic() + wait) {
                return Err(error);
            }
            tracing::debug!(
                repeated,
                wait_ms = wait.as_millis(),
                kind = error.kind().as_str(),
                "repeating a create that had no effect"
            );
            if let (Some(watch), Some(operation)) = (&self.0.watch, error.operation()) {
                watch.observer.observe(&Observation::Retry { kind: &watch.kind, operation, after: wait });
            }
            self.0.clock.sleep_until(self.0.clock.monotonic() + wait).await;
            repeated += 1;
        }
    }

    /// Waits as long as a second look must be apart from a first one that found nothing: a "not found" of something in between
    /// (a gateway that has just lost its route) is gone by then. Conclude that a request that was there is gone only after
    /// both have said so.
    pub async fn before_second_look(&self) {
        self.0.clock.sleep_until(self.0.clock.monotonic() + SECOND_LOOK).await;
    }

    /// The address that calls start from.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.0.base
    }

    /// How requests travel.
    #[must_use]
    pub fn settings(&self) -> &HttpSettings {
        &self.0.settings
    }

    /// The clock of all waits.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Tells the observer that a provider's key has verified something.
    pub(crate) fn tell_key_used(&self, kid: &str) {
        if let Some(Watch { kind, observer }) = &self.0.watch {
            observer.observe(&Observation::KeyUsed { kind, kid, signing: false });
        }
    }

    /// Whether this client may call the address at all.
    fn check_url(&self, url: &Url) -> Result<()> {
        self.0.settings.check_scheme(url)?;
        if is_loopback(url) && !is_loopback(&self.0.base) {
            // An address in an answer must not lead a service to the machine it runs on.
            return Err(Error::new(
                ErrorKind::UnexpectedAnswer,
                format!("{} is on this machine, but the API is not: refused", origin_of(url)),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("base", &origin_of(&self.0.base))
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

/// Safe errors that were repeated until the policy gave up say so; a wish of the provider's about when stays.
fn exhausted(error: Error, repeated: u32) -> Error {
    match error.retry() {
        Retry::Safe { after: None } if repeated > 0 => {
            error.with_retry(Retry::Exhausted).context("repeated", repeated)
        }
        _ => error,
    }
}

/// Builds an [`HttpClient`].
pub struct HttpClientBuilder {
    base: Url,
    settings: HttpSettings,
    clock: Arc<dyn Clock>,
    limiter: Option<Arc<Limiter>>,
    auth: Option<Arc<dyn Authorize>>,
    explain: Explain,
    refusal: Option<Final>,
    watch: Option<Watch>,
}

impl HttpClientBuilder {
    /// Uses these settings instead of the defaults.
    #[must_use]
    pub fn settings(mut self, settings: &HttpSettings) -> Self {
        self.settings = settings.clone();
        self
    }

    /// Every attempt waits for this limiter. Default: none.
    #[must_use]
    pub fn limiter(mut self, limiter: Option<Arc<Limiter>>) -> Self {
        self.limiter = limiter;
        self
    }

    /// Every attempt to the API's origin carries these credentials. Default: none.
    #[must_use]
    pub fn auth(mut self, auth: Arc<dyn Authorize>) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Reads the provider's error answers with this function instead of [`Words::generic`].
    #[must_use]
    pub fn explain(mut self, explain: Explain) -> Self {
        self.explain = explain;
        self
    }

    /// Asks this function whether a 429 or 5xx is a refusal that stands: such a call had no effect, is not repeated, and its
    /// error is [`Retry::Never`]. Default: none does.
    #[must_use]
    pub fn refusal(mut self, stands: Final) -> Self {
        self.refusal = Some(stands);
        self
    }

    /// Tells this observer of attempts, waits and repetitions, in the name of this kind. Default: nobody.
    #[must_use]
    pub fn observer(mut self, kind: ProviderKind, observer: Arc<dyn Observer>) -> Self {
        self.watch = Some(Watch { kind, observer });
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the address or a setting cannot be used, or TLS has no certificate authorities to trust.
    pub fn build(self) -> Result<HttpClient> {
        self.settings.check()?;
        self.settings.check_scheme(&self.base)?;
        check_base(&self.base)?;
        let http = http_client(&self.base, &self.settings)?;
        let backoff = Backoff::new(self.settings.max_retries, self.settings.max_retry_after);
        let stack = reqwest_middleware::ClientBuilder::new(http)
            .with(TracingMiddleware::<SpanWithoutUrl>::new())
            .with(RetryLayer { backoff, clock: Arc::clone(&self.clock) })
            .with(RetryAfterLayer { clock: Arc::clone(&self.clock) })
            .with(LimiterLayer { limiter: self.limiter })
            .with(AuthLayer { origin: self.base.origin() })
            .with(WireLayer { clock: Arc::clone(&self.clock) })
            .build();
        Ok(HttpClient(Arc::new(Inner {
            base: self.base,
            settings: self.settings,
            clock: self.clock,
            auth: self.auth,
            explain: self.explain,
            refusal: self.refusal,
            backoff,
            watch: self.watch,
            stack,
        })))
    }
}

impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientBuilder").field("base", &origin_of(&self.base)).finish_non_exhaustive()
    }
}

fn check_base(base: &Url) -> Result<()> {
    let fault = |message| Err(Error::config("base_url", message));
    if !base.username().is_empty() || base.password().is_some() {
        return fault("may not contain a user name or password");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return fault("may not contain a query or a fragment");
    }
    Ok(())
}

/// The one place where a reqwest client is made.
fn http_client(base: &Url, settings: &HttpSettings) -> Result<reqwest::Client> {
    let with_roots = client_builder(base, settings)?.build();
    match with_roots {
        Ok(client) => Ok(client),
        // Nothing to verify: a container without certificate authorities can still talk to a simulator.
        Err(_) if base.scheme() == "http" && settings.ca_file.is_none() => {
            client_builder(base, settings)?.tls_certs_only([]).build().map_err(|e| build_error(settings, e))
        }
        Err(error) => Err(build_error(settings, error)),
    }
}

#[allow(clippy::disallowed_methods, reason = "the one home of the HTTP client")]
fn client_builder(base: &Url, settings: &HttpSettings) -> Result<reqwest::ClientBuilder> {
    // reqwest itself repeats only what a server declared unprocessed (HTTP/2 REFUSED_STREAM, GOAWAY): that stays on.
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("esign/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.idle_timeout)
        .timeout(settings.total_timeout)
        // Another crate in the tree can switch decompression on: then lengths would no longer agree, and a small answer
        // could become a large one.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate();
    if let Some(path) = &settings.ca_file {
        builder = builder.tls_certs_merge(read_ca_file(path)?);
    }
    if is_loopback(base) {
        return Ok(builder.no_proxy());
    }
    Ok(match &settings.proxy {
        None => builder,
        Some(ProxySetting::Direct) => builder.no_proxy(),
        Some(ProxySetting::Url(url)) => {
            let proxy = reqwest::Proxy::all(url.clone()).map_err(|e| {
                Error::config("http.proxy", "not usable as a proxy").with_source(e.without_url())
            })?;
            builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&settings.no_proxy.join(","))))
        }
    })
}

fn read_ca_file(path: &Path) -> Result<Vec<reqwest::Certificate>> {
    let fault = |message: String| Error::config("http.ca_file", format!("{}: {message}", path.display()));
    let pem = std::fs::read(path).map_err(|e| fault(format!("cannot be read: {e}")))?;
    let certificates =
        reqwest::Certificate::from_pem_bundle(pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&pem))
            .map_err(|e| fault(format!("is not PEM: {e}")))?;
    if certificates.is_empty() {
        return Err(fault("contains no certificate".into()));
    }
    Ok(certificates)
}

fn build_error(settings: &HttpSettings, error: reqwest::Error) -> Error {
    let message = if settings.ca_file.is_some() {
        "the HTTP client cannot be built: is http.ca_file a list of usable certificates?"
    } else {
        "the HTTP client cannot be built: the system has no certificate authorities; install them (package \
         ca-certificates) or name a PEM file in http.ca_file"
    };
    Error::config("http.ca_file", message).with_source(error.without_url())
}

#[cfg(test)]
mod tests;
