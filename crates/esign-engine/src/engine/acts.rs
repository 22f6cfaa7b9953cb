//! The acts: each asks the provider once and says what was learned.

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    ArtifactId, CallClass, Client, Error, ErrorKind, Resolution, Result, ResultState, Retry, Standing, State,
    StatusReport, SubmissionRecord,
};

use super::Engine;
use crate::news::{Found, Learned};
use crate::order::{Attempt, Order, Outcome, Sent};
use crate::plan::{Act, later};

/// How far back it is looked for what a restored store may have forgotten: an order may have been accepted anew since, and was
/// sent before. Longer than any backup that is put back in haste.
const FORGOTTEN_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What sending an attempt came to.
pub(super) enum Armed {
    /// It may be sent.
    Ready(Box<esign_core::Prepared>, Box<Attempt>),
    /// It cannot be.
    Not(Learned),
}

impl Engine {
    fn within(&self, class: CallClass) -> Client {
        self.0.client.within(self.0.settings.call_timeout).of_class(class)
    }

    /// Prepares the next attempt. Sends nothing.
    pub(super) async fn next_attempt(&self, order: &Order, why: Option<&String>) -> Result<Armed> {
        let prepared = match self.prepared_of(order).await {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Armed::Not(unprepared(&error))),
        };
        let now = self.0.clock.now();
        let attempt = Attempt {
            n: order.attempts.iter().map(|a| a.n).max().unwrap_or_default() + 1,
            intent: prepared.intent().to_json(),
            armed_at: now,
            send_before: later(now, self.0.settings.use_within),
            outcome: Outcome::Armed,
            why: why.cloned(),
        };
        Ok(Armed::Ready(Box::new(prepared), Box::new(attempt)))
    }

    /// Sends an armed attempt, if it is still time. From here on the order is resolved and never sent again by itself.
    pub(super) async fn send(
        &self,
        order: &Order,
        attempt: &Attempt,
        prepared: esign_core::Prepared,
    ) -> Result<Learned> {
        let n = attempt.n;
        if self.0.clock.now() > attempt.send_before {
            let why = "it was not sent in time after it was armed".to_owned();
            return Ok(Learned::Void { attempt: n, why, after: None });
        }
        Ok(match self.within(CallClass::Act).submit(prepared).await {
            Ok(submission) => {
                Learned::Sent { attempt: n, sent: Box::new(self.seal_sent(order, &submission)?) }
            }
            Err(error) => match error.retry() {
                Retry::Safe { after } => Learned::Void { attempt: n, why: error.to_string(), after },
                Retry::Exhausted => Learned::Void { attempt: n, why: error.to_string(), after: None },
                Retry::Never => Learned::Refused { attempt: Some(n), why: error.to_string() },
                // A word that is not known yet is no proof that nothing happened.
                _ => Learned::Unclear { attempt: n, why: error.to_string() },
            },
        })
    }

    pub(super) async fn act(&self, order: &Order, act: &Act) -> Result<Learned> {
        match act {
            Act::Resolve { attempt } => self.resolve(order, *attempt).await,
            Act::Look => self.look(order).await,
            Act::Fetch => self.fetch(order).await,
            Act::Cancel { attempt } => self.call_back(order, *attempt).await,
            Act::Submit { .. } | Act::Rest(_) => {
                Err(Error::new(ErrorKind::Internal, "this is no act that only asks"))
            }
        }
    }

    async fn resolve(&self, order: &Order, attempt: Option<u32>) -> Result<Learned> {
        let intent = match attempt.and_then(|n| order.attempt(n)) {
            Some(attempt) => Self::intent_of(&attempt.intent)?,
            None => match self.prepared_of(order).await {
                Ok(prepared) => prepared.intent().clone().since(earlier(order.created_at, FORGOTTEN_FOR)),
                Err(error) => return Ok(unprepared(&error)),
            },
        };
        let found = match self.within(CallClass::Lookup).resolve(&intent).await {
            Ok(Resolution::Found(submission)) => Found::One(Box::new(self.seal_sent(order, &submission)?)),
            Ok(Resolution::NotFound) => Found::Nothing,
            Ok(Resolution::Candidates(candidates)) => {
                Found::Unclear(format!("{} requests at the provider may be it", candidates.len()))
            }
            Ok(Resolution::Unknown { why }) => Found::Unclear(why),
            Ok(_) => Found::Unclear("the provider's answer is of a kind that is not known here".to_owned()),
            Err(error) => return Ok(fault(&error)),
        };
        Ok(Learned::Looked { attempt, found })
    }

    async fn look(&self, order: &Order) -> Result<Learned> {
        let Some(sent) = order.sent() else { return Ok(lost("what the provider gave")) };
        let handle = self.handle_of(order, sent)?;
        match self.within(CallClass::Poll).status(&handle).await {
            Ok(report) => self.seen(order, sent, &report),
            Err(error) => Ok(fault(&error)),
        }
    }

    fn seen(&self, order: &Order, sent: &Sent, report: &StatusReport) -> Result<Learned> {
        let handle = report.new_handle.as_ref().map(|new| self.seal_handle(order, new)).transpose()?;
        let steps = self.merged_steps(order, sent, &report.next_steps)?;
        let (standing, result) = (report.standing, report.result);
        Ok(Learned::Seen { standing, result, handle, steps, after: report.ask_again_after })
    }

    /// Fetches everything that there is, has it judged, and keeps it before it says so.
    async fn fetch(&self, order: &Order) -> Result<Learned> {
        let Some(sent) = order.sent() else { return Ok(lost("what the provider gave")) };
        let mut handle = self.handle_of(order, sent)?;
        let client = self.within(CallClass::Settle);
        let report = match client.status(&handle).await {
            Ok(report) => report,
            Err(error) => return Ok(fault(&error)),
        };
        if !matches!(report.result, ResultState::Ready { .. }) {
            return self.seen(order, sent, &report);
        }
        handle = report.new_handle.unwrap_or(handle);
        let wanted = if report.artifacts.is_empty() { vec![ArtifactId::SIGNED] } else { report.artifacts };
        let mut artifacts = Vec::new();
        for id in wanted {
            match client.download(&handle, &id).await {
                Ok(artifact) => artifacts.push(artifact),
                Err(error) if error.kind() == ErrorKind::Gone => {
                    let standing = Standing::stated(State::Completed);
                    return Ok(Learned::Seen {
                        standing,
                        result: ResultState::Gone,
                        handle: None,
                        steps: None,
                        after: None,
                    });
                }
                Err(error) => return Ok(fault(&error)),
            }
        }
        let callbacks =
            order.callbacks.iter().map(|sealed| self.open_callback(sealed)).collect::<Result<_>>()?;
        let (keep, note) = match &self.0.archivist {
            Some(archivist) => {
                let record = SubmissionRecord::from_json(&sent.record)?;
                match archivist.judge(&record, artifacts, callbacks).await {
                    Ok(verdict) => (verdict.keep, verdict.note),
                    Err(error) => return Ok(fault(&error)),
                }
            }
            None => {
                (artifacts, Some("kept as it came: this engine has nothing that judges results".to_owned()))
            }
        };
        let key = self.key_of(order)?;
        let mut archive = Vec::new();
        for artifact in &keep {
            match self.keep(&order.id, &key, artifact).await {
                Ok(blob) => archive.push(blob),
                Err(error) => return Ok(fault(&error)),
            }
        }
        Ok(Learned::Kept { archive, note })
    }

    async fn call_back(&self, order: &Order, n: u32) -> Result<Learned> {
        let Some(sent) = order.attempt(n).and_then(Attempt::sent) else { return Ok(lost("the attempt")) };
        let handle = self.handle_of(order, sent)?;
        Ok(match self.within(CallClass::Act).cancel(&handle).await {
            Ok(outcome) => Learned::Cancelled { attempt: n, outcome },
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                Learned::CannotCancel { attempt: n, why: error.to_string() }
            }
            Err(error) => fault(&error),
        })
    }
}

/// A request that could not be prepared although it could when it was accepted.
fn unprepared(error: &Error) -> Learned {
    match error.kind() {
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::Document => {
            Learned::Refused { attempt: None, why: error.to_string() }
        }
        // The vault, a key, an instance that is gone: it may come back.
        _ => fault(error),
    }
}

fn earlier(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn fault(error: &Error) -> Learned {
    let after = match error.retry() {
        Retry::Safe { after } => after,
        _ => None,
    };
    Learned::Fault { why: error.to_string(), after }
}

fn lost(what: &str) -> Learned {
    Learned::Fault { why: format!("the order lacks {what}: the store was changed by hand"), after: None }
}
