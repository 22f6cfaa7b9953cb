//! Signify, API v2: <https://guide.signify.gov.sg/user-guides/api-guide/api-v2>.

mod control;
mod form;
mod pages;
mod rate;
mod routes;
mod settings;
mod store;
mod validate;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use bytes::Bytes;
use esign_pdf::facts::{Rect, Size};
use esign_pdf::sign::{Level, SignOptions, Subject};
use jiff::Timestamp;

pub use control::{DocumentState, InvitationState, NotPossible, SignedAs, Signer, SignifyControl};
pub use settings::{
    DocumentUrlKey, ErrorStyle, ExpiredUrl, IdStyle, MessageStyle, Origin, RateLimit, SignifySettings,
    SignifySetup,
};

pub(crate) use control::router as control_router;

use self::rate::Window;
use self::store::{Document, Job, Progress, Refusal, Store};
use self::validate::{Form, Placeholder, Refused};
use crate::ids;
use crate::mailbox::Message;
use crate::shared::{Shared, compute};
use crate::signing::{BOX, MAX_SIGNER_NAME};

/// What clients put before `v2/documents`.
pub(crate) const BASE_PATH: &str = "/public/";

/// The operations, by the names that faults and counts use.
pub(crate) const OPERATIONS: [&str; 5] =
    ["signify.create", "signify.list", "signify.get", "signify.delete", "signify.download"];

pub(crate) struct Signify {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

struct State {
    keys: HashMap<String, Key>,
    settings: SignifySettings,
    store: Store,
}

struct Key {
    user: String,
    window: Window,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningError {
    #[error("{}", describe(*.0))]
    Refused(Refusal),
    #[error("the name must have 1 to {MAX_SIGNER_NAME} characters and no control characters")]
    Name,
    #[error("the document cannot be signed: {0}")]
    Failed(#[from] esign_pdf::sign::SignError),
}

impl From<Refusal> for SigningError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn describe(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => {
            "there is no such document: it was deleted, it has expired, or the link is wrong"
        }
        Refusal::Ongoing => "please try again later: a signing session is ongoing",
        Refusal::SessionOver => "this signing session is over; please start again",
        Refusal::Complete => "nothing is left to sign here",
        Refusal::NotThere => "there is no such placeholder left to sign",
    }
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(signify: &Arc<Signify>) -> Router<S> {
    routes::router(signify).merge(pages::router(signify))
}

impl Signify {
    pub(crate) fn new(shared: Arc<Shared>, setup: SignifySetup) -> Self {
        let keys = setup.keys.into_iter().map(|(key, user)| (key, Key { user, window: Window::default() }));
        let state = State { keys: keys.collect(), settings: setup.settings, store: Store::default() };
        Self { shared, state: Mutex::new(state) }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> SignifySettings {
        self.lock().settings.clone()
    }

    fn signing_url(&self, link: &str) -> String {
        self.shared.url(&format!("/documents/sign/{link}"))
    }

    /// Validates, stores and, in email mode, invites.
    async fn create(&self, user: String, form: Form) -> Result<wire::Created, Refused> {
        let settings = self.settings();
        let rules = settings.clone();
        let new = compute(move || validate::validate(form, &rules)).await?;
        let now = self.now();
        let mut state = self.lock();
        let document = state.store.create(user, new, now);
        self.invite(document, now);
        Ok(wire::created(document, |link| self.signing_url(link), &settings))
    }

    fn invite(&self, document: &Document, now: Timestamp) {
        for invitation in &document.invitations {
            let Some(email) = &invitation.email else { continue };
            let mut text = format!(
                "You have been invited to sign {} ({} signatures).",
                document.name,
                invitation.placeholders.len()
            );
            if let Some(message) = &invitation.message {
                text = format!("{text}\n{message}");
            }
            self.shared.mailbox.deliver(Message {
                service: "signify",
                to: email.clone(),
                subject: format!("Invitation to sign {}", document.name),
                text: format!("{text}\n{}", crate::pages::NOTICE),
                link: Some(self.signing_url(&invitation.link)),
                at: now,
            });
        }
    }

    /// Locks the document for `name`; the token is the session's.
    fn open_session(&self, link: &str, name: &str) -> Result<String, SigningError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > MAX_SIGNER_NAME || name.chars().any(char::is_control) {
            return Err(SigningError::Name);
        }
        let now = self.now();
        let mut state = self.lock();
        let minutes = state.settings.session_minutes;
        Ok(state.store.open(link, name.to_owned(), now, minutes)?)
    }

    fn leave(&self, link: &str, token: &str) -> Result<(), SigningError> {
        let now = self.now();
        Ok(self.lock().store.leave(link, token, now)?)
    }

    /// Signs one placeholder, the first open one unless said otherwise.
    async fn sign(
        &self,
        link: &str,
        token: &str,
        placeholder: Option<usize>,
    ) -> Result<Progress, SigningError> {
        let (job, origin) = {
            let now = self.now();
            let mut state = self.lock();
            (state.store.begin(link, token, placeholder, now)?, state.settings.placement_origin)
        };
        let shared = self.shared.clone();
        let (job, signed) = compute(move || {
            let signed = append_signature(&shared, &job, origin);
            (job, signed)
        })
        .await;
        let now = self.now();
        let mut state = self.lock();
        match signed {
            Ok(signed) => {
                let moves = state.settings.expiry_moves_on_completion;
                Ok(state.store.commit(job, signed, now, moves)?)
            }
            Err(error) => {
                state.store.abort(&job, now);
                Err(error.into())
            }
        }
    }

    /// Opens a session, signs one placeholder and leaves.
    async fn sign_once(
        &self,
        link: &str,
        name: &str,
        placeholder: Option<usize>,
    ) -> Result<Progress, SigningError> {
        let token = self.open_session(link, name)?;
        let outcome = self.sign(link, &token, placeholder).await;
        // The session may have ended with the last signature, and the document may be gone: both are fine here.
        let _ = self.leave(link, &token);
        outcome
    }
}

impl fmt::Debug for Signify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signify").finish_non_exhaustive()
    }
}

fn append_signature(shared: &Shared, job: &Job, origin: Origin) -> Result<Bytes, esign_pdf::sign::SignError> {
    let field = format!("signify-{}", ids::ulid(job.at));
    let rect = visible_box(job.page, job.place, origin);
    let identity = shared.signing.issue(&Subject::new(&job.signer), job.at)?;
    let mut options = SignOptions::new(field, job.place.page, rect, job.at);
    options.level = Level::BLT; // the guide calls its signatures PAdES-LTV
    shared.signing.sign(&job.pdf, &identity, &options)
}

/// The box of a placeholder on a page as shown, in points from its lower-left corner.
///
/// The position names the box's corner that is nearest to the origin. A box that would cross an edge is shifted inwards
/// until it fits; on a page smaller than the box it shrinks to the page. The real service documents neither.
fn visible_box(page: Size, place: Placeholder, origin: Origin) -> Rect {
    let (width, height) = (BOX.width.min(page.width), BOX.height.min(page.height));
    let x = place.x * page.width;
    let y = match origin {
        Origin::TopLeft => page.height - place.y * page.height - height,
        Origin::BottomLeft => place.y * page.height,
    };
    Rect::new(x.clamp(0.0, page.width - width), y.clamp(0.0, page.height - height), width, height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_box_lies_on_its_page(
            (width, height) in (1.0..20_000.0, 1.0..20_000.0),
            (x, y) in (0.0..=1.0, 0.0..=1.0),
            top in any::<bool>(),
        ) {
            let origin = if top { Origin::TopLeft } else { Origin::BottomLeft };
            let rect = visible_box(Size { width, height }, Placeholder { page: 1, x, y }, origin);
            prop_assert!(Rect::new(0.0, 0.0, width, height).contains(&rect), "{rect:?}");
            prop_assert!(rect.width > 0.0 && rect.height > 0.0);
        }
    }

    #[test]
    fn the_box_is_where_it_was_asked_for_and_stays_on_the_page() {
        let a4 = Size { width: 595.0, height: 842.0 };
        let tiny = Size { width: 100.0, height: 50.0 };
        for (page, x, y, origin, expected) in [
            (a4, 0.0, 0.0, Origin::TopLeft, (0.0, 782.0, 220.5, 60.0)),
            (a4, 0.1, 0.5, Origin::TopLeft, (59.5, 361.0, 220.5, 60.0)),
            (a4, 1.0, 1.0, Origin::TopLeft, (374.5, 0.0, 220.5, 60.0)),
            (a4, 0.0, 0.0, Origin::BottomLeft, (0.0, 0.0, 220.5, 60.0)),
            (a4, 1.0, 1.0, Origin::BottomLeft, (374.5, 782.0, 220.5, 60.0)),
            (tiny, 0.5, 0.5, Origin::TopLeft, (0.0, 0.0, 100.0, 50.0)),
        ] {
            let rect = visible_box(page, Placeholder { page: 1, x, y }, origin);
            assert_eq!((rect.x, rect.y, rect.width, rect.height), expected, "{x} {y} {origin:?}");
        }
    }
}
