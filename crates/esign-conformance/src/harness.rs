//! What the kit needs of whoever runs it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::Rect;
use esign_core::memory::A4Pages;
use esign_core::{
    Clock, FixedSecrets, Handle, Identity, InboundCall, Inspector, InstanceConfig, Operation, Placement,
    Registry, Result, SignRequest, Signer, SigningKey, TransactionStart,
};

use crate::Relay;

/// Starts backends: simulators of the provider's service, one fresh one for each check.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// A backend that has received nothing yet. Called inside a tokio runtime of the check's own, with IO and time
    /// enabled, which ends with the check.
    async fn start(&self) -> Box<dyn Backend>;
}

/// A backend, and how to make a provider that talks to it.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Registers the provider's kind.
    ///
    /// # Errors
    /// What the registry says.
    fn register(&self, registry: &mut Registry) -> Result<()>;

    /// The configuration of an instance that talks to this backend, without name, aliases and `adapt`.
    fn instance(&self) -> InstanceConfig;

    /// The configuration of an instance of the same kind at another address. Nothing ever reaches it.
    fn elsewhere(&self) -> InstanceConfig;

    /// The secrets that the configuration names.
    fn secrets(&self) -> FixedSecrets {
        FixedSecrets::new()
    }

    /// The keys that the configuration names.
    fn keys(&self) -> Vec<(String, Arc<dyn SigningKey>)> {
        Vec::new()
    }

    /// The clock of provider and client. It must not stand still while somebody sleeps on it: use
    /// [`VirtualClock::jumping`](esign_core::VirtualClock::jumping) over sockets.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Who reads the pages of the document. Without an override: whoever knows that it has one A4 page.
    fn inspector(&self) -> Arc<dyn Inspector> {
        Arc::new(A4Pages(1))
    }

    /// A PDF of one A4 page that the provider accepts: exactly this long, or of any length. Without an override:
    /// [`sample_pdf`](crate::sample_pdf).
    fn document(&self, bytes: Option<u64>) -> Bytes {
        crate::sample_pdf(bytes)
    }

    /// Adds what every request to this provider must have and the neutral model does not know: options.
    fn complete(&self, request: SignRequest) -> SignRequest {
        request
    }

    /// A place in the provider's own numbers, for the signer with this number (from 1); `None` without native numbers.
    fn native(&self, _signer: u32) -> Option<Placement> {
        None
    }

    /// Every secret that provider or backend know and that must never be printed: API keys, tokens.
    fn markers(&self) -> Vec<String>;

    /// How the trace targets of the backend itself begin, which are no business of the provider's; empty if it traces
    /// nothing.
    fn trace_target(&self) -> &'static str {
        ""
    }

    /// Acts as a signer of a submitted request; false if the service does not let the signer do that now.
    async fn act(&self, handle: &Handle, signer: &Signer, action: Action) -> bool;

    /// The person approves a transaction that was begun: the call with which their browser comes back to the application.
    /// `None` if the backend cannot do that.
    async fn approve(&self, _start: &TransactionStart) -> Option<InboundCall> {
        None
    }

    /// The address of the page where this signer signs, as the backend knows it; `None` if it cannot tell.
    async fn page(&self, _handle: &Handle, _signer: &Signer) -> Option<String> {
        None
    }

    /// Lets time pass, for backend, provider and client.
    async fn pass(&self, time: Duration);

    /// The relay through which the provider reaches the backend: the kit then refuses connections by itself. `None` if there is
    /// none; [`Backend::inject`] is then asked to.
    fn relay(&self) -> Option<&Relay> {
        None
    }

    /// A person whom the service can tell from others, by a scheme that the capabilities list. Who acts as a signer who was
    /// asked for by this identity is that person. `None` where no scheme is claimed.
    fn identity(&self) -> Option<Identity> {
        None
    }

    /// The provider's README. Its section on errors has a table of what becomes of a refused submit (statuses, kind, retry), and
    /// its section "Personal data" one of what goes where and how it ends. `None` leaves both unchecked.
    fn readme(&self) -> Option<&'static str> {
        None
    }

    /// Makes the next call of this operation go wrong. False if this fault cannot be made to happen.
    async fn inject(&self, operation: Operation, fault: Fault) -> bool;

    /// Ends a fault that still lasts, other than a connection that [`Backend::relay`] refuses. Called after each call that was to
    /// go wrong.
    async fn heal(&self) {}

    /// How many calls of this operation have reached the backend, refused ones too. Calls that prepare a submission, such
    /// as uploads, count as [`Operation::Submit`] only if they are the one with the effect.
    async fn reached(&self, operation: Operation) -> u32;

    /// How many requests the backend has accepted, cancelled and erased ones too.
    async fn accepted(&self) -> u32;

    /// The documents as the backend received them; `None` if it cannot tell.
    async fn received(&self, _handle: &Handle) -> Option<Vec<Bytes>> {
        None
    }

    /// Everything else that the backend was told about a request, as text in which a wish can be found: messages, languages,
    /// return addresses, coordinates digit for digit. `None` if it cannot tell.
    async fn heard(&self, _handle: &Handle) -> Option<String> {
        None
    }

    /// Where the signatures of a request are that everybody has signed: page and box on the page as shown, in points from
    /// the lower-left corner. `None` if it cannot tell. [`drawn_boxes`](crate::drawn_boxes) reads them from a signed PDF.
    async fn boxes(&self, _handle: &Handle) -> Option<Vec<(u32, Rect)>> {
        None
    }

    /// From now on the backend's answers have members that nobody knows, as after an update of the service. False if that
    /// is impossible.
    async fn extend(&self) -> bool {
        false
    }

    /// A part of what the backend says when it refuses ([`Fault::Refuse`]): its error code, or words without personal data.
    /// Errors must keep it. `None` if it says nothing.
    fn refusal_words(&self) -> Option<&'static str> {
        None
    }

    /// Handles as earlier versions of the provider stored them, from files that are kept with its tests. What they hold of
    /// the provider's own must be readable for ever.
    fn stored_handles(&self) -> Vec<String> {
        Vec::new()
    }

    /// From now on the backend names the request's status by a word that nobody knows. False if that is impossible.
    async fn speak(&self, _handle: &Handle, _word: &str) -> bool {
        false
    }

    /// Whether a callback's signature is that of a token in its body, such as a JWT, and not one over the body's bytes. The
    /// white space around a token is nobody's statement: changing it is no forgery.
    fn callback_is_a_token(&self) -> bool {
        false
    }

    /// The calls that the service would make now about this request, in order; empty if it makes none.
    async fn callbacks(&self, _handle: &Handle) -> Vec<InboundCall> {
        Vec::new()
    }

    /// One call about all of these requests; `None` if each call of the service is about one.
    async fn callback_about(&self, _handles: &[Handle]) -> Option<InboundCall> {
        None
    }
}

/// What a signer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Signs wherever the signer has to.
    Sign,
    /// Refuses to sign.
    Decline,
    /// Opens the page and leaves it again.
    Leave,
    /// Somebody else comes to the signer's page and signs there, by an identity of their own.
    SignAsSomebodyElse,
}

/// What goes wrong with one call, at the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No connection: the backend never hears of the call.
    RefuseConnection,
    /// The backend does what was asked, and the answer never comes.
    LoseAnswer,
    /// 429, and nothing happens.
    RateLimited {
        /// Retry-After.
        after: Option<Duration>,
    },
    /// The backend refuses with this status in the 400s, and nothing happens.
    Refuse(u16),
    /// 503, as a gateway writes it (HTML), after the backend did what was asked.
    FailAfterEffect,
    /// Success, with a body that is no answer (HTML), after the backend did what was asked.
    Garbage,
    /// The answer breaks off in the middle of its body.
    Truncate,
    /// Something in between answers in the backend's place, as a gateway or a login page does: this status and this body, HTML if
    /// it begins with `<` and else JSON. The backend never hears of the call.
    Intercepted {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: &'static str,
    },
    /// The backend does what was asked, and its answer has this in the place of every signing link; empty: no link at all. Later
    /// answers have the links.
    Link(&'static str),
}
