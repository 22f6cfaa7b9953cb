//! Time, injected everywhere: the system's clock, and a virtual one for tests and simulations.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Where time comes from. Nothing in the workspace reads the system clock except [`SystemClock`].
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of day, for tokens, records and expiry.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start that never runs backwards, for limits and waits.
    fn monotonic(&self) -> Duration;

    /// Returns once [`Clock::monotonic`] has reached `deadline`; at once if it has already.
    ///
    /// Dropping the future costs nothing.
    async fn sleep_until(&self, deadline: Duration);
}

/// The system's clock. Waiting needs a tokio runtime with time enabled.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one home of the system clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        monotonic_origin().elapsed()
    }

    async fn sleep_until(&self, deadline: Duration) {
        tokio::time::sleep(deadline.saturating_sub(self.monotonic())).await;
    }
}

#[allow(clippy::disallowed_methods, reason = "the one home of the system clock")]
fn monotonic_origin() -> std::time::Instant {
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

/// A clock that moves only when told to. Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use esign_core::{Clock, VirtualClock};
///
/// let clock = VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:01:30Z");
/// ```
#[derive(Clone)]
pub struct VirtualClock(Arc<Mutex<VirtualTime>>);

struct VirtualTime {
    start: Timestamp,
    elapsed: Duration,
    jumps: bool,
    next_id: u64,
    sleepers: Vec<Sleeper>,
}

struct Sleeper {
    id: u64,
    deadline: Duration,
    waker: Waker,
}

impl VirtualClock {
    /// A clock that stands still at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(VirtualTime {
            start,
            elapsed: Duration::ZERO,
            jumps: false,
            next_id: 0,
            sleepers: Vec::new(),
        })))
    }

    /// A clock that jumps to the deadline as soon as somebody sleeps: for tests over real sockets, where nobody knows
    /// when everyone is idle.
    #[must_use]
    pub fn jumping(start: Timestamp) -> Self {
        let clock = Self::at(start);
        clock.time().jumps = true;
        clock
    }

    /// Moves time forward and wakes whoever is due.
    pub fn advance(&self, by: Duration) {
        let mut time = self.time();
        time.elapsed += by;
        time.wake_due();
    }

    /// Moves time to the earliest deadline anybody sleeps for; false if nobody sleeps.
    pub fn advance_to_next(&self) -> bool {
        let mut time = self.time();
        let Some(next) = time.sleepers.iter().map(|s| s.deadline).min() else { return false };
        time.elapsed = time.elapsed.max(next);
        time.wake_due();
        true
    }

    /// Polls the future to its end, moving time on whenever it can only wait: deterministic, and as fast as the
    /// machine. For futures that wait for nothing but this clock and each other.
    ///
    /// # Panics
    /// If the future waits for something that no clock can bring about.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut idle_rounds = 0;
        std::future::poll_fn(move |cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            // Tasks may have been woken by the poll itself: give them a round before time moves.
            if idle_rounds > 0 {
                idle_rounds = 0;
                assert!(self.advance_to_next(), "the future waits, but nobody sleeps on the virtual clock");
            } else {
                idle_rounds += 1;
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    fn time(&self) -> MutexGuard<'_, VirtualTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VirtualTime {
    fn wake_due(&mut self) {
        let elapsed = self.elapsed;
        let (due, waiting) =
            std::mem::take(&mut self.sleepers).into_iter().partition(|s| s.deadline <= elapsed);
        self.sleepers = waiting;
        let due: Vec<Sleeper> = due;
        due.into_iter().for_each(|s| s.waker.wake());
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualClock({})", self.now())
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let time = self.time();
        time.start + time.elapsed
    }

    fn monotonic(&self) -> Duration {
        self.time().elapsed
    }

    async fn sleep_until(&self, deadline: Duration) {
        VirtualSleep { clock: self.clone(), deadline, id: None }.await;
    }
}

struct VirtualSleep {
    clock: VirtualClock,
    deadline: Duration,
    id: Option<u64>,
}

impl Future for VirtualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let clock = self.clock.clone();
        let mut time = clock.time();
        if time.jumps && time.elapsed < deadline {
            time.elapsed = deadline;
            time.wake_due();
        }
        if time.elapsed >= deadline {
            return Poll::Ready(());
        }
        let id = *self.id.get_or_insert_with(|| {
            time.next_id += 1;
            time.next_id
        });
        time.sleepers.retain(|s| s.id != id);
        time.sleepers.push(Sleeper { id, deadline, waker: cx.waker().clone() });
        Poll::Pending
    }
}

impl Drop for VirtualSleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.time().sleepers.retain(|s| s.id != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> VirtualClock {
        VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[tokio::test]
    async fn run_moves_time_only_as_far_as_needed() {
        let clock = clock();
        let sleeper = clock.clone();
        clock
            .run(async move {
                sleeper.sleep_until(Duration::from_secs(3)).await;
                sleeper.sleep_until(Duration::from_secs(2)).await;
            })
            .await;
        assert_eq!(clock.monotonic(), Duration::from_secs(3));
    }

    #[tokio::test]
    async fn a_dropped_sleep_is_forgotten() {
        let clock = clock();
        let sleep = clock.sleep_until(Duration::from_secs(1));
        let mut sleep = Box::pin(sleep);
        std::future::poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await;
        drop(sleep);
        assert!(!clock.advance_to_next());
    }

    #[tokio::test]
    async fn a_jumping_clock_never_waits() {
        let clock = VirtualClock::jumping("2026-01-01T00:00:00Z".parse().unwrap());
        clock.sleep_until(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().to_string(), "2026-01-01T01:00:00Z");
    }
}
