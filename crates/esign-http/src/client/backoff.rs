//! How long to wait before trying again.

use std::time::Duration;

use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryDecision, RetryPolicy};

/// The shortest wait is half of this.
pub(super) const FIRST: Duration = Duration::from_millis(500);
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// Exponential, with jitter, so that clients refused together do not come back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    policy: ExponentialBackoff,
    max_retry_after: Duration,
}

impl Backoff {
    pub(super) fn new(max_retries: u32, max_retry_after: Duration) -> Self {
        let policy = ExponentialBackoff::builder()
            .retry_bounds(FIRST, LONGEST)
            .jitter(Jitter::Bounded)
            .base(2)
            .build_with_max_retries(max_retries);
        Self { policy, max_retry_after }
    }

    /// The wait before the next try, at least `retry_after`; `None` to give up: too many tries, or asked to wait for
    /// longer than we are willing to.
    #[allow(
        clippy::disallowed_methods,
        reason = "the policy answers with a time of day; only the difference is used"
    )]
    pub(super) fn wait(&self, retries: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if retry_after.is_some_and(|after| after > self.max_retry_after) {
            return None;
        }
        let asked = std::time::SystemTime::now();
        match self.policy.should_retry(asked, retries) {
            RetryDecision::DoNotRetry => None,
            RetryDecision::Retry { execute_after } => {
                let wait = execute_after.duration_since(asked).unwrap_or_default().min(LONGEST);
                Some(wait.max(retry_after.unwrap_or_default()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_end() {
        let backoff = Backoff::new(9, Duration::from_secs(60));
        for _ in 0..50 {
            for retries in 0..9 {
                let longest = (FIRST * 2_u32.pow(retries)).min(LONGEST);
                let wait = backoff.wait(retries, None).unwrap();
                assert!(wait >= FIRST / 2, "{wait:?}");
                // The clock may tick between our question and the policy's answer.
                assert!(wait <= longest + Duration::from_millis(50), "{wait:?} at {retries}");
            }
        }
        assert_eq!(backoff.wait(9, None), None);
    }

    #[test]
    fn jitter_spreads() {
        let backoff = Backoff::new(9, Duration::from_secs(60));
        let waits: std::collections::BTreeSet<_> =
            (0..50).filter_map(|_| backoff.wait(5, None)).map(|w| w.as_millis()).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn the_provider_s_wish_is_a_minimum_and_a_long_one_is_not_waited_for() {
        let backoff = Backoff::new(4, Duration::from_secs(60));
        assert_eq!(backoff.wait(0, Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(backoff.wait(0, Some(Duration::from_secs(61))), None);
    }
}
