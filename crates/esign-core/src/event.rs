//! What comes in by itself: webhooks, notifications, redirects.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, HandleKey, Reference, Result, Sha256Hash, Standing, stored};

/// An HTTP call as the application received it: hand it over untouched. `Debug` shows method, path and lengths.
#[derive(Clone)]
pub struct InboundCall {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The headers, in order; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte: signatures are over these bytes.
    pub body: Bytes,
}

impl InboundCall {
    /// A call with a body, as webhooks make it.
    #[must_use]
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: "POST".into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A call without a body, as redirects make it.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The first query parameter of this name.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl fmt::Debug for InboundCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (q, h, b) = (self.query.len(), self.headers.len(), self.body.len());
        write!(f, "InboundCall({} {}, {q} parameters, {h} headers, {b} bytes)", self.method, self.path)
    }
}

/// What to answer, and what the call said.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// Send this back, also when the call is refused.
    pub reply: Reply,
    /// The events in it; an error means that it was not believed or not understood.
    pub events: Result<Vec<Event>>,
}

impl Received {
    /// An answer and events.
    #[must_use]
    pub fn new(reply: Reply, events: Result<Vec<Event>>) -> Self {
        Self { reply, events }
    }
}

/// The answer to a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; usually empty.
    pub body: String,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, body: String::new() }
    }
}

/// One thing that a callback said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Its signature was verified: it can be believed and kept as evidence.
    Verified(VerifiedEvent),
    /// It is not signed: a reason to read the status, and no state to believe.
    Hint {
        /// The request that it may be about, where it says so.
        key: Option<HandleKey>,
        /// The caller's reference that it names, where it names one: finds a submission whose answer was lost with
        /// [`Client::resolve_by_call`](crate::Client::resolve_by_call).
        reference: Option<Reference>,
    },
}

/// A believable event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedEvent {
    /// The request it is about: [`Handle::key`](crate::Handle::key).
    pub key: HandleKey,
    /// The same for each delivery of the same news: act once.
    pub dedup: String,
    /// What it says.
    pub standing: Standing,
    /// When it happened, by the provider's clock.
    pub at: Option<Timestamp>,
    /// What to keep.
    pub evidence: CallbackEvidence,
}

impl VerifiedEvent {
    /// An event. For providers.
    #[must_use]
    pub fn new(
        key: HandleKey,
        dedup: impl Into<String>,
        standing: Standing,
        evidence: CallbackEvidence,
    ) -> Self {
        Self { key, dedup: dedup.into(), standing, at: None, evidence }
    }
}

/// A callback as it was received, with the key that verified it. `Debug` shows lengths.
#[derive(Clone)]
pub struct CallbackEvidence {
    /// The signed bytes.
    pub body: Bytes,
    /// The key as a JSON Web Key, or the name of the shared secret that was used.
    pub verified_with: String,
    /// When it was received, by our clock.
    pub received_at: Timestamp,
}

const RECEIPT_VERSION: u64 = 1;

/// What is kept beside a callback's body.
#[derive(Serialize, Deserialize)]
struct Receipt {
    v: u64,
    sha256: Sha256Hash,
    received_at: Timestamp,
    verified_with: String,
}

impl CallbackEvidence {
    /// What to store beside [`CallbackEvidence::body`], as JSON: the key, the time, and the hash of the body.
    #[must_use]
    pub fn receipt(&self) -> String {
        let receipt = Receipt {
            v: RECEIPT_VERSION,
            sha256: Sha256Hash::of(&self.body),
            received_at: self.received_at,
            verified_with: self.verified_with.clone(),
        };
        stored::write_pretty(&receipt)
    }

    /// Puts a stored callback together again.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`] if it is not a receipt, one of a version from the future, or one of another callback.
    pub fn from_receipt(body: impl Into<Bytes>, receipt: &str) -> Result<Self> {
        let body = body.into();
        let receipt: Receipt = stored::read(receipt, "callback receipt", "v", RECEIPT_VERSION)?;
        if receipt.sha256 != Sha256Hash::of(&body) {
            return Err(Error::new(ErrorKind::BadHandle, "the receipt is of another callback"));
        }
        Ok(Self { body, verified_with: receipt.verified_with, received_at: receipt.received_at })
    }
}

impl fmt::Debug for CallbackEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackEvidence({} bytes at {})", self.body.len(), self.received_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_values_and_headers_are_found_in_any_case() {
        let call =
            InboundCall::post("/hook", "marker").with_query("code", "marker").with_header("X-Sig", "marker");
        assert!(!format!("{call:?}").contains("marker"));
        assert_eq!(call.header("x-sig"), Some("marker"));
        assert_eq!(call.query_value("code"), Some("marker"));
    }
}
