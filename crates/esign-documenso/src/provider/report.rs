//! From an envelope to a neutral status (spec 6.4).

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    ArtifactId, CompletedSignature, NextStep, ResultState, SecretUrl, SignerStatus, Standing, State,
    StatusReport, Step,
};

use super::artifacts::id_of;
use super::{Party, Private};
use crate::types::{Envelope, EnvelopeStatus, Recipient, RecipientRole, SigningStatus};

/// The report on an envelope that the server has.
pub(super) fn of(
    envelope: &Envelope,
    private: &Private,
    now: Timestamp,
    seal_timeout: SignedDuration,
) -> StatusReport {
    let acting: Vec<_> = acting(envelope).collect();
    let signed = acting.iter().filter(|recipient| recipient.status == SigningStatus::Signed).count();
    let (standing, note) = standing(envelope, &acting, signed, now, seal_timeout);
    let mut report = StatusReport::new(standing);
    report.provider_status = Some(envelope.status.as_str().to_owned());
    report.created_at = envelope.created_at;
    report.expires_at = earliest_expiry(envelope);
    report.signers = private.signers.iter().filter_map(|party| signer(party, envelope, now)).collect();
    report.notes.extend(note.map(str::to_owned));
    if !private.by_email && !standing.state.is_end() {
        let steps = waited_for(envelope, private).filter_map(|(party, _)| {
            Some(NextStep { signer: party.key.clone(), step: step(envelope, private, party)? })
        });
        report.next_steps = steps.collect();
    }
    let all = |sort: &ArtifactId| {
        private.documents.iter().map(|paper| id_of(private, sort, paper)).collect::<Vec<_>>()
    };
    report.artifacts = all(&ArtifactId::ORIGINAL);
    match envelope.status {
        EnvelopeStatus::Completed => {
            report.result = ResultState::Ready { until: None };
            report.artifacts.splice(0..0, all(&ArtifactId::SIGNED));
            let papers =
                ["certificate", "audit-log.json"].map(|paper| ArtifactId::EVIDENCE.of_document(paper));
            report.artifacts.push(ArtifactId::EVIDENCE);
            report.artifacts.extend(papers);
        }
        EnvelopeStatus::Pending if signed > 0 => report.result = ResultState::Partial,
        _ => {}
    }
    report
}

/// The report on an envelope that the server does not have any more: drafts and pending ones are erased when deleted.
pub(super) fn not_there() -> StatusReport {
    let mut report = StatusReport::new(Standing::concluded(State::Cancelled));
    report.result = ResultState::Gone;
    let note =
        "the server does not know the request any more: it was deleted, or the token belongs to another team";
    report.notes.push(note.to_owned());
    report
}

fn standing(
    envelope: &Envelope,
    acting: &[&Recipient],
    signed: usize,
    now: Timestamp,
    seal_timeout: SignedDuration,
) -> (Standing, Option<&'static str>) {
    let has = |status| acting.iter().any(|recipient| recipient.status == status);
    let expired = |recipient: &&Recipient| {
        recipient.status == SigningStatus::NotSigned && recipient.expires_at.is_some_and(|end| end <= now)
    };
    let last = acting.iter().filter_map(|recipient| recipient.signed_at).max();
    let stated = |state| (Standing::stated(state), None);
    let concluded = |state, why| (Standing::concluded(state), Some(why));
    match &envelope.status {
        EnvelopeStatus::Completed => stated(State::Completed),
        EnvelopeStatus::Rejected => stated(State::Declined),
        EnvelopeStatus::Cancelled => stated(State::Cancelled),
        EnvelopeStatus::Other(_) => stated(State::Unrecognised),
        _ if envelope.deleted_at.is_some() => concluded(State::Cancelled, "it was deleted at the server"),
        EnvelopeStatus::Draft => (Standing::stated(State::Pending), Some("it is a draft: nobody was told")),
        EnvelopeStatus::Pending if has(SigningStatus::Rejected) => {
            concluded(State::Declined, "somebody has rejected it; the server has yet to seal that")
        }
        EnvelopeStatus::Pending
            if signed == acting.len() && last.is_some_and(|at| now.duration_since(at) > seal_timeout) =>
        {
            concluded(
                State::Failed,
                "everybody has signed, and the server has not sealed it in all the time that it tries",
            )
        }
        EnvelopeStatus::Pending if signed == acting.len() => (
            Standing::stated(State::InProgress),
            Some("everybody has signed; the server is making the sealed file"),
        ),
        EnvelopeStatus::Pending if acting.iter().any(expired) => concluded(
            State::Expired,
            "the time of somebody who has yet to sign is over; a reminder renews it",
        ),
        EnvelopeStatus::Pending if signed > 0 => stated(State::InProgress),
        EnvelopeStatus::Pending => stated(State::Pending),
    }
}

/// Everybody whom the envelope waits for. Those who get a copy count as signed from the start.
fn acting(envelope: &Envelope) -> impl Iterator<Item = &Recipient> {
    envelope.recipients.iter().filter(|recipient| recipient.role != RecipientRole::Cc)
}

/// Those whose turn it is and who have not acted.
pub(super) fn waited_for<'a>(
    envelope: &'a Envelope,
    private: &'a Private,
) -> impl Iterator<Item = (&'a Party, &'a Recipient)> {
    let open = |recipient: &&Recipient| recipient.status == SigningStatus::NotSigned;
    let first = acting(envelope).filter(open).map(|recipient| recipient.order).min().flatten();
    let turn = move |recipient: &Recipient| !envelope.sequential || recipient.order == first;
    private.signers.iter().filter_map(move |party| {
        let recipient = acting(envelope).filter(open).find(|recipient| recipient.id == party.recipient)?;
        turn(recipient).then_some((party, recipient))
    })
}

/// What somebody does next; `None` if it is not their turn or there is no link.
pub(super) fn step(envelope: &Envelope, private: &Private, party: &Party) -> Option<Step> {
    let (_, recipient) = waited_for(envelope, private).find(|(waiting, _)| waiting.key == party.key)?;
    if private.by_email {
        return Some(Step::EmailSent);
    }
    let url = private.links.as_ref()?.join(recipient.token.as_ref()?.expose()).ok()?;
    Some(Step::OpenLink { url: SecretUrl::new(url), open_before: recipient.expires_at, shared: false })
}

/// When the first of those who have yet to act runs out of time.
pub(super) fn earliest_expiry(envelope: &Envelope) -> Option<Timestamp> {
    let waiting = acting(envelope).filter(|recipient| recipient.status == SigningStatus::NotSigned);
    waiting.filter_map(|recipient| recipient.expires_at).min()
}

/// Nothing of those who get a copy.
fn signer(party: &Party, envelope: &Envelope, now: Timestamp) -> Option<SignerStatus> {
    let recipient = acting(envelope).find(|recipient| recipient.id == party.recipient)?;
    let state = match recipient.status {
        SigningStatus::Signed => State::Completed,
        SigningStatus::Rejected => State::Declined,
        SigningStatus::NotSigned if recipient.expires_at.is_some_and(|end| end <= now) => State::Expired,
        SigningStatus::NotSigned => State::Pending,
        SigningStatus::Other => State::Unrecognised,
    };
    let mut status = SignerStatus::new(Some(party.key.clone()), state);
    status.required = Some(party.signatures);
    if recipient.status == SigningStatus::Signed {
        let made = CompletedSignature { name: Some(recipient.name.clone()), at: recipient.signed_at };
        status.completed = vec![made; party.signatures as usize];
    }
    Some(status)
}
