//! Session storage, orders and the archive, on the time that is given.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::order::{SigningOrder, Source, Task};
use super::problem::Violation;
use super::progress::{
    Artifact, DocumentRun, File, Order, PackagingRun, TaskRun, TaskStatus, days_after, later,
};
use super::settings::{DeletedOrders, SignicatSettings};
use crate::ids;

#[derive(Default)]
pub(super) struct Store {
    documents: HashMap<String, Stored>,
    orders: HashMap<String, Order>,
    archive: HashMap<String, Archived>,
    /// Sign code to order and task.
    sign_codes: HashMap<String, (String, String)>,
    created: u64,
}

/// An upload in session storage.
struct Stored {
    client_id: String,
    file: File,
    /// `None` once an order uses it.
    until: Option<Timestamp>,
}

struct Archived {
    client_id: String,
    file: File,
}

/// Why an order is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeleteRefused {
    NotFound,
    Signed,
}

impl Store {
    /// Keeps an upload, and returns its id.
    pub(super) fn upload(&mut self, client_id: &str, file: File, now: Timestamp, minutes: u32) -> String {
        self.documents.retain(|_, stored| stored.until.is_none_or(|until| now < until));
        let id = ids::dated(now);
        let until = Some(later(now, Duration::from_secs(60 * u64::from(minutes))));
        self.documents.insert(id.clone(), Stored { client_id: client_id.to_owned(), file, until });
        id
    }

    /// A document in session storage.
    pub(super) fn upload_of(&self, client_id: &str, id: &str, now: Timestamp) -> Option<&File> {
        let stored = self.documents.get(id).filter(|stored| stored.client_id == client_id)?;
        stored.until.is_none_or(|until| now < until).then_some(&stored.file)
    }

    pub(super) fn delete_upload(&mut self, client_id: &str, id: &str, now: Timestamp) -> bool {
        self.upload_of(client_id, id, now).is_some() && self.documents.remove(id).is_some()
    }

    pub(super) fn archived(&self, client_id: &str, id: &str) -> Option<&File> {
        self.archive.get(id).filter(|archived| archived.client_id == client_id).map(|archived| &archived.file)
    }

    pub(super) fn delete_archived(&mut self, client_id: &str, id: &str) -> bool {
        self.archived(client_id, id).is_some() && self.archive.remove(id).is_some()
    }

    /// # Errors
    /// The references to session documents that lead nowhere.
    pub(super) fn create(
        &mut self,
        client_id: &str,
        body: SigningOrder,
        now: Timestamp,
        settings: &SignicatSettings,
    ) -> Result<&mut Order, Vec<Violation>> {
        let (tasks, missing): (Vec<_>, Vec<_>) = body
            .tasks()
            .iter()
            .enumerate()
            .map(|(index, task)| self.start(client_id, index, task, now, settings))
            .partition(Result::is_ok);
        let missing: Vec<_> = missing.into_iter().filter_map(Result::err).flatten().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let tasks: Vec<_> = tasks.into_iter().filter_map(Result::ok).collect();
        for reference in
            body.tasks().iter().flat_map(Task::documents).filter_map(|one| one.document_ref.as_ref())
        {
            if let Some(stored) = self.documents.get_mut(reference) {
                stored.until = None;
            }
        }
        let id = ids::dated(now);
        let artifact = body.tasks().iter().any(Task::asks_for_artifact).then(|| Artifact {
            value: ids::token(),
            until: later(now, Duration::from_secs(settings.artifact_seconds.into())),
        });
        self.created += 1;
        let deletion_days = body.days_until_deletion.and_then(|days| u32::try_from(days).ok());
        let order = Order {
            number: self.created,
            id: id.clone(),
            client_id: client_id.to_owned(),
            packaging: body.packaging_tasks().iter().map(|_| PackagingRun::Waiting).collect(),
            body,
            created_at: now,
            deletion_days: deletion_days.unwrap_or(settings.days_until_deletion),
            is_deleted: false,
            tasks,
            forwards: Vec::new(),
            artifact,
        };
        self.orders.insert(id.clone(), order);
        self.learn_sign_codes(&id);
        // It was put there a moment ago.
        self.orders.get_mut(&id).ok_or_else(Vec::new)
    }

    fn start(
        &self,
        client_id: &str,
        index: usize,
        task: &Task,
        now: Timestamp,
        settings: &SignicatSettings,
    ) -> Result<TaskRun, Vec<Violation>> {
        let mut missing = Vec::new();
        let mut documents = Vec::new();
        for (place, document) in task.documents().iter().enumerate() {
            let reference =
                document.document_ref.as_deref().filter(|_| document.source == Some(Source::Session));
            let original = reference.and_then(|id| self.upload_of(client_id, id, now)).cloned();
            if reference.is_some() && original.is_none() {
                missing.push(Violation {
                    path: format!("tasks[{index}].documents[{place}].documentRef"),
                    message: "there is no such document in session storage: it is gone after 30 minutes"
                        .to_owned(),
                });
            }
            let original = original.filter(|_| !document.is_uploaded());
            documents.push(DocumentRun { original, is_viewed: false, evidence: None });
        }
        let days = task
            .days_to_live
            .filter(|&days| days != 0)
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(settings.days_to_live);
        let run = TaskRun {
            expires_at: days_after(now, days),
            ended: None,
            is_started: false,
            sign_code: ids::token(),
            documents,
            events: Vec::new(),
        };
        if missing.is_empty() { Ok(run) } else { Err(missing) }
    }

    /// All orders that are there, oldest first.
    pub(super) fn orders(&self, now: Timestamp) -> Vec<&Order> {
        let mut orders: Vec<_> = self.orders.values().filter(|order| order.is_there(now)).collect();
        orders.sort_unstable_by_key(|order| order.number);
        orders
    }

    pub(super) fn get(&self, id: &str, now: Timestamp) -> Option<&Order> {
        self.orders.get(id).filter(|order| order.is_there(now))
    }

    pub(super) fn get_mut(&mut self, id: &str, now: Timestamp) -> Option<&mut Order> {
        self.orders.get_mut(id).filter(|order| order.is_there(now))
    }

    /// An order of this client.
    pub(super) fn of(&self, client_id: &str, id: &str, now: Timestamp) -> Option<&Order> {
        self.get(id, now).filter(|order| order.client_id == client_id)
    }

    /// An order of this client whose tasks still tell their status: one that it has deleted may.
    pub(super) fn with_status(
        &self,
        client_id: &str,
        id: &str,
        now: Timestamp,
        deleted: DeletedOrders,
    ) -> Option<&Order> {
        let order =
            self.orders.get(id).filter(|order| order.client_id == client_id && now < order.ends_at())?;
        (!order.is_deleted || deleted == DeletedOrders::Tasks).then_some(order)
    }

    pub(super) fn delete(
        &mut self,
        client_id: &str,
        id: &str,
        now: Timestamp,
        even_signed: bool,
    ) -> Result<(), DeleteRefused> {
        let order = self.get_mut(id, now).filter(|order| order.client_id == client_id);
        let order = order.ok_or(DeleteRefused::NotFound)?;
        if !even_signed && order.tasks.iter().any(|task| task.ended == Some(TaskStatus::Completed)) {
            return Err(DeleteRefused::Signed);
        }
        order.is_deleted = true;
        Ok(())
    }

    /// Order and task behind a sign code.
    pub(super) fn behind(&self, sign_code: &str) -> Option<&(String, String)> {
        self.sign_codes.get(sign_code)
    }

    /// Puts a copy into the archive, which outlives the order. Returns its id.
    pub(super) fn archive(&mut self, client_id: &str, file: File, now: Timestamp) -> String {
        let id = ids::dated(now);
        self.archive.insert(id.clone(), Archived { client_id: client_id.to_owned(), file });
        id
    }

    /// Makes the sign codes of an order's tasks known.
    pub(super) fn learn_sign_codes(&mut self, id: &str) {
        let Some(order) = self.orders.get(id) else { return };
        for (task, run) in order.body.tasks().iter().zip(&order.tasks) {
            self.sign_codes.insert(run.sign_code.clone(), (id.to_owned(), task.id().to_owned()));
        }
    }

    /// Puts the evidence of a completed task into the archive, as far as the order asks for it.
    pub(super) fn archive_evidence(&mut self, id: &str, task: usize, now: Timestamp) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let documents = order.body.tasks()[task].documents().iter().zip(&mut order.tasks[task].documents);
        for (document, run) in documents {
            let wanted = document.send_result_to_archive == Some(true);
            let Some(kept) = run.evidence.as_mut().filter(|_| wanted) else { continue };
            let archive_id = ids::dated(now);
            let archived = Archived { client_id: order.client_id.clone(), file: kept.file.clone() };
            self.archive.insert(archive_id.clone(), archived);
            kept.archive_id = Some(archive_id);
        }
    }
}
