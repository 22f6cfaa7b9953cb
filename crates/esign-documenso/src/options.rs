//! Wishes that only Documenso understands.

use esign_core::{Decimal, Personal, ProviderKind, ProviderOption};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Options of a request for Documenso: `options.documenso` in a request file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DocumensoOptions {
    /// The subject of e-mails, at most 254 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The address that answers to e-mails go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Personal>,
    /// The time zone of dates on the page: `Asia/Singapore`. The server does not check it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How dates on the page are written: one of the server's patterns, such as `yyyy-MM-dd HH:mm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
    /// Whether signatures may be typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed_signatures: Option<bool>,
    /// Whether signatures may be drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawn_signatures: Option<bool>,
    /// Whether signatures may be uploaded as pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_signatures: Option<bool>,
    /// Fields of other sorts than the neutral marks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ExtraField>,
}

impl ProviderOption for DocumensoOptions {
    const KIND: ProviderKind = crate::KIND;
}

/// A field of another sort, in Documenso's own numbers: percent of the page as shown, from its top left corner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExtraField {
    /// Whose it is: the signer's key.
    pub signer: String,
    /// On which document: its key. May be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What it is.
    pub kind: FieldType,
    /// From 1.
    pub page: u32,
    /// Of its left edge.
    pub x: Decimal,
    /// Of its top edge.
    pub y: Decimal,
    /// Of the page's width.
    pub width: Decimal,
    /// Of the page's height.
    pub height: Decimal,
    /// What the API calls `fieldMeta`: label, values, whether it is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// The sorts of fields that are no neutral marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum FieldType {
    Text,
    Number,
    Radio,
    Checkbox,
    Dropdown,
}

impl FieldType {
    pub(crate) fn as_wire(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Number => "NUMBER",
            Self::Radio => "RADIO",
            Self::Checkbox => "CHECKBOX",
            Self::Dropdown => "DROPDOWN",
        }
    }
}
