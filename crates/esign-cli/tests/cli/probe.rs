use crate::support::{Desk, SandboxProcess};

#[test]
fn a_trial_prints_the_settings_to_write_and_leaves_nothing_behind() {
    let desk = Desk::new();
    let jwk = desk.run("keygen --out key.pem").ended(0).stdout;
    desk.write("key.jwk", jwk);
    let sandbox = SandboxProcess::start_with(&desk, "--singpass-client a-client --singpass-jwks key.jwk");
    let settings = |line: &str| -> Vec<String> {
        let mut command = desk.command();
        command.env("SINGPASS_SIGNING_KEY", desk.text("key.pem")).args(line.split_whitespace());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let open: Vec<_> =
            answer["settled"].as_array().unwrap().iter().filter(|item| item["link"].is_string()).collect();
        assert_eq!(!open.is_empty(), line.contains("--look"), "{answer}");
        answer["settings"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect()
    };
    let signify = settings("probe signify --json");
    assert!(signify.contains(&"allow_coordinate_one = true".to_owned()), "{signify:?}");
    assert!(signify.contains(&"reference_in_name = \"suffix\"".to_owned()), "{signify:?}");
    assert!(signify.iter().any(|line| line.starts_with("document_url_bearer = ")), "{signify:?}");
    let left = sandbox.call("GET", "/_sandbox/signify", &serde_json::Value::Null).1;
    assert!(!left.contains("esign trial"), "{left}");

    settings("probe signify --look --json");
    let left = sandbox.call("GET", "/_sandbox/signify", &serde_json::Value::Null).1;
    assert!(left.contains("esign trial"), "{left}");

    let singpass = settings("probe singpass --json");
    assert!(singpass.iter().any(|line| line.starts_with("result_path = ")), "{singpass:?}");
    assert!(singpass.iter().any(|line| line.contains("CANCELLED")), "{singpass:?}");
}

#[test]
fn nothing_is_tried_in_production() {
    let desk = Desk::new();
    desk.write(
        "esign.toml",
        "[providers.earnest]\nkind = \"signify\"\nenvironment = \"production\"\napi_key = { env = \"SIGNIFY_API_KEY\" }\n",
    );
    let ran = desk.run("probe earnest").ended(2);
    assert!(ran.stderr.contains("nothing is tried in production"), "{}", ran.stderr);
}
