//! Placements by text and by form field, resolved on our side for a provider that knows neither.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::{FormFieldFacts, PageFacts, PdfFacts, Rect, Size, TextHit, TextQuery, Widget};
use esign_core::memory::{A4Pages, MemoryService};
use esign_core::{
    Anchor, BoxSupport, Client, Config, Corner, Delivery, Document, Error, ErrorKind, Inspector, Occurrence,
    Placement, Plan, Prepared, Reference, Registry, Result, SignRequest, Signer, Support, Verdict,
};

/// Two pages of 600 x 800 points with these texts and fields.
#[derive(Debug)]
struct Pages;

fn hit(page: u32, x: f64, y: f64) -> TextHit {
    TextHit { page, shown: Rect::new(x, y, 60.0, 12.0) }
}

fn widget(page: u32, x: f64, y: f64) -> Widget {
    Widget { page, shown: Rect::new(x, y, 180.0, 40.0) }
}

#[async_trait]
impl Inspector for Pages {
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts> {
        let pages = vec![PageFacts::plain(1, 600.0, 800.0), PageFacts::plain(2, 600.0, 800.0)];
        let mut facts = PdfFacts::new(content.len() as u64, pages);
        facts.fields = vec![
            FormFieldFacts::new("form.tenant", vec![widget(2, 50.0, 60.0)]),
            FormFieldFacts::new("twice", vec![widget(1, 50.0, 60.0), widget(2, 70.0, 80.0)]),
            FormFieldFacts::new("nowhere", Vec::new()),
        ];
        Ok(facts)
    }

    async fn find_texts(&self, _: Bytes, texts: Vec<TextQuery>) -> Result<Vec<Vec<TextHit>>> {
        let find = |query: &TextQuery| match query.text.as_str() {
            "once" => vec![hit(2, 100.0, 200.0)],
            "thrice" => vec![hit(1, 10.0, 700.5), hit(1, 300.0, 100.0), hit(2, 20.0, 30.25)],
            "edge" => vec![hit(1, 10.0, 10.0), hit(1, 590.0, 10.0)],
            "always" => (0..9).map(|i| hit(1, 10.0, f64::from(i) * 80.0)).collect(),
            _ => Vec::new(),
        };
        Ok(texts.iter().map(find).collect())
    }
}

fn fixed(service: &MemoryService, width: f64, height: f64) {
    let size = Size { width, height };
    service.change_capabilities(|caps| {
        caps.placements.box_size = BoxSupport::ProviderFixed { drawn: size, must_fit: size };
        caps.placements.overlap = Support::No;
    });
}

async fn client(service: &MemoryService, inspector: impl Inspector + 'static) -> Client {
    let config = Config { active: Some("memory".into()), ..Config::default() };
    Client::builder(Registry::new())
        .config(config)
        .provider("memory", Arc::new(service.provider()))
        .inspector(Arc::new(inspector))
        .build()
        .await
        .unwrap()
}

fn request(placement: Placement) -> SignRequest {
    let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
    SignRequest::new(Reference::new("r").unwrap(), document, Delivery::ShareableLink)
        .signer(Signer::new("tenant").place(placement))
}

async fn prepare(placement: Placement) -> Result<Prepared> {
    let service = MemoryService::new();
    fixed(&service, 200.0, 50.0);
    client(&service, Pages).await.prepare(request(placement)).await
}

async fn refusal(placement: Placement) -> Error {
    prepare(placement).await.unwrap_err()
}

fn anchor(text: &str, occurrence: Occurrence) -> Anchor {
    let mut anchor = Anchor::text(text);
    anchor.occurrence = occurrence;
    anchor
}

fn boxes(prepared: &Prepared) -> Vec<(u32, Rect)> {
    let placed = prepared.intent().placements().iter();
    placed.map(|placed| (placed.page.unwrap(), placed.area.unwrap())).collect()
}

#[tokio::test]
async fn a_text_becomes_the_box_that_is_sent_and_recorded() {
    let mut at = Anchor::text("once");
    (at.dx, at.dy, at.corner) = (4.0, -2.0, Corner::TopLeft);
    let prepared = prepare(Placement::anchor(at.clone())).await.unwrap();
    assert_eq!(boxes(&prepared), [(2, Rect::new(104.0, 148.0, 200.0, 50.0))]);
    assert_eq!(prepared.intent().placements()[0].anchor, Some(at), "what was asked for is kept beside it");
}

#[tokio::test]
async fn the_occurrence_chooses_in_reading_order() {
    let first = (1, Rect::new(10.0, 700.5, 200.0, 50.0));
    let second = (1, Rect::new(300.0, 100.0, 200.0, 50.0));
    let third = (2, Rect::new(20.0, 30.25, 200.0, 50.0));
    for (occurrence, expected) in [
        (Occurrence::First, vec![first]),
        (Occurrence::Nth(2), vec![second]),
        (Occurrence::All, vec![first, second, third]),
    ] {
        let prepared = prepare(Placement::anchor(anchor("thrice", occurrence))).await.unwrap();
        assert_eq!(boxes(&prepared), expected, "{occurrence:?}");
        assert!(prepared.signers()[0].placements.iter().all(|placement| placement.wish == 0));
    }
}

#[tokio::test]
async fn what_is_not_found_or_found_too_often_says_where() {
    let cases = [
        (anchor("never", Occurrence::ExactlyOne), "not found on any page"),
        (
            anchor("thrice", Occurrence::ExactlyOne),
            "found 3 times: page 1, 10 from the left and 700.5 from the bottom; page 1, 300 from the left and 100 from \
             the bottom; page 2, 20 from the left and 30.25 from the bottom; give",
        ),
        (anchor("always", Occurrence::ExactlyOne), "; and 4 more; give"),
        (anchor("thrice", Occurrence::Nth(4)), "only 3 times, not 4: page 1"),
        (anchor("edge", Occurrence::All), "does not fit there"),
    ];
    for (anchor, words) in cases {
        let error = refusal(Placement::anchor(anchor)).await;
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(error.field_path(), Some("signers[0].placements[0]"));
        assert!(error.message().contains(words), "{}", error.message());
    }
}

#[tokio::test]
async fn a_form_field_gives_its_place_and_where_it_may_its_size() {
    let prepared = prepare(Placement::form_field("form.tenant")).await.unwrap();
    assert_eq!(boxes(&prepared), [(2, Rect::new(50.0, 60.0, 200.0, 50.0))], "the provider's own size");
    assert_eq!(prepared.intent().placements()[0].field.as_deref(), Some("form.tenant"));

    let service = MemoryService::new();
    let (min, max) = (Size { width: 10.0, height: 10.0 }, Size { width: 300.0, height: 100.0 });
    service.change_capabilities(|caps| {
        caps.placements.box_size = BoxSupport::Wish { min, max, default: max };
    });
    let client = client(&service, Pages).await;
    let prepared = client.prepare(request(Placement::form_field("form.tenant"))).await.unwrap();
    assert_eq!(boxes(&prepared), [(2, Rect::new(50.0, 60.0, 180.0, 40.0))]);

    for (name, words) in [
        ("tenant", "no form field of that name; the document has, among others, \"form.tenant\""),
        ("nowhere", "is on no page"),
        (
            "twice",
            "appears 2 times: page 1, 50 from the left and 60 from the bottom; page 2, 70 from the left and",
        ),
    ] {
        let error = refusal(Placement::form_field(name)).await;
        assert!(error.message().contains(words), "{}", error.message());
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_looked_for() {
    let mut flat = Anchor::text("once");
    flat.size = Some(Size { width: 10.0, height: 0.0 });
    for (anchor, field) in [
        (anchor("once", Occurrence::Nth(0)), "signers[0].placements[0].anchor.occurrence"),
        (anchor("  ", Occurrence::First), "signers[0].placements[0].anchor.text"),
        (flat, "signers[0].placements[0].anchor.size"),
    ] {
        assert_eq!(refusal(Placement::anchor(anchor)).await.field_path(), Some(field));
    }
}

#[tokio::test]
async fn an_inspector_without_texts_is_an_error_that_says_so() {
    let service = MemoryService::new();
    let client = client(&service, A4Pages(1)).await;
    let error = client.prepare(request(Placement::anchor(Anchor::text("once")))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("does not look for texts"), "{}", error.message());
}

#[tokio::test]
async fn a_plan_shows_the_boxes_and_those_that_are_refused() {
    async fn plan(placement: Placement) -> Plan {
        let service = MemoryService::new();
        fixed(&service, 200.0, 50.0);
        client(&service, Pages).await.plan_on("memory", &request(placement)).await.unwrap()
    }
    let good = plan(Placement::anchor(Anchor::text("once"))).await;
    assert_eq!(good.verdict, Verdict::Works);
    let [place] = good.placements.as_slice() else { panic!("{:?}", good.placements) };
    assert_eq!(
        (place.at.as_str(), place.placed.area),
        ("signers[0].placements[0]", Some(Rect::new(100.0, 200.0, 200.0, 50.0)))
    );

    let bad = plan(Placement::anchor(anchor("edge", Occurrence::Nth(2)))).await;
    assert_eq!(bad.verdict, Verdict::Cannot);
    let [place] = bad.placements.as_slice() else { panic!("{:?}", bad.placements) };
    assert_eq!(place.placed.area, Some(Rect::new(590.0, 10.0, 200.0, 50.0)));
    assert_eq!(bad.findings[0].field.as_ref(), Some(&place.at));
}
