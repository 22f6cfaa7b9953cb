//! A client wired with everything that this crate has.

use std::sync::Arc;

use esign_core::{Client, ClientBuilder, Config, Registry, Result};

use crate::{EnvAndFileSecrets, PdfInspector};

/// The provider kinds of this crate: one for each feature that is on.
///
/// Add others with [`Registry::register`].
#[must_use]
pub fn default_registry() -> Registry {
    #[allow(unused_mut, reason = "stays empty where every feature is off")]
    let mut registry = Registry::new();
    #[cfg(feature = "documenso")]
    registry.register::<esign_documenso::DocumensoConfig>().expect("our kinds have names of their own");
    #[cfg(feature = "signicat")]
    registry.register::<esign_signicat::SignicatConfig>().expect("our kinds have names of their own");
    #[cfg(feature = "signify")]
    registry.register::<esign_signify::SignifyConfig>().expect("our kinds have names of their own");
    #[cfg(feature = "singpass")]
    registry.register::<esign_singpass::SingpassConfig>().expect("our kinds have names of their own");
    #[cfg(feature = "txn")]
    registry.register::<esign_txn::SingpassTxnConfig>().expect("our kinds have names of their own");
    registry
}

/// A builder with a PDF reader, and with secrets from environment and files.
///
/// Without further ado [`client`] does. Use this to add provider kinds, keys, secrets, a clock or an observer of your own.
#[must_use]
pub fn builder(registry: Registry) -> ClientBuilder {
    Client::builder(registry).inspector(Arc::new(PdfInspector::default())).secrets(EnvAndFileSecrets)
}

/// A client over [`default_registry`]. No network call.
///
/// # Errors
/// The first thing that is wrong in the configuration, with the key's path.
pub async fn client(config: Config) -> Result<Client> {
    builder(default_registry()).config(config).build().await
}
