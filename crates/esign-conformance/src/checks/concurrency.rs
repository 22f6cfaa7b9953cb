//! Many calls at once share what can be shared.

use esign_core::Operation;

use crate::check::{Outcome, ensure, fail, skip};
use crate::world::World;

/// A token is fetched once, not once per call.
pub(super) async fn one_token_serves_all(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    if w.backend.reached(Operation::Token).await == 0 {
        skip!("no token is fetched");
    }
    let mut calls = Vec::new();
    for _ in 0..10 {
        let (client, handle) = (w.client.clone(), handle.clone());
        calls.push(tokio::spawn(async move { client.status(&handle).await.map(|_| ()) }));
    }
    for call in calls {
        match call.await {
            Ok(result) => result?,
            Err(error) => return fail(format!("a call panicked: {error}")),
        }
    }
    let fetched = w.backend.reached(Operation::Token).await;
    ensure!(fetched == 1, "{fetched} tokens were fetched for 11 calls");
    Ok(())
}
