#![doc = include_str!("../README.md")]

mod build;
mod evidence;
mod inspector;
pub mod matrix;
mod placing;
#[cfg(feature = "revocation")]
mod revocation;
mod secrets;
mod verification;

pub use build::{builder, client, default_registry};
pub use esign_core::*;
#[cfg(feature = "revocation")]
pub use esign_http::HttpSettings;
pub use evidence::{
    CallbackCheck, DocumentCheck, Evidence, EvidenceReport, PackedEvidence, check_evidence,
    check_evidence_with_keys,
};
pub use inspector::PdfInspector;
pub use placing::try_place;
#[cfg(feature = "revocation")]
pub use revocation::{FetchedRevocation, fetch_revocation};
pub use secrets::EnvAndFileSecrets;
pub use verification::{
    RecordVerification, evidence_names_original, original_is_what_was_sent, verify, verify_against_record,
    verify_options,
};

/// Reading and verifying PDFs.
pub use esign_pdf as pdf;

/// Documenso, API v2: its configuration, options and typed client.
#[cfg(feature = "documenso")]
pub use esign_documenso as documenso;

/// Signicat's Sign API v1: its configuration, options and typed client.
#[cfg(feature = "signicat")]
pub use esign_signicat as signicat;

/// Signify API v2: its configuration, options and typed client.
#[cfg(feature = "signify")]
pub use esign_signify as signify;

/// Sign with Singpass, Document Signing V3: its configuration, options and typed client.
#[cfg(feature = "singpass")]
pub use esign_singpass as singpass;

/// Singpass transaction signing: its configuration, the page's snippet, sessions and typed client.
#[cfg(feature = "txn")]
pub use esign_txn as txn;
