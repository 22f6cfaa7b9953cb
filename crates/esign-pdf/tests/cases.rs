//! Files that were called good and were forged, and honest ones that were refused: each with its right answer. How they
//! were made stands in `cases/README.md`.

use std::fs;
use std::path::Path;

use esign_pdf::verify::{Verdict, VerificationReport};
use esign_pdf::{Limits, VerifyOptions, inspect, roots_from_pem, verify};

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn report(name: &str, roots: &[&str]) -> VerificationReport {
    let mut options = VerifyOptions::new("2026-11-28T12:00:00Z".parse().unwrap());
    options.roots = roots.iter().flat_map(|root| roots_from_pem(&file(root)).unwrap()).collect();
    verify(&file(&format!("{name}.pdf")), &options).unwrap()
}

/// What is right to say of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Good,
    NotGood,
    /// Not good, or good with these words beside the verdict.
    Named(&'static str),
}

use Answer::{Good, Named, NotGood};

const VERIFY: &[(&str, &[&str], Answer)] = &[
    ("d1-xref-alias", &["sandbox-root.pem"], NotGood),
    ("attack-xref-alias", &["attack-root.pem"], NotGood),
    ("attack-xref-alias-field", &["attack-root.pem"], NotGood),
    ("d3c-objstm-N1", &["sandbox-root.pem"], NotGood),
    ("d3-objstm-dup-evil-first-idx0", &["sandbox-root.pem"], NotGood),
    ("attack-objstm-twice-evil-first", &["attack-root.pem"], NotGood),
    ("d5-dup-entry-evil-first", &["sandbox-root.pem"], NotGood),
    ("attack-xref-twice-evil-first", &["attack-root.pem"], NotGood),
    ("attack-xref-stream-twice-evil-first", &["attack-root.pem"], NotGood),
    ("d2-dup-contents", &["sandbox-root.pem"], NotGood),
    ("attack-twice-page-contents-evil-first", &["attack-root.pem"], NotGood),
    ("attack-twice-trailer-prev-evil-first", &["attack-root.pem"], NotGood),
    ("attack-unparsable-dangling", &["attack-root.pem"], NotGood),
    ("o2-orphan-padded-5000", &["sandbox-root.pem"], NotGood),
    ("isa-copied-signature", &["sandbox-root.pem"], NotGood),
    ("e1-dts-overlay", &["sandbox-root.pem"], NotGood),
    ("e1-dts-overlay-strict-public-tsa-crl", &["sandbox-root.pem", "tsaroot.pem"], NotGood),
    ("e2-certified-p1-dts-overlay", &["e2-root.pem"], NotGood),
    ("f1-locked-all-dts-overlay", &["f-root.pem"], NotGood),
    ("attack-timestamp-paints-over", &["attack-root.pem"], NotGood),
    ("attack-timestamp-paints-over", &["attack-root.pem", "attack-tsa-root.pem"], NotGood),
    ("e4b-field-as-FreeText", &["sandbox-root.pem"], NotGood),
    ("e4b-field-as-Square", &["sandbox-root.pem"], NotGood),
    ("attack-empty-field-square", &["attack-root.pem"], NotGood),
    ("attack-empty-field-kid-square", &["attack-root.pem"], NotGood),
    ("e5-js-on-parent-field", &["sandbox-root.pem"], NotGood),
    ("attack-dr-font-supplied", &["attack-root.pem"], NotGood),
    ("f3-ssa-other-signer-overlay", &["f-root.pem"], Named("of the page, and what it covers")),
    ("f4-p2-value-100-appearance-999", &["f-root.pem"], Named("could not be matched with its value")),
    ("signify-link.signed", &["sandbox-root.pem"], Good),
    ("attack-base-signed-plain", &["attack-root.pem"], Good),
    ("refuse-second-signature-adds-DA", &["refuse-root.pem"], Good),
    ("refuse-second-visible-signature-replaces-FRM", &["refuse-root.pem"], Good),
    ("refuse-docmdp2-fill-writes-appearance-in-place", &["refuse-root.pem"], Good),
    ("refuse-mediabox-integer-for-real", &["refuse-root.pem"], Good),
    ("refuse-fill-sets-read-only", &["refuse-root.pem"], Good),
    ("honest-endesive-without-a-box", &["endesive-roots.pem"], Good),
    ("01-locked-field-changed-name-in-pdfdocencoding", &["bug-root.pem"], NotGood),
    ("01b-locked-field-changed-lock-in-pdfdocencoding", &["bug-root.pem"], NotGood),
    ("02-first-signature-unseen-content-changed", &["bug-root.pem"], NotGood),
    ("02b-signature-field-with-missing-kid", &["bug-root.pem"], Good),
    ("02e-null-kid", &["bug-root.pem"], Good),
    ("04-certified-then-covered-by-a-new-signature-box", &["bug-root.pem"], NotGood),
    ("05-second-signer-adds-default-appearance", &["bug-root.pem"], Good),
    ("05b-default-appearance-beside-a-text-field-with-its-own", &["bug-root.pem"], Good),
    ("05d-NeedAppearances-false-added", &["bug-root.pem"], Good),
    ("09-page-size-written-as-real", &["bug-root.pem"], Good),
    ("09d-null-entry-added", &["bug-root.pem"], Good),
];

#[test]
fn each_file_gets_its_right_answer() {
    let mut wrong = Vec::new();
    for (name, roots, answer) in VERIFY {
        let report = report(name, roots);
        let good = report.verdict == Verdict::Passed;
        let right = match answer {
            Good => good,
            NotGood => !good,
            Named(words) => !good || report.notes.iter().any(|note| note.contains(words)),
        };
        if !right {
            wrong.push(format!(
                "{name}: {answer:?}, but {:?} {:#?} {:?}",
                report.verdict, report.reasons, report.notes
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The second signature is by a program that writes 0.0 for 0 and renews metadata; its own root is not known here.
#[test]
fn an_honest_countersignature_leaves_the_first_alone() {
    let report = report("h1-honest-pyhanko-countersignature", &["sandbox-root.pem"]);
    assert_eq!(report.departures, Vec::<String>::new());
    let first = &report.signatures[0];
    assert_eq!(first.verdict, Verdict::Passed, "{:#?}", first.reasons);
}

#[test]
fn both_signatures_are_seen_where_a_kid_is_missing() {
    let report = report("02-first-signature-unseen-content-changed", &["bug-root.pem"]);
    let fields: Vec<_> = report.signatures.iter().map(|signature| signature.field.as_str()).collect();
    assert_eq!(fields, ["S1", "S2"]);
}

#[test]
fn verification_lists_the_damage_that_inspection_lists() {
    let name = "15-verify-does-not-say-what-inspect-says";
    let inspected = inspect(&file(&format!("{name}.pdf")), &Limits::default()).unwrap();
    let verified = report(name, &["bug-root.pem"]);
    assert!(inspected.damage.iter().any(|damage| damage.contains("page tree")), "{:?}", inspected.damage);
    for damage in &inspected.damage {
        assert!(verified.damage.contains(damage), "{damage}: {:?}", verified.damage);
    }
}

#[test]
fn null_is_the_same_as_absent() {
    for (name, rotate, width) in [
        ("07-rotate-null-inherits", 90, 842.0),
        ("07b-mediabox-null-inherits", 0, 595.0),
        ("07e-userunit-null", 0, 595.0),
    ] {
        let facts = inspect(&file(&format!("{name}.pdf")), &Limits::default()).unwrap();
        assert_eq!((facts.pages[0].rotate, facts.pages[0].shown.width), (rotate, width), "{name}");
        assert_eq!(facts.damage, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn names_of_fields_are_read_as_their_encoding_has_them() {
    let facts = inspect(&file("01d-at-field-pdfdocencoding.pdf"), &Limits::default()).unwrap();
    assert_eq!(facts.signatures[0].name, "Tenant\u{2019}s signature");
}

/// 1 KB that names four thousand million characters: refused before anything is made of them.
#[cfg(feature = "preview")]
#[test]
fn a_map_of_all_characters_is_refused_at_once() {
    let refused =
        esign_pdf::preview::page(&file("memory-page-unicode-map.pdf").into(), 1, 72.0, &Limits::default());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("characters that a font maps"), "{error}");
}
