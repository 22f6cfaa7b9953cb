//! The typed client: one method per documented operation, and the one home of the wire (spec 3.1).

use std::fmt;

use bytes::Bytes;
use esign_core::{Error, ErrorKind, MediaType, Operation, Result, Retry};
use esign_http::http::{HeaderName, HeaderValue, header};
use esign_http::{Answer, Call, Effect, HttpClient};
use serde::de::DeserializeOwned;

use crate::error::{gone, is_deleted, is_not_there, refused_create};
use crate::order::SigningOrder;
use crate::rules::faults;
use crate::wire::{
    CreatedOrder, EventBody, ForwardBody, OrderBody, PackagingBody, PackagingStatusInfo, TaskEvent,
    TaskForward, TaskStatusBody, TaskStatusInfo, UploadedBody,
};

/// Redirects of a download that are followed.
const MAX_REDIRECTS: usize = 5;

/// Signicat's Sign API v1, operation by operation, without the checks and meanings that the provider adds.
///
/// Reads are repeated after passing faults, the create only when nothing can have been created. Clones share everything.
#[derive(Clone)]
pub struct SignicatClient {
    http: HttpClient,
    account_id: Option<String>,
    organization: Option<HeaderValue>,
}

/// Bytes that came back, and what Signicat says they are.
#[derive(Clone)]
#[non_exhaustive]
pub struct Download {
    /// The bytes.
    pub content: Bytes,
    /// Without parameters.
    pub media_type: Option<MediaType>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({:?}, {} bytes)", self.media_type, self.content.len())
    }
}

/// What a DELETE did, as far as its answer can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// It was deleted now.
    Done,
    /// It was not there. `by_us`: an earlier attempt of this call, whose answer was lost, may have deleted it.
    Gone { by_us: bool },
}

impl Deletion {
    fn by_us(self) -> bool {
        matches!(self, Self::Done | Self::Gone { by_us: true })
    }
}

impl SignicatClient {
    pub(crate) fn new(
        http: HttpClient,
        account_id: Option<String>,
        organization: Option<HeaderValue>,
    ) -> Self {
        Self { http, account_id, organization }
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// `POST /documents`: stores a PDF or a text for 30 minutes, longer if an order uses it. A second call stores it again.
    ///
    /// # Errors
    /// Any; safe to repeat.
    pub async fn upload_document(&self, media_type: &MediaType, content: Bytes) -> Result<String> {
        let answer = self.upload(media_type, content).await?;
        let body: UploadedBody = answer.json()?;
        if body.document_id.is_empty() {
            return Err(answer.unexpected("Signicat gave an empty documentId"));
        }
        Ok(body.document_id)
    }

    /// The answer as it came: for trials.
    pub(crate) async fn upload(&self, media_type: &MediaType, content: Bytes) -> Result<Answer> {
        let content_type = if *media_type == MediaType::PDF {
            "application/pdf"
        } else if *media_type == MediaType::TEXT {
            "text/plain"
        } else {
            return Err(Error::invalid(
                "media_type",
                format!("{media_type} is not accepted: PDF and plain text are"),
            ));
        };
        let call = self.dress(self.http.post(self.http.url(["documents"])?)).operation(Operation::Submit);
        call.effect(Effect::Reads).replayable().body(content_type, content).send().await
    }

    /// `GET /documents/{documentId}`
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if its 30 minutes are over; else any, safe to repeat.
    pub async fn get_document(&self, id: &str) -> Result<Download> {
        self.bytes(["documents", id]).await
    }

    /// `DELETE /documents/{documentId}`; false if it was not there.
    ///
    /// # Errors
    /// Any; safe to repeat.
    pub async fn delete_document(&self, id: &str) -> Result<bool> {
        Ok(self.remove(&["documents", id], Operation::Erase).await?.by_us())
    }

    /// `GET /archive-documents/{archiveId}`
    ///
    /// # Errors
    /// As [`SignicatClient::get_document`].
    pub async fn get_archived_document(&self, id: &str) -> Result<Download> {
        self.bytes(["archive-documents", id]).await
    }

    /// `DELETE /archive-documents/{archiveId}`; false if it was not there.
    ///
    /// # Errors
    /// Any; safe to repeat.
    pub async fn delete_archived_document(&self, id: &str) -> Result<bool> {
        Ok(self.remove(&["archive-documents", id], Operation::Erase).await?.by_us())
    }

    /// `POST /orders`. Visible to people; a second call makes a second order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for a broken rule before anything is sent, with the path that Signicat would name.
    /// [`Retry::OutcomeUnknown`] whenever the order may have been made.
    pub async fn create_order(&self, order: &SigningOrder) -> Result<CreatedOrder> {
        let answer = self.create(order).await?;
        let body: OrderBody = answer.json()?;
        // It could not be asked for, nor called back.
        if matches!(body.id.as_str(), "" | "." | "..") {
            return Err(answer.unexpected("Signicat gave an id that cannot be used"));
        }
        Ok(body.into())
    }

    /// The answer as it came: for trials.
    pub(crate) async fn create(&self, order: &SigningOrder) -> Result<Answer> {
        if let Some(fault) = faults(order).into_iter().next() {
            return Err(Error::invalid(fault.path, fault.message).during(Operation::Submit));
        }
        let url = self.http.url(["orders"])?;
        let recipe = || self.dress(self.http.post(url.clone())).operation(Operation::Submit).json(order);
        self.http.submit_with(recipe).await.map_err(refused_create)
    }

    /// `GET /orders/{orderId}`
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if Signicat does not have it, or no longer; else any, safe to repeat.
    pub async fn get_order(&self, order: &str) -> Result<CreatedOrder> {
        self.find_order(order, Operation::Lookup).await?.ok_or_else(|| not_found(Operation::Lookup))
    }

    /// As [`SignicatClient::get_order`]; `None` if Signicat itself says that it is not there.
    pub(crate) async fn find_order(&self, order: &str, operation: Operation) -> Result<Option<CreatedOrder>> {
        Ok(self.find::<OrderBody>(["orders", order], operation).await?.map(CreatedOrder::from))
    }

    /// `DELETE /orders/{orderId}`, whatever its state; false if it was not there. There is no way back.
    ///
    /// # Errors
    /// Any; safe to repeat. Whether an order with signed tasks can be deleted is not documented.
    pub async fn delete_order(&self, order: &str) -> Result<bool> {
        Ok(self.remove_order(order, Operation::Erase).await?.by_us())
    }

    pub(crate) async fn remove_order(&self, order: &str, operation: Operation) -> Result<Deletion> {
        self.remove(&["orders", order], operation).await
    }

    /// `GET /orders/{orderId}/tasks/{taskId}/status`
    ///
    /// # Errors
    /// As [`SignicatClient::get_order`].
    pub async fn task_status(&self, order: &str, task: &str) -> Result<TaskStatusInfo> {
        let found = self.find_task(order, task, Operation::Status).await?;
        found.ok_or_else(|| not_found(Operation::Status))
    }

    pub(crate) async fn find_task(
        &self,
        order: &str,
        task: &str,
        operation: Operation,
    ) -> Result<Option<TaskStatusInfo>> {
        let path = ["orders", order, "tasks", task, "status"];
        Ok(self.find::<TaskStatusBody>(path, operation).await?.map(TaskStatusInfo::from))
    }

    /// `GET /orders/{orderId}/tasks/{taskId}/events`: what has happened so far.
    ///
    /// # Errors
    /// As [`SignicatClient::get_order`].
    pub async fn task_events(&self, order: &str, task: &str) -> Result<Vec<TaskEvent>> {
        let found = self
            .find::<Vec<EventBody>>(["orders", order, "tasks", task, "events"], Operation::Status)
            .await?;
        Ok(found.ok_or_else(|| not_found(Operation::Status))?.into_iter().map(TaskEvent::from).collect())
    }

    /// `GET /orders/{orderId}/tasks/{taskId}/forwards`: to whom it was passed on. Forwarding is sold separately.
    ///
    /// # Errors
    /// As [`SignicatClient::get_order`].
    pub async fn task_forwards(&self, order: &str, task: &str) -> Result<Vec<TaskForward>> {
        let path = ["orders", order, "tasks", task, "forwards"];
        // Where forwarding is not sold there is nothing, and nothing is concluded from it.
        let found = self.find_once::<Vec<ForwardBody>>(&path, Operation::Status).await?;
        Ok(found.ok_or_else(|| not_found(Operation::Status))?.into_iter().map(TaskForward::from).collect())
    }

    /// `GET /orders/{orderId}/tasks/{taskId}/documents/{docId}/original`: as it was supplied.
    ///
    /// # Errors
    /// As [`SignicatClient::get_document`].
    pub async fn original_document(&self, order: &str, task: &str, document: &str) -> Result<Download> {
        self.bytes(["orders", order, "tasks", task, "documents", document, "original"]).await
    }

    /// `GET /orders/{orderId}/tasks/{taskId}/documents/{docId}/generated`: after form filling.
    ///
    /// # Errors
    /// As [`SignicatClient::get_document`].
    pub async fn generated_document(&self, order: &str, task: &str, document: &str) -> Result<Download> {
        self.bytes(["orders", order, "tasks", task, "documents", document, "generated"]).await
    }

    /// `GET /orders/{orderId}/tasks/{taskId}/documents/{docId}/result`: the evidence of one signer over one document,
    /// normally XML (LTV-SDO), never a PDF.
    ///
    /// # Errors
    /// As [`SignicatClient::get_document`].
    pub async fn signed_document(&self, order: &str, task: &str, document: &str) -> Result<Download> {
        self.bytes(["orders", order, "tasks", task, "documents", document, "result"]).await
    }

    /// `GET /orders/{orderId}/packaging-tasks/{packagingTaskId}/status`
    ///
    /// # Errors
    /// As [`SignicatClient::get_order`].
    pub async fn packaging_status(&self, order: &str, package: &str) -> Result<PackagingStatusInfo> {
        let found = self.find_package(order, package, Operation::Status).await?;
        found.ok_or_else(|| not_found(Operation::Status))
    }

    pub(crate) async fn find_package(
        &self,
        order: &str,
        package: &str,
        operation: Operation,
    ) -> Result<Option<PackagingStatusInfo>> {
        let path = ["orders", order, "packaging-tasks", package, "status"];
        Ok(self.find::<PackagingBody>(path, operation).await?.map(PackagingStatusInfo::from))
    }

    /// `GET /orders/{orderId}/packaging-tasks/{packagingTaskId}/result`: a sealed PDF with the method `pades`.
    ///
    /// # Errors
    /// As [`SignicatClient::get_document`].
    pub async fn packaging_result(&self, order: &str, package: &str) -> Result<Download> {
        self.bytes(["orders", order, "packaging-tasks", package, "result"]).await
    }

    /// Adds what goes with every call.
    fn dress(&self, mut call: Call) -> Call {
        if let Some(account) = &self.account_id {
            call = call.query("signicat-accountId", account);
        }
        if let Some(organization) = &self.organization {
            call = call.header(HeaderName::from_static("signicat-organizationid"), organization.clone());
        }
        call
    }

    /// `None` if Signicat itself says twice that it is not there.
    async fn find<T: DeserializeOwned>(
        &self,
        path: impl AsRef<[&str]>,
        operation: Operation,
    ) -> Result<Option<T>> {
        let path = path.as_ref();
        if let Some(found) = self.find_once(path, operation).await? {
            return Ok(Some(found));
        }
        self.http.before_second_look().await;
        self.find_once(path, operation).await
    }

    async fn find_once<T: DeserializeOwned>(&self, path: &[&str], operation: Operation) -> Result<Option<T>> {
        let answer = self.read(path.iter().copied(), operation).await?;
        if is_not_there(&answer)? { Ok(None) } else { answer.json().map(Some) }
    }

    /// Whether Signicat has an order of this id, by one look: for a probe.
    pub(crate) async fn has_order(&self, order: &str, operation: Operation) -> Result<bool> {
        let answer = self.read(["orders", order], operation).await?;
        Ok(!is_not_there(&answer)?)
    }

    /// The answer as it came; 404 and 410 are some too.
    pub(crate) async fn read(
        &self,
        path: impl IntoIterator<Item = &str>,
        operation: Operation,
    ) -> Result<Answer> {
        let call = self.dress(self.http.get(self.http.url(path)?)).operation(operation).replayable();
        call.accept(&[404, 410]).send().await
    }

    /// Success is what is documented: an answer without a body. After any other answer that is no refusal, what was to be
    /// deleted is looked for.
    async fn remove(&self, path: &[&str], operation: Operation) -> Result<Deletion> {
        let answer = self.delete(path.iter().copied(), operation).await?;
        let not_there = is_not_there(&answer)?;
        if !not_there && is_deleted(&answer) {
            return Ok(Deletion::Done);
        }
        if self.is_gone(path, operation, not_there).await? {
            let gone = Deletion::Gone { by_us: answer.earlier_unanswered() };
            return Ok(if not_there { gone } else { Deletion::Done });
        }
        let error = answer.unexpected(
            "the answer to the deletion is none that Signicat gives; what was to be deleted is still there",
        );
        Err(error.with_retry(Retry::SAFE))
    }

    /// Whether Signicat says twice, with some time between, that it is not there. `once`: it has said so once.
    async fn is_gone(&self, path: &[&str], operation: Operation, once: bool) -> Result<bool> {
        if !once && !is_not_there(&self.read(path.iter().copied(), operation).await?)? {
            return Ok(false);
        }
        self.http.before_second_look().await;
        is_not_there(&self.read(path.iter().copied(), operation).await?)
    }

    /// The answer as it came; 404 and 410 are some too.
    pub(crate) async fn delete(
        &self,
        path: impl IntoIterator<Item = &str>,
        operation: Operation,
    ) -> Result<Answer> {
        let call = self.dress(self.http.delete(self.http.url(path)?)).operation(operation).replayable();
        call.accept(&[404, 410]).send().await
    }

    /// Redirects are followed, to other hosts without the token. One client has met a success without a body whose
    /// `Location` leads on: that is followed too.
    ///
    /// That it is not there is said after a second look.
    async fn bytes(&self, path: impl IntoIterator<Item = &str>) -> Result<Download> {
        let mut url = self.http.url(path)?;
        let mut looked = false;
        for _ in 0..=MAX_REDIRECTS {
            let call = self.http.download(url.clone());
            // What names our account is for Signicat alone, as the token is.
            let ours = url.origin() == self.http.base_url().origin();
            let call = if ours { self.dress(call) } else { call };
            let answer = match call.follow(MAX_REDIRECTS).send().await {
                Err(error) if error.kind() == ErrorKind::NotFound && !looked => {
                    looked = true;
                    self.http.before_second_look().await;
                    continue;
                }
                other => other?,
            };
            match further(&answer).and_then(|target| url.join(target).ok()) {
                Some(target) => url = target,
                None => return Ok(Download { media_type: media_type(&answer), content: answer.body }),
            }
        }
        Err(Error::new(
            ErrorKind::UnexpectedAnswer,
            "a download led on from address to address without an end",
        )
        .during(Operation::Download))
    }
}

fn further(answer: &Answer) -> Option<&str> {
    answer.header("location").filter(|_| answer.body.is_empty())
}

fn media_type(answer: &Answer) -> Option<MediaType> {
    let text = answer.header(header::CONTENT_TYPE.as_str())?.split(';').next()?.trim();
    (!text.is_empty()).then(|| MediaType::new(text))
}

fn not_found(operation: Operation) -> Error {
    gone().with_kind(ErrorKind::NotFound).during(operation)
}

impl fmt::Debug for SignicatClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignicatClient").field("http", &self.http).finish_non_exhaustive()
    }
}
