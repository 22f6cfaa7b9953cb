//! What capability data cannot say, checked before any network call.

use esign_core::facts::{Rect, Size};
use esign_core::{Delivery, Finding, Reference, Resolved, ResolvedPlacement, ResolvedSpot};

use crate::config::{OverLimit, ReferenceInName, SignifyConfig};
use crate::convert::{native_fault, to_box};
use crate::options::SignifyOptions;

/// "requiredSignature array has a max length of 20": per recipient, or for the one link.
pub(crate) const MAX_PER_INVITATION: u64 = 20;
/// The longest `documentName`.
pub(crate) const MAX_NAME: u64 = 100;

/// Everything that is wrong, or worth knowing, about a request that passed all other checks.
pub(crate) fn check(request: &Resolved<'_>, config: &SignifyConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = request.request.options.get::<SignifyOptions>() {
        let field = error.field_path().unwrap_or("options").to_owned();
        findings.push(Finding::invalid("options", field, error.message()));
    }
    name(request, config, &mut findings);
    native_numbers(request, config, &mut findings);
    counts(request, config, &mut findings);
    boxes(request, config, &mut findings);
    old_pdf(request, &mut findings);
    findings
}

/// The name that is sent: as given, or with the reference behind it.
pub(crate) fn sent_name(name: &str, reference: &Reference, setting: ReferenceInName) -> String {
    match setting {
        ReferenceInName::Off => name.to_owned(),
        ReferenceInName::Suffix => with_suffix(name, reference),
    }
}

/// The name with the reference behind it.
pub(crate) fn with_suffix(name: &str, reference: &Reference) -> String {
    format!("{name} ({reference})")
}

fn name(request: &Resolved<'_>, config: &SignifyConfig, findings: &mut Vec<Finding>) {
    let (Some(document), ReferenceInName::Suffix) =
        (request.request.documents.first(), config.reference_in_name)
    else {
        return;
    };
    let sent = with_suffix(document.name(), &request.request.reference);
    let chars = sent.chars().count() as u64;
    findings.push(if chars > MAX_NAME {
        let message = format!(
            "with the reference behind it the name has {chars} characters; at most {MAX_NAME} are accepted: shorten the \
             name or the reference, or set reference_in_name = \"off\""
        );
        Finding::invalid("document.name", "documents[0].name", message)
    } else {
        Finding::note("document.name", "documents[0].name", format!("signers see it as {sent:?}"))
    });
}

fn native_numbers(request: &Resolved<'_>, config: &SignifyConfig, findings: &mut Vec<Finding>) {
    for (at, placement) in placements(request) {
        let ResolvedSpot::Native(native) = &placement.spot else { continue };
        for (name, digits) in [("x", &native.x), ("y", &native.y)] {
            if let Some(fault) = native_fault(digits, config.allow_coordinate_one) {
                findings.push(Finding::invalid("placement.native", format!("{at}.{name}"), fault));
            }
        }
    }
}

fn counts(request: &Resolved<'_>, config: &SignifyConfig, findings: &mut Vec<Finding>) {
    let total = placements(request).count() as u64;
    if request.request.delivery != Delivery::ProviderEmail && total > MAX_PER_INVITATION {
        let message = format!(
            "{total} places behind the one link; {MAX_PER_INVITATION} are accepted, all signers together: sign by e-mail, \
             or split the document"
        );
        findings.push(Finding::invalid("placement.count", "signers", message));
    }
    if config.over_max_document_signatures == OverLimit::Warn && total > config.max_document_signatures {
        let message = format!(
            "{total} places; Signify's user guide allows {} signatures on a document",
            config.max_document_signatures
        );
        findings.push(Finding::warning("placement.per_document", "documents[0]", message));
    }
}

/// Warns of native boxes that would leave the page, and of any that would overlap, as far as origin and size are
/// configured right.
fn boxes(request: &Resolved<'_>, config: &SignifyConfig, findings: &mut Vec<Finding>) {
    let mut boxes = Vec::new();
    for (at, placement) in placements(request) {
        let Some((page, area)) = assumed_box(request, placement, config) else { continue };
        let Some(size) = page_size(request, placement.document, page) else { continue };
        if !Rect::new(0.0, 0.0, size.width, size.height).contains(&area) {
            let message = "with the configured placement_origin and box_size the box would leave the page";
            findings.push(Finding::warning("placement.off_page", at.clone(), message));
        }
        boxes.push((page, area, at));
    }
    boxes.sort_by(|(p, a, _), (q, b, _)| p.cmp(q).then(a.x.total_cmp(&b.x)));
    for (i, (page, area, at)) in boxes.iter().enumerate() {
        let near = boxes[i + 1..].iter().take_while(|(p, b, _)| p == page && b.x < area.right());
        if let Some((_, _, other)) = near.into_iter().find(|(_, b, _)| b.overlaps(area)) {
            let message = format!("with the configured box_size the box overlaps that of {other}");
            findings.push(Finding::warning("placement.overlap", at.clone(), message));
        }
    }
}

fn assumed_box(
    request: &Resolved<'_>,
    placement: &ResolvedPlacement,
    config: &SignifyConfig,
) -> Option<(u32, Rect)> {
    let page = placement.page?;
    match &placement.spot {
        ResolvedSpot::Box(area) => Some((page, *area)),
        ResolvedSpot::Native(native) => {
            let size = page_size(request, placement.document, page)?;
            let (x, y) = (native.x.value(), native.y.value());
            Some((page, to_box(x, y, size, config.placement_origin?, config.box_size)))
        }
        _ => None,
    }
}

fn page_size(request: &Resolved<'_>, document: usize, page: u32) -> Option<Size> {
    Some(request.facts.get(document).copied()??.page(page)?.shown)
}

/// "PDF generated by an older tool" can fail on upload (guide, basic user). Which ones is not documented.
fn old_pdf(request: &Resolved<'_>, findings: &mut Vec<Finding>) {
    for (i, facts) in request.facts.iter().enumerate() {
        let old = facts.filter(|facts| matches!(facts.version.as_str(), "1.0" | "1.1" | "1.2" | "1.3"));
        if let Some(facts) = old {
            let message = format!(
                "the file is PDF {}; Signify may refuse PDFs of older programs: if it does, print it to a new PDF",
                facts.version
            );
            findings.push(Finding::note("pdf.version", format!("documents[{i}].content"), message));
        }
    }
}

fn placements<'a>(request: &Resolved<'a>) -> impl Iterator<Item = (String, &'a ResolvedPlacement)> {
    let signers = request.signers.iter().enumerate();
    signers.flat_map(|(i, signer)| {
        let places = signer.placements.iter();
        places.map(move |placement| (format!("signers[{i}].placements[{}]", placement.wish), placement))
    })
}
