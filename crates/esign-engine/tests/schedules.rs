//! Seeded schedules: nothing is sent twice, nothing is lost, nothing goes back, and what is planted is found.

use esign_engine::testing::{Bug, Crashes, run, run_with};

/// `ESIGN_SEEDS=10000` plays more.
fn seeds() -> u64 {
    std::env::var("ESIGN_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

#[test]
fn no_seed_finds_anything() {
    let (mut steps, mut crashes, mut requests) = (0, 0, 0);
    for seed in 0..seeds() {
        let report = run(seed);
        assert!(report.problems.is_empty(), "seed {seed}: {:#?}", report.problems);
        (steps, crashes, requests) =
            (steps + report.steps, crashes + report.crashes, requests + report.requests);
    }
    println!("{} seeds, {steps} steps, {crashes} crashes, {requests} requests", seeds());
    assert!(crashes > 0 && requests > 0, "a schedule in which nothing happens shows nothing");
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    for seed in 0..40 {
        assert_eq!(run(seed).trace, run(seed).trace, "seed {seed}");
    }
}

/// Seeds that once found something.
#[test]
fn what_was_found_once_stays_mended() {
    for seed in [0, 63, 194, 4681] {
        let report = run(seed);
        assert!(report.problems.is_empty(), "seed {seed}: {:#?}", report.problems);
    }
}

/// A first run counts the steps; then it is played again and again, with a crash at each of them.
#[test]
fn a_crash_at_every_step_loses_and_repeats_nothing() {
    let mut played = 0;
    for seed in 0..6 {
        let steps = run_with(seed, None, Crashes::Never).steps;
        for step in 1..=steps.min(250) {
            let report = run_with(seed, None, Crashes::At(step));
            assert!(report.problems.is_empty(), "seed {seed}, step {step}: {:#?}", report.problems);
            played += u64::from(report.crashes > 0);
        }
    }
    assert!(played > 200, "{played}");
}

/// Without this list a zero above means nothing.
#[test]
fn each_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match (0..1000).find(|seed| !run_with(*seed, Some(bug), Crashes::Random).problems.is_empty()) {
            Some(seed) => println!("{bug:?}: seed {seed}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
