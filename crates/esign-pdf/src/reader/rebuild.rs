//! What viewers do with a file whose table they cannot use: they look for objects in all its bytes, and the last one of
//! each number counts.

use std::collections::HashMap;

use esign_core::facts::XrefKind;

use super::file::File;
use super::lexer::Lexer;
use super::object::{Dict, Id, Object, Values};
use super::table::{Place, Record, Section};
use crate::PdfError;

/// Every place in the file where `12 0 obj` stands, in the order of the file.
pub(crate) fn every_header(bytes: &[u8]) -> impl Iterator<Item = (Id, usize)> {
    memchr::memmem::find_iter(bytes, b"obj").filter_map(move |at| {
        let (generation, before) = integer_before(bytes, at, false)?;
        let (number, start) = integer_before(bytes, before, true)?;
        Some(((u32::try_from(number).ok()?, u16::try_from(generation).ok()?), start))
    })
}

/// The integer that ends before this byte, white space between, and where it starts. No byte is looked at for two
/// headers, however many spaces and zeros there are.
fn integer_before(bytes: &[u8], end: usize, spaced: bool) -> Option<(u64, usize)> {
    use super::lexer::{is_space, parse_integer};
    let head = bytes.get(..end)?;
    let spaces = head.iter().rev().take_while(|byte| is_space(**byte)).count();
    if spaced && spaces == 0 {
        return None;
    }
    let head = &head[..end - spaces];
    let count = head.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = &head[head.len() - count..];
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    let value = if zeros == count { 0 } else { parse_integer(&digits[zeros..])? };
    (count > 0).then_some((value, head.len() - count))
}

/// The last place of each object.
pub(crate) fn headers(file: &File<'_>) -> HashMap<u32, (u16, usize)> {
    every_header(file.bytes).map(|((number, generation), at)| (number, (generation, at))).collect()
}

/// Sections and records as a search of the whole file gives them: one state, with the best trailer there is.
pub(crate) fn rebuild<'b>(file: &File<'b>) -> Result<(Vec<Section<'b>>, Vec<Record>), PdfError> {
    let found = headers(file);
    if found.len() > file.limits.max_objects {
        return Err(PdfError::Limit { what: "objects", limit: file.limits.max_objects as u64 });
    }
    let mut records: Vec<_> = found
        .iter()
        .map(|(number, (generation, at))| Record {
            number: *number,
            section: 0,
            generation: *generation,
            place: Place::At(*at),
        })
        .collect();
    records.extend(contained(file, &found));
    let trailer = trailer(file, &found);
    let section = |trailer| Section { kind: XrefKind::Table, offset: 0, end: 0, trailer, of_hybrid: false };
    Ok((trailer.map(section).into_iter().collect(), records))
}

/// What object streams hold and nothing else does.
fn contained(file: &File<'_>, found: &HashMap<u32, (u16, usize)>) -> Vec<Record> {
    let mut inside: HashMap<u32, Record> = HashMap::new();
    let mut containers: Vec<_> = found.iter().map(|(number, (_, at))| (*at, *number)).collect();
    containers.sort_unstable();
    for (at, number) in containers {
        let Some((_, Object::Stream(stream))) = file.object_at(at, None) else { continue };
        if !stream.dict.has_type(b"ObjStm") {
            continue;
        }
        let Ok(data) = file.newest().unpacked(stream, file.limits.max_stream) else { continue };
        let first = stream.dict.get(b"First").and_then(|first| usize::try_from(first.as_integer()?).ok());
        let mut lexer = Lexer::new(data.get(..first.unwrap_or(0)).unwrap_or_default(), 0);
        let mut index = 0;
        while let (Some(inner), Some(_)) = (lexer.next().integer(), lexer.next().integer()) {
            if let Ok(inner) = u32::try_from(inner)
                && !found.contains_key(&inner)
            {
                let place = Place::In { container: number, index };
                inside.insert(inner, Record { number: inner, section: 0, generation: 0, place });
            }
            index += 1;
        }
        if inside.len() > file.limits.max_objects {
            break;
        }
    }
    inside.into_values().collect()
}

/// Trailers that are tried: each may be as long as the file.
const MOST_TRAILERS: usize = 64;

/// The last trailer with a catalog, else the dictionary of a cross-reference stream.
fn trailer<'b>(file: &File<'b>, found: &HashMap<u32, (u16, usize)>) -> Option<Dict<'b>> {
    let bytes = file.bytes;
    let written = memchr::memmem::rfind_iter(bytes, b"trailer").take(MOST_TRAILERS).find_map(|at| {
        let mut values = Values::new(Lexer::new(bytes, at + b"trailer".len()), (0, 0));
        values.next()?.as_dict().filter(|dict| dict.has(b"Root"))
    });
    written.or_else(|| {
        let mut places: Vec<_> = found.values().map(|(_, at)| *at).collect();
        places.sort_unstable();
        places.into_iter().rev().find_map(|at| {
            let (_, mut values) = file.header_at(at)?;
            let dict = values.next()?.as_dict()?;
            dict.has_type(b"XRef").then_some(dict).filter(|dict| dict.has(b"Root"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_where_they_stand() {
        let bytes = b"1 0 obj x endobj 12 3 obj<<>> 7 0  obj 4 0obj 50 objx obj (9 0 obj)";
        let found: Vec<_> = every_header(bytes).collect();
        let places = [((1, 0), 0), ((12, 3), 17), ((7, 0), 30), ((4, 0), 39), ((9, 0), 59)];
        assert_eq!(found, places);
    }
}
