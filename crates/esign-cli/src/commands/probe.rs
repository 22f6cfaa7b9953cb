//! `esign probe`

use esign::{Trial, TrialOutcome};
use serde_json::json;

use crate::args::{Common, Probe};
use crate::failure::{Exit, Failure};
use crate::output::{Mark, Output, bold};
use crate::settings;

pub(crate) async fn run(args: &Probe, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let trial = Trial::new(esign_sandbox::sample_pdf("A trial of esign", &["Nobody is asked to sign this."]));
    let trial = if args.look { trial.look() } else { trial };
    let trial = if args.burst { trial.burst() } else { trial };
    let settled = client.settle(&args.instance, &trial).await?;
    let mut listed = Vec::new();
    for item in &settled {
        let (mark, so) = match item.outcome {
            TrialOutcome::Settled => (Mark::Good, ""),
            TrialOutcome::Untriable => (Mark::Plain, "cannot be tried: "),
            _ => (Mark::Warning, "still open: "),
        };
        output.say(mark, format!("{}: {so}{}", item.question, item.found));
        // Asked for by --look: without it nothing is left open.
        let link = item.link.as_ref().map(|link| link.expose().as_str());
        if let Some(link) = link {
            output.plain(link);
        }
        listed.push(json!({
            "question": item.question, "outcome": item.outcome.as_str(), "found": item.found,
            "setting": item.setting, "link": link,
        }));
    }
    let lines: Vec<_> = settled.iter().filter_map(|item| item.setting.as_deref()).collect();
    output.answer(
        &json!({ "instance": args.instance, "settled": listed, "settings": lines }),
        || match lines.as_slice() {
            [] => format!("{}: no setting follows\n", bold(&args.instance)),
            lines => format!("[providers.{}]\n{}\n", args.instance, lines.join("\n")),
        },
    );
    Ok(Exit::Good)
}
