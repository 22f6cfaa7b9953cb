//! What of Sign V3 is documented two ways or not at all: switches.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clients::Client;

/// The switches of the simulated Sign V3. Defaults follow the current documentation (V3.2 with the changes of January
/// 2026); where it is silent they are this sandbox's assumption, and say so. They may be changed at any time, and hold
/// from the next call on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SingpassSettings {
    /// Which spelling of the result path answers. Default both: the documents disagree.
    pub result_paths: ResultPaths,
    /// Which claims may say where to sign. Default both: whether the service still takes the older ones is unknown.
    pub payload: PayloadShape,
    /// Whether webhook and result say who signed (`signer_info`). Default yes; the documents of June 2025 do not.
    pub signer_info: bool,
    /// Whether a result says when its link expires (`exp`). Default yes; MockPass does not.
    pub result_exp: bool,
    /// Whether requests can be cancelled. Default yes; before January 2026, and in MockPass, the path answers 404.
    pub cancel: bool,
    /// What `status` the browser brings back. Default [`RedirectStatus::AsDocumented`].
    pub redirect_status: RedirectStatus,
    /// Whether a token is refused when its `jti` was used before. Default yes. Assumption.
    pub refuse_replays: bool,
    /// By how many seconds `iat` may be ahead of the sandbox's clock. Default 5. Assumption.
    pub clock_skew_seconds: u32,
    /// A PDF of this many bytes or more is refused. Default 10,000,000: "less than 10 MB".
    pub max_pdf_bytes: usize,
    /// The longest side of a page in points, a page beyond it is refused; `null` for no limit. Default none: limits exist,
    /// and their numbers are not available.
    pub max_page_points: Option<u32>,
    /// Whether PDFs with a form are refused. Default no. Assumption.
    pub refuse_forms: bool,
    /// The most characters of `doc_name`; `null` for no limit. Default none: none is documented.
    pub max_doc_name: Option<usize>,
    /// The most signing locations of a request. Default 20, as documented since January 2026.
    pub max_locations: usize,
    /// Whether the box is checked 225 points wide, as the documents of June 2025 print it, instead of the 220.5 of the UX
    /// guidelines, which is also what is drawn. Default yes: a client that fits here then fits at whichever of the two the
    /// service checks.
    pub wide_box: bool,
    /// Whether an accepted request answers 201 instead of the documented 200. Default no.
    pub created_is_201: bool,
    /// Whether `UNAUTHORIZED` comes with status 401. Default no: 400, as in MockPass.
    pub unauthorized_is_401: bool,
    /// Whether `UNAUTHORIZED` says what is wrong with the token, which the real service is not known to. Default yes.
    pub explain_unauthorized: bool,
    /// Whether `signer_uin_hash` is the hash of the NRIC in lower case. Default no: upper case. Assumption.
    pub uin_hash_of_lower_case: bool,
    /// Whether `signer_uin_hash` is written in upper-case hexadecimal digits. Default no: lower case. Assumption.
    pub uin_hash_in_upper_case: bool,
    /// Whether a webhook that failed is tried again: 3 tries in all, 2 seconds apart. Default yes, as documented.
    pub webhook_retries: bool,
    /// Whether an answer of 3xx or 4xx (other than 408 and 429) counts as failed too. Default no. Assumption: the
    /// documentation says "certain errors".
    pub webhook_retries_refusals: bool,
    /// Seconds between signing and the first webhook. Default 0.
    pub webhook_delay_seconds: u32,
    /// Whether the signed PDF carries its validation data (B-LT) in a revision of its own, as measured. Off: B-T. Default yes.
    pub long_term: bool,
    /// Whether clients may be registered with `http` addresses beyond this machine, for a network of containers.
    /// Default no.
    pub allow_plain_http: bool,
    /// The error codes that are not documented.
    pub codes: ErrorCodes,
}

impl Default for SingpassSettings {
    fn default() -> Self {
        Self {
            result_paths: ResultPaths::Both,
            payload: PayloadShape::Both,
            signer_info: true,
            result_exp: true,
            cancel: true,
            redirect_status: RedirectStatus::AsDocumented,
            refuse_replays: true,
            clock_skew_seconds: 5,
            max_pdf_bytes: 10_000_000,
            max_page_points: None,
            refuse_forms: false,
            max_doc_name: None,
            max_locations: 20,
            wide_box: true,
            created_is_201: false,
            unauthorized_is_401: false,
            explain_unauthorized: true,
            uin_hash_of_lower_case: false,
            uin_hash_in_upper_case: false,
            webhook_retries: true,
            webhook_retries_refusals: false,
            webhook_delay_seconds: 0,
            long_term: true,
            allow_plain_http: false,
            codes: ErrorCodes::default(),
        }
    }
}

impl SingpassSettings {
    /// The service of the documents of June 2025: one location by `x`, `y` and `page`, the box 225 points wide, results
    /// at `signed_doc`, nobody named in them, no cancelling.
    #[must_use]
    pub fn june_2025() -> Self {
        Self {
            result_paths: ResultPaths::Underscore,
            payload: PayloadShape::Legacy,
            signer_info: false,
            cancel: false,
            wide_box: true,
            ..Self::default()
        }
    }

    /// The answers of MockPass (4.4.0 to 4.6.11): as [`SingpassSettings::june_2025`], without `exp` in results and without
    /// `status` in the browser's return. The checks stay this sandbox's; MockPass has few.
    #[must_use]
    pub fn mockpass() -> Self {
        Self {
            result_exp: false,
            redirect_status: RedirectStatus::Absent,
            explain_unauthorized: false,
            wide_box: false,
            ..Self::june_2025()
        }
    }
}

/// Which spelling of the result path answers; the other one is no path at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResultPaths {
    /// Both.
    Both,
    /// `signed-doc`: current documents.
    Hyphen,
    /// `signed_doc`: documents of June 2025, the official demo app, MockPass.
    Underscore,
}

/// Which claims may say where to sign; the others are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PayloadShape {
    /// `x`, `y` and `page`, or `sign_locations`, or both if they agree.
    Both,
    /// `x`, `y` and `page` only.
    Legacy,
    /// `sign_locations` only.
    Locations,
}

/// The query parameter `status` with which the browser comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RedirectStatus {
    /// `success` after signing, `cancelled` for someone who may not sign. Leaving without signing gives `cancelled` too,
    /// which is an assumption.
    AsDocumented,
    /// None at all.
    Absent,
    /// This one, whatever happened: the documentation says that the parameters will change.
    Always(String),
}

/// Values of `error` where the documentation has none. The documented ones are fixed: `DOCUMENT_NOT_SIGNED`,
/// `REQUEST_EXPIRED`, `SIGNED_ACCESS_EXPIRED`, `ACTIVE_SESSION_ONGOING`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ErrorCodes {
    /// The token is missing or not acceptable. Default `UNAUTHORIZED`, as in MockPass.
    pub unauthorized: String,
    /// Headers or claims of a sign request break a rule. Default `INVALID_REQUEST`.
    pub invalid_request: String,
    /// The PDF breaks a rule. Default `INVALID_DOCUMENT`.
    pub invalid_document: String,
    /// This client has no such request. Default `REQUEST_NOT_FOUND`.
    pub not_found: String,
    /// A result is asked for that was cancelled. Default `REQUEST_CANCELLED`.
    pub cancelled: String,
    /// A signed request cannot be cancelled. Default `DOCUMENT_ALREADY_SIGNED`, a name seen in a third party's notes.
    pub already_signed: String,
    /// A cancelled request cannot be cancelled again. Default `REQUEST_ALREADY_CANCELLED`.
    pub already_cancelled: String,
    /// A link to a signed document has expired. Default `LINK_EXPIRED`, with status 403.
    pub link_expired: String,
}

impl Default for ErrorCodes {
    fn default() -> Self {
        Self {
            unauthorized: "UNAUTHORIZED".to_owned(),
            invalid_request: "INVALID_REQUEST".to_owned(),
            invalid_document: "INVALID_DOCUMENT".to_owned(),
            not_found: "REQUEST_NOT_FOUND".to_owned(),
            cancelled: "REQUEST_CANCELLED".to_owned(),
            already_signed: "DOCUMENT_ALREADY_SIGNED".to_owned(),
            already_cancelled: "REQUEST_ALREADY_CANCELLED".to_owned(),
            link_expired: "LINK_EXPIRED".to_owned(),
        }
    }
}

/// Which clients the simulated Sign V3 knows, and its switches; given to
/// [`Builder::singpass`](crate::Builder::singpass).
#[derive(Default)]
pub struct SingpassSetup {
    pub(crate) clients: Vec<Client>,
    pub(crate) settings: SingpassSettings,
}

impl SingpassSetup {
    /// Registers a client (relying party); a later one with the same id replaces it.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }

    /// Changes switches.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut SingpassSettings)) -> Self {
        change(&mut self.settings);
        self
    }
}

impl fmt::Debug for SingpassSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingpassSetup")
            .field("clients", &self.clients.len())
            .field("settings", &self.settings)
            .finish()
    }
}
