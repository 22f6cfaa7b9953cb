#![doc = include_str!("../README.md")]

mod callbacks;
mod client;
mod config;
mod convert;
mod error;
mod provider;
mod settle;
mod token;
mod wire;

use esign_core::ProviderKind;

pub use client::{Initiate, Initiated, SignedBy, SignedDocument, SingpassClient};
pub use config::{
    Api, ButtonConfig, ButtonFill, CancelClaim, Environment, LetterCase, Payload, ResultPath, SingpassConfig,
};
pub use convert::{Location, uin_hash};
pub use provider::Singpass;

/// A key to sign with: newly made, or read from PEM or JWK.
pub use esign_http::LocalKey;
/// A key that is published and not used to sign.
pub use esign_http::PublishedKey;

/// The kind as written in configuration.
pub const KIND: ProviderKind = ProviderKind::new("singpass");
