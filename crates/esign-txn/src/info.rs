//! `txnInfo`: the signed token that says what the person consents to (spec 3.3).

use std::fmt;
use std::time::Duration;

use esign_core::jiff::Timestamp;
use esign_core::{Error, Result, SigningKey, TransactionRequest};
use esign_http::sign_compact;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::random::hex;

/// The claims of `txnInfo`. `Debug` shows the transaction's id and the times.
///
/// ```
/// use std::time::Duration;
/// use esign_core::{Reference, TransactionRequest};
/// use esign_txn::{LocalKey, TxnInfo};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> esign_core::Result<()> {
/// let key = LocalKey::generate(esign_core::KeyAlgorithm::Es256, Some("rp-1"))?;
/// let request = TransactionRequest::new(Reference::new("TXN-1")?, "Transfer SGD 10.00 to ****5678", "session");
/// let info = TxnInfo::new(&request, esign_core::jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(120))?;
/// let jwt = info.sign(&key).await?;
/// assert_eq!(jwt.split('.').count(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TxnInfo {
    /// When it was made, in Unix seconds.
    pub iat: i64,
    /// Until when it can start a session, in Unix seconds: at most two minutes after `iat`.
    pub exp: i64,
    /// Not among the documented claims: left out unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Not among the documented claims: left out unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The Singpass user id, a version 4 UUID, if it is known who must sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The transaction's id.
    pub txn_id: String,
    /// What the person reads.
    pub txn_instructions: String,
    /// [`txn_hash`] of the two.
    pub txn_hash: String,
}

impl TxnInfo {
    /// The longest life that Singpass takes (spec 3.3).
    pub const MAX_LIFE: Duration = Duration::from_secs(120);

    /// The claims for a transaction, issued now. The text is taken as it is: [`TxnSessions::check`](crate::TxnSessions::check)
    /// judges it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](esign_core::ErrorKind::InvalidRequest) if the life is not 1 to 120 seconds.
    pub fn new(request: &TransactionRequest, now: Timestamp, life: Duration) -> Result<Self> {
        if life > Self::MAX_LIFE || life.as_secs() == 0 {
            return Err(Error::invalid("life", "txnInfo lives 1 to 120 seconds"));
        }
        let iat = now.as_second();
        let (txn_id, txn_instructions) = (request.reference.as_str(), request.text.expose());
        Ok(Self {
            iat,
            exp: iat.saturating_add_unsigned(life.as_secs()),
            iss: None,
            aud: None,
            sub: request.subject.as_ref().map(|subject| subject.expose().to_owned()),
            txn_id: txn_id.to_owned(),
            txn_instructions: txn_instructions.to_owned(),
            txn_hash: txn_hash(txn_id, txn_instructions),
        })
    }

    /// The token: a compact JWS with `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// Whatever the key answers.
    pub async fn sign(&self, key: &dyn SigningKey) -> Result<String> {
        sign_compact(key, Some("JWT"), self).await
    }
}

impl fmt::Debug for TxnInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxnInfo")
            .field("txn_id", &self.txn_id)
            .field("iat", &self.iat)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

/// The hash that the person signs: SHA-256 over the UTF-8 of `<txn_id>:<txn_instructions>`, in lower-case hexadecimal
/// (spec 3.3; the case is not documented).
///
/// ```
/// let hash = esign_txn::txn_hash("TXN-2026-000123", "Transfer SGD 10.00 to account ****5678");
/// assert_eq!(hash, "e60e79017bafc7212e41a6926c991d414e79b69c88803c878a3655d3bbdc3a89");
/// ```
#[must_use]
pub fn txn_hash(txn_id: &str, txn_instructions: &str) -> String {
    let digest =
        Sha256::new().chain_update(txn_id).chain_update(":").chain_update(txn_instructions).finalize();
    hex(&digest)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use esign_core::{KeyAlgorithm, Reference};
    use esign_http::{Checks, LocalKey, VerifyingKey};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_795_300_000;

    fn request() -> TransactionRequest {
        let text = "Transfer SGD 10.00 to account ****5678";
        TransactionRequest::new(Reference::new("TXN-2026-000123").unwrap(), text, "session")
    }

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn part(token: &str, n: usize) -> Value {
        let part = token.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    /// Spec section 10.
    #[tokio::test]
    async fn the_sample_token_of_the_specification() {
        for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Es384] {
            let key = LocalKey::generate(algorithm, Some("rp-1")).unwrap();
            let info = TxnInfo::new(&request(), now(), TxnInfo::MAX_LIFE).unwrap();
            let token = info.sign(&key).await.unwrap();
            assert_eq!(part(&token, 0), json!({"alg": algorithm.as_str(), "typ": "JWT", "kid": "rp-1"}));
            let claims = json!({
                "iat": 1_795_300_000,
                "exp": 1_795_300_120,
                "txn_id": "TXN-2026-000123",
                "txn_instructions": "Transfer SGD 10.00 to account ****5678",
                "txn_hash": "e60e79017bafc7212e41a6926c991d414e79b69c88803c878a3655d3bbdc3a89",
            });
            assert_eq!(part(&token, 1), claims);
            let key = VerifyingKey::from_jwk(&key.public_jwk()).unwrap();
            key.verify::<Value>(&token, &Checks::expiring(Duration::ZERO), now()).unwrap();
        }
    }

    #[tokio::test]
    async fn optional_claims_are_there_when_set_and_the_text_keeps_every_byte() {
        let mut request = request();
        request.text = "支付 SGD 10 👩‍👩‍👧\n\"</script>\" é e\u{301}".into();
        request.subject = Some("7a2c1b1e-8f4d-4c3b-9e2a-0d1c2b3a4f5e".into());
        let mut info = TxnInfo::new(&request, now(), Duration::from_secs(1)).unwrap();
        (info.iss, info.aud) = (Some("client".into()), Some("https://x.example".into()));
        let key = LocalKey::generate(KeyAlgorithm::Es256, None).unwrap();
        let claims = part(&info.sign(&key).await.unwrap(), 1);
        assert_eq!(claims["txn_instructions"], request.text.expose());
        assert_eq!(claims["txn_hash"], txn_hash("TXN-2026-000123", request.text.expose()));
        assert_eq!(claims["exp"], NOW + 1);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("client"), &json!("https://x.example")));
        assert_eq!(claims["sub"], request.subject.unwrap().expose());
    }

    #[test]
    fn a_life_beyond_two_minutes_is_refused_and_debug_shows_no_text() {
        for life in [0, 121, u64::MAX] {
            assert!(TxnInfo::new(&request(), now(), Duration::from_secs(life)).is_err(), "{life}");
        }
        assert!(TxnInfo::new(&request(), now(), Duration::from_millis(120_001)).is_err());
        let info = TxnInfo::new(&request(), now(), TxnInfo::MAX_LIFE).unwrap();
        assert!(!format!("{info:?}").contains("Transfer"));
    }
}
