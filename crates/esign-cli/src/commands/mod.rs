//! One module per command.

pub(crate) mod cancel;
mod chain;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod download;
pub(crate) mod evidence;
pub(crate) mod inspect;
pub(crate) mod jwks;
pub(crate) mod keygen;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod preview;
pub(crate) mod probe;
pub(crate) mod providers;
pub(crate) mod remind;
pub(crate) mod resolve;
pub(crate) mod roots;
pub(crate) mod sandbox;
pub(crate) mod send;
mod session;
pub(crate) mod status;
pub(crate) mod txn_info;
pub(crate) mod verify;
pub(crate) mod watch;
