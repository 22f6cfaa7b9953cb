//! What is in the dependency graph: banned crates, licences, and what `esign-core` may build on.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};
use spdx::{Expression, LicenseReq, ParseMode};

/// Crates that must not be part of what users build, with the reason.
pub const BANNED: &[(&str, &str)] = &[
    ("native-tls", "one TLS stack: rustls with aws-lc-rs"),
    ("openssl-sys", "one TLS stack: rustls with aws-lc-rs; no system library to match"),
    ("ring", "one crypto backend: aws-lc-rs"),
    ("rsa", "RUSTSEC-2023-0071 (timing); private keys are used through aws-lc-rs"),
];

/// Licences that may be in the graph, tests included.
pub const LICENCES: &[&str] = &[
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages under another licence: name, licence, why that is right.
pub const LICENCE_EXCEPTIONS: &[(&str, &str, &str)] =
    &[("webdriver", "MPL-2.0", "drives the browser in our own tests; never part of what is published")];

/// Dependencies whose types are part of `esign-core`'s interface. Those at 0.x are re-exported, so that a change of their
/// version is ours to plan.
pub const CORE_PUBLIC: &[&str] =
    &["async-trait", "bytes", "jiff", "mockall", "secrecy", "serde", "serde_json", "url"];

/// Dependencies that `esign-core` uses inside and never shows.
pub const CORE_PRIVATE: &[&str] =
    &["base64", "getrandom", "hmac", "serde_path_to_error", "sha2", "thiserror", "tokio", "tracing", "uuid"];

/// Banned crates among what the workspace's members ship, given as the lines of [`shipped`](crate::repository::shipped).
pub fn banned(shipped: &str) -> Vec<String> {
    let names = shipped.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<_> = names.collect();
    let found = BANNED.iter().filter(|(name, _)| names.contains(name));
    found
        .map(|(name, reason)| {
            format!("{name} is banned ({reason}); `cargo tree -i {name}` shows who brings it")
        })
        .collect()
}

/// Crates of an HTTP client among what is shipped for programs that only sign.
pub fn http(shipped: &str) -> Vec<String> {
    let names: BTreeSet<_> = shipped.lines().filter_map(|line| line.split(' ').next()).collect();
    let found =
        ["hyper", "reqwest", "rustls", "tokio-rustls"].into_iter().filter(|name| names.contains(name));
    let found =
        found.map(|name| format!("{name} is built for `esign-txn` without its feature `client`")).collect();
    if names.contains("esign-txn") { found } else { vec!["this is not the tree of esign-txn".to_owned()] }
}

/// Packages whose licence expression cannot be met by [`LICENCES`].
pub fn licences(resolved: &Metadata) -> Vec<String> {
    let judged = resolved.packages.iter().filter(|p| p.source.is_some());
    let judged = judged.filter(|p| {
        let excepted = |(name, licence, _): &(&str, &str, &str)| {
            *name == p.name.as_str() && Some(*licence) == p.license.as_deref()
        };
        !LICENCE_EXCEPTIONS.iter().any(excepted)
    });
    judged.filter_map(|p| licence(&p.name, p.license.as_deref())).collect()
}

/// Normal dependencies of `esign-core` that are on neither of its lists.
pub fn core_dependencies(members: &Metadata) -> Vec<String> {
    let Some(core) = members.workspace_packages().into_iter().find(|p| p.name.as_str() == "esign-core")
    else {
        return vec!["esign-core is missing from the workspace".to_owned()];
    };
    let normal = core.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
    let unknown = normal.filter(|d| ![CORE_PUBLIC, CORE_PRIVATE].concat().contains(&d.name.as_str()));
    unknown
        .map(|d| {
            format!(
                "esign-core may not depend on {}: it does no IO and knows no HTTP, TLS, JWT or PDF library",
                d.name
            )
        })
        .collect()
}

fn licence(name: &str, expression: Option<&str>) -> Option<String> {
    let Some(text) = expression else { return Some(format!("{name} states no licence")) };
    let parsed = match Expression::parse_mode(text, ParseMode::LAX) {
        Ok(parsed) => parsed,
        Err(e) => return Some(format!("{name}: licence `{text}` cannot be read: {}", e.reason)),
    };
    (!parsed.evaluate(allowed))
        .then(|| format!("{name}: licence `{text}` is not on the list (xtask/src/graph.rs)"))
}

fn allowed(requirement: &LicenseReq) -> bool {
    requirement.license.id().is_some_and(|id| LICENCES.contains(&id.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_expression_is_met_or_named() {
        let cases = [
            (Some("MIT"), true),
            (Some("MIT/Apache-2.0"), true),
            (Some("GPL-3.0-only OR MIT"), true),
            (Some("(MIT OR Apache-2.0) AND Unicode-3.0"), true),
            (Some("Apache-2.0 WITH LLVM-exception OR MIT"), true),
            (Some("AGPL-3.0-only"), false),
            (Some("MIT AND GPL-2.0-only"), false),
            (Some("no such licence"), false),
            (None, false),
        ];
        for (expression, fine) in cases {
            assert_eq!(
                licence("a", expression).is_none(),
                fine,
                "{expression:?}: {:?}",
                licence("a", expression)
            );
        }
    }

    #[test]
    fn a_banned_crate_is_found_by_its_whole_name() {
        assert!(banned("esign v0.1.0 (path)\nring-like v1.0.0\nopenssl-probe v0.1.6\n").is_empty());
        let findings = banned("esign v0.1.0 (path)\nring v0.17.14\n");
        assert!(findings.len() == 1 && findings[0].starts_with("ring is banned"), "{findings:?}");
    }

    #[test]
    fn an_http_client_is_found_where_there_should_be_none() {
        assert!(http("esign-txn v0.1.0 (path)\nhyper-like v1.0.0\n").is_empty());
        assert_eq!(http("esign-txn v0.1.0 (path)\nreqwest v0.13.5\n").len(), 1);
        assert_eq!(http("").len(), 1);
    }

    #[test]
    fn core_may_not_take_an_http_client() {
        let findings = core_dependencies(&core_with("reqwest"));
        assert!(findings.len() == 1 && findings[0].contains("reqwest"), "{findings:?}");
        assert!(core_dependencies(&core_with("serde")).is_empty());
    }

    fn core_with(dependency: &str) -> Metadata {
        let package = format!(
            r#"{{"name":"esign-core","version":"1.0.0","id":"core","targets":[],"features":{{}},"manifest_path":"/c/Cargo.toml",
            "dependencies":[{{"name":"{dependency}","req":"*","kind":null,"optional":false,"uses_default_features":true,"features":[]}}]}}"#
        );
        let text = format!(
            r#"{{"packages":[{package}],"workspace_members":["core"],"resolve":null,"workspace_root":"/","target_directory":"/target","version":1}}"#
        );
        cargo_metadata::MetadataCommand::parse(text.replace('\n', " ")).unwrap()
    }
}
