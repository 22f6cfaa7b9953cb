//! Fetching the file: addresses that expire, who gets the key, and bytes that are not all there.

use std::time::Duration;

use esign_core::{ArtifactId, ErrorKind, Handle};
use esign_sandbox::signify::{DocumentUrlKey, ExpiredUrl, Signer};
use esign_sandbox::{Effect, Fault};
use esign_signify::DocumentId;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{World, client, one_by_link, pdf, provider};

async fn signed(world: &World) -> Handle {
    let handle = world.send(one_by_link("Lease 12")).await;
    world.sandbox.signify().sign(handle.request().id(), &Signer::named("T. Enant")).await.unwrap();
    handle
}

fn calls(world: &World) -> (usize, usize) {
    (world.sandbox.call_count("signify.get"), world.sandbox.call_count("signify.download"))
}

#[tokio::test]
async fn an_address_that_has_expired_is_fetched_anew() {
    for answer in [ExpiredUrl::Forbidden, ExpiredUrl::NotFound, ExpiredUrl::Gone] {
        let world = World::with(json!({}), |s| s.expired_document_url = answer).await;
        let handle = signed(&world).await;
        let api = provider(&world.client);
        let details = api.client().get(&DocumentId::new(handle.request().id())).await.unwrap();
        world.sandbox.clock().advance(Duration::from_secs(31 * 60));
        let file = api.client().download(&details).await.unwrap();
        assert_eq!(file, world.sandbox.signify().pdf(handle.request().id()).unwrap(), "{answer:?}");
        assert_eq!(calls(&world).0, 2, "{answer:?}");
    }
}

#[tokio::test]
async fn an_old_address_is_not_even_tried() {
    for (age, gets) in [(24, 1), (25, 2)] {
        let world = World::new(json!({})).await;
        let handle = signed(&world).await;
        let api = provider(&world.client);
        let details = api.client().get(&DocumentId::new(handle.request().id())).await.unwrap();
        world.clock.advance(Duration::from_secs(age * 60));
        api.client().download(&details).await.unwrap();
        assert_eq!(calls(&world), (gets, 1), "{age} minutes");
    }
}

#[tokio::test]
async fn an_address_that_stays_refused_is_an_error() {
    let world = World::new(json!({})).await;
    let handle = signed(&world).await;
    world.sandbox.inject(Fault::on("signify.download", Effect::json(404, "{}")).times(2)).unwrap();
    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(calls(&world), (2, 2));
}

#[tokio::test]
async fn with_or_without_the_key() {
    use DocumentUrlKey::{Optional, Refused, Required};
    for (setting, service, works) in [
        ("auto", Optional, true),
        ("auto", Required, true),
        ("auto", Refused, true),
        ("always", Optional, true),
        ("always", Required, true),
        ("always", Refused, false),
        ("never", Optional, true),
        ("never", Required, false),
        ("never", Refused, true),
    ] {
        let world =
            World::with(json!({ "document_url_bearer": setting }), |s| s.document_url_key = service).await;
        let handle = signed(&world).await;
        let file = world.client.download(&handle, &ArtifactId::SIGNED).await;
        assert_eq!(file.is_ok(), works, "{setting} {service:?}: {file:?}");
    }
}

/// A server whose only document has its file at `file`.
async fn api_with(file: &str) -> MockServer {
    let server = MockServer::start().await;
    let details = json!({ "id": 6, "status": "signed", "documentUrl": file, "signingInvitations": [] });
    Mock::given(method("GET"))
        .and(path("/public/v2/documents/6"))
        .respond_with(ResponseTemplate::new(200).set_body_json(details))
        .mount(&server)
        .await;
    server
}

async fn serve(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(server).await;
}

fn file() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(pdf().to_vec())
}

async fn fetch(api: &MockServer, settings: Value) -> esign_core::Result<bytes::Bytes> {
    let (client, _) = client(&api.uri(), settings).await;
    let api = provider(&client);
    let details = api.client().get(&DocumentId::new("6")).await.unwrap();
    api.client().download(&details).await
}

async fn keys_sent(server: &MockServer, at: &str) -> Vec<bool> {
    let requests = server.received_requests().await.unwrap();
    let there = requests.iter().filter(|request| request.url.path() == at);
    there.map(|request| request.headers.contains_key("authorization")).collect()
}

#[tokio::test]
async fn the_key_never_leaves_the_api_s_own_host() {
    for setting in ["auto", "always", "never"] {
        let elsewhere = MockServer::start().await;
        serve(&elsewhere, "/file", file()).await;
        let target = format!("{}/file", elsewhere.uri());

        // The address itself is elsewhere.
        let api = api_with(&target).await;
        fetch(&api, json!({ "document_url_bearer": setting })).await.unwrap();
        assert_eq!(keys_sent(&elsewhere, "/file").await, [false], "{setting}");

        // A redirect leads elsewhere.
        let api = MockServer::start().await;
        let details = json!({ "id": 6, "status": "signed", "documentUrl": format!("{}/bucket", api.uri()), "signingInvitations": [] });
        serve(&api, "/public/v2/documents/6", ResponseTemplate::new(200).set_body_json(details)).await;
        serve(&api, "/bucket", ResponseTemplate::new(302).insert_header("location", target.as_str())).await;
        assert_eq!(fetch(&api, json!({ "document_url_bearer": setting })).await.unwrap(), pdf());
        assert_eq!(keys_sent(&api, "/bucket").await, [setting != "never"], "{setting}");
        assert_eq!(keys_sent(&elsewhere, "/file").await, [false, false], "{setting}");
    }
}

#[tokio::test]
async fn addresses_that_lead_nowhere_good() {
    for address in [
        "",
        "bucket/1",
        "file:///etc/passwd",
        "http://plain.example/x",
        "https://u:p@x.gov.sg/",
        "javascript:1",
    ] {
        let api = api_with(address).await;
        let error = fetch(&api, json!({})).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::UnexpectedAnswer | ErrorKind::Config),
            "{address}: {error}"
        );
    }
    let api = MockServer::start().await;
    let details = json!({ "id": 6, "status": "signed", "documentUrl": format!("{}/bucket", api.uri()), "signingInvitations": [] });
    serve(&api, "/public/v2/documents/6", ResponseTemplate::new(200).set_body_json(details)).await;
    for target in ["http://plain.example/x", "/bucket", "ftp://x/", ""] {
        let redirect = ResponseTemplate::new(302).insert_header("location", target);
        Mock::given(path("/bucket")).respond_with(redirect).up_to_n_times(6).mount(&api).await;
        let error = fetch(&api, json!({})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{target}: {error}");
        api.reset().await;
        let details = json!({ "id": 6, "status": "signed", "documentUrl": format!("{}/bucket", api.uri()), "signingInvitations": [] });
        serve(&api, "/public/v2/documents/6", ResponseTemplate::new(200).set_body_json(details)).await;
    }
}

#[tokio::test]
async fn bytes_that_are_not_the_whole_file() {
    let cut = pdf().slice(..pdf().len() - 10);
    for body in [b"".to_vec(), b"<html>login</html>".to_vec(), cut.to_vec()] {
        let api = MockServer::start().await;
        let details = json!({ "id": 6, "status": "signed", "documentUrl": format!("{}/bucket", api.uri()), "signingInvitations": [] });
        serve(&api, "/public/v2/documents/6", ResponseTemplate::new(200).set_body_json(details)).await;
        serve(&api, "/bucket", ResponseTemplate::new(200).set_body_bytes(body.clone())).await;
        let error = fetch(&api, json!({})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    }
}

#[tokio::test]
async fn a_download_that_breaks_is_repeated_and_a_slow_one_is_awaited() {
    let world = World::new(json!({})).await;
    let handle = signed(&world).await;
    let whole = world.sandbox.signify().pdf(handle.request().id()).unwrap();
    for effect in [Effect::Truncate { keep: 100 }, Effect::Close, Effect::html(503)] {
        world.sandbox.inject(Fault::on("signify.download", effect.clone())).unwrap();
        let file = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
        assert_eq!(file.content, whole, "{effect:?}");
    }
    world
        .sandbox
        .inject(Fault::on("signify.download", Effect::Slow { chunk: 20_000, pause_millis: 5 }))
        .unwrap();
    assert_eq!(world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap().content, whole);

    world.sandbox.inject(Fault::on("signify.download", Effect::Truncate { keep: 100 }).times(5)).unwrap();
    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Connection), "{error}");
}

#[tokio::test]
async fn a_gigabyte_is_not_taken_for_a_document() {
    let world = World::new(json!({ "http": { "max_document_bytes": 1_000_000 } })).await;
    let handle = signed(&world).await;
    world.sandbox.inject(Fault::on("signify.download", Effect::Huge { bytes: 1_000_000_000 })).unwrap();
    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}
