//! Documenso, public API v2 (envelopes), as measured on 2.17.0.

mod control;
mod gate;
mod pages;
mod routes;
mod seal;
mod settings;
mod store;
mod validate;
mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use control::{DocumensoControl, EnvelopeState, NotPossible, RecipientState, WebhookCall};
pub use settings::{DocumensoSettings, DocumensoSetup, Webhook, Window};

pub(crate) use control::router as control_router;

use self::store::{Envelope, Recipient, Status, Store};
use crate::mailbox::Message;
use crate::outgoing::Outgoing;
use crate::shared::{Shared, compute};

/// What clients put before `api/v2`.
pub(crate) const BASE_PATH: &str = "/documenso/";

/// The user of every token: mails about completion and expiry go there.
pub(crate) const OWNER: &str = "owner@sandbox.example";

/// How often a webhook is tried, without a pause.
const ATTEMPTS: usize = 4;
/// The sweep for expired recipients runs at quarter hours.
const SWEEP_SECONDS: i64 = 900;

/// The operations, by the names that faults and counts use.
pub(crate) const OPERATIONS: [&str; 15] = [
    "documenso.create",
    "documenso.distribute",
    "documenso.get",
    "documenso.find",
    "documenso.download",
    "documenso.cancel",
    "documenso.delete",
    "documenso.redistribute",
    "documenso.reject",
    "documenso.audit_log",
    "documenso.audit_log_pdf",
    "documenso.certificate",
    "documenso.update",
    "documenso.get_many",
    "documenso.field_create",
];

pub(crate) struct Documenso {
    shared: Arc<Shared>,
    state: Mutex<State>,
    outgoing: Outgoing,
}

pub(crate) struct State {
    tokens: HashMap<String, Token>,
    settings: DocumensoSettings,
    store: Store,
    /// The clock minute that is being counted, and how many requests came in it.
    minute: (i64, u32),
    /// When the organisation's window began, and how many requests came in it.
    window: Option<(Timestamp, u32)>,
    webhooks: Vec<WebhookCall>,
    swept_at: Timestamp,
}

pub(crate) struct Token {
    team: String,
    ends: Option<Timestamp>,
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>(documenso: &Arc<Documenso>) -> Router<S> {
    routes::router(documenso).merge(pages::router(documenso))
}

impl Documenso {
    pub(crate) fn new(shared: Arc<Shared>, setup: DocumensoSetup) -> Self {
        let tokens = setup.tokens.into_iter().map(|(token, team, ends)| (token, Token { team, ends }));
        let state = State {
            tokens: tokens.collect(),
            settings: setup.settings,
            store: Store::default(),
            minute: (0, 0),
            window: None,
            webhooks: Vec::new(),
            swept_at: shared.clock.now(),
        };
        Self { shared, state: Mutex::new(state), outgoing: Outgoing::default() }
    }

    fn now(&self) -> Timestamp {
        // The real server counts milliseconds.
        let now = self.shared.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn link(&self, state: &State, recipient: &Recipient) -> String {
        match &state.settings.public_url {
            Some(url) => format!("{}/sign/{}", url.as_str().trim_end_matches('/'), recipient.token),
            None => self.shared.url(&format!("{BASE_PATH}sign/{}", recipient.token)),
        }
    }

    /// Does what is due by the clock: seals, and the sweep for those whose time is over.
    async fn tick(self: &Arc<Self>) {
        let now = self.now();
        let due: Vec<Envelope> = {
            let state = self.lock();
            let due = |envelope: &&Envelope| {
                envelope.status == Status::Pending && envelope.seal_at.is_some_and(|at| at <= now)
            };
            if state.settings.seal_never {
                Vec::new()
            } else {
                state.store.envelopes.values().filter(due).cloned().collect()
            }
        };
        for envelope in due {
            let shared = Arc::clone(&self.shared);
            let job = envelope.clone();
            let at = envelope.seal_at.unwrap_or(now);
            let made = compute(move || seal::seal(&shared.signing, &job, at)).await;
            match made {
                Ok((sealed, drawn)) => self.sealed(envelope.number, sealed, drawn, at),
                // Tried again and again; a field on a page that is not there never works.
                Err(error) => tracing::info!(error, "a seal job fails"),
            }
        }
        self.sweep(now);
    }

    fn sealed(
        self: &Arc<Self>,
        number: u64,
        sealed: Vec<Bytes>,
        drawn: Vec<(usize, u32, esign_pdf::facts::Rect)>,
        at: Timestamp,
    ) {
        let mut state = self.lock();
        let Some(envelope) = state.store.envelopes.get_mut(&number).filter(|e| e.status == Status::Pending)
        else {
            return;
        };
        for (item, sealed) in envelope.items.iter_mut().zip(sealed) {
            item.sealed = Some(sealed);
            // The real server makes the row of the sealed file anew.
            item.data_id = crate::ids::cuid();
        }
        envelope.drawn = drawn;
        let rejected = envelope.is_rejected();
        envelope.status = if rejected { Status::Rejected } else { Status::Completed };
        (envelope.completed_at, envelope.updated_at) = (Some(at), at);
        envelope.seal_at = None;
        let data = json!({ "transactionId": crate::ids::letters() });
        envelope.note(at, if rejected { "DOCUMENT_REJECTED" } else { "DOCUMENT_COMPLETED" }, None, &data);
        let envelope = envelope.clone();
        let (mails, subject) = if rejected {
            (self.recipients_of(&envelope, "documentDeleted"), "Document rejected")
        } else {
            (self.recipients_of(&envelope, "documentCompleted"), "Signing Complete!")
        };
        for recipient in mails {
            self.mail(&recipient.email, subject, &envelope.title, None, at);
        }
        if !rejected && envelope.mails("ownerDocumentCompleted") {
            self.mail(OWNER, "Signing Complete!", &envelope.title, None, at);
            if let Some(envelope) = state.store.envelopes.get_mut(&number) {
                let data = json!({
                    "recipientEmail": OWNER, "recipientName": "Sandbox Owner", "recipientId": 1, "recipientRole": "OWNER",
                    "emailType": "DOCUMENT_COMPLETED", "isResending": false,
                });
                envelope.note(at, "EMAIL_SENT", None, &data);
            }
        }
        drop(state);
        self.webhook(&envelope, if rejected { "DOCUMENT_REJECTED" } else { "DOCUMENT_COMPLETED" }, at);
    }

    fn recipients_of(&self, envelope: &Envelope, setting: &str) -> Vec<Recipient> {
        let told = envelope.by_email() && envelope.mails(setting);
        if told { envelope.recipients.clone() } else { Vec::new() }
    }

    fn sweep(self: &Arc<Self>, now: Timestamp) {
        let quarter = |at: Timestamp| at.as_second().div_euclid(SWEEP_SECONDS);
        let mut told = Vec::new();
        {
            let mut state = self.lock();
            if quarter(now) == quarter(state.swept_at) {
                return;
            }
            state.swept_at = now;
            for envelope in state.store.envelopes.values_mut().filter(|e| e.status == Status::Pending) {
                let mut expired = false;
                for recipient in
                    envelope.recipients.iter_mut().filter(|r| r.is_open() && r.notified_at.is_none())
                {
                    if recipient.expires_at.is_some_and(|end| end <= now) {
                        recipient.notified_at = Some(now);
                        expired = true;
                    }
                }
                if expired {
                    told.push(envelope.clone());
                }
            }
        }
        for envelope in told {
            if envelope.mails("ownerRecipientExpired") {
                self.mail(OWNER, "A signing window has expired", &envelope.title, None, now);
            }
            self.webhook(&envelope, "RECIPIENT_EXPIRED", now);
        }
    }

    fn mail(&self, to: &str, subject: &str, title: &str, link: Option<String>, at: Timestamp) {
        if to.is_empty() {
            return;
        }
        self.shared.mailbox.deliver(Message {
            service: "documenso",
            to: to.to_owned(),
            subject: format!("{subject} ({title})"),
            text: crate::pages::NOTICE.to_owned(),
            link,
            at,
        });
    }

    /// Mails invitations, or reminders.
    fn invite(&self, state: &State, envelope: &Envelope, whom: &[usize], reminder: bool) {
        if !envelope.mails("recipientSigningRequest") {
            return;
        }
        let own = envelope.meta.get("subject").and_then(Value::as_str).unwrap_or("Please sign this document");
        let subject = if reminder { format!("Reminder: {own}") } else { own.to_owned() };
        for &index in whom {
            let recipient = &envelope.recipients[index];
            let subject = filled_in(&subject, envelope, recipient);
            let message = envelope.meta.get("message").and_then(Value::as_str).unwrap_or_default();
            self.shared.mailbox.deliver(Message {
                service: "documenso",
                to: recipient.email.clone(),
                subject,
                text: format!("{}\n{}", filled_in(message, envelope, recipient), crate::pages::NOTICE),
                link: Some(self.link(state, recipient)),
                at: self.now(),
            });
        }
    }

    /// Writes the call down and makes it, where an address is set. Nobody waits for it.
    fn webhook(self: &Arc<Self>, envelope: &Envelope, event: &str, now: Timestamp) {
        let (target, body) = {
            let mut state = self.lock();
            let target = state.settings.webhook.clone();
            let url = target.as_ref().map_or("https://none.invalid/hook", |target| target.url.as_str());
            let body = wire::webhook(envelope, event, now, url);
            let secret = target.as_ref().map(|target| target.secret.clone()).unwrap_or_default();
            let call = WebhookCall {
                envelope: envelope.id.clone(),
                event: event.to_owned(),
                secret,
                body: body.to_string(),
            };
            state.webhooks.push(call);
            (target, body)
        };
        let Some(target) = target else { return };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let headers = [("x-documenso-secret", target.secret.as_str())];
            for _ in 0..ATTEMPTS {
                let limit = SignedDuration::from_secs(10);
                let sent = this
                    .outgoing
                    .post_json_with(&target.url, &body, &headers, limit, &this.shared.clock)
                    .await;
                match sent {
                    Ok(200..300) => return,
                    other => tracing::info!(?other, "a webhook is not taken"),
                }
            }
        });
    }
}

impl Envelope {
    pub(crate) fn mails(&self, setting: &str) -> bool {
        let settings = self.meta.get("emailSettings");
        settings.and_then(|settings| settings.get(setting)) != Some(&Value::Bool(false))
    }
}

fn filled_in(text: &str, envelope: &Envelope, recipient: &Recipient) -> String {
    text.replace("{signer.name}", &recipient.name)
        .replace("{signer.email}", &recipient.email)
        .replace("{document.name}", &envelope.title)
}

impl fmt::Debug for Documenso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documenso").finish_non_exhaustive()
    }
}
