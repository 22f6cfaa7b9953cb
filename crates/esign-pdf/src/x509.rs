//! The few fields of an X.509 certificate (RFC 5280) that a signature check compares. Paths are built in `trust`.

use jiff::Timestamp;

use crate::algorithm::{self, SignatureFault};
use crate::der::{self, Reader, Tlv};
use crate::limits::Work;
use crate::verify::sha256;
use crate::{name, oid};

/// A certificate, borrowed from its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate<'a> {
    /// All of it.
    pub(crate) raw: &'a [u8],
    /// The content of the serial number.
    pub(crate) serial: &'a [u8],
    /// The issuer's name as written.
    pub(crate) issuer: &'a [u8],
    /// The subject's name as written.
    pub(crate) subject: &'a [u8],
    /// From when it is valid.
    pub(crate) not_before: Timestamp,
    /// Until when it is valid.
    pub(crate) not_after: Timestamp,
    /// `SubjectPublicKeyInfo`.
    pub(crate) key: Tlv<'a>,
    extensions: Option<Tlv<'a>>,
    signed: Signed<'a>,
    /// [`name::id`] of issuer and subject.
    name_ids: [u64; 2],
}

/// What an authority signed: a certificate's or revocation list's outer layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// The signed part, as written.
    pub(crate) body: Tlv<'a>,
    algorithm: Tlv<'a>,
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the three parts of a SEQUENCE; more may follow.
    pub(crate) fn parse(outer: Tlv<'a>) -> Option<Self> {
        let mut parts = outer.children();
        let (body, algorithm) = (parts.take(der::SEQUENCE)?, parts.take(der::SEQUENCE)?);
        Some(Self { body, algorithm, signature: parts.take(der::BIT_STRING)?.bits()? })
    }

    /// Whether the holder of this key signed it. `outer` is the SHA-256 of all of it, by which the outcome is remembered.
    pub(crate) fn check(&self, outer: [u8; 32], key: Tlv<'_>, work: &Work) -> Result<(), SignatureFault> {
        let name = sha256(&[outer, sha256(key.raw)].concat());
        work.once(name, self.body.raw.len(), || {
            algorithm::verify(key, self.algorithm, None, self.body.raw, self.signature)
        })
    }
}

impl<'a> Certificate<'a> {
    /// Reads a certificate that fills `raw`.
    pub(crate) fn parse(raw: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(raw);
        let certificate = outer.take(der::SEQUENCE)?;
        outer.is_empty().then_some(())?;
        let signed = Signed::parse(certificate)?;
        let mut tbs = signed.body.children();
        tbs.take_if(der::explicit(0));
        let serial = tbs.take(der::INTEGER)?.content;
        tbs.take(der::SEQUENCE)?;
        let issuer = tbs.take(der::SEQUENCE)?.raw;
        let mut validity = tbs.take(der::SEQUENCE)?.children();
        let (not_before, not_after) = (validity.next()?.time()?, validity.next()?.time()?);
        let subject = tbs.take(der::SEQUENCE)?.raw;
        let key = tbs.take(der::SEQUENCE)?;
        tbs.take_if(der::implicit(1));
        tbs.take_if(der::implicit(2));
        let extensions = tbs.take_if(der::explicit(3)).and_then(|tlv| tlv.children().take(der::SEQUENCE));
        let name_ids = [issuer, subject].map(name::id);
        Some(Self { raw, serial, issuer, subject, not_before, not_after, key, extensions, signed, name_ids })
    }

    /// The bytes of the public key itself.
    pub(crate) fn key_bits(&self) -> Option<&'a [u8]> {
        let mut key = self.key.children();
        key.take(der::SEQUENCE)?;
        key.take(der::BIT_STRING)?.bits()
    }

    /// Whether the issuer's key signed it; nothing else is compared.
    pub(crate) fn check_signature(
        &self,
        issuer: &Certificate<'_>,
        work: &Work,
    ) -> Result<(), SignatureFault> {
        self.signed.check(sha256(self.raw), issuer.key, work)
    }

    /// True if its issuer has the name of this authority; whether it is the one, a signature says.
    pub(crate) fn names_as_issuer(&self, authority: &Certificate<'_>) -> bool {
        let [issuer, _] = self.name_ids;
        let [_, subject] = authority.name_ids;
        issuer == subject && name::same(self.issuer, authority.subject)
    }

    /// True if it is its own issuer by name: a root, if its signature holds too.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.names_as_issuer(self)
    }

    /// The subject's common name.
    pub(crate) fn common_name(&self) -> Option<String> {
        name::common_name(self.subject)
    }

    /// The last four characters of the first word of the subject's serial number. Singpass puts the end of the national
    /// id there, and something else after a space; others end in it (ETSI EN 319 412-1, 5.1.3).
    pub(crate) fn id_end(&self) -> Option<String> {
        let number = name::attributes(self.subject, oid::SERIAL_NUMBER).pop()?;
        let word: Vec<char> = number.split_whitespace().next()?.chars().collect();
        Some(word[word.len().checked_sub(4)?..].iter().collect())
    }

    /// The subject key identifier.
    pub(crate) fn key_id(&self) -> Option<&'a [u8]> {
        Reader::new(self.extension(oid::SUBJECT_KEY_ID)?).take(der::OCTET_STRING).map(|id| id.content)
    }

    /// True if the extended key usage names this purpose.
    pub(crate) fn has_purpose(&self, purpose: &[u8]) -> bool {
        let Some(list) = self.extension(oid::EXTENDED_KEY_USAGE) else { return false };
        let Some(list) = Reader::new(list).take(der::SEQUENCE) else { return false };
        let mut purposes = list.children();
        while let Some(found) = purposes.oid() {
            if found == purpose {
                return true;
            }
        }
        false
    }

    /// True if the key usage is absent or allows any of these: bits of the first byte, highest first.
    pub(crate) fn allows(&self, bits: u8) -> bool {
        match self.extension(oid::KEY_USAGE) {
            None => true,
            Some(value) => {
                let usage = Reader::new(value).take(der::BIT_STRING);
                usage.and_then(|usage| usage.content.get(1).copied()).is_some_and(|usage| usage & bits != 0)
            }
        }
    }

    /// True if the basic constraints make it a certificate authority's.
    pub(crate) fn is_authority(&self) -> bool {
        let constraints =
            self.extension(oid::BASIC_CONSTRAINTS).and_then(|value| Reader::new(value).take(der::SEQUENCE));
        constraints
            .and_then(|constraints| constraints.children().take_if(der::BOOLEAN))
            .is_some_and(|flag| flag.content != [0])
    }

    /// Where its authority's OCSP responder is (RFC 5280, 4.2.2.1).
    pub(crate) fn ocsp_addresses(&self) -> Vec<String> {
        let Some(list) = self.extension(oid::AUTHORITY_INFO_ACCESS) else { return Vec::new() };
        let Some(list) = Reader::new(list).take(der::SEQUENCE) else { return Vec::new() };
        let mut entries = list.children();
        let responder = |entry: Tlv<'_>| {
            let mut fields = entry.children();
            if fields.oid()? == oid::OCSP { address(fields.next()?) } else { None }
        };
        std::iter::from_fn(|| entries.take(der::SEQUENCE)).filter_map(responder).collect()
    }

    /// Where its authority's revocation lists are (RFC 5280, 4.2.1.13).
    pub(crate) fn list_addresses(&self) -> Vec<String> {
        let Some(points) = self.extension(oid::CRL_DISTRIBUTION_POINTS) else { return Vec::new() };
        let Some(points) = Reader::new(points).take(der::SEQUENCE) else { return Vec::new() };
        let mut points = points.children();
        let mut found = Vec::new();
        while let Some(point) = points.take(der::SEQUENCE) {
            let name = point.children().take(der::explicit(0));
            let Some(full_name) = name.and_then(|name| name.children().take(der::explicit(0))) else {
                continue;
            };
            let mut names = full_name.children();
            found.extend(std::iter::from_fn(|| names.next()).filter_map(address));
        }
        found
    }

    /// The value of the first extension of this type.
    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        self.extensions().find(|extension| extension.oid == oid).map(|extension| extension.value)
    }

    /// All extensions, up to one that cannot be read.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut list = self.extensions.map_or(Reader::new(&[]), |list| list.children());
        std::iter::from_fn(move || {
            let mut fields = list.take(der::SEQUENCE)?.children();
            let oid = fields.oid()?;
            let is_critical = fields.take_if(der::BOOLEAN).is_some_and(|flag| flag.content != [0]);
            Some(Extension { oid, is_critical, value: fields.take(der::OCTET_STRING)?.content })
        })
    }

    /// How many authorities may stand between it and an end (RFC 5280, 4.2.1.9); `None` if any number may.
    pub(crate) fn path_length(&self) -> Option<u32> {
        let constraints = self.extension(oid::BASIC_CONSTRAINTS)?;
        let mut constraints = Reader::new(constraints).take(der::SEQUENCE)?.children();
        constraints.take_if(der::BOOLEAN);
        constraints.small()
    }
}

/// An extension of a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) is_critical: bool,
    pub(crate) value: &'a [u8],
}

/// An address over HTTP in a `GeneralName`; others cannot be asked.
fn address(name: Tlv<'_>) -> Option<String> {
    const URI: u8 = der::implicit(6);
    let text = std::str::from_utf8(name.content).ok().filter(|_| name.tag == URI)?;
    let is_http = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    is_http(&text.to_ascii_lowercase()).then(|| text.to_owned())
}

/// Key usage: digitalSignature or nonRepudiation (contentCommitment).
pub(crate) const SIGNS: u8 = 0b1100_0000;
/// Key usage: keyCertSign.
pub(crate) const SIGNS_CERTIFICATES: u8 = 0b0000_0100;
/// Key usage: cRLSign.
pub(crate) const SIGNS_CRLS: u8 = 0b0000_0010;
