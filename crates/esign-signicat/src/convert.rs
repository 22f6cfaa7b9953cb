//! From the neutral request to an order (spec 6.2). Pure.

use std::collections::{BTreeMap, HashMap};

use esign_core::{Delivery, Error, ErrorKind, Intent, Order, Result, SentSigner, SignRequest, Signer, Use};
use serde::{Deserialize, Serialize};

use crate::callbacks::with_reference;
use crate::capabilities::DAY;
use crate::config::{MailText, SignicatConfig};
use crate::options::{DocumentOptions, PackagingLayout, SignicatOptions, TaskOptions};
use crate::order::{
    Action, Authentication, Notification, NotificationType, PackagedDocuments, PackagingTask, SigningOrder,
    Subject, SubjectAttribute, Task, TaskDocument, Trigger,
};
use crate::wire::{CreatedOrder, CreatedPackage};

/// What the browser brings back beside our reference: Signicat puts the ids in (spec 4.1).
const IDS: &str = "&requestId=${requestId}&taskId=${taskId}";

/// What was asked for, in a form that later calls need: which of Signicat's ids is which of the request's keys. Ids are
/// numbers, so that no address holds a key: `task-1`, `document-2`, `package-1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// In the order of the request's signers.
    pub(crate) tasks: Vec<TaskLayout>,
    /// The key of each packaging task's document; `None` for one file over everything.
    pub(crate) packages: Vec<Option<String>>,
    /// Whether the method makes PDFs.
    pub(crate) pades: bool,
    /// Whether packages go to the archive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) archive: bool,
}

/// One signer's task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskLayout {
    /// The signer's key.
    pub(crate) signer: String,
    /// In the order of the task's documents.
    pub(crate) documents: Vec<DocumentLayout>,
    /// Documents that the signer brings.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) uploads: usize,
    /// Whether others have to finish first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) waits: bool,
}

/// One document in a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentLayout {
    /// Its number in the request, from 0.
    pub(crate) number: usize,
    /// Its key.
    pub(crate) key: String,
    pub(crate) signs: bool,
    /// It has a form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) form: bool,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl Layout {
    pub(crate) fn task_id(index: usize) -> String {
        format!("task-{}", index + 1)
    }

    pub(crate) fn document_id(number: usize) -> String {
        format!("document-{}", number + 1)
    }

    pub(crate) fn upload_id(index: usize) -> String {
        format!("upload-{}", index + 1)
    }

    pub(crate) fn package_id(index: usize) -> String {
        format!("package-{}", index + 1)
    }

    /// What was asked for, read back from the order itself; `None` if it was not made from this intent.
    pub(crate) fn recovered(intent: &Intent, order: &CreatedOrder) -> Option<Self> {
        let number = |id: &str| {
            let number = id.strip_prefix("document-")?.parse::<usize>().ok()?.checked_sub(1)?;
            Some((number, intent.documents().get(number)?.key.clone()))
        };
        let echoed: HashMap<_, _> = order.tasks.iter().map(|task| (task.id.as_str(), task)).collect();
        if order.tasks.len() != intent.signers().len() {
            return None;
        }
        let task = |(index, signer): (usize, &SentSigner)| {
            let task = echoed.get(Self::task_id(index).as_str())?;
            let stored = task.documents.iter().filter(|document| document.action != "UPLOAD");
            let documents = stored.map(|document| {
                let (number, key) = number(&document.id)?;
                Some(DocumentLayout { number, key, signs: document.action == "SIGN", form: document.form })
            });
            Some(TaskLayout {
                signer: signer.key.clone(),
                uploads: task.documents.iter().filter(|document| document.action == "UPLOAD").count(),
                documents: documents.collect::<Option<_>>()?,
                waits: !task.depends_on_tasks.is_empty(),
            })
        };
        let package = |package: &CreatedPackage| {
            let mut ids = package.document_ids.clone();
            ids.dedup();
            match ids.as_slice() {
                [only] => Some(number(only)?.1),
                _ => None,
            }
        };
        Some(Self {
            tasks: intent.signers().iter().enumerate().map(task).collect::<Option<_>>()?,
            packages: order.packaging_tasks.iter().map(package).collect(),
            pades: order.packaging_tasks.iter().all(|package| package.method.as_deref() == Some("pades")),
            archive: order.packaging_tasks.iter().any(|package| package.send_to_archive),
        })
    }

    /// Which task does what, and what is made of it.
    pub(crate) fn of(request: &SignRequest, config: &SignicatConfig, options: &SignicatOptions) -> Self {
        let number: HashMap<_, _> = request.documents.iter().enumerate().map(|(n, d)| (d.key(), n)).collect();
        let has_form = |key: &str| options.order.documents.get(key).is_some_and(|own| own.form.is_some());
        let document = |key: &str, signs| {
            let number = number.get(key).copied()?;
            Some(DocumentLayout { number, key: key.to_owned(), signs, form: has_form(key) })
        };
        let documents = |signer: &Signer| -> Vec<_> {
            if signer.documents.is_empty() {
                request.documents.iter().filter_map(|d| document(d.key(), true)).collect()
            } else {
                signer
                    .documents
                    .iter()
                    .filter_map(|used| document(&used.document, used.used == Use::Sign))
                    .collect()
            }
        };
        let turns = turns(request);
        let first = turns.iter().min().copied().unwrap_or_default();
        let tasks: Vec<_> = request
            .signers
            .iter()
            .zip(&turns)
            .map(|(signer, turn)| TaskLayout {
                signer: signer.key.clone(),
                documents: documents(signer),
                uploads: options.for_signer(&signer.key).uploads.len(),
                waits: *turn > first,
            })
            .collect();
        let packaging = &options.order.packaging;
        let packages = match packaging.layout.unwrap_or(config.packaging_layout) {
            PackagingLayout::None => Vec::new(),
            PackagingLayout::Together => vec![None],
            PackagingLayout::PerDocument => {
                let signed: BTreeMap<_, _> = tasks
                    .iter()
                    .flat_map(|task| &task.documents)
                    .filter(|document| document.signs)
                    .map(|document| (document.number, document.key.clone()))
                    .collect();
                signed.into_values().map(Some).collect()
            }
        };
        Self {
            tasks,
            packages,
            pades: packaging.method.as_deref().unwrap_or(&config.packaging_method) == "pades",
            archive: packaging.send_to_archive.unwrap_or(config.archive),
        }
    }
}

/// Each signer's turn: lower ones come first, the same may sign in any order.
fn turns(request: &SignRequest) -> Vec<u32> {
    let signers = request.signers.iter().zip(1..);
    match request.order {
        Some(Order::Sequential) => signers.map(|(_, position)| position).collect(),
        Some(Order::Groups) => signers.map(|(signer, _)| signer.group.unwrap_or(1)).collect(),
        _ => vec![1; request.signers.len()],
    }
}

/// The tasks that each task waits for: those of the turn just before. They wait in turn for theirs.
fn dependencies(request: &SignRequest) -> Vec<Vec<String>> {
    let turns = turns(request);
    let mut by_turn = BTreeMap::<u32, Vec<String>>::new();
    for (index, turn) in turns.iter().enumerate() {
        by_turn.entry(*turn).or_default().push(Layout::task_id(index));
    }
    let before =
        |turn: u32| by_turn.range(..turn).next_back().map(|(_, ids)| ids.clone()).unwrap_or_default();
    turns.into_iter().map(before).collect()
}

/// The order, given the session documents' ids in the order of the request's documents.
///
/// # Errors
/// [`ErrorKind::Internal`] if the request was not checked before.
pub(crate) fn signing_order(
    request: &SignRequest,
    layout: &Layout,
    config: &SignicatConfig,
    options: &SignicatOptions,
    references: &[String],
) -> Result<SigningOrder> {
    let reference = request.reference.as_str();
    let mut numbers = Numbers::default();
    let tasks = request.signers.iter().zip(&layout.tasks).zip(dependencies(request)).enumerate();
    let tasks = tasks.map(|(index, ((signer, task), depends_on_tasks))| {
        let own = options.for_signer(&signer.key);
        let documents = documents(request, task, config, options, &own, references)?;
        Ok(Task {
            id: Layout::task_id(index),
            documents,
            depends_on_tasks,
            language: request.language_for(signer).map(str::parse).transpose()?,
            days_to_live: days_to_live(request, config, &own)?,
            signature_methods: methods(config, &own),
            authentication: authentication(config, &own),
            on_task_complete: target(own.on_task_complete.as_ref(), request),
            on_task_reject: target(own.on_task_reject.as_ref(), request),
            on_task_postpone: target(own.on_task_postpone.as_ref(), request),
            notifications: task_notifications(request, signer, config, &own, &mut numbers)?,
            subject: subject(signer, &own),
            profile: own.profile.or_else(|| config.profile.clone()),
            configuration: own.configuration.or_else(|| config.configuration.clone()),
            dialog: own.dialog,
            sign_text: own.sign_text,
        })
    });
    let tasks = tasks.collect::<Result<_>>()?;
    let order = &options.order;
    Ok(SigningOrder {
        client_reference: Some(reference.to_owned()),
        tasks,
        packaging_tasks: packaging_tasks(layout, config, options, reference, &mut numbers),
        notifications: numbers.give(&order.order_notifications, reference),
        days_until_deletion: order.days_until_deletion.or(config.days_until_deletion),
        notification_template_params: order.notification_template_params.clone(),
    })
}

/// How to sign: the request's own methods, else the instance's.
pub(crate) fn methods(config: &SignicatConfig, own: &TaskOptions) -> Vec<crate::SignatureMethod> {
    if own.signature_methods.is_empty() {
        config.methods.iter().map(crate::MethodSetting::method).collect()
    } else {
        own.signature_methods.clone()
    }
}

fn authentication(config: &SignicatConfig, own: &TaskOptions) -> Option<Authentication> {
    own.authentication.clone().or_else(|| {
        let methods = config.authentication_methods.clone();
        (!methods.is_empty()).then_some(Authentication { methods, artifact: None })
    })
}

/// The neutral wish, else the request's own option, else the instance's setting.
pub(crate) fn days_to_live(
    request: &SignRequest,
    config: &SignicatConfig,
    own: &TaskOptions,
) -> Result<Option<u32>> {
    let Some(wanted) = request.expires_after else { return Ok(own.days_to_live.or(config.days_to_live)) };
    let seconds = u64::try_from(wanted.as_secs()).unwrap_or_default();
    let whole = seconds.is_multiple_of(DAY) && wanted.subsec_nanos() == 0;
    let days = u32::try_from(seconds / DAY).ok().filter(|days| whole && i32::try_from(*days).is_ok());
    days.map(Some).ok_or_else(|| {
        let message = format!(
            "tasks live for whole days: {} or {} days, and less than 2147483648",
            seconds / DAY,
            seconds.div_ceil(DAY)
        );
        Error::invalid("expires_after", message)
    })
}

fn documents(
    request: &SignRequest,
    task: &TaskLayout,
    config: &SignicatConfig,
    options: &SignicatOptions,
    own: &TaskOptions,
    references: &[String],
) -> Result<Vec<TaskDocument>> {
    let fault = || Error::new(ErrorKind::Internal, "a prepared request lacks a document");
    let stored = task.documents.iter().map(|layout| {
        let document = request.documents.get(layout.number).ok_or_else(fault)?;
        let reference = references.get(layout.number).ok_or_else(fault)?;
        let action = if layout.signs { Action::Sign } else { Action::View };
        let wanted = options.order.documents.get(&layout.key).cloned().unwrap_or_default();
        let DocumentOptions { external_reference, sign_text_entry, send_result_to_archive, form } = wanted;
        Ok(TaskDocument {
            description: Some(document.name().to_owned()),
            external_reference,
            sign_text_entry,
            send_result_to_archive: send_result_to_archive
                .or((layout.signs && config.archive).then_some(true)),
            form,
            ..TaskDocument::stored(Layout::document_id(layout.number), action, reference)
        })
    });
    let uploads = own.uploads.iter().enumerate().map(|(i, upload)| {
        let description = Some(upload.description.clone());
        Ok(TaskDocument { description, ..TaskDocument::upload(Layout::upload_id(i)) })
    });
    stored.chain(uploads).collect()
}

/// Where the browser goes: our reference and Signicat's ids come back with it.
fn target(own: Option<&String>, request: &SignRequest) -> Option<String> {
    let address = own.map(String::as_str).or(request.return_url.as_ref().map(url::Url::as_str))?;
    Some(with_reference(address, request.reference.as_str(), IDS))
}

fn subject(signer: &Signer, own: &TaskOptions) -> Option<Subject> {
    let mut subject = own.subject.clone().unwrap_or_default();
    subject.attributes.extend(signer.identity.iter().map(|identity| SubjectAttribute {
        name: identity.scheme.clone(),
        value: identity.value.clone(),
        methods: Vec::new(),
    }));
    (subject != Subject::default()).then_some(subject)
}

/// Numbers for notifications without an id.
#[derive(Default)]
struct Numbers(usize);

impl Numbers {
    fn next(&mut self) -> String {
        self.0 += 1;
        format!("notification-{}", self.0)
    }

    /// The same notifications with ids, and with our reference in addresses that are called.
    fn give(&mut self, notifications: &[Notification], reference: &str) -> Vec<Notification> {
        let give = |notification: &Notification| {
            let mut notification = notification.clone();
            if notification.id.is_empty() {
                notification.id = self.next();
            }
            if notification.kind == NotificationType::Url {
                notification.recipient =
                    with_reference(notification.recipient.expose(), reference, "").into();
            }
            notification
        };
        notifications.iter().map(give).collect()
    }
}

fn task_notifications(
    request: &SignRequest,
    signer: &Signer,
    config: &SignicatConfig,
    own: &TaskOptions,
    numbers: &mut Numbers,
) -> Result<Vec<Notification>> {
    let mut all = Vec::new();
    if request.delivery == Delivery::ProviderEmail {
        let missing = |what| Error::new(ErrorKind::Internal, format!("a prepared request lacks {what}"));
        let email = signer.email.clone().ok_or_else(|| missing("an e-mail address"))?;
        let (mail, message) =
            mail(request, signer, config, own).ok_or_else(|| missing("the text of its e-mail"))?;
        let mut notification =
            Notification::new(numbers.next(), NotificationType::Email, email).at(Trigger::Created);
        notification.sender.clone_from(&mail.sender);
        notification.header = Some(mail.header.clone());
        notification.message = Some(with_link(message, "\n\n"));
        all.push(notification);
        if let (Some(sms), Some(phone)) = (&config.sms, &signer.phone) {
            let mut notification =
                Notification::new(numbers.next(), NotificationType::Sms, phone.clone()).at(Trigger::Created);
            notification.sender.clone_from(&sms.sender);
            notification.message = Some(with_link(&sms.message, " "));
            all.push(notification);
        }
    }
    if let Some(url) = &config.notification_url {
        let url = with_reference(url.as_str(), request.reference.as_str(), "");
        let ends = [Trigger::Completed, Trigger::Rejected, Trigger::Expired];
        all.push(
            ends.into_iter()
                .fold(Notification::new(numbers.next(), NotificationType::Url, url), Notification::at),
        );
    }
    all.extend(numbers.give(&own.notifications, request.reference.as_str()));
    Ok(all)
}

/// Header and sender of the invitation, and its text: the request's own message, else that of the mail.
pub(crate) fn mail<'a>(
    request: &'a SignRequest,
    signer: &'a Signer,
    config: &'a SignicatConfig,
    own: &'a TaskOptions,
) -> Option<(&'a MailText, &'a str)> {
    let mail = own.email.as_ref().or(config.email.as_ref())?;
    let message = request.message_for(signer).or(mail.message.as_deref())?;
    Some((mail, message))
}

/// The text with the link to the task, wherever it has one.
fn with_link(text: &str, joint: &str) -> String {
    if ["${taskUrl}", "${signCodeUrl}"].iter().any(|link| text.contains(link)) {
        text.to_owned()
    } else {
        format!("{text}{joint}${{taskUrl}}")
    }
}

fn packaging_tasks(
    layout: &Layout,
    config: &SignicatConfig,
    options: &SignicatOptions,
    reference: &str,
    numbers: &mut Numbers,
) -> Vec<PackagingTask> {
    let wanted = &options.order.packaging;
    let mut of_document = HashMap::<&str, Vec<PackagedDocuments>>::new();
    let mut of_task = Vec::new();
    for (index, task) in layout.tasks.iter().enumerate() {
        let signed: Vec<_> = task.documents.iter().filter(|document| document.signs).collect();
        let packaged = |document_ids| PackagedDocuments { task_id: Layout::task_id(index), document_ids };
        for document in &signed {
            let alone = packaged(vec![Layout::document_id(document.number)]);
            of_document.entry(&document.key).or_default().push(alone);
        }
        of_task.push(packaged(signed.iter().map(|document| Layout::document_id(document.number)).collect()));
    }
    let package = |(index, document): (usize, &Option<String>)| {
        let documents = match document {
            Some(key) => of_document.remove(key.as_str()).unwrap_or_default(),
            None => std::mem::take(&mut of_task),
        };
        let mut notifications = Vec::new();
        if let Some(url) = &config.notification_url {
            let url = with_reference(url.as_str(), reference, "");
            notifications
                .push(Notification::new(numbers.next(), NotificationType::Url, url).at(Trigger::Completed));
        }
        notifications.extend(numbers.give(&wanted.notifications, reference));
        PackagingTask {
            id: Layout::package_id(index),
            method: wanted.method.clone().unwrap_or_else(|| config.packaging_method.clone()),
            send_to_archive: layout.archive.then_some(true),
            documents,
            notifications,
        }
    };
    layout.packages.iter().enumerate().map(package).collect()
}
