//! What an instance can do, computed from its configuration.

use esign_core::facts::Size;
use esign_core::{
    Bound, BoxSupport, CallbackSupport, Capabilities, CertificateHolder, Delivery, DeliverySupport,
    DocumentLimits, Endpoint, ExpirySupport, LegalClaim, Mark, MediaType, MessageSupport, NameRules, Need,
    Neutral, Order, OriginProof, PdfRules, Range, ReferenceSupport, ReturnUrlSupport, Role, Rule,
    SignerLimits, Support,
};

use crate::KIND;
use crate::config::DocumensoConfig;

pub(crate) const DAY: u64 = 86_400;
/// Three months, which the server counts as 90 days (measured).
const DEFAULT_EXPIRY: u64 = 90 * DAY;
/// Whatever a page's size: boxes must fit on theirs anyway.
const LARGEST_PAGE: Size = Size { width: 14_400.0, height: 14_400.0 };

/// What nobody could check, and why no trial can.
pub(crate) const UNVERIFIED: [(&str, &str); 8] = [
    (
        "the limits of the cloud: size of a file, files and recipients per request, its rate",
        "they belong to the plan: set max_bytes and max_documents as your account says",
    ),
    (
        "whether the cloud adds timestamps to its seals, and whose certificate it seals with",
        "it takes a person who signs",
    ),
    (
        "which legal class a seal has",
        "no document of Documenso's names one: ask whoever answers for it, and set legal_class",
    ),
    ("CSC mode, in which recipients sign with certificates of their own", "it takes an Enterprise licence"),
    (
        "whether a reminder disturbs a request that is being sealed",
        "it takes a person who signs at that moment",
    ),
    (
        "whether a later version than 2.17.0 draws rightly on pages that are shifted or inherit from the page tree",
        "only eyes can tell: set odd_pages = \"warn\" at staging and look at a sealed file",
    ),
    (
        "whether a turn may be given to each recipient where there is no order",
        "it is sent and read back in every request: one that is not kept is refused",
    ),
    (
        "whether a signing link leads to the API's own host, for requests whose answer was lost",
        "it takes a server with two addresses",
    ),
];

pub(crate) fn capabilities(
    config: &DocumensoConfig,
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
        name: Need::Used,
        phone: Need::Ignored,
        // Our own choice: the server would take them, and everybody would be taken for the first.
        unique_emails: true,
    };
    caps.roles = vec![Role::Approver, Role::Viewer, Role::Copy];
    caps.placements.neutral = Neutral::Supported;
    caps.placements.native = Support::Yes;
    caps.placements.per_signer = Range::at_least(1);
    caps.placements.per_document = Range::UNKNOWN;
    caps.placements.box_size = BoxSupport::Wish {
        min: Size { width: 20.0, height: 10.0 },
        max: LARGEST_PAGE,
        default: Size { width: 160.0, height: 40.0 },
    };
    caps.marks = vec![Mark::Initials, Mark::Date, Mark::Name, Mark::Email];
    caps.native_sizes = Support::Yes;
    caps.orders = vec![Order::Parallel, Order::Sequential];
    caps.deliveries = [Delivery::ProviderEmail, Delivery::ShareableLink]
        .map(|delivery| DeliverySupport::new(delivery, Range::at_least(1)))
        .to_vec();
    caps.later_links = Support::Yes;
    caps.reminders = vec![Delivery::ProviderEmail];
    caps.message = MessageSupport { deliveries: vec![Delivery::ProviderEmail], chars: Range::of(1, 5000) };
    caps.languages =
        ["de", "en", "fr", "es", "it", "nl", "pl", "pt-BR", "ja", "ko", "zh"].map(str::to_owned).to_vec();
    caps.return_url = ReturnUrlSupport {
        supported: Support::Yes,
        schemes: vec!["https".to_owned(), "http".to_owned()],
        domain: None,
    };
    caps.expiry = ExpirySupport {
        supported: Support::Yes,
        seconds: Range::at_least(DAY),
        fixed_seconds: Bound::Is(DEFAULT_EXPIRY),
    };
    caps.legal = vec![LegalClaim {
        class: config.legal_class.clone(),
        source: "the setting legal_class; no document of Documenso's names a class".to_owned(),
        method: None,
        certificate: CertificateHolder::Provider,
    }];
    caps.cancel = Support::Yes;
    caps.decline_visible = Support::Yes;
    caps.result_lifetime = Bound::None;
    caps.partial_result = Support::Yes;
    // A shared secret proves the sender and not the body, and bodies hold live signing tokens: nothing to keep.
    caps.callbacks =
        if config.callback_secret.is_some() { CallbackSupport::Hints } else { CallbackSupport::None };
    caps.reference = ReferenceSupport::Echoed;
    caps.origin_proof = OriginProof::OriginalKept;
    // Deleting an ended envelope only hides it.
    caps.erase = Support::No;
    caps.poll_interval = 15;
    caps.rate_limit = rate.map(|rate| rate.claim());
    caps.unverified = UNVERIFIED.map(|(statement, _)| statement.to_owned()).to_vec();
    caps
}

fn documents(config: &DocumensoConfig) -> DocumentLimits {
    let mut pdf = PdfRules::default();
    pdf.existing_signatures = config.existing_signatures;
    pdf.forms = Rule::Warn;
    pdf.text_tags = config.placeholders;
    // Signatures of others do not survive, so no box can cover one.
    pdf.overlap_existing = Rule::Allow;
    DocumentLimits {
        count: Range::of(1, config.max_documents),
        bytes: Range::up_to(config.max_bytes),
        media_types: vec![MediaType::PDF],
        name: NameRules { chars: Range::of(1, 255), allowed: None },
        view_only: Support::Yes,
        pdf,
    }
}
