//! The rules of a create (specification section 3.1 and its test vectors).

use esign_sandbox::signify::{ErrorStyle, IdStyle, MessageStyle};
use futures_util::stream;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{BY_LINK, Fields, RECIPIENTS, pdf, pdf_with, signatures, world, world_with};

#[tokio::test]
async fn the_answers_are_those_of_the_guide() {
    let world = world().await;
    // A number in email mode, text in link mode.
    assert_eq!(world.create(&Fields::email()).await, json!({ "documentId": 1 }));
    let created = world.create(&Fields::link()).await;
    let link = created["signingLinks"][0]["signingLink"].as_str().unwrap();
    let prefix = world.url("/documents/sign/");
    assert_eq!(link.strip_prefix(&prefix).map(str::len), Some(26), "{link}");
    let expected = json!({
        "documentId": "2",
        "signingLinks": [{ "signingLink": link, "totalSignatures": 2 }],
    });
    assert_eq!(created, expected);
}

#[tokio::test]
async fn ids_and_the_status_can_be_switched() {
    for (ids, email, link) in [
        (IdStyle::AsDocumented, json!(1), json!("2")),
        (IdStyle::Numbers, json!(1), json!(2)),
        (IdStyle::Strings, json!("1"), json!("2")),
    ] {
        let world = world_with(|s| s.settings(|settings| settings.ids = ids)).await;
        assert_eq!(world.create(&Fields::email()).await["documentId"], email, "{ids:?}");
        assert_eq!(world.create(&Fields::link()).await["documentId"], link, "{ids:?}");
        let listed = world.read("1").await["id"].clone();
        assert_eq!(listed, if ids == IdStyle::Strings { json!("1") } else { json!(1) }, "{ids:?}");
    }
    let world = world_with(|s| s.settings(|settings| settings.created_is_201 = true)).await;
    assert_eq!(world.post(Fields::email().form()).await.status(), 201);
}

/// Fields that break one rule, and words of the refusal.
fn refused() -> Vec<(Fields, &'static str)> {
    let email = Fields::email;
    let link = Fields::link;
    let recipients = |text: &str| email().with("recipients", text.to_owned());
    let placed = |place: &str| {
        recipients(&format!(r#"[{{"email":"a@agency.gov.sg","requiredSignatures":[{place}]}}]"#))
    };
    let message = |message: &str| {
        let signatures = signatures(1);
        recipients(&format!(
            r#"[{{"email":"a@agency.gov.sg","requiredSignatures":{signatures},"customMessage":{message}}}]"#
        ))
    };
    let addressed = |address: &str| {
        let signatures = signatures(1);
        recipients(&format!(r#"[{{"email":"{address}","requiredSignatures":{signatures}}}]"#))
    };
    let signed = |count: usize| {
        let signatures = signatures(count);
        recipients(&format!(r#"[{{"email":"a@agency.gov.sg","requiredSignatures":{signatures}}}]"#))
    };
    let by_link = |text: String| link().with("totalSignaturesByLink", text);
    let one_link = format!(r#"{{"requiredSignatures":{}}}"#, signatures(1));
    let twice = format!(
        r#"[{{"email":"a@agency.gov.sg","requiredSignatures":{0}}},{{"email":"A@Agency.gov.sg","requiredSignatures":{0}}}]"#,
        signatures(1)
    );
    let mut cases = vec![
        (email().without("documentName"), "documentName is required"),
        (email().with("documentName", ""), "at least 4"),
        (email().with("documentName", "abc"), "at least 4"),
        (email().with("documentName", "a".repeat(101)), "at most 100"),
        (email().without("recipients"), "recipients is required"),
        (email().file(None), "file is required"),
        (email().file(Vec::new()), "not an acceptable PDF"),
        (email().with("documentMode", "fax"), "documentMode"),
        (email().with("documentMode", "Link"), "documentMode"),
        (email().with("documentMode", ""), "documentMode"),
        (email().with("documentMode", "\"email\""), "documentMode"),
        // Without a mode it is email mode, where recipients are needed.
        (link().without("documentMode"), "recipients is required"),
        (link().without("totalSignaturesByLink"), "totalSignaturesByLink is required"),
        (link().with("recipients", RECIPIENTS), "recipients is for"),
        (email().with("totalSignaturesByLink", BY_LINK), "totalSignaturesByLink is for"),
        (recipients("[{"), "not valid JSON"),
        (recipients(""), "not valid JSON"),
        (recipients("{}"), "recipients must be an array"),
        (recipients("[]"), "must not be empty"),
        (recipients("[1]"), "recipients.0 must be an object"),
        (recipients(r#"[{"email":"a@agency.gov.sg"}]"#), "recipients.0.requiredSignatures must be an array"),
        (recipients(&format!(r#"[{{"requiredSignatures":{}}}]"#, signatures(1))), "recipients.0.email"),
        (recipients(&twice), "recipients.1.email is not unique"),
        (signed(0), "1 to 20"),
        (signed(21), "1 to 20"),
        (message("\"\""), "customMessage"),
        (message("7"), "customMessage"),
        (message("null"), "customMessage"),
        (message(&format!("\"{}\"", "é".repeat(1001))), "customMessage"),
        (placed("{}"), "requiredSignatures.0.page"),
        (placed(r#"{"page":0,"positionX":0.1,"positionY":0.1}"#), "requiredSignatures.0.page"),
        (placed(r#"{"page":1.5,"positionX":0.1,"positionY":0.1}"#), "requiredSignatures.0.page"),
        (placed(r#"{"page":"1","positionX":0.1,"positionY":0.1}"#), "requiredSignatures.0.page"),
        (placed(r#"{"page":3,"positionX":0.1,"positionY":0.1}"#), "page 3 does not exist"),
        (placed(r#"{"page":1,"positionX":-0.01,"positionY":0.1}"#), "requiredSignatures.0.positionX"),
        (placed(r#"{"page":1,"positionX":0.1,"positionY":1.01}"#), "requiredSignatures.0.positionY"),
        (placed(r#"{"page":1,"positionX":"0.1","positionY":0.1}"#), "requiredSignatures.0.positionX"),
        (placed(r#"{"page":1,"positionX":0.1}"#), "requiredSignatures.0.positionY"),
        (by_link("[]".to_owned()), "length exactly 1"),
        (by_link(format!("[{one_link},{one_link}]")), "length exactly 1"),
        (by_link(one_link), "must be an array"),
        (by_link(format!(r#"[{{"requiredSignatures":{}}}]"#, signatures(21))), "1 to 20"),
        (email().file(b"GIF89a".to_vec()), "not an acceptable PDF"),
        (email().file(b"%PDF-1.7\n garbage".to_vec()), "not an acceptable PDF"),
        (email().file([b"junk\n".to_vec(), pdf(2)].concat()), "not an acceptable PDF"),
        (email().file(pdf_with(2, "/Encrypt 9 0 R")), "not an acceptable PDF"),
        (email().file(vec![b' '; 10_000_001]), "10000000 bytes"),
    ];
    // Characters outside the guide's set, and whole alphabets.
    let names = [",", ":", "+", "#", "@", "[", "\\", "?", "é", "名", "த", "\n"];
    cases.extend(names.map(|odd| (email().with("documentName", format!("Name {odd}")), "may only contain")));
    let addresses = ["", "a", "a@", "@b.sg", "a@b", "a b@c.sg", "a@b@c.sg", "a@b..sg", "<EMAIL_1>"];
    cases.extend(addresses.map(|address| (addressed(address), "recipients.0.email must be")));
    let urls = [
        "",
        "agency.gov.sg",
        "http://agency.gov.sg/",
        "ftp://agency.gov.sg/",
        "https://agency.gov.sg.evil.com/",
        "https://evilgov.sg/",
        "https://agency.gov.sg@evil.com/",
        "https://user@agency.gov.sg/",
        "https://user:secret@agency.gov.sg/",
        "https://evil.com/agency.gov.sg",
        "https://evil.com/?agency.gov.sg",
        "https://127.0.0.1/",
    ];
    cases.extend(urls.map(|url| (email().with("redirectUrl", url), "redirectUrl must have the https")));
    cases
}

#[tokio::test]
async fn what_breaks_a_rule_gets_400_and_creates_nothing() {
    let world = world_with(|s| s.settings(|settings| settings.rate_limit = None)).await;
    for (index, (fields, words)) in refused().into_iter().enumerate() {
        let response = world.post(fields.form()).await;
        let (status, body) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, 400, "case {index}, {words}: {body}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(words), "case {index}: expected {words:?} in {message:?}");
    }
    assert!(world.sandbox.signify().documents().is_empty());
    assert!(world.sandbox.mailbox().is_empty());
}

#[tokio::test]
async fn what_keeps_the_rules_is_accepted() {
    let email = Fields::email;
    let recipients = |text: String| email().with("recipients", text);
    let one = |more: &str, signatures: &str| {
        format!(r#"[{{"email":"a@agency.gov.sg","requiredSignatures":{signatures}{more}}}]"#)
    };
    let twenty = signatures(20);
    let forty = format!(
        r#"[{{"email":"a@agency.gov.sg","requiredSignatures":{twenty}}},{{"email":"b@agency.gov.sg","requiredSignatures":{twenty}}}]"#
    );
    let corner = r#"[{"page":2.0,"positionX":1,"positionY":0}]"#;
    let accepted = [
        email().with("documentMode", "email"),
        email().with("documentName", "abcd"),
        email().with("documentName", "a".repeat(100)),
        email().with("documentName", r#"aZ09_-./() &`;'""#),
        email().with("documentName", "\"Document 1\""),
        email().with("redirectUrl", "https://gov.sg"),
        email().with("redirectUrl", "https://www.agency.gov.sg:8443/done?case=1#top"),
        email().with("somethingNew", "ignored"),
        recipients(one("", &twenty)),
        recipients(forty),
        recipients(one(&format!(r#","customMessage":"{}""#, "é".repeat(1000)), &signatures(1))),
        recipients(one(r#","phone":"ignored""#, corner)),
        Fields::link().with("redirectUrl", "https://agency.gov.sg/done"),
    ];
    let world = world().await;
    for (index, fields) in accepted.iter().enumerate() {
        let response = world.post(fields.form()).await;
        let status = response.status();
        assert_eq!(status, 200, "case {index}: {}", response.text().await.unwrap());
    }
    assert_eq!(world.sandbox.signify().documents().len(), accepted.len());
}

#[tokio::test]
async fn undocumented_limits_are_switches() {
    let forty = format!(
        r#"[{{"email":"a@agency.gov.sg","requiredSignatures":{0}}},{{"email":"b@agency.gov.sg","requiredSignatures":{0}}}]"#,
        signatures(20)
    );
    let corner = Fields::email().with(
        "recipients",
        r#"[{"email":"a@agency.gov.sg","requiredSignatures":[{"page":1,"positionX":1,"positionY":0}]}]"#,
    );
    let world = world_with(|s| {
        s.settings(|settings| {
            settings.max_signatures = Some(30);
            settings.allow_one = false;
            settings.max_file_bytes = 100;
            settings.too_large_is_413 = true;
        })
    })
    .await;
    assert_eq!(world.post(Fields::email().form()).await.status(), 413);
    world.sandbox.signify().change(|settings| settings.max_file_bytes = 10_000_000);
    assert_eq!(world.post(Fields::email().with("recipients", forty).form()).await.status(), 400);
    assert_eq!(world.post(corner.form()).await.status(), 400);
    let loopback = Fields::email().with("redirectUrl", "http://127.0.0.1:3000/done");
    assert_eq!(world.post(loopback.form()).await.status(), 400);
    world.sandbox.signify().change(|settings| settings.allow_loopback_redirect = true);
    assert_eq!(world.post(loopback.form()).await.status(), 200);
}

#[tokio::test]
async fn error_bodies_have_several_styles() {
    let bad = Fields::email().without("documentName").without("recipients");
    let text = "documentName is required; recipients is required";
    let list = json!(["documentName is required", "recipients is required"]);
    for (errors, messages, expected) in [
        (ErrorStyle::Plain, MessageStyle::Text, json!({ "message": text })),
        (ErrorStyle::Plain, MessageStyle::List, json!({ "message": list })),
        (
            ErrorStyle::Nest,
            MessageStyle::List,
            json!({ "message": list, "error": "Bad Request", "statusCode": 400 }),
        ),
    ] {
        let set = |settings: &mut esign_sandbox::signify::SignifySettings| {
            settings.errors = errors;
            settings.messages = messages;
        };
        let world = world_with(|s| s.settings(set)).await;
        let body: Value = world.post(bad.form()).await.json().await.unwrap();
        assert_eq!(body, expected);
        let unauthorized = world.http.get(world.url("/public/v2/documents")).send().await.unwrap();
        let expected = match errors {
            ErrorStyle::Nest => json!({ "message": "Unauthorized", "statusCode": 401 }),
            _ => json!({ "message": "Unauthorized" }),
        };
        assert_eq!(unauthorized.json::<Value>().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_key_is_needed() {
    let world = world().await;
    for authorization in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer wrong"),
        Some("sandbox_key"),
        Some("Basic sandbox_key"),
        Some("Bearer sandbox_key2"),
    ] {
        let mut request =
            world.http.post(world.url("/public/v2/documents")).multipart(Fields::email().form());
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{authorization:?}");
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "message": "Unauthorized" }));
    }
    assert!(world.sandbox.signify().documents().is_empty());
    let scheme_in_any_case =
        world.http.get(world.url("/public/v2/documents")).header("authorization", "bearer sandbox_key");
    assert_eq!(scheme_in_any_case.send().await.unwrap().status(), 200);
}

/// A body in which everything that HTTP leaves open is done the other way: parts in another order, names without
/// quotes, header names in lower case, no content types, no file name, unknown parts, sent in small chunks.
#[tokio::test]
async fn the_multipart_may_come_in_any_legal_form() {
    let mut body = Vec::new();
    let mut part = |disposition: &str, content: &[u8]| {
        body.extend_from_slice(b"--boundary\r\ncontent-disposition: form-data; ");
        body.extend_from_slice(disposition.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("name=file", &pdf(2));
    part("name=note; filename=note.txt", b"unknown");
    part("name=\"recipients\"", RECIPIENTS.as_bytes());
    part("name=documentName", b"Testing API");
    body.extend_from_slice(b"--boundary--\r\n");
    let chunks: Vec<_> = body.chunks(100).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    let world = world().await;
    let response = world
        .api(Method::POST, "v2/documents")
        .header("content-type", "multipart/form-data; boundary=\"boundary\"")
        .body(reqwest::Body::wrap_stream(stream::iter(chunks)))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
}

#[tokio::test]
async fn what_is_not_multipart_gets_400() {
    let world = world().await;
    let twice =
        "--b\r\ncontent-disposition: form-data; name=documentName\r\n\r\nabcd\r\n".repeat(2) + "--b--\r\n";
    for (content_type, body, words) in [
        ("application/json", "{}", "multipart/form-data"),
        ("multipart/form-data", "--b--\r\n", "boundary"),
        (
            "multipart/form-data; boundary=b",
            "--b\r\ncontent-disposition: form-data; name=x\r\n\r\n",
            "broken",
        ),
        ("multipart/form-data; boundary=b", "", "broken"),
        ("multipart/form-data; boundary=b", "--b--\r\n", "documentName is required"),
        ("multipart/form-data; boundary=b", &twice, "documentName must be given once"),
    ] {
        let request = world.api(Method::POST, "v2/documents").header("content-type", content_type);
        let response = request.body(body.to_owned()).send().await.unwrap();
        let (status, body) = (response.status(), response.json::<Value>().await.unwrap());
        assert_eq!(status, 400, "{content_type} {words}: {body}");
        assert!(body["message"].as_str().unwrap().contains(words), "{words}: {body}");
    }
}

#[tokio::test]
async fn invitations_go_to_the_mailbox_with_a_link_that_works() {
    let world = world().await;
    world.email_document().await;
    world.link_document().await;
    let mailbox = world.sandbox.mailbox();
    let to: Vec<_> = mailbox.iter().map(|message| message.to.as_str()).collect();
    assert_eq!(to, ["a@agency.gov.sg", "b@agency.gov.sg"]);
    assert!(mailbox[0].text.contains("Please sign on both pages."));
    for message in &mailbox {
        assert!(message.text.contains("not legal signatures"));
        let page = world.http.get(message.link.as_deref().unwrap()).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains(&message.to));
        assert!(!format!("{message:?}").contains("agency"));
    }
}
