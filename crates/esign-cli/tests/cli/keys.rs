use serde_json::Value;

use crate::support::{Desk, KEY, SandboxProcess};

#[test]
fn a_new_key_is_for_its_owner_and_never_over_another() {
    let desk = Desk::new();
    for (algorithm, curve, file) in [("ES256", "P-256", "a.pem"), ("ES384", "P-384", "b.pem")] {
        let made = desk.run(&format!("keygen --algorithm {algorithm} --key-id 2027 --out {file} --json"));
        let made = made.ended(0).object();
        assert_eq!((&made["key_id"], &made["algorithm"]), (&"2027".into(), &algorithm.into()), "{made}");
        let jwk = &made["jwk"];
        assert_eq!((&jwk["crv"], &jwk["kid"], &jwk["d"]), (&curve.into(), &"2027".into(), &Value::Null));
        assert!(desk.text(file).starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(desk.path(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    let before = desk.text("a.pem");
    let ran = desk.run("keygen --out a.pem").ended(2);
    assert!(ran.stderr.contains("cannot write a.pem"), "{}", ran.stderr);
    assert_eq!((desk.text("a.pem"), ran.stdout.as_str()), (before, ""));
    for line in ["keygen", "keygen --out c.pem --algorithm RS256", "keygen --out c.pem --key-id="] {
        desk.run(line).ended(2);
        assert!(!desk.path("c.pem").exists(), "{line}");
    }
}

#[test]
fn a_key_made_here_is_registered_published_and_used() {
    for id in ["", " --key-id 2027"] {
        let desk = Desk::new();
        let jwk = desk.run(&format!("keygen --out key.pem{id}")).ended(0).stdout;
        desk.write("key.jwk", &jwk);
        let jwk: Value = serde_json::from_str(&jwk).unwrap();
        let sandbox = SandboxProcess::start_with(
            &desk,
            "--singpass-client a-client --singpass-jwks key.jwk --singpass-redirect http://localhost:9/back",
        );
        let known: Value =
            serde_json::from_str(&sandbox.call("GET", "/_sandbox/singpass", &Value::Null).1).unwrap();
        assert_eq!(known["clients"][0]["redirect_url"], "http://localhost:9/back", "{known}");
        assert_eq!(known["clients"][0]["jwks"]["keys"], serde_json::json!([jwk]), "{known}");
        let run = |line: &str| {
            let mut command = desk.command();
            command.env("SINGPASS_SIGNING_KEY", desk.text("key.pem")).args(line.split(' '));
            command.output().unwrap()
        };
        let published = run("jwks singpass");
        let published: Value = serde_json::from_slice(&published.stdout).unwrap();
        assert_eq!(published, serde_json::json!({ "keys": [jwk] }));
        let checked = run("check singpass");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        // The active one has an API key and nothing to publish.
        let signify = run("jwks");
        assert_eq!(signify.status.code(), Some(2));
        let words = String::from_utf8(signify.stderr).unwrap();
        assert!(
            words.contains("signify (signify) has no keys to publish") && !words.contains(KEY),
            "{words}"
        );
    }
}

#[test]
fn a_client_of_transaction_signing_is_registered_with_the_same_key() {
    let desk = Desk::new();
    let jwk = desk.run("keygen --out key.pem").ended(0).stdout;
    desk.write("key.jwk", &jwk);
    let options = "--txn-client a-shop --txn-jwks key.jwk --txn-redirect http://localhost:9/back?a=1 \
                   --txn-origin http://localhost:9 --txn-origin https://shop.example";
    let sandbox = SandboxProcess::start_with(&desk, options);
    let known: Value = serde_json::from_str(&sandbox.call("GET", "/_sandbox/txn", &Value::Null).1).unwrap();
    let client = &known["clients"][0];
    assert_eq!(client["redirect_uri"], "http://localhost:9/back?a=1", "{known}");
    assert_eq!(
        client["origins"],
        serde_json::json!(["http://localhost:9", "https://shop.example"]),
        "{known}"
    );
    let mut command = desk.command();
    command.env("SINGPASS_SIGNING_KEY", desk.text("key.pem")).args(["jwks", "singpass-txn"]);
    let published: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(published, serde_json::json!({ "keys": client["jwks"]["keys"] }));

    for (line, words) in [
        ("--txn-client a --txn-jwks key.jwk", "--txn-redirect"),
        ("--txn-redirect http://localhost:9", "--txn-client"),
        (
            "--txn-client a --txn-jwks key.jwk --txn-redirect http://app:9/",
            "redirect_uri must be an URL with https",
        ),
        (
            "--txn-client a --txn-jwks key.jwk --txn-redirect https://a/ --txn-origin https://a/",
            "an origin is scheme",
        ),
    ] {
        let ran = desk.run(&format!("sandbox --listen 127.0.0.1:0 {line}")).ended(2);
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_private_key_is_not_registered() {
    let desk = Desk::new();
    desk.write("key.jwk", r#"{"kty":"EC","crv":"P-256","kid":"a","use":"sig","d":"secret"}"#);
    desk.write("none.jwk", "-----BEGIN PRIVATE KEY-----");
    for (file, words) in [("key.jwk", "has a private key"), ("none.jwk", "neither a JWK nor a JWK set")] {
        let ran = desk
            .run(&format!("sandbox --listen 127.0.0.1:0 --singpass-client a-client --singpass-jwks {file}"))
            .ended(2);
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("\"d\""), "{}", ran.stderr);
    }
}

#[test]
fn a_transaction_is_signed_to_be_looked_at() {
    let desk = Desk::new();
    desk.run("keygen --out key.pem").ended(0);
    let config = r#"
        active = "payments"
        [providers.payments]
        kind = "singpass-txn"
        environment = "staging"
        client_id = "client-1"
        redirect_uri = "https://rp.example/back"
        signing_key = { file = "key.pem" }
        nonce_claim = "nonce"
        hash_claim = "txn_hash"
        [providers.other]
        kind = "singpass"
        environment = "staging"
        client_id = "client-1"
        signing_key = { file = "key.pem" }
    "#;
    desk.write("esign.toml", config);
    let ran = desk.run("txn-info --id TXN-2026-000123 --text Pay --json").ended(0).object();
    assert_eq!(ran["txn_info"].as_str().unwrap().split('.').count(), 3);
    let claims = &ran["claims"];
    assert_eq!(claims["txn_hash"], esign::txn::txn_hash("TXN-2026-000123", "Pay"));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    let plain = desk.run("txn-info payments --id T --text S1234567D").ended(0);
    assert_eq!(plain.stdout.trim().split('.').count(), 3);
    assert!(plain.stderr.contains("must be masked"), "{}", plain.stderr);
    for (line, words) in [
        ("txn-info other --id T --text Pay", "transactions are of singpass-txn"),
        ("txn-info nobody --id T --text Pay", "nobody"),
        ("txn-info --id a:b --text Pay", "txn_id: 1 to 64 letters"),
        ("txn-info --id T --text Pay --subject S1234567D", "subject"),
    ] {
        let ran = desk.run(line);
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
    }
}
