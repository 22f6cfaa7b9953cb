//! The store answers as the reference does, keeps what it said it kept, and refuses what it cannot keep.

use std::sync::Arc;

use esign_engine::Store;
use esign_engine::esign_core::ErrorKind;
use esign_engine::testing::contract::plays_alike;
use esign_store_sqlite::SqliteStore;

#[tokio::test]
async fn it_answers_as_the_reference_does() {
    for seed in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("engine.db")).unwrap();
        plays_alike(&store, seed, 150).await;
    }
}

#[tokio::test]
async fn what_was_kept_is_there_after_it_was_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("engine.db");
    let store = SqliteStore::open(&file).unwrap();
    plays_alike(&store, 3, 60).await;
    let (orders, events) =
        (store.list(&Default::default()).await.unwrap(), store.events(None, 0, 999).await.unwrap());
    assert!(!orders.is_empty() && !events.is_empty());
    drop(store);
    let again = SqliteStore::open(&file).unwrap();
    assert_eq!(again.list(&Default::default()).await.unwrap(), orders);
    assert_eq!(again.events(None, 0, 999).await.unwrap(), events);
}

/// Many callers at once share commits, and none of them is lost.
#[tokio::test]
async fn callers_share_commits_and_each_gets_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("engine.db")).unwrap());
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    let tasks: Vec<_> = (0..200u64)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.claim_sink(&format!("sink-{n}"), n, now, now).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), Some(0));
    }
}

#[tokio::test]
async fn what_is_no_store_or_a_newer_one_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, and longer than a header would have to be").unwrap();
    let newer = folder.path().join("newer.db");
    drop(SqliteStore::open(&newer).unwrap());
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection.execute("UPDATE meta SET value = 2 WHERE key = 'schema'", []).unwrap();
    drop(connection);
    for (file, says) in
        [(text, "cannot be used"), (newer, "version 2"), ("nowhere/engine.db".into(), "folder")]
    {
        let error = SqliteStore::open(&file).unwrap_err();
        assert_eq!((error.kind(), error.field_path()), (ErrorKind::Config, Some("engine.store")));
        assert!(error.message().contains(says), "{error}");
    }
}
