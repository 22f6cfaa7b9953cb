//! Waiting for a request to end.

use std::time::Duration;

use super::Client;
use crate::{Handle, Result, ResultState, Retry, Standing, State, StatusReport};

/// How to wait.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// Give up after this, a look at the status that is under way included; the last report is returned.
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
    /// each time. Errors that are safe to repeat are waited out.
    ///
    /// A request that has only ended by our own conclusion (its time has run out) is looked at once more.
    ///
    /// # Errors
    /// The first error that is not safe to repeat, or the last one when the time is up without any report.
    pub async fn wait(
        &self,
        handle: &Handle,
        wait: Wait,
        mut on_report: impl FnMut(&StatusReport),
    ) -> Result<StatusReport> {
        let clock = self.clock();
        let give_up = wait.at_most.map(|d| clock.monotonic() + d);
        let poll = Duration::from_secs(
            self.inner.instances.of_handle(handle)?.provider.capabilities().poll_interval,
        );
        let mut handle = handle.clone();
        let mut standing: Option<Standing> = None;
        let mut concluded_before = false;
        let mut last: Option<StatusReport> = None;
        loop {
            let report = match self.with_at_most(give_up).status(&handle).await {
                Ok(mut report) => {
                    if let Some(before) = standing.filter(|before| before.contradicts(report.standing)) {
                        let note = format!(
                            "the provider said {} before and says {} now",
                            before.state,
                            report.state()
                        );
                        report.notes.push(note);
                    }
                    let now = standing.map_or(report.standing, |before| before.advance(report.standing));
                    report.standing = now;
                    standing = Some(now);
                    on_report(&report);
                    if let Some(newer) = &report.new_handle {
                        handle = newer.clone();
                    }
                    let concluded = now.state.is_end() && !now.is_final();
                    if is_over(&report) && (now.is_final() || concluded_before) {
                        return Ok(report);
                    }
                    concluded_before = concluded;
                    last = Some(report.clone());
                    Ok(report)
                }
                Err(error) if matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted) => Err(error),
                Err(error) => return Err(error),
            };
            let asked = match &report {
                Ok(report) => report.ask_again_after,
                Err(error) => match error.retry() {
                    Retry::Safe { after } => after,
                    Retry::Never | Retry::OutcomeUnknown | Retry::Exhausted => None,
                },
            };
            let next = clock.monotonic() + asked.or(wait.every).unwrap_or(poll);
            if give_up.is_some_and(|give_up| next > give_up) {
                return last.map_or(report, Ok);
            }
            clock.sleep_until(next).await;
        }
    }

    /// The same client, none of whose calls ends after `give_up`.
    fn with_at_most(&self, give_up: Option<Duration>) -> Self {
        match give_up.map(|give_up| give_up.saturating_sub(self.clock().monotonic())) {
            Some(left) => self.within(self.within.map_or(left, |own| own.min(left))),
            None => self.clone(),
        }
    }
}

fn is_over(report: &StatusReport) -> bool {
    match report.state() {
        State::Completed => matches!(report.result, ResultState::Ready { .. } | ResultState::Gone),
        other => other.is_end(),
    }
}
