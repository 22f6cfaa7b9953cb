//! An OCSP response (RFC 6960) from the authority itself that a certificate has not been revoked.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rcgen::{KeyPair, SigningKey};
use yasna::models::GeneralizedTime;
use yasna::{DERWriter, Tag};

use super::SignError;
use super::cms::{serial_and_issuer, write_oid};

const BASIC_RESPONSE: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const SHA_1: &[u64] = &[1, 3, 14, 3, 2, 26];
const ECDSA_WITH_SHA384: &[u64] = &[1, 2, 840, 10045, 4, 3, 3];

/// The period that a response speaks of.
pub(super) struct Period {
    pub(super) this_update: GeneralizedTime,
    pub(super) next_update: GeneralizedTime,
}

/// Says that the certificate is good, signed with its issuer's P-384 key.
pub(super) fn good(certificate: &[u8], issuer_key: &KeyPair, period: &Period) -> Result<Vec<u8>, SignError> {
    let (serial, issuer) = serial_and_issuer(certificate)?;
    let data = yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_tagged(Tag::context(1), |w| w.write_der(&issuer));
            w.next().write_generalized_time(&period.this_update);
            w.next().write_sequence(|responses| {
                responses.next().write_sequence(|w| {
                    certificate_id(w.next(), &serial, &issuer, issuer_key);
                    w.next().write_tagged_implicit(Tag::context(0), |w| {
                        w.write_null();
                    });
                    w.next().write_generalized_time(&period.this_update);
                    let next = |w: DERWriter<'_>| w.write_generalized_time(&period.next_update);
                    w.next().write_tagged(Tag::context(0), next);
                });
            });
        });
    });
    let signature = issuer_key.sign(&data)?;
    let basic = yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_der(&data);
            w.next().write_sequence(|w| write_oid(w.next(), ECDSA_WITH_SHA384));
            w.next().write_bitvec_bytes(&signature, signature.len() * 8);
        });
    });
    Ok(yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_enum(0); // successful
            w.next().write_tagged(Tag::context(0), |w| {
                w.write_sequence(|w| {
                    write_oid(w.next(), BASIC_RESPONSE);
                    w.next().write_bytes(&basic);
                });
            });
        });
    }))
}

/// `CertID`; SHA-1 only names the issuer here and is what readers expect (RFC 6960, 4.3).
fn certificate_id(writer: DERWriter<'_>, serial: &[u8], issuer: &[u8], issuer_key: &KeyPair) {
    let sha1 = |bytes: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    writer.write_sequence(|w| {
        w.next().write_sequence(|w| {
            write_oid(w.next(), SHA_1);
            w.next().write_null();
        });
        w.next().write_bytes(sha1(issuer).as_ref());
        w.next().write_bytes(sha1(issuer_key.public_key_raw()).as_ref());
        w.next().write_der(serial);
    });
}
