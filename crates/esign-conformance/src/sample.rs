//! Requests made from capabilities: the simplest that works, and the ends of every limit.

use esign_core::{
    Bound, Capabilities, Corner, Delivery, Document, Neutral, Order, Origin, Placement, Range, Reference,
    Result, SignRequest, Signer,
};

use crate::check::Stop;
use crate::harness::Backend;
use crate::world::World;

/// What stands for personal data in every sample: none of it may ever be printed.
pub(crate) const MARKER: &str = "zqmarker";
/// The name of every sample signer.
pub(crate) const NAME: &str = "Zqmarker Person";

impl World {
    /// The simplest request that works, with one signer.
    pub(crate) fn request(&self) -> Result<SignRequest, Stop> {
        self.request_for(1)
    }

    /// The simplest request with so many signers, who sign in any order where that is possible.
    pub(crate) fn request_for(&self, signers: u32) -> Result<SignRequest, Stop> {
        let order = (signers > 1).then(|| {
            let first = self.caps.orders.first().copied();
            first.filter(|_| !self.caps.orders.contains(&Order::Parallel)).unwrap_or(Order::Parallel)
        });
        let reaches = |d: &&esign_core::DeliverySupport| {
            d.signers.admits(u64::from(signers)) && (signers == 1 || !d.shared_link)
        };
        let delivery = self.caps.deliveries.iter().find(reaches);
        let Some(delivery) = delivery else {
            return Err(Stop::Skip(format!(
                "deliveries: none reaches {signers} signers, each by a link of their own"
            )));
        };
        self.request_by(delivery.delivery, signers, order)
    }

    /// A request by this way, for so many signers in this order.
    pub(crate) fn request_by(
        &self,
        delivery: Delivery,
        signers: u32,
        order: Option<Order>,
    ) -> Result<SignRequest, Stop> {
        if !self.caps.signers.count.admits(u64::from(signers)) {
            let claim = self.caps.signers.count.words();
            return Err(Stop::Skip(format!("signers.count: {claim}, not {signers}")));
        }
        let document = Document::pdf(name_of(&self.caps, None), self.backend.document(None));
        let mut request = SignRequest::new(Reference::random()?, document, delivery);
        request.order = order;
        for number in 1..=signers {
            request = request.signer(signer(&self.caps, self.backend.as_ref(), number)?);
        }
        Ok(self.backend.complete(request))
    }

    /// A request with one signer and this many placements, as far apart as the page allows.
    pub(crate) fn request_with_placements(&self, count: u64) -> Result<SignRequest, Stop> {
        let mut request = self.request()?;
        let signer = &mut request.signers[0];
        signer.placements =
            (0..count).map(|n| place(&self.caps, self.backend.as_ref(), n)).collect::<Result<_, _>>()?;
        Ok(request)
    }

    /// The sample document under another name.
    pub(crate) fn named(&self, name: &str) -> Document {
        Document::pdf(name, self.backend.document(None))
    }
}

/// A name within the provider's rules: as short as allowed but readable, or exactly this long.
pub(crate) fn name_of(caps: &Capabilities, chars: Option<u64>) -> String {
    const NAME: &str = "Conformance";
    let rules = &caps.documents.name.chars;
    let wanted = chars.unwrap_or_else(|| {
        let least = known(rules.min).unwrap_or_default().max(NAME.len() as u64);
        known(rules.max).map_or(least, |most| least.min(most))
    });
    NAME.chars().cycle().take(usize::try_from(wanted).unwrap_or(usize::MAX)).collect()
}

/// The number of a known bound.
pub(crate) fn known(bound: Bound) -> Option<u64> {
    match bound {
        Bound::Is(n) => Some(n),
        Bound::None | Bound::Unknown => None,
    }
}

/// The ends of a range that can be tried, and what lies just past them.
pub(crate) struct Ends {
    pub(crate) inside: Vec<u64>,
    pub(crate) outside: Vec<u64>,
}

/// The ends of a claim; skips the check if the claim names none.
pub(crate) fn ends(claim: &str, range: Range) -> Result<Ends, Stop> {
    let (min, max) = (known(range.min), known(range.max));
    let inside: Vec<_> = min.into_iter().chain(max).collect();
    let below = min.and_then(|n| n.checked_sub(1));
    let above = max.and_then(|n| n.checked_add(1));
    if inside.is_empty() {
        return Err(Stop::Skip(format!("{claim}: {}", range.words())));
    }
    Ok(Ends { inside, outside: below.into_iter().chain(above).collect() })
}

fn signer(caps: &Capabilities, backend: &dyn Backend, number: u32) -> Result<Signer, Stop> {
    let mut signer = Signer::new(format!("signer-{number}"))
        .name(NAME)
        .email(format!("{MARKER}{number}@conformance.example"))
        .phone(format!("+659{number:07}"));
    for n in 0..known(caps.placements.per_signer.min).unwrap_or_default() {
        let nth = u64::from(number - 1) + n;
        signer = signer.place(place(caps, backend, nth)?);
    }
    Ok(signer)
}

/// The n-th place (from 0): down the left side of page 1, then the right.
fn place(caps: &Capabilities, backend: &dyn Backend, n: u64) -> Result<Placement, Stop> {
    if caps.placements.neutral == Neutral::Supported {
        // Lossless: a page has room for a few dozen boxes.
        let (column, row) = ((n / 11 % 2) as f64, (n % 11) as f64);
        let (x, y) = (20.0 + column * 270.0, 30.0 + row * 70.0);
        return Ok(Placement::points(1, x, y, Origin::BottomLeft, Corner::BottomLeft));
    }
    let native = backend.native(u32::try_from(n + 1).unwrap_or(u32::MAX));
    native.ok_or_else(|| Stop::Skip("placements: neither neutral nor native ones work".to_owned()))
}
