//! Certificates that lead to a root and still must not be trusted for this.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use time::OffsetDateTime;

use super::now;
use crate::Limits;
use crate::limits::Work;
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
    let work = Work::new(&Limits::default());
    Roots::new(&root, &[]).unwrap().path(&leaf, &[between], at, purpose, &work).map(|path| path.len())
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

/// Authorities of one name that all vouch for each other: the ways through them cannot be counted.
#[test]
fn certificates_that_vouch_for_each_other_end_the_search() {
    const COUNT: usize = 12;
    let signs = [KeyUsagePurpose::KeyCertSign];
    let issuer = |name: &str| CertifiedIssuer::self_signed(ca(name, &signs), key()).unwrap();
    let mesh: Vec<_> = (0..COUNT).map(|_| issuer("mesh")).collect();
    let crossed = |above: &CertifiedIssuer<'_, KeyPair>| {
        mesh.iter().map(|below| ca("mesh", &signs).signed_by(below.key(), above).unwrap()).collect::<Vec<_>>()
    };
    let others: Vec<_> = mesh.iter().flat_map(crossed).collect();
    let leaf = params("leaf", &[KeyUsagePurpose::DigitalSignature]).signed_by(&key(), &mesh[0]).unwrap();
    let leaf = Certificate::parse(leaf.der()).unwrap();

    let root = issuer("root");
    let way_out = ca("mesh", &signs).signed_by(mesh[0].key(), &root).unwrap();
    let roots = [root.der().to_vec()];
    let roots = Roots::new(&roots, &[]).unwrap();
    let path = |others: &[rcgen::Certificate], limits: &Limits| {
        let others: Vec<_> = others.iter().map(|other| Certificate::parse(other.der()).unwrap()).collect();
        let work = Work::new(limits);
        let path = roots.path(&leaf, &others, now(), Purpose::Signing, &work).map(|path| path.len());
        (path, work.check().is_ok())
    };
    let none = Err(Untrusted::NoPath("no chain leads from the certificate to a configured root"));
    let thousand = Limits { max_checked: 1000 * Work::SIGNATURE, ..Limits::default() };
    assert_eq!(path(&others, &thousand), (none, true), "ends by itself");
    let few = Limits { max_checked: 20 * Work::SIGNATURE, ..Limits::default() };
    assert_eq!(path(&others, &few), (none, false), "what it costs is counted");
    let found: Vec<_> = [way_out].into_iter().chain(others).collect();
    assert_eq!(path(&found, &thousand), (Ok(3), true), "a short way is found in spite of them");
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
