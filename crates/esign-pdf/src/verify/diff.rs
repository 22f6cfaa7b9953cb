//! What changed after a signature, object by object.
//!
//! Every object that differs between the signed revision and the file as it is now needs an explanation from a short
//! list: validation data, document metadata, a further signature in a new or an empty field. Whatever is not explained
//! is a modification. New objects matter only where something old leads to them, and what is old and leads to
//! them has changed too, or was dangling.

use std::collections::{BTreeSet, HashMap, HashSet};

use esign_core::facts::XrefKind;
use lopdf::{Dictionary, Object, ObjectId};

use super::form::FormChanges;
use super::objects::{references, same};
use super::report::Change;
use crate::doc::{Doc, reference};
use crate::view::View;

/// Restrictions that signatures in the old revision put on what may follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restrictions {
    /// The strictest certification or lock: 1 forbids everything but validation data and document timestamps.
    pub(crate) permission: Option<u8>,
    /// Fields that may not be filled any more.
    pub(crate) locks: Vec<Lock>,
}

/// A FieldMDP transform or a signed field's `/Lock`.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    /// `All`, `Include` or `Exclude`.
    pub(crate) action: String,
    /// Full names.
    pub(crate) fields: HashSet<String>,
}

impl Restrictions {
    /// True if the field with this name, or a parent of it, is locked.
    pub(crate) fn lock(&self, name: &str) -> bool {
        let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
        let listed = |lock: &Lock| ends.clone().any(|end| lock.fields.contains(&name[..end]));
        self.locks.iter().any(|lock| match lock.action.as_str() {
            "Include" => listed(lock),
            "Exclude" => !listed(lock),
            _ => true,
        })
    }
}

/// Who refers to an object (`None`: the trailer) and under which key.
type Referrer = (Option<ObjectId>, Vec<u8>);

/// The state of one comparison.
pub(crate) struct Diff<'a> {
    pub(crate) old: &'a View<'a>,
    pub(crate) new: &'a View<'a>,
    /// In both, but different; or gone.
    pub(crate) changed: BTreeSet<ObjectId>,
    /// In the new revision only.
    pub(crate) added: HashSet<ObjectId>,
    explained: HashSet<ObjectId>,
    /// For each changed object: who refers to it in the old revision, and under which key.
    referrers: HashMap<ObjectId, Vec<Referrer>>,
    changes: Vec<Change>,
    /// Entries of lists that may still be looked through: many pages may share one long list.
    pub(crate) entries_left: usize,
}

/// Compares the signed revision with the file as it is now. `signed_end` is the end of the signed bytes.
pub(crate) fn compare(
    old: &View<'_>,
    new: &View<'_>,
    signed_end: usize,
    restrictions: &Restrictions,
) -> Vec<Change> {
    let mut diff = Diff {
        old,
        new,
        changed: BTreeSet::new(),
        added: HashSet::new(),
        explained: HashSet::new(),
        referrers: HashMap::new(),
        changes: Vec::new(),
        entries_left: MOST_ENTRIES,
    };
    diff.structure(signed_end);
    diff.collect();
    diff.dangling();
    diff.trailer();
    diff.catalog(restrictions);
    FormChanges::explain(&mut diff, restrictions);
    diff.unexplained();
    diff.changes
}

impl<'a> Diff<'a> {
    pub(crate) fn old_doc(&self) -> &'a Doc {
        self.old.doc()
    }

    pub(crate) fn new_doc(&self) -> &'a Doc {
        self.new.doc()
    }

    /// The catalog's object in the old revision.
    pub(crate) fn old_root(&self) -> Option<ObjectId> {
        self.old_doc().inner.trailer.get(b"Root").ok().and_then(reference)
    }

    /// Reports a modification.
    pub(crate) fn forbid(&mut self, what: impl Into<String>, object: Option<ObjectId>) {
        self.changes.push(Change { allowed: false, what: what.into(), object: object.map(|id| id.0) });
    }

    /// Reports a change that leaves the signature's meaning alone.
    pub(crate) fn allow(&mut self, what: impl Into<String>, object: Option<ObjectId>) {
        self.changes.push(Change { allowed: true, what: what.into(), object: object.map(|id| id.0) });
    }

    /// Marks a changed object as accounted for, with or without a complaint.
    pub(crate) fn explain(&mut self, id: ObjectId) {
        self.explained.insert(id);
    }

    /// Marks a changed object as accounted for if nothing in the old revision refers to it but under one of these
    /// keys or from one of these objects: otherwise it has a second meaning that changed as well.
    pub(crate) fn explain_if_only_under(&mut self, id: ObjectId, keys: &[&[u8]], from: &HashSet<ObjectId>) {
        let only = self.referrers.get(&id).is_none_or(|referrers| {
            referrers.iter().all(|(referrer, key)| {
                keys.contains(&key.as_slice()) || referrer.is_some_and(|id| from.contains(&id))
            })
        });
        if only {
            self.explained.insert(id);
        }
    }

    /// Marks the object that holds the value of a key, if it is indirect.
    pub(crate) fn explain_value_of(&mut self, dict: &Dictionary, key: &[u8]) {
        if let Some(id) = dict.get(key).ok().and_then(reference) {
            self.explain_if_only_under(id, &[key], &HashSet::new());
        }
    }

    fn structure(&mut self, signed_end: usize) {
        let (old, new) = (&self.old.source.scan, &self.new.source.scan);
        if !self.old.source.damage().is_empty() {
            self.forbid("the signed revision is damaged, so what it showed is uncertain", None);
        }
        if !self.new.source.damage().is_empty() {
            self.forbid(
                "the file is damaged after the signed revision, so readers may show different things",
                None,
            );
        }
        let later = |offset: u64| usize::try_from(offset).is_ok_and(|offset| offset >= signed_end);
        let update = new.revisions.iter().any(|revision| later(revision.offset));
        if !update || new.trailing_bytes > 0 {
            self.forbid("bytes were appended that are not a proper update", None);
        }
        let newest = old.revisions.last().map(|revision| revision.offset);
        if !new.revisions.iter().any(|revision| Some(revision.offset) == newest) {
            self.forbid("the update does not build on the signed revision", None);
        }
        let hybrid = |revision: &&esign_core::facts::Revision| revision.xref == XrefKind::Hybrid;
        if new.revisions.iter().filter(|revision| later(revision.offset)).any(|revision| hybrid(&revision)) {
            self.forbid("the update is hybrid-referenced: it shows different readers different things", None);
        }
        if self.old.pages.ids != self.new.pages.ids {
            self.forbid("pages were added, removed or reordered", None);
        }
    }

    fn collect(&mut self) {
        let (old, new) = (&self.old_doc().inner.objects, &self.new_doc().inner.objects);
        for (id, object) in old {
            if !new.get(id).is_some_and(|now| same(object, now)) {
                self.changed.insert(*id);
            }
        }
        self.added = new.keys().filter(|id| !old.contains_key(id)).copied().collect();
        let mut referrers: HashMap<ObjectId, Vec<_>> = HashMap::new();
        let mut note = |from: Option<ObjectId>, object: &Object| {
            references(object, &mut |key, id| {
                if self.changed.contains(&id) || self.added.contains(&id) {
                    referrers.entry(id).or_default().push((from, key.to_vec()));
                }
            });
        };
        for (id, object) in old {
            note(Some(*id), object);
        }
        note(None, &Object::Dictionary(self.old_doc().inner.trailer.clone()));
        self.referrers = referrers;
    }

    /// Something old referred to nothing, and now there is something.
    fn dangling(&mut self) {
        let mut found: Vec<_> = self.referrers.keys().filter(|id| self.added.contains(id)).copied().collect();
        found.sort_unstable();
        for id in found.into_iter().take(MOST_NAMED) {
            self.forbid("an object was added that the signed revision refers to but does not have", Some(id));
        }
    }

    fn trailer(&mut self) {
        let (old, new) = (&self.old_doc().inner.trailer, &self.new_doc().inner.trailer);
        for key in [&b"Root"[..], b"Encrypt"] {
            if old.get(key).ok() != new.get(key).ok() {
                self.forbid(format!("the trailer's /{} was changed", String::from_utf8_lossy(key)), None);
            }
        }
        let (was, is) = (old.get(b"Info").ok(), new.get(b"Info").ok());
        let id = was.and_then(reference);
        if was != is || id.is_some_and(|id| self.changed.contains(&id)) {
            self.explain_value_of(old, b"Info");
            self.allow("the document information was changed", id);
        }
    }

    fn catalog(&mut self, restrictions: &Restrictions) {
        let (Ok(old), Ok(new)) = (self.old_doc().catalog(), self.new_doc().catalog()) else { return };
        if let Some(root) = self.old_root() {
            self.explain(root);
        }
        for key in differing_keys(old, new) {
            let value = self.new_doc().get(new, &key);
            let fits = match key.as_slice() {
                // Their contents are looked at below and in `form`.
                b"AcroForm" | b"DSS" | b"Extensions" => matches!(value, Some(Object::Dictionary(_))),
                b"Metadata" => value.is_some_and(is_metadata),
                b"Version" => matches!(value, Some(Object::Name(_))) && restrictions.permission != Some(1),
                _ => false,
            };
            if !fits {
                self.forbid(
                    format!("the document catalog's /{} was changed", String::from_utf8_lossy(&key)),
                    None,
                );
            }
        }
        self.validation_data(old, new);
        for key in [&b"Extensions"[..], b"Metadata"] {
            let Some(id) = old.get(key).ok().and_then(reference) else { continue };
            if self.changed.contains(&id)
                && (key != b"Metadata" || self.new_doc().get(new, key).is_some_and(is_metadata))
            {
                self.explain_value_of(old, key);
            }
        }
        if old.get(b"Metadata").ok() != new.get(b"Metadata").ok() || self.value_changed(old, b"Metadata") {
            self.allow("the metadata was changed", None);
        }
    }

    fn validation_data(&mut self, old: &Dictionary, new: &Dictionary) {
        let changed = old.get(b"DSS").ok() != new.get(b"DSS").ok() || self.value_changed(old, b"DSS");
        let mut store = HashSet::new();
        if let Ok(object) = old.get(b"DSS") {
            collect_store(self.old_doc(), object, 0, &mut store);
        }
        let touched: Vec<_> = store.iter().filter(|id| self.changed.contains(id)).copied().collect();
        for id in &touched {
            self.explain_if_only_under(*id, &[b"DSS"], &store);
        }
        if changed || !touched.is_empty() {
            self.allow("validation data (certificates, revocation) was added or replaced", None);
        }
    }

    /// True if the key's value is an indirect object that differs.
    fn value_changed(&self, dict: &Dictionary, key: &[u8]) -> bool {
        dict.get(key).ok().and_then(reference).is_some_and(|id| self.changed.contains(&id))
    }

    fn unexplained(&mut self) {
        let objects = &self.old_doc().inner.objects;
        let containers: Vec<_> =
            self.changed.iter().filter(|id| objects.get(id).is_some_and(is_container)).copied().collect();
        for id in containers {
            self.explain_if_only_under(id, &[b"Extends"], &HashSet::new());
        }
        let left: Vec<_> =
            self.changed.difference(&self.explained.iter().copied().collect()).copied().collect();
        let shown = if left.is_empty() { HashMap::new() } else { self.contents() };
        for id in left.iter().copied().take(MOST_NAMED) {
            let verb = if self.new_doc().inner.objects.contains_key(&id) { "changed" } else { "removed" };
            self.forbid(format!("{} was {verb}", self.describe(id, &shown)), Some(id));
        }
        if let Some(more) = left.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            self.forbid(format!("{more} more objects were changed or removed"), None);
        }
    }

    /// The page (from 1) whose content each stream of the old revision is.
    fn contents(&mut self) -> HashMap<ObjectId, usize> {
        let doc = self.old_doc();
        let mut shown = HashMap::new();
        for (number, page) in (1..).zip(&self.old.pages.ids) {
            let dict = page.and_then(|page| doc.inner.get_dictionary(page).ok());
            let Some(contents) = dict.and_then(|dict| dict.get(b"Contents").ok()) else { continue };
            let list =
                doc.resolve(contents).and_then(|list| list.as_array().ok()).map_or(&[][..], Vec::as_slice);
            let Some(left) = self.entries_left.checked_sub(list.len()) else { break };
            self.entries_left = left;
            for id in std::iter::once(contents).chain(list).filter_map(reference) {
                shown.entry(id).or_insert(number);
            }
        }
        shown
    }

    /// What an object of the old revision is, for a person.
    fn describe(&self, id: ObjectId, shown: &HashMap<ObjectId, usize>) -> String {
        let doc = self.old_doc();
        let page = |number: usize| number + 1;
        if let Some(index) = self.old.pages.ids.iter().position(|page| *page == Some(id)) {
            return format!("page {}", page(index));
        }
        if let Some(field) =
            self.old.fields.list.iter().find(|field| {
                field.id == Some(id) || field.widgets.iter().any(|(widget, _)| *widget == Some(id))
            })
        {
            return format!("form field {}", field.name);
        }
        if let Some(number) = shown.get(&id) {
            return format!("the content of page {number}");
        }
        let dict = match doc.inner.objects.get(&id) {
            Some(Object::Dictionary(dict)) => dict,
            Some(Object::Stream(stream)) => &stream.dict,
            _ => return "an object".to_owned(),
        };
        let kind =
            [&b"Type"[..], b"Subtype"].iter().filter_map(|key| doc.get_name(dict, key)).collect::<Vec<_>>();
        if kind.is_empty() { "an object".to_owned() } else { format!("an object of type {}", kind.join(" ")) }
    }
}

/// Entries of annotation and content lists that one comparison looks at.
const MOST_ENTRIES: usize = 2_000_000;
/// Changes that are named one by one; a file made anew would name every object.
const MOST_NAMED: usize = 100;

/// Keys whose values differ as written, in the order of the new dictionary, removed ones last.
pub(crate) fn differing_keys(old: &Dictionary, new: &Dictionary) -> Vec<Vec<u8>> {
    let differs = |key: &&Vec<u8>| match (old.get(key), new.get(key)) {
        (Ok(was), Ok(is)) => !same(was, is),
        _ => true,
    };
    let removed = old.iter().map(|(key, _)| key).filter(|key| !new.has(key));
    new.iter().map(|(key, _)| key).chain(removed).filter(differs).cloned().collect()
}

/// Object streams and cross-reference streams carry other objects and mean nothing themselves.
fn is_container(object: &Object) -> bool {
    object.as_stream().is_ok_and(|stream| stream.dict.has_type(b"ObjStm") || stream.dict.has_type(b"XRef"))
}

fn is_metadata(object: &Object) -> bool {
    object.as_stream().is_ok_and(|stream| stream.dict.has_type(b"Metadata"))
}

/// The objects of a document security store: dictionary, VRI, entries, arrays and streams are four levels.
fn collect_store(doc: &Doc, object: &Object, depth: usize, store: &mut HashSet<ObjectId>) {
    const DEEPEST: usize = 6;
    if reference(object).is_some_and(|id| !store.insert(id)) || depth > DEEPEST {
        return;
    }
    match doc.resolve(object) {
        Some(Object::Dictionary(dict)) => {
            dict.iter().for_each(|(_, value)| collect_store(doc, value, depth + 1, store));
        }
        Some(Object::Array(array)) => {
            array.iter().for_each(|value| collect_store(doc, value, depth + 1, store))
        }
        _ => {}
    }
}
