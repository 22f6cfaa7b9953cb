//! A signature field with everything but the signature itself (ISO 32000-1, 12.8).

use std::ops::Range;

use aws_lc_rs::digest::{Algorithm, Context, Digest};
use bytes::Bytes;
use lopdf::{Dictionary, Object, ObjectId, StringFormat, dictionary, text_string};

use super::update::Update;
use super::{SignError, SignOptions, appearance};
use crate::Limits;

/// Stands in `/ByteRange` until the length of the file is known: ten digits, room for any file that lopdf can write.
const UNKNOWN: i64 = 9_999_999_999;
/// Annotation flags: print, locked.
const PRINT_AND_LOCKED: i64 = 0b1000_0100;
/// Most that may be kept for a signature, in bytes.
const MAX_RESERVE: usize = 1 << 20;

/// A document with everything but the signature itself: a hole of zeros is kept for that.
pub(super) struct Prepared {
    bytes: Vec<u8>,
    /// The hole with its angle brackets: everything else is signed.
    hole: Range<usize>,
}

/// Appends field, box and signature dictionary.
pub(super) fn prepare(
    pdf: &Bytes,
    signer: &str,
    options: &SignOptions,
    limits: &Limits,
) -> Result<Prepared, SignError> {
    if options.reserve > MAX_RESERVE {
        return Err(SignError::ReserveTooLarge { limit: MAX_RESERVE });
    }
    let mut update = Update::of(pdf, limits)?;
    update.check_field_name(&options.field_name)?;
    let page = update.page(options.page)?;
    let appearance = appearance::draw(&page.facts, signer, options)?;

    update.attach(&options.attachments, options.signed_at)?;
    let form = appearance.form.map(|form| form.add_to(&mut update)).transpose()?;
    // The widget refers to the signature and is referred to from page and form. The signature comes last, so that its
    // dictionary is the last thing before the cross-references and its hole can be found by arithmetic.
    let widget = update.reserve()?;
    let signature = update.reserve()?;
    update.set(widget, widget_dictionary(&options.field_name, page.id, appearance.rect, form, signature));
    update.set(signature, signature_dictionary(options));
    update.annotate(page.id, widget)?;
    update.add_field(widget)?;
    let bytes = update.save()?;
    Prepared::patch(bytes, pdf.len(), options.reserve)
}

impl Prepared {
    /// Finds the placeholders at the end of the last object and fills in what is signed.
    fn patch(mut bytes: Vec<u8>, input_len: usize, reserve: usize) -> Result<Self, SignError> {
        const UNEXPECTED: SignError =
            SignError::Structure("the signature dictionary is not where it was written");
        let objects_end = startxref(&bytes).filter(|end| *end > input_len).ok_or(UNEXPECTED)?;
        let byte_range = format!("/ByteRange[{UNKNOWN} {UNKNOWN} {UNKNOWN} {UNKNOWN}]");
        let (before, after) = ("/Contents", ">>\nendobj\n");
        let hole_len = 2 * reserve + 2;

        let objects = bytes.get(input_len..objects_end).ok_or(UNEXPECTED)?;
        let rest = objects.strip_suffix(after.as_bytes()).ok_or(UNEXPECTED)?;
        let rest = &rest[..rest.len().checked_sub(hole_len).ok_or(UNEXPECTED)?];
        let rest = rest.strip_suffix(before.as_bytes()).ok_or(UNEXPECTED)?;
        let rest = rest.strip_suffix(byte_range.as_bytes()).ok_or(UNEXPECTED)?;

        let range_start = input_len + rest.len();
        let hole_start = range_start + byte_range.len() + before.len();
        let hole = hole_start..hole_start + hole_len;
        if bytes[hole.start] != b'<' || bytes[hole.end - 1] != b'>' {
            return Err(UNEXPECTED);
        }
        // With zeros in front, as Sign with Singpass writes them: a reader must take them for numbers all the same.
        let rest = bytes.len() - hole.end;
        let actual = format!("/ByteRange[{:010} {:010} {:010} {:010}]", 0, hole.start, hole.end, rest);
        if actual.len() != byte_range.len() {
            return Err(SignError::Structure("it is too large"));
        }
        bytes[range_start..range_start + actual.len()].copy_from_slice(actual.as_bytes());
        Ok(Self { bytes, hole })
    }

    /// The digest of everything but the hole.
    pub(super) fn digest(&self, algorithm: &'static Algorithm) -> Digest {
        let mut context = Context::new(algorithm);
        context.update(&self.bytes[..self.hole.start]);
        context.update(&self.bytes[self.hole.end..]);
        context.finish()
    }

    /// Puts the signature into the hole; what is left over stays zero.
    pub(super) fn embed(&mut self, message: &[u8]) -> Result<(), SignError> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = &mut self.bytes[self.hole.start + 1..self.hole.end - 1];
        if message.len() * 2 > digits.len() {
            return Err(SignError::ReserveTooSmall { needed: message.len(), reserved: digits.len() / 2 });
        }
        for (pair, byte) in digits.chunks_exact_mut(2).zip(message) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0xF)];
        }
        Ok(())
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

/// Where the last cross-reference section starts, as the end of the file says.
fn startxref(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.trim_ascii_end().strip_suffix(b"%%EOF")?.trim_ascii_end();
    let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[rest.len() - digits..]).ok()?.parse().ok()
}

/// The merged field and widget (ISO 32000-1, 12.7.4.5 and 12.5.6.19).
fn widget_dictionary(
    name: &str,
    page: ObjectId,
    rect: [f32; 4],
    form: Option<ObjectId>,
    signature: ObjectId,
) -> Dictionary {
    let mut widget = dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => text_string(name),
        "F" => PRINT_AND_LOCKED,
        "Rect" => rect.map(Object::Real).to_vec(),
        "P" => page,
        "V" => signature,
    };
    if let Some(form) = form {
        widget.set("AP", dictionary! { "N" => form });
    }
    widget
}

/// The signature dictionary (ISO 32000-1, 12.8.1; ETSI EN 319 142-1, 6.3). `/ByteRange` and `/Contents` stand last,
/// where [`Prepared::patch`] looks for them.
fn signature_dictionary(options: &SignOptions) -> Dictionary {
    let mut signature = dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "M" => Object::string_literal(options.signed_at.strftime("D:%Y%m%d%H%M%SZ").to_string()),
    };
    if let Some(reason) = &options.reason {
        signature.set("Reason", text_string(reason));
    }
    if let Some(location) = &options.location {
        signature.set("Location", text_string(location));
    }
    if let Some(application) = &options.application {
        let name = Object::Name(application.as_bytes().to_vec());
        signature.set("Prop_Build", dictionary! { "App" => dictionary! { "Name" => name } });
    }
    signature.set("ByteRange", vec![Object::Integer(UNKNOWN); 4]);
    signature.set("Contents", Object::String(vec![0; options.reserve], StringFormat::Hexadecimal));
    signature
}
