//! Answers on standard output, progress and errors on standard error: the one place where the command prints.
//!
//! Words that are not ours (of providers, PDFs, certificates, file names, keys of a configuration) go through [`printable`] or
//! [`shown`] where they are put into a line; an error and a finding have done that themselves. Whatever still commands a
//! terminal is taken out here, on its way to the screen.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use esign::redact::{is_unprintable, printable as clean};
use serde::Serialize;
use serde_json::ser::Formatter;
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
            let mut out = io::BufWriter::new(io::stdout().lock());
            let mut writer = serde_json::Serializer::with_formatter(&mut out, ForTerminals);
            let written = Versioned { object, version: VERSION }.serialize(&mut writer);
            // Whoever closed the pipe wants no more.
            let _ = written.map_err(io::Error::from).and_then(|()| writeln!(out)).and_then(|()| out.flush());
        }
    }

    /// A line of progress, for people: one line whatever is in it.
    pub(crate) fn say(&self, mark: Mark, line: impl Display) {
        // Whoever closed the pipe wants no more.
        let _ =
            writeln!(anstream::stderr(), "{}", harmless(&format!("{mark} {line}").replace('\n', "\u{fffd}")));
    }

    /// A line of progress without a sign.
    pub(crate) fn plain(&self, line: impl Display) {
        let _ = writeln!(anstream::stderr(), "{}", harmless(&line.to_string()));
    }

    /// The error, for people and with `--json` for programs.
    pub(crate) fn failure(&self, failure: &Failure) {
        let line = printable(&failure.to_string());
        let _ = writeln!(anstream::stderr(), "{RED}error{RED:#}: {line}");
        self.json(&json!({ "error": failure.to_json() }));
    }

    /// Text on standard output, whatever was chosen.
    pub(crate) fn print(text: &str) {
        let _ = writeln!(anstream::stdout(), "{}", harmless(text.trim_end()));
    }
}

/// Words that are not ours, as one line that commands nothing.
pub(crate) fn printable(text: &str) -> String {
    clean(text).into_owned()
}

/// A file name as one line that commands nothing; what is not Unicode in it is replaced.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// A file name in an answer for programs. A name need not be Unicode; what is not is replaced there.
pub(crate) fn file_json(path: &Path) -> Value {
    json!(path.to_string_lossy())
}

/// Text of several lines, with our own colours and nothing else that commands a terminal.
fn harmless(text: &str) -> String {
    const COLOURS: [Style; 4] = [GREEN, RED, YELLOW, BOLD];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| c != '\n' && is_unprintable(c)) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let own =
            COLOURS.iter().flat_map(|style| [style.render().to_string(), style.render_reset().to_string()]);
        match own.into_iter().find(|own| rest.starts_with(own.as_str())) {
            Some(own) => {
                out.push_str(&own);
                rest = &rest[own.len()..];
            }
            None => {
                out.push(char::REPLACEMENT_CHARACTER);
                rest = rest.split_at(rest.chars().next().map_or(0, char::len_utf8)).1;
            }
        }
    }
    out + rest
}

/// JSON in which whatever could command a terminal is escaped: JSON itself asks for that only below U+0020.
#[derive(Clone, Copy, Debug)]
struct ForTerminals;

impl Formatter for ForTerminals {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unprintable) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut after = rest[at..].chars();
            for unit in after.next().into_iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Log lines, each as one line that commands nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log;

impl Write for Log {
    /// An event is written at once, with a line break behind it.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        writeln!(io::stderr().lock(), "{}", printable(text.trim_end_matches('\n')))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_colours_stay_and_everything_else_that_commands_a_terminal_goes() {
        let line = format!("{} {}\n{}", Mark::Good, bold("x"), "\u{1b}]0;title\u{7}\u{9b}2J\u{202e}é");
        let expected = format!("{} {}\n\u{fffd}]0;title\u{fffd}\u{fffd}2J\u{fffd}é", Mark::Good, bold("x"));
        assert_eq!(harmless(&line), expected);
    }

    #[test]
    fn json_says_the_same_in_escapes() {
        let value = json!({ "name\u{9b}": "a\u{1b}\u{7f}\u{202e}é\u{e0041}" });
        let mut out = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, ForTerminals)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(is_unprintable) && text.contains("\\u202e") && text.contains('é'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
