//! Where documents are kept: sealed bytes by name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use esign_core::{Error, ErrorKind, Result, Retry};

/// Keeps sealed documents. Names are made by the engine: letters, digits and `-`.
#[async_trait]
pub trait Vault: fmt::Debug + Send + Sync {
    /// Keeps bytes under a name, durably before it returns. A second time replaces them.
    ///
    /// # Errors
    /// Any; safe to repeat.
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// The bytes of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there are none; else safe to repeat.
    async fn get(&self, name: &str) -> Result<Vec<u8>>;

    /// Removes a name; nothing happens if it is not there.
    ///
    /// # Errors
    /// Any; safe to repeat.
    async fn delete(&self, name: &str) -> Result<()>;

    /// Names behind this one, in order.
    ///
    /// # Errors
    /// Any; safe to repeat.
    async fn list(&self, after: &str, limit: usize) -> Result<Vec<String>>;
}

/// A vault in memory, for tests. Clones are the same vault.
#[derive(Clone, Default)]
pub struct MemoryVault(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn blobs(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryVault({} names)", self.blobs().len())
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.blobs().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>> {
        self.blobs().get(name).cloned().ok_or_else(|| not_there(name))
    }

    async fn delete(&self, name: &str) -> Result<()> {
        self.blobs().remove(name);
        Ok(())
    }

    async fn list(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        Ok(self.blobs().keys().filter(|name| name.as_str() > after).take(limit).cloned().collect())
    }
}

/// A vault of files in a folder: written beside, synced, renamed, and the folder synced, so that a name has all its bytes or is
/// not there.
#[derive(Clone, Debug)]
pub struct FileVault {
    folder: PathBuf,
}

impl FileVault {
    /// The vault in this folder, which is made if it is not there; private to the user on Unix.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be made or written to.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let fault = |e: std::io::Error| {
            let message = format!("the vault's folder {} cannot be used: {e}", folder.display());
            Error::config("engine.vault", message)
        };
        std::fs::create_dir_all(&folder).map_err(fault)?;
        private(&folder).map_err(fault)?;
        Ok(Self { folder })
    }

    /// The file of a name. A name that the engine did not make never leads out of the folder.
    fn path(&self, name: &str) -> Result<PathBuf> {
        let fine = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if name.len() < 3 || !name.bytes().all(fine) {
            return Err(Error::new(ErrorKind::Internal, "this is no name in a vault"));
        }
        Ok(self.folder.join(&name[..2]).join(name))
    }
}

#[cfg(unix)]
fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[async_trait]
impl Vault for FileVault {
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, bytes) = (self.path(name)?, bytes.to_vec());
        blocking(move || write_durably(&path, &bytes)).await
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path(name)?;
        let read = blocking(move || match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        });
        read.await?.ok_or_else(|| not_there(name))
    }

    async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        blocking(move || match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        })
        .await
    }

    async fn list(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        let (folder, after) = (self.folder.clone(), after.to_owned());
        blocking(move || {
            let mut names = Vec::new();
            for part in std::fs::read_dir(folder)? {
                let part = part?.path();
                if !part.is_dir() {
                    continue;
                }
                for file in std::fs::read_dir(part)? {
                    let name = file?.file_name().to_string_lossy().into_owned();
                    if name > after && !name.ends_with(".part") {
                        names.push(name);
                    }
                }
            }
            names.sort();
            names.truncate(limit);
            Ok(names)
        })
        .await
    }
}

static WRITES: AtomicU64 = AtomicU64::new(0);

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let Some(folder) = path.parent() else { return Err(std::io::ErrorKind::NotFound.into()) };
    if !folder.is_dir() {
        std::fs::create_dir_all(folder)?;
        if let Some(above) = folder.parent() {
            std::fs::File::open(above)?.sync_all()?;
        }
    }
    // A name of its own for each writer: two that keep the same name at once must not take each other's file.
    let part = path.with_extension(format!(
        "{}-{}.part",
        std::process::id(),
        WRITES.fetch_add(1, Ordering::Relaxed)
    ));
    let mut file = std::fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    std::fs::File::open(folder)?.sync_all()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let fault =
        |e: String| Error::new(ErrorKind::Internal, format!("the vault failed: {e}")).with_retry(Retry::SAFE);
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|e| fault(e.to_string())),
        Err(e) => Err(fault(e.to_string())),
    }
}

fn not_there(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("the vault has nothing under {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn holds_the_contract(vault: &dyn Vault) {
        assert_eq!(vault.get("abc").await.unwrap_err().kind(), ErrorKind::NotFound);
        vault.put("abc", b"one").await.unwrap();
        vault.put("abd", b"").await.unwrap();
        vault.put("abc", b"two").await.unwrap();
        assert_eq!(vault.get("abc").await.unwrap(), b"two");
        assert_eq!(vault.list("", 9).await.unwrap(), ["abc", "abd"]);
        assert_eq!(vault.list("abc", 9).await.unwrap(), ["abd"]);
        assert_eq!(vault.list("", 1).await.unwrap(), ["abc"]);
        vault.delete("abc").await.unwrap();
        vault.delete("abc").await.unwrap();
        assert!(vault.get("abc").await.is_err());
    }

    #[tokio::test]
    async fn both_vaults_hold_the_contract() {
        holds_the_contract(&MemoryVault::new()).await;
        let folder = tempfile::tempdir().unwrap();
        holds_the_contract(&FileVault::open(folder.path().join("new/vault")).unwrap()).await;
    }

    #[tokio::test]
    async fn many_may_keep_the_same_name_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let vault = FileVault::open(folder.path()).unwrap();
        let puts = (0..50u8).map(|n| {
            let vault = vault.clone();
            tokio::spawn(async move { vault.put("abc", &[n; 1000]).await })
        });
        for put in puts.collect::<Vec<_>>() {
            put.await.unwrap().unwrap();
        }
        let kept = vault.get("abc").await.unwrap();
        assert!(kept.len() == 1000 && kept.iter().all(|byte| *byte == kept[0]), "one of them, whole");
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_folder_and_a_half_written_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let vault = FileVault::open(folder.path()).unwrap();
        for bad in ["../x", "a/b", "", "..", "ab.part"] {
            assert!(vault.put(bad, b"x").await.is_err(), "{bad}");
        }
        std::fs::create_dir_all(folder.path().join("ab")).unwrap();
        std::fs::write(folder.path().join("ab/abc.part"), "half").unwrap();
        assert!(vault.get("abc").await.is_err());
        assert!(vault.list("", 9).await.unwrap().is_empty());
    }
}
