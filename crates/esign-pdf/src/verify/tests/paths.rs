//! Certificates that lead to a root and still must not be trusted for this.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use time::OffsetDateTime;

use super::now;
use crate::trust::{Purpose, Roots, Untrusted};
use crate::x509::Certificate;

fn params(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
    let at = |seconds| OffsetDateTime::from_unix_timestamp(now().as_second() + seconds).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    (params.not_before, params.not_after) = (at(-60), at(60));
    params.key_usages = usages.to_vec();
    params
}

fn ca(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
    let mut params = params(name, usages);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// The outcome for root, intermediate and leaf with these key usages.
fn path(
    ca_usage: &[KeyUsagePurpose],
    leaf_usage: &[KeyUsagePurpose],
    purposes: Vec<ExtendedKeyUsagePurpose>,
    purpose: Purpose,
    seconds: i64,
) -> Result<usize, Untrusted> {
    let root = CertifiedIssuer::self_signed(ca("root", &[KeyUsagePurpose::KeyCertSign]), key()).unwrap();
    let between = CertifiedIssuer::signed_by(ca("between", ca_usage), key(), &root).unwrap();
    let mut leaf = params("leaf", leaf_usage);
    leaf.extended_key_usages = purposes;
    let leaf = leaf.signed_by(&key(), &between).unwrap();
    let root = [root.der().to_vec()];
    let (leaf, between) =
        (Certificate::parse(leaf.der()).unwrap(), Certificate::parse(between.der()).unwrap());
    let at = jiff::Timestamp::from_second(now().as_second() + seconds).unwrap();
    Roots::new(&root, &[]).unwrap().path(&leaf, &[between], at, purpose).map(|path| path.len())
}

#[test]
fn key_usage_purpose_and_time_decide() {
    use KeyUsagePurpose::{ContentCommitment, CrlSign, DigitalSignature, KeyAgreement, KeyCertSign};
    let stamping = || vec![ExtendedKeyUsagePurpose::TimeStamping];
    let mail = || vec![ExtendedKeyUsagePurpose::EmailProtection];
    let (signing, timestamping) = (Purpose::Signing, Purpose::Timestamping);
    let no_path = |reason| Err(Untrusted::NoPath(reason));
    let usage = "the certificate's key usage does not allow signing";
    let kind = "the certificate is not one for timestamps";
    let rule = "the certificate chain breaks a rule of RFC 5280";
    let expired = Err(Untrusted::Expired("the certificate or one above it is not valid at that time"));

    assert_eq!(path(&[KeyCertSign], &[DigitalSignature], vec![], signing, 0), Ok(3));
    assert_eq!(path(&[KeyCertSign], &[ContentCommitment], mail(), signing, 0), Ok(3));
    assert_eq!(path(&[KeyCertSign], &[], vec![], signing, 0), Ok(3), "no restriction");
    assert_eq!(path(&[KeyCertSign], &[KeyAgreement], vec![], signing, 0), no_path(usage));
    assert_eq!(path(&[CrlSign], &[DigitalSignature], vec![], signing, 0), no_path(rule));
    assert_eq!(path(&[KeyCertSign], &[DigitalSignature], stamping(), timestamping, 0), Ok(3));
    assert_eq!(path(&[KeyCertSign], &[DigitalSignature], vec![], timestamping, 0), no_path(kind));
    assert_eq!(path(&[KeyCertSign], &[DigitalSignature], mail(), timestamping, 0), no_path(kind));
    assert_eq!(path(&[KeyCertSign], &[DigitalSignature], vec![], signing, 61), expired);
    assert_eq!(path(&[KeyCertSign], &[DigitalSignature], vec![], signing, -61), expired);
}

#[test]
fn roots_come_from_pem() {
    let root = CertifiedIssuer::self_signed(ca("root", &[KeyUsagePurpose::KeyCertSign]), key()).unwrap();
    let text = format!("words before\n{}{}words after", root.pem(), key().serialize_pem());
    assert_eq!(crate::roots_from_pem(text.as_bytes()), Ok(vec![root.der().to_vec()]));
    for pem in ["", "words", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(crate::roots_from_pem(pem.as_bytes()), Err(crate::PdfError::BadRoots(_))), "{pem}");
    }
}
