//! Where orders are kept: the contract that every store fulfils. [`MemoryStore`](crate::MemoryStore) is its reference.

use std::fmt::Debug;

use async_trait::async_trait;
use esign_core::jiff::Timestamp;
use esign_core::{Reference, Result};

use crate::news::{Event, Stored, Told};
use crate::order::{Lane, Order, OrderId, Stage, Tenant};
use crate::seal::WrappedKey;

/// Keeps orders, their inbox, their due rows and their events. All times come from the caller; a store has no clock.
///
/// Every method is one transaction: it has its whole effect, durably, before it returns, or none. Errors are safe to repeat.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Keeps a new order, its first event and its due row; or says which order of this tenant has the reference already, and
    /// changes nothing.
    async fn accept(&self, order: &Order, event: &Event, due: &Due) -> Result<Option<Order>>;

    /// The order of this id.
    async fn get(&self, id: &OrderId) -> Result<Option<Order>>;

    /// Orders by id, after a cursor.
    async fn list(&self, filter: &Filter) -> Result<Vec<Order>>;

    /// Takes due orders: those of the lane whose time has come, earliest deadline and then earliest due first. Until the lease
    /// ends, or the order is committed, nobody else gets them.
    async fn claim(&self, claim: &Claim) -> Result<Claims>;

    /// The order with what its inbox holds and was not applied yet, oldest first.
    async fn load(&self, id: &OrderId) -> Result<Option<(Order, Vec<Stored>)>>;

    /// Changes a claimed order: order, events, inbox marks and due row at once. `None` if the lease is somebody else's by now;
    /// then nothing has changed. Else the store's new position, which grows with every commit.
    ///
    /// News that came since the claim make the order due at once, whatever `due` says.
    async fn commit(&self, commit: &Commit) -> Result<Option<u64>>;

    /// Keeps news once, and makes its order due if there is one. News for a handle or reference that no order has yet are kept
    /// until one has. False if they were known already.
    async fn tell(&self, told: &Told) -> Result<bool>;

    /// Replaces the wrapped data key if it is still the old one.
    async fn rewrap(&self, id: &OrderId, old: &WrappedKey, new: &WrappedKey) -> Result<bool>;

    /// Events after this place in the feed, in order. The order is that of commits: what was read once never gets a
    /// predecessor later.
    async fn events(&self, tenant: Option<&Tenant>, after: u64, limit: usize) -> Result<Vec<Event>>;

    /// Takes a sink's turn, if it is due and nobody has it: where in the feed it stands.
    async fn claim_sink(
        &self,
        sink: &str,
        token: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<u64>>;

    /// Ends a sink's turn: it stands at `cursor` now and is due again then. False if the turn is somebody else's by now; then
    /// nothing has changed.
    async fn advance_sink(&self, sink: &str, token: u64, cursor: u64, due: Timestamp) -> Result<bool>;

    /// What the store knows of itself.
    async fn meta(&self) -> Result<Meta>;

    /// Says that the store was found to be older than what has happened: its position becomes `position`, and
    /// [`Meta::restored_at`] the time.
    async fn restored(&self, position: u64, at: Timestamp) -> Result<()>;

    /// How many orders are where.
    async fn counts(&self) -> Result<Vec<Count>>;

    /// When the next order is due, at the earliest.
    async fn next_due(&self) -> Result<Option<Timestamp>>;
}

/// When an order is due, where, and by when it has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The lane.
    pub lane: Lane,
    /// When; never by itself without it.
    pub at: Option<Timestamp>,
    /// By when.
    pub deadline: Option<Timestamp>,
}

/// Which orders are wanted.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Of this tenant; of all without it.
    pub tenant: Option<Tenant>,
    /// In this stage.
    pub stage: Option<Stage>,
    /// With this reference.
    pub reference: Option<Reference>,
    /// Behind this one.
    pub after: Option<OrderId>,
    /// So many at most.
    pub limit: usize,
}

impl Default for Filter {
    /// The first hundred of all tenants.
    fn default() -> Self {
        Self { tenant: None, stage: None, reference: None, after: None, limit: 100 }
    }
}

/// What is to be claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// From this lane.
    pub lane: Lane,
    /// So many at most.
    pub limit: usize,
    /// Due until now.
    pub now: Timestamp,
    /// The lease ends then.
    pub until: Timestamp,
    /// Names the lease; never used twice.
    pub token: u64,
}

/// What was claimed.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The orders.
    pub orders: Vec<Claimed>,
    /// The store's position.
    pub position: u64,
}

/// A claimed order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The order.
    pub id: OrderId,
    /// The lease.
    pub token: u64,
    /// How often it had been woken when it was claimed.
    pub wake: u64,
}

/// A change of a claimed order.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The order as it is from now on.
    pub order: Order,
    /// The lease under which it changes.
    pub claimed: Claimed,
    /// News that are applied in it.
    pub applied: Vec<u64>,
    /// What happened.
    pub events: Vec<Event>,
    /// When it is due again. Without it the lease goes on.
    pub due: Option<Due>,
    /// Now.
    pub now: Timestamp,
}

/// What a store knows of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Grows with every commit; a store that is behind was restored.
    pub position: u64,
    /// When it was last found to be behind.
    pub restored_at: Option<Timestamp>,
    /// The ids of the master keys that something is sealed under.
    pub masters: Vec<String>,
}

/// So many orders of an instance in a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Count {
    pub instance: String,
    pub stage: Stage,
    pub orders: u64,
}
