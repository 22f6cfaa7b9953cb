//! One schedule: engines, a provider, signers and an application, played by a seed on one thread.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    Clock, Delivery, Document, HandleKey, MediaType, Provider, Reference, SignRequest, Signer, State,
    VirtualClock,
};

use super::Bug;
use super::check::problems;
use super::engines::build;
use super::provider::{Class, Scripted};
use super::random::Random;
use super::wraps::{Shared, VaultSteps};
use crate::engine::Choice;
use crate::{Engine, Filter, MemoryStore, MemoryVault, Order, OrderId, Snapshot, Stage, Store, Tenant};

const START: i64 = 1_767_268_800; // 1 January 2026, noon
pub(super) const INSTANCE: &str = "scripted";

/// When engines crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crashes {
    /// Never.
    Never,
    /// Whenever the seed says so.
    Random,
    /// Whichever engine is at work at this step.
    At(u64),
}

/// What came of a schedule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Every step, in order.
    pub trace: Vec<String>,
    /// Steps of store, provider, vault and sink.
    pub steps: u64,
    /// How often an engine crashed.
    pub crashes: u32,
    /// Requests that the provider accepted.
    pub requests: usize,
    /// What is wrong; empty if nothing is.
    pub problems: Vec<String>,
}

/// Plays a seed as it is.
#[must_use]
pub fn run(seed: u64) -> Report {
    run_with(seed, None, Crashes::Random)
}

/// Plays a seed with something planted, or with another plan of crashes.
#[must_use]
pub fn run_with(seed: u64, bug: Option<Bug>, crashes: Crashes) -> Report {
    let mut world = World::new(seed, bug, crashes);
    for _ in 0..world.length {
        world.step();
    }
    let rests = world.settle();
    world.report(rests)
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct Slot {
    engine: Option<Engine>,
    at_work: Option<Task>,
    pub(super) vault: Arc<VaultSteps>,
    pub(super) offset: SignedDuration,
}

/// What the application wants to be signed.
pub(super) struct Wanted {
    pub(super) request: SignRequest,
    pub(super) id: OrderId,
    /// It was told that the engine has it.
    acknowledged: Arc<AtomicBool>,
}

pub(super) struct World {
    random: Random,
    pub(super) shared: Shared,
    pub(super) clock: VirtualClock,
    pub(super) store: MemoryStore,
    pub(super) vault: MemoryVault,
    pub(super) provider: Scripted,
    pub(super) slots: Vec<Slot>,
    apps: Vec<(usize, Task)>,
    pub(super) wanted: Vec<Wanted>,
    /// How often it was decided to send an order again, or tried to.
    pub(super) again: BTreeMap<OrderId, u32>,
    cancelled: BTreeSet<OrderId>,
    snapshot: Option<Snapshot>,
    pub(super) restored: bool,
    restores: bool,
    crashes: Crashes,
    crash_rate: u32,
    crashed: u32,
    length: usize,
    pub(super) tokens: u64,
}

impl World {
    fn new(seed: u64, bug: Option<Bug>, crashes: Crashes) -> Self {
        let mut random = Random::new(seed);
        let class = [Class::Exact, Class::Candidates, Class::Silent][random.below(3)];
        let faults = [0, 30, 120][random.below(3)];
        let shared = Shared::new(Random::new(seed ^ 0xFA17), faults, bug);
        let clock = VirtualClock::at(Timestamp::from_second(START).unwrap_or(Timestamp::UNIX_EPOCH));
        let provider = Scripted::new(class, shared.clone(), clock.clone());
        let vault = MemoryVault::new();
        let slots = (0..1 + random.below(4)).map(|_| Slot {
            engine: None,
            at_work: None,
            vault: Arc::new(VaultSteps::new(vault.clone(), shared.clone())),
            offset: SignedDuration::from_millis(i64::try_from(random.below(2000)).unwrap_or_default() - 1000),
        });
        let slots = slots.collect();
        let orders = 1 + random.below(5);
        let wanted = (0..orders).map(|n| wanted(n, &mut random)).collect();
        Self {
            shared,
            clock,
            store: MemoryStore::new(),
            vault,
            provider,
            slots,
            apps: Vec::new(),
            wanted,
            again: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            snapshot: None,
            restored: false,
            restores: random.chance(250),
            crashes,
            crash_rate: [0, 4, 15, 40][random.below(4)],
            crashed: 0,
            length: 300 + random.below(900),
            tokens: 1,
            random,
        }
    }

    /// Something happens.
    fn step(&mut self) {
        let slot = self.random.below(self.slots.len());
        match self.random.below(1000) {
            0..=599 => self.work(slot),
            600..=749 => self.poll_app(),
            750..=829 => self.time_passes(),
            830..=869 => self.signer_acts(),
            870..=919 => self.call_arrives(slot),
            920..=929 => self.odd_call(),
            930..=969 => self.accept_something(slot),
            970..=979 => self.decide_something(slot),
            980..=985 => self.cancel_something(slot),
            986..=991 => self.back_up_or_restore(),
            _ => {}
        }
        if self.crashes == Crashes::Random && self.random.chance(self.crash_rate) {
            self.crash(slot);
        }
    }

    fn engine(&mut self, slot: usize) -> Option<Engine> {
        if self.slots[slot].engine.is_none() {
            self.tokens += 1 << 32;
            let built = build(self, slot);
            self.slots[slot].engine = built;
        }
        self.slots[slot].engine.clone()
    }

    fn work(&mut self, slot: usize) {
        let Some(engine) = self.engine(slot) else { return };
        let before = self.shared.lock().steps;
        let at_work = self.slots[slot].at_work.get_or_insert_with(|| {
            Box::pin(async move {
                // A fault of the store: the next round tries again.
                let _ = engine.tick().await;
            })
        });
        let done = at_work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if done {
            self.slots[slot].at_work = None;
        }
        if let Crashes::At(step) = self.crashes
            && before < step
            && self.shared.lock().steps >= step
        {
            self.crash(slot);
        }
    }

    /// The process is gone: what it was doing, and what it had not made durable.
    fn crash(&mut self, slot: usize) {
        if self.slots[slot].engine.is_none() {
            return;
        }
        self.crashed += 1;
        self.shared.note(format!("crash {slot}"));
        self.slots[slot].at_work = None;
        self.slots[slot].engine = None;
        self.slots[slot].vault = Arc::new(VaultSteps::new(self.vault.clone(), self.shared.clone()));
        self.apps.retain(|(of, _)| *of != slot);
    }

    fn poll_app(&mut self) {
        if self.apps.is_empty() {
            return;
        }
        let at = self.random.below(self.apps.len());
        if self.apps[at].1.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            drop(self.apps.swap_remove(at));
        }
    }

    fn time_passes(&mut self) {
        let millis = match self.random.below(100) {
            0..=39 => self.random.below(200),
            40..=79 => self.random.below(5_000),
            80..=95 => self.random.below(40_000),
            // A process that stands still for longer than any lease.
            _ => 120_000 + self.random.below(120_000),
        };
        self.clock.advance(Duration::from_millis(millis as u64));
    }

    /// Requests that a person can see: by e-mail all, by link only those whose link was handed out.
    fn visible(&self) -> Vec<String> {
        let fingerprint = self.provider.capabilities().endpoint.fingerprint();
        let kind = self.provider.kind();
        let handed: BTreeSet<HandleKey> =
            self.orders().iter().filter_map(|order| order.sent()).map(|sent| sent.key.clone()).collect();
        let ledger = self.provider.ledger();
        let open = ledger.requests.iter().filter(|request| !request.state.is_end());
        open.filter(|request| {
            request.delivery.reaches_people()
                || handed.contains(&HandleKey::of(&kind, &fingerprint, &request.id))
        })
        .map(|request| request.id.clone())
        .collect()
    }

    fn signer_acts(&mut self) {
        let visible = self.visible();
        if visible.is_empty() {
            return;
        }
        let id = &visible[self.random.below(visible.len())];
        let declines = self.random.chance(150);
        self.shared.note(format!("signer {id} declines: {declines}"));
        self.provider.act(id, declines);
    }

    fn call_arrives(&mut self, slot: usize) {
        let Some(engine) = self.engine(slot) else { return };
        let call = {
            let mut ledger = self.provider.ledger();
            if ledger.calls.is_empty() {
                return;
            }
            let at = self.random.below(ledger.calls.len());
            // Now and then it is made twice.
            if self.random.chance(200) { ledger.calls[at].clone() } else { ledger.calls.swap_remove(at) }
        };
        let provider = self.provider.clone();
        let task = async move {
            let answered = engine.receive(INSTANCE, &call).await;
            if !answered.is_ok_and(|reply| reply.status < 500) {
                provider.ledger().calls.push(call);
            }
        };
        self.apps.push((slot, Box::pin(task)));
    }

    fn odd_call(&mut self) {
        let ids: Vec<_> = self.provider.ledger().requests.iter().map(|r| r.id.clone()).collect();
        if !ids.is_empty() {
            let id = &ids[self.random.below(ids.len())];
            let forged = self.random.chance(500);
            self.provider.odd_call(id, forged);
        }
    }

    /// The application asks until it is told that its order is kept.
    fn accept_something(&mut self, slot: usize) {
        let open: Vec<_> = (0..self.wanted.len())
            .filter(|i| !self.wanted[*i].acknowledged.load(Ordering::Relaxed))
            .collect();
        if open.is_empty() {
            return;
        }
        let Some(engine) = self.engine(slot) else { return };
        let wanted = &self.wanted[open[self.random.below(open.len())]];
        let (request, acknowledged) = (wanted.request.clone(), Arc::clone(&wanted.acknowledged));
        let task = async move {
            if engine.accept(&Tenant::default(), Some(INSTANCE), request).await.is_ok() {
                acknowledged.store(true, Ordering::Relaxed);
            }
        };
        self.apps.push((slot, Box::pin(task)));
    }

    fn decide_something(&mut self, slot: usize) {
        let undecided: Vec<_> = self.orders().into_iter().filter(|o| o.stage == Stage::Undecided).collect();
        if undecided.is_empty() {
            return;
        }
        let Some(engine) = self.engine(slot) else { return };
        let id = undecided[self.random.below(undecided.len())].id.clone();
        let again = self.random.chance(600);
        if again {
            *self.again.entry(id.clone()).or_default() += 1;
        }
        let task = async move {
            let choice = if again { Choice::SendAgain } else { Choice::Abandon };
            let _ =
                engine.decide(&Tenant::default(), &id, choice, "the signers were asked by telephone").await;
        };
        self.apps.push((slot, Box::pin(task)));
    }

    fn cancel_something(&mut self, slot: usize) {
        let orders = self.orders();
        if orders.is_empty() {
            return;
        }
        let Some(engine) = self.engine(slot) else { return };
        let id = orders[self.random.below(orders.len())].id.clone();
        self.cancelled.insert(id.clone());
        let task = async move {
            let _ = engine.cancel(&Tenant::default(), &id, "not wanted any more").await;
        };
        self.apps.push((slot, Box::pin(task)));
    }

    fn back_up_or_restore(&mut self) {
        if !self.restores || self.restored {
            return;
        }
        let Some(snapshot) = self.snapshot.clone() else {
            self.shared.note("backup".to_owned());
            self.snapshot = Some(self.store.snapshot());
            return;
        };
        // The machine is gone, and its database comes back as it was.
        self.shared.note("restore".to_owned());
        (0..self.slots.len()).for_each(|slot| self.crash(slot));
        self.store.restore(&snapshot);
        self.restored = true;
        let there: BTreeSet<_> = self.orders().into_iter().map(|order| order.id).collect();
        for wanted in self.wanted.iter().filter(|wanted| !there.contains(&wanted.id)) {
            wanted.acknowledged.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn orders(&self) -> Vec<Order> {
        now_or_never(self.store.list(&Filter::default())).and_then(Result::ok).unwrap_or_default()
    }

    /// Faults end, everybody signs, a person decides: does everything come to rest?
    fn settle(&mut self) -> bool {
        self.shared.lock().faults = 0;
        self.shared.note("settle".to_owned());
        self.slots.truncate(1);
        self.apps.retain(|(slot, _)| *slot == 0);
        for _ in 0..400 {
            self.accept_something(0);
            while !self.provider.ledger().calls.is_empty() {
                self.call_arrives(0);
                self.finish_apps();
            }
            self.decide_something(0);
            self.finish_apps();
            for id in self.visible() {
                self.provider.act(&id, false);
            }
            for _ in 0..3 {
                self.finish_work();
            }
            if self.is_quiet() {
                now_or_never(self.slots[0].vault.flush());
                return true;
            }
            let now = self.clock.now();
            let due = now_or_never(self.store.next_due()).and_then(Result::ok).flatten().unwrap_or(now);
            let wait = Duration::try_from(due.duration_since(now)).unwrap_or_default();
            self.clock.advance(wait.clamp(Duration::from_millis(1100), Duration::from_secs(900)));
        }
        false
    }

    fn is_quiet(&self) -> bool {
        let all_there = self.wanted.iter().all(|wanted| wanted.acknowledged.load(Ordering::Relaxed));
        let at_rest = |order: &Order| {
            order.stage.is_end() && order.surplus.is_empty() && order.attempts.iter().all(|a| !a.is_open())
        };
        let delivered = &self.shared.lock().delivered;
        let feed =
            now_or_never(self.store.events(None, 0, usize::MAX)).and_then(Result::ok).unwrap_or_default();
        all_there
            && self.orders().iter().all(at_rest)
            && self.store.unread().is_empty()
            && self.provider.ledger().calls.is_empty()
            && feed.last().is_none_or(|last| delivered.contains(&last.id))
    }

    fn finish_apps(&mut self) {
        while let Some((_, mut task)) = self.apps.pop() {
            self.drive(&mut task);
        }
    }

    fn finish_work(&mut self) {
        let Some(engine) = self.engine(0) else { return };
        let mut task = self.slots[0].at_work.take().unwrap_or_else(|| {
            Box::pin(async move {
                let _ = engine.tick().await;
            })
        });
        self.drive(&mut task);
    }

    /// Runs a task to its end, moving time where it can only wait.
    fn drive(&self, task: &mut Task) {
        let mut idle = 0;
        loop {
            let before = self.shared.lock().steps;
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                return;
            }
            idle = if self.shared.lock().steps == before { idle + 1 } else { 0 };
            if idle > 2 && !self.clock.advance_to_next() {
                return;
            }
        }
    }

    fn report(&self, rests: bool) -> Report {
        let mut problems = problems(self);
        if !rests {
            let stages: Vec<_> =
                self.orders().iter().map(|o| format!("{} {}", o.reference, o.stage)).collect();
            problems.push(format!("it does not come to rest: {}", stages.join(", ")));
        }
        let requests = self.provider.ledger().requests.len();
        let inside = self.shared.lock();
        Report { trace: inside.trace.clone(), steps: inside.steps, crashes: self.crashed, requests, problems }
    }
}

fn wanted(n: usize, random: &mut Random) -> Wanted {
    let reference = Reference::new(format!("order-{n}")).unwrap_or_else(|_| unreachable!("it is one"));
    let delivery = if random.chance(650) { Delivery::ProviderEmail } else { Delivery::ShareableLink };
    let document = Document::new("Lease", MediaType::TEXT, format!("text {n}").into_bytes());
    let signer = Signer::new("tenant").email("tenant@example.com");
    let id = OrderId::of(&Tenant::default(), &reference);
    let request = SignRequest::new(reference, document, delivery).signer(signer);
    Wanted { request, id, acknowledged: Arc::default() }
}

/// The value of a future that waits for nothing.
pub(super) fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Whether everybody has signed.
pub(super) fn is_signed(state: State) -> bool {
    state == State::Completed
}
