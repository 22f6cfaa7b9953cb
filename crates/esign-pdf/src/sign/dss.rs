//! The document security store (ETSI EN 319 142-1, 5.4): what a reader needs to check the signature later, offline.

use bytes::Bytes;
use jiff::Timestamp;
use lopdf::{Dictionary, Object, Stream};

use super::update::Update;
use super::{Identity, SignError, TimestampAuthority};
use crate::Limits;

/// Appends to a document that was just signed one more incremental update that adds certificates and fresh revocation lists to the store.
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

    let mut update = Update::of_own(pdf, limits)?;
    let mut store =
        update.catalog_entry(b"DSS").and_then(|store| store.as_dict().ok()).cloned().unwrap_or_default();
    store.set("Type", Object::Name(b"DSS".to_vec()));
    add_streams(&mut update, &mut store, "Certs", certificates)?;
    add_streams(&mut update, &mut store, "CRLs", lists.iter().map(Vec::as_slice))?;
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
