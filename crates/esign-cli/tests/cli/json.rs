//! What `docs/json.md` says of the JSON forms is what the program prints.

use std::collections::BTreeSet;

use esign::facts::PdfFacts;
use esign::pdf::VerificationReport;
use serde_json::Value;

use crate::support::Desk;

/// The example and the names in the table of a section.
fn section(name: &str) -> (Value, BTreeSet<String>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (_, section) = document.split_once(&format!("\n## {name}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (_, example) = section.split_once("```json\n").unwrap();
    let (example, table) = example.split_once("```").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    (serde_json::from_str(example).unwrap(), rows.map(|(path, _)| path.to_owned()).collect())
}

/// `report.signatures[].field`: every place that holds a value. Rectangles and sizes are values.
fn paths(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if !members.contains_key("width") => {
            for (name, value) in members {
                let dot = if prefix.is_empty() { "" } else { "." };
                paths(&format!("{prefix}{dot}{name}"), value, found);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| paths(&format!("{prefix}[]"), item, found));
        }
        _ => {
            found.insert(prefix.to_owned());
        }
    }
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn examples_and_tables_have_the_same_names() {
    for name in ["inspect", "verify", "evidence --check"] {
        let (example, table) = section(name);
        let mut found = BTreeSet::new();
        paths("", &example, &mut found);
        assert_eq!(found, table, "{name}");
    }
}

/// The types know each name of the example, and the example has each name of the types.
#[test]
fn examples_are_what_the_types_read_and_write() {
    let (inspect, _) = section("inspect");
    let facts: PdfFacts = serde_json::from_value(inspect["facts"].clone()).unwrap();
    assert_eq!(serde_json::to_value(facts).unwrap(), inspect["facts"]);
    let (verify, _) = section("verify");
    let report: VerificationReport = serde_json::from_value(verify["report"].clone()).unwrap();
    assert_eq!(serde_json::to_value(report).unwrap(), verify["report"]);
}

#[test]
fn answers_have_the_names_of_the_examples() {
    let desk = Desk::new();
    desk.run("demo agreement.pdf --out out --provider singpass").ended(0);
    let answer =
        desk.run("verify out/singpass-link.signed.pdf --root out/sandbox-root.pem --json").ended(0).object();
    let (verify, _) = section("verify");
    assert_eq!(names(&answer), names(&verify));

    let trust = "--root out/sandbox-root.pem";
    desk.run(&format!("evidence out/singpass-link.handle {trust}")).ended(0);
    let answer = desk
        .run(&format!("evidence --check out/singpass-link.evidence.zip {trust} --json"))
        .ended(0)
        .object();
    let (evidence, _) = section("evidence --check");
    assert_eq!(names(&answer), names(&evidence));
    assert_eq!(names(&answer["documents"][0]), names(&evidence["documents"][0]));

    let mut shifted = b"junk".to_vec();
    shifted.extend(desk.read("out/singpass-link.signed.pdf"));
    desk.write("shifted.pdf", shifted);
    let answer = desk.run("inspect shifted.pdf --json").object();
    let (inspect, _) = section("inspect");
    assert_eq!(names(&answer), names(&inspect));
    let finding =
        answer["findings"].as_array().unwrap().iter().find(|f| f["code"] == "pdf.header_offset").unwrap();
    assert_eq!(names(finding), BTreeSet::from(["code", "message", "severity"]));
    let documented = names(&inspect["findings"][0]);
    assert!(names(finding).is_subset(&documented), "page and field are there where they say something");
}
