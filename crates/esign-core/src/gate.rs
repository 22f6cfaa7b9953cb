//! Permission to call, counted over everybody who shares a provider's limit.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::CallClass;

/// Counts calls against a limit that several clients, or several processes, share.
///
/// It never waits: where nothing may go now it says when to ask again, so that waiting can cost a row in a table and not a
/// task. An HTTP stack asks it before each request, beside its own limiter.
#[async_trait]
pub trait Gate: fmt::Debug + Send + Sync {
    /// Asks for permission to send one request now.
    ///
    /// # Errors
    /// [`NotBefore`] if the limit is used up, or cannot be asked now.
    async fn try_acquire(&self, ask: &Ask<'_>) -> Result<Pass, NotBefore>;
}

/// What a [`Gate`] is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whose limit it is: the same for all who share it, and no secret.
    pub key: &'a str,
    /// How many requests …
    pub limit: u32,
    /// … in any span of this length, the variation of the way there included.
    pub window: Duration,
    /// How urgent it is.
    pub class: CallClass,
    /// When it is asked, on the asker's [`Clock::monotonic`](crate::Clock::monotonic).
    pub now: Duration,
}

/// Permission is refused until this time, on the asker's [`Clock::monotonic`](crate::Clock::monotonic). Asking earlier is of no
/// use; asking then may be refused again, because others ask too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBefore(
    /// The time.
    pub Duration,
);

/// Permission to send one request. Dropped unsent, it goes back.
#[must_use = "say `sent` when the request leaves"]
pub struct Pass(Option<Close>);

type Close = Box<dyn FnOnce(bool) + Send + Sync>;

impl Pass {
    /// A pass that tells `close` once how it ended: true if the request was sent. For gates.
    pub fn new(close: impl FnOnce(bool) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(close)))
    }

    /// The request leaves now: from now on it counts.
    pub fn sent(mut self) {
        self.close(true);
    }

    fn close(&mut self, sent: bool) {
        if let Some(close) = self.0.take() {
            close(sent);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.close(false);
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pass")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_pass_ends_once_one_way_or_the_other() {
        let ends = Arc::new(Mutex::new(Vec::new()));
        let pass = || {
            let ends = Arc::clone(&ends);
            Pass::new(move |sent| ends.lock().unwrap().push(sent))
        };
        pass().sent();
        drop(pass());
        assert_eq!(*ends.lock().unwrap(), [true, false]);
    }
}
