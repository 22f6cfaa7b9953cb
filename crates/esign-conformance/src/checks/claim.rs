//! What the capabilities claim as a whole.

use esign_core::jiff::SignedDuration;
use esign_core::{ArtifactId, CallbackSupport, Operation, ReferenceSupport, State, Trial};

use crate::check::{Outcome, Stop, ensure, fail, skip};
use crate::harness::Action;
use crate::sample::known;
use crate::world::{INSTANCE, World};

/// A claim without the group of operations that it needs is empty, and a group without its claim is invisible.
pub(super) async fn groups_are_there(w: &World) -> Outcome {
    let provider = w.provider()?;
    let signs = !w.caps.deliveries.is_empty();
    let groups = [
        ("documents", signs, provider.documents().is_some()),
        ("callbacks", w.caps.callbacks != CallbackSupport::None, provider.callbacks().is_some()),
        ("reminders", !w.caps.reminders.is_empty(), provider.reminders().is_some()),
        ("erase", w.caps.erase.is_yes(), provider.retention().is_some()),
        ("transactions", w.caps.transactions.is_yes(), provider.transactions().is_some()),
    ];
    for (claim, claimed, there) in groups {
        ensure!(claimed == there, "{claim} claimed: {claimed}; its group of operations present: {there}");
    }
    let found = w.caps.reference != ReferenceSupport::None;
    ensure!(
        !found || provider.lookup().is_some(),
        "reference: {:?} is claimed, but there is no Lookup",
        w.caps.reference
    );
    ensure!(signs || w.caps.transactions.is_yes(), "it signs neither documents nor transactions");
    Ok(())
}

/// Plans are made from capabilities again and again: they say the same each time, also after requests.
pub(super) async fn capabilities_are_stable(w: &World) -> Outcome {
    let provider = w.provider()?;
    ensure!(provider.kind() == w.caps.kind, "kind() and capabilities().kind differ");
    ensure!(provider.capabilities() == w.caps, "two calls of capabilities() differ");
    w.submit(&w.request()?).await?;
    ensure!(w.client.capabilities(INSTANCE)? == w.caps, "capabilities() changed with the first request");
    Ok(())
}

/// Building an instance reads secrets, and calls nobody.
pub(super) async fn build_sends_nothing(w: &World) -> Outcome {
    let reached = w.reached().await;
    ensure!(reached.iter().all(|(_, calls)| *calls == 0), "building it reached the backend: {reached:?}");
    Ok(())
}

/// Every call to the service is an attempt that the observer is told of: metrics and audit see nothing else.
pub(super) async fn attempts_are_observed(w: &World) -> Outcome {
    let handle = w.sent(&w.request()?).await?;
    w.client.status(&handle).await?;
    let told = w.told.text();
    for operation in [Operation::Submit, Operation::Status] {
        let attempt = told
            .lines()
            .any(|line| line.starts_with("Attempt {") && line.contains(&format!("operation: {operation:?}")));
        ensure!(attempt, "a {operation} went out, and the observer was not told of an attempt");
    }
    Ok(())
}

/// Messages, languages and return addresses that are claimed are taken, and arrive.
pub(super) async fn wishes_arrive(w: &World) -> Outcome {
    let mut wished = Vec::new();
    if let Some(way) = w.caps.message.deliveries.first() {
        let text = "Please sign soon";
        wished.push(("message", text.to_owned(), w.request_by(*way, 1, None)?.message(text)));
    }
    for language in &w.caps.languages {
        wished.push(("language", language.clone(), w.request()?.language(language.clone())));
    }
    if w.caps.return_url.supported.is_yes() {
        let scheme = w.caps.return_url.schemes.first().map_or("https", String::as_str);
        let host = w.caps.return_url.domain.as_deref().unwrap_or("conformance.example");
        let address = format!("{scheme}://{host}/back");
        // Made of a claimed scheme and domain.
        let Ok(url) = address.parse() else { return fail(format!("return_url: {address} is no address")) };
        wished.push(("return_url", address, w.request()?.return_url(url)));
    }
    if wished.is_empty() {
        skip!("message, languages, return_url: none are claimed");
    }
    for (what, value, request) in wished {
        let sent = w.submit(&request).await;
        let submission =
            sent.map_err(|stop| Stop::Fail(format!("{what} {value:?} is claimed, but: {stop}")))?;
        ensure!(
            submission.record.intent().changes().is_empty(),
            "{what} {value:?} is claimed, and was changed"
        );
        if let Some(heard) = w.backend.heard(&submission.handle).await {
            ensure!(heard.contains(&value), "{what} {value:?} was accepted, and did not arrive");
        }
    }
    Ok(())
}

/// Every legal class that is claimed may be asked for.
pub(super) async fn legal_classes_are_taken(w: &World) -> Outcome {
    if w.caps.legal.is_empty() {
        skip!("legal: none is claimed");
    }
    for claim in &w.caps.legal {
        let accepted = w.client.prepare(w.request()?.accept(claim.class.clone())).await;
        ensure!(accepted.is_ok(), "legal class {} is claimed, but: {:?}", claim.class, accepted.err());
        ensure!(!claim.source.is_empty(), "legal class {} is claimed by nobody", claim.class);
    }
    Ok(())
}

/// The time to sign that is wished for is the time that the provider gives.
pub(super) async fn expiry_is_kept(w: &World) -> Outcome {
    let (true, Some(least)) = (w.caps.expiry.supported.is_yes(), known(w.caps.expiry.seconds.min)) else {
        skip!("expiry: not claimed, or without a least time");
    };
    let seconds = i64::try_from(least).unwrap_or(i64::MAX);
    let request = w.request()?.expires_after(SignedDuration::from_secs(seconds));
    let before = w.client.clock().now();
    let handle = w.sent(&request).await?;
    if let Some(end) = w.client.status(&handle).await?.expires_at {
        let slack = SignedDuration::from_mins(5);
        let wished = before + SignedDuration::from_secs(seconds);
        ensure!(
            end >= wished - slack && end <= wished + slack,
            "{least} s to sign were wished for from {before}, and the provider ends it at {end}"
        );
    }
    Ok(())
}

/// What nobody could check is tried at staging, or says why it cannot be. Without being told to, nothing is left open.
pub(super) async fn unverified_is_settled_or_says_why(w: &World) -> Outcome {
    if w.caps.unverified.is_empty() {
        skip!("unverified: nothing");
    }
    let settled = w.client.settle(INSTANCE, &Trial::new(w.backend.document(None))).await?;
    for line in &w.caps.unverified {
        let answered = settled.iter().any(|item| item.question == line && !item.found.is_empty());
        ensure!(answered, "unverified {line:?}: Probe::settle neither tries it nor says why it cannot be");
    }
    let left = settled.iter().find(|item| item.link.is_some());
    ensure!(left.is_none(), "a trial without look leaves a request open: {left:?}");
    Ok(())
}

/// A signature counts for the person who was asked for only: somebody else's completes nothing.
pub(super) async fn identity_is_checked(w: &World) -> Outcome {
    if w.caps.identity_schemes.is_empty() {
        skip!("identity_schemes: none is claimed");
    }
    let claimed = w.caps.identity_schemes.join(", ");
    let Some(identity) = w.backend.identity().filter(|i| w.caps.identity_schemes.contains(&i.scheme)) else {
        return fail(format!(
            "identity_schemes: {claimed}, but Backend::identity names nobody by any of them"
        ));
    };
    // Where nobody is asked for by identity, anybody may sign: the harness can do what follows.
    let open = w.request()?;
    w.act(&w.sent(&open).await?, &open.signers[0], Action::SignAsSomebodyElse).await?;

    let mut request = w.request()?;
    request.signers[0].identity = Some(identity.clone());
    let handle = w.sent(&request).await?;
    let signed = w.backend.act(&handle, &request.signers[0], Action::SignAsSomebodyElse).await;
    let state = w.client.status(&handle).await?.state();
    let so = if signed { "the service let them" } else { "the service did not let them" };
    ensure!(state != State::Completed, "somebody else came to sign ({so}), and it is reported as completed");
    let given = w.client.download(&handle, &ArtifactId::SIGNED).await;
    ensure!(given.is_err(), "somebody else came to sign ({so}), and a signed document is given out");

    let mut request = w.request()?;
    request.signers[0].identity = Some(identity);
    let handle = w.sent(&request).await?;
    w.act(&handle, &request.signers[0], Action::Sign).await?;
    let state = w.client.status(&handle).await?.state();
    ensure!(state == State::Completed, "the person who was asked for signed, and it is {state:?}");
    Ok(())
}
