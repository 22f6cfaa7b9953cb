//! `esign send`

use std::path::PathBuf;

use esign::{Client, Delivery, Intent, SignRequest, State, Step, Submission, Verdict, Wait};
use serde_json::{Value, json};

use super::chain;
use super::session::{Closed, SessionPage};
use super::watch::duration;
use crate::args::{Common, Send};
use crate::failure::{Exit, Failure};
use crate::files::Papers;
use crate::output::{Mark, Output, value};
use crate::{request, settings};

pub(crate) async fn run(args: &Send, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client(common).await?;
    let request = request::read(&args.request)?;
    if request.delivery == Delivery::InSessionRedirect && args.print_links {
        let message =
            "a link of this kind is for one open browser session and never shown: leave out --print-links";
        return Err(Failure::usage(message));
    }
    let papers = Papers::new(args.save.clone().unwrap_or_else(|| default_name(&args.request)));
    let mut wait = Wait::FOREVER;
    wait.every = args.every.map(|time| duration("--every", time)).transpose()?;
    let desk = Desk { client, papers, wait, print_links: args.print_links, output };
    // The active instance, or none: then preparing says so.
    let instance = args.on.clone().or_else(|| desk.client.active());
    if let Some(instance) = &instance
        && request.signers.len() > 1
        && desk.client.plan_on(instance, &request).await?.verdict == Verdict::WorksAsChain
    {
        return chain::run(&desk, instance, request, args).await;
    }
    if args.resume {
        let message = "only a chain of signers can be resumed; `esign watch` waits for what was sent, and `esign \
                       resolve` finds out what became of it";
        return Err(Failure::usage(message));
    }
    desk.send(instance.as_deref(), request).await
}

/// What sending needs, as one request or as a chain of them.
pub(super) struct Desk<'a> {
    pub(super) client: Client,
    pub(super) papers: Papers,
    pub(super) wait: Wait,
    pub(super) print_links: bool,
    pub(super) output: &'a Output,
}

impl Desk<'_> {
    async fn send(&self, instance: Option<&str>, request: SignRequest) -> Result<Exit, Failure> {
        let Self { client, papers, output, .. } = self;
        // Before anything is sent: without a page there is no way to sign.
        let page = SessionPage::bind_for(request.delivery).await?;
        let prepared = match instance {
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
        let submission = client.submit(prepared).await.map_err(|e| after_failure(e.into(), papers))?;
        papers.save_submission(&submission)?;
        match page {
            Some(page) => match page.serve(client, &submission, self.wait, papers, output).await? {
                Closed::Ended(state) => Ok((state == State::Completed).into()),
                Closed::Stopped => Ok(Exit::Good),
            },
            None => {
                tell(&submission, papers, self.print_links, output);
                Ok(Exit::Good)
            }
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

pub(super) fn step_json(step: &esign::NextStep, print_links: bool) -> Value {
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
