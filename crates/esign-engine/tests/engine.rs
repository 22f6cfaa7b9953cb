//! The engine as applications see it, over the in-memory service.

use std::time::Duration;

use esign_core::memory::{MemoryFault, MemoryService};
use esign_core::{
    Delivery, Document, ErrorKind, Handle, Operation, Reference, Resolution, SignRequest, Signer, State,
};
use esign_engine::{
    Choice, Engine, EventKind, Filter, Keyring, MemoryStore, MemoryVault, Order, Stage, Tenant, Vault,
};
use std::sync::Arc;

struct World {
    service: MemoryService,
    store: MemoryStore,
    vault: MemoryVault,
    engine: Engine,
}

async fn world() -> World {
    let (service, store, vault) = (MemoryService::new(), MemoryStore::new(), MemoryVault::new());
    let engine = engine(&service, &store, &vault, &[[7; 32]]).await.unwrap();
    World { service, store, vault, engine }
}

async fn engine(
    service: &MemoryService,
    store: &MemoryStore,
    vault: &MemoryVault,
    keys: &[[u8; 32]],
) -> esign_core::Result<Engine> {
    Engine::builder(service.client().await?, Keyring::new(keys)?)
        .store(Arc::new(store.clone()))
        .vault(Arc::new(vault.clone()))
        .build()
        .await
}

fn request(reference: &str, delivery: Delivery) -> SignRequest {
    let document = Document::pdf("Lease", &b"%PDF-1.7 marker"[..]);
    SignRequest::new(Reference::new(reference).unwrap(), document, delivery)
        .signer(Signer::new("tenant").email("marker@example.com"))
}

fn own() -> Tenant {
    Tenant::default()
}

impl World {
    async fn accept(&self, reference: &str, delivery: Delivery) -> Order {
        self.engine.accept(&own(), None, request(reference, delivery)).await.unwrap()
    }

    /// Works until nothing is due, moving time on `minutes` times a minute.
    async fn work(&self, minutes: u32) {
        for _ in 0..=minutes {
            while self.engine.tick().await.unwrap().orders > 0 {}
            self.service.clock().advance(Duration::from_secs(60));
        }
    }

    /// What the service has of this reference.
    async fn handle(&self, reference: &str, delivery: Delivery) -> Handle {
        let prepared = self.engine.client().prepare(request(reference, delivery)).await.unwrap();
        match self.engine.client().resolve(prepared.intent()).await.unwrap() {
            Resolution::Found(submission) => submission.handle,
            other => panic!("{other:?}"),
        }
    }

    async fn order(&self, order: &Order) -> Order {
        self.engine.order(&own(), &order.id).await.unwrap().unwrap()
    }

    async fn kinds(&self, order: &Order) -> Vec<EventKind> {
        let events = self.engine.events(None, 0, 100).await.unwrap();
        events.into_iter().filter(|e| e.order == order.id).map(|e| e.kind).collect()
    }
}

#[tokio::test]
async fn an_order_goes_from_acceptance_to_its_archive() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ShareableLink).await;
    assert_eq!(world.service.accepted(), 0, "nothing is sent while it is accepted");
    world.work(0).await;
    let links = world.engine.links(&own(), &order.id).await.unwrap();
    assert_eq!(links.len(), 1);
    let handle = world.handle("r-1", Delivery::ShareableLink).await;
    assert!(world.service.sign(&handle, "tenant"));
    let reply = world.engine.receive("memory", &world.service.callback(&handle)).await.unwrap();
    assert_eq!(reply.status, 200);
    world.work(0).await;
    assert_eq!(world.order(&order).await.stage, Stage::Archived);
    let results = world.engine.results(&own(), &order.id).await.unwrap();
    assert!(results[0].content.starts_with(b"%PDF-1.7 marker"));
    use EventKind::{Accepted, Archived, Completed, Sent};
    assert_eq!(world.kinds(&order).await, [Accepted, Sent, Completed, Archived]);
}

#[tokio::test]
async fn the_same_request_is_the_same_order_and_another_one_a_conflict() {
    let world = world().await;
    let first = world.accept("r-1", Delivery::ShareableLink).await;
    world.work(0).await;
    assert_eq!(world.accept("r-1", Delivery::ShareableLink).await.id, first.id);
    let before = world.order(&first).await;
    let other = world.engine.accept(&own(), None, request("r-1", Delivery::ProviderEmail)).await.unwrap_err();
    assert_eq!((other.kind(), other.field_path()), (ErrorKind::Conflict, Some("reference")));
    assert_eq!(world.order(&first).await, before);
    assert_eq!(world.service.accepted(), 1);
    let unknown = world.engine.accept(&own(), Some("nowhere"), request("r-2", Delivery::ShareableLink)).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn tenants_never_see_each_other() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ShareableLink).await;
    let other = Tenant::new("other").unwrap();
    assert!(world.engine.order(&other, &order.id).await.unwrap().is_none());
    assert_eq!(world.engine.links(&other, &order.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let theirs = world.engine.accept(&other, None, request("r-1", Delivery::ShareableLink)).await.unwrap();
    assert_ne!(theirs.id, order.id);
    world.work(0).await;
    assert_eq!(world.service.accepted(), 2);
    let filter = Filter { tenant: Some(other.clone()), ..Filter::default() };
    assert_eq!(world.engine.orders(&filter).await.unwrap().len(), 1);
    assert!(world.engine.events(Some(&other), 0, 99).await.unwrap().iter().all(|e| e.tenant == other));
}

#[tokio::test]
async fn a_lost_answer_is_resolved_and_not_sent_again() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ProviderEmail).await;
    world.service.fail_next(Operation::Submit, MemoryFault::LoseAnswer);
    world.work(0).await;
    assert_eq!(world.order(&order).await.stage, Stage::Armed);
    world.work(2).await;
    assert_eq!(world.order(&order).await.stage, Stage::Watching);
    assert_eq!((world.service.accepted(), world.service.calls(Operation::Submit)), (1, 1));
}

#[tokio::test]
async fn nothing_personal_and_no_document_stands_open_in_store_or_vault() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ShareableLink).await;
    world.work(0).await;
    let stored = serde_json::to_string(&world.order(&order).await).unwrap();
    assert!(!stored.contains("marker"), "{stored}");
    for name in world.vault.list("", 99).await.unwrap() {
        let bytes = world.vault.get(&name).await.unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"marker"), "{name}");
    }
    assert!(!format!("{:?} {:?}", world.store, world.engine).contains("marker"));
}

#[tokio::test]
async fn a_cancelled_order_is_called_back_and_erased_after_its_hold() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ProviderEmail).await;
    world.work(0).await;
    assert_eq!(
        world.engine.erase(&own(), &order.id, "x").await.unwrap_err().kind(),
        ErrorKind::Conflict,
        "not before it has ended"
    );
    world.engine.cancel(&own(), &order.id, "not needed").await.unwrap();
    world.work(0).await;
    let ended = world.order(&order).await;
    assert_eq!((ended.stage, ended.standing.unwrap().state), (Stage::Ended, State::Cancelled));
    world.engine.hold(&own(), &order.id, Some("court")).await.unwrap();
    world.work(0).await;
    assert!(world.engine.erase(&own(), &order.id, "x").await.unwrap_err().message().contains("court"));
    world.engine.hold(&own(), &order.id, None).await.unwrap();
    world.work(0).await;
    world.engine.erase(&own(), &order.id, "asked for").await.unwrap();
    world.work(0).await;
    assert!(world.order(&order).await.erased_at.is_some());
    assert_eq!(world.engine.links(&own(), &order.id).await.unwrap_err().kind(), ErrorKind::Gone);
    let left = world.vault.list("", 99).await.unwrap();
    assert!(left.iter().all(|name| name.starts_with("witness-")), "{left:?}");
}

#[tokio::test]
async fn a_callback_before_its_answer_waits_for_it() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ProviderEmail).await;
    world.service.fail_next(Operation::Submit, MemoryFault::LoseAnswer);
    world.work(0).await;
    let handle = world.handle("r-1", Delivery::ProviderEmail).await;
    assert!(world.service.sign(&handle, "tenant"));
    let call = world.service.callback(&handle);
    assert_eq!(world.engine.receive("memory", &call).await.unwrap().status, 200, "and not 503");
    assert_eq!(world.engine.receive("memory", &call).await.unwrap().status, 200);
    world.work(2).await;
    assert_eq!(world.order(&order).await.stage, Stage::Archived);
    let forged = esign_core::InboundCall::post("/callback", "{}").with_header("x-memory-signature", "no");
    assert_eq!(world.engine.receive("memory", &forged).await.unwrap().status, 401);
}

#[tokio::test]
async fn a_missing_master_key_stops_the_start_and_a_rotation_rewraps() {
    let World { service, store, vault, engine: first } = world().await;
    let order = first.accept(&own(), None, request("r-1", Delivery::ShareableLink)).await.unwrap();
    let error = engine(&service, &store, &vault, &[[8; 32]]).await.unwrap_err();
    let id = Keyring::new(&[[7; 32]]).unwrap().active().to_owned();
    assert!(error.kind() == ErrorKind::Secret && error.message().contains(&id), "{error}");
    let both = engine(&service, &store, &vault, &[[8; 32], [7; 32]]).await.unwrap();
    assert!(both.rewrap(None, 10).await.unwrap().is_some());
    let new = engine(&service, &store, &vault, &[[8; 32]]).await.unwrap();
    new.tick().await.unwrap();
    assert_eq!(new.links(&own(), &order.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_decision_needs_an_order_that_waits_and_a_reason() {
    let world = world().await;
    let order = world.accept("r-1", Delivery::ProviderEmail).await;
    let early = world.engine.decide(&own(), &order.id, Choice::SendAgain, "because").await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::Conflict);
    let waited = world.engine.wait(&own(), &order.id, 0, Duration::from_secs(5)).await.unwrap();
    assert_eq!(waited.version, 1);
}
