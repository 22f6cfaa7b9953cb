//! What can be set: `[providers.x]` with `kind = "singpass-txn"`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::{BuildContext, Endpoint, Error, Provider, ProviderConfig, ProviderKind, Result, SecretRef};
use esign_http::{HttpSettings, LimiterSettings, PublishedKey, PublishedKeys};
use serde::Deserialize;
use url::Url;

use crate::sessions::{LetterCase, Rules};
use crate::{CodeParameter, KIND, SingpassTxn, TxnInfo};

/// Configuration of one instance of Singpass transaction signing. Spec section 9 has the reasons for the switches; each
/// default is the documented or safest value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SingpassTxnConfig {
    /// `"staging"` or `"production"`: sets all three addresses. Either this or `base_url` and `jwks_url`; no default.
    pub environment: Option<Environment>,
    /// The API's address up to and including `/api/v1`: for a simulator. With it, `jwks_url` is needed too.
    pub base_url: Option<Url>,
    /// Where Singpass publishes the keys that sign its answers.
    pub jwks_url: Option<Url>,
    /// Where the page loads `ndi_txn_sign.js` from: with `base_url`, for the page's snippet.
    pub script_url: Option<Url>,
    /// The client id given at onboarding.
    pub client_id: String,
    /// The address registered with Singpass that the browser comes back to, letter for letter: Singpass compares them.
    pub redirect_uri: String,
    /// The key that signs `txnInfo` and the tokens of calls: PKCS#8 PEM, SEC1 PEM or JWK from `file` or `env`, or
    /// `{ external = "name" }` for a key that the application registered. P-256 (ES256) or P-384 (ES384).
    pub signing_key: SecretRef,
    /// The `kid` of that key. Default: the JWK's own, else its RFC 7638 thumbprint.
    pub key_id: Option<String>,
    /// Further keys to publish for rotation: the next one from at least 1 h before its first use, the last one until at
    /// least 1 h after its last use, because Singpass caches our key set for 1 h.
    #[serde(default)]
    pub published_keys: Vec<PublishedKey>,
    /// The claim of the answer that has our nonce. No default: its name is in the part of the documents that only partners
    /// see, and the check is never left out.
    pub nonce_claim: Option<String>,
    /// The claim of the answer that has the transaction's hash. No default, as for `nonce_claim`.
    pub hash_claim: Option<String>,
    /// The member of the answer that has the token. Default `"token"`; not documented where one can read it.
    #[serde(default = "token")]
    pub response_field: String,
    /// Which parameters of the redirect may have the sign code, the preferred one first. Default
    /// `["sign_code", "code"]`: the documents name both.
    #[serde(default = "code_parameters")]
    pub code_parameters: Vec<CodeParameter>,
    /// How long the token of a call lives, in seconds: 30 to 120. Default 60, as in the official sample.
    #[serde(default = "token_life")]
    pub token_life: u64,
    /// Whether that token names us as `iss` too. Default no: the documented example has no such claim, a decoded one has.
    #[serde(default)]
    pub token_iss: bool,
    /// The `aud` of that token. Default none, for the same reason.
    pub token_aud: Option<String>,
    /// How long `txnInfo` can start a session, in seconds: 30 to 120. Default 120, the longest that is documented.
    #[serde(default = "txn_info_life")]
    pub txn_info_life: u64,
    /// Whether `txnInfo` names us as `iss`. Default no: not among the documented claims.
    #[serde(default)]
    pub txn_info_iss: bool,
    /// The `aud` of `txnInfo`. Default none: not among the documented claims.
    pub txn_info_aud: Option<String>,
    /// How `txn_hash` is written. Default `"lower"`: the case is not documented.
    #[serde(default)]
    pub hash_case: LetterCase,
    /// For how many seconds an issued session may come back: 60 to 86,400. Default 600: the life of a session is not
    /// documented.
    #[serde(default = "session_life")]
    pub session_life: u64,
    /// The most characters of a text. Default 1000: not documented.
    #[serde(default = "max_instructions")]
    pub max_instructions: usize,
    /// Transport settings.
    #[serde(default)]
    pub http: HttpSettings,
    /// Pace of requests. Default: none, since no limit is documented.
    #[serde(default)]
    pub limiter: LimiterSettings,
    /// Instances with the same name here share one pace. Default: those with the same client id and address do.
    pub limiter_group: Option<String>,
}

/// The two official environments (spec 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Environment {
    Staging,
    Production,
}

impl Environment {
    /// Where a page loads Singpass's script from (spec 2.1).
    #[must_use]
    pub fn script_url(self) -> &'static str {
        match self {
            Self::Staging => "https://static.staging.sign.singpass.gov.sg/static/ndi_txn_sign.js",
            Self::Production => "https://static.app.sign.singpass.gov.sg/static/ndi_txn_sign.js",
        }
    }
}

fn token() -> String {
    "token".to_owned()
}

fn code_parameters() -> Vec<CodeParameter> {
    Rules::default().code_parameters
}

fn token_life() -> u64 {
    60
}

fn txn_info_life() -> u64 {
    TxnInfo::MAX_LIFE.as_secs()
}

fn session_life() -> u64 {
    Rules::default().session_life.as_secs()
}

fn max_instructions() -> usize {
    Rules::default().max_instructions
}

/// The addresses that an instance speaks to.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) api: Url,
    pub(crate) jwks: Url,
    pub(crate) script: Option<Url>,
    pub(crate) environment: &'static str,
}

impl SingpassTxnConfig {
    /// Spec 2.1; the deprecated hosts are not among them.
    pub(crate) fn addresses(&self) -> Result<Addresses> {
        let Some(environment) = self.environment else {
            let message = "set environment = \"staging\" or \"production\", or base_url and jwks_url";
            let api = self.base_url.clone().ok_or_else(|| Error::config("environment", message))?;
            let message = "with base_url, say where Singpass's keys are published";
            let jwks = self.jwks_url.clone().ok_or_else(|| Error::config("jwks_url", message))?;
            return Ok(Addresses { api, jwks, script: self.script_url.clone(), environment: "custom" });
        };
        let own =
            [("base_url", &self.base_url), ("jwks_url", &self.jwks_url), ("script_url", &self.script_url)];
        if let Some((key, _)) = own.iter().find(|(_, url)| url.is_some()) {
            return Err(Error::config(*key, "environment sets the address already; leave one of them out"));
        }
        let (name, api, jwks) = match environment {
            Environment::Staging => (
                "staging",
                "https://staging.sign.singpass.gov.sg/api/v1",
                "https://static.staging.sign.singpass.gov.sg/.well-known/keys.json",
            ),
            Environment::Production => (
                "production",
                "https://app.sign.singpass.gov.sg/api/v1",
                "https://static.app.sign.singpass.gov.sg/.well-known/keys.json",
            ),
        };
        let parse = |text: &str| {
            text.parse().map_err(|_| Error::config("environment", "the built-in address is wrong"))
        };
        let script = Some(parse(environment.script_url())?);
        Ok(Addresses { api: parse(api)?, jwks: parse(jwks)?, script, environment: name })
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint> {
        let addresses = self.addresses()?;
        Ok(Endpoint { environment: addresses.environment.to_owned(), base_url: addresses.api.to_string() })
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            txn_info_life: Duration::from_secs(self.txn_info_life),
            session_life: Duration::from_secs(self.session_life),
            max_instructions: self.max_instructions,
            txn_info_iss: self.txn_info_iss,
            txn_info_aud: self.txn_info_aud.clone(),
            hash_case: self.hash_case,
            code_parameters: self.code_parameters.clone(),
        }
    }

    /// The names of the claims that have our nonce and the transaction's hash.
    pub(crate) fn claims(&self) -> Result<(&str, &str)> {
        let named = |key: &str, name: &'_ Option<String>| match name.as_deref().map(str::trim) {
            Some(name) if !name.is_empty() => Ok(()),
            _ => Err(Error::config(
                key,
                "required: Singpass shows the names of the answer's claims to its partners only, and an answer is never \
                 taken without this check; the sandbox's are \"nonce\" and \"txn_hash\"",
            )),
        };
        named("nonce_claim", &self.nonce_claim)?;
        named("hash_claim", &self.hash_claim)?;
        let (nonce, hash) = (self.nonce_claim.as_deref(), self.hash_claim.as_deref());
        match (nonce, hash) {
            (Some(nonce), Some(hash)) if nonce != hash => Ok((nonce, hash)),
            _ => Err(Error::config("hash_claim", "nonce and hash cannot be in the same claim")),
        }
    }

    /// Checks what the types cannot say.
    fn check(&self) -> Result<()> {
        if self.environment == Some(Environment::Production) {
            self.http.check_production()?;
        }
        if self.client_id.trim().is_empty() {
            return Err(Error::config("client_id", "the client id given at onboarding is needed"));
        }
        let redirect_uri = Url::parse(&self.redirect_uri).ok();
        if redirect_uri.is_none_or(|url| self.http.check_scheme(&url).is_err()) {
            let message = "must begin with https://, or be on this machine: it will carry the sign code";
            return Err(Error::config("redirect_uri", message));
        }
        self.claims()?;
        if self.response_field.is_empty() {
            return Err(Error::config("response_field", "the name of a member is needed"));
        }
        if self.code_parameters.is_empty() {
            return Err(Error::config("code_parameters", "at least one of \"sign_code\" and \"code\""));
        }
        let seconds = [
            ("token_life", self.token_life, 30..=120),
            ("txn_info_life", self.txn_info_life, 30..=120),
            ("session_life", self.session_life, 60..=86_400),
        ];
        if let Some((key, _, range)) = seconds.iter().find(|(_, value, range)| !range.contains(value)) {
            let message = format!("{} to {} seconds", range.start(), range.end());
            return Err(Error::config(*key, message));
        }
        if self.max_instructions == 0 {
            return Err(Error::config("max_instructions", "must be greater than zero"));
        }
        Ok(())
    }
}

#[async_trait]
impl ProviderConfig for SingpassTxnConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        self.check()?;
        let keys =
            PublishedKeys::load(cx, &self.signing_key, self.key_id.as_deref(), &self.published_keys).await?;
        Ok(Arc::new(SingpassTxn::new(self, keys, cx)?))
    }
}
