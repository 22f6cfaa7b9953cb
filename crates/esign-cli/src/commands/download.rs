//! `esign download`

use std::path::{Path, PathBuf};

use esign::pdf::VerifyOptions;
use esign::{Artifact, ArtifactId, MediaType, Operation};
use serde_json::json;

use super::verify::{self, Checked};
use crate::args::{Common, Download};
use crate::failure::{Exit, Failure};
use crate::files::{Papers, is_written, read_handle, read_record, replace, write_new};
use crate::output::{Mark, Output, file_json, shown};
use crate::settings;

/// Good if the file was fetched and nothing that could be checked is wrong with it.
pub(crate) async fn run(args: &Download, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let options = verify::options(&args.trust, None, common).await?;
    let trust_matters = !options.roots.is_empty();
    let handle = read_handle(&args.handle)?;
    let client = settings::client_for(common, Some(handle.instance())).await?;
    let what = ArtifactId::parse(args.artifact.as_str());
    // As far as it is known before: each fetching may cost something.
    if let Some(out) =
        args.out.clone().or_else(|| (what == ArtifactId::SIGNED).then(|| papers(args).signed()))
    {
        may_write(&out, args.force)?;
    }
    let artifact = client.download(&handle, &what).await?;
    let out = args.out.clone().unwrap_or_else(|| default_out(args, &artifact));
    may_write(&out, args.force)?;
    // Before it is written: under the name of a signed document lies one, or nothing.
    let checked = match check(args, &artifact, options).await {
        Ok(checked) => checked,
        Err(failure) => return Err(set_aside(&out, &artifact, failure)),
    };
    if args.force {
        replace(&out, &artifact.content)?
    } else {
        write_new(&out, &artifact.content)?
    }
    let good = checked.as_ref().is_none_or(|checked| checked.is_good(trust_matters));
    let verification = match &checked {
        Some(Judged::Against(checked)) => Some(checked.to_json()),
        _ => None,
    };
    let object = json!({
        "key": handle.key().as_str(),
        "artifact": artifact.id.as_str(),
        "file": file_json(&out),
        "bytes": artifact.content.len(),
        "sha256": artifact.sha256().to_string(),
        "good": good,
        "verification": verification,
    });
    output.answer(&object, || {
        let mut text = format!("{} ({} bytes)\n", shown(&out), artifact.content.len());
        match &checked {
            Some(Judged::Against(checked)) => text += &checked.words(&out),
            Some(Judged::Unsigned) => text += &format!("{} there is no signature in it\n", Mark::Bad),
            Some(Judged::Signed) | None => {}
        }
        text
    });
    if matches!(checked, Some(Judged::Against(_))) && !trust_matters {
        output.plain(verify::NO_ROOTS);
    }
    Ok(good.into())
}

/// What could be said of a signed document.
enum Judged {
    /// There is no record to hold it against; it has signatures.
    Signed,
    /// There is no record to hold it against, and it has none.
    Unsigned,
    Against(Box<Checked>),
}

impl Judged {
    /// Without roots nobody is trusted, which is then not held against the file; everything else is.
    fn is_good(&self, trust_matters: bool) -> bool {
        match self {
            Self::Signed => true,
            Self::Unsigned => false,
            Self::Against(checked) => checked.problems.is_empty() || (!trust_matters && checked.is_open()),
        }
    }
}

fn papers(args: &Download) -> Papers {
    if args.handle.as_os_str() == "-" { Papers::new("request") } else { Papers::beside(&args.handle) }
}

fn may_write(out: &Path, force: bool) -> Result<(), Failure> {
    if !force && std::fs::symlink_metadata(out).is_ok() {
        return Err(Failure::usage(format!("{} is there already; add --force to write over it", shown(out))));
    }
    Ok(())
}

/// What came cannot be read as a PDF: it is kept to be looked at, and not under the name of a signed document.
fn set_aside(out: &Path, artifact: &Artifact, failure: Failure) -> Failure {
    if !failure.is_about_the_document() {
        return failure;
    }
    let aside = out.with_added_extension("unusable");
    let failure = failure.during(Operation::Download);
    match replace(&aside, &artifact.content) {
        Ok(()) => failure.advise(format!(
            "what came is kept in {}, and {} was not written; the same command fetches it anew",
            shown(&aside),
            shown(out)
        )),
        Err(_) => failure,
    }
}

fn default_out(args: &Download, artifact: &Artifact) -> PathBuf {
    let papers = papers(args);
    if artifact.id == ArtifactId::SIGNED {
        return papers.signed();
    }
    let ending = match artifact.media_type.as_str() {
        "application/pdf" => "pdf",
        "application/xml" => "xml",
        _ => "bin",
    };
    let name = artifact.id.as_str().replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-");
    papers.signed().with_extension("").with_extension(format!("{name}.{ending}"))
}

/// Against the record where there is one. What is no signed PDF is not checked.
async fn check(
    args: &Download,
    artifact: &Artifact,
    mut options: VerifyOptions,
) -> Result<Option<Judged>, Failure> {
    if artifact.media_type != MediaType::PDF || artifact.id.sort() != ArtifactId::SIGNED.as_str() {
        return Ok(None);
    }
    let record =
        args.record.clone().or_else(|| Some(Papers::beside(&args.handle).record()).filter(|p| is_written(p)));
    let Some(record) = record else {
        let report = esign::verify(artifact.content.clone(), options).await?;
        return Ok(Some(if report.signatures.is_empty() { Judged::Unsigned } else { Judged::Signed }));
    };
    let record = read_record(&record)?;
    let unanswered = if args.fetch_revocation {
        verify::fetch_revocation(&artifact.content, &mut options).await?
    } else {
        Vec::new()
    };
    let mut checked =
        verify::against(&record, artifact.id.clone(), artifact.content.clone(), options).await?;
    checked.notes.extend(unanswered);
    Ok(Some(Judged::Against(Box::new(checked))))
}
