//! The form's fields: an iterative, bounded walk that gives each terminal field its full name, type and widgets.

use std::collections::HashSet;
use std::rc::Rc;

use crate::reader::{Array, Dict, Doc, Id, Name, Object};
use crate::{Limits, PdfError};

/// A terminal field.
pub(crate) struct Field<'a> {
    /// The full, dotted name.
    pub(crate) name: String,
    /// Its object; `None` if it is written directly into an array.
    pub(crate) id: Option<Id>,
    /// Its own dictionary.
    pub(crate) dict: Dict<'a>,
    /// `/FT`, inherited where it is not its own.
    pub(crate) kind: Option<Name<'a>>,
    /// `/V` as written, inherited where it is not its own.
    pub(crate) value: Option<Object<'a>>,
    /// Where it appears: itself if merged with its widget, and its widget children.
    pub(crate) widgets: Vec<(Option<Id>, Dict<'a>)>,
}

impl Field<'_> {
    /// True for a signature field.
    pub(crate) fn is_signature(&self) -> bool {
        self.kind.is_some_and(|kind| kind.is(b"Sig"))
    }
}

/// All terminal fields in the order of the form, and what was odd.
pub(crate) struct Fields<'a> {
    pub(crate) list: Vec<Field<'a>>,
    pub(crate) damage: Vec<String>,
}

struct Open<'a> {
    object: Object<'a>,
    /// Of its parent: very many fields may wait under one.
    name: Rc<str>,
    kind: Option<Name<'a>>,
    value: Option<Object<'a>>,
    depth: usize,
}

/// Every child repeats the names above it, so a long one would multiply.
const LONGEST_NAME: usize = 4096;

/// Walks `/AcroForm` `/Fields` (ISO 32000-1, 12.7.3).
pub(crate) fn walk<'a>(doc: Doc<'a>, limits: &Limits) -> Result<Fields<'a>, PdfError> {
    let mut fields = Fields { list: Vec::new(), damage: Vec::new() };
    let Some(form) = doc.get_dict(doc.catalog()?, b"AcroForm") else { return Ok(fields) };
    let none: Rc<str> = "".into();
    let (mut seen, mut listed) = (0usize, 0usize);
    let roots = listed_in(doc.get_array(form, b"Fields"), &mut listed, limits)?;
    let root = |object| Open { object, name: Rc::clone(&none), kind: None, value: None, depth: 0 };
    let mut open: Vec<_> = roots.into_iter().rev().map(root).collect();
    let mut visited = HashSet::new();
    while let Some(node) = open.pop() {
        let id = node.object.as_reference();
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
        let kind = doc.get(dict, b"FT").and_then(|kind| kind.as_name()).or(node.kind);
        // A value that leads to nothing is a fault to be named, so it is kept as written.
        let value = dict.get(b"V").or(node.value);
        let kids = listed_in(doc.get_array(dict, b"Kids"), &mut listed, limits)?;
        // A kid that is null, or leads to nothing, is no kid (ISO 32000-1, 7.3.10): it hides nothing.
        let (kids, missing): (Vec<_>, Vec<_>) = kids.into_iter().partition(|kid| doc.dict(*kid).is_some());
        if missing.iter().any(|kid| !kid.is_null()) {
            fields.damage.push(format!("a kid of form field {name} is missing or broken"));
        }
        let (children, widgets): (Vec<_>, Vec<_>) =
            kids.into_iter().partition(|kid| doc.dict(*kid).is_some_and(|kid| kid.has(b"T")));
        if !children.is_empty() {
            let name: Rc<str> = name.into();
            let open_child =
                |object| Open { object, name: Rc::clone(&name), kind, value, depth: node.depth + 1 };
            open.extend(children.into_iter().rev().map(open_child));
            continue;
        }
        seen += widgets.len();
        let own = is_widget(doc, dict).then_some((id, dict));
        let kids = widgets.into_iter().filter_map(|kid| Some((kid.as_reference(), doc.dict(kid)?)));
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

/// The items of a list. All lists together are bounded: many fields may share one long list.
fn listed_in<'a>(list: Array<'a>, listed: &mut usize, limits: &Limits) -> Result<Vec<Object<'a>>, PdfError> {
    let mut items = Vec::new();
    for item in list.iter() {
        *listed += 1;
        if *listed > limits.max_objects {
            let limit = limits.max_objects as u64;
            return Err(PdfError::Limit { what: "children of form fields", limit });
        }
        items.push(item);
    }
    Ok(items)
}

fn full_name<'a>(doc: Doc<'a>, dict: Dict<'a>, parent: &str) -> String {
    match doc.get_text(dict, b"T") {
        Some(own) if parent.is_empty() => own,
        Some(own) => format!("{parent}.{own}"),
        None => parent.to_owned(),
    }
}

fn is_widget<'a>(doc: Doc<'a>, dict: Dict<'a>) -> bool {
    doc.get_name(dict, b"Subtype").as_deref() == Some("Widget") || dict.has(b"Rect")
}
