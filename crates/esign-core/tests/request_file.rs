//! A request can be stored and comes back as it was: [`RequestFile::of`] and [`RequestFile::into_request`] are inverse.

use std::collections::BTreeMap;

use bytes::Bytes;
use esign_core::facts::Size;
use esign_core::jiff::SignedDuration;
use esign_core::{
    Anchor, Corner, Delivery, Document, ErrorKind, Identity, LegalClass, Mark, MediaType, Occurrence, Order,
    Origin, PagePosition, Placement, ProviderKind, ProviderOption, Reference, RequestFile, Role, SignRequest,
    Signer, Spot, Unit, Use,
};
use proptest::option::of as maybe;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Acme {
    colour: String,
}

impl ProviderOption for Acme {
    const KIND: ProviderKind = ProviderKind::new("acme");
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![-1e6..1e6f64, Just(0.1 + 0.2), Just(f64::MIN_POSITIVE), Just(-0.0)]
}

fn size() -> impl Strategy<Value = Size> {
    (number(), number()).prop_map(|(width, height)| Size { width, height })
}

fn corner() -> impl Strategy<Value = Corner> {
    prop_oneof![
        Just(Corner::TopLeft),
        Just(Corner::TopRight),
        Just(Corner::BottomLeft),
        Just(Corner::BottomRight)
    ]
}

fn text() -> impl Strategy<Value = String> {
    // Line breaks, quotes and other scripts have to survive too.
    prop_oneof!["[a-z0-9 ]{0,12}", Just("\"a\\\n\t\u{0}é漢\u{1F600}".to_owned())]
}

fn spot() -> impl Strategy<Value = Spot> {
    let page = (1u32..9, number(), number(), any::<bool>(), any::<bool>(), corner(), maybe(size())).prop_map(
        |(page, x, y, points, top, corner, size)| {
            let unit = if points { Unit::Points } else { Unit::Fractions };
            let origin = if top { Origin::TopLeft } else { Origin::BottomLeft };
            Spot::Page(PagePosition { page, x, y, unit, origin, corner, size })
        },
    );
    let occurrence = prop_oneof![
        Just(Occurrence::ExactlyOne),
        Just(Occurrence::First),
        Just(Occurrence::All),
        (1u32..9).prop_map(Occurrence::Nth)
    ];
    let anchor = (text(), occurrence, any::<bool>(), number(), number(), corner(), maybe(size())).prop_map(
        |(text, occurrence, ignore_case, dx, dy, corner, size)| {
            let mut anchor = Anchor::text(text);
            (anchor.occurrence, anchor.ignore_case, anchor.dx, anchor.dy) = (occurrence, ignore_case, dx, dy);
            (anchor.corner, anchor.size) = (corner, size);
            Spot::Anchor(anchor)
        },
    );
    let native = (1u32..9, "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,5})?").prop_map(|(page, x)| {
        let mut spot = Placement::native(ProviderKind::new("acme"), page, &x, "0.10").unwrap().spot;
        if let (Spot::Native(native), 0) = (&mut spot, page % 2) {
            *native = native.clone().with_size("12.50".parse().unwrap(), "3".parse().unwrap());
        }
        spot
    });
    prop_oneof![page, anchor, text().prop_map(Spot::Field), native]
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        Just(Mark::Signature),
        Just(Mark::Initials),
        Just(Mark::Date),
        Just(Mark::Name),
        Just(Mark::Email)
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Signer), Just(Role::Approver), Just(Role::Viewer), Just(Role::Copy)]
}

fn signer() -> impl Strategy<Value = Signer> {
    let person = (text(), maybe(text()), maybe(text()), maybe(text()), maybe((text(), text())));
    let wishes = (
        maybe(0u32..9),
        maybe(text()),
        maybe(text()),
        proptest::collection::vec((text(), any::<bool>()), 0..3),
    );
    let placements = proptest::collection::vec((maybe(text()), spot(), mark()), 0..3);
    (person, wishes, placements, role()).prop_map(
        |((key, name, email, phone, identity), (group, message, language, uses), placements, role)| {
            let mut signer = Signer::new(key);
            signer.name = name.map(Into::into);
            signer.email = email.map(Into::into);
            signer.phone = phone.map(Into::into);
            signer.identity = identity.map(|(scheme, value)| Identity::new(scheme, value));
            (signer.group, signer.message, signer.language) = (group, message, language);
            for (document, sign) in uses {
                signer = signer.document(document, if sign { Use::Sign } else { Use::View });
            }
            signer.role = role;
            for (document, spot, mark) in placements {
                let mut placement = Placement::form_field("");
                (placement.document, placement.spot, placement.mark) = (document, spot, mark);
                signer = signer.place(placement);
            }
            signer
        },
    )
}

fn document() -> impl Strategy<Value = Document> {
    let media_type = prop_oneof![Just(MediaType::PDF), Just(MediaType::TEXT), Just(MediaType::new("a/b"))];
    (text(), text(), media_type, proptest::collection::vec(any::<u8>(), 0..20))
        .prop_map(|(key, name, media_type, content)| Document::new(name, media_type, content).with_key(key))
}

fn request() -> impl Strategy<Value = SignRequest> {
    let delivery = prop_oneof![
        Just(Delivery::ProviderEmail),
        Just(Delivery::ShareableLink),
        Just(Delivery::InSessionRedirect)
    ];
    let order = maybe(prop_oneof![Just(Order::Parallel), Just(Order::Sequential), Just(Order::Groups)]);
    let whole = (delivery, order, maybe(text()), maybe(text()), maybe(1i64..9_000_000), any::<bool>());
    let documents = proptest::collection::vec(document(), 1..4);
    let signers = proptest::collection::vec(signer(), 0..4);
    ("[A-Za-z0-9._-]{1,64}", documents, signers, whole, maybe(text())).prop_map(
        |(reference, documents, signers, (delivery, order, message, language, life, more), colour)| {
            let reference = Reference::new(reference).unwrap();
            let mut request = SignRequest::new(reference, documents[0].clone(), delivery);
            (request.documents, request.signers, request.order) = (documents, signers, order);
            (request.message, request.language) = (message, language);
            request.expires_after = life.map(|seconds| SignedDuration::new(seconds, 500_000_000));
            if more {
                request.return_url = Some("https://x.example/done?a=b#c".parse().unwrap());
                request.legal_classes = vec![LegalClass::SG_ETA_SECURE, LegalClass::new("other")];
            }
            match colour {
                Some(colour) => request.with_option(&Acme { colour }).unwrap(),
                None => request,
            }
        },
    )
}

/// Everything that is in a request, the bytes and what `Debug` hides included.
fn everything(request: &SignRequest) -> String {
    let documents: Vec<_> = request.documents.iter().map(|d| (d, d.content())).collect();
    let people: Vec<_> = request
        .signers
        .iter()
        .map(|s| {
            let shown = |p: &Option<esign_core::Personal>| p.as_ref().map(|p| p.expose().to_owned());
            let identity = s.identity.as_ref().map(|i| i.value.expose().to_owned());
            (shown(&s.name), shown(&s.email), shown(&s.phone), identity, &s.message)
        })
        .collect();
    let options = serde_json::to_string(&request.options).unwrap();
    let url = request.return_url.as_ref().map(ToString::to_string);
    format!("{request:?} {documents:?} {people:?} {:?} {options} {url:?}", request.message)
}

proptest! {
    #[test]
    fn a_stored_request_comes_back_as_it_was(request in request()) {
        let bytes: BTreeMap<String, Bytes> =
            request.documents.iter().map(|d| (d.sha256().to_string(), d.content().clone())).collect();
        let text = serde_json::to_string(&RequestFile::of(&request).unwrap()).unwrap();
        let file: RequestFile = serde_json::from_str(&text).unwrap();
        let asked: Vec<_> = file.paths().map(|path| path.to_string_lossy().into_owned()).collect();
        prop_assert_eq!(asked.len(), request.documents.len());
        let back = file.into_request(|path| Ok(bytes[&path.to_string_lossy().into_owned()].clone())).unwrap();
        prop_assert_eq!(everything(&back), everything(&request));
        let again = serde_json::to_string(&RequestFile::of(&back).unwrap()).unwrap();
        prop_assert_eq!(again, text);
    }
}

const GOLDEN: &str = include_str!("golden/request-stored-1.json");

#[test]
fn a_request_is_stored_as_ever() {
    let document = Document::pdf("Lease 12", &b"%PDF-1.7 lease"[..]);
    let tenant = Signer::new("tenant")
        .email("ann@example.com")
        .identity(Identity::new(Identity::SG_NRIC, "S1234567D"))
        .message("Please sign")
        .place(Placement::points(2, 72.5, 144.0, Origin::BottomLeft, Corner::BottomLeft).on("document"))
        .place(Placement::native(ProviderKind::new("acme"), 1, "0.10", "-3.000").unwrap());
    let request =
        SignRequest::new(Reference::new("lease-12").unwrap(), document.clone(), Delivery::ProviderEmail)
            .signer(tenant)
            .order(Order::Parallel)
            .expires_after(SignedDuration::from_hours(48));
    let written = serde_json::to_string_pretty(&RequestFile::of(&request).unwrap()).unwrap();
    assert_eq!(written, GOLDEN.trim_end());
    let read: RequestFile = serde_json::from_str(GOLDEN).unwrap();
    let back = read.into_request(|_| Ok(document.content().clone())).unwrap();
    assert_eq!(everything(&back), everything(&request));
}

#[test]
fn what_no_file_can_hold_is_refused_by_its_path() {
    let nowhere = Placement::points(1, f64::NAN, 1.0, Origin::TopLeft, Corner::TopLeft);
    let request =
        SignRequest::new(Reference::new("r").unwrap(), Document::pdf("a", "x"), Delivery::ShareableLink)
            .signer(Signer::new("a").place(nowhere));
    let error = RequestFile::of(&request).unwrap_err();
    assert_eq!(
        (error.kind(), error.field_path()),
        (ErrorKind::InvalidRequest, Some("signers[0].placements[0].x"))
    );
}
