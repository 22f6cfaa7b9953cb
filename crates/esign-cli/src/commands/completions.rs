//! `esign completions`

use clap::CommandFactory;

use crate::args::{Args, Completions};
use crate::failure::Exit;

pub(crate) fn run(args: &Completions) -> Exit {
    clap_complete::generate(args.shell, &mut Args::command(), "esign", &mut std::io::stdout());
    Exit::Good
}
