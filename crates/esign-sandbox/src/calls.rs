//! What arrived: every call of a simulated operation, in order of arrival.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// One call that a client made of a simulated operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// The operation's name, such as `signify.create`.
    pub operation: &'static str,
    /// When it arrived, by the sandbox's clock.
    pub at: Timestamp,
    /// The HTTP status of the answer; `None` while none has been given, and when a fault kept it back.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<Vec<Call>>);

impl Calls {
    /// Writes an arrival down; the number returned names the call for [`Calls::answered`].
    pub(crate) fn received(&self, operation: &'static str, at: Timestamp) -> usize {
        let mut calls = self.lock();
        calls.push(Call { operation, at, status: None });
        calls.len() - 1
    }

    /// Writes the answer's status to the call, unless the log was cleared meanwhile.
    pub(crate) fn answered(&self, call: usize, operation: &'static str, status: u16) {
        if let Some(call) = self.lock().get_mut(call).filter(|call| call.operation == operation) {
            call.status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        self.lock().clone()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.lock().iter().filter(|call| call.operation == operation).count()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
