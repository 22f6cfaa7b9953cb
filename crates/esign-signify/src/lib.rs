#![doc = include_str!("../README.md")]

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

pub use client::SignifyClient;
pub use config::{DocumentUrlBearer, Environment, OverLimit, ReferenceInName, SignifyConfig};
pub use options::SignifyOptions;
pub use provider::SignifyProvider;
pub use types::{
    Created, DocumentDetails, DocumentId, DocumentLink, DocumentStatus, DocumentSummary, Invitation, Mode,
    NewDocument, Position, Recipient, RequiredSignature, SigningLink,
};

/// The kind as written in configuration: `kind = "signify"`.
pub const KIND: ProviderKind = ProviderKind::new("signify");
