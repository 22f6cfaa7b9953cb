//! The simulated transaction signing over real sockets, as a client that knows only the documentation would use it.

mod flow;
#[path = "../common/key.rs"]
mod key;
mod support;
