//! The document security store (ETSI EN 319 142-1, 5.4), read once and with one budget.

use std::collections::HashSet;

use crate::Limits;
use crate::reader::{Array, Doc};
use crate::revocation::{Evidence, RevocationData};
use crate::x509::Certificate;

/// Certificates and revocation data that the document carries.
pub(crate) struct Store {
    certificates: Vec<Vec<u8>>,
    evidence: RevocationData,
}

impl Store {
    /// Reads what there is, and adds what the caller has; streams beyond the budget are left out.
    pub(crate) fn read(doc: Doc<'_>, further: &RevocationData, limits: &Limits) -> Self {
        let mut budget = limits.max_stream.min(MOST_BYTES);
        let mut streams = |key: &[u8]| streams(doc, key, &mut budget);
        let certificates = streams(b"Certs");
        let mut evidence = RevocationData { crls: streams(b"CRLs"), responses: streams(b"OCSPs") };
        evidence.extend(further.clone());
        Self { certificates, evidence }
    }

    /// What is in it, read once for all signatures.
    pub(crate) fn known(&self) -> Known<'_> {
        let mut seen = HashSet::new();
        let certificates = self.certificates.iter().filter(|raw| seen.insert(raw.as_slice()));
        let certificates = certificates.filter_map(|raw| Certificate::parse(raw)).collect();
        Known { certificates, evidence: Evidence::read(&self.evidence) }
    }
}

/// Certificates, any that cannot be read left out, and revocation lists and responses.
pub(crate) struct Known<'a> {
    pub(crate) certificates: Vec<Certificate<'a>>,
    pub(crate) evidence: Evidence<'a>,
}

/// All streams together; revocation lists of large authorities have a few megabytes.
const MOST_BYTES: usize = 16 << 20;

fn streams(doc: Doc<'_>, key: &[u8], budget: &mut usize) -> Vec<Vec<u8>> {
    /// More than any real document has, so that a hostile one cannot make path building slow.
    const MOST: usize = 1024;
    let store = doc.catalog().ok().and_then(|catalog| doc.get_dict(catalog, b"DSS"));
    let list = store.map_or(Array::EMPTY, |store| doc.get_array(store, key));
    let mut found = Vec::new();
    for item in list.iter().take(MOST) {
        let stream = doc.resolve(item).and_then(|item| item.as_stream());
        if let Some(content) = stream.and_then(|stream| doc.unpacked(stream, *budget).ok())
            && let Some(left) = budget.checked_sub(content.len())
        {
            *budget = left;
            found.push(content.into_owned());
        }
    }
    found
}
