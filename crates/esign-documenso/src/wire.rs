//! Documenso's JSON (spec 3) and its tolerances (spec 7). Nothing here is public or printed: answers hold signing links and
//! people's names.

use esign_core::jiff::Timestamp;
use esign_core::{Decimal, Error, ErrorKind, Personal, Result, SecretUrl};
use esign_http::if_it_fits;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use url::Url;

use crate::types::{
    Distributed, Envelope, EnvelopeId, EnvelopeStatus, Field, Item, NewEnvelope, NewField, NewRecipient,
    Recipient, RecipientRole, SigningStatus,
};

/// The nine switches of `emailSettings`: those of recipients, then those of the token's user.
const RECIPIENT_MAILS: [&str; 6] = [
    "recipientSigningRequest",
    "recipientRemoved",
    "recipientSigned",
    "documentPending",
    "documentCompleted",
    "documentDeleted",
];
const OWNER_MAILS: [&str; 3] = ["ownerDocumentCompleted", "ownerRecipientExpired", "ownerDocumentCreated"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    external_id: &'a str,
    recipients: Vec<RecipientPart<'a>>,
    meta: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecipientPart<'a> {
    email: &'a str,
    name: &'a str,
    role: &'a RecipientRole,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_order: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldPart<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldPart<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    /// The index: two files may have one name.
    identifier: usize,
    page: u32,
    position_x: Box<RawValue>,
    position_y: Box<RawValue>,
    width: Box<RawValue>,
    height: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_meta: Option<&'a Value>,
}

/// The part `payload` of a create.
pub(crate) fn payload(new: &NewEnvelope) -> Result<String> {
    let recipients = new.recipients.iter().map(recipient).collect::<Result<Vec<_>>>()?;
    let payload = Payload {
        kind: "DOCUMENT",
        title: &new.title,
        external_id: &new.external_id,
        recipients,
        meta: meta(new),
    };
    serde_json::to_string(&payload)
        .map_err(|_| Error::new(ErrorKind::Internal, "the payload of the request has no JSON form"))
}

fn recipient(new: &NewRecipient) -> Result<RecipientPart<'_>> {
    Ok(RecipientPart {
        email: new.email.as_ref().map_or("", Personal::expose),
        name: new.name.as_ref().map_or("", Personal::expose),
        role: &new.role,
        signing_order: new.order,
        fields: new.fields.iter().map(field).collect::<Result<Vec<_>>>()?,
    })
}

fn field(new: &NewField) -> Result<FieldPart<'_>> {
    let number = |digits: &Decimal| {
        RawValue::from_string(digits.as_str().to_owned())
            .map_err(|_| Error::new(ErrorKind::InvalidRequest, "a coordinate is not a JSON number"))
    };
    Ok(FieldPart {
        kind: new.kind,
        identifier: new.file,
        page: new.page,
        position_x: number(&new.x)?,
        position_y: number(&new.y)?,
        width: number(&new.width)?,
        height: number(&new.height)?,
        field_meta: new.meta.as_ref(),
    })
}

fn meta(new: &NewEnvelope) -> Map<String, Value> {
    let mut meta = new.meta.clone();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            meta.insert(name.to_owned(), value);
        }
    };
    set("distributionMethod", Some(json!(if new.by_email { "EMAIL" } else { "NONE" })));
    set("signingOrder", Some(json!(if new.sequential { "SEQUENTIAL" } else { "PARALLEL" })));
    set("subject", new.subject.as_ref().map(|text| json!(text.expose())));
    set("message", new.message.as_ref().map(|text| json!(text.expose())));
    set("redirectUrl", new.redirect_url.as_ref().map(|url| json!(url.as_str())));
    set("language", new.language.as_ref().map(|language| json!(language)));
    let days = |days: u64| json!({ "unit": "day", "amount": days });
    set("envelopeExpirationPeriod", new.expires_in_days.map(days));
    let recipients = RECIPIENT_MAILS.map(|name| (name, new.by_email));
    let owner = OWNER_MAILS.map(|name| (name, new.owner_mails));
    let mails = recipients.into_iter().chain(owner).map(|(name, on)| (name.to_owned(), json!(on)));
    set("emailSettings", Some(mails.collect::<Map<_, _>>().into()));
    meta
}

/// The answer to a create.
#[derive(Deserialize)]
pub(crate) struct CreatedBody {
    pub(crate) id: EnvelopeId,
}

/// The answer to distributing, and to distributing again.
#[derive(Deserialize)]
pub(crate) struct DistributedBody {
    recipients: Vec<DistributedPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DistributedPart {
    id: u64,
    #[serde(default, deserialize_with = "if_it_fits")]
    signing_url: Option<Url>,
}

impl DistributedBody {
    pub(crate) fn into_links(self) -> Vec<Distributed> {
        let link = |part: DistributedPart| Distributed {
            recipient: part.id,
            url: part.signing_url.filter(Url::has_host).map(SecretUrl::new),
        };
        self.recipients.into_iter().map(link).collect()
    }
}

/// An envelope, whole or as an entry of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvelopeBody {
    id: EnvelopeId,
    status: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    external_id: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    title: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "if_it_fits")]
    deleted_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "if_it_fits")]
    document_meta: Option<MetaBody>,
    recipients: Vec<RecipientBody>,
    #[serde(default)]
    fields: Vec<FieldBody>,
    #[serde(default)]
    envelope_items: Vec<ItemBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaBody {
    #[serde(default, deserialize_with = "if_it_fits")]
    signing_order: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecipientBody {
    id: u64,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    token: Option<String>,
    role: RecipientRole,
    #[serde(default, deserialize_with = "if_it_fits")]
    signing_order: Option<u32>,
    signing_status: String,
    #[serde(default, deserialize_with = "if_it_fits")]
    signed_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "if_it_fits")]
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldBody {
    #[serde(rename = "type")]
    kind: String,
    recipient_id: u64,
}

#[derive(Deserialize)]
struct ItemBody {
    id: String,
    order: u32,
}

impl EnvelopeBody {
    pub(crate) fn into_envelope(self) -> Envelope {
        let mut items: Vec<_> =
            self.envelope_items.into_iter().map(|ItemBody { id, order }| Item { id, order }).collect();
        items.sort_by_key(|item| item.order);
        let field = |FieldBody { kind, recipient_id }| Field { kind, recipient: recipient_id };
        Envelope {
            id: self.id,
            status: EnvelopeStatus::read(&self.status),
            external_id: self.external_id,
            title: self.title.unwrap_or_default(),
            created_at: self.created_at,
            deleted_at: self.deleted_at,
            sequential: self.document_meta.is_some_and(|m| m.signing_order.as_deref() == Some("SEQUENTIAL")),
            recipients: self.recipients.into_iter().map(RecipientBody::into_recipient).collect(),
            fields: self.fields.into_iter().map(field).collect(),
            items,
        }
    }
}

impl RecipientBody {
    fn into_recipient(self) -> Recipient {
        Recipient {
            id: self.id,
            email: self.email.into(),
            name: self.name.into(),
            token: self.token.filter(|token| !token.is_empty()).map(Personal::from),
            role: self.role,
            order: self.signing_order,
            status: match self.signing_status.as_str() {
                "NOT_SIGNED" => SigningStatus::NotSigned,
                "SIGNED" => SigningStatus::Signed,
                "REJECTED" => SigningStatus::Rejected,
                _ => SigningStatus::Other,
            },
            signed_at: self.signed_at,
            expires_at: self.expires_at,
        }
    }
}

/// A page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageBody<T> {
    pub(crate) data: Vec<T>,
    pub(crate) total_pages: u32,
}

/// What a webhook says, as far as it is of use: the rest holds live signing tokens.
#[derive(Deserialize)]
pub(crate) struct WebhookBody {
    pub(crate) event: String,
    pub(crate) payload: WebhookPayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookPayload {
    #[serde(default, deserialize_with = "if_it_fits")]
    pub(crate) envelope_id: Option<String>,
    #[serde(default, deserialize_with = "if_it_fits")]
    pub(crate) external_id: Option<String>,
}
