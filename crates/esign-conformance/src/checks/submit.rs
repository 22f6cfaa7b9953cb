//! Sending: once, completely, and with the truth about what became of it.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use esign_core::jiff::SignedDuration;
use esign_core::{
    Delivery, Error, Intent, Operation, ReferenceSupport, Resolution, Retry, Sha256Hash, State, Step,
    Submission, SubmissionRecord,
};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::Fault;
use crate::sample::known;
use crate::world::{INSTANCE, World};

/// The record says what was sent, to whom, where and when, and can be read back.
pub(super) async fn record_is_true(w: &World) -> Outcome {
    let request = w.request()?;
    let prepared = w.client.prepare(request.clone()).await?;
    let intent = prepared.intent().clone();
    let before = w.client.clock().now();
    let submission = w.client.submit(prepared).await?;
    let reached = w.backend.reached(Operation::Submit).await;
    ensure!(reached >= 1, "a request was sent, and Backend::reached counts none: the harness cannot count");
    let record = &submission.record;
    ensure!(*record.intent() == intent, "the record holds another intent than the one prepared");
    let sent = record.intent().documents();
    ensure!(
        sent.len() == 1 && sent[0].sha256 == Sha256Hash::of(request.documents[0].content()),
        "the record does not name the document that was given"
    );
    ensure!(!record.provider_id().is_empty(), "the record lacks the provider's id");
    ensure!(record.provider_id() == submission.handle.request().id(), "record and handle name different ids");
    let slack = SignedDuration::from_mins(5);
    let submitted = record.submitted_at();
    ensure!(
        submitted >= before && submitted <= w.client.clock().now() + slack,
        "submitted at {submitted}, by a clock that is not the client's"
    );
    let read = SubmissionRecord::from_json(&record.to_json())?;
    ensure!(read == *record, "the record changes when it is stored and read back");
    Ok(())
}

pub(super) async fn sends_the_document_unchanged(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    let Some(received) = w.backend.received(&handle).await else {
        skip!("the harness cannot tell what the backend received");
    };
    let sent: Vec<_> = request.documents.iter().map(|d| d.content().clone()).collect();
    ensure!(received == sent, "the backend received other bytes than were given");
    Ok(())
}

pub(super) async fn tells_each_signer_what_to_do(w: &World) -> Outcome {
    for way in w.caps.deliveries.clone() {
        if !way.signers.admits(1) {
            continue;
        }
        let request = w.request_by(way.delivery, 1, None)?;
        let now = w.client.clock().now();
        let submission = w.submit(&request).await?;
        let [step] = submission.next_steps.as_slice() else {
            return fail(format!(
                "{} next steps for one signer by {}",
                submission.next_steps.len(),
                way.delivery
            ));
        };
        ensure!(step.signer == request.signers[0].key, "a next step for {:?}, who is no signer", step.signer);
        let by_mail = way.delivery == Delivery::ProviderEmail;
        match &step.step {
            Step::EmailSent => ensure!(by_mail, "{}: an e-mail instead of a link", way.delivery),
            Step::OpenLink { url, open_before, .. } => {
                ensure!(!by_mail, "{}: a link instead of an e-mail", way.delivery);
                let fault = esign_core::browser_fault(url.expose());
                ensure!(fault.is_none(), "{}: a link that no browser may open: {fault:?}", way.delivery);
                if let Some(life) = known(way.link_lifetime) {
                    let latest = now + Duration::from_secs(life + 300);
                    let Some(until) = open_before else {
                        return fail(format!("links live {life} s, but the step does not say until when"));
                    };
                    ensure!(
                        *until > now && *until <= latest,
                        "links live {life} s, but the step says until {until}"
                    );
                }
            }
            other => return fail(format!("{}: the only signer's next step is {other:?}", way.delivery)),
        }
    }
    Ok(())
}

/// Where a link was asked for and the answer has none that a browser may open, the signer's next step says so, or has one that
/// was fetched elsewhere; and what is promised for later comes with the status.
pub(super) async fn a_missing_link_is_said(w: &World) -> Outcome {
    let mut tried = false;
    for way in w.caps.deliveries.clone() {
        if way.delivery == Delivery::ProviderEmail || !way.signers.admits(1) {
            continue;
        }
        for link in ["", "javascript:alert(1)"] {
            let request = w.request_by(way.delivery, 1, None)?;
            if !w.inject(Operation::Submit, Fault::Link(link)).await {
                continue;
            }
            tried = true;
            let submission = w.submit(&request).await?;
            w.heal().await?;
            let steps =
                submission.next_steps.iter().map(|next| (&next.signer, &next.step)).collect::<Vec<_>>();
            let [(signer, step)] = steps.as_slice() else {
                return fail(format!("{} next steps for one signer whose link is missing", steps.len()));
            };
            ensure!(**signer == request.signers[0].key, "a next step for {signer:?}, who is no signer");
            let later = match step {
                Step::OpenLink { url, .. } => {
                    let fault = esign_core::browser_fault(url.expose());
                    ensure!(fault.is_none(), "a link that no browser may open: {fault:?}");
                    continue;
                }
                Step::LinkMissing { later } => *later,
                other => return fail(format!("the link is missing, and the next step is {other:?}")),
            };
            let report = w.client.status(&submission.handle).await?;
            let comes = report.next_steps.iter().any(|next| {
                next.signer == request.signers[0].key && matches!(next.step, Step::OpenLink { .. })
            });
            ensure!(comes || !later, "the link is promised for later, and the status has none");
        }
    }
    if !tried {
        skip!("no link is handed out, or the harness cannot leave it out");
    }
    Ok(())
}

/// What may follow from a fault.
struct Rule {
    fault: Fault,
    /// The adapter may have repeated the call and succeeded.
    may_succeed: bool,
    /// What another attempt means.
    retry: fn(Retry) -> bool,
}

pub(super) async fn connection_refused(w: &World) -> Outcome {
    after(w, &Rule { fault: Fault::RefuseConnection, may_succeed: true, retry: had_no_effect }).await
}

pub(super) async fn answer_lost(w: &World) -> Outcome {
    after(w, &Rule { fault: Fault::LoseAnswer, may_succeed: false, retry: unknown }).await
}

pub(super) async fn rate_limited(w: &World) -> Outcome {
    after(w, &Rule { fault: Fault::RateLimited { after: None }, may_succeed: true, retry: had_no_effect })
        .await
}

/// What the provider asks for in Retry-After is waited for, or told.
pub(super) async fn rate_limited_for_a_time(w: &World) -> Outcome {
    let asked = Duration::from_secs(7);
    let fault = Fault::RateLimited { after: Some(asked) };
    let start = w.client.clock().monotonic();
    if !w.inject(Operation::Submit, fault).await {
        skip!("the harness cannot make it happen: {fault:?}");
    }
    let result = w.submit(&w.request()?).await;
    w.heal().await?;
    match result {
        Ok(_) => {
            let waited = w.client.clock().monotonic().saturating_sub(start);
            ensure!(waited >= asked, "repeated after {waited:?}, though the provider asked for {asked:?}");
            Ok(())
        }
        Err(error) => {
            let told = matches!(error.retry(), Retry::Safe { after: Some(after) } if after >= asked);
            ensure!(told, "the provider asked for {asked:?}, the error says {:?}", error.retry());
            Ok(())
        }
    }
}

pub(super) async fn refused_as_bad(w: &World) -> Outcome {
    let error = after(w, &Rule { fault: Fault::Refuse(400), may_succeed: false, retry: never }).await;
    error?;
    Ok(())
}

pub(super) async fn refused_as_unauthenticated(w: &World) -> Outcome {
    after(w, &Rule { fault: Fault::Refuse(401), may_succeed: true, retry: never }).await
}

/// Each refusal says that nothing was created, with its status; 402 and 408 say nothing of the kind.
pub(super) async fn refused_otherwise(w: &World) -> Outcome {
    for status in [403, 404, 409, 413, 415, 422, 402, 408] {
        let maybe = matches!(status, 402 | 408);
        let prepared = w.client.prepare(w.request()?).await?;
        if !w.inject(Operation::Submit, Fault::Refuse(status)).await {
            skip!("the harness cannot make it happen: {:?}", Fault::Refuse(status));
        }
        let result = w.client.submit(prepared).await;
        w.heal().await?;
        let Err(error) = result else { return fail(format!("{status} was taken for success")) };
        let right = if maybe { Retry::OutcomeUnknown } else { Retry::Never };
        ensure!(error.retry() == right, "{status} gives {:?} instead of {right:?}: {error}", error.retry());
        ensure!(
            error.http_status() == Some(status),
            "the error does not name the HTTP status {status}: {error}"
        );
    }
    Ok(())
}

/// What the provider said about its refusal is in the error: it is all that a person has to go by.
pub(super) async fn keeps_the_providers_words(w: &World) -> Outcome {
    let Some(words) = w.backend.refusal_words() else {
        skip!("the harness names no words of a refusal");
    };
    if !w.inject(Operation::Submit, Fault::Refuse(400)).await {
        skip!("the harness cannot make it happen: {:?}", Fault::Refuse(400));
    }
    let result = w.client.submit(w.client.prepare(w.request()?).await?).await;
    w.heal().await?;
    let Err(error) = result else { return fail("400 was taken for success") };
    let kept = [error.provider_code(), error.provider_words(), Some(error.message())];
    ensure!(
        kept.into_iter().flatten().any(|text| text.contains(words)),
        "the provider said {words:?}, and the error does not: {error}"
    );
    Ok(())
}

pub(super) async fn failed_after_effect(w: &World) -> Outcome {
    after(w, &Rule { fault: Fault::FailAfterEffect, may_succeed: false, retry: unknown }).await
}

pub(super) async fn answered_with_garbage(w: &World) -> Outcome {
    after(w, &Rule { fault: Fault::Garbage, may_succeed: false, retry: unknown }).await
}

fn had_no_effect(retry: Retry) -> bool {
    matches!(retry, Retry::Safe { .. } | Retry::Exhausted)
}

fn unknown(retry: Retry) -> bool {
    retry == Retry::OutcomeUnknown
}

fn never(retry: Retry) -> bool {
    retry == Retry::Never
}

/// Submits under a fault: never two, never lost, the right `Retry`, and `resolve` as honest as claimed.
async fn after(w: &World, rule: &Rule) -> Outcome {
    let fault = rule.fault;
    if !w.inject(Operation::Submit, fault).await {
        skip!("the harness cannot make it happen: {fault:?}");
    }
    let prepared = w.client.prepare(w.request()?).await?;
    let intent = prepared.intent().clone();
    let result = w.client.submit(prepared).await;
    w.heal().await?;
    let accepted = w.backend.accepted().await;
    ensure!(accepted <= 1, "after {fault:?} the backend has accepted {accepted} requests for one submit");
    match &result {
        Ok(submission) => {
            ensure!(rule.may_succeed, "{fault:?} was taken for success");
            ensure!(accepted == 1, "success was reported, but the backend has accepted nothing");
            w.client.status(&submission.handle).await?;
        }
        Err(error) => judge(error, rule, accepted)?,
    }
    honest(w, &intent, accepted).await?;
    if accepted == 0 {
        w.submit(&w.request()?).await?;
        let accepted = w.backend.accepted().await;
        ensure!(
            accepted == 1,
            "after {fault:?} and one more submit the backend has accepted {accepted} requests"
        );
    }
    Ok(())
}

fn judge(error: &Error, rule: &Rule, accepted: u32) -> Outcome {
    let (fault, retry) = (rule.fault, error.retry());
    ensure!((rule.retry)(retry), "{fault:?} gives {retry:?}: {error}");
    ensure!(
        accepted == 0 || retry == Retry::OutcomeUnknown,
        "{retry:?}, though the backend has accepted the request"
    );
    ensure!(
        error.operation() == Some(Operation::Submit),
        "the error names the operation {:?}",
        error.operation()
    );
    ensure!(error.instance() == Some(INSTANCE), "the error names the instance {:?}", error.instance());
    if let Fault::Refuse(status) = fault {
        ensure!(
            error.http_status() == Some(status),
            "the error does not name the HTTP status {status}: {error}"
        );
    }
    Ok(())
}

/// What `resolve` says is true, and says as much as is claimed.
async fn honest(w: &World, intent: &Intent, accepted: u32) -> Outcome {
    let claim = w.caps.reference;
    let resolution = w.client.resolve(intent).await?;
    match (&resolution, accepted) {
        (Resolution::Found(found), 1) => works(w, found, intent).await?,
        (Resolution::Candidates(candidates), 1) => {
            ensure!(!candidates.is_empty(), "no candidates, though the request was accepted");
            for candidate in candidates {
                works(w, &candidate.submission, intent).await?;
            }
        }
        (Resolution::NotFound, 0) | (Resolution::Candidates(_) | Resolution::Unknown { .. }, _) => {}
        (Resolution::Found(_), _) => return fail("resolve found what was never accepted"),
        (Resolution::NotFound, _) => {
            return fail("resolve says that it was not submitted, though it was accepted");
        }
        (other, _) => return fail(format!("resolve gives {other:?}")),
    }
    let as_claimed = match claim {
        ReferenceSupport::Echoed => matches!(resolution, Resolution::Found(_) | Resolution::NotFound),
        ReferenceSupport::NameAndTime => !matches!(resolution, Resolution::Unknown { .. }),
        ReferenceSupport::None => matches!(resolution, Resolution::Unknown { .. }),
        _ => true,
    };
    ensure!(as_claimed, "reference: {claim:?} is claimed, and resolve gives {resolution:?}");
    Ok(())
}

/// A submission found again can be used like the one that was lost.
async fn works(w: &World, submission: &Submission, intent: &Intent) -> Outcome {
    ensure!(submission.record.intent() == intent, "what was found again has another intent");
    let state = w.client.status(&submission.handle).await?.state();
    ensure!(state == State::Pending, "what was found again is {state}");
    Ok(())
}

/// Dropped at whatever point, a submit sends at most once, is told as unknown, and spoils nothing.
pub(super) async fn future_dropped(w: &World) -> Outcome {
    for (polls, begun) in [1, 2, 3, 5, 8, 13, 21, 34].into_iter().zip(1..) {
        let prepared = w.client.prepare(w.request()?).await?;
        let reference = prepared.intent().reference().clone();
        let finished = {
            let mut submit = Box::pin(w.client.submit(prepared));
            let mut finished = false;
            for _ in 0..polls {
                finished = std::future::poll_fn(|cx| Poll::Ready(submit.as_mut().poll(cx).is_ready())).await;
                if finished {
                    break;
                }
                tokio::task::yield_now().await;
            }
            finished
        };
        // What was dropped may still arrive, while a later one is under way: only the sum is certain.
        let accepted = w.backend.accepted().await;
        ensure!(accepted <= begun, "{begun} submits, dropped half-way, were accepted {accepted} times");
        if !finished {
            let told = w.told.text();
            let line =
                told.lines().any(|l| l.starts_with("OutcomeUnknown") && l.contains(reference.as_str()));
            ensure!(
                line,
                "a submit dropped after {polls} polls was not told to the observer as OutcomeUnknown"
            );
        }
    }
    let handle =
        w.sent(&w.request()?).await.map_err(|stop| Stop::Fail(format!("after dropped submits: {stop}")))?;
    w.client.status(&handle).await?;
    Ok(())
}
