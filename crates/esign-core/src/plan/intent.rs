//! What is stored before anything is sent, so that nothing is lost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::prepared::{ResolvedSigner, ResolvedSpot};
use super::{Change, Plan};
use crate::facts::Rect;
use crate::{
    Anchor, Delivery, Endpoint, MediaType, NativePosition, Order, Personal, ProviderKind, Reference, Result,
    Sha256Hash, SignRequest, stored,
};

const INTENT_VERSION: u32 = 1;

/// What is about to be sent, without the documents' bytes and without addresses: store it before
/// [`Client::submit`](crate::Client::submit); after a crash, [`Client::resolve`](crate::Client::resolve) finds out what
/// became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    intent: u32,
    reference: Reference,
    instance: String,
    kind: ProviderKind,
    #[serde(rename = "at")]
    fingerprint: String,
    environment: String,
    /// By our clock.
    prepared_at: Timestamp,
    delivery: Delivery,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    documents: Vec<SentDocument>,
    signers: Vec<SentSigner>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    placements: Vec<PlacedSignature>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
    software: String,
}

/// A document as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SentDocument {
    pub key: String,
    /// The name as it was sent, which the instance may have been allowed to change.
    pub name: String,
    pub media_type: MediaType,
    pub bytes: u64,
    pub sha256: Sha256Hash,
}

/// A signer as far as it may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSigner {
    /// The signer's key.
    pub key: String,
    /// A digest of the e-mail address, salted with the reference: recognises the address without keeping it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_digest: Option<Sha256Hash>,
}

/// Where a signature was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacedSignature {
    /// The signer's key.
    pub signer: String,
    /// The document's key.
    pub document: String,
    /// From 1; absent where the provider finds the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The box in shown space: points, lower-left origin.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub area: Option<Rect>,
    /// The provider's own numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<NativePosition>,
    /// A text that the provider finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// A form field that the provider finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Intent {
    pub(super) fn record(
        plan: &Plan,
        endpoint: &Endpoint,
        request: &SignRequest,
        signers: &[ResolvedSigner],
        prepared_at: Timestamp,
    ) -> Self {
        let reference = request.reference.clone();
        let documents = request.documents.iter().map(|d| SentDocument {
            key: d.key().to_owned(),
            name: d.name().to_owned(),
            media_type: d.media_type().clone(),
            bytes: d.content().len() as u64,
            sha256: d.sha256(),
        });
        let sent = request.signers.iter().map(|s| SentSigner {
            key: s.key.clone(),
            email_digest: s.email.as_ref().map(|email| Self::email_digest(&reference, email)),
        });
        let placements = signers.iter().flat_map(|signer| {
            signer.placements.iter().map(|p| {
                let mut placed = PlacedSignature {
                    signer: signer.key.clone(),
                    document: request.documents[p.document].key().to_owned(),
                    page: p.page,
                    area: None,
                    native: None,
                    anchor: None,
                    field: None,
                };
                match &p.spot {
                    ResolvedSpot::Box(area) => placed.area = Some(*area),
                    ResolvedSpot::Native(native) => placed.native = Some(native.clone()),
                    ResolvedSpot::Anchor(anchor) => placed.anchor = Some(anchor.clone()),
                    ResolvedSpot::Field(field) => placed.field = Some(field.clone()),
                }
                placed
            })
        });
        Self {
            intent: INTENT_VERSION,
            instance: plan.instance.clone(),
            kind: plan.kind.clone(),
            fingerprint: endpoint.fingerprint(),
            environment: endpoint.environment.clone(),
            prepared_at,
            delivery: request.delivery,
            order: request.order,
            documents: documents.collect(),
            signers: sent.collect(),
            placements: placements.collect(),
            changes: plan.changes.clone(),
            software: concat!("esign ", env!("CARGO_PKG_VERSION")).to_owned(),
            reference,
        }
    }

    /// The digest by which a provider's answer is matched to a signer without keeping the address.
    #[must_use]
    pub fn email_digest(reference: &Reference, email: &Personal) -> Sha256Hash {
        Sha256Hash::of_parts(&[reference.as_str(), &email.expose().trim().to_lowercase()])
    }

    /// The caller's reference.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The instance it was prepared for.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The kind of that instance.
    #[must_use]
    pub fn kind(&self) -> &ProviderKind {
        &self.kind
    }

    /// The fingerprint of the address it was prepared for.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// When it was prepared, by our clock.
    #[must_use]
    pub fn prepared_at(&self) -> Timestamp {
        self.prepared_at
    }

    /// How signers get to the page.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// The documents.
    #[must_use]
    pub fn documents(&self) -> &[SentDocument] {
        &self.documents
    }

    /// The signers.
    #[must_use]
    pub fn signers(&self) -> &[SentSigner] {
        &self.signers
    }

    /// Where signatures were asked for.
    #[must_use]
    pub fn placements(&self) -> &[PlacedSignature] {
        &self.placements
    }

    /// What is sent otherwise than it was asked for.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The intent as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of strings, numbers and times can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads an intent of any version.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`](crate::ErrorKind::BadHandle) if it is not an intent, or of a version from the future.
    pub fn from_json(text: &str) -> Result<Self> {
        stored::read(text, "intent", "intent", INTENT_VERSION.into())
    }
}
