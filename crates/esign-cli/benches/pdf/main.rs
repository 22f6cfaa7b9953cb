//! How long reading and verifying PDFs takes beside the programs that people would use otherwise, and how much memory big
//! files need. All of them read the same files in the same run.
//!
//! ```text
//! cargo bench -p esign-cli --bench pdf
//! ```
//!
//! `ESIGN_BENCH_FOLDER` names a folder of PDFs to read instead of the ones made here, `ESIGN_BENCH_ROOT` the root certificate
//! (PEM) of those among them that are signed. qpdf and pdfsig must be on the `PATH`, and `ESIGN_PYTHON` a Python with pikepdf
//! and pyHanko, as `.ci/run` installs it; what is missing is named and left out.

mod files;
mod others;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use esign::pdf::{Limits, VerifyOptions, inspect, roots_from_pem, verify};
use jiff::Timestamp;

use others::{Others, best, process};

const ESIGN: &str = env!("CARGO_BIN_EXE_esign");

/// The time that one program took for each file, in the order of the files; `None` where it found the file unreadable.
type Times = Vec<Option<Duration>>;

fn main() {
    let scratch = tempfile::tempdir().unwrap();
    let (folder, root) = match std::env::var_os("ESIGN_BENCH_FOLDER") {
        Some(folder) => (PathBuf::from(folder), std::env::var_os("ESIGN_BENCH_ROOT").map(PathBuf::from)),
        None => {
            let root = files::documents(scratch.path(), now());
            (scratch.path().to_owned(), Some(root))
        }
    };
    let others = Others::find();
    let all = pdfs(&folder);
    preflight(&all, &others);
    let signed: Vec<_> = all.into_iter().filter(|path| is_signed(path)).collect();
    verification(&signed, root.as_deref(), &others);
    memory(scratch.path(), &others);
}

fn preflight(files: &[PathBuf], others: &Others) {
    let ours = |path: &Path| {
        let bytes = std::fs::read(path).ok()?;
        inspect(&bytes, &Limits::default()).ok().map(|facts| drop(black_box(facts)))
    };
    let mut table = Table::new(format!("preflight of {} files", files.len()));
    table.row("esign-pdf, in process", each(files, |path| best(|| ours(path))));
    table.row("pikepdf, in process", others.python("pikepdf", files, None));
    table.row("esign inspect, a process", each(files, |path| process(ESIGN, &["inspect", "--json"], path)));
    table.row("qpdf --show-npages, a process", others.program("qpdf", &["--show-npages"], files));
    table.row("qpdf --check, a process", others.program("qpdf", &["--check"], files));
    table.print();
}

fn verification(files: &[PathBuf], root: Option<&Path>, others: &Others) {
    let mut options = VerifyOptions::new(now());
    options.roots =
        root.map(|path| roots_from_pem(&std::fs::read(path).unwrap()).unwrap()).unwrap_or_default();
    let ours = |path: &Path| {
        let bytes = std::fs::read(path).ok()?;
        verify(&bytes, &options).ok().map(|report| drop(black_box(report)))
    };
    let named = root.map(|path| path.to_str().unwrap());
    let arguments: Vec<_> =
        ["verify", "--json"].into_iter().chain(named.iter().flat_map(|r| ["--root", r])).collect();
    let mut table = Table::new(format!("verification of {} signed files", files.len()));
    table.row("esign-pdf, in process", each(files, |path| best(|| ours(path))));
    table.row("pyHanko, in process", others.python("pyhanko", files, root));
    table.row("esign verify, a process", each(files, |path| process(ESIGN, &arguments, path)));
    table.row("pdfsig, a process", others.program("pdfsig", &["-nocert"], files));
    table.print();
}

fn memory(scratch: &Path, others: &Others) {
    println!("\npeak memory of one process in MiB, and its time\n");
    println!(
        "| file | MB | esign inspect | qpdf --show-npages | pikepdf | esign verify, signed | pyHanko, signed |"
    );
    println!("|---|---|---|---|---|---|---|");
    for big in files::shapes(scratch, now()) {
        eprintln!("memory: {}", big.name);
        let size = std::fs::metadata(&big.plain).unwrap().len();
        let cells = [
            others.peak(ESIGN, &["inspect", "--json"], &big.plain),
            others.peak("qpdf", &["--show-npages"], &big.plain),
            others.peak_of_python("pikepdf", &big.plain),
            others.peak(ESIGN, &["verify", "--json"], &big.signed),
            others.peak_of_python("pyhanko", &big.signed),
        ];
        println!("| {} | {:.1} | {} |", big.name, size as f64 / 1e6, cells.join(" | "));
    }
}

/// The PDFs of a folder in the order of their names.
fn pdfs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "pdf")).collect();
    files.sort();
    files
}

fn is_signed(path: &Path) -> bool {
    let facts = std::fs::read(path).ok().and_then(|bytes| inspect(&bytes, &Limits::default()).ok());
    facts.is_some_and(|facts| facts.signatures.iter().any(|field| field.signature.is_some()))
}

fn each(files: &[PathBuf], time: impl Fn(&Path) -> Option<Duration>) -> Option<Times> {
    Some(files.iter().map(|path| time(path)).collect())
}

/// The first row is the one that the following are held against, until a row of another way of running comes.
struct Table {
    title: String,
    rows: Vec<(&'static str, Option<Times>)>,
}

impl Table {
    fn new(title: String) -> Self {
        Self { title, rows: Vec::new() }
    }

    fn row(&mut self, name: &'static str, times: Option<Times>) {
        eprintln!("{}: {name} done", self.title);
        self.rows.push((name, times));
    }

    fn print(&self) {
        println!("\n{}\n", self.title);
        println!(
            "| | median | 90 % | slowest | unreadable | esign is faster on |\n|---|---|---|---|---|---|"
        );
        for (name, times) in &self.rows {
            match times {
                Some(times) => println!("| {name} | {} | {} |", spread(times), self.faster(name, times)),
                None => println!("| {name} | skipped: not found | | | | |"),
            }
        }
    }

    /// On how many of the files that both can read ours took less time, compared with the same way of running.
    fn faster(&self, name: &str, times: &Times) -> String {
        let way = name.rsplit(", ").next().unwrap_or_default();
        let ours = self.rows.iter().find(|(other, _)| other.starts_with("esign") && other.ends_with(way));
        let Some((other, Some(ours))) = ours else { return String::new() };
        if *other == name {
            return String::new();
        }
        let both: Vec<_> = ours.iter().zip(times).filter_map(|(a, b)| Some((*a)? < (*b)?)).collect();
        format!("{} of {}", both.iter().filter(|faster| **faster).count(), both.len())
    }
}

fn spread(times: &Times) -> String {
    let mut known: Vec<_> = times.iter().flatten().copied().collect();
    known.sort_unstable();
    let at = |share: f64| {
        let index = ((known.len() as f64 * share) as usize).min(known.len().saturating_sub(1));
        known.get(index).map_or_else(String::new, |time| format!("{:.2} ms", time.as_secs_f64() * 1e3))
    };
    format!("{} | {} | {} | {}", at(0.5), at(0.9), at(1.0), times.len() - known.len())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, whose certificates are judged now by others"
)]
fn now() -> Timestamp {
    // In whole seconds, as certificates and timestamps have them.
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time; nothing is decided by it")]
fn clock() -> Instant {
    Instant::now()
}
