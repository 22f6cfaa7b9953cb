//! Answers that are lost: nothing is created twice, and what was created is found.

use std::time::Duration;

use esign_core::{
    Candidate, Clock, Error, ErrorKind, Intent, Reference, Resolution, SignRequest, State, Step, Submission,
};
use esign_sandbox::{Effect, Fault};
use serde_json::json;

use crate::support::{DAY, START, World, client_at, one_by_email, one_by_link, two_by_email};

/// Sends, with the intent as it was stored before.
async fn try_to_send(world: &World, request: SignRequest) -> (Intent, Result<Submission, Error>) {
    let prepared = world.client.prepare(request).await.unwrap();
    let stored = prepared.intent().to_json();
    let sent = world.client.submit(prepared).await;
    (Intent::from_json(&stored).unwrap(), sent)
}

fn candidates(resolution: Resolution) -> Vec<Candidate> {
    match resolution {
        Resolution::Candidates(candidates) => candidates,
        other => panic!("{other:?}"),
    }
}

fn created(world: &World) -> usize {
    world.sandbox.signify().documents().len()
}

#[tokio::test]
async fn whatever_happens_to_the_answer_one_document_is_made_and_found() {
    let json = |status| Effect::json(status, r#"{"message":"Internal Server Error"}"#);
    for effect in [
        Effect::Close,
        Effect::html(502),
        json(500),
        json(503),
        json(504),
        json(402),
        Effect::garbage(),
        Effect::json(200, ""),
        Effect::json(200, "{}"),
        Effect::html(200),
        Effect::Truncate { keep: 5 },
        Effect::redirect("https://login.example/"),
    ] {
        let world = World::new(json!({})).await;
        world.sandbox.inject(Fault::on("signify.create", effect.clone()).after_commit()).unwrap();
        let (intent, sent) = try_to_send(&world, two_by_email()).await;
        let error = sent.unwrap_err();
        assert!(error.is_outcome_unknown(), "{effect:?}: {error}");
        assert_eq!((world.sandbox.call_count("signify.create"), created(&world)), (1, 1), "{effect:?}");

        let mut found = candidates(world.client.resolve(&intent).await.unwrap());
        assert_eq!(found.len(), 1, "one match is only a candidate");
        assert_eq!(found[0].agrees, ["name", "mode", "created_at", "signers"]);
        let submission = found.remove(0).submission;
        assert_eq!(submission.next_steps.len(), 2);
        assert!(submission.record.provider_created_at().is_some());
        assert_eq!(world.client.status(&submission.handle).await.unwrap().state(), State::Pending);
        assert_eq!(world.sandbox.mailbox().len(), 2, "each signer got one e-mail");
    }
}

#[tokio::test]
async fn a_time_out_is_an_unknown_outcome() {
    let world = World::new(json!({ "http": { "total_timeout": 0.3 } })).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Stall).after_commit()).unwrap();
    let (intent, sent) = try_to_send(&world, one_by_email("Lease 12")).await;
    let error = sent.unwrap_err();
    assert!(error.is_outcome_unknown() && error.kind() == ErrorKind::Timeout, "{error}");
    assert_eq!(candidates(world.client.resolve(&intent).await.unwrap()).len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let world = World::new(json!({ "http": { "max_answer_bytes": 65_536 } })).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Huge { bytes: 1_000_000_000 })).unwrap();
    let (intent, sent) = try_to_send(&world, one_by_email("Lease 12")).await;
    assert!(sent.unwrap_err().is_outcome_unknown());
    world.sandbox.inject(Fault::on("signify.list", Effect::Huge { bytes: 1_000_000_000 })).unwrap();
    assert_eq!(world.client.resolve(&intent).await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(candidates(world.client.resolve(&intent).await.unwrap()).len(), 1);
}

#[tokio::test]
async fn a_create_that_never_arrived_is_not_found_after_a_second_look() {
    let world = World::new(json!({})).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Close)).unwrap();
    let (intent, sent) = try_to_send(&world, one_by_email("Lease 12")).await;
    assert!(sent.unwrap_err().is_outcome_unknown());
    let before = world.clock.monotonic();
    assert!(matches!(world.client.resolve(&intent).await.unwrap(), Resolution::NotFound));
    assert_eq!(world.sandbox.call_count("signify.list"), 2);
    assert_eq!(world.clock.monotonic() - before, Duration::from_secs(5));
}

#[tokio::test]
async fn nobody_there_is_safe_to_repeat() {
    let world = World::new(json!({})).await;
    let prepared = world.client.prepare(one_by_email("Lease 12")).await.unwrap();
    let World { sandbox, client, .. } = world;
    sandbox.shutdown().await;
    let error = client.submit(prepared).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(!error.is_outcome_unknown(), "{error}");
}

#[tokio::test]
async fn a_429_on_create_makes_one_document() {
    let world = World::new(json!({})).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::too_many_requests(None)).times(3)).unwrap();
    let (_, sent) = try_to_send(&world, one_by_email("Lease 12")).await;
    sent.unwrap();
    assert_eq!((world.sandbox.call_count("signify.create"), created(&world)), (4, 1));
}

#[tokio::test]
async fn the_reference_in_the_name_finds_without_doubt() {
    let world = World::new(json!({ "reference_in_name": "suffix" })).await;
    // An earlier document of the same name must not disturb.
    world.send(one_by_link("Lease 12")).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Close).after_commit()).unwrap();
    let mut request = one_by_link("Lease 12");
    request.reference = Reference::new("INV-1").unwrap();
    let (intent, sent) = try_to_send(&world, request).await;
    sent.unwrap_err();
    let Resolution::Found(found) = world.client.resolve(&intent).await.unwrap() else { panic!() };
    let documents = world.sandbox.signify().documents();
    assert_eq!(found.handle.request().id(), documents[1].id);
    assert_eq!(documents[1].name, "Lease 12 (INV-1)");
    let Step::OpenLink { url, .. } = &found.next_steps[0].step else { panic!() };
    assert_eq!(url.expose().as_str(), documents[1].invitations[0].signing_link);

    // Found as well by an instance where the setting is off now.
    let (off, _) = client_at(world.sandbox.base_url().as_str(), json!({}), START).await;
    assert!(matches!(off.resolve(&intent).await.unwrap(), Resolution::Found(_)));
    // A reference that was used twice finds two.
    world
        .client
        .submit(
            world
                .client
                .prepare({
                    let mut again = one_by_link("Lease 12");
                    again.reference = Reference::new("INV-1").unwrap();
                    again
                })
                .await
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(candidates(world.client.resolve(&intent).await.unwrap()).len(), 2);
}

#[tokio::test]
async fn a_crash_between_sending_and_storing_the_handle() {
    let world = World::new(json!({})).await;
    let (intent, sent) = try_to_send(&world, one_by_email("Lease 12")).await;
    let lost = sent.unwrap().handle.key();
    let other = world.send(one_by_email("Lease 99")).await;
    // Another process, later, from the stored intent.
    world.advance(DAY);
    let (restarted, _) =
        client_at(world.sandbox.base_url().as_str(), json!({}), "2026-03-03T01:00:00Z").await;
    let found = candidates(restarted.resolve(&intent).await.unwrap());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].submission.handle.key(), lost);
    assert_ne!(found[0].submission.handle.key(), other.key());
}

#[tokio::test]
async fn those_that_agree_in_more_come_first_and_none_is_dropped() {
    let world = World::new(json!({})).await;
    let mut stranger = one_by_email("Lease 12");
    stranger.signers[0].email = Some("someone@else.gov.sg".into());
    world.send(stranger).await;
    world.send(one_by_link("Lease 12")).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Close).after_commit()).unwrap();
    let (intent, _) = try_to_send(&world, one_by_email("Lease 12")).await;
    let found = candidates(world.client.resolve(&intent).await.unwrap());
    let ids: Vec<_> = found.iter().map(|c| c.submission.handle.request().id().to_owned()).collect();
    let documents = world.sandbox.signify().documents();
    assert_eq!(ids, [documents[2].id.clone(), documents[0].id.clone()], "the one by link is of another mode");
    assert!(found[0].agrees.contains(&"signers") && !found[1].agrees.contains(&"signers"));
}

#[tokio::test]
async fn documents_of_another_time_are_no_candidates() {
    let world = World::new(json!({})).await;
    world.send(one_by_email("Lease 12")).await;
    // Beyond the skew, and beyond the wait for a second look, which sets this test's two clocks apart.
    world.advance(Duration::from_secs(301 + 60));
    world.sandbox.inject(Fault::on("signify.create", Effect::Close)).unwrap();
    let (intent, _) = try_to_send(&world, one_by_email("Lease 12")).await;
    assert!(matches!(world.client.resolve(&intent).await.unwrap(), Resolution::NotFound));
}

#[tokio::test]
async fn clocks_that_differ() {
    // Ours is up to the skew ahead or behind; further apart the document is out of sight without a usable Date header.
    for (ours, skew, found) in [
        ("2026-03-02T01:04:00Z", "5m", 1),
        ("2026-03-02T00:56:00Z", "5m", 1),
        ("2026-03-02T01:20:00Z", "30m", 1),
    ] {
        let world = World::new(json!({})).await;
        let base = world.sandbox.base_url().as_str();
        let (client, _) = client_at(base, json!({ "lookup_skew": skew }), ours).await;
        world.sandbox.inject(Fault::on("signify.create", Effect::Close).after_commit()).unwrap();
        let prepared = client.prepare(one_by_email("Lease 12")).await.unwrap();
        let intent = prepared.intent().clone();
        client.submit(prepared).await.unwrap_err();
        assert_eq!(candidates(client.resolve(&intent).await.unwrap()).len(), found, "{ours}");
    }
}

#[tokio::test]
async fn what_is_too_old_or_too_common_is_unknown() {
    let world = World::with(json!({}), |s| s.rate_limit = None).await;
    world.sandbox.inject(Fault::on("signify.create", Effect::Close)).unwrap();
    let (intent, _) = try_to_send(&world, one_by_email("Lease 12")).await;
    world.advance(29 * DAY + Duration::from_secs(1));
    let Resolution::Unknown { why } = world.client.resolve(&intent).await.unwrap() else { panic!() };
    assert!(why.contains("expired"), "{why}");

    for _ in 0..51 {
        world.send(one_by_email("Lease 12")).await;
    }
    let Resolution::Unknown { why } = world.client.resolve(&intent).await.unwrap() else { panic!() };
    assert!(why.contains("51 documents"), "{why}");
}

#[tokio::test]
async fn a_failing_lookup_is_safe_to_repeat() {
    let world = World::new(json!({})).await;
    let (intent, _) = try_to_send(&world, one_by_email("Lease 12")).await;
    world.sandbox.inject(Fault::on("signify.list", Effect::html(502)).times(9)).unwrap();
    let error = world.client.resolve(&intent).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Provider, esign_core::Retry::Exhausted), "{error}");
    // The rest of the faults is used up by retries of the next.
    assert_eq!(candidates(world.client.resolve(&intent).await.unwrap()).len(), 1);
}

/// After a crash with many armed attempts the list is read once, not once for each.
#[tokio::test]
async fn many_intents_cost_one_list() {
    let world = World::new(json!({ "reference_in_name": "suffix" })).await;
    let mut intents = Vec::new();
    for _ in 0..3 {
        let effect = Effect::json(502, "{}");
        world.sandbox.inject(Fault::on("signify.create", effect).after_commit()).unwrap();
        let (intent, _) = try_to_send(&world, one_by_email("Lease 12")).await;
        intents.push(intent);
    }
    let found = world.client.resolve_many(&intents).await.unwrap();
    assert!(found.iter().all(|found| matches!(found, Resolution::Found(_))), "{found:?}");
    assert_eq!(world.sandbox.call_count("signify.list"), 1);
    let mut ids: Vec<_> = found
        .iter()
        .map(|found| match found {
            Resolution::Found(submission) => submission.handle.key(),
            other => panic!("{other:?}"),
        })
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each intent has found its own");
}
