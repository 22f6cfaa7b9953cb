//! Revocation from what the document itself carries: CRLs (RFC 5280, 5) and OCSP responses (RFC 6960). Nothing is
//! fetched.

use jiff::Timestamp;

use crate::algorithm::{digest, digest_by_oid};
use crate::der::{self, Reader, Tlv};
use crate::limits::Work;
use crate::oid;
use crate::x509::{Certificate, SIGNS_CRLS, Signed};

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

/// Lists and responses, as they stand in a document security store.
pub(crate) struct Evidence {
    pub(crate) crls: Vec<Vec<u8>>,
    pub(crate) responses: Vec<Vec<u8>>,
}

impl Evidence {
    /// True if there is nothing to go by.
    pub(crate) fn is_empty(&self) -> bool {
        self.crls.is_empty() && self.responses.is_empty()
    }

    /// The worst status in a path (leaf first, root last) at a time. The root has no one above it who could revoke it.
    pub(crate) fn status_of_path(&self, path: &[Certificate<'_>], at: Timestamp, work: &Work) -> Status {
        path.windows(2).map(|pair| self.status(&pair[0], &pair[1], at, work)).max().unwrap_or(Status::Good)
    }

    /// One answer that says revoked outweighs any that says good.
    fn status(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        at: Timestamp,
        work: &Work,
    ) -> Status {
        // Each answer is hashed, if only to see that it is not the issuer's.
        let lists = self.crls.iter().filter(|list| work.spend_signature(list.len()));
        let lists = lists.filter_map(|list| by_list(list, certificate, issuer, at));
        let responses = self.responses.iter().filter(|response| work.spend_signature(response.len()));
        let responses = responses.filter_map(|response| by_response(response, certificate, issuer, at));
        let answers: Vec<_> = lists.chain(responses).collect();
        match answers.contains(&Status::Revoked) {
            true => Status::Revoked,
            false if answers.contains(&Status::Good) => Status::Good,
            false => Status::Unknown,
        }
    }
}

/// An answer counts if it was still current at that time, or was given later.
fn is_current(this_update: Timestamp, next_update: Option<Timestamp>, at: Timestamp) -> bool {
    this_update >= at || next_update.is_some_and(|next| next >= at)
}

/// What a CRL says; `None` if it does not count: another issuer's, not signed by it, out of date, or restricted in a
/// way that is not understood here (a critical extension), unless it names the certificate.
fn by_list(
    list: &[u8],
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
    at: Timestamp,
) -> Option<Status> {
    let signed = Signed::parse(der::only(list, der::SEQUENCE)?)?;
    let mut fields = signed.body.children();
    fields.take_if(der::INTEGER);
    fields.take(der::SEQUENCE)?;
    let named = fields.take(der::SEQUENCE)?.raw == certificate.issuer;
    if !named || !issuer.allows(SIGNS_CRLS) || !signed.is_by(issuer.key) {
        return None;
    }
    let this_update = fields.next()?.time()?;
    let mut rest = fields;
    let next_update = rest.next().and_then(|tlv| tlv.time());
    if next_update.is_some() {
        fields = rest;
    }
    if let Some(entries) = fields.take_if(der::SEQUENCE)
        && let Some(since) = revoked_since(entries, certificate.serial)
    {
        return Some(if since <= at { Status::Revoked } else { Status::Good });
    }
    let restricted = fields.take_if(der::explicit(0)).is_some_and(|extensions| is_restricted(extensions));
    (!restricted && is_current(this_update, next_update, at)).then_some(Status::Good)
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

/// What an OCSP response says; `None` if it does not count.
fn by_response(
    response: &[u8],
    certificate: &Certificate<'_>,
    issuer: &Certificate<'_>,
    at: Timestamp,
) -> Option<Status> {
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
    let mut answers = data.take(der::SEQUENCE)?.children();
    let mut about = About { certificate, issuer, hashes: None };
    let answer = std::iter::from_fn(|| answers.take(der::SEQUENCE))
        .find(|answer| about.is_named_by(*answer) == Some(true))?;
    is_by_responder(&signed, basic, issuer, produced).then_some(())?;
    read_answer(answer, at)
}

/// What an answer must be about.
struct About<'a> {
    certificate: &'a Certificate<'a>,
    issuer: &'a Certificate<'a>,
    /// The algorithm of the answer before, and what the issuer's name and key hash to with it: a response may have very
    /// many answers.
    hashes: Option<(Vec<u8>, [Vec<u8>; 2])>,
}

impl About<'_> {
    /// True if the answer's `CertID` is that of the certificate.
    fn is_named_by(&mut self, answer: Tlv<'_>) -> Option<bool> {
        let mut id = answer.children().take(der::SEQUENCE)?.children();
        let algorithm = id.take(der::SEQUENCE)?.children().oid()?;
        let (name, key) = (id.take(der::OCTET_STRING)?.content, id.take(der::OCTET_STRING)?.content);
        if id.take(der::INTEGER)?.content != self.certificate.serial {
            return Some(false);
        }
        if self.hashes.as_ref().is_none_or(|(known, _)| known != algorithm) {
            let hash = digest_by_oid(algorithm)?;
            let hashes = [self.certificate.issuer, self.issuer.key_bits()?].map(|part| digest(hash, &[part]));
            self.hashes = Some((algorithm.to_vec(), hashes));
        }
        let (_, [of_name, of_key]) = self.hashes.as_ref()?;
        Some(name == of_name && key == of_key)
    }
}

/// Signed by the issuer, or by somebody whom the issuer appointed for this (RFC 6960, 4.2.2.2).
fn is_by_responder(
    signed: &Signed<'_>,
    basic: Tlv<'_>,
    issuer: &Certificate<'_>,
    produced: Timestamp,
) -> bool {
    if signed.is_by(issuer.key) {
        return true;
    }
    let certificates = basic.children().skip(3).and_then(|mut rest| rest.take(der::explicit(0)));
    let Some(list) = certificates.and_then(|tlv| tlv.children().take(der::SEQUENCE)) else { return false };
    let mut list = list.children();
    std::iter::from_fn(|| list.next()).filter_map(|tlv| Certificate::parse(tlv.raw)).any(|responder| {
        responder.issuer == issuer.subject
            && responder.has_purpose(oid::OCSP_SIGNING)
            && (responder.not_before..=responder.not_after).contains(&produced)
            && responder.is_signed_by(issuer)
            && signed.is_by(responder.key)
    })
}

fn read_answer(answer: Tlv<'_>, at: Timestamp) -> Option<Status> {
    let mut fields = answer.children();
    fields.take(der::SEQUENCE)?;
    let status = fields.next()?;
    let this_update = fields.take(der::GENERALIZED_TIME)?.time()?;
    let next_update = fields.take_if(der::explicit(0)).and_then(|tlv| tlv.children().next()?.time());
    if status.tag == der::explicit(1) {
        let since = status.children().next()?.time()?;
        return Some(if since <= at { Status::Revoked } else { Status::Good });
    }
    (status.tag == der::implicit(0) && is_current(this_update, next_update, at)).then_some(Status::Good)
}
