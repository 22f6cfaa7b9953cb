//! E-mails (and text messages) that the simulated services would have sent.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// A message that a simulated service sent to a person. Debug hides the addressee, the text and the link.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// The service that sent it, such as `signify`.
    pub service: &'static str,
    /// The addressee, as given by the client.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The link that the addressee is to open, if the message has one.
    pub link: Option<String>,
    /// When it was sent, by the sandbox's clock.
    pub at: Timestamp,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("service", &self.service)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mailbox(Mutex<Vec<Message>>);

impl Mailbox {
    pub(crate) fn deliver(&self, message: Message) {
        self.lock().push(message);
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> Vec<Message> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
