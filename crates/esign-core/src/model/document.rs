//! A document to sign or to view.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, Result};

/// A document: a name, a media type and bytes that are never copied.
///
/// `Debug` shows key, name and length.
#[derive(Clone)]
pub struct Document {
    key: String,
    name: String,
    media_type: MediaType,
    content: Bytes,
    sha256: OnceLock<Sha256Hash>,
}

impl Document {
    /// A PDF. The name is what signers see; providers have rules for it, which `prepare` checks.
    #[must_use]
    pub fn pdf(name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self::new(name, MediaType::PDF, content)
    }

    /// A document of any type.
    #[must_use]
    pub fn new(name: impl Into<String>, media_type: MediaType, content: impl Into<Bytes>) -> Self {
        Self {
            key: "document".to_owned(),
            name: name.into(),
            media_type,
            content: content.into(),
            sha256: OnceLock::new(),
        }
    }

    /// Sets the key by which signers and placements refer to this document; needed where there are several.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    pub(crate) fn with_name(mut self, name: String) -> Self {
        self.name = name;
        self
    }

    /// How signers and placements refer to it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name that signers see.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The media type.
    #[must_use]
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The bytes; cloning them is free.
    #[must_use]
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// SHA-256 of the bytes, computed once.
    pub fn sha256(&self) -> Sha256Hash {
        *self.sha256.get_or_init(|| Sha256Hash::of(&self.content))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Document({}: {:?}, {}, {} bytes)",
            self.key,
            self.name,
            self.media_type,
            self.content.len()
        )
    }
}

/// A media type, without parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// `application/pdf`
    pub const PDF: Self = Self(Cow::Borrowed("application/pdf"));
    /// `text/plain`
    pub const TEXT: Self = Self(Cow::Borrowed("text/plain"));
    /// `application/xml`
    pub const XML: Self = Self(Cow::Borrowed("application/xml"));

    /// Any other media type, in lower case.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into().to_ascii_lowercase()))
    }

    /// `type/subtype`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 digest; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Hash([u8; 32]);

impl Sha256Hash {
    /// Hashes the bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes parts that must not run into each other: each is preceded by its length.
    #[must_use]
    pub fn of_parts(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.finalize().into())
    }

    /// The digest itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self> {
        let bad = || Error::new(ErrorKind::BadHandle, "a SHA-256 digest is written as 64 hexadecimal digits");
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| bad())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hash({self})")
    }
}

impl Serialize for Sha256Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_and_bad_ones_are_refused() {
        let hash = Sha256Hash::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Sha256Hash::from_hex(&hash.to_string()).unwrap(), hash);
        for bad in ["", "zz", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)[..63]] {
            assert!(Sha256Hash::from_hex(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Sha256Hash::of_parts(&["ab", "c"]), Sha256Hash::of_parts(&["a", "bc"]));
    }

    #[test]
    fn debug_shows_no_bytes() {
        let text = format!("{:?}", Document::pdf("Lease", "marker"));
        assert_eq!(text, "Document(document: \"Lease\", application/pdf, 6 bytes)");
    }
}
