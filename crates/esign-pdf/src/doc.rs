//! A thin, bounded view of a document's objects over `lopdf`.

use lopdf::{Dictionary, LoadOptions, Object, ObjectId};

use crate::{Limits, PdfError};

/// A loaded document.
pub(crate) struct Doc {
    pub(crate) inner: lopdf::Document,
    /// What the reader repaired while loading.
    pub(crate) damage: Vec<String>,
    /// Encrypted, though readable without a password.
    pub(crate) encrypted: bool,
}

impl Doc {
    /// Reads all objects. Call on a thread with a big stack.
    pub(crate) fn load(bytes: &[u8], limits: &Limits) -> Result<Self, PdfError> {
        let options =
            LoadOptions { max_decompressed_size: Some(limits.max_stream), ..LoadOptions::default() };
        let inner =
            lopdf::Document::load_mem_with_options(bytes, options).map_err(|e| unreadable(&e, limits))?;
        if inner.is_encrypted() {
            return Err(PdfError::Encrypted);
        }
        if inner.objects.len() > limits.max_objects {
            return Err(PdfError::Limit { what: "objects", limit: limits.max_objects as u64 });
        }
        let mut damage = Vec::new();
        match inner.xref_recovery {
            None => {}
            Some(lopdf::xref::XrefRecovery::OffsetCorrected) => {
                damage.push("a cross-reference offset is wrong; a section nearby was used".to_owned());
            }
            Some(_) => {
                damage.push(
                    "the cross-reference table is unusable; objects were found by searching".to_owned(),
                );
            }
        }
        let encrypted = inner.was_encrypted();
        Ok(Self { inner, damage, encrypted })
    }

    /// The document catalog.
    pub(crate) fn catalog(&self) -> Result<&Dictionary, PdfError> {
        let root = self.inner.trailer.get(b"Root").ok();
        root.and_then(|root| self.dict(root)).ok_or(PdfError::Unreadable("it has no document catalog"))
    }

    /// What a reference leads to, through further references; the object itself if it is not a reference.
    pub(crate) fn resolve<'a>(&'a self, object: &'a Object) -> Option<&'a Object> {
        self.inner.dereference(object).ok().map(|(_, object)| object)
    }

    /// A dictionary, direct or referred to.
    pub(crate) fn dict<'a>(&'a self, object: &'a Object) -> Option<&'a Dictionary> {
        self.resolve(object)?.as_dict().ok()
    }

    /// The value of a key, resolved; `None` where absent, null or dangling.
    pub(crate) fn get<'a>(&'a self, dict: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        let value = self.resolve(dict.get(key).ok()?)?;
        (!value.is_null()).then_some(value)
    }

    /// The dictionary at a key.
    pub(crate) fn get_dict<'a>(&'a self, dict: &'a Dictionary, key: &[u8]) -> Option<&'a Dictionary> {
        self.get(dict, key)?.as_dict().ok()
    }

    /// The array at a key; empty where there is none.
    pub(crate) fn get_array<'a>(&'a self, dict: &'a Dictionary, key: &[u8]) -> &'a [Object] {
        self.get(dict, key).and_then(|array| array.as_array().ok()).map_or(&[], Vec::as_slice)
    }

    /// The name at a key, as text.
    pub(crate) fn get_name(&self, dict: &Dictionary, key: &[u8]) -> Option<String> {
        let name = self.get(dict, key)?.as_name().ok()?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// The integer at a key.
    pub(crate) fn get_integer(&self, dict: &Dictionary, key: &[u8]) -> Option<i64> {
        self.get(dict, key)?.as_i64().ok()
    }

    /// A finite number.
    pub(crate) fn number(&self, object: &Object) -> Option<f64> {
        match self.resolve(object)? {
            #[allow(clippy::cast_precision_loss)]
            Object::Integer(value) => Some(*value as f64),
            Object::Real(value) => as_written(*value),
            _ => None,
        }
    }
}

/// The reference in an object, if it is one.
pub(crate) fn reference(object: &Object) -> Option<ObjectId> {
    object.as_reference().ok()
}

/// The shortest decimal that the 32-bit number stands for: the file's 595.28, not 595.2800293.
fn as_written(value: f32) -> Option<f64> {
    value.to_string().parse().ok().filter(|value: &f64| value.is_finite())
}

/// Text of a PDF string: UTF-16 or UTF-8 with their marks, otherwise Latin-1 (close enough to PDFDocEncoding for
/// field names).
pub(crate) fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Words of our own for the reader's error: its own may quote the document.
fn unreadable(error: &lopdf::Error, limits: &Limits) -> PdfError {
    use lopdf::{DecompressError, Error};
    match error {
        Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => {
            PdfError::Limit { what: "bytes in one decompressed stream", limit: limits.max_stream as u64 }
        }
        Error::InvalidPassword
        | Error::Decryption(_)
        | Error::UnsupportedSecurityHandler(_)
        | Error::AlreadyEncrypted => PdfError::Encrypted,
        Error::Xref(_) | Error::MissingXrefEntry => {
            PdfError::Unreadable("its cross-reference table is missing or broken")
        }
        Error::Parse(_) => PdfError::Unreadable("it is not built like a PDF"),
        _ => PdfError::Unreadable("its objects cannot be parsed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_file() {
        for written in ["595.28", "841.89", "14400.12", "-0.5", "1e-3"] {
            assert_eq!(as_written(written.parse().unwrap()), Some(written.parse().unwrap()));
        }
        assert_eq!(as_written(f32::INFINITY), None);
        assert_eq!(as_written(f32::NAN), None);
    }

    #[test]
    fn text_strings() {
        assert_eq!(text(b"\xFE\xFF\x00A\x4E\x2D"), "A中");
        assert_eq!(text(b"\xEF\xBB\xBF\xC3\xA9"), "é");
        assert_eq!(text(b"caf\xE9"), "café");
    }
}
