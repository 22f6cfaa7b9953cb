//! A provider's public keys, fetched ahead and kept (RFC 7517).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use esign_core::{Error, ErrorKind, Operation, Result, Retry};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::origin_of;
use crate::jws::{Checks, VerifyingKey, claimed_key_id};
use crate::{Call, HttpClient};

/// The largest key set that is read. Real ones have a few hundred bytes per key.
const MAX_BYTES: usize = 256 << 10;
/// The most keys that are kept of one set.
const MAX_KEYS: usize = 100;

/// How long keys are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwksPolicy {
    /// How long a set counts as fresh. Default 1 h: what the providers advise.
    pub fresh_for: Duration,
    /// How long a set is still used while it cannot be refreshed. Default 24 h: a longer outage of the keys' address is
    /// worth an alarm, and a withdrawn key must stop working some day.
    pub usable_for: Duration,
    /// The least time between two fetches, so that tokens with made-up key ids cannot make us flood the provider.
    /// Default 1 s: a genuine callback that names a new key just after a made-up one must find it at its second delivery, and
    /// Singpass delivers again after 2 s.
    pub fetch_interval: Duration,
}

impl Default for JwksPolicy {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(3600),
            usable_for: Duration::from_secs(86_400),
            fetch_interval: Duration::from_secs(1),
        }
    }
}

/// A key set at an address. Clones share it.
///
/// - Fetched ahead with [`prefetch`](Jwks::prefetch), so that the first callback does not wait.
/// - A set that is no longer fresh is still used while a new one is fetched in the background.
/// - An unknown key id causes one fetch, unless there was one just now.
/// - Keys that cannot verify, or are not meant to, are left out. Several keys under one id are all tried.
#[derive(Clone)]
pub struct Jwks(Arc<Inner>);

struct Inner {
    client: HttpClient,
    url: Url,
    policy: JwksPolicy,
    state: Mutex<State>,
    /// Held while fetching: whoever comes meanwhile waits for the same fetch.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Arc<Keys>,
    loaded_at: Option<Duration>,
    tried_at: Option<Duration>,
}

type Keys = HashMap<String, Vec<VerifyingKey>>;

/// A verified token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified<T> {
    /// What it says.
    pub claims: T,
    /// The key that verified it.
    pub key_id: String,
    /// That key as it was published, to keep as evidence.
    pub jwk: Value,
}

impl Jwks {
    /// The keys at this address. Nothing is fetched yet.
    #[must_use]
    pub fn new(client: HttpClient, url: Url, policy: JwksPolicy) -> Self {
        Self(Arc::new(Inner {
            client,
            url,
            policy,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::new(()),
        }))
    }

    /// Fetches the keys unless they are fresh.
    ///
    /// # Errors
    /// As [`Call::send`]; [`ErrorKind::UnexpectedAnswer`] if what is there is not a key set. All are safe to repeat.
    pub async fn prefetch(&self) -> Result<()> {
        if self.age().is_some_and(|age| age < self.0.policy.fresh_for) {
            return Ok(());
        }
        let _turn = self.0.fetching.lock().await;
        if self.age().is_some_and(|age| age < self.0.policy.fresh_for) {
            return Ok(());
        }
        self.fetch(Call::replayable).await
    }

    /// Makes sure that there are keys to verify with: fetches unless a set is there that is still usable, which
    /// [`keys`](Jwks::keys) then refreshes. Ask before a call whose answer comes once and has to be verified.
    ///
    /// # Errors
    /// As [`prefetch`](Jwks::prefetch).
    pub async fn ensure_usable(&self) -> Result<()> {
        match self.age() {
            Some(age) if age < self.0.policy.usable_for => Ok(()),
            _ => self.prefetch().await,
        }
    }

    /// Verifies a token with the key that it names.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`] if the token is not good. Any other kind: the keys could not be had, so nothing is known
    /// about the token; answer so that it is delivered again.
    pub async fn verify<T: DeserializeOwned>(&self, token: &str, checks: &Checks) -> Result<Verified<T>> {
        let key_id = claimed_key_id(token)?
            .ok_or_else(|| Error::new(ErrorKind::Verification, "the token does not name its key (`kid`)"))?;
        let keys = self.keys(&key_id).await?;
        let now = self.0.client.clock().now();
        let mut outcome = Err(unknown_key(&key_id));
        for key in &keys {
            outcome = key.verify(token, checks, now).map(|claims| (claims, key.jwk().clone()));
            if outcome.is_ok() {
                break;
            }
        }
        let (claims, jwk) = outcome?;
        self.0.client.tell_key_used(&key_id);
        Ok(Verified { claims, key_id, jwk })
    }

    /// The keys under this id, of the freshest set that is needed and can be had.
    ///
    /// # Errors
    /// As [`Jwks::verify`].
    pub async fn keys(&self, key_id: &str) -> Result<Vec<VerifyingKey>> {
        let policy = &self.0.policy;
        if let Some(keys) = self.known(key_id) {
            match self.age() {
                Some(age) if age < policy.fresh_for => return Ok(keys),
                Some(age) if age < policy.usable_for => {
                    self.refresh_in_the_background();
                    return Ok(keys);
                }
                _ => {}
            }
        }
        self.fetch_for(key_id).await
    }

    /// Fetches because of a key that is unknown or too old to be used.
    async fn fetch_for(&self, key_id: &str) -> Result<Vec<VerifyingKey>> {
        let asked_at = self.now();
        let _turn = self.0.fetching.lock().await;
        // Another call may have fetched while this one waited.
        let loaded_meanwhile = self.state().loaded_at.is_some_and(|at| at >= asked_at);
        if !loaded_meanwhile {
            if self.tried_just_now() {
                return Err(if self.age().is_some_and(|age| age < self.0.policy.usable_for) {
                    unknown_key(key_id)
                } else {
                    let message =
                        format!("the keys at {} could not be fetched a moment ago", origin_of(&self.0.url));
                    Error::new(ErrorKind::Connection, message).with_retry(Retry::SAFE).during(Operation::Keys)
                });
            }
            // Once: somebody is waiting for an answer.
            self.fetch(|call| call).await?;
        }
        self.known(key_id).ok_or_else(|| unknown_key(key_id))
    }

    fn refresh_in_the_background(&self) {
        if self.tried_just_now() {
            return;
        }
        // Without a runtime there would be no connection either; the set is then refreshed when it is no longer usable.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let this = self.clone();
        runtime.spawn(async move {
            let Ok(_turn) = this.0.fetching.try_lock() else { return };
            if this.tried_just_now() {
                return;
            }
            if let Err(error) = this.fetch(|call| call).await {
                tracing::warn!(%error, "the provider's keys could not be refreshed; the old ones stay in use for now");
            }
        });
    }

    /// Only while holding `fetching`.
    async fn fetch(&self, how: impl FnOnce(Call) -> Call) -> Result<()> {
        self.state().tried_at = Some(self.now());
        let call = self.0.client.get(self.0.url.clone()).operation(Operation::Keys).cap(MAX_BYTES);
        let answer = how(call).send().await?;
        let set: RawSet = answer.json()?;
        if set.keys.len() > MAX_KEYS {
            return Err(answer.unexpected(format!("a key set of more than {MAX_KEYS} keys")));
        }
        let keys = usable_keys(&set.keys);
        if keys.is_empty() {
            return Err(answer.unexpected("a key set without a key that could verify ES256 or ES384"));
        }
        let mut state = self.state();
        state.keys = Arc::new(keys);
        state.loaded_at = Some(self.now());
        Ok(())
    }

    fn known(&self, key_id: &str) -> Option<Vec<VerifyingKey>> {
        self.state().keys.get(key_id).cloned()
    }

    fn age(&self) -> Option<Duration> {
        let loaded_at = self.state().loaded_at?;
        Some(self.now().saturating_sub(loaded_at))
    }

    fn tried_just_now(&self) -> bool {
        let tried_at = self.state().tried_at;
        tried_at.is_some_and(|at| self.now().saturating_sub(at) < self.0.policy.fetch_interval)
    }

    fn now(&self) -> Duration {
        self.0.client.clock().monotonic()
    }

    /// Nothing can panic while the lock is held, so a poisoned one holds a sound value.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("origin", &origin_of(&self.0.url)).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<Value>,
}

/// By id; a key that is listed twice is kept once, different keys under one id are all kept.
fn usable_keys(raw: &[Value]) -> Keys {
    let mut keys = Keys::new();
    for jwk in raw {
        let key = match VerifyingKey::from_jwk(jwk) {
            Ok(key) => key,
            Err(reason) => {
                tracing::debug!(%reason, "a key of the set is left out");
                continue;
            }
        };
        let Some(id) = key.key_id().map(str::to_owned) else { continue };
        let same_id = keys.entry(id).or_default();
        if !same_id.iter().any(|known| known.is_same_key(&key)) {
            same_id.push(key);
        }
    }
    keys
}

/// Safe to repeat: the provider may publish the key a moment later.
fn unknown_key(key_id: &str) -> Error {
    Error::new(ErrorKind::Verification, "the token names a key that the provider does not publish")
        .with_retry(Retry::SAFE)
        .context("kid", key_id)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use esign_core::jiff::Timestamp;
    use esign_core::{Clock, KeyAlgorithm, SigningKey, VirtualClock};
    use serde_json::json;
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

    use super::*;
    use crate::{LocalKey, sign_compact};

    /// A key set that can change, and counts how often it is asked for.
    #[derive(Clone, Default)]
    struct Published(Arc<(Mutex<Vec<Value>>, AtomicUsize, Mutex<u16>)>);

    impl Published {
        fn set(&self, keys: &[&LocalKey]) {
            *self.0.0.lock().unwrap() = keys.iter().map(|key| key.public_jwk()).collect();
        }

        fn answer_with(&self, status: u16) {
            *self.0.2.lock().unwrap() = status;
        }

        fn fetches(&self) -> usize {
            self.0.1.load(Ordering::SeqCst)
        }
    }

    impl Respond for Published {
        fn respond(&self, _: &wiremock::Request) -> ResponseTemplate {
            self.0.1.fetch_add(1, Ordering::SeqCst);
            ResponseTemplate::new(*self.0.2.lock().unwrap())
                .set_body_json(json!({"keys": *self.0.0.lock().unwrap()}))
        }
    }

    struct Bench {
        _server: MockServer,
        published: Published,
        clock: VirtualClock,
        jwks: Jwks,
    }

    async fn bench(keys: &[&LocalKey]) -> Bench {
        let published = Published::default();
        published.set(keys);
        published.answer_with(200);
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(published.clone()).mount(&server).await;
        // Not at zero, so that nothing is "just now" by accident.
        let clock = VirtualClock::jumping("2026-01-01T00:00:00Z".parse().unwrap());
        clock.advance(Duration::from_secs(1000));
        let client =
            HttpClient::builder(server.uri().parse().unwrap(), Arc::new(clock.clone())).build().unwrap();
        let url = client.url(["jwks"]).unwrap();
        Bench { published, clock, jwks: Jwks::new(client, url, JwksPolicy::default()), _server: server }
    }

    fn key(id: &str) -> LocalKey {
        LocalKey::generate(KeyAlgorithm::Es256, Some(id)).unwrap()
    }

    async fn verify(bench: &Bench, key: &LocalKey) -> Result<String, ErrorKind> {
        let exp = bench.clock.now().as_second() + 60;
        let token = sign_compact(key, None, &json!({ "exp": exp })).await.unwrap();
        let checks = Checks::expiring(Duration::ZERO);
        bench.jwks.verify::<Value>(&token, &checks).await.map(|v| v.key_id).map_err(|e| e.kind())
    }

    /// Lets others go on until something has happened; a minute only keeps a broken test from hanging.
    async fn until(happened: impl Fn() -> bool) {
        let waiting = async {
            while !happened() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
    }

    #[tokio::test]
    async fn fetched_ahead_and_then_kept() {
        let (a, b) = (key("a"), key("b"));
        let bench = bench(&[&a, &b]).await;
        bench.jwks.prefetch().await.unwrap();
        bench.jwks.prefetch().await.unwrap();
        for _ in 0..3 {
            assert_eq!(verify(&bench, &a).await.unwrap(), "a");
            assert_eq!(verify(&bench, &b).await.unwrap(), "b");
        }
        assert_eq!(bench.published.fetches(), 1);
    }

    #[tokio::test]
    async fn calls_at_once_share_one_fetch() {
        let a = key("a");
        let bench = bench(&[&a]).await;
        let calls = (0..20).map(|_| verify(&bench, &a));
        assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
        assert_eq!(bench.published.fetches(), 1);
    }

    #[tokio::test]
    async fn an_unknown_key_is_looked_for_once_in_a_while() {
        let (a, b) = (key("a"), key("b"));
        let bench = bench(&[&a]).await;
        bench.jwks.prefetch().await.unwrap();
        bench.clock.advance(Duration::from_secs(60));
        bench.published.set(&[&b]);
        assert_eq!(verify(&bench, &b).await.unwrap(), "b", "rotated");
        assert_eq!(bench.published.fetches(), 2);
        for n in 0..20 {
            assert_eq!(verify(&bench, &key(&format!("made-up-{n}"))).await, Err(ErrorKind::Verification));
        }
        assert_eq!(bench.published.fetches(), 2, "not within the interval");
        bench.clock.advance(Duration::from_secs(11));
        assert_eq!(verify(&bench, &key("made-up")).await, Err(ErrorKind::Verification));
        assert_eq!(bench.published.fetches(), 3);
        assert_eq!(verify(&bench, &a).await, Err(ErrorKind::Verification), "withdrawn");
    }

    /// Singpass delivers three times, 2 s apart, and drops a webhook then.
    #[tokio::test]
    async fn a_rotation_just_after_a_made_up_key_is_seen_at_the_second_delivery() {
        let (a, b) = (key("a"), key("b"));
        let bench = bench(&[&a]).await;
        bench.jwks.prefetch().await.unwrap();
        bench.clock.advance(Duration::from_secs(60));
        assert_eq!(verify(&bench, &key("made-up")).await, Err(ErrorKind::Verification));
        bench.published.set(&[&b]);
        assert_eq!(verify(&bench, &b).await, Err(ErrorKind::Verification), "the first delivery, too soon");
        bench.clock.advance(Duration::from_secs(2));
        assert_eq!(verify(&bench, &b).await.unwrap(), "b");
    }

    #[tokio::test]
    async fn a_stale_set_serves_while_it_is_refreshed() {
        let (a, b) = (key("a"), key("b"));
        let bench = bench(&[&a]).await;
        bench.jwks.prefetch().await.unwrap();
        bench.clock.advance(Duration::from_secs(3601));
        bench.published.set(&[&b]);
        assert_eq!(verify(&bench, &a).await.unwrap(), "a");
        // The refresh runs beside us; what it waits for is a real socket, so let it finish.
        until(|| bench.jwks.known("b").is_some()).await;
        assert_eq!(bench.published.fetches(), 2);
    }

    #[tokio::test]
    async fn a_set_that_cannot_be_refreshed_is_used_for_a_day() {
        let a = key("a");
        let bench = bench(&[&a]).await;
        bench.jwks.prefetch().await.unwrap();
        bench.published.answer_with(500);
        bench.clock.advance(Duration::from_secs(86_399));
        assert_eq!(verify(&bench, &a).await.unwrap(), "a");
        until(|| bench.published.fetches() == 2 && bench.jwks.0.fetching.try_lock().is_ok()).await;
        bench.clock.advance(Duration::from_secs(11));
        assert_eq!(verify(&bench, &a).await, Err(ErrorKind::Provider));
        assert_eq!(verify(&bench, &a).await, Err(ErrorKind::Connection), "not asked again at once");
        assert_eq!(bench.published.fetches(), 3);
        bench.published.answer_with(200);
        bench.clock.advance(Duration::from_secs(11));
        assert_eq!(verify(&bench, &a).await.unwrap(), "a");
    }

    #[tokio::test]
    async fn keys_that_cannot_be_had_say_nothing_about_the_token() {
        let a = key("a");
        let bench = bench(&[&a]).await;
        bench.published.answer_with(503);
        assert_eq!(verify(&bench, &a).await, Err(ErrorKind::Provider));
        assert!(bench.jwks.prefetch().await.is_err(), "asked for by the application: not held back");
    }

    #[tokio::test]
    async fn several_keys_under_one_id_are_all_tried() {
        let (one, two, third) = (key("same"), key("same"), key("same"));
        let p384 = LocalKey::generate(KeyAlgorithm::Es384, Some("same")).unwrap();
        let bench = bench(&[&one, &one, &p384, &two]).await;
        for good in [&one, &two, &p384] {
            verify(&bench, good).await.unwrap();
        }
        assert_eq!(verify(&bench, &third).await, Err(ErrorKind::Verification));
        assert_eq!(bench.jwks.known("same").unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_token_without_a_key_id_is_refused() {
        let bench = bench(&[&key("a")]).await;
        let error = bench
            .jwks
            .verify::<Value>("eyJhbGciOiJFUzI1NiJ9.e30.AA", &Checks::expiring(Duration::ZERO))
            .await;
        assert!(error.unwrap_err().message().contains("kid"));
        assert_eq!(bench.published.fetches(), 0);
    }

    #[test]
    fn what_cannot_verify_is_left_out() {
        let good = key("a").public_jwk();
        let mut encryption = key("b").public_jwk();
        encryption["use"] = "enc".into();
        let mut nameless = key("c").public_jwk();
        nameless.as_object_mut().unwrap().remove("kid");
        let raw =
            [good, encryption, nameless, json!({"kty": "oct", "k": "AA", "kid": "d"}), json!(7), Value::Null];
        assert_eq!(usable_keys(&raw).into_keys().collect::<Vec<_>>(), ["a"]);
    }

    #[tokio::test]
    async fn odd_sets_are_typed_errors_and_the_old_keys_stay() {
        let a = key("a");
        let server = MockServer::start().await;
        let clock = VirtualClock::jumping(Timestamp::UNIX_EPOCH);
        let client =
            HttpClient::builder(server.uri().parse().unwrap(), Arc::new(clock.clone())).build().unwrap();
        let jwks = Jwks::new(client.clone(), client.url(["jwks"]).unwrap(), JwksPolicy::default());
        let many: Vec<_> = (0..=MAX_KEYS).map(|_| a.public_jwk()).collect();
        for (body, kind) in [
            ("<html>".to_owned(), ErrorKind::UnexpectedAnswer),
            ("{}".to_owned(), ErrorKind::UnexpectedAnswer),
            (json!({"keys": []}).to_string(), ErrorKind::UnexpectedAnswer),
            (json!({"keys": many}).to_string(), ErrorKind::UnexpectedAnswer),
            ("x".repeat(MAX_BYTES + 1), ErrorKind::TooLarge),
        ] {
            server.reset().await;
            Mock::given(any())
                .respond_with(ResponseTemplate::new(200).set_body_string(body))
                .mount(&server)
                .await;
            assert_eq!(jwks.prefetch().await.unwrap_err().kind(), kind);
        }
        assert!(jwks.known(a.key_id()).is_none());
    }
}
