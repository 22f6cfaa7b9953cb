//! Misbehaviour on demand.

use esign_sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::json;

use crate::rp::CLIENT;
use crate::support::{pdf, read, world};

#[tokio::test]
async fn the_answer_to_a_request_can_get_lost_after_it_was_made() {
    let world = world().await;
    world.sandbox.inject(Fault::on("singpass.initiate", Effect::Close).after_commit()).unwrap();
    let claims = json!({ "client_id": CLIENT, "doc_name": "a", "x": 0, "y": 0, "page": 1 });
    let request = world.api(Method::POST, "/sign-requests", &world.token(claims));
    let request = request.header("content-type", "application/octet-stream").body(pdf());
    request.send().await.unwrap_err();
    assert_eq!(world.singpass().requests().len(), 1);
    world.initiate().await;
    assert_eq!(world.sandbox.call_count("singpass.initiate"), 2);
}

#[tokio::test]
async fn every_operation_can_misbehave() {
    let world = world().await;
    let request = world.signed().await;
    let (_, result) = world.result(&request).await;
    let url = result["signed_doc_url"].as_str().unwrap();
    let unknown = Effect::json(400, r#"{"error":"SOMETHING_NEW","error_description":"x"}"#);
    world.sandbox.inject(Fault::on("singpass.result", unknown)).unwrap();
    assert_eq!(world.result(&request).await.1["error"], "SOMETHING_NEW");
    world.sandbox.inject(Fault::on("singpass.result", Effect::html(502))).unwrap();
    assert_eq!(world.result(&request).await.0, 502);
    world.sandbox.inject(Fault::on("singpass.cancel", Effect::too_many_requests(Some(1)))).unwrap();
    assert_eq!(world.cancel(&request.id).await.0, 429);
    world.sandbox.inject(Fault::on("singpass.download", Effect::Truncate { keep: 100 })).unwrap();
    let truncated = world.http.get(url).send().await.unwrap();
    assert!(truncated.bytes().await.is_err());
    assert_eq!(world.download(url).await.0, 200);
    let overview = world.http.get(world.url("/_sandbox")).send().await.unwrap();
    let (_, overview) = read(overview).await;
    for (operation, calls) in [("initiate", 1), ("result", 3), ("cancel", 1), ("download", 2), ("jwks", 0)] {
        assert_eq!(overview["operations"][format!("singpass.{operation}")], calls, "{operation}");
    }
}
