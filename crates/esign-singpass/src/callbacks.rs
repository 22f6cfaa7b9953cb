//! The webhook and the redirect (spec 4).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::jiff::Timestamp;
use esign_core::{
    CallbackEvidence, Callbacks, Clock, Error, ErrorKind, Event, HandleKey, InboundCall, Received, Reply,
    Result, Retry, Standing, State, VerifiedEvent,
};
use esign_http::{Checks, Jwks};

use crate::KIND;
use crate::wire::{WebhookBody, WebhookClaims};

/// A webhook is a token of a few hundred bytes; the link in it may make it a few thousand.
const MAX_BODY: usize = 64 << 10;
/// By how much Singpass's clock and ours may differ. The token lives 120 s.
const LEEWAY: Duration = Duration::from_secs(30);
/// The token is documented to be good for 120 s. One that claims far more could be played back for as long.
const MAX_LIFE: Duration = Duration::from_secs(600);
/// The only type of webhook that is documented.
const REQUEST_TYPE: &str = "signed_doc_url";

/// Receives what Singpass sends: a signed webhook on success, and the signer's browser.
#[derive(Clone)]
pub(crate) struct SingpassCallbacks {
    pub(crate) jwks: Jwks,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fingerprint: String,
}

impl std::fmt::Debug for SingpassCallbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingpassCallbacks").finish_non_exhaustive()
    }
}

#[async_trait]
impl Callbacks for SingpassCallbacks {
    async fn ready(&self) -> Result<()> {
        self.jwks.prefetch().await
    }

    async fn receive(&self, call: &InboundCall) -> Received {
        if call.method.eq_ignore_ascii_case("GET") {
            return self.redirect(call);
        }
        match self.webhook(call).await {
            Ok(event) => Received::new(Reply::status(204), Ok(vec![Event::Verified(event)])),
            Err(error) => Received::new(Reply::status(status_for(&error)), Err(error)),
        }
    }
}

fn checks() -> Checks {
    let mut checks = Checks::expiring(LEEWAY);
    checks.max_life = Some(MAX_LIFE);
    checks
}

/// Singpass delivers again after a failure: worth it where our keys may be behind, not where the call is bad.
fn status_for(error: &Error) -> u16 {
    match error.kind() {
        ErrorKind::Verification if error.retry() != Retry::Never => 503,
        ErrorKind::Verification | ErrorKind::UnexpectedAnswer => 400,
        ErrorKind::TooLarge => 413,
        _ => 503,
    }
}

impl SingpassCallbacks {
    /// The browser comes back with `request_id` and perhaps `status`. Anybody can make such a call: it is a reason to
    /// read the status, whatever it says.
    fn redirect(&self, call: &InboundCall) -> Received {
        let key = call.query_value("request_id").map(|id| self.key(id));
        Received::new(Reply::status(200), Ok(vec![Event::Hint { key, reference: None }]))
    }

    async fn webhook(&self, call: &InboundCall) -> Result<VerifiedEvent> {
        if call.body.len() > MAX_BODY {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the callback is larger than any that Singpass sends",
            ));
        }
        let body: WebhookBody = serde_json::from_slice(&call.body)
            .map_err(|_| Error::new(ErrorKind::UnexpectedAnswer, "the callback is not {\"token\": …}"))?;
        let verified = self.jwks.verify::<WebhookClaims>(&body.token, &checks()).await?;
        let claims = verified.claims;
        if claims.request_type != REQUEST_TYPE {
            let message = format!("the callback is of type {:?}, not {REQUEST_TYPE:?}", claims.request_type);
            return Err(Error::new(ErrorKind::Verification, message));
        }
        let evidence = CallbackEvidence {
            body: call.body.clone(),
            verified_with: verified.jwk.to_string(),
            received_at: self.clock.now(),
        };
        let standing = Standing::stated(State::Completed);
        let mut event = VerifiedEvent::new(
            self.key(&claims.request_id),
            format!("{}:signed", claims.request_id),
            standing,
            evidence,
        );
        let signed_at = claims.signer_info.and_then(|info| info.signed_at);
        let issued_at = claims.iat.and_then(|s| Timestamp::from_second(s.0).ok());
        event.at = signed_at.and_then(|ms| Timestamp::from_millisecond(ms.0).ok()).or(issued_at);
        Ok(event)
    }

    fn key(&self, request_id: &str) -> HandleKey {
        HandleKey::of(&KIND, &self.fingerprint, request_id)
    }
}
