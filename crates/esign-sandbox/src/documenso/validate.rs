//! What a create must look like, with the issues that the real schema names.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::settings::DocumensoSettings;
use crate::ids;

pub(crate) struct NewEnvelope {
    pub(crate) title: String,
    pub(crate) external_id: Option<String>,
    pub(crate) recipients: Vec<NewRecipient>,
    pub(crate) meta: Map<String, Value>,
    pub(crate) files: Vec<(String, Bytes)>,
    pub(crate) heard: String,
}

pub(crate) struct NewRecipient {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) order: Option<u64>,
    pub(crate) fields: Vec<NewField>,
}

pub(crate) struct NewField {
    pub(crate) item: usize,
    pub(crate) kind: String,
    pub(crate) page: f64,
    pub(crate) numbers: [f64; 4],
    pub(crate) meta: Option<Value>,
}

/// A file as it was uploaded.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

pub(crate) enum Refused {
    Issues(Vec<Value>),
    /// HTTP status, code, message, further members.
    Rule(u16, &'static str, String, Value),
}

const LANGUAGES: [&str; 11] = ["de", "en", "fr", "es", "it", "nl", "pl", "pt-BR", "ja", "ko", "zh"];
const ROLES: [&str; 5] = ["CC", "SIGNER", "VIEWER", "APPROVER", "ASSISTANT"];
const KINDS: [&str; 11] = [
    "SIGNATURE",
    "FREE_SIGNATURE",
    "INITIALS",
    "NAME",
    "EMAIL",
    "DATE",
    "TEXT",
    "NUMBER",
    "RADIO",
    "CHECKBOX",
    "DROPDOWN",
];

pub(crate) fn create(
    payload: &str,
    uploads: Vec<Upload>,
    settings: &DocumensoSettings,
) -> Result<NewEnvelope, Refused> {
    let mut issues = Issues::default();
    // Text that is no JSON stays text.
    let value: Value = serde_json::from_str(payload).unwrap_or_else(|_| json!(payload));
    let Some(body) = value.as_object() else {
        issues.wrong_type(&["payload".into()], "object", &value);
        return Err(Refused::Issues(issues.0));
    };
    let at = |name: &str| vec![Value::from("payload"), Value::from(name)];
    let title = issues.text(body.get("title"), &at("title"), 1, 255).trim().to_owned();
    let external_id = body.get("externalId").filter(|v| !v.is_null());
    let external_id = external_id.map(|id| issues.text(Some(id), &at("externalId"), 0, 255));
    let names: Vec<_> = uploads.iter().map(|upload| upload.name.clone()).collect();
    let list = body.get("recipients").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut recipients = Vec::new();
    let mut unknown_file = false;
    let mut action_auth = false;
    for (i, entry) in list.iter().enumerate() {
        let mut path = at("recipients");
        path.push(i.into());
        action_auth |= entry.get("actionAuth").and_then(Value::as_array).is_some_and(|auth| !auth.is_empty());
        recipients.push(recipient(entry, &path, &names, &mut issues, &mut unknown_file));
    }
    let meta = meta(body.get("meta"), &mut issues);
    for (i, upload) in uploads.iter().enumerate() {
        if upload.bytes.len() as u64 > settings.max_file_megabytes * 1_000_000 {
            let message = format!("File cannot be larger than {}MB", settings.max_file_megabytes);
            issues.0.push(json!({ "code": "custom", "message": message, "path": ["files", i] }));
        }
    }
    if !issues.0.is_empty() {
        return Err(Refused::Issues(issues.0));
    }
    let rule = |status, code, message: &str, more| Err(Refused::Rule(status, code, message.to_owned(), more));
    if action_auth {
        return rule(401, "UNAUTHORIZED", "You do not have permission to set the action auth", json!({}));
    }
    if uploads.len() > settings.max_files {
        let message =
            format!("You cannot upload more than {} envelope items per envelope", settings.max_files);
        return rule(400, "ENVELOPE_ITEM_LIMIT_EXCEEDED", &message, json!({ "statusCode": 400 }));
    }
    for upload in &uploads {
        match upload.content_type.as_str() {
            "application/pdf" => {}
            kind if kind.contains("openxmlformats") => {
                let more = json!({
                    "userMessage": "Document conversion isn't enabled on this instance. Please upload a PDF.",
                    "statusCode": 503,
                });
                return rule(
                    400,
                    "CONVERSION_SERVICE_UNAVAILABLE",
                    "Conversion service not configured",
                    more,
                );
            }
            _ => return rule(400, "UNSUPPORTED_FILE_TYPE", "The file type is not supported", json!({})),
        }
    }
    if unknown_file {
        return rule(404, "NOT_FOUND", "The file of a field could not be found", json!({}));
    }
    let files = uploads.into_iter().map(|upload| (upload.name, upload.bytes)).collect();
    Ok(NewEnvelope { title, external_id, recipients, meta, files, heard: payload.to_owned() })
}

fn recipient(
    entry: &Value,
    path: &[Value],
    files: &[String],
    issues: &mut Issues,
    unknown_file: &mut bool,
) -> NewRecipient {
    let at = |name: &str| [path, &[Value::from(name)]].concat();
    let email = issues.text(entry.get("email"), &at("email"), 0, 254);
    if !email.is_empty() && !looks_like_email(&email) {
        let issue = json!({ "validation": "regex", "code": "invalid_string", "message": "Invalid email", "path": at("email") });
        issues.0.push(issue);
    }
    let name = issues.text(entry.get("name"), &at("name"), 0, 255);
    let role = issues.one_of(entry.get("role"), &at("role"), &ROLES).unwrap_or_default();
    let list = entry.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut fields = Vec::new();
    for (i, field) in list.iter().enumerate() {
        let at = |name: &str| [path, &["fields".into(), i.into(), Value::from(name)]].concat();
        let kind = issues.one_of(field.get("type"), &at("type"), &KINDS).unwrap_or_default();
        let page = issues.number(field.get("page"), &at("page"), 1.0, None);
        let numbers = ["positionX", "positionY", "width", "height"]
            .map(|name| issues.number(field.get(name), &at(name), 0.0, Some(100.0)));
        let item = match field.get("identifier") {
            None | Some(Value::Null) => Some(0),
            Some(Value::String(name)) => files.iter().position(|file| file == name),
            Some(index) => {
                index.as_u64().and_then(|index| usize::try_from(index).ok()).filter(|i| *i < files.len())
            }
        };
        *unknown_file |= item.is_none();
        let meta = field.get("fieldMeta").cloned();
        fields.push(NewField { item: item.unwrap_or_default(), kind, page, numbers, meta });
    }
    NewRecipient { email, name, role, order: entry.get("signingOrder").and_then(Value::as_u64), fields }
}

/// One `@`, and a dot behind it.
fn looks_like_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.contains('@') && domain.contains('.') && !text.contains(' ')
    })
}

/// `documentMeta` as it is stored: everything has a default.
fn meta(given: Option<&Value>, issues: &mut Issues) -> Map<String, Value> {
    let mails = [
        "recipientSigningRequest",
        "recipientRemoved",
        "recipientSigned",
        "documentPending",
        "documentCompleted",
        "documentDeleted",
        "ownerDocumentCompleted",
        "ownerRecipientExpired",
        "ownerDocumentCreated",
    ];
    let all: Map<_, _> = mails.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
    let mut meta = json!({
        "signingOrder": "PARALLEL",
        "distributionMethod": "EMAIL",
        "id": ids::cuid(),
        "subject": null,
        "message": null,
        "timezone": "Etc/UTC",
        "dateFormat": "yyyy-MM-dd hh:mm a",
        "redirectUrl": null,
        "typedSignatureEnabled": true,
        "uploadSignatureEnabled": true,
        "drawSignatureEnabled": true,
        "allowDictateNextSigner": false,
        "language": "en",
        "emailSettings": all,
        "emailId": null,
        "emailReplyTo": null,
        "envelopeExpirationPeriod": { "unit": "month", "amount": 3 },
    });
    let Some(given) = given.and_then(Value::as_object) else {
        return meta.as_object().cloned().unwrap_or_default();
    };
    let at = |name: &str| vec![Value::from("payload"), "meta".into(), name.into()];
    for (name, words) in [
        ("language", &LANGUAGES[..]),
        ("signingOrder", &["PARALLEL", "SEQUENTIAL"]),
        ("distributionMethod", &["EMAIL", "NONE"]),
    ] {
        if let Some(value) = given.get(name) {
            issues.one_of(Some(value), &at(name), words);
        }
    }
    for (name, most) in [("subject", 254), ("message", 5000)] {
        if let Some(value) = given.get(name) {
            issues.text(Some(value), &at(name), 0, most);
        }
    }
    if let Some(period) = given.get("envelopeExpirationPeriod") {
        issues.period(period, &at("envelopeExpirationPeriod"));
    }
    if let Some(target) = meta.as_object_mut() {
        // Keys that nobody knows are ignored.
        let known = given.iter().filter(|(name, _)| target.contains_key(*name) && name.as_str() != "id");
        let known: Vec<_> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in known {
            match (target.get_mut(&name).and_then(Value::as_object_mut), value.as_object()) {
                (Some(settings), Some(changes)) if name == "emailSettings" => {
                    settings.extend(changes.clone())
                }
                _ => {
                    target.insert(name, value);
                }
            }
        }
    }
    meta.as_object().cloned().unwrap_or_default()
}

/// Issues as zod words them.
#[derive(Default)]
pub(crate) struct Issues(pub(crate) Vec<Value>);

impl Issues {
    pub(crate) fn wrong_type(&mut self, path: &[Value], expected: &str, value: &Value) {
        let received = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let mut capital = expected.to_owned();
        if let Some(first) = capital.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let message = format!("Expected {expected}, received {received}");
        self.0.push(json!({
            "code": "invalid_type", "expected": expected, "received": received, "path": path, "message": message,
        }));
    }

    fn missing(&mut self, path: &[Value], expected: &str) {
        self.0.push(json!({
            "code": "invalid_type", "expected": expected, "received": "undefined", "path": path, "message": "Required",
        }));
    }

    pub(crate) fn text(
        &mut self,
        value: Option<&Value>,
        path: &[Value],
        least: usize,
        most: usize,
    ) -> String {
        let text = match value {
            None => {
                self.missing(path, "string");
                return String::new();
            }
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                self.wrong_type(path, "string", other);
                return String::new();
            }
        };
        let chars = text.trim().chars().count();
        if chars < least {
            self.0.push(json!({
                "code": "too_small", "minimum": least, "type": "string", "inclusive": true, "exact": false,
                "message": format!("String must contain at least {least} character(s)"), "path": path,
            }));
        } else if chars > most {
            self.0.push(json!({
                "code": "too_big", "maximum": most, "type": "string", "inclusive": true, "exact": false,
                "message": format!("String must contain at most {most} character(s)"), "path": path,
            }));
        }
        text
    }

    fn number(&mut self, value: Option<&Value>, path: &[Value], least: f64, most: Option<f64>) -> f64 {
        let number = match value {
            None => {
                self.missing(path, "number");
                return 0.0;
            }
            Some(value) => match value.as_f64() {
                Some(number) => number,
                None => {
                    self.wrong_type(path, "number", value);
                    return 0.0;
                }
            },
        };
        if number < least {
            self.0.push(json!({
                "code": "too_small", "minimum": least as i64, "type": "number", "inclusive": true, "exact": false,
                "message": format!("Number must be greater than or equal to {least}"), "path": path,
            }));
        } else if let Some(most) = most.filter(|most| number > *most) {
            self.0.push(json!({
                "code": "too_big", "maximum": most as i64, "type": "number", "inclusive": true, "exact": false,
                "message": format!("Number must be less than or equal to {most}"), "path": path,
            }));
        }
        number
    }

    fn one_of(&mut self, value: Option<&Value>, path: &[Value], words: &[&str]) -> Option<String> {
        let list = || words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" | ");
        match value {
            None => {
                let expected = list();
                self.missing(path, &expected);
                None
            }
            Some(Value::String(word)) if words.contains(&word.as_str()) => Some(word.clone()),
            Some(other) => {
                let word = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                let message = format!("Invalid enum value. Expected {}, received '{word}'", list());
                self.0.push(json!({
                    "received": word, "code": "invalid_enum_value", "options": words, "path": path, "message": message,
                }));
                None
            }
        }
    }

    fn period(&mut self, period: &Value, path: &[Value]) {
        let units = ["day", "week", "month", "year"];
        let unit = period.get("unit").and_then(Value::as_str).unwrap_or_default();
        let whole = period.get("amount").and_then(Value::as_u64).is_some_and(|amount| amount >= 1);
        if period.get("disabled") == Some(&json!(true)) || (units.contains(&unit) && whole) {
            return;
        }
        let mut inner = Self::default();
        inner.one_of(period.get("unit"), &[path, &["unit".into()]].concat(), &units);
        inner.number(period.get("amount"), &[path, &["amount".into()]].concat(), 1.0, None);
        let disabled = [path, &["disabled".into()]].concat();
        let literal = json!({
            "code": "invalid_literal", "expected": true, "path": disabled,
            "message": "Invalid literal value, expected true",
        });
        let unions = json!([
            { "issues": inner.0, "name": "ZodError" },
            { "issues": [literal], "name": "ZodError" },
        ]);
        self.0.push(json!({ "code": "invalid_union", "unionErrors": unions, "path": path, "message": "Invalid input" }));
    }
}
