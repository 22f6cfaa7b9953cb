//! Whole courses over the sandbox.

use esign_core::{
    ArtifactId, CancelOutcome, Delivery, Document, ErrorKind, Event, InboundCall, Mark, Order, Role, State,
    Step,
};
use serde_json::{Value, json};

use crate::support::{World, by_email, by_link, pdf, person, place, request};

#[tokio::test]
async fn two_by_link_one_after_the_other() {
    let world = World::new().await;
    let sent = world
        .send(
            request(Delivery::ShareableLink)
                .signer(person("tenant").place(place(1, 100.0)).place(place(1, 200.0).mark(Mark::Date)))
                .signer(person("landlord").place(place(2, 100.0)))
                .order(Order::Sequential),
        )
        .await;
    let Step::OpenLink { url, open_before, shared: false } = &sent.next_steps[0].step else { panic!() };
    let envelope = world.sandbox.documenso().envelopes().remove(0);
    assert_eq!(url.expose().as_str(), envelope.recipients[0].signing_link);
    assert_eq!(*open_before, envelope.recipients[0].expires_at);
    assert_eq!(sent.next_steps[1].step, Step::WaitForOthers);
    assert!(world.subjects().is_empty(), "with links nobody is mailed");

    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.progress()), (State::Pending, (0, Some(2))));
    world.sign(&sent.handle, 0).await;
    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.progress()), (State::InProgress, (1, Some(2))));
    let [next] = report.next_steps.as_slice() else { panic!("{:?}", report.next_steps) };
    let Step::OpenLink { url, .. } = &next.step else { panic!() };
    assert_eq!(
        (next.signer.as_str(), url.expose().as_str()),
        ("landlord", envelope.recipients[1].signing_link.as_str())
    );

    world.sign(&sent.handle, 1).await;
    let sealing = world.status(&sent.handle).await;
    assert_eq!((sealing.state(), sealing.provider_status.as_deref()), (State::InProgress, Some("PENDING")));
    assert!(sealing.notes[0].contains("sealed file"), "{:?}", sealing.notes);
    let early = world.client.download(&sent.handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::NotReady, "the server would give the unsigned file");
    world.advance(4);
    assert_eq!(world.status(&sent.handle).await.state(), State::Completed);
    let signed = world.client.download(&sent.handle, &ArtifactId::SIGNED).await.unwrap();
    assert_ne!(signed.content, pdf());
    let original = world.client.download(&sent.handle, &ArtifactId::ORIGINAL).await.unwrap();
    assert_eq!(original.content, pdf());
    for evidence in ["evidence", "evidence:certificate", "evidence:audit-log.json"] {
        let paper = world.client.download(&sent.handle, &ArtifactId::parse(evidence)).await.unwrap();
        assert!(!paper.content.is_empty(), "{evidence}");
    }
    let late = world.client.download(&sent.handle, &ArtifactId::PARTIAL).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Gone);
    assert_eq!(world.client.cancel(&sent.handle).await.unwrap(), CancelOutcome::TooLate);
}

/// What goes over the wire: roles, turns, marks, one message, no mail to the token's user.
#[tokio::test]
async fn everything_neutral_arrives() {
    let world = World::new().await;
    let sent = world
        .send(
            request(Delivery::ProviderEmail)
                .document(Document::pdf("Annex", pdf()).with_key("annex"))
                .signer(
                    person("tenant")
                        .place(place(1, 100.0).on("document"))
                        .place(place(1, 200.0).on("document").mark(Mark::Initials))
                        .place(place(3, 200.0).on("annex").mark(Mark::Name)),
                )
                .signer(person("agent").role(Role::Approver))
                .signer(person("bank").role(Role::Viewer))
                .signer(person("archive").role(Role::Copy))
                .order(Order::Sequential)
                .message("Please sign")
                .language("pt-br")
                .return_url("https://app.lab.example/done?x=1".parse().unwrap())
                .expires_after(esign_core::jiff::SignedDuration::from_hours(24 * 7)),
        )
        .await;
    let heard: Value =
        serde_json::from_str(&world.sandbox.documenso().heard(sent.handle.request().id()).unwrap()).unwrap();
    let recipients = heard["recipients"].as_array().unwrap();
    let of = |name: &str| recipients.iter().map(|r| r[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("role"), ["SIGNER", "APPROVER", "VIEWER", "CC"]);
    assert_eq!(of("signingOrder"), [json!(1), json!(2), json!(3), Value::Null]);
    let fields = recipients[0]["fields"].as_array().unwrap();
    let kinds: Vec<_> =
        fields.iter().map(|f| (f["type"].as_str().unwrap(), f["identifier"].as_u64().unwrap())).collect();
    assert_eq!(kinds, [("SIGNATURE", 0), ("INITIALS", 0), ("NAME", 1)]);
    let meta = &heard["meta"];
    assert_eq!(meta["distributionMethod"], "EMAIL");
    assert_eq!((&meta["signingOrder"], &meta["language"]), (&json!("SEQUENTIAL"), &json!("pt-BR")));
    assert_eq!(
        (&meta["message"], &meta["redirectUrl"]),
        (&json!("Please sign"), &json!("https://app.lab.example/done?x=1"))
    );
    assert_eq!(meta["envelopeExpirationPeriod"], json!({ "unit": "day", "amount": 7 }));
    assert_eq!(meta["emailSettings"]["ownerDocumentCompleted"], false);
    assert_eq!(world.subjects(), ["tenant@lab.example: Please sign this document"]);

    for recipient in 0..3 {
        world.sign(&sent.handle, recipient).await;
    }
    world.advance(4);
    let report = world.status(&sent.handle).await;
    assert_eq!(report.state(), State::Completed);
    let ids: Vec<_> = report.artifacts.iter().map(ArtifactId::as_str).collect();
    assert_eq!(ids[..2], ["signed:document", "signed:annex"]);
    for id in &report.artifacts {
        world.client.download(&sent.handle, id).await.unwrap();
    }
    assert!(world.subjects().iter().any(|s| s.starts_with("archive@lab.example: Signing Complete!")));
    assert!(!world.subjects().iter().any(|s| s.starts_with("owner@")), "the token's user is not mailed");
}

#[tokio::test]
async fn a_rejection_is_an_end_and_its_sealed_file_no_result() {
    let world = World::new().await;
    let sent = world.send(by_email()).await;
    world.sandbox.documenso().reject(sent.handle.request().id(), 0, "wrong rent").await.unwrap();
    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.standing.is_final()), (State::Declined, false), "not sealed yet");
    world.advance(4);
    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.standing.is_final()), (State::Declined, true));
    assert!(!report.artifacts.contains(&ArtifactId::SIGNED));
    let error = world.client.download(&sent.handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(world.client.cancel(&sent.handle).await.unwrap(), CancelOutcome::AlreadyGone);
}

#[tokio::test]
async fn a_seal_that_never_comes_is_a_failure_after_its_time() {
    let world = World::with(json!({}), |settings| settings.seal_never = true).await;
    let sent = world.send(by_link()).await;
    world.sign(&sent.handle, 0).await;
    world.advance(389 * 60);
    assert_eq!(world.status(&sent.handle).await.state(), State::InProgress);
    world.advance(120);
    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.standing.is_final()), (State::Failed, false));
}

#[tokio::test]
async fn expiry_is_concluded_and_a_reminder_revives() {
    let world = World::new().await;
    let day = esign_core::jiff::SignedDuration::from_hours(24);
    let sent = world.send(by_email().expires_after(day)).await;
    world.advance(86_401);
    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.standing.is_final()), (State::Expired, false));
    assert_eq!(world.client.remind(&sent.handle).await.unwrap(), ["tenant"]);
    assert_eq!(world.status(&sent.handle).await.state(), State::Pending);
    assert!(world.subjects()[1].contains("Reminder: "), "{:?}", world.subjects());
    let by_link = world.send(by_link()).await;
    let error = world.client.remind(&by_link.handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(world.sandbox.call_count("documenso.redistribute"), 1);
}

#[tokio::test]
async fn only_those_whose_turn_it_is_are_reminded() {
    let world = World::new().await;
    let two = request(Delivery::ProviderEmail)
        .signer(person("tenant").place(place(1, 100.0)))
        .signer(person("landlord").place(place(2, 100.0)));
    let sent = world.send(two.order(Order::Sequential)).await;
    assert_eq!(world.client.remind(&sent.handle).await.unwrap(), ["tenant"]);
    world.sign(&sent.handle, 0).await;
    assert_eq!(world.client.remind(&sent.handle).await.unwrap(), ["landlord"]);
    assert!(world.subjects().iter().filter(|s| s.starts_with("landlord")).count() == 2);
}

#[tokio::test]
async fn a_request_is_called_back_once() {
    let world = World::new().await;
    let sent = world.send(by_email()).await;
    assert_eq!(world.client.cancel(&sent.handle).await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(world.client.cancel(&sent.handle).await.unwrap(), CancelOutcome::AlreadyGone);
    let report = world.status(&sent.handle).await;
    assert_eq!((report.state(), report.standing.is_final()), (State::Cancelled, true));
    let error = world.client.erase(&sent.handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// Webhooks are reasons to look; without the secret they are nothing.
#[tokio::test]
async fn webhooks_are_hints_with_the_secret_only() {
    let world = World::with(json!({}), |settings| {
        let url = "http://127.0.0.1:9/hook".parse().unwrap();
        settings.webhook =
            serde_json::from_value(json!({ "url": url_text(&url), "secret": "webhook-secret" })).ok();
    })
    .await;
    let sent = world.send(by_link()).await;
    let calls = world.sandbox.documenso().webhooks();
    assert_eq!(calls.len(), 2);
    for call in calls {
        let inbound = InboundCall::post("/hook", call.body.clone());
        let genuine = inbound.clone().with_header("X-Documenso-Secret", call.secret);
        let received = world.client.receive("d", &genuine).await.unwrap();
        assert_eq!(received.reply.status, 200);
        let [Event::Hint { key: Some(key), .. }] = &received.events.unwrap()[..] else { panic!() };
        assert_eq!(*key, sent.handle.key());
        for forged in [
            inbound.clone(),
            inbound.clone().with_header("x-documenso-secret", ""),
            inbound.with_header("x-documenso-secret", "other"),
        ] {
            let received = world.client.receive("d", &forged).await.unwrap();
            assert_eq!(
                (received.reply.status, received.events.unwrap_err().kind()),
                (401, ErrorKind::Verification)
            );
        }
    }
    let odd = InboundCall::post("/hook", "<html>").with_header("x-documenso-secret", "webhook-secret");
    assert_eq!(world.client.receive("d", &odd).await.unwrap().reply.status, 400);
}

fn url_text(url: &url::Url) -> &str {
    url.as_str()
}
