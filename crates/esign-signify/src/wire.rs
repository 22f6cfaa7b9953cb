//! Signify's JSON (spec 3), and its tolerances (spec 7.2). Nothing here is public, and nothing that is read here can be
//! printed: answers hold links and people's names.

use std::fmt;
use std::time::Duration;

use esign_core::jiff::Timestamp;
use esign_core::{CompletedSignature, Error, ErrorKind, Personal, Result, SecretUrl};
use esign_http::Answer;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::types::{
    DocumentDetails, DocumentId, DocumentLink, DocumentStatus, DocumentSummary, Invitation, Mode, Recipient,
    RequiredSignature,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecipientBody<'a> {
    email: &'a str,
    required_signatures: Vec<SignatureBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_message: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkBody {
    required_signatures: Vec<SignatureBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignatureBody {
    page: u32,
    position_x: Box<RawValue>,
    position_y: Box<RawValue>,
}

/// The field `recipients`.
pub(crate) fn recipients(recipients: &[Recipient]) -> Result<String> {
    let recipients = recipients.iter().map(|recipient| {
        Ok(RecipientBody {
            email: recipient.email.expose(),
            required_signatures: signatures(&recipient.signatures)?,
            custom_message: recipient.message.as_deref().filter(|message| !message.is_empty()),
        })
    });
    json(&recipients.collect::<Result<Vec<_>>>()?)
}

/// The field `totalSignaturesByLink`: an array of exactly one.
pub(crate) fn total_signatures_by_link(places: &[RequiredSignature]) -> Result<String> {
    json(&[LinkBody { required_signatures: signatures(places)? }])
}

fn signatures(places: &[RequiredSignature]) -> Result<Vec<SignatureBody>> {
    let number = |digits: &str| {
        RawValue::from_string(digits.to_owned())
            .map_err(|_| Error::new(ErrorKind::InvalidRequest, "a coordinate is not a JSON number"))
    };
    let body = |place: &RequiredSignature| {
        let (position_x, position_y) = (number(place.x.as_str())?, number(place.y.as_str())?);
        Ok(SignatureBody { page: place.page, position_x, position_y })
    };
    places.iter().map(body).collect()
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|_| Error::new(ErrorKind::Internal, "a field of the request has no JSON form"))
}

/// The answer to a create, in both modes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedBody {
    document_id: Id,
    #[serde(default)]
    signing_links: Option<Vec<LinkEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkEntry {
    #[serde(default)]
    signing_link: Option<Text>,
    #[serde(default)]
    total_signatures: Option<Count>,
}

impl CreatedBody {
    pub(crate) fn into_created(self) -> crate::Created {
        let links = self.signing_links.unwrap_or_default().into_iter().filter_map(|entry| {
            let url = entry.signing_link.and_then(Text::into_link)?;
            Some(crate::SigningLink { url, total: entry.total_signatures.and_then(|c| c.0) })
        });
        crate::Created { id: self.document_id.into(), links: links.collect() }
    }
}

/// Whether a DELETE was answered as the guide documents it: `{"message":"Document deleted"}`.
///
/// # Errors
/// [`ErrorKind::UnexpectedAnswer`] if not: nothing is known then.
pub(crate) fn is_deleted(answer: &Answer) -> Result<()> {
    #[derive(Deserialize)]
    struct DeletedBody {
        message: String,
    }
    let body: DeletedBody = answer.json()?;
    if body.message.trim().eq_ignore_ascii_case("Document deleted") {
        return Ok(());
    }
    Err(answer.unexpected("the answer to the deletion is not the documented one"))
}

/// An entry of the list; also the larger part of a single document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryBody {
    id: Id,
    #[serde(default)]
    document_name: Option<Text>,
    status: String,
    #[serde(default)]
    document_mode: Option<Text>,
    #[serde(default)]
    created_at: Option<Text>,
    #[serde(default)]
    expires_at: Option<Text>,
}

impl SummaryBody {
    pub(crate) fn into_summary(self) -> DocumentSummary {
        DocumentSummary {
            id: self.id.into(),
            name: self.document_name.and_then(|name| name.0).unwrap_or_default(),
            status: status(self.status),
            mode: match self.document_mode.and_then(|mode| mode.0).as_deref() {
                Some("email") => Some(Mode::Email),
                Some("link") => Some(Mode::Link),
                Some(_) | None => None,
            },
            created_at: self.created_at.and_then(Text::into_time),
            expires_at: self.expires_at.and_then(Text::into_time),
        }
    }
}

/// A single document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DetailsBody {
    #[serde(flatten)]
    summary: SummaryBody,
    #[serde(default)]
    document_url: Option<Text>,
    #[serde(default)]
    signing_invitations: Option<Vec<InvitationBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvitationBody {
    #[serde(default)]
    signatory: Option<Text>,
    #[serde(default)]
    signing_link: Option<Text>,
    #[serde(default)]
    total_signatures: Option<Count>,
    #[serde(default)]
    status: Option<Text>,
    #[serde(default)]
    completed_signatures: Option<Vec<CompletedBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompletedBody {
    #[serde(default)]
    name: Option<Text>,
    /// With a capital S on the wire.
    #[serde(default, alias = "timestamp")]
    time_stamp: Option<Text>,
}

impl DetailsBody {
    pub(crate) fn into_details(self, asked_at: Duration) -> DocumentDetails {
        let invitations = self.signing_invitations.unwrap_or_default().into_iter().map(|body| Invitation {
            // Addresses in answers are not checked: a sample of the guide has one without an @.
            signatory: body.signatory.and_then(|text| text.0).map(Personal::new),
            link: body.signing_link.and_then(Text::into_link),
            total: body.total_signatures.and_then(|count| count.0),
            status: status(body.status.and_then(|word| word.0).unwrap_or_default()),
            completed: body
                .completed_signatures
                .unwrap_or_default()
                .into_iter()
                .map(|completed| CompletedSignature {
                    name: completed.name.and_then(|text| text.0).map(Personal::new),
                    at: completed.time_stamp.and_then(Text::into_time),
                })
                .collect(),
        });
        DocumentDetails {
            summary: self.summary.into_summary(),
            link: self.document_url.and_then(Text::into_link).map(|url| DocumentLink { url, asked_at }),
            invitations: invitations.collect(),
        }
    }
}

/// Kept as it is where it is not known; never taken for a draft.
fn status(word: String) -> DocumentStatus {
    match word.as_str() {
        "draft" => DocumentStatus::Draft,
        "signed" => DocumentStatus::Signed,
        _ => DocumentStatus::Unknown(word),
    }
}

/// An identifier: a number in some answers, text in others, for the same document.
struct Id(String);

impl From<Id> for DocumentId {
    fn from(id: Id) -> Self {
        Self(id.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;

        impl Visitor<'_> for NumberOrText {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a text that is not empty")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                let usable = !text.is_empty() && text.len() <= 200 && !matches!(text, "." | "..");
                if usable { Ok(Id(text.to_owned())) } else { Err(E::custom("an unusable id")) }
            }
        }

        deserializer.deserialize_any(NumberOrText)
    }
}

/// A text, or nothing where there is something else: no optional field is worth failing for.
struct Text(Option<String>);

impl Text {
    fn into_time(self) -> Option<Timestamp> {
        self.0?.parse().ok()
    }

    fn into_link(self) -> Option<SecretUrl> {
        SecretUrl::for_browser(&self.0?)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) => Self(Some(text)),
            _ => Self(None),
        })
    }
}

/// A whole number, also written as text; or nothing.
struct Count(Option<u32>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        Ok(Self(number.and_then(|number| u32::try_from(number).ok())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    fn details(body: &str) -> DocumentDetails {
        serde_json::from_str::<DetailsBody>(body).unwrap().into_details(Duration::ZERO)
    }

    #[test]
    fn fields_as_they_are_sent() {
        let place =
            |page, x: &str, y: &str| RequiredSignature::new(page, Position(x.into()), Position(y.into()));
        let places = [place(1, "0.10", "0"), place(12, "0.123456789012345678901234567890", "1.000")];
        let mut first = Recipient::new("a@agency.gov.sg", places.to_vec());
        first.message = Some("Please sign; \"soon\"".to_owned());
        let mut second = Recipient::new("b@agency.gov.sg", places[..1].to_vec());
        second.message = Some(String::new());
        assert_eq!(
            recipients(&[first, second]).unwrap(),
            concat!(
                r#"[{"email":"a@agency.gov.sg","requiredSignatures":[{"page":1,"positionX":0.10,"positionY":0},"#,
                r#"{"page":12,"positionX":0.123456789012345678901234567890,"positionY":1.000}],"#,
                r#""customMessage":"Please sign; \"soon\""},"#,
                r#"{"email":"b@agency.gov.sg","requiredSignatures":[{"page":1,"positionX":0.10,"positionY":0}]}]"#,
            )
        );
        assert_eq!(
            total_signatures_by_link(&places[..1]).unwrap(),
            r#"[{"requiredSignatures":[{"page":1,"positionX":0.10,"positionY":0}]}]"#
        );
        assert!(total_signatures_by_link(&[place(1, "0.1, \"x\": 1", "0")]).is_err());
    }

    #[test]
    fn answers_to_a_create() {
        let read = |body: &str| serde_json::from_str::<CreatedBody>(body).map(CreatedBody::into_created);
        assert_eq!(read(r#"{"documentId": 20}"#).unwrap().id.as_str(), "20");
        let created = read(
            r#"{"documentId":"3","signingLinks":[{"signingLink":"https://app.signify.gov.sg/documents/sign/01hfk78xjafvn9n8xn084a9rsn","totalSignatures":2}]}"#,
        )
        .unwrap();
        assert_eq!((created.id.as_str(), created.links.len(), created.links[0].total), ("3", 1, Some(2)));
        assert!(created.links[0].url.expose().as_str().ends_with("01hfk78xjafvn9n8xn084a9rsn"));
        for (body, id, links) in [
            (r#"{"documentId":9007199254740993,"signingLinks":null,"new":[1]}"#, "9007199254740993", 0),
            (r#"{"documentId":"a/b","signingLinks":[{"signingLink":"javascript:alert(1)"}]}"#, "a/b", 0),
            (
                r#"{"documentId":"1","signingLinks":[{"signingLink":"https://u:p@x.sg/a"},{"signingLink":7}]}"#,
                "1",
                0,
            ),
            (
                r#"{"documentId":1,"signingLinks":[{"signingLink":"https://x.sg/a","totalSignatures":"2"}]}"#,
                "1",
                1,
            ),
        ] {
            let created = read(body).unwrap();
            assert_eq!((created.id.as_str(), created.links.len()), (id, links), "{body}");
        }
        for bad in [
            "{}",
            "[]",
            "null",
            "7",
            r#"{"documentId":null}"#,
            r#"{"documentId":""}"#,
            r#"{"documentId":1.5}"#,
            r#"{"documentId":{}}"#,
            r#"{"documentId":".."}"#,
            r#"{"documentId":true}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    /// The sample of the guide's "Get Documents".
    #[test]
    fn a_list() {
        let body = r#"[{"id":3,"documentName":"Document 1","expiresAt":"2023-12-19T15:59:59.999Z","createdAt":"2023-11-19T07:21:14.065Z","status":"draft","documentMode":"link"},
            {"id":"4","documentName":"Document 2","expiresAt":"soon","createdAt":null,"status":"archived","documentMode":"fax"}]"#;
        let list: Vec<SummaryBody> = serde_json::from_str(body).unwrap();
        let list: Vec<_> = list.into_iter().map(SummaryBody::into_summary).collect();
        assert_eq!((list[0].id.as_str(), list[0].name.as_str()), ("3", "Document 1"));
        assert_eq!((&list[0].status, list[0].mode), (&DocumentStatus::Draft, Some(Mode::Link)));
        assert_eq!(list[0].created_at.unwrap().to_string(), "2023-11-19T07:21:14.065Z");
        assert_eq!(list[0].expires_at.unwrap().to_string(), "2023-12-19T15:59:59.999Z");
        assert_eq!((list[1].id.as_str(), list[1].status.as_str()), ("4", "archived"));
        assert_eq!((list[1].mode, list[1].created_at, list[1].expires_at), (None, None, None));
    }

    /// The samples of the guide's "Get Single Document", and its field table's address without an @.
    #[test]
    fn single_documents() {
        let email = details(include_str!("../tests/samples/get-email.json"));
        assert_eq!((email.completed(), email.total()), (1, Some(4)));
        assert_eq!(email.summary.status, DocumentStatus::Draft);
        assert_eq!(email.invitations[0].signatory.as_ref().unwrap().expose(), "email1@open.gov.sg");
        assert_eq!(email.invitations[1].status, DocumentStatus::Signed);
        let signed_at = email.invitations[1].completed[0].at.unwrap();
        assert_eq!(signed_at.to_string(), "2023-11-19T08:31:36Z");
        assert!(email.link.unwrap().url.expose().path().ends_with("01hfkatk5tc2mgxq1wefhyn52d"));

        let link = details(include_str!("../tests/samples/get-link.json"));
        assert_eq!((link.completed(), link.total()), (3, Some(3)));
        assert_eq!((&link.summary.status, link.summary.mode), (&DocumentStatus::Signed, Some(Mode::Link)));
        assert!(link.invitations[0].signatory.is_none() && link.invitations[0].link.is_some());

        let odd = details(
            r#"{"id":6,"status":"draft","documentUrl":"bucket/1","signingInvitations":[{"signatory":"email2open.gov.sg","totalSignatures":-1,"status":"Signed","completedSignatures":[{"timestamp":"2023-11-19T08:31:36Z"},{"name":null,"timeStamp":"yesterday"}]},{"status":null}]}"#,
        );
        assert!(odd.link.is_none() && odd.summary.name.is_empty());
        assert_eq!(odd.invitations[0].status, DocumentStatus::Unknown("Signed".to_owned()));
        assert_eq!(odd.invitations[1].status, DocumentStatus::Unknown(String::new()));
        assert_eq!((odd.completed(), odd.total()), (2, None));
        assert!(odd.invitations[0].completed[0].at.is_some() && odd.invitations[0].completed[1].at.is_none());
    }
}
