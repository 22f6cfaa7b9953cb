//! The document security store (ETSI EN 319 142-1, 5.4): what a reader needs to check the signature later, offline.

use bytes::Bytes;
use jiff::Timestamp;
use lopdf::{Dictionary, Object, Stream};

use super::update::Update;
use super::{Identity, SignError, TimestampAuthority};
use crate::Limits;

/// Appends to a document that was just signed one more incremental update that adds to the store: the certificates, fresh
/// revocation lists of both authorities and an OCSP response for the person.
pub(super) fn append(
    pdf: &Bytes,
    identity: &Identity,
    tsa: &TimestampAuthority,
    now: Timestamp,
    limits: &Limits,
) -> Result<Bytes, SignError> {
    let mut certificates: Vec<&[u8]> = identity.chain().collect();
    certificates.extend(tsa.chain().filter(|certificate| !identity.chain().any(|own| own == *certificate)));
    let lists = identity.authorities.revocation_lists(now)?;
    let responses = match identity.chain().next() {
        Some(person) => vec![identity.authorities.ocsp_response(person, now)?],
        None => Vec::new(),
    };

    let mut update = Update::of_own(pdf, limits)?;
    let mut store =
        update.catalog_entry(b"DSS").and_then(|store| store.as_dict().ok()).cloned().unwrap_or_default();
    store.set("Type", Object::Name(b"DSS".to_vec()));
    add_streams(&mut update, &mut store, "Certs", certificates)?;
    add_streams(&mut update, &mut store, "CRLs", lists.iter().map(Vec::as_slice))?;
    add_streams(&mut update, &mut store, "OCSPs", responses.iter().map(Vec::as_slice))?;
    let store = update.add(store)?;
    update.set_in_catalog("DSS", store)?;
    Ok(update.save()?.into())
}

fn add_streams<'a>(
    update: &mut Update,
    store: &mut Dictionary,
    key: &str,
    contents: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), SignError> {
    let mut array = update.array(store, key.as_bytes());
    for content in contents {
        let stream = Stream::new(Dictionary::new(), content.to_vec()).with_compression(false);
        array.push(update.add(stream)?.into());
    }
    store.set(key, array);
    Ok(())
}

#[cfg(test)]
mod tests {
    use esign_core::facts::Rect;
    use lopdf::{Dictionary, Document};

    use crate::sign::{Level, SignOptions, Subject, TestPki, sign};
    use crate::testing::{Fixture, Style, stream};

    fn lengths(document: &Document, store: &Dictionary) -> [usize; 3] {
        ["Certs", "CRLs", "OCSPs"].map(|key| {
            store.get_deref(key.as_bytes(), document).and_then(|list| list.as_array()).unwrap().len()
        })
    }

    /// Person, issuing authority, root and timestamp authority; two lists, one response.
    #[test]
    fn the_store_grows_and_keeps_what_it_has() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let objects = [
            "<</Type/Catalog/Pages 2 0 R/DSS 5 0 R>>".to_owned(),
            "<</Type/Pages/Count 1/Kids[3 0 R]>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>".to_owned(),
            stream("", "earlier"),
            "<</Certs[4 0 R]/CRLs 6 0 R/VRI<</A<<>>>>>>".to_owned(),
            "[4 0 R 4 0 R]".to_owned(),
        ];
        let mut pdf = Fixture::new(&(1..).zip(objects).collect::<Vec<_>>(), Style::Table).bytes.into();
        let pki = TestPki::generate(now).unwrap();
        for (name, expected) in [("a", [5, 4, 1]), ("b", [9, 6, 2])] {
            let identity = pki.issue(&Subject::new("First signer"), now).unwrap();
            let rect = Rect::new(0.0, 0.0, 0.0, 0.0);
            let options = SignOptions { level: Level::BLT, ..SignOptions::new(name, 1, rect, now) };
            pdf = sign(&pdf, &identity, Some(pki.tsa()), &options).unwrap();
            let document = Document::load_mem(&pdf).unwrap();
            let store = document.get_dict_in_dict(document.catalog().unwrap(), b"DSS").unwrap();
            assert_eq!(lengths(&document, store), expected, "{name}");
            assert!(store.has(b"VRI"));
        }
    }
}
