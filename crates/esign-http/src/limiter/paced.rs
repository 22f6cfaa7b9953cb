//! Even pacing with governor's GCRA, on the injected clock.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use esign_core::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::RateLimit;

/// GCRA that keeps the limit in every window.
#[derive(Debug)]
pub(super) struct Paced {
    clock: OnOurClock,
    gcra: RateLimiter<NotKeyed, InMemoryState, OnOurClock, NoOpMiddleware<Duration>>,
}

impl Paced {
    pub(super) fn new(rate: &RateLimit, clock: Arc<dyn Clock>) -> Self {
        let clock = OnOurClock(clock);
        Self { gcra: RateLimiter::direct_with_clock(quota(rate), clock.clone()), clock }
    }

    /// Takes a cell, or says how long to wait before asking again.
    pub(super) fn take(&self) -> Result<(), Duration> {
        use governor::clock::Clock as _;
        self.gcra.check().map_err(|refusal| refusal.wait_time_from(self.clock.now()))
    }
}

/// A burst of B and one cell per T allow at most `B + floor(W/T)` in a window that includes its ends, so the limit N
/// needs `T > W / (N - B + 1)`: governor's own reading of "N per W" would let almost 2 N through.
fn quota(rate: &RateLimit) -> Quota {
    let burst = rate.own_burst().clamp(1, rate.own_limit().max(1));
    let steps = u128::from(rate.own_limit().max(1) - burst + 1);
    let nanos = (rate.window + rate.slack).as_nanos().div_ceil(steps) + 1;
    // A day at most (checked when the settings are read), so it fits.
    let period = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    // `with_period` refuses zero only, and `nanos` is at least 1.
    Quota::with_period(period).unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst)
}

/// governor's clock over ours; its `until_ready` would sleep on a timer of its own, so it is not used.
#[derive(Clone, Debug)]
struct OnOurClock(Arc<dyn Clock>);

impl governor::clock::Clock for OnOurClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}
