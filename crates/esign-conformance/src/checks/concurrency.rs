//! Many calls at once share what can be shared.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use esign_core::{Operation, Result};

use crate::check::{Outcome, ensure, fail, skip};
use crate::world::{INSTANCE, World};

/// A token is fetched once, not once per call.
pub(super) async fn one_token_serves_all(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    if w.backend.reached(Operation::Token).await == 0 {
        skip!("no token is fetched");
    }
    all(10, |_| {
        let (client, handle) = (w.client.clone(), handle.clone());
        async move { client.status(&handle).await.map(|_| ()) }
    })
    .await?;
    let fetched = w.backend.reached(Operation::Token).await;
    ensure!(fetched == 1, "{fetched} tokens were fetched for 11 calls");
    Ok(())
}

/// Calls that come all at once before there is any token wait for one, instead of fetching one each.
pub(super) async fn one_token_at_the_start(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    let before = w.backend.reached(Operation::Token).await;
    if before == 0 {
        skip!("no token is fetched");
    }
    let fresh = w.client_with(INSTANCE, w.backend.instance()).await?;
    all(10, |_| {
        let (client, handle) = (fresh.clone(), handle.clone());
        async move { client.status(&handle).await.map(|_| ()) }
    })
    .await?;
    let fetched = w.backend.reached(Operation::Token).await - before;
    ensure!(fetched <= 1, "{fetched} tokens were fetched for 10 calls at once");
    Ok(())
}

/// More calls than a window admits take longer than the window, by the client's clock.
pub(super) async fn rate_limit_is_kept(w: &World) -> Outcome {
    let Some(limit) = w.caps.rate_limit else {
        skip!("rate_limit: none is claimed");
    };
    if limit.requests > 500 {
        skip!("rate_limit: {} requests are too many to try", limit.requests);
    }
    let handle = w.sent(&w.request()?).await?;
    let start = w.client.clock().monotonic();
    all(limit.requests + limit.requests / 4 + 1, |_| {
        let (client, handle) = (w.client.clone(), handle.clone());
        async move { client.status(&handle).await.map(|_| ()) }
    })
    .await?;
    let took = w.client.clock().monotonic().saturating_sub(start);
    ensure!(
        took + Duration::from_millis(1) >= Duration::from_secs(limit.window_seconds.into()),
        "{} requests in {} s are claimed as the limit; more than those took {took:?}",
        limit.requests,
        limit.window_seconds
    );
    Ok(())
}

/// Several tasks that call again and again all get their turn, whatever limits them.
pub(super) async fn nobody_starves(w: &World) -> Outcome {
    const TASKS: u32 = 6;
    let rounds = w.caps.rate_limit.map_or(0, |limit| limit.requests.min(200)) / TASKS + 12;
    let handle = w.sent(&w.request()?).await?;
    let served: Arc<Vec<AtomicU32>> = Arc::new((0..TASKS).map(|_| AtomicU32::new(0)).collect());
    all(TASKS, |task| {
        let (client, handle, served) = (w.client.clone(), handle.clone(), Arc::clone(&served));
        async move {
            // Until all together have made their rounds: who is served less often has waited for the others.
            while served.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u32>() < TASKS * rounds {
                client.status(&handle).await?;
                served[task as usize].fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    })
    .await?;
    let counts: Vec<_> = served.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    let least = counts.iter().min().copied().unwrap_or_default();
    ensure!(least >= rounds / 3, "{TASKS} tasks were served {counts:?} times: some wait while others do not");
    Ok(())
}

/// Runs so many calls at once.
async fn all<F>(count: u32, call: impl Fn(u32) -> F) -> Outcome
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let calls: Vec<_> = (0..count).map(|n| tokio::spawn(call(n))).collect();
    for call in calls {
        match call.await {
            Ok(result) => result?,
            Err(error) => return fail(format!("a call panicked: {error}")),
        }
    }
    Ok(())
}
