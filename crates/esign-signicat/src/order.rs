//! A signing order in Signicat's own nouns (spec 3.3, 3.4). Their JSON is the API's: options of a request are written with
//! the same names. What is absent is left out, never sent as null.

use std::fmt;
use std::str::FromStr;

use esign_core::{Error, Personal, Result};
use serde::{Deserialize, Serialize};

/// The body of `POST /orders`. Made with `..Default::default()`, checked by
/// [`SignicatClient::create_order`](crate::SignicatClient::create_order).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningOrder {
    /// The caller's own reference, 1 to 255 characters: echoed, not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_reference: Option<String>,
    /// One per signer, at least one.
    pub tasks: Vec<Task>,
    /// Sent when the order has completed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
    /// Days after the end of the last task's life until everything is deleted, 1 to 30; archived documents stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_until_deletion: Option<u32>,
    /// What is made of the signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packaging_tasks: Vec<PackagingTask>,
    /// Looks of notifications.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notification_template_params: Vec<NotificationTemplateParams>,
}

/// What one signer does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The caller's, unique in the order; part of addresses.
    pub id: String,
    /// Graphical profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Of the signing pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Days from creation until the task expires, at least 1; the largest number is not documented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_to_live: Option<u32>,
    /// A signing-interface configuration that Signicat has set up for the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// What is signed, viewed or uploaded, at least one.
    pub documents: Vec<TaskDocument>,
    /// How to sign; of several the signer chooses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_methods: Vec<SignatureMethod>,
    /// Log-in before the documents are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Where the browser goes when the signer puts it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_task_postpone: Option<String>,
    /// Where the browser goes when the task is completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_task_complete: Option<String>,
    /// Where the browser goes when the signer rejects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_task_reject: Option<String>,
    /// Shown before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Dialog>,
    /// Sent when something happens to the task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
    /// Shown and kept for signed statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_text: Option<String>,
    /// Who must sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Tasks that must be completed first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on_tasks: Vec<String>,
}

/// The language of the signing pages: the fifteen of the guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Language {
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

impl Language {
    /// Every language, with its code.
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::Ca, "ca"),
        (Self::Da, "da"),
        (Self::Nl, "nl"),
        (Self::En, "en"),
        (Self::Et, "et"),
        (Self::Fo, "fo"),
        (Self::Fi, "fi"),
        (Self::Fr, "fr"),
        (Self::De, "de"),
        (Self::Kl, "kl"),
        (Self::It, "it"),
        (Self::Nb, "nb"),
        (Self::Nn, "nn"),
        (Self::Es, "es"),
        (Self::Sv, "sv"),
    ];
}

impl FromStr for Language {
    type Err = Error;

    /// In any case: `nb`, `NB`.
    fn from_str(code: &str) -> Result<Self> {
        if let Some((language, _)) = Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(code)) {
            return Ok(*language);
        }
        let known: Vec<_> = Self::ALL.iter().map(|(_, code)| *code).collect();
        let hint =
            if code.eq_ignore_ascii_case("no") { "; Norwegian is nb (Bokmål) or nn (Nynorsk)" } else { "" };
        Err(Error::invalid("language", format!("not one of {}{hint}", known.join(", "))))
    }
}

/// A document within a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDocument {
    /// The caller's, unique in the task; part of addresses.
    pub id: String,
    /// Shown to the signer, and part of statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is done with it.
    pub action: Action,
    /// Where it comes from.
    pub source: Source,
    /// The id that the upload gave, with [`Source::Session`]. The same one may be used in several tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_ref: Option<String>,
    /// The caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// The document's part of the text that is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_text_entry: Option<String>,
    /// Keep what was signed in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_result_to_archive: Option<bool>,
    /// To be filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

impl TaskDocument {
    /// A document from session storage, to sign or to view.
    #[must_use]
    pub fn stored(id: impl Into<String>, action: Action, document_ref: impl Into<String>) -> Self {
        Self { document_ref: Some(document_ref.into()), ..Self::empty(id.into(), action, Source::Session) }
    }

    /// A document that the signer brings.
    #[must_use]
    pub fn upload(id: impl Into<String>) -> Self {
        Self::empty(id.into(), Action::Upload, Source::Upload)
    }

    fn empty(id: String, action: Action, source: Source) -> Self {
        Self {
            id,
            description: None,
            action,
            source,
            document_ref: None,
            external_reference: None,
            sign_text_entry: None,
            send_result_to_archive: None,
            form: None,
        }
    }
}

/// What a signer does with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Action {
    Sign,
    View,
    Upload,
}

/// Where a document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Source {
    /// Session storage: it was uploaded before the order.
    Session,
    /// The signer.
    Upload,
}

/// A form in a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Form {
    /// The signer may fill it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactive: Option<bool>,
    /// What is filled in already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_params: Vec<NameValue>,
}

/// A field of a form. `Debug` hides the value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct NameValue {
    pub name: String,
    pub value: Personal,
}

/// A way to sign. One without a name must be handwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureMethod {
    /// As Signicat has configured it for the customer: `nbid-sign`, `scid-sms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What kind of signature it makes. The name does not tell.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MethodType>,
    /// The signer draws, alone or after the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handwritten: Option<bool>,
}

/// What kind of signature a method makes (spec 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MethodType {
    /// The signer consents and authenticates; Signicat seals the proof.
    AuthenticationBased,
    /// The signer's eID signs a statement that names the documents.
    SignedStatement,
    /// The signer's eID signs the document.
    ThirdParty,
}

/// Log-in before the documents are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// As Signicat has configured them for the customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// The order's answer has a single-use token that logs the signer in, for about 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<bool>,
}

/// Shown to the signer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Dialog {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Who must sign. `Debug` shows no value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The caller's own id of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Personal>,
    /// What is checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<SubjectAttribute>,
}

/// Something about a person that a signature method can check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectAttribute {
    /// `national-id` is the only one seen.
    pub name: String,
    /// Required; the live service refuses an attribute without.
    pub value: Personal,
    /// The signature methods that check it; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
}

/// A message that Signicat sends: of an order (without schedule), a task or a packaging task. `Debug` hides the recipient.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// The caller's. In options it may be left empty; a number is put in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// How.
    #[serde(rename = "type")]
    pub kind: NotificationType,
    /// An e-mail address, a phone number with `+` and country code, or an address that is called.
    pub recipient: Personal,
    /// Who it is from. E-mail may be from Signicat's own address all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The subject of an e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text; `${…}` is replaced, but not in packaging notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When; not for an order's, which are sent at its completion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule: Vec<Schedule>,
}

impl Notification {
    /// A notification without texts and schedule.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: NotificationType, recipient: impl Into<Personal>) -> Self {
        Self {
            id: id.into(),
            kind,
            recipient: recipient.into(),
            sender: None,
            header: None,
            message: None,
            schedule: Vec::new(),
        }
    }

    /// Sent as soon as this happens.
    #[must_use]
    pub fn at(mut self, trigger: Trigger) -> Self {
        self.schedule.push(Schedule { trigger_status: trigger, delay: None });
        self
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// How a notification travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum NotificationType {
    /// Text message.
    Sms,
    /// E-mail.
    Email,
    /// A call to an address; Signicat must have enabled it for the customer.
    Url,
}

/// When a notification is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// What must have happened.
    pub trigger_status: Trigger,
    /// How long after; not for packaging tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
}

/// What a notification waits for. Packaging tasks know the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum Trigger {
    Created,
    Completed,
    Rejected,
    Expired,
    Forwarded,
    Started,
}

/// A delay; its parts add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Delay {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// Makes one file of signatures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackagingTask {
    /// The caller's, unique among packaging tasks; part of addresses.
    pub id: String,
    /// `pades` for a sealed PDF; further names are the customer's own.
    pub method: String,
    /// Keep the file in the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_to_archive: Option<bool>,
    /// What goes in.
    pub documents: Vec<PackagedDocuments>,
    /// Sent when something happens to the packaging task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
}

/// Documents of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PackagedDocuments {
    pub task_id: String,
    pub document_ids: Vec<String>,
}

/// The look of a notification. How a notification refers to it is not documented; seen in one client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct NotificationTemplateParams {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_by_code_and_norwegian_is_pointed_out() {
        for (language, code) in Language::ALL {
            assert_eq!(code.parse::<Language>().unwrap(), language);
            assert_eq!(serde_json::to_value(language).unwrap(), code);
        }
        assert!("no".parse::<Language>().unwrap_err().message().contains("nb (Bokmål)"));
        assert!(!"xx".parse::<Language>().unwrap_err().message().contains("Bokmål"));
    }
}
