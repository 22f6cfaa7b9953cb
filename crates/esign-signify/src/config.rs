//! `[providers.x]` with `kind = "signify"`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::facts::Size;
use esign_core::jiff::SignedDuration;
use esign_core::{
    BuildContext, Credential, Endpoint, Error, Origin, Provider, ProviderConfig, ProviderKind, Result,
    SecretRef,
};
use esign_http::{Bearer, HttpClient, HttpSettings, Limiter, LimiterKey, LimiterSettings, RateLimit};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::error::explain;
use crate::provider::{SignifyProvider, key_fault};
use crate::{KIND, SignifyClient};

/// "Up to 100 requests per 10 seconds (subject to change)": guide, "Rate Limits".
const DOCUMENTED_RATE: RateLimit = RateLimit::exact(100, Duration::from_secs(10));

/// The configuration of one Signify instance.
///
/// Whatever the API guide leaves open is a setting here; none of them is guessed in silence. Durations are words:
/// `"25m"`, `"5s"`.
///
/// ```
/// let config: esign_signify::SignifyConfig = toml::from_str(r#"
///     environment = "staging"
///     api_key = { env = "SIGNIFY_API_KEY" }
///     placement_origin = "top-left"
/// "#).unwrap();
/// assert!(toml::from_str::<esign_signify::SignifyConfig>("api_key = { env = 'X' }\nenviroment = 'staging'").is_err());
/// # let _ = config;
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignifyConfig {
    /// Which of Signify's own addresses to use. Either this or [`SignifyConfig::base_url`]; neither has a default.
    #[serde(default)]
    pub environment: Option<Environment>,

    /// Another address, such as the sandbox's: `"http://127.0.0.1:8080/public"`. The version is not part of it.
    #[serde(default, deserialize_with = "address")]
    pub base_url: Option<Url>,

    /// The API key, made in Signify's web application under "API Integration". It acts as the user who made it.
    pub api_key: SecretRef,

    /// What `positionX` and `positionY` are measured from, which the guide does not say: `"top-left"` or
    /// `"bottom-left"`. No default: without it only native placements are accepted. To find out, place a box near the top
    /// of a page in the web application and look at the `positionY` in its upload request: near 0 means `"top-left"`.
    #[serde(default)]
    pub placement_origin: Option<Origin>,

    /// The size of the signature box in points, which the guide does not say either. Used to keep boxes on the page and
    /// to find the corner that is sent. Default 220.5 x 60, the box of Sign with Singpass, which signs for Signify.
    #[serde(default = "singpass_box")]
    pub box_size: Size,

    /// Whether a coordinate of exactly 1 is accepted. Default `true`: the guide says "between 0 to 1".
    #[serde(default = "yes")]
    pub allow_coordinate_one: bool,

    /// The largest document in bytes. Default 10,000,000: the guide's "10MB" does not say which megabyte is meant.
    #[serde(default = "ten_megabytes")]
    pub max_document_bytes: u64,

    /// The most signatures on one document, all signers together. Default 30, from the user guide; the API page names
    /// none.
    #[serde(default = "thirty")]
    pub max_document_signatures: u64,

    /// What to do with more of them. Default `"refuse"`: a document that can be sent but not be signed to the end is
    /// worse than a refusal.
    #[serde(default)]
    pub over_max_document_signatures: OverLimit,

    /// Whether the reference becomes part of the document's name, so that a lost answer is found without doubt. Default
    /// `"off"`: signers see the name.
    #[serde(default)]
    pub reference_in_name: ReferenceInName,

    /// Whether a document's address gets the API key, which the guide does not say. Default `"auto"`.
    #[serde(default)]
    pub document_url_bearer: DocumentUrlBearer,

    /// The age at which a document's address is fetched anew. Default `"25m"`: it is "only guaranteed" for 30 minutes.
    #[serde(default = "twenty_five_minutes", deserialize_with = "esign_core::duration::deserialize")]
    pub document_url_max_age: SignedDuration,

    /// By how much Signify's clock and ours may differ when a lost submission is looked for. Default `"5m"`.
    #[serde(default = "five_minutes", deserialize_with = "esign_core::duration::deserialize")]
    pub lookup_skew: SignedDuration,

    /// How long to wait before looking a second time, when nothing is found: a create whose answer was lost may still be
    /// under way. Default `"5s"`.
    #[serde(default = "five_seconds", deserialize_with = "esign_core::duration::deserialize")]
    pub lookup_settle: SignedDuration,

    /// How requests travel.
    #[serde(default)]
    pub http: HttpSettings,

    /// The rate limit. Default: 100 requests in any 10 seconds, with 0.2 s of slack.
    #[serde(default)]
    pub limiter: LimiterSettings,

    /// Instances with the same name here share a limiter. Default: those with the same key at the same address, because
    /// the guide does not say what the limit belongs to.
    #[serde(default)]
    pub limiter_group: Option<String>,
}

/// Signify's own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Environment {
    /// `https://app.signify.gov.sg/public/`
    Production,
    /// `https://staging.signify.gov.sg/public/`
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
            Self::Production => "https://app.signify.gov.sg/public/",
            Self::Staging => "https://staging.signify.gov.sg/public/",
        }
    }
}

/// What to do beyond a limit that only the user guide names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OverLimit {
    /// Refuse the request.
    #[default]
    Refuse,
    /// Say so in the plan.
    Warn,
}

/// Whether the reference becomes part of the document's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReferenceInName {
    /// The name is sent as given.
    #[default]
    Off,
    /// `Lease 12` is sent as `Lease 12 (the-reference)`.
    Suffix,
}

/// Whether a document's address gets the API key. Another origin than the API's never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DocumentUrlBearer {
    /// With the key at the API's own origin, and after a 401 or 403 once without.
    #[default]
    Auto,
    /// With the key at the API's own origin.
    Always,
    /// Without.
    Never,
}

#[async_trait]
impl ProviderConfig for SignifyConfig {
    const KIND: ProviderKind = KIND;

    async fn build(self, cx: &BuildContext) -> Result<Arc<dyn Provider>> {
        let (environment, base_url) = self.address()?;
        self.check(environment)?;
        let credential = cx.credential("api_key", &self.api_key).await?;
        if let Some(fault) = key_fault(environment, &credential) {
            tracing::warn!(instance = cx.instance(), "{}", fault.message);
        }
        let limiter = self.build_limiter(cx, &base_url, &credential)?;
        let rate = limiter.as_ref().map(|limiter| limiter.rate());
        let http = HttpClient::builder(base_url.clone(), cx.clock())
            .settings(&self.http)
            .limiter(limiter)
            .observer(KIND, cx.observer())
            .auth(Arc::new(Bearer::new(credential.clone())))
            .explain(explain)
            .build()?;
        let client = SignifyClient::new(http, self.document_url_bearer, unsigned(self.document_url_max_age));
        let endpoint = Endpoint { environment: environment.to_owned(), base_url: base_url.to_string() };
        Ok(Arc::new(SignifyProvider::new(client, self, credential, endpoint, rate)))
    }
}

impl SignifyConfig {
    /// The environment's name and the address to send to.
    fn address(&self) -> Result<(&'static str, Url)> {
        let url = match (self.environment, &self.base_url) {
            (Some(environment), None) => {
                let url = environment.base_url().parse().map_err(|_| {
                    Error::new(esign_core::ErrorKind::Internal, "Signify's own address is not one")
                })?;
                return Ok((environment.name(), url));
            }
            (None, Some(url)) => url,
            (Some(_), Some(_)) => {
                return Err(Error::config("base_url", "leave out either environment or base_url"));
            }
            (None, None) => {
                let message = "say where to send: environment = \"production\" or \"staging\", or a base_url";
                return Err(Error::config("environment", message));
            }
        };
        let known = Environment::ALL.into_iter().find(|e| host_of(e.base_url()).as_deref() == url.host_str());
        if let Some(environment) = known {
            let message = format!("this is Signify itself: write environment = \"{}\"", environment.name());
            return Err(Error::config("base_url", message));
        }
        let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if last == "v1" {
            let message =
                "version 1 of the API is deprecated and not supported; the address ends before the version";
            return Err(Error::config("base_url", message));
        }
        if last == "v2" {
            return Err(Error::config("base_url", "leave out the version: the address ends before v2"));
        }
        Ok(("custom", url.clone()))
    }

    fn check(&self, environment: &str) -> Result<()> {
        if environment == Environment::Production.name() {
            self.http.check_production()?;
        }
        let Size { width, height } = self.box_size;
        if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
            return Err(Error::config("box_size", "a box has a positive width and height, in points"));
        }
        if self.max_document_bytes == 0 {
            return Err(Error::config("max_document_bytes", "must be at least 1"));
        }
        if self.max_document_signatures == 0 {
            return Err(Error::config("max_document_signatures", "must be at least 1"));
        }
        for (key, value, most) in [
            ("document_url_max_age", self.document_url_max_age, SignedDuration::from_mins(30)),
            ("lookup_skew", self.lookup_skew, SignedDuration::from_hours(24)),
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
        credential: &Credential,
    ) -> Result<Option<Arc<Limiter>>> {
        let owner = LimiterKey::of(KIND, self.limiter_group.as_deref(), base_url, &credential.current());
        self.limiter.build(cx, Some(DOCUMENTED_RATE), owner)
    }
}

/// A duration that was checked not to be negative.
pub(crate) fn unsigned(duration: SignedDuration) -> Duration {
    duration.unsigned_abs()
}

fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
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

fn yes() -> bool {
    true
}

fn singpass_box() -> Size {
    Size { width: 220.5, height: 60.0 }
}

fn ten_megabytes() -> u64 {
    10_000_000
}

fn thirty() -> u64 {
    30
}

fn twenty_five_minutes() -> SignedDuration {
    SignedDuration::from_mins(25)
}

fn five_minutes() -> SignedDuration {
    SignedDuration::from_mins(5)
}

fn five_seconds() -> SignedDuration {
    SignedDuration::from_secs(5)
}

#[cfg(test)]
mod tests {
    use esign_core::{Client, Config, ErrorKind, FixedSecrets, Registry};

    use super::*;

    async fn build(settings: &str) -> Result<Client> {
        let mut registry = Registry::new();
        registry.register::<SignifyConfig>()?;
        let text = format!("[providers.s]\nkind = \"signify\"\n{settings}");
        let config: Config = toml::from_str(&text).unwrap();
        let secrets = FixedSecrets::new().with("key", "production_v1_marker").with("blank", " ");
        Client::builder(registry).config(config).secrets(secrets).build().await
    }

    const KEY: &str = "api_key = { external = \"key\" }\n";
    const HERE: &str = "api_key = { external = \"key\" }\nbase_url = \"http://127.0.0.1:9/public\"\n";

    #[tokio::test]
    async fn a_wrong_configuration_is_named_by_its_key() {
        let cases = [
            (String::new(), "", ErrorKind::Config),
            (KEY.to_owned(), "environment", ErrorKind::Config),
            (format!("{HERE}environment = \"staging\""), "base_url", ErrorKind::Config),
            (format!("{KEY}environment = \"prod\""), "environment", ErrorKind::Config),
            ("api_key = \"production_v1_marker\"".to_owned(), "api_key", ErrorKind::Config),
            ("api_key = { env = \"A\", file = \"b\" }".to_owned(), "api_key", ErrorKind::Config),
            (HERE.replace("\"key\"", "\"other\""), "api_key", ErrorKind::Secret),
            (HERE.replace("\"key\"", "\"blank\""), "api_key", ErrorKind::Secret),
            (format!("{HERE}enviroment = \"staging\""), "", ErrorKind::Config),
            (format!("{HERE}placement_origin = \"centre\""), "placement_origin", ErrorKind::Config),
            (format!("{HERE}box_size = {{ width = 0, height = 60 }}"), "box_size", ErrorKind::Config),
            (format!("{HERE}box_size = {{ width = nan, height = 60 }}"), "box_size", ErrorKind::Config),
            (format!("{HERE}max_document_bytes = 0"), "max_document_bytes", ErrorKind::Config),
            (format!("{HERE}max_document_signatures = 0"), "max_document_signatures", ErrorKind::Config),
            (format!("{HERE}reference_in_name = \"prefix\""), "reference_in_name", ErrorKind::Config),
            (format!("{HERE}document_url_max_age = \"31m\""), "document_url_max_age", ErrorKind::Config),
            (format!("{HERE}document_url_max_age = \"-1s\""), "document_url_max_age", ErrorKind::Config),
            (format!("{HERE}lookup_skew = \"25h\""), "lookup_skew", ErrorKind::Config),
            (format!("{HERE}lookup_settle = \"11m\""), "lookup_settle", ErrorKind::Config),
            (format!("{HERE}http = {{ ca_file = \"/no/such/file\" }}"), "http.ca_file", ErrorKind::Config),
            (format!("{HERE}http = {{ colour = 1 }}"), "http", ErrorKind::Config),
            (format!("{HERE}limiter = {{ limit = 0 }}"), "limiter.limit", ErrorKind::Config),
        ];
        for (settings, key, kind) in cases {
            let error = build(&settings).await.unwrap_err();
            let expected =
                if key.is_empty() { "providers.s".to_owned() } else { format!("providers.s.{key}") };
            let path = error.field_path().unwrap_or_default();
            assert!(path == expected || path.starts_with(&format!("{expected}.")), "{settings}: {error}");
            assert_eq!(error.kind(), kind, "{settings}");
            assert!(!format!("{error} {error:?}").contains("marker"), "{error}");
        }
    }

    #[tokio::test]
    async fn addresses() {
        for (environment, url) in [
            ("production", "https://app.signify.gov.sg/public"),
            ("staging", "https://staging.signify.gov.sg/public"),
        ] {
            let client = build(&format!("{KEY}environment = \"{environment}\"")).await.unwrap();
            let endpoint = client.capabilities("s").unwrap().endpoint;
            assert_eq!(
                (endpoint.environment.as_str(), endpoint.base_url.trim_end_matches('/')),
                (environment, url)
            );
        }
        let cases = [
            ("http://127.0.0.1:9/public", None),
            ("http://localhost:9/public/", None),
            ("http://signify.example/public", Some("plain http")),
            ("https://app.signify.gov.sg/public", Some("environment = \"production\"")),
            ("https://staging.signify.gov.sg/public/", Some("environment = \"staging\"")),
            ("http://127.0.0.1:9/public/v1", Some("deprecated")),
            ("http://127.0.0.1:9/public/v1/", Some("deprecated")),
            ("http://127.0.0.1:9/public/v2", Some("leave out the version")),
            ("http://u:marker@127.0.0.1:9/public", Some("user name or password")),
            ("http://127.0.0.1:9/public?marker=1", Some("query")),
            ("marker", Some("not an address")),
            ("ftp://127.0.0.1/public", Some("ftp")),
        ];
        for (url, fault) in cases {
            match (build(&format!("{KEY}base_url = \"{url}\"")).await, fault) {
                (Ok(client), None) => {
                    assert_eq!(client.capabilities("s").unwrap().endpoint.environment, "custom");
                }
                (Err(error), Some(fault)) => {
                    assert_eq!(error.field_path(), Some("providers.s.base_url"), "{url}: {error}");
                    assert!(error.message().contains(fault), "{url}: {error}");
                    assert!(!format!("{error} {error:?}").contains("marker"), "{error}");
                }
                (built, _) => panic!("{url}: {built:?}"),
            }
        }
    }

    #[tokio::test]
    async fn production_takes_no_plain_hosts() {
        let settings = format!("{KEY}environment = \"production\"\nhttp = {{ danger_http_hosts = [\"x\"] }}");
        let error = build(&settings).await.unwrap_err();
        assert_eq!(error.field_path(), Some("providers.s.http.danger_http_hosts"));
    }

    #[tokio::test]
    async fn instances_of_one_key_share_a_limiter_unless_their_limits_differ() {
        let other = "limiter = { share = 2 }\n";
        let two = |a: &str, b: &str| format!("{HERE}{a}\n[providers.t]\nkind = \"signify\"\n{HERE}{b}");
        assert!(build(&two("", "")).await.is_ok());
        let error = build(&two("", other)).await.unwrap_err();
        assert_eq!(error.field_path(), Some("providers.t.limiter"));
        assert!(build(&two("", &format!("{other}limiter_group = \"own\""))).await.is_ok());
    }

    #[tokio::test]
    async fn capabilities_follow_the_configuration() {
        let caps = |client: Client| client.capabilities("s").unwrap();
        let plain = caps(build(HERE).await.unwrap());
        assert!(matches!(plain.placements.neutral, esign_core::Neutral::NeedsSetting { .. }));
        assert_eq!(plain.placements.per_document.max, esign_core::Bound::Is(30));
        assert_eq!(plain.reference, esign_core::ReferenceSupport::NameAndTime);
        let set = format!(
            "{HERE}placement_origin = \"bottom-left\"\nover_max_document_signatures = \"warn\"\nreference_in_name = \"suffix\"\nlimiter = {{ share = 4 }}"
        );
        let set = caps(build(&set).await.unwrap());
        assert_eq!(set.placements.neutral, esign_core::Neutral::Supported);
        assert_eq!(set.placements.per_document.max, esign_core::Bound::Unknown);
        assert_eq!(set.reference, esign_core::ReferenceSupport::InDocumentName);
        assert_eq!(set.rate_limit, Some(esign_core::RateLimit { requests: 25, window_seconds: 10 }));
    }
}
