//! Answers in the shapes that were measured on Documenso 2.17.0.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::store::{Envelope, Field, Item, Recipient};

/// A fault of a rule in the program. `at` is the procedure: `envelope.cancel`.
pub(crate) fn app_error(status: u16, code: &str, message: &str, at: &str) -> Response {
    app_error_with(status, code, message, at, &json!({}))
}

/// The same, with further members of `appError`; its `statusCode` is that of `data` too.
pub(crate) fn app_error_with(status: u16, code: &str, message: &str, at: &str, more: &Value) -> Response {
    let mut app = json!({ "code": code, "message": message });
    merge(&mut app, more);
    let http = more.get("statusCode").cloned().unwrap_or_else(|| json!(status));
    let data = json!({ "code": code, "httpStatus": http, "path": at, "appError": app });
    answer(status, json!({ "message": message, "code": "INTERNAL_SERVER_ERROR", "data": data }))
}

/// A fault of the framework's own, or one that nobody caught.
pub(crate) fn plain_error(status: u16, code: &str, message: &str, at: Option<&str>) -> Response {
    let mut data = json!({ "code": code, "httpStatus": status });
    if let Some(at) = at {
        data["path"] = json!(at);
    }
    answer(status, json!({ "message": message, "code": code, "data": data }))
}

/// What the schema refuses.
pub(crate) fn invalid(issues: &[Value], at: &str) -> Response {
    let data = json!({ "code": "BAD_REQUEST", "httpStatus": 400, "path": at });
    answer(
        400,
        json!({ "message": "Input validation failed", "code": "BAD_REQUEST", "data": data, "issues": issues }),
    )
}

/// The form of downloads.
pub(crate) fn file_error(status: u16, error: &str, code: Option<&str>) -> Response {
    let mut body = json!({ "error": error });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    answer(status, body)
}

pub(crate) fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

/// A PDF under a name, whose letters beyond ASCII come as raw Latin-1 bytes.
pub(crate) fn file(name: &str, content: bytes::Bytes, etag: Option<&str>, cache: &'static str) -> Response {
    let text = format!("attachment; filename=\"{name}\"");
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    let mut response = ([(header::CONTENT_TYPE, "application/pdf"), (header::CACHE_CONTROL, cache)], content)
        .into_response();
    if let Ok(value) = HeaderValue::from_bytes(&latin) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

fn merge(into: &mut Value, more: &Value) {
    if let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) {
        into.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

fn auth() -> Value {
    json!({ "globalAccessAuth": [], "globalActionAuth": [] })
}

/// What every form of an envelope has.
pub(crate) fn brief(envelope: &Envelope) -> Value {
    json!({
        "internalVersion": 2,
        "type": "DOCUMENT",
        "status": envelope.word.as_deref().unwrap_or(envelope.status.word()),
        "source": "DOCUMENT",
        "visibility": "EVERYONE",
        "templateType": "PRIVATE",
        "id": envelope.id,
        "secondaryId": format!("document_{}", envelope.number),
        "externalId": envelope.external_id,
        "createdAt": envelope.created_at,
        "updatedAt": envelope.updated_at,
        "completedAt": envelope.completed_at,
        "deletedAt": envelope.deleted_at,
        "title": envelope.title,
        "authOptions": auth(),
        "formValues": null,
        "publicTitle": "",
        "publicDescription": "",
        "userId": 1,
        "teamId": 1,
        "folderId": null,
    })
}

/// An envelope with everything.
pub(crate) fn whole(envelope: &Envelope) -> Value {
    let mut value = brief(envelope);
    let recipients: Vec<_> = envelope.recipients.iter().map(|r| recipient(envelope, r)).collect();
    let fields: Vec<_> = envelope.fields.iter().map(|f| field(envelope, f)).collect();
    let items = envelope.items.iter().zip(1..).map(|(entry, order)| item(envelope, entry, order));
    merge(
        &mut value,
        &json!({
            "templateId": null,
            "documentMeta": envelope.meta,
            "recipients": recipients,
            "fields": fields,
            "envelopeItems": items.collect::<Vec<_>>(),
            "directLink": null,
            "team": { "id": 1, "url": "personal_sandbox" },
            "user": { "id": 1, "name": "Sandbox Owner", "email": super::OWNER },
        }),
    );
    value
}

/// An entry of a list.
pub(crate) fn entry(envelope: &Envelope) -> Value {
    let mut value = brief(envelope);
    let recipients: Vec<_> = envelope.recipients.iter().map(|r| recipient(envelope, r)).collect();
    merge(
        &mut value,
        &json!({
            "templateId": null,
            "user": { "id": 1, "name": "Sandbox Owner", "email": super::OWNER },
            "recipients": recipients,
            "team": { "id": 1, "url": "personal_sandbox" },
        }),
    );
    value
}

pub(crate) fn recipient(envelope: &Envelope, recipient: &Recipient) -> Value {
    json!({
        "envelopeId": envelope.id,
        "role": recipient.role,
        "readStatus": if recipient.opened { "OPENED" } else { "NOT_OPENED" },
        "signingStatus": recipient.signing,
        "sendStatus": if recipient.sent { "SENT" } else { "NOT_SENT" },
        "id": recipient.id,
        "email": recipient.email,
        "name": recipient.name,
        "token": recipient.token,
        "documentDeletedAt": null,
        "expired": null,
        "expiresAt": recipient.expires_at,
        "expirationNotifiedAt": recipient.notified_at,
        "signedAt": recipient.signed_at,
        "authOptions": { "accessAuth": [], "actionAuth": [] },
        "signingOrder": recipient.order,
        "rejectionReason": recipient.reason,
    })
}

pub(crate) fn field(envelope: &Envelope, field: &Field) -> Value {
    let [x, y, width, height] = field.numbers.map(digits);
    json!({
        "envelopeId": envelope.id,
        "envelopeItemId": envelope.items.get(field.item).map(|item| item.id.clone()),
        "type": field.kind,
        "id": field.id,
        "secondaryId": field.secondary,
        "recipientId": field.recipient,
        "page": field.page as i64,
        "positionX": x,
        "positionY": y,
        "width": width,
        "height": height,
        "customText": field.text,
        "inserted": field.inserted,
        "fieldMeta": field.meta.clone().unwrap_or_else(|| default_meta(&field.kind)),
    })
}

/// Numbers are text, with an exponent where JavaScript writes one.
fn digits(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-6 { format!("{number:e}") } else { format!("{number}") }
}

fn default_meta(kind: &str) -> Value {
    let kind = kind.to_lowercase();
    match kind.as_str() {
        "signature" => json!({ "fontSize": 18, "overflow": "auto", "type": kind }),
        "name" | "initials" => json!({ "fontSize": 12, "type": kind, "textAlign": "left" }),
        _ => json!({ "fontSize": 12, "overflow": "auto", "type": kind, "textAlign": "left" }),
    }
}

fn item(envelope: &Envelope, item: &Item, order: u32) -> Value {
    json!({
        "envelopeId": envelope.id,
        "documentDataId": item.data_id,
        "id": item.id,
        "title": item.title,
        "order": order,
    })
}

/// What distributing answers: the recipients in an order that means nothing, those with a copy first.
pub(crate) fn distributed(envelope: &Envelope, link: impl Fn(&Recipient) -> String) -> Value {
    let mut recipients: Vec<_> = envelope.recipients.iter().collect();
    recipients.sort_by_key(|recipient| !recipient.is_copy());
    let link = |recipient: &&Recipient| {
        json!({
            "id": recipient.id,
            "name": recipient.name,
            "email": recipient.email,
            "token": recipient.token,
            "role": recipient.role,
            "signingOrder": recipient.order,
            "signingUrl": link(recipient),
        })
    };
    json!({ "success": true, "id": envelope.id, "recipients": recipients.iter().map(link).collect::<Vec<_>>() })
}

/// The body of a webhook: also everybody's live token, twice.
pub(crate) fn webhook(envelope: &Envelope, event: &str, now: jiff::Timestamp, url: &str) -> Value {
    let mut order: Vec<_> = envelope.recipients.iter().collect();
    order.sort_by_key(|recipient| !recipient.is_copy());
    let recipients: Vec<_> = order
        .into_iter()
        .map(|r| {
            let mut value = recipient(envelope, r);
            merge(&mut value, &json!({ "documentId": envelope.number, "templateId": null }));
            if let Some(members) = value.as_object_mut() {
                members.remove("expired");
            }
            value
        })
        .collect();
    let mut meta: Map<String, Value> = envelope.meta.clone();
    // Not the envelope's own: constants.
    meta.insert("timezone".to_owned(), json!("Etc/UTC"));
    meta.insert("dateFormat".to_owned(), json!("yyyy-MM-dd hh:mm a"));
    for absent in ["emailId", "emailReplyTo", "envelopeExpirationPeriod"] {
        meta.remove(absent);
    }
    json!({
        "event": event,
        "payload": {
            "id": envelope.number,
            "envelopeId": envelope.id,
            "externalId": envelope.external_id,
            "userId": 1,
            "authOptions": auth(),
            "formValues": null,
            "visibility": "EVERYONE",
            "title": envelope.title,
            "status": envelope.word.as_deref().unwrap_or(envelope.status.word()),
            "createdAt": envelope.created_at,
            "updatedAt": envelope.updated_at,
            "completedAt": envelope.completed_at,
            "deletedAt": envelope.deleted_at,
            "teamId": 1,
            "templateId": null,
            "source": "DOCUMENT",
            "documentMeta": meta,
            "recipients": recipients,
            "Recipient": recipients,
        },
        "createdAt": now,
        "webhookEndpoint": url,
    })
}
