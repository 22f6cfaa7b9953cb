//! Everything that happens to a request after it was sent.

use std::sync::Arc;

use super::{Client, Instance, submit::no_documents};
use crate::{
    Artifact, ArtifactId, CancelOutcome, Documents, Error, ErrorKind, Handle, InboundCall, Observation,
    Operation, ProbeReport, Received, Result, Settled, State, StatusReport, Trial,
};

impl Client {
    /// Reads how far a request has come. Any number of times, though not more often than the report's
    /// `ask_again_after`.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`] if the instance is gone or has moved; else the provider's.
    pub async fn status(&self, handle: &Handle) -> Result<StatusReport> {
        let (instance, documents) = self.documents_of(handle)?;
        self.read_status(&instance, documents.as_ref(), handle).await
    }

    async fn read_status(
        &self,
        instance: &Instance,
        documents: &dyn Documents,
        handle: &Handle,
    ) -> Result<StatusReport> {
        let status = documents.status(handle.request());
        let report =
            self.call(instance, Operation::Status, Some(handle.request().reference()), status).await?;
        let mut report = report.printable();
        if let Some(request) = report.new_request.take() {
            report.new_handle = Some(handle.clone().with_request(request));
        }
        self.inner.observer.observe(&Observation::Status {
            instance: &instance.name,
            key: &handle.key(),
            state: report.state(),
        });
        Ok(report)
    }

    /// Fetches an artifact, whole and unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::NotReady`] before it exists, [`ErrorKind::Gone`] after, [`ErrorKind::NotFound`] for an id that never
    /// will; [`ErrorKind::Integrity`] if not all of it came.
    pub async fn download(&self, handle: &Handle, what: &ArtifactId) -> Result<Artifact> {
        let (instance, documents) = self.documents_of(handle)?;
        let download = documents.download(handle.request(), what);
        self.call(&instance, Operation::Download, Some(handle.request().reference()), download).await
    }

    /// Calls an unfinished request back, after reading its status: a completed one is left alone
    /// ([`CancelOutcome::TooLate`]). A second call gives [`CancelOutcome::AlreadyGone`].
    ///
    /// # Errors
    /// With [`Retry::OutcomeUnknown`](crate::Retry::OutcomeUnknown) if a repeated attempt was refused: read the status.
    pub async fn cancel(&self, handle: &Handle) -> Result<CancelOutcome> {
        let (instance, documents) = self.documents_of(handle)?;
        if !instance.provider.capabilities().cancel.is_yes() {
            let error = Error::new(ErrorKind::Unsupported, "this provider cannot call a request back");
            return Err(instance.name_error(error, Operation::Cancel));
        }
        let report = self.read_status(&instance, documents.as_ref(), handle).await?;
        match report.state() {
            State::Completed => return Ok(CancelOutcome::TooLate),
            State::Declined | State::Cancelled | State::Failed => return Ok(CancelOutcome::AlreadyGone),
            State::Expired if report.standing.is_final() => return Ok(CancelOutcome::AlreadyGone),
            State::Pending | State::InProgress | State::Expired | State::Unrecognised => {}
        }
        let cancel = documents.cancel(handle.request());
        self.call(&instance, Operation::Cancel, Some(handle.request().reference()), cancel).await
    }

    /// Lets the provider remind the signers whose turn it is, after reading the status; gives the keys of those who were
    /// reminded. People see it: a second call reminds again.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the provider does not remind, [`ErrorKind::Conflict`] if the request has ended. With
    /// [`Retry::OutcomeUnknown`](crate::Retry::OutcomeUnknown) if they may have been reminded.
    pub async fn remind(&self, handle: &Handle) -> Result<Vec<String>> {
        let (instance, documents) = self.documents_of(handle)?;
        let named = |error| instance.name_error(error, Operation::Remind);
        let reminders = instance.provider.reminders().ok_or_else(|| {
            named(Error::new(ErrorKind::Unsupported, "this provider does not remind signers"))
        })?;
        let report = self.read_status(&instance, documents.as_ref(), handle).await?;
        if report.standing.is_final() {
            let message = format!("nobody is reminded: the request has ended ({})", report.state());
            return Err(named(Error::new(ErrorKind::Conflict, message)));
        }
        let remind = reminders.remind(handle.request());
        self.call(&instance, Operation::Remind, Some(handle.request().reference()), remind).await
    }

    /// Erases a request and its documents at the provider, whatever its state; true if it was there. Download first.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the provider cannot.
    pub async fn erase(&self, handle: &Handle) -> Result<bool> {
        let instance = self.inner.instances.of_handle(handle)?;
        let retention = instance.provider.retention().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this provider cannot erase data on request")
                .with_instance(&instance.name)
        })?;
        let erase = retention.erase(handle.request());
        self.call(&instance, Operation::Erase, Some(handle.request().reference()), erase).await
    }

    /// Verifies and understands a call that came in for an instance. Send the reply back in any case.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is no such instance or it receives nothing; a call that is not believed is in
    /// [`Received::events`].
    pub async fn receive(&self, instance: &str, call: &InboundCall) -> Result<Received> {
        let instance = self.inner.instances.named(instance)?;
        let callbacks = instance.provider.callbacks().ok_or_else(|| {
            Error::new(ErrorKind::Config, "this provider makes no calls").with_instance(&instance.name)
        })?;
        let mut received = callbacks.receive(call).await;
        received.events = received.events.map_err(|e| instance.name_error(e, Operation::Receive));
        let told = received.events.as_ref().map(Vec::len).map_err(Error::message);
        self.inner.observer.observe(&Observation::Callback { instance: &instance.name, events: told });
        Ok(received)
    }

    /// Fetches ahead whatever callbacks need to be verified in time. Call it once at start.
    ///
    /// # Errors
    /// The first instance that is not ready; the others were tried too.
    pub async fn ready(&self) -> Result<()> {
        let mut first = Ok(());
        for instance in self.inner.instances.all() {
            if let Some(callbacks) = instance.provider.callbacks() {
                let ready = callbacks.ready().await.map_err(|e| instance.name_error(e, Operation::Receive));
                first = first.and(ready);
            }
        }
        first
    }

    /// Asks whether an instance would work: credentials, clock.
    ///
    /// # Errors
    /// If nothing could be asked.
    pub async fn probe(&self, instance: &str) -> Result<ProbeReport> {
        let instance = self.inner.instances.named(instance)?;
        match instance.provider.probe() {
            Some(probe) => self.call(&instance, Operation::Probe, None, probe.probe()).await,
            None => Ok(ProbeReport::new(Vec::new())),
        }
    }

    /// Settles by trial what the provider's documentation leaves open, as far as a staging service can.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an instance of production, where nothing is tried; else if nothing could be.
    pub async fn settle(&self, instance: &str, trial: &Trial) -> Result<Vec<Settled>> {
        let instance = self.inner.instances.named(instance)?;
        if instance.provider.capabilities().endpoint.environment == "production" {
            let message = "nothing is tried in production: name an instance of staging, or of a simulator";
            return Err(instance.name_error(Error::new(ErrorKind::Config, message), Operation::Probe));
        }
        match instance.provider.probe() {
            Some(probe) => probe.settle(trial).await.map_err(|e| instance.name_error(e, Operation::Probe)),
            None => Ok(Vec::new()),
        }
    }

    fn documents_of(&self, handle: &Handle) -> Result<(Arc<Instance>, Arc<dyn Documents>)> {
        let instance = self.inner.instances.of_handle(handle)?;
        let documents = instance.provider.documents().ok_or_else(|| no_documents(&instance))?;
        Ok((instance, documents))
    }
}
