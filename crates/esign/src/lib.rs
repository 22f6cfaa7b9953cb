#![doc = include_str!("../README.md")]

mod build;
mod inspector;
pub mod matrix;
mod secrets;

pub use build::{builder, client, default_registry};
pub use esign_core::*;
pub use inspector::PdfInspector;
pub use secrets::EnvAndFileSecrets;

/// Reading and verifying PDFs.
pub use esign_pdf as pdf;
