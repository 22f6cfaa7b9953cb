//! What drawing a page may cost, found out before anything is drawn: the interpreter cannot be stopped half-way.

use std::collections::HashMap;

use hayro_interpret::hayro_syntax::content::TypedIter;
use hayro_interpret::hayro_syntax::content::ops::TypedInstruction;
use hayro_interpret::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream};
use hayro_interpret::hayro_syntax::page::{Page, Resources};

#[cfg(feature = "preview")]
use crate::reader::Id;
use crate::reader::{
    Dict as Fields, Doc, Lexer, Object as Value, Packed, Stream as Source, Token, hexadecimal,
};
use crate::{Limits, PdfError};

/// How deep forms are drawn within forms; the interpreter stops there as well.
const DEPTH: usize = 50;
/// Filters that make a picture of bytes (ISO 32000-1, table 6).
#[cfg(feature = "preview")]
const OF_PICTURES: [&[u8]; 4] = [b"DCTDecode", b"JPXDecode", b"JBIG2Decode", b"CCITTFaxDecode"];
/// Forms that are remembered, each with whose resources it uses.
const REMEMBERED: usize = 200_000;

/// Bytes of page content, unpacked, each form counted as often as it is drawn.
pub(crate) struct Budget {
    left: u64,
    limit: u64,
    /// The unpacked length of every stream but images, by object.
    lengths: HashMap<(u32, u16), u64>,
    /// The cost of a form, and of it with the resources of whoever draws it where it has none of its own. `None` while it
    /// is being counted.
    forms: HashMap<(ObjectIdentifier, Option<ObjectIdentifier>), Option<u64>>,
}

/// The heaviest of what is drawn over and over, so that each may be counted as that much.
#[cfg(feature = "preview")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heaviest {
    /// Bytes of a pattern's content.
    pub(crate) pattern: f64,
    /// Bytes of a Type 3 glyph's content.
    pub(crate) glyph: f64,
    /// Bytes of a form's content.
    pub(crate) group: f64,
    /// Bytes of a function's program, or samples that a value is made of.
    program: f64,
}

#[cfg(feature = "preview")]
impl Heaviest {
    /// How much longer a colour takes that functions work out.
    pub(crate) fn function(&self) -> f64 {
        1.0 + self.program / 16.0
    }

    fn note<'a>(&mut self, doc: Doc<'a>, dict: Fields<'a>, length: f64) {
        if doc.get_integer(dict, b"PatternType") == Some(1) {
            self.pattern = self.pattern.max(length);
        }
        if doc.get_name(dict, b"Subtype").as_deref() == Some("Form") {
            self.group = self.group.max(length);
        }
        match doc.get_integer(dict, b"FunctionType") {
            Some(4) => self.program = self.program.max(length),
            // Between samples, each input doubles those that are looked at.
            Some(0) => {
                let inputs = doc.get_array(dict, b"Domain").iter().take(128).count() / 2;
                self.program = self.program.max(2f64.powi(inputs.min(64) as i32));
            }
            _ => {}
        }
    }
}

impl Budget {
    /// Unpacks every stream once within the limits, since the interpreter itself sets none.
    pub(crate) fn new(doc: Doc<'_>, limits: &Limits) -> Result<Self, PdfError> {
        let limit = limits.max_content;
        let mut lengths = HashMap::new();
        let mut total = 0u64;
        for (id, object) in doc.objects() {
            if let Value::Dict(dict) = object {
                characters(with_widths(doc, dict), limits)?;
            }
            let Some(stream) = object.as_stream() else { continue };
            if doc.get_name(stream.dict, b"Subtype").as_deref() == Some("Image") {
                continue;
            }
            let length = unpacked(doc, stream, limits)?;
            total = total.saturating_add(length);
            if total > limit {
                return Err(exceeded(limit));
            }
            lengths.insert(id, length);
        }
        doc.file.check()?;
        Ok(Self { left: limit, limit, lengths, forms: HashMap::new() })
    }

    /// What is drawn over and over.
    #[cfg(feature = "preview")]
    pub(crate) fn heaviest(&self, doc: Doc<'_>) -> Heaviest {
        let length = |id: &Id| self.lengths.get(id).map_or(0.0, |length| *length as f64);
        let mut heaviest = Heaviest::default();
        for (id, object) in doc.objects() {
            match object {
                Value::Stream(stream) => heaviest.note(doc, stream.dict, length(&id)),
                Value::Dict(font) => {
                    let glyphs = doc.get_dict(font, b"CharProcs").into_iter().flat_map(Fields::iter);
                    let lengths =
                        glyphs.filter_map(|(_, glyph)| glyph.as_reference()).map(|glyph| length(&glyph));
                    heaviest.glyph = lengths.fold(heaviest.glyph, f64::max);
                }
                _ => {}
            }
        }
        heaviest
    }

    /// Unpacks every picture once within the limits, as far as that is done by filters that can be bombs. Pictures in
    /// formats of their own are counted by their size.
    #[cfg(feature = "preview")]
    pub(crate) fn check_pictures(doc: Doc<'_>, limits: &Limits) -> Result<(), PdfError> {
        for (_, object) in doc.objects() {
            let Some(stream) = object.as_stream() else { continue };
            if doc.get_name(stream.dict, b"Subtype").as_deref() == Some("Image") {
                let stops = |filter: &[u8]| OF_PICTURES.contains(&filter);
                let result = doc.unpacked_until(stream, limits.max_stream, stops);
                if result.is_err_and(|error| error == Packed::TooLarge) {
                    return Err(too_large(limits));
                }
            }
        }
        Ok(())
    }

    /// Takes what the annotations of this page cost where they are drawn too.
    #[cfg(feature = "preview")]
    pub(crate) fn spend_annotations(&mut self, page: &Page<'_>) -> Result<(), PdfError> {
        let Some(annotations) = page.raw().get::<Array<'_>>(b"Annots") else { return Ok(()) };
        for annotation in annotations.iter::<Dict<'_>>() {
            self.take(1)?;
            let Some(appearances) = annotation.get::<Dict<'_>>(b"AP") else { continue };
            let shown = match appearances.get::<Object<'_>>(b"N") {
                Some(Object::Stream(form)) => Some(form),
                Some(Object::Dict(states)) => {
                    let state = annotation.get::<Name<'_>>(b"AS");
                    state.and_then(|state| states.get::<Stream<'_>>(state.as_ref()))
                }
                _ => None,
            };
            if let Some(form) = shown {
                let cost = self.form(&form, page.resources(), None, 1)?;
                self.take(cost)?;
            }
        }
        Ok(())
    }

    /// Takes what this page costs. Call before the page is drawn, once.
    pub(crate) fn spend(&mut self, page: &Page<'_>) -> Result<(), PdfError> {
        // Before the page is unpacked, which would keep all of it in memory.
        self.take(self.contents(page))?;
        let cost = self.cost(page.typed_operations(), page.resources(), None, 0)?;
        self.take(cost)
    }

    fn take(&mut self, cost: u64) -> Result<(), PdfError> {
        self.left = self.left.checked_sub(cost).ok_or(exceeded(self.limit))?;
        Ok(())
    }

    fn contents(&self, page: &Page<'_>) -> u64 {
        let dict = page.raw();
        match dict.get_raw::<Object<'_>>(b"Contents") {
            Some(MaybeRef::NotRef(Object::Array(array))) => self.listed(&array),
            Some(MaybeRef::Ref(id)) => match dict.get::<Array<'_>>(b"Contents") {
                Some(array) => self.listed(&array),
                None => self.length(id.into()),
            },
            _ => 0,
        }
    }

    fn listed(&self, streams: &Array<'_>) -> u64 {
        let length = |entry| match entry {
            MaybeRef::Ref(id) => self.length(id.into()),
            MaybeRef::NotRef(_) => 0,
        };
        streams.raw_iter().map(length).fold(0, u64::saturating_add)
    }

    /// Dangling references and what is no stream draw nothing in either reader.
    fn length(&self, id: ObjectIdentifier) -> u64 {
        let generation = u16::try_from(id.gen_number).ok();
        generation.and_then(|g| self.lengths.get(&(id.obj_number, g))).copied().unwrap_or_default()
    }

    /// What the forms that this content draws cost.
    fn cost(
        &mut self,
        mut content: TypedIter<'_>,
        resources: &Resources<'_>,
        owner: Option<ObjectIdentifier>,
        depth: usize,
    ) -> Result<u64, PdfError> {
        // The same few forms are drawn again and again.
        let mut here: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut sum = 0u64;
        while let Some(instruction) = content.next() {
            let TypedInstruction::XObject(name) = instruction else { continue };
            let name: &Name<'_> = name.0;
            let cost = match here.get(name.as_ref()) {
                Some(cost) => *cost,
                None => {
                    let form = resources.get_x_object(name);
                    let cost = match form.filter(is_form) {
                        Some(form) => self.form(&form, resources, owner, depth + 1)?,
                        None => 1,
                    };
                    here.insert(name.as_ref().to_vec(), cost);
                    cost
                }
            };
            sum = sum.saturating_add(cost);
        }
        Ok(sum)
    }

    fn form(
        &mut self,
        form: &Stream<'_>,
        inherited: &Resources<'_>,
        owner: Option<ObjectIdentifier>,
        depth: usize,
    ) -> Result<u64, PdfError> {
        if depth > DEPTH {
            return Ok(0);
        }
        let id = form.obj_id();
        let own = form.dict().get::<Dict<'_>>(b"Resources").map(Resources::new);
        let owner = if own.is_some() { None } else { owner };
        match self.forms.get(&(id, owner)) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => return Err(PdfError::Unreadable("a form of its page content draws itself")),
            None => {}
        }
        if self.forms.len() >= REMEMBERED {
            return Err(PdfError::Limit { what: "forms on its pages", limit: REMEMBERED as u64 });
        }
        self.forms.insert((id, owner), None);
        let content = form.decoded_data().unwrap_or_default();
        let length = (content.len() as u64).saturating_add(1);
        let resources_of = if own.is_some() { Some(id) } else { owner };
        let inner = self.cost(
            TypedIter::new(content.as_ref()),
            own.as_ref().unwrap_or(inherited),
            resources_of,
            depth,
        )?;
        let cost = length.saturating_add(inner);
        self.forms.insert((id, owner), Some(cost));
        Ok(cost)
    }
}

fn is_form(stream: &Stream<'_>) -> bool {
    stream.dict().get::<Name<'_>>(b"Subtype").is_some_and(|name| name.as_ref() == b"Form")
}

fn exceeded(limit: u64) -> PdfError {
    PdfError::Limit { what: "bytes of unpacked page content", limit }
}

/// What a stream unpacks to, in bytes, and a map of characters in the characters that it names: one line of it can name
/// four thousand million, and readers make a table of them.
fn unpacked<'a>(doc: Doc<'a>, stream: Source<'a>, limits: &Limits) -> Result<u64, PdfError> {
    /// What filters that are not known here expand at most.
    const UNKNOWN: u64 = 64;
    match doc.unpacked(stream, limits.max_stream) {
        Ok(content) => {
            characters(mapped(&content), limits)?;
            Ok(content.len() as u64)
        }
        Err(Packed::TooLarge) => Err(too_large(limits)),
        Err(Packed::Unknown | Packed::Broken) => Ok((stream.raw.len() as u64).saturating_mul(UNKNOWN)),
    }
}

/// How many characters the ranges of a character map name (ISO 32000-1, 9.7.5.4 and 9.10.3); 0 if it is none.
fn mapped(content: &[u8]) -> u64 {
    if memchr::memmem::find(content, b"begincmap").is_none() {
        return 0;
    }
    let mut lexer = Lexer::new(content, 0);
    let (mut sum, mut within) = (0u64, false);
    loop {
        match lexer.next() {
            Token::End => return sum,
            Token::Word(b"beginbfrange" | b"begincidrange" | b"beginnotdefrange") => within = true,
            Token::Word(word) if word.starts_with(b"end") => within = false,
            Token::Hex(low) if within => {
                let Token::Hex(high) = lexer.next() else { continue };
                sum = sum.saturating_add(code(high).saturating_sub(code(low)));
                // Where the range leads to: a code, a number or a list.
                let mut depth = 0;
                loop {
                    match lexer.next() {
                        Token::ArrayOpen => depth += 1,
                        Token::ArrayClose => depth -= 1,
                        Token::End => return sum,
                        _ => {}
                    }
                    if depth <= 0 {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
}

/// How many characters the widths of a font's descendants name (ISO 32000-1, 9.7.4.3): `first last width`, or `first [list]`.
fn with_widths<'a>(doc: Doc<'a>, font: Fields<'a>) -> u64 {
    let descendants = doc.get_array(font, b"DescendantFonts");
    let lists = descendants
        .iter()
        .take(8)
        .filter_map(|font| doc.dict(font))
        .flat_map(|font| [&b"W"[..], b"W2"].into_iter().map(move |key| doc.get_array(font, key)));
    let mut sum = 0u64;
    for list in lists {
        let mut items = list.iter();
        while let Some(first) = items.next() {
            let number = |item: Value<'a>| doc.number(item).unwrap_or(0.0).clamp(0.0, 4.3e9);
            if let Some(Some(last)) = items.next().map(|item| doc.resolve(item))
                && last.as_array().is_none()
            {
                sum = sum.saturating_add((number(last) - number(first)).max(0.0) as u64);
                items.next();
            }
        }
    }
    sum
}

/// A character code: at most four bytes count.
fn code(raw: &[u8]) -> u64 {
    hexadecimal(raw).iter().take(4).fold(0, |code, byte| code << 8 | u64::from(*byte))
}

fn characters(count: u64, limits: &Limits) -> Result<(), PdfError> {
    let limit = limits.max_glyphs as u64;
    if count > limit { Err(PdfError::Limit { what: "characters that a font maps", limit }) } else { Ok(()) }
}

fn too_large(limits: &Limits) -> PdfError {
    PdfError::Limit { what: "bytes in one decompressed stream", limit: limits.max_stream as u64 }
}
