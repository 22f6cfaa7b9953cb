//! Certificates that lead to a root and still must not be trusted for this.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize, SigningKey,
};
use time::OffsetDateTime;

use super::now;
use crate::Limits;
use crate::algorithm::{self, SignatureFault};
use crate::cms::element;
use crate::limits::Work;
use crate::trust::{Purpose, Roots, Untrusted};
use crate::x509::Certificate;
use crate::{der, oid};

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
    let no_path = |reason: &'static str| Err(Untrusted::NoPath(reason.into()));
    let usage = "the certificate's key usage does not allow signing";
    let kind = "the certificate is not one for timestamps";
    let rule = "a certificate in the chain may not issue certificates";
    let expired = Err(Untrusted::Expired);

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

/// Root, authority and leaf with further extensions, each of which is critical.
fn extended(
    root: &[(&[u8], Vec<u8>)],
    between: &[(&[u8], Vec<u8>)],
    leaf: &[(&[u8], Vec<u8>)],
) -> Result<usize, Untrusted> {
    let signs = [KeyUsagePurpose::KeyCertSign];
    let add = |mut params: CertificateParams, extensions: &[(&[u8], Vec<u8>)]| {
        params.custom_extensions = extensions.iter().map(|(oid, content)| critical(oid, content)).collect();
        params
    };
    let root = CertifiedIssuer::self_signed(add(ca("root", &signs), root), key()).unwrap();
    let between = CertifiedIssuer::signed_by(add(ca("between", &signs), between), key(), &root).unwrap();
    let leaf =
        add(params("leaf", &[KeyUsagePurpose::DigitalSignature]), leaf).signed_by(&key(), &between).unwrap();
    let root = [root.der().to_vec()];
    let (leaf, between) =
        (Certificate::parse(leaf.der()).unwrap(), Certificate::parse(between.der()).unwrap());
    let work = Work::new(&Limits::default());
    let roots = Roots::new(&root, &[]).unwrap();
    roots.path(&leaf, &[between], now(), Purpose::Signing, &work).map(|path| path.len())
}

fn critical(oid: &[u8], content: &[u8]) -> CustomExtension {
    let arcs: Vec<u64> = oid::dotted(oid).split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut extension = CustomExtension::from_oid_content(&arcs, content.to_vec());
    extension.set_criticality(true);
    extension
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(der::SEQUENCE, &parts.concat())
}

const ONE: &[u8] = &[42, 3, 4];
const TWO: &[u8] = &[42, 3, 5];

fn policies(oids: &[&[u8]]) -> (&'static [u8], Vec<u8>) {
    let stated: Vec<_> = oids.iter().map(|oid| sequence(&[element(der::OID, oid)])).collect();
    (oid::CERTIFICATE_POLICIES, sequence(&stated))
}

/// RFC 5280, 6.1: an authority may demand that what stands below it is under a policy that it knows.
#[test]
fn policies_are_followed_where_an_authority_demands_it() {
    let demand = |after: u8| (oid::POLICY_CONSTRAINTS, sequence(&[element(der::implicit(0), &[after])]));
    let no_mapping = || {
        (
            oid::POLICY_CONSTRAINTS,
            sequence(&[element(der::implicit(0), &[0]), element(der::implicit(1), &[0])]),
        )
    };
    let inhibit = || (oid::INHIBIT_ANY_POLICY, element(der::INTEGER, &[0]));
    let maps =
        || (oid::POLICY_MAPPINGS, sequence(&[sequence(&[element(der::OID, ONE), element(der::OID, TWO)])]));
    let any: &[u8] = oid::ANY_POLICY;
    for (between, leaf, stands) in [
        (vec![], vec![], true),
        (vec![policies(&[ONE])], vec![policies(&[TWO])], true),
        (vec![policies(&[ONE]), demand(0)], vec![policies(&[ONE])], true),
        (vec![policies(&[ONE]), demand(0)], vec![policies(&[TWO])], false),
        (vec![policies(&[ONE]), demand(0)], vec![], false),
        (vec![demand(0)], vec![policies(&[ONE])], false),
        (vec![policies(&[any]), demand(0)], vec![policies(&[ONE])], true),
        (vec![policies(&[ONE]), demand(0)], vec![policies(&[any])], true),
        (vec![policies(&[ONE]), demand(0), inhibit()], vec![policies(&[any])], false),
        (vec![policies(&[ONE]), demand(1)], vec![policies(&[TWO])], false),
        (vec![policies(&[ONE]), demand(2)], vec![policies(&[TWO])], true),
        (vec![policies(&[ONE]), demand(0), maps()], vec![policies(&[TWO])], true),
        (vec![policies(&[ONE]), demand(0), maps()], vec![policies(&[ONE])], false),
        (vec![policies(&[ONE]), no_mapping()], vec![policies(&[ONE])], true),
        (vec![policies(&[ONE]), demand(5)], vec![demand(0), policies(&[TWO])], false),
    ] {
        let path = extended(&[], &between, &leaf);
        assert_eq!(path.is_ok(), stands, "{between:?} {leaf:?}: {path:?}");
    }
}

#[test]
fn what_is_critical_and_known_stands_and_what_is_not_known_is_a_limit_of_ours() {
    let statements = || (oid::QC_STATEMENTS, sequence(&[]));
    assert_eq!(extended(&[], &[], &[statements()]), Ok(3));
    let unknown: &[u8] = &[42, 3, 6];
    for (between, leaf) in [(vec![(unknown, vec![5, 0])], vec![]), (vec![], vec![(unknown, vec![5, 0])])] {
        let limit = extended(&[], &between, &leaf);
        let Err(Untrusted::Limit(reason)) = limit else { panic!("{limit:?}") };
        assert!(reason.contains("critical extension 1.2.3.6"), "{reason}");
    }
    let twice = extended(&[], &[], &[statements(), statements()]);
    assert!(matches!(twice, Err(Untrusted::NoPath(_))), "{twice:?}");
    for value in [vec![], vec![0x30], sequence(&[vec![5, 0]])] {
        let odd = extended(&[], &[(oid::CERTIFICATE_POLICIES, value)], &[]);
        assert!(matches!(odd, Err(Untrusted::Limit(_))), "{odd:?}");
    }
}

#[test]
fn names_are_given_as_the_authorities_above_may() {
    let mail = |address: &str| element(der::implicit(1), address.as_bytes());
    let constraints = |permitted: bool, base: Vec<u8>| {
        let list = element(der::explicit(if permitted { 0 } else { 1 }), &sequence(&[base]));
        (oid::NAME_CONSTRAINTS, sequence(&[list]))
    };
    let named = |address: &str| (oid::SUBJECT_ALTERNATIVE_NAME, sequence(&[mail(address)]));
    let name = |value: &str| {
        let attribute = sequence(&[element(der::OID, oid::COMMON_NAME), element(0x0C, value.as_bytes())]);
        element(der::explicit(4), &sequence(&[element(der::SET, &attribute)]))
    };
    let uri = || element(der::implicit(6), b"example.org");
    for (root, leaf, stands) in [
        (constraints(true, mail("example.org")), named("tan@example.org"), Some(true)),
        (constraints(true, mail("example.org")), named("tan@example.com"), Some(false)),
        (constraints(false, mail("example.org")), named("tan@example.org"), Some(false)),
        (constraints(false, mail("example.org")), named("tan@example.com"), Some(true)),
        (constraints(false, name("LEAF")), named("tan@example.org"), Some(false)),
        (constraints(true, name("somebody")), named("tan@example.org"), Some(false)),
        (constraints(true, uri()), named("tan@example.org"), Some(true)),
        (
            constraints(true, uri()),
            (oid::SUBJECT_ALTERNATIVE_NAME, sequence(&[element(der::implicit(6), b"https://example.org")])),
            None,
        ),
    ] {
        for place in 0..2 {
            let (above, between) =
                if place == 0 { (vec![root.clone()], vec![]) } else { (vec![], vec![root.clone()]) };
            let path = extended(&above, &between, std::slice::from_ref(&leaf));
            let found = match path {
                Ok(_) => Some(true),
                Err(Untrusted::Limit(_)) => None,
                Err(_) => Some(false),
            };
            assert_eq!(found, stands, "{root:?} {leaf:?}: {path:?}");
        }
    }
}

#[test]
fn a_path_is_no_longer_than_its_authorities_allow() {
    let signs = [KeyUsagePurpose::KeyCertSign];
    for (allowed, stands) in [(None, true), (Some(2), true), (Some(1), true), (Some(0), false)] {
        let mut top = ca("root", &signs);
        top.is_ca = IsCa::Ca(allowed.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
        let root = CertifiedIssuer::self_signed(top, key()).unwrap();
        let between = CertifiedIssuer::signed_by(ca("between", &signs), key(), &root).unwrap();
        let leaf = params("leaf", &[KeyUsagePurpose::DigitalSignature]).signed_by(&key(), &between).unwrap();
        let roots = [root.der().to_vec()];
        let (leaf, between) =
            (Certificate::parse(leaf.der()).unwrap(), Certificate::parse(between.der()).unwrap());
        let work = Work::new(&Limits::default());
        let path =
            Roots::new(&roots, &[]).unwrap().path(&leaf, &[between], now(), Purpose::Signing, &work).is_ok();
        assert_eq!(path, stands, "{allowed:?}");
    }
}

/// Some cards leave out the zero byte before a modulus whose first bit is set, so that it reads as a negative number.
#[test]
fn keys_and_algorithms_that_stand_and_those_that_do_not() {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let proper = key.der_bytes();
    let mut numbers = der::Reader::new(proper).take(der::SEQUENCE).unwrap().children();
    let (modulus, exponent) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(modulus.content[0], 0);
    let negative = sequence(&[element(der::INTEGER, &modulus.content[1..]), exponent.raw.to_vec()]);
    let short = sequence(&[element(der::INTEGER, &modulus.content[..129]), exponent.raw.to_vec()]);
    let algorithm = |oid: &[u8]| sequence(&[element(der::OID, oid), vec![5, 0]]);
    let signature = key.sign(b"message").unwrap();
    let verify = |bits: &[u8], oid: &[u8], message: &[u8]| {
        let bits = element(der::BIT_STRING, &[&[0], bits].concat());
        let (key, algorithm) = (sequence(&[algorithm(oid::RSA), bits]), algorithm(oid));
        let tlv = |bytes| der::Reader::new(bytes).next().unwrap();
        algorithm::verify(tlv(&key), tlv(&algorithm), None, message, &signature)
    };
    for bits in [proper, &negative] {
        assert_eq!(verify(bits, oid::RSA_SHA256, b"message"), Ok(()));
        assert_eq!(verify(bits, oid::RSA_SHA256, b"another"), Err(SignatureFault::Wrong));
    }
    for (bits, oid, words) in [
        (proper, oid::RSA_SHA1, "SHA-1"),
        (&short[..], oid::RSA_SHA256, "fewer than 2048 bits"),
        (proper, oid::ECDSA_SHA256, "does not know"),
    ] {
        let fault = verify(bits, oid, b"message");
        assert!(
            matches!(fault, Err(SignatureFault::Unsupported(reason)) if reason.contains(words)),
            "{fault:?}"
        );
    }
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
    let none = Err(Untrusted::NoPath("no chain leads from the certificate to a configured root".into()));
    let thousand = Limits { max_checked: 1000 * Work::SIGNATURE, ..Limits::default() };
    assert_eq!(path(&others, &thousand), (none.clone(), true), "ends by itself");
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
