//! What of Signify's behaviour is documented two ways or not at all: switches.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The switches of the simulated Signify. Defaults follow the API guide where it speaks; where it is silent they are
/// this sandbox's assumption, and say so. They may be changed at any time, and hold from the next call on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SignifySettings {
    /// How document ids are written. Default [`IdStyle::AsDocumented`].
    pub ids: IdStyle,
    /// How error bodies look. Default [`ErrorStyle::Plain`], the only one documented (for 401).
    pub errors: ErrorStyle,
    /// How `message` of a 400 is written. Default [`MessageStyle::Text`]. Assumption.
    pub messages: MessageStyle,
    /// Requests per key and window; `null` for no limit. Default 100 in 10 seconds; per key is an assumption.
    pub rate_limit: Option<RateLimit>,
    /// Whether a 429 says when to come back (`Retry-After`, in seconds). Default no: none is documented.
    pub retry_after: bool,
    /// Whether a create answers 201, as many frameworks do, instead of the documented 200. Default no.
    pub created_is_201: bool,
    /// The largest file in bytes. Default 10,000,000: the guide says "10MB".
    pub max_file_bytes: usize,
    /// Whether a larger file gets 413 instead of 400. Default no: 413 is not in the guide's table.
    pub too_large_is_413: bool,
    /// The most signatures that one document may need; `null` for no limit. Default none: 30 is in the FAQ only.
    pub max_signatures: Option<usize>,
    /// Whether a position of exactly 1 is accepted. Default yes: "between 0 to 1".
    pub allow_one: bool,
    /// What `positionX` and `positionY` are measured from. Default [`Origin::TopLeft`]. Assumption.
    pub placement_origin: Origin,
    /// Whether `documentUrl` wants the API key. Default [`DocumentUrlKey::Optional`]. Assumption.
    pub document_url_key: DocumentUrlKey,
    /// Minutes for which a `documentUrl` works. Default 30, as documented.
    pub document_url_minutes: u32,
    /// What an expired `documentUrl` answers. Default [`ExpiredUrl::Forbidden`]. Assumption.
    pub expired_document_url: ExpiredUrl,
    /// Minutes after which a signing session that was left without a word no longer locks the document. Default 30.
    /// Assumption: the guide tells of the lock and not of its end.
    pub session_minutes: u32,
    /// Whether `expiresAt` is counted anew from the last signature. Default no. Undocumented; the FAQ hints at it.
    pub expiry_moves_on_completion: bool,
    /// Whether the list still shows expired documents. Default no. Assumption.
    pub list_expired: bool,
    /// Whether a signed document can be deleted. Default yes. Assumption; without it the answer is 400.
    pub delete_signed: bool,
    /// Whether `redirectUrl` may also be `http` or `https` to the loopback interface, for a program under development.
    /// Default no: the real service takes `https` and `.gov.sg` only.
    pub allow_loopback_redirect: bool,
}

impl Default for SignifySettings {
    fn default() -> Self {
        Self {
            ids: IdStyle::AsDocumented,
            errors: ErrorStyle::Plain,
            messages: MessageStyle::Text,
            rate_limit: Some(RateLimit { requests: 100, seconds: 10 }),
            retry_after: false,
            created_is_201: false,
            max_file_bytes: 10_000_000,
            too_large_is_413: false,
            max_signatures: None,
            allow_one: true,
            placement_origin: Origin::TopLeft,
            document_url_key: DocumentUrlKey::Optional,
            document_url_minutes: 30,
            expired_document_url: ExpiredUrl::Forbidden,
            session_minutes: 30,
            expiry_moves_on_completion: false,
            list_expired: false,
            delete_signed: true,
            allow_loopback_redirect: false,
        }
    }
}

/// How document ids are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IdStyle {
    /// A number, but text in the answer to a create in link mode: what the guide's samples show.
    AsDocumented,
    /// Numbers everywhere.
    Numbers,
    /// Text everywhere.
    Strings,
}

/// How error bodies look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorStyle {
    /// `{"message": …}`.
    Plain,
    /// `{"message": …, "error": "Bad Request", "statusCode": 400}`, as NestJS writes it.
    Nest,
}

/// How `message` of a 400 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageStyle {
    /// One text.
    Text,
    /// An array with one text per defect.
    List,
}

/// A sliding window: at most `requests` requests in any `seconds` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    pub requests: usize,
    pub seconds: u32,
}

/// What positions on a page are measured from, and which corner of the box they name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// The page's top-left corner; the position is the box's top-left corner.
    TopLeft,
    /// The page's bottom-left corner; the position is the box's bottom-left corner.
    BottomLeft,
}

/// Whether `documentUrl` wants the API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DocumentUrlKey {
    /// Works with or without one.
    Optional,
    /// 401 without the key of a user who owns the document.
    Required,
    /// 403 with any `Authorization` header, as storage services with signed links do.
    Refused,
}

/// What an expired `documentUrl` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpiredUrl {
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 410.
    Gone,
}

/// Who may call the simulated Signify, and its switches; given to [`Builder::signify`](crate::Builder::signify).
#[derive(Default)]
pub struct SignifySetup {
    pub(crate) keys: Vec<(String, String)>,
    pub(crate) settings: SignifySettings,
}

impl SignifySetup {
    /// Accepts `key`, as a user of its own: documents made with it are seen with it only.
    #[must_use]
    pub fn api_key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.api_key_of(key.clone(), key)
    }

    /// Accepts `key` for `user`, who may have several. Each has its own rate limit.
    #[must_use]
    pub fn api_key_of(mut self, user: impl Into<String>, key: impl Into<String>) -> Self {
        self.keys.push((key.into(), user.into()));
        self
    }

    /// Changes switches.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut SignifySettings)) -> Self {
        change(&mut self.settings);
        self
    }
}

impl fmt::Debug for SignifySetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignifySetup")
            .field("keys", &self.keys.len())
            .field("settings", &self.settings)
            .finish()
    }
}
