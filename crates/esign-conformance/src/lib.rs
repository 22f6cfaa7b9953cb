#![doc = include_str!("../README.md")]

mod check;
mod checks;
mod clock;
mod harness;
mod pdf;
mod relay;
mod sample;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Trial};

pub use check::Verdict;
pub use clock::BackendClock;
pub use harness::{Action, Backend, Fault, Harness};
pub use pdf::{drawn_boxes, sample_pdf};
pub use relay::Relay;

/// Runs every check as a test of its own, with the command line of the ordinary test runner: the whole of
/// `tests/conformance.rs`, which is declared with `harness = false`.
#[must_use]
pub fn main(harness: impl Harness) -> ExitCode {
    let harness: Arc<dyn Harness> = Arc::new(harness);
    let trials = checks::all().into_iter().map(|check| {
        let harness = Arc::clone(&harness);
        Trial::ignorable_test(check.name, move || match check.run(harness.as_ref()) {
            Verdict::Passed => Ok(Completion::Completed),
            Verdict::Skipped(why) => Ok(Completion::ignored_with(why)),
            Verdict::Failed(why) => Err(why.into()),
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// The names of all checks.
#[must_use]
pub fn names() -> Vec<&'static str> {
    checks::all().iter().map(|check| check.name).collect()
}

/// Runs one check by name; `None` if there is none of that name. For proving that the kit bites.
#[must_use]
pub fn verdict(harness: &dyn Harness, name: &str) -> Option<Verdict> {
    checks::all().iter().find(|check| check.name == name).map(|check| check.run(harness))
}
