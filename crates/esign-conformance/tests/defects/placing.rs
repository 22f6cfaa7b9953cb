//! Wrong about where signatures go, and about wishes.

use async_trait::async_trait;
use esign_core::memory::MemoryProvider;
use esign_core::{
    Documents, Origin, PagePosition, Placement, Prepared, Result, SignRequest, Spot, Submission, Unit,
};

use crate::wrong::{Defect, submit_changed};

macro_rules! defects {
    ($($name:ident: $change:expr,)+) => {$(
        #[derive(Debug, Default)]
        pub(crate) struct $name;

        #[async_trait]
        impl Defect for $name {
            async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
                submit_changed(right, request, $change).await
            }
        }
    )+};
}

defects! {
    DropsPlacements: |request| request.signers.iter_mut().for_each(|signer| signer.placements.clear()),
    SendsTheFirstPlacement: |request| request.signers.iter_mut().for_each(|signer| signer.placements.truncate(1)),
    TurnsThePageOver: |request| positions(request, |at| {
        at.origin = if at.origin == Origin::TopLeft { Origin::BottomLeft } else { Origin::TopLeft };
    }),
    SwapsAxes: |request| positions(request, |at| std::mem::swap(&mut at.x, &mut at.y)),
    RoundsToPercents: |request| positions(request, |at| {
        let step = if at.unit == Unit::Fractions { 0.01 } else { 6.0 };
        at.x = (at.x / step).round() * step;
        at.y = (at.y / step).round() * step;
    }),
    DropsTheMessage: |request| request.message = None,
    DropsTheLanguage: |request| request.language = None,
    DropsTheReturnUrl: |request| request.return_url = None,
    SignsWhenItLikes: |request| request.expires_after = None,
    DropsTheIdentity: |request| request.signers.iter_mut().for_each(|signer| signer.identity = None),
    SignsGroupsAtOnce: |request| {
        request.order = request.order.map(|_| esign_core::Order::Parallel);
        request.signers.iter_mut().for_each(|signer| signer.group = None);
    },
}

fn positions(request: &mut SignRequest, change: fn(&mut PagePosition)) {
    for placement in request.signers.iter_mut().flat_map(|signer| &mut signer.placements) {
        if let Spot::Page(at) = &mut placement.spot {
            change(at);
        }
    }
}

/// A detour over a binary number.
#[derive(Debug, Default)]
pub(crate) struct RewritesDigits;

#[async_trait]
impl Defect for RewritesDigits {
    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        submit_changed(right, request, |request| {
            for placement in request.signers.iter_mut().flat_map(|signer| &mut signer.placements) {
                let Spot::Native(at) = &placement.spot else { continue };
                let (x, y) = (at.x.value().to_string(), at.y.value().to_string());
                *placement = Placement::native(at.kind.clone(), at.page, &x, &y).unwrap();
            }
        })
        .await
    }
}

/// Invents a class that the service does not give.
#[derive(Debug, Default)]
pub(crate) struct KnowsNoClass;

#[async_trait]
impl Defect for KnowsNoClass {
    fn check(&self, _: &MemoryProvider, request: &esign_core::Resolved<'_>) -> Vec<esign_core::Finding> {
        let asked = !request.request.legal_classes.is_empty();
        let refusal = esign_core::Finding::unsupported("legal", "legal_classes", "not with this contract");
        asked.then_some(refusal).into_iter().collect()
    }

    async fn submit(&self, right: &MemoryProvider, request: &Prepared) -> Result<Submission> {
        right.submit(request).await
    }
}
