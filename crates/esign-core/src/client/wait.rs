//! Waiting for a request to end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::Client;
use crate::{
    Clock, Error, ErrorKind, Handle, Operation, Result, ResultState, Retry, Standing, State, StatusReport,
};

/// The longest pause between two looks, whatever a provider asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How to wait.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// Give up after this; the last report is returned. A look that is under way then is broken off; zero looks once,
    /// however long that takes.
    pub at_most: Option<Duration>,
    /// Look this often, if the provider does not say otherwise.
    pub every: Option<Duration>,
}

impl Wait {
    /// Until it ends.
    pub const FOREVER: Self = Self { at_most: None, every: None };

    /// Not longer than this.
    #[must_use]
    pub fn at_most(duration: Duration) -> Self {
        Self { at_most: Some(duration), every: None }
    }

    /// Look this often, if the provider does not say otherwise.
    #[must_use]
    pub fn every(mut self, duration: Duration) -> Self {
        self.every = Some(duration);
        self
    }
}

impl Client {
    /// Reads the status again and again until the request has ended and its result is ready or gone, telling `on_report`
    /// each time. Errors that are safe to repeat are waited out. Any other answer that cannot be used (a login page, a
    /// redirect, a refusal) is passed over once: only two of them in a row end the wait.
    ///
    /// A request that has only ended by our own conclusion (its time has run out, the provider no longer knows it) is
    /// looked at once more. The pause that a provider asks for is kept, up to an hour.
    ///
    /// # Errors
    /// The second error in a row that is not safe to repeat, or the last one when the time is up without any report;
    /// [`ErrorKind::Timeout`] if not even one look came to an end by then. [`ErrorKind::BadHandle`] at once.
    pub async fn wait(
        &self,
        handle: &Handle,
        wait: Wait,
        mut on_report: impl FnMut(&StatusReport),
    ) -> Result<StatusReport> {
        let clock = self.clock();
        let poll = self.inner.instances.of_handle(handle)?.provider.capabilities().poll_interval;
        let poll = wait.every.unwrap_or(Duration::from_secs(poll));
        let give_up = wait.at_most.and_then(|at_most| clock.monotonic().checked_add(at_most));
        let break_off = give_up.filter(|_| wait.at_most != Some(Duration::ZERO));
        let mut handle = handle.clone();
        let mut watched = Watched::default();
        let mut last = Err(no_look_ended());
        loop {
            let Some(look) = until(clock.as_ref(), break_off, self.status(&handle)).await else {
                return last;
            };
            let asked = match look {
                Ok(mut report) => {
                    let over = watched.advance(&mut report);
                    on_report(&report);
                    if let Some(newer) = &report.new_handle {
                        handle = newer.clone();
                    }
                    if over {
                        return Ok(report);
                    }
                    let asked = report.ask_again_after;
                    last = Ok(report);
                    asked
                }
                Err(error) if watched.survives(&error) => {
                    let asked = match error.retry() {
                        Retry::Safe { after } => after,
                        Retry::Never | Retry::OutcomeUnknown | Retry::Exhausted => None,
                    };
                    last = last.or(Err(error));
                    asked
                }
                Err(error) => return Err(error),
            };
            let next = clock.monotonic().saturating_add(asked.unwrap_or(poll).min(LONGEST_PAUSE));
            if give_up.is_some_and(|give_up| next > give_up) {
                return last;
            }
            clock.sleep_until(next).await;
        }
    }
}

/// What the looks so far have shown.
#[derive(Default)]
struct Watched {
    standing: Option<Standing>,
    concluded: bool,
    odd: bool,
}

impl Watched {
    /// Puts what is known into the report; true if it is over.
    fn advance(&mut self, report: &mut StatusReport) -> bool {
        if let Some(before) = self.standing.filter(|before| before.contradicts(report.standing)) {
            let note = format!("the provider said {} before and says {} now", before.state, report.state());
            report.notes.push(note);
        }
        let now = self.standing.map_or(report.standing, |before| before.advance(report.standing));
        report.standing = now;
        self.standing = Some(now);
        self.odd = false;
        let concluded_before = std::mem::replace(&mut self.concluded, now.state.is_end() && !now.is_final());
        is_over(report) && (now.is_final() || concluded_before)
    }

    /// Whether to look again after this error.
    fn survives(&mut self, error: &Error) -> bool {
        if matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted) {
            return true;
        }
        let ours = matches!(
            error.kind(),
            ErrorKind::BadHandle | ErrorKind::Config | ErrorKind::Secret | ErrorKind::Unsupported
        );
        !ours && !std::mem::replace(&mut self.odd, true)
    }
}

fn is_over(report: &StatusReport) -> bool {
    match report.state() {
        State::Completed => matches!(report.result, ResultState::Ready { .. } | ResultState::Gone),
        other => other.is_end(),
    }
}

/// What the future gives, or nothing if the deadline comes first.
async fn until<T>(
    clock: &dyn Clock,
    deadline: Option<Duration>,
    future: impl Future<Output = T>,
) -> Option<T> {
    let Some(deadline) = deadline else { return Some(future.await) };
    let (mut future, mut late) = (pin!(future), pin!(clock.sleep_until(deadline)));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    })
    .await
}

fn no_look_ended() -> Error {
    Error::new(ErrorKind::Timeout, "the time to wait was over before the provider had answered")
        .with_retry(Retry::SAFE)
        .during(Operation::Status)
}
