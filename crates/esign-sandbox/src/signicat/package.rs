//! The packaged PDF: the document, the evidence of its signatures as embedded files, a seal over both.

use std::collections::HashSet;

use bytes::Bytes;
use esign_pdf::facts::Rect;
use esign_pdf::sign::{Level, NewAttachment, SignError, SignOptions, Subject, text_pdf};

use super::progress::{File, FileKind, Job, Part};
use crate::ids;
use crate::shared::Shared;

/// The seal is the service's, not a signer's: who signed is in the evidence.
const SEAL: &str = "Signing Service Seal";

/// Packages what was signed. The pages are those of the first document; further documents are embedded beside the
/// evidence. Takes milliseconds of computing.
pub(super) fn package(shared: &Shared, job: &Job, long_term: bool) -> Result<Bytes, SignError> {
    let Job { parts, at, .. } = job;
    let at = *at;
    let Some(first) = parts.first() else {
        return Err(SignError::Structure("nothing that is to be packaged was signed"));
    };
    // A document may be packaged that has been before: field and files need names of their own.
    let run = ids::ulid(at);
    let invisible = Rect::new(0.0, 0.0, 0.0, 0.0);
    let mut options = SignOptions::new(format!("signicat-seal-{run}"), 1, invisible, at);
    options.level = if long_term { Level::BLT } else { Level::BT };
    options.reason = Some("Packaged evidence of electronic signatures (sandbox)".to_owned());
    options.attachments = attachments(parts, &first.original, &run);
    let seal = shared.signing.issue(&Subject::new(SEAL), at)?;
    shared.signing.sign(&pages(first), &seal, &options)
}

/// A PDF as it is, so that what was signed is there byte for byte; a text set as one.
fn pages(part: &Part) -> Bytes {
    match part.original.kind {
        FileKind::Pdf => part.original.bytes.clone(),
        FileKind::Text | FileKind::Evidence => {
            text_pdf(&part.title, &String::from_utf8_lossy(&part.original.bytes)).into()
        }
    }
}

fn attachments(parts: &[Part], shown: &File, run: &str) -> Vec<NewAttachment> {
    let mut files = Vec::new();
    // A text is shown as it was set, so that its bytes are embedded as well.
    let mut there: HashSet<&str> = match shown.kind {
        FileKind::Pdf => HashSet::from([shown.sha256.as_str()]),
        FileKind::Text | FileKind::Evidence => HashSet::new(),
    };
    for (number, part) in (1..).zip(parts) {
        let name =
            |suffix: &str| format!("{run}-{number:02}-{}-{}{suffix}", safe(&part.task), safe(&part.document));
        files.push(NewAttachment {
            name: name("-evidence.xml"),
            media_type: "application/xml".to_owned(),
            description: format!("Evidence of the signature over {}", part.title),
            bytes: part.evidence.bytes.clone(),
        });
        if there.insert(&part.original.sha256) {
            let suffix = if part.original.kind == FileKind::Pdf { ".pdf" } else { ".txt" };
            files.push(NewAttachment {
                name: name(suffix),
                media_type: part.original.kind.media_type().to_owned(),
                description: part.title.clone(),
                bytes: part.original.bytes.clone(),
            });
        }
    }
    files
}

/// An id as part of a file name.
fn safe(id: &str) -> String {
    id.chars().take(40).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
