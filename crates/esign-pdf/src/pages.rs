//! The page tree, walked by our own hand: bounded, without recursion, and without inventing what is missing.

use std::collections::{HashMap, HashSet};

use esign_core::facts::{Inherited, PageFacts, Rect};

use crate::geometry::spanned;
use crate::reader::{Dict, Doc, Id, Object};
use crate::{Limits, PdfError};

/// The pages in order, and what was odd about their tree.
pub(crate) struct Pages {
    pub(crate) facts: Vec<PageFacts>,
    /// The object of each page; `None` for a page written directly into `/Kids`.
    pub(crate) ids: Vec<Option<Id>>,
    pub(crate) damage: Vec<String>,
}

/// Values that pages inherit from the nodes above (ISO 32000-1, table 30).
#[derive(Clone, Copy, Default)]
struct Attributes<'a> {
    media: Option<Object<'a>>,
    crop: Option<Object<'a>>,
    rotate: Option<Object<'a>>,
    resources: bool,
}

impl<'a> Attributes<'a> {
    fn with(self, doc: Doc<'a>, node: Dict<'a>) -> Self {
        let own = |key: &[u8]| doc.get(node, key);
        Self {
            media: own(b"MediaBox").or(self.media),
            crop: own(b"CropBox").or(self.crop),
            rotate: own(b"Rotate").or(self.rotate),
            resources: self.resources || own(b"Resources").is_some(),
        }
    }

    /// What a page has only because a node above it has it.
    fn inherited_by(self, doc: Doc<'a>, page: Dict<'a>) -> Inherited {
        let own = |key: &[u8]| doc.get(page, key).is_some();
        Inherited {
            media_box: self.media.is_some() && !own(b"MediaBox"),
            crop_box: self.crop.is_some() && !own(b"CropBox"),
            rotate: self.rotate.is_some() && !own(b"Rotate"),
            resources: self.resources && !own(b"Resources"),
        }
    }
}

/// Walks the page tree in reading order.
pub(crate) fn walk(doc: Doc<'_>, limits: &Limits) -> Result<Pages, PdfError> {
    let root = doc.catalog()?.get(b"Pages").ok_or(PdfError::NoPages)?;
    let mut pages = Pages { facts: Vec::new(), ids: Vec::new(), damage: Vec::new() };
    let mut visited = HashSet::new();
    let mut open = vec![(root, Attributes::default(), 0usize)];
    let mut listed = 0usize;
    while let Some((object, inherited, depth)) = open.pop() {
        let id = object.as_reference();
        let again = id.is_some_and(|id| !visited.insert(id));
        if again {
            pages.damage.push("the page tree contains an object twice".to_owned());
        }
        let Some(node) = doc.dict(object) else {
            pages.damage.push("an entry of the page tree is missing".to_owned());
            continue;
        };
        let inherited = inherited.with(doc, node);
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
        if depth == limits.max_depth {
            return Err(PdfError::Limit { what: "levels of the page tree", limit: limits.max_depth as u64 });
        }
        let first = open.len();
        for kid in doc.get_array(node, b"Kids").iter() {
            // All lists together: many nodes may share one long list.
            listed += 1;
            if listed > limits.max_objects {
                let limit = limits.max_objects as u64;
                return Err(PdfError::Limit { what: "entries of the page tree", limit });
            }
            open.push((kid, inherited, depth + 1));
        }
        open[first..].reverse();
    }
    check_count(doc, root, &mut pages);
    pages.damage.dedup();
    if pages.facts.is_empty() {
        return Err(PdfError::NoPages);
    }
    Ok(pages)
}

impl Pages {
    /// What is odd about the tree itself, so that viewers may not find the same pages.
    pub(crate) fn tree_damage(&self) -> impl Iterator<Item = String> {
        self.damage.iter().filter(|damage| damage.contains("page tree")).cloned()
    }

    /// The page number (from 1) of every annotation that a page lists.
    pub(crate) fn annotations(&self, doc: Doc<'_>, limits: &Limits) -> Result<HashMap<Id, u32>, PdfError> {
        let mut found = HashMap::new();
        let mut left = limits.max_objects;
        for (page, id) in self.facts.iter().zip(&self.ids) {
            let Some(dict) = id.and_then(|id| doc.dict_of(id)) else { continue };
            for annotation in doc.get_array(dict, b"Annots").iter() {
                left = left.checked_sub(1).ok_or(PdfError::Limit {
                    what: "annotations on all pages",
                    limit: limits.max_objects as u64,
                })?;
                if let Some(id) = annotation.as_reference() {
                    found.entry(id).or_insert(page.number);
                }
            }
        }
        Ok(found)
    }
}

/// `/Type` says it; where it is missing, a node without children is a page.
fn is_page<'a>(doc: Doc<'a>, node: Dict<'a>) -> bool {
    match doc.get_name(node, b"Type").as_deref() {
        Some("Page" | "Template") => true,
        Some("Pages") => false,
        _ => !node.has(b"Kids"),
    }
}

fn page_facts<'a>(
    doc: Doc<'a>,
    node: Dict<'a>,
    inherited: Attributes<'a>,
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
    let user_unit = match doc.get(node, b"UserUnit").map(|object| doc.number(object)) {
        None => 1.0,
        Some(Some(unit)) if unit > 0.0 => unit,
        Some(_) => {
            damage.push(format!("page {number}: its UserUnit is not a positive number and is ignored"));
            1.0
        }
    };
    let mut facts = PageFacts::new(number, media, crop, rotate, user_unit);
    facts.inherited = inherited.inherited_by(doc, node);
    Ok(facts)
}

/// Four numbers, opposite corners in any order.
pub(crate) fn rectangle<'a>(doc: Doc<'a>, object: Object<'a>) -> Option<Rect> {
    let mut corners = doc.resolve(object)?.as_array()?.iter().map(|corner| doc.number(corner));
    let mut next = || corners.next()?;
    let (a, b, c, d) = (next()?, next()?, next()?, next()?);
    if corners.next().is_some() {
        return None;
    }
    let tidy = |value: f64| (value * 1e6).round() / 1e6;
    let rect = spanned((a, b), (c, d));
    Some(Rect::new(rect.x, rect.y, tidy(rect.width), tidy(rect.height)))
}

fn check_count(doc: Doc<'_>, root: Object<'_>, pages: &mut Pages) {
    let found = pages.facts.len();
    let says = match root {
        Object::Reference(id) => doc.dict_of(id).and_then(|root| doc.get_integer(root, b"Count")),
        _ => root.as_dict().and_then(|root| root.get(b"Count")?.as_integer()),
    };
    if says.and_then(|says| usize::try_from(says).ok()) != Some(found) {
        pages.damage.push(format!("the page tree has {found} pages, its /Count says otherwise"));
    }
}
