//! Misbehaviour on demand: which call of which operation goes wrong, and how.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

/// One planned misbehaviour. It applies to the calls of `operation` that come after the next `skip` ones, `times` times.
///
/// ```
/// use esign_sandbox::{Effect, Fault};
///
/// // The second create succeeds, but its answer is lost.
/// let fault = Fault::on("signify.create", Effect::Close).after_commit().skip(1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// The operation's name (`signify.create`), all of a service (`signify.*`) or all (`*`).
    pub operation: String,
    /// How many calls go through unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many calls are hit; 1 unless said otherwise.
    #[serde(default = "once")]
    pub times: u32,
    /// Whether the request is carried out before the effect. Without it the service never sees the request.
    ///
    /// [`Effect::Truncate`], [`Effect::Slow`], [`Effect::Huge`], [`Effect::Extend`] and [`Effect::Set`] change the real answer:
    /// they carry the request out either way.
    #[serde(default)]
    pub committed: bool,
    /// What happens.
    pub effect: Effect,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// `effect` instead of carrying out the next call of `operation`.
    pub fn on(operation: impl Into<String>, effect: Effect) -> Self {
        Self { operation: operation.into(), skip: 0, times: 1, committed: false, effect }
    }

    /// The request is carried out first; only its answer suffers.
    #[must_use]
    pub fn after_commit(mut self) -> Self {
        self.committed = true;
        self
    }

    /// Lets `calls` calls through unharmed first.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Hits `calls` calls in a row instead of one.
    #[must_use]
    pub fn times(mut self, calls: u32) -> Self {
        self.times = calls;
        self
    }

    fn matches(&self, operation: &str) -> bool {
        match self.operation.strip_suffix('*') {
            Some(prefix) => operation.starts_with(prefix),
            None => self.operation == operation,
        }
    }
}

/// What a fault does. Times are real time: they are there to meet the client's time-outs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// The socket closes without an answer.
    Close,
    /// No answer; the socket stays open until the client gives up or the sandbox stops.
    Stall,
    /// The answer comes `millis` milliseconds late.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// This answer instead of the service's own.
    Answer {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Header names and values.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body, sent as it is.
        #[serde(default)]
        body: String,
    },
    /// The answer promises its full length, sends `keep` bytes and closes.
    Truncate {
        /// Bytes that are sent.
        keep: usize,
    },
    /// The answer's body trickles: `chunk` bytes, a pause of `pause_millis`, the next `chunk` bytes.
    Slow {
        /// Bytes per piece, at least 1.
        chunk: usize,
        /// Milliseconds between pieces.
        pause_millis: u64,
    },
    /// The answer's body is followed by `bytes` space characters.
    Huge {
        /// How many.
        bytes: u64,
    },
    /// Each JSON object in the answer has a member more, which no documentation names.
    Extend,
    /// In the JSON answer these places (JSON Pointers, RFC 6901) have these values instead. A place that is not there is
    /// left out.
    Set {
        /// Values by place: `{"/signingLinks": []}`.
        values: BTreeMap<String, serde_json::Value>,
    },
}

impl Effect {
    /// 429, with `Retry-After` in seconds or without one.
    pub fn too_many_requests(retry_after: Option<u32>) -> Self {
        let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
        let body = r#"{"message":"Too Many Requests"}"#.to_owned();
        Self::answer(429, "application/json", body, headers)
    }

    /// `status` with an HTML page, as a gateway in front of a service sends.
    pub fn html(status: u16) -> Self {
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        Self::answer(status, "text/html", body, None)
    }

    /// `status` with a JSON body, sent as given.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self::answer(status, "application/json", body.into(), None)
    }

    /// A 200 that says it is JSON and is not.
    pub fn garbage() -> Self {
        Self::json(200, "{\"id\": 6, \u{fffd}")
    }

    /// The real answer with another value at one place, by its JSON Pointer.
    pub fn set(place: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        Self::Set { values: BTreeMap::from([(place.into(), value.into())]) }
    }

    /// 302 to `location`.
    pub fn redirect(location: impl Into<String>) -> Self {
        let headers = BTreeMap::from([("location".to_owned(), location.into())]);
        Self::Answer { status: 302, headers, body: String::new() }
    }

    fn answer(status: u16, content_type: &str, body: String, more: Option<(String, String)>) -> Self {
        let mut headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
        headers.extend(more);
        Self::Answer { status, headers, body }
    }

    fn check(&self) -> Result<(), InvalidFault> {
        match self {
            Self::Answer { status, headers, .. } => {
                let valid =
                    StatusCode::from_u16(*status).is_ok_and(|status| (200..600).contains(&status.as_u16()));
                if !valid {
                    return Err(InvalidFault::Status(*status));
                }
                let bad = headers.iter().find(|(name, value)| {
                    name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err()
                });
                bad.map_or(Ok(()), |(name, _)| Err(InvalidFault::Header(name.clone())))
            }
            Self::Slow { chunk: 0, .. } => Err(InvalidFault::EmptyChunk),
            _ => Ok(()),
        }
    }
}

/// Why a fault was not taken into the plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFault {
    /// No operation has that name: the fault would never happen.
    #[error("no operation matches {operation:?}; there are {}", known.join(", "))]
    Operation {
        /// The name asked for.
        operation: String,
        /// The operations there are.
        known: Vec<&'static str>,
    },
    /// The status cannot be sent as an answer.
    #[error("{0} is not an HTTP status from 200 to 599")]
    Status(u16),
    /// The header's name or value cannot be sent.
    #[error("the header {0:?} has a name or value that HTTP does not allow")]
    Header(String),
    /// `slow` with no bytes per piece would never end.
    #[error("slow needs a chunk of at least 1 byte")]
    EmptyChunk,
    /// A fault that hits no call.
    #[error("times must be at least 1")]
    Never,
}

/// The plan: faults in the order they were added. The first that matches a call and is due is used.
#[derive(Debug)]
pub(crate) struct Faults {
    operations: Vec<&'static str>,
    planned: Mutex<Vec<Fault>>,
}

impl Faults {
    pub(crate) fn new(operations: Vec<&'static str>) -> Self {
        Self { operations, planned: Mutex::default() }
    }

    pub(crate) fn operations(&self) -> &[&'static str] {
        &self.operations
    }

    pub(crate) fn inject(&self, fault: Fault) -> Result<(), InvalidFault> {
        if !self.operations.iter().any(|operation| fault.matches(operation)) {
            return Err(InvalidFault::Operation {
                operation: fault.operation,
                known: self.operations.clone(),
            });
        }
        if fault.times == 0 {
            return Err(InvalidFault::Never);
        }
        fault.effect.check()?;
        self.lock().push(fault);
        Ok(())
    }

    /// What is to happen to this call of `operation`. Counts the call against every fault that waits for it.
    pub(crate) fn take(&self, operation: &str) -> Option<(Effect, bool)> {
        let mut planned = self.lock();
        let mut due = None;
        for (index, fault) in planned.iter_mut().enumerate().filter(|(_, fault)| fault.matches(operation)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if due.is_none() {
                fault.times -= 1;
                due = Some((index, fault.effect.clone(), fault.committed));
            }
        }
        let (index, effect, committed) = due?;
        if planned[index].times == 0 {
            planned.remove(index);
        }
        Some((effect, committed))
    }

    /// What has not happened yet.
    pub(crate) fn planned(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults() -> Faults {
        Faults::new(vec!["signify.create", "signify.get", "txn.exchange"])
    }

    #[test]
    fn the_call_asked_for_is_hit_as_often_as_asked() {
        let faults = faults();
        faults.inject(Fault::on("signify.create", Effect::Close).skip(1).times(2).after_commit()).unwrap();
        assert_eq!(faults.take("signify.get"), None);
        assert_eq!(faults.take("signify.create"), None);
        assert_eq!(faults.take("signify.create"), Some((Effect::Close, true)));
        assert_eq!(faults.take("signify.create"), Some((Effect::Close, true)));
        assert_eq!(faults.take("signify.create"), None);
        assert!(faults.planned().is_empty());
    }

    #[test]
    fn faults_apply_in_the_order_they_were_added() {
        let faults = faults();
        faults.inject(Fault::on("signify.*", Effect::Stall)).unwrap();
        faults.inject(Fault::on("*", Effect::Close)).unwrap();
        assert_eq!(faults.take("txn.exchange"), Some((Effect::Close, false)));
        assert_eq!(faults.take("signify.get"), Some((Effect::Stall, false)));
        assert_eq!(faults.take("signify.get"), None);
    }

    #[test]
    fn what_cannot_happen_is_refused() {
        let answer = |status, name: &str| Effect::Answer {
            status,
            headers: BTreeMap::from([(name.to_owned(), "x".to_owned())]),
            body: String::new(),
        };
        let refused = [
            (Fault::on("signify.creat", Effect::Close), "no operation matches"),
            (Fault::on("signify.create", answer(99, "x")), "99 is not"),
            (Fault::on("signify.create", answer(200, "a b")), "\"a b\""),
            (Fault::on("signify.create", Effect::Slow { chunk: 0, pause_millis: 1 }), "chunk"),
            (Fault::on("signify.create", Effect::Close).times(0), "times"),
        ];
        for (fault, expected) in refused {
            let error = faults().inject(fault).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_json_form_has_defaults() {
        let fault: Fault = serde_json::from_str(r#"{"operation":"*","effect":"close"}"#).unwrap();
        assert_eq!(fault, Fault::on("*", Effect::Close));
        let fault: Fault =
            serde_json::from_str(r#"{"operation":"*","committed":true,"effect":{"answer":{"status":502}}}"#)
                .unwrap();
        assert!(fault.committed);
        serde_json::from_str::<Fault>(r#"{"operation":"*","efect":"close"}"#).unwrap_err();
    }
}
