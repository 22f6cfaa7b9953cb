//! Placements, resolved: which box on which page, or which native numbers.

use super::checks::{document_index, signs};
use super::examine::Draft;
use super::prepared::{ResolvedPlacement, ResolvedSigner, ResolvedSpot};
use super::{Finding, PlannedPlacement, Wish, landmarks};
use crate::facts::{Rect, Size};
use crate::{BoxSupport, Mark, NativePosition, Neutral, PagePosition, Placement, Rule, Spot};

/// Resolves each signer's placements and checks their number, their place and that they get along.
pub(super) fn resolve(draft: &mut Draft<'_>) -> Vec<ResolvedSigner> {
    let mut signers = Vec::new();
    for i in 0..draft.request.signers.len() {
        let signer = draft.request.signers[i].clone();
        let mut placements = Vec::new();
        let mut all_found = true;
        for (wish, placement) in signer.placements.iter().enumerate() {
            let found = resolve_wish(draft, i, wish, placement);
            all_found &= !found.is_empty();
            placements.extend(found);
        }
        // What was left out or refused has been said already.
        if all_found && signer.role.is_signer() {
            let signatures = placements.iter().filter(|p| p.mark.is_signature()).count();
            count_per_signer(draft, i, signatures);
        }
        signers.push(ResolvedSigner { key: signer.key, placements });
    }
    count_per_document(draft, &signers);
    // Comparing each box with each other is for numbers that the provider takes, not for whatever came in.
    if !draft.findings.iter().any(|f| matches!(f.code.as_ref(), "placement.count" | "placement.per_document"))
    {
        overlaps(draft, &signers);
    }
    signers
}

/// A wish that is being resolved.
pub(super) struct Wanted {
    pub(super) at: String,
    pub(super) document: usize,
    signer: usize,
    wish: usize,
    mark: Mark,
}

impl Wanted {
    fn resolved(&self, page: Option<u32>, spot: ResolvedSpot) -> ResolvedPlacement {
        ResolvedPlacement { document: self.document, wish: self.wish, mark: self.mark, page, spot }
    }
}

/// One wish gives one place, unless it is a text that may occur several times; none if it was refused or left out.
fn resolve_wish(
    draft: &mut Draft<'_>,
    signer: usize,
    wish: usize,
    placement: &Placement,
) -> Vec<ResolvedPlacement> {
    let Some(document) = document_index(draft, placement) else { return Vec::new() };
    let at = format!("signers[{signer}].placements[{wish}]");
    let wanted = Wanted { at, document, signer, wish, mark: placement.mark };
    if !placement.mark.is_signature() && !draft.caps.marks.contains(&placement.mark) {
        let message = format!("this provider does not place a signer's {}", name_of(placement.mark));
        draft.find(Finding::unsupported("placement.mark", format!("{}.mark", wanted.at), message));
        return Vec::new();
    }
    let caps = &draft.caps.placements;
    if caps.neutral == Neutral::Unsupported && !caps.native.is_yes() {
        let refusal =
            Finding::unsupported("placement", &wanted.at, "this provider decides itself where signatures go");
        draft.adapt(Wish::Placement, "left out: the provider decides where the signature goes", refusal);
        return Vec::new();
    }
    match &placement.spot {
        Spot::Page(position) => resolve_position(draft, &wanted, *position).into_iter().collect(),
        Spot::Native(native) => resolve_native(draft, &wanted, native).into_iter().collect(),
        Spot::Anchor(anchor) if caps.anchors.is_yes() => {
            vec![wanted.resolved(None, ResolvedSpot::Anchor(anchor.clone()))]
        }
        Spot::Field(name) if caps.fields.is_yes() => {
            vec![wanted.resolved(None, ResolvedSpot::Field(name.clone()))]
        }
        Spot::Anchor(_) | Spot::Field(_) if caps.neutral == Neutral::Unsupported => {
            let message =
                "this provider takes only numbers of its own, which a text or a form field does not give";
            draft.find(Finding::unsupported("placement.spot", &wanted.at, message));
            Vec::new()
        }
        Spot::Anchor(anchor) => resolve_all(draft, &wanted, landmarks::by_text(draft, &wanted, anchor)),
        Spot::Field(name) => resolve_all(draft, &wanted, landmarks::by_field(draft, &wanted, name)),
    }
}

/// All of the places or none: half of what was asked for is not what was asked for.
fn resolve_all(
    draft: &mut Draft<'_>,
    wanted: &Wanted,
    positions: Result<Vec<PagePosition>, Box<Finding>>,
) -> Vec<ResolvedPlacement> {
    match positions {
        Ok(positions) => {
            let resolved: Option<Vec<_>> =
                positions.into_iter().map(|position| resolve_position(draft, wanted, position)).collect();
            resolved.unwrap_or_default()
        }
        Err(finding) => {
            draft.find(*finding);
            Vec::new()
        }
    }
}

fn resolve_position(
    draft: &mut Draft<'_>,
    wanted: &Wanted,
    position: PagePosition,
) -> Option<ResolvedPlacement> {
    let at = wanted.at.as_str();
    if let Neutral::NeedsSetting { line, how } = &draft.caps.placements.neutral {
        let message = format!("where this provider measures from is not documented; {how}");
        draft.find(Finding::unsupported("placement.origin", at, message).allowed_by(line.clone()));
        return None;
    }
    let Some(page) = draft.facts(wanted.document).and_then(|facts| facts.page(position.page)).cloned() else {
        let message = "the size of the page is not known: only PDFs can be placed on, and the client needs an inspector";
        draft.find(Finding::unsupported("placement.facts", at, message));
        return None;
    };
    let (drawn, must_fit) = box_size(draft, position.size, at)?;
    let spot = position.to_box(page.shown, drawn);
    let shown = Rect::new(0.0, 0.0, page.shown.width, page.shown.height);
    let checked = position.to_box(page.shown, must_fit);
    if !shown.contains(&checked) {
        let message = format!(
            "a box of {} x {} points does not fit there: page {} is {} x {} points, and the box would span {} to {} \
             from the left and {} to {} from the bottom",
            short(must_fit.width),
            short(must_fit.height),
            position.page,
            short(page.shown.width),
            short(page.shown.height),
            short(checked.x),
            short(checked.right()),
            short(checked.y),
            short(checked.top()),
        );
        draft.find(Finding::invalid("placement.off_page", at, message));
        let placement = wanted.resolved(Some(position.page), ResolvedSpot::Box(spot));
        let planned = PlannedPlacement::new(&draft.request, wanted.signer, &placement);
        draft.misplaced.push(planned);
        return None;
    }
    if draft.caps.placements.uncertain_unless_plain && !page.is_plain() {
        let message = format!(
            "page {} is rotated, cropped, offset or scaled, and how this provider places boxes on such pages is not \
             documented; check the result, or normalise the page before anything is signed",
            position.page
        );
        draft.find(Finding::warning("placement_uncertain", at, message));
    }
    Some(wanted.resolved(Some(position.page), ResolvedSpot::Box(spot)))
}

/// The size drawn and the size that must fit.
fn box_size(draft: &mut Draft<'_>, wish: Option<Size>, at: &str) -> Option<(Size, Size)> {
    match draft.caps.placements.box_size {
        BoxSupport::ProviderFixed { drawn, must_fit } => {
            let other = wish
                .filter(|w| (w.width - drawn.width).abs() > 0.01 || (w.height - drawn.height).abs() > 0.01);
            if other.is_some() {
                let message =
                    format!("the box is always {} x {} points", short(drawn.width), short(drawn.height));
                let refusal = Finding::unsupported("placement.size", format!("{at}.size"), message.clone());
                if !draft.adapt(Wish::Placement, message, refusal) {
                    return None;
                }
            }
            Some((drawn, must_fit))
        }
        BoxSupport::Wish { min, max, default } => {
            let size = wish.unwrap_or(default);
            let fits = (min.width..=max.width).contains(&size.width)
                && (min.height..=max.height).contains(&size.height);
            if !fits {
                let message = format!(
                    "boxes are {} to {} points wide and {} to {} points high",
                    short(min.width),
                    short(max.width),
                    short(min.height),
                    short(max.height)
                );
                draft.find(Finding::unsupported("placement.size", format!("{at}.size"), message));
                return None;
            }
            Some((size, size))
        }
        BoxSupport::Unknown => {
            if wish.is_some() {
                let message = "this provider decides the size of the box, and does not say which it is";
                let refusal = Finding::unsupported("placement.size", format!("{at}.size"), message);
                if !draft.adapt(Wish::Placement, message, refusal) {
                    return None;
                }
            }
            let none = Size { width: 0.0, height: 0.0 };
            Some((none, none))
        }
    }
}

fn resolve_native(
    draft: &mut Draft<'_>,
    wanted: &Wanted,
    native: &NativePosition,
) -> Option<ResolvedPlacement> {
    let at = wanted.at.as_str();
    let caps = &draft.caps.placements;
    if native.kind != draft.caps.kind {
        let message =
            format!("these are numbers of {}; they mean nothing to {}", native.kind, draft.caps.kind);
        draft.find(Finding::unsupported("placement.native", at, message));
        return None;
    }
    if !caps.native.is_yes() {
        draft.find(Finding::unsupported("placement.native", at, "this provider has no native numbers"));
        return None;
    }
    let sizes = [("width", &native.width), ("height", &native.height)];
    if native.width.is_some() != native.height.is_some() {
        let message = "a box in native numbers has a width and a height, or neither";
        draft.find(Finding::invalid("placement.native", at, message));
        return None;
    }
    if native.width.is_some() && !draft.caps.native_sizes.is_yes() {
        let message = "this provider's own numbers name no size of the box: leave out width and height";
        draft.find(Finding::unsupported("placement.native", at, message));
        return None;
    }
    if let Some(most) = caps.decimals {
        let numbers = [("x", Some(&native.x)), ("y", Some(&native.y))].into_iter();
        let numbers = numbers.chain(sizes.map(|(name, size)| (name, size.as_ref())));
        for (name, value) in numbers.filter_map(|(name, value)| Some((name, value?))) {
            if value.decimals() > usize::from(most) {
                let message =
                    format!("{value} has more than {most} decimals, and native numbers are never rounded");
                draft.find(Finding::invalid("placement.decimals", format!("{at}.{name}"), message));
                return None;
            }
        }
    }
    let pages = draft.facts(wanted.document).map(|facts| facts.pages.len() as u64);
    if native.page == 0 || pages.is_some_and(|n| u64::from(native.page) > n) {
        let pages = pages.map_or_else(
            || "pages count from 1".to_owned(),
            |n| format!("pages count from 1; the document has {n}"),
        );
        draft.find(Finding::invalid("placement.page", format!("{at}.page"), pages));
        return None;
    }
    Some(wanted.resolved(Some(native.page), ResolvedSpot::Native(native.clone())))
}

fn count_per_signer(draft: &mut Draft<'_>, signer: usize, placements: usize) {
    let range = draft.caps.placements.per_signer;
    if !range.admits(placements as u64) {
        let message = match placements {
            0 => format!("this provider needs to know where to sign: {} places per signer", range.words()),
            n => format!("{n} places; {} per signer are accepted", range.words()),
        };
        let at = format!("signers[{signer}].placements");
        draft.find(Finding::unsupported("placement.count", at, message).limited_to(range));
    }
}

fn count_per_document(draft: &mut Draft<'_>, signers: &[ResolvedSigner]) {
    let range = draft.caps.placements.per_document;
    for document in 0..draft.request.documents.len() {
        let placements =
            signers.iter().flat_map(|s| &s.placements).filter(|p| p.document == document).count();
        let signed = draft.request.signers.iter().any(|s| signs(draft, s, document));
        if placements > 0 && signed && !range.admits(placements as u64) {
            let message = format!("{placements} places on one document; {} are accepted", range.words());
            let at = format!("documents[{document}]");
            draft.find(Finding::unsupported("placement.per_document", at, message).limited_to(range));
        }
    }
}

fn overlaps(draft: &mut Draft<'_>, signers: &[ResolvedSigner]) {
    if !draft.caps.placements.overlap.is_yes() {
        draft.findings.extend(own_overlaps(signers));
    }
    for (at, document, page, area) in boxes(signers) {
        existing_overlap(draft, &at, document, page, &area);
    }
}

/// Boxes of one request that overlap each other.
pub(super) fn own_overlaps(signers: &[ResolvedSigner]) -> Vec<Finding> {
    let boxes: Vec<_> = boxes(signers).collect();
    let mut findings = Vec::new();
    for (n, (at, document, page, area)) in boxes.iter().enumerate() {
        let other =
            boxes[..n].iter().find(|(_, d, p, other)| d == document && p == page && area.overlaps(other));
        if let Some((other, ..)) = other {
            let message = format!("the box overlaps that of {other}");
            findings.push(Finding::invalid("placement.overlap", at.clone(), message));
        }
    }
    findings
}

/// The path, document, page and area of each box.
fn boxes(signers: &[ResolvedSigner]) -> impl Iterator<Item = (String, usize, u32, Rect)> {
    signers.iter().enumerate().flat_map(|(i, signer)| {
        signer.placements.iter().filter_map(move |placement| match (placement.page, &placement.spot) {
            (Some(page), ResolvedSpot::Box(area)) => {
                let at = format!("signers[{i}].placements[{}]", placement.wish);
                Some((at, placement.document, page, *area))
            }
            _ => None,
        })
    })
}

fn existing_overlap(draft: &mut Draft<'_>, at: &str, document: usize, page: u32, spot: &Rect) {
    let Some(facts) = draft.facts(document) else { return };
    let signed = facts.signatures.iter().filter(|field| field.signature.is_some());
    let covered = signed.filter(|f| f.widgets.iter().any(|w| w.page == page && w.shown.overlaps(spot)));
    let names: Vec<_> = covered.map(|field| format!("{:?}", field.name)).collect();
    if names.is_empty() {
        return;
    }
    let message = format!("the box covers an existing signature: field {}", names.join(", "));
    match draft.caps.documents.pdf.overlap_existing {
        Rule::Refuse => draft.find(Finding::invalid("placement.overlap_existing", at, message)),
        Rule::Warn => draft.find(Finding::warning("placement.overlap_existing", at, message)),
        Rule::Allow => {}
    }
}

fn name_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Signature => "signature",
        Mark::Initials => "initials",
        Mark::Date => "date of signing",
        Mark::Name => "name",
        Mark::Email => "e-mail address",
    }
}

/// A length for people: at most two decimals.
pub(super) fn short(points: f64) -> String {
    let text = format!("{points:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
