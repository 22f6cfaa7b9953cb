//! Wrong while reading, downloading and calling back.

use std::time::Duration;

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Artifact, ArtifactId, CancelOutcome, Clock, Documents, ErrorKind, MediaType, RequestRef, Result,
    Standing, State, StatusReport,
};

use crate::wrong::{Defect, error};

macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(
    UnknownIsCompleted,
    UnknownPanics,
    UnknownIsLost,
    RefusalIsCancellation,
    LateNewsMovesBack,
    SignedIsPending,
    FaultIsFailure,
    OwnClockIsWrong,
    NewIdEachTime,
    CancelsNothing,
    SecondCancelFails,
    GivesTheOriginal,
    GivesWhatIsThere,
    NothingIsNotReady,
    HtmlIsADocument,
    ListsTooMuch,
    AnythingExists,
);

/// The report with one state taken for another.
async fn mistaken(right: &MemoryProvider, at: &RequestRef, from: State, to: State) -> Result<StatusReport> {
    let mut report = right.status(at).await?;
    if report.state() == from {
        report.standing = Standing::stated(to);
    }
    Ok(report)
}

#[async_trait]
impl Defect for UnknownIsCompleted {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        mistaken(right, at, State::Unrecognised, State::Completed).await
    }
}

#[async_trait]
impl Defect for UnknownPanics {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let report = right.status(at).await?;
        assert!(report.state() != State::Unrecognised, "unreachable");
        Ok(report)
    }
}

#[async_trait]
impl Defect for UnknownIsLost {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        report.provider_status = None;
        Ok(report)
    }
}

#[async_trait]
impl Defect for RefusalIsCancellation {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        mistaken(right, at, State::Declined, State::Cancelled).await
    }
}

/// Looks at the expiry first.
#[async_trait]
impl Defect for LateNewsMovesBack {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        if report.expires_at.is_some_and(|end| right.service().clock().now() >= end) {
            report.standing = Standing::stated(State::Expired);
        }
        Ok(report)
    }
}

#[async_trait]
impl Defect for SignedIsPending {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        mistaken(right, at, State::InProgress, State::Pending).await
    }
}

#[async_trait]
impl Defect for FaultIsFailure {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        Ok(right.status(at).await.unwrap_or_else(|_| StatusReport::new(Standing::stated(State::Failed))))
    }
}

#[async_trait]
impl Defect for OwnClockIsWrong {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        let fast = right.service().clock().now() + Duration::from_secs(365 * 86_400);
        if report.expires_at.is_some_and(|end| fast >= end) {
            report.standing = Standing::concluded(State::Expired);
        }
        Ok(report)
    }
}

#[async_trait]
impl Defect for NewIdEachTime {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        let service = right.service().client().await?;
        let document = esign_core::Document::pdf("Other", &b"%PDF-1.7"[..]);
        let request = esign_core::SignRequest::new(
            at.reference().clone(),
            document,
            esign_core::Delivery::ShareableLink,
        )
        .signer(esign_core::Signer::new("a"));
        let intent = service.prepare(request).await?.intent().clone();
        report.new_handle = Some(esign_core::Handle::new(&intent, "session-2", at.created_at()));
        Ok(report)
    }
}

#[async_trait]
impl Defect for CancelsNothing {
    async fn cancel(&self, _: &MemoryProvider, _: &RequestRef) -> Result<CancelOutcome> {
        Ok(CancelOutcome::Cancelled)
    }
}

/// Asks the service without looking whether there is anything left, and passes its refusal on.
#[async_trait]
impl Defect for SecondCancelFails {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        mistaken(right, at, State::Cancelled, State::Pending).await
    }

    async fn cancel(&self, right: &MemoryProvider, at: &RequestRef) -> Result<CancelOutcome> {
        match right.cancel(at).await? {
            CancelOutcome::Cancelled => Ok(CancelOutcome::Cancelled),
            _ => Err(error(ErrorKind::Conflict, "not possible in this state").with_http_status(409)),
        }
    }
}

#[async_trait]
impl Defect for GivesTheOriginal {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        right.download(at, what).await?;
        let mut artifact = right.download(at, &ArtifactId::ORIGINAL).await?;
        artifact.id = what.clone();
        Ok(artifact)
    }
}

#[async_trait]
impl Defect for GivesWhatIsThere {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        match right.download(at, what).await {
            Err(error) if error.kind() == ErrorKind::NotReady => {
                right.download(at, &ArtifactId::PARTIAL).await
            }
            result => result,
        }
    }
}

#[async_trait]
impl Defect for NothingIsNotReady {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        match right.download(at, what).await {
            Err(error) if error.kind() == ErrorKind::NotReady => {
                Ok(Artifact::new(what.clone(), MediaType::PDF, Vec::new().into()))
            }
            result => result,
        }
    }
}

#[async_trait]
impl Defect for HtmlIsADocument {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        match right.download(at, what).await {
            Err(error) if error.kind() == ErrorKind::UnexpectedAnswer => {
                Ok(Artifact::new(what.clone(), MediaType::PDF, "<html>Bad gateway</html>".into()))
            }
            result => result,
        }
    }
}

#[async_trait]
impl Defect for ListsTooMuch {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        report.artifacts.push(ArtifactId::ARCHIVED);
        Ok(report)
    }
}

#[async_trait]
impl Defect for AnythingExists {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        match right.download(at, what).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                right.download(at, &ArtifactId::SIGNED).await
            }
            result => result,
        }
    }
}
