//! Notifications: what is sent when, to whom, in which words; and the tries to deliver those that are URLs.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use url::Url;

use super::order::{Delay, Notification, NotificationType, Task, Trigger, list, text};
use super::progress::{Order, TaskStatus, later};
use super::settings::SignicatSettings;
use super::{Links, Signicat};
use crate::ids;
use crate::mailbox::Message;
use crate::outgoing::Failure;
use crate::pages::NOTICE;

/// For so long an URL notification is tried again.
const KEEP_TRYING: SignedDuration = SignedDuration::from_hours(24);
/// How long a try waits for an answer. Assumption.
const TIME_OUT: SignedDuration = SignedDuration::from_secs(10);

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum About {
    /// The order as a whole.
    Order,
    /// A task, by its id.
    Task(String),
    /// A packaging task, by its id.
    PackagingTask(String),
}

/// One try to deliver a URL notification, which has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// The order that it was about; for a forged one, what it claimed to be about.
    pub order_id: String,
    /// What of the order it was about.
    pub about: About,
    /// Whether the sandbox was told to send it, beside those that the order asks for.
    pub extra: bool,
    /// From 1.
    pub attempt: u32,
    /// When it was sent, by the sandbox's clock.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: DeliveryOutcome,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryOutcome {
    /// The receiver answered with this status; exactly 200 means that it has understood.
    Answered(u16),
    /// No answer within 10 seconds by the sandbox's clock.
    TimedOut,
    /// No connection, or a broken one.
    Unreachable,
    /// URL notifications are not switched on: nothing was sent.
    SwitchedOff,
}

/// A URL notification that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Forgery {
    /// Once more what was, or will be, sent about this task: late, twice, or out of order.
    Task(String),
    /// The same about this packaging task.
    PackagingTask(String),
    /// About an order that nobody made.
    UnknownOrder,
    /// About a task that the order does not have.
    UnknownTask,
}

/// What was sent, and how much still is.
#[derive(Default)]
pub(super) struct Log {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) under_way: usize,
}

pub(super) type Watched = watch::Sender<Log>;

/// A notification that is to be sent.
#[derive(Clone)]
pub(super) struct Parcel {
    pub(super) order: String,
    pub(super) about: About,
    kind: NotificationType,
    recipient: String,
    header: String,
    message: String,
    /// The link in the message, for a page to show.
    link: Option<String>,
    due: Timestamp,
    /// Sent only if the task stands so when it is due.
    only_if: Option<TaskStatus>,
    pub(super) extra: bool,
}

impl Order {
    /// What a task's reaching this status sets off. One that names no schedule is sent on CREATED.
    pub(super) fn notify(
        &self,
        index: usize,
        trigger: Trigger,
        at: Timestamp,
        links: &Links<'_>,
    ) -> Vec<Parcel> {
        let task = &self.body.tasks()[index];
        let only_if = match trigger {
            Trigger::Created | Trigger::Started | Trigger::Forwarded => None,
            Trigger::Completed => Some(TaskStatus::Completed),
            Trigger::Rejected => Some(TaskStatus::Rejected),
            Trigger::Expired => Some(TaskStatus::Expired),
        };
        let mut parcels = Vec::new();
        for notification in task.notifications() {
            for delay in delays(notification, trigger, Trigger::Created) {
                let (message, link) = self.words(notification, Some((index, task)), links);
                // A delayed CREATED is a reminder: it is for somebody who still has to act.
                let reminder = (trigger == Trigger::Created && delay > SignedDuration::ZERO)
                    .then_some(TaskStatus::Created);
                parcels.extend(self.parcel(
                    About::Task(task.id().to_owned()),
                    notification,
                    (message, link),
                    after(at, delay),
                    only_if.or(reminder),
                ));
            }
        }
        parcels
    }

    /// What the order's completion sets off.
    pub(super) fn notify_completed(&self, at: Timestamp, links: &Links<'_>) -> Vec<Parcel> {
        let notifications = self.body.notifications().iter();
        let parcel = |notification| {
            self.parcel(About::Order, notification, self.words(notification, None, links), at, None)
        };
        notifications.filter_map(parcel).collect()
    }

    /// What a packaging task's reaching this status sets off. One that names no schedule is sent on COMPLETED. Its words
    /// are sent as they are.
    pub(super) fn notify_packaging(&self, index: usize, trigger: Trigger, at: Timestamp) -> Vec<Parcel> {
        let packaging = &self.body.packaging_tasks()[index];
        let about = About::PackagingTask(packaging.id().to_owned());
        let notifications = packaging.notifications().iter();
        let due = notifications.filter(|one| !delays(one, trigger, Trigger::Completed).is_empty());
        due.filter_map(|notification| {
            let words = (text(notification.message.as_ref()).to_owned(), None);
            self.parcel(about.clone(), notification, words, at, None)
        })
        .collect()
    }

    fn parcel(
        &self,
        about: About,
        notification: &Notification,
        (message, link): (String, Option<String>),
        due: Timestamp,
        only_if: Option<TaskStatus>,
    ) -> Option<Parcel> {
        Some(Parcel {
            order: self.id.clone(),
            about,
            // Checked at creation: it is there.
            kind: notification.kind?,
            recipient: text(notification.recipient.as_ref()).trim().to_owned(),
            header: text(notification.header.as_ref()).to_owned(),
            message,
            link,
            due,
            only_if,
            extra: false,
        })
    }

    /// The message with its placeholders replaced, and the link in it.
    fn words(
        &self,
        notification: &Notification,
        task: Option<(usize, &Task)>,
        links: &Links<'_>,
    ) -> (String, Option<String>) {
        let mut words = text(notification.message.as_ref()).to_owned();
        let mut link = None;
        if let Some((index, task)) = task {
            let code = &self.tasks[index].sign_code;
            for (placeholder, url) in [
                ("${signCodeUrl}", links.sign_code_url(code)),
                ("${taskUrl}", links.signing_url(&self.id, task.id())),
            ] {
                if words.contains(placeholder) {
                    words = words.replace(placeholder, &url);
                    link = Some(url);
                }
            }
            words = words.replace("${signCode}", code);
        }
        // The caller's own text last, so that nothing in it is taken for a placeholder.
        words = words.replace("${orderId}", &self.id);
        (words.replace("${clientRef}", text(self.body.client_reference.as_ref())), link)
    }
}

impl Signicat {
    /// Sends what is due at once, and the rest in the background when its time comes.
    pub(super) fn send(self: &Arc<Self>, parcels: Vec<Parcel>) {
        let now = self.now();
        for parcel in parcels {
            if parcel.due <= now && parcel.kind != NotificationType::Url {
                self.deliver_message(&parcel);
            } else {
                self.in_background(parcel);
            }
        }
    }

    /// Sends an URL notification beside those that the order asks for, once, to this address.
    pub(super) fn forge(self: &Arc<Self>, order: &str, forgery: Forgery, to: &str) {
        let (order, about) = match forgery {
            Forgery::Task(id) => (order.to_owned(), About::Task(id)),
            Forgery::PackagingTask(id) => (order.to_owned(), About::PackagingTask(id)),
            Forgery::UnknownOrder => (ids::dated(self.now()), About::Task("1".to_owned())),
            Forgery::UnknownTask => (order.to_owned(), About::Task(ids::token())),
        };
        self.in_background(Parcel {
            order,
            about,
            kind: NotificationType::Url,
            recipient: to.to_owned(),
            header: String::new(),
            message: String::new(),
            link: None,
            due: self.now(),
            only_if: None,
            extra: true,
        });
    }

    fn in_background(self: &Arc<Self>, parcel: Parcel) {
        self.notifications.send_modify(|log| log.under_way += 1);
        let signicat = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = signicat.deliver(&parcel) => {}
                () = signicat.shared.stopped() => {}
            }
            signicat.notifications.send_modify(|log| log.under_way -= 1);
        });
    }

    async fn deliver(&self, parcel: &Parcel) {
        self.shared.clock.sleep_until(parcel.due).await;
        if parcel.kind == NotificationType::Url {
            self.deliver_url(parcel).await;
        } else {
            self.deliver_message(parcel);
        }
    }

    /// Whether there is still a reason to send it. Notes it among the task's events.
    fn still_wanted(&self, parcel: &Parcel) -> bool {
        if parcel.extra {
            return true;
        }
        let now = self.now();
        let mut state = self.lock();
        let Some(order) = state.store.get_mut(&parcel.order, now) else { return false };
        let About::Task(task) = &parcel.about else { return true };
        let Some(index) = order.task_index(task) else { return false };
        if parcel.only_if.is_some_and(|status| order.status(index, now) != status) {
            return false;
        }
        let kind = match parcel.kind {
            NotificationType::Email => "EMAIL",
            NotificationType::Sms => "SMS",
            NotificationType::Url => "URL",
        };
        order.note(index, "NOTIFICATION_SENT", now, Some(kind));
        true
    }

    fn deliver_message(&self, parcel: &Parcel) {
        if !self.still_wanted(parcel) {
            return;
        }
        let (subject, text) = match parcel.kind {
            NotificationType::Sms => ("Text message".to_owned(), format!("TEST SMS: {}", parcel.message)),
            _ if parcel.header.is_empty() => ("(no subject)".to_owned(), parcel.message.clone()),
            _ => (parcel.header.clone(), parcel.message.clone()),
        };
        self.shared.mailbox.deliver(Message {
            service: "signicat",
            to: parcel.recipient.clone(),
            subject,
            text: format!("{text}\n{NOTICE}"),
            link: parcel.link.clone(),
            at: self.now(),
        });
    }

    /// Tries until the receiver answers 200, for 24 hours.
    async fn deliver_url(&self, parcel: &Parcel) {
        if !self.still_wanted(parcel) {
            return;
        }
        let clock = &self.shared.clock;
        let give_up = after(clock.now(), KEEP_TRYING);
        let Some(to) = address(parcel) else { return };
        for attempt in 1.. {
            let at = clock.now();
            let settings = self.settings();
            let outcome = self.try_once(&to, &settings).await;
            tracing::info!(attempt, ?outcome, "URL notification");
            // Before the try shows in the log: whoever sees it there may move the clock at once.
            let next =
                later(clock.now(), Duration::from_secs(60 * u64::from(settings.url_retry_minutes.max(1))));
            let (order_id, about) = (parcel.order.clone(), parcel.about.clone());
            let delivery = Delivery { order_id, about, extra: parcel.extra, attempt, at, outcome };
            self.notifications.send_modify(|log| log.deliveries.push(delivery));
            let done = matches!(outcome, DeliveryOutcome::Answered(200) | DeliveryOutcome::SwitchedOff);
            if done || parcel.extra || next > give_up {
                return;
            }
            clock.sleep_until(next).await;
        }
    }

    async fn try_once(&self, to: &Url, settings: &SignicatSettings) -> DeliveryOutcome {
        if !settings.url_notifications {
            return DeliveryOutcome::SwitchedOff;
        }
        match self.outgoing.call(to, settings.url_notifications_by_post, TIME_OUT, &self.shared.clock).await {
            Ok(status) => DeliveryOutcome::Answered(status),
            Err(Failure::TimedOut(_)) => DeliveryOutcome::TimedOut,
            Err(_) => DeliveryOutcome::Unreachable,
        }
    }
}

/// The recipient's address with the documented parameters added to its own.
fn address(parcel: &Parcel) -> Option<Url> {
    let mut url = Url::parse(&parcel.recipient).ok()?;
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("requestId", &parcel.order);
        match &parcel.about {
            About::Order => {}
            About::Task(id) => {
                query.append_pair("taskId", id);
            }
            About::PackagingTask(id) => {
                query.append_pair("packagingTaskId", id);
            }
        }
        query.append_pair("message", &parcel.message);
    }
    Some(url)
}

/// How long after the trigger each of the notification's entries for it is due.
fn delays(notification: &Notification, trigger: Trigger, unless_said: Trigger) -> Vec<SignedDuration> {
    if notification.schedule.is_none() {
        return if trigger == unless_said { vec![SignedDuration::ZERO] } else { Vec::new() };
    }
    let entries = list(notification.schedule.as_ref()).iter();
    let due = entries.filter(|entry| entry.trigger_status == Some(trigger));
    due.map(|entry| entry.delay.map_or(SignedDuration::ZERO, length)).collect()
}

fn length(delay: Delay) -> SignedDuration {
    let minutes = |value: Option<i64>, each: i64| value.unwrap_or(0).saturating_mul(each);
    let total = minutes(delay.minutes, 1)
        .saturating_add(minutes(delay.hours, 60))
        .saturating_add(minutes(delay.days, 24 * 60));
    // More than a thousand years is never.
    SignedDuration::from_mins(total.clamp(0, 60 * 24 * 366 * 1000))
}

fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
