//! Erasing: what is claimed to be erased is gone.

use esign_core::{ArtifactId, ErrorKind, Handle, Operation, SignRequest, State};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::{Action, Fault};
use crate::world::World;

async fn sent(w: &World) -> Result<(SignRequest, Handle), Stop> {
    if !w.caps.erase.is_yes() {
        skip!("erase: not claimed");
    }
    let request = w.request()?;
    let handle = w.sent(&request).await?;
    Ok((request, handle))
}

/// Nobody can sign any more, nothing comes back, and there is nothing to erase a second time.
pub(super) async fn an_open_request(w: &World) -> Outcome {
    let (request, handle) = sent(w).await?;
    ensure!(w.client.erase(&handle).await?, "erased, and it says that there was nothing");
    let signed = w.backend.act(&handle, &request.signers[0], Action::Sign).await;
    ensure!(!signed, "erased, and the signer could still sign");
    if let Ok(report) = w.client.status(&handle).await {
        let open = matches!(report.state(), State::Pending | State::InProgress | State::Completed);
        ensure!(!open, "erased, and it is {}", report.state());
    }
    gone(w, &handle).await
}

/// A success that is not the service's erases nothing.
pub(super) async fn believes_only_the_service(w: &World) -> Outcome {
    for (status, body) in
        [(200, "<html>Log in</html>"), (404, r#"{"message":"no Route matched with those values"}"#)]
    {
        let (request, handle) = sent(w).await?;
        if !w.inject(Operation::Erase, Fault::Intercepted { status, body }).await {
            skip!("the harness cannot answer in the service's place");
        }
        let result = w.client.erase(&handle).await;
        w.heal().await?;
        if let Ok(there) = result {
            let signed = w.backend.act(&handle, &request.signers[0], Action::Sign).await;
            ensure!(
                !signed,
                "{status} {body:?} is taken for erased ({there}), and the signer could still sign"
            );
        }
    }
    Ok(())
}

/// A signed document is gone, too.
pub(super) async fn a_signed_request(w: &World) -> Outcome {
    let (request, handle) = sent(w).await?;
    w.sign_all(&handle, &request).await?;
    w.client.download(&handle, &ArtifactId::SIGNED).await?;
    ensure!(w.client.erase(&handle).await?, "erased, and it says that there was nothing");
    gone(w, &handle).await
}

async fn gone(w: &World, handle: &Handle) -> Outcome {
    for what in [ArtifactId::SIGNED, ArtifactId::PARTIAL, ArtifactId::ORIGINAL] {
        match w.client.download(handle, &what).await {
            Ok(_) => return fail(format!("erased, and {what} can still be had")),
            Err(error) => {
                let right =
                    matches!(error.kind(), ErrorKind::Gone | ErrorKind::NotFound | ErrorKind::NotReady);
                ensure!(right, "erased, and asking for {what} gives {:?}: {error}", error.kind());
            }
        }
    }
    ensure!(!w.client.erase(handle).await?, "erased twice, and twice there was something");
    Ok(())
}
