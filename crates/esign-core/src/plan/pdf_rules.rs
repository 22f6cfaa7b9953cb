//! What a provider accepts of a PDF, applied to what was found in it.

use super::Finding;
use super::examine::Draft;
use crate::facts::{PdfFacts, Xfa};
use crate::{PdfRules, Rule};

pub(super) fn check(draft: &mut Draft<'_>) {
    let rules = draft.caps.documents.pdf;
    for i in 0..draft.inspections.len() {
        let Some(facts) = draft.facts(i) else { continue };
        let at = format!("documents[{i}].content");
        let tags = draft.texts(i).and_then(super::Texts::first_tag);
        let findings = faults(facts, &rules, tags, &at);
        let certified = certified(facts, &at);
        draft.findings.extend(findings);
        draft.findings.extend(certified);
    }
}

/// DocMDP 2 and 3 allow signing, but validators disagree about a new box on the page.
fn certified(facts: &PdfFacts, at: &str) -> Option<Finding> {
    let certification = facts.certification.as_ref().filter(|c| !c.forbids_signing())?;
    let message = format!(
        "the PDF is certified (field {:?}); signing is allowed, but some validators count a new visible box as a forbidden \
         change",
        certification.field
    );
    Some(Finding::warning("pdf.certified", at, message))
}

fn faults(facts: &PdfFacts, rules: &PdfRules, tag: Option<u32>, at: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut apply = |rule: Rule, holds: bool, code: &'static str, message: String| match rule {
        Rule::Refuse if holds => findings.push(Finding::unsupported(code, at, message)),
        Rule::Warn if holds => findings.push(Finding::warning(code, at, message)),
        Rule::Allow | Rule::Warn | Rule::Refuse => {}
    };
    apply(
        rules.encrypted,
        facts.encrypted,
        "pdf.encrypted",
        "the PDF is encrypted or restricted by a password; print it to a new PDF without protection".into(),
    );
    apply(
        rules.hybrid,
        facts.is_hybrid(),
        "pdf.hybrid",
        "the PDF has hybrid cross-references; save it anew with another program".into(),
    );
    let damage = if facts.header_offset > 0 {
        Some("bytes before its header")
    } else {
        facts.damage.first().map(String::as_str)
    };
    apply(
        rules.damaged,
        damage.is_some(),
        "pdf.damaged",
        format!("the PDF is damaged ({}); save or print it anew", damage.unwrap_or_default()),
    );
    let locked = facts.certification.as_ref().filter(|c| c.forbids_signing());
    apply(
        rules.locked,
        locked.is_some(),
        "pdf.locked",
        format!(
            "the PDF is certified against any change (field {:?}); one more signature would break that one",
            locked.map_or("", |c| &c.field)
        ),
    );
    apply(
        rules.dynamic_xfa,
        facts.xfa == Some(Xfa::Dynamic),
        "pdf.dynamic_xfa",
        "the PDF is a dynamic XFA form, whose pages are not in the file; print it to a new PDF".into(),
    );
    let signed =
        facts.signatures.iter().find(|field| field.signature.is_some() || field.unreadable.is_some());
    apply(
        rules.existing_signatures,
        signed.is_some(),
        "pdf.existing_signatures",
        format!(
            "the PDF is signed already (field {:?}), and this provider destroys the signatures of others: have it signed \
             where signatures are kept, or print it to a new PDF if they are not needed",
            signed.map_or("", |field| &field.name)
        ),
    );
    apply(
        rules.forms,
        facts.form_fields > 0,
        "pdf.forms",
        "the PDF has form fields, which this provider makes part of the page: nobody can fill them in afterwards".into(),
    );
    apply(
        rules.text_tags,
        tag.is_some(),
        "pdf.text_tags",
        format!(
            "page {} has a text in double braces ({{{{…}}}}), which this provider hides and takes for the order to place a \
             field of its own; remove it from the document",
            tag.unwrap_or_default()
        ),
    );
    if let Some(least) = rules.existing_level {
        for field in &facts.signatures {
            let Some(signature) = field.signature.as_ref().filter(|s| s.level < least) else { continue };
            let message = format!(
                "the signature in field {:?} is of level {}; this provider takes only documents whose signatures are at least {}",
                field.name,
                signature.level.as_str(),
                least.as_str()
            );
            findings.push(Finding::unsupported("pdf.existing_level", at, message));
        }
    }
    for field in facts.signatures.iter().filter(|f| f.unreadable.is_some()) {
        let message =
            format!("the signature in field {:?} cannot be read; ask where the file comes from", field.name);
        findings.push(Finding::warning("pdf.unreadable_signature", at, message));
    }
    findings
}
