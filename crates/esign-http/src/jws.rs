//! Compact JWS (RFC 7515): signing through [`SigningKey`], verifying with the algorithm that the key dictates.

use std::sync::Once;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use esign_core::jiff::Timestamp;
use esign_core::{Error, ErrorKind, KeyAlgorithm, Result, SigningKey};
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse, ThumbprintHash,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longer tokens are refused unread. A signed document link with its claims is far below 64 KiB.
const MAX_TOKEN: usize = 64 << 10;

/// Signs claims as a compact JWS with the header members `alg`, `kid` and, if given, `typ`.
///
/// # Errors
/// [`ErrorKind::Internal`] if the claims have no JSON form or the key's signature has the wrong length; whatever the key
/// answers.
pub async fn sign_compact<T: Serialize + Sync + ?Sized>(
    key: &dyn SigningKey,
    typ: Option<&str>,
    claims: &T,
) -> Result<String> {
    let algorithm = algorithm_of(key.algorithm())?;
    let mut header = Header::new(algorithm);
    header.typ = typ.map(str::to_owned);
    header.kid = Some(key.key_id().to_owned());
    let message = format!("{}.{}", encode(&header)?, encode(claims)?);
    let signature = key.sign(message.as_bytes()).await?;
    // A KMS that answers in ASN.1 would otherwise be found out by the provider only.
    let expected = if algorithm == Algorithm::ES384 { 96 } else { 64 };
    if signature.len() != expected {
        let message = format!(
            "the key {} answered {} bytes; a JWS signature has {expected}",
            key.key_id(),
            signature.len()
        );
        return Err(Error::new(ErrorKind::Internal, message));
    }
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The RFC 7638 thumbprint (SHA-256) of a public or private JWK.
///
/// # Errors
/// [`ErrorKind::Verification`] if it is not a JWK.
pub fn thumbprint(jwk: &Value) -> Result<String> {
    use_aws_lc();
    let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| refuse("not a JWK"))?;
    jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| refuse("a JWK of a kind that has no thumbprint"))
}

/// What is asked of a token beside a good signature. Nothing is assumed: the providers differ.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checks {
    /// By how much our clock may differ from theirs.
    pub leeway: Duration,
    /// Whether `exp` must be present. Where it is, it always counts.
    pub require_exp: bool,
    /// The longest time since `iat`, which is then required.
    pub max_age: Option<Duration>,
    /// The longest time for which a token may still be good: one with an `exp` further away is refused, however it was
    /// signed, because it could be played back until then.
    pub max_life: Option<Duration>,
    /// The `aud` that must be (among) the token's.
    pub audience: Option<String>,
    /// The `iss` that must be the token's.
    pub issuer: Option<String>,
}

impl Checks {
    /// `exp` required, and this much leeway; the rest as the fields say.
    #[must_use]
    pub fn expiring(leeway: Duration) -> Self {
        Self { leeway, require_exp: true, max_age: None, max_life: None, audience: None, issuer: None }
    }

    fn check(&self, claims: &Value, now: Timestamp) -> Result<()> {
        let at = |name: &str| match &claims[name] {
            Value::Null => Ok(None),
            value => value
                .as_f64()
                .filter(|seconds| seconds.is_finite())
                .map(Some)
                .ok_or_else(|| refuse(format!("`{name}` is not a time"))),
        };
        let (now, leeway) = (now.as_millisecond() as f64 / 1e3, self.leeway.as_secs_f64());
        match at("exp")? {
            None if self.require_exp => return Err(refuse("`exp` is missing")),
            Some(exp) if exp + leeway <= now => {
                return Err(refuse(format!("expired {:.0} s ago by our clock", now - exp)));
            }
            Some(exp) if self.max_life.is_some_and(|life| exp > now + life.as_secs_f64() + leeway) => {
                return Err(refuse(format!("good for {:.0} s more by our clock, too long", exp - now)));
            }
            _ => {}
        }
        if let Some(nbf) = at("nbf")?.filter(|nbf| nbf - leeway > now) {
            return Err(refuse(format!("not valid for another {:.0} s by our clock", nbf - now)));
        }
        match (at("iat")?, self.max_age) {
            (Some(iat), _) if iat - leeway > now => {
                return Err(refuse(format!("issued {:.0} s in the future by our clock", iat - now)));
            }
            (None, Some(_)) => return Err(refuse("`iat` is missing")),
            (Some(iat), Some(age)) if iat + age.as_secs_f64() + leeway < now => {
                return Err(refuse(format!("issued {:.0} s ago, too long", now - iat)));
            }
            _ => {}
        }
        if self.audience.as_ref().is_some_and(|wanted| !is_among(&claims["aud"], wanted)) {
            return Err(refuse("`aud` is not us"));
        }
        if self.issuer.as_ref().is_some_and(|wanted| claims["iss"].as_str() != Some(wanted)) {
            return Err(refuse("`iss` is not the one expected"));
        }
        Ok(())
    }
}

fn is_among(audience: &Value, wanted: &str) -> bool {
    match audience {
        Value::String(one) => one == wanted,
        Value::Array(many) => many.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    }
}

/// Members of private and symmetric keys (RFC 7518, 6).
const PRIVATE_PARTS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key that verifies with its own algorithm, whatever a token says.
#[derive(Clone)]
pub struct VerifyingKey {
    key_id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
    jwk: Value,
}

impl VerifyingKey {
    /// Reads a public JWK on P-256 (ES256) or P-384 (ES384) that is meant for signatures.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`], saying what keeps it from being one.
    pub fn from_jwk(jwk: &Value) -> Result<Self> {
        if PRIVATE_PARTS.iter().any(|part| jwk.get(part).is_some()) {
            return Err(refuse("the key has a private part, so anybody who has seen it can sign with it"));
        }
        let published = jwk.clone();
        let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|_| refuse("not a JWK"))?;
        let AlgorithmParameters::EllipticCurve(point) = &jwk.algorithm else {
            return Err(refuse("not an elliptic-curve key"));
        };
        let (algorithm, width) = match point.curve {
            EllipticCurve::P256 => (Algorithm::ES256, 32),
            EllipticCurve::P384 => (Algorithm::ES384, 48),
            _ => return Err(refuse("not a key on P-256 or P-384")),
        };
        if jwk.common.key_algorithm.is_some_and(|stated| stated != algorithm.into()) {
            return Err(refuse("the key's `alg` does not fit its curve"));
        }
        if jwk.common.public_key_use.as_ref().is_some_and(|stated| *stated != PublicKeyUse::Signature) {
            return Err(refuse("the key is not meant for signatures"));
        }
        if jwk.common.key_operations.as_ref().is_some_and(|ops| !ops.contains(&KeyOperations::Verify)) {
            return Err(refuse("the key is not meant for verifying"));
        }
        let is_coordinate = |part: &str| URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| bytes.len() == width);
        if !is_coordinate(&point.x) || !is_coordinate(&point.y) {
            return Err(refuse("the key's coordinates have the wrong length"));
        }
        let key =
            DecodingKey::from_ec_components(&point.x, &point.y).map_err(|_| refuse("not a usable key"))?;
        Ok(Self { key_id: jwk.common.key_id, algorithm, key, jwk: published })
    }

    /// Its `kid`.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The key as it was published: evidence of what verified a token.
    #[must_use]
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// Verifies a compact JWS and reads its claims.
    ///
    /// # Errors
    /// [`ErrorKind::Verification`], naming what is wrong and nothing of the token's content.
    pub fn verify<T: DeserializeOwned>(&self, token: &str, checks: &Checks, now: Timestamp) -> Result<T> {
        use_aws_lc();
        read_header(token)?;
        let mut validation = Validation::new(self.algorithm);
        // Its checks of times would ask the system's clock: ours follow.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims =
            jsonwebtoken::decode::<Value>(token, &self.key, &validation).map_err(|e| why(e.kind()))?.claims;
        checks.check(&claims, now)?;
        serde_json::from_value(claims).map_err(|fault| {
            let text = fault.to_string();
            // serde's other messages may quote values.
            let missing = text.starts_with("missing field").then_some(text);
            refuse(missing.unwrap_or_else(|| "the claims are not the documented ones".to_owned()))
        })
    }

    #[cfg(feature = "client")]
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm
            && self.key.try_get_as_bytes().ok() == other.key.try_get_as_bytes().ok()
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The `kid` a token claims, unverified: good for nothing but finding the key.
///
/// # Errors
/// [`ErrorKind::Verification`] if it is not a compact JWS, or asks for what we do not know.
pub fn claimed_key_id(token: &str) -> Result<Option<String>> {
    Ok(read_header(token)?.kid)
}

fn read_header(token: &str) -> Result<Header> {
    if token.len() > MAX_TOKEN {
        return Err(refuse("the token is too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|e| why(e.kind()))?;
    if header.crit.is_some() {
        return Err(refuse("the token demands extensions that nobody here knows (`crit`)"));
    }
    Ok(header)
}

fn why(fault: &jsonwebtoken::errors::ErrorKind) -> Error {
    use jsonwebtoken::errors::ErrorKind as Fault;
    match fault {
        Fault::InvalidSignature => refuse("the signature is not this key's"),
        Fault::InvalidAlgorithm | Fault::InvalidAlgorithmName => {
            refuse("the token's algorithm is not the key's")
        }
        Fault::InvalidToken => refuse("not a compact JWS"),
        _ => refuse("not a readable compact JWS"),
    }
}

fn encode<T: Serialize + ?Sized>(part: &T) -> Result<String> {
    let json = serde_json::to_vec(part)
        .map_err(|_| Error::new(ErrorKind::Internal, "the claims have no JSON form"))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn algorithm_of(algorithm: KeyAlgorithm) -> Result<Algorithm> {
    match algorithm {
        KeyAlgorithm::Es256 => Ok(Algorithm::ES256),
        KeyAlgorithm::Es384 => Ok(Algorithm::ES384),
        other => Err(Error::new(ErrorKind::Unsupported, format!("{other} cannot be used for a JWS here"))),
    }
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Verification, message)
}

/// Before jsonwebtoken's first use: with both of its backends in the tree, which any crate can cause, it would panic
/// and stay broken. Naming the backend here also makes its absence a compile error.
fn use_aws_lc() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An application that installed one itself has its reasons.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    });
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::LocalKey;

    const NOW: i64 = 1_767_225_600;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn key(algorithm: KeyAlgorithm) -> LocalKey {
        LocalKey::generate(algorithm, Some("k1")).unwrap()
    }

    fn checks() -> Checks {
        Checks::expiring(Duration::from_secs(5))
    }

    fn claims() -> Value {
        json!({ "iat": NOW, "exp": NOW + 120, "aud": ["us", "them"], "iss": "acme", "n": 1 })
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    async fn verify(claims: Value, checks: &Checks) -> Result<Value> {
        let key = key(KeyAlgorithm::Es256);
        let token = sign_compact(&key, None, &claims).await?;
        VerifyingKey::from_jwk(&key.public_jwk())?.verify(&token, checks, now())
    }

    #[tokio::test]
    async fn what_is_signed_verifies_and_has_the_header_asked_for() {
        for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::Es384] {
            let key = key(algorithm);
            let verifying = VerifyingKey::from_jwk(&key.public_jwk()).unwrap();
            for (typ, header) in [
                (None, json!({"alg": algorithm.as_str(), "kid": "k1"})),
                (Some("JWT"), json!({"alg": algorithm.as_str(), "kid": "k1", "typ": "JWT"})),
            ] {
                let token = sign_compact(&key, typ, &claims()).await.unwrap();
                let first = token.split('.').next().unwrap();
                let read: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(first).unwrap()).unwrap();
                assert_eq!(read, header);
                assert_eq!(verifying.verify::<Value>(&token, &checks(), now()).unwrap(), claims());
                assert_eq!(claimed_key_id(&token).unwrap().as_deref(), Some("k1"));
            }
        }
    }

    #[tokio::test]
    async fn forgeries_are_refused() {
        let (mine, other) = (key(KeyAlgorithm::Es256), key(KeyAlgorithm::Es256));
        let verifying = VerifyingKey::from_jwk(&mine.public_jwk()).unwrap();
        let good = sign_compact(&mine, None, &claims()).await.unwrap();
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let foreign = sign_compact(&other, None, &claims()).await.unwrap();
        let es384 = sign_compact(&key(KeyAlgorithm::Es384), None, &claims()).await.unwrap();
        let changed = part(&json!({ "iat": NOW, "exp": NOW + 9999 }));
        // The public key, which everybody has, taken for a shared secret.
        let hmac = {
            let message = format!("{}.{payload}", part(&json!({"alg": "HS256", "kid": "k1"})));
            let secret = aws_lc_rs::hmac::Key::new(
                aws_lc_rs::hmac::HMAC_SHA256,
                verifying.key.try_get_as_bytes().unwrap(),
            );
            format!(
                "{message}.{}",
                URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, message.as_bytes()))
            )
        };
        let none = part(&json!({"alg": "none", "kid": "k1"}));
        let crit = part(&json!({"alg": "ES256", "kid": "k1", "crit": ["b64"], "b64": false}));
        for (token, expected) in [
            (foreign, "signature"),
            (es384, "algorithm"),
            (hmac, "algorithm"),
            (format!("{none}.{payload}."), "readable"),
            (format!("{none}.{payload}.{signature}"), "readable"),
            (format!("{crit}.{payload}.{signature}"), "crit"),
            (format!("{header}.{changed}.{signature}"), "signature"),
            (format!("{header}.{payload}."), "signature"),
            (format!("{header}.{payload}"), "compact JWS"),
            (format!("{good}.x"), "JWS"),
            (format!("{good}="), "JWS"),
            (String::new(), "JWS"),
            ("x".repeat(MAX_TOKEN + 1), "too long"),
        ] {
            let error = verifying.verify::<Value>(&token, &checks(), now()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Verification);
            assert!(error.message().contains(expected), "{error} for {token}");
        }
        verifying.verify::<Value>(&good, &checks(), now()).unwrap();
    }

    #[tokio::test]
    async fn times_are_ours_with_exactly_the_leeway_given() {
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            claims
        };
        let mut without_exp = claims();
        without_exp.as_object_mut().unwrap().remove("exp");
        let aged = Checks { max_age: Some(Duration::from_secs(120)), ..checks() };
        let optional = Checks { require_exp: false, ..checks() };
        let us = Checks { audience: Some("us".into()), issuer: Some("acme".into()), ..checks() };
        for (claims, checks, fault) in [
            (claims(), checks(), None),
            (with("exp", json!(NOW - 4)), checks(), None),
            (with("exp", json!(NOW - 5)), checks(), Some("expired 5 s ago")),
            (with("exp", json!(NOW - 50)), checks(), Some("expired 50 s ago")),
            (with("exp", json!("soon")), checks(), Some("`exp` is not a time")),
            (with("exp", json!(f64::MAX)), checks(), None),
            (without_exp.clone(), checks(), Some("`exp` is missing")),
            (without_exp, optional.clone(), None),
            (with("exp", json!(NOW - 50)), optional, Some("expired")),
            (with("nbf", json!(NOW + 5)), checks(), None),
            (with("nbf", json!(NOW + 6)), checks(), Some("not valid for another 6 s")),
            (with("iat", json!(NOW + 6)), checks(), Some("6 s in the future")),
            (with("iat", json!(NOW - 125)), aged.clone(), None),
            (with("iat", json!(NOW - 126)), aged.clone(), Some("too long")),
            (with("iat", Value::Null), aged, Some("`iat` is missing")),
            (claims(), us.clone(), None),
            (with("aud", json!("us")), us.clone(), None),
            (with("aud", json!("them")), us.clone(), Some("`aud`")),
            (with("aud", Value::Null), us.clone(), Some("`aud`")),
            (with("iss", json!("evil")), us, Some("`iss`")),
        ] {
            let outcome = verify(claims.clone(), &checks).await;
            match fault {
                None => assert!(outcome.is_ok(), "{claims}: {outcome:?}"),
                Some(words) => assert!(outcome.unwrap_err().message().contains(words), "{claims}"),
            }
        }
    }

    #[tokio::test]
    async fn claims_of_another_shape_are_refused_without_quoting_them() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code)]
        struct Wanted {
            request_id: String,
        }
        let key = key(KeyAlgorithm::Es256);
        let verifying = VerifyingKey::from_jwk(&key.public_jwk()).unwrap();
        for (claims, words) in [
            (json!({"exp": NOW + 1}), "missing field `request_id`"),
            (json!({"exp": NOW + 1, "request_id": {"marker": 1}}), "not the documented"),
        ] {
            let token = sign_compact(&key, None, &claims).await.unwrap();
            let error = verifying.verify::<Wanted>(&token, &checks(), now()).unwrap_err();
            assert!(error.message().contains(words) && !format!("{error:?}").contains("marker"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_key_that_answers_in_asn1_is_found_out() {
        #[derive(Debug)]
        struct Kms;
        #[async_trait]
        impl SigningKey for Kms {
            fn algorithm(&self) -> KeyAlgorithm {
                KeyAlgorithm::Es256
            }
            fn key_id(&self) -> &str {
                "kms"
            }
            fn public_jwk(&self) -> Value {
                Value::Null
            }
            async fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
                Ok(vec![0x30; 70])
            }
        }
        let error = sign_compact(&Kms, None, &claims()).await.unwrap_err();
        assert!(error.message().contains("70 bytes; a JWS signature has 64"), "{error}");
    }

    #[test]
    fn keys_that_are_not_for_verifying_are_refused() {
        let jwk = key(KeyAlgorithm::Es256).public_jwk();
        for (member, value, words) in [
            ("use", json!("enc"), "not meant for signatures"),
            ("key_ops", json!(["encrypt"]), "not meant for verifying"),
            ("alg", json!("ES384"), "does not fit"),
            ("crv", json!("P-384"), "does not fit"),
            ("crv", json!("P-521"), "P-256 or P-384"),
            ("kty", json!("RSA"), "elliptic"),
            ("x", json!("AAAA"), "wrong length"),
            ("y", json!("!"), "wrong length"),
        ] {
            let mut jwk = jwk.clone();
            jwk[member] = value;
            let error = VerifyingKey::from_jwk(&jwk).unwrap_err();
            assert!(error.message().contains(words), "{member}: {error}");
        }
        assert!(VerifyingKey::from_jwk(&Value::Null).is_err());
    }

    /// The example of RFC 7638, section 3.1, is an RSA key; it fixes the form for all.
    #[test]
    fn the_thumbprint_of_the_standard() {
        let jwk = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        });
        assert_eq!(thumbprint(&jwk).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    proptest! {
        #[test]
        fn odd_tokens_are_refused_and_never_panic(token in "[A-Za-z0-9_=.-]{0,200}|.{0,60}") {
            let verifying = VerifyingKey::from_jwk(&key(KeyAlgorithm::Es256).public_jwk()).unwrap();
            prop_assert!(verifying.verify::<Value>(&token, &checks(), now()).is_err());
        }
    }
}
