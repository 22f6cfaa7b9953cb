//! The token that a client puts into `Authorization`: what it must say, whoever calls what.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use uuid::Uuid;

use super::settings::SingpassSettings;
use crate::jose::Claims;

/// `exp` may be this much later than `iat`: "must be issued within 2 minutes".
const LONGEST_LIFE: f64 = 120.0;

pub(super) fn check_times(
    claims: &Claims,
    now: Timestamp,
    settings: &SingpassSettings,
) -> Result<(), String> {
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
    claims.check_not_before(now, f64::from(settings.clock_skew_seconds))
}

/// Whether a `jti` must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Jti {
    /// Initiate and result.
    Required,
    /// Cancel, whose documentation does not list one: what is there is any other claim, unless it is a UUID.
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
        let Some(uuid) = Uuid::try_parse(&jti).ok().filter(|_| jti.len() == 36) else {
            return match rule {
                Jti::Required => Err("jti must be a UUID".to_owned()),
                Jti::Optional => Ok(()),
            };
        };
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
            (r#"{"iat":1000000,"exp":1000100,"nbf":1000005}"#, None),
            (r#"{"iat":1000000,"exp":1000100,"nbf":null}"#, None),
            (r#"{"iat":1000000,"exp":1000100,"nbf":1000006}"#, Some("nbf is 6 s in the future")),
            (r#"{"iat":1000000,"exp":1000100,"nbf":"now"}"#, Some("nbf must be a number")),
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
            assert_eq!(admit("a", &json, Jti::Required, now), Err("jti must b".to_owned()), "{bad}");
            assert_eq!(admit("a", &json, Jti::Optional, now), Ok(()), "{bad}");
        }
        now += jiff::SignedDuration::from_secs(130);
        assert_eq!(
            admit("a", ONE, Jti::Required, now),
            Ok(()),
            "it is forgotten once no token can be that old"
        );
    }
}
