//! What is kept of a request: its names are taken before it is sent, and nothing is lost afterwards.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Desk, SandboxProcess};

const SEND: &str = "--delivery shareable-link --signer t --at 1,72,144,points,bottom-left,bottom-left --json";

/// How many requests the provider has.
fn accepted(sandbox: &SandboxProcess) -> usize {
    let state: Value =
        serde_json::from_str(&sandbox.call("GET", "/_sandbox/signify", &Value::Null).1).unwrap();
    state["documents"].as_array().unwrap().len()
}

#[test]
fn a_long_name_is_sent_and_kept_or_not_sent() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    let names = ["x".repeat(240), "\u{6f22}".repeat(80)];
    for (sent, name) in names.iter().enumerate() {
        desk.write(&format!("{name}.pdf"), desk.read("agreement.pdf"));
        desk.run(&format!("send {name}.pdf --name Lease-12 {SEND}")).ended(0);
        for ending in [".handle", ".record.json", ".links", ".intent.json"] {
            assert!(!desk.read(&format!("{name}{ending}")).is_empty(), "{ending}");
        }
        assert_eq!(accepted(&sandbox), sent + 1);
    }
    let longer = "y".repeat(246);
    desk.write(&format!("{longer}.pdf"), desk.read("agreement.pdf"));
    desk.run(&format!("send {longer}.pdf --name Lease-12 {SEND}")).ended(2);
    assert_eq!(accepted(&sandbox), names.len(), "its files could not be written, so it was not sent");
}

#[cfg(unix)]
#[test]
fn nothing_of_an_earlier_request_is_written_over_and_nothing_is_sent_then() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    desk.write("stale.links", "OLD");
    std::os::unix::fs::symlink("nowhere", desk.path("dangling.record.json")).unwrap();
    std::fs::create_dir(desk.path("folder.handle")).unwrap();
    for name in ["stale", "dangling", "folder"] {
        let refused = desk.run(&format!("send agreement.pdf --save {name} {SEND}")).ended(2);
        assert!(refused.stderr.contains("belongs to an earlier request"), "{}", refused.stderr);
    }
    assert_eq!((desk.text("stale.links").as_str(), accepted(&sandbox)), ("OLD", 0));
    let names = std::fs::read_dir(desk.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".intent.json")).collect();
    assert!(left.is_empty(), "what was reserved is given back: {left:?}");

    // Left behind by an interruption, and never written to.
    desk.write("agreement.intent.json", "");
    desk.run(&format!("send agreement.pdf {SEND}")).ended(0);
    assert_eq!(accepted(&sandbox), 1);
}

#[test]
fn what_cannot_be_written_after_sending_goes_elsewhere_and_is_told() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    for folder in ["out", "tmp"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    let fault = json!({ "operation": "signify.create", "committed": true, "effect": { "delay": { "millis": 1500 } } });
    assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
    let mut send = desk.command();
    send.args(format!("send agreement.pdf --save out/lease {SEND}").split_whitespace());
    let child =
        send.env("TMPDIR", desk.path("tmp")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The folder goes away while the provider is at work.
    let intent = desk.path("out/lease.intent.json");
    while !std::fs::metadata(&intent).is_ok_and(|there| there.len() > 0) {
        std::thread::yield_now();
    }
    std::fs::rename(desk.path("out"), desk.path("moved")).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(6), "it was sent, and the status says so: {said}");
    let object: Value = serde_json::from_str(&said).unwrap();
    let displaced = object["displaced"].as_array().unwrap();
    let what: Vec<_> = displaced.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["handle", "record", "links"], "{object}");
    for one in displaced {
        let file = one["file"].as_str().unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), one["content"].as_str().unwrap());
    }
    let status = desk.run(&format!("status {}", object["handle_file"].as_str().unwrap()));
    status.ended(0);
}

#[test]
fn a_link_that_did_not_come_is_said_and_fetched_later() {
    for lost in [json!([]), json!(null), json!([{ "signingLink": "javascript:alert(1)" }])] {
        let desk = Desk::new();
        let sandbox = SandboxProcess::start(&desk);
        let without = |operation: &str, place: &str, value: &Value| {
            let fault =
                json!({ "operation": operation, "effect": { "set": { "values": { place: value } } } });
            assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
        };
        without("signify.create", "/signingLinks", &lost);
        without("signify.get", "/signingInvitations", &json!([]));
        let sent = desk.run(&format!("send agreement.pdf {SEND}")).ended(6).object();
        assert_eq!(sent["next_steps"], json!([{ "signer": "t", "step": "link_missing", "later": true }]));
        assert!(!desk.path("agreement.links").exists());
        let status = desk.run("status agreement.handle").ended(0);
        assert!(status.stdout.contains("agreement.links"), "{}", status.stdout);
        assert!(desk.text("agreement.links").starts_with("t: http://127.0.0.1:"));

        // Where the provider has it at once, nothing is missing.
        without("signify.create", "/signingLinks", &lost);
        desk.run(&format!("send agreement.pdf --save again {SEND}")).ended(0);
        assert!(desk.text("again.links").starts_with("t: http://127.0.0.1:"));
    }
}
