//! The proof: seeded schedules over one thread and a virtual clock, with crashes before and after every step of store, provider,
//! vault and sink, faults of every kind, and a store that is restored from an older backup.
//!
//! [`run`] plays one seed and holds the engine's ledgers against the provider's. [`Bug`] plants what a test must find.

mod check;
pub mod contract;
mod engines;
mod provider;
mod random;
mod world;
mod wraps;

pub use provider::Class;
pub use world::{Crashes, Report, run, run_with};

/// Something planted that is wrong: every one of them must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bug {
    /// The store says that an attempt is armed before that is durable.
    ArmedLater,
    /// The store takes a commit under a lease that is somebody else's by now.
    NoFence,
    /// What cannot be told counts as not sent.
    ResendOnUnknown,
    /// It is asked what became of an attempt while it may still be on its way.
    AskedTooEarly,
    /// News do not make their order due.
    ForgottenWake,
    /// The feed is ordered by when a writer began, not by when it committed.
    FeedByWriter,
    /// The answer of a worker without a lease is dropped.
    LateDropped,
    /// Late news take back what was known.
    GoesBack,
    /// Events are written after their order, in another transaction.
    NotAtomic,
    /// A sink's place in the feed moves before the event was taken.
    CursorFirst,
    /// The vault says that bytes are kept before they are.
    KeptLater,
    /// That the store was restored is not noticed.
    RestoreUnnoticed,
    /// News stay in the inbox after they were applied.
    AppliedAgain,
    /// A reference that is taken is taken again.
    AcceptedTwice,
    /// A signed result is not fetched before the provider forgets it.
    SettledLate,
}

impl Bug {
    /// Every one.
    pub const ALL: [Self; 15] = [
        Self::ArmedLater,
        Self::NoFence,
        Self::ResendOnUnknown,
        Self::AskedTooEarly,
        Self::ForgottenWake,
        Self::FeedByWriter,
        Self::LateDropped,
        Self::GoesBack,
        Self::NotAtomic,
        Self::CursorFirst,
        Self::KeptLater,
        Self::RestoreUnnoticed,
        Self::AppliedAgain,
        Self::AcceptedTwice,
        Self::SettledLate,
    ];
}
