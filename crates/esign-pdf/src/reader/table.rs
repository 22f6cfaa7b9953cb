//! Cross-reference sections (ISO 32000-1, 7.5.4 and 7.5.8): what each says where its objects are.

use esign_core::facts::XrefKind;

use super::lexer::{Lexer, Token};
use super::object::{Dict, Object, Values};
use super::{Departure, codes};
use crate::Limits;

/// Where an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it does not exist.
    Free,
    /// At this byte of the file.
    At(usize),
    /// In an object stream, at this index.
    In { container: u32, index: u32 },
}

/// What one section says of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) number: u32,
    /// Index of the section, 0 being the newest.
    pub(crate) section: u16,
    pub(crate) generation: u16,
    pub(crate) place: Place,
}

/// A section as written, without its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub(crate) kind: XrefKind,
    /// Its first byte.
    pub(crate) offset: usize,
    /// After its trailer, or after the dictionary of its stream.
    pub(crate) end: usize,
    pub(crate) trailer: Dict<'a>,
    /// True for the stream of a hybrid section, which belongs to the section before it.
    pub(crate) of_hybrid: bool,
}

impl Section<'_> {
    pub(crate) fn previous(&self) -> Option<u64> {
        integer(self.trailer, b"Prev")
    }

    /// The cross-reference stream that a table's trailer points to.
    pub(crate) fn stream(&self) -> Option<u64> {
        integer(self.trailer, b"XRefStm").filter(|_| self.kind != XrefKind::Stream)
    }
}

/// A direct, non-negative integer.
pub(crate) fn integer(dict: Dict<'_>, key: &[u8]) -> Option<u64> {
    u64::try_from(dict.get(key)?.as_integer()?).ok()
}

/// Adds records of a section, and what is odd about them.
pub(crate) struct Sink<'s> {
    pub(crate) section: u16,
    pub(crate) records: &'s mut Vec<Record>,
    pub(crate) departures: &'s mut Vec<Departure>,
    /// Offsets in the file count from the header.
    pub(crate) header_offset: usize,
}

impl Sink<'_> {
    fn depart(&mut self, code: &'static str, offset: usize, what: &str) {
        self.departures.push(Departure::new(code, offset, what));
    }

    fn push(&mut self, number: u64, generation: u64, place: Place, at: usize) {
        match (u32::try_from(number), u16::try_from(generation)) {
            (Ok(number), Ok(generation)) => {
                self.records.push(Record { number, section: self.section, generation, place });
            }
            // What would be free anyway.
            _ if place == Place::Free => {}
            _ => self.depart(
                codes::XREF_ENTRY,
                at,
                "an entry of the cross-reference table has no possible number",
            ),
        }
    }

    fn at(&self, offset: u64) -> Place {
        let offset = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(self.header_offset));
        offset.map_or(Place::Free, Place::At)
    }
}

/// Reads the table after `xref` up to its trailer's dictionary. `None` if it is none.
pub(crate) fn read_table<'a>(bytes: &'a [u8], at: usize, sink: &mut Sink<'_>) -> Option<Section<'a>> {
    let mut lexer = Lexer::new(bytes, at);
    lexer.skip_white();
    lexer.take(b"xref").then_some(())?;
    loop {
        match lexer.next() {
            Token::Word(b"trailer") => break,
            first => {
                let (first, count) = (first.integer()?, lexer.next().integer()?);
                entries(bytes, &mut lexer, first, count, sink)?;
            }
        }
    }
    let mut values = Values::new(lexer, (0, 0));
    let Some(Object::Dict(trailer)) = values.next() else { return None };
    let kind = if integer(trailer, b"XRefStm").is_some() { XrefKind::Hybrid } else { XrefKind::Table };
    Some(Section { kind, offset: at, end: values.lexer().pos(), trailer, of_hybrid: false })
}

/// One subsection. A table that has fewer or more entries than it says is read as far as it goes.
fn entries(bytes: &[u8], lexer: &mut Lexer<'_>, first: u64, count: u64, sink: &mut Sink<'_>) -> Option<()> {
    const WIDTH: usize = 20;
    let head = lexer.pos();
    lexer.skip_white();
    let mut number = first;
    let end = first.checked_add(count)?;
    while number < end
        && let Some(entry) = bytes.get(lexer.pos()..).and_then(|rest| rest.first_chunk::<WIDTH>())
        && let Some((offset, generation, kind)) = fixed(entry)
    {
        place(number, offset, generation, kind, lexer.pos(), sink);
        *lexer = lexer.clone_at(lexer.pos() + WIDTH);
        number += 1;
    }
    let mut loose = false;
    while number < end {
        let at = lexer.pos();
        let Some((offset, generation, kind)) = by_tokens(lexer) else {
            sink.depart(
                codes::XREF_COUNT,
                head,
                "a part of the cross-reference table has fewer entries than it says",
            );
            *lexer = lexer.clone_at(at);
            return Some(());
        };
        loose = true;
        place(number, offset, generation, kind, at, sink);
        number += 1;
    }
    if loose {
        sink.depart(codes::XREF_FORM, head, "entries of the cross-reference table are not 20 bytes long");
    }
    // Where one more entry follows, the count is wrong.
    let mut ahead = *lexer;
    while let Some((_, _, kind)) = by_tokens(&mut ahead) {
        if !matches!(kind, b'n' | b'f') {
            break;
        }
        sink.depart(
            codes::XREF_COUNT,
            head,
            "a part of the cross-reference table has more entries than it says",
        );
        *lexer = ahead;
    }
    Some(())
}

fn place(number: u64, offset: u64, generation: u64, kind: u8, at: usize, sink: &mut Sink<'_>) {
    match kind {
        b'n' if offset > 0 => {
            let place = sink.at(offset);
            sink.push(number, generation, place, at);
        }
        b'n' => {
            sink.depart(
                codes::XREF_ENTRY,
                at,
                "an entry of the cross-reference table points to the first byte",
            );
            sink.push(number, generation, Place::Free, at);
        }
        _ => sink.push(number, generation.min(u64::from(u16::MAX)), Place::Free, at),
    }
}

/// `0000000123 00000 n` and two bytes of line end.
fn fixed(entry: &[u8; 20]) -> Option<(u64, u64, u8)> {
    let (offset, generation) = (digits(&entry[..10])?, digits(&entry[11..16])?);
    let ends = matches!(&entry[18..], b" \n" | b" \r" | b"\r\n");
    (ends && entry[10] == b' ' && entry[16] == b' ' && matches!(entry[17], b'n' | b'f'))
        .then_some((offset, generation, entry[17]))
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(value * 10 + u64::from(digit))
    })
}

fn by_tokens(lexer: &mut Lexer<'_>) -> Option<(u64, u64, u8)> {
    let mut ahead = *lexer;
    let (offset, generation) = (ahead.next().integer()?, ahead.next().integer()?);
    let kind = match ahead.next() {
        Token::Word(b"n") => b'n',
        Token::Word(b"f") => b'f',
        _ => return None,
    };
    *lexer = ahead;
    Some((offset, generation, kind))
}

/// The rows of an unpacked cross-reference stream (ISO 32000-1, 7.5.8.3).
pub(crate) fn read_rows(
    dict: Dict<'_>,
    rows: &[u8],
    at: usize,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> Option<()> {
    let widths: Vec<usize> = match dict.get(b"W")? {
        Object::Array(widths) => widths
            .iter()
            .map(|width| width.as_integer().and_then(|width| usize::try_from(width).ok()).filter(|w| *w <= 8))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    let [kind, second, third] = widths[..] else { return None };
    let width = kind + second + third;
    let size = integer(dict, b"Size")?;
    let index: Vec<u64> = match dict.get(b"Index") {
        None => vec![0, size],
        Some(Object::Array(index)) => {
            index.iter().map(|number| u64::try_from(number.as_integer()?).ok()).collect::<Option<_>>()?
        }
        Some(_) => return None,
    };
    if width == 0 || index.len() % 2 == 1 || rows.len() / width > limits.max_objects.saturating_mul(2) {
        return None;
    }
    let mut rest = rows.chunks_exact(width);
    for pair in index.chunks_exact(2) {
        for number in pair[0]..pair[0].checked_add(pair[1])? {
            let Some(row) = rest.next() else {
                sink.depart(codes::XREF_COUNT, at, "a cross-reference stream has fewer entries than it says");
                return Some(());
            };
            let field = |from: usize, width: usize| {
                row[from..from + width].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte))
            };
            let (value, extra) = (field(kind, second), field(kind + second, third));
            match if kind == 0 { 1 } else { field(0, kind) } {
                0 => sink.push(number, 0, Place::Free, at),
                1 if value > 0 => {
                    let place = sink.at(value);
                    sink.push(number, extra, place, at);
                }
                2 => match (u32::try_from(value), u32::try_from(extra)) {
                    (Ok(container), Ok(index)) => {
                        sink.push(number, 0, Place::In { container, index }, at);
                    }
                    _ => sink.depart(
                        codes::XREF_ENTRY,
                        at,
                        "an entry of a cross-reference stream is out of range",
                    ),
                },
                _ => {
                    sink.depart(
                        codes::XREF_ENTRY,
                        at,
                        "an entry of a cross-reference stream is of no known kind",
                    );
                    sink.push(number, 0, Place::Free, at);
                }
            }
        }
    }
    if rest.next().is_some() || !rest.remainder().is_empty() {
        sink.depart(codes::XREF_COUNT, at, "a cross-reference stream has more entries than it says");
    }
    Some(())
}
