//! Sign with Singpass, Document Signing V3: <https://docs.sign.singpass.gov.sg/for-relying-parties/api-documentation>.

mod clients;
mod control;
mod links;
mod pages;
mod payload;
mod person;
mod place;
mod request;
mod routes;
mod settings;
mod store;
mod token;
mod webhook;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::HeaderMap;
use bytes::Bytes;
use esign_pdf::sign::{Level, SignError, SignOptions, Subject};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

pub use crate::jose::ClientKeys;
pub use clients::{Client, InvalidClient};
pub use control::{NotPossible, RequestState, RequestStatus, SingpassControl};
pub use person::Person;
pub use settings::{ErrorCodes, PayloadShape, RedirectStatus, ResultPaths, SingpassSettings, SingpassSetup};
pub use webhook::{Delivery, DeliveryOutcome, Forgery};

pub(crate) use control::router as control_router;

use self::person::InvalidPerson;
use self::request::{Request, SESSION, Status};
use self::store::{Job, NewRequest, Refusal, Store};
use self::token::{Jti, Seen, check_times};
use self::wire::{Initiated, Refused, SignerInfo, SigningClaims, SigningResult, seconds};
use crate::jose::{Claims, KeyCache, OwnKeys, Presented, in_authorization};
use crate::outgoing::Outgoing;
use crate::shared::{Shared, compute};

/// What clients put before `/sign-requests`.
pub(crate) const BASE_PATH: &str = "/api/v3";

/// Where the service's own keys are.
pub(crate) const JWKS_PATH: &str = "/.well-known/keys.json";

/// The operations, by the names that faults and counts use.
pub(crate) const OPERATIONS: [&str; 5] =
    ["singpass.initiate", "singpass.result", "singpass.cancel", "singpass.download", "singpass.jwks"];

/// What the service writes into its signatures (measured on a document signed by its staging environment).
const APPLICATION: &str = "Sign with Singpass";

pub(crate) struct Singpass {
    shared: Arc<Shared>,
    state: Mutex<State>,
    own_keys: Arc<Mutex<OwnKeys>>,
    client_keys: KeyCache,
    outgoing: Outgoing,
    webhooks: webhook::Watched,
}

struct State {
    clients: BTreeMap<String, Client>,
    settings: SingpassSettings,
    seen: Seen,
    store: Store,
}

/// Why the portal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum PortalError {
    #[error("{}", describe(*.0))]
    Refused(Refusal),
    #[error(transparent)]
    Person(#[from] InvalidPerson),
    #[error("the document cannot be signed: {0}")]
    Failed(#[from] SignError),
}

impl From<Refusal> for PortalError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn describe(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Dead => "this link is wrong or has expired, or there is nothing to sign behind it any more",
        Refusal::WrongPerson => "this document is for another person to sign",
        Refusal::SessionOver => "this session at the portal is over; please open the link again",
        Refusal::NotReviewed => "every field must be reviewed before signing",
        Refusal::NoField => "there is no such field",
        Refusal::OutOfOrder => "this is not possible now",
    }
}

/// Whose key a token must be signed with.
enum Sender {
    /// Of the client that it names.
    Named,
    /// Of this client, which made the request.
    Owner(String),
    /// Of any client: nobody made such a request.
    Any,
}

/// How a browser comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    Success,
    Cancelled,
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(singpass: &Arc<Singpass>) -> Router<S> {
    routes::router(singpass).merge(pages::router(singpass))
}

impl Singpass {
    /// `own_keys` are all of Singpass's, whatever the product: they are published here.
    ///
    /// # Errors
    /// The client that cannot be registered, and why.
    pub(crate) fn new(
        shared: Arc<Shared>,
        own_keys: Arc<Mutex<OwnKeys>>,
        setup: SingpassSetup,
    ) -> Result<Self, (String, InvalidClient)> {
        let mut clients = BTreeMap::new();
        for client in setup.clients {
            client.check(&setup.settings).map_err(|invalid| (client.client_id.clone(), invalid))?;
            clients.insert(client.client_id.clone(), client);
        }
        let state =
            State { clients, settings: setup.settings, seen: Seen::default(), store: Store::default() };
        Ok(Self {
            shared,
            state: Mutex::new(state),
            own_keys,
            client_keys: KeyCache::default(),
            outgoing: Outgoing::default(),
            webhooks: watch::Sender::default(),
        })
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_keys(&self) -> MutexGuard<'_, OwnKeys> {
        self.own_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> SingpassSettings {
        self.lock().settings.clone()
    }

    fn link_url(&self, token: &str) -> String {
        self.shared.url(&format!("/singpass/documents/{token}"))
    }

    fn signing_url(&self, request: &Request) -> String {
        let Request { id, signing_token, .. } = request;
        self.shared.url(&format!("/singpass/sign?token={signing_token}&request_id={id}"))
    }

    /// POST /sign-requests, with a token that says where to sign and whose client asks.
    async fn initiate(&self, headers: &HeaderMap, pdf: Bytes) -> Result<Initiated, Refused> {
        let (client_id, claims) = self.authorize(headers, Sender::Named, Jti::Required).await?;
        let settings = self.settings();
        let payload = payload::read(&claims, &settings).map_err(Refused::InvalidRequest)?;
        let (places, pdf) = compute(move || {
            let places = place::places(&pdf, &payload.locations, &settings);
            places.map(|places| (places, pdf))
        })
        .await
        .map_err(Refused::InvalidDocument)?;
        let now = self.now();
        let store = &mut self.lock().store;
        let new = NewRequest {
            client_id,
            doc_name: payload.doc_name,
            places,
            signer_uin_hash: payload.signer_uin_hash,
            pdf,
        };
        let request = store.create(new, now, |id| {
            let iat = seconds(now);
            self.own_keys().newest().sign(&SigningClaims {
                request_id: id,
                iat,
                exp: iat + SESSION.as_secs(),
            })
        });
        Ok(Initiated {
            request_id: request.id.clone(),
            signing_url: self.signing_url(request),
            exchange_code: request.exchange_code.clone(),
        })
    }

    /// GET /sign-requests/{id}/signed-doc.
    async fn result(&self, id: &str, headers: &HeaderMap) -> Result<SigningResult, Refused> {
        let owner = self.lock().store.get(id).map(|request| request.client_id.clone());
        // The token names no client, and is checked before anything is said about the request.
        let sender = owner.map_or(Sender::Any, Sender::Owner);
        let (_, claims) = self.authorize(headers, sender, Jti::Required).await?;
        let code = claims.text("exchange_code").map_err(Refused::Unauthorized)?;
        let now = self.now();
        let State { store, settings, .. } = &mut *self.lock();
        let request = store.get(id).ok_or(Refused::NotFound)?;
        if code.as_deref() != Some(request.exchange_code.as_str()) {
            return Err(Refused::Unauthorized("exchange_code is not the one of this request".to_owned()));
        }
        match request.status(now) {
            Status::Pending => return Err(Refused::NotSigned),
            Status::Expired => return Err(Refused::Expired),
            Status::AccessExpired => return Err(Refused::AccessExpired),
            Status::Cancelled => return Err(Refused::Cancelled),
            Status::Signed => {}
        }
        let signer_info = SignerInfo::of(request, settings);
        let (link, until) = store.publish(id, now);
        Ok(SigningResult {
            signed_doc_url: self.link_url(&link),
            signer_info,
            exp: settings.result_exp.then(|| seconds(until)),
        })
    }

    /// POST /sign-requests/cancel.
    async fn cancel(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let (client_id, claims) = self.authorize(headers, Sender::Named, Jti::Optional).await?;
        let id =
            claims.text("request_id").and_then(|id| id.ok_or_else(|| "request_id is missing".to_owned()));
        let id = id.map_err(Refused::InvalidRequest)?;
        let now = self.now();
        let store = &mut self.lock().store;
        if store.get(&id).is_none_or(|request| request.client_id != client_id) {
            return Err(Refused::NotFound);
        }
        Ok(store.cancel(&id, now).ok_or(Refused::NotFound)??)
    }

    /// Checks the token. Returns the client's id and what it claims.
    async fn authorize(
        &self,
        headers: &HeaderMap,
        sender: Sender,
        jti: Jti,
    ) -> Result<(String, Claims), Refused> {
        self.check_token(headers, sender, jti).await.map_err(Refused::Unauthorized)
    }

    async fn check_token(
        &self,
        headers: &HeaderMap,
        sender: Sender,
        jti: Jti,
    ) -> Result<(String, Claims), String> {
        let presented = in_authorization(headers)?;
        let kid = presented.kid.clone().ok_or("the token's header has no kid")?;
        let named = named_client(&presented.unproven)?;
        let client_id = match (sender, named) {
            (Sender::Owner(owner), Some(named)) if named != owner => {
                return Err("client_id is not the one that made the request".to_owned());
            }
            (Sender::Owner(id), _) | (Sender::Named | Sender::Any, Some(id)) => Some(id),
            (Sender::Named, None) => return Err("client_id is missing".to_owned()),
            (Sender::Any, None) => None,
        };
        let mut why = match &client_id {
            Some(id) => format!("no client is registered as {id:?}"),
            None => "no client is registered".to_owned(),
        };
        for client in self.clients(client_id.as_deref()) {
            match self.prove(&presented, &kid, &client).await {
                Ok(claims) => {
                    let now = self.now();
                    let State { seen, settings, .. } = &mut *self.lock();
                    seen.admit(&client.client_id, &claims, jti, now, settings)?;
                    return Ok((client.client_id, claims));
                }
                Err(refused) => why = refused,
            }
        }
        Err(why)
    }

    /// The client with this id, or all of them.
    fn clients(&self, id: Option<&str>) -> Vec<Client> {
        let state = self.lock();
        match id {
            Some(id) => state.clients.get(id).cloned().into_iter().collect(),
            None => state.clients.values().cloned().collect(),
        }
    }

    async fn prove(&self, presented: &Presented<'_>, kid: &str, client: &Client) -> Result<Claims, String> {
        let (outgoing, clock) = (&self.outgoing, &self.shared.clock);
        let keys = self.client_keys.find(&client.client_id, &client.keys, Some(kid), outgoing, clock).await?;
        let claims = presented.prove(&keys)?;
        check_times(&claims, self.now(), &self.settings())?;
        Ok(claims)
    }

    /// Logs a person in at the portal. Returns the session's token.
    fn open(&self, id: &str, person: &Person) -> Result<String, PortalError> {
        let person = person.checked()?;
        let now = self.now();
        let State { store, settings, .. } = &mut *self.lock();
        Ok(store.open(id, person, |person, hash| person.is_named_by(hash, settings), now)?)
    }

    fn review(&self, session: &str, field: usize) -> Result<(), PortalError> {
        let now = self.now();
        Ok(self.lock().store.review(session, field, now)?)
    }

    /// Reviews what was not, and proceeds to sign.
    fn review_and_proceed(&self, session: &str) -> Result<(), PortalError> {
        let fields = self.lock().store.view(session, self.now())?.reviewed.len();
        (0..fields).try_for_each(|field| self.review(session, field))?;
        self.proceed(session)
    }

    fn proceed(&self, session: &str) -> Result<(), PortalError> {
        let now = self.now();
        let code = (Uuid::new_v4().as_u128() % 10_000) as u16;
        Ok(self.lock().store.proceed(session, code, now)?)
    }

    fn reject(&self, session: &str) -> Result<(), PortalError> {
        let now = self.now();
        Ok(self.lock().store.reject(session, now)?)
    }

    /// Ends a session. Returns where the browser goes.
    fn leave(&self, session: &str) -> Result<Url, PortalError> {
        let state = &mut *self.lock();
        let request = state.store.leave(session)?;
        let how = if request.signed().is_some() { Return::Success } else { Return::Cancelled };
        Ok(return_url(&state.clients, &state.settings, request, how).ok_or(Refusal::Dead)?)
    }

    /// Where the browser goes of someone who may not sign.
    fn turned_away(&self, id: &str) -> Option<Url> {
        let state = self.lock();
        return_url(&state.clients, &state.settings, state.store.get(id)?, Return::Cancelled)
    }

    /// Approves in the app: signs every field, tells the client.
    async fn approve(self: &Arc<Self>, session: &str) -> Result<(), PortalError> {
        let (job, level) = {
            let now = self.now();
            let mut state = self.lock();
            let level = if state.settings.long_term { Level::BLT } else { Level::BT };
            (state.store.begin(session, now)?, level)
        };
        let shared = self.shared.clone();
        let (job, signed) = compute(move || {
            let signed = sign(&shared, &job, level);
            (job, signed)
        })
        .await;
        let id = job.request.clone();
        match signed {
            Ok(signed) => self.lock().store.commit(job, signed),
            Err(error) => {
                self.lock().store.abort(&job);
                return Err(error.into());
            }
        }
        self.announce(&id);
        Ok(())
    }
}

impl fmt::Debug for Singpass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Singpass").finish_non_exhaustive()
    }
}

/// The client's id; the text about cancelling calls it `client_request`, its sample does not.
fn named_client(claims: &Claims) -> Result<Option<String>, String> {
    match (claims.text("client_id")?, claims.text("client_request")?) {
        (Some(one), Some(other)) if one != other => Err("client_id and client_request differ".to_owned()),
        (one, other) => Ok(one.or(other)),
    }
}

fn return_url(
    clients: &BTreeMap<String, Client>,
    settings: &SingpassSettings,
    request: &Request,
    how: Return,
) -> Option<Url> {
    let mut url = clients.get(&request.client_id)?.redirect_url.clone();
    let status = match (&settings.redirect_status, how) {
        (RedirectStatus::AsDocumented, Return::Success) => Some("success"),
        (RedirectStatus::AsDocumented, Return::Cancelled) => Some("cancelled"),
        (RedirectStatus::Absent, _) => None,
        (RedirectStatus::Always(status), _) => Some(status.as_str()),
    };
    let mut query = url.query_pairs_mut();
    query.append_pair("request_id", &request.id);
    if let Some(status) = status {
        query.append_pair("status", status);
    }
    drop(query);
    Some(url)
}

/// One signature for every place, all with one certificate.
fn sign(shared: &Shared, job: &Job, level: Level) -> Result<Bytes, SignError> {
    let mut subject = Subject::new(&job.person.name);
    subject.serial_number = Some(job.person.serial_number());
    let identity = shared.signing.issue(&subject, job.at)?;
    let mut pdf = job.pdf.clone();
    for (index, place) in job.places.iter().enumerate() {
        let field = format!("v3-{}", Uuid::new_v4());
        let mut options = SignOptions::new(field, place.location.page, place.rect, job.at);
        options.application = Some(APPLICATION.to_owned());
        // Validation data once, after the last signature, as measured.
        options.level = if index + 1 == job.places.len() { level } else { Level::BT };
        pdf = shared.signing.sign(&pdf, &identity, &options)?;
    }
    Ok(pdf)
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
