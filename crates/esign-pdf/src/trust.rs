//! Certificate paths to configured roots: looked for here, each link checked and counted, and held against RFC 5280 in
//! `path`, with the key usage of the signer.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use crate::PdfError;
use crate::algorithm::SignatureFault;
use crate::cms::Reason;
use crate::limits::{Limits, Work};
use crate::path::validate;
use crate::verify::{hex, sha256};
use crate::x509::{Certificate, SIGNS, SIGNS_CERTIFICATES};
use crate::{name, oid};

/// The roots that a caller trusts: for everything, and after those the ones for timestamps only.
pub(crate) struct Roots<'a> {
    certificates: Vec<Certificate<'a>>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// No way to a configured root.
    NoPath(Cow<'static, str>),
    /// There may be one, but this verifier does not know something that it would need to know.
    Limit(Cow<'static, str>),
    /// Outside of its validity at that time: it or a CA above. What only time took away says more than what never was a chain.
    Expired,
}

impl Untrusted {
    /// Of two reasons the one that says more, else the later one.
    fn or(self, later: Self) -> Self {
        let rank = |reason: &Self| match reason {
            Self::NoPath(_) => 0,
            Self::Limit(_) => 1,
            Self::Expired => 2,
        };
        if rank(&self) > rank(&later) { self } else { later }
    }
}

impl<'a> Roots<'a> {
    /// Takes certificates in DER.
    pub(crate) fn new(roots: &'a [Vec<u8>], for_timestamps: &'a [Vec<u8>]) -> Result<Self, PdfError> {
        let all = roots.iter().chain(for_timestamps);
        let certificates: Option<Vec<_>> = all.map(|root| Certificate::parse(root)).collect();
        let certificates = certificates.ok_or(NO_CERTIFICATE)?;
        Ok(Self { certificates, for_signing: roots.len() })
    }

    /// Searches a path from `leaf` over `others` to a root, all valid `at` that time: the leaf first, the root last.
    ///
    /// Chains are tried one by one, the shortest first, each link checked before the next is looked for: certificates that
    /// name each other can be arranged in very many ways.
    pub(crate) fn path<'c>(
        &'c self,
        leaf: &Certificate<'c>,
        others: &[Certificate<'c>],
        at: Timestamp,
        purpose: Purpose,
        work: &Work,
    ) -> Result<Vec<Certificate<'c>>, Untrusted> {
        if !leaf.allows(SIGNS) {
            return Err(Untrusted::NoPath("the certificate's key usage does not allow signing".into()));
        }
        if purpose == Purpose::Timestamping && !leaf.has_purpose(oid::TIME_STAMPING) {
            return Err(Untrusted::NoPath("the certificate is not one for timestamps".into()));
        }
        let roots = match purpose {
            Purpose::Signing => &self.certificates[..self.for_signing],
            Purpose::Timestamping => &self.certificates,
        };
        if roots.iter().any(|root| root.raw == leaf.raw) {
            let valid = leaf.not_before <= at && at <= leaf.not_after;
            return if valid { Ok(vec![*leaf]) } else { Err(Untrusted::Expired) };
        }
        let mut chains = Chains::new(leaf, others, work);
        let mut why = Untrusted::NoPath("no chain leads from the certificate to a configured root".into());
        while let Some(chain) = chains.next() {
            let head = chain.last().unwrap_or(leaf);
            for root in roots.iter().filter(|root| chains.vouches(root, head)) {
                match validate(leaf, &chain, root, at, purpose) {
                    Ok(()) => return Ok([&[*leaf], chain.as_slice(), &[*root]].concat()),
                    Err(reason) => why = why.or(reason),
                }
            }
        }
        match chains.unsupported.get() {
            Some(reason) => Err(why.or(Untrusted::Limit(reason.into()))),
            None => Err(why),
        }
    }
}

/// The highest certificate above `leaf` among `others`: where a chain ends that signs itself, or else the longest one. That is no
/// reason to trust it.
pub(crate) fn top<'c>(leaf: &Certificate<'c>, others: &[Certificate<'c>], work: &Work) -> Certificate<'c> {
    let mut chains = Chains::new(leaf, others, work);
    let mut top = *leaf;
    while let Some(chain) = chains.next() {
        top = *chain.last().unwrap_or(leaf);
        if is_self_signed(&top, work) {
            break;
        }
    }
    top
}

pub(crate) fn is_self_signed(certificate: &Certificate<'_>, work: &Work) -> bool {
    certificate.is_self_issued() && certificate.check_signature(certificate, work).is_ok()
}

/// The chains that lead up from a certificate, the shortest first.
struct Chains<'w, 'c> {
    leaf: Certificate<'c>,
    authorities: Vec<Certificate<'c>>,
    /// Indices into `authorities`, from below.
    open: VecDeque<Vec<usize>>,
    tried: usize,
    /// Why a signature on the way could not be checked.
    unsupported: Cell<Option<Reason>>,
    work: &'w Work,
}

impl<'w, 'c> Chains<'w, 'c> {
    /// Real ones have up to three authorities between.
    const LONGEST: usize = 6;
    /// Real documents have one or two.
    const MOST: usize = 64;

    fn new(leaf: &Certificate<'c>, others: &[Certificate<'c>], work: &'w Work) -> Self {
        let mut known = HashSet::new();
        let authorities = others.iter().filter(|other| other.is_authority() && known.insert(other.raw));
        let authorities = authorities.copied().collect();
        let open = VecDeque::from([Vec::new()]);
        Self { leaf: *leaf, authorities, open, tried: 0, unsupported: Cell::new(None), work }
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
        if !subject.names_as_issuer(issuer) {
            return false;
        }
        match subject.check_signature(issuer, self.work) {
            Ok(()) => true,
            Err(SignatureFault::Wrong) => false,
            Err(SignatureFault::Unsupported(reason)) => {
                self.unsupported.set(Some(reason));
                false
            }
        }
    }
}

const NO_CERTIFICATE: PdfError = PdfError::BadRoots("one of them is not an X.509 certificate");

/// Reads roots from PEM: every block of type `CERTIFICATE`; other blocks, text between and a byte order mark are passed over.
/// One certificate in DER is read too.
///
/// # Errors
///
/// [`PdfError::BadRoots`] if there is no certificate, or one that cannot be read.
pub fn roots_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, PdfError> {
    use rustls_pki_types::pem::PemObject;
    const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
    if Certificate::parse(pem).is_some() {
        return Ok(vec![pem.to_vec()]);
    }
    if pem.starts_with(&[0xFF, 0xFE]) || pem.starts_with(&[0xFE, 0xFF]) {
        return Err(PdfError::BadRoots("the text is UTF-16; save it as UTF-8"));
    }
    let pem = pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem);
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
        let certificate = Certificate::parse(der).ok_or(NO_CERTIFICATE)?;
        let work = Work::new(&Limits::default());
        Ok(Self {
            common_name: certificate.common_name(),
            issuer: name::common_name(certificate.issuer),
            serial: hex(certificate.serial),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            sha256: hex(&sha256(der)),
            self_signed: is_self_signed(&certificate, &work),
            issues_certificates: certificate.is_authority() && certificate.allows(SIGNS_CERTIFICATES),
        })
    }
}
