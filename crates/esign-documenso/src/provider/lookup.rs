//! Finding what became of an intent, by its reference (spec 3.4). A draft was not sent: nobody knows of it.

use esign_core::{Candidate, Error, ErrorKind, Intent, Operation, Resolution, Result};

use super::submit::{private, submission};
use super::{DocumensoProvider, Private};
use crate::types::{Envelope, EnvelopeStatus};

pub(super) async fn find(provider: &DocumensoProvider, intent: &Intent) -> Result<Resolution> {
    let mut sent = sent(provider, intent).await?;
    if sent.is_empty() {
        // What was lost may still be under way.
        let clock = provider.0.client.http().clock();
        let settle = provider.0.config.lookup_settle.unsigned_abs();
        clock.sleep_until(clock.monotonic() + settle).await;
        sent = self::sent(provider, intent).await?;
    }
    if sent.is_empty() {
        return Ok(Resolution::NotFound);
    }
    let mut candidates = Vec::new();
    let several = sent.len() > 1;
    for envelope in &sent {
        // The reference is not unique, and whoever may edit an envelope can change it: the rest must fit too.
        let Some(private) = private(intent, envelope) else {
            let why = "an envelope with this reference is there, but its recipients or documents are not those of the \
                       request: look at it in the web application";
            return Ok(Resolution::Unknown { why: why.to_owned() });
        };
        candidates.push(candidate(provider, intent, envelope, private)?);
    }
    Ok(match candidates.pop() {
        Some(only) if !several => Resolution::Found(Box::new(only.submission)),
        last => Resolution::Candidates(candidates.into_iter().chain(last).collect()),
    })
}

/// Whole envelopes that have exactly this reference and were sent.
async fn sent(provider: &DocumensoProvider, intent: &Intent) -> Result<Vec<Envelope>> {
    let reference = intent.reference().as_str();
    let found = provider.0.client.search(reference, Operation::Lookup).await?.envelopes;
    // The search matches parts of titles and names too, and `_` anything.
    let exact = found.into_iter().filter(|e| e.external_id.as_deref() == Some(reference));
    let mut sent = Vec::new();
    for entry in exact.filter(|entry| entry.status != EnvelopeStatus::Draft) {
        sent.extend(provider.0.client.find_one(&entry.id, Operation::Lookup).await?);
    }
    Ok(sent)
}

fn candidate(
    provider: &DocumensoProvider,
    intent: &Intent,
    envelope: &Envelope,
    private: Private,
) -> Result<Candidate> {
    // The server's public address is told when distributing only: assumed to be that of its API.
    let base = provider.0.client.http().base_url();
    let links = base
        .join("../../sign/")
        .map_err(|_| Error::new(ErrorKind::Internal, "the API's address has no parent"))?;
    let private = Private { links: Some(links), ..private };
    let created_at = envelope.created_at.unwrap_or(intent.prepared_at());
    let mut made = submission(intent, &envelope.id, &private, Some(envelope), created_at)?
        .note("found after its answer was lost");
    if !private.by_email {
        made = made.note("the signing links are assumed to lead to the API's own host");
    }
    Ok(Candidate::new(made, vec!["reference", "signers", "documents"]))
}
