//! `[providers.x]` with `kind = "documenso"`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::jiff::SignedDuration;
use esign_core::{
    BuildContext, Credential, Endpoint, Error, ErrorKind, LegalClass, Provider, ProviderConfig, ProviderKind,
    Result, Rule, SecretRef,
};
use esign_http::{Bearer, HttpClient, HttpSettings, Limiter, LimiterKey, LimiterSettings, RateLimit};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::error::{explain, stands};
use crate::provider::DocumensoProvider;
use crate::{DocumensoClient, KIND};

/// The configuration of one Documenso instance.
///
/// What depends on how a server is run is a setting here, because its API does not tell. Durations are words: `"2m"`.
///
/// ```
/// let config: esign_documenso::DocumensoConfig = toml::from_str(r#"
///     base_url = "https://sign.example.org"
///     api_token = { env = "DOCUMENSO_TOKEN" }
/// "#).unwrap();
/// assert!(toml::from_str::<esign_documenso::DocumensoConfig>("api_token = { env = 'X' }\nbase_ulr = 'x'").is_err());
/// # let _ = config;
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DocumensoConfig {
    /// Which of Documenso's own addresses to use, `"production"` or `"staging"`. Either this or
    /// [`DocumensoConfig::base_url`]; neither has a default.
    #[serde(default)]
    pub environment: Option<Environment>,

    /// The address of your own server, with or without a path before and `/api/v2` after it:
    /// `"https://sign.example.org"`.
    #[serde(default, deserialize_with = "address")]
    pub base_url: Option<Url>,

    /// The API token, made in the web application under the team's settings. It acts as its user in that team and sees that
    /// team's envelopes.
    pub api_token: SecretRef,

    /// The secret that the team's webhook is set up with. Default none: callbacks are refused, because without a secret
    /// they prove nothing.
    #[serde(default)]
    pub callback_secret: Option<SecretRef>,

    /// The largest document in bytes, to be set as the server is. Default 50,000,000, the server's own default.
    #[serde(default = "fifty_megabytes")]
    pub max_bytes: u64,

    /// The most documents in one request, a limit of the organisation's. Default 5.
    #[serde(default = "five")]
    pub max_documents: u64,

    /// Which hosts signing links may lead to. Default `"any"`: a server writes links with its own public address, which need
    /// not be that of its API.
    #[serde(default)]
    pub link_host: LinkHost,

    /// What to do with places on pages that the server draws on wrongly: those whose visible box does not start at (0,0), and
    /// those that inherit boxes, rotation or resources from the page tree (measured in 2.17.0). Default `"refuse"`.
    #[serde(default)]
    pub odd_pages: OddPages,

    /// What to do with documents that are signed already, whose signatures the server destroys: `"refuse"`, `"warn"` or
    /// `"allow"`. Default `"refuse"`.
    #[serde(default = "refuse")]
    pub existing_signatures: Rule,

    /// What to do with texts in double braces, of which the server makes fields: `"refuse"`, `"warn"` or `"allow"`. Default
    /// `"warn"`.
    #[serde(default = "warn")]
    pub placeholders: Rule,

    /// Whether the user of the API token gets the server's e-mails about completion and expiry. Default `false`.
    #[serde(default)]
    pub owner_mails: bool,

    /// The legal class of the seal. Default `"eidas-simple"`, unverified: no document of Documenso's names a class.
    #[serde(default = "eidas_simple")]
    pub legal_class: LegalClass,

    /// How long after the last signature a request without a seal counts as failed. Default `"6h30m"`: the server tries for
    /// six hours.
    #[serde(default = "six_and_a_half_hours")]
    pub seal_timeout: SignedDuration,

    /// How long a create may take: the server reads and flattens the file within the call. Raises `http.idle_timeout` and
    /// `http.total_timeout` where they are shorter. Default `"2m"`.
    #[serde(default = "two_minutes")]
    pub create_timeout: SignedDuration,

    /// How long to wait before looking a second time when a lost submission is not found, because it may still be under way.
    /// Default `"5s"`.
    #[serde(default = "five_seconds")]
    pub lookup_settle: SignedDuration,

    /// How requests travel.
    #[serde(default)]
    pub http: HttpSettings,

    /// The rate limit. Default: 1000 requests in a minute, with 6 s of slack.
    #[serde(default)]
    pub limiter: LimiterSettings,

    /// Instances with the same name here share a limiter. Default: those at the same address, because the server counts per
    /// client address.
    #[serde(default)]
    pub limiter_group: Option<String>,
}

/// Documenso's own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Environment {
    /// `https://app.documenso.com/api/v2/`
    Production,
    /// `https://stg-app.documenso.com/api/v2/`
    Staging,
}

impl Environment {
    const ALL: [Self; 2] = [Self::Production, Self::Staging];

    fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
        }
    }

    fn base_url(self) -> &'static str {
        match self {
            Self::Production => "https://app.documenso.com/api/v2/",
            Self::Staging => "https://stg-app.documenso.com/api/v2/",
        }
    }
}

/// Which hosts signing links may lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LinkHost {
    /// Any.
    #[default]
    Any,
    /// The API's own scheme, host and port only.
    Same,
}

/// What to do with pages that are drawn on wrongly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OddPages {
    /// Refuse places on them.
    #[default]
    Refuse,
    /// Say so in the plan.
    Warn,
}

#[async_trait]
impl ProviderConfig for DocumensoConfig {
    const KIND: ProviderKind = KIND;

    async fn build(mut self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        let (environment, base_url) = self.address()?;
        self.check(environment)?;
        let create_timeout = self.create_timeout.unsigned_abs();
        self.http.idle_timeout = self.http.idle_timeout.max(create_timeout);
        self.http.total_timeout = self.http.total_timeout.max(create_timeout);
        let token = cx.credential("api_token", &self.api_token).await?;
        let callback_secret = match &self.callback_secret {
            Some(secret) => Some(cx.credential("callback_secret", secret).await?),
            None => None,
        };
        let limiter = self.build_limiter(cx, &base_url, &token)?;
        let rate = limiter.as_ref().map(|limiter| limiter.rate());
        let http = HttpClient::builder(base_url.clone(), cx.clock())
            .settings(&self.http)
            .limiter(limiter)
            .auth(Arc::new(Bearer::new(token)))
            .explain(explain)
            .refusal(stands)
            .observer(KIND, cx.observer())
            .build()?;
        let endpoint = Endpoint { environment: environment.to_owned(), base_url: base_url.to_string() };
        let client = DocumensoClient::new(http);
        Ok(Arc::new(DocumensoProvider::new(client, self, callback_secret, endpoint, rate)))
    }
}

impl DocumensoConfig {
    /// The environment's name and the address to send to, which ends with the version.
    fn address(&self) -> Result<(&'static str, Url)> {
        let own = |environment: Environment| {
            let url = environment.base_url().parse();
            url.map_err(|_| Error::new(ErrorKind::Internal, "Documenso's own address is not one"))
        };
        let url = match (self.environment, &self.base_url) {
            (Some(environment), None) => return Ok((environment.name(), own(environment)?)),
            (None, Some(url)) => url,
            (Some(_), Some(_)) => {
                return Err(Error::config("base_url", "leave out either environment or base_url"));
            }
            (None, None) => {
                let message = "say where to send: the base_url of your server, or environment = \"production\" for \
                               Documenso's cloud";
                return Err(Error::config("base_url", message));
            }
        };
        for environment in Environment::ALL {
            if own(environment)?.host_str() == url.host_str() {
                let message =
                    format!("this is Documenso's cloud: write environment = \"{}\"", environment.name());
                return Err(Error::config("base_url", message));
            }
        }
        let path = url.path().trim_end_matches('/');
        if path.ends_with("/api/v1") {
            let message =
                "version 1 of the API is not supported: end the address with /api/v2, or before /api";
            return Err(Error::config("base_url", message));
        }
        let mut url = url.clone();
        url.set_path(&format!("{}/api/v2/", path.strip_suffix("/api/v2").unwrap_or(path)));
        Ok(("custom", url))
    }

    fn check(&self, environment: &str) -> Result<()> {
        if environment == Environment::Production.name() {
            self.http.check_production()?;
        }
        for (key, value) in [("max_bytes", self.max_bytes), ("max_documents", self.max_documents)] {
            if value == 0 {
                return Err(Error::config(key, "must be at least 1"));
            }
        }
        for (key, value, most) in [
            ("seal_timeout", self.seal_timeout, SignedDuration::from_hours(24 * 30)),
            ("create_timeout", self.create_timeout, SignedDuration::from_hours(1)),
            ("lookup_settle", self.lookup_settle, SignedDuration::from_mins(10)),
        ] {
            if value.is_negative() || value > most {
                return Err(Error::config(key, format!("must be between 0 and {most:#}")));
            }
        }
        Ok(())
    }

    fn build_limiter(
        &self,
        cx: &BuildContext,
        base_url: &Url,
        token: &Credential,
    ) -> Result<Option<Arc<Limiter>>> {
        // Clock minutes of the server's, and what it counts comes through proxies: a tenth of the window is left.
        let mut documented = RateLimit::exact(1000, Duration::from_secs(60));
        documented.slack = Duration::from_secs(6);
        let group = self.limiter_group.as_deref().unwrap_or(base_url.as_str());
        let owner = LimiterKey::of(KIND, Some(group), base_url, &token.current());
        self.limiter.build(cx, Some(documented), owner)
    }
}

/// Refuses what is no address, and passwords in it, without repeating either.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let url = Url::parse(&text)
        .map_err(|fault| serde::de::Error::custom(format!("this is not an address: {fault}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(serde::de::Error::custom("an address may not contain a user name or password"));
    }
    Ok(Some(url))
}

fn fifty_megabytes() -> u64 {
    50_000_000
}

fn five() -> u64 {
    5
}

fn refuse() -> Rule {
    Rule::Refuse
}

fn warn() -> Rule {
    Rule::Warn
}

fn eidas_simple() -> LegalClass {
    LegalClass::EIDAS_SIMPLE
}

fn six_and_a_half_hours() -> SignedDuration {
    SignedDuration::from_mins(390)
}

fn two_minutes() -> SignedDuration {
    SignedDuration::from_mins(2)
}

fn five_seconds() -> SignedDuration {
    SignedDuration::from_secs(5)
}

#[cfg(test)]
mod tests {
    use esign_core::{Bound, CallbackSupport, Client, Config, FixedSecrets, Registry};

    use super::*;

    async fn build(settings: &str) -> Result<Client> {
        let mut registry = Registry::new();
        registry.register::<DocumensoConfig>()?;
        let text =
            format!("[providers.d]\nkind = \"documenso\"\napi_token = {{ external = \"t\" }}\n{settings}");
        let config: Config = toml::from_str(&text).map_err(|e| Error::config("file", e.to_string()))?;
        let secrets = FixedSecrets::new().with("t", "api_x").with("s", "secret");
        Client::builder(registry).config(config).secrets(secrets).build().await
    }

    fn base_url(url: &str) -> String {
        format!("base_url = \"{url}\"")
    }

    #[tokio::test]
    async fn addresses_end_with_the_version_whatever_is_written() {
        for (written, sent) in [
            ("https://sign.example.org", "https://sign.example.org/api/v2/"),
            ("https://sign.example.org/api/v2", "https://sign.example.org/api/v2/"),
            ("https://example.org/sign/", "https://example.org/sign/api/v2/"),
            ("https://example.org/sign/api/v2/", "https://example.org/sign/api/v2/"),
            ("http://127.0.0.1:3400", "http://127.0.0.1:3400/api/v2/"),
        ] {
            let client = build(&base_url(written)).await.unwrap();
            assert_eq!(client.capabilities("d").unwrap().endpoint.base_url, sent);
        }
        for (settings, environment) in [("production", "app."), ("staging", "stg-app.")] {
            let client = build(&format!("environment = \"{settings}\"")).await.unwrap();
            assert!(client.capabilities("d").unwrap().endpoint.base_url.contains(environment));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_an_address_is_refused_with_what_to_write() {
        for (settings, field, words) in [
            (String::new(), "base_url", "say where to send"),
            (base_url("https://sign.example.org/api/v1"), "base_url", "version 1"),
            (base_url("https://sign.example.org/api/v1/"), "base_url", "version 1"),
            (base_url("http://sign.example.org"), "base_url", "plain http"),
            (base_url("https://app.documenso.com/api/v2"), "base_url", "environment = \"production\""),
            (base_url("ftp://127.0.0.1"), "base_url", "ftp"),
            (base_url("https://user:marker@sign.example.org"), "base_url", "password"),
            (format!("environment = \"staging\"\n{}", base_url("https://x.example")), "base_url", "either"),
            (format!("max_documents = 0\n{}", base_url("https://x.example")), "max_documents", "at least 1"),
            (
                format!("lookup_settle = \"1h\"\n{}", base_url("https://x.example")),
                "lookup_settle",
                "between 0",
            ),
            (
                "environment = \"production\"\nhttp = { danger_http_hosts = [\"x\"] }".to_owned(),
                "http.danger_http_hosts",
                "production",
            ),
        ] {
            let error = build(&settings).await.unwrap_err();
            assert_eq!(
                error.field_path(),
                Some(format!("providers.d.{field}").as_str()),
                "{settings}: {error}"
            );
            assert!(error.to_string().contains(words), "{settings}: {error}");
            assert!(!format!("{error} {error:?}").contains("marker"), "{error}");
        }
        // A host that is named may be spoken to without TLS.
        let named = format!("http = {{ danger_http_hosts = [\"sign\"] }}\n{}", base_url("http://sign:3000"));
        build(&named).await.unwrap();
    }

    #[tokio::test]
    async fn capabilities_follow_the_configuration() {
        let caps = async |settings: &str| {
            let settings = format!("{settings}\n{}", base_url("https://x.example"));
            build(&settings).await.unwrap().capabilities("d").unwrap()
        };
        let plain = caps("").await;
        assert_eq!(plain.documents.count.max, Bound::Is(5));
        assert_eq!(plain.callbacks, CallbackSupport::None);
        assert_eq!(plain.documents.pdf.existing_signatures, Rule::Refuse);
        assert_eq!(plain.documents.pdf.text_tags, Rule::Warn);
        assert_eq!(plain.rate_limit.unwrap().requests, 1000);
        let set = caps(
            "callback_secret = { external = \"s\" }\nmax_documents = 9\nexisting_signatures = \"allow\"\n\
             legal_class = \"eidas-advanced\"\nplaceholders = \"refuse\"",
        )
        .await;
        assert_eq!((set.documents.count.max, set.callbacks), (Bound::Is(9), CallbackSupport::Hints));
        assert_eq!(set.documents.pdf.existing_signatures, Rule::Allow);
        assert_eq!(set.documents.pdf.text_tags, Rule::Refuse);
        assert_eq!(set.legal[0].class, LegalClass::EIDAS_ADVANCED);
    }
}
