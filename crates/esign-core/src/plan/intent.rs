//! What is stored before anything is sent, so that nothing is lost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::prepared::{ResolvedPlacement, ResolvedSigner, ResolvedSpot};
use super::{Change, Plan};
use crate::facts::Rect;
use crate::{
    Anchor, Capabilities, Delivery, Mark, MediaType, NativePosition, Order, OriginProof, Personal,
    ProviderKind, Reference, Result, Role, Sha256Hash, SignRequest, Spot, stored,
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
    /// The provider writes the file anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    rewritten: bool,
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
    /// What the person has to do.
    #[serde(default, skip_serializing_if = "Role::is_signer")]
    pub role: Role,
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
    /// What goes there.
    #[serde(default, skip_serializing_if = "Mark::is_signature")]
    pub mark: Mark,
    /// From 1; absent where the provider finds the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The box in shown space: points, lower-left origin.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub area: Option<Rect>,
    /// The provider's own numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<NativePosition>,
    /// The text that was asked for; the provider finds it, unless `area` says where it was found on our side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// The form field that was asked for; the provider finds it, unless `area` says where it was found on our side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl PlacedSignature {
    fn new(request: &SignRequest, signer: usize, placement: &ResolvedPlacement) -> Self {
        let signer = &request.signers[signer];
        let mut placed = Self {
            signer: signer.key.clone(),
            document: request.documents[placement.document].key().to_owned(),
            mark: placement.mark,
            page: placement.page,
            area: None,
            native: None,
            anchor: None,
            field: None,
        };
        match signer.placements.get(placement.wish).map(|wish| &wish.spot) {
            Some(Spot::Anchor(anchor)) => placed.anchor = Some(anchor.clone()),
            Some(Spot::Field(field)) => placed.field = Some(field.clone()),
            Some(Spot::Page(_) | Spot::Native(_)) | None => {}
        }
        match &placement.spot {
            ResolvedSpot::Box(area) => placed.area = Some(*area),
            ResolvedSpot::Native(native) => placed.native = Some(native.clone()),
            ResolvedSpot::Anchor(_) | ResolvedSpot::Field(_) => {}
        }
        placed
    }
}

/// A place in a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedPlacement {
    /// The wish it comes from: `signers[0].placements[0]`.
    pub at: String,
    /// Where it is.
    #[serde(flatten)]
    pub placed: PlacedSignature,
    /// The box in the numbers that the provider would be sent, where it has numbers of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_as: Option<NativePosition>,
}

impl PlannedPlacement {
    pub(super) fn new(request: &SignRequest, signer: usize, placement: &ResolvedPlacement) -> Self {
        Self {
            at: format!("signers[{signer}].placements[{}]", placement.wish),
            placed: PlacedSignature::new(request, signer, placement),
            sent_as: None,
        }
    }

    /// The places of all signers.
    pub(super) fn all(request: &SignRequest, signers: &[ResolvedSigner]) -> Vec<Self> {
        let of = |(i, signer): (usize, &ResolvedSigner)| -> Vec<Self> {
            signer.placements.iter().map(|placement| Self::new(request, i, placement)).collect()
        };
        signers.iter().enumerate().flat_map(of).collect()
    }
}

impl Intent {
    pub(super) fn record(
        plan: &Plan,
        capabilities: &Capabilities,
        request: &SignRequest,
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
            role: s.role,
            email_digest: s.email.as_ref().map(|email| Self::email_digest(&reference, email)),
        });
        Self {
            intent: INTENT_VERSION,
            instance: plan.instance.clone(),
            kind: plan.kind.clone(),
            fingerprint: capabilities.endpoint.fingerprint(),
            environment: capabilities.endpoint.environment.clone(),
            prepared_at,
            delivery: request.delivery,
            order: request.order,
            documents: documents.collect(),
            signers: sent.collect(),
            placements: plan.placements.iter().map(|planned| planned.placed.clone()).collect(),
            changes: plan.changes.clone(),
            rewritten: capabilities.origin_proof == OriginProof::OriginalKept,
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

    /// The same intent as if it had been prepared then: for looking for what may have been sent since, where the intent of
    /// that time was lost.
    #[must_use]
    pub fn since(mut self, prepared_at: Timestamp) -> Self {
        self.prepared_at = prepared_at;
        self
    }

    /// How signers get to the page.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// In which order several signers sign.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        self.order
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

    /// True if the provider writes the file anew, so that the signed file does not begin with what was sent
    /// ([`OriginProof::OriginalKept`]).
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.rewritten
    }

    /// The intent as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        stored::write_pretty(self)
    }

    /// Reads an intent of any version.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`](crate::ErrorKind::BadHandle) if it is not an intent, or of a version from the future.
    pub fn from_json(text: &str) -> Result<Self> {
        stored::read(text, "intent", "intent", INTENT_VERSION.into())
    }
}
