//! The requests, and the verdict that each provider must give.

use esign_core::facts::SignatureLevel::{BB, BT};
use esign_core::jiff::SignedDuration;
use esign_core::{
    Anchor, Corner, Delivery, Document, Identity, LegalClass, MediaType, Order, Origin, Placement, Reference,
    SignRequest, Signer, Use, Wish,
};

use super::Expect::{Cannot, Chain, Changes, Warned, Works};
use super::providers::{SIGNICAT, SIGNIFY, SINGPASS};
use super::{Case, Expect, Pages};

const LEFT_OUT: Expect = Changes(&[Wish::Placement]);
const TWICE_LEFT_OUT: Expect = Changes(&[Wish::Placement, Wish::Placement]);
const NO_DOCUMENTS: Expect = Cannot("documents.count");
const ANYWHERE: &[Wish] = &[Wish::Placement];

impl Case {
    fn new(name: &'static str, request: fn() -> SignRequest, expect: [Expect; 3]) -> Self {
        let [signify, singpass, signicat] = expect;
        let expect = [signify, singpass, signicat, NO_DOCUMENTS];
        Self { name, request, adapt: ANYWHERE, pages: Pages::A4, origin: true, expect }
    }

    /// A request that contradicts itself: the same refusal from everybody.
    fn contradiction(name: &'static str, request: fn() -> SignRequest, code: &'static str) -> Self {
        Self { expect: [Cannot(code); 4], ..Self::new(name, request, [Works; 3]) }
    }

    fn adapt(self, adapt: &'static [Wish]) -> Self {
        Self { adapt, ..self }
    }

    fn on(self, pages: Pages) -> Self {
        Self { pages, ..self }
    }

    fn without_origin(self) -> Self {
        Self { origin: false, ..self }
    }
}

fn pdf() -> Document {
    Document::pdf("Lease 12", &b"%PDF-1.7 lease"[..])
}

fn annex() -> Document {
    Document::pdf("Annex A", &b"%PDF-1.7"[..]).with_key("annex")
}

fn request(delivery: Delivery) -> SignRequest {
    SignRequest::new(Reference::new("lease-12").unwrap(), pdf(), delivery)
}

/// 80 points from the left, 110 from the bottom of page 1.
fn spot() -> Placement {
    at(80.0, 110.0)
}

fn at(x: f64, y: f64) -> Placement {
    Placement::points(1, x, y, Origin::BottomLeft, Corner::BottomLeft)
}

fn tenant() -> Signer {
    Signer::new("tenant").email("tenant@example.com").place(spot())
}

fn landlord() -> Signer {
    Signer::new("landlord").email("landlord@example.com").place(at(80.0, 300.0))
}

fn now() -> SignRequest {
    request(Delivery::InSessionRedirect).signer(tenant())
}

fn unplaced() -> SignRequest {
    request(Delivery::InSessionRedirect).signer(Signer::new("tenant"))
}

fn placed(placement: Placement) -> SignRequest {
    request(Delivery::InSessionRedirect).signer(Signer::new("tenant").place(placement))
}

fn two(delivery: Delivery, order: Order) -> SignRequest {
    request(delivery).signer(tenant()).signer(landlord()).order(order)
}

fn named(name: &str) -> SignRequest {
    let document = Document::pdf(name, &b"%PDF-1.7"[..]);
    SignRequest::new(Reference::new("r").unwrap(), document, Delivery::InSessionRedirect).signer(tenant())
}

fn sized(bytes: usize) -> SignRequest {
    let mut content = vec![b' '; bytes];
    content[..5].copy_from_slice(b"%PDF-");
    let mut request = now();
    request.documents = vec![Document::pdf("Lease 12", content)];
    request
}

fn url(text: &str) -> SignRequest {
    now().return_url(text.parse().unwrap())
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = plain();
    cases.extend(several_signers());
    cases.extend(wishes());
    cases.extend(documents());
    cases.extend(placements());
    cases
}

fn plain() -> Vec<Case> {
    vec![
        Case::new("one signer, placed, in session", now, [Works, Works, LEFT_OUT]),
        Case::new("nothing may be left out", now, [Works, Works, Cannot("placement")]).adapt(&[]),
        Case::new("no placement", unplaced, [Cannot("placement.count"), Cannot("placement.count"), Works]),
        Case::new(
            "by e-mail",
            || request(Delivery::ProviderEmail).signer(tenant()),
            [Works, Cannot("delivery"), LEFT_OUT],
        ),
        Case::new(
            "by e-mail without an address",
            || request(Delivery::ProviderEmail).signer(Signer::new("tenant").place(spot())),
            [Cannot("signer.email"), Cannot("delivery"), Cannot("signer.email")],
        ),
        Case::new(
            "a link to pass on",
            || request(Delivery::ShareableLink).signer(tenant()),
            [Works, Cannot("delivery"), LEFT_OUT],
        ),
        Case::new(
            "a signer's name in Chinese characters",
            || request(Delivery::InSessionRedirect).signer(tenant().name("陈大文")),
            [Works, Works, LEFT_OUT],
        ),
        Case::contradiction("nobody signs", || request(Delivery::ShareableLink), "signers.none"),
        Case::contradiction(
            "an address that is none",
            || request(Delivery::ProviderEmail).signer(Signer::new("a").email("a@b")),
            "signer.email",
        ),
    ]
}

fn several_signers() -> Vec<Case> {
    const SHARED: &[Wish] = &[Wish::Placement, Wish::SharedLink];
    const ANY_ORDER: &[Wish] = &[Wish::Placement, Wish::SharedLink, Wish::Order];
    let by_email = || two(Delivery::ProviderEmail, Order::Parallel);
    let by_link = || two(Delivery::ShareableLink, Order::Parallel);
    let now_in_order = || two(Delivery::InSessionRedirect, Order::Sequential);
    vec![
        Case::new("two by e-mail", by_email, [Works, Cannot("delivery"), TWICE_LEFT_OUT]),
        Case::new(
            "two by link",
            by_link,
            [Cannot("delivery.shared_link"), Cannot("delivery"), TWICE_LEFT_OUT],
        ),
        Case::new(
            "two by link, which they may share",
            by_link,
            [Changes(&[Wish::SharedLink]), Cannot("delivery"), TWICE_LEFT_OUT],
        )
        .adapt(SHARED),
        Case::new("two in session, in order", now_in_order, [Cannot("order"), Chain, TWICE_LEFT_OUT])
            .adapt(SHARED),
        Case::new(
            "two in session, in order if possible",
            now_in_order,
            [Changes(&[Wish::SharedLink, Wish::Order]), Chain, TWICE_LEFT_OUT],
        )
        .adapt(ANY_ORDER),
        Case::new(
            "two in session over each other",
            || {
                request(Delivery::InSessionRedirect)
                    .signer(tenant())
                    .signer(Signer::new("landlord").place(at(100.0, 130.0)))
                    .order(Order::Parallel)
            },
            [Changes(&[Wish::SharedLink]), Cannot("placement.overlap"), TWICE_LEFT_OUT],
        )
        .adapt(SHARED),
        Case::new(
            "groups",
            || {
                let witness = Signer::new("witness").group(2).place(at(80.0, 500.0));
                request(Delivery::InSessionRedirect)
                    .signer(tenant().group(1))
                    .signer(landlord().group(1))
                    .signer(witness)
                    .order(Order::Groups)
            },
            [
                Changes(&[Wish::SharedLink, Wish::Order]),
                Chain,
                Changes(&[Wish::Placement, Wish::Placement, Wish::Placement]),
            ],
        )
        .adapt(ANY_ORDER),
        Case::new(
            "one address for two",
            || {
                let twin = Signer::new("landlord").email("Tenant@example.com").place(at(80.0, 300.0));
                request(Delivery::ProviderEmail).signer(tenant()).signer(twin).order(Order::Parallel)
            },
            [Cannot("signer.email"), Cannot("delivery"), TWICE_LEFT_OUT],
        ),
        Case::contradiction(
            "no order said",
            || request(Delivery::ShareableLink).signer(tenant()).signer(landlord()),
            "order",
        ),
        Case::contradiction(
            "one key for two",
            || request(Delivery::ShareableLink).signer(tenant()).signer(tenant()).order(Order::Parallel),
            "signer.key",
        ),
    ]
}

fn wishes() -> Vec<Case> {
    const WITHOUT_LANGUAGE: &[Wish] = &[Wish::Placement, Wish::Language];
    let week = || now().expires_after(SignedDuration::from_hours(24 * 7));
    let bokmaal = || now().language("nb");
    let message = || now().message("Please sign.");
    vec![
        Case::new("in Norwegian", bokmaal, [Cannot("language"), Cannot("language"), LEFT_OUT]),
        Case::new(
            "in Norwegian if possible",
            bokmaal,
            [Changes(&[Wish::Language]), Changes(&[Wish::Language]), LEFT_OUT],
        )
        .adapt(WITHOUT_LANGUAGE),
        Case::new(
            "in Chinese if possible, to one signer",
            || request(Delivery::InSessionRedirect).signer(tenant().language("zh-Hans")),
            [
                Changes(&[Wish::Language]),
                Changes(&[Wish::Language]),
                Changes(&[Wish::Language, Wish::Placement]),
            ],
        )
        .adapt(WITHOUT_LANGUAGE),
        Case::new("a week", week, [Cannot("expires_after"), Cannot("expires_after"), LEFT_OUT]),
        Case::new("a week if possible", week, [Changes(&[Wish::Expiry]), Changes(&[Wish::Expiry]), LEFT_OUT])
            .adapt(&[Wish::Placement, Wish::Expiry]),
        Case::new(
            "an hour",
            || now().expires_after(SignedDuration::from_hours(1)),
            [Cannot("expires_after"), Cannot("expires_after"), Cannot("expires_after")],
        ),
        Case::new("a message in session", message, [Cannot("message"), Cannot("message"), Cannot("message")]),
        Case::new(
            "a message in session if possible",
            message,
            [
                Changes(&[Wish::Message]),
                Changes(&[Wish::Message]),
                Changes(&[Wish::Message, Wish::Placement]),
            ],
        )
        .adapt(&[Wish::Placement, Wish::Message]),
        Case::new(
            "a message by e-mail",
            || request(Delivery::ProviderEmail).signer(tenant().message("x".repeat(1000))),
            [Works, Cannot("delivery"), LEFT_OUT],
        ),
        Case::new(
            "too long a message",
            || request(Delivery::ProviderEmail).signer(tenant().message("x".repeat(1001))),
            [Cannot("message"), Cannot("delivery"), LEFT_OUT],
        ),
        Case::new(
            "back to a government site",
            || url("https://app.agency.gov.sg/done?id=1"),
            [Works, Cannot("return_url"), LEFT_OUT],
        ),
        Case::new(
            "back to a site that only looks like one",
            || url("https://x.gov.sg.evil.example/"),
            [Cannot("return_url"), Cannot("return_url"), LEFT_OUT],
        ),
        Case::new(
            "exactly this Singaporean",
            || {
                let identity = Identity::new(Identity::SG_NRIC, "S1234567D");
                request(Delivery::InSessionRedirect).signer(tenant().identity(identity))
            },
            [Cannot("signer.identity"), Works, Cannot("signer.identity")],
        ),
        Case::new(
            "exactly this Norwegian",
            || {
                let identity = Identity::new("national-id", "11111111111");
                request(Delivery::InSessionRedirect).signer(tenant().identity(identity))
            },
            [Cannot("signer.identity"), Cannot("signer.identity"), LEFT_OUT],
        ),
        Case::new(
            "a secure signature of Singapore",
            || now().accept(LegalClass::SG_ETA_SECURE),
            [Works, Works, Cannot("legal_class")],
        ),
        Case::new(
            "a qualified signature",
            || now().accept(LegalClass::EIDAS_QUALIFIED),
            [Cannot("legal_class"), Cannot("legal_class"), Cannot("legal_class")],
        ),
    ]
}

fn documents() -> Vec<Case> {
    const RENAME: &[Wish] = &[Wish::Placement, Wish::DocumentName];
    vec![
        Case::new(
            "two documents",
            || unplaced().document(annex()),
            [Cannot("documents.count"), Cannot("documents.count"), Works],
        ),
        Case::new(
            "one to sign, one to view",
            || {
                let signer =
                    Signer::new("tenant").document("document", Use::Sign).document("annex", Use::View);
                request(Delivery::InSessionRedirect).document(annex()).signer(signer)
            },
            [Cannot("documents.count"), Cannot("documents.count"), Works],
        ),
        Case::contradiction(
            "one who only views",
            || request(Delivery::ShareableLink).signer(Signer::new("a").document("document", Use::View)),
            "signer.signs_nothing",
        ),
        Case::new(
            "plain text",
            || {
                let text = Document::new("Lease 12", MediaType::TEXT, "I agree.");
                SignRequest::new(Reference::new("r").unwrap(), text, Delivery::InSessionRedirect)
                    .signer(Signer::new("tenant"))
            },
            [Cannot("document.media_type"), Cannot("document.media_type"), Works],
        ),
        Case::contradiction(
            "a text that claims to be a PDF",
            || {
                let document = Document::pdf("Lease 12", "PK\u{3}\u{4}");
                SignRequest::new(Reference::new("r").unwrap(), document, Delivery::ShareableLink)
                    .signer(tenant())
            },
            "document.content",
        ),
        Case::new("10,000,000 bytes", || sized(10_000_000), [Works, Cannot("document.bytes"), LEFT_OUT]),
        Case::new(
            "10,000,001 bytes",
            || sized(10_000_001),
            [Cannot("document.bytes"), Cannot("document.bytes"), LEFT_OUT],
        ),
        Case::new("a name of three characters", || named("abc"), [Cannot("document.name"), Works, LEFT_OUT]),
        Case::new(
            "a name of three characters, or longer",
            || named("abc"),
            [Changes(&[Wish::DocumentName]), Works, LEFT_OUT],
        )
        .adapt(RENAME),
        Case::new("a Chinese name", || named("租约合同"), [Cannot("document.name"), Works, LEFT_OUT]),
        Case::new(
            "a Chinese name of which nothing would be left",
            || named("租约合同"),
            [Cannot("document.name"), Works, LEFT_OUT],
        )
        .adapt(RENAME),
        Case::new(
            "a name that is partly Chinese",
            || named("Lease 租约"),
            [Changes(&[Wish::DocumentName]), Works, LEFT_OUT],
        )
        .adapt(RENAME),
        Case::new("hybrid", now, [Warned("pdf.hybrid"), Cannot("pdf.hybrid"), LEFT_OUT]).on(Pages::Hybrid),
        Case::new("encrypted", now, [Cannot("pdf.encrypted"); 3]).on(Pages::Encrypted),
        Case::new("certified against any change", now, [Cannot("pdf.locked"); 3]).on(Pages::Certified),
        Case::new("signed without a timestamp", now, [Works, Cannot("pdf.existing_level"), LEFT_OUT])
            .on(Pages::Signed(BB)),
        Case::contradiction(
            "one key for two documents",
            || unplaced().document(Document::pdf("Annex A", &b"%PDF-1.7"[..])),
            "document.key",
        ),
    ]
}

fn placements() -> Vec<Case> {
    let low = || placed(Placement::fractions(1, 0.9, 0.5, Origin::BottomLeft, Corner::BottomLeft));
    vec![
        Case::new("over a signature", now, [Works, Cannot("placement.overlap_existing"), LEFT_OUT])
            .on(Pages::Signed(BT)),
        Case::new("a box that does not fit", low, [Works, Cannot("placement.off_page"), LEFT_OUT]),
        Case::new(
            "a point off the page",
            || placed(at(600.0, 100.0)),
            [Cannot("placement.off_page"), Cannot("placement.off_page"), LEFT_OUT],
        ),
        Case::contradiction(
            "a fraction above 1",
            || placed(Placement::fractions(1, 1.5, 0.5, Origin::TopLeft, Corner::TopLeft)),
            "placement.x",
        ),
        Case::contradiction(
            "a page that is not there",
            || placed(Placement::points(4, 80.0, 110.0, Origin::TopLeft, Corner::TopLeft)),
            "placement.page",
        ),
        Case::contradiction("not a number", || placed(at(f64::NAN, 0.0)), "placement.x"),
        Case::new(
            "a rotated page",
            now,
            [Warned("placement_uncertain"), Warned("placement_uncertain"), LEFT_OUT],
        )
        .on(Pages::Rotated),
        Case::new(
            "a cropped page",
            now,
            [Warned("placement_uncertain"), Warned("placement_uncertain"), LEFT_OUT],
        )
        .on(Pages::Cropped),
        Case::new(
            "Signify does not say where it measures from",
            now,
            [Cannot("placement.origin"), Works, LEFT_OUT],
        )
        .without_origin(),
        Case::new(
            "Signify's own numbers",
            || placed(Placement::native(SIGNIFY, 1, "0.10", "0").unwrap()),
            [Works, Cannot("placement.native"), LEFT_OUT],
        )
        .without_origin(),
        Case::new(
            "Singpass's own numbers",
            || placed(Placement::native(SINGPASS, 1, "0.1", "0.9000").unwrap()),
            [Cannot("placement.native"), Works, LEFT_OUT],
        ),
        Case::new(
            "more decimals than Singpass takes",
            || placed(Placement::native(SINGPASS, 1, "0.10001", "0").unwrap()),
            [Cannot("placement.native"), Cannot("placement.decimals"), LEFT_OUT],
        ),
        Case::new(
            "own numbers of one that has none",
            || placed(Placement::native(SIGNICAT, 1, "0", "0").unwrap()),
            [Cannot("placement.native"), Cannot("placement.native"), Cannot("placement")],
        )
        .adapt(&[]),
        Case::new(
            "own numbers on a page that is not there",
            || placed(Placement::native(SIGNIFY, 4, "0", "0").unwrap()),
            [Cannot("placement.page"), Cannot("placement.native"), LEFT_OUT],
        ),
        Case::new(
            "at a text",
            || placed(Placement::anchor(Anchor::text("Sign here"))),
            [Works, Works, LEFT_OUT],
        ),
        Case::new(
            "at a text that is not there",
            || placed(Placement::anchor(Anchor::text("Sign there"))),
            [Cannot("placement.anchor_not_found"), Cannot("placement.anchor_not_found"), LEFT_OUT],
        ),
        Case::new(
            "at a form field",
            || placed(Placement::form_field("form.signature")),
            [Works, Works, LEFT_OUT],
        ),
        Case::new(
            "a box of another size",
            || placed(spot().sized(100.0, 40.0)),
            [Cannot("placement.size"), Cannot("placement.size"), Cannot("placement")],
        )
        .adapt(&[]),
        Case::new(
            "a box of another size if possible",
            || placed(spot().sized(100.0, 40.0)),
            [LEFT_OUT, LEFT_OUT, LEFT_OUT],
        ),
        Case::new(
            "twenty-one places",
            || {
                let places = (0..21).map(|i| at(10.0 + f64::from(i % 2) * 250.0, f64::from(i / 2) * 65.0));
                let signer = places.fold(Signer::new("tenant"), Signer::place);
                request(Delivery::InSessionRedirect).signer(signer)
            },
            [Cannot("placement.count"), Cannot("placement.count"), Changes(&[Wish::Placement; 21])],
        ),
        Case::new(
            "thirty-one places of two signers",
            || {
                let signer = |key: &str, n: u32| {
                    let signer = Signer::new(key).email(format!("{key}@example.com"));
                    (0..n).map(|i| at(10.0, f64::from(i) * 20.0)).fold(signer, Signer::place)
                };
                request(Delivery::ProviderEmail)
                    .signer(signer("tenant", 16))
                    .signer(signer("landlord", 15))
                    .order(Order::Parallel)
            },
            [Cannot("placement.per_document"), Cannot("delivery"), Changes(&[Wish::Placement; 31])],
        ),
        Case::contradiction(
            "on a document that is not there",
            || placed(spot().on("annex")),
            "placement.document",
        ),
    ]
}
