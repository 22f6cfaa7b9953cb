//! `esign resolve`

use esign::{CallbackSupport, Candidate, Client, Delivery, InboundCall, Intent, Resolution, Submission};
use serde_json::json;
use url::Url;

use super::send::tell;
use crate::args::{Common, Resolve};
use crate::failure::{Exit, Failure};
use crate::files::{Papers, read_intent};
use crate::output::{Output, printable, shown};
use crate::settings;

/// Good if the request was found, or certainly never sent.
pub(crate) async fn run(args: &Resolve, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let intent = read_intent(&args.intent)?;
    let papers = Papers::beside(&args.intent);
    let resolution = match &args.call {
        Some(address) => client.resolve_by_call(&intent, &call(address)?).await?,
        None => client.resolve(&intent).await?,
    };
    match resolution {
        Resolution::Found(submission) => found(&submission, &papers, output),
        Resolution::Candidates(candidates) => choose(&candidates, args, &papers, output),
        Resolution::NotFound => {
            output.answer(&json!({ "resolution": "not_found" }), || {
                format!("it was not sent: it is safe to send it again once {} is gone", shown(&args.intent))
            });
            Ok(Exit::Good)
        }
        Resolution::Unknown { why } => {
            let advice = advice(&client, &intent);
            let object = json!({ "resolution": "unknown", "why": why, "advice": advice });
            output.answer(&object, || format!("nobody can tell: {}\n{}", printable(&why), advice.join("\n")));
            Ok(Exit::OutcomeUnknown)
        }
        _ => Err(Failure::usage("this version of the command does not understand the provider's answer")),
    }
}

/// The call that an address was made for.
fn call(address: &str) -> Result<InboundCall, Failure> {
    let url: Url = address.parse().map_err(|_| Failure::usage("--call: this is not an address"))?;
    let call = InboundCall::get(url.path());
    Ok(url.query_pairs().fold(call, |call, (name, value)| call.with_query(&*name, &*value)))
}

/// What can be done about a request of which nobody can tell whether it was sent.
fn advice(client: &Client, intent: &Intent) -> Vec<String> {
    let mut advice = Vec::new();
    let calls = client.capabilities(intent.instance()).map(|can| can.callbacks);
    if calls.is_ok_and(|calls| calls == CallbackSupport::Hints) {
        advice.push(
            "if the provider has called you, or a signer's browser has come back: the same command with --call URL".to_owned(),
        );
    }
    advice.push(match intent.delivery() {
        Delivery::InSessionRedirect => {
            "its signing link was lost with the answer, so nobody can open it, and it ends by itself"
                .to_owned()
        }
        _ => "ask the signers whether something came".to_owned(),
    });
    advice
        .push("if a second request does no harm: the same `esign send` command with --send-again".to_owned());
    advice
}

fn found(submission: &Submission, papers: &Papers, output: &Output) -> Result<Exit, Failure> {
    let kept = papers.save_submission(submission);
    Ok(tell(submission, papers, &kept, false, output))
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
            let agrees = printable(&candidate.agrees.join(", "));
            lines += &format!(
                "  {}  provider id {}{made}; agrees: {agrees}\n",
                key(candidate),
                printable(record.provider_id())
            );
        }
        lines
    });
    Ok(Exit::OutcomeUnknown)
}
