use serde_json::json;

use crate::support::{Desk, SandboxProcess};

const SEND: &str = "send agreement.pdf --delivery shareable-link --signer tenant \
                    --at 1,72,144,points,bottom-left,bottom-left";

#[test]
fn a_document_goes_out_and_comes_back_signed() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    desk.run("check").ended(0);

    let sent = desk.run(&format!("{SEND} --json")).ended(0);
    assert!(!sent.stdout.contains("/documents/sign/"), "no link unless asked for: {}", sent.stdout);
    assert!(desk.text("agreement.links").starts_with("tenant: http://127.0.0.1:"));
    for secret in ["agreement.handle", "agreement.links", "agreement.intent.json", "agreement.record.json"] {
        is_private(&desk, secret);
    }
    desk.run(SEND).ended(2); // an earlier request's files are not written over

    let pending = desk.run("status agreement.handle --json").ended(0).object();
    assert_eq!(pending["state"], "Pending", "{pending}");
    desk.run("download agreement.handle").ended(1);
    desk.run("watch agreement.handle --at-most 0s").ended(1);

    sandbox.sign(&document(&desk, "agreement"));
    let watched = desk.run("watch agreement.handle --every 1s --json").ended(0).objects();
    assert_eq!(watched.last().unwrap()["state"], "Completed");
    let handle = std::fs::File::open(desk.path("agreement.handle")).unwrap();
    let piped = desk.command().args(["status", "-"]).stdin(handle).output().unwrap();
    assert!(piped.status.success(), "a handle is also read from standard input");

    desk.write("root.pem", sandbox.root_pem());
    let fetched = desk.run("download agreement.handle --root root.pem --json").ended(0).object();
    assert_eq!((&fetched["good"], &fetched["verification"]["signatures_added"]), (&true.into(), &1.into()));
    assert!(desk.read("agreement.signed.pdf").starts_with(&desk.read("agreement.pdf")));
    desk.run("download agreement.handle").ended(2);
    desk.run("download agreement.handle --force").ended(0);

    desk.run("verify agreement.signed.pdf --root root.pem --record agreement.record.json").ended(0);
    let untrusted = desk.run("verify agreement.signed.pdf").ended(1);
    assert!(untrusted.stdout.contains("not established"), "{}", untrusted.stdout);
    assert_eq!(desk.run("cancel agreement.handle --json").ended(1).object()["outcome"], "too_late");
}

#[test]
fn another_document_is_not_what_was_sent() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    for (name, text) in [("one", "The first clause."), ("two", "Another clause.")] {
        desk.write(&format!("{name}.pdf"), esign_sandbox::sample_pdf("Agreement", &[text]));
        let line = SEND.replace("agreement.pdf", &format!("{name}.pdf"));
        desk.run(&format!("{line} --name Agreement")).ended(0);
        sandbox.sign(&document(&desk, name));
    }
    desk.write("root.pem", sandbox.root_pem());
    let swapped = desk.run("download one.handle --record two.record.json --root root.pem").ended(1);
    assert!(swapped.stdout.contains("does not begin with the bytes that were sent"), "{}", swapped.stdout);
}

#[test]
fn a_request_is_called_back() {
    let desk = Desk::new();
    let _sandbox = SandboxProcess::start(&desk);
    let sent = desk.run(&format!("{SEND} --save out --print-links")).ended(0);
    assert!(sent.stdout.contains("/documents/sign/"), "{}", sent.stdout);
    assert!(desk.run("cancel out.handle").ended(0).stdout.contains("called back"));
    assert_eq!(desk.run("cancel out.handle --json").ended(0).object()["outcome"], "already_gone");
    desk.run("status out.handle").ended(1);
}

#[test]
fn a_lost_answer_is_resolved() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    let fault = json!({ "operation": "signify.create", "committed": true, "times": 1, "effect": "close" });
    assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);

    let lost = desk.run(SEND).ended(5);
    assert!(lost.stderr.contains("run `esign resolve agreement.intent.json`"), "{}", lost.stderr);
    desk.run(SEND).ended(2); // not a second time by accident

    // Name and time are all that Signify returns, so a person decides.
    let resolved = desk.run("resolve agreement.intent.json --json").ended(5).object();
    assert_eq!(resolved["resolution"], "candidates", "{resolved}");
    let key = resolved["candidates"][0]["key"].as_str().unwrap();
    desk.run(&format!("resolve agreement.intent.json --take {key}")).ended(0);
    sandbox.sign(&document(&desk, "agreement"));
    desk.run("status agreement.handle").ended(0);
}

/// The provider's id, from the record.
fn document(desk: &Desk, name: &str) -> String {
    let record = esign::SubmissionRecord::from_json(&desk.text(&format!("{name}.record.json"))).unwrap();
    record.provider_id().to_owned()
}

#[cfg(unix)]
fn is_private(desk: &Desk, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(desk.path(name)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{name}");
}

#[cfg(not(unix))]
fn is_private(desk: &Desk, name: &str) {
    assert!(desk.path(name).exists(), "{name}");
}
