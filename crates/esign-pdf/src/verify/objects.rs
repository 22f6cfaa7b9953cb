//! Comparing and traversing PDF objects by value.

use lopdf::{Dictionary, Object, ObjectId};

/// True if two objects mean the same: dictionaries in any order, streams by dictionary and raw bytes, wherever in the
/// file they stand.
pub(crate) fn same(a: &Object, b: &Object) -> bool {
    match (a, b) {
        (Object::Dictionary(a), Object::Dictionary(b)) => same_dict(a, b),
        (Object::Stream(a), Object::Stream(b)) => same_dict(&a.dict, &b.dict) && a.content == b.content,
        (Object::Array(a), Object::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Object::String(a, _), Object::String(b, _)) => a == b,
        _ => a == b,
    }
}

fn same_dict(a: &Dictionary, b: &Dictionary) -> bool {
    a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_ok_and(|other| same(value, other)))
}

/// Calls `found` for every reference in an object with the nearest dictionary key above it.
pub(crate) fn references(object: &Object, found: &mut impl FnMut(&[u8], ObjectId)) {
    // The reader limits nesting, so this cannot run deep.
    fn descend(key: &[u8], object: &Object, found: &mut impl FnMut(&[u8], ObjectId)) {
        match object {
            Object::Reference(id) => found(key, *id),
            Object::Array(items) => items.iter().for_each(|item| descend(key, item, found)),
            Object::Dictionary(dict) => dict.iter().for_each(|(key, value)| descend(key, value, found)),
            Object::Stream(stream) => stream.dict.iter().for_each(|(key, value)| descend(key, value, found)),
            _ => {}
        }
    }
    descend(b"", object, found);
}
