//! Several documents in one request: none is taken for another.

use esign_core::{ArtifactId, Document, OriginProof, SignRequest};

use crate::check::{Outcome, Stop, ensure, skip};
use crate::sample::{known, name_of};
use crate::world::World;

/// Two documents that differ in their bytes, the first of them with the place of the signature.
fn two(w: &World) -> Result<SignRequest, Stop> {
    if !w.caps.documents.count.admits(2) {
        skip!("documents.count: {}", w.caps.documents.count.words());
    }
    let mut request = w.request()?;
    let first = request.documents[0].content().len() as u64;
    let longer = first + 512;
    if known(w.caps.documents.bytes.max).is_some_and(|most| longer > most) {
        skip!("documents.bytes: {}", w.caps.documents.bytes.words());
    }
    let second = Document::pdf(name_of(&w.caps, None), w.backend.document(Some(longer)));
    if second.content() == request.documents[0].content() {
        skip!("the harness makes no two documents that differ");
    }
    request.signers[0].placements.iter_mut().for_each(|p| p.document = Some("document".to_owned()));
    request.documents.push(second.with_key("document-1"));
    Ok(request)
}

pub(super) async fn each_arrives_as_itself(w: &World) -> Outcome {
    let request = two(w)?;
    let handle = w.sent(&request).await?;
    let Some(received) = w.backend.received(&handle).await else {
        skip!("the harness cannot tell what the backend received");
    };
    let sent: Vec<_> = request.documents.iter().map(|d| d.content().clone()).collect();
    ensure!(received.len() == sent.len(), "{} documents instead of {}", received.len(), sent.len());
    ensure!(received == sent, "the backend received the two documents mixed up or with other bytes");
    Ok(())
}

/// Where results are listed for each document, none is missing and each is of the document whose key it has.
pub(super) async fn each_result_is_of_its_document(w: &World) -> Outcome {
    let request = two(w)?;
    let handle = w.sent(&request).await?;
    w.sign_all(&handle, &request).await?;
    let report = w.client.status(&handle).await?;
    let handle = report.new_handle.unwrap_or(handle);
    let listed = report.artifacts;
    if listed.contains(&ArtifactId::SIGNED) {
        skip!("one signed file for all documents");
    }
    for document in &request.documents {
        let id = ArtifactId::SIGNED.of_document(document.key());
        ensure!(listed.contains(&id), "{id} is not listed: {listed:?}");
        let signed = w.client.download(&handle, &id).await?;
        ensure!(signed.id == id, "{id} calls itself {}", signed.id);
        ensure!(
            w.caps.origin_proof != OriginProof::ByteExtension
                || signed.content.starts_with(document.content()),
            "{id} is made of another document"
        );
        let id = ArtifactId::ORIGINAL.of_document(document.key());
        if w.caps.origin_proof == OriginProof::OriginalKept || listed.contains(&id) {
            let kept = w.client.download(&handle, &id).await?;
            ensure!(kept.content == *document.content(), "{id} is not what was sent as {}", document.key());
        }
    }
    Ok(())
}
