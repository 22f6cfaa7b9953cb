//! `esign resolve`

use esign::{Candidate, Resolution, Submission};
use serde_json::json;

use super::send::tell;
use crate::args::{Common, Resolve};
use crate::failure::{Exit, Failure};
use crate::files::{Papers, read_intent};
use crate::output::Output;
use crate::settings;

/// Good if the request was found, or certainly never sent.
pub(crate) async fn run(args: &Resolve, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let intent = read_intent(&args.intent)?;
    let papers = Papers::beside(&args.intent);
    match client.resolve(&intent).await? {
        Resolution::Found(submission) => found(&submission, &papers, output),
        Resolution::Candidates(candidates) => choose(&candidates, args, &papers, output),
        Resolution::NotFound => {
            output.answer(&json!({ "resolution": "not_found" }), || {
                format!("it was not sent: it is safe to send it again once {} is gone", args.intent.display())
            });
            Ok(Exit::Good)
        }
        Resolution::Unknown { why } => {
            let words =
                format!("nobody can tell: {why}; look at the provider's own pages before sending again");
            output.answer(&json!({ "resolution": "unknown", "why": why }), || words);
            Ok(Exit::OutcomeUnknown)
        }
        _ => Err(Failure::usage("this version of the command does not understand the provider's answer")),
    }
}

fn found(submission: &Submission, papers: &Papers, output: &Output) -> Result<Exit, Failure> {
    papers.save_submission(submission)?;
    tell(submission, papers, false, output);
    Ok(Exit::Good)
}

/// A person decides.
fn choose(
    candidates: &[Candidate],
    args: &Resolve,
    papers: &Papers,
    output: &Output,
) -> Result<Exit, Failure> {
    let key = |candidate: &Candidate| candidate.submission.handle.key().to_string();
    if let Some(wanted) = &args.take {
        let taken = candidates.iter().find(|candidate| key(candidate) == *wanted);
        let taken = taken.ok_or_else(|| Failure::usage(format!("no candidate has the key {wanted}")))?;
        return found(&taken.submission, papers, output);
    }
    let listed: Vec<_> = candidates
        .iter()
        .map(|c| {
            let record = &c.submission.record;
            json!({
                "key": key(c),
                "agrees": c.agrees,
                "provider_id": record.provider_id(),
                "provider_created_at": record.provider_created_at().map(|at| at.to_string()),
            })
        })
        .collect();
    output.answer(&json!({ "resolution": "candidates", "candidates": listed }), || {
        let mut lines = "one of these may be it; take it with --take KEY\n".to_owned();
        for candidate in candidates {
            let record = &candidate.submission.record;
            let made = record.provider_created_at().map(|at| format!(", made {at}")).unwrap_or_default();
            let agrees = candidate.agrees.join(", ");
            lines += &format!(
                "  {}  provider id {}{made}; agrees: {agrees}\n",
                key(candidate),
                record.provider_id()
            );
        }
        lines
    });
    Ok(Exit::OutcomeUnknown)
}
