//! Relying parties, as they are registered at onboarding: one redirect URL, one webhook URL, one set of keys each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::settings::SingpassSettings;
use crate::jose::{ClientKeys, check_keys, may_be_called};

/// A client of Sign V3 (a relying party), as registered with the service.
///
/// From text, for command lines: `client_id=… jwks_url=… redirect_url=… webhook_url=…`, separated by spaces.
///
/// ```
/// use esign_sandbox::singpass::Client;
///
/// let client: Client = "client_id=demo jwks_url=http://localhost:4000/jwks \
///     redirect_url=http://localhost:4000/redirect webhook_url=http://localhost:4000/webhook".parse()?;
/// assert_eq!(client.client_id, "demo");
/// # Ok::<(), esign_sandbox::singpass::InvalidClient>(())
/// ```
/// Debug shows the id only: addresses may carry secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What the claim `client_id` must say.
    pub client_id: String,
    /// Where its public keys are, or the keys themselves. In JSON the key is `jwks_url` or `jwks`.
    #[serde(flatten)]
    pub keys: ClientKeys,
    /// Where the browser is sent back to; `request_id` and `status` are added to its query.
    pub redirect_url: Url,
    /// Where the news of a signed document is posted to.
    pub webhook_url: Url,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Why a client cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidClient {
    /// There is no client id.
    #[error("client_id must not be empty")]
    NoId,
    /// The address is neither `https` nor `http` on this machine.
    #[error(
        "{0} must be https, or http to localhost or a loopback address (or any http with allow_plain_http)"
    )]
    Address(&'static str),
    /// The keys given cannot be used.
    #[error("jwks: {0}")]
    Keys(String),
    /// A client in text form lacks a part, or has one that is none.
    #[error("a client is written as client_id=… jwks_url=… redirect_url=… webhook_url=…: {0}")]
    Text(String),
}

impl Client {
    pub(super) fn check(&self, settings: &SingpassSettings) -> Result<(), InvalidClient> {
        if self.client_id.is_empty() {
            return Err(InvalidClient::NoId);
        }
        let jwks_url = match &self.keys {
            ClientKeys::Url(url) => Some(("jwks_url", url)),
            ClientKeys::Inline(keys) => {
                check_keys(keys).map_err(InvalidClient::Keys)?;
                None
            }
        };
        let others = [("redirect_url", &self.redirect_url), ("webhook_url", &self.webhook_url)];
        match jwks_url
            .into_iter()
            .chain(others)
            .find(|(_, url)| !may_be_called(url, settings.allow_plain_http))
        {
            Some((name, _)) => Err(InvalidClient::Address(name)),
            None => Ok(()),
        }
    }
}

impl FromStr for Client {
    type Err = InvalidClient;

    fn from_str(text: &str) -> Result<Self, InvalidClient> {
        let wrong = InvalidClient::Text;
        let (mut client_id, mut jwks_url, mut redirect_url, mut webhook_url) = (None, None, None, None);
        for part in text.split_whitespace() {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong(format!("{part} has no =")))?;
            let place = match name {
                "client_id" => &mut client_id,
                "jwks_url" => &mut jwks_url,
                "redirect_url" => &mut redirect_url,
                "webhook_url" => &mut webhook_url,
                _ => return Err(wrong(format!("{name} is none of them"))),
            };
            if place.replace(value).is_some() {
                return Err(wrong(format!("{name} is there twice")));
            }
        }
        let url = |name: &str, value: Option<&str>| {
            let value = value.ok_or_else(|| wrong(format!("{name} is missing")))?;
            value.parse().map_err(|error| wrong(format!("{name}: {error}")))
        };
        Ok(Self {
            client_id: client_id.ok_or_else(|| wrong("client_id is missing".to_owned()))?.to_owned(),
            keys: ClientKeys::Url(url("jwks_url", jwks_url)?),
            redirect_url: url("redirect_url", redirect_url)?,
            webhook_url: url("webhook_url", webhook_url)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clients_are_read_from_json_with_keys_by_either_name() {
        let mut json = json!({
            "client_id": "a", "jwks_url": "https://rp.example/jwks",
            "redirect_url": "https://rp.example/back", "webhook_url": "https://rp.example/hook",
        });
        let client: Client = serde_json::from_value(json.clone()).unwrap();
        assert!(matches!(client.keys, ClientKeys::Url(_)));
        assert_eq!(serde_json::to_value(&client).unwrap(), json);
        client.check(&SingpassSettings::default()).unwrap();
        json["jwks_url"].take();
        json.as_object_mut().unwrap().remove("jwks_url");
        json["jwks"] = json!({ "keys": [] });
        let client: Client = serde_json::from_value(json.clone()).unwrap();
        assert!(matches!(client.keys, ClientKeys::Inline(_)));
        assert!(matches!(client.check(&SingpassSettings::default()), Err(InvalidClient::Keys(_))));
    }

    #[test]
    fn addresses_beyond_this_machine_need_https() {
        let client = |url: &str| -> Client {
            format!("client_id=a jwks_url={url} redirect_url=https://b webhook_url=https://c")
                .parse()
                .unwrap()
        };
        let strict = SingpassSettings::default();
        for good in ["https://a", "http://localhost:1", "http://127.0.0.9:1/x", "http://[::1]:1/x"] {
            client(good).check(&strict).unwrap();
        }
        for bad in ["http://app:1", "ftp://localhost", "http://localhost.evil.example"] {
            assert_eq!(client(bad).check(&strict), Err(InvalidClient::Address("jwks_url")), "{bad}");
        }
        let lax = SingpassSettings { allow_plain_http: true, ..strict };
        client("http://app:1").check(&lax).unwrap();
        client("ftp://app").check(&lax).unwrap_err();
    }

    #[test]
    fn text_that_is_no_client_says_why() {
        for (text, why) in [
            ("client_id=a", "jwks_url is missing"),
            ("client_id=a client_id=b", "twice"),
            ("client", "has no ="),
            ("id=1", "id is none of them"),
            ("jwks_url=https://a redirect_url=https://b webhook_url=https://c", "client_id is missing"),
            ("client_id=a jwks_url=x redirect_url=https://b webhook_url=https://c", "jwks_url: "),
        ] {
            let error = text.parse::<Client>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
