//! Transactions in memory: a text instead of a document, approved when told.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::service::callback_signature;
use super::{MemoryProvider, MemoryService};
use crate::{
    CallbackEvidence, Clock, Error, ErrorKind, Finding, InboundCall, Operation, Personal, Reference, Result,
    Retry, Severity, Sha256Hash, TransactionRequest, TransactionResult, TransactionReturn, TransactionStart,
    Transactions,
};

/// How long a transaction that was begun may come back.
const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// The most characters of a text.
const MAX_CHARS: usize = 1000;

/// A transaction that was begun and has not come back.
#[derive(Clone)]
pub(super) struct Begun {
    reference: Reference,
    text: Sha256Hash,
    session: Sha256Hash,
    subject: Option<Personal>,
    expires_at: Timestamp,
    approved: bool,
}

impl MemoryService {
    /// The person approves a transaction on their device: the call that the browser then makes. `None` if the service does not
    /// know it, or no longer.
    #[must_use]
    pub fn approve(&self, start: &TransactionStart) -> Option<InboundCall> {
        let page: Page = serde_json::from_str(start.page_parameters.expose()).ok()?;
        let now = self.clock().now();
        self.change_begun(&page.state, |begun| begun.approved = begun.expires_at > now)?;
        Some(InboundCall::get("/back").with_query("state", page.state)).filter(|_| start.expires_at > now)
    }
}

/// What the page gets.
#[derive(Serialize, Deserialize)]
struct Page {
    state: String,
}

#[async_trait]
impl Transactions for MemoryProvider {
    fn check(&self, request: &TransactionRequest) -> Vec<Finding> {
        let text = request.text.expose();
        let chars = text.chars().count();
        if text.trim().is_empty() || chars > MAX_CHARS {
            let message = format!("{chars} characters; 1 to {MAX_CHARS} are accepted, and something to read");
            return vec![Finding::invalid("transaction.text", "text", message)];
        }
        Vec::new()
    }

    async fn begin(&self, request: &TransactionRequest) -> Result<TransactionStart> {
        if let Some(refusal) = self.check(request).into_iter().find(|f| f.severity == Severity::Refusal) {
            return Err(Error::invalid(refusal.field.unwrap_or_default(), refusal.message));
        }
        let page = Page { state: crate::random::uuid_v4()? };
        let parameters = serde_json::to_string(&page)
            .map_err(|_| Error::new(ErrorKind::Internal, "the page's parameters have no JSON form"))?;
        let expires_at = self.service().clock().now() + LIFE;
        let begun = Begun {
            reference: request.reference.clone(),
            text: Sha256Hash::of(request.text.expose().as_bytes()),
            session: Sha256Hash::of(request.session.expose().as_bytes()),
            subject: request.subject.clone(),
            expires_at,
            approved: false,
        };
        self.service().begin(&page.state, begun);
        Ok(TransactionStart::new(parameters, expires_at))
    }

    async fn complete(&self, back: &TransactionReturn) -> Result<TransactionResult> {
        let refuse = |message: &str| Error::new(ErrorKind::Verification, message);
        let state = back.call.query_value("state").ok_or_else(|| refuse("the return has no state"))?;
        let begun = self.service().take_begun(state);
        let begun = begun.ok_or_else(|| refuse("the return's state was never issued, or was used before"))?;
        let now = self.service().clock().now();
        if begun.expires_at <= now {
            return Err(refuse("the return's state has expired"));
        }
        if begun.session != Sha256Hash::of(back.session.expose().as_bytes()) {
            return Err(refuse("the return's state was issued to another session"));
        }
        let exchanged = self.call(Operation::Transaction, || begun.approved);
        // Nothing came of it: the same return may be tried again.
        if exchanged.as_ref().is_err_and(|error| matches!(error.retry(), Retry::Safe { .. })) {
            self.service().begin(state, begun.clone());
        }
        if !exchanged? {
            return Err(refuse("nobody approved it"));
        }
        let statement = json!({ "reference": begun.reference.as_str(), "text": begun.text.to_string() });
        let signature = callback_signature(statement.to_string().as_bytes());
        let evidence = CallbackEvidence {
            body: Bytes::from(json!({ "statement": statement, "signature": signature }).to_string()),
            verified_with: "the memory service's callback key".to_owned(),
            received_at: now,
        };
        let mut result = TransactionResult::new(begun.reference, evidence);
        result.subject = begun.subject;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> TransactionRequest {
        TransactionRequest::new(Reference::random().unwrap(), "Pay 10", "session")
    }

    #[tokio::test]
    async fn a_transaction_completes_once_in_its_session_when_it_was_approved() {
        let service = MemoryService::new();
        let provider = service.provider();
        let request = request();
        let start = provider.begin(&request).await.unwrap();
        let back = TransactionReturn::new(service.approve(&start).unwrap(), "session");
        assert_eq!(provider.complete(&back).await.unwrap().reference, request.reference);
        assert!(provider.complete(&back).await.is_err());
        assert!(service.approve(&start).is_none(), "the service does not know it any more");

        let start = provider.begin(&request).await.unwrap();
        let page: Page = serde_json::from_str(start.page_parameters.expose()).unwrap();
        let unapproved = InboundCall::get("/back").with_query("state", page.state);
        let error = provider.complete(&TransactionReturn::new(unapproved, "session")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verification);
    }
}
