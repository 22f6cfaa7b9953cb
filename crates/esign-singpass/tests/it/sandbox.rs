//! Whole flows over real sockets against the simulator, which knows the wire format by itself.

use std::time::Duration;

use esign_core::{
    CancelOutcome, ChainStep, ErrorKind, Event, Identity, InboundCall, KeyAlgorithm, Order, ProbeVerdict,
    Resolution, ResultState, Retry, Signer, SigningKey, State,
};
use esign_http::LocalKey;
use esign_sandbox::singpass::{ClientKeys, DeliveryOutcome, NotPossible, RequestStatus, SingpassSettings};
use esign_sandbox::{Effect, Fault};
use serde_json::json;

use crate::support::sandbox::{
    Live, NRIC, live, live_with, one, other_person, pdf, person, place, request, signatures, verified,
};

/// What the browser brings back, as the client understands it: whom it is about.
async fn comes_back(live: &Live, redirect: &str) -> Event {
    let url: url::Url = redirect.parse().unwrap();
    let call = url.query_pairs().fold(InboundCall::get(url.path()), |call, (name, value)| {
        call.with_query(name.into_owned(), value.into_owned())
    });
    live.client.receive("singpass", &call).await.unwrap().events.unwrap().remove(0)
}

#[tokio::test]
async fn a_person_signs_the_webhook_tells_and_the_document_extends_what_was_sent() {
    let live = live().await;
    live.client.ready().await.unwrap();
    let handle = live.send(one()).await;
    let id = handle.request().id();
    let asked = live.singpass().request(id).unwrap();
    assert_eq!(asked.doc_name, "Agreement.pdf");
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Pending);
    let early = live.download(&handle).await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::NotReady, "{early}");

    let redirect = live.singpass().sign(id, &person()).await.unwrap();
    let deliveries = live.singpass().webhooks_done().await;
    let outcomes: Vec<_> = deliveries.iter().map(|delivery| delivery.outcome).collect();
    assert_eq!(outcomes, [DeliveryOutcome::Answered(204)]);
    let received = live.party.take();
    let event = verified(&received[0]);
    assert_eq!((&event.key, event.standing.state), (&handle.key(), State::Completed));
    assert_eq!(event.at, live.singpass().request(id).unwrap().signed_at);
    let Event::Hint { key, .. } = comes_back(&live, &redirect).await else {
        panic!("a redirect is no proof")
    };
    assert_eq!(key, Some(handle.key()));

    let report = live.client.status(&handle).await.unwrap();
    assert_eq!(report.state(), State::Completed);
    assert!(matches!(report.result, ResultState::Ready { until: Some(_) }), "{report:?}");
    let name = report.signers[0].completed[0].name.as_ref().unwrap();
    assert_eq!(name.expose(), "NAME OF S1234567D");
    let signed = live.download(&handle).await.unwrap();
    assert!(signed.len() > pdf().len() && signed.starts_with(&pdf()));
    assert_eq!(signatures(&signed), 1);
}

#[tokio::test]
async fn a_check_tells_bad_credentials_from_good_ones() {
    let live = live().await;
    let credentials = async || {
        let report = live.client.probe("singpass").await.unwrap();
        report.checks.into_iter().find(|check| check.name == "credentials").unwrap()
    };
    let good = credentials().await;
    assert_eq!(good.verdict, ProbeVerdict::Good, "{}", good.message);
    let mut party = live.singpass().clients().remove(0);
    let stranger = LocalKey::generate(KeyAlgorithm::Es256, Some("rp-1")).unwrap();
    party.keys = ClientKeys::Inline(json!({ "keys": [stranger.public_jwk()] }));
    live.singpass().register(party).unwrap();
    let bad = credentials().await;
    assert_eq!(bad.verdict, ProbeVerdict::Bad, "another key is published: {}", bad.message);
}

#[tokio::test]
async fn only_the_person_whose_nric_was_named_can_sign() {
    let live = live().await;
    let tenant = Signer::new("tenant").place(place(0)).identity(Identity::new(Identity::SG_NRIC, NRIC));
    let handle = live.send(request([tenant])).await;
    let id = handle.request().id();
    let refused = live.singpass().open(id, &other_person()).unwrap_err();
    let NotPossible::WrongPerson { redirect_url } = refused else { panic!("{refused}") };
    assert!(redirect_url.contains("cancelled"));
    assert!(matches!(comes_back(&live, &redirect_url).await, Event::Hint { .. }));
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Pending);
    live.singpass().sign(id, &person()).await.unwrap();
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Completed);
}

#[tokio::test]
async fn several_places_are_several_signatures() {
    let live = live().await;
    let tenant = Signer::new("tenant").place(place(0)).place(place(1)).place(place(2));
    let handle = live.send(request([tenant])).await;
    live.singpass().sign(handle.request().id(), &person()).await.unwrap();
    let report = live.client.status(&handle).await.unwrap();
    assert_eq!((report.signers[0].required, report.signers[0].completed.len()), (Some(3), 3));
    assert_eq!(signatures(&live.download(&handle).await.unwrap()), 3);
}

#[tokio::test]
async fn what_nobody_signs_expires_and_what_nobody_fetches_is_gone() {
    let live = live().await;
    let (unsigned, signed) = (live.send(one()).await, live.signed().await);
    live.advance(29 * 60);
    assert_eq!(live.client.status(&unsigned).await.unwrap().state(), State::Pending);
    live.advance(2 * 60);
    let report = live.client.status(&unsigned).await.unwrap();
    assert_eq!((report.state(), report.result), (State::Expired, ResultState::NotReady));
    assert_eq!(live.download(&unsigned).await.unwrap_err().kind(), ErrorKind::NotFound);

    live.download(&signed).await.unwrap();
    live.advance(30 * 60);
    let report = live.client.status(&signed).await.unwrap();
    assert_eq!((report.state(), report.result), (State::Completed, ResultState::Gone));
    assert_eq!(live.download(&signed).await.unwrap_err().kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn a_rejection_in_the_app_is_told_to_nobody_and_the_person_may_think_again() {
    let live = live().await;
    let handle = live.send(one()).await;
    let id = handle.request().id();
    live.singpass().open(id, &person()).unwrap();
    live.singpass().proceed(id).unwrap();
    live.singpass().reject(id).unwrap();
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Pending);
    assert!(live.singpass().webhooks_done().await.is_empty());
    live.singpass().proceed(id).unwrap();
    live.singpass().approve(id).await.unwrap();
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Completed);
}

#[tokio::test]
async fn a_link_to_the_document_that_ran_out_is_renewed() {
    let live = live().await;
    let handle = live.signed().await;
    // The link of two minutes, in Singpass's own terms.
    let provider = live.provider();
    let code = handle.request().state::<serde_json::Value>().unwrap()["exchange_code"].clone();
    let code = esign_core::Personal::new(code.as_str().unwrap());
    let result = provider.client().result(handle.request().id(), &code).await.unwrap();
    live.advance(121);
    let error = provider.client().download(&result.url).await.unwrap_err();
    assert_eq!((error.http_status(), error.provider_code()), (Some(403), Some("LINK_EXPIRED")), "{error}");

    // The same between the two calls of a download.
    let late = Effect::json(403, r#"{"error":"LINK_EXPIRED","error_description":"This link has expired."}"#);
    live.sandbox.inject(Fault::on("singpass.download", late)).unwrap();
    let asked = live.sandbox.call_count("singpass.result");
    assert!(live.download(&handle).await.unwrap().starts_with(&pdf()));
    assert_eq!(live.sandbox.call_count("singpass.result"), asked + 2);
}

#[tokio::test]
async fn a_request_is_called_back_only_while_nobody_signs() {
    let live = live().await;
    let open = live.send(one()).await;
    assert_eq!(live.client.cancel(&open).await.unwrap(), CancelOutcome::Cancelled);
    assert_eq!(live.singpass().request(open.request().id()).unwrap().status, RequestStatus::Cancelled);

    let active = live.send(one()).await;
    live.singpass().open(active.request().id(), &person()).unwrap();
    live.singpass().proceed(active.request().id()).unwrap();
    assert_eq!(live.client.cancel(&active).await.unwrap_err().kind(), ErrorKind::Conflict);
    live.singpass().approve(active.request().id()).await.unwrap();
    assert_eq!(live.client.cancel(&active).await.unwrap(), CancelOutcome::TooLate);

    let expired = live.send(one()).await;
    live.advance(31 * 60);
    assert_eq!(live.client.cancel(&expired).await.unwrap(), CancelOutcome::AlreadyGone);
    // Singpass itself takes a cancel of an expired request.
    live.provider().client().cancel(expired.request().id()).await.unwrap();
    assert_eq!(live.singpass().request(expired.request().id()).unwrap().status, RequestStatus::Cancelled);
}

#[tokio::test]
async fn a_code_that_is_not_documented_is_kept_until_the_setting_explains_it() {
    let live = live().await;
    let handle = live.send(one()).await;
    live.client.cancel(&handle).await.unwrap();
    let report = live.client.status(&handle).await.unwrap();
    assert_eq!(report.state(), State::Unrecognised);
    assert_eq!(report.provider_status.as_deref(), Some("REQUEST_CANCELLED"));
    let error = live.client.cancel(&handle).await.unwrap_err();
    assert_eq!(error.provider_code(), Some("REQUEST_ALREADY_CANCELLED"), "{error}");

    let known = json!(["REQUEST_CANCELLED", "REQUEST_ALREADY_CANCELLED"]);
    let live = live_with(&[("cancelled_codes", known)], |_| {}).await;
    let handle = live.send(one()).await;
    live.client.cancel(&handle).await.unwrap();
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Cancelled);
    assert_eq!(live.download(&handle).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(live.client.cancel(&handle).await.unwrap(), CancelOutcome::AlreadyGone);
    // A repeat after a lost answer, without a look before.
    let sent_twice = live.client.provider("singpass").unwrap().documents().unwrap();
    assert_eq!(sent_twice.cancel(handle.request()).await.unwrap(), CancelOutcome::AlreadyGone);
}

#[tokio::test]
async fn a_lost_answer_leaves_one_request_at_most_and_says_that_nobody_knows() {
    for (fault, made) in [
        (Fault::on("singpass.initiate", Effect::Close).after_commit(), 1),
        (Fault::on("singpass.initiate", Effect::Close), 0),
        (Fault::on("singpass.initiate", Effect::html(503)).after_commit(), 1),
        (Fault::on("singpass.initiate", Effect::garbage()).after_commit(), 1),
        (Fault::on("singpass.initiate", Effect::Truncate { keep: 20 }), 1),
    ] {
        let live = live().await;
        live.sandbox.inject(fault.clone()).unwrap();
        let prepared = live.prepared(one()).await;
        let intent = prepared.intent().clone();
        let error = live.client.submit(prepared).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{fault:?}: {error}");
        assert_eq!(live.sandbox.call_count("singpass.initiate"), 1, "{fault:?}");
        assert_eq!(live.singpass().requests().len(), made, "{fault:?}");
        assert!(matches!(live.client.resolve(&intent).await.unwrap(), Resolution::Unknown { .. }));
    }
}

#[tokio::test]
async fn two_signers_are_a_chain_and_no_byte_of_the_first_signature_changes() {
    let live = live().await;
    let signers = [Signer::new("tenant").place(place(0)), Signer::new("landlord").place(place(1))];
    let wanted = request(signers).order(Order::Sequential);
    let mut chain = live.client.begin_chain("singpass", &wanted).await.unwrap();
    let mut document = bytes::Bytes::from(pdf());
    let mut people = [person(), other_person()].into_iter();
    loop {
        match live.client.step(&mut chain, &wanted, &document).await.unwrap() {
            ChainStep::Prepared { .. } => {}
            ChainStep::Sent { submission, .. } => {
                let step = live.client.step(&mut chain, &wanted, &document).await.unwrap();
                assert!(matches!(step, ChainStep::Waiting { .. }), "{step:?}");
                let id = submission.handle.request().id();
                live.singpass().sign(id, &people.next().unwrap()).await.unwrap();
            }
            ChainStep::Signed { document: signed, .. } => {
                assert!(signed.content.starts_with(&document));
                document = signed.content;
            }
            ChainStep::Finished => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(chain.progress(), (2, 2));
    assert_eq!(signatures(&document), 2);
}

#[tokio::test]
async fn the_service_of_june_2025_is_served_by_its_preset() {
    let live = live_with(&[("api", json!("2025-06"))], |s| *s = SingpassSettings::june_2025()).await;
    let handle = live.signed().await;
    assert_eq!(verified(&live.party.take()[0]).key, handle.key());
    let report = live.client.status(&handle).await.unwrap();
    assert_eq!(report.state(), State::Completed);
    assert!(report.signers[0].completed[0].name.is_none());
    assert!(live.download(&handle).await.unwrap().starts_with(&pdf()));
    assert_eq!(live.client.cancel(&handle).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn mockpass_is_served_without_settings() {
    let live = live_with(&[], |s| *s = SingpassSettings::mockpass()).await;
    let handle = live.send(one()).await;
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Pending);
    assert_eq!(live.client.cancel(&handle).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let redirect = live.singpass().sign(handle.request().id(), &person()).await.unwrap();
    assert!(!redirect.contains("status="));
    assert!(matches!(comes_back(&live, &redirect).await, Event::Hint { key: Some(_), .. }));
    live.singpass().webhooks_done().await;
    assert_eq!(verified(&live.party.take()[0]).key, handle.key());
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Completed);
    assert!(live.download(&handle).await.unwrap().starts_with(&pdf()));
}

#[tokio::test]
async fn singpass_changes_its_key_and_the_next_delivery_is_believed() {
    let live = live().await;
    live.client.ready().await.unwrap();
    live.signed().await;
    verified(&live.party.take()[0]);

    // Just after we fetched the keys: refused so that it comes again, and by then the new set may be fetched.
    live.singpass().rotate_key();
    let second = live.send(one()).await;
    live.singpass().sign(second.request().id(), &person()).await.unwrap();
    live.singpass().delivered(2).await;
    let refused = live.party.take();
    assert_eq!(refused[0].reply.status, 503);
    assert_eq!(refused[0].events.as_ref().unwrap_err().kind(), ErrorKind::Verification);
    live.advance(11);
    let outcomes: Vec<_> = live.singpass().delivered(3).await.iter().map(|d| d.outcome).collect();
    assert_eq!(outcomes[1..], [DeliveryOutcome::Answered(503), DeliveryOutcome::Answered(204)]);
    assert_eq!(verified(&live.party.take()[0]).key, second.key());

    // The old key is withdrawn; nothing depends on it.
    live.singpass().withdraw_old_keys();
    live.signed().await;
    verified(&live.party.take()[0]);
    assert_eq!(live.sandbox.call_count("singpass.jwks"), 2);
}

#[tokio::test]
async fn a_clock_that_is_wrong_gives_a_named_error_or_the_right_result() {
    let skew = Duration::from_secs(90);
    // Ours is ahead: Singpass refuses our tokens, and says so at once.
    let live = live().await;
    let before = live.send(one()).await;
    live.clock.advance(skew);
    let error = live.client.submit(live.prepared(one()).await).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never), "{error}");
    assert_eq!(live.client.status(&before).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(live.singpass().requests().len(), 1);
    // A webhook that is 90 s old is within its 2 minutes.
    live.singpass().sign(before.request().id(), &person()).await.unwrap();
    live.singpass().webhooks_done().await;
    verified(&live.party.take()[0]);

    // Ours is behind: our tokens still live, the webhook seems to come from the future, the status tells.
    let live = crate::support::sandbox::live().await;
    live.sandbox.clock().advance(skew);
    let handle = live.signed().await;
    let received = live.party.take();
    assert_eq!(received[0].reply.status, 400);
    assert_eq!(received[0].events.as_ref().unwrap_err().kind(), ErrorKind::Verification);
    assert_eq!(live.client.status(&handle).await.unwrap().state(), State::Completed);
    assert!(live.download(&handle).await.unwrap().starts_with(&pdf()));
}
