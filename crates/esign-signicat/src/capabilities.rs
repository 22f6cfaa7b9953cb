//! What an instance can do, computed from its configuration.

use esign_core::{
    Bound, CallbackSupport, Capabilities, CertificateHolder, Delivery, DeliverySupport, Endpoint,
    ExpirySupport, LegalClaim, MediaType, MessageSupport, NameRules, Need, Neutral, Order, OriginProof,
    Range, ReferenceSupport, ReturnUrlSupport, Support,
};

use crate::KIND;
use crate::config::{CreatedMail, SignicatConfig};
use crate::options::PackagingLayout;
use crate::order::Language;
use crate::provider::{CREATED_MAIL, unverified};

/// Tasks live for whole days.
pub(crate) const DAY: u64 = 86_400;

pub(crate) fn capabilities(
    config: &SignicatConfig,
    endpoint: Endpoint,
    rate: Option<esign_http::RateLimit>,
) -> Capabilities {
    let mut caps = Capabilities::none(KIND);
    caps.endpoint = endpoint;
    caps.documents.count = Range::at_least(1);
    caps.documents.bytes = config.max_document_bytes.map_or(Range::at_least(1), |most| Range::of(1, most));
    caps.documents.media_types = vec![MediaType::PDF, MediaType::TEXT];
    caps.documents.name = NameRules { chars: Range::UNKNOWN, allowed: None };
    caps.documents.view_only = Support::Yes;
    caps.signers.count = Range::at_least(1);
    caps.signers.email = Need::ForEmailDelivery;
    caps.signers.phone = if config.sms.is_some() { Need::Used } else { Need::Ignored };
    // No field of the API takes a rectangle: the layout of the PDF is Signicat's.
    caps.placements.neutral = Neutral::Unsupported;
    caps.placements.per_signer = Range::FREE;
    caps.placements.per_document = Range::FREE;
    caps.orders = vec![Order::Parallel, Order::Sequential, Order::Groups];
    // A link that may be passed on may also be opened right now.
    caps.deliveries = [Delivery::ProviderEmail, Delivery::ShareableLink, Delivery::InSessionRedirect]
        .map(|delivery| DeliverySupport::new(delivery, Range::at_least(1)))
        .to_vec();
    caps.message = MessageSupport { deliveries: vec![Delivery::ProviderEmail], chars: Range::UNKNOWN };
    caps.languages = Language::ALL.map(|(_, code)| code.to_owned()).to_vec();
    caps.return_url = ReturnUrlSupport { supported: Support::Yes, schemes: Vec::new(), domain: None };
    caps.expiry = ExpirySupport {
        supported: Support::Yes,
        seconds: Range::at_least(DAY),
        fixed_seconds: config.days_to_live.map_or(Bound::Unknown, |days| Bound::Is(u64::from(days) * DAY)),
    };
    caps.identity_schemes.clone_from(&config.identity_schemes);
    caps.legal = legal(config);
    caps.cancel = Support::Yes;
    caps.decline_visible = Support::Yes;
    caps.callbacks = CallbackSupport::Hints;
    // The reference is echoed, but orders cannot be searched: `recover` needs the order's id from a callback.
    caps.reference = ReferenceSupport::None;
    caps.origin_proof = match config.packaging_layout {
        PackagingLayout::PerDocument | PackagingLayout::Together => OriginProof::EvidenceDigest,
        PackagingLayout::None => OriginProof::None,
    };
    caps.erase = Support::Yes;
    caps.poll_interval = 60;
    caps.rate_limit = rate.map(|rate| rate.claim());
    caps.unverified = unverified();
    if config.created_mail == CreatedMail::Unknown {
        caps.unverified.push(CREATED_MAIL.to_owned());
    }
    caps
}

/// One claim per method, if every method has a class: one without could make signatures of any.
fn legal(config: &SignicatConfig) -> Vec<LegalClaim> {
    let claim = |method: &crate::config::MethodSetting| {
        let name = method.name.clone().unwrap_or_else(|| "handwritten".to_owned());
        method.legal_class.clone().map(|class| LegalClaim {
            class,
            source: "the instance's configuration, after the contract with Signicat".to_owned(),
            method: Some(name),
            // The PDF has Signicat's seal; whose signature is in the evidence depends on the method.
            certificate: CertificateHolder::Provider,
        })
    };
    config.methods.iter().map(claim).collect::<Option<_>>().unwrap_or_default()
}
