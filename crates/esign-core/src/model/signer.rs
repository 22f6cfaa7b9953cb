//! A person who signs, approves, views, or gets a copy.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Placement;
use crate::Personal;

/// A signer: a key of the caller's, how to reach the person, and what the person is to do.
///
/// `Debug` shows no name, address, number or message.
#[derive(Clone)]
#[non_exhaustive]
pub struct Signer {
    /// The caller's own name for this signer within the request; appears in reports and records, so it should not be
    /// personal data: `tenant`, `signer-1`.
    pub key: String,
    /// The person's name, where a provider shows it.
    pub name: Option<Personal>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// Mobile number with country code: `+6591234567`.
    pub phone: Option<Personal>,
    /// What the person has to do: sign, unless said otherwise.
    pub role: Role,
    /// Who exactly must sign: checked by the provider, or the request is refused.
    pub identity: Option<Identity>,
    /// The turn in [`Order::Groups`](crate::Order::Groups), from 1; signers of one group sign in any order.
    pub group: Option<u32>,
    /// What to do with which document; every document is signed where this is empty.
    pub documents: Vec<DocumentUse>,
    /// Where this signer's signatures go.
    pub placements: Vec<Placement>,
    /// A message to this signer; the request's where absent.
    pub message: Option<String>,
    /// The language of e-mails and pages (BCP 47: `en`, `nb`); the request's where absent.
    pub language: Option<String>,
}

impl Signer {
    /// A signer known by a key, reachable by nothing yet.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: None,
            email: None,
            phone: None,
            role: Role::Signer,
            identity: None,
            group: None,
            documents: Vec::new(),
            placements: Vec::new(),
            message: None,
            language: None,
        }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Personal>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the e-mail address.
    #[must_use]
    pub fn email(mut self, email: impl Into<Personal>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Sets the mobile number.
    #[must_use]
    pub fn phone(mut self, phone: impl Into<Personal>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    /// Sets what the person has to do.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Demands that exactly this person signs.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Sets the turn in [`Order::Groups`](crate::Order::Groups).
    #[must_use]
    pub fn group(mut self, group: u32) -> Self {
        self.group = Some(group);
        self
    }

    /// Says what to do with a document.
    #[must_use]
    pub fn document(mut self, document: impl Into<String>, used: Use) -> Self {
        self.documents.push(DocumentUse { document: document.into(), used });
        self
    }

    /// Adds a place to sign at.
    #[must_use]
    pub fn place(mut self, placement: Placement) -> Self {
        self.placements.push(placement);
        self
    }

    /// Sets the message to this signer.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Sets the language for this signer.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key", &self.key)
            .field("name", &self.name)
            .field("email", &self.email)
            .field("phone", &self.phone)
            .field("role", &self.role)
            .field("identity", &self.identity)
            .field("group", &self.group)
            .field("documents", &self.documents)
            .field("placements", &self.placements)
            .field("message", &self.message.as_ref().map(|m| format!("{} characters", m.chars().count())))
            .field("language", &self.language)
            .finish()
    }
}

/// What a person has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Signs. At least one person of a request does.
    #[default]
    Signer,
    /// Approves in their turn, without a signature.
    Approver,
    /// Opens the documents in their turn and confirms that, without a signature.
    Viewer,
    /// Gets a copy and has nothing to do: the request does not wait for them.
    Copy,
}

impl Role {
    /// True for everybody whom the request waits for.
    #[must_use]
    pub fn acts(self) -> bool {
        self != Self::Copy
    }

    pub(crate) fn is_signer(&self) -> bool {
        *self == Self::Signer
    }
}

/// What a signer does with a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentUse {
    /// The document's key.
    pub document: String,
    /// Sign or view.
    #[serde(rename = "use")]
    pub used: Use,
}

/// Sign or view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Use {
    /// The signer signs it.
    Sign,
    /// The signer sees it and does not sign it.
    View,
}

/// Who exactly must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Which register the value is from: `sg-nric`. Providers list the schemes they can check.
    pub scheme: String,
    /// The number or name in that register.
    pub value: Personal,
}

impl Identity {
    /// Singapore NRIC or FIN.
    pub const SG_NRIC: &'static str = "sg-nric";

    /// A person by a register and a value in it.
    #[must_use]
    pub fn new(scheme: impl Into<String>, value: impl Into<Personal>) -> Self {
        Self { scheme: scheme.into(), value: value.into() }
    }
}
