//! The programs that we are held against: each is optional, and the same files go to each.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Times, clock, each};

/// Runs of each measurement; the fastest counts, because whatever else the machine does only adds to it.
const RUNS: u32 = 3;

/// What was found of them.
pub(crate) struct Others {
    python: Option<PathBuf>,
}

impl Others {
    pub(crate) fn find() -> Self {
        let python = std::env::var_os("ESIGN_PYTHON").map(PathBuf::from);
        if python.is_none() {
            println!("skipped: pikepdf, pyHanko and peak memory, because ESIGN_PYTHON is not set");
        }
        Self { python }
    }

    /// The time of a command for each file, if there is such a program.
    pub(crate) fn program(&self, name: &str, arguments: &[&str], files: &[PathBuf]) -> Option<Times> {
        Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        each(files, |path| process(name, arguments, path))
    }

    /// The time of a Python library for each file: measured by itself in one process, without its start.
    pub(crate) fn python(&self, library: &str, files: &[PathBuf], root: Option<&Path>) -> Option<Times> {
        let mut command = self.script(library)?;
        command.arg(root.unwrap_or(Path::new("")));
        let output = command.args(files).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{library} failed");
        let text = String::from_utf8(output.stdout).unwrap();
        Some(text.lines().map(|line| line.parse().ok().map(Duration::from_secs_f64)).collect())
    }

    /// The most memory that a command had, and its time.
    pub(crate) fn peak(&self, name: &str, arguments: &[&str], path: &Path) -> String {
        let command = [OsStr::new(name)].into_iter().chain(arguments.iter().map(OsStr::new));
        self.measured(command.chain([path.as_os_str()]))
    }

    /// The same for Python with one of the libraries, which reads the file once.
    pub(crate) fn peak_of_python(&self, library: &str, path: &Path) -> String {
        let Some(python) = &self.python else { return self.measured([]) };
        let script = script();
        let command = [python.as_os_str(), script.as_ref(), library.as_ref(), "".as_ref(), path.as_os_str()];
        self.measured(command)
    }

    fn measured<'a>(&self, command: impl IntoIterator<Item = &'a OsStr>) -> String {
        let Some(mut measure) = self.script("peak") else { return "skipped".to_owned() };
        let output = measure.args(command).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "the measurement failed");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn script(&self, mode: &str) -> Option<Command> {
        let mut command = Command::new(self.python.as_ref()?);
        command.arg(script()).arg(mode).stdin(Stdio::null());
        Some(command)
    }
}

/// The time of one command for one file, or nothing if it could not read the file: 2 and more as exit code is an error
/// for each of these programs but pdfsig, which has 1 for that.
pub(crate) fn process(name: &str, arguments: &[&str], path: &Path) -> Option<Duration> {
    best(|| {
        let mut command = Command::new(name);
        command.args(arguments).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let code = command.status().unwrap().code()?;
        (code < 2).then_some(())
    })
}

/// The fastest of some runs.
pub(crate) fn best(run: impl Fn() -> Option<()>) -> Option<Duration> {
    let timed = || {
        let start = clock();
        run().map(|()| start.elapsed())
    };
    (0..RUNS).map(|_| timed()).min().flatten()
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/benches/pdf/others.py")
}
