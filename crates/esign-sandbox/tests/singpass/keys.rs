//! Keys on both sides: the client's, fetched and kept for an hour, and the service's own, which rotate.

use esign_sandbox::singpass::{Client, ClientKeys};
use esign_sandbox::{Effect, Fault};
use serde_json::{Value, json};

use crate::rp::{CLIENT, Key};
use crate::support::{World, pdf, read, world};

impl World {
    async fn initiate_by(&self, key: &Key) -> (u16, String) {
        let claims = json!({ "client_id": CLIENT, "doc_name": "a", "x": 0, "y": 0, "page": 1 });
        let token = key.token(&Value::Object(self.claims(claims)).to_string());
        let (status, body) = read(self.post(&token, pdf()).await).await;
        (status, body["error_description"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn the_clients_keys_are_kept_for_an_hour() {
    let world = world().await;
    let rp = &world.rp;
    for _ in 0..3 {
        assert_eq!(world.initiate_by(&rp.key).await.0, 200);
    }
    assert_eq!(rp.jwks_calls(), 1);
    // A key taken away is still accepted until the hour is over.
    let next = Key::new("rp-2", "ES384");
    rp.serve_keys(&[next.jwk()]);
    world.advance(3599);
    assert_eq!(world.initiate_by(&rp.key).await.0, 200);
    assert_eq!(rp.jwks_calls(), 1);
    world.advance(1);
    let (status, why) = world.initiate_by(&rp.key).await;
    assert_eq!(status, 400);
    assert!(why.contains("no usable key with the kid of the token (\"rp-1\")"), "{why}");
    assert_eq!(rp.jwks_calls(), 2);
    assert_eq!(world.initiate_by(&next).await.0, 200);
    assert_eq!(rp.jwks_calls(), 2);
}

#[tokio::test]
async fn an_unknown_kid_makes_the_keys_be_fetched_once_more() {
    let world = world().await;
    let rp = &world.rp;
    assert_eq!(world.initiate_by(&rp.key).await.0, 200);
    let next = Key::new("rp-2", "ES256");
    // In any order, among keys that cannot be used.
    let unusable = json!({ "kty": "RSA", "kid": "rp-2", "use": "sig", "n": "AQAB", "e": "AQAB" });
    rp.serve_keys(&[unusable, next.jwk(), rp.key.jwk()]);
    assert_eq!(world.initiate_by(&next).await.0, 200);
    assert_eq!(world.initiate_by(&rp.key).await.0, 200);
    assert_eq!(rp.jwks_calls(), 2);
    assert_eq!(world.initiate_by(&Key::new("rp-3", "ES256")).await.0, 400);
    assert_eq!(rp.jwks_calls(), 3);
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_told() {
    let world = world().await;
    *world.rp.inbox.jwks.lock().unwrap() = None;
    let (status, why) = world.initiate_by(&world.rp.key).await;
    assert_eq!(status, 400);
    assert!(why.contains("could not be fetched: HTTP status 500"), "{why}");
    assert_eq!(world.rp.jwks_calls(), 3, "three attempts");
    world.rp.serve_keys(&[]);
    let (_, why) = world.initiate_by(&world.rp.key).await;
    assert!(why.contains("it has no keys"), "{why}");
    // Nothing listens there any more.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{gone}/jwks?secret=1").parse().unwrap();
    world.singpass().register(Client { keys: ClientKeys::Url(url), ..world.rp.client() }).unwrap();
    let (_, why) = world.initiate_by(&world.rp.key).await;
    assert!(why.contains("no connection") && !why.contains("secret"), "{why}");
}

#[tokio::test]
async fn keys_can_be_registered_themselves() {
    let world = world().await;
    let keys = ClientKeys::Inline(json!({ "keys": [world.rp.key.jwk()] }));
    world.singpass().register(Client { keys, ..world.rp.client() }).unwrap();
    assert_eq!(world.initiate_by(&world.rp.key).await.0, 200);
    assert_eq!(world.rp.jwks_calls(), 0);
}

#[tokio::test]
async fn the_services_own_keys_rotate() {
    let world = world().await;
    world.signed().await;
    assert_eq!(world.singpass().rotate_key(), "sign-sandbox-02");
    world.signed().await;
    world.singpass().webhooks_done().await;
    let tokens = world.rp.tokens();
    let kids: Vec<_> = world.jwks().await.keys.into_iter().map(|key| key.common.key_id.unwrap()).collect();
    assert_eq!(kids, ["sign-sandbox-01", "sign-sandbox-02"]);
    for (token, kid) in tokens.iter().zip(&kids) {
        assert_eq!(world.proven(token).await.unwrap().0["kid"], *kid);
    }
    world.singpass().withdraw_old_keys();
    assert_eq!(world.jwks().await.keys.len(), 1);
    assert!(world.proven(&tokens[0]).await.is_none());
    assert!(world.proven(&tokens[1]).await.is_some());
    world.sandbox.inject(Fault::on("singpass.jwks", Effect::html(503))).unwrap();
    let keys = world.url("/.well-known/keys.json");
    assert_eq!(world.http.get(&keys).send().await.unwrap().status(), 503);
    assert_eq!(world.http.get(&keys).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_try_to_fetch_keys_ends_after_three_seconds() {
    let world = world().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", silent.local_addr().unwrap()).parse().unwrap();
    world.singpass().register(Client { keys: ClientKeys::Url(url), ..world.rp.client() }).unwrap();
    let silence = async {
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(silent.accept().await.unwrap());
            world.advance(3);
        }
        held
    };
    let ((status, why), held) = tokio::join!(world.initiate_by(&world.rp.key), silence);
    assert_eq!((status, held.len()), (400, 3));
    assert!(why.contains("no answer within 3 s"), "{why}");
}

#[tokio::test]
async fn a_key_may_be_on_any_of_the_three_curves_and_need_not_name_its_algorithm() {
    let world = world().await;
    for algorithm in ["ES256", "ES384", "ES512"] {
        let key = Key::new(algorithm, algorithm);
        let mut nameless = key.jwk();
        nameless.as_object_mut().unwrap().remove("alg");
        for jwk in [key.jwk(), nameless] {
            let keys = ClientKeys::Inline(json!({ "keys": [jwk] }));
            world.singpass().register(Client { keys, ..world.rp.client() }).unwrap();
            assert_eq!(world.initiate_by(&key).await, (200, String::new()), "{algorithm}");
        }
    }
}
