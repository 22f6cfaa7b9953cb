//! The in-memory provider keeps every promise that it makes.

mod common;

use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    esign_conformance::main(common::MemoryHarness::new(|provider| Arc::new(provider)))
}
