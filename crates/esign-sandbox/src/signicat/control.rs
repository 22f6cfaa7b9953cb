//! Acting as the signer and looking inside: for Rust tests as [`SignicatControl`], for others as JSON under
//! `/_sandbox/signicat`.

mod routes;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Signicat;
use super::notify::{Delivery, Forgery};
use super::portal::{PortalError, Recipient, Who};
use super::progress::{File, FileKind, Order, PackagingRun, PackagingStatus, TaskStatus};
use super::settings::{Client, SignicatSettings};
use super::signer::Signer;

pub(crate) use routes::router;

/// The simulated Sign API from the other side: its signers, its switches, the orders of all its clients.
#[derive(Clone, Debug)]
pub struct SignicatControl(Arc<Signicat>);

/// An order as the sandbox knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OrderState {
    /// The id from the API.
    pub id: String,
    /// Who made it.
    pub client_id: String,
    /// The client's own reference.
    pub client_reference: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it goes, with everything in it but what is archived.
    pub ends_at: Timestamp,
    /// Its tasks, in their order; those to whom a task was forwarded last.
    pub tasks: Vec<TaskState>,
    /// Its packaging tasks, in their order.
    pub packaging_tasks: Vec<PackagingState>,
}

/// A task as the sandbox knows it. Debug does not show the links.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaskState {
    /// The id that the client chose.
    pub id: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// All tasks on which it depends are completed.
    pub free: bool,
    /// Until when it can be worked on.
    pub expires_at: Timestamp,
    /// Where its signer goes.
    pub signing_url: String,
    /// The same place, by its sign code.
    pub sign_code_url: String,
    /// Its documents, in their order.
    pub documents: Vec<TaskDocumentState>,
}

impl fmt::Debug for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskState")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A document of a task as the sandbox knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaskDocumentState {
    /// The id that the client chose.
    pub id: String,
    /// The file is there: supplied by the client, or uploaded by the signer.
    pub there: bool,
    /// It is signed.
    pub signed: bool,
    /// Where its evidence is in the archive.
    pub archive: ArchiveState,
}

/// A packaging task as the sandbox knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PackagingState {
    /// The id that the client chose.
    pub id: String,
    /// Where it stands.
    pub status: PackagingStatus,
    /// Where its result is in the archive.
    pub archive: ArchiveState,
}

/// Where a result is in the archive: its id, `null` while it is not there.
pub type ArchiveState = Option<String>;

/// To whom a task is forwarded. Debug shows nothing of the person.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardTo {
    /// The name.
    pub name: String,
    /// The e-mail address, to which the link is sent.
    pub email: String,
    /// The phone number, with `+` and country code.
    #[serde(default)]
    pub mobile: Option<String>,
    /// The one who forwards the task signs as well.
    #[serde(default)]
    pub both: bool,
}

impl fmt::Debug for ForwardTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardTo").field("both", &self.both).finish_non_exhaustive()
    }
}

/// Why the signer, or the test, could not do that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotPossible {
    /// There is no such order: it never was, was deleted, or its time is over.
    #[error("there is no order {0}: it never was, was deleted, or its time is over")]
    NoOrder(String),
    /// The order has no task, document or packaging task of that name.
    #[error("the order has no {0}")]
    Nothing(String),
    /// The signer cannot do that now, or not at all.
    #[error("{0}")]
    Refused(String),
    /// The file to upload cannot be used.
    #[error("the file cannot be used: {0}")]
    File(String),
    /// The switches as changed are no settings.
    #[error("these are not settings of Signicat: {0}")]
    Settings(String),
}

impl From<PortalError> for NotPossible {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::File(why) => Self::File(why),
            PortalError::Refused(_) | PortalError::Name | PortalError::Recipient => {
                Self::Refused(error.to_string())
            }
        }
    }
}

impl SignicatControl {
    pub(crate) fn new(signicat: Arc<Signicat>) -> Self {
        Self(signicat)
    }

    /// Registers a client, or replaces the one with its id.
    pub fn register(&self, client: Client) {
        self.0.lock().clients.insert(client.client_id.clone(), client);
    }

    /// Forgets a client: its tokens are refused from now on. Its orders remain.
    pub fn unregister(&self, client_id: &str) {
        self.0.lock().clients.remove(client_id);
    }

    /// The clients that are registered, in the order of their ids.
    pub fn clients(&self) -> Vec<Client> {
        self.0.lock().clients.values().cloned().collect()
    }

    /// All orders of all clients that are there, oldest first.
    pub fn orders(&self) -> Vec<OrderState> {
        let now = self.0.now();
        self.0.lock().store.orders(now).into_iter().map(|order| self.state(order, now)).collect()
    }

    /// An order.
    ///
    /// # Errors
    /// [`NotPossible::NoOrder`].
    pub fn order(&self, order: &str) -> Result<OrderState, NotPossible> {
        self.with(order, |order, now| self.state(order, now))
    }

    /// A person comes to a task, logs in, views what is to be viewed, and signs what is to be signed, or just finishes
    /// where there is nothing to sign. Returns where the browser goes, if the order says. What is to be uploaded must have
    /// been ([`SignicatControl::upload`]).
    ///
    /// Packaging has started when this returns; its result shows after
    /// [`packaging_delay_seconds`](SignicatSettings::packaging_delay_seconds) by the sandbox's clock.
    ///
    /// # Errors
    /// [`NotPossible`], as a person at the page would be refused: [`NotPossible::Refused`] while other tasks have to be
    /// completed first, and when the task has ended.
    pub async fn sign(
        &self,
        order: &str,
        task: &str,
        signer: &Signer,
    ) -> Result<Option<String>, NotPossible> {
        self.task(order, task)?;
        Ok(self.0.sign_at_once(order, task, signer.clone()).await?)
    }

    /// A person comes to a task and rejects it. Returns where the browser goes, if the order says.
    ///
    /// # Errors
    /// As [`SignicatControl::sign`].
    pub fn reject(
        &self,
        order: &str,
        task: &str,
        signer: &Signer,
        reason: Option<&str>,
    ) -> Result<Option<String>, NotPossible> {
        Ok(self.0.decline(&self.come(order, task, signer)?, reason)?)
    }

    /// A person comes to a task and decides later. Returns where the browser goes, if the order says.
    ///
    /// # Errors
    /// As [`SignicatControl::sign`].
    pub fn postpone(&self, order: &str, task: &str, signer: &Signer) -> Result<Option<String>, NotPossible> {
        Ok(self.0.postpone(&self.come(order, task, signer)?)?)
    }

    /// A person comes to a task and supplies the file of a document that is to be uploaded: a PDF, or text.
    ///
    /// # Errors
    /// As [`SignicatControl::sign`]; [`NotPossible::Nothing`] without such a document, [`NotPossible::File`].
    pub async fn upload(
        &self,
        order: &str,
        task: &str,
        document: &str,
        signer: &Signer,
        file: impl Into<Bytes>,
    ) -> Result<(), NotPossible> {
        let session = self.come(order, task, signer)?;
        let place = self.with(order, |order, _| {
            let documents = order.task(task).map(|(task, _)| task.documents()).unwrap_or_default();
            documents.iter().position(|one| one.id() == document)
        })?;
        let place = place.ok_or_else(|| NotPossible::Nothing(format!("document {document}")))?;
        Ok(self.0.upload(&session, place + 1, file.into()).await?)
    }

    /// A person comes to a task and lets somebody else sign: instead, so that the task is rejected, or as well. Returns
    /// the id of the other person's task.
    ///
    /// # Errors
    /// As [`SignicatControl::sign`]; [`NotPossible::Refused`] while forwarding is switched off.
    pub fn forward(
        &self,
        order: &str,
        task: &str,
        signer: &Signer,
        to: &ForwardTo,
    ) -> Result<String, NotPossible> {
        let session = self.come(order, task, signer)?;
        let recipient = Recipient {
            name: to.name.clone(),
            email: to.email.clone(),
            mobile: to.mobile.clone().unwrap_or_default(),
            who: if to.both { Who::Both } else { Who::SomeoneElse },
        };
        self.0.forward(&session, &recipient)?;
        let newest =
            self.with(order, |order, _| order.forwards.last().map(|forward| forward.task.clone()))?;
        newest.ok_or_else(|| NotPossible::Nothing("forwarded task".to_owned()))
    }

    /// Lets the time for a task run out, without moving the clock. Notifications of its expiry still wait for their
    /// moment.
    ///
    /// # Errors
    /// [`NotPossible::NoOrder`], [`NotPossible::Nothing`].
    pub fn expire(&self, order: &str, task: &str) -> Result<(), NotPossible> {
        self.end(order, task, TaskStatus::Expired)
    }

    /// Deletes a task, as the provider's own people may; the rest of the order stays.
    ///
    /// # Errors
    /// [`NotPossible::NoOrder`], [`NotPossible::Nothing`].
    pub fn delete_task(&self, order: &str, task: &str) -> Result<(), NotPossible> {
        self.end(order, task, TaskStatus::Deleted)
    }

    /// The next packaging task that starts will fail.
    pub fn fail_next_packaging(&self) {
        self.0.lock().failures += 1;
    }

    /// Puts other bytes in the place of a packaged document: tampered with, or packaged by somebody else.
    ///
    /// # Errors
    /// [`NotPossible::NoOrder`], [`NotPossible::Nothing`] while there is no result.
    pub fn replace_packaged(
        &self,
        order: &str,
        packaging: &str,
        pdf: impl Into<Bytes>,
    ) -> Result<(), NotPossible> {
        let nothing = || NotPossible::Nothing(format!("result of packaging task {packaging}"));
        let now = self.0.now();
        let mut state = self.0.lock();
        let order = state.store.get_mut(order, now).ok_or_else(|| NotPossible::NoOrder(order.to_owned()))?;
        let index = order.packaging_index(packaging).ok_or_else(nothing)?;
        match &mut order.packaging[index] {
            PackagingRun::Done { result: Some(kept), .. } => {
                kept.file = File::new(pdf.into(), FileKind::Pdf);
                Ok(())
            }
            _ => Err(nothing()),
        }
    }

    /// No token that was issued so far is good any more.
    pub fn revoke_tokens(&self) {
        self.0.lock().tokens.revoke_all();
    }

    /// Every try to deliver a URL notification that has ended, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.0.notifications.borrow().deliveries.clone()
    }

    /// Waits until this many tries have ended, counted from the start, and returns them.
    pub async fn delivered(&self, count: usize) -> Vec<Delivery> {
        let mut log = self.0.notifications.subscribe();
        // The sender is in `self.0`.
        let _ = log.wait_for(|log| log.deliveries.len() >= count).await;
        self.deliveries()
    }

    /// Waits until no notification is under way, nor waits for its next try or its moment, and returns all tries.
    pub async fn notifications_done(&self) -> Vec<Delivery> {
        let mut log = self.0.notifications.subscribe();
        // The sender is in `self.0`.
        let _ = log.wait_for(|log| log.under_way == 0).await;
        self.deliveries()
    }

    /// Sends a URL notification that the order does not ask for, once: a duplicate, one that comes early or late, or one
    /// about something that is not there.
    ///
    /// # Errors
    /// [`NotPossible::NoOrder`], [`NotPossible::Refused`] if `to` is no address.
    pub fn notify(&self, order: &str, what: Forgery, to: &str) -> Result<(), NotPossible> {
        self.with(order, |_, _| ())?;
        url::Url::parse(to).map_err(|error| NotPossible::Refused(format!("the address: {error}")))?;
        self.0.forge(order, what, to);
        Ok(())
    }

    /// The switches as they are.
    pub fn settings(&self) -> SignicatSettings {
        self.0.settings()
    }

    /// Changes switches; they hold from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut SignicatSettings)) {
        change(&mut self.0.lock().settings);
    }

    fn change_by_json(&self, changes: &Map<String, Value>) -> Result<SignicatSettings, NotPossible> {
        let mut state = self.0.lock();
        let settings = |error: serde_json::Error| NotPossible::Settings(error.to_string());
        let mut value = serde_json::to_value(&state.settings).map_err(settings)?;
        for (name, setting) in changes {
            value[name] = setting.clone();
        }
        state.settings = serde_json::from_value(value).map_err(settings)?;
        Ok(state.settings.clone())
    }

    /// The token of a visit at a task that is there.
    fn come(&self, order: &str, task: &str, signer: &Signer) -> Result<String, NotPossible> {
        self.task(order, task)?;
        Ok(self.0.open(order, task, signer.clone())?)
    }

    fn end(&self, id: &str, task: &str, how: TaskStatus) -> Result<(), NotPossible> {
        self.task(id, task)?;
        let now = self.0.now();
        let mut state = self.0.lock();
        if let Some(order) = state.store.get_mut(id, now)
            && let Some(index) = order.task_index(task)
        {
            order.tasks[index].ended = Some(how);
        }
        Ok(())
    }

    /// The order and the task are there.
    fn task(&self, order: &str, task: &str) -> Result<(), NotPossible> {
        let is_there = self.with(order, |order, _| order.task_index(task).is_some())?;
        is_there.then_some(()).ok_or_else(|| NotPossible::Nothing(format!("task {task}")))
    }

    fn with<T>(&self, id: &str, read: impl FnOnce(&Order, Timestamp) -> T) -> Result<T, NotPossible> {
        let now = self.0.now();
        let state = self.0.lock();
        let order = state.store.get(id, now).ok_or_else(|| NotPossible::NoOrder(id.to_owned()))?;
        Ok(read(order, now))
    }

    fn state(&self, order: &Order, now: Timestamp) -> OrderState {
        let links = self.0.links();
        let tasks = order.body.tasks().iter().zip(&order.tasks).enumerate().map(|(index, (task, run))| {
            let documents = task.documents().iter().zip(&run.documents);
            let document = |(spec, run): (&super::order::TaskDocument, &super::progress::DocumentRun)| {
                TaskDocumentState {
                    id: spec.id().to_owned(),
                    there: run.original.is_some(),
                    signed: run.evidence.is_some(),
                    archive: run.evidence.as_ref().and_then(|kept| kept.archive_id.clone()),
                }
            };
            TaskState {
                id: task.id().to_owned(),
                status: order.status(index, now),
                free: order.is_free(index),
                expires_at: run.expires_at,
                signing_url: links.signing_url(&order.id, task.id()),
                sign_code_url: links.sign_code_url(&run.sign_code),
                documents: documents.map(document).collect(),
            }
        });
        let packaging =
            order.body.packaging_tasks().iter().enumerate().map(|(index, packaging)| PackagingState {
                id: packaging.id().to_owned(),
                status: order.packaging_status(index, now),
                archive: order.packaged(index, now).and_then(|kept| kept.archive_id.clone()),
            });
        OrderState {
            id: order.id.clone(),
            client_id: order.client_id.clone(),
            client_reference: order.body.client_reference.clone(),
            created_at: order.created_at,
            ends_at: order.ends_at(),
            tasks: tasks.collect(),
            packaging_tasks: packaging.collect(),
        }
    }
}
