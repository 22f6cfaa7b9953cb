//! Keys and certificates for signing in a sandbox: a root, an issuing authority, a timestamp authority.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CustomExtension,
    DistinguishedName, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};
use time::OffsetDateTime;
use yasna::models::GeneralizedTime;

use super::cms::write_oid;
use super::{SignError, TimestampAuthority, ocsp};

/// What every certificate made here says in its organisation, so that nobody takes it for more than it is.
pub const MARK: &str = "SANDBOX, not a legal signature";

/// OID 2.5.4.5, the serial number of a person in a name (X.520): rcgen has no constant for it.
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
/// OID 2.5.29.37, extended key usage (RFC 5280, 4.2.1.12).
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
/// OID 1.3.6.1.5.5.7.3.8, time stamping.
const TIME_STAMPING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 8];

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A public key infrastructure of one process: a root (P-384), an issuing authority below it (P-384), and a timestamp
/// authority (P-256), with keys that are made at start and never leave memory.
pub struct TestPki {
    root_pem: String,
    authorities: Arc<Authorities>,
    tsa: TimestampAuthority,
}

impl TestPki {
    /// Makes the keys and certificates. They are valid from a day before `now` for ten years.
    ///
    /// # Errors
    /// [`SignError::Certificate`] if the time is out of the range of certificates or the system has no randomness.
    pub fn generate(now: Timestamp) -> Result<Self, SignError> {
        let validity = Validity::from(now, 10)?;
        let root = CertifiedIssuer::self_signed(
            authority("Sandbox Root CA", validity, BasicConstraints::Unconstrained),
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
        )?;
        let issuing = CertifiedIssuer::signed_by(
            authority("Sandbox Issuing CA", validity, BasicConstraints::Constrained(0)),
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
            &root,
        )?;
        let tsa_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let tsa_certificate = timestamp_unit(validity).signed_by(&tsa_key, &root)?;
        let tsa = TimestampAuthority::new(tsa_key, vec![tsa_certificate.der().to_vec(), root.der().to_vec()]);
        Ok(Self { root_pem: root.pem(), authorities: Arc::new(Authorities { root, issuing }), tsa })
    }

    /// The root certificate in PEM: what a user configures as trusted.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root certificate in DER.
    #[must_use]
    pub fn root_der(&self) -> &[u8] {
        self.authorities.root.der()
    }

    /// Empty revocation lists of the issuing authority and of the root, in this order, issued at `now` for a year.
    ///
    /// # Errors
    /// [`SignError::Certificate`] as for [`generate`](Self::generate).
    pub fn revocation_lists(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, SignError> {
        self.authorities.revocation_lists(now)
    }

    /// Issues a certificate with a new P-256 key to a person, valid from a day before `now` for a year.
    ///
    /// # Errors
    /// [`SignError::EmptyName`] without a name, [`SignError::Certificate`] as for [`generate`](Self::generate).
    pub fn issue(&self, subject: &Subject, now: Timestamp) -> Result<Identity, SignError> {
        self.issue_for(subject, KeyKind::P256, now)
    }

    /// The same with a new key of that kind. An RSA key takes a second or so to make.
    ///
    /// # Errors
    /// As for [`issue`](Self::issue).
    pub fn issue_for(&self, subject: &Subject, kind: KeyKind, now: Timestamp) -> Result<Identity, SignError> {
        if subject.common_name.trim().is_empty() {
            return Err(SignError::EmptyName);
        }
        let key = kind.generate()?;
        let issuing = &self.authorities.issuing;
        let certificate = person(subject, Validity::from(now, 1)?).signed_by(&key, issuing)?;
        let root = &self.authorities.root;
        Ok(Identity {
            name: subject.common_name.clone(),
            key,
            chain: vec![certificate.der().to_vec(), issuing.der().to_vec(), root.der().to_vec()],
            authorities: Arc::clone(&self.authorities),
        })
    }

    /// The timestamp authority. Its certificate is issued by the root.
    #[must_use]
    pub fn tsa(&self) -> &TimestampAuthority {
        &self.tsa
    }
}

impl fmt::Debug for TestPki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestPki").finish_non_exhaustive()
    }
}

/// A person's kind of key, and with it the algorithm and digest of the signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA over P-256 with SHA-256, as Sign with Singpass has it.
    P256,
    /// ECDSA over P-384 with SHA-384.
    P384,
    /// RSA of 2048 bits, PKCS#1 v1.5 with SHA-256.
    Rsa2048,
    /// RSA of 3072 bits, PKCS#1 v1.5 with SHA-256.
    Rsa3072,
}

impl KeyKind {
    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
        }
    }
}

/// The person whom a certificate names. `Debug` shows none of it: these are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name, as it also appears in the box on the page. Must not be empty.
    pub common_name: String,
    /// The person's serial number (X.520), where Singpass puts the last characters of the NRIC.
    pub serial_number: Option<String>,
}

impl Subject {
    /// A person by name only.
    #[must_use]
    pub fn new(common_name: impl Into<String>) -> Self {
        Self { common_name: common_name.into(), serial_number: None }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// A person's key and certificate chain, ready to [`sign`](super::sign).
pub struct Identity {
    pub(super) name: String,
    pub(super) key: KeyPair,
    /// The person's certificate first, the root last, in DER.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) authorities: Arc<Authorities>,
}

impl Identity {
    /// The certificates in DER: the person's first, the root last.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(Vec::as_slice)
    }

    /// The issuing authority's revocation list with the person's certificate in it, revoked at that time.
    #[cfg(test)]
    pub(crate) fn revocation_of(&self, since: Timestamp) -> Vec<u8> {
        let serial = crate::x509::Certificate::parse(&self.chain[0]).unwrap().serial;
        let revoked = rcgen::RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: date(since).unwrap(),
            reason_code: None,
            invalidity_date: None,
        };
        let list = revocation_list(since, vec![revoked]).unwrap();
        list.signed_by(&self.authorities.issuing).unwrap().der().to_vec()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The certificate authorities, kept by each identity so that its signatures can carry fresh revocation data.
pub(super) struct Authorities {
    root: Authority,
    issuing: Authority,
}

impl Authorities {
    /// An empty revocation list (RFC 5280, 5) of each authority, issued at `now`, valid for a year.
    pub(super) fn revocation_lists(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, SignError> {
        let list = revocation_list(now, Vec::new())?;
        [&self.issuing, &self.root].into_iter().map(|ca| Ok(list.signed_by(ca)?.der().to_vec())).collect()
    }

    /// OCSP responses, each by the authority that issued the certificate, produced at `now`, valid for a year: for a person,
    /// for the issuing authority, for a unit of the timestamp authority.
    pub(super) fn ocsp_responses(
        &self,
        person: &[u8],
        unit: &[u8],
        now: Timestamp,
    ) -> Result<[Vec<u8>; 3], SignError> {
        let period = ocsp::Period {
            this_update: GeneralizedTime::from_datetime(date(now)?),
            next_update: GeneralizedTime::from_datetime(Validity::from(now, 1)?.not_after),
        };
        let by_root = |certificate| ocsp::good(certificate, self.root.key(), &period);
        Ok([ocsp::good(person, self.issuing.key(), &period)?, by_root(self.issuing.der())?, by_root(unit)?])
    }
}

fn revocation_list(
    now: Timestamp,
    revoked_certs: Vec<rcgen::RevokedCertParams>,
) -> Result<CertificateRevocationListParams, SignError> {
    Ok(CertificateRevocationListParams {
        this_update: date(now)?,
        next_update: Validity::from(now, 1)?.not_after,
        crl_number: SerialNumber::from(now.as_second().unsigned_abs()),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    })
}

#[derive(Clone, Copy)]
struct Validity {
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Validity {
    /// From a day before `now`, for programs whose clock is not exact, until some years after it.
    fn from(now: Timestamp, years: i16) -> Result<Self, SignError> {
        let start = Zoned::new(now, TimeZone::UTC);
        let ends = start
            .checked_sub(1.day())
            .and_then(|from| Ok((from, start.checked_add(years.years())?)))
            .map_err(|_| SignError::Certificate("the time is out of range".to_owned()))?;
        Ok(Self { not_before: date(ends.0.timestamp())?, not_after: date(ends.1.timestamp())? })
    }
}

/// The same time in the type that `rcgen` and `yasna` take, in whole seconds as RFC 5280 wants.
pub(super) fn date(time: Timestamp) -> Result<OffsetDateTime, SignError> {
    OffsetDateTime::from_unix_timestamp(time.as_second())
        .ok()
        .filter(|date| (1950..=9999).contains(&date.year()))
        .ok_or_else(|| SignError::Certificate("the time is out of range".to_owned()))
}

fn authority(name: &str, validity: Validity, constraints: BasicConstraints) -> CertificateParams {
    let mut params = certificate(name, validity);
    params.is_ca = IsCa::Ca(constraints);
    // Digital signature: for OCSP responses.
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn person(subject: &Subject, validity: Validity) -> CertificateParams {
    let mut params = certificate(&subject.common_name, validity);
    if let Some(number) = &subject.serial_number {
        params.distinguished_name.push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), number.as_str());
    }
    params.is_ca = IsCa::ExplicitNoCa;
    // No address of an OCSP responder: there is none, and validators that find one insist on asking it.
    // ETSI EN 319 412-2: content commitment is what a signature of a person means.
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
    params
}

fn timestamp_unit(validity: Validity) -> CertificateParams {
    let mut params = certificate("Sandbox Timestamp Authority", validity);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // RFC 3161, 2.3: the only purpose, and critical; rcgen's own extended key usage is never critical.
    let purposes = yasna::construct_der(|w| {
        w.write_sequence(|w| write_oid(w.next(), TIME_STAMPING));
    });
    let mut extension = CustomExtension::from_oid_content(EXTENDED_KEY_USAGE, purposes);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
    params
}

fn certificate(common_name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, MARK);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (validity.not_before, validity.not_after);
    params
}
