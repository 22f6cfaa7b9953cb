//! The control API, and the pages of the sandbox itself.

use esign_sandbox::signify::{IdStyle, NotPossible, Signer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fields, START, World, world};

impl World {
    async fn control(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.request(method, self.url(&format!("/_sandbox{path}")));
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn the_overview_tells_what_there_is() {
    let world = world().await;
    world.email_document().await;
    let (status, state) = world.control(Method::GET, "", &Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(state["base_url"], world.sandbox.base_url().as_str());
    assert_eq!(state["clock"], json!({ "now": START, "virtual": true }));
    assert_eq!(state["operations"]["signify.create"], 1);
    assert_eq!(state["operations"]["signify.download"], 0);
    assert_eq!(state["messages"], 2);
    let root = world.http.get(world.url("/_sandbox/root.pem")).send().await.unwrap().text().await.unwrap();
    assert_eq!(root, world.sandbox.root_pem());
    assert!(root.starts_with("-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn the_clock_moves_forward_only() {
    let world = world().await;
    let (status, clock) = world.control(Method::POST, "/clock", &json!({ "advance": "PT31M" })).await;
    assert_eq!((status, &clock["now"]), (200, &json!("2023-11-19T07:52:14.065Z")));
    for refused in
        [json!({ "advance": "-1s" }), json!({ "advance": "soon" }), json!({ "advance": 5 }), json!({})]
    {
        let (status, body) = world.control(Method::POST, "/clock", &refused).await;
        assert_eq!(status, 422, "{body}");
        assert!(body["error"].is_string());
    }
    assert_eq!(world.sandbox.clock().now().to_string(), "2023-11-19T07:52:14.065Z");
}

#[tokio::test]
async fn calls_and_messages_can_be_read_and_forgotten() {
    let world = world().await;
    world.email_document().await;
    world.status_of(Method::GET, "v2/documents/9").await;
    let (_, calls) = world.control(Method::GET, "/calls", &Value::Null).await;
    let expected = json!([
        { "operation": "signify.create", "at": START, "status": 200 },
        { "operation": "signify.get", "at": START, "status": 404 },
    ]);
    assert_eq!(calls, expected);
    let (_, mailbox) = world.control(Method::GET, "/mailbox", &Value::Null).await;
    assert_eq!(mailbox[0]["to"], "a@agency.gov.sg");
    let page = world.http.get(world.url("/mailbox")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(mailbox[0]["link"].as_str().unwrap()));
    for path in ["/calls", "/mailbox"] {
        assert_eq!(world.control(Method::DELETE, path, &Value::Null).await.0, 204);
        assert_eq!(world.control(Method::GET, path, &Value::Null).await.1, json!([]));
    }
    let home = world.http.get(world.url("/")).send().await.unwrap();
    let policy = home.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"));
    let home = home.text().await.unwrap();
    for link in ["/mailbox", "/_sandbox", "/_sandbox/root.pem", "/_sandbox/signify", "/public"] {
        assert!(home.contains(link), "{link}");
    }
    // Every link on the overview works.
    for link in home.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let path = if link.starts_with('#') { "/" } else { link };
        assert_eq!(world.http.get(world.url(path)).send().await.unwrap().status(), 200, "{link}");
    }
}

#[tokio::test]
async fn switches_change_while_it_runs() {
    let world = world().await;
    let patch = json!({ "ids": "strings", "rate_limit": null });
    let (status, settings) = world.control(Method::PATCH, "/signify/settings", &patch).await;
    assert_eq!((status, &settings["ids"]), (200, &json!("strings")));
    assert_eq!(world.sandbox.signify().settings().ids, IdStyle::Strings);
    assert_eq!(world.create(&Fields::email()).await["documentId"], "1");
    for refused in [json!({ "id": "strings" }), json!({ "ids": "roman" })] {
        let (status, body) = world.control(Method::PATCH, "/signify/settings", &refused).await;
        assert_eq!(status, 422, "{body}");
    }
    assert_eq!(world.sandbox.signify().settings().ids, IdStyle::Strings);
}

#[tokio::test]
async fn keys_come_and_go() {
    let world = world().await;
    let get = async |key: &str| {
        let request = world.http.get(world.url("/public/v2/documents")).bearer_auth(key);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get("late").await.0, 401);
    assert_eq!(world.control(Method::POST, "/signify/keys", &json!({ "key": "late" })).await.0, 204);
    assert_eq!(get("late").await, (200, "[]".to_owned()));
    // A second key of the first user sees the same documents.
    world.email_document().await;
    let second = json!({ "key": "second", "user": crate::support::KEY });
    assert_eq!(world.control(Method::POST, "/signify/keys", &second).await.0, 204);
    assert!(get("second").await.1.contains("Testing API"));
    world.sandbox.signify().remove_api_key("late");
    assert_eq!(get("late").await.0, 401);
}

#[tokio::test]
async fn a_script_acts_as_the_signer() {
    let world = world().await;
    let id = world.email_document().await;
    let sign = format!("/signify/documents/{id}/sign");
    let signer = json!({ "name": "A B", "email": "a@agency.gov.sg", "all": true });
    let (status, signed) = world.control(Method::POST, &sign, &signer).await;
    assert_eq!((status, signed), (200, json!({ "invitation_done": true, "redirect_url": null })));
    for (order, status) in [
        (&signer, 409),
        (&json!({ "name": "A B" }), 404),
        (&json!({ "name": "A B", "email": "z@agency.gov.sg" }), 404),
        (&json!({ "name": "", "email": "b@agency.gov.sg" }), 422),
        (&json!({ "email": "b@agency.gov.sg" }), 422),
    ] {
        assert_eq!(world.control(Method::POST, &sign, order).await.0, status, "{order}");
    }
    let (_, state) = world.control(Method::GET, &format!("/signify/documents/{id}"), &Value::Null).await;
    assert_eq!(state["signed"], false);
    assert_eq!(state["invitations"][0]["completed"], 2);
    assert_eq!(world.control(Method::GET, "/signify/documents/7", &Value::Null).await.0, 404);
    assert_eq!(world.control(Method::GET, "/signify", &Value::Null).await.1["documents"][0]["id"], "1");
}

#[tokio::test]
async fn a_script_can_lock_a_document() {
    let world = world().await;
    let (id, _) = world.link_document().await;
    let session = format!("/signify/documents/{id}/session");
    let (status, opened) = world.control(Method::POST, &session, &json!({ "name": "A B" })).await;
    assert_eq!(status, 201);
    let signify = world.sandbox.signify();
    let signer = Signer::named("C D");
    assert!(matches!(signify.sign(&id, &signer).await, Err(NotPossible::Ongoing)));
    let leave = json!({ "token": opened["token"] });
    assert_eq!(world.control(Method::DELETE, &session, &leave).await.0, 204);
    signify.sign_all(&id, &signer).await.unwrap();
    assert!(matches!(signify.sign(&id, &signer).await, Err(NotPossible::NothingLeft)));
    assert!(matches!(signify.sign("7", &signer).await, Err(NotPossible::NoDocument(_))));
}
