//! Envelopes, recipients and fields: a state machine without I/O, on the time it is given.

use std::collections::BTreeMap;

use bytes::Bytes;
use esign_pdf::facts::Rect;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::validate::NewEnvelope;
use crate::ids;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) envelopes: BTreeMap<u64, Envelope>,
    last: u64,
    last_recipient: u64,
    last_field: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Draft,
    Pending,
    Completed,
    Rejected,
    Cancelled,
}

impl Status {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Pending => "PENDING",
            Self::Completed => "COMPLETED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

#[derive(Clone)]
pub(crate) struct Envelope {
    /// The number behind `secondaryId`.
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) team: String,
    pub(crate) status: Status,
    pub(crate) title: String,
    pub(crate) external_id: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) meta: Map<String, Value>,
    pub(crate) items: Vec<Item>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) fields: Vec<Field>,
    /// Newest first.
    pub(crate) log: Vec<Value>,
    /// When the job that seals it runs.
    pub(crate) seal_at: Option<Timestamp>,
    /// Where marks are on the pages as shown, once it is sealed.
    pub(crate) drawn: Vec<(usize, u32, Rect)>,
    /// A word that a test puts in the place of the status.
    pub(crate) word: Option<String>,
    /// What was uploaded, byte for byte.
    pub(crate) received: Vec<Bytes>,
    /// The payload as it came.
    pub(crate) heard: String,
}

#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) data_id: String,
    pub(crate) title: String,
    pub(crate) kept: Bytes,
    pub(crate) sealed: Option<Bytes>,
}

#[derive(Clone)]
pub(crate) struct Recipient {
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) role: String,
    pub(crate) order: Option<u64>,
    pub(crate) opened: bool,
    pub(crate) sent: bool,
    /// `NOT_SIGNED`, `SIGNED`, `REJECTED`.
    pub(crate) signing: &'static str,
    pub(crate) signed_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) notified_at: Option<Timestamp>,
    pub(crate) reason: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) id: u64,
    pub(crate) secondary: String,
    pub(crate) item: usize,
    pub(crate) recipient: u64,
    pub(crate) kind: String,
    pub(crate) page: f64,
    /// x, y, width, height: percent.
    pub(crate) numbers: [f64; 4],
    pub(crate) text: String,
    pub(crate) inserted: bool,
    pub(crate) meta: Option<Value>,
}

/// Why somebody at the signing page can do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    OutOfTurn,
    Expired,
    Done,
}

impl Recipient {
    pub(crate) fn is_copy(&self) -> bool {
        self.role == "CC"
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.is_copy() && self.signing == "NOT_SIGNED"
    }
}

impl Envelope {
    pub(crate) fn is_sequential(&self) -> bool {
        self.meta.get("signingOrder") == Some(&json!("SEQUENTIAL"))
    }

    pub(crate) fn by_email(&self) -> bool {
        self.meta.get("distributionMethod") == Some(&json!("EMAIL"))
    }

    pub(crate) fn ended(&self) -> bool {
        !matches!(self.status, Status::Draft | Status::Pending)
    }

    /// The lowest turn of those who have yet to act.
    pub(crate) fn turn(&self) -> Option<Option<u64>> {
        self.recipients.iter().filter(|recipient| recipient.is_open()).map(|recipient| recipient.order).min()
    }

    pub(crate) fn is_turn(&self, recipient: &Recipient) -> bool {
        !self.is_sequential() || self.turn() == Some(recipient.order)
    }

    fn life(&self) -> Option<SignedDuration> {
        let period = self.meta.get("envelopeExpirationPeriod")?;
        let amount = period.get("amount").and_then(Value::as_i64)?;
        let days = match period.get("unit").and_then(Value::as_str)? {
            "day" => 1,
            "week" => 7,
            "month" => 30,
            _ => 365,
        };
        Some(SignedDuration::from_hours(24 * days * amount))
    }

    /// Writes an event down.
    pub(crate) fn note(&mut self, now: Timestamp, kind: &str, who: Option<usize>, data: &Value) {
        let who = who.map(|index| &self.recipients[index]);
        let event = json!({
            "id": ids::cuid(),
            "createdAt": now,
            "envelopeId": self.id,
            "name": who.map(|recipient| recipient.name.clone()),
            "email": who.map(|recipient| recipient.email.clone()),
            "userId": null,
            "userAgent": null,
            "ipAddress": null,
            "type": kind,
            "data": data,
        });
        self.log.insert(0, event);
    }

    /// What an event says of a recipient.
    pub(crate) fn about(&self, index: usize) -> Map<String, Value> {
        let Recipient { id, email, name, role, .. } = &self.recipients[index];
        let about = json!({
            "recipientEmail": email, "recipientName": name, "recipientId": id, "recipientRole": role,
        });
        about.as_object().cloned().unwrap_or_default()
    }

    /// Draft to pending; gives those who are mailed now.
    pub(crate) fn distribute(&mut self, now: Timestamp) -> Vec<usize> {
        let life = self.life();
        if self.status == Status::Draft {
            self.status = Status::Pending;
            self.updated_at = now;
            for recipient in self.recipients.iter_mut().filter(|recipient| !recipient.is_copy()) {
                recipient.expires_at = life.and_then(|life| now.checked_add(life).ok());
            }
            self.note(now, "DOCUMENT_SENT", None, &json!({}));
            // Addresses are known, so their fields are filled in at once.
            for index in 0..self.fields.len() {
                let field = &self.fields[index];
                let owner = self.recipients.iter().find(|recipient| recipient.id == field.recipient);
                let Some(owner) = owner.filter(|_| field.kind == "EMAIL") else { continue };
                let (email, recipient, id) = (owner.email.clone(), owner.id, field.id);
                (self.fields[index].text, self.fields[index].inserted) = (email, true);
                let inserted = json!([{ "fieldId": id, "fieldType": "EMAIL", "recipientId": recipient }]);
                self.note(now, "DOCUMENT_FIELDS_AUTO_INSERTED", None, &json!({ "fields": inserted }));
            }
        }
        if self.recipients.iter().all(Recipient::is_copy) {
            self.seal_at = self.seal_at.or(Some(now));
        }
        self.due_mail()
    }

    /// Those who are to be told and were not; from now on they count as told.
    fn due_mail(&mut self) -> Vec<usize> {
        if !self.by_email() {
            return Vec::new();
        }
        let due: Vec<_> = (0..self.recipients.len())
            .filter(|&index| {
                let recipient = &self.recipients[index];
                recipient.is_open() && !recipient.sent && self.is_turn(recipient)
            })
            .collect();
        due.iter().for_each(|&index| self.recipients[index].sent = true);
        due
    }

    /// Reminds; gives those who are mailed.
    pub(crate) fn remind(&mut self, wanted: &[u64], now: Timestamp) -> Vec<usize> {
        let life = self.life();
        let mut mailed = Vec::new();
        for index in 0..self.recipients.len() {
            let by_email = self.by_email();
            let recipient = &mut self.recipients[index];
            if !wanted.contains(&recipient.id) || !recipient.is_open() {
                continue;
            }
            recipient.expires_at = life.and_then(|life| now.checked_add(life).ok());
            recipient.notified_at = None;
            if by_email {
                recipient.sent = true;
                mailed.push(index);
            }
        }
        mailed
    }

    /// Whether somebody may act now.
    pub(crate) fn may_act(&self, index: usize, now: Timestamp) -> Result<(), Refusal> {
        let recipient = &self.recipients[index];
        if self.status != Status::Pending || !recipient.is_open() {
            return Err(Refusal::Done);
        }
        if recipient.expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::Expired);
        }
        if self.is_turn(recipient) { Ok(()) } else { Err(Refusal::OutOfTurn) }
    }

    /// Fills in what is somebody's and completes; gives those who are mailed next.
    pub(crate) fn complete(
        &mut self,
        index: usize,
        name: Option<&str>,
        now: Timestamp,
        delay: SignedDuration,
    ) -> Vec<usize> {
        if let Some(name) = name {
            name.clone_into(&mut self.recipients[index].name);
        }
        let Recipient { id, name, email, .. } = self.recipients[index].clone();
        let date = now.strftime("%Y-%m-%d %H:%M").to_string();
        let mut filled = Vec::new();
        for field in self.fields.iter_mut().filter(|field| field.recipient == id) {
            field.inserted = true;
            field.text = match field.kind.as_str() {
                "DATE" => date.clone(),
                "EMAIL" => email.clone(),
                "INITIALS" => name.split_whitespace().filter_map(|word| word.chars().next()).collect(),
                "SIGNATURE" | "FREE_SIGNATURE" => String::new(),
                _ => name.clone(),
            };
            let data = if field.text.is_empty() { name.clone() } else { field.text.clone() };
            filled.push(json!({ "fieldId": field.secondary, "field": { "type": field.kind, "data": data } }));
        }
        for field in filled {
            let mut data = self.about(index);
            data.extend(field.as_object().cloned().unwrap_or_default());
            self.note(now, "DOCUMENT_FIELD_INSERTED", Some(index), &data.into());
        }
        let recipient = &mut self.recipients[index];
        (recipient.signing, recipient.signed_at, recipient.sent) = ("SIGNED", Some(now), true);
        let mut data = self.about(index);
        data.insert("actionAuth".to_owned(), json!([]));
        self.note(now, "DOCUMENT_RECIPIENT_COMPLETED", Some(index), &data.into());
        self.updated_at = now;
        if !self.recipients.iter().any(Recipient::is_open) && self.seal_at.is_none() {
            self.seal_at = now.checked_add(delay).ok();
        }
        self.due_mail()
    }

    pub(crate) fn reject(&mut self, index: usize, reason: &str, now: Timestamp, delay: SignedDuration) {
        let recipient = &mut self.recipients[index];
        (recipient.signing, recipient.signed_at) = ("REJECTED", Some(now));
        recipient.reason = Some(reason.to_owned());
        let mut data = self.about(index);
        data.insert("reason".to_owned(), json!(reason));
        self.note(now, "DOCUMENT_RECIPIENT_REJECTED", Some(index), &data.into());
        self.seal_at = self.seal_at.or_else(|| now.checked_add(delay).ok());
    }

    pub(crate) fn is_rejected(&self) -> bool {
        self.recipients.iter().any(|recipient| recipient.signing == "REJECTED")
    }
}

impl Store {
    /// `kept` are the files as they are after processing, with the fields that texts in braces make: page and numbers.
    pub(crate) fn create(
        &mut self,
        team: &str,
        new: NewEnvelope,
        kept: &[super::seal::Kept],
        now: Timestamp,
    ) -> &mut Envelope {
        self.last += 1;
        let items: Vec<_> = new
            .files
            .iter()
            .zip(kept)
            .map(|((name, _), (kept, _))| Item {
                id: format!("envelope_item_{}", ids::letters()),
                data_id: ids::cuid(),
                title: name.clone(),
                kept: kept.clone(),
                sealed: None,
            })
            .collect();
        let (mut recipients, mut fields) = (Vec::new(), Vec::new());
        for wanted in new.recipients {
            self.last_recipient += 1;
            let id = self.last_recipient;
            let copy = wanted.role == "CC";
            recipients.push(Recipient {
                id,
                email: wanted.email.to_lowercase(),
                name: wanted.name,
                token: ids::link_token(),
                role: wanted.role,
                order: wanted.order,
                opened: false,
                sent: copy,
                signing: if copy { "SIGNED" } else { "NOT_SIGNED" },
                signed_at: None,
                expires_at: None,
                notified_at: None,
                reason: None,
            });
            for field in wanted.fields {
                fields.push(self.field(id, field.item, field.kind, field.page, field.numbers, field.meta));
            }
        }
        // Texts in braces make fields for the first recipient, beside the ones asked for.
        if let Some(first) = recipients.first().map(|recipient| recipient.id) {
            for (item, (_, tags)) in kept.iter().enumerate() {
                for (page, numbers) in tags {
                    fields.push(self.field(
                        first,
                        item,
                        "SIGNATURE".to_owned(),
                        f64::from(*page),
                        *numbers,
                        None,
                    ));
                }
            }
        }
        let mut envelope = Envelope {
            number: self.last,
            id: format!("envelope_{}", ids::letters()),
            team: team.to_owned(),
            status: Status::Draft,
            title: new.title.clone(),
            external_id: new.external_id,
            created_at: now,
            updated_at: now,
            completed_at: None,
            deleted_at: None,
            meta: new.meta,
            items,
            recipients,
            fields,
            log: Vec::new(),
            seal_at: None,
            drawn: Vec::new(),
            word: None,
            received: new.files.into_iter().map(|(_, bytes)| bytes).collect(),
            heard: new.heard,
        };
        let data = json!({ "title": new.title, "source": { "type": "DOCUMENT" } });
        envelope.note(now, "DOCUMENT_CREATED", None, &data);
        self.envelopes.entry(self.last).or_insert(envelope)
    }

    pub(crate) fn field(
        &mut self,
        recipient: u64,
        item: usize,
        kind: String,
        page: f64,
        numbers: [f64; 4],
        meta: Option<Value>,
    ) -> Field {
        self.last_field += 1;
        let secondary = ids::cuid();
        Field {
            id: self.last_field,
            secondary,
            item,
            recipient,
            kind,
            page,
            numbers,
            text: String::new(),
            inserted: false,
            meta,
        }
    }

    /// The envelope of this id that the team may see.
    pub(crate) fn of(&mut self, team: &str, id: &str) -> Option<&mut Envelope> {
        self.envelopes.values_mut().find(|envelope| envelope.id == id && envelope.team == team)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Envelope> {
        self.envelopes.values().find(|envelope| envelope.id == id)
    }

    /// Whose signing link it is.
    pub(crate) fn by_token(&mut self, token: &str) -> Option<(&mut Envelope, usize)> {
        self.envelopes.values_mut().find_map(|envelope| {
            let index = envelope.recipients.iter().position(|recipient| recipient.token == token)?;
            Some((envelope, index))
        })
    }
}
