//! The one path that every request takes, whether it is only planned or also sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::landmarks::Texts;
use super::prepared::ResolvedSigner;
use super::{
    Change, Finding, Intent, Plan, PlannedPlacement, Prepared, Resolved, Severity, Verdict, Wish, checks,
    pdf_rules, place, wishes,
};
use crate::facts::PdfFacts;
use crate::{Capabilities, Documents, ErrorKind, Order, SignRequest};

/// The instance that a request is examined against.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) instance: &'a str,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) adapt: &'a BTreeSet<Wish>,
    pub(crate) documents: Option<&'a dyn Documents>,
}

/// What is known of a document's pages.
#[derive(Clone, Debug)]
pub(crate) enum Inspection {
    Facts(Arc<PdfFacts>, Texts),
    /// Not a PDF, or no inspector is configured.
    None,
    /// Why it cannot be read.
    Unreadable(String),
}

impl Inspection {
    pub(crate) fn facts(&self) -> Option<&PdfFacts> {
        match self {
            Self::Facts(facts, _) => Some(facts),
            Self::None | Self::Unreadable(_) => None,
        }
    }
}

/// A plan, and the prepared request if it works.
pub(crate) struct Examined {
    pub(crate) plan: Plan,
    pub(crate) prepared: Option<Prepared>,
}

/// Examines a request against one instance.
pub(crate) fn examine(
    target: Target<'_>,
    request: &SignRequest,
    inspections: &[Inspection],
    now: Timestamp,
) -> Examined {
    let whole = run(target, request.clone(), inspections, now);
    // Where a chain would help, its own reasons are the ones worth reading.
    if target.capabilities.signers.chain.is_yes() && whole.plan.refusals().any(|f| f.solved_by_chain) {
        return chain(target, request, inspections, now);
    }
    whole
}

/// The verdict on a chain: each leg by itself must work, and the boxes of all legs must get along.
fn chain(target: Target<'_>, request: &SignRequest, inspections: &[Inspection], now: Timestamp) -> Examined {
    let mut changes: Vec<Change> = Vec::new();
    let mut findings: Vec<Finding> = Vec::new();
    let mut signers: Vec<ResolvedSigner> = Vec::new();
    let mut placements: Vec<PlannedPlacement> = Vec::new();
    for index in 0..request.signers.len() {
        let leg = run(target, leg(request, index), inspections, now);
        let rebase = |field: &str| field.replacen("signers[0]", &format!("signers[{index}]"), 1);
        for mut change in leg.plan.changes {
            change.field = rebase(&change.field);
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        for mut finding in leg.plan.findings {
            finding.field = finding.field.as_deref().map(rebase);
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        for mut placed in leg.plan.placements {
            placed.at = rebase(&placed.at);
            placements.push(placed);
        }
        signers.extend(leg.prepared.iter().flat_map(|prepared| prepared.signers().iter().cloned()));
    }
    if !target.capabilities.placements.overlap.is_yes() {
        findings.extend(place::own_overlaps(&signers));
    }
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let refused = findings.iter().any(|f| f.severity == Severity::Refusal);
    let plan = Plan {
        instance: target.instance.to_owned(),
        kind: target.capabilities.kind.clone(),
        verdict: if refused { Verdict::Cannot } else { Verdict::WorksAsChain },
        changes,
        findings,
        placements,
    };
    Examined { plan, prepared: None }
}

/// One signer's part of a chain, as a request of its own.
pub(crate) fn leg(request: &SignRequest, index: usize) -> SignRequest {
    let mut leg = request.clone();
    leg.signers = vec![request.signers[index].clone()];
    leg.signers[0].group = None;
    leg.order = Some(Order::Sequential);
    leg
}

fn run(target: Target<'_>, request: SignRequest, inspections: &[Inspection], now: Timestamp) -> Examined {
    let mut draft = Draft {
        target,
        caps: target.capabilities,
        request,
        inspections,
        findings: Vec::new(),
        changes: Vec::new(),
        misplaced: Vec::new(),
    };
    checks::shape(&mut draft);
    let mut signers = Vec::new();
    // What contradicts itself cannot be measured against anybody's limits.
    if !draft.is_refused() {
        checks::limits(&mut draft);
        wishes::check(&mut draft);
        pdf_rules::check(&mut draft);
        signers = place::resolve(&mut draft);
        draft.ask_provider(&signers);
    }
    draft.finish(signers, now)
}

/// A request under examination.
pub(super) struct Draft<'a> {
    pub(super) target: Target<'a>,
    pub(super) caps: &'a Capabilities,
    pub(super) request: SignRequest,
    pub(super) inspections: &'a [Inspection],
    pub(super) findings: Vec<Finding>,
    changes: Vec<Change>,
    /// Boxes that were refused for where they are, so that the plan can show them.
    pub(super) misplaced: Vec<PlannedPlacement>,
}

impl Draft<'_> {
    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Changes or leaves out a wish if the instance allows that, else refuses; true if it was allowed.
    pub(super) fn adapt(&mut self, wish: Wish, change: impl Into<String>, refusal: Finding) -> bool {
        let allowed = self.target.adapt.contains(&wish);
        if allowed {
            let field = refusal.field.clone().unwrap_or_default();
            self.changes.push(Change { wish, field, change: change.into() });
        } else {
            self.findings.push(refusal.allowed_by(format!("adapt = [\"{wish}\"]")));
        }
        allowed
    }

    pub(super) fn texts(&self, document: usize) -> Option<&Texts> {
        match self.inspections.get(document) {
            Some(Inspection::Facts(_, texts)) => Some(texts),
            _ => None,
        }
    }

    pub(super) fn facts(&self, document: usize) -> Option<&PdfFacts> {
        self.inspections.get(document).and_then(Inspection::facts)
    }

    fn is_refused(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Refusal)
    }

    /// The provider's own check sees only requests that passed everything else: it may rely on that.
    fn ask_provider(&mut self, signers: &[ResolvedSigner]) {
        let Some(documents) = self.target.documents else {
            self.find(Finding::unsupported("documents", "documents", "this provider signs no documents"));
            return;
        };
        if self.is_refused() {
            return;
        }
        let facts: Vec<_> = self.inspections.iter().map(Inspection::facts).collect();
        let findings = documents.check(&Resolved { request: &self.request, signers, facts: &facts });
        self.findings.extend(findings);
    }

    /// Where each signature goes, also in the provider's own words.
    fn placements(&self, signers: &[ResolvedSigner]) -> Vec<PlannedPlacement> {
        let mut planned = PlannedPlacement::all(&self.request, signers);
        let resolved = signers.iter().flat_map(|signer| &signer.placements);
        for (planned, placement) in planned.iter_mut().zip(resolved) {
            let page = placement.page.and_then(|number| self.facts(placement.document)?.page(number));
            if let (Some(page), Some(area)) = (page, &planned.placed.area) {
                planned.sent_as = self.target.documents.and_then(|documents| documents.native(page, area));
            }
        }
        planned
    }

    fn finish(mut self, signers: Vec<ResolvedSigner>, now: Timestamp) -> Examined {
        // Refusals first, then by weight; the order within stays.
        self.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        let verdict = match (self.is_refused(), self.changes.is_empty()) {
            (true, _) => Verdict::Cannot,
            (false, false) => Verdict::WorksWithChanges,
            (false, true) => Verdict::Works,
        };
        let mut placements = self.placements(&signers);
        placements.append(&mut self.misplaced);
        let plan = Plan {
            instance: self.target.instance.to_owned(),
            kind: self.caps.kind.clone(),
            verdict,
            changes: self.changes,
            findings: self.findings,
            placements,
        };
        let prepared = (verdict != Verdict::Cannot).then(|| {
            let facts = self.inspections.iter().map(|i| match i {
                Inspection::Facts(facts, _) => Some(Arc::clone(facts)),
                Inspection::None | Inspection::Unreadable(_) => None,
            });
            let facts = facts.collect();
            let intent = Intent::record(&plan, self.caps, &self.request, now);
            Prepared::new(intent, self.request, signers, facts, plan.findings.clone())
        });
        Examined { plan, prepared }
    }
}

/// A refusal because the request contradicts itself, whoever the provider is.
pub(super) fn contradiction(
    code: &'static str,
    field: impl Into<String>,
    message: impl Into<String>,
) -> Finding {
    let finding = Finding::invalid(code, field, message);
    debug_assert_eq!(finding.kind, ErrorKind::InvalidRequest);
    finding
}
