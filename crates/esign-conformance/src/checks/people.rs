//! People who do not sign, marks that are no signatures, links of each signer, and reminders.

use esign_core::{
    Delivery, ErrorKind, Intent, Operation, Order, Resolution, Retry, Role, SignRequest, Signer, State, Step,
    Submission,
};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::{Action, Fault};
use crate::sample::MARKER;
use crate::world::World;

/// Each role that is claimed is taken: those who act are waited for, and nobody waits for those who get a copy.
pub(super) async fn each_role_is_taken(w: &World) -> Outcome {
    if w.caps.roles.is_empty() {
        skip!("roles: everybody signs");
    }
    for role in w.caps.roles.clone() {
        let mut request = w.request()?;
        let other =
            Signer::new("other").name("Zqmarker Other").email(format!("{MARKER}9@conformance.example"));
        request.signers.push(other.role(role));
        request.order = w.caps.orders.first().copied().filter(|_| role.acts());
        let handle = w.sent(&request).await?;
        w.act(&handle, &request.signers[0], Action::Sign).await?;
        let state = w.client.status(&handle).await?.state();
        if role == Role::Copy {
            ensure!(state == State::Completed, "all have signed, somebody gets a copy, and it is {state}");
            continue;
        }
        ensure!(
            state == State::InProgress,
            "the signer has signed, {role:?} has yet to act, and it is {state}"
        );
        w.act(&handle, &request.signers[1], Action::Sign).await?;
        let state = w.client.status(&handle).await?.state();
        ensure!(state == State::Completed, "signer and {role:?} have acted, and it is {state}");
    }
    Ok(())
}

/// Each mark that is claimed reaches the provider as what it is.
pub(super) async fn each_mark_arrives(w: &World) -> Outcome {
    if w.caps.marks.is_empty() {
        skip!("marks: signatures only");
    }
    let mut told = Vec::new();
    for mark in [esign_core::Mark::Signature].into_iter().chain(w.caps.marks.clone()) {
        let mut request = w.request_with_placements(2)?;
        request.signers[0].placements[1].mark = mark;
        let handle = w.sent(&request).await?;
        let Some(heard) = w.backend.heard(&handle).await else {
            skip!("the harness cannot tell what was heard")
        };
        let heard = heard.replace(request.reference.as_str(), "");
        ensure!(!told.contains(&heard), "{mark:?}: the provider was told what it is told of another mark");
        told.push(heard);
    }
    Ok(())
}

/// What two signers are told to do, in this order, by link; skips where that is not claimed.
async fn two_by_link(w: &World, order: Order) -> Result<SignRequest, Stop> {
    let way =
        w.caps.delivery(Delivery::ShareableLink).filter(|way| way.signers.admits(2) && !way.shared_link);
    if way.is_none() || !w.caps.orders.contains(&order) {
        skip!("deliveries: no link for each of two signers, or orders: no {order}");
    }
    w.request_by(Delivery::ShareableLink, 2, Some(order))
}

/// A signer whose turn comes later is told so, and the status has the link when it has come.
pub(super) async fn the_link_of_a_later_signer_comes(w: &World) -> Outcome {
    if !w.caps.later_links.is_yes() {
        skip!("later_links: not claimed");
    }
    let request = two_by_link(w, Order::Sequential).await?;
    let sent = w.submit(&request).await?;
    let later = &request.signers[1];
    let step = sent.next_steps.iter().find(|next| next.signer == later.key).map(|next| &next.step);
    ensure!(
        step == Some(&Step::WaitForOthers),
        "the second of two is told {step:?} before the first has signed"
    );
    w.act(&sent.handle, &request.signers[0], Action::Sign).await?;
    let steps = w.client.status(&sent.handle).await?.next_steps;
    let [next] = steps.as_slice() else {
        return fail(format!("one is to act, and the status names {} next steps", steps.len()));
    };
    ensure!(next.signer == later.key, "the next step is that of {}", next.signer);
    let Step::OpenLink { url, .. } = &next.step else {
        return fail(format!("the next step is {:?}", next.step));
    };
    if let Some(own) = w.backend.page(&sent.handle, later).await {
        ensure!(url.expose().as_str() == own, "the link leads to the page of somebody else");
    }
    Ok(())
}

/// Each link leads to the page of the signer that it is given to; also when what was sent is found again.
pub(super) async fn links_are_the_signers_own(w: &World) -> Outcome {
    let request = two_by_link(w, Order::Parallel).await?;
    let prepared = w.client.prepare(request.clone()).await?;
    let intent = prepared.intent().clone();
    let sent = w.client.submit(prepared).await?;
    own_links(w, &request, &sent, "").await?;
    if let Resolution::Found(found) = w.client.resolve(&intent).await? {
        own_links(w, &request, &found, ", found again").await?;
    }
    Ok(())
}

async fn own_links(w: &World, request: &SignRequest, sent: &Submission, how: &str) -> Outcome {
    for signer in &request.signers {
        let Some(own) = w.backend.page(&sent.handle, signer).await else {
            skip!("the harness cannot tell whose page is whose");
        };
        let step = sent.next_steps.iter().find(|next| next.signer == signer.key).map(|next| &next.step);
        let Some(Step::OpenLink { url, .. }) = step else {
            return fail(format!("{}{how}: no link but {step:?}", signer.key));
        };
        ensure!(
            url.expose().as_str() == own,
            "{}{how}: the link leads to the page of somebody else",
            signer.key
        );
    }
    Ok(())
}

/// A request that may be reminded of.
async fn reminded_of(w: &World) -> Result<SignRequest, Stop> {
    let Some(way) = w.caps.reminders.first().copied() else { skip!("reminders: not claimed") };
    w.request_by(way, 1, None)
}

/// Those who have yet to act are reminded once for each call, and nobody when all is over.
pub(super) async fn reminders_reach_those_who_are_waited_for(w: &World) -> Outcome {
    let request = reminded_of(w).await?;
    let handle = w.sent(&request).await?;
    for calls in 1..=2 {
        let reminded = w.client.remind(&handle).await?;
        ensure!(reminded == [request.signers[0].key.as_str()], "reminded: {reminded:?}");
        let reached = w.backend.reached(Operation::Remind).await;
        ensure!(reached == calls, "{calls} reminders were asked for, {reached} reached the backend");
    }
    w.sign_all(&handle, &request).await?;
    let Err(error) = w.client.remind(&handle).await else {
        return fail("all is over, and somebody was reminded");
    };
    ensure!(
        error.kind() == ErrorKind::Conflict,
        "all is over, and a reminder gives {:?}: {error}",
        error.kind()
    );
    let reached = w.backend.reached(Operation::Remind).await;
    ensure!(reached == 2, "all was over, and a reminder reached the backend");
    Ok(())
}

/// People see a reminder: one whose answer is lost is not repeated, and is told as unknown.
pub(super) async fn a_lost_reminder_is_not_repeated(w: &World) -> Outcome {
    let request = reminded_of(w).await?;
    let handle = w.sent(&request).await?;
    if !w.inject(Operation::Remind, Fault::LoseAnswer).await {
        skip!("the harness cannot make it happen: {:?}", Fault::LoseAnswer);
    }
    let result = w.client.remind(&handle).await;
    w.heal().await?;
    let reached = w.backend.reached(Operation::Remind).await;
    ensure!(reached == 1, "after a lost answer {reached} reminders have reached the backend");
    let Err(error) = result else { return fail("a lost answer was taken for success") };
    ensure!(error.retry() == Retry::OutcomeUnknown, "a lost answer gives {:?}: {error}", error.retry());
    Ok(())
}

/// A lookup that fails says nothing: least of all that nothing was sent.
pub(super) async fn a_failed_lookup_is_no_answer(w: &World) -> Outcome {
    let faults =
        [Fault::LoseAnswer, Fault::FailAfterEffect, Fault::Garbage, Fault::Refuse(400), Fault::Refuse(403)];
    let mut tried = false;
    for fault in faults {
        let prepared = w.client.prepare(w.request()?).await?;
        let intent: Intent = prepared.intent().clone();
        w.client.submit(prepared).await?;
        if !w.inject(Operation::Lookup, fault).await {
            continue;
        }
        tried = true;
        let resolution = w.client.resolve(&intent).await;
        w.heal().await?;
        ensure!(
            !matches!(resolution, Ok(Resolution::NotFound)),
            "{fault:?} while looking: it says that nothing was sent, though it was"
        );
    }
    if !tried {
        skip!("the harness makes no fault happen while looking");
    }
    Ok(())
}
