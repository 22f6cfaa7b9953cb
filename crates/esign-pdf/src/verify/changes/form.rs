//! Changes that further signatures make: fields appended to the form, widgets appended to pages, empty signature
//! fields filled. Each is allowed only in the narrow form that signing needs.

use std::collections::{HashMap, HashSet};

use esign_core::facts::{Rect, Widget};

use super::widget::{self, Shows, has_area};
use super::{Diff, Restrictions};
use crate::fields::Field;
use crate::reader::{Array, Dict, Doc, Id, Lexer, Name, Object, Token};
use crate::signature::DOCUMENT_TIMESTAMP;

/// The part of a comparison that is about the form.
pub(crate) struct FormChanges<'d, 'a> {
    diff: &'d mut Diff<'a>,
    restrictions: &'a Restrictions,
    /// Widgets of newly added signature fields: pages may list each once.
    new_widgets: HashSet<Id>,
    /// The fields as they are now, by object, and how often each name is used.
    by_id: HashMap<Id, &'a Field<'a>>,
    names: HashMap<&'a str, usize>,
}

/// What a new signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    Nothing,
    BySomebody,
    Timestamp,
}

impl<'a> FormChanges<'_, 'a> {
    /// Explains what further signatures changed, and complains about the rest.
    pub(crate) fn explain(diff: &mut Diff<'a>) {
        let fields = &diff.it.new.fields.list;
        let by_id = fields.iter().filter_map(|field| Some((field.id?, field))).collect();
        let mut names = HashMap::new();
        for field in fields {
            *names.entry(field.name.as_str()).or_default() += 1;
        }
        let restrictions = diff.it.restrictions;
        let mut form = FormChanges { diff, restrictions, new_widgets: HashSet::new(), by_id, names };
        form.form_dictionary();
        form.filled_signatures();
        form.diff.filled_in();
        form.annotations();
    }

    fn form_dictionary(&mut self) {
        let (old_doc, new_doc) = (self.diff.old(), self.diff.now());
        let (Ok(old_catalog), Ok(new_catalog)) = (old_doc.catalog(), new_doc.catalog()) else { return };
        let old = old_doc.get_dict(old_catalog, b"AcroForm").unwrap_or(Dict::EMPTY);
        let new = new_doc.get_dict(new_catalog, b"AcroForm").unwrap_or(Dict::EMPTY);
        self.diff.explain_value_of(old_catalog, b"AcroForm");
        self.diff.explain_value_of(old, b"Fields");
        let form = old_catalog.get(b"AcroForm").and_then(|form| form.as_reference()).or(self.diff.old_root());
        self.default_resources(old, new, form);
        for key in self.diff.pair().differing_keys(old, new) {
            let was = old_doc.get(old, &key);
            let is = new_doc.get(new, &key);
            let fits = match &*key {
                b"Fields" => true,
                // SignaturesExist and AppendOnly may be set, never cleared.
                b"SigFlags" => {
                    let flags =
                        |object: Option<Object<'_>>| object.and_then(|flags| flags.as_integer()).unwrap_or(0);
                    flags(was) & !flags(is) == 0
                }
                // Defaults for the appearance of new fields; existing ones keep theirs.
                b"DR" => self.keeps_resources(was, is),
                b"DA" => was.is_none() && self.has_own_appearances(),
                // The default, written down.
                b"NeedAppearances" => matches!((was, is), (None, Some(Object::Boolean(false)))),
                _ => false,
            };
            if !fits {
                self.diff.forbid(format!("the form's /{} was changed", String::from_utf8_lossy(&key)), None);
            }
        }
        self.appended_fields(old_doc.get_array(old, b"Fields"), new_doc.get_array(new, b"Fields"));
    }

    /// True if no old field takes the form's default appearance: signatures have none.
    fn has_own_appearances(&self) -> bool {
        let doc = self.diff.old();
        self.diff.it.old_fields.list.iter().filter(|field| !field.is_signature()).all(|field| {
            field.dict.has(b"DA")
                || (!field.widgets.is_empty()
                    && field.widgets.iter().all(|it| doc.get(it.1, b"DA").is_some()))
        })
    }

    /// Explains the objects that hold the resources, if nothing but the form refers to them.
    fn default_resources(&mut self, old: Dict<'a>, new: Dict<'a>, form: Option<Id>) {
        let (old_doc, new_doc) = (self.diff.old(), self.diff.now());
        let resources = old.get(b"DR");
        let kinds = resources.and_then(|resources| old_doc.dict(resources));
        let kinds = kinds.into_iter().flat_map(Dict::iter).map(|(_, kind)| kind);
        let holders: Vec<_> = resources.into_iter().chain(kinds).filter_map(|it| it.as_reference()).collect();
        let from = form.into_iter().chain(holders.clone()).collect();
        if self.keeps_resources(old_doc.get(old, b"DR"), new_doc.get(new, b"DR")) {
            holders.into_iter().for_each(|holder| self.diff.explain_if_only_under(holder, &[], &from));
        }
    }

    /// True if every resource that something old can take from the form still is what it was.
    fn keeps_resources(&self, was: Option<Object<'a>>, is: Option<Object<'a>>) -> bool {
        let (old_doc, new_doc) = (self.diff.old(), self.diff.now());
        let Some(is) = is.and_then(|is| is.as_dict()) else { return false };
        let settled = self.is_settled();
        if settled && self.diff.it.old_fields.list.iter().all(Field::is_signature) {
            return true;
        }
        let was = was.and_then(|was| was.as_dict()).unwrap_or(Dict::EMPTY);
        let kept = was.iter().all(|(kind, listed)| {
            let kind = kind.value();
            match (old_doc.get_dict(was, &kind), new_doc.get_dict(is, &kind)) {
                (Some(was), Some(is)) => was.iter().all(|(name, resource)| {
                    is.get(&name.value()).is_some_and(|now| self.diff.pair().same(resource, now))
                }),
                _ => is.get(&kind).is_some_and(|now| self.diff.pair().same(listed, now)),
            }
        });
        // A name that was missing may be the one that a field is drawn with.
        kept && (settled || !self.adds_resources(was, is))
    }

    /// True if every old field brings what it is drawn with, so that no viewer draws it with the form's defaults.
    fn is_settled(&self) -> bool {
        let doc = self.diff.old();
        let form = doc.catalog().ok().and_then(|catalog| doc.get_dict(catalog, b"AcroForm"));
        let redrawn =
            form.is_some_and(|form| matches!(doc.get(form, b"NeedAppearances"), Some(Object::Boolean(true))));
        !redrawn
            && self.diff.it.old_fields.list.iter().all(|field| {
                field.widgets.iter().all(|(_, widget)| {
                    widget::brings_resources(doc, *widget) && (field.is_signature() || widget.has(b"AP"))
                })
            })
    }

    /// True if a resource is new that an old field, drawn by its default appearance, names.
    fn adds_resources(&self, was: Dict<'a>, is: Dict<'a>) -> bool {
        let (old_doc, new_doc) = (self.diff.old(), self.diff.now());
        let named = self.named_by_defaults();
        is.iter().any(|(kind, _)| {
            let kind = kind.value();
            let before = old_doc.get_dict(was, &kind).unwrap_or(Dict::EMPTY);
            let now = new_doc.get_dict(is, &kind).unwrap_or(Dict::EMPTY);
            now.iter().map(|(name, _)| name.value()).any(|name| !before.has(&name) && named.contains(&*name))
        })
    }

    /// The names in the default appearances of the old form, its fields and what they inherit from.
    fn named_by_defaults(&self) -> HashSet<Vec<u8>> {
        let doc = self.diff.old();
        let form = doc.catalog().ok().and_then(|catalog| doc.get_dict(catalog, b"AcroForm"));
        let fields = self.diff.it.old_fields.list.iter();
        let own =
            fields.flat_map(|field| std::iter::once(field.dict).chain(field.widgets.iter().map(|it| it.1)));
        let with_parents = own.flat_map(|dict| {
            let parent = move |dict: &Dict<'a>| doc.get_dict(*dict, b"Parent");
            std::iter::successors(Some(dict), parent).take(MOST_PARENTS)
        });
        let mut named = HashSet::new();
        for defaults in form.into_iter().chain(with_parents).filter_map(|dict| doc.get_bytes(dict, b"DA")) {
            let mut lexer = Lexer::new(&defaults, 0);
            loop {
                match lexer.next() {
                    Token::End => break,
                    Token::Name(raw) => drop(named.insert(Name::new(raw).value().into_owned())),
                    _ => {}
                }
            }
        }
        named
    }

    fn appended_fields(&mut self, old: Array<'a>, new: Array<'a>) {
        let Some(appended) = self.appended(old, new) else {
            self.diff.forbid("form fields were removed, replaced or reordered", None);
            return;
        };
        for field in appended {
            if let Err(what) = self.new_field(field) {
                self.diff.forbid(what, field.as_reference());
            }
        }
    }

    /// A field that is new through and through, is a signature field, holds a signature and does nothing else.
    fn new_field(&mut self, object: Object<'a>) -> Result<(), String> {
        let doc = self.diff.now();
        let id = object.as_reference().filter(|id| self.diff.added.contains(id));
        let id = id.ok_or("the form lists something that is not a new field")?;
        let dict = doc.dict_of(id).ok_or("a field was added that cannot be read")?;
        let field = self.by_id.get(&id).copied().filter(|field| field.is_signature() && !dict.has(b"Parent"));
        let field = field.ok_or("a form field was added that is not a signature field")?;
        let name = &field.name;
        if name.is_empty() || self.names.get(name.as_str()) != Some(&1) {
            return Err("a signature field was added without a name of its own".to_owned());
        }
        if let Some(entry) = widget::foreign_entry(doc, dict) {
            return Err(format!(
                "signature field {name} was added with {entry}, which a signature does not need"
            ));
        }
        let merged = field.widgets.iter().any(|(widget, _)| *widget == Some(id));
        if doc.get_array(dict, b"Kids").iter().count() + usize::from(merged) != field.widgets.len() {
            return Err(format!("signature field {name} was added with children that are not widgets"));
        }
        let signed = match field.value {
            None => Signed::Nothing,
            Some(value) => self.may_sign(name, value)?,
        };
        if signed == Signed::Nothing && self.restrictions.permission.is_some() {
            return Err(format!(
                "an empty signature field {name} was added, which the certification does not allow"
            ));
        }
        for (widget, dict) in &field.widgets {
            let widget = widget.filter(|id| self.diff.added.contains(id));
            let widget =
                widget.ok_or_else(|| format!("signature field {name} uses something old as its box"))?;
            // A box takes from its parent what it does not say itself; some programs leave the parent out.
            let parent = dict.get(b"Parent").map(|parent| parent.as_reference());
            if Some(widget) != field.id && parent.is_some_and(|parent| parent != field.id) {
                return Err(format!("signature field {name} was added with a box of another parent"));
            }
            self.new_box(name, signed, *dict)?;
            self.new_widgets.insert(widget);
        }
        self.name_field(field, id, signed);
        Ok(())
    }

    /// One box of a new signature field.
    fn new_box(&self, name: &str, signed: Signed, dict: Dict<'a>) -> Result<(), String> {
        let doc = self.diff.now();
        if !widget::is_widget(doc, dict) {
            return Err(format!(
                "signature field {name} was added as an annotation that is not a form field's box"
            ));
        }
        if let Some(entry) = widget::foreign_entry(doc, dict) {
            return Err(format!(
                "signature field {name} was added with {entry}, which a signature does not need"
            ));
        }
        let sized = widget::is_sized(doc, dict);
        let shows = widget::shows(doc, dict, sized);
        if shows == Shows::Anywhere && signed != Signed::Nothing {
            return Err(format!(
                "signature field {name} was added with an appearance that is not held by its box"
            ));
        }
        match signed {
            Signed::Timestamp if shows != Shows::Nothing => Err(format!(
                "document timestamp {name} was added with something to show, which a timestamp does not need"
            )),
            Signed::Nothing if shows != Shows::Nothing => {
                Err(format!("an empty signature field {name} was added that shows something"))
            }
            _ if sized && self.restrictions.permission.is_some() => Err(format!(
                "signature field {name} was added with a box on a page, which may cover what was certified; the \
                 certification allows signatures in fields that are there already, or without a box"
            )),
            _ => Ok(()),
        }
    }

    /// Says that a field was added, where its boxes are, and whether they lie over something that was there.
    fn name_field(&mut self, field: &'a Field<'a>, id: Id, signed: Signed) {
        let name = &field.name;
        let boxes: Vec<_> =
            self.diff.it.locate.widgets(field).into_iter().filter(|it| has_area(it.shown)).collect();
        let places: Vec<_> = boxes.iter().map(place).collect();
        let places = if places.is_empty() { String::new() } else { format!(", {}", places.join(", ")) };
        let what = match signed {
            Signed::Nothing => format!("empty signature field {name} was added{places}"),
            Signed::BySomebody => format!("signature field {name} was added and signed{places}"),
            Signed::Timestamp => format!("document timestamp {name} was added{places}"),
        };
        let shows = field
            .widgets
            .iter()
            .any(|(_, dict)| widget::shows(self.diff.now(), *dict, true) != Shows::Nothing);
        match boxes.iter().find_map(|it| self.covers(it, &field.name)) {
            Some(covered) => self.diff.point_out(format!("{what}; it {covered}"), Some(id)),
            None if shows => {
                self.diff.point_out(format!("{what}; what lies under it can no longer be seen"), Some(id));
            }
            None => self.diff.allow(what, Some(id)),
        }
    }

    /// What a new box lies over that a reader must know of.
    fn covers(&self, new: &Widget, name: &str) -> Option<String> {
        /// Of a page, beyond any signature's box that providers draw.
        const LARGE: f64 = 0.1;
        let it = self.diff.it;
        let page = it.new.pages.facts.get(usize::try_from(new.page).ok()?.checked_sub(1)?)?;
        let share = area(&new.shown) / (page.shown.width * page.shown.height).max(f64::MIN_POSITIVE);
        if share > LARGE {
            return Some(format!(
                "covers {:.0} % of the page, and what it covers can no longer be seen",
                share * 100.0
            ));
        }
        let others = it.new.fields.list.iter().filter(|field| field.name != name);
        let over = others.filter(|field| {
            it.locate
                .widgets(field)
                .iter()
                .any(|other| other.page == new.page && overlap(&new.shown, &other.shown))
        });
        over.map(|field| format!("lies over the box of field {}", field.name)).next()
    }

    /// The value is a new signature and nothing forbids it.
    fn may_sign(&self, name: &str, value: Object<'a>) -> Result<Signed, String> {
        let doc = self.diff.now();
        let new = value.as_reference().is_none_or(|id| self.diff.added.contains(&id));
        let signature =
            doc.dict(value).filter(|value| new && value.has(b"ByteRange") && value.has(b"Contents"));
        let signature =
            signature.ok_or_else(|| format!("signature field {name} was filled with something else"))?;
        // A timestamp is validation data and no signature of a person (ISO 32000-2, 12.8.5).
        if doc.get_name(signature, b"SubFilter").as_deref() == Some(DOCUMENT_TIMESTAMP) {
            return Ok(Signed::Timestamp);
        }
        if self.restrictions.permission == Some(1) {
            return Err(format!("signature field {name} was signed, which the certification does not allow"));
        }
        if self.restrictions.lock(name) {
            return Err(format!("signature field {name} was signed although an earlier signature locked it"));
        }
        Ok(Signed::BySomebody)
    }

    /// Signature fields that were empty and are not any more.
    fn filled_signatures(&mut self) {
        let old = self.diff.it.old_fields;
        for field in old.list.iter().filter(|field| field.is_signature() && field.value.is_none()) {
            let Some(id) = field.id else { continue };
            let parts = Diff::parts(field);
            if !parts.iter().any(|part| self.diff.changed.contains(part)) {
                continue;
            }
            match self.filled(field, &parts) {
                Ok(()) => {
                    self.diff.appearance_written_over(&parts);
                    self.diff.allow(format!("signature field {} was signed", field.name), Some(id));
                }
                Err(what) => self.diff.forbid(what, Some(id)),
            }
            for part in parts {
                self.diff.explain(part);
            }
        }
    }

    fn filled(&self, field: &Field<'a>, parts: &[Id]) -> Result<(), String> {
        let name = &field.name;
        let (old, new) = (self.diff.old(), self.diff.now());
        for part in parts.iter().filter(|part| self.diff.changed.contains(part)) {
            let (Some(was), Some(is)) = (old.dict_of(*part), new.dict_of(*part)) else {
                return Err(format!("signature field {name} was removed"));
            };
            for key in self.diff.pair().differing_keys(was, is) {
                let fits = is.get(&key).is_some_and(|value| match &*key {
                    b"V" => Some(*part) == field.id,
                    b"AP" => self.diff.only_new_or(value, &widget::listed_appearances(was)),
                    b"M" => matches!(value, Object::String(_)),
                    b"F" => matches!(value, Object::Integer(_)),
                    b"MK" => widget::paints_nothing(new, is),
                    _ => false,
                });
                if !fits {
                    let key = String::from_utf8_lossy(&key);
                    return Err(format!("/{key} of signature field {name} was changed"));
                }
            }
        }
        let value = field.id.and_then(|id| new.dict_of(id)?.get(b"V"));
        let value = value
            .ok_or_else(|| format!("the empty signature field {name} was changed without being signed"))?;
        let signed = self.may_sign(name, value)?;
        for widget in parts.iter().filter_map(|part| new.dict_of(*part)) {
            let sized = widget::is_sized(new, widget);
            match widget::shows(new, widget, sized) {
                Shows::Anywhere => {
                    return Err(format!(
                        "signature field {name} got an appearance that is not held by its box"
                    ));
                }
                Shows::InItsBox if signed == Signed::Timestamp => {
                    return Err(format!(
                        "document timestamp {name} shows something in the box of an empty field"
                    ));
                }
                Shows::InItsBox | Shows::Nothing => {}
            }
        }
        Ok(())
    }

    /// Pages may list the widgets of new signature fields after what they listed before.
    fn annotations(&mut self) {
        let pages = &self.diff.it.new.pages;
        let mut explained = HashSet::new();
        let touched = self.touched();
        for (facts, id) in pages.facts.iter().zip(&pages.ids) {
            let Some(id) = id.filter(|id| touched.contains(&id.0)) else { continue };
            let (old_doc, new_doc) = (self.diff.old(), self.diff.now());
            let Some(was) = old_doc.dict_of(id) else { continue };
            let list = was.get(b"Annots").and_then(|list| list.as_reference());
            if !self.diff.changed.contains(&id) && !list.is_some_and(|list| self.diff.changed.contains(&list))
            {
                continue;
            }
            let number = facts.number;
            self.diff.explain(id);
            if list.is_none_or(|list| explained.insert(list)) {
                self.diff.explain_value_of(was, b"Annots");
            }
            let Some(is) = new_doc.dict_of(id) else {
                self.diff.forbid(format!("page {number} was removed"), Some(id));
                continue;
            };
            for key in self.diff.pair().differing_keys(was, is).iter().filter(|key| ***key != *b"Annots") {
                self.diff.forbid(
                    format!("/{} of page {number} was changed", String::from_utf8_lossy(key)),
                    Some(id),
                );
            }
            if !self.lists_new_widgets(old_doc.get_array(was, b"Annots"), new_doc, is) {
                self.diff
                    .forbid(format!("annotations of page {number} were added, changed or removed"), Some(id));
            }
        }
    }

    /// The numbers of objects that changed, and of those that have a list of annotations that did.
    fn touched(&self) -> HashSet<u32> {
        let old = self.diff.old();
        let mut touched: HashSet<u32> = self.diff.changed.iter().map(|id| id.0).collect();
        for id in &self.diff.changed {
            let referrers = self.diff.it.survey.referrers(old.file, id.0, old.revision);
            touched.extend(referrers.filter(|(_, key)| *key == b"Annots").filter_map(|(source, _)| source));
        }
        touched
    }

    /// True if what a page lists now is what it listed before, and then new widgets that no page has listed yet.
    fn lists_new_widgets(&mut self, before: Array<'a>, doc: Doc<'a>, page: Dict<'a>) -> bool {
        let proper = doc.get(page, b"Annots").is_none_or(|list| list.as_array().is_some());
        let now = doc.get_array(page, b"Annots");
        let Some(left) = self.diff.entries_left.checked_sub(now.body.len() / 4) else { return false };
        self.diff.entries_left = left;
        let Some(appended) = self.appended(before, now) else { return false };
        proper
            && appended.iter().all(|item| item.as_reference().is_some_and(|id| self.new_widgets.remove(&id)))
    }

    /// What comes after the old items, if those are still there in their order.
    fn appended(&self, old: Array<'a>, new: Array<'a>) -> Option<Vec<Object<'a>>> {
        let mut now = new.iter();
        for was in old.iter() {
            if !self.diff.pair().same(was, now.next()?) {
                return None;
            }
        }
        Some(now.collect())
    }
}

/// Levels of fields that are looked at for what a field inherits.
const MOST_PARENTS: usize = 32;

/// Where a box is, for a person.
fn place(widget: &Widget) -> String {
    let Rect { x, y, width, height, .. } = widget.shown;
    format!("a box of {width:.0} x {height:.0} pt at ({x:.0}, {y:.0}) of page {}", widget.page)
}

fn area(rect: &Rect) -> f64 {
    rect.width * rect.height
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.top() && b.y < a.top() && area(a) > 0.0 && area(b) > 0.0
}
