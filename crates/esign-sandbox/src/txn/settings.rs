//! What of transaction signing is documented two ways or not at all: switches.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clients::Client;

/// The switches of the simulated transaction signing. Defaults follow the pages Init Transaction Signing and Exchange
/// Transaction Signature; where they are silent they are this sandbox's assumption, and say so. They may be changed at
/// any time, and hold from the next call on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TxnSettings {
    /// Whether transaction signing is switched off: sessions and exchanges answer 503, which the page learns as
    /// `service_unavailable`. Default no.
    pub switched_off: bool,
    /// Seconds for which a session waits for the person. Default 120. Assumption.
    pub session_seconds: u32,
    /// Seconds for which the code of the redirect can be exchanged. Default 120. Assumption.
    pub code_seconds: u32,
    /// Whether a code is good for one exchange. Default yes. Assumption.
    pub refuse_replays: bool,
    /// Whether `state`, `nonce` and `txnInfo` of an earlier session of the same client are refused. Default yes: "a new
    /// set of values is returned on each invocation".
    pub refuse_reuse: bool,
    /// The query parameter that carries the code. Default [`CodeParameter::Code`], as on the page Init Transaction
    /// Signing; the exchange page says `sign_code`.
    pub code_parameter: CodeParameter,
    /// What `onError` is told when the person declines in the app. Default `txn_signing_cancelled`; `null` tells nothing,
    /// and the session goes on until it expires. Assumption: no message is documented for it.
    pub decline_message: Option<String>,
    /// Whether somebody else than the `sub` of `txnInfo` may approve. Default no. Assumption.
    pub allow_other_person: bool,
    /// Whether calls of the browser without the header `Origin` are refused. Default no, for scripts; a wrong origin
    /// always is.
    pub require_origin: bool,
    /// Whether tokens of clients need a `kid`. Default no: the official sample has none, and then all keys are tried.
    pub require_kid: bool,
    /// By how many seconds the `iat` of `txnInfo` may be ahead of the sandbox's clock. Default 120: "at most 2 minutes
    /// from the current time".
    pub iat_ahead_seconds: u32,
    /// How many seconds the token of an exchange may live, or be old where it has no `exp`. Default 120. Assumption; the
    /// official sample lives for 60.
    pub client_token_seconds: u32,
    /// The most characters of `txn_instructions`; `null` for no limit, which is the default: none is documented.
    pub max_instructions: Option<usize>,
    /// Whether a bad client token is answered with 401. Default no: 400. Assumption.
    pub unauthorized_is_401: bool,
    /// The field of the exchange's answer that holds the token. Default `token`. Assumption.
    pub response_field: String,
    /// The claim of that token that echoes `nonce`. Default `nonce`. Assumption.
    pub nonce_claim: String,
    /// The claim of that token that echoes `txn_hash`. Default `txn_hash`. Assumption.
    pub hash_claim: String,
    /// Whether that token has an `iss`, which is documented as deprecated. Default yes.
    pub response_iss: bool,
    /// Seconds for which that token is valid. Default 120, the most that is documented.
    pub response_seconds: u32,
    /// Seconds, of real time, after which a waiting `/status` answers though nothing has changed. Default 25. Assumption.
    pub poll_seconds: u32,
    /// Whether the script takes every browser for one that it does not support (`NO_OP`). Default no.
    pub unsupported_browser: bool,
    /// Whether clients may be registered with `http` addresses beyond this machine, for a network of containers.
    /// Default no.
    pub allow_plain_http: bool,
}

impl Default for TxnSettings {
    fn default() -> Self {
        Self {
            switched_off: false,
            session_seconds: 120,
            code_seconds: 120,
            refuse_replays: true,
            refuse_reuse: true,
            code_parameter: CodeParameter::Code,
            decline_message: Some("txn_signing_cancelled".to_owned()),
            allow_other_person: false,
            require_origin: false,
            require_kid: false,
            iat_ahead_seconds: 120,
            client_token_seconds: 120,
            max_instructions: None,
            unauthorized_is_401: false,
            response_field: "token".to_owned(),
            nonce_claim: "nonce".to_owned(),
            hash_claim: "txn_hash".to_owned(),
            response_iss: true,
            response_seconds: 120,
            poll_seconds: 25,
            unsupported_browser: false,
            allow_plain_http: false,
        }
    }
}

/// The query parameter of the redirect that carries the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodeParameter {
    /// `code`: page Init Transaction Signing.
    Code,
    /// `sign_code`: page Exchange Transaction Signature.
    SignCode,
    /// Both, with the same value.
    Both,
}

impl CodeParameter {
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Code => &["code"],
            Self::SignCode => &["sign_code"],
            Self::Both => &["code", "sign_code"],
        }
    }
}

/// Which clients the simulated transaction signing knows, and its switches; given to
/// [`Builder::txn`](crate::Builder::txn).
#[derive(Default)]
pub struct TxnSetup {
    pub(crate) clients: Vec<Client>,
    pub(crate) settings: TxnSettings,
}

impl TxnSetup {
    /// Registers a client (relying party); a later one with the same id replaces it.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }

    /// Changes switches.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut TxnSettings)) -> Self {
        change(&mut self.settings);
        self
    }
}

impl fmt::Debug for TxnSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxnSetup")
            .field("clients", &self.clients.len())
            .field("settings", &self.settings)
            .finish()
    }
}
