//! Acme's service, as far as the adapter needs it. It knows Acme's wire format by itself: it shares no type with `src/`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use esign_core::VirtualClock;

/// The API key that the service takes.
pub const KEY: &str = "acme-conformance-key";

/// The service. Clones are the same one.
#[derive(Clone)]
pub struct AcmeService {
    /// The clock of service, provider and client.
    pub clock: VirtualClock,
    calls: Arc<Mutex<u32>>,
}

impl AcmeService {
    /// Starts on a free port of the runtime that it is called in.
    pub async fn start() -> (Self, SocketAddr) {
        let clock = VirtualClock::jumping("2026-03-02T01:00:00Z".parse().unwrap());
        let service = Self { clock, calls: Arc::default() };
        let calls = Arc::clone(&service.calls);
        // Next: a route for each operation of Acme's API, in place of this.
        let router = Router::new().fallback(move || {
            *calls.lock().unwrap() += 1;
            async { (StatusCode::NOT_IMPLEMENTED, "next: tests/backend/mod.rs has to answer as Acme does") }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (service, address)
    }

    /// How many calls have arrived.
    pub fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }
}
