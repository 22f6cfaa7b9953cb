//! Switches of the simulated Documenso, and who may call it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

/// What depends on how a real server is run, and what a test needs to go wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DocumensoSettings {
    /// The largest file in megabytes of 1,000,000 bytes. Default 50.
    pub max_file_megabytes: u64,
    /// The most files in an envelope. Default 5.
    pub max_files: usize,
    /// Seconds from the last signature, or a rejection, to the sealed file. Default 3. Measured: 3 to 14.
    pub seal_seconds: u32,
    /// Whether the job that seals fails for ever. Default no.
    pub seal_never: bool,
    /// Requests in each minute of the clock, all callers together. Default 1000; `None` for no limit.
    pub requests_per_minute: Option<u32>,
    /// The organisation's own window. Default none.
    pub organisation_window: Option<Window>,
    /// Whether the organisation's monthly quota of requests is used up. Default no.
    pub request_quota_used: bool,
    /// Whether the organisation's monthly quota of documents is used up. Default no.
    pub document_quota_used: bool,
    /// The address that signing links begin with, where it is not the sandbox's own. Default none.
    pub public_url: Option<Url>,
    /// Where webhooks go. Default none.
    pub webhook: Option<Webhook>,
}

/// At most `requests` requests in `seconds` seconds, from the first on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub requests: u32,
    pub seconds: u32,
}

/// Where webhooks go, and the secret that each carries as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    pub url: Url,
    #[serde(default)]
    pub secret: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Default for DocumensoSettings {
    fn default() -> Self {
        Self {
            max_file_megabytes: 50,
            max_files: 5,
            seal_seconds: 3,
            seal_never: false,
            requests_per_minute: Some(1000),
            organisation_window: None,
            request_quota_used: false,
            document_quota_used: false,
            public_url: None,
            webhook: None,
        }
    }
}

/// Who may call the simulated Documenso, and its switches; given to [`Builder::documenso`](crate::Builder::documenso).
#[derive(Default)]
pub struct DocumensoSetup {
    /// Token, team, end.
    pub(crate) tokens: Vec<(String, String, Option<Timestamp>)>,
    pub(crate) settings: DocumensoSettings,
}

impl DocumensoSetup {
    /// Accepts `token`, as that of a team of its own.
    #[must_use]
    pub fn api_token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.api_token_of(token.clone(), token, None)
    }

    /// Accepts `token` for `team`, until `ends`.
    #[must_use]
    pub fn api_token_of(
        mut self,
        team: impl Into<String>,
        token: impl Into<String>,
        ends: Option<Timestamp>,
    ) -> Self {
        self.tokens.push((token.into(), team.into(), ends));
        self
    }

    /// Changes switches.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut DocumensoSettings)) -> Self {
        change(&mut self.settings);
        self
    }
}

impl fmt::Debug for DocumensoSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumensoSetup")
            .field("tokens", &self.tokens.len())
            .field("settings", &self.settings)
            .finish()
    }
}
