#![doc = include_str!("../README.md")]

mod artifact;
mod call;
mod capability;
mod chain;
mod client;
mod clock;
mod config;
pub mod duration;
mod error;
mod event;
pub mod facts;
mod gate;
mod handle;
mod key;
mod kind;
pub mod memory;
mod model;
mod observe;
mod plan;
mod provider;
mod random;
pub mod redact;
mod registry;
mod secret;
mod state;
mod stored;
mod submission;
mod trial;

pub use artifact::{Artifact, ArtifactId};
pub use call::{CallClass, CallScope};
pub use capability::*;
pub use chain::{ChainRecord, ChainStep};
pub use client::{Client, ClientBuilder, Inspector, Wait};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use config::{Config, InstanceConfig, Times, TrustConfig};
pub use error::{Error, ErrorKind, Operation, Result, Retry};
pub use event::{CallbackEvidence, Event, InboundCall, Received, Reply, VerifiedEvent};
pub use gate::{Ask, Gate, NotBefore, Pass};
pub use handle::{Handle, HandleKey, RequestRef};
pub use key::{KeyAlgorithm, SigningKey};
pub use kind::ProviderKind;
pub use model::*;
pub use observe::{NoObserver, Observation, Observer};
pub use plan::{
    Change, Finding, Intent, PlacedSignature, Plan, PlannedPlacement, Prepared, Resolved, ResolvedPlacement,
    ResolvedSigner, ResolvedSpot, SentDocument, SentSigner, Severity, Verdict, Wish,
};
pub use provider::*;
pub use registry::{BuildContext, ProviderConfig, Registry};
pub use secret::{Credential, FixedSecrets, Personal, SecretRef, SecretSource, SecretUrl, browser_fault};
pub use state::{Basis, CompletedSignature, ResultState, SignerStatus, Standing, State, StatusReport};
pub use submission::{NextStep, Step, Submission, SubmissionRecord};
pub use trial::{BlankPdf, Settled, Trial, TrialOutcome};

/// Re-exported because its types are part of the contract: 0.x, so a change of version is ours to plan.
pub use jiff;
/// Re-exported because its types are part of the contract: 0.x, so a change of version is ours to plan.
pub use secrecy;
