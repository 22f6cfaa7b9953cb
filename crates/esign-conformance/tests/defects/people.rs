//! Wrong about people who do not sign, about whose link is whose, and about reminders.

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Documents, Error, Intent, Lookup, Mark, Prepared, Reminders, RequestRef, Resolution, Result, Retry, Role,
    StatusReport, Step, Submission,
};

use crate::wrong::{Defect, submit_changed};

macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(
    WaitsForCopies,
    DropsApprovers,
    MarksAreSignatures,
    ForgetsLaterLinks,
    SwapsLinks,
    RemindsTwice,
    RemindsNobody,
    LostReminderIsSafe,
    FailedLookupIsNotFound,
);

#[async_trait]
impl Defect for WaitsForCopies {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        submit_changed(right, request, |request| {
            for signer in request.signers.iter_mut().filter(|signer| signer.role == Role::Copy) {
                signer.role = Role::Viewer;
                request.order = Some(esign_core::Order::Parallel);
            }
        })
        .await
    }
}

#[async_trait]
impl Defect for DropsApprovers {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        submit_changed(right, request, |request| {
            request.signers.retain(|signer| signer.role != Role::Approver)
        })
        .await
    }
}

#[async_trait]
impl Defect for MarksAreSignatures {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        submit_changed(right, request, |request| {
            let placements = request.signers.iter_mut().flat_map(|signer| &mut signer.placements);
            placements.for_each(|placement| placement.mark = Mark::Signature);
        })
        .await
    }
}

#[async_trait]
impl Defect for ForgetsLaterLinks {
    async fn status(&self, right: &MemoryProvider, at: &RequestRef) -> Result<StatusReport> {
        let mut report = right.status(at).await?;
        report.next_steps.clear();
        Ok(report)
    }
}

#[async_trait]
impl Defect for SwapsLinks {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        let mut sent = right.submit(request).await?;
        let steps: Vec<Step> = sent.next_steps.iter().rev().map(|next| next.step.clone()).collect();
        sent.next_steps.iter_mut().zip(steps).for_each(|(next, step)| next.step = step);
        Ok(sent)
    }
}

#[async_trait]
impl Defect for RemindsTwice {
    async fn remind(&self, right: &MemoryProvider, at: &RequestRef) -> Result<Vec<String>> {
        match right.remind(at).await {
            Ok(_) => right.remind(at).await,
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Defect for RemindsNobody {
    async fn remind(&self, right: &MemoryProvider, at: &RequestRef) -> Result<Vec<String>> {
        right.remind(at).await?;
        Ok(Vec::new())
    }
}

#[async_trait]
impl Defect for LostReminderIsSafe {
    async fn remind(&self, right: &MemoryProvider, at: &RequestRef) -> Result<Vec<String>> {
        right.remind(at).await.map_err(|error: Error| error.with_retry(Retry::SAFE))
    }
}

#[async_trait]
impl Defect for FailedLookupIsNotFound {
    async fn find(&self, right: &MemoryProvider, intent: &Intent) -> Result<Resolution> {
        Ok(right.find(intent).await.unwrap_or(Resolution::NotFound))
    }
}
