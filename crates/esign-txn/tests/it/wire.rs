//! What is sent, byte for byte, and what error answers mean.

use std::sync::Arc;

use esign_core::{ErrorKind, KeyAlgorithm, Retry, Transactions};
use esign_http::LocalKey;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{CODE, EXCHANGE, KEYS, PERSON, SECRETS, back, parts, request, world, world_with_key};

#[tokio::test]
async fn the_exchange_is_sent_as_documented() {
    for (algorithm, settings, extra) in [
        (KeyAlgorithm::Es256, vec![], json!({})),
        (
            KeyAlgorithm::Es384,
            vec![
                ("token_iss", json!(true)),
                ("token_aud", json!("https://id.singpass.gov.sg/txn-signatures")),
            ],
            json!({ "iss": "client-1", "aud": "https://id.singpass.gov.sg/txn-signatures" }),
        ),
    ] {
        let world = world_with_key(&settings, LocalKey::generate(algorithm, Some("rp-1")).unwrap()).await;
        let supplied = world.supply().await;
        world.exchange_signs(&world.good_claims(&supplied)).await;
        world.finish(&supplied).await.unwrap();

        let sent = &world.received(EXCHANGE).await[0];
        assert_eq!(sent.method.as_str(), "POST");
        assert_eq!(String::from_utf8_lossy(&sent.body), r#"{"sign_code":"bWFya2VyLWNvZGU="}"#);
        let mut headers: Vec<_> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        headers.retain(|(name, _)| !matches!(*name, "host" | "authorization"));
        headers.sort_unstable();
        let version = format!("esign/{}", env!("CARGO_PKG_VERSION"));
        let expected = [
            ("accept", "*/*"),
            ("content-length", "32"),
            ("content-type", "application/json"),
            ("user-agent", version.as_str()),
        ];
        assert_eq!(headers, expected);
        let token = sent.headers.get("authorization").unwrap().to_str().unwrap();
        let (header, claims) = parts(token);
        assert_eq!(header, json!({ "alg": algorithm.as_str(), "kid": "rp-1", "typ": "JWT" }));
        let mut expected =
            json!({ "sub": "client-1", "sign_code": CODE, "iat": 1_795_255_200, "exp": 1_795_255_260 });
        expected.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(claims, expected);
    }
}

#[tokio::test]
async fn the_supplier_answers_exactly_the_documented_object() {
    let settings = [
        ("txn_info_iss", json!(true)),
        ("txn_info_aud", json!("https://x.example")),
        ("hash_case", json!("upper")),
    ];
    for (settings, extra) in [
        (&settings[..0], json!({})),
        (
            &settings[..],
            json!({
                "iss": "client-1", "aud": "https://x.example",
                "txn_hash": "E60E79017BAFC7212E41A6926C991D414E79B69C88803C878A3655D3BBDC3A89",
            }),
        ),
    ] {
        let world = world(settings).await;
        let mut request = request();
        request.subject = Some(PERSON.into());
        let provider = world.provider();
        let start = provider.begin(&request).await.unwrap();
        assert_eq!(start.expires_at.to_string(), "2026-11-21T10:02:00Z");
        let object: Value = serde_json::from_str(start.page_parameters.expose()).unwrap();
        let members: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["nonce", "state", "txnInfo"]);
        for name in ["nonce", "state"] {
            let value = object[name].as_str().unwrap();
            assert!(value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()), "{value}");
        }
        let (header, claims) = parts(object["txnInfo"].as_str().unwrap());
        assert_eq!(header, json!({ "alg": "ES256", "kid": "rp-1", "typ": "JWT" }));
        let mut expected = json!({
            "iat": 1_795_255_200,
            "exp": 1_795_255_320,
            "sub": PERSON,
            "txn_id": "TXN-2026-000123",
            "txn_instructions": "Transfer SGD 10.00 to account ****5678",
            "txn_hash": "e60e79017bafc7212e41a6926c991d414e79b69c88803c878a3655d3bbdc3a89",
        });
        expected.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(claims, expected);
        assert!(world.received(EXCHANGE).await.is_empty(), "nothing is sent before the return");
    }
}

#[tokio::test]
async fn an_error_answer_keeps_singpass_own_ids() {
    for (status, class, kind, retry) in [
        (400, "CLIENT_SIDE_ERROR", ErrorKind::InvalidRequest, Retry::Never),
        (401, "CLIENT_SIDE_ERROR", ErrorKind::Unauthenticated, Retry::Never),
        (403, "CLIENT_SIDE_ERROR", ErrorKind::Forbidden, Retry::Never),
        (404, "CLIENT_SIDE_ERROR", ErrorKind::NotFound, Retry::Never),
        (500, "SERVER_SIDE_ERROR", ErrorKind::Provider, Retry::OutcomeUnknown),
        (503, "SERVER_SIDE_ERROR", ErrorKind::Provider, Retry::OutcomeUnknown),
    ] {
        let world = world(&[]).await;
        let supplied = world.supply().await;
        let body = json!({
            "id": "0192f0c4-6a6b-7c3d-9a36-3e1f0a7b4c55",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "error": class,
            "error_description": "no, ann@example.com",
        });
        world.answer("POST", EXCHANGE, ResponseTemplate::new(status).set_body_json(body)).await;
        let error = world.finish(&supplied).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{error}");
        assert_eq!(error.provider_code(), Some(class));
        assert_eq!(error.request_id(), Some("0192f0c4-6a6b-7c3d-9a36-3e1f0a7b4c55"));
        assert_eq!(error.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let text = format!("{error} {error:?} {}", error.to_json());
        assert!(text.contains("4bf92f3577b34da6a3ce929d0e0e4736") && !text.contains("ann@"), "{text}");
        assert_eq!(world.received(EXCHANGE).await.len(), 1, "an exchange is sent once");
    }
}

#[tokio::test]
async fn what_surely_had_no_effect_can_be_tried_again_with_the_same_return() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let turned_away = wiremock::Mock::given(wiremock::matchers::path(EXCHANGE))
        .respond_with(busy)
        .mount_as_scoped(&world.server)
        .await;
    let error = world.finish(&supplied).await.unwrap_err();
    assert!(matches!(error.retry(), Retry::Safe { after: Some(_) }), "{error}");
    drop(turned_away);
    world.exchange_signs(&world.good_claims(&supplied)).await;
    world.finish(&supplied).await.unwrap();
    let error = world.finish(&supplied).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verification, "once");
}

#[tokio::test]
async fn each_try_has_a_token_of_its_own() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "5");
    wiremock::Mock::given(wiremock::matchers::path(EXCHANGE))
        .respond_with(busy)
        .up_to_n_times(1)
        .mount(&world.server)
        .await;
    world.exchange_signs(&world.good_claims(&supplied)).await;
    world.finish(&supplied).await.unwrap();
    let sent = world.received(EXCHANGE).await;
    let issued = |n: usize| {
        parts(sent[n].headers.get("authorization").unwrap().to_str().unwrap()).1["iat"].as_i64().unwrap()
    };
    assert!(sent.len() == 2 && issued(1) >= issued(0) + 5, "{} requests", sent.len());
    assert_eq!(sent[0].body, sent[1].body);
}

#[tokio::test]
async fn without_keys_nothing_is_exchanged_and_the_return_works_later() {
    let world = world(&[("http", json!({ "max_retries": 0 }))]).await;
    let supplied = world.supply().await;
    world.exchange_signs(&world.good_claims(&supplied)).await;
    let outage =
        wiremock::Mock::given(wiremock::matchers::path(KEYS)).respond_with(ResponseTemplate::new(503));
    outage.with_priority(1).up_to_n_times(1).mount(&world.server).await;
    let error = world.finish(&supplied).await.unwrap_err();
    assert_eq!(error.retry(), Retry::SAFE, "{error}");
    assert!(world.received(EXCHANGE).await.is_empty());
    world.finish(&supplied).await.unwrap();
}

#[tokio::test]
async fn keys_that_went_out_of_reach_are_used_until_they_are_a_day_old() {
    let world = world(&[]).await;
    world.provider().client().ready().await.unwrap();
    let outage = wiremock::Mock::given(wiremock::matchers::path(KEYS))
        .respond_with(ResponseTemplate::new(503))
        .with_priority(1);
    outage.mount(&world.server).await;
    world.clock.advance(std::time::Duration::from_secs(23 * 3600));
    let supplied = world.supply().await;
    world.exchange_signs(&world.good_claims(&supplied)).await;
    world.finish(&supplied).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(3600));
    let supplied = world.supply().await;
    assert!(world.finish(&supplied).await.is_err());
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let state = supplied.state.expose().to_owned();
    let nonce = supplied.nonce.expose().to_owned();
    let mut text = format!("{supplied:?} {:?} {:#?}", world.provider(), request());
    let back = back(&state, CODE);
    let approved = world.provider().sessions().accept(&back).await.unwrap();
    world.exchange_signs(&world.good_claims(&supplied)).await;
    let answer = world.provider().client().exchange(&approved).await.unwrap();
    let signed = world.provider().client().verify(&answer, &approved.session).await.unwrap();
    text += &format!("{back:?} {approved:#?} {answer:?} {signed:#?}");
    let error = world.finish(&supplied).await.unwrap_err();
    text += &format!("{error} {error:?}");
    for secret in SECRETS.into_iter().chain([state.as_str(), nonce.as_str()]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn every_key_is_published_and_no_private_part() {
    let world = world(&[]).await;
    let provider: Arc<dyn esign_core::Provider> = world.provider();
    let set = provider.keys().unwrap().jwks().await.unwrap();
    assert_eq!(set["keys"][0]["kid"], "rp-1");
    assert!(!set.to_string().contains("\"d\""));
    let report = provider.probe().unwrap().probe().await.unwrap();
    assert!(report.is_good());
    assert!(world.received(EXCHANGE).await.is_empty(), "a probe exchanges nothing");
}
