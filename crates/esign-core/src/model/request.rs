//! The request: this document, these signers, here on the page.

use std::borrow::Cow;
use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Document, ProviderOption, ProviderOptions, Signer};
use crate::{Error, Result};

/// What the caller wants, independent of any provider.
///
/// ```
/// use esign_core::{Corner, Delivery, Document, Order, Origin, Placement, Reference, SignRequest, Signer};
///
/// let request = SignRequest::new(Reference::random()?, Document::pdf("Lease 12", b"%PDF-1.7 ...".to_vec()), Delivery::ProviderEmail)
///     .signer(Signer::new("tenant").email("tenant@example.com")
///         .place(Placement::points(1, 72.0, 144.0, Origin::BottomLeft, Corner::BottomLeft)))
///     .signer(Signer::new("landlord").email("landlord@example.com")
///         .place(Placement::points(1, 72.0, 72.0, Origin::BottomLeft, Corner::BottomLeft)))
///     .order(Order::Parallel);
/// assert_eq!(request.signers.len(), 2);
/// # Ok::<(), esign_core::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SignRequest {
    /// The caller's own reference: how a submission whose answer was lost is found again.
    pub reference: Reference,
    /// What is to be signed or viewed, at least one.
    pub documents: Vec<Document>,
    /// Who signs, at least one.
    pub signers: Vec<Signer>,
    /// In which order; must be said where there are several signers.
    pub order: Option<Order>,
    /// How signers get to the signing page.
    pub delivery: Delivery,
    /// A message to every signer without one of their own.
    pub message: Option<String>,
    /// The language for every signer without one of their own (BCP 47).
    pub language: Option<String>,
    /// Where the signer's browser goes afterwards.
    pub return_url: Option<Url>,
    /// For how long signing is possible, from submission.
    pub expires_after: Option<SignedDuration>,
    /// Which legal classes of signature will do; any where empty.
    pub legal_classes: Vec<LegalClass>,
    /// Wishes that only one kind of provider understands.
    pub options: ProviderOptions,
}

impl SignRequest {
    /// A request for one document. Signers follow.
    #[must_use]
    pub fn new(reference: Reference, document: Document, delivery: Delivery) -> Self {
        Self {
            reference,
            documents: vec![document],
            signers: Vec::new(),
            order: None,
            delivery,
            message: None,
            language: None,
            return_url: None,
            expires_after: None,
            legal_classes: Vec::new(),
            options: ProviderOptions::default(),
        }
    }

    /// Adds a document.
    #[must_use]
    pub fn document(mut self, document: Document) -> Self {
        self.documents.push(document);
        self
    }

    /// Adds a signer.
    #[must_use]
    pub fn signer(mut self, signer: Signer) -> Self {
        self.signers.push(signer);
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Sets the message to all.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets the language for all.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Sets where the signer's browser goes afterwards.
    #[must_use]
    pub fn return_url(mut self, url: Url) -> Self {
        self.return_url = Some(url);
        self
    }

    /// Sets for how long signing is possible.
    #[must_use]
    pub fn expires_after(mut self, duration: SignedDuration) -> Self {
        self.expires_after = Some(duration);
        self
    }

    /// Adds a legal class that will do.
    #[must_use]
    pub fn accept(mut self, class: LegalClass) -> Self {
        self.legal_classes.push(class);
        self
    }

    /// Adds options for one provider kind.
    ///
    /// # Errors
    /// If they cannot be written as JSON.
    pub fn with_option<O: ProviderOption>(mut self, options: &O) -> Result<Self> {
        self.options.insert(options)?;
        Ok(self)
    }

    /// The message that reaches this signer.
    #[must_use]
    pub fn message_for<'a>(&'a self, signer: &'a Signer) -> Option<&'a str> {
        signer.message.as_deref().or(self.message.as_deref())
    }

    /// The language that reaches this signer.
    #[must_use]
    pub fn language_for<'a>(&'a self, signer: &'a Signer) -> Option<&'a str> {
        signer.language.as_deref().or(self.language.as_deref())
    }
}

impl fmt::Debug for SignRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignRequest")
            .field("reference", &self.reference)
            .field("documents", &self.documents)
            .field("signers", &self.signers)
            .field("order", &self.order)
            .field("delivery", &self.delivery)
            .field("message", &self.message.as_ref().map(|m| format!("{} characters", m.chars().count())))
            .field("language", &self.language)
            .field(
                "return_url",
                &self
                    .return_url
                    .as_ref()
                    .map(|u| format!("{}://{}/…", u.scheme(), u.host_str().unwrap_or_default())),
            )
            .field("expires_after", &self.expires_after)
            .field("legal_classes", &self.legal_classes)
            .field("options", &self.options)
            .finish()
    }
}

/// The caller's reference for one request: 1 to 64 letters, digits, `-`, `_` or `.`; unique per request and free of
/// personal data, since it may appear in addresses and in documents' names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// Checks a reference of the caller's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) if it is empty, too long or has other characters.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(Error::invalid("reference", "1 to 64 letters, digits, '-', '_' or '.' are accepted"));
        }
        Ok(Self(text))
    }

    /// A reference that nobody has used: a version 4 UUID.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system gives no randomness.
    pub fn random() -> Result<Self> {
        Ok(Self(crate::random::uuid_v4()?))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reference {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::new(text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In which order several signers sign. Providers have no say in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Order {
    /// In any order.
    Parallel,
    /// In the order in which the request lists them.
    Sequential,
    /// By [`Signer::group`]: lower groups first, within a group in any order.
    Groups,
}

/// How signers get to the signing page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Delivery {
    /// The provider sends an e-mail to each signer.
    ProviderEmail,
    /// The caller gets a link that may be passed on by any means.
    ShareableLink,
    /// The caller gets a link for a browser session that is open right now; it may not be mailed or printed.
    InSessionRedirect,
}

impl Delivery {
    /// Whether a submission whose answer was lost may have reached a signer all the same. Where it may not, because the link
    /// comes only with the answer, another submission can take its place without anybody being asked twice.
    #[must_use]
    pub fn reaches_people(self) -> bool {
        match self {
            Self::ProviderEmail => true,
            Self::ShareableLink | Self::InSessionRedirect => false,
        }
    }
}

/// The legal class of a signature, as a name from a jurisdiction: the list is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LegalClass(Cow<'static, str>);

impl LegalClass {
    /// Secure electronic signature under Singapore's Electronic Transactions Act.
    pub const SG_ETA_SECURE: Self = Self(Cow::Borrowed("sg-eta-secure"));
    /// Simple electronic signature under eIDAS.
    pub const EIDAS_SIMPLE: Self = Self(Cow::Borrowed("eidas-simple"));
    /// Advanced electronic signature under eIDAS.
    pub const EIDAS_ADVANCED: Self = Self(Cow::Borrowed("eidas-advanced"));
    /// Qualified electronic signature under eIDAS.
    pub const EIDAS_QUALIFIED: Self = Self(Cow::Borrowed("eidas-qualified"));

    /// Any other class.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LegalClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! kebab_display {
    ($($type:ident { $($variant:ident => $name:literal),+ })+) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $name),+ })
            }
        }
    )+};
}

kebab_display! {
    Order { Parallel => "parallel", Sequential => "sequential", Groups => "groups" }
    Delivery {
        ProviderEmail => "provider-email",
        ShareableLink => "shareable-link",
        InSessionRedirect => "in-session-redirect"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_checked_and_random_ones_differ() {
        for good in ["a", "INV-2026.11_22", &"x".repeat(64)] {
            assert!(Reference::new(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(Reference::new(bad).unwrap_err().field_path(), Some("reference"), "{bad}");
        }
        assert_ne!(Reference::random().unwrap(), Reference::random().unwrap());
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let request = SignRequest::new(
            Reference::new("r").unwrap(),
            Document::pdf("Lease", "x"),
            Delivery::ShareableLink,
        )
        .signer(Signer::new("a").name("marker").email("marker").phone("marker").message("marker"))
        .message("marker")
        .return_url("https://x.example/?marker".parse().unwrap());
        let text = format!("{request:?} {request:#?}");
        assert!(!text.contains("marker"), "{text}");
    }
}
