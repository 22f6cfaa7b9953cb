//! Changes that further signatures make: fields appended to the form, widgets appended to pages, empty signature
//! fields filled. Each is allowed only in the narrow form that signing needs.

use std::collections::{HashMap, HashSet};

use lopdf::{Dictionary, Object, ObjectId};

use super::diff::{Diff, Restrictions, differing_keys};
use super::objects::{references, same};
use crate::doc::{Doc, reference};
use crate::fields::Field;
use crate::signature::DOCUMENT_TIMESTAMP;

/// The part of a comparison that is about the form.
pub(crate) struct FormChanges<'d, 'a, 'r> {
    diff: &'d mut Diff<'a>,
    restrictions: &'r Restrictions,
    /// Widgets of newly added signature fields: pages may list them.
    new_widgets: HashSet<ObjectId>,
    /// The fields as they are now, by object, and how often each name is used.
    by_id: HashMap<ObjectId, &'a Field<'a>>,
    names: HashMap<&'a str, usize>,
}

impl<'a> FormChanges<'_, 'a, '_> {
    /// Explains what further signatures changed, and complains about the rest.
    pub(crate) fn explain(diff: &mut Diff<'a>, restrictions: &Restrictions) {
        let fields = &diff.new.fields.list;
        let by_id = fields.iter().filter_map(|field| Some((field.id?, field))).collect();
        let mut names = HashMap::new();
        for field in fields {
            *names.entry(field.name.as_str()).or_default() += 1;
        }
        let mut form = FormChanges { diff, restrictions, new_widgets: HashSet::new(), by_id, names };
        form.form_dictionary();
        form.filled_fields();
        form.filled_in();
        form.annotations();
    }

    fn form_dictionary(&mut self) {
        let (old_doc, new_doc) = (self.diff.old_doc(), self.diff.new_doc());
        let (Ok(old_catalog), Ok(new_catalog)) = (old_doc.catalog(), new_doc.catalog()) else { return };
        let none = Dictionary::new();
        let old = old_doc.get_dict(old_catalog, b"AcroForm").unwrap_or(&none);
        let new = new_doc.get_dict(new_catalog, b"AcroForm").unwrap_or(&none);
        self.diff.explain_value_of(old_catalog, b"AcroForm");
        self.diff.explain_value_of(old, b"Fields");
        let form = old_catalog.get(b"AcroForm").ok().and_then(reference).or(self.diff.old_root());
        self.default_resources(old, form);
        for key in differing_keys(old, new) {
            let was = old_doc.get(old, &key);
            let is = new_doc.get(new, &key);
            let fits = match key.as_slice() {
                b"Fields" => true,
                // SignaturesExist and AppendOnly may be set, never cleared.
                b"SigFlags" => {
                    let flags =
                        |object: Option<&Object>| object.and_then(|flags| flags.as_i64().ok()).unwrap_or(0);
                    flags(was) & !flags(is) == 0
                }
                // Defaults for the appearance of new fields; existing ones keep theirs.
                b"DR" => self.keeps_resources(was, is),
                b"DA" => was.is_none() && self.diff.old.fields.list.is_empty(),
                _ => false,
            };
            if !fits {
                self.diff.forbid(format!("the form's /{} was changed", String::from_utf8_lossy(&key)), None);
            }
        }
        self.appended_fields(old_doc.get_array(old, b"Fields"), new_doc.get_array(new, b"Fields"));
    }

    /// Explains the objects that hold the resources, if nothing but the form refers to them.
    fn default_resources(&mut self, old: &Dictionary, form: Option<ObjectId>) {
        let old_doc = self.diff.old_doc();
        let resources = old.get(b"DR").ok();
        let kinds = resources.and_then(|resources| old_doc.dict(resources)).into_iter().flatten();
        let holders: Vec<_> =
            resources.into_iter().chain(kinds.map(|(_, kind)| kind)).filter_map(reference).collect();
        let (Ok(catalog), from) =
            (self.diff.new_doc().catalog(), form.into_iter().chain(holders.clone()).collect())
        else {
            return;
        };
        let new_doc = self.diff.new_doc();
        let is = new_doc.get_dict(catalog, b"AcroForm").and_then(|form| new_doc.get(form, b"DR"));
        if self.keeps_resources(old_doc.get(old, b"DR"), is) {
            holders.into_iter().for_each(|holder| self.diff.explain_if_only_under(holder, &[], &from));
        }
    }

    /// True if every resource that was there still is what it was.
    fn keeps_resources(&self, was: Option<&Object>, is: Option<&Object>) -> bool {
        let (old_doc, new_doc) = (self.diff.old_doc(), self.diff.new_doc());
        let Some(is) = is.and_then(|is| is.as_dict().ok()) else { return false };
        let Some(was) = was else { return true };
        was.as_dict().is_ok_and(|was| {
            was.iter().all(|(kind, _)| match (old_doc.get_dict(was, kind), new_doc.get_dict(is, kind)) {
                (Some(was), Some(is)) => {
                    was.iter().all(|(name, resource)| is.get(name).is_ok_and(|now| same(resource, now)))
                }
                _ => was.get(kind).ok().zip(is.get(kind).ok()).is_some_and(|(was, is)| same(was, is)),
            })
        })
    }

    fn appended_fields(&mut self, old: &[Object], new: &[Object]) {
        let Some(appended) = appended(old, new) else {
            self.diff.forbid("form fields were removed, replaced or reordered", None);
            return;
        };
        for field in appended {
            if let Err(what) = self.new_field(field) {
                self.diff.forbid(what, reference(field));
            }
        }
    }

    /// A field that is new through and through, is a signature field, holds a signature and does nothing else.
    fn new_field(&mut self, object: &Object) -> Result<(), String> {
        let doc = self.diff.new_doc();
        let id = reference(object).filter(|id| self.diff.added.contains(id));
        let id = id.ok_or("the form lists something that is not a new field")?;
        let dict = doc.inner.objects.get(&id).and_then(|object| object.as_dict().ok());
        let dict = dict.ok_or("a field was added that cannot be read")?;
        let field = self.by_id.get(&id).copied().filter(|field| field.is_signature() && !dict.has(b"Parent"));
        let field = field.ok_or("a form field was added that is not a signature field")?;
        let name = &field.name;
        if name.is_empty() || self.names.get(name.as_str()) != Some(&1) {
            return Err("a signature field was added without a name of its own".to_owned());
        }
        if doc.get_array(dict, b"Kids").len()
            + usize::from(field.widgets.iter().any(|(widget, _)| *widget == Some(id)))
            != field.widgets.len()
        {
            return Err(format!("signature field {name} was added with children that are not widgets"));
        }
        for (widget, dict) in &field.widgets {
            let widget = widget.filter(|id| self.diff.added.contains(id));
            let widget =
                widget.ok_or_else(|| format!("signature field {name} uses something old as its box"))?;
            if dict.has(b"A") || dict.has(b"AA") {
                return Err(format!("signature field {name} was added with an action"));
            }
            self.new_widgets.insert(widget);
        }
        match field.value {
            None if field.widgets.iter().any(|(_, widget)| widget.has(b"AP")) => {
                Err(format!("an empty signature field {name} was added that shows something"))
            }
            None if self.restrictions.permission.is_some() => Err(format!(
                "an empty signature field {name} was added, which the certification does not allow"
            )),
            None => {
                self.diff.allow(format!("empty signature field {name} was added"), Some(id));
                Ok(())
            }
            Some(value) => self.may_sign(name, value).map(|()| {
                self.diff.allow(format!("signature field {name} was added and signed"), Some(id));
            }),
        }
    }

    /// The value is a new signature and nothing forbids it.
    fn may_sign(&self, name: &str, value: &Object) -> Result<(), String> {
        let doc = self.diff.new_doc();
        let new = reference(value).is_none_or(|id| self.diff.added.contains(&id));
        let signature =
            doc.dict(value).filter(|value| new && value.has(b"ByteRange") && value.has(b"Contents"));
        let signature =
            signature.ok_or_else(|| format!("signature field {name} was filled with something else"))?;
        let timestamp = doc.get_name(signature, b"SubFilter").as_deref() == Some(DOCUMENT_TIMESTAMP);
        if self.restrictions.permission == Some(1) && !timestamp {
            return Err(format!("signature field {name} was signed, which the certification does not allow"));
        }
        if self.restrictions.lock(name) && !timestamp {
            return Err(format!("signature field {name} was signed although an earlier signature locked it"));
        }
        Ok(())
    }

    /// Signature fields that were empty and are not any more.
    fn filled_fields(&mut self) {
        let old = self.diff.old;
        for field in old.fields.list.iter().filter(|field| field.is_signature() && field.value.is_none()) {
            let Some(id) = field.id else { continue };
            let widgets = field.widgets.iter().filter_map(|(widget, _)| *widget);
            let parts: Vec<_> = std::iter::once(id).chain(widgets.filter(|widget| *widget != id)).collect();
            if !parts.iter().any(|part| self.diff.changed.contains(part)) {
                continue;
            }
            match self.filled(field, &parts) {
                Ok(()) => {
                    self.appearance_written_over(&parts);
                    self.diff.allow(format!("signature field {} was signed", field.name), Some(id));
                }
                Err(what) => self.diff.forbid(what, Some(id)),
            }
            for part in parts {
                self.diff.explain(part);
            }
        }
    }

    /// Other fields that were filled in, which only a certification can allow (ISO 32000-1, table 254).
    fn filled_in(&mut self) {
        if !matches!(self.restrictions.permission, Some(2 | 3)) {
            return;
        }
        let old = self.diff.old;
        for field in old.fields.list.iter().filter(|field| !field.is_signature()) {
            let Some(id) = field.id.filter(|_| !self.restrictions.lock(&field.name)) else { continue };
            let widgets = field.widgets.iter().filter_map(|(widget, _)| *widget);
            let parts: Vec<_> = std::iter::once(id).chain(widgets.filter(|widget| *widget != id)).collect();
            if parts.iter().any(|part| self.diff.changed.contains(part))
                && parts.iter().all(|part| self.only_filled_in(*part))
            {
                self.diff.allow(format!("form field {} was filled in", field.name), Some(id));
                parts.into_iter().for_each(|part| self.diff.explain(part));
            }
        }
    }

    /// True if nothing of a field or widget changed but its value and what shows it.
    fn only_filled_in(&self, part: ObjectId) -> bool {
        let (old, new) = (&self.diff.old_doc().inner, &self.diff.new_doc().inner);
        let (Ok(was), Ok(is)) = (old.get_dictionary(part), new.get_dictionary(part)) else { return false };
        differing_keys(was, is).iter().all(|key| {
            is.get(key).is_ok_and(|value| match key.as_slice() {
                b"V" | b"I" => is_plain_value(value),
                b"AS" => matches!(value, Object::Name(_)),
                b"AP" => self.only_new(value),
                b"M" => matches!(value, Object::String(..)),
                _ => false,
            })
        })
    }

    /// Signing may draw into the appearance that the empty field had, if nothing else shows it and it comes to lead to
    /// nothing else that is old. Only where the widget itself lists it: a dictionary between could be shared.
    fn appearance_written_over(&mut self, parts: &[ObjectId]) {
        let (old, new) = (&self.diff.old_doc().inner, &self.diff.new_doc().inner);
        let leads_to = |object: &Object| {
            let mut found = Vec::new();
            references(object, &mut |_, id| found.push(id));
            found
        };
        let widgets = parts.iter().filter_map(|part| old.get_dictionary(*part).ok());
        let listed = widgets.filter_map(|widget| widget.get(b"AP").ok()?.as_dict().ok());
        let shown = listed.flat_map(|states| states.iter().filter_map(|(_, shown)| reference(shown)));
        let own = parts.iter().copied().collect();
        for id in shown {
            let (Some(was @ Object::Stream(_)), Some(is @ Object::Stream(_))) =
                (old.objects.get(&id), new.objects.get(&id))
            else {
                continue;
            };
            let kept = leads_to(was);
            if leads_to(is).iter().all(|id| kept.contains(id) || self.diff.added.contains(id)) {
                self.diff.explain_if_only_under(id, &[], &own);
            }
        }
    }

    fn filled(&self, field: &Field<'_>, parts: &[ObjectId]) -> Result<(), String> {
        let name = &field.name;
        let (old, new) = (&self.diff.old_doc().inner, &self.diff.new_doc().inner);
        for part in parts.iter().filter(|part| self.diff.changed.contains(part)) {
            let (Ok(was), Ok(is)) = (old.get_dictionary(*part), new.get_dictionary(*part)) else {
                return Err(format!("signature field {name} was removed"));
            };
            for key in differing_keys(was, is) {
                let fits = is.get(&key).is_ok_and(|value| match key.as_slice() {
                    b"V" => Some(*part) == field.id,
                    b"AP" => self.only_new(value),
                    b"M" => matches!(value, Object::String(..)),
                    b"F" => matches!(value, Object::Integer(_)),
                    _ => false,
                });
                if !fits {
                    let key = String::from_utf8_lossy(&key);
                    return Err(format!("/{key} of signature field {name} was changed"));
                }
            }
        }
        let id = field.id.and_then(|id| new.get_dictionary(id).ok());
        match id.and_then(|field| field.get(b"V").ok()) {
            Some(value) => self.may_sign(name, value),
            None => Err(format!("the empty signature field {name} was changed without being signed")),
        }
    }

    /// True if an appearance consists of nothing but new objects.
    fn only_new(&self, appearance: &Object) -> bool {
        let mut new = matches!(appearance, Object::Dictionary(_) | Object::Reference(_));
        references(appearance, &mut |_, id| new &= self.diff.added.contains(&id));
        new
    }

    /// Pages may list the widgets of new signature fields after what they listed before.
    fn annotations(&mut self) {
        let old = self.diff.old;
        let mut explained = HashSet::new();
        for (facts, id) in old.pages.facts.iter().zip(&old.pages.ids) {
            let Some(id) = *id else { continue };
            let (old_doc, new_doc) = (self.diff.old_doc(), self.diff.new_doc());
            let Ok(was) = old_doc.inner.get_dictionary(id) else { continue };
            let list = was.get(b"Annots").ok().and_then(reference);
            if !self.diff.changed.contains(&id) && !list.is_some_and(|list| self.diff.changed.contains(&list))
            {
                continue;
            }
            let number = facts.number;
            self.diff.explain(id);
            if list.is_none_or(|list| explained.insert(list)) {
                self.diff.explain_value_of(was, b"Annots");
            }
            let Ok(is) = new_doc.inner.get_dictionary(id) else {
                self.diff.forbid(format!("page {number} was removed"), Some(id));
                continue;
            };
            for key in differing_keys(was, is).iter().filter(|key| *key != b"Annots") {
                self.diff.forbid(
                    format!("/{} of page {number} was changed", String::from_utf8_lossy(key)),
                    Some(id),
                );
            }
            let proper = is.get(b"Annots").is_err() || is_array(new_doc, is, b"Annots");
            let lists = (old_doc.get_array(was, b"Annots"), new_doc.get_array(is, b"Annots"));
            let left = self.diff.entries_left.checked_sub(lists.1.len());
            self.diff.entries_left = left.unwrap_or_default();
            let widgets_only = proper
                && left.is_some()
                && appended(lists.0, lists.1).is_some_and(|appended| {
                    appended
                        .iter()
                        .all(|item| reference(item).is_some_and(|id| self.new_widgets.contains(&id)))
                });
            if !widgets_only {
                self.diff
                    .forbid(format!("annotations of page {number} were added, changed or removed"), Some(id));
            }
        }
    }
}

/// A text, a choice, or several choices: nothing that leads elsewhere.
fn is_plain_value(value: &Object) -> bool {
    match value {
        Object::String(..) | Object::Name(_) | Object::Integer(_) => true,
        Object::Array(items) => {
            items.iter().all(|item| matches!(item, Object::String(..) | Object::Integer(_)))
        }
        _ => false,
    }
}

fn is_array(doc: &Doc, dict: &Dictionary, key: &[u8]) -> bool {
    doc.get(dict, key).is_some_and(|value| value.as_array().is_ok())
}

/// What comes after the old items, if those are still there in their order.
fn appended<'n>(old: &[Object], new: &'n [Object]) -> Option<&'n [Object]> {
    let (kept, appended) = new.split_at_checked(old.len())?;
    old.iter().zip(kept).all(|(was, is)| same(was, is)).then_some(appended)
}
