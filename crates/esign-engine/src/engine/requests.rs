//! Requests in and out of their sealed form.

use std::collections::BTreeMap;

use bytes::Bytes;
use esign_core::secrecy::ExposeSecret;
use esign_core::{
    Artifact, ArtifactId, Error, ErrorKind, Handle, Intent, NextStep, Prepared, RequestFile, Result,
    Sha256Hash, SignRequest, Submission,
};

use super::Engine;
use crate::order::{Blob, Order, OrderId, Sent};
use crate::seal::DataKey;

pub(super) const REQUEST: &str = "request";
const HANDLE: &str = "handle";
const STEPS: &str = "next steps";

impl Engine {
    /// The key of everything in an order.
    pub(super) fn key_of(&self, order: &Order) -> Result<DataKey> {
        let wrapped = order.data_key.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Gone, "the order was erased: what was personal in it is gone")
        })?;
        self.0.keyring.open(order.id.as_str(), wrapped)
    }

    /// The request as it goes to the provider.
    pub(super) async fn request_of(&self, order: &Order) -> Result<SignRequest> {
        let key = self.key_of(order)?;
        let sealed =
            order.request.as_ref().ok_or_else(|| Error::new(ErrorKind::Gone, "the request was erased"))?;
        let text = key.open_text(REQUEST, sealed)?;
        let file: RequestFile = serde_json::from_str(&text).map_err(|_| {
            Error::new(ErrorKind::BadHandle, "the stored request cannot be read by this version")
        })?;
        let mut contents: BTreeMap<String, Bytes> = BTreeMap::new();
        for blob in &order.documents {
            contents.insert(blob.sha256.to_string(), self.read_blob(&key, blob).await?);
        }
        let mut request = file.into_request(|path| {
            let found = path.to_str().and_then(|hash| contents.get(hash)).cloned();
            found.ok_or_else(|| Error::new(ErrorKind::Internal, "the order lacks a document of its request"))
        })?;
        request.reference = order.sent_reference()?;
        Ok(request)
    }

    pub(super) async fn prepared_of(&self, order: &Order) -> Result<Prepared> {
        let request = self.request_of(order).await?;
        self.0.client.prepare_on(&order.instance, request).await
    }

    /// What the provider gave, sealed.
    pub(super) fn seal_sent(&self, order: &Order, submission: &Submission) -> Result<Sent> {
        let key = self.key_of(order)?;
        let handle = submission.handle.to_stored();
        let steps = NextStep::to_stored(&submission.next_steps);
        Ok(Sent {
            handle: key.seal(HANDLE, handle.expose_secret().as_bytes())?,
            key: submission.handle.key(),
            record: submission.record.to_json(),
            steps: key.seal(STEPS, steps.expose_secret().as_bytes())?,
            at: submission.handle.request().created_at(),
        })
    }

    pub(super) fn seal_handle(&self, order: &Order, handle: &Handle) -> Result<crate::Sealed> {
        self.key_of(order)?.seal(HANDLE, handle.to_stored().expose_secret().as_bytes())
    }

    pub(super) fn handle_of(&self, order: &Order, sent: &Sent) -> Result<Handle> {
        Handle::from_stored(&self.key_of(order)?.open_text(HANDLE, &sent.handle)?)
    }

    pub(super) fn steps_of(&self, order: &Order, sent: &Sent) -> Result<Vec<NextStep>> {
        NextStep::from_stored(&self.key_of(order)?.open_text(STEPS, &sent.steps)?)
    }

    /// The steps with newer ones in the place of theirs; `None` if there are none.
    pub(super) fn merged_steps(
        &self,
        order: &Order,
        sent: &Sent,
        newer: &[NextStep],
    ) -> Result<Option<crate::Sealed>> {
        if newer.is_empty() {
            return Ok(None);
        }
        let mut steps = self.steps_of(order, sent)?;
        steps.retain(|old| newer.iter().all(|new| new.signer != old.signer));
        steps.extend_from_slice(newer);
        let stored = NextStep::to_stored(&steps);
        self.key_of(order)?.seal(STEPS, stored.expose_secret().as_bytes()).map(Some)
    }

    /// The intent of an attempt; a record holds one too.
    pub(super) fn intent_of(text: &str) -> Result<Intent> {
        Intent::from_json(text)
    }

    /// Keeps an artifact, and then its name.
    pub(super) async fn keep(&self, id: &OrderId, key: &DataKey, artifact: &Artifact) -> Result<Blob> {
        let sha256 = Sha256Hash::of(&artifact.content);
        let what = artifact.id.clone();
        // Two calls that accept the same request at once have a key each, and only one of them is kept.
        let name =
            Sha256Hash::of_parts(&[id.as_str(), what.as_str(), &sha256.to_string(), key.tag()]).to_string();
        let sealed = key.seal(&name, &artifact.content)?;
        self.0.vault.put(&name, sealed.as_bytes()).await?;
        let (media_type, bytes) = (artifact.media_type.clone(), artifact.content.len() as u64);
        Ok(Blob { name, what, media_type, sha256, bytes })
    }

    pub(super) async fn read_blob(&self, key: &DataKey, blob: &Blob) -> Result<Bytes> {
        let sealed = crate::Sealed::from_bytes(self.0.vault.get(&blob.name).await?);
        let bytes = key.open(&blob.name, &sealed)?;
        if Sha256Hash::of(&bytes) != blob.sha256 {
            return Err(Error::new(ErrorKind::Integrity, "the vault gave other bytes than were kept"));
        }
        Ok(bytes.into())
    }
}

/// The documents of a request as artifacts to keep.
pub(super) fn originals(request: &SignRequest) -> Vec<Artifact> {
    let documents = request.documents.iter();
    documents
        .map(|d| {
            Artifact::new(
                ArtifactId::ORIGINAL.of_document(d.key()),
                d.media_type().clone(),
                d.content().clone(),
            )
        })
        .collect()
}
