//! What may not be written into a tracked file: where one machine keeps things, and where packages are fetched from.

use crate::{File, Repository};

/// Text that only means something on one machine. Split here, so that this file passes its own check.
const MACHINE: &[&str] = &[
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("/", "work/"),
    concat!("/", "tmp/bash_"),
    concat!("C:", "\\Users"),
];

/// Package registries belong to a machine's set-up, not to the project.
const REGISTRIES: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("pypi.", "org"),
    concat!("python", "hosted.org"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
    concat!("--index", "-url"),
    concat!("replace", "-with"),
];

/// A folder beside the checkout, which only the gate may look for.
const BESIDE: &str = concat!("..", "/shared");

/// Lines that hold any of it.
pub fn check(repository: &Repository) -> Vec<String> {
    repository.files().iter().flat_map(judge).collect()
}

fn judge(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(i, line)| Some((i + 1, word(&file.path, line)?)));
    found.map(|(line, word)| format!("{}:{line} holds `{word}`", file.path)).collect()
}

fn word<'a>(path: &str, line: &str) -> Option<&'a str> {
    let beside = (!path.starts_with(".ci/") && line.contains(BESIDE)).then_some(BESIDE);
    let machine = MACHINE.iter().copied().find(|word| starts_a_path(line, word));
    beside.or(machine).or_else(|| REGISTRIES.iter().copied().find(|word| line.contains(word)))
}

/// Whether `word` occurs as the start of an absolute path, not inside a relative one or an address.
fn starts_a_path(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}*".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_judged_by_what_it_holds() {
        let (root, work, pypi) = (MACHINE[0], MACHINE[3], REGISTRIES[2]);
        let cases = [
            ("a.rs", format!("open(\"{root}x\")"), true),
            ("a.rs", format!("see {work}notes.md"), true),
            ("a.rs", format!("http://host{work}x"), false),
            ("a.rs", "the framework/part".to_owned(), false),
            ("ci.sh", format!("pip install -i https://{pypi}/simple"), true),
            ("README.md", format!("cat {BESIDE}/x"), true),
            (".ci/run", format!("cat {BESIDE}/x"), false),
            (".ci/run", format!("cat {root}x"), true),
        ];
        for (path, text, found) in cases {
            let findings = judge(&File { path: path.to_owned(), text: format!("first line\n{text}") });
            assert_eq!(findings.len(), usize::from(found), "{text}: {findings:?}");
            assert!(!found || findings[0].starts_with(&format!("{path}:2 ")), "{findings:?}");
        }
    }
}
