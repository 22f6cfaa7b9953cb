//! Signify's JSON, field by field in the order of the guide's samples.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::settings::{ErrorStyle, IdStyle, MessageStyle, SignifySettings};
use super::store::{Document, Invitation};
use super::validate::Mode;

#[derive(Serialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    document_id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_links: Option<Vec<SigningLink>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SigningLink {
    signing_link: String,
    total_signatures: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListEntry<'a> {
    id: Id,
    document_name: &'a str,
    expires_at: String,
    created_at: String,
    status: &'static str,
    document_mode: Mode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Single<'a> {
    id: Id,
    document_name: &'a str,
    document_url: String,
    expires_at: String,
    created_at: String,
    status: &'static str,
    signing_invitations: Vec<InvitationStatus<'a>>,
    document_mode: Mode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InvitationStatus<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    signatory: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_link: Option<String>,
    total_signatures: usize,
    status: &'static str,
    completed_signatures: Vec<CompletedSignature<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CompletedSignature<'a> {
    name: &'a str,
    time_stamp: String,
}

pub(crate) fn created(
    document: &Document,
    link: impl Fn(&str) -> String,
    settings: &SignifySettings,
) -> Created {
    let style = match (settings.ids, document.mode) {
        (IdStyle::AsDocumented, Mode::Link) => IdStyle::Strings,
        (style, _) => style,
    };
    let links = document.invitations.iter().map(|invitation| SigningLink {
        signing_link: link(&invitation.link),
        total_signatures: invitation.placeholders.len(),
    });
    Created {
        document_id: id(document.id, style),
        signing_links: (document.mode == Mode::Link).then(|| links.collect()),
    }
}

pub(crate) fn list_entry<'a>(document: &'a Document, settings: &SignifySettings) -> ListEntry<'a> {
    ListEntry {
        id: id(document.id, settings.ids),
        document_name: &document.name,
        expires_at: time(document.expires_at),
        created_at: time(document.created_at),
        status: status(document.is_signed()),
        document_mode: document.mode,
    }
}

pub(crate) fn single<'a>(
    document: &'a Document,
    document_url: String,
    link: impl Fn(&str) -> String,
    settings: &SignifySettings,
) -> Single<'a> {
    let invitation = |invitation: &'a Invitation| InvitationStatus {
        signatory: invitation.email.as_deref(),
        signing_link: (document.mode == Mode::Link).then(|| link(&invitation.link)),
        total_signatures: invitation.placeholders.len(),
        status: status(invitation.is_signed()),
        completed_signatures: invitation
            .completed
            .iter()
            .map(|completed| CompletedSignature { name: &completed.name, time_stamp: time(completed.at) })
            .collect(),
    };
    Single {
        id: id(document.id, settings.ids),
        document_name: &document.name,
        document_url,
        expires_at: time(document.expires_at),
        created_at: time(document.created_at),
        status: status(document.is_signed()),
        signing_invitations: document.invitations.iter().map(invitation).collect(),
        document_mode: document.mode,
    }
}

/// An error body in the style that is set. `messages` is not empty.
pub(crate) fn error(status: StatusCode, messages: &[String], settings: &SignifySettings) -> Response {
    let message = match settings.messages {
        MessageStyle::List if status == StatusCode::BAD_REQUEST => serde_json::json!(messages),
        MessageStyle::List | MessageStyle::Text => serde_json::json!(messages.join("; ")),
    };
    let mut body = serde_json::json!({ "message": message });
    if settings.errors == ErrorStyle::Nest {
        body["statusCode"] = status.as_u16().into();
        // NestJS leaves `error` out where the message is the status's own reason.
        if let Some(reason) = status.canonical_reason().filter(|reason| body["message"] != *reason) {
            body["error"] = reason.into();
        }
    }
    (status, Json(body)).into_response()
}

/// 429; `wait` is for `Retry-After`.
pub(crate) fn too_many_requests(wait_seconds: i64, settings: &SignifySettings) -> Response {
    let message = match settings.errors {
        ErrorStyle::Plain => "Too Many Requests",
        ErrorStyle::Nest => "ThrottlerException: Too Many Requests",
    };
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, &[message.to_owned()], settings);
    if settings.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, wait_seconds.into());
    }
    response
}

fn id(id: u64, style: IdStyle) -> Id {
    match style {
        IdStyle::Strings => Id::Text(id.to_string()),
        IdStyle::Numbers | IdStyle::AsDocumented => Id::Number(id),
    }
}

fn status(signed: bool) -> &'static str {
    if signed { "signed" } else { "draft" }
}

/// RFC 3339, UTC, milliseconds.
fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}
