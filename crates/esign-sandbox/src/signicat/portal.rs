//! What a person at a task can do: come, view, upload, sign, decide later, reject, forward.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use super::notify::Parcel;
use super::order::{Task, Trigger};
use super::progress::{File, FileKind, Forward, Order, Refusal, TaskStatus};
use super::signer::Signer;
use super::store::Store;
use super::{Links, Signicat, State, validate};
use crate::ids;
use crate::mailbox::Message;
use crate::pages::NOTICE;
use crate::shared::compute;
use crate::signing::{MAX_SIGNER_NAME, signable};

/// A person at a task, logged in where it asks for that.
pub(super) struct Visit {
    pub(super) order: String,
    pub(super) task: String,
    pub(super) signer: Signer,
}

/// Why the page did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum PortalError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the name must have 1 to {MAX_SIGNER_NAME} characters and no control characters")]
    Name,
    #[error(
        "the other person needs a name and an e-mail address; a phone number begins with + and the country code"
    )]
    Recipient,
    #[error("the file cannot be used: {0}")]
    File(String),
}

/// To whom a task is forwarded, and whether the one who forwards it signs as well.
#[derive(Deserialize)]
pub(super) struct Recipient {
    pub(super) name: String,
    pub(super) email: String,
    #[serde(default)]
    pub(super) mobile: String,
    pub(super) who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    SomeoneElse,
    Both,
}

impl Recipient {
    fn is_valid(&self) -> bool {
        is_name(&self.name)
            && validate::is_email(&self.email)
            && (self.mobile.trim().is_empty() || validate::is_phone(&self.mobile))
    }
}

impl Signicat {
    /// Somebody comes to a task. Returns the token of the visit.
    pub(super) fn open(
        self: &Arc<Self>,
        order: &str,
        task: &str,
        signer: Signer,
    ) -> Result<String, PortalError> {
        if !is_name(&signer.name) {
            return Err(PortalError::Name);
        }
        let now = self.now();
        let links = self.links();
        let (session, parcels) = {
            let State { store, sessions, .. } = &mut *self.lock();
            let (found, index) = find(store, order, task, now)?;
            found.open(index, now)?;
            signer.check(&found.body.tasks()[index], None)?;
            let parcels = start(found, index, now, &links);
            if found.body.tasks()[index].asks_for_login() {
                found.note(index, "USER_AUTHENTICATED", now, None);
            }
            let session = ids::token();
            let visit = Visit { order: order.to_owned(), task: task.to_owned(), signer };
            sessions.insert(session.clone(), visit);
            (session, parcels)
        };
        self.send(parcels);
        Ok(session)
    }

    /// Somebody comes whom the client has logged in already.
    pub(super) fn open_by_artifact(
        self: &Arc<Self>,
        order: &str,
        task: &str,
        artifact: &str,
    ) -> Result<String, PortalError> {
        let now = self.now();
        let name = {
            let store = &mut self.lock().store;
            let (found, index) = find(store, order, task, now)?;
            let good = found.artifact.take_if(|known| known.value == artifact && now < known.until);
            if good.is_none() || !found.body.tasks()[index].asks_for_artifact() {
                return Err(Refusal::NotLoggedIn.into());
            }
            let subject = found.body.tasks()[index].subject.as_ref().and_then(|subject| subject.id.clone());
            subject.filter(|id| is_name(id)).unwrap_or_else(|| "The logged-in user".to_owned())
        };
        self.open(order, task, Signer::named(name))
    }

    /// All of it: comes, views what is to be viewed, signs. Returns where the browser goes.
    pub(super) async fn sign_at_once(
        self: &Arc<Self>,
        order: &str,
        task: &str,
        signer: Signer,
    ) -> Result<Option<String>, PortalError> {
        let session = self.open(order, task, signer.clone())?;
        let documents = self.visited(&session, |order, index| order.tasks[index].documents.len())?;
        for number in 1..=documents {
            match self.look_at(&session, number) {
                // What is to be uploaded is not there yet.
                Ok(_) | Err(PortalError::Refused(Refusal::NoDocument)) => {}
                Err(error) => return Err(error),
            }
        }
        self.finish(&session, signer).await
    }

    /// A document of the task, numbered from 1, to be read.
    pub(super) fn look_at(&self, session: &str, number: usize) -> Result<File, PortalError> {
        let now = self.now();
        self.visited(session, |order, index| {
            let place = number.checked_sub(1).filter(|place| *place < order.tasks[index].documents.len());
            let place = place.ok_or(Refusal::NoDocument)?;
            order.open(index, now)?;
            let file = order.tasks[index].documents[place].original.clone().ok_or(Refusal::NoDocument)?;
            if !std::mem::replace(&mut order.tasks[index].documents[place].is_viewed, true) {
                let id = order.body.tasks()[index].documents()[place].id().to_owned();
                order.note(index, "DOCUMENT_VIEWED", now, Some(&id));
            }
            Ok(file)
        })?
    }

    /// The person says that a document was read.
    pub(super) fn viewed(&self, session: &str, number: usize) -> Result<(), PortalError> {
        self.look_at(session, number).map(drop)
    }

    /// The person supplies the file of a document that is to be uploaded: a PDF or text.
    pub(super) async fn upload(&self, session: &str, number: usize, bytes: Bytes) -> Result<(), PortalError> {
        let file = compute(move || file_of(bytes)).await?;
        let now = self.now();
        self.visited(session, |order, index| {
            order.open(index, now)?;
            let place = number.wrapping_sub(1);
            let document = order.body.tasks()[index].documents().get(place).ok_or(Refusal::NoDocument)?;
            if !document.is_uploaded() {
                return Err(Refusal::NoUpload.into());
            }
            let id = document.id().to_owned();
            order.tasks[index].documents[place].original = Some(file);
            order.note(index, "DOCUMENT_UPLOADED", now, Some(&id));
            Ok(())
        })?
    }

    /// Signs what is to be signed, and so completes the task. The name is that of the visit, the method the one given
    /// here. Returns where the browser goes.
    pub(super) async fn finish(
        self: &Arc<Self>,
        session: &str,
        choice: Signer,
    ) -> Result<Option<String>, PortalError> {
        let now = self.now();
        let links = self.links();
        let (back, parcels, jobs) = {
            let State { store, settings, sessions, .. } = &mut *self.lock();
            let visit = sessions.get(session).ok_or(Refusal::NotFound)?;
            let signer = Signer { method: choice.method, ..visit.signer.clone() };
            let (order, index) = find(store, &visit.order, &visit.task, now)?;
            order.sign(index, &signer, now)?;
            let mut parcels = order.notify(index, Trigger::Completed, now, &links);
            if settings.created_notification_waits {
                parcels.extend(freed_by(order, &visit.task, now, &links));
            }
            if order.is_completed() {
                parcels.extend(order.notify_completed(now, &links));
            }
            let jobs = order.start_packaging(settings.packaging_start, now);
            let back = target(order, index, |task| task.on_task_complete.as_deref());
            store.archive_evidence(&visit.order, index, now);
            (back, parcels, jobs)
        };
        self.send(parcels);
        for job in jobs {
            self.package(job).await;
        }
        Ok(back)
    }

    /// The person rejects the task. Returns where the browser goes.
    pub(super) fn decline(
        self: &Arc<Self>,
        session: &str,
        reason: Option<&str>,
    ) -> Result<Option<String>, PortalError> {
        let now = self.now();
        let links = self.links();
        let (back, parcels) = self.visited(session, |order, index| {
            order.open(index, now)?;
            order.note(index, "TASK_REJECTED", now, reason);
            order.tasks[index].ended = Some(TaskStatus::Rejected);
            let parcels = order.notify(index, Trigger::Rejected, now, &links);
            Ok::<_, Refusal>((target(order, index, |task| task.on_task_reject.as_deref()), parcels))
        })??;
        self.send(parcels);
        Ok(back)
    }

    /// The person leaves and may come back. Returns where the browser goes.
    pub(super) fn postpone(&self, session: &str) -> Result<Option<String>, PortalError> {
        let now = self.now();
        self.visited(session, |order, index| {
            order.open(index, now)?;
            order.note(index, "DOCUMENT_SIGN_CANCELLED", now, None);
            Ok(target(order, index, |task| task.on_task_postpone.as_deref()))
        })?
    }

    /// The person lets somebody else sign, instead or as well, who is told by e-mail. Returns where the browser goes.
    pub(super) fn forward(
        self: &Arc<Self>,
        session: &str,
        recipient: &Recipient,
    ) -> Result<Option<String>, PortalError> {
        if !recipient.is_valid() {
            return Err(PortalError::Recipient);
        }
        let now = self.now();
        let links = self.links();
        let (back, parcels, mail) = {
            let State { store, settings, sessions, .. } = &mut *self.lock();
            if !settings.forwarding {
                return Err(Refusal::NoForwarding.into());
            }
            let visit = sessions.get(session).ok_or(Refusal::NotFound)?;
            let (order, index) = find(store, &visit.order, &visit.task, now)?;
            order.open(index, now)?;
            let mut parcels = order.notify(index, Trigger::Forwarded, now, &links);
            let back = match recipient.who {
                Who::Both => Some(format!("/signicat/task/{session}")),
                Who::SomeoneElse => {
                    order.note(index, "TASK_REJECTED", now, Some("forwarded"));
                    order.tasks[index].ended = Some(TaskStatus::Rejected);
                    parcels.extend(order.notify(index, Trigger::Rejected, now, &links));
                    target(order, index, |task| task.on_task_reject.as_deref())
                }
            };
            let mobile = recipient.mobile.trim();
            let forward = Forward {
                task: order.id_for_forward(&visit.task),
                original_task: visit.task.clone(),
                forwarder_name: visit.signer.name.clone(),
                recipient_name: recipient.name.trim().to_owned(),
                recipient_email: recipient.email.trim().to_owned(),
                recipient_mobile: (!mobile.is_empty()).then(|| mobile.to_owned()),
            };
            let link = links.signing_url(&order.id, &forward.task);
            let mail = invitation(&forward, link, now);
            order.forward(index, forward, now);
            store.learn_sign_codes(&visit.order);
            (back, parcels, mail)
        };
        self.shared.mailbox.deliver(mail);
        self.send(parcels);
        Ok(back)
    }

    /// Reads or changes the order of a visit, at the task that is visited.
    fn visited<T>(&self, session: &str, act: impl FnOnce(&mut Order, usize) -> T) -> Result<T, PortalError> {
        let now = self.now();
        let State { store, sessions, .. } = &mut *self.lock();
        let visit = sessions.get(session).ok_or(Refusal::NotFound)?;
        let (order, index) = find(store, &visit.order, &visit.task, now)?;
        Ok(act(order, index))
    }
}

fn find<'a>(
    store: &'a mut Store,
    id: &str,
    task: &str,
    now: Timestamp,
) -> Result<(&'a mut Order, usize), Refusal> {
    let order = store.get_mut(id, now).ok_or(Refusal::NotFound)?;
    let index = order.task_index(task).ok_or(Refusal::NotFound)?;
    Ok((order, index))
}

/// The first time that somebody comes to the task is noted and told.
fn start(order: &mut Order, index: usize, now: Timestamp, links: &Links<'_>) -> Vec<Parcel> {
    if std::mem::replace(&mut order.tasks[index].is_started, true) {
        return Vec::new();
    }
    order.note(index, "TASK_STARTED", now, None);
    order.notify(index, Trigger::Started, now, links)
}

/// The invitations that waited for this task to be completed.
fn freed_by(order: &Order, task: &str, now: Timestamp, links: &Links<'_>) -> Vec<Parcel> {
    let tasks = order.body.tasks().iter().enumerate();
    let waited =
        tasks.filter(|(_, follower)| follower.depends_on().iter().any(|first| order.is_behind(task, first)));
    let free = waited.filter(|(index, _)| order.is_free(*index));
    free.flat_map(|(index, _)| order.notify(index, Trigger::Created, now, links)).collect()
}

/// Where the browser goes.
fn target(order: &Order, index: usize, url: impl FnOnce(&Task) -> Option<&str>) -> Option<String> {
    let task = &order.body.tasks()[index];
    validate::browser_target(url(task)?, &order.id, task.id()).map(String::from)
}

fn invitation(forward: &Forward, link: String, at: Timestamp) -> Message {
    let Forward { forwarder_name, recipient_name, .. } = forward;
    Message {
        service: "signicat",
        to: forward.recipient_email.clone(),
        subject: "A document was forwarded to you".to_owned(),
        text: format!("{recipient_name}, {forwarder_name} asks you to sign: {link}\n{NOTICE}"),
        link: Some(link),
        at,
    }
}

/// A PDF that can be signed, or text.
pub(super) fn file_of(bytes: Bytes) -> Result<File, PortalError> {
    if std::str::from_utf8(&bytes).is_ok() && !bytes.starts_with(b"%PDF-") {
        return Ok(File::new(bytes, FileKind::Text));
    }
    signable(&bytes).map_err(|unsignable| PortalError::File(unsignable.to_string()))?;
    Ok(File::new(bytes, FileKind::Pdf))
}

fn is_name(name: &str) -> bool {
    let name = name.trim();
    (1..=MAX_SIGNER_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}
