//! At each end of a limit the backend accepts the request; just past it, it is refused before anything is sent.

use esign_core::facts::Size;
use esign_core::jiff::SignedDuration;
use esign_core::{BoxSupport, Document, Neutral, Placement, SignRequest, Spot};

use crate::check::{Outcome, Stop, ensure, skip};
use crate::sample::{ends, known, name_of};
use crate::world::World;

/// More of anything than this is not tried.
const MANY: u64 = 40;

/// The backend accepts it.
async fn accepted(w: &World, request: &SignRequest, what: &str) -> Outcome {
    match w.submit(request).await {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Stop::Fail(format!("{what} is within the claimed limit, but not accepted: {error}")))
        }
    }
}

pub(super) async fn document_name(w: &World) -> Outcome {
    let ends = ends("documents.name.chars", w.caps.documents.name.chars)?;
    let named = |chars| -> Result<SignRequest, Stop> {
        let mut request = w.request()?;
        request.documents = vec![w.named(&name_of(&w.caps, Some(chars)))];
        Ok(request)
    };
    for chars in ends.inside {
        accepted(w, &named(chars)?, &format!("a name of {chars} characters")).await?;
    }
    for chars in ends.outside {
        w.refused(named(chars)?, "documents[0].name").await?;
    }
    Ok(())
}

pub(super) async fn document_name_characters(w: &World) -> Outcome {
    let mut request = w.request()?;
    let name = name_of(&w.caps, None);
    let Some(allowed) = &w.caps.documents.name.allowed else {
        request.documents = vec![w.named(&format!("{}租约", name.chars().skip(2).collect::<String>()))];
        return accepted(w, &request, "a name with Chinese characters").await;
    };
    let width = name.chars().count().saturating_sub(2).max(1);
    let others: Vec<char> = allowed.others.chars().collect();
    for some in others.chunks(width) {
        let filled: String = some.iter().copied().chain(name.chars()).take(name.chars().count()).collect();
        request.documents = vec![w.named(&filled)];
        accepted(w, &request, &format!("the name {filled:?}")).await?;
    }
    for c in ['租', 'ä', ':', '\\', '\n', '\u{202e}'].into_iter().filter(|c| !allowed.contains(*c)) {
        let mut request = w.request()?;
        let bad: String = std::iter::once(c).chain(name.chars().skip(1)).collect();
        request.documents = vec![w.named(&bad)];
        w.refused(request, "documents[0].name").await?;
    }
    Ok(())
}

pub(super) async fn document_bytes(w: &World) -> Outcome {
    let Some(most) = known(w.caps.documents.bytes.max) else {
        skip!("documents.bytes: {}", w.caps.documents.bytes.words());
    };
    let sized = |bytes| -> Result<SignRequest, Stop> {
        let mut request = w.request()?;
        request.documents = vec![Document::pdf(name_of(&w.caps, None), w.backend.document(Some(bytes)))];
        Ok(request)
    };
    let largest = sized(most)?;
    let made = largest.documents[0].content().len() as u64;
    ensure!(made == most, "the harness made a document of {made} bytes instead of {most}");
    accepted(w, &largest, &format!("a document of {most} bytes")).await?;
    w.refused(sized(most + 1)?, "documents[0].content").await?;
    let mut empty = w.request()?;
    empty.documents = vec![Document::pdf(name_of(&w.caps, None), Vec::new())];
    w.refused(empty, "documents[0].content").await?;
    Ok(())
}

pub(super) async fn document_count(w: &World) -> Outcome {
    let ends = ends("documents.count", w.caps.documents.count)?;
    let with = |count: u64| -> Result<SignRequest, Stop> {
        let mut request = w.request()?;
        request.signers[0].placements.iter_mut().for_each(|p| p.document = Some("document".to_owned()));
        let more = (1..count).map(|n| w.named(&name_of(&w.caps, None)).with_key(format!("document-{n}")));
        request.documents.extend(more);
        request.documents.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(request)
    };
    for count in ends.inside.into_iter().filter(|n| *n <= MANY) {
        accepted(w, &with(count)?, &format!("{count} documents")).await?;
    }
    for count in ends.outside.into_iter().filter(|n| (1..=MANY).contains(n)) {
        w.refused(with(count)?, "documents").await?;
    }
    Ok(())
}

pub(super) async fn signer_count(w: &World) -> Outcome {
    let ends = ends("signers.count", w.caps.signers.count)?;
    for count in ends.inside.into_iter().filter(|n| *n <= MANY) {
        let request = w.request_for(u32::try_from(count).unwrap_or(u32::MAX))?;
        accepted(w, &request, &format!("{count} signers")).await?;
    }
    for count in ends.outside.into_iter().filter(|n| (1..=MANY).contains(n)) {
        let mut request = w.request()?;
        request.order = w.caps.orders.first().copied().or(Some(esign_core::Order::Parallel));
        while (request.signers.len() as u64) < count {
            let number = request.signers.len() + 1;
            let mut signer = request.signers[0].clone();
            signer.key = format!("signer-{number}");
            signer.email = Some(format!("signer{number}@conformance.example").into());
            request.signers.push(signer);
        }
        w.refused(request, "signers").await?;
    }
    Ok(())
}

pub(super) async fn signers_of_a_delivery(w: &World) -> Outcome {
    for way in w.caps.deliveries.clone() {
        let Ok(ends) = ends("deliveries.signers", way.signers) else { continue };
        let possible =
            |n: &u64| *n <= MANY && w.caps.signers.count.admits(*n) && (*n == 1 || !way.shared_link);
        for count in ends.inside.into_iter().filter(possible) {
            let order = (count > 1).then(|| w.caps.orders.first().copied()).flatten();
            let request = w.request_by(way.delivery, u32::try_from(count).unwrap_or(u32::MAX), order)?;
            accepted(w, &request, &format!("{count} signers by {}", way.delivery)).await?;
        }
        for count in ends.outside.into_iter().filter(|n| *n >= 1).filter(possible) {
            let order = (count > 1).then(|| w.caps.orders.first().copied()).flatten();
            let request = w.request_by(way.delivery, u32::try_from(count).unwrap_or(u32::MAX), order)?;
            w.refused(request, "delivery").await?;
        }
    }
    Ok(())
}

pub(super) async fn message_length(w: &World) -> Outcome {
    let Some(way) = w.caps.message.deliveries.first().copied() else {
        skip!("message.deliveries: none");
    };
    let ends = ends("message.chars", w.caps.message.chars)?;
    // Characters are counted, not bytes.
    let text = |chars: u64| "é".repeat(usize::try_from(chars).unwrap_or_default());
    for chars in ends.inside {
        let request = w.request_by(way, 1, None)?.message(text(chars));
        accepted(w, &request, &format!("a message of {chars} characters")).await?;
    }
    for chars in ends.outside {
        w.refused(w.request_by(way, 1, None)?.message(text(chars)), "message").await?;
    }
    Ok(())
}

pub(super) async fn expiry(w: &World) -> Outcome {
    if !w.caps.expiry.supported.is_yes() {
        skip!("expiry: not claimed");
    }
    let ends = ends("expiry.seconds", w.caps.expiry.seconds)?;
    let within = |seconds: u64| -> Result<SignRequest, Stop> {
        Ok(w.request()?.expires_after(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))))
    };
    for seconds in ends.inside {
        accepted(w, &within(seconds)?, &format!("{seconds} seconds to sign")).await?;
    }
    for seconds in ends.outside {
        w.refused(within(seconds)?, "expires_after").await?;
    }
    Ok(())
}

pub(super) async fn placements_of_a_signer(w: &World) -> Outcome {
    let ends = ends("placements.per_signer", w.caps.placements.per_signer)?;
    // The sample page has room for 22 boxes.
    for count in ends.inside.into_iter().filter(|n| *n <= 22) {
        accepted(w, &w.request_with_placements(count)?, &format!("{count} places")).await?;
    }
    for count in ends.outside.into_iter().filter(|n| *n <= 22) {
        w.refused(w.request_with_placements(count)?, "signers[0].placements").await?;
    }
    Ok(())
}

pub(super) async fn native_decimals(w: &World) -> Outcome {
    let Some(most) = w.caps.placements.decimals.filter(|_| w.caps.placements.native.is_yes()) else {
        skip!("placements.decimals: no limit is claimed");
    };
    let at = |decimals: usize| -> Result<SignRequest, Stop> {
        let mut request = w.request()?;
        let place = w.backend.native(1).map(|p| p.spot);
        let Some(Spot::Native(place)) = place else {
            skip!("the harness gives no native placement");
        };
        let x = format!("0.{}", "1".repeat(decimals));
        let x = if decimals == 0 { "0" } else { x.as_str() };
        request.signers[0].placements =
            vec![Placement::native(w.caps.kind.clone(), place.page, x, place.y.as_str())?];
        Ok(request)
    };
    accepted(w, &at(usize::from(most))?, &format!("{most} decimals")).await?;
    w.refused(at(usize::from(most) + 1)?, "signers[0].placements[0].x").await?;
    Ok(())
}

pub(super) async fn box_size(w: &World) -> Outcome {
    if w.caps.placements.neutral != Neutral::Supported {
        skip!("placements.neutral: not claimed");
    }
    let of = |size: Size| -> Result<SignRequest, Stop> {
        let mut request = w.request_with_placements(1)?;
        let placement = request.signers[0].placements[0].clone().sized(size.width, size.height);
        request.signers[0].placements = vec![placement];
        Ok(request)
    };
    let odd = Size { width: 77.0, height: 33.0 };
    match w.caps.placements.box_size {
        BoxSupport::ProviderFixed { drawn, .. } => {
            accepted(w, &of(drawn)?, "the box that the provider draws").await?;
            w.refused(of(odd)?, "signers[0].placements[0].size").await?;
        }
        BoxSupport::Wish { min, max, .. } => {
            accepted(w, &of(min)?, "the smallest box").await?;
            let too_small = Size { width: min.width - 0.5, ..min };
            w.refused(of(too_small)?, "signers[0].placements[0].size").await?;
            w.refused(of(Size { height: max.height + 0.5, ..max })?, "signers[0].placements[0].size").await?;
        }
        _ => {
            w.refused(of(odd)?, "signers[0].placements[0].size").await?;
        }
    }
    Ok(())
}
