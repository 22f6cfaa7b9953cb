//! What Acme can do, with its limits. Whatever is not said here is refused before anything is sent.

use esign_core::{Capabilities, Delivery, DeliverySupport, Endpoint, MediaType, Range};

use crate::KIND;

pub(crate) fn capabilities(endpoint: Endpoint) -> Capabilities {
    // The least that a provider of documents claims. Add what Acme documents: names, bytes, signers, placements, orders,
    // messages, languages, expiry, cancel, how a reference comes back, legal classes, the rate limit.
    let mut caps = Capabilities::none(KIND);
    caps.endpoint = endpoint;
    caps.documents.count = Range::of(1, 1);
    caps.documents.media_types = vec![MediaType::PDF];
    caps.signers.count = Range::of(1, 1);
    caps.deliveries = vec![DeliverySupport::new(Delivery::ShareableLink, Range::of(1, 1))];
    caps.unverified = vec!["everything: no call was made to the real service".to_owned()];
    caps
}
