//! Distinguished names (X.501): what they say, and when two of them are the same (RFC 5280, 7.1).

use std::hash::{DefaultHasher, Hash, Hasher};

use unicode_normalization::UnicodeNormalization;

use crate::der::{self, Reader, Tlv};
use crate::oid;

/// True if both names have the same parts in the same order. Texts are compared as RFC 4518 prepares them: the type of the
/// string, case and insignificant white space do not count.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || parts(one).zip(parts(other)).is_some_and(|(one, other)| one == other)
}

/// A number that names which are the same share: compare it first, where there are many.
pub(crate) fn id(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts(name).hash(&mut hasher);
    hasher.finish()
}

/// True if `name` is `subtree` or stands below it.
pub(crate) fn is_within(name: &[u8], subtree: &[u8]) -> bool {
    parts(name).zip(parts(subtree)).is_some_and(|(name, subtree)| name.starts_with(&subtree))
}

/// True if there is nothing in it.
pub(crate) fn is_empty(name: &[u8]) -> bool {
    parts(name).is_some_and(|parts| parts.is_empty())
}

/// The last common name.
pub(crate) fn common_name(name: &[u8]) -> Option<String> {
    attributes(name, oid::COMMON_NAME).pop()
}

/// All attributes of this type, in order.
pub(crate) fn attributes(name: &[u8], kind: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let Some(name) = Reader::new(name).take(der::SEQUENCE) else { return found };
    let mut sets = name.children();
    while let Some(set) = sets.take(der::SET) {
        let mut attributes = set.children();
        while let Some(attribute) = attributes.take(der::SEQUENCE) {
            let mut fields = attribute.children();
            if fields.oid() == Some(kind)
                && let Some(value) = fields.next()
            {
                found.push(
                    text(&value).unwrap_or_else(|| String::from_utf8_lossy(value.content).into_owned()),
                );
            }
        }
    }
    found
}

/// A text without what does not tell two apart (RFC 4518, 2): compatible and composed letters, case, characters that are not
/// seen, white space.
pub(crate) fn prepared(text: &str) -> String {
    let seen = text.chars().filter(|letter| !is_unseen(*letter));
    let folded = seen.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let folded: String = folded.nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Mapped to nothing by RFC 4518, 2.2: soft hyphens, joiners, variation selectors and other controls, but no white space.
fn is_unseen(letter: char) -> bool {
    matches!(
        letter,
        '\u{AD}' | '\u{34F}' | '\u{1806}' | '\u{180B}'..='\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2063}' | '\u{206A}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFC}'
    ) || letter.is_control() && !letter.is_whitespace()
}

/// One attribute: its type, and its value as it is compared.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Attribute<'a> {
    kind: &'a [u8],
    value: Value<'a>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value<'a> {
    Text(String),
    /// Of a type that has no rule of its own here.
    Raw(&'a [u8]),
}

/// The relative names in order, each with its attributes sorted; `None` if it is no name.
fn parts(name: &[u8]) -> Option<Vec<Vec<Attribute<'_>>>> {
    let mut outer = Reader::new(name);
    let mut sets = outer.take(der::SEQUENCE)?.children();
    outer.is_empty().then_some(())?;
    let mut parts = Vec::new();
    while !sets.is_empty() {
        let mut inside = sets.take(der::SET)?.children();
        let mut part = Vec::new();
        while !inside.is_empty() {
            let mut fields = inside.take(der::SEQUENCE)?.children();
            let (kind, value) = (fields.oid()?, fields.next()?);
            fields.is_empty().then_some(())?;
            let value = text(&value).map_or(Value::Raw(value.raw), |text| Value::Text(prepared(&text)));
            part.push(Attribute { kind, value });
        }
        part.sort();
        parts.push(part);
    }
    Some(parts)
}

/// The text of a string; `None` for any other type, and for what is not well-formed.
fn text(value: &Tlv<'_>) -> Option<String> {
    const UTF8: u8 = 0x0C;
    const NUMERIC: u8 = 0x12;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const IA5: u8 = 0x16;
    const VISIBLE: u8 = 0x1A;
    const UNIVERSAL: u8 = 0x1C;
    const BMP: u8 = 0x1E;
    match value.tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE => {
            std::str::from_utf8(value.content).ok().map(str::to_owned)
        }
        // T.61 by the letter, Latin-1 in practice.
        TELETEX => Some(value.content.iter().map(|byte| char::from(*byte)).collect()),
        UNIVERSAL => {
            let (units, rest) = value.content.as_chunks::<4>();
            let letters = units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit)));
            rest.is_empty().then(|| letters.collect())?
        }
        BMP => {
            let (units, rest) = value.content.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            rest.is_empty().then(|| char::decode_utf16(units).collect::<Result<_, _>>().ok())?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cms::element;

    const UTF8: u8 = 0x0C;
    const PRINTABLE: u8 = 0x13;

    /// An attribute: type, string type, content.
    type Given<'a> = (&'a [u8], u8, &'a [u8]);

    /// A name of relative names, each of attributes.
    fn name(parts: &[&[Given<'_>]]) -> Vec<u8> {
        let attribute = |(kind, tag, content): &Given<'_>| {
            element(der::SEQUENCE, &[element(der::OID, kind), element(*tag, content)].concat())
        };
        let sets = parts
            .iter()
            .map(|part| element(der::SET, &part.iter().map(attribute).collect::<Vec<_>>().concat()));
        element(der::SEQUENCE, &sets.collect::<Vec<_>>().concat())
    }

    fn cn(tag: u8, content: &[u8]) -> Vec<u8> {
        name(&[&[(oid::COMMON_NAME, tag, content)]])
    }

    #[test]
    fn string_type_case_and_white_space_do_not_count() {
        let root = cn(UTF8, b"Root CA");
        for other in [
            cn(PRINTABLE, b"Root CA"),
            cn(UTF8, b"  root   ca "),
            cn(0x14, b"ROOT CA"),
            cn(0x1E, b"\0R\0o\0o\0t\0 \0C\0A"),
            cn(0x1C, b"\0\0\0R\0\0\0o\0\0\0o\0\0\0t\0\0\0 \0\0\0C\0\0\0A"),
            cn(UTF8, "Ro\u{AD}ot\u{A0}CA".as_bytes()),
        ] {
            assert!(same(&root, &other) && id(&root) == id(&other), "{other:02x?}");
        }
        let composed = cn(UTF8, "Größe José".as_bytes());
        assert!(same(&composed, &cn(UTF8, "GRÖSSE JOSE\u{301}".as_bytes())));
        assert!(same(&cn(UTF8, "\u{C9}".as_bytes()), &cn(0x14, &[0xC9])));
    }

    #[test]
    fn other_names_are_other_names() {
        let root = cn(UTF8, b"Root CA");
        let number = (oid::SERIAL_NUMBER, PRINTABLE, &b"1"[..]);
        let common = (oid::COMMON_NAME, UTF8, &b"Root CA"[..]);
        for other in [
            cn(UTF8, b"RootCA"),
            cn(UTF8, b"Root CB"),
            cn(0x04, b"Root CA"),
            name(&[]),
            name(&[&[common], &[number]]),
            name(&[&[common, number]]),
            name(&[&[(oid::SERIAL_NUMBER, UTF8, b"Root CA")]]),
            root[1..].to_vec(),
            [&root[..], &[0]].concat(),
        ] {
            assert!(!same(&root, &other), "{other:02x?}");
        }
        assert!(same(&name(&[&[common, number]]), &name(&[&[number, common]])), "a set has no order");
        assert!(!same(&name(&[&[common], &[number]]), &name(&[&[number], &[common]])), "a sequence has one");
    }

    #[test]
    fn a_subtree_has_what_begins_with_it() {
        let (country, person) =
            ((oid::SERIAL_NUMBER, PRINTABLE, &b"SG"[..]), (oid::COMMON_NAME, UTF8, &b"Tan"[..]));
        let all = name(&[&[country], &[person]]);
        for (subtree, within) in [
            (name(&[]), true),
            (name(&[&[country]]), true),
            (all.clone(), true),
            (name(&[&[person]]), false),
            (name(&[&[country], &[person], &[person]]), false),
        ] {
            assert_eq!(is_within(&all, &subtree), within, "{subtree:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_the_same_is_so_both_ways(a in ".{0,12}", b in ".{0,12}") {
            let (a, b) = (cn(UTF8, a.as_bytes()), cn(UTF8, b.as_bytes()));
            prop_assert!(same(&a, &a));
            prop_assert_eq!(same(&a, &b), same(&b, &a));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = (same(&bytes, &[]), is_within(&bytes, &bytes), common_name(&bytes));
            prop_assert!(same(&bytes, &bytes));
        }
    }
}
