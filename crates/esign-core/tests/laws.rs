//! Laws that hold for every input: placement, state, decimals, stored boxes, redaction.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use esign_core::facts::{PageFacts, PdfFacts, Rect, Size};
use esign_core::memory::MemoryService;
use esign_core::redact::scrub;
use esign_core::{
    Basis, Client, Config, Corner, Decimal, Delivery, Document, Inspector, Intent, Origin, PagePosition,
    Placement, Prepared, Reference, Registry, Result, SignRequest, Signer, Spot, Standing, State, Unit,
};
use proptest::prelude::*;

#[derive(Debug)]
struct OnePage(Size);

#[async_trait]
impl Inspector for OnePage {
    async fn inspect(&self, content: Bytes) -> Result<PdfFacts> {
        let page = PageFacts::plain(1, self.0.width, self.0.height);
        Ok(PdfFacts::new(content.len() as u64, vec![page]))
    }
}

/// Takes the placement through the whole path that a real one takes.
fn prepare(page: Size, position: PagePosition) -> Result<Prepared> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let config = Config { active: Some("memory".into()), ..Config::default() };
        let client = Client::builder(Registry::new())
            .config(config)
            .provider("memory", Arc::new(MemoryService::new().provider()))
            .inspector(Arc::new(OnePage(page)))
            .build()
            .await?;
        let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
        let signer = Signer::new("a").place(Placement::from_spot(Spot::Page(position)));
        let request =
            SignRequest::new(Reference::new("r")?, document, Delivery::ShareableLink).signer(signer);
        client.prepare(request).await
    })
}

/// The position that names `area` by this unit, origin and corner.
fn naming(area: Rect, page: Size, unit: Unit, origin: Origin, corner: Corner) -> PagePosition {
    let x = match corner {
        Corner::TopLeft | Corner::BottomLeft => area.x,
        Corner::TopRight | Corner::BottomRight => area.right(),
    };
    let up = match corner {
        Corner::BottomLeft | Corner::BottomRight => area.y,
        Corner::TopLeft | Corner::TopRight => area.top(),
    };
    let y = if origin == Origin::BottomLeft { up } else { page.height - up };
    let (x, y) = match unit {
        Unit::Points => (x, y),
        Unit::Fractions => (x / page.width, y / page.height),
    };
    let size = Some(Size { width: area.width, height: area.height });
    PagePosition { page: 1, x, y, unit, origin, corner, size }
}

fn close(a: &Rect, b: &Rect) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    near(a.x, b.x) && near(a.y, b.y) && near(a.width, b.width) && near(a.height, b.height)
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Points), Just(Unit::Fractions)]
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![Just(Origin::TopLeft), Just(Origin::BottomLeft)]
}

fn corner() -> impl Strategy<Value = Corner> {
    prop_oneof![
        Just(Corner::TopLeft),
        Just(Corner::TopRight),
        Just(Corner::BottomLeft),
        Just(Corner::BottomRight)
    ]
}

fn page() -> impl Strategy<Value = Size> {
    (100.0..5000.0, 100.0..5000.0).prop_map(|(width, height)| Size { width, height })
}

fn state() -> impl Strategy<Value = State> {
    proptest::sample::select(&State::ALL[..])
}

fn standing() -> impl Strategy<Value = Standing> {
    let basis = prop_oneof![Just(Basis::Provider), Just(Basis::Concluded)];
    (state(), basis).prop_map(|(state, basis)| Standing { state, basis })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever unit, origin and corner name it, a box inside the page is resolved to that box.
    #[test]
    fn every_way_of_naming_a_box_names_the_same_box(
        page in page(), (x, y, w, h) in (0.0..1.0, 0.0..1.0, 0.0..1.0, 0.0..1.0),
        unit in unit(), origin in origin(), corner in corner(),
    ) {
        let size = Size { width: 20.0 + w * (page.width.min(600.0) - 20.0), height: 10.0 + h * (page.height.min(400.0) - 10.0) };
        let area = Rect::new(x * (page.width - size.width), y * (page.height - size.height), size.width, size.height);
        let prepared = prepare(page, naming(area, page, unit, origin, corner)).unwrap();
        let placed = &prepared.intent().placements()[0];
        let resolved = placed.area.unwrap();
        prop_assert!(close(&resolved, &area), "{resolved:?} instead of {area:?}");
        prop_assert!(Rect::new(0.0, 0.0, page.width, page.height).contains(&resolved));
    }

    /// A box that leaves the page by a hundredth of a point or more is refused, on whichever side.
    #[test]
    fn a_box_off_the_page_is_refused(
        page in page(), over in 0.01..1e6_f64, side in 0..4, origin in origin(), corner in corner(),
    ) {
        let size = Size { width: 50.0, height: 20.0 };
        let (right, top) = (page.width - size.width, page.height - size.height);
        let (x, y) = match side {
            0 => (-over, 0.0),
            1 => (right + over, 0.0),
            2 => (0.0, -over),
            _ => (0.0, top + over),
        };
        let area = Rect::new(x, y, size.width, size.height);
        let error = prepare(page, naming(area, page, Unit::Points, origin, corner)).unwrap_err();
        prop_assert_eq!(error.field_path(), Some("signers[0].placements[0]"));
        prop_assert!(error.message().contains("does not fit"), "{}", error);
    }

    /// No number makes a placement panic; what is accepted lies on the page.
    #[test]
    fn no_coordinate_panics(
        x in any::<f64>(), y in any::<f64>(), number in any::<u32>(),
        unit in unit(), origin in origin(), corner in corner(),
        size in proptest::option::of((any::<f64>(), any::<f64>())),
    ) {
        let page = Size { width: 595.28, height: 841.89 };
        let size = size.map(|(width, height)| Size { width, height });
        let position = PagePosition { page: number, x, y, unit, origin, corner, size };
        if let Ok(prepared) = prepare(page, position) {
            let resolved = prepared.intent().placements()[0].area.unwrap();
            prop_assert!(Rect::new(0.0, 0.0, page.width, page.height).contains(&resolved));
        }
    }

    /// A stored intent reads back bit for bit, whatever the box.
    #[test]
    fn a_stored_box_reads_back_bit_for_bit(x in 0.0..300.0, y in 0.0..700.0, w in 20.0..250.0, h in 10.0..100.0) {
        let position = PagePosition {
            page: 1, x, y, unit: Unit::Points, origin: Origin::BottomLeft, corner: Corner::BottomLeft,
            size: Some(Size { width: w, height: h }),
        };
        let prepared = prepare(Size { width: 595.28, height: 841.89 }, position).unwrap();
        let stored = prepared.intent().to_json();
        let read = Intent::from_json(&stored).unwrap();
        prop_assert_eq!(&read, prepared.intent());
        prop_assert_eq!(read.to_json(), stored);
    }

    #[test]
    fn an_end_that_the_provider_stated_never_moves(end in state(), news in proptest::collection::vec(standing(), 0..20)) {
        prop_assume!(end.is_end());
        let after = news.into_iter().fold(Standing::stated(end), Standing::advance);
        prop_assert_eq!(after, Standing::stated(end));
    }

    #[test]
    fn the_same_news_twice_is_the_same_as_once(before in standing(), news in standing()) {
        let once = before.advance(news);
        prop_assert_eq!(once.advance(news), once);
    }

    /// However late, repeated or mixed with our own conclusions: what the provider stated as the end is the end.
    #[test]
    fn any_interleaving_ends_where_the_provider_ended(
        end in state(), stated in proptest::collection::vec(state(), 0..8),
        concluded in proptest::collection::vec(state(), 0..8), order in any::<u64>(),
    ) {
        prop_assume!(end.is_end());
        let progress = stated.into_iter().filter(|s| !s.is_end()).map(Standing::stated);
        let mut news: Vec<_> = progress.chain(concluded.into_iter().map(Standing::concluded)).collect();
        news.extend([Standing::stated(end); 2]);
        shuffle(&mut news, order);
        let after = news.iter().fold(Standing::stated(State::Pending), |at, &news| at.advance(news));
        prop_assert_eq!(after, Standing::stated(end), "{:?}", news);
    }

    /// An unknown word never undoes what is known, and is never an end.
    #[test]
    fn an_unknown_word_changes_nothing_known(before in standing()) {
        let after = before.advance(Standing::stated(State::Unrecognised));
        prop_assert!(after.state == before.state);
        prop_assert!(!State::Unrecognised.is_end());
    }

    #[test]
    fn a_decimal_keeps_every_digit(text in "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,12})?") {
        let decimal: Decimal = text.parse().unwrap();
        prop_assert_eq!(decimal.as_str(), &text);
        let json = serde_json::to_string(&decimal).unwrap();
        prop_assert_eq!(&json, &format!("\"{text}\""));
        prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), decimal.clone());
        prop_assert!((decimal.value() - text.parse::<f64>().unwrap()).abs() < f64::EPSILON);
    }

    #[test]
    fn any_text_is_a_decimal_or_an_error(text in "\\PC{0,40}") {
        if let Ok(decimal) = text.parse::<Decimal>() {
            prop_assert_eq!(decimal.as_str(), text);
            prop_assert!(decimal.value().is_finite());
        }
    }

    #[test]
    fn scrubbing_never_panics_and_its_result_is_short(text in any::<String>()) {
        let clean = scrub(&text);
        prop_assert!(clean.chars().count() <= 502);
        prop_assert!(!clean.chars().any(char::is_control));
    }

    /// Whatever stands around it, a secret does not come through, whole or in part.
    #[test]
    fn no_secret_comes_through(
        secret in secret(), before in "[a-z ]{0,10}", after in "[a-z ]{0,10}",
        open in opening(), close in closing(),
    ) {
        let text = format!("{before}{open}{secret}{close}{after}");
        let clean = scrub(&text);
        prop_assert!(!clean.contains(&secret), "{} in {}", secret, clean);
        let half = &secret[secret.len() / 2 - 3..secret.len() / 2 + 4];
        prop_assert!(!clean.contains(half), "{} of {} in {}", half, secret, clean);
    }
}

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{3,8}\\.[a-z]{1,8}@[a-z]{3,8}\\.(sg|com)",
        "[STFGM][0-9]{7}[A-Z]",
        "\\+65[89][0-9]{7}",
        "[89][0-9]{7}",
        "[A-Za-z0-9]{20}[0-9][A-Za-z0-9_-]{20}",
    ]
}

fn opening() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        " ",
        "\"",
        "'",
        "(",
        "[",
        "{",
        "<",
        ",",
        ";",
        ": ",
        "=",
        ":",
        "\n",
        "\t",
        " id=",
        " id:",
        " a:b:",
        "/users/",
        " https://h.example/",
        " https://h.example/a?b=",
        "|",
        "&x=",
        "\\\"",
        "用户",
        " x=y:",
    ])
}

fn closing() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        " ",
        "\"",
        "'",
        ")",
        "]",
        "}",
        ">",
        ",",
        ";",
        ".",
        ":",
        "!",
        "?",
        "\n",
        "\\\"",
        "/orders",
        "|",
        "&y=1",
        "不存在",
        " ",
        "...",
    ])
}

/// Puts the items into an order that depends on `seed` alone.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for i in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let j = usize::try_from(seed >> 33).unwrap() % (i + 1);
        items.swap(i, j);
    }
}
