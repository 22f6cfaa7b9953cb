//! Logs never show a path, a query, credentials or content. One test in a process of its own: tests beside it would switch
//! spans on and off for each other.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use esign_core::{Operation, Result, VirtualClock};
use esign_http::{Authorize, HttpClient, Outgoing};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Marked;

#[async_trait]
impl Authorize for Marked {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        request.set_authorization("Bearer marker")
    }
}

#[tokio::test]
async fn no_trace_shows_path_query_credentials_or_content() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || Log::clone(&writer))
        .init();

    let api = MockServer::start().await;
    let refusal = ResponseTemplate::new(400).set_body_string(r#"{"message":"no user marker@example.com"}"#);
    Mock::given(any()).respond_with(refusal).mount(&api).await;
    for base in [api.uri(), losing_server().await, deaf_address().await] {
        let clock = Arc::new(VirtualClock::jumping("2026-01-01T00:00:00Z".parse().unwrap()));
        let client =
            HttpClient::builder(base.parse().unwrap(), clock).auth(Arc::new(Marked)).build().unwrap();
        let call = client.post(client.url(["marker"]).unwrap()).query("token", "marker");
        let call = call.operation(Operation::Status).form(&[("secret", "marker")]).replayable();
        call.send().await.unwrap_err();
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in
        ["HTTP request{", "esign.operation=\"status\"", "error.kind=\"connect\"", "error.kind=\"connection\""]
    {
        assert!(log.contains(expected), "{expected} is not in {log}");
    }
    // At the highest level, and of every library that writes to `tracing` here.
    for line in log.lines() {
        assert!(!line.contains("marker"), "{line}");
    }
}

/// Accepts connections and drops them.
async fn losing_server() -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    format!("http://{address}")
}

/// An address that nobody listens at.
async fn deaf_address() -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
