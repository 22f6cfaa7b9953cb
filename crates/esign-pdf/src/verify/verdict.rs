//! The conclusion: a policy over the facts, with a reason for everything short of "passed".

use super::report::{
    Fact, Outcome, RevocationStatus, SignatureKind, SignatureReport, TimeSource, Verdict, VerificationReport,
};
use super::{RevocationPolicy, TimestampTrust, VerifyOptions};

/// Fills in verdict, reasons and notes of each signature.
pub(crate) fn of_signatures(report: &mut VerificationReport, options: &VerifyOptions) {
    for signature in &mut report.signatures {
        let conclusion = of_signature(signature, options);
        signature.notes.clone_from(&conclusion.notes);
        (signature.verdict, signature.reasons) = conclusion.finish();
    }
}

/// Fills in verdict, reasons and notes of the document, once everything else is there.
pub(crate) fn conclude(report: &mut VerificationReport, options: &VerifyOptions) {
    let conclusion = of_document(report, options);
    report.notes.clone_from(&conclusion.notes);
    (report.verdict, report.reasons) = conclusion.finish();
}

#[derive(Default)]
struct Conclusion {
    failed: Vec<String>,
    open: Vec<String>,
    notes: Vec<String>,
}

impl Conclusion {
    fn fails(&mut self, reason: impl Into<String>) {
        self.failed.push(reason.into());
    }

    fn leaves_open(&mut self, reason: impl Into<String>) {
        self.open.push(reason.into());
    }

    fn notes(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// A fact that a good signature needs: false fails, unknown leaves open.
    fn needs(&mut self, what: &str, fact: &Fact) {
        let detail = fact.detail.as_deref().unwrap_or("no more is known");
        match fact.outcome {
            Outcome::Passed => {}
            Outcome::Failed => self.fails(format!("{what}: {detail}")),
            Outcome::Unknown => self.leaves_open(format!("{what}: {detail}")),
        }
    }

    fn finish(mut self) -> (Verdict, Vec<String>) {
        let verdict = match (self.failed.is_empty(), self.open.is_empty()) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::Indeterminate,
            (true, true) => Verdict::Passed,
        };
        self.failed.append(&mut self.open);
        (verdict, self.failed)
    }
}

fn of_signature(signature: &SignatureReport, options: &VerifyOptions) -> Conclusion {
    let mut conclusion = Conclusion::default();
    conclusion.needs("integrity", &signature.integrity);
    // Older formats do not name the certificate; only naming another one is a fault.
    if signature.binding.is_failed() {
        conclusion.needs("signer certificate", &signature.binding);
    }
    let forbidden = signature.changes.iter().filter(|change| !change.allowed);
    for change in forbidden {
        conclusion.fails(format!("changed after signing: {}", change.what));
    }
    for change in signature.changes.iter().filter(|change| change.allowed && change.remarkable) {
        conclusion.notes(format!("since then: {}", change.what));
    }
    if let Some(timestamp) = &signature.timestamp {
        conclusion.needs("timestamp", &timestamp.integrity);
    }
    let trusted = signature.chain.trusted.is_passed();
    // No trust is not proof of the contrary.
    if !trusted {
        let detail = signature.chain.trusted.detail.as_deref().unwrap_or_default();
        conclusion.leaves_open(format!("trust: {detail}"));
    }
    if trusted && signature.chain.time_source == TimeSource::UntrustedTimestamp {
        conclusion.notes(on_whose_word(signature));
    }
    match (signature.revocation.status, options.revocation) {
        (RevocationStatus::Good, _) => {}
        (RevocationStatus::Revoked, _) => conclusion.fails("the signer's certificate was revoked"),
        (RevocationStatus::Unknown | RevocationStatus::NotChecked, RevocationPolicy::Report) => {}
        (RevocationStatus::Unknown | RevocationStatus::NotChecked, RevocationPolicy::Require) => {
            let detail = signature.revocation.detail.as_deref().unwrap_or_default();
            conclusion.leaves_open(format!("revocation: {detail}"));
        }
    }
    conclusion
}

/// A timestamp over the document that is whole, of an authority that nobody has to trust.
fn is_surplus(signature: &SignatureReport, options: &VerifyOptions) -> bool {
    signature.kind == SignatureKind::DocumentTimestamp
        && signature.integrity.is_passed()
        && options.timestamps == TimestampTrust::WhenIntact
        && options.revocation == RevocationPolicy::Report
}

/// A timestamp authority under no configured root said when: the reader decides what that is worth.
fn on_whose_word(signature: &SignatureReport) -> String {
    let authority = signature.timestamp.as_ref().and_then(|timestamp| timestamp.authority.as_deref());
    let authority = authority.unwrap_or("without a name");
    format!(
        "its time of signing, {}, stands on the word of the timestamp authority {authority} alone, which leads to no \
         configured root; configure that authority's root to settle it, or ask for strict verification to refuse it",
        signature.chain.at
    )
}

fn of_document(report: &VerificationReport, options: &VerifyOptions) -> Conclusion {
    let mut conclusion = Conclusion::default();
    let by_somebody = |signature: &&SignatureReport| signature.kind != SignatureKind::DocumentTimestamp;
    match report.signatures.iter().filter(by_somebody).count() {
        0 if !report.unreadable.is_empty() => {}
        0 if report.signatures.is_empty() => conclusion.fails("the document has no signature"),
        0 => conclusion.leaves_open("nobody signed the document: it has timestamps only"),
        _ => {}
    }
    if let Some(first) = report.departures.first() {
        let more = match report.departures.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        conclusion.leaves_open(format!(
            "cannot be judged: viewers may show something else than what was signed, because {first}{more}; ask for the \
             file from the provider again, or write the signed revision alone with `esign verify --extract-signed FILE` \
             and look at that"
        ));
    }
    for field in &report.unreadable {
        conclusion
            .fails(format!("field {} holds a signature that cannot be read: {}", field.field, field.reason));
    }
    for stripped in &report.stripped {
        let name = stripped.field.as_deref().unwrap_or("without a name");
        conclusion.fails(format!("an earlier signature (field {name}) was taken out"));
    }
    for signature in &report.signatures {
        for reason in &signature.reasons {
            let reason = format!("signature {}: {reason}", signature.field);
            match signature.verdict {
                Verdict::Failed => conclusion.fails(reason),
                // What an unknown authority says of the whole document adds nothing to it and takes nothing away.
                Verdict::Indeterminate | Verdict::Passed if is_surplus(signature, options) => {
                    conclusion.notes(reason)
                }
                Verdict::Indeterminate | Verdict::Passed => conclusion.leaves_open(reason),
            }
        }
        for note in &signature.notes {
            conclusion.notes(format!("signature {}: {note}", signature.field));
        }
    }
    for missing in report.boxes.iter().filter(|found| found.field.is_none()) {
        let reason = format!("no signature stands where one was asked for on page {}", missing.page);
        match missing.found {
            Some(_) if missing.uncertain => conclusion.notes(format!(
                "{reason}, but elsewhere on it; the page is rotated, cropped, shifted or scaled, and services place \
                 boxes on such pages differently"
            )),
            _ => conclusion.fails(reason),
        }
    }
    // Names and ids are left out of these sentences, which end up in logs.
    for (number, signer) in (1..).zip(&report.signers) {
        conclusion.needs(&format!("expected signer {number}"), &signer.signed);
        if let Some(id_end) = signer.id_end.as_ref().filter(|_| signer.field.is_some()) {
            conclusion.needs(&format!("national id of expected signer {number}"), id_end);
        }
    }
    conclusion
}
