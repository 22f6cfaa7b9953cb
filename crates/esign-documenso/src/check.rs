//! What capability data cannot say, checked before any network call.

use std::collections::BTreeSet;

use esign_core::{
    Delivery, Finding, NativePosition, Resolved, ResolvedPlacement, ResolvedSpot, Role, Signer,
};

use crate::capabilities::DAY;
use crate::config::{DocumensoConfig, OddPages};
use crate::convert::oddity;
use crate::options::{DocumensoOptions, ExtraField};

/// What the server replaces in messages.
const PLACEHOLDERS: [&str; 3] = ["{signer.name}", "{signer.email}", "{document.name}"];
/// The longest name, and the longest subject.
const MAX_NAME: usize = 255;
const MAX_SUBJECT: usize = 254;

/// Everything that is wrong, or worth knowing, about a request that passed all other checks.
pub(crate) fn check(request: &Resolved<'_>, config: &DocumensoConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    options(request, &mut findings);
    people(request, &mut findings);
    wishes(request, &mut findings);
    places(request, config, &mut findings);
    findings
}

fn options(request: &Resolved<'_>, findings: &mut Vec<Finding>) {
    let options = match request.request.options.get::<DocumensoOptions>() {
        Ok(options) => options.unwrap_or_default(),
        Err(error) => {
            let field = error.field_path().unwrap_or("options").to_owned();
            findings.push(Finding::invalid("options", field, error.message()));
            return;
        }
    };
    if options.subject.as_ref().is_some_and(|subject| subject.chars().count() > MAX_SUBJECT) {
        let message = format!("at most {MAX_SUBJECT} characters");
        findings.push(Finding::invalid("options", "options.documenso.subject", message));
    }
    for (i, field) in options.fields.iter().enumerate() {
        let at = format!("options.documenso.fields[{i}]");
        findings.extend(extra_field(request, field, &at));
    }
}

fn extra_field(request: &Resolved<'_>, field: &ExtraField, at: &str) -> Vec<Finding> {
    let wrong = |name: &str, why: &str| Finding::invalid("options", format!("{at}.{name}"), why);
    let mut findings = Vec::new();
    if !request.request.signers.iter().any(|signer| signer.key == field.signer && signer.role != Role::Copy) {
        findings.push(wrong("signer", "nobody of this key takes part"));
    }
    let documents = &request.request.documents;
    let document = match &field.document {
        Some(key) => documents.iter().position(|document| document.key() == key),
        None => (documents.len() == 1).then_some(0),
    };
    match document {
        None => findings.push(wrong("document", "name the key of one of the documents")),
        Some(document) => {
            let mut native = NativePosition::new(crate::KIND, field.page, field.x.clone(), field.y.clone());
            native = native.with_size(field.width.clone(), field.height.clone());
            findings.extend(native_fault(&native).map(|why| wrong("x", why)));
            let pages = request.facts.get(document).copied().flatten().map(|facts| facts.pages.len());
            if field.page == 0 || pages.is_some_and(|pages| field.page as usize > pages) {
                findings.push(wrong(
                    "page",
                    "pages count from 1, and the server does not check that there is one",
                ));
            }
        }
    }
    findings
}

fn people(request: &Resolved<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for (i, signer) in request.request.signers.iter().enumerate() {
        let at = |field: &str| format!("signers[{i}].{field}");
        let address = signer.email.as_ref().map(|email| email.expose().trim().to_lowercase());
        if address.is_some_and(|address| !seen.insert(address)) {
            let message = "somebody else has the same e-mail address (case makes no difference), and recipients are told \
                           apart by it";
            findings.push(Finding::unsupported("signer.email", at("email"), message));
        }
        if signer.role == Role::Copy && signer.email.is_none() {
            findings.push(Finding::invalid("signer.email", at("email"), "a copy needs an address to go to"));
        }
        if signer.role == Role::Copy && request.request.delivery != Delivery::ProviderEmail {
            let message =
                "with links the server mails nothing to anybody: pass the finished document on yourself";
            findings.push(Finding::warning("signer.role", at("role"), message));
        }
        if signer.email.is_none() && signer.role != Role::Copy {
            let message =
                "without an address the signer has to type one before signing, and the server keeps that";
            findings.push(Finding::note("signer.email", at("email"), message));
        }
        if signer.name.as_ref().is_some_and(|name| name.expose().chars().count() > MAX_NAME) {
            findings.push(Finding::invalid(
                "signer.name",
                at("name"),
                format!("at most {MAX_NAME} characters"),
            ));
        }
    }
}

fn wishes(request: &Resolved<'_>, findings: &mut Vec<Finding>) {
    let wanted = request.request;
    let differ = |of: &dyn Fn(&Signer) -> Option<String>| {
        let mut values = wanted.signers.iter().filter(|signer| signer.role != Role::Copy).map(of);
        let first = values.next().flatten();
        values.any(|value| value != first)
    };
    if differ(&|signer| wanted.message_for(signer).map(str::to_owned)) {
        let message = "Documenso sends one message to everybody: give it for the whole request";
        findings.push(Finding::unsupported("message", "message", message));
    }
    if differ(&|signer| wanted.language_for(signer).map(str::to_lowercase)) {
        let message = "Documenso speaks one language to everybody: give it for the whole request";
        findings.push(Finding::unsupported("language", "language", message));
    }
    let message = wanted.signers.iter().find_map(|signer| wanted.message_for(signer)).unwrap_or_default();
    if PLACEHOLDERS.iter().any(|placeholder| message.contains(placeholder)) {
        let words = format!("the server replaces {} in it", PLACEHOLDERS.join(", "));
        findings.push(Finding::note("message", "message", words));
    }
    if let Some(time) = wanted.expires_after.filter(|time| !time.as_secs().unsigned_abs().is_multiple_of(DAY))
    {
        let message = format!("Documenso counts whole days: {} hours are none", time.as_hours());
        findings.push(Finding::unsupported("expires_after", "expires_after", message));
    }
}

fn places(request: &Resolved<'_>, config: &DocumensoConfig, findings: &mut Vec<Finding>) {
    for (at, placement) in placements(request) {
        if let ResolvedSpot::Native(native) = &placement.spot
            && let Some(why) = native_fault(native)
        {
            findings.push(Finding::invalid("placement.native", at.clone(), why));
        }
        let facts = request.facts.get(placement.document).copied().flatten();
        let page = placement.page.and_then(|page| facts?.page(page));
        let Some((page, why)) = page.and_then(|page| Some((page, oddity(page)?))) else { continue };
        let message = format!(
            "page {}: {why}; the server shows the signer one place and seals the file with the mark in another. Print the PDF \
             to a new one",
            page.number
        );
        findings.push(match config.odd_pages {
            OddPages::Refuse => {
                Finding::unsupported("placement.page", at, message).allowed_by("odd_pages = \"warn\"")
            }
            OddPages::Warn => Finding::warning("placement.page", at, message),
        });
    }
}

/// The server checks each number by itself only: a box over the edge, or without area, would be taken.
fn native_fault(native: &NativePosition) -> Option<&'static str> {
    let (Some(width), Some(height)) = (&native.width, &native.height) else {
        return Some("Documenso's own numbers name the size of the box too: add width and height");
    };
    let [x, y, width, height] = [&native.x, &native.y, width, height].map(esign_core::Decimal::value);
    if [x, y].iter().any(|part| !(0.0..=100.0).contains(part)) {
        Some("Documenso counts in percent of the page, 0 to 100")
    } else if width <= 0.0 || height <= 0.0 {
        Some("a box has a positive width and height")
    } else if x + width > 100.0 + 1e-9 || y + height > 100.0 + 1e-9 {
        Some("the box leaves the page: x + width and y + height are at most 100")
    } else {
        None
    }
}

fn placements<'a>(request: &Resolved<'a>) -> impl Iterator<Item = (String, &'a ResolvedPlacement)> {
    let signers = request.signers.iter().enumerate();
    signers.flat_map(|(i, signer)| {
        let places = signer.placements.iter();
        places.map(move |placement| (format!("signers[{i}].placements[{}]", placement.wish), placement))
    })
}
