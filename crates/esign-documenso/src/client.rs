//! The typed client: one method per operation, and the one home of the wire.

use std::fmt;

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::jiff::fmt::rfc2822::DateTimeParser;
use esign_core::{ErrorKind, Operation, Result};
use esign_http::{Answer, Call, Effect, HttpClient, Multipart, whole_pdf};
use serde::Serialize;
use serde_json::Value;

use crate::error::{by_code, unknown};
use crate::types::{Distributed, Envelope, EnvelopeId, NewEnvelope, Version};
use crate::wire::{CreatedBody, DistributedBody, EnvelopeBody, PageBody, payload};

/// How many entries a page of a list may have.
const PER_PAGE: &str = "100";
/// A search that finds more pages than this is not one for a reference.
const MAX_PAGES: u32 = 20;

/// Documenso's API v2, operation by operation, without the checks and meanings that the provider adds.
///
/// Requests pay the instance's limiter; reads are repeated after passing faults, creates and distributions only when nothing
/// can have happened. Clones share everything.
#[derive(Clone)]
pub struct DocumensoClient {
    http: HttpClient,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Of<'a> {
    envelope_id: &'a EnvelopeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipients: Option<&'a [u64]>,
}

impl<'a> Of<'a> {
    fn envelope(envelope_id: &'a EnvelopeId) -> Self {
        Self { envelope_id, recipients: None }
    }
}

/// Envelopes that a search found, and the time by the server's clock.
pub(crate) struct Found {
    pub(crate) envelopes: Vec<Envelope>,
    pub(crate) at: Option<Timestamp>,
}

impl DocumensoClient {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// `POST envelope/create`: makes a draft, of which nobody is told.
    ///
    /// # Errors
    /// With [`Retry::OutcomeUnknown`](esign_core::Retry::OutcomeUnknown) whenever a draft may have been made.
    pub async fn create(&self, new: &NewEnvelope) -> Result<EnvelopeId> {
        let url = self.http.url(["envelope", "create"])?;
        let payload = payload(new)?;
        let recipe = || {
            let form = Multipart::new()?.text("payload", &payload);
            let attach = |form: Multipart, (name, bytes): &(String, Bytes)| {
                form.attach("files", name, "application/pdf", bytes.clone())
            };
            let form = new.files.iter().fold(form, attach).finish();
            Ok(self.http.post(url.clone()).operation(Operation::Submit).multipart(form))
        };
        let answer = self.http.submit_with(recipe).await.map_err(by_code)?;
        Ok(answer.json::<CreatedBody>()?.id)
    }

    /// `POST envelope/distribute`: from now on people know. Gives the link of everybody, in an order that means nothing.
    ///
    /// # Errors
    /// With [`Retry::OutcomeUnknown`](esign_core::Retry::OutcomeUnknown) whenever people may have been told: read the
    /// envelope. Never repeat it at once, two at the same time mail twice.
    pub async fn distribute(&self, id: &EnvelopeId) -> Result<Vec<Distributed>> {
        let body = Of::envelope(id);
        let answer = self.post_once(["envelope", "distribute"], &body, Operation::Submit).await?;
        Ok(answer.json::<DistributedBody>()?.into_links())
    }

    /// `POST envelope/redistribute`: mails a reminder to these recipients and renews the time that they have.
    ///
    /// # Errors
    /// With [`Retry::OutcomeUnknown`](esign_core::Retry::OutcomeUnknown) whenever they may have been mailed.
    pub async fn redistribute(&self, id: &EnvelopeId, recipients: &[u64]) -> Result<Vec<Distributed>> {
        let body = Of { envelope_id: id, recipients: Some(recipients) };
        let answer = self.post_once(["envelope", "redistribute"], &body, Operation::Remind).await?;
        Ok(answer.json::<DistributedBody>()?.into_links())
    }

    /// `GET envelope/{id}`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the server does not know it, or no longer; else any, safe to repeat.
    pub async fn get(&self, id: &EnvelopeId) -> Result<Envelope> {
        self.find_one(id, Operation::Status).await?.ok_or_else(|| unknown().during(Operation::Status))
    }

    /// As [`DocumensoClient::get`]; `None` if the server itself says that it is not there.
    pub(crate) async fn find_one(&self, id: &EnvelopeId, operation: Operation) -> Result<Option<Envelope>> {
        let url = self.http.url(["envelope", id.as_str()])?;
        // Within a submission this call only reads.
        let call = self.http.get(url).operation(operation).effect(Effect::Reads).replayable().accept(&[404]);
        let answer = call.send().await.map_err(by_code)?;
        if answer.status.as_u16() == 404 {
            return match answer.body.trim_ascii_start().first() {
                Some(b'{') => Ok(None),
                _ => Err(answer.unexpected(
                    "the answer \"not found\" does not come from Documenso's API: is a proxy in between, or the address wrong?",
                )),
            };
        }
        let envelope = answer.json::<EnvelopeBody>()?.into_envelope();
        if envelope.id != *id {
            return Err(answer.unexpected("Documenso answered with another envelope than the one asked for"));
        }
        Ok(Some(envelope))
    }

    /// `GET envelope?query=…`: envelopes outside folders in which the text occurs; `%` and `_` match anything. Deleted ones are
    /// not among them.
    ///
    /// # Errors
    /// Any; reading is safe to repeat.
    pub async fn find(&self, query: &str) -> Result<Vec<Envelope>> {
        Ok(self.search(query, Operation::Lookup).await?.envelopes)
    }

    pub(crate) async fn search(&self, query: &str, operation: Operation) -> Result<Found> {
        let mut found = Found { envelopes: Vec::new(), at: None };
        for page in 1..=MAX_PAGES {
            let call = self.list(operation)?.query("type", "DOCUMENT").query("query", query);
            let call = call.query("perPage", PER_PAGE).query("page", &page.to_string());
            let answer = call.send().await.map_err(by_code)?;
            let body: PageBody<EnvelopeBody> = answer.json()?;
            found.envelopes.extend(body.data.into_iter().map(EnvelopeBody::into_envelope));
            found.at = time_of(&answer);
            if page >= body.total_pages {
                return Ok(found);
            }
        }
        let message = "the search for the reference finds more than 2,000 envelopes";
        Err(esign_core::Error::new(ErrorKind::UnexpectedAnswer, message).during(operation))
    }

    /// One envelope, whichever: whether the credentials are good.
    pub(crate) async fn any(&self) -> Result<Answer> {
        self.list(Operation::Probe)?.query("perPage", "1").send().await.map_err(by_code)
    }

    fn list(&self, operation: Operation) -> Result<Call> {
        let url = self.http.url(["envelope"])?;
        Ok(self.http.get(url).operation(operation).effect(Effect::Reads).replayable())
    }

    /// `GET envelope/item/{id}/download`, whole. Read the status first: before completion `signed` is the unsigned file.
    ///
    /// # Errors
    /// [`ErrorKind::Integrity`] if what came is no whole PDF.
    pub async fn download(&self, item: &str, version: Version) -> Result<Bytes> {
        let url = self.http.url(["envelope", "item", item, "download"])?;
        let call = self.http.download(url).query("version", version.as_str());
        whole_pdf(call.send().await.map_err(by_code)?.body)
    }

    /// `GET envelope/{id}/audit-log/download`: a PDF, made anew each time.
    ///
    /// # Errors
    /// As [`DocumensoClient::download`].
    pub async fn audit_log_pdf(&self, id: &EnvelopeId) -> Result<Bytes> {
        self.paper(id, "audit-log").await
    }

    /// `GET envelope/{id}/certificate/download`: a PDF, made anew each time.
    ///
    /// # Errors
    /// [`ErrorKind::NotReady`] before completion; else as [`DocumensoClient::download`].
    pub async fn certificate_pdf(&self, id: &EnvelopeId) -> Result<Bytes> {
        self.paper(id, "certificate").await
    }

    async fn paper(&self, id: &EnvelopeId, what: &str) -> Result<Bytes> {
        let url = self.http.url(["envelope", id.as_str(), what, "download"])?;
        whole_pdf(self.http.download(url).send().await.map_err(by_code)?.body)
    }

    /// `GET envelope/{id}/audit-log`: every event, as the server writes them, newest first.
    ///
    /// # Errors
    /// Any; reading is safe to repeat.
    pub async fn audit_log(&self, id: &EnvelopeId) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        for page in 1.. {
            let url = self.http.url(["envelope", id.as_str(), "audit-log"])?;
            let call = self.http.get(url).operation(Operation::Download).replayable();
            let call = call.query("perPage", PER_PAGE).query("page", &page.to_string());
            let answer = call.send().await.map_err(by_code)?;
            let body: PageBody<Value> = answer.json()?;
            events.extend(body.data);
            if page >= body.total_pages {
                break;
            }
        }
        Ok(events)
    }

    /// `POST envelope/cancel`, of a pending envelope; false if the server refuses because of its state: read that.
    ///
    /// # Errors
    /// Any; cancelling is safe to repeat.
    pub async fn cancel(&self, id: &EnvelopeId) -> Result<bool> {
        let url = self.http.url(["envelope", "cancel"])?;
        let call = self.http.post(url).operation(Operation::Cancel).replayable().json(&Of::envelope(id))?;
        match call.send().await.map_err(by_code) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.provider_code(), Some("INVALID_REQUEST" | "NOT_FOUND")) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `POST envelope/delete`: a draft or pending envelope is erased, an ended one only hidden from lists. False if it was not
    /// there.
    ///
    /// # Errors
    /// Any; deleting is safe to repeat.
    pub async fn delete(&self, id: &EnvelopeId) -> Result<bool> {
        self.remove(id, Operation::Cancel).await
    }

    pub(crate) async fn remove(&self, id: &EnvelopeId, operation: Operation) -> Result<bool> {
        let url = self.http.url(["envelope", "delete"])?;
        let call = self.http.post(url).operation(operation).effect(Effect::Ends).replayable().accept(&[404]);
        let answer = call.json(&Of::envelope(id))?.send().await.map_err(by_code)?;
        Ok(answer.status.is_success() || answer.earlier_unanswered())
    }

    /// A POST that people see: repeated only when it surely had no effect.
    async fn post_once(&self, path: [&str; 2], body: &Of<'_>, operation: Operation) -> Result<Answer> {
        let url = self.http.url(path)?;
        let recipe = || self.http.post(url.clone()).operation(operation).json(body);
        self.http.submit_with(recipe).await.map_err(by_code)
    }
}

impl fmt::Debug for DocumensoClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumensoClient").field("http", &self.http).finish_non_exhaustive()
    }
}

/// The time at which the server answered, by its clock, in whole seconds (RFC 9110, 6.6.1).
pub(crate) fn time_of(answer: &Answer) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(answer.header("date")?).ok()
}
