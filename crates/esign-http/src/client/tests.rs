//! Calls against a mock server and against sockets that misbehave.

mod downloads;
mod echo;
mod faults;
mod observed;
mod replay;
mod wire;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::{SystemClock, VirtualClock};
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::Outgoing;

/// A clock that never waits, so that no test does.
fn jumping() -> VirtualClock {
    VirtualClock::jumping("2026-01-01T00:00:00Z".parse().unwrap())
}

fn client(base: &str) -> HttpClient {
    HttpClient::builder(base.parse().unwrap(), Arc::new(jumping())).build().unwrap()
}

fn client_on(base: &str, clock: &VirtualClock) -> HttpClient {
    HttpClient::builder(base.parse().unwrap(), Arc::new(clock.clone())).build().unwrap()
}

/// What a connection of a raw server does after it has read the head of a request.
type Behaviour = fn(TcpStream, String) -> futures_util::future::BoxFuture<'static, ()>;

/// A server of our own: wiremock always answers properly. Returns its address and what it was asked.
async fn raw_server(behave: Behaviour) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                let head = read_head(&mut socket).await;
                seen.lock().unwrap().push(head.clone());
                behave(socket, head).await;
            });
        }
    });
    (address, heads)
}

async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).await.is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// An address that nobody listens at.
async fn deaf_address() -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Sends token 1, then 2 after the first refusal.
#[derive(Debug, Default)]
struct Renewing {
    made: Mutex<u32>,
    refusals: Mutex<u32>,
}

#[async_trait]
impl Authorize for Renewing {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        *self.made.lock().unwrap() += 1;
        let token = *self.refusals.lock().unwrap() + 1;
        request.set_authorization(&format!("Bearer {token}"))
    }

    async fn refused(&self, sent: Option<&HeaderValue>) -> Result<bool> {
        let mut refusals = self.refusals.lock().unwrap();
        assert_eq!(sent.unwrap().to_str().unwrap(), format!("Bearer {}", *refusals + 1));
        *refusals += 1;
        Ok(true)
    }
}
