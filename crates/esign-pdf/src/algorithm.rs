//! Digest and signature algorithms by object identifier, computed by aws-lc-rs.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, RsaPssSaltLength, UnparsedPublicKey, VerificationAlgorithm};

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
    /// The algorithm, or the key for it, is unknown, weak or contradictory.
    Unsupported,
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
    let (algorithm, key) = choose(key, algorithm, digest).ok_or(SignatureFault::Unsupported)?;
    UnparsedPublicKey::new(algorithm, key).verify(message, signature).map_err(|_| SignatureFault::Wrong)
}

fn choose<'a>(
    key: Tlv<'a>,
    algorithm: Tlv<'_>,
    named: Option<&[u8]>,
) -> Option<(&'static dyn VerificationAlgorithm, &'a [u8])> {
    let mut key = key.children();
    let mut key_type = key.take(der::SEQUENCE)?.children();
    let bits = key.take(der::BIT_STRING)?.bits()?;
    let key_oid = key_type.oid()?;
    let mut parameters = algorithm.children();
    let chosen: &'static dyn VerificationAlgorithm = match (key_oid, parameters.oid()?) {
        (oid::RSA | oid::RSA_PSS, _) if modulus_bits(bits).is_none() => return None,
        (oid::RSA, oid::RSA) => rsa_pkcs1(named?)?,
        (oid::RSA, oid::RSA_SHA256) => rsa_pkcs1(agree(named, oid::SHA256)?)?,
        (oid::RSA, oid::RSA_SHA384) => rsa_pkcs1(agree(named, oid::SHA384)?)?,
        (oid::RSA, oid::RSA_SHA512) => rsa_pkcs1(agree(named, oid::SHA512)?)?,
        (oid::RSA | oid::RSA_PSS, oid::RSA_PSS) => rsa_pss(pss_parameters(parameters)?, named, bits)?,
        (oid::EC_PUBLIC_KEY, oid::EC_PUBLIC_KEY) => ecdsa(key_type.oid()?, named?)?,
        (oid::EC_PUBLIC_KEY, oid::ECDSA_SHA256) => ecdsa(key_type.oid()?, agree(named, oid::SHA256)?)?,
        (oid::EC_PUBLIC_KEY, oid::ECDSA_SHA384) => ecdsa(key_type.oid()?, agree(named, oid::SHA384)?)?,
        (oid::EC_PUBLIC_KEY, oid::ECDSA_SHA512) => ecdsa(key_type.oid()?, agree(named, oid::SHA512)?)?,
        (oid::ED25519, oid::ED25519) => &signature::ED25519,
        _ => return None,
    };
    Some((chosen, bits))
}

/// The digest that the algorithm implies, unless another one is named beside it.
fn agree<'a>(named: Option<&[u8]>, implied: &'a [u8]) -> Option<&'a [u8]> {
    named.is_none_or(|named| named == implied).then_some(implied)
}

/// The size of an `RSAPublicKey` (RFC 8017, A.1.1), if it is long enough to be trusted.
fn modulus_bits(key: &[u8]) -> Option<usize> {
    const SHORTEST: usize = 2048;
    let modulus = Reader::new(key).take(der::SEQUENCE)?.children().take(der::INTEGER)?.content;
    let zeroes = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeroes)?;
    let bits = (modulus.len() - zeroes) * 8 - usize::try_from(first.leading_zeros()).ok()?;
    (bits >= SHORTEST).then_some(bits)
}

fn rsa_pkcs1(digest: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match digest {
        oid::SHA256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        oid::SHA384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        oid::SHA512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

fn rsa_pss(
    (digest, salt): (&[u8], usize),
    named: Option<&[u8]>,
    key: &[u8],
) -> Option<&'static dyn VerificationAlgorithm> {
    use signature::{RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512};
    const MAX: RsaPssSaltLength = RsaPssSaltLength::Max;
    let hash_length = digest_by_oid(digest)?.output_len();
    // RFC 8017, 9.1.1; an encoded message has one bit less than the modulus.
    let longest = (modulus_bits(key)? + 6) / 8 - hash_length - 2;
    Some(match (agree(named, digest)?, salt) {
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
