//! The calls of the API, the download and the key set.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;

use super::links::LinkRefused;
use super::settings::ResultPaths;
use super::wire::{self, Refused};
use super::{JWKS_PATH, Singpass};
use crate::observe::operation;
use crate::pages::not_found;

pub(super) fn router<S: Clone + Send + Sync + 'static>(singpass: &Arc<Singpass>) -> Router<S> {
    let shared = &singpass.shared;
    Router::new()
        .route("/api/v3/sign-requests", operation(shared, "singpass.initiate", post(initiate)))
        .route("/api/v3/sign-requests/{id}/signed-doc", operation(shared, "singpass.result", get(by_hyphen)))
        .route(
            "/api/v3/sign-requests/{id}/signed_doc",
            operation(shared, "singpass.result", get(by_underscore)),
        )
        .route("/api/v3/sign-requests/cancel", operation(shared, "singpass.cancel", post(cancel)))
        .route("/singpass/documents/{token}", operation(shared, "singpass.download", get(download)))
        .route(JWKS_PATH, operation(shared, "singpass.jwks", get(keys)))
        .with_state(singpass.clone())
}

async fn initiate(State(singpass): State<Arc<Singpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let initiated = match media_type(&headers) {
        Some(kind) if kind.eq_ignore_ascii_case("application/octet-stream") => {
            singpass.initiate(&headers, body).await
        }
        _ => Err(Refused::InvalidRequest("Content-Type must be application/octet-stream".to_owned())),
    };
    match initiated {
        Ok(initiated) => {
            let created = singpass.settings().created_is_201;
            (if created { StatusCode::CREATED } else { StatusCode::OK }, Json(initiated)).into_response()
        }
        Err(refused) => wire::error(refused, &singpass.settings()),
    }
}

async fn by_hyphen(singpass: State<Arc<Singpass>>, id: Path<String>, headers: HeaderMap) -> Response {
    result(singpass, id, headers, ResultPaths::Hyphen).await
}

async fn by_underscore(singpass: State<Arc<Singpass>>, id: Path<String>, headers: HeaderMap) -> Response {
    result(singpass, id, headers, ResultPaths::Underscore).await
}

async fn result(
    State(singpass): State<Arc<Singpass>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    path: ResultPaths,
) -> Response {
    let settings = singpass.settings();
    if settings.result_paths != ResultPaths::Both && settings.result_paths != path {
        return not_found().await;
    }
    match singpass.result(&id, &headers).await {
        Ok(result) => Json(result).into_response(),
        Err(refused) => wire::error(refused, &settings),
    }
}

async fn cancel(State(singpass): State<Arc<Singpass>>, headers: HeaderMap) -> Response {
    let settings = singpass.settings();
    if !settings.cancel {
        return not_found().await;
    }
    match singpass.cancel(&headers).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refused) => wire::error(refused, &settings),
    }
}

/// GET signed_doc_url: whoever has the link.
async fn download(State(singpass): State<Arc<Singpass>>, Path(token): Path<String>) -> Response {
    let now = singpass.now();
    let state = singpass.lock();
    match state.store.published(&token, now) {
        Ok(request) => {
            let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CACHE_CONTROL, "no-store")];
            (headers, request.pdf.clone()).into_response()
        }
        Err(LinkRefused::Expired) => wire::error(Refused::LinkExpired, &state.settings),
        Err(LinkRefused::Unknown) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn keys(State(singpass): State<Arc<Singpass>>) -> Response {
    Json(singpass.own_keys().jwks()).into_response()
}

/// The media type without parameters.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}
