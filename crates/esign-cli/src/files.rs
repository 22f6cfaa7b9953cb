//! The files beside a document: intent, handle, record and links.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use esign::secrecy::ExposeSecret;
use esign::{Delivery, Handle, Intent, NextStep, Step, Submission, SubmissionRecord};

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

    /// Stores the intent before anything is sent. The file must be new: an old one belongs to an earlier request.
    pub(crate) fn save_intent(&self, intent: &Intent) -> Result<(), Failure> {
        self.check_unused()?;
        write_new(&self.intent(), intent.to_json().as_bytes())
    }

    /// Nothing of an earlier request may be written over.
    pub(crate) fn check_unused(&self) -> Result<(), Failure> {
        let mut papers = [self.intent(), self.handle(), self.record(), self.chain()].into_iter();
        match papers.find(|path| path.exists()) {
            Some(taken) => Err(Failure::usage(format!(
                "{} belongs to an earlier request; choose another name with --save, or move it away",
                taken.display()
            ))),
            None => Ok(()),
        }
    }

    /// The handle first, since it is what cannot be had again; then record and links.
    pub(crate) fn save_submission(&self, submission: &Submission) -> Result<(), Failure> {
        save_handle(&self.handle(), &submission.handle)?;
        replace(&self.record(), submission.record.to_json().as_bytes())?;
        let links = links(submission);
        if links.is_empty() { Ok(()) } else { replace(&self.links(), links.as_bytes()) }
    }
}

/// Adds the links of signers whose turn has come to those of the submission, beside the handle. Returns the file if there
/// are any.
pub(crate) fn add_links(handle: &Path, steps: &[NextStep]) -> Result<Option<PathBuf>, Failure> {
    let new: Vec<_> = steps.iter().filter_map(link).collect();
    if new.is_empty() || handle == Path::new("-") {
        return Ok(None);
    }
    let path = Papers::beside(handle).links();
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
fn links(submission: &Submission) -> String {
    if submission.record.intent().delivery() == Delivery::InSessionRedirect {
        return String::new();
    }
    submission.next_steps.iter().filter_map(link).collect()
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

pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))
}

/// Writes a file that must not exist yet, for its owner alone.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let written = private(std::fs::OpenOptions::new().write(true).create_new(true))
        .open(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    written.map_err(|e| Failure::file("write", path, &e))
}

/// Writes a file for its owner alone. An older one is replaced as a whole or not at all.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    if fresh.exists() {
        std::fs::remove_file(&fresh).map_err(|e| Failure::file("replace", &fresh, &e))?;
    }
    write_new(&fresh, content)?;
    std::fs::rename(&fresh, path).map_err(|e| Failure::file("write", path, &e))
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
    }
}
