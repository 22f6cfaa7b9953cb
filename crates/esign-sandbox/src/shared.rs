//! What all simulated services have in common.

use tokio::sync::watch;
use url::Url;

use crate::calls::Calls;
use crate::clock::SandboxClock;
use crate::faults::Faults;
use crate::mailbox::Mailbox;
use crate::signing::Signing;

pub(crate) struct Shared {
    pub(crate) clock: SandboxClock,
    pub(crate) base_url: Url,
    pub(crate) faults: Faults,
    pub(crate) calls: Calls,
    pub(crate) mailbox: Mailbox,
    pub(crate) signing: Signing,
    pub(crate) stop: watch::Sender<bool>,
}

impl Shared {
    /// `path` at the address under which clients reach the sandbox. `path` starts with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.as_str().trim_end_matches('/'))
    }

    /// Returns when the sandbox is told to stop.
    pub(crate) async fn stopped(&self) {
        // An error means that the sender is gone, and with it the sandbox.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }
}

/// Runs what takes milliseconds of computing away from the tasks that serve connections.
pub(crate) async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
