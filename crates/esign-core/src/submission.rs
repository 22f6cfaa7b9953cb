//! What a submission gives: a handle, a record and what each signer does next.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Handle, Intent, Result, SecretUrl, stored};

/// A request that the provider has accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Submission {
    /// Store it before anything else.
    pub handle: Handle,
    /// Keep it as evidence.
    pub record: SubmissionRecord,
    /// What each signer does next.
    pub next_steps: Vec<NextStep>,
}

impl Submission {
    /// A submission made from this intent. For providers.
    #[must_use]
    pub fn new(intent: &Intent, handle: Handle) -> Self {
        let record = SubmissionRecord {
            v: RECORD_VERSION,
            intent: intent.clone(),
            provider_id: handle.request().id().to_owned(),
            submitted_at: handle.request().created_at(),
            provider_created_at: None,
            provider_expires_at: None,
            notes: Vec::new(),
        };
        Self { handle, record, next_steps: Vec::new() }
    }

    /// Adds what a signer does next.
    #[must_use]
    pub fn step(mut self, signer: impl Into<String>, step: Step) -> Self {
        self.next_steps.push(NextStep { signer: signer.into(), step });
        self
    }

    /// Adds a remark to the record.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.record.notes.push(note.into());
        self
    }

    /// Adds the provider's own times to the record.
    #[must_use]
    pub fn provider_times(mut self, created_at: Option<Timestamp>, expires_at: Option<Timestamp>) -> Self {
        self.record.provider_created_at = created_at;
        self.record.provider_expires_at = expires_at;
        self
    }
}

/// What one signer does next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct NextStep {
    /// The signer's key.
    pub signer: String,
    pub step: Step,
}

/// The ways on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Open this link.
    OpenLink {
        /// The link.
        url: SecretUrl,
        /// Not later than this, if known.
        open_before: Option<Timestamp>,
        /// Several signers share it.
        shared: bool,
    },
    /// A link was asked for, and the provider's answer had none that a browser may open.
    LinkMissing {
        /// Whether a later look at the status brings it ([`StatusReport::next_steps`](crate::StatusReport::next_steps)). If not, nobody
        /// can sign: call the request back and send it anew.
        later: bool,
    },
    /// The provider sends an e-mail.
    EmailSent,
    /// It is not this signer's turn.
    WaitForOthers,
}

const STEPS_VERSION: u32 = 1;

impl NextStep {
    /// What all signers do next as one string, for storing until somebody asks for the links. It is a secret, as
    /// [`Handle::to_stored`] is: links let their holder sign.
    #[must_use]
    pub fn to_stored(steps: &[Self]) -> SecretString {
        let next = steps.iter().map(StoredStep::of).collect();
        SecretString::from(stored::write(&StoredSteps { steps: STEPS_VERSION, next }))
    }

    /// Reads what [`NextStep::to_stored`] wrote, in any version.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`](crate::ErrorKind::BadHandle) if it is something else, or of a version from the future.
    pub fn from_stored(text: &str) -> Result<Vec<Self>> {
        let stored: StoredSteps = stored::read(text, "list of next steps", "steps", STEPS_VERSION.into())?;
        Ok(stored.next.into_iter().map(StoredStep::into_step).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct StoredSteps {
    steps: u32,
    next: Vec<StoredStep>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum StoredStep {
    OpenLink {
        signer: String,
        url: Url,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open_before: Option<Timestamp>,
        shared: bool,
    },
    LinkMissing {
        signer: String,
        later: bool,
    },
    EmailSent {
        signer: String,
    },
    WaitForOthers {
        signer: String,
    },
}

impl StoredStep {
    fn of(next: &NextStep) -> Self {
        let signer = next.signer.clone();
        match &next.step {
            Step::OpenLink { url, open_before, shared } => Self::OpenLink {
                signer,
                url: url.expose().clone(),
                open_before: *open_before,
                shared: *shared,
            },
            Step::LinkMissing { later } => Self::LinkMissing { signer, later: *later },
            Step::EmailSent => Self::EmailSent { signer },
            Step::WaitForOthers => Self::WaitForOthers { signer },
        }
    }

    fn into_step(self) -> NextStep {
        match self {
            Self::OpenLink { signer, url, open_before, shared } => {
                NextStep { signer, step: Step::OpenLink { url: SecretUrl::new(url), open_before, shared } }
            }
            Self::LinkMissing { signer, later } => NextStep { signer, step: Step::LinkMissing { later } },
            Self::EmailSent { signer } => NextStep { signer, step: Step::EmailSent },
            Self::WaitForOthers { signer } => NextStep { signer, step: Step::WaitForOthers },
        }
    }
}

const RECORD_VERSION: u32 = 1;

/// Evidence of what was sent: hashes and lengths, where signatures were to go, what was changed on the way, and who
/// gave it which id when. Holds no secret, no document bytes and no address; readable for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubmissionRecord {
    v: u32,
    /// What was sent, as it was prepared.
    #[serde(flatten)]
    intent: Intent,
    provider_id: String,
    /// By our clock.
    submitted_at: Timestamp,
    /// By the provider's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_created_at: Option<Timestamp>,
    /// By the provider's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl SubmissionRecord {
    /// What was sent, as it was prepared.
    #[must_use]
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// The provider's id of the request.
    #[must_use]
    pub fn provider_id(&self) -> &str {
        &self.provider_id
    }

    /// When it was submitted, by our clock.
    #[must_use]
    pub fn submitted_at(&self) -> Timestamp {
        self.submitted_at
    }

    /// When it was created, by the provider's clock.
    #[must_use]
    pub fn provider_created_at(&self) -> Option<Timestamp> {
        self.provider_created_at
    }

    /// When it expires, by the provider's clock.
    #[must_use]
    pub fn provider_expires_at(&self) -> Option<Timestamp> {
        self.provider_expires_at
    }

    /// Remarks: what a reader of the evidence must know.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The record as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        stored::write_pretty(self)
    }

    /// Reads a record of any version.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`](crate::ErrorKind::BadHandle) if it is not a record, or of a version from the future.
    pub fn from_json(text: &str) -> Result<Self> {
        stored::read(text, "submission record", "v", RECORD_VERSION.into())
    }
}
