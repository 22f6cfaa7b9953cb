//! Every future but that of `submit` may be dropped at any await point: nothing is lost, nothing is spoilt, and a fresh call
//! does the whole work.

use std::future::Future;
use std::task::Poll;

use esign_core::{
    ArtifactId, CallbackSupport, CancelOutcome, Handle, Operation, ReferenceSupport, Resolution, State,
};

use crate::check::{Outcome, Stop, ensure, skip};
use crate::world::{INSTANCE, World};

/// After how many polls a future is dropped: at each await point of a short call, at some of a long one.
const POLLS: [u32; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 17, 22, 30, 45];

/// Polls a future so often and drops it; true if it was done before.
async fn cut<F: Future>(polls: u32, future: F) -> bool {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

pub(super) async fn status(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    for polls in POLLS {
        cut(polls, w.client.status(&handle)).await;
        let state = again(polls, w.client.status(&handle).await)?.state();
        ensure!(state == State::Pending, "after a status dropped at its {polls}. poll it is {state}");
    }
    few(w, Operation::Status, 2 * POLLS.len()).await
}

pub(super) async fn download(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    w.sign_all(&handle, &request).await?;
    let whole = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    for polls in POLLS {
        cut(polls, w.client.download(&handle, &ArtifactId::SIGNED)).await;
        let artifact = again(polls, w.client.download(&handle, &ArtifactId::SIGNED).await)?;
        ensure!(
            artifact.content == whole.content,
            "after a download dropped at its {polls}. poll another document came"
        );
    }
    few(w, Operation::Download, 2 * POLLS.len() + 1).await
}

/// Half a cancel leaves a request that is open or gone; a whole one ends it, once.
pub(super) async fn cancel(w: &World) -> Outcome {
    if !w.caps.cancel.is_yes() {
        skip!("cancel: not claimed");
    }
    for polls in POLLS {
        let handle = w.sent(&w.request()?).await?;
        cut(polls, w.client.cancel(&handle)).await;
        let outcome = again(polls, w.client.cancel(&handle).await)?;
        let ended = matches!(outcome, CancelOutcome::Cancelled | CancelOutcome::AlreadyGone);
        ensure!(ended, "after a cancel dropped at its {polls}. poll: {}", outcome.as_str());
        let state = w.client.status(&handle).await?.state();
        ensure!(state == State::Cancelled, "after a dropped cancel and a whole one it is {state}");
    }
    few(w, Operation::Cancel, 2 * POLLS.len()).await
}

pub(super) async fn erase(w: &World) -> Outcome {
    if !w.caps.erase.is_yes() {
        skip!("erase: not claimed");
    }
    for polls in POLLS {
        let handle = w.sent(&w.request()?).await?;
        cut(polls, w.client.erase(&handle)).await;
        again(polls, w.client.erase(&handle).await)?;
        let there = w.client.erase(&handle).await?;
        ensure!(!there, "erased, and still there after an erase dropped at its {polls}. poll");
    }
    Ok(())
}

pub(super) async fn resolve(w: &World) -> Outcome {
    if w.caps.reference == ReferenceSupport::None {
        skip!("reference: none");
    }
    let prepared = w.client.prepare(w.request()?).await?;
    let intent = prepared.intent().clone();
    w.client.submit(prepared).await?;
    for polls in POLLS {
        cut(polls, w.client.resolve(&intent)).await;
        let resolution = again(polls, w.client.resolve(&intent).await)?;
        let lost = matches!(resolution, Resolution::NotFound | Resolution::Unknown { .. });
        ensure!(!lost, "after a resolve dropped at its {polls}. poll: {resolution:?}");
    }
    Ok(())
}

pub(super) async fn receive(w: &World) -> Outcome {
    if w.caps.callbacks == CallbackSupport::None {
        skip!("callbacks: none are claimed");
    }
    let (_, calls) = called(w).await?;
    for polls in POLLS {
        // From the start: without what an earlier call has fetched.
        let fresh = w.client_with(INSTANCE, w.backend.instance()).await?;
        cut(polls, fresh.receive(INSTANCE, &calls[0])).await;
        cut(polls, fresh.ready()).await;
        again(polls, fresh.ready().await)?;
        let received = again(polls, fresh.receive(INSTANCE, &calls[0]).await)?;
        again(polls, received.events)?;
    }
    Ok(())
}

/// A token that was being fetched is fetched by the next call.
pub(super) async fn first_call(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    for polls in POLLS {
        let fresh = w.client_with(INSTANCE, w.backend.instance()).await?;
        cut(polls, fresh.status(&handle)).await;
        again(polls, fresh.status(&handle).await)?;
    }
    Ok(())
}

async fn called(w: &World) -> Result<(Handle, Vec<esign_core::InboundCall>), Stop> {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    w.sign_all(&handle, &request).await?;
    let calls = w.backend.callbacks(&handle).await;
    if calls.is_empty() {
        skip!("the harness makes no callbacks");
    }
    Ok((handle, calls))
}

fn again<T>(polls: u32, result: esign_core::Result<T>) -> Result<T, Stop> {
    result.map_err(|error| {
        Stop::Fail(format!("after a call dropped at its {polls}. poll, the next one fails: {error}"))
    })
}

/// A dropped call goes on nowhere: no more calls arrive than were begun.
async fn few(w: &World, operation: Operation, begun: usize) -> Outcome {
    let reached = w.backend.reached(operation).await as usize;
    ensure!(reached <= begun, "{begun} calls were begun, and {reached} reached the backend");
    Ok(())
}
