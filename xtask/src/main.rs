//! `cargo xtask`: the gate and the generators.

use std::process::ExitCode;

use clap::Parser;
use xtask::{Repository, generated, golden, repository, steps};

/// The gate and the generators of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Command {
    /// Run every step of the gate; `.ci/run` does so after installing what the outside checks need.
    Ci,
    /// Rewrite the generated blocks of the Markdown files.
    Generate,
    /// List new golden files.
    Golden,
}

fn main() -> ExitCode {
    match run(&Command::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything passed.
fn run(command: &Command) -> Result<bool, String> {
    match command {
        Command::Ci => Ok(steps::run(&steps::all(&repository::members()?))),
        Command::Generate => changed(&generated::write(&Repository::open()?)?),
        Command::Golden => changed(&golden::write(&Repository::open()?)?),
    }
}

fn changed(paths: &[String]) -> Result<bool, String> {
    paths.iter().for_each(|path| println!("{path}"));
    Ok(true)
}
