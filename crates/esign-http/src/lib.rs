#![doc = include_str!("../README.md")]

mod auth;
mod client;
mod config;
mod errors;
mod jwks;
mod jws;
mod keys;
mod limiter;
mod multipart;
mod words;

pub use auth::{Authorize, Bearer, Outgoing};
pub use client::{Answer, Call, HttpClient, HttpClientBuilder};
pub use config::{HttpSettings, LimiterMode, LimiterSettings, ProxySetting, RateLimit};
pub use errors::Effect;
pub use jwks::{Jwks, JwksPolicy, Verified};
pub use jws::{Checks, VerifyingKey, claimed_key_id, sign_compact, thumbprint};
pub use keys::LocalKey;
pub use limiter::{Limiter, LimiterKey, Limiters, Permit};
pub use multipart::{FinishedForm, Multipart};
pub use words::{Explain, Words};

/// Re-exported because its types are part of the API of this crate.
pub use bytes;
/// Re-exported because its types are part of the API of this crate.
pub use http;
/// Re-exported because its types are part of the API of this crate.
pub use url;
