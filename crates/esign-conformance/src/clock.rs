//! One clock for a simulator, the provider and the client.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::Clock;
use esign_core::jiff::Timestamp;

/// The clock of a simulator that keeps its own time, for provider and client too: it jumps to whatever they wait for. Where
/// tokens live for minutes, two clocks could not part for long.
pub struct BackendClock {
    start: Timestamp,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    advance: Box<dyn Fn(Duration) + Send + Sync>,
}

impl BackendClock {
    /// The time that `now` tells and `advance` moves.
    #[must_use]
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        advance: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Self {
        Self { start: now(), now: Box::new(now), advance: Box::new(advance) }
    }
}

#[async_trait]
impl Clock for BackendClock {
    fn now(&self) -> Timestamp {
        (self.now)()
    }

    fn monotonic(&self) -> Duration {
        // A simulator's time does not go backwards.
        Duration::try_from(self.now().duration_since(self.start)).unwrap_or_default()
    }

    async fn sleep_until(&self, deadline: Duration) {
        (self.advance)(deadline.saturating_sub(self.monotonic()));
    }
}

impl fmt::Debug for BackendClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendClock").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test]
    async fn waiting_moves_the_simulators_time() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let time = Arc::new(Mutex::new(start));
        let (told, moved) = (Arc::clone(&time), Arc::clone(&time));
        let clock = BackendClock::new(
            move || *told.lock().unwrap(),
            move |by| {
                let mut time = moved.lock().unwrap();
                *time += by;
            },
        );
        clock.sleep_until(Duration::from_secs(5)).await;
        // What lies in the past is not waited for.
        clock.sleep_until(Duration::from_secs(3)).await;
        assert_eq!(
            (clock.monotonic(), clock.now()),
            (Duration::from_secs(5), start + Duration::from_secs(5))
        );
    }
}
