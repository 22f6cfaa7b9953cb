//! `esign send`

use std::path::PathBuf;

use esign::{Client, Delivery, Intent, SignRequest, State, Step, Submission, Verdict, Wait};
use serde_json::{Value, json};

use super::chain;
use super::session::{Closed, OpenPage, SessionPage, ended};
use super::watch::duration;
use crate::args::{Common, Send};
use crate::failure::{Exit, Failure};
use crate::files::{Displaced, Kept, Paper, Papers, is_written, read_intent};
use crate::output::{Mark, Output, file_json, printable, shown, value};
use crate::{request, settings};

pub(crate) async fn run(args: &Send, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let client = settings::client_for(common, args.on.as_deref()).await?;
    let mut request = request::read(&args.request)?;
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
    if args.send_again {
        desk.put_aside(&mut request)?;
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
    /// Makes room for a second request in the place of one that may have been sent. The earlier intent stays, and so does its
    /// reference.
    fn put_aside(&self, request: &mut SignRequest) -> Result<(), Failure> {
        let papers = &self.papers;
        if papers.handle().exists() {
            let message = format!(
                "{} is there: it was sent, so there is nothing to send again",
                shown(&papers.handle())
            );
            return Err(Failure::usage(message));
        }
        let earlier = read_intent(&papers.intent())?;
        request.reference = earlier.reference().clone();
        let aside = papers.put_intent_aside()?;
        self.output.plain(format!("what may have been sent before stays in {}", shown(&aside)));
        Ok(())
    }

    async fn send(&self, instance: Option<&str>, request: SignRequest) -> Result<Exit, Failure> {
        let Self { client, papers, output, .. } = self;
        // Before anything is sent: the names, and a page where there is no other way to sign.
        let reserved = papers.reserve()?;
        let prepared = match instance {
            Some(instance) => client.prepare_on(instance, request.clone()).await,
            None => client.prepare(request.clone()).await,
        };
        let prepared = prepared?;
        let intent = prepared.intent().clone();
        for change in intent.changes() {
            output.say(Mark::Warning, format!("changed: {change}"));
        }
        for finding in prepared.findings() {
            output.plain(finding);
        }
        let can = client.capabilities(intent.instance())?;
        let page = match SessionPage::bind_for(request.delivery, &can).await? {
            Some(page) => Some(page.serve(&request)?),
            None => None,
        };
        if let Some(page) = &page {
            let about = Announced {
                instance: intent.instance(),
                kind: intent.kind().as_str(),
                reference: intent.reference().as_str(),
                changes: value(&intent.changes()),
            };
            announce(&about, page, papers, output);
            if !page.pressed().await {
                output.plain("Nobody has pressed the button: nothing was sent.");
                return Ok(Exit::NotSent);
            }
        }
        papers.save_intent(&intent)?;
        let submission = match client.submit(prepared).await {
            Ok(submission) => submission,
            Err(error) => {
                if let Some(page) = page {
                    page.close(client, NOT_SENT).await;
                }
                return Err(after_failure(error.into(), papers));
            }
        };
        let kept = papers.save_submission(&submission);
        drop(reserved);
        let exit = tell(&submission, papers, &kept, self.print_links, output);
        let Some(page) = page else { return Ok(exit) };
        match self.hand_out(page, &submission, papers).await? {
            Closed::Ended(State::Completed) | Closed::Stopped => Ok(exit),
            Closed::Ended(_) => Ok(Exit::NotGood),
        }
    }

    /// Leads the signer on, and waits for the end.
    pub(super) async fn hand_out(
        &self,
        page: OpenPage,
        submission: &Submission,
        papers: &Papers,
    ) -> Result<Closed, Failure> {
        if submission.next_steps.iter().any(|next| matches!(next.step, Step::LinkMissing { .. })) {
            page.lead_on(submission);
            page.close(&self.client, "The signing service has given no link: see the terminal.").await;
            return Ok(Closed::Stopped);
        }
        page.lead_on(submission);
        self.output.plain(format!(
            "The page stays until it is signed (Ctrl-C ends it); keep {} secret.",
            shown(&papers.handle())
        ));
        let closed =
            ended(&self.client, &submission.handle, Some(&papers.handle()), self.wait, self.output).await;
        page.close(&self.client, "This signing is over. You can close this page.").await;
        closed
    }
}

/// What a page says where a request could not be sent.
pub(super) const NOT_SENT: &str = "The request could not be sent: see the terminal.";

/// A request that is sent when the button is pressed.
pub(super) struct Announced<'a> {
    pub(super) instance: &'a str,
    pub(super) kind: &'a str,
    pub(super) reference: &'a str,
    pub(super) changes: Value,
}

/// Says where the button is, before anything is sent.
pub(super) fn announce(about: &Announced<'_>, page: &OpenPage, papers: &Papers, output: &Output) {
    let step = |(signer, url): &(String, String)| json!({ "signer": signer, "step": "open_page", "url": url, "open_before": null });
    let object = json!({
        "instance": about.instance,
        "kind": about.kind,
        "reference": about.reference,
        "key": null,
        "handle_file": papers.handle(),
        "record_file": papers.record(),
        "intent_file": file_json(&papers.intent()),
        "links_file": null,
        "changes": about.changes,
        "next_steps": page.addresses.iter().map(step).collect::<Vec<_>>(),
    });
    output.answer(&object, || {
        let line = |(signer, url): &(String, String)| format!("{signer}: open {url} in your browser\n");
        page.addresses.iter().map(line).collect()
    });
    output.plain("It is sent when the button there is pressed (Ctrl-C: not at all).");
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
        return failure.advise(format!("run `esign resolve {}`", shown(&intent)));
    }
    match std::fs::remove_file(&intent) {
        Ok(()) => failure,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => failure,
        Err(e) => {
            failure.advise(format!("nothing was sent, but {} could not be removed: {e}", shown(&intent)))
        }
    }
}

/// Says what was made, what each signer does next, and what could not be kept where it belongs.
pub(crate) fn tell(
    submission: &Submission,
    papers: &Papers,
    kept: &Kept,
    print_links: bool,
    output: &Output,
) -> Exit {
    output.answer(&summary(submission, papers, kept, print_links), || {
        let handle = kept.place(Paper::Handle, papers.handle());
        let secret = handle.map_or_else(|| "the handle".to_owned(), |file| shown(&file));
        let mut lines =
            format!("sent through {}; keep {secret} secret\n", submission.record.intent().instance());
        for next in &submission.next_steps {
            let words = step_words(&next.step, print_links, papers, kept);
            lines += &format!("{}: {words}\n", printable(&next.signer));
        }
        lines + &displaced_words(kept)
    });
    let linkless = submission.next_steps.iter().any(|next| matches!(next.step, Step::LinkMissing { .. }));
    if linkless || !kept.displaced.is_empty() { Exit::SentIncomplete } else { Exit::Good }
}

/// What was made, and where it is kept.
fn summary(submission: &Submission, papers: &Papers, kept: &Kept, print_links: bool) -> Value {
    let intent: &Intent = submission.record.intent();
    let links = kept.place(Paper::Links, papers.links()).filter(|links| is_written(links));
    let next_steps: Vec<_> = submission.next_steps.iter().map(|next| step_json(next, print_links)).collect();
    let mut object = json!({
        "instance": intent.instance(),
        "kind": intent.kind().as_str(),
        "reference": intent.reference().as_str(),
        "key": submission.handle.key().as_str(),
        "handle_file": kept.place(Paper::Handle, papers.handle()).map(|file| file_json(&file)),
        "record_file": kept.place(Paper::Record, papers.record()).map(|file| file_json(&file)),
        "intent_file": file_json(&papers.intent()),
        "links_file": links.map(|file| file_json(&file)),
        "changes": value(&intent.changes()),
        "next_steps": next_steps,
    });
    if !kept.displaced.is_empty() {
        object["displaced"] = displaced_json(kept);
    }
    object
}

/// Papers that could not be written where they belong, with what is in them: it was sent, and nothing of it may be lost.
pub(super) fn displaced_words(kept: &Kept) -> String {
    let mut lines = String::new();
    for Displaced { paper, why, file, content } in &kept.displaced {
        let place = match file {
            Some(file) => format!("it is in {}, and here, secret", shown(file)),
            None => "it could be written nowhere, so keep this, secret".to_owned(),
        };
        lines +=
            &format!("{why}; it was sent, and its {} must not be lost: {place}:\n{content}\n", paper.name());
    }
    lines
}

pub(super) fn displaced_json(kept: &Kept) -> Value {
    let entry = |displaced: &Displaced| {
        json!({
            "what": displaced.paper.name(),
            "why": displaced.why,
            "file": displaced.file.as_deref().map(file_json),
            "content": displaced.content,
        })
    };
    kept.displaced.iter().map(entry).collect()
}

fn step_words(step: &Step, print_links: bool, papers: &Papers, kept: &Kept) -> String {
    match step {
        Step::OpenLink { url, open_before, .. } => {
            let kept_in = kept.place(Paper::Links, papers.links()).filter(|links| is_written(links));
            let link = match kept_in {
                _ if print_links => url.expose().to_string(),
                Some(file) => format!("the link is in {}", shown(&file)),
                None => "the button leads to the signing page".to_owned(),
            };
            open_before.map_or_else(|| link.clone(), |at| format!("{link} (open it before {at})"))
        }
        Step::LinkMissing { later: true } => format!(
            "no signing link has come; `esign status {}` fetches it as soon as the provider has it",
            shown(&papers.handle())
        ),
        Step::LinkMissing { later: false } => format!(
            "no signing link has come that can be used, so nobody can sign: `esign cancel {}`, then send it anew",
            shown(&papers.handle())
        ),
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
        Step::LinkMissing { later } => {
            object["step"] = json!("link_missing");
            object["later"] = json!(later);
        }
        Step::EmailSent => object["step"] = json!("email_sent"),
        Step::WaitForOthers => object["step"] = json!("wait_for_others"),
        _ => object["step"] = json!("unknown"),
    }
    object
}
