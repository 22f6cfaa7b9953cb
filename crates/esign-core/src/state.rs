//! How far a request has come.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::redact::printable;
use crate::{ArtifactId, Handle, NextStep, Personal, RequestRef};

/// The state of a request, or of one signer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// Sent; nobody has signed.
    Pending,
    /// Some have signed, or all have and the result is being made.
    InProgress,
    /// Everything is signed.
    Completed,
    /// A signer refused.
    Declined,
    /// The time to sign has run out.
    Expired,
    /// Called back.
    Cancelled,
    /// The provider could not finish it.
    Failed,
    /// The provider used a word that is not known here. Neither a success nor a failure: the word is kept.
    Unrecognised,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InProgress,
        Self::Completed,
        Self::Declined,
        Self::Expired,
        Self::Cancelled,
        Self::Failed,
        Self::Unrecognised,
    ];

    /// True if the request has ended.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Declined | Self::Expired | Self::Cancelled | Self::Failed)
    }

    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// The state of a whole whose parts ended badly: a refusal weighs more than a cancellation, that more than expiry.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let weight = |state| match state {
            Self::Declined => 4,
            Self::Cancelled => 3,
            Self::Expired => 2,
            Self::Failed => 1,
            Self::Pending | Self::InProgress | Self::Completed | Self::Unrecognised => 0,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Completed => "Completed",
            Self::Declined => "Declined",
            Self::Expired => "Expired",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
            Self::Unrecognised => "Unrecognised",
        })
    }
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// The provider's own word.
    Provider,
    /// Concluded here, from our clock or from an absence: it may turn out otherwise.
    Concluded,
}

/// A state and who says so: what an application keeps per request and moves on with [`Standing::advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Standing {
    pub state: State,
    pub basis: Basis,
}

impl Standing {
    /// Said by the provider.
    #[must_use]
    pub fn stated(state: State) -> Self {
        Self { state, basis: Basis::Provider }
    }

    /// Concluded here.
    #[must_use]
    pub fn concluded(state: State) -> Self {
        Self { state, basis: Basis::Concluded }
    }

    /// True if no later news can change it.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.state.is_end() && self.basis == Basis::Provider
    }

    /// True if these news name another end than the one that the provider has stated before. [`Standing::advance`] keeps the
    /// first; a person has to look, because one of the two is wrong.
    #[must_use]
    pub fn contradicts(self, news: Self) -> bool {
        self.is_final() && news.is_final() && self.state != news.state
    }

    /// Where the request stands after news that may be late, repeated or out of order.
    ///
    /// An end that the provider stated never moves. Progress does not go back from InProgress to Pending. An unknown
    /// word never undoes what is known. Anything concluded gives way to what the provider states, and keeps against
    /// news that merely says "not ended yet" only if the provider does not say it itself.
    #[must_use]
    pub fn advance(self, news: Self) -> Self {
        if self.is_final() {
            return self;
        }
        let unknown = news.state == State::Unrecognised && self.state != State::Unrecognised;
        let back = self.state == State::InProgress && news.state == State::Pending;
        let weaker = self.state.is_end() && news.basis == Basis::Concluded;
        if unknown || back || weaker { self } else { news }
    }
}

/// What the provider says about a request, and what follows from it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatusReport {
    /// The state and who says so.
    pub standing: Standing,
    /// The provider's own word.
    pub provider_status: Option<String>,
    /// When the provider says the request was made.
    pub created_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// What is known of each signer; empty where the provider does not tell.
    pub signers: Vec<SignerStatus>,
    /// What those who can act now do next, where the provider tells: links of signers whose turn has come. Empty says
    /// nothing; what was given at submission stays as it was. Here comes a link, too, that was missing then
    /// ([`Step::LinkMissing`](crate::Step::LinkMissing)).
    pub next_steps: Vec<NextStep>,
    /// Whether the result can be obtained.
    pub result: ResultState,
    /// What can be downloaded now.
    pub artifacts: Vec<ArtifactId>,
    /// Do not ask again sooner than this.
    pub ask_again_after: Option<Duration>,
    /// A handle to store in place of the old one.
    pub new_handle: Option<Handle>,
    /// The request with new private state ([`RequestRef::with_state`]). For providers, which do not see the handle: the
    /// client makes [`StatusReport::new_handle`] of it and leaves this empty.
    pub new_request: Option<RequestRef>,
    /// Things worth knowing, in words.
    pub notes: Vec<String>,
}

impl StatusReport {
    /// A report of a state and nothing else.
    #[must_use]
    pub fn new(standing: Standing) -> Self {
        Self {
            standing,
            provider_status: None,
            created_at: None,
            expires_at: None,
            signers: Vec::new(),
            next_steps: Vec::new(),
            result: ResultState::NotReady,
            artifacts: Vec::new(),
            ask_again_after: None,
            new_handle: None,
            new_request: None,
            notes: Vec::new(),
        }
    }

    /// The same without what would command a terminal or break a log's line in the provider's words, so that an application
    /// may print them. The client does this to every report.
    #[must_use]
    pub(crate) fn printable(mut self) -> Self {
        for words in self.provider_status.iter_mut().chain(&mut self.notes) {
            if let Cow::Owned(clean) = printable(words) {
                *words = clean;
            }
        }
        self
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.standing.state
    }

    /// Signatures made, of those known to be required: none where no signer is known.
    #[must_use]
    pub fn progress(&self) -> (u32, Option<u32>) {
        let done = self.signers.iter().map(|s| u32::try_from(s.completed.len()).unwrap_or(u32::MAX)).sum();
        let required = self.signers.iter().map(|s| s.required).sum();
        // Of nobody nothing is required, which is not a count of signatures.
        (done, if self.signers.is_empty() { None } else { required })
    }
}

/// What is known of one signer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignerStatus {
    /// The signer's key in the request, where the provider's answer can be matched to it.
    pub key: Option<String>,
    /// The state of this signer.
    pub state: State,
    /// How many signatures are needed from this signer, if known.
    pub required: Option<u32>,
    /// The signatures made.
    pub completed: Vec<CompletedSignature>,
}

impl SignerStatus {
    /// A signer in a state.
    #[must_use]
    pub fn new(key: Option<String>, state: State) -> Self {
        Self { key, state, required: None, completed: Vec::new() }
    }
}

/// A signature that was made.
#[derive(Clone, Debug)]
pub struct CompletedSignature {
    /// The name in it, as the provider says.
    pub name: Option<Personal>,
    /// When, by the provider's clock.
    pub at: Option<Timestamp>,
}

/// Whether the result can be obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResultState {
    /// Not yet.
    NotReady,
    /// Only an unfinished document, which must be asked for by name ([`ArtifactId::PARTIAL`]).
    Partial,
    /// Yes.
    Ready {
        /// Until then, if known.
        until: Option<Timestamp>,
    },
    /// It could once, and cannot any more.
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transition table: from, news, result. `S` stated by the provider, `C` concluded here.
    #[test]
    fn the_transition_table() {
        use Basis::{Concluded as C, Provider as S};
        use State::*;
        let table = [
            // An end that the provider stated is the end, whatever comes later.
            ((Completed, S), (Pending, S), (Completed, S)),
            ((Completed, S), (Declined, S), (Completed, S)),
            ((Declined, S), (Completed, S), (Declined, S)),
            ((Cancelled, S), (Expired, C), (Cancelled, S)),
            ((Expired, S), (Completed, S), (Expired, S)),
            // Our own clock may be wrong.
            ((Expired, C), (Completed, S), (Completed, S)),
            ((Expired, C), (Pending, S), (Pending, S)),
            ((Expired, C), (Cancelled, C), (Expired, C)),
            ((Cancelled, C), (Completed, S), (Completed, S)),
            // Progress.
            ((Pending, S), (InProgress, S), (InProgress, S)),
            ((Pending, S), (Expired, C), (Expired, C)),
            ((InProgress, S), (Pending, S), (InProgress, S)),
            ((InProgress, S), (Completed, S), (Completed, S)),
            // An unknown word undoes nothing.
            ((Pending, S), (Unrecognised, S), (Pending, S)),
            ((Expired, C), (Unrecognised, S), (Expired, C)),
            ((Unrecognised, S), (Unrecognised, S), (Unrecognised, S)),
            ((Unrecognised, S), (Completed, S), (Completed, S)),
        ];
        for ((from, fb), (news, nb), (to, tb)) in table {
            let got = Standing { state: from, basis: fb }.advance(Standing { state: news, basis: nb });
            assert_eq!(got, Standing { state: to, basis: tb }, "{from}/{fb:?} + {news}/{nb:?}");
        }
    }

    #[test]
    fn a_report_without_signers_counts_nothing() {
        let mut report = StatusReport::new(Standing::stated(State::Cancelled));
        assert_eq!(report.progress(), (0, None));
        report.signers.push(SignerStatus { required: Some(2), ..SignerStatus::new(None, State::Pending) });
        assert_eq!(report.progress(), (0, Some(2)));
    }

    #[test]
    fn a_stated_end_is_final_against_everything() {
        for end in State::ALL.into_iter().filter(|s| s.is_end()) {
            for news in State::ALL {
                for basis in [Basis::Provider, Basis::Concluded] {
                    assert_eq!(Standing::stated(end).advance(Standing { state: news, basis }).state, end);
                }
            }
        }
    }

    #[test]
    fn only_two_different_stated_ends_contradict_each_other() {
        use State::*;
        let completed = Standing::stated(Completed);
        assert!(completed.contradicts(Standing::stated(Declined)));
        assert!(Standing::stated(Expired).contradicts(completed));
        for harmless in [completed, Standing::stated(Pending), Standing::concluded(Expired)] {
            assert!(!completed.contradicts(harmless), "{harmless:?}");
        }
        assert!(!Standing::concluded(Expired).contradicts(completed));
    }

    #[test]
    fn declined_weighs_more_than_cancelled_than_expired() {
        use State::*;
        assert_eq!([Expired, Cancelled, Declined, Pending].into_iter().fold(Pending, State::worse), Declined);
        assert_eq!([Expired, Cancelled].into_iter().fold(Completed, State::worse), Cancelled);
    }
}
