//! A request that was checked and resolved against one instance.

use std::sync::Arc;

use super::{Finding, Intent};
use crate::facts::{PdfFacts, Rect};
use crate::{Anchor, Mark, NativePosition, SignRequest};

/// A request that may be sent: only [`Client::prepare`](crate::Client::prepare) makes one. Store its
/// [`Prepared::intent`], then submit it. It cannot be cloned: sending uses it up, so that nothing is sent twice by
/// accident.
#[derive(Debug)]
pub struct Prepared {
    intent: Intent,
    request: SignRequest,
    signers: Vec<ResolvedSigner>,
    facts: Vec<Option<Arc<PdfFacts>>>,
    findings: Vec<Finding>,
}

impl Prepared {
    pub(super) fn new(
        intent: Intent,
        request: SignRequest,
        signers: Vec<ResolvedSigner>,
        facts: Vec<Option<Arc<PdfFacts>>>,
        findings: Vec<Finding>,
    ) -> Self {
        Self { intent, request, signers, facts, findings }
    }

    /// What to store before sending.
    #[must_use]
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// The request as it will be sent: wishes that the instance may change are changed already.
    #[must_use]
    pub fn request(&self) -> &SignRequest {
        &self.request
    }

    /// The signers with their resolved placements, in the order of the request.
    #[must_use]
    pub fn signers(&self) -> &[ResolvedSigner] {
        &self.signers
    }

    /// Warnings and notes.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What was found in a document, by its index.
    #[must_use]
    pub fn facts(&self, document: usize) -> Option<&PdfFacts> {
        self.facts.get(document)?.as_deref()
    }
}

/// What a provider's own check sees: a request that passed every other check.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Resolved<'a> {
    /// The request as it will be sent.
    pub request: &'a SignRequest,
    /// The signers with their resolved placements, in the order of the request.
    pub signers: &'a [ResolvedSigner],
    /// What was found in each document, in the order of the request.
    pub facts: &'a [Option<&'a PdfFacts>],
}

/// A signer's placements, resolved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResolvedSigner {
    /// The signer's key.
    pub key: String,
    /// Where the signatures go.
    pub placements: Vec<ResolvedPlacement>,
}

/// One place, resolved.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResolvedPlacement {
    /// Index of the document in the request.
    pub document: usize,
    /// Index of the wish among the signer's placements in the request; a text that occurs several times may give several
    /// places.
    pub wish: usize,
    /// What goes there.
    pub mark: Mark,
    /// From 1; `None` where the provider finds the page.
    pub page: Option<u32>,
    /// Where on it.
    pub spot: ResolvedSpot,
}

/// Where on the page.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ResolvedSpot {
    /// The box in shown space: points, lower-left origin. Without size where the provider's box is not known.
    Box(Rect),
    /// The provider's own numbers, to be sent digit for digit.
    Native(NativePosition),
    /// For a provider that finds texts itself.
    Anchor(Anchor),
    /// For a provider that finds fields itself.
    Field(String),
}
