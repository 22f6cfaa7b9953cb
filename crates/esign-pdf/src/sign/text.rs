//! Text in the two standard fonts that are used: Helvetica and Helvetica-Bold, in WinAnsi encoding, not embedded.

use lopdf::{Dictionary, dictionary};

/// One of the standard fonts (ISO 32000-1, 9.6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Font {
    Regular,
    Bold,
}

impl Font {
    /// The name under which [`resources`] lists it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Regular => "F1",
            Self::Bold => "F2",
        }
    }

    /// Width of encoded text at this size, in points.
    pub(super) fn width(self, encoded: &[u8], size: f64) -> f64 {
        let widths = match self {
            Self::Regular => &REGULAR_WIDTHS,
            Self::Bold => &BOLD_WIDTHS,
        };
        let units: u32 = encoded.iter().map(|&byte| u32::from(width(widths, byte))).sum();
        f64::from(units) * size / 1000.0
    }
}

/// The font dictionaries for a `/Resources`.
pub(super) fn resources() -> Dictionary {
    let font = |name: &str| {
        dictionary! {
            "Type" => "Font",
            "Subtype" => "Type1",
            "BaseFont" => name,
            "Encoding" => "WinAnsiEncoding",
        }
    };
    dictionary! {
        "Font" => dictionary! {
            Font::Regular.name() => font("Helvetica"),
            Font::Bold.name() => font("Helvetica-Bold"),
        }
    }
}

/// Encodes text in WinAnsi (ISO 32000-1, annex D.2). A character that it does not have becomes `?`, a control
/// character a space.
pub(super) fn encode(text: &str) -> Vec<u8> {
    text.chars().map(encode_char).collect()
}

/// The longest beginning of the text that fits the width, with an ellipsis if it is not the whole.
pub(super) fn shorten(font: Font, mut encoded: Vec<u8>, size: f64, width: f64) -> Vec<u8> {
    if font.width(&encoded, size) <= width {
        return encoded;
    }
    encoded.push(ELLIPSIS);
    let mut excess = font.width(&encoded, size) - width;
    while excess > 0.0 && encoded.len() > 1 {
        let last = encoded.remove(encoded.len() - 2);
        excess -= font.width(&[last], size);
    }
    encoded
}

/// The text in lines no wider than that, broken at spaces; a single word that is wider stands on a line of its own.
pub(super) fn wrap(font: Font, text: &str, size: f64, width: f64) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut used = 0.0;
    let space = font.width(b" ", size);
    for word in text.split_whitespace().map(encode) {
        let needed = font.width(&word, size);
        match lines.last_mut() {
            Some(line) if used + space + needed <= width => {
                line.push(b' ');
                line.extend(word);
                used += space + needed;
            }
            _ => {
                lines.push(word);
                used = needed;
            }
        }
    }
    lines
}

const ELLIPSIS: u8 = 0x85;

/// 0x80 to 0x9F of WinAnsi; the other codes are those of Unicode. NUL where there is no character.
const SPECIAL: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', //
    '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

fn encode_char(c: char) -> u8 {
    match c {
        c if c.is_control() => b' ',
        ' '..='~' | '\u{A0}'..='\u{FF}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        _ => SPECIAL
            .iter()
            .position(|special| *special == c)
            .and_then(|index| u8::try_from(index + 0x80).ok())
            .unwrap_or(b'?'),
    }
}

/// The advance of a code in thousandths of the font size. Letters with accents are as wide as those without; for the few
/// other codes above ASCII the width of a digit is near enough, as nothing but line breaks depends on it.
fn width(ascii: &[u16; 95], byte: u8) -> u16 {
    let base = match byte {
        b' '..=b'~' => byte,
        0xC0..=0xC5 => b'A',
        0xC6 | 0x8C | 0x97 | 0x85 | 0x89 | 0x99 => return 1000,
        0xC7 => b'C',
        0xC8..=0xCB => b'E',
        0xCC..=0xCF => b'I',
        0xD1 => b'N',
        0xD2..=0xD6 | 0xD8 => b'O',
        0xD9..=0xDC => b'U',
        0xE0..=0xE5 => b'a',
        0xE7 => b'c',
        0xE8..=0xEB => b'e',
        0xEC..=0xEF => b'i',
        0xF1 => b'n',
        0xF2..=0xF6 | 0xF8 => b'o',
        0xF9..=0xFC => b'u',
        0x91 | 0x92 | 0xA0 | 0xB7 => b' ',
        0x8A => b'S',
        0x9A => b's',
        0x8E => b'Z',
        0x9E => b'z',
        _ => b'0',
    };
    ascii[usize::from(base - b' ')]
}

/// Adobe's published metrics of Helvetica, space to tilde.
#[rustfmt::skip]
const REGULAR_WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, //
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, //
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, //
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, //
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, //
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Adobe's published metrics of Helvetica-Bold, space to tilde.
#[rustfmt::skip]
const BOLD_WIDTHS: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, //
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, //
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778, //
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, //
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, //
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_encoded_in_winansi() {
        for (text, encoded) in [
            ("Tan Ah Kow", b"Tan Ah Kow".as_slice()),
            ("Zoë €5 – “ok”", b"Zo\xEB \x805 \x96 \x93ok\x94"),
            ("陳 த", b"? ?"),
            ("a\tb\u{85}\0c", b"a b  c"),
        ] {
            assert_eq!(encode(text), encoded, "{text}");
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        assert!((Font::Regular.width(b"Hello", 10.0) - 22.78).abs() < 1e-9);
        assert!((Font::Bold.width(b"Hello", 10.0) - 24.45).abs() < 1e-9);
        assert!((Font::Regular.width(&encode("é"), 10.0) - Font::Regular.width(b"e", 10.0)).abs() < 1e-9);
    }

    #[test]
    fn lines_break_at_spaces() {
        let lines = |text, width| wrap(Font::Regular, text, 10.0, width);
        assert_eq!(lines("one two  three\nfour", 50.0), [b"one two".to_vec(), b"three four".to_vec()]);
        assert_eq!(lines("unbreakable word", 20.0), [b"unbreakable".to_vec(), b"word".to_vec()]);
        assert!(lines("  ", 20.0).is_empty());
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(shorten(Font::Regular, b"short".to_vec(), 10.0, 100.0), b"short");
        let cut = shorten(Font::Regular, b"a line that is far too long".to_vec(), 10.0, 50.0);
        assert!(cut.ends_with(&[ELLIPSIS]) && Font::Regular.width(&cut, 10.0) <= 50.0, "{cut:?}");
        assert_eq!(shorten(Font::Regular, b"no room".to_vec(), 10.0, 1.0), [ELLIPSIS]);
    }
}
