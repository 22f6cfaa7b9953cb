//! What four providers can do, from their specifications alone. Sections are those of each provider's specification.

use std::sync::Arc;

use async_trait::async_trait;
use esign_core::facts::{SignatureLevel, Size};
use esign_core::{
    Artifact, ArtifactId, Bound, BoxSupport, BuildContext, CallbackSupport, CancelOutcome, Capabilities,
    CertificateHolder, CharSet, Delivery, DeliverySupport, Documents, Endpoint, Error, ErrorKind, Finding,
    LegalClaim, LegalClass, MediaType, Need, Neutral, Order, OriginProof, Prepared, Provider, ProviderConfig,
    ProviderKind, Range, RateLimit, ReferenceSupport, Registry, RequestRef, Resolved, Result, Rule,
    StatusReport, Submission, Support,
};
use serde::Deserialize;

pub(crate) const SIGNIFY: ProviderKind = ProviderKind::new("signify");
pub(crate) const SINGPASS: ProviderKind = ProviderKind::new("singpass");
pub(crate) const SIGNICAT: ProviderKind = ProviderKind::new("signicat");
pub(crate) const TRANSACTIONS: ProviderKind = ProviderKind::new("singpass-txn");
pub(crate) const KINDS: [ProviderKind; 4] = [SIGNIFY, SINGPASS, SIGNICAT, TRANSACTIONS];

pub(crate) fn register(registry: &mut Registry) -> Result<()> {
    registry
        .register::<Signify>()?
        .register::<Singpass>()?
        .register::<Signicat>()?
        .register::<Transactions>()?;
    Ok(())
}

/// Signify API v2.
fn signify(origin: Option<&str>) -> Capabilities {
    let mut caps = Capabilities::none(SIGNIFY);
    caps.endpoint = endpoint("https://staging.signify.gov.sg/public/"); // 2
    caps.documents.count = Range::of(1, 1); // 3.1
    caps.documents.bytes = Range::of(1, 10_000_000); // 5: refuse above 10,000,000
    caps.documents.media_types = vec![MediaType::PDF]; // 1
    caps.documents.name.chars = Range::of(4, 100); // 3.1
    caps.documents.name.allowed = Some(CharSet { ascii_alphanumeric: true, others: "_-./() &`;'\"".into() }); // 3.1
    caps.documents.pdf.hybrid = Rule::Warn; // 1: preflight warns on odd cross-references
    caps.signers.count = Range::at_least(1); // 3.1: the upper bound is unknown
    caps.signers.email = Need::ForEmailDelivery; // 3.1
    caps.signers.unique_emails = true; // 3.1
    caps.placements.neutral = match origin {
        Some(_) => Neutral::Supported,
        None => Neutral::NeedsSetting {
            line: "placement_origin = \"top-left\"".into(),
            how: "place a signature in the web page and compare".into(),
        },
    }; // 6.1: the origin is not stated
    caps.placements.native = Support::Yes; // 6.1
    caps.placements.per_signer = Range::of(1, 20); // 3.1
    caps.placements.per_document = Range::up_to(30); // 5, guide
    caps.placements.overlap = Support::Unknown;
    caps.placements.uncertain_unless_plain = true; // 6.1
    caps.orders = vec![Order::Parallel]; // 6.2: no order of signing
    let link = |delivery| DeliverySupport {
        delivery,
        signers: Range::at_least(1),
        shared_link: true, // 3.1: one link for all
        link_lifetime: Bound::Unknown,
        button: None,
    };
    let email = DeliverySupport { shared_link: false, ..link(Delivery::ProviderEmail) };
    // A link that may be passed on may also be opened right now.
    caps.deliveries = vec![email, link(Delivery::ShareableLink), link(Delivery::InSessionRedirect)]; // 6.2
    caps.message.deliveries = vec![Delivery::ProviderEmail]; // 3.1: part of the invitation
    caps.message.chars = Range::of(1, 1000); // 5
    caps.return_url.supported = Support::Yes; // 3.1
    caps.return_url.schemes = vec!["https".into()];
    caps.return_url.domain = Some("gov.sg".into());
    caps.expiry.fixed_seconds = Bound::Is(30 * 86_400); // 5: day 30
    caps.legal = vec![eta_secure("signed with Sign with Singpass")]; // 1
    caps.cancel = Support::Yes; // 6.2
    caps.result_lifetime = Bound::Is(30 * 86_400); // 5
    caps.partial_result = Support::Yes; // 1: usable while the status is draft
    caps.reference = ReferenceSupport::NameAndTime; // 3.1
    caps.rate_limit = Some(RateLimit { requests: 100, window_seconds: 10 }); // 5
    caps
}

/// Sign with Singpass, Document Signing V3.
fn singpass() -> Capabilities {
    let mut caps = Capabilities::none(SINGPASS);
    caps.endpoint = endpoint("https://staging.sign.singpass.gov.sg/api/v3"); // 2.1
    caps.documents.count = Range::of(1, 1); // 1
    caps.documents.bytes = Range::of(1, 9_999_999); // 5: less than 10 MB
    caps.documents.media_types = vec![MediaType::PDF]; // 3.1
    caps.documents.pdf.hybrid = Rule::Refuse; // 3.1
    caps.documents.pdf.existing_level = Some(SignatureLevel::BT); // 3.1
    caps.documents.pdf.overlap_existing = Rule::Refuse; // 3.1
    caps.signers.count = Range::of(1, 1); // 1
    caps.signers.chain = Support::Yes; // 6.2
    caps.placements.neutral = Neutral::Supported; // 6.1
    caps.placements.native = Support::Yes; // 6.1
    caps.placements.per_signer = Range::of(1, 20); // 5
    caps.placements.per_document = Range::FREE; // 5: the limit is per request, which has one signer
    caps.placements.box_size = BoxSupport::ProviderFixed {
        drawn: Size { width: 220.5, height: 60.0 },
        must_fit: Size { width: 225.0, height: 60.0 },
    }; // 6.1
    caps.placements.decimals = Some(4); // 6.1
    caps.placements.overlap = Support::No; // 3.1: not over existing signatures, which in a chain the next signer meets
    caps.placements.uncertain_unless_plain = true; // 6.1
    caps.deliveries = vec![DeliverySupport {
        delivery: Delivery::InSessionRedirect,
        signers: Range::of(1, 1),
        shared_link: false,
        link_lifetime: Bound::Is(1800),
        button: None,
    }]; // 6.2: redirect from the button only
    caps.expiry.fixed_seconds = Bound::Is(1800); // 5
    caps.identity_schemes = vec!["sg-nric".into()]; // 3.1: signer_uin_hash
    caps.legal = vec![eta_secure("appendix A")];
    caps.cancel = Support::Yes; // 6.2
    caps.result_lifetime = Bound::Is(3600); // 5
    caps.callbacks = CallbackSupport::Verified; // 4
    caps.origin_proof = OriginProof::ByteExtension;
    caps
}

/// Signicat Sign API v1.
fn signicat() -> Capabilities {
    let mut caps = Capabilities::none(SIGNICAT);
    caps.endpoint = endpoint("https://api.signicat.com/enterprise/sign"); // 2
    caps.documents.count = Range::at_least(1); // 3.3
    caps.documents.media_types = vec![MediaType::PDF, MediaType::TEXT]; // 3.2
    caps.documents.view_only = Support::Yes; // 3.4: VIEW
    caps.signers.count = Range::at_least(1); // 3.3
    caps.signers.email = Need::ForEmailDelivery; // 6.2
    caps.signers.phone = Need::Used; // 3.4: SMS
    caps.placements.per_signer = Range::FREE; // 6.1: none, the provider decides
    caps.placements.per_document = Range::FREE;
    caps.orders = vec![Order::Parallel, Order::Sequential, Order::Groups]; // 6.2: dependsOnTasks
    let way = |delivery| DeliverySupport {
        delivery,
        signers: Range::at_least(1),
        shared_link: false, // 6.2: one signingUrl per task
        link_lifetime: Bound::Unknown,
        button: None,
    };
    caps.deliveries =
        vec![way(Delivery::ProviderEmail), way(Delivery::ShareableLink), way(Delivery::InSessionRedirect)];
    caps.message.deliveries = vec![Delivery::ProviderEmail]; // 3.4
    caps.languages =
        ["ca", "da", "nl", "en", "et", "fo", "fi", "fr", "de", "kl", "it", "nb", "nn", "es", "sv"]
            .map(str::to_owned)
            .to_vec(); // 3.3
    caps.return_url.supported = Support::Yes; // 4.1
    caps.expiry.supported = Support::Yes; // 3.3: daysToLive
    caps.expiry.seconds = Range::at_least(86_400);
    caps.identity_schemes = vec!["national-id".into()]; // 3.4: Subject
    // The legal class depends on the customer's signature methods: nothing to claim here.
    caps.cancel = Support::Yes; // 6.2
    caps.decline_visible = Support::Yes; // 6.3
    caps.callbacks = CallbackSupport::Hints; // 4.2
    caps.origin_proof = OriginProof::EvidenceDigest;
    caps
}

/// Singpass transaction signing: no document, no page, no box (6).
fn transactions() -> Capabilities {
    let mut caps = Capabilities::none(TRANSACTIONS);
    caps.endpoint = endpoint("https://stg-id.singpass.gov.sg");
    caps.transactions = Support::Yes;
    caps
}

fn endpoint(base_url: &str) -> Endpoint {
    Endpoint { environment: "staging".into(), base_url: base_url.into() }
}

fn eta_secure(source: &str) -> LegalClaim {
    LegalClaim {
        class: LegalClass::SG_ETA_SECURE,
        source: source.into(),
        method: None,
        certificate: CertificateHolder::Signer,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signify {
    placement_origin: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Singpass {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signicat {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transactions {}

#[async_trait]
impl ProviderConfig for Signify {
    const KIND: ProviderKind = SIGNIFY;

    async fn build(self, _: &BuildContext) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Paper(signify(self.placement_origin.as_deref()))))
    }
}

#[async_trait]
impl ProviderConfig for Singpass {
    const KIND: ProviderKind = SINGPASS;

    async fn build(self, _: &BuildContext) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Paper(singpass())))
    }
}

#[async_trait]
impl ProviderConfig for Signicat {
    const KIND: ProviderKind = SIGNICAT;

    async fn build(self, _: &BuildContext) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Paper(signicat())))
    }
}

#[async_trait]
impl ProviderConfig for Transactions {
    const KIND: ProviderKind = TRANSACTIONS;

    async fn build(self, _: &BuildContext) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Paper(transactions())))
    }
}

/// Capabilities and nothing behind them: planning sends nothing.
#[derive(Clone, Debug)]
struct Paper(Capabilities);

impl Provider for Paper {
    fn kind(&self) -> ProviderKind {
        self.0.kind.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.clone()
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        let signs = self.0.kind != TRANSACTIONS;
        signs.then(|| Arc::new(self.clone()) as Arc<dyn Documents>)
    }
}

fn sent<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Internal, "a plan sent something"))
}

#[async_trait]
impl Documents for Paper {
    fn check(&self, _: &Resolved<'_>) -> Vec<Finding> {
        Vec::new()
    }

    async fn submit(&self, _: &Prepared) -> Result<Submission> {
        sent()
    }

    async fn status(&self, _: &RequestRef) -> Result<StatusReport> {
        sent()
    }

    async fn download(&self, _: &RequestRef, _: &ArtifactId) -> Result<Artifact> {
        sent()
    }

    async fn cancel(&self, _: &RequestRef) -> Result<CancelOutcome> {
        sent()
    }
}
