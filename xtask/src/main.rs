//! `cargo xtask`: the gate and the generators.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use xtask::{Repository, generated, golden, new_provider, repository, steps};

/// The gate and the generators of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
enum Command {
    /// Run every step of the gate; `.ci/run` does so after installing what the outside checks need.
    Ci,
    /// Judge our verdicts on signed PDFs by what viewers show, for longer than the gate does.
    Judge {
        /// How long.
        #[arg(long, default_value_t = 10)]
        minutes: u32,
    },
    /// Rewrite the generated blocks of the Markdown files.
    Generate,
    /// List new golden files.
    Golden,
    /// Write the skeleton of a provider crate, with a workspace of its own.
    NewProvider {
        /// The provider's name, as it will be in `kind = "…"`: small letters, digits and hyphens.
        #[arg(required_unless_present = "check")]
        name: Option<String>,
        /// Where to; default: `esign-NAME` beside this repository.
        #[arg(long)]
        path: Option<PathBuf>,
        /// Instead: write one into the target folder, and look whether its tests compile and say what to do next.
        #[arg(long, conflicts_with_all = ["name", "path"])]
        check: bool,
    },
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
        Command::Judge { minutes } => Ok(steps::run(&[steps::judge(*minutes)])),
        Command::Generate => changed(&generated::write(&Repository::open()?)?),
        Command::Golden => changed(&golden::write(&Repository::open()?)?),
        Command::NewProvider { name: Some(name), path, .. } => {
            let folder = path.clone().unwrap_or_else(|| new_provider::default_folder(name));
            for file in new_provider::write(name, &folder)? {
                println!("{}", file.display());
            }
            println!("\nnext: cd {} && cargo test", folder.display());
            Ok(true)
        }
        Command::NewProvider { name: None, .. } => new_provider::check().map(|()| true),
    }
}

fn changed(paths: &[String]) -> Result<bool, String> {
    paths.iter().for_each(|path| println!("{path}"));
    Ok(true)
}
