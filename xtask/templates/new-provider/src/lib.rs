//! The `esign` provider for Acme.

mod capabilities;
mod client;
mod config;
mod provider;

use esign_core::ProviderKind;

pub use client::AcmeClient;
pub use config::AcmeConfig;
pub use provider::Acme;

/// The kind as written in configuration: `kind = "acme"`.
pub const KIND: ProviderKind = ProviderKind::new("acme");
