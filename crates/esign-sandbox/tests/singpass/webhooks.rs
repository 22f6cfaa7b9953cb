//! News of a signed document: delivered, tried again, lost, late, twice, forged.

use std::time::Duration;

use esign_sandbox::singpass::{Delivery, DeliveryOutcome, Forgery, NotPossible};
use serde_json::{Value, json};

use crate::rp::Answer;
use crate::support::{person, world, world_with};

fn outcomes(deliveries: &[Delivery]) -> Vec<DeliveryOutcome> {
    deliveries.iter().map(|delivery| delivery.outcome).collect()
}

#[tokio::test]
async fn a_webhook_is_tried_three_times_two_seconds_apart() {
    let world = world().await;
    let start = world.sandbox.clock().now();
    world.rp.answer_next([Answer::Status(500), Answer::Status(503), Answer::Status(500)]);
    let request = world.signed().await;
    let singpass = world.singpass();
    assert_eq!(singpass.delivered(1).await.len(), 1);
    world.advance(1);
    assert_eq!(singpass.deliveries().len(), 1, "too early");
    world.advance(1);
    assert_eq!(singpass.delivered(2).await.len(), 2);
    world.advance(2);
    let deliveries = singpass.webhooks_done().await;
    assert_eq!(outcomes(&deliveries), [500, 503, 500].map(DeliveryOutcome::Answered));
    let times: Vec<_> =
        deliveries.iter().map(|delivery| delivery.at.duration_since(start).as_secs()).collect();
    assert_eq!(times, [0, 2, 4]);
    assert_eq!(deliveries.iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    let tokens = world.rp.tokens();
    assert!(tokens.iter().all(|token| *token == tokens[0]), "the same token each time");
    // Lost for good; the result tells.
    assert_eq!(world.result(&request).await.0, 200);
}

#[tokio::test]
async fn a_webhook_that_is_accepted_or_refused_is_not_tried_again() {
    let world = world().await;
    for status in [200, 201, 204, 299, 302, 400, 404, 422] {
        world.rp.answer_next([Answer::Status(status)]);
        world.signed().await;
        let deliveries = world.singpass().webhooks_done().await;
        let last = deliveries.last().unwrap();
        assert_eq!((last.attempt, last.outcome), (1, DeliveryOutcome::Answered(status)));
        assert_eq!(last.outcome.is_accepted(), status < 300);
    }
    world.singpass().change(|settings| settings.webhook_retries_refusals = true);
    world.rp.answer_next([Answer::Status(404)]);
    let before = world.singpass().deliveries().len();
    world.signed().await;
    world.singpass().delivered(before + 1).await;
    world.advance(2);
    assert_eq!(world.singpass().webhooks_done().await.len(), before + 2);
}

#[tokio::test]
async fn retries_can_be_switched_off() {
    let world = world_with(|settings| settings.webhook_retries = false).await;
    world.rp.answer_next([Answer::Status(500)]);
    world.signed().await;
    assert_eq!(world.singpass().webhooks_done().await.len(), 1);
}

#[tokio::test]
async fn an_answer_must_come_within_two_seconds() {
    let world = world().await;
    world.rp.answer_next([Answer::Silence]);
    world.signed().await;
    // The first is under way, and ends only by the clock.
    while world.rp.tokens().is_empty() {
        tokio::task::yield_now().await;
    }
    world.advance(1);
    assert!(world.singpass().deliveries().is_empty());
    world.advance(1);
    let first = world.singpass().delivered(1).await;
    assert_eq!(outcomes(&first), [DeliveryOutcome::TimedOut]);
    world.advance(2);
    let both = world.singpass().webhooks_done().await;
    assert_eq!(outcomes(&both), [DeliveryOutcome::TimedOut, DeliveryOutcome::Answered(200)]);
}

#[tokio::test]
async fn a_webhook_that_nobody_listens_to_is_tried_again() {
    let world = world().await;
    let request = world.initiate().await;
    let mut client = world.rp.client();
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    client.webhook_url = format!("http://{gone}/webhook").parse().unwrap();
    world.singpass().register(client).unwrap();
    world.singpass().sign(&request.id, &person()).await.unwrap();
    assert_eq!(outcomes(&world.singpass().delivered(1).await), [DeliveryOutcome::Unreachable]);
    world.singpass().register(world.rp.client()).unwrap();
    for attempt in 2..=3 {
        world.advance(2);
        world.singpass().delivered(attempt).await;
    }
    assert_eq!(outcomes(&world.singpass().webhooks_done().await), [DeliveryOutcome::Unreachable; 3]);
}

#[tokio::test]
async fn webhooks_can_be_late_and_overtake_each_other() {
    let world = world_with(|settings| settings.webhook_delay_seconds = 60).await;
    let late = world.signed().await;
    world.singpass().change(|settings| settings.webhook_delay_seconds = 0);
    let early = world.signed().await;
    assert_eq!(world.singpass().delivered(1).await[0].request_id, early.id);
    world.sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(world.singpass().webhooks_done().await[1].request_id, late.id);
    let (_, claims) = world.proven(&world.rp.tokens()[1]).await.unwrap();
    assert_eq!(claims["iat"], world.now(), "its two minutes begin when it is sent");
}

#[tokio::test]
async fn webhooks_can_come_twice() {
    let world = world().await;
    let request = world.signed().await;
    world.singpass().announce_again(&request.id).unwrap();
    assert_eq!(world.singpass().webhooks_done().await.len(), 2);
    let tokens = world.rp.tokens();
    assert_ne!(tokens[0], tokens[1]);
    for token in &tokens {
        assert_eq!(world.proven(token).await.unwrap().1["request_id"], request.id);
    }
    let unsigned = world.initiate().await;
    assert!(matches!(world.singpass().announce_again(&unsigned.id), Err(NotPossible::NotSigned)));
}

#[tokio::test]
async fn webhooks_can_be_forged() {
    let world = world().await;
    let request = world.initiate().await;
    let now = world.now();
    for (index, (forgery, proven, changed, value)) in [
        (Forgery::BadSignature, false, "", Value::Null),
        (Forgery::UnknownKid, false, "", Value::Null),
        (Forgery::Expired, true, "exp", json!(now - 3480)),
        (Forgery::WrongRequestType, true, "request_type", json!("transaction")),
        (Forgery::ForeignRequest, true, "", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        world.rp.answer_next([Answer::Status(500)]);
        world.singpass().forge(&request.id, forgery).unwrap();
        let deliveries = world.singpass().webhooks_done().await;
        assert_eq!(deliveries.len(), index + 1, "sent once, whatever the answer");
        assert!(deliveries[index].forged);
        let token = &world.rp.tokens()[index];
        let claims = world.proven(token).await.map(|(_, claims)| claims);
        assert_eq!(claims.is_some(), proven, "{forgery:?}");
        if !changed.is_empty() {
            assert_eq!(claims.unwrap()[changed], value);
        } else if let Some(claims) = claims {
            assert_ne!(claims["request_id"], request.id);
            assert_eq!(claims["request_id"], deliveries[index].request_id);
        }
    }
    assert!(matches!(world.singpass().forge("signv3-0", Forgery::Expired), Err(NotPossible::NoRequest(_))));
}

/// What a reader of the signature sees first: the kid is a known one, only the key is not.
#[tokio::test]
async fn a_forged_signature_names_a_published_key() {
    let world = world().await;
    let request = world.initiate().await;
    for (forgery, kid) in
        [(Forgery::BadSignature, "sign-sandbox-01"), (Forgery::UnknownKid, "sign-unknown-01")]
    {
        world.singpass().forge(&request.id, forgery).unwrap();
        world.singpass().webhooks_done().await;
        let token = world.rp.tokens().pop().unwrap();
        assert_eq!(jsonwebtoken::decode_header(&token).unwrap().kid.unwrap(), kid);
    }
}

#[tokio::test]
async fn the_sandbox_stops_although_a_webhook_waits() {
    let world = world().await;
    world.rp.answer_next([Answer::Silence]);
    world.signed().await;
    while world.rp.tokens().is_empty() {
        tokio::task::yield_now().await;
    }
    let singpass = world.singpass();
    world.sandbox.shutdown().await;
    assert!(singpass.webhooks_done().await.is_empty());
}
