//! From the upload to the packaged document, as the guide tells it.

use esign_pdf::verify::{Original, Verdict};
use esign_pdf::{Limits, VerificationReport, VerifyOptions, attachments, roots_from_pem, verify};
use serde_json::json;

use crate::support::{World, order, packaging, pdf, signer, task, world};

impl World {
    /// What a packaged document proves to somebody who trusts the sandbox's root.
    pub(crate) fn verified(&self, packaged: &[u8], original: &[u8]) -> VerificationReport {
        let mut options = VerifyOptions::new(self.sandbox.clock().now());
        options.roots = roots_from_pem(self.sandbox.root_pem().as_bytes()).unwrap();
        options.original = Some(Original::of(original));
        let report = verify(packaged, &options).unwrap();
        assert_eq!(report.verdict, Verdict::Passed, "{:?}", report.reasons);
        assert_eq!(report.extends_original, Some(true));
        report
    }
}

/// SHA-256 in lower-case digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The embedded evidence of a packaged document.
pub(crate) fn evidence(packaged: &[u8]) -> Vec<String> {
    let files = attachments(packaged, &Limits::default()).unwrap();
    let evidence = files.into_iter().filter(|file| file.name.ends_with("-evidence.xml"));
    evidence.map(|file| String::from_utf8(file.bytes).unwrap()).collect()
}

#[tokio::test]
async fn a_document_is_signed_and_packaged() {
    let world = world().await;
    let document = world.document().await;
    assert!(document.len() == 58 && document.starts_with("22112026"), "{document}");

    let mut body = order(&document);
    body["clientReference"] = "case 7".into();
    body["tasks"][0]["onTaskComplete"] = "https://rp.example/done?r=${requestId}&t=${taskId}".into();
    let created = world.create(&body).await;
    let id = created["id"].as_str().unwrap();
    let mut expected = body.clone();
    expected["id"] = id.into();
    expected["tasks"][0]["signingUrl"] =
        world.url(&format!("/std/docaction/sandbox?request_id={id}&task_id=t1")).into();
    assert_eq!(created, expected, "the order as it was sent, with its id and the link");
    assert_eq!(world.get(&format!("/orders/{id}")).await, (200, expected));

    let status = format!("/orders/{id}/tasks/t1/status");
    let original_uri = world.url(&format!("/enterprise/sign/orders/{id}/tasks/t1/documents/doc/original"));
    let expected = json!({
        "orderId": id, "taskId": "t1", "taskStatus": "CREATED", "clientReference": "case 7",
        "documents": [{ "id": "doc", "originalUri": original_uri }],
    });
    assert_eq!(world.get(&status).await, (200, expected));
    let packaging = format!("/orders/{id}/packaging-tasks/p1");
    let (code, early) = world.get(&format!("{packaging}/result")).await;
    assert_eq!((code, &early["title"]), (404, &json!("Not Found")));

    let back = world.signicat().sign(id, "t1", &signer()).await.unwrap();
    assert_eq!(back.unwrap(), format!("https://rp.example/done?r={id}&t=t1"));
    let (_, body) = world.get(&status).await;
    assert_eq!(body["taskStatus"], "COMPLETED");

    // The signer is back before the document is ready.
    let (_, body) = world.get(&format!("{packaging}/status")).await;
    assert_eq!(body, json!({ "orderId": id, "packagingTaskId": "p1", "packagingTaskStatus": "CREATED" }));
    world.advance(2);
    let (_, body) = world.get(&format!("{packaging}/status")).await;
    assert_eq!(body["packagingTaskStatus"], "COMPLETED");
    assert_eq!(body["packagingTaskResultUri"], world.url(&format!("/enterprise/sign{packaging}/result")));
    let (_, packaged) = world.bytes(&format!("{packaging}/result")).await;
    let report = world.verified(&packaged, &pdf());
    assert_eq!(report.signatures.len(), 1, "the seal");

    let [embedded] = &evidence(&packaged)[..] else { panic!() };
    assert!(
        embedded.contains(&format!("<DocumentDigest algorithm=\"SHA-256\">{}<", sha256(&pdf()))),
        "{embedded}"
    );
    assert!(embedded.contains(">Ada Lovelace</Signer>"), "{embedded}");
    let (_, evidence) = world.bytes(&format!("/orders/{id}/tasks/t1/documents/doc/result")).await;
    assert_eq!(evidence, embedded.as_bytes());
    let (_, original) = world.bytes(&format!("/orders/{id}/tasks/t1/documents/doc/original")).await;
    assert_eq!(original, pdf());
}

#[tokio::test]
async fn two_signers_in_order_are_packaged_into_one_document() {
    let world = world().await;
    let document = world.document().await;
    let mut second = task("t2", &document);
    second["dependsOnTasks"] = json!(["t1"]);
    let body = json!({
        "tasks": [task("t1", &document), second], "packagingTasks": [packaging("p1", &["t1", "t2"])],
        "daysUntilDeletion": 7,
    });
    let created = world.create(&body).await;
    let id = created["id"].as_str().unwrap();
    let control = world.signicat();
    let refused = control.sign(id, "t2", &signer()).await.unwrap_err();
    assert!(refused.to_string().contains("not yet your turn"), "{refused}");
    control.sign(id, "t1", &signer()).await.unwrap();
    control.sign(id, "t2", &signer()).await.unwrap();
    world.advance(2);
    let (_, packaged) = world.bytes(&format!("/orders/{id}/packaging-tasks/p1/result")).await;
    world.verified(&packaged, &pdf());
    assert_eq!(evidence(&packaged).len(), 2);
}
