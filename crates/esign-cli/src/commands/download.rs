//! `esign download`

use std::path::PathBuf;

use esign::pdf::VerifyOptions;
use esign::{Artifact, ArtifactId, MediaType};
use serde_json::json;

use super::verify::{self, Checked};
use crate::args::{Common, Download};
use crate::failure::{Exit, Failure};
use crate::files::{Papers, read_handle, read_record, replace, write_new};
use crate::output::Output;
use crate::settings;

/// Good if the file was fetched and nothing that could be checked is wrong with it.
pub(crate) async fn run(args: &Download, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let options = verify::options(&args.trust, None, common).await?;
    let trust_matters = !options.roots.is_empty();
    let client = settings::client(common).await?;
    let handle = read_handle(&args.handle)?;
    let artifact = client.download(&handle, &ArtifactId::parse(args.artifact.as_str())).await?;
    let out = args.out.clone().unwrap_or_else(|| default_out(args, &artifact));
    if args.force {
        replace(&out, &artifact.content)?
    } else {
        write_new(&out, &artifact.content)?
    }
    let checked = check(args, &artifact, options).await?;
    let good = checked.as_ref().is_none_or(|checked| is_good(checked, trust_matters));
    let object = json!({
        "key": handle.key().as_str(),
        "artifact": artifact.id.as_str(),
        "file": out,
        "bytes": artifact.content.len(),
        "sha256": artifact.sha256().to_string(),
        "good": good,
        "verification": checked.as_ref().map(Checked::to_json),
    });
    output.answer(&object, || {
        let mut text = format!("{} ({} bytes)\n", out.display(), artifact.content.len());
        if let Some(checked) = &checked {
            text += &checked.words(&out);
        }
        text
    });
    if checked.is_some() && !trust_matters {
        output.plain(verify::NO_ROOTS);
    }
    Ok(good.into())
}

fn default_out(args: &Download, artifact: &Artifact) -> PathBuf {
    let papers =
        if args.handle.as_os_str() == "-" { Papers::new("request") } else { Papers::beside(&args.handle) };
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
) -> Result<Option<Checked>, Failure> {
    if artifact.media_type != MediaType::PDF || artifact.id.sort() != ArtifactId::SIGNED.as_str() {
        return Ok(None);
    }
    let record =
        args.record.clone().or_else(|| Some(Papers::beside(&args.handle).record()).filter(|p| p.exists()));
    let Some(record) = record else { return Ok(None) };
    let record = read_record(&record)?;
    let unanswered = if args.fetch_revocation {
        verify::fetch_revocation(&artifact.content, &mut options).await?
    } else {
        Vec::new()
    };
    let mut checked =
        verify::against(&record, artifact.id.clone(), artifact.content.clone(), options).await?;
    checked.notes.extend(unanswered);
    Ok(Some(checked))
}

/// Without roots nobody is trusted, which is then not held against the file; everything else is.
fn is_good(checked: &Checked, trust_matters: bool) -> bool {
    checked.problems.is_empty() || (!trust_matters && checked.is_open())
}
