//! Relying parties, as they are registered at onboarding: one redirect URI, the origins of their pages, one set of keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::jose::{ClientKeys, check_keys, may_be_called};

/// A client of transaction signing (a relying party), as registered with the service.
///
/// From text, for command lines: `client_id=… jwks_url=… redirect_uri=…`, separated by spaces, and `origin=…` any number
/// of times.
///
/// ```
/// use esign_sandbox::txn::Client;
///
/// let client: Client = "client_id=demo jwks_url=http://localhost:4000/jwks \
///     redirect_uri=http://localhost:4000/redirect".parse()?;
/// assert_eq!(client.client_id, "demo");
/// # Ok::<(), esign_sandbox::txn::InvalidClient>(())
/// ```
/// Debug shows the id only: addresses may carry secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What the page gives as `clientId`, and the exchange's token as `sub`.
    pub client_id: String,
    /// Where its public keys are, or the keys themselves. In JSON the key is `jwks_url` or `jwks`.
    #[serde(flatten)]
    pub keys: ClientKeys,
    /// Where the browser is sent back to: what the page gives must be the same, letter for letter.
    pub redirect_uri: String,
    /// The origins of its pages, such as `https://rp.example`. None means that of `redirect_uri`.
    #[serde(default)]
    pub origins: Vec<String>,
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
        "{0} must be an URL with https, or http to localhost or a loopback address (or any http with allow_plain_http)"
    )]
    Address(&'static str),
    /// An origin is not written as browsers send it.
    #[error("an origin is scheme, host and, where it is not the usual one, port: https://rp.example")]
    Origin,
    /// The keys given cannot be used.
    #[error("jwks: {0}")]
    Keys(String),
    /// A client in text form lacks a part, or has one that is none.
    #[error("a client is written as client_id=… jwks_url=… redirect_uri=… [origin=…]: {0}")]
    Text(String),
}

impl Client {
    pub(super) fn check(&self, allow_plain_http: bool) -> Result<(), InvalidClient> {
        if self.client_id.is_empty() {
            return Err(InvalidClient::NoId);
        }
        match &self.keys {
            ClientKeys::Url(url) if !may_be_called(url, allow_plain_http) => {
                return Err(InvalidClient::Address("jwks_url"));
            }
            ClientKeys::Url(_) => {}
            ClientKeys::Inline(keys) => check_keys(keys).map_err(InvalidClient::Keys)?,
        }
        let redirect = self.redirect_url().filter(|url| may_be_called(url, allow_plain_http));
        if redirect.is_none_or(|url| url.fragment().is_some()) {
            return Err(InvalidClient::Address("redirect_uri"));
        }
        let is_origin = |text: &String| Url::parse(text).is_ok_and(|url| origin(&url) == *text);
        if self.origins.iter().all(is_origin) { Ok(()) } else { Err(InvalidClient::Origin) }
    }

    /// Whether a page of this origin is the client's.
    pub(super) fn has_origin(&self, other: &str) -> bool {
        match self.origins.is_empty() {
            true => self.redirect_url().is_some_and(|url| origin(&url) == other),
            false => self.origins.iter().any(|origin| origin == other),
        }
    }

    /// Always there in a client that was checked.
    pub(super) fn redirect_url(&self) -> Option<Url> {
        Url::parse(&self.redirect_uri).ok()
    }
}

impl FromStr for Client {
    type Err = InvalidClient;

    fn from_str(text: &str) -> Result<Self, InvalidClient> {
        let wrong = InvalidClient::Text;
        let (mut client_id, mut jwks_url, mut redirect_uri, mut origins) = (None, None, None, Vec::new());
        for part in text.split_whitespace() {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong(format!("{part} has no =")))?;
            let place = match name {
                "client_id" => &mut client_id,
                "jwks_url" => &mut jwks_url,
                "redirect_uri" => &mut redirect_uri,
                "origin" => {
                    origins.push(value.to_owned());
                    continue;
                }
                _ => return Err(wrong(format!("{name} is none of them"))),
            };
            if place.replace(value.to_owned()).is_some() {
                return Err(wrong(format!("{name} is there twice")));
            }
        }
        let there =
            |name: &str, value: Option<String>| value.ok_or_else(|| wrong(format!("{name} is missing")));
        let jwks_url = there("jwks_url", jwks_url)?;
        Ok(Self {
            client_id: there("client_id", client_id)?,
            keys: ClientKeys::Url(jwks_url.parse().map_err(|error| wrong(format!("jwks_url: {error}")))?),
            redirect_uri: there("redirect_uri", redirect_uri)?,
            origins,
        })
    }
}

/// As browsers write it into the header `Origin`.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clients_are_read_from_json_and_text() {
        let json = json!({ "client_id": "a", "jwks_url": "https://rp.example/jwks", "redirect_uri": "https://rp.example/back" });
        let from_json: Client = serde_json::from_value(json).unwrap();
        let text = "client_id=a jwks_url=https://rp.example/jwks redirect_uri=https://rp.example/back";
        assert_eq!(text.parse::<Client>().unwrap(), from_json);
        from_json.check(false).unwrap();
        for (text, why) in [
            ("client_id=a", "jwks_url is missing"),
            ("client_id=a client_id=b", "twice"),
            ("client", "has no ="),
            ("webhook_url=1", "webhook_url is none of them"),
            ("jwks_url=https://a redirect_uri=https://b", "client_id is missing"),
            ("client_id=a jwks_url=x redirect_uri=https://b", "jwks_url: "),
        ] {
            let error = text.parse::<Client>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn origins_are_those_registered_or_that_of_the_redirect() {
        let client = |more: &str| -> Client {
            format!("client_id=a jwks_url=https://a redirect_uri=https://rp.example:443/back {more}")
                .parse()
                .unwrap()
        };
        let alone = client("");
        alone.check(false).unwrap();
        assert!(alone.has_origin("https://rp.example"));
        assert!(!alone.has_origin("https://rp.example:8443"));
        assert!(!alone.has_origin("null"));
        let named = client("origin=https://shop.example origin=http://localhost:3000");
        named.check(false).unwrap();
        assert!(named.has_origin("http://localhost:3000"));
        assert!(!named.has_origin("https://rp.example"));
        for bad in ["https://rp.example/", "rp.example", "https://RP.example", "null", "*"] {
            assert_eq!(client(&format!("origin={bad}")).check(false), Err(InvalidClient::Origin), "{bad}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused() {
        let client = |jwks: &str, redirect: &str| -> Client {
            format!("client_id=a jwks_url={jwks} redirect_uri={redirect}").parse().unwrap()
        };
        for (jwks, redirect, wrong) in [
            ("http://app:1", "https://b", "jwks_url"),
            ("https://a", "http://app:1", "redirect_uri"),
            ("https://a", "https://b/#part", "redirect_uri"),
            ("https://a", "b", "redirect_uri"),
            ("https://a", "myapp://back", "redirect_uri"),
        ] {
            assert_eq!(client(jwks, redirect).check(false), Err(InvalidClient::Address(wrong)), "{redirect}");
        }
        client("http://app:1", "http://app:1/back").check(true).unwrap();
        client("http://localhost:1", "http://127.0.0.1:1/back?case=7").check(false).unwrap();
    }
}
