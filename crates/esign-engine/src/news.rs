//! What an order learns: from outside through its inbox, and from its own passes.

use std::time::Duration;

use esign_core::jiff::Timestamp;
use esign_core::{CancelOutcome, HandleKey, Reference, ResultState, Standing};
use serde::{Deserialize, Serialize};

use crate::order::{Attempt, Blob, OrderId, Sent, Tenant};
use crate::seal::Sealed;

/// News from outside: stored in the inbox, and applied once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum News {
    /// A verified callback.
    Callback {
        /// Which request it is about.
        key: HandleKey,
        /// What it says.
        standing: Standing,
        /// What was received, sealed.
        evidence: Sealed,
    },
    /// A reason to look soon.
    Hint,
    /// It is to be called back.
    Cancel {
        /// Why.
        reason: String,
    },
    /// A decision about an order that is undecided.
    Decide {
        /// What.
        decision: Decision,
        /// Why.
        reason: String,
    },
    /// It may not be erased, or may again (without a reason).
    Hold {
        /// Why.
        reason: Option<String>,
    },
    /// It is to be erased.
    Erase {
        /// Why.
        reason: String,
    },
    /// What became of an attempt, by a worker that had lost its lease when it learned it. A fact is never dropped.
    Late {
        /// The attempt as that worker stored it.
        attempt: Box<Attempt>,
        /// What the provider gave.
        sent: Box<Sent>,
    },
}

/// A decision about an order whose submission may have reached people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// This is it.
    Adopt {
        /// What the provider has.
        sent: Box<Sent>,
    },
    /// Send it again, although people may be asked twice.
    SendAgain,
    /// Give it up.
    Abandon,
}

/// News in the inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Names it for [`Store::commit`](crate::Store::commit).
    pub id: u64,
    /// The news.
    pub news: News,
}

/// What a pass has learned by its own act.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Learned {
    /// The provider took an attempt.
    Sent {
        /// Which attempt.
        attempt: u32,
        /// What it gave.
        sent: Box<Sent>,
    },
    /// An attempt surely had no effect.
    Void {
        /// Which attempt.
        attempt: u32,
        /// Why, in words.
        why: String,
        /// Not again sooner than this, if the provider said so.
        after: Option<Duration>,
    },
    /// Nobody knows what became of an attempt.
    Unclear {
        /// Which attempt.
        attempt: u32,
        /// Why, in words.
        why: String,
    },
    /// It will never be taken.
    Refused {
        /// The attempt, if it came that far.
        attempt: Option<u32>,
        /// Why, in words.
        why: String,
    },
    /// What a lookup found; without an attempt where the order looks as if it had never been sent.
    Looked {
        /// Which attempt.
        attempt: Option<u32>,
        /// What was found.
        found: Found,
    },
    /// How far it is.
    Seen {
        /// What the provider says.
        standing: Standing,
        /// Whether the result can be fetched.
        result: ResultState,
        /// A handle in place of the old one.
        handle: Option<Sealed>,
        /// Next steps in place of the old ones: those whose turn has come have links now.
        steps: Option<Sealed>,
        /// Not sooner than this.
        after: Option<Duration>,
    },
    /// The result is in the vault.
    Kept {
        /// What.
        archive: Vec<Blob>,
        /// What there is to say of it.
        note: Option<String>,
    },
    /// A call to take an attempt back was answered.
    Cancelled {
        /// Which attempt.
        attempt: u32,
        /// How.
        outcome: CancelOutcome,
    },
    /// A call to take an attempt back can never be answered otherwise.
    CannotCancel {
        /// Which attempt.
        attempt: u32,
        /// Why, in words.
        why: String,
    },
    /// A passing fault: the same is tried again later.
    Fault {
        /// What happened, in words.
        why: String,
        /// Not sooner than this.
        after: Option<Duration>,
    },
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// This, without doubt.
    One(Box<Sent>),
    /// Surely nothing.
    Nothing,
    /// It cannot be told.
    Unclear(
        /// Why, in words.
        String,
    ),
}

/// News on its way into the inbox.
#[derive(Clone, Debug)]
pub struct Told {
    /// Whom it concerns.
    pub to: To,
    /// The same for each delivery of the same news: kept once.
    pub dedup: String,
    /// The news.
    pub news: News,
    /// When it came.
    pub at: Timestamp,
}

/// Whom news concern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// This order.
    Order(OrderId),
    /// The order with this handle key, now or later.
    Handle(HandleKey),
    /// The order of this instance that the provider knows by this reference.
    Reference(String, Reference),
}

/// Something that happened to an order, as it leaves the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the feed: the feed's order is that of commits. Zero before it is committed.
    pub seq: u64,
    /// Names it for ever, over every delivery: act once.
    pub id: String,
    /// Whose it is.
    pub tenant: Tenant,
    /// The order.
    pub order: OrderId,
    /// The tenant's own reference.
    pub reference: Reference,
    /// The order's version that it made: from 1, without gaps.
    pub version: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// What the provider said last.
    pub standing: Option<Standing>,
    /// In words, for a person; no personal data.
    pub note: Option<String>,
    /// When the engine learned it.
    pub at: Timestamp,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The engine has it.
    Accepted,
    /// The provider has it.
    Sent,
    /// An attempt was given up without anybody having been reached, and another will be made.
    Replaced,
    /// It waits for a person's decision.
    Undecided,
    /// A person decided.
    Decided,
    /// The provider said something new.
    Progress,
    /// Everything is signed.
    Completed,
    /// The result is kept.
    Archived,
    /// It ended otherwise.
    Ended,
    /// Everything was signed, and the result can no longer be obtained.
    ResultLost,
    /// It was refused before or by the provider.
    Refused,
    /// Two requests of it are, or were, alive at the provider.
    Duplicate,
    /// The provider stated an end and then another one.
    Contradiction,
    /// It is to be called back.
    CancelRequested,
    /// It may not be erased, or may again.
    HoldChanged,
    /// What was personal in it is gone.
    Erased,
}
