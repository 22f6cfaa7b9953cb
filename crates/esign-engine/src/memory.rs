//! The reference store: everything in one process, one transaction at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use esign_core::Result;
use esign_core::jiff::Timestamp;

use crate::news::{Event, News, Stored, To, Told};
use crate::order::{Lane, Order, OrderId, Stage, Tenant};
use crate::seal::WrappedKey;
use crate::store::{Claim, Claimed, Claims, Commit, Count, Due, Filter, Meta, Store};

/// A store in memory: for tests, and the reference for every other. Clones are the same store; nothing outlives the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

/// A store as it was at one moment: what a backup holds.
#[derive(Clone, Debug)]
pub struct Snapshot(Tables);

#[derive(Clone, Debug, Default)]
struct Tables {
    orders: BTreeMap<OrderId, Order>,
    work: BTreeMap<OrderId, Work>,
    inbox: Vec<Row>,
    known: BTreeSet<String>,
    events: Vec<Event>,
    sinks: BTreeMap<String, SinkRow>,
    position: u64,
    restored_at: Option<Timestamp>,
    next_news: u64,
}

#[derive(Clone, Debug)]
struct Work {
    lane: Lane,
    due: Option<Timestamp>,
    deadline: Option<Timestamp>,
    leased: Option<(u64, Timestamp)>,
    wake: u64,
}

#[derive(Clone, Debug)]
struct Row {
    id: u64,
    to: To,
    news: News,
}

#[derive(Clone, Debug, Default)]
struct SinkRow {
    cursor: u64,
    due: Option<Timestamp>,
    leased: Option<(u64, Timestamp)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a backup.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.tables().clone())
    }

    /// Puts a backup in place of what is there.
    pub fn restore(&self, snapshot: &Snapshot) {
        *self.tables() = snapshot.0.clone();
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn is_for(&self, to: &To, order: &Order) -> bool {
        match to {
            To::Order(id) => *id == order.id,
            To::Handle(key) => order.handle_keys().any(|own| own == key),
            To::Reference(instance, reference) => {
                order.instance == *instance && order.sent_reference().is_ok_and(|own| own == *reference)
            }
        }
    }

    fn whom(&self, to: &To) -> Option<OrderId> {
        self.orders.values().find(|order| self.is_for(to, order)).map(|order| order.id.clone())
    }

    fn wake(&mut self, id: &OrderId, now: Timestamp) {
        if let Some(work) = self.work.get_mut(id) {
            work.wake += 1;
            work.due = Some(work.due.map_or(now, |due| due.min(now)));
        }
    }

    fn add(&mut self, events: &[Event]) {
        for event in events {
            let seq = self.events.len() as u64 + 1;
            self.events.push(Event { seq, ..event.clone() });
        }
    }

    fn news_of(&self, order: &Order) -> Vec<Stored> {
        let rows = self.inbox.iter().filter(|row| self.is_for(&row.to, order));
        rows.map(|row| Stored { id: row.id, news: row.news.clone() }).collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn accept(&self, order: &Order, event: &Event, due: &Due) -> Result<Option<Order>> {
        let mut tables = self.tables();
        if let Some(known) = tables.orders.get(&order.id) {
            return Ok(Some(known.clone()));
        }
        tables.position += 1;
        tables.orders.insert(order.id.clone(), order.clone());
        let work = Work { lane: due.lane, due: due.at, deadline: due.deadline, leased: None, wake: 0 };
        tables.work.insert(order.id.clone(), work);
        tables.add(std::slice::from_ref(event));
        Ok(None)
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>> {
        Ok(self.tables().orders.get(id).cloned())
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Order>> {
        let tables = self.tables();
        let wanted = |order: &&Order| {
            filter.tenant.as_ref().is_none_or(|tenant| *tenant == order.tenant)
                && filter.stage.is_none_or(|stage| stage == order.stage)
                && filter.reference.as_ref().is_none_or(|reference| *reference == order.reference)
                && filter.after.as_ref().is_none_or(|after| order.id > *after)
        };
        Ok(tables.orders.values().filter(wanted).take(filter.limit).cloned().collect())
    }

    async fn claim(&self, claim: &Claim) -> Result<Claims> {
        let mut tables = self.tables();
        let free = |work: &Work| work.leased.is_none_or(|(_, until)| until <= claim.now);
        let mut due: Vec<_> = tables
            .work
            .iter()
            .filter(|(_, work)| work.lane == claim.lane && free(work))
            .filter_map(|(id, work)| {
                let due = work.due.filter(|due| *due <= claim.now)?;
                Some((work.deadline.unwrap_or(Timestamp::MAX), due, id.clone()))
            })
            .collect();
        due.sort();
        let mut orders = Vec::new();
        for (_, _, id) in due.into_iter().take(claim.limit) {
            if let Some(work) = tables.work.get_mut(&id) {
                work.leased = Some((claim.token, claim.until));
                orders.push(Claimed { id, token: claim.token, wake: work.wake });
            }
        }
        Ok(Claims { orders, position: tables.position })
    }

    async fn load(&self, id: &OrderId) -> Result<Option<(Order, Vec<Stored>)>> {
        let tables = self.tables();
        Ok(tables.orders.get(id).map(|order| (order.clone(), tables.news_of(order))))
    }

    async fn commit(&self, commit: &Commit) -> Result<Option<u64>> {
        let mut tables = self.tables();
        let id = &commit.claimed.id;
        let holds = |work: &Work| work.leased.is_some_and(|(token, _)| token == commit.claimed.token);
        if !tables.work.get(id).is_some_and(holds) {
            return Ok(None);
        }
        tables.position += 1;
        tables.inbox.retain(|row| !commit.applied.contains(&row.id));
        tables.orders.insert(id.clone(), commit.order.clone());
        tables.add(&commit.events);
        if let Some(due) = &commit.due {
            // News for a handle that this commit has brought were waiting for it.
            let waiting = !tables.news_of(&commit.order).is_empty();
            if let Some(work) = tables.work.get_mut(id) {
                let woken = waiting || work.wake != commit.claimed.wake;
                work.leased = None;
                (work.lane, work.deadline) = (due.lane, due.deadline);
                work.due = if woken { Some(commit.now) } else { due.at };
            }
        }
        Ok(Some(tables.position))
    }

    async fn tell(&self, told: &Told) -> Result<bool> {
        let mut tables = self.tables();
        if !tables.known.insert(told.dedup.clone()) {
            return Ok(false);
        }
        tables.position += 1;
        tables.next_news += 1;
        let row = Row { id: tables.next_news, to: told.to.clone(), news: told.news.clone() };
        tables.inbox.push(row);
        if let Some(id) = tables.whom(&told.to) {
            tables.wake(&id, told.at);
        }
        Ok(true)
    }

    async fn rewrap(&self, id: &OrderId, old: &WrappedKey, new: &WrappedKey) -> Result<bool> {
        let mut tables = self.tables();
        let order = tables.orders.get_mut(id).filter(|order| order.data_key.as_ref() == Some(old));
        Ok(order.map(|order| order.data_key = Some(new.clone())).is_some())
    }

    async fn events(&self, tenant: Option<&Tenant>, after: u64, limit: usize) -> Result<Vec<Event>> {
        let tables = self.tables();
        let wanted =
            |event: &&Event| event.seq > after && tenant.is_none_or(|tenant| *tenant == event.tenant);
        Ok(tables.events.iter().filter(wanted).take(limit).cloned().collect())
    }

    async fn claim_sink(
        &self,
        sink: &str,
        token: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<u64>> {
        let mut tables = self.tables();
        let row = tables.sinks.entry(sink.to_owned()).or_default();
        let free = row.leased.is_none_or(|(_, until)| until <= now) && row.due.is_none_or(|due| due <= now);
        if free {
            row.leased = Some((token, until));
        }
        Ok(free.then_some(row.cursor))
    }

    async fn advance_sink(&self, sink: &str, token: u64, cursor: u64, due: Timestamp) -> Result<bool> {
        let mut tables = self.tables();
        let row = tables.sinks.entry(sink.to_owned()).or_default();
        let holds = row.leased.is_some_and(|(own, _)| own == token);
        if holds {
            *row = SinkRow { cursor, due: Some(due), leased: None };
        }
        Ok(holds)
    }

    async fn meta(&self) -> Result<Meta> {
        let tables = self.tables();
        let masters: BTreeSet<_> =
            tables.orders.values().filter_map(|o| Some(o.data_key.as_ref()?.master.clone())).collect();
        Ok(Meta {
            position: tables.position,
            restored_at: tables.restored_at,
            masters: masters.into_iter().collect(),
        })
    }

    async fn restored(&self, position: u64, at: Timestamp) -> Result<()> {
        let mut tables = self.tables();
        tables.position = tables.position.max(position);
        tables.restored_at = Some(at);
        Ok(())
    }

    async fn counts(&self) -> Result<Vec<Count>> {
        let tables = self.tables();
        let mut counts: BTreeMap<(String, Stage), u64> = BTreeMap::new();
        for order in tables.orders.values() {
            *counts.entry((order.instance.clone(), order.stage)).or_default() += 1;
        }
        Ok(counts.into_iter().map(|((instance, stage), orders)| Count { instance, stage, orders }).collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        let tables = self.tables();
        let due = |work: &Work| {
            let free_at = work.leased.map_or(Timestamp::MIN, |(_, until)| until);
            work.due.map(|due| due.max(free_at))
        };
        Ok(tables.work.values().filter_map(due).min())
    }
}

/// What planted bugs need: nothing that a store should be able to do.
#[cfg(feature = "testing")]
impl MemoryStore {
    /// Commits whatever the lease says.
    pub(crate) fn force(&self, commit: &Commit) -> u64 {
        let mut tables = self.tables();
        tables.position += 1;
        tables.inbox.retain(|row| !commit.applied.contains(&row.id));
        tables.orders.insert(commit.claimed.id.clone(), commit.order.clone());
        tables.add(&commit.events);
        if let (Some(due), Some(work)) = (&commit.due, tables.work.get_mut(&commit.claimed.id)) {
            work.leased = None;
            (work.lane, work.deadline) = (due.lane, due.deadline);
            work.due = if work.wake == commit.claimed.wake { due.at } else { Some(commit.now) };
        }
        tables.position
    }

    pub(crate) fn add_events(&self, events: &[Event]) {
        self.tables().add(events);
    }

    pub(crate) fn forget(&self, id: &OrderId) {
        let mut tables = self.tables();
        tables.orders.remove(id);
        tables.work.remove(id);
    }

    /// Keeps news and wakes nobody.
    pub(crate) fn tell_quietly(&self, told: &Told) -> bool {
        let mut tables = self.tables();
        if !tables.known.insert(told.dedup.clone()) {
            return false;
        }
        tables.next_news += 1;
        let row = Row { id: tables.next_news, to: told.to.clone(), news: told.news.clone() };
        tables.inbox.push(row);
        true
    }

    /// Orders that have news which were not applied.
    pub(crate) fn unread(&self) -> Vec<OrderId> {
        let tables = self.tables();
        let unread = tables.orders.values().filter(|order| !tables.news_of(order).is_empty());
        unread.map(|order| order.id.clone()).collect()
    }
}
