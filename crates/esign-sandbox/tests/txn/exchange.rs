//! `/txn-signatures`: every rule for the token and the code, and what a bad answer looks like.

use esign_sandbox::txn::{Client, ClientKeys, Forgery};
use serde_json::{Map, Value, json};

use crate::key::Key;
use crate::support::{CLIENT, REDIRECT, World, is_error, world, world_with};

impl World {
    /// The reason for which an exchange is refused, with these claims and a body that fits them.
    async fn refused_claims(&self, claims: &Value) -> String {
        self.refused_exchange(
            &self.key.token(&claims.to_string()),
            &json!({ "sign_code": claims["sign_code"] }),
        )
        .await
    }

    async fn refused_exchange(&self, token: &str, body: &Value) -> String {
        let (status, answer) = self.exchange_with(token, body).await;
        assert_eq!(status, 400, "{answer}");
        is_error(&answer, "CLIENT_SIDE_ERROR")
    }

    /// What an exchange should say, and what it says if its token can be verified.
    async fn answer(&self) -> (Value, Option<Map<String, Value>>) {
        let (session, code) = self.approved().await;
        let (status, body) = self.exchange(&code).await;
        assert_eq!(status, 200, "{body}");
        let (iat, iss) = (self.now(), self.sandbox.base_url().as_str().trim_end_matches('/'));
        let right = json!({
            "iss": iss, "sub": self.txn().anybody(), "iat": iat, "exp": iat + 120,
            "nonce": session.nonce, "txn_hash": session.hash,
        });
        (right, self.proven(body["token"].as_str().unwrap()).await)
    }
}

#[tokio::test]
async fn the_clients_token_must_keep_the_rules() {
    let world = world().await;
    let (_, code) = world.approved().await;
    let now = world.now();
    for (changes, why) in [
        (json!({ "sub": null }), "sub is missing"),
        (json!({ "sub": "nobody" }), "no client is registered as \"nobody\""),
        (json!({ "sub": 7 }), "sub must be text"),
        (json!({ "iat": null }), "iat is missing"),
        (json!({ "iat": now - 121, "exp": null }), "expired 1 s ago"),
        (json!({ "iat": now - 60, "exp": now }), "expired 0 s ago"),
        (json!({ "exp": now + 121 }), "exp is 121 s after iat"),
        (json!({ "iat": now + 121, "exp": now + 181 }), "in the future"),
        (json!({ "exp": "soon" }), "exp must be a number"),
        (json!({ "sign_code": "bm90IG9uZQ==" }), "sign_code is not one of this client's"),
    ] {
        let refused = world.refused_claims(&world.client_claims(&code, changes.clone())).await;
        assert!(refused.contains(why), "{changes}: {refused}");
    }
    // None of that has used the code up. The three claims of the printed example are enough.
    let claims = world.client_claims(&code, json!({ "exp": null }));
    assert_eq!(claims.as_object().unwrap().len(), 3);
    let token = world.key.token(&claims.to_string());
    assert_eq!(world.exchange_with(&token, &json!({ "sign_code": code })).await.0, 200);
}

#[tokio::test]
async fn the_token_of_the_official_sample_is_taken() {
    let world = world().await;
    let key = Key::new("rp-384", "ES384");
    world.jwks.serve(&[world.key.jwk(), key.jwk()]);
    let (_, code) = world.approved().await;
    let claims = world
        .client_claims(&code, json!({ "aud": "https://id.singpass.gov.sg/txn-signatures", "iss": CLIENT }));
    let token = key.token_with_header(&json!({ "typ": "JWT", "alg": "ES384" }), &claims.to_string());
    world.txn().change(|settings| settings.require_kid = true);
    assert!(world.refused_exchange(&token, &json!({ "sign_code": code })).await.contains("no kid"));
    world.txn().change(|settings| settings.require_kid = false);
    // The set from before is kept for an hour, and no kid tells that it is old.
    world.advance(3600);
    let (_, code) = world.approved().await;
    let claims = world.client_claims(&code, json!({}));
    let token = key.token_with_header(&json!({ "typ": "JWT", "alg": "ES384" }), &claims.to_string());
    assert_eq!(world.exchange_with(&token, &json!({ "sign_code": code })).await.0, 200);
}

#[tokio::test]
async fn token_and_body_must_be_there_and_say_the_same() {
    let world = world().await;
    let (_, code) = world.approved().await;
    let token = world.key.token(&world.client_claims(&code, json!({})).to_string());
    let no_code = world.key.token(&world.client_claims(&code, json!({ "sign_code": null })).to_string());
    let none = world
        .key
        .token_with_header(&json!({ "alg": "none" }), &world.client_claims(&code, json!({})).to_string());
    let foreign = Key::new("rp-1", "ES256").token(&world.client_claims(&code, json!({})).to_string());
    let body = json!({ "sign_code": code });
    let early = world.client_claims(&code, json!({ "nbf": world.now() + 121 })).to_string();
    let early = world.key.token(&early);
    let critical = json!({ "alg": "ES256", "kid": world.key.kid, "crit": ["x"] });
    let critical = world.key.token_with_header(&critical, &world.client_claims(&code, json!({})).to_string());
    for (token, body, why) in [
        (early.as_str(), body.clone(), "nbf is 121 s in the future"),
        (&critical, body.clone(), "(crit)"),
        (token.as_str(), json!({ "sign_code": "b3RoZXI=" }), "of the body and of the token differ"),
        (&token, json!({ "code": code }), "the body must be"),
        (&token, json!([]), "the body must be"),
        (&token, json!([code]), "the body must be"),
        (&token, json!({ "sign_code": 7 }), "the body must be"),
        (&no_code, body.clone(), "sign_code is missing"),
        (&none, body.clone(), "alg must be"),
        (&foreign, body.clone(), "the signature does not fit"),
        (&format!("Bearer {token}"), body.clone(), "without \"Bearer \""),
        ("a.b.c", body.clone(), "no JWT"),
        ("", body.clone(), "no JWT"),
    ] {
        let refused = world.refused_exchange(token, &body).await;
        assert!(refused.contains(why), "{refused}");
    }
    let without = world.http.post(world.url("/api/v1/txn-signatures")).json(&body).send().await.unwrap();
    assert!(
        is_error(&without.json().await.unwrap(), "CLIENT_SIDE_ERROR").contains("Authorization is missing")
    );
    world.txn().change(|settings| settings.unauthorized_is_401 = true);
    assert_eq!(world.exchange_with(&foreign, &body).await.0, 401);
    assert_eq!(world.exchange_with(&token, &json!({})).await.0, 400);
    assert_eq!(world.exchange_with(&token, &body).await.0, 200);
}

#[tokio::test]
async fn a_code_is_good_once_in_time_and_for_its_client() {
    let world = world().await;
    let (_, code) = world.approved().await;
    let other = Key::new("other-1", "ES256");
    world
        .txn()
        .register(Client {
            client_id: "other".to_owned(),
            keys: ClientKeys::Inline(json!({ "keys": [other.jwk()] })),
            redirect_uri: REDIRECT.to_owned(),
            origins: Vec::new(),
        })
        .unwrap();
    let body = json!({ "sign_code": code });
    let theirs = other.token(&world.client_claims(&code, json!({ "sub": "other" })).to_string());
    assert!(world.refused_exchange(&theirs, &body).await.contains("not one of this client's"));
    assert_eq!(world.exchange(&code).await.0, 200);
    assert!(world.refused_claims(&world.client_claims(&code, json!({}))).await.contains("exchanged before"));
    let (_, late) = world.approved().await;
    world.advance(119);
    world.txn().change(|settings| settings.code_seconds = 119);
    assert!(
        world.refused_claims(&world.client_claims(&late, json!({}))).await.contains("sign_code has expired")
    );
    world.txn().change(|settings| settings.code_seconds = 120);
    assert_eq!(world.exchange(&late).await.0, 200);
}

#[tokio::test]
async fn of_many_exchanges_of_one_code_one_succeeds() {
    let world = world().await;
    let (_, code) = world.approved().await;
    let answers = futures_util::future::join_all((0..10).map(|_| world.exchange(&code))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    let world = world_with(|settings| settings.refuse_replays = false).await;
    let (_, code) = world.approved().await;
    let answers = futures_util::future::join_all((0..3).map(|_| world.exchange(&code))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
}

#[tokio::test]
async fn forged_answers_are_wrong_in_one_way() {
    let world = world().await;
    for (forgery, wrong) in [
        (Forgery::BadSignature, None),
        (Forgery::UnknownKid, None),
        (Forgery::AlgNone, None),
        (Forgery::Expired, Some(&["exp", "iat"][..])),
        (Forgery::LongLived, Some(&["exp"])),
        (Forgery::WrongNonce, Some(&["nonce"])),
        (Forgery::NoNonce, Some(&["nonce"])),
        (Forgery::WrongHash, Some(&["txn_hash"])),
        (Forgery::NoHash, Some(&["txn_hash"])),
        (Forgery::WrongSubject, Some(&["sub"])),
    ] {
        world.txn().forge_next(forgery);
        let (right, proven) = world.answer().await;
        let differ = |claims: Map<String, Value>| -> Vec<String> {
            let names = right.as_object().unwrap().keys();
            names.filter(|name| claims.get(*name) != right.get(*name)).cloned().collect()
        };
        assert_eq!(
            proven.map(differ),
            wrong.map(|names| names.iter().map(|&name| name.to_owned()).collect())
        );
    }
    let (right, proven) = world.answer().await;
    assert_eq!(proven.map(Value::Object), Some(right), "the next one is as it should be");
}
