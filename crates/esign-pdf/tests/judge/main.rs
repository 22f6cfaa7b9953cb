//! The judge: files whose updates somebody made up, and viewers that are not ours.
//!
//! A seed stands for a file: one of the signed bases, with an update that is honest, an attack, or something that readers
//! disagree about. Each file that our verdict calls good is shown by poppler, MuPDF, PDFium and pdf.js, at the signed revision
//! and as it is. If any of them shows something else outside the boxes that our report names, the verdict is wrong.

#![allow(missing_docs, reason = "a test")]

mod base;
mod delivery;
mod dice;
mod forgeries;
mod habits;
mod holes;
mod pdf;
mod recipe;
mod shape;
mod signing;
mod viewers;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use esign_pdf::verify::{Verdict, VerifyOptions};
use esign_pdf::{VerificationReport, verify};

use base::{Keys, now};
use recipe::{Bases, Recipe};
use viewers::Viewers;

/// Recipes of files that were once called good by mistake: each stays, and comes first.
const REGRESSIONS: &str = include_str!("seeds.txt");
/// Seeds that every run looks at.
const FIXED: u64 = 500;

fn report(keys: &Keys, bytes: &[u8]) -> Option<VerificationReport> {
    let mut options = VerifyOptions::new(now());
    options.roots = vec![keys.pki.root_der().to_vec()];
    verify(bytes, &options).ok()
}

fn regressions() -> impl Iterator<Item = Recipe> {
    let lines = REGRESSIONS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| Recipe::parse(line).unwrap_or_else(|| panic!("no recipe: {line}")))
}

/// How long to go on after the fixed seeds.
fn time_box() -> Duration {
    let seconds = std::env::var("ESIGN_JUDGE_SECONDS").ok();
    Duration::from_secs(seconds.map_or(20, |seconds| seconds.parse().expect("a number of seconds")))
}

/// Only these seeds, where somebody asks for some.
fn asked() -> Option<Vec<u64>> {
    let seeds = std::env::var("ESIGN_JUDGE_SEEDS").ok()?;
    Some(seeds.split(',').map(|seed| seed.trim().parse().expect("a seed")).collect())
}

#[test]
#[ignore = "needs the viewers that .ci/run installs"]
#[expect(
    clippy::disallowed_methods,
    reason = "how long the run takes is real time; no verdict depends on it"
)]
fn what_is_called_good_shows_what_was_signed() {
    let (bases, mut viewers, time_box) = (Bases::new(), Viewers::start(), time_box());
    let began = Instant::now();
    let mut counts = Counts::default();
    let asked = asked();
    let always: Vec<Recipe> = match &asked {
        Some(seeds) => seeds.iter().copied().map(Recipe::of).collect(),
        None => regressions().chain((0..FIXED).map(Recipe::of)).collect(),
    };
    for recipe in always {
        counts.look_at(&bases, &mut viewers, recipe);
    }
    // Seeds that no run before this one had, if the clock is any good.
    let start = std::time::UNIX_EPOCH.elapsed().map_or(FIXED, |since| since.as_secs() << 20);
    for seed in (start..).take_while(|_| asked.is_none() && began.elapsed() < time_box) {
        counts.look_at(&bases, &mut viewers, Recipe::of(seed));
    }
    let seconds = began.elapsed().as_secs();
    println!(
        "judged {} files in {seconds} s, {} of them good: {} wrong",
        counts.made,
        counts.good,
        counts.wrong.len()
    );
    for (what, seeds) in &counts.kinds() {
        println!("  {what}: {} wrong, such as ESIGN_JUDGE_SEEDS={}", seeds.len(), seeds[0]);
    }
    assert!(counts.made > 0 && counts.good > 0, "nothing was judged");
    assert!(counts.wrong.is_empty(), "{} files are called good and show something else", counts.wrong.len());
}

/// What a run has seen.
#[derive(Default)]
struct Counts {
    made: usize,
    good: usize,
    wrong: Vec<Recipe>,
}

impl Counts {
    fn look_at(&mut self, bases: &Bases, viewers: &mut Viewers, recipe: Recipe) {
        let Some(made) = recipe.make(bases) else { return };
        self.made += 1;
        let Some(report) = report(&bases.keys, &made.bytes) else { return };
        if report.verdict != Verdict::Passed {
            return;
        }
        self.good += 1;
        let findings = viewers.judge(&made.bytes, &viewers::claims(&made, &report));
        if findings.is_empty() {
            return;
        }
        println!("{recipe}");
        findings.iter().for_each(|finding| println!("    {finding}"));
        keep(recipe.seed, &made.bytes, bases);
        self.wrong.push(recipe);
    }

    /// The wrong ones by what they do.
    fn kinds(&self) -> BTreeMap<String, Vec<u64>> {
        let mut kinds = BTreeMap::new();
        for recipe in &self.wrong {
            let kind = format!("{:?} by {:?}", recipe.shape, recipe.delivery);
            kinds.entry(kind).or_insert_with(Vec::new).push(recipe.seed);
        }
        kinds
    }
}

/// Leaves a file for somebody to look at, with the root that it is good for.
fn keep(seed: u64, bytes: &[u8], bases: &Bases) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judge");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(format!("{seed}.pdf")), bytes).expect("a file");
    std::fs::write(folder.join(format!("{seed}.pem")), bases.keys.pki.root_pem()).expect("a file");
}

/// The same seed is the same update, and every shape and delivery comes up.
#[test]
fn seeds_cover_every_shape_and_delivery() {
    let bases = Bases::new();
    let (mut shapes, mut deliveries) = (BTreeMap::new(), BTreeMap::new());
    for seed in 0..4 * FIXED {
        let recipe = Recipe::of(seed);
        assert_eq!(Recipe::parse(&recipe.to_string()), Some(recipe));
        if recipe.make(&bases).is_some() {
            *shapes.entry(recipe.shape).or_insert(0) += 1;
            *deliveries.entry(recipe.delivery).or_insert(0) += 1;
        }
    }
    assert_eq!(shapes.len(), shape::HONEST.len() + shape::ATTACKS.len(), "{shapes:?}");
    assert_eq!(deliveries.len(), delivery::TRICKS.len() + 1, "{deliveries:?}");
    let rarest = shapes.values().chain(deliveries.values()).min();
    assert!(rarest.is_some_and(|times| *times >= 5), "{shapes:?} {deliveries:?}");
}

/// The bases themselves are good, or nothing that is made over them proves anything.
#[test]
fn every_base_is_good() {
    let bases = Bases::new();
    for base in bases.all() {
        let report = report(&bases.keys, &base.bytes).expect("it is read");
        assert_eq!(
            report.verdict,
            Verdict::Passed,
            "{:?} {:?}: {:?}",
            base.kind,
            base.section,
            report.reasons
        );
    }
}
