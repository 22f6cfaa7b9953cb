//! What an instance can do, computed from its configuration.

use esign_core::{
    Bound, BoxSupport, CallbackSupport, Capabilities, CertificateHolder, CharSet, Delivery, DeliverySupport,
    DocumentLimits, Endpoint, ExpirySupport, LegalClaim, LegalClass, MediaType, MessageSupport, NameRules,
    Need, Neutral, Order, OriginProof, PdfRules, PlacementSupport, Range, ReferenceSupport, ReturnUrlSupport,
    Rule, SignerLimits, Support,
};

use crate::KIND;
use crate::check::{MAX_NAME, MAX_PER_INVITATION};
use crate::config::{OverLimit, ReferenceInName, SignifyConfig};
use crate::provider::unverified;

/// Samples of the guide: `expiresAt` lies at the end of day 30. User guide: 30 days after completion.
const THIRTY_DAYS: u64 = 30 * 86_400;

pub(crate) fn capabilities(
    config: &SignifyConfig,
    endpoint: Endpoint,
    rate: Option<esign_http::RateLimit>,
) -> Capabilities {
    let mut caps = Capabilities::none(KIND);
    caps.endpoint = endpoint;
    caps.documents = documents(config);
    caps.signers = SignerLimits {
        count: Range::at_least(1),
        chain: Support::No,
        email: Need::ForEmailDelivery,
        name: Need::Ignored,
        phone: Need::Ignored,
        unique_emails: true,
    };
    caps.placements = placements(config);
    // No order can be asked for: everyone may sign at once, one after the other by Signify's lock.
    caps.orders = vec![Order::Parallel];
    // A link that may be passed on may as well be opened at once, in the session that asked for it.
    let ways = [
        (Delivery::ProviderEmail, false),
        (Delivery::ShareableLink, true),
        (Delivery::InSessionRedirect, true),
    ];
    caps.deliveries = ways
        .map(|(delivery, shared_link)| DeliverySupport {
            shared_link,
            ..DeliverySupport::new(delivery, Range::at_least(1))
        })
        .to_vec();
    caps.message = MessageSupport { deliveries: vec![Delivery::ProviderEmail], chars: Range::of(1, 1000) };
    caps.return_url = ReturnUrlSupport {
        supported: Support::Yes,
        schemes: vec!["https".to_owned()],
        domain: Some("gov.sg".to_owned()),
    };
    caps.expiry = ExpirySupport {
        supported: Support::No,
        seconds: Range::UNKNOWN,
        fixed_seconds: Bound::Is(THIRTY_DAYS),
    };
    caps.legal = vec![LegalClaim {
        class: LegalClass::SG_ETA_SECURE,
        source:
            "documentation of Sign with Singpass, which signs for Signify; Signify's own pages name no class"
                .to_owned(),
        method: None,
        certificate: CertificateHolder::Signer,
    }];
    caps.cancel = Support::Yes;
    caps.decline_visible = Support::No;
    caps.result_lifetime = Bound::Is(THIRTY_DAYS);
    caps.partial_result = Support::Yes;
    caps.callbacks = CallbackSupport::None;
    caps.reference = match config.reference_in_name {
        ReferenceInName::Off => ReferenceSupport::NameAndTime,
        ReferenceInName::Suffix => ReferenceSupport::InDocumentName,
    };
    caps.origin_proof = OriginProof::None;
    // Of drafts it is documented; of signed documents it is tried, and is among what is unverified.
    caps.erase = Support::Yes;
    caps.poll_interval = 30;
    caps.rate_limit = rate.map(|rate| rate.claim());
    caps.unverified = unverified();
    caps
}

fn documents(config: &SignifyConfig) -> DocumentLimits {
    // Sign with Singpass refuses hybrid references; whether Signify rewrites the file before is not documented.
    let mut pdf = PdfRules::default();
    pdf.hybrid = Rule::Warn;
    DocumentLimits {
        count: Range::of(1, 1),
        bytes: Range::up_to(config.max_document_bytes),
        media_types: vec![MediaType::PDF],
        name: NameRules {
            chars: Range::of(4, MAX_NAME),
            allowed: Some(CharSet { ascii_alphanumeric: true, others: "_-./() &`;'\"".to_owned() }),
        },
        view_only: Support::No,
        pdf,
    }
}

fn placements(config: &SignifyConfig) -> PlacementSupport {
    let neutral = match config.placement_origin {
        Some(_) => Neutral::Supported,
        None => Neutral::NeedsSetting {
            line: "placement_origin = \"top-left\"".to_owned(),
            how: "place a box near the top of a page in Signify's web application and look at the positionY in its \
                  upload request: near 0 means top-left, near 1 bottom-left"
                .to_owned(),
        },
    };
    let most = match config.over_max_document_signatures {
        OverLimit::Refuse => Bound::Is(config.max_document_signatures),
        OverLimit::Warn => Bound::Unknown,
    };
    PlacementSupport {
        neutral,
        native: Support::Yes,
        anchors: Support::No,
        fields: Support::No,
        per_signer: Range::of(1, MAX_PER_INVITATION),
        per_document: Range { min: Bound::Is(1), max: most },
        box_size: BoxSupport::ProviderFixed { drawn: config.box_size, must_fit: config.box_size },
        decimals: None,
        // Whether boxes may overlap rests on a size that is assumed: a warning of the check, not a refusal.
        overlap: Support::Yes,
        uncertain_unless_plain: true,
    }
}
