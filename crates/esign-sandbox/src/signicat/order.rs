//! A signing order as JSON, field by field. Every field may be absent here: what must be there is checked afterwards, so
//! that all defects are told at once.

use serde::{Deserialize, Serialize};

use super::settings::SignicatSettings;

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigningOrder {
    pub(super) client_reference: Option<String>,
    pub(super) tasks: Option<Vec<Task>>,
    pub(super) notifications: Option<Vec<Notification>>,
    pub(super) days_until_deletion: Option<i32>,
    pub(super) packaging_tasks: Option<Vec<PackagingTask>>,
    pub(super) notification_template_params: Option<Vec<TemplateParams>>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    pub(super) id: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) language: Option<Language>,
    pub(super) days_to_live: Option<i32>,
    pub(super) configuration: Option<String>,
    pub(super) documents: Option<Vec<TaskDocument>>,
    pub(super) signature_methods: Option<Vec<SignatureMethod>>,
    pub(super) authentication: Option<Authentication>,
    pub(super) on_task_postpone: Option<String>,
    pub(super) on_task_complete: Option<String>,
    pub(super) on_task_reject: Option<String>,
    pub(super) dialog: Option<Dialog>,
    pub(super) notifications: Option<Vec<Notification>>,
    pub(super) sign_text: Option<String>,
    pub(super) subject: Option<Subject>,
    pub(super) depends_on_tasks: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    Ca,
    Da,
    Nl,
    En,
    Et,
    Fo,
    Fi,
    Fr,
    De,
    Kl,
    It,
    Nb,
    Nn,
    Es,
    Sv,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskDocument {
    pub(super) id: Option<String>,
    pub(super) description: Option<String>,
    pub(super) action: Option<Action>,
    pub(super) source: Option<Source>,
    pub(super) document_ref: Option<String>,
    pub(super) external_reference: Option<String>,
    pub(super) sign_text_entry: Option<String>,
    pub(super) send_result_to_archive: Option<bool>,
    pub(super) form: Option<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Action {
    Sign,
    View,
    Upload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Source {
    Session,
    Upload,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Form {
    pub(super) interactive: Option<bool>,
    pub(super) input_params: Option<Vec<NameValue>>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct NameValue {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct SignatureMethod {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<SignatureType>,
    pub(super) handwritten: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum SignatureType {
    AuthenticationBased,
    SignedStatement,
    ThirdParty,
}

#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct Authentication {
    pub(super) methods: Option<Vec<String>>,
    pub(super) artifact: Option<bool>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct Dialog {
    pub(super) title: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct Subject {
    pub(super) id: Option<String>,
    pub(super) attributes: Option<Vec<SubjectAttribute>>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct SubjectAttribute {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
    pub(super) methods: Option<Vec<String>>,
}

/// Of an order, a task or a packaging task. The order's has no schedule, and a packaging task's no delays.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(super) struct Notification {
    pub(super) id: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<NotificationType>,
    pub(super) recipient: Option<String>,
    pub(super) sender: Option<String>,
    pub(super) header: Option<String>,
    pub(super) message: Option<String>,
    pub(super) schedule: Option<Vec<Schedule>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum NotificationType {
    Sms,
    Email,
    Url,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    pub(super) trigger_status: Option<Trigger>,
    pub(super) delay: Option<Delay>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Trigger {
    Created,
    Completed,
    Rejected,
    Expired,
    Forwarded,
    Started,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
pub(super) struct Delay {
    pub(super) minutes: Option<i64>,
    pub(super) hours: Option<i64>,
    pub(super) days: Option<i64>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackagingTask {
    pub(super) id: Option<String>,
    pub(super) method: Option<String>,
    pub(super) send_to_archive: Option<bool>,
    pub(super) documents: Option<Vec<PackagingDocument>>,
    pub(super) notifications: Option<Vec<Notification>>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackagingDocument {
    pub(super) task_id: Option<String>,
    pub(super) document_ids: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TemplateParams {
    pub(super) id: Option<String>,
    pub(super) footer: Option<String>,
    pub(super) button: Option<String>,
    pub(super) link_text: Option<String>,
    pub(super) logo_url: Option<String>,
}

/// What is in an optional list.
pub(super) fn list<T>(list: Option<&Vec<T>>) -> &[T] {
    list.map_or(&[], Vec::as_slice)
}

/// What is in an optional text, which is empty if there is none.
pub(super) fn text(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

impl SigningOrder {
    /// Writes down how long things last where the order does not say.
    pub(super) fn name_defaults(&mut self, settings: &SignicatSettings) {
        self.days_until_deletion.get_or_insert(settings.days_until_deletion.cast_signed());
        for task in self.tasks.iter_mut().flatten() {
            // One client in public sends a number that was not set as 0.
            task.days_to_live = task.days_to_live.filter(|&days| days != 0);
            task.days_to_live.get_or_insert(settings.days_to_live.cast_signed());
        }
    }

    pub(super) fn tasks(&self) -> &[Task] {
        list(self.tasks.as_ref())
    }

    pub(super) fn packaging_tasks(&self) -> &[PackagingTask] {
        list(self.packaging_tasks.as_ref())
    }

    pub(super) fn notifications(&self) -> &[Notification] {
        list(self.notifications.as_ref())
    }
}

impl Task {
    pub(super) fn id(&self) -> &str {
        text(self.id.as_ref())
    }

    pub(super) fn documents(&self) -> &[TaskDocument] {
        list(self.documents.as_ref())
    }

    pub(super) fn methods(&self) -> &[SignatureMethod] {
        list(self.signature_methods.as_ref())
    }

    pub(super) fn notifications(&self) -> &[Notification] {
        list(self.notifications.as_ref())
    }

    pub(super) fn depends_on(&self) -> &[String] {
        list(self.depends_on_tasks.as_ref())
    }

    pub(super) fn attributes(&self) -> &[SubjectAttribute] {
        list(self.subject.as_ref().and_then(|subject| subject.attributes.as_ref()))
    }

    /// The task has something to sign.
    pub(super) fn signs(&self) -> bool {
        self.documents().iter().any(|document| document.action == Some(Action::Sign))
    }

    /// The user has to log in before anything is shown.
    pub(super) fn asks_for_login(&self) -> bool {
        self.authentication.is_some()
    }

    pub(super) fn asks_for_artifact(&self) -> bool {
        self.authentication.as_ref().is_some_and(|authentication| authentication.artifact == Some(true))
    }
}

impl TaskDocument {
    pub(super) fn id(&self) -> &str {
        text(self.id.as_ref())
    }

    /// The end user has to supply the file.
    pub(super) fn is_uploaded(&self) -> bool {
        self.action == Some(Action::Upload) || self.source == Some(Source::Upload)
    }

    /// What the signer sees as its name.
    pub(super) fn title(&self) -> &str {
        self.description.as_deref().filter(|text| !text.trim().is_empty()).unwrap_or_else(|| self.id())
    }
}

impl PackagingTask {
    pub(super) fn id(&self) -> &str {
        text(self.id.as_ref())
    }

    pub(super) fn notifications(&self) -> &[Notification] {
        list(self.notifications.as_ref())
    }

    /// Task and document id of everything that is packaged, in the order given.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        list(self.documents.as_ref()).iter().flat_map(|entry| {
            let task = text(entry.task_id.as_ref());
            list(entry.document_ids.as_ref()).iter().map(move |document| (task, document.as_str()))
        })
    }
}
