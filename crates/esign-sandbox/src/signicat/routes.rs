//! The token endpoints and the sixteen calls of the API, on both platforms.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Extension, Json, Router};
use bytes::Bytes;

use super::problem::{gateway, service, violations};
use super::progress::{File, FileKind};
use super::settings::{Downloads, SignicatSettings};
use super::store::DeleteRefused;
use super::validate::Invalid;
use super::{Links, Platform, Signicat, State as Inner, media_type, token, validate, wire};
use crate::observe::operation;
use crate::shared::compute;
use crate::signing::signable;

type Service = State<Arc<Signicat>>;

pub(super) fn router<S: Clone + Send + Sync + 'static>(signicat: &Arc<Signicat>) -> Router<S> {
    let tokens = Router::new()
        .route(Platform::Current.token_path(), token_endpoint(signicat).layer(Extension(Platform::Current)))
        .route(Platform::Older.token_path(), token_endpoint(signicat).layer(Extension(Platform::Older)));
    [Platform::Current, Platform::Older]
        .into_iter()
        .fold(tokens, |router, platform| router.nest(platform.base_path(), api(signicat, platform)))
        .route("/signicat/files/{ticket}", operation(&signicat.shared, "signicat.file", get(elsewhere)))
        .with_state(signicat.clone())
}

fn token_endpoint(signicat: &Arc<Signicat>) -> MethodRouter<Arc<Signicat>> {
    operation(&signicat.shared, "signicat.token", post(issue))
}

fn api(signicat: &Arc<Signicat>, platform: Platform) -> Router<Arc<Signicat>> {
    let call = |name, route: MethodRouter<_>| operation(&signicat.shared, name, route).fallback(wrong_verb);
    let also = |name, route: MethodRouter<_>| operation(&signicat.shared, name, route);
    let task = "/orders/{order}/tasks/{task}";
    let document = format!("{task}/documents/{{document}}");
    let packaging = "/orders/{order}/packaging-tasks/{packaging}";
    Router::new()
        .route("/documents", call("signicat.upload", post(upload)))
        .route(
            "/documents/{id}",
            call("signicat.document", get(uploaded))
                .merge(also("signicat.delete_document", delete(delete_uploaded))),
        )
        .route(
            "/archive-documents/{id}",
            call("signicat.archived", get(archived))
                .merge(also("signicat.delete_archived", delete(delete_archived))),
        )
        .route("/orders", call("signicat.create", post(create)))
        .route(
            "/orders/{order}",
            call("signicat.get", get(order)).merge(also("signicat.delete", delete(delete_order))),
        )
        .route(&format!("{task}/status"), call("signicat.task_status", get(task_status)))
        .route(&format!("{task}/events"), call("signicat.events", get(events)))
        .route(&format!("{task}/forwards"), call("signicat.forwards", get(forwards)))
        .route(&format!("{document}/original"), call("signicat.original", get(original)))
        .route(&format!("{document}/generated"), call("signicat.generated", get(generated)))
        .route(&format!("{document}/result"), call("signicat.evidence", get(evidence)))
        .route(&format!("{packaging}/status"), call("signicat.packaging_status", get(packaging_status)))
        .route(&format!("{packaging}/result"), call("signicat.packaged", get(packaged)))
        .fallback(wrong_path)
        .layer(Extension(platform))
}

/// POST to the token endpoint of either platform.
async fn issue(
    State(signicat): Service,
    Extension(platform): Extension<Platform>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = signicat.now();
    let Inner { clients, tokens, settings, .. } = &mut *signicat.lock();
    match token::authenticate(&headers, &body, platform, clients) {
        Ok(client) => {
            token::granted(&tokens.issue(&client.client_id, platform, now, settings), platform, settings)
        }
        Err(refused) => refused.into_response(),
    }
}

/// POST /documents.
async fn upload(State(signicat): Service, caller: Caller, headers: HeaderMap, body: Bytes) -> Response {
    let kind = match media_type(&headers).as_deref() {
        Some("application/pdf") => FileKind::Pdf,
        Some("text/plain") => FileKind::Text,
        _ => {
            let detail = "the document must be of type application/pdf or text/plain";
            return service(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        }
    };
    if body.is_empty() {
        return caller.empty();
    }
    if let Some(most) = signicat.settings().max_document_bytes.filter(|most| body.len() > *most) {
        let detail = format!("the document must not be larger than {most} bytes");
        return service(StatusCode::PAYLOAD_TOO_LARGE, &detail);
    }
    let checked = compute(move || match kind {
        FileKind::Pdf => signable(&body).map(|_| File::new(body, kind)),
        FileKind::Text | FileKind::Evidence => Ok(File::new(body, kind)),
    });
    let file = match checked.await {
        Ok(file) => file,
        Err(unsignable) => {
            let detail = format!("the document is not an acceptable PDF: {unsignable}");
            return service(StatusCode::BAD_REQUEST, detail);
        }
    };
    let now = signicat.now();
    let Inner { store, settings, .. } = &mut *signicat.lock();
    let id = store.upload(&caller.client_id, file, now, settings.session_minutes);
    (created(settings), Json(serde_json::json!({ "documentId": id }))).into_response()
}

/// GET /documents/{documentId}.
async fn uploaded(State(signicat): Service, caller: Caller, Path(id): Path<String>) -> Response {
    let file = signicat.lock().store.upload_of(&caller.client_id, &id, signicat.now()).cloned();
    file.map_or_else(|| not_found("there is no such document"), |file| signicat.hand_out(&file, &caller))
}

/// DELETE /documents/{documentId}.
async fn delete_uploaded(State(signicat): Service, caller: Caller, Path(id): Path<String>) -> Response {
    let now = signicat.now();
    let Inner { store, settings, .. } = &mut *signicat.lock();
    if store.delete_upload(&caller.client_id, &id, now) {
        deleted(settings)
    } else {
        not_found("there is no such document")
    }
}

/// GET /archive-documents/{archiveId}.
async fn archived(State(signicat): Service, caller: Caller, Path(id): Path<String>) -> Response {
    let file = signicat.lock().store.archived(&caller.client_id, &id).cloned();
    file.map_or_else(
        || not_found("there is no such archived document"),
        |file| signicat.hand_out(&file, &caller),
    )
}

/// DELETE /archive-documents/{archiveId}.
async fn delete_archived(State(signicat): Service, caller: Caller, Path(id): Path<String>) -> Response {
    let Inner { store, settings, .. } = &mut *signicat.lock();
    if store.delete_archived(&caller.client_id, &id) {
        deleted(settings)
    } else {
        not_found("there is no such archived document")
    }
}

/// POST /orders.
async fn create(State(signicat): Service, caller: Caller, headers: HeaderMap, body: Bytes) -> Response {
    if body.is_empty() {
        return caller.empty();
    }
    if media_type(&headers).as_deref() != Some("application/json") {
        return service(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the order must be of type application/json");
    }
    let settings = signicat.settings();
    let order = match validate::read(&body, &settings) {
        Ok(order) => order,
        Err(Invalid::Unreadable(detail)) => return service(StatusCode::BAD_REQUEST, detail),
        Err(Invalid::Violations(broken)) => return violations(&broken),
    };
    match signicat.create(&caller, order) {
        Ok(order) => (created(&settings), Json(order)).into_response(),
        Err(broken) => violations(&broken),
    }
}

/// GET /orders/{orderId}.
async fn order(State(signicat): Service, caller: Caller, Path(id): Path<String>) -> Response {
    let state = signicat.lock();
    match state.store.of(&caller.client_id, &id, signicat.now()) {
        Some(order) => Json(wire::order(order, &caller.links(&signicat), None)).into_response(),
        None => no_order(),
    }
}

/// DELETE /orders/{orderId}.
async fn delete_order(State(signicat): Service, caller: Caller, Path(id): Path<String>) -> Response {
    let now = signicat.now();
    let Inner { store, settings, .. } = &mut *signicat.lock();
    match store.delete(&caller.client_id, &id, now, settings.delete_signed) {
        Ok(()) => deleted(settings),
        Err(DeleteRefused::NotFound) => no_order(),
        Err(DeleteRefused::Signed) => service(StatusCode::CONFLICT, "the order has a completed task"),
    }
}

/// GET /orders/{orderId}/tasks/{taskId}/status.
async fn task_status(
    State(signicat): Service,
    caller: Caller,
    Path((id, task)): Path<(String, String)>,
) -> Response {
    let now = signicat.now();
    let Inner { store, settings, .. } = &*signicat.lock();
    let order = store.with_status(&caller.client_id, &id, now, settings.deleted_orders);
    let Some(order) = order else { return no_order() };
    let Some(index) = order.task_index(&task) else { return no_task() };
    Json(wire::task_status(order, index, &caller.links(&signicat), settings, now)).into_response()
}

/// GET /orders/{orderId}/tasks/{taskId}/events.
async fn events(
    State(signicat): Service,
    caller: Caller,
    Path((id, task)): Path<(String, String)>,
) -> Response {
    let now = signicat.now();
    let Inner { store, settings, .. } = &*signicat.lock();
    let Some(order) = store.of(&caller.client_id, &id, now) else { return no_order() };
    let Some((_, run)) = order.task(&task) else { return no_task() };
    Json(wire::events(&run.events, settings, now)).into_response()
}

/// GET /orders/{orderId}/tasks/{taskId}/forwards.
async fn forwards(
    State(signicat): Service,
    caller: Caller,
    Path((id, task)): Path<(String, String)>,
) -> Response {
    let state = signicat.lock();
    let Some(order) = state.store.of(&caller.client_id, &id, signicat.now()) else { return no_order() };
    if order.task_index(&task).is_none() {
        return no_task();
    }
    let about = order.forwards.iter().filter(|forward| forward.original_task == task || forward.task == task);
    Json(wire::forwards(&order.id, about)).into_response()
}

/// Order, task and document.
type DocumentPath = Path<(String, String, String)>;

/// GET …/documents/{docId}/original.
async fn original(State(signicat): Service, caller: Caller, path: DocumentPath) -> Response {
    signicat.document_file(&caller, path, |_, run| run.original.clone())
}

/// GET …/documents/{docId}/generated: forms are not filled here, so that it is the original once more.
async fn generated(State(signicat): Service, caller: Caller, path: DocumentPath) -> Response {
    signicat.document_file(&caller, path, |document, run| {
        document.form.as_ref().and(run.evidence.as_ref()).and(run.original.clone())
    })
}

/// GET …/documents/{docId}/result.
async fn evidence(State(signicat): Service, caller: Caller, path: DocumentPath) -> Response {
    signicat.document_file(&caller, path, |_, run| run.evidence.as_ref().map(|kept| kept.file.clone()))
}

/// GET /orders/{orderId}/packaging-tasks/{packagingTaskId}/status.
async fn packaging_status(
    State(signicat): Service,
    caller: Caller,
    Path((id, packaging)): Path<(String, String)>,
) -> Response {
    let now = signicat.now();
    let Inner { store, settings, .. } = &*signicat.lock();
    let Some(order) = store.of(&caller.client_id, &id, now) else { return no_order() };
    let Some(index) = order.packaging_index(&packaging) else { return no_packaging() };
    Json(wire::packaging_status(order, index, &caller.links(&signicat), settings, now)).into_response()
}

/// GET /orders/{orderId}/packaging-tasks/{packagingTaskId}/result.
async fn packaged(
    State(signicat): Service,
    caller: Caller,
    Path((id, packaging)): Path<(String, String)>,
) -> Response {
    let now = signicat.now();
    let file = {
        let Inner { store, settings, .. } = &*signicat.lock();
        let Some(order) = store.of(&caller.client_id, &id, now) else { return no_order() };
        let Some(index) = order.packaging_index(&packaging) else { return no_packaging() };
        match order.packaged(index, now) {
            Some(kept) => kept.file.clone(),
            None => return not_ready(settings),
        }
    };
    signicat.hand_out(&file, &caller)
}

impl Signicat {
    fn document_file(
        &self,
        caller: &Caller,
        Path((id, task, document)): DocumentPath,
        file: impl FnOnce(&super::order::TaskDocument, &super::progress::DocumentRun) -> Option<File>,
    ) -> Response {
        let found = {
            let Inner { store, settings, .. } = &*self.lock();
            let Some(order) = store.of(&caller.client_id, &id, self.now()) else { return no_order() };
            if order.task_index(&task).is_none() {
                return no_task();
            }
            let Some((spec, run)) = order.document(&task, &document) else {
                return not_found("there is no such document in the task");
            };
            match file(spec, run) {
                Some(file) => file,
                None => return not_ready(settings),
            }
        };
        self.hand_out(&found, caller)
    }

    /// The file itself, or the way to it.
    fn hand_out(&self, file: &File, caller: &Caller) -> Response {
        let downloads = self.settings().downloads;
        let Some(ticket) = self.ticket(file, caller, downloads) else { return bytes_of(file) };
        (StatusCode::FOUND, [(header::LOCATION, ticket)]).into_response()
    }

    /// Where to fetch the file instead; `None` if it is in the answer.
    fn ticket(&self, file: &File, caller: &Caller, downloads: Downloads) -> Option<String> {
        let other_host = match downloads {
            Downloads::Direct => return None,
            Downloads::Redirect => false,
            Downloads::OtherHost => true,
        };
        let mut url = self.shared.base_url.clone();
        if other_host {
            let host = match url.host_str() {
                Some("127.0.0.1") => "localhost",
                Some("localhost") => "127.0.0.1",
                _ => return None,
            };
            url.set_host(Some(host)).ok()?;
        }
        let client_id = (!other_host).then(|| (caller.client_id.clone(), caller.platform));
        let id = crate::ids::token();
        url.set_path(&format!("/signicat/files/{id}"));
        self.lock().tickets.insert(id, (file.clone(), client_id));
        Some(url.into())
    }
}

/// A file behind a `Location`: within the API it wants the token again, elsewhere it must not see one.
async fn elsewhere(State(signicat): Service, Path(ticket): Path<String>, headers: HeaderMap) -> Response {
    let now = signicat.now();
    let state = signicat.lock();
    let Some((file, wanted)) = state.tickets.get(&ticket) else { return not_found("there is no such file") };
    let Some((client_id, platform)) = wanted else {
        if headers.contains_key(header::AUTHORIZATION) {
            let detail = "a token was sent to a host that it is not for";
            return service(StatusCode::BAD_REQUEST, detail);
        }
        return bytes_of(file);
    };
    let holder = token::bearer(&headers).and_then(|token| state.tokens.holder(token, *platform, now));
    if holder == Some(client_id) { bytes_of(file) } else { unauthorized(*platform) }
}

/// The client whose token came with the request, and the platform at which it arrived.
pub(super) struct Caller {
    pub(super) client_id: String,
    pub(super) platform: Platform,
}

impl Caller {
    fn links<'a>(&self, signicat: &'a Signicat) -> Links<'a> {
        Links { shared: &signicat.shared, platform: self.platform }
    }

    fn empty(&self) -> Response {
        gateway(self.platform, StatusCode::BAD_REQUEST, "empty_payload", "the request has no body")
    }
}

impl FromRequestParts<Arc<Signicat>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, signicat: &Arc<Signicat>) -> Result<Self, Response> {
        let platform = parts.extensions.get().copied().unwrap_or(Platform::Current);
        let now = signicat.now();
        let state = signicat.lock();
        let holder =
            token::bearer(&parts.headers).and_then(|token| state.tokens.holder(token, platform, now));
        let client = holder.and_then(|client_id| state.clients.get(client_id));
        let elsewhere = token::bearer(&parts.headers).and_then(|token| state.tokens.platform_of(token, now));
        let client = client.ok_or_else(|| match elsewhere {
            Some(other) if other != platform => of_the_other_platform(platform, other),
            _ => unauthorized(platform),
        })?;
        if !client.permitted {
            let detail = "the client has no permission to use the Signature API";
            return Err(gateway(platform, StatusCode::FORBIDDEN, "forbidden", detail));
        }
        Ok(Self { client_id: client.client_id.clone(), platform })
    }
}

fn bytes_of(file: &File) -> Response {
    ([(header::CONTENT_TYPE, file.kind.media_type())], file.bytes.clone()).into_response()
}

fn created(settings: &SignicatSettings) -> StatusCode {
    if settings.created_is_201 { StatusCode::CREATED } else { StatusCode::OK }
}

fn deleted(settings: &SignicatSettings) -> Response {
    if settings.deleted_is_204 { StatusCode::NO_CONTENT } else { StatusCode::OK }.into_response()
}

fn unauthorized(platform: Platform) -> Response {
    let detail = "the access token is missing, wrong or expired";
    gateway(platform, StatusCode::UNAUTHORIZED, "invalid_token", detail)
}

/// Clients of the one platform that reach an address of the other have a good token, and need to be told where it counts.
fn of_the_other_platform(here: Platform, of: Platform) -> Response {
    let detail = format!(
        "the access token is for the platform at {}, and this address, {}, belongs to the other one: use the addresses of \
         one platform for tokens and calls",
        of.base_path(),
        here.base_path()
    );
    gateway(here, StatusCode::UNAUTHORIZED, "invalid_token", &detail)
}

fn not_found(detail: &str) -> Response {
    service(StatusCode::NOT_FOUND, detail)
}

fn no_order() -> Response {
    not_found("there is no such order")
}

fn no_task() -> Response {
    not_found("there is no such task in the order")
}

fn no_packaging() -> Response {
    not_found("there is no such packaging task in the order")
}

fn not_ready(settings: &SignicatSettings) -> Response {
    let status = StatusCode::from_u16(settings.not_ready_status).unwrap_or(StatusCode::NOT_FOUND);
    service(status, "there is no result yet")
}

async fn wrong_verb(Extension(platform): Extension<Platform>, method: Method) -> Response {
    let detail = format!("{method} is not possible here");
    gateway(platform, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

async fn wrong_path(Extension(platform): Extension<Platform>, uri: Uri) -> Response {
    gateway(platform, StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {}", uri.path()))
}
