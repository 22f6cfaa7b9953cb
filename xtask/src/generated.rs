//! Parts of Markdown files that equal what the code prints.
//!
//! ```markdown
//! <!-- generated: esign send --help -->
//! (the command's output)
//! <!-- end -->
//! ```
//!
//! A block's name is a line for the `esign` command. Its output replaces the block: as it is when it is a Markdown table,
//! or a list, else fenced. A block called `file PATH` holds that file of the repository, which is compiled elsewhere,
//! `section PATH HEADING` a part of another Markdown file, and `settings PATH STRUCT` what a configuration type says of its
//! fields. `cargo xtask generate` rewrites the blocks, a test compares them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository::output;
use crate::{File, Repository, settings};

const OPEN: &str = "<!-- generated: ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end -->";

/// Markdown files whose blocks differ from what the code prints now.
pub fn check(repository: &Repository) -> Vec<String> {
    changes(repository, block)
        .into_iter()
        .map(|change| match change {
            Ok(file) => format!(
                "{} is out of date: run `cargo test --workspace --no-run && cargo xtask generate`",
                file.path
            ),
            Err(problem) => problem,
        })
        .collect()
}

/// Provider kinds without a page of their own in `docs/providers`.
pub fn pages(repository: &Repository) -> Vec<String> {
    const KIND: &str = "pub const KIND: ProviderKind = ProviderKind::new(\"";
    let kinds =
        repository.ending("src/lib.rs").filter(|file| file.path.starts_with("crates/")).flat_map(|file| {
            file.text.lines().filter_map(|line| line.strip_prefix(KIND)?.split('"').next().map(str::to_owned))
        });
    let page = |kind: &String| format!("docs/providers/{kind}.md");
    let missing = kinds.filter(|kind| repository.file(&page(kind)).is_none());
    missing.map(|kind| format!("the provider {kind} has no page {}", page(&kind))).collect()
}

/// Rewrites every block; returns the paths that changed.
///
/// # Errors
/// When a block is malformed, its command fails or a file cannot be written.
pub fn write(repository: &Repository) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    for change in changes(repository, block) {
        let file = change?;
        std::fs::write(repository.root().join(&file.path), &file.text)
            .map_err(|e| format!("{}: {e}", file.path))?;
        paths.push(file.path);
    }
    Ok(paths)
}

fn changes(
    repository: &Repository,
    content: impl Fn(&str) -> Result<String, String>,
) -> Vec<Result<File, String>> {
    let rewritten = repository.ending(".md").filter_map(|file| match rewrite(&file.text, &content) {
        Ok(text) if text == file.text => None,
        Ok(text) => Some(Ok(File { path: file.path.clone(), text })),
        Err(problem) => Some(Err(format!("{}: {problem}", file.path))),
    });
    rewritten.collect()
}

fn rewrite(text: &str, content: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        result.push_str(line);
        let Some(name) = line.trim_end().strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE)) else {
            continue;
        };
        if !lines.by_ref().any(|line| line.trim_end() == END) {
            return Err(format!("the generated block `{name}` has no `{END}`"));
        }
        result.push_str(content(name)?.trim_end());
        result.push_str(&format!("\n{END}\n"));
    }
    Ok(result)
}

/// What the block called `name` holds now.
fn block(name: &str) -> Result<String, String> {
    if let Some(path) = name.strip_prefix("file ") {
        return included(path);
    }
    if let Some((path, heading)) = name.strip_prefix("section ").and_then(|rest| rest.split_once(' ')) {
        return section(&read(path)?, heading).ok_or_else(|| format!("{path} has no section {heading:?}"));
    }
    if let Some((path, item)) = name.strip_prefix("settings ").and_then(|rest| rest.split_once(' ')) {
        return settings::table(&read(path)?, item).map_err(|e| format!("{path}: {e}"));
    }
    let mut words = name.split_whitespace();
    if words.next() != Some("esign") {
        return Err(format!("the generated block `{name}` is not a line for the `esign` command"));
    }
    // A width of its own, no colours, no configuration: the same text on every machine.
    let mut command = Command::new(esign_binary()?);
    command.args(words).env_clear().env("COLUMNS", "100").env("NO_COLOR", "1");
    let text = output(&mut command)?;
    let trimmed: Vec<_> = text.lines().map(str::trim_end).collect();
    let text = trimmed.join("\n");
    Ok(if text.starts_with('|') || text.starts_with("- ") { text } else { format!("```text\n{text}\n```") })
}

/// A file of the repository, fenced in the language of its extension.
fn included(path: &str) -> Result<String, String> {
    let text = read(path)?;
    let language = match path.rsplit_once('.') {
        Some((_, "rs")) => "rust",
        Some((_, extension)) => extension,
        None => "text",
    };
    Ok(format!("```{language}\n{}\n```", text.trim_end()))
}

/// What stands under a heading of the second level, without the heading.
fn section(text: &str, heading: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| line.strip_prefix("## ") != Some(heading));
    lines.next()?;
    let body: Vec<_> = lines.take_while(|line| !line.starts_with("## ")).collect();
    Some(body.join("\n").trim().to_owned())
}

fn read(path: &str) -> Result<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).map_err(|e| format!("{path}: {e}"))
}

/// The `esign` command as built together with the running program. A nested cargo would resolve other features and
/// rebuild half of the graph.
///
/// # Errors
/// When it was not built, with the command that does.
pub fn esign_binary() -> Result<PathBuf, String> {
    built("esign", "esign-cli")
}

/// A program of the workspace as built together with the running one.
///
/// # Errors
/// When it was not built, with the command that does.
pub fn built(program: &str, package: &str) -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|e| format!("cannot find the running program: {e}"))?;
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let candidates = here.ancestors().skip(1).take(2).map(|folder: &Path| folder.join(&name));
    candidates
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| format!("`{program}` is not built yet: run `cargo build -p {package}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: &str =
        "# A\n<!-- generated: one -->\nold\n<!-- end -->\ntext\n<!-- generated: two -->\n<!-- end -->\n";

    fn content(name: &str) -> Result<String, String> {
        Ok(format!("new {name}\n"))
    }

    #[test]
    fn blocks_are_replaced_and_the_rest_stays() {
        let text = rewrite(STALE, content).unwrap();
        assert_eq!(
            text,
            "# A\n<!-- generated: one -->\nnew one\n<!-- end -->\ntext\n<!-- generated: two -->\nnew two\n<!-- end -->\n"
        );
        assert_eq!(rewrite(&text, content).unwrap(), text, "a second pass changes nothing");
    }

    #[test]
    fn a_block_without_an_end_or_with_an_unknown_name_is_an_error() {
        assert!(rewrite("<!-- generated: one -->\ntext\n", content).unwrap_err().contains("has no"));
        assert!(block("matrix").unwrap_err().contains("not a line for"));
    }

    #[test]
    fn a_section_ends_at_the_next_one() {
        let text = "# A\n\n## One\n\ntext\n### Deeper\nmore\n\n## Two\nlast\n";
        assert_eq!(section(text, "One").unwrap(), "text\n### Deeper\nmore");
        assert_eq!(section(text, "Two").unwrap(), "last");
        assert!(section(text, "Three").is_none());
        assert!(block("section README.md Nowhere").unwrap_err().contains("no section"));
    }

    #[test]
    fn a_file_is_included_in_its_language() {
        let text = block("file xtask/src/main.rs").unwrap();
        assert!(text.starts_with("```rust\n//!") && text.ends_with("\n```"), "{text}");
        assert!(block("file xtask/nowhere.rs").unwrap_err().contains("nowhere.rs"));
    }
}
