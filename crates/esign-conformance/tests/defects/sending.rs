//! Wrong while sending, and in what is claimed and kept.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Bound, Capabilities, Document, Documents, ErrorKind, Handle, Intent, Operation, Order, Prepared,
    Provider, RequestRef, Resolution, Result, Retry, StatusReport, Step, Submission,
};

use crate::wrong::{Defect, error, kept, submit_changed};

/// A defect without state of its own.
macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(
    ClaimsToErase,
    ClaimsLongNames,
    ClaimsBigDocuments,
    RepeatsAfterTimeout,
    CallsTimeoutSafe,
    NeverFindsAnything,
    RepeatsServerErrors,
    TakesHtmlForSuccess,
    IgnoresRetryAfter,
    RepeatsBadRequests,
    LosesTheHttpStatus,
    RewritesTheDocument,
    WrongNextStep,
    StepForNobody,
    RecordsAnotherId,
    SignsInAnyOrder,
    StoresTheAddress,
    PrintsItsToken,
    PrintsTheAddress,
    TokenPerCall,
    PrintsTheUrl,
    TimeoutIsRefusal,
    SwallowsTheReason,
    RenamesItsState,
);

impl Defect for ClaimsToErase {
    fn erases(&self) -> bool {
        false
    }
}

#[derive(Debug, Default)]
pub(crate) struct ChangesItsMind(AtomicBool);

#[async_trait]
impl Defect for ChangesItsMind {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        let mut caps = right.capabilities();
        if self.0.load(Ordering::Relaxed) {
            caps.poll_interval = 60;
        }
        caps
    }

    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        self.0.store(true, Ordering::Relaxed);
        right.submit(request).await
    }
}

/// The service takes fewer characters than is claimed.
#[async_trait]
impl Defect for ClaimsLongNames {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        if request.request().documents[0].name().chars().count() > 100 {
            return Err(
                error(ErrorKind::InvalidRequest, "the service refused the name").with_http_status(400)
            );
        }
        right.submit(request).await
    }
}

/// Ten megabytes are not ten mebibytes.
#[async_trait]
impl Defect for ClaimsBigDocuments {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        let mut caps = right.capabilities();
        caps.documents.bytes.max = Bound::Is(10 * 1024 * 1024);
        caps
    }

    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        if request.request().documents[0].content().len() > 10_000_000 {
            return Err(error(ErrorKind::TooLarge, "the service refused the document").with_http_status(413));
        }
        right.submit(request).await
    }
}

#[async_trait]
impl Defect for RepeatsAfterTimeout {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        match right.submit(request).await {
            Err(error) if error.kind() == ErrorKind::Timeout => right.submit(request).await,
            result => result,
        }
    }
}

#[async_trait]
impl Defect for CallsTimeoutSafe {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.submit(request).await.map_err(|e| e.with_retry(Retry::SAFE))
    }
}

#[async_trait]
impl Defect for NeverFindsAnything {
    async fn find(&self, _: &MemoryProvider, _: &Intent) -> Result<Resolution> {
        Ok(Resolution::NotFound)
    }
}

#[async_trait]
impl Defect for RepeatsServerErrors {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        match right.submit(request).await {
            Err(error) if error.http_status() == Some(503) => right.submit(request).await,
            result => result,
        }
    }
}

#[async_trait]
impl Defect for TakesHtmlForSuccess {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        match right.submit(request).await {
            Err(error) if error.kind() == ErrorKind::UnexpectedAnswer => {
                let handle = Handle::new(request.intent(), "<html>", request.intent().prepared_at());
                Ok(Submission::new(request.intent(), handle))
            }
            result => result,
        }
    }
}

#[async_trait]
impl Defect for IgnoresRetryAfter {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        match right.submit(request).await {
            Err(error) if error.kind() == ErrorKind::RateLimited => right.submit(request).await,
            result => result,
        }
    }
}

#[async_trait]
impl Defect for RepeatsBadRequests {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let result = right.submit(request).await;
        result.map_err(|e| if e.http_status() == Some(400) { e.with_retry(Retry::SAFE) } else { e })
    }
}

#[async_trait]
impl Defect for LosesTheHttpStatus {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let result = right.submit(request).await;
        result.map_err(|e| error(e.kind(), "something went wrong").with_retry(e.retry()))
    }
}

#[async_trait]
impl Defect for RewritesTheDocument {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        submit_changed(right, request, |request| {
            let document = &request.documents[0];
            let saved = [document.content().as_ref(), b"\n%%EOF\n"].concat();
            request.documents = vec![Document::pdf(document.name(), saved)];
        })
        .await
    }
}

#[async_trait]
impl Defect for WrongNextStep {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        submission.next_steps.iter_mut().for_each(|next| next.step = Step::EmailSent);
        Ok(submission)
    }
}

#[async_trait]
impl Defect for StepForNobody {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        submission.next_steps.iter_mut().for_each(|next| next.signer = "task-1".to_owned());
        Ok(submission)
    }
}

#[async_trait]
impl Defect for RecordsAnotherId {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        let other = Handle::new(request.intent(), "session-1", request.intent().prepared_at());
        submission.record = Submission::new(request.intent(), other).record;
        Ok(submission)
    }
}

#[async_trait]
impl Defect for SignsInAnyOrder {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = submit_changed(right, request, |request| {
            request.order = request.order.map(|_| Order::Parallel);
            request.signers.iter_mut().for_each(|signer| signer.group = None);
        })
        .await?;
        let waits = request.request().order == Some(Order::Sequential);
        submission.next_steps.iter_mut().skip(1).filter(|_| waits).for_each(|n| n.step = Step::WaitForOthers);
        Ok(submission)
    }
}

/// Works as long as the process lives.
#[derive(Debug, Default)]
pub(crate) struct RemembersInMemory(Mutex<Vec<String>>);

#[async_trait]
impl Defect for RemembersInMemory {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let submission = right.submit(request).await?;
        self.0.lock().unwrap().push(submission.handle.request().id().to_owned());
        Ok(submission)
    }

    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        if !self.0.lock().unwrap().iter().any(|id| id == at.id()) {
            return Err(error(ErrorKind::NotFound, "no exchange code for this request"));
        }
        right.status(at).await
    }
}

#[async_trait]
impl Defect for StoresTheAddress {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        let email = request.request().signers[0].email.as_ref().map(|email| email.expose().to_owned());
        submission.handle = submission.handle.with_private(&email)?;
        Ok(submission)
    }
}

impl Defect for PrintsItsToken {
    fn debug(&self) -> &'static str {
        "Wrong { token: \"memory-token-1\" }"
    }
}

#[async_trait]
impl Defect for PrintsTheAddress {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.submit(request).await.map_err(|e| {
            let email = request.request().signers[0].email.as_ref().map_or("", |email| email.expose());
            error(e.kind(), &format!("cannot invite {email}")).with_retry(e.retry())
        })
    }
}

#[async_trait]
impl Defect for TokenPerCall {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        assert!(right.service().calls(Operation::Token) < 1000);
        right.service().provider().status(at).await
    }
}

/// Passes on the error of its HTTP client, which names the address with its query.
#[async_trait]
impl Defect for PrintsTheUrl {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        right.status(at).await.map_err(|e| {
            let message =
                "error sending request for url (https://memory.invalid/status?token=memory-token-1)";
            error(e.kind(), message).with_retry(e.retry())
        })
    }
}

/// Takes every 4xx for a refusal.
#[async_trait]
impl Defect for TimeoutIsRefusal {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.submit(request).await.map_err(|e| match e.http_status() {
            Some(400..500) => e.with_retry(Retry::Never),
            _ => e,
        })
    }
}

#[async_trait]
impl Defect for SwallowsTheReason {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.submit(request).await.map_err(|e| match e.http_status() {
            Some(status) => error(e.kind(), "bad request").with_http_status(status).with_retry(e.retry()),
            None => e,
        })
    }
}

/// What older versions stored is called otherwise now.
#[async_trait]
impl Defect for RenamesItsState {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut submission = right.submit(request).await?;
        let old: kept::State = submission.handle.request().state()?;
        submission.handle = submission.handle.with_private(&Renamed { keys: old.signers })?;
        Ok(submission)
    }

    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let Renamed { keys } = at.state()?;
        right.status(&at.with_state(&kept::State { signers: keys })?).await
    }
}

#[derive(serde::Deserialize, serde::Serialize)]
struct Renamed {
    keys: Vec<String>,
}
