//! Whether a request makes sense, and whether it keeps within the provider's limits.

use std::collections::HashSet;

use super::Finding;
use super::examine::{Draft, Inspection, contradiction};
use super::wishes::adapt_document_name;
use crate::redact::is_unprintable;
use crate::{
    Delivery, Document, MediaType, Need, Occurrence, Order, Placement, Range, Role, Signer, Spot, Unit, Use,
};

/// What is wrong with a request whoever the provider is.
pub(super) fn shape(draft: &mut Draft<'_>) {
    document_shape(draft);
    signer_shape(draft);
    order_shape(draft);
    placement_shape(draft);
    wish_shape(draft);
}

fn document_shape(draft: &mut Draft<'_>) {
    if draft.request.documents.is_empty() {
        draft.find(contradiction("documents.none", "documents", "there is no document to sign"));
    }
    let documents = draft.request.documents.clone();
    let mut keys = HashSet::new();
    for (i, document) in documents.iter().enumerate() {
        let at = format!("documents[{i}]");
        if document.key().is_empty() || !keys.insert(document.key()) {
            let message = "each document needs a key of its own, set with with_key";
            draft.find(contradiction("document.key", format!("{at}.key"), message));
        }
        if let Some(message) = content_fault(document) {
            draft.find(contradiction("document.content", format!("{at}.content"), message));
        } else if let Some(Inspection::Unreadable(why)) = draft.inspections.get(i) {
            let message = format!("the PDF cannot be read: {why}");
            draft.find(contradiction("document.unreadable", format!("{at}.content"), message));
        }
    }
}

fn content_fault(document: &Document) -> Option<&'static str> {
    let content = document.content();
    if content.is_empty() {
        return Some("the document is empty (0 bytes)");
    }
    // Readers accept the header anywhere in the first 1024 bytes (ISO 32000-1, annex H.3.4.1 note).
    let head = &content[..content.len().min(1024)];
    let is_pdf = head.windows(5).any(|w| w == b"%PDF-");
    (*document.media_type() == MediaType::PDF && !is_pdf)
        .then_some("this is not a PDF: it does not begin with %PDF-; save or print the document as PDF first")
}

fn signer_shape(draft: &mut Draft<'_>) {
    if draft.request.signers.is_empty() {
        draft.find(contradiction("signers.none", "signers", "there is nobody to sign"));
    } else if !draft.request.signers.iter().any(|signer| signer.role.is_signer()) {
        let message = "nobody signs: at least one person needs the role signer";
        draft.find(contradiction("signers.none", "signers", message));
    }
    let documents: Vec<_> = draft.request.documents.iter().map(|d| d.key().to_owned()).collect();
    let signers = draft.request.signers.clone();
    let mut keys = HashSet::new();
    for (i, signer) in signers.iter().enumerate() {
        let at = format!("signers[{i}]");
        if signer.key.is_empty() || !keys.insert(signer.key.clone()) {
            draft.find(contradiction(
                "signer.key",
                format!("{at}.key"),
                "each signer needs a key of their own",
            ));
        }
        if let Some(message) = signer.email.as_ref().and_then(|email| email_fault(email.expose())) {
            draft.find(contradiction("signer.email", format!("{at}.email"), message));
        }
        if signer.phone.as_ref().is_some_and(|phone| !looks_like_phone(phone.expose())) {
            let message = "write mobile numbers with + and country code, digits only: +6591234567";
            draft.find(contradiction("signer.phone", format!("{at}.phone"), message));
        }
        let unknown = signer.documents.iter().find(|used| !documents.contains(&used.document));
        if let Some(used) = unknown {
            let message = format!("there is no document with the key {:?}", used.document);
            draft.find(contradiction("signer.document", format!("{at}.documents"), message));
        }
        let placed = !signer.placements.is_empty() || !signer.documents.is_empty();
        if placed && !signer.role.is_signer() {
            let message = "only signers have places on the page and documents of their own: leave placements and \
                           documents out for this role";
            draft.find(contradiction("signer.role", format!("{at}.role"), message));
        }
        if !signer.documents.is_empty() && signer.documents.iter().all(|used| used.used == Use::View) {
            draft.find(contradiction(
                "signer.signs_nothing",
                format!("{at}.documents"),
                "this signer signs nothing",
            ));
        }
    }
}

/// Why a text is no e-mail address. Whether an address exists only its owner can show.
fn email_fault(text: &str) -> Option<&'static str> {
    if text.contains(is_invisible) {
        return Some(
            "this is not an e-mail address: there is an invisible character in it, perhaps copied along; type it anew",
        );
    }
    if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:")) {
        return Some("this is not an e-mail address: leave out mailto:");
    }
    (!looks_like_email(text)).then_some("this is not an e-mail address")
}

/// Characters that show nothing: what may not be printed, and what scripts and fonts use to join, vary and fill.
fn is_invisible(c: char) -> bool {
    is_unprintable(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// One `@` with something on both sides, a dot in the domain, no white space and none of the characters that need quotes, at
/// most 254 bytes.
fn looks_like_email(text: &str) -> bool {
    let plain = !text.contains(|c: char| c.is_whitespace() || "<>()[]\\\",;:".contains(c));
    plain
        && text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.contains('.')
                && domain.split('.').all(|label| !label.is_empty())
        })
}

/// Two ways to write one address are one address: case makes no difference, nor does a domain in its own letters or in
/// Punycode.
fn canonical_email(text: &str) -> String {
    let Some((local, domain)) = text.rsplit_once('@') else { return text.to_lowercase() };
    let domain = url::Host::parse(domain).map_or_else(|_| domain.to_lowercase(), |host| host.to_string());
    format!("{}@{domain}", local.to_lowercase())
}

fn looks_like_phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

fn order_shape(draft: &mut Draft<'_>) {
    let signers: Vec<_> = draft.request.signers.iter().filter(|signer| signer.role.acts()).collect();
    let several = signers.len() > 1;
    let grouped = signers.iter().filter(|s| s.group.is_some()).count();
    let finding = match draft.request.order {
        None if several => Some("say in which order several signers sign: parallel, sequential or groups"),
        Some(Order::Groups) if grouped < signers.len() => Some("with groups, each signer needs a group"),
        Some(Order::Groups) if signers.iter().any(|s| s.group == Some(0)) => Some("groups count from 1"),
        Some(Order::Parallel | Order::Sequential) | None if grouped > 0 => {
            Some("signers have groups, but the order is not groups")
        }
        Some(_) | None => None,
    };
    if let Some(message) = finding {
        draft.find(contradiction("order", "order", message));
    }
}

fn placement_shape(draft: &mut Draft<'_>) {
    let signers = draft.request.signers.clone();
    for (i, signer) in signers.iter().enumerate() {
        for (j, placement) in signer.placements.iter().enumerate() {
            let at = format!("signers[{i}].placements[{j}]");
            if let Some(finding) = placement_fault(draft, signer, placement, &at) {
                draft.find(finding);
            }
        }
    }
}

fn placement_fault(draft: &Draft<'_>, signer: &Signer, placement: &Placement, at: &str) -> Option<Finding> {
    let Some(document) = document_index(draft, placement) else {
        let message = match &placement.document {
            Some(key) => format!("there is no document with the key {key:?}"),
            None => "there are several documents: say which one".to_owned(),
        };
        return Some(contradiction("placement.document", format!("{at}.document"), message));
    };
    if !signs(draft, signer, document) {
        let message = "this signer does not sign that document";
        return Some(contradiction("placement.document", format!("{at}.document"), message));
    }
    match &placement.spot {
        Spot::Page(p) => {
            let in_range = |v: f64| v.is_finite() && (p.unit == Unit::Points || (0.0..=1.0).contains(&v));
            let range =
                if p.unit == Unit::Points { "a finite number of points" } else { "a fraction from 0 to 1" };
            let pages = draft.facts(document).map(|f| f.pages.len());
            let too_far = pages.is_some_and(|n| usize::try_from(p.page).is_ok_and(|page| page > n));
            if p.page == 0 {
                Some(contradiction("placement.page", format!("{at}.page"), "pages count from 1"))
            } else if too_far {
                let message = format!("the document has {} pages", pages.unwrap_or_default());
                Some(contradiction("placement.page", format!("{at}.page"), message))
            } else if !in_range(p.x) {
                Some(contradiction("placement.x", format!("{at}.x"), format!("x must be {range}")))
            } else if !in_range(p.y) {
                Some(contradiction("placement.y", format!("{at}.y"), format!("y must be {range}")))
            } else if p.size.is_some_and(|s| !is_length(s.width) || !is_length(s.height)) {
                Some(contradiction(
                    "placement.size",
                    format!("{at}.size"),
                    "a box has a positive width and height",
                ))
            } else {
                None
            }
        }
        Spot::Anchor(anchor) if anchor.text.trim().is_empty() => {
            Some(contradiction("placement.anchor", format!("{at}.anchor.text"), "an anchor needs a text"))
        }
        Spot::Anchor(anchor) if !anchor.dx.is_finite() || !anchor.dy.is_finite() => Some(contradiction(
            "placement.anchor",
            format!("{at}.anchor"),
            "offsets are finite numbers of points",
        )),
        Spot::Anchor(anchor) if anchor.occurrence == Occurrence::Nth(0) => Some(contradiction(
            "placement.anchor",
            format!("{at}.anchor.occurrence"),
            "occurrences count from 1",
        )),
        Spot::Anchor(anchor) if anchor.size.is_some_and(|s| !is_length(s.width) || !is_length(s.height)) => {
            Some(contradiction(
                "placement.size",
                format!("{at}.anchor.size"),
                "a box has a positive width and height",
            ))
        }
        Spot::Field(name) if name.is_empty() => {
            Some(contradiction("placement.field", format!("{at}.field"), "name the form field"))
        }
        Spot::Anchor(_) | Spot::Field(_) | Spot::Native(_) => None,
    }
}

fn is_length(points: f64) -> bool {
    points.is_finite() && points > 0.0
}

/// The document that a placement is on.
pub(super) fn document_index(draft: &Draft<'_>, placement: &Placement) -> Option<usize> {
    let documents = &draft.request.documents;
    match &placement.document {
        Some(key) => documents.iter().position(|d| d.key() == key),
        None => (documents.len() == 1).then_some(0),
    }
}

/// Whether a signer signs a document, as opposed to viewing it or having nothing to do with it.
pub(super) fn signs(draft: &Draft<'_>, signer: &Signer, document: usize) -> bool {
    let key = draft.request.documents[document].key();
    signer.documents.is_empty() || signer.documents.iter().any(|d| d.document == key && d.used == Use::Sign)
}

fn wish_shape(draft: &mut Draft<'_>) {
    let request = &draft.request;
    let mut faults = Vec::new();
    let messages = request
        .signers
        .iter()
        .enumerate()
        .map(|(i, s)| (format!("signers[{i}].message"), s.message.as_deref()));
    for (at, message) in messages.chain([("message".to_owned(), request.message.as_deref())]) {
        if message.is_some_and(|m| m.trim().is_empty()) {
            faults.push(contradiction("message", at, "a message is not empty; leave it out instead"));
        }
    }
    let languages = request
        .signers
        .iter()
        .enumerate()
        .map(|(i, s)| (format!("signers[{i}].language"), s.language.as_deref()));
    for (at, language) in languages.chain([("language".to_owned(), request.language.as_deref())]) {
        if language.is_some_and(|l| !looks_like_language(l)) {
            faults.push(contradiction("language", at, "write languages as BCP 47 tags: en, nb, zh-Hans"));
        }
    }
    if request.expires_after.is_some_and(|d| !d.is_positive()) {
        faults.push(contradiction(
            "expires_after",
            "expires_after",
            "the time to sign is longer than nothing",
        ));
    }
    if let Some(fault) = request.return_url.as_ref().and_then(crate::browser_fault) {
        faults.push(contradiction("return_url", "return_url", fault));
    }
    draft.findings.extend(faults);
}

fn looks_like_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=3).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The provider's limits on documents and signers.
pub(super) fn limits(draft: &mut Draft<'_>) {
    document_limits(draft);
    signer_limits(draft);
    legal(draft);
}

fn document_limits(draft: &mut Draft<'_>) {
    let limits = &draft.caps.documents;
    count(draft, limits.count, draft.request.documents.len(), "documents", "documents.count", "documents");
    for i in 0..draft.request.documents.len() {
        let document = draft.request.documents[i].clone();
        let at = format!("documents[{i}]");
        if !limits.media_types.contains(document.media_type()) {
            let known: Vec<_> = limits.media_types.iter().map(MediaType::as_str).collect();
            let message =
                format!("{} is not accepted; accepted: {}", document.media_type(), known.join(", "));
            draft.find(Finding::unsupported("document.media_type", format!("{at}.media_type"), message));
        }
        let bytes = document.content().len() as u64;
        if !limits.bytes.admits(bytes) {
            let message = format!("{bytes} bytes; {} are accepted", limits.bytes.words());
            let finding = Finding::unsupported("document.bytes", format!("{at}.content"), message);
            draft.find(finding.limited_to(limits.bytes));
        }
        adapt_document_name(draft, i);
    }
    let views = draft.request.signers.iter().any(|s| s.documents.iter().any(|d| d.used == Use::View));
    if views && !limits.view_only.is_yes() {
        let message = "this provider cannot show a document to a signer who does not sign it";
        draft.find(Finding::unsupported("document.view", "signers", message));
    }
}

fn signer_limits(draft: &mut Draft<'_>) {
    let caps = draft.caps;
    let signers = draft.request.signers.len();
    if !caps.signers.count.admits(signers as u64) {
        let message =
            format!("{signers} signers; {} are accepted in one request", caps.signers.count.words());
        let finding =
            Finding::unsupported("signers.count", "signers", message).limited_to(caps.signers.count);
        draft.find(if signers > 1 { finding.solved_by_chain() } else { finding });
    }
    for (i, signer) in draft.request.signers.clone().iter().enumerate() {
        if !signer.role.is_signer() && !caps.roles.contains(&signer.role) {
            let message = match signer.role {
                Role::Copy => "this provider sends no copies to people who do not sign",
                Role::Signer | Role::Approver | Role::Viewer => {
                    "with this provider everybody who takes part signs"
                }
            };
            draft.find(Finding::unsupported("signer.role", format!("signers[{i}].role"), message));
        }
    }
    let by_email = draft.request.delivery == Delivery::ProviderEmail;
    let needed = |need: Need| need == Need::Required || (need == Need::ForEmailDelivery && by_email);
    let mut seen = HashSet::new();
    for (i, signer) in draft.request.signers.clone().iter().enumerate() {
        let at = format!("signers[{i}]");
        let data = [
            ("email", needed(caps.signers.email), signer.email.is_some()),
            ("name", needed(caps.signers.name), signer.name.is_some()),
            ("phone", needed(caps.signers.phone), signer.phone.is_some()),
        ];
        for (name, needed, present) in data {
            if needed && !present {
                let message = format!("this provider needs each signer's {name} for this delivery");
                draft.find(Finding::unsupported(format!("signer.{name}"), format!("{at}.{name}"), message));
            }
        }
        let repeated =
            signer.email.as_ref().is_some_and(|email| !seen.insert(canonical_email(email.expose())));
        if repeated && by_email && caps.signers.unique_emails {
            let message = "another signer has the same e-mail address (case makes no difference)";
            draft.find(Finding::unsupported("signer.email", format!("{at}.email"), message));
        }
        if let Some(identity) =
            signer.identity.as_ref().filter(|id| !caps.identity_schemes.contains(&id.scheme))
        {
            let message = match caps.identity_schemes.as_slice() {
                [] => "this provider cannot check who signs".to_owned(),
                known => {
                    format!("{:?} cannot be checked; it can check {}", identity.scheme, known.join(", "))
                }
            };
            draft.find(Finding::unsupported("signer.identity", format!("{at}.identity"), message));
        }
    }
}

/// Every class that the instance may produce must be among those that will do: a line of configuration must not lower
/// the class in silence.
fn legal(draft: &mut Draft<'_>) {
    let wanted = &draft.request.legal_classes;
    if wanted.is_empty() {
        return;
    }
    let claims = &draft.caps.legal;
    let message = match claims.iter().find(|claim| !wanted.contains(&claim.class)) {
        Some(claim) => format!(
            "this instance may make signatures of class {}, which the request does not accept",
            claim.class
        ),
        None if claims.is_empty() => "the legal class of this instance's signatures is not known".to_owned(),
        None => return,
    };
    draft.find(Finding::unsupported("legal_class", "legal_classes", message));
}

/// Refuses a number outside its range.
fn count(draft: &mut Draft<'_>, range: Range, n: usize, field: &str, code: &'static str, things: &str) {
    if !range.admits(n as u64) {
        let message = format!("{n} {things}; {} are accepted", range.words());
        draft.find(Finding::unsupported(code, field, message).limited_to(range));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_numbers_and_languages() {
        for good in ["a@b.sg", "A.b+c@x-y.example.com", "ü@exämple.org"] {
            assert!(looks_like_email(good), "{good}");
        }
        for (text, word) in [
            ("a\u{200b}@b.sg", "invisible"),
            ("a@b\u{ad}.sg", "invisible"),
            ("a@b.sg\u{3164}", "invisible"),
            ("\u{feff}a@b.sg", "invisible"),
            ("a\u{200d}@b.sg", "invisible"),
            ("mailto:a@b.sg", "mailto:"),
            ("MailTo:a@b.sg", "mailto:"),
            ("x:a@b.sg", "not an e-mail address"),
        ] {
            let fault = email_fault(text).unwrap();
            assert!(
                fault.contains("this is not an e-mail address") && fault.contains(word),
                "{text:?}: {fault}"
            );
        }
        for same in ["Ann@Exämple.org", "ann@exämple.org", "ann@xn--exmple-cua.org", "ann@EXA\u{308}MPLE.org"]
        {
            assert_eq!(canonical_email(same), "ann@xn--exmple-cua.org", "{same}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.sg",
            "a@@b.sg",
            "a@b..sg",
            "a b@c.sg",
            "A <a@b.sg>",
            "a@b.sg,c@d.sg",
            "a@b.sg\n",
        ] {
            assert!(!looks_like_email(bad), "{bad}");
        }
        for (phone, good) in
            [("+6591234567", true), ("91234567", false), ("+0123456789", false), ("+65 9123 4567", false)]
        {
            assert_eq!(looks_like_phone(phone), good, "{phone}");
        }
        for (tag, good) in [
            ("en", true),
            ("zh-Hans", true),
            ("e", false),
            ("english", false),
            ("en_GB", false),
            ("en-", false),
        ] {
            assert_eq!(looks_like_language(tag), good, "{tag}");
        }
    }
}
