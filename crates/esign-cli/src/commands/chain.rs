//! `esign send` for several signers at a provider that takes one: one leg after the other, each over the result of the one
//! before.

use std::path::Path;

use bytes::Bytes;
use esign::secrecy::ExposeSecret;
use esign::{Artifact, ChainRecord, ChainStep, SignRequest};
use serde_json::json;

use super::send::{Announced, Desk, NOT_SENT, announce, tell};
use super::session::{Closed, OpenPage, SessionPage, ended};
use crate::args::Send;
use crate::failure::{Exit, Failure};
use crate::files::{Paper, read_bytes, read_text, replace};
use crate::output::{Mark, file_json, shown};

/// `NAME.chain` says how far it is; every leg leaves `NAME-N.handle`, `NAME-N.record.json` and `NAME-N.signed.pdf`. Each is
/// stored before the next thing is done, so that `--resume` goes on from any point.
pub(super) async fn run(
    desk: &Desk<'_>,
    instance: &str,
    mut request: SignRequest,
    args: &Send,
) -> Result<Exit, Failure> {
    if args.send_again && !args.resume {
        return Err(Failure::usage("--send-again goes on with a chain: add --resume"));
    }
    let mut chain = match args.resume {
        true => resumed(desk, instance, args.send_again)?,
        false => begun(desk, instance, &request).await?,
    };
    // Of a resumed chain: it may have been a random one.
    request.reference = chain.reference().clone();
    let mut document = last_document(desk, &chain, &request)?;
    let mut page: Option<OpenPage> = None;
    let mut incomplete = false;
    loop {
        let (signed, legs) = chain.progress();
        let papers = desk.papers.leg(signed + 1);
        let step = match desk.client.step(&mut chain, &request, &document).await {
            Ok(step) => step,
            Err(error) => {
                if let Some(page) = page {
                    page.close(&desk.client, NOT_SENT).await;
                }
                // As far as it is: a leg whose sending is unknown must stay so.
                store(&desk.papers.chain(), &chain)?;
                return Err(Failure::from(error).advise("the same command with --resume goes on"));
            }
        };
        match step {
            ChainStep::Prepared { signer } => {
                // Before anything is sent, and before the record says that it may have been: the names, and a page where
                // there is no other way to sign.
                let reserved = papers.reserve()?;
                page = open_page(desk, instance, &request, &signer).await?;
                if let Some(open) = &page {
                    let reference = format!("{}.{}", request.reference, signed + 1);
                    let kind = desk.client.capabilities(instance)?.kind;
                    let about = Announced {
                        instance,
                        kind: kind.as_str(),
                        reference: &reference,
                        changes: json!([]),
                    };
                    announce(&about, open, &papers, desk.output);
                    if !open.pressed().await {
                        desk.output.plain("Nobody has pressed the button: nothing was sent to this signer.");
                        return Ok(stopped(desk));
                    }
                }
                drop(reserved);
                store(&desk.papers.chain(), &chain)?;
            }
            ChainStep::Sent { signer, submission } => {
                let mut kept = papers.save_submission(&submission);
                kept.keep(Paper::Chain, &desk.papers.chain(), chain.to_stored().expose_secret());
                desk.output.say(Mark::Plain, format!("{signer}: signature {} of {legs}", signed + 1));
                let exit = tell(&submission, &papers, &kept, desk.print_links, desk.output);
                incomplete |= exit != Exit::Good;
                let closed = match page.take() {
                    Some(page) => desk.hand_out(page, &submission, &papers).await?,
                    None => {
                        let keep = papers.handle();
                        ended(&desk.client, &submission.handle, Some(&keep), desk.wait, desk.output).await?
                    }
                };
                if let Closed::Stopped = closed {
                    let exit = stopped(desk);
                    return Ok(if incomplete { Exit::SentIncomplete } else { exit });
                }
            }
            ChainStep::Waiting { signer, report } => {
                desk.output.say(Mark::Warning, format!("{signer}: sent before, and {}", report.state()));
                desk.output.plain("Its page is gone: who has not opened it yet cannot, until it has ended.");
                store(&desk.papers.chain(), &chain)?;
                let Some(handle) = chain.handle() else { continue };
                if let Closed::Stopped = ended(&desk.client, handle, None, desk.wait, desk.output).await? {
                    return Ok(stopped(desk));
                }
            }
            ChainStep::Signed { signer, document: artifact, last } => {
                // Before the record says so: the next leg, and whoever resumes, needs it.
                replace(&papers.signed(), &artifact.content)?;
                store(&desk.papers.chain(), &chain)?;
                desk.output.say(Mark::Good, format!("{signer}: signed, {}", shown(&papers.signed())));
                if last {
                    let exit = finished(desk, &chain, &papers.signed(), &artifact);
                    return Ok(if incomplete { Exit::SentIncomplete } else { exit });
                }
                document = artifact.content;
            }
            ChainStep::Finished => {
                let last = desk.papers.leg(legs).signed();
                return Err(Failure::usage(format!("everybody has signed before: {}", shown(&last))));
            }
            ChainStep::Ended { signer, state } => {
                store(&desk.papers.chain(), &chain)?;
                return Ok(given_up(desk, signed, &format!("{signer}: it ended {state}")));
            }
            ChainStep::Lost { signer } => {
                store(&desk.papers.chain(), &chain)?;
                let why = format!("{signer}: signed, but the provider no longer gives the document out");
                return Ok(given_up(desk, signed, &why));
            }
            ChainStep::OutcomeUnknown { signer, why } => {
                desk.output.say(Mark::Bad, format!("{signer}: nobody knows whether it was sent: {why}"));
                desk.output.plain("If a second request does no harm, add --resume --send-again.");
                store(&desk.papers.chain(), &chain)?;
                return Ok(Exit::OutcomeUnknown);
            }
            other => {
                return Err(Failure::usage(format!("this version does not know how to go on: {other:?}")));
            }
        }
    }
}

/// A page for one signer, where this way of reaching signers needs one.
async fn open_page(
    desk: &Desk<'_>,
    instance: &str,
    request: &SignRequest,
    signer: &str,
) -> Result<Option<OpenPage>, Failure> {
    let can = desk.client.capabilities(instance)?;
    let Some(page) = SessionPage::bind_for(request.delivery, &can).await? else { return Ok(None) };
    let mut alone = request.clone();
    alone.signers.retain(|of_request| of_request.key == signer);
    page.serve(&alone).map(Some)
}

/// Nothing is sent yet; every leg is checked.
async fn begun(desk: &Desk<'_>, instance: &str, request: &SignRequest) -> Result<ChainRecord, Failure> {
    let file = desk.papers.chain();
    if file.exists() {
        return Err(Failure::usage(format!(
            "{} belongs to an earlier chain; add --resume to go on with it, or choose another name with --save",
            shown(&file)
        )));
    }
    let chain = desk.client.begin_chain(instance, request).await?;
    for leg in 1..=chain.progress().1 {
        desk.papers.leg(leg).check_unused()?;
    }
    store(&file, &chain)?;
    Ok(chain)
}

fn resumed(desk: &Desk<'_>, instance: &str, send_again: bool) -> Result<ChainRecord, Failure> {
    let file = desk.papers.chain();
    let wrong = |why: String| Failure::usage(format!("{}: {why}", shown(&file)));
    let mut chain = ChainRecord::from_stored(&read_text(&file)?).map_err(|e| wrong(e.to_string()))?;
    if chain.instance() != instance {
        return Err(wrong(format!("the chain runs on {}: add --on {0}", chain.instance())));
    }
    if send_again {
        chain.send_again();
    }
    Ok(chain)
}

/// What the next leg signs.
fn last_document(desk: &Desk<'_>, chain: &ChainRecord, request: &SignRequest) -> Result<Bytes, Failure> {
    match chain.progress().0 {
        0 => Ok(request.documents[0].content().clone()),
        signed => read_bytes(&desk.papers.leg(signed).signed()),
    }
}

fn store(file: &Path, chain: &ChainRecord) -> Result<(), Failure> {
    replace(file, chain.to_stored().expose_secret().as_bytes())
}

fn finished(desk: &Desk<'_>, chain: &ChainRecord, file: &Path, signed: &Artifact) -> Exit {
    let first = desk.papers.leg(1).record();
    let object = json!({
        "chain": file_json(&desk.papers.chain()),
        "signed": chain.progress().0,
        "file": file_json(file),
        "sha256": signed.sha256().to_string(),
        "record_file": file_json(&first),
    });
    desk.output.answer(&object, || {
        format!(
            "everybody has signed: {}\ncheck it: esign verify {0} --record {} --root ROOT.pem",
            shown(file),
            shown(&first)
        )
    });
    Exit::Good
}

fn stopped(desk: &Desk<'_>) -> Exit {
    desk.output.plain(format!(
        "The chain goes on with the same command and --resume; keep {} secret.",
        shown(&desk.papers.chain())
    ));
    Exit::Good
}

fn given_up(desk: &Desk<'_>, signed: usize, why: &str) -> Exit {
    desk.output.say(Mark::Bad, why);
    desk.output.plain(match signed {
        0 => "Nobody has signed: send it anew under another name (--save).".to_owned(),
        signed => format!(
            "The signatures made so far are in {}: send that to those who have not signed.",
            shown(&desk.papers.leg(signed).signed())
        ),
    });
    Exit::NotGood
}
