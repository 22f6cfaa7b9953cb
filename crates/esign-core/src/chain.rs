//! Several signers at a provider that takes one: a chain of requests, each over the result of the one before.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    Artifact, Handle, Intent, Reference, Result, Sha256Hash, State, StatusReport, Submission,
    SubmissionRecord, stored,
};

const CHAIN_VERSION: u32 = 1;

/// How far a chain has come: store it after every step, as one secret string. With it, the request and the document as
/// it stood last, [`Client::step`](crate::Client::step) goes on after a crash at any point.
///
/// `Debug` shows reference, instance and how far it is.
#[derive(Clone)]
pub struct ChainRecord {
    pub(crate) instance: String,
    pub(crate) reference: Reference,
    pub(crate) original: Fingerprint,
    pub(crate) legs: Vec<Leg>,
}

/// What bytes must be to be the right ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    bytes: u64,
    sha256: Sha256Hash,
}

impl Fingerprint {
    pub(crate) fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, sha256: Sha256Hash::of(content) }
    }
}

/// One signer's part.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) signer: String,
    pub(crate) progress: Progress,
}

/// How far one leg is.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// Nothing has been done.
    Waiting,
    /// The intent is recorded. `here`: this process recorded it and has not tried to send; after a restart nobody knows.
    Prepared { intent: Box<Intent>, here: bool },
    /// Sent, and waiting for the signer.
    Sent { handle: Box<Handle>, record: Box<SubmissionRecord> },
    /// Signed: these are the bytes that the next leg takes.
    Signed { record: Box<SubmissionRecord>, result: Fingerprint },
    /// Ended otherwise: the chain is over.
    Ended { state: State },
}

/// What a step of a chain did. Store the [`ChainRecord`] after each of them, before anything else but the document of a
/// signed leg.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChainStep {
    /// The next leg is prepared and nothing is sent. Store the record, then step again: that sends.
    Prepared {
        /// Whose leg.
        signer: String,
    },
    /// The leg was sent. Store the record, then hand out the next steps.
    Sent {
        /// Whose leg.
        signer: String,
        /// With the links for this signer.
        submission: Box<Submission>,
    },
    /// The signer has not finished. Step again later.
    Waiting {
        /// Whose leg.
        signer: String,
        /// How far it is.
        report: Box<StatusReport>,
    },
    /// The leg is signed. Store this document, and only then the record: a record that says so without the document is
    /// worth nothing, and the next step needs it. After a crash between the two the document is fetched again.
    Signed {
        /// Whose leg.
        signer: String,
        /// The document as it stands now. After the last leg it is the result.
        document: Artifact,
        /// True if this was the last leg.
        last: bool,
    },
    /// Every leg was signed before.
    Finished,
    /// A leg ended without a signature: the chain is over. The last stored document holds the signatures made so far.
    Ended {
        /// Whose leg.
        signer: String,
        /// How it ended.
        state: State,
    },
    /// The leg was signed, but the provider no longer gives the document out: the signature cannot be recovered, and
    /// that signer has to sign again, in a new chain over the last stored document.
    Lost {
        /// Whose leg.
        signer: String,
    },
    /// A crash or a lost answer left it unknown whether the leg was sent, and the provider cannot say. Decide whether a
    /// second sending does harm, then [`ChainRecord::send_again`].
    OutcomeUnknown {
        /// Whose leg.
        signer: String,
        /// Why nobody knows.
        why: String,
    },
}

impl ChainRecord {
    /// The instance that the chain runs on.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The caller's reference of the whole; each leg's has the leg's number behind it.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Signed legs and all legs.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let signed = self.legs.iter().filter(|leg| matches!(leg.progress, Progress::Signed { .. })).count();
        (signed, self.legs.len())
    }

    /// The evidence of each leg that was sent, in order, with the signer's key.
    pub fn records(&self) -> impl Iterator<Item = (&str, &SubmissionRecord)> {
        self.legs.iter().filter_map(|leg| match &leg.progress {
            Progress::Sent { record, .. } | Progress::Signed { record, .. } => {
                Some((leg.signer.as_str(), record.as_ref()))
            }
            Progress::Waiting | Progress::Prepared { .. } | Progress::Ended { .. } => None,
        })
    }

    /// The handle of the leg that waits for its signer.
    #[must_use]
    pub fn handle(&self) -> Option<&Handle> {
        self.legs.iter().find_map(|leg| match &leg.progress {
            Progress::Sent { handle, .. } => Some(handle.as_ref()),
            Progress::Waiting
            | Progress::Prepared { .. }
            | Progress::Signed { .. }
            | Progress::Ended { .. } => None,
        })
    }

    /// Gives up a leg whose sending is unknown: the next step prepares and sends it anew. If it was sent after all, two
    /// requests exist.
    pub fn send_again(&mut self) {
        for leg in &mut self.legs {
            if matches!(leg.progress, Progress::Prepared { .. }) {
                leg.progress = Progress::Waiting;
            }
        }
    }

    /// What the document must be for the next step.
    pub(crate) fn expected(&self) -> Fingerprint {
        let signed = self.legs.iter().rev().find_map(|leg| match &leg.progress {
            Progress::Signed { result, .. } => Some(*result),
            _ => None,
        });
        signed.unwrap_or(self.original)
    }

    /// The record as one string. It holds handles: it is a secret.
    #[must_use]
    pub fn to_stored(&self) -> SecretString {
        let legs = self
            .legs
            .iter()
            .map(|leg| StoredLeg { signer: leg.signer.clone(), progress: stored(&leg.progress) });
        let form = Stored {
            chain: CHAIN_VERSION,
            instance: self.instance.clone(),
            reference: self.reference.clone(),
            original: self.original,
            legs: legs.collect(),
        };
        SecretString::from(stored::write(&form))
    }

    /// Reads a stored record of any version.
    ///
    /// # Errors
    /// [`ErrorKind::BadHandle`](crate::ErrorKind::BadHandle) if it is not one, or of a version from the future.
    pub fn from_stored(text: &str) -> Result<Self> {
        let stored: Stored = stored::read(text, "chain", "chain", CHAIN_VERSION.into())?;
        let legs = stored
            .legs
            .into_iter()
            .map(|leg| Ok(Leg { signer: leg.signer, progress: restored(leg.progress)? }));
        Ok(Self {
            instance: stored.instance,
            reference: stored.reference,
            original: stored.original,
            legs: legs.collect::<Result<_>>()?,
        })
    }
}

impl fmt::Debug for ChainRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (signed, legs) = self.progress();
        write!(f, "ChainRecord({}, {}, {signed} of {legs})", self.instance, self.reference)
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    chain: u32,
    instance: String,
    reference: Reference,
    original: Fingerprint,
    legs: Vec<StoredLeg>,
}

#[derive(Serialize, Deserialize)]
struct StoredLeg {
    signer: String,
    progress: StoredProgress,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredProgress {
    Waiting,
    Prepared { intent: Box<Intent> },
    Sent { handle: String, record: Box<SubmissionRecord> },
    Signed { record: Box<SubmissionRecord>, result: Fingerprint },
    Ended { state: State },
}

fn stored(progress: &Progress) -> StoredProgress {
    match progress.clone() {
        Progress::Waiting => StoredProgress::Waiting,
        Progress::Prepared { intent, .. } => StoredProgress::Prepared { intent },
        Progress::Sent { handle, record } => {
            StoredProgress::Sent { handle: handle.to_stored().expose_secret().to_owned(), record }
        }
        Progress::Signed { record, result } => StoredProgress::Signed { record, result },
        Progress::Ended { state } => StoredProgress::Ended { state },
    }
}

fn restored(progress: StoredProgress) -> Result<Progress> {
    Ok(match progress {
        StoredProgress::Waiting => Progress::Waiting,
        StoredProgress::Prepared { intent } => Progress::Prepared { intent, here: false },
        StoredProgress::Sent { handle, record } => {
            Progress::Sent { handle: Box::new(Handle::from_stored(&handle)?), record }
        }
        StoredProgress::Signed { record, result } => Progress::Signed { record, result },
        StoredProgress::Ended { state } => Progress::Ended { state },
    })
}
