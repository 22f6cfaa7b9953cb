//! What the real server does to files and with the absurd, beyond single answers.

use esign_pdf::facts::Rect;
use esign_pdf::verify::Verdict;
use esign_pdf::{Limits, VerifyOptions, inspect, roots_from_pem, verify};
use serde_json::{Value, json};

use crate::support::{World, pdf, written};

fn signer(fields: &Value) -> Value {
    json!([{ "email": "a@lab.example", "name": "Ann", "role": "SIGNER", "fields": fields }])
}

fn field(page: f64, x: f64, y: f64) -> Value {
    json!({ "type": "SIGNATURE", "page": page, "positionX": x, "positionY": y, "width": 30, "height": 8 })
}

async fn sealed(world: &World, file: bytes::Bytes, fields: Value) -> (String, bytes::Bytes) {
    let payload = json!({
        "type": "DOCUMENT", "title": "T", "recipients": signer(&fields), "meta": { "distributionMethod": "NONE" },
    });
    let answer = world.create(&payload.to_string(), &[("a.pdf", "application/pdf", file)]).await;
    let id = answer.json.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.distribute(&id).await.status, 200);
    world.control().sign(&id, 0).await.unwrap();
    world.advance(3).await;
    let item = world.item(&id).await;
    (id, world.get(&format!("/envelope/item/{item}/download")).await.bytes)
}

#[tokio::test]
async fn a_seal_is_valid_and_the_file_is_another() {
    let world = World::new().await;
    let (id, signed) = sealed(&world, pdf(), json!([field(1.0, 10.0, 10.0)])).await;
    assert!(!signed.starts_with(&pdf()), "the file is written anew");
    let facts = inspect(&signed, &Limits::default()).unwrap();
    assert_eq!((facts.pages.len(), facts.version.as_str()), (3, "1.7"));
    assert_eq!(facts.signatures[0].name, "Signature_1");
    let mut options = VerifyOptions::new(world.sandbox.clock().now());
    options.roots = roots_from_pem(world.sandbox.root_pem().as_bytes()).unwrap();
    let report = verify(&signed, &options).unwrap();
    assert_eq!((report.signatures.len(), report.verdict), (1, Verdict::Passed), "{:?}", report.reasons);
    let drawn = world.control().drawn(&id).unwrap();
    let expected = Rect::new(59.5, 842.0 - 0.18 * 842.0, 0.3 * 595.0, 0.08 * 842.0);
    let close = |a: f64, b: f64| (a - b).abs() < 0.01;
    let got = drawn[0].2;
    assert!(
        close(got.x, expected.x) && close(got.y, expected.y) && close(got.width, expected.width),
        "{got:?}"
    );
}

/// Measured: field at 10/10, 30x8, so its ideal centre is at 25 % and 14 % of the page as shown.
#[tokio::test]
async fn marks_on_odd_pages_are_where_they_were_measured() {
    let own = "/Resources<<>>";
    for (root, page, centre) in [
        ("", "/MediaBox[0 0 595 842]", (25.2, 14.2)),
        ("", "/MediaBox[0 0 595 842]/Rotate 90", (25.2, 14.2)),
        ("", "/MediaBox[0 0 595 842]/Rotate 180", (25.2, 14.2)),
        ("", "/MediaBox[0 0 595 842]/Rotate 270", (25.2, 14.2)),
        ("", "/MediaBox[0 0 595 842]/CropBox[50 100 500 700]", (17.1, 16.5)),
        ("", "/MediaBox[100 200 695 1042]", (12.7, 17.5)),
        ("", "/MediaBox[0 0 595 842]/CropBox[50 100 500 700]/Rotate 90", (12.8, 4.7)),
        ("/MediaBox[0 0 595 842]", "", (26.0, 19.0)),
    ] {
        let world = World::new().await;
        let pages = format!("<</Type/Pages/Kids[3 0 R]/Count 1{root}>>");
        let page = format!("<</Type/Page/Parent 2 0 R{own}{page}>>");
        let file = written(&["<</Type/Catalog/Pages 2 0 R>>", &pages, &page]);
        let shown = inspect(&file, &Limits::default()).unwrap().pages[0].shown;
        let (id, _) = sealed(&world, file, json!([field(1.0, 10.0, 10.0)])).await;
        let mark = world.control().drawn(&id).unwrap()[0].2;
        let x = 100.0 * (mark.x + mark.width / 2.0) / shown.width;
        let y = 100.0 * (shown.height - mark.y - mark.height / 2.0) / shown.height;
        // Measured on pixels.
        assert!(
            (x - centre.0).abs() < 1.0 && (y - centre.1).abs() < 1.0,
            "{page}: {x:.1} {y:.1}, measured {centre:?}"
        );
    }
}

#[tokio::test]
async fn signatures_are_destroyed_and_texts_in_braces_become_fields() {
    let world = World::new().await;
    // A file that this sandbox has signed.
    let (_, signed) = sealed(&world, pdf(), json!([field(1.0, 10.0, 10.0)])).await;
    let payload = json!({ "type": "DOCUMENT", "title": "T", "recipients": signer(&json!([])) });
    let answer = world.create(&payload.to_string(), &[("a.pdf", "application/pdf", signed)]).await;
    let id = answer.json.unwrap()["id"].as_str().unwrap().to_owned();
    let item = world.item(&id).await;
    let kept = world.get(&format!("/envelope/item/{item}/download?version=original")).await.bytes;
    assert!(inspect(&kept, &Limits::default()).unwrap().signatures.is_empty());

    let content = "BT /F1 9 Tf 50 50 Td ({{signature, r1}}) Tj ET";
    let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
    let file = written(&[
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Contents 4 0 R>>",
        &stream,
    ]);
    let answer = world.create(&payload.to_string(), &[("a.pdf", "application/pdf", file)]).await;
    let id = answer.json.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.read(&id).await["fields"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_field_on_a_page_that_is_not_there_is_never_sealed() {
    let world = World::new().await;
    let (id, given) = sealed(&world, pdf(), json!([field(1.0, 10.0, 10.0), field(99.0, 10.0, 10.0)])).await;
    assert_eq!(given, pdf(), "the signed file is the unsigned one");
    for _ in 0..3 {
        world.advance(3600).await;
        assert_eq!(world.read(&id).await["status"], "PENDING");
    }
}

#[tokio::test]
async fn mails_go_once_and_reminders_each_time() {
    let world = World::new().await;
    let mut people = signer(&json!([field(1.0, 10.0, 10.0)]));
    people.as_array_mut().unwrap().push(json!({ "email": "cc@lab.example", "name": "Copy", "role": "CC" }));
    let payload = json!({
        "type": "DOCUMENT", "title": "T", "recipients": people,
        "meta": { "distributionMethod": "EMAIL", "subject": "Please sign {document.name}" },
    });
    let id = world.envelope(payload).await;
    assert!(world.sandbox.mailbox().is_empty(), "a draft sends nothing");
    world.distribute(&id).await;
    world.distribute(&id).await;
    let subjects = || world.sandbox.mailbox().iter().map(|m| m.subject.clone()).collect::<Vec<_>>();
    assert_eq!(subjects(), ["Please sign T"]);
    let first = world.read(&id).await["recipients"][0]["id"].clone();
    for recipients in [json!([first]), json!([999_999])] {
        let body = json!({ "envelopeId": id, "recipients": recipients });
        assert_eq!(world.post("/envelope/redistribute", body).await.status, 200);
    }
    assert_eq!(subjects(), ["Please sign T", "Reminder: Please sign T"]);
    assert_eq!(
        world.post("/envelope/redistribute", json!({ "envelopeId": id, "recipients": [] })).await.status,
        400
    );
    world.control().sign(&id, 0).await.unwrap();
    world.advance(3).await;
    assert_eq!(
        subjects().iter().filter(|s| s.starts_with("Signing Complete!")).count(),
        3,
        "both, and the owner"
    );
}

/// The page notes who opens it, keeps the turn and leads on verbatim.
#[tokio::test]
async fn the_page_of_a_signer() {
    let world = World::new().await;
    let person = |email: &str, order: u32| json!({ "email": email, "name": "P", "role": "SIGNER", "signingOrder": order, "fields": [field(1.0, 10.0, 10.0)] });
    let payload = json!({
        "type": "DOCUMENT", "title": "T", "recipients": [person("a@lab.example", 1), person("b@lab.example", 2)],
        "meta": { "distributionMethod": "NONE", "signingOrder": "SEQUENTIAL", "redirectUrl": "https://app.lab.example/done?x=1" },
    });
    let id = world.envelope(payload).await;
    let link = |n: usize| world.control().envelope(&id).unwrap().recipients[n].signing_link.clone();
    let http = browser();
    assert_eq!(http.get(link(0)).send().await.unwrap().status(), 404, "a draft has no page");
    world.distribute(&id).await;
    let waiting = http.get(link(1)).send().await.unwrap();
    assert!(location(&waiting).ends_with("/waiting"));
    assert_eq!(http.get(link(0)).send().await.unwrap().status(), 200);
    assert_eq!(world.read(&id).await["recipients"][0]["readStatus"], "OPENED");
    let early = http.post(link(1)).form(&[("action", "sign")]).send().await.unwrap();
    assert!(location(&early).ends_with("/waiting"));
    let done = http.post(link(0)).form(&[("action", "sign"), ("name", "Ann Typed")]).send().await.unwrap();
    assert_eq!(location(&done), "https://app.lab.example/done?x=1");
    assert_eq!(world.read(&id).await["recipients"][0]["name"], "Ann Typed");
}

fn location(response: &reqwest::Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

#[allow(
    clippy::disallowed_methods,
    reason = "the sandbox shares nothing with the adapters, esign-http included"
)]
fn browser() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
