//! The sandbox's time: the system's clock, or one that stands still until it is told to move.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The time that every documented clock of the simulated services follows: link lifetimes, expiry, rate limits,
/// retries of callbacks. Clones share the same time.
///
/// Delays on the wire (faults) are in real time, because the time-outs of the client under test are.
///
/// ```
/// use std::time::Duration;
/// use esign_sandbox::SandboxClock;
///
/// let clock = SandboxClock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:01:30Z");
/// ```
#[derive(Clone)]
pub struct SandboxClock(Arc<Inner>);

struct Inner {
    base: Base,
    offset: watch::Sender<SignedDuration>,
}

enum Base {
    System,
    Fixed(Timestamp),
}

impl SandboxClock {
    /// The system's clock. [`SandboxClock::advance`] puts it ahead.
    pub fn system() -> Self {
        Self::new(Base::System)
    }

    /// A clock that starts at `start` and moves only by [`SandboxClock::advance`].
    pub fn virtual_at(start: Timestamp) -> Self {
        Self::new(Base::Fixed(start))
    }

    fn new(base: Base) -> Self {
        Self(Arc::new(Inner { base, offset: watch::Sender::new(SignedDuration::ZERO) }))
    }

    /// The time of day. Stops at the last representable moment (year 9999) instead of failing.
    pub fn now(&self) -> Timestamp {
        let offset = *self.0.offset.borrow();
        self.base_now().checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// Moves the time forward, and wakes everything that waited for a moment that has now come.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.0.offset.send_modify(|offset| *offset = offset.saturating_add(by));
    }

    /// Whether the clock stands still between calls of [`SandboxClock::advance`].
    pub fn is_virtual(&self) -> bool {
        matches!(self.0.base, Base::Fixed(_))
    }

    /// Returns once it is `at` or later. On a clock that stands still that takes an [`SandboxClock::advance`].
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        let mut moved = self.0.offset.subscribe();
        loop {
            moved.borrow_and_update();
            let Ok(left) = Duration::try_from(at.duration_since(self.now())) else { return };
            if left.is_zero() {
                return;
            }
            let moved = async {
                // The sender lives as long as `self`.
                let _ = moved.changed().await;
            };
            match self.0.base {
                Base::Fixed(_) => moved.await,
                Base::System => tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    () = moved => {}
                },
            }
        }
    }

    #[allow(clippy::disallowed_methods, reason = "the sandbox's one reading of the system clock")]
    fn base_now(&self) -> Timestamp {
        match self.0.base {
            Base::System => Timestamp::now(),
            Base::Fixed(start) => start,
        }
    }
}

impl fmt::Debug for SandboxClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxClock").field("now", &self.now()).field("virtual", &self.is_virtual()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_moves_only_when_told_and_clones_share_it() {
        let clock = SandboxClock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
        let clone = clock.clone();
        assert_eq!(clock.now(), clone.now());
        clone.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:01.5Z");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_the_time_has_come() {
        let clock = SandboxClock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
        clock.sleep_until(clock.now()).await;
        let due = clock.now() + SignedDuration::from_secs(2);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(due).await;
                clock.now()
            }
        });
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_secs(1));
        assert_eq!(waiting.await.unwrap(), due);
    }

    #[test]
    fn the_end_of_time_is_not_a_panic() {
        let clock = SandboxClock::virtual_at(Timestamp::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn the_system_clock_can_be_put_ahead() {
        let clock = SandboxClock::system();
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() >= before + SignedDuration::from_hours(1));
    }
}
