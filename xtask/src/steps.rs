//! The gate: what `cargo xtask ci` runs, one step after the other, and the table at its end.
//!
//! The order reuses what was built: the tests compile everything with every member's features unified, lints and
//! documentation share one set of checked dependencies, and the outside checks use the command that the tests built.

use std::process::Command;
use std::time::Duration;

use cargo_metadata::{Metadata, Package};

/// One command of the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What the table calls it.
    pub name: String,
    /// Program and arguments, run in the repository's root.
    pub command: Vec<String>,
    /// Variables set for it.
    pub env: Vec<(&'static str, &'static str)>,
    /// A variable without which the step cannot run: `.ci/run` sets it after installing what the step needs.
    pub needs: Option<&'static str>,
}

/// How one step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The command succeeded.
    Passed,
    /// The command failed or could not be started.
    Failed,
    /// The variable that it needs is not set.
    Skipped,
}

/// Where the step `tests` leaves its programs.
const BUILT: &str = "${CARGO_TARGET_DIR:-target}/debug";

/// Every step of the gate for this workspace.
pub fn all(members: &Metadata) -> Vec<Step> {
    let mut steps = vec![
        Step::new("tests", "cargo test --workspace"),
        Step::new("mocks", "cargo test --package esign-core --features mock --test mock"),
        Step::new("format", "cargo fmt --all -- --check"),
        Step::new("lints", "cargo clippy --workspace --all-targets --all-features -- -D warnings"),
    ];
    steps.extend(members.workspace_packages().into_iter().flat_map(features));
    steps.extend([
        Step {
            env: vec![("RUSTDOCFLAGS", "-D warnings")],
            ..Step::new("docs", "cargo doc --workspace --no-deps --all-features --document-private-items")
        },
        Step::new("packages", &packages(members)),
        Step { command: shell(OUT_OF_TREE), ..Step::new("provider out of tree", "") },
        Step::new("new provider", "cargo xtask new-provider --check"),
        Step {
            env: vec![("ESIGN_FUZZ_SECONDS", "20")], // each of the four, two at a time
            ..Step::new("fuzz", "cargo test --workspace --lib mutated_")
        },
        Step {
            needs: Some("ESIGN_PYTHON"),
            command: outside(&format!("pades.py --esign {BUILT}/esign")),
            ..Step::new("outside: signatures", "")
        },
        Step {
            needs: Some("ESIGN_PYTHON"),
            command: outside(&format!(
                "differential.py --esign {BUILT}/esign --sign {BUILT}/examples/sign_folder"
            )),
            ..Step::new("outside: verdicts", "")
        },
        Step {
            needs: Some("ESIGN_PYTHON"),
            command: outside(&format!("boxes.py --sign {BUILT}/examples/sign_folder")),
            ..Step::new("outside: boxes", "")
        },
        Step {
            needs: Some("ESIGN_NODE_MODULES"),
            command: outside(&format!("honest.py --esign {BUILT}/esign --sign {BUILT}/examples/sign_folder")),
            ..Step::new("outside: honest", "")
        },
        Step {
            needs: Some("ESIGN_NODE_MODULES"),
            env: vec![("ESIGN_JUDGE_SECONDS", "60")],
            ..Step::new(
                "judge",
                "cargo test --workspace --test judge -- --ignored --nocapture --test-threads 1",
            )
        },
        Step {
            needs: Some("ESIGN_CHROMEDRIVER"),
            ..Step::new("browser", "cargo test --workspace --test browser -- --ignored")
        },
    ]);
    steps
}

/// The judge of our verdicts on PDFs, for as long as somebody likes; its failing seeds belong into `seeds.txt` beside it.
pub fn judge(minutes: u32) -> Step {
    let seconds = (minutes * 60).to_string();
    let mut step = Step::new(
        "judge",
        "cargo test --package esign-pdf --features sign --test judge -- --ignored --nocapture what_is_called_good",
    );
    step.needs = Some("ESIGN_NODE_MODULES");
    step.command.splice(0..0, ["env".to_owned(), format!("ESIGN_JUDGE_SECONDS={seconds}")]);
    step
}

/// Runs the steps, prints each one's name and time, and a table at the end. A step that fails does not keep the later ones
/// from running: one run shows everything that is wrong.
///
/// Returns whether none failed.
pub fn run(steps: &[Step]) -> bool {
    let mut results = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        println!("\n=== [{}/{}] {}: {}", number + 1, steps.len(), step.name, step.command.join(" "));
        let (outcome, time) = timed(|| step.run());
        println!("=== {}: {} after {}", step.name, outcome.word(), seconds(time));
        results.push((step, outcome, time));
    }
    println!("\n{}", table(&results));
    results.iter().all(|(_, outcome, _)| *outcome != Outcome::Failed)
}

impl Step {
    fn new(name: &str, command: &str) -> Self {
        let command = command.split(' ').map(str::to_owned).collect();
        Self { name: name.to_owned(), command, env: Vec::new(), needs: None }
    }

    fn run(&self) -> Outcome {
        if let Some(variable) = self.needs.filter(|variable| std::env::var_os(variable).is_none()) {
            println!("{variable} is not set: run .ci/run, which installs what this step needs");
            return Outcome::Skipped;
        }
        let Some((program, arguments)) = self.command.split_first() else { return Outcome::Failed };
        let mut command = Command::new(program);
        command.args(arguments).envs(self.env.iter().copied()).current_dir(crate::repository::root());
        match command.status() {
            Ok(status) if status.success() => Outcome::Passed,
            Ok(_) => Outcome::Failed,
            Err(e) => {
                println!("cannot run {program}: {e}");
                Outcome::Failed
            }
        }
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// A crate with features must compile without warnings with none of them and with each alone; `esign`, whose features are
/// the providers, also with each pair. All of them together is the `lints` step.
fn features(package: &Package) -> Vec<Step> {
    let names: Vec<_> = package.features.keys().map(String::as_str).filter(|f| *f != "default").collect();
    let mut sets: Vec<Vec<&str>> = Vec::new();
    if !package.features.is_empty() {
        sets.push(Vec::new());
        sets.extend(names.iter().map(|name| vec![*name]));
    }
    if package.name.as_str() == "esign" && names.len() > 2 {
        let pairs =
            names.iter().enumerate().flat_map(|(i, a)| names[i + 1..].iter().map(move |b| vec![*a, *b]));
        sets.extend(pairs);
    }
    if names.len() == 1 {
        sets.retain(Vec::is_empty); // the only feature alone is all features: the `lints` step
    }
    sets.iter().map(|set| feature_step(package.name.as_str(), set)).collect()
}

fn feature_step(package: &str, set: &[&str]) -> Step {
    let (label, flags) = match set {
        [] => ("no features".to_owned(), "--no-default-features".to_owned()),
        set => (set.join(" + "), format!("--no-default-features --features {}", set.join(","))),
    };
    Step::new(
        &format!("{package}, {label}"),
        &format!("cargo clippy --package {package} --lib {flags} -- -D warnings"),
    )
}

/// A workspace of its own, in the folder that everything else was built in: most of what it needs is there.
const OUT_OF_TREE: &str = "export CARGO_TARGET_DIR=\"$(realpath \"${CARGO_TARGET_DIR:-target}\")\"; \
     cd examples/out-of-tree-provider && cargo fmt -- --check --config-path ../../rustfmt.toml && cargo test";

/// A script of `.ci/outside`, in the Python that `.ci/run` prepared, with the command that the tests built.
fn outside(script: &str) -> Vec<String> {
    shell(&format!("exec \"$ESIGN_PYTHON\" .ci/outside/{script}"))
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

/// Without building the packages again: their sources are the ones that were just built.
fn packages(members: &Metadata) -> String {
    let private = members.workspace_packages().into_iter().filter(|p| p.publish.is_some());
    let exclude: String = private.map(|p| format!(" --exclude {}", p.name)).collect();
    format!("cargo package --workspace --no-verify --allow-dirty{exclude}")
}

fn table(results: &[(&Step, Outcome, Duration)]) -> String {
    let width = results.iter().map(|(step, ..)| step.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (step, outcome, time) in results {
        text.push_str(&format!("{:width$}  {:>8}  {}\n", step.name, seconds(*time), outcome.word()));
    }
    let count = |wanted| results.iter().filter(|(_, outcome, _)| *outcome == wanted).count();
    let total = results.iter().map(|(_, _, time)| *time).sum();
    text.push_str(&format!("{:width$}  {:>8}\n", "total", seconds(total)));
    text.push_str(&format!(
        "steps: {} passed, {} failed, {} skipped",
        count(Outcome::Passed),
        count(Outcome::Failed),
        count(Outcome::Skipped)
    ));
    text
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a build takes is real time, and nothing is decided by it"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reports_how_its_command_ended() {
        let cases = [
            (Step::new("a", "true"), Outcome::Passed),
            (Step::new("b", "false"), Outcome::Failed),
            (Step::new("c", "no-such-program-anywhere"), Outcome::Failed),
            (Step { needs: Some("ESIGN_NEVER_SET"), ..Step::new("d", "true") }, Outcome::Skipped),
        ];
        for (step, expected) in cases {
            assert_eq!(step.run(), expected, "{}", step.name);
        }
    }

    #[test]
    fn one_failure_fails_the_gate_and_the_later_steps_still_run() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("ran");
        let later = Step {
            command: vec![
                "cp".into(),
                crate::repository::root().join("Cargo.toml").display().to_string(),
                mark.display().to_string(),
            ],
            ..Step::new("later", "")
        };
        assert!(!run(&[Step::new("fails", "false"), later.clone()]));
        assert!(mark.exists());
        assert!(run(&[later]));
    }

    #[test]
    fn the_table_names_every_step_and_counts_them() {
        let (first, second) = (Step::new("tests", "x"), Step::new("a longer name", "y"));
        let text = table(&[
            (&first, Outcome::Failed, Duration::from_millis(1500)),
            (&second, Outcome::Skipped, Duration::ZERO),
        ]);
        assert_eq!(
            text,
            "tests             1.5 s  FAILED\na longer name     0.0 s  skipped\ntotal             1.5 s\nsteps: 0 passed, 1 failed, 1 skipped"
        );
    }

    #[test]
    fn every_feature_is_checked_alone_and_the_providers_in_pairs() {
        let labels = |name: &str, features: &[&str]| {
            features_of(name, features).into_iter().map(|step| step.name).collect::<Vec<_>>()
        };
        assert_eq!(labels("plain", &[]), [""; 0]);
        assert_eq!(labels("core", &["mock"]), ["core, no features"]);
        assert_eq!(labels("pdf", &["anchors", "sign"]), ["pdf, no features", "pdf, anchors", "pdf, sign"]);
        assert_eq!(
            labels("esign", &["default", "a", "b", "c"]),
            [
                "esign, no features",
                "esign, a",
                "esign, b",
                "esign, c",
                "esign, a + b",
                "esign, a + c",
                "esign, b + c"
            ]
        );
    }

    fn features_of(name: &str, names: &[&str]) -> Vec<Step> {
        let list: Vec<_> = names.iter().map(|f| format!(r#""{f}":[]"#)).collect();
        let text = format!(
            r#"{{"packages":[{{"name":"{name}","version":"1.0.0","id":"x","dependencies":[],"targets":[],"features":{{{}}},"manifest_path":"/x/Cargo.toml"}}],"workspace_members":["x"],"resolve":null,"workspace_root":"/","target_directory":"/target","version":1}}"#,
            list.join(",")
        );
        let metadata = cargo_metadata::MetadataCommand::parse(text).unwrap();
        features(&metadata.packages[0])
    }
}
