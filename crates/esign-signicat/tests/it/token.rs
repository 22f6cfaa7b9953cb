//! The access token: one fetch for all, one more try after a refusal, and never to anybody else.

use esign_core::{
    Client, Config, Delivery, ErrorKind, InstanceConfig, Operation, Reference, Registry, Retry,
};
use esign_signicat::SignicatConfig;
use serde_json::json;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::support::{bare, json_answer, one, shows_no_secret, world};

#[tokio::test]
async fn fifty_submits_at_once_fetch_one_token() {
    let world = world(&[]).await;
    world.accept_orders().await;
    let mut calls = Vec::new();
    for _ in 0..50 {
        let client = world.client.clone();
        let mut request = one(Delivery::ProviderEmail);
        request.reference = Reference::random().unwrap();
        calls.push(tokio::spawn(async move {
            let prepared = client.prepare(request).await.unwrap();
            client.submit(prepared).await.map(drop)
        }));
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(world.received("POST", "/token").await.len(), 1);
    assert_eq!(world.received("POST", "/sign/orders").await.len(), 50);
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    world.task(1, "CREATED").await;
    for (after, fetched) in [(0, 1), (569, 1), (1, 2), (570, 3)] {
        world.advance(after);
        world.client.status(&handle).await.unwrap();
        assert_eq!(world.received("POST", "/token").await.len(), fetched, "{after} s later");
    }
}

#[tokio::test]
async fn how_credentials_are_shown() {
    let basic = "Basic Y2xpZW50LTE6bWFya2VyLXNlY3JldA==";
    let plain = "grant_type=client_credentials&scope=signicat-api";
    let with_secret = format!("{plain}&client_id=client-1&client_secret=marker-secret");
    let older = plain.replace("signicat-api", "client.signature");
    let cases = [
        (vec![], Some(basic), plain.to_owned()),
        (vec![("client_auth", json!("form"))], None, with_secret),
        (vec![("platform", json!("nordics"))], Some(basic), older),
        (vec![("scope", json!("a b"))], Some(basic), plain.replace("signicat-api", "a+b")),
    ];
    for (settings, authorization, form) in cases {
        let world = world(&settings).await;
        world.submitted().await;
        let sent = &world.received("POST", "/token").await[0];
        assert_eq!(sent.headers.get("authorization").map(|value| value.to_str().unwrap()), authorization);
        assert_eq!(sent.headers["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(String::from_utf8(sent.body.clone()).unwrap(), form);
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_also_for_a_create() {
    let world = world(&[]).await;
    let refuse = || json_answer(401, &json!({ "title": "Unauthorized", "code": "invalid_token" }));
    Mock::given(method("POST"))
        .and(path("/sign/orders"))
        .and(header("authorization", "Bearer marker-token-1"))
        .respond_with(refuse())
        .with_priority(1)
        .mount(&world.server)
        .await;
    let handle = world.submitted().await;
    assert_eq!(world.received("POST", "/sign/orders").await.len(), 2);
    assert_eq!(world.received("POST", "/token").await.len(), 2);

    // A fresh token is refused too: that is the answer, after one more try.
    world
        .answer("GET", &format!("/sign/orders/{}/tasks/task-1/status", crate::support::ORDER), refuse())
        .await;
    let error = world.client.status(&handle).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(error.provider_code(), Some("invalid_token"));
    assert_eq!(world.received("POST", "/token").await.len(), 3);
    shows_no_secret(&format!("{error} {error:?}"));
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_safe_to_ask_again_and_asked_once_by_all() {
    let world = bare(&[("http", json!({ "max_retries": 0 }))]).await;
    world.answer("POST", "/token", ResponseTemplate::new(503)).await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        let client = world.client.clone();
        calls.push(tokio::spawn(async move {
            let prepared = client.prepare(one(Delivery::ProviderEmail)).await.unwrap();
            client.submit(prepared).await.map(drop)
        }));
    }
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Provider);
        assert!(matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted), "{error}");
        assert_eq!(error.operation(), Some(Operation::Submit));
        assert!(error.message().starts_with("no access token"), "{error}");
    }
    let asked = world.received("POST", "/token").await.len();
    assert!(asked < 20, "asked {asked} times for 20 calls");
    assert!(world.received("POST", "/sign/documents").await.is_empty());
}

#[tokio::test]
async fn what_a_refusal_of_the_client_means() {
    let cases = [
        (401, json!({ "error": "invalid_client" }), ErrorKind::Unauthenticated),
        (400, json!({ "error": "invalid_client" }), ErrorKind::Unauthenticated),
        (400, json!({ "error": "invalid_scope" }), ErrorKind::InvalidRequest),
        (200, json!({ "access_token": "" }), ErrorKind::UnexpectedAnswer),
        (200, json!({ "token": "x" }), ErrorKind::UnexpectedAnswer),
        (200, json!({ "access_token": "a\nb" }), ErrorKind::UnexpectedAnswer),
    ];
    for (status, body, kind) in cases {
        let world = bare(&[]).await;
        world.answer("POST", "/token", json_answer(status, &body)).await;
        let prepared = world.client.prepare(one(Delivery::ProviderEmail)).await.unwrap();
        let error = world.client.submit(prepared).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, Retry::Never), "{body}: {error}");
        shows_no_secret(&format!("{error} {error:?}"));
        assert_eq!(world.received("POST", "/token").await.len(), 1);
    }
}

#[tokio::test]
async fn a_fetch_whose_caller_is_gone_is_begun_anew() {
    let world = world(&[]).await;
    world.accept_orders().await;
    let prepared = world.client.prepare(one(Delivery::ProviderEmail)).await.unwrap();
    {
        let mut dropped = Box::pin(world.client.submit(prepared));
        // Far enough that the token is being fetched.
        for _ in 0..3 {
            std::future::poll_fn(|cx| std::task::Poll::Ready(dropped.as_mut().poll(cx).is_ready())).await;
            tokio::task::yield_now().await;
        }
    }
    let prepared = world.client.prepare(one(Delivery::ProviderEmail)).await.unwrap();
    world.client.submit(prepared).await.unwrap();
}

/// The API redirects to another host: neither token nor secret go there.
#[tokio::test]
async fn another_host_never_gets_the_token() {
    let (world, other) = (world(&[]).await, bare(&[]).await);
    let handle = world.submitted().await;
    world.task(1, "COMPLETED").await;
    world.package(1, "COMPLETED").await;
    let at = format!("/sign/orders/{}/packaging-tasks/package-1/result", crate::support::ORDER);
    let location = format!("{}/elsewhere?x=marker-link", other.server.uri());
    world.answer("GET", &at, ResponseTemplate::new(302).insert_header("location", location)).await;
    other.answer("GET", "/elsewhere", ResponseTemplate::new(200).set_body_bytes(crate::support::PDF)).await;
    let signed = world.client.download(&handle, &esign_core::ArtifactId::SIGNED).await.unwrap();
    assert_eq!(signed.content, crate::support::PDF);
    let there = other.received("GET", "/elsewhere").await;
    assert!(there[0].headers.get("authorization").is_none());
}

#[tokio::test]
async fn a_secret_that_has_changed_is_read_again() {
    #[derive(Debug)]
    struct Vault(std::sync::atomic::AtomicU32);

    #[async_trait::async_trait]
    impl esign_core::SecretSource for Vault {
        async fn secret(
            &self,
            _: &esign_core::SecretRef,
        ) -> esign_core::Result<esign_core::secrecy::SecretString> {
            let reads = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Ok(if reads == 0 { "old" } else { "new" }.to_owned().into())
        }
    }

    let world = world(&[]).await;
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(header("authorization", "Basic Y2xpZW50LTE6b2xk"))
        .respond_with(json_answer(401, &json!({ "error": "invalid_client" })))
        .with_priority(1)
        .mount(&world.server)
        .await;
    let instance = InstanceConfig::new(esign_signicat::KIND)
        .with("base_url", format!("{}/sign", world.server.uri()))
        .with("token_url", format!("{}/token", world.server.uri()))
        .with("client_id", "client-1")
        .with("client_secret", json!({ "external": "any" }));
    let mut registry = Registry::new();
    registry.register::<SignicatConfig>().unwrap();
    let config = Config { providers: [("s".to_owned(), instance)].into(), ..Config::default() };
    let secrets = Vault(std::sync::atomic::AtomicU32::new(0));
    let client = Client::builder(registry).config(config).secrets(secrets).build().await.unwrap();
    let probe = client.probe("s").await.unwrap();
    assert!(probe.is_good(), "{probe:?}");
    assert_eq!(world.received("POST", "/token").await.len(), 2);
}
