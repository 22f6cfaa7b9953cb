//! What the code below an operation may know of it: until when it has to be done, how urgent it is, what it is about.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::{Clock, Reference};

tokio::task_local! {
    static CURRENT: CallScope;
}

/// How urgent a call is where a rate limit is shared: the later in this list, the sooner it gives way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CallClass {
    /// Submits or cancels, or somebody waits for it: the default.
    #[default]
    Act,
    /// Fetches a result before the provider forgets it.
    Settle,
    /// Finds out what became of a submission.
    Lookup,
    /// Looks whether anything has changed: may use at most 70 % of a limit, so that the others find room.
    Poll,
}

impl CallClass {
    /// How many of `limit` places calls of this class may fill.
    #[must_use]
    pub fn share_of(self, limit: u32) -> u32 {
        match self {
            Self::Act | Self::Settle | Self::Lookup => limit,
            Self::Poll => (u64::from(limit) * 7 / 10).max(1).try_into().unwrap_or(limit),
        }
    }
}

/// The scope of one operation of a [`Client`](crate::Client), for HTTP stacks and observers below it.
///
/// It travels with the task, not with the arguments: a provider that does not ask for it loses nothing, because the client
/// itself ends a call at its deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallScope {
    /// Until then it has to be done, on [`Clock::monotonic`]. Waiting for anything later is of no use: give up at once, so
    /// that the caller learns that nothing was sent.
    pub deadline: Option<Duration>,
    /// How urgent it is.
    pub class: CallClass,
    /// The caller's reference of the request, where the operation is about one.
    pub reference: Option<Reference>,
}

impl CallScope {
    /// The scope of the operation that this code runs for; without a deadline and reference outside of one.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Whether waiting until `time`, on [`Clock::monotonic`], would miss the deadline.
    #[must_use]
    pub fn is_missed_at(&self, time: Duration) -> bool {
        self.deadline.is_some_and(|deadline| time > deadline)
    }

    /// Runs a call in this scope; `None` if the deadline came first, and the call was dropped.
    pub(crate) async fn run<F: Future>(self, clock: &dyn Clock, call: F) -> Option<F::Output> {
        let deadline = self.deadline;
        let mut call = pin!(CURRENT.scope(self, call));
        let Some(deadline) = deadline else { return Some(call.await) };
        let mut timer = pin!(clock.sleep_until(deadline));
        poll_fn(|cx| {
            // A process that stood still must not go on with a call when nobody counts on it any more.
            if clock.monotonic() > deadline {
                return Poll::Ready(None);
            }
            match call.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => timer.as_mut().poll(cx).map(|()| None),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VirtualClock;

    #[tokio::test]
    async fn the_scope_is_seen_below_and_nowhere_else() {
        let clock = VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let scope =
            CallScope { deadline: Some(Duration::from_secs(5)), class: CallClass::Poll, reference: None };
        let seen = scope.clone().run(&clock, async { CallScope::current() }).await;
        assert_eq!(seen, Some(scope));
        assert_eq!(CallScope::current(), CallScope::default());
    }

    #[tokio::test]
    async fn a_call_ends_at_its_deadline_and_not_later() {
        let clock = VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let scope = || CallScope { deadline: Some(Duration::from_secs(5)), ..CallScope::default() };
        let slow = scope().run(&clock, clock.sleep_until(Duration::from_secs(9)));
        assert_eq!(clock.run(slow).await, None);
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
        let quick = scope().run(&clock, clock.sleep_until(Duration::from_secs(5)));
        assert_eq!(clock.run(quick).await, Some(()), "done at the deadline is done in time");
    }

    #[tokio::test]
    async fn a_call_does_not_go_on_after_its_process_stood_still() {
        let clock = VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let went_on = std::sync::atomic::AtomicBool::new(false);
        let scope = CallScope { deadline: Some(Duration::from_secs(5)), ..CallScope::default() };
        let mut call = pin!(scope.run(&clock, async {
            tokio::task::yield_now().await;
            went_on.store(true, std::sync::atomic::Ordering::Relaxed);
        }));
        let first = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
        assert!(first);
        clock.advance(Duration::from_secs(6));
        assert_eq!(call.await, None);
        assert!(!went_on.load(std::sync::atomic::Ordering::Relaxed));
    }

    #[test]
    fn polls_leave_room_and_are_never_shut_out() {
        assert_eq!([1, 2, 10, 100].map(|n| CallClass::Poll.share_of(n)), [1, 1, 7, 70]);
        assert_eq!(CallClass::Lookup.share_of(100), 100);
    }
}
