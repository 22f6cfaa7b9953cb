#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
mod auth;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod errors;
#[cfg(feature = "client")]
mod jwks;
mod jws;
mod keys;
#[cfg(feature = "client")]
mod lenient;
#[cfg(feature = "client")]
mod limiter;
#[cfg(feature = "client")]
mod multipart;
#[cfg(feature = "client")]
mod pdf;
mod published;
#[cfg(feature = "client")]
mod secrets;
#[cfg(feature = "client")]
mod words;

#[cfg(feature = "client")]
pub use auth::{Authorize, Bearer, Outgoing};
#[cfg(feature = "client")]
pub use client::{Answer, Call, HttpClient, HttpClientBuilder};
#[cfg(feature = "client")]
pub use config::{HttpSettings, LimiterMode, LimiterSettings, ProxySetting, RateLimit};
#[cfg(feature = "client")]
pub use errors::Effect;
#[cfg(feature = "client")]
pub use jwks::{Jwks, JwksPolicy, Verified};
pub use jws::{Checks, VerifyingKey, claimed_key_id, sign_compact, thumbprint};
pub use keys::LocalKey;
#[cfg(feature = "client")]
pub use lenient::if_it_fits;
#[cfg(feature = "client")]
pub use limiter::{Limiter, LimiterKey, Limiters, LocalGate, Permit};
#[cfg(feature = "client")]
pub use multipart::{FinishedForm, Multipart};
#[cfg(feature = "client")]
pub use pdf::whole_pdf;
pub use published::{PublishedKey, PublishedKeys};
#[cfg(feature = "client")]
pub use words::{Explain, Final, Words};

/// Re-exported because its types are part of the API of this crate.
#[cfg(feature = "client")]
pub use bytes;
/// Re-exported because its types are part of the API of this crate.
#[cfg(feature = "client")]
pub use http;
/// Re-exported because its types are part of the API of this crate.
#[cfg(feature = "client")]
pub use url;
