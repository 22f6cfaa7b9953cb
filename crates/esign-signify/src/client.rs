//! The typed client: one method per documented operation, and the one home of the wire.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use esign_core::jiff::Timestamp;
use esign_core::jiff::fmt::rfc2822::DateTimeParser;
use esign_core::{ErrorKind, Operation, Result, Retry, SecretUrl};
use esign_http::{Answer, HttpClient, Multipart, whole_pdf};

use crate::config::DocumentUrlBearer;
use crate::error::{gone, refused_create, words_of};
use crate::types::{
    Created, DocumentDetails, DocumentId, DocumentLink, DocumentSummary, Mode, NewDocument, Recipient,
    RequiredSignature,
};
use crate::wire;

/// Statuses that say that a document is not there.
const NOT_THERE: [u16; 2] = [404, 410];
/// Redirects of a document's address that are followed.
const MAX_REDIRECTS: usize = 3;

/// Signify's API v2, operation by operation, without the checks and meanings that the provider adds.
///
/// Requests pay the instance's limiter; reads are repeated after passing faults, creates only when nothing can have been
/// created. Clones share everything.
#[derive(Clone)]
pub struct SignifyClient {
    http: HttpClient,
    bearer: DocumentUrlBearer,
    link_max_age: Duration,
}

/// What a DELETE did, as far as its answer can be believed.
pub(crate) enum Deletion {
    /// It was deleted now.
    Done,
    /// It was not there. `by_us`: an earlier attempt of this call, whose answer was lost, may have deleted it.
    Gone { by_us: bool },
    /// The answer was none that Signify gives, and the document is still there.
    Still(Box<DocumentDetails>, esign_core::Error),
}

impl SignifyClient {
    pub(crate) fn new(http: HttpClient, bearer: DocumentUrlBearer, link_max_age: Duration) -> Self {
        Self { http, bearer, link_max_age }
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// `POST v2/documents`, `documentMode` email: Signify invites each recipient.
    ///
    /// # Errors
    /// With [`Retry::OutcomeUnknown`] whenever the document may have been created.
    pub async fn create_email(&self, document: &NewDocument, recipients: &[Recipient]) -> Result<Created> {
        self.create(document, Mode::Email, "recipients", wire::recipients(recipients)?).await
    }

    /// `POST v2/documents`, `documentMode` link: one link for all signatures.
    ///
    /// # Errors
    /// As [`SignifyClient::create_email`].
    pub async fn create_link(
        &self,
        document: &NewDocument,
        signatures: &[RequiredSignature],
    ) -> Result<Created> {
        let field = wire::total_signatures_by_link(signatures)?;
        self.create(document, Mode::Link, "totalSignaturesByLink", field).await
    }

    async fn create(
        &self,
        document: &NewDocument,
        mode: Mode,
        field: &str,
        signatures: String,
    ) -> Result<Created> {
        let url = self.http.url(["v2", "documents"])?;
        let recipe = || {
            let mut form = Multipart::new()?
                .text("documentName", &document.name)
                // In both modes, although it may be left out in one (spec 7.2, item 9).
                .text("documentMode", mode.as_str())
                .text(field, &signatures);
            if let Some(redirect) = &document.redirect_url {
                form = form.text("redirectUrl", redirect.as_str());
            }
            // Last: a parser that streams knows all fields when the file comes (spec 7.2, item 15).
            let form = form.file("file", "document.pdf", "application/pdf", document.file.clone());
            Ok(self.http.post(url.clone()).operation(Operation::Submit).multipart(form))
        };
        let answer = self.http.submit_with(recipe).await.map_err(refused_create)?;
        let created: Result<wire::CreatedBody> = answer.json();
        created.map(wire::CreatedBody::into_created).map_err(|error| match words_of(&answer) {
            Some(words) => error.said(words),
            None => error,
        })
    }

    /// `GET v2/documents`: every document of the key's user, as far as is documented.
    ///
    /// # Errors
    /// Any; reading is safe to repeat. [`ErrorKind::UnexpectedAnswer`] if it is not a bare array.
    pub async fn list(&self) -> Result<Vec<DocumentSummary>> {
        Ok(self.listing(Operation::Lookup).await?.0)
    }

    /// The list, and the time by Signify's clock.
    pub(crate) async fn listing(
        &self,
        operation: Operation,
    ) -> Result<(Vec<DocumentSummary>, Option<Timestamp>)> {
        let answer = self.list_answer(operation).await?;
        if answer.body.trim_ascii_start().first() == Some(&b'{') {
            return Err(answer.unexpected(
                "the list of documents is an object instead of the documented array; this version of esign cannot read it",
            ));
        }
        let entries: Vec<wire::SummaryBody> = answer.json()?;
        let entries: Vec<_> = entries.into_iter().map(wire::SummaryBody::into_summary).collect();
        // An entry without a name could be the one that is looked for.
        if entries.iter().any(|entry| entry.name.is_empty()) {
            return Err(answer.unexpected("an entry of the list of documents has no documentName"));
        }
        Ok((entries, time_of(&answer)))
    }

    /// The list as it came: for the probe.
    pub(crate) async fn list_answer(&self, operation: Operation) -> Result<Answer> {
        let url = self.http.url(["v2", "documents"])?;
        self.http.get(url).operation(operation).replayable().send().await
    }

    /// The list once, without waiting for the limiter; a 429 is an answer: for trials.
    pub(crate) async fn list_at_once(&self) -> Result<Answer> {
        let url = self.http.url(["v2", "documents"])?;
        self.http.get(url).operation(Operation::Probe).without_limiter().accept(&[429]).send().await
    }

    /// The answer to a create that has nothing but a mode: for trials.
    pub(crate) async fn refused_create(&self) -> Result<Answer> {
        let url = self.http.url(["v2", "documents"])?;
        let form = Multipart::new()?.text("documentMode", Mode::Link.as_str());
        let form = form.file("file", "document.pdf", "application/pdf", Bytes::new());
        self.http.post(url).operation(Operation::Probe).accept(&[400, 422]).multipart(form).send().await
    }

    /// `GET v2/documents/:id`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if Signify does not have it, or no longer; else any, safe to repeat.
    pub async fn get(&self, id: &DocumentId) -> Result<DocumentDetails> {
        let found = self.find(id, Operation::Status).await?;
        found.ok_or_else(|| gone().with_kind(ErrorKind::NotFound).during(Operation::Status))
    }

    /// As [`SignifyClient::get`]; `None` if Signify says twice that it is not there: its own 404 looks like that of a gateway
    /// in between, which says nothing about the document.
    pub(crate) async fn find(
        &self,
        id: &DocumentId,
        operation: Operation,
    ) -> Result<Option<DocumentDetails>> {
        if let Some(details) = self.find_once(id, operation).await? {
            return Ok(Some(details));
        }
        self.http.before_second_look().await;
        self.find_once(id, operation).await
    }

    async fn find_once(&self, id: &DocumentId, operation: Operation) -> Result<Option<DocumentDetails>> {
        // Before the request, so that the address is rather thought too old than too young.
        let asked_at = self.http.clock().monotonic();
        let url = self.http.url(["v2", "documents", id.as_str()])?;
        let call = self.http.get(url).operation(operation).replayable().accept(&NOT_THERE);
        let answer = call.send().await?;
        if is_not_there(&answer)? {
            return Ok(None);
        }
        let details = answer.json::<wire::DetailsBody>()?.into_details(asked_at);
        if details.summary.id != *id {
            return Err(answer.unexpected("Signify answered with another document than the one asked for"));
        }
        Ok(Some(details))
    }

    /// `DELETE v2/documents/:id`; false if it was not there. There is no way back. Whether signed documents can be
    /// deleted is not documented.
    ///
    /// # Errors
    /// Any; deleting is safe to repeat.
    pub async fn delete(&self, id: &DocumentId) -> Result<bool> {
        match self.remove(id, Operation::Erase).await? {
            Deletion::Done => Ok(true),
            Deletion::Gone { by_us } => Ok(by_us),
            Deletion::Still(_, error) => Err(error),
        }
    }

    /// Success is what the guide documents. After any other answer that is no refusal, the document is looked for.
    pub(crate) async fn remove(&self, id: &DocumentId, operation: Operation) -> Result<Deletion> {
        let url = self.http.url(["v2", "documents", id.as_str()])?;
        let call = self.http.delete(url).operation(operation).replayable().accept(&NOT_THERE);
        let answer = call.send().await?;
        let error = if is_not_there(&answer)? {
            self.http.before_second_look().await;
            answer.unexpected("the answer says that the document is not there")
        } else {
            match wire::is_deleted(&answer) {
                Ok(()) => return Ok(Deletion::Done),
                Err(error) => error,
            }
        };
        Ok(match self.find(id, operation).await? {
            Some(details) => {
                let message = format!("{}; the document is still there", error.message());
                let error = error.with_message(message).with_retry(Retry::SAFE);
                Deletion::Still(Box::new(details), error)
            }
            None if answer.status.is_success() => Deletion::Done,
            None => Deletion::Gone { by_us: answer.earlier_unanswered() },
        })
    }

    /// `GET documentUrl`: the PDF as it is now. An address that is too old, or no longer works, is fetched anew once.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if Signify no longer has the document; [`ErrorKind::Integrity`] if what came is no whole PDF.
    pub async fn download(&self, document: &DocumentDetails) -> Result<Bytes> {
        let id = &document.summary.id;
        let link = match document.link.clone().filter(|link| self.is_fresh(link)) {
            Some(link) => link,
            None => self.fresh_link(id).await?,
        };
        match self.fetch(&link.url).await {
            Err(error) if matches!(error.http_status(), Some(403 | 404 | 410)) => {
                tracing::debug!(status = error.http_status(), "fetching a document's address anew");
                let link = self.fresh_link(id).await?;
                self.fetch(&link.url).await
            }
            other => other,
        }
    }

    fn is_fresh(&self, link: &DocumentLink) -> bool {
        self.http.clock().monotonic().saturating_sub(link.asked_at) < self.link_max_age
    }

    async fn fresh_link(&self, id: &DocumentId) -> Result<DocumentLink> {
        let details = self.find(id, Operation::Download).await?.ok_or_else(gone)?;
        details.link.ok_or_else(|| {
            esign_core::Error::new(
                ErrorKind::UnexpectedAnswer,
                "Signify gave no usable documentUrl for the document",
            )
            .during(Operation::Download)
        })
    }

    /// The HTTP status of a document's address, asked for without the key.
    pub(crate) async fn status_without_key(&self, link: &SecretUrl) -> Result<u16> {
        let call = self.http.download(link.expose().clone()).follow(MAX_REDIRECTS).without_auth();
        match call.send().await {
            Ok(answer) => Ok(answer.status.as_u16()),
            Err(error) => error.http_status().ok_or(error),
        }
    }

    /// The key goes to the API's own origin only: the HTTP stack sends it nowhere else, redirects included.
    async fn fetch(&self, link: &SecretUrl) -> Result<Bytes> {
        let call = || self.http.download(link.expose().clone()).follow(MAX_REDIRECTS);
        let own_origin = link.expose().origin() == self.http.base_url().origin();
        let answer = match self.bearer {
            DocumentUrlBearer::Never => call().without_auth().send().await,
            DocumentUrlBearer::Always => call().send().await,
            DocumentUrlBearer::Auto => match call().send().await {
                Err(error) if own_origin && matches!(error.http_status(), Some(401 | 403)) => {
                    tracing::debug!(status = error.http_status(), "fetching a document without the key");
                    call().without_auth().send().await
                }
                other => other,
            },
        }?;
        whole_pdf(answer.body)
    }
}

impl fmt::Debug for SignifyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignifyClient").field("http", &self.http).finish_non_exhaustive()
    }
}

/// The time at which Signify answered, by its clock, in whole seconds (RFC 9110, 6.6.1).
pub(crate) fn time_of(answer: &Answer) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(answer.header("date")?).ok()
}

/// A 404 of the API's own. One of a gateway in between says nothing about the document.
fn is_not_there(answer: &Answer) -> Result<bool> {
    if !NOT_THERE.contains(&answer.status.as_u16()) {
        return Ok(false);
    }
    let body = answer.body.trim_ascii_start();
    if body.is_empty() || body.first() == Some(&b'{') {
        return Ok(true);
    }
    Err(answer.unexpected(
        "the answer \"not found\" does not come from Signify's API: is a proxy in between, or the address wrong?",
    ))
}
