//! The addresses of this application.
//!
//! | address | for |
//! |---|---|
//! | `GET /`, `POST /sign`, `GET /signing`, `GET /signing/document.pdf` | the visitor's browser |
//! | `GET /INSTANCE/jwks.json` | the provider: our public keys |
//! | `GET /INSTANCE/redirect` | the browser, sent back by the provider |
//! | `POST /INSTANCE/webhook` | the provider: news |

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use esign::{InboundCall, SignRequest};

use crate::pages;
use crate::signings::{Failure, Signings};
use crate::store::{Progress, Signing};

/// No webhook is larger.
const MAX_BODY: usize = 64 << 10;
const COOKIE: &str = "signing";

#[derive(Clone)]
struct App {
    signings: Arc<Signings>,
    request: Arc<SignRequest>,
    https: bool,
}

pub(crate) fn router(signings: Arc<Signings>, request: SignRequest, https: bool) -> Router {
    Router::new()
        .route("/", get(start))
        .route("/document.pdf", get(document))
        .route("/sign", post(sign))
        .route("/signing", get(signing))
        .route("/signing/document.pdf", get(signed_document))
        .route("/{instance}/jwks.json", get(jwks))
        .route("/{instance}/redirect", get(redirect))
        .route("/{instance}/webhook", post(webhook))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(App { signings, request: Arc::new(request), https })
}

async fn start(State(app): State<App>) -> Response {
    let capabilities =
        app.signings.client.active().and_then(|name| app.signings.client.capabilities(&name).ok());
    let ways = capabilities.map(|capabilities| capabilities.deliveries).unwrap_or_default();
    let button = ways.into_iter().find(|way| way.delivery == app.request.delivery).and_then(|way| way.button);
    pages::start(app.request.documents[0].name(), button.as_ref())
}

async fn document(State(app): State<App>) -> Response {
    pdf(app.request.documents[0].content().clone())
}

/// The button. The request is made now, because its link works for a limited time, and the browser is led to it at once.
async fn sign(State(app): State<App>) -> Response {
    // A task of its own: a browser that goes away must not break off between sending and storing.
    let begun = tokio::spawn(async move { app.signings.begin(&app.request).await }).await;
    match begun.unwrap_or_else(|broken| Err(broken.into())) {
        Ok(begun) => {
            let secure = if app.https { "; Secure" } else { "" };
            let session = begun.session;
            // Lax, not strict: the browser comes back from another site.
            let cookie = format!("{COOKIE}={session}; Path=/; Max-Age=7200; HttpOnly; SameSite=Lax{secure}");
            let headers = [
                (header::LOCATION, begun.link.expose().to_string()),
                (header::SET_COOKIE, cookie),
                (header::CACHE_CONTROL, "no-store".to_owned()),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
            ];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(error) => {
            eprintln!("a signing could not begin: {error}");
            pages::problem(StatusCode::BAD_GATEWAY, "The signing could not begin. Please try again.")
        }
    }
}

/// How the signing of this browser stands.
async fn signing(State(app): State<App>, headers: HeaderMap) -> Response {
    match show(&app, &headers).await {
        Ok(response) => response,
        Err(error) => failed(&error),
    }
}

async fn show(app: &App, headers: &HeaderMap) -> Result<Response, Failure> {
    let Some(signing) = own(app, headers).await? else { return Ok(pages::nothing()) };
    Ok(match &signing.progress {
        Progress::Waiting | Progress::Told => pages::waiting(),
        Progress::Ended(how) => pages::ended(how),
        Progress::Signed => {
            let signed = app.signings.store.signed(&signing.handle.key()).await?;
            pages::signed(&app.signings.verify(&signing.record, &signed).await?)
        }
    })
}

async fn signed_document(State(app): State<App>, headers: HeaderMap) -> Response {
    let document = async {
        match own(&app, &headers).await? {
            Some(Signing { handle, progress: Progress::Signed, .. }) => {
                Ok(pdf(app.signings.store.signed(&handle.key()).await?.content))
            }
            _ => Ok(pages::problem(StatusCode::NOT_FOUND, "There is no signed document for this browser.")),
        }
    };
    document.await.unwrap_or_else(|error: Failure| failed(&error))
}

/// Our public keys, by which the provider knows our calls.
async fn jwks(State(app): State<App>, Path(instance): Path<String>) -> Response {
    let keys = app.signings.client.provider(&instance).ok().and_then(|provider| provider.keys());
    match keys {
        Some(keys) => match keys.jwks().await {
            Ok(jwks) => Json(jwks).into_response(),
            Err(error) => failed(&error.into()),
        },
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The browser comes back. Anybody can make such a call, whatever it says: it is a reason to look at the signing that this
/// browser began, and at no other.
async fn redirect(
    State(app): State<App>,
    Path(instance): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let call = InboundCall { query, ..InboundCall::get(format!("/{instance}/redirect")) };
    let hinted = app.signings.hinted(&instance, &call).await;
    match own(&app, &headers).await {
        Ok(Some(signing)) if hinted == Some(signing.handle.key()) => {
            app.signings.settle(&signing.handle.key()).await;
        }
        Ok(_) => {}
        Err(error) => return failed(&error),
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/signing")]).into_response()
}

/// The provider tells. The body is handed on byte for byte: its signature is over these bytes.
async fn webhook(
    State(app): State<App>,
    Path(instance): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let headers = headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut call = InboundCall::post(format!("/{instance}/webhook"), body);
    call.headers = headers.collect();
    let reply = app.signings.receive(&instance, &call).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, reply.body).into_response()
}

/// The signing that this browser began.
async fn own(app: &App, headers: &HeaderMap) -> Result<Option<Signing>, Failure> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    match pairs.find(|(name, _)| *name == COOKIE) {
        Some((_, token)) => app.signings.store.bound_to(token).await,
        None => Ok(None),
    }
}

fn pdf(content: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}

fn failed(error: &Failure) -> Response {
    eprintln!("{error}");
    pages::problem(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
}
