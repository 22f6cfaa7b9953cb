//! What can be fetched, and when what the server gives is what was asked for (spec 3.5).

use esign_core::{Artifact, ArtifactId, Error, ErrorKind, MediaType, Operation, Result};

use super::{Paper, Private};
use crate::DocumensoClient;
use crate::types::{Envelope, RecipientRole};
use crate::types::{EnvelopeId, EnvelopeStatus, SigningStatus, Version};

/// The name of an artifact of a document: plain where there is one document only.
pub(super) fn id_of(private: &Private, sort: &ArtifactId, paper: &Paper) -> ArtifactId {
    if private.documents.len() == 1 { sort.clone() } else { sort.of_document(&paper.key) }
}

enum Wanted<'a> {
    Document(Version, &'a Paper),
    AuditLog,
    AuditLogJson,
    Certificate,
}

pub(super) async fn download(
    client: &DocumensoClient,
    id: &EnvelopeId,
    private: &Private,
    what: &ArtifactId,
) -> Result<Artifact> {
    let wanted = read(private, what).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("this request never has an artifact {what}"))
    })?;
    let (media_type, content) = match wanted {
        Wanted::Document(version, paper) => {
            let envelope = client.find_one(id, Operation::Download).await?;
            let envelope = envelope.ok_or_else(|| {
                Error::new(ErrorKind::Gone, "the server does not have the request any more: it was deleted")
            })?;
            if let Some(error) = not_there(&envelope, version) {
                return Err(error);
            }
            let content = client.download(&paper.item, version).await?;
            if version == Version::Signed && !bears_a_signature(&content) {
                let message =
                    "what the server calls the signed document bears no signature: it is not given out";
                return Err(Error::new(ErrorKind::Integrity, message));
            }
            (MediaType::PDF, content)
        }
        Wanted::AuditLog => (MediaType::PDF, client.audit_log_pdf(id).await?),
        Wanted::Certificate => (MediaType::PDF, client.certificate_pdf(id).await?),
        Wanted::AuditLogJson => {
            let events = client.audit_log(id).await?;
            let text = serde_json::to_vec_pretty(&events)
                .map_err(|_| Error::new(ErrorKind::Internal, "the audit log has no JSON form"))?;
            (MediaType::new("application/json"), text.into())
        }
    };
    Ok(Artifact::new(what.clone(), media_type, content))
}

fn read<'a>(private: &'a Private, what: &ArtifactId) -> Option<Wanted<'a>> {
    if what.sort() == ArtifactId::EVIDENCE.as_str() {
        return match what.document() {
            None => Some(Wanted::AuditLog),
            Some("certificate") => Some(Wanted::Certificate),
            Some("audit-log.json") => Some(Wanted::AuditLogJson),
            Some(_) => None,
        };
    }
    let version = match what.sort() {
        "signed" => Version::Signed,
        "original" => Version::Original,
        "partial" => Version::Pending,
        _ => return None,
    };
    let paper = match (what.document(), private.documents.as_slice()) {
        (Some(key), papers) => papers.iter().find(|paper| paper.key == key),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    Some(Wanted::Document(version, paper?))
}

/// The server gives the unsigned file under the name of the signed one, and seals what was rejected: the status decides.
fn not_there(envelope: &Envelope, version: Version) -> Option<Error> {
    let word = envelope.status.as_str();
    let not_ready = |why: &str| Some(Error::new(ErrorKind::NotReady, why).with_code(word));
    let someone_signed = envelope
        .recipients
        .iter()
        .any(|recipient| recipient.role != RecipientRole::Cc && recipient.status == SigningStatus::Signed);
    match (version, &envelope.status) {
        (Version::Original, _) | (Version::Signed, EnvelopeStatus::Completed) => None,
        (Version::Signed, EnvelopeStatus::Rejected | EnvelopeStatus::Cancelled) => {
            let message =
                "there is no signed document and will be none: the request was rejected or cancelled";
            Some(Error::new(ErrorKind::NotFound, message).with_code(word))
        }
        (Version::Pending, EnvelopeStatus::Pending) if someone_signed => None,
        (
            Version::Pending,
            EnvelopeStatus::Completed | EnvelopeStatus::Rejected | EnvelopeStatus::Cancelled,
        ) => {
            let message = "the request has ended: there is no unfinished document any more";
            Some(Error::new(ErrorKind::Gone, message).with_code(word))
        }
        (_, EnvelopeStatus::Other(_)) => {
            not_ready("the server's status is not known here, so it is not certain what the document is")
        }
        (Version::Pending, _) => not_ready("nobody has signed yet"),
        (Version::Signed, _) => not_ready("the server has not sealed the document yet"),
    }
}

/// The byte range of a signature stands in the file in plain text, because nothing may move after signing.
fn bears_a_signature(content: &[u8]) -> bool {
    const MARK: &[u8] = b"/ByteRange";
    content.windows(MARK.len()).any(|window| window == MARK)
}
