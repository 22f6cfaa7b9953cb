//! Whole flows over real sockets, against the simulator: a page's script, a person, and a server.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::jiff::Timestamp;
use esign_core::{
    Clock, Config, ErrorKind, InboundCall, KeyAlgorithm, Registry, Retry, SigningKey, SystemClock,
    TransactionReturn,
};
use esign_http::http::HeaderValue;
use esign_http::http::header::ORIGIN;
use esign_http::url::Url;
use esign_http::{HttpClient, LocalKey};
use esign_sandbox::txn::{Client, ClientKeys, CodeParameter, Forgery, TxnSettings};
use esign_sandbox::{Effect, Fault, Sandbox, SandboxClock};
use esign_txn::{SingpassTxn, SingpassTxnConfig, Supplied};
use serde_json::{Value, json};

use crate::support::{PERSON, SESSION, TEXT, request};

const PAGE: &str = "https://rp.example";
const REDIRECT: &str = "https://rp.example/back?case=7";

pub(crate) struct Live {
    pub(crate) sandbox: Sandbox,
    /// The application's clock, which may differ from Singpass's.
    clock: Apart,
    pub(crate) provider: Arc<SingpassTxn>,
}

/// Singpass's time, and a few seconds more or less.
#[derive(Clone, Debug)]
struct Apart {
    sandbox: SandboxClock,
    start: Timestamp,
    by: i64,
}

#[async_trait]
impl Clock for Apart {
    fn now(&self) -> Timestamp {
        self.sandbox.now() + esign_core::jiff::SignedDuration::from_secs(self.by)
    }

    fn monotonic(&self) -> Duration {
        Duration::try_from(self.sandbox.now().duration_since(self.start)).unwrap()
    }

    async fn sleep_until(&self, deadline: Duration) {
        self.sandbox.advance(deadline.saturating_sub(self.monotonic()));
    }
}

pub(crate) async fn live(
    change: impl FnOnce(&mut TxnSettings),
    algorithm: KeyAlgorithm,
    by: i64,
    settings: &[(&str, Value)],
) -> Live {
    let start = "2026-11-21T10:00:00Z".parse().unwrap();
    let clock = Apart { sandbox: SandboxClock::virtual_at(start), start, by };
    let key = LocalKey::generate(algorithm, Some("rp-1")).unwrap();
    let client = Client {
        client_id: "client-1".to_owned(),
        keys: ClientKeys::Inline(json!({ "keys": [key.public_jwk()] })),
        redirect_uri: REDIRECT.to_owned(),
        origins: Vec::new(),
    };
    let builder = Sandbox::builder().clock(clock.sandbox.clone());
    let sandbox = builder.txn(|t| t.client(client).settings(change)).start().await.unwrap();
    let url = sandbox.base_url().as_str().trim_end_matches('/').to_owned();
    let mut instance = crate::support::instance(&url, settings);
    instance =
        instance.with("jwks_url", format!("{url}/.well-known/keys.json")).with("redirect_uri", REDIRECT);
    let mut registry = Registry::new();
    registry.register::<SingpassTxnConfig>().unwrap();
    let config = Config { providers: [("payments".to_owned(), instance)].into(), ..Config::default() };
    let builder = esign_core::Client::builder(registry).config(config).key("rp", Arc::new(key));
    let client = builder.clock(Arc::new(clock.clone())).build().await.unwrap();
    let provider = client.provider_as::<SingpassTxn>("payments").unwrap();
    Live { sandbox, clock, provider }
}

async fn plain() -> Live {
    live(|_| {}, KeyAlgorithm::Es256, 0, &[]).await
}

impl Live {
    /// What the page's script does with what the supplier returned: the session, or the HTTP status of the refusal.
    async fn open(&self, supplied: &Supplied) -> Result<String, u16> {
        let mut session: Value = serde_json::from_str(&supplied.to_json()).unwrap();
        (session["clientId"], session["redirectUri"]) = ("client-1".into(), REDIRECT.into());
        let browser =
            HttpClient::builder(self.sandbox.base_url().clone(), Arc::new(SystemClock)).build().unwrap();
        let call = browser.post(browser.url(["api", "v1", "txn-signing-sessions"]).unwrap());
        let call = call.header(ORIGIN, HeaderValue::from_static(PAGE)).json(&session).unwrap();
        let answer = call.send().await.map_err(|error| error.http_status().unwrap())?;
        Ok(answer.json::<Value>().unwrap()["session_id"].as_str().unwrap().to_owned())
    }

    /// A transaction that the person has approved, and the return of their browser.
    async fn approved(&self) -> TransactionReturn {
        let supplied = self.provider.supply(&request()).await.unwrap();
        let session = self.open(&supplied).await.unwrap();
        returning(&self.sandbox.txn().approve(&session, Some(PERSON)).unwrap())
    }
}

/// The browser comes to the address.
fn returning(address: &str) -> TransactionReturn {
    let url: Url = address.parse().unwrap();
    let call = url
        .query_pairs()
        .fold(InboundCall::get(url.path()), |call, (name, value)| call.with_query(name, value));
    TransactionReturn::new(call, SESSION)
}

#[tokio::test]
async fn a_person_approves_and_the_answer_proves_it() {
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Es384] {
        let live = live(|_| {}, algorithm, 0, &[]).await;
        let back = live.approved().await;
        let (approved, signed) = live.provider.finish(&back).await.unwrap();
        assert_eq!(approved.session.txn_id().as_str(), "TXN-2026-000123");
        assert_eq!(signed.subject.unwrap().expose(), PERSON);
        assert_eq!(signed.claims["txn_hash"], esign_txn::txn_hash("TXN-2026-000123", TEXT));
        assert!(live.sandbox.txn().sessions()[0].exchanged);
        let again = live.provider.finish(&back).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Verification);
        assert_eq!(live.sandbox.call_count("txn.exchange"), 1);
    }
}

#[tokio::test]
async fn whatever_the_redirect_calls_the_code_it_is_found() {
    for parameter in [CodeParameter::Code, CodeParameter::SignCode, CodeParameter::Both] {
        let live = live(|settings| settings.code_parameter = parameter, KeyAlgorithm::Es256, 0, &[]).await;
        let back = live.approved().await;
        live.provider.finish(&back).await.unwrap();
    }
}

#[tokio::test]
async fn the_named_person_signs_and_nobody_else() {
    let live = live(|settings| settings.allow_other_person = true, KeyAlgorithm::Es256, 0, &[]).await;
    let mut request = request();
    request.subject = Some(PERSON.into());
    for (by, fine) in [(PERSON, true), ("0f0e0d0c-0b0a-4908-8706-050403020100", false)] {
        let supplied = live.provider.supply(&request).await.unwrap();
        let session = live.open(&supplied).await.unwrap();
        let back = returning(&live.sandbox.txn().approve(&session, Some(by)).unwrap());
        let outcome = live.provider.finish(&back).await;
        assert_eq!(
            outcome.as_ref().err().map(esign_core::Error::kind),
            (!fine).then_some(ErrorKind::Verification)
        );
    }
}

#[tokio::test]
async fn texts_of_every_script_are_signed_as_they_are() {
    let live = live(|_| {}, KeyAlgorithm::Es256, 0, &[("max_instructions", json!(10_000))]).await;
    for text in
        ["支付 10 新元 👩‍👩‍👧 ✅", "one\ntwo", "ادفع ١٠", "\"quoted\" <b>&amp;</b> \\u0041", &"x".repeat(10_000)]
    {
        let mut request = request();
        request.text = text.into();
        let supplied = live.provider.supply(&request).await.unwrap();
        let session = live.open(&supplied).await.unwrap();
        assert_eq!(live.sandbox.txn().session(&session).unwrap().txn_instructions, text);
        let back = returning(&live.sandbox.txn().approve(&session, None).unwrap());
        live.provider.finish(&back).await.unwrap();
    }
}

#[tokio::test]
async fn ten_sessions_at_once_are_all_opened_and_a_value_is_never_used_twice() {
    let live = plain().await;
    let mut sessions = HashSet::new();
    let mut last = None;
    for _ in 0..10 {
        let supplied = live.provider.supply(&request()).await.unwrap();
        sessions.insert(live.open(&supplied).await.unwrap());
        last = Some(supplied);
    }
    assert_eq!(sessions.len(), 10);
    // The simulator refuses what an earlier session had.
    assert_eq!(live.open(&last.unwrap()).await, Err(400));
}

#[tokio::test]
async fn a_session_that_ran_out_is_followed_by_a_fresh_one() {
    let live = plain().await;
    let supplied = live.provider.supply(&request()).await.unwrap();
    let session = live.open(&supplied).await.unwrap();
    live.sandbox.txn().expire(&session).unwrap();
    assert!(live.sandbox.txn().approve(&session, None).is_err());
    // The page's retry button calls the supplier again.
    let back = live.approved().await;
    live.provider.finish(&back).await.unwrap();
}

#[tokio::test]
async fn every_forged_answer_is_refused() {
    for (forgery, named) in [
        (Forgery::BadSignature, "signature"),
        (Forgery::UnknownKid, "does not publish"),
        (Forgery::AlgNone, "JWS"),
        (Forgery::Expired, "expired"),
        (Forgery::LongLived, "longer"),
        (Forgery::WrongNonce, "nonce"),
        (Forgery::NoNonce, "nonce"),
        (Forgery::WrongHash, "hash"),
        (Forgery::NoHash, "hash"),
    ] {
        let live = plain().await;
        let back = live.approved().await;
        live.sandbox.txn().forge_next(forgery);
        let error = live.provider.finish(&back).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verification, "{forgery:?}: {error}");
        assert!(error.message().contains(named), "{forgery:?}: {error}");
        assert_ne!(error.retry(), Retry::SAFE, "{forgery:?}");
    }
    let live = plain().await;
    let mut request = request();
    request.subject = Some(PERSON.into());
    let supplied = live.provider.supply(&request).await.unwrap();
    let session = live.open(&supplied).await.unwrap();
    let back = returning(&live.sandbox.txn().approve(&session, None).unwrap());
    live.sandbox.txn().forge_next(Forgery::WrongSubject);
    let error = live.provider.finish(&back).await.unwrap_err();
    assert!(error.message().contains("somebody else"), "{error}");
}

#[tokio::test]
async fn a_code_that_is_late_or_made_up_is_refused_by_name() {
    let live = plain().await;
    live.sandbox.txn().change(|settings| settings.code_seconds = 30);
    let late = live.approved().await;
    live.clock.sandbox.advance(Duration::from_secs(31));
    let error = live.provider.finish(&late).await.unwrap_err();
    assert_eq!((error.http_status(), error.provider_code()), (Some(400), Some("CLIENT_SIDE_ERROR")));
    assert!(error.request_id().is_some() && error.trace_id().is_some(), "{error}");

    let mut made_up = live.approved().await;
    for (name, value) in &mut made_up.call.query {
        if name != "state" {
            "bm9ib2R5IQ==".clone_into(value);
        }
    }
    let error = live.provider.finish(&made_up).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway_and_no_more() {
    for by in [-25, 25] {
        let live = live(|_| {}, KeyAlgorithm::Es256, by, &[]).await;
        let back = live.approved().await;
        live.provider.finish(&back).await.unwrap_or_else(|error| panic!("{by} s: {error}"));
    }
    for by in [-600, 600] {
        let live = live(|_| {}, KeyAlgorithm::Es256, by, &[]).await;
        let supplied = live.provider.supply(&request()).await.unwrap();
        assert_eq!(live.open(&supplied).await, Err(400), "{by} s");
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_open_and_the_code_used() {
    let live = plain().await;
    let back = live.approved().await;
    live.sandbox.inject(Fault::on("txn.exchange", Effect::Close).after_commit()).unwrap();
    let error = live.provider.finish(&back).await.unwrap_err();
    assert_eq!(error.retry(), Retry::OutcomeUnknown, "{error}");
    assert_eq!(live.sandbox.call_count("txn.exchange"), 1);
    assert!(live.provider.finish(&back).await.is_err());
}

#[tokio::test]
async fn singpass_switches_transaction_signing_off() {
    let live = plain().await;
    live.sandbox.txn().change(|settings| settings.switched_off = true);
    let supplied = live.provider.supply(&request()).await.unwrap();
    assert_eq!(live.open(&supplied).await, Err(503));
}

#[tokio::test]
async fn other_names_in_the_answer_are_settings() {
    let change = |settings: &mut TxnSettings| {
        settings.response_field = "signature".to_owned();
        settings.nonce_claim = "n".to_owned();
        settings.hash_claim = "h".to_owned();
    };
    let named =
        [("response_field", json!("signature")), ("nonce_claim", json!("n")), ("hash_claim", json!("h"))];
    let live = live(change, KeyAlgorithm::Es256, 0, &named).await;
    let back = live.approved().await;
    live.provider.finish(&back).await.unwrap();
}
