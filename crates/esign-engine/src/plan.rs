//! The engine's mind, without hands: what an order becomes by what was learned, and what is to be done next.
//!
//! No clock, no store, no provider: the same order, news and time give the same plan, so that every decision can be tested, and
//! run under another scheduler.

mod apply;

use std::time::Duration;

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{Bound, Capabilities, Standing, State};

use crate::news::{Event, EventKind, Learned, News};
use crate::order::{Lane, Order, Outcome, Stage};

/// How often an order is sent anew by itself before a person has to look.
const MOST_ATTEMPTS: usize = 5;
/// The longest pause after passing faults.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// The longest pause while a result waits to be fetched.
const LONGEST_SETTLE_PAUSE: Duration = Duration::from_secs(60);

/// What a plan needs to know of the instance and of the settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rules {
    /// The instance is configured.
    pub known: bool,
    /// Requests can be called back there.
    pub can_cancel: bool,
    /// From arming to sending at most.
    pub use_within: Duration,
    /// How long one call may take at most.
    pub call_timeout: Duration,
    /// How long after that a request may still become visible to a lookup.
    pub lookup_settle: Duration,
    /// How often to look.
    pub look_every: Duration,
    /// For how long a result can be fetched after completion, if there is an end.
    pub result_lifetime: Option<Duration>,
    /// Orders accepted before this may have been sent although the store says nothing of it: it was restored.
    pub ask_first_before: Option<Timestamp>,
}

impl Rules {
    /// For an instance that can do this.
    #[must_use]
    pub fn of(capabilities: &Capabilities) -> Self {
        Self {
            known: true,
            can_cancel: capabilities.cancel.is_yes(),
            look_every: Duration::from_secs(capabilities.poll_interval),
            result_lifetime: match capabilities.result_lifetime {
                Bound::Is(seconds) => Some(Duration::from_secs(seconds)),
                Bound::None | Bound::Unknown => None,
            },
            ..Self::unknown()
        }
    }

    /// For an instance that is not configured.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            known: false,
            can_cancel: false,
            use_within: Duration::from_secs(2),
            call_timeout: Duration::from_secs(30),
            lookup_settle: Duration::from_secs(10),
            look_every: Duration::from_secs(60),
            result_lifetime: None,
            ask_first_before: None,
        }
    }
}

/// What is to be done next for an order: one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Arm an attempt, then send it.
    Submit {
        /// Why it is sent although there was an attempt before.
        why: Option<String>,
    },
    /// Find out what became of an attempt; without one, whether the provider has the order at all.
    Resolve {
        /// Which attempt.
        attempt: Option<u32>,
    },
    /// Look how far it is.
    Look,
    /// Fetch the result and keep it.
    Fetch,
    /// Take an attempt back at the provider.
    Cancel {
        /// Which attempt.
        attempt: u32,
    },
    /// Nothing before this time; nothing at all but for news where there is none.
    Rest(Option<Timestamp>),
}

/// What an order becomes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The order with everything applied.
    pub order: Order,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What is to be done next.
    pub act: Act,
    /// In which lane it waits.
    pub lane: Lane,
    /// Until when it has to be done, where something is lost otherwise.
    pub deadline: Option<Timestamp>,
}

/// Something to be applied to an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// From the inbox.
    News(News),
    /// From the pass's own act.
    Learned(Learned),
}

/// Applies what was learned, in order, and says what to do next. Pure.
#[must_use]
pub fn plan(order: &Order, inputs: &[Input], now: Timestamp, rules: &Rules) -> Plan {
    let mut step = Step { order: order.clone(), events: Vec::new(), now, rules };
    for input in inputs {
        match input {
            Input::News(news) => step.news(news),
            Input::Learned(learned) => step.learned(learned),
        }
    }
    let act = step.next();
    let lane = lane_of(&step.order, &act);
    let deadline = step.order.result_until.filter(|_| step.order.stage == Stage::Fetching);
    Plan { order: step.order, events: step.events, act, lane, deadline }
}

fn lane_of(order: &Order, act: &Act) -> Lane {
    match act {
        Act::Submit { .. } | Act::Cancel { .. } => Lane::Submit,
        Act::Resolve { .. } => Lane::Lookup,
        Act::Look => Lane::Poll,
        Act::Fetch => Lane::Settle,
        Act::Rest(_) => match order.stage {
            Stage::Accepted => Lane::Submit,
            Stage::Armed | Stage::Undecided => Lane::Lookup,
            Stage::Fetching => Lane::Settle,
            _ => Lane::Poll,
        },
    }
}

/// An order while news are applied to it.
struct Step<'a> {
    order: Order,
    events: Vec<Event>,
    now: Timestamp,
    rules: &'a Rules,
}

impl Step<'_> {
    fn next(&mut self) -> Act {
        let order = &self.order;
        if order.erased_at.is_some() {
            return Act::Rest(None);
        }
        let ended =
            order.stage.is_end() && order.surplus.is_empty() && order.attempts.iter().all(|a| !a.is_open());
        // An undecided order waits for a person, and an attempt of it that is still open does too.
        if ended || order.stage == Stage::Undecided {
            return Act::Rest(None);
        }
        if !self.rules.known {
            let why = format!("the instance {:?} is not configured: the order waits for it", order.instance);
            self.order.note = Some(why);
            return self.rest_for(LONGEST_SETTLE_PAUSE);
        }
        if let Some(until) = order.not_before.filter(|until| *until > self.now) {
            return Act::Rest(Some(until));
        }
        // What may be alive unseen comes first: nothing is decided well while it is not known.
        if let Some(open) = order.attempts.iter().find(|attempt| attempt.is_open()) {
            let settled = later(open.send_before, self.rules.call_timeout + self.rules.lookup_settle);
            return if settled > self.now {
                Act::Rest(Some(settled))
            } else {
                Act::Resolve { attempt: Some(open.n) }
            };
        }
        if let Some(attempt) = order.surplus.first() {
            return Act::Cancel { attempt: *attempt };
        }
        match order.stage {
            Stage::Accepted => self.unsent(),
            Stage::Fetching => Act::Fetch,
            Stage::Watching => match (&order.cancel, order.current) {
                (Some(_), Some(attempt)) if self.rules.can_cancel => Act::Cancel { attempt },
                _ => Act::Look,
            },
            // Armed without an open attempt cannot be; an end has nothing left to do.
            _ => Act::Rest(None),
        }
    }

    fn unsent(&mut self) -> Act {
        let order = &self.order;
        let unseen = self.rules.ask_first_before.is_some_and(|before| order.created_at < before);
        if unseen && !order.asked_first {
            return Act::Resolve { attempt: None };
        }
        if let Some(reason) = order.cancel.clone() {
            self.order.standing = Some(Standing::concluded(State::Cancelled));
            self.end(
                Stage::Ended,
                EventKind::Ended,
                Some(format!("called back before it was sent: {reason}")),
            );
            return Act::Rest(None);
        }
        let last = order.attempts.last();
        let why = last.map(|last| match &last.outcome {
            Outcome::Void { why } | Outcome::Ghost { why } => why.clone(),
            _ => "the attempt before it does not count".to_owned(),
        });
        Act::Submit { why }
    }

    fn rest_for(&self, pause: Duration) -> Act {
        Act::Rest(Some(later(self.now, pause)))
    }

    /// Does nothing for this long, or for as long as the provider wished if that is longer.
    fn pause(&mut self, pause: Duration, wished: Option<Duration>) {
        self.order.not_before = Some(later(self.now, pause.max(wished.unwrap_or_default())));
    }

    /// A pause that doubles with each fault in a row, so that a poisoned order does not starve the others.
    fn back_off(&mut self, wished: Option<Duration>) {
        let longest = if self.order.stage == Stage::Fetching { LONGEST_SETTLE_PAUSE } else { LONGEST_PAUSE };
        let pause = Duration::from_secs(5) * 2_u32.saturating_pow(self.order.faults.min(12));
        self.order.faults = self.order.faults.saturating_add(1);
        self.pause(pause.min(longest), wished);
    }

    fn emit(&mut self, kind: EventKind, note: Option<String>) {
        let order = &mut self.order;
        order.version += 1;
        self.events.push(Event {
            seq: 0,
            id: format!("{}-{}-{:x}", order.id, order.version, self.now.as_millisecond()),
            tenant: order.tenant.clone(),
            order: order.id.clone(),
            reference: order.reference.clone(),
            version: order.version,
            kind,
            standing: order.standing,
            note,
            at: self.now,
        });
    }

    /// How long to wait between two looks: as the rules say, longer for old orders, never so long that a result is lost.
    fn look_pause(&self) -> Duration {
        let since = self.order.sent_at.unwrap_or(self.order.created_at);
        let age = Duration::try_from(self.now.duration_since(since)).unwrap_or_default();
        let pause = self.rules.look_every.max(age / 100);
        let safe = self.rules.result_lifetime.map_or(LONGEST_PAUSE * 24, |life| life / 2);
        // Spread by the id, so that orders sent together are not looked at together.
        let spread = u32::from_str_radix(&self.order.id.as_str()[..4], 16).unwrap_or_default() % 1000;
        let pause = pause.min(safe);
        pause - pause * spread / 10_000
    }
}

/// A time so much later.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
