//! What comes out, whole or not at all.

use esign_core::{ArtifactId, Delivery, Document, ErrorKind, MediaType, Order, Retry};
use esign_signicat::SignicatOptions;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::{ORDER, PDF, World, json_answer, two, world};

fn at(tail: &str) -> String {
    format!("/sign/orders/{ORDER}/{tail}")
}

async fn done(world: &World, tasks: usize, packages: usize) {
    for number in 1..=tasks {
        world.task(number, "COMPLETED").await;
    }
    for number in 1..=packages {
        world.package(number, "COMPLETED").await;
    }
}

#[tokio::test]
async fn every_artifact_has_its_address() {
    let world = world(&[("archive", json!(true))]).await;
    world.accept_orders().await;
    let terms = Document::new("Terms", MediaType::TEXT, "I agree.").with_key("terms");
    let options: SignicatOptions = serde_json::from_value(json!({
        "documents": { "document": { "form": { "interactive": true } } },
        "signers": { "landlord": { "uploads": [{ "description": "Proof" }] } },
    }))
    .unwrap();
    let request =
        two(Delivery::ShareableLink, Order::Parallel).document(terms).with_option(&options).unwrap();
    let handle = world.send(request).await;
    done(&world, 2, 2).await;
    let archive = json!({ "packagingTaskStatus": "COMPLETED", "packagingTaskResultUri": "https://api.example/archive-documents/a-2" });
    world.answer_first(9, "GET", &at("packaging-tasks/package-2/status"), json_answer(200, &archive)).await;

    let listed = world.client.status(&handle).await.unwrap().artifacts;
    let expected = [
        ("signed:document", "packaging-tasks/package-1/result"),
        ("signed:terms", "packaging-tasks/package-2/result"),
        ("original:document", "tasks/task-1/documents/document-1/original"),
        ("original:terms", "tasks/task-1/documents/document-2/original"),
        ("evidence:document/tenant", "tasks/task-1/documents/document-1/result"),
        ("generated:document/tenant", "tasks/task-1/documents/document-1/generated"),
        ("evidence:terms/tenant", "tasks/task-1/documents/document-2/result"),
        ("evidence:document/landlord", "tasks/task-2/documents/document-1/result"),
        ("generated:document/landlord", "tasks/task-2/documents/document-1/generated"),
        ("evidence:terms/landlord", "tasks/task-2/documents/document-2/result"),
        ("uploaded:landlord/1", "tasks/task-2/documents/upload-1/original"),
    ];
    assert_eq!(listed.iter().map(ArtifactId::as_str).collect::<Vec<_>>(), expected.map(|(id, _)| id));
    for (id, tail) in expected {
        let body = [PDF, id.as_bytes(), b"\n%%EOF"].concat();
        let answer = ResponseTemplate::new(200).set_body_raw(body.clone(), "application/test; charset=x");
        world.answer("GET", &at(tail), answer).await;
        let artifact = world.client.download(&handle, &ArtifactId::parse(id)).await.unwrap();
        assert_eq!(artifact.content, body, "{id}");
        let media_type = if id.starts_with("signed") { "application/pdf" } else { "application/test" };
        assert_eq!(artifact.media_type.as_str(), media_type, "{id}");
    }
    // Where the archive's id is told is not documented: by name only, if an address leads there.
    world.answer("GET", "/sign/archive-documents/a-2", ResponseTemplate::new(200).set_body_bytes(PDF)).await;
    let archived = world.client.download(&handle, &ArtifactId::ARCHIVED.of_document("terms")).await.unwrap();
    assert_eq!(archived.content, PDF);
    let error =
        world.client.download(&handle, &ArtifactId::ARCHIVED.of_document("document")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady, "{error}");
    for never in ["signed", "signed:x", "partial", "evidence", "archived"] {
        let error = world.client.download(&handle, &ArtifactId::parse(never)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{never}");
    }
}

#[tokio::test]
async fn half_a_document_is_none() {
    for (body, fault) in
        [(&b"%PDF-1.7 half"[..], "cut short"), (b"<html>log in</html>", "not a PDF"), (b"", "not a PDF")]
    {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        done(&world, 1, 1).await;
        world
            .answer(
                "GET",
                &at("packaging-tasks/package-1/result"),
                ResponseTemplate::new(200).set_body_bytes(body),
            )
            .await;
        let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Integrity, Retry::SAFE), "{error}");
        assert!(error.message().contains(fault), "{error}");
    }
}

#[tokio::test]
async fn a_location_is_followed_whatever_the_status() {
    for status in [200, 201, 302, 307] {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        done(&world, 1, 1).await;
        let first = at("packaging-tasks/package-1/result");
        world
            .answer("GET", &first, ResponseTemplate::new(status).insert_header("location", "/sign/next"))
            .await;
        world.answer("GET", "/sign/next", ResponseTemplate::new(200).set_body_bytes(PDF)).await;
        let signed = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
        assert_eq!(signed.content, PDF, "{status}");
        let authorized = &world.received("GET", "/sign/next").await[0];
        assert!(authorized.headers.contains_key("authorization"), "the same host gets the token");
    }
}

#[tokio::test]
async fn a_location_without_an_end_is_given_up() {
    for status in [200, 302] {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        done(&world, 1, 1).await;
        let here = at("packaging-tasks/package-1/result");
        world
            .answer("GET", &here, ResponseTemplate::new(status).insert_header("location", here.as_str()))
            .await;
        let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{error}");
    }
}

#[tokio::test]
async fn evidence_is_there_when_its_signer_is_done() {
    let world = world(&[("packaging_layout", json!("none"))]).await;
    let handle = world.submitted().await;
    world
        .answer_first(
            1,
            "GET",
            &at("tasks/task-1/status"),
            json_answer(200, &json!({ "taskStatus": "CREATED" })),
        )
        .await;
    let error = world.client.download(&handle, &ArtifactId::EVIDENCE).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (ErrorKind::NotReady, Some("CREATED")));
    done(&world, 1, 0).await;
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!(report.artifacts, [ArtifactId::ORIGINAL, ArtifactId::EVIDENCE]);
    let error = world.client.download(&handle, &ArtifactId::EVIDENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone, "the mock has none");
    let evidence = at("tasks/task-1/documents/document-1/result");
    world
        .answer("GET", &evidence, ResponseTemplate::new(200).set_body_raw("<sdo/>", "application/x-ltv-sdo"))
        .await;
    let evidence = world.client.download(&handle, &ArtifactId::EVIDENCE).await.unwrap();
    assert_eq!(evidence.media_type.as_str(), "application/x-ltv-sdo");
}

#[tokio::test]
async fn session_and_archive_by_the_typed_client() {
    let world = world(&[]).await;
    let provider = world.provider();
    let client = provider.client();
    for path in ["/sign/documents/d-1", "/sign/archive-documents/a-1"] {
        world.answer("GET", path, ResponseTemplate::new(200).set_body_bytes(PDF)).await;
        world.answer("DELETE", path, ResponseTemplate::new(200)).await;
    }
    assert_eq!(client.get_document("d-1").await.unwrap().content, PDF);
    assert_eq!(client.get_archived_document("a-1").await.unwrap().content, PDF);
    assert!(client.delete_document("d-1").await.unwrap());
    assert!(client.delete_archived_document("a-1").await.unwrap());
    assert!(!client.delete_document("d-2").await.unwrap());
    assert_eq!(client.get_document("d-2").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(client.get_document("..").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    let zip = MediaType::new("application/zip");
    let error = client.upload_document(&zip, "PK".into()).await.unwrap_err();
    assert_eq!(error.field_path(), Some("media_type"));
}
