#![doc = include_str!("../README.md")]

mod info;
mod page;
mod pending;
mod random;
mod redirect;
mod sessions;
mod text;

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod provider;
#[cfg(feature = "client")]
mod settle;
#[cfg(feature = "client")]
mod wire;

use esign_core::ProviderKind;

#[cfg(feature = "client")]
pub use client::{ExchangeAnswer, SignedTransaction, TxnClient};
#[cfg(feature = "client")]
pub use config::{Environment, SingpassTxnConfig};
pub use info::{TxnInfo, txn_hash};
pub use page::Page;
pub use pending::{MemoryPendingStore, PendingSession, PendingStore};
#[cfg(feature = "client")]
pub use provider::SingpassTxn;
pub use redirect::CodeParameter;
pub use sessions::{Approved, LetterCase, Rules, Supplied, TxnSessions};
pub use text::mask;

/// A key to sign with: newly made, or read from PEM or JWK.
pub use esign_http::LocalKey;
#[cfg(feature = "client")]
pub use esign_http::PublishedKey;

/// The kind as written in configuration.
pub const KIND: ProviderKind = ProviderKind::new("singpass-txn");
