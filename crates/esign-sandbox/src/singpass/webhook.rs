//! News of a signed document to the client's webhook: tries, time-outs, pauses (Accept Success Signing Webhook).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use url::Url;

use super::Singpass;
use super::later;
use super::links::LINK;
use super::request::Request;
use super::settings::SingpassSettings;
use super::wire::{SignerInfo, WebhookClaims, seconds};
use crate::jose::OwnKey;
use crate::outgoing::Failure;

/// How long a try waits for an answer, how long it is until the next one, and how many there are (June 2025).
const TIME_OUT: SignedDuration = SignedDuration::from_secs(2);
const PAUSE: SignedDuration = SignedDuration::from_secs(2);
const TRIES: u32 = 3;

/// One try to deliver a webhook, which has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// What it was about; for a forged one, what it claimed to be about.
    pub request_id: String,
    /// Whether the sandbox was told to forge it.
    pub forged: bool,
    /// 1, 2 or 3.
    pub attempt: u32,
    /// When it was sent, by the sandbox's clock.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: DeliveryOutcome,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryOutcome {
    /// The client answered with this status; 2XX means that it has understood.
    Answered(u16),
    /// No answer within 2 seconds by the sandbox's clock.
    TimedOut,
    /// No connection, or a broken one.
    Unreachable,
}

impl DeliveryOutcome {
    /// The client has answered with 2XX.
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Answered(200..300))
    }

    fn is_tried_again(self, settings: &SingpassSettings) -> bool {
        settings.webhook_retries
            && match self {
                Self::Answered(200..300) => false,
                Self::Answered(408 | 429 | 500..) => true,
                Self::Answered(_) => settings.webhook_retries_refusals,
                Self::TimedOut | Self::Unreachable => true,
            }
    }
}

/// What is wrong with a forged webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Forgery {
    /// Signed by a foreign key under the service's own `kid`.
    BadSignature,
    /// Signed by a key that is not published.
    UnknownKid,
    /// Expired an hour ago.
    Expired,
    /// `request_type` is not `signed_doc_url`.
    WrongRequestType,
    /// About a request that nobody made.
    ForeignRequest,
}

/// What was sent, and how much still is.
#[derive(Default)]
pub(super) struct Log {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) under_way: usize,
}

pub(super) type Watched = watch::Sender<Log>;

/// A token for a client, ready to be sent.
pub(super) struct Parcel {
    request_id: String,
    forged: bool,
    token: String,
    to: Url,
    /// When it is sent first.
    due: Timestamp,
}

impl Singpass {
    /// Tells the client that its document is signed, in the background. Nothing for an unknown client or request.
    pub(super) fn announce(self: &Arc<Self>, request_id: &str) {
        self.send(self.parcel(request_id, None), true);
    }

    /// The same, with something wrong with it; sent once.
    pub(super) fn forge(self: &Arc<Self>, request_id: &str, forgery: Forgery) -> bool {
        let parcel = self.parcel(request_id, Some(forgery));
        let is_there = parcel.is_some();
        self.send(parcel, false);
        is_there
    }

    fn parcel(&self, request_id: &str, forgery: Option<Forgery>) -> Option<Parcel> {
        let state = &mut *self.lock();
        let client_id = state.store.get(request_id)?.client_id.clone();
        let to = state.clients.get(&client_id)?.webhook_url.clone();
        let delay = if forgery.is_some() { 0 } else { state.settings.webhook_delay_seconds };
        // Token and link live from then on.
        let due = later(self.now(), SignedDuration::from_secs(delay.into()));
        let (link, _) = state.store.publish(request_id, due);
        let mut claims = claims(state.store.get(request_id)?, self.link_url(&link), due, &state.settings);
        let keys = self.own_keys();
        let foreign = |kid: &str| OwnKey::generate(kid.to_owned());
        let token = match forgery {
            None => keys.newest().sign(&claims),
            Some(Forgery::BadSignature) => foreign(keys.newest().kid()).sign(&claims),
            Some(Forgery::UnknownKid) => foreign("sign-unknown-01").sign(&claims),
            Some(Forgery::Expired) => {
                claims.iat -= 3600;
                claims.exp -= 3600;
                keys.newest().sign(&claims)
            }
            Some(Forgery::WrongRequestType) => {
                claims.request_type = "transaction";
                keys.newest().sign(&claims)
            }
            Some(Forgery::ForeignRequest) => {
                claims.request_id = super::store::new_request_id(due);
                keys.newest().sign(&claims)
            }
        };
        Some(Parcel { request_id: claims.request_id, forged: forgery.is_some(), token, to, due })
    }

    fn send(self: &Arc<Self>, parcel: Option<Parcel>, again: bool) {
        let Some(parcel) = parcel else { return };
        self.webhooks.send_modify(|log| log.under_way += 1);
        let singpass = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = singpass.deliver(&parcel, again) => {}
                () = singpass.shared.stopped() => {}
            }
            singpass.webhooks.send_modify(|log| log.under_way -= 1);
        });
    }

    async fn deliver(&self, parcel: &Parcel, again: bool) {
        let clock = &self.shared.clock;
        clock.sleep_until(parcel.due).await;
        for attempt in 1..=TRIES {
            let at = clock.now();
            let body = json!({ "token": parcel.token });
            let outcome = match self.outgoing.post_json(&parcel.to, &body, TIME_OUT, clock).await {
                Ok(status) => DeliveryOutcome::Answered(status),
                Err(Failure::TimedOut(_)) => DeliveryOutcome::TimedOut,
                Err(_) => DeliveryOutcome::Unreachable,
            };
            tracing::info!(attempt, ?outcome, "webhook");
            // Before the try shows in the log: whoever sees it there may move the clock at once.
            let next = later(clock.now(), PAUSE);
            let (request_id, forged) = (parcel.request_id.clone(), parcel.forged);
            let delivery = Delivery { request_id, forged, attempt, at, outcome };
            self.webhooks.send_modify(|log| log.deliveries.push(delivery));
            if attempt == TRIES || !again || !outcome.is_tried_again(&self.settings()) {
                return;
            }
            clock.sleep_until(next).await;
        }
    }
}

fn claims(request: &Request, url: String, now: Timestamp, settings: &SingpassSettings) -> WebhookClaims {
    WebhookClaims {
        request_type: "signed_doc_url",
        signed_doc_url: url,
        request_id: request.id.clone(),
        signer_info: SignerInfo::of(request, settings),
        iat: seconds(now),
        exp: seconds(now) + LINK.as_secs(),
    }
}
