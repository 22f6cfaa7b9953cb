//! Every rule on a field is checked before any network call, and names the field.

use esign_core::{
    Corner, Delivery, Document, ErrorKind, Order, Origin, Placement, Reference, Severity, SignRequest,
    Signer, Verdict,
};
use serde_json::json;
use wiremock::MockServer;

use crate::support::{client, one_by_email, one_by_link, pdf, place, request, two_by_email};

fn named(name: &str) -> SignRequest {
    one_by_email(name)
}

fn with_document(document: Document) -> SignRequest {
    let mut request = one_by_email("Lease 12");
    request.documents = vec![document];
    request
}

fn with_places(places: impl IntoIterator<Item = Placement>) -> SignRequest {
    let mut request = one_by_email("Lease 12");
    request.signers[0].placements = places.into_iter().collect();
    request
}

fn many(places: usize) -> Vec<Placement> {
    (0..places).map(|_| place(1, "0.1", "0.2")).collect()
}

fn by_email(addresses: &[&str], places: usize) -> SignRequest {
    let mut all = request("Lease 12", Delivery::ProviderEmail).order(Order::Parallel);
    for (i, address) in addresses.iter().enumerate() {
        let mut signer = Signer::new(format!("signer-{i}")).email(*address);
        signer.placements = many(places);
        all = all.signer(signer);
    }
    all
}

fn returning_to(url: &str) -> SignRequest {
    one_by_email("Lease 12").return_url(url.parse().unwrap())
}

fn neutral(x: f64, y: f64) -> SignRequest {
    with_places([Placement::fractions(1, x, y, Origin::TopLeft, Corner::TopLeft)])
}

/// What is accepted, and at which field the rest is refused.
fn table() -> Vec<(String, SignRequest, Option<&'static str>)> {
    let mut cases = vec![
        ("plain".to_owned(), one_by_email("Lease 12"), None),
        ("two signers".to_owned(), two_by_email(), None),
        ("link".to_owned(), one_by_link("Lease 12"), None),
        // The document.
        (
            "not a PDF".to_owned(),
            with_document(Document::pdf("Lease 12", "hello")),
            Some("documents[0].content"),
        ),
        ("0 bytes".to_owned(), with_document(Document::pdf("Lease 12", "")), Some("documents[0].content")),
        (
            "no text".to_owned(),
            with_document(Document::new("Lease 12", esign_core::MediaType::TEXT, "a")),
            Some("documents[0].media_type"),
        ),
        ("largest".to_owned(), with_document(Document::pdf("Lease 12", large(10_000_000))), None),
        (
            "too large".to_owned(),
            with_document(Document::pdf("Lease 12", large(10_000_001))),
            Some("documents[0].content"),
        ),
        (
            "two documents".to_owned(),
            {
                let mut request =
                    one_by_email("Lease 12").document(Document::pdf("Annex 1", pdf()).with_key("annex"));
                request.signers[0].placements[0].document = Some("document".to_owned());
                request
            },
            Some("documents"),
        ),
        // Signers.
        (
            "duplicate address".to_owned(),
            by_email(&["a@agency.gov.sg", "A@Agency.gov.sg"], 1),
            Some("signers[1].email"),
        ),
        (
            "no address".to_owned(),
            {
                let mut r = one_by_email("Lease 12");
                r.signers[0].email = None;
                r
            },
            Some("signers[0].email"),
        ),
        ("no signer".to_owned(), request("Lease 12", Delivery::ProviderEmail), Some("signers")),
        ("order".to_owned(), two_by_email().order(Order::Sequential), Some("order")),
        (
            "identity".to_owned(),
            {
                let mut r = one_by_email("Lease 12");
                r.signers[0].identity = Some(esign_core::Identity::new("sg-nric", "S1234567D"));
                r
            },
            Some("signers[0].identity"),
        ),
        // Places.
        ("no place".to_owned(), with_places([]), Some("signers[0].placements")),
        ("20 places".to_owned(), with_places(many(20)), None),
        ("21 places".to_owned(), with_places(many(21)), Some("signers[0].placements")),
        ("30 in all".to_owned(), by_email(&["a@b.sg", "c@d.sg"], 15), None),
        ("40 in all".to_owned(), by_email(&["a@b.sg", "c@d.sg"], 20), Some("documents[0]")),
        ("page 0".to_owned(), with_places([place(0, "0.1", "0.1")]), Some("signers[0].placements[0].page")),
        ("page 3".to_owned(), with_places([place(3, "0.1", "0.1")]), None),
        ("page 4".to_owned(), with_places([place(4, "0.1", "0.1")]), Some("signers[0].placements[0].page")),
        (
            "native below".to_owned(),
            with_places([place(1, "-0.1", "0.1")]),
            Some("signers[0].placements[0].x"),
        ),
        (
            "native above".to_owned(),
            with_places([place(1, "0.1", "1.0001")]),
            Some("signers[0].placements[0].y"),
        ),
        ("native 0 and 1".to_owned(), with_places([place(1, "0", "1")]), None),
        (
            "foreign native".to_owned(),
            with_places([Placement::native(esign_core::ProviderKind::new("other"), 1, "0", "0").unwrap()]),
            Some("signers[0].placements[0]"),
        ),
        ("neutral".to_owned(), neutral(0.1, 0.1), None),
        ("neutral at the edge".to_owned(), neutral(0.9, 0.1), Some("signers[0].placements[0]")),
        ("neutral outside".to_owned(), neutral(0.1, 1.1), Some("signers[0].placements[0].y")),
        ("NaN".to_owned(), neutral(f64::NAN, 0.1), Some("signers[0].placements[0].x")),
        ("infinite".to_owned(), neutral(0.1, f64::INFINITY), Some("signers[0].placements[0].y")),
        (
            "other size".to_owned(),
            with_places(
                [Placement::points(1, 0.0, 0.0, Origin::TopLeft, Corner::TopLeft).sized(100.0, 50.0)],
            ),
            Some("signers[0].placements[0].size"),
        ),
        (
            "anchor".to_owned(),
            with_places([Placement::anchor(esign_core::Anchor::text("Sign here"))]),
            Some("signers[0].placements[0]"),
        ),
        ("field".to_owned(), with_places([Placement::form_field("sign")]), Some("signers[0].placements[0]")),
        // Wishes.
        ("longest message".to_owned(), one_by_email("Lease 12").message("é".repeat(1000)), None),
        ("long message".to_owned(), one_by_email("Lease 12").message("e".repeat(1001)), Some("message")),
        ("empty message".to_owned(), one_by_email("Lease 12").message(""), Some("message")),
        ("message by link".to_owned(), one_by_link("Lease 12").message("Please sign"), Some("message")),
        ("language".to_owned(), one_by_email("Lease 12").language("en"), Some("language")),
        (
            "expiry".to_owned(),
            one_by_email("Lease 12").expires_after(esign_core::jiff::SignedDuration::from_hours(24)),
            Some("expires_after"),
        ),
        (
            "in session".to_owned(),
            {
                let mut r = one_by_link("Lease 12");
                r.delivery = Delivery::InSessionRedirect;
                r
            },
            None,
        ),
        (
            "shared link, in session".to_owned(),
            {
                let mut r = two_by_email();
                r.delivery = Delivery::InSessionRedirect;
                r
            },
            Some("delivery"),
        ),
        (
            "shared link".to_owned(),
            {
                let mut r = two_by_email();
                r.delivery = Delivery::ShareableLink;
                r
            },
            Some("delivery"),
        ),
    ];
    for (name, fine) in [
        ("a".repeat(3), false),
        ("a".repeat(4), true),
        ("a".repeat(100), true),
        ("a".repeat(101), false),
        ("    ".to_owned(), false),
    ] {
        cases.push((format!("name of {}", name.len()), named(&name), (!fine).then_some("documents[0].name")));
    }
    for fine in ["Az09_-./() &`;'\"", "a;b;"] {
        cases.push((fine.to_owned(), named(fine), None));
    }
    for bad in [
        ',', ':', '+', '#', '@', '[', '\\', '\n', '\t', '\0', '合', 'த', 'é', '–', '\u{a0}', '<', '%', '*',
        '?', '|', '~', '^', '{', '$', '!', '=',
    ] {
        cases.push((
            format!("name with {bad:?}"),
            named(&format!("Lease {bad} 12")),
            Some("documents[0].name"),
        ));
    }
    for fine in ["https://gov.sg/", "https://www.agency.gov.sg:8443/done?a=b#c", "https://WWW.GOV.SG/x"] {
        cases.push((fine.to_owned(), returning_to(fine), None));
    }
    for bad in [
        "http://www.agency.gov.sg/",
        "https://x.gov.sg.evil.com/",
        "https://evilgov.sg/",
        "https://gov.sg@evil.com/",
        "https://user:pass@www.gov.sg/",
        "https://evil.com/?x=.gov.sg",
        "https://evil.com/.gov.sg",
        "ftp://www.gov.sg/",
        "https://127.0.0.1/",
        "javascript:alert(1)",
    ] {
        cases.push((bad.to_owned(), returning_to(bad), Some("return_url")));
    }
    cases
}

fn large(bytes: usize) -> Vec<u8> {
    let mut file = pdf().to_vec();
    file.resize(bytes, b' ');
    file
}

#[tokio::test]
async fn each_rule_names_its_field_before_anything_is_sent() {
    let server = MockServer::start().await;
    let (client, _) = client(&server.uri(), json!({ "placement_origin": "top-left" })).await;
    for (what, request, refused_at) in table() {
        match (client.prepare(request).await, refused_at) {
            (Ok(_), None) => {}
            (Err(error), Some(field)) => {
                assert_eq!(error.field_path(), Some(field), "{what}: {error}");
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::InvalidRequest | ErrorKind::Unsupported),
                    "{what}: {error}"
                );
            }
            (prepared, _) => panic!("{what}: {prepared:?}"),
        }
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn neutral_places_need_the_origin_and_native_ones_do_not() {
    let (client, _) = client("http://127.0.0.1:9", json!({})).await;
    let error = client.prepare(neutral(0.1, 0.1)).await.unwrap_err();
    assert_eq!(error.field_path(), Some("signers[0].placements[0]"));
    assert!(
        error.message().contains("positionY") && error.message().contains("placement_origin = "),
        "{error}"
    );
    client.prepare(one_by_email("Lease 12")).await.unwrap();
}

#[tokio::test]
async fn a_shared_link_is_allowed_by_name_and_takes_twenty_places_in_all() {
    let (client, _) = client("http://127.0.0.1:9", json!({ "adapt": ["shared_link"] })).await;
    let mut request = two_by_email();
    request.delivery = Delivery::ShareableLink;
    let plan = client.plan_on("s", &request).await.unwrap();
    assert_eq!(plan.verdict, Verdict::WorksWithChanges);
    assert!(plan.changes[0].change.contains("not bound to signers"), "{plan:?}");

    request.signers[1].placements = many(18);
    assert_eq!(client.plan_on("s", &request).await.unwrap().verdict, Verdict::WorksWithChanges);
    request.signers[1].placements = many(19);
    let error = client.prepare(request).await.unwrap_err();
    assert_eq!(error.field_path(), Some("signers"));
    assert!(error.message().contains("21 places behind the one link"), "{error}");
}

#[tokio::test]
async fn what_is_not_certain_is_a_setting() {
    let forty = || by_email(&["a@b.sg", "c@d.sg"], 20);
    let (warned, _) = client("http://127.0.0.1:9", json!({ "over_max_document_signatures": "warn" })).await;
    let plan = warned.plan_on("s", &forty()).await.unwrap();
    assert_eq!(plan.verdict, Verdict::Works);
    assert!(
        plan.findings.iter().any(|f| f.code == "placement.per_document" && f.severity == Severity::Warning)
    );

    let (raised, _) = client(
        "http://127.0.0.1:9",
        json!({ "max_document_signatures": 40, "max_document_bytes": 10_485_760, "allow_coordinate_one": false }),
    )
    .await;
    raised.prepare(forty()).await.unwrap();
    raised.prepare(with_document(Document::pdf("Lease 12", large(10_485_760)))).await.unwrap();
    let error = raised.prepare(with_places([place(1, "1.000", "0")])).await.unwrap_err();
    assert_eq!(error.field_path(), Some("signers[0].placements[0].x"));
    raised.prepare(with_places([place(1, "0.999", "0")])).await.unwrap();
}

#[tokio::test]
async fn boxes_that_would_leave_the_page_or_overlap_are_warned_of() {
    let (client, _) = client("http://127.0.0.1:9", json!({ "placement_origin": "bottom-left" })).await;
    let codes = async |places: Vec<Placement>| {
        let plan = client.plan_on("s", &with_places(places)).await.unwrap();
        assert_eq!(plan.verdict, Verdict::Works);
        plan.findings
            .into_iter()
            .map(|f| (f.code.into_owned(), f.field.unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(vec![place(1, "0.1", "0.1"), place(1, "0.1", "0.3"), place(2, "0.1", "0.1")]).await, []);
    let found = |code: &str, place: usize| (code.to_owned(), format!("signers[0].placements[{place}]"));
    assert_eq!(codes(vec![place(1, "0.9", "0.1")]).await, [found("placement.off_page", 0)]);
    let overlapping = vec![place(1, "0.2", "0.1"), place(1, "0.5", "0.9"), place(1, "0.1", "0.12")];
    assert_eq!(codes(overlapping).await, [found("placement.overlap", 2)]);
}

#[tokio::test]
async fn the_reference_must_fit_into_the_name() {
    let (client, _) = client("http://127.0.0.1:9", json!({ "reference_in_name": "suffix" })).await;
    let of = |chars: usize| {
        let mut request = one_by_email(&"a".repeat(chars));
        request.reference = Reference::new("INV-1").unwrap();
        request
    };
    let plan = client.plan_on("s", &of(92)).await.unwrap();
    assert!(plan.findings[0].message.ends_with("a (INV-1)\""), "{plan:?}");
    let error = client.prepare(of(93)).await.unwrap_err();
    assert_eq!(error.field_path(), Some("documents[0].name"));
    assert!(error.message().contains("101 characters"), "{error}");
}

#[tokio::test]
async fn a_block_of_options_with_a_typing_error_is_refused() {
    let (client, _) = client("http://127.0.0.1:9", json!({})).await;
    let mut request = one_by_email("Lease 12");
    request.options = serde_json::from_value(json!({ "signify": { "documentMode": "link" } })).unwrap();
    let error = client.prepare(request).await.unwrap_err();
    assert_eq!(error.field_path(), Some("options.signify"));
    assert!(error.message().contains("documentMode"), "{error}");
    let fine = one_by_email("Lease 12").with_option(&esign_signify::SignifyOptions::default()).unwrap();
    client.prepare(fine).await.unwrap();
}
