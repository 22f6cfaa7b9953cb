//! The program as it stands, against the sandbox; only the TOML file names the provider.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use esign_sandbox::Sandbox;
use esign_sandbox::signify::Signer;

#[tokio::test(flavor = "multi_thread")]
async fn the_program_gets_a_document_signed() {
    let sandbox = Sandbox::builder().signify(|signify| signify.api_key("key")).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The file of the example, at another address.
    let config = include_str!("../esign.toml").replace("http://127.0.0.1:8080/", sandbox.base_url().as_str());
    std::fs::write(folder.path().join("esign.toml"), config).unwrap();
    let pdf = esign_sandbox::sample_pdf("Agreement", &["The only clause."]);
    std::fs::write(folder.path().join("lease.pdf"), &pdf).unwrap();

    let mut program = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .arg("lease.pdf")
        .current_dir(folder.path())
        .env("SIGNIFY_API_KEY", "key")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let link = lines.next().unwrap();
    assert!(link.starts_with("tenant: http"), "{link}");
    let document = &sandbox.signify().documents()[0].id;
    sandbox.signify().sign_all(document, &Signer::named("Tester")).await.unwrap();

    let rest: Vec<_> = lines.collect();
    assert!(program.wait().unwrap().success(), "{rest:?}");
    assert!(rest.contains(&"Completed".to_owned()), "{rest:?}");
    assert_eq!(rest.last().unwrap(), "the document that was sent: true");
    let signed = std::fs::read(folder.path().join("lease.pdf.signed.pdf")).unwrap();
    assert!(signed.len() > pdf.len() && signed.starts_with(&pdf));
}

#[test]
fn the_program_is_short() {
    let source = include_str!("../src/main.rs");
    let code = source.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("//"));
    assert!(code.count() < 40);
}
