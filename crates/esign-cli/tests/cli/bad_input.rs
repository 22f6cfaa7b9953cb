use crate::support::Desk;

fn config(lines: &str) -> String {
    format!(
        "active = \"signify\"\n[providers.signify]\nkind = \"signify\"\nplacement_origin = \"top-left\"\n{lines}\n"
    )
}

const STAGING: &str = "environment = \"staging\"\napi_key = { env = \"SIGNIFY_API_KEY\" }";
const SEND: &str = "send agreement.pdf --delivery shareable-link --signer tenant --at 1,72,144,points,bottom-left,bottom-left";

#[test]
fn a_configuration_that_is_wrong_is_named_by_file_and_key() {
    let cases = [
        (None, 2, "there is no configuration at esign.toml"),
        (Some("active = ".to_owned()), 2, "esign.toml:1: "),
        (Some("actve = 'x'".to_owned()), 2, "esign.toml: actve: unknown field"),
        (Some("active = 'x'".to_owned()), 2, "active: there is no [providers.x]"),
        (Some(String::new()), 2, "no provider is configured"),
        (
            Some("[providers.x]\nkind = 'signfy'".to_owned()),
            2,
            "providers.x.kind: there is no provider kind \"signfy\"",
        ),
        (Some(config("environment = 'staging'\napi_kye = 'k'")), 2, "unknown field `api_kye`"),
        (
            Some(config("environment = 'staging'\napi_key = { env = 'NOT_SET' }")),
            2,
            "environment variable NOT_SET is not set",
        ),
        (
            Some(config("base_url = 'http://example.com/public'\napi_key = { env = 'SIGNIFY_API_KEY' }")),
            2,
            "plain http to example.com is refused",
        ),
        (Some(config("api_key = { env = 'SIGNIFY_API_KEY' }")), 2, "say where to send"),
    ];
    for (text, status, words) in cases {
        let desk = Desk::new();
        if let Some(text) = &text {
            desk.write("esign.toml", text);
        }
        let ran = desk.run("check --json").ended(status);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "one line: {}", ran.stderr);
        assert!(!ran.stderr.contains(crate::support::KEY), "{}", ran.stderr);
        let error = &ran.object()["error"];
        assert_eq!(error["exit"], status, "{error}");
    }
}

#[test]
fn the_configuration_is_found_by_option_variable_and_folder() {
    let desk = Desk::new();
    desk.write("good.toml", config(STAGING));
    desk.write("esign.toml", "broken");
    let good = desk.run("providers --configured --json --config good.toml").ended(0).object();
    assert_eq!(good["providers"][0]["name"], "signify");
    let by_variable =
        desk.command().env("ESIGN_CONFIG", "good.toml").args(["providers", "--configured"]).output();
    assert!(by_variable.unwrap().status.success());
    desk.run("providers --configured").ended(2);
}

#[test]
fn a_file_or_handle_that_is_wrong_is_named() {
    let desk = Desk::new();
    desk.write("esign.toml", config(STAGING));
    desk.write("text.pdf", "no PDF");
    desk.write("broken.handle", "{}");
    desk.write(
        "other.handle",
        r#"{"v":1,"instance":"old","kind":"signify","at":"0000000000000000","id":"1","reference":"r","created_at":"2026-01-01T00:00:00Z"}"#,
    );
    desk.write("moved.handle", desk.text("other.handle").replace("\"old\"", "\"signify\""));
    desk.write("newer.handle", r#"{"v":9}"#);
    desk.write("request.toml", "version = 1\ndelivery = \"shareable-link\"\n[[documents]]\npath = \"agreement.pdf\"\n[[signers]]\nkey = \"a\"\nemial = \"x\"");
    let not_there = SEND.replace("agreement", "nothing");
    let no_pdf = SEND.replace("agreement", "text");
    let cases = [
        (not_there.as_str(), 2, "cannot read nothing.pdf"),
        (&no_pdf, 3, "not a PDF"),
        ("send --request request.toml", 2, "request.toml: signers[0].emial: unknown field `emial`"),
        ("status nothing.handle", 2, "cannot read nothing.handle"),
        ("status broken.handle", 2, "broken.handle: this is not a stored handle"),
        ("status newer.handle", 2, "of version 9"),
        ("cancel other.handle", 2, "[providers.old]"),
        ("download moved.handle", 2, "made at another address"),
        ("resolve broken.handle", 2, "not a stored intent"),
        ("verify text.pdf", 3, "not a PDF"),
        ("verify agreement.pdf --root text.pdf", 2, "text.pdf: the trusted root certificates cannot be read"),
        ("inspect text.pdf", 3, "not a PDF"),
        ("check nobody", 2, "there is no instance \"nobody\"; there are: signify"),
        ("sandbox --listen 192.0.2.1:1", 2, "cannot listen on 192.0.2.1:1"),
        ("sandbox --listen 127.0.0.1:0 --write-config esign.toml", 2, "cannot write esign.toml"),
    ];
    for (line, status, words) in cases {
        let ran = desk.run(line).ended(status);
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
        assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1), "{line}: {}", ran.stderr);
    }
    for gone in ["nothing.intent.json", "text.intent.json", "agreement.intent.json"] {
        assert!(!desk.path(gone).exists(), "{gone}: nothing was sent, so nothing is kept");
    }
}

#[test]
fn a_document_without_signatures_is_not_good() {
    let desk = Desk::new();
    let ran = desk.run("verify agreement.pdf --json").ended(1);
    assert_eq!(ran.object()["signatures"], 0);
    assert_eq!(desk.run("inspect agreement.pdf --json").ended(0).object()["good"], true);
}

#[test]
fn a_provider_that_cannot_be_reached_is_told_apart() {
    let desk = Desk::new();
    // Nobody listens on the discard port of loopback.
    desk.write(
        "esign.toml",
        config("base_url = 'http://127.0.0.1:9/public'\napi_key = { env = 'SIGNIFY_API_KEY' }\nhttp = { max_retries = 0 }"),
    );
    let checked = desk.run("check --json").ended(1).object();
    assert_eq!(checked["instances"][0]["good"], false, "{checked}");
    let ran = desk.run(&format!("{SEND} --json")).ended(4);
    assert_eq!(ran.object()["error"]["retry"], "safe");
    assert!(!desk.path("agreement.intent.json").exists(), "nothing was sent");
}
