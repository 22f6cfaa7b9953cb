//! Keeps a provider's rate limit: in every window, in the order of arrival, shared by all who use the credential.

mod exact;
mod paced;
mod registry;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use esign_core::{Clock, Result};
use futures_util::future::{Either, select};
use tokio::sync::Notify;

use self::exact::{ExactWindow, Full};
use self::paced::Paced;
use crate::{LimiterMode, RateLimit};

pub use self::registry::{LimiterKey, Limiters};

/// Hands out permission to send.
///
/// - The limit holds in every window, whether its ends count or not, for the time of *sending*. A server counts
///   arrivals: `slack` is how much the way there may vary.
/// - Waiters are served first come first served. One that is dropped costs nothing and holds up nobody.
/// - All waits are on the injected clock.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use esign_core::{Clock, VirtualClock};
/// # use esign_http::{Limiter, RateLimit};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let clock = VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
/// let limiter = Limiter::new(RateLimit::exact(100, Duration::from_secs(10)), Arc::new(clock.clone())).unwrap();
/// clock.run(async {
///     for _ in 0..101 {
///         limiter.acquire().await.sent();
///     }
/// }).await;
/// assert_eq!(clock.monotonic().as_millis(), 10_200); // 100 at once, the next when the first has left the window
/// # });
/// ```
pub struct Limiter {
    rate: RateLimit,
    clock: Arc<dyn Clock>,
    /// Whoever holds it is first in the queue; tokio's mutex is fair.
    turn: tokio::sync::Mutex<()>,
    pace: Pace,
    /// Tells the first in the queue that a slot was stamped or given back.
    moved: Notify,
}

enum Pace {
    Exact(Mutex<ExactWindow>),
    Paced(Paced),
}

impl Limiter {
    /// A limiter that has seen no request yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) if the numbers do not agree.
    pub fn new(rate: RateLimit, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        rate.check()?;
        let pace = match rate.mode {
            LimiterMode::Exact => Pace::Exact(Mutex::new(ExactWindow::new(&rate))),
            LimiterMode::Paced => Pace::Paced(Paced::new(&rate, Arc::clone(&clock))),
        };
        Ok(Arc::new(Self { rate, clock, turn: tokio::sync::Mutex::new(()), pace, moved: Notify::new() }))
    }

    /// Waits for permission to send one request.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        let since = self.clock.monotonic();
        let _turn = self.turn.lock().await;
        loop {
            match self.take() {
                Ok(()) => break,
                Err(Full::Until(time)) => {
                    // A slot given back may free one earlier.
                    let moved = std::pin::pin!(self.moved.notified());
                    match select(self.clock.sleep_until(time), moved).await {
                        Either::Left(_) | Either::Right(_) => {}
                    }
                }
                Err(Full::UntilReleased) => self.moved.notified().await,
            }
        }
        let waited = self.clock.monotonic().saturating_sub(since);
        Permit { limiter: Arc::clone(self), waited, open: true }
    }

    /// What it keeps.
    #[must_use]
    pub fn rate(&self) -> RateLimit {
        self.rate
    }

    fn take(&self) -> Result<(), Full> {
        match &self.pace {
            Pace::Exact(window) => lock(window).take(self.clock.monotonic()),
            Pace::Paced(paced) => paced.take().map_err(|wait| Full::Until(self.clock.monotonic() + wait)),
        }
    }

    /// Goes on where another limiter of the same credential, now unused, has stopped.
    fn inherit(&self, from: &Self) {
        if let (Pace::Exact(window), Pace::Exact(old)) = (&self.pace, &from.pace) {
            lock(window).inherit(&lock(old));
        }
    }

    fn is_idle(&self) -> bool {
        match &self.pace {
            Pace::Exact(window) => lock(window).is_idle(self.clock.monotonic()),
            // governor does not show its state: kept as long as the process lives.
            Pace::Paced(_) => false,
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Permission to send one request. Dropped unsent, it costs nothing in exact mode; in paced mode its cell is spent.
#[derive(Debug)]
#[must_use = "say `sent` when the request leaves"]
pub struct Permit {
    limiter: Arc<Limiter>,
    waited: Duration,
    open: bool,
}

impl Permit {
    /// The request leaves now: from now on it counts.
    pub fn sent(mut self) {
        self.close(ExactWindow::stamp);
    }

    /// How long the permission was waited for.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn close(&mut self, how: impl FnOnce(&mut ExactWindow, Duration)) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        if let Pace::Exact(window) = &self.limiter.pace {
            let mut window = lock(window);
            how(&mut window, self.limiter.clock.monotonic());
            drop(window);
            self.limiter.moved.notify_one();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.close(|window, _| window.give_back());
    }
}

/// Nothing can panic while the lock is held, so a poisoned one holds a sound value.
fn lock(window: &Mutex<ExactWindow>) -> MutexGuard<'_, ExactWindow> {
    window.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
