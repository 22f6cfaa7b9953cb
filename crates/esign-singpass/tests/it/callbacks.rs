//! The webhook and the redirect.

use std::time::Duration;

use crate::support::{World, world};
use esign_core::{ErrorKind, Event, InboundCall, KeyAlgorithm, Received, SigningKey, State};
use esign_http::LocalKey;
use serde_json::{Value, json};

async fn receive(world: &World, body: Vec<u8>) -> Received {
    let call = InboundCall::post("/webhook", body).with_header("content-type", "application/json");
    world.client.receive("singpass", &call).await.unwrap()
}

#[tokio::test]
async fn a_signed_webhook_is_believed_and_the_same_for_each_delivery() {
    let world = world(&[]).await;
    world.client.ready().await.unwrap();
    let handle = world.submitted().await;
    let body = world.webhook(&world.singpass, &world.good_claims()).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let received = receive(&world, body.clone()).await;
        assert_eq!(received.reply.status, 204);
        let events = received.events.unwrap();
        let [Event::Verified(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.key, handle.key());
        assert_eq!(event.standing.state, State::Completed);
        assert!(event.evidence.verified_with.contains("\"sign-1\""));
        assert_eq!(&event.evidence.body[..], &body[..]);
        seen.push(event.dedup.clone());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn bad_webhooks_are_refused_with_the_reply_that_fits() {
    let world = world(&[]).await;
    let now = world.good_claims()["iat"].as_i64().unwrap();
    let changed = |name: &str, value: Value| {
        let mut claims = world.good_claims();
        claims[name] = value;
        claims
    };
    let other = LocalKey::generate(KeyAlgorithm::Es256, Some("sign-1")).unwrap();
    let unknown = LocalKey::generate(KeyAlgorithm::Es256, Some("sign-9")).unwrap();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("another key under the same id", world.webhook(&other, &world.good_claims()).await, 400),
        ("unknown key", world.webhook(&unknown, &world.good_claims()).await, 503),
        ("expired", world.webhook(&world.singpass, &changed("exp", json!(now - 31))).await, 400),
        ("from the future", world.webhook(&world.singpass, &changed("iat", json!(now + 90))).await, 400),
        ("no expiry", world.webhook(&world.singpass, &changed("exp", Value::Null)).await, 400),
        ("another type", world.webhook(&world.singpass, &changed("request_type", json!("other"))).await, 400),
        ("no request", world.webhook(&world.singpass, &changed("request_id", Value::Null)).await, 400),
        ("unsigned", unsigned(&world.good_claims()), 400),
        ("HMAC under the public key", hmac(&world.singpass, &world.good_claims()), 400),
        ("not JSON", b"token=x".to_vec(), 400),
        ("no token", b"{}".to_vec(), 400),
        ("too large", vec![b' '; (64 << 10) + 1], 413),
    ];
    for (name, body, status) in cases {
        let received = receive(&world, body).await;
        assert!(received.events.is_err(), "{name}");
        assert_eq!(received.reply.status, status, "{name}: {:?}", received.events);
        let text = format!("{:?} {}", received.events, received.events.as_ref().unwrap_err());
        assert!(!text.contains("marker-link"), "{name}: {text}");
    }
}

/// `alg: none`, with an empty signature.
fn unsigned(claims: &Value) -> Vec<u8> {
    let part = |value: &Value| base64_url(value.to_string().as_bytes());
    let token = format!("{}.{}.", part(&json!({ "alg": "none", "kid": "sign-1" })), part(claims));
    json!({ "token": token }).to_string().into_bytes()
}

/// HS256 with the public key for a secret: the classic confusion of algorithms.
fn hmac(key: &LocalKey, claims: &Value) -> Vec<u8> {
    let head = json!({ "alg": "HS256", "kid": "sign-1" });
    let message =
        format!("{}.{}", base64_url(head.to_string().as_bytes()), base64_url(claims.to_string().as_bytes()));
    let secret =
        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.public_jwk().to_string().as_bytes());
    let tag = aws_lc_rs::hmac::sign(&secret, message.as_bytes());
    json!({ "token": format!("{message}.{}", base64_url(tag.as_ref())) }).to_string().into_bytes()
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn a_clock_that_differs_by_less_than_the_leeway_is_borne() {
    let world = world(&[]).await;
    let body = world.webhook(&world.singpass, &world.good_claims()).await;
    world.clock.advance(Duration::from_secs(149));
    assert!(receive(&world, body.clone()).await.events.is_ok());
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(receive(&world, body).await.events.unwrap_err().kind(), ErrorKind::Verification);
}

#[tokio::test]
async fn a_redirect_is_a_hint_whatever_it_says() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    for status in [Some("success"), Some("cancelled"), Some("new"), None] {
        let mut call = InboundCall::get("/redirect").with_query("request_id", "signv3-1");
        if let Some(status) = status {
            call = call.with_query("status", status);
        }
        let received = world.client.receive("singpass", &call).await.unwrap();
        let events = received.events.unwrap();
        let [Event::Hint { key, .. }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(key.as_ref(), Some(&handle.key()));
    }
}
