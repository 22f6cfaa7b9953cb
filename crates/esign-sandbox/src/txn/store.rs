//! Sessions from the QR code to the exchange: what has happened to each, and which codes are out.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

use super::params::TxnInfo;
use crate::ids::token;

/// A session that the page has asked for; everything in it is checked.
pub(super) struct NewSession {
    pub(super) client_id: String,
    pub(super) redirect_url: Url,
    pub(super) state: String,
    pub(super) nonce: String,
    /// The token as it came, to know it again.
    pub(super) txn_info: String,
    pub(super) info: TxnInfo,
    pub(super) app_launch_url: Option<Url>,
}

pub(super) struct Session {
    /// For the page, which asks for the status with it.
    pub(super) id: String,
    /// For the phone: what the QR code carries.
    pub(super) phone: String,
    pub(super) client_id: String,
    pub(super) redirect_url: Url,
    pub(super) state: String,
    nonce: String,
    pub(super) info: TxnInfo,
    pub(super) app_launch_url: Option<Url>,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    stage: Stage,
    changed: watch::Sender<()>,
}

enum Stage {
    Created,
    Challenged,
    Declined,
    Authorised { code: String, by: Uuid, at: Timestamp, exchanged: bool },
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Created,
    Challenged,
    Declined,
    Authorised,
    Expired,
}

/// Why the phone, or an exchange, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody knows that session.
    Unknown,
    /// Its time is over.
    Expired,
    /// The person has decided already.
    Decided,
    /// Another person is to approve.
    OtherPerson,
}

/// Why a code is not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeRefused {
    Unknown,
    Expired,
    Used,
}

/// What an exchange tells.
pub(super) struct Authorised {
    pub(super) by: Uuid,
    pub(super) nonce: String,
    pub(super) hash: String,
}

#[derive(Default)]
pub(super) struct Store {
    /// In the order of their making.
    sessions: BTreeMap<u64, Session>,
    ids: HashMap<String, u64>,
    phones: HashMap<String, u64>,
    codes: HashMap<String, u64>,
    /// Every value of an earlier session, with its client and its kind.
    used: HashSet<(String, &'static str, String)>,
}

impl Store {
    /// The first of the three values that an earlier session of this client had.
    pub(super) fn reused(&self, new: &NewSession) -> Option<&'static str> {
        values(new).into_iter().find(|value| self.used.contains(value)).map(|(_, kind, _)| kind)
    }

    pub(super) fn create(&mut self, new: NewSession, life: SignedDuration, now: Timestamp) -> &Session {
        self.used.extend(values(&new));
        let (id, phone) = (Uuid::new_v4().to_string(), token());
        let number = self.ids.len() as u64;
        self.ids.insert(id.clone(), number);
        self.phones.insert(phone.clone(), number);
        self.sessions.entry(number).or_insert(Session {
            id,
            phone,
            client_id: new.client_id,
            redirect_url: new.redirect_url,
            state: new.state,
            nonce: new.nonce,
            info: new.info,
            app_launch_url: new.app_launch_url,
            created_at: now,
            expires_at: later(now, life),
            stage: Stage::Created,
            changed: watch::Sender::default(),
        })
    }

    /// Oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Session> {
        self.sessions.get(self.ids.get(id)?)
    }

    pub(super) fn by_phone(&self, phone: &str) -> Option<&Session> {
        self.sessions.get(self.phones.get(phone)?)
    }

    /// The phone has read the QR code, for the first time or again.
    pub(super) fn scan(&mut self, phone: &str, now: Timestamp) -> Result<(), Refusal> {
        let session = self.undecided(phone, now)?;
        if matches!(session.stage, Stage::Created) {
            session.move_to(Stage::Challenged);
        }
        Ok(())
    }

    /// The person approves: there is a code now.
    pub(super) fn approve(
        &mut self,
        phone: &str,
        by: Uuid,
        anybody: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let session = self.undecided(phone, now)?;
        if !anybody && session.info.sub.is_some_and(|sub| sub != by) {
            return Err(Refusal::OtherPerson);
        }
        let code = new_code();
        session.move_to(Stage::Authorised { code: code.clone(), by, at: now, exchanged: false });
        let number = self.phones[phone];
        self.codes.insert(code, number);
        Ok(())
    }

    /// The person declines.
    pub(super) fn decline(&mut self, phone: &str, now: Timestamp) -> Result<(), Refusal> {
        self.undecided(phone, now)?.move_to(Stage::Declined);
        Ok(())
    }

    /// The time of an undecided session is over now.
    pub(super) fn expire(&mut self, id: &str, now: Timestamp) -> Result<(), Refusal> {
        let session = self.ids.get(id).and_then(|number| self.sessions.get_mut(number));
        let session = session.ok_or(Refusal::Unknown)?;
        session.pending(now)?;
        session.expires_at = now;
        session.changed.send_replace(());
        Ok(())
    }

    /// Exchanges a code of this client's, once unless `again`.
    pub(super) fn exchange(
        &mut self,
        client_id: &str,
        code: &str,
        life: SignedDuration,
        again: bool,
        now: Timestamp,
    ) -> Result<Authorised, CodeRefused> {
        let session = self.codes.get(code).and_then(|number| self.sessions.get_mut(number));
        let session = session.filter(|session| session.client_id == client_id).ok_or(CodeRefused::Unknown)?;
        let Stage::Authorised { by, at, exchanged, .. } = &mut session.stage else {
            return Err(CodeRefused::Unknown);
        };
        if *exchanged && !again {
            return Err(CodeRefused::Used);
        }
        if now >= later(*at, life) {
            return Err(CodeRefused::Expired);
        }
        *exchanged = true;
        Ok(Authorised { by: *by, nonce: session.nonce.clone(), hash: session.info.hash.clone() })
    }

    fn undecided(&mut self, phone: &str, now: Timestamp) -> Result<&mut Session, Refusal> {
        let session = self.phones.get(phone).and_then(|number| self.sessions.get_mut(number));
        let session = session.ok_or(Refusal::Unknown)?;
        session.pending(now)?;
        Ok(session)
    }
}

impl Session {
    pub(super) fn status(&self, now: Timestamp) -> Status {
        match self.stage {
            Stage::Authorised { .. } => Status::Authorised,
            Stage::Declined => Status::Declined,
            Stage::Created | Stage::Challenged if now >= self.expires_at => Status::Expired,
            Stage::Created => Status::Created,
            Stage::Challenged => Status::Challenged,
        }
    }

    /// The code, when it was given, and whether it was exchanged.
    pub(super) fn code(&self) -> Option<(&str, Timestamp, bool)> {
        match &self.stage {
            Stage::Authorised { code, at, exchanged, .. } => Some((code, *at, *exchanged)),
            _ => None,
        }
    }

    /// Wakes at every change but that of the time.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn pending(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.status(now) {
            Status::Created | Status::Challenged => Ok(()),
            Status::Expired => Err(Refusal::Expired),
            Status::Declined | Status::Authorised => Err(Refusal::Decided),
        }
    }

    fn move_to(&mut self, stage: Stage) {
        self.stage = stage;
        self.changed.send_replace(());
    }
}

fn values(new: &NewSession) -> [(String, &'static str, String); 3] {
    let value = |kind, value: &String| (new.client_id.clone(), kind, value.clone());
    [value("state", &new.state), value("nonce", &new.nonce), value("txnInfo", &new.txn_info)]
}

/// Base64 with `=`, as in the documentation's sample: whoever forgets to encode it for an URL finds out here.
fn new_code() -> String {
    let bytes = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    STANDARD.encode(bytes.concat())
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
