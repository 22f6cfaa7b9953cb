//! Golden files: stored handles, records and request files of every version, which must be readable for ever.
//!
//! Each file in a folder called `golden` is listed with its SHA-256 in `xtask/golden.txt`. A listed file never changes and
//! never goes: a new version of a format adds a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{File, Repository};

/// The list: `sha256  path` lines, sorted by path.
pub const LIST: &str = "xtask/golden.txt";

/// Golden files that are not listed, that changed or that are gone.
pub fn check(repository: &Repository) -> Vec<String> {
    match listed(repository) {
        Ok(listed) => judge(&listed, &present(repository)),
        Err(problem) => vec![problem],
    }
}

/// Adds the golden files that are not listed yet; returns their paths.
///
/// # Errors
/// When a listed file changed or is gone: that is never repaired by a new list. Also when the list cannot be written.
pub fn write(repository: &Repository) -> Result<Vec<String>, String> {
    let (mut listed, present) = (listed(repository)?, present(repository));
    let new: Vec<_> = present.keys().filter(|path| !listed.contains_key(*path)).cloned().collect();
    listed.extend(new.iter().filter_map(|path| Some((path.clone(), present.get(path)?.clone()))));
    let findings = judge(&listed, &present);
    if !findings.is_empty() {
        return Err(findings.join("\n"));
    }
    let text: String = listed.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
    std::fs::write(repository.root().join(LIST), text).map_err(|e| format!("{LIST}: {e}"))?;
    Ok(new)
}

fn judge(listed: &BTreeMap<String, String>, present: &BTreeMap<String, String>) -> Vec<String> {
    let gone = listed.iter().filter_map(|(path, sum)| match present.get(path) {
        None => Some(format!("{path} is gone: what was stored in that form could no longer be read")),
        Some(now) if now != sum => Some(format!("{path} changed: add a file for the new version instead")),
        Some(_) => None,
    });
    let new = present.keys().filter(|path| !listed.contains_key(*path));
    gone.chain(new.map(|path| format!("{path} is not listed in {LIST}: run `cargo xtask golden`"))).collect()
}

fn listed(repository: &Repository) -> Result<BTreeMap<String, String>, String> {
    let list = repository.file(LIST).map(|f| f.text.as_str()).unwrap_or_default();
    let pairs = list.lines().map(|line| match line.split_once("  ") {
        Some((sum, path)) => Ok((path.to_owned(), sum.to_owned())),
        None => Err(format!("{LIST}: `{line}` is not `sha256  path`")),
    });
    pairs.collect()
}

fn present(repository: &Repository) -> BTreeMap<String, String> {
    let golden = repository.files().iter().filter(|f| f.path.split('/').any(|part| part == "golden"));
    golden.map(|f| (f.path.clone(), sha256(f))).collect()
}

fn sha256(file: &File) -> String {
    Sha256::digest(file.text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(path, sum)| ((*path).to_owned(), (*sum).to_owned())).collect()
    }

    #[test]
    fn golden_files_only_ever_join() {
        let listed = sums(&[("golden/handle-1.json", "aa")]);
        let cases = [
            (sums(&[("golden/handle-1.json", "aa")]), ""),
            (sums(&[("golden/handle-1.json", "bb")]), "changed"),
            (sums(&[]), "is gone"),
            (
                sums(&[("golden/handle-1.json", "aa"), ("golden/handle-2.json", "cc")]),
                "handle-2.json is not listed",
            ),
        ];
        for (present, expected) in cases {
            let findings = judge(&listed, &present);
            assert_eq!(findings.is_empty(), expected.is_empty(), "{expected}: {findings:?}");
            assert!(findings.concat().contains(expected), "{expected}: {findings:?}");
        }
    }

    #[test]
    fn the_sum_is_that_of_sha256sum() {
        let file = File { path: "a".to_owned(), text: "abc".to_owned() };
        assert_eq!(sha256(&file), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
