//! Source files: their length (past some 500 lines a file wants splitting), and that what they include is packaged with them.

use crate::{File, Repository};

/// Most lines of a Rust file, not counting its tests and its documentation.
pub const LIMIT: usize = 600;

/// Longer files that stay whole: path, lines, reason.
pub const EXCEPTIONS: &[(&str, usize, &str)] = &[];

/// Source files beyond [`LIMIT`], and exceptions that are no longer needed.
pub fn check(repository: &Repository) -> Vec<String> {
    let sources = repository.ending(".rs").filter(|f| !f.path.contains("/tests/"));
    let mut findings: Vec<_> = sources.filter_map(|f| judge(f, EXCEPTIONS)).collect();
    for (path, lines, _) in EXCEPTIONS {
        if repository.file(path).is_none_or(|f| length(&f.text) <= LIMIT) {
            findings
                .push(format!("{path} needs no exception of {lines} lines any more (xtask/src/sources.rs)"));
        }
    }
    findings
}

/// Files included from outside the crate that includes them: its package would not compile.
pub fn includes(repository: &Repository) -> Vec<String> {
    let sources = repository.ending(".rs").filter(|f| f.path.starts_with("crates/"));
    let outside =
        sources.flat_map(|f| included(f).map(move |path| (f, path)).filter(|(f, path)| !inside(f, path)));
    outside.map(|(f, path)| format!("{} includes {path}, which is not part of its crate", f.path)).collect()
}

/// The literal paths of `include!`, `include_str!` and `include_bytes!`.
fn included(file: &File) -> impl Iterator<Item = &str> {
    let macros = file.text.split("include").skip(1);
    let literals =
        macros.filter_map(|rest| rest.split_once("!(\"").filter(|(name, _)| name.len() <= "_bytes".len()));
    literals.filter_map(|(_, rest)| rest.split('"').next())
}

/// Whether a path relative to a file of `crates/NAME` stays in that folder.
fn inside(file: &File, path: &str) -> bool {
    let mut depth = file.path.split('/').count().saturating_sub(3); // folders below the crate's own
    for part in path.split('/') {
        match (part, depth) {
            ("..", 0) => return false,
            ("..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

fn judge(file: &File, exceptions: &[(&str, usize, &str)]) -> Option<String> {
    let limit = exceptions.iter().find(|(path, ..)| *path == file.path).map_or(LIMIT, |(_, lines, _)| *lines);
    let lines = length(&file.text);
    (lines > limit).then(|| {
        format!("{} has {lines} lines without tests and docs, more than {limit}: split it", file.path)
    })
}

/// Lines before the tests, which come last, that are not documentation.
fn length(text: &str) -> usize {
    let code = text.lines().map(str::trim_start).take_while(|line| !line.starts_with("#[cfg(test)]"));
    code.filter(|line| !line.starts_with("///") && !line.starts_with("//!")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_documentation_do_not_count() {
        assert_eq!(length("//! Docs.\n\n/// Docs.\nfn a() {} // why\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    }

    #[test]
    fn included_files_belong_to_the_crate() {
        let cases = [
            ("#![doc = include_str!(\"../README.md\")]", true),
            ("include_bytes!(\"../../README.md\")", false),
            ("include!(\"table.rs\")", true),
            ("include_str!(\"a/../../../x\")", false),
        ];
        for (text, fine) in cases {
            let file = File { path: "crates/a/src/lib.rs".to_owned(), text: text.to_owned() };
            assert_eq!(included(&file).count(), 1, "{text}");
            assert_eq!(included(&file).all(|path| inside(&file, path)), fine, "{text}");
        }
    }

    #[test]
    fn a_long_file_is_named_unless_excepted() {
        let file = File { path: "a.rs".to_owned(), text: "x\n".repeat(LIMIT + 1) };
        assert!(judge(&file, &[]).unwrap().contains("a.rs has 601 lines"));
        assert!(judge(&file, &[("a.rs", LIMIT + 1, "a table")]).is_none());
        assert!(judge(&file, &[("a.rs", LIMIT, "a table")]).is_some());
    }
}
