//! What the checks look at: the files of this repository and cargo's view of its packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// The checkout that this crate was compiled in.
#[derive(Debug)]
pub struct Repository {
    root: PathBuf,
    files: Vec<File>,
}

/// One text file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the repository's root, with `/` between the parts.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl Repository {
    /// Reads every text file: those that git tracks or would track, or, where the tree is no checkout, all but build
    /// output. Files that are not UTF-8 are left out.
    ///
    /// # Errors
    /// When git or the file system fails, with what was tried.
    pub fn open() -> Result<Self, String> {
        let root = root();
        let paths = if root.join(".git").exists() { tracked(&root)? } else { walked(&root)? };
        let mut files = Vec::new();
        for path in paths {
            let bytes = match std::fs::read(root.join(&path)) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue, // deleted, not yet committed
                Err(e) => return Err(format!("cannot read {path}: {e}")),
            };
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File { path, text });
            }
        }
        Ok(Self { root, files })
    }

    /// The folder that holds the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every text file, sorted by path.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The text file at `path`, if there is one.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|f| f.path == path)
    }

    /// The text files whose path ends with `suffix`.
    pub fn ending(&self, suffix: &str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |f| f.path.ends_with(suffix))
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The workspace's own packages with the dependencies they declare, without resolving any.
///
/// # Errors
/// When `cargo metadata` fails, with its message.
pub fn members() -> Result<Metadata, String> {
    metadata(MetadataCommand::new().no_deps())
}

/// The resolved graph with all features, for this machine's platform: the other platforms' crates need not be downloaded
/// by somebody who runs the tests.
///
/// # Errors
/// When `cargo metadata` fails, with its message.
pub fn resolved() -> Result<Metadata, String> {
    let host = format!("--filter-platform={}", host()?);
    metadata(MetadataCommand::new().features(CargoOpt::AllFeatures).other_options(vec![host]))
}

/// What the workspace's members ship: one `name version` line per package that a normal or build dependency reaches, with
/// all features. From `cargo tree`, because `cargo metadata` also lists crates behind features that only would switch them
/// on if something else had asked for them (`ring?/std`).
///
/// # Errors
/// When `cargo tree` fails, with its message.
pub fn shipped() -> Result<String, String> {
    let arguments =
        ["tree", "--workspace", "--edges=normal,build", "--all-features", "--prefix=none", "--format={p}"];
    output(Command::new("cargo").args(arguments).current_dir(root()))
}

/// What `esign-txn` ships without its feature `client`, in the form of [`shipped`].
///
/// # Errors
/// When `cargo tree` fails, with its message.
pub fn shipped_without_http() -> Result<String, String> {
    let arguments = [
        "tree",
        "--package=esign-txn",
        "--no-default-features",
        "--edges=normal,build",
        "--prefix=none",
        "--format={p}",
    ];
    output(Command::new("cargo").args(arguments).current_dir(root()))
}

fn metadata(command: &mut MetadataCommand) -> Result<Metadata, String> {
    command.manifest_path(root().join("Cargo.toml")).exec().map_err(|e| format!("cargo metadata: {e}"))
}

fn host() -> Result<String, String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let text = output(Command::new("git").arg("-C").arg(root).args(list))?;
    let mut paths: Vec<_> = text.split('\0').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn walked(root: &Path) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
        for entry in entries {
            let entry = entry.map_err(|e| e.to_string())?;
            let kind = entry.file_type().map_err(|e| e.to_string())?;
            if kind.is_dir() && !["target", ".git"].contains(&entry.file_name().to_string_lossy().as_ref()) {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let relative = path.strip_prefix(root).map_err(|e| e.to_string())?;
                paths.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    paths.sort();
    Ok(paths)
}

/// Standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|e| format!("cannot run {program}: {e}"))?;
    if !done.status.success() {
        let errors = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{program} failed ({}): {}", done.status, errors.trim()));
    }
    String::from_utf8(done.stdout).map_err(|_| format!("{program} did not print UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_is_no_checkout_is_walked_without_build_output() {
        let tree = tempfile::tempdir().unwrap();
        for path in ["Cargo.toml", "crates/a/src/lib.rs", "target/debug/junk.rs", ".git/HEAD"] {
            let full = tree.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, "x").unwrap();
        }
        assert_eq!(walked(tree.path()).unwrap(), ["Cargo.toml", "crates/a/src/lib.rs"]);
    }

    #[test]
    fn a_command_that_fails_is_an_error_with_its_message() {
        let error = output(Command::new("cargo").arg("no-such-command")).unwrap_err();
        assert!(error.contains("no-such-command"), "{error}");
    }
}
