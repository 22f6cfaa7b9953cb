//! The whole file held against its table: every object, and every byte between objects.
//!
//! A viewer that finds something broken searches the file for objects by itself, and then shows what this search finds.
//! Two viewers that agree on a file are therefore certain only where the table, the objects and the bytes between them
//! leave nothing else to be found. What a file that departs shows is not known, so nothing is said about it.

use std::collections::{HashMap, HashSet};

use esign_core::facts::XrefKind;

use super::file::{Container, File, MOST_DEPARTURES, Revision, ends_stream, stream_start};
use super::lexer::{Lexer, Token};
use super::object::{Id, Object};
use super::rebuild::every_header;
use super::table::{Place, Record, integer};
use super::{Departure, codes, strict};
use crate::PdfError;

/// What a survey found.
pub(crate) struct Survey {
    /// In the order of the file. Empty: every viewer finds the same objects.
    pub(crate) departures: Vec<Departure>,
    /// Departures that change nothing, because a search of the whole file finds exactly what the table says.
    pub(crate) harmless: Vec<Departure>,
    /// Who refers to each object that was asked about.
    referrers: HashMap<u32, Vec<Referrer>>,
}

/// An object that refers to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referrer {
    pub(crate) source: Source,
    /// The nearest dictionary key above the reference.
    pub(crate) key: Vec<u8>,
}

/// Where a reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In this object, as it is at this place.
    Object(u32, Place),
    /// In the trailer of this section.
    Trailer(u16),
}

impl Survey {
    /// Who refers to an object in a state of the file; `None` stands for the trailer.
    pub(crate) fn referrers<'s>(
        &'s self,
        file: &'s File<'_>,
        number: u32,
        revision: Revision,
    ) -> impl Iterator<Item = (Option<u32>, &'s [u8])> {
        let all = self.referrers.get(&number).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(move |referrer| match referrer.source {
            Source::Trailer(section) => (section == revision.0).then_some((None, &*referrer.key)),
            Source::Object(source, place) => {
                let record = file.record(source, revision)?;
                (record.place == place).then_some((Some(source), &*referrer.key))
            }
        })
    }
}

/// Surveys a file. `targets` are the objects whose referrers are wanted; nothing from byte `updates` on may look like an
/// object that the table does not have, wherever it stands.
///
/// # Errors
/// [`PdfError::Limit`] where objects unpack to more than is allowed.
pub(crate) fn survey(file: &File<'_>, targets: &HashSet<u32>, updates: usize) -> Result<Survey, PdfError> {
    let sizes = file.sections.iter().filter_map(|section| integer(section.trailer, b"Size"));
    let mut surveyor = Surveyor {
        file,
        targets,
        keywords: HashSet::new(),
        size: sizes.max().unwrap_or_default(),
        departures: file.departures(),
        referrers: HashMap::new(),
        extents: Vec::new(),
    };
    surveyor.header();
    surveyor.sections();
    surveyor.objects();
    surveyor.containers();
    surveyor.between();
    surveyor.hidden(updates);
    file.check()?;
    surveyor.departures.extend(file.departures());
    surveyor.departures.sort();
    surveyor.departures.dedup();
    let harmless = surveyor.departures.iter().all(|it| LOOSE.contains(&it.code)) && surveyor.search_agrees();
    let (departures, harmless) = if harmless {
        (Vec::new(), surveyor.departures)
    } else {
        surveyor.departures.truncate(MOST_DEPARTURES);
        (surveyor.departures, Vec::new())
    };
    Ok(Survey { departures, harmless, referrers: surveyor.referrers })
}

/// Departures that let some viewers search the file and others not. They are harmless where the search finds what the
/// table says.
const LOOSE: [&str; 3] = [codes::XREF_FORM, codes::OBJECT_END, codes::STREAM_LINE];

/// What every object begins with, after its numbers.
const KEYWORD: &[u8] = b"obj";

/// From its first byte to after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    start: usize,
    end: usize,
}

struct Surveyor<'s> {
    file: &'s File<'s>,
    targets: &'s HashSet<u32>,
    departures: Vec<Departure>,
    referrers: HashMap<u32, Vec<Referrer>>,
    extents: Vec<Extent>,
    /// Where the keyword `obj` of each object stands.
    keywords: HashSet<usize>,
    /// The largest `/Size`: numbers from there on are no objects of the file.
    size: u64,
}

impl<'s> Surveyor<'s> {
    fn depart(&mut self, code: &'static str, offset: usize, what: impl Into<String>) {
        // One of each kind is enough to refuse, a few help to find out why.
        if self.departures.len() < 4 * MOST_DEPARTURES {
            self.departures.push(Departure::new(code, offset, what));
        }
    }

    fn header(&mut self) {
        for section in &self.file.sections {
            let written = section.trailer.has(b"XRefStm");
            if written && (section.stream().is_none() || section.of_hybrid) {
                self.departures.push(Departure::new(
                    codes::TRAILER,
                    section.offset,
                    "a trailer's /XRefStm is not a number, or none that belongs there",
                ));
            }
        }
        if self.file.header_offset > 0 {
            self.depart(codes::HEADER_OFFSET, 0, "bytes stand before the header");
        }
        // Some viewers look for the end within the last thousand bytes, and search the file where they find none.
        const WITHIN: usize = 1000;
        let tail = self.file.bytes.len().saturating_sub(WITHIN);
        if memchr::memmem::rfind(&self.file.bytes[tail..], b"startxref").is_none() {
            self.depart(codes::TRAILING, tail, "the end of the file is not where viewers look for it");
        }
    }

    fn sections(&mut self) {
        let file = self.file;
        let written: Vec<_> = file.sections.iter().filter(|section| !section.of_hybrid).collect();
        let linearized = self.is_linearized();
        for (index, pair) in written.windows(2).enumerate() {
            let oldest = index + 2 == written.len();
            if pair[1].offset >= pair[0].offset && !(oldest && linearized) {
                self.depart(
                    codes::XREF_ORDER,
                    pair[0].offset,
                    "a cross-reference section points to a later one",
                );
            }
        }
        let mut own = vec![0; file.sections.len()];
        for record in file.records().iter().filter(|record| record.place != Place::Free) {
            if let Some(own) = own.get_mut(usize::from(record.section)) {
                *own = u64::max(*own, u64::from(record.number) + 1);
            }
        }
        let mut highest = 0;
        for (index, section) in file.sections.iter().enumerate().rev() {
            highest = u64::max(highest, own[index]);
            if !section.of_hybrid && integer(section.trailer, b"Size").is_none_or(|size| size < highest) {
                self.depart(codes::XREF_SIZE, section.offset, "a trailer's /Size is too small");
            }
            let Ok(number) = u16::try_from(index) else { continue };
            match section.kind {
                XrefKind::Stream => {
                    self.object(section.offset, None, Revision(number), Source::Trailer(number));
                }
                _ => self.table(section.offset, section.end, section.trailer.body, number),
            }
        }
        if file.records().iter().any(|record| record.number == 0 && record.place != Place::Free) {
            self.depart(codes::XREF_ENTRY, 0, "the cross-reference table gives object 0 a place");
        }
    }

    /// The first object of a linearized file says that it is one; its first section then stands before the second.
    fn is_linearized(&self) -> bool {
        let first = self.file.records().iter().filter_map(|record| match record.place {
            Place::At(offset) => Some(offset),
            _ => None,
        });
        let object = first.min().and_then(|offset| self.file.object_at(offset, None));
        object.and_then(|(_, object)| object.as_dict()).is_some_and(|dict| dict.has(b"Linearized"))
    }

    fn table(&mut self, start: usize, end: usize, trailer: &[u8], section: u16) {
        self.extents.push(Extent { start, end });
        let written = &self.file.bytes[start..end];
        let entries = memchr::memmem::find(written, b"trailer").map_or(written, |at| &written[..at]);
        let known = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'\r' | b'\n' | b'n' | b'f');
        let head = entries.iter().take_while(|byte| super::lexer::is_space(**byte)).count() + b"xref".len();
        if !entries.get(head..).unwrap_or_default().iter().all(known) {
            self.depart(codes::XREF_COUNT, start, "a cross-reference table has something that is no entry");
        }
        // The trailer's own brackets stand around its body.
        let from = end.saturating_sub(trailer.len() + 4);
        let Some(open) = memchr::memmem::find(&self.file.bytes[from..end], b"<<") else { return };
        let mut lexer = Lexer::new(self.file.bytes, from + open);
        self.value(&mut lexer, 0, Source::Trailer(section));
    }

    /// Every object that some section lists, wherever it was written.
    fn objects(&mut self) {
        let file = self.file;
        let mut places: Vec<(usize, Record)> = file
            .records()
            .iter()
            .filter_map(|record| match record.place {
                Place::At(offset) => Some((offset, *record)),
                _ => None,
            })
            .collect();
        places.sort_by_key(|(offset, record)| (*offset, record.number, record.section));
        // Listed again where it was, an object is still one object.
        places.dedup_by_key(|(offset, record)| (*offset, record.number, record.generation));
        let sections: HashSet<_> = file.sections.iter().map(|section| section.offset).collect();
        for (offset, record) in places {
            let id = (record.number, record.generation);
            if sections.contains(&offset) {
                if file.header_at(offset).is_none_or(|(found, _)| found != id) {
                    self.misplaced(id, offset);
                }
                continue;
            }
            let source = Source::Object(record.number, record.place);
            self.object(offset, Some(id), Revision(record.section), source);
        }
    }

    fn misplaced(&mut self, id: Id, offset: usize) {
        let what = format!("object {} {} is not where the cross-reference table says", id.0, id.1);
        self.depart(codes::OBJECT_PLACE, offset, what);
    }

    /// One object with all that belongs to it.
    fn object(&mut self, offset: usize, id: Option<Id>, revision: Revision, source: Source) {
        let Some((found, values)) = self.file.header_at(offset) else {
            return self.misplaced(id.unwrap_or_default(), offset);
        };
        let mut begin = Lexer::new(self.file.bytes, offset);
        begin.skip_white();
        if id.is_some_and(|id| id != found) || !begin.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.misplaced(id.unwrap_or_default(), offset);
        }
        let mut lexer = values.lexer();
        if !self.value(&mut lexer, offset, source) {
            return;
        }
        let start = stream_start(lexer);
        if let Some(start) = start {
            lexer.skip_space();
            lexer.take(b"stream");
            if !lexer.take(b"\r\n") && !lexer.take(b"\n") {
                self.depart(codes::STREAM_LINE, lexer.pos(), "the line of a stream's keyword does not end");
            }
            let Some((_, Object::Stream(stream))) = self.file.object_at(offset, Some(revision)) else {
                return self.depart(codes::STREAM_LENGTH, offset, "a stream does not end");
            };
            let end = start + stream.raw.len();
            if !ends_stream(self.file.bytes, end) {
                return self.depart(codes::STREAM_LENGTH, offset, "the length of a stream is wrong");
            }
            lexer = lexer.clone_at(end);
            lexer.skip_white();
            lexer.take(b"endstream");
        }
        let mut ahead = lexer;
        if ahead.next() == Token::Word(b"endobj") {
            lexer = ahead;
        } else {
            self.depart(codes::OBJECT_END, lexer.pos(), "an object does not end with endobj");
        }
        self.extents.push(Extent { start: begin.pos(), end: lexer.pos() });
        self.keywords.insert(values.lexer().pos() - KEYWORD.len());
    }

    /// One value; false if it leaves the grammar.
    fn value(&mut self, lexer: &mut Lexer<'_>, base: usize, source: Source) -> bool {
        let (file, targets, size) = (self.file, self.targets, self.size);
        let (mut noted, mut wrong, mut missing) = (Vec::new(), None, None);
        let result = strict::value(lexer, &mut |key, id| {
            if targets.contains(&id.0) {
                noted.push((id.0, Referrer { source, key: key.to_vec() }));
            }
            match refers(file, id) {
                Refers::Well => {}
                Refers::ToOtherGeneration => wrong = Some(id),
                Refers::ToNoEntry if u64::from(id.0) < size => missing = Some(id),
                Refers::ToNoEntry => {}
            }
        });
        for (target, referrer) in noted {
            self.referrers.entry(target).or_default().push(referrer);
        }
        if let Some(id) = wrong {
            let what = format!("a reference names a generation of object {} that is not there", id.0);
            self.depart(codes::REFERENCE, base, what);
        }
        // Some viewers take a gap in a table for damage, and search the file: what is in object streams is lost to them.
        if let Some(id) = missing.filter(|_| self.hides_from_search()) {
            let what =
                format!("a reference leads to object {}, which no cross-reference section mentions", id.0);
            self.depart(codes::REFERENCE_MISSING, base, what);
        }
        if let Err(fault) = result {
            let place = if matches!(source, Source::Object(_, Place::In { .. })) { base } else { fault.at };
            self.depart(fault.code, place, fault.what);
            return false;
        }
        true
    }

    /// True if the newest section is a table, and something lies in an object stream.
    fn hides_from_search(&self) -> bool {
        let newest = self.file.sections.first();
        newest.is_some_and(|section| section.kind != XrefKind::Stream)
            && self.file.records().iter().any(|record| matches!(record.place, Place::In { .. }))
    }

    /// What object streams hold.
    fn containers(&mut self) {
        let file = self.file;
        let mut listed: HashMap<usize, HashSet<(u32, u32)>> = HashMap::new();
        let mut of: HashMap<usize, (u32, Revision)> = HashMap::new();
        for record in file.records() {
            let Place::In { container, index } = record.place else { continue };
            let revision = Revision(record.section);
            let holder = file.record(container, revision).filter(|it| it.generation == 0);
            let Some(Record { place: Place::At(offset), .. }) = holder else {
                self.depart(codes::CONTAINER, 0, format!("object stream {container} does not exist"));
                continue;
            };
            let mut places = records_of(file, container).filter(|it| it.place != Place::Free);
            if !of.contains_key(&offset) && places.any(|it| it.place != Place::At(offset)) {
                self.depart(codes::CONTAINER, offset, format!("object stream {container} was replaced"));
            }
            of.insert(offset, (container, revision));
            listed.entry(offset).or_default().insert((record.number, index));
        }
        let mut offsets: Vec<_> = of.into_iter().collect();
        offsets.sort_by_key(|(offset, _)| *offset);
        for (offset, (container, revision)) in offsets {
            let Some(unpacked) = file.container_at(offset, revision) else { continue };
            self.container(offset, container, unpacked, &listed[&offset]);
        }
    }

    fn container(
        &mut self,
        offset: usize,
        container: u32,
        unpacked: &Container,
        listed: &HashSet<(u32, u32)>,
    ) {
        let count = unpacked.list.len();
        let held: HashSet<_> =
            unpacked.list.iter().zip(0u32..).map(|((number, _), index)| (*number, index)).collect();
        if held != *listed {
            let what = format!(
                "object stream {container} and the cross-reference table disagree about what it holds"
            );
            self.depart(codes::CONTAINER, offset, what);
        }
        for (index, (number, at)) in unpacked.list.iter().enumerate() {
            let end = if index + 1 < count { unpacked.list[index + 1].1 } else { unpacked.data.len() };
            let Some(bytes) = unpacked.data.get(*at..end) else { continue };
            let mut lexer = Lexer::new(bytes, 0);
            let Ok(index) = u32::try_from(index) else { continue };
            let source = Source::Object(*number, Place::In { container, index });
            if self.value(&mut lexer, offset, source) && lexer.next() != Token::End {
                self.depart(
                    codes::CONTAINER,
                    offset,
                    format!("object stream {container} has bytes of no object"),
                );
            }
        }
    }

    /// Bytes between objects are white space, comments, and where the table starts.
    fn between(&mut self) {
        self.extents.sort_unstable();
        self.extents.dedup();
        let mut at = 0;
        for Extent { start, end } in self.extents.clone() {
            if start < at {
                self.depart(codes::OBJECT_OVERLAP, start, "two objects of the cross-reference table overlap");
                at = at.max(end);
                continue;
            }
            self.gap(at, start);
            at = end;
        }
        self.gap(at, self.file.bytes.len());
    }

    fn gap(&mut self, from: usize, to: usize) {
        let bytes = &self.file.bytes[..to];
        let mut lexer = Lexer::new(bytes, from);
        loop {
            lexer.skip_white();
            let at = lexer.pos();
            match lexer.peek() {
                None => return,
                Some(b'%') => {
                    lexer = lexer.clone_at(end_of_line(bytes, at));
                    let comment = lexer.since(at);
                    if [&b"obj"[..], b"trailer", b"xref"]
                        .iter()
                        .any(|word| memchr::memmem::find(comment, word).is_some())
                    {
                        return self.depart(
                            codes::BYTES_BETWEEN,
                            at,
                            "a comment looks like a part of the file",
                        );
                    }
                }
                Some(_) if lexer.take(b"startxref") => {
                    let start = lexer.next().integer();
                    if !start.is_some_and(|start| self.starts_section(start)) || !at_comment(lexer) {
                        return self.depart(
                            codes::STARTXREF,
                            at,
                            "startxref leads to no cross-reference section",
                        );
                    }
                }
                Some(_) if self.file.header_at(at).is_some() => {
                    let number = lexer.next().integer().unwrap_or_default();
                    let what = format!("object {number} stands here, which no cross-reference table lists");
                    return self.depart(codes::OBJECT_UNLISTED, at, what);
                }
                Some(_) => {
                    return self.depart(
                        codes::BYTES_BETWEEN,
                        at,
                        "bytes stand here that belong to no object",
                    );
                }
            }
        }
    }

    /// The first part of a linearized file says 0.
    fn starts_section(&self, offset: u64) -> bool {
        offset == 0
            || usize::try_from(offset)
                .ok()
                .and_then(|offset| offset.checked_add(self.file.header_offset))
                .is_some_and(|offset| {
                    self.file.sections.iter().any(|it| it.offset == offset && !it.of_hybrid)
                })
    }

    /// In an update nothing may look like the beginning of an object that is none, whatever stands before the keyword: a
    /// viewer that searches the file would find it.
    fn hidden(&mut self, from: usize) {
        let bytes = self.file.bytes;
        let tail = bytes.get(from..).unwrap_or_default();
        let regular = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let hidden: Vec<_> = memchr::memmem::find_iter(tail, KEYWORD)
            .map(|at| from + at)
            .filter(|at| !self.keywords.contains(at))
            .filter(|at| {
                let before = at.checked_sub(1).and_then(|at| bytes.get(at));
                !before.is_some_and(u8::is_ascii_alphabetic) && !regular(bytes.get(at + KEYWORD.len()))
            })
            .take(3)
            .collect();
        for at in hidden {
            self.depart(
                codes::OBJECT_UNLISTED,
                at,
                "an update has bytes that look like an object and are none of it",
            );
        }
    }

    /// True if a search of all bytes finds each object where the table has it, and nothing else.
    fn search_agrees(&self) -> bool {
        let starts: HashSet<_> = self.extents.iter().map(|extent| extent.start).collect();
        let mut last: HashMap<u32, usize> = HashMap::new();
        for ((number, _), at) in every_header(self.file.bytes) {
            if !starts.contains(&at) {
                return false;
            }
            last.insert(number, at);
        }
        self.file.records().chunk_by(|a, b| a.number == b.number).all(|records| {
            let newest = records[0];
            match newest.place {
                Place::At(offset) => last.get(&newest.number).is_some_and(|at| {
                    let mut begin = Lexer::new(self.file.bytes, offset);
                    begin.skip_white();
                    begin.pos() == *at
                }),
                // What was freed, or is packed, could be found under its number in an older form.
                Place::In { .. } | Place::Free => !last.contains_key(&newest.number),
            }
        })
    }
}

/// What a reference leads to.
enum Refers {
    /// An object, or one that the table calls free.
    Well,
    /// An object that never had this generation.
    ToOtherGeneration,
    /// A number that the table leaves out.
    ToNoEntry,
}

/// What all sections say of one object, newest first.
fn records_of<'f>(file: &'f File<'_>, number: u32) -> impl Iterator<Item = &'f Record> {
    let first = file.records().partition_point(|record| record.number < number);
    file.records()[first..].iter().take_while(move |record| record.number == number)
}

fn refers(file: &File<'_>, (number, generation): Id) -> Refers {
    let mut own = records_of(file, number).peekable();
    if own.peek().is_none() {
        return Refers::ToNoEntry;
    }
    let mut used = own.filter(|record| record.place != Place::Free).peekable();
    if used.peek().is_none() || used.any(|record| record.generation == generation) {
        Refers::Well
    } else {
        Refers::ToOtherGeneration
    }
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |end| at + end)
}

/// True if a comment comes next: `%%EOF`.
fn at_comment(mut lexer: Lexer<'_>) -> bool {
    lexer.skip_white();
    lexer.take(b"%%EOF")
}
