//! `[providers.x]` with `kind = "signicat"`.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::secrecy::SecretString;
use esign_core::{
    BuildContext, Endpoint, Error, ErrorKind, LegalClass, Provider, ProviderConfig, ProviderKind, Result,
    SecretRef,
};
use esign_http::http::HeaderValue;
use esign_http::{HttpClient, HttpSettings, Limiter, LimiterKey, LimiterSettings};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::explain;
use crate::options::PackagingLayout;
use crate::order::{MethodType, SignatureMethod};
use crate::rules::may_be_called;
use crate::token::TokenSource;
use crate::{KIND, SignicatClient, SignicatProvider};

/// The configuration of one Signicat instance.
///
/// What the documents leave open is a setting; none of it is guessed in silence. Keys that a request's
/// [`SignicatOptions`](crate::SignicatOptions) also have are what neutral requests get.
///
/// ```
/// let config: esign_signicat::SignicatConfig = toml::from_str(r#"
///     environment = "staging"
///     client_id = "sandbox-steady-pear-123"
///     client_secret = { env = "SIGNICAT_CLIENT_SECRET" }
///     methods = [{ name = "nbid-sign", type = "SIGNED_STATEMENT", legal_class = "eidas-advanced" }]
///     email = { header = "Please sign", message = "A document waits for you: ${taskUrl}" }
/// "#).unwrap();
/// # let _ = config;
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignicatConfig {
    /// `"production"` or `"staging"`; or `base_url` and `token_url`. No default.
    pub environment: Option<Environment>,
    /// Which of Signicat's platforms. Default `"current"`, where staging and production have the same address and the
    /// client decides which account it is.
    #[serde(default)]
    pub platform: Platform,
    /// Another address, such as the sandbox's, up to what precedes `/orders`.
    pub base_url: Option<Url>,
    /// Where tokens are fetched, with `base_url`.
    pub token_url: Option<Url>,
    /// The client's id. It needs the permission "Signature API".
    pub client_id: String,
    /// The client's secret; read again once after it was refused.
    pub client_secret: SecretRef,
    /// How the client shows its secret. Default `"basic"`, which works on both platforms.
    #[serde(default)]
    pub client_auth: ClientAuthentication,
    /// The scope to ask for. Default: `signicat-api` on the current platform, `client.signature` on the older ones.
    pub scope: Option<String>,
    /// Sent as `signicat-accountId` with every call. Default: not sent; it is optional.
    pub account_id: Option<String>,
    /// Sent as `Signicat-OrganizationId` with every call. Default: not sent; it is optional.
    pub organization_id: Option<String>,

    /// How signers sign, as Signicat has configured it for the customer; of several the signer chooses. Without any, each
    /// request must bring its own.
    #[serde(default)]
    pub methods: Vec<MethodSetting>,
    /// How signers log in before they see the documents. Default: they do not.
    #[serde(default)]
    pub authentication_methods: Vec<String>,
    /// The subject attributes that those methods can check, which are the neutral schemes of identities. Default
    /// `["national-id"]`, the only one seen.
    #[serde(default = "national_id")]
    pub identity_schemes: Vec<String>,
    /// Graphical profile.
    pub profile: Option<String>,
    /// A signing-interface configuration that Signicat has set up.
    pub configuration: Option<String>,
    /// Days until tasks expire. Default: not sent; what Signicat does then is not documented.
    pub days_to_live: Option<u32>,
    /// Days after that until everything is deleted, 1 to 30. Default: not sent; what Signicat does then is not
    /// documented.
    pub days_until_deletion: Option<u32>,
    /// The e-mail that invites signers. Without it, requests for delivery by e-mail must bring their own.
    pub email: Option<MailText>,
    /// A text message that invites signers who have a phone number, beside the e-mail. Default: none.
    pub sms: Option<SmsText>,
    /// Whether the invitation of a signer who has to wait for others is sent only when they have signed. Default
    /// `"unknown"`: it is not documented, and plans say so.
    #[serde(default)]
    pub created_mail: CreatedMail,
    /// Signicat calls addresses of this customer. Default `false`: it has to be asked to switch it on.
    #[serde(default)]
    pub url_notifications_enabled: bool,
    /// Called when a task or a packaging task ends, for every request. Default: none.
    pub notification_url: Option<Url>,
    /// The packaging method. Default `"pades"`: a sealed PDF.
    #[serde(default = "pades")]
    pub packaging_method: String,
    /// Which documents go into one file. Default `"per-document"`.
    #[serde(default)]
    pub packaging_layout: PackagingLayout,
    /// Keep results in the archive. Default `false`: where the archive's ids are told is not documented.
    #[serde(default)]
    pub archive: bool,
    /// The largest document in bytes. Default: none; no limit is published.
    pub max_document_bytes: Option<u64>,

    /// How requests travel.
    #[serde(default)]
    pub http: HttpSettings,
    /// The rate limit. Default: none; none is published.
    #[serde(default)]
    pub limiter: LimiterSettings,
    /// Instances with the same name here share a limiter. Default: those with the same client at the same address do.
    pub limiter_group: Option<String>,
}

/// Which account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Environment {
    /// Signatures count.
    Production,
    /// A sandbox account, or pre-production.
    Staging,
}

/// Which of Signicat's platforms (spec 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Platform {
    /// `api.signicat.com`: the "Digital Trust Platform".
    #[default]
    Current,
    /// `id.signicat.com` and `preprod.signicat.com`.
    Nordics,
    /// `eu01.signicat.com` and `eu01.preprod.signicat.com`.
    Europe,
    /// `beta.signicat.com`, for staging only.
    Beta,
}

/// How the client shows its secret to the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// HTTP Basic.
    #[default]
    Basic,
    /// In the form. The current platform only.
    Form,
}

/// A way to sign, with what it is worth.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodSetting {
    /// As Signicat has configured it. One without a name must be handwritten.
    pub name: Option<String>,
    /// `"AUTHENTICATION_BASED"`, `"SIGNED_STATEMENT"` or `"THIRD_PARTY"`.
    #[serde(rename = "type")]
    pub kind: Option<MethodType>,
    /// The signer draws.
    #[serde(default)]
    pub handwritten: bool,
    /// The legal class of signatures made so, as the contract with Signicat says. Requests that demand a class are
    /// refused unless every method has one that they accept.
    pub legal_class: Option<LegalClass>,
}

impl MethodSetting {
    pub(crate) fn method(&self) -> SignatureMethod {
        SignatureMethod {
            name: self.name.clone(),
            kind: self.kind,
            handwritten: self.handwritten.then_some(true),
        }
    }
}

/// An e-mail. Texts are templates: `${taskUrl}` is replaced, and put at the end if they lack it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailText {
    /// Who it is from. It may be from Signicat's own address all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The subject.
    pub header: String,
    /// The text for requests without a message of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A text message. The text is a template, as that of [`MailText`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SmsText {
    pub sender: Option<String>,
    pub message: String,
}

/// Whether the invitation of a signer who has to wait is sent only when it is their turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CreatedMail {
    /// Nobody has said.
    #[default]
    Unknown,
    /// It is sent when it is their turn.
    Waits,
    /// It is sent at once.
    AtOnce,
}

fn national_id() -> Vec<String> {
    vec!["national-id".to_owned()]
}

fn pades() -> String {
    "pades".to_owned()
}

/// Where an instance sends to.
struct Addresses {
    environment: &'static str,
    api: Url,
    token: Url,
}

#[async_trait]
impl ProviderConfig for SignicatConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        let addresses = self.addresses()?;
        self.check()?;
        let organization = self.organization()?;
        let secret = cx.credential("client_secret", &self.client_secret).await?;
        let limiter = self.build_limiter(cx, &addresses.api)?;
        let rate = limiter.as_ref().map(|limiter| limiter.rate());
        let http = |address: &Url| {
            HttpClient::builder(address.clone(), cx.clock())
                .settings(&self.http)
                .observer(KIND, cx.observer())
                .explain(explain)
        };
        let token = http(&addresses.token).build().map_err(|error| match error.field_path() {
            Some("base_url") => error.field("token_url"),
            _ => error,
        })?;
        let tokens = Arc::new(TokenSource::new(token, &self, secret));
        let api = http(&addresses.api).limiter(limiter).auth(Arc::clone(&tokens) as _).build()?;
        let client = SignicatClient::new(api, self.account_id.clone(), organization);
        let endpoint =
            Endpoint { environment: addresses.environment.to_owned(), base_url: addresses.api.to_string() };
        Ok(Arc::new(SignicatProvider::new(client, self, tokens, endpoint, rate)))
    }
}

impl SignicatConfig {
    /// The scope to ask for.
    pub(crate) fn scope(&self) -> &str {
        match (&self.scope, self.platform) {
            (Some(scope), _) => scope,
            (None, Platform::Current) => "signicat-api",
            (None, Platform::Nordics | Platform::Europe | Platform::Beta) => "client.signature",
        }
    }

    fn addresses(&self) -> Result<Addresses> {
        let Some(environment) = self.environment else {
            let message =
                "say where to send: environment = \"production\" or \"staging\", or base_url and token_url";
            let api = self.base_url.clone().ok_or_else(|| Error::config("environment", message))?;
            let message = "with base_url, say where tokens are fetched";
            let token = self.token_url.clone().ok_or_else(|| Error::config("token_url", message))?;
            return Ok(Addresses { environment: "custom", api, token });
        };
        for (key, given) in [("base_url", &self.base_url), ("token_url", &self.token_url)] {
            if given.is_some() {
                return Err(Error::config(
                    key,
                    "environment sets the address already; leave one of them out",
                ));
            }
        }
        use Environment::{Production, Staging};
        let host = match (self.platform, environment) {
            (Platform::Current, _) => "api.signicat.com",
            (Platform::Nordics, Production) => "id.signicat.com",
            (Platform::Nordics, Staging) => "preprod.signicat.com",
            (Platform::Europe, Production) => "eu01.signicat.com",
            (Platform::Europe, Staging) => "eu01.preprod.signicat.com",
            (Platform::Beta, Staging) => "beta.signicat.com",
            (Platform::Beta, Production) => {
                return Err(Error::config("environment", "the beta platform is for staging only"));
            }
        };
        let (api, token) = match self.platform {
            Platform::Current => ("enterprise/sign", "auth/open/connect/token"),
            Platform::Nordics | Platform::Europe | Platform::Beta => ("sign", "oidc/token"),
        };
        let url = |path: &str| {
            let url = format!("https://{host}/{path}").parse();
            url.map_err(|_| Error::new(ErrorKind::Internal, "Signicat's own address is not one"))
        };
        let environment = if environment == Production { "production" } else { "staging" };
        Ok(Addresses { environment, api: url(api)?, token: url(token)? })
    }

    /// What the types cannot say.
    fn check(&self) -> Result<()> {
        if self.environment == Some(Environment::Production) {
            self.http.check_production()?;
        }
        if self.client_id.trim().is_empty() {
            return Err(Error::config("client_id", "the client's id is needed"));
        }
        if self.client_auth == ClientAuthentication::Form && self.platform != Platform::Current {
            return Err(Error::config("client_auth", "the older platforms take HTTP Basic only"));
        }
        for (i, method) in self.methods.iter().enumerate() {
            let named = method.name.as_ref().is_some_and(|name| !name.trim().is_empty());
            if !named && (method.name.is_some() || !method.handwritten) {
                let message = "name the method as Signicat has configured it, or set handwritten = true";
                return Err(Error::config(format!("methods[{i}].name"), message));
            }
        }
        if self.days_to_live.is_some_and(|days| days == 0 || i32::try_from(days).is_err()) {
            return Err(Error::config("days_to_live", "at least 1, and a 32-bit number"));
        }
        if self.days_until_deletion.is_some_and(|days| !(1..=30).contains(&days)) {
            return Err(Error::config("days_until_deletion", "1 to 30 days are accepted"));
        }
        if self.packaging_method.trim().is_empty() {
            return Err(Error::config("packaging_method", "a method is needed: \"pades\""));
        }
        if self.max_document_bytes == Some(0) {
            return Err(Error::config("max_document_bytes", "must be at least 1"));
        }
        self.check_notifications()
    }

    fn check_notifications(&self) -> Result<()> {
        let Some(url) = &self.notification_url else { return Ok(()) };
        if !self.url_notifications_enabled {
            let message = "Signicat calls addresses only after it was asked to: then set url_notifications_enabled = true";
            return Err(Error::config("notification_url", message));
        }
        if !may_be_called(url) {
            return Err(Error::config("notification_url", "an https address without a password is needed"));
        }
        Ok(())
    }

    fn organization(&self) -> Result<Option<HeaderValue>> {
        let value = self.organization_id.as_deref().map(HeaderValue::from_str).transpose();
        value
            .map_err(|_| Error::config("organization_id", "contains characters that no HTTP header may have"))
    }

    fn build_limiter(&self, cx: &BuildContext, api: &Url) -> Result<Option<Arc<Limiter>>> {
        let client = SecretString::from(self.client_id.clone());
        let owner = LimiterKey::of(KIND, self.limiter_group.as_deref(), api, &client);
        self.limiter.build(cx, None, owner)
    }
}

#[cfg(test)]
mod tests {
    use esign_core::{Client, Config, FixedSecrets, Registry};

    use super::*;

    async fn build(settings: &str) -> Result<Client> {
        let mut registry = Registry::new();
        registry.register::<SignicatConfig>()?;
        let text = format!("[providers.s]\nkind = \"signicat\"\n{settings}");
        let config: Config = toml::from_str(&text).unwrap();
        let secrets = FixedSecrets::new().with("secret", "marker").with("blank", " ");
        Client::builder(registry).config(config).secrets(secrets).build().await
    }

    const CLIENT: &str = "client_id = \"c\"\nclient_secret = { external = \"secret\" }\n";

    fn here(more: &str) -> String {
        format!(
            "{CLIENT}base_url = \"http://127.0.0.1:9/sign\"\ntoken_url = \"http://127.0.0.1:9/token\"\n{more}"
        )
    }

    #[tokio::test]
    async fn a_wrong_configuration_is_named_by_its_key() {
        let staging = |more: &str| format!("{CLIENT}environment = \"staging\"\n{more}");
        let cases = [
            (CLIENT.to_owned(), "environment"),
            (format!("{CLIENT}base_url = \"http://127.0.0.1:9/\""), "token_url"),
            (staging("base_url = \"http://127.0.0.1:9/\""), "base_url"),
            (staging("token_url = \"http://127.0.0.1:9/\""), "token_url"),
            (format!("{CLIENT}environment = \"prod\""), "environment"),
            (format!("{CLIENT}environment = \"production\"\nplatform = \"beta\""), "environment"),
            (
                format!("{CLIENT}environment = \"production\"\nhttp = {{ danger_http_hosts = [\"x\"] }}"),
                "http.danger_http_hosts",
            ),
            (staging("platform = \"europe\"\nclient_auth = \"form\""), "client_auth"),
            (here("client_auth = \"jwt\""), "client_auth"),
            (here("").replace("http://127.0.0.1:9/token", "http://x.example/token"), "token_url"),
            (here("").replace("http://127.0.0.1:9/token", "https://u:marker@x.example/token"), "token_url"),
            (here("").replace("http://127.0.0.1:9/sign", "http://x.example/sign"), "base_url"),
            (here("").replace("\"c\"", "\" \""), "client_id"),
            (here("").replace("\"secret\"", "\"blank\""), "client_secret"),
            (here("").replace("\"secret\"", "\"other\""), "client_secret"),
            (here("").replace("{ external = \"secret\" }", "\"marker\""), "client_secret"),
            (here("methods = [{ type = \"SIGNED_STATEMENT\" }]"), "methods[0].name"),
            (here("methods = [{ name = \" \" }]"), "methods[0].name"),
            (here("methods = [{ name = \"a\", type = \"signed\" }]"), "methods[0].type"),
            (here("days_to_live = 0"), "days_to_live"),
            (here("days_to_live = 2147483648"), "days_to_live"),
            (here("days_until_deletion = 0"), "days_until_deletion"),
            (here("days_until_deletion = 31"), "days_until_deletion"),
            (here("notification_url = \"https://x.example/\""), "notification_url"),
            (
                here("url_notifications_enabled = true\nnotification_url = \"http://x.example/\""),
                "notification_url",
            ),
            (here("packaging_method = \"\""), "packaging_method"),
            (here("packaging_layout = \"one\""), "packaging_layout"),
            (here("max_document_bytes = 0"), "max_document_bytes"),
            (here("organization_id = \"a\\u0007\""), "organization_id"),
            (here("email = { message = \"x\" }"), "email"),
            (here("created_mail = \"later\""), "created_mail"),
            (here("limiter = { limit = 0, window = 1 }"), "limiter.limit"),
            (here("daysToLive = 1"), ""),
        ];
        for (settings, key) in cases {
            let error = build(&settings).await.unwrap_err();
            let expected =
                if key.is_empty() { "providers.s".to_owned() } else { format!("providers.s.{key}") };
            let path = error.field_path().unwrap_or_default();
            assert!(
                path == expected || path.starts_with(&format!("{expected}.")),
                "{settings}: {path} {error}"
            );
            assert!(!format!("{error} {error:?}").contains("marker"), "{error}");
        }
    }

    #[tokio::test]
    async fn addresses_of_every_platform() {
        let cases = [
            (
                "production",
                "current",
                "https://api.signicat.com/enterprise/sign",
                "https://api.signicat.com/auth/open/connect/token",
            ),
            (
                "staging",
                "current",
                "https://api.signicat.com/enterprise/sign",
                "https://api.signicat.com/auth/open/connect/token",
            ),
            ("production", "nordics", "https://id.signicat.com/sign", "https://id.signicat.com/oidc/token"),
            (
                "staging",
                "nordics",
                "https://preprod.signicat.com/sign",
                "https://preprod.signicat.com/oidc/token",
            ),
            (
                "production",
                "europe",
                "https://eu01.signicat.com/sign",
                "https://eu01.signicat.com/oidc/token",
            ),
            (
                "staging",
                "europe",
                "https://eu01.preprod.signicat.com/sign",
                "https://eu01.preprod.signicat.com/oidc/token",
            ),
            ("staging", "beta", "https://beta.signicat.com/sign", "https://beta.signicat.com/oidc/token"),
        ];
        for (environment, platform, api, token) in cases {
            let text = format!("{CLIENT}environment = \"{environment}\"\nplatform = \"{platform}\"");
            let config: SignicatConfig = toml::from_str(&text).unwrap();
            let addresses = config.addresses().unwrap();
            assert_eq!((addresses.api.as_str(), addresses.token.as_str()), (api, token));
            assert_eq!(addresses.environment, environment);
            assert_eq!(
                config.scope(),
                if platform == "current" { "signicat-api" } else { "client.signature" }
            );
        }
        let client = build(&here("")).await.unwrap();
        assert_eq!(client.capabilities("s").unwrap().endpoint.environment, "custom");
    }
}
