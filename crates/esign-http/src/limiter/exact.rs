//! The exact window: a log of when the requests of the last window were sent.

use std::collections::VecDeque;
use std::time::Duration;

use esign_core::CallClass;

use crate::RateLimit;

/// Keeps `limit` in every window of `window + slack`, ends included.
///
/// A slot is taken before its request is sent and stamped when it is, because a token may have to be fetched in
/// between. An unstamped slot counts as sent now, so no order of events lets one request too many through: of any
/// `limit + 1` sends within one span, the slot taken last was taken while the others were all pending or in the log.
#[derive(Debug)]
pub(super) struct ExactWindow {
    limit: usize,
    span: Duration,
    sent: VecDeque<Duration>,
    pending: usize,
}

/// Why no slot is free.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// One becomes free at this time.
    Until(Duration),
    /// The gate lets nothing through before this time.
    AtGate(Duration),
    /// All slots are taken by requests that have not been sent yet: one of them has to move first.
    UntilReleased,
}

impl ExactWindow {
    pub(super) fn new(rate: &RateLimit) -> Self {
        let limit = rate.own_limit() as usize;
        Self {
            limit,
            span: rate.window + rate.slack,
            sent: VecDeque::with_capacity(limit.min(1024)),
            pending: 0,
        }
    }

    pub(super) fn take(&mut self, now: Duration, class: CallClass) -> Result<(), Full> {
        while self.sent.front().is_some_and(|&sent| self.leaves_at(sent) <= now) {
            self.sent.pop_front();
        }
        let share = class.share_of(u32::try_from(self.limit).unwrap_or(u32::MAX)) as usize;
        let taken = self.sent.len() + self.pending;
        if taken < share {
            self.pending += 1;
            return Ok(());
        }
        // The first so many have to leave before the class has room again.
        Err(self
            .sent
            .get(taken - share)
            .map_or(Full::UntilReleased, |&sent| Full::Until(self.leaves_at(sent))))
    }

    /// The request of a taken slot is being sent.
    pub(super) fn stamp(&mut self, now: Duration) {
        self.pending -= 1;
        // Callers read the clock under the same lock, so the log is in order; `max` keeps it so for any clock.
        self.sent.push_back(self.sent.back().map_or(now, |&last| last.max(now)));
    }

    /// The request of a taken slot is not going to be sent.
    pub(super) fn give_back(&mut self) {
        self.pending -= 1;
    }

    /// Remembers what another window remembered: the same credential goes on under new numbers.
    pub(super) fn inherit(&mut self, from: &Self) {
        self.sent.clone_from(&from.sent);
    }

    /// Nothing is remembered that could hold back a request.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        self.pending == 0 && self.sent.back().is_none_or(|&sent| self.leaves_at(sent) <= now)
    }

    /// One nanosecond beyond the span: a window that includes both its ends must not hold both requests.
    fn leaves_at(&self, sent: Duration) -> Duration {
        sent + self.span + Duration::from_nanos(1)
    }
}
