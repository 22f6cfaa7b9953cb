//! `esign verify`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use esign::jiff::Timestamp;
use esign::pdf::verify::{Coverage, SignatureKind, SignatureReport, Verdict};
use esign::pdf::{VerificationReport, VerifyOptions};
use esign::{Artifact, ArtifactId, Clock, HttpSettings, MediaType, SubmissionRecord, SystemClock};
use serde_json::{Value, json};

use crate::args::{Common, Trust, Verify};
use crate::failure::{Exit, Failure};
use crate::files::{read_bytes, read_record, write_new};
use crate::output::{Mark, Output, printable, shown, value};
use crate::settings;

pub(super) const NO_ROOTS: &str = "Without root certificates nobody is trusted: name them with --root, or set [trust] roots in the configuration.";

/// Good if every signature holds and is trusted, and with a record if the file is the one that was sent.
pub(crate) async fn run(args: &Verify, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let content = read_bytes(&args.file)?;
    let whole = content.clone();
    let mut options = options(&args.trust, args.at, common).await?;
    let unanswered =
        if args.fetch_revocation { fetch_revocation(&content, &mut options).await? } else { Vec::new() };
    let trusts_nobody = options.roots.is_empty();
    let mut checked = match &args.record {
        Some(record) => {
            let id = match &args.document {
                Some(key) => ArtifactId::SIGNED.of_document(key),
                None => ArtifactId::SIGNED,
            };
            against(&read_record(record)?, id, content, options).await?
        }
        None => {
            let report = esign::verify(content, options).await?;
            let notes = report.notes.clone();
            Checked { problems: problems(&report), notes, report, signatures_added: None }
        }
    };
    checked.notes.extend(unanswered);
    if let Some(out) = &args.extract_signed {
        checked.notes.push(extract_signed(&checked.report, &whole, out)?);
    }
    output.answer(&checked.to_json(), || checked.words(&args.file));
    if trusts_nobody {
        output.plain(NO_ROOTS);
    }
    Ok(checked.problems.is_empty().into())
}

/// Writes the file as it was when the last person signed it, and says what was written.
fn extract_signed(report: &VerificationReport, whole: &Bytes, out: &Path) -> Result<String, Failure> {
    let by_people = report.signatures.iter().filter(|it| it.kind != SignatureKind::DocumentTimestamp);
    let last = by_people.filter(|it| it.integrity.is_passed()).max_by_key(|it| it.signed_bytes);
    let signed = last.and_then(|it| Some((it, whole.get(..usize::try_from(it.signed_bytes).ok()?)?)));
    let Some((signature, bytes)) = signed else {
        return Err(Failure::usage(
            "the file has no intact signature, so there is no signed revision to write",
        ));
    };
    write_new(out, bytes)?;
    Ok(format!(
        "wrote {}: the {} bytes that signature {} covers, without the {} that follow",
        shown(out),
        bytes.len(),
        printable(&signature.field),
        whole.len() - bytes.len()
    ))
}

/// What was found out about a file.
pub(crate) struct Checked {
    pub(crate) report: VerificationReport,
    pub(crate) signatures_added: Option<usize>,
    pub(crate) problems: Vec<String>,
    /// What a reader must know although it does not touch the verdict.
    pub(crate) notes: Vec<String>,
}

/// As the command line says, and where it says nothing as the configuration does. Roots of the command line take the
/// place of those of the configuration; strictness of either counts.
pub(crate) async fn options(
    trust: &Trust,
    at: Option<Timestamp>,
    common: &Common,
) -> Result<VerifyOptions, Failure> {
    let mut config = settings::trust(common)?;
    if !trust.root.is_empty() || !trust.timestamp_root.is_empty() {
        config.roots.clone_from(&trust.root);
        config.timestamp_roots.clone_from(&trust.timestamp_root);
    }
    config.strict |= trust.strict;
    let mut options = esign::verify_options(&config, at.unwrap_or_else(|| SystemClock.now())).await?;
    options.signers.clone_from(&trust.expect_signer);
    Ok(options)
}

/// Adds what the certificate authorities say of certificates that a first look leaves open. Returns why some said nothing.
pub(crate) async fn fetch_revocation(
    content: &Bytes,
    options: &mut VerifyOptions,
) -> Result<Vec<String>, Failure> {
    /// For one address; a person is waiting.
    const PATIENCE: Duration = Duration::from_secs(20);
    let report = esign::verify(content.clone(), options.clone()).await?;
    let mut http = HttpSettings::default();
    http.total_timeout = PATIENCE;
    let fetched = esign::fetch_revocation(&report, &http, Arc::new(SystemClock)).await;
    options.revocation_data.extend(fetched.data);
    Ok(fetched.failures)
}

pub(crate) async fn against(
    record: &SubmissionRecord,
    id: ArtifactId,
    content: Bytes,
    options: VerifyOptions,
) -> Result<Checked, Failure> {
    let artifact = Artifact::new(id, MediaType::PDF, content);
    let checked = esign::verify_against_record(record, &artifact, options).await?;
    Ok(Checked {
        signatures_added: Some(checked.signatures_added),
        problems: checked.problems,
        notes: checked.notes,
        report: checked.report,
    })
}

fn problems(report: &VerificationReport) -> Vec<String> {
    if report.verdict == Verdict::Passed { Vec::new() } else { report.reasons.clone() }
}

impl Checked {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "good": self.problems.is_empty(),
            "problems": self.problems,
            "notes": self.notes,
            "signatures": self.report.signatures.len(),
            "signatures_added": self.signatures_added,
            "report": value(&self.report),
        })
    }

    /// True if nothing is wrong, but something that matters could not be established, such as trust.
    pub(crate) fn is_open(&self) -> bool {
        self.report.verdict == Verdict::Indeterminate
            && self.problems.iter().all(|problem| self.report.reasons.contains(problem))
    }

    pub(crate) fn words(&self, file: &Path) -> String {
        let (mark, verdict) = in_words(match self.problems.as_slice() {
            [] => Verdict::Passed,
            _ if self.is_open() => Verdict::Indeterminate,
            _ => Verdict::Failed,
        });
        let count = self.report.signatures.len();
        let mut text = format!("{mark} {}: {verdict}; signatures: {count}\n", shown(file));
        for problem in &self.problems {
            text += &format!("    {mark} {}\n", printable(problem));
        }
        for signature in &self.report.signatures {
            text += &format!("    {} {}\n", in_words(signature.verdict).0, printable(&words(signature)));
        }
        for note in &self.notes {
            text += &format!("    {} {}\n", Mark::Warning, printable(note));
        }
        if self.report.extends_original == Some(true) {
            text += &format!("    {} begins with the bytes that were sent\n", Mark::Good);
        }
        text
    }
}

pub(super) fn in_words(verdict: Verdict) -> (Mark, &'static str) {
    match verdict {
        Verdict::Passed => (Mark::Good, "good"),
        Verdict::Indeterminate => (Mark::Warning, "not established"),
        Verdict::Failed => (Mark::Bad, "NOT good"),
    }
}

fn words(signature: &SignatureReport) -> String {
    let signer = signature.signer.as_ref().and_then(|s| s.common_name.as_ref());
    let by = signer.map(|name| format!(" by {}", name.expose())).unwrap_or_default();
    let timestamp = signature.timestamp.as_ref().and_then(|t| Some((t.time?, t.authority.as_deref())));
    let at = match (timestamp, signature.claimed_time) {
        (Some((time, authority)), _) => {
            format!(", timestamp {time} by {}", authority.unwrap_or("an authority without a name"))
        }
        (None, Some(claimed)) => format!(", claims {claimed}"),
        (None, None) => String::new(),
    };
    let covers = match signature.coverage {
        Coverage::WholeFile => "the whole file",
        Coverage::Revision => "an earlier revision",
    };
    format!("{}{by}: {}{at}, covers {covers}", signature.field, signature.level.as_str())
}
