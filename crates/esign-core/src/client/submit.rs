//! Sending, and finding out what became of what was sent.

use std::sync::Arc;

use super::{Client, Instance};
use crate::{
    Error, ErrorKind, InboundCall, Intent, Observation, Operation, Prepared, Reference, Resolution, Result,
    Submission,
};

impl Client {
    /// Sends a prepared request. Visible to people, so it is never repeated by itself unless it surely had no effect.
    ///
    /// Store the intent before, and the handle at once after. Dropping the future counts as
    /// [`Retry::OutcomeUnknown`](crate::Retry::OutcomeUnknown).
    ///
    /// # Errors
    /// If [`Error::is_outcome_unknown`], call [`Client::resolve`] with the intent before anything else.
    pub async fn submit(&self, prepared: Prepared) -> Result<Submission> {
        let instance = self.instance_for_intent(prepared.intent())?;
        let documents = instance.provider.documents().ok_or_else(|| no_documents(&instance))?;
        let mut guard = SubmitGuard {
            client: self,
            instance: &instance,
            reference: prepared.intent().reference(),
            armed: true,
        };
        let reference = Some(prepared.intent().reference());
        let result = self.call(&instance, Operation::Submit, reference, documents.submit(&prepared)).await;
        guard.armed = result.as_ref().is_err_and(Error::is_outcome_unknown);
        drop(guard);
        let submission = result?;
        self.inner.observer.observe(&Observation::Submitted {
            instance: &instance.name,
            reference: prepared.intent().reference(),
            key: &submission.handle.key(),
        });
        Ok(submission)
    }

    /// Finds out what became of an intent, after a crash or an unknown outcome. Reads only.
    ///
    /// # Errors
    /// If the provider cannot be asked now: safe to repeat. [`ErrorKind::BadHandle`] if the instance is gone.
    pub async fn resolve(&self, intent: &Intent) -> Result<Resolution> {
        let instance = self.instance_for_intent(intent)?;
        match instance.provider.lookup() {
            Some(lookup) => {
                let reference = Some(intent.reference());
                self.call(&instance, Operation::Lookup, reference, lookup.find(intent)).await
            }
            None => Ok(cannot_be_asked(&instance)),
        }
    }

    /// Finds out what became of several intents of one instance, in their order: where the provider can only list what it has,
    /// it is asked once for all. Reads only.
    ///
    /// # Errors
    /// As [`Client::resolve`]; nothing is known of any of them then. [`ErrorKind::InvalidRequest`] if they are of several
    /// instances.
    pub async fn resolve_many(&self, intents: &[Intent]) -> Result<Vec<Resolution>> {
        let Some(first) = intents.first() else { return Ok(Vec::new()) };
        let instance = self.instance_for_intent(first)?;
        for intent in intents {
            let same = self.instance_for_intent(intent)?;
            if !Arc::ptr_eq(&same, &instance) {
                return Err(Error::invalid(
                    "intents",
                    "these are of several instances; ask for each instance apart",
                ));
            }
        }
        match instance.provider.lookup() {
            Some(lookup) => self.call(&instance, Operation::Lookup, None, lookup.find_many(intents)).await,
            None => Ok(intents.iter().map(|_| cannot_be_asked(&instance)).collect()),
        }
    }

    /// Finds out what became of an intent with the help of a call that came in and names its reference
    /// ([`Event::Hint`](crate::Event::Hint)). Reads only; the call is a hint of where to look and proves nothing.
    ///
    /// # Errors
    /// As [`Client::resolve`].
    pub async fn resolve_by_call(&self, intent: &Intent, call: &InboundCall) -> Result<Resolution> {
        let instance = self.instance_for_intent(intent)?;
        match instance.provider.lookup() {
            Some(lookup) => {
                let reference = Some(intent.reference());
                self.call(&instance, Operation::Lookup, reference, lookup.find_by_call(intent, call)).await
            }
            None => Ok(cannot_be_asked(&instance)),
        }
    }
}

/// Tells the observer that nobody knows, also when the future is dropped half-way.
struct SubmitGuard<'a> {
    client: &'a Client,
    instance: &'a Arc<Instance>,
    reference: &'a Reference,
    armed: bool,
}

impl Drop for SubmitGuard<'_> {
    fn drop(&mut self) {
        if self.armed {
            let event =
                Observation::OutcomeUnknown { instance: &self.instance.name, reference: self.reference };
            self.client.inner.observer.observe(&event);
        }
    }
}

impl Instance {
    /// Says whose error it is.
    pub(super) fn name_error(&self, error: Error, operation: Operation) -> Error {
        error.with_provider(self.kind.clone()).with_instance(&self.name).during(operation)
    }
}

fn cannot_be_asked(instance: &Instance) -> Resolution {
    let why = format!("{} offers no way to ask whether it received the request", instance.kind);
    Resolution::Unknown { why }
}

pub(super) fn no_documents(instance: &Instance) -> Error {
    Error::new(ErrorKind::Unsupported, "this provider signs no documents").with_instance(&instance.name)
}
