use crate::support::Desk;

const CONFIG: &str = r#"
active = "strict"
[providers.strict]
kind = "signify"
environment = "staging"
api_key = { env = "SIGNIFY_API_KEY" }
placement_origin = "top-left"
[providers.lenient]
kind = "signify"
environment = "staging"
api_key = { env = "SIGNIFY_API_KEY" }
placement_origin = "top-left"
adapt = ["language"]
"#;

const REQUEST: &str = r#"
version = 1
delivery = "provider-email"
language = "en"
[[documents]]
path = "../agreement.pdf"
[[signers]]
key = "tenant"
email = "tenant@example.com"
placements = [{ page = 1, x = 72, y = 144, unit = "points", origin = "bottom-left", corner = "bottom-left" }]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("esign.toml", CONFIG);
    std::fs::create_dir(desk.path("requests")).unwrap();
    desk.write("requests/lease.toml", REQUEST);
    desk
}

#[test]
fn a_plan_says_for_each_instance_whether_and_why_not() {
    let desk = desk();
    let ran = desk.run("plan --request requests/lease.toml --json").ended(1);
    let answer = ran.object();
    let verdicts: Vec<_> = answer["plans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plan| (plan["instance"].as_str().unwrap(), plan["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(verdicts, [("lenient", "works_with_changes"), ("strict", "cannot")]);

    let words = desk.run("plan --request requests/lease.toml").ended(1).stdout;
    assert!(words.contains("✗ strict (signify): cannot"), "{words}");
    assert!(words.contains("allowed by adapt = [\"language\"]"), "{words}");
    assert!(words.contains("changed  language"), "{words}");
    desk.run("plan --request requests/lease.toml --on lenient").ended(0);
}

#[test]
fn requests_come_as_toml_as_json_and_as_options() {
    let desk = desk();
    let value: serde_json::Value = toml::from_str(&REQUEST.replace("language = \"en\"", "")).unwrap();
    desk.write("requests/lease.json", value.to_string());
    desk.run("plan --request requests/lease.json").ended(0);
    desk.run("plan agreement.pdf --request requests/lease.json").ended(0);
    desk.run("plan agreement.pdf agreement.pdf --request requests/lease.json").ended(2);
    let options = "plan agreement.pdf --delivery provider-email --signer tenant=tenant@example.com";
    desk.run(&format!("{options} --at 1,72,144,points,bottom-left,bottom-left")).ended(0);
    let outside = desk.run(&format!("{options} --at 9,72,144,points,bottom-left,bottom-left")).ended(1);
    assert!(outside.stdout.contains("signers[0].placements[0]"), "{}", outside.stdout);
    let typo = desk.run(&format!("{options} --at 1,72,144,pionts,bottom-left,bottom-left")).ended(2);
    assert!(typo.stderr.contains("pionts"), "{}", typo.stderr);
}

#[test]
fn a_refusal_before_sending_has_a_status_of_its_own() {
    let desk = desk();
    let ran = desk.run("send --request requests/lease.toml --json").ended(3);
    let error = &ran.object()["error"];
    assert_eq!((&error["kind"], &error["field"]), (&"unsupported".into(), &"language".into()), "{error}");
    assert!(!desk.path("lease.intent.json").exists());
}

#[test]
fn providers_are_compared_for_people_programs_and_documents() {
    let desk = Desk::new();
    assert!(desk.run("providers").ended(0).stdout.contains("documents per request"));
    let markdown = desk.run("providers --markdown").ended(0).stdout;
    assert!(markdown.starts_with("|  | signify |") || markdown.contains(" signify |"), "{markdown}");
    let object = desk.run("providers signify --json").ended(0).object();
    assert_eq!(object["providers"][0]["capabilities"]["kind"], "signify");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let desk = Desk::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(desk.run(&format!("completions {shell}")).ended(0).stdout.contains("resolve"), "{shell}");
    }
}

#[test]
fn a_refusal_about_a_number_says_for_programs_which_are_accepted() {
    let desk = desk();
    desk.write(
        "short.toml",
        REQUEST
            .replace("../agreement.pdf\"", "agreement.pdf\"\nname = \"Abc\"")
            .replace("language = \"en\"\n", ""),
    );
    let answer = desk.run("plan --request short.toml --on strict --json").ended(1).object();
    let finding = &answer["plans"][0]["findings"][0];
    assert_eq!(finding["field"], "documents[0].name", "{answer}");
    assert_eq!(finding["limit"], serde_json::json!({ "min": { "is": 4 }, "max": { "is": 100 } }), "{answer}");
    assert_eq!(finding["allow"], "adapt = [\"document_name\"]", "{answer}");
}
