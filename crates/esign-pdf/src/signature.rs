//! Signature dictionaries: what a signed field holds, and the PAdES level that its parts amount to.

use std::borrow::Cow;

use esign_core::facts::SignatureLevel;

use crate::cms::{Binding, Reason, SignedData, TimestampInfo};
use crate::fields::Field;
use crate::reader::{Dict, Doc, Str};

/// `/SubFilter` of a document timestamp.
pub(crate) const DOCUMENT_TIMESTAMP: &str = "ETSI.RFC3161";
const PADES: &str = "ETSI.CAdES.detached";

/// A signature dictionary (ISO 32000-1, table 252).
pub(crate) struct SignatureValue<'a> {
    pub(crate) dict: Dict<'a>,
    pub(crate) sub_filter: String,
    /// Decoded, padding included. Never encrypted, even in an encrypted document (ISO 32000-1, 7.6.1).
    pub(crate) contents: Cow<'a, [u8]>,
    /// Four non-negative integers, as written.
    pub(crate) byte_range: Option<[usize; 4]>,
}

impl<'a> SignatureValue<'a> {
    /// Reads the value of a field; `None` if it is not signed.
    pub(crate) fn of(doc: Doc<'a>, field: &Field<'a>) -> Option<Result<Self, Reason>> {
        Some(Self::read(doc, doc.dict(field.value?)))
    }

    /// Reads a signature dictionary.
    pub(crate) fn read(doc: Doc<'a>, dict: Option<Dict<'a>>) -> Result<Self, Reason> {
        let dict = dict.ok_or("its value is not a signature dictionary that can be read")?;
        let sub_filter =
            doc.get_name(dict, b"SubFilter").ok_or("its signature names no format (/SubFilter)")?;
        let contents = doc.get(dict, b"Contents").and_then(|contents| contents.as_string());
        let contents = contents.map(Str::value).ok_or("its signature has no /Contents")?;
        let numbers: Option<Vec<usize>> = doc
            .get_array(dict, b"ByteRange")
            .iter()
            .take(5)
            .map(|number| usize::try_from(doc.resolve(number)?.as_integer()?).ok())
            .collect();
        let byte_range = numbers.and_then(|numbers| numbers.try_into().ok());
        Ok(Self { dict, sub_filter, contents, byte_range })
    }

    /// The byte after the last signed one.
    pub(crate) fn end(&self) -> Option<usize> {
        let [_, _, start, length] = self.byte_range?;
        start.checked_add(length)
    }

    /// True for a document timestamp.
    pub(crate) fn is_document_timestamp(&self) -> bool {
        self.sub_filter == DOCUMENT_TIMESTAMP
    }
}

/// The PAdES baseline level (ETSI EN 319 142-1, 6) of one signature among all that the document has, by what is
/// there. Trusts nobody and verifies no signature value.
pub(crate) fn level(doc: Doc<'_>, value: &SignatureValue<'_>, all: &[&SignatureValue<'_>]) -> SignatureLevel {
    let Some(cms) = Some(&*value.contents).filter(|_| value.sub_filter == PADES).map(SignedData::parse)
    else {
        return SignatureLevel::None;
    };
    let Some(cms) = cms.ok() else { return SignatureLevel::None };
    if cms.signer_certificate(&[]).map(|certificate| cms.binding(&certificate)) != Some(Binding::Matches) {
        return SignatureLevel::None;
    }
    if !cms.signer.timestamps().iter().any(|token| is_timestamp_of(token.raw, &cms.signer.signature)) {
        return SignatureLevel::BB;
    }
    if !has_validation_data(doc) {
        return SignatureLevel::BT;
    }
    let archived = all.iter().any(|other| other.is_document_timestamp() && other.end() > value.end());
    if archived { SignatureLevel::BLTA } else { SignatureLevel::BLT }
}

fn is_timestamp_of(token: &[u8], signature: &[u8]) -> bool {
    let info = SignedData::parse(token).ok().and_then(|token| TimestampInfo::parse(&token));
    info.is_some_and(|info| info.is_about(signature))
}

/// A document security store with certificates and an answer about revocation.
fn has_validation_data(doc: Doc<'_>) -> bool {
    let store = doc.catalog().ok().and_then(|catalog| doc.get_dict(catalog, b"DSS"));
    store.is_some_and(|store| {
        let has = |key: &[u8]| doc.get_array(store, key).iter().next().is_some();
        has(b"Certs") && (has(b"CRLs") || has(b"OCSPs"))
    })
}
