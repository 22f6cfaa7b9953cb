//! Answers that are not the provider's: a gateway's, a login page's, junk.

use serde_json::{Value, json};

use crate::support::{Desk, SandboxProcess};

const SEND: &str =
    "send agreement.pdf --delivery shareable-link --signer t --at 1,72,144,points,bottom-left,bottom-left";

fn answer(status: u16, body: &str) -> Value {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    json!({ "answer": { "status": status, "headers": { "content-type": kind }, "body": body } })
}

fn plan(sandbox: &SandboxProcess, operation: &str, times: u32, effect: &Value) {
    let fault = json!({ "operation": operation, "times": times, "effect": effect });
    let (status, why) = sandbox.call("POST", "/_sandbox/faults", &fault);
    assert_eq!(status, 201, "{why}");
}

const NO_ROUTE: &str = r#"{"message":"no Route matched with those values"}"#;

#[test]
fn a_cancel_believes_only_what_is_documented() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    desk.run(SEND).ended(0);
    for (status, body) in
        [(200, "<html>Log in</html>"), (202, ""), (200, r#"{"error":"maintenance"}"#), (404, NO_ROUTE)]
    {
        plan(&sandbox, "signify.delete", 1, &answer(status, body));
        let ran = desk.run("cancel agreement.handle").ended(4);
        assert!(ran.stderr.contains("still there"), "{}", ran.stderr);
        assert_eq!(desk.run("status agreement.handle --json").ended(0).object()["state"], "Pending");
    }
    desk.run("cancel agreement.handle").ended(0);
    let gone = desk.run("status agreement.handle").ended(1);
    for senseless in ["signatures", "result"] {
        assert!(
            !gone.stdout.contains(senseless),
            "nobody has signed, and nothing came of it: {}",
            gone.stdout
        );
    }
}

#[test]
fn one_foreign_answer_ends_no_watch() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    desk.run(SEND).ended(0);
    for (status, body) in
        [(404, NO_ROUTE), (401, "{}"), (302, ""), (403, "<p>"), (200, "<html>Log in</html>")]
    {
        plan(&sandbox, "signify.get", 1, &answer(status, body));
        // Seldom enough that all five together stay below what the service allows in ten seconds.
        let ran = desk.run("watch agreement.handle --every 400ms --at-most 4s --json").ended(1);
        assert_eq!(ran.objects().last().unwrap()["state"], "Pending", "after {status}: {}", ran.stdout);
    }
}

#[test]
fn what_was_asked_for_and_cannot_be_used_is_no_refusal_before_sending() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    desk.run(SEND).ended(0);
    plan(&sandbox, "signify.get", 1, &json!({ "huge": { "bytes": 9 << 20 } }));
    let large = desk.run("status agreement.handle").ended(4);
    assert!(large.stderr.contains("larger than"), "{}", large.stderr);

    let record = esign::SubmissionRecord::from_json(&desk.text("agreement.record.json")).unwrap();
    sandbox.sign(record.provider_id());
    plan(&sandbox, "signify.download", 1, &answer(200, "%PDF-1.4 junk %%EOF"));
    let junk = desk.run("download agreement.handle").ended(4);
    assert!(junk.stderr.contains("agreement.signed.pdf.unusable"), "{}", junk.stderr);
    assert!(!desk.path("agreement.signed.pdf").exists());
    desk.run("download agreement.handle").ended(0);
    let again = desk.run("download agreement.handle").ended(2);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);

    plan(&sandbox, "signify.download", 9, &answer(403, "{}"));
    let refused = desk.run("download agreement.handle --force --json").ended(4).object();
    assert_eq!(
        (&refused["error"]["kind"], &refused["error"]["retry"]),
        (&json!("forbidden"), &json!("never"))
    );
}
