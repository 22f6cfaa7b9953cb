//! Revocation lists and OCSP responses, good and bad, made by an authority of our own.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CrlDistributionPoint, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SerialNumber, SigningKey,
};
use time::OffsetDateTime;

use super::now;
use crate::Limits;
use crate::cms::element;
use crate::der;
use crate::limits::Work;
use crate::oid;
use crate::revocation::{Evidence, RevocationData, Status};
use crate::x509::Certificate;

const DAY: i64 = 86_400;

/// Some seconds after the time of verification.
fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(now().as_second() + seconds).unwrap()
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.not_before = at(-DAY);
    params.not_after = at(365 * DAY);
    params
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    certificate: Vec<u8>,
    leaf: Vec<u8>,
    serial: SerialNumber,
}

impl Authority {
    fn new() -> Self {
        let mut ca = params("CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(ca, key()).unwrap();
        let certificate = issuer.der().to_vec();
        let serial = SerialNumber::from(77u64);
        let mut person = params("person");
        person.serial_number = Some(serial.clone());
        person.crl_distribution_points = [LISTS, &["ldap://ldap.example/cn=ca"]].map(point).to_vec();
        person.custom_extensions.push(responders());
        let leaf = person.signed_by(&key(), &issuer).unwrap().der().to_vec();
        Self { issuer, certificate, leaf, serial }
    }

    fn list(&self, this_update: i64, next_update: i64, revoked: Option<i64>) -> Vec<u8> {
        let entry = revoked.map(|since| RevokedCertParams {
            serial_number: self.serial.clone(),
            revocation_time: at(since),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: at(this_update),
            next_update: at(next_update),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: entry.into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// A response with this status element, signed by `signer`, who may bring a certificate.
    fn response(
        &self,
        status: &[u8],
        update: [i64; 2],
        signer: &KeyPair,
        certificate: Option<&[u8]>,
    ) -> Vec<u8> {
        let (ca, leaf) =
            (Certificate::parse(&self.certificate).unwrap(), Certificate::parse(&self.leaf).unwrap());
        let sha256 = |bytes: &[u8]| element(der::OCTET_STRING, &crate::verify::sha256(bytes));
        let algorithm = |oid: &[u8]| element(der::SEQUENCE, &element(der::OID, oid));
        let id = [
            algorithm(oid::SHA256),
            sha256(leaf.issuer),
            sha256(ca.key_bits().unwrap()),
            element(der::INTEGER, leaf.serial),
        ];
        let [this, next] = update.map(|seconds| time(at(seconds)));
        let answer =
            [element(der::SEQUENCE, &id.concat()), status.to_vec(), this, element(der::explicit(0), &next)];
        let answers = element(der::SEQUENCE, &element(der::SEQUENCE, &answer.concat()));
        let responder = element(der::explicit(1), ca.subject);
        let data = element(der::SEQUENCE, &[responder, time(at(0)), answers].concat());
        let signature = [&[0], signer.sign(&data).unwrap().as_slice()].concat();
        let mut basic = vec![data, algorithm(oid::ECDSA_SHA256), element(der::BIT_STRING, &signature)];
        basic.extend(certificate.map(|raw| element(der::explicit(0), &element(der::SEQUENCE, raw))));
        let basic = element(der::SEQUENCE, &basic.concat());
        let typed = [element(der::OID, oid::OCSP_BASIC), element(der::OCTET_STRING, &basic)].concat();
        let bytes = element(der::explicit(0), &element(der::SEQUENCE, &typed));
        element(der::SEQUENCE, &[element(der::ENUMERATED, &[0]), bytes].concat())
    }

    fn status(&self, crls: &[Vec<u8>], responses: &[Vec<u8>]) -> Status {
        let path = [Certificate::parse(&self.leaf).unwrap(), Certificate::parse(&self.certificate).unwrap()];
        let evidence = RevocationData { crls: crls.to_vec(), responses: responses.to_vec() };
        Evidence::read(&evidence).status_of_path(&path, now(), &Work::new(&Limits::default()))
    }
}

const LISTS: &[&str] = &["http://pki.example/ca.crl", "https://pki.example/ca.crl"];
const RESPONDER: &str = "http://ocsp.example";

fn point(uris: &[&str]) -> CrlDistributionPoint {
    CrlDistributionPoint { uris: uris.iter().map(|uri| (*uri).to_owned()).collect() }
}

/// Authority information access: where the issuer's certificate is, and who answers.
fn responders() -> CustomExtension {
    const CA_ISSUERS: &[u8] = &[43, 6, 1, 5, 5, 7, 48, 2];
    let access = [(CA_ISSUERS, "http://pki.example/ca.cer"), (oid::OCSP, RESPONDER)].map(|(method, uri)| {
        let fields = [element(der::OID, method), element(der::implicit(6), uri.as_bytes())];
        element(der::SEQUENCE, &fields.concat())
    });
    let access = element(der::SEQUENCE, &access.concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access)
}

fn time(time: OffsetDateTime) -> Vec<u8> {
    let text =
        jiff::Timestamp::from_second(time.unix_timestamp()).unwrap().strftime("%Y%m%d%H%M%SZ").to_string();
    element(der::GENERALIZED_TIME, text.as_bytes())
}

fn good() -> Vec<u8> {
    element(der::implicit(0), &[])
}

fn revoked(since: i64) -> Vec<u8> {
    element(der::explicit(1), &time(at(since)))
}

#[test]
fn lists() {
    let ca = Authority::new();
    let other = Authority::new();
    let mut forged = ca.list(-DAY, DAY, None);
    *forged.last_mut().unwrap() ^= 1;
    for (name, list, status) in [
        ("current", ca.list(-DAY, DAY, None), Status::Good),
        ("made afterwards", ca.list(DAY, 2 * DAY, None), Status::Good),
        ("made after the certificate expired", ca.list(366 * DAY, 367 * DAY, None), Status::Unknown),
        ("out of date", ca.list(-3 * DAY, -2 * DAY, None), Status::Unknown),
        ("revoked before", ca.list(-DAY, DAY, Some(-60)), Status::Revoked),
        ("revoked before, out of date", ca.list(-3 * DAY, -2 * DAY, Some(-3 * DAY)), Status::Revoked),
        ("revoked afterwards", ca.list(DAY, 2 * DAY, Some(60)), Status::Good),
        ("of another authority of that name", other.list(-DAY, DAY, None), Status::Unknown),
        ("forged", forged, Status::Unknown),
        ("nonsense", vec![0x30, 0], Status::Unknown),
    ] {
        assert_eq!(ca.status(&[list], &[]), status, "{name}");
    }
    assert_eq!(ca.status(&[], &[]), Status::Unknown);
    let both = [ca.list(-DAY, DAY, None), ca.list(-DAY, DAY, Some(-60))];
    assert_eq!(ca.status(&both, &[]), Status::Revoked, "one that says revoked outweighs one that says good");
}

#[test]
fn responses() {
    let ca = Authority::new();
    let responder = key();
    let appointed = |purpose: Option<ExtendedKeyUsagePurpose>, issuer: &Authority| {
        let mut params = params("responder");
        params.extended_key_usages = purpose.into_iter().collect();
        params.signed_by(&responder, &issuer.issuer).unwrap().der().to_vec()
    };
    let ocsp = Some(ExtendedKeyUsagePurpose::OcspSigning);
    let (proper, unappointed) = (appointed(ocsp.clone(), &ca), appointed(None, &ca));
    let foreign = appointed(ocsp, &Authority::new());
    let own = ca.issuer.key();
    let unknown = element(der::implicit(2), &[]);
    for (name, response, status) in [
        ("by the issuer", ca.response(&good(), [-60, DAY], own, None), Status::Good),
        ("by a responder", ca.response(&good(), [-60, DAY], &responder, Some(&proper)), Status::Good),
        ("not appointed", ca.response(&good(), [-60, DAY], &responder, Some(&unappointed)), Status::Unknown),
        (
            "appointed by another",
            ca.response(&good(), [-60, DAY], &responder, Some(&foreign)),
            Status::Unknown,
        ),
        ("by nobody", ca.response(&good(), [-60, DAY], &responder, None), Status::Unknown),
        ("out of date", ca.response(&good(), [-2 * DAY, -DAY], own, None), Status::Unknown),
        ("after expiry", ca.response(&good(), [366 * DAY, 367 * DAY], own, None), Status::Unknown),
        ("does not know", ca.response(&unknown, [-60, DAY], own, None), Status::Unknown),
        ("revoked before", ca.response(&revoked(-60), [-60, DAY], own, None), Status::Revoked),
        ("revoked afterwards", ca.response(&revoked(60), [60, DAY], own, None), Status::Good),
        ("about another's", Authority::new().response(&good(), [-60, DAY], own, None), Status::Unknown),
    ] {
        assert_eq!(ca.status(&[], &[response]), status, "{name}");
    }
}

/// RFC 6960, 4.1.1: version 1, no requestor, no extensions.
#[test]
fn who_could_be_asked_and_what() {
    let ca = Authority::new();
    let (leaf, issuer) =
        (Certificate::parse(&ca.leaf).unwrap(), Certificate::parse(&ca.certificate).unwrap());
    let path = [leaf, issuer];
    let work = Work::new(&Limits::default());
    let (status, unsettled) = Evidence::read(&RevocationData::default()).judge(&path, now(), &work);
    assert_eq!(status, Status::Unknown);
    let [unsettled] = &unsettled[..] else { panic!("the root is not asked about") };
    assert_eq!(unsettled.responders, [RESPONDER]);
    assert_eq!(unsettled.lists, LISTS, "what is not reached over HTTP is left out");
    let mut id = der::only(&unsettled.request, der::SEQUENCE).unwrap();
    for _ in 0..4 {
        let mut inside = id.children();
        id = inside.take(der::SEQUENCE).unwrap();
        assert!(inside.is_empty());
    }
    let mut fields = id.children();
    assert_eq!(fields.take(der::SEQUENCE).unwrap().children().oid(), Some(oid::SHA1));
    assert_eq!(fields.take(der::OCTET_STRING).unwrap().content.len(), 20);
    assert_eq!(fields.take(der::OCTET_STRING).unwrap().content.len(), 20);
    assert_eq!(fields.take(der::INTEGER).unwrap().content, [77]);
    assert!(fields.is_empty());

    let settled = RevocationData { crls: vec![ca.list(-DAY, DAY, None)], responses: Vec::new() };
    assert_eq!(Evidence::read(&settled).judge(&path, now(), &work), (Status::Good, Vec::new()));
}

/// What a file has many times is looked at once, so that a signature more costs what one costs: a hundred are less than a
/// fifth of what is allowed.
#[test]
fn signatures_of_one_file_cost_no_more_than_one_each() {
    const COUNT: u32 = 16;
    const DEFAULT: u64 = 2 << 30;
    let pki = super::Pki::new();
    let mut signed = super::base(super::Style::Table);
    for number in 0..COUNT {
        signed = pki.sign(&signed, &format!("s{number}"), f64::from(number) * 40.0, super::Level::BLT);
    }
    // Two signature values each, five lists and answers that are signed anew each time, and what is read of the file; the
    // certificates once.
    let each = 7 * Work::SIGNATURE + (1 << 20);
    let mut options = pki.options();
    options.limits.max_checked = u64::from(COUNT) * each + 16 * Work::SIGNATURE;
    let report = super::verify(&signed, &options).unwrap();
    assert_eq!(report.verdict, super::Verdict::Passed, "{:?}", report.reasons);
    assert_eq!(report.signatures.len(), usize::try_from(COUNT).unwrap());
    assert!(100 * each < DEFAULT / 5 && Limits::default().max_checked == DEFAULT);
}
