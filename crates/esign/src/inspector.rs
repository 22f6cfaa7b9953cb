//! The PDF reader that is injected into clients.

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::{PdfFacts, TextHit, TextQuery};
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

    async fn find_texts(&self, content: Bytes, texts: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        self.texts(content, texts).await
    }
}

impl PdfInspector {
    #[cfg(feature = "anchors")]
    async fn texts(&self, content: Bytes, texts: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        let limits = self.limits.clone();
        Ok(compute(move || esign_pdf::anchors::find_texts(&content, &texts, &limits)).await??)
    }

    #[cfg(not(feature = "anchors"))]
    #[allow(clippy::unused_async)]
    async fn texts(&self, _: Bytes, _: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        let message = "placing by text needs the feature `anchors` of the crate `esign`, which this program was built \
                       without; give a page and a position, or a form field";
        Err(Error::new(ErrorKind::Unsupported, message))
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

    #[cfg(not(feature = "anchors"))]
    #[tokio::test]
    async fn without_the_feature_the_error_names_it() {
        let texts = vec![TextQuery::new("Sign here", false)];
        let error = PdfInspector::default().find_texts(Bytes::new(), texts).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`anchors`"), "{error}");
    }
}
