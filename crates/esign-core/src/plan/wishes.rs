//! Wishes: honoured, changed because the instance allows it, or refused by name. Never dropped.

use super::examine::Draft;
use super::{Finding, Wish};
use crate::{Bound, Order};

pub(super) fn check(draft: &mut Draft<'_>) {
    delivery(draft);
    order(draft);
    message(draft);
    language(draft);
    return_url(draft);
    expiry(draft);
}

fn delivery(draft: &mut Draft<'_>) {
    let wanted = draft.request.delivery;
    let Some(support) = draft.caps.delivery(wanted).cloned() else {
        let known: Vec<_> = draft.caps.deliveries.iter().map(|d| d.delivery.to_string()).collect();
        let message = format!("{wanted} is not supported; supported: {}", known.join(", "));
        draft.find(Finding::unsupported("delivery", "delivery", message));
        return;
    };
    let signers = draft.request.signers.len();
    if !support.signers.admits(signers as u64) {
        let message = format!("{wanted} reaches {} signers, not {signers}", support.signers.words());
        let finding =
            Finding::unsupported("delivery.signers", "delivery", message).limited_to(support.signers);
        draft.find(finding.solved_by_chain());
    } else if support.shared_link && signers > 1 {
        let message = "all signers would share one link, and their signatures would not be bound to them";
        let change = "all signers share one link: signatures are not bound to signers";
        draft.adapt(
            Wish::SharedLink,
            change,
            Finding::unsupported("delivery.shared_link", "delivery", message),
        );
    }
}

fn order(draft: &mut Draft<'_>) {
    let acting = draft.request.signers.iter().filter(|signer| signer.role.acts()).count();
    let Some(wanted) = draft.request.order.filter(|_| acting > 1) else { return };
    if draft.caps.orders.contains(&wanted) {
        return;
    }
    let known: Vec<_> = draft.caps.orders.iter().map(Order::to_string).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!("the order {wanted} is not supported; supported: {known}");
    let refusal = Finding::unsupported("order", "order", message);
    // A provider that takes one signer has no order of its own: a chain gives it one.
    if !draft.caps.signers.count.admits(2) {
        draft.find(refusal.solved_by_chain());
        return;
    }
    let parallel = draft.caps.orders.contains(&Order::Parallel);
    if !parallel {
        draft.find(refusal);
    } else if draft.adapt(Wish::Order, "signers sign in any order", refusal) {
        draft.request.order = Some(Order::Parallel);
        draft.request.signers.iter_mut().for_each(|signer| signer.group = None);
    }
}

fn message(draft: &mut Draft<'_>) {
    let support = draft.caps.message.clone();
    let carried = support.deliveries.contains(&draft.request.delivery);
    let fault = |text: &str| {
        let chars = text.chars().count();
        if !carried {
            Some("this provider sends no message with this delivery".to_owned())
        } else if !support.chars.admits(chars as u64) {
            Some(format!("{chars} characters; {} are accepted", support.chars.words()))
        } else {
            None
        }
    };
    let refusal = |field: &str, why: String| {
        let refusal = Finding::unsupported("message", field, why);
        if carried { refusal.limited_to(support.chars) } else { refusal }
    };
    if let Some(why) = draft.request.message.as_deref().and_then(fault)
        && draft.adapt(Wish::Message, format!("the message is left out: {why}"), refusal("message", why))
    {
        draft.request.message = None;
    }
    for i in 0..draft.request.signers.len() {
        let Some(why) = draft.request.signers[i].message.as_deref().and_then(fault) else { continue };
        let change = format!("the message is left out: {why}");
        if draft.adapt(Wish::Message, change, refusal(&format!("signers[{i}].message"), why)) {
            draft.request.signers[i].message = None;
        }
    }
}

fn language(draft: &mut Draft<'_>) {
    let known = draft.caps.languages.clone();
    let fault = |tag: &str| {
        let supported = known.iter().any(|k| k.eq_ignore_ascii_case(tag));
        let list = if known.is_empty() {
            "none may be wished for".to_owned()
        } else {
            format!("known: {}", known.join(", "))
        };
        let hint = nearest(tag, &known).map_or_else(String::new, |near| format!("; did you mean {near}?"));
        (!supported).then(|| format!("the language {tag} is not supported; {list}{hint}"))
    };
    let refusal = |field: &str, why: String| Finding::unsupported("language", field, why);
    let change = "the provider chooses the language";
    if let Some(why) = draft.request.language.as_deref().and_then(fault)
        && draft.adapt(Wish::Language, change, refusal("language", why))
    {
        draft.request.language = None;
    }
    for i in 0..draft.request.signers.len() {
        let Some(why) = draft.request.signers[i].language.as_deref().and_then(fault) else { continue };
        if draft.adapt(Wish::Language, change, refusal(&format!("signers[{i}].language"), why)) {
            draft.request.signers[i].language = None;
        }
    }
}

/// The known language that was probably meant: `en` for `en-GB`, and Bokmål for Norwegian, which most people mean by it.
fn nearest<'a>(tag: &str, known: &'a [String]) -> Option<&'a str> {
    let primary = tag.split('-').next().unwrap_or(tag);
    let meant = if primary.eq_ignore_ascii_case("no") { "nb" } else { primary };
    known.iter().map(String::as_str).find(|k| k.eq_ignore_ascii_case(meant))
}

fn return_url(draft: &mut Draft<'_>) {
    let Some(url) = draft.request.return_url.clone() else { return };
    if !matches!(url.scheme(), "https" | "http") {
        // Refused already, whoever the provider is.
        return;
    }
    let support = &draft.caps.return_url;
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let why = if !support.supported.is_yes() {
        "this provider does not send the browser back".to_owned()
    } else if !support.schemes.is_empty() && !support.schemes.iter().any(|s| s == url.scheme()) {
        format!("the address must begin with {}://", support.schemes.join(":// or "))
    } else if let Some(domain) = support.domain.as_deref().filter(|domain| !is_within(&host, domain)) {
        format!("the host must be {domain} or end with .{domain}")
    } else {
        return;
    };
    let refusal = Finding::unsupported("return_url", "return_url", why.clone());
    if draft.adapt(Wish::ReturnUrl, format!("the return address is left out: {why}"), refusal) {
        draft.request.return_url = None;
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn expiry(draft: &mut Draft<'_>) {
    let Some(wanted) = draft.request.expires_after else { return };
    let support = &draft.caps.expiry;
    let seconds = u64::try_from(wanted.as_secs()).unwrap_or_default();
    let fixed = match support.fixed_seconds {
        Bound::Is(n) => format!("the provider ends requests after {}", days_or_minutes(n)),
        Bound::None => "the provider's requests do not end by themselves".to_owned(),
        Bound::Unknown => "the provider decides".to_owned(),
    };
    let why = if !support.supported.is_yes() {
        format!("the time to sign cannot be chosen; {fixed}")
    } else if !support.seconds.admits(seconds) {
        format!("{seconds} seconds; {} seconds are accepted", support.seconds.words())
    } else {
        return;
    };
    let mut refusal = Finding::unsupported("expires_after", "expires_after", why);
    refusal.limit = support.supported.is_yes().then_some(support.seconds);
    if draft.adapt(Wish::Expiry, fixed, refusal) {
        draft.request.expires_after = None;
    }
}

fn days_or_minutes(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    if seconds >= DAY { format!("{} days", seconds / DAY) } else { format!("{} minutes", seconds / 60) }
}

/// A name within the provider's rules; made to fit if the instance allows it.
pub(super) fn adapt_document_name(draft: &mut Draft<'_>, index: usize) {
    let rules = draft.caps.documents.name.clone();
    let name = draft.request.documents[index].name().to_owned();
    let chars = name.chars().count();
    let bad: String = match &rules.allowed {
        Some(allowed) => name.chars().filter(|&c| !allowed.contains(c)).collect(),
        None => name.chars().filter(|c| c.is_control()).collect(),
    };
    let why = if name.trim().is_empty() {
        "a document needs a name".to_owned()
    } else if !rules.chars.admits(chars as u64) {
        format!("{chars} characters; {} are accepted", rules.chars.words())
    } else if !bad.is_empty() {
        let mut shown: Vec<_> = bad.chars().map(|c| format!("{c:?}")).collect();
        shown.dedup();
        format!("not accepted in a name: {}", shown.join(" "))
    } else {
        return;
    };
    let mut refusal = Finding::unsupported("document.name", format!("documents[{index}].name"), why);
    refusal.limit = (!rules.chars.admits(chars as u64)).then_some(rules.chars);
    match fitted(&name, &rules) {
        Some(fitted) => {
            if draft.adapt(Wish::DocumentName, format!("sent as {fitted:?}"), refusal) {
                let document = draft.request.documents[index].clone();
                draft.request.documents[index] = document.with_name(fitted);
            }
        }
        None => draft.find(refusal),
    }
}

/// The name with `_` for each refused character, cut or filled up to the allowed length; `None` if nothing is left.
fn fitted(name: &str, rules: &crate::NameRules) -> Option<String> {
    let allowed = |c: char| rules.allowed.as_ref().map_or(!c.is_control(), |set| set.contains(c));
    let substitute = ['_', '-', ' '].into_iter().find(|&c| allowed(c))?;
    let max = match rules.chars.max {
        Bound::Is(n) => usize::try_from(n).unwrap_or(usize::MAX),
        Bound::None | Bound::Unknown => usize::MAX,
    };
    let mut fitted: String =
        name.trim().chars().take(max).map(|c| if allowed(c) { c } else { substitute }).collect();
    if !fitted.chars().any(char::is_alphanumeric) {
        return None;
    }
    while !rules.chars.admits(fitted.chars().count() as u64) {
        fitted.push(substitute);
    }
    Some(fitted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CharSet, NameRules, Range};

    #[test]
    fn hosts_within_a_domain() {
        for (host, within) in [
            ("gov.sg", true),
            ("a.gov.sg", true),
            ("x.gov.sg.evil.com", false),
            ("evilgov.sg", false),
            ("gov.sg.", false),
            ("", false),
        ] {
            assert_eq!(is_within(host, "gov.sg"), within, "{host}");
        }
    }

    #[test]
    fn the_nearest_language() {
        let known = ["en", "nb", "zh-Hans"].map(str::to_owned);
        for (tag, near) in
            [("no", Some("nb")), ("NO", Some("nb")), ("en-GB", Some("en")), ("zh", None), ("xx", None)]
        {
            assert_eq!(nearest(tag, &known), near, "{tag}");
        }
    }

    #[test]
    fn names_are_made_to_fit() {
        let allowed = CharSet { ascii_alphanumeric: true, others: "_-".into() };
        let rules = NameRules { chars: Range::of(4, 10), allowed: Some(allowed) };
        for (name, expected) in [
            ("Mietvertrag: Nr. 5", Some("Mietvertra")),
            ("a, b", Some("a__b")),
            ("x", Some("x___")),
            ("合同", None),
            ("  ", None),
        ] {
            assert_eq!(fitted(name, &rules).as_deref(), expected, "{name}");
        }
    }
}
