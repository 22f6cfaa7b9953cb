//! Answers on standard output, progress and errors on standard error.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// The version of every JSON object that the command prints. Fields are only ever added to it.
pub(crate) const VERSION: u32 = 1;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();

/// How something turned out, as a sign before a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Good,
    Bad,
    Warning,
    /// Nothing to judge.
    Plain,
}

impl From<bool> for Mark {
    fn from(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

impl Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Good => write!(f, "{GREEN}✓{GREEN:#}"),
            Self::Bad => write!(f, "{RED}✗{RED:#}"),
            Self::Warning => write!(f, "{YELLOW}!{YELLOW:#}"),
            Self::Plain => f.write_str(" "),
        }
    }
}

/// Emphasised text.
pub(crate) fn bold(text: &str) -> String {
    format!("{BOLD}{text}{BOLD:#}")
}

/// Where answers go. Colours disappear where nobody sees them (pipes, `NO_COLOR`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The answer: one JSON object on a line, or lines for people.
    pub(crate) fn answer(&self, object: &impl Serialize, words: impl FnOnce() -> String) {
        if self.json { self.json(object) } else { Self::print(&words()) }
    }

    /// One JSON object on a line, with the version in it; nothing without `--json`.
    pub(crate) fn json(&self, object: &impl Serialize) {
        #[derive(Serialize)]
        struct Versioned<'a, T> {
            #[serde(flatten)]
            object: &'a T,
            version: u32,
        }
        if self.json {
            // Written as it goes: the facts of a hundred thousand pages are large enough once.
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let written = serde_json::to_writer(&mut out, &Versioned { object, version: VERSION });
            // Whoever closed the pipe wants no more.
            let _ =
                written.map_err(std::io::Error::from).and_then(|()| writeln!(out)).and_then(|()| out.flush());
        }
    }

    /// A line of progress, for people.
    pub(crate) fn say(&self, mark: Mark, line: impl Display) {
        // Whoever closed the pipe wants no more.
        let _ = writeln!(anstream::stderr(), "{mark} {line}");
    }

    /// A line of progress without a sign.
    pub(crate) fn plain(&self, line: impl Display) {
        let _ = writeln!(anstream::stderr(), "{line}");
    }

    /// The error, for people and with `--json` for programs.
    pub(crate) fn failure(&self, failure: &Failure) {
        let _ = writeln!(anstream::stderr(), "{RED}error{RED:#}: {failure}");
        self.json(&json!({ "error": failure.to_json() }));
    }

    /// Text on standard output, whatever was chosen.
    pub(crate) fn print(text: &str) {
        let _ = writeln!(anstream::stdout(), "{}", text.trim_end());
    }
}

/// Text out of a document or certificate, without what would command a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Any of the contract's types as JSON.
pub(crate) fn value<T: Serialize>(value: &T) -> Value {
    // The contract's types have string keys only, so they can always be written.
    serde_json::to_value(value).unwrap_or_default()
}

/// Lines with the first column padded.
pub(crate) fn columns(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}
