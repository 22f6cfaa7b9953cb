//! CMS signed data (RFC 5652) as PAdES uses it: exactly one signer, everything as raw slices.

use std::borrow::Cow;

use crate::algorithm::{self, SignatureFault, digest_by_oid, digest_fault};
use crate::der::{self, Reader, Tlv};
use crate::limits::Work;
use crate::x509::Certificate;
use crate::{name, oid};

/// Why a signature cannot be read or does not hold, in words for a report.
pub(crate) type Reason = &'static str;

/// Signed data with its one signer.
#[derive(Clone, Debug)]
pub(crate) struct SignedData<'a> {
    /// The type of what is signed.
    pub(crate) content_type: &'a [u8],
    /// What is signed, if it is inside.
    pub(crate) content: Option<Vec<u8>>,
    /// The certificates that came along; any that cannot be read are left out.
    pub(crate) certificates: Vec<Certificate<'a>>,
    pub(crate) signer: SignerInfo<'a>,
}

/// The signer.
#[derive(Clone, Debug)]
pub(crate) struct SignerInfo<'a> {
    id: SignerId<'a>,
    /// Object identifier of the digest algorithm.
    pub(crate) digest_oid: &'a [u8],
    signed: Option<Tlv<'a>>,
    algorithm: Tlv<'a>,
    /// The signature value: what a signature timestamp is about.
    pub(crate) signature: Vec<u8>,
    unsigned: Option<Tlv<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum SignerId<'a> {
    IssuerAndSerial { issuer: &'a [u8], serial: &'a [u8] },
    KeyId(&'a [u8]),
}

impl<'a> SignedData<'a> {
    /// Reads a `ContentInfo` with signed data. What follows is padding of a signature's hole, which is not signed and says
    /// nothing: most programs write zeroes, some whatever they had.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Reason> {
        const BROKEN: Reason = "the signature is not CMS signed data";
        let mut info = Reader::new(bytes).take(der::SEQUENCE).ok_or(BROKEN)?.children();
        if info.oid() != Some(oid::SIGNED_DATA) {
            return Err(BROKEN);
        }
        let inside = info.take(der::explicit(0)).and_then(|tlv| tlv.children().take(der::SEQUENCE));
        let mut fields = inside.ok_or(BROKEN)?.children();
        let broken = || BROKEN;
        fields.take(der::INTEGER).ok_or_else(broken)?;
        fields.take(der::SET).ok_or_else(broken)?;
        let mut encapsulated = fields.take(der::SEQUENCE).ok_or_else(broken)?.children();
        let content_type = encapsulated.oid().ok_or_else(broken)?;
        let content = match encapsulated.take_if(der::explicit(0)) {
            Some(wrapped) => {
                Some(wrapped.children().next().and_then(|content| content.string()).ok_or_else(broken)?)
            }
            None => None,
        };
        let certificates = fields.take_if(der::explicit(0)).map(certificates).unwrap_or_default();
        fields.take_if(der::explicit(1));
        let mut signers = fields.take(der::SET).ok_or_else(broken)?.children();
        let signer = signers.take(der::SEQUENCE).ok_or("the signature has no signer")?;
        if !signers.is_empty() {
            return Err("the signature has more than one signer; PAdES allows exactly one");
        }
        let signer = SignerInfo::parse(signer).ok_or_else(broken)?;
        Ok(Self { content_type, content, certificates, signer })
    }

    /// The signer's certificate, among those that came along and `more`: if several have its name and number, the one that
    /// the signature binds.
    pub(crate) fn signer_certificate(&self, more: &[Certificate<'a>]) -> Option<Certificate<'a>> {
        let named = || self.certificates.iter().chain(more).filter(|certificate| self.signer.is(certificate));
        let bound = named().find(|certificate| self.binding(certificate) == Binding::Matches);
        bound.or_else(|| named().next()).copied()
    }

    /// Checks that `content` is what was signed, with the key of `certificate`: content type, message digest and
    /// signature value.
    pub(crate) fn check(
        &self,
        content: Content<'_>,
        certificate: &Certificate<'_>,
        work: &Work,
    ) -> Result<(), Unverified> {
        const LIMIT: Unverified = Unverified::Unsupported("not reached");
        let signer = &self.signer;
        if let Some(fault) = digest_fault(signer.digest_oid) {
            return Err(Unverified::Unsupported(fault));
        }
        let message = match signer.signed_bytes() {
            None => content.whole(work).ok_or(LIMIT)?,
            Some(attributes) => {
                if signer.signed_value(oid::CONTENT_TYPE).map(|value| value.raw.to_vec())
                    != Some(element(der::OID, self.content_type))
                {
                    return Err(Unverified::Wrong("the signed content type is missing or another one"));
                }
                let says = signer.signed_value(oid::MESSAGE_DIGEST).and_then(|value| value.string());
                let digest = content.digest(signer.digest_oid, work).ok_or(LIMIT)?;
                if says.as_ref() != Some(&digest) {
                    return Err(Unverified::Wrong(
                        "the signed bytes were changed: their digest is another one",
                    ));
                }
                Cow::Owned(attributes)
            }
        };
        if !work.spend_signature(message.len()) {
            return Err(LIMIT);
        }
        algorithm::verify(
            certificate.key,
            signer.algorithm,
            Some(signer.digest_oid),
            &message,
            &signer.signature,
        )
        .map_err(|fault| match fault {
            SignatureFault::Unsupported(reason) => Unverified::Unsupported(reason),
            SignatureFault::Wrong => {
                Unverified::Wrong("the signature value does not belong to the signer's certificate")
            }
        })
    }

    /// What the signed reference to the signer's certificate (RFC 5035, RFC 2634) says about `certificate`.
    pub(crate) fn binding(&self, certificate: &Certificate<'_>) -> Binding {
        let v2 = self.signer.signed_value(oid::SIGNING_CERTIFICATE_V2);
        let v1 = self.signer.signed_value(oid::SIGNING_CERTIFICATE);
        let matches = match (v2, v1) {
            (None, None) => return Binding::Absent,
            (Some(v2), _) => ess_hash(v2, oid::SHA256),
            (None, Some(v1)) => ess_hash(v1, oid::SHA1),
        };
        let matches = matches.and_then(|(digest, hash)| {
            Some(algorithm::digest(digest_by_oid(digest)?, &[certificate.raw]) == hash)
        });
        if matches == Some(true) { Binding::Matches } else { Binding::Differs }
    }
}

/// What is signed or timestamped.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// The document without the hole: what stands before it, and behind.
    Document([&'a [u8]; 2]),
    /// Anything else.
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    /// Its digest; `None` for an algorithm that is not known, and beyond the limits.
    fn digest(self, oid: &[u8], work: &Work) -> Option<Vec<u8>> {
        let digest = digest_by_oid(oid)?;
        match self {
            Self::Document(pieces) => work.digest(digest, pieces),
            Self::Bytes(bytes) => work.spend(bytes.len()).then(|| algorithm::digest(digest, &[bytes])),
        }
    }

    fn whole(self, work: &Work) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Document(pieces) => {
                let bytes = pieces.iter().map(|piece| piece.len()).sum();
                work.spend(bytes).then(|| Cow::Owned(pieces.concat()))
            }
            Self::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        }
    }
}

/// Why a signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unverified {
    /// It may be good, but this verifier cannot tell.
    Unsupported(Reason),
    /// It is not good.
    Wrong(Reason),
}

/// Whether the signer's certificate is part of what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    Matches,
    Differs,
    Absent,
}

impl<'a> SignerInfo<'a> {
    fn parse(signer: Tlv<'a>) -> Option<Self> {
        let mut fields = signer.children();
        fields.take(der::INTEGER)?;
        let id = match fields.next()? {
            id if id.tag == der::SEQUENCE => {
                let mut id = id.children();
                let issuer = id.take(der::SEQUENCE)?.raw;
                SignerId::IssuerAndSerial { issuer, serial: id.take(der::INTEGER)?.content }
            }
            id if id.tag == der::implicit(0) => SignerId::KeyId(id.content),
            _ => return None,
        };
        let digest_oid = fields.take(der::SEQUENCE)?.children().oid()?;
        let signed = fields.take_if(der::explicit(0));
        let algorithm = fields.take(der::SEQUENCE)?;
        let signature = fields.next().filter(|tlv| tlv.tag & 0x1F == der::OCTET_STRING)?.string()?;
        let unsigned = fields.take_if(der::explicit(1));
        Some(Self { id, digest_oid, signed, algorithm, signature, unsigned })
    }

    fn is(&self, certificate: &Certificate<'_>) -> bool {
        match self.id {
            SignerId::IssuerAndSerial { issuer, serial } => {
                certificate.serial == serial && name::same(certificate.issuer, issuer)
            }
            SignerId::KeyId(id) => certificate.key_id() == Some(id),
        }
    }

    /// The signed attributes as they were hashed: the bytes as written, tagged as the SET they are (RFC 5652, 5.4).
    fn signed_bytes(&self) -> Option<Vec<u8>> {
        let signed = self.signed?;
        if signed.raw.get(1) == Some(&0x80) {
            // Hashed with a definite length, whatever was written.
            return Some(element(der::SET, signed.content));
        }
        Some([&[der::SET], &signed.raw[1..]].concat())
    }

    /// The one value of a signed attribute; none if the attribute comes twice or has several values.
    pub(crate) fn signed_value(&self, oid: &[u8]) -> Option<Tlv<'a>> {
        let mut values = attribute_values(self.signed?, oid);
        if values.len() == 1 { values.pop() } else { None }
    }

    /// The signature timestamps.
    pub(crate) fn timestamps(&self) -> Vec<Tlv<'a>> {
        self.unsigned.map(|unsigned| attribute_values(unsigned, oid::SIGNATURE_TIMESTAMP)).unwrap_or_default()
    }
}

fn certificates(set: Tlv<'_>) -> Vec<Certificate<'_>> {
    let mut list = set.children();
    std::iter::from_fn(|| list.next()).filter_map(|tlv| Certificate::parse(tlv.raw)).collect()
}

fn attribute_values<'a>(attributes: Tlv<'a>, oid: &[u8]) -> Vec<Tlv<'a>> {
    let mut found = Vec::new();
    let mut list = attributes.children();
    while let Some(attribute) = list.take(der::SEQUENCE) {
        let mut fields = attribute.children();
        if fields.oid() == Some(oid)
            && let Some(values) = fields.take(der::SET)
        {
            let mut values = values.children();
            found.extend(std::iter::from_fn(|| values.next()));
        }
    }
    found
}

/// Digest algorithm and hash of the first certificate in a signing-certificate attribute.
fn ess_hash<'a>(value: Tlv<'a>, default: &'static [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut first = value.children().take(der::SEQUENCE)?.children().take(der::SEQUENCE)?.children();
    let digest = match first.take_if(der::SEQUENCE) {
        Some(algorithm) => algorithm.children().oid()?,
        None => default,
    };
    Some((digest, first.take(der::OCTET_STRING)?.content))
}

/// An element of this tag and content, in DER.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag], definite(content.len()).as_slice(), content].concat()
}

fn definite(length: usize) -> Vec<u8> {
    if length < 0x80 {
        return vec![length as u8];
    }
    let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    [&[0x80 | octets.len() as u8], octets.as_slice()].concat()
}

/// A timestamp token's statement (RFC 3161, 2.4.2).
#[derive(Clone, Debug)]
pub(crate) struct TimestampInfo {
    /// Object identifier of the imprint's digest algorithm.
    pub(crate) digest_oid: Vec<u8>,
    /// The digest of what was timestamped.
    pub(crate) imprint: Vec<u8>,
    /// When.
    pub(crate) time: jiff::Timestamp,
}

impl TimestampInfo {
    /// Reads the content of a token.
    pub(crate) fn parse(token: &SignedData<'_>) -> Option<Self> {
        (token.content_type == oid::TST_INFO).then_some(())?;
        let mut fields = Reader::new(token.content.as_ref()?).take(der::SEQUENCE)?.children();
        fields.take(der::INTEGER)?;
        fields.oid()?;
        let mut imprint = fields.take(der::SEQUENCE)?.children();
        let digest_oid = imprint.take(der::SEQUENCE)?.children().oid()?.to_vec();
        let imprint = imprint.take(der::OCTET_STRING)?.content.to_vec();
        fields.take(der::INTEGER)?;
        let time = fields.take(der::GENERALIZED_TIME)?.time()?;
        Some(Self { digest_oid, imprint, time })
    }

    /// True if the imprint is that of these few bytes, with a digest that is not broken.
    pub(crate) fn is_about(&self, bytes: &[u8]) -> bool {
        let digest = digest_by_oid(&self.digest_oid).filter(|_| digest_fault(&self.digest_oid).is_none());
        digest.is_some_and(|digest| algorithm::digest(digest, &[bytes]) == self.imprint)
    }

    /// Whether the imprint is that of this content.
    pub(crate) fn about(&self, content: Content<'_>, work: &Work) -> About {
        match (content.digest(&self.digest_oid, work), digest_fault(&self.digest_oid)) {
            (Some(digest), _) if digest != self.imprint => About::SomethingElse,
            (Some(_), None) => About::This,
            (None, None) => About::Unknown("not reached"),
            (Some(_), Some(_)) => About::Unknown(
                "the timestamp's imprint is made with SHA-1, which is broken: it may be about something else",
            ),
            (None, Some(_)) => About::Unknown(
                "this verifier does not know the digest algorithm of the timestamp's imprint, or it is too weak",
            ),
        }
    }
}

/// What a timestamp is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The content that it is held against.
    This,
    /// Something else.
    SomethingElse,
    /// This cannot be told.
    Unknown(Reason),
}
