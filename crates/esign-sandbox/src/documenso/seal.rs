//! What becomes of files: flattened when they come in, written anew and sealed when everybody has signed. Also what 2.17.0
//! does wrongly: marks on shifted pages, attributes that a page inherits.

use bytes::Bytes;
use esign_pdf::facts::{PageFacts, Rect};
use esign_pdf::geometry::to_shown;
use esign_pdf::sign::{Level, SignError, SignOptions, Subject};
use esign_pdf::{Limits, inspect};
use jiff::Timestamp;
use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

use super::store::Envelope;
use crate::signing::Signing;

/// A file as it is kept, with the places of texts in braces: page and percents.
pub(crate) type Kept = (Bytes, Vec<(u32, [f64; 4])>);

/// US Letter, where a page has no box of its own.
const LETTER: [f64; 4] = [0.0, 0.0, 612.0, 792.0];

/// The file as it is kept: with its own bytes if it has nothing to flatten. `None` if it is no PDF or an encrypted one.
pub(crate) fn keep(file: &Bytes) -> Option<Kept> {
    let mut document = Document::load_mem(file).ok()?;
    if document.is_encrypted() || document.get_pages().is_empty() {
        return None;
    }
    let tags = tags(&document);
    let has_form = document.catalog().ok()?.has(b"AcroForm");
    if !has_form && tags.is_empty() {
        return Some((file.clone(), tags));
    }
    // Fields become part of the page or go; signatures go without a word.
    if let Ok(catalog) = document.catalog_mut() {
        catalog.remove(b"AcroForm");
        catalog.remove(b"Perms");
    }
    for id in document.get_pages().into_values() {
        if let Ok(page) = document.get_dictionary_mut(id) {
            page.remove(b"Annots");
        }
    }
    hide_tags(&mut document);
    document.prune_objects();
    Some((written(&mut document)?, tags))
}

fn written(document: &mut Document) -> Option<Bytes> {
    document.version = "1.7".to_owned();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).ok()?;
    Some(bytes.into())
}

/// Pages whose content shows a text in double braces, once each; the field that is made of it has a size of its own.
fn tags(document: &Document) -> Vec<(u32, [f64; 4])> {
    let shows = |id: &ObjectId| has_tag(&document.get_page_content(*id));
    let pages = document.get_pages();
    pages.iter().filter(|(_, id)| shows(id)).map(|(number, _)| (*number, [10.0, 10.0, 20.0, 5.0])).collect()
}

fn has_tag(content: &[u8]) -> bool {
    content.windows(2).any(|pair| pair == b"{{")
}

fn hide_tags(document: &mut Document) {
    for id in document.get_pages().into_values() {
        let content = document.get_page_content(id);
        if let (true, Ok(mut content)) = (has_tag(&content), Content::decode(&content)) {
            let shows = |operation: &Operation| {
                operation.operands.iter().any(|text| text.as_str().is_ok_and(has_tag))
            };
            content.operations.retain(|operation| !shows(operation));
            if let Ok(bytes) = content.encode() {
                // A page whose content cannot be replaced stays as it is.
                let _ = document.change_page_content(id, bytes);
            }
        }
    }
}

/// Which item, which page of it, and where on it, as shown.
pub(crate) type Drawn = (usize, u32, Rect);

/// The items of an envelope with their marks, a certificate page and one seal; and where the marks are as shown.
pub(crate) fn seal(
    signing: &Signing,
    envelope: &Envelope,
    now: Timestamp,
) -> Result<(Vec<Bytes>, Vec<Drawn>), String> {
    let mut drawn = Vec::new();
    let mut sealed = Vec::new();
    let identity = signing.issue(&Subject::new("Documenso sandbox"), now).map_err(|e| e.to_string())?;
    for (index, item) in envelope.items.iter().enumerate() {
        let (pdf, marks) =
            draw(envelope, index, &item.kept, true).ok_or("the file cannot be written anew")?;
        drawn.extend(marks.into_iter().map(|(page, area)| (index, page, area)));
        let mut options = SignOptions::new("Signature_1", 1, Rect::new(0.0, 0.0, 0.0, 0.0), now);
        options.level = Level::BB;
        options.reason = Some("Signed by Documenso".to_owned());
        let signed = signing.sign(&pdf, &identity, &options);
        sealed.push(signed.map_err(|error: SignError| error.to_string())?);
    }
    Ok((sealed, drawn))
}

/// An item with what is filled in so far, without a seal.
pub(crate) fn pending(envelope: &Envelope, index: usize) -> Option<Bytes> {
    draw(envelope, index, &envelope.items.get(index)?.kept, false).map(|(pdf, _)| pdf)
}

/// The file anew with the filled-in fields drawn; at the end with a page that says who signed, and over each page that it was
/// rejected. `None` for a field on a page that does not exist.
fn draw(envelope: &Envelope, index: usize, kept: &Bytes, last: bool) -> Option<(Bytes, Vec<(u32, Rect)>)> {
    let facts = inspect(kept, &Limits::default()).ok()?.pages;
    let mut document = Document::load_mem(kept).ok()?;
    let font = document
        .add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let pages = document.get_pages();
    let mut marks = Vec::new();
    for (number, id) in &pages {
        let own: Vec<_> = envelope
            .fields
            .iter()
            .filter(|field| field.item == index && field.inserted && field.page == f64::from(*number))
            .collect();
        let stamp = (last && envelope.is_rejected()).then_some("DOCUMENT REJECTED");
        if own.is_empty() && stamp.is_none() {
            continue;
        }
        let (corner, rotate) = own_frame(&document, *id);
        let mut operations = vec![Operation::new("q", vec![])];
        if let Some(stamp) = stamp {
            operations.extend(text(stamp, 100.0, 100.0, 24.0));
        }
        for field in own {
            let area = user_box(field.numbers, corner, rotate);
            operations.extend(frame(&area));
            let words = if field.text.is_empty() { "signed" } else { &field.text };
            operations.extend(text(words, area.x + 2.0, area.y + 2.0, 8.0));
            if let Some(page) = facts.get(*number as usize - 1) {
                marks.push((*number, shown(page, &area)));
            }
        }
        operations.push(Operation::new("Q", vec![]));
        let stream = Content { operations }.encode().ok()?;
        add_content(&mut document, *id, stream, font)?;
    }
    let beyond = |page: f64| page.fract() != 0.0 || page > pages.len() as f64;
    if envelope.fields.iter().any(|field| field.item == index && beyond(field.page)) {
        return None;
    }
    if last {
        append_page(&mut document, font, envelope)?;
    }
    document.trailer.remove(b"ID");
    Some((written(&mut document)?, marks))
}

fn shown(page: &PageFacts, user: &Rect) -> Rect {
    to_shown(page, user)
}

/// What the sealing code takes for the page: the upper right corner of its own box, and its own rotation. What it inherits is
/// not looked for, and where the box begins does not matter.
fn own_frame(document: &Document, id: ObjectId) -> ((f64, f64), i64) {
    let page = document.get_dictionary(id).ok();
    let number = |object: &Object| object.as_float().map(f64::from).ok();
    let corners = |key: &[u8]| -> Option<[f64; 4]> {
        let entry = page?.get(key).ok()?;
        let (_, entry) = document.dereference(entry).ok()?;
        let list: Vec<_> = entry.as_array().ok()?.iter().filter_map(number).collect();
        list.try_into().ok()
    };
    let [x0, y0, x1, y1] = corners(b"CropBox").or_else(|| corners(b"MediaBox")).unwrap_or(LETTER);
    let rotate = page.and_then(|page| page.get(b"Rotate").ok()).and_then(|rotate| rotate.as_i64().ok());
    ((x0.max(x1), y0.max(y1)), rotate.unwrap_or_default().rem_euclid(360))
}

/// The box in user space, counted from (0,0) to the corner.
fn user_box([x, y, width, height]: [f64; 4], (right, top): (f64, f64), rotate: i64) -> Rect {
    let (w, h) = if matches!(rotate, 90 | 270) { (top, right) } else { (right, top) };
    let (x, width) = (x * w / 100.0, width * w / 100.0);
    let (y, height) = (y * h / 100.0, height * h / 100.0);
    // From the top left corner as shown to user space.
    match rotate {
        90 => Rect::new(y, x, height, width),
        180 => Rect::new(right - x - width, y, width, height),
        270 => Rect::new(right - y - height, top - x - width, height, width),
        _ => Rect::new(x, top - y - height, width, height),
    }
}

fn frame(area: &Rect) -> Vec<Operation> {
    let numbers = [area.x, area.y, area.width, area.height].map(|n| Object::Real(n as f32)).to_vec();
    vec![Operation::new("re", numbers), Operation::new("S", vec![])]
}

fn text(words: &str, x: f64, y: f64, size: f64) -> Vec<Operation> {
    // What Helvetica lacks shows as a question mark; nothing is read from it.
    let words: Vec<u8> = words.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect();
    vec![
        Operation::new("BT", vec![]),
        Operation::new("Tf", vec!["SandboxFont".into(), Object::Real(size as f32)]),
        Operation::new("Td", vec![Object::Real(x as f32), Object::Real(y as f32)]),
        Operation::new("Tj", vec![Object::string_literal(words)]),
        Operation::new("ET", vec![]),
    ]
}

/// Adds to a page, which gets resources of its own: what it inherited is lost.
fn add_content(document: &mut Document, page: ObjectId, stream: Vec<u8>, font: ObjectId) -> Option<()> {
    let stream = document.add_object(Stream::new(Dictionary::new(), stream));
    let entry = document.get_dictionary(page).ok()?;
    let mut resources = match entry.get(b"Resources").ok().and_then(|own| document.dereference(own).ok()) {
        Some((_, Object::Dictionary(own))) => own.clone(),
        _ => Dictionary::new(),
    };
    let mut fonts = match resources.get(b"Font").ok().and_then(|fonts| document.dereference(fonts).ok()) {
        Some((_, Object::Dictionary(fonts))) => fonts.clone(),
        _ => Dictionary::new(),
    };
    fonts.set("SandboxFont", font);
    resources.set("Font", fonts);
    let mut contents = match entry.get(b"Contents").ok() {
        Some(Object::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    contents.push(stream.into());
    let entry = document.get_dictionary_mut(page).ok()?;
    entry.set("Contents", contents);
    entry.set("Resources", resources);
    Some(())
}

/// The certificate: who signed, and when.
fn append_page(document: &mut Document, font: ObjectId, envelope: &Envelope) -> Option<()> {
    let mut operations = text("Signing certificate (sandbox)", 60.0, 780.0, 14.0);
    for (line, recipient) in envelope.recipients.iter().filter(|r| !r.is_copy()).enumerate() {
        let at = recipient.signed_at.map_or_else(String::new, |at| at.to_string());
        let words = format!("{} {} {at}", recipient.name, recipient.signing);
        operations.extend(text(&words, 60.0, 740.0 - 20.0 * line as f64, 10.0));
    }
    let stream = Content { operations }.encode().ok()?;
    let stream = document.add_object(Stream::new(Dictionary::new(), stream));
    let root = document.catalog().ok()?.get(b"Pages").ok()?.as_reference().ok()?;
    let page = document.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => root,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        "Contents" => stream,
        "Resources" => dictionary! { "Font" => dictionary! { "SandboxFont" => font } },
    });
    let count = i64::try_from(document.get_pages().len()).ok()? + 1;
    let pages = document.get_dictionary_mut(root).ok()?;
    pages.get_mut(b"Kids").ok()?.as_array_mut().ok()?.push(page.into());
    pages.set("Count", count);
    Some(())
}

/// A PDF with this text, for what the server makes anew at each call.
pub(crate) fn paper(title: &str, lines: &[String]) -> Bytes {
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    esign_pdf::sign::sample_pdf(title, &lines).into()
}
