//! The conclusion: a policy over the facts, with a reason for everything short of "passed".

use super::RevocationPolicy;
use super::report::{Fact, Outcome, RevocationStatus, SignatureReport, Verdict, VerificationReport};

/// Fills in the verdicts and reasons of the report and its signatures.
pub(crate) fn conclude(report: &mut VerificationReport, policy: RevocationPolicy) {
    for signature in &mut report.signatures {
        (signature.verdict, signature.reasons) = of_signature(signature, policy).finish();
    }
    (report.verdict, report.reasons) = of_document(report).finish();
}

#[derive(Default)]
struct Conclusion {
    failed: Vec<String>,
    open: Vec<String>,
}

impl Conclusion {
    fn fails(&mut self, reason: impl Into<String>) {
        self.failed.push(reason.into());
    }

    fn leaves_open(&mut self, reason: impl Into<String>) {
        self.open.push(reason.into());
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

fn of_signature(signature: &SignatureReport, policy: RevocationPolicy) -> Conclusion {
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
    if let Some(timestamp) = &signature.timestamp {
        conclusion.needs("timestamp", &timestamp.integrity);
    }
    // No trust is not proof of the contrary.
    if !signature.chain.trusted.is_passed() {
        let detail = signature.chain.trusted.detail.as_deref().unwrap_or_default();
        conclusion.leaves_open(format!("trust: {detail}"));
    }
    match (signature.revocation.status, policy) {
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

fn of_document(report: &VerificationReport) -> Conclusion {
    let mut conclusion = Conclusion::default();
    if report.signatures.is_empty() && report.unreadable.is_empty() {
        conclusion.fails("the document has no signature");
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
                Verdict::Indeterminate | Verdict::Passed => conclusion.leaves_open(reason),
            }
        }
    }
    for missing in report.boxes.iter().filter(|found| found.field.is_none()) {
        conclusion.fails(format!("no signature stands where one was asked for on page {}", missing.page));
    }
    conclusion
}
