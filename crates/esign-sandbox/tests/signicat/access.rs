//! Tokens, the two platforms, the two forms of errors, session storage and the archive.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{CLIENT, SECRET, World, order, pdf, read, signer, world, world_with};

const CURRENT: &str = "/auth/open/connect/token";
const OLDER: &str = "/oidc/token";

/// How the client says who it is.
#[derive(Clone, Copy)]
enum By {
    Header,
    /// As RFC 6749 wants it in the header: encoded like a form.
    EncodedHeader,
    Form,
    /// The header, and the id in the form once more.
    Both,
    Nothing,
    WrongSecret,
}

impl World {
    async fn ask(&self, path: &str, by: By, parameters: &[(&str, &str)]) -> (u16, Value) {
        let mut form = parameters.to_vec();
        let mut request = self.http.post(self.url(path));
        let encoded = "a+secret%3A+100%25+%2B+more";
        match by {
            By::Header => request = request.basic_auth(CLIENT, Some(SECRET)),
            By::EncodedHeader => request = request.basic_auth(CLIENT, Some(encoded)),
            By::Both => {
                request = request.basic_auth(CLIENT, Some(SECRET));
                form.push(("client_id", CLIENT));
            }
            By::Form => form.extend([("client_id", CLIENT), ("client_secret", SECRET)]),
            By::WrongSecret => request = request.basic_auth(CLIENT, Some("wrong")),
            By::Nothing => {}
        }
        read(request.form(&form).send().await.unwrap()).await
    }
}

#[tokio::test]
async fn tokens_are_given_as_each_platform_does() {
    let world = world().await;
    let grant = ("grant_type", "client_credentials");
    let (current, older) = (("scope", "signicat-api"), ("scope", "client.signature"));
    for (path, by, parameters, status, error) in [
        (CURRENT, By::Header, vec![grant, current], 200, ""),
        (CURRENT, By::EncodedHeader, vec![grant, current], 200, ""),
        (CURRENT, By::Form, vec![grant, current], 200, ""),
        (CURRENT, By::Both, vec![grant, current], 200, ""),
        (CURRENT, By::Header, vec![grant, ("scope", "openid signicat-api")], 200, ""),
        (OLDER, By::Header, vec![grant, older], 200, ""),
        (OLDER, By::Form, vec![grant, older], 400, "invalid_client"),
        (OLDER, By::Header, vec![grant, current], 400, "invalid_scope"),
        (CURRENT, By::Header, vec![grant, older], 400, "invalid_scope"),
        (CURRENT, By::Header, vec![grant], 400, "invalid_scope"),
        (CURRENT, By::Header, vec![current], 400, "invalid_request"),
        (CURRENT, By::Header, vec![("grant_type", "password"), current], 400, "unsupported_grant_type"),
        (CURRENT, By::Header, vec![grant, current, current], 400, "invalid_request"),
        (CURRENT, By::Header, vec![grant, current, ("client_id", "other")], 400, "invalid_request"),
        (CURRENT, By::WrongSecret, vec![grant, current], 401, "invalid_client"),
        (CURRENT, By::Nothing, vec![grant, current], 400, "invalid_client"),
    ] {
        let (code, body) = world.ask(path, by, &parameters).await;
        assert_eq!(code, status, "{path} {parameters:?}: {body}");
        if status == 200 {
            let is_older = path == OLDER;
            assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(600), &json!("Bearer")));
            assert_eq!(body.get("scope"), is_older.then_some(&json!("client.signature")));
        } else {
            assert_eq!(body["error"], error, "{path} {parameters:?}: {body}");
        }
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_time_its_platform_and_its_client() {
    let world = world_with(|settings| settings.token_seconds = 60).await;
    world.advance(59);
    assert_eq!(world.get("/orders/nope").await.0, 404);
    world.advance(1);
    let (status, body) = world.get("/orders/nope").await;
    assert_eq!((status, &body["code"]), (401, &json!("invalid_token")));
    assert!(body["traceId"].is_string(), "the gateway's form");

    let (_, older) = world
        .ask(OLDER, By::Header, &[("grant_type", "client_credentials"), ("scope", "client.signature")])
        .await;
    let on = async |base: &str, token: &str| {
        let request = world.http.get(world.url(&format!("{base}/orders/nope"))).bearer_auth(token);
        read(request.send().await.unwrap()).await
    };
    let older = older["access_token"].as_str().unwrap();
    let (status, body) = on("/sign", older).await;
    assert_eq!((status, body["code"].is_null()), (404, true), "the service's form");
    let (status, body) = on("/enterprise/sign", older).await;
    assert_eq!(status, 401);
    assert!(body.to_string().contains("the access token is for the platform at /sign"), "{body}");
    let (status, body) = on("/sign", "nonsense").await;
    assert_eq!((status, body["code"].is_null()), (401, true), "the older platform has no gateway");

    let fresh = world.fresh_token().await;
    world.signicat().revoke_tokens();
    assert_eq!(on("/enterprise/sign", &fresh).await.0, 401);
}

#[tokio::test]
async fn a_client_sees_its_own_and_needs_a_permission() {
    use esign_sandbox::signicat::Client;

    let mut world = world().await;
    let id = world.ordered().await;
    let document = world.document().await;
    let mut stranger = Client::new("stranger", "s");
    world.signicat().register(stranger.clone());
    let form = [("grant_type", "client_credentials"), ("scope", "signicat-api")];
    let request = world.http.post(world.url(CURRENT)).basic_auth("stranger", Some("s")).form(&form);
    let (_, body) = read(request.send().await.unwrap()).await;
    world.token = body["access_token"].as_str().unwrap().to_owned();
    for path in
        [format!("/orders/{id}"), format!("/orders/{id}/tasks/t1/status"), format!("/documents/{document}")]
    {
        assert_eq!(world.get(&path).await.0, 404, "{path}");
    }
    assert_eq!(world.delete(&format!("/orders/{id}")).await, 404);
    let (status, body) = world.try_create(&order(&document)).await;
    assert_eq!(
        (status, &body["violations"][0]["propertyPath"]),
        (400, &json!("tasks[0].documents[0].documentRef"))
    );

    stranger.permitted = false;
    world.signicat().register(stranger);
    assert_eq!(world.get(&format!("/orders/{id}")).await.0, 403);
    world.signicat().unregister("stranger");
    assert_eq!(world.get(&format!("/orders/{id}")).await.0, 401);
}

#[tokio::test]
async fn wrong_paths_and_verbs_are_the_gateways_matter() {
    let world = world().await;
    for (method, path, status) in [
        (Method::GET, "/orders", 405),
        (Method::PUT, "/orders/x", 405),
        (Method::POST, "/orders/x/tasks/t/status", 405),
        (Method::GET, "/nothing", 404),
        (Method::GET, "/orders/x/tasks", 404),
    ] {
        let response = world.api(method.clone(), path).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{method} {path}");
        let (code, body) = read(response).await;
        assert_eq!(code, status, "{method} {path}: {body}");
        assert!(body["code"].is_string() && body["title"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn an_upload_lives_for_30_minutes_unless_an_order_uses_it() {
    let world = world_with(|settings| settings.token_seconds = 3600).await;
    let (lost, used) = (world.document().await, world.document().await);
    assert_eq!(world.bytes(&format!("/documents/{lost}")).await, (200, pdf()));
    world.advance(30 * 60 - 1);
    assert_eq!(world.bytes(&format!("/documents/{lost}")).await.0, 200);
    world.create(&order(&used)).await;
    world.advance(1);
    assert_eq!(world.get(&format!("/documents/{lost}")).await.0, 404);
    let (status, body) = world.try_create(&order(&lost)).await;
    assert_eq!(
        (status, &body["violations"][0]["propertyPath"]),
        (400, &json!("tasks[0].documents[0].documentRef"))
    );
    assert!(body["violations"][0]["message"].as_str().unwrap().contains("30 minutes"));
    world.create(&order(&used)).await;
    assert_eq!(world.delete(&format!("/documents/{used}")).await, 204);
    assert_eq!(world.delete(&format!("/documents/{used}")).await, 404);
}

#[tokio::test]
async fn pdf_and_text_can_be_uploaded_and_nothing_else() {
    let world = world().await;
    for (bytes, media_type, status) in [
        (pdf(), "application/pdf", 201),
        (b"Plain words.".to_vec(), "text/plain; charset=utf-8", 201),
        (b"{}".to_vec(), "application/json", 415),
        (b"x".to_vec(), "application/octet-stream", 415),
        (b"no PDF".to_vec(), "application/pdf", 400),
        (Vec::new(), "application/pdf", 400),
        (Vec::new(), "text/plain", 400),
    ] {
        let (code, body) = world.upload(bytes, media_type).await;
        assert_eq!(code, status, "{media_type}: {body}");
        assert_eq!(body["documentId"].is_string(), status == 201);
    }
}

#[tokio::test]
async fn the_archive_outlives_the_order() {
    let mut world = world().await;
    let mut body = order(&world.document().await);
    body["tasks"][0]["documents"][0]["sendResultToArchive"] = true.into();
    body["packagingTasks"][0]["sendToArchive"] = true.into();
    let created = world.create(&body).await;
    let id = created["id"].as_str().unwrap();
    world.signicat().sign(id, "t1", &signer()).await.unwrap();
    world.advance(2);
    let (_, status) = world.get(&format!("/orders/{id}/packaging-tasks/p1/status")).await;
    let (_, packaged) = world.bytes(&format!("/orders/{id}/packaging-tasks/p1/result")).await;
    let state = world.signicat().order(id).unwrap();
    let archive_id = state.packaging_tasks[0].archive.clone().unwrap();
    let uri = world.url(&format!("/enterprise/sign/archive-documents/{archive_id}"));
    assert_eq!(status["packagingTaskResultUri"], uri);
    let evidence_id = state.tasks[0].documents[0].archive.clone().unwrap();

    assert_eq!(world.delete(&format!("/orders/{id}")).await, 204);
    world.advance(100 * 24 * 3600);
    world.token = world.fresh_token().await;
    assert_eq!(world.bytes(&format!("/archive-documents/{archive_id}")).await, (200, packaged));
    assert_eq!(world.bytes(&format!("/archive-documents/{evidence_id}")).await.0, 200);
    assert_eq!(world.delete(&format!("/archive-documents/{archive_id}")).await, 204);
    assert_eq!(world.delete(&format!("/archive-documents/{archive_id}")).await, 404);
    assert_eq!(world.get(&format!("/archive-documents/{archive_id}")).await.0, 404);
}
