//! What can be set: `[providers.x]` with `kind = "singpass"`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::{
    BuildContext, Button, Endpoint, Error, Provider, ProviderConfig, ProviderKind, Result, SecretRef,
};
use esign_http::{HttpSettings, LimiterSettings, PublishedKey, PublishedKeys};
use serde::Deserialize;
use url::Url;

use crate::{KIND, Singpass};

/// Configuration of one Singpass instance. Spec section 9 has the reasons for the switches; each default is the
/// documented or safest value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SingpassConfig {
    /// `"staging"` or `"production"`: sets both addresses. Either this or `base_url` and `jwks_url`; no default.
    pub environment: Option<Environment>,
    /// The API's address up to and including `/api/v3`: for a simulator. With it, `jwks_url` is needed too.
    pub base_url: Option<Url>,
    /// Where Singpass publishes the keys that sign its webhooks.
    pub jwks_url: Option<Url>,
    /// The client id given at onboarding.
    pub client_id: String,
    /// The key that signs our tokens: PKCS#8 PEM, SEC1 PEM or JWK from `file` or `env`, or `{ external = "name" }` for a
    /// key that the application registered. P-256 (ES256) or P-384 (ES384).
    pub signing_key: SecretRef,
    /// The `kid` of that key. Default: the JWK's own, else its RFC 7638 thumbprint.
    pub key_id: Option<String>,
    /// Further keys to publish for rotation: the next one from at least 1 h before its first use, the last one until at
    /// least 1 h after its last use, because Singpass caches our key set for 1 h.
    #[serde(default)]
    pub published_keys: Vec<PublishedKey>,
    /// Which generation of the documents to follow. Default `"current"` (V3.2 and January 2026).
    #[serde(default)]
    pub api: Api,
    /// The shape of the placement claims. Default `"auto"`.
    #[serde(default)]
    pub payload: Payload,
    /// The path of the result. Default `"auto"`.
    #[serde(default)]
    pub result_path: ResultPath,
    /// The width in points that must fit on the page. Default 225, as documented; the box measures 220.5, which may be
    /// set here.
    #[serde(default = "documented_width")]
    pub preflight_box: f64,
    /// How the cancel token names us. Default `"client_id"`, as in the official sample.
    #[serde(default)]
    pub cancel_claim: CancelClaim,
    /// Error codes of result and cancel that mean "this request was cancelled". Default none: they are not documented, and
    /// until they are named here they become `Unrecognised`, with the code kept.
    #[serde(default)]
    pub cancelled_codes: Vec<String>,
    /// How the intended signer's NRIC is written before it is hashed. Default `"upper"`.
    #[serde(default)]
    pub nric_case: LetterCase,
    /// How the hash is written. Default `"lower"`.
    #[serde(default = "lower")]
    pub hash_case: LetterCase,
    /// How long our tokens live, in seconds: 30 to 120. Default 110, which leaves 10 s for a clock that differs.
    #[serde(default = "token_life")]
    pub token_life: u64,
    /// The largest document in bytes. Default 9,999,999: the documents say "smaller than 10 MB" and not which MB.
    #[serde(default = "max_bytes")]
    pub max_bytes: u64,
    /// The most signature locations in one request. Default 20.
    #[serde(default = "max_locations")]
    pub max_locations: u64,
    /// The button that starts a session. Default: the words and colours of the guidelines.
    #[serde(default)]
    pub button: ButtonConfig,
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

/// Which generation of the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Api {
    /// V3.2 and January 2026: several locations, intended signer, cancel.
    #[default]
    #[serde(rename = "current")]
    Current,
    /// Exactly the documents of June 2025: one location, no intended signer, no cancel.
    #[serde(rename = "2025-06")]
    June2025,
}

/// The shape of the placement claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// One location in both shapes, several as `sign_locations` only.
    #[default]
    Auto,
    /// Both shapes always; `x`, `y` and `page` are those of the first location.
    Both,
    /// `sign_locations` only.
    Locations,
    /// `x`, `y` and `page` only: one location.
    Legacy,
}

/// The path of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultPath {
    /// `signed-doc`; after a 404 that is not the API's own, `signed_doc`, which is then remembered.
    #[default]
    Auto,
    /// `signed-doc`
    Hyphen,
    /// `signed_doc`
    Underscore,
}

/// How the cancel token names us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelClaim {
    /// `client_id`
    #[default]
    ClientId,
    /// `client_id` and `client_request`: the text and the sample of the official page differ.
    Both,
}

/// The case of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LetterCase {
    #[default]
    Upper,
    Lower,
}

impl LetterCase {
    pub(crate) fn apply(self, text: &str) -> String {
        match self {
            Self::Upper => text.to_ascii_uppercase(),
            Self::Lower => text.to_ascii_lowercase(),
        }
    }
}

/// How the button looks that starts a session (spec 2.6). Since September 2026 Singpass's "Button Design Specification" is in
/// force for every such button. Its list of labels, sizes and colours could not be read for this version: each default is that of
/// the page before. Whether the button complies is for you to check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ButtonConfig {
    /// The words: one of the approved labels, without a variation. Default "Sign with Singpass".
    pub label: String,
    /// The background: `"white"` or `"red"`, the two that are allowed. Default `"white"`.
    pub fill: ButtonFill,
    /// The border, as `#RRGGBB`. Default `#C8C9CC`.
    pub border: String,
    /// The official button as a file, SVG or PNG, shown in the place of the words. Default: none, because the logo may not be
    /// drawn anew.
    pub logo: Option<PathBuf>,
}

impl Default for ButtonConfig {
    fn default() -> Self {
        Self {
            label: "Sign with Singpass".to_owned(),
            fill: ButtonFill::White,
            border: "#C8C9CC".to_owned(),
            logo: None,
        }
    }
}

/// The two backgrounds that are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonFill {
    /// `#FFFFFF`
    #[default]
    White,
    /// `#F4333D`
    Red,
}

impl ButtonConfig {
    pub(crate) fn as_prescribed(&self) -> Button {
        let (fill, text) = match self.fill {
            ButtonFill::White => ("#FFFFFF", "#222222"),
            ButtonFill::Red => ("#F4333D", "#FFFFFF"),
        };
        Button {
            label: self.label.clone(),
            // A screen reader is to say two words.
            spoken: Some(self.label.replace("Singpass", "Sing pass")).filter(|spoken| *spoken != self.label),
            fill: fill.to_owned(),
            text: text.to_owned(),
            border: self.border.clone(),
            logo: self.logo.clone(),
        }
    }

    fn check(&self) -> Result<()> {
        if self.label.trim().is_empty() {
            return Err(Error::config("button.label", "a button needs words"));
        }
        let colour = self.border.strip_prefix('#').filter(|hex| hex.len() == 6);
        if !colour.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return Err(Error::config("button.border", "write the colour as #RRGGBB"));
        }
        if let Some(logo) = &self.logo {
            let ending = logo.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if !matches!(ending.to_ascii_lowercase().as_str(), "svg" | "png") {
                return Err(Error::config("button.logo", "the button's file is an SVG or a PNG"));
            }
            if !logo.is_file() {
                let message = format!("there is no file {}", logo.display());
                return Err(Error::config("button.logo", message));
            }
        }
        Ok(())
    }
}

fn documented_width() -> f64 {
    225.0
}

fn lower() -> LetterCase {
    LetterCase::Lower
}

fn token_life() -> u64 {
    110
}

fn max_bytes() -> u64 {
    9_999_999
}

fn max_locations() -> u64 {
    20
}

/// The addresses that an instance speaks to.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) api: Url,
    pub(crate) jwks: Url,
    pub(crate) environment: &'static str,
}

impl Addresses {
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { environment: self.environment.to_owned(), base_url: self.api.to_string() }
    }
}

impl SingpassConfig {
    /// Spec 2.1.
    pub(crate) fn addresses(&self) -> Result<Addresses> {
        let (environment, api, jwks) = match self.environment {
            Some(Environment::Staging) => (
                "staging",
                "https://staging.sign.singpass.gov.sg/api/v3",
                "https://static.staging.sign.singpass.gov.sg/.well-known/keys.json",
            ),
            Some(Environment::Production) => (
                "production",
                "https://app.sign.singpass.gov.sg/api/v3",
                "https://static.app.sign.singpass.gov.sg/.well-known/keys.json",
            ),
            None => {
                let message = "set environment = \"staging\" or \"production\", or base_url and jwks_url";
                let api = self.base_url.clone().ok_or_else(|| Error::config("environment", message))?;
                let message = "with base_url, say where Singpass's keys are published";
                let jwks = self.jwks_url.clone().ok_or_else(|| Error::config("jwks_url", message))?;
                return Ok(Addresses { api, jwks, environment: "custom" });
            }
        };
        if self.base_url.is_some() {
            return Err(Error::config(
                "base_url",
                "environment sets the address already; leave one of them out",
            ));
        }
        if self.jwks_url.is_some() {
            return Err(Error::config(
                "jwks_url",
                "environment sets the address already; leave one of them out",
            ));
        }
        let parse = |text: &str| {
            text.parse().map_err(|_| Error::config("environment", "the built-in address is wrong"))
        };
        Ok(Addresses { api: parse(api)?, jwks: parse(jwks)?, environment })
    }

    /// Checks what the types cannot say.
    fn check(&self) -> Result<()> {
        if self.environment == Some(Environment::Production) {
            self.http.check_production()?;
        }
        if self.client_id.trim().is_empty() {
            return Err(Error::config("client_id", "the client id given at onboarding is needed"));
        }
        if !(30..=120).contains(&self.token_life) {
            return Err(Error::config(
                "token_life",
                "30 to 120 seconds: Singpass takes tokens of at most 2 minutes",
            ));
        }
        if !(crate::convert::BOX_WIDTH..=1000.0).contains(&self.preflight_box) {
            return Err(Error::config("preflight_box", "at least 220.5 points, the width that is drawn"));
        }
        self.button.check()?;
        if self.max_bytes == 0 || self.max_locations == 0 {
            let key = if self.max_bytes == 0 { "max_bytes" } else { "max_locations" };
            return Err(Error::config(key, "must be greater than zero"));
        }
        if self.api == Api::June2025 && matches!(self.payload, Payload::Both | Payload::Locations) {
            return Err(Error::config(
                "payload",
                "the documents of June 2025 know x, y and page only: auto or legacy",
            ));
        }
        Ok(())
    }

    /// The shape to use for this many locations.
    pub(crate) fn payload_for(&self, locations: usize) -> Payload {
        match (self.api, self.payload) {
            (Api::June2025, _) => Payload::Legacy,
            (Api::Current, Payload::Auto) if locations == 1 => Payload::Both,
            (Api::Current, Payload::Auto) => Payload::Locations,
            (Api::Current, chosen) => chosen,
        }
    }

    /// How many locations one request may have.
    pub(crate) fn location_limit(&self) -> u64 {
        if self.api == Api::June2025 || self.payload == Payload::Legacy { 1 } else { self.max_locations }
    }

    pub(crate) fn result_path(&self) -> ResultPath {
        match (self.api, self.result_path) {
            (Api::June2025, ResultPath::Auto) => ResultPath::Underscore,
            (_, chosen) => chosen,
        }
    }

    /// Whether the code says that the request was cancelled.
    pub(crate) fn means_cancelled(&self, code: &str) -> bool {
        self.cancelled_codes.iter().any(|known| known == code)
    }

    pub(crate) fn token_life(&self) -> Duration {
        Duration::from_secs(self.token_life)
    }
}

#[async_trait]
impl ProviderConfig for SingpassConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        self.check()?;
        let keys =
            PublishedKeys::load(cx, &self.signing_key, self.key_id.as_deref(), &self.published_keys).await?;
        Ok(Arc::new(Singpass::new(self, keys, cx)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(settings: &Value) -> SingpassConfig {
        let mut all = json!({ "client_id": "a", "signing_key": { "external": "key" } });
        for (name, value) in settings.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn staging_and_production_have_the_documented_addresses() {
        for (environment, api, keys) in [
            ("staging", "staging.sign.singpass.gov.sg", "static.staging.sign.singpass.gov.sg"),
            ("production", "app.sign.singpass.gov.sg", "static.app.sign.singpass.gov.sg"),
        ] {
            let addresses = config(&json!({ "environment": environment })).addresses().unwrap();
            assert_eq!(addresses.api.as_str(), format!("https://{api}/api/v3"));
            assert_eq!(addresses.jwks.as_str(), format!("https://{keys}/.well-known/keys.json"));
        }
    }

    #[test]
    fn a_wrong_setting_is_named_by_its_key() {
        let staging = |name: &str, value: Value| json!({ "environment": "staging", name: value });
        for (settings, key) in [
            (json!({}), "environment"),
            (json!({ "base_url": "http://localhost:1" }), "jwks_url"),
            (staging("base_url", json!("http://localhost:1")), "base_url"),
            (staging("jwks_url", json!("http://localhost:1")), "jwks_url"),
            (staging("client_id", json!(" ")), "client_id"),
            (staging("token_life", json!(121)), "token_life"),
            (staging("token_life", json!(29)), "token_life"),
            (staging("preflight_box", json!(220)), "preflight_box"),
            (staging("max_bytes", json!(0)), "max_bytes"),
            (staging("max_locations", json!(0)), "max_locations"),
            (staging("button", json!({ "label": " " })), "button.label"),
            (staging("button", json!({ "border": "grey" })), "button.border"),
            (staging("button", json!({ "logo": "Cargo.toml" })), "button.logo"),
            (staging("button", json!({ "logo": "none.svg" })), "button.logo"),
            (json!({ "environment": "staging", "api": "2025-06", "payload": "both" }), "payload"),
        ] {
            let config = config(&settings);
            let error = config.check().and_then(|()| config.addresses().map(drop)).unwrap_err();
            assert_eq!(error.field_path(), Some(key), "{settings}: {error}");
        }
    }
}
