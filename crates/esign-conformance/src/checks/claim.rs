//! What the capabilities claim as a whole.

use esign_core::{CallbackSupport, ReferenceSupport};

use crate::check::{Outcome, ensure};
use crate::world::{INSTANCE, World};

/// A claim without the group of operations that it needs is empty, and a group without its claim is invisible.
pub(super) async fn groups_are_there(w: &World) -> Outcome {
    let provider = w.provider()?;
    let signs = !w.caps.deliveries.is_empty();
    let groups = [
        ("documents", signs, provider.documents().is_some()),
        ("callbacks", w.caps.callbacks != CallbackSupport::None, provider.callbacks().is_some()),
        ("erase", w.caps.erase.is_yes(), provider.retention().is_some()),
        ("transactions", w.caps.transactions.is_yes(), provider.transactions().is_some()),
    ];
    for (claim, claimed, there) in groups {
        ensure!(claimed == there, "{claim} claimed: {claimed}; its group of operations present: {there}");
    }
    let found = w.caps.reference != ReferenceSupport::None;
    ensure!(
        !found || provider.lookup().is_some(),
        "reference: {:?} is claimed, but there is no Lookup",
        w.caps.reference
    );
    ensure!(signs || w.caps.transactions.is_yes(), "it signs neither documents nor transactions");
    Ok(())
}

/// Plans are made from capabilities again and again: they say the same each time, also after requests.
pub(super) async fn capabilities_are_stable(w: &World) -> Outcome {
    let provider = w.provider()?;
    ensure!(provider.kind() == w.caps.kind, "kind() and capabilities().kind differ");
    ensure!(provider.capabilities() == w.caps, "two calls of capabilities() differ");
    w.submit(&w.request()?).await?;
    ensure!(w.client.capabilities(INSTANCE)? == w.caps, "capabilities() changed with the first request");
    Ok(())
}

/// Building an instance reads secrets, and calls nobody.
pub(super) async fn build_sends_nothing(w: &World) -> Outcome {
    let reached = w.reached().await;
    ensure!(reached.iter().all(|(_, calls)| *calls == 0), "building it reached the backend: {reached:?}");
    Ok(())
}
