//! The PDF reader that is injected into clients.

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::PdfFacts;
use esign_core::{Error, ErrorKind, Inspector, Result};
use esign_pdf::Limits;

/// Reads PDFs with [`esign_pdf::inspect`], away from the tasks that serve connections.
#[derive(Clone, Debug, Default)]
pub struct PdfInspector {
    limits: Limits,
}

impl PdfInspector {
    /// With other bounds on the work than the default ones.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

#[async_trait]
impl Inspector for PdfInspector {
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts> {
        let limits = self.limits.clone();
        Ok(compute(move || esign_pdf::inspect(&content, &limits)).await??)
    }
}

/// Runs what takes milliseconds of computing on a thread for it.
pub(crate) async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::new(ErrorKind::Internal, "reading the document was broken off").with_source(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error_of_the_document() {
        let error = PdfInspector::default().inspect(Bytes::from_static(b"no PDF")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Document);
        assert!(error.message().contains("not a PDF"), "{error}");
    }
}
