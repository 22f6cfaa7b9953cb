#![doc = include_str!("../README.md")]

mod clock;
mod error;
pub mod facts;
mod key;
mod kind;
pub mod redact;
mod secret;

pub use clock::{Clock, SystemClock, VirtualClock};
pub use error::{Error, ErrorKind, Operation, Result, Retry};
pub use key::{KeyAlgorithm, SigningKey};
pub use kind::ProviderKind;
pub use secret::{Credential, FixedSecrets, Personal, SecretRef, SecretSource, SecretUrl};

/// Re-exported because its types are part of the contract: 0.x, so a change of version is ours to plan.
pub use jiff;
/// Re-exported because its types are part of the contract: 0.x, so a change of version is ours to plan.
pub use secrecy;
