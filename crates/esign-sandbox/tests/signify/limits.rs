//! The sliding window of 100 requests in 10 seconds, per key.

use esign_sandbox::signify::{ErrorStyle, RateLimit};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fields, world, world_with};

#[tokio::test]
async fn the_101st_request_within_10_seconds_gets_429() {
    let world = world_with(|s| s.api_key("another_user")).await;
    for request in 0..100 {
        assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200, "request {request}");
    }
    let refused = world.api(Method::GET, "v2/documents").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(!refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap(), json!({ "message": "Too Many Requests" }));
    // Every operation counts, and so nothing was created; downloads and other keys do not.
    assert_eq!(world.post(Fields::email().form()).await.status(), 429);
    assert!(world.sandbox.signify().documents().is_empty());
    let other = world.http.get(world.url("/public/v2/documents")).bearer_auth("another_user");
    assert_eq!(other.send().await.unwrap().status(), 200);
    world.advance("9s 999ms").await;
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 429);
    world.advance("1ms").await;
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
}

#[tokio::test]
async fn the_window_slides_and_says_when_to_come_back_if_so_switched() {
    let set = |settings: &mut esign_sandbox::signify::SignifySettings| {
        settings.rate_limit = Some(RateLimit { requests: 2, seconds: 10 });
        settings.retry_after = true;
        settings.errors = ErrorStyle::Nest;
    };
    let world = world_with(|s| s.settings(set)).await;
    let get = async || world.api(Method::GET, "v2/documents").send().await.unwrap();
    assert_eq!(get().await.status(), 200);
    world.advance("6s 500ms").await;
    assert_eq!(get().await.status(), 200);
    let refused = get().await;
    assert_eq!(refused.headers()["retry-after"], "4");
    let expected = json!({
        "message": "ThrottlerException: Too Many Requests",
        "error": "Too Many Requests",
        "statusCode": 429,
    });
    assert_eq!(refused.json::<Value>().await.unwrap(), expected);
    world.advance("3s 500ms").await;
    assert_eq!(get().await.status(), 200);
    assert_eq!(get().await.headers()["retry-after"], "7");
}

#[tokio::test]
async fn there_may_be_no_limit() {
    let world = world_with(|s| s.settings(|settings| settings.rate_limit = None)).await;
    for _ in 0..150 {
        assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
    }
    assert_eq!(world.sandbox.call_count("signify.list"), 150);
}

#[tokio::test]
async fn a_refused_key_costs_nothing() {
    let world = world().await;
    for _ in 0..120 {
        let wrong = world.http.get(world.url("/public/v2/documents")).bearer_auth("wrong");
        assert_eq!(wrong.send().await.unwrap().status(), 401);
    }
    assert_eq!(world.status_of(Method::GET, "v2/documents").await, 200);
}
