//! No word that is not ours commands a terminal: every command, with a marker wherever something foreign can be.

use std::ffi::{OsStr, OsString};
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{Desk, KEY, SandboxProcess};

/// A title, a screen cleared in the 8-bit way, text turned around, a tag, and a line that looks like one of ours.
const EVIL: &str = "x\u{1b}]0;evil\u{7}\u{9b}2J\u{202e}\u{e0041}\n✓ MARK";
/// What our own colours are.
const OWN: [&str; 5] = ["\u{1b}[32m", "\u{1b}[31m", "\u{1b}[33m", "\u{1b}[1m", "\u{1b}[0m"];

/// Runs with colours forced and the log on, and with `--json`: nothing foreign may come through either, nor our own key.
fn run<S: AsRef<OsStr>>(desk: &Desk, args: &[S]) {
    for more in ["--verbose", "--json"] {
        let mut command = desk.command();
        command.env("CLICOLOR_FORCE", "1").env("EVIL_KEY", EVIL).args(args).arg(more);
        let what = format!("{command:?}");
        let Output { status, stdout, stderr } = command.output().unwrap();
        assert_ne!(status.code(), Some(101), "{what}: {}", String::from_utf8_lossy(&stderr));
        for (stream, bytes) in [("standard output", stdout), ("standard error", stderr)] {
            let text = String::from_utf8(bytes).unwrap();
            let rest = OWN.iter().fold(text.clone(), |text, own| text.replace(own, ""));
            let found = rest.chars().find(|&c| c != '\n' && esign::redact::is_unprintable(c));
            assert_eq!(found, None, "{what}, {stream}: {rest:?}");
            let line = rest.lines().find(|line| line.starts_with("✓ MARK"));
            assert_eq!(line, None, "{what}, {stream}: a line was added");
            assert!(!rest.contains(KEY), "{what}, {stream} shows the key: {rest}");
        }
    }
}

fn line<'a>(text: &'a str, evil: &'a str) -> Vec<&'a str> {
    text.split(' ').map(|word| if word == "EVIL" { evil } else { word }).collect()
}

#[test]
fn words_of_the_command_line_and_of_files_command_nothing() {
    let desk = Desk::new();
    let root = SandboxProcess::start(&desk);
    desk.write("root.pem", root.root_pem());
    desk.write(
        "evil.toml",
        format!(
            "active = \"s\"\n[providers.s]\nkind = \"signify\"\nbase_url = \"http://127.0.0.1:1/public\"\n\
             api_key = {{ env = \"EVIL_KEY\" }}\nplacement_origin = \"top-left\"\n[providers.{0}]\nkind = {0}\n",
            Value::from(EVIL)
        ),
    );
    desk.write("key.toml", format!("{} = 1", Value::from(EVIL)));
    let request = json!({
        "version": 1, "delivery": "provider-email", "message": EVIL, "language": EVIL,
        "documents": [{ "path": "agreement.pdf", "name": EVIL, "key": EVIL }],
        "signers": [{ "key": EVIL, "email": EVIL, "placements": [{ "anchor": { "text": EVIL } }, { "field": EVIL }] }],
    });
    desk.write("evil.json", request.to_string());
    desk.write("evil.intent.json", json!({ "intent": 1, "instance": EVIL }).to_string());
    desk.write("evil.handle", json!({ "v": 1, "instance": EVIL }).to_string());
    desk.write("evil.pdf", include_bytes!("term-field.pdf"));
    for text in [
        "EVIL",
        "status --EVIL",
        "providers EVIL",
        "providers --configured EVIL",
        "check EVIL",
        "check --config evil.toml",
        "check --config key.toml",
        "check --config EVIL",
        "probe EVIL",
        "plan --request evil.json",
        "plan --request EVIL",
        "plan EVIL --delivery shareable-link --signer EVIL",
        "plan agreement.pdf --delivery EVIL --signer a",
        "plan agreement.pdf --delivery shareable-link --signer a --at EVIL",
        "plan agreement.pdf --delivery shareable-link --signer a --at-text EVIL",
        "plan agreement.pdf --delivery shareable-link --signer a --at-field EVIL",
        "plan agreement.pdf --delivery shareable-link --signer EVIL --name EVIL --reference EVIL",
        "plan agreement.pdf --delivery shareable-link --signer EVIL --on EVIL",
        "preview --request evil.json --provider signify --out picture.png",
        "preview --request evil.json --provider EVIL --out EVIL.png",
        "place EVIL",
        "send --request evil.json",
        "send agreement.pdf --delivery shareable-link --signer EVIL --at EVIL",
        "send agreement.pdf --delivery shareable-link --signer a --every EVIL",
        "resolve EVIL",
        "resolve evil.intent.json --take EVIL",
        "status EVIL",
        "status evil.handle",
        "watch evil.handle",
        "watch agreement.pdf --at-most EVIL",
        "download evil.handle",
        "download EVIL EVIL --out EVIL",
        "cancel evil.handle",
        "verify EVIL",
        "verify evil.pdf --root root.pem",
        "verify evil.pdf --root EVIL --at EVIL --record EVIL",
        "verify evil.pdf --root root.pem --expect-signer EVIL",
        "evidence EVIL",
        "evidence --check EVIL",
        "inspect EVIL",
        "inspect evil.pdf",
        "roots EVIL",
        "keygen --algorithm EVIL --out EVIL",
        "keygen --key-id EVIL --out k.pem",
        "jwks EVIL",
        "txn-info EVIL --id EVIL --text EVIL",
        "sandbox --listen EVIL",
        "sandbox --listen 127.0.0.1:0 --public-url EVIL",
        "sandbox --listen 127.0.0.1:0 --singpass-client EVIL --singpass-jwks EVIL",
        "demo EVIL",
        "demo --provider EVIL",
        "completions EVIL",
    ] {
        run(&desk, &line(text, EVIL));
        // Files leave nothing behind that the next run would stumble over.
        let _ = std::fs::remove_file(desk.path("k.pem"));
    }
}

#[cfg(unix)]
#[test]
fn a_file_may_be_called_anything() {
    use std::os::unix::ffi::OsStringExt;
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    for bytes in [b"le\xffase".as_slice(), EVIL.as_bytes()] {
        let name = |ending: &str| OsString::from_vec([bytes, ending.as_bytes()].concat());
        std::fs::copy(desk.path("agreement.pdf"), desk.path("").join(name(".pdf"))).unwrap();
        let args = |words: &str| words.split(' ').map(OsString::from).collect::<Vec<_>>();
        let mut send = args(
            "send --delivery shareable-link --signer a --at 1,72,144,points,bottom-left,bottom-left --name agreement --save",
        );
        send.extend([name(""), name(".pdf")]);
        run(&desk, &send);
        for words in ["status", "watch --at-most 0s", "download", "cancel"] {
            let mut all = args(words);
            all.push(name(".handle"));
            run(&desk, &all);
        }
        for words in ["inspect", "verify"] {
            let mut all = args(words);
            all.push(name(".pdf"));
            run(&desk, &all);
        }
    }
    drop(sandbox);
}

#[test]
fn words_of_a_provider_command_nothing_and_our_key_is_never_shown() {
    let desk = Desk::new();
    let sandbox = SandboxProcess::start(&desk);
    let send = "send agreement.pdf --delivery shareable-link --signer tenant --at 1,72,144,points,bottom-left,bottom-left";
    desk.run(send).ended(0);
    let quick = "lookup_settle = \"0s\"\nhttp = { max_retries = 0 }\n\n[providers.singpass]";
    desk.write("esign.toml", desk.text("esign.toml").replace("\n[providers.singpass]", quick));
    let words = json!({
        "message": format!("{EVIL} for {}", KEY), "error": EVIL, "code": EVIL, "traceId": EVIL, "title": EVIL,
    });
    let document = json!({
        "documentId": 1, "documentName": EVIL, "status": format!("{EVIL}{}", KEY), "isSigned": false,
        "documentSigned": false, "createdAt": EVIL,
    });
    for (status, body) in [(400, &words), (401, &words), (404, &words), (500, &words), (200, &document)] {
        let fault = json!({
            "operation": "signify.*", "times": 1000, "committed": false, "effect": { "answer": {
                "status": status, "body": body.to_string(),
                "headers": { "content-type": "application/json", "x-request-id": format!("id {}", KEY) },
            } },
        });
        sandbox.call("DELETE", "/_sandbox/faults", &Value::Null);
        assert_eq!(sandbox.call("POST", "/_sandbox/faults", &fault).0, 201);
        for text in [
            "check",
            "status agreement.handle",
            "watch agreement.handle --at-most 0s",
            "download agreement.handle",
            "cancel agreement.handle",
            "resolve agreement.intent.json",
        ] {
            run(&desk, &line(text, EVIL));
        }
    }
}
