//! Wrong about which document is which.

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Artifact, ArtifactId, Document, Documents, Prepared, RequestRef, Result, StatusReport, Submission,
};

use crate::wrong::{Defect, submit_changed};

macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(SwapsDocuments, SwapsResults, ListsTheFirst);

#[async_trait]
impl Defect for SwapsDocuments {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        submit_changed(right, request, |request| {
            let contents: Vec<_> = request.documents.iter().rev().map(|d| d.content().clone()).collect();
            for (document, content) in request.documents.iter_mut().zip(contents) {
                *document = Document::pdf(document.name(), content).with_key(document.key());
            }
        })
        .await
    }
}

#[async_trait]
impl Defect for SwapsResults {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let other = match what.as_str() {
            "signed:document" => ArtifactId::parse("signed:document-1"),
            "signed:document-1" => ArtifactId::parse("signed:document"),
            _ => what.clone(),
        };
        let mut artifact = right.download(at, &other).await?;
        artifact.id = what.clone();
        Ok(artifact)
    }
}

#[async_trait]
impl Defect for ListsTheFirst {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        report.artifacts.retain(|id| id.document().is_none_or(|key| key == "document"));
        Ok(report)
    }
}
