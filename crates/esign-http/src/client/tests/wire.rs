//! What a request looks like on the wire, and which clients can be built.

use bytes::Bytes;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::Multipart;

async fn received(api: &MockServer) -> wiremock::Request {
    api.received_requests().await.unwrap().pop().unwrap()
}

async fn accepting() -> (MockServer, HttpClient) {
    let api = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&api).await;
    let client = client(&format!("{}/base/", api.uri()));
    (api, client)
}

#[tokio::test]
async fn bodies() {
    let (api, client) = accepting().await;
    let post = || client.post(client.url(["x"]).unwrap()).operation(Operation::Status);

    post().json(&serde_json::json!({"a": 1})).unwrap().send().await.unwrap();
    let request = received(&api).await;
    assert_eq!(
        (&request.body[..], &request.headers["content-type"]),
        (&br#"{"a":1}"#[..], &HeaderValue::from_static("application/json"))
    );

    post().form(&[("grant_type", "client_credentials"), ("scope", "a b&c")]).send().await.unwrap();
    assert_eq!(received(&api).await.body, b"grant_type=client_credentials&scope=a+b%26c");

    post().query("a", "b c&d").send().await.unwrap();
    assert_eq!(received(&api).await.url.query(), Some("a=b+c%26d"));
}

#[tokio::test]
async fn a_form_is_sent_with_its_length_and_not_chunked() {
    let (api, client) = accepting().await;
    let document = Bytes::from(vec![b'x'; 3 << 20]);
    let form = Multipart::new().unwrap().text("a", "b").file("file", "a.pdf", "application/pdf", document);
    let (length, content_type) = (form.content_length(), form.content_type().to_owned());
    client
        .post(client.url(["x"]).unwrap())
        .operation(Operation::Submit)
        .multipart(form)
        .send()
        .await
        .unwrap();
    let request = received(&api).await;
    assert_eq!(request.body.len(), length);
    assert_eq!(request.headers["content-length"], length.to_string());
    assert_eq!(request.headers["content-type"], content_type);
    assert!(!request.headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn ids_cannot_change_the_address() {
    let (api, client) = accepting().await;
    for (id, path) in [
        ("7", "/base/v2/7"),
        ("../admin", "/base/v2/..%2Fadmin"),
        ("a?b#c", "/base/v2/a%3Fb%23c"),
        ("ü", "/base/v2/%C3%BC"),
    ] {
        let url = client.url(["v2", id]).unwrap();
        client.get(url).operation(Operation::Status).send().await.unwrap();
        assert_eq!(received(&api).await.url.path(), path);
    }
    for id in ["", ".", ".."] {
        assert_eq!(client.url(["v2", id]).unwrap_err().kind(), ErrorKind::InvalidRequest, "{id:?}");
    }
}

#[tokio::test]
async fn loopback_never_uses_a_proxy() {
    let (api, _) = accepting().await;
    let proxy = deaf_address().await;
    let settings = serde_json::from_value(serde_json::json!({ "proxy": proxy })).unwrap();
    let client = HttpClient::builder(api.uri().parse().unwrap(), Arc::new(jumping()))
        .settings(&settings)
        .build()
        .unwrap();
    client.get(client.url(["x"]).unwrap()).operation(Operation::Status).send().await.unwrap();
}

#[tokio::test]
async fn other_hosts_use_the_proxy_but_for_the_exceptions() {
    let proxy = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&proxy).await;
    for (no_proxy, through) in [(vec![], 1), (vec!["10.255.255.0/24"], 0)] {
        let settings: HttpSettings = serde_json::from_value(serde_json::json!({
            "proxy": proxy.uri(), "no_proxy": no_proxy, "danger_http_hosts": ["10.255.255.1"], "connect_timeout": 0.05,
        }))
        .unwrap();
        let client = HttpClient::builder("http://10.255.255.1".parse().unwrap(), Arc::new(SystemClock))
            .settings(&settings)
            .build()
            .unwrap();
        let _ = client.get(client.url(["x"]).unwrap()).operation(Operation::Status).send().await;
        assert_eq!(proxy.received_requests().await.unwrap().len(), through);
        proxy.reset().await;
    }
}

#[test]
fn clients_that_cannot_be_built_say_which_key_is_wrong() {
    let build = |base: &str, settings: serde_json::Value| {
        HttpClient::builder(base.parse().unwrap(), Arc::new(SystemClock))
            .settings(&serde_json::from_value(settings).unwrap())
            .build()
            .map(|_| ())
            .map_err(|e| e.field_path().unwrap_or_default().to_owned())
    };
    let file = |name: &str, content: &str| {
        let path = std::env::temp_dir().join(format!("esign-http-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        path
    };
    let empty = file("empty.pem", "no certificate in here");
    let bad = file("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let json = |value| value;
    for (base, settings, key) in [
        ("https://api.example", json(serde_json::json!({})), None),
        ("http://127.0.0.1:1/x", json(serde_json::json!({})), None),
        ("http://api.example", json(serde_json::json!({})), Some("base_url")),
        ("https://u:p@api.example", json(serde_json::json!({})), Some("base_url")),
        ("https://api.example/?a=b", json(serde_json::json!({})), Some("base_url")),
        ("https://api.example", serde_json::json!({"ca_file": "/nonexistent.pem"}), Some("http.ca_file")),
        ("https://api.example", serde_json::json!({"ca_file": empty}), Some("http.ca_file")),
        ("https://api.example", serde_json::json!({"ca_file": bad}), Some("http.ca_file")),
        ("https://api.example", serde_json::json!({"idle_timeout": 0}), Some("http.idle_timeout")),
    ] {
        assert_eq!(build(base, settings.clone()).err().as_deref(), key, "{base} {settings}");
    }
    for path in [empty, bad] {
        std::fs::remove_file(path).unwrap();
    }
}
