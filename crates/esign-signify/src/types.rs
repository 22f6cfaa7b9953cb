//! What goes in and out of [`SignifyClient`](crate::SignifyClient): the API's nouns, typed.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{CompletedSignature, Decimal, Personal, SecretUrl};
use serde::{Deserialize, Serialize};
use url::Url;

/// A document's identifier: opaque, sent back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub(crate) String);

impl DocumentId {
    /// An identifier as it was stored.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How signers are invited: `documentMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// Signify sends an e-mail to each recipient.
    Email,
    /// Signify returns one link for all signatures.
    Link,
}

impl Mode {
    /// As it is written on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Link => "link",
        }
    }
}

/// `status` of a document or of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentStatus {
    /// Signatures are missing.
    Draft,
    /// All signatures are made.
    Signed,
    /// A word that the guide does not have.
    Unknown(String),
}

impl DocumentStatus {
    /// Signify's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Draft => "draft",
            Self::Signed => "signed",
            Self::Unknown(word) => word,
        }
    }
}

/// What is common to a create in both modes. The API checks the fields; the provider does so before (guide, "Create
/// Document").
#[derive(Clone)]
#[non_exhaustive]
pub struct NewDocument {
    /// 4 to 100 characters out of letters, digits and ``_-./() &`;'"``.
    pub name: String,
    /// The PDF, up to 10 MB.
    pub file: Bytes,
    /// Where the browser goes after signing: https, host within `.gov.sg`.
    pub redirect_url: Option<Url>,
}

impl NewDocument {
    /// A document without a redirect.
    #[must_use]
    pub fn new(name: impl Into<String>, file: impl Into<Bytes>) -> Self {
        Self { name: name.into(), file: file.into(), redirect_url: None }
    }
}

impl fmt::Debug for NewDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDocument")
            .field("name", &self.name)
            .field("bytes", &self.file.len())
            .finish_non_exhaustive()
    }
}

/// Who signs by e-mail invitation.
#[derive(Clone)]
#[non_exhaustive]
pub struct Recipient {
    /// Unique within the document.
    pub email: Personal,
    /// Where, 1 to 20 places.
    pub signatures: Vec<RequiredSignature>,
    /// 1 to 1000 characters, part of the e-mail.
    pub message: Option<String>,
}

impl Recipient {
    /// A recipient without a message.
    #[must_use]
    pub fn new(email: impl Into<Personal>, signatures: Vec<RequiredSignature>) -> Self {
        Self { email: email.into(), signatures, message: None }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").field("signatures", &self.signatures).finish_non_exhaustive()
    }
}

/// Where a signature goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequiredSignature {
    /// From 1, as in the guide's samples.
    pub page: u32,
    /// `positionX`: a fraction of the page's width.
    pub x: Position,
    /// `positionY`: a fraction of the page's height.
    pub y: Position,
}

impl RequiredSignature {
    /// A place by its native numbers.
    #[must_use]
    pub fn new(page: u32, x: Position, y: Position) -> Self {
        Self { page, x, y }
    }
}

/// A coordinate as it is written on the wire: a JSON number, sent digit for digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(pub(crate) String);

impl Position {
    /// A fraction in the shortest digits that mean this number; `None` unless it lies in 0 to 1.
    #[must_use]
    pub fn fraction(value: f64) -> Option<Self> {
        // `abs` turns -0.0 into 0.0.
        (0.0..=1.0).contains(&value).then(|| serde_json::to_string(&value.abs()).ok().map(Self)).flatten()
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Decimal> for Position {
    fn from(digits: &Decimal) -> Self {
        Self(digits.as_str().to_owned())
    }
}

/// The answer to a create.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Created {
    /// The new document.
    pub id: DocumentId,
    /// The signing links; one in link mode, none in email mode.
    pub links: Vec<SigningLink>,
}

/// A link to the page where a document is signed. Whoever has it can sign.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SigningLink {
    /// The link.
    pub url: SecretUrl,
    /// How many signatures are to be made there, as far as Signify says.
    pub total: Option<u32>,
}

/// A document in the list: no progress, no address of the file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentSummary {
    /// The identifier.
    pub id: DocumentId,
    /// The name as given at creation.
    pub name: String,
    /// How far it is.
    pub status: DocumentStatus,
    /// How signers were invited; `None` if the word is not known.
    pub mode: Option<Mode>,
    /// By Signify's clock; `None` if it cannot be read.
    pub created_at: Option<Timestamp>,
    /// When access ends, by Signify's clock; `None` if it cannot be read. It may move: read it anew.
    pub expires_at: Option<Timestamp>,
}

/// A document with its progress.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentDetails {
    /// What the list also says.
    pub summary: DocumentSummary,
    /// Where the file can be fetched.
    pub link: Option<DocumentLink>,
    /// One per recipient, or one for the link.
    pub invitations: Vec<Invitation>,
}

impl DocumentDetails {
    /// Signatures made, all invitations together.
    #[must_use]
    pub fn completed(&self) -> usize {
        self.invitations.iter().map(|invitation| invitation.completed.len()).sum()
    }

    /// Signatures required, if every invitation says how many.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.invitations.iter().map(|invitation| invitation.total.map(u64::from)).sum()
    }
}

/// `documentUrl`, "only guaranteed to be valid for 30 minutes".
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentLink {
    /// The address.
    pub url: SecretUrl,
    /// When it was asked for, on the injected clock's monotonic scale.
    pub asked_at: Duration,
}

/// An invitation to sign.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invitation {
    /// The recipient's address, as Signify writes it: email mode only.
    pub signatory: Option<Personal>,
    /// The signing link: link mode only.
    pub link: Option<SecretUrl>,
    /// Signatures required.
    pub total: Option<u32>,
    /// How far it is.
    pub status: DocumentStatus,
    /// The signatures made.
    pub completed: Vec<CompletedSignature>,
}
