#![doc = include_str!("../README.md")]

mod builder;
mod calls;
mod clock;
mod connection;
mod control;
pub mod documenso;
mod faults;
mod ids;
mod jose;
mod mailbox;
mod observe;
mod outgoing;
mod pages;
mod serve;
mod server;
mod shared;
pub mod signicat;
pub mod signify;
mod signing;
pub mod singpass;
pub mod txn;

pub use builder::Builder;
pub use calls::Call;
pub use clock::SandboxClock;
pub use faults::{Effect, Fault, InvalidFault};
pub use mailbox::Message;
pub use serve::{ServeOptions, serve};
pub use server::{Sandbox, StartError};

/// A document to try things out with, and where it leaves room for signatures.
pub use esign_pdf::sign::{SAMPLE_PLACES, sample_pdf};
