#![doc = include_str!("../README.md")]

mod callbacks;
mod capabilities;
mod check;
mod client;
mod config;
mod convert;
mod error;
mod options;
mod provider;
mod types;
mod wire;

use esign_core::ProviderKind;

pub use client::DocumensoClient;
pub use config::{DocumensoConfig, Environment, LinkHost, OddPages};
pub use options::{DocumensoOptions, ExtraField, FieldType};
pub use provider::DocumensoProvider;
pub use types::{
    Distributed, Envelope, EnvelopeId, EnvelopeStatus, Field, Item, NewEnvelope, NewField, NewRecipient,
    Recipient, RecipientRole, SigningStatus, Version,
};

/// The kind as written in configuration: `kind = "documenso"`.
pub const KIND: ProviderKind = ProviderKind::new("documenso");
