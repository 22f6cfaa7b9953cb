//! Answers that are lost: nobody is told twice, and what was sent is found.

use esign_core::{ErrorKind, Resolution, Retry, State, Step};
use esign_sandbox::{Effect, Fault};
use serde_json::json;

use crate::support::{World, by_email, by_link};

/// The first step is invisible: its draft is removed, and all may be done again.
#[tokio::test]
async fn a_lost_answer_to_the_first_step_leaves_nothing() {
    for effect in [Effect::Close, Effect::html(502), Effect::html(200), Effect::Truncate { keep: 5 }] {
        let world = World::new().await;
        world.sandbox.inject(Fault::on("documenso.create", effect.clone()).after_commit()).unwrap();
        let prepared = world.client.prepare(by_email()).await.unwrap();
        let intent = prepared.intent().clone();
        let error = world.client.submit(prepared).await.unwrap_err();
        assert_eq!(error.retry(), Retry::SAFE, "{effect:?}: {error}");
        assert!(error.message().contains("nothing has reached anybody"), "{error}");
        assert!(
            world.envelopes().is_empty() && world.subjects().is_empty(),
            "{effect:?}: {:?}",
            world.envelopes()
        );
        assert!(matches!(world.client.resolve(&intent).await.unwrap(), Resolution::NotFound));
    }
}

/// Somebody else's draft under the same reference, made before, is not ours to remove.
#[tokio::test]
async fn an_older_draft_under_the_reference_stays() {
    let world = World::new().await;
    let request = by_email();
    let again = request.clone();
    world.sandbox.inject(Fault::on("documenso.distribute", Effect::Close)).unwrap();
    let lost = world.client.submit(world.client.prepare(request).await.unwrap()).await.unwrap_err();
    assert!(lost.is_outcome_unknown(), "{lost}");
    assert_eq!(world.envelopes(), ["Lease 12 DRAFT"]);
    world.advance(60);
    world.sandbox.inject(Fault::on("documenso.create", Effect::Close).after_commit()).unwrap();
    world.client.submit(world.client.prepare(again).await.unwrap()).await.unwrap_err();
    assert_eq!(world.envelopes(), ["Lease 12 DRAFT"], "the older one");
}

/// The second step reaches people: it is never repeated, and found afterwards.
#[tokio::test]
async fn a_lost_answer_to_the_second_step_is_found_and_mailed_once() {
    for effect in
        [Effect::Close, Effect::html(503), Effect::html(200), Effect::json(500, r#"{"message":"Internal"}"#)]
    {
        let world = World::new().await;
        world.sandbox.inject(Fault::on("documenso.distribute", effect.clone()).after_commit()).unwrap();
        let prepared = world.client.prepare(by_email()).await.unwrap();
        let intent = prepared.intent().clone();
        let error = world.client.submit(prepared).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{effect:?}: {error}");
        assert_eq!(world.sandbox.call_count("documenso.distribute"), 1);
        let Resolution::Found(found) = world.client.resolve(&intent).await.unwrap() else {
            panic!("{effect:?}")
        };
        assert_eq!(world.status(&found.handle).await.state(), State::Pending);
        assert_eq!(world.subjects().len(), 1, "one mail");
        world.sign(&found.handle, 0).await;
    }
}

#[tokio::test]
async fn the_links_of_what_is_found_again_are_the_right_ones() {
    let world = World::new().await;
    world.sandbox.inject(Fault::on("documenso.distribute", Effect::Close).after_commit()).unwrap();
    let prepared = world.client.prepare(by_link()).await.unwrap();
    let intent = prepared.intent().clone();
    world.client.submit(prepared).await.unwrap_err();
    let Resolution::Found(found) = world.client.resolve(&intent).await.unwrap() else { panic!() };
    let Step::OpenLink { url, .. } = &found.next_steps[0].step else { panic!("{:?}", found.next_steps) };
    let link = world.sandbox.documenso().envelopes()[0].recipients[0].signing_link.clone();
    assert_eq!(url.expose().as_str(), link);
}

/// A refusal of the second step sends nothing, and leaves no copy of the document.
#[tokio::test]
async fn a_refused_second_step_removes_the_draft() {
    let world = World::new().await;
    let refusal =
        r#"{"message":"no","code":"INTERNAL_SERVER_ERROR","data":{"code":"RECIPIENT_LIMIT_EXCEEDED"}}"#;
    world.sandbox.inject(Fault::on("documenso.distribute", Effect::json(400, refusal))).unwrap();
    let error = world.client.submit(world.client.prepare(by_email()).await.unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::InvalidRequest, Retry::Never), "{error}");
    assert_eq!(error.provider_code(), Some("RECIPIENT_LIMIT_EXCEEDED"));
    assert!(world.envelopes().is_empty(), "{:?}", world.envelopes());
}

/// References are not unique, and the search takes `_` for anything.
#[tokio::test]
async fn only_the_very_reference_is_found() {
    let world = World::with(json!({ "lookup_settle": "0s" }), |_| {}).await;
    let with = |reference: &str| {
        let mut request = by_email();
        request.reference = esign_core::Reference::new(reference).unwrap();
        request
    };
    let intent = world.client.prepare(with("ref_1")).await.unwrap().intent().clone();
    world.send(with("ref-1")).await;
    assert!(matches!(world.client.resolve(&intent).await.unwrap(), Resolution::NotFound));
    let own = world.send(with("ref_1")).await;
    let Resolution::Found(found) = world.client.resolve(&intent).await.unwrap() else { panic!() };
    assert_eq!(found.handle.key(), own.handle.key());
    world.send(with("ref_1")).await;
    let Resolution::Candidates(found) = world.client.resolve(&intent).await.unwrap() else { panic!() };
    assert_eq!(found.len(), 2);
    // Another's envelope under the same reference: other people are in it.
    let mut other = with("ref_9");
    let intent = world.client.prepare(other.clone()).await.unwrap().intent().clone();
    other.signers[0].email = Some("somebody@else.example".into());
    world.send(other).await;
    let Resolution::Unknown { why } = world.client.resolve(&intent).await.unwrap() else { panic!() };
    assert!(why.contains("recipients or documents"), "{why}");
}
