//! The skeleton of a provider crate: `cargo xtask new-provider NAME`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::root;

/// The files, by their names in the skeleton. `acme` and `Acme` stand for the provider's name.
const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../templates/new-provider/Cargo.toml.template")),
    ("README.md", include_str!("../templates/new-provider/README.md")),
    ("src/lib.rs", include_str!("../templates/new-provider/src/lib.rs")),
    ("src/config.rs", include_str!("../templates/new-provider/src/config.rs")),
    ("src/capabilities.rs", include_str!("../templates/new-provider/src/capabilities.rs")),
    ("src/client.rs", include_str!("../templates/new-provider/src/client.rs")),
    ("src/provider.rs", include_str!("../templates/new-provider/src/provider.rs")),
    ("tests/backend/mod.rs", include_str!("../templates/new-provider/tests/backend/mod.rs")),
    ("tests/conformance.rs", include_str!("../templates/new-provider/tests/conformance.rs")),
];

/// Where a skeleton goes unless it is said: beside this repository, which needs to know nothing of it.
#[must_use]
pub fn default_folder(name: &str) -> PathBuf {
    let root = root();
    root.parent().unwrap_or(&root).join(format!("esign-{name}"))
}

/// Writes a skeleton that compiles and whose conformance tests say what to do next; returns its files.
///
/// # Errors
/// If the name is not a crate's, the folder has something in it, or a file cannot be written.
pub fn write(name: &str, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--");
    if !well_formed {
        return Err(format!(
            "{name:?} is no name for a provider: a letter, then letters, digits and single hyphens, all small"
        ));
    }
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!("{} is there already, and not empty", folder.display()));
    }
    FILES
        .iter()
        .map(|(path, template)| {
            let path = folder.join(path);
            put(&path, &filled(template, name)).map_err(|e| format!("{}: {e}", path.display()))?;
            Ok(path)
        })
        .collect()
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, text)
}

fn filled(template: &str, name: &str) -> String {
    let pascal: String = name.split('-').map(capitalised).collect();
    let constant = name.to_uppercase().replace('-', "_");
    template
        .replace("esign_acme", &format!("esign_{}", name.replace('-', "_")))
        .replace("acme", name)
        .replace("Acme", &pascal)
        .replace("ACME", &constant)
        .replace("@repository", &root().display().to_string())
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// Writes a skeleton into the target folder, compiles it, runs its tests, and looks whether they fail as they should: by
/// saying what to do next.
///
/// # Errors
/// If it does not compile, does not fail, or does not say so.
pub fn check() -> Result<(), String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = target.join("new-provider");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    write("fine-pen", &folder)?;
    // The versions that the example beside it was just built with.
    std::fs::copy(root().join("examples/out-of-tree-provider/Cargo.lock"), folder.join("Cargo.lock"))
        .map_err(|e| format!("Cargo.lock: {e}"))?;
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(&folder).env("CARGO_TARGET_DIR", &target);
        command.output().map_err(|e| format!("cargo: {e}"))
    };
    let built = cargo(&["test", "--quiet", "--no-run"])?;
    if !built.status.success() {
        return Err(format!("the skeleton does not compile:\n{}", String::from_utf8_lossy(&built.stderr)));
    }
    let ran = cargo(&["test", "--quiet", "--test", "conformance"])?;
    let said = String::from_utf8_lossy(&ran.stdout);
    if ran.status.success() {
        return Err("a provider that does nothing passes the conformance kit".to_owned());
    }
    let hint = "next: src/client.rs: create() has to send the request";
    if said.contains(hint) && !said.contains("panicked") {
        Ok(())
    } else {
        Err(format!("the skeleton's tests do not say {hint:?}:\n{said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_written_under_the_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let written = write("fine-pen", &folder.path().join("x")).unwrap();
        assert_eq!(written.len(), FILES.len());
        for path in written {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.to_lowercase().contains("acme") && !text.contains('@'), "{}", path.display());
        }
        let library = std::fs::read_to_string(folder.path().join("x/src/lib.rs")).unwrap();
        assert!(library.contains("pub use config::FinePenConfig") && library.contains("new(\"fine-pen\")"));
        assert!(
            std::fs::read_to_string(folder.path().join("x/tests/conformance.rs"))
                .unwrap()
                .contains("esign_fine_pen::")
        );
    }

    #[test]
    fn nothing_is_overwritten_and_odd_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine"), "").unwrap();
        assert!(write("pen", folder.path()).unwrap_err().contains("not empty"));
        for name in ["", "Pen", "9pen", "pen-", "a--b", "../pen", "pen pal", "stift\u{e4}"] {
            assert!(write(name, &folder.path().join("new")).is_err(), "{name}");
        }
    }
}
