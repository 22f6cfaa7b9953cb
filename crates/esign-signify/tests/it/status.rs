//! From Signify's two words to a neutral status.

use esign_core::{Basis, Handle, ResultState, Standing, State, StatusReport};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{client_at, two_by_email};

/// The status of a document that was sent on 19 November 2023 and is looked at `now`.
async fn status_of(answer: ResponseTemplate, link: bool, now: &str) -> esign_core::Result<StatusReport> {
    let server = MockServer::start().await;
    let (client, _) = client_at(&server.uri(), json!({ "adapt": ["shared_link"] }), now).await;
    let mut request = two_by_email();
    request.signers[0].email = Some("email1@open.gov.sg".into());
    request.signers[1].email = Some("EMAIL2@open.gov.sg".into());
    if link {
        request.delivery = esign_core::Delivery::ShareableLink;
    }
    let id = if link { 313 } else { 6 };
    let created = json!({ "documentId": id, "signingLinks": [{ "signingLink": "https://x.gov.sg/sign/1" }] });
    let made = ResponseTemplate::new(200).set_body_json(created);
    Mock::given(method("POST")).respond_with(made).mount(&server).await;
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let handle = client.submit(client.prepare(request).await.unwrap()).await.unwrap().handle;
    let report = client.status(&handle).await;
    if let Ok(StatusReport { new_handle: Some(newer), .. }) = &report {
        // A renewed handle names the same submission.
        assert_eq!(newer.key(), handle.key());
        let again = Handle::from_stored(esign_core::secrecy::ExposeSecret::expose_secret(&newer.to_stored()));
        let again = client.status(&again.unwrap()).await.unwrap();
        assert!(again.new_handle.is_none(), "nothing new to store");
    }
    report
}

fn sample(name: &str) -> Value {
    let text = match name {
        "email" => include_str!("../samples/get-email.json"),
        _ => include_str!("../samples/get-link.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn the_sample_by_email_is_in_progress_one_of_four() {
    let report = status_of(ok(&sample("email")), false, "2023-11-20T00:00:00Z").await.unwrap();
    assert_eq!(report.standing, Standing::stated(State::InProgress));
    assert_eq!(report.provider_status.as_deref(), Some("draft"));
    assert_eq!(report.progress(), (1, Some(4)));
    assert_eq!((report.result, report.artifacts.len()), (ResultState::Partial, 0));
    let signers: Vec<_> =
        report.signers.iter().map(|s| (s.key.as_deref(), s.state, s.required, s.completed.len())).collect();
    assert_eq!(
        signers,
        [(Some("tenant"), State::Pending, Some(3), 0), (Some("landlord"), State::Completed, Some(1), 1)]
    );
    let signature = &report.signers[1].completed[0];
    assert_eq!(signature.name.as_ref().unwrap().expose(), "MY NAME");
    assert_eq!(signature.at.unwrap().to_string(), "2023-11-19T08:31:36Z");
    assert_eq!(report.created_at.unwrap().to_string(), "2023-11-19T08:23:20.488Z");
    assert!(report.new_handle.is_some(), "expiresAt is worth keeping");
}

#[tokio::test]
async fn the_sample_by_link_is_completed_and_nobody_s_signature_is_bound() {
    let report = status_of(ok(&sample("link")), true, "2023-11-21T00:00:00Z").await.unwrap();
    assert_eq!(report.standing, Standing::stated(State::Completed));
    assert_eq!(report.progress(), (3, Some(3)));
    let until = report.expires_at;
    assert_eq!(
        (report.result, &report.artifacts[..]),
        (ResultState::Ready { until }, &[esign_core::ArtifactId::SIGNED][..])
    );
    assert_eq!(report.signers[0].key, None);
    assert!(report.notes[0].contains("not bound to signers"));
}

#[tokio::test]
async fn derived_states() {
    let change = |name: &str, changes: Value| {
        let mut body = sample(name);
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let (soon, late) = ("2023-11-20T00:00:00Z", "2023-12-19T16:00:00Z");
    let (stated, concluded) = (Standing::stated, Standing::concluded);
    let fresh = json!({ "signingInvitations": [{ "status": "draft", "totalSignatures": 1, "completedSignatures": [] }] });
    for (body, now, standing, result) in [
        (change("email", fresh.clone()), soon, stated(State::Pending), ResultState::NotReady),
        (change("email", fresh), late, concluded(State::Expired), ResultState::NotReady),
        (change("email", json!({})), late, concluded(State::Expired), ResultState::Partial),
        (
            change("email", json!({ "signingInvitations": null })),
            soon,
            stated(State::Pending),
            ResultState::NotReady,
        ),
        (
            change("email", json!({ "expiresAt": null })),
            late,
            stated(State::InProgress),
            ResultState::Partial,
        ),
        (
            change("email", json!({ "status": "voided" })),
            soon,
            stated(State::Unrecognised),
            ResultState::NotReady,
        ),
        (
            change("email", json!({ "status": "Signed" })),
            late,
            stated(State::Unrecognised),
            ResultState::NotReady,
        ),
        (
            change("email", json!({ "documentMode": "fax" })),
            soon,
            stated(State::InProgress),
            ResultState::Partial,
        ),
        (change("email", json!({ "id": "6" })), soon, stated(State::InProgress), ResultState::Partial),
    ] {
        let report = status_of(ok(&body), false, now).await.unwrap();
        assert_eq!((report.standing, report.result), (standing, result), "{body}");
        assert_eq!(report.provider_status.as_deref(), body["status"].as_str());
    }
    // Signify's word counts, and the contradiction is said.
    let report = status_of(ok(&change("email", json!({ "status": "signed" }))), false, soon).await.unwrap();
    assert_eq!(report.standing, stated(State::Completed));
    assert!(report.notes[0].contains("1 of 4"), "{:?}", report.notes);
}

#[tokio::test]
async fn a_document_that_is_not_there() {
    let missing = || ResponseTemplate::new(404).set_body_json(json!({ "message": "Not Found" }));
    let empty = || ResponseTemplate::new(410);
    for (answer, now, state) in [
        (missing(), "2023-11-19T08:00:00Z", State::Cancelled),
        (empty(), "2023-11-19T08:00:00Z", State::Cancelled),
    ] {
        let report = status_of(answer, false, now).await.unwrap();
        assert_eq!((report.standing.state, report.standing.basis), (state, Basis::Concluded));
        assert_eq!(report.result, ResultState::Gone);
        assert!(!report.notes.is_empty());
    }
    // A gateway's page says nothing about the document.
    let page = ResponseTemplate::new(404).set_body_raw("<html>no such host</html>", "text/html");
    let error = status_of(page, false, "2023-11-19T08:00:00Z").await.unwrap_err();
    assert_eq!(error.kind(), esign_core::ErrorKind::UnexpectedAnswer, "{error}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_an_error() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "{\"id\":6}",
        "{\"id\":6,\"status\":null}",
        "<html></html>",
        "{\"id\":6,\"sta",
    ] {
        let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        let error = status_of(answer, false, "2023-11-19T08:00:00Z").await.unwrap_err();
        assert_eq!(error.kind(), esign_core::ErrorKind::UnexpectedAnswer, "{body}: {error}");
    }
}
