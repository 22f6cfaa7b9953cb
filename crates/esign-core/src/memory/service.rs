//! The service behind the in-memory provider.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::transactions::Begun;
use super::{A4Pages, KIND, MemoryProvider};
use crate::facts::{Rect, Size};
use crate::{
    Bound, BoxSupport, CallbackSupport, Capabilities, CertificateHolder, Client, Clock, Config, Delivery,
    DeliverySupport, DocumentLimits, Endpoint, ExpirySupport, Handle, InboundCall, LegalClaim, LegalClass,
    Mark, MediaType, MessageSupport, NameRules, Need, Neutral, Operation, Order, OriginProof, PdfRules,
    Prepared, Range, ReferenceSupport, Registry, ResolvedSpot, Result, ReturnUrlSupport, Role, SignerLimits,
    State, Support, VirtualClock,
};

/// A little signing service in memory. Clones are the same service.
#[derive(Clone)]
pub struct MemoryService {
    inner: Arc<Inner>,
}

struct Inner {
    clock: VirtualClock,
    world: Mutex<World>,
}

struct World {
    capabilities: Capabilities,
    requests: BTreeMap<String, Request>,
    faults: Vec<(Operation, MemoryFault)>,
    calls: BTreeMap<&'static str, u32>,
    next_id: u64,
    tokens: BTreeMap<String, Timestamp>,
    extended: bool,
    /// The next request gets no links in its answer.
    linkless: bool,
    /// Transactions that were begun and have not come back, by their state.
    begun: BTreeMap<String, Begun>,
}

/// How long a token of the service works.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// What the service keeps of a request.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) reference: String,
    pub(super) delivery: Delivery,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) documents: Vec<(String, MediaType, Bytes)>,
    pub(super) signers: Vec<ServiceSigner>,
    pub(super) ended: Option<State>,
    pub(super) word: Option<String>,
    pub(super) boxes: Vec<(u32, Rect)>,
    pub(super) heard: String,
    /// Who was reminded, each time.
    pub(super) reminded: Vec<String>,
    pub(super) erased: bool,
    pub(super) result_gone: bool,
    /// The answer to its create had no links.
    pub(super) linkless: bool,
}

#[derive(Clone)]
pub(super) struct ServiceSigner {
    pub(super) key: String,
    pub(super) group: u32,
    /// The service checks who signs.
    pub(super) identified: bool,
    pub(super) signed_at: Option<Timestamp>,
    pub(super) declined: bool,
}

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryFault {
    /// No connection: nothing happens at the service.
    RefuseConnection,
    /// The service does what was asked, and the answer is lost.
    LoseAnswer,
    /// Too many requests; nothing happens.
    RateLimited {
        /// What Retry-After says.
        after: Option<Duration>,
    },
    /// The service refuses with this HTTP status; nothing happens.
    Refuse(u16),
    /// The service fails with a 503 after doing what was asked.
    FailAfterEffect,
    /// The service does what was asked and answers with something that cannot be understood.
    Garbage,
    /// Something in between answers in the service's place, with this HTTP status; nothing happens.
    Intercepted(u16),
    /// The service does what was asked, and its answer has no signing links: a later look at the status has them.
    WithoutLink,
}

impl Default for MemoryService {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryService {
    /// A service that can do everything, at noon UTC on 1 January 2026 by its own virtual clock.
    #[must_use]
    pub fn new() -> Self {
        // A constant that parses.
        let start = "2026-01-01T12:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let world = World {
            capabilities: everything(),
            requests: BTreeMap::new(),
            faults: Vec::new(),
            calls: BTreeMap::new(),
            next_id: 1,
            tokens: BTreeMap::new(),
            extended: false,
            linkless: false,
            begun: BTreeMap::new(),
        };
        Self { inner: Arc::new(Inner { clock: VirtualClock::at(start), world: Mutex::new(world) }) }
    }

    /// Changes what the service can do.
    pub fn change_capabilities(&self, change: impl FnOnce(&mut Capabilities)) {
        change(&mut self.world().capabilities);
    }

    /// What the service can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.world().capabilities.clone()
    }

    /// A provider over this service.
    #[must_use]
    pub fn provider(&self) -> MemoryProvider {
        MemoryProvider::new(self.clone())
    }

    /// A client whose only, active instance `memory` is this service, and which takes every PDF for three A4 pages.
    ///
    /// # Errors
    /// None in practice.
    pub async fn client(&self) -> Result<Client> {
        let config = Config { active: Some("memory".into()), ..Config::default() };
        Client::builder(Registry::new())
            .config(config)
            .provider("memory", Arc::new(self.provider()))
            .clock(Arc::new(self.clock()))
            .inspector(Arc::new(A4Pages(3)))
            .build()
            .await
    }

    /// The service's clock.
    #[must_use]
    pub fn clock(&self) -> VirtualClock {
        self.inner.clock.clone()
    }

    /// Makes the next call of this operation go wrong.
    pub fn fail_next(&self, operation: Operation, fault: MemoryFault) {
        self.world().faults.push((operation, fault));
    }

    /// How often an operation reached the service.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u32 {
        self.world().calls.get(operation.as_str()).copied().unwrap_or_default()
    }

    /// How many requests the service has accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.world().requests.len()
    }

    /// A signer signs; false if it is not possible: unknown, ended, already signed or not this signer's turn.
    pub fn sign(&self, handle: &Handle, signer: &str) -> bool {
        let now = self.inner.clock.now();
        self.act(handle, signer, |signer| signer.signed_at = Some(now))
    }

    /// Somebody else signs in a signer's place; false if the service checks who it is, and as for [`MemoryService::sign`].
    pub fn sign_as_somebody_else(&self, handle: &Handle, signer: &str) -> bool {
        let request = self.request(handle.request().id());
        let checked = request.is_some_and(|r| r.signers.iter().any(|s| s.key == signer && s.identified));
        !checked && self.sign(handle, signer)
    }

    /// A signer refuses; false if it is not possible.
    pub fn decline(&self, handle: &Handle, signer: &str) -> bool {
        let declined = self.act(handle, signer, |signer| signer.declined = true);
        if declined && let Some(request) = self.world().requests.get_mut(handle.request().id()) {
            request.ended = Some(State::Declined);
        }
        declined
    }

    /// The service ends the request in a state.
    pub fn end(&self, handle: &Handle, state: State) {
        if let Some(request) = self.world().requests.get_mut(handle.request().id()) {
            request.ended = Some(state);
        }
    }

    /// From now on the service speaks of this request's status in a word that nobody knows.
    pub fn speak(&self, handle: &Handle, word: &str) {
        if let Some(request) = self.world().requests.get_mut(handle.request().id()) {
            request.word = Some(word.to_owned());
        }
    }

    /// The result of a completed request can no longer be obtained.
    pub fn lose_result(&self, handle: &Handle) {
        self.change(handle.request().id(), |request| request.result_gone = true);
    }

    /// Where the service was asked to put signatures, in the order of the request.
    #[must_use]
    pub fn boxes(&self, handle: &Handle) -> Vec<(u32, Rect)> {
        self.request(handle.request().id()).map(|request| request.boxes).unwrap_or_default()
    }

    /// Everything else that the service was told about a request, as text.
    #[must_use]
    pub fn heard(&self, handle: &Handle) -> Option<String> {
        self.request(handle.request().id()).map(|request| request.heard)
    }

    /// Who was reminded of a request, in order, once for each time.
    #[must_use]
    pub fn reminded(&self, handle: &Handle) -> Vec<String> {
        self.request(handle.request().id()).map(|request| request.reminded).unwrap_or_default()
    }

    /// From now on what the service says has members that nobody knows.
    pub fn extend(&self) {
        self.world().extended = true;
    }

    /// The signed callback that the service would make now.
    #[must_use]
    pub fn callback(&self, handle: &Handle) -> InboundCall {
        self.callback_about(std::slice::from_ref(handle))
    }

    /// The signed callback that the service would make now about several requests.
    #[must_use]
    pub fn callback_about(&self, handles: &[Handle]) -> InboundCall {
        let now = self.inner.clock.now();
        let events: Vec<_> = {
            let world = self.world();
            let event = |handle: &Handle| {
                let id = handle.request().id();
                let state = world.requests.get(id).map_or(State::Unrecognised, |r| r.state(now));
                let mut event = serde_json::json!({ "id": id, "status": state.as_str() });
                if world.extended {
                    event["unheard_of"] = serde_json::json!({ "a": [1] });
                }
                event
            };
            handles.iter().map(event).collect()
        };
        let body = serde_json::json!({ "events": events }).to_string();
        let signature = callback_signature(body.as_bytes());
        InboundCall::post("/callback", body).with_header("x-memory-signature", signature)
    }

    /// Counts a call and takes the fault that was ordered for it.
    pub(super) fn arrive(&self, operation: Operation) -> Option<MemoryFault> {
        let mut world = self.world();
        let at = world.faults.iter().position(|(o, _)| *o == operation);
        let fault = at.map(|at| world.faults.remove(at).1);
        world.linkless |= fault == Some(MemoryFault::WithoutLink);
        if !matches!(fault, Some(MemoryFault::RefuseConnection | MemoryFault::Intercepted(_))) {
            *world.calls.entry(operation.as_str()).or_default() += 1;
        }
        fault
    }

    /// Issues an access token, which works for ten minutes of the service's clock.
    pub(super) fn issue_token(&self) -> SecretString {
        self.arrive(Operation::Token);
        let expires_at = self.inner.clock.now() + TOKEN_LIFE;
        let mut world = self.world();
        let token = format!("memory-token-{}", world.tokens.len() + 1);
        world.tokens.insert(token.clone(), expires_at);
        SecretString::from(token)
    }

    /// Whether the service accepts a token now.
    pub(super) fn accepts(&self, token: &SecretString) -> bool {
        let now = self.inner.clock.now();
        self.world().tokens.get(token.expose_secret()).is_some_and(|expires_at| now < *expires_at)
    }

    /// From now on the service refuses every token that it has issued: as after a change of credentials.
    pub fn revoke_tokens(&self) {
        self.world().tokens.values_mut().for_each(|expires_at| *expires_at = Timestamp::MIN);
    }

    pub(super) fn create(&self, prepared: &Prepared) -> String {
        let created_at = self.inner.clock.now();
        let request = prepared.request();
        let life = request.expires_after.unwrap_or(SignedDuration::from_hours(24 * 30));
        let documents = request.documents.iter();
        let acting = request.signers.iter().filter(|signer| signer.role.acts());
        let signers = acting.enumerate().map(|(i, signer)| ServiceSigner {
            key: signer.key.clone(),
            group: match request.order {
                Some(Order::Sequential) => u32::try_from(i).unwrap_or(u32::MAX),
                Some(Order::Groups) => signer.group.unwrap_or_default(),
                Some(Order::Parallel) | None => 0,
            },
            identified: signer.identity.is_some(),
            signed_at: None,
            declined: false,
        });
        let stored = Request {
            reference: request.reference.as_str().to_owned(),
            delivery: request.delivery,
            created_at,
            expires_at: created_at + life,
            documents: documents
                .map(|d| (d.key().to_owned(), d.media_type().clone(), d.content().clone()))
                .collect(),
            signers: signers.collect(),
            ended: None,
            word: None,
            boxes: boxes(prepared),
            heard: heard(prepared),
            reminded: Vec::new(),
            erased: false,
            result_gone: false,
            linkless: std::mem::take(&mut self.world().linkless),
        };
        let mut world = self.world();
        let id = format!("m-{}", world.next_id);
        world.next_id += 1;
        world.requests.insert(id.clone(), stored);
        id
    }

    pub(super) fn request(&self, id: &str) -> Option<Request> {
        self.world().requests.get(id).filter(|r| !r.erased).cloned()
    }

    pub(super) fn find(&self, reference: &str) -> Option<(String, Request)> {
        let world = self.world();
        world.requests.iter().find(|(_, r)| r.reference == reference).map(|(id, r)| (id.clone(), r.clone()))
    }

    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Request)) -> bool {
        self.world().requests.get_mut(id).filter(|r| !r.erased).map(change).is_some()
    }

    pub(super) fn begin(&self, state: &str, begun: Begun) {
        self.world().begun.insert(state.to_owned(), begun);
    }

    pub(super) fn change_begun(&self, state: &str, change: impl FnOnce(&mut Begun)) -> Option<()> {
        self.world().begun.get_mut(state).map(change)
    }

    pub(super) fn take_begun(&self, state: &str) -> Option<Begun> {
        self.world().begun.remove(state)
    }

    fn act(&self, handle: &Handle, key: &str, act: impl FnOnce(&mut ServiceSigner)) -> bool {
        let now = self.inner.clock.now();
        let mut world = self.world();
        let request = world.requests.get_mut(handle.request().id()).filter(|request| !request.erased);
        let Some(request) = request else { return false };
        let turn = request.turn();
        let open = !request.state(now).is_end();
        let signer = request.signers.iter_mut().find(|s| s.key == key && s.signed_at.is_none());
        match signer.filter(|s| open && Some(s.group) == turn) {
            Some(signer) => {
                act(signer);
                true
            }
            None => false,
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryService({} requests)", self.accepted())
    }
}

impl Request {
    pub(super) fn state(&self, now: Timestamp) -> State {
        let signed = self.signers.iter().filter(|s| s.signed_at.is_some()).count();
        match self.ended {
            Some(state) => state,
            None if signed == self.signers.len() => State::Completed,
            None if now >= self.expires_at => State::Expired,
            None if signed > 0 => State::InProgress,
            None => State::Pending,
        }
    }

    /// Those whose turn it is and who have not signed.
    pub(super) fn waited_for(&self) -> impl Iterator<Item = &ServiceSigner> {
        let turn = self.turn();
        self.signers.iter().filter(move |s| s.signed_at.is_none() && Some(s.group) == turn)
    }

    /// The lowest group in which somebody has yet to sign.
    pub(super) fn turn(&self) -> Option<u32> {
        self.signers.iter().filter(|s| s.signed_at.is_none()).map(|s| s.group).min()
    }

    /// The document with a line per signature behind it: what was sent is a prefix of what comes back.
    pub(super) fn signed(&self, content: &Bytes) -> Bytes {
        let mut bytes = BytesMut::from(content.as_ref());
        for signer in self.signers.iter().filter(|s| s.signed_at.is_some()) {
            bytes.extend_from_slice(format!("\n%signed by {}", signer.key).as_bytes());
        }
        bytes.freeze()
    }
}

/// The signature of a callback: HMAC-SHA-256 under a key that everybody knows.
pub(super) fn callback_signature(body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(b"the memory service's callback key") else {
        return String::new();
    };
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn boxes(prepared: &Prepared) -> Vec<(u32, Rect)> {
    let places = prepared.signers().iter().flat_map(|signer| &signer.placements);
    let on_pages = places.filter_map(|place| match (place.page, &place.spot) {
        (Some(page), ResolvedSpot::Box(area)) => Some((page, *area)),
        _ => None,
    });
    on_pages.collect()
}

fn heard(prepared: &Prepared) -> String {
    let request = prepared.request();
    let natives = prepared.signers().iter().flat_map(|signer| &signer.placements);
    let natives = natives.filter_map(|place| match &place.spot {
        ResolvedSpot::Native(native) => Some(format!("{} {}", native.x, native.y)),
        _ => None,
    });
    let parts = [
        request.reference.as_str().to_owned(),
        request.return_url.as_ref().map(ToString::to_string).unwrap_or_default(),
    ];
    let of_signers = request.signers.iter().flat_map(|signer| {
        let marks = signer.placements.iter().map(|placement| format!("{:?}", placement.mark));
        let said = [Some(format!("{:?}", signer.role)), Some(marks.collect::<Vec<_>>().join(" "))];
        let wishes =
            [request.message_for(signer), request.language_for(signer)].map(|wish| wish.map(str::to_owned));
        said.into_iter().chain(wishes).map(Option::unwrap_or_default)
    });
    parts.into_iter().chain(of_signers).chain(natives).collect::<Vec<_>>().join("\n")
}

fn everything() -> Capabilities {
    let any = Range { min: Bound::Is(1), max: Bound::None };
    let size = |width, height| Size { width, height };
    let delivery =
        |delivery| DeliverySupport { link_lifetime: Bound::None, ..DeliverySupport::new(delivery, any) };
    let mut caps = Capabilities::none(KIND);
    caps.endpoint = Endpoint { environment: "memory".into(), base_url: "memory:".into() };
    caps.documents = DocumentLimits {
        count: any,
        bytes: Range::of(1, 50_000_000),
        media_types: vec![MediaType::PDF, MediaType::TEXT],
        name: NameRules { chars: Range::of(1, 200), allowed: None },
        view_only: Support::Yes,
        pdf: PdfRules::default(),
    };
    caps.signers = SignerLimits {
        count: any,
        chain: Support::No,
        email: Need::ForEmailDelivery,
        name: Need::Used,
        phone: Need::Used,
        unique_emails: true,
    };
    caps.roles = vec![Role::Approver, Role::Viewer, Role::Copy];
    caps.marks = vec![Mark::Initials, Mark::Date, Mark::Name, Mark::Email];
    caps.placements.neutral = Neutral::Supported;
    caps.placements.native = Support::Yes;
    caps.placements.per_signer = Range::FREE;
    caps.placements.per_document = Range::FREE;
    caps.placements.box_size =
        BoxSupport::Wish { min: size(20.0, 10.0), max: size(600.0, 400.0), default: size(200.0, 60.0) };
    caps.orders = vec![Order::Parallel, Order::Sequential, Order::Groups];
    caps.deliveries = vec![
        delivery(Delivery::ProviderEmail),
        delivery(Delivery::ShareableLink),
        delivery(Delivery::InSessionRedirect),
    ];
    caps.later_links = Support::Yes;
    caps.reminders = vec![Delivery::ProviderEmail];
    caps.message = MessageSupport {
        deliveries: vec![Delivery::ProviderEmail, Delivery::ShareableLink],
        chars: Range::of(1, 1000),
    };
    caps.languages = vec!["en".into(), "nb".into()];
    caps.return_url =
        ReturnUrlSupport { supported: Support::Yes, schemes: vec!["https".into()], domain: None };
    caps.expiry = ExpirySupport {
        supported: Support::Yes,
        seconds: Range::of(60, 90 * 86_400),
        fixed_seconds: Bound::Is(30 * 86_400),
    };
    caps.identity_schemes = vec!["memory".into()];
    caps.legal = vec![LegalClaim {
        class: LegalClass::new("memory-none"),
        source: "a simulation is no signature".into(),
        method: None,
        certificate: CertificateHolder::Provider,
    }];
    caps.cancel = Support::Yes;
    caps.decline_visible = Support::Yes;
    caps.result_lifetime = Bound::None;
    caps.partial_result = Support::Yes;
    caps.callbacks = CallbackSupport::Verified;
    caps.reference = ReferenceSupport::Echoed;
    caps.origin_proof = OriginProof::ByteExtension;
    caps.erase = Support::Yes;
    caps.transactions = Support::Yes;
    caps.poll_interval = 5;
    caps
}
