//! The control API, as any program uses it: the phone, the switches, the clients.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{CLIENT, REDIRECT, World, query, read, world};

impl World {
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.http.request(method, self.url(&format!("/_sandbox/txn{path}")));
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request.send().await.unwrap()).await
    }
}

#[tokio::test]
async fn the_phone_is_a_few_calls_away() {
    let world = world().await;
    let session = world.open().await;
    let at = |step: &str| format!("/sessions/{}{step}", session.id);
    let (status, state) = world.control(Method::GET, &at(""), None).await;
    assert_eq!((status, &state["status"], &state["exchanged"]), (200, &json!("created"), &json!(false)));
    assert_eq!(state["phone_url"], session.phone_url);
    assert_eq!(world.control(Method::POST, &at("/scan"), None).await.0, 204);
    assert_eq!(world.control(Method::POST, &at("/scan"), None).await.0, 204, "again changes nothing");
    assert_eq!(world.control(Method::GET, &at(""), None).await.1["status"], "challenged");
    let (status, answer) =
        world.control(Method::POST, &at("/approve"), Some(json!({ "sub": "S1234567D" }))).await;
    assert_eq!((status, answer), (422, json!({ "error": "sub must be a UUID of version 4" })));
    let (status, answer) = world.control(Method::POST, &at("/approve"), Some(json!({}))).await;
    let back = answer["redirect_url"].as_str().unwrap();
    assert_eq!((status, query(back, "state")), (200, Some(session.state.clone())));
    for step in ["/scan", "/decline", "/expire"] {
        let (status, answer) = world.control(Method::POST, &at(step), None).await;
        let text = "this transaction was approved or declined already";
        assert_eq!((status, answer), (409, json!({ "error": text })), "{step}");
    }
    assert_eq!(world.control(Method::GET, "/sessions/1", None).await.0, 404);

    let late = world.open().await;
    assert_eq!(world.control(Method::POST, &format!("/sessions/{}/expire", late.id), None).await.0, 204);
    let (_, all) = world.control(Method::GET, "", None).await;
    let states: Vec<_> =
        all["sessions"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(states, [json!("authorised"), json!("expired")]);
    assert_eq!(all["clients"][0]["client_id"], CLIENT);
}

#[tokio::test]
async fn clients_come_and_go() {
    let world = world().await;
    let jwks = json!({ "keys": [world.key.jwk()] });
    let client =
        json!({ "client_id": "b", "jwks": jwks, "redirect_uri": REDIRECT, "origins": ["https://b.example"] });
    assert_eq!(world.control(Method::POST, "/clients", Some(client.clone())).await.0, 204);
    let params = world.params(json!({ "clientId": "b" }));
    assert_eq!(world.try_open_from(Some("https://b.example"), &params).await.0, 200);
    assert_eq!(world.control(Method::DELETE, "/clients/b", None).await.0, 204);
    assert_eq!(world.try_open_from(None, &world.params(json!({ "clientId": "b" }))).await.0, 400);
    for (name, value, why) in [
        ("redirect_uri", json!("http://rp.example"), "redirect_uri must be an URL with https"),
        ("origins", json!(["https://b.example/"]), "an origin is scheme, host"),
        ("jwks", json!({ "keys": [] }), "it has no keys"),
        ("client_id", json!(""), "client_id must not be empty"),
        ("webhook_url", json!("https://b.example"), "webhook_url"),
    ] {
        let mut bad = client.clone();
        bad[name] = value;
        let (status, answer) = world.control(Method::POST, "/clients", Some(bad)).await;
        assert_eq!(status, 422, "{name}");
        assert!(answer["error"].as_str().unwrap().contains(why), "{answer}");
    }
}

#[tokio::test]
async fn switches_change_by_name() {
    let world = world().await;
    let (status, settings) =
        world.control(Method::PATCH, "/settings", Some(json!({ "session_seconds": 30 }))).await;
    assert_eq!((status, &settings["session_seconds"]), (200, &json!(30)));
    assert_eq!(world.txn().settings().session_seconds, 30);
    for bad in [json!({ "session_second": 30 }), json!({ "session_seconds": -1 })] {
        assert_eq!(world.control(Method::PATCH, "/settings", Some(bad)).await.0, 422);
    }
    let forge = |name: &str| world.control(Method::POST, "/forgeries", Some(json!({ "forgery": name })));
    assert_eq!(forge("wrong_nonce").await.0, 201);
    assert_eq!(forge("wrong").await.0, 422);
    let (_, code) = world.approved().await;
    let (_, body) = world.exchange(&code).await;
    let claims = world.proven(body["token"].as_str().unwrap()).await.unwrap();
    assert!(!world.txn().sessions().is_empty() && claims["nonce"].is_string());
}

#[tokio::test]
async fn debug_hides_what_is_secret_or_personal() {
    let world = world().await;
    let (session, code) = world.approved().await;
    let state = world.txn().session(&session.id).unwrap();
    let shown = format!("{state:?} {:?} {:?}", world.txn(), world.txn().clients());
    for hidden in [session.phone_url.as_str(), &code, crate::support::TEXT, &session.state, "rp.example"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
