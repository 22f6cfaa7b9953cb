#![doc = include_str!("../README.md")]
//!
//! Each check takes what it looks at and returns its findings, one sentence each: empty means that the rule holds. The
//! rules themselves are data at the top of their module. `tests/repository.rs` applies them to this repository; the unit
//! tests beside each check show that it can fail.

pub mod api;
pub mod coverage;
pub mod edges;
pub mod generated;
pub mod golden;
pub mod graph;
pub mod manifests;
pub mod new_provider;
pub mod repository;
pub mod settings;
pub mod sources;
pub mod steps;
pub mod words;

pub use repository::{File, Repository};
