//! Keys and tokens of services that speak JWS: the clients' keys, the services' own, and what clients sign.

mod client_keys;
mod own_keys;
mod token;

pub use client_keys::ClientKeys;

pub(crate) use client_keys::{KeyCache, check_keys, may_be_called};
pub(crate) use own_keys::{OwnKey, OwnKeys};
pub(crate) use token::{Claims, Presented, in_authorization, presented};
