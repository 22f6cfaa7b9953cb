//! A program that receives URL notifications.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::any;

#[derive(Default)]
struct Inbox {
    /// Method and address of each call.
    calls: Mutex<Vec<String>>,
    /// For the next calls; then 200.
    answers: Mutex<VecDeque<u16>>,
}

pub(crate) struct Receiver {
    inbox: Arc<Inbox>,
    address: SocketAddr,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inbox = Arc::new(Inbox::default());
        let router = Router::new().route("/hook", any(received)).with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inbox, address }
    }

    /// The address, with a query of its own.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?org=7", self.address)
    }

    pub(crate) fn answer_next(&self, answers: impl IntoIterator<Item = u16>) {
        self.inbox.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.inbox.calls.lock().unwrap().clone()
    }
}

async fn received(State(inbox): State<Arc<Inbox>>, request: Request) -> StatusCode {
    inbox.calls.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
    let status = inbox.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}
