//! The neutral provider over the typed client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use esign_core::facts::{PageFacts, Rect, SignatureLevel, Size};
use esign_core::jiff::SignedDuration;
use esign_core::secrecy::SecretString;
use esign_core::{
    Artifact, ArtifactId, Bound, BoxSupport, BuildContext, CallbackSupport, Callbacks, CancelOutcome,
    Capabilities, CertificateHolder, Clock, CompletedSignature, Delivery, DeliverySupport, Documents,
    Endpoint, Error, ErrorKind, Finding, Handle, Identity, Keys, LegalClaim, LegalClass, MediaType,
    NameRules, NativePosition, Neutral, OriginProof, Personal, Prepared, Probe, ProbeCheck, ProbeReport,
    ProbeVerdict, Provider, ProviderKind, Range, RequestRef, Resolved, ResolvedSpot, Result, ResultState,
    Retry, Rule, Settled, SignerStatus, Standing, State, StatusReport, Step, Submission, Support, Trial,
};
use esign_http::{HttpClient, Jwks, JwksPolicy, LimiterKey, PublishedKeys};
use serde::{Deserialize, Serialize};

use crate::callbacks::SingpassCallbacks;
use crate::client::{Initiate, SingpassClient};
use crate::config::{Api, SingpassConfig};
use crate::convert::{BOX_HEIGHT, BOX_WIDTH, DECIMALS, Location, check_letter_holds, uin_hash};
use crate::error::{ACCESS_EXPIRED, ACTIVE_SESSION, ALREADY_SIGNED, EXPIRED, NOT_SIGNED, refusal_code};
use crate::settle::{settle, unverified};
use crate::{KIND, client};

/// How long a request and its link live (spec 5).
const SESSION: SignedDuration = SignedDuration::from_mins(30);
/// How long the signed document can be fetched (spec 5).
const ACCESS: SignedDuration = SignedDuration::from_hours(1);
/// The margin that the official helper keeps to every edge (spec 6.1).
const MARGIN: f64 = 5.0;
/// A webhook must be answered within 2 s, so keys are fetched faster than that or not at all.
const JWKS_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Sign with Singpass: one PDF, one signer, several locations.
#[derive(Clone, Debug)]
pub struct Singpass {
    config: Arc<SingpassConfig>,
    client: SingpassClient,
    callbacks: SingpassCallbacks,
    keys: PublishedKeys,
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
}

/// What a later call needs.
#[derive(Serialize, Deserialize)]
struct Private {
    exchange_code: Personal,
    signer: String,
    required: u32,
}

impl Singpass {
    pub(crate) fn new(config: SingpassConfig, keys: PublishedKeys, cx: &BuildContext) -> Result<Self> {
        let addresses = config.addresses()?;
        let endpoint = addresses.endpoint();
        let config = Arc::new(config);
        let id = SecretString::from(config.client_id.clone());
        let owner = LimiterKey::of(KIND, config.limiter_group.as_deref(), &addresses.api, &id);
        let limiter = config.limiter.build(cx, None, owner)?;
        let client =
            SingpassClient::new(Arc::clone(&config), &addresses, &keys, cx.clock(), cx.observer(), limiter)?;
        let mut quick = config.http.clone();
        quick.total_timeout = quick.total_timeout.min(JWKS_TIMEOUT);
        quick.connect_timeout = quick.connect_timeout.min(JWKS_TIMEOUT);
        let jwks_client = HttpClient::builder(addresses.jwks.clone(), cx.clock())
            .settings(&quick)
            .observer(KIND, cx.observer())
            .build()?;
        let callbacks = SingpassCallbacks {
            jwks: Jwks::new(jwks_client, addresses.jwks, JwksPolicy::default()),
            clock: cx.clock(),
            fingerprint: endpoint.fingerprint(),
        };
        Ok(Self { config, client, callbacks, keys, endpoint, clock: cx.clock() })
    }

    /// Sign V3 in its own terms.
    #[must_use]
    pub fn client(&self) -> &SingpassClient {
        &self.client
    }

    fn initiate_request(&self, request: &Prepared) -> Result<Initiate> {
        let wanted = request.request();
        let signer = &wanted.signers[0];
        let mut locations = Vec::new();
        for placement in request.signers().iter().flat_map(|signer| &signer.placements) {
            let page = placement.page.unwrap_or_default();
            locations.push(match &placement.spot {
                ResolvedSpot::Box(area) => {
                    let shown = request.facts(placement.document).and_then(|f| f.page(page)).map(|p| p.shown);
                    let size = shown
                        .ok_or_else(|| Error::new(ErrorKind::Internal, "a box on a page of unknown size"))?;
                    Location::from_box(page, area, size)?.0
                }
                ResolvedSpot::Native(native) => {
                    Location::from_digits(page, native.x.as_str(), native.y.as_str())?
                }
                other => {
                    return Err(Error::new(
                        ErrorKind::Internal,
                        format!("an unresolved placement: {other:?}"),
                    ));
                }
            });
        }
        let hash = signer.identity.as_ref().map(|identity| self.hash(identity)).transpose()?;
        Ok(Initiate {
            doc_name: wanted.documents[0].name().to_owned(),
            locations,
            signer_uin_hash: hash.map(Personal::new),
        })
    }

    fn identity_finding(&self, identity: &Identity) -> Option<Finding> {
        const AT: &str = "signers[0].identity.value";
        if let Err(error) = self.hash(identity) {
            return Some(Finding::invalid("signer.identity", AT, error.message()));
        }
        let message = "the last letter of this NRIC or FIN does not belong to its digits, so nobody has it and nobody could \
                       sign: is a digit or letter mistyped?";
        (!check_letter_holds(&identity.value))
            .then(|| Finding::warning("signer.identity.letter", AT, message))
    }

    fn hash(&self, identity: &Identity) -> Result<String> {
        uin_hash(&identity.value, self.config.nric_case, self.config.hash_case)
    }

    /// The report on a request whose document can be fetched now.
    fn signed_report(&self, private: &Private, signed: &client::SignedDocument) -> StatusReport {
        let mut report = StatusReport::new(Standing::stated(State::Completed));
        report.provider_status = Some("signed".to_owned());
        let at = signed.signer.as_ref().and_then(|s| s.at);
        report.result = ResultState::Ready { until: at.and_then(|at| at.checked_add(ACCESS).ok()) };
        report.artifacts = vec![ArtifactId::SIGNED];
        let mut signer = SignerStatus::new(Some(private.signer.clone()), State::Completed);
        signer.required = Some(private.required);
        let name = signed.signer.as_ref().and_then(|s| s.name.clone());
        signer.completed =
            (0..private.required).map(|_| CompletedSignature { name: name.clone(), at }).collect();
        report.signers = vec![signer];
        report
    }
}

impl Provider for Singpass {
    fn kind(&self) -> ProviderKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(&self.config, self.endpoint.clone())
    }

    fn documents(&self) -> Option<Arc<dyn Documents>> {
        Some(Arc::new(self.clone()))
    }

    fn callbacks(&self) -> Option<Arc<dyn Callbacks>> {
        Some(Arc::new(self.callbacks.clone()))
    }

    fn keys(&self) -> Option<Arc<dyn Keys>> {
        Some(Arc::new(self.clone()))
    }

    fn probe(&self) -> Option<Arc<dyn Probe>> {
        Some(Arc::new(self.clone()))
    }
}

/// Spec 6.
pub(crate) fn capabilities(config: &SingpassConfig, endpoint: Endpoint) -> Capabilities {
    let current = config.api == Api::Current;
    let drawn = Size { width: BOX_WIDTH, height: BOX_HEIGHT };
    let locations = Range::of(1, config.location_limit());
    let mut caps = Capabilities::none(KIND);
    caps.endpoint = endpoint;
    caps.documents.count = Range::of(1, 1);
    caps.documents.bytes = Range::of(1, config.max_bytes);
    caps.documents.media_types = vec![MediaType::PDF];
    caps.documents.name = NameRules { chars: Range::at_least(1), allowed: None };
    caps.documents.pdf.encrypted = Rule::Refuse;
    caps.documents.pdf.hybrid = Rule::Refuse;
    caps.documents.pdf.existing_level = Some(SignatureLevel::BT);
    caps.documents.pdf.overlap_existing = Rule::Refuse;
    caps.signers.count = Range::of(1, 1);
    caps.signers.chain = Support::Yes;
    caps.placements.neutral = Neutral::Supported;
    caps.placements.native = Support::Yes;
    caps.placements.per_signer = locations;
    caps.placements.per_document = locations;
    caps.placements.box_size = BoxSupport::ProviderFixed {
        drawn,
        must_fit: Size { width: config.preflight_box, height: BOX_HEIGHT },
    };
    caps.placements.decimals = Some(DECIMALS);
    caps.placements.overlap = Support::No;
    caps.placements.uncertain_unless_plain = true;
    caps.deliveries = vec![DeliverySupport {
        link_lifetime: Bound::Is(SESSION.as_secs().unsigned_abs()),
        button: Some(config.button.as_prescribed()),
        ..DeliverySupport::new(Delivery::InSessionRedirect, Range::of(1, 1))
    }];
    caps.expiry.fixed_seconds = Bound::Is(SESSION.as_secs().unsigned_abs());
    if current {
        caps.identity_schemes = vec![Identity::SG_NRIC.to_owned()];
    }
    caps.legal = vec![LegalClaim {
        class: LegalClass::SG_ETA_SECURE,
        source: "docs.sign.singpass.gov.sg: secure electronic signature under the Electronic Transactions Act 2010".into(),
        method: None,
        certificate: CertificateHolder::Signer,
    }];
    caps.cancel = current.into();
    caps.unused_ends_after = Bound::Is(SESSION.as_secs().unsigned_abs());
    caps.result_lifetime = Bound::Is(ACCESS.as_secs().unsigned_abs());
    caps.callbacks = CallbackSupport::Verified;
    caps.origin_proof = OriginProof::ByteExtension;
    caps.unverified = unverified();
    caps
}

#[async_trait]
impl Documents for Singpass {
    fn check<'a>(&self, request: &Resolved<'a>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(identity) = &request.request.signers[0].identity {
            findings.extend(self.identity_finding(identity));
        }
        let placements: Vec<_> = request.signers.iter().flat_map(|signer| &signer.placements).collect();
        for placement in placements {
            let at = format!("signers[0].placements[{}]", placement.wish);
            let page = placement.page.and_then(|n| request.facts.first().copied().flatten()?.page(n));
            match (&placement.spot, page) {
                (ResolvedSpot::Box(area), Some(page)) => findings.extend(box_findings(&at, area, page.shown)),
                (ResolvedSpot::Native(native), page) => {
                    let (x, y) = (native.x.value(), native.y.value());
                    findings.extend(native_findings(
                        &at,
                        x,
                        y,
                        page.map(|p| p.shown),
                        self.config.preflight_box,
                    ));
                }
                _ => {}
            }
        }
        findings.extend(self.wide_overlaps(request));
        findings
    }

    fn native(&self, page: &PageFacts, area: &Rect) -> Option<NativePosition> {
        let (location, _) = Location::from_box(page.number, area, page.shown).ok()?;
        let (x, y) = (location.x.get().parse().ok()?, location.y.get().parse().ok()?);
        Some(NativePosition::new(KIND, page.number, x, y))
    }

    async fn submit(&self, request: &Prepared) -> Result<Submission> {
        let initiate = self.initiate_request(request)?;
        let pdf = request.request().documents[0].content().clone();
        let made = self.client.initiate(&initiate, pdf).await?;
        let now = self.clock.now();
        let signer = request.request().signers[0].key.clone();
        let private = Private {
            exchange_code: made.exchange_code,
            signer: signer.clone(),
            required: u32::try_from(initiate.locations.len()).unwrap_or(u32::MAX),
        };
        let handle = Handle::new(request.intent(), made.request_id, now).with_private(&private)?;
        // By our clock: no redirect and no webhook will tell of the end.
        let open_before = now.checked_add(SESSION).ok();
        let submission = Submission::new(request.intent(), handle);
        Ok(match made.signing_url {
            Some(url) => submission.step(signer, Step::OpenLink { url, open_before, shared: false }).note(
                "the link is for the signer's open browser session, from a Sign with Singpass button; do not send it",
            ),
            // Singpass gives it once.
            None => submission
                .step(signer, Step::LinkMissing { later: false })
                .note("Singpass's answer had no signing link that can be used, so nobody can sign"),
        })
    }

    async fn status(&self, at: &RequestRef) -> Result<StatusReport> {
        let private: Private = at.state()?;
        let expires_at = at.created_at().checked_add(SESSION).ok();
        let mut report = match self.client.result(at.id(), &private.exchange_code).await {
            Ok(signed) => self.signed_report(&private, &signed),
            Err(error) => match refusal_code(&error) {
                Some(code) if error.kind() != ErrorKind::Unauthenticated => {
                    self.unsigned_report(code, &private)
                }
                _ => return Err(error),
            },
        };
        report.expires_at = expires_at;
        Ok(report)
    }

    async fn download(&self, at: &RequestRef, what: &ArtifactId) -> Result<Artifact> {
        if *what != ArtifactId::SIGNED {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("Singpass gives out no artifact {what}, only signed"),
            ));
        }
        let private: Private = at.state()?;
        let mut last = None;
        // A link lives two minutes; one that has just run out is worth asking for another.
        for _ in 0..2 {
            let signed =
                self.client.result(at.id(), &private.exchange_code).await.map_err(|e| self.not_there(e))?;
            match self.client.download(&signed.url).await {
                Ok(content) => return Ok(Artifact::new(ArtifactId::SIGNED, MediaType::PDF, content)),
                Err(error) if matches!(error.http_status(), Some(401 | 403 | 404 | 410)) => {
                    last = Some(error)
                }
                Err(error) => return Err(error),
            }
        }
        // A fresh link that is refused too is a refusal.
        Err(last.unwrap_or_else(|| Error::new(ErrorKind::Internal, "no link was tried")))
    }

    async fn cancel(&self, at: &RequestRef) -> Result<CancelOutcome> {
        let error = match self.client.cancel(at.id()).await {
            Ok(()) => return Ok(CancelOutcome::Cancelled),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::UnexpectedAnswer {
            return self.after_odd_cancel(at, error).await;
        }
        match (error.http_status(), refusal_code(&error)) {
            (_, Some(ALREADY_SIGNED)) => Ok(CancelOutcome::TooLate),
            (_, Some(code)) if self.config.means_cancelled(code) => Ok(CancelOutcome::AlreadyGone),
            (_, Some(ACTIVE_SESSION)) => Err(error
                .with_kind(ErrorKind::Conflict)
                .with_message("the signer is signing just now; wait for the end, or try again in a minute")),
            (Some(404), _) if error.provider_code().is_none() => {
                let message = "this server has no cancel, or something in between has answered; the request ends by itself \
                               30 minutes after it was made";
                Err(Error::new(ErrorKind::Unsupported, message).with_http_status(404))
            }
            _ => Err(error),
        }
    }
}

impl Singpass {
    /// A success that is not Singpass's says nothing: what counts is what the request's state is.
    async fn after_odd_cancel(&self, at: &RequestRef, error: Error) -> Result<CancelOutcome> {
        match Documents::status(self, at).await?.state() {
            State::Cancelled => Ok(CancelOutcome::Cancelled),
            State::Completed => Ok(CancelOutcome::TooLate),
            State::Expired => Ok(CancelOutcome::AlreadyGone),
            _ => {
                let message = format!("{}; the request is still open", error.message());
                Err(error.with_message(message).with_retry(Retry::SAFE))
            }
        }
    }

    /// What a refusal of the result says about the request (spec 3.3, 6.3).
    fn unsigned_report(&self, code: &str, private: &Private) -> StatusReport {
        let (state, result) = match code {
            NOT_SIGNED => (State::Pending, ResultState::NotReady),
            EXPIRED => (State::Expired, ResultState::NotReady),
            ACCESS_EXPIRED => (State::Completed, ResultState::Gone),
            _ if self.config.means_cancelled(code) => (State::Cancelled, ResultState::NotReady),
            _ => (State::Unrecognised, ResultState::NotReady),
        };
        let mut report = StatusReport::new(Standing::stated(state));
        report.provider_status = Some(code.to_owned());
        report.result = result;
        let mut signer = SignerStatus::new(Some(private.signer.clone()), state);
        signer.required = Some(private.required);
        report.signers = vec![signer];
        report
    }

    /// Why there is nothing to download.
    fn not_there(&self, error: Error) -> Error {
        let (kind, message) = match refusal_code(&error) {
            Some(NOT_SIGNED) => (ErrorKind::NotReady, "nobody has signed yet"),
            Some(EXPIRED) => (ErrorKind::NotFound, "the request has expired without a signature"),
            Some(ACCESS_EXPIRED) => {
                (ErrorKind::Gone, "it was signed more than an hour ago: the document cannot be had any more")
            }
            Some(code) if self.config.means_cancelled(code) => {
                (ErrorKind::NotFound, "the request was cancelled before anybody signed")
            }
            Some(_) | None => return error,
        };
        error.with_kind(kind).with_message(message)
    }

    /// Boxes must be apart at the documented width too, and from existing signatures.
    fn wide_overlaps(&self, request: &Resolved<'_>) -> Vec<Finding> {
        let facts = request.facts.first().copied().flatten();
        let mut wide: Vec<(u32, Rect, usize)> = Vec::new();
        let mut findings = Vec::new();
        for placement in request.signers.iter().flat_map(|signer| &signer.placements) {
            let Some(page) = placement.page else { continue };
            let area = match &placement.spot {
                ResolvedSpot::Box(area) => Some((area.x, area.y)),
                ResolvedSpot::Native(n) => facts
                    .and_then(|f| f.page(page))
                    .map(|p| (n.x.value() * p.shown.width, n.y.value() * p.shown.height)),
                _ => None,
            };
            let Some((x, y)) = area else { continue };
            let area = Rect::new(x, y, self.config.preflight_box, BOX_HEIGHT);
            let at = format!("signers[0].placements[{}]", placement.wish);
            let mut before = wide.iter().filter(|(p, other, _)| *p == page && other.overlaps(&area));
            if let Some((_, _, other)) = before.next() {
                let message = format!(
                    "the box overlaps that of signers[0].placements[{other}] at the documented width of {} points",
                    self.config.preflight_box
                );
                findings.push(Finding::invalid("placement.overlap", &at, message));
            }
            let signed = facts.iter().flat_map(|f| &f.signatures).filter(|f| f.signature.is_some());
            let covered =
                signed.filter(|f| f.widgets.iter().any(|w| w.page == page && w.shown.overlaps(&area)));
            if let Some(field) = covered.map(|f| &f.name).next() {
                let message = format!("the box covers the existing signature in field {field:?}");
                findings.push(Finding::invalid("placement.overlap_existing", &at, message));
            }
            wide.push((page, area, placement.wish));
        }
        findings
    }
}

/// What rounding does, and how near the edge the box is.
fn box_findings(at: &str, area: &Rect, page: Size) -> Vec<Finding> {
    let shift = match Location::from_box(1, area, page) {
        Ok((_, shift)) => shift,
        Err(error) => return vec![Finding::invalid("placement.off_page", at, error.message())],
    };
    let mut findings = Vec::new();
    if shift.0.max(shift.1) > 0.005 {
        let message = format!(
            "rounding to 4 decimals moves the box {:.2} points to the left and {:.2} points down",
            shift.0, shift.1
        );
        findings.push(Finding::note("placement_rounded", at, message));
    }
    findings.extend(margin_finding(at, area, page));
    findings
}

fn margin_finding(at: &str, area: &Rect, page: Size) -> Option<Finding> {
    let near = area.x < MARGIN
        || area.y < MARGIN
        || page.width - area.right() < MARGIN
        || page.height - area.top() < MARGIN;
    near.then(|| {
        Finding::warning(
            "placement_margin",
            at,
            "the box is within 5 points of the page's edge, the margin that Singpass's own helper keeps",
        )
    })
}

/// Native numbers are checked and never changed.
fn native_findings(at: &str, x: f64, y: f64, page: Option<Size>, width: f64) -> Vec<Finding> {
    for (name, value) in [("x", x), ("y", y)] {
        if !(0.0..1.0).contains(&value) {
            let message = "must be at least 0 and less than 1";
            return vec![Finding::invalid("placement.native", format!("{at}.{name}"), message)];
        }
    }
    let Some(page) = page else { return Vec::new() };
    let must_fit = Rect::new(x * page.width, y * page.height, width, BOX_HEIGHT);
    if !Rect::new(0.0, 0.0, page.width, page.height).contains(&must_fit) {
        let message = format!(
            "a box of {width} x {BOX_HEIGHT} points with its lower-left corner there is not on the page"
        );
        return vec![Finding::invalid("placement.off_page", at, message)];
    }
    let drawn = Rect { width: BOX_WIDTH, ..must_fit };
    margin_finding(at, &drawn, page).into_iter().collect()
}

#[async_trait]
impl Keys for Singpass {
    async fn jwks(&self) -> Result<serde_json::Value> {
        Ok(self.keys.jwks())
    }
}

#[async_trait]
impl Probe for Singpass {
    /// Fetches Singpass's keys, signs with ours, and asks for the result of a request that does not exist: the answer
    /// tells whether our token is accepted.
    async fn probe(&self) -> Result<ProbeReport> {
        let keys = match self.callbacks.ready().await {
            Ok(()) => check("singpass_keys", ProbeVerdict::Good, "Singpass's keys were fetched".to_owned()),
            Err(error) => check("singpass_keys", ProbeVerdict::Bad, error.to_string()),
        };
        let signature = match self.keys.signing().sign(b"probe").await {
            Ok(_) => check(
                "signing_key",
                ProbeVerdict::Good,
                format!("the key {} signs", self.keys.signing().key_id()),
            ),
            Err(error) => check("signing_key", ProbeVerdict::Bad, error.to_string()),
        };
        let nothing = Personal::new(uuid::Uuid::new_v4().to_string());
        let id = format!("signv3-{}", uuid::Uuid::new_v4());
        let credentials = match self.client.result(&id, &nothing).await {
            Ok(_) => check(
                "credentials",
                ProbeVerdict::Warning,
                "the server gives out documents without checking tokens: not Singpass itself".to_owned(),
            ),
            Err(e) if e.kind() == ErrorKind::Unauthenticated => check(
                "credentials",
                ProbeVerdict::Bad,
                "the token was not accepted: check client_id, signing_key, the published key set, and the clock".to_owned(),
            ),
            Err(e) if e.http_status().is_some_and(|s| s < 500) => {
                check(
                "credentials",
                ProbeVerdict::Good,
                "the token was accepted, and the made-up request is not known (client_id is not part of this call)"
                    .to_owned(),
            )
            }
            Err(e) => check("credentials", ProbeVerdict::Bad, e.to_string()),
        };
        Ok(ProbeReport::new(vec![keys, signature, credentials]))
    }

    async fn settle(&self, trial: &Trial) -> Result<Vec<Settled>> {
        settle(&self.client, trial).await
    }
}

fn check(name: &'static str, verdict: ProbeVerdict, message: String) -> ProbeCheck {
    ProbeCheck { name, verdict, message }
}
