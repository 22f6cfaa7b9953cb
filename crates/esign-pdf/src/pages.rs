//! The page tree, walked by our own hand: bounded, without recursion, and without inventing what is missing.

use std::collections::{HashMap, HashSet};

use esign_core::facts::{Inherited, PageFacts, Rect};
use lopdf::{Dictionary, Object, ObjectId};

use crate::doc::{Doc, reference};
use crate::geometry::spanned;
use crate::{Limits, PdfError};

/// The pages in order, and what was odd about their tree.
pub(crate) struct Pages {
    pub(crate) facts: Vec<PageFacts>,
    /// The object of each page; `None` for a page written directly into `/Kids`.
    pub(crate) ids: Vec<Option<ObjectId>>,
    pub(crate) damage: Vec<String>,
}

/// Values that pages inherit from the nodes above (ISO 32000-1, table 30).
#[derive(Clone, Copy, Default)]
struct Attributes<'a> {
    media: Option<&'a Object>,
    crop: Option<&'a Object>,
    rotate: Option<&'a Object>,
    resources: bool,
}

impl<'a> Attributes<'a> {
    fn with(self, node: &'a Dictionary) -> Self {
        let own = |key: &[u8]| node.get(key).ok();
        Self {
            media: own(b"MediaBox").or(self.media),
            crop: own(b"CropBox").or(self.crop),
            rotate: own(b"Rotate").or(self.rotate),
            resources: self.resources || own(b"Resources").is_some(),
        }
    }

    /// What a page has only because a node above it has it.
    fn inherited_by(&self, page: &Dictionary) -> Inherited {
        let own = |key: &[u8]| page.get(key).is_ok();
        Inherited {
            media_box: self.media.is_some() && !own(b"MediaBox"),
            crop_box: self.crop.is_some() && !own(b"CropBox"),
            rotate: self.rotate.is_some() && !own(b"Rotate"),
            resources: self.resources && !own(b"Resources"),
        }
    }
}

/// Walks the page tree in reading order.
pub(crate) fn walk(doc: &Doc, limits: &Limits) -> Result<Pages, PdfError> {
    let root = doc.catalog()?.get(b"Pages").map_err(|_| PdfError::NoPages)?;
    let mut pages = Pages { facts: Vec::new(), ids: Vec::new(), damage: Vec::new() };
    let mut visited = HashSet::new();
    let mut open = vec![(root, Attributes::default(), 0usize)];
    let mut listed = 0usize;
    while let Some((object, inherited, depth)) = open.pop() {
        let id = reference(object);
        let again = id.is_some_and(|id| !visited.insert(id));
        if again {
            pages.damage.push("the page tree contains an object twice".to_owned());
        }
        let Some(node) = doc.dict(object) else {
            pages.damage.push("an entry of the page tree is missing".to_owned());
            continue;
        };
        let inherited = inherited.with(node);
        if is_page(doc, node) {
            if pages.facts.len() == limits.max_pages {
                return Err(PdfError::Limit { what: "pages", limit: limits.max_pages as u64 });
            }
            let number = u32::try_from(pages.facts.len() + 1).unwrap_or(u32::MAX);
            pages.facts.push(page_facts(doc, node, inherited, number, &mut pages.damage)?);
            pages.ids.push(id);
            continue;
        }
        // A page that is listed twice is shown twice; a node would be the way into a loop.
        if again {
            continue;
        }
        let kids = doc.get_array(node, b"Kids");
        if depth == limits.max_depth {
            return Err(PdfError::Limit { what: "levels of the page tree", limit: limits.max_depth as u64 });
        }
        // All lists together: many nodes may share one long list.
        listed += kids.len();
        if listed > limits.max_objects {
            return Err(PdfError::Limit {
                what: "entries of the page tree",
                limit: limits.max_objects as u64,
            });
        }
        open.extend(kids.iter().rev().map(|kid| (kid, inherited, depth + 1)));
    }
    check_count(doc, root, &mut pages);
    pages.damage.dedup();
    if pages.facts.is_empty() {
        return Err(PdfError::NoPages);
    }
    Ok(pages)
}

impl Pages {
    /// The page number (from 1) of every annotation that a page lists.
    pub(crate) fn annotations(&self, doc: &Doc, limits: &Limits) -> Result<HashMap<ObjectId, u32>, PdfError> {
        let mut found = HashMap::new();
        let mut left = limits.max_objects;
        for (page, id) in self.facts.iter().zip(&self.ids) {
            let Some(dict) = id.and_then(|id| doc.inner.get_dictionary(id).ok()) else { continue };
            let annotations = doc.get_array(dict, b"Annots");
            left = left.checked_sub(annotations.len()).ok_or(PdfError::Limit {
                what: "annotations on all pages",
                limit: limits.max_objects as u64,
            })?;
            for id in annotations.iter().filter_map(reference) {
                found.entry(id).or_insert(page.number);
            }
        }
        Ok(found)
    }
}

/// `/Type` says it; where it is missing, a node without children is a page.
fn is_page(doc: &Doc, node: &Dictionary) -> bool {
    match doc.get_name(node, b"Type").as_deref() {
        Some("Page" | "Template") => true,
        Some("Pages") => false,
        _ => !node.has(b"Kids"),
    }
}

fn page_facts(
    doc: &Doc,
    node: &Dictionary,
    inherited: Attributes<'_>,
    number: u32,
    damage: &mut Vec<String>,
) -> Result<PageFacts, PdfError> {
    let area = |rect: &Rect| rect.width > 0.0 && rect.height > 0.0;
    let media = inherited.media.and_then(|object| rectangle(doc, object)).filter(area);
    let media = media.ok_or(PdfError::NoMediaBox { page: number })?;
    let crop = inherited.crop.and_then(|object| rectangle(doc, object));
    if inherited.crop.is_some() && crop.is_none() {
        damage.push(format!("page {number}: its CropBox is not a rectangle and is ignored"));
    }
    let rotate = match inherited.rotate.map(|object| doc.number(object)) {
        None => 0,
        Some(Some(degrees)) if degrees % 90.0 == 0.0 => degrees.rem_euclid(360.0) as u16,
        Some(_) => {
            damage.push(format!("page {number}: its rotation is not a multiple of 90 and is ignored"));
            0
        }
    };
    let user_unit = match node.get(b"UserUnit").ok().map(|object| doc.number(object)) {
        None => 1.0,
        Some(Some(unit)) if unit > 0.0 => unit,
        Some(_) => {
            damage.push(format!("page {number}: its UserUnit is not a positive number and is ignored"));
            1.0
        }
    };
    let mut facts = PageFacts::new(number, media, crop, rotate, user_unit);
    facts.inherited = inherited.inherited_by(node);
    Ok(facts)
}

/// Four numbers, opposite corners in any order.
pub(crate) fn rectangle(doc: &Doc, object: &Object) -> Option<Rect> {
    let corners = doc.resolve(object)?.as_array().ok()?;
    let [a, b, c, d] = corners.as_slice() else { return None };
    let (a, b, c, d) = (doc.number(a)?, doc.number(b)?, doc.number(c)?, doc.number(d)?);
    let tidy = |value: f64| (value * 1e6).round() / 1e6;
    let rect = spanned((a, b), (c, d));
    Some(Rect::new(rect.x, rect.y, tidy(rect.width), tidy(rect.height)))
}

fn check_count(doc: &Doc, root: &Object, pages: &mut Pages) {
    let says = doc.dict(root).and_then(|root| doc.get_integer(root, b"Count"));
    let found = pages.facts.len();
    if says.and_then(|says| usize::try_from(says).ok()) != Some(found) {
        pages.damage.push(format!("the page tree has {found} pages, its /Count says otherwise"));
    }
}
