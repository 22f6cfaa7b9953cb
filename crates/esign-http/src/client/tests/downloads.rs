//! Redirects by hand, and who gets the credentials.

use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

async fn redirecting_to(target: &str) -> MockServer {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(302).insert_header("location", target);
    Mock::given(path("/start")).respond_with(redirect).mount(&server).await;
    Mock::given(path("/file"))
        .respond_with(ResponseTemplate::new(200).set_body_string("%PDF"))
        .mount(&server)
        .await;
    server
}

fn authorized(server: &MockServer) -> HttpClient {
    HttpClient::builder(server.uri().parse().unwrap(), Arc::new(jumping()))
        .auth(Arc::new(Renewing::default()))
        .build()
        .unwrap()
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked() {
    let api = redirecting_to("/file").await;
    let client = authorized(&api);
    let call = client.download(client.url(["start"]).unwrap());
    let error = call.clone().send().await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::UnexpectedAnswer, Some(302)));
    assert_eq!(&call.clone().follow(1).send().await.unwrap().body[..], b"%PDF");
    assert!(call.follow(0).send().await.unwrap_err().message().contains("too many redirects"));

    let received = api.received_requests().await.unwrap();
    let file = received.iter().find(|r| r.url.path() == "/file").unwrap();
    assert!(file.headers.contains_key("authorization"), "the same host keeps them");
}

#[tokio::test]
async fn a_loop_ends() {
    let api = redirecting_to("/start").await;
    let client = authorized(&api);
    let error = client.download(client.url(["start"]).unwrap()).follow(5).send().await.unwrap_err();
    assert!(error.message().contains("too many redirects"), "{error}");
    assert_eq!(api.received_requests().await.unwrap().len(), 6);
}

#[tokio::test]
async fn credentials_do_not_leave_the_api_and_do_not_come_back() {
    let storage = MockServer::start().await;
    let api = MockServer::start().await;
    let to = |target: String| ResponseTemplate::new(307).insert_header("location", target);
    Mock::given(path("/start")).respond_with(to(format!("{}/away", storage.uri()))).mount(&api).await;
    Mock::given(path("/away")).respond_with(to(format!("{}/back", api.uri()))).mount(&storage).await;
    Mock::given(path("/back")).respond_with(ResponseTemplate::new(200)).mount(&api).await;

    let client = authorized(&api);
    let call = client.download(client.url(["start"]).unwrap()).follow(5);
    call.header(http::header::ACCEPT, HeaderValue::from_static("application/pdf"))
        .header(http::HeaderName::from_static("x-own"), HeaderValue::from_static("marker"))
        .send()
        .await
        .unwrap();

    let seen = [&api, &storage].map(MockServer::received_requests);
    for request in futures_util::future::join_all(seen).await.into_iter().flat_map(Option::unwrap) {
        let first = request.url.path() == "/start";
        assert_eq!(request.headers.contains_key("authorization"), first, "{}", request.url.path());
        assert_eq!(request.headers.contains_key("x-own"), first, "{}", request.url.path());
        assert!(request.headers.contains_key("accept"));
    }
}

#[tokio::test]
async fn a_call_to_another_origin_never_carries_credentials() {
    let other = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&other).await;
    let api = MockServer::start().await;
    let client = authorized(&api);
    let error = client.download(other.uri().parse().unwrap()).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    let received = other.received_requests().await.unwrap();
    assert!(received.len() == 1 && !received[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn dangerous_redirects_are_refused_without_showing_them() {
    for target in [
        "http://files.example/marker?marker",
        "ftp://files.example/marker",
        "https://user:marker@files.example/",
        "file:///marker",
        "https://",
        "javascript:marker",
    ] {
        let api = redirecting_to(target).await;
        let client = authorized(&api);
        let error = client.download(client.url(["start"]).unwrap()).follow(5).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{target}");
        assert!(!format!("{error} {error:?}").contains("marker"), "{error:?}");
    }
}

#[tokio::test]
async fn an_api_elsewhere_cannot_send_us_to_this_machine() {
    let client = client("https://api.example");
    for url in ["http://127.0.0.1:9/x", "https://localhost/x", "https://[::1]/x"] {
        let error = client.download(url.parse().unwrap()).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{url}: {error}");
    }
    let error = client.download("http://files.example".parse().unwrap()).send().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Config, Some(Operation::Download)));
}
