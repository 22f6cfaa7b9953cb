//! The rules of an order: what is documented of each field, and what cannot mean anything.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use url::{Url, form_urlencoded};

use super::order::{
    Action, Notification, NotificationType, PackagingTask, Schedule, SigningOrder, Source, Task,
    TaskDocument, Trigger, list, text,
};
use super::problem::Violation;
use super::settings::{NullPolicy, SignicatSettings};

/// The least and most of `daysUntilDeletion`.
const DAYS_UNTIL_DELETION: std::ops::RangeInclusive<i32> = 1..=30;
/// The most characters of `clientReference`.
const MAX_CLIENT_REFERENCE: usize = 255;

/// Why an order is refused.
#[derive(Debug)]
pub(super) enum Invalid {
    /// The body is not an order at all: one sentence.
    Unreadable(String),
    /// Rules that are broken, never empty.
    Violations(Vec<Violation>),
}

/// Checks every rule that does not depend on what is stored; all violations are told at once.
pub(super) fn read(body: &[u8], settings: &SignicatSettings) -> Result<SigningOrder, Invalid> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Invalid::Unreadable(format!(
            "the body is not valid JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if !value.is_object() {
        return Err(Invalid::Unreadable("the body must be a JSON object".to_owned()));
    }
    let mut check = Check::default();
    check.nulls("", None, &value, settings.nulls);
    if !check.0.is_empty() {
        return Err(Invalid::Violations(check.0));
    }
    let order: SigningOrder = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let message = reason(&path, error.inner());
        Invalid::Violations(vec![Violation { path, message }])
    })?;
    // It is plain data: it has a JSON form.
    check.objects("", &value, &serde_json::to_value(&order).unwrap_or_default());
    check.order(&order, settings);
    if check.0.is_empty() { Ok(order) } else { Err(Invalid::Violations(check.0)) }
}

/// What is wrong with a value of the wrong type, with the hint that people need most.
fn reason(path: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    if path.ends_with(".language") && text.contains("`no`") {
        return format!("{text}; Norwegian is nb (Bokmål) or nn (Nynorsk)");
    }
    text
}

/// The tasks of an order, with the ids of their documents.
type Known<'a> = HashMap<&'a str, HashSet<&'a str>>;

#[derive(Default)]
struct Check(Vec<Violation>);

impl Check {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Violation { path: path.into(), message: message.into() });
    }

    fn nulls(&mut self, path: &str, key: Option<&str>, value: &Value, policy: NullPolicy) {
        match value {
            Value::Null => {
                let refused = match policy {
                    NullPolicy::Everywhere => true,
                    NullPolicy::Nowhere => false,
                    NullPolicy::ScheduleAndDelay => matches!(key, Some("schedule" | "delay")),
                };
                if refused && key.is_some() {
                    self.add(path, "must not be null: leave it out");
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.nulls(&format!("{path}[{index}]"), None, item, policy);
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.nulls(&path, Some(name), field, policy);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A list where an object belongs was read as the object's fields in their order, which it does not mean.
    fn objects(&mut self, path: &str, sent: &Value, read: &Value) {
        match (sent, read) {
            (Value::Array(_), Value::Object(_)) => self.add(path, "must be an object, not a list"),
            (Value::Array(sent), Value::Array(read)) => {
                for (index, (sent, read)) in sent.iter().zip(read).enumerate() {
                    self.objects(&format!("{path}[{index}]"), sent, read);
                }
            }
            (Value::Object(sent), Value::Object(read)) => {
                for (name, read) in read {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    sent.get(name).into_iter().for_each(|sent| self.objects(&path, sent, read));
                }
            }
            _ => {}
        }
    }

    fn order<'a>(&mut self, order: &'a SigningOrder, settings: &SignicatSettings) {
        if let Some(reference) = &order.client_reference
            // Counted as Java counts them, which is what the service is written in.
            && !(1..=MAX_CLIENT_REFERENCE).contains(&reference.encode_utf16().count())
        {
            self.add("clientReference", format!("size must be between 1 and {MAX_CLIENT_REFERENCE}"));
        }
        if order.days_until_deletion.is_some_and(|days| !DAYS_UNTIL_DELETION.contains(&days)) {
            self.add("daysUntilDeletion", "must be between 1 and 30");
        }
        if order.tasks().is_empty() {
            self.add("tasks", "must have at least 1 entry");
        }
        self.filled("notifications", order.notifications.as_ref());
        self.filled("packagingTasks", order.packaging_tasks.as_ref());
        self.filled("notificationTemplateParams", order.notification_template_params.as_ref());
        let ids = order.tasks().iter().map(Task::id);
        self.unique(ids, |index| format!("tasks[{index}].id"));
        let documents = |task: &'a Task| task.documents().iter().map(TaskDocument::id).collect();
        let known: Known<'_> = order.tasks().iter().map(|task| (task.id(), documents(task))).collect();
        for (index, task) in order.tasks().iter().enumerate() {
            self.task(&format!("tasks[{index}]"), task, &known, settings);
        }
        self.no_cycle(order);
        for (index, notification) in order.notifications().iter().enumerate() {
            let path = format!("notifications[{index}]");
            self.notification(&path, notification, settings);
        }
        let ids = order.packaging_tasks().iter().map(PackagingTask::id);
        self.unique(ids, |index| format!("packagingTasks[{index}].id"));
        for (index, packaging) in order.packaging_tasks().iter().enumerate() {
            self.packaging(&format!("packagingTasks[{index}]"), packaging, &known, settings);
        }
    }

    fn task(&mut self, path: &str, task: &Task, known: &Known<'_>, settings: &SignicatSettings) {
        if task.days_to_live.is_some_and(|days| days < 0) {
            self.add(format!("{path}.daysToLive"), "must not be negative");
        }
        if let (Some(days), Some(most)) = (task.days_to_live, settings.max_days_to_live)
            && i64::from(days) > i64::from(most)
        {
            self.add(format!("{path}.daysToLive"), format!("must be at most {most}"));
        }
        if task.documents().is_empty() {
            self.add(format!("{path}.documents"), "must have at least 1 entry");
        }
        let ids = task.documents().iter().map(TaskDocument::id);
        self.unique(ids, |index| format!("{path}.documents[{index}].id"));
        for (index, document) in task.documents().iter().enumerate() {
            let path = format!("{path}.documents[{index}]");
            self.document(&path, document);
            self.short_enough(format!("{path}.description"), document.description.as_ref(), settings);
        }
        if settings.signature_method_required && task.signs() && task.methods().is_empty() {
            self.add(
                format!("{path}.signatureMethods"),
                "must have at least 1 entry: there is a document to sign",
            );
        }
        for (index, method) in task.methods().iter().enumerate() {
            let nameless = text(method.name.as_ref()).trim().is_empty();
            if nameless && method.handwritten != Some(true) {
                let message = "a signature method without a name must have handwritten set to true";
                self.add(format!("{path}.signatureMethods[{index}].name"), message);
            }
        }
        for (name, url) in [
            ("onTaskPostpone", &task.on_task_postpone),
            ("onTaskComplete", &task.on_task_complete),
            ("onTaskReject", &task.on_task_reject),
        ] {
            if url.as_ref().is_some_and(|url| browser_target(url, "order", "task").is_none()) {
                self.add(format!("{path}.{name}"), "must be an absolute address for the browser");
            }
        }
        for (index, notification) in task.notifications().iter().enumerate() {
            let path = format!("{path}.notifications[{index}]");
            self.notification(&path, notification, settings);
            self.schedule(&path, notification, true);
        }
        for (index, attribute) in task.attributes().iter().enumerate() {
            if text(attribute.value.as_ref()).trim().is_empty() {
                let path = format!("{path}.subject.attributes[{index}].value");
                self.add(path, "Subject attribute value is required");
            }
        }
        for (index, dependency) in task.depends_on().iter().enumerate() {
            let path = format!("{path}.dependsOnTasks[{index}]");
            if dependency == task.id() {
                self.add(path, "a task cannot depend on itself");
            } else if !known.contains_key(dependency.as_str()) {
                self.add(path, "there is no task with this id in the order");
            }
        }
    }

    fn document(&mut self, path: &str, document: &TaskDocument) {
        self.present(format!("{path}.action"), document.action.is_some());
        self.present(format!("{path}.source"), document.source.is_some());
        if document.action == Some(Action::View) && document.source == Some(Source::Upload) {
            self.add(format!("{path}.source"), "a document to view must be there already: use SESSION");
        }
        if !document.is_uploaded() && text(document.document_ref.as_ref()).is_empty() {
            self.add(format!("{path}.documentRef"), "is required when source is SESSION");
        }
    }

    fn notification(&mut self, path: &str, notification: &Notification, settings: &SignicatSettings) {
        self.present(format!("{path}.type"), notification.kind.is_some());
        self.short_enough(format!("{path}.header"), notification.header.as_ref(), settings);
        self.short_enough(format!("{path}.message"), notification.message.as_ref(), settings);
        let recipient = text(notification.recipient.as_ref());
        let message = match notification.kind {
            _ if recipient.trim().is_empty() => "is required",
            Some(NotificationType::Email) if !is_email(recipient) => "must be an e-mail address",
            Some(NotificationType::Sms) if !is_phone(recipient) => {
                "must be a phone number with + and its country code, such as +47 for Norway"
            }
            Some(NotificationType::Url) if !is_receiver(recipient, settings) => "must be an https address",
            _ => return,
        };
        self.add(format!("{path}.recipient"), message);
    }

    fn schedule(&mut self, path: &str, notification: &Notification, of_task: bool) {
        for (index, Schedule { trigger_status, delay }) in
            list(notification.schedule.as_ref()).iter().enumerate()
        {
            let path = format!("{path}.schedule[{index}]");
            match trigger_status {
                None => self.present(format!("{path}.triggerStatus"), false),
                Some(Trigger::Created | Trigger::Completed) => {}
                Some(_) if of_task => {}
                Some(_) => self.add(format!("{path}.triggerStatus"), "must be CREATED or COMPLETED"),
            }
            let Some(delay) = delay.filter(|_| of_task) else { continue };
            for (name, value) in [("minutes", delay.minutes), ("hours", delay.hours), ("days", delay.days)] {
                if value.is_some_and(|value| value < 0) {
                    self.add(format!("{path}.delay.{name}"), "must not be negative");
                }
            }
        }
    }

    fn packaging(
        &mut self,
        path: &str,
        packaging: &PackagingTask,
        known: &Known<'_>,
        settings: &SignicatSettings,
    ) {
        let method = text(packaging.method.as_ref());
        if !settings.packaging_methods.iter().any(|known| known == method) {
            let known = settings.packaging_methods.join(", ");
            self.add(
                format!("{path}.method"),
                format!("is not a packaging method of this customer; there is {known}"),
            );
        }
        let entries = list(packaging.documents.as_ref());
        if entries.is_empty() {
            self.add(format!("{path}.documents"), "must have at least 1 entry");
        }
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("{path}.documents[{index}]");
            let Some(documents) = known.get(text(entry.task_id.as_ref())) else {
                self.add(format!("{path}.taskId"), "there is no task with this id in the order");
                continue;
            };
            let ids = list(entry.document_ids.as_ref());
            if ids.is_empty() {
                self.add(format!("{path}.documentIds"), "must have at least 1 entry");
            }
            for (index, id) in ids.iter().enumerate() {
                if !documents.contains(id.as_str()) {
                    self.add(format!("{path}.documentIds[{index}]"), "the task has no document with this id");
                }
            }
        }
        for (index, notification) in packaging.notifications().iter().enumerate() {
            let path = format!("{path}.notifications[{index}]");
            self.notification(&path, notification, settings);
            self.schedule(&path, notification, false);
        }
    }

    fn short_enough(&mut self, path: String, text: Option<&String>, settings: &SignicatSettings) {
        if let (Some(text), Some(most)) = (text, settings.max_text)
            && text.chars().count() > most
        {
            self.add(path, format!("size must be between 0 and {most}"));
        }
    }

    fn present(&mut self, path: String, is_there: bool) {
        if !is_there {
            self.add(path, "is required");
        }
    }

    /// A list of the order that is given must have entries.
    fn filled<T>(&mut self, name: &str, list: Option<&Vec<T>>) {
        if list.is_some_and(Vec::is_empty) {
            self.add(name, "must have at least 1 entry");
        }
    }

    /// Ids that the caller chose: there, and different.
    fn unique<'a>(&mut self, ids: impl Iterator<Item = &'a str>, path: impl Fn(usize) -> String) {
        let mut seen = HashSet::new();
        for (index, id) in ids.enumerate() {
            if id.trim().is_empty() {
                self.add(path(index), "is required");
            } else if !seen.insert(id) {
                self.add(path(index), "is not unique");
            }
        }
    }

    /// Tasks that wait for each other would wait for ever. Takes tasks away whose dependencies are all taken away, until
    /// none can be: what is left is in a cycle, or waits for one.
    fn no_cycle(&mut self, order: &SigningOrder) {
        let index: HashMap<_, _> =
            order.tasks().iter().enumerate().map(|(index, task)| (task.id(), index)).collect();
        let mut waits = vec![0usize; order.tasks().len()];
        let mut followers = vec![Vec::new(); order.tasks().len()];
        for (follower, task) in order.tasks().iter().enumerate() {
            for &first in task.depends_on().iter().filter_map(|id| index.get(id.as_str())) {
                if first != follower {
                    waits[follower] += 1;
                    followers[first].push(follower);
                }
            }
        }
        let mut free: Vec<_> = (0..waits.len()).filter(|task| waits[*task] == 0).collect();
        while let Some(task) = free.pop() {
            for &follower in &followers[task] {
                waits[follower] -= 1;
                if waits[follower] == 0 {
                    free.push(follower);
                }
            }
        }
        if let Some(stuck) = waits.iter().position(|waits| *waits > 0) {
            self.add(format!("tasks[{stuck}].dependsOnTasks"), "the tasks wait for each other in a circle");
        }
    }
}

/// A browser target with its placeholders replaced; `None` if it is no address that a browser may be sent to.
pub(super) fn browser_target(target: &str, order: &str, task: &str) -> Option<Url> {
    let encoded = |id: &str| form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
    let target = target.replace("${requestId}", &encoded(order)).replace("${taskId}", &encoded(task));
    let url = Url::parse(&target).ok()?;
    let runs_code = matches!(url.scheme(), "javascript" | "data" | "vbscript" | "blob" | "file" | "about");
    (!runs_code).then_some(url)
}

/// The least that can be mailed to.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.trim().split_once('@') else { return false };
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>,".contains(c));
    plain(local) && plain(domain)
}

/// `+`, a country code and a number (E.164: 15 digits at most), with the separators that people write.
pub(super) fn is_phone(text: &str) -> bool {
    let Some(number) = text.trim().strip_prefix('+') else { return false };
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (5..=15).contains(&digits.len())
        && !digits.starts_with('0')
}

/// `https`, or any address on this machine for a program under development.
fn is_receiver(text: &str, settings: &SignicatSettings) -> bool {
    let Ok(url) = Url::parse(text.trim()) else { return false };
    let local = match url.host() {
        Some(url::Host::Domain(host)) => host == "localhost" || host.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && (local || settings.allow_plain_http))
}
