//! Handles: stored, restored, followed under another name, and refused where they do not belong.

use esign_core::secrecy::ExposeSecret;
use esign_core::{ErrorKind, Handle, Operation, State};

use crate::check::{Outcome, ensure, skip};
use crate::harness::Action;
use crate::sample::{MARKER, NAME};
use crate::world::{INSTANCE, World};

/// Stored, read back in another process: everything still works.
pub(super) async fn survives_storage(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    let stored = handle.to_stored().expose_secret().to_owned();
    let restored = Handle::from_stored(&stored)?;
    ensure!(restored == handle, "the handle changes when it is stored and read back");
    let restarted = w.client_with(INSTANCE, w.backend.instance()).await?;
    ensure!(
        restarted.status(&restored).await?.state() == State::Pending,
        "after a restart it is not pending"
    );
    w.sign_all(&handle, &request).await?;
    let report = restarted.status(&restored).await?;
    ensure!(
        report.state() == State::Completed,
        "after a restart and all signatures it is {}",
        report.state()
    );
    let newest = report.new_handle.unwrap_or(restored);
    restarted.download(&newest, &esign_core::ArtifactId::SIGNED).await?;
    Ok(())
}

/// An instance may be renamed if it keeps its old name as an alias.
pub(super) async fn follows_an_alias(w: &World) -> Outcome {
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    let mut renamed = w.backend.instance();
    renamed.aliases.insert(INSTANCE.to_owned());
    let client = w.client_with("renamed", renamed).await?;
    ensure!(client.status(&handle).await?.state() == State::Pending, "under another name it is not pending");
    w.act(&handle, &request.signers[0], Action::Sign).await?;
    client.status(&handle).await?;
    Ok(())
}

/// Without the alias no other instance is guessed.
pub(super) async fn stays_with_its_instance(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    refused(w, &handle, &w.client_with("renamed", w.backend.instance()).await?).await
}

/// The same name at another address is another instance.
pub(super) async fn stays_at_its_address(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    refused(w, &handle, &w.client_with(INSTANCE, w.backend.elsewhere()).await?).await
}

async fn refused(w: &World, handle: &Handle, client: &esign_core::Client) -> Outcome {
    let before = w.backend.reached(Operation::Status).await;
    let errors = [client.status(handle).await.err(), client.cancel(handle).await.err()];
    for error in errors {
        ensure!(
            error.is_some_and(|e| e.kind() == ErrorKind::BadHandle),
            "a handle was used where it does not belong"
        );
    }
    let after = w.backend.reached(Operation::Status).await;
    ensure!(before == after, "a handle that does not belong there reached the backend");
    Ok(())
}

/// Events are matched to handles by key: it never changes, and differs between requests.
pub(super) async fn key_is_stable(w: &World) -> Outcome {
    let request = w.request()?;
    let (one, two) = (w.sent(&request).await?, w.sent(&w.request()?).await?);
    ensure!(one.key() != two.key(), "two requests have the same key");
    let key = one.key();
    let stored = Handle::from_stored(one.to_stored().expose_secret())?;
    ensure!(stored.key() == key, "the key changes when the handle is stored");
    w.sign_all(&one, &request).await?;
    if let Some(newer) = w.client.status(&one).await?.new_handle {
        ensure!(newer.key() == key, "the key changes with the newer handle");
        ensure!(newer.instance() == one.instance(), "the newer handle names another instance");
    }
    Ok(())
}

pub(super) async fn holds_no_personal_data(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    let stored = handle.to_stored().expose_secret().to_lowercase();
    for datum in [MARKER, &NAME.to_lowercase()] {
        ensure!(!stored.contains(datum), "the stored handle holds personal data: {datum}");
    }
    Ok(())
}

/// What an earlier version put into handles is still understood: requests are open for weeks, and programs are updated
/// meanwhile.
pub(super) async fn reads_earlier_versions(w: &World) -> Outcome {
    let stored = w.backend.stored_handles();
    if stored.is_empty() {
        skip!("the harness keeps no handles of earlier versions");
    }
    let fresh = w.sent(&w.request()?).await?;
    for text in stored {
        let old = Handle::from_stored(&text)?;
        ensure!(*old.kind() == w.caps.kind, "a stored handle is of the kind {}", old.kind());
        let state: serde_json::Value = old.request().state()?;
        let handle = fresh.clone().with_private(&state)?;
        let error = w.client.status(&handle).await.err();
        ensure!(
            error.as_ref().is_none_or(|e| e.kind() != ErrorKind::BadHandle),
            "a handle of an earlier version is not understood: {error:?}"
        );
    }
    Ok(())
}
