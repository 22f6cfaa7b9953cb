//! The manifests: every version in one place with its reason, the same lints and the same complete metadata everywhere.

use cargo_metadata::{Metadata, Package};
use toml::{Table, Value};

use crate::{File, Repository};

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Everything that is wrong in the workspace's manifests.
pub fn check(repository: &Repository, members: &Metadata) -> Vec<String> {
    let mut findings = Vec::new();
    match repository.file("Cargo.toml") {
        Some(root) => findings.extend(root_manifest(&root.text)),
        None => findings.push("Cargo.toml is missing".to_owned()),
    }
    for package in members.workspace_packages() {
        findings.extend(member(repository, package));
    }
    findings
}

fn member(repository: &Repository, package: &Package) -> Vec<String> {
    let Some(folder) = folder(repository, package) else {
        return vec![format!("{} lies outside the repository", package.name)];
    };
    let Some(manifest) = repository.file(&format!("{folder}/Cargo.toml")) else {
        return vec![format!("{folder}/Cargo.toml is not tracked")];
    };
    let mut findings = member_manifest(manifest);
    let library = repository.file(&format!("{folder}/src/lib.rs"));
    if library.is_some_and(|l| !l.text.starts_with("#![doc = include_str!(\"../README.md\")]")) {
        findings.push(format!("{folder}/src/lib.rs does not start with its README as documentation"));
    }
    if package.publish.is_none() {
        let missing = missing_metadata(package).into_iter();
        findings.extend(missing.map(|field| format!("{folder}/Cargo.toml has no {field}")));
        if repository.file(&format!("{folder}/README.md")).is_none() {
            findings.push(format!("{folder}/README.md is missing"));
        }
    }
    findings
}

fn folder(repository: &Repository, package: &Package) -> Option<String> {
    let folder = package.manifest_path.parent()?.as_std_path().strip_prefix(repository.root()).ok()?;
    Some(folder.to_string_lossy().replace('\\', "/"))
}

fn missing_metadata(package: &Package) -> Vec<&'static str> {
    let present = [
        ("description", package.description.as_ref().is_some_and(|d| !d.trim().is_empty())),
        ("license", package.license.is_some()),
        ("readme", package.readme.is_some()),
        ("repository", package.repository.is_some()),
        ("rust-version", package.rust_version.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
    ];
    present.into_iter().filter(|(_, present)| !present).map(|(field, _)| field).collect()
}

/// Lints from the workspace, dependencies from the workspace's table and sorted, every feature explained.
fn member_manifest(manifest: &File) -> Vec<String> {
    let path = &manifest.path;
    let table: Table = match manifest.text.parse() {
        Ok(table) => table,
        Err(e) => return vec![format!("{path} is not TOML: {e}")],
    };
    let mut findings = Vec::new();
    if table.get("lints").and_then(|l| l.get("workspace")) != Some(&Value::Boolean(true)) {
        findings.push(format!("{path} lacks `[lints] workspace = true`"));
    }
    for (kind, dependencies) in dependency_tables(&table) {
        for (name, value) in dependencies {
            // A crate's tests may need features of the crate itself; with a version it could not be packaged.
            let is_itself =
                value.get("path").and_then(Value::as_str) == Some(".") && value.get("version").is_none();
            if value.get("workspace") != Some(&Value::Boolean(true)) && !is_itself {
                findings.push(format!(
                    "{path}: {name} in [{kind}] names its version itself; put it into the root Cargo.toml"
                ));
            }
        }
    }
    for kind in KINDS {
        let names: Vec<_> = entries(&manifest.text, kind).into_iter().map(|e| e.name).collect();
        findings.extend(unsorted(&names).map(|name| format!("{path}: {name} is out of order in [{kind}]")));
    }
    for feature in entries(&manifest.text, "features") {
        if feature.name != "default" && feature.comment.is_none() && !feature.comment_above {
            findings
                .push(format!("{path}: feature {} has no comment that says what it is for", feature.name));
        }
    }
    findings
}

fn dependency_tables(table: &Table) -> Vec<(&'static str, &Table)> {
    let targets = table.get("target").and_then(Value::as_table);
    let tables =
        std::iter::once(table).chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    tables.flat_map(|t| KINDS.into_iter().filter_map(|k| Some((k, t.get(k)?.as_table()?)))).collect()
}

/// Every dependency from a registry has its reason beside it, each group is sorted, and unsafe code is forbidden.
fn root_manifest(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(e) => return vec![format!("Cargo.toml is not TOML: {e}")],
    };
    let lints = table.get("workspace").and_then(|w| w.get("lints")?.get("rust"));
    if lints.and_then(|l| l.get("unsafe_code")?.as_str()) != Some("forbid") {
        findings.push("Cargo.toml does not forbid unsafe code".to_owned());
    }
    let dependencies = entries(text, "workspace.dependencies");
    let declared =
        table.get("workspace").and_then(|w| w.get("dependencies")?.as_table()).map_or(0, Table::len);
    if dependencies.len() != declared {
        findings.push("Cargo.toml: write each entry of [workspace.dependencies] on one line".to_owned());
    }
    for dependency in &dependencies {
        if dependency.comment.is_none() && !dependency.line.contains("path = ") {
            findings.push(format!("Cargo.toml: say beside {} why it is taken", dependency.name));
        }
    }
    for group in dependencies.chunk_by(|a, b| a.group == b.group) {
        let names: Vec<_> = group.iter().map(|e| e.name).collect();
        findings
            .extend(unsorted(&names).map(|name| format!("Cargo.toml: {name} is out of order in its group")));
    }
    findings
}

/// One `name = value` line of a manifest's table.
struct Entry<'a> {
    name: &'a str,
    line: &'a str,
    /// What follows ` # ` on the line.
    comment: Option<&'a str>,
    comment_above: bool,
    /// Counts the blank lines and headings before it in its table.
    group: usize,
}

fn entries<'a>(text: &'a str, table: &str) -> Vec<Entry<'a>> {
    let heading = format!("[{table}]");
    let body = text.lines().skip_while(|line| line.trim() != heading).skip(1);
    let mut entries = Vec::new();
    let (mut group, mut comment_above) = (0, false);
    for line in body.take_while(|line| !line.starts_with('[')) {
        let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
        let is_entry =
            name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && line.contains('=');
        if is_entry {
            let comment = line.split_once(" # ").map(|(_, c)| c.trim()).filter(|c| !c.is_empty());
            entries.push(Entry { name, line, comment, comment_above, group });
        } else if line.trim().is_empty() || line.starts_with("# ---") {
            group += 1;
        }
        comment_above = line.starts_with('#');
    }
    entries
}

fn unsorted<'a>(names: &[&'a str]) -> impl Iterator<Item = &'a str> {
    names.windows(2).filter(|pair| pair[0] > pair[1]).map(|pair| pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[features]\n# What it is for.\nmock = []\n\n[dependencies]\nbytes.workspace = true\nserde = { workspace = true, optional = true }\n\n[lints]\nworkspace = true\n";

    #[test]
    fn a_member_manifest_is_judged() {
        let cases = [
            (GOOD.to_owned(), ""),
            (GOOD.replace("[lints]\nworkspace = true\n", ""), "lacks `[lints]"),
            (
                GOOD.replace("bytes.workspace = true", "bytes = \"1\""),
                "bytes in [dependencies] names its version",
            ),
            (GOOD.replace("bytes.workspace = true", "bytes = { path = \".\" }"), ""),
            (
                GOOD.replace("bytes.workspace = true", "bytes = { path = \".\", version = \"1\" }"),
                "bytes in [dependencies] names its version",
            ),
            (GOOD.replace("bytes.", "tokio."), "serde is out of order"),
            (GOOD.replace("# What it is for.\n", ""), "feature mock has no comment"),
            (
                GOOD.replace("[dependencies]", "[target.'cfg(unix)'.dependencies]")
                    .replace("bytes.workspace = true", "bytes = \"1\""),
                "bytes in",
            ),
            (GOOD.replace("[lints]", "[lints"), "is not TOML"),
        ];
        for (text, expected) in cases {
            let findings = member_manifest(&File { path: "Cargo.toml".to_owned(), text });
            assert_eq!(findings.is_empty(), expected.is_empty(), "{expected}: {findings:?}");
            assert!(findings.concat().contains(expected), "{expected}: {findings:?}");
        }
    }

    #[test]
    fn the_root_manifest_is_judged() {
        let good = "[workspace.dependencies]\n# --- ours ---\nesign = { path = \"crates/esign\" }\n\n# --- more ---\nbytes = \"1\" # no copies\nserde = \"1\" # stored forms\n\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        let cases = [
            (good.to_owned(), ""),
            (good.replace("forbid", "warn"), "does not forbid unsafe"),
            (good.replace(" # no copies", ""), "say beside bytes why"),
            (good.replace("bytes = \"1\" #", "zeroize = \"1\" #"), "serde is out of order in its group"),
            (format!("{good}\n[workspace.dependencies.url]\nversion = \"2\"\n"), "on one line"),
        ];
        for (text, expected) in cases {
            let findings = root_manifest(&text);
            assert_eq!(findings.is_empty(), expected.is_empty(), "{expected}: {findings:?}");
            assert!(findings.concat().contains(expected), "{expected}: {findings:?}");
        }
    }
}
