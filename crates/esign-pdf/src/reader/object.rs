//! Objects as views of the bytes that they are written in (ISO 32000-1, 7.3): nothing is copied, and what is inside an
//! array or a dictionary is read when it is asked for.

use std::borrow::Cow;

use super::lexer::{Lexer, Token, hex_digit};

/// Object number and generation.
pub(crate) type Id = (u32, u16);

/// Deepest nesting of arrays and dictionaries in one object. Real documents stay below 20; viewers give up at depths of
/// their own.
pub(crate) const DEEPEST: usize = 100;

/// Any object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    String(Str<'a>),
    Name(Name<'a>),
    Array(Array<'a>),
    Dict(Dict<'a>),
    Stream(Stream<'a>),
    Reference(Id),
}

impl<'a> Object<'a> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn as_dict(&self) -> Option<Dict<'a>> {
        match self {
            Self::Dict(dict) => Some(*dict),
            _ => None,
        }
    }

    /// The dictionary, or that of the stream.
    pub(crate) fn any_dict(&self) -> Option<Dict<'a>> {
        match self {
            Self::Dict(dict) => Some(*dict),
            Self::Stream(stream) => Some(stream.dict),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<Array<'a>> {
        match self {
            Self::Array(array) => Some(*array),
            _ => None,
        }
    }

    pub(crate) fn as_stream(&self) -> Option<Stream<'a>> {
        match self {
            Self::Stream(stream) => Some(*stream),
            _ => None,
        }
    }

    pub(crate) fn as_name(&self) -> Option<Name<'a>> {
        match self {
            Self::Name(name) => Some(*name),
            _ => None,
        }
    }

    pub(crate) fn as_string(&self) -> Option<Str<'a>> {
        match self {
            Self::String(string) => Some(*string),
            _ => None,
        }
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn as_reference(&self) -> Option<Id> {
        match self {
            Self::Reference(id) => Some(*id),
            _ => None,
        }
    }
}

/// A name as written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    pub(crate) fn new(raw: &'a [u8]) -> Self {
        Self(raw)
    }

    /// Its bytes, `#xx` decoded.
    pub(crate) fn value(self) -> Cow<'a, [u8]> {
        if !self.0.contains(&b'#') {
            return Cow::Borrowed(self.0);
        }
        let mut name = Vec::with_capacity(self.0.len());
        let mut rest = self.0;
        while let [byte, tail @ ..] = rest {
            rest = tail;
            if let (b'#', [high, low, after @ ..]) = (byte, tail)
                && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
            {
                name.push(high << 4 | low);
                rest = after;
            } else {
                name.push(*byte);
            }
        }
        Cow::Owned(name)
    }

    /// True if it is this one.
    pub(crate) fn is(self, name: &[u8]) -> bool {
        self.0 == name || (self.0.contains(&b'#') && *self.value() == *name)
    }

    /// For a sentence.
    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(&self.value()).into_owned()
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

/// A string as written, and the object that it stands in: in an encrypted document, that is part of its key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Str<'a> {
    raw: &'a [u8],
    hexadecimal: bool,
    pub(crate) owner: Id,
}

impl<'a> Str<'a> {
    /// Its bytes, escapes resolved, still encrypted where the document is.
    pub(crate) fn value(self) -> Cow<'a, [u8]> {
        if self.hexadecimal {
            return Cow::Owned(hexadecimal(self.raw));
        }
        if memchr::memchr2(b'\\', b'\r', self.raw).is_none() {
            return Cow::Borrowed(self.raw);
        }
        Cow::Owned(literal(self.raw))
    }
}

/// The bytes of a hexadecimal string.
pub(crate) fn hexadecimal(raw: &[u8]) -> Vec<u8> {
    let mut digits = raw.iter().filter_map(|byte| hex_digit(*byte));
    let mut bytes = Vec::with_capacity(raw.len() / 2 + 1);
    while let Some(high) = digits.next() {
        bytes.push(high << 4 | digits.next().unwrap_or(0));
    }
    bytes
}

/// The bytes of a literal string (ISO 32000-1, 7.3.4.2).
pub(crate) fn literal(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, tail) {
            (b'\r', _) => {
                bytes.push(b'\n');
                rest = tail.strip_prefix(b"\n").unwrap_or(tail);
            }
            (b'\\', [b'\r', b'\n', after @ ..] | [b'\r' | b'\n', after @ ..]) => rest = after,
            (b'\\', [digit @ b'0'..=b'7', ..]) => {
                let digits = tail.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7'));
                let count = digits.clone().count();
                let value = digits.fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                debug_assert!(count > 0 && digit.is_ascii_digit());
                bytes.push(u8::try_from(value & 0xFF).unwrap_or_default());
                rest = &tail[count..];
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => *other,
                });
                rest = after;
            }
            (b'\\', []) => {}
            (other, _) => bytes.push(*other),
        }
    }
    bytes
}

/// What stands between the brackets of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Array<'a> {
    pub(crate) body: &'a [u8],
    owner: Id,
}

impl<'a> Array<'a> {
    /// An array without items.
    pub(crate) const EMPTY: Self = Self { body: &[], owner: (0, 0) };

    /// Its items. Ends at the first that cannot be read.
    pub(crate) fn iter(self) -> impl Iterator<Item = Object<'a>> + Clone + use<'a> {
        let mut reader = Values { lexer: Lexer::new(self.body, 0), owner: self.owner };
        std::iter::from_fn(move || reader.next())
    }
}

/// What stands between the brackets of a dictionary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dict<'a> {
    pub(crate) body: &'a [u8],
    owner: Id,
}

impl<'a> Dict<'a> {
    /// A dictionary without entries.
    pub(crate) const EMPTY: Self = Self { body: &[], owner: (0, 0) };

    /// The value of a key as written; `None` where it is absent or written as null. Of equal keys, the first counts.
    pub(crate) fn get(self, key: &[u8]) -> Option<Object<'a>> {
        let mut reader = Values { lexer: Lexer::new(self.body, 0), owner: self.owner };
        while let Some(name) = reader.key() {
            if name.is(key) {
                return reader.next().filter(|value| !value.is_null());
            }
            reader.skip()?;
        }
        None
    }

    pub(crate) fn has(self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// Its entries but those that are null.
    pub(crate) fn iter(self) -> impl Iterator<Item = (Name<'a>, Object<'a>)> + Clone + use<'a> {
        let mut reader = Values { lexer: Lexer::new(self.body, 0), owner: self.owner };
        std::iter::from_fn(move || {
            let name = reader.key()?;
            Some((name, reader.next()?))
        })
        .filter(|(_, value)| !value.is_null())
    }

    /// True if `/Type` says so.
    pub(crate) fn has_type(self, name: &[u8]) -> bool {
        matches!(self.get(b"Type"), Some(Object::Name(found)) if found.is(name))
    }
}

/// A dictionary and the bytes after it, still packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream<'a> {
    pub(crate) dict: Dict<'a>,
    pub(crate) raw: &'a [u8],
    pub(crate) id: Id,
}

/// Values one after the other.
#[derive(Clone)]
pub(crate) struct Values<'a> {
    lexer: Lexer<'a>,
    owner: Id,
}

impl<'a> Values<'a> {
    /// Values from here on, in this object.
    pub(crate) fn new(lexer: Lexer<'a>, owner: Id) -> Self {
        Self { lexer, owner }
    }

    /// Where the next value is searched.
    pub(crate) fn lexer(&self) -> Lexer<'a> {
        self.lexer
    }

    /// The name that comes next.
    fn key(&mut self) -> Option<Name<'a>> {
        match self.lexer.next() {
            Token::Name(raw) => Some(Name(raw)),
            _ => None,
        }
    }

    /// Passes over the next value without looking into it.
    fn skip(&mut self) -> Option<()> {
        match self.lexer.next() {
            Token::DictOpen | Token::ArrayOpen => self.inside().map(drop),
            Token::Word(word) => {
                self.reference(word);
                Some(())
            }
            Token::Name(_) | Token::Literal(_) | Token::Hex(_) => Some(()),
            Token::DictClose | Token::ArrayClose | Token::Broken | Token::End => None,
        }
    }

    /// The next value.
    pub(crate) fn next(&mut self) -> Option<Object<'a>> {
        let owner = self.owner;
        Some(match self.lexer.next() {
            Token::DictOpen => Object::Dict(Dict { body: self.inside()?, owner }),
            Token::ArrayOpen => Object::Array(Array { body: self.inside()?, owner }),
            Token::Name(raw) => Object::Name(Name(raw)),
            Token::Literal(raw) => Object::String(Str { raw, hexadecimal: false, owner }),
            Token::Hex(raw) => Object::String(Str { raw, hexadecimal: true, owner }),
            Token::Word(word) => match self.reference(word) {
                Some(id) => Object::Reference(id),
                None => simple(word)?,
            },
            Token::DictClose | Token::ArrayClose | Token::Broken | Token::End => return None,
        })
    }

    /// What is inside of the bracket that was just opened; the lexer stands after its end.
    fn inside(&mut self) -> Option<&'a [u8]> {
        let start = self.lexer.pos();
        let mut depth = 1usize;
        loop {
            let width = match self.lexer.next() {
                Token::DictOpen | Token::ArrayOpen => {
                    depth += 1;
                    continue;
                }
                Token::DictClose => 2,
                Token::ArrayClose => 1,
                Token::End => return None,
                // After a string without an end comes the end; what stands alone is passed over.
                Token::Name(_) | Token::Literal(_) | Token::Hex(_) | Token::Word(_) | Token::Broken => {
                    continue;
                }
            };
            if depth > DEEPEST {
                return None;
            }
            depth -= 1;
            if depth == 0 {
                let inside = self.lexer.since(start);
                return inside.get(..inside.len().checked_sub(width)?);
            }
        }
    }

    /// The rest of `12 0 R`, if that is what this word begins.
    fn reference(&mut self, word: &[u8]) -> Option<Id> {
        if !word.first()?.is_ascii_digit() {
            return None;
        }
        let number = parse_number(word)?;
        let mut ahead = self.lexer;
        let Token::Word(generation) = ahead.next() else { return None };
        let generation = u16::try_from(parse_number(generation)?).ok()?;
        if ahead.next() != Token::Word(b"R") {
            return None;
        }
        self.lexer = ahead;
        Some((number, generation))
    }
}

fn parse_number(word: &[u8]) -> Option<u32> {
    u32::try_from(super::lexer::parse_integer(word)?).ok()
}

/// A number or a keyword that is a value.
fn simple(word: &[u8]) -> Option<Object<'static>> {
    match word {
        b"null" => return Some(Object::Null),
        b"true" => return Some(Object::Boolean(true)),
        b"false" => return Some(Object::Boolean(false)),
        _ => {}
    }
    number(word)
}

/// An integer or a decimal number (ISO 32000-1, 7.3.3).
fn number(word: &[u8]) -> Option<Object<'static>> {
    let text = std::str::from_utf8(word).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')) {
        return None;
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Object::Integer(value));
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Object::Real)
}

/// Text of a PDF string: UTF-16 or UTF-8 with their marks, otherwise PDFDocEncoding (ISO 32000-2, 7.9.2.2).
pub(crate) fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Not in the standard, but written and understood.
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// ISO 32000-1, D.2: where PDFDocEncoding differs from Latin-1.
fn pdf_doc(byte: u8) -> char {
    const LOW: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
    const HIGH: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ',
        'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{FFFD}', '€',
    ];
    match byte {
        0x18..=0x1F => LOW[usize::from(byte - 0x18)],
        0x80..=0xA0 => HIGH[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dict(body: &[u8]) -> Dict<'_> {
        Dict { body, owner: (1, 0) }
    }

    #[test]
    fn entries_are_found_past_nested_ones() {
        let dict = dict(b"/A<</B 1>>/N null/B[1 2 0 R(x)]/#43 -.5/D<41 4>/E true");
        assert!(
            matches!(dict.get(b"A"), Some(Object::Dict(inner)) if inner.get(b"B").unwrap().as_integer() == Some(1))
        );
        assert!(dict.get(b"N").is_none() && dict.get(b"Z").is_none());
        let items: Vec<_> = dict.get(b"B").unwrap().as_array().unwrap().iter().collect();
        assert!(matches!(items[..], [Object::Integer(1), Object::Reference((2, 0)), Object::String(_)]));
        assert!(matches!(dict.get(b"C"), Some(Object::Real(value)) if value == -0.5));
        assert_eq!(*dict.get(b"D").unwrap().as_string().unwrap().value(), *b"A@");
        assert!(matches!(dict.get(b"E"), Some(Object::Boolean(true))));
        assert_eq!(dict.iter().count(), 5);
    }

    #[test]
    fn brackets_are_not_part_of_what_is_inside() {
        for (written, inside) in [
            (&b"<</A[1]>>"[..], &b"/A[1]"[..]),
            (b"[<</A 1>>]", b"<</A 1>>"),
            (b"[[]]", b"[]"),
            (b"<<>>", b""),
        ] {
            let object = Values::new(Lexer::new(written, 0), (1, 0)).next().unwrap();
            let body = match object {
                Object::Dict(dict) => dict.body,
                Object::Array(array) => array.body,
                _ => panic!("{object:?}"),
            };
            assert_eq!(body, inside);
        }
    }

    #[test]
    fn strings_are_decoded() {
        for (raw, value) in [
            (&b"a\\)b\\(\\\\"[..], &b"a)b(\\"[..]),
            (b"\\101\\18\\0053\\n\\r\\t\\b\\f\\x", b"A\x018\x053\n\r\t\x08\x0Cx"),
            (b"a\\\nb\\\r\nc\r\nd\re\\", b"abc\nd\ne"),
            (b"\\377\\400", b"\xFF\x00"),
        ] {
            assert_eq!(literal(raw), value, "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn text_strings() {
        assert_eq!(text(b"\xFE\xFF\x00A\x4E\x2D"), "A中");
        assert_eq!(text(b"\xEF\xBB\xBF\xC3\xA9"), "é");
        assert_eq!(text(b"caf\xE9 \x90\xA0"), "café ’€");
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        let parsed = |bytes: &[u8]| Values::new(Lexer::new(bytes, 0), (1, 0)).next().is_some();
        assert!(parsed(&nested(DEEPEST)));
        assert!(!parsed(&nested(DEEPEST + 1)));
    }
}
