//! The files beside a document: intent, handle, record and links.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use esign::secrecy::ExposeSecret;
use esign::{Delivery, Handle, Intent, NextStep, Step, Submission, SubmissionRecord};
use uuid::Uuid;

use crate::failure::Failure;

/// What one submission leaves behind: `NAME.intent.json`, `NAME.handle`, `NAME.record.json`, `NAME.links`. A chain has
/// `NAME.chain`, and these for each leg as `NAME-1`, `NAME-2`, ….
#[derive(Clone, Debug)]
pub(crate) struct Papers {
    stem: PathBuf,
}

impl Papers {
    pub(crate) fn new(stem: impl Into<PathBuf>) -> Self {
        Self { stem: stem.into() }
    }

    /// The papers that a file of any of these sorts belongs to.
    pub(crate) fn beside(path: &Path) -> Self {
        let text = path.to_string_lossy();
        let stem = [".intent.json", ".handle", ".record.json", ".links", ".signed.pdf"]
            .iter()
            .find_map(|ending| text.strip_suffix(ending))
            .unwrap_or(&text);
        Self::new(stem)
    }

    pub(crate) fn intent(&self) -> PathBuf {
        self.path(".intent.json")
    }

    pub(crate) fn handle(&self) -> PathBuf {
        self.path(".handle")
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.path(".record.json")
    }

    pub(crate) fn links(&self) -> PathBuf {
        self.path(".links")
    }

    pub(crate) fn signed(&self) -> PathBuf {
        self.path(".signed.pdf")
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.path(".evidence.zip")
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.path(".chain")
    }

    /// The papers of a leg of a chain, from 1.
    pub(crate) fn leg(&self, number: usize) -> Self {
        Self { stem: self.path(&format!("-{number}")) }
    }

    fn path(&self, ending: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    /// Nothing of an earlier request may be written over.
    pub(crate) fn check_unused(&self) -> Result<(), Failure> {
        let mut papers =
            [self.intent(), self.handle(), self.record(), self.links(), self.chain()].into_iter();
        match papers.find(|path| is_taken(path)) {
            Some(taken) => Err(Failure::usage(format!(
                "{} belongs to an earlier request; choose another name with --save, or move it away",
                taken.display()
            ))),
            None => Ok(()),
        }
    }

    /// Takes the names before anything is sent, so that they can be written to afterwards. What is reserved is given back
    /// when the reservation is dropped and nothing was written.
    pub(crate) fn reserve(&self) -> Result<Reservation, Failure> {
        self.check_unused()?;
        let intent = reserve(&self.intent())?;
        // Not every file system has locks.
        if let Err(std::fs::TryLockError::WouldBlock) = intent.try_lock() {
            let path = self.intent();
            return Err(Failure::usage(format!(
                "another esign is sending under this name: {}",
                path.display()
            )));
        }
        let mut reserved = Reservation { paths: vec![self.intent()], _lock: intent };
        for path in [self.handle(), self.record(), self.links()] {
            reserve(&path)?;
            reserved.paths.push(path);
        }
        Ok(reserved)
    }

    /// Stores the intent before anything is sent.
    pub(crate) fn save_intent(&self, intent: &Intent) -> Result<(), Failure> {
        replace(&self.intent(), intent.to_json().as_bytes())
    }

    /// Puts the intent of a request that may have been sent aside, where `esign resolve` still finds it.
    pub(crate) fn put_intent_aside(&self) -> Result<PathBuf, Failure> {
        let aside = (1..).map(|n| Self { stem: self.path(&format!(".before-{n}")) }.intent());
        let Some(aside) = aside.into_iter().find(|path| !is_taken(path)) else {
            return Err(Failure::usage("there is no name left for the earlier intent"));
        };
        std::fs::rename(self.intent(), &aside).map_err(|e| Failure::file("rename", &self.intent(), &e))?;
        Ok(aside)
    }

    /// The handle first, since it is what cannot be had again; then record and links. What cannot be written where it belongs is
    /// written to another place, and told.
    pub(crate) fn save_submission(&self, submission: &Submission) -> Kept {
        let mut kept = Kept::default();
        let handle = submission.handle.to_stored();
        kept.keep(Paper::Handle, &self.handle(), handle.expose_secret());
        kept.keep(Paper::Record, &self.record(), &submission.record.to_json());
        let links = links(submission.record.intent().delivery(), &submission.next_steps);
        if !links.is_empty() {
            kept.keep(Paper::Links, &self.links(), &links);
        }
        kept
    }
}

/// Names that are taken for a request. Those that nothing was written to are given back.
pub(crate) struct Reservation {
    paths: Vec<PathBuf>,
    /// Of the intent's place, until an intent is there: two at once would overwrite each other's files.
    _lock: std::fs::File,
}

fn reserve(path: &Path) -> Result<std::fs::File, Failure> {
    private(std::fs::OpenOptions::new().write(true).create(true).truncate(false))
        .open(path)
        .map_err(|e| Failure::file("write", path, &e))
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for path in self.paths.iter().filter(|path| !is_taken(path)) {
            // Empty files are in nobody's way: whoever comes next takes them over.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whether something is there that may not be written over. A file that nothing was ever written to is nothing; a link that
/// leads nowhere is something.
fn is_taken(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file() || there.len() > 0)
}

/// Whether a file has anything in it.
pub(crate) fn is_written(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| there.len() > 0)
}

/// What is kept of a request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paper {
    Handle,
    Record,
    Links,
    Chain,
}

impl Paper {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handle => "handle",
            Self::Record => "record",
            Self::Links => "links",
            Self::Chain => "chain",
        }
    }
}

/// A paper of a request that was sent, which could not be written where it belongs.
#[derive(Debug)]
pub(crate) struct Displaced {
    pub(crate) paper: Paper,
    /// Why not there.
    pub(crate) why: String,
    /// Where it is instead, if it could be written anywhere.
    pub(crate) file: Option<PathBuf>,
    /// What is in it. A secret, for the one who sent the request.
    pub(crate) content: String,
}

/// Where the papers of a request are that was sent.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) displaced: Vec<Displaced>,
}

impl Kept {
    pub(crate) fn keep(&mut self, paper: Paper, path: &Path, content: &str) {
        let Err(failure) = replace(path, content.as_bytes()) else { return };
        let elsewhere =
            std::env::temp_dir().join(format!("esign-{}.{}", Uuid::new_v4().simple(), paper.name()));
        let file = write_new(&elsewhere, content.as_bytes()).is_ok().then_some(elsewhere);
        self.displaced.push(Displaced { paper, why: failure.to_string(), file, content: content.to_owned() });
    }

    /// Everything is where it belongs.
    ///
    /// # Errors
    /// If not, saying why.
    pub(crate) fn whole(self) -> Result<(), Failure> {
        match self.displaced.into_iter().next() {
            Some(displaced) => Err(Failure::usage(displaced.why)),
            None => Ok(()),
        }
    }

    /// Where a paper is now.
    pub(crate) fn place(&self, paper: Paper, belongs: PathBuf) -> Option<PathBuf> {
        match self.displaced.iter().find(|displaced| displaced.paper == paper) {
            Some(displaced) => displaced.file.clone(),
            None => Some(belongs),
        }
    }
}

/// Adds the links of signers whose turn has come to those of the submission, beside the handle. Returns the file if there
/// are any.
pub(crate) fn add_links(handle: &Path, steps: &[NextStep]) -> Result<Option<PathBuf>, Failure> {
    let new: Vec<_> = steps.iter().filter_map(link).collect();
    let papers = Papers::beside(handle);
    // Without the record it is not known whether the links may be written down at all.
    if new.is_empty() || handle == Path::new("-") || !is_written(&papers.record()) {
        return Ok(None);
    }
    if read_record(&papers.record())?.intent().delivery() == Delivery::InSessionRedirect {
        return Ok(None);
    }
    let path = papers.links();
    let mut text = if path.exists() { read_text(&path)? } else { String::new() };
    for line in new {
        if !text.lines().any(|known| known == line.trim_end()) {
            text.push_str(&line);
        }
    }
    replace(&path, text.as_bytes())?;
    Ok(Some(path))
}

/// The links that may be kept. One for an open browser session is never written down.
fn links(delivery: Delivery, steps: &[NextStep]) -> String {
    if delivery == Delivery::InSessionRedirect {
        return String::new();
    }
    steps.iter().filter_map(link).collect()
}

fn link(step: &NextStep) -> Option<String> {
    match &step.step {
        Step::OpenLink { url, .. } => Some(format!("{}: {}\n", step.signer, url.expose())),
        _ => None,
    }
}

/// Reads a handle from a file, or from standard input for `-`.
pub(crate) fn read_handle(path: &Path) -> Result<Handle, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| Failure::file("read", path, &e))?;
        text
    } else {
        read_text(path)?
    };
    Handle::from_stored(&text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

/// Stores a handle, in place of an older one.
pub(crate) fn save_handle(path: &Path, handle: &Handle) -> Result<(), Failure> {
    replace(path, handle.to_stored().expose_secret().as_bytes())
}

/// Stores a newer handle where the old one came from. Standard input cannot be written back.
pub(crate) fn renew_handle(path: &Path, newer: Option<&Handle>) -> Result<(), Failure> {
    match newer {
        Some(newer) if path != Path::new("-") => save_handle(path, newer),
        _ => Ok(()),
    }
}

pub(crate) fn read_record(path: &Path) -> Result<SubmissionRecord, Failure> {
    SubmissionRecord::from_json(&read_text(path)?)
        .map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

pub(crate) fn read_intent(path: &Path) -> Result<Intent, Failure> {
    Intent::from_json(&read_text(path)?).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

pub(crate) fn read_bytes(path: &Path) -> Result<Bytes, Failure> {
    std::fs::read(path).map(Bytes::from).map_err(|e| Failure::file("read", path, &e))
}

/// Reads a text. A byte order mark before it, as some editors write it, is skipped.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let mut text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Writes a file that must not exist yet, for its owner alone: whole, or not at all.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let fresh = write_beside(path, content)?;
    // Unlike renaming, linking writes nothing over.
    let linked = match std::fs::hard_link(&fresh, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(e),
        // A file system without links.
        Err(_) if !path.exists() => std::fs::rename(&fresh, path),
        other => other,
    };
    let _ = std::fs::remove_file(&fresh);
    linked.and_then(|()| sync_folder(path)).map_err(|e| Failure::file("write", path, &e))
}

/// Writes a file for its owner alone. An older one is replaced as a whole or not at all.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let fresh = write_beside(path, content)?;
    let renamed = std::fs::rename(&fresh, path).and_then(|()| sync_folder(path));
    renamed.map_err(|e| {
        let _ = std::fs::remove_file(&fresh);
        Failure::file("write", path, &e)
    })
}

/// The content in a new file of the same folder, written out to the disk. Its name is short, whatever the other one is.
fn write_beside(path: &Path, content: &[u8]) -> Result<PathBuf, Failure> {
    let fresh = folder_of(path).join(format!(".esign-{}.new", Uuid::new_v4().simple()));
    let written = private(std::fs::OpenOptions::new().write(true).create_new(true))
        .open(&fresh)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(fresh),
        Err(e) => {
            let _ = std::fs::remove_file(&fresh);
            Err(Failure::file("write", path, &e))
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// So that not even a power failure takes the name away.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder_of(path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn private(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut std::fs::OpenOptions) -> &mut std::fs::OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_are_found_from_any_of_them() {
        for name in ["out/lease.handle", "out/lease.record.json", "out/lease.intent.json", "out/lease"] {
            assert_eq!(Papers::beside(Path::new(name)).handle(), Path::new("out/lease.handle"), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_their_owner_and_replaced_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.handle");
        std::fs::write(&path, "old, readable by all").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(write_new(&path, b"again").unwrap_err().to_string().contains("cannot write"));
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nor after a refusal");
    }

    #[cfg(unix)]
    #[test]
    fn names_are_reserved_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let papers = |name: &str| Papers::new(folder.path().join(name));
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        drop(papers("a").reserve().unwrap());
        assert_eq!(names(), 0, "nothing was sent");

        // An interrupted reservation is in nobody's way.
        std::fs::write(papers("a").intent(), "").unwrap();
        let reserved = papers("a").reserve().unwrap();
        std::fs::write(papers("a").handle(), "h").unwrap();
        drop(reserved);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only what was written stays");
        assert!(papers("a").reserve().is_err());

        let longest = "x".repeat(255 - ".intent.json".len());
        assert!(papers(&longest).reserve().is_ok());
        assert!(papers(&"x".repeat(244)).reserve().is_err());
        std::os::unix::fs::symlink("nowhere", papers("b").record()).unwrap();
        std::fs::create_dir(papers("c").handle()).unwrap();
        std::fs::write(papers("d").links(), "OLD").unwrap();
        for taken in ["b", "c", "d"] {
            let why = papers(taken).reserve().err().unwrap().to_string();
            assert!(why.contains("belongs to an earlier request"), "{why}");
        }
    }

    #[test]
    fn what_cannot_be_written_where_it_belongs_goes_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::default();
        kept.keep(Paper::Record, &folder.path().join("a.record.json"), "fine");
        kept.keep(Paper::Handle, &folder.path().join("gone").join("a.handle"), "secret");
        let [displaced] = kept.displaced.as_slice() else { panic!("{kept:?}") };
        let file = displaced.file.as_ref().unwrap();
        assert_eq!(
            (std::fs::read_to_string(file).unwrap().as_str(), displaced.paper),
            ("secret", Paper::Handle)
        );
        std::fs::remove_file(file).unwrap();
    }
}
