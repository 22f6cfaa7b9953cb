//! `docs/coverage.md`: every operation, field, limit and error of the providers' documentation, where it is reachable, and
//! the test that shows it.

use std::collections::BTreeSet;

use crate::{File, Repository};

/// Where the tables are.
pub const PATH: &str = "docs/coverage.md";

/// Cells that are empty, rows of the wrong width, and tests that do not exist.
pub fn check(repository: &Repository) -> Vec<String> {
    let Some(file) = repository.file(PATH) else { return vec![format!("{PATH} is missing")] };
    let functions = repository.ending(".rs").flat_map(|source| functions(&source.text)).collect();
    judge(file, &functions)
}

/// A column headed so names tests: each `code span` in it ends with the name of a function in the sources.
const TEST_COLUMN: &str = "test";

fn judge(file: &File, functions: &BTreeSet<&str>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut header: Option<Vec<&str>> = None;
    let mut rows = 0;
    for (number, line) in file.text.lines().enumerate() {
        let Some(cells) = cells(line) else {
            header = None;
            continue;
        };
        let at = format!("{}:{}", file.path, number + 1);
        let Some(columns) = &header else {
            header = Some(cells);
            continue;
        };
        if cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| "-:".contains(c))) {
            continue;
        }
        rows += 1;
        if cells.len() != columns.len() {
            findings.push(format!("{at} has {} cells, its header {}", cells.len(), columns.len()));
        }
        for (column, cell) in columns.iter().zip(&cells) {
            if cell.is_empty() {
                findings.push(format!("{at}: `{column}` is empty"));
            } else if *column == TEST_COLUMN {
                let unknown =
                    spans(cell).filter(|name| !functions.contains(name.rsplit("::").next().unwrap_or(name)));
                findings.extend(unknown.map(|name| format!("{at}: no test is called `{name}`")));
            }
        }
    }
    if rows == 0 {
        findings.push(format!("{} has no row", file.path));
    }
    findings
}

/// The trimmed cells of a table's line; `\|` does not separate.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = Vec::new();
    let mut start = 0;
    for (at, _) in inner.match_indices('|').filter(|(at, _)| !inner[..*at].ends_with('\\')) {
        cells.push(inner[start..at].trim());
        start = at + 1;
    }
    cells.push(inner[start..].trim());
    Some(cells)
}

fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn functions(source: &str) -> impl Iterator<Item = &str> {
    let names = source.lines().filter_map(|line| line.split_once("fn ").map(|(_, rest)| rest));
    names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_judged_cell_by_cell() {
        let source = "#[test]\nfn sends() {}\n#[tokio::test]\nasync fn waits() {}\n";
        let head = "# Coverage\n\n| operation | where | test |\n|---|:--:|---|\n";
        let cases = [
            ("| create | `Client::submit` | `sends`, `signify::waits` |\n", ""),
            (r"| a \| b | x | none: not documented |", ""),
            ("| create | | `sends` |\n", "coverage.md:5: `where` is empty"),
            ("| create | x | `gone` |\n", "no test is called `gone`"),
            ("| create | x |\n", "2 cells, its header 3"),
            ("", "has no row"),
        ];
        for (row, expected) in cases {
            let file = File { path: PATH.to_owned(), text: format!("{head}{row}") };
            let findings = judge(&file, &functions(source).collect());
            assert_eq!(findings.is_empty(), expected.is_empty(), "{row}: {findings:?}");
            assert!(findings.concat().contains(expected), "{row}: {findings:?}");
        }
    }
}
