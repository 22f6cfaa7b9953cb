//! A relying party: its JWKS, its webhook.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use esign_sandbox::singpass::{Client, ClientKeys};
use serde_json::{Value, json};

pub(crate) use crate::key::Key;

pub(crate) const CLIENT: &str = "9RgGCHe8X1";

/// How the webhook answers.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Status(u16),
    /// Never.
    Silence,
}

/// What arrived, and what is to be answered.
#[derive(Default)]
pub(crate) struct Inbox {
    /// The JWKS that is served; `None` answers 500.
    pub(crate) jwks: Mutex<Option<Value>>,
    pub(crate) jwks_calls: AtomicUsize,
    /// Bodies and content types.
    posts: Mutex<Vec<(String, String)>>,
    /// For the next webhooks; then 200.
    answers: Mutex<VecDeque<Answer>>,
}

pub(crate) struct Rp {
    pub(crate) key: Key,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) address: SocketAddr,
}

impl Rp {
    pub(crate) async fn start() -> Self {
        let key = Key::new("rp-1", "ES256");
        let inbox = Arc::new(Inbox::default());
        *inbox.jwks.lock().unwrap() = Some(json!({ "keys": [key.jwk()] }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/jwks", get(jwks))
            .route("/webhook", post(webhook))
            .with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { key, inbox, address }
    }

    pub(crate) fn client(&self) -> Client {
        let url = |path: &str| format!("http://{}/{path}", self.address).parse().unwrap();
        Client {
            client_id: CLIENT.to_owned(),
            keys: ClientKeys::Url(url("jwks")),
            redirect_url: "https://rp.example/back?case=7".parse().unwrap(),
            webhook_url: url("webhook"),
        }
    }

    pub(crate) fn jwks_calls(&self) -> usize {
        self.inbox.jwks_calls.load(Ordering::SeqCst)
    }

    pub(crate) fn serve_keys(&self, keys: &[Value]) {
        *self.inbox.jwks.lock().unwrap() = Some(json!({ "keys": keys }));
    }

    pub(crate) fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.inbox.answers.lock().unwrap().extend(answers);
    }

    /// The tokens received so far.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let posts = self.inbox.posts.lock().unwrap();
        let token = |(body, kind): &(String, String)| {
            assert_eq!(kind, "application/json");
            let body: serde_json::Map<String, Value> = serde_json::from_str(body).unwrap();
            assert_eq!(body.len(), 1);
            body["token"].as_str().unwrap().to_owned()
        };
        posts.iter().map(token).collect()
    }
}

async fn jwks(State(inbox): State<Arc<Inbox>>) -> Response {
    inbox.jwks_calls.fetch_add(1, Ordering::SeqCst);
    match &*inbox.jwks.lock().unwrap() {
        Some(set) => axum::Json(set).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn webhook(State(inbox): State<Arc<Inbox>>, headers: axum::http::HeaderMap, body: String) -> Response {
    let kind = headers["content-type"].to_str().unwrap().to_owned();
    inbox.posts.lock().unwrap().push((body, kind));
    let answer = inbox.answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(200));
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Silence => std::future::pending().await,
    }
}
