//! The typed client: one method per operation of Acme's API.

use esign_core::{Error, ErrorKind, Prepared, Result};
use esign_http::HttpClient;

/// Acme's API. Clones share everything.
#[derive(Clone, Debug)]
pub struct AcmeClient {
    http: HttpClient,
}

impl AcmeClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// Creates a request; its id.
    ///
    /// # Errors
    /// With [`esign_core::Retry::OutcomeUnknown`] whenever it may have been created.
    pub async fn create(&self, _prepared: &Prepared) -> Result<String> {
        let _url = self.http.url(["requests"])?;
        // `self.http.submit_with(recipe)` repeats a create only when surely nothing was made.
        Err(next("src/client.rs: create() has to send the request with HttpClient::submit_with"))
    }
}

/// What is to be written next.
pub(crate) fn next(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("next: {what}"))
}
