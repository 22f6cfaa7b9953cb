//! Wishes that only Signicat understands, in Signicat's own names (`daysToLive`).

use std::collections::BTreeMap;

use esign_core::{ProviderKind, ProviderOption};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::MailText;
use crate::order::{
    Authentication, Dialog, Form, Notification, NotificationTemplateParams, SignatureMethod, Subject,
};

/// Options of a request for Signicat: what the neutral request does not say.
///
/// Fields of [`TaskOptions`] hold for every signer, `signers` says otherwise for one. All of them lie over the settings
/// of the instance.
///
/// ```
/// let options: esign_signicat::SignicatOptions = toml::from_str(r#"
///     profile = "default"
///     daysToLive = 7
///     daysUntilDeletion = 7
///     signatureMethods = [{ name = "nbid-sign", type = "SIGNED_STATEMENT" }]
///     [signers.landlord]
///     signatureMethods = [{ handwritten = true }]
/// "#).unwrap();
/// assert_eq!(options.task.days_to_live, Some(7));
/// assert!(toml::from_str::<esign_signicat::SignicatOptions>("dayToLive = 7").is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct SignicatOptions {
    /// For every signer.
    #[serde(flatten)]
    pub task: TaskOptions,
    /// For the order as a whole.
    #[serde(flatten)]
    pub order: OrderOptions,
}

/// For the order as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderOptions {
    /// The request's own messages are templates: `${taskUrl}` in them is replaced. Without this `${` is refused there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub template: bool,
    /// For single signers, by their key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signers: BTreeMap<String, TaskOptions>,
    /// For single documents, by their key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<String, DocumentOptions>,
    /// Sent when the order has completed. Addresses that are called get our reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order_notifications: Vec<Notification>,
    /// Looks of notifications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notification_template_params: Vec<NotificationTemplateParams>,
    /// Days after the end of the last task's life until everything is deleted, 1 to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_until_deletion: Option<u32>,
    /// What is made of the signatures.
    #[serde(default)]
    pub packaging: PackagingOptions,
}

/// For one signer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskOptions {
    /// Graphical profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A signing-interface configuration that Signicat has set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Days from creation until the task expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_to_live: Option<u32>,
    /// How to sign; of several the signer chooses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signature_methods: Vec<SignatureMethod>,
    /// Log-in before the documents are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Shown before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Dialog>,
    /// Shown and kept for signed statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_text: Option<String>,
    /// Who must sign, beside the neutral identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Further notifications of the task. Addresses that are called get our reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
    /// The texts of the e-mail that invites the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<MailText>,
    /// Documents that the signer brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<UploadOptions>,
    /// In place of the neutral return address; `${requestId}` and `${taskId}` are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_task_complete: Option<String>,
    /// As `onTaskComplete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_task_reject: Option<String>,
    /// As `onTaskComplete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_task_postpone: Option<String>,
}

/// A document that the signer brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadOptions {
    /// Shown to the signer.
    pub description: String,
}

/// For one document, in every task that has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DocumentOptions {
    /// The caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// The document's part of the text that is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_text_entry: Option<String>,
    /// Keep the evidence in the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_result_to_archive: Option<bool>,
    /// To be filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// What is made of the signatures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackagingOptions {
    /// In place of the instance's `packaging_layout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<PackagingLayout>,
    /// In place of the instance's `packaging_method`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// In place of the instance's `archive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_to_archive: Option<bool>,
    /// Of every packaging task. Texts are sent as they are: nothing is replaced in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notification>,
}

/// Which documents go into one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PackagingLayout {
    /// One file per document, over all tasks that sign it.
    #[default]
    PerDocument,
    /// One file over everything.
    Together,
    /// No file: only the evidence of each signer comes back.
    None,
}

impl ProviderOption for SignicatOptions {
    const KIND: ProviderKind = crate::KIND;
}

/// The fields of [`OrderOptions`]; every other one must be a [`TaskOptions`] field.
const ORDER_FIELDS: [&str; 7] = [
    "template",
    "signers",
    "documents",
    "orderNotifications",
    "notificationTemplateParams",
    "daysUntilDeletion",
    "packaging",
];

impl TryFrom<Map<String, Value>> for SignicatOptions {
    type Error = serde_json::Error;

    fn try_from(fields: Map<String, Value>) -> Result<Self, Self::Error> {
        let (order, task): (Map<_, _>, Map<_, _>) =
            fields.into_iter().partition(|(name, _)| ORDER_FIELDS.contains(&name.as_str()));
        Ok(Self {
            task: serde_json::from_value(Value::Object(task))?,
            order: serde_json::from_value(Value::Object(order))?,
        })
    }
}

impl SignicatOptions {
    /// What holds for this signer.
    pub(crate) fn for_signer(&self, key: &str) -> TaskOptions {
        match self.order.signers.get(key) {
            Some(own) => own.over(&self.task),
            None => self.task.clone(),
        }
    }
}

impl TaskOptions {
    /// These where they say something, else those.
    fn over(&self, base: &Self) -> Self {
        fn one<T: Clone>(own: &Option<T>, base: &Option<T>) -> Option<T> {
            own.clone().or_else(|| base.clone())
        }
        fn many<T: Clone>(own: &[T], base: &[T]) -> Vec<T> {
            if own.is_empty() { base.to_vec() } else { own.to_vec() }
        }
        Self {
            profile: one(&self.profile, &base.profile),
            configuration: one(&self.configuration, &base.configuration),
            days_to_live: one(&self.days_to_live, &base.days_to_live),
            signature_methods: many(&self.signature_methods, &base.signature_methods),
            authentication: one(&self.authentication, &base.authentication),
            dialog: one(&self.dialog, &base.dialog),
            sign_text: one(&self.sign_text, &base.sign_text),
            subject: one(&self.subject, &base.subject),
            notifications: many(&self.notifications, &base.notifications),
            email: one(&self.email, &base.email),
            uploads: many(&self.uploads, &base.uploads),
            on_task_complete: one(&self.on_task_complete, &base.on_task_complete),
            on_task_reject: one(&self.on_task_reject, &base.on_task_reject),
            on_task_postpone: one(&self.on_task_postpone, &base.on_task_postpone),
        }
    }
}

#[cfg(test)]
mod tests {
    use esign_core::ProviderOptions;

    use super::*;

    #[test]
    fn options_come_back_as_they_were_stored_and_typos_are_named() {
        let mut options = SignicatOptions::default();
        options.task.profile = Some("default".to_owned());
        options.order.days_until_deletion = Some(7);
        let own = TaskOptions { days_to_live: Some(3), ..TaskOptions::default() };
        options.order.signers.insert("landlord".to_owned(), own);
        let mut stored = ProviderOptions::default();
        stored.insert(&options).unwrap();
        assert_eq!(stored.get::<SignicatOptions>().unwrap(), Some(options.clone()));
        let landlord = options.for_signer("landlord");
        assert_eq!((landlord.days_to_live, landlord.profile.as_deref()), (Some(3), Some("default")));

        for typo in [
            r#"{"signicat":{"daysToLife":1}}"#,
            r#"{"signicat":{"signers":{"a":{"daysToLife":1}}}}"#,
            r#"{"signicat":{"packaging":{"x":1}}}"#,
            r#"{"signicat":{"days_to_live":1}}"#,
        ] {
            let stored: ProviderOptions = serde_json::from_str(typo).unwrap();
            let error = stored.get::<SignicatOptions>().unwrap_err();
            assert!(error.message().contains("unknown field"), "{error}");
        }
    }
}
