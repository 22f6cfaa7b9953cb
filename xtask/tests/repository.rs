//! The repository's rules, applied to this repository.

use xtask::repository::{members, resolved, shipped, shipped_without_http};
use xtask::{Repository, api, coverage, edges, generated, golden, graph, manifests, sources, words};

#[test]
fn our_crates_depend_on_each_other_only_as_allowed() {
    holds(&edges::check(&members().unwrap()));
}

#[test]
fn no_banned_crate_is_shipped() {
    holds(&graph::banned(&shipped().unwrap()));
}

#[test]
fn a_transaction_is_signed_without_an_http_client() {
    holds(&graph::http(&shipped_without_http().unwrap()));
}

#[test]
fn every_licence_is_on_the_list() {
    holds(&graph::licences(&resolved().unwrap()));
}

#[test]
fn the_contract_depends_only_on_what_is_listed() {
    holds(&graph::core_dependencies(&members().unwrap()));
}

#[test]
fn the_contract_shows_only_the_types_that_it_is_meant_to() {
    holds(&api::check(&repository()));
}

#[test]
fn manifests_are_sorted_complete_and_alike() {
    holds(&manifests::check(&repository(), &members().unwrap()));
}

#[test]
fn source_files_are_short() {
    holds(&sources::check(&repository()));
}

#[test]
fn included_files_are_packaged_with_their_crate() {
    holds(&sources::includes(&repository()));
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    holds(&words::check(&repository()));
}

#[test]
fn generated_blocks_are_up_to_date() {
    holds(&generated::check(&repository()));
}

#[test]
fn every_provider_has_a_page() {
    holds(&generated::pages(&repository()));
}

#[test]
fn the_providers_documentation_is_covered_without_gaps() {
    holds(&coverage::check(&repository()));
}

#[test]
fn golden_files_are_listed_and_unchanged() {
    holds(&golden::check(&repository()));
}

fn repository() -> Repository {
    Repository::open().unwrap()
}

fn holds(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}
