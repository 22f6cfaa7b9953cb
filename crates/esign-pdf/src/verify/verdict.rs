//! The conclusion: a policy over the facts, with a reason for everything short of "passed".

use esign_core::facts::SignatureLevel;

use super::report::{
    Fact, Outcome, RevocationStatus, SignatureReport, TimeSource, Verdict, VerificationReport,
};
use super::{RevocationPolicy, VerifyOptions};

/// Fills in verdict, reasons and notes of each signature.
pub(crate) fn of_signatures(report: &mut VerificationReport, options: &VerifyOptions) {
    lower_levels(&mut report.signatures);
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

/// A timestamp over the document archives nothing unless it holds and its authority is trusted.
fn lower_levels(signatures: &mut [SignatureReport]) {
    let archives = |signature: &&SignatureReport| {
        let timestamp = signature.timestamp.as_ref().filter(|_| !signature.is_of_a_person());
        timestamp.is_some_and(|timestamp| timestamp.integrity.is_passed() && timestamp.chain.is_passed())
    };
    let last = signatures.iter().filter(archives).map(|signature| signature.signed_bytes).max();
    for signature in signatures {
        if signature.level == SignatureLevel::BLTA && last <= Some(signature.signed_bytes) {
            signature.level = SignatureLevel::BLT;
        }
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
    if signature.is_of_a_person()
        && let Some(timestamp) = &signature.timestamp
    {
        conclusion.needs("timestamp", &timestamp.integrity);
    }
    let trusted = signature.chain.trusted.is_passed();
    if signature.chain.needs_timestamp {
        conclusion.leaves_open(waits_for_authority(signature));
    } else if !trusted {
        // No trust is not proof of the contrary.
        let detail = signature.chain.trusted.detail.as_deref().unwrap_or_default();
        conclusion.leaves_open(format!("trust: {detail}"));
    }
    if trusted && signature.is_of_a_person() {
        conclusion.notes.extend(on_whose_word(signature));
    }
    match (signature.revocation.status, options.revocation) {
        (RevocationStatus::Good, _) => {}
        (RevocationStatus::Revoked, _) if signature.chain.needs_timestamp => {}
        (RevocationStatus::Revoked, _) if signature.is_of_a_person() => {
            conclusion.fails("the signer's certificate was revoked");
        }
        (RevocationStatus::Revoked, _) => {
            conclusion.fails("the timestamp authority's certificate was revoked")
        }
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
    !signature.is_of_a_person()
        && signature.integrity.is_passed()
        && options.revocation == RevocationPolicy::Report
}

/// The verdict needs the time of an authority under no configured root.
fn waits_for_authority(signature: &SignatureReport) -> String {
    let ended = match signature.revocation.status {
        RevocationStatus::Revoked => "was revoked",
        _ => "has ended or was revoked",
    };
    format!(
        "trust: the signer's certificate or one above it {ended}, and that it was signed before is said by {}",
        authority_in_words(signature)
    )
}

/// What a timestamp of an authority under no configured root does for the verdict.
fn on_whose_word(signature: &SignatureReport) -> Option<String> {
    let timestamp = signature.timestamp.as_ref()?;
    let unknown = timestamp.integrity.is_passed() && !timestamp.chain.is_passed();
    let authority = authority_in_words(signature);
    match signature.chain.time_source {
        TimeSource::UntrustedTimestamp => {
            Some(format!("its time of signing, {}, stands on the word of {authority}", signature.chain.at))
        }
        TimeSource::Caller if unknown => {
            let ends = signature.signer.as_ref().map(|signer| format!(", which is on {}", signer.not_after));
            Some(format!(
                "once the signer's certificate has ended{}, this verdict will need the time that is said by {authority}",
                ends.unwrap_or_default()
            ))
        }
        TimeSource::Caller | TimeSource::Timestamp => None,
    }
}

/// Who stamped it, and what a person can do to trust them.
fn authority_in_words(signature: &SignatureReport) -> String {
    let timestamp = signature.timestamp.as_ref();
    let nameless = "without a name";
    let name = timestamp.and_then(|timestamp| timestamp.authority.as_deref()).unwrap_or(nameless);
    let words = format!("the timestamp authority {name} alone, which leads to no configured root");
    match timestamp.and_then(|timestamp| timestamp.top.as_ref()) {
        Some(top) if top.self_signed => format!(
            "{words}; the document brings along the root {}, SHA-256 {}: see `esign roots FILE.pdf --sha256 {} --save \
             root.pem`, compare the fingerprint with one from another source, then trust it for times with \
             `--timestamp-root root.pem` or timestamp_roots in [trust]",
            top.common_name.as_deref().unwrap_or(nameless),
            top.sha256,
            &top.sha256[..16]
        ),
        top => {
            let issuer = top.and_then(|top| top.issuer.as_deref()).unwrap_or(nameless);
            format!(
                "{words}; the document does not bring its root along: get that of {issuer} from the authority, look at it \
                 with `esign roots root.pem`, then trust it for times with `--timestamp-root root.pem` or \
                 timestamp_roots in [trust]"
            )
        }
    }
}

fn of_document(report: &VerificationReport, options: &VerifyOptions) -> Conclusion {
    let mut conclusion = Conclusion::default();
    match report.signatures.iter().filter(|signature| signature.is_of_a_person()).count() {
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
