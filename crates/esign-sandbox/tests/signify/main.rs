//! The simulated Signify over real sockets, as a client that knows only the API guide would use it.

mod control;
mod create;
mod curl;
mod faults;
mod limits;
mod pages;
mod reads;
mod support;
