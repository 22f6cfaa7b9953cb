//! Comparing objects by value, each in its own state of the file.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::reader::{Dict, Doc, Id, Object};

/// Two states of a file between which objects are compared.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) old: Doc<'a>,
    pub(crate) new: Doc<'a>,
}

impl<'a> Pair<'a> {
    /// True if two objects mean the same: dictionaries in any order, numbers by value, strings by their bytes, null and what
    /// leads to nothing as if they were absent, streams by dictionary and packed bytes, references by their number.
    pub(crate) fn same(self, was: Object<'a>, is: Object<'a>) -> bool {
        match (self.some(self.old, was), self.some(self.new, is)) {
            (None, None) => true,
            (Some(was), Some(is)) => self.equal(was, is),
            _ => false,
        }
    }

    /// Keys whose values differ, in the order of the new dictionary, removed ones last. Linear in both.
    pub(crate) fn differing_keys(self, was: Dict<'a>, is: Dict<'a>) -> Vec<Cow<'a, [u8]>> {
        if was.body == is.body && self.old.revision == self.new.revision {
            return Vec::new();
        }
        let mut before: HashMap<Cow<'a, [u8]>, Object<'a>> =
            was.iter().map(|(key, value)| (key.value(), value)).collect();
        let mut differing = Vec::new();
        for (key, value) in is.iter() {
            let key = key.value();
            let same = match before.remove(&key) {
                Some(earlier) => self.same(earlier, value),
                None => self.some(self.new, value).is_none(),
            };
            if !same {
                differing.push(key);
            }
        }
        let mut removed: Vec<_> = before
            .into_iter()
            .filter(|(_, value)| self.some(self.old, *value).is_some())
            .map(|it| it.0)
            .collect();
        removed.sort();
        differing.extend(removed);
        differing
    }

    fn equal(self, was: Object<'a>, is: Object<'a>) -> bool {
        match (was, is) {
            (Object::Boolean(was), Object::Boolean(is)) => was == is,
            (Object::Integer(was), Object::Integer(is)) => was == is,
            (Object::Integer(_) | Object::Real(_), Object::Integer(_) | Object::Real(_)) => {
                self.old.number(was) == self.new.number(is)
            }
            (Object::String(was), Object::String(is)) => self.old.bytes(was) == self.new.bytes(is),
            (Object::Name(was), Object::Name(is)) => was == is,
            (Object::Reference(was), Object::Reference(is)) => was == is,
            (Object::Array(was), Object::Array(is)) => {
                let (mut was, mut is) = (was.iter(), is.iter());
                loop {
                    match (was.next(), is.next()) {
                        (None, None) => return true,
                        (Some(was), Some(is)) if self.same(was, is) => {}
                        _ => return false,
                    }
                }
            }
            (Object::Dict(was), Object::Dict(is)) => self.differing_keys(was, is).is_empty(),
            (Object::Stream(was), Object::Stream(is)) => {
                was.raw == is.raw && self.differing_keys(was.dict, is.dict).is_empty()
            }
            _ => false,
        }
    }

    /// `None` for null, and for what refers to nothing (ISO 32000-1, 7.3.10).
    fn some(self, doc: Doc<'a>, object: Object<'a>) -> Option<Object<'a>> {
        match object {
            Object::Null => None,
            Object::Reference(id) => exists(doc, id).then_some(object),
            _ => Some(object),
        }
    }
}

fn exists(doc: Doc<'_>, id: Id) -> bool {
    doc.object(id).is_some_and(|object| !object.is_null())
}

/// Calls `found` for every reference in an object with the nearest dictionary key above it.
pub(crate) fn references<'a>(object: Object<'a>, found: &mut impl FnMut(&[u8], Id)) {
    // The reader limits nesting, so this cannot run deep.
    fn descend<'a>(key: &[u8], object: Object<'a>, found: &mut impl FnMut(&[u8], Id)) {
        match object {
            Object::Reference(id) => found(key, id),
            Object::Array(items) => items.iter().for_each(|item| descend(key, item, found)),
            Object::Dict(dict) => dict.iter().for_each(|(key, value)| descend(&key.value(), value, found)),
            Object::Stream(stream) => {
                stream.dict.iter().for_each(|(key, value)| descend(&key.value(), value, found));
            }
            _ => {}
        }
    }
    descend(b"", object, found);
}
