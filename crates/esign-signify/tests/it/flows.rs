//! Whole courses over real sockets.

use std::time::Duration;

use esign_core::{
    ArtifactId, Basis, CancelOutcome, Corner, Delivery, ErrorKind, Handle, Order, Origin, Placement,
    ResultState, Signer as Who, State, Step,
};
use esign_sandbox::signify::{IdStyle, Signer};
use esign_sandbox::{Effect, Fault};
use serde_json::json;

use crate::support::{DAY, World, one_by_email, one_by_link, pdf, place, provider, request, two_by_email};

fn id(handle: &Handle) -> &str {
    handle.request().id()
}

#[tokio::test]
async fn two_signers_by_email_from_invitation_to_signed_file() {
    let world = World::new(json!({})).await;
    let handle = world.send(two_by_email().message("Please sign")).await;
    assert_eq!(world.sandbox.mailbox().len(), 2);
    assert!(world.sandbox.mailbox()[0].text.contains("Please sign"));

    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.progress()), (State::Pending, (0, Some(3))));
    assert_eq!(
        world.client.download(&handle, &ArtifactId::PARTIAL).await.unwrap_err().kind(),
        ErrorKind::NotReady
    );

    let tenant = Signer::invited("T. Enant", "tenant@agency.gov.sg");
    world.sandbox.signify().sign(id(&handle), &tenant).await.unwrap();
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!(
        (report.state(), report.progress(), report.result),
        (State::InProgress, (1, Some(3)), ResultState::Partial)
    );
    let states: Vec<_> = report.signers.iter().map(|s| (s.key.as_deref(), s.state)).collect();
    assert_eq!(states, [(Some("tenant"), State::InProgress), (Some("landlord"), State::Pending)]);

    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (ErrorKind::NotReady, Some("draft")));
    let partial = world.client.download(&handle, &ArtifactId::PARTIAL).await.unwrap();
    assert!(partial.content.starts_with(&pdf()) && partial.content.len() > pdf().len());

    world.sandbox.signify().sign_all(id(&handle), &tenant).await.unwrap();
    let landlord = Signer::invited("L. Ord", "landlord@agency.gov.sg");
    world.sandbox.signify().sign_all(id(&handle), &landlord).await.unwrap();
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.progress()), (State::Completed, (3, Some(3))));
    assert_eq!(report.signers[1].completed[0].name.as_ref().unwrap().expose(), "L. Ord");
    let ResultState::Ready { until: Some(until) } = report.result else { panic!("{:?}", report.result) };
    assert_eq!(Some(until), report.expires_at);

    let signed = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
    assert_eq!(signed.content, world.sandbox.signify().pdf(id(&handle)).unwrap());
    let other = world.client.download(&handle, &ArtifactId::EVIDENCE).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::NotFound);
    assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::TooLate);
}

#[tokio::test]
async fn a_link_is_shared_only_where_that_is_allowed() {
    let world = World::new(json!({ "adapt": ["shared_link"] })).await;
    let mut both = two_by_email();
    both.delivery = Delivery::ShareableLink;
    let prepared = world.client.prepare(both).await.unwrap();
    let submission = world.client.submit(prepared).await.unwrap();
    assert!(submission.record.notes().iter().any(|note| note.contains("not bound to signers")));
    assert_eq!(submission.record.intent().changes().len(), 1);
    let links: Vec<_> = submission.next_steps.iter().map(|step| &step.step).collect();
    assert!(matches!(links[..], [Step::OpenLink { shared: true, .. }, Step::OpenLink { shared: true, .. }]));

    let handle = submission.handle;
    world.sandbox.signify().sign_all(id(&handle), &Signer::named("Anyone")).await.unwrap();
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.progress()), (State::Completed, (3, Some(3))));
    assert_eq!(report.signers.len(), 1);
    assert_eq!(report.signers[0].key, None);
}

#[tokio::test]
async fn a_link_for_one_signer_is_theirs() {
    let world = World::new(json!({})).await;
    let handle = world.send(one_by_link("Lease 12")).await;
    assert_eq!(world.sandbox.mailbox().len(), 0);
    world.sandbox.signify().sign(id(&handle), &Signer::named("T. Enant")).await.unwrap();
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.signers[0].key.as_deref()), (State::Completed, Some("tenant")));
}

#[tokio::test]
async fn ids_of_every_form_and_more_than_one_signer_in_any_style() {
    for ids in [IdStyle::AsDocumented, IdStyle::Numbers, IdStyle::Strings] {
        let world = World::with(json!({}), |s| {
            s.ids = ids;
            s.created_is_201 = true;
        })
        .await;
        for request in [one_by_email("By email"), one_by_link("By link")] {
            let handle = world.send(request).await;
            assert_eq!(world.client.status(&handle).await.unwrap().state(), State::Pending, "{ids:?}");
            assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::Cancelled);
        }
    }
}

#[tokio::test]
async fn neutral_places_are_where_the_signature_appears() {
    for origin in ["top-left", "bottom-left"] {
        let world = World::with(json!({ "placement_origin": origin }), |s| {
            s.placement_origin = match origin {
                "top-left" => esign_sandbox::signify::Origin::TopLeft,
                _ => esign_sandbox::signify::Origin::BottomLeft,
            };
        })
        .await;
        let spot = Placement::points(2, 72.0, 144.0, Origin::BottomLeft, Corner::BottomLeft);
        let signer = Who::new("tenant").email("tenant@agency.gov.sg").place(spot);
        let handle = world.send(request("Lease 12", Delivery::ProviderEmail).signer(signer)).await;
        let who = Signer::invited("T. Enant", "tenant@agency.gov.sg");
        world.sandbox.signify().sign(id(&handle), &who).await.unwrap();
        let signed = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap();
        let text = String::from_utf8_lossy(&signed.content);
        let rect = text.split("/Rect").nth(1).unwrap().split(['[', ']']).nth(1).unwrap();
        let corners: Vec<f64> = rect.split_whitespace().map(|n| n.parse().unwrap()).collect();
        for (got, expected) in corners.iter().zip([72.0, 144.0, 292.5, 204.0]) {
            assert!((got - expected).abs() < 0.01, "{origin}: {rect}");
        }
    }
}

#[tokio::test]
async fn a_request_is_called_back_once() {
    let world = World::new(json!({})).await;
    let handle = world.send(one_by_email("Lease 12")).await;
    world.client.status(&handle).await.unwrap();
    assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::Cancelled);
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.state(), report.standing.basis), (State::Cancelled, Basis::Concluded));
    assert_eq!(world.client.cancel(&handle).await.unwrap(), CancelOutcome::AlreadyGone);
    let error = world.client.download(&handle, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn a_completion_during_a_cancel() {
    let world = World::with(json!({}), |s| s.delete_signed = false).await;
    let handle = world.send(one_by_email("Lease 12")).await;
    let who = Signer::invited("T. Enant", "tenant@agency.gov.sg");
    world.sandbox.signify().sign(id(&handle), &who).await.unwrap();
    // As if the status had been read before the signature was made.
    let documents = esign_core::Provider::documents(&*provider(&world.client)).unwrap();
    assert_eq!(documents.cancel(handle.request()).await.unwrap(), CancelOutcome::TooLate);
    let error = world.client.erase(&handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");

    world.sandbox.signify().change(|s| s.delete_signed = true);
    assert!(world.client.erase(&handle).await.unwrap());
    assert!(!world.client.erase(&handle).await.unwrap());
}

#[tokio::test]
async fn after_its_expiry() {
    let world = World::new(json!({})).await;
    let unsigned = world.send(one_by_email("Lease 12")).await;
    let signed = world.send(one_by_link("Lease 13")).await;
    world.sandbox.signify().sign(id(&signed), &Signer::named("T. Enant")).await.unwrap();
    let renewed = world.client.status(&signed).await.unwrap().new_handle.unwrap();

    world.advance(29 * DAY);
    assert_eq!(world.client.status(&unsigned).await.unwrap().state(), State::Pending);
    world.advance(2 * DAY);
    for (handle, state, basis) in [
        (&unsigned, State::Expired, Basis::Concluded),
        (&signed, State::Expired, Basis::Concluded),
        (&renewed, State::Completed, Basis::Provider),
    ] {
        let report = world.client.status(handle).await.unwrap();
        assert_eq!((report.standing.state, report.standing.basis), (state, basis));
        assert_eq!(report.result, ResultState::Gone);
    }
    let error = world.client.download(&renewed, &ArtifactId::SIGNED).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Gone);
    assert!(!world.client.erase(&renewed).await.unwrap());
}

#[tokio::test]
async fn the_hundred_and_first_call_waits_for_the_window() {
    let world = World::with(json!({}), |s| s.rate_limit = None).await;
    let handle = world.send(one_by_email("Lease 12")).await;
    for _ in 0..100 {
        world.client.status(&handle).await.unwrap();
    }
    let waited = esign_core::Clock::monotonic(&world.clock);
    assert!((Duration::from_millis(10_200)..Duration::from_secs(11)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn a_rate_limited_read_is_repeated() {
    let world = World::new(json!({})).await;
    let handle = world.send(one_by_email("Lease 12")).await;
    world.sandbox.inject(Fault::on("signify.get", Effect::too_many_requests(Some(3))).times(2)).unwrap();
    world.client.status(&handle).await.unwrap();
    assert_eq!(world.sandbox.call_count("signify.get"), 3);
    assert!(esign_core::Clock::monotonic(&world.clock) >= Duration::from_secs(6));
}

#[tokio::test]
async fn thirty_signatures_of_ten_people() {
    let world = World::new(json!({})).await;
    let mut all = request("Minutes", Delivery::ProviderEmail).order(Order::Parallel);
    for i in 0..10 {
        let mut signer = Who::new(format!("s{i}")).email(format!("s{i}@agency.gov.sg"));
        for page in 1..=3 {
            signer = signer.place(place(page, "0.1", &format!("0.0{i}")));
        }
        all = all.signer(signer);
    }
    let handle = world.send(all).await;
    let report = world.client.status(&handle).await.unwrap();
    assert_eq!((report.signers.len(), report.progress()), (10, (0, Some(30))));
    assert!(report.signers.iter().enumerate().all(|(i, s)| s.key.as_deref() == Some(&format!("s{i}"))));
}
