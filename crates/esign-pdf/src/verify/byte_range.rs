//! The signed bytes: what `/ByteRange` may look like and what the hole in it may hold.

use crate::cms::Reason;
use crate::reader::{Lexer, Token, hex_digit, is_space};
use crate::signature::SignatureValue;

/// The two pieces that are signed, once the range is found to be sound: it starts at the first byte, leaves out
/// nothing but one hexadecimal string, which is this signature's own, and ends at the end of a revision.
pub(crate) fn signed_pieces<'a>(
    bytes: &'a [u8],
    value: &SignatureValue<'_>,
) -> Result<[&'a [u8]; 2], Reason> {
    let [start, first, second, length] =
        value.byte_range.ok_or("/ByteRange is not four non-negative integers")?;
    if start != 0 {
        return Err("/ByteRange does not start at the first byte");
    }
    let end = second.checked_add(length).filter(|end| *end <= bytes.len());
    let end = end.ok_or("/ByteRange reaches beyond the end of the file")?;
    let hole = bytes.get(first..second).ok_or("the two parts of /ByteRange overlap")?;
    let hole = decode_hole(hole).ok_or("/ByteRange leaves out more than one hexadecimal string")?;
    if hole != *value.contents {
        return Err("/ByteRange leaves out something else than this signature");
    }
    let signed = [&bytes[..first], &bytes[second..end]];
    if !ends_revision(bytes, end) {
        return Err("the signed bytes do not end at the end of a revision");
    }
    Ok(signed)
}

/// True if what ends here ends with `%%EOF` and at most a little white space.
pub(crate) fn ends_revision(bytes: &[u8], end: usize) -> bool {
    const MOST_SPACE: usize = 64;
    let Some(tail) = bytes.get(end.saturating_sub(MOST_SPACE)..end) else { return false };
    let text_end = tail.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    tail[..text_end].ends_with(b"%%EOF")
}

/// `<`, pairs of digits, `>`, nothing else: white space would be a place to hide changes in.
fn decode_hole(hole: &[u8]) -> Option<Vec<u8>> {
    let digits = hole.strip_prefix(b"<")?.strip_suffix(b">")?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then_some(())?;
    pairs.map(|pair| Some(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?)).collect()
}

/// Every `/ByteRange [a b c d]` written in the file: where, and the end of what it covers. A signature's dictionary
/// cannot hide in a compressed stream, so this finds all that the file ever had.
pub(crate) fn written(bytes: &[u8]) -> Vec<(usize, usize)> {
    const KEY: &[u8] = b"/ByteRange";
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(bytes, KEY) {
        // A window, so that an unclosed string does not make this quadratic.
        let window = &bytes[at + KEY.len()..bytes.len().min(at + 256)];
        let mut lexer = Lexer::new(window, 0);
        if lexer.next() != Token::ArrayOpen {
            continue;
        }
        let numbers: Vec<_> =
            (0..4).map_while(|_| lexer.next().integer()).filter_map(|n| usize::try_from(n).ok()).collect();
        if let [_, _, start, length] = numbers[..]
            && let Some(end) = start.checked_add(length)
        {
            found.push((at, end));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_hexadecimal_digits_and_nothing_else() {
        assert_eq!(decode_hole(b"<00fF>"), Some(vec![0, 255]));
        for hole in [&b"<0>"[..], b"<00 >", b"<0g>", b"00", b"<00>>", b" <00>", b"<00>\n", b"", b"<"] {
            assert_eq!(decode_hole(hole), None, "{}", String::from_utf8_lossy(hole));
        }
    }

    #[test]
    fn the_hole_must_hold_this_very_signature() {
        let file = b"%PDF<01>more%%EOF\n";
        let dict = crate::reader::Dict::EMPTY;
        let pieces = |contents: &'static [u8], byte_range| {
            let sub_filter = String::new();
            let value =
                SignatureValue { dict, sub_filter, contents: contents.into(), byte_range: Some(byte_range) };
            signed_pieces(file, &value)
        };
        assert_eq!(pieces(&[1], [0, 4, 8, 10]), Ok([&file[..4], &file[8..]]));
        for (contents, byte_range) in [
            (&[2][..], [0, 4, 8, 10]),
            (&[1], [1, 4, 8, 10]),
            (&[1], [0, 4, 8, 11]),
            (&[1], [0, 4, 8, 7]),
            (&[1], [0, 5, 8, 10]),
            (&[1], [0, 8, 4, 14]),
            (&[1], [0, 4, usize::MAX, 10]),
        ] {
            assert!(pieces(contents, byte_range).is_err(), "{contents:?} {byte_range:?}");
        }
    }

    #[test]
    fn written_ranges_are_found() {
        let file = b"x/ByteRange [0 1 2 3 ]/ByteRange[0 /ByteRange [0 10 20 30]/ByteRanges[1 2 3 4]";
        assert_eq!(written(file), [(1, 5), (35, 50)]);
    }
}
