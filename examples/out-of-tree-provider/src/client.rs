//! The typed client: one method per operation of Inkwell's API.

use esign_core::{Delivery, Operation, Prepared, Result};
use esign_http::bytes::Bytes;
use esign_http::{HttpClient, Multipart, whole_pdf};

use crate::wire::{Envelope, signers};

/// Inkwell's API. Clones share everything.
#[derive(Clone, Debug)]
pub struct InkwellClient {
    http: HttpClient,
}

impl InkwellClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// `POST envelopes`. Repeated only when surely nothing was made.
    ///
    /// # Errors
    /// With [`esign_core::Retry::OutcomeUnknown`] whenever the envelope may have been made.
    pub async fn create(&self, prepared: &Prepared) -> Result<Envelope> {
        let url = self.http.url(["envelopes"])?;
        let (intent, request) = (prepared.intent(), prepared.request());
        let document = &request.documents[0];
        // A struct of strings and numbers can always be written.
        let signers = serde_json::to_string(&signers(prepared)?).unwrap_or_default();
        let by = if request.delivery == Delivery::ProviderEmail { "email" } else { "link" };
        let recipe = || {
            let form = Multipart::new()?
                .text("reference", intent.reference().as_str())
                .text("title", document.name())
                .text("by", by)
                .text("signers", &signers)
                .file("file", "document.pdf", "application/pdf", document.content().clone());
            Ok(self.http.post(url.clone()).operation(Operation::Submit).multipart(form))
        };
        self.http.submit_with(recipe).await?.json()
    }

    /// `GET envelopes/:id`; `None` if there is none: said twice, because one 404 may be that of a gateway in between.
    ///
    /// # Errors
    /// Any; safe to repeat.
    pub async fn get(&self, id: &str) -> Result<Option<Envelope>> {
        if let Some(envelope) = self.get_once(id).await? {
            return Ok(Some(envelope));
        }
        self.http.before_second_look().await;
        self.get_once(id).await
    }

    async fn get_once(&self, id: &str) -> Result<Option<Envelope>> {
        let url = self.http.url(["envelopes", id])?;
        let answer =
            self.http.get(url).operation(Operation::Status).replayable().accept(&[404]).send().await?;
        if answer.status == 404 { Ok(None) } else { answer.json().map(Some) }
    }

    /// `GET envelopes?reference=`: those that were made with it.
    ///
    /// # Errors
    /// Any; safe to repeat.
    pub async fn find(&self, reference: &str) -> Result<Vec<Envelope>> {
        let call = self.http.get(self.http.url(["envelopes"])?).query("reference", reference);
        call.operation(Operation::Lookup).replayable().send().await?.json()
    }

    /// `GET envelopes/:id/document`: the signed PDF; `None` while it is not signed to the end.
    ///
    /// # Errors
    /// Any; safe to repeat.
    pub async fn document(&self, id: &str) -> Result<Option<Bytes>> {
        let call = self.http.download(self.http.url(["envelopes", id, "document"])?).accept(&[409]);
        let answer = call.send().await?;
        if answer.status == 409 { Ok(None) } else { whole_pdf(answer.body).map(Some) }
    }

    /// `DELETE envelopes/:id`: withdraws it. What became of it is in the answer's status: 200, 404 or 409.
    ///
    /// # Errors
    /// Any other answer; safe to repeat.
    pub async fn withdraw(&self, id: &str) -> Result<u16> {
        let call = self.http.delete(self.http.url(["envelopes", id])?).operation(Operation::Cancel);
        Ok(call.replayable().accept(&[404, 409]).send().await?.status.as_u16())
    }
}
