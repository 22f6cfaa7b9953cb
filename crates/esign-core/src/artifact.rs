//! What comes out: bytes with a name.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{MediaType, Sha256Hash};

/// Names something that can be downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactId(Cow<'static, str>);

impl ArtifactId {
    /// The signed document of a request with one document.
    pub const SIGNED: Self = Self(Cow::Borrowed("signed"));
    /// The document as signed so far; never given out unless asked for by this name.
    pub const PARTIAL: Self = Self(Cow::Borrowed("partial"));
    /// The provider's evidence of the signing.
    pub const EVIDENCE: Self = Self(Cow::Borrowed("evidence"));
    /// What was sent, as the provider keeps it.
    pub const ORIGINAL: Self = Self(Cow::Borrowed("original"));
    /// The result in the provider's archive.
    pub const ARCHIVED: Self = Self(Cow::Borrowed("archived"));

    /// This artifact of one of several documents: `signed:lease`.
    #[must_use]
    pub fn of_document(&self, document: &str) -> Self {
        Self(Cow::Owned(format!("{self}:{document}")))
    }

    /// An id as it was written.
    #[must_use]
    pub fn parse(text: impl Into<String>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// The part before a colon: what sort of artifact it is.
    #[must_use]
    pub fn sort(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(sort, _)| sort)
    }

    /// The part after the colon: the document's key, or another name of the provider's.
    #[must_use]
    pub fn document(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, document)| document)
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes that came out. `Debug` shows id, type and length.
#[derive(Clone)]
pub struct Artifact {
    /// What was asked for.
    pub id: ArtifactId,
    /// What the bytes are.
    pub media_type: MediaType,
    /// The bytes, exactly as the provider gave them.
    pub content: Bytes,
}

impl Artifact {
    /// An artifact.
    #[must_use]
    pub fn new(id: ArtifactId, media_type: MediaType, content: Bytes) -> Self {
        Self { id, media_type, content }
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn sha256(&self) -> Sha256Hash {
        Sha256Hash::of(&self.content)
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Artifact({}, {}, {} bytes)", self.id, self.media_type, self.content.len())
    }
}
