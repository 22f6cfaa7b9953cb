//! Measured answers of a real server, byte for byte, read by the adapter.

use esign_core::{ArtifactId, ErrorKind, Handle, ResultState, Retry, State, StatusReport};
use esign_documenso::{EnvelopeId, EnvelopeStatus, SigningStatus};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{START, TOKEN, body, by_link, client_at, measured, provider, webhook};

const ID: &str = "envelope_zlvmiotztdyvltku";
const ITEM: &str = "envelope_item_mislowmyrrxcdwmr";

async fn serve(server: &MockServer, verb: &str, at: &str, answer: ResponseTemplate) {
    Mock::given(method(verb)).and(path(format!("/api/v2{at}"))).respond_with(answer).mount(server).await;
}

/// A handle of the measured envelope, as it is stored.
fn handle(at: &str) -> Handle {
    let stored = json!({
        "v": 1, "instance": "d", "kind": "documenso", "at": at, "id": ID, "reference": "ref-0001",
        "created_at": "2026-11-28T11:09:46Z",
        "private": {
            "by_email": false,
            "signers": [
                { "key": "tenant", "recipient": 9, "role": "SIGNER", "signatures": 1 },
                { "key": "landlord", "recipient": 10, "role": "SIGNER", "signatures": 1 },
                { "key": "copy", "recipient": 11, "role": "CC", "signatures": 0 },
            ],
            "documents": [{ "key": "document", "item": ITEM }],
            "links": "http://127.0.0.1:3400/sign/",
        },
    });
    Handle::from_stored(&stored.to_string()).unwrap()
}

async fn reported(answer: Value, now: &str) -> StatusReport {
    let server = MockServer::start().await;
    serve(&server, "GET", &format!("/envelope/{ID}"), ResponseTemplate::new(200).set_body_json(answer)).await;
    let (client, _) = client_at(&server.uri(), json!({}), now).await;
    let at = client.capabilities("d").unwrap().endpoint.fingerprint();
    client.status(&handle(&at)).await.unwrap()
}

/// The status of the measured envelope, whose id and recipients the handle knows.
async fn status(name: &str, now: &str) -> StatusReport {
    let mut answer = body(name);
    answer["id"] = json!(ID);
    reported(answer, now).await
}

#[tokio::test]
async fn each_measured_state_is_read() {
    const LATER: &str = "2026-11-28T11:20:00Z";
    for (name, state, is_final, result) in [
        ("get-draft", State::Pending, false, ResultState::NotReady),
        ("get-pending", State::Pending, false, ResultState::NotReady),
        ("get-pending-1-of-2", State::InProgress, false, ResultState::Partial),
        ("get-completed", State::Completed, true, ResultState::Ready { until: None }),
        ("get-rejected", State::Declined, true, ResultState::NotReady),
        ("get-cancelled", State::Cancelled, true, ResultState::NotReady),
        ("get-soft-deleted", State::Cancelled, true, ResultState::NotReady),
        ("get-expired", State::Expired, false, ResultState::NotReady),
    ] {
        let report = status(name, LATER).await;
        assert_eq!(
            (report.state(), report.standing.is_final(), report.result),
            (state, is_final, result),
            "{name}"
        );
    }
}

/// Those who get a copy count as signed at the server from the start, in a draft too.
#[tokio::test]
async fn copies_are_left_out_of_every_count() {
    let draft = status("get-draft", START).await;
    assert_eq!((draft.progress(), draft.signers.len()), ((0, Some(2)), 2));
    let half = status("get-pending-1-of-2", START).await;
    assert_eq!(half.progress(), (1, Some(2)));
    assert!(half.signers[0].completed[0].at.is_some());
    let [next] = half.next_steps.as_slice() else { panic!("{:?}", half.next_steps) };
    assert_eq!(next.signer, "landlord");
}

/// New keys anywhere, fields as text with exponents, recipients in any order, dead members: nothing of it disturbs.
#[tokio::test]
async fn what_means_nothing_is_passed_over() {
    let mut answer = body("get-pending");
    answer["brandNew"] = json!({ "a": [1] });
    answer["recipients"].as_array_mut().unwrap().reverse();
    for recipient in answer["recipients"].as_array_mut().unwrap() {
        recipient["expired"] = json!("never");
        recipient["later"] = json!(true);
    }
    answer["fields"][0]["positionX"] = json!("1e-7");
    answer["fields"][0]["positionY"] = json!("12.3456789012345");
    answer["completedAt"] = json!(17);
    answer["createdAt"] = json!("no time");
    let report = reported(answer.clone(), START).await;
    assert_eq!((report.state(), report.created_at), (State::Pending, None));
    assert_eq!(report.signers[0].key.as_deref(), Some("tenant"));
    answer["status"] = json!("ARCHIVED");
    let report = reported(answer, START).await;
    assert_eq!((report.state(), report.provider_status.as_deref()), (State::Unrecognised, Some("ARCHIVED")));
}

/// `completedAt` is set by rejection and cancellation, `signedAt` by rejection: neither counts.
#[tokio::test]
async fn times_that_say_something_else_are_not_believed() {
    let mut answer = body("get-rejected");
    answer["id"] = json!(ID);
    answer["status"] = json!("PENDING");
    answer["recipients"][0]["id"] = json!(9);
    let report = reported(answer, START).await;
    assert_eq!((report.state(), report.standing.is_final()), (State::Declined, false));
    assert!(report.signers[0].completed.is_empty(), "a rejection is no signature");
}

/// An expired token is a 400, on downloads a 500; a wrong one a 401. The code at the top means nothing.
#[tokio::test]
async fn tokens_that_are_wrong_or_over() {
    let expired_download = r#"{"error":"Something went wrong","code":"EXPIRED_CODE"}"#;
    for (answer, words) in [
        (measured("err-bad-token"), "did not accept the credentials"),
        (measured("err-expired-token"), "has expired"),
        (ResponseTemplate::new(500).set_body_raw(expired_download, "application/json"), "has expired"),
    ] {
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        let (client, _) = client_at(&server.uri(), json!({}), START).await;
        let at = client.capabilities("d").unwrap().endpoint.fingerprint();
        let error = client.download(&handle(&at), &ArtifactId::EVIDENCE).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never), "{error}");
        assert!(error.message().contains(words), "{error}");
        let sent = server.received_requests().await.unwrap();
        assert_eq!(sent.len(), 1, "not repeated");
        assert_eq!(sent[0].headers["authorization"], format!("Bearer {TOKEN}"));
    }
}

/// A quota does not pass by waiting; a window does, and says when; two values in a header do not disturb.
#[tokio::test]
async fn too_many_requests_of_each_sort() {
    let ask = async |answer: ResponseTemplate, settings: Value| {
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        let (client, _) = client_at(&server.uri(), settings, START).await;
        let at = client.capabilities("d").unwrap().endpoint.fingerprint();
        let error = client.status(&handle(&at)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
        (error.retry(), server.received_requests().await.unwrap().len())
    };
    assert_eq!(ask(measured("err-429-quota"), json!({})).await, (Retry::Never, 1));
    let after = |seconds| Retry::Safe { after: Some(std::time::Duration::from_secs(seconds)) };
    // Longer than anybody waits for.
    assert_eq!(ask(measured("err-429-organisation"), json!({})).await, (after(177), 1));
    let (retry, sent) = ask(measured("err-429"), json!({})).await;
    assert_eq!((retry, sent), (after(52), 5), "waited for, by the clock");
    let download = ResponseTemplate::new(500)
        .set_body_raw(r#"{"error":"Something went wrong","code":"TOO_MANY_REQUESTS"}"#, "application/json");
    assert_eq!(ask(download, json!({})).await, (Retry::SAFE, 1));
}

#[tokio::test]
async fn errors_by_their_code() {
    for (name, kind, code, words) in [
        (
            "err-create-docx",
            ErrorKind::InvalidRequest,
            "CONVERSION_SERVICE_UNAVAILABLE",
            "cannot read the document",
        ),
        (
            "err-create-not-pdf",
            ErrorKind::InvalidRequest,
            "INVALID_DOCUMENT_FILE",
            "cannot read the document",
        ),
        ("err-six-files", ErrorKind::InvalidRequest, "ENVELOPE_ITEM_LIMIT_EXCEEDED", "max_documents"),
        ("err-create-actionAuth", ErrorKind::Forbidden, "UNAUTHORIZED", "does not allow"),
        (
            "err-create-posX-101",
            ErrorKind::InvalidRequest,
            "BAD_REQUEST",
            "payload recipients 0 fields 0 positionX",
        ),
    ] {
        let server = MockServer::start().await;
        serve(&server, "POST", "/envelope/create", measured(name)).await;
        let (client, _) = client_at(&server.uri(), json!({}), START).await;
        let error = client.submit(client.prepare(by_link()).await.unwrap()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.provider_code(), error.retry()),
            (kind, Some(code), Retry::Never),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
}

/// Words that name people are left out.
#[tokio::test]
async fn errors_hold_no_names() {
    let server = MockServer::start().await;
    serve(&server, "POST", "/envelope/distribute", measured("distribute-no-field")).await;
    let (client, _) = client_at(&server.uri(), json!({}), START).await;
    let api = provider(&client);
    let error = api.client().distribute(&EnvelopeId::new(ID)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.provider_code()),
        (ErrorKind::InvalidRequest, Some("MISSING_SIGNATURE_FIELD"))
    );
    assert!(!format!("{error} {error:?}").contains("Sig"), "{error}");
}

/// What a 500 means for something that people see: its words are kept, and nothing is repeated.
#[tokio::test]
async fn a_500_with_words_is_kept_and_not_repeated() {
    let server = MockServer::start().await;
    serve(&server, "POST", "/envelope/distribute", measured("distribute-no-recipients")).await;
    serve(&server, "GET", &format!("/envelope/{ID}/certificate/download"), measured("certificate-pending"))
        .await;
    let (client, _) = client_at(&server.uri(), json!({}), START).await;
    let api = provider(&client);
    let error = api.client().distribute(&EnvelopeId::new(ID)).await.unwrap_err();
    assert!(error.is_outcome_unknown() && error.to_string().contains("no recipients"), "{error}");
    let error = api.client().certificate_pdf(&EnvelopeId::new(ID)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::NotReady, Retry::Never), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_unknown_id_is_not_there_and_a_malformed_one_an_error() {
    let server = MockServer::start().await;
    serve(&server, "GET", &format!("/envelope/{ID}"), measured("err-get-unknown")).await;
    serve(&server, "GET", "/envelope/envelope_x", measured("err-cancel-unknown")).await;
    serve(
        &server,
        "GET",
        "/envelope/envelope_proxy",
        ResponseTemplate::new(404).set_body_raw("<html>", "text/html"),
    )
    .await;
    let (client, _) = client_at(&server.uri(), json!({}), START).await;
    let at = client.capabilities("d").unwrap().endpoint.fingerprint();
    let report = client.status(&handle(&at)).await.unwrap();
    assert_eq!(
        (report.state(), report.standing.is_final(), report.result),
        (State::Cancelled, false, ResultState::Gone)
    );
    let api = provider(&client);
    assert_eq!(api.client().get(&EnvelopeId::new(ID)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let malformed = api.client().get(&EnvelopeId::new("envelope_x")).await.unwrap_err();
    assert_eq!(
        (malformed.kind(), malformed.provider_code()),
        (ErrorKind::InvalidRequest, Some("INVALID_BODY"))
    );
    let proxy = api.client().get(&EnvelopeId::new("envelope_proxy")).await.unwrap_err();
    assert_eq!(proxy.kind(), ErrorKind::UnexpectedAnswer, "{proxy}");
}

/// The server gives the unsigned file under the name of the signed one, in Latin-1 letters: it is not given out.
#[tokio::test]
async fn a_signed_file_without_a_signature_is_refused() {
    let server = MockServer::start().await;
    serve(&server, "GET", &format!("/envelope/{ID}"), measured("get-completed")).await;
    let plain = ResponseTemplate::new(200)
        .insert_header(
            "content-disposition",
            wiremock::http::HeaderValue::from_bytes(b"attachment; filename=\"M\xfcller_signed.pdf\"")
                .unwrap(),
        )
        .set_body_raw("%PDF-1.7 unsigned\n%%EOF", "application/pdf");
    serve(&server, "GET", &format!("/envelope/item/{ITEM}/download"), plain).await;
    let (client, _) = client_at(&server.uri(), json!({}), START).await;
    let at = client.capabilities("d").unwrap().endpoint.fingerprint();
    let error = client.download(&handle(&at), &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    let original = client.download(&handle(&at), &ArtifactId::ORIGINAL).await.unwrap();
    assert!(original.content.starts_with(b"%PDF-1.7 unsigned"));
}

/// The typed client over measured answers, one by one.
#[tokio::test]
async fn the_typed_client_reads_what_was_measured() {
    let server = MockServer::start().await;
    serve(&server, "GET", &format!("/envelope/{ID}"), measured("get-completed")).await;
    serve(&server, "GET", "/envelope", measured("find-external-id")).await;
    serve(&server, "GET", &format!("/envelope/{ID}/audit-log"), measured("audit-log")).await;
    serve(&server, "POST", "/envelope/redistribute", measured("redistribute")).await;
    let wanted = body_json(json!({ "envelopeId": ID }));
    let distribute = Mock::given(method("POST")).and(path("/api/v2/envelope/distribute")).and(wanted);
    distribute
        .and(header("content-type", "application/json"))
        .respond_with(measured("distribute"))
        .mount(&server)
        .await;
    let (client, _) = client_at(&server.uri(), json!({}), START).await;
    let api = provider(&client);
    let (api, id) = (api.client(), EnvelopeId::new(ID));
    let envelope = api.get(&id).await.unwrap();
    assert_eq!(
        (&envelope.status, envelope.sequential, envelope.items[0].id.as_str()),
        (&EnvelopeStatus::Completed, true, ITEM)
    );
    assert!(envelope.recipients.iter().all(|r| r.status == SigningStatus::Signed));
    assert_eq!((envelope.recipients.len(), envelope.fields.len()), (3, 5));
    assert_eq!(api.find("ref-0001").await.unwrap()[0].external_id.as_deref(), Some("ref-0001"));
    assert_eq!(api.audit_log(&id).await.unwrap().len(), 14);
    assert_eq!(
        api.distribute(&id).await.unwrap().iter().map(|link| link.recipient).collect::<Vec<_>>(),
        [11, 9, 10]
    );
    assert_eq!(api.redistribute(&id, &[13]).await.unwrap().len(), 2);
    serve(&server, "POST", "/envelope/cancel", measured("cancel-completed")).await;
    assert!(!api.cancel(&id).await.unwrap());
    let printed = format!("{envelope:?}");
    assert!(
        !printed.contains("lab.example") && !printed.contains("Tina") && !printed.contains("SIGN_TOKEN"),
        "{printed}"
    );
}

/// Measured webhooks are hints about their envelope, also one that says cancelled for a deletion.
#[tokio::test]
async fn measured_webhooks_name_their_envelope() {
    let (client, _) = client_at("http://127.0.0.1:9", json!({}), START).await;
    for name in ["webhook-DOCUMENT_COMPLETED", "webhook-DOCUMENT_CANCELLED"] {
        let text = webhook(name);
        let call = esign_core::InboundCall::post("/hook", text.clone())
            .with_header("X-Documenso-Secret", "webhook-secret");
        let events = client.receive("d", &call).await.unwrap().events.unwrap();
        let [esign_core::Event::Hint { key: Some(key), .. }] = &events[..] else {
            panic!("{name}: {events:?}")
        };
        let id = serde_json::from_str::<Value>(&text).unwrap()["payload"]["envelopeId"]
            .as_str()
            .unwrap()
            .to_owned();
        let fingerprint = client.capabilities("d").unwrap().endpoint.fingerprint();
        assert_eq!(*key, esign_core::HandleKey::of(&esign_documenso::KIND, &fingerprint, &id));
    }
}
