//! What is refused before any call, and what must be tolerated.

use esign_core::jiff::SignedDuration;
use esign_core::{Delivery, Document, ErrorKind, Placement, Role, SignRequest, Spot};
use esign_documenso::{DocumensoOptions, ExtraField, FieldType, KIND};
use serde_json::{Value, json};

use crate::support::{START, World, by_email, by_link, client_at, pdf, person, place, request};

async fn refused(request: SignRequest) -> (Option<String>, String) {
    let (client, _) = client_at("http://127.0.0.1:9", json!({}), START).await;
    let error = client.prepare(request).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::Unsupported), "{error}");
    (error.field_path().map(str::to_owned), error.to_string())
}

fn native(x: &str, y: &str, size: Option<(&str, &str)>) -> Placement {
    let mut placement = Placement::native(KIND, 1, x, y).unwrap();
    if let (Spot::Native(native), Some((width, height))) = (&mut placement.spot, size) {
        *native = native.clone().with_size(width.parse().unwrap(), height.parse().unwrap());
    }
    placement
}

fn placed(placement: Placement) -> SignRequest {
    request(Delivery::ShareableLink).signer(person("tenant").place(placement))
}

#[tokio::test]
async fn what_the_server_would_take_wrongly_is_refused_at_its_field() {
    let mut twice = by_link().signer(person("landlord").place(place(1, 300.0)));
    twice.order = Some(esign_core::Order::Parallel);
    twice.signers[1].email = Some("TENANT@lab.example".into());
    let six = |count: usize| {
        let mut request = by_email();
        request.signers[0].placements[0].document = Some("document".to_owned());
        for n in 1..count {
            request = request.document(Document::pdf("Annex", pdf()).with_key(format!("annex-{n}")));
        }
        request
    };
    let mut messages = by_email().signer(person("landlord").place(place(1, 300.0)).message("other"));
    messages.order = Some(esign_core::Order::Parallel);
    messages.message = Some("one".to_owned());
    let copy = by_email().signer(esign_core::Signer::new("archive").role(Role::Copy));
    let at = "signers[0].placements[0]";
    for (request, field, words) in [
        (twice, "signers[1].email", "same e-mail address"),
        (six(6), "documents", "6 documents"),
        (placed(place(99, 100.0)), "signers[0].placements[0].page", "3 pages"),
        (placed(native("10", "10", None)), at, "add width and height"),
        (placed(native("101", "10", Some(("20", "5")))), at, "0 to 100"),
        (placed(native("90", "10", Some(("20", "5")))), at, "leaves the page"),
        (placed(native("10", "10", Some(("0", "5")))), at, "positive width"),
        (placed(place(1, 100.0).sized(10.0, 10.0)), "signers[0].placements[0].size", "20"),
        (by_email().expires_after(SignedDuration::from_hours(36)), "expires_after", "whole days"),
        (by_email().expires_after(SignedDuration::from_hours(1)), "expires_after", "86400"),
        (messages, "message", "one message to everybody"),
        (copy, "signers[1].email", "email"),
        (by_link().message("hello"), "message", "no message"),
    ] {
        let (at, said) = refused(request).await;
        assert_eq!(at.as_deref(), Some(field), "{said}");
        assert!(said.contains(words), "{field}: {said}");
    }
    // Five of five are fine, and whole days are.
    let (client, _) = client_at("http://127.0.0.1:9", json!({}), START).await;
    client.prepare(six(5)).await.unwrap();
    client.prepare(by_email().expires_after(SignedDuration::from_hours(48))).await.unwrap();
}

/// Addresses come back in lower case, and are matched all the same; names that a signer changes too.
#[tokio::test]
async fn addresses_in_any_case_are_the_same() {
    let world = World::new().await;
    let mut request = by_email();
    request.signers[0].email = Some("Tenant@LAB.example".into());
    let sent = world.send(request).await;
    world.sign(&sent.handle, 0).await;
    assert_eq!(world.status(&sent.handle).await.signers[0].key.as_deref(), Some("tenant"));
}

/// Without an address signers are told apart by their turn.
#[tokio::test]
async fn signers_with_links_need_no_address() {
    let world = World::new().await;
    let nameless = |key: &str, y: f64| esign_core::Signer::new(key).place(place(1, y));
    let mut request =
        request(Delivery::ShareableLink).signer(nameless("a", 100.0)).signer(nameless("b", 200.0));
    request.order = Some(esign_core::Order::Parallel);
    let sent = world.send(request).await;
    let links = world.sandbox.documenso().envelopes().remove(0).recipients;
    for (step, recipient) in sent.next_steps.iter().zip(links) {
        let esign_core::Step::OpenLink { url, .. } = &step.step else { panic!() };
        assert_eq!(url.expose().as_str(), recipient.signing_link, "{}", step.signer);
    }
}

#[tokio::test]
async fn options_place_fields_of_other_sorts_and_typing_errors_are_refused() {
    let world = World::new().await;
    let field = json!({
        "signer": "tenant", "kind": "checkbox", "page": 2, "x": "10", "y": "20", "width": "5", "height": "5",
        "meta": { "type": "checkbox", "values": [] },
    });
    let options: DocumensoOptions = serde_json::from_value(
        json!({ "subject": "Lease", "timezone": "Asia/Singapore", "fields": [field] }),
    )
    .unwrap();
    assert_eq!(options.fields[0].kind, FieldType::Checkbox);
    let sent = world.send(by_email().with_option(&options).unwrap()).await;
    let heard = world.sandbox.documenso().heard(sent.handle.request().id()).unwrap();
    let heard: Value = serde_json::from_str(&heard).unwrap();
    let fields = heard["recipients"][0]["fields"].as_array().unwrap();
    assert_eq!((&fields[1]["type"], &fields[1]["page"]), (&json!("CHECKBOX"), &json!(2)));
    assert_eq!(
        (&heard["meta"]["subject"], &heard["meta"]["timezone"]),
        (&json!("Lease"), &json!("Asia/Singapore"))
    );

    let wrong = |change: fn(&mut ExtraField)| {
        let mut options = options.clone();
        change(&mut options.fields[0]);
        by_email().with_option(&options).unwrap()
    };
    for (request, field) in [
        (wrong(|field| field.signer = "nobody".to_owned()), "options.documenso.fields[0].signer"),
        (wrong(|field| field.document = Some("none".to_owned())), "options.documenso.fields[0].document"),
        (wrong(|field| field.page = 99), "options.documenso.fields[0].page"),
        (wrong(|field| field.width = "96".parse().unwrap()), "options.documenso.fields[0].x"),
    ] {
        assert_eq!(refused(request).await.0.as_deref(), Some(field));
    }
}

/// Sealing draws on a page that does not exist never, and the server takes it: refused on our side, in every way to place.
#[tokio::test]
async fn a_page_that_is_not_there_is_refused_in_native_numbers_too() {
    let mut placement = native("10", "10", Some(("20", "5")));
    if let Spot::Native(native) = &mut placement.spot {
        native.page = 99;
    }
    let (field, said) = refused(placed(placement)).await;
    assert_eq!(field.as_deref(), Some("signers[0].placements[0].page"), "{said}");
}
