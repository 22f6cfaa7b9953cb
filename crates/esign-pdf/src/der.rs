//! A reader of DER and BER over raw slices (X.690).
//!
//! Signatures are computed over bytes as they were written, so nothing here re-encodes: every element keeps the
//! slice it came from. Indefinite lengths and chunked strings, which about one real signature in ten has, are read.

use jiff::Timestamp;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0A;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Deepest nesting of indefinite lengths.
const MAX_INDEFINITE: usize = 32;

/// The tag of `[number]`, constructed.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xA0 | number
}

/// The tag of `[number]`, primitive.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    /// The identifier octet; tag numbers above 30 do not occur in signatures and are not read.
    pub(crate) tag: u8,
    /// What is inside; without the end-of-contents octets of an indefinite length.
    pub(crate) content: &'a [u8],
    /// All of it as written.
    pub(crate) raw: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Its children.
    pub(crate) fn children(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// The content of a string, put together if it is chunked.
    pub(crate) fn string(&self) -> Option<Vec<u8>> {
        const CONSTRUCTED: u8 = 0x20;
        if self.tag & CONSTRUCTED == 0 {
            return Some(self.content.to_vec());
        }
        let mut whole = Vec::with_capacity(self.content.len());
        let mut chunks = self.children();
        while let Some(chunk) = chunks.next() {
            // A chunk of chunks is legal, pointless and not seen.
            (chunk.tag & CONSTRUCTED == 0).then_some(())?;
            whole.extend_from_slice(chunk.content);
        }
        chunks.is_empty().then_some(whole)
    }

    /// The bytes of a BIT STRING that consists of whole bytes.
    pub(crate) fn bits(&self) -> Option<&'a [u8]> {
        match self.content {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }

    /// A small non-negative integer, whatever its tag.
    pub(crate) fn number(&self) -> Option<u32> {
        let [first, rest @ ..] = self.content else { return None };
        (*first < 0x80 && rest.len() < 4).then_some(())?;
        Some(rest.iter().fold(u32::from(*first), |value, byte| value << 8 | u32::from(*byte)))
    }

    /// A UTCTime or GeneralizedTime in UTC, as RFC 5280 and RFC 3161 write it.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let text = std::str::from_utf8(self.content).ok()?.strip_suffix('Z')?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        (all_digits(seconds) && all_digits(fraction)).then_some(())?;
        let year_digits = match self.tag {
            UTC_TIME => 2,
            GENERALIZED_TIME => 4,
            _ => return None,
        };
        let (year, rest) = seconds.split_at_checked(year_digits)?;
        let century = match year {
            year if year_digits == 4 => year.get(..2)?,
            year if year >= "50" => "19",
            _ => "20",
        };
        let year = &year[year_digits - 2..];
        let part = |at: usize| rest.get(at..at + 2);
        let seconds = if rest.len() == 8 { "00" } else { part(8)? };
        (rest.len() <= 10).then_some(())?;
        let fraction = &fraction[..fraction.len().min(9)];
        format!("{century}{year}-{}-{}T{}:{}:{seconds}.{fraction}Z", part(0)?, part(2)?, part(4)?, part(6)?)
            .parse()
            .ok()
    }
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// True if nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element; `None` at the end or where the bytes make no sense, and then for ever.
    pub(crate) fn next(&mut self) -> Option<Tlv<'a>> {
        let parsed = element(self.rest, MAX_INDEFINITE);
        self.rest = match parsed {
            Some(tlv) => &self.rest[tlv.raw.len()..],
            None => self.rest,
        };
        parsed
    }

    /// The next element, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<Tlv<'a>> {
        self.take_if(tag)
    }

    /// The reader after this many elements.
    pub(crate) fn skip(mut self, count: usize) -> Option<Self> {
        for _ in 0..count {
            self.next()?;
        }
        Some(self)
    }

    /// The next element if it has this tag; otherwise it stays.
    pub(crate) fn take_if(&mut self, tag: u8) -> Option<Tlv<'a>> {
        if self.rest.first() != Some(&tag) {
            return None;
        }
        self.next()
    }

    /// The next element, which must be an object identifier.
    pub(crate) fn oid(&mut self) -> Option<&'a [u8]> {
        self.take(OID).map(|oid| oid.content)
    }

    /// A small non-negative integer.
    pub(crate) fn small(&mut self) -> Option<u32> {
        self.take(INTEGER)?.number()
    }
}

/// The only element in `bytes`, which must have this tag. Zero bytes may follow.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Option<Tlv<'_>> {
    let mut reader = Reader::new(bytes);
    let tlv = reader.take(tag)?;
    reader.rest.iter().all(|byte| *byte == 0).then_some(tlv)
}

fn element(bytes: &[u8], depth: usize) -> Option<Tlv<'_>> {
    const HIGH_TAG: u8 = 0x1F;
    let [tag, length, rest @ ..] = bytes else { return None };
    if tag & HIGH_TAG == HIGH_TAG {
        return None;
    }
    if *length == 0x80 {
        return indefinite(bytes, *tag, rest, depth.checked_sub(1)?);
    }
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7F))?;
            (octets.iter().fold(0usize, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let content = rest.get(..length)?;
    Some(Tlv { tag: *tag, content, raw: &bytes[..bytes.len() - rest.len() + length] })
}

fn indefinite<'a>(bytes: &'a [u8], tag: u8, inside: &'a [u8], depth: usize) -> Option<Tlv<'a>> {
    const CONSTRUCTED: u8 = 0x20;
    (tag & CONSTRUCTED != 0).then_some(())?;
    let mut rest = inside;
    loop {
        if let [0, 0, after @ ..] = rest {
            let content = &inside[..inside.len() - rest.len()];
            return Some(Tlv { tag, content, raw: &bytes[..bytes.len() - after.len()] });
        }
        rest = &rest[element(rest, depth)?.raw.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_short_long_and_indefinite() {
        let long = [&[0x04, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        for (bytes, content) in [
            (&[0x04, 0x02, 1, 2][..], &[1, 2][..]),
            (&[0x04, 0x81, 0x01, 9], &[9]),
            (&long, &[7; 256]),
            (&[0x30, 0x80, 0x02, 0x01, 5, 0, 0], &[0x02, 0x01, 5]),
            (&[0x30, 0x80, 0x30, 0x80, 0, 0, 0x05, 0, 0, 0], &[0x30, 0x80, 0, 0, 0x05, 0]),
        ] {
            let tlv = Reader::new(bytes).next().unwrap();
            assert_eq!((tlv.content, tlv.raw), (content, bytes));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = [0x30, 0x80].repeat(100_000);
        for bytes in [
            &[][..],
            &[0x04],
            &[0x04, 2, 1],
            &[0x04, 0x85, 0, 0, 0, 0, 1],
            &[0x04, 0x80, 0, 0],
            &[0x1F, 0],
            &deep,
        ] {
            assert_eq!(Reader::new(bytes).next(), None);
        }
    }

    #[test]
    fn chunked_strings_are_joined() {
        let chunked = [0x24, 0x80, 0x04, 1, b'a', 0x04, 2, b'b', b'c', 0, 0];
        assert_eq!(Reader::new(&chunked).next().unwrap().string().unwrap(), b"abc");
        assert_eq!(Reader::new(&[0x04, 1, b'x']).next().unwrap().string().unwrap(), b"x");
    }

    #[test]
    fn padding_after_an_element_may_only_be_zero() {
        assert!(only(&[0x30, 0, 0, 0, 0], SEQUENCE).is_some());
        assert!(only(&[0x30, 0, 0, 1], SEQUENCE).is_none());
    }

    #[test]
    fn times() {
        let time =
            |tag, text: &str| Tlv { tag, content: text.as_bytes(), raw: &[] }.time().map(|t| t.to_string());
        for (tag, text, expected) in [
            (UTC_TIME, "250615101112Z", Some("2025-06-15T10:11:12Z")),
            (UTC_TIME, "500101000000Z", Some("1950-01-01T00:00:00Z")),
            (UTC_TIME, "2506151011Z", Some("2025-06-15T10:11:00Z")),
            (GENERALIZED_TIME, "20500101000000Z", Some("2050-01-01T00:00:00Z")),
            (GENERALIZED_TIME, "20250615101112.25Z", Some("2025-06-15T10:11:12.25Z")),
            (GENERALIZED_TIME, "20251315101112Z", None),
            (UTC_TIME, "250615101112+0800", None),
            (UTC_TIME, "", None),
            (GENERALIZED_TIME, "2025Z", None),
        ] {
            assert_eq!(time(tag, text).as_deref(), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut reader = Reader::new(&bytes);
            while let Some(tlv) = reader.next() {
                let _ = (tlv.time(), tlv.string(), tlv.bits(), tlv.children().small());
            }
        }
    }
}
