//! Calls that come in: verified, stored, answered. Everything else happens later.

use std::time::Duration;

use esign_core::{
    CallbackEvidence, Error, ErrorKind, Event, HandleKey, InboundCall, Reference, Reply, Resolution, Result,
    Sha256Hash, VerifiedEvent,
};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::news::{News, To, Told};
use crate::order::{Order, OrderId, Tenant};
use crate::seal::{Sealed, WrappedKey};

/// Whose the sealed form of a callback is until an order takes it.
const INBOX: &str = "inbox";
/// Hints within so many seconds are one.
const ONE_HINT_PER: i64 = 10;
/// How long a lookup inside of a call may take: the caller waits for its answer.
const FIND_WITHIN: Duration = Duration::from_secs(2);

/// A callback in the inbox: sealed under a key of its own, because the order that it is about may not be known yet.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: WrappedKey,
    receipt: Sealed,
    body: Sealed,
}

impl Engine {
    /// Takes a call that came in for an instance, verifies it and stores what it says. Send the reply back in any case.
    ///
    /// It says 200 for a request that is not known yet: the news wait until it is. It says 503 if they could not be stored,
    /// so that the provider calls again.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is no such instance, or it makes no calls.
    pub async fn receive(&self, instance: &str, call: &InboundCall) -> Result<Reply> {
        let received = self.0.client.receive(instance, call).await?;
        let Ok(events) = received.events else { return Ok(received.reply) };
        for event in events {
            let stored = match event {
                Event::Verified(event) => self.store_callback(&event).await,
                Event::Hint { key, reference } => self.store_hint(instance, key, reference, call).await,
                _ => Ok(()),
            };
            if let Err(error) = stored {
                tracing::warn!(%error, instance, "a callback could not be stored");
                return Ok(Reply::status(503));
            }
        }
        self.0.woken.notify_one();
        Ok(received.reply)
    }

    async fn store_callback(&self, event: &VerifiedEvent) -> Result<()> {
        let news = News::Callback {
            key: event.key.clone(),
            standing: event.standing,
            evidence: self.seal_callback(&event.evidence)?,
        };
        let dedup = format!("callback-{}-{}", event.key, Sha256Hash::of(event.dedup.as_bytes()));
        let told = Told { to: To::Handle(event.key.clone()), dedup, news, at: self.0.clock.now() };
        self.0.store.tell(&told).await.map(|_| ())
    }

    async fn store_hint(
        &self,
        instance: &str,
        key: Option<HandleKey>,
        reference: Option<Reference>,
        call: &InboundCall,
    ) -> Result<()> {
        let to = match (key, &reference) {
            (Some(key), _) => To::Handle(key),
            (None, Some(reference)) => To::Reference(instance.to_owned(), reference.clone()),
            (None, None) => return Ok(()),
        };
        if let Some(reference) = reference
            && let Some(order) = self.order_of(instance, &reference).await?
        {
            self.recover(&order, call).await?;
        }
        let at = self.0.clock.now();
        let dedup = format!("hint-{to:?}-{}", at.as_second() / ONE_HINT_PER);
        self.0.store.tell(&Told { to, dedup, news: News::Hint, at }).await.map(|_| ())
    }

    /// The order that a provider knows by this reference.
    async fn order_of(&self, instance: &str, reference: &Reference) -> Result<Option<Order>> {
        let own = OrderId::of(&Tenant::default(), reference);
        let ids = [Some(own), OrderId::parse(reference.as_str()).ok()];
        for id in ids.into_iter().flatten() {
            if let Some(order) = self.0.store.get(&id).await?
                && order.instance == instance
                && order.sent_reference()? == *reference
            {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }

    /// A call may name what a lookup cannot find: the provider's own id of a submission whose answer was lost.
    async fn recover(&self, order: &Order, call: &InboundCall) -> Result<()> {
        let Some(open) = order.attempts.iter().find(|attempt| attempt.is_open()) else { return Ok(()) };
        let intent = Self::intent_of(&open.intent)?;
        let found = self.0.client.within(FIND_WITHIN).resolve_by_call(&intent, call).await;
        let Ok(Resolution::Found(submission)) = found else { return Ok(()) };
        let sent = Box::new(self.seal_sent(order, &submission)?);
        self.tell_late(order, open, sent).await
    }

    /// What became of an attempt, for whoever works on its order.
    pub(super) async fn tell_late(
        &self,
        order: &Order,
        attempt: &crate::Attempt,
        sent: Box<crate::Sent>,
    ) -> Result<()> {
        let dedup = format!("late-{}-{}", order.id, sent.key);
        let news = News::Late { attempt: Box::new(attempt.clone()), sent };
        let told = Told { to: To::Order(order.id.clone()), dedup, news, at: self.0.clock.now() };
        self.0.store.tell(&told).await.map(|_| ())
    }

    fn seal_callback(&self, evidence: &CallbackEvidence) -> Result<Sealed> {
        let (key, wrapped) = self.0.keyring.new_key(INBOX)?;
        let receipt = key.seal("receipt", evidence.receipt().as_bytes())?;
        let kept = Kept { key: wrapped, receipt, body: key.seal("body", &evidence.body)? };
        serde_json::to_vec(&kept)
            .map(Sealed::from_bytes)
            .map_err(|e| Error::new(ErrorKind::Internal, "a callback cannot be stored").with_source(e))
    }

    pub(super) fn open_callback(&self, sealed: &Sealed) -> Result<CallbackEvidence> {
        let kept: Kept = serde_json::from_slice(sealed.as_bytes())
            .map_err(|_| Error::new(ErrorKind::Integrity, "a stored callback cannot be read"))?;
        let key = self.0.keyring.open(INBOX, &kept.key)?;
        let receipt = key.open_text("receipt", &kept.receipt)?;
        CallbackEvidence::from_receipt(key.open("body", &kept.body)?, &receipt)
    }
}
