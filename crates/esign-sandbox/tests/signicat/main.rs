//! The simulated Signicat Sign API over real sockets, as a client that knows only the documentation would use it.

mod access;
mod flow;
mod notifications;
mod openapi;
mod portal;
mod receiver;
mod rules;
mod states;
mod support;
