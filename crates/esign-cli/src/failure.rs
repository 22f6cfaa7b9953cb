//! How the command ends.

use std::fmt;
use std::path::Path;

use esign::{Error, ErrorKind, Operation};
use serde_json::{Value, json};

/// Exit status. Documented in the README and in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and the answer is good.
    Good = 0,
    /// Done, and the answer is not good: a plan that cannot, a signature that does not hold, a request that was declined.
    NotGood = 1,
    /// The command line, the configuration or a file cannot be used.
    Usage = 2,
    /// Nothing was sent: the request was refused, or nobody pressed the button.
    NotSent = 3,
    /// The provider or the network failed, or an answer could not be used.
    Provider = 4,
    /// It may have had an effect: `esign resolve` first, or after a cancel `esign status`.
    OutcomeUnknown = 5,
    /// It was sent, and something is missing: a file could not be written where it belongs, or a link did not come.
    SentIncomplete = 6,
}

impl From<bool> for Exit {
    fn from(good: bool) -> Self {
        if good { Self::Good } else { Self::NotGood }
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, the configuration or a file cannot be used.
    Usage(String),
    /// What the contract says, with advice of the command's own.
    Contract { error: Box<Error>, advice: Option<String> },
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn file(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::Usage(format!("cannot {what} {}: {error}", path.display()))
    }

    /// Says what to do next.
    pub(crate) fn advise(self, words: impl Into<String>) -> Self {
        match self {
            Self::Contract { error, .. } => Self::Contract { error, advice: Some(words.into()) },
            usage @ Self::Usage(_) => usage,
        }
    }

    pub(crate) fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Contract { error, .. } if error.is_outcome_unknown())
    }

    /// A document cannot be read as what it claims to be.
    pub(crate) fn is_about_the_document(&self) -> bool {
        matches!(self, Self::Contract { error, .. } if error.kind() == ErrorKind::Document)
    }

    /// Says during what it happened.
    pub(crate) fn during(self, operation: Operation) -> Self {
        match self {
            Self::Contract { error, advice } => {
                Self::Contract { error: Box::new(error.during(operation)), advice }
            }
            usage @ Self::Usage(_) => usage,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Contract { error, .. } => exit(error),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut object = match self {
            Self::Usage(message) => json!({ "kind": "usage", "retry": "never", "message": message }),
            Self::Contract { error, .. } => error.to_json(),
        };
        object["exit"] = json!(self.exit() as u8);
        if let Self::Contract { advice: Some(advice), .. } = self {
            object["advice"] = json!(advice);
        }
        object
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Contract { error: Box::new(error), advice: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Contract { error, advice: None } => write!(f, "{error}"),
            Self::Contract { error, advice: Some(advice) } => write!(f, "{error}; {advice}"),
        }
    }
}

fn exit(error: &Error) -> Exit {
    if error.is_outcome_unknown() {
        return Exit::OutcomeUnknown;
    }
    match error.kind() {
        ErrorKind::Config | ErrorKind::Secret | ErrorKind::BadHandle => Exit::Usage,
        // The provider's own refusal has a status; what was refused before it was sent has none. A document or an answer that
        // came back was asked for.
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::TooLarge | ErrorKind::Document
            if error.http_status().is_none() && !came_back(error) =>
        {
            Exit::NotSent
        }
        ErrorKind::NotReady
        | ErrorKind::Gone
        | ErrorKind::Verification
        | ErrorKind::Integrity
        | ErrorKind::Internal => Exit::NotGood,
        _ => Exit::Provider,
    }
}

/// Whether it is about something that a provider answered.
fn came_back(error: &Error) -> bool {
    let reads = matches!(
        error.operation(),
        Some(
            Operation::Status
                | Operation::Download
                | Operation::Lookup
                | Operation::Cancel
                | Operation::Erase
        )
    );
    reads && matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::Document)
}

#[cfg(test)]
mod tests {
    use esign::Retry;

    use super::*;

    #[test]
    fn the_exit_status_says_whether_anything_was_sent() {
        let error = |kind| Error::new(kind, "x");
        for (error, expected) in [
            (error(ErrorKind::Config), Exit::Usage),
            (error(ErrorKind::BadHandle), Exit::Usage),
            (error(ErrorKind::InvalidRequest), Exit::NotSent),
            (error(ErrorKind::TooLarge), Exit::NotSent),
            (error(ErrorKind::TooLarge).during(Operation::Status), Exit::Provider),
            (error(ErrorKind::TooLarge).during(Operation::Download), Exit::Provider),
            (error(ErrorKind::Document).during(Operation::Download), Exit::Provider),
            (error(ErrorKind::Unsupported).during(Operation::Cancel), Exit::NotSent),
            (error(ErrorKind::InvalidRequest).with_http_status(400), Exit::Provider),
            (error(ErrorKind::Connect), Exit::Provider),
            (error(ErrorKind::NotReady), Exit::NotGood),
            (error(ErrorKind::Provider).with_retry(Retry::OutcomeUnknown), Exit::OutcomeUnknown),
        ] {
            let failure = Failure::from(error);
            assert_eq!(failure.exit(), expected, "{failure}");
            assert_eq!(failure.to_json()["exit"], expected as u8);
        }
    }
}
