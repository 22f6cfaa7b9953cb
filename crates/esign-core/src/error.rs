//! One error for every provider: what went wrong, whether trying again is safe, and whose words they are.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::ProviderKind;
use crate::redact::{printable, scrub, scrub_id};

/// The result of every fallible call of the contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. Match on this and on [`Retry`]; the rest is for people and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request breaks a rule that was checked before any network call, or that the provider named (400, 422).
    InvalidRequest,
    /// The provider cannot do this, and what would have to be left out may not be left out silently.
    Unsupported,
    /// The configuration is incomplete or contradicts itself; the field path names the key.
    Config,
    /// A secret or a key could not be read.
    Secret,
    /// The provider did not accept the credentials (401).
    Unauthenticated,
    /// The credentials are good but do not allow this (403).
    Forbidden,
    /// The provider does not know the submission, or knows it no longer (404, 410).
    NotFound,
    /// The submission is in a state that does not allow this (409), for instance completed before a cancel.
    Conflict,
    /// The document is larger than the provider accepts (413) or than the caller's cap.
    TooLarge,
    /// Too many requests (429).
    RateLimited,
    /// No connection could be made: nothing was sent.
    Connect,
    /// No complete answer in time.
    Timeout,
    /// The connection broke after something may have been sent.
    Connection,
    /// The provider reported a fault of its own (402, 408, 5xx).
    Provider,
    /// The provider's answer could not be understood.
    UnexpectedAnswer,
    /// The artifact does not exist yet.
    NotReady,
    /// The artifact existed and can no longer be obtained.
    Gone,
    /// The stored handle, record or intent cannot be used here.
    BadHandle,
    /// A callback, token or signature did not verify.
    Verification,
    /// The bytes that came back are not what was asked for (truncated, not a PDF, wrong length).
    Integrity,
    /// The document could not be read as what it claims to be.
    Document,
    /// A defect: in this library, in a provider crate or in a value the application injected.
    Internal,
}

impl ErrorKind {
    /// The name used in JSON output and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::Config => "config",
            Self::Secret => "secret",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Provider => "provider",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::NotReady => "not_ready",
            Self::Gone => "gone",
            Self::BadHandle => "bad_handle",
            Self::Verification => "verification",
            Self::Integrity => "integrity",
            Self::Document => "document",
            Self::Internal => "internal",
        }
    }
}

/// What trying the same call again would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// It will fail again; something has to change first.
    Never,
    /// The call had no effect, so it may be repeated, not before `after` if that is known.
    Safe {
        /// What the provider asked for (Retry-After), if it asked.
        after: Option<Duration>,
    },
    /// The call may have had an effect: resolve the intent first, then decide.
    OutcomeUnknown,
    /// Repeating was safe, was done, and the policy gave up.
    Exhausted,
}

impl Retry {
    /// Safe to repeat, with no wish of the provider's about when.
    pub const SAFE: Self = Self::Safe { after: None };

    /// The name used in JSON output and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Safe { .. } => "safe",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Exhausted => "exhausted",
        }
    }
}

/// Which operation of the contract failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Operation {
    Build,
    Prepare,
    Submit,
    Status,
    Download,
    Cancel,
    Lookup,
    Remind,
    Receive,
    Erase,
    Transaction,
    Keys,
    Probe,
    Token,
}

impl Operation {
    /// The name used in error texts, JSON output and spans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Prepare => "prepare",
            Self::Submit => "submit",
            Self::Status => "status",
            Self::Download => "download",
            Self::Cancel => "cancel",
            Self::Lookup => "lookup",
            Self::Remind => "remind",
            Self::Receive => "receive",
            Self::Erase => "erase",
            Self::Transaction => "transaction",
            Self::Keys => "keys",
            Self::Probe => "probe",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of every call of the contract; one pointer wide.
///
/// `Display` says what happened and what to do, in one line. Neither `Display` nor `Debug` contains a URL query, a
/// token, document bytes, an e-mail address, a phone number or a national id: the provider's own words pass through
/// [`redact::scrub`](crate::redact::scrub) on their way in, and everything else through
/// [`redact::printable`](crate::redact::printable), so that an error is always one line.
///
/// `{:?}` reads like `Display`, with the kind before it, because that is what Rust prints of an error that `main` returns;
/// `{:#?}` shows every part.
///
/// ```
/// use esign_core::{Error, ErrorKind, Retry};
/// let error = Error::new(ErrorKind::InvalidRequest, "3 characters; 4 to 100 are accepted").field("documents[0].name");
/// assert_eq!(error.to_string(), "documents[0].name: 3 characters; 4 to 100 are accepted");
/// assert_eq!(error.retry(), Retry::Never);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    provider: Option<ProviderKind>,
    instance: Option<String>,
    operation: Option<Operation>,
    field: Option<String>,
    http_status: Option<u16>,
    code: Option<String>,
    said: Option<String>,
    request_id: Option<String>,
    trace_id: Option<String>,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error that will occur again unless [`Error::with_retry`] says otherwise.
    ///
    /// The message is written by us, for a person: what is wrong and what to do. Foreign words belong in
    /// [`Error::said`].
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: Retry::Never,
            message: one_line(message),
            provider: None,
            instance: None,
            operation: None,
            field: None,
            http_status: None,
            code: None,
            said: None,
            request_id: None,
            trace_id: None,
            context: Vec::new(),
            source: None,
        }))
    }

    /// [`ErrorKind::InvalidRequest`] at a field.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message).field(field)
    }

    /// [`ErrorKind::Config`] at a key.
    #[must_use]
    pub fn config(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message).field(key)
    }

    /// Sets what trying again would mean.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Sets the kind, keeping everything else.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Says it in other words, keeping everything else.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = one_line(message);
        self
    }

    /// Names the provider kind.
    #[must_use]
    pub fn with_provider(mut self, kind: ProviderKind) -> Self {
        self.0.provider = Some(kind);
        self
    }

    /// Names the configured instance.
    #[must_use]
    pub fn with_instance(mut self, instance: impl Into<String>) -> Self {
        self.0.instance = Some(one_line(instance));
        self
    }

    /// Names the operation, unless one is named already.
    #[must_use]
    pub fn during(mut self, operation: Operation) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Names the field of the request or the key of the configuration: `signers[1].placements[0].page`.
    #[must_use]
    pub fn field(mut self, path: impl Into<String>) -> Self {
        self.0.field = Some(one_line(path));
        self
    }

    /// Puts `prefix` before the field path: the caller knows where its part lies in the whole.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        let prefix = &printable(prefix);
        self.0.field = Some(match self.0.field.take() {
            Some(path) if path.starts_with('[') => format!("{prefix}{path}"),
            Some(path) => format!("{prefix}.{path}"),
            None => prefix.to_string(),
        });
        self
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// The provider's own error code.
    #[must_use]
    pub fn with_code(mut self, code: impl AsRef<str>) -> Self {
        self.0.code = Some(scrub(code.as_ref()));
        self
    }

    /// The provider's own words, scrubbed of personal data and secrets and cut to a readable length.
    #[must_use]
    pub fn said(mut self, words: impl AsRef<str>) -> Self {
        let words = scrub(words.as_ref());
        if !words.is_empty() {
            self.0.said = Some(words);
        }
        self
    }

    /// The provider's own id of the request or trace, for a support ticket.
    #[must_use]
    pub fn with_request_id(mut self, id: impl AsRef<str>) -> Self {
        self.0.request_id = Some(scrub_id(id.as_ref()));
        self
    }

    /// The provider's own id of the trace through its systems, where it has one beside that of the request.
    #[must_use]
    pub fn with_trace_id(mut self, id: impl AsRef<str>) -> Self {
        self.0.trace_id = Some(scrub_id(id.as_ref()));
        self
    }

    /// Adds a fact for logs.
    #[must_use]
    pub fn context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, scrub(&value.to_string())));
        self
    }

    /// Keeps the cause. It must not carry secrets in its own `Display` or `Debug`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What trying again would mean.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Our own sentence, without the surroundings.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider kind, if the error belongs to one.
    #[must_use]
    pub fn provider(&self) -> Option<&ProviderKind> {
        self.0.provider.as_ref()
    }

    /// The configured instance, if the error belongs to one.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.0.instance.as_deref()
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// The field of the request or the key of the configuration.
    #[must_use]
    pub fn field_path(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The provider's own error code.
    #[must_use]
    pub fn provider_code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The provider's own words, scrubbed.
    #[must_use]
    pub fn provider_words(&self) -> Option<&str> {
        self.0.said.as_deref()
    }

    /// The provider's own id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The provider's own id of the trace through its systems.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// True if the call may have had an effect: look before anything else, after a submit by resolving the intent, after a
    /// cancel by reading the status.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.retry == Retry::OutcomeUnknown
    }

    /// The error as one JSON object, for `--json` and structured logs. Contains nothing that `Display` would hide.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        let mut put = |key: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        };
        let e = &self.0;
        put("kind", Some(e.kind.as_str().into()));
        put("retry", Some(e.retry.as_str().into()));
        if let Retry::Safe { after: Some(after) } = e.retry {
            put("retry_after_seconds", Some(after.as_secs_f64().into()));
        }
        put("message", Some(e.message.as_str().into()));
        put("provider", e.provider.as_ref().map(|p| p.as_str().into()));
        put("instance", e.instance.as_deref().map(Into::into));
        put("operation", e.operation.map(|o| o.as_str().into()));
        put("field", e.field.as_deref().map(Into::into));
        put("http_status", e.http_status.map(Into::into));
        put("code", e.code.as_deref().map(Into::into));
        put("provider_said", e.said.as_deref().map(Into::into));
        put("request_id", e.request_id.as_deref().map(Into::into));
        put("trace_id", e.trace_id.as_deref().map(Into::into));
        object.into()
    }
}

fn one_line(text: impl Into<String>) -> String {
    let text = text.into();
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => clean,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        match (&e.instance, &e.provider, e.operation) {
            (Some(instance), _, Some(operation)) => write!(f, "{instance}: {operation}: ")?,
            (Some(instance), _, None) => write!(f, "{instance}: ")?,
            (None, Some(provider), Some(operation)) => write!(f, "{provider}: {operation}: ")?,
            (None, Some(provider), None) => write!(f, "{provider}: ")?,
            (None, None, Some(operation)) if e.field.is_none() => write!(f, "{operation}: ")?,
            (None, None, _) => {}
        }
        if let Some(field) = &e.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&e.message)?;
        match (e.http_status, &e.code) {
            (Some(status), Some(code)) => write!(f, " (HTTP {status}, {code})")?,
            (Some(status), None) => write!(f, " (HTTP {status})")?,
            (None, Some(code)) => write!(f, " ({code})")?,
            (None, None) => {}
        }
        if let Some(said) = &e.said {
            write!(f, "; the provider said: {said}")?;
        }
        if let Some(id) = &e.request_id {
            write!(f, "; request id {id}")?;
        }
        if let Some(id) = &e.trace_id {
            write!(f, "; trace id {id}")?;
        }
        match e.retry {
            Retry::OutcomeUnknown => write!(f, "; it may have had an effect, {}", look_first(e.operation)),
            Retry::Safe { after: Some(after) } => {
                write!(f, "; safe to try again after {} s", after.as_secs_f64().ceil())
            }
            Retry::Safe { after: None } | Retry::Never | Retry::Exhausted => Ok(()),
        }
    }
}

/// What to do before a call is repeated that may have had an effect.
fn look_first(operation: Option<Operation>) -> &'static str {
    match operation {
        Some(Operation::Cancel | Operation::Erase) => "read the status before trying again",
        Some(Operation::Remind) => "people may have been reminded",
        Some(Operation::Transaction) => "ask the person before a new transaction is begun",
        _ => "resolve the intent before trying again",
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        if !f.alternate() {
            return write!(f, "{}: {self}", e.kind.as_str());
        }
        let mut s = f.debug_struct("Error");
        s.field("kind", &e.kind).field("retry", &e.retry).field("message", &e.message);
        let mut some = |name, value: Option<&dyn fmt::Debug>| {
            if let Some(value) = value {
                s.field(name, value);
            }
        };
        some("provider", e.provider.as_ref().map(|v| v as _));
        some("instance", e.instance.as_ref().map(|v| v as _));
        some("operation", e.operation.as_ref().map(|v| v as _));
        some("field", e.field.as_ref().map(|v| v as _));
        some("http_status", e.http_status.as_ref().map(|v| v as _));
        some("code", e.code.as_ref().map(|v| v as _));
        some("said", e.said.as_ref().map(|v| v as _));
        some("request_id", e.request_id.as_ref().map(|v| v as _));
        some("trace_id", e.trace_id.as_ref().map(|v| v as _));
        some("source", e.source.as_ref().map(|v| v as _));
        if !e.context.is_empty() {
            s.field("context", &e.context);
        }
        s.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_one_pointer_wide() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn display_names_place_fault_words_and_next_step() {
        let error = Error::new(ErrorKind::Provider, "the service failed")
            .with_instance("signify-prod")
            .with_provider(ProviderKind::new("signify"))
            .during(Operation::Submit)
            .with_http_status(502)
            .said("Bad gateway")
            .with_retry(Retry::OutcomeUnknown);
        assert_eq!(
            error.to_string(),
            "signify-prod: submit: the service failed (HTTP 502); the provider said: Bad gateway; \
             it may have had an effect, resolve the intent before trying again"
        );
    }

    #[test]
    fn an_unknown_outcome_names_what_can_be_looked_at() {
        for (operation, advice) in [
            (Operation::Submit, "resolve the intent"),
            (Operation::Cancel, "read the status"),
            (Operation::Erase, "read the status"),
            (Operation::Transaction, "ask the person"),
        ] {
            let error =
                Error::new(ErrorKind::Timeout, "x").with_retry(Retry::OutcomeUnknown).during(operation);
            assert!(error.to_string().contains(advice), "{error}");
        }
    }

    #[test]
    fn what_main_returns_reads_as_a_sentence_with_its_advice() {
        let error = Error::new(ErrorKind::Provider, "the service failed").with_retry(Retry::OutcomeUnknown);
        assert_eq!(format!("{error:?}"), format!("provider: {error}"));
        assert!(error.to_string().starts_with("the service failed; it may have had an effect"), "{error}");
        assert!(format!("{error:#?}").contains("retry: OutcomeUnknown"));
    }

    #[test]
    fn an_error_is_one_line_whatever_is_put_into_it() {
        let evil = "x\u{1b}[2J\n\u{202e}\u{9b}y";
        let error = Error::new(ErrorKind::Config, evil)
            .with_instance(evil)
            .field(evil)
            .within(evil)
            .with_code(evil)
            .said(evil)
            .with_request_id(evil)
            .with_trace_id(evil)
            .context("fact", evil);
        for text in [error.to_string(), format!("{error:?}"), error.with_message(evil).to_json().to_string()]
        {
            assert!(!text.contains(crate::redact::is_unprintable), "{text:?}");
        }
    }

    #[test]
    fn within_joins_paths() {
        let path = |e: Error| e.field_path().map(str::to_owned);
        assert_eq!(
            path(Error::invalid("page", "x").within("placements[0]")).as_deref(),
            Some("placements[0].page")
        );
        assert_eq!(
            path(Error::invalid("[0].page", "x").within("placements")).as_deref(),
            Some("placements[0].page")
        );
    }

    #[test]
    fn foreign_words_are_scrubbed() {
        let error = Error::new(ErrorKind::Provider, "refused")
            .said("recipient ann@example.com S1234567D at https://x.gov.sg/a?token=abc is unknown");
        let text = format!("{error} {error:?} {error:#?}");
        for secret in ["ann@example.com", "S1234567D", "token=abc"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
