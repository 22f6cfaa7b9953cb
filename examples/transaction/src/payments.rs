//! The payments, and what proves that they were approved.
//!
//! In memory, because what this example is about is the approval; an application has its own database. The proof is a file,
//! because it is what must not be lost.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use esign::txn::{SignedTransaction, mask};
use esign::{Reference, TransactionRequest};
use uuid::Uuid;

/// What a visitor wants to be done.
#[derive(Clone)]
pub(crate) struct Payment {
    pub(crate) id: String,
    /// What the person reads and approves. What is sensitive in it is masked.
    pub(crate) text: String,
    /// Of the browser that made it: nobody else sees it, or can approve it.
    session: String,
    pub(crate) approved: Option<Approved>,
}

/// What was verified.
#[derive(Clone)]
pub(crate) struct Approved {
    pub(crate) hash: String,
    pub(crate) by: String,
    pub(crate) at: esign::jiff::Timestamp,
}

pub(crate) struct Payments {
    all: Mutex<HashMap<String, Payment>>,
    evidence: PathBuf,
}

impl Payment {
    /// For the provider. The id is the transaction's: the answer is about it and no other.
    pub(crate) fn request(&self) -> esign::Result<TransactionRequest> {
        Ok(TransactionRequest::new(Reference::new(&self.id)?, self.text.as_str(), self.session.as_str()))
    }
}

impl Payments {
    pub(crate) async fn new(evidence: PathBuf) -> std::io::Result<Self> {
        tokio::fs::create_dir_all(&evidence).await?;
        Ok(Self { all: Mutex::default(), evidence })
    }

    /// A payment that waits for approval; `None` if there is no such amount or account.
    pub(crate) fn create(&self, session: &str, amount: &str, account: &str) -> Option<String> {
        let (amount, account) = (amount.trim(), account.trim());
        let is_account = account.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !is_amount(amount) || !is_account || !(6..=20).contains(&account.len()) {
            return None;
        }
        let id = format!("PAY-{}", Uuid::new_v4());
        let text = format!("Transfer SGD {amount} to account {}", mask(account, 4));
        let payment = Payment { id: id.clone(), text, session: session.to_owned(), approved: None };
        self.lock().insert(id.clone(), payment);
        Some(id)
    }

    /// Whether this server gave the session out. Another one may have been planted in the browser, by somebody who knows it.
    pub(crate) fn knows(&self, session: &str) -> bool {
        self.lock().values().any(|payment| payment.session == session)
    }

    /// This session's payment.
    pub(crate) fn of(&self, session: &str, id: &str) -> Option<Payment> {
        self.lock().get(id).filter(|payment| payment.session == session).cloned()
    }

    /// The payment was approved, which is verified. What proves it is kept first: whoever carries the payment out can be asked
    /// why.
    pub(crate) async fn approve(
        &self,
        id: &str,
        hash: &str,
        signed: &SignedTransaction,
    ) -> std::io::Result<()> {
        let evidence = serde_json::json!({
            "token": String::from_utf8_lossy(&signed.token), "verified_with": signed.verified_with,
        });
        tokio::fs::write(self.evidence.join(format!("{id}.json")), evidence.to_string()).await?;
        if let Some(payment) = self.lock().get_mut(id) {
            let by = signed.subject.as_ref().map_or("somebody", |subject| subject.expose()).to_owned();
            payment.approved = Some(Approved { hash: hash.to_owned(), by, at: signed.received_at });
        }
        println!("approved {id}");
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Payment>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dollars, or dollars and cents.
fn is_amount(text: &str) -> bool {
    let (dollars, cents) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(dollars) && digits(cents) && (1..=9).contains(&dollars.len()) && cents.len() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_dollars_and_cents() {
        for (text, is) in [
            ("10", true),
            ("10.00", true),
            ("0.05", true),
            ("999999999.99", true),
            ("", false),
            ("10.0", false),
            ("10.", false),
            (".50", false),
            ("1,000.00", false),
            ("-1.00", false),
            ("1e3", false),
            ("1.0.0", false),
            ("9999999999", false),
        ] {
            assert_eq!(is_amount(text), is, "{text}");
        }
    }
}
