//! Access tokens by client credentials (RFC 6749, 4.4), as each platform hands them out.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use url::form_urlencoded;

use super::progress::later;
use super::settings::{Client, SignicatSettings};
use super::{Clients, Platform};
use crate::ids;
use crate::jose::OwnKey;

/// Who holds a token, where it is good, until when.
struct Grant {
    client_id: String,
    platform: Platform,
    until: Timestamp,
}

/// Tokens are looked up, never read: that they are JWTs is for clients that look for the account in them.
pub(super) struct Tokens {
    grants: HashMap<String, Grant>,
    key: OwnKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    client_id: &'a str,
    /// The provider's own client sends this back with every call.
    account_id: String,
    scope: [&'static str; 1],
    jti: String,
    iat: i64,
    exp: i64,
}

/// What a request at a token endpoint is answered with instead of a token (RFC 6749, 5.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenRefused {
    error: &'static str,
    description: &'static str,
    /// The client tried the `Authorization` header.
    by_header: bool,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self { grants: HashMap::new(), key: OwnKey::generate("signicat-sandbox".to_owned()) }
    }

    pub(super) fn issue(
        &mut self,
        client_id: &str,
        platform: Platform,
        now: Timestamp,
        settings: &SignicatSettings,
    ) -> String {
        self.grants.retain(|_, grant| now < grant.until);
        let until = later(now, Duration::from_secs(settings.token_seconds.into()));
        let token = self.key.sign(&Claims {
            client_id,
            account_id: format!("a-sandbox-{client_id}"),
            scope: [platform.scope()],
            jti: ids::token(),
            iat: now.as_second(),
            exp: until.as_second(),
        });
        self.grants.insert(token.clone(), Grant { client_id: client_id.to_owned(), platform, until });
        token
    }

    /// Whose token it is.
    pub(super) fn holder(&self, token: &str, platform: Platform, now: Timestamp) -> Option<&str> {
        let grant = self.grants.get(token).filter(|grant| grant.platform == platform && now < grant.until)?;
        Some(&grant.client_id)
    }

    /// The platform that gave the token out, if it is good there.
    pub(super) fn platform_of(&self, token: &str, now: Timestamp) -> Option<Platform> {
        self.grants.get(token).filter(|grant| now < grant.until).map(|grant| grant.platform)
    }

    /// No token is good any more.
    pub(super) fn revoke_all(&mut self) {
        self.grants.clear();
    }
}

/// The client that asks for a token, if everything about the request is right.
pub(super) fn authenticate<'a>(
    headers: &HeaderMap,
    body: &[u8],
    platform: Platform,
    clients: &'a Clients,
) -> Result<&'a Client, TokenRefused> {
    let by_header = headers.contains_key(header::AUTHORIZATION);
    let refuse = |error, description| TokenRefused { error, description, by_header };
    let bad_request = |description| refuse("invalid_request", description);
    if !is_form(headers) {
        return Err(bad_request("the body must be application/x-www-form-urlencoded"));
    }
    let mut form = HashMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if form.insert(name, value).is_some() {
            return Err(bad_request("a parameter is given twice"));
        }
    }
    let parameter = |name: &str| form.get(name).map(AsRef::as_ref);
    match parameter("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(refuse("unsupported_grant_type", "grant_type must be client_credentials")),
        None => return Err(bad_request("grant_type is missing")),
    }
    let client = match (basic(headers), platform) {
        (Some(Some((id, secret))), _) => {
            // A client in public repeats its id in the form.
            if parameter("client_id").is_some_and(|repeated| repeated != id.raw && repeated != id.decoded) {
                return Err(bad_request("client_id differs from the one in the Authorization header"));
            }
            clients.values().find(|client| id.is(&client.client_id) && secret.is(&client.client_secret))
        }
        (Some(None), _) => {
            return Err(refuse("invalid_client", "the Authorization header is not a Basic one"));
        }
        (None, Platform::Current) => clients.values().find(|client| {
            parameter("client_id") == Some(&client.client_id)
                && parameter("client_secret") == Some(&client.client_secret)
        }),
        (None, Platform::Older) => {
            return Err(refuse("invalid_client", "this platform takes HTTP Basic authentication only"));
        }
    };
    let client = client.ok_or_else(|| refuse("invalid_client", "the client id or the secret is wrong"))?;
    if !parameter("scope").unwrap_or_default().split(' ').any(|scope| scope == platform.scope()) {
        let description = match platform {
            Platform::Current => "scope must be signicat-api",
            Platform::Older => "scope must be client.signature",
        };
        return Err(refuse("invalid_scope", description));
    }
    Ok(client)
}

/// The answer with a token.
pub(super) fn granted(token: &str, platform: Platform, settings: &SignicatSettings) -> Response {
    let mut body =
        json!({ "access_token": token, "expires_in": settings.token_seconds, "token_type": "Bearer" });
    if platform == Platform::Older {
        body["scope"] = platform.scope().into();
    }
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

impl IntoResponse for TokenRefused {
    fn into_response(self) -> Response {
        let challenged = self.error == "invalid_client" && self.by_header;
        let status = if challenged { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response();
        if challenged {
            let basic = HeaderValue::from_static("Basic realm=\"sandbox\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}

/// The token of `Authorization: Bearer …`; the scheme in any case (RFC 9110, 11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

fn credentials<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let header = headers.get(header::AUTHORIZATION).map(HeaderValue::to_str)?.ok()?;
    let (scheme, credentials) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| credentials.trim())
}

/// Id or secret in a Basic header: as written, and as RFC 6749 (2.3.1) has it, encoded like a form. Both are in use.
struct Part {
    raw: String,
    decoded: String,
}

impl Part {
    fn new(raw: &str) -> Self {
        let pair = format!("={raw}");
        let decoded = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
        Self { raw: raw.to_owned(), decoded: decoded.unwrap_or_default() }
    }

    fn is(&self, wanted: &str) -> bool {
        self.raw == wanted || self.decoded == wanted
    }
}

/// `None` without a header, `Some(None)` with one that is not Basic.
fn basic(headers: &HeaderMap) -> Option<Option<(Part, Part)>> {
    headers.get(header::AUTHORIZATION)?;
    let decoded = credentials(headers, "basic").and_then(|text| STANDARD.decode(text).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    Some(text.and_then(|text| {
        let (id, secret) = text.split_once(':')?;
        Some((Part::new(id), Part::new(secret)))
    }))
}

fn is_form(headers: &HeaderMap) -> bool {
    super::media_type(headers).as_deref() == Some("application/x-www-form-urlencoded")
}
