//! What an update changed after a signature, held against a closed list of what an update may do.
//!
//! Every object that an update names and that differs needs an explanation: validation data, document metadata, a further
//! signature in a new or an empty field, a field that was filled where a certification allows it. Whatever is not
//! explained is a modification. New objects matter only where something old leads to them, and what is old and leads to
//! them has changed too, or was dangling. That the file leads every viewer to these objects, the survey has shown before.

mod fields;
mod form;
mod same;
mod widget;

use std::collections::{BTreeSet, HashMap, HashSet};

use esign_core::facts::XrefKind;

pub(crate) use same::Pair;

use self::form::FormChanges;
use super::report::Change;
use crate::fields::Fields;
use crate::inspect::Locate;
use crate::reader::{Array, Dict, Doc, Id, Object, Place, Record, Revision, Survey};
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

/// What is compared.
#[derive(Clone, Copy)]
pub(crate) struct Comparison<'a> {
    /// The signed revision.
    pub(crate) old: Doc<'a>,
    pub(crate) old_fields: &'a Fields<'a>,
    /// The file as it is now.
    pub(crate) new: &'a View<'a>,
    pub(crate) locate: &'a Locate<'a>,
    pub(crate) survey: &'a Survey,
    pub(crate) restrictions: &'a Restrictions,
}

/// The state of one comparison.
pub(crate) struct Diff<'a> {
    pub(crate) it: Comparison<'a>,
    /// In both, but different; or gone.
    pub(crate) changed: BTreeSet<Id>,
    /// In the new revision only.
    pub(crate) added: HashSet<Id>,
    explained: HashSet<Id>,
    changes: Vec<Change>,
    /// Entries of lists that may still be looked through: many pages may share one long list.
    pub(crate) entries_left: usize,
}

/// Compares the signed revision with the file as it is now.
pub(crate) fn compare(it: Comparison<'_>) -> Vec<Change> {
    let mut diff = Diff {
        it,
        changed: BTreeSet::new(),
        added: HashSet::new(),
        explained: HashSet::new(),
        changes: Vec::new(),
        entries_left: MOST_ENTRIES,
    };
    diff.structure();
    diff.collect();
    diff.dangling();
    diff.trailer();
    diff.catalog();
    FormChanges::explain(&mut diff);
    diff.unexplained();
    diff.changes
}

impl<'a> Diff<'a> {
    /// The signed revision.
    pub(crate) fn old(&self) -> Doc<'a> {
        self.it.old
    }

    /// The file as it is now.
    pub(crate) fn now(&self) -> Doc<'a> {
        self.it.new.doc
    }

    /// Both, to compare objects between.
    pub(crate) fn pair(&self) -> Pair<'a> {
        Pair { old: self.old(), new: self.now() }
    }

    /// The catalog's object in the old revision.
    pub(crate) fn old_root(&self) -> Option<Id> {
        self.old().trailer().get(b"Root")?.as_reference()
    }

    /// Reports a modification.
    pub(crate) fn forbid(&mut self, what: impl Into<String>, object: Option<Id>) {
        self.changes.push(Change::forbidden(what, object.map(|id| id.0)));
    }

    /// Reports a change that leaves the signature's meaning alone.
    pub(crate) fn allow(&mut self, what: impl Into<String>, object: Option<Id>) {
        self.changes.push(Change::allowed(what, object.map(|id| id.0)));
    }

    /// As [`Diff::allow`], for what a reader of the verdict must know.
    pub(crate) fn point_out(&mut self, what: impl Into<String>, object: Option<Id>) {
        let change = Change::allowed(what, object.map(|id| id.0));
        self.changes.push(Change { remarkable: true, ..change });
    }

    /// Marks a changed object as accounted for, with or without a complaint.
    pub(crate) fn explain(&mut self, id: Id) {
        self.explained.insert(id);
    }

    /// Marks a changed object as accounted for if nothing in the old revision refers to it but under one of these
    /// keys or from one of these objects: otherwise it has a second meaning that changed as well.
    pub(crate) fn explain_if_only_under(&mut self, id: Id, keys: &[&[u8]], from: &HashSet<Id>) {
        let mut referrers = self.it.survey.referrers(self.old().file, id.0, self.old().revision);
        let only = referrers.all(|(source, key)| {
            keys.contains(&key) || source.is_some_and(|source| from.iter().any(|id| id.0 == source))
        });
        if only {
            self.explained.insert(id);
        }
    }

    /// Marks the object that holds the value of a key, if it is indirect.
    pub(crate) fn explain_value_of(&mut self, dict: Dict<'a>, key: &[u8]) {
        if let Some(id) = dict.get(key).and_then(|value| value.as_reference()) {
            self.explain_if_only_under(id, &[key], &HashSet::new());
        }
    }

    /// Some viewers do not read hybrid sections, so an update in one shows different people different things.
    fn structure(&mut self) {
        let newer = usize::from(self.old().revision.0);
        let sections = &self.now().file.sections[..newer];
        if sections.iter().any(|section| section.of_hybrid || section.kind == XrefKind::Hybrid) {
            self.forbid("the update is hybrid-referenced: it shows different readers different things", None);
        }
    }

    /// Only what an update names can have changed.
    fn collect(&mut self) {
        let (file, old) = (self.now().file, self.old().revision);
        for records in file.records().chunk_by(|a, b| a.number == b.number) {
            if records[0].section >= old.0 {
                continue;
            }
            let number = records[0].number;
            let in_use = |revision| file.record(number, revision).filter(|it| it.place != Place::Free);
            let (was, is) = (in_use(old), in_use(Revision::NEWEST));
            let id = |record: Record| (record.number, record.generation);
            match (was.map(id), is.map(id)) {
                (Some(was), Some(is)) if was == is => {
                    let objects = (Object::Reference(was), Object::Reference(is));
                    let (before, after) = (self.old().resolve(objects.0), self.now().resolve(objects.1));
                    let pair = self.pair();
                    if !pair.same(before.unwrap_or(Object::Null), after.unwrap_or(Object::Null)) {
                        self.changed.insert(was);
                    }
                }
                (was, is) => {
                    self.changed.extend(was);
                    self.added.extend(is);
                }
            }
        }
    }

    /// Something old referred to nothing, and now there is something.
    fn dangling(&mut self) {
        let (file, revision) = (self.old().file, self.old().revision);
        let referred = |id: &&Id| self.it.survey.referrers(file, id.0, revision).next().is_some();
        let mut found: Vec<_> = self.added.iter().filter(referred).copied().collect();
        found.sort_unstable();
        for id in found.into_iter().take(MOST_NAMED) {
            self.forbid("an object was added that the signed revision refers to but does not have", Some(id));
        }
    }

    fn trailer(&mut self) {
        let (old, new) = (self.old().trailer(), self.now().trailer());
        let differ = |key: &[u8]| {
            let value = |dict: Dict<'a>| dict.get(key).unwrap_or(Object::Null);
            !self.pair().same(value(old), value(new))
        };
        let (root, encrypt, info) = (differ(b"Root"), differ(b"Encrypt"), differ(b"Info"));
        for (key, differs) in [("Root", root), ("Encrypt", encrypt)] {
            if differs {
                self.forbid(format!("the trailer's /{key} was changed"), None);
            }
        }
        let id = old.get(b"Info").and_then(|info| info.as_reference());
        if info || id.is_some_and(|id| self.changed.contains(&id)) {
            self.explain_value_of(old, b"Info");
            self.allow("the document information was changed", id);
        }
    }

    fn catalog(&mut self) {
        let (Ok(old), Ok(new)) = (self.old().catalog(), self.now().catalog()) else { return };
        if let Some(root) = self.old_root() {
            self.explain(root);
        }
        let may_change_version = self.it.restrictions.permission != Some(1);
        for key in self.pair().differing_keys(old, new) {
            let value = self.now().get(new, &key);
            let fits = match &*key {
                // Their contents are looked at below and in `form`.
                b"AcroForm" | b"Extensions" => matches!(value, Some(Object::Dict(_))),
                b"DSS" => value.is_some_and(|store| is_store(self.now(), store)),
                b"Metadata" => value.is_some_and(is_metadata),
                b"Version" => matches!(value, Some(Object::Name(_))) && may_change_version,
                _ => false,
            };
            if !fits {
                let key = String::from_utf8_lossy(&key);
                self.forbid(format!("the document catalog's /{key} was changed"), None);
            }
        }
        self.validation_data(old, new);
        for key in [&b"Extensions"[..], b"Metadata"] {
            let Some(id) = old.get(key).and_then(|value| value.as_reference()) else { continue };
            if self.changed.contains(&id)
                && (key != b"Metadata" || self.now().get(new, key).is_some_and(is_metadata))
            {
                self.explain_value_of(old, key);
            }
        }
        if self.differs(old, new, b"Metadata") {
            self.allow("the metadata was changed", None);
        }
    }

    fn validation_data(&mut self, old: Dict<'a>, new: Dict<'a>) {
        let mut store = HashSet::new();
        if let Some(object) = old.get(b"DSS") {
            collect_store(self.old(), object, 0, &mut store);
        }
        let touched: Vec<_> = store.iter().filter(|id| self.changed.contains(id)).copied().collect();
        if !touched.is_empty()
            && !self.now().get(new, b"DSS").is_some_and(|store| is_store(self.now(), store))
        {
            return;
        }
        for id in &touched {
            self.explain_if_only_under(*id, &[b"DSS"], &store);
        }
        if self.differs(old, new, b"DSS") || !touched.is_empty() {
            self.allow("validation data (certificates, revocation) was added or replaced", None);
        }
    }

    /// True if the value of a key, or the object that holds it, differs.
    fn differs(&self, old: Dict<'a>, new: Dict<'a>, key: &[u8]) -> bool {
        let value = |dict: Dict<'a>| dict.get(key).unwrap_or(Object::Null);
        let id = value(old).as_reference();
        !self.pair().same(value(old), value(new)) || id.is_some_and(|id| self.changed.contains(&id))
    }

    fn unexplained(&mut self) {
        let tables: Vec<_> = self.changed.iter().filter(|id| self.is_section(**id)).copied().collect();
        for id in tables {
            self.explain_if_only_under(id, &[], &HashSet::new());
        }
        let left: Vec<_> = self.changed.iter().filter(|id| !self.explained.contains(id)).copied().collect();
        let shown = if left.is_empty() { HashMap::new() } else { self.contents() };
        for id in left.iter().copied().take(MOST_NAMED) {
            if self.old().dict_of(id).is_some_and(|node| node.has_type(b"Pages")) {
                self.forbid("pages were added, removed or reordered", Some(id));
                continue;
            }
            let verb = if self.now().object(id).is_some() { "changed" } else { "removed" };
            self.forbid(format!("{} was {verb}", self.describe(id, &shown)), Some(id));
        }
        if let Some(more) = left.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            self.forbid(format!("{more} more objects were changed or removed"), None);
        }
    }

    /// A cross-reference stream whose number the update uses for its own.
    fn is_section(&self, id: Id) -> bool {
        let is = |doc: Doc<'a>| {
            doc.object(id).and_then(|object| object.as_stream()).is_some_and(|it| it.dict.has_type(b"XRef"))
        };
        is(self.old()) && is(self.now())
    }

    /// The page (from 1) whose content each stream of the old revision is.
    fn contents(&mut self) -> HashMap<Id, usize> {
        let doc = self.old();
        let mut shown = HashMap::new();
        for (number, page) in (1..).zip(&self.it.new.pages.ids) {
            let Some(contents) = page.and_then(|page| doc.dict_of(page)?.get(b"Contents")) else { continue };
            let list = doc.resolve(contents).and_then(|list| list.as_array());
            for item in std::iter::once(contents).chain(list.into_iter().flat_map(Array::iter)) {
                let Some(left) = self.entries_left.checked_sub(1) else { return shown };
                self.entries_left = left;
                if let Some(id) = item.as_reference() {
                    shown.entry(id).or_insert(number);
                }
            }
        }
        shown
    }

    /// What an object of the old revision is, for a person.
    fn describe(&self, id: Id, shown: &HashMap<Id, usize>) -> String {
        let doc = self.old();
        if let Some(index) = self.it.new.pages.ids.iter().position(|page| *page == Some(id)) {
            return format!("page {}", index + 1);
        }
        let is_part = |field: &&crate::fields::Field<'_>| {
            field.id == Some(id) || field.widgets.iter().any(|(widget, _)| *widget == Some(id))
        };
        if let Some(field) = self.it.old_fields.list.iter().find(is_part) {
            return format!("form field {}", field.name);
        }
        if let Some(number) = shown.get(&id) {
            return format!("the content of page {number}");
        }
        let Some(dict) = doc.object(id).and_then(|object| object.any_dict()) else {
            return "an object".to_owned();
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

fn is_metadata(object: Object<'_>) -> bool {
    object.as_stream().is_some_and(|stream| stream.dict.has_type(b"Metadata"))
}

/// True if a dictionary has these keys only.
pub(crate) fn has_only(dict: Dict<'_>, keys: &[&[u8]]) -> bool {
    dict.iter().all(|(key, _)| keys.iter().any(|known| key.is(known)))
}

/// A document security store and nothing else (ETSI EN 319 142-1, 5.4).
fn is_store(doc: Doc<'_>, object: Object<'_>) -> bool {
    const LISTS: [&[u8]; 3] = [b"Certs", b"CRLs", b"OCSPs"];
    let Object::Dict(store) = object else { return false };
    let streams = |dict: Dict<'_>, keys: &[&[u8]]| {
        keys.iter().all(|key| match dict.get(key).and_then(|list| doc.resolve(list)) {
            None | Some(Object::Null) => true,
            Some(Object::Array(list)) => {
                list.iter().all(|it| matches!(doc.resolve(it), Some(Object::Stream(_))))
            }
            Some(_) => false,
        })
    };
    let entry = |(_, entry): (_, Object<'_>)| {
        doc.dict(entry).is_some_and(|entry| {
            has_only(entry, &[b"Type", b"Cert", b"CRL", b"OCSP", b"TU", b"TS"])
                && streams(entry, &[b"Cert", b"CRL", b"OCSP"])
        })
    };
    let Some(validated) = store.get(b"VRI").map_or(Some(Dict::EMPTY), |it| doc.dict(it)) else {
        return false;
    };
    let mut entries = validated.iter().filter(|(key, _)| !key.is(b"Type"));
    has_only(store, &[b"Type", b"Certs", b"CRLs", b"OCSPs", b"VRI"])
        && streams(store, &LISTS)
        && entries.all(entry)
}

/// The objects of a document security store: dictionary, VRI, entries, arrays and streams are four levels.
fn collect_store(doc: Doc<'_>, object: Object<'_>, depth: usize, store: &mut HashSet<Id>) {
    const DEEPEST: usize = 6;
    if object.as_reference().is_some_and(|id| !store.insert(id)) || depth > DEEPEST {
        return;
    }
    match doc.resolve(object) {
        Some(Object::Dict(dict)) => {
            dict.iter().for_each(|(_, value)| collect_store(doc, value, depth + 1, store));
        }
        Some(Object::Array(array)) => {
            array.iter().for_each(|value| collect_store(doc, value, depth + 1, store));
        }
        _ => {}
    }
}
