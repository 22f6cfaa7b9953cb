//! Planned misbehaviour, of all operations, and whether the real thing happened behind it.

use esign_sandbox::{Effect, Fault};
use serde_json::json;

use crate::support::world;

#[tokio::test]
async fn every_operation_can_fail_and_pages_can_read_it() {
    let world = world().await;
    let session = world.open().await;
    for (operation, path, post) in [
        ("txn.script", "/static/ndi_txn_sign.js", false),
        ("txn.session", "/api/v1/txn-signing-sessions", true),
        ("txn.status", &format!("/api/v1/status?session_id={}", session.id), false),
        ("txn.exchange", "/api/v1/txn-signatures", true),
    ] {
        world.sandbox.inject(Fault::on(operation, Effect::html(502))).unwrap();
        let method = if post { reqwest::Method::POST } else { reqwest::Method::GET };
        let answer = world.http.request(method, world.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 502, "{operation}");
        let readable = answer.headers().get("access-control-allow-origin").is_some();
        assert_eq!(readable, ["txn.session", "txn.status"].contains(&operation), "{operation}");
    }
}

#[tokio::test]
async fn an_exchange_whose_answer_is_lost_has_happened() {
    let world = world().await;
    let (session, code) = world.approved().await;
    world.sandbox.inject(Fault::on("txn.exchange", Effect::Close).after_commit()).unwrap();
    let token = world.key.token(&world.client_claims(&code, json!({})).to_string());
    let request = world.http.post(world.url("/api/v1/txn-signatures")).header("authorization", token);
    request.json(&json!({ "sign_code": code })).send().await.unwrap_err();
    assert!(world.txn().session(&session.id).unwrap().exchanged);
    assert_eq!(world.exchange(&code).await.0, 400);

    let (session, code) = world.approved().await;
    world.sandbox.inject(Fault::on("txn.*", Effect::html(500))).unwrap();
    assert_eq!(world.exchange(&code).await.0, 500);
    assert!(!world.txn().session(&session.id).unwrap().exchanged);
    assert_eq!(world.exchange(&code).await.0, 200);
}
