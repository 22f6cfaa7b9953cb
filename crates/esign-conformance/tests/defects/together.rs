//! Wrong when calls are dropped half-way or come all at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Artifact, ArtifactId, CancelOutcome, Capabilities, Clock, Documents, ErrorKind, InboundCall, Intent,
    Lookup, Operation, Provider, RateLimit, Received, Reply, RequestRef, Resolution, Result, Retention,
    StatusReport,
};

use crate::wrong::{Defect, error};

/// Takes what it needs, awaits, and puts it back: who is dropped in between puts nothing back.
#[derive(Debug)]
struct Borrowed(AtomicBool);

impl Default for Borrowed {
    fn default() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl Borrowed {
    async fn used(&self) -> Result<()> {
        if !self.0.swap(false, Ordering::Relaxed) {
            return Err(error(ErrorKind::Internal, "the connection is in use"));
        }
        tokio::task::yield_now().await;
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

macro_rules! borrowing {
    ($($name:ident: $method:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {$(
        #[derive(Debug, Default)]
        pub(crate) struct $name(Borrowed);

        #[async_trait]
        impl Defect for $name {
            async fn $method(&self, right: &MemoryProvider, $($argument: $type),*) -> Result<$result> {
                self.0.used().await?;
                right.$method($($argument),*).await
            }
        }
    )+};
}

borrowing! {
    LosesAStatus: status(at: &RequestRef) -> StatusReport;
    LosesADownload: download(at: &RequestRef, what: &ArtifactId) -> Artifact;
    LosesACancel: cancel(at: &RequestRef) -> CancelOutcome;
    LosesALookup: find(intent: &Intent) -> Resolution;
    LosesAnErase: erase(at: &RequestRef) -> bool;
}

#[derive(Debug, Default)]
pub(crate) struct LosesACallback(Borrowed);

#[async_trait]
impl Defect for LosesACallback {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        match self.0.used().await {
            Ok(()) => esign_core::Callbacks::receive(right, call).await,
            Err(error) => Received::new(Reply::status(503), Err(error)),
        }
    }
}

/// Marks the token as being fetched, and whoever was to fetch it is gone.
#[derive(Debug, Default)]
pub(crate) struct LosesTheFirstCall {
    fetching: AtomicBool,
    ready: AtomicBool,
}

#[async_trait]
impl Defect for LosesTheFirstCall {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        if !self.ready.load(Ordering::Relaxed) {
            if self.fetching.swap(true, Ordering::Relaxed) {
                return Err(error(ErrorKind::Unauthenticated, "another call is fetching the token"));
            }
            tokio::task::yield_now().await;
            self.ready.store(true, Ordering::Relaxed);
        }
        right.status(at).await
    }
}

/// Looks for a token, finds none, fetches one; so does everybody else meanwhile.
#[derive(Debug, Default)]
pub(crate) struct FetchesTogether(AtomicBool);

#[async_trait]
impl Defect for FetchesTogether {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        if self.0.load(Ordering::Relaxed) {
            return right.status(at).await;
        }
        tokio::task::yield_now().await;
        self.0.store(true, Ordering::Relaxed);
        // A provider of its own has a token of its own.
        right.service().provider().status(at).await
    }
}

/// One call at a time, and who finds it busy waits twice as long each time: newcomers are faster.
#[derive(Debug, Default)]
pub(crate) struct BacksOffForEver(AtomicBool);

#[async_trait]
impl Defect for BacksOffForEver {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut wait = 1;
        while self.0.swap(true, Ordering::Relaxed) {
            for _ in 0..wait {
                tokio::task::yield_now().await;
            }
            wait *= 2;
        }
        tokio::task::yield_now().await;
        self.0.store(false, Ordering::Relaxed);
        right.status(at).await
    }
}

/// Claims a limit, and sends as fast as it can.
#[derive(Debug, Default)]
pub(crate) struct IgnoresItsLimit;

impl Defect for IgnoresItsLimit {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        let mut caps = right.capabilities();
        caps.rate_limit = Some(RateLimit { requests: 10, window_seconds: 10 });
        caps
    }
}

/// No defect: it waits for the next window.
#[derive(Debug, Default)]
pub(crate) struct KeepsItsLimit(AtomicU64);

#[async_trait]
impl Defect for KeepsItsLimit {
    fn capabilities(&self, right: &MemoryProvider) -> Capabilities {
        IgnoresItsLimit.capabilities(right)
    }

    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        if self.0.fetch_add(1, Ordering::Relaxed) % 10 == 9 {
            right.service().clock().advance(Duration::from_secs(10));
        }
        right.status(at).await
    }
}

/// Keeps the address of the document, which works for half an hour.
#[derive(Debug, Default)]
pub(crate) struct KeepsTheAddress(Mutex<Option<Duration>>);

#[async_trait]
impl Defect for KeepsTheAddress {
    async fn download(&self, right: &MemoryProvider, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        let now = right.service().clock().monotonic();
        let since = *self.0.lock().unwrap().get_or_insert(now);
        if now - since > Duration::from_secs(1800) {
            return Err(error(ErrorKind::Forbidden, "the address works no longer").with_http_status(403));
        }
        right.download(at, what).await
    }
}

/// Deletes without looking, signed or not.
#[derive(Debug, Default)]
pub(crate) struct CancelErases;

#[async_trait]
impl Defect for CancelErases {
    async fn cancel(&self, right: &MemoryProvider, at: &RequestRef) -> Result<CancelOutcome> {
        let outcome = right.cancel(at).await?;
        right.erase(at).await?;
        Ok(outcome)
    }
}

/// Erases what is open, and says so of everything.
#[derive(Debug, Default)]
pub(crate) struct ErasesOnPaper;

#[async_trait]
impl Defect for ErasesOnPaper {
    async fn erase(&self, right: &MemoryProvider, at: &RequestRef) -> Result<bool> {
        assert!(right.service().calls(Operation::Erase) < 1000);
        right.status(at).await.map(|_| true)
    }
}

/// Calls an open request back where it was to erase it.
#[derive(Debug, Default)]
pub(crate) struct ErasingIsCancelling;

#[async_trait]
impl Defect for ErasingIsCancelling {
    async fn erase(&self, right: &MemoryProvider, at: &RequestRef) -> Result<bool> {
        Ok(right.cancel(at).await? == CancelOutcome::Cancelled)
    }
}
