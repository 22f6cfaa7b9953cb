//! Wrong about answers that are not the service's, and about what an answer lacks.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Artifact, ArtifactId, CancelOutcome, Documents, ErrorKind, NoObserver, Prepared, RequestRef, Result,
    Retention, Retry, SecretUrl, Standing, State, StatusReport, Step, Submission,
};

use crate::wrong::Defect;

macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(
    TellsNobody,
    TakesAnySuccess,
    TakesAnyNotFound,
    ErasesByAnyAnswer,
    NotFoundIsCancelled,
    ForgetsTheLink,
    PromisesTheLink,
    HandsOutScripts,
    RefusalIsNotReady,
);

/// Builds its HTTP client without the observer.
#[async_trait]
impl Defect for TellsNobody {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.clone().observed(Arc::new(NoObserver)).submit(request).await
    }

    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        right.clone().observed(Arc::new(NoObserver)).status(at).await
    }
}

/// Looks at the status alone.
#[async_trait]
impl Defect for TakesAnySuccess {
    async fn cancel(&self, right: &MemoryProvider, at: &RequestRef) -> Result<CancelOutcome> {
        match right.cancel(at).await {
            Err(error) if error.http_status().is_some_and(|status| (200..300).contains(&status)) => {
                Ok(CancelOutcome::Cancelled)
            }
            result => result,
        }
    }
}

#[async_trait]
impl Defect for TakesAnyNotFound {
    async fn cancel(&self, right: &MemoryProvider, at: &RequestRef) -> Result<CancelOutcome> {
        match right.cancel(at).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(CancelOutcome::AlreadyGone),
            result => result,
        }
    }
}

#[async_trait]
impl Defect for ErasesByAnyAnswer {
    async fn erase(&self, right: &MemoryProvider, at: &RequestRef) -> Result<bool> {
        match right.erase(at).await {
            Err(error) if error.http_status() == Some(200) => Ok(true),
            result => result,
        }
    }
}

#[async_trait]
impl Defect for NotFoundIsCancelled {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        match right.status(at).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(StatusReport::new(Standing::concluded(State::Cancelled)))
            }
            result => result,
        }
    }
}

#[async_trait]
impl Defect for ForgetsTheLink {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        submission.next_steps.retain(|next| !matches!(next.step, Step::LinkMissing { .. }));
        Ok(submission)
    }
}

#[async_trait]
impl Defect for PromisesTheLink {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        report.next_steps.clear();
        Ok(report)
    }
}

#[async_trait]
impl Defect for HandsOutScripts {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        for next in &mut submission.next_steps {
            if let (Step::LinkMissing { .. }, Ok(url)) = (&next.step, "javascript:alert(1)".parse()) {
                next.step = Step::OpenLink { url: SecretUrl::new(url), open_before: None, shared: false };
            }
        }
        Ok(submission)
    }
}

#[async_trait]
impl Defect for RefusalIsNotReady {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let refused = |error: esign_core::Error| match error.http_status() {
            Some(403) => error.with_kind(ErrorKind::NotReady).with_retry(Retry::SAFE),
            _ => error,
        };
        right.download(at, what).await.map_err(refused)
    }
}
