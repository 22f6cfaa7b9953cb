//! Answers of the exchange: what is taken, and everything that is refused.

use std::time::Duration;

use esign_core::{Error, ErrorKind, KeyAlgorithm, Retry, SigningKey, Transactions};
use esign_http::{LocalKey, sign_compact};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::{CODE, EXCHANGE, PERSON, World, back, request, world};

#[tokio::test]
async fn a_good_answer_is_kept_whole_with_the_key_that_verified_it() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let mut claims = world.good_claims(&supplied);
    claims["undocumented"] = json!({ "kept": [1, 2] });
    world.exchange_signs(&claims).await;
    let provider = world.provider();
    let result = provider.complete(&back(supplied.state.expose(), CODE)).await.unwrap();
    assert_eq!(result.reference.as_str(), "TXN-2026-000123");
    assert_eq!(result.subject.unwrap().expose(), PERSON);
    let token = String::from_utf8(result.evidence.body.to_vec()).unwrap();
    assert_eq!(crate::support::parts(&token).1, claims);
    let key: Value = serde_json::from_str(&result.evidence.verified_with).unwrap();
    assert_eq!(key["kid"], "txn-1");
    assert_eq!(result.evidence.received_at.to_string(), "2026-11-21T10:00:00Z");
}

/// What becomes of a good answer that is changed like this.
async fn changed(settings: &[(&str, Value)], change: impl FnOnce(&mut Value)) -> Result<(), Error> {
    let world = world(settings).await;
    let mut request = request();
    request.subject = Some(PERSON.into());
    let supplied = world.provider().supply(&request).await.unwrap();
    let mut claims = world.good_claims(&supplied);
    change(&mut claims);
    world.exchange_signs(&claims).await;
    world.finish(&supplied).await.map(drop)
}

#[tokio::test]
async fn what_the_documents_leave_open_is_taken() {
    type Change = fn(&mut Value);
    let fine: [(&str, Change); 7] = [
        ("an issuer, which is deprecated", |c| c["iss"] = "https://id.singpass.gov.sg".into()),
        ("an audience", |c| c["aud"] = "somebody".into()),
        ("no iat", |c| drop(c.as_object_mut().unwrap().remove("iat"))),
        ("the hash in upper case", |c| {
            c["txn_hash"] = c["txn_hash"].as_str().unwrap().to_ascii_uppercase().into()
        }),
        ("the id in upper case", |c| c["sub"] = PERSON.to_ascii_uppercase().into()),
        ("a clock 29 s behind", |c| c["exp"] = (c["iat"].as_i64().unwrap() - 29).into()),
        ("a clock 29 s ahead", |c| c["iat"] = (c["iat"].as_i64().unwrap() + 29).into()),
    ];
    for (what, change) in fine {
        changed(&[], change).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    // Names are settings, and an instance without a person takes whoever signed.
    let settings = [("nonce_claim", json!("n")), ("hash_claim", json!("h"))];
    let renamed = changed(&settings, |c| {
        (c["n"], c["h"]) = (c["nonce"].take(), c["txn_hash"].take());
    });
    renamed.await.unwrap();
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let mut claims = world.good_claims(&supplied);
    claims.as_object_mut().unwrap().remove("sub");
    world.exchange_signs(&claims).await;
    assert!(world.finish(&supplied).await.unwrap().subject.is_none());
}

#[tokio::test]
async fn an_answer_that_does_not_match_is_refused() {
    type Change = fn(&mut Value);
    let bad: [(&str, Change); 15] = [
        ("nonce", |c| c["nonce"] = "0".repeat(64).into()),
        ("nonce", |c| c["nonce"] = format!("{}0", c["nonce"].as_str().unwrap()).into()),
        ("nonce", |c| c["nonce"] = "".into()),
        ("nonce", |c| c["nonce"] = json!(7)),
        ("nonce_claim", |c| drop(c.as_object_mut().unwrap().remove("nonce"))),
        ("hash", |c| c["txn_hash"] = "e".repeat(64).into()),
        ("hash", |c| c["txn_hash"] = c["txn_hash"].as_str().unwrap()[1..].into()),
        ("hash_claim", |c| drop(c.as_object_mut().unwrap().remove("txn_hash"))),
        ("hash_claim", |c| c["txn_hash"] = json!([c["txn_hash"].clone()])),
        ("somebody else", |c| c["sub"] = "7a2c1b1e-8f4d-4c3b-9e2a-000000000000".into()),
        ("does not say who", |c| drop(c.as_object_mut().unwrap().remove("sub"))),
        ("expired", |c| c["exp"] = (c["iat"].as_i64().unwrap() - 31).into()),
        ("`exp` is missing", |c| drop(c.as_object_mut().unwrap().remove("exp"))),
        ("longer than", |c| c["exp"] = (c["iat"].as_i64().unwrap() + 151).into()),
        ("in the future", |c| c["iat"] = (c["iat"].as_i64().unwrap() + 31).into()),
    ];
    for (named, change) in bad {
        let error = changed(&[], change).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Verification, Retry::Never), "{error}");
        assert!(error.message().contains(named), "{error} does not name {named}");
    }
}

async fn refused(world: &World, token: &str) -> Error {
    let supplied = world.supply().await;
    world.server.reset().await;
    let keys = json!({ "keys": [world.singpass.public_jwk()] });
    world.answer("GET", crate::support::KEYS, ResponseTemplate::new(200).set_body_json(keys)).await;
    world.exchange_gives(token).await;
    world.finish(&supplied).await.unwrap_err()
}

#[tokio::test]
async fn a_token_that_singpass_did_not_sign_is_refused() {
    let world = world(&[]).await;
    let supplied = world.supply().await;
    let claims = world.good_claims(&supplied);
    let same_id = LocalKey::generate(KeyAlgorithm::Es256, Some("txn-1")).unwrap();
    let unknown = LocalKey::generate(KeyAlgorithm::Es256, Some("txn-2")).unwrap();
    let good = sign_compact(&world.singpass, Some("JWT"), &claims).await.unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let mut flipped = signature.to_owned();
    flipped.replace_range(..1, if signature.starts_with('A') { "B" } else { "A" });
    // {"alg":"none","kid":"txn-1"} and {"alg":"HS256","kid":"txn-1"}
    let claims_part = head.split_once('.').unwrap().1;
    let none = format!("eyJhbGciOiJub25lIiwia2lkIjoidHhuLTEifQ.{claims_part}.");
    let hmac = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6InR4bi0xIn0.{claims_part}.{signature}");
    for (what, token) in [
        ("another key under the same id", sign_compact(&same_id, Some("JWT"), &claims).await.unwrap()),
        ("a broken signature", format!("{head}.{flipped}")),
        ("alg none", none),
        ("alg HS256", hmac),
        ("no token", "not a token".to_owned()),
        ("nothing", String::new()),
        ("a very long one", "a".repeat(100_000)),
    ] {
        let error = refused(&world, &token).await;
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Verification, Retry::Never), "{what}: {error}");
    }
    // A key that Singpass may publish a moment later: the code is used, so nobody knows.
    let error = refused(&world, &sign_compact(&unknown, Some("JWT"), &claims).await.unwrap()).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Verification, Retry::OutcomeUnknown), "{error}");
}

#[tokio::test]
async fn an_answer_in_another_form_leaves_the_outcome_open() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"token":7}"#,
        r#"{"token":null}"#,
        r#"{"Token":"x"}"#,
        "<html>",
        r#""token""#,
        "{\"token\":\"",
    ] {
        let world = world(&[]).await;
        let supplied = world.supply().await;
        world.answer("POST", EXCHANGE, ResponseTemplate::new(200).set_body_string(body)).await;
        let error = world.finish(&supplied).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::UnexpectedAnswer, Retry::OutcomeUnknown),
            "{body}: {error}"
        );
    }
    let world = world(&[("response_field", json!("signature"))]).await;
    let supplied = world.supply().await;
    let token = sign_compact(&world.singpass, None, &world.good_claims(&supplied)).await.unwrap();
    world
        .answer("POST", EXCHANGE, ResponseTemplate::new(200).set_body_json(json!({ "signature": token })))
        .await;
    world.finish(&supplied).await.unwrap();
}

#[tokio::test]
async fn a_key_that_singpass_changed_to_is_found() {
    let world = world(&[]).await;
    world.provider().client().ready().await.unwrap();
    let next = LocalKey::generate(KeyAlgorithm::Es384, Some("txn-2")).unwrap();
    world.clock.advance(Duration::from_secs(60));
    let supplied = world.supply().await;
    let claims = world.good_claims(&supplied);
    world.server.reset().await;
    let keys = json!({ "keys": [world.singpass.public_jwk(), next.public_jwk()] });
    world.answer("GET", crate::support::KEYS, ResponseTemplate::new(200).set_body_json(keys)).await;
    world.exchange_gives(&sign_compact(&next, None, &claims).await.unwrap()).await;
    assert_eq!(world.finish(&supplied).await.unwrap().verified_with["kid"], "txn-2");
}
