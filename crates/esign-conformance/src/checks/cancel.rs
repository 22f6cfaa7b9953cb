//! Calling back: really, once, and not what is complete.

use esign_core::{ArtifactId, CancelOutcome, Handle, Operation, Retry, State};

use crate::check::{Outcome, Stop, ensure, skip};
use crate::harness::{Action, Fault};
use crate::world::World;

async fn open(w: &World) -> Result<(esign_core::SignRequest, Handle), Stop> {
    if !w.caps.cancel.is_yes() {
        skip!("cancel: not claimed");
    }
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    Ok((request, handle))
}

/// A request that was called back can no longer be signed.
pub(super) async fn ends_the_request(w: &World) -> Outcome {
    let (request, handle) = open(w).await?;
    let outcome = w.client.cancel(&handle).await?;
    ensure!(outcome == CancelOutcome::Cancelled, "an open request: {}", outcome.as_str());
    let signed = w.backend.act(&handle, &request.signers[0], Action::Sign).await;
    ensure!(!signed, "called back, and the signer could still sign");
    let state = w.client.status(&handle).await?.state();
    ensure!(state == State::Cancelled, "called back, and it is {state}");
    Ok(())
}

pub(super) async fn twice(w: &World) -> Outcome {
    let (_, handle) = open(w).await?;
    w.client.cancel(&handle).await?;
    let outcome = w.client.cancel(&handle).await?;
    ensure!(outcome == CancelOutcome::AlreadyGone, "the second time: {}", outcome.as_str());
    Ok(())
}

/// A completed request is left alone, and its document stays.
pub(super) async fn after_completion(w: &World) -> Outcome {
    let (request, handle) = open(w).await?;
    w.sign_all(&handle, &request).await?;
    let outcome = w.client.cancel(&handle).await?;
    ensure!(outcome == CancelOutcome::TooLate, "a completed request: {}", outcome.as_str());
    let state = w.client.status(&handle).await?.state();
    ensure!(state == State::Completed, "a cancel came too late, and now it is {state}");
    w.client.download(&handle, &ArtifactId::SIGNED).await?;
    Ok(())
}

/// The last signature is made between the look at the status and the cancel: whatever is answered is what happened, and
/// a document that is kept is whole.
pub(super) async fn at_completion(w: &World) -> Outcome {
    let (request, handle) = open(w).await?;
    w.sign_all(&handle, &request).await?;
    let Some(documents) = w.provider()?.documents() else { skip!("documents: none") };
    // As the client calls it when the status that it read just before was still pending.
    let outcome = documents.cancel(handle.request()).await;
    let document = w.client.download(&handle, &ArtifactId::SIGNED).await;
    match outcome {
        Ok(CancelOutcome::TooLate) | Err(_) => {
            ensure!(
                document.is_ok(),
                "the cancel came too late, and the signed document is gone: {:?}",
                document.err()
            );
        }
        Ok(outcome) => {
            ensure!(document.is_err(), "{}, and the signed document can be had", outcome.as_str());
            let state = w.client.status(&handle).await?.state();
            ensure!(state == State::Cancelled, "{}, and it is {state}", outcome.as_str());
        }
    }
    Ok(())
}

/// Answers that are not the service's, to a call that never reached it.
const FOREIGN: [(u16, &str); 4] = [
    (200, "<html>Log in</html>"),
    (202, ""),
    (200, r#"{"error":"maintenance"}"#),
    (404, r#"{"message":"no Route matched with those values"}"#),
];

/// A success or a "not found" that is not the service's says nothing: what is told is how the request stands.
pub(super) async fn believes_only_the_service(w: &World) -> Outcome {
    for (status, body) in FOREIGN {
        let (_, handle) = open(w).await?;
        if !w.inject(Operation::Cancel, Fault::Intercepted { status, body }).await {
            skip!("the harness cannot answer in the service's place");
        }
        let result = w.client.cancel(&handle).await;
        w.heal().await?;
        let state = w.client.status(&handle).await?.state();
        match result {
            Ok(outcome) => ensure!(
                state == State::Cancelled,
                "{status} {body:?} is taken for {}, and the request is {state}",
                outcome.as_str()
            ),
            Err(error) => {
                ensure!(error.retry() != Retry::OutcomeUnknown, "{status} {body:?} gives {error}");
                w.client.cancel(&handle).await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn survives_faults(w: &World) -> Outcome {
    let effect = [
        (Fault::RefuseConnection, false),
        (Fault::RateLimited { after: None }, false),
        (Fault::LoseAnswer, true),
        (Fault::FailAfterEffect, true),
    ];
    for (fault, had_effect) in effect {
        let (_, handle) = open(w).await?;
        if !w.inject(Operation::Cancel, fault).await {
            continue;
        }
        let result = w.client.cancel(&handle).await;
        w.heal().await?;
        if let Err(error) = result {
            let right = matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted)
                || (had_effect && error.retry() == Retry::OutcomeUnknown);
            ensure!(right, "{fault:?} gives {:?}: {error}", error.retry());
            w.client.cancel(&handle).await?;
        }
        let state = w.client.status(&handle).await?.state();
        ensure!(state == State::Cancelled, "after {fault:?} and a second cancel it is {state}");
    }
    Ok(())
}
