//! What a new signature field and its boxes may have: a closed list, because anything else could draw, run or hide.

use esign_core::facts::Rect;

use crate::pages::rectangle;
use crate::reader::{Array, Dict, Doc, Id, Object};

use super::has_only;

/// Entries of a signature field and of its widgets that programs write and that do nothing by themselves (ISO 32000-1,
/// tables 164, 188, 220, 221 and 232).
const ENTRIES: [&[u8]; 24] = [
    b"Type", b"Subtype", b"FT", b"T", b"TU", b"TM", b"V", b"Ff", b"F", b"P", b"Rect", b"AP", b"NM", b"M",
    b"Parent", b"Kids", b"Lock", b"SV", b"DA", b"DR", b"MK", b"BS", b"Border", b"H",
];

/// Says what a new signature field or one of its widgets has that it may not have.
pub(crate) fn foreign_entry(doc: Doc<'_>, dict: Dict<'_>) -> Option<String> {
    let unknown = dict.iter().find(|(key, _)| !ENTRIES.iter().any(|known| key.is(known)));
    if dict.has(b"A") || dict.has(b"AA") {
        return Some("an action".to_owned());
    }
    if let Some((key, _)) = unknown {
        return Some(format!("/{}", key.text()));
    }
    let shows = dict.has(b"AP");
    for (key, fits) in [
        (&b"Type"[..], is_name_or_absent(doc, dict, b"Type", b"Annot")),
        (b"FT", is_name_or_absent(doc, dict, b"FT", b"Sig")),
        (b"MK", doc.get(dict, b"MK").is_none_or(|it| it.as_dict().is_some_and(|it| has_only(it, &[b"R"])))),
        (
            b"BS",
            shows || doc.get_dict(dict, b"BS").is_none_or(|style| doc.get_integer(style, b"W") == Some(0)),
        ),
        (b"Border", shows || is_no_border(doc, dict)),
    ] {
        if !fits {
            return Some(format!("/{}", String::from_utf8_lossy(key)));
        }
    }
    None
}

/// True if the appearance characteristics of a widget turn it at most (ISO 32000-1, table 189).
pub(crate) fn paints_nothing<'a>(doc: Doc<'a>, dict: Dict<'a>) -> bool {
    doc.get(dict, b"MK").is_none_or(|it| it.as_dict().is_some_and(|it| has_only(it, &[b"R"])))
}

/// True if an annotation is a form field's box and nothing that draws by itself.
pub(crate) fn is_widget(doc: Doc<'_>, dict: Dict<'_>) -> bool {
    doc.get_name(dict, b"Subtype").as_deref() == Some("Widget")
}

/// What a widget shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Nothing at all.
    Nothing,
    /// Something, and all of it within its box.
    InItsBox,
    /// Something that viewers may draw elsewhere.
    Anywhere,
}

/// What a widget shows, by its appearances. `sized`: its box has an area.
pub(crate) fn shows(doc: Doc<'_>, dict: Dict<'_>, sized: bool) -> Shows {
    let Some(appearances) = doc.get(dict, b"AP") else { return Shows::Nothing };
    let Some(appearances) = appearances.as_dict() else { return Shows::Anywhere };
    let mut shown = Shows::Nothing;
    for (_, appearance) in appearances.iter() {
        let streams: Vec<_> = match doc.resolve(appearance) {
            Some(Object::Stream(stream)) => vec![Some(Object::Stream(stream))],
            Some(Object::Dict(states)) => states.iter().map(|(_, state)| doc.resolve(state)).collect(),
            None => continue,
            Some(_) => return Shows::Anywhere,
        };
        for stream in streams.into_iter().flatten() {
            // Only a stream can be drawn.
            let Object::Stream(stream) = stream else { continue };
            let limit = doc.file.limits.max_stream;
            let content = doc.unpacked(stream, limit);
            if content.is_ok_and(|content| content.iter().all(|byte| crate::reader::is_space(*byte))) {
                continue;
            }
            // Without a box of its own, or into a box without size, some viewers draw unclipped.
            if !sized || !has_box(doc, stream.dict) {
                return Shows::Anywhere;
            }
            shown = Shows::InItsBox;
        }
    }
    shown
}

/// True if a widget's rectangle has an area.
pub(crate) fn is_sized<'a>(doc: Doc<'a>, dict: Dict<'a>) -> bool {
    dict.get(b"Rect").and_then(|rect| rectangle(doc, rect)).is_some_and(has_area)
}

pub(crate) fn has_area(rect: Rect) -> bool {
    rect.width > 0.0 && rect.height > 0.0
}

/// A bounding box with an area, and a matrix that keeps it one.
fn has_box<'a>(doc: Doc<'a>, dict: Dict<'a>) -> bool {
    let area = dict.get(b"BBox").and_then(|object| rectangle(doc, object));
    let Some(matrix) = dict.get(b"Matrix") else { return area.is_some_and(has_area) };
    let numbers = doc.resolve(matrix).and_then(|matrix| matrix.as_array());
    let numbers: Vec<_> =
        numbers.into_iter().flat_map(Array::iter).take(7).map_while(|it| doc.number(it)).collect();
    let [a, b, c, d, _, _] = numbers[..] else { return false };
    area.is_some_and(has_area) && (a * d - b * c).abs() > 1e-9
}

/// True if every appearance of an old widget brings its own resources, so that no default of the form shows in it.
pub(crate) fn brings_resources(doc: Doc<'_>, dict: Dict<'_>) -> bool {
    let Some(appearances) = doc.get_dict(dict, b"AP") else { return true };
    let own = |object: Object<'_>| match object {
        Object::Stream(stream) => doc.get_dict(stream.dict, b"Resources").is_some(),
        _ => true,
    };
    appearances.iter().all(|(_, appearance)| match doc.resolve(appearance) {
        Some(Object::Dict(states)) => states.iter().filter_map(|(_, state)| doc.resolve(state)).all(own),
        Some(object) => own(object),
        None => true,
    })
}

/// References among the appearances of a widget, one by one, as it lists them itself.
pub(crate) fn listed_appearances(dict: Dict<'_>) -> Vec<Id> {
    let Some(Object::Dict(appearances)) = dict.get(b"AP") else { return Vec::new() };
    appearances.iter().filter_map(|(_, shown)| shown.as_reference()).collect()
}

fn is_name_or_absent(doc: Doc<'_>, dict: Dict<'_>, key: &[u8], expected: &[u8]) -> bool {
    doc.get(dict, key).is_none_or(|name| name.as_name().is_some_and(|name| name.is(expected)))
}

fn is_no_border(doc: Doc<'_>, dict: Dict<'_>) -> bool {
    doc.get(dict, b"Border").is_none_or(|border| {
        border
            .as_array()
            .is_some_and(|it| it.iter().nth(2).is_some_and(|width| doc.number(width) == Some(0.0)))
    })
}
