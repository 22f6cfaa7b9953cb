//! The exact sliding window: "up to 100 requests per 10 seconds" in every window, not on average.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::settings::RateLimit;

/// When the accepted requests of the last window came. Refused ones do not count (assumption).
#[derive(Debug, Default)]
pub(crate) struct Window(VecDeque<Timestamp>);

impl Window {
    /// Accepts a request, or says how long until the next one would be.
    pub(crate) fn admit(&mut self, now: Timestamp, limit: RateLimit) -> Result<(), SignedDuration> {
        let window = SignedDuration::from_secs(limit.seconds.into());
        while self.0.front().is_some_and(|first| now.duration_since(*first) >= window) {
            self.0.pop_front();
        }
        if self.0.len() < limit.requests {
            self.0.push_back(now);
            return Ok(());
        }
        // A limit of 0 requests has no first one to wait for.
        Err(self.0.front().map_or(window, |first| window - now.duration_since(*first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_holds_the_limit() {
        let limit = RateLimit { requests: 3, seconds: 10 };
        let start = Timestamp::UNIX_EPOCH;
        let mut window = Window::default();
        // (seconds since the start, how long to wait or accepted)
        for (at, expected) in [
            (0, None),
            (4, None),
            (9, None),
            (9, Some(1)),
            (10, None),
            (10, Some(4)),
            (13, Some(1)),
            (14, None),
            (18, Some(1)),
            (100, None),
        ] {
            let answer = window.admit(start + SignedDuration::from_secs(at), limit);
            assert_eq!(answer.err(), expected.map(SignedDuration::from_secs), "at {at} s");
        }
    }

    #[test]
    fn a_limit_of_nothing_admits_nothing() {
        let limit = RateLimit { requests: 0, seconds: 10 };
        Window::default().admit(Timestamp::UNIX_EPOCH, limit).unwrap_err();
    }
}
