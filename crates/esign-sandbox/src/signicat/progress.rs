//! An order and everything in it: where it stands, and what a signer's act brings about. No I/O, on the time it is given.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::evidence::{self, Signature};
use super::order::{Action, SigningOrder, Task, TaskDocument};
use super::settings::PackagingStart;
use super::signer::{Signer, method_name};
use crate::ids;

/// An order that was accepted.
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
    #[error("the log-in that came with the link is used up or too old: open the link without it")]
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

    /// All tasks on which the task depends are completed, and those to which they were forwarded.
    pub(super) fn is_free(&self, index: usize) -> bool {
        self.body.tasks()[index].depends_on().iter().all(|first| {
            let behind =
                (0..self.tasks.len()).filter(|task| self.is_behind(self.body.tasks()[*task].id(), first));
            behind.into_iter().all(|task| self.counts_as_completed(task))
        })
    }

    /// The task is the named one, or one to which that was forwarded.
    pub(super) fn is_behind(&self, task: &str, named: &str) -> bool {
        let mut task = task;
        // Forwards go to tasks that are newer, so that this ends.
        while task != named {
            match self.forwards.iter().find(|forward| forward.task == task) {
                Some(forward) => task = &forward.original_task,
                None => return false,
            }
        }
        true
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

    /// What has to be done before the task can be completed.
    pub(super) fn missing(&self, index: usize) -> Option<Refusal> {
        let lacks = |action: fn(&TaskDocument) -> bool, done: fn(&DocumentRun) -> bool| {
            let mut documents = self.body.tasks()[index].documents().iter().zip(&self.tasks[index].documents);
            documents.any(|(document, run)| action(document) && !done(run))
        };
        if lacks(|document| document.action == Some(Action::View), |run| run.is_viewed) {
            return Some(Refusal::NotViewed);
        }
        lacks(TaskDocument::is_uploaded, |run| run.original.is_some()).then_some(Refusal::NotUploaded)
    }

    /// Makes the evidence of every document to sign, and completes the task.
    pub(super) fn sign(&mut self, index: usize, signer: &Signer, now: Timestamp) -> Result<(), Refusal> {
        self.open(index, now)?;
        let task = self.body.tasks()[index].clone();
        let method = signer.method_of(&task)?;
        signer.check(&task, method.map(method_name))?;
        if let Some(missing) = self.missing(index) {
            return Err(missing);
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
    pub(super) fn tasks_of(&self, packaging: usize) -> BTreeSet<usize> {
        let behind = self.behind();
        let named = self.body.packaging_tasks()[packaging].documents();
        named.filter_map(|(task, _)| behind.get(task)).flatten().copied().collect()
    }

    /// Everything signed that the packaging task names.
    fn parts(&self, packaging: usize) -> Vec<Part> {
        let behind = self.behind();
        let mut parts = Vec::new();
        for (task, document) in self.body.packaging_tasks()[packaging].documents() {
            for &index in behind.get(task).into_iter().flatten() {
                let spec = &self.body.tasks()[index];
                let Some(place) = spec.documents().iter().position(|one| one.id() == document) else {
                    continue;
                };
                let run = &self.tasks[index].documents[place];
                let (Some(original), Some(evidence)) = (&run.original, &run.evidence) else { continue };
                parts.push(Part {
                    task: spec.id().to_owned(),
                    document: document.to_owned(),
                    title: spec.documents()[place].title().to_owned(),
                    original: original.clone(),
                    evidence: evidence.file.clone(),
                });
            }
        }
        parts
    }

    /// Each task's id with the tasks that stand for it: itself, and those to which it was forwarded.
    fn behind(&self) -> HashMap<&str, Vec<usize>> {
        let origins: HashMap<_, _> =
            self.forwards.iter().map(|one| (one.task.as_str(), one.original_task.as_str())).collect();
        let mut behind: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, task) in self.body.tasks().iter().enumerate() {
            let mut id = Some(task.id());
            while let Some(named) = id {
                behind.entry(named).or_default().push(index);
                id = origins.get(named).copied();
            }
        }
        behind
    }

    /// An id for the task to which this one is forwarded.
    pub(super) fn id_for_forward(&self, task: &str) -> String {
        let free = |number: &usize| self.task_index(&format!("{task}-forward-{number}")).is_none();
        // There are fewer tasks than numbers.
        let number = (1..).find(free).unwrap_or_default();
        format!("{task}-forward-{number}")
    }

    /// Adds the task of someone else to whom a task was forwarded. The new task is a copy that lives as long.
    pub(super) fn forward(&mut self, index: usize, forward: Forward, now: Timestamp) {
        let copy = self.body.tasks()[index].clone();
        let originals = copy.documents().iter().zip(&self.tasks[index].documents);
        let documents = originals.map(|(spec, run)| DocumentRun {
            original: run.original.clone().filter(|_| !spec.is_uploaded()),
            is_viewed: false,
            evidence: None,
        });
        let run = TaskRun {
            expires_at: self.tasks[index].expires_at,
            ended: None,
            is_started: false,
            sign_code: ids::token(),
            documents: documents.collect(),
            events: vec![Event { kind: "TASK_CREATED", at: now, data: None }],
        };
        // The one who was named is not the one who signs.
        let task = Task { id: Some(forward.task.clone()), subject: None, notifications: None, ..copy };
        self.body.tasks.get_or_insert_default().push(task);
        self.tasks.push(run);
        self.forwards.push(forward);
    }
}

pub(super) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

pub(super) fn days_after(from: Timestamp, days: u32) -> Timestamp {
    from.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}
