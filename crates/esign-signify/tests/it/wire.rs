//! What we send, byte by byte, and what each answer means.

use esign_core::{
    CancelOutcome, Corner, Error, ErrorKind, Origin, Placement, ProbeVerdict, Resolution, Retry, SignRequest,
    Step, Submission,
};
use esign_signify::DocumentId;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{KEY, client, one_by_email, one_by_link, place, provider, two_by_email};

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/public/v2/documents")).respond_with(answer).mount(&server).await;
    server
}

async fn submit(server: &MockServer, settings: Value, request: SignRequest) -> Result<Submission, Error> {
    let (client, _) = client(&server.uri(), settings).await;
    let prepared = client.prepare(request).await.unwrap();
    client.submit(prepared).await
}

/// The body with a fixed boundary and plain line ends.
fn body_of(request: &Request) -> String {
    let content_type = request.headers["content-type"].to_str().unwrap();
    let (kind, boundary) = content_type.split_once("; boundary=").unwrap();
    assert_eq!(kind, "multipart/form-data");
    String::from_utf8(request.body.clone()).unwrap().replace(boundary, "BOUNDARY").replace("\r\n", "\n")
}

fn small(mut request: SignRequest) -> SignRequest {
    let name = request.documents[0].name().to_owned();
    request.documents = vec![esign_core::Document::pdf(name, "%PDF-1.7\n%%EOF")];
    request
}

#[tokio::test]
async fn a_create_by_email() {
    let server = answering(ResponseTemplate::new(200).set_body_json(json!({ "documentId": 20 }))).await;
    let mut request = small(two_by_email())
        .message("Please sign; \"soon\"")
        .return_url("https://www.agency.gov.sg/done?id=1".parse().unwrap());
    request.signers[0].placements =
        vec![place(1, "0.10", "0"), Placement::fractions(2, 0.5, 0.25, Origin::TopLeft, Corner::TopLeft)];
    request.signers[1].message = Some("Dear landlord".to_owned());
    let submission = submit(&server, json!({ "placement_origin": "top-left" }), request).await.unwrap();

    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(sent.headers["content-length"], sent.body.len().to_string());
    insta::assert_snapshot!(body_of(sent), @r#"
    --BOUNDARY
    Content-Disposition: form-data; name="documentName"

    Lease 12
    --BOUNDARY
    Content-Disposition: form-data; name="documentMode"

    email
    --BOUNDARY
    Content-Disposition: form-data; name="recipients"

    [{"email":"Tenant@agency.gov.sg","requiredSignatures":[{"page":1,"positionX":0.10,"positionY":0},{"page":2,"positionX":0.5,"positionY":0.25}],"customMessage":"Please sign; \"soon\""},{"email":"landlord@agency.gov.sg","requiredSignatures":[{"page":1,"positionX":0.5,"positionY":0.5}],"customMessage":"Dear landlord"}]
    --BOUNDARY
    Content-Disposition: form-data; name="redirectUrl"

    https://www.agency.gov.sg/done?id=1
    --BOUNDARY
    Content-Disposition: form-data; name="file"; filename="document.pdf"
    Content-Type: application/pdf

    %PDF-1.7
    %%EOF
    --BOUNDARY--
    "#);
    assert_eq!(submission.handle.request().id(), "20");
    let steps: Vec<_> = submission.next_steps.iter().map(|s| (s.signer.as_str(), &s.step)).collect();
    assert_eq!(steps, [("tenant", &Step::EmailSent), ("landlord", &Step::EmailSent)]);
}

#[tokio::test]
async fn a_create_by_link_merges_the_places_of_all_signers() {
    let link = "https://app.signify.gov.sg/documents/sign/01hfk78xjafvn9n8xn084a9rsn";
    let body = json!({ "documentId": "3", "signingLinks": [{ "signingLink": link, "totalSignatures": 2 }] });
    let server = answering(ResponseTemplate::new(201).set_body_json(body)).await;
    let mut request = small(two_by_email());
    request.delivery = esign_core::Delivery::ShareableLink;
    let submission =
        submit(&server, json!({ "adapt": ["shared_link"], "reference_in_name": "off" }), request)
            .await
            .unwrap();

    insta::assert_snapshot!(body_of(&server.received_requests().await.unwrap()[0]), @r#"
    --BOUNDARY
    Content-Disposition: form-data; name="documentName"

    Lease 12
    --BOUNDARY
    Content-Disposition: form-data; name="documentMode"

    link
    --BOUNDARY
    Content-Disposition: form-data; name="totalSignaturesByLink"

    [{"requiredSignatures":[{"page":1,"positionX":0.1,"positionY":0.2},{"page":2,"positionX":0.1,"positionY":0.2},{"page":1,"positionX":0.5,"positionY":0.5}]}]
    --BOUNDARY
    Content-Disposition: form-data; name="file"; filename="document.pdf"
    Content-Type: application/pdf

    %PDF-1.7
    %%EOF
    --BOUNDARY--
    "#);
    for step in &submission.next_steps {
        let Step::OpenLink { url, open_before: None, shared: true } = &step.step else { panic!("{step:?}") };
        assert_eq!(url.expose().as_str(), link);
    }
    let notes = submission.record.notes().join("\n");
    assert!(notes.contains("not bound to signers") && notes.contains("counts 2 signatures"), "{notes}");
}

#[tokio::test]
async fn the_reference_in_the_name_is_sent_and_recorded() {
    let server = answering(ResponseTemplate::new(200).set_body_json(json!({ "documentId": 20 }))).await;
    let mut request = small(one_by_email("Lease 12"));
    request.reference = esign_core::Reference::new("INV-1").unwrap();
    let submission = submit(&server, json!({ "reference_in_name": "suffix" }), request).await.unwrap();
    let body = body_of(&server.received_requests().await.unwrap()[0]);
    assert!(body.contains("\n\nLease 12 (INV-1)\n--"), "{body}");
    assert!(submission.record.notes()[0].contains("Lease 12 (INV-1)"));
}

/// Every status, with the bodies that were seen or are likely (spec 3.6): the error's kind, what a repetition would mean,
/// and how often the create was sent.
#[tokio::test]
async fn each_status_of_a_create() {
    use ErrorKind::*;
    let plain = json!({ "message": "Unauthorized" }).to_string();
    let nest =
        json!({ "statusCode": 400, "message": ["first fault", "second fault"], "error": "Bad Request" })
            .to_string();
    let html = "<html><body>marker</body></html>".to_owned();
    for (status, kind, retry, sent) in [
        (302, UnexpectedAnswer, Retry::OutcomeUnknown, 1),
        (400, InvalidRequest, Retry::Never, 1),
        (401, Unauthenticated, Retry::Never, 1),
        (402, Provider, Retry::OutcomeUnknown, 1),
        (403, Forbidden, Retry::Never, 1),
        (404, NotFound, Retry::Never, 1),
        (408, Provider, Retry::OutcomeUnknown, 1),
        (409, Conflict, Retry::Never, 1),
        (413, TooLarge, Retry::Never, 1),
        (415, InvalidRequest, Retry::Never, 1),
        (422, InvalidRequest, Retry::Never, 1),
        (429, RateLimited, Retry::Exhausted, 5),
        (500, Provider, Retry::OutcomeUnknown, 1),
        (502, Provider, Retry::OutcomeUnknown, 1),
        (503, Provider, Retry::OutcomeUnknown, 1),
        (504, Provider, Retry::OutcomeUnknown, 1),
    ] {
        for (body, content_type, words) in [
            (&plain, "application/json", Some("Unauthorized")),
            (&nest, "application/json", Some("first fault; second fault")),
            (&html, "text/html", Some("HTML page")),
            (&String::new(), "text/plain", None),
        ] {
            let answer = ResponseTemplate::new(status).set_body_raw(body.as_bytes(), content_type);
            let server = answering(answer).await;
            let error = submit(&server, json!({}), small(one_by_email("Lease 12"))).await.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{status} {body}: {error}");
            assert_eq!(error.http_status(), Some(status), "{error}");
            match words {
                Some(words) => assert!(error.provider_words().unwrap().contains(words), "{status}: {error}"),
                None => assert_eq!(error.provider_words(), None, "{status}: {error}"),
            }
            assert!(!format!("{error} {error:?}").contains("marker"), "{error:?}");
            assert_eq!(server.received_requests().await.unwrap().len(), sent, "{status}");
        }
    }
}

#[tokio::test]
async fn a_429_is_waited_out_and_creates_one_document() {
    for retry_after in [None, Some("7")] {
        let server = MockServer::start().await;
        let mut busy = ResponseTemplate::new(429).set_body_json(json!({ "message": "Too Many Requests" }));
        if let Some(seconds) = retry_after {
            busy = busy.insert_header("retry-after", seconds);
        }
        Mock::given(method("POST")).respond_with(busy).up_to_n_times(2).mount(&server).await;
        let made = ResponseTemplate::new(200).set_body_json(json!({ "documentId": 20 }));
        Mock::given(method("POST")).respond_with(made).mount(&server).await;

        let (client, clock) = client(&server.uri(), json!({})).await;
        let before = esign_core::Clock::now(&clock);
        let prepared = client.prepare(small(one_by_email("Lease 12"))).await.unwrap();
        client.submit(prepared).await.unwrap();
        assert_eq!(server.received_requests().await.unwrap().len(), 3);
        let waited = esign_core::Clock::now(&clock).duration_since(before).as_secs_f64();
        assert!(waited >= if retry_after.is_some() { 14.0 } else { 0.5 }, "{waited}");
    }
}

#[tokio::test]
async fn an_odd_answer_after_success_leaves_the_outcome_unknown() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "20",
        "{\"documentId\":",
        r#"{"documentId":null}"#,
        r#"{"documentId":""}"#,
        r#"{"documentId":1.5}"#,
        r#"{"documentId":{}}"#,
        r#"{"data":{"documentId":1}}"#,
        "<html>login</html>",
        r#"{"message":"queued for later"}"#,
        r#"{"message":"see https://x.gov.sg/marker"}"#,
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let error = submit(&server, json!({}), small(one_by_email("Lease 12"))).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{body}: {error}");
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{body}: {error}");
        assert!(!format!("{error} {error:?}").contains("marker"), "{error:?}");
        if body.contains("queued") {
            assert_eq!(error.provider_words(), Some("queued for later"));
        }
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_missing_link_is_read_from_the_document_and_else_noted() {
    let link = "https://app.signify.gov.sg/documents/sign/01hfk78xjafvn9n8xn084a9rsn";
    for (invitations, found) in [
        (json!([{ "signingLink": link, "status": "draft", "totalSignatures": 1 }]), true),
        (json!([]), false),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_json(json!({ "documentId": 3 }))).await;
        let details = json!({ "id": 3, "status": "draft", "signingInvitations": invitations });
        Mock::given(method("GET"))
            .and(path("/public/v2/documents/3"))
            .respond_with(ResponseTemplate::new(200).set_body_json(details))
            .mount(&server)
            .await;
        let submission = submit(&server, json!({}), small(one_by_link("Lease 12"))).await.unwrap();
        assert_eq!(submission.handle.request().id(), "3");
        let missing = submission.next_steps[0].step == Step::LinkMissing { later: true };
        assert!(submission.next_steps.len() == 1 && missing != found, "{:?}", submission.next_steps);
        assert_eq!(submission.record.notes().is_empty(), found);
    }
}

#[tokio::test]
async fn a_deletion_is_what_the_guide_documents_or_what_is_seen() {
    let details = json!({ "id": 3, "status": "draft", "signingInvitations": [] });
    let not_found = json!({ "message": "no Route matched with those values" });
    let deleted =
        |status: u16| ResponseTemplate::new(status).set_body_json(json!({ "message": "Document deleted" }));
    let there = || ResponseTemplate::new(200).set_body_json(&details);
    let gone = || ResponseTemplate::new(404).set_body_json(&not_found);
    for (answer, look, expected) in [
        (deleted(200), there(), Some(true)),
        (ResponseTemplate::new(200).set_body_string("<html>Log in</html>"), there(), None),
        (ResponseTemplate::new(202), there(), None),
        (ResponseTemplate::new(200).set_body_json(json!({ "error": "maintenance" })), there(), None),
        (gone(), there(), None),
        (ResponseTemplate::new(204), gone(), Some(true)),
        (gone(), gone(), Some(false)),
    ] {
        let server = answering(ResponseTemplate::new(500)).await;
        Mock::given(method("DELETE")).respond_with(answer).with_priority(1).mount(&server).await;
        Mock::given(method("GET")).respond_with(look).with_priority(1).mount(&server).await;
        let (client, _) = client(&server.uri(), json!({})).await;
        let deleted = provider(&client).client().delete(&DocumentId::new("3")).await;
        match (deleted, expected) {
            (Ok(by_us), Some(expected)) => assert_eq!(by_us, expected),
            (Err(error), None) => {
                assert!(error.message().contains("still there") && error.retry() == Retry::SAFE, "{error}");
            }
            (other, _) => panic!("{other:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn an_id_cannot_lead_anywhere_else() {
    let server =
        answering(ResponseTemplate::new(200).set_body_json(json!({ "documentId": "a/b?c=d#e" }))).await;
    Mock::given(method("DELETE"))
        .and(path("/public/v2/documents/a%2Fb%3Fc=d%23e"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "message": "Document deleted" })))
        .expect(1)
        .mount(&server)
        .await;
    let (client, _) = client(&server.uri(), json!({})).await;
    let prepared = client.prepare(small(one_by_email("Lease 12"))).await.unwrap();
    let handle = client.submit(prepared).await.unwrap().handle;
    assert!(client.erase(&handle).await.unwrap());
}

#[tokio::test]
async fn a_list_in_a_wrapper_is_an_error_and_not_an_empty_list() {
    for body in [
        json!({ "data": [] }).to_string(),
        json!({ "documents": [] }).to_string(),
        "<html></html>".to_owned(),
        json!([{ "id": 1 }]).to_string(),
        json!([{ "id": 1, "status": "draft" }]).to_string(),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_raw(body.as_bytes(), "application/json");
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        let (client, _) = client(&server.uri(), json!({})).await;
        let prepared = client.prepare(small(one_by_email("Lease 12"))).await.unwrap();
        let error = client.resolve(prepared.intent()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::UnexpectedAnswer, Retry::Never),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_deletion_that_is_refused_is_looked_into() {
    for (status, signed, outcome) in [
        (400, true, Some(CancelOutcome::TooLate)),
        (409, true, Some(CancelOutcome::TooLate)),
        (400, false, None),
        (403, false, None),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_json(json!({ "documentId": 3 }))).await;
        let word = if signed { "signed" } else { "draft" };
        let details = json!({ "id": "3", "status": word, "signingInvitations": [] });
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(details))
            .mount(&server)
            .await;
        Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        let (client, _) = client(&server.uri(), json!({})).await;
        let prepared = client.prepare(small(one_by_email("Lease 12"))).await.unwrap();
        let handle = client.submit(prepared).await.unwrap().handle;

        let documents = esign_core::Provider::documents(&*provider(&client)).unwrap();
        let cancelled = documents.cancel(handle.request()).await;
        match outcome {
            Some(outcome) => assert_eq!(cancelled.unwrap(), outcome),
            None => assert_eq!(cancelled.unwrap_err().http_status(), Some(status)),
        }
        let error = client.erase(&handle).await.unwrap_err();
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Conflict, Some(status)), "{error}");
    }
}

#[tokio::test]
async fn gone_on_the_second_try_of_a_deletion() {
    let server = MockServer::start().await;
    let lost = ResponseTemplate::new(502);
    Mock::given(method("DELETE")).respond_with(lost).up_to_n_times(1).mount(&server).await;
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let (client, _) = client(&server.uri(), json!({})).await;
    let id = DocumentId::new("3");
    assert!(provider(&client).client().delete(&id).await.unwrap(), "the lost attempt deleted it");
    assert!(!provider(&client).client().delete(&id).await.unwrap());
}

#[tokio::test]
async fn a_probe_tells_of_the_key_and_of_the_clock() {
    let probe = async |answer: ResponseTemplate| {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/public/v2/documents"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let (client, _) = client(&server.uri(), json!({})).await;
        client.probe("s").await.map(|r| r.checks.into_iter().map(|c| (c.name, c.verdict)).collect::<Vec<_>>())
    };
    use ProbeVerdict::*;
    for (date, verdict) in [
        ("Mon, 02 Mar 2026 01:00:20 GMT", Good),
        ("Mon, 02 Mar 2026 00:58:00 GMT", Warning),
        ("Mon, 02 Mar 2026 01:06:00 GMT", Bad),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(json!([])).insert_header("date", date);
        assert_eq!(probe(answer).await.unwrap(), [("credentials", Good), ("clock", verdict)], "{date}");
    }
    let refused = ResponseTemplate::new(401).set_body_json(json!({ "message": "Unauthorized" }));
    assert_eq!(probe(refused).await.unwrap(), [("credentials", Bad)]);
    for other in ["<html>log in</html>", "null", "{\"data\":[]}", ""] {
        let answer = ResponseTemplate::new(200).set_body_string(other).insert_header("date", "x");
        assert_eq!(probe(answer).await.unwrap(), [("credentials", Bad)], "{other}");
    }
    assert_eq!(probe(ResponseTemplate::new(503)).await.unwrap_err().kind(), ErrorKind::Provider);
}

#[tokio::test]
async fn a_wrong_clock_of_ours_does_not_hide_a_document() {
    // Signify's clock says 00:00 where ours says 01:00; the document was created by Signify's clock.
    for (created_at, date, found) in [
        ("2026-03-02T00:00:10.000Z", Some("Mon, 02 Mar 2026 00:00:40 GMT"), true),
        ("2026-03-02T00:00:10.000Z", None, false),
        ("2026-03-02T01:59:00.000Z", Some("Mon, 02 Mar 2026 02:00:00 GMT"), true),
        ("2026-03-01T12:00:00.000Z", Some("Mon, 02 Mar 2026 00:00:40 GMT"), false),
    ] {
        let server = MockServer::start().await;
        let entry = json!({ "id": 1, "documentName": "Lease 12", "documentMode": "email", "status": "draft", "createdAt": created_at });
        let details =
            json!({ "id": 1, "documentName": "Lease 12", "status": "draft", "signingInvitations": [] });
        let list = ResponseTemplate::new(200).set_body_json(json!([entry]));
        // The mock server writes today's date where none is given: far away from the test's clock, and unreadable here.
        let list = list.insert_header("date", date.unwrap_or("never"));
        Mock::given(path("/public/v2/documents")).respond_with(list).mount(&server).await;
        let single = ResponseTemplate::new(200).set_body_json(details);
        Mock::given(path("/public/v2/documents/1")).respond_with(single).mount(&server).await;
        let (client, _) = client(&server.uri(), json!({})).await;
        let prepared = client.prepare(small(one_by_email("Lease 12"))).await.unwrap();
        let resolution = client.resolve(prepared.intent()).await.unwrap();
        assert_eq!(
            matches!(resolution, Resolution::Candidates(_)),
            found,
            "{created_at} {date:?}: {resolution:?}"
        );
        assert_eq!(matches!(resolution, Resolution::NotFound), !found);
    }
}

#[tokio::test]
async fn a_document_is_not_confused_with_another() {
    let server = MockServer::start().await;
    let details = json!({ "id": 4, "status": "signed", "signingInvitations": [] });
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(details))
        .mount(&server)
        .await;
    let (client, _) = client(&server.uri(), json!({})).await;
    let error = provider(&client).client().get(&DocumentId::new("3")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{error}");
}
