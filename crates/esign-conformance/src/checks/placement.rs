//! A signature ends up where the request put it.

use esign_core::facts::{Rect, Size};
use esign_core::{
    BoxSupport, Corner, Neutral, Origin, PagePosition, Placement, Prepared, ResolvedSpot, SignRequest, Spot,
    Unit,
};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::world::World;

/// What floating-point arithmetic and the numbers in a PDF may lose, in points.
const NOISE: f64 = 0.02;

/// Places all over the page, in every unit and from every corner: each signature is there, within the claimed decimals,
/// and on the page.
pub(super) async fn round_trip(w: &World) -> Outcome {
    if w.caps.placements.neutral != Neutral::Supported {
        skip!("placements.neutral: not claimed");
    }
    for (what, placement) in spots(w).await? {
        let mut request = w.request()?;
        request.signers[0].placements = vec![placement];
        compare(w, request, &what).await?;
    }
    Ok(())
}

/// As many places as were asked for, each where it was.
pub(super) async fn every_one(w: &World) -> Outcome {
    if w.caps.placements.neutral != Neutral::Supported {
        skip!("placements.neutral: not claimed");
    }
    if !w.caps.placements.per_signer.admits(3) {
        skip!("placements.per_signer: {}", w.caps.placements.per_signer.words());
    }
    let request = w.request_with_placements(3)?;
    compare(w, request, "one of three places").await
}

/// The provider's own numbers arrive digit for digit: no zero is dropped and nothing is rounded.
pub(super) async fn native_digits(w: &World) -> Outcome {
    if !w.caps.placements.native.is_yes() {
        skip!("placements.native: not claimed");
    }
    let Some(Spot::Native(place)) = w.backend.native(1).map(|placement| placement.spot) else {
        skip!("the harness gives no native placement");
    };
    // Three decimals, the last of them a zero: what a detour over a binary number loses.
    if w.caps.placements.decimals.is_some_and(|most| most < 3) {
        skip!("placements.decimals: {:?}", w.caps.placements.decimals);
    }
    let digits = "0.120";
    let mut request = w.request()?;
    let mut placement = Placement::native(w.caps.kind.clone(), place.page, digits, place.y.as_str())?;
    if let (Spot::Native(native), Some(width), Some(height)) =
        (&mut placement.spot, place.width, place.height)
    {
        *native = native.clone().with_size(width, height);
    }
    request.signers[0].placements = vec![placement];
    let handle = w.sent(&request).await?;
    let Some(heard) = w.backend.heard(&handle).await else {
        skip!("the harness cannot tell what the backend was told");
    };
    ensure!(heard.contains(digits), "the native number {digits} did not arrive digit for digit");
    Ok(())
}

async fn compare(w: &World, request: SignRequest, what: &str) -> Outcome {
    let prepared = w.client.prepare(request.clone()).await?;
    let wanted = wanted(&prepared);
    let handle = w.client.submit(prepared).await?.handle;
    w.sign_all(&handle, &request).await?;
    let Some(got) = w.backend.boxes(&handle).await else {
        skip!("the harness cannot tell where the signatures are");
    };
    ensure!(got.len() == wanted.len(), "{what}: {} signatures instead of {}", got.len(), wanted.len());
    let page = page_size(w).await?;
    let whole = Rect::new(0.0, 0.0, page.width + NOISE, page.height + NOISE);
    for (number, area) in &got {
        ensure!(
            *number == 1
                && area.x >= -NOISE
                && area.y >= -NOISE
                && area.right() <= whole.width
                && area.top() <= whole.height,
            "{what}: the signature is off the page, at {area:?} of page {number}"
        );
    }
    let step = w.caps.placements.decimals.map_or(0.0, |n| 10_f64.powi(-i32::from(n)));
    let (slack_x, slack_y) = (step * page.width + NOISE, step * page.height + NOISE);
    for (number, area) in &wanted {
        let there = got
            .iter()
            .any(|(n, g)| n == number && (g.x - area.x).abs() <= slack_x && (g.y - area.y).abs() <= slack_y);
        ensure!(
            there,
            "{what}: asked for {:.2}, {:.2} from the lower left, and the signature is at {}",
            area.x,
            area.y,
            got.iter().map(|(_, g)| format!("{:.2}, {:.2}", g.x, g.y)).collect::<Vec<_>>().join(" and ")
        );
    }
    Ok(())
}

/// The boxes that the plan resolved.
fn wanted(prepared: &Prepared) -> Vec<(u32, Rect)> {
    let places = prepared.signers().iter().flat_map(|signer| &signer.placements);
    let boxes = places.filter_map(|place| match (place.page, &place.spot) {
        (Some(page), ResolvedSpot::Box(area)) => Some((page, *area)),
        _ => None,
    });
    boxes.collect()
}

async fn page_size(w: &World) -> Result<Size, Stop> {
    let facts = w.backend.inspector().inspect(w.backend.document(None)).await?;
    match facts.page(1) {
        Some(page) => Ok(page.shown),
        None => fail("the harness's inspector finds no page in its own document"),
    }
}

/// The middle, an odd place, and flush in each corner of the page.
async fn spots(w: &World) -> Result<Vec<(String, Placement)>, Stop> {
    let corners = [
        ("lower left", Origin::BottomLeft, Corner::BottomLeft, (0.0, 0.0)),
        ("upper left", Origin::TopLeft, Corner::TopLeft, (0.0, 0.0)),
        ("lower right", Origin::BottomLeft, Corner::BottomRight, (1.0, 0.0)),
        ("upper right", Origin::TopLeft, Corner::TopRight, (1.0, 0.0)),
    ];
    let page = page_size(w).await?;
    // A box that must fit with more width than is drawn keeps away from the right edge.
    let (wide, high) = match w.caps.placements.box_size {
        BoxSupport::ProviderFixed { drawn, must_fit } => {
            (must_fit.width - drawn.width, must_fit.height - drawn.height)
        }
        _ => (0.0, 0.0),
    };
    let mut spots = vec![
        ("the middle".to_owned(), Placement::fractions(1, 0.5, 0.5, Origin::BottomLeft, Corner::BottomLeft)),
        ("an odd place".to_owned(), Placement::points(1, 123.456, 234.567, Origin::TopLeft, Corner::TopLeft)),
        (
            "an odd fraction".to_owned(),
            Placement::fractions(1, 0.123_456, 0.654_321, Origin::BottomLeft, Corner::BottomLeft),
        ),
    ];
    for (name, origin, corner, (x, y)) in corners {
        let left = x * page.width - if x > 0.0 { wide } else { 0.0 };
        let from_edge = if origin == Origin::TopLeft { y + high } else { y };
        spots.push((
            format!("the {name} corner"),
            Placement::from_spot(Spot::Page(PagePosition {
                page: 1,
                x: left,
                y: from_edge,
                unit: Unit::Points,
                origin,
                corner,
                size: None,
            })),
        ));
    }
    Ok(spots)
}
