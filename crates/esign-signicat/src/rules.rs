//! The rules that an order must keep, checked before anything is sent (spec 3.3, 3.4). Pure.

use std::collections::{HashMap, HashSet};

use esign_core::browser_fault;
use url::Url;

use crate::order::{
    Action, Notification, NotificationType, PackagingTask, SigningOrder, Source, Task, TaskDocument, Trigger,
};

/// The order's own placeholders (spec 3.4).
const OF_ORDER: [&str; 2] = ["orderId", "clientRef"];
/// And a task's.
const OF_TASK: [&str; 5] = ["orderId", "clientRef", "taskUrl", "signCode", "signCodeUrl"];

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where, as Signicat writes paths: `tasks[0].subject.attributes[0].value`.
    pub(crate) path: String,
    /// What is wrong, without the value.
    pub(crate) message: String,
}

/// Every rule that the order breaks.
pub(crate) fn faults(order: &SigningOrder) -> Vec<Fault> {
    let mut found = Faults::default();
    found.order(order);
    found.0
}

#[derive(Default)]
struct Faults(Vec<Fault>);

/// What packaging tasks may refer to.
struct Known<'a> {
    tasks: HashSet<&'a str>,
    /// Task and document.
    documents: HashSet<(&'a str, &'a str)>,
}

impl<'a> Known<'a> {
    fn of(tasks: &'a [Task]) -> Self {
        let of_task =
            |task: &'a Task| task.documents.iter().map(|document| (task.id.as_str(), document.id.as_str()));
        Self {
            tasks: tasks.iter().map(|task| task.id.as_str()).collect(),
            documents: tasks.iter().flat_map(of_task).collect(),
        }
    }
}

/// Which notifications these are: what they may say differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Order,
    Task,
    Packaging,
}

impl Faults {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { path: path.into(), message: message.into() });
    }

    /// Finds a fault unless the rule is kept.
    fn rule(&mut self, kept: bool, path: impl Into<String>, message: impl Into<String>) {
        if !kept {
            self.add(path, message);
        }
    }

    fn order(&mut self, order: &SigningOrder) {
        if let Some(reference) = &order.client_reference {
            let chars = reference.chars().count();
            let message = format!("{chars} characters; 1 to 255 are accepted");
            self.rule((1..=255).contains(&chars), "clientReference", message);
        }
        if let Some(days) = order.days_until_deletion {
            self.rule(
                (1..=30).contains(&days),
                "daysUntilDeletion",
                format!("{days} days; 1 to 30 are accepted"),
            );
        }
        self.rule(!order.tasks.is_empty(), "tasks", "an order needs at least one task");
        self.unique("tasks", order.tasks.iter().map(|task| task.id.as_str()));
        for (i, task) in order.tasks.iter().enumerate() {
            self.task(&format!("tasks[{i}]"), task);
        }
        self.dependencies(&order.tasks);
        self.unique("packagingTasks", order.packaging_tasks.iter().map(|package| package.id.as_str()));
        let known = Known::of(&order.tasks);
        for (i, package) in order.packaging_tasks.iter().enumerate() {
            self.package(&format!("packagingTasks[{i}]"), package, &known);
        }
        self.notifications("notifications", &order.notifications, Level::Order);
    }

    /// Ids are part of addresses.
    fn unique<'a>(&mut self, path: &str, ids: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for (i, id) in ids.enumerate() {
            let usable = !matches!(id, "" | "." | "..");
            self.rule(usable, format!("{path}[{i}].id"), "an id of its own is needed, other than . and ..");
            if usable && !seen.insert(id) {
                self.add(format!("{path}[{i}].id"), format!("the id {id:?} is used twice"));
            }
        }
    }

    fn task(&mut self, at: &str, task: &Task) {
        if let Some(days) = task.days_to_live {
            let kept = days >= 1 && i32::try_from(days).is_ok();
            self.rule(
                kept,
                format!("{at}.daysToLive"),
                format!("{days} days; at least 1, and a 32-bit number"),
            );
        }
        self.rule(
            !task.documents.is_empty(),
            format!("{at}.documents"),
            "a task needs at least one document",
        );
        self.unique(&format!("{at}.documents"), task.documents.iter().map(|document| document.id.as_str()));
        for (i, document) in task.documents.iter().enumerate() {
            self.document(&format!("{at}.documents[{i}]"), document);
        }
        self.methods(at, task);
        for (name, target) in [
            ("onTaskPostpone", &task.on_task_postpone),
            ("onTaskComplete", &task.on_task_complete),
            ("onTaskReject", &task.on_task_reject),
        ] {
            let Some(target) = target else { continue };
            let fault = Url::parse(target).map_or(Some("this is not an address"), |url| browser_fault(&url));
            if let Some(fault) = fault {
                self.add(format!("{at}.{name}"), fault);
            }
        }
        for (i, attribute) in task.subject.iter().flat_map(|subject| &subject.attributes).enumerate() {
            let path = format!("{at}.subject.attributes[{i}]");
            self.rule(
                !attribute.value.expose().trim().is_empty(),
                format!("{path}.value"),
                "a value is required",
            );
            self.rule(!attribute.name.trim().is_empty(), format!("{path}.name"), "a name is required");
        }
        self.notifications(&format!("{at}.notifications"), &task.notifications, Level::Task);
    }

    fn document(&mut self, at: &str, document: &TaskDocument) {
        let uploaded = document.action == Action::Upload;
        let source = if uploaded { Source::Upload } else { Source::Session };
        self.rule(
            document.source == source,
            format!("{at}.source"),
            "documents to sign or view come from SESSION, those to upload from UPLOAD",
        );
        let referred = document.document_ref.as_ref().is_some_and(|id| !id.is_empty());
        let message = if uploaded {
            "a document to upload has no documentRef"
        } else {
            "the documentId that the upload gave is needed"
        };
        self.rule(referred != uploaded, format!("{at}.documentRef"), message);
    }

    fn methods(&mut self, at: &str, task: &Task) {
        let signs = task.documents.iter().any(|document| document.action == Action::Sign);
        let path = format!("{at}.signatureMethods");
        self.rule(!signs || !task.signature_methods.is_empty(), &path, "a signature method is needed");
        for (i, method) in task.signature_methods.iter().enumerate() {
            let named = method.name.as_ref().is_some_and(|name| !name.trim().is_empty());
            let kept = named || (method.name.is_none() && method.handwritten == Some(true));
            self.rule(kept, format!("{path}[{i}].name"), "a method without a name must be handwritten");
        }
        let log_ins = task.authentication.iter().flat_map(|authentication| &authentication.methods);
        for (i, name) in log_ins.enumerate() {
            self.rule(
                !name.trim().is_empty(),
                format!("{at}.authentication.methods[{i}]"),
                "a name is needed",
            );
        }
    }

    /// Each task can wait for others, as long as somebody can begin (Kahn's algorithm).
    fn dependencies(&mut self, tasks: &[Task]) {
        let index: HashMap<_, _> = tasks.iter().enumerate().map(|(i, task)| (task.id.as_str(), i)).collect();
        let mut waiting = vec![0_usize; tasks.len()];
        let mut followers = vec![Vec::new(); tasks.len()];
        for (i, task) in tasks.iter().enumerate() {
            for (j, id) in task.depends_on_tasks.iter().enumerate() {
                match index.get(id.as_str()) {
                    Some(&before) => {
                        waiting[i] += 1;
                        followers[before].push(i);
                    }
                    None => self.add(
                        format!("tasks[{i}].dependsOnTasks[{j}]"),
                        format!("there is no task with the id {id:?}"),
                    ),
                }
            }
        }
        let mut ready: Vec<_> = (0..tasks.len()).filter(|&i| waiting[i] == 0).collect();
        while let Some(done) = ready.pop() {
            for &next in &followers[done] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(next);
                }
            }
        }
        if let Some(stuck) = waiting.iter().position(|&left| left > 0) {
            let message = "the tasks wait for each other in a circle: nobody can ever begin";
            self.add(format!("tasks[{stuck}].dependsOnTasks"), message);
        }
    }

    fn package(&mut self, at: &str, package: &PackagingTask, known: &Known<'_>) {
        self.rule(!package.method.trim().is_empty(), format!("{at}.method"), "a packaging method is needed");
        self.rule(!package.documents.is_empty(), format!("{at}.documents"), "nothing to package");
        for (i, documents) in package.documents.iter().enumerate() {
            let path = format!("{at}.documents[{i}]");
            let task = documents.task_id.as_str();
            if !known.tasks.contains(task) {
                self.add(format!("{path}.taskId"), format!("there is no task with the id {task:?}"));
                continue;
            }
            self.rule(
                !documents.document_ids.is_empty(),
                format!("{path}.documentIds"),
                "no document is named",
            );
            for (j, id) in documents.document_ids.iter().enumerate() {
                let message = format!("the task {task:?} has no document with the id {id:?}");
                self.rule(known.documents.contains(&(task, id)), format!("{path}.documentIds[{j}]"), message);
            }
        }
        self.notifications(&format!("{at}.notifications"), &package.notifications, Level::Packaging);
    }

    fn notifications(&mut self, at: &str, notifications: &[Notification], level: Level) {
        for (i, notification) in notifications.iter().enumerate() {
            self.notification(&format!("{at}[{i}]"), notification, level);
        }
    }

    fn notification(&mut self, at: &str, notification: &Notification, level: Level) {
        if let Some(message) = recipient_fault(notification) {
            self.add(format!("{at}.recipient"), message);
        }
        for (name, text) in [("header", &notification.header), ("message", &notification.message)] {
            let fault = text.as_deref().and_then(|text| placeholder_fault(text, level));
            if let Some(message) = fault {
                self.add(format!("{at}.{name}"), message);
            }
        }
        let path = format!("{at}.schedule");
        if level == Level::Order {
            let message = "an order's notifications are sent when it has completed: they have no schedule";
            self.rule(notification.schedule.is_empty(), path, message);
        } else if level == Level::Packaging {
            let kept = notification.schedule.iter().all(|schedule| {
                schedule.delay.is_none()
                    && matches!(schedule.trigger_status, Trigger::Created | Trigger::Completed)
            });
            self.rule(kept, path, "packaging tasks know CREATED and COMPLETED, and no delay");
        }
    }
}

fn recipient_fault(notification: &Notification) -> Option<&'static str> {
    let recipient = notification.recipient.expose();
    let kept = match notification.kind {
        NotificationType::Email => recipient.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && !host.is_empty() && !recipient.contains(char::is_whitespace)
        }),
        NotificationType::Sms => recipient.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        }),
        NotificationType::Url => Url::parse(recipient).is_ok_and(|url| may_be_called(&url)),
    };
    (!kept).then_some(match notification.kind {
        NotificationType::Email => "an e-mail address is needed",
        NotificationType::Sms => {
            "a phone number is needed, with + and country code, digits only: +4712345678"
        }
        NotificationType::Url => "an https address without a password is needed",
    })
}

/// https; plain http to this machine only, where a simulator may be.
pub(crate) fn may_be_called(url: &Url) -> bool {
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    scheme && url.username().is_empty() && url.password().is_none()
}

/// What is wrong with the `${…}` in a text.
fn placeholder_fault(text: &str, level: Level) -> Option<String> {
    let known: &[&str] = match level {
        Level::Order => &OF_ORDER,
        Level::Task => &OF_TASK,
        Level::Packaging => &[],
    };
    for rest in text.split("${").skip(1) {
        let name = rest.split_once('}').map(|(name, _)| name);
        if name.is_none_or(|name| !known.contains(&name)) {
            let list: Vec<_> = known.iter().map(|name| format!("${{{name}}}")).collect();
            return Some(if list.is_empty() {
                "nothing is replaced in packaging notifications: leave ${ out".to_owned()
            } else {
                format!("a placeholder that is not known here; known: {}", list.join(", "))
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{
        Authentication, Delay, PackagedDocuments, Schedule, SignatureMethod, Subject, SubjectAttribute,
    };

    fn task(id: &str) -> Task {
        Task {
            id: id.to_owned(),
            documents: vec![TaskDocument::stored("d", Action::Sign, "ref")],
            signature_methods: vec![SignatureMethod { name: Some("nbid-sign".into()), ..Default::default() }],
            ..Task::default()
        }
    }

    fn order() -> SigningOrder {
        let documents = vec![PackagedDocuments { task_id: "1".into(), document_ids: vec!["d".into()] }];
        let package = PackagingTask {
            id: "p".into(),
            method: "pades".into(),
            send_to_archive: None,
            documents,
            notifications: vec![],
        };
        SigningOrder {
            tasks: vec![task("1"), task("2")],
            packaging_tasks: vec![package],
            ..Default::default()
        }
    }

    fn email(message: &str) -> Notification {
        let message = Some(message.to_owned());
        Notification { message, ..Notification::new("n", NotificationType::Email, "a@b.example") }
    }

    /// The paths of what is wrong after this change.
    fn broken(change: impl FnOnce(&mut SigningOrder)) -> Vec<String> {
        let mut order = order();
        change(&mut order);
        faults(&order).into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn a_good_order_breaks_nothing() {
        assert_eq!(faults(&order()), []);
        assert_eq!(broken(|o| o.tasks[1].depends_on_tasks = vec!["1".into()]), [""; 0]);
        assert_eq!(
            broken(|o| o.tasks[0].signature_methods =
                vec![SignatureMethod { handwritten: Some(true), ..Default::default() }]),
            [""; 0]
        );
        assert_eq!(broken(|o| o.client_reference = Some("é".repeat(255))), [""; 0]);
        assert_eq!(broken(|o| o.days_until_deletion = Some(30)), [""; 0]);
        assert_eq!(broken(|o| o.days_until_deletion = Some(1)), [""; 0]);
        assert_eq!(broken(|o| o.tasks[0].days_to_live = Some(2_147_483_647)), [""; 0]);
        assert_eq!(broken(|o| o.tasks[0].documents.push(TaskDocument::upload("u"))), [""; 0]);
    }

    #[test]
    fn each_rule_is_found_at_its_place() {
        type Change = fn(&mut SigningOrder);
        let cases: &[(Change, &str)] = &[
            (|o| o.client_reference = Some(String::new()), "clientReference"),
            (|o| o.client_reference = Some("x".repeat(256)), "clientReference"),
            (|o| o.days_until_deletion = Some(0), "daysUntilDeletion"),
            (|o| o.days_until_deletion = Some(31), "daysUntilDeletion"),
            (|o| o.tasks[1].id = "1".into(), "tasks[1].id"),
            (|o| o.tasks[1].id = "..".into(), "tasks[1].id"),
            (|o| o.tasks[0].days_to_live = Some(0), "tasks[0].daysToLive"),
            (|o| o.tasks[0].days_to_live = Some(2_147_483_648), "tasks[0].daysToLive"),
            (|o| o.tasks[1].documents.clear(), "tasks[1].documents"),
            (
                |o| {
                    let twin = o.tasks[1].documents[0].clone();
                    o.tasks[1].documents.push(twin);
                },
                "tasks[1].documents[1].id",
            ),
            (|o| o.tasks[0].documents[0].document_ref = None, "tasks[0].documents[0].documentRef"),
            (|o| o.tasks[0].documents[0].source = Source::Upload, "tasks[0].documents[0].source"),
            (|o| o.tasks[0].signature_methods.clear(), "tasks[0].signatureMethods"),
            (|o| o.tasks[0].signature_methods[0].name = None, "tasks[0].signatureMethods[0].name"),
            (
                |o| o.tasks[0].signature_methods[0].name = Some(" ".into()),
                "tasks[0].signatureMethods[0].name",
            ),
            (
                |o| {
                    o.tasks[0].authentication =
                        Some(Authentication { methods: vec![String::new()], artifact: None })
                },
                "tasks[0].authentication.methods[0]",
            ),
            (|o| o.tasks[0].on_task_reject = Some("done".into()), "tasks[0].onTaskReject"),
            (
                |o| {
                    o.tasks[0].subject = Some(Subject {
                        id: None,
                        attributes: vec![SubjectAttribute {
                            name: "national-id".into(),
                            value: "".into(),
                            methods: vec![],
                        }],
                    })
                },
                "tasks[0].subject.attributes[0].value",
            ),
            (|o| o.tasks[0].depends_on_tasks = vec!["3".into()], "tasks[0].dependsOnTasks[0]"),
            (|o| o.tasks[0].depends_on_tasks = vec!["1".into()], "tasks[0].dependsOnTasks"),
            (
                |o| o.packaging_tasks[0].documents[0].task_id = "3".into(),
                "packagingTasks[0].documents[0].taskId",
            ),
            (
                |o| o.packaging_tasks[0].documents[0].document_ids = vec!["x".into()],
                "packagingTasks[0].documents[0].documentIds[0]",
            ),
            (|o| o.packaging_tasks[0].documents.clear(), "packagingTasks[0].documents"),
            (|o| o.packaging_tasks[0].method.clear(), "packagingTasks[0].method"),
            (
                |o| o.packaging_tasks[0].notifications = vec![email("${orderId}")],
                "packagingTasks[0].notifications[0].message",
            ),
            (
                |o| o.packaging_tasks[0].notifications = vec![email("x").at(Trigger::Rejected)],
                "packagingTasks[0].notifications[0].schedule",
            ),
            (
                |o| {
                    let delay = Some(Delay::default());
                    let schedule = Schedule { trigger_status: Trigger::Created, delay };
                    o.packaging_tasks[0].notifications =
                        vec![Notification { schedule: vec![schedule], ..email("x") }];
                },
                "packagingTasks[0].notifications[0].schedule",
            ),
            (|o| o.notifications = vec![email("${taskUrl}")], "notifications[0].message"),
            (|o| o.notifications = vec![email("x").at(Trigger::Completed)], "notifications[0].schedule"),
            (|o| o.tasks[0].notifications = vec![email("${taskurl}")], "tasks[0].notifications[0].message"),
            (|o| o.tasks[0].notifications = vec![email("${taskUrl")], "tasks[0].notifications[0].message"),
            (
                |o| o.notifications = vec![Notification::new("n", NotificationType::Sms, "4712345678")],
                "notifications[0].recipient",
            ),
            (
                |o| o.notifications = vec![Notification::new("n", NotificationType::Sms, "004712345678")],
                "notifications[0].recipient",
            ),
            (
                |o| o.notifications = vec![Notification::new("n", NotificationType::Email, "")],
                "notifications[0].recipient",
            ),
            (
                |o| o.notifications = vec![Notification::new("n", NotificationType::Url, "http://x.example")],
                "notifications[0].recipient",
            ),
        ];
        for (change, path) in cases {
            assert_eq!(broken(change), [*path]);
        }
        assert_eq!(faults(&SigningOrder::default())[0].path, "tasks");
    }

    #[test]
    fn a_circle_is_found_and_a_long_queue_is_none() {
        let circle = |o: &mut SigningOrder| {
            o.tasks[0].depends_on_tasks = vec!["2".into()];
            o.tasks[1].depends_on_tasks = vec!["1".into()];
        };
        assert_eq!(broken(circle), ["tasks[0].dependsOnTasks"]);
        let mut queue =
            SigningOrder { tasks: (0..2000).map(|i| task(&i.to_string())).collect(), ..Default::default() };
        for i in 1..2000 {
            queue.tasks[i].depends_on_tasks = vec![(i - 1).to_string()];
        }
        assert_eq!(faults(&queue), []);
    }
}
