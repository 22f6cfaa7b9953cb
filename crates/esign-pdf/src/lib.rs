#![doc = include_str!("../README.md")]

mod algorithm;
#[cfg(feature = "anchors")]
pub mod anchors;
mod attachments;
mod cms;
mod der;
mod error;
mod fields;
pub mod geometry;
mod inspect;
mod limits;
mod name;
mod oid;
mod pages;
mod path;
pub mod preflight;
#[cfg(feature = "preview")]
pub mod preview;
mod reader;
mod revisions;
mod revocation;
#[cfg(feature = "sign")]
pub mod sign;
mod signature;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trust;
pub mod verify;
mod view;
mod x509;

pub use attachments::{Attachment, attachments};
pub use error::PdfError;
pub use inspect::inspect;
pub use limits::Limits;
pub use trust::{RootFacts, roots_from_pem};
pub use verify::{VerificationReport, VerifyOptions, verify};

/// What was found in a PDF, as plain data: re-exported from the contract, which owns the types.
pub use esign_core::facts;
