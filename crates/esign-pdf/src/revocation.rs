//! Revocation from what the document itself carries, and what the caller has got elsewhere: CRLs (RFC 5280, 5) and OCSP
//! responses (RFC 6960). Nothing is fetched here.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::algorithm::{digest, digest_by_oid};
use crate::cms::element;
use crate::der::{self, Reader, Tlv};
use crate::limits::Work;
use crate::verify::sha256;
use crate::x509::{Certificate, SIGNS_CRLS, Signed};
use crate::{name, oid};

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// Good at that time.
    Good,
    /// No answer counts.
    Unknown,
    /// Revoked at that time or before.
    Revoked,
}

/// Revocation lists and OCSP responses in DER. Each counts only for the certificates whose issuer signed it, so they may come
/// from anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationData {
    /// Certificate revocation lists (RFC 5280, 5).
    pub crls: Vec<Vec<u8>>,
    /// OCSP responses (RFC 6960), whole as they are answered.
    pub responses: Vec<Vec<u8>>,
}

/// A certificate of a trusted path whose revocation is not settled, and how to ask about it: as its own issuer says, which
/// stands below a configured root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsettled {
    /// Addresses of OCSP responders, over HTTP; any of them will do.
    pub responders: Vec<String>,
    /// What to send there with POST, as `application/ocsp-request`: the certificate's issuer and serial number, no more.
    pub request: Vec<u8>,
    /// Addresses of revocation lists, over HTTP; any of them will do.
    pub lists: Vec<String>,
}

impl RevocationData {
    /// True if there is nothing to go by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.responses.is_empty()
    }

    /// Adds what is in `other`.
    pub fn extend(&mut self, other: Self) {
        self.crls.extend(other.crls);
        self.responses.extend(other.responses);
    }
}

/// The same, read once for all certificates of a document; what stands in it twice counts once, what cannot be read not at all.
pub(crate) struct Evidence<'a> {
    lists: Vec<List<'a>>,
    responses: Vec<Response<'a>>,
    /// What responses say of the certificate with a serial number: the response and its answer.
    answers: HashMap<&'a [u8], Vec<(usize, Tlv<'a>)>>,
}

impl<'a> Evidence<'a> {
    pub(crate) fn read(data: &'a RevocationData) -> Self {
        let lists = unique(&data.crls).filter_map(|(list, sha256)| List::read(list, sha256)).collect();
        let responses: Vec<_> = unique(&data.responses)
            .filter_map(|(response, sha256)| Response::read(response, sha256))
            .collect();
        let mut answers: HashMap<_, Vec<_>> = HashMap::new();
        for (index, response) in responses.iter().enumerate() {
            let mut list = response.answers.children();
            for answer in std::iter::from_fn(|| list.take(der::SEQUENCE)) {
                if let Some(serial) = serial_of(answer) {
                    answers.entry(serial).or_default().push((index, answer));
                }
            }
        }
        Self { lists, responses, answers }
    }

    /// True if there is nothing to go by.
    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.responses.is_empty()
    }

    /// The worst status in a path (leaf first, root last) at a time. The root has no one above it who could revoke it.
    pub(crate) fn status_of_path(&self, path: &[Certificate<'_>], at: Timestamp, work: &Work) -> Status {
        self.judge(path, at, work).0
    }

    /// The same, with the certificates that no answer is about.
    pub(crate) fn judge(
        &self,
        path: &[Certificate<'_>],
        at: Timestamp,
        work: &Work,
    ) -> (Status, Vec<Unsettled>) {
        let mut worst = Status::Good;
        let mut unsettled = Vec::new();
        for pair in path.windows(2) {
            let status = self.status(&pair[0], &pair[1], at, work);
            worst = worst.max(status);
            if status == Status::Unknown {
                unsettled.extend(Unsettled::of(&pair[0], &pair[1]));
            }
        }
        (worst, unsettled)
    }

    /// One answer that says revoked outweighs any that says good.
    fn status(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        at: Timestamp,
        work: &Work,
    ) -> Status {
        let issuer_id = name::id(certificate.issuer);
        let lists = self.lists.iter().filter(|list| list.issuer_id == issuer_id);
        let lists = lists.filter_map(|list| list.says(certificate, issuer, at, work));
        let mut about = About { certificate, issuer, hashes: None };
        let answers = self.answers.get(certificate.serial).into_iter().flatten();
        let answers = answers
            .filter(|(_, answer)| work.spend(answer.raw.len()) && about.is_named_by(*answer) == Some(true));
        let responses = answers.filter_map(|(index, answer)| {
            self.responses[*index].is_by_responder(issuer, work).then_some(())?;
            read_answer(*answer, certificate, at)
        });
        let says: Vec<_> = lists.chain(responses).collect();
        match says.contains(&Status::Revoked) {
            true => Status::Revoked,
            false if says.contains(&Status::Good) => Status::Good,
            false => Status::Unknown,
        }
    }
}

/// Each with its SHA-256.
fn unique(all: &[Vec<u8>]) -> impl Iterator<Item = (&[u8], [u8; 32])> {
    let mut seen = HashSet::new();
    let all = all.iter().map(|bytes| (bytes.as_slice(), sha256(bytes)));
    all.filter(move |(_, sha256)| seen.insert(*sha256))
}

impl Unsettled {
    fn of(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Option<Self> {
        let (responders, lists) = (certificate.ocsp_addresses(), certificate.list_addresses());
        Some(Self { responders, request: request(certificate, issuer)?, lists })
    }
}

/// An OCSP request without extensions about one certificate (RFC 6960, 4.1.1). SHA-1 only names the issuer here, and is what
/// every responder knows (RFC 5019).
fn request(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Option<Vec<u8>> {
    const NULL: &[u8] = &[0x05, 0x00];
    let hash = digest_by_oid(oid::SHA1)?;
    let algorithm = element(der::SEQUENCE, &[&element(der::OID, oid::SHA1), NULL].concat());
    let name = element(der::OCTET_STRING, &digest(hash, &[certificate.issuer]));
    let key = element(der::OCTET_STRING, &digest(hash, &[issuer.key_bits()?]));
    let id = [algorithm, name, key, element(der::INTEGER, certificate.serial)].concat();
    // CertID, Request, list of requests, what could be signed, OCSPRequest.
    Some((0..5).fold(id, |inner, _| element(der::SEQUENCE, &inner)))
}

/// An answer counts if it was still current at that time, or was given later, but while the certificate had not expired:
/// authorities forget expired certificates (RFC 5280, 3.3).
fn is_current(
    certificate: &Certificate<'_>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    at: Timestamp,
) -> bool {
    this_update <= certificate.not_after && (this_update >= at || next_update.is_some_and(|next| next >= at))
}

/// A revocation list.
struct List<'a> {
    sha256: [u8; 32],
    signed: Signed<'a>,
    issuer: &'a [u8],
    issuer_id: u64,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    entries: Option<Tlv<'a>>,
    /// It may leave out some certificates of the issuer, so that only what it names counts.
    is_restricted: bool,
}

impl<'a> List<'a> {
    fn read(list: &'a [u8], sha256: [u8; 32]) -> Option<Self> {
        let signed = Signed::parse(der::only(list, der::SEQUENCE)?)?;
        let mut fields = signed.body.children();
        fields.take_if(der::INTEGER);
        fields.take(der::SEQUENCE)?;
        let issuer = fields.take(der::SEQUENCE)?.raw;
        let this_update = fields.next()?.time()?;
        let mut rest = fields;
        let next_update = rest.next().and_then(|tlv| tlv.time());
        if next_update.is_some() {
            fields = rest;
        }
        let entries = fields.take_if(der::SEQUENCE);
        let is_restricted = fields.take_if(der::explicit(0)).is_some_and(is_restricted);
        let issuer_id = name::id(issuer);
        Some(Self { sha256, signed, issuer, issuer_id, this_update, next_update, entries, is_restricted })
    }

    /// What it says; `None` if it does not count: another issuer's, not signed by it, out of date, or restricted in a way
    /// that is not understood here (a critical extension), unless it names the certificate.
    fn says(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        at: Timestamp,
        work: &Work,
    ) -> Option<Status> {
        let counts = name::same(self.issuer, certificate.issuer)
            && issuer.allows(SIGNS_CRLS)
            && self.signed.check(self.sha256, issuer.key, work).is_ok();
        counts.then_some(())?;
        if let Some(entries) = self.entries
            && work.spend(entries.raw.len())
            && let Some(since) = revoked_since(entries, certificate.serial)
        {
            return Some(if since <= at { Status::Revoked } else { Status::Good });
        }
        let is_current = is_current(certificate, self.this_update, self.next_update, at);
        (!self.is_restricted && is_current).then_some(Status::Good)
    }
}

fn revoked_since(entries: Tlv<'_>, serial: &[u8]) -> Option<Timestamp> {
    let mut entries = entries.children();
    while let Some(entry) = entries.take(der::SEQUENCE) {
        let mut fields = entry.children();
        if fields.take(der::INTEGER)?.content == serial {
            return fields.next()?.time();
        }
    }
    None
}

/// True if a list is a delta or has a critical extension, such as one that limits it to some certificates.
fn is_restricted(extensions: Tlv<'_>) -> bool {
    let Some(list) = extensions.children().take(der::SEQUENCE) else { return true };
    let mut list = list.children();
    while let Some(extension) = list.take(der::SEQUENCE) {
        let mut fields = extension.children();
        let delta = fields.oid() == Some(oid::DELTA_CRL);
        let critical = fields.take_if(der::BOOLEAN).is_some_and(|flag| flag.content != [0]);
        if delta || critical {
            return true;
        }
    }
    false
}

/// An OCSP response that has answers.
struct Response<'a> {
    sha256: [u8; 32],
    signed: Signed<'a>,
    basic: Tlv<'a>,
    produced: Timestamp,
    answers: Tlv<'a>,
}

impl<'a> Response<'a> {
    fn read(response: &'a [u8], sha256: [u8; 32]) -> Option<Self> {
        let mut outer = der::only(response, der::SEQUENCE)?.children();
        (outer.take(der::ENUMERATED)?.content == [0]).then_some(())?;
        let mut bytes = outer.take(der::explicit(0))?.children().take(der::SEQUENCE)?.children();
        (bytes.oid()? == oid::OCSP_BASIC).then_some(())?;
        let basic = Reader::new(bytes.take(der::OCTET_STRING)?.content).take(der::SEQUENCE)?;
        let signed = Signed::parse(basic)?;
        let mut data = signed.body.children();
        data.take_if(der::explicit(0));
        data.next()?;
        let produced = data.take(der::GENERALIZED_TIME)?.time()?;
        Some(Self { sha256, signed, basic, produced, answers: data.take(der::SEQUENCE)? })
    }

    /// Signed by the issuer, or by a responder that the issuer appointed for this (RFC 6960, 4.2.2.2).
    fn is_by_responder(&self, issuer: &Certificate<'_>, work: &Work) -> bool {
        /// Real responses bring one or two.
        const MOST: usize = 8;
        let is_by = |key| self.signed.check(self.sha256, key, work).is_ok();
        if is_by(issuer.key) {
            return true;
        }
        let certificates = self.basic.children().skip(3).and_then(|mut rest| rest.take(der::explicit(0)));
        let Some(list) = certificates.and_then(|tlv| tlv.children().take(der::SEQUENCE)) else {
            return false;
        };
        let mut list = list.children();
        let responders = std::iter::from_fn(|| list.next()).take(MOST);
        responders.filter_map(|tlv| Certificate::parse(tlv.raw)).any(|responder| {
            responder.names_as_issuer(issuer)
                && responder.has_purpose(oid::OCSP_SIGNING)
                && (responder.not_before..=responder.not_after).contains(&self.produced)
                && responder.check_signature(issuer, work).is_ok()
                && is_by(responder.key)
        })
    }
}

/// The serial number of the certificate that an answer is about.
fn serial_of(answer: Tlv<'_>) -> Option<&[u8]> {
    let id = answer.children().take(der::SEQUENCE)?;
    Some(id.children().skip(3)?.take(der::INTEGER)?.content)
}

/// What an answer must be about.
struct About<'a> {
    certificate: &'a Certificate<'a>,
    issuer: &'a Certificate<'a>,
    /// The algorithm of the answer before, and what the issuer's name and key hash to with it: a response may have very
    /// many answers. The name is as the certificate writes it, or as the issuer does.
    hashes: Option<(Vec<u8>, [Vec<u8>; 3])>,
}

impl About<'_> {
    /// True if the answer's `CertID` is that of the certificate, which has its serial number.
    fn is_named_by(&mut self, answer: Tlv<'_>) -> Option<bool> {
        let mut id = answer.children().take(der::SEQUENCE)?.children();
        let algorithm = id.take(der::SEQUENCE)?.children().oid()?;
        let (name, key) = (id.take(der::OCTET_STRING)?.content, id.take(der::OCTET_STRING)?.content);
        if self.hashes.as_ref().is_none_or(|(known, _)| known != algorithm) {
            let hash = digest_by_oid(algorithm)?;
            let parts = [self.certificate.issuer, self.issuer.subject, self.issuer.key_bits()?];
            self.hashes = Some((algorithm.to_vec(), parts.map(|part| digest(hash, &[part]))));
        }
        let (_, [as_written, as_issued, of_key]) = self.hashes.as_ref()?;
        Some((name == as_written || name == as_issued) && key == of_key)
    }
}

fn read_answer(answer: Tlv<'_>, certificate: &Certificate<'_>, at: Timestamp) -> Option<Status> {
    let mut fields = answer.children();
    fields.take(der::SEQUENCE)?;
    let status = fields.next()?;
    let this_update = fields.take(der::GENERALIZED_TIME)?.time()?;
    let next_update = fields.take_if(der::explicit(0)).and_then(|tlv| tlv.children().next()?.time());
    if status.tag == der::explicit(1) {
        let since = status.children().next()?.time()?;
        return Some(if since <= at { Status::Revoked } else { Status::Good });
    }
    (status.tag == der::implicit(0) && is_current(certificate, this_update, next_update, at))
        .then_some(Status::Good)
}
