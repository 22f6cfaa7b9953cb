//! Store, vault and sink with a point before and after each step, at which a schedule may crash, and with the planted bugs.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use esign_core::jiff::Timestamp;
use esign_core::{Error, ErrorKind, HandleKey, Result, Retry};

use super::Bug;
use super::random::Random;
use crate::news::{Event, News, Stored, Told};
use crate::order::{Order, OrderId, Tenant};
use crate::seal::WrappedKey;
use crate::store::{Claim, Claims, Commit, Count, Due, Filter, Meta, Store};
use crate::{MemoryStore, MemoryVault, Sink, Vault};

/// What all wraps of a schedule share.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Inside>>);

#[derive(Debug)]
pub(super) struct Inside {
    pub(super) trace: Vec<String>,
    pub(super) steps: u64,
    pub(super) random: Random,
    /// Faults in a thousand steps.
    pub(super) faults: u32,
    pub(super) bug: Option<Bug>,
    /// Facts that a worker still told after it had lost its lease.
    pub(super) late: Vec<HandleKey>,
    /// What each sink took.
    pub(super) delivered: BTreeSet<String>,
    writer_seq: BTreeMap<String, u64>,
    next_seq: u64,
}

impl Shared {
    pub(super) fn new(random: Random, faults: u32, bug: Option<Bug>) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            trace: Vec::new(),
            steps: 0,
            random,
            faults,
            bug,
            late: Vec::new(),
            delivered: BTreeSet::new(),
            writer_seq: BTreeMap::new(),
            next_seq: 0,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.lock().bug == Some(bug)
    }

    pub(super) fn note(&self, what: String) {
        self.lock().trace.push(what);
    }

    /// One step: the schedule decides who goes on after it, or whether anybody does.
    pub(super) async fn point(&self, what: &str) {
        {
            let mut inside = self.lock();
            inside.steps += 1;
            inside.trace.push(what.to_owned());
        }
        Yield(false).await;
    }

    /// A step that may fail in passing.
    async fn try_point(&self, what: &str) -> Result<()> {
        self.point(what).await;
        let mut inside = self.lock();
        let faults = inside.faults / 2;
        if inside.random.chance(faults) {
            inside.trace.push(format!("{what}: fault"));
            let message = format!("{what} failed in passing");
            return Err(Error::new(ErrorKind::Internal, message).with_retry(Retry::SAFE));
        }
        Ok(())
    }
}

/// Waits for one more poll.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The store as one engine sees it. What is not durable yet goes with the engine.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) inner: MemoryStore,
    pub(super) shared: Shared,
    pending: Mutex<BTreeMap<u64, Commit>>,
}

impl Steps {
    pub(super) fn new(inner: MemoryStore, shared: Shared) -> Self {
        Self { inner, shared, pending: Mutex::default() }
    }

    async fn commit_inside(&self, commit: &Commit) -> Result<Option<u64>> {
        if self.shared.has(Bug::NoFence) {
            return Ok(Some(self.inner.force(commit)));
        }
        if self.shared.has(Bug::ArmedLater) {
            if commit.due.is_none() {
                {
                    let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
                    pending.insert(commit.claimed.token, commit.clone());
                }
                return Ok(Some(self.inner.meta().await?.position));
            }
            let pending =
                self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&commit.claimed.token);
            if let Some(pending) = pending
                && self.inner.commit(&pending).await?.is_none()
            {
                return Ok(None);
            }
        }
        if self.shared.has(Bug::AppliedAgain) {
            return self.inner.commit(&Commit { applied: Vec::new(), ..commit.clone() }).await;
        }
        if self.shared.has(Bug::NotAtomic) {
            let position = self.inner.commit(&Commit { events: Vec::new(), ..commit.clone() }).await?;
            self.shared.point("between order and events").await;
            if position.is_some() {
                self.inner.add_events(&commit.events);
            }
            return Ok(position);
        }
        self.inner.commit(commit).await
    }
}

#[async_trait]
impl Store for Steps {
    async fn accept(&self, order: &Order, event: &Event, due: &Due) -> Result<Option<Order>> {
        self.shared.try_point("store.accept").await?;
        {
            let mut inside = self.shared.lock();
            inside.next_seq += 1;
            let seq = inside.next_seq;
            inside.writer_seq.insert(event.id.clone(), seq);
        }
        if self.shared.has(Bug::AcceptedTwice) {
            self.inner.forget(&order.id);
        }
        let known = self.inner.accept(order, event, due).await?;
        self.shared.point("store.accept.").await;
        Ok(known)
    }

    async fn get(&self, id: &OrderId) -> Result<Option<Order>> {
        self.shared.point("store.get").await;
        self.inner.get(id).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Order>> {
        self.inner.list(filter).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claims> {
        self.shared.try_point(&format!("store.claim {}", claim.lane.as_str())).await?;
        let claims = self.inner.claim(claim).await?;
        if !claims.orders.is_empty() {
            self.shared.point(&format!("store.claim. {}", claims.orders.len())).await;
        }
        Ok(claims)
    }

    async fn load(&self, id: &OrderId) -> Result<Option<(Order, Vec<Stored>)>> {
        self.shared.try_point("store.load").await?;
        self.inner.load(id).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Option<u64>> {
        {
            let mut inside = self.shared.lock();
            for event in &commit.events {
                inside.next_seq += 1;
                let seq = inside.next_seq;
                inside.writer_seq.insert(event.id.clone(), seq);
            }
        }
        let stage = commit.order.stage;
        self.shared.try_point(&format!("store.commit {} {stage}", commit.claimed.id)).await?;
        let done = self.commit_inside(commit).await?;
        self.shared.point(if done.is_some() { "store.commit." } else { "store.commit: lease lost" }).await;
        Ok(done)
    }

    async fn tell(&self, told: &Told) -> Result<bool> {
        self.shared.try_point("store.tell").await?;
        if let News::Late { sent, .. } = &told.news {
            self.shared.lock().late.push(sent.key.clone());
            if self.shared.has(Bug::LateDropped) {
                return Ok(true);
            }
        }
        let new = if self.shared.has(Bug::ForgottenWake) {
            self.inner.tell_quietly(told)
        } else {
            self.inner.tell(told).await?
        };
        self.shared.point("store.tell.").await;
        Ok(new)
    }

    async fn rewrap(&self, id: &OrderId, old: &WrappedKey, new: &WrappedKey) -> Result<bool> {
        self.inner.rewrap(id, old, new).await
    }

    async fn events(&self, tenant: Option<&Tenant>, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.shared.try_point("store.events").await?;
        if !self.shared.has(Bug::FeedByWriter) {
            return self.inner.events(tenant, after, limit).await;
        }
        let all = self.inner.events(tenant, 0, usize::MAX).await?;
        let inside = self.shared.lock();
        let by_writer = |event: Event| {
            let seq = inside.writer_seq.get(&event.id).copied().unwrap_or_default();
            Event { seq, ..event }
        };
        let mut all: Vec<_> = all.into_iter().map(by_writer).filter(|event| event.seq > after).collect();
        all.sort_by_key(|event| event.seq);
        all.truncate(limit);
        Ok(all)
    }

    async fn claim_sink(
        &self,
        sink: &str,
        token: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<u64>> {
        self.shared.try_point("store.claim_sink").await?;
        let cursor = self.inner.claim_sink(sink, token, now, until).await?;
        if let Some(cursor) = cursor.filter(|_| self.shared.has(Bug::CursorFirst)) {
            let ahead = self.inner.events(None, cursor, 32).await?.len() as u64;
            self.inner.advance_sink(sink, token, cursor + ahead, now).await?;
        }
        Ok(cursor)
    }

    async fn advance_sink(&self, sink: &str, token: u64, cursor: u64, due: Timestamp) -> Result<bool> {
        self.shared.try_point("store.advance_sink").await?;
        self.inner.advance_sink(sink, token, cursor, due).await
    }

    async fn meta(&self) -> Result<Meta> {
        let meta = self.inner.meta().await?;
        Ok(if self.shared.has(Bug::RestoreUnnoticed) { Meta { restored_at: None, ..meta } } else { meta })
    }

    async fn restored(&self, position: u64, at: Timestamp) -> Result<()> {
        self.shared.try_point("store.restored").await?;
        self.inner.restored(position, at).await
    }

    async fn counts(&self) -> Result<Vec<Count>> {
        self.inner.counts().await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.inner.next_due().await
    }
}

/// The vault as one engine sees it.
#[derive(Debug)]
pub(super) struct VaultSteps {
    pub(super) inner: MemoryVault,
    pub(super) shared: Shared,
    pending: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl VaultSteps {
    pub(super) fn new(inner: MemoryVault, shared: Shared) -> Self {
        Self { inner, shared, pending: Mutex::default() }
    }

    /// The disk has caught up.
    pub(super) async fn flush(&self) {
        let pending = std::mem::take(&mut *self.pending());
        for (name, bytes) in pending {
            // A vault in memory takes everything.
            let _ = self.inner.put(&name, &bytes).await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for VaultSteps {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.shared.try_point("vault.put").await?;
        if self.shared.has(Bug::KeptLater) && !name.starts_with("witness") {
            // The system has the bytes, the disk gets them with the next ones.
            self.flush().await;
            self.pending().insert(name.to_owned(), bytes.to_vec());
            return Ok(());
        }
        self.inner.put(name, bytes).await?;
        self.shared.point("vault.put.").await;
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>> {
        self.shared.try_point("vault.get").await?;
        if let Some(bytes) = self.pending().get(name) {
            return Ok(bytes.clone());
        }
        self.inner.get(name).await
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.shared.try_point("vault.delete").await?;
        self.inner.delete(name).await
    }

    async fn list(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        self.inner.list(after, limit).await
    }
}

/// Takes events, and sometimes does not.
#[derive(Debug)]
pub(super) struct Receiver(pub(super) Shared);

#[async_trait]
impl Sink for Receiver {
    fn name(&self) -> &str {
        "receiver"
    }

    async fn deliver(&self, event: &Event) -> Result<()> {
        self.0.try_point("sink.deliver").await?;
        self.0.lock().delivered.insert(event.id.clone());
        self.0.point("sink.deliver.").await;
        Ok(())
    }
}
