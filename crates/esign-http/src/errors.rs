//! From what HTTP says to what a caller has to know: what went wrong, and whether trying again is safe.

use std::error::Error as StdError;
use std::time::Duration;

use esign_core::{Error, ErrorKind, Operation, Retry};
use http::StatusCode;

use crate::words::Words;

/// What a call does at the provider, which decides what a lost answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing that matters: reading, fetching a token, uploading bytes that expire by themselves.
    Reads,
    /// Something people can see: a lost answer is [`Retry::OutcomeUnknown`].
    Creates,
    /// Ends or removes something: repeating it is safe, but a refusal of the repetition says nothing of the first try.
    Ends,
}

impl Effect {
    /// The effect that calls of this operation have unless they say otherwise.
    #[must_use]
    pub fn of(operation: Operation) -> Self {
        match operation {
            Operation::Submit | Operation::Transaction | Operation::Remind => Self::Creates,
            Operation::Cancel | Operation::Erase => Self::Ends,
            _ => Self::Reads,
        }
    }
}

/// What is known about the call an error belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) operation: Operation,
    pub(crate) effect: Effect,
    /// An earlier attempt of this call may have had its effect.
    pub(crate) earlier_unanswered: bool,
}

impl Circumstances {
    fn error(self, kind: ErrorKind, retry: Retry, message: impl Into<String>) -> Error {
        Error::new(kind, message).with_retry(retry).during(self.operation)
    }

    /// What it means that an answer was lost, or cannot be believed.
    fn unanswered(self) -> Retry {
        match self.effect {
            Effect::Creates => Retry::OutcomeUnknown,
            Effect::Reads | Effect::Ends => Retry::SAFE,
        }
    }

    /// An answer came that says the call succeeded, but it cannot be used.
    pub(crate) fn unusable(self, kind: ErrorKind, message: impl Into<String>) -> Error {
        let retry = if self.effect == Effect::Creates { Retry::OutcomeUnknown } else { Retry::Never };
        self.error(kind, retry, message)
    }

    /// Fewer bytes came than were announced.
    pub(crate) fn truncated(self, announced: u64, received: usize) -> Error {
        let message = format!("the answer is cut short: {received} of {announced} bytes arrived");
        self.error(ErrorKind::Integrity, self.unanswered(), message)
    }
}

/// The error for an HTTP status other than success.
pub(crate) fn from_status(
    call: Circumstances,
    status: StatusCode,
    retry_after: Option<Duration>,
    words: Words,
) -> Error {
    let (kind, retry, message) = read_status(call, status.as_u16(), retry_after);
    let mut error = call.error(kind, retry, message).with_http_status(status.as_u16());
    if let Some(code) = words.code {
        error = error.with_code(code);
    }
    if let Some(said) = words.message {
        error = error.said(said);
    }
    if let Some(id) = words.request_id {
        error = error.with_request_id(id);
    }
    if let Some(id) = words.trace_id {
        error = error.with_trace_id(id);
    }
    error
}

fn read_status(
    call: Circumstances,
    status: u16,
    after: Option<Duration>,
) -> (ErrorKind, Retry, &'static str) {
    // A repetition that is refused does not tell what became of the try whose answer was lost.
    let refused = if call.effect == Effect::Ends && call.earlier_unanswered {
        Retry::OutcomeUnknown
    } else {
        Retry::Never
    };
    let failed = match call.unanswered() {
        Retry::Safe { .. } => Retry::Safe { after },
        other => other,
    };
    match status {
        300..=399 => (
            ErrorKind::UnexpectedAnswer,
            unexpected(call),
            "the provider answered with a redirect that this call does not follow",
        ),
        401 => (
            ErrorKind::Unauthenticated,
            refused,
            "the provider did not accept the credentials: check the configured secret, and that it belongs to this environment",
        ),
        402 if call.effect == Effect::Reads => {
            (ErrorKind::Provider, Retry::Never, "the provider could not carry out the request")
        }
        402 => (ErrorKind::Provider, failed, "the provider could not carry out the request"),
        403 => (ErrorKind::Forbidden, refused, "the credentials do not allow this call"),
        404 | 410 => {
            (ErrorKind::NotFound, Retry::Never, "the provider does not know this, or knows it no longer")
        }
        408 => (ErrorKind::Provider, failed, "the provider gave up waiting for the request"),
        409 => (ErrorKind::Conflict, refused, "the state at the provider does not allow this"),
        413 => (ErrorKind::TooLarge, refused, "the document is larger than the provider accepts"),
        415 => (ErrorKind::InvalidRequest, refused, "the provider does not accept this type of content"),
        429 => (
            ErrorKind::RateLimited,
            Retry::Safe { after },
            "too many requests: slow down, or lower the limiter's limit",
        ),
        400..=499 => (ErrorKind::InvalidRequest, refused, "the provider refused the request"),
        500..=599 => (ErrorKind::Provider, failed, "the provider failed"),
        _ => (
            ErrorKind::UnexpectedAnswer,
            unexpected(call),
            "the provider answered with a status that means nothing here",
        ),
    }
}

fn unexpected(call: Circumstances) -> Retry {
    if call.effect == Effect::Creates { Retry::OutcomeUnknown } else { Retry::Never }
}

/// The error for an attempt without an answer. `origin` is all of the address that may be shown.
pub(crate) fn from_transport(call: Circumstances, origin: &str, error: reqwest_middleware::Error) -> Error {
    let fault = match unwrap(error) {
        Unwrapped::Ours(ours) => return ours.during(call.operation),
        Unwrapped::Reqwest(fault) => fault.without_url(),
        Unwrapped::Other(words) => {
            return call.error(
                ErrorKind::Internal,
                call.unanswered(),
                format!("the HTTP stack failed: {words}"),
            );
        }
    };
    let (kind, retry, message) = match fault_of(&fault) {
        // A connect time-out is both; nothing was sent, which is what matters.
        Fault::Connect => {
            (ErrorKind::Connect, Retry::SAFE, format!("no connection to {origin}: {}", cause(&fault)))
        }
        Fault::Timeout => (
            ErrorKind::Timeout,
            call.unanswered(),
            format!("{origin} gave no complete answer in time (http.idle_timeout, http.total_timeout)"),
        ),
        Fault::Builder => {
            (ErrorKind::Internal, Retry::Never, format!("the request could not be built: {}", cause(&fault)))
        }
        Fault::Broken => (
            ErrorKind::Connection,
            call.unanswered(),
            format!("the connection to {origin} broke: {}", cause(&fault)),
        ),
    };
    call.error(kind, retry, message).with_source(fault)
}

/// What kind of failure an attempt without an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was sent.
    Connect,
    Timeout,
    Builder,
    /// Something may have been sent.
    Broken,
}

pub(crate) fn fault_of(error: &reqwest::Error) -> Fault {
    if error.is_connect() {
        Fault::Connect
    } else if error.is_timeout() {
        Fault::Timeout
    } else if error.is_builder() {
        Fault::Builder
    } else {
        Fault::Broken
    }
}

/// Looks through the middleware: it wraps every error into one whose own questions (`is_timeout`, …) all say no.
pub(crate) fn as_reqwest(error: &reqwest_middleware::Error) -> Option<&reqwest::Error> {
    match error {
        reqwest_middleware::Error::Reqwest(inner) => Some(inner),
        reqwest_middleware::Error::Middleware(any) => any.chain().find_map(|link| {
            link.downcast_ref::<reqwest::Error>()
                .or_else(|| as_reqwest(link.downcast_ref::<reqwest_middleware::Error>()?))
                .or_else(|| match link.downcast_ref::<reqwest_retry::RetryError>()? {
                    reqwest_retry::RetryError::WithRetries { err, .. }
                    | reqwest_retry::RetryError::Error(err) => as_reqwest(err),
                })
        }),
    }
}

enum Unwrapped {
    Ours(Error),
    Reqwest(reqwest::Error),
    Other(String),
}

/// As [`as_reqwest`], by value.
fn unwrap(error: reqwest_middleware::Error) -> Unwrapped {
    let any = match error {
        reqwest_middleware::Error::Reqwest(inner) => return Unwrapped::Reqwest(inner),
        reqwest_middleware::Error::Middleware(any) => any,
    };
    let any = match any.downcast::<Error>() {
        Ok(ours) => return Unwrapped::Ours(ours),
        Err(any) => any,
    };
    match any.downcast::<reqwest_retry::RetryError>() {
        Ok(reqwest_retry::RetryError::WithRetries { err, .. } | reqwest_retry::RetryError::Error(err)) => {
            unwrap(err)
        }
        Err(any) => match any.downcast::<reqwest_middleware::Error>() {
            Ok(inner) => unwrap(inner),
            Err(any) => match any.downcast::<reqwest::Error>() {
                Ok(inner) => Unwrapped::Reqwest(inner),
                // Foreign words may hold anything: only their scrubbed form goes on.
                Err(any) => Unwrapped::Other(esign_core::redact::scrub(&any.to_string())),
            },
        },
    }
}

/// The innermost reason in a few words. Transport errors name hosts and certificates, never requests.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = esign_core::redact::scrub(&innermost.to_string());
    if words.contains("UnknownIssuer") {
        return format!(
            "{words}; if this is a corporate certificate authority, name its file in http.ca_file"
        );
    }
    words
}

#[cfg(test)]
mod tests;
