//! Before any procedure: limits, and whose token it is.

use std::sync::Arc;

use axum::extract::{Request, State as Share};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use jiff::SignedDuration;
use serde_json::json;

use super::{Documenso, State, wire};
use crate::ids;

/// What the real server does before any procedure: counts, then asks who calls. Adds the headers of every answer.
pub(super) async fn gate(Share(sim): Share<Arc<Documenso>>, request: Request, next: Next) -> Response {
    sim.tick().await;
    let downloads = request.uri().path().ends_with("/download");
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let (mut response, limits) = match admit(&sim, &headers, &path, downloads) {
        Ok((team, limits)) => {
            let mut request = request;
            request.extensions_mut().insert(Team(team));
            (next.run(request).await, limits)
        }
        Err(refused) => *refused,
    };
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    put("access-control-allow-origin", "*".to_owned());
    put("x-request-id", ids::uuid());
    for (name, value) in limits {
        put(name, value);
    }
    response
}

#[derive(Clone)]
pub(super) struct Team(pub(super) String);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Team {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, StatusCode> {
        // The gate has put it there.
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

type Limits = Vec<(&'static str, String)>;

fn admit(
    sim: &Documenso,
    headers: &HeaderMap,
    path: &str,
    downloads: bool,
) -> Result<(String, Limits), Box<(Response, Limits)>> {
    let now = sim.now();
    let mut state = sim.lock();
    let mut limits = Limits::new();
    if let Some(most) = state.settings.requests_per_minute {
        let minute = now.as_second().div_euclid(60);
        if state.minute.0 != minute {
            state.minute = (minute, 0);
        }
        state.minute.1 += 1;
        let (used, ends) = (state.minute.1, (minute + 1) * 60);
        limits = limit_headers(&[(most, most.saturating_sub(used), ends)]);
        if used > most {
            limits.push(("retry-after", (ends - now.as_second()).to_string()));
            let body = json!({ "error": "Too many requests, please try again later." });
            return Err(Box::new((wire::answer(429, body), limits)));
        }
    }
    let at = procedure(path);
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // `bearer` in lower case is not read.
    let token = given.strip_prefix("Bearer ").unwrap_or(given);
    let fault = |status, code, message| {
        let more = json!({ "statusCode": 401 });
        if downloads {
            let status = if code == "EXPIRED_CODE" { 500 } else { status };
            let text = if status == 500 { "Something went wrong" } else { message };
            return wire::file_error(status, text, Some(code));
        }
        wire::app_error_with(status, code, message, at, &more)
    };
    let team = match state.tokens.get(token) {
        None if token.is_empty() => {
            let response = wire::plain_error(401, "UNAUTHORIZED", "Invalid session or API token.", Some(at));
            return Err(Box::new((response, limits)));
        }
        None => return Err(Box::new((fault(401, "UNAUTHORIZED", "Invalid token"), limits))),
        Some(known) if known.ends.is_some_and(|end| end <= now) => {
            return Err(Box::new((fault(400, "EXPIRED_CODE", "Expired token"), limits)));
        }
        Some(known) => known.team.clone(),
    };
    if let Some(response) = organisation(&mut state, now, at, downloads, &mut limits) {
        return Err(Box::new((response, limits)));
    }
    Ok((team, limits))
}

/// The organisation's window and quotas.
fn organisation(
    state: &mut State,
    now: jiff::Timestamp,
    at: &str,
    downloads: bool,
    limits: &mut Limits,
) -> Option<Response> {
    let refuse = |message: &str| {
        if downloads {
            wire::file_error(500, "Something went wrong", Some("TOO_MANY_REQUESTS"))
        } else {
            wire::app_error(429, "TOO_MANY_REQUESTS", message, at)
        }
    };
    const QUOTA: &str = "Your request could not be completed at this time due to your account exceeding the fair use limits of your current plan. Please contact support.";
    if state.settings.request_quota_used || (state.settings.document_quota_used && at == "envelope.create") {
        return Some(refuse(QUOTA));
    }
    let window = state.settings.organisation_window?;
    let length = SignedDuration::from_secs(window.seconds.into());
    let (begun, used) =
        state.window.filter(|(begun, _)| now.duration_since(*begun) < length).unwrap_or((now, 0));
    state.window = Some((begun, used + 1));
    if used < window.requests {
        return None;
    }
    let left = (begun + length).duration_since(now).as_secs();
    if !downloads {
        // Two limits, two values in one header.
        let most = state.settings.requests_per_minute.unwrap_or(1000);
        let ends = (now.as_second().div_euclid(60) + 1) * 60;
        let own = (window.requests, 0, (begun + length).as_second());
        *limits = limit_headers(&[(most, most.saturating_sub(state.minute.1), ends), own]);
        limits.push(("retry-after", left.to_string()));
    }
    Some(refuse("Too many requests, please try again later. Contact support if you require higher limits."))
}

fn limit_headers(limits: &[(u32, u32, i64)]) -> Limits {
    let list =
        |value: &dyn Fn(&(u32, u32, i64)) -> String| limits.iter().map(value).collect::<Vec<_>>().join(", ");
    vec![
        ("x-ratelimit-limit", list(&|(most, ..)| most.to_string())),
        ("x-ratelimit-remaining", list(&|(_, left, _)| left.to_string())),
        ("x-ratelimit-reset", list(&|(.., ends)| ends.to_string())),
    ]
}

/// The procedure behind a path, as errors name it.
fn procedure(path: &str) -> &'static str {
    let path = path.trim_start_matches("/documenso/api/v2").trim_start_matches("/envelope").trim_matches('/');
    match path {
        "" => "envelope.find",
        "create" => "envelope.create",
        "distribute" => "envelope.distribute",
        "cancel" => "envelope.cancel",
        "delete" => "envelope.delete",
        "redistribute" => "envelope.redistribute",
        "update" => "envelope.update",
        "get-many" => "envelope.getMany",
        _ if path.ends_with("audit-log") => "envelope.auditLog.find",
        _ => "envelope.get",
    }
}
