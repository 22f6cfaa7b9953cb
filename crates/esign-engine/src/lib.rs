#![doc = include_str!("../README.md")]

pub mod budget;
mod engine;
mod memory;
mod news;
mod order;
mod plan;
mod seal;
mod sink;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod vault;

/// Re-exported because its types are part of what stores, sinks and vaults see.
pub use esign_core;

pub use engine::{Archivist, Choice, Engine, EngineBuilder, Settings, Verdict, Worked};
pub use memory::{MemoryStore, Snapshot};
pub use news::{Decision, Event, EventKind, Found, Learned, News, Stored, To, Told};
pub use order::{Attempt, Blob, Decided, Lane, Order, OrderId, Outcome, Sent, Stage, Tenant};
pub use plan::{Act, Input, Plan, Rules, plan};
pub use seal::{DataKey, Keyring, Sealed, WrappedKey};
pub use sink::Sink;
pub use store::{Claim, Claimed, Claims, Commit, Count, Due, Filter, Meta, Store};
pub use vault::{FileVault, MemoryVault, Vault};
