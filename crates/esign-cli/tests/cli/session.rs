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

    assert!(requests(&sandbox).is_empty(), "its 30 minutes begin at the button, so nothing is sent before");
    let (status, head, body) = http(address, "GET", &format!("/{path}"), &Value::Null);
    assert_eq!(status, 200);
    for part in [">Sign with Singpass<", "aria-label=\"Sign with Sing pass\"", "#FFFFFF", "#C8C9CC"] {
        assert!(body.contains(part), "{part}: {body}");
    }
    assert!(
        head.contains("cache-control: no-store") && head.contains("referrer-policy: no-referrer"),
        "{head}"
    );
    assert_eq!(http(address, "GET", "/", &Value::Null).0, 404, "nobody guesses the address");
    assert!(requests(&sandbox).is_empty(), "looking is not pressing");

    let mut links = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let (status, head, _) = http(address, "POST", &format!("/{path}/sign"), &Value::Null);
        assert_eq!(status, 303, "{head}");
        links.extend(head.lines().find_map(|line| line.strip_prefix("location: ")).map(str::to_owned));
    }
    let known = requests(&sandbox);
    let [request] = known.as_slice() else { panic!("pressed twice, sent once: {known:?}") };
    let link = request["signing_url"].as_str().unwrap();
    assert_eq!(links.into_iter().collect::<Vec<_>>(), [link]);

    child.kill().unwrap();
    let (mut words, mut rest) = (String::new(), String::new());
    child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
    child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    child.wait().unwrap();
    assert!(rest.contains("\"key\":\"") || line.contains("\"key\""), "what was sent is told: {rest}");
    assert!(
        !line.contains(link)
            && !rest.contains(link)
            && !words.contains(link)
            && !desk.path("agreement.links").exists(),
        "{words}"
    );
    let id = request["request_id"].as_str().unwrap();
    sign(&sandbox, id, "S0000001A");
    let fetched = command("download agreement.handle").output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert!(desk.read("agreement.signed.pdf").starts_with(&desk.read("agreement.pdf")));
}

/// Presses the button of the page that was announced.
#[track_caller]
fn press(announced: &Value) {
    let page = announced["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (status, head, _) = http(address, "POST", &format!("/{path}/sign"), &Value::Null);
    assert_eq!(status, 303, "{head}");
}

#[test]
fn answers_that_cannot_be_used_do_not_take_the_page_away() {
    let (desk, sandbox) = stage();
    let html =
        json!({ "status": 200, "headers": { "content-type": "text/html" }, "body": "<html>Log in</html>" });
    let odd = [json!(html), json!({ "status": 401 }), json!({ "status": 302 }), json!({ "status": 403 })];
    for answer in odd {
        let fault = json!({ "operation": "singpass.result", "times": 3, "effect": { "answer": answer } });
        assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
    }
    let (mut child, mut lines) = running(command(&desk, &format!("{SEND} --json --every 50ms")));
    press(&serde_json::from_str(&lines.next().unwrap()).unwrap());
    let sent: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(sent["next_steps"][0]["step"], "open_link", "{sent}");
    sign(&sandbox, requests(&sandbox)[0]["request_id"].as_str().unwrap(), "S0000001A");
    assert!(child.wait().unwrap().success(), "it was signed, whatever was answered in between");
}

#[test]
fn what_could_not_be_sent_is_told_on_the_page_and_kept_nowhere() {
    let (desk, sandbox) = stage();
    let refusal = json!({ "status": 400, "body": "{\"error\":\"INVALID_REQUEST\"}" });
    let fault = json!({ "operation": "singpass.initiate", "effect": { "answer": refusal } });
    assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
    let (mut child, mut lines) = running(command(&desk, &format!("{SEND} --json")));
    let announced: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let page = announced["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (status, _, body) = http(address, "POST", &format!("/{path}/sign"), &Value::Null);
    assert!(status == 502 && body.contains("could not be sent"), "{body}");
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let left: Vec<_> = std::fs::read_dir(desk.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().contains("agreement.")
                && !name.to_string_lossy().ends_with(".pdf")),
        "{left:?}"
    );
}

#[test]
fn a_request_that_may_have_been_sent_is_sent_again_with_the_same_command() {
    let (desk, sandbox) = stage();
    let fault = json!({ "operation": "singpass.initiate", "committed": true, "effect": "close" });
    assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
    let (mut child, mut lines) = running(command(&desk, &format!("{SEND} --json")));
    let announced: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let page = announced["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert_eq!(http(address, "POST", &format!("/{path}/sign"), &Value::Null).0, 502);
    assert_eq!(child.wait().unwrap().code(), Some(5));
    refused(&desk, SEND, "agreement.intent.json belongs to an earlier request");
    let resolved = command(&desk, "resolve agreement.intent.json").output().unwrap();
    let said = String::from_utf8(resolved.stdout).unwrap();
    assert!(resolved.status.code() == Some(5) && said.contains("--send-again"), "{said}");
    assert!(!said.contains("own pages"), "Singpass has none: {said}");

    let (mut child, mut lines) = running(command(&desk, &format!("{SEND} --json --send-again --every 50ms")));
    press(&serde_json::from_str(&lines.next().unwrap()).unwrap());
    lines.next().unwrap();
    assert!(desk.path("agreement.before-1.intent.json").exists(), "the earlier intent stays");
    let again = desk.text("agreement.record.json");
    let before = desk.text("agreement.before-1.intent.json");
    let reference = |text: &str| serde_json::from_str::<Value>(text).unwrap()["reference"].clone();
    assert_eq!(reference(&again), reference(&before));
    sign(&sandbox, requests(&sandbox)[1]["request_id"].as_str().unwrap(), "S0000001A");
    assert!(child.wait().unwrap().success());
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
    assert!(requests(&sandbox).is_empty());
    press(&sent);
    lines.next().unwrap();
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
    press(&sent); // each leg has its page
    lines.next().unwrap();
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
    let (mut child, mut lines) = running(command(&desk, chain));
    let announced: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let page = announced["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert_eq!(http(address, "POST", &format!("/{path}/sign"), &Value::Null).0, 502, "its answer is lost");
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!(requests(&sandbox).len(), 1);
    let ended = command(&desk, &format!("{chain} --resume")).output().unwrap();
    assert_eq!(ended.status.code(), Some(5), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(requests(&sandbox).len(), 1);
    refused(&desk, &format!("{chain} --send-again"), "add --resume");
    let (mut child, mut lines) = running(command(&desk, &format!("{chain} --resume --send-again")));
    let sent: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(sent["next_steps"][0]["signer"], "tenant");
    press(&sent);
    lines.next().unwrap();
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
