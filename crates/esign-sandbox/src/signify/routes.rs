//! The five calls of the API and the download.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};

use super::settings::{DocumentUrlKey, ExpiredUrl};
use super::store::{DeleteRefused, UrlRefused};
use super::validate::Refused;
use super::{Signify, State as Inner, form, wire};
use crate::observe::operation;

pub(super) fn router<S: Clone + Send + Sync + 'static>(signify: &Arc<Signify>) -> Router<S> {
    let shared = &signify.shared;
    let documents = operation(shared, "signify.create", post(create))
        .merge(operation(shared, "signify.list", get(list)))
        .fallback(no_route);
    let document = operation(shared, "signify.get", get(single))
        .merge(operation(shared, "signify.delete", delete(remove)))
        .fallback(no_route);
    let download = operation(shared, "signify.download", get(download));
    Router::new()
        .route("/public/v2/documents", documents.clone())
        .route("/public/v2/documents/", documents)
        .route("/public/v2/documents/{id}", document.clone())
        .route("/public/v2/documents/{id}/", document)
        .route("/public", any(no_route))
        .route("/public/", any(no_route))
        .route("/public/{*rest}", any(no_route))
        .route("/api/v1/bucket/{id}", download)
        .with_state(signify.clone())
}

/// POST v2/documents.
async fn create(State(signify): State<Arc<Signify>>, User(user): User, request: Request) -> Response {
    let refuse = |status, messages: &[String]| wire::error(status, messages, &signify.settings());
    let form = match form::read(request).await {
        Ok(form) => form,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, &[message]),
    };
    match signify.create(user, form).await {
        Ok(created) => {
            let created_is_201 = signify.settings().created_is_201;
            let status = if created_is_201 { StatusCode::CREATED } else { StatusCode::OK };
            (status, Json(created)).into_response()
        }
        Err(Refused::BadRequest(defects)) => refuse(StatusCode::BAD_REQUEST, &defects),
        Err(Refused::TooLarge(message)) => refuse(StatusCode::PAYLOAD_TOO_LARGE, &[message]),
    }
}

/// GET v2/documents: oldest first, as in the guide's sample.
async fn list(State(signify): State<Arc<Signify>>, User(user): User) -> Response {
    let now = signify.now();
    let Inner { store, settings, .. } = &*signify.lock();
    let entries: Vec<_> = store
        .all()
        .filter(|document| document.owner == user && (settings.list_expired || !document.is_expired(now)))
        .map(|document| wire::list_entry(document, settings))
        .collect();
    Json(entries).into_response()
}

/// GET v2/documents/:id.
async fn single(State(signify): State<Arc<Signify>>, User(user): User, Path(id): Path<String>) -> Response {
    let now = signify.now();
    let Inner { store, settings, .. } = &mut *signify.lock();
    let id = number(&id).filter(|id| store.document(*id, now).is_some_and(|document| document.owner == user));
    let Some(id) = id else { return not_found(settings) };
    let url = signify
        .shared
        .url(&format!("/api/v1/bucket/{}", store.publish(id, now, settings.document_url_minutes)));
    let Some(document) = store.document(id, now) else { return not_found(settings) };
    Json(wire::single(document, url, |link| signify.signing_url(link), settings)).into_response()
}

/// DELETE v2/documents/:id.
async fn remove(State(signify): State<Arc<Signify>>, User(user): User, Path(id): Path<String>) -> Response {
    let now = signify.now();
    let Inner { store, settings, .. } = &mut *signify.lock();
    let Some(id) = number(&id) else { return not_found(settings) };
    match store.delete(&user, id, now, settings.delete_signed) {
        Ok(()) => Json(serde_json::json!({ "message": "Document deleted" })).into_response(),
        Err(DeleteRefused::NotFound) => not_found(settings),
        Err(DeleteRefused::Signed) => {
            let message = "a signed document cannot be deleted".to_owned();
            wire::error(StatusCode::BAD_REQUEST, &[message], settings)
        }
    }
}

/// GET documentUrl.
async fn download(
    State(signify): State<Arc<Signify>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let now = signify.now();
    let Inner { store, settings, keys } = &*signify.lock();
    let refuse = |status: StatusCode, message: &str| wire::error(status, &[message.to_owned()], settings);
    let user = bearer(&headers).and_then(|key| keys.get(key)).map(|key| &key.user);
    match settings.document_url_key {
        DocumentUrlKey::Refused if headers.contains_key(header::AUTHORIZATION) => {
            return refuse(StatusCode::FORBIDDEN, "the link is signed: send no Authorization header");
        }
        DocumentUrlKey::Required if user.is_none() => return unauthorized(settings),
        DocumentUrlKey::Refused | DocumentUrlKey::Required | DocumentUrlKey::Optional => {}
    }
    match store.published(&id, now) {
        Ok(document) => {
            let foreign = user.is_some_and(|user| *user != document.owner);
            if settings.document_url_key == DocumentUrlKey::Required && foreign {
                return not_found(settings);
            }
            ([(header::CONTENT_TYPE, "application/pdf")], document.pdf.clone()).into_response()
        }
        Err(UrlRefused::Unknown) => not_found(settings),
        Err(UrlRefused::Expired) => {
            let status = match settings.expired_document_url {
                ExpiredUrl::Forbidden => StatusCode::FORBIDDEN,
                ExpiredUrl::NotFound => StatusCode::NOT_FOUND,
                ExpiredUrl::Gone => StatusCode::GONE,
            };
            refuse(status, "the link has expired")
        }
    }
}

/// The user whose API key came with the request, which is within that key's rate limit.
struct User(String);

impl FromRequestParts<Arc<Signify>> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, signify: &Arc<Signify>) -> Result<Self, Response> {
        let now = signify.now();
        let Inner { keys, settings, .. } = &mut *signify.lock();
        let key = bearer(&parts.headers).and_then(|key| keys.get_mut(key));
        let key = key.ok_or_else(|| unauthorized(settings))?;
        if let Some(limit) = settings.rate_limit {
            key.window.admit(now, limit).map_err(|wait| {
                let whole = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
                wire::too_many_requests(whole, settings)
            })?;
        }
        Ok(Self(key.user.clone()))
    }
}

/// The token of `Authorization: Bearer …`; the scheme in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) =
        headers.get(header::AUTHORIZATION).map(HeaderValue::to_str)?.ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// An id as it was given out: neither `+6` nor `06` is one.
fn number(id: &str) -> Option<u64> {
    id.parse().ok().filter(|number: &u64| number.to_string() == id)
}

fn unauthorized(settings: &super::SignifySettings) -> Response {
    wire::error(StatusCode::UNAUTHORIZED, &["Unauthorized".to_owned()], settings)
}

fn not_found(settings: &super::SignifySettings) -> Response {
    wire::error(StatusCode::NOT_FOUND, &["Not Found".to_owned()], settings)
}

/// Anything else under /public, version 1 included: it is deprecated, and this sandbox does not have it.
async fn no_route(State(signify): State<Arc<Signify>>, method: Method, uri: Uri) -> Response {
    let mut message = format!("Cannot {method} {}", uri.path());
    if uri.path().starts_with("/public/v1/") {
        message.push_str(" (API v1 is deprecated: use /public/v2/documents)");
    }
    wire::error(StatusCode::NOT_FOUND, &[message], &signify.settings())
}
