//! Sign requests, their sessions at the portal and the links to signed documents: a state machine without I/O, on the
//! time it is given.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::later;
use super::links::{LINK, LinkRefused, Links};
use super::person::Person;
use super::place::Place;
use super::request::{ACCESS, End, Request, SESSION, Session, Stage, Status};

#[derive(Default)]
pub(super) struct Store {
    requests: HashMap<String, Request>,
    /// In order of creation.
    order: Vec<String>,
    /// Requests whose bytes are still held, oldest first.
    held: VecDeque<String>,
    /// Portal session to request.
    sessions: HashMap<String, String>,
    links: Links,
}

pub(super) struct NewRequest {
    pub(super) client_id: String,
    pub(super) doc_name: String,
    pub(super) places: Vec<Place>,
    pub(super) signer_uin_hash: Option<String>,
    pub(super) pdf: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The link is wrong, has expired, or leads to nothing any more.
    Dead,
    /// Another person is intended, or was there first.
    WrongPerson,
    /// The session at the portal was replaced or has ended.
    SessionOver,
    /// Signing is not enabled before every field was reviewed.
    NotReviewed,
    /// There is no such field.
    NoField,
    /// This does not come next.
    OutOfOrder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelRefused {
    ActiveSession,
    Signed,
    Cancelled,
}

/// Signatures to be made outside the store.
pub(super) struct Job {
    pub(super) request: String,
    pub(super) person: Person,
    pub(super) places: Vec<Place>,
    pub(super) pdf: Bytes,
    pub(super) at: Timestamp,
}

/// What a page of the portal shows.
pub(super) struct View<'a> {
    pub(super) request: &'a Request,
    pub(super) person: &'a Person,
    pub(super) reviewed: &'a [bool],
    pub(super) stage: &'a Stage,
}

impl Store {
    /// Takes a request in, under an identifier that `sign` puts into the token of its link.
    pub(super) fn create(
        &mut self,
        new: NewRequest,
        now: Timestamp,
        sign: impl FnOnce(&str) -> String,
    ) -> &Request {
        self.let_go(now);
        let id = new_request_id(now);
        let expires_at = later(now, SESSION);
        let request = Request {
            signing_token: sign(&id),
            id: id.clone(),
            client_id: new.client_id,
            doc_name: new.doc_name,
            exchange_code: Uuid::new_v4().to_string(),
            places: new.places,
            signer_uin_hash: new.signer_uin_hash,
            created_at: now,
            expires_at,
            pdf: new.pdf,
            holder: None,
            session: None,
            end: None,
        };
        self.order.push(id.clone());
        self.held.push_back(id.clone());
        self.requests.entry(id).or_insert(request)
    }

    /// Drops the bytes of documents that nobody can have any more, as the service purges them.
    fn let_go(&mut self, now: Timestamp) {
        while let Some(request) = self.held.front().and_then(|id| self.requests.get_mut(id)) {
            let until = later(request.created_at, SESSION + ACCESS + LINK);
            if now < until {
                return;
            }
            request.pdf = Bytes::new();
            self.held.pop_front();
        }
    }

    /// Oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Request> {
        self.order.iter().filter_map(|id| self.requests.get(id))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Request> {
        self.requests.get(id)
    }

    /// Ends the time for signing now.
    pub(super) fn expire(&mut self, id: &str, now: Timestamp) -> Option<()> {
        let request = self.requests.get_mut(id)?;
        request.expires_at = request.expires_at.min(now);
        Some(())
    }

    /// The request behind a signing link, while the link lives and there is something to sign.
    pub(super) fn linked(&self, id: &str, token: &str, now: Timestamp) -> Result<&Request, Refusal> {
        let request = self.requests.get(id).filter(|request| request.signing_token == token);
        request.filter(|request| request.status(now) == Status::Pending).ok_or(Refusal::Dead)
    }

    /// Lets a person in, who then holds the document, and returns the session's token. An earlier session of the same
    /// person ends.
    pub(super) fn open(
        &mut self,
        id: &str,
        person: Person,
        is_intended: impl FnOnce(&Person, &str) -> bool,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let request = self.requests.get_mut(id).ok_or(Refusal::Dead)?;
        if request.status(now) != Status::Pending {
            return Err(Refusal::Dead);
        }
        let intended = request.signer_uin_hash.as_deref().is_none_or(|hash| is_intended(&person, hash));
        let first = request.holder.as_ref().is_none_or(|holder| holder.uin == person.uin);
        if !intended || !first {
            return Err(Refusal::WrongPerson);
        }
        if request.is_signing() {
            return Err(Refusal::OutOfOrder);
        }
        let token = Uuid::new_v4().simple().to_string();
        let reviewed = vec![false; request.places.len()];
        request.holder.get_or_insert_with(|| person.clone());
        let session = Session { token: token.clone(), person, reviewed, stage: Stage::Viewing };
        if let Some(old) = request.session.replace(session) {
            self.sessions.remove(&old.token);
        }
        self.sessions.insert(token.clone(), id.to_owned());
        Ok(token)
    }

    /// What the page of a session shows. After signing it lives on, for the way back to the client.
    pub(super) fn view(&self, token: &str, now: Timestamp) -> Result<View<'_>, Refusal> {
        let request =
            self.sessions.get(token).and_then(|id| self.requests.get(id)).ok_or(Refusal::SessionOver)?;
        let session = request.session.as_ref().ok_or(Refusal::SessionOver)?;
        match request.status(now) {
            Status::Pending | Status::Signed => Ok(View {
                request,
                person: &session.person,
                reviewed: &session.reviewed,
                stage: &session.stage,
            }),
            Status::Expired | Status::AccessExpired | Status::Cancelled => Err(Refusal::Dead),
        }
    }

    /// The signer has looked at a field.
    pub(super) fn review(&mut self, token: &str, field: usize, now: Timestamp) -> Result<(), Refusal> {
        let session = self.pending(token, now)?.session_mut()?;
        *session.reviewed.get_mut(field).ok_or(Refusal::NoField)? = true;
        Ok(())
    }

    /// Proceed to Sign, at first or again after a rejection: a new QR code and reference code are shown.
    pub(super) fn proceed(&mut self, token: &str, code: u16, now: Timestamp) -> Result<(), Refusal> {
        let session = self.pending(token, now)?.session_mut()?;
        if !session.reviewed.iter().all(|reviewed| *reviewed) {
            return Err(Refusal::NotReviewed);
        }
        if session.stage == Stage::Signing {
            return Err(Refusal::OutOfOrder);
        }
        session.stage = Stage::Proceeded { code };
        Ok(())
    }

    /// Rejected in the app: the portal waits, nobody is told.
    pub(super) fn reject(&mut self, token: &str, now: Timestamp) -> Result<(), Refusal> {
        let session = self.pending(token, now)?.session_mut()?;
        match session.stage {
            Stage::Proceeded { .. } => {
                session.stage = Stage::Rejected;
                Ok(())
            }
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// The signer goes back to the client. A signed request stays signed.
    pub(super) fn leave(&mut self, token: &str) -> Result<&Request, Refusal> {
        let id = self.sessions.get(token).ok_or(Refusal::SessionOver)?;
        let request = self.requests.get_mut(id).ok_or(Refusal::SessionOver)?;
        if request.is_signing() {
            return Err(Refusal::OutOfOrder);
        }
        if request.end.is_none() {
            request.session = None;
            self.sessions.remove(token);
        }
        Ok(request)
    }

    /// Approved in the app. [`Store::commit`] or [`Store::abort`] must follow.
    pub(super) fn begin(&mut self, token: &str, now: Timestamp) -> Result<Job, Refusal> {
        let request = self.pending(token, now)?;
        let session = request.session_mut()?;
        if !matches!(session.stage, Stage::Proceeded { .. }) {
            return Err(Refusal::OutOfOrder);
        }
        session.stage = Stage::Signing;
        let person = session.person.clone();
        let (places, pdf) = (request.places.clone(), request.pdf.clone());
        Ok(Job { request: request.id.clone(), person, places, pdf, at: now })
    }

    /// Takes the signed document in.
    pub(super) fn commit(&mut self, job: Job, signed: Bytes) {
        let Some(request) = self.requests.get_mut(&job.request) else { return };
        request.pdf = signed;
        request.end = Some(End::Signed { at: job.at, by: job.person });
        if let Some(session) = &mut request.session {
            session.stage = Stage::Signed;
        }
    }

    /// Other bytes in the place of the document's.
    pub(super) fn replace_pdf(&mut self, id: &str, pdf: Bytes) {
        if let Some(request) = self.requests.get_mut(id) {
            request.pdf = pdf;
        }
    }

    /// The signatures could not be made.
    pub(super) fn abort(&mut self, job: &Job) {
        if let Some(session) =
            self.requests.get_mut(&job.request).and_then(|request| request.session.as_mut())
        {
            session.stage = Stage::Viewing;
        }
    }

    /// Cancelled by the client: while it is open and nobody has proceeded to sign, or after it has expired.
    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) -> Option<Result<(), CancelRefused>> {
        let request = self.requests.get_mut(id)?;
        Some(match &request.end {
            Some(End::Signed { .. }) => Err(CancelRefused::Signed),
            Some(End::Cancelled) => Err(CancelRefused::Cancelled),
            None if request.is_active(now) => Err(CancelRefused::ActiveSession),
            None => {
                request.end = Some(End::Cancelled);
                Ok(())
            }
        })
    }

    /// A new link to a signed document, and until when it works.
    pub(super) fn publish(&mut self, id: &str, now: Timestamp) -> (String, Timestamp) {
        self.links.publish(id, now)
    }

    /// The document behind such a link.
    pub(super) fn published(&self, token: &str, now: Timestamp) -> Result<&Request, LinkRefused> {
        let request = self.links.request(token, now)?;
        self.requests.get(request).ok_or(LinkRefused::Unknown)
    }

    /// The request of a session, while there is something to sign.
    fn pending(&mut self, token: &str, now: Timestamp) -> Result<&mut Request, Refusal> {
        let id = self.sessions.get(token).ok_or(Refusal::SessionOver)?;
        let request = self.requests.get_mut(id).ok_or(Refusal::SessionOver)?;
        if request.status(now) == Status::Pending { Ok(request) } else { Err(Refusal::Dead) }
    }
}

/// `signv3-` and a UUID of version 7, as in the samples.
pub(super) fn new_request_id(now: Timestamp) -> String {
    let mut random = [0; 10];
    random.copy_from_slice(&Uuid::new_v4().as_bytes()[6..]);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    format!("signv3-{}", uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use esign_pdf::facts::Rect;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::super::payload::Location;
    use super::*;

    /// What two people, with a browser each, and the client may do in any order.
    #[derive(Clone, Debug)]
    enum Action {
        Open(usize),
        Review(usize, usize),
        Proceed(usize),
        Reject(usize),
        Leave(usize),
        Approve(usize),
        Cancel,
        Wait(i64),
    }

    fn action() -> impl Strategy<Value = Action> {
        let who = 0..2_usize;
        prop_oneof![
            who.clone().prop_map(Action::Open),
            (who.clone(), 0..3_usize).prop_map(|(who, field)| Action::Review(who, field)),
            (who.clone(), 0..2_usize).prop_map(|(who, field)| Action::Review(who, field)),
            who.clone().prop_map(Action::Proceed),
            who.clone().prop_map(Action::Reject),
            who.clone().prop_map(Action::Leave),
            who.prop_map(Action::Approve),
            Just(Action::Cancel),
            (1..20_i64).prop_map(Action::Wait),
        ]
    }

    fn person(who: usize) -> Person {
        Person::new("A", ["S1234567D", "T7654321Z"][who])
    }

    fn store(now: Timestamp) -> (Store, String) {
        let location = Location { page: 1, x: 0, y: 0 };
        let place = Place { location, rect: Rect::new(0.0, 0.0, 220.5, 60.0) };
        let new = NewRequest {
            client_id: "a".to_owned(),
            doc_name: "b".to_owned(),
            places: vec![place; 2],
            signer_uin_hash: None,
            pdf: Bytes::from_static(b"pdf"),
        };
        let mut store = Store::default();
        let id = store.create(new, now, str::to_owned).id.clone();
        (store, id)
    }

    proptest! {
        /// Whatever happens: one holder, no signature unreviewed, late or by another, one end, and no cancelling while
        /// someone is about to sign.
        #[test]
        fn the_lock_the_order_and_the_end_hold(actions in proptest::collection::vec(action(), 1..60)) {
            let start = Timestamp::from_second(1_800_000_000).unwrap();
            let (mut store, id) = store(start);
            let mut now = start;
            let mut tokens = [String::new(), String::new()];
            let (mut holder, mut reviewed, mut proceeded) = (None, [false; 2], false);
            let mut end = None;
            for action in actions {
                let pending = end.is_none() && now.duration_since(start) < SESSION;
                match action {
                    Action::Open(who) => {
                        let opened = store.open(&id, person(who), |_, _| true, now);
                        prop_assert_eq!(opened.is_ok(), pending && holder.is_none_or(|holder| holder == who));
                        if let Ok(token) = opened {
                            tokens[who] = token;
                            (holder, reviewed, proceeded) = (Some(who), [false; 2], false);
                        }
                    }
                    Action::Review(who, field) => {
                        if store.review(&tokens[who], field, now).is_ok() {
                            prop_assert!(pending && holder == Some(who));
                            reviewed[field] = true;
                        }
                    }
                    Action::Proceed(who) => {
                        if store.proceed(&tokens[who], 1234, now).is_ok() {
                            prop_assert!(pending && holder == Some(who) && reviewed == [true; 2]);
                            proceeded = true;
                        }
                    }
                    Action::Reject(who) => {
                        if store.reject(&tokens[who], now).is_ok() {
                            prop_assert!(pending && proceeded);
                            proceeded = false;
                        }
                    }
                    Action::Leave(who) => {
                        if store.leave(&tokens[who]).is_ok() {
                            prop_assert_eq!(holder, Some(who));
                            proceeded = false;
                        }
                    }
                    Action::Approve(who) => {
                        if let Ok(job) = store.begin(&tokens[who], now) {
                            prop_assert!(pending && proceeded && holder == Some(who));
                            store.commit(job, Bytes::from_static(b"signed"));
                            (end, proceeded) = (Some(Status::Signed), false);
                        }
                    }
                    Action::Cancel => {
                        if store.cancel(&id, now).unwrap().is_ok() {
                            prop_assert!(end.is_none() && !(pending && proceeded));
                            end = Some(Status::Cancelled);
                        } else {
                            prop_assert!(end.is_some() || (pending && proceeded));
                        }
                    }
                    Action::Wait(minutes) => now += SignedDuration::from_mins(minutes),
                }
                let request = store.get(&id).unwrap();
                let pending = end.is_none() && now.duration_since(start) < SESSION;
                match (request.status(now), end) {
                    (Status::Signed | Status::AccessExpired, Some(Status::Signed))
                    | (Status::Cancelled, Some(Status::Cancelled)) => {}
                    (Status::Pending, None) => prop_assert!(pending),
                    (Status::Expired, None) => prop_assert!(!pending),
                    other => prop_assert!(false, "{other:?}"),
                }
                prop_assert_eq!(request.is_active(now), pending && proceeded);
                prop_assert_eq!(&request.pdf[..] == b"signed", end == Some(Status::Signed));
            }
        }
    }

    #[test]
    fn a_signature_that_was_begun_in_time_counts_and_holds_everything_up() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let (mut store, id) = store(start);
        let token = store.open(&id, person(0), |_, _| true, start).unwrap();
        for field in 0..2 {
            store.review(&token, field, start).unwrap();
        }
        store.proceed(&token, 1, start).unwrap();
        let job = store.begin(&token, start).unwrap();
        let late = start + SESSION;
        assert_eq!(store.get(&id).unwrap().status(late), Status::Pending);
        assert_eq!(store.cancel(&id, late), Some(Err(CancelRefused::ActiveSession)));
        assert_eq!(store.open(&id, person(0), |_, _| true, start), Err(Refusal::OutOfOrder));
        assert_eq!(store.proceed(&token, 1, start), Err(Refusal::OutOfOrder));
        assert!(matches!(store.leave(&token), Err(Refusal::OutOfOrder)));
        assert!(matches!(store.begin(&token, start), Err(Refusal::OutOfOrder)));
        store.abort(&job);
        assert_eq!(store.get(&id).unwrap().status(late), Status::Expired);
        store.proceed(&token, 1, start).unwrap();
        let job = store.begin(&token, start).unwrap();
        store.commit(job, Bytes::new());
        assert_eq!(store.get(&id).unwrap().status(late), Status::Signed);
    }
}
