//! What an order looks like, and what becomes of its answer.

use esign_core::jiff::SignedDuration;
use esign_core::{
    Delivery, Document, ErrorKind, Identity, InboundCall, Lookup, MediaType, Operation, Order, Resolution,
    Retry, Signer, Step, Use,
};
use esign_signicat::{SignicatOptions, SignicatProvider};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::openapi::check_order;
use crate::support::{
    ORDER, PDF, World, accepted, json_answer, landlord, one, request, shows_no_secret, tenant, two, world,
};

fn options(value: Value) -> SignicatOptions {
    serde_json::from_value(value).unwrap()
}

async fn sent(world: &World, request: esign_core::SignRequest) -> (Value, esign_core::Submission) {
    world.accept_orders().await;
    let prepared = world.client.prepare(request).await.unwrap();
    let submission = world.client.submit(prepared).await.unwrap();
    let order = world.order().await;
    check_order(&order);
    (order, submission)
}

fn steps(submission: &esign_core::Submission) -> Vec<(String, &'static str)> {
    let name = |step: &Step| match step {
        Step::OpenLink { .. } => "link",
        Step::EmailSent => "email",
        Step::WaitForOthers => "wait",
        _ => "other",
    };
    submission.next_steps.iter().map(|next| (next.signer.clone(), name(&next.step))).collect()
}

#[tokio::test]
async fn two_signers_in_order_by_link() {
    let world = world(&[("days_to_live", json!(7)), ("days_until_deletion", json!(7))]).await;
    let request = two(Delivery::ShareableLink, Order::Sequential)
        .language("nb")
        .return_url("https://app.example/done?case=12".parse().unwrap());
    let (order, submission) = sent(&world, request).await;
    insta::assert_snapshot!("two_by_link", serde_json::to_string_pretty(&order).unwrap());
    let link = |key: &str, step| (key.to_owned(), step);
    assert_eq!(
        steps(&submission),
        [link("tenant", "link"), link("landlord", "wait"), link("landlord", "link")]
    );
    let Step::OpenLink { url, open_before, shared } = &submission.next_steps[0].step else { panic!() };
    assert!(url.expose().as_str().contains("task_id=task-1"));
    assert_eq!(open_before.unwrap().to_string(), "2026-01-08T00:00:00Z");
    assert!(!shared);
    assert_eq!(submission.handle.request().id(), ORDER);

    let upload = &world.received("POST", "/sign/documents").await[0];
    assert_eq!(upload.headers["content-type"], "application/pdf");
    assert_eq!(upload.body, PDF);
    let links = world.provider().signing_links(submission.handle.request()).await;
    assert_eq!(links.unwrap_err().kind(), ErrorKind::Gone, "the mock has no GET");
}

#[tokio::test]
async fn by_email_the_link_is_never_forgotten() {
    let sms = json!({ "message": "Sign: ${signCodeUrl}" });
    let notify = ("notification_url", json!("https://app.example/hook?a=1"));
    let settings = [("sms", sms), ("url_notifications_enabled", json!(true)), notify];
    let world = world(&settings).await;
    let request = two(Delivery::ProviderEmail, Order::Parallel).message("Please sign the lease.");
    let mut request = request;
    request.signers[0].phone = Some("+4712345678".into());
    request.signers[1].message = Some("Yours is the last signature.".to_owned());
    let (order, submission) = sent(&world, request).await;
    insta::assert_snapshot!("two_by_email", serde_json::to_string_pretty(&order).unwrap());
    let mail = |key: &str| (key.to_owned(), "email");
    assert_eq!(steps(&submission), [mail("tenant"), mail("landlord")]);
}

#[tokio::test]
async fn several_documents_text_groups_and_identity() {
    let world = world(&[("archive", json!(true)), ("max_document_bytes", json!(100))]).await;
    let terms = Document::new("Terms", MediaType::TEXT, "I agree.").with_key("terms");
    let identity = Identity::new("national-id", "11111111111");
    let request = request(Delivery::InSessionRedirect)
        .document(terms)
        .signer(
            tenant().group(2).identity(identity).document("document", Use::Sign).document("terms", Use::View),
        )
        .signer(landlord().group(2))
        .signer(Signer::new("witness").group(7).document("document", Use::Sign))
        .order(Order::Groups)
        .expires_after(SignedDuration::from_hours(48));
    let (order, _) = sent(&world, request).await;
    insta::assert_snapshot!("groups_and_documents", serde_json::to_string_pretty(&order).unwrap());
    let uploads = world.received("POST", "/sign/documents").await;
    assert_eq!(uploads[1].headers["content-type"], "text/plain");
}

#[tokio::test]
async fn every_option_is_sent() {
    let world = world(&[
        ("url_notifications_enabled", json!(true)),
        ("authentication_methods", json!(["nbid"])),
        ("profile", json!("blue")),
    ])
    .await;
    let wanted = options(json!({
        "template": true,
        "configuration": "short",
        "daysToLive": 15,
        "daysUntilDeletion": 30,
        "signatureMethods": [{ "name": "ftn-sign", "type": "AUTHENTICATION_BASED" }, { "handwritten": true }],
        "authentication": { "methods": ["scid-sms"], "artifact": false },
        "dialog": { "title": "Welcome", "message": "Read first." },
        "signText": "I sign the lease.",
        "subject": { "id": "s-1", "attributes": [{ "name": "national-id", "value": "11111111111", "methods": ["nbid-sign"] }] },
        "email": { "sender": "Lets Ltd", "header": "The lease" },
        "notifications": [
            { "type": "SMS", "recipient": "+4712345678", "message": "${taskUrl}",
              "schedule": [{ "triggerStatus": "CREATED", "delay": { "days": 1, "hours": 2, "minutes": 3 } }] },
            { "id": "mine", "type": "URL", "recipient": "https://app.example/hook?a=1", "schedule": [{ "triggerStatus": "FORWARDED" }] },
        ],
        "uploads": [{ "description": "Proof of income" }],
        "onTaskReject": "https://app.example/no/${taskId}#top",
        "orderNotifications": [{ "type": "EMAIL", "recipient": "desk@example.com", "header": "Done", "message": "${orderId} ${clientRef}" }],
        "notificationTemplateParams": [{ "id": "t", "footer": "f", "button": "b", "linkText": "l", "logoUrl": "https://app.example/logo" }],
        "packaging": { "layout": "together", "method": "pades", "sendToArchive": true,
            "notifications": [{ "type": "URL", "recipient": "https://app.example/hook", "schedule": [{ "triggerStatus": "COMPLETED" }] }] },
        "documents": { "document": { "externalReference": "e-1", "signTextEntry": "the lease", "sendResultToArchive": true,
            "form": { "interactive": true, "inputParams": [{ "name": "city", "value": "Oslo" }] } } },
        "signers": { "landlord": { "daysToLive": 3, "profile": "red" } },
    }));
    let request = two(Delivery::ProviderEmail, Order::Parallel)
        .message("Dear all, ${taskUrl}")
        .return_url("https://app.example/done".parse().unwrap())
        .with_option(&wanted)
        .unwrap();
    let (order, _) = sent(&world, request).await;
    insta::assert_snapshot!("every_option", serde_json::to_string_pretty(&order).unwrap());
    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(fields) => fields.values().any(has_null),
            _ => false,
        }
    }
    assert!(!has_null(&order), "{order}");
}

#[tokio::test]
async fn an_artifact_is_added_to_the_address_and_lives_30_seconds() {
    let world = world(&[]).await;
    let answer = |request: &wiremock::Request| {
        let mut order = accepted(request.body_json().unwrap());
        order["artifact"] = json!("marker-artifact");
        json_answer(200, &order)
    };
    world.answer("POST", "/sign/orders", answer).await;
    let wanted = options(json!({ "authentication": { "methods": ["nbid"], "artifact": true } }));
    let request = one(Delivery::InSessionRedirect).with_option(&wanted).unwrap();
    let prepared = world.client.prepare(request).await.unwrap();
    let submission = world.client.submit(prepared).await.unwrap();
    let Step::OpenLink { url, open_before, .. } = &submission.next_steps[0].step else { panic!() };
    assert!(url.expose().as_str().ends_with("&artifact=marker-artifact"));
    assert_eq!(open_before.unwrap().to_string(), "2026-01-01T00:00:30Z");

    let request = one(Delivery::ShareableLink).with_option(&wanted).unwrap();
    let error = world.client.prepare(request).await.unwrap_err();
    assert_eq!(error.field_path(), Some("options.signicat.authentication.artifact"));
}

#[tokio::test]
async fn what_the_answer_to_a_create_means() {
    let refusal = json!({ "status": 400, "title": "Constraint Violation", "violations": [
        { "propertyPath": "tasks[0].subject.attributes[0].value", "message": "Subject attribute value is required" }] });
    let expired = json!({ "status": 400, "title": "Bad Request", "violations": [
        { "propertyPath": "tasks[0].documents[0].documentRef", "message": "no such document" }] });
    let gateway = json!({ "type": "x", "title": "Forbidden", "code": "access_denied", "traceId": "t-1" });
    let cases = [
        (
            json_answer(400, &refusal),
            ErrorKind::InvalidRequest,
            Retry::Never,
            "Subject attribute value is required",
        ),
        (json_answer(400, &expired), ErrorKind::InvalidRequest, Retry::Never, "documentRef"),
        (
            json_answer(404, &json!({ "status": 404, "title": "Not Found" })),
            ErrorKind::InvalidRequest,
            Retry::Never,
            "Not Found",
        ),
        (json_answer(403, &gateway), ErrorKind::Forbidden, Retry::Never, "access_denied"),
        (
            ResponseTemplate::new(503).set_body_string("<html>x</html>"),
            ErrorKind::Provider,
            Retry::OutcomeUnknown,
            "HTML",
        ),
        (ResponseTemplate::new(408), ErrorKind::Provider, Retry::OutcomeUnknown, "408"),
        (
            ResponseTemplate::new(200).set_body_string("<html>x</html>"),
            ErrorKind::UnexpectedAnswer,
            Retry::OutcomeUnknown,
            "HTML",
        ),
        (
            ResponseTemplate::new(201).set_body_string("<?xml version=\"1.0\"?><order/>"),
            ErrorKind::UnexpectedAnswer,
            Retry::OutcomeUnknown,
            "not valid JSON",
        ),
        (ResponseTemplate::new(204), ErrorKind::UnexpectedAnswer, Retry::OutcomeUnknown, "empty"),
        (
            json_answer(200, &json!({ "tasks": [] })),
            ErrorKind::UnexpectedAnswer,
            Retry::OutcomeUnknown,
            "missing field `id`",
        ),
        (
            json_answer(200, &json!({ "id": "", "tasks": [] })),
            ErrorKind::UnexpectedAnswer,
            Retry::OutcomeUnknown,
            "cannot be used",
        ),
        (
            ResponseTemplate::new(302).insert_header("location", "https://elsewhere.example/"),
            ErrorKind::UnexpectedAnswer,
            Retry::OutcomeUnknown,
            "redirect",
        ),
    ];
    for (answer, kind, retry, words) in cases {
        let world = world(&[]).await;
        world.answer("POST", "/sign/orders", answer).await;
        let prepared = world.client.prepare(one(Delivery::ProviderEmail)).await.unwrap();
        let error = world.client.submit(prepared).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{error}");
        assert_eq!(error.operation(), Some(Operation::Submit));
        let text = format!("{error} {error:?}");
        assert!(text.contains(words), "{words}: {text}");
        shows_no_secret(&text);
        assert_eq!(world.received("POST", "/sign/orders").await.len(), 1, "{words}");
    }
}

#[tokio::test]
async fn an_upload_is_repeated_and_an_order_only_after_429() {
    let world = world(&[]).await;
    world.answer_first(2, "POST", "/sign/documents", ResponseTemplate::new(503)).await;
    world.answer_first(1, "POST", "/sign/orders", ResponseTemplate::new(429)).await;
    world.submitted().await;
    assert_eq!(world.received("POST", "/sign/documents").await.len(), 3);
    assert_eq!(world.received("POST", "/sign/orders").await.len(), 2);
}

#[tokio::test]
async fn a_lost_upload_is_safe_and_makes_no_order() {
    let world = crate::support::bare(&[]).await;
    world.serve_tokens(600, ..).await;
    world.answer("POST", "/sign/documents", ResponseTemplate::new(503)).await;
    let prepared = world.client.prepare(one(Delivery::ShareableLink)).await.unwrap();
    let error = world.client.submit(prepared).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Exhausted, "{error}");
    assert!(world.received("POST", "/sign/orders").await.is_empty());
}

#[tokio::test]
async fn addresses_that_are_missing_are_told_and_not_invented() {
    let world = world(&[]).await;
    let answer = json!({ "id": ORDER, "tasks": [{ "id": "task-1" }] });
    world.answer("POST", "/sign/orders", json_answer(200, &answer)).await;
    let prepared = world.client.prepare(one(Delivery::ShareableLink)).await.unwrap();
    let submission = world.client.submit(prepared).await.unwrap();
    assert_eq!(submission.next_steps[0].step, Step::LinkMissing { later: true });
    assert!(submission.record.notes()[0].contains("no signing address for tenant"));

    world.task(1, "CREATED").await;
    let url = "https://sign.example/?task_id=task-1";
    let order = json!({ "id": ORDER, "tasks": [{ "id": "task-1", "signingUrl": url }] });
    world.answer("GET", &format!("/sign/orders/{ORDER}"), json_answer(200, &order)).await;
    let report = world.client.status(&submission.handle).await.unwrap();
    assert!(
        matches!(&report.next_steps[0].step, Step::OpenLink { url: found, .. } if found.expose().as_str() == url)
    );
    let renewed = report.new_handle.unwrap();
    assert!(world.client.status(&renewed).await.unwrap().next_steps.is_empty(), "asked for once");
}

#[tokio::test]
async fn account_and_organization_go_with_every_call() {
    let world = world(&[("account_id", json!("a-1")), ("organization_id", json!("org"))]).await;
    let handle = world.submitted().await;
    world.task(1, "CREATED").await;
    world.client.status(&handle).await.unwrap();
    let all = world.server.received_requests().await.unwrap();
    for request in all.iter().filter(|request| request.url.path() != "/token") {
        assert_eq!(request.url.query(), Some("signicat-accountId=a-1"));
        assert_eq!(request.headers["Signicat-OrganizationId"], "org");
    }
}

#[tokio::test]
async fn a_callback_recovers_a_lost_submission_once_signicat_confirms_the_reference() {
    let world = world(&[]).await;
    world.answer("POST", "/sign/orders", ResponseTemplate::new(503)).await;
    let terms = Document::new("Terms", MediaType::TEXT, "I agree.").with_key("terms");
    let signer = landlord().document("terms", Use::Sign).document("document", Use::View);
    let request = two(Delivery::ShareableLink, Order::Sequential).document(terms);
    let mut request = request;
    request.signers[1] = signer;
    let prepared = world.client.prepare(request).await.unwrap();
    let intent = prepared.intent().clone();
    assert!(world.client.submit(prepared).await.unwrap_err().is_outcome_unknown());
    let Resolution::Unknown { why } = world.client.resolve(&intent).await.unwrap() else { panic!() };
    assert!(why.contains("callback") && !why.contains("::"), "{why}");

    let sent = accepted(world.order().await);
    let mut other = sent.clone();
    other["clientReference"] = json!("lease-13");
    let mut fewer = sent.clone();
    fewer["tasks"].as_array_mut().unwrap().pop();
    for (id, order) in [("o-1", &sent), ("o-2", &other), ("o-3", &fewer)] {
        world.answer("GET", &format!("/sign/orders/{id}"), json_answer(200, order)).await;
    }
    let provider = world.provider();
    let unknown = |resolution| matches!(resolution, Resolution::Unknown { .. });
    assert!(unknown(recover(&provider, &intent, "o-2").await));
    assert!(unknown(recover(&provider, &intent, "o-3").await));
    assert!(unknown(recover(&provider, &intent, "o-4").await), "Signicat has no such order");
    let Resolution::Found(found) = recover(&provider, &intent, "o-1").await else { panic!() };
    assert_eq!(found.handle.request().id(), ORDER);
    assert_eq!(steps(&found).len(), 3);

    world.task(1, "COMPLETED").await;
    world.task(2, "CREATED").await;
    let report = world.client.status(&found.handle).await.unwrap();
    // The tenant signs both documents, the landlord one.
    assert_eq!(report.progress(), (2, Some(3)));
}

/// By the address that Signicat called.
async fn recover(provider: &SignicatProvider, intent: &esign_core::Intent, order: &str) -> Resolution {
    let call = InboundCall::get("/hook").with_query("requestId", order);
    Lookup::find_by_call(provider, intent, &call).await.unwrap()
}
