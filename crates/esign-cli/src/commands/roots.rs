//! `esign roots`

use std::path::PathBuf;

use esign::pdf::{RootFacts, roots_from_pem};
use esign::{Clock, SystemClock, TrustConfig};
use serde_json::{Value, json};

use crate::args::{Common, Roots};
use crate::failure::{Exit, Failure};
use crate::files::read_bytes;
use crate::output::{Mark, Output, bold, columns, printable, value};
use crate::settings;

/// Good if each could be a root today.
pub(crate) fn run(args: &Roots, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let trust = if args.files.is_empty() {
        settings::trust(common)?
    } else {
        TrustConfig { roots: args.files.clone(), ..TrustConfig::default() }
    };
    let mut found = read(&trust.roots, "signers and timestamps")?;
    found.extend(read(&trust.timestamp_roots, "timestamps only")?);
    if found.is_empty() {
        let message = "no roots are configured; name PEM files, or set [trust] roots in the configuration";
        return Err(Failure::usage(message));
    }
    let good = found.iter().all(|root| root.faults().is_empty());
    let object = json!({ "roots": found.iter().map(Root::to_json).collect::<Vec<_>>(), "good": good });
    output.answer(&object, || found.iter().map(Root::words).collect());
    output.plain("Compare the fingerprint with one from another source, such as the authority's own site, before you trust it.");
    Ok(good.into())
}

struct Root {
    file: PathBuf,
    used_for: &'static str,
    facts: RootFacts,
}

fn read(files: &[PathBuf], used_for: &'static str) -> Result<Vec<Root>, Failure> {
    let mut found = Vec::new();
    for file in files {
        let wrong = |e| Failure::usage(format!("{}: {e}", file.display()));
        for der in roots_from_pem(&read_bytes(file)?).map_err(wrong)? {
            found.push(Root { file: file.clone(), used_for, facts: RootFacts::of(&der).map_err(wrong)? });
        }
    }
    Ok(found)
}

impl Root {
    /// Why it is no root, or none today.
    fn faults(&self) -> Vec<&'static str> {
        let now = SystemClock.now();
        let checks = [
            (
                self.facts.self_signed,
                "it is not signed by itself, so it is no root: ask for the one above it",
            ),
            (self.facts.issues_certificates, "it may not issue certificates, so it vouches for itself only"),
            (self.facts.not_before <= now, "it is not valid yet"),
            (now <= self.facts.not_after, "it has expired"),
        ];
        checks.into_iter().filter(|(fine, _)| !fine).map(|(_, fault)| fault).collect()
    }

    fn to_json(&self) -> Value {
        let mut object = value(&self.facts);
        object["file"] = json!(self.file);
        object["used_for"] = json!(self.used_for);
        object["problems"] = json!(self.faults());
        object
    }

    fn words(&self) -> String {
        let facts = &self.facts;
        let name = |name: &Option<String>| printable(name.as_deref().unwrap_or("without a name"));
        let row = |name: &str, value: String| (format!("    {name}"), value);
        let rows = [
            row("SHA-256", fingerprint(&facts.sha256)),
            row("issuer", name(&facts.issuer)),
            row("serial", facts.serial.clone()),
            row("valid", format!("{} to {}", facts.not_before, facts.not_after)),
            row("used for", self.used_for.to_owned()),
            row("file", self.file.display().to_string()),
        ];
        let mark = Mark::from(self.faults().is_empty());
        let faults: String =
            self.faults().iter().map(|fault| format!("    {} {fault}\n", Mark::Bad)).collect();
        format!("{mark} {}\n{}{faults}", bold(&name(&facts.common_name)), columns(&rows))
    }
}

/// As certificate viewers write it: `86:79:9A:…`.
fn fingerprint(hex: &str) -> String {
    let pairs: Vec<_> =
        hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    #[test]
    fn fingerprints_look_as_in_viewers() {
        assert_eq!(super::fingerprint("86799ab3"), "86:79:9A:B3");
    }
}
