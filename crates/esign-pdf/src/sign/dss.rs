//! The document security store (ETSI EN 319 142-1, 5.4): what a reader needs to check the signature later, offline.

use bytes::Bytes;
use jiff::Timestamp;
use lopdf::{Dictionary, Object, Stream};

use super::update::Update;
use super::{Identity, SignError, TimestampAuthority};
use crate::Limits;

/// Appends to a document that was just signed one more incremental update that adds to the store what the store of Sign with
/// Singpass has: the certificates, an OCSP response for each of them but the root's, and revocation lists. No `/VRI`.
///
/// There is a list of each authority where the real store has one list, because certificates that name no OCSP service, as the
/// ones here, are looked up in lists only by some validators (pyHanko); one that named a service would be looked up there.
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
    let [person, unit] = [identity.chain().next(), tsa.chain().next()]
        .map(|certificate| certificate.ok_or_else(SignError::no_certificate));
    let responses = identity.authorities.ocsp_responses(person?, unit?, now)?;

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

    /// Person, issuing authority, root and timestamp authority; two lists; a response for all but the root.
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
        for (name, expected) in [("a", [5, 4, 3]), ("b", [9, 6, 6])] {
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
