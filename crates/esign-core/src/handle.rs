//! What the application stores to act on a request later.

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, ErrorKind, Intent, ProviderKind, Reference, Result, Sha256Hash, stored};

/// Names a submission at the instance that made it: store it as one secret string.
///
/// It holds the provider's id and whatever private state the provider needs later (an exchange code, task ids), and no
/// personal data. Whoever holds it can read and cancel the request. `Debug` shows instance, kind and key.
#[derive(Clone, PartialEq, Eq)]
pub struct Handle {
    instance: String,
    kind: ProviderKind,
    fingerprint: String,
    request: RequestRef,
}

impl Handle {
    /// A handle for what was made from this intent. For providers.
    #[must_use]
    pub fn new(intent: &Intent, id: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            instance: intent.instance().to_owned(),
            kind: intent.kind().clone(),
            fingerprint: intent.fingerprint().to_owned(),
            request: RequestRef {
                id: id.into(),
                reference: intent.reference().clone(),
                created_at,
                private: Value::Null,
            },
        }
    }

    /// Sets the provider's private state. For providers.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it cannot be written as JSON.
    pub fn with_private<S: Serialize>(mut self, state: &S) -> Result<Self> {
        self.request.private = serde_json::to_value(state)
            .map_err(|e| Error::new(ErrorKind::Internal, "the private state is not JSON").with_source(e))?;
        Ok(self)
    }

    /// The same submission with other private state, for [`StatusReport::new_handle`](crate::StatusReport). For
    /// providers, which see only the [`RequestRef`]; the client fills in the rest.
    #[must_use]
    pub fn with_request(mut self, request: RequestRef) -> Self {
        self.request = request;
        self
    }

    /// The instance that made it.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The kind of that instance.
    #[must_use]
    pub fn kind(&self) -> &ProviderKind {
        &self.kind
    }

    /// What the provider gets to see.
    #[must_use]
    pub fn request(&self) -> &RequestRef {
        &self.request
    }

    /// The fingerprint of the address at which it was made.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The non-secret index: what events carry and what belongs in a database key or a log.
    #[must_use]
    pub fn key(&self) -> HandleKey {
        HandleKey::of(&self.kind, &self.fingerprint, &self.request.id)
    }

    /// The handle as one string. It is a secret.
    #[must_use]
    pub fn to_stored(&self) -> SecretString {
        let form = Stored {
            v: 1,
            instance: self.instance.clone(),
            kind: self.kind.clone(),
            at: self.fingerprint.clone(),
            id: self.request.id.clone(),
            reference: self.request.reference.clone(),
            created_at: self.request.created_at,
            private: self.request.private.clone(),
        };
        SecretString::from(stored::write(&form))
    }

    /// Reads a stored handle of any version.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`] if it is not a handle, or of a version from the future.
    pub fn from_stored(text: &str) -> Result<Self> {
        let stored: Stored = stored::read(text, "handle", "v", 1)?;
        Ok(Self {
            instance: stored.instance,
            kind: stored.kind,
            fingerprint: stored.at,
            request: RequestRef {
                id: stored.id,
                reference: stored.reference,
                created_at: stored.created_at,
                private: stored.private,
            },
        })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}, {}, {})", self.instance, self.kind, self.key())
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    instance: String,
    kind: ProviderKind,
    at: String,
    id: String,
    reference: Reference,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    private: Value,
}

/// The provider's part of a handle.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestRef {
    id: String,
    reference: Reference,
    created_at: Timestamp,
    private: Value,
}

impl RequestRef {
    /// The provider's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The caller's reference.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// When it was submitted, by our clock.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The private state that the provider stored.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`] if the handle holds something else.
    pub fn state<S: DeserializeOwned>(&self) -> Result<S> {
        S::deserialize(&self.private)
            .map_err(|_| Error::new(ErrorKind::BadHandle, "the handle lacks what this provider stored in it"))
    }

    /// The same submission with other private state.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it cannot be written as JSON.
    pub fn with_state<S: Serialize>(&self, state: &S) -> Result<Self> {
        let private = serde_json::to_value(state)
            .map_err(|e| Error::new(ErrorKind::Internal, "the private state is not JSON").with_source(e))?;
        Ok(Self { private, ..self.clone() })
    }
}

impl fmt::Debug for RequestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestRef({})", self.reference)
    }
}

/// The non-secret index of a handle: the same for the same submission, wherever it is made, whatever the instance is
/// called.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HandleKey(String);

impl HandleKey {
    /// The key of what a provider of this kind, at the address with this fingerprint, calls `id`.
    #[must_use]
    pub fn of(kind: &ProviderKind, fingerprint: &str, id: &str) -> Self {
        let mut hex = Sha256Hash::of_parts(&[kind.as_str(), fingerprint, id]).to_string();
        hex.truncate(32);
        Self(format!("{kind}-{hex}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HandleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HandleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
