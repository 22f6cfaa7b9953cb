#![doc = include_str!("../README.md")]

mod args;
mod commands;
mod failure;
mod files;
mod local;
mod output;
mod request;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use failure::{Exit, Failure};
use output::Output;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refused(&error),
    };
    trace(args.common.verbose);
    let output = Output::new(args.common.json);
    let exit = match run(args, &output) {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

/// Help and version as clap prints them; a refusal without colours, since it repeats what was written.
fn refused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        Output::new(false).plain(of_printable_words(error).trim_end());
        return ExitCode::from(Exit::Usage as u8);
    }
    match error.print() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closed the pipe wants no more.
        Err(_) => ExitCode::from(Exit::Usage as u8),
    }
}

/// The refusal as it would be of the same words without what commands a terminal: it repeats them.
fn of_printable_words(error: &clap::Error) -> String {
    let words = std::env::args_os().map(|word| output::printable(&word.to_string_lossy()));
    Args::try_parse_from(words).map_or_else(|same| same.to_string(), |_| error.to_string())
}

fn run(args: Args, output: &Output) -> Result<Exit, Failure> {
    let runtime =
        tokio::runtime::Runtime::new().map_err(|e| Failure::usage(format!("cannot start threads: {e}")))?;
    runtime.block_on(dispatch(args, output))
}

async fn dispatch(args: Args, output: &Output) -> Result<Exit, Failure> {
    let Args { command, common } = args;
    match command {
        Command::Demo(args) => commands::demo::run(args, &common, output).await,
        Command::Providers(args) => commands::providers::run(&args, &common, output).await,
        Command::Probe(args) => commands::probe::run(&args, &common, output).await,
        Command::Check(args) => commands::check::run(&args, &common, output).await,
        Command::Plan(args) => commands::plan::run(&args, &common, output).await,
        Command::Preview(args) => commands::preview::run(&args, &common, output).await,
        Command::Place(args) => commands::place::run(&args, &common, output).await,
        Command::Send(args) => commands::send::run(&args, &common, output).await,
        Command::Resolve(args) => commands::resolve::run(&args, &common, output).await,
        Command::Status(args) => commands::status::run(&args, &common, output).await,
        Command::Watch(args) => commands::watch::run(&args, &common, output).await,
        Command::Download(args) => commands::download::run(&args, &common, output).await,
        Command::Remind(args) => commands::remind::run(&args, &common, output).await,
        Command::Cancel(args) => commands::cancel::run(&args, &common, output).await,
        Command::Verify(args) => commands::verify::run(&args, &common, output).await,
        Command::Evidence(args) => commands::evidence::run(&args, &common, output).await,
        Command::Inspect(args) => commands::inspect::run(&args, output).await,
        Command::Roots(args) => commands::roots::run(&args, &common, output),
        Command::Keygen(args) => commands::keygen::run(&args, output),
        Command::Jwks(args) => commands::jwks::run(&args, &common, output).await,
        Command::TxnInfo(args) => commands::txn_info::run(&args, &common, output).await,
        Command::Sandbox(args) => commands::sandbox::run(args, output).await,
        Command::Completions(args) => Ok(commands::completions::run(&args)),
    }
}

/// Warnings are always shown; `--verbose` shows what happens inside; `ESIGN_LOG` chooses in detail.
fn trace(verbose: bool) {
    let chosen = std::env::var("ESIGN_LOG").ok();
    let filter =
        chosen.unwrap_or_else(|| if verbose { "warn,esign=debug" } else { "off,esign=warn" }.to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(|| output::Log)
        // A colour is an escape sequence, and lines of a log carry words that are not ours.
        .with_ansi(false)
        .init();
}
