//! Appending to a PDF without touching a byte of it (ISO 32000-1, 7.5.6).

use bytes::Bytes;
use esign_core::facts::{PageFacts, Xfa};
use lopdf::{Dictionary, Document, IncrementalDocument, LoadOptions, Object, ObjectId};

use super::SignError;
use crate::reader::{self, File};
use crate::{Limits, PdfError, attachments, fields, inspect, pages};

/// `/SigFlags`: signatures exist, and the file may only be appended to.
const SIGNATURES_EXIST_AND_APPEND_ONLY: i64 = 0b11;

/// Readers need not support more objects (ISO 32000-1, annex C); a reference beyond is junk.
const HIGHEST_NUMBER: u32 = 8_388_607;

/// A page that an annotation can be added to.
pub(super) struct Page {
    pub(super) id: ObjectId,
    pub(super) facts: PageFacts,
}

/// An incremental update in the making.
pub(super) struct Update {
    inner: IncrementalDocument,
    pages: pages::Pages,
    field_names: Vec<String>,
    /// The entries of the name tree of embedded files.
    attached: Vec<(Vec<u8>, Object)>,
}

impl Update {
    /// Opens a document for appending, if it is one that a signature may be appended to.
    pub(super) fn of(pdf: &Bytes, limits: &Limits) -> Result<Self, SignError> {
        refuse_unsuitable(pdf, limits)?;
        Self::of_own(pdf, limits)
    }

    /// Opens a document that was signed here a moment ago.
    pub(super) fn of_own(pdf: &Bytes, limits: &Limits) -> Result<Self, SignError> {
        let file = File::open(pdf, limits)?;
        let doc = file.newest();
        let pages = pages::walk(doc, limits)?;
        let field_names = fields::walk(doc, limits)?.list.into_iter().map(|field| field.name).collect();
        let attached = attachments::embedded_files(doc, limits)?;
        let attached =
            attached.into_iter().map(|(key, file)| (doc.bytes(key).into_owned(), to_write(file))).collect();
        let document = load(pdf, limits)?;
        let highest = highest_reference(&document).max(document.max_id);
        // lopdf wants bytes of its own to count the offsets of what is appended, and writes them out again.
        let mut inner = IncrementalDocument::create_from(pdf.to_vec(), document);
        inner.new_document.max_id = highest;
        Ok(Self { inner, pages, field_names, attached })
    }

    /// A new field's name is a partial name at the top level: no dot, and no field of that name or below it.
    pub(super) fn check_field_name(&self, name: &str) -> Result<(), SignError> {
        if name.is_empty() || name.contains('.') {
            return Err(SignError::BadFieldName);
        }
        let is_same = |taken: &String| taken.split('.').next() == Some(name);
        if self.field_names.iter().any(is_same) { Err(SignError::FieldNameTaken) } else { Ok(()) }
    }

    /// The page with this number, from 1.
    pub(super) fn page(&self, number: u32) -> Result<Page, SignError> {
        let missing = SignError::NoSuchPage { page: number, pages: self.pages.facts.len() };
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let entry = index.and_then(|index| Some((self.pages.ids.get(index)?, self.pages.facts.get(index)?)));
        let (id, facts) = entry.ok_or(missing)?;
        let id = id.ok_or(SignError::Structure("the page is written into the page tree itself"))?;
        Ok(Page { id, facts: facts.clone() })
    }

    /// A number for an object that follows.
    pub(super) fn reserve(&mut self) -> Result<ObjectId, SignError> {
        self.inner.new_document.try_new_object_id().map_err(no_number)
    }

    pub(super) fn set(&mut self, id: ObjectId, object: impl Into<Object>) {
        self.inner.new_document.set_object(id, object);
    }

    pub(super) fn add(&mut self, object: impl Into<Object>) -> Result<ObjectId, SignError> {
        self.inner.new_document.try_add_object(object).map_err(no_number)
    }

    /// The entries of the name tree of embedded files, key and value, in its order.
    pub(super) fn attached(&self) -> &[(Vec<u8>, Object)] {
        &self.attached
    }

    /// The value of a key in the catalog, resolved; `None` where absent, null or dangling.
    pub(super) fn catalog_entry(&self, key: &[u8]) -> Option<&Object> {
        self.entry(self.inner.get_prev_documents().catalog().ok()?, key).map(|(_, value)| value)
    }

    /// The array at a key, direct or referred to; empty where there is none.
    pub(super) fn array(&self, dictionary: &Dictionary, key: &[u8]) -> Vec<Object> {
        let array = self.entry(dictionary, key).and_then(|(_, value)| value.as_array().ok());
        array.cloned().unwrap_or_default()
    }

    pub(super) fn set_in_catalog(&mut self, key: &str, value: impl Into<Object>) -> Result<(), SignError> {
        let catalog = self.catalog_id()?;
        self.edit_dictionary(catalog)?.set(key, value);
        Ok(())
    }

    /// Appends to the page's `/Annots`.
    pub(super) fn annotate(&mut self, page: ObjectId, widget: ObjectId) -> Result<(), SignError> {
        let dictionary = self.inner.get_prev_documents().get_dictionary(page).map_err(structure)?;
        match self.array_object(dictionary, b"Annots")? {
            Some(array) => push(self.edit(array)?, widget),
            None => push_into(self.edit_dictionary(page)?, b"Annots", widget),
        }
    }

    /// Appends to the form's `/Fields`, in whichever object that array is, and raises `/SigFlags`.
    pub(super) fn add_field(&mut self, widget: ObjectId) -> Result<(), SignError> {
        let (form, fields) = self.form()?;
        if let Some(array) = fields {
            push(self.edit(array)?, widget)?;
        }
        let catalog = self.catalog_id()?;
        let form = match form {
            Some(id) => self.edit_dictionary(id)?,
            None => self
                .edit_dictionary(catalog)?
                .get_mut(b"AcroForm")
                .and_then(Object::as_dict_mut)
                .map_err(structure)?,
        };
        if fields.is_none() {
            push_into(form, b"Fields", widget)?;
        }
        let flags = form.get(b"SigFlags").and_then(Object::as_i64).unwrap_or(0);
        form.set("SigFlags", flags | SIGNATURES_EXIST_AND_APPEND_ONLY);
        Ok(())
    }

    /// The objects that the form and its array of fields are, where they are objects of their own. Makes an empty form
    /// in the catalog if there is none.
    fn form(&mut self) -> Result<(Option<ObjectId>, Option<ObjectId>), SignError> {
        let catalog = self.inner.get_prev_documents().catalog().map_err(structure)?;
        match self.entry(catalog, b"AcroForm") {
            Some((id, Object::Dictionary(form))) => Ok((id, self.array_object(form, b"Fields")?)),
            Some(_) => Err(SignError::Structure("/AcroForm is not a dictionary")),
            None => {
                self.set_in_catalog("AcroForm", Dictionary::new())?;
                Ok((None, None))
            }
        }
    }

    /// The whole file: the input, then everything that was added.
    pub(super) fn save(mut self) -> Result<Vec<u8>, SignError> {
        const ADDED: usize = 64 << 10;
        let mut bytes = Vec::with_capacity(self.inner.get_prev_documents_bytes().len() + ADDED);
        self.inner.save_to(&mut bytes).map_err(|_| SignError::Structure("it cannot be appended to"))?;
        bytes.push(b'\n'); // lopdf stops at %%EOF
        if !bytes.starts_with(self.inner.get_prev_documents_bytes()) {
            return Err(SignError::Structure("it cannot be appended to"));
        }
        Ok(bytes)
    }

    fn catalog_id(&self) -> Result<ObjectId, SignError> {
        let root = self.inner.get_prev_documents().trailer.get(b"Root");
        root.and_then(Object::as_reference).map_err(structure)
    }

    /// An object to be changed: copied from the previous revision the first time.
    fn edit(&mut self, id: ObjectId) -> Result<&mut Object, SignError> {
        self.inner.opt_clone_object_to_new_document(id).map_err(structure)?;
        self.inner.new_document.get_object_mut(id).map_err(structure)
    }

    fn edit_dictionary(&mut self, id: ObjectId) -> Result<&mut Dictionary, SignError> {
        self.edit(id)?.as_dict_mut().map_err(structure)
    }

    /// The value of a key in the input and the object that it is, if it is one of its own; `None` where absent, null or
    /// dangling.
    fn entry<'a>(&'a self, dictionary: &'a Dictionary, key: &[u8]) -> Option<(Option<ObjectId>, &'a Object)> {
        let value = dictionary.get(key).ok()?;
        self.inner.get_prev_documents().dereference(value).ok().filter(|(_, value)| !value.is_null())
    }

    /// The object that holds the array at a key; `None` if the array stands in the dictionary itself or is missing.
    fn array_object(&self, dictionary: &Dictionary, key: &[u8]) -> Result<Option<ObjectId>, SignError> {
        match self.entry(dictionary, key) {
            None => Ok(None),
            Some((id, Object::Array(_))) => Ok(id),
            Some(_) => Err(SignError::Structure("/Annots or /Fields is not an array")),
        }
    }
}

/// Refuses what must not be signed: repaired files, whose signature would be over something else than what is shown, and
/// files whose signatures forbid it.
/// The objects of a document for the writer. What it is about has been decided by the reader of the crate.
fn load(pdf: &[u8], limits: &Limits) -> Result<Document, PdfError> {
    let options = LoadOptions { max_decompressed_size: Some(limits.max_stream), ..LoadOptions::default() };
    // Words of our own for the writer's error: its own may quote the document.
    let document = Document::load_mem_with_options(pdf, options)
        .map_err(|_| PdfError::Unreadable("its objects cannot be parsed"))?;
    // What the writer had to look for, it may write for another object.
    match document.xref_recovery {
        None => Ok(document),
        Some(_) => Err(PdfError::Unreadable("its cross-reference table is missing or broken")),
    }
}

/// An object of the reader as the writer has it; streams stay where they are.
fn to_write(object: reader::Object<'_>) -> Object {
    match object {
        reader::Object::Null | reader::Object::Stream(_) => Object::Null,
        reader::Object::Boolean(value) => Object::Boolean(value),
        reader::Object::Integer(value) => Object::Integer(value),
        reader::Object::Real(value) => Object::Real(value as f32),
        reader::Object::String(string) => Object::string_literal(string.value().into_owned()),
        reader::Object::Name(name) => Object::Name(name.value().into_owned()),
        reader::Object::Array(items) => Object::Array(items.iter().map(to_write).collect()),
        reader::Object::Dict(dict) => {
            let entries = dict.iter().map(|(key, value)| (key.value().into_owned(), to_write(value)));
            Object::Dictionary(entries.collect())
        }
        reader::Object::Reference(id) => Object::Reference(id),
    }
}

fn refuse_unsuitable(pdf: &Bytes, limits: &Limits) -> Result<(), SignError> {
    let facts = inspect(pdf, limits)?;
    if facts.header_offset != 0 {
        return Err(SignError::HeaderOffset);
    }
    if facts.encrypted {
        return Err(SignError::Encrypted);
    }
    if facts.is_hybrid() {
        return Err(SignError::Hybrid);
    }
    let unreadable = facts.signatures.iter().find_map(|field| field.unreadable.clone());
    if let Some(damage) = facts.damage.first().cloned().or(unreadable) {
        return Err(SignError::Damaged(damage));
    }
    if facts.xfa == Some(Xfa::Dynamic) {
        return Err(SignError::DynamicForm);
    }
    let locks_all = facts.signatures.iter().any(|field| {
        field.signature.is_some() && field.lock.as_ref().is_some_and(|lock| lock.permission == Some(1))
    });
    if locks_all || facts.certification.is_some_and(|certification| certification.forbids_signing()) {
        return Err(SignError::Locked);
    }
    Ok(())
}

/// The highest object number that anything refers to. New objects are numbered above it, so that none of them is taken for
/// what a dangling reference of the input meant.
fn highest_reference(document: &Document) -> u32 {
    let mut highest = 0;
    let mut open: Vec<&Object> = document.objects.values().collect();
    while let Some(object) = open.pop() {
        match object {
            Object::Reference((number, _)) if *number <= HIGHEST_NUMBER => highest = highest.max(*number),
            Object::Array(array) => open.extend(array),
            Object::Dictionary(dictionary) => open.extend(dictionary.iter().map(|(_, value)| value)),
            Object::Stream(stream) => open.extend(stream.dict.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    highest
}

fn push_into(holder: &mut Dictionary, key: &[u8], item: ObjectId) -> Result<(), SignError> {
    match holder.get_mut(key) {
        Ok(array @ Object::Array(_)) => push(array, item),
        _ => {
            holder.set(key, vec![Object::Reference(item)]);
            Ok(())
        }
    }
}

fn push(array: &mut Object, item: ObjectId) -> Result<(), SignError> {
    array.as_array_mut().map_err(structure)?.push(Object::Reference(item));
    Ok(())
}

fn structure(_: lopdf::Error) -> SignError {
    SignError::Structure("an object that must be there is missing or of the wrong type")
}

fn no_number(_: lopdf::Error) -> SignError {
    SignError::Structure("it has used up all object numbers")
}
