//! A machine without certificate authorities, made by pointing the variables that name them at nothing. They are read by
//! the TLS stack when a client is built, so the client is built in a process of its own.

use std::process::Command;
use std::sync::Arc;

use esign_core::{ErrorKind, SystemClock};
use esign_http::HttpClient;

/// Tells the child process what to build.
const BASE: &str = "ESIGN_HTTP_TEST_BASE";

#[test]
fn the_error_names_the_setting_and_plain_http_needs_none() {
    if let Ok(base) = std::env::var(BASE) {
        let built = HttpClient::builder(base.parse().unwrap(), Arc::new(SystemClock)).build();
        match built {
            Ok(_) => println!("built"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config);
                println!("refused: {error}");
            }
        }
        return;
    }
    let https = build_in_a_child("https://api.example");
    assert!(https.contains("refused: http.ca_file: ") && https.contains("ca-certificates"), "{https}");
    let http = build_in_a_child("http://127.0.0.1:1");
    assert!(http.contains("built"), "{http}");
}

fn build_in_a_child(base: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_error_names_the_setting_and_plain_http_needs_none", "--nocapture"])
        .env(BASE, base)
        .env("SSL_CERT_FILE", "nowhere.pem")
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}
