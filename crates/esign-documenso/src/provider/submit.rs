//! Sending in two steps, of which only the second reaches people (spec 6.2): a draft is made, read back and distributed.

use std::time::Duration;

use esign_core::jiff::{SignedDuration, Timestamp};
use esign_core::{
    Error, ErrorKind, Handle, Intent, Operation, Prepared, Result, Retry, Role, SentSigner, Step, Submission,
};
use url::Url;

use super::report::{earliest_expiry, step};
use super::{DocumensoProvider, Paper, Party, Private};
use crate::config::LinkHost;
use crate::convert::envelope;
use crate::types::{
    Distributed, Envelope, EnvelopeId, EnvelopeStatus, NewEnvelope, Recipient, RecipientRole,
};

/// By how much the server's stated times may be coarse.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

pub(super) async fn submit(provider: &DocumensoProvider, request: &Prepared) -> Result<Submission> {
    let client = &provider.0.client;
    let new = envelope(request, provider.0.config.owner_mails)?;
    let id = create(provider, &new).await?;
    let (private, surplus) = match read_back(provider, &id, request, &new).await {
        Ok(read) => read,
        Err(error) => return Err(withdraw(provider, &id, error).await),
    };
    let links = match client.distribute(&id).await {
        Ok(links) => links,
        Err(error) if error.is_outcome_unknown() => return Err(error),
        Err(error) => return Err(withdraw(provider, &id, error).await),
    };
    let private = Private { links: link_base(provider, &links), ..private };
    // Only good to know by now: the request exists whatever comes of it.
    let now = client.find_one(&id, Operation::Submit).await.ok().flatten();
    let made = submission(request.intent(), &id, &private, now.as_ref(), provider.now())?;
    Ok(match surplus {
        0 => made,
        n => made.note(format!("the server has made {n} fields of its own from texts in the document")),
    })
}

/// Makes the draft. One whose answer is lost is looked for and removed: nobody knows of it, so all may be done again.
async fn create(provider: &DocumensoProvider, new: &NewEnvelope) -> Result<EnvelopeId> {
    let clock = provider.0.client.http().clock();
    let begun = clock.monotonic();
    match provider.0.client.create(new).await {
        Err(error) if error.is_outcome_unknown() => {
            let took = clock.monotonic().saturating_sub(begun);
            let what = match remove_lost_draft(provider, new, took).await {
                Ok(0) => "no draft of it was found",
                Ok(_) => "the draft that was made of it is removed",
                Err(_) => "a draft of it may be left at the server",
            };
            let message =
                format!("the answer to the first step was lost; nothing has reached anybody, and {what}");
            Err(error.with_retry(Retry::SAFE).with_message(message))
        }
        other => other,
    }
}

/// Drafts under this reference and title that were made within this call, by the server's clock: ours, whoever else uses the
/// reference.
async fn remove_lost_draft(provider: &DocumensoProvider, new: &NewEnvelope, took: Duration) -> Result<usize> {
    let client = &provider.0.client;
    let found = client.search(&new.external_id, Operation::Submit).await?;
    let since = found.at.and_then(|at| Some(at - SignedDuration::try_from(took).ok()? - MARGIN));
    let ours = found.envelopes.into_iter().filter(|envelope| {
        envelope.status == EnvelopeStatus::Draft
            && envelope.external_id.as_deref() == Some(&new.external_id)
            && envelope.title == new.title.trim()
            && since.zip(envelope.created_at).is_some_and(|(since, created)| created >= since)
    });
    let mut removed = 0;
    for draft in ours {
        removed += usize::from(client.remove(&draft.id, Operation::Submit).await?);
    }
    Ok(removed)
}

/// Removes the draft of a request that is not sent; best effort, because nobody knows of it.
async fn withdraw(provider: &DocumensoProvider, id: &EnvelopeId, error: Error) -> Error {
    if provider.0.client.remove(id, Operation::Submit).await.is_err() {
        tracing::warn!("a draft that was not sent could not be removed, and stays at the server");
    }
    error
}

/// The server's numbers of the draft, and how many fields it has made of its own.
async fn read_back(
    provider: &DocumensoProvider,
    id: &EnvelopeId,
    request: &Prepared,
    new: &NewEnvelope,
) -> Result<(Private, usize)> {
    let unlike = |what: &str| {
        let message =
            format!("the draft that the server made is not what was asked for: {what}; it was not sent");
        Error::new(ErrorKind::UnexpectedAnswer, message)
    };
    let draft = provider.0.client.find_one(id, Operation::Submit).await?;
    let draft = draft.ok_or_else(|| unlike("it is not there"))?;
    let private =
        private(request.intent(), &draft).ok_or_else(|| unlike("its recipients or documents differ"))?;
    let asked: usize = new.recipients.iter().map(|recipient| recipient.fields.len()).sum();
    let surplus = draft.fields.len().checked_sub(asked).ok_or_else(|| unlike("fields are missing"))?;
    Ok((private, surplus))
}

/// How the numbers of an envelope belong to the keys of an intent; `None` if they do not fit.
pub(super) fn private(intent: &Intent, envelope: &Envelope) -> Option<Private> {
    let mut turn = 0;
    let mut signers = Vec::new();
    for signer in intent.signers() {
        if signer.role.acts() {
            turn += 1;
        }
        let recipient = recipient_of(intent, signer, turn, &envelope.recipients)?;
        let own = envelope.fields.iter().filter(|field| field.recipient == recipient.id);
        let signatures = own.filter(|field| field.kind == "SIGNATURE").count();
        signers.push(Party {
            key: signer.key.clone(),
            recipient: recipient.id,
            role: recipient.role.clone(),
            signatures: u32::try_from(signatures).unwrap_or(u32::MAX),
        });
    }
    if envelope.items.len() != intent.documents().len() || envelope.recipients.len() != signers.len() {
        return None;
    }
    let papers = intent.documents().iter().zip(&envelope.items);
    let documents = papers.map(|(d, item)| Paper { key: d.key.clone(), item: item.id.clone() }).collect();
    let by_email = intent.delivery() == esign_core::Delivery::ProviderEmail;
    Some(Private { by_email, signers, documents, links: None })
}

/// By the digest of the address, or where the request had none by the turn.
fn recipient_of<'a>(
    intent: &Intent,
    signer: &SentSigner,
    turn: u32,
    recipients: &'a [Recipient],
) -> Option<&'a Recipient> {
    let role = match signer.role {
        Role::Approver => RecipientRole::Approver,
        Role::Viewer => RecipientRole::Viewer,
        Role::Copy => RecipientRole::Cc,
        _ => RecipientRole::Signer,
    };
    let mut fitting = recipients.iter().filter(|recipient| {
        recipient.role == role
            && match signer.email_digest {
                Some(digest) => Intent::email_digest(intent.reference(), &recipient.email) == digest,
                None => recipient.order == Some(turn),
            }
    });
    // Two that fit are none.
    fitting.next().filter(|_| fitting.next().is_none())
}

/// What was made from an intent: handle, record, next steps. `envelope` is as it was read last.
pub(super) fn submission(
    intent: &Intent,
    id: &EnvelopeId,
    private: &Private,
    envelope: Option<&Envelope>,
    created_at: Timestamp,
) -> Result<Submission> {
    let handle = Handle::new(intent, id.as_str(), created_at).with_private(private)?;
    let mut made = Submission::new(intent, handle);
    let sequential = intent.order() == Some(esign_core::Order::Sequential);
    let mut acting = 0;
    for (signer, party) in intent.signers().iter().zip(&private.signers) {
        acting += usize::from(signer.role.acts());
        let turn = signer.role.acts() && (!sequential || acting == 1);
        let step = match envelope {
            Some(envelope) => step(envelope, private, party),
            None if turn && private.by_email => Some(Step::EmailSent),
            None => None,
        };
        made = made.step(&party.key, step.unwrap_or(Step::WaitForOthers));
    }
    if !private.by_email && private.links.is_none() {
        made = made
            .note("the server gave no usable signing link: look for it in its web application, or cancel");
    } else if !private.by_email && envelope.is_none() {
        made = made.note("the signing links could not be read yet: the status has them");
    }
    let times = envelope.map(|envelope| (envelope.created_at, earliest_expiry(envelope)));
    let (created, expires) = times.unwrap_or_default();
    Ok(made.provider_times(created, expires))
}

/// What signing links begin with, from one of them.
fn link_base(provider: &DocumensoProvider, links: &[Distributed]) -> Option<Url> {
    let url = links.iter().find_map(|link| link.url.as_ref())?.expose();
    let same = url.origin() == provider.0.client.http().base_url().origin();
    if provider.0.config.link_host == LinkHost::Same && !same {
        tracing::warn!(
            "signing links lead to another host than the API's, which link_host = \"same\" does not allow"
        );
        return None;
    }
    url.join(".").ok()
}

/// The turns of an intent's signers are those of its request.
#[cfg(test)]
mod tests {
    use esign_core::Signer;

    use super::*;
    use crate::convert::turns;

    #[test]
    fn turns_are_counted_alike_when_sending_and_when_finding() {
        let people = [Role::Copy, Role::Signer, Role::Viewer].map(|role| Signer::new("x").role(role));
        let mut turn = 0;
        let counted = people.iter().map(|signer| {
            turn += u32::from(signer.role.acts());
            signer.role.acts().then_some(turn)
        });
        assert_eq!(turns(&people).collect::<Vec<_>>(), counted.collect::<Vec<_>>());
    }
}
