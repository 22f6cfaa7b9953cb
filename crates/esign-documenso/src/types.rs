//! What the typed client takes and gives (spec 3).

use std::fmt;

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::{Decimal, Personal, SecretUrl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// The id of an envelope: `envelope_` and 16 letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvelopeId(String);

impl EnvelopeId {
    /// An id as the API gave it.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An envelope to be made: a draft, of which nobody is told. `Debug` shows no personal data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewEnvelope {
    /// 1 to 255 characters.
    pub title: String,
    /// Your own reference; Documenso does not keep it unique.
    pub external_id: String,
    /// The PDFs: file name and bytes.
    pub files: Vec<(String, Bytes)>,
    /// Who takes part.
    pub recipients: Vec<NewRecipient>,
    /// The server mails invitations, completion and reminders; without it nobody is mailed by the server.
    pub by_email: bool,
    /// One after the other, by [`NewRecipient::order`].
    pub sequential: bool,
    /// The subject of e-mails.
    pub subject: Option<Personal>,
    /// The message in e-mails. The server replaces `{signer.name}`, `{signer.email}` and `{document.name}` in it.
    pub message: Option<Personal>,
    /// Where the browser goes afterwards, verbatim.
    pub redirect_url: Option<Url>,
    /// One of the server's languages.
    pub language: Option<String>,
    /// Whole days to sign; without them the server's default, three months.
    pub expires_in_days: Option<u64>,
    /// Whether the token's user is mailed about completion and expiry.
    pub owner_mails: bool,
    /// Further members of `meta`, as they are.
    pub meta: serde_json::Map<String, Value>,
}

impl NewEnvelope {
    /// An envelope without recipients, for links.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        external_id: impl Into<String>,
        files: Vec<(String, Bytes)>,
    ) -> Self {
        Self {
            title: title.into(),
            external_id: external_id.into(),
            files,
            recipients: Vec::new(),
            by_email: false,
            sequential: false,
            subject: None,
            message: None,
            redirect_url: None,
            language: None,
            expires_in_days: None,
            owner_mails: false,
            meta: serde_json::Map::new(),
        }
    }
}

/// Somebody who is to take part.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewRecipient {
    /// The address; without one the person types theirs before signing, and the server mails nothing to them.
    pub email: Option<Personal>,
    /// The name.
    pub name: Option<Personal>,
    /// What the person does.
    pub role: RecipientRole,
    /// The turn, from 1; every acting recipient has one of their own.
    pub order: Option<u32>,
    /// The fields that the person fills in.
    pub fields: Vec<NewField>,
}

impl NewRecipient {
    /// Somebody of this role.
    #[must_use]
    pub fn new(role: RecipientRole, order: Option<u32>) -> Self {
        Self { email: None, name: None, role, order, fields: Vec::new() }
    }
}

/// A field to be placed: numbers are percent of the page as shown, from its top left corner.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NewField {
    /// `SIGNATURE`, `DATE`, ….
    pub kind: &'static str,
    /// Index of the file, from 0.
    pub file: usize,
    /// From 1.
    pub page: u32,
    /// Of the field's left edge.
    pub x: Decimal,
    /// Of the field's top edge, from the top of the page.
    pub y: Decimal,
    /// Of the page's width.
    pub width: Decimal,
    /// Of the page's height.
    pub height: Decimal,
    /// `fieldMeta`, as it is.
    pub meta: Option<Value>,
}

/// What a recipient does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum RecipientRole {
    Signer,
    Approver,
    Viewer,
    Cc,
    /// Any other word.
    Other(String),
}

impl RecipientRole {
    /// As the API writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Signer => "SIGNER",
            Self::Approver => "APPROVER",
            Self::Viewer => "VIEWER",
            Self::Cc => "CC",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for RecipientRole {
    fn from(word: String) -> Self {
        match word.as_str() {
            "SIGNER" => Self::Signer,
            "APPROVER" => Self::Approver,
            "VIEWER" => Self::Viewer,
            "CC" => Self::Cc,
            _ => Self::Other(word),
        }
    }
}

impl From<RecipientRole> for String {
    fn from(role: RecipientRole) -> Self {
        role.as_str().to_owned()
    }
}

/// The status of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum EnvelopeStatus {
    Draft,
    Pending,
    Completed,
    Rejected,
    Cancelled,
    /// Any other word.
    Other(String),
}

impl EnvelopeStatus {
    pub(crate) fn read(word: &str) -> Self {
        match word {
            "DRAFT" => Self::Draft,
            "PENDING" => Self::Pending,
            "COMPLETED" => Self::Completed,
            "REJECTED" => Self::Rejected,
            "CANCELLED" => Self::Cancelled,
            other => Self::Other(other.to_owned()),
        }
    }

    /// As the API writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Draft => "DRAFT",
            Self::Pending => "PENDING",
            Self::Completed => "COMPLETED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
            Self::Other(word) => word,
        }
    }
}

/// What a recipient has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum SigningStatus {
    NotSigned,
    /// Also of everybody who gets a copy, from the start.
    Signed,
    Rejected,
    /// A word that is not known here.
    Other,
}

/// An envelope. `Debug` shows no name, address, reason or token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Envelope {
    /// Its id.
    pub id: EnvelopeId,
    /// The status.
    pub status: EnvelopeStatus,
    /// Your own reference.
    pub external_id: Option<String>,
    /// The title.
    pub title: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Set when an ended envelope was deleted: hidden from lists, still readable by its id.
    pub deleted_at: Option<Timestamp>,
    /// Recipients sign one after the other.
    pub sequential: bool,
    /// In an order that means nothing.
    pub recipients: Vec<Recipient>,
    /// The fields; empty in lists.
    pub fields: Vec<Field>,
    /// The documents, in order; empty in lists.
    pub items: Vec<Item>,
}

/// Somebody who takes part. `Debug` shows no name, address, reason or token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recipient {
    /// The server's number.
    pub id: u64,
    /// The address, in lower case; empty where none was given.
    pub email: Personal,
    /// The name as it is now: signers may change it.
    pub name: Personal,
    /// The last part of the signing link. Whoever has it can sign.
    pub token: Option<Personal>,
    /// What the person does.
    pub role: RecipientRole,
    /// The turn.
    pub order: Option<u32>,
    /// What the person has done.
    pub status: SigningStatus,
    /// When the person signed, or rejected.
    pub signed_at: Option<Timestamp>,
    /// Until when the link works.
    pub expires_at: Option<Timestamp>,
}

/// A field of an envelope.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// `SIGNATURE`, `DATE`, ….
    pub kind: String,
    /// Whose it is.
    pub recipient: u64,
}

/// A document of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// Its id.
    pub id: String,
    /// From 1.
    pub order: u32,
}

/// A recipient's signing link, as distributing gives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Distributed {
    /// The recipient's number.
    pub recipient: u64,
    /// Where the person signs.
    pub url: Option<SecretUrl>,
}

/// Which form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Version {
    /// The sealed file, once the envelope is completed. Before, the server gives the unsigned one under this name.
    Signed,
    /// What was sent, as the server keeps it.
    Original,
    /// With the fields filled in so far, without a seal.
    Pending,
}

impl Version {
    /// As the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Original => "original",
            Self::Pending => "pending",
        }
    }
}
