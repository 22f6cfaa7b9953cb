//! A folder that remembers every signing. Each file appears whole or not at all, for its owner alone.
//!
//! | file | since | is |
//! |---|---|---|
//! | `REFERENCE.intent.json` | before anything is sent, until the provider's answer is stored | what may have been sent |
//! | `KEY.record.json`, `KEY.handle` | the provider has accepted | the evidence; the secret to act with (`esign status KEY.handle`) |
//! | `HASH.session` | the same | the key, under the hash of the browser's cookie |
//! | `KEY.news.json` | a webhook was believed | the webhook as received, and the key that verified it |
//! | `KEY.signed.pdf` or `KEY.ended` | the end | the signed document; or the word for how it ended otherwise |

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use esign::secrecy::ExposeSecret;
use esign::{
    Artifact, ArtifactId, Handle, HandleKey, Intent, MediaType, Sha256Hash, Submission, SubmissionRecord,
    VerifiedEvent,
};
use serde_json::json;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::signings::Failure;

/// The folder.
pub(crate) struct Store(PathBuf);

/// A request that the provider has accepted.
pub(crate) struct Signing {
    pub(crate) handle: Handle,
    pub(crate) record: SubmissionRecord,
    pub(crate) progress: Progress,
}

/// How far it is, as far as this program knows.
pub(crate) enum Progress {
    /// Nobody said anything.
    Waiting,
    /// A webhook says that it is signed; the document is not here yet.
    Told,
    /// It ended without a signed document.
    Ended(String),
    /// The document is here.
    Signed,
}

impl Progress {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::Signed)
    }
}

impl Store {
    pub(crate) async fn open(folder: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        builder.mode(0o700);
        builder.recursive(true).create(folder).await?;
        Ok(Self(folder.to_owned()))
    }

    pub(crate) async fn keep_intent(&self, intent: &Intent) -> io::Result<()> {
        self.write(&intent_name(intent), intent.to_json().as_bytes()).await
    }

    pub(crate) async fn forget_intent(&self, intent: &Intent) -> io::Result<()> {
        fs::remove_file(self.0.join(intent_name(intent))).await
    }

    /// What may have been sent by an earlier run that never learnt the answer.
    pub(crate) async fn intents(&self) -> Result<Vec<Intent>, Failure> {
        let mut intents = Vec::new();
        for name in self.names(".intent.json").await? {
            if let Some(text) = self.read(&format!("{name}.intent.json")).await? {
                intents.push(Intent::from_json(&text)?);
            }
        }
        Ok(intents)
    }

    /// The record first: who finds the handle finds the record. The intent has done its duty.
    pub(crate) async fn keep(&self, submission: &Submission) -> io::Result<()> {
        let key = submission.handle.key();
        self.write(&format!("{key}.record.json"), submission.record.to_json().as_bytes()).await?;
        self.keep_handle(&submission.handle).await?;
        self.forget_intent(submission.record.intent()).await
    }

    pub(crate) async fn keep_handle(&self, handle: &Handle) -> io::Result<()> {
        self.write(&format!("{}.handle", handle.key()), handle.to_stored().expose_secret().as_bytes()).await
    }

    /// Ties a signing to one browser. Returns the secret for its cookie.
    pub(crate) async fn bind(&self, key: &HandleKey) -> io::Result<String> {
        let token = Uuid::new_v4().simple().to_string();
        self.write(&session_name(&token), key.as_str().as_bytes()).await?;
        Ok(token)
    }

    /// The signing of the browser with this cookie.
    pub(crate) async fn bound_to(&self, token: &str) -> Result<Option<Signing>, Failure> {
        match self.read(&session_name(token)).await? {
            Some(key) => self.named(&key).await,
            None => Ok(None),
        }
    }

    /// The signing with this key; `None` if the provider's answer about it is not stored (yet).
    pub(crate) async fn get(&self, key: &HandleKey) -> Result<Option<Signing>, Failure> {
        self.named(key.as_str()).await
    }

    /// All that have not ended.
    pub(crate) async fn unfinished(&self) -> Result<Vec<Signing>, Failure> {
        let mut signings = Vec::new();
        for name in self.names(".handle").await? {
            signings.extend(self.named(&name).await?.filter(|signing| !signing.progress.is_over()));
        }
        Ok(signings)
    }

    /// Keeps a webhook as evidence, as it was received.
    pub(crate) async fn keep_news(&self, event: &VerifiedEvent) -> io::Result<()> {
        let news = json!({
            "says": event.standing.state.as_str(),
            "at": event.at.map(|at| at.to_string()),
            "received_at": event.evidence.received_at.to_string(),
            "body": String::from_utf8_lossy(&event.evidence.body),
            "verified_with": event.evidence.verified_with,
        });
        self.write(&format!("{}.news.json", event.key), news.to_string().as_bytes()).await
    }

    pub(crate) async fn keep_signed(&self, key: &HandleKey, signed: &Artifact) -> io::Result<()> {
        self.write(&signed_name(key.as_str()), &signed.content).await
    }

    /// The signed document of a signing that has one.
    pub(crate) async fn signed(&self, key: &HandleKey) -> io::Result<Artifact> {
        let pdf = fs::read(self.0.join(signed_name(key.as_str()))).await?;
        Ok(Artifact::new(ArtifactId::SIGNED, MediaType::PDF, pdf.into()))
    }

    pub(crate) async fn keep_end(&self, key: &HandleKey, how: &str) -> io::Result<()> {
        self.write(&format!("{key}.ended"), how.as_bytes()).await
    }

    async fn named(&self, key: &str) -> Result<Option<Signing>, Failure> {
        let Some(handle) = self.read(&format!("{key}.handle")).await? else { return Ok(None) };
        let record = self.read(&format!("{key}.record.json")).await?.ok_or("a handle without its record")?;
        Ok(Some(Signing {
            handle: Handle::from_stored(&handle)?,
            record: SubmissionRecord::from_json(&record)?,
            progress: self.progress(key).await?,
        }))
    }

    async fn progress(&self, key: &str) -> io::Result<Progress> {
        if fs::try_exists(self.0.join(signed_name(key))).await? {
            return Ok(Progress::Signed);
        }
        if let Some(how) = self.read(&format!("{key}.ended")).await? {
            return Ok(Progress::Ended(how));
        }
        let told = fs::try_exists(self.0.join(format!("{key}.news.json"))).await?;
        Ok(if told { Progress::Told } else { Progress::Waiting })
    }

    /// What stands before this ending, of every file that has it.
    async fn names(&self, ending: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut entries = fs::read_dir(&self.0).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            names.extend(name.to_string_lossy().strip_suffix(ending).map(str::to_owned));
        }
        Ok(names)
    }

    async fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.0.join(name)).await {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes beside, then puts in place: a crash leaves the old file or the new one. The folder is written out too, so
    /// that not even a power failure takes the name away.
    async fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let fresh = self.0.join(format!("{}.new", Uuid::new_v4().simple()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&fresh).await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        fs::rename(&fresh, self.0.join(name)).await?;
        #[cfg(unix)]
        fs::File::open(&self.0).await?.sync_all().await?;
        Ok(())
    }
}

/// References are random here, so they make good file names.
fn intent_name(intent: &Intent) -> String {
    format!("{}.intent.json", intent.reference())
}

fn signed_name(key: &str) -> String {
    format!("{key}.signed.pdf")
}

/// Not the cookie itself: who reads the folder's listing cannot take a browser's place. And whatever a browser sends, this
/// is the name of a file in the folder.
fn session_name(token: &str) -> String {
    format!("{}.session", Sha256Hash::of(token.as_bytes()))
}
