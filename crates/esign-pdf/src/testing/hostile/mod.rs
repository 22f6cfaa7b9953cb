//! Files made to exhaust or confuse their reader. Whatever comes in, every entry point answers with facts or a typed error.
//! What stops the work is one of the budgets in [`Limits`], so where one must, the test names it; times are printed and
//! decide nothing.

#[cfg(feature = "preview")]
mod drawing;
mod fuzz;
#[cfg(feature = "sign")]
mod signatures;
mod structure;

use std::process::Command;

use jiff::Timestamp;

use super::peak_memory;
use crate::{Limits, PdfError, VerifyOptions, attachments, inspect, verify};

/// A file, and what it must run into.
struct Hostile {
    name: &'static str,
    bytes: Vec<u8>,
    /// Words of the limit that must stop some entry point.
    limit: Option<&'static str>,
    /// Limits that are met sooner than the defaults, so that the test is short.
    limits: Limits,
}

/// What each entry point said.
type Outcomes = Vec<(&'static str, Result<(), PdfError>)>;
type Read = fn(&[u8], &Limits) -> Outcomes;

/// A file that only has to end.
fn odd(name: &'static str, bytes: Vec<u8>) -> Hostile {
    Hostile { name, bytes, limit: None, limits: Limits { max_stream: 8 << 20, ..Limits::default() } }
}

/// A file that one limit must stop.
fn limited(name: &'static str, limit: &'static str, bytes: Vec<u8>) -> Hostile {
    Hostile { limit: Some(limit), ..odd(name, bytes) }
}

#[test]
fn hostile_files_end_in_facts_or_errors() {
    alone("hostile_files_end_in_facts_or_errors", || {
        let all = [
            structure::files(),
            #[cfg(feature = "sign")]
            signatures::files(),
        ];
        (all.into_iter().flatten().collect(), read_document)
    });
}

#[cfg(feature = "preview")]
#[test]
fn hostile_pages_end_in_pictures_or_errors() {
    alone("hostile_pages_end_in_pictures_or_errors", || (drawing::files(), draw_pages));
}

/// In a process of its own: memory is measured for a whole process, and other tests run beside this one.
fn alone(test: &str, files: impl Fn() -> (Vec<Hostile>, Read)) {
    const ALONE: &str = "ESIGN_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let (files, read) = files();
        return read_all(files, read);
    }
    let this = format!("testing::hostile::{test}");
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let alone = alone.args(["--exact", &this, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = [String::from_utf8_lossy(&alone.stdout), String::from_utf8_lossy(&alone.stderr)].concat();
    println!("{said}");
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
}

fn read_all(files: Vec<Hostile>, read: Read) {
    let mut failed = Vec::new();
    println!("{:>7} {:>5}  file: outcome of each entry point", "ms", "MB");
    for file in files {
        // No outcome may depend on how busy the machine is.
        let limits = Limits { max_time: std::time::Duration::from_secs(3600), ..file.limits };
        let (milliseconds, outcomes) = timed(|| read(&file.bytes, &limits));
        let memory = peak_memory().unwrap_or_default() >> 20;
        let said: Vec<_> =
            outcomes.iter().map(|(entry, outcome)| format!("{entry} {}", word(outcome))).collect();
        println!("{milliseconds:>7} {memory:>5}  {}: {}", file.name, said.join(", "));
        let panicked = |outcome: &Result<(), PdfError>| matches!(outcome, Err(PdfError::Internal(_)));
        let met = |outcome: &Result<(), PdfError>| match (outcome, file.limit) {
            (_, None) => true,
            (Err(PdfError::Limit { what, .. }), Some(limit)) => what.contains(limit),
            _ => false,
        };
        let outcomes = || outcomes.iter().map(|(_, outcome)| outcome);
        if outcomes().any(panicked) || !outcomes().any(met) {
            failed.push(file.name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new(), "panicked, or went past the limit that must stop them");
    if let Some(peak) = peak_memory() {
        assert!(peak <= 512 << 20, "{} MB at the peak", peak >> 20);
    }
}

/// The entry points that read documents. A preview reads them as texts are read.
fn read_document(bytes: &[u8], limits: &Limits) -> Outcomes {
    let mut options = VerifyOptions::new(Timestamp::UNIX_EPOCH);
    options.limits = limits.clone();
    vec![
        ("inspect", inspect(bytes, limits).map(drop)),
        ("verify", verify(bytes, &options).map(drop)),
        ("attachments", attachments(bytes, limits).map(drop)),
        #[cfg(feature = "anchors")]
        ("texts", find_text(bytes, limits)),
    ]
}

/// The entry points that draw pages.
#[cfg(feature = "preview")]
fn draw_pages(bytes: &[u8], limits: &Limits) -> Outcomes {
    let drawn = crate::preview::page(&bytes::Bytes::copy_from_slice(bytes), 1, 0.5, limits);
    vec![("texts", find_text(bytes, limits)), ("preview", drawn.map(drop))]
}

#[cfg(feature = "anchors")]
fn find_text(bytes: &[u8], limits: &Limits) -> Result<(), PdfError> {
    let text = crate::facts::TextQuery::new("sign here", true);
    crate::anchors::find_texts(&bytes::Bytes::copy_from_slice(bytes), &[text], limits).map(drop)
}

fn word(outcome: &Result<(), PdfError>) -> String {
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(PdfError::Limit { what, .. }) => format!("too many {what}"),
        Err(_) => "refused".to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the time is printed, and nothing is judged by it")]
fn timed<T>(work: impl FnOnce() -> T) -> (u128, T) {
    let start = std::time::Instant::now();
    let done = work();
    (start.elapsed().as_millis(), done)
}
