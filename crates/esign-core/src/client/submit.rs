//! Sending, and finding out what became of what was sent.

use std::sync::Arc;

use super::{Client, Instance};
use crate::{
    Error, ErrorKind, Intent, Observation, Operation, Prepared, Reference, Resolution, Result, Submission,
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
        let result = documents.submit(&prepared).await.map_err(|e| instance.name_error(e, Operation::Submit));
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
            Some(lookup) => lookup.find(intent).await.map_err(|e| instance.name_error(e, Operation::Lookup)),
            None => Ok(Resolution::Unknown {
                why: format!("{} offers no way to ask whether it received the request", instance.kind),
            }),
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

pub(super) fn no_documents(instance: &Instance) -> Error {
    Error::new(ErrorKind::Unsupported, "this provider signs no documents").with_instance(&instance.name)
}
