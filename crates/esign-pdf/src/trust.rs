//! Certificate paths to configured roots: looked for here, each link checked and counted, and accepted by rustls-webpki (RFC
//! 5280: validity, CA flags, path length, name constraints, unknown critical extensions), with what it leaves out: the key
//! usage of CAs and of the signer.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use serde::Serialize;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, VerifiedPath};

use crate::PdfError;
use crate::cms::Reason;
use crate::limits::Work;
use crate::oid;
use crate::verify::{hex, sha256};
use crate::x509::{Certificate, SIGNS, SIGNS_CERTIFICATES, common_name};

/// The roots that a caller trusts: for everything, and after those the ones for timestamps only.
pub(crate) struct Roots<'a> {
    certificates: Vec<CertificateDer<'a>>,
    for_signing: usize,
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing a document.
    Signing,
    /// Issuing timestamps.
    Timestamping,
}

/// Why no path to a root stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// Outside of its validity at that time: it or a CA above.
    Expired(Reason),
    /// No way to a configured root.
    NoPath(Reason),
}

impl<'a> Roots<'a> {
    /// Takes certificates in DER.
    pub(crate) fn new(roots: &'a [Vec<u8>], for_timestamps: &'a [Vec<u8>]) -> Result<Self, PdfError> {
        let all = roots.iter().chain(for_timestamps);
        let certificates: Vec<_> = all.map(|root| CertificateDer::from(root.as_slice())).collect();
        for certificate in &certificates {
            webpki::anchor_from_trusted_cert(certificate)
                .map_err(|_| PdfError::BadRoots("one of them is not an X.509 certificate"))?;
        }
        Ok(Self { certificates, for_signing: roots.len() })
    }

    /// Searches a path from `leaf` over `others` to a root, all valid `at` that time: the leaf first, the root last.
    ///
    /// Chains are tried one by one, the shortest first, each link checked before the next is looked for: given all
    /// certificates at once, webpki would look at 200,000 arrangements of some that name each other.
    pub(crate) fn path<'c>(
        &'c self,
        leaf: &Certificate<'c>,
        others: &[Certificate<'c>],
        at: Timestamp,
        purpose: Purpose,
        work: &Work,
    ) -> Result<Vec<Certificate<'c>>, Untrusted> {
        if !leaf.allows(SIGNS) {
            return Err(Untrusted::NoPath("the certificate's key usage does not allow signing"));
        }
        if purpose == Purpose::Timestamping && !leaf.has_purpose(oid::TIME_STAMPING) {
            return Err(Untrusted::NoPath("the certificate is not one for timestamps"));
        }
        let roots = match purpose {
            Purpose::Signing => &self.certificates[..self.for_signing],
            Purpose::Timestamping => &self.certificates,
        };
        if roots.iter().any(|root| root.as_ref() == leaf.raw) {
            let valid = leaf.not_before <= at && at <= leaf.not_after;
            return if valid { Ok(vec![*leaf]) } else { Err(Untrusted::Expired(EXPIRED)) };
        }
        let roots: Vec<_> = roots.iter().filter_map(|root| Certificate::parse(root.as_ref())).collect();
        let mut chains = Chains::new(leaf, others, work);
        let mut why = Untrusted::NoPath("no chain leads from the certificate to a configured root");
        while let Some(chain) = chains.next() {
            let head = chain.last().unwrap_or(leaf);
            let above = |root: &&Certificate<'_>| chains.vouches(root, head);
            for root in roots.iter().filter(above) {
                match validate(leaf, &chain, root, at, purpose) {
                    Ok(()) => return Ok([&[*leaf], chain.as_slice(), &[*root]].concat()),
                    // What only time took away says more than what never was a chain.
                    Err(reason) if !matches!(why, Untrusted::Expired(_)) => why = reason,
                    Err(_) => {}
                }
            }
        }
        Err(why)
    }
}

/// The chains that lead up from a certificate, the shortest first.
struct Chains<'w, 'c> {
    leaf: Certificate<'c>,
    authorities: Vec<Certificate<'c>>,
    /// Indices into `authorities`, from below.
    open: VecDeque<Vec<usize>>,
    tried: usize,
    work: &'w Work,
}

impl<'w, 'c> Chains<'w, 'c> {
    /// Real ones have up to three authorities between; webpki allows six.
    const LONGEST: usize = 6;
    /// Real documents have one or two.
    const MOST: usize = 64;

    fn new(leaf: &Certificate<'c>, others: &[Certificate<'c>], work: &'w Work) -> Self {
        let mut known = HashSet::new();
        let authorities = others.iter().filter(|other| other.is_authority() && known.insert(other.raw));
        let authorities = authorities.copied().collect();
        Self { leaf: *leaf, authorities, open: VecDeque::from([Vec::new()]), tried: 0, work }
    }

    fn next(&mut self) -> Option<Vec<Certificate<'c>>> {
        let chain = self.open.pop_front().filter(|_| self.tried < Self::MOST)?;
        self.tried += 1;
        let head = chain.last().map_or(self.leaf, |last| self.authorities[*last]);
        if chain.len() < Self::LONGEST {
            for (index, authority) in self.authorities.iter().enumerate() {
                if self.tried + self.open.len() >= Self::MOST {
                    break;
                }
                if !chain.contains(&index) && self.vouches(authority, &head) {
                    self.open.push_back([chain.as_slice(), &[index]].concat());
                }
            }
        }
        Some(chain.into_iter().map(|index| self.authorities[index]).collect())
    }

    fn vouches(&self, issuer: &Certificate<'_>, subject: &Certificate<'_>) -> bool {
        issuer.subject == subject.issuer
            && self.work.spend_signature(subject.raw.len())
            && subject.is_signed_by(issuer)
    }
}

/// Whether RFC 5280 accepts this chain.
fn validate(
    leaf: &Certificate<'_>,
    between: &[Certificate<'_>],
    root: &Certificate<'_>,
    at: Timestamp,
    purpose: Purpose,
) -> Result<(), Untrusted> {
    const BROKEN: Untrusted = Untrusted::NoPath("the certificate chain breaks a rule of RFC 5280");
    let root = CertificateDer::from(root.raw);
    let anchors = [webpki::anchor_from_trusted_cert(&root).map_err(|_| BROKEN)?];
    let intermediates: Vec<_> = between.iter().map(|other| CertificateDer::from(other.raw)).collect();
    let der = CertificateDer::from(leaf.raw);
    let end_entity = EndEntityCert::try_from(&der)
        .map_err(|_| Untrusted::NoPath("the certificate is not a proper X.509 version 3 certificate"))?;
    let seconds = u64::try_from(at.as_second()).map_err(|_| Untrusted::Expired(EXPIRED))?;
    let path = end_entity.verify_for_usage(
        ALGORITHMS,
        &anchors,
        &intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        Eku(purpose),
        None,
        Some(&cas_may_sign),
    );
    match path {
        Ok(_) => Ok(()),
        Err(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }) => {
            Err(Untrusted::Expired(EXPIRED))
        }
        Err(_) => Err(BROKEN),
    }
}

const EXPIRED: Reason = "the certificate or one above it is not valid at that time";

/// Reads roots from PEM: every block of type `CERTIFICATE`; other blocks and text between are passed over.
///
/// # Errors
///
/// [`PdfError::BadRoots`] if there is no certificate, or one that cannot be read.
pub fn roots_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, PdfError> {
    use rustls_pki_types::pem::PemObject;
    let blocks: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let blocks = blocks.map_err(|_| PdfError::BadRoots("the PEM is broken"))?;
    let roots: Vec<Vec<u8>> = blocks.iter().map(|block| block.to_vec()).collect();
    if roots.is_empty() {
        return Err(PdfError::BadRoots("there is no certificate among them"));
    }
    Roots::new(&roots, &[])?;
    Ok(roots)
}

/// What a certificate says of itself, for a person who decides whether to trust it as a root. None of it is proof:
/// compare the fingerprint with one from another source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RootFacts {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The issuer's common name.
    pub issuer: Option<String>,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// It is its own issuer, and its signature holds: what a root is.
    pub self_signed: bool,
    /// It may issue certificates (key usage, basic constraints). One that may not vouches for nobody but itself.
    pub issues_certificates: bool,
}

impl RootFacts {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`PdfError::BadRoots`] if it is none.
    pub fn of(der: &[u8]) -> Result<Self, PdfError> {
        let certificate =
            Certificate::parse(der).ok_or(PdfError::BadRoots("one of them is not an X.509 certificate"))?;
        Ok(Self {
            common_name: certificate.common_name(),
            issuer: common_name(certificate.issuer),
            serial: hex(certificate.serial),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            sha256: hex(&sha256(der)),
            self_signed: certificate.subject == certificate.issuer && certificate.is_signed_by(&certificate),
            issues_certificates: certificate.is_authority() && certificate.allows(SIGNS_CERTIFICATES),
        })
    }
}

const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = webpki::ALL_VERIFICATION_ALGS;

/// The purpose that extended key usage must leave open. Signing documents has many, so none is asked for.
struct Eku(Purpose);

impl ExtendedKeyUsageValidator for Eku {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        match self.0 {
            Purpose::Signing => Ok(()),
            Purpose::Timestamping => KeyUsage::required_if_present(oid::TIME_STAMPING).validate(purposes),
        }
    }
}

fn cas_may_sign(path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
    let may = |der: &[u8]| Certificate::parse(der).is_some_and(|ca| ca.allows(SIGNS_CERTIFICATES));
    if path.intermediate_certificates().all(|ca| may(&ca.der())) {
        Ok(())
    } else {
        Err(webpki::Error::EndEntityUsedAsCa)
    }
}
