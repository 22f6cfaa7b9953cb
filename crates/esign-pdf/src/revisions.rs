//! What the bytes of a file say about its states: where each ends, and what comes after the last.

use esign_core::facts::Revision;

use crate::reader::{File, is_space};

/// One per cross-reference section, oldest first, without the streams of hybrid sections.
pub(crate) fn of(file: &File<'_>) -> Vec<Revision> {
    let starts: Vec<_> = memchr::memmem::find_iter(file.bytes, b"startxref").collect();
    let ends: Vec<_> = memchr::memmem::find_iter(file.bytes, b"%%EOF").collect();
    let written = file.sections.iter().rev().filter(|section| !section.of_hybrid && section.end > 0);
    written
        .map(|section| Revision {
            offset: section.offset as u64,
            xref: section.kind,
            end: end_of_revision(&starts, &ends, section.end).unwrap_or(file.bytes.len()) as u64,
        })
        .collect()
}

/// Bytes after the last `%%EOF` from the first that is no white space to the last.
pub(crate) fn trailing_bytes(bytes: &[u8]) -> usize {
    let last = memchr::memmem::rfind(bytes, b"%%EOF");
    let rest = last.and_then(|end| bytes.get(end + b"%%EOF".len()..)).unwrap_or_default();
    let junk = rest.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    junk.saturating_sub(rest.iter().take_while(|byte| is_space(**byte)).count())
}

/// True if the first object says `/Linearized`.
pub(crate) fn is_linearized(file: &File<'_>) -> bool {
    const WITHIN: usize = 1024;
    let head = &file.bytes[file.header_offset..file.bytes.len().min(file.header_offset + WITHIN)];
    memchr::memmem::find(head, b"/Linearized").is_some()
}

/// After the `%%EOF` that follows the `startxref` that follows the section.
fn end_of_revision(starts: &[usize], ends: &[usize], after: usize) -> Option<usize> {
    let start = starts.get(starts.partition_point(|at| *at < after))?;
    let end = ends.get(ends.partition_point(|at| at < start))?;
    Some(end + b"%%EOF".len())
}

#[cfg(test)]
mod tests {
    use esign_core::facts::XrefKind;

    use super::*;
    use crate::reader::Departure;
    use crate::{Limits, PdfError};

    fn opened<T>(bytes: &[u8], look: impl FnOnce(&File<'_>) -> T) -> T {
        look(&File::open(bytes, &Limits::default()).unwrap())
    }

    fn damage(bytes: &[u8]) -> String {
        opened(bytes, |file| file.departures().iter().map(Departure::sentence).collect::<Vec<_>>().join("; "))
    }

    /// A file of cross-reference tables only, each with these extra trailer entries, chained by `/Prev`.
    fn chain(entries: &[&str]) -> Vec<u8> {
        let mut file = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n".to_vec();
        let mut previous = String::new();
        for entry in entries {
            let at = file.len();
            let section = format!(
                "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n\
                 << /Size 2 /Root 1 0 R {previous}{entry} >>\nstartxref\n{at}\n%%EOF\n"
            );
            file.extend_from_slice(section.as_bytes());
            previous = format!("/Prev {at} ");
        }
        file
    }

    #[test]
    fn revisions_come_oldest_first_with_their_ends() {
        let file = chain(&["", "/X << /Prev 3 /Encrypt 1 >>", ""]);
        assert_eq!(damage(&file), "");
        let revisions = opened(&file, |file| {
            assert!(!file.is_encrypted(), "a nested /Encrypt is not the trailer's");
            of(file)
        });
        assert_eq!(revisions.len(), 3);
        assert_eq!(revisions[0].offset, 40);
        assert_eq!(revisions[2].end, file.len() as u64 - 1);
        for pair in revisions.windows(2) {
            assert_eq!(pair[0].end + 1, pair[1].offset);
        }
    }

    #[test]
    fn encryption_counts_in_any_revision() {
        for entry in ["/Encrypt 5 0 R", "/Encr#79pt << >>"] {
            let refused = File::open(&chain(&[entry, ""]), &Limits::default()).err();
            assert_eq!(refused, Some(PdfError::Encrypted));
        }
        assert!(opened(&chain(&["/Encrypt null"]), |file| !file.is_encrypted()));
    }

    #[test]
    fn junk_before_and_after_is_measured() {
        let mut file = b"junk!".to_vec();
        file.extend(chain(&["", ""]));
        file.extend_from_slice(b"\r\n\x00tail it\n");
        opened(&file, |file| {
            assert_eq!((file.header_offset, trailing_bytes(file.bytes), of(file).len()), (5, 7, 2));
        });
        assert_eq!(damage(&file), "");
    }

    #[test]
    fn damage_is_named() {
        let catalog = "1 0 obj<</Type/Catalog>>endobj trailer<</Root 1 0 R>>";
        for (end, words) in [
            ("startxref\n9999\n%%EOF", "no cross-reference section starts at byte 9999"),
            ("startxref\n99999999999999999999\n%%EOF", "there is no startxref"),
            ("startxref\n18446744073709551615\n%%EOF", "no cross-reference section starts"),
            ("\nxref\ntrailer<</Root 1 0 R/Prev 63>>startxref\n63\n%%EOF", "loops at byte 63"),
            ("\nxref\ntrailer<</Root 1 0 R>>startxref\n63\n", "no %%EOF"),
            (
                "\nxref\ntrailer<</Root 1 0 R/XRefStm 3>>startxref\n63\n%%EOF",
                "no cross-reference stream at byte 3",
            ),
        ] {
            let file = format!("%PDF-1.4\n{catalog}{end}");
            let found = damage(file.as_bytes());
            assert!(found.contains(words), "{end}: {found}");
        }
        assert!(damage(format!("%PDF-\n{catalog}").as_bytes()).contains("no version"));
    }

    #[test]
    fn a_hybrid_section_is_seen() {
        let mut file = b"%PDF-1.5\n1 0 obj<</Type/Catalog>>endobj\n".to_vec();
        let stream = file.len();
        file.extend_from_slice(
            b"2 0 obj<</Type/XRef/W[1 1 1]/Index[3 1]/Size 4/Length 3>>stream\n\0\0\0\nendstream endobj\n",
        );
        let at = file.len();
        let section = format!(
            "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer<</Root 1 0 R/XRefStm {stream}>>startxref {at} %%EOF"
        );
        file.extend_from_slice(section.as_bytes());
        assert_eq!(
            opened(&file, |file| of(file).iter().map(|it| it.xref).collect::<Vec<_>>()),
            [XrefKind::Hybrid]
        );
        assert_eq!(damage(&file), "");
    }

    #[test]
    fn many_revisions_are_refused() {
        let refused = File::open(&chain(&vec![""; 600]), &Limits::default()).err();
        assert!(matches!(refused, Some(PdfError::Limit { limit: 512, .. })));
    }

    /// Each section's trailer contains the next one in a string, so reading all would be quadratic.
    #[test]
    fn overlapping_sections_stop_the_walk() {
        let mut file = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n".to_vec();
        let (start, count, width) = (file.len(), 400usize, 60usize);
        for index in 0..count {
            let next = start + (index + 1) * width;
            let section = format!("xref trailer<</Root 1 0 R/Prev {next} /A (");
            file.extend_from_slice(format!("{section:width$}").as_bytes());
        }
        file.extend(std::iter::repeat_n(b')', count).chain(format!(">>\nstartxref\n{start}\n%%EOF").bytes()));
        let found = damage(&file);
        assert!(found.contains("overlap"), "{found}");
    }

    #[test]
    fn not_a_pdf() {
        for bytes in [&b""[..], b"%PDF", &[b' '; 2000], b"<html>"] {
            assert_eq!(File::open(bytes, &Limits::default()).err(), Some(PdfError::NotPdf));
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let _ = File::open(&bytes, &Limits::default()).map(|file| of(&file));
            bytes.splice(0..0, *b"%PDF-1.7\nstartxref 9 xref trailer<<");
            let _ = File::open(&bytes, &Limits::default()).map(|file| of(&file));
        }
    }
}
