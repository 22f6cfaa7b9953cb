//! The guide's commands, run by curl itself, with the link sample's quoting repaired.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{KEY, World, pdf, world};

/// Runs a shell command in which `$BASE`, `$KEY` and `$FILE` stand for the sandbox, the key and a PDF. `None`: no curl.
async fn shell(world: &World, command: &'static str) -> Option<Value> {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: curl is not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my contract.pdf");
    std::fs::write(&file, pdf(2)).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("KEY", KEY).env("FILE", &file).env("no_proxy", "*");
    shell.env("BASE", world.url("/public/v2/documents"));
    let output = tokio::task::spawn_blocking(move || shell.output()).await.unwrap().unwrap();
    drop(folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

const CREATE_BY_EMAIL: &str = r#"curl -sS -X POST "$BASE" \
  -H "Authorization: Bearer $KEY" \
  -H 'Content-Type: multipart/form-data' \
  -F 'documentName=Testing API' \
  -F 'recipients=[{"email":"a@agency.gov.sg","requiredSignatures":[{"page":1, "positionX":0.1, "positionY":0.2}, {"page":1, "positionX":0.2, "positionY":0.3}], "customMessage": "Please sign on Page 3."},{"email":"b@agency.gov.sg","requiredSignatures":[{"page":1, "positionX":0.5, "positionY":0.5}]}]' \
  -F "file=@\"$FILE\"""#;

const CREATE_BY_LINK: &str = r#"curl -sS -X POST "$BASE" \
  -H "Authorization: Bearer $KEY" \
  -H 'Content-Type: multipart/form-data' \
  -F 'documentName="Document 1"' \
  -F 'totalSignaturesByLink=[{"requiredSignatures": [{"page": 1, "positionX": 0, "positionY": 0}, {"page": 2, "positionX": 0.2, "positionY": 0.3}]}]' \
  -F 'documentMode="link"' \
  -F "file=@\"$FILE\"""#;

/// With the value in quotes, as the guide prints it, curl sends `[{` only.
const CREATE_BY_LINK_AS_PRINTED: &str = r#"curl -sS -X POST "$BASE" \
  -H "Authorization: Bearer $KEY" \
  -F 'documentName="Document 1"' \
  -F 'totalSignaturesByLink="[{"requiredSignatures": [{"page": 1, "positionX": 0, "positionY": 0}]}]"' \
  -F 'documentMode="link"' \
  -F "file=@\"$FILE\"""#;

#[tokio::test]
async fn the_commands_of_the_guide_work() {
    let world = world().await;
    let Some(created) = shell(&world, CREATE_BY_EMAIL).await else { return };
    assert_eq!(created, json!({ "documentId": 1 }));
    let created = shell(&world, CREATE_BY_LINK).await.unwrap();
    assert_eq!(created["documentId"], "2");
    assert_eq!(created["signingLinks"][0]["totalSignatures"], 2);
    let list = shell(&world, r#"curl -sS -X GET "$BASE" -H "Authorization: Bearer $KEY""#).await.unwrap();
    // curl takes the quotes around the name off.
    assert_eq!(list[1]["documentName"], "Document 1");
    let one = shell(&world, r#"curl -sS -X GET "$BASE/1" -H "Authorization: Bearer $KEY""#).await.unwrap();
    assert_eq!(one["signingInvitations"][1]["signatory"], "b@agency.gov.sg");
    let gone =
        shell(&world, r#"curl -sS -X DELETE "$BASE/1" -H "Authorization: Bearer $KEY""#).await.unwrap();
    assert_eq!(gone, json!({ "message": "Document deleted" }));
}

#[tokio::test]
async fn the_link_sample_as_printed_is_refused() {
    let world = world().await;
    let Some(refused) = shell(&world, CREATE_BY_LINK_AS_PRINTED).await else { return };
    assert!(
        refused["message"].as_str().unwrap().contains("totalSignaturesByLink is not valid JSON"),
        "{refused}"
    );
}
