//! A sign request: who holds it, how far the signer has come, how it ended.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::person::Person;
use super::place::Place;
use super::store::Refusal;

/// A signing session, and with it `signing_url`.
pub(super) const SESSION: SignedDuration = SignedDuration::from_mins(30);
/// After signing, the document can be fetched for this long.
pub(super) const ACCESS: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct Request {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) doc_name: String,
    pub(super) exchange_code: String,
    /// The token in `signing_url`.
    pub(super) signing_token: String,
    pub(super) places: Vec<Place>,
    pub(super) signer_uin_hash: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// As sent, then as signed; empty once nobody can have it any more.
    pub(super) pdf: Bytes,
    /// The first person who opened it; nobody else may.
    pub(super) holder: Option<Person>,
    pub(super) session: Option<Session>,
    pub(super) end: Option<End>,
}

pub(super) enum End {
    Signed { at: Timestamp, by: Person },
    Cancelled,
}

/// One browser at the portal.
pub(super) struct Session {
    pub(super) token: String,
    pub(super) person: Person,
    pub(super) reviewed: Vec<bool>,
    pub(super) stage: Stage,
}

/// How far the signer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Looks at the document.
    Viewing,
    /// Pressed Proceed to Sign: the QR code is shown, with this reference code. The request cannot be cancelled.
    Proceeded { code: u16 },
    /// Rejected in the app. Nobody is told.
    Rejected,
    /// Approved; the signatures are being made.
    Signing,
    /// Done.
    Signed,
}

/// What a request is, as its client may learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Expired,
    Signed,
    /// Signed, but more than an hour ago.
    AccessExpired,
    Cancelled,
}

impl Request {
    pub(super) fn status(&self, now: Timestamp) -> Status {
        match &self.end {
            Some(End::Cancelled) => Status::Cancelled,
            Some(End::Signed { at, .. }) if now.duration_since(*at) >= ACCESS => Status::AccessExpired,
            Some(End::Signed { .. }) => Status::Signed,
            None if self.is_signing() || now < self.expires_at => Status::Pending,
            None => Status::Expired,
        }
    }

    /// Who signed, and when.
    pub(super) fn signed(&self) -> Option<(&Person, Timestamp)> {
        match &self.end {
            Some(End::Signed { at, by }) => Some((by, *at)),
            _ => None,
        }
    }

    /// A person has opened it, so that nobody else may.
    pub(super) fn is_locked(&self) -> bool {
        self.holder.is_some()
    }

    /// The signer has pressed Proceed to Sign and not come to an end.
    pub(super) fn is_active(&self, now: Timestamp) -> bool {
        let stage = self.session.as_ref().map(|session| &session.stage);
        self.is_signing() || (now < self.expires_at && matches!(stage, Some(Stage::Proceeded { .. })))
    }

    pub(super) fn is_signing(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.stage == Stage::Signing)
    }

    pub(super) fn session_mut(&mut self) -> Result<&mut Session, Refusal> {
        self.session.as_mut().ok_or(Refusal::SessionOver)
    }

    /// The token of the session that is open, or was when the document was signed.
    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.token.as_str())
    }
}
