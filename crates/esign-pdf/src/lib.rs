#![doc = include_str!("../README.md")]

mod doc;
mod error;
mod fields;
pub mod geometry;
mod inspect;
mod lexer;
mod limits;
mod pages;
mod scan;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(test)]
mod testing;

pub use error::PdfError;
pub use inspect::inspect;
pub use limits::Limits;

/// What was found in a PDF, as plain data: re-exported from the contract, which owns the types.
pub use esign_core::facts;
