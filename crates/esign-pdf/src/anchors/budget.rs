//! What drawing a page may cost, found out before anything is drawn: the interpreter cannot be stopped half-way.

use std::collections::HashMap;

use hayro_interpret::hayro_syntax::content::TypedIter;
use hayro_interpret::hayro_syntax::content::ops::TypedInstruction;
use hayro_interpret::hayro_syntax::object::{Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream};
use hayro_interpret::hayro_syntax::page::{Page, Resources};
use lopdf::DecompressError;

use crate::doc::Doc;
use crate::{Limits, PdfError};

/// How deep forms are drawn within forms; the interpreter stops there as well.
const DEPTH: usize = 50;
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

impl Budget {
    /// Unpacks every stream once within the limits, since the interpreter itself sets none.
    pub(crate) fn new(doc: &Doc, limits: &Limits) -> Result<Self, PdfError> {
        let limit = limits.max_content;
        let mut lengths = HashMap::new();
        let mut total = 0u64;
        for (id, object) in &doc.inner.objects {
            let Ok(stream) = object.as_stream() else { continue };
            if doc.get_name(&stream.dict, b"Subtype").as_deref() == Some("Image") {
                continue;
            }
            let length = unpacked(stream, limits)?;
            total = total.saturating_add(length);
            if total > limit {
                return Err(exceeded(limit));
            }
            lengths.insert(*id, length);
        }
        Ok(Self { left: limit, limit, lengths, forms: HashMap::new() })
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

fn unpacked(stream: &lopdf::Stream, limits: &Limits) -> Result<u64, PdfError> {
    /// What the filters that lopdf does not know expand at most (run lengths: 64 times).
    const UNKNOWN: u64 = 64;
    match stream.decompressed_content_with_limit(limits.max_stream) {
        Ok(content) => Ok(content.len() as u64),
        Err(lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
            Err(PdfError::Limit { what: "bytes in one decompressed stream", limit: limits.max_stream as u64 })
        }
        Err(_) => Ok((stream.content.len() as u64).saturating_mul(UNKNOWN)),
    }
}
