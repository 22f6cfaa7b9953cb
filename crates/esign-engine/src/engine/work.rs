//! The engine at work: claims what is due, does one thing for each order, and commits what came of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use esign_core::{Error, ErrorKind, Result, Retry};
use futures_util::future::{join, join_all};

use super::Engine;
use super::acts::Armed;
use crate::budget::budget;
use crate::news::{Event, EventKind, Learned};
use crate::order::{Attempt, Lane, Order};
use crate::plan::{Act, Input, Plan, Rules, later};
use crate::store::{Claim, Claimed, Commit, Due, Meta};

/// How many events a sink gets in one turn.
const EVENTS_PER_TURN: usize = 32;
/// How often a fact is tried to be stored before it is left to a lookup.
const FACT_TRIES: u32 = 5;

/// What one round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worked {
    /// Orders that were worked on.
    pub orders: usize,
    /// Events that were delivered.
    pub delivered: usize,
}

impl Engine {
    /// Works until it is dropped: round after round while anything is due, else resting until something is. Faults of the store
    /// are logged and waited out. Dropping it is as safe as a crash: leases run out, and others go on.
    pub async fn run(&self) {
        join(self.run_orders(), self.run_sinks()).await;
    }

    async fn run_orders(&self) {
        loop {
            let worked = self.work().await;
            if let Err(error) = &worked {
                tracing::warn!(%error, "a round was broken off");
            }
            if !worked.is_ok_and(|orders| orders > 0) {
                self.rest(self.0.clock.monotonic() + self.pause().await).await;
            }
        }
    }

    async fn run_sinks(&self) {
        join_all(self.0.sinks.iter().map(|sink| async move {
            loop {
                let delivered = self.deliver_to(sink.as_ref()).await;
                if let Err(error) = &delivered {
                    tracing::warn!(%error, sink = sink.name(), "a delivery was broken off");
                }
                if !delivered.is_ok_and(|events| events > 0) {
                    self.0.clock.sleep_until(self.0.clock.monotonic() + self.0.settings.idle).await;
                }
            }
        }))
        .await;
    }

    /// One round: what is due in each lane, the most urgent lane first, and one turn of each sink.
    ///
    /// # Errors
    /// The store's, after which nothing is lost: leases run out.
    pub async fn tick(&self) -> Result<Worked> {
        let orders = self.work().await?;
        let mut delivered = 0;
        for sink in &self.0.sinks {
            delivered += self.deliver_to(sink.as_ref()).await?;
        }
        Ok(Worked { orders, delivered })
    }

    async fn work(&self) -> Result<usize> {
        let mut worked = 0;
        for lane in Lane::ALL {
            let now = self.0.clock.now();
            let claim = Claim {
                lane,
                limit: self.0.settings.at_once,
                now,
                until: later(now, self.0.settings.lease),
                token: self.token(),
            };
            let claims = self.0.store.claim(&claim).await?;
            if self.is_behind(claims.position) {
                // What was claimed is left alone: the lease runs out, and by then everybody knows.
                self.quarantine().await?;
                return Ok(1);
            }
            if claims.orders.is_empty() {
                continue;
            }
            worked += claims.orders.len();
            let meta = self.0.store.meta().await?;
            for done in join_all(claims.orders.iter().map(|claimed| self.pass(claimed, &meta))).await {
                done?;
            }
        }
        Ok(worked)
    }

    /// One pass over one order.
    async fn pass(&self, claimed: &Claimed, meta: &Meta) -> Result<()> {
        let Some((order, news)) = self.0.store.load(&claimed.id).await? else { return Ok(()) };
        let rules = self.rules(&order, meta).await?;
        let applied = news.iter().map(|stored| stored.id).collect();
        let inputs: Vec<_> = news.into_iter().map(|stored| Input::News(stored.news)).collect();
        let planned = (self.0.planner)(&order, &inputs, self.0.clock.now(), &rules);
        let pass = Pass { claimed, applied, rules };
        match planned.act.clone() {
            Act::Rest(_) => self.finish(&pass, planned, Vec::new()).await.map(|_| ()),
            Act::Submit { why } => self.submit(pass, planned, why.as_ref()).await,
            act => {
                let learned = self.act(&planned.order, &act).await?;
                self.learn(&pass, planned, learned).await.map(|_| ())
            }
        }
    }

    /// Applies what an act has taught, and commits everything of the pass. False if the lease was lost.
    async fn learn(&self, pass: &Pass<'_>, planned: Plan, learned: Learned) -> Result<bool> {
        let inputs = [Input::Learned(learned)];
        let then = (self.0.planner)(&planned.order, &inputs, self.0.clock.now(), &pass.rules);
        self.finish(pass, then, planned.events).await
    }

    async fn finish(&self, pass: &Pass<'_>, plan: Plan, mut events: Vec<Event>) -> Result<bool> {
        let now = self.0.clock.now();
        let at = match plan.act {
            Act::Rest(at) => at,
            _ => Some(now),
        };
        events.extend(plan.events);
        let erased = events.iter().any(|event| event.kind == EventKind::Erased);
        let due = Due { lane: plan.lane, at, deadline: plan.deadline };
        let order = plan.order;
        let blobs: Vec<_> = order.documents.iter().chain(&order.archive).map(|b| b.name.clone()).collect();
        let committed = self.commit(pass, order, pass.applied.clone(), events, Some(due)).await?.is_some();
        if committed && erased {
            // The key is gone, so what a crash leaves here cannot be read.
            for name in blobs {
                self.0.vault.delete(&name).await?;
            }
        }
        Ok(committed)
    }

    async fn commit(
        &self,
        pass: &Pass<'_>,
        order: Order,
        applied: Vec<u64>,
        events: Vec<Event>,
        due: Option<Due>,
    ) -> Result<Option<u64>> {
        let (claimed, now) = (pass.claimed.clone(), self.0.clock.now());
        let position = self.0.store.commit(&Commit { order, claimed, applied, events, due, now }).await?;
        if let Some(position) = position {
            self.0.seen.fetch_max(position, Ordering::Relaxed);
        }
        Ok(position)
    }

    /// Arms, sends and records. A crash anywhere in it leaves an armed attempt, which is resolved and never sent again.
    async fn submit(&self, mut pass: Pass<'_>, planned: Plan, why: Option<&String>) -> Result<()> {
        let (prepared, attempt) = match self.next_attempt(&planned.order, why).await? {
            Armed::Ready(prepared, attempt) => (*prepared, *attempt),
            Armed::Not(learned) => return self.learn(&pass, planned, learned).await.map(|_| ()),
        };
        let mut order = planned.order;
        order.attempts.push(attempt.clone());
        order.stage = crate::Stage::Armed;
        let applied = std::mem::take(&mut pass.applied);
        let Some(position) = self.commit(&pass, order.clone(), applied, planned.events, None).await? else {
            return Ok(());
        };
        self.write_witness(position).await?;
        let learned = self.send(&order, &attempt, prepared).await?;
        self.record(&pass, order, &attempt, learned).await
    }

    /// Stores what sending came to. The fact is stored also if the order has changed hands meanwhile.
    async fn record(&self, pass: &Pass<'_>, order: Order, attempt: &Attempt, learned: Learned) -> Result<()> {
        let sent = match &learned {
            Learned::Sent { sent, .. } => Some(sent.clone()),
            _ => None,
        };
        let planned = Plan {
            order: order.clone(),
            events: Vec::new(),
            act: Act::Rest(None),
            lane: Lane::Submit,
            deadline: None,
        };
        let mut tries = 0;
        loop {
            let stored = match self.learn(pass, planned.clone(), learned.clone()).await {
                // From here on its links can be handed out: a store that forgets this is behind too.
                Ok(true) if sent.is_some() => {
                    return self.write_witness(self.0.seen.load(Ordering::Relaxed)).await;
                }
                Ok(true) => return Ok(()),
                Ok(false) => match &sent {
                    Some(sent) => self.tell_late(&order, attempt, sent.clone()).await,
                    None => return Ok(()),
                },
                Err(error) => Err(error),
            };
            let Err(error) = stored else { return Ok(()) };
            tries += 1;
            if sent.is_none() || tries == FACT_TRIES {
                return Err(error);
            }
            let pause = Duration::from_secs(1) * tries;
            self.0.clock.sleep_until(self.0.clock.monotonic() + pause).await;
        }
    }

    async fn rules(&self, order: &Order, meta: &Meta) -> Result<Rules> {
        let settings = &self.0.settings;
        let mut rules = match self.0.client.capabilities(&order.instance) {
            Ok(capabilities) => {
                let mut rules = Rules::of(&capabilities);
                if capabilities.rate_limit.is_some() {
                    rules.look_every = budget(&capabilities, self.open_at(&order.instance).await?).every;
                }
                rules
            }
            Err(_) => Rules::unknown(),
        };
        rules.use_within = settings.use_within;
        rules.call_timeout = settings.call_timeout;
        rules.lookup_settle = settings.lookup_settle;
        rules.ask_first_before = meta.restored_at.map(|at| later(at, settings.ask_first_for));
        Ok(rules)
    }

    /// How many orders of an instance are being watched.
    async fn open_at(&self, instance: &str) -> Result<u64> {
        let counts = self.0.store.counts().await?;
        let open = counts.iter().filter(|c| c.instance == instance && c.stage == crate::Stage::Watching);
        Ok(open.map(|count| count.orders).sum())
    }

    async fn pause(&self) -> Duration {
        let idle = self.0.settings.idle;
        let Ok(Some(due)) = self.0.store.next_due().await else { return idle };
        Duration::try_from(due.duration_since(self.0.clock.now())).unwrap_or_default().clamp(idle / 100, idle)
    }

    // ---- a store that is older than what has happened

    fn is_behind(&self, position: u64) -> bool {
        let seen = self.0.seen.fetch_max(position, Ordering::Relaxed);
        position < seen
    }

    pub(super) async fn quarantine(&self) -> Result<()> {
        let position = self.0.seen.load(Ordering::Relaxed);
        let now = self.0.clock.now();
        tracing::error!(
            position,
            "the store is older than what was sent: unsent orders are looked up before they are sent"
        );
        self.0.store.restored(position + 1, now).await?;
        self.write_witness(position + 1).await
    }

    /// Says outside of the store how far it had come, before anything is sent.
    async fn write_witness(&self, position: u64) -> Result<()> {
        let mut witnessed = self.0.witnessed.lock().await;
        if *witnessed >= position {
            // Somebody who came later has said so already.
            return Ok(());
        }
        let position = position.max(self.0.seen.load(Ordering::Relaxed));
        let name = format!("witness-{}", self.0.settings.name);
        self.0.vault.put(&name, position.to_string().as_bytes()).await?;
        *witnessed = position;
        Ok(())
    }

    /// How far any engine says that the store had come.
    pub(super) async fn read_witness(&self) -> Result<u64> {
        let mut furthest = 0;
        let mut after = "witness-".to_owned();
        while let Some(name) = self.0.vault.list(&after, 1).await?.pop() {
            if !name.starts_with("witness-") {
                break;
            }
            let position =
                String::from_utf8(self.0.vault.get(&name).await?).ok().and_then(|p| p.parse().ok());
            let broken = || Error::new(ErrorKind::Integrity, format!("{name} in the vault is no position"));
            furthest = furthest.max(position.ok_or_else(broken)?);
            after = name;
        }
        Ok(furthest)
    }

    // ---- events out

    async fn deliver_to(&self, sink: &dyn crate::Sink) -> Result<usize> {
        let (token, now) = (self.token(), self.0.clock.now());
        let until = later(now, self.0.settings.lease);
        let Some(start) = self.0.store.claim_sink(sink.name(), token, now, until).await? else {
            return Ok(0);
        };
        let events = self.0.store.events(None, start, EVENTS_PER_TURN).await?;
        let (mut cursor, mut pause, mut delivered) = (start, Duration::ZERO, 0);
        for event in &events {
            match sink.deliver(event).await {
                Ok(()) => (cursor, delivered) = (event.seq, delivered + 1),
                Err(error) => {
                    tracing::warn!(%error, sink = sink.name(), event = event.id, "an event was not taken");
                    pause = match error.retry() {
                        Retry::Safe { after: Some(after) } => after,
                        _ => Duration::from_secs(30),
                    };
                    break;
                }
            }
        }
        let due = later(self.0.clock.now(), pause);
        self.0.store.advance_sink(sink.name(), token, cursor, due).await?;
        Ok(delivered)
    }
}

/// A pass over one order.
struct Pass<'a> {
    claimed: &'a Claimed,
    applied: Vec<u64>,
    rules: Rules,
}
