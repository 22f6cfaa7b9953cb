//! From what Signify says to a neutral status (spec 6.3). The wire has `draft` and `signed` only; all else is derived.

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    Intent, NextStep, Reference, ResultState, SignerStatus, Standing, State, StatusReport, Step,
};

use super::Private;
use crate::types::{DocumentDetails, DocumentStatus, Invitation, Mode};

/// The report on a document that Signify has.
pub(super) fn of(
    details: &DocumentDetails,
    private: &Private,
    reference: &Reference,
    now: Timestamp,
) -> StatusReport {
    let summary = &details.summary;
    let (done, total) = (details.completed(), details.total());
    let standing = match summary.status {
        DocumentStatus::Signed => Standing::stated(State::Completed),
        DocumentStatus::Unknown(_) => Standing::stated(State::Unrecognised),
        DocumentStatus::Draft if summary.expires_at.is_some_and(|end| end < now) => {
            Standing::concluded(State::Expired)
        }
        DocumentStatus::Draft if done > 0 => Standing::stated(State::InProgress),
        DocumentStatus::Draft => Standing::stated(State::Pending),
    };
    let mut report = StatusReport::new(standing);
    report.provider_status = Some(summary.status.as_str().to_owned());
    report.created_at = summary.created_at;
    report.expires_at = summary.expires_at;
    report.signers = signers(&details.invitations, private, reference);
    report.next_steps = links(details, private);
    (report.result, report.artifacts) = match summary.status {
        DocumentStatus::Signed => {
            (ResultState::Ready { until: summary.expires_at }, vec![esign_core::ArtifactId::SIGNED])
        }
        DocumentStatus::Draft if done > 0 => (ResultState::Partial, Vec::new()),
        DocumentStatus::Draft | DocumentStatus::Unknown(_) => (ResultState::NotReady, Vec::new()),
    };
    if private.mode == Mode::Link && private.signers.len() > 1 {
        report.notes.push("all signers share one link: signatures are not bound to signers".to_owned());
    }
    let contradicts = summary.status == DocumentStatus::Signed && total.is_some_and(|n| n != done as u64);
    if let Some(total) = total.filter(|_| contradicts) {
        report
            .notes
            .push(format!("Signify says that all is signed, and counts {done} of {total} signatures"));
    }
    report
}

/// The one link of a document in link mode, which is everybody's.
fn links(details: &DocumentDetails, private: &Private) -> Vec<NextStep> {
    if private.mode != Mode::Link || details.summary.status != DocumentStatus::Draft {
        return Vec::new();
    }
    let Some(url) = details.invitations.iter().find_map(|invitation| invitation.link.as_ref()) else {
        return Vec::new();
    };
    let open_before = details.summary.expires_at;
    let shared = private.signers.len() > 1;
    let step = || Step::OpenLink { url: url.clone(), open_before, shared };
    private.signers.iter().map(|signer| NextStep { signer: signer.key.clone(), step: step() }).collect()
}

/// The report on a document that Signify no longer has: concluded, because Signify gives no reason.
pub(super) fn not_there(private: &Private, submitted_at: Timestamp, now: Timestamp) -> StatusReport {
    let expires_at = private.expires_at.unwrap_or_else(|| assumed_expiry(submitted_at));
    let (standing, note) = if private.signed {
        (Standing::stated(State::Completed), "it was signed, and Signify no longer has it")
    } else if expires_at < now {
        (Standing::concluded(State::Expired), "Signify no longer has it, and its time is over")
    } else {
        let note = "Signify no longer has it although its time is not over: it was deleted, or this API key may not see it";
        (Standing::concluded(State::Cancelled), note)
    };
    let mut report = StatusReport::new(standing);
    report.expires_at = private.expires_at;
    report.result = ResultState::Gone;
    report.notes.push(note.to_owned());
    if private.expires_at.is_none() && !private.signed {
        report.notes.push(
            "its expiry was never read; assumed as in the guide's samples: the end of day 30".to_owned(),
        );
    }
    report
}

/// Until the status was read once the expiry is not known. In the guide's samples it is the last millisecond of day 30 in
/// Singapore (UTC+8, no summer time).
fn assumed_expiry(created_at: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400;
    const SINGAPORE: i64 = 8 * 3600;
    let day = (created_at.as_second() + SINGAPORE).div_euclid(DAY);
    let end = Timestamp::from_second((day + 31) * DAY - SINGAPORE).unwrap_or(Timestamp::MAX);
    end.checked_sub(SignedDuration::from_millis(1)).unwrap_or(end)
}

fn signers(invitations: &[Invitation], private: &Private, reference: &Reference) -> Vec<SignerStatus> {
    invitations.iter().map(|invitation| signer(invitation, invitations.len(), private, reference)).collect()
}

fn signer(
    invitation: &Invitation,
    invitations: usize,
    private: &Private,
    reference: &Reference,
) -> SignerStatus {
    let state = match invitation.status {
        DocumentStatus::Signed => State::Completed,
        DocumentStatus::Unknown(_) => State::Unrecognised,
        DocumentStatus::Draft if invitation.completed.is_empty() => State::Pending,
        DocumentStatus::Draft => State::InProgress,
    };
    let mut status = SignerStatus::new(key_of(invitation, invitations, private, reference), state);
    status.required = invitation.total;
    status.completed.clone_from(&invitation.completed);
    status
}

/// Whose invitation it is: found by the digest of the address; or there is no other.
fn key_of(
    invitation: &Invitation,
    invitations: usize,
    private: &Private,
    reference: &Reference,
) -> Option<String> {
    if let ([only], 1) = (private.signers.as_slice(), invitations) {
        return Some(only.key.clone());
    }
    let digest = Intent::email_digest(reference, invitation.signatory.as_ref()?);
    private.signers.iter().find(|signer| signer.email_digest == Some(digest)).map(|signer| signer.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assumed_expiry_is_that_of_the_samples() {
        for (created_at, expires_at) in [
            ("2023-11-19T07:21:14.065Z", "2023-12-19T15:59:59.999Z"),
            ("2023-11-20T02:49:17.105Z", "2023-12-20T15:59:59.999Z"),
            // Past 16:00 UTC it is the next day in Singapore.
            ("2023-11-19T16:00:00Z", "2023-12-20T15:59:59.999Z"),
        ] {
            assert_eq!(assumed_expiry(created_at.parse().unwrap()).to_string(), expires_at);
        }
    }
}
