//! What Inkwell can do, with its limits. Whatever is not said here is refused before anything is sent.

use esign_core::facts::Size;
use esign_core::{
    Bound, BoxSupport, Capabilities, Delivery, DeliverySupport, Endpoint, MediaType, MessageSupport, Need,
    Neutral, Order, OriginProof, Range, ReferenceSupport, Support,
};

use crate::KIND;

/// The box that Inkwell draws, in points.
const BOX: Size = Size { width: 180.0, height: 50.0 };
/// An envelope that is not signed to the end lapses after so many seconds.
const FOURTEEN_DAYS: u64 = 14 * 86_400;

pub(crate) fn capabilities(endpoint: Endpoint) -> Capabilities {
    let mut caps = Capabilities::none(KIND);
    caps.endpoint = endpoint;
    caps.documents.count = Range::of(1, 1);
    caps.documents.bytes = Range::up_to(5_000_000);
    caps.documents.media_types = vec![MediaType::PDF];
    caps.documents.name.chars = Range::of(1, 120);
    caps.signers.count = Range::of(1, 10);
    caps.signers.email = Need::ForEmailDelivery;
    caps.signers.unique_emails = true;
    caps.placements.neutral = Neutral::Supported;
    caps.placements.per_signer = Range::of(1, 10);
    caps.placements.per_document = Range::of(1, 100);
    caps.placements.box_size = BoxSupport::ProviderFixed { drawn: BOX, must_fit: BOX };
    caps.orders = vec![Order::Parallel];
    caps.deliveries = [Delivery::ProviderEmail, Delivery::ShareableLink]
        .map(|delivery| DeliverySupport::new(delivery, Range::of(1, 10)))
        .to_vec();
    caps.message = MessageSupport { deliveries: vec![Delivery::ProviderEmail], chars: Range::of(1, 500) };
    caps.expiry.fixed_seconds = Bound::Is(FOURTEEN_DAYS);
    caps.cancel = Support::Yes;
    caps.decline_visible = Support::Yes;
    caps.result_lifetime = Bound::None;
    caps.reference = ReferenceSupport::Echoed;
    caps.origin_proof = OriginProof::ByteExtension;
    caps
}
