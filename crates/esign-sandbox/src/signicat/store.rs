//! Documents, orders, tasks and the archive: a state machine without I/O, on the time it is given.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::evidence::{self, Signature};
use super::order::{Action, SigningOrder, Source, Task, TaskDocument};
use super::problem::Violation;
use super::settings::{DeletedOrders, PackagingStart, SignicatSettings};
use super::signer::Signer;
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

/// A file, and the digest of its bytes.
#[derive(Clone)]
pub(super) struct File {
    pub(super) bytes: Bytes,
    pub(super) kind: FileKind,
    /// SHA-256, in lower-case digits.
    pub(super) sha256: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Pdf,
    Text,
    /// Signature evidence.
    Evidence,
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

pub(super) struct Order {
    /// Orders count from 1, in the order of their creation.
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) body: SigningOrder,
    pub(super) created_at: Timestamp,
    pub(super) deletion_days: u32,
    pub(super) is_deleted: bool,
    /// One per task of the body, in its order.
    pub(super) tasks: Vec<TaskRun>,
    /// One per packaging task of the body, in its order.
    pub(super) packaging: Vec<PackagingRun>,
    pub(super) forwards: Vec<Forward>,
    pub(super) artifact: Option<Artifact>,
}

/// What has become of a task.
pub(super) struct TaskRun {
    pub(super) expires_at: Timestamp,
    /// How it ended, unless by the passing of time.
    pub(super) ended: Option<TaskStatus>,
    pub(super) is_started: bool,
    pub(super) sign_code: String,
    pub(super) documents: Vec<DocumentRun>,
    pub(super) events: Vec<Event>,
}

/// What has become of a document of a task.
pub(super) struct DocumentRun {
    /// As supplied by the client, or uploaded by the signer.
    pub(super) original: Option<File>,
    pub(super) is_viewed: bool,
    pub(super) evidence: Option<Kept>,
}

/// A result, and where it is in the archive.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) file: File,
    pub(super) archive_id: Option<String>,
}

/// What has become of a packaging task.
pub(super) enum PackagingRun {
    Waiting,
    /// The result is being made.
    Started,
    Done {
        ready_at: Timestamp,
        result: Option<Kept>,
    },
}

/// Someone else who is to sign instead, or as well.
#[derive(Clone)]
pub(super) struct Forward {
    pub(super) task: String,
    pub(super) original_task: String,
    pub(super) forwarder_name: String,
    pub(super) recipient_name: String,
    pub(super) recipient_email: String,
    pub(super) recipient_mobile: Option<String>,
}

/// Logs a user in, once.
pub(super) struct Artifact {
    pub(super) value: String,
    pub(super) until: Timestamp,
}

#[derive(Clone)]
pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) at: Timestamp,
    pub(super) data: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum TaskStatus {
    Created,
    Completed,
    Rejected,
    Expired,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum PackagingStatus {
    Created,
    Completed,
    Failed,
}

/// Why a signer cannot do that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("there is no such task: the link is wrong, or the order was deleted")]
    NotFound,
    #[error("it is not yet your turn: others have to finish before you")]
    NotYet,
    #[error("the task is completed already")]
    Completed,
    #[error("the task was rejected")]
    Rejected,
    #[error("the time for this task is over")]
    Expired,
    #[error("the task was deleted")]
    Deleted,
    #[error("this task asks for a log-in first")]
    NotLoggedIn,
    #[error("the task is for another person: what you gave does not match")]
    WrongPerson,
    #[error("there is no such document in the task")]
    NoDocument,
    #[error("every document to view must be viewed first")]
    NotViewed,
    #[error("every document to upload must be uploaded first")]
    NotUploaded,
    #[error("the document is not one that can be uploaded")]
    NoUpload,
    #[error("the task does not offer this signature method")]
    NoMethod,
    #[error("forwarding is not switched on")]
    NoForwarding,
}

/// Why an order is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeleteRefused {
    NotFound,
    Signed,
}

/// What packaging needs, to be done outside the store.
pub(super) struct Job {
    pub(super) order: String,
    pub(super) index: usize,
    pub(super) at: Timestamp,
    pub(super) parts: Vec<Part>,
}

/// A signed document of a task.
pub(super) struct Part {
    pub(super) task: String,
    pub(super) document: String,
    pub(super) title: String,
    pub(super) original: File,
    pub(super) evidence: File,
}

impl File {
    pub(super) fn new(bytes: Bytes, kind: FileKind) -> Self {
        let digest = digest(&SHA256, &bytes);
        let sha256 = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes, kind, sha256 }
    }
}

impl FileKind {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Text => "text/plain",
            Self::Evidence => "application/x-ltv-sdo",
        }
    }
}

impl Order {
    pub(super) fn task_index(&self, id: &str) -> Option<usize> {
        self.body.tasks().iter().position(|task| task.id() == id)
    }

    pub(super) fn task(&self, id: &str) -> Option<(&Task, &TaskRun)> {
        let index = self.task_index(id)?;
        Some((&self.body.tasks()[index], &self.tasks[index]))
    }

    pub(super) fn document(&self, task: &str, document: &str) -> Option<(&TaskDocument, &DocumentRun)> {
        let (task, run) = self.task(task)?;
        let index = task.documents().iter().position(|one| one.id() == document)?;
        Some((&task.documents()[index], &run.documents[index]))
    }

    pub(super) fn packaging_index(&self, id: &str) -> Option<usize> {
        self.body.packaging_tasks().iter().position(|packaging| packaging.id() == id)
    }

    pub(super) fn status(&self, index: usize, now: Timestamp) -> TaskStatus {
        let run = &self.tasks[index];
        match run.ended {
            Some(status) => status,
            None if self.is_deleted => TaskStatus::Deleted,
            None if now >= run.expires_at => TaskStatus::Expired,
            None => TaskStatus::Created,
        }
    }

    pub(super) fn packaging_status(&self, index: usize, now: Timestamp) -> PackagingStatus {
        match &self.packaging[index] {
            PackagingRun::Done { ready_at, result } if now >= *ready_at => match result {
                Some(_) => PackagingStatus::Completed,
                None => PackagingStatus::Failed,
            },
            _ => PackagingStatus::Created,
        }
    }

    /// The packaged document, once it is ready.
    pub(super) fn packaged(&self, index: usize, now: Timestamp) -> Option<&Kept> {
        match &self.packaging[index] {
            PackagingRun::Done { ready_at, result } if now >= *ready_at => result.as_ref(),
            _ => None,
        }
    }

    /// When the order and everything in it goes: after the last task's life and the days of grace.
    pub(super) fn ends_at(&self) -> Timestamp {
        let last = self.tasks.iter().map(|task| task.expires_at).max().unwrap_or(self.created_at);
        days_after(last, self.deletion_days)
    }

    pub(super) fn is_there(&self, now: Timestamp) -> bool {
        !self.is_deleted && now < self.ends_at()
    }

    /// All tasks on which the task depends are completed.
    pub(super) fn is_free(&self, index: usize) -> bool {
        self.body.tasks()[index]
            .depends_on()
            .iter()
            .all(|id| self.task(id).is_some_and(|(_, run)| run.ended == Some(TaskStatus::Completed)))
    }

    pub(super) fn is_completed(&self) -> bool {
        (0..self.tasks.len()).all(|task| self.counts_as_completed(task))
    }

    /// Completed, or handed to someone else, whose task then counts.
    fn counts_as_completed(&self, index: usize) -> bool {
        let handed_on = || {
            let id = self.body.tasks()[index].id();
            self.forwards.iter().any(|forward| forward.original_task == id)
        };
        match self.tasks[index].ended {
            Some(TaskStatus::Completed) => true,
            Some(TaskStatus::Rejected) => handed_on(),
            _ => false,
        }
    }

    /// The task if it can be worked on now.
    pub(super) fn open(&self, index: usize, now: Timestamp) -> Result<(), Refusal> {
        match self.status(index, now) {
            TaskStatus::Created if self.is_free(index) => Ok(()),
            TaskStatus::Created => Err(Refusal::NotYet),
            TaskStatus::Completed => Err(Refusal::Completed),
            TaskStatus::Rejected => Err(Refusal::Rejected),
            TaskStatus::Expired => Err(Refusal::Expired),
            TaskStatus::Deleted => Err(Refusal::Deleted),
        }
    }

    pub(super) fn note(&mut self, index: usize, kind: &'static str, at: Timestamp, data: Option<&str>) {
        self.tasks[index].events.push(Event { kind, at, data: data.map(str::to_owned) });
    }

    /// Makes the evidence of every document to sign, and completes the task.
    pub(super) fn sign(&mut self, index: usize, signer: &Signer, now: Timestamp) -> Result<(), Refusal> {
        self.open(index, now)?;
        let task = self.body.tasks()[index].clone();
        signer.check(&task)?;
        let method = signer.method_of(&task)?;
        let lacks = |action: fn(&TaskDocument) -> bool, done: fn(&DocumentRun) -> bool| {
            let documents = task.documents().iter().zip(&self.tasks[index].documents);
            documents.into_iter().any(|(document, run)| action(document) && !done(run))
        };
        if lacks(|document| document.action == Some(Action::View), |run| run.is_viewed) {
            return Err(Refusal::NotViewed);
        }
        if lacks(TaskDocument::is_uploaded, |run| run.original.is_some()) {
            return Err(Refusal::NotUploaded);
        }
        for (place, document) in task.documents().iter().enumerate() {
            let original = self.tasks[index].documents[place].original.clone();
            let (Some(Action::Sign), Some(original)) = (document.action, original) else { continue };
            let signature = Signature {
                order: self,
                task: &task,
                document,
                original: &original,
                signer,
                method,
                at: now,
            };
            let file = File::new(evidence::xml(&signature).into(), FileKind::Evidence);
            self.tasks[index].documents[place].evidence = Some(Kept { file, archive_id: None });
            self.note(index, "DOCUMENT_SIGNED", now, Some(document.id()));
        }
        self.note(index, "TASK_COMPLETED", now, None);
        self.tasks[index].ended = Some(TaskStatus::Completed);
        Ok(())
    }

    /// The packaging tasks for which everything is there now. Each is handed out once.
    pub(super) fn start_packaging(&mut self, start: PackagingStart, now: Timestamp) -> Vec<Job> {
        let mut jobs = Vec::new();
        for index in 0..self.packaging.len() {
            if !matches!(self.packaging[index], PackagingRun::Waiting) || !self.can_package(index, start) {
                continue;
            }
            self.packaging[index] = PackagingRun::Started;
            let parts = self.parts(index);
            let id = self.body.packaging_tasks()[index].id().to_owned();
            for task in self.tasks_of(index) {
                self.note(task, "PACKAGING_TASK_CREATED", now, Some(&id));
            }
            jobs.push(Job { order: self.id.clone(), index, at: now, parts });
        }
        jobs
    }

    fn can_package(&self, index: usize, start: PackagingStart) -> bool {
        match start {
            PackagingStart::AllTasks => self.is_completed(),
            PackagingStart::NamedTasks => {
                self.tasks_of(index).iter().all(|task| self.counts_as_completed(*task))
            }
        }
    }

    /// The tasks that a packaging task names, each once, with those to which they were forwarded.
    pub(super) fn tasks_of(&self, packaging: usize) -> Vec<usize> {
        let mut tasks = Vec::new();
        for (task, _) in self.body.packaging_tasks()[packaging].documents() {
            let with_forwards = (0..self.tasks.len()).filter(|index| self.stands_for(*index, task));
            tasks.extend(with_forwards);
        }
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    }

    /// The task is the named one, or one to which that was forwarded.
    fn stands_for(&self, index: usize, named: &str) -> bool {
        let id = self.body.tasks()[index].id();
        let mut wanted = id;
        // Forwards go to tasks that are newer, so that this ends.
        while wanted != named {
            match self.forwards.iter().find(|forward| forward.task == wanted) {
                Some(forward) => wanted = &forward.original_task,
                None => return false,
            }
        }
        true
    }

    /// Everything signed that the packaging task names.
    fn parts(&self, packaging: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        for (task, document) in self.body.packaging_tasks()[packaging].documents() {
            for index in (0..self.tasks.len()).filter(|index| self.stands_for(*index, task)) {
                let id = self.body.tasks()[index].id();
                let Some((spec, run)) = self.document(id, document) else { continue };
                let (Some(original), Some(evidence)) = (&run.original, &run.evidence) else { continue };
                parts.push(Part {
                    task: id.to_owned(),
                    document: document.to_owned(),
                    title: spec.title().to_owned(),
                    original: original.clone(),
                    evidence: evidence.file.clone(),
                });
            }
        }
        parts
    }
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
        for (task, run) in body.tasks().iter().zip(&tasks) {
            self.sign_codes.insert(run.sign_code.clone(), (id.clone(), task.id().to_owned()));
        }
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
        Ok(self.orders.entry(id).or_insert(order))
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
        let days =
            task.days_to_live.and_then(|days| u32::try_from(days).ok()).unwrap_or(settings.days_to_live);
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

    /// An order, deleted or past its time or not.
    pub(super) fn any(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
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

    /// Adds the task of someone else to whom a task was forwarded. The new task is a copy that lives as long.
    pub(super) fn forward(
        &mut self,
        order: &str,
        index: usize,
        forward: Forward,
        now: Timestamp,
    ) -> Option<usize> {
        let order = self.orders.get_mut(order).filter(|order| order.is_there(now))?;
        let (expires_at, copy) = (order.tasks[index].expires_at, order.body.tasks()[index].clone());
        let originals = copy.documents().iter().zip(&order.tasks[index].documents);
        let documents = originals.map(|(spec, run)| DocumentRun {
            original: run.original.clone().filter(|_| !spec.is_uploaded()),
            is_viewed: false,
            evidence: None,
        });
        let run = TaskRun {
            expires_at,
            ended: None,
            is_started: false,
            sign_code: ids::token(),
            documents: documents.collect(),
            events: Vec::new(),
        };
        // The one who was named is not the one who signs.
        let task = Task { id: Some(forward.task.clone()), subject: None, notifications: None, ..copy };
        self.sign_codes.insert(run.sign_code.clone(), (order.id.clone(), forward.task.clone()));
        order.body.tasks.get_or_insert_default().push(task);
        order.tasks.push(run);
        order.forwards.push(forward);
        Some(order.tasks.len() - 1)
    }
}

pub(super) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn days_after(from: Timestamp, days: u32) -> Timestamp {
    from.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}
