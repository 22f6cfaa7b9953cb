//! What a person can set about HTTP: `[providers.x.http]` and `[providers.x.limiter]`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use esign_core::{BuildContext, Error, Result};
use serde::Deserialize;
use url::{Host, Url};

use crate::{Limiter, LimiterKey, Limiters};

/// The largest `max_retry_after`.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// How requests travel. Nest it in an adapter's configuration as `http`; every field may be left out.
///
/// Durations are seconds (`30`, `0.5`) or words (`"30s"`, `"2m"`).
///
/// ```
/// let settings: esign_http::HttpSettings = serde_json::from_value(serde_json::json!({
///     "ca_file": "/etc/ssl/corporate.pem",
///     "total_timeout": "5m",
/// })).unwrap();
/// assert_eq!(settings.total_timeout.as_secs(), 300);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpSettings {
    /// The proxy for every host that is not loopback: `"http://proxy.example:3128"`, or `"direct"` for none. Default:
    /// what the environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), because that is where
    /// operators set it. A user name and password do not belong in a configuration file: only the environment may
    /// carry them.
    pub proxy: Option<ProxySetting>,

    /// Hosts that `proxy` is not used for: names, `.domain` suffixes, addresses, networks (`10.0.0.0/8`). Default: none.
    pub no_proxy: Vec<String>,

    /// A PEM file of certificate authorities to trust beside the system's own. Default: none.
    pub ca_file: Option<PathBuf>,

    /// How long connecting may take, TLS included. Default 10 s: a working network needs less than one, and a failure
    /// here is always safe to repeat.
    #[serde(deserialize_with = "duration::required")]
    pub connect_timeout: Duration,

    /// How long nothing may arrive; the upload of the request counts as silence. Default 60 s: time to upload 10 MB
    /// over 2 Mbit/s, since giving up during a submit leaves its outcome unknown.
    #[serde(deserialize_with = "duration::required")]
    pub idle_timeout: Duration,

    /// How long one attempt may take in all. Default 180 s: an upload of 10 MB, its processing and a slow answer.
    #[serde(deserialize_with = "duration::required")]
    pub total_timeout: Duration,

    /// How often a replayable request is repeated after a passing fault. Default 4, which spans about 8 s of back-off.
    pub max_retries: u32,

    /// The longest Retry-After that is waited for; a longer one is handed to the caller. Default 60 s, at most a day.
    #[serde(deserialize_with = "duration::required")]
    pub max_retry_after: Duration,

    /// The largest answer that is read, documents apart. Default 8 MiB: lists without paging can be long.
    pub max_answer_bytes: usize,

    /// The largest document that is downloaded. Default 100 MiB: it is held in memory.
    pub max_document_bytes: usize,

    /// Host names that may be spoken to without TLS, for instance a simulator in the same container network. Default:
    /// none. Loopback needs no entry; production environments refuse any.
    pub danger_http_hosts: Vec<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(180),
            max_retries: 4,
            max_retry_after: Duration::from_secs(60),
            max_answer_bytes: 8 << 20,
            max_document_bytes: 100 << 20,
            danger_http_hosts: Vec::new(),
        }
    }
}

impl HttpSettings {
    /// For production environments: refuses what weakens transport security.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) at `http.danger_http_hosts`.
    pub fn check_production(&self) -> Result<()> {
        if self.danger_http_hosts.is_empty() {
            return Ok(());
        }
        Err(Error::config(
            "http.danger_http_hosts",
            "not allowed in production: remove it, or use another environment",
        ))
    }

    /// Checks what the types cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.no_proxy.is_empty() && !matches!(self.proxy, Some(ProxySetting::Url(_))) {
            return Err(Error::config(
                "http.no_proxy",
                "only has a meaning beside http.proxy; for the environment's proxy set NO_PROXY",
            ));
        }
        if self.max_retry_after > LONGEST_RETRY_AFTER {
            return Err(Error::config("http.max_retry_after", "at most a day: nothing is waited for longer"));
        }
        for (key, value) in [
            ("http.connect_timeout", self.connect_timeout),
            ("http.idle_timeout", self.idle_timeout),
            ("http.total_timeout", self.total_timeout),
        ] {
            if value.is_zero() {
                return Err(Error::config(key, "must be longer than zero"));
            }
        }
        Ok(())
    }

    /// Whether this address may carry what is secret: https, or plain http to loopback or a host in `danger_http_hosts`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config), at `base_url`.
    pub fn check_scheme(&self, url: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" if !host.is_empty() => Ok(()),
            "http"
                if is_loopback(url)
                    || self.danger_http_hosts.iter().any(|h| h.eq_ignore_ascii_case(host)) =>
            {
                Ok(())
            }
            "http" => Err(Error::config(
                "base_url",
                format!(
                    "plain http to {host} is refused: use https, or list the host in http.danger_http_hosts"
                ),
            )),
            other => Err(Error::config(
                "base_url",
                format!("{other}: is not an address that can be called; use https"),
            )),
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("proxy", &self.proxy)
            .field("no_proxy", &self.no_proxy)
            .field("ca_file", &self.ca_file)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("max_retries", &self.max_retries)
            .field("danger_http_hosts", &self.danger_http_hosts)
            .finish_non_exhaustive()
    }
}

/// Which proxy to use.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxySetting {
    /// None, whatever the environment says.
    Direct,
    /// This one.
    Url(Url),
}

impl fmt::Debug for ProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Url(url) => f.write_str(&origin_of(url)),
        }
    }
}

impl<'de> Deserialize<'de> for ProxySetting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "direct" {
            return Ok(Self::Direct);
        }
        // The text is not repeated in these messages: it may hold a password.
        let url = Url::parse(&text).map_err(|_| {
            serde::de::Error::custom("not a proxy address; write http://host:port or \"direct\"")
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(serde::de::Error::custom(
                "a proxy address may not contain a user name or password; set HTTPS_PROXY in the environment instead",
            ));
        }
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(serde::de::Error::custom("a proxy address starts with http:// or https://"));
        }
        Ok(Self::Url(url))
    }
}

/// How the limiter is set in a file: `[providers.x.limiter]`. What is left out keeps the provider's documented value.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimiterSettings {
    /// `exact` or `paced`.
    pub mode: Option<LimiterMode>,

    /// How many requests the provider accepts in one `window`.
    pub limit: Option<u32>,

    /// The length of the provider's window.
    #[serde(deserialize_with = "duration::optional")]
    pub window: Option<Duration>,

    /// `paced` only: how many may go at once after a pause. Default a tenth of the limit, at least 1. The larger it is,
    /// the slower the pace that keeps the limit.
    pub burst: Option<u32>,

    /// By how much the time between sending and arriving may vary: added to the window.
    #[serde(deserialize_with = "duration::optional")]
    pub slack: Option<Duration>,

    /// How many processes use the same credential: each keeps to its part of the limit. Default 1.
    pub share: Option<u32>,
}

impl LimiterSettings {
    /// The settings over what the provider documents; `None` if neither says anything.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) at the key that is missing or contradicts another.
    pub fn resolve(&self, documented: Option<RateLimit>) -> Result<Option<RateLimit>> {
        if *self == Self::default() && documented.is_none() {
            return Ok(None);
        }
        let missing =
            |key: &str| Error::config(format!("limiter.{key}"), "required: this provider documents none");
        let limit = self.limit.or(documented.map(|d| d.limit)).ok_or_else(|| missing("limit"))?;
        let window = self.window.or(documented.map(|d| d.window)).ok_or_else(|| missing("window"))?;
        let rate = RateLimit {
            mode: self.mode.or(documented.map(|d| d.mode)).unwrap_or_default(),
            limit,
            window,
            burst: self.burst.or(documented.and_then(|d| d.burst)),
            slack: self.slack.or(documented.map(|d| d.slack)).unwrap_or(RateLimit::DEFAULT_SLACK),
            share: self.share.or(documented.map(|d| d.share)).unwrap_or(1),
        };
        rate.check()?;
        Ok(Some(rate))
    }

    /// The limiter of an instance with these settings; `None` if neither they nor the provider's documentation set one.
    ///
    /// # Errors
    /// As [`LimiterSettings::resolve`] and [`Limiters::limiter`].
    pub fn build(
        &self,
        cx: &BuildContext,
        documented: Option<RateLimit>,
        owner: LimiterKey,
    ) -> Result<Option<Arc<Limiter>>> {
        let Some(rate) = self.resolve(documented)? else { return Ok(None) };
        cx.shared("limiters", Limiters::new).limiter(owner, rate, &cx.clock(), cx.gate()).map(Some)
    }
}

/// How the limiter keeps the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LimiterMode {
    /// Remembers the time of every request of the last window: the whole limit may go at once, and no more than the
    /// limit ever falls into any window.
    #[default]
    Exact,
    /// Spaces requests evenly (GCRA): no bursts beyond `burst`, a steadier load.
    Paced,
}

/// A rate limit with nothing left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RateLimit {
    /// How it is kept.
    pub mode: LimiterMode,
    /// Requests per window.
    pub limit: u32,
    /// The window.
    pub window: Duration,
    /// `paced` only: how many at once; `None` takes a tenth of the limit.
    pub burst: Option<u32>,
    /// Added to the window for the varying time between sending and arriving.
    pub slack: Duration,
    /// How many processes share the limit.
    pub share: u32,
}

impl RateLimit {
    /// 0.2 s: requests sent together over warm connections arrive within it; TLS handshakes of a cold start fit too.
    pub const DEFAULT_SLACK: Duration = Duration::from_millis(200);

    /// `limit` requests in any `window`, kept exactly, with the default slack, for one process.
    #[must_use]
    pub const fn exact(limit: u32, window: Duration) -> Self {
        Self { mode: LimiterMode::Exact, limit, window, burst: None, slack: Self::DEFAULT_SLACK, share: 1 }
    }

    /// `limit` requests in any `window`, evenly spaced after `burst` at once.
    #[must_use]
    pub const fn paced(limit: u32, window: Duration, burst: u32) -> Self {
        Self { mode: LimiterMode::Paced, burst: Some(burst), ..Self::exact(limit, window) }
    }

    /// The part of the limit that belongs to this process.
    #[must_use]
    pub fn own_limit(&self) -> u32 {
        self.limit / self.share.max(1)
    }

    /// How many may go at once in `paced` mode.
    #[must_use]
    pub fn own_burst(&self) -> u32 {
        self.burst.unwrap_or_else(|| (self.own_limit() / 10).max(1))
    }

    /// As capabilities say it: the part of this process. A window that is not whole seconds is shown as the longer one, so that
    /// it is never more than the limit.
    #[must_use]
    pub fn claim(&self) -> esign_core::RateLimit {
        let seconds = self.window.as_millis().div_ceil(1000);
        esign_core::RateLimit {
            requests: self.own_limit(),
            window_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        }
    }

    /// Checks that the numbers agree.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) at the offending key.
    pub fn check(&self) -> Result<()> {
        let fault = |key: &str, message: String| Err(Error::config(format!("limiter.{key}"), message));
        if self.limit == 0 {
            return fault("limit", "must be at least 1".into());
        }
        if self.window.is_zero() {
            return fault("window", "must be longer than zero".into());
        }
        if self.window.saturating_add(self.slack) > Duration::from_secs(86_400) {
            return fault("window", "window and slack together may not be longer than a day".into());
        }
        if self.share == 0 || self.share > self.limit {
            return fault("share", format!("must be between 1 and the limit, {}", self.limit));
        }
        match (self.mode, self.burst) {
            (LimiterMode::Exact, Some(_)) => {
                fault("burst", "only for mode \"paced\": in exact mode the whole limit may go at once".into())
            }
            (LimiterMode::Paced, Some(burst)) if burst == 0 || burst > self.own_limit() => fault(
                "burst",
                format!("must be between 1 and this process's part of the limit, {}", self.own_limit()),
            ),
            _ => Ok(()),
        }
    }
}

/// Whether the address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Scheme, host and port: the part of an address that may be shown.
pub(crate) fn origin_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

mod duration {
    use std::fmt;
    use std::time::Duration;

    use serde::de::{Deserializer, Error, Visitor};

    pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_any(Words)
    }

    pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        required(deserializer).map(Some)
    }

    struct Words;

    impl Visitor<'_> for Words {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration: seconds as a number, or words such as \"30s\" or \"2m\"")
        }

        fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
            Ok(Duration::from_secs(seconds))
        }

        fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
            u64::try_from(seconds)
                .map(Duration::from_secs)
                .map_err(|_| E::custom("a duration cannot be negative"))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
            Duration::try_from_secs_f64(seconds).map_err(|_| E::custom("not a duration in seconds"))
        }

        fn visit_str<E: Error>(self, words: &str) -> Result<Duration, E> {
            let duration = esign_core::duration::parse(words).map_err(|error| E::custom(error.message()))?;
            Duration::try_from(duration).map_err(|_| E::custom("a duration cannot be negative"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: serde_json::Value) -> Result<HttpSettings, String> {
        serde_json::from_value(value).map_err(|e| e.to_string())
    }

    #[test]
    fn durations_are_seconds_or_words() {
        for (written, millis) in
            [(json!(30), 30_000), (json!(0.5), 500), (json!("2m"), 120_000), (json!("1m 30s"), 90_000)]
        {
            let read = settings(json!({ "idle_timeout": written })).unwrap();
            assert_eq!(read.idle_timeout.as_millis(), millis, "{written}");
        }
        for wrong in [json!(-1), json!("soon"), json!("-2s"), json!(true), json!(1e300)] {
            assert!(settings(json!({ "idle_timeout": wrong })).is_err(), "{wrong}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(settings(json!({ "timeout": 3 })).unwrap_err().contains("unknown field `timeout`"));
        assert!(serde_json::from_value::<LimiterSettings>(json!({ "rate": 3 })).is_err());
    }

    #[test]
    fn a_password_in_the_proxy_address_is_refused_and_not_repeated() {
        let error = settings(json!({ "proxy": "http://user:marker@proxy.example:3128" })).unwrap_err();
        assert!(error.contains("HTTPS_PROXY") && !error.contains("marker"), "{error}");
        let fine = settings(json!({ "proxy": "http://proxy.example:3128" })).unwrap();
        assert!(format!("{fine:?}").contains("http://proxy.example:3128"));
        assert_eq!(settings(json!({ "proxy": "direct" })).unwrap().proxy, Some(ProxySetting::Direct));
    }

    #[test]
    fn plain_http_is_for_loopback_and_listed_hosts_only() {
        let strict = HttpSettings::default();
        let listed = HttpSettings { danger_http_hosts: vec!["mockpass".into()], ..Default::default() };
        for (url, by_default, when_listed) in [
            ("https://api.example", true, true),
            ("http://api.example", false, false),
            ("http://127.0.0.1:80", true, true),
            ("http://127.9.9.9", true, true),
            ("http://[::1]:8080", true, true),
            ("http://[::ffff:127.0.0.1]", true, true),
            ("http://localhost:1", true, true),
            ("http://sign.localhost", true, true),
            ("http://localhost.example", false, false),
            ("http://127.0.0.1.example", false, false),
            ("http://mockpass:5156", false, true),
            ("http://MockPass", false, true),
            ("ftp://127.0.0.1", false, false),
            ("file:///etc/passwd", false, false),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(strict.check_scheme(&url).is_ok(), by_default, "{url}");
            assert_eq!(listed.check_scheme(&url).is_ok(), when_listed, "{url}");
        }
        assert!(strict.check_production().is_ok());
        assert_eq!(listed.check_production().unwrap_err().field_path(), Some("http.danger_http_hosts"));
    }

    #[test]
    fn limiter_settings_lie_over_what_is_documented() {
        let documented = RateLimit::exact(100, Duration::from_secs(10));
        let file = |value| serde_json::from_value::<LimiterSettings>(value).unwrap();

        assert_eq!(LimiterSettings::default().resolve(None).unwrap(), None);
        assert_eq!(LimiterSettings::default().resolve(Some(documented)).unwrap(), Some(documented));
        let changed = file(json!({ "slack": "1s", "share": 4 })).resolve(Some(documented)).unwrap().unwrap();
        assert_eq!((changed.slack, changed.own_limit()), (Duration::from_secs(1), 25));
        let paced = file(json!({ "mode": "paced" })).resolve(Some(documented)).unwrap().unwrap();
        assert_eq!(paced.own_burst(), 10);

        for (value, key) in [
            (json!({ "limit": 5 }), "limiter.window"),
            (json!({ "window": 5 }), "limiter.limit"),
            (json!({ "limit": 0, "window": 5 }), "limiter.limit"),
            (json!({ "limit": 5, "window": 0 }), "limiter.window"),
            (json!({ "limit": 5, "window": 5, "share": 6 }), "limiter.share"),
            (json!({ "limit": 5, "window": 5, "share": 0 }), "limiter.share"),
            (json!({ "limit": 5, "window": 5, "burst": 2 }), "limiter.burst"),
            (json!({ "mode": "paced", "limit": 5, "window": 5, "burst": 6 }), "limiter.burst"),
            (json!({ "limit": 5, "window": 5, "slack": "25h" }), "limiter.window"),
            (json!({ "limit": 5, "window": u64::MAX, "slack": u64::MAX }), "limiter.window"),
        ] {
            let error = file(value.clone()).resolve(None).unwrap_err();
            assert_eq!(error.field_path(), Some(key), "{value}");
        }
    }

    #[test]
    fn no_proxy_alone_is_a_mistake() {
        let settings = settings(json!({ "no_proxy": ["a.example"] })).unwrap();
        assert_eq!(settings.check().unwrap_err().field_path(), Some("http.no_proxy"));
    }
}
