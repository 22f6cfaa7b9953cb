//! Digest and signature algorithms by object identifier, computed by aws-lc-rs.

use std::borrow::Cow;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPssSaltLength, VerificationAlgorithm};

use crate::cms::{Reason, element};
use crate::der::{self, Reader, Tlv};
use crate::oid;

/// The digest algorithm of an object identifier. SHA-1 is known only so that old certificate references can be
/// compared; no signature with it verifies.
pub(crate) fn digest_by_oid(oid: &[u8]) -> Option<&'static digest::Algorithm> {
    match oid {
        oid::SHA1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        oid::SHA256 => Some(&digest::SHA256),
        oid::SHA384 => Some(&digest::SHA384),
        oid::SHA512 => Some(&digest::SHA512),
        _ => None,
    }
}

/// The digest of several pieces as if they were one.
pub(crate) fn digest(algorithm: &'static digest::Algorithm, pieces: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(algorithm);
    for piece in pieces {
        context.update(piece);
    }
    context.finish().as_ref().to_vec()
}

/// Why a signature value does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureFault {
    /// The algorithm, or the key for it, is too weak, contradictory or unknown here: it may hold, but nothing is known.
    Unsupported(Reason),
    /// The value does not belong to these bytes and this key.
    Wrong,
}

/// Verifies `signature` over `message`.
///
/// `key` is a `SubjectPublicKeyInfo`, `algorithm` an `AlgorithmIdentifier`; `digest` is the digest algorithm that is
/// named beside it, if there is one, and must then agree.
pub(crate) fn verify(
    key: Tlv<'_>,
    algorithm: Tlv<'_>,
    digest: Option<&[u8]>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    const UNUSABLE: Reason = "the cryptographic library of this verifier cannot use the key";
    let (algorithm, key) = choose(key, algorithm, digest).map_err(SignatureFault::Unsupported)?;
    let key = ParsedPublicKey::new(algorithm, key).map_err(|_| SignatureFault::Unsupported(UNUSABLE))?;
    key.verify_sig(message, signature).map_err(|_| SignatureFault::Wrong)
}

const UNKNOWN: Reason = "this verifier does not know the signature algorithm or the kind of key";
const WEAK_DIGEST: Reason = "the signature is made with SHA-1 or MD5, which are broken";
const WEAK_KEY: Reason = "the RSA key has fewer than 2048 bits, which is too weak";
const CONTRADICTION: Reason = "the signature names two digest algorithms that contradict each other";

/// Why a digest algorithm is none that a signature may rest on; `None` if it is one.
pub(crate) fn digest_fault(oid: &[u8]) -> Option<Reason> {
    match oid {
        oid::SHA256 | oid::SHA384 | oid::SHA512 => None,
        oid::SHA1 | oid::MD5 => Some(WEAK_DIGEST),
        _ => Some("this verifier does not know the digest algorithm"),
    }
}

fn choose<'a>(
    key: Tlv<'a>,
    algorithm: Tlv<'_>,
    named: Option<&[u8]>,
) -> Result<(&'static dyn VerificationAlgorithm, Cow<'a, [u8]>), Reason> {
    let (key_type, bits) = parts(key).ok_or(UNKNOWN)?;
    let (mut key_type, mut parameters) = (key_type.children(), algorithm.children());
    let (key_oid, algorithm) = (key_type.oid().ok_or(UNKNOWN)?, parameters.oid().ok_or(UNKNOWN)?);
    let implied = match algorithm {
        oid::RSA_SHA256 | oid::ECDSA_SHA256 => Some(oid::SHA256),
        oid::RSA_SHA384 | oid::ECDSA_SHA384 => Some(oid::SHA384),
        oid::RSA_SHA512 | oid::ECDSA_SHA512 => Some(oid::SHA512),
        oid::RSA_SHA1 | oid::RSA_MD5 | oid::ECDSA_SHA1 => return Err(WEAK_DIGEST),
        oid::RSA_PSS => Some(pss_parameters(parameters).ok_or(UNKNOWN)?.0),
        _ => None,
    };
    let digest = agree(named, implied)?;
    let chosen: &'static dyn VerificationAlgorithm = match (key_oid, algorithm) {
        (oid::RSA | oid::RSA_PSS, _) if modulus_bits(bits).is_none_or(|bits| bits < SHORTEST) => {
            return Err(WEAK_KEY);
        }
        (oid::RSA, oid::RSA | oid::RSA_SHA256 | oid::RSA_SHA384 | oid::RSA_SHA512) => rsa_pkcs1(digest),
        (oid::RSA | oid::RSA_PSS, oid::RSA_PSS) => rsa_pss(pss_parameters(parameters).ok_or(UNKNOWN)?, bits),
        (
            oid::EC_PUBLIC_KEY,
            oid::EC_PUBLIC_KEY | oid::ECDSA_SHA256 | oid::ECDSA_SHA384 | oid::ECDSA_SHA512,
        ) => ecdsa(key_type.oid().ok_or(UNKNOWN)?, digest),
        (oid::ED25519, oid::ED25519) => Some(&signature::ED25519 as &dyn VerificationAlgorithm),
        _ => None,
    }
    .ok_or_else(|| digest_fault(digest).unwrap_or(UNKNOWN))?;
    let is_rsa = matches!(key_oid, oid::RSA | oid::RSA_PSS);
    Ok((chosen, if is_rsa { unsigned(bits) } else { Cow::Borrowed(bits) }))
}

/// The algorithm and the bits of a `SubjectPublicKeyInfo`.
fn parts(key: Tlv<'_>) -> Option<(Tlv<'_>, &[u8])> {
    let mut key = key.children();
    Some((key.take(der::SEQUENCE)?, key.take(der::BIT_STRING)?.bits()?))
}

/// The digest that the algorithm implies, and that is named beside it: at least one, and the same.
fn agree<'a>(named: Option<&'a [u8]>, implied: Option<&'a [u8]>) -> Result<&'a [u8], Reason> {
    match (named, implied) {
        (Some(named), Some(implied)) if named != implied => Err(CONTRADICTION),
        (_, Some(digest)) | (Some(digest), None) => Ok(digest),
        // Ed25519 needs none.
        (None, None) => Ok(&[]),
    }
}

/// Shorter RSA keys are too weak.
const SHORTEST: usize = 2048;

/// The size of an `RSAPublicKey` (RFC 8017, A.1.1).
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let modulus = Reader::new(key).take(der::SEQUENCE)?.children().take(der::INTEGER)?.content;
    let zeroes = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeroes)?;
    Some((modulus.len() - zeroes) * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

/// An `RSAPublicKey` whose numbers are not negative. Some cards left out the zero byte before a first bit that is set
/// (X.690, 8.3.3 wants it); the number that is meant is the one without a sign, and other verifiers read it so.
fn unsigned(key: &[u8]) -> Cow<'_, [u8]> {
    let numbers = || {
        let mut fields = Reader::new(key).take(der::SEQUENCE)?.children();
        let numbers = [fields.take(der::INTEGER)?.content, fields.take(der::INTEGER)?.content];
        fields.is_empty().then_some(numbers)
    };
    let is_negative = |number: &[u8]| number.first().is_some_and(|first| *first >= 0x80);
    match numbers() {
        Some(numbers) if numbers.iter().any(|number| is_negative(number)) => {
            let positive = |number: &[u8]| {
                let sign: &[u8] = if is_negative(number) { &[0] } else { &[] };
                element(der::INTEGER, &[sign, number].concat())
            };
            Cow::Owned(element(der::SEQUENCE, &numbers.map(positive).concat()))
        }
        _ => Cow::Borrowed(key),
    }
}

fn rsa_pkcs1(digest: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match digest {
        oid::SHA256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        oid::SHA384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        oid::SHA512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

fn rsa_pss((digest, salt): (&[u8], usize), key: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    use signature::{RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512};
    const MAX: RsaPssSaltLength = RsaPssSaltLength::Max;
    let hash_length = digest_by_oid(digest)?.output_len();
    // RFC 8017, 9.1.1; an encoded message has one bit less than the modulus.
    let longest = (modulus_bits(key)? + 6) / 8 - hash_length - 2;
    Some(match (digest, salt) {
        (oid::SHA256, salt) if salt == hash_length => &RSA_PSS_2048_8192_SHA256,
        (oid::SHA384, salt) if salt == hash_length => &RSA_PSS_2048_8192_SHA384,
        (oid::SHA512, salt) if salt == hash_length => &RSA_PSS_2048_8192_SHA512,
        (oid::SHA256, salt) if salt == longest => {
            &const { RSA_PSS_2048_8192_SHA256.with_pss_salt_length(MAX) }
        }
        (oid::SHA384, salt) if salt == longest => {
            &const { RSA_PSS_2048_8192_SHA384.with_pss_salt_length(MAX) }
        }
        (oid::SHA512, salt) if salt == longest => {
            &const { RSA_PSS_2048_8192_SHA512.with_pss_salt_length(MAX) }
        }
        _ => return None,
    })
}

fn ecdsa(curve: &[u8], digest: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, digest) {
        (oid::P256, oid::SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (oid::P256, oid::SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (oid::P256, oid::SHA512) => &signature::ECDSA_P256_SHA512_ASN1,
        (oid::P384, oid::SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (oid::P384, oid::SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (oid::P384, oid::SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
        (oid::P521, oid::SHA256) => &signature::ECDSA_P521_SHA256_ASN1,
        (oid::P521, oid::SHA384) => &signature::ECDSA_P521_SHA384_ASN1,
        (oid::P521, oid::SHA512) => &signature::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

/// Digest and salt length of `RSASSA-PSS-params` (RFC 4055, 3.1): one digest for both uses; the SHA-1 default is not
/// accepted.
fn pss_parameters(mut algorithm: Reader<'_>) -> Option<(&[u8], usize)> {
    let mut parameters = algorithm.take(der::SEQUENCE)?.children();
    let hash = parameters.take(der::explicit(0))?.children().take(der::SEQUENCE)?.children().oid()?;
    let mut mask = parameters.take(der::explicit(1))?.children().take(der::SEQUENCE)?.children();
    (mask.oid()? == oid::MGF1).then_some(())?;
    (mask.take(der::SEQUENCE)?.children().oid()? == hash).then_some(())?;
    let salt = parameters.take(der::explicit(2))?.children().small()?;
    Some((hash, usize::try_from(salt).ok()?))
}
