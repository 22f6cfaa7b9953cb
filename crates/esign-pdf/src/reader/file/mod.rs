//! A file: its bytes, its cross-reference sections, and the objects that they lead to.

mod chain;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use super::decrypt::Decryption;
use super::lexer::{Lexer, Token, is_space};
use super::object::{Dict, Id, Object, Stream, Values};
use super::table::{Place, Record, Section};
use super::{Departure, Doc, codes, filter, rebuild};
use crate::{Limits, PdfError};

/// A file that is open for reading.
pub(crate) struct File<'b> {
    pub(crate) bytes: &'b [u8],
    /// Bytes before `%PDF-`.
    pub(crate) header_offset: usize,
    /// The version in the header: `1.7`.
    pub(crate) version: String,
    /// Newest first.
    pub(crate) sections: Vec<Section<'b>>,
    /// By number, then newest first.
    records: Vec<Record>,
    /// Object streams by the byte where they start, unpacked once they are needed.
    containers: HashMap<usize, OnceCell<Option<Container>>>,
    /// What was met so far. The survey finds the rest.
    departures: RefCell<Vec<Departure>>,
    /// Where a search of the whole file finds each object, once it is needed.
    found: OnceCell<HashMap<u32, (u16, usize)>>,
    pub(crate) decryption: Option<Decryption>,
    pub(crate) limits: Limits,
    /// Bytes that object streams may still unpack to.
    room: Cell<usize>,
    /// The first limit that was reached.
    exceeded: Cell<Option<(&'static str, u64)>>,
}

/// A state of a file: as of this section, 0 being the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Revision(pub(crate) u16);

impl Revision {
    /// The file as it is.
    pub(crate) const NEWEST: Self = Self(0);
}

/// An unpacked object stream.
pub(crate) struct Container {
    pub(crate) data: Vec<u8>,
    /// Number and place in `data` of each object, in the order of its list.
    pub(crate) list: Vec<(u32, usize)>,
}

/// How deep a reference may lead to a reference.
const MOST_HOPS: usize = 16;

impl<'b> File<'b> {
    /// Reads what leads to objects, and no object but the catalog's dictionary.
    ///
    /// # Errors
    /// Not a PDF, a limit, a password, or no catalog even after a search of the whole file.
    pub(crate) fn open(bytes: &'b [u8], limits: &Limits) -> Result<Self, PdfError> {
        const HEADER_WITHIN: usize = 1024;
        let head = &bytes[..bytes.len().min(HEADER_WITHIN + 5)];
        let header_offset = memchr::memmem::find(head, b"%PDF-").ok_or(PdfError::NotPdf)?;
        let version =
            head[header_offset + 5..].iter().take(8).take_while(|b| b.is_ascii_digit() || **b == b'.');
        let mut file = Self {
            bytes,
            header_offset,
            version: version.map(|byte| char::from(*byte)).collect(),
            sections: Vec::new(),
            records: Vec::new(),
            containers: HashMap::new(),
            departures: RefCell::default(),
            found: OnceCell::new(),
            decryption: None,
            limits: limits.clone(),
            room: Cell::new(limits.max_stream.saturating_mul(2)),
            exceeded: Cell::new(None),
        };
        if file.version.is_empty() {
            file.depart(codes::HEADER_VERSION, header_offset, "the header names no version");
        }
        file.read_chain()?;
        if file.root().is_none() {
            file.depart(
                codes::XREF_REBUILT,
                0,
                "the cross-reference table is unusable; objects were found by searching",
            );
            (file.sections, file.records) = rebuild::rebuild(&file)?;
        }
        file.sort()?;
        file.decrypt()?;
        if file.root().is_none() {
            return Err(PdfError::Unreadable("it has no document catalog"));
        }
        Ok(file)
    }

    /// The file as it is.
    pub(crate) fn newest(&self) -> Doc<'_> {
        self.as_of(Revision::NEWEST)
    }

    /// The file in a state that it had.
    pub(crate) fn as_of(&self, revision: Revision) -> Doc<'_> {
        Doc::new(self, revision)
    }

    /// Keeps a departure, once.
    pub(crate) fn depart(&self, code: &'static str, offset: usize, what: impl Into<String>) {
        let departure = Departure::new(code, offset, what);
        let mut departures = self.departures.borrow_mut();
        // A hostile file departs in as many places as it has bytes.
        if departures.len() < MOST_DEPARTURES && !departures.contains(&departure) {
            departures.push(departure);
        }
    }

    /// What was met so far, in the order of the file.
    pub(crate) fn departures(&self) -> Vec<Departure> {
        let mut departures = self.departures.borrow().clone();
        departures.sort();
        departures
    }

    /// Refuses the file if reading it reached a limit on the way.
    pub(crate) fn check(&self) -> Result<(), PdfError> {
        match self.exceeded.get() {
            Some((what, limit)) => Err(PdfError::Limit { what, limit }),
            None => Ok(()),
        }
    }

    /// The latest record of an object in this state.
    pub(crate) fn record(&self, number: u32, revision: Revision) -> Option<Record> {
        let first = self.records.partition_point(|it| (it.number, it.section) < (number, revision.0));
        self.records.get(first).copied().filter(|record| record.number == number)
    }

    /// All records, by number, then newest first.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many different objects the file lists.
    pub(crate) fn count(&self) -> usize {
        self.records.chunk_by(|a, b| a.number == b.number).count()
    }

    /// The state of the file whose table starts at this byte.
    pub(crate) fn revision_at(&self, offset: usize) -> Option<Revision> {
        let index = self.sections.iter().position(|it| it.offset == offset && !it.of_hybrid)?;
        u16::try_from(index).ok().map(Revision)
    }

    /// The object at a place, `None` if there is none with this number.
    pub(crate) fn object(&self, record: Record, revision: Revision) -> Option<Object<'_>> {
        let id = (record.number, record.generation);
        match record.place {
            Place::Free => None,
            Place::At(offset) => match self.object_at(offset, Some(revision)) {
                Some((found, object)) if found == id => Some(object),
                _ => self.misplaced(id, offset, revision),
            },
            Place::In { container, index } => self.contained(record.number, container, index, revision),
        }
    }

    /// The object that starts at this byte. Without a revision, streams take no length from elsewhere.
    pub(crate) fn object_at(&self, offset: usize, revision: Option<Revision>) -> Option<(Id, Object<'_>)> {
        let (id, mut values) = self.header_at(offset)?;
        let object = values.next()?;
        let Object::Dict(dict) = object else { return Some((id, object)) };
        let Some(start) = stream_start(values.lexer()) else { return Some((id, object)) };
        let length = match dict.get(b"Length") {
            Some(Object::Integer(length)) => usize::try_from(length).ok(),
            Some(Object::Reference(at)) => revision.and_then(|revision| self.length(at, revision)),
            _ => None,
        };
        let raw = length.and_then(|length| self.bytes.get(start..start.checked_add(length)?));
        let raw = match raw.filter(|raw| ends_stream(self.bytes, start + raw.len())) {
            Some(raw) => raw,
            None => {
                self.depart(codes::STREAM_LENGTH, offset, "the length of a stream is wrong");
                self.until_endstream(start)?
            }
        };
        Some((id, Object::Stream(Stream { dict, raw, id })))
    }

    /// `12 0 obj` at this byte, and where its value starts.
    pub(crate) fn header_at(&self, offset: usize) -> Option<(Id, Values<'b>)> {
        let mut lexer = Lexer::new(self.bytes, offset);
        lexer.skip_white();
        let number = u32::try_from(lexer.next().integer()?).ok()?;
        let generation = u16::try_from(lexer.next().integer()?).ok()?;
        lexer.skip_space();
        lexer.take(b"obj").then_some(((number, generation), Values::new(lexer, (number, generation))))
    }

    /// An object stream that starts at this byte.
    pub(crate) fn container_at(&self, offset: usize, revision: Revision) -> Option<&Container> {
        let cell = self.containers.get(&offset)?;
        cell.get_or_init(|| self.unpack_container(offset, revision)).as_ref()
    }

    /// True if this word stands in the file, or in one of its object streams, as it is written.
    pub(crate) fn mentions(&self, word: &[u8]) -> bool {
        let finder = memchr::memmem::Finder::new(word);
        let packed =
            || self.containers.keys().filter_map(|offset| self.container_at(*offset, Revision::NEWEST));
        finder.find(self.bytes).is_some() || packed().any(|it| finder.find(&it.data).is_some())
    }

    /// The object streams that some record names, by number.
    fn container_numbers(&self) -> HashSet<u32> {
        let inside = |record: &Record| match record.place {
            Place::In { container, .. } => Some(container),
            Place::At(_) | Place::Free => None,
        };
        self.records.iter().filter_map(inside).collect()
    }

    /// A number that a stream's `/Length` refers to: never a stream, and never in an object stream that is being read.
    fn length(&self, (number, generation): Id, revision: Revision) -> Option<usize> {
        let record = self.record(number, revision).filter(|record| record.generation == generation)?;
        let object = match record.place {
            Place::At(offset) => {
                let (id, mut values) = self.header_at(offset)?;
                values.next().filter(|_| id == (number, generation))?
            }
            Place::In { container, index } => {
                let at = self.record(container, revision)?;
                let Place::At(offset) = at.place else { return None };
                // An object stream whose length is in itself cannot be read.
                let unpacked = self.containers.get(&offset)?.get()?.as_ref()?;
                let (_, object) = unpacked.object(index, (number, generation))?;
                object
            }
            Place::Free => return None,
        };
        usize::try_from(object.as_integer()?).ok()
    }

    fn until_endstream(&self, start: usize) -> Option<&'b [u8]> {
        let rest = self.bytes.get(start..)?;
        let end =
            memchr::memmem::find(rest, b"endstream").or_else(|| memchr::memmem::find(rest, b"endobj"))?;
        let raw = &rest[..end];
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        Some(raw.strip_suffix(b"\r").unwrap_or(raw))
    }

    /// Another object stands where this one should: viewers search the whole file then, or show nothing.
    fn misplaced(&self, id: Id, offset: usize, revision: Revision) -> Option<Object<'_>> {
        let what = format!("object {} {} is not where the cross-reference table says", id.0, id.1);
        self.depart(codes::OBJECT_PLACE, offset, what);
        let found = self.found.get_or_init(|| rebuild::headers(self));
        let (generation, offset) = *found.get(&id.0)?;
        let (_, object) = self.object_at(offset, Some(revision)).filter(|_| generation == id.1)?;
        Some(object)
    }

    fn contained(&self, number: u32, container: u32, index: u32, revision: Revision) -> Option<Object<'_>> {
        let holder = self.record(container, revision)?;
        let Place::At(offset) = holder.place else {
            self.depart(codes::CONTAINER, 0, format!("object stream {container} does not exist"));
            return None;
        };
        let unpacked = self.container_at(offset, revision)?;
        let listed = unpacked.object(index, (number, 0)).filter(|(found, _)| *found == number);
        match listed {
            Some((_, object)) => Some(object),
            None => {
                let what = format!("object {number} is not where object stream {container} should have it");
                self.depart(codes::CONTAINER, offset, what);
                let index = unpacked.list.iter().position(|(found, _)| *found == number)?;
                Some(unpacked.object(u32::try_from(index).ok()?, (number, 0))?.1)
            }
        }
    }

    fn unpack_container(&self, offset: usize, revision: Revision) -> Option<Container> {
        let broken = |what: &str| self.depart(codes::CONTAINER, offset, what);
        let (id, object) = self.object_at(offset, Some(revision))?;
        let Some(stream) = object.as_stream().filter(|stream| stream.dict.has_type(b"ObjStm")) else {
            broken("what should be an object stream is none");
            return None;
        };
        let limit = self.room.get().min(self.limits.max_stream);
        let data = match filter::unpack(self.as_of(revision), stream, limit) {
            Ok(data) => data.into_owned(),
            Err(filter::Packed::TooLarge) => {
                let what = "bytes in one decompressed stream";
                self.exceeded.set(self.exceeded.get().or(Some((what, self.limits.max_stream as u64))));
                return None;
            }
            Err(_) => {
                broken("an object stream cannot be unpacked");
                return None;
            }
        };
        self.room.set(self.room.get().saturating_sub(data.len()));
        let doc = self.as_of(revision);
        let number = |key: &[u8]| usize::try_from(doc.get_integer(stream.dict, key)?).ok();
        let (Some(count), Some(first)) =
            (number(b"N"), number(b"First").filter(|first| *first <= data.len()))
        else {
            broken("an object stream does not say what it holds");
            return None;
        };
        let mut lexer = Lexer::new(&data[..first], 0);
        let mut list = Vec::with_capacity(count.min(first));
        while list.len() < count {
            let pair = (lexer.next().integer(), lexer.next().integer());
            let (Some(number), Some(at)) = pair else { break };
            let at =
                usize::try_from(at).ok().and_then(|at| at.checked_add(first)).filter(|at| *at < data.len());
            let (Ok(number), Some(at)) = (u32::try_from(number), at) else { break };
            list.push((number, at));
        }
        if list.len() != count || lexer.next() != Token::End {
            broken("an object stream does not hold as many objects as it says");
        }
        if !list.is_sorted_by(|a, b| a.1 < b.1) {
            broken("the objects of an object stream are not in the order of its list");
        }
        let numbers: HashSet<_> = list.iter().map(|(number, _)| *number).collect();
        if numbers.len() != list.len() || numbers.contains(&id.0) {
            broken("an object stream lists an object twice");
        }
        Some(Container { data, list })
    }

    /// The catalog's reference in the newest trailer that has one.
    fn root(&self) -> Option<Object<'_>> {
        self.sections.first()?.trailer.get(b"Root")
    }

    /// Finds the key of an encrypted document that needs no password.
    fn decrypt(&mut self) -> Result<(), PdfError> {
        if !self.is_encrypted() {
            return Ok(());
        }
        self.decryption = Some(Decryption::of(self.newest()).ok_or(PdfError::Encrypted)?);
        Ok(())
    }

    /// True if any trailer names an encryption dictionary, needed or not.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.sections.iter().any(|section| section.trailer.has(b"Encrypt"))
    }

    /// Where a reference leads, through further references.
    pub(crate) fn resolve<'a>(&'a self, object: Object<'a>, revision: Revision) -> Option<Object<'a>> {
        let mut object = object;
        for _ in 0..MOST_HOPS {
            let Object::Reference(id) = object else { return Some(object) };
            let record = self.record(id.0, revision).filter(|record| record.generation == id.1)?;
            object = self.object(record, revision)?;
        }
        None
    }
}

/// Departures that are kept; the survey names no more either.
pub(crate) const MOST_DEPARTURES: usize = 100;

impl Container {
    /// The object at this place of the list, with the number that the list gives it.
    pub(crate) fn object(&self, index: u32, owner: Id) -> Option<(u32, Object<'_>)> {
        let (number, at) = *self.list.get(usize::try_from(index).ok()?)?;
        let object = Values::new(Lexer::new(&self.data, at), owner).next()?;
        Some((number, object))
    }
}

/// Where the bytes of a stream start, if the keyword comes next.
pub(crate) fn stream_start(mut lexer: Lexer<'_>) -> Option<usize> {
    lexer.skip_space();
    lexer.take(b"stream").then_some(())?;
    if !lexer.take(b"\r\n") && !lexer.take(b"\n") {
        lexer.take(b"\r");
    }
    Some(lexer.pos())
}

/// True if `endstream` comes next, after at most a little white space.
pub(crate) fn ends_stream(bytes: &[u8], at: usize) -> bool {
    let rest = bytes.get(at..).unwrap_or_default();
    let spaces = rest.iter().take(3).take_while(|byte| is_space(**byte)).count();
    rest[spaces..].starts_with(b"endstream")
}

/// The trailer of a state; without entries where there is none.
pub(crate) fn trailer_dict<'a>(sections: &[Section<'a>], revision: Revision) -> Dict<'a> {
    sections.get(usize::from(revision.0)).map_or(Dict::EMPTY, |section| section.trailer)
}
