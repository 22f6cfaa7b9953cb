//! Misbehaviour on demand, seen from the socket.

use std::time::Duration;

use esign_sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Fields, KEY, World, pdf, world};

/// Sends a GET with [`KEY`] by hand, and returns every byte that comes until the socket closes.
async fn raw_get(world: &World, path: &str) -> String {
    let mut socket = TcpStream::connect(world.sandbox.local_addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer {KEY}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_lost_answer_is_lost_after_the_document_was_made() {
    let world = world().await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Close).after_commit()).unwrap();
    let request = world.api(Method::POST, "v2/documents").multipart(Fields::email().form());
    let error = request.send().await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(world.sandbox.signify().documents().len(), 1);
    assert_eq!(world.sandbox.mailbox().len(), 2);
    assert_eq!(world.sandbox.call_count("signify.create"), 1);
    assert_eq!(world.sandbox.calls()[0].status, None);
    // The next one is unharmed.
    world.email_document().await;
    assert_eq!(world.sandbox.calls()[1].status, Some(200));
}

#[tokio::test]
async fn a_request_that_is_cut_off_before_has_no_effect() {
    let world = world().await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Close)).unwrap();
    let request = world.api(Method::POST, "v2/documents").multipart(Fields::email().form());
    request.send().await.unwrap_err();
    assert!(world.sandbox.signify().documents().is_empty());
}

#[tokio::test]
async fn a_closed_socket_says_nothing_at_all() {
    let world = world().await;
    world.sandbox.inject(Fault::on("signify.list", Effect::Close).after_commit()).unwrap();
    assert_eq!(raw_get(&world, "/public/v2/documents").await, "");
}

#[tokio::test]
async fn answers_can_be_replaced() {
    let world = world().await;
    for (effect, status, header, body) in [
        (
            Effect::too_many_requests(Some(2)),
            429,
            ("retry-after", Some("2")),
            r#"{"message":"Too Many Requests"}"#,
        ),
        (Effect::too_many_requests(None), 429, ("retry-after", None), "Too Many"),
        (Effect::html(502), 502, ("content-type", Some("text/html")), "<h1>502</h1>"),
        (
            Effect::json(402, r#"{"message":["a","b"]}"#),
            402,
            ("content-type", Some("application/json")),
            "[\"a\"",
        ),
        (Effect::garbage(), 200, ("content-type", Some("application/json")), "{\"id\": 6, "),
        (Effect::redirect("https://example.com/x"), 302, ("location", Some("https://example.com/x")), ""),
    ] {
        world.sandbox.inject(Fault::on("signify.list", effect)).unwrap();
        let response = world.api(Method::GET, "v2/documents").send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get(header.0).map(|value| value.to_str().unwrap()), header.1);
        assert!(response.text().await.unwrap().contains(body), "{status}");
    }
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
}

#[tokio::test]
async fn a_refusal_may_come_after_the_commit_too() {
    let world = world().await;
    world.sandbox.inject(Fault::on("signify.create", Effect::html(502)).after_commit()).unwrap();
    assert_eq!(world.post(Fields::email().form()).await.status(), 502);
    assert_eq!(world.sandbox.signify().documents().len(), 1);
    world.sandbox.inject(Fault::on("signify.create", Effect::html(502))).unwrap();
    assert_eq!(world.post(Fields::email().form()).await.status(), 502);
    assert_eq!(world.sandbox.signify().documents().len(), 1);
}

#[tokio::test]
async fn a_truncated_download_promises_all_and_ends_early() {
    let world = world().await;
    let (id, _) = world.link_document().await;
    let url = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    world.sandbox.inject(Fault::on("signify.download", Effect::Truncate { keep: 100 }).times(2)).unwrap();
    let response = world.http.get(&url).send().await.unwrap();
    assert_eq!(response.content_length(), Some(pdf(2).len() as u64));
    response.bytes().await.unwrap_err();
    let path = url.strip_prefix(world.sandbox.base_url().as_str()).unwrap();
    let raw = raw_get(&world, &format!("/{path}")).await;
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", pdf(2).len())), "{head}");
    assert_eq!(body.as_bytes(), &pdf(2)[..100]);
}

#[tokio::test]
async fn a_body_may_trickle_or_swell() {
    let world = world().await;
    let (id, _) = world.link_document().await;
    let url = world.read(&id).await["documentUrl"].as_str().unwrap().to_owned();
    world
        .sandbox
        .inject(Fault::on("signify.download", Effect::Slow { chunk: 200, pause_millis: 1 }))
        .unwrap();
    assert_eq!(world.http.get(&url).send().await.unwrap().bytes().await.unwrap(), pdf(2));
    world.sandbox.inject(Fault::on("signify.*", Effect::Huge { bytes: 1_000_000 })).unwrap();
    let huge = world.http.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(huge.len(), pdf(2).len() + 1_000_000);
    assert!(huge.starts_with(&pdf(2)) && huge.ends_with(b"   "));
    world.sandbox.inject(Fault::on("signify.list", Effect::Delay { millis: 1 })).unwrap();
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
}

#[tokio::test]
async fn a_stalled_answer_never_comes_and_does_not_hold_up_the_end() {
    let world = world().await;
    world.sandbox.inject(Fault::on("signify.list", Effect::Stall)).unwrap();
    let request = world.api(Method::GET, "v2/documents").timeout(Duration::from_millis(50));
    assert!(request.send().await.unwrap_err().is_timeout());
    world.sandbox.inject(Fault::on("signify.list", Effect::Stall)).unwrap();
    let waiting = tokio::spawn(world.api(Method::GET, "v2/documents").send());
    while world.sandbox.call_count("signify.list") < 2 {
        tokio::task::yield_now().await;
    }
    world.sandbox.shutdown().await;
    waiting.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn faults_are_planned_by_json_as_well() {
    let world = world().await;
    let faults = world.url("/_sandbox/faults");
    let fault = json!({ "operation": "signify.list", "skip": 1, "effect": { "answer": { "status": 503 } } });
    let planned = world.http.post(&faults).json(&fault).send().await.unwrap();
    assert_eq!(planned.status(), 201);
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 503);
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
    world.http.post(&faults).json(&fault).send().await.unwrap();
    assert_eq!(world.http.delete(&faults).send().await.unwrap().status(), 204);
    assert!(world.sandbox.planned_faults().is_empty());
    for (refused, words) in [
        (json!({ "operation": "signify.lst", "effect": "close" }), "signify.list"),
        (json!({ "operation": "signify.list", "effect": "explode" }), "explode"),
        (json!({ "operation": "signify.list", "effect": "close", "time": 2 }), "time"),
    ] {
        let response = world.http.post(&faults).json(&refused).send().await.unwrap();
        assert_eq!(response.status(), 422);
        let body: serde_json::Value = response.json().await.unwrap();
        assert!(body["error"].as_str().unwrap().contains(words), "{body}");
    }
}
