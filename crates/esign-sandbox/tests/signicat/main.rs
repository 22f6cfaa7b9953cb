//! The simulated Signicat Sign API over real sockets, as a client that knows only the documentation would use it.

mod flow;
mod support;
