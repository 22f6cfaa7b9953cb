use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Desk, SandboxProcess, http};

const SEND: &str = "send agreement.pdf --on singpass --delivery in-session-redirect --signer tenant \
                    --at 2,62,585,points,bottom-left,bottom-left";

#[test]
fn a_session_starts_at_a_button_on_this_machine_and_its_link_is_never_shown() {
    let desk = Desk::new();
    let jwk = desk.run("keygen --out key.pem").ended(0).stdout;
    desk.write("key.jwk", jwk);
    let sandbox = SandboxProcess::start_with(&desk, "--singpass-client a-client --singpass-jwks key.jwk");
    let command = |line: &str| {
        let mut command = desk.command();
        command.env("SINGPASS_SIGNING_KEY", desk.text("key.pem")).args(line.split_whitespace());
        command
    };
    let refused = command(&format!("{SEND} --print-links")).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "and nothing was sent");

    let mut send = command(&format!("{SEND} --json"));
    let mut child = send.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let sent: Value = serde_json::from_str(&line).unwrap();
    let page = sent["next_steps"][0]["url"].as_str().unwrap();
    let (address, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();

    let known = sandbox.call("GET", "/_sandbox/singpass", &Value::Null).1;
    let known: Value = serde_json::from_str(&known).unwrap();
    let [request] = known["requests"].as_array().unwrap().as_slice() else { panic!("one request: {known}") };
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
    let person = json!({ "name": "Tester", "uin": "S0000001A" });
    let (status, why) = sandbox.call("POST", &format!("/_sandbox/singpass/requests/{id}/sign"), &person);
    assert_eq!(status, 200, "{why}");
    let fetched = command("download agreement.handle").output().unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert!(desk.read("agreement.signed.pdf").starts_with(&desk.read("agreement.pdf")));
}
