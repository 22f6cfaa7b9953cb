//! What applications call.

use std::time::Duration;

use esign_core::{
    Artifact, Error, ErrorKind, Handle, NextStep, Reference, RequestFile, Result, Sha256Hash, SignRequest,
    Submission,
};
use futures_util::future::{Either, select};

use super::Engine;
use super::requests::{REQUEST, originals};
use crate::news::{Decision, Event, EventKind, News, To, Told};
use crate::order::{Lane, Order, OrderId, Stage, Tenant, sent_reference};
use crate::store::{Due, Filter};

/// What a person decides about an order that is [`Stage::Undecided`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Choice {
    /// This request at the provider is it.
    Adopt(Box<Handle>),
    /// Send it again, although people may be asked twice.
    SendAgain,
    /// Give it up.
    Abandon,
}

impl Engine {
    /// Takes a request: once this returns it will be sent, whatever happens to the process. Nothing has been sent yet.
    ///
    /// The reference names the order for ever: a second call with the same request gives the same order and changes nothing.
    ///
    /// # Errors
    /// What [`Client::prepare_on`](esign_core::Client::prepare_on) refuses; [`ErrorKind::Conflict`] at `reference` if the tenant
    /// has used it for another request or instance. Else store and vault: safe to repeat.
    pub async fn accept(
        &self,
        tenant: &Tenant,
        instance: Option<&str>,
        request: SignRequest,
    ) -> Result<Order> {
        let instance = match instance {
            Some(name) => name.to_owned(),
            None => self
                .0
                .client
                .active()
                .ok_or_else(|| Error::config("active", "no instance is active: name one"))?,
        };
        let text = serde_json::to_string(&RequestFile::of(&request)?)
            .map_err(|e| Error::new(ErrorKind::Internal, "the request cannot be stored").with_source(e))?;
        let fingerprint = Sha256Hash::of_parts(&[&instance, &text]);
        let id = OrderId::of(tenant, &request.reference);
        if let Some(known) = self.0.store.get(&id).await? {
            return same_or_conflict(known, fingerprint);
        }
        let mut sent = request.clone();
        sent.reference = sent_reference(tenant, &request.reference)?;
        self.0.client.prepare_on(&instance, sent).await?;

        let (key, wrapped) = self.0.keyring.new_key(id.as_str())?;
        let mut documents = Vec::new();
        for original in originals(&request) {
            documents.push(self.keep(&id, &key, &original).await?);
        }
        let now = self.0.clock.now();
        let order = Order {
            id: id.clone(),
            tenant: tenant.clone(),
            reference: request.reference.clone(),
            instance,
            delivery: request.delivery,
            stage: Stage::Accepted,
            standing: None,
            version: 1,
            fingerprint,
            data_key: Some(wrapped),
            request: Some(key.seal(REQUEST, text.as_bytes())?),
            documents,
            attempts: Vec::new(),
            current: None,
            surplus: Vec::new(),
            archive: Vec::new(),
            callbacks: Vec::new(),
            created_at: now,
            sent_at: None,
            ended_at: None,
            result_until: None,
            not_before: None,
            faults: 0,
            cancel: None,
            asked_first: false,
            hold: None,
            erased_at: None,
            note: None,
            journal: Vec::new(),
        };
        let event = Event {
            seq: 0,
            id: format!("{id}-1-{:x}", now.as_millisecond()),
            tenant: tenant.clone(),
            order: id,
            reference: request.reference,
            version: 1,
            kind: EventKind::Accepted,
            standing: None,
            note: None,
            at: now,
        };
        let due = Due { lane: Lane::Submit, at: Some(now), deadline: None };
        let known = self.0.store.accept(&order, &event, &due).await?;
        self.0.woken.notify_one();
        known.map_or(Ok(order), |known| same_or_conflict(known, fingerprint))
    }

    /// The order of this id; `None` if this tenant has none.
    ///
    /// # Errors
    /// The store's.
    pub async fn order(&self, tenant: &Tenant, id: &OrderId) -> Result<Option<Order>> {
        Ok(self.0.store.get(id).await?.filter(|order| order.tenant == *tenant))
    }

    /// The order with this reference.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, tenant: &Tenant, reference: &Reference) -> Result<Option<Order>> {
        self.order(tenant, &OrderId::of(tenant, reference)).await
    }

    /// Orders by id. For the next page, put the last one's id into [`Filter::after`].
    ///
    /// # Errors
    /// The store's.
    pub async fn orders(&self, filter: &Filter) -> Result<Vec<Order>> {
        self.0.store.list(filter).await
    }

    /// Waits until the order has more events than `version`, or has ended, or the time is up; then gives it as it is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order; else the store's.
    pub async fn wait(
        &self,
        tenant: &Tenant,
        id: &OrderId,
        version: u64,
        at_most: Duration,
    ) -> Result<Order> {
        let give_up = self.0.clock.monotonic() + at_most;
        loop {
            let order = self.must(tenant, id).await?;
            let now = self.0.clock.monotonic();
            if order.version > version || order.stage.is_end() || now >= give_up {
                return Ok(order);
            }
            self.0.clock.sleep_until(give_up.min(now + self.0.settings.idle / 4)).await;
        }
    }

    /// What each signer does next; empty before it was sent. Links let their holder sign: give each to its signer only.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order; [`ErrorKind::Gone`] if it was erased.
    pub async fn links(&self, tenant: &Tenant, id: &OrderId) -> Result<Vec<NextStep>> {
        let order = self.must(tenant, id).await?;
        order.sent().map_or(Ok(Vec::new()), |sent| self.steps_of(&order, sent))
    }

    /// What is kept of the result, with its bytes; empty before it was archived.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order; [`ErrorKind::Gone`] if it was erased; else the vault's.
    pub async fn results(&self, tenant: &Tenant, id: &OrderId) -> Result<Vec<Artifact>> {
        let order = self.must(tenant, id).await?;
        let key = self.key_of(&order)?;
        let mut results = Vec::new();
        for blob in &order.archive {
            let content = self.read_blob(&key, blob).await?;
            results.push(Artifact::new(blob.what.clone(), blob.media_type.clone(), content));
        }
        Ok(results)
    }

    /// Asks for an order to be called back. Returns once that is stored; what came of it the order's events tell.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order; [`ErrorKind::Conflict`] if it has ended.
    pub async fn cancel(&self, tenant: &Tenant, id: &OrderId, reason: &str) -> Result<()> {
        let order = self.must(tenant, id).await?;
        if order.stage.is_end() {
            return Err(conflict(&order, "it can no longer be called back"));
        }
        self.tell(id, News::Cancel { reason: reason.to_owned() }).await
    }

    /// Decides about an order that waits for it. The reason is kept for ever.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order; [`ErrorKind::Conflict`] if it does not wait for a decision;
    /// [`ErrorKind::InvalidRequest`] at `reason` if there is none, at `handle` if it is of another instance.
    pub async fn decide(&self, tenant: &Tenant, id: &OrderId, choice: Choice, reason: &str) -> Result<()> {
        let order = self.must(tenant, id).await?;
        if order.stage != Stage::Undecided {
            return Err(conflict(&order, "it does not wait for a decision"));
        }
        if reason.trim().is_empty() {
            return Err(Error::invalid(
                "reason",
                "say why: it stands beside what may be a second request to people",
            ));
        }
        let decision = match choice {
            Choice::Adopt(handle) => Decision::Adopt { sent: Box::new(self.adopted(&order, *handle).await?) },
            Choice::SendAgain => Decision::SendAgain,
            Choice::Abandon => Decision::Abandon,
        };
        self.tell(id, News::Decide { decision, reason: reason.to_owned() }).await
    }

    async fn adopted(&self, order: &Order, handle: Handle) -> Result<crate::Sent> {
        if handle.instance() != order.instance {
            let message = format!("it is of {}, the order of {}", handle.instance(), order.instance);
            return Err(Error::invalid("handle", message));
        }
        let prepared = self.prepared_of(order).await?;
        self.seal_sent(order, &Submission::new(prepared.intent(), handle))
    }

    /// Forbids erasing an order, or allows it again (without a reason).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order.
    pub async fn hold(&self, tenant: &Tenant, id: &OrderId, reason: Option<&str>) -> Result<()> {
        self.must(tenant, id).await?;
        self.tell(id, News::Hold { reason: reason.map(str::to_owned) }).await
    }

    /// Erases what is personal in an order: its data key is destroyed, which reaches backups too, and its documents go. State,
    /// events and record stay: they hold nothing personal.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such order; [`ErrorKind::Conflict`] if it has not ended or is held.
    pub async fn erase(&self, tenant: &Tenant, id: &OrderId, reason: &str) -> Result<()> {
        let order = self.must(tenant, id).await?;
        if let Some(hold) = &order.hold {
            return Err(conflict(&order, &format!("it is held: {hold}")));
        }
        if !order.stage.is_end() {
            return Err(conflict(&order, "only what has ended is erased; call it back first"));
        }
        self.tell(id, News::Erase { reason: reason.to_owned() }).await
    }

    /// The feed: a tenant's events after a place in it, in order. Keep the last [`Event::seq`] as the next `after`.
    ///
    /// # Errors
    /// The store's.
    pub async fn events(&self, tenant: Option<&Tenant>, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.0.store.events(tenant, after, limit).await
    }

    /// Puts the data keys of up to `limit` orders behind `after` under the active master key: what to do after a rotation.
    /// Returns the last id that was looked at, or `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Secret`] if a key's old master is missing; else the store's.
    pub async fn rewrap(&self, after: Option<OrderId>, limit: usize) -> Result<Option<OrderId>> {
        let orders = self.orders(&Filter { after, limit, ..Filter::default() }).await?;
        for order in &orders {
            let Some(old) = &order.data_key else { continue };
            if let Some(new) = self.0.keyring.rewrap(order.id.as_str(), old)? {
                self.0.store.rewrap(&order.id, old, &new).await?;
            }
        }
        Ok(orders.last().map(|order| order.id.clone()))
    }

    pub(super) async fn must(&self, tenant: &Tenant, id: &OrderId) -> Result<Order> {
        let found = self.order(tenant, id).await?;
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no order {id}")))
    }

    async fn tell(&self, id: &OrderId, news: News) -> Result<()> {
        let dedup = format!("told-{}", self.token());
        let told = Told { to: To::Order(id.clone()), dedup, news, at: self.0.clock.now() };
        self.0.store.tell(&told).await?;
        self.0.woken.notify_one();
        Ok(())
    }

    /// Sleeps until the time, or until something has become due in this process.
    pub(super) async fn rest(&self, until: Duration) {
        let woken = std::pin::pin!(self.0.woken.notified());
        match select(self.0.clock.sleep_until(until), woken).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}

fn same_or_conflict(known: Order, fingerprint: Sha256Hash) -> Result<Order> {
    if known.fingerprint == fingerprint {
        return Ok(known);
    }
    let message = "this reference names another request already, with other content or for another instance; nothing was \
                   changed. Send the same request again to get its order, or choose another reference";
    Err(Error::new(ErrorKind::Conflict, message).field("reference"))
}

fn conflict(order: &Order, why: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("the order is {}: {why}", order.stage))
}
