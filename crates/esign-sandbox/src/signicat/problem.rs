//! Errors in both forms: those of the service itself, and those of the gateway in front of it on the current platform.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Platform;
use crate::ids;

/// A field rule that an order breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Such as `tasks[0].id`.
    pub(super) path: String,
    pub(super) message: String,
}

/// An error of the service: `{status, type, title, detail}`.
pub(super) fn service(status: StatusCode, detail: impl Into<String>) -> Response {
    (status, Json(service_body(status, &detail.into()))).into_response()
}

/// 400 with the rules that are broken.
pub(super) fn violations(violations: &[Violation]) -> Response {
    let mut body = service_body(StatusCode::BAD_REQUEST, "one or more field rules are broken");
    body["title"] = "Constraint Violation".into();
    let entry =
        |violation: &Violation| json!({ "propertyPath": violation.path, "message": violation.message });
    body["violations"] = violations.iter().map(entry).collect();
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// An error of the gateway (RFC 7807); the older platform has none, and the service answers instead.
pub(super) fn gateway(
    platform: Platform,
    status: StatusCode,
    code: &'static str,
    detail: impl Into<String>,
) -> Response {
    if platform == Platform::Older {
        return service(status, detail);
    }
    let mut body = service_body(status, &detail.into());
    body["code"] = code.into();
    body["traceId"] = ids::token().into();
    let mut response = (status, Json(body)).into_response();
    let problem = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, problem);
    response
}

fn service_body(status: StatusCode, detail: &str) -> Value {
    json!({
        "status": status.as_u16(),
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "detail": detail,
    })
}
