//! The only direct edges allowed between our own crates.
//!
//! An adapter crate knows the contract and the HTTP stack, never another adapter and never the sandbox's types; the sandbox
//! knows the wire formats by itself, so that it stays an independent counterpart.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, Package};

/// What one crate may depend on among ours.
#[derive(Debug)]
pub struct Allowed {
    /// The crate.
    pub name: &'static str,
    /// Normal and build dependencies.
    pub normal: &'static [&'static str],
    /// Further ones for its tests.
    pub dev: &'static [&'static str],
}

const PROVIDER: &[&str] = &["esign-core", "esign-http"];
const TESTING: &[&str] = &["esign-conformance", "esign-sandbox"];

/// The table. A crate that is not in it may not exist.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        name: "esign",
        normal: &[
            "esign-core",
            "esign-documenso",
            "esign-http", // verifies kept callbacks
            "esign-pdf",
            "esign-signicat",
            "esign-signify",
            "esign-singpass",
            "esign-txn",
        ],
        dev: TESTING,
    },
    Allowed {
        name: "esign-cli",
        normal: &["esign", "esign-sandbox"],
        dev: &["esign-conformance", "esign-sandbox", "esign-pdf"], // the last one for documents to measure with
    },
    Allowed { name: "esign-conformance", normal: &["esign-core"], dev: &[] },
    Allowed { name: "esign-core", normal: &[], dev: &[] }, // never the conformance suite: two copies of core in one test
    Allowed { name: "esign-documenso", normal: PROVIDER, dev: TESTING },
    Allowed { name: "esign-engine", normal: &["esign-core"], dev: &["esign-engine"] }, // its own harness, in its tests
    Allowed { name: "esign-http", normal: &["esign-core"], dev: &[] },
    Allowed { name: "esign-pdf", normal: &["esign-core"], dev: &[] },
    Allowed { name: "esign-sandbox", normal: &["esign-pdf"], dev: &[] },
    Allowed { name: "esign-signicat", normal: PROVIDER, dev: TESTING },
    Allowed { name: "esign-signify", normal: PROVIDER, dev: TESTING },
    Allowed { name: "esign-singpass", normal: PROVIDER, dev: TESTING },
    Allowed { name: "esign-store-sqlite", normal: &["esign-engine"], dev: &[] },
    Allowed { name: "esign-txn", normal: PROVIDER, dev: TESTING },
    Allowed { name: "xtask", normal: &[], dev: &[] },
];

/// Every program under `examples/`, whatever its name.
const EXAMPLE: Allowed = Allowed { name: "an example", normal: &["esign"], dev: TESTING };

/// Edges between our crates that the table does not allow, and crates that it does not know.
pub fn check(members: &Metadata) -> Vec<String> {
    let ours: BTreeSet<_> = members.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    members.workspace_packages().into_iter().flat_map(|package| edges(package, &ours)).collect()
}

fn edges(package: &Package, ours: &BTreeSet<String>) -> Vec<String> {
    let name = package.name.as_str();
    let example = package.manifest_path.components().any(|c| c.as_str() == "examples");
    let Some(allowed) = ALLOWED.iter().find(|a| a.name == name).or(example.then_some(&EXAMPLE)) else {
        return vec![format!("{name} has no line in the table of allowed edges (xtask/src/edges.rs)")];
    };
    let declared = package.dependencies.iter().filter(|d| ours.contains(&d.name));
    declared.filter_map(|d| edge(allowed, name, &d.name, d.kind)).collect()
}

fn edge(allowed: &Allowed, from: &str, to: &str, kind: DependencyKind) -> Option<String> {
    let dev = kind == DependencyKind::Development;
    let fine = allowed.normal.contains(&to) || (dev && allowed.dev.contains(&to));
    let word = if dev { "for its tests " } else { "" };
    (!fine).then(|| format!("{from} may not depend {word}on {to}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_judged_by_its_kind() {
        use DependencyKind::{Build, Development, Normal};
        let find = |name: &str| ALLOWED.iter().find(|a| a.name == name).unwrap();
        let cases = [
            ("esign", "esign-signify", Normal, true),
            ("esign-signify", "esign-http", Normal, true),
            ("esign-signify", "esign-sandbox", Development, true),
            ("esign-signify", "esign-sandbox", Normal, false),
            ("esign-signify", "esign-sandbox", Build, false),
            ("esign-singpass", "esign-signify", Normal, false),
            ("esign-core", "esign-conformance", Development, false),
            ("esign-sandbox", "esign-signify", Development, false),
        ];
        for (from, to, kind, fine) in cases {
            assert_eq!(edge(find(from), from, to, kind).is_none(), fine, "{from} -> {to} ({kind})");
        }
    }

    #[test]
    fn the_table_has_no_cycle_among_normal_edges() {
        let mut settled: BTreeSet<&str> = BTreeSet::new();
        while settled.len() < ALLOWED.len() {
            let ready = |a: &&Allowed| a.normal.iter().all(|d| settled.contains(d));
            let next: BTreeSet<_> = ALLOWED.iter().filter(ready).map(|a| a.name).collect();
            assert!(next.len() > settled.len(), "a cycle beyond {settled:?}");
            settled = next;
        }
    }
}
