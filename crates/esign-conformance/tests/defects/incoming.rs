//! Wrong about what comes in.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use esign_core::memory::{KIND, MemoryProvider};
use esign_core::{
    CallbackEvidence, Callbacks, Clock, Event, HandleKey, InboundCall, Provider, Received, Reply, Standing,
    State, VerifiedEvent,
};
use serde::Deserialize;

use crate::wrong::Defect;

macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(
    BelievesAnything,
    SignsWhatItParsed,
    AnswersForgeries,
    WrongRequest,
    DropsEvents,
    FirstEventOnly,
    EarlyIsDone,
    FirstIsDone,
    LateIsExpired,
    RefusesTheUnknown
);

#[derive(Deserialize)]
struct Body {
    events: Vec<BodyEvent>,
}

#[derive(Deserialize)]
struct BodyEvent {
    id: String,
    status: State,
}

/// The event in a body, whoever wrote it.
fn parse(right: &MemoryProvider, call: &InboundCall) -> Option<VerifiedEvent> {
    let body: Body = serde_json::from_slice(&call.body).ok()?;
    let body = body.events.into_iter().next()?;
    let key = HandleKey::of(&KIND, &right.capabilities().endpoint.fingerprint(), &body.id);
    let evidence = CallbackEvidence {
        body: call.body.clone(),
        verified_with: String::new(),
        received_at: right.service().clock().now(),
    };
    let dedup = format!("{key}-{}", body.status.as_str());
    Some(VerifiedEvent::new(key, dedup, Standing::stated(body.status), evidence))
}

#[async_trait]
impl Defect for BelievesAnything {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        match parse(right, call) {
            Some(event) => Received::new(Reply::status(200), Ok(vec![Event::Verified(event)])),
            None => right.receive(call).await,
        }
    }
}

/// "One signer has completed" sounds like the end.
#[async_trait]
impl Defect for FirstIsDone {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        for event in received.events.iter_mut().flatten() {
            if let Event::Verified(event) = event
                && event.standing.state == State::InProgress
            {
                event.standing = Standing::stated(State::Completed);
            }
        }
        received
    }
}

/// The signature is over the bytes, not over what they mean.
#[async_trait]
impl Defect for SignsWhatItParsed {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let value = serde_json::from_slice::<serde_json::Value>(&call.body);
        let body = value.map_or_else(|_| call.body.clone(), |value| value.to_string().into());
        right.receive(&InboundCall { body, ..call.clone() }).await
    }
}

#[async_trait]
impl Defect for AnswersForgeries {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        received.reply = Reply::status(200);
        received
    }
}

#[derive(Debug, Default)]
pub(crate) struct NewKeyEachTime(AtomicU32);

#[async_trait]
impl Defect for NewKeyEachTime {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        for event in received.events.iter_mut().flatten() {
            if let Event::Verified(event) = event {
                event.dedup = self.0.fetch_add(1, Ordering::Relaxed).to_string();
            }
        }
        received
    }
}

#[async_trait]
impl Defect for WrongRequest {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        for event in received.events.iter_mut().flatten() {
            if let Event::Verified(event) = event {
                event.key = HandleKey::of(&KIND, "elsewhere", "m-1");
            }
        }
        received
    }
}

#[async_trait]
impl Defect for DropsEvents {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        received.events = received.events.map(|_| Vec::new());
        received
    }
}

#[async_trait]
impl Defect for FirstEventOnly {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        received.events.iter_mut().for_each(|events| events.truncate(1));
        received
    }
}

/// Takes any call for the news that all have signed.
#[async_trait]
impl Defect for EarlyIsDone {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        standings(&mut received, Standing::stated(State::Completed));
        received
    }
}

/// Judges a call by the time at which it comes.
#[async_trait]
impl Defect for LateIsExpired {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        let mut received = right.receive(call).await;
        let year = 366 * 86_400;
        if right.service().clock().monotonic().as_secs() > year {
            standings(&mut received, Standing::stated(State::Expired));
        }
        received
    }
}

fn standings(received: &mut Received, standing: Standing) {
    for event in received.events.iter_mut().flatten() {
        if let Event::Verified(event) = event {
            event.standing = standing;
        }
    }
}

#[async_trait]
impl Defect for RefusesTheUnknown {
    async fn receive(&self, right: &MemoryProvider, call: &InboundCall) -> Received {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Strict {
            #[serde(rename = "events")]
            _events: Vec<StrictEvent>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct StrictEvent {
            #[serde(rename = "id")]
            _id: String,
            #[serde(rename = "status")]
            _status: State,
        }
        if let Err(fault) = serde_json::from_slice::<Strict>(&call.body) {
            let error = esign_core::Error::new(esign_core::ErrorKind::UnexpectedAnswer, fault.to_string());
            return Received::new(Reply::status(400), Err(error));
        }
        right.receive(call).await
    }
}
