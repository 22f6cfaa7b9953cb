//! From the neutral request to an envelope (spec 6.1, 6.2). Pure.

use esign_core::facts::{PageFacts, PdfFacts, Rect};
use esign_core::{
    Decimal, Delivery, Error, ErrorKind, Mark, NativePosition, Order, Prepared, ResolvedPlacement,
    ResolvedSigner, ResolvedSpot, Result, Role, Signer,
};
use serde_json::{Map, Value, json};

use crate::KIND;
use crate::capabilities::DAY;
use crate::options::DocumensoOptions;
use crate::types::{NewEnvelope, NewField, NewRecipient, RecipientRole};

/// The envelope of a request that passed every check.
pub(crate) fn envelope(request: &Prepared, owner_mails: bool) -> Result<NewEnvelope> {
    let wanted = request.request();
    let options = wanted.options.get::<DocumensoOptions>()?.unwrap_or_default();
    let files = wanted.documents.iter().map(|d| (format!("{}.pdf", d.name()), d.content().clone()));
    let title = wanted.documents.first().map_or("", |document| document.name());
    let mut new = NewEnvelope::new(title, wanted.reference.as_str(), files.collect());
    new.by_email = wanted.delivery == Delivery::ProviderEmail;
    new.sequential = wanted.order == Some(Order::Sequential);
    new.owner_mails = owner_mails;
    new.message = wanted.signers.iter().find_map(|signer| wanted.message_for(signer)).map(Into::into);
    new.language =
        wanted.signers.iter().find_map(|signer| wanted.language_for(signer)).map(in_their_spelling);
    new.redirect_url.clone_from(&wanted.return_url);
    new.expires_in_days =
        wanted.expires_after.map(|time| u64::try_from(time.as_secs()).unwrap_or_default() / DAY);
    new.subject = options.subject.as_deref().map(Into::into);
    new.meta = meta(&options);
    let facts: Vec<_> = (0..wanted.documents.len()).map(|document| request.facts(document)).collect();
    for (order, (signer, places)) in turns(&wanted.signers).zip(wanted.signers.iter().zip(request.signers()))
    {
        let mut recipient = recipient(signer, order, places, &facts)?;
        let extra = options.fields.iter().filter(|field| field.signer == signer.key);
        recipient.fields.extend(extra.map(|field| NewField {
            kind: field.kind.as_wire(),
            file: file_index(request, field.document.as_deref()),
            page: field.page,
            x: field.x.clone(),
            y: field.y.clone(),
            width: field.width.clone(),
            height: field.height.clone(),
            meta: field.meta.clone(),
        }));
        new.recipients.push(recipient);
    }
    Ok(new)
}

/// Everybody who acts has a turn of their own, from 1, also where there is no order: it tells recipients apart.
pub(crate) fn turns(signers: &[Signer]) -> impl Iterator<Item = Option<u32>> {
    let mut turn = 0;
    signers.iter().map(move |signer| {
        signer.role.acts().then(|| {
            turn += 1;
            turn
        })
    })
}

fn recipient(
    signer: &Signer,
    order: Option<u32>,
    places: &ResolvedSigner,
    facts: &[Option<&PdfFacts>],
) -> Result<NewRecipient> {
    let mut recipient = NewRecipient::new(role(signer.role)?, order);
    recipient.email.clone_from(&signer.email);
    recipient.name.clone_from(&signer.name);
    recipient.fields = places.placements.iter().map(|place| field(place, facts)).collect::<Result<_>>()?;
    Ok(recipient)
}

fn role(role: Role) -> Result<RecipientRole> {
    match role {
        Role::Signer => Ok(RecipientRole::Signer),
        Role::Approver => Ok(RecipientRole::Approver),
        Role::Viewer => Ok(RecipientRole::Viewer),
        Role::Copy => Ok(RecipientRole::Cc),
        _ => Err(fault("has a role that Documenso lacks")),
    }
}

fn field(place: &ResolvedPlacement, facts: &[Option<&PdfFacts>]) -> Result<NewField> {
    let kind = match place.mark {
        Mark::Signature => "SIGNATURE",
        Mark::Initials => "INITIALS",
        Mark::Date => "DATE",
        Mark::Name => "NAME",
        Mark::Email => "EMAIL",
        _ => return Err(fault("has a mark that Documenso lacks")),
    };
    let native = match (&place.spot, place.page) {
        (ResolvedSpot::Native(native), _) => native.clone(),
        (ResolvedSpot::Box(area), Some(page)) => {
            let page = facts.get(place.document).copied().flatten().and_then(|facts| facts.page(page));
            percent(page.ok_or_else(|| fault("is on an unknown page"))?, area)
                .ok_or_else(|| fault("is not on its page"))?
        }
        _ => return Err(fault("has no position")),
    };
    let (Some(width), Some(height)) = (native.width, native.height) else {
        return Err(fault("has no size"));
    };
    let NativePosition { page, x, y, .. } = native;
    Ok(NewField { kind, file: place.document, page, x, y, width, height, meta: None })
}

fn fault(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("a prepared placement {what}"))
}

/// The box in percent of the page as shown, from its top left corner, to 10 decimals: what arithmetic leaves beyond them is
/// not to be sent. On the page whatever a rounding error says.
pub(crate) fn percent(page: &PageFacts, area: &Rect) -> Option<NativePosition> {
    let (w, h) = (page.shown.width, page.shown.height);
    let digits = |part: f64, most: f64| {
        let text = format!("{:.10}", part.clamp(0.0, most));
        text.trim_end_matches('0').trim_end_matches('.').parse::<Decimal>().ok()
    };
    let (width, height) = (100.0 * area.width / w, 100.0 * area.height / h);
    let x = digits(100.0 * area.x / w, 100.0 - width)?;
    let y = digits(100.0 * (h - area.top()) / h, 100.0 - height)?;
    Some(
        NativePosition::new(KIND, page.number, x, y).with_size(digits(width, 100.0)?, digits(height, 100.0)?),
    )
}

/// Whether the server draws on this page where it shows the field (measured in 2.17.0); why not, in words.
pub(crate) fn oddity(page: &PageFacts) -> Option<&'static str> {
    let at_origin = page.visible.x.abs() < 1e-9 && page.visible.y.abs() < 1e-9;
    let inherited = page.inherited;
    if !at_origin {
        Some("the visible part of the page does not start at the file's own origin")
    } else if inherited.media_box || inherited.crop_box || inherited.rotate {
        Some("the page has its size or rotation from the page tree only")
    } else if inherited.resources {
        Some("the page has its fonts and pictures from the page tree only, and the server would lose them")
    } else {
        None
    }
}

fn file_index(request: &Prepared, key: Option<&str>) -> usize {
    let documents = &request.request().documents;
    key.and_then(|key| documents.iter().position(|document| document.key() == key)).unwrap_or_default()
}

/// `PT-br` was accepted, `pt-BR` is what the server knows.
fn in_their_spelling(tag: &str) -> String {
    if tag.eq_ignore_ascii_case("pt-BR") { "pt-BR".to_owned() } else { tag.to_ascii_lowercase() }
}

fn meta(options: &DocumensoOptions) -> Map<String, Value> {
    let members = [
        ("emailReplyTo", options.reply_to.as_ref().map(|address| json!(address.expose()))),
        ("timezone", options.timezone.as_ref().map(|zone| json!(zone))),
        ("dateFormat", options.date_format.as_ref().map(|format| json!(format))),
        ("typedSignatureEnabled", options.typed_signatures.map(|on| json!(on))),
        ("drawSignatureEnabled", options.drawn_signatures.map(|on| json!(on))),
        ("uploadSignatureEnabled", options.uploaded_signatures.map(|on| json!(on))),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use esign_core::facts::Inherited;
    use proptest::prelude::*;

    use super::*;

    fn texts(native: &NativePosition) -> [String; 4] {
        let size = |size: &Option<Decimal>| size.as_ref().unwrap().as_str().to_owned();
        [
            native.x.as_str().to_owned(),
            native.y.as_str().to_owned(),
            size(&native.width),
            size(&native.height),
        ]
    }

    #[test]
    fn boxes_in_percent_of_the_page_as_shown() {
        let a4 = PageFacts::plain(2, 600.0, 800.0);
        for (area, expected) in [
            (Rect::new(60.0, 680.0, 120.0, 40.0), ["10", "10", "20", "5"]),
            (Rect::new(0.0, 0.0, 600.0, 800.0), ["0", "0", "100", "100"]),
            (Rect::new(0.0, 0.0, 20.0, 10.0), ["0", "98.75", "3.3333333333", "1.25"]),
            // A rounding error of the caller's goes inwards.
            (Rect::new(-1e-9, -1e-9, 60.0, 80.0), ["0", "90", "10", "10"]),
        ] {
            let native = percent(&a4, &area).unwrap();
            assert_eq!((native.page, texts(&native)), (2, expected.map(str::to_owned)), "{area:?}");
        }
        // Rotated and scaled pages are measured as they are shown.
        let rotated = PageFacts::new(1, Rect::new(0.0, 0.0, 600.0, 800.0), None, 90, 2.0);
        let native = percent(&rotated, &Rect::new(160.0, 1080.0, 320.0, 60.0)).unwrap();
        assert_eq!(texts(&native), ["10", "5", "20", "5"].map(str::to_owned));
    }

    #[test]
    fn pages_that_are_drawn_on_wrongly_are_known() {
        let a4 = Rect::new(0.0, 0.0, 595.0, 842.0);
        let plain = PageFacts::plain(1, 595.0, 842.0);
        let with = |inherited| {
            let mut page = PageFacts::plain(1, 595.0, 842.0);
            page.inherited = inherited;
            page
        };
        for (page, odd) in [
            (plain, None),
            (PageFacts::new(1, a4, None, 270, 2.0), None),
            (PageFacts::new(1, a4, Some(Rect::new(0.0, 0.0, 500.0, 700.0)), 0, 1.0), None),
            (
                PageFacts::new(1, a4, Some(Rect::new(50.0, 100.0, 450.0, 600.0)), 0, 1.0),
                Some("does not start"),
            ),
            (PageFacts::new(1, Rect::new(100.0, 200.0, 595.0, 842.0), None, 0, 1.0), Some("does not start")),
            (with(Inherited { media_box: true, ..Inherited::default() }), Some("size or rotation")),
            (with(Inherited { rotate: true, ..Inherited::default() }), Some("size or rotation")),
            (with(Inherited { resources: true, ..Inherited::default() }), Some("fonts")),
        ] {
            let found = oddity(&page);
            assert_eq!(found.is_some(), odd.is_some(), "{page:?}");
            assert!(found.unwrap_or_default().contains(odd.unwrap_or_default()), "{found:?}");
        }
    }

    #[test]
    fn turns_leave_nobody_out_but_copies() {
        let people =
            [Role::Signer, Role::Copy, Role::Approver, Role::Viewer].map(|role| Signer::new("x").role(role));
        assert_eq!(turns(&people).collect::<Vec<_>>(), [Some(1), None, Some(2), Some(3)]);
    }

    proptest! {
        /// Whatever the page, a box on it comes back from its percents, and nothing leaves the page.
        #[test]
        fn there_and_back(
            width in 100.0..5000.0_f64, height in 100.0..5000.0_f64,
            (u, v, s, t) in (0.0..=1.0_f64, 0.0..=1.0_f64, 0.01..=1.0_f64, 0.01..=1.0_f64),
            turned in any::<bool>(),
        ) {
            let rotate = if turned { 90 } else { 0 };
            let page = PageFacts::new(1, Rect::new(0.0, 0.0, width, height), None, rotate, 1.0);
            let shown = page.shown;
            let (w, h) = (s * shown.width, t * shown.height);
            let area = Rect::new(u * (shown.width - w), v * (shown.height - h), w, h);
            let native = percent(&page, &area).unwrap();
            let value = |size: &Option<Decimal>| size.as_ref().unwrap().value();
            let (x, y, pw, ph) = (native.x.value(), native.y.value(), value(&native.width), value(&native.height));
            prop_assert!((0.0..=100.0).contains(&x) && x + pw <= 100.0 + 1e-9 && y + ph <= 100.0 + 1e-9);
            let back = Rect::new(
                x * shown.width / 100.0,
                shown.height - (y + ph) * shown.height / 100.0,
                pw * shown.width / 100.0,
                ph * shown.height / 100.0,
            );
            let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
            prop_assert!(close(back.x, area.x) && close(back.y, area.y) && close(back.width, w) && close(back.height, h));
        }
    }
}
