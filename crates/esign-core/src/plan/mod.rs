//! Could this instance do that request? Decided here, once, before any network call.

mod checks;
mod examine;
mod intent;
mod landmarks;
mod pdf_rules;
mod place;
mod prepared;
mod wishes;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::redact::printable;
use crate::{Error, ErrorKind, Operation, ProviderKind, Range};

pub(crate) use examine::{Examined, Inspection, Target, examine, leg};
pub use intent::{Intent, PlacedSignature, PlannedPlacement, SentDocument, SentSigner};
pub(crate) use landmarks::Texts;
pub use prepared::{Prepared, Resolved, ResolvedPlacement, ResolvedSigner, ResolvedSpot};

/// The answer to "could this instance do that?".
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The instance.
    pub instance: String,
    /// Its kind.
    pub kind: ProviderKind,
    /// The answer.
    pub verdict: Verdict,
    /// What would be changed or left out, each allowed by the instance's `adapt`.
    pub changes: Vec<Change>,
    /// Why not, and what a person should know.
    pub findings: Vec<Finding>,
    /// Where each signature would go: texts and form fields are resolved, the provider's size of box is applied. A box that
    /// is refused for where it is stands here too; the finding whose `field` is its `at` says why.
    pub placements: Vec<PlannedPlacement>,
}

impl Plan {
    /// The findings that stop the request.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity == Severity::Refusal)
    }

    /// The refusal as an error: the first reason in its message, all of them in its source.
    pub(crate) fn to_error(&self) -> Option<Error> {
        let first = self.refusals().next()?;
        let more = self.refusals().count() - 1;
        let mut message = first.message.clone();
        if let Some(line) = &first.allow {
            message = format!("{message}; to allow it, add {line} to [providers.{}]", self.instance);
        }
        if more > 0 {
            message = format!("{message} (and {more} more; see the plan)");
        }
        let mut error = Error::new(first.kind, message)
            .with_provider(self.kind.clone())
            .with_instance(&self.instance)
            .during(Operation::Prepare)
            .with_source(Refused(self.refusals().map(ToString::to_string).collect()));
        if let Some(field) = &first.field {
            error = error.field(field);
        }
        Some(error)
    }
}

/// Every reason why a request was refused: the source of the error that `prepare` gives.
#[derive(Debug)]
struct Refused(Vec<String>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Refused {}

/// The short answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// As it stands.
    Works,
    /// With the changes listed.
    WorksWithChanges,
    /// As a chain of requests, one per signer, each signing the result of the one before.
    WorksAsChain,
    /// Not, for the reasons listed.
    Cannot,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Works => "works",
            Self::WorksWithChanges => "works with changes",
            Self::WorksAsChain => "works as a chain",
            Self::Cannot => "cannot",
        })
    }
}

/// A wish that may be changed or left out for an instance whose `adapt` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Wish {
    /// Where signatures go, and how large their boxes are.
    Placement,
    /// The message to signers.
    Message,
    /// The language of e-mails and pages.
    Language,
    /// Where the browser goes afterwards.
    ReturnUrl,
    /// For how long signing is possible.
    Expiry,
    /// That each signer has a link of their own.
    SharedLink,
    /// The order of signers.
    Order,
    /// The document's name, character for character.
    DocumentName,
}

impl Wish {
    /// Every wish.
    pub const ALL: [Self; 8] = [
        Self::Placement,
        Self::Message,
        Self::Language,
        Self::ReturnUrl,
        Self::Expiry,
        Self::SharedLink,
        Self::Order,
        Self::DocumentName,
    ];

    /// As written in `adapt`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Message => "message",
            Self::Language => "language",
            Self::ReturnUrl => "return_url",
            Self::Expiry => "expiry",
            Self::SharedLink => "shared_link",
            Self::Order => "order",
            Self::DocumentName => "document_name",
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is sent otherwise than it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was wished.
    pub wish: Wish,
    /// Where in the request.
    pub field: String,
    /// What happens instead, in a sentence, without personal data.
    pub change: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.field), printable(&self.change))
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Good to know.
    Note,
    /// Look before you send.
    Warning,
    /// It will not be sent.
    Refusal,
}

/// Something found while examining a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable name for programs: `document.bytes`.
    pub code: Cow<'static, str>,
    /// Where in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// A sentence that tells a person what to do.
    pub message: String,
    /// The line of configuration that would allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<String>,
    /// The numbers that are accepted, where the finding is about a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Range>,
    #[serde(skip)]
    kind: ErrorKind,
    #[serde(skip)]
    solved_by_chain: bool,
}

impl Finding {
    /// Stops the request, because the request breaks a rule.
    #[must_use]
    pub fn invalid(
        code: impl Into<Cow<'static, str>>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Refusal, ErrorKind::InvalidRequest, code, message).at(field)
    }

    /// Stops the request, because this provider cannot do it.
    #[must_use]
    pub fn unsupported(
        code: impl Into<Cow<'static, str>>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Refusal, ErrorKind::Unsupported, code, message).at(field)
    }

    /// Shows in the plan.
    #[must_use]
    pub fn warning(
        code: impl Into<Cow<'static, str>>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, ErrorKind::InvalidRequest, code, message).at(field)
    }

    /// Shows in the plan.
    #[must_use]
    pub fn note(
        code: impl Into<Cow<'static, str>>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Note, ErrorKind::InvalidRequest, code, message).at(field)
    }

    fn new(
        severity: Severity,
        kind: ErrorKind,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code: code.into(),
            field: None,
            message: message.into(),
            allow: None,
            limit: None,
            kind,
            solved_by_chain: false,
        }
    }

    fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names the line of configuration that would allow it.
    #[must_use]
    pub fn allowed_by(mut self, line: impl Into<String>) -> Self {
        self.allow = Some(line.into());
        self
    }

    /// Names the numbers that are accepted.
    #[must_use]
    pub fn limited_to(mut self, range: Range) -> Self {
        self.limit = Some(range);
        self
    }

    pub(crate) fn solved_by_chain(mut self) -> Self {
        self.solved_by_chain = true;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{}: ", printable(field))?;
        }
        f.write_str(&printable(&self.message))?;
        if let Some(line) = &self.allow {
            write!(f, "; allowed by {}", printable(line))?;
        }
        Ok(())
    }
}
