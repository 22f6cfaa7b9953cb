//! From the page to the verified answer, as the documentation tells it.

use esign_sandbox::txn::{CodeParameter, SessionStatus};
use serde_json::json;

use crate::support::{REDIRECT, query, world, world_with};

const PERSON: &str = "2bbb6a4d-8d32-4d8e-a8b5-1d4b0e2a5f00";

#[tokio::test]
async fn a_transaction_is_approved_and_its_result_fetched() {
    let world = world().await;
    let session = world.open_with(json!({ "sub": PERSON })).await;
    assert_eq!(world.status(&session, "").await, json!({ "status": "CREATED" }));

    // The phone scans: the page, which waits, learns of it.
    let (waited, phone) =
        tokio::join!(world.status(&session, "CREATED"), world.http.get(&session.phone_url).send());
    assert_eq!(phone.unwrap().status(), 200);
    assert_eq!(waited, json!({ "status": "CHALLENGED" }));

    // The person approves: the page is told where to go.
    let approve = world.http.post(&session.phone_url).form(&[("decision", "approve")]).send();
    let (waited, phone) = tokio::join!(world.status(&session, "CHALLENGED"), approve);
    assert_eq!(phone.unwrap().status(), 303);
    assert_eq!(waited["status"], "AUTHORISED");
    let back = waited["redirect_url"].as_str().unwrap();
    assert!(back.starts_with(&format!("{REDIRECT}&code=")), "{back}");
    assert_eq!(query(back, "state").unwrap(), session.state);
    assert_eq!(query(back, "sign_code"), None);
    let code = query(back, "code").unwrap();
    assert!(code.ends_with('='), "{code}");

    let (status, body) = world.exchange(&code).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1);
    let claims = world.proven(body["token"].as_str().unwrap()).await.unwrap();
    let now = world.now();
    let iss = world.sandbox.base_url().as_str().trim_end_matches('/');
    let expected = json!({
        "iss": iss, "sub": PERSON, "iat": now, "exp": now + 120, "nonce": session.nonce, "txn_hash": session.hash,
    });
    assert_eq!(json!(claims), expected);
    assert!(world.txn().session(&session.id).unwrap().exchanged);
    for operation in ["txn.session", "txn.exchange"] {
        assert_eq!(world.sandbox.call_count(operation), 1, "{operation}");
    }
}

#[tokio::test]
async fn the_addresses_without_version_answer_too() {
    let world = world().await;
    let opened = world.http.post(world.url("/txn-signing-sessions")).json(&world.params(json!({})));
    let opened: serde_json::Value = opened.send().await.unwrap().json().await.unwrap();
    let id = opened["session_id"].as_str().unwrap();
    let back = world.txn().approve(id, None).unwrap();
    let status = world.http.get(world.url("/status")).query(&[("session_id", id)]).send().await.unwrap();
    assert_eq!(status.json::<serde_json::Value>().await.unwrap()["redirect_url"], back);
    let code = query(&back, "code").unwrap();
    let token = world.key.token(&world.client_claims(&code, json!({})).to_string());
    let exchange = world.http.post(world.url("/txn-signatures")).header("authorization", token);
    let answer = exchange.json(&json!({ "sign_code": code })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_code_comes_by_the_names_that_are_set() {
    for (parameter, code, sign_code) in [
        (CodeParameter::Code, true, false),
        (CodeParameter::SignCode, false, true),
        (CodeParameter::Both, true, true),
    ] {
        let world = world_with(|settings| settings.code_parameter = parameter).await;
        let session = world.open().await;
        let back = world.txn().approve(&session.id, None).unwrap();
        assert_eq!(query(&back, "code").is_some(), code, "{back}");
        assert_eq!(query(&back, "sign_code").is_some(), sign_code, "{back}");
        let value = query(&back, "code").or_else(|| query(&back, "sign_code")).unwrap();
        assert_eq!(world.exchange(&value).await.0, 200);
    }
}

#[tokio::test]
async fn names_in_the_answer_are_settings() {
    let change = json!({
        "response_field": "jwt", "nonce_claim": "n", "hash_claim": "h", "response_iss": false, "response_seconds": 60,
    });
    let world = world().await;
    let patched = world.http.patch(world.url("/_sandbox/txn/settings")).json(&change).send().await.unwrap();
    assert_eq!(patched.status(), 200);
    let (session, code) = world.approved().await;
    let (_, body) = world.exchange(&code).await;
    let claims = world.proven(body["jwt"].as_str().unwrap()).await.unwrap();
    let now = world.now();
    let expected = json!({
        "sub": world.txn().anybody(), "iat": now, "exp": now + 60, "n": session.nonce, "h": session.hash,
    });
    assert_eq!(json!(claims), expected);
}

#[tokio::test]
async fn several_sessions_of_one_transaction_are_open_at_once() {
    let world = world().await;
    let (first, second) = (world.open().await, world.open().await);
    let back = world.txn().approve(&second.id, None).unwrap();
    assert_eq!(query(&back, "state").unwrap(), second.state);
    assert_eq!(world.txn().session(&first.id).unwrap().status, SessionStatus::Created);
}
