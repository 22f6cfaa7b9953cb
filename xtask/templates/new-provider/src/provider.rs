//! The neutral provider over the typed client.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::{
    Artifact, ArtifactId, CancelOutcome, Capabilities, Clock, Documents, Endpoint, Finding, Handle, Prepared,
    Provider, ProviderKind, RequestRef, Resolved, Result, StatusReport, Submission,
};

use crate::client::{AcmeClient, next};
use crate::{KIND, capabilities};

/// One configured instance.
#[derive(Clone, Debug)]
pub struct Acme {
    client: AcmeClient,
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
}

impl Acme {
    pub(crate) fn new(client: AcmeClient, endpoint: Endpoint, clock: Arc<dyn Clock>) -> Self {
        Self { client, endpoint, clock }
    }

    /// Acme's API itself.
    #[must_use]
    pub fn client(&self) -> &AcmeClient {
        &self.client
    }
}

impl Provider for Acme {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        capabilities::capabilities(self.endpoint.clone())
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Documents for Acme {
    /// What capabilities cannot say, checked before anything is sent.
    fn check<'a>(&self, _: &Resolved<'a>) -> Vec<Finding> {
        Vec::new()
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let id = self.client.create(request).await?;
        let handle = Handle::new(request.intent(), id, self.clock.now());
        // `.step(key, Step::OpenLink { .. })` for each signer: what the signer has to do.
        Ok(Submission::new(request.intent(), handle))
    }

    async fn status(&self, _at: &RequestRef) -> Result<StatusReport> {
        Err(next(
            "src/provider.rs: status() has to read the request and say its state; unknown words are Unrecognised",
        ))
    }

    async fn download(&self, _at: &RequestRef, _what: &ArtifactId) -> Result<Artifact> {
        Err(next(
            "src/provider.rs: download() has to fetch the signed document, or say NotReady, Gone or NotFound",
        ))
    }

    async fn cancel(&self, _at: &RequestRef) -> Result<CancelOutcome> {
        Err(next("src/provider.rs: cancel() has to call the request back, once capabilities claim it"))
    }
}
