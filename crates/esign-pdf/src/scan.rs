//! What the bytes of a file say before any object is read: header, `startxref` chain, revisions, hybrid sections,
//! encryption in any trailer, bytes after the end.
//!
//! PDF readers repair and forget: they drop `/XRefStm`, hide an empty-password `/Encrypt` and rebuild broken tables.
//! This scanner reports what is written (ISO 32000-1, 7.5). It never follows an offset twice and its work is bounded
//! by the size of the file.

use std::collections::HashSet;

use esign_core::facts::{Revision, XrefKind};

use crate::lexer::{Lexer, Token, is_space, parse_integer};
use crate::{Limits, PdfError};

/// What [`scan`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Bytes before `%PDF-`.
    pub(crate) header_offset: usize,
    /// The version in the header: `1.7`.
    pub(crate) version: String,
    /// One per cross-reference section, oldest first.
    pub(crate) revisions: Vec<Revision>,
    /// The first object says `/Linearized`.
    pub(crate) linearized: bool,
    /// Bytes after the last `%%EOF` that are not white space, and all between them.
    pub(crate) trailing_bytes: usize,
    /// Some trailer has `/Encrypt`.
    pub(crate) encrypted: bool,
    /// What does not hold together.
    pub(crate) damage: Vec<String>,
}

/// Scans a file. Only a missing header and too many sections are errors; everything else becomes `damage`.
pub(crate) fn scan(bytes: &[u8], limits: &Limits) -> Result<Scan, PdfError> {
    const HEADER_WITHIN: usize = 1024;
    let head = &bytes[..bytes.len().min(HEADER_WITHIN + 5)];
    let header_offset = find(head, b"%PDF-", 0).ok_or(PdfError::NotPdf)?;
    let version = head[header_offset + 5..].iter().take(8).take_while(|b| b.is_ascii_digit() || **b == b'.');
    let mut scan = Scan {
        header_offset,
        version: version.map(|b| char::from(*b)).collect(),
        linearized: find(head, b"/Linearized", header_offset).is_some(),
        ..Scan::default()
    };
    if scan.version.is_empty() {
        scan.damage.push("the header names no version".to_owned());
    }
    let ends = positions(bytes, b"%%EOF");
    scan.trailing_bytes = trailing(bytes, &ends);
    if ends.is_empty() {
        scan.damage.push("there is no %%EOF".to_owned());
    }
    walk_chain(bytes, &ends, limits, &mut scan)?;
    scan.revisions.reverse();
    Ok(scan)
}

/// Follows `startxref` and every `/Prev`, newest section first.
fn walk_chain(bytes: &[u8], ends: &[usize], limits: &Limits, scan: &mut Scan) -> Result<(), PdfError> {
    let starts = positions(bytes, b"startxref");
    let newest = starts.last().and_then(|at| Lexer::new(bytes, at + b"startxref".len()).next().integer());
    let Some(newest) = newest else {
        scan.damage.push("there is no startxref".to_owned());
        return Ok(());
    };
    // Sections of a sound file do not overlap, so reading each once touches each byte at most once.
    let mut budget = bytes.len().saturating_mul(2).saturating_add(4096);
    let mut visited = HashSet::new();
    let mut next = Some(newest);
    while let Some(offset) = next {
        if !visited.insert(offset) {
            scan.damage.push(format!("the cross-reference chain loops at byte {offset}"));
            break;
        }
        if scan.revisions.len() == limits.max_revisions {
            let limit = limits.max_revisions as u64;
            return Err(PdfError::Limit { what: "cross-reference sections (revisions)", limit });
        }
        let at = usize::try_from(offset).ok().and_then(|o| o.checked_add(scan.header_offset));
        let Some(section) = at.filter(|at| *at < bytes.len()).and_then(|at| read_section(bytes, at)) else {
            scan.damage.push(format!("no cross-reference section starts at byte {offset}"));
            break;
        };
        let Some(left) = budget.checked_sub(section.length) else {
            scan.damage.push("cross-reference sections overlap".to_owned());
            break;
        };
        budget = left;
        scan.encrypted |= section.trailer.encrypted;
        let at = at.unwrap_or_default();
        scan.revisions.push(Revision {
            offset: at as u64,
            xref: section.kind,
            end: end_of_revision(&starts, ends, at + section.length).unwrap_or(bytes.len()) as u64,
        });
        if let Some(hybrid) = section.trailer.xref_stream {
            let there = usize::try_from(hybrid).ok().and_then(|o| o.checked_add(scan.header_offset));
            let stream =
                there.and_then(|at| read_section(bytes, at)).filter(|it| it.kind == XrefKind::Stream);
            let (Some(stream), left) =
                (&stream, stream.as_ref().and_then(|it| budget.checked_sub(it.length)))
            else {
                scan.damage.push(format!("no cross-reference stream at byte {hybrid}"));
                break;
            };
            scan.encrypted |= stream.trailer.encrypted;
            let Some(left) = left else {
                scan.damage.push("cross-reference sections overlap".to_owned());
                break;
            };
            budget = left;
        }
        next = section.trailer.previous;
    }
    Ok(())
}

struct Section {
    kind: XrefKind,
    trailer: Trailer,
    /// From its first byte to the end of its dictionary.
    length: usize,
}

#[derive(Default)]
struct Trailer {
    previous: Option<u64>,
    xref_stream: Option<u64>,
    encrypted: bool,
    is_xref: bool,
}

fn read_section(bytes: &[u8], at: usize) -> Option<Section> {
    let mut lexer = Lexer::new(bytes, at);
    let (kind, trailer) = match lexer.next() {
        Token::Word(b"xref") => {
            skip_table(&mut lexer)?;
            let trailer = read_trailer(&mut lexer)?;
            (if trailer.xref_stream.is_some() { XrefKind::Hybrid } else { XrefKind::Table }, trailer)
        }
        number => {
            number.integer()?;
            lexer.next().integer()?;
            (lexer.next() == Token::Word(b"obj")).then_some(())?;
            (XrefKind::Stream, read_trailer(&mut lexer).filter(|trailer| trailer.is_xref)?)
        }
    };
    Some(Section { kind, trailer, length: lexer.pos() - at })
}

/// From after `xref` to after `trailer`. Entries are numbers and the letters `n` and `f`.
fn skip_table(lexer: &mut Lexer<'_>) -> Option<()> {
    loop {
        match lexer.next() {
            Token::Word(b"trailer") => return Some(()),
            Token::Word(b"n" | b"f") => {}
            Token::Word(word) => {
                parse_integer(word)?;
            }
            _ => return None,
        }
    }
}

/// The dictionary that comes next; only its own keys count, not those of dictionaries inside.
fn read_trailer(lexer: &mut Lexer<'_>) -> Option<Trailer> {
    (lexer.next() == Token::DictOpen).then_some(())?;
    let mut trailer = Trailer::default();
    let mut depth = 1usize;
    let mut key: Option<Vec<u8>> = None;
    loop {
        let token = lexer.next();
        let is_value = depth == 1 && key.is_some();
        if is_value {
            match (key.take().as_deref(), &token) {
                (Some(b"Prev"), token) => trailer.previous = token.integer(),
                (Some(b"XRefStm"), token) => trailer.xref_stream = token.integer(),
                (Some(b"Encrypt"), Token::Word(b"null")) => {}
                (Some(b"Encrypt"), _) => trailer.encrypted = true,
                (Some(b"Type"), Token::Name(name)) => trailer.is_xref = name == b"XRef",
                _ => {}
            }
        }
        match token {
            Token::DictOpen | Token::ArrayOpen => depth += 1,
            Token::DictClose | Token::ArrayClose => depth -= 1,
            Token::Name(name) if depth == 1 && !is_value => key = Some(name),
            Token::End => return None,
            Token::Name(_) | Token::String | Token::Word(_) => {}
        }
        if depth == 0 {
            return Some(trailer);
        }
    }
}

/// After the `%%EOF` that follows the `startxref` that follows the section.
fn end_of_revision(starts: &[usize], ends: &[usize], after: usize) -> Option<usize> {
    let start = starts.get(starts.partition_point(|p| *p < after))?;
    let end = ends.get(ends.partition_point(|p| p < start))?;
    Some(end + b"%%EOF".len())
}

fn trailing(bytes: &[u8], ends: &[usize]) -> usize {
    let rest = ends.last().and_then(|end| bytes.get(end + b"%%EOF".len()..)).unwrap_or_default();
    let junk = rest.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1);
    junk.saturating_sub(rest.iter().take_while(|b| is_space(**b)).count())
}

fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(needle.len()).position(|window| window == needle)?;
    Some(from + found)
}

/// Every place where `needle` starts. Its first byte must be rare enough to be searched for.
fn positions(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let first = needle[0];
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first).map(|(at, _)| at);
    starts.filter(|at| bytes[*at..].starts_with(needle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(bytes: &[u8]) -> Scan {
        scan(bytes, &Limits::default()).unwrap()
    }

    /// A file of cross-reference tables only, each with these extra trailer entries, chained by `/Prev`.
    fn chain(entries: &[&str]) -> Vec<u8> {
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut previous = String::new();
        for entry in entries {
            let at = file.len();
            let section = format!(
                "xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 {previous}{entry} >>\nstartxref\n{at}\n%%EOF\n"
            );
            file.extend_from_slice(section.as_bytes());
            previous = format!("/Prev {at} ");
        }
        file
    }

    #[test]
    fn revisions_come_oldest_first_with_their_ends() {
        let file = chain(&["", "/X << /Prev 3 /Encrypt 1 >>", ""]);
        let scan = scanned(&file);
        assert_eq!(scan.damage, Vec::<String>::new());
        assert_eq!(scan.revisions.len(), 3);
        assert!(!scan.encrypted, "a nested /Encrypt is not the trailer's");
        assert_eq!(scan.revisions[0].offset, 9);
        assert_eq!(scan.revisions[2].end, file.len() as u64 - 1);
        for pair in scan.revisions.windows(2) {
            assert_eq!(pair[0].end + 1, pair[1].offset);
        }
    }

    #[test]
    fn encryption_counts_in_any_revision() {
        assert!(scanned(&chain(&["/Encrypt 5 0 R", ""])).encrypted);
        assert!(scanned(&chain(&["/Encr#79pt << >>"])).encrypted);
        assert!(!scanned(&chain(&["/Encrypt null"])).encrypted);
    }

    #[test]
    fn junk_before_and_after_is_measured() {
        let mut file = b"junk!".to_vec();
        file.extend(chain(&["", ""]));
        file.extend_from_slice(b"\r\n\x00tail it\n");
        let scan = scanned(&file);
        assert_eq!((scan.header_offset, scan.trailing_bytes, scan.revisions.len()), (5, 7, 2));
        assert_eq!(scan.damage, Vec::<String>::new());
    }

    #[test]
    fn damage_is_named() {
        for (file, words) in [
            (&b"%PDF-1.4\nstartxref\n9\n%%EOF"[..], "no cross-reference section starts at byte 9"),
            (b"%PDF-1.4\nstartxref\n99999999999999999999\n%%EOF", "there is no startxref"),
            (b"%PDF-1.4\nstartxref\n18446744073709551615\n%%EOF", "no cross-reference section starts"),
            (b"%PDF-1.4\nxref\ntrailer<</Prev 9>>startxref\n9\n%%EOF", "loops at byte 9"),
            (b"%PDF-1.4\nxref\ntrailer<<>>startxref\n9\n", "no %%EOF"),
            (
                b"%PDF-1.4\nxref\ntrailer<</XRefStm 3>>startxref\n9\n%%EOF",
                "no cross-reference stream at byte 3",
            ),
            (b"%PDF-\nxref\ntrailer<<>>startxref\n6\n%%EOF", "no version"),
        ] {
            let damage = scanned(file).damage.join("; ");
            assert!(damage.contains(words), "{damage}");
        }
    }

    #[test]
    fn a_hybrid_section_is_seen() {
        let stream = b"%PDF-1.5\n1 0 obj<</Type/XRef/Encrypt 4 0 R>>stream\n";
        let mut file = stream.to_vec();
        let at = file.len();
        file.extend_from_slice(format!("xref\ntrailer<</XRefStm 9>>startxref {at} %%EOF").as_bytes());
        let scan = scanned(&file);
        assert_eq!(scan.revisions[0].xref, XrefKind::Hybrid);
        assert!(scan.encrypted, "also in the stream's own dictionary");
    }

    #[test]
    fn many_revisions_are_refused() {
        let file = chain(&vec![""; 600]);
        assert!(matches!(scan(&file, &Limits::default()), Err(PdfError::Limit { limit: 512, .. })));
    }

    /// Each section's trailer contains the next one in a string, so reading all would be quadratic.
    #[test]
    fn overlapping_sections_stop_the_walk() {
        let mut file = b"%PDF-1.4\n".to_vec();
        let (count, width) = (400usize, 40usize);
        for index in 0..count {
            let next = 9 + (index + 1) * width;
            let section = format!("xref trailer<</Prev {next} /A (");
            file.extend_from_slice(format!("{section:width$}").as_bytes());
        }
        file.extend(std::iter::repeat_n(b')', count).chain(*b">>\nstartxref\n9\n%%EOF"));
        let damage = scanned(&file).damage.join("; ");
        assert!(damage.contains("overlap"), "{damage}");
    }

    #[test]
    fn not_a_pdf() {
        for bytes in [&b""[..], b"%PDF", &[b' '; 2000], b"<html>"] {
            assert_eq!(scan(bytes, &Limits::default()), Err(PdfError::NotPdf));
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let _ = scan(&bytes, &Limits::default());
            bytes.splice(0..0, *b"%PDF-1.7\nstartxref 9 xref trailer<<");
            let _ = scan(&bytes, &Limits::default());
        }
    }
}
