//! A state of a file, as a graph of objects.

use std::borrow::Cow;

use super::file::{File, Revision, trailer_dict};
use super::filter::{self, Packed};
use super::object::{Array, Dict, Id, Object, Str, Stream, text};
use super::table::{Place, Record};
use super::{codes, strict};
use crate::PdfError;

/// A file as of one of its revisions. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Doc<'a> {
    pub(crate) file: &'a File<'a>,
    pub(crate) revision: Revision,
}

impl<'a> Doc<'a> {
    pub(crate) fn new(file: &'a File<'_>, revision: Revision) -> Self {
        Self { file, revision }
    }

    /// The trailer of this revision.
    pub(crate) fn trailer(self) -> Dict<'a> {
        trailer_dict(&self.file.sections, self.revision)
    }

    /// The document catalog.
    pub(crate) fn catalog(self) -> Result<Dict<'a>, PdfError> {
        let catalog = self.get_dict(self.trailer(), b"Root");
        catalog.ok_or(PdfError::Unreadable("it has no document catalog"))
    }

    /// The object with this number and generation; `None` if there is none.
    pub(crate) fn object(self, id: Id) -> Option<Object<'a>> {
        let record = self.file.record(id.0, self.revision).filter(|record| record.generation == id.1)?;
        self.file.object(record, self.revision)
    }

    /// The dictionary with this number.
    pub(crate) fn dict_of(self, id: Id) -> Option<Dict<'a>> {
        self.resolve(Object::Reference(id))?.as_dict()
    }

    /// What a reference leads to, through further references; the object itself if it is not a reference.
    pub(crate) fn resolve(self, object: Object<'a>) -> Option<Object<'a>> {
        self.file.resolve(object, self.revision)
    }

    /// A dictionary, direct or referred to.
    pub(crate) fn dict(self, object: Object<'a>) -> Option<Dict<'a>> {
        self.resolve(object)?.as_dict()
    }

    /// The value of a key, resolved; `None` where absent, null or dangling.
    pub(crate) fn get(self, dict: Dict<'a>, key: &[u8]) -> Option<Object<'a>> {
        self.resolve(dict.get(key)?).filter(|value| !value.is_null())
    }

    /// The dictionary at a key.
    pub(crate) fn get_dict(self, dict: Dict<'a>, key: &[u8]) -> Option<Dict<'a>> {
        self.get(dict, key)?.as_dict()
    }

    /// The array at a key; empty where there is none.
    pub(crate) fn get_array(self, dict: Dict<'a>, key: &[u8]) -> Array<'a> {
        self.get(dict, key).and_then(|array| array.as_array()).unwrap_or(Array::EMPTY)
    }

    /// The name at a key, as text.
    pub(crate) fn get_name(self, dict: Dict<'a>, key: &[u8]) -> Option<String> {
        Some(self.get(dict, key)?.as_name()?.text())
    }

    /// The integer at a key.
    pub(crate) fn get_integer(self, dict: Dict<'a>, key: &[u8]) -> Option<i64> {
        self.get(dict, key)?.as_integer()
    }

    /// The bytes of the string at a key.
    pub(crate) fn get_bytes(self, dict: Dict<'a>, key: &[u8]) -> Option<Cow<'a, [u8]>> {
        Some(self.bytes(self.get(dict, key)?.as_string()?))
    }

    /// The text of the string at a key.
    pub(crate) fn get_text(self, dict: Dict<'a>, key: &[u8]) -> Option<String> {
        Some(text(&self.get_bytes(dict, key)?))
    }

    /// A finite number.
    pub(crate) fn number(self, object: Object<'a>) -> Option<f64> {
        match self.resolve(object)? {
            #[expect(clippy::cast_precision_loss, reason = "lengths on a page are small")]
            Object::Integer(value) => Some(value as f64),
            Object::Real(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes of a string, decrypted.
    pub(crate) fn bytes(self, string: Str<'a>) -> Cow<'a, [u8]> {
        match &self.file.decryption {
            Some(decryption) => decryption.string(string),
            None => string.value(),
        }
    }

    /// The bytes of a stream, decrypted and still packed.
    pub(crate) fn decrypted(self, stream: Stream<'a>) -> Cow<'a, [u8]> {
        match &self.file.decryption {
            Some(decryption) => decryption.stream(stream),
            None => Cow::Borrowed(stream.raw),
        }
    }

    /// The bytes of a stream, unpacked; at most `limit`.
    pub(crate) fn unpacked(self, stream: Stream<'a>, limit: usize) -> Result<Cow<'a, [u8]>, Packed> {
        filter::unpack(self, stream, limit)
    }

    /// As [`Doc::unpacked`], up to a filter that `stops` names. True if there was one.
    #[cfg(feature = "preview")]
    pub(crate) fn unpacked_until(
        self,
        stream: Stream<'a>,
        limit: usize,
        stops: impl Fn(&[u8]) -> bool,
    ) -> Result<(Cow<'a, [u8]>, bool), Packed> {
        filter::unpack_until(self, stream, limit, stops)
    }

    /// True if a dictionary in this object has a key twice.
    pub(crate) fn repeats_a_key(self, id: Id) -> bool {
        let record = self.file.record(id.0, self.revision);
        let Some(Record { place: Place::At(offset), .. }) = record else { return false };
        let Some((_, values)) = self.file.header_at(offset) else { return false };
        strict::value(&mut values.lexer(), &mut |_, _| {}).is_err_and(|fault| fault.code == codes::DICT_TWICE)
    }

    /// Every object of this revision, by number.
    pub(crate) fn objects(self) -> impl Iterator<Item = (Id, Object<'a>)> {
        let visible = move |record: &&Record| record.section >= self.revision.0;
        let records = self.file.records().chunk_by(|a, b| a.number == b.number);
        records.filter_map(move |records| {
            let record = records.iter().find(visible)?;
            Some(((record.number, record.generation), self.file.object(*record, self.revision)?))
        })
    }
}
