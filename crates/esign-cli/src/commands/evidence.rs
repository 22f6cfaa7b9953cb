//! `esign evidence`

use std::path::{Path, PathBuf};

use bytes::Bytes;
use esign::{
    Artifact, ArtifactId, CallbackEvidence, Evidence, EvidenceReport, MediaType, Sha256Hash, check_evidence,
    check_evidence_with_keys,
};
use serde_json::json;

use super::verify;
use crate::args::{self, Common};
use crate::failure::{Exit, Failure};
use crate::files::{Papers, read_bytes, read_record, read_text, write_new};
use crate::output::{Mark, Output, file_json, printable, shown, value};

/// Good if what is in the archive is good.
pub(crate) async fn run(args: &args::Evidence, common: &Common, output: &Output) -> Result<Exit, Failure> {
    if args.callback_keys.is_some() && args.check.is_none() {
        return Err(Failure::usage(
            "--callback-keys goes with --check: keys are compared when an archive is checked",
        ));
    }
    match (&args.check, &args.name) {
        (Some(archive), _) => check(archive, args, common, output).await,
        (None, Some(name)) => pack(name, args, common, output).await,
        (None, None) => Err(Failure::usage("name the request's files, or an archive with --check")),
    }
}

async fn pack(name: &Path, args: &args::Evidence, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let options = verify::options(&args.trust, args.at, common).await?;
    let papers = Papers::beside(name);
    let record = read_record(args.record.as_deref().unwrap_or(&papers.record()))?;
    let only = record.intent().documents().first().map(|sent| sent.key.clone()).unwrap_or_default();
    let mut evidence = Evidence::new(record);
    let default = [papers.signed().to_string_lossy().into_owned()];
    for text in if args.signed.is_empty() { &default[..] } else { &args.signed } {
        let (document, content) = keyed(text)?;
        let id = document.map_or(ArtifactId::SIGNED, |key| ArtifactId::SIGNED.of_document(&key));
        evidence = evidence.signed(Artifact::new(id, MediaType::PDF, content));
    }
    for text in &args.original {
        let (document, content) = keyed(text)?;
        evidence = evidence.original(document.unwrap_or_else(|| only.clone()), content);
    }
    for path in &args.provider_evidence {
        // What it is, the provider knows.
        let media_type = MediaType::new("application/octet-stream");
        evidence =
            evidence.provider_evidence(Artifact::new(ArtifactId::EVIDENCE, media_type, read_bytes(path)?));
    }
    for path in &args.callback {
        evidence = evidence.callback(callback(path)?);
    }
    let packed = evidence.pack(&options).await?;
    let out = args.out.clone().unwrap_or_else(|| papers.evidence());
    write_new(&out, &packed.archive)?;
    let sha256 = Sha256Hash::of(&packed.archive).to_string();
    let good = packed.problems.is_empty();
    let object = json!({
        "file": file_json(&out),
        "bytes": packed.archive.len(),
        "sha256": sha256,
        "problems": packed.problems,
        "good": good,
    });
    output.answer(&object, || {
        let mut text = format!("{} {} ({} bytes)\n", Mark::from(good), shown(&out), packed.archive.len());
        for problem in &packed.problems {
            text += &format!("    {} {}\n", Mark::Bad, printable(problem));
        }
        text + &format!(
            "    SHA-256 {sha256}: keep it somewhere else, so that nobody can replace the archive\n"
        )
    });
    Ok(good.into())
}

/// `KEY=FILE` or `FILE`. A file whose name has a `=` can be given with its folder before it.
fn keyed(text: &str) -> Result<(Option<String>, Bytes), Failure> {
    let (key, path) = match text.split_once('=') {
        Some((key, path)) if !key.contains(['/', '\\']) => (Some(key.to_owned()), path),
        _ => (None, text),
    };
    Ok((key, read_bytes(Path::new(path))?))
}

/// A body, and `BODY.receipt.json` beside it.
fn callback(path: &Path) -> Result<CallbackEvidence, Failure> {
    let mut receipt = path.as_os_str().to_owned();
    receipt.push(".receipt.json");
    let receipt = PathBuf::from(receipt);
    CallbackEvidence::from_receipt(read_bytes(path)?, &read_text(&receipt)?)
        .map_err(|e| Failure::usage(format!("{}: {e}", shown(&receipt))))
}

async fn check(
    path: &Path,
    args: &args::Evidence,
    common: &Common,
    output: &Output,
) -> Result<Exit, Failure> {
    let options = verify::options(&args.trust, args.at, common).await?;
    let archive = read_bytes(path)?;
    let sha256 = Sha256Hash::of(&archive).to_string();
    let report = match &args.callback_keys {
        Some(keys) => check_evidence_with_keys(archive, &options, &read_text(keys)?).await?,
        None => check_evidence(archive, &options).await?,
    };
    let mut object = value(&report);
    object["good"] = json!(report.is_good());
    object["sha256"] = json!(sha256);
    output.answer(&object, || words(path, &sha256, &report));
    if options.roots.is_empty() {
        output.plain(verify::NO_ROOTS);
    }
    Ok(report.is_good().into())
}

fn words(path: &Path, sha256: &str, report: &EvidenceReport) -> String {
    let (mark, verdict) = verify::in_words(report.verdict);
    let mut text = format!("{mark} {}: {verdict}; packed {}\n", shown(path), report.created_at);
    for problem in &report.problems {
        text += &format!("    {mark} {}\n", printable(problem));
    }
    for document in &report.documents {
        let count = document.report.signatures.len();
        let key = printable(&document.document);
        text += &format!("    {} document {key}: signatures: {count}\n", Mark::Plain);
    }
    for callback in report.callbacks.iter().filter(|callback| callback.holds == Some(true)) {
        let (mark, whose) = match callback.confirmed {
            Some(true) => (Mark::Good, "which the provider publishes"),
            Some(false) => (Mark::Warning, "which the provider does not publish"),
            None => (Mark::Warning, "unconfirmed; compare it with --callback-keys"),
        };
        let key = callback.key.as_deref().unwrap_or_default();
        text += &format!(
            "    {mark} callback of {}, signed by the key {}, {whose}\n",
            callback.received_at,
            printable(key)
        );
    }
    for note in &report.notes {
        text += &format!("    {} {}\n", Mark::Warning, printable(note));
    }
    for unproven in &report.unproven {
        text += &format!("    {} not proven: {}\n", Mark::Plain, printable(unproven));
    }
    text + &format!("    SHA-256 {sha256}\n")
}
