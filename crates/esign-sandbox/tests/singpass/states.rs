//! What a request becomes, by the clock and by its client, and who is told what.

use esign_sandbox::singpass::{ClientKeys, NotPossible, RequestStatus, ResultPaths, SingpassSettings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rp::{CLIENT, Key};
use crate::support::{Request, World, object, pdf, person, world, world_with};

impl World {
    async fn result_code(&self, request: &Request) -> (u16, String) {
        let (status, body) = self.result(request).await;
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    }

    async fn cancel_code(&self, request: &Request) -> (u16, String) {
        let (status, body) = self.cancel(&request.id).await;
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    }

    fn status(&self, request: &Request) -> RequestStatus {
        self.singpass().request(&request.id).unwrap().status
    }
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_request_can_be_signed_for_30_minutes() {
    let world = world().await;
    let (first, second) = (world.initiate().await, world.initiate().await);
    assert_eq!(world.result_code(&first).await, code(400, "DOCUMENT_NOT_SIGNED"));
    world.singpass().open(&second.id, &person()).unwrap();
    world.singpass().proceed(&second.id).unwrap();
    world.advance(1799);
    world.singpass().sign(&first.id, &person()).await.unwrap();
    world.advance(1);
    assert_eq!(world.result_code(&second).await, code(400, "REQUEST_EXPIRED"));
    assert_eq!(world.status(&second), RequestStatus::Expired);
    assert!(matches!(world.singpass().open(&second.id, &person()), Err(NotPossible::Dead)));
    assert!(matches!(world.singpass().approve(&second.id).await, Err(NotPossible::Dead)));
    assert_eq!(world.result_code(&first).await, code(200, ""));
    assert_eq!(world.singpass().webhooks_done().await.len(), 1, "of an expired request nobody is told");
}

#[tokio::test]
async fn a_single_request_can_be_made_to_expire() {
    let world = world().await;
    let (first, second) = (world.initiate().await, world.initiate().await);
    world.singpass().expire(&first.id).unwrap();
    assert_eq!(world.result_code(&first).await, code(400, "REQUEST_EXPIRED"));
    assert_eq!(world.result_code(&second).await, code(400, "DOCUMENT_NOT_SIGNED"));
}

#[tokio::test]
async fn a_signed_document_can_be_fetched_for_an_hour_by_links_of_two_minutes() {
    let world = world().await;
    let request = world.signed().await;
    let (_, result) = world.result(&request).await;
    let url = result["signed_doc_url"].as_str().unwrap();
    world.advance(119);
    assert_eq!(world.download(url).await.0, 200);
    assert_eq!(world.download(url).await.0, 200, "not only once");
    world.advance(1);
    let (status, body) = world.download(url).await;
    assert_eq!(status, 403);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["error"], "LINK_EXPIRED");
    assert_eq!(world.download(&world.url("/singpass/documents/0")).await.0, 404);
    world.advance(3600 - 121);
    let (_, result) = world.result(&request).await;
    assert_eq!(result["exp"], world.now() + 120);
    assert_eq!(world.download(result["signed_doc_url"].as_str().unwrap()).await.0, 200);
    world.advance(1);
    assert_eq!(world.result_code(&request).await, code(400, "SIGNED_ACCESS_EXPIRED"));
    assert_eq!(world.status(&request), RequestStatus::AccessExpired);
    // Later the bytes are purged, when there is something to do anyway.
    world.advance(5400);
    world.initiate().await;
    assert!(world.singpass().pdf(&request.id).unwrap().is_empty());
    assert_eq!(world.result_code(&request).await, code(400, "SIGNED_ACCESS_EXPIRED"));
}

#[tokio::test]
async fn a_result_is_for_its_client_and_its_exchange_code() {
    let world = world().await;
    let (request, other) = (world.signed().await, world.signed().await);
    let stranger = Key::new("stranger", "ES256");
    let mut client = world.rp.client();
    client.client_id = "stranger".to_owned();
    client.keys = ClientKeys::Inline(json!({ "keys": [stranger.jwk()] }));
    world.singpass().register(client).unwrap();
    let path = format!("/sign-requests/{}/signed-doc", request.id);
    let good = json!({ "exchange_code": request.exchange_code });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        world.token(claims)
    };
    let by_stranger = stranger.token(&Value::Object(world.claims(good.clone())).to_string());
    let used = world.token(good.clone());
    assert_eq!(world.result_at(&path, &used).await.0, 200);
    for (token, why) in [
        (with("exchange_code", Value::Null), "exchange_code"),
        (with("exchange_code", json!(other.exchange_code)), "exchange_code"),
        (with("exchange_code", json!(1)), "exchange_code must be text"),
        (with("client_id", json!("stranger")), "not the one that made the request"),
        (with("jti", Value::Null), "jti is missing"),
        (with("exp", json!(world.now() + 121)), "at most 120"),
        (by_stranger, "no usable key"),
        (used, "used before"),
    ] {
        let (status, body) = world.result_at(&path, &token).await;
        assert_eq!((status, &body["error"]), (400, &json!("UNAUTHORIZED")), "{body}");
        assert!(body["error_description"].as_str().unwrap().contains(why), "{why}: {body}");
    }
    assert_eq!(world.result_at(&path, &with("client_id", json!(CLIENT))).await.0, 200);
    // Of a request that nobody made, too, the token is judged first.
    let nowhere = "/sign-requests/signv3-0/signed-doc";
    let nobody = Key::new("nobody", "ES256");
    for (token, expected) in [
        (world.token(good.clone()), "REQUEST_NOT_FOUND"),
        (with("client_id", json!(CLIENT)), "REQUEST_NOT_FOUND"),
        (with("client_id", json!("nobody")), "UNAUTHORIZED"),
        (with("exp", json!(world.now())), "UNAUTHORIZED"),
        (nobody.token(&Value::Object(world.claims(good.clone())).to_string()), "UNAUTHORIZED"),
        (String::new(), "UNAUTHORIZED"),
    ] {
        let (status, body) = world.result_at(nowhere, &token).await;
        assert_eq!((status, &body["error"]), (400, &json!(expected)), "{body}");
    }
    for client in [CLIENT, "stranger"] {
        world.singpass().unregister(client);
    }
    let (_, body) = world.result_at(nowhere, &world.token(good)).await;
    assert!(body["error_description"].as_str().unwrap().contains("no client is registered"), "{body}");
}

#[tokio::test]
async fn a_request_is_cancelled_before_anyone_proceeds_to_sign() {
    let world = world().await;
    let singpass = world.singpass();
    let request = world.initiate().await;
    singpass.open(&request.id, &person()).unwrap();
    let (status, body) = world.cancel(&request.id).await;
    assert_eq!((status, body), (200, Value::Null));
    assert_eq!(world.cancel_code(&request).await, code(400, "REQUEST_ALREADY_CANCELLED"));
    assert_eq!(world.result_code(&request).await, code(400, "REQUEST_CANCELLED"));
    assert!(matches!(singpass.proceed(&request.id), Err(NotPossible::Dead)));
    assert!(matches!(singpass.open(&request.id, &person()), Err(NotPossible::Dead)));

    let request = world.initiate().await;
    singpass.open(&request.id, &person()).unwrap();
    singpass.proceed(&request.id).unwrap();
    let (status, body) = world.cancel(&request.id).await;
    let documented = json!({
        "error": "ACTIVE_SESSION_ONGOING",
        "error_description": "Request cannot be cancelled due to an active sign session",
    });
    assert_eq!((status, body), (400, documented));
    // After a rejection, and after leaving, there is no active session.
    singpass.reject(&request.id).unwrap();
    assert!(!singpass.request(&request.id).unwrap().active);
    singpass.proceed(&request.id).unwrap();
    assert_eq!(world.cancel_code(&request).await, code(400, "ACTIVE_SESSION_ONGOING"));
    singpass.leave(&request.id).unwrap();
    assert_eq!(world.cancel_code(&request).await, code(200, ""));

    // Expired requests can be cancelled, whatever was going on.
    let request = world.initiate().await;
    singpass.open(&request.id, &person()).unwrap();
    singpass.proceed(&request.id).unwrap();
    world.advance(1800);
    assert_eq!(world.cancel_code(&request).await, code(200, ""));

    let request = world.signed().await;
    assert_eq!(world.cancel_code(&request).await, code(400, "DOCUMENT_ALREADY_SIGNED"));
}

#[tokio::test]
async fn cancelling_needs_a_token_about_a_request_of_the_client() {
    let world = world().await;
    let request = world.initiate().await;
    let stranger = Key::new("stranger", "ES256");
    let mut client = world.rp.client();
    client.client_id = "stranger".to_owned();
    client.keys = ClientKeys::Inline(json!({ "keys": [stranger.jwk()] }));
    world.singpass().register(client).unwrap();
    let foreign = world.claims(json!({ "client_id": "stranger", "request_id": request.id }));
    let foreign = stranger.token(&Value::Object(foreign).to_string());
    let jti = "ea3927dc-6e17-4c92-bcfe-657518589ac6";
    let twice = || world.token(json!({ "client_id": CLIENT, "request_id": "signv3-0", "jti": jti }));
    for (token, expected) in [
        (foreign, "REQUEST_NOT_FOUND"),
        (world.token(json!({ "client_id": CLIENT, "request_id": "signv3-0" })), "REQUEST_NOT_FOUND"),
        (world.token(json!({ "client_id": CLIENT })), "INVALID_REQUEST"),
        (world.token(json!({ "request_id": request.id })), "UNAUTHORIZED"),
        (world.token(json!({ "client_id": CLIENT, "request_id": request.id, "exp": null })), "UNAUTHORIZED"),
        (
            world.token(json!({ "client_id": CLIENT, "client_request": "x", "request_id": request.id })),
            "UNAUTHORIZED",
        ),
        (twice(), "REQUEST_NOT_FOUND"),
        (twice(), "UNAUTHORIZED"),
    ] {
        let (status, body) = world.cancel_with(&token).await;
        assert_eq!((status, &body["error"]), (400, &json!(expected)), "{body}");
    }
    // What the text of the documentation calls the claim, and both.
    let both = json!({ "client_id": CLIENT, "client_request": CLIENT, "request_id": request.id });
    assert_eq!(world.cancel_with(&world.token(both)).await.0, 200);
    let other = world.initiate().await;
    // Its documentation knows no `jti`: what is in it is the client's business.
    let text = json!({ "client_request": CLIENT, "request_id": other.id, "jti": "x" });
    assert_eq!(world.cancel_with(&world.token(text)).await.0, 200);
}

#[tokio::test]
async fn older_services_answer_less() {
    let world = world_with(|settings| *settings = SingpassSettings::june_2025()).await;
    let request = world.signed().await;
    let underscore = format!("/sign-requests/{}/signed_doc", request.id);
    let token = || world.token(json!({ "exchange_code": request.exchange_code }));
    assert_eq!(world.result(&request).await, (404, Value::Null), "no path by hyphen, and no JSON");
    let (status, body) = world.result_at(&underscore, &token()).await;
    assert_eq!(status, 200);
    assert_eq!(object(body).keys().collect::<Vec<_>>(), ["exp", "signed_doc_url"]);
    assert_eq!(world.cancel(&request.id).await, (404, Value::Null));
    world.singpass().webhooks_done().await;
    let (_, claims) = world.proven(&world.rp.tokens()[0]).await.unwrap();
    assert!(claims.get("signer_info").is_none(), "{claims}");

    world.singpass().change(|settings| *settings = SingpassSettings::mockpass());
    let (_, body) = world.result_at(&underscore, &token()).await;
    assert_eq!(object(body).keys().collect::<Vec<_>>(), ["signed_doc_url"]);
    let other = world.initiate_with(json!({ "x": 0.1, "y": 0.1, "page": 1 }), pdf()).await;
    let back = world.singpass().sign(&other.id, &person()).await.unwrap();
    assert_eq!(back, format!("https://rp.example/back?case=7&request_id={}", other.id));

    world.singpass().change(|settings| settings.result_paths = ResultPaths::Hyphen);
    assert_eq!(world.result(&request).await.0, 200);
    assert_eq!(world.result_at(&underscore, &token()).await.0, 404);
    let wrong_method = world.api(Method::DELETE, &underscore, "").send().await.unwrap();
    assert_eq!(wrong_method.status(), 405);
}
