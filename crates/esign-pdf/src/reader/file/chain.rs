//! The cross-reference sections of a file, read from its end to its beginning.

use std::cell::OnceCell;
use std::collections::HashSet;

use esign_core::facts::XrefKind;

use super::super::lexer::Lexer;
use super::super::object::{Object, Stream};
use super::super::table::{Place, Record, Section, Sink, integer, read_rows, read_table};
use super::super::{codes, filter};
use super::{File, ends_stream, stream_start};
use crate::PdfError;

impl<'b> File<'b> {
    /// Follows `startxref` and every `/Prev`, newest section first.
    pub(super) fn read_chain(&mut self) -> Result<(), PdfError> {
        let Some(newest) = self.startxref() else { return Ok(()) };
        // Sections of a sound file do not overlap, so reading each once touches each byte at most once.
        let mut budget = self.bytes.len().saturating_mul(2).saturating_add(4096);
        let mut visited = HashSet::new();
        let mut next = Some(newest);
        let mut revisions = 0usize;
        while let Some(offset) = next {
            if !visited.insert(offset) {
                let what = format!("the cross-reference chain loops at byte {offset}");
                self.depart(codes::XREF_LOOP, self.place_of(offset), what);
                break;
            }
            if revisions == self.limits.max_revisions {
                let limit = self.limits.max_revisions as u64;
                return Err(PdfError::Limit { what: "cross-reference sections (revisions)", limit });
            }
            revisions += 1;
            let Some(section) = self.read_section(offset, None)? else {
                let what = format!("no cross-reference section starts at byte {offset}");
                self.depart(codes::XREF_MISSING, self.place_of(offset), what);
                break;
            };
            let hybrid = section.stream();
            self.sections.push(section);
            if let Some(at) = hybrid
                && !self.read_hybrid(at)?
            {
                let what = format!("no cross-reference stream at byte {at}");
                self.depart(codes::XREF_HYBRID, section.offset, what);
            }
            let Some(left) = budget.checked_sub(section.end - section.offset) else {
                self.depart(codes::XREF_OVERLAP, section.offset, "cross-reference sections overlap");
                break;
            };
            budget = left;
            next = section.previous();
            if next.is_none() && section.trailer.has(b"Prev") {
                self.depart(codes::TRAILER, section.offset, "a trailer's /Prev is not a number");
            }
        }
        Ok(())
    }

    fn read_hybrid(&mut self, at: u64) -> Result<bool, PdfError> {
        match self.read_section(at, Some(XrefKind::Stream))? {
            Some(stream) => {
                self.sections.push(Section { of_hybrid: true, ..stream });
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn place_of(&self, offset: u64) -> usize {
        usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(self.header_offset).min(self.bytes.len())
    }

    /// The number after the last `startxref`.
    fn startxref(&self) -> Option<u64> {
        if memchr::memmem::rfind(self.bytes, b"%%EOF").is_none() {
            self.depart(codes::END, self.bytes.len(), "there is no %%EOF");
        }
        let found = memchr::memmem::rfind(self.bytes, b"startxref");
        let number = found.and_then(|at| Lexer::new(self.bytes, at + b"startxref".len()).next().integer());
        if number.is_none() {
            self.depart(codes::STARTXREF, found.unwrap_or(self.bytes.len()), "there is no startxref");
        }
        number
    }

    /// The section at this offset, with its records. `None` if there is none.
    fn read_section(&mut self, offset: u64, only: Option<XrefKind>) -> Result<Option<Section<'b>>, PdfError> {
        let at = usize::try_from(offset).ok().and_then(|at| at.checked_add(self.header_offset));
        let Some(at) = at.filter(|at| *at < self.bytes.len()) else { return Ok(None) };
        let Ok(index) = u16::try_from(self.sections.len()) else { return Ok(None) };
        let before = self.records.len();
        let mut departures = Vec::new();
        let mut records = std::mem::take(&mut self.records);
        let mut sink = Sink {
            section: index,
            records: &mut records,
            departures: &mut departures,
            header_offset: self.header_offset,
        };
        let section = if only.is_none() { read_table(self.bytes, at, &mut sink) } else { None };
        let section = match section {
            Some(section) => Some(section),
            None => {
                sink.records.truncate(before);
                self.read_stream(at, &mut sink)?
            }
        };
        if section.is_none() {
            sink.records.truncate(before);
        }
        self.records = records;
        if section.is_some() {
            self.departures.borrow_mut().extend(departures);
        }
        if self.records.len() > self.limits.max_objects.saturating_mul(2) {
            return Err(PdfError::Limit { what: "objects", limit: self.limits.max_objects as u64 });
        }
        Ok(section)
    }

    fn read_stream(&self, at: usize, sink: &mut Sink<'_>) -> Result<Option<Section<'b>>, PdfError> {
        let Some((id, mut values)) = self.header_at(at) else { return Ok(None) };
        let Some(Object::Dict(dict)) =
            values.next().filter(|it| it.as_dict().is_some_and(|it| it.has_type(b"XRef")))
        else {
            return Ok(None);
        };
        let lexer = values.lexer();
        let end = lexer.pos();
        let Some(start) = stream_start(lexer) else { return Ok(None) };
        let length = integer(dict, b"Length").and_then(|length| usize::try_from(length).ok());
        let raw = length.and_then(|length| self.bytes.get(start..start.checked_add(length)?));
        let raw = match raw.filter(|raw| ends_stream(self.bytes, start + raw.len())) {
            Some(raw) => raw,
            None => {
                self.depart(codes::STREAM_LENGTH, at, "the length of a stream is wrong");
                match self.until_endstream(start) {
                    Some(raw) => raw,
                    None => return Ok(None),
                }
            }
        };
        let stream = Stream { dict, raw, id };
        let rows = match filter::unpack(self.newest(), stream, self.limits.max_stream) {
            Ok(rows) => rows,
            Err(filter::Packed::TooLarge) => {
                let limit = self.limits.max_stream as u64;
                return Err(PdfError::Limit { what: "bytes in one decompressed stream", limit });
            }
            Err(_) => return Ok(None),
        };
        let read = read_rows(dict, &rows, at, &self.limits, sink);
        Ok(read.map(|()| Section {
            kind: XrefKind::Stream,
            offset: at,
            end,
            trailer: dict,
            of_hybrid: false,
        }))
    }

    /// Orders the records and prepares the object streams.
    pub(super) fn sort(&mut self) -> Result<(), PdfError> {
        self.records.sort_by_key(|record| (record.number, record.section));
        self.merge_hybrids();
        let twice: HashSet<_> = self
            .records
            .windows(2)
            .filter(|pair| (pair[0].number, pair[0].section) == (pair[1].number, pair[1].section))
            .map(|pair| (pair[0].number, pair[0].section))
            .collect();
        for (number, section) in twice {
            let offset = self.sections.get(usize::from(section)).map_or(0, |section| section.offset);
            let what = format!("a cross-reference section lists object {number} twice");
            self.depart(codes::XREF_TWICE, offset, what);
        }
        if self.count() > self.limits.max_objects {
            return Err(PdfError::Limit { what: "objects", limit: self.limits.max_objects as u64 });
        }
        let numbers = self.container_numbers();
        let places = self.records.iter().filter(|record| numbers.contains(&record.number));
        let offsets = places.filter_map(|record| match record.place {
            Place::At(offset) => Some((offset, OnceCell::new())),
            _ => None,
        });
        self.containers = offsets.collect();
        Ok(())
    }

    /// What a table calls free, its own stream may give a place (ISO 32000-1, 7.5.8.4): then the stream counts.
    fn merge_hybrids(&mut self) {
        if !self.sections.iter().any(|section| section.of_hybrid) {
            return;
        }
        let records = std::mem::take(&mut self.records);
        let mut merged: Vec<Record> = Vec::with_capacity(records.len());
        for record in records {
            let of_hybrid = self.sections.get(usize::from(record.section)).is_some_and(|it| it.of_hybrid);
            if let Some(table) = merged.last_mut().filter(|last| {
                of_hybrid && last.number == record.number && last.section + 1 == record.section
            }) {
                if table.place == Place::Free && record.place != Place::Free {
                    *table = record;
                    continue;
                }
                if table.place != record.place && record.place != Place::Free {
                    let offset = self.sections[usize::from(record.section)].offset;
                    let what = format!("a hybrid section gives object {} two places", record.number);
                    self.depart(codes::XREF_HYBRID, offset, what);
                }
            }
            merged.push(record);
        }
        self.records = merged;
    }
}
