//! The simulated Sign with Singpass (V3) over real sockets, as a client that knows only the documentation would use it.

mod control;
mod faults;
mod flow;
mod initiate;
#[path = "../common/key.rs"]
mod key;
mod keys;
mod portal;
mod rp;
mod states;
mod support;
mod webhooks;
