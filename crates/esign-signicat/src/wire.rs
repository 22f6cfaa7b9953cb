//! Signicat's answers (spec 3.5). What is missing, null or unknown in them becomes data, not an error; only what nothing
//! can be done without is required.

use std::fmt;

use esign_core::jiff::Timestamp;
use esign_core::{Personal, SecretUrl};
use esign_http::if_it_fits;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An order as Signicat has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedOrder {
    /// Opaque.
    pub id: String,
    /// The caller's own reference.
    pub client_reference: Option<String>,
    /// Logs the signer in when it is added to the signing address, for about 30 seconds.
    pub artifact: Option<Personal>,
    /// One per signer.
    pub tasks: Vec<CreatedTask>,
    /// What is made of the signatures.
    pub packaging_tasks: Vec<CreatedPackage>,
}

/// A task as Signicat has it. `Debug` hides most of the address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedTask {
    /// The caller's.
    pub id: String,
    /// Where to send the signer: whoever has it can begin.
    pub signing_url: Option<SecretUrl>,
    /// What is signed, viewed or uploaded.
    pub documents: Vec<CreatedDocument>,
    /// Tasks that must be completed first.
    pub depends_on_tasks: Vec<String>,
}

/// A document in a task as Signicat has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedDocument {
    /// The caller's.
    pub id: String,
    /// `SIGN`, `VIEW`, `UPLOAD`, or a word that is not documented.
    pub action: String,
    /// It has a form.
    pub form: bool,
}

/// A packaging task as Signicat has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedPackage {
    /// The caller's.
    pub id: String,
    /// `pades`, or one of the customer's own.
    pub method: Option<String>,
    /// It goes to the archive.
    pub send_to_archive: bool,
    /// The documents in it, task by task.
    pub document_ids: Vec<String>,
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskStatus {
    /// The signer has yet to act.
    Created,
    /// Signed, and final.
    Completed,
    /// The signer has refused, or has passed it on ([`TaskForward`]).
    Rejected,
    /// Its time is over.
    Expired,
    /// The order was deleted.
    Deleted,
    /// A word that is not documented.
    Unknown(String),
}

impl TaskStatus {
    /// Signicat's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "CREATED",
            Self::Completed => "COMPLETED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Unknown(word) => word,
        }
    }

    fn parse(word: String) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "CREATED" => Self::Created,
            "COMPLETED" => Self::Completed,
            "REJECTED" => Self::Rejected,
            "EXPIRED" => Self::Expired,
            "DELETED" => Self::Deleted,
            _ => Self::Unknown(word),
        }
    }
}

/// A task and the addresses of its documents.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskStatusInfo {
    /// How far it is.
    pub status: TaskStatus,
    /// The order's reference.
    pub client_reference: Option<String>,
    /// Not documented.
    pub client_status: Option<String>,
    /// The addresses of its documents. They are told, never needed: the typed client makes its own.
    pub documents: Vec<DocumentAddresses>,
}

/// Where a document can be fetched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentAddresses {
    /// The caller's.
    pub id: String,
    /// As it was supplied.
    pub original: Option<SecretUrl>,
    /// After form filling.
    pub generated: Option<SecretUrl>,
    /// The evidence.
    pub result: Option<SecretUrl>,
    /// What the signer filled in: name and value.
    pub form_output: Vec<(String, Personal)>,
}

/// How far a packaging task is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackagingStatus {
    /// Signatures are missing, or the file is being made.
    Created,
    /// The file is there.
    Completed,
    /// No file will be made.
    Failed,
    /// A word that is not documented.
    Unknown(String),
}

impl PackagingStatus {
    /// Signicat's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Created => "CREATED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Unknown(word) => word,
        }
    }

    fn parse(word: String) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "CREATED" => Self::Created,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            _ => Self::Unknown(word),
        }
    }
}

/// A packaging task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackagingStatusInfo {
    /// How far it is.
    pub status: PackagingStatus,
    /// Where Signicat says that the file is; perhaps in the archive, which is not documented.
    pub result: Option<SecretUrl>,
}

impl PackagingStatusInfo {
    /// The id in the archive, if the address leads there.
    #[must_use]
    pub fn archive_id(&self) -> Option<String> {
        let mut parts = self.result.as_ref()?.expose().path_segments()?;
        parts.find(|part| *part == "archive-documents")?;
        parts.next().filter(|id| !id.is_empty()).map(str::to_owned)
    }
}

/// Something that happened to a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskEvent {
    /// `TASK_CREATED`, `NOTIFICATION_SENT`, `DOCUMENT_SIGNED` …; other words may come.
    pub event_type: String,
    /// When, if it could be read.
    pub at: Option<Timestamp>,
    /// Whatever came with it, as text or JSON.
    pub data: Option<Personal>,
}

/// A task that was passed on to somebody else. `Debug` hides who.
#[derive(Clone)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct TaskForward {
    /// The task of whom it was passed on to.
    pub task_id: Option<String>,
    /// The task that was passed on.
    pub original_task_id: Option<String>,
    pub forwarder_name: Option<Personal>,
    pub forwarder_email: Option<Personal>,
    pub recipient_name: Option<Personal>,
    pub recipient_email: Option<Personal>,
    pub recipient_mobile: Option<Personal>,
}

impl fmt::Debug for TaskForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskForward")
            .field("task_id", &self.task_id)
            .field("original_task_id", &self.original_task_id)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
pub(crate) struct TokenBody {
    pub(crate) access_token: Personal,
    /// Seconds.
    #[serde(default, deserialize_with = "seconds")]
    pub(crate) expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadedBody {
    pub(crate) document_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderBody {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    client_reference: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    artifact: Option<Personal>,
    #[serde(default, deserialize_with = "if_it_fits")]
    tasks: Option<Vec<TaskBody>>,
    #[serde(default, deserialize_with = "if_it_fits")]
    packaging_tasks: Option<Vec<PackageBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskBody {
    id: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    signing_url: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    documents: Option<Vec<EchoedDocument>>,
    #[serde(default, deserialize_with = "if_it_fits")]
    depends_on_tasks: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct EchoedDocument {
    id: Option<String>,
    action: Option<String>,
    form: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageBody {
    id: Option<String>,
    method: Option<String>,
    send_to_archive: Option<bool>,
    documents: Option<Vec<PackagedBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackagedBody {
    document_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskStatusBody {
    task_status: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    client_reference: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    client_status: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    documents: Option<Vec<DocumentBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentBody {
    id: Option<String>,
    original_uri: Option<String>,
    generated_uri: Option<String>,
    result_uri: Option<String>,
    form_output_param: Option<Vec<FormOutputBody>>,
}

#[derive(Deserialize)]
struct FormOutputBody {
    name: Option<String>,
    value: Option<Personal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PackagingBody {
    packaging_task_status: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    packaging_task_result_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody {
    event_type: Option<String>,
    event_time: Option<Value>,
    data: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ForwardBody {
    task_id: Option<String>,
    original_task_id: Option<String>,
    forwarder_name: Option<Personal>,
    forwarder_email: Option<Personal>,
    recipient_name: Option<Personal>,
    recipient_email: Option<Personal>,
    recipient_mobile: Option<Personal>,
}

impl From<OrderBody> for CreatedOrder {
    fn from(body: OrderBody) -> Self {
        let document = |document: EchoedDocument| {
            let action = document.action.unwrap_or_default();
            Some(CreatedDocument { id: document.id?, action, form: document.form.is_some() })
        };
        let tasks = body.tasks.unwrap_or_default().into_iter().filter_map(|task| {
            Some(CreatedTask {
                id: task.id?,
                signing_url: address(task.signing_url),
                documents: task.documents.unwrap_or_default().into_iter().filter_map(document).collect(),
                depends_on_tasks: task.depends_on_tasks.unwrap_or_default(),
            })
        });
        let packages = body.packaging_tasks.unwrap_or_default().into_iter().filter_map(|package| {
            let documents = package.documents.unwrap_or_default().into_iter();
            Some(CreatedPackage {
                id: package.id?,
                method: package.method,
                send_to_archive: package.send_to_archive.unwrap_or_default(),
                document_ids: documents
                    .flat_map(|of_task| of_task.document_ids.unwrap_or_default())
                    .collect(),
            })
        });
        Self {
            id: body.id,
            client_reference: body.client_reference,
            artifact: body.artifact.filter(|artifact| !artifact.expose().is_empty()),
            tasks: tasks.collect(),
            packaging_tasks: packages.collect(),
        }
    }
}

impl From<TaskStatusBody> for TaskStatusInfo {
    fn from(body: TaskStatusBody) -> Self {
        let documents = body.documents.unwrap_or_default().into_iter().filter_map(|document| {
            let form = document.form_output_param.unwrap_or_default().into_iter();
            Some(DocumentAddresses {
                id: document.id?,
                original: address(document.original_uri),
                generated: address(document.generated_uri),
                result: address(document.result_uri),
                form_output: form.filter_map(|field| Some((field.name?, field.value?))).collect(),
            })
        });
        Self {
            status: TaskStatus::parse(body.task_status),
            client_reference: body.client_reference,
            client_status: body.client_status,
            documents: documents.collect(),
        }
    }
}

impl From<PackagingBody> for PackagingStatusInfo {
    fn from(body: PackagingBody) -> Self {
        Self {
            status: PackagingStatus::parse(body.packaging_task_status),
            result: address(body.packaging_task_result_uri),
        }
    }
}

impl From<EventBody> for TaskEvent {
    fn from(body: EventBody) -> Self {
        let data = body.data.filter(|data| !data.is_null()).map(|data| match data {
            Value::String(text) => Personal::new(text),
            other => Personal::new(other.to_string()),
        });
        Self {
            event_type: body.event_type.unwrap_or_default(),
            at: body.event_time.as_ref().and_then(time),
            data,
        }
    }
}

impl From<ForwardBody> for TaskForward {
    fn from(body: ForwardBody) -> Self {
        Self {
            task_id: body.task_id,
            original_task_id: body.original_task_id,
            forwarder_name: body.forwarder_name,
            forwarder_email: body.forwarder_email,
            recipient_name: body.recipient_name,
            recipient_email: body.recipient_email,
            recipient_mobile: body.recipient_mobile,
        }
    }
}

/// An address that can be used; anything else counts as absent.
fn address(text: Option<String>) -> Option<SecretUrl> {
    SecretUrl::for_browser(&text?)
}

/// `+0000` as well as `+00:00`, and milliseconds.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => Timestamp::from_millisecond(number.as_i64()?).ok(),
        _ => None,
    }
}

/// A number, or one written as text; anything else counts as absent.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_with_and_without_a_colon() {
        let at: Timestamp = "2026-03-02T01:00:00.250Z".parse().unwrap();
        for text in [
            "2026-03-02T01:00:00.250+0000",
            "2026-03-02T01:00:00.250+00:00",
            "2026-03-02T01:00:00.250Z",
            "2026-03-02T02:00:00.250+0100",
            "2026-03-02T02:00:00.250+01",
        ] {
            assert_eq!(time(&json!(text)), Some(at), "{text}");
        }
        assert_eq!(time(&json!(1_772_413_200_250_i64)), Some(at));
        for odd in [json!("yesterday"), json!(null), json!({}), json!(i64::MAX), json!(1e300)] {
            assert_eq!(time(&odd), None, "{odd}");
        }
    }

    #[test]
    fn odd_answers_become_data() {
        let order: OrderBody = serde_json::from_value(json!({
            "id": "o", "artifact": "", "tasks": [{ "id": "1", "signingUrl": "javascript:alert(1)" }, { "id": null }], "new": 1,
        }))
        .unwrap();
        let order = CreatedOrder::from(order);
        assert_eq!((order.tasks.len(), order.artifact.is_none()), (1, true));
        assert!(order.tasks[0].signing_url.is_none());

        // The order was made, and nobody could look for it: only its id must be there.
        let order: OrderBody = serde_json::from_value(json!({
            "id": "o", "clientReference": 7, "artifact": {}, "packagingTasks": "p",
            "tasks": [{ "id": "1", "signingUrl": "https://x.example/", "documents": 1, "dependsOnTasks": {} }],
        }))
        .unwrap();
        let order = CreatedOrder::from(order);
        assert!(order.tasks[0].signing_url.is_some());
        assert!(order.client_reference.is_none() && order.packaging_tasks.is_empty());

        let odd = json!({ "taskStatus": "CREATED", "clientReference": 7, "documents": [null] });
        let status = TaskStatusInfo::from(serde_json::from_value::<TaskStatusBody>(odd).unwrap());
        assert_eq!((status.status, status.documents.len()), (TaskStatus::Created, 0));
        let status: TaskStatusBody =
            serde_json::from_value(json!({ "taskStatus": "completed", "documents": null })).unwrap();
        assert_eq!(TaskStatusInfo::from(status).status, TaskStatus::Completed);
        let status: TaskStatusBody = serde_json::from_value(json!({ "taskStatus": "Paused" })).unwrap();
        assert_eq!(TaskStatusInfo::from(status).status, TaskStatus::Unknown("Paused".to_owned()));

        let event: EventBody =
            serde_json::from_value(json!({ "eventTime": "x", "data": { "a": 1 } })).unwrap();
        let event = TaskEvent::from(event);
        assert_eq!((event.at, event.data.unwrap().expose()), (None, r#"{"a":1}"#));
    }

    #[test]
    fn an_archive_id_is_read_from_an_address_that_leads_there() {
        let at = |uri: &str| {
            let body = json!({ "packagingTaskStatus": "COMPLETED", "packagingTaskResultUri": uri });
            PackagingStatusInfo::from(serde_json::from_value::<PackagingBody>(body).unwrap()).archive_id()
        };
        assert_eq!(at("https://x.example/sign/archive-documents/2003a").as_deref(), Some("2003a"));
        for other in [
            "https://x.example/sign/orders/o/packaging-tasks/p/result",
            "https://x.example/archive-documents/",
            "x",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn the_life_of_a_token_in_any_form() {
        for (life, seconds) in
            [(json!(600), Some(600)), (json!("600"), Some(600)), (json!(null), None), (json!(-1), None)]
        {
            let body = json!({ "access_token": "t", "expires_in": life });
            assert_eq!(serde_json::from_value::<TokenBody>(body).unwrap().expires_in, seconds);
        }
    }
}
