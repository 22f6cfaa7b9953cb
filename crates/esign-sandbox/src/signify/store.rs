//! Documents, invitations, links and signing sessions: a state machine without I/O, on the time it is given.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use esign_pdf::facts::Size;
use jiff::civil::Time;
use jiff::tz::{TimeZone, offset};
use jiff::{SignedDuration, Timestamp, ToSpan};
use url::Url;

use super::validate::{Mode, NewDocument, Placeholder};
use crate::ids;

#[derive(Default)]
pub(crate) struct Store {
    last_id: u64,
    documents: BTreeMap<u64, Document>,
    /// Signing link to document and invitation.
    links: HashMap<String, (u64, usize)>,
    urls: HashMap<String, DocumentUrl>,
}

pub(crate) struct Document {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) redirect_url: Option<Url>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) pdf: Bytes,
    pub(crate) pages: Vec<Size>,
    pub(crate) invitations: Vec<Invitation>,
    session: Option<Session>,
}

pub(crate) struct Invitation {
    /// Last part of the signing link.
    pub(crate) link: String,
    pub(crate) email: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) placeholders: Vec<Placeholder>,
    pub(crate) completed: Vec<Completed>,
}

/// A signature that was made.
#[derive(Clone)]
pub(crate) struct Completed {
    pub(crate) name: String,
    /// In whole seconds, as the samples of the guide show.
    pub(crate) at: Timestamp,
    /// Index among the invitation's placeholders.
    pub(crate) placeholder: usize,
}

/// One person at the document; it locks the document for everybody else.
#[derive(Clone)]
struct Session {
    token: String,
    invitation: usize,
    signer: String,
    until: Timestamp,
    /// A signature is being made right now.
    signing: bool,
}

struct DocumentUrl {
    document: u64,
    until: Timestamp,
}

/// A signature to be made outside the store, on the bytes as they are now.
pub(crate) struct Job {
    document: u64,
    invitation: usize,
    token: String,
    pub(crate) placeholder: usize,
    pub(crate) at: Timestamp,
    pub(crate) signer: String,
    pub(crate) place: Placeholder,
    pub(crate) page: Size,
    pub(crate) pdf: Bytes,
}

/// What a signature brought about.
pub(crate) struct Progress {
    /// All signatures of this invitation are made.
    pub(crate) invitation_done: bool,
    pub(crate) redirect_url: Option<Url>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such link or document, deleted, or expired.
    NotFound,
    /// Someone else is signing.
    Ongoing,
    /// The session was left, has timed out, or never was.
    SessionOver,
    /// Nothing is left to sign on this invitation.
    Complete,
    /// There is no such placeholder, or it is signed already.
    NotThere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeleteRefused {
    NotFound,
    Signed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlRefused {
    Unknown,
    Expired,
}

impl Document {
    pub(crate) fn is_signed(&self) -> bool {
        self.invitations.iter().all(Invitation::is_signed)
    }

    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now > self.expires_at
    }

    /// Someone is signing at `now`.
    pub(crate) fn is_locked(&self, now: Timestamp) -> bool {
        self.session.as_ref().is_some_and(|session| now < session.until)
    }

    fn session(&mut self, invitation: usize, token: &str, now: Timestamp) -> Result<&mut Session, Refusal> {
        self.session
            .as_mut()
            .filter(|session| {
                session.token == token && session.invitation == invitation && now < session.until
            })
            .ok_or(Refusal::SessionOver)
    }
}

impl Invitation {
    pub(crate) fn is_signed(&self) -> bool {
        self.completed.len() == self.placeholders.len()
    }

    pub(crate) fn is_open(&self, placeholder: usize) -> bool {
        placeholder < self.placeholders.len()
            && self.completed.iter().all(|completed| completed.placeholder != placeholder)
    }
}

impl Store {
    pub(crate) fn create(&mut self, owner: String, new: NewDocument, now: Timestamp) -> &Document {
        self.last_id += 1;
        let id = self.last_id;
        let invitations: Vec<_> = new
            .invitations
            .into_iter()
            .map(|invitation| Invitation {
                link: ids::ulid(now),
                email: invitation.email,
                message: invitation.message,
                placeholders: invitation.placeholders,
                completed: Vec::new(),
            })
            .collect();
        for (index, invitation) in invitations.iter().enumerate() {
            self.links.insert(invitation.link.clone(), (id, index));
        }
        self.documents.entry(id).or_insert(Document {
            id,
            owner,
            name: new.name,
            mode: new.mode,
            redirect_url: new.redirect_url,
            created_at: now,
            expires_at: end_of_day_30(now),
            pdf: new.pdf,
            pages: new.pages,
            invitations,
            session: None,
        })
    }

    /// All documents, oldest first, expired ones included.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Document> {
        self.documents.values()
    }

    /// The document, unless it has expired.
    pub(crate) fn document(&self, id: u64, now: Timestamp) -> Option<&Document> {
        self.documents.get(&id).filter(|document| !document.is_expired(now))
    }

    pub(crate) fn delete(
        &mut self,
        owner: &str,
        id: u64,
        now: Timestamp,
        even_signed: bool,
    ) -> Result<(), DeleteRefused> {
        let document = self
            .document(id, now)
            .filter(|document| document.owner == owner)
            .ok_or(DeleteRefused::NotFound)?;
        if document.is_signed() && !even_signed {
            return Err(DeleteRefused::Signed);
        }
        self.documents.remove(&id);
        self.links.retain(|_, (document, _)| *document != id);
        self.urls.retain(|_, url| url.document != id);
        Ok(())
    }

    /// A new address for the document's bytes.
    pub(crate) fn publish(&mut self, document: u64, now: Timestamp, minutes: u32) -> String {
        // Keeps expired ones for a day, so that they answer as expired rather than unknown.
        self.urls.retain(|_, url| now.duration_since(url.until) < SignedDuration::from_hours(24));
        let id = ids::ulid(now);
        let until = later(now, Duration::from_secs(60 * u64::from(minutes)));
        self.urls.insert(id.clone(), DocumentUrl { document, until });
        id
    }

    /// The document behind such an address, as it is now.
    pub(crate) fn published(&self, url: &str, now: Timestamp) -> Result<&Document, UrlRefused> {
        let url = self.urls.get(url).ok_or(UrlRefused::Unknown)?;
        let document = self.document(url.document, now).ok_or(UrlRefused::Unknown)?;
        if now < url.until { Ok(document) } else { Err(UrlRefused::Expired) }
    }

    /// The document and invitation behind a signing link.
    pub(crate) fn invited(&self, link: &str, now: Timestamp) -> Option<(&Document, &Invitation)> {
        let (document, invitation) = self.links.get(link)?;
        let document = self.document(*document, now)?;
        Some((document, &document.invitations[*invitation]))
    }

    /// Locks the document for `signer` and returns the session's token.
    pub(crate) fn open(
        &mut self,
        link: &str,
        signer: String,
        now: Timestamp,
        minutes: u32,
    ) -> Result<String, Refusal> {
        let (document, invitation) = self.invited_mut(link, now)?;
        if document.invitations[invitation].is_signed() {
            return Err(Refusal::Complete);
        }
        if document.is_locked(now) {
            return Err(Refusal::Ongoing);
        }
        let token = ids::token();
        let until = later(now, Duration::from_secs(60 * u64::from(minutes)));
        document.session = Some(Session { token: token.clone(), invitation, signer, until, signing: false });
        Ok(token)
    }

    /// Who signs in this session.
    pub(crate) fn signer(&mut self, link: &str, token: &str, now: Timestamp) -> Result<String, Refusal> {
        let (document, invitation) = self.invited_mut(link, now)?;
        Ok(document.session(invitation, token, now)?.signer.clone())
    }

    /// Ends a session and with it the lock. A session that is over already stays over.
    pub(crate) fn leave(&mut self, link: &str, token: &str, now: Timestamp) -> Result<(), Refusal> {
        let (document, invitation) = self.invited_mut(link, now)?;
        if document.session(invitation, token, now).is_ok() {
            document.session = None;
        }
        Ok(())
    }

    /// Starts to sign `placeholder`, or the first that is open. [`Store::commit`] or [`Store::abort`] must follow.
    pub(crate) fn begin(
        &mut self,
        link: &str,
        token: &str,
        placeholder: Option<usize>,
        now: Timestamp,
    ) -> Result<Job, Refusal> {
        let (document, invitation) = self.invited_mut(link, now)?;
        let (id, pdf) = (document.id, document.pdf.clone());
        let invited = &document.invitations[invitation];
        let placeholder = match placeholder {
            Some(wanted) => Some(wanted).filter(|wanted| invited.is_open(*wanted)),
            None => (0..invited.placeholders.len()).find(|index| invited.is_open(*index)),
        };
        let place = placeholder.map(|index| invited.placeholders[index]);
        let session = document.session(invitation, token, now)?;
        if session.signing {
            return Err(Refusal::Ongoing);
        }
        let (Some(placeholder), Some(place)) = (placeholder, place) else { return Err(Refusal::NotThere) };
        session.signing = true;
        let signer = session.signer.clone();
        // Checked at creation: the page exists.
        let page = document.pages[place.page as usize - 1];
        let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Ok(Job {
            document: id,
            invitation,
            token: token.to_owned(),
            placeholder,
            at,
            signer,
            place,
            page,
            pdf,
        })
    }

    /// Takes the signed bytes in, if the session still stands. Ends it when the invitation is done.
    pub(crate) fn commit(
        &mut self,
        job: Job,
        signed: Bytes,
        now: Timestamp,
        expiry_moves: bool,
    ) -> Result<Progress, Refusal> {
        let document = self
            .documents
            .get_mut(&job.document)
            .filter(|document| !document.is_expired(now))
            .ok_or(Refusal::NotFound)?;
        document.session(job.invitation, &job.token, now)?.signing = false;
        document.pdf = signed;
        let invitation = &mut document.invitations[job.invitation];
        invitation.completed.push(Completed { name: job.signer, at: job.at, placeholder: job.placeholder });
        let invitation_done = invitation.is_signed();
        if invitation_done {
            document.session = None;
        }
        if expiry_moves && document.is_signed() {
            document.expires_at = end_of_day_30(now);
        }
        Ok(Progress { invitation_done, redirect_url: document.redirect_url.clone() })
    }

    /// The signature was not made.
    pub(crate) fn abort(&mut self, job: &Job, now: Timestamp) {
        if let Some(document) = self.documents.get_mut(&job.document)
            && let Ok(session) = document.session(job.invitation, &job.token, now)
        {
            session.signing = false;
        }
    }

    fn invited_mut(&mut self, link: &str, now: Timestamp) -> Result<(&mut Document, usize), Refusal> {
        let (document, invitation) = *self.links.get(link).ok_or(Refusal::NotFound)?;
        let document = self
            .documents
            .get_mut(&document)
            .filter(|document| !document.is_expired(now))
            .ok_or(Refusal::NotFound)?;
        Ok((document, invitation))
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The last millisecond of the thirtieth day after `from` in Singapore (UTC+8, no summer time): the samples of the guide.
pub(crate) fn end_of_day_30(from: Timestamp) -> Timestamp {
    let singapore = TimeZone::fixed(offset(8));
    let last = Time::constant(23, 59, 59, 999_000_000);
    from.to_zoned(singapore.clone())
        .date()
        .checked_add(30.days())
        .and_then(|day| day.to_datetime(last).to_zoned(singapore))
        .map_or(Timestamp::MAX, |end| end.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::validate::NewInvitation;
    use super::*;

    /// What two signers, with a browser each, may do in any order.
    #[derive(Clone, Debug)]
    enum Action {
        Open(usize),
        Sign(usize, Option<usize>),
        Leave(usize),
        Wait(i64),
    }

    fn action() -> impl Strategy<Value = Action> {
        let signer = 0..2_usize;
        prop_oneof![
            signer.clone().prop_map(Action::Open),
            (signer.clone(), proptest::option::of(0..3_usize))
                .prop_map(|(who, what)| Action::Sign(who, what)),
            signer.prop_map(Action::Leave),
            (1..40_i64).prop_map(Action::Wait),
        ]
    }

    proptest! {
        /// Whatever happens: one session at a time, no placeholder signed twice, and signed means all of them.
        #[test]
        fn the_lock_and_the_counts_hold(actions in proptest::collection::vec(action(), 1..60)) {
            let (mut store, links) = store(Mode::Email, &[2, 3]);
            let mut now = start();
            let mut tokens = [String::new(), String::new()];
            let mut signed = 0;
            for action in actions {
                match action {
                    Action::Open(who) => {
                        let locked = store.document(1, now).unwrap().is_locked(now);
                        if let Ok(token) = store.open(&links[who], "A B".to_owned(), now, 30) {
                            prop_assert!(!locked);
                            tokens[who] = token;
                        }
                    }
                    Action::Sign(who, placeholder) => {
                        if let Ok(job) = store.begin(&links[who], &tokens[who], placeholder, now) {
                            store.commit(job, Bytes::new(), now, false).map_err(|_| TestCaseError::fail("lost"))?;
                            signed += 1;
                        }
                    }
                    Action::Leave(who) => store.leave(&links[who], &tokens[who], now).unwrap(),
                    Action::Wait(minutes) => now += SignedDuration::from_mins(minutes),
                }
                let open = (0..2).filter(|who| store.signer(&links[*who], &tokens[*who], now).is_ok()).count();
                let document = store.document(1, now).unwrap();
                prop_assert_eq!(open == 1, document.is_locked(now));
                let mut completed = 0;
                for invitation in &document.invitations {
                    let mut places: Vec<_> = invitation.completed.iter().map(|done| done.placeholder).collect();
                    places.sort_unstable();
                    places.dedup();
                    prop_assert_eq!(places.len(), invitation.completed.len());
                    completed += places.len();
                }
                prop_assert_eq!(completed, signed);
                prop_assert_eq!(document.is_signed(), signed == 5);
            }
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn start() -> Timestamp {
        at("2026-01-01T00:00:00Z")
    }

    fn new_document(mode: Mode, signatures: &[usize]) -> NewDocument {
        let place = Placeholder { page: 1, x: 0.0, y: 0.0 };
        let invitations = signatures.iter().enumerate().map(|(index, count)| NewInvitation {
            email: (mode == Mode::Email).then(|| format!("signer{index}@open.gov.sg")),
            message: None,
            placeholders: vec![place; *count],
        });
        NewDocument {
            name: "Contract".to_owned(),
            mode,
            redirect_url: None,
            invitations: invitations.collect(),
            pdf: Bytes::from_static(b"%PDF-"),
            pages: vec![Size { width: 595.0, height: 842.0 }],
        }
    }

    fn store(mode: Mode, signatures: &[usize]) -> (Store, Vec<String>) {
        let mut store = Store::default();
        let document = store.create("owner".to_owned(), new_document(mode, signatures), start());
        let links = document.invitations.iter().map(|invitation| invitation.link.clone()).collect();
        (store, links)
    }

    fn sign(store: &mut Store, link: &str, token: &str) -> Progress {
        let job = store.begin(link, token, None, start()).unwrap();
        store.commit(job, Bytes::from_static(b"%PDF- signed"), start(), false).unwrap()
    }

    #[test]
    fn expiry_is_the_end_of_day_30_in_singapore() {
        for (created, expires) in [
            ("2023-11-19T07:21:14.065Z", "2023-12-19T15:59:59.999Z"),
            ("2023-11-20T02:49:17.105Z", "2023-12-20T15:59:59.999Z"),
            ("2023-11-19T15:59:59.999Z", "2023-12-19T15:59:59.999Z"),
            ("2023-11-19T16:00:00Z", "2023-12-20T15:59:59.999Z"),
        ] {
            assert_eq!(end_of_day_30(at(created)), at(expires), "{created}");
        }
        assert_eq!(end_of_day_30(Timestamp::MAX), Timestamp::MAX);
    }

    #[test]
    fn signatures_grow_then_the_invitation_then_the_document_is_signed() {
        let (mut store, links) = store(Mode::Email, &[2, 1]);
        let token = store.open(&links[0], "A B".to_owned(), start(), 30).unwrap();
        assert!(!sign(&mut store, &links[0], &token).invitation_done);
        assert!(sign(&mut store, &links[0], &token).invitation_done);
        assert!(!store.document(1, start()).unwrap().is_signed());
        // The session ended with the invitation.
        assert_eq!(store.signer(&links[0], &token, start()), Err(Refusal::SessionOver));
        assert_eq!(store.open(&links[0], "A B".to_owned(), start(), 30), Err(Refusal::Complete));
        let token = store.open(&links[1], "C D".to_owned(), start(), 30).unwrap();
        assert!(sign(&mut store, &links[1], &token).invitation_done);
        assert!(store.document(1, start()).unwrap().is_signed());
    }

    #[test]
    fn one_person_at_a_time() {
        let (mut store, links) = store(Mode::Email, &[1, 1]);
        let token = store.open(&links[0], "A B".to_owned(), start(), 30).unwrap();
        assert_eq!(store.open(&links[1], "C D".to_owned(), start(), 30), Err(Refusal::Ongoing));
        assert_eq!(store.open(&links[0], "A B".to_owned(), start(), 30), Err(Refusal::Ongoing));
        store.leave(&links[0], &token, start()).unwrap();
        store.open(&links[1], "C D".to_owned(), start(), 30).unwrap();
    }

    #[test]
    fn an_abandoned_session_ends_by_itself() {
        let (mut store, links) = store(Mode::Link, &[1]);
        let token = store.open(&links[0], "A B".to_owned(), start(), 30).unwrap();
        let job = store.begin(&links[0], &token, None, start()).unwrap();
        let (before, after) = (at("2026-01-01T00:29:59Z"), at("2026-01-01T00:30:00Z"));
        assert_eq!(store.open(&links[0], "C D".to_owned(), before, 30), Err(Refusal::Ongoing));
        store.open(&links[0], "C D".to_owned(), after, 30).unwrap();
        // The first person's signature comes too late.
        let late = store.commit(job, Bytes::new(), after, false);
        assert_eq!(late.err(), Some(Refusal::SessionOver));
    }

    #[test]
    fn two_signatures_are_never_made_at_once() {
        let (mut store, links) = store(Mode::Link, &[2]);
        let token = store.open(&links[0], "A B".to_owned(), start(), 30).unwrap();
        let job = store.begin(&links[0], &token, Some(1), start()).unwrap();
        assert_eq!(store.begin(&links[0], &token, Some(0), start()).err(), Some(Refusal::Ongoing));
        store.abort(&job, start());
        assert_eq!(store.begin(&links[0], &token, Some(0), start()).unwrap().placeholder, 0);
    }

    #[test]
    fn a_placeholder_is_signed_once() {
        let (mut store, links) = store(Mode::Link, &[2]);
        let token = store.open(&links[0], "A B".to_owned(), start(), 30).unwrap();
        let job = store.begin(&links[0], &token, Some(1), start()).unwrap();
        store.commit(job, Bytes::new(), start(), false).unwrap();
        for gone in [1, 2] {
            assert_eq!(store.begin(&links[0], &token, Some(gone), start()).err(), Some(Refusal::NotThere));
        }
    }

    #[test]
    fn what_is_deleted_or_expired_is_not_there() {
        let (mut expired, links) = store(Mode::Link, &[1]);
        let (last, over) = (at("2026-01-31T15:59:59.999Z"), at("2026-01-31T16:00:00Z"));
        assert!(expired.document(1, last).is_some());
        assert!(expired.document(1, over).is_none());
        assert!(expired.invited(&links[0], over).is_none());
        assert_eq!(expired.delete("owner", 1, over, true), Err(DeleteRefused::NotFound));
        assert_eq!(expired.delete("another", 1, last, true), Err(DeleteRefused::NotFound));
        assert_eq!(expired.delete("owner", 1, last, true), Ok(()));
        assert!(expired.invited(&links[0], last).is_none());
        assert_eq!(expired.delete("owner", 1, last, true), Err(DeleteRefused::NotFound));
    }

    #[test]
    fn a_document_url_lives_30_minutes() {
        let (mut store, _) = store(Mode::Link, &[1]);
        let url = store.publish(1, start(), 30);
        assert!(store.published(&url, at("2026-01-01T00:29:59.999Z")).is_ok());
        assert_eq!(store.published(&url, at("2026-01-01T00:30:00Z")).err(), Some(UrlRefused::Expired));
        assert_eq!(store.published("other", start()).err(), Some(UrlRefused::Unknown));
    }

    #[test]
    fn expiry_may_move_with_the_last_signature() {
        let (mut store, links) = store(Mode::Link, &[1]);
        let now = at("2026-01-10T00:00:00Z");
        let token = store.open(&links[0], "A B".to_owned(), now, 30).unwrap();
        let job = store.begin(&links[0], &token, None, now).unwrap();
        store.commit(job, Bytes::new(), now, true).unwrap();
        assert_eq!(store.document(1, now).unwrap().expires_at, at("2026-02-09T15:59:59.999Z"));
    }
}
