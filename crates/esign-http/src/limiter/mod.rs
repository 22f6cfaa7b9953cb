//! Keeps a provider's rate limit: in every window, in the order of arrival, shared by all who use the credential.

mod exact;
mod paced;
mod registry;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use esign_core::{Ask, CallClass, CallScope, Clock, Gate, NotBefore, Pass, Result};
use futures_util::future::{Either, select};
use tokio::sync::Notify;

use self::exact::{ExactWindow, Full};
use self::paced::Paced;
use crate::{LimiterMode, RateLimit};

pub use self::registry::{LimiterKey, Limiters, LocalGate};

/// Hands out permission to send.
///
/// - The limit holds in every window, whether its ends count or not, for the time of *sending*. A server counts
///   arrivals: `slack` is how much the way there may vary.
/// - Waiters are served first come first served. One that is dropped costs nothing and holds up nobody.
/// - Polls ([`CallClass::Poll`]) leave room for the others and wait in a queue of their own.
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
    /// One for what somebody waits for, one for polls, which never hold up the others.
    queues: [Queue; 2],
    pace: Pace,
    /// What counts over other processes too, and under which key.
    gate: Option<(Arc<dyn Gate>, String)>,
}

/// Those who wait, first come first served.
#[derive(Default)]
struct Queue {
    /// Its holder is first in the queue; tokio's mutex is fair.
    turn: tokio::sync::Mutex<()>,
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
        Self::behind(rate, clock, None)
    }

    /// A limiter that also asks a gate, under this key, for each request that its own count lets through.
    fn behind(
        rate: RateLimit,
        clock: Arc<dyn Clock>,
        gate: Option<(Arc<dyn Gate>, String)>,
    ) -> Result<Arc<Self>> {
        rate.check()?;
        let pace = match rate.mode {
            LimiterMode::Exact => Pace::Exact(Mutex::new(ExactWindow::new(&rate))),
            LimiterMode::Paced => Pace::Paced(Paced::new(&rate, Arc::clone(&clock))),
        };
        Ok(Arc::new(Self { rate, clock, queues: Default::default(), pace, gate }))
    }

    /// Waits for permission to send one request, however long it takes.
    pub async fn acquire(self: &Arc<Self>) -> Permit {
        loop {
            match self.acquire_in(&CallScope::default()).await {
                Ok(permit) => return permit,
                Err(NotBefore(time)) => self.clock.sleep_until(time).await,
            }
        }
    }

    /// Waits for permission to send one request, for as long as the current [`CallScope`] allows.
    ///
    /// # Errors
    /// [`NotBefore`] as soon as it is clear that nothing will be let through before the scope's deadline.
    pub async fn acquire_in_time(self: &Arc<Self>) -> Result<Permit, NotBefore> {
        self.acquire_in(&CallScope::current()).await
    }

    async fn acquire_in(self: &Arc<Self>, scope: &CallScope) -> Result<Permit, NotBefore> {
        let queue = &self.queues[usize::from(scope.class == CallClass::Poll)];
        let since = self.clock.monotonic();
        let _turn = queue.turn.lock().await;
        loop {
            match self.try_take(scope).await {
                Ok(pass) => {
                    let waited = self.clock.monotonic().saturating_sub(since);
                    return Ok(Permit { limiter: Arc::clone(self), pass, waited, open: true });
                }
                Err(Full::Until(time) | Full::AtGate(time)) if scope.is_missed_at(time) => {
                    return Err(NotBefore(time));
                }
                // Nothing that moves here moves the gate; our own slot went back, and telling ourselves would spin.
                Err(Full::AtGate(time)) => self.clock.sleep_until(time).await,
                Err(Full::Until(time)) => {
                    // A slot given back may free one earlier.
                    let moved = std::pin::pin!(queue.moved.notified());
                    match select(self.clock.sleep_until(time), moved).await {
                        Either::Left(_) | Either::Right(_) => {}
                    }
                }
                Err(Full::UntilReleased) => queue.moved.notified().await,
            }
        }
    }

    /// Permission to send one request now, without waiting and without the gate.
    ///
    /// # Errors
    /// [`NotBefore`] if there is none; where all places are taken by requests that have not left yet, a second from now.
    pub fn try_acquire(self: &Arc<Self>, class: CallClass) -> Result<Permit, NotBefore> {
        match self.take(class) {
            Ok(()) => {
                Ok(Permit { limiter: Arc::clone(self), pass: None, waited: Duration::ZERO, open: true })
            }
            Err(Full::Until(time) | Full::AtGate(time)) => Err(NotBefore(time)),
            Err(Full::UntilReleased) => Err(NotBefore(self.clock.monotonic() + Duration::from_secs(1))),
        }
    }

    /// A slot of our own, and then one of the gate's.
    async fn try_take(&self, scope: &CallScope) -> Result<Option<Pass>, Full> {
        self.take(scope.class)?;
        let Some((gate, key)) = &self.gate else { return Ok(None) };
        let mut ours = Taken { limiter: self, kept: false };
        let ask = Ask {
            key,
            limit: self.rate.limit,
            window: self.rate.window + self.rate.slack,
            class: scope.class,
            now: self.clock.monotonic(),
        };
        let pass = gate.try_acquire(&ask).await.map_err(|NotBefore(time)| Full::AtGate(time))?;
        ours.kept = true;
        Ok(Some(pass))
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What it keeps.
    #[must_use]
    pub fn rate(&self) -> RateLimit {
        self.rate
    }

    fn take(&self, class: CallClass) -> Result<(), Full> {
        match &self.pace {
            Pace::Exact(window) => lock(window).take(self.clock.monotonic(), class),
            Pace::Paced(paced) => paced.take().map_err(|wait| Full::Until(self.clock.monotonic() + wait)),
        }
    }

    /// Ends the taken state of a slot.
    fn close(&self, how: impl FnOnce(&mut ExactWindow, Duration)) {
        if let Pace::Exact(window) = &self.pace {
            let mut window = lock(window);
            how(&mut window, self.clock.monotonic());
            drop(window);
            self.queues.iter().for_each(|queue| queue.moved.notify_one());
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

/// A slot of a window that the gate has not agreed to yet.
struct Taken<'a> {
    limiter: &'a Limiter,
    kept: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.limiter.close(|window, _| window.give_back());
        }
    }
}

/// Permission to send one request. Dropped unsent, it costs nothing in exact mode; in paced mode its cell is spent.
#[derive(Debug)]
#[must_use = "say `sent` when the request leaves"]
pub struct Permit {
    limiter: Arc<Limiter>,
    pass: Option<Pass>,
    waited: Duration,
    open: bool,
}

impl Permit {
    /// The request leaves now: from now on it counts.
    pub fn sent(mut self) {
        if let Some(pass) = self.pass.take() {
            pass.sent();
        }
        self.close(ExactWindow::stamp);
    }

    /// How long the permission was waited for.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn close(&mut self, how: impl FnOnce(&mut ExactWindow, Duration)) {
        if std::mem::take(&mut self.open) {
            self.limiter.close(how);
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
