//! The simulated transaction signing over real sockets, as a client that knows only the documentation would use it.

mod control;
mod exchange;
mod faults;
mod flow;
#[path = "../common/key.rs"]
mod key;
mod keys;
mod phone;
mod script;
mod sessions;
mod support;
