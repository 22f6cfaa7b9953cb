//! The form's fields: an iterative, bounded walk that gives each terminal field its full name, type and widgets.

use std::collections::HashSet;
use std::rc::Rc;

use lopdf::{Dictionary, Object, ObjectId};

use crate::doc::{Doc, reference, text};
use crate::{Limits, PdfError};

/// A terminal field.
pub(crate) struct Field<'a> {
    /// The full, dotted name.
    pub(crate) name: String,
    /// Its object; `None` if it is written directly into an array.
    pub(crate) id: Option<ObjectId>,
    /// Its own dictionary.
    pub(crate) dict: &'a Dictionary,
    /// `/FT`, inherited where it is not its own.
    pub(crate) kind: Option<&'a [u8]>,
    /// `/V` as written, inherited where it is not its own.
    pub(crate) value: Option<&'a Object>,
    /// Where it appears: itself if merged with its widget, and its widget children.
    pub(crate) widgets: Vec<(Option<ObjectId>, &'a Dictionary)>,
}

impl Field<'_> {
    /// True for a signature field.
    pub(crate) fn is_signature(&self) -> bool {
        self.kind == Some(b"Sig")
    }
}

/// All terminal fields in the order of the form, and what was odd.
pub(crate) struct Fields<'a> {
    pub(crate) list: Vec<Field<'a>>,
    pub(crate) damage: Vec<String>,
}

struct Open<'a> {
    object: &'a Object,
    /// Of its parent: very many fields may wait under one.
    name: Rc<str>,
    kind: Option<&'a [u8]>,
    value: Option<&'a Object>,
    depth: usize,
}

/// Every child repeats the names above it, so a long one would multiply.
const LONGEST_NAME: usize = 4096;

/// Walks `/AcroForm` `/Fields` (ISO 32000-1, 12.7.3).
pub(crate) fn walk<'a>(doc: &'a Doc, limits: &Limits) -> Result<Fields<'a>, PdfError> {
    let mut fields = Fields { list: Vec::new(), damage: Vec::new() };
    let Some(form) = doc.get_dict(doc.catalog()?, b"AcroForm") else { return Ok(fields) };
    let none: Rc<str> = "".into();
    let roots = doc.get_array(form, b"Fields").iter().rev();
    let mut open: Vec<_> = roots
        .map(|object| Open { object, name: Rc::clone(&none), kind: None, value: None, depth: 0 })
        .collect();
    let mut visited = HashSet::new();
    let (mut seen, mut listed) = (0usize, 0usize);
    while let Some(node) = open.pop() {
        let id = reference(node.object);
        if id.is_some_and(|id| !visited.insert(id)) {
            fields.damage.push("the form contains a field twice".to_owned());
            continue;
        }
        seen += 1;
        if seen > limits.max_fields {
            return Err(PdfError::Limit { what: "form fields and widgets", limit: limits.max_fields as u64 });
        }
        if node.depth > limits.max_depth {
            return Err(PdfError::Limit { what: "levels of form fields", limit: limits.max_depth as u64 });
        }
        let Some(dict) = doc.dict(node.object) else {
            fields.damage.push("an entry of the form's field list is missing or broken".to_owned());
            continue;
        };
        let name = full_name(doc, dict, &node.name);
        if name.len() > LONGEST_NAME {
            return Err(PdfError::Limit {
                what: "bytes in the name of a form field",
                limit: LONGEST_NAME as u64,
            });
        }
        let kind = doc.get(dict, b"FT").and_then(|kind| kind.as_name().ok()).or(node.kind);
        let value = dict.get(b"V").ok().filter(|value| !value.is_null()).or(node.value);
        let kids = doc.get_array(dict, b"Kids");
        // All lists together: many fields may share one long list.
        listed += kids.len();
        if listed > limits.max_objects {
            return Err(PdfError::Limit {
                what: "children of form fields",
                limit: limits.max_objects as u64,
            });
        }
        let (children, widgets): (Vec<_>, Vec<_>) =
            kids.iter().partition(|kid| doc.dict(kid).is_none_or(|kid| kid.has(b"T")));
        if !children.is_empty() {
            let name: Rc<str> = name.into();
            let open_child =
                |object| Open { object, name: Rc::clone(&name), kind, value, depth: node.depth + 1 };
            open.extend(children.into_iter().rev().map(open_child));
            continue;
        }
        seen += widgets.len();
        let own = is_widget(doc, dict).then_some((id, dict));
        let kids = widgets.into_iter().filter_map(|kid| Some((reference(kid), doc.dict(kid)?)));
        fields.list.push(Field {
            name,
            id,
            dict,
            kind,
            value,
            widgets: own.into_iter().chain(kids).collect(),
        });
    }
    fields.damage.dedup();
    Ok(fields)
}

fn full_name(doc: &Doc, dict: &Dictionary, parent: &str) -> String {
    let own = doc.get(dict, b"T").and_then(|name| name.as_str().ok()).map(text);
    match own {
        Some(own) if parent.is_empty() => own,
        Some(own) => format!("{parent}.{own}"),
        None => parent.to_owned(),
    }
}

fn is_widget(doc: &Doc, dict: &Dictionary) -> bool {
    doc.get_name(dict, b"Subtype").as_deref() == Some("Widget") || dict.has(b"Rect")
}
