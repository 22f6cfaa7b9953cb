//! From tasks and packaging to a neutral status (spec 6.3).

use std::time::Duration;

use esign_core::jiff::Timestamp;
use esign_core::{
    CompletedSignature, ErrorKind, Operation, Result, ResultState, SignerStatus, Standing, State,
    StatusReport,
};

use super::{Private, artifacts};
use crate::SignicatClient;
use crate::convert::Layout;
use crate::wire::{PackagingStatus, TaskForward, TaskStatus};

/// Packaging takes seconds: clients look every 3 to 5.
const PACKAGING_POLL: Duration = Duration::from_secs(3);
/// How often a task may be passed on before we stop following it.
const MAX_FORWARDS: usize = 5;

/// Reads every task, and packaging where all have signed.
pub(super) async fn read(
    client: &SignicatClient,
    order: &str,
    private: &Private,
    now: Timestamp,
) -> Result<StatusReport> {
    let mut tasks = Vec::with_capacity(private.layout.tasks.len());
    for index in 0..private.layout.tasks.len() {
        let Some(status) = task_status(client, order, &Layout::task_id(index)).await? else {
            return Ok(not_there(private, now));
        };
        tasks.push(status);
    }
    let mut packages = Vec::new();
    if tasks.iter().all(|status| *status == TaskStatus::Completed) {
        for index in 0..private.layout.packages.len() {
            let found = client.find_package(order, &Layout::package_id(index), Operation::Status).await?;
            let Some(found) = found else { return Ok(not_there(private, now)) };
            packages.push(found.status);
        }
    }
    Ok(report(private, &tasks, &packages))
}

/// How far a task is, or whoever it was passed on to: "someone else" ends the first task as if it were rejected.
async fn task_status(client: &SignicatClient, order: &str, task: &str) -> Result<Option<TaskStatus>> {
    let mut task = task.to_owned();
    for _ in 0..MAX_FORWARDS {
        let Some(found) = client.find_task(order, &task, Operation::Status).await? else { return Ok(None) };
        if found.status != TaskStatus::Rejected {
            return Ok(Some(found.status));
        }
        match forwarded_to(client, order, &task).await? {
            Some(next) => task = next,
            None => return Ok(Some(TaskStatus::Rejected)),
        }
    }
    Ok(Some(TaskStatus::Unknown("FORWARDED".to_owned())))
}

/// The task that this one was passed on as. Forwarding is sold separately: where it is refused there is none.
async fn forwarded_to(client: &SignicatClient, order: &str, task: &str) -> Result<Option<String>> {
    let forwards = match client.task_forwards(order, task).await {
        Ok(forwards) => forwards,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::Forbidden | ErrorKind::InvalidRequest
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let from_here =
        |forward: &&TaskForward| forward.original_task_id.as_deref().is_none_or(|original| original == task);
    let next = forwards.iter().rev().filter(from_here).find_map(|forward| forward.task_id.clone());
    Ok(next.filter(|next| next != task))
}

fn report(private: &Private, tasks: &[TaskStatus], packages: &[PackagingStatus]) -> StatusReport {
    let all_signed = tasks.iter().all(|status| *status == TaskStatus::Completed);
    let mut report = StatusReport::new(Standing::stated(overall(tasks, packages)));
    report.provider_status = Some(words(tasks, packages));
    report.expires_at = private.ends_at;
    report.signers = signers(private, tasks);
    let completed: Vec<_> = tasks.iter().map(|status| *status == TaskStatus::Completed).collect();
    let packaged: Vec<_> = packages.iter().map(|status| *status == PackagingStatus::Completed).collect();
    report.artifacts = artifacts::listed(&private.layout, &completed, &packaged);
    match report.state() {
        State::Completed => report.result = ResultState::Ready { until: private.kept_until },
        State::InProgress if all_signed => {
            report.ask_again_after = Some(PACKAGING_POLL);
            report.notes.push("everybody has signed; Signicat is making the file".to_owned());
        }
        State::Failed => {
            report.notes.push("everybody has signed, but Signicat could not make the file".to_owned());
        }
        _ => {}
    }
    report
}

/// Spec 6.3. An end that a signer caused weighs more than words that are not known: the order cannot complete any more.
fn overall(tasks: &[TaskStatus], packages: &[PackagingStatus]) -> State {
    let state_of = |status: &TaskStatus| match status {
        TaskStatus::Created => State::Pending,
        TaskStatus::Completed => State::Completed,
        TaskStatus::Rejected => State::Declined,
        TaskStatus::Expired => State::Expired,
        TaskStatus::Deleted => State::Cancelled,
        TaskStatus::Unknown(_) => State::Unrecognised,
    };
    let states: Vec<_> = tasks.iter().map(state_of).collect();
    let ended = states.iter().filter(|state| state.is_end() && **state != State::Completed);
    if let Some(worst) = ended.copied().reduce(State::worse) {
        return worst;
    }
    if states.contains(&State::Unrecognised) {
        return State::Unrecognised;
    }
    let signed = states.iter().filter(|state| **state == State::Completed).count();
    if signed < states.len() {
        return if signed > 0 { State::InProgress } else { State::Pending };
    }
    let any = |wanted: fn(&PackagingStatus) -> bool| packages.iter().any(wanted);
    if any(|status| *status == PackagingStatus::Failed) {
        State::Failed
    } else if any(|status| matches!(status, PackagingStatus::Unknown(_))) {
        State::Unrecognised
    } else if any(|status| *status == PackagingStatus::Created) {
        State::InProgress
    } else {
        State::Completed
    }
}

/// Signicat's words: each one once.
fn words(tasks: &[TaskStatus], packages: &[PackagingStatus]) -> String {
    let mut words: Vec<String> = Vec::new();
    let packages = packages.iter().map(|status| format!("packaging {}", status.as_str()));
    for word in tasks.iter().map(|status| status.as_str().to_owned()).chain(packages) {
        if words.len() < 8 && !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}

fn signers(private: &Private, tasks: &[TaskStatus]) -> Vec<SignerStatus> {
    let of = |(task, status): (&crate::convert::TaskLayout, &TaskStatus)| {
        let mut signer =
            SignerStatus::new(Some(task.signer.clone()), overall(std::slice::from_ref(status), &[]));
        let places = task.documents.iter().filter(|document| document.signs).count();
        signer.required = u32::try_from(places).ok();
        if *status == TaskStatus::Completed {
            signer.completed = (0..places).map(|_| CompletedSignature { name: None, at: None }).collect();
        }
        signer
    };
    private.layout.tasks.iter().zip(tasks).map(of).collect()
}

/// The order is not there any more. Signicat gives no reason, so it is concluded.
fn not_there(private: &Private, now: Timestamp) -> StatusReport {
    let over = private.ends_at.is_some_and(|end| end <= now);
    let (standing, note) = if private.completed {
        (Standing::stated(State::Completed), "it was completed, and Signicat no longer has it")
    } else if over {
        (Standing::concluded(State::Expired), "Signicat no longer has it, and its time is over")
    } else {
        let note =
            "Signicat no longer has it: it was deleted, its time is over, or this client may not see it";
        (Standing::concluded(State::Cancelled), note)
    };
    let mut report = StatusReport::new(standing);
    report.expires_at = private.ends_at;
    report.result = if private.completed { ResultState::Gone } else { ResultState::NotReady };
    report.notes.push(note.to_owned());
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_follows_from_tasks_and_packaging() {
        use PackagingStatus as P;
        use TaskStatus::{Completed as Done, Created, Deleted, Expired, Rejected};
        let odd = || TaskStatus::Unknown("PAUSED".to_owned());
        let cases: Vec<(Vec<TaskStatus>, Vec<P>, State)> = vec![
            (vec![Created, Created], vec![], State::Pending),
            (vec![Created, Done], vec![], State::InProgress),
            (vec![Done, Done], vec![P::Created], State::InProgress),
            (vec![Done, Done], vec![P::Completed, P::Created], State::InProgress),
            (vec![Done, Done], vec![P::Completed, P::Completed], State::Completed),
            (vec![Done], vec![], State::Completed),
            (vec![Done, Done], vec![P::Completed, P::Failed], State::Failed),
            (vec![Done], vec![P::Unknown("QUEUED".to_owned())], State::Unrecognised),
            (vec![Rejected, Created], vec![], State::Declined),
            (vec![Done, Rejected], vec![], State::Declined),
            (vec![Expired, Done], vec![], State::Expired),
            (vec![Deleted, Created], vec![], State::Cancelled),
            (vec![Expired, Deleted, Rejected], vec![], State::Declined),
            (vec![Expired, Deleted], vec![], State::Cancelled),
            (vec![odd(), Done], vec![], State::Unrecognised),
            (vec![odd(), Rejected], vec![], State::Declined),
        ];
        for (tasks, packages, state) in cases {
            assert_eq!(overall(&tasks, &packages), state, "{tasks:?} {packages:?}");
        }
        assert_eq!(words(&[odd(), Created, Created], &[]), "PAUSED, CREATED");
        assert_eq!(words(&[Done, Done], &[P::Created]), "COMPLETED, packaging CREATED");
    }
}
