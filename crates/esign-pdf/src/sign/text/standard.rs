//! Helvetica and Helvetica-Bold, the standard fonts that every reader has: not embedded, in WinAnsi encoding.

use super::{Cluster, Face, Glyph, Weight};

/// The text in a standard font, one cluster for each character; `None` if it has a character that the font lacks.
pub(super) fn set(text: &str, weight: Weight) -> Option<Vec<Cluster>> {
    let (face, widths) = match weight {
        Weight::Regular => (Face::Helvetica, &REGULAR_WIDTHS),
        Weight::Bold => (Face::HelveticaBold, &BOLD_WIDTHS),
    };
    let cluster = |c: char| {
        let code = encode(c)?;
        let advance = i32::from(width(widths, code));
        let glyph = Glyph { id: code.into(), advance, natural: advance, ..Glyph::default() };
        Some(Cluster { face, text: c.into(), glyphs: vec![glyph] })
    };
    text.chars().map(cluster).collect()
}

/// 0x80 to 0x9F of WinAnsi; the other codes are those of Unicode. NUL where there is no character.
const SPECIAL: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', //
    '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The code of a character in WinAnsi (ISO 32000-1, annex D.2).
fn encode(c: char) -> Option<u8> {
    match c {
        ' '..='~' | '\u{A0}'..='\u{FF}' => u8::try_from(u32::from(c)).ok(),
        '\0' => None,
        _ => {
            SPECIAL.iter().position(|special| *special == c).and_then(|index| u8::try_from(index + 0x80).ok())
        }
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
