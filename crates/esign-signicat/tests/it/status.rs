//! States, as they follow from tasks and packaging.

use std::time::Duration;

use esign_core::{
    ArtifactId, Basis, CancelOutcome, Delivery, ErrorKind, Order, ResultState, Retry, State, Wait,
};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::{ORDER, World, bare, json_answer, shows_no_secret, two, world};

async fn sent_to_two(world: &World) -> esign_core::Handle {
    world.accept_orders().await;
    world.send(two(Delivery::ShareableLink, Order::Parallel)).await
}

#[tokio::test]
async fn partly_signed_then_packaged() {
    let world = world(&[("days_to_live", json!(7)), ("days_until_deletion", json!(3))]).await;
    let handle = sent_to_two(&world).await;
    world.task(1, "COMPLETED").await;
    world.answer_first(1, "GET", &task(2), status("CREATED")).await;
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.result), (State::InProgress, ResultState::NotReady));
    assert_eq!(report.progress(), (1, Some(2)));
    assert_eq!(report.signers[1].state, State::Pending);
    let evidence = ArtifactId::EVIDENCE.of_document("document/tenant");
    assert_eq!(report.artifacts, [ArtifactId::ORIGINAL, evidence]);
    assert_eq!(report.expires_at.unwrap().to_string(), "2026-01-08T00:00:00Z");

    // The race: everybody is back, and the file is not ready.
    world.task(2, "COMPLETED").await;
    let packaging = format!("/sign/orders/{ORDER}/packaging-tasks/package-1/status");
    world
        .answer_first(2, "GET", &packaging, json_answer(200, &json!({ "packagingTaskStatus": "CREATED" })))
        .await;
    world.package(1, "COMPLETED").await;
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.result), (State::InProgress, ResultState::NotReady));
    assert_eq!(report.ask_again_after, Some(Duration::from_secs(3)));
    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (ErrorKind::NotReady, Some("CREATED")));

    let mut seen = Vec::new();
    let report = world.client.wait(&handle, Wait::FOREVER, |report| seen.push(report.state())).await.unwrap();
    assert_eq!(report.result, ResultState::Ready { until: Some("2026-01-11T00:00:00Z".parse().unwrap()) });
    assert!(report.standing.is_final() && report.artifacts.contains(&ArtifactId::SIGNED));
    assert_eq!(report.provider_status.as_deref(), Some("COMPLETED, packaging COMPLETED"));

    // Signicat forgets; the handle that was renewed does not.
    let newer = report.new_handle.unwrap();
    for (at, handle, state, basis) in [
        (0, &newer, State::Completed, Basis::Provider),
        (8 * 86_400, &handle, State::Expired, Basis::Concluded),
    ] {
        world.server.reset().await;
        world.serve_tokens(600, ..).await;
        world.advance(at);
        let report = world.client.status(handle).await.unwrap();
        assert_eq!((report.standing.state, report.standing.basis), (state, basis));
        let gone = if state == State::Completed { ResultState::Gone } else { ResultState::NotReady };
        assert_eq!(report.result, gone);
    }
    let error = world.client.download(&newer, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
}

fn task(number: usize) -> String {
    format!("/sign/orders/{ORDER}/tasks/task-{number}/status")
}

fn status(word: &str) -> ResponseTemplate {
    json_answer(200, &json!({ "taskStatus": word, "documents": null, "extra": {} }))
}

#[tokio::test]
async fn ends_and_words() {
    let cases = [
        ("REJECTED", State::Declined, true),
        ("rejected", State::Declined, true),
        ("EXPIRED", State::Expired, true),
        ("DELETED", State::Cancelled, true),
        ("ON_HOLD", State::Unrecognised, false),
    ];
    for (word, state, end) in cases {
        let world = world(&[]).await;
        let handle = sent_to_two(&world).await;
        world.task(1, "CREATED").await;
        world.task(2, word).await;
        let report = world.client.status(&handle).await.unwrap();
        assert_eq!((report.state(), report.standing.is_final()), (state, end), "{word}");
        assert!(report.provider_status.unwrap().to_uppercase().contains(&word.to_uppercase()));
        assert_eq!(report.signers[1].state, state);
    }
}

#[tokio::test]
async fn a_task_that_was_passed_on_is_not_declined() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    world.task(1, "REJECTED").await;
    let forwards = json!([{ "orderId": ORDER, "taskId": "task-1-b", "originalTaskId": "task-1", "recipientEmail": "tenant@example.com" }]);
    world
        .answer("GET", &format!("/sign/orders/{ORDER}/tasks/task-1/forwards"), json_answer(200, &forwards))
        .await;
    world.answer("GET", &format!("/sign/orders/{ORDER}/tasks/task-1-b/status"), status("CREATED")).await;
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!(report.state(), State::Pending);
    let forwards = world.provider().client().task_forwards(ORDER, "task-1").await.unwrap();
    assert_eq!(forwards[0].recipient_email.as_ref().unwrap().expose(), "tenant@example.com");
    shows_no_secret(&format!("{forwards:?}"));
}

#[tokio::test]
async fn packaging_that_failed() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    world.task(1, "COMPLETED").await;
    world.package(1, "FAILED").await;
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.result), (State::Failed, ResultState::NotReady));
    assert_eq!(report.artifacts, [ArtifactId::ORIGINAL, ArtifactId::EVIDENCE]);
    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (ErrorKind::NotFound, Some("FAILED")));
}

#[tokio::test]
async fn a_404_counts_only_if_it_is_signicat_s_own() {
    let cases = [
        (json_answer(404, &json!({ "status": 404, "title": "Not Found" })), true),
        (json_answer(410, &json!({ "status": 410, "title": "Gone" })), true),
        (ResponseTemplate::new(404), false),
        (json_answer(404, &json!({ "message": "no Route matched with those values" })), false),
        (json_answer(404, &json!({ "title": "Not Found", "code": "not_found", "traceId": "t" })), false),
        (ResponseTemplate::new(404).set_body_string("<html>no</html>"), false),
        (ResponseTemplate::new(404).set_body_string("<error/>"), false),
    ];
    for (answer, own) in cases {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        world.answer("GET", &task(1), answer).await;
        match world.client.status(&handle).await {
            Ok(report) => {
                assert!(own);
                assert_eq!((report.state(), report.standing.basis), (State::Cancelled, Basis::Concluded));
            }
            Err(error) => {
                assert!(!own, "{error}");
                assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
            }
        }
    }
}

#[tokio::test]
async fn a_request_is_gone_only_after_a_second_look() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    let not_found = || json_answer(404, &json!({ "status": 404, "title": "Not Found" }));
    world.answer("GET", &task(1), status("CREATED")).await;
    world.answer_first(1, "GET", &task(1), not_found()).await;
    assert_eq!(world.client.status(&handle).await.unwrap().state(), State::Pending);
    world.answer_first(2, "GET", &task(1), not_found()).await;
    assert_eq!(world.client.status(&handle).await.unwrap().state(), State::Cancelled);
}

#[tokio::test]
async fn odd_answers_are_errors_and_never_states() {
    let cases = [
        (ResponseTemplate::new(200).set_body_string("<task/>"), ErrorKind::UnexpectedAnswer, Retry::Never),
        (json_answer(200, &json!({})), ErrorKind::UnexpectedAnswer, Retry::Never),
        (json_answer(200, &json!([])), ErrorKind::UnexpectedAnswer, Retry::Never),
        (json_answer(403, &json!({ "code": "access_denied" })), ErrorKind::Forbidden, Retry::Never),
        (ResponseTemplate::new(500), ErrorKind::Provider, Retry::Exhausted),
        (
            ResponseTemplate::new(302).insert_header("location", "/"),
            ErrorKind::UnexpectedAnswer,
            Retry::Never,
        ),
    ];
    for (answer, kind, retry) in cases {
        let world = world(&[]).await;
        let handle = world.submitted().await;
        world.answer("GET", &task(1), answer).await;
        let error = world.client.status(&handle).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{error}");
    }
}

#[tokio::test]
async fn an_order_is_called_back_once_and_a_completed_one_not_at_all() {
    let world = world(&[]).await;
    let handle = world.submitted().await;
    world.answer_first(2, "GET", &task(1), status("CREATED")).await;
    let order = format!("/sign/orders/{ORDER}");
    world.answer_first(1, "DELETE", &order, ResponseTemplate::new(204)).await;
    assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::Cancelled);
    // Deleted by somebody else between the two calls.
    assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::AlreadyGone);
    assert_eq!(world.client.status(&handle).await.unwrap().state(), State::Cancelled);
    assert!(!world.client.erase(&handle).await.unwrap());

    world.task(1, "COMPLETED").await;
    world.package(1, "COMPLETED").await;
    let before = world.received("DELETE", &order).await.len();
    assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::TooLate);
    assert_eq!(world.received("DELETE", &order).await.len(), before);
}

#[tokio::test]
async fn events_are_read_in_any_spelling_of_time() {
    let world = world(&[]).await;
    let events = json!([
        { "eventType": "TASK_CREATED", "eventTime": "2026-03-02T01:00:00.250+0000", "data": null },
        { "eventType": "SOMETHING_NEW", "eventTime": "yesterday", "data": { "x": "marker-link" } },
        { "eventType": null },
    ]);
    world.answer("GET", &format!("/sign/orders/{ORDER}/tasks/1/events"), json_answer(200, &events)).await;
    let events = world.provider().client().task_events(ORDER, "1").await.unwrap();
    assert_eq!(events[0].at.unwrap().to_string(), "2026-03-02T01:00:00.25Z");
    assert_eq!((events[1].event_type.as_str(), events[1].at), ("SOMETHING_NEW", None));
    assert_eq!(events.len(), 3);
    shows_no_secret(&format!("{events:?}"));
}

#[tokio::test]
async fn a_probe_tells_of_client_and_permission() {
    let good = world(&[]).await;
    assert!(good.client.probe("signicat").await.unwrap().is_good());

    let refused = bare(&[]).await;
    refused.answer("POST", "/token", json_answer(401, &json!({ "error": "invalid_client" }))).await;
    let report = refused.client.probe("signicat").await.unwrap();
    assert!(!report.is_good() && report.checks[0].message.contains("invalid_client"), "{report:?}");

    let forbidden = world(&[]).await;
    let answer = json_answer(403, &json!({ "code": "access_denied" }));
    wiremock::Mock::given(wiremock::matchers::method("GET"))
        .respond_with(answer)
        .mount(&forbidden.server)
        .await;
    let report = forbidden.client.probe("signicat").await.unwrap();
    assert!(report.checks.iter().any(|check| check.message.contains("Signature API")), "{report:?}");
}
