//! Keys on both sides: the client's, fetched and kept for an hour, and Singpass's own, which rotate.

use serde_json::json;

use crate::key::Key;
use crate::support::{World, world};

impl World {
    async fn open_by(&self, key: &Key) -> (u16, String) {
        let info = key.token(&self.info(json!({})).to_string());
        let (status, body) = self.try_open(&self.params(json!({ "txnInfo": info }))).await;
        (status, body["error_description"].as_str().unwrap_or_default().to_owned())
    }

    async fn exchanged_kid(&self) -> String {
        let (_, code) = self.approved().await;
        let (_, body) = self.exchange(&code).await;
        let token = body["token"].as_str().unwrap();
        assert!(self.proven(token).await.is_some());
        jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
    }
}

#[tokio::test]
async fn the_clients_keys_are_kept_for_an_hour_and_fetched_for_an_unknown_kid() {
    let world = world().await;
    for _ in 0..3 {
        assert_eq!(world.open_by(&world.key).await.0, 200);
    }
    assert_eq!(world.jwks.calls(), 1);
    let next = Key::new("rp-2", "ES384");
    world.jwks.serve(&[next.jwk()]);
    world.advance(3599);
    assert_eq!(world.open_by(&world.key).await.0, 200);
    assert_eq!(world.open_by(&next).await.0, 200);
    assert_eq!(world.jwks.calls(), 2);
    let (status, why) = world.open_by(&world.key).await;
    assert_eq!(status, 400);
    assert!(why.contains("no usable key with the kid of the token (\"rp-1\")"), "{why}");
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_told() {
    let world = world().await;
    world.jwks.fail();
    let (status, why) = world.open_by(&world.key).await;
    assert_eq!(status, 400);
    assert!(why.contains("JWKS could not be fetched: HTTP status 500"), "{why}");
    assert_eq!(world.jwks.calls(), 3, "three tries");
    world.jwks.serve(&[]);
    assert!(world.open_by(&world.key).await.1.contains("it has no keys"));
    world.jwks.serve(&[world.key.jwk()]);
    assert_eq!(world.open_by(&world.key).await.0, 200);
}

#[tokio::test]
async fn singpass_signs_with_its_newest_key_whatever_the_product() {
    let world = world().await;
    let first = world.exchanged_kid().await;
    let second = world.sandbox.singpass().rotate_key();
    assert_ne!(first, second);
    assert_eq!(world.exchanged_kid().await, second);
}
