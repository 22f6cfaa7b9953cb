//! How far a request has come: told truly, and never taken back.

use std::time::Duration;

use esign_core::jiff::SignedDuration;
use esign_core::{Bound, ErrorKind, Handle, Operation, Order, ResultState, Retry, SignRequest, State, Step};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::{Action, Fault};
use crate::sample::known;
use crate::world::World;

const DAY: u64 = 86_400;

async fn is(w: &World, handle: &Handle, expected: State) -> Outcome {
    let report = w.client.status(handle).await?;
    ensure!(
        report.state() == expected,
        "{} instead of {expected}; the provider says {:?}",
        report.state(),
        report.provider_status
    );
    Ok(())
}

pub(super) async fn pending_at_first(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    is(w, &handle, State::Pending).await?;
    let report = w.client.status(&handle).await?;
    ensure!(
        report.result == ResultState::NotReady,
        "nobody has signed, and the result is {:?}",
        report.result
    );
    let stranger = report
        .signers
        .iter()
        .filter_map(|s| s.key.as_ref())
        .find(|k| !request.signers.iter().any(|s| s.key == **k));
    ensure!(stranger.is_none(), "the report names {stranger:?}, who is no signer");
    Ok(())
}

pub(super) async fn in_progress_between(w: &World) -> Outcome {
    let request = w.request_for(2)?;
    let handle = w.sent(&request).await?;
    w.act(&handle, &request.signers[0], Action::Sign).await?;
    is(w, &handle, State::InProgress).await?;
    let done = w.client.status(&handle).await?.progress().0;
    ensure!(done >= 1, "one of two has signed, and the report counts {done} signatures");
    Ok(())
}

pub(super) async fn completed_at_last(w: &World) -> Outcome {
    let (request, handle) = completed(w).await?;
    let report = w.client.status(&handle).await?;
    ensure!(report.standing.is_final(), "completed, but only as a conclusion of ours");
    ensure!(
        matches!(report.result, ResultState::Ready { .. }),
        "completed, and the result is {:?}",
        report.result
    );
    for signer in &report.signers {
        ensure!(
            signer.state == State::Completed,
            "all have signed, and {:?} is {}",
            signer.key,
            signer.state
        );
    }
    let (done, _) = report.progress();
    let told = report.signers.is_empty() || done as usize >= request.signers.len();
    ensure!(told, "{} have signed, and the report counts {done}", request.signers.len());
    Ok(())
}

/// A request that everybody has signed.
async fn completed(w: &World) -> Result<(SignRequest, Handle), Stop> {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    w.sign_all(&handle, &request).await?;
    is(w, &handle, State::Completed).await?;
    Ok((request, handle))
}

pub(super) async fn declined(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    if w.caps.decline_visible.is_yes() {
        w.act(&handle, &request.signers[0], Action::Decline).await?;
        return is(w, &handle, State::Declined).await;
    }
    if !w.backend.act(&handle, &request.signers[0], Action::Decline).await {
        skip!("decline_visible: not claimed, and the service lets nobody decline");
    }
    is(w, &handle, State::Pending).await
}

pub(super) async fn left_alone(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    if !w.backend.act(&handle, &request.signers[0], Action::Leave).await {
        skip!("the harness cannot leave the page");
    }
    is(w, &handle, State::Pending).await
}

pub(super) async fn expired(w: &World) -> Outcome {
    let (request, life) = short_lived(w)?;
    let handle = w.sent(&request).await?;
    w.backend.pass(Duration::from_secs(life + DAY)).await;
    is(w, &handle, State::Expired).await
}

/// The request with the shortest life that can be had, and that life in seconds.
fn short_lived(w: &World) -> Result<(SignRequest, u64), Stop> {
    let request = w.request()?;
    match (w.caps.expiry.supported.is_yes(), known(w.caps.expiry.seconds.min), w.caps.expiry.fixed_seconds) {
        (true, Some(least), _) => {
            let seconds = i64::try_from(least).unwrap_or(i64::MAX);
            Ok((request.expires_after(SignedDuration::from_secs(seconds)), least))
        }
        (_, _, Bound::Is(fixed)) => Ok((request, fixed)),
        (_, _, bound) => Err(Stop::Skip(format!("expiry.fixed_seconds: {bound:?}"))),
    }
}

pub(super) async fn cancelled(w: &World) -> Outcome {
    if !w.caps.cancel.is_yes() {
        skip!("cancel: not claimed");
    }
    let handle = w.sent(&w.request()?).await?;
    w.client.cancel(&handle).await?;
    is(w, &handle, State::Cancelled).await
}

/// A word from the future is neither a success nor a failure, and is kept.
pub(super) async fn unknown_word(w: &World) -> Outcome {
    const WORD: &str = "conformance_word";
    let handle = w.sent(&w.request()?).await?;
    if !w.backend.speak(&handle, WORD).await {
        skip!("the harness cannot make the backend use another word");
    }
    let report = w.client.status(&handle).await?;
    ensure!(report.state() == State::Unrecognised, "an unknown word is taken for {}", report.state());
    let kept = report.provider_status.as_deref().is_some_and(|word| word.contains(WORD));
    ensure!(kept, "the word is not kept: {:?}", report.provider_status);
    Ok(())
}

/// An update of the service adds members to its answers; who knows them not passes over them.
pub(super) async fn unknown_members(w: &World) -> Outcome {
    if !w.backend.extend().await {
        skip!("the harness cannot make the backend say more than it does");
    }
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    is(w, &handle, State::Pending).await?;
    w.sign_all(&handle, &request).await?;
    is(w, &handle, State::Completed).await?;
    w.client.download(&handle, &esign_core::ArtifactId::SIGNED).await?;
    if w.caps.callbacks != esign_core::CallbackSupport::None {
        w.client.ready().await?;
        for call in w.backend.callbacks(&handle).await {
            w.client.receive(crate::world::INSTANCE, &call).await?.events?;
        }
    }
    Ok(())
}

/// However often and late it is asked, an end stays that end; what the provider has forgotten may be not found.
pub(super) async fn never_moves_back(w: &World) -> Outcome {
    let (request, life) = short_lived(w).or_else(|_| w.request().map(|request| (request, 30 * DAY)))?;
    let signed = w.sent(&request).await?;
    w.sign_all(&signed, &request).await?;
    let mut ends = vec![(signed, State::Completed)];
    if w.caps.cancel.is_yes() {
        let handle = w.sent(&w.request()?).await?;
        w.client.cancel(&handle).await?;
        ends.push((handle, State::Cancelled));
    }
    if w.caps.decline_visible.is_yes() {
        let request = w.request()?;
        let handle = w.sent(&request).await?;
        w.act(&handle, &request.signers[0], Action::Decline).await?;
        ends.push((handle, State::Declined));
    }
    for wait in [0, 60, life + 60] {
        w.backend.pass(Duration::from_secs(wait)).await;
        for (handle, end) in &ends {
            match w.client.status(handle).await {
                Ok(report) if report.state() == *end => {}
                // The service keeps nothing for ever; a conclusion from its silence is not the provider's word.
                Ok(report) if wait > 60 && !report.standing.is_final() => {}
                Err(error) if wait > 60 && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Gone) => {}
                Ok(report) => return fail(format!("{end} became {} after {wait} s", report.state())),
                Err(error) => return fail(format!("{end} became an error after {wait} s: {error}")),
            }
        }
    }
    Ok(())
}

/// A fault while reading is an error that may be repeated, never a state.
pub(super) async fn reading_survives_faults(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    let faults = [
        Fault::RefuseConnection,
        Fault::LoseAnswer,
        Fault::RateLimited { after: None },
        Fault::FailAfterEffect,
        Fault::Truncate,
        Fault::Garbage,
        Fault::Refuse(401),
    ];
    for fault in faults {
        if !w.inject(Operation::Status, fault).await {
            continue;
        }
        let result = w.client.status(&handle).await;
        w.heal().await?;
        match result {
            // Repeated by the adapter, which it may.
            Ok(report) => {
                ensure!(report.state() == State::Pending, "{fault:?} was taken for {}", report.state())
            }
            Err(error) => {
                let right = match (fault, error.retry()) {
                    (Fault::Refuse(_), retry) => retry == Retry::Never,
                    (Fault::Garbage, retry) => retry != Retry::OutcomeUnknown,
                    (_, retry) => matches!(retry, Retry::Safe { .. } | Retry::Exhausted),
                };
                ensure!(right, "{fault:?} gives {:?}: {error}", error.retry());
                ensure!(
                    error.operation() == Some(Operation::Status),
                    "the error names {:?}",
                    error.operation()
                );
            }
        }
        is(w, &handle, State::Pending).await?;
    }
    Ok(())
}

/// One answer that is not the service's ends nothing: it is an error, or looked at again.
pub(super) async fn one_foreign_answer_ends_nothing(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    let foreign = [
        (404, r#"{"message":"no Route matched with those values"}"#),
        (410, r#"{"message":"gone"}"#),
        (302, ""),
        (403, "<html>Forbidden</html>"),
        (200, "<html>Log in</html>"),
        (200, r#"{"error":"maintenance"}"#),
    ];
    for (status, body) in foreign {
        if !w.inject(Operation::Status, Fault::Intercepted { status, body }).await {
            skip!("the harness cannot answer in the service's place");
        }
        let result = w.client.status(&handle).await;
        w.heal().await?;
        if let Ok(report) = result {
            ensure!(
                report.state() == State::Pending,
                "one {status} {body:?} is taken for {}",
                report.state()
            );
        }
        is(w, &handle, State::Pending).await?;
    }
    Ok(())
}

/// With groups, a later group waits for all of an earlier one, at the service itself; within a group nobody waits.
pub(super) async fn groups_sign_in_order(w: &World) -> Outcome {
    if !w.caps.orders.contains(&Order::Groups) {
        skip!("orders: {:?}", w.caps.orders);
    }
    let mut request = w.request_for(3)?;
    request.order = Some(Order::Groups);
    request.signers.iter_mut().zip([1, 1, 2]).for_each(|(signer, group)| signer.group = Some(group));
    let handle = w.sent(&request).await?;
    let [first, second, last] = request.signers.as_slice() else {
        return fail("three signers are not three");
    };
    ensure!(
        !w.backend.act(&handle, last, Action::Sign).await,
        "the second group could sign before the first"
    );
    w.act(&handle, second, Action::Sign).await?;
    ensure!(
        !w.backend.act(&handle, last, Action::Sign).await,
        "the second group could sign before all of the first"
    );
    w.act(&handle, first, Action::Sign).await?;
    w.act(&handle, last, Action::Sign).await?;
    is(w, &handle, State::Completed).await
}

/// With a sequence, the second signer waits for the first, at the service itself; without, not.
pub(super) async fn signers_sign_in_order(w: &World) -> Outcome {
    if !w.caps.orders.contains(&Order::Sequential) {
        skip!("orders: {:?}", w.caps.orders);
    }
    let mut request = w.request_for(2)?;
    request.order = Some(Order::Sequential);
    let submission = w.submit(&request).await?;
    let steps = &submission.next_steps;
    let waits = steps.iter().any(|s| s.signer == request.signers[1].key && s.step == Step::WaitForOthers);
    ensure!(waits, "the second signer of a sequence is not told to wait");
    let handle = submission.handle;
    let early = w.backend.act(&handle, &request.signers[1], Action::Sign).await;
    ensure!(!early, "the second signer of a sequence could sign first");
    w.sign_all(&handle, &request).await?;
    is(w, &handle, State::Completed).await?;

    if w.caps.orders.contains(&Order::Parallel) {
        request.order = Some(Order::Parallel);
        request.reference = esign_core::Reference::random()?;
        let handle = w.sent(&request).await?;
        w.act(&handle, &request.signers[1], Action::Sign).await?;
    }
    Ok(())
}
