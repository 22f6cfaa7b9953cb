//! The addresses of this application.
//!
//! | address | for |
//! |---|---|
//! | `GET /`, `POST /payments`, `GET /payments/ID` | the visitor's browser |
//! | `POST /payments/ID/supply` | the script in the page: new values for each session at Singpass |
//! | `GET /approved` | the browser, sent back by Singpass: the registered `redirect_uri` |
//! | `GET /jwks.json` | Singpass: our public keys |

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use esign::txn::SingpassTxn;
use esign::{InboundCall, Provider, Retry, TransactionReturn};
use serde::Deserialize;
use uuid::Uuid;

use crate::pages;
use crate::payments::{Payment, Payments};

#[derive(Clone)]
struct App {
    txn: Arc<SingpassTxn>,
    payments: Arc<Payments>,
    https: bool,
}

impl App {
    /// The prefix makes browsers refuse such a cookie from other pages and hosts than this one, where it comes by https.
    fn cookie(&self) -> &'static str {
        if self.https { "__Host-session" } else { "session" }
    }
}

pub(crate) fn router(txn: Arc<SingpassTxn>, payments: Payments, https: bool) -> Router {
    Router::new()
        .route("/", get(|| async { pages::start(None) }))
        .route("/style.css", get(pages::style))
        .route("/payments", post(create))
        .route("/payments/{id}", get(show))
        .route("/payments/{id}/supply", post(supply))
        .route("/approved", get(approved))
        .route("/jwks.json", get(jwks))
        .with_state(App { txn, payments: Arc::new(payments), https })
}

#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    amount: String,
    #[serde(default)]
    account: String,
}

async fn create(State(app): State<App>, headers: HeaderMap, Form(order): Form<Order>) -> Response {
    let known = session(&app, &headers).filter(|session| app.payments.knows(session));
    let session = known.unwrap_or_else(|| Uuid::new_v4().to_string());
    let Some(id) = app.payments.create(&session, &order.amount, &order.account) else {
        return pages::start(Some((&order.amount, &order.account)));
    };
    let secure = if app.https { "; Secure" } else { "" };
    // Lax, not strict: the browser comes back from another site.
    let cookie = format!("{}={session}; Path=/; Max-Age=7200; HttpOnly; SameSite=Lax{secure}", app.cookie());
    ([(header::SET_COOKIE, cookie)], Redirect::to(&format!("/payments/{id}"))).into_response()
}

/// The page with the QR code; once it is approved, what was approved.
async fn show(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Some(payment) = own(&app, &headers, &id) else { return pages::not_found() };
    if payment.approved.is_some() {
        return pages::receipt(&payment);
    }
    match app.txn.page(&format!("/payments/{id}/supply")) {
        Ok(page) => pages::approve(&page.text(payment.text.as_str())),
        Err(error) => failed(&error),
    }
}

/// What `transactionParamsSupplier` returns, made anew at each call: the script asks again for each session.
async fn supply(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Some(payment) = own(&app, &headers, &id) else { return StatusCode::NOT_FOUND.into_response() };
    if payment.approved.is_some() {
        return StatusCode::CONFLICT.into_response();
    }
    let supplied = async { app.txn.supply(&payment.request()?).await };
    match supplied.await {
        Ok(supplied) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (headers, supplied.to_json()).into_response()
        }
        Err(error) => {
            eprintln!("nothing could be supplied: {error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The browser comes back. Whoever else makes such a call, or makes it twice, is refused: the state in it is good once, for the
/// session that it was issued to. The payment is approved when Singpass's answer is verified, and not before.
async fn approved(
    State(app): State<App>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let Some(session) = session(&app, &headers) else { return pages::refused() };
    let call = InboundCall { query, ..InboundCall::get("/approved") };
    // A task of its own: a browser that goes away must not break off between the exchange and keeping its answer.
    let settled = tokio::spawn(async move { settle(&app, &TransactionReturn::new(call, session)).await });
    match settled.await {
        Ok(Ok(id)) => Redirect::to(&format!("/payments/{id}")).into_response(),
        Ok(Err(response)) => response,
        Err(broken) => failed(&broken),
    }
}

/// Returns the payment's id, or what the visitor sees instead of it.
async fn settle(app: &App, back: &TransactionReturn) -> Result<String, Response> {
    let (approved, signed) = app.txn.finish(back).await.map_err(|error| {
        eprintln!("a return was not taken: {error}");
        match error.retry() {
            Retry::Safe { .. } | Retry::Exhausted => pages::again(),
            Retry::OutcomeUnknown => pages::unproved(),
            _ => pages::refused(),
        }
    })?;
    let session = approved.session;
    let id = session.txn_id().as_str().to_owned();
    app.payments.approve(&id, session.txn_hash(), &signed).await.map_err(|error| failed(&error))?;
    Ok(id)
}

/// Our public keys, by which Singpass knows what we sign.
async fn jwks(State(app): State<App>) -> Response {
    let Some(keys) = app.txn.keys() else { return StatusCode::NOT_FOUND.into_response() };
    match keys.jwks().await {
        Ok(jwks) => Json(jwks).into_response(),
        Err(error) => failed(&error),
    }
}

fn own(app: &App, headers: &HeaderMap, id: &str) -> Option<Payment> {
    app.payments.of(&session(app, headers)?, id)
}

/// The session of this browser.
fn session(app: &App, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == app.cookie()).map(|(_, session)| session.to_owned())
}

fn failed(error: &dyn std::error::Error) -> Response {
    eprintln!("{error}");
    pages::broken()
}
