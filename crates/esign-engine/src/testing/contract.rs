//! The contract of stores: what another store answers to any sequence of calls is what [`MemoryStore`] answers.

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{Delivery, HandleKey, ProviderKind, Reference, Sha256Hash};

use super::random::Random;
use crate::MemoryStore;
use crate::news::{Event, EventKind, News, To, Told};
use crate::order::{Attempt, Lane, Order, OrderId, Outcome, Sent, Stage, Tenant};
use crate::seal::{Sealed, WrappedKey};
use crate::store::{Claim, Claimed, Commit, Due, Filter, Store};

/// Plays so many random calls on the store, which must be empty, and on a [`MemoryStore`], and holds every answer against the
/// other.
///
/// # Panics
/// At the first answer that differs, naming the call.
pub async fn plays_alike(store: &dyn Store, seed: u64, calls: usize) {
    let mut world = Contract {
        random: Random::new(seed),
        reference: MemoryStore::new(),
        now: Timestamp::from_second(1_800_000_000).unwrap_or(Timestamp::UNIX_EPOCH),
        claimed: Vec::new(),
        token: 1,
        sinks: Vec::new(),
    };
    for call in 0..calls {
        world.now += SignedDuration::from_millis(i64::try_from(world.random.below(4000)).unwrap_or_default());
        world.call(store, call).await;
        world.same_everywhere(store, call).await;
    }
}

struct Contract {
    random: Random,
    reference: MemoryStore,
    now: Timestamp,
    claimed: Vec<Claimed>,
    token: u64,
    sinks: Vec<u64>,
}

macro_rules! same {
    ($call:expr, $other:expr, $reference:expr) => {{
        let (other, reference) = ($other.unwrap(), $reference.unwrap());
        assert_eq!(other, reference, "call {}: {}", $call, stringify!($other));
        reference
    }};
}

impl Contract {
    async fn call(&mut self, store: &dyn Store, call: usize) {
        let reference = self.reference.clone();
        match self.random.below(9) {
            0 | 1 => {
                let order = self.new_order();
                let event = event(&order, 1, self.now);
                let due = self.due();
                same!(
                    call,
                    store.accept(&order, &event, &due).await,
                    reference.accept(&order, &event, &due).await
                );
            }
            2 | 3 => {
                self.token += 1;
                let claim = Claim {
                    lane: Lane::ALL[self.random.below(4)],
                    limit: 1 + self.random.below(3),
                    now: self.now,
                    until: self.now
                        + SignedDuration::from_millis(
                            500 + i64::try_from(self.random.below(9000)).unwrap_or(0),
                        ),
                    token: self.token,
                };
                let (other, own) =
                    (store.claim(&claim).await.unwrap(), reference.claim(&claim).await.unwrap());
                assert_eq!(other.orders, own.orders, "call {call}: claim {claim:?}");
                self.claimed.extend(own.orders);
            }
            4 | 5 if !self.claimed.is_empty() => {
                let at = self.random.below(self.claimed.len());
                let claimed = self.claimed[at].clone();
                let commit = self.commit(claimed).await;
                if commit.due.is_some() {
                    self.claimed.swap_remove(at);
                }
                let (other, own) =
                    (store.commit(&commit).await.unwrap(), reference.commit(&commit).await.unwrap());
                assert_eq!(other.is_some(), own.is_some(), "call {call}: commit {:?}", commit.claimed);
            }
            6 => {
                let told = self.told();
                same!(call, store.tell(&told).await, reference.tell(&told).await);
            }
            7 => {
                self.token += 1;
                let until = self.now + SignedDuration::from_secs(5);
                let (token, now) = (self.token, self.now);
                same!(
                    call,
                    store.claim_sink("a", token, now, until).await,
                    reference.claim_sink("a", token, now, until).await
                );
                self.sinks.push(token);
            }
            8 if !self.sinks.is_empty() => {
                let token = self.sinks[self.random.below(self.sinks.len())];
                let (cursor, due) = (self.random.next() % 50, self.now + SignedDuration::from_secs(1));
                same!(
                    call,
                    store.advance_sink("a", token, cursor, due).await,
                    reference.advance_sink("a", token, cursor, due).await
                );
            }
            _ => {
                let id = self.an_id();
                let (old, new) = (key("1"), key("2"));
                same!(call, store.rewrap(&id, &old, &new).await, reference.rewrap(&id, &old, &new).await);
            }
        }
    }

    async fn same_everywhere(&mut self, store: &dyn Store, call: usize) {
        let reference = &self.reference;
        let filter = Filter::default();
        same!(call, store.list(&filter).await, reference.list(&filter).await);
        same!(call, store.next_due().await, reference.next_due().await);
        same!(call, store.counts().await, reference.counts().await);
        let (tenant, after) = (tenant(self.random.below(2)), self.random.next() % 20);
        let events = store.events(Some(&tenant), after, 7).await;
        same!(call, events, reference.events(Some(&tenant), after, 7).await);
        same!(call, store.events(None, 0, 999).await, reference.events(None, 0, 999).await);
        let filter = Filter {
            tenant: Some(tenant),
            stage: Some(Stage::ALL[self.random.below(3)]),
            after: Some(self.an_id()),
            limit: 2,
            ..Filter::default()
        };
        same!(call, store.list(&filter).await, self.reference.list(&filter).await);
        let id = self.an_id();
        let news = |loaded: Option<(Order, Vec<crate::Stored>)>| {
            loaded
                .map(|(order, news)| (order, news.into_iter().map(|stored| stored.news).collect::<Vec<_>>()))
        };
        let (other, own) = (store.load(&id).await.unwrap(), self.reference.load(&id).await.unwrap());
        assert_eq!(news(other), news(own), "call {call}: load");
        let (other, own) = (store.meta().await.unwrap(), self.reference.meta().await.unwrap());
        assert_eq!((other.masters, other.restored_at), (own.masters, own.restored_at), "call {call}: meta");
    }

    fn an_id(&mut self) -> OrderId {
        OrderId::of(&tenant(self.random.below(2)), &reference(self.random.below(4)))
    }

    fn due(&mut self) -> Due {
        let millis = i64::try_from(self.random.below(5000)).unwrap_or_default();
        let deadline = self.random.chance(300).then(|| self.now + SignedDuration::from_millis(millis * 3));
        let at = self.random.chance(850).then(|| self.now + SignedDuration::from_millis(millis - 2000));
        Due { lane: Lane::ALL[self.random.below(4)], at, deadline }
    }

    fn new_order(&mut self) -> Order {
        let (tenant, reference) = (tenant(self.random.below(2)), reference(self.random.below(4)));
        let json = serde_json::json!({
            "id": OrderId::of(&tenant, &reference), "tenant": tenant, "reference": reference, "instance": "x",
            "delivery": Delivery::ProviderEmail, "stage": "accepted", "standing": null, "version": 1,
            "fingerprint": Sha256Hash::of(b""), "data_key": key("1"), "request": null, "documents": [],
            "attempts": [], "current": null, "surplus": [], "archive": [], "callbacks": [],
            "created_at": self.now, "sent_at": null, "ended_at": null, "result_until": null, "not_before": null,
            "faults": 0, "cancel": null, "asked_first": false, "hold": null, "erased_at": null, "note": null,
            "journal": []
        });
        serde_json::from_value(json).unwrap_or_else(|e| unreachable!("it is an order: {e}"))
    }

    async fn commit(&mut self, claimed: Claimed) -> Commit {
        // Read from the reference; ids of news may differ between stores, so all of them are named or none.
        let loaded = self.reference.load(&claimed.id).await.unwrap();
        let (mut order, news) = loaded.unwrap_or_else(|| unreachable!("a claimed order is there"));
        order.stage = Stage::ALL[self.random.below(3)];
        order.version += 1;
        let events = vec![event(&order, order.version, self.now)];
        if self.random.chance(300) {
            let n = u32::try_from(order.attempts.len()).unwrap_or_default() + 1;
            order.attempts.push(attempt(n, handle(&order.id, self.random.below(3)), self.now));
        }
        let applied =
            if self.random.chance(700) { news.iter().map(|stored| stored.id).collect() } else { Vec::new() };
        let due = self.random.chance(800).then(|| self.due());
        Commit { order, claimed, applied, events, due, now: self.now }
    }

    fn told(&mut self) -> Told {
        let to = match self.random.below(3) {
            0 => To::Order(self.an_id()),
            1 => {
                let id = self.an_id();
                To::Handle(handle(&id, self.random.below(3)))
            }
            _ => To::Reference("x".to_owned(), reference(self.random.below(4))),
        };
        let dedup = format!("d-{}", self.random.below(40));
        Told { to, dedup: dedup.clone(), news: News::Cancel { reason: dedup }, at: self.now }
    }
}

fn tenant(n: usize) -> Tenant {
    [Tenant::default(), Tenant::new("other").unwrap_or_default()][n].clone()
}

fn reference(n: usize) -> Reference {
    Reference::new(format!("r-{n}")).unwrap_or_else(|_| unreachable!("it is one"))
}

/// No two orders have the same request at a provider.
fn handle(order: &OrderId, n: usize) -> HandleKey {
    HandleKey::of(&ProviderKind::new("x"), order.as_str(), &n.to_string())
}

fn key(master: &str) -> WrappedKey {
    WrappedKey { master: master.to_owned(), key: Sealed::from_bytes(vec![1]) }
}

fn event(order: &Order, version: u64, at: Timestamp) -> Event {
    Event {
        seq: 0,
        id: format!("{}-{version}", order.id),
        tenant: order.tenant.clone(),
        order: order.id.clone(),
        reference: order.reference.clone(),
        version,
        kind: EventKind::Progress,
        standing: None,
        note: None,
        at,
    }
}

fn attempt(n: u32, key: HandleKey, at: Timestamp) -> Attempt {
    let nothing = || Sealed::from_bytes(Vec::new());
    let sent = Sent { handle: nothing(), key, record: String::new(), steps: nothing(), at };
    let outcome = Outcome::Sent(Box::new(sent));
    Attempt { n, intent: String::new(), armed_at: at, send_before: at, outcome, why: None }
}
