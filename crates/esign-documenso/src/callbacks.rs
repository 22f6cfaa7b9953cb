//! Webhooks: reasons to look, and nothing more. A shared secret proves who sent them, not what they say, and their bodies hold
//! live signing tokens, so nothing of them is kept.

use esign_core::secrecy::ExposeSecret;
use esign_core::{
    Credential, Error, ErrorKind, Event, HandleKey, InboundCall, Received, Reference, Reply, Result,
    Sha256Hash,
};

use crate::KIND;
use crate::wire::WebhookBody;

/// Reads a webhook. `fingerprint` is that of the instance's address.
pub(crate) async fn receive(call: &InboundCall, secret: &Credential, fingerprint: &str) -> Received {
    if !is_ours(call, secret).await {
        let message = "the webhook does not carry the secret of callback_secret: it is not from this server, or the team's \
                       webhook is set up with another";
        return refused(401, Error::new(ErrorKind::Verification, message));
    }
    match hint(call, fingerprint) {
        Ok(event) => Received::new(Reply::status(200), Ok(vec![event])),
        Err(error) => refused(400, error),
    }
}

fn refused(status: u16, error: Error) -> Received {
    Received::new(Reply::status(status), Err(error))
}

/// Digests are compared, so that the time it takes tells nothing of the secret. One that was changed since is read anew, once.
async fn is_ours(call: &InboundCall, secret: &Credential) -> bool {
    let given = call.header("x-documenso-secret").unwrap_or_default();
    let same = || {
        let known = secret.current();
        let known = known.expose_secret().trim();
        !known.is_empty() && Sha256Hash::of(given.as_bytes()) == Sha256Hash::of(known.as_bytes())
    };
    same() || (!given.is_empty() && secret.refresh().await.unwrap_or(false) && same())
}

fn hint(call: &InboundCall, fingerprint: &str) -> Result<Event> {
    let body: WebhookBody = serde_json::from_slice(&call.body).map_err(|_| {
        Error::new(ErrorKind::UnexpectedAnswer, "the webhook's body is not the measured JSON")
    })?;
    tracing::debug!(event = %esign_core::redact::scrub(&body.event), "a webhook came in");
    let key = body.payload.envelope_id.map(|id| HandleKey::of(&KIND, fingerprint, &id));
    let reference = body.payload.external_id.and_then(|text| Reference::new(text).ok());
    Ok(Event::Hint { key, reference })
}
