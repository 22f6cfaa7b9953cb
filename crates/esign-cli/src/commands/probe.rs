//! `esign probe`

use esign::Trial;
use serde_json::json;

use crate::args::{Common, Probe};
use crate::failure::{Exit, Failure};
use crate::output::{Mark, Output, bold};
use crate::settings;

pub(crate) async fn run(args: &Probe, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let trial = Trial::new(esign_sandbox::sample_pdf("A trial of esign", &["Nobody is asked to sign this."]));
    let trial = if args.look { trial.look() } else { trial };
    let settled = client.settle(&args.instance, &trial).await?;
    let mut listed = Vec::new();
    for item in &settled {
        let mark = if item.setting.is_some() { Mark::Good } else { Mark::Plain };
        output.say(mark, format!("{}: {}", item.question, item.found));
        // Asked for by --look: without it nothing is left open.
        let link = item.link.as_ref().map(|link| link.expose().as_str());
        if let Some(link) = link {
            output.plain(link);
        }
        listed.push(json!({
            "question": item.question, "found": item.found, "setting": item.setting, "link": link,
        }));
    }
    let lines: Vec<_> = settled.iter().filter_map(|item| item.setting.as_deref()).collect();
    output.answer(
        &json!({ "instance": args.instance, "settled": listed, "settings": lines }),
        || match lines.as_slice() {
            [] => format!("{}: nothing could be settled by trial\n", bold(&args.instance)),
            lines => format!("[providers.{}]\n{}\n", args.instance, lines.join("\n")),
        },
    );
    Ok(Exit::Good)
}
