//! What a staging service can tell about what the documents leave open (spec 9). Each trial makes an order that nobody is told
//! of, and deletes it; the one mail is addressed to a domain that can never exist (RFC 6761).

use std::time::Duration;

use esign_core::{BlankPdf, Error, MediaType, Operation, Result, Settled, Trial};
use serde_json::Value;

use super::SignicatProvider;
use crate::config::{ClientAuthentication, SignicatConfig};
use crate::order::{
    Action, Notification, NotificationType, SignatureMethod, SigningOrder, Task, TaskDocument, Trigger,
};

/// Nobody's address.
const NOBODY: &str = "nobody@esign.invalid";
/// How often an event is looked for, and how long apart.
const LOOKS: u32 = 5;
const APART: Duration = Duration::from_secs(2);

const STATUSES: &str = "the statuses of successful answers: any 2xx is taken";
const DAYS_TO_LIVE: &str = "what daysToLive is where it is not sent";
const DAYS_UNTIL_DELETION: &str = "what daysUntilDeletion is where it is not sent";
const MOST_DAYS: &str = "the most that daysToLive may be";
const LENGTHS: &str = "the lengths and characters of ids, descriptions, headers and messages; how many documents a task may have";
const SIZE: &str = "how large a document may be";
const ENCODING: &str = "whether token credentials are form-encoded before Basic, as RFC 6749 says: no difference for letters and digits";
/// Unverified only while the instance does not say it.
pub(crate) const CREATED_MAIL: &str =
    "whether the invitation of a signer who has to wait for others is sent at once";

/// What trials can answer, beside [`CREATED_MAIL`].
const TRIED: [&str; 7] = [STATUSES, DAYS_TO_LIVE, DAYS_UNTIL_DELETION, MOST_DAYS, LENGTHS, SIZE, ENCODING];

/// What they cannot, and why.
const UNTRIED: [(&str, &str); 9] = [
    (
        "whether documents that are signed already are accepted",
        "an order with one may be made and fail when somebody signs, and it takes a person who does",
    ),
    ("whether an order with signed tasks can be deleted", "it takes a person who signs"),
    (
        "whether URL notifications are GET or POST on the current platform, and how often they are repeated",
        "it takes an address that Signicat can reach, and has been asked to call",
    ),
    ("where the archive's ids are told", "only what somebody has signed is archived"),
    (
        "names of packaging methods other than pades, and the PAdES level of what they make",
        "the names are the customer's own, and only what somebody has signed is packaged",
    ),
    ("whether packaging waits for all tasks or for those that it names", "it takes a person who signs"),
    (
        "what becomes of an order's packaging when a task was passed on to somebody else",
        "it takes a person who passes it on, and one who signs",
    ),
    ("rate limits", "none is published, so there is no number to try"),
    (
        "how a notification refers to its template parameters",
        "it shows in a mail only, and somebody would have to get it",
    ),
];

/// What nobody could check (spec 9, "open questions").
pub(crate) fn unverified() -> Vec<String> {
    TRIED.into_iter().chain(UNTRIED.map(|(question, _)| question)).map(str::to_owned).collect()
}

pub(super) async fn settle(provider: &SignicatProvider, trial: &Trial) -> Result<Vec<Settled>> {
    // Without this one nothing else can be tried.
    let plain = Plain::make(provider, trial).await?;
    let trials = Trials { provider, document: &plain.document };
    let mut settled = vec![
        plain.days(DAYS_TO_LIVE, "/tasks/0/daysToLive", "days_to_live"),
        plain.days(DAYS_UNTIL_DELETION, "/daysUntilDeletion", "days_until_deletion"),
        trials.most_days().await,
        trials.lengths().await,
        trials.created_mail().await,
        trials.size().await,
        encoding(provider),
    ];
    settled.push(plain.taken_back(provider).await);
    settled.extend(UNTRIED.map(|(question, because)| Settled::untriable(question, because)));
    Ok(settled)
}

/// The simplest order there is, with the statuses that its calls were answered with.
struct Plain {
    document: String,
    order: String,
    /// As Signicat has it.
    echo: Value,
    statuses: Vec<String>,
}

impl Plain {
    async fn make(provider: &SignicatProvider, trial: &Trial) -> Result<Self> {
        let client = &provider.0.client;
        let upload = client.upload(&MediaType::PDF, trial.document.clone()).await?;
        let mut statuses = vec![format!("upload {}", upload.status.as_u16())];
        let document = upload.json::<crate::wire::UploadedBody>()?.document_id;
        let order = order(&provider.0.config, &document);
        let created = client.create(&order).await?;
        statuses.push(format!("create {}", created.status.as_u16()));
        let order = created.json::<crate::wire::OrderBody>()?.id;
        // What the create does not say, the order may.
        let read = client.read(["orders", &order], Operation::Probe).await?;
        statuses.push(format!("read {}", read.status.as_u16()));
        Ok(Self { document, order, echo: read.json()?, statuses })
    }

    fn days(&self, question: &'static str, at: &str, setting: &str) -> Settled {
        match self.echo.pointer(at).and_then(Value::as_u64) {
            Some(days) => {
                Settled::new(question, format!("{days} days")).setting(format!("{setting} = {days}"))
            }
            None => Settled::open(question, "the order does not say"),
        }
    }

    async fn taken_back(mut self, provider: &SignicatProvider) -> Settled {
        match provider.0.client.delete(["orders", &self.order], Operation::Probe).await {
            Ok(answer) => {
                self.statuses.push(format!("delete {}", answer.status.as_u16()));
                Settled::new(STATUSES, self.statuses.join(", "))
            }
            Err(error) => Settled::open(STATUSES, &format!("order {} is left over: {error}", self.order)),
        }
    }
}

/// One task, one document, nobody told.
fn order(config: &SignicatConfig, document: &str) -> SigningOrder {
    let task = Task {
        id: "task-1".to_owned(),
        documents: vec![TaskDocument {
            description: Some("esign trial".to_owned()),
            ..TaskDocument::stored("doc-1", Action::Sign, document)
        }],
        signature_methods: methods(config),
        ..Task::default()
    };
    SigningOrder { tasks: vec![task], ..SigningOrder::default() }
}

/// An instance without methods has requests that bring their own; drawing takes none.
fn methods(config: &SignicatConfig) -> Vec<SignatureMethod> {
    match config.methods.as_slice() {
        [] => vec![SignatureMethod { handwritten: Some(true), ..SignatureMethod::default() }],
        configured => configured.iter().map(crate::config::MethodSetting::method).collect(),
    }
}

/// An e-mail to nobody.
fn mail(at: Trigger) -> Notification {
    Notification {
        header: Some("esign trial".to_owned()),
        message: Some("${taskUrl}".to_owned()),
        ..Notification::new("mail-1", NotificationType::Email, NOBODY).at(at)
    }
}

/// Further orders over a document that is there.
struct Trials<'a> {
    provider: &'a SignicatProvider,
    document: &'a str,
}

impl Trials<'_> {
    /// The plain order, changed.
    fn order(&self, change: impl FnOnce(&mut Task)) -> SigningOrder {
        let mut order = order(&self.provider.0.config, self.document);
        change(&mut order.tasks[0]);
        order
    }

    /// Makes an order and deletes it. False if it is refused.
    async fn is_taken(&self, order: &SigningOrder) -> Result<bool> {
        let client = &self.provider.0.client;
        match client.create_order(order).await {
            Ok(made) => client.remove_order(&made.id, Operation::Probe).await.map(|_| true),
            Err(error) if matches!(error.http_status(), Some(400 | 413 | 422)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn which<'t>(
        &self,
        question: &'static str,
        cases: impl IntoIterator<Item = (&'t str, SigningOrder)>,
    ) -> Settled {
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for (what, order) in cases {
            match self.is_taken(&order).await {
                Ok(true) => taken.push(what),
                Ok(false) => refused.push(what),
                Err(error) => return Settled::open(question, &error),
            }
        }
        Settled::new(question, listed(&taken, &refused))
    }

    async fn most_days(&self) -> Settled {
        let cases = [("30", 30), ("90", 90), ("365", 365), ("3650", 3650)]
            .map(|(what, days)| (what, self.order(|task| task.days_to_live = Some(days))));
        self.which(MOST_DAYS, cases).await
    }

    async fn lengths(&self) -> Settled {
        let text = |chars: usize| "a".repeat(chars);
        let described = |text: String| self.order(|task| task.documents[0].description = Some(text));
        // Deleted long before: it is never sent.
        let late = |change: fn(&mut Notification)| {
            let mut mail = mail(Trigger::Expired);
            change(&mut mail);
            self.order(|task| task.notifications.push(mail))
        };
        let cases = [
            ("a task's id of 255 characters", self.order(|task| task.id = text(255))),
            ("a description of 255 characters", described(text(255))),
            ("a description of 4000 characters", described(text(4000))),
            ("a description beyond Latin letters", described("合同 Ω".to_owned())),
            ("a header of 1000 characters", late(|mail| mail.header = Some("a".repeat(1000)))),
            ("a message of 10000 characters", late(|mail| mail.message = Some("a".repeat(10_000)))),
            (
                "100 documents in a task",
                self.order(|task| {
                    task.documents = (1..=100)
                        .map(|n| TaskDocument::stored(format!("doc-{n}"), Action::Sign, self.document))
                        .collect();
                }),
            ),
        ];
        self.which(LENGTHS, cases).await
    }

    async fn size(&self) -> Settled {
        let client = &self.provider.0.client;
        let mut most = None;
        for megabytes in [1_usize, 5, 10, 20] {
            let document = BlankPdf { bytes: megabytes * 1_000_000, ..BlankPdf::default() }.to_bytes();
            match client.upload_document(&MediaType::PDF, document).await {
                // Best effort: it is gone after 30 minutes.
                Ok(id) => drop(client.delete_document(&id).await),
                Err(error) if matches!(error.http_status(), Some(400 | 413 | 422)) => {
                    let found = format!("{megabytes} MB are refused");
                    return match most {
                        Some(most) => Settled::new(SIZE, format!("{found}, {most} MB are taken"))
                            .setting(format!("max_document_bytes = {}", most * 1_000_000)),
                        None => Settled::new(SIZE, found),
                    };
                }
                Err(error) => return Settled::open(SIZE, &error),
            }
            most = Some(megabytes);
        }
        Settled::new(SIZE, "20 MB are taken; more was not tried")
    }

    /// Whether a mail is sent is an event of the task that it belongs to.
    async fn created_mail(&self) -> Settled {
        match self.mailed().await {
            Ok((_, true)) => Settled::new(CREATED_MAIL, "it is").setting("created_mail = \"at-once\""),
            Ok((true, false)) => Settled::new(CREATED_MAIL, "it is not").setting("created_mail = \"waits\""),
            Ok((false, false)) => {
                Settled::open(CREATED_MAIL, "no event says that the mail of the first signer was sent")
            }
            Err(error) => Settled::open(CREATED_MAIL, &error),
        }
    }

    /// Whether mail was sent for the first task, and for the one that depends on it.
    async fn mailed(&self) -> Result<(bool, bool)> {
        let client = &self.provider.0.client;
        let mut order = self.order(|task| task.notifications.push(mail(Trigger::Created)));
        let mut second = order.tasks[0].clone();
        second.id = "task-2".to_owned();
        second.depends_on_tasks = vec!["task-1".to_owned()];
        order.tasks.push(second);
        let made = client.create_order(&order).await?;
        let seen = self.look_for_mail(&made.id).await;
        client.remove_order(&made.id, Operation::Probe).await?;
        seen
    }

    async fn look_for_mail(&self, order: &str) -> Result<(bool, bool)> {
        let client = &self.provider.0.client;
        let clock = client.http().clock();
        let sent = async |task| {
            let events = client.task_events(order, task).await?;
            Ok::<_, Error>(events.iter().any(|event| event.event_type == "NOTIFICATION_SENT"))
        };
        let mut seen = (false, false);
        for _ in 0..LOOKS {
            seen = (sent("task-1").await?, sent("task-2").await?);
            if seen.1 {
                break;
            }
            // That nothing came says something only after a while.
            clock.sleep_until(clock.monotonic() + APART).await;
        }
        Ok(seen)
    }
}

fn listed(taken: &[&str], refused: &[&str]) -> String {
    let words = |list: &[&str]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    format!("taken: {}; refused: {}", words(taken), words(refused))
}

/// A token was given: what does that say?
fn encoding(provider: &SignicatProvider) -> Settled {
    if provider.0.config.client_auth == ClientAuthentication::Form {
        return Settled::open(ENCODING, "this instance sends its credentials in the form");
    }
    if provider.0.tokens.is_the_same_encoded() {
        return Settled::open(ENCODING, "it makes no difference for the credentials of this instance");
    }
    Settled::new(ENCODING, "the encoded form is accepted, and differs for these credentials")
}
