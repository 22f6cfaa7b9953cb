//! Signatures over bytes that this generator wrote.

use std::ops::Range;

use esign_pdf::sign::{Identity, TestPki, sign_detached};

use super::base::now;
use super::pdf;

/// What a signature dictionary says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Person,
    Stamp,
}

/// Who signs.
pub(crate) enum By<'a> {
    Person(&'a Identity),
    Stamp(&'a TestPki),
}

const RESERVED: usize = 7_000;
const UNKNOWN: &str = "[0 ********** ********** **********]";

/// A signature dictionary with nothing in it yet.
pub(crate) fn hole(what: Signed, more: &str) -> String {
    let kind = match what {
        Signed::Person => "/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:20261120100000Z)",
        Signed::Stamp => "/Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161",
    };
    format!("<<{kind}{more}/ByteRange{UNKNOWN}/Contents<{}>>>", "0".repeat(2 * RESERVED))
}

/// True if a hole in these bytes can be filled in.
pub(crate) fn has_hole(bytes: &[u8]) -> bool {
    let end = format!("{UNKNOWN}/Contents<{}>", "0".repeat(2 * RESERVED));
    pdf::find(bytes, end.as_bytes()).is_some()
}

/// Fills in the last hole of a file: its range, and the signature over everything else.
pub(crate) fn complete(mut bytes: Vec<u8>, by: &By<'_>) -> Vec<u8> {
    let range = pdf::rfind(&bytes, UNKNOWN.as_bytes()).expect("a hole");
    let start = range + UNKNOWN.len() + "/Contents".len();
    let hole: Range<usize> = start..start + 2 * RESERVED + 2;
    let rest = bytes.len() - hole.end;
    let text = format!("[0 {} {} {rest}]", hole.start, hole.end);
    let text = format!("{text:width$}", width = UNKNOWN.len());
    bytes[range..range + text.len()].copy_from_slice(text.as_bytes());
    let covered = [&bytes[..hole.start], &bytes[hole.end..]].concat();
    let message = match by {
        By::Person(identity) => sign_detached(&covered, identity),
        By::Stamp(pki) => pki.tsa().token(&covered, now()),
    };
    let message = message.expect("a signature");
    assert!(message.len() <= RESERVED, "{} bytes are too many", message.len());
    let digits: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[hole.start + 1..hole.start + 1 + digits.len()].copy_from_slice(digits.as_bytes());
    bytes
}
