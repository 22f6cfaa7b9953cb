//! `esign roots`

use std::path::{Path, PathBuf};

use bytes::Bytes;
use esign::pdf::{RootFacts, VerifyOptions, roots_from_pem, verify};
use esign::{Clock, SystemClock};
use pem::{EncodeConfig, LineEnding, Pem};
use serde_json::{Value, json};

use crate::args::{Common, Roots};
use crate::failure::{Exit, Failure};
use crate::files::{read_bytes, write_new};
use crate::output::{Mark, Output, bold, columns, file_json, printable, shown, value};
use crate::settings;

const EVERYTHING: &str = "signers and timestamps";
const TIMESTAMPS: &str = "timestamps only";

/// Good if each could be a root today.
pub(crate) fn run(args: &Roots, common: &Common, output: &Output) -> Result<Exit, Failure> {
    let mut found = Vec::new();
    if args.files.is_empty() {
        let trust = settings::trust(common)?;
        for (files, used_for) in [(&trust.roots, EVERYTHING), (&trust.timestamp_roots, TIMESTAMPS)] {
            for file in files {
                found.extend(read(file, &read_bytes(file)?, used_for)?);
            }
        }
        if found.is_empty() {
            let message =
                "no roots are configured; name PEM files, or set [trust] roots in the configuration";
            return Err(Failure::usage(message));
        }
    }
    for file in &args.files {
        let content = read_bytes(file)?;
        found.extend(if is_pdf(&content) {
            brought(file, &content)?
        } else {
            read(file, &content, EVERYTHING)?
        });
    }
    if let Some(beginning) = &args.sha256 {
        found.retain(|root| root.facts.sha256.starts_with(beginning));
        if found.is_empty() {
            return Err(Failure::usage(format!("none of them has a SHA-256 that begins with {beginning}")));
        }
    }
    if let Some(file) = &args.save {
        write_new(file, pem(&found).as_bytes())?;
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
    der: Vec<u8>,
    facts: RootFacts,
}

fn read(file: &Path, content: &[u8], used_for: &'static str) -> Result<Vec<Root>, Failure> {
    let wrong = |e| Failure::usage(format!("{}: {e}", shown(file)));
    let roots = roots_from_pem(content).map_err(wrong)?;
    let root = |der: Vec<u8>| {
        Ok(Root { file: file.to_owned(), used_for, facts: RootFacts::of(&der).map_err(wrong)?, der })
    };
    roots.into_iter().map(root).collect()
}

/// As programs find it: within the first kilobyte.
fn is_pdf(content: &[u8]) -> bool {
    content[..content.len().min(1024)].windows(5).any(|window| window == b"%PDF-")
}

/// What a signed PDF brings along above its signers and timestamp authorities. It is no reason to trust them.
fn brought(file: &Path, content: &Bytes) -> Result<Vec<Root>, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", shown(file)));
    let report = verify(content, &VerifyOptions::new(SystemClock.now())).map_err(|e| wrong(e.to_string()))?;
    let mut found: Vec<Root> = Vec::new();
    for signature in &report.signatures {
        let signer = signature.chain.top.as_ref().filter(|_| signature.is_of_a_person());
        let authority = signature.timestamp.as_ref().and_then(|timestamp| timestamp.top.as_ref());
        for (top, used_for) in
            [(signer, "signers, says the document"), (authority, "timestamps, says the document")]
        {
            let Some(top) = top else { continue };
            if found.iter().any(|known| known.der == top.der && known.used_for == used_for) {
                continue;
            }
            let facts = RootFacts::of(&top.der).map_err(|e| wrong(e.to_string()))?;
            found.push(Root { file: file.to_owned(), used_for, der: top.der.clone(), facts });
        }
    }
    if found.is_empty() {
        return Err(wrong(
            "it brings no certificate along above a signer or a timestamp authority".to_owned(),
        ));
    }
    Ok(found)
}

fn pem(roots: &[Root]) -> String {
    let mut ders: Vec<_> = roots.iter().map(|root| &root.der).collect();
    ders.dedup();
    let blocks: Vec<_> = ders.into_iter().map(|der| Pem::new("CERTIFICATE", der.as_slice())).collect();
    pem::encode_many_config(&blocks, EncodeConfig::new().set_line_ending(LineEnding::LF))
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
        object["file"] = file_json(&self.file);
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
            row("file", shown(&self.file)),
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
