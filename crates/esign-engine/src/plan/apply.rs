//! What an order becomes by each thing that is learned.

use std::time::Duration;

use esign_core::{CancelOutcome, HandleKey, ResultState, Standing, State};

use super::{MOST_ATTEMPTS, Step, later};
use crate::news::{Decision, EventKind, Found, Learned, News};
use crate::order::{Attempt, Decided, Outcome, Sent, Stage};
use crate::seal::Sealed;

impl Step<'_> {
    pub(super) fn news(&mut self, news: &News) {
        if self.order.erased_at.is_some() {
            return;
        }
        match news {
            News::Callback { key, standing, evidence } => {
                self.order.callbacks.push(evidence.clone());
                self.heard(key, *standing);
            }
            News::Hint => {
                if self.order.stage == Stage::Watching {
                    self.order.not_before = None;
                }
            }
            News::Cancel { reason } => {
                if !self.order.stage.is_end() && self.order.cancel.is_none() {
                    self.order.cancel = Some(reason.clone());
                    self.order.not_before = None;
                    self.decided("cancel", reason);
                    self.emit(EventKind::CancelRequested, Some(reason.clone()));
                }
            }
            News::Decide { decision, reason } => {
                if self.order.stage == Stage::Undecided {
                    self.decide(decision, reason);
                }
            }
            News::Hold { reason } => {
                let what = if reason.is_some() { "hold" } else { "release" };
                self.decided(what, reason.as_deref().unwrap_or_default());
                self.order.hold.clone_from(reason);
                self.emit(EventKind::HoldChanged, reason.clone());
            }
            News::Erase { reason } => self.erase(reason),
            News::Late { attempt, sent } => {
                let n = self.number_of(attempt);
                self.sent(n, sent);
            }
        }
    }

    pub(super) fn learned(&mut self, learned: &Learned) {
        match learned {
            Learned::Sent { attempt, sent } => self.sent(*attempt, sent),
            Learned::Void { attempt, why, after } => {
                self.outcome(*attempt, Outcome::Void { why: why.clone() });
                if self.order.current.is_none() {
                    self.order.stage = Stage::Accepted;
                }
                self.order.note = Some(why.clone());
                self.back_off(*after);
            }
            Learned::Unclear { attempt, why } => {
                self.outcome(*attempt, Outcome::Unclear { why: why.clone() });
                self.order.note = Some(why.clone());
            }
            Learned::Refused { attempt, why } => {
                if let Some(attempt) = attempt {
                    self.outcome(*attempt, Outcome::Void { why: why.clone() });
                }
                if self.order.current.is_none() {
                    self.end(Stage::Refused, EventKind::Refused, Some(why.clone()));
                }
            }
            Learned::Looked { attempt: Some(n), found } => self.resolved(*n, found),
            Learned::Looked { attempt: None, found } => self.asked_first(found),
            Learned::Seen { standing, result, handle, steps, after } => {
                self.renew(handle.as_ref(), steps.as_ref());
                self.seen(*standing, *result, *after);
            }
            Learned::Kept { archive, note } => {
                self.order.archive.clone_from(archive);
                self.order.callbacks.clear();
                self.end(Stage::Archived, EventKind::Archived, note.clone());
            }
            Learned::Cancelled { attempt, outcome } => self.called_back(*attempt, *outcome),
            Learned::CannotCancel { attempt, why } => {
                if self.drop_surplus(*attempt) {
                    let note = format!("attempt {attempt} stays alive at the provider: {why}");
                    self.emit(EventKind::Duplicate, Some(note));
                } else {
                    self.order.cancel = None;
                    self.order.note = Some(why.clone());
                }
            }
            Learned::Fault { why, after } => {
                self.order.note = Some(why.clone());
                self.back_off(*after);
            }
        }
    }

    fn outcome(&mut self, n: u32, outcome: Outcome) {
        if let Some(attempt) = self.order.attempts.iter_mut().find(|attempt| attempt.n == n) {
            attempt.outcome = outcome;
        }
    }

    /// The number of an attempt that a worker remembers. A restored store may not know it, or may know another of that number.
    fn number_of(&mut self, remembered: &Attempt) -> u32 {
        let same = |a: &&Attempt| a.intent == remembered.intent && a.armed_at == remembered.armed_at;
        if let Some(known) = self.order.attempts.iter().find(same) {
            return known.n;
        }
        let n = self.order.attempts.iter().map(|a| a.n).max().unwrap_or_default() + 1;
        self.order.attempts.push(Attempt { n, ..remembered.clone() });
        n
    }

    /// The provider has attempt `n`.
    fn sent(&mut self, n: u32, sent: &Sent) {
        if self.order.attempt(n).is_some_and(|attempt| attempt.sent().is_some()) {
            return;
        }
        self.outcome(n, Outcome::Sent(Box::new(sent.clone())));
        self.order.faults = 0;
        self.order.not_before = None;
        match self.order.current {
            None if self.order.stage.is_end() => {
                self.order.surplus.push(n);
                let note =
                    format!("the answer to attempt {n} came after the order had ended: it is called back");
                self.emit(EventKind::Duplicate, Some(note));
            }
            None => {
                self.order.current = Some(n);
                self.order.stage = Stage::Watching;
                self.order.sent_at = Some(sent.at);
                self.order.note = None;
                self.emit(EventKind::Sent, None);
                if self.order.cancel.is_none() {
                    self.pause(self.look_pause(), None);
                }
            }
            Some(current) => {
                // The older one counts, unless the newer one is signed already, or only its link can have been handed out.
                let signed = self.order.standing.is_some_and(|s| s.state == State::Completed);
                let by_link = !self.order.delivery.reaches_people();
                let keep = if signed || by_link { current } else { current.min(n) };
                let other = if keep == current { n } else { current };
                if !self.order.stage.is_end() {
                    self.order.current = Some(keep);
                }
                self.order.surplus.push(other);
                let note = format!(
                    "attempts {keep} and {other} are both alive at the provider: {other} is called back"
                );
                self.emit(EventKind::Duplicate, Some(note));
            }
        }
    }

    /// What a lookup found of attempt `n`.
    fn resolved(&mut self, n: u32, found: &Found) {
        self.order.faults = 0;
        match found {
            Found::One(sent) => self.sent(n, sent),
            Found::Nothing => {
                self.outcome(n, Outcome::Void { why: "the provider does not have it".to_owned() });
                if self.order.current.is_none() && !self.order.stage.is_end() {
                    self.order.stage = Stage::Accepted;
                }
            }
            Found::Unclear(why) if self.order.current.is_some() || self.order.stage.is_end() => {
                self.outcome(n, Outcome::Ghost { why: why.clone() });
            }
            Found::Unclear(why)
                if !self.order.delivery.reaches_people()
                    && !self.may_be_forgotten()
                    && self.order.attempts.len() < MOST_ATTEMPTS =>
            {
                self.outcome(n, Outcome::Ghost { why: why.clone() });
                self.order.stage = Stage::Accepted;
                self.emit(EventKind::Replaced, Some(format!("nobody can have been reached, and {why}")));
            }
            Found::Unclear(why) => {
                self.outcome(n, Outcome::Unclear { why: why.clone() });
                self.undecided(why);
            }
        }
    }

    /// What the provider says of an order that the restored store believes unsent.
    fn asked_first(&mut self, found: &Found) {
        self.order.faults = 0;
        match found {
            Found::One(sent) => {
                let n = self.order.attempts.iter().map(|a| a.n).max().unwrap_or_default() + 1;
                let at = self.order.created_at;
                self.order.attempts.push(Attempt {
                    n,
                    intent: sent.record.clone(),
                    armed_at: at,
                    send_before: at,
                    outcome: Outcome::Armed,
                    why: Some("found at the provider after the store was restored".to_owned()),
                });
                self.sent(n, sent);
            }
            Found::Nothing => self.order.asked_first = true,
            // A link may have been handed out before the store was restored: here it is no safer than an e-mail.
            Found::Unclear(why) => self.undecided(&format!("the store was restored, and {why}")),
        }
    }

    /// The store was restored, and may have forgotten that a link was handed out.
    fn may_be_forgotten(&self) -> bool {
        self.rules.ask_first_before.is_some_and(|before| self.order.created_at < before)
    }

    fn undecided(&mut self, why: &str) {
        self.order.stage = Stage::Undecided;
        self.order.note = Some(why.to_owned());
        self.emit(EventKind::Undecided, Some(why.to_owned()));
    }

    fn decide(&mut self, decision: &Decision, reason: &str) {
        let open: Vec<u32> = self.order.attempts.iter().filter(|a| a.is_open()).map(|a| a.n).collect();
        let ghosts = |step: &mut Self, why: &str| {
            open.iter().for_each(|n| step.outcome(*n, Outcome::Ghost { why: format!("{why}: {reason}") }));
        };
        self.order.faults = 0;
        self.order.not_before = None;
        self.order.note = None;
        match decision {
            Decision::Adopt { sent } => {
                self.decided("adopt", reason);
                self.emit(EventKind::Decided, Some(reason.to_owned()));
                match open.last() {
                    Some(n) => self.sent(*n, sent),
                    None => self.asked_first(&Found::One(sent.clone())),
                }
            }
            Decision::SendAgain => {
                ghosts(self, "it was decided to send again");
                self.decided("send_again", reason);
                self.order.stage = Stage::Accepted;
                self.order.asked_first = true;
                self.emit(EventKind::Decided, Some(reason.to_owned()));
            }
            Decision::Abandon => {
                ghosts(self, "it was given up");
                self.decided("abandon", reason);
                self.end(Stage::Abandoned, EventKind::Decided, Some(reason.to_owned()));
            }
        }
    }

    fn erase(&mut self, reason: &str) {
        if self.order.hold.is_some() || !self.order.stage.is_end() {
            return;
        }
        let order = &mut self.order;
        (order.data_key, order.request, order.erased_at) = (None, None, Some(self.now));
        order.callbacks.clear();
        order.note = None;
        self.decided("erase", reason);
        self.emit(EventKind::Erased, None);
    }

    fn decided(&mut self, what: &str, reason: &str) {
        self.order.journal.push(Decided { at: self.now, what: what.to_owned(), reason: reason.to_owned() });
    }

    pub(super) fn end(&mut self, stage: Stage, kind: EventKind, note: Option<String>) {
        self.order.stage = stage;
        self.order.not_before = None;
        self.order.note.clone_from(&note);
        self.order.ended_at.get_or_insert(self.now);
        self.emit(kind, note);
    }

    /// A verified callback about one of the order's requests.
    fn heard(&mut self, key: &HandleKey, standing: Standing) {
        if self.order.sent().is_some_and(|sent| sent.key == *key) {
            if self.order.stage == Stage::Watching {
                self.order.not_before = None;
            }
            self.standing(standing);
        } else if standing.state == State::Completed {
            let note = "a request of this order that does not count was signed".to_owned();
            self.emit(EventKind::Duplicate, Some(note));
        }
    }

    /// Takes a new handle and new links in place of the old ones.
    fn renew(&mut self, handle: Option<&Sealed>, steps: Option<&Sealed>) {
        let current = self.order.current;
        let attempt = self.order.attempts.iter_mut().find(|attempt| Some(attempt.n) == current);
        if let Some(Outcome::Sent(sent)) = attempt.map(|attempt| &mut attempt.outcome) {
            if let Some(handle) = handle {
                sent.handle = handle.clone();
            }
            if let Some(steps) = steps {
                sent.steps = steps.clone();
            }
        }
    }

    fn seen(&mut self, standing: Standing, result: ResultState, after: Option<Duration>) {
        self.order.faults = 0;
        self.order.note = None;
        let before = self.order.standing;
        self.standing(standing);
        // Concluded twice, from two looks, is as good as it gets.
        let twice = before == Some(standing) && standing.state.is_end() && !standing.is_final();
        if twice && self.order.stage == Stage::Watching {
            self.end(Stage::Ended, EventKind::Ended, None);
        }
        if let ResultState::Ready { until: Some(until) } = result {
            self.order.result_until = Some(self.order.result_until.map_or(until, |known| known.min(until)));
        }
        match (self.order.stage, result) {
            (Stage::Fetching, ResultState::Gone) => {
                let note = "everything was signed, and the provider no longer has the result".to_owned();
                self.end(Stage::Ended, EventKind::ResultLost, Some(note));
            }
            (Stage::Watching, _) if self.order.cancel.is_none() || !self.rules.can_cancel => {
                self.pause(self.look_pause(), after);
            }
            (Stage::Fetching, ResultState::NotReady | ResultState::Partial) => {
                self.pause(Duration::from_secs(5), after);
            }
            _ => {}
        }
    }

    fn standing(&mut self, news: Standing) {
        let before = self.order.standing;
        if let Some(before) = before.filter(|before| before.contradicts(news)) {
            let note = format!("the provider said {} before and says {} now", before.state, news.state);
            self.emit(EventKind::Contradiction, Some(note));
            return;
        }
        let now = before.map_or(news, |before| before.advance(news));
        if before == Some(now) {
            return;
        }
        self.order.standing = Some(now);
        // An end that was only concluded gives way to what the provider states.
        let open = self.order.stage == Stage::Watching
            || (self.order.stage == Stage::Ended && before.is_some_and(|b| !b.is_final()));
        match now.state {
            State::Completed if now.is_final() && open => {
                self.order.stage = Stage::Fetching;
                self.order.not_before = None;
                self.order.ended_at = Some(self.now);
                self.order.result_until = self.rules.result_lifetime.map(|life| later(self.now, life));
                self.emit(EventKind::Completed, None);
            }
            _ if now.is_final() && open => self.end(Stage::Ended, EventKind::Ended, None),
            _ => self.emit(EventKind::Progress, None),
        }
    }

    fn called_back(&mut self, n: u32, outcome: CancelOutcome) {
        self.order.faults = 0;
        if self.drop_surplus(n) {
            if outcome == CancelOutcome::TooLate {
                let note = format!("attempt {n} could not be called back: it is signed");
                self.emit(EventKind::Duplicate, Some(note));
            }
            return;
        }
        self.order.cancel = None;
        if outcome == CancelOutcome::Cancelled {
            self.standing(Standing::stated(State::Cancelled));
        }
        // Otherwise the next look tells how it ended.
        self.order.not_before = None;
    }

    fn drop_surplus(&mut self, n: u32) -> bool {
        let before = self.order.surplus.len();
        self.order.surplus.retain(|surplus| *surplus != n);
        self.order.surplus.len() < before
    }
}
