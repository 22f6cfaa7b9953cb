//! The token that a client puts into `Authorization`: what it must say, whoever calls what.

use std::collections::{BTreeMap, HashSet, VecDeque};

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::jwks::ClientKey;
use super::settings::SingpassSettings;

/// `exp` may be this much later than `iat`: "must be issued within 2 minutes".
const LONGEST_LIFE: f64 = 120.0;

/// Longer tokens are refused unread; one with 20 locations has a few KiB.
const MAX_TOKEN: usize = 64 << 10;

/// The claims as they are written, digit for digit.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Claims(BTreeMap<String, Box<RawValue>>);

impl Claims {
    /// The JSON text of a claim; `null` counts as absent.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.get()).filter(|text| *text != "null")
    }

    /// A claim that must be text, if it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, String> {
        let read = |text| serde_json::from_str(text).map_err(|_| format!("{name} must be text"));
        self.raw(name).map(read).transpose()
    }

    /// A time in seconds since 1970.
    fn time(&self, name: &str) -> Result<f64, String> {
        let text = self.raw(name).ok_or_else(|| format!("{name} is missing"))?;
        let seconds = serde_json::from_str::<f64>(text).ok().filter(|seconds| seconds.is_finite());
        seconds.ok_or_else(|| format!("{name} must be a number of seconds"))
    }
}

/// A token as it came, nothing proven yet.
pub(super) struct Presented<'a> {
    token: &'a str,
    pub(super) kid: String,
    algorithm: Algorithm,
    /// What it claims; to find out whose key is to be tried.
    pub(super) unproven: Claims,
}

/// Reads the header without believing anything.
pub(super) fn presented(headers: &HeaderMap) -> Result<Presented<'_>, String> {
    let token = headers.get(header::AUTHORIZATION).ok_or("the header Authorization is missing")?;
    let token = token.to_str().map_err(|_| "the header Authorization is not plain text")?;
    if token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        return Err("Authorization is the token alone, without \"Bearer \"".to_owned());
    }
    if token.len() > MAX_TOKEN {
        return Err(format!("the token is longer than {MAX_TOKEN} bytes"));
    }
    let Header { alg, kid, .. } = jsonwebtoken::decode_header(token)
        .map_err(|_| "the token is no JWT with an alg that this sandbox knows (ES256, ES384)")?;
    if !matches!(alg, Algorithm::ES256 | Algorithm::ES384) {
        return Err(format!("alg must be ES256 or ES384, not {alg:?}"));
    }
    let kid = kid.ok_or("the token's header has no kid")?;
    let unproven = jsonwebtoken::dangerous::insecure_decode_claims(token)
        .map_err(|_| "the token's payload is not a JSON object")?;
    Ok(Presented { token, kid, algorithm: alg, unproven })
}

impl Presented<'_> {
    /// Verifies signature and times, and hands the claims over.
    pub(super) fn prove(
        self,
        key: &ClientKey,
        now: Timestamp,
        settings: &SingpassSettings,
    ) -> Result<Claims, String> {
        if self.algorithm != key.algorithm {
            return Err(format!("alg is {:?}, the key is for {:?}", self.algorithm, key.algorithm));
        }
        let mut signature_only = Validation::new(key.algorithm);
        // The times follow the sandbox's clock, which the library does not know.
        signature_only.leeway = 0;
        signature_only.validate_exp = false;
        signature_only.validate_nbf = false;
        signature_only.validate_aud = false;
        signature_only.required_spec_claims.clear();
        let proven = jsonwebtoken::decode::<Claims>(self.token, &key.key, &signature_only)
            .map_err(|_| "the signature does not fit the client's key".to_owned())?;
        check_times(&proven.claims, now, settings)?;
        Ok(proven.claims)
    }
}

fn check_times(claims: &Claims, now: Timestamp, settings: &SingpassSettings) -> Result<(), String> {
    let (iat, exp) = (claims.time("iat")?, claims.time("exp")?);
    let now = now.as_millisecond() as f64 / 1000.0;
    if exp - iat > LONGEST_LIFE {
        return Err(format!("exp is {:.0} s after iat; at most {LONGEST_LIFE} are allowed", exp - iat));
    }
    if iat > now + f64::from(settings.clock_skew_seconds) {
        return Err(format!("iat is {:.0} s in the future", iat - now));
    }
    if exp <= now {
        return Err(format!("the token expired {:.0} s ago", now - exp));
    }
    Ok(())
}

/// Whether a `jti` must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Jti {
    /// Initiate and result.
    Required,
    /// Cancel, whose documentation does not list one.
    Optional,
}

/// The `jti` of every token seen that could still be used again.
#[derive(Default)]
pub(super) struct Seen {
    known: HashSet<(String, Uuid)>,
    /// In the order of arrival, with the time after which it need not be remembered.
    order: VecDeque<(Timestamp, (String, Uuid))>,
}

impl Seen {
    /// Takes note of the token's `jti`, and refuses one that is no UUID or was there before.
    pub(super) fn admit(
        &mut self,
        client_id: &str,
        claims: &Claims,
        rule: Jti,
        now: Timestamp,
        settings: &SingpassSettings,
    ) -> Result<(), String> {
        while let Some((until, _)) = self.order.front()
            && *until < now
        {
            if let Some((_, entry)) = self.order.pop_front() {
                self.known.remove(&entry);
            }
        }
        let Some(jti) = claims.text("jti")? else {
            return match rule {
                Jti::Required => Err("jti is missing".to_owned()),
                Jti::Optional => Ok(()),
            };
        };
        let uuid = Uuid::try_parse(&jti).ok().filter(|_| jti.len() == 36).ok_or("jti must be a UUID")?;
        let entry = (client_id.to_owned(), uuid);
        if !self.known.insert(entry.clone()) {
            if settings.refuse_replays {
                return Err("a token with this jti was used before; every call needs a new one".to_owned());
            }
            return Ok(());
        }
        // Nothing that is accepted now is accepted after this.
        let life = f64::from(settings.clock_skew_seconds) + LONGEST_LIFE;
        let until = now.checked_add(jiff::SignedDuration::from_secs(life as i64 + 1));
        self.order.push_back((until.unwrap_or(Timestamp::MAX), entry));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_token_lives_two_minutes_by_the_sandbox_clock() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let settings = SingpassSettings::default();
        for (json, refused) in [
            (r#"{"iat":1000000,"exp":1000120}"#, None),
            (r#"{"iat":999881,"exp":1000001}"#, None),
            (r#"{"iat":1000000.5,"exp":1000110}"#, None),
            (r#"{"iat":1000005,"exp":1000125}"#, None),
            (r#"{"iat":1000006,"exp":1000126}"#, Some("in the future")),
            (r#"{"iat":1000000,"exp":1000121}"#, Some("at most 120")),
            (r#"{"iat":999880,"exp":1000000}"#, Some("expired")),
            (r#"{"iat":1000000}"#, Some("exp is missing")),
            (r#"{"exp":1000100}"#, Some("iat is missing")),
            (r#"{"iat":"1000000","exp":1000100}"#, Some("iat must be a number")),
            (r#"{"iat":null,"exp":1000100}"#, Some("iat is missing")),
        ] {
            let checked = check_times(&claims(json), now, &settings);
            match refused {
                None => assert_eq!(checked, Ok(()), "{json}"),
                Some(why) => assert!(checked.unwrap_err().contains(why), "{json}"),
            }
        }
    }

    #[test]
    fn a_jti_is_a_uuid_and_used_once_per_client() {
        const ONE: &str = r#"{"jti":"ea3927dc-6e17-4c92-bcfe-657518589ac6"}"#;
        let mut now = Timestamp::from_second(1_000_000).unwrap();
        let settings = SingpassSettings::default();
        let mut seen = Seen::default();
        let mut admit = |client: &str, json: &str, rule, now| {
            seen.admit(client, &claims(json), rule, now, &settings).map_err(|why| why[..10].to_owned())
        };
        assert_eq!(admit("a", ONE, Jti::Required, now), Ok(()));
        assert_eq!(admit("a", ONE, Jti::Optional, now), Err("a token wi".to_owned()));
        assert_eq!(admit("b", ONE, Jti::Required, now), Ok(()));
        assert_eq!(admit("a", "{}", Jti::Optional, now), Ok(()));
        assert_eq!(admit("a", "{}", Jti::Required, now), Err("jti is mis".to_owned()));
        for bad in ["1", "ea3927dc6e174c92bcfe657518589ac6", "{ea3927dc-6e17-4c92-bcfe-657518589ac6}"] {
            let json = format!(r#"{{"jti":"{bad}"}}"#);
            assert_eq!(admit("a", &json, Jti::Optional, now), Err("jti must b".to_owned()), "{bad}");
        }
        now += jiff::SignedDuration::from_secs(130);
        assert_eq!(
            admit("a", ONE, Jti::Required, now),
            Ok(()),
            "it is forgotten once no token can be that old"
        );
    }
}
