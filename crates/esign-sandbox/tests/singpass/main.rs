//! The simulated Sign with Singpass (V3) over real sockets, as a client that knows only the documentation would use it.

#![allow(dead_code, reason = "the other tests follow")]

mod flow;
mod rp;
mod support;
