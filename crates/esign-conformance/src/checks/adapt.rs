//! `adapt` changes exactly what it names, and says so.

use esign_core::jiff::SignedDuration;
use esign_core::{BoxSupport, Document, Neutral, Order, Placement, SignRequest, Wish};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::sample::{known, name_of};
use crate::world::World;

/// For each wish that this provider cannot fulfil: refused with the line that would allow it; allowed, it is the one thing
/// that changes, in the intent and in the record.
pub(super) async fn changes_what_it_names(w: &World) -> Outcome {
    let mut tried = 0;
    for wish in Wish::ALL {
        let Some(request) = unfulfillable(w, wish)? else { continue };
        tried += 1;
        let line = format!("adapt = [\"{wish}\"]");
        let error = w.refused(request.clone(), "").await?;
        ensure!(error.message().contains(&line), "the refusal of {wish} does not name {line}: {error}");

        let client = w.client_adapting(&[wish]).await?;
        let prepared = client.prepare(request.clone()).await?;
        let changes = prepared.intent().changes().to_vec();
        ensure!(!changes.is_empty(), "{wish} was changed without being listed");
        ensure!(changes.iter().all(|c| c.wish == wish), "not only {wish} was changed: {changes:?}");
        if let Some(other) = otherwise_changed(&request, prepared.request(), wish) {
            return fail(format!("{other} was changed though only {wish} may be"));
        }
        let record = client.submit(prepared).await?.record;
        ensure!(record.intent().changes() == changes, "the record lists other changes than the plan");
    }
    if tried == 0 {
        skip!("every wish can be fulfilled");
    }
    Ok(())
}

/// What differs between two requests, apart from what this wish may change.
fn otherwise_changed(before: &SignRequest, after: &SignRequest, wish: Wish) -> Option<&'static str> {
    let keys = |r: &SignRequest| r.signers.iter().map(|s| s.key.clone()).collect::<Vec<_>>();
    let documents = |r: &SignRequest| r.documents.iter().map(Document::sha256).collect::<Vec<_>>();
    let names = |r: &SignRequest| r.documents.iter().map(|d| d.name().to_owned()).collect::<Vec<_>>();
    let same = [
        ("the signers", keys(before) == keys(after)),
        ("the documents", documents(before) == documents(after)),
        ("the delivery", before.delivery == after.delivery),
        ("the reference", before.reference == after.reference),
        ("a document's name", wish == Wish::DocumentName || names(before) == names(after)),
        ("the order", wish == Wish::Order || before.order == after.order),
        ("the message", wish == Wish::Message || before.message == after.message),
        ("the language", wish == Wish::Language || before.language == after.language),
        ("the return address", wish == Wish::ReturnUrl || before.return_url == after.return_url),
        ("the time to sign", wish == Wish::Expiry || before.expires_after == after.expires_after),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

/// A request that works but for this wish; `None` if the provider can fulfil every such wish.
fn unfulfillable(w: &World, wish: Wish) -> Result<Option<SignRequest>, Stop> {
    let caps = &w.caps;
    Ok(match wish {
        Wish::Message => {
            let silent = caps.deliveries.iter().find(|d| !caps.message.deliveries.contains(&d.delivery));
            match (silent, known(caps.message.chars.max), caps.message.deliveries.first()) {
                (Some(way), _, _) => Some(w.request_by(way.delivery, 1, None)?.message("Hello")),
                (None, Some(most), Some(way)) => {
                    let long = "x".repeat(usize::try_from(most + 1).unwrap_or_default());
                    Some(w.request_by(*way, 1, None)?.message(long))
                }
                (None, _, _) => None,
            }
        }
        Wish::Language => Some(w.request()?.language("qaa")),
        Wish::ReturnUrl => {
            let takes = |scheme: &str| caps.return_url.schemes.iter().any(|taken| taken == scheme);
            let any = caps.return_url.supported.is_yes()
                && (caps.return_url.schemes.is_empty() || takes("http"))
                && caps.return_url.domain.is_none();
            // Any other scheme is never one for a browser, and refused whatever may be changed.
            let url = "http://conformance.example/back".parse().ok().filter(|_| !any);
            match url {
                Some(url) => Some(w.request()?.return_url(url)),
                None => None,
            }
        }
        Wish::Expiry => {
            let days = |days: i64| SignedDuration::from_hours(24 * days);
            match (caps.expiry.supported.is_yes(), known(caps.expiry.seconds.max)) {
                (false, _) => Some(w.request()?.expires_after(days(3))),
                (true, Some(most)) => {
                    let past = SignedDuration::from_secs(i64::try_from(most).unwrap_or(i64::MAX - 1) + 1);
                    Some(w.request()?.expires_after(past))
                }
                (true, None) => None,
            }
        }
        Wish::SharedLink => match caps.deliveries.iter().find(|d| d.shared_link && d.signers.admits(2)) {
            Some(way) if caps.signers.count.admits(2) && caps.orders.contains(&Order::Parallel) => {
                Some(w.request_by(way.delivery, 2, Some(Order::Parallel))?)
            }
            _ => None,
        },
        Wish::Order => {
            let replaceable =
                caps.orders.contains(&Order::Parallel) && !caps.orders.contains(&Order::Sequential);
            let own = caps.deliveries.iter().find(|d| !d.shared_link && d.signers.admits(2));
            match own.filter(|_| replaceable && caps.signers.count.admits(2)) {
                Some(way) => Some(w.request_by(way.delivery, 2, Some(Order::Sequential))?),
                None => None,
            }
        }
        Wish::DocumentName => {
            let too_long = known(caps.documents.name.chars.max).map(|n| name_of(caps, Some(n + 1)));
            match too_long {
                Some(name) => {
                    let mut request = w.request()?;
                    request.documents = vec![w.named(&name)];
                    Some(request)
                }
                None => None,
            }
        }
        Wish::Placement => {
            let decides = caps.placements.neutral == Neutral::Unsupported && !caps.placements.native.is_yes();
            let fixed =
                matches!(caps.placements.box_size, BoxSupport::ProviderFixed { .. } | BoxSupport::Unknown)
                    && caps.placements.neutral == Neutral::Supported;
            if decides {
                let mut request = w.request()?;
                request.signers[0].placements = vec![Placement::native(caps.kind.clone(), 1, "0", "0")?];
                Some(request)
            } else if fixed {
                let mut request = w.request_with_placements(1)?;
                let placement = request.signers[0].placements[0].clone().sized(77.0, 33.0);
                request.signers[0].placements = vec![placement];
                Some(request)
            } else {
                None
            }
        }
        _ => None,
    })
}
