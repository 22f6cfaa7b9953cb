//! The API's calls.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Path, Query, Request, State as Share};
use axum::http::HeaderValue;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get, post};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::gate::{Team, gate};
use super::store::{Envelope, Status};
use super::validate::{self, Issues, Refused, Upload};
use super::{Documenso, State, seal, wire};
use crate::ids;
use crate::observe::operation;
use crate::shared::compute;

type Sim = Share<Arc<Documenso>>;

const MAX_BODY: usize = 256 * 1024 * 1024;

pub(super) fn router<S: Clone + Send + Sync + 'static>(documenso: &Arc<Documenso>) -> Router<S> {
    let shared = &documenso.shared;
    let api = Router::new()
        .route("/envelope/create", operation(shared, "documenso.create", post(create)))
        .route("/envelope/distribute", operation(shared, "documenso.distribute", post(distribute)))
        .route("/envelope", operation(shared, "documenso.find", get(find)))
        .route("/envelope/{id}", operation(shared, "documenso.get", get(single)))
        .route("/envelope/item/{id}/download", operation(shared, "documenso.download", get(download)))
        .route("/envelope/cancel", operation(shared, "documenso.cancel", post(cancel)))
        .route("/envelope/delete", operation(shared, "documenso.delete", post(delete)))
        .route("/envelope/redistribute", operation(shared, "documenso.redistribute", post(redistribute)))
        .route("/envelope/recipient/{id}/reject", operation(shared, "documenso.reject", post(reject)))
        .route("/envelope/{id}/audit-log", operation(shared, "documenso.audit_log", get(audit_log)))
        .route(
            "/envelope/{id}/audit-log/download",
            operation(shared, "documenso.audit_log_pdf", get(audit_log_pdf)),
        )
        .route(
            "/envelope/{id}/certificate/download",
            operation(shared, "documenso.certificate", get(certificate)),
        )
        .route("/envelope/update", operation(shared, "documenso.update", post(update)))
        .route("/envelope/get-many", operation(shared, "documenso.get_many", post(get_many)))
        .route("/envelope/field/create-many", operation(shared, "documenso.field_create", post(field_create)))
        .fallback(any(nothing))
        .method_not_allowed_fallback(nothing)
        .layer(from_fn_with_state(documenso.clone(), gate))
        .with_state(documenso.clone());
    Router::new().nest("/documenso/api/v2", api)
}

async fn nothing() -> Response {
    not_found()
}

fn not_found() -> Response {
    wire::plain_error(404, "NOT_FOUND", "Not found", None)
}

/// A JSON body; what is none is told as the framework tells it.
async fn body(request: Request, at: &str) -> Result<Value, Box<Response>> {
    let parse = || Box::new(wire::plain_error(400, "PARSE_ERROR", "Failed to parse request body", Some(at)));
    let bytes = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| parse())?;
    serde_json::from_slice(&bytes).map_err(|_| parse())
}

fn envelope_id(body: &Value, at: &str) -> Result<String, Box<Response>> {
    let mut issues = Issues::default();
    let id = issues.text(body.get("envelopeId"), &["envelopeId".into()], 0, 10_000);
    if issues.0.is_empty() { Ok(id) } else { Err(Box::new(wire::invalid(&issues.0, at))) }
}

/// `envelope_` and 16 letters or digits. Measured: 14 of them are an id too, one is not.
fn well_formed(id: &str) -> bool {
    id.strip_prefix("envelope_").is_some_and(|rest| {
        rest.len() >= 14 && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// The envelope, or how the server says that it is not there.
fn known<'a>(
    state: &'a mut State,
    team: &str,
    id: &str,
    at: &str,
) -> Result<&'a mut Envelope, Box<Response>> {
    if !well_formed(id) {
        return Err(Box::new(wire::app_error(400, "INVALID_BODY", "Invalid envelope ID", at)));
    }
    let missing = || Box::new(wire::app_error(404, "NOT_FOUND", "Envelope could not be found", at));
    state.store.of(team, id).ok_or_else(missing)
}

async fn create(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.create";
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        return wire::plain_error(400, "PARSE_ERROR", "Failed to parse request body", Some(AT));
    };
    let (mut payload, mut uploads) = (String::new(), Vec::new());
    while let Ok(Some(part)) = form.next_field().await {
        if part.name() == Some("payload") {
            payload = part.text().await.unwrap_or_default();
        } else if part.name() == Some("files") {
            let name = part.file_name().unwrap_or_default().to_owned();
            let content_type = part.content_type().unwrap_or_default().to_owned();
            let Ok(bytes) = part.bytes().await else { break };
            uploads.push(Upload { name, content_type, bytes });
        }
    }
    let settings = sim.lock().settings.clone();
    let new = match validate::create(&payload, uploads, &settings) {
        Ok(new) => new,
        Err(Refused::Issues(issues)) => return wire::invalid(&issues, AT),
        Err(Refused::Rule(status, code, message, more)) => {
            return wire::app_error_with(status, code, &message, AT, &more);
        }
    };
    let files = new.files.clone();
    let kept =
        compute(move || files.iter().map(|(_, file)| seal::keep(file)).collect::<Option<Vec<_>>>()).await;
    let Some(kept) = kept else {
        return wire::app_error(400, "INVALID_DOCUMENT_FILE", "The document is not a valid PDF", AT);
    };
    let now = sim.now();
    let envelope = sim.lock().store.create(&team, new, &kept, now).clone();
    sim.webhook(&envelope, "DOCUMENT_CREATED", now);
    wire::answer(200, json!({ "id": envelope.id }))
}

async fn distribute(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.distribute";
    let id = match body(request, AT).await.and_then(|body| envelope_id(&body, AT)) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let now = sim.now();
    let (answer, envelope) = {
        let mut state = sim.lock();
        let envelope = match known(&mut state, &team, &id, AT) {
            Ok(envelope) => envelope,
            Err(response) => return *response,
        };
        if let Some(refusal) = cannot_send(envelope, AT) {
            return refusal;
        }
        let mailed = envelope.distribute(now);
        let envelope = envelope.clone();
        sim.invite(&state, &envelope, &mailed, false);
        (wire::distributed(&envelope, |recipient| sim.link(&state, recipient)), envelope)
    };
    sim.webhook(&envelope, "DOCUMENT_SENT", now);
    wire::answer(200, answer)
}

/// Faults that are the caller's, mostly as 500.
fn cannot_send(envelope: &Envelope, at: &str) -> Option<Response> {
    let failed = |message| Some(wire::plain_error(500, "INTERNAL_SERVER_ERROR", message, Some(at)));
    if envelope.recipients.is_empty() {
        return failed("Document has no recipients");
    }
    if envelope.ended() {
        return failed("Can not send completed document");
    }
    let lacks = |recipient: &&super::store::Recipient| {
        let signs = |kind: &str| matches!(kind, "SIGNATURE" | "FREE_SIGNATURE");
        recipient.role == "SIGNER"
            && !envelope.fields.iter().any(|field| field.recipient == recipient.id && signs(&field.kind))
    };
    let without: Vec<_> = envelope
        .recipients
        .iter()
        .filter(lacks)
        .map(|recipient| format!("{} ({}, id: {})", recipient.name, recipient.email, recipient.id))
        .collect();
    if without.is_empty() {
        return None;
    }
    let message = format!(
        "The following recipients are missing required fields: {}. Signers must have at least one signature field.",
        without.join(", ")
    );
    Some(wire::app_error(400, "MISSING_SIGNATURE_FIELD", &message, at))
}

async fn redistribute(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.redistribute";
    let body = match body(request, AT).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let id = match envelope_id(&body, AT) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let wanted: Vec<u64> = body
        .get("recipients")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect();
    if wanted.is_empty() {
        let issue = json!({
            "code": "too_small", "minimum": 1, "type": "array", "inclusive": true, "exact": false,
            "message": "Array must contain at least 1 element(s)", "path": ["recipients"],
        });
        return wire::invalid(&[issue], AT);
    }
    let now = sim.now();
    let (answer, envelope) = {
        let mut state = sim.lock();
        let envelope = match known(&mut state, &team, &id, AT) {
            Ok(envelope) => envelope,
            Err(response) => return *response,
        };
        if let Some(refusal) = cannot_send(envelope, AT) {
            return refusal;
        }
        let mailed = envelope.remind(&wanted, now);
        let envelope = envelope.clone();
        sim.invite(&state, &envelope, &mailed, true);
        let mut answer = wire::distributed(&envelope, |recipient| sim.link(&state, recipient));
        if let Some(list) = answer["recipients"].as_array_mut() {
            list.reverse();
        }
        (answer, envelope)
    };
    sim.webhook(&envelope, "DOCUMENT_REMINDER_SENT", now);
    wire::answer(200, answer)
}

async fn single(Share(sim): Sim, Team(team): Team, Path(id): Path<String>) -> Response {
    let mut state = sim.lock();
    match known(&mut state, &team, &id, "envelope.get") {
        Ok(envelope) => wire::answer(200, wire::whole(envelope)),
        Err(response) => *response,
    }
}

async fn find(Share(sim): Sim, Team(team): Team, Query(query): Query<HashMap<String, String>>) -> Response {
    let number = |name: &str, default: usize| query.get(name).and_then(|n| n.parse().ok()).unwrap_or(default);
    let (page, per_page) = (number("page", 1).max(1), number("perPage", 10).clamp(1, 100));
    let text = query.get("query").map(|text| text.to_lowercase()).unwrap_or_default();
    let state = sim.lock();
    let matches = |envelope: &&Envelope| {
        envelope.team == team
            && envelope.deleted_at.is_none()
            && query.get("status").is_none_or(|status| status == envelope.status.word())
            && (text.is_empty()
                || texts(envelope).iter().any(|candidate| like(&text, &candidate.to_lowercase())))
    };
    let mut found: Vec<_> = state.store.envelopes.values().filter(matches).collect();
    found.reverse();
    let pages = found.len().div_ceil(per_page);
    let data: Vec<_> =
        found.iter().skip((page - 1) * per_page).take(per_page).map(|e| wire::entry(e)).collect();
    let answer = json!({
        "data": data, "count": found.len(), "currentPage": page, "perPage": per_page, "totalPages": pages,
    });
    wire::answer(200, answer)
}

fn texts(envelope: &Envelope) -> Vec<&str> {
    let own = [Some(envelope.title.as_str()), envelope.external_id.as_deref()].into_iter().flatten();
    own.chain(envelope.recipients.iter().flat_map(|r| [r.name.as_str(), r.email.as_str()])).collect()
}

/// SQL's LIKE around a text: `%` matches anything, `_` one character; neither is escaped.
fn like(pattern: &str, text: &str) -> bool {
    fn begins(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => true,
            Some(('%', rest)) => (0..=text.len()).any(|skip| begins(rest, &text[skip..])),
            Some((c, rest)) => {
                text.split_first().is_some_and(|(t, left)| (*c == '_' || c == t) && begins(rest, left))
            }
        }
    }
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    (0..=text.len()).any(|start| begins(&pattern, &text[start..]))
}

async fn download(
    Share(sim): Sim,
    Team(team): Team,
    Path(item): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let version = query.get("version").map_or("signed", String::as_str).to_owned();
    if !["signed", "original", "pending"].contains(&version.as_str()) {
        let issue =
            json!({ "path": ["version"], "message": "Invalid enum value", "code": "invalid_enum_value" });
        return wire::answer(400, json!({ "data": query, "error": [issue] }));
    }
    let found = sim.lock().store.envelopes.values().find_map(|envelope| {
        let index = envelope.items.iter().position(|i| i.id == item).filter(|_| envelope.team == team)?;
        Some((envelope.clone(), index))
    });
    let Some((envelope, index)) = found else {
        return wire::file_error(404, "Envelope item not found", None);
    };
    let stored = &envelope.items[index];
    let stem = stored.title.strip_suffix(".pdf").unwrap_or(&stored.title);
    let sealed =
        stored.sealed.as_ref().filter(|_| matches!(envelope.status, Status::Completed | Status::Rejected));
    let cached = "no-cache, no-store, must-revalidate";
    let (name, content, cache) = match version.as_str() {
        "original" => (format!("{stem}.pdf"), stored.kept.clone(), cached),
        // Without a seal it is the unsigned file, under the name of the signed one.
        "signed" => (format!("{stem}_signed.pdf"), sealed.unwrap_or(&stored.kept).clone(), cached),
        _ => {
            let code = match envelope.status {
                Status::Pending => None,
                Status::Draft => Some("ENVELOPE_DRAFT"),
                Status::Completed => Some("ENVELOPE_COMPLETED"),
                Status::Rejected => Some("ENVELOPE_REJECTED"),
                Status::Cancelled => Some("INVALID_REQUEST"),
            };
            if let Some(code) = code {
                let message =
                    format!("Envelope {} must be pending to download a partially signed PDF", envelope.id);
                return wire::file_error(400, &message, Some(code));
            }
            let job = envelope.clone();
            let Some(content) = compute(move || seal::pending(&job, index)).await else {
                return wire::file_error(500, "Something went wrong", None);
            };
            (format!("{stem}_pending.pdf"), content, "no-store, private")
        }
    };
    let etag = ids::digest(&content);
    let mut response = wire::file(&name, content, Some(&etag), cache);
    if version != "pending" {
        response.headers_mut().insert("pragma", HeaderValue::from_static("no-cache"));
        response.headers_mut().insert("expires", HeaderValue::from_static("0"));
    }
    response
}

async fn cancel(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.cancel";
    let id = match body(request, AT).await.and_then(|body| envelope_id(&body, AT)) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let now = sim.now();
    let envelope = {
        let mut state = sim.lock();
        let envelope = match known(&mut state, &team, &id, AT) {
            Ok(envelope) => envelope,
            Err(response) => return *response,
        };
        if envelope.status != Status::Pending {
            return wire::app_error(400, "INVALID_REQUEST", "Only pending documents can be cancelled", AT);
        }
        envelope.status = Status::Cancelled;
        (envelope.completed_at, envelope.updated_at, envelope.seal_at) = (Some(now), now, None);
        envelope.note(now, "DOCUMENT_CANCELLED", None, &json!({}));
        envelope.clone()
    };
    for recipient in sim.recipients_of(&envelope, "documentDeleted") {
        sim.mail(&recipient.email, "Document cancelled", &envelope.title, None, now);
    }
    sim.webhook(&envelope, "DOCUMENT_CANCELLED", now);
    wire::answer(200, json!({ "success": true }))
}

async fn delete(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.delete";
    let id = match body(request, AT).await.and_then(|body| envelope_id(&body, AT)) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let now = sim.now();
    let envelope = {
        let mut state = sim.lock();
        let Some(envelope) = state.store.of(&team, &id) else {
            return wire::app_error(404, "NOT_FOUND", "Document not found", AT);
        };
        let number = envelope.number;
        if envelope.ended() {
            envelope.deleted_at = envelope.deleted_at.or(Some(now));
            envelope.clone()
        } else {
            let envelope = envelope.clone();
            state.store.envelopes.remove(&number);
            envelope
        }
    };
    if envelope.status == Status::Pending {
        for recipient in sim.recipients_of(&envelope, "documentDeleted").iter().filter(|r| r.sent) {
            sim.mail(&recipient.email, "Document cancelled", &envelope.title, None, now);
        }
    }
    // Whatever it was, the event is that of a cancellation.
    sim.webhook(&envelope, "DOCUMENT_CANCELLED", now);
    wire::answer(200, json!({ "success": true }))
}

async fn reject(Share(sim): Sim, Team(team): Team, Path(id): Path<String>, request: Request) -> Response {
    const AT: &str = "envelope.recipient.reject";
    let body = match body(request, AT).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let envelope_id = match envelope_id(&body, AT) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    let now = sim.now();
    let mut state = sim.lock();
    let delay = SignedDuration::from_secs(state.settings.seal_seconds.into());
    let envelope = match known(&mut state, &team, &envelope_id, AT) {
        Ok(envelope) => envelope,
        Err(response) => return *response,
    };
    let Some(index) = envelope.recipients.iter().position(|r| r.id.to_string() == id) else {
        return wire::app_error(404, "NOT_FOUND", "Recipient not found", AT);
    };
    let recipient = &envelope.recipients[index];
    let expired = recipient.expires_at.is_some_and(|end| end <= now);
    if envelope.status != Status::Pending || !recipient.is_open() || expired {
        return wire::app_error(400, "INVALID_REQUEST", "Recipient cannot be rejected", AT);
    }
    envelope.reject(index, &reason, now, delay);
    let recipient = &envelope.recipients[index];
    let mut answer = wire::recipient(envelope, recipient);
    let own = envelope.fields.iter().filter(|field| field.recipient == recipient.id);
    answer["fields"] = own.map(|field| wire::field(envelope, field)).collect();
    wire::answer(200, answer)
}

async fn audit_log(
    Share(sim): Sim,
    Team(team): Team,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let number = |name: &str, default: usize| query.get(name).and_then(|n| n.parse().ok()).unwrap_or(default);
    let (page, per_page) = (number("page", 1).max(1), number("perPage", 10).clamp(1, 100));
    let mut state = sim.lock();
    match known(&mut state, &team, &id, "envelope.auditLog.find") {
        Ok(envelope) => {
            let data: Vec<_> = envelope.log.iter().skip((page - 1) * per_page).take(per_page).collect();
            let answer = json!({
                "data": data, "count": envelope.log.len(), "currentPage": page, "perPage": per_page,
                "totalPages": envelope.log.len().div_ceil(per_page),
            });
            wire::answer(200, answer)
        }
        Err(response) => *response,
    }
}

/// Made anew at each call, so no two are the same.
async fn audit_log_pdf(Share(sim): Sim, Team(team): Team, Path(id): Path<String>) -> Response {
    let now = sim.now();
    let mut state = sim.lock();
    let envelope = match known(&mut state, &team, &id, "envelope.auditLog.download") {
        Ok(envelope) => envelope,
        Err(_) => return wire::file_error(404, "Envelope not found", None),
    };
    let events = envelope.log.iter().map(|event| format!("{} {}", event["createdAt"], event["type"]));
    let lines: Vec<_> = std::iter::once(format!("printed {now} {}", ids::token())).chain(events).collect();
    let name = format!("{}_audit-log.pdf", envelope.title);
    wire::file(&name, seal::paper("Audit log", &lines), None, "no-cache, no-store, must-revalidate")
}

async fn certificate(Share(sim): Sim, Team(team): Team, Path(id): Path<String>) -> Response {
    let mut state = sim.lock();
    let envelope = match known(&mut state, &team, &id, "envelope.certificate.download") {
        Ok(envelope) => envelope,
        Err(_) => return wire::file_error(404, "Envelope not found", None),
    };
    if envelope.status != Status::Completed {
        return wire::file_error(500, "Something went wrong", Some("DOCUMENT_NOT_COMPLETE"));
    }
    let lines: Vec<_> = envelope.recipients.iter().map(|r| format!("{} {}", r.name, r.signing)).collect();
    let name = format!("{}_certificate.pdf", envelope.title);
    wire::file(&name, seal::paper("Certificate", &lines), None, "no-cache, no-store, must-revalidate")
}

/// Title and reference can be changed while it is pending, although the documents say they cannot.
async fn update(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.update";
    let body = match body(request, AT).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let id = match envelope_id(&body, AT) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let now = sim.now();
    let mut state = sim.lock();
    match known(&mut state, &team, &id, AT) {
        Ok(envelope) => {
            if let Some(title) = body["data"]["title"].as_str() {
                title.clone_into(&mut envelope.title);
            }
            if let Some(reference) = body["data"]["externalId"].as_str() {
                envelope.external_id = Some(reference.to_owned());
            }
            envelope.updated_at = now;
            wire::answer(200, wire::brief(envelope))
        }
        Err(response) => *response,
    }
}

async fn get_many(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.getMany";
    let body = match body(request, AT).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let mut state = sim.lock();
    let ids = body["ids"]["ids"].as_array().cloned().unwrap_or_default();
    let found: Vec<_> = ids
        .iter()
        .filter_map(|id| state.store.of(&team, id.as_str()?).map(|envelope| wire::whole(envelope)))
        .collect();
    wire::answer(200, json!({ "data": found }))
}

async fn field_create(Share(sim): Sim, Team(team): Team, request: Request) -> Response {
    const AT: &str = "envelope.field.createMany";
    let body = match body(request, AT).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let id = match envelope_id(&body, AT) {
        Ok(id) => id,
        Err(response) => return *response,
    };
    let mut state = sim.lock();
    let number = match known(&mut state, &team, &id, AT) {
        Ok(envelope) => envelope.number,
        Err(response) => return *response,
    };
    let mut made = Vec::new();
    for wanted in body["data"].as_array().cloned().unwrap_or_default() {
        let part = |name: &str| wanted[name].as_f64().unwrap_or_default();
        let numbers = [part("positionX"), part("positionY"), part("width"), part("height")];
        let kind = wanted["type"].as_str().unwrap_or("SIGNATURE").to_owned();
        let recipient = wanted["recipientId"].as_u64().unwrap_or_default();
        made.push(state.store.field(recipient, 0, kind, part("page"), numbers, None));
    }
    let Some(envelope) = state.store.envelopes.get_mut(&number) else { return not_found() };
    envelope.fields.extend(made.iter().cloned());
    let data: Vec<_> = made
        .iter()
        .map(|field| {
            let mut value = wire::field(envelope, field);
            value["documentId"] = json!(envelope.number);
            value["templateId"] = Value::Null;
            value
        })
        .collect();
    wire::answer(200, json!({ "data": data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_takes_percent_and_underscore_for_anything() {
        for (pattern, text, expected) in [
            ("ref-00", "ref-0001", true),
            ("ref_0001", "ref-0001", true),
            ("s_me-ref", "same-ref", true),
            ("%", "", true),
            ("a%c", "xabbcx", true),
            ("ref-1", "ref-0001", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
