//! Unpacking streams (ISO 32000-1, 7.4), each within a limit.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

use super::lexer::{hex_digit, is_space};
use super::object::{Dict, Object};
use super::{Doc, Stream};

/// Why a stream cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// It has more bytes than the caller wants.
    TooLarge,
    /// A filter that makes pictures or that is not known.
    Unknown,
    /// What is packed is broken.
    Broken,
}

/// Filters one after the other, more than any program writes.
const MOST_FILTERS: usize = 8;

/// The bytes of a stream, all filters undone; at most `limit`.
pub(crate) fn unpack<'a>(doc: Doc<'a>, stream: Stream<'a>, limit: usize) -> Result<Cow<'a, [u8]>, Packed> {
    let (bytes, rest) = unpack_until(doc, stream, limit, |_| false)?;
    if rest { Err(Packed::Unknown) } else { Ok(bytes) }
}

/// As [`unpack`], up to a filter that `stops` names. True if there was one.
pub(crate) fn unpack_until<'a>(
    doc: Doc<'a>,
    stream: Stream<'a>,
    limit: usize,
    stops: impl Fn(&[u8]) -> bool,
) -> Result<(Cow<'a, [u8]>, bool), Packed> {
    let mut bytes = doc.decrypted(stream);
    for (name, parameters) in filters(doc, stream.dict)? {
        if stops(&name) {
            return Ok((bytes, true));
        }
        let unpacked = match &*name {
            b"FlateDecode" | b"Fl" => predicted(doc, inflate(&bytes, limit)?, parameters, limit)?,
            b"LZWDecode" | b"LZW" => predicted(doc, lzw(doc, &bytes, parameters, limit)?, parameters, limit)?,
            b"ASCIIHexDecode" | b"AHx" => ascii_hex(&bytes)?,
            b"ASCII85Decode" | b"A85" => ascii_85(&bytes)?,
            b"RunLengthDecode" | b"RL" => run_length(&bytes, limit)?,
            b"Crypt" => continue,
            _ => return Err(Packed::Unknown),
        };
        bytes = Cow::Owned(unpacked);
    }
    if bytes.len() > limit { Err(Packed::TooLarge) } else { Ok((bytes, false)) }
}

/// A filter's name and its parameters.
type Filter<'a> = (Cow<'a, [u8]>, Dict<'a>);

/// The names of the filters with their parameters, in the order in which they are undone.
fn filters<'a>(doc: Doc<'a>, dict: Dict<'a>) -> Result<Vec<Filter<'a>>, Packed> {
    let either = |long: &[u8], short: &[u8]| doc.get(dict, long).or_else(|| doc.get(dict, short));
    let parameters = either(b"DecodeParms", b"DP");
    let one = |object: Object<'a>| doc.resolve(object).and_then(|name| name.as_name()).ok_or(Packed::Unknown);
    match either(b"Filter", b"F") {
        Some(Object::Name(name)) => {
            let parameters = match parameters {
                Some(Object::Array(list)) => list.iter().next().and_then(|item| doc.resolve(item)),
                other => other,
            };
            let parameters = parameters.and_then(|it| it.as_dict()).unwrap_or(Dict::EMPTY);
            Ok(vec![(name.value(), parameters)])
        }
        Some(Object::Array(names)) => {
            let mut list = parameters.and_then(|list| list.as_array()).unwrap_or(super::Array::EMPTY).iter();
            let mut filters = Vec::new();
            for name in names.iter() {
                if filters.len() == MOST_FILTERS {
                    return Err(Packed::Unknown);
                }
                let parameters = list.next().and_then(|item| doc.resolve(item)?.as_dict());
                filters.push((one(name)?.value(), parameters.unwrap_or(Dict::EMPTY)));
            }
            Ok(filters)
        }
        // A file specification: the bytes are elsewhere.
        Some(_) => Err(Packed::Unknown),
        None => Ok(Vec::new()),
    }
}

/// zlib, or what was unpacked before it broke, as viewers have it.
fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Packed> {
    let mut inflater = Decompress::new(true);
    let mut out = Vec::with_capacity(bytes.len().saturating_mul(3).min(limit).max(64));
    loop {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let rest = usize::try_from(read).ok().and_then(|read| bytes.get(read..)).unwrap_or_default();
        let status = inflater.decompress_vec(rest, &mut out, FlushDecompress::None);
        if out.len() > limit {
            return Err(Packed::TooLarge);
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(out),
            Ok(_) if out.len() == out.capacity() => {
                let room = out.len().clamp(64, 1 << 20);
                out.reserve(room.min(limit.saturating_sub(out.len()).saturating_add(1)));
            }
            Ok(_) if inflater.total_in() > read || inflater.total_out() > written => {}
            Ok(_) | Err(_) if out.is_empty() => return Err(Packed::Broken),
            Ok(_) | Err(_) => return Ok(out),
        }
    }
}

fn lzw<'a>(doc: Doc<'a>, bytes: &[u8], parameters: Dict<'a>, limit: usize) -> Result<Vec<u8>, Packed> {
    use weezl::{BitOrder, LzwStatus, decode::Configuration};
    let late = doc.get_integer(parameters, b"EarlyChange") == Some(0);
    let configuration = if late {
        Configuration::new(BitOrder::Msb, 8)
    } else {
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    let mut decoder = configuration.build();
    let (mut out, mut rest, mut chunk) = (Vec::new(), bytes, vec![0; 1 << 16]);
    loop {
        let result = decoder.decode_bytes(rest, &mut chunk);
        rest = &rest[result.consumed_in.min(rest.len())..];
        out.extend_from_slice(&chunk[..result.consumed_out]);
        if out.len() > limit {
            return Err(Packed::TooLarge);
        }
        match result.status {
            Ok(LzwStatus::Ok) if result.consumed_in > 0 || result.consumed_out > 0 => {}
            Ok(LzwStatus::Done) => return Ok(out),
            _ if out.is_empty() => return Err(Packed::Broken),
            _ => return Ok(out),
        }
    }
}

fn ascii_hex(bytes: &[u8]) -> Result<Vec<u8>, Packed> {
    let written = bytes.split(|byte| *byte == b'>').next().unwrap_or_default();
    let mut digits = Vec::with_capacity(written.len());
    for byte in written.iter().filter(|byte| !is_space(**byte)) {
        digits.push(hex_digit(*byte).ok_or(Packed::Broken)?);
    }
    Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect())
}

fn ascii_85(bytes: &[u8]) -> Result<Vec<u8>, Packed> {
    let mut out = Vec::with_capacity(bytes.len() / 5 * 4);
    let mut group = [0u32; 5];
    let mut count = 0;
    for byte in bytes.iter().filter(|byte| !is_space(**byte)) {
        match byte {
            b'~' => break,
            b'z' if count == 0 => out.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => {
                group[count] = u32::from(byte - b'!');
                count += 1;
                if count == 5 {
                    out.extend_from_slice(&of_85(group));
                    count = 0;
                }
            }
            _ => return Err(Packed::Broken),
        }
    }
    if count > 0 {
        group[count..].fill(84);
        out.extend_from_slice(&of_85(group)[..count - 1]);
    }
    Ok(out)
}

fn of_85(group: [u32; 5]) -> [u8; 4] {
    group.iter().fold(0u32, |value, digit| value.wrapping_mul(85).wrapping_add(*digit)).to_be_bytes()
}

fn run_length(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Packed> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let [length, tail @ ..] = rest {
        let count = usize::from(*length);
        rest = match (length, tail) {
            (128, _) => return Ok(out),
            (0..=127, _) => {
                let (run, after) = tail.split_at_checked(count + 1).ok_or(Packed::Broken)?;
                out.extend_from_slice(run);
                after
            }
            (_, [byte, after @ ..]) => {
                out.resize(out.len() + 257 - count, *byte);
                after
            }
            (_, []) => return Err(Packed::Broken),
        };
        if out.len() > limit {
            return Err(Packed::TooLarge);
        }
    }
    Ok(out)
}

/// Undoes `/Predictor` (ISO 32000-1, 7.4.4.4).
fn predicted<'a>(
    doc: Doc<'a>,
    bytes: Vec<u8>,
    parameters: Dict<'a>,
    limit: usize,
) -> Result<Vec<u8>, Packed> {
    let number = |key: &[u8], default: usize| match doc.get_integer(parameters, key) {
        None => Ok(default),
        Some(value) => usize::try_from(value).ok().filter(|value| *value <= 1 << 24).ok_or(Packed::Broken),
    };
    let predictor = number(b"Predictor", 1)?;
    if predictor <= 1 {
        return Ok(bytes);
    }
    let (colors, bits, columns) =
        (number(b"Colors", 1)?, number(b"BitsPerComponent", 8)?, number(b"Columns", 1)?);
    let pixel = (colors.saturating_mul(bits)).div_ceil(8).max(1);
    let row = colors.saturating_mul(bits).saturating_mul(columns).div_ceil(8);
    if row == 0 || row > limit.max(1 << 16) {
        return Err(Packed::Broken);
    }
    match predictor {
        2 if bits == 8 => Ok(tiff(bytes, row, pixel)),
        10..=15 => png(&bytes, row, pixel),
        _ => Err(Packed::Unknown),
    }
}

fn tiff(mut bytes: Vec<u8>, row: usize, pixel: usize) -> Vec<u8> {
    for row in bytes.chunks_mut(row) {
        for at in pixel..row.len() {
            row[at] = row[at].wrapping_add(row[at - pixel]);
        }
    }
    bytes
}

fn png(bytes: &[u8], row: usize, pixel: usize) -> Result<Vec<u8>, Packed> {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let zeros = vec![0; row];
    for packed in bytes.chunks(row + 1) {
        let [kind, packed @ ..] = packed else { break };
        let start = out.len();
        out.extend_from_slice(packed);
        let (above, current) = out.split_at_mut(start);
        let above = if start == 0 { &zeros[..] } else { &above[start - row..] };
        for at in 0..current.len() {
            let left = at.checked_sub(pixel).map_or(0, |at| current[at]);
            let corner = at.checked_sub(pixel).map_or(0, |at| above[at]);
            let add = match kind {
                0 => 0,
                1 => left,
                2 => above[at],
                3 => u8::try_from((u16::from(left) + u16::from(above[at])) / 2).unwrap_or_default(),
                4 => paeth(left, above[at], corner),
                _ => return Err(Packed::Broken),
            };
            current[at] = current[at].wrapping_add(add);
        }
        if current.len() < row {
            break;
        }
    }
    Ok(out)
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i32::from);
    let estimate = a + b - c;
    let (da, db, dc) = ((estimate - a).abs(), (estimate - b).abs(), (estimate - c).abs());
    if da <= db && da <= dc {
        left
    } else if db <= dc {
        above
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn ascii_filters() {
        assert_eq!(ascii_hex(b"48 65\n6C6c6F7>zz"), Ok(b"Hellop".to_vec()));
        assert_eq!(ascii_hex(b"4x"), Err(Packed::Broken));
        assert_eq!(ascii_85(b"87cURD]i,\"Ebo80~>"), Ok(b"Hello World!".to_vec()));
        assert_eq!(ascii_85(b"z!!~>"), Ok(vec![0; 5]));
        assert_eq!(ascii_85(b"{"), Err(Packed::Broken));
    }

    #[test]
    fn run_lengths() {
        assert_eq!(run_length(b"\x02abc\xFEz\x80junk", 99), Ok(b"abczzz".to_vec()));
        assert_eq!(run_length(b"\x81z\x81z", 99), Err(Packed::TooLarge));
        assert_eq!(run_length(b"\x05ab", 99), Err(Packed::Broken));
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![0; 1 << 22]).unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(inflate(&packed, 1 << 20), Err(Packed::TooLarge));
        assert_eq!(inflate(&packed, 1 << 22).map(|bytes| bytes.len()), Ok(1 << 22));
        assert!(inflate(&packed[..packed.len() / 2], 1 << 22).is_ok_and(|bytes| !bytes.is_empty()));
        assert_eq!(inflate(b"no zlib", 99), Err(Packed::Broken));
    }

    #[test]
    fn predictors_of_portable_network_graphics() {
        // Two rows of three bytes: sub, then up.
        assert_eq!(png(&[1, 1, 1, 1, 2, 1, 1, 1], 3, 1), Ok(vec![1, 2, 3, 2, 3, 4]));
        assert_eq!(png(&[4, 5, 1, 1], 3, 1), Ok(vec![5, 6, 7]));
        assert_eq!(png(&[9, 1, 1, 1], 3, 1), Err(Packed::Broken));
        assert_eq!(tiff(vec![1, 1, 1, 5, 1, 1], 3, 1), [1, 2, 3, 5, 6, 7]);
    }
}
