//! An order: one request on its way from acceptance to its archive.

use std::fmt;

use esign_core::jiff::Timestamp;
use esign_core::{
    ArtifactId, Delivery, Error, HandleKey, MediaType, Reference, Result, Sha256Hash, Standing,
};
use serde::{Deserialize, Serialize};

use crate::seal::{Sealed, WrappedKey};

/// Whose order it is: part of every key, so that tenants never see each other. 1 to 64 letters, digits, `-`, `_` or `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tenant(String);

impl Tenant {
    /// A tenant by name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](esign_core::ErrorKind::InvalidRequest) at `tenant` for other characters or lengths.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        // The same rule, said once.
        Reference::new(name.clone()).map_err(|e| Error::invalid("tenant", e.message().to_owned()))?;
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// For applications that have one tenant only: `default`.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names an order: a digest of tenant and reference, so that the same request is the same order whoever accepts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(String);

impl OrderId {
    /// The id of this tenant's request with this reference.
    #[must_use]
    pub fn of(tenant: &Tenant, reference: &Reference) -> Self {
        let mut hex = Sha256Hash::of_parts(&["order", tenant.as_str(), reference.as_str()]).to_string();
        hex.truncate(32);
        Self(hex)
    }

    /// Reads an id that [`OrderId::as_str`] gave.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](esign_core::ErrorKind::InvalidRequest) at `order` if it is none.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("order", "an order's id is 32 hexadecimal digits in lower case"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an order is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// To be sent.
    Accepted,
    /// It may have been sent; what became of it has to be found out before anything else happens.
    Armed,
    /// It may have been sent and have reached people, and nothing tells for sure: a person decides.
    Undecided,
    /// Sent; signers act, and the engine looks.
    Watching,
    /// Everything is signed; the result is being fetched.
    Fetching,
    /// The result is kept. The end.
    Archived,
    /// It ended without a result that could be kept. The end.
    Ended,
    /// The provider, or the check before sending, refused it. The end.
    Refused,
    /// A person gave it up. The end.
    Abandoned,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Armed,
        Self::Undecided,
        Self::Watching,
        Self::Fetching,
        Self::Archived,
        Self::Ended,
        Self::Refused,
        Self::Abandoned,
    ];

    /// True for the stages that an order does not leave.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Archived | Self::Ended | Self::Refused | Self::Abandoned)
    }

    /// The name used in stores and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Armed => "armed",
            Self::Undecided => "undecided",
            Self::Watching => "watching",
            Self::Fetching => "fetching",
            Self::Archived => "archived",
            Self::Ended => "ended",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request on its way. What is personal or secret in it is [`Sealed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The tenant's own reference; one order each.
    pub reference: Reference,
    /// The instance that it is for.
    pub instance: String,
    /// How signers are reached: decides what may be sent again.
    pub delivery: Delivery,
    /// Where it is.
    pub stage: Stage,
    /// What the provider has said, as far as it has said anything.
    pub standing: Option<Standing>,
    /// How many events it has had: each event carries the number that it made.
    pub version: u64,
    /// Of the request and its documents: the same reference with another one is a conflict.
    pub fingerprint: Sha256Hash,
    /// The key of everything sealed in it. Absent once it was erased.
    pub data_key: Option<WrappedKey>,
    /// The request.
    pub request: Option<Sealed>,
    /// The documents, in the vault.
    pub documents: Vec<Blob>,
    /// Every time it was sent or may have been.
    pub attempts: Vec<Attempt>,
    /// The attempt that counts.
    pub current: Option<u32>,
    /// Attempts that are alive beside the current one and have to be called back.
    pub surplus: Vec<u32>,
    /// The result, in the vault.
    pub archive: Vec<Blob>,
    /// Verified callbacks, sealed, until they are archived.
    pub callbacks: Vec<Sealed>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When the provider took it.
    pub sent_at: Option<Timestamp>,
    /// When the engine learned that it had ended.
    pub ended_at: Option<Timestamp>,
    /// Until when the result can be fetched, if that is known.
    pub result_until: Option<Timestamp>,
    /// Do nothing for it before this time.
    pub not_before: Option<Timestamp>,
    /// Passing faults in a row.
    pub faults: u32,
    /// That it is to be called back, and why.
    pub cancel: Option<String>,
    /// The provider was asked whether it has it before it was first armed.
    pub asked_first: bool,
    /// Why it may not be erased.
    pub hold: Option<String>,
    /// When it was erased.
    pub erased_at: Option<Timestamp>,
    /// What stands in the way, in words.
    pub note: Option<String>,
    /// What people and policies decided about it, with their reasons.
    pub journal: Vec<Decided>,
}

impl Order {
    /// The reference that the provider sees. It is unique over tenants, so that a lookup never finds another tenant's request.
    ///
    /// # Errors
    /// None in practice: an id is a reference.
    pub fn sent_reference(&self) -> Result<Reference> {
        sent_reference(&self.tenant, &self.reference)
    }

    /// The attempt of this number.
    #[must_use]
    pub fn attempt(&self, n: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.n == n)
    }

    /// What the provider gave for the attempt that counts.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        self.attempt(self.current?)?.sent()
    }

    /// The keys of everything that the provider has of it, for matching callbacks.
    pub fn handle_keys(&self) -> impl Iterator<Item = &HandleKey> {
        self.attempts.iter().filter_map(Attempt::sent).map(|sent| &sent.key)
    }
}

/// As [`Order::sent_reference`], before there is an order.
pub(crate) fn sent_reference(tenant: &Tenant, reference: &Reference) -> Result<Reference> {
    if *tenant == Tenant::default() {
        return Ok(reference.clone());
    }
    Reference::new(OrderId::of(tenant, reference).as_str())
}

/// One time that an order was sent or may have been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub n: u32,
    /// The intent, as JSON; holds no personal data.
    pub intent: String,
    /// When it was stored that it may be sent.
    pub armed_at: Timestamp,
    /// Later than this it must not be sent any more.
    pub send_before: Timestamp,
    /// How it went.
    pub outcome: Outcome,
    /// Why it was sent although there was an attempt before it.
    pub why: Option<String>,
}

impl Attempt {
    /// What the provider gave for it.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        match &self.outcome {
            Outcome::Sent(sent) => Some(sent),
            _ => None,
        }
    }

    /// True as long as it may have been sent and what became of it is not known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Armed | Outcome::Unclear { .. })
    }
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It may have been sent.
    Armed,
    /// It may have been sent, and its answer was lost.
    Unclear {
        /// Why, in words.
        why: String,
    },
    /// It surely had no effect.
    Void {
        /// Why, in words.
        why: String,
    },
    /// It may exist, was replaced, and cannot have reached anybody unless a person decided so.
    Ghost {
        /// Why, in words.
        why: String,
    },
    /// The provider has it.
    Sent(Box<Sent>),
}

/// What the provider gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The handle.
    pub handle: Sealed,
    /// Its key, for matching callbacks.
    pub key: HandleKey,
    /// The record, as JSON; holds no personal data.
    pub record: String,
    /// The next steps.
    pub steps: Sealed,
    /// When it was submitted.
    pub at: Timestamp,
}

/// Bytes in the vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    /// The name in the vault.
    pub name: String,
    /// What it is: `original`, or an artifact's id.
    pub what: ArtifactId,
    /// Its type.
    pub media_type: MediaType,
    /// SHA-256 of the bytes, unsealed.
    pub sha256: Sha256Hash,
    /// How many bytes, unsealed.
    pub bytes: u64,
}

/// A decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// What: `adopt`, `send_again`, `abandon`, `cancel`, `hold`, `release`, `erase`.
    pub what: String,
    /// Why, in the words of the person or policy.
    pub reason: String,
}

/// Which queue an order waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// To be sent or called back.
    Submit,
    /// A result to be fetched, by deadline.
    Settle,
    /// To find out what became of an attempt.
    Lookup,
    /// To look how far it is.
    Poll,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Submit, Self::Settle, Self::Lookup, Self::Poll];

    /// The name used in stores and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Settle => "settle",
            Self::Lookup => "lookup",
            Self::Poll => "poll",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_do_not_share_references_at_the_provider() {
        let reference = Reference::new("lease-1").unwrap();
        let (own, other) = (Tenant::default(), Tenant::new("acme").unwrap());
        assert_eq!(sent_reference(&own, &reference).unwrap(), reference);
        let theirs = sent_reference(&other, &reference).unwrap();
        assert_ne!(theirs, reference);
        assert_eq!(theirs.as_str(), OrderId::of(&other, &reference).as_str());
        assert_ne!(OrderId::of(&own, &reference), OrderId::of(&other, &reference));
        assert!(Tenant::new("a b").is_err());
        assert_eq!(OrderId::parse(theirs.as_str()).unwrap(), OrderId::of(&other, &reference));
        assert!(OrderId::parse("x").is_err());
    }
}
