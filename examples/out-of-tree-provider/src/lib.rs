//! An `esign` provider written outside the repository of `esign`: only published crates, only public items.
//!
//! Inkwell is not a real service. It is as small as one can be and still need everything that an adapter needs: its backend is
//! in `tests/backend`, and `docs/adding-a-provider.md` of the repository walks through the files here.

mod capabilities;
mod client;
mod config;
mod provider;
mod wire;

use esign_core::ProviderKind;

pub use client::InkwellClient;
pub use config::InkwellConfig;
pub use provider::Inkwell;

/// The kind as written in configuration: `kind = "inkwell"`.
pub const KIND: ProviderKind = ProviderKind::new("inkwell");
