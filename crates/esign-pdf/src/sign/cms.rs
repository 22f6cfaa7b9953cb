//! Cryptographic messages (RFC 5652) with one signer, as CAdES and timestamps need them.

use aws_lc_rs::digest::{self, SHA256, SHA384, digest};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SigningKey};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, DERWriterSet, Tag};

use super::SignError;

pub(super) const DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 1];
const SIGNED_DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 2];
const CONTENT_TYPE: &[u64] = &[1, 2, 840, 113_549, 1, 9, 3];
const MESSAGE_DIGEST: &[u64] = &[1, 2, 840, 113_549, 1, 9, 4];
const SIGNING_CERTIFICATE_V2: &[u64] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 47];
const SIGNATURE_TIMESTAMP: &[u64] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 14];
const ECDSA_WITH_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
const ECDSA_WITH_SHA384: &[u64] = &[1, 2, 840, 10045, 4, 3, 3];
const SHA256_WITH_RSA: &[u64] = &[1, 2, 840, 113_549, 1, 1, 11];
const SHA_256: &[u64] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
const SHA_384: &[u64] = &[2, 16, 840, 1, 101, 3, 4, 2, 2];

/// Who signs: a key and its certificates, the signer's first.
#[derive(Clone, Copy)]
pub(super) struct Signer<'a> {
    pub(super) key: &'a KeyPair,
    pub(super) chain: &'a [Vec<u8>],
}

impl Signer<'_> {
    pub(super) fn scheme(&self) -> Scheme {
        let algorithm = self.key.algorithm();
        if *algorithm == PKCS_ECDSA_P256_SHA256 {
            Scheme { digest: &SHA256, digest_oid: SHA_256, oid: ECDSA_WITH_SHA256, is_rsa: false }
        } else if *algorithm == PKCS_ECDSA_P384_SHA384 {
            Scheme { digest: &SHA384, digest_oid: SHA_384, oid: ECDSA_WITH_SHA384, is_rsa: false }
        } else {
            // The keys that are made here are of these three kinds.
            Scheme { digest: &SHA256, digest_oid: SHA_256, oid: SHA256_WITH_RSA, is_rsa: true }
        }
    }
}

/// A signature algorithm and the digest that goes with it.
#[derive(Clone, Copy)]
pub(super) struct Scheme {
    /// Of the content as well as of the signed attributes.
    pub(super) digest: &'static digest::Algorithm,
    digest_oid: &'static [u64],
    oid: &'static [u64],
    is_rsa: bool,
}

impl Scheme {
    /// RFC 5754, 2: parameters absent.
    pub(super) fn write_digest(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|w| write_oid(w.next(), self.digest_oid));
    }

    /// RFC 5754, 3: parameters absent for ECDSA, null for RSA.
    fn write(&self, writer: DERWriter<'_>) {
        writer.write_sequence(|w| {
            write_oid(w.next(), self.oid);
            if self.is_rsa {
                w.next().write_null();
            }
        });
    }
}

/// A signature over some content, not yet wrapped into a message, so that it can be timestamped first.
pub(super) struct Signature<'a> {
    signer: Signer<'a>,
    content_type: &'static [u64],
    /// `SignedAttributes` as a DER `SET OF`, which is what was signed (RFC 5652, 5.4).
    attributes: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Signs content by its digest, made with the signer's [`Scheme`]. The signed attributes are the three that CAdES needs and no more: content type,
/// message digest, signing certificate. The signing time of a PDF signature stands in its dictionary instead
/// (ETSI EN 319 142-1, 5.3).
pub(super) fn sign<'a>(
    signer: Signer<'a>,
    content_type: &'static [u64],
    content_digest: &[u8],
) -> Result<Signature<'a>, SignError> {
    let certificate = signer.chain.first().ok_or_else(SignError::no_certificate)?;
    let certificate_digest = digest(&SHA256, certificate);
    let attributes = yasna::construct_der(|w| {
        w.write_set_of(|set| {
            attribute(set, CONTENT_TYPE, |w| write_oid(w, content_type));
            attribute(set, MESSAGE_DIGEST, |w| w.write_bytes(content_digest));
            attribute(set, SIGNING_CERTIFICATE_V2, |w| signing_certificate(w, certificate_digest.as_ref()));
        });
    });
    let value = signer.key.sign(&attributes)?;
    Ok(Signature { signer, content_type, attributes, value })
}

impl Signature<'_> {
    /// The whole message in DER: with the content inside or detached from it, with a timestamp of the signature value
    /// or without one.
    pub(super) fn into_message(
        self,
        content: Option<&[u8]>,
        timestamp: Option<&[u8]>,
    ) -> Result<Vec<u8>, SignError> {
        let certificate = self.signer.chain.first().ok_or_else(SignError::no_certificate)?;
        let issuer_and_serial = issuer_and_serial(certificate)?;
        // RFC 5652, 5.1: version 3 as soon as the content is anything but data.
        let version = if self.content_type == DATA { 1 } else { 3 };
        Ok(yasna::construct_der(|w| {
            content_info(w, SIGNED_DATA, |w| {
                w.write_sequence(|w| {
                    w.next().write_u8(version);
                    w.next().write_set_of(|set| self.signer.scheme().write_digest(set.next()));
                    w.next().write_sequence(|w| {
                        write_oid(w.next(), self.content_type);
                        if let Some(content) = content {
                            w.next().write_tagged(Tag::context(0), |w| w.write_bytes(content));
                        }
                    });
                    w.next().write_tagged_implicit(Tag::context(0), |w| {
                        w.write_set_of(|set| {
                            for certificate in self.signer.chain {
                                set.next().write_der(certificate);
                            }
                        });
                    });
                    w.next().write_set_of(|set| self.signer_info(set.next(), &issuer_and_serial, timestamp));
                });
            });
        }))
    }

    fn signer_info(&self, writer: DERWriter<'_>, issuer_and_serial: &[u8], timestamp: Option<&[u8]>) {
        writer.write_sequence(|w| {
            w.next().write_u8(1);
            w.next().write_der(issuer_and_serial);
            self.signer.scheme().write_digest(w.next());
            w.next().write_der(&implicit_set(&self.attributes));
            self.signer.scheme().write(w.next());
            w.next().write_bytes(&self.value);
            if let Some(token) = timestamp {
                w.next().write_tagged_implicit(Tag::context(1), |w| {
                    w.write_set_of(|set| attribute(set, SIGNATURE_TIMESTAMP, |w| w.write_der(token)));
                });
            }
        });
    }
}

pub(super) fn write_oid(writer: DERWriter<'_>, oid: &[u64]) {
    writer.write_oid(&ObjectIdentifier::from_slice(oid));
}

fn content_info(writer: DERWriter<'_>, oid: &[u64], content: impl FnOnce(DERWriter<'_>)) {
    writer.write_sequence(|w| {
        write_oid(w.next(), oid);
        w.next().write_tagged(Tag::context(0), content);
    });
}

fn attribute(set: &mut DERWriterSet<'_>, oid: &[u64], value: impl FnOnce(DERWriter<'_>)) {
    set.next().write_sequence(|w| {
        write_oid(w.next(), oid);
        w.next().write_set(|set| value(set.next()));
    });
}

/// `SigningCertificateV2` (RFC 5035, 3) naming one certificate by its SHA-256 digest, the default algorithm.
fn signing_certificate(writer: DERWriter<'_>, certificate_digest: &[u8]) {
    writer.write_sequence(|w| {
        w.next().write_sequence(|certificates| {
            certificates
                .next()
                .write_sequence(|certificate| certificate.next().write_bytes(certificate_digest));
        });
    });
}

/// The attributes as they stand in the message: the same bytes under the tag `[0] IMPLICIT` (RFC 5652, 5.4).
fn implicit_set(set: &[u8]) -> Vec<u8> {
    let mut tagged = set.to_vec();
    if let Some(tag) = tagged.first_mut() {
        *tag = 0xA0;
    }
    tagged
}

/// `IssuerAndSerialNumber` (RFC 5652, 10.2.4).
fn issuer_and_serial(certificate: &[u8]) -> Result<Vec<u8>, SignError> {
    let (serial, issuer) = serial_and_issuer(certificate)?;
    Ok(yasna::construct_der(|w| {
        w.write_sequence(|w| {
            w.next().write_der(&issuer);
            w.next().write_der(&serial);
        });
    }))
}

/// Serial number and issuer of a certificate made here, each byte for byte as it is written there.
pub(super) fn serial_and_issuer(certificate: &[u8]) -> Result<(Vec<u8>, Vec<u8>), SignError> {
    let names = yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let names = certificate.next().read_sequence(|tbs| {
                tbs.next().read_der()?; // version, always present: rcgen writes version 3
                let serial = tbs.next().read_der()?;
                tbs.next().read_der()?; // signature algorithm
                let issuer = tbs.next().read_der()?;
                while tbs.read_optional(|field| field.read_der().map(drop))?.is_some() {}
                Ok((serial, issuer))
            })?;
            certificate.next().read_der()?;
            certificate.next().read_der()?;
            Ok(names)
        })
    });
    names.map_err(|error| SignError::Certificate(format!("{error:?}")))
}
