//! `/txn-signing-sessions` and `/status`: every rule for what the page sends, and what it learns.

use esign_sandbox::txn::{Client, ClientKeys, SessionStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::key::Key;
use crate::support::{CLIENT, ORIGIN, REDIRECT, World, hash_of, is_error, query, world, world_with};

impl World {
    fn params_with_info(&self, info: Value) -> Value {
        self.params(json!({ "txnInfo": self.key.token(&self.info(info).to_string()) }))
    }
}

#[tokio::test]
async fn what_the_page_gives_must_keep_the_rules() {
    let world = world().await;
    let long = "a".repeat(256);
    for (changes, why) in [
        (json!({ "clientId": null }), "clientId"),
        (json!({ "clientId": "nobody" }), "no client is registered as \"nobody\""),
        (json!({ "redirectUri": null }), "redirectUri"),
        (json!({ "redirectUri": "https://rp.example/back" }), "redirectUri is not the one"),
        (json!({ "redirectUri": "https://rp.example/back?case=7#" }), "redirectUri is not the one"),
        (json!({ "redirectUri": "HTTPS://rp.example/back?case=7" }), "redirectUri is not the one"),
        (json!({ "state": null }), "state"),
        (json!({ "state": 7 }), "invalid type"),
        (json!({ "state": "" }), "state is empty"),
        (json!({ "state": long }), "state has 256 characters; at most 255"),
        (json!({ "state": "a b" }), "state must match"),
        (json!({ "state": "<script>" }), "state must match"),
        (json!({ "state": "ä" }), "state must match"),
        (json!({ "nonce": null }), "nonce"),
        (json!({ "nonce": "" }), "nonce is empty"),
        (json!({ "nonce": long }), "nonce has 256 characters; at most 255"),
        (json!({ "txnInfo": null }), "txnInfo"),
        (json!({ "txnInfo": "" }), "txnInfo: the token is no JWT"),
        (json!({ "txnInfo": "a.b.c" }), "txnInfo: the token is no JWT"),
        (json!({ "appLaunchUrl": "myapp://open" }), "appLaunchUrl must be an https URL"),
        (json!({ "appLaunchUrl": "javascript:alert(1)" }), "appLaunchUrl must be an https URL"),
        (json!({ "appLaunchUrl": true }), "invalid type"),
    ] {
        let refused = world.refused(&world.params(changes.clone())).await;
        assert!(refused.contains(why), "{changes}: {refused}");
    }
    for good in [
        json!({ "state": "a".repeat(255), "nonce": "b".repeat(255) }),
        json!({ "state": "AZaz09/_-=." }),
        json!({ "appLaunchUrl": "https://rp.example/app" }),
        json!({ "appLaunchUrl": null }),
        json!({ "somethingNew": 1 }),
    ] {
        let (status, body) = world.try_open(&world.params(good.clone())).await;
        assert_eq!(status, 200, "{good}: {body}");
    }
    let good = world.params(json!({}));
    let listed: Vec<_> = ["clientId", "redirectUri", "state", "nonce", "txnInfo", "appLaunchUrl"]
        .map(|name| good[name].clone())
        .into();
    for body in [json!([]), json!(listed), json!("a"), Value::Null] {
        assert!(world.refused(&body).await.starts_with("the request: "), "{body}");
    }
}

#[tokio::test]
async fn txn_info_must_keep_the_rules() {
    let world = world().await;
    let now = world.now();
    for (info, why) in [
        (json!({ "txn_hash": "00" }), "txn_hash is not the SHA-256"),
        (json!({ "txn_id": "other" }), "txn_hash is not the SHA-256"),
        (json!({ "txn_hash": null }), "txn_hash is missing"),
        (json!({ "txn_id": null }), "txn_id is missing"),
        (json!({ "txn_instructions": null }), "txn_instructions is missing"),
        (json!({ "iat": null }), "iat is missing"),
        (json!({ "exp": null }), "exp is missing"),
        (json!({ "exp": now + 121 }), "exp is 121 s after iat"),
        (json!({ "iat": now + 180, "exp": now + 240 }), "in the future"),
        (json!({ "iat": now - 180, "exp": now - 60 }), "expired 60 s ago"),
        (json!({ "sub": "S1234567D" }), "sub must be a UUID of version 4"),
    ] {
        let refused = world.refused(&world.params_with_info(info.clone())).await;
        assert!(refused.starts_with("txnInfo: ") && refused.contains(why), "{info}: {refused}");
    }
    for text in ["支付 🙂\nline two\t\u{200b}", &"ä".repeat(10_000)] {
        let info = json!({ "txn_id": "t", "txn_instructions": text, "txn_hash": hash_of("t", text) });
        let session = world.open_with(info).await;
        assert_eq!(world.txn().session(&session.id).unwrap().txn_instructions, text);
    }
    world
        .open_with(json!({ "txn_hash": hash_of("TXN-2026-000123", crate::support::TEXT).to_uppercase() }))
        .await;
    world
        .open_with(json!({ "iss": CLIENT, "aud": "https://stg-id.singpass.gov.sg/txn-signing-sessions" }))
        .await;
}

#[tokio::test]
async fn txn_info_must_be_signed_by_a_key_of_the_client() {
    let world = world().await;
    let info = world.info(json!({})).to_string();
    let good = world.key.token(&info);
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    let none = world.key.token_with_header(&json!({ "alg": "none", "kid": "rp-1" }), &info);
    let hs256 = world.key.token_with_header(&json!({ "alg": "HS256", "kid": "rp-1" }), &info);
    let es384 = world.key.token_with_header(&json!({ "alg": "ES384", "kid": "rp-1" }), &info);
    let other = Key::new("rp-1", "ES256").token(&info);
    for (token, why) in [
        (none, "alg must be"),
        (hs256, "alg must be ES256, ES384 or ES512"),
        (es384, "alg is ES384, which is not what"),
        (other, "the signature does not fit"),
        (format!("{unsigned}."), "the signature does not fit"),
        (format!("{unsigned}A.{signature}"), "txnInfo: the"),
        (world.key.token("[]"), "not a JSON object"),
        (Key::new("rp-9", "ES256").token(&info), "no usable key with the kid"),
    ] {
        let refused = world.refused(&world.params(json!({ "txnInfo": token }))).await;
        assert!(refused.contains(why), "{refused}");
    }
}

#[tokio::test]
async fn the_pages_origin_must_be_registered() {
    let world = world().await;
    for (origin, allowed) in [
        (Some(ORIGIN), true),
        (None, true),
        (Some("https://rp.example:444"), false),
        (Some("http://rp.example"), false),
        (Some("null"), false),
        (Some("https://evil.example"), false),
    ] {
        let (status, body) = world.try_open_from(origin, &world.params(json!({}))).await;
        assert_eq!(status, if allowed { 200 } else { 400 }, "{origin:?}");
        if !allowed {
            assert!(is_error(&body, "CLIENT_SIDE_ERROR").contains("is not registered for this client"));
        }
    }
    world.txn().change(|settings| settings.require_origin = true);
    assert_eq!(world.try_open_from(None, &world.params(json!({}))).await.0, 400);
    let [mut client] = <[Client; 1]>::try_from(world.txn().clients()).unwrap();
    client.origins = vec!["https://shop.example".to_owned()];
    world.txn().register(client).unwrap();
    assert_eq!(world.try_open_from(Some("https://shop.example"), &world.params(json!({}))).await.0, 200);
    assert_eq!(world.try_open(&world.params(json!({}))).await.0, 400);
}

/// Any page may read why it is refused, and a browser that asks first is let through.
#[tokio::test]
async fn browsers_may_call_from_other_origins() {
    let world = world().await;
    for path in ["/api/v1/txn-signing-sessions", "/txn-signing-sessions", "/api/v1/status", "/status"] {
        let ask = world.http.request(reqwest::Method::OPTIONS, world.url(path)).header("origin", ORIGIN);
        let ask = ask
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        assert_eq!(answer.headers()["access-control-allow-headers"], "content-type");
    }
    assert_eq!(world.sandbox.call_count("txn.session"), 0);
    let refused = world.http.post(world.url("/api/v1/txn-signing-sessions")).body("{").send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn every_session_needs_new_values() {
    let world = world().await;
    let first = world.params(json!({}));
    assert_eq!(world.try_open(&first).await.0, 200);
    for kind in ["state", "nonce", "txnInfo"] {
        let mut again = world.params(json!({}));
        again[kind] = first[kind].clone();
        let refused = world.refused(&again).await;
        assert!(refused.starts_with(&format!("{kind} is that of an earlier session")), "{refused}");
    }
    // What was refused did not use its values up, and another client has values of its own.
    let mut bad = world.params(json!({ "redirectUri": "https://rp.example" }));
    world.refused(&bad).await;
    bad["redirectUri"] = json!(REDIRECT);
    assert_eq!(world.try_open(&bad).await.0, 200);
    let other = Client {
        client_id: "other".to_owned(),
        keys: ClientKeys::Inline(json!({ "keys": [world.key.jwk()] })),
        redirect_uri: REDIRECT.to_owned(),
        origins: Vec::new(),
    };
    world.txn().register(other).unwrap();
    let mut theirs = first.clone();
    theirs["clientId"] = json!("other");
    assert_eq!(world.try_open(&theirs).await.0, 200);
    world.txn().change(|settings| settings.refuse_reuse = false);
    assert_eq!(world.try_open(&first).await.0, 200);
}

#[tokio::test]
async fn of_many_sessions_with_the_same_values_one_opens() {
    let world = world().await;
    let params = world.params(json!({}));
    let tries = (0..10).map(|_| world.try_open(&params));
    let opened = futures_util::future::join_all(tries).await;
    assert_eq!(opened.iter().filter(|(status, _)| *status == 200).count(), 1);
}

#[tokio::test]
async fn a_session_ends_in_time_and_tells_whoever_waits() {
    let world = world().await;
    let session = world.open().await;
    let wait = async {
        let status = world.status(&session, "CREATED").await;
        (status["status"].clone(), status["message"].clone())
    };
    let end = async {
        // By then the poll has arrived; if it has not, it is answered all the same.
        while world.sandbox.call_count("txn.status") == 0 {
            tokio::task::yield_now().await;
        }
        world.advance(120);
    };
    let (told, ()) = tokio::join!(wait, end);
    assert_eq!(told, (json!("EXPIRED"), json!("sign_session_expired")));
    assert_eq!(world.status(&session, "EXPIRED").await["status"], "EXPIRED", "nothing is left to wait for");
    assert!(world.txn().approve(&session.id, None).is_err());

    let last_moment = world.open().await;
    world.advance(119);
    assert_eq!(world.status(&last_moment, "").await["status"], "CREATED");
    world.txn().approve(&last_moment.id, None).unwrap();
    world.advance(1000);
    assert_eq!(world.status(&last_moment, "").await["status"], "AUTHORISED");
    world.txn().change(|settings| settings.session_seconds = 30);
    let short = world.open().await;
    world.advance(30);
    assert_eq!(world.status(&short, "CREATED").await["status"], "EXPIRED");
}

#[tokio::test]
async fn declining_tells_what_is_set() {
    let world = world().await;
    let session = world.open().await;
    world.txn().decline(&session.id).unwrap();
    let told = world.status(&session, "CREATED").await;
    assert_eq!((&told["status"], &told["message"]), (&json!("DECLINED"), &json!("txn_signing_cancelled")));
    assert!(Uuid::parse_str(told["id"].as_str().unwrap()).is_ok());
    world.txn().change(|settings| settings.decline_message = Some("txn_signing_fail".to_owned()));
    assert_eq!(world.status(&session, "").await["message"], "txn_signing_fail");
    // Told nothing, the page waits until the end.
    world.txn().change(|settings| settings.decline_message = None);
    assert_eq!(world.status(&session, "CREATED").await, json!({ "status": "CHALLENGED" }));
    world.advance(120);
    assert_eq!(world.status(&session, "CHALLENGED").await["message"], "sign_session_expired");
    assert_eq!(world.txn().session(&session.id).unwrap().status, SessionStatus::Declined);
}

#[tokio::test]
async fn a_poll_without_news_is_answered_after_a_while() {
    let world = world_with(|settings| settings.poll_seconds = 0).await;
    let session = world.open().await;
    assert_eq!(world.status(&session, "CREATED").await, json!({ "status": "CREATED" }));
}

#[tokio::test]
async fn nobody_knows_other_sessions() {
    let world = world().await;
    let session = world.open().await;
    let phone = session.phone_url.rsplit('/').next().unwrap();
    for id in ["", "1", phone] {
        let answer =
            world.http.get(world.url("/api/v1/status")).query(&[("session_id", id)]).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{id}");
        is_error(&answer.json().await.unwrap(), "CLIENT_SIDE_ERROR");
    }
    assert!(query(&session.phone_url, "session_id").is_none());
}

#[tokio::test]
async fn a_service_that_is_switched_off_says_so() {
    let world = world().await;
    let (_, code) = world.approved().await;
    world.txn().change(|settings| settings.switched_off = true);
    let (status, body) = world.try_open(&world.params(json!({}))).await;
    assert_eq!(status, 503);
    is_error(&body, "SERVER_SIDE_ERROR");
    assert_eq!(world.exchange(&code).await.0, 503);
    world.txn().change(|settings| settings.switched_off = false);
    assert_eq!(world.exchange(&code).await.0, 200);
}
