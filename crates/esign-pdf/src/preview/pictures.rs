//! How large a picture is once it is decoded, by what its own bytes say: the dictionary may say less.

use hayro::hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Stream};

/// What decoding takes.
pub(super) struct Source {
    pub(super) pixels: f64,
    /// How much longer a pixel takes than one of plain colour.
    pub(super) weight: f64,
}

/// The size of a picture's samples. `width` and `height` are the dictionary's.
pub(super) fn source(stream: &Stream<'_>, width: u32, height: u32) -> Source {
    let said = area(width, height);
    let (filters, last) = filters(stream.dict());
    let bytes = (filters == 1).then(|| stream.raw_data());
    let masks = [&b"SMask"[..], b"Mask"].into_iter().filter_map(|key| stream.dict().get::<Stream<'_>>(key));
    let masks: f64 = masks.map(|mask| said_by(mask.dict())).sum();
    // One that is packed once more is not looked into: nobody knows how large it becomes.
    let inside = |sizes: fn(&[u8]) -> f64| bytes.as_deref().map_or(f64::INFINITY, sizes);
    let (pixels, weight) = match last.as_deref() {
        Some(b"JPXDecode") => (inside(in_jpx), 64.0),
        Some(b"JBIG2Decode") => (inside(in_jbig2), 16.0),
        Some(b"CCITTFaxDecode" | b"CCF") => (in_fax(stream.dict(), height), 16.0),
        _ => (0.0, 8.0),
    };
    Source { pixels: said.max(pixels) + masks, weight }
}

fn said_by(dict: &Dict<'_>) -> f64 {
    let side = |long: &[u8], short: &[u8]| dict.get::<u32>(long).or_else(|| dict.get::<u32>(short));
    area(side(b"Width", b"W").unwrap_or_default(), side(b"Height", b"H").unwrap_or_default())
}

fn area(width: u32, height: u32) -> f64 {
    f64::from(width) * f64::from(height)
}

/// How many filters there are, and the last one.
fn filters(dict: &Dict<'_>) -> (usize, Option<Vec<u8>>) {
    match [&b"Filter"[..], b"F"].iter().find_map(|key| dict.get::<Object<'_>>(key)) {
        Some(Object::Name(name)) => (1, Some(name.as_ref().to_vec())),
        Some(Object::Array(names)) => {
            let names: &Array<'_> = &names;
            let last = names.iter::<Name<'_>>().last().map(|name| name.as_ref().to_vec());
            (names.iter::<Name<'_>>().count(), last)
        }
        _ => (0, None),
    }
}

/// The largest size after the marker of a codestream (ISO 15444-1, A.5.1).
fn in_jpx(bytes: &[u8]) -> f64 {
    largest(bytes, [0xFF, 0x4F, 0xFF, 0x51], 4)
}

/// The largest size in what may be a page information segment: nineteen bytes (ISO 14492, 7.4.8).
fn in_jbig2(bytes: &[u8]) -> f64 {
    largest(bytes, [0, 0, 0, 19], 0)
}

/// Width and height stand so many bytes after this.
fn largest(bytes: &[u8], mark: [u8; 4], between: usize) -> f64 {
    let at = bytes.windows(12 + between).filter(|window| window.starts_with(&mark));
    let sizes = at.map(|window| {
        let number = |from: usize| {
            let octets = &window[4 + between + from..8 + between + from];
            octets.iter().fold(0u32, |number, octet| number << 8 | u32::from(*octet))
        };
        area(number(0), number(4))
    });
    sizes.fold(0.0, f64::max)
}

/// Columns and rows of the decoder (ISO 32000-1, table 11), which may be others than width and height.
fn in_fax(dict: &Dict<'_>, height: u32) -> f64 {
    let parameters = [&b"DecodeParms"[..], b"DP"].iter().find_map(|key| dict.get::<Dict<'_>>(key));
    let Some(parameters) = parameters else { return area(1728, height) };
    let columns = parameters.get::<u32>(b"Columns").unwrap_or(1728);
    let rows = parameters.get::<u32>(b"Rows").unwrap_or_default();
    area(columns, rows.max(height))
}
