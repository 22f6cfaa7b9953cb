//! What happens inside, for metrics and audit: no personal data, no secrets.

use std::fmt;
use std::time::Duration;

use crate::{HandleKey, Operation, ProviderKind, Reference, State};

/// Is told what happens. Must return quickly.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Observation<'_>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn observe(&self, _: &Observation<'_>) {}
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// A request went out to a provider.
    Attempt {
        /// The provider kind.
        kind: &'a ProviderKind,
        /// The operation it belongs to.
        operation: Operation,
        /// The caller's reference of the request, where the operation is about one: joins your trace with the provider's.
        reference: Option<&'a Reference>,
        /// From 1; more than 1 means that it was repeated.
        attempt: u32,
        /// The HTTP status, or none if there was no answer.
        status: Option<u16>,
        /// From sending to the end of the answer.
        took: Duration,
    },
    /// The limiter held a request back.
    LimiterWait {
        /// The provider kind.
        kind: &'a ProviderKind,
        /// For how long.
        waited: Duration,
    },
    /// A request will be repeated.
    Retry {
        /// The provider kind.
        kind: &'a ProviderKind,
        /// The operation.
        operation: Operation,
        /// After this pause.
        after: Duration,
    },
    /// A submission was accepted.
    Submitted {
        /// The instance.
        instance: &'a str,
        /// The caller's reference.
        reference: &'a Reference,
        /// The handle's key.
        key: &'a HandleKey,
    },
    /// Nobody knows whether a submission had an effect: its answer was lost or its future was dropped.
    OutcomeUnknown {
        /// The instance.
        instance: &'a str,
        /// The caller's reference.
        reference: &'a Reference,
    },
    /// A status was read.
    Status {
        /// The instance.
        instance: &'a str,
        /// The handle's key.
        key: &'a HandleKey,
        /// The state.
        state: State,
    },
    /// A callback was received.
    Callback {
        /// The instance.
        instance: &'a str,
        /// How many events it brought; an error means that it was refused.
        events: Result<usize, &'a str>,
    },
    /// A key was used to sign or to verify.
    KeyUsed {
        /// The provider kind.
        kind: &'a ProviderKind,
        /// The key's id.
        kid: &'a str,
        /// True for signing, false for verifying.
        signing: bool,
    },
}
