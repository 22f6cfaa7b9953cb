//! One reader for everything that decides over a document: strict, lazy, over borrowed bytes.
//!
//! Objects are found through the cross-reference table only, and each is read when it is asked for. Where a file departs
//! from what its table says, the reader goes on as viewers do, and keeps a [`Departure`] with the place. Preflight prints
//! departures; verification holds the whole file against its table first ([`survey()`]) and does not judge a file that
//! departs, because viewers may show something else.

mod decrypt;
mod doc;
mod file;
mod filter;
mod lexer;
mod object;
mod rebuild;
mod strict;
mod survey;
mod table;

pub(crate) use doc::Doc;
pub(crate) use file::{File, Revision};
pub(crate) use filter::Packed;
pub(crate) use lexer::{Lexer, Token, hex_digit, is_space};
pub(crate) use object::{Array, Dict, Id, Name, Object, Str, Stream, hexadecimal, literal, text};
pub(crate) use survey::{Survey, survey};
pub(crate) use table::{Place, Record};

/// Something that is not as the standard has it, so that viewers may disagree about what the file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Departure {
    /// Where in the file.
    pub(crate) offset: usize,
    /// A stable name: `xref.number`.
    pub(crate) code: &'static str,
    /// What it is, in words.
    pub(crate) what: String,
}

impl Departure {
    pub(crate) fn new(code: &'static str, offset: usize, what: impl Into<String>) -> Self {
        Self { code, offset, what: what.into() }
    }

    /// For a person.
    pub(crate) fn sentence(&self) -> String {
        format!("{} (byte {}, {})", self.what, self.offset, self.code)
    }
}

/// Codes of departures; each is explained where it is found.
pub(crate) mod codes {
    pub(crate) const HEADER_VERSION: &str = "header.version";
    pub(crate) const HEADER_OFFSET: &str = "header.offset";
    pub(crate) const END: &str = "end.missing";
    pub(crate) const STARTXREF: &str = "end.startxref";
    pub(crate) const TRAILING: &str = "end.trailing";
    pub(crate) const XREF_MISSING: &str = "xref.missing";
    pub(crate) const XREF_LOOP: &str = "xref.loop";
    pub(crate) const XREF_ORDER: &str = "xref.order";
    pub(crate) const XREF_OVERLAP: &str = "xref.overlap";
    pub(crate) const XREF_HYBRID: &str = "xref.hybrid";
    pub(crate) const XREF_FORM: &str = "xref.form";
    pub(crate) const XREF_COUNT: &str = "xref.count";
    pub(crate) const XREF_TWICE: &str = "xref.twice";
    pub(crate) const XREF_SIZE: &str = "xref.size";
    pub(crate) const XREF_ENTRY: &str = "xref.entry";
    pub(crate) const XREF_REBUILT: &str = "xref.rebuilt";
    pub(crate) const TRAILER: &str = "trailer";
    pub(crate) const OBJECT_PLACE: &str = "object.place";
    pub(crate) const OBJECT_FORM: &str = "object.form";
    pub(crate) const OBJECT_UNLISTED: &str = "object.unlisted";
    pub(crate) const OBJECT_OVERLAP: &str = "object.overlap";
    pub(crate) const OBJECT_END: &str = "object.end";
    pub(crate) const OBJECT_DEEP: &str = "object.deep";
    pub(crate) const DICT_TWICE: &str = "dict.twice";
    pub(crate) const REFERENCE: &str = "reference.generation";
    pub(crate) const REFERENCE_MISSING: &str = "reference.missing";
    pub(crate) const STREAM_LENGTH: &str = "stream.length";
    pub(crate) const STREAM_LINE: &str = "stream.line";
    pub(crate) const CONTAINER: &str = "container";
    pub(crate) const BYTES_BETWEEN: &str = "bytes.between";
}
