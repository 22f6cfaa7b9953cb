//! `esign send`

use std::path::PathBuf;

use esign::{Delivery, Intent, Step, Submission};
use serde_json::{Value, json};

use super::session::SessionPage;
use crate::args::{Common, Send};
use crate::failure::{Exit, Failure};
use crate::files::Papers;
use crate::output::{Mark, Output, value};
use crate::{request, settings};

pub(crate) async fn run(args: &Send, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let request = request::read(&args.request)?;
    // Before anything is sent: without a page there is no way to sign.
    let page = match request.delivery {
        Delivery::InSessionRedirect if args.print_links => {
            let message = "a link of this kind is for one open browser session and never shown: leave out --print-links";
            return Err(Failure::usage(message));
        }
        Delivery::InSessionRedirect => Some(SessionPage::bind().await?),
        _ => None,
    };
    let papers = Papers::new(args.save.clone().unwrap_or_else(|| default_name(&args.request)));
    let prepared = match &args.on {
        Some(instance) => client.prepare_on(instance, request).await,
        None => client.prepare(request).await,
    };
    let prepared = prepared?;
    for change in prepared.intent().changes() {
        output.say(Mark::Warning, format!("changed: {change}"));
    }
    for finding in prepared.findings() {
        output.plain(finding);
    }
    papers.save_intent(prepared.intent())?;
    let submission = client.submit(prepared).await.map_err(|e| after_failure(e.into(), &papers))?;
    papers.save_submission(&submission)?;
    match page {
        Some(page) => page.serve(&client, &submission, &papers, output).await,
        None => {
            tell(&submission, &papers, args.print_links, output);
            Ok(Exit::Good)
        }
    }
}

/// The first document's name, here.
fn default_name(request: &crate::args::Request) -> PathBuf {
    let first = request.files.first().or(request.request.as_ref());
    first.and_then(|path| path.file_stem()).map_or_else(|| PathBuf::from("request"), PathBuf::from)
}

/// The intent stays as long as something may have been sent.
fn after_failure(failure: Failure, papers: &Papers) -> Failure {
    let intent = papers.intent();
    if failure.is_outcome_unknown() {
        return failure.advise(format!("run `esign resolve {}`", intent.display()));
    }
    match std::fs::remove_file(&intent) {
        Ok(()) => failure,
        Err(e) => {
            failure.advise(format!("nothing was sent, but {} could not be removed: {e}", intent.display()))
        }
    }
}

/// Says what was made and what each signer does next.
pub(crate) fn tell(submission: &Submission, papers: &Papers, print_links: bool, output: &Output) {
    let steps: Vec<_> = submission.next_steps.iter().map(|step| step_json(step, print_links)).collect();
    let object = summary(submission, papers, &steps);
    output.answer(&object, || {
        let mut lines = format!(
            "sent through {}; keep {} secret\n",
            submission.record.intent().instance(),
            papers.handle().display()
        );
        for step in &submission.next_steps {
            lines += &format!("{}: {}\n", step.signer, step_words(&step.step, print_links, papers));
        }
        lines
    });
}

/// What was made, and where it is kept.
pub(super) fn summary(submission: &Submission, papers: &Papers, next_steps: &[Value]) -> Value {
    let intent: &Intent = submission.record.intent();
    let links = papers.links();
    json!({
        "instance": intent.instance(),
        "kind": intent.kind().as_str(),
        "reference": intent.reference().as_str(),
        "key": submission.handle.key().as_str(),
        "handle_file": papers.handle(),
        "record_file": papers.record(),
        "intent_file": papers.intent(),
        "links_file": links.exists().then_some(&links),
        "changes": value(&intent.changes()),
        "next_steps": next_steps,
    })
}

fn step_words(step: &Step, print_links: bool, papers: &Papers) -> String {
    match step {
        Step::OpenLink { url, open_before, .. } => {
            let link = if print_links {
                url.expose().to_string()
            } else {
                format!("the link is in {}", papers.links().display())
            };
            open_before.map_or_else(|| link.clone(), |at| format!("{link} (open it before {at})"))
        }
        Step::EmailSent => "the provider has sent an e-mail".to_owned(),
        Step::WaitForOthers => "waits for the others".to_owned(),
        other => format!("{other:?}"),
    }
}

fn step_json(step: &esign::NextStep, print_links: bool) -> Value {
    let mut object = json!({ "signer": step.signer });
    match &step.step {
        Step::OpenLink { url, open_before, shared } => {
            object["step"] = json!("open_link");
            object["open_before"] = json!(open_before.map(|at| at.to_string()));
            object["shared"] = json!(shared);
            if print_links {
                object["url"] = json!(url.expose().as_str());
            }
        }
        Step::EmailSent => object["step"] = json!("email_sent"),
        Step::WaitForOthers => object["step"] = json!("wait_for_others"),
        _ => object["step"] = json!("unknown"),
    }
    object
}
