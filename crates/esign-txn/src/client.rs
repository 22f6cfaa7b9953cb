//! A typed client for the one documented operation, and the verification of its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{Clock, Error, ErrorKind, Observer, Operation, Personal, Result, SigningKey};
use esign_http::{
    Authorize, Checks, HttpClient, Jwks, JwksPolicy, Limiter, Outgoing, PublishedKeys, sign_compact,
};
use serde_json::{Map, Value};

use crate::config::{Addresses, SingpassTxnConfig};
use crate::error::explain;
use crate::random::same;
use crate::wire::{ClientClaims, ExchangeBody};
use crate::{Approved, KIND, PendingSession};

/// The largest answer that is read: one token, in JSON.
const MAX_ANSWER: usize = 256 << 10;
/// By how much Singpass's clock and ours may differ. Its token lives two minutes at most.
const LEEWAY: Duration = Duration::from_secs(30);
/// The longest life of an answer (spec 5).
const ANSWER_LIFE: Duration = Duration::from_secs(120);

/// The exchange as it is documented, in Singpass's own terms. Clones share connections and keys.
#[derive(Clone, Debug)]
pub struct TxnClient {
    http: HttpClient,
    jwks: Jwks,
    config: Arc<SingpassTxnConfig>,
    key: Arc<dyn SigningKey>,
    clock: Arc<dyn Clock>,
}

/// What the exchange answered: not yet verified, so nothing in it can be read. Keep it: whether a sign code can be exchanged
/// twice is not documented.
#[derive(Clone)]
pub struct ExchangeAnswer {
    token: String,
    received_at: Timestamp,
}

/// A transaction that was signed: verified, and kept whole. `Debug` shows the key and the times.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignedTransaction {
    /// Every claim of the answer, also those that are not documented: personal data.
    pub claims: Map<String, Value>,
    /// The Singpass user id of the person who signed, if it is there.
    pub subject: Option<Personal>,
    /// The answer's token as it was received: the evidence.
    pub token: Bytes,
    /// The key that verified it, as it was published.
    pub verified_with: Value,
    /// When it was received, by our clock.
    pub received_at: Timestamp,
}

impl TxnClient {
    pub(crate) fn new(
        config: Arc<SingpassTxnConfig>,
        addresses: &Addresses,
        keys: &PublishedKeys,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        limiter: Option<Arc<Limiter>>,
    ) -> Result<Self> {
        let http = HttpClient::builder(addresses.api.clone(), Arc::clone(&clock))
            .settings(&config.http)
            .limiter(limiter)
            .observer(KIND, Arc::clone(&observer))
            .explain(explain)
            .build()?;
        let jwks_client = HttpClient::builder(addresses.jwks.clone(), Arc::clone(&clock))
            .settings(&config.http)
            .observer(KIND, observer)
            .build()?;
        let jwks = Jwks::new(jwks_client, addresses.jwks.clone(), JwksPolicy::default());
        Ok(Self { http, jwks, config, key: Arc::clone(keys.signing()), clock })
    }

    /// Makes sure of keys to verify an answer with: call it before an exchange, whose answer may come only once.
    ///
    /// # Errors
    /// If there are none and they cannot be fetched now: safe to repeat.
    pub async fn ready(&self) -> Result<()> {
        self.jwks.ensure_usable().await
    }

    /// `POST /txn-signatures` (spec 3.5): exchanges a sign code for a signed answer. Sent once, and again only while nothing
    /// can have come of it; each try has a token of its own.
    ///
    /// # Errors
    /// [`Retry::OutcomeUnknown`](esign_core::Retry::OutcomeUnknown) if the answer was lost. Singpass's `id` and `trace_id` are
    /// [`Error::request_id`] and [`Error::trace_id`].
    pub async fn exchange(&self, approved: &Approved) -> Result<ExchangeAnswer> {
        self.exchange_code(&approved.sign_code).await
    }

    pub(crate) async fn exchange_code(&self, sign_code: &Personal) -> Result<ExchangeAnswer> {
        let url = self.http.url(["txn-signatures"])?;
        let token = Arc::new(ClientToken { client: self.clone(), sign_code: sign_code.clone() });
        let answer = self.http.submit_with(|| {
            let call = self.http.post(url.clone()).operation(Operation::Transaction).auth(token.clone());
            call.cap(MAX_ANSWER).json(&ExchangeBody { sign_code: sign_code.expose() })
        });
        let answer = answer.await?;
        let mut object: Map<String, Value> = answer.json()?;
        match object.remove(&self.config.response_field) {
            Some(Value::String(token)) => Ok(ExchangeAnswer { token, received_at: self.clock.now() }),
            _ => {
                let field = &self.config.response_field;
                Err(answer
                    .unexpected(format!("the answer has no text in its member {field:?} (response_field)")))
            }
        }
    }

    /// Holds an answer against the session that it should belong to: signature by Singpass's published keys, expiry, nonce,
    /// hash, and the person if one was named. The same answer verifies again while it has not expired.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`], saying what does not match. Any other kind: the keys could not be had, and the same
    /// answer can be verified again.
    pub async fn verify(
        &self,
        answer: &ExchangeAnswer,
        session: &PendingSession,
    ) -> Result<SignedTransaction> {
        let checks = Checks::expiring(LEEWAY);
        let verified = self.jwks.verify::<Map<String, Value>>(&answer.token, &checks).await?;
        let claims = verified.claims;
        let longest = self.clock.now().as_second().saturating_add_unsigned((ANSWER_LIFE + LEEWAY).as_secs());
        if claims.get("exp").and_then(Value::as_f64).is_some_and(|exp| exp > longest as f64) {
            return Err(refuse("the answer is valid for longer than the two minutes that Singpass's are"));
        }
        let (nonce_claim, hash_claim) = self.config.claims()?;
        let nonce = text(&claims, nonce_claim, "nonce_claim")?;
        if !same(nonce, session.nonce.expose()) {
            return Err(refuse(
                "the answer's nonce is not the one that was issued: it belongs to another session",
            ));
        }
        let hash = text(&claims, hash_claim, "hash_claim")?;
        if !same(&hash.to_ascii_lowercase(), &session.txn_hash) {
            return Err(refuse("the answer's hash is not that of the transaction"));
        }
        let subject = claims.get("sub").and_then(Value::as_str).map(Personal::new);
        if let Some(expected) = &session.subject
            && !subject.as_ref().is_some_and(|s| s.expose().eq_ignore_ascii_case(expected.expose()))
        {
            return Err(refuse(
                "somebody else signed than the person who was to sign, or the answer does not say who",
            ));
        }
        Ok(SignedTransaction {
            claims,
            subject,
            token: Bytes::copy_from_slice(answer.token.as_bytes()),
            verified_with: verified.jwk,
            received_at: answer.received_at,
        })
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str, setting: &str) -> Result<&'a str> {
    let missing = || refuse(format!("the answer has no text in its claim {name:?} ({setting})"));
    claims.get(name).and_then(Value::as_str).ok_or_else(missing)
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Verification, message)
}

/// The token on the exchange: a bare JWT, made anew for each attempt.
struct ClientToken {
    client: TxnClient,
    sign_code: Personal,
}

#[async_trait]
impl Authorize for ClientToken {
    async fn authorize(&self, request: &mut Outgoing<'_>) -> Result<()> {
        let TxnClient { config, key, clock, .. } = &self.client;
        let iat = clock.now().as_second();
        let claims = ClientClaims {
            sub: &config.client_id,
            sign_code: self.sign_code.expose(),
            iat,
            exp: iat.saturating_add_unsigned(config.token_life),
            iss: config.token_iss.then_some(config.client_id.as_str()),
            aud: config.token_aud.as_deref(),
        };
        // No "Bearer " before it.
        request.set_authorization(&sign_compact(key.as_ref(), Some("JWT"), &claims).await?)
    }
}

impl fmt::Debug for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientToken(kid {})", self.client.key.key_id())
    }
}

impl fmt::Debug for ExchangeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExchangeAnswer({} bytes at {})", self.token.len(), self.received_at)
    }
}

impl fmt::Debug for SignedTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kid = self.verified_with.get("kid");
        write!(f, "SignedTransaction({} claims at {}, kid {kid:?})", self.claims.len(), self.received_at)
    }
}
