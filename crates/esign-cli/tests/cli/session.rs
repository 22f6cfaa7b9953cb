use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Desk, SandboxProcess, http};

const SEND: &str = "send agreement.pdf --on singpass --delivery in-session-redirect --signer tenant \
                    --at 2,62,585,points,bottom-left,bottom-left";

#[test]
fn a_session_starts_at_a_button_on_this_machine_and_its_link_is_never_shown() {
    let (desk, sandbox) = stage();
    let command = |line: &str| command(&desk, line);
    let refused = command(&format!("{SEND} --print-links")).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "and nothing was sent");

    let mut send = command(&format!("{SEND} --json"));
    let mut child = send.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let sent: Value = serde_json::from_str(&line).unwrap();
    let page = sent["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();

    let known = requests(&sandbox);
    let [request] = known.as_slice() else { panic!("one request: {known:?}") };
    let link = request["signing_url"].as_str().unwrap();
    let (status, head, body) = http(address, "GET", &format!("/{path}"), &Value::Null);
    assert!(status == 200 && body.contains("Sign with") && !body.contains(link), "{body}");
    assert!(
        head.contains("cache-control: no-store") && head.contains("referrer-policy: no-referrer"),
        "{head}"
    );
    let (status, head, _) = http(address, "POST", &format!("/{path}/sign"), &Value::Null);
    assert!(status == 303 && head.contains(&format!("location: {link}\r\n")), "{head}");
    assert_eq!(http(address, "GET", "/", &Value::Null).0, 404, "nobody guesses the address");

    child.kill().unwrap();
    let mut words = String::new();
    child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
    child.wait().unwrap();
    assert!(
        !line.contains(link) && !words.contains(link) && !desk.path("agreement.links").exists(),
        "{words}"
    );
    let id = request["request_id"].as_str().unwrap();
    sign(&sandbox, id, "S0000001A");
    let fetched = command("download agreement.handle").output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert!(desk.read("agreement.signed.pdf").starts_with(&desk.read("agreement.pdf")));
}

#[test]
fn several_signers_sign_one_after_the_other_and_an_interrupted_chain_goes_on() {
    let (desk, sandbox) = stage();
    let chain = "send agreement.pdf --on singpass --delivery in-session-redirect --order sequential --every 50ms --json \
                 --signer tenant --at tenant:2,62,585,points,bottom-left,bottom-left \
                 --signer owner --at owner:2,62,440,points,bottom-left,bottom-left";
    refused(&desk, &format!("{chain} --resume"), "cannot read");
    let (mut child, mut lines) = running(command(&desk, chain));
    let sent: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(
        (&sent["next_steps"][0]["signer"], &sent["handle_file"]),
        (&json!("tenant"), &json!("agreement-1.handle"))
    );
    child.kill().unwrap();
    child.wait().unwrap();
    refused(&desk, chain, "add --resume to go on");
    sign(&sandbox, requests(&sandbox)[0]["request_id"].as_str().unwrap(), "S0000001A");

    desk.write("other.pdf", esign_sandbox::sample_pdf("Another", &["Another clause."]));
    let other = chain.replace("agreement.pdf", "other.pdf --save agreement");
    let (mut child, mut lines) = running(command(&desk, &format!("{chain} --resume")));
    let sent: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(sent["next_steps"][0]["signer"], "owner", "{sent}");
    let first = desk.read("agreement-1.signed.pdf");
    assert!(first.starts_with(&desk.read("agreement.pdf")));
    let page = sent["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert_eq!(http(address, "POST", &format!("/{path}/sign"), &Value::Null).0, 303, "each leg has its page");
    sign(&sandbox, requests(&sandbox)[1]["request_id"].as_str().unwrap(), "S0000002B");
    let done: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((&done["signed"], &done["file"]), (&json!(2), &json!("agreement-2.signed.pdf")), "{done}");
    assert!(child.wait().unwrap().success());

    assert!(desk.read("agreement-2.signed.pdf").starts_with(&first));
    desk.write("root.pem", sandbox.root_pem());
    desk.run("verify agreement-2.signed.pdf --record agreement-1.record.json --root root.pem").ended(0);
    refused(&desk, &format!("{chain} --resume"), "everybody has signed before");
    refused(&desk, &other, "belongs to an earlier chain");
}

#[test]
fn a_leg_whose_sending_is_unknown_is_sent_again_only_when_told_to() {
    let (desk, sandbox) = stage();
    let chain = "send agreement.pdf --on singpass --delivery in-session-redirect --order sequential --every 50ms --json \
                 --signer tenant --at tenant:2,62,585,points,bottom-left,bottom-left \
                 --signer owner --at owner:2,62,440,points,bottom-left,bottom-left";
    let fault = json!({ "operation": "singpass.initiate", "committed": true, "effect": "close" });
    assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
    for (options, sent) in [("", 1), ("--resume", 1)] {
        let ended = command(&desk, &format!("{chain} {options}")).output().unwrap();
        assert_eq!(ended.status.code(), Some(5), "{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(requests(&sandbox).len(), sent, "{options:?}");
    }
    let (mut child, mut lines) = running(command(&desk, &format!("{chain} --resume --send-again")));
    let sent: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(sent["next_steps"][0]["signer"], "tenant");
    let id = requests(&sandbox)[1]["request_id"].as_str().unwrap().to_owned();
    let (status, why) = sandbox.call("POST", &format!("/_sandbox/singpass/requests/{id}/expire"), &json!({}));
    assert_eq!(status, 204, "{why}");
    assert_eq!(child.wait().unwrap().code(), Some(1), "nobody signed in time");
}

/// A folder with a signing key, and a sandbox that knows it.
fn stage() -> (Desk, SandboxProcess) {
    let desk = Desk::new();
    let jwk = desk.run("keygen --out key.pem").ended(0).stdout;
    desk.write("key.jwk", jwk);
    let sandbox = SandboxProcess::start_with(&desk, "--singpass-client a-client --singpass-jwks key.jwk");
    (desk, sandbox)
}

fn command(desk: &Desk, line: &str) -> Command {
    let mut command = desk.command();
    command.env("SINGPASS_SIGNING_KEY", desk.text("key.pem")).args(line.split_whitespace());
    command
}

/// The command while it runs, and the lines that it prints.
fn running(mut command: Command) -> (Child, impl Iterator<Item = String>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines)
}

#[track_caller]
fn refused(desk: &Desk, line: &str, words: &str) {
    let ended = command(desk, line).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(2) && said.contains(words), "{words:?}: {said}");
}

fn requests(sandbox: &SandboxProcess) -> Vec<Value> {
    let known = sandbox.call("GET", "/_sandbox/singpass", &Value::Null).1;
    let known: Value = serde_json::from_str(&known).unwrap();
    known["requests"].as_array().unwrap().clone()
}

#[track_caller]
fn sign(sandbox: &SandboxProcess, id: &str, uin: &str) {
    let person = json!({ "name": "Tester", "uin": uin });
    let (status, why) = sandbox.call("POST", &format!("/_sandbox/singpass/requests/{id}/sign"), &person);
    assert_eq!(status, 200, "{why}");
}
