//! Wrong about transactions.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    ErrorKind, Result, Retry, TransactionRequest, TransactionResult, TransactionReturn, TransactionStart,
    Transactions,
};

use crate::wrong::Defect;

macro_rules! defects {
    ($($name:ident),+ $(,)?) => { $(#[derive(Debug, Default)] pub(crate) struct $name;)+ };
}

defects!(ForgetsTheSession, LosesTheReturn, CallsALostAnswerSafe);

/// Hands out what it handed out before.
#[derive(Debug, Default)]
pub(crate) struct BeginsOnce(Mutex<Option<TransactionStart>>);

#[async_trait]
impl Defect for BeginsOnce {
    async fn begin(&self, right: &MemoryProvider, request: &TransactionRequest) -> Result<TransactionStart> {
        let fresh = right.begin(request).await?;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fresh).clone())
    }
}

/// Remembers the result and gives it to whoever comes.
#[derive(Debug, Default)]
pub(crate) struct CompletesTwice(Mutex<Option<TransactionResult>>);

#[async_trait]
impl Defect for CompletesTwice {
    async fn complete(&self, right: &MemoryProvider, back: &TransactionReturn) -> Result<TransactionResult> {
        let completed = right.complete(back).await;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(result) = &completed {
            *known = Some(result.clone());
        }
        completed.or_else(|error| known.clone().ok_or(error))
    }
}

#[async_trait]
impl Defect for ForgetsTheSession {
    async fn begin(&self, right: &MemoryProvider, request: &TransactionRequest) -> Result<TransactionStart> {
        let mut request = request.clone();
        request.session = "anybody".into();
        right.begin(&request).await
    }

    async fn complete(&self, right: &MemoryProvider, back: &TransactionReturn) -> Result<TransactionResult> {
        right.complete(&TransactionReturn::new(back.call.clone(), "anybody")).await
    }
}

/// What had no effect uses the return up all the same.
#[async_trait]
impl Defect for LosesTheReturn {
    async fn complete(&self, right: &MemoryProvider, back: &TransactionReturn) -> Result<TransactionResult> {
        right.complete(back).await.map_err(|error| match error.kind() {
            ErrorKind::Connect => error.with_retry(Retry::Never),
            _ => error,
        })
    }
}

#[async_trait]
impl Defect for CallsALostAnswerSafe {
    async fn complete(&self, right: &MemoryProvider, back: &TransactionReturn) -> Result<TransactionResult> {
        right.complete(back).await.map_err(|error| error.with_retry(Retry::SAFE))
    }
}
