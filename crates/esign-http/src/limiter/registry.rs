//! Who shares a limiter with whom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use esign_core::secrecy::{ExposeSecret, SecretString};
use esign_core::{Ask, Clock, Error, Gate, NotBefore, Pass, ProviderKind, Result};
use url::Url;

use crate::config::origin_of;
use crate::{Limiter, RateLimit};

/// What a limit belongs to. Providers count per credential, so instances with the same one share a limiter, however
/// they are named; `limiter_group` joins instances that differ in more than their name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimiterKey(Name);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Group(ProviderKind, String),
    Credential { kind: ProviderKind, base: String, fingerprint: [u8; 16] },
}

impl LimiterKey {
    /// The key as a [`Gate`] gets it: a digest, because a credential's fingerprint is nobody else's business.
    fn for_gate(&self) -> String {
        let (kind, parts) = match &self.0 {
            Name::Group(kind, name) => (kind, ["group".to_owned(), name.clone()]),
            Name::Credential { kind, base, fingerprint } => {
                (kind, [base.clone(), format!("{fingerprint:x?}")])
            }
        };
        let digest = esign_core::Sha256Hash::of_parts(&[&parts[0], &parts[1]]).to_string();
        format!("{kind}-{}", &digest[..32])
    }

    /// All instances of this kind whose `limiter_group` has this name.
    #[must_use]
    pub fn group(kind: ProviderKind, name: impl Into<String>) -> Self {
        Self(Name::Group(kind, name.into()))
    }

    /// What an instance's limit belongs to: its `limiter_group`, or else whoever calls this host with this credential.
    #[must_use]
    pub fn of(kind: ProviderKind, group: Option<&str>, base_url: &Url, credential: &SecretString) -> Self {
        match group {
            Some(name) => Self::group(kind, name),
            None => Self::credential(kind, base_url, credential),
        }
    }

    /// All instances that call this host with this credential. The credential cannot be read back from the key.
    #[must_use]
    pub fn credential(kind: ProviderKind, base_url: &Url, credential: &SecretString) -> Self {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, credential.expose_secret().as_bytes());
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&digest.as_ref()[..16]);
        Self(Name::Credential { kind, base: origin_of(base_url), fingerprint })
    }
}

/// The limiters of a process. Keep one where all instances of a kind find it:
/// `cx.shared("limiters", Limiters::new)` while a provider is built.
#[derive(Debug, Default)]
pub struct Limiters(Mutex<HashMap<LimiterKey, Arc<Limiter>>>);

impl Limiters {
    /// No limiters yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The limiter for this key, made when first asked for. It outlives the instances that used it for as long as their
    /// requests still count, so that a reload does not open a second window.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](esign_core::ErrorKind::Config) if the numbers do not agree, or differ from those of
    /// another instance that shares the limiter.
    pub fn limiter(
        &self,
        key: LimiterKey,
        rate: RateLimit,
        clock: &Arc<dyn Clock>,
        gate: Option<Arc<dyn Gate>>,
    ) -> Result<Arc<Limiter>> {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1 || !limiter.is_idle());
        if let Some(shared) = limiters.get(&key) {
            if shared.rate() == rate {
                return Ok(Arc::clone(shared));
            }
            if Arc::strong_count(shared) > 1 {
                return Err(Error::config(
                    "limiter",
                    "differs from the limiter of another instance that shares it (same credential or limiter_group): \
                     make them equal, or remove that instance first",
                ));
            }
        }
        let gate = gate.map(|gate| (gate, key.for_gate()));
        let limiter = Limiter::behind(rate, Arc::clone(clock), gate)?;
        if let Some(unused) = limiters.get(&key) {
            limiter.inherit(unused);
        }
        limiters.insert(key, Arc::clone(&limiter));
        Ok(limiter)
    }
}

/// A gate for one process: what a test, or a program with one process and several clients, can give to each of them.
#[derive(Debug)]
pub struct LocalGate {
    limiters: Limiters,
    clock: Arc<dyn Clock>,
}

impl LocalGate {
    /// A gate that has seen no request yet. Clients must have the same clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { limiters: Limiters::new(), clock })
    }
}

#[async_trait]
impl Gate for LocalGate {
    async fn try_acquire(&self, ask: &Ask<'_>) -> Result<Pass, NotBefore> {
        let rate = RateLimit { slack: Duration::ZERO, ..RateLimit::exact(ask.limit, ask.window) };
        let key = LimiterKey(Name::Group(ProviderKind::new("gate"), ask.key.to_owned()));
        // Numbers that do not agree were refused when the asker's own limiter was made.
        let limiter = self.limiters.limiter(key, rate, &self.clock, None);
        let limiter = limiter.map_err(|_| NotBefore(ask.now + UNDECIDED))?;
        let permit = limiter.try_acquire(ask.class)?;
        Ok(Pass::new(move |sent| if sent { permit.sent() } else { drop(permit) }))
    }
}

/// When to ask again where a gate cannot decide.
const UNDECIDED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use esign_core::VirtualClock;

    use super::*;

    const KIND: ProviderKind = ProviderKind::new("acme");

    fn key(base: &str, secret: &str) -> LimiterKey {
        LimiterKey::credential(KIND, &base.parse().unwrap(), &SecretString::from(secret))
    }

    #[test]
    fn the_same_credential_at_the_same_host_shares_a_window() {
        let rate = RateLimit::exact(100, Duration::from_secs(10));
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap()));
        let limiters = Limiters::new();
        let get = |key| limiters.limiter(key, rate, &clock, None).unwrap();
        let first = get(key("https://a.example/v1", "marker"));
        for (other, same) in [
            (key("https://a.example/v2", "marker"), true),
            (key("https://b.example/v1", "marker"), false),
            (key("https://a.example/v1", "other"), false),
            (LimiterKey::group(KIND, "g"), false),
        ] {
            assert_eq!(Arc::ptr_eq(&first, &get(other.clone())), same, "{other:?}");
        }
        let group = LimiterKey::group(KIND, "g");
        assert!(Arc::ptr_eq(&get(group.clone()), &get(group)));
        assert!(!format!("{limiters:?}").contains("marker"));
    }

    #[tokio::test]
    async fn a_window_outlives_its_instances_while_requests_count() {
        let rate = RateLimit::exact(1, Duration::from_secs(10));
        let virtual_clock = VirtualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(virtual_clock.clone());
        let limiters = Limiters::new();
        let group = LimiterKey::group(KIND, "g");

        let limiter = limiters.limiter(group.clone(), rate, &clock, None).unwrap();
        limiter.acquire().await.sent();
        let address = Arc::as_ptr(&limiter);
        let other = RateLimit::exact(2, Duration::from_secs(10));
        assert_eq!(
            limiters.limiter(group.clone(), other, &clock, None).unwrap_err().field_path(),
            Some("limiter")
        );
        drop(limiter);

        let reloaded = limiters.limiter(group.clone(), rate, &clock, None).unwrap();
        assert_eq!(Arc::as_ptr(&reloaded), address);
        drop(reloaded);

        let changed = limiters.limiter(group, other, &clock, None).unwrap();
        assert_eq!(changed.rate(), other);
        changed.acquire().await.sent();
        virtual_clock.run(changed.acquire()).await.sent();
        assert_eq!(clock.monotonic(), Duration::from_nanos(10_200_000_001), "the first request still counts");
    }
}
