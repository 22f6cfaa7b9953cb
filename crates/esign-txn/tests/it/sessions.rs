//! Sessions: issued anew for each call of the supplier, and taken back once, by whom they were issued to.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::secrecy::{ExposeSecret, SecretString};
use esign_core::{Error, ErrorKind, InboundCall, Result, TransactionReturn};
use esign_txn::{PendingSession, PendingStore};
use serde_json::json;
use tokio::sync::Mutex;

use crate::support::{CODE, EXCHANGE, SESSION, World, back, request, world};

#[tokio::test]
async fn ten_calls_of_the_supplier_at_once_give_ten_sessions_that_all_work() {
    let world = world(&[]).await;
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let provider = world.provider();
            tokio::spawn(async move { provider.supply(&request()).await.unwrap() })
        })
        .collect();
    let mut supplied = Vec::new();
    for call in calls {
        supplied.push(call.await.unwrap());
    }
    let values: HashSet<_> = supplied
        .iter()
        .flat_map(|s| [&s.state, &s.nonce, &s.txn_info])
        .map(|value| value.expose().to_owned())
        .collect();
    assert_eq!(values.len(), 30);
    for one in &supplied {
        let sessions = world.provider().sessions().clone();
        let approved = sessions.accept(&back(one.state.expose(), CODE)).await.unwrap();
        assert_eq!(approved.session.state(), &one.state);
    }
}

#[tokio::test]
async fn of_many_returns_at_once_one_is_exchanged() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    world.exchange_signs(&world.good_claims(&supplied)).await;
    world.provider().client().ready().await.unwrap();
    let returns: Vec<_> = (0..10)
        .map(|_| {
            let (provider, back) = (world.provider(), back(supplied.state.expose(), CODE));
            tokio::spawn(async move { provider.finish(&back).await.is_ok() })
        })
        .collect();
    let mut finished = 0;
    for one in returns {
        finished += usize::from(one.await.unwrap());
    }
    assert_eq!((finished, world.received(EXCHANGE).await.len()), (1, 1));
}

/// What `accept` says, and how many exchanges there were.
async fn refused(world: &World, back: TransactionReturn) -> Error {
    let error = world.provider().finish(&back).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verification, "{error}");
    assert!(world.received(EXCHANGE).await.is_empty(), "nothing is exchanged");
    error
}

#[tokio::test]
async fn a_return_to_another_session_is_refused_and_uses_the_state_up() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let mut other = back(supplied.state.expose(), CODE);
    other.session = "another".into();
    assert!(refused(&world, other).await.message().contains("another session"));
    assert!(
        refused(&world, back(supplied.state.expose(), CODE)).await.message().contains("not one that is open")
    );
}

#[tokio::test]
async fn a_state_that_is_unknown_late_or_foreign_is_refused() {
    let world = world(&[]).await;
    let late = world.supply().await;
    world.clock.advance(Duration::from_secs(600));
    let error = refused(&world, back(late.state.expose(), CODE)).await;
    assert!(error.message().contains("expired"), "{error}");
    for state in ["a", &"f".repeat(64), &"s".repeat(255)] {
        refused(&world, back(state, CODE)).await;
    }
    // A state goes with its own code and session only as a whole: those of two sessions are two states.
    let (one, two) = (world.supply().await, world.supply().await);
    let mut mixed = InboundCall::get("/back").with_query("state", one.state.expose());
    mixed = mixed.with_query("code", CODE).with_query("state", two.state.expose());
    refused(&world, TransactionReturn::new(mixed, SESSION)).await;
    // A malformed return uses nothing up.
    let bare = InboundCall::get("/back").with_query("state", one.state.expose());
    refused(&world, TransactionReturn::new(bare, SESSION)).await;
    assert!(world.provider().sessions().accept(&back(one.state.expose(), CODE)).await.is_ok());
}

#[tokio::test]
async fn a_session_that_another_client_id_issued_is_refused() {
    let shared = Arc::new(Shelf::default());
    let (one, two) = (world(&[]).await, world(&[("client_id", json!("client-2"))]).await);
    let supplied = one.provider().with_store(shared.clone()).supply(&request()).await.unwrap();
    let other = two.provider().with_store(shared);
    let error = other.finish(&back(supplied.state.expose(), CODE)).await.unwrap_err();
    assert!(error.message().contains("another client id"), "{error}");
}

/// A store outside of the process, as an application would write it: it keeps texts.
#[derive(Debug, Default)]
struct Shelf(Mutex<Vec<(String, SecretString)>>);

#[async_trait]
impl PendingStore for Shelf {
    async fn put(&self, session: PendingSession) -> Result<()> {
        self.0.lock().await.push((session.state().expose().to_owned(), session.to_stored()?));
        Ok(())
    }

    async fn take(&self, state: &str) -> Result<Option<PendingSession>> {
        let mut rows = self.0.lock().await;
        let Some(at) = rows.iter().position(|(s, _)| s == state) else { return Ok(None) };
        PendingSession::from_stored(rows.remove(at).1.expose_secret()).map(Some)
    }
}

#[tokio::test]
async fn a_session_comes_back_to_another_process() {
    let shared = Arc::new(Shelf::default());
    let world = world(&[]).await;
    let supplied = world.provider().with_store(shared.clone()).supply(&request()).await.unwrap();
    world.exchange_signs(&world.good_claims(&supplied)).await;
    let elsewhere = world.provider().with_store(shared);
    let (approved, _) = elsewhere.finish(&back(supplied.state.expose(), CODE)).await.unwrap();
    assert_eq!(approved.session.txn_id().as_str(), "TXN-2026-000123");
    // The instance itself never knew it.
    assert!(world.finish(&supplied).await.is_err());
}

#[tokio::test]
async fn what_a_person_could_not_read_is_never_issued() {
    let world = world(&[]).await;
    for (text, named) in [
        ("", "text"),
        (" ", "text"),
        ("a\u{0}", "U+0000"),
        ("a\u{202e}b", "U+202E"),
        (&"x".repeat(10_000), "10000 characters"),
    ] {
        let mut request = request();
        request.text = text.into();
        let error = world.provider().supply(&request).await.unwrap_err();
        assert_eq!((error.kind(), error.field_path()), (ErrorKind::InvalidRequest, Some("text")));
        assert!(error.to_string().contains(named), "{error}");
    }
    let long = world_of(10_000).await;
    for text in ["x".repeat(10_000), "支付 10 新元 👩‍👩‍👧 ✅".to_owned(), "one\ntwo".to_owned()]
    {
        let mut request = request();
        request.text = text.as_str().into();
        let supplied = long.provider().supply(&request).await.unwrap();
        let (_, claims) = crate::support::parts(supplied.txn_info.expose());
        assert_eq!(claims["txn_instructions"], text);
        let hash = esign_txn::txn_hash("TXN-2026-000123", &text);
        assert_eq!(claims["txn_hash"], hash);
    }
}

async fn world_of(max_instructions: usize) -> World {
    world(&[("max_instructions", json!(max_instructions))]).await
}
