//! Transactions: begun anew each time, completed once, and only in the session that they were begun for.

use std::sync::Arc;
use std::time::Duration;

use esign_core::{
    Error, ErrorKind, InboundCall, Operation, Reference, Retry, Severity, TransactionRequest,
    TransactionResult, TransactionReturn, TransactionStart, Transactions,
};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::Fault;
use crate::sample::MARKER;
use crate::world::{World, debugged};

/// What the person reads.
const TEXT: &str = "Transfer 10.00 to account ****5678";

impl World {
    fn transactions(&self) -> Result<Arc<dyn Transactions>, Stop> {
        if !self.caps.transactions.is_yes() {
            skip!("transactions: not claimed");
        }
        self.provider()?
            .transactions()
            .map_or_else(|| fail("claimed, but there is no group of operations"), Ok)
    }

    /// A begun transaction and the call with which an approving person's browser comes back.
    async fn approved(&self) -> Result<(TransactionStart, InboundCall), Stop> {
        let start = self.transactions()?.begin(&sample()?).await?;
        match self.backend.approve(&start).await {
            Some(call) => Ok((start, call)),
            None => Err(Stop::Skip("approve: the backend cannot".to_owned())),
        }
    }

    async fn complete(&self, call: &InboundCall, session: &str) -> Result<TransactionResult, Error> {
        let Some(transactions) = self.provider()?.transactions() else {
            return Err(Error::new(ErrorKind::Internal, "the group of operations has gone"));
        };
        transactions.complete(&TransactionReturn::new(call.clone(), session)).await
    }

    /// The return must be refused, and nothing may be asked of the backend for it.
    async fn not_believed(&self, call: &InboundCall, session: &str, what: &str) -> Outcome {
        let before = self.backend.reached(Operation::Transaction).await;
        match self.complete(call, session).await {
            Ok(_) => return fail(format!("{what} completed it")),
            Err(error) => ensure!(
                error.kind() == ErrorKind::Verification,
                "{what} is {} instead of verification: {error}",
                error.kind().as_str()
            ),
        }
        let after = self.backend.reached(Operation::Transaction).await;
        ensure!(before == after, "{what} reached the backend");
        Ok(())
    }
}

fn session() -> String {
    format!("{MARKER}-session")
}

fn sample() -> Result<TransactionRequest, Stop> {
    Ok(TransactionRequest::new(Reference::random()?, TEXT, session()))
}

/// A page may ask again at any time: each answer is new, and the person is asked nothing yet.
pub(super) async fn begins_anew_each_time(w: &World) -> Outcome {
    let transactions = w.transactions()?;
    let request = sample()?;
    let (one, two) = (transactions.begin(&request).await?, transactions.begin(&request).await?);
    ensure!(one.page_parameters != two.page_parameters, "two calls for one transaction give the same values");
    ensure!(one.expires_at > w.backend.clock().now(), "what was begun has expired already");
    ensure!(w.backend.reached(Operation::Transaction).await == 0, "beginning reached the backend");
    Ok(())
}

/// Nobody signs what they cannot read.
pub(super) async fn refuses_an_empty_text(w: &World) -> Outcome {
    let transactions = w.transactions()?;
    for text in ["", " \n"] {
        let mut request = sample()?;
        request.text = text.into();
        let refused = transactions.check(&request).iter().any(|f| f.severity == Severity::Refusal);
        ensure!(refused, "check() does not refuse {text:?}");
        let error = transactions.begin(&request).await.err();
        ensure!(
            error.as_ref().is_some_and(|e| e.kind() == ErrorKind::InvalidRequest && e.field_path().is_some()),
            "begin() does not refuse {text:?} at its field: {error:?}"
        );
    }
    Ok(())
}

/// The result is about the transaction that was begun, with what proves it; the same return works once.
pub(super) async fn completes_once(w: &World) -> Outcome {
    let transactions = w.transactions()?;
    let request = sample()?;
    let start = transactions.begin(&request).await?;
    let Some(call) = w.backend.approve(&start).await else { skip!("approve: the backend cannot") };
    let result = w.complete(&call, &session()).await?;
    ensure!(result.reference == request.reference, "the result is about {}", result.reference);
    let evidence = &result.evidence;
    ensure!(!evidence.body.is_empty() && !evidence.verified_with.is_empty(), "the result keeps no evidence");
    w.not_believed(&call, &session(), "a second return").await
}

/// A page that asked twice may come back with either.
pub(super) async fn each_begin_stays_open(w: &World) -> Outcome {
    let (_, one) = w.approved().await?;
    let (_, two) = w.approved().await?;
    for call in [two, one] {
        w.complete(&call, &session()).await?;
    }
    Ok(())
}

/// Somebody else's browser cannot complete it.
pub(super) async fn stays_with_its_session(w: &World) -> Outcome {
    let (_, call) = w.approved().await?;
    w.not_believed(&call, "another session", "a return to another session").await
}

/// What never was issued, and what has lost a part on the way, completes nothing.
pub(super) async fn believes_only_what_was_issued(w: &World) -> Outcome {
    let (_, call) = w.approved().await?;
    for at in 0..call.query.len() {
        let (_, mut changed) = w.approved().await?;
        changed.query[at].1.push('x');
        let (_, mut missing) = w.approved().await?;
        let (name, _) = missing.query.remove(at);
        for (what, call) in [("changed", changed), ("missing", missing)] {
            ensure!(
                w.complete(&call, &session()).await.is_err(),
                "a return whose {name} is {what} completed it"
            );
        }
    }
    w.not_believed(&InboundCall::get("/back"), &session(), "a return without parameters").await
}

/// A return that was kept for a day completes nothing.
pub(super) async fn ends_with_time(w: &World) -> Outcome {
    let (_, call) = w.approved().await?;
    w.backend.pass(Duration::from_secs(86_400)).await;
    w.not_believed(&call, &session(), "a return after a day").await
}

/// Of many returns at once one completes it.
pub(super) async fn completes_once_at_a_time(w: &World) -> Outcome {
    let (_, call) = w.approved().await?;
    let provider = w.provider()?;
    let mut returns = Vec::new();
    for _ in 0..10 {
        let back = TransactionReturn::new(call.clone(), session());
        let Some(transactions) = provider.transactions() else { continue };
        returns.push(tokio::spawn(async move { transactions.complete(&back).await.is_ok() }));
    }
    let mut completed = 0;
    for one in returns {
        completed += usize::from(one.await.map_err(|e| Stop::Fail(format!("a call panicked: {e}")))?);
    }
    ensure!(completed == 1, "{completed} of 10 returns at once completed it");
    Ok(())
}

/// What had no effect can be tried again with the same return.
pub(super) async fn connection_refused(w: &World) -> Outcome {
    let (_, call) = w.approved().await?;
    if !w.inject(Operation::Transaction, Fault::RefuseConnection).await {
        skip!("connection refused: the backend cannot");
    }
    let outcome = w.complete(&call, &session()).await;
    w.heal().await?;
    let Err(error) = outcome else { return fail("completed without a connection") };
    ensure!(
        matches!(error.retry(), Retry::Safe { .. } | Retry::Exhausted),
        "a refused connection is {} instead of safe: {error}",
        error.retry().as_str()
    );
    w.complete(&call, &session()).await?;
    Ok(())
}

/// A lost answer may have been the only one.
pub(super) async fn answer_lost(w: &World) -> Outcome {
    for fault in [Fault::LoseAnswer, Fault::FailAfterEffect, Fault::Garbage] {
        let (_, call) = w.approved().await?;
        if !w.inject(Operation::Transaction, fault).await {
            skip!("{fault:?}: the backend cannot");
        }
        let before = w.backend.reached(Operation::Transaction).await;
        let outcome = w.complete(&call, &session()).await;
        w.heal().await?;
        let Err(error) = outcome else { return fail(format!("completed without an answer ({fault:?})")) };
        ensure!(
            error.is_outcome_unknown(),
            "{fault:?} is {} instead of unknown: {error}",
            error.retry().as_str()
        );
        let calls = w.backend.reached(Operation::Transaction).await - before;
        ensure!(calls == 1, "asked {calls} times for one answer");
    }
    Ok(())
}

/// The session is the application's secret, and the text the person's matter.
pub(super) async fn prints_nothing_personal_or_secret(w: &World) -> Outcome {
    let (start, call) = w.approved().await?;
    let result = w.complete(&call, &session()).await?;
    let error = w.complete(&call, &session()).await.err();
    let printed = [
        debugged(&sample()?),
        debugged(&start),
        debugged(&result),
        debugged(&TransactionReturn::new(call.clone(), session())),
        debugged(w.provider()?.as_ref()),
        format!("{} {}", debugged(&error), error.as_ref().map(ToString::to_string).unwrap_or_default()),
        w.told.text(),
    ];
    let mut hidden = w.backend.markers();
    hidden.extend([MARKER.to_owned(), TEXT.to_owned()]);
    hidden.extend(call.query.iter().map(|(_, value)| value.clone()).filter(|value| value.len() > 8));
    for text in printed {
        ensure!(
            !hidden.iter().any(|h| !h.is_empty() && text.contains(h.as_str())),
            "something hidden is printed"
        );
    }
    Ok(())
}
