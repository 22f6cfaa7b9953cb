//! What comes out: the right bytes, whole, at the right time, or an error that says so.

use std::time::Duration;

use esign_core::{ArtifactId, ErrorKind, Handle, Operation, OriginProof, Retry, SignRequest, State};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::{Action, Fault};
use crate::sample::known;
use crate::world::World;

/// A request that everybody has signed.
async fn signed(w: &World) -> Result<(SignRequest, Handle), Stop> {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    w.sign_all(&handle, &request).await?;
    let report = w.client.status(&handle).await?;
    Ok((request, report.new_handle.unwrap_or(handle)))
}

/// Fetched twice it is the same, and it extends what was sent where that is claimed.
pub(super) async fn equals_what_was_sent(w: &World) -> Outcome {
    let (request, handle) = signed(w).await?;
    let once = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    let twice = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    ensure!(once.content == twice.content, "two downloads of the signed document differ");
    ensure!(once.id == ArtifactId::SIGNED, "the artifact calls itself {}", once.id);
    ensure!(once.media_type == *request.documents[0].media_type(), "a {} came back", once.media_type);
    let sent = request.documents[0].content();
    if w.caps.origin_proof == OriginProof::ByteExtension {
        ensure!(
            once.content.starts_with(sent),
            "the signed document does not begin with the bytes that were sent"
        );
        ensure!(
            once.content.len() > sent.len(),
            "the signed document is the one that was sent: nothing was signed"
        );
    }
    Ok(())
}

pub(super) async fn not_ready_before_the_end(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    match w.client.download(&handle, &ArtifactId::SIGNED).await {
        Ok(_) => fail("nobody has signed, and a signed document came back"),
        Err(error) => {
            ensure!(
                error.kind() == ErrorKind::NotReady,
                "nobody has signed, and the error is {:?}: {error}",
                error.kind()
            );
            Ok(())
        }
    }
}

/// An unfinished document is given out only to who asks for it by name.
pub(super) async fn partial_only_by_name(w: &World) -> Outcome {
    let request = w.request_for(2)?;
    let handle = w.sent(&request).await?;
    w.act(&handle, &request.signers[0], Action::Sign).await?;
    match w.client.download(&handle, &ArtifactId::SIGNED).await {
        Ok(_) => {
            return fail("one of two has signed, and the unfinished document came back as the signed one");
        }
        Err(error) => ensure!(error.kind() == ErrorKind::NotReady, "one of two has signed: {error}"),
    }
    let partial = w.client.download(&handle, &ArtifactId::PARTIAL).await;
    match (w.caps.partial_result.is_yes(), partial) {
        (true, Ok(artifact)) => ensure!(!artifact.content.is_empty(), "the unfinished document is empty"),
        (true, Err(error)) => return fail(format!("partial_result is claimed: {error}")),
        (false, Ok(_)) => return fail("partial_result is not claimed, and an unfinished document came back"),
        (false, Err(_)) => {}
    }
    Ok(())
}

pub(super) async fn whatever_is_listed(w: &World) -> Outcome {
    let (_, handle) = signed(w).await?;
    let listed = w.client.status(&handle).await?.artifacts;
    ensure!(listed.contains(&ArtifactId::SIGNED), "the signed document is not listed: {listed:?}");
    for id in listed {
        let artifact = w.client.download(&handle, &id).await?;
        ensure!(!artifact.content.is_empty(), "{id} is listed, and empty");
    }
    Ok(())
}

pub(super) async fn what_never_existed(w: &World) -> Outcome {
    let (_, handle) = signed(w).await?;
    match w.client.download(&handle, &ArtifactId::parse("conformance-nothing")).await {
        Ok(_) => fail("an artifact that never existed came back"),
        Err(error) => {
            ensure!(
                error.kind() == ErrorKind::NotFound,
                "an artifact that never existed gives {:?}",
                error.kind()
            );
            Ok(())
        }
    }
}

/// Half a document is an error.
pub(super) async fn truncated(w: &World) -> Outcome {
    let (_, handle) = signed(w).await?;
    let whole = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    if !w.inject(Operation::Download, Fault::Truncate).await {
        skip!("the harness cannot make it happen: {:?}", Fault::Truncate);
    }
    let result = w.client.download(&handle, &ArtifactId::SIGNED).await;
    w.heal().await?;
    match result {
        Ok(artifact) => {
            ensure!(artifact.content == whole.content, "half a document came back as a whole one")
        }
        Err(error) => {
            let safe = matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted);
            ensure!(safe, "a broken download gives {:?}: {error}", error.retry());
        }
    }
    let again = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    ensure!(again.content == whole.content, "after a broken download another document came back");
    Ok(())
}

pub(super) async fn survives_faults(w: &World) -> Outcome {
    let (_, handle) = signed(w).await?;
    let whole = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    let faults = [
        Fault::RefuseConnection,
        Fault::LoseAnswer,
        Fault::RateLimited { after: None },
        Fault::FailAfterEffect,
        Fault::Garbage,
    ];
    for fault in faults {
        if !w.inject(Operation::Download, fault).await {
            continue;
        }
        let result = w.client.download(&handle, &ArtifactId::SIGNED).await;
        w.heal().await?;
        match result {
            Ok(artifact) => {
                ensure!(artifact.content == whole.content, "{fault:?} was taken for the document")
            }
            Err(error) => {
                let right = error.retry() != Retry::OutcomeUnknown
                    && (fault == Fault::Garbage || error.retry() != Retry::Never);
                ensure!(right, "{fault:?} gives {:?}: {error}", error.retry());
            }
        }
        let again = w.client.download(&handle, &ArtifactId::SIGNED).await?;
        ensure!(again.content == whole.content, "after {fault:?} another document came back");
    }
    Ok(())
}

/// A refusal is told as one, however often it was asked in vain.
pub(super) async fn a_refusal_is_told(w: &World) -> Outcome {
    let (_, handle) = signed(w).await?;
    // More often than any adapter asks.
    for _ in 0..6 {
        if !w.inject(Operation::Download, Fault::Refuse(403)).await {
            skip!("the harness cannot refuse a download");
        }
    }
    match w.client.download(&handle, &ArtifactId::SIGNED).await {
        Ok(_) => fail("refused, and there is a document"),
        Err(error) => {
            let right = error.kind() == ErrorKind::Forbidden && error.retry() == Retry::Never;
            ensure!(right, "403 is {} ({:?}): {error}", error.kind().as_str(), error.retry());
            Ok(())
        }
    }
}

/// Addresses and tokens that were good an hour ago are not taken for good now.
pub(super) async fn an_hour_later(w: &World) -> Outcome {
    let (_, handle) = signed(w).await?;
    let first = w.client.download(&handle, &ArtifactId::SIGNED).await?;
    let life = known(w.caps.result_lifetime).unwrap_or(u64::MAX);
    for wait in [Duration::from_secs(1200), Duration::from_secs(2100)] {
        if wait.as_secs() * 2 > life {
            continue;
        }
        w.backend.pass(wait).await;
        let again = w.client.download(&handle, &ArtifactId::SIGNED).await?;
        ensure!(again.content == first.content, "later another document came back");
    }
    Ok(())
}

pub(super) async fn gone_after_its_time(w: &World) -> Outcome {
    let Some(life) = known(w.caps.result_lifetime) else {
        skip!("result_lifetime: {:?}", w.caps.result_lifetime);
    };
    let (_, handle) = signed(w).await?;
    w.backend.pass(Duration::from_secs(life + 86_400)).await;
    match w.client.download(&handle, &ArtifactId::SIGNED).await {
        Ok(_) => return fail(format!("the result is kept for {life} s, and came back after that")),
        Err(error) => {
            let gone = matches!(error.kind(), ErrorKind::Gone | ErrorKind::NotFound);
            ensure!(
                gone && error.retry() == Retry::Never,
                "the result is gone, and the error is {:?}: {error}",
                error.kind()
            );
        }
    }
    if let Ok(report) = w.client.status(&handle).await {
        let open = matches!(report.state(), State::Pending | State::InProgress);
        ensure!(!open, "signed, its result gone, and it is {}", report.state());
    }
    Ok(())
}
