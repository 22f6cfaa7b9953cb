//! Are the credentials good, is the clock right (spec 2; `GET v2/documents` is the credential probe).

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::secrecy::ExposeSecret;
use esign_core::{Credential, ErrorKind, Operation, ProbeCheck, ProbeReport, ProbeVerdict, Result};
use esign_http::Answer;
use serde::de::IgnoredAny;

use crate::SignifyClient;
use crate::client::time_of;
use crate::config::SignifyConfig;

/// `Date` has whole seconds, and the answer took a moment.
const CLOCKS_AGREE: SignedDuration = SignedDuration::from_secs(30);

pub(super) async fn probe(
    client: &SignifyClient,
    config: &SignifyConfig,
    credential: &Credential,
    environment: &str,
) -> Result<ProbeReport> {
    let mut checks: Vec<_> = key_fault(environment, credential).into_iter().collect();
    match client.list_answer(Operation::Probe).await {
        Ok(answer) => {
            checks.push(match answer.json::<Vec<IgnoredAny>>() {
                Ok(_) => check("credentials", ProbeVerdict::Good, "Signify accepts the API key"),
                Err(error) => check("credentials", ProbeVerdict::Bad, error.to_string()),
            });
            checks.extend(clock(&answer, client.http().clock().now(), config.lookup_skew));
        }
        Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Forbidden) => {
            checks.push(check("credentials", ProbeVerdict::Bad, error.to_string()));
        }
        // What the key says by itself is known without an answer.
        Err(error) if checks.is_empty() => return Err(error),
        Err(error) => checks.push(check("credentials", ProbeVerdict::Bad, error.to_string())),
    }
    Ok(ProbeReport::new(checks))
}

/// What a key's beginning says against the environment. "Production secret keys will have production_v1_version prefix"
/// (guide, "Authentication"); how staging keys begin is not documented, so nothing else can be wrong for certain.
pub(crate) fn key_fault(environment: &str, credential: &Credential) -> Option<ProbeCheck> {
    let key = credential.current();
    let of_production = key.expose_secret().trim_start().starts_with("production_");
    match (environment == "production", of_production) {
        (false, true) => Some(check(
            "key",
            ProbeVerdict::Bad,
            "this is an API key of production (it begins with production_), but the environment is another",
        )),
        (true, false) => Some(check(
            "key",
            ProbeVerdict::Warning,
            "API keys of production are documented to begin with production_v1_; this one does not",
        )),
        _ => None,
    }
}

fn clock(answer: &Answer, now: Timestamp, skew: SignedDuration) -> Option<ProbeCheck> {
    let apart = SignedDuration::from_secs(now.duration_since(time_of(answer)?).abs().as_secs());
    let (verdict, message) = if apart <= CLOCKS_AGREE {
        (ProbeVerdict::Good, "our clock and Signify's agree".to_owned())
    } else {
        let verdict = if apart <= skew { ProbeVerdict::Warning } else { ProbeVerdict::Bad };
        let message = format!(
            "our clock and Signify's are {apart:#} apart; expiry is judged by ours, and lost submissions are looked for \
             within lookup_skew ({skew:#})"
        );
        (verdict, message)
    };
    Some(check("clock", verdict, message))
}

fn check(name: &'static str, verdict: ProbeVerdict, message: impl Into<String>) -> ProbeCheck {
    ProbeCheck { name, verdict, message: message.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use esign_core::{FixedSecrets, SecretRef};

    use super::*;

    #[tokio::test]
    async fn what_a_key_begins_with_is_judged_by_the_environment() {
        for (key, environment, verdict) in [
            ("production_v1_x", "production", None),
            ("production_v2_x", "production", None),
            ("x", "production", Some(ProbeVerdict::Warning)),
            ("production_v1_x", "staging", Some(ProbeVerdict::Bad)),
            ("production_v1_x", "custom", Some(ProbeVerdict::Bad)),
            ("staging_v1_x", "staging", None),
            ("x", "custom", None),
        ] {
            let secrets = Arc::new(FixedSecrets::new().with("key", key));
            let credential = Credential::read(secrets, SecretRef::External("key".to_owned())).await.unwrap();
            let found = key_fault(environment, &credential);
            assert_eq!(found.map(|check| check.verdict), verdict, "{key} {environment}");
        }
    }
}
