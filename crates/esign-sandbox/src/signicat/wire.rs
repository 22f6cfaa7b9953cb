//! The service's JSON answers, beside the order itself.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Links;
use super::order::{NameValue, list};
use super::progress::{Event, Forward, Order, PackagingStatus, TaskStatus};
use super::settings::{EventTime, ResultUri, SignicatSettings};

/// The order as it was sent, with what the service adds.
pub(super) fn order(order: &Order, links: &Links<'_>, artifact: Option<&str>) -> Value {
    let mut body = serde_json::to_value(&order.body).map(without_nulls).unwrap_or_default();
    body["id"] = order.id.as_str().into();
    if let Some(artifact) = artifact {
        body["artifact"] = artifact.into();
    }
    for (index, task) in order.body.tasks().iter().enumerate() {
        body["tasks"][index]["signingUrl"] = links.signing_url(&order.id, task.id()).into();
    }
    body
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskStatusInfo<'a> {
    order_id: &'a str,
    task_id: &'a str,
    task_status: TaskStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_reference: Option<&'a str>,
    documents: Vec<DocumentStatus<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentStatus<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generated_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_uri: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    form_output_param: &'a [NameValue],
}

pub(super) fn task_status<'a>(
    order: &'a Order,
    index: usize,
    links: &Links<'_>,
    settings: &SignicatSettings,
    now: Timestamp,
) -> TaskStatusInfo<'a> {
    let (task, run) = (&order.body.tasks()[index], &order.tasks[index]);
    let is_there = order.is_there(now);
    let documents = task.documents().iter().zip(&run.documents).map(|(document, run)| {
        let uri = |what: &str| {
            links.api(&["orders", &order.id, "tasks", task.id(), "documents", document.id(), what])
        };
        let original = run.original.as_ref().filter(|_| is_there);
        let evidence = run.evidence.as_ref().filter(|_| is_there);
        let archived = evidence.and_then(|kept| kept.archive_id.as_ref());
        let archived = archived.filter(|_| settings.archived_result_uri == ResultUri::Archive);
        let form = document.form.as_ref();
        DocumentStatus {
            id: document.id(),
            original_uri: original.map(|_| uri("original")),
            generated_uri: original
                .filter(|_| form.is_some() && evidence.is_some())
                .map(|_| uri("generated")),
            result_uri: evidence.map(|_| match archived {
                Some(id) => links.api(&["archive-documents", id]),
                None => uri("result"),
            }),
            form_output_param: list(
                form.filter(|_| evidence.is_some()).and_then(|form| form.input_params.as_ref()),
            ),
        }
    });
    TaskStatusInfo {
        order_id: &order.id,
        task_id: task.id(),
        task_status: order.status(index, now),
        client_reference: order.body.client_reference.as_deref(),
        documents: documents.collect(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PackagingTaskStatusInfo<'a> {
    order_id: &'a str,
    packaging_task_id: &'a str,
    packaging_task_status: PackagingStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    packaging_task_result_uri: Option<String>,
}

pub(super) fn packaging_status<'a>(
    order: &'a Order,
    index: usize,
    links: &Links<'_>,
    settings: &SignicatSettings,
    now: Timestamp,
) -> PackagingTaskStatusInfo<'a> {
    let id = order.body.packaging_tasks()[index].id();
    let uri = order.packaged(index, now).map(|kept| match &kept.archive_id {
        Some(archived) if settings.archived_result_uri == ResultUri::Archive => {
            links.api(&["archive-documents", archived])
        }
        _ => links.api(&["orders", &order.id, "packaging-tasks", id, "result"]),
    });
    PackagingTaskStatusInfo {
        order_id: &order.id,
        packaging_task_id: id,
        packaging_task_status: order.packaging_status(index, now),
        packaging_task_result_uri: uri,
    }
}

/// What has happened by now, in the order of time.
pub(super) fn events(events: &[Event], settings: &SignicatSettings, now: Timestamp) -> Value {
    let format = match settings.event_time {
        EventTime::Basic => "%Y-%m-%dT%H:%M:%S.%3f+0000",
        EventTime::Extended => "%Y-%m-%dT%H:%M:%S.%3f+00:00",
    };
    let mut past: Vec<_> = events.iter().filter(|event| event.at <= now).collect();
    past.sort_by_key(|event| event.at);
    past.into_iter()
        .map(|event| {
            let mut entry =
                json!({ "eventType": event.kind, "eventTime": event.at.strftime(format).to_string() });
            if let Some(data) = &event.data {
                entry["data"] = data.as_str().into();
            }
            entry
        })
        .collect()
}

pub(super) fn forwards<'a>(order: &str, forwards: impl Iterator<Item = &'a Forward>) -> Value {
    forwards
        .map(|forward| {
            without_nulls(json!({
                "orderId": order,
                "taskId": forward.task,
                "originalTaskId": forward.original_task,
                "forwarderName": forward.forwarder_name,
                "recipientName": forward.recipient_name,
                "recipientEmail": forward.recipient_email,
                "recipientMobile": forward.recipient_mobile,
            }))
        })
        .collect()
}

/// The service leaves out what is not there.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, field)| !field.is_null());
            kept.map(|(name, field)| (name, without_nulls(field))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
