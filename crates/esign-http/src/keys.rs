//! Signing keys held in memory: read from PEM or JWK, or newly made.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use esign_core::secrecy::{ExposeSecret, SecretString};
use esign_core::{Error, ErrorKind, KeyAlgorithm, Result, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::jws::thumbprint;

/// An elliptic-curve key in memory: P-256 for ES256, P-384 for ES384.
///
/// ```
/// # use esign_core::{KeyAlgorithm, SigningKey};
/// # use esign_http::LocalKey;
/// let key = LocalKey::generate(KeyAlgorithm::Es256, None)?;
/// let again = LocalKey::from_pem_or_jwk(&key.to_pem()?, None)?;
/// assert_eq!(key.public_jwk(), again.public_jwk());
/// # Ok::<_, esign_core::Error>(())
/// ```
pub struct LocalKey {
    algorithm: KeyAlgorithm,
    key_id: String,
    public: Value,
    pair: EcdsaKeyPair,
}

impl LocalKey {
    /// Reads a private key, also after a byte order mark or with its line breaks written as `\n`: PKCS#8 PEM (`BEGIN PRIVATE KEY`), SEC1 PEM (`BEGIN EC PRIVATE KEY`) or a private JWK.
    ///
    /// Without `key_id` the key is called by the JWK's own `kid`, or by its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`], saying what the text is instead and never repeating it.
    pub fn from_pem_or_jwk(text: &SecretString, key_id: Option<&str>) -> Result<Self> {
        let text = text.expose_secret().trim().trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') {
            return Self::from_jwk(text, key_id);
        }
        // Where a variable has one line only, its line breaks are written out; PEM has no backslash of its own.
        let lines = SecretString::from(text.replace("\\r", "").replace("\\n", "\n"));
        Self::from_pem(lines.expose_secret(), key_id)
    }

    /// Makes a new key.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system has no randomness.
    pub fn generate(algorithm: KeyAlgorithm, key_id: Option<&str>) -> Result<Self> {
        let curve = curve_of(algorithm).ok_or_else(|| unsupported(algorithm))?;
        let pair = EcdsaKeyPair::generate(curve.signing).map_err(|_| {
            Error::new(ErrorKind::Internal, "no key could be made: no randomness from the system")
        })?;
        Self::new(pair, curve, key_id)
    }

    /// The private key as PKCS#8 PEM, for a file that only its owner can read.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the key cannot be written.
    pub fn to_pem(&self) -> Result<SecretString> {
        let der = self
            .pair
            .to_pkcs8v1()
            .map_err(|_| Error::new(ErrorKind::Internal, "the key cannot be written"))?;
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        Ok(pem::encode_config(&pem::Pem::new("PRIVATE KEY", der.as_ref()), config).into())
    }

    /// The private key as a JWK, with `d`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the key cannot be written.
    pub fn to_private_jwk(&self) -> Result<SecretString> {
        let scalar: aws_lc_rs::encoding::EcPrivateKeyBin<'_> = self
            .pair
            .private_key()
            .as_be_bytes()
            .map_err(|_| Error::new(ErrorKind::Internal, "the key cannot be written"))?;
        let mut jwk = self.public.clone();
        jwk["d"] = URL_SAFE_NO_PAD.encode(scalar.as_ref()).into();
        Ok(jwk.to_string().into())
    }

    fn from_pem(text: &str, key_id: Option<&str>) -> Result<Self> {
        let blocks = pem::parse_many(text).map_err(|_| refuse("is neither PEM nor a JWK"))?;
        // `openssl ecparam -genkey` writes a block of parameters before the key.
        let block = blocks
            .iter()
            .find(|block| block.tag() != "EC PARAMETERS")
            .ok_or_else(|| refuse("is neither PEM nor a JWK"))?;
        match block.tag() {
            "PRIVATE KEY" | "EC PRIVATE KEY" if block.headers().get("DEK-Info").is_none() => {}
            "PRIVATE KEY" | "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {
                return Err(refuse("is encrypted: decrypt it with `openssl pkcs8 -topk8 -nocrypt`"));
            }
            "PUBLIC KEY" | "CERTIFICATE" => {
                return Err(refuse("is a public key: the private half is needed to sign"));
            }
            "RSA PRIVATE KEY" => return Err(refuse("is an RSA key: a P-256 or P-384 key is needed")),
            _ => return Err(refuse("is PEM, but not a private key")),
        }
        CURVES
            .iter()
            .find_map(|curve| {
                Some((EcdsaKeyPair::from_private_key_der(curve.signing, block.contents()).ok()?, curve))
            })
            .ok_or_else(|| refuse("is not a P-256 or P-384 key"))
            .and_then(|(pair, curve)| Self::new(pair, curve, key_id))
    }

    fn from_jwk(text: &str, key_id: Option<&str>) -> Result<Self> {
        // serde's message could quote the key.
        let jwk: PrivateJwk = serde_json::from_str(text)
            .map_err(|_| refuse("is not a private JWK with kty, crv, x, y and d"))?;
        let curve = CURVES
            .iter()
            .find(|curve| jwk.kty == "EC" && curve.name == jwk.crv)
            .ok_or_else(|| refuse("is not a P-256 or P-384 JWK"))?;
        if jwk.alg.as_deref().is_some_and(|alg| alg != curve.algorithm.as_str()) {
            return Err(refuse("is a JWK whose `alg` does not fit its curve"));
        }
        let decode =
            |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| refuse("is a JWK with broken base64url"));
        let point = [&[4], decode(&jwk.x)?.as_slice(), decode(&jwk.y)?.as_slice()].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &decode(&jwk.d)?, &point)
            .map_err(|_| refuse("is a JWK whose d, x and y do not belong together"))?;
        Self::new(pair, curve, key_id.or(jwk.kid.as_deref()))
    }

    fn new(pair: EcdsaKeyPair, curve: &Curve, key_id: Option<&str>) -> Result<Self> {
        let point = pair.public_key().as_ref();
        // Uncompressed: 4, x, y (SEC 1, 2.3.3).
        let (x, y) =
            point.get(1..).unwrap_or_default().split_at(curve.width.min(point.len().saturating_sub(1)));
        let mut public = json!({
            "kty": "EC",
            "crv": curve.name,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
            "use": "sig",
            "alg": curve.algorithm.as_str(),
        });
        let key_id = match key_id.map(str::trim) {
            Some("") => return Err(Error::new(ErrorKind::Config, "a key id may not be empty")),
            Some(id) => id.to_owned(),
            None => thumbprint(&public)?,
        };
        public["kid"] = key_id.as_str().into();
        Ok(Self { algorithm: curve.algorithm, key_id, public, pair })
    }
}

#[async_trait]
impl SigningKey for LocalKey {
    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn key_id(&self) -> &str {
        &self.key_id
    }

    fn public_jwk(&self) -> Value {
        self.public.clone()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.pair
            .sign(&SystemRandom::new(), message)
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| Error::new(ErrorKind::Secret, "the key did not sign"))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

struct Curve {
    name: &'static str,
    algorithm: KeyAlgorithm,
    signing: &'static EcdsaSigningAlgorithm,
    /// Bytes of a coordinate.
    width: usize,
}

static CURVES: [Curve; 2] = [
    Curve {
        name: "P-256",
        algorithm: KeyAlgorithm::Es256,
        signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
        width: 32,
    },
    Curve {
        name: "P-384",
        algorithm: KeyAlgorithm::Es384,
        signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
        width: 48,
    },
];

fn curve_of(algorithm: KeyAlgorithm) -> Option<&'static Curve> {
    CURVES.iter().find(|curve| curve.algorithm == algorithm)
}

fn unsupported(algorithm: KeyAlgorithm) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{algorithm} keys cannot be made here; ES256 and ES384 can"))
}

#[derive(Deserialize)]
struct PrivateJwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    d: String,
    kid: Option<String>,
    alg: Option<String>,
}

fn refuse(what: &str) -> Error {
    Error::new(ErrorKind::Secret, format!("the signing key {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with OpenSSL for these tests; they sign nothing else.
    const SEC1_P256: &str = include_str!("../tests/keys/p256-sec1.pem");
    const PKCS8_P256: &str = include_str!("../tests/keys/p256-pkcs8.pem");
    const SEC1_P384: &str = include_str!("../tests/keys/p384-sec1.pem");
    const ENCRYPTED: &str = include_str!("../tests/keys/p256-encrypted.pem");
    const PUBLIC: &str = include_str!("../tests/keys/p256-public.pem");
    const P521: &str = include_str!("../tests/keys/p521-pkcs8.pem");

    fn read(text: &str) -> Result<LocalKey> {
        LocalKey::from_pem_or_jwk(&text.into(), None)
    }

    #[test]
    fn both_pem_forms_and_the_jwk_are_the_same_key() {
        let pkcs8 = read(PKCS8_P256).unwrap();
        let sec1 = read(SEC1_P256).unwrap();
        let jwk = read(pkcs8.to_private_jwk().unwrap().expose_secret()).unwrap();
        let windows = read(&PKCS8_P256.replace('\n', "\r\n")).unwrap();
        for other in [&sec1, &jwk, &windows] {
            assert_eq!(pkcs8.public_jwk(), other.public_jwk());
        }
        assert_eq!(pkcs8.algorithm(), KeyAlgorithm::Es256);
        assert_eq!(read(SEC1_P384).unwrap().algorithm(), KeyAlgorithm::Es384);
    }

    #[test]
    fn the_public_jwk_can_be_published_as_it_is() {
        let key = read(PKCS8_P256).unwrap();
        let jwk = key.public_jwk();
        let members: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!((jwk["use"].as_str(), jwk["alg"].as_str()), (Some("sig"), Some("ES256")));
        assert_eq!(jwk["kid"].as_str(), Some(key.key_id()));
        assert_eq!(key.key_id().len(), 43, "a thumbprint");
        let named = LocalKey::from_pem_or_jwk(&PKCS8_P256.into(), Some("rp-1")).unwrap();
        assert_eq!((named.key_id(), named.public_jwk()["kid"].as_str()), ("rp-1", Some("rp-1")));
        let own = LocalKey::from_pem_or_jwk(&named.to_private_jwk().unwrap(), None).unwrap();
        assert_eq!(own.key_id(), "rp-1", "a JWK's own kid");
    }

    #[test]
    fn what_is_not_a_usable_key_is_named() {
        let jwk = read(PKCS8_P256).unwrap().to_private_jwk().unwrap();
        let change = |member: &str, value: Value| {
            let mut jwk: Value = serde_json::from_str(jwk.expose_secret()).unwrap();
            jwk[member] = value;
            jwk.to_string()
        };
        let other = read(SEC1_P384).unwrap().public_jwk();
        for (text, expected) in [
            ("", "neither PEM nor a JWK"),
            ("marker", "neither PEM nor a JWK"),
            (ENCRYPTED, "encrypted"),
            (PUBLIC, "public key"),
            (P521, "not a P-256 or P-384 key"),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "RSA"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not a P-256"),
            ("{\"kty\":\"EC\",\"d\":\"marker\"}", "not a private JWK"),
            (&change("crv", "P-384".into()), "alg"),
            (&change("crv", "secp256k1".into()), "not a P-256"),
            (&change("kty", "OKP".into()), "not a P-256"),
            (&change("d", "***".into()), "base64url"),
            (&change("x", other["x"].clone()), "do not belong together"),
            (&change("d", URL_SAFE_NO_PAD.encode([7; 32]).into()), "do not belong together"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Secret);
            assert!(error.message().contains(expected), "{error} for {text}");
            assert!(!format!("{error:?}").contains("marker"));
        }
        assert!(LocalKey::generate(KeyAlgorithm::Es256, Some(" ")).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let key = read(PKCS8_P256).unwrap();
        let text = format!("{key:?} {key:#?}");
        let jwk: Value = serde_json::from_str(key.to_private_jwk().unwrap().expose_secret()).unwrap();
        assert!(!text.contains(jwk["d"].as_str().unwrap()) && text.contains(key.key_id()), "{text}");
    }
}
