//! What is not claimed is refused by name, before anything reaches the backend.

use esign_core::jiff::SignedDuration;
use esign_core::{
    Anchor, Delivery, Document, ErrorKind, Identity, LegalClass, MediaType, Operation, Order, Placement,
    ProviderKind, ProviderOption, Use,
};
use serde::{Deserialize, Serialize};

use crate::check::{Outcome, ensure, skip};
use crate::world::World;

const NOBODY: ProviderKind = ProviderKind::new("conformance-nobody");

pub(super) async fn delivery(w: &World) -> Outcome {
    let ways = [Delivery::ProviderEmail, Delivery::ShareableLink, Delivery::InSessionRedirect];
    let missing: Vec<_> = ways.into_iter().filter(|way| w.caps.delivery(*way).is_none()).collect();
    if missing.is_empty() {
        skip!("deliveries: all are claimed");
    }
    for way in missing {
        let mut request = w.request()?;
        request.delivery = way;
        w.refused(request, "delivery").await?;
    }
    Ok(())
}

pub(super) async fn order(w: &World) -> Outcome {
    let orders = [Order::Parallel, Order::Sequential, Order::Groups];
    let missing: Vec<_> = orders.into_iter().filter(|order| !w.caps.orders.contains(order)).collect();
    if missing.is_empty() {
        skip!("orders: all are claimed");
    }
    for order in missing {
        let mut request = w.request_for(2)?;
        request.order = Some(order);
        if order == Order::Groups {
            request.signers.iter_mut().zip(1..).for_each(|(signer, group)| signer.group = Some(group));
        }
        w.refused(request, "order").await?;
    }
    Ok(())
}

pub(super) async fn message(w: &World) -> Outcome {
    let silent: Vec<_> =
        w.caps.deliveries.iter().filter(|d| !w.caps.message.deliveries.contains(&d.delivery)).collect();
    if silent.is_empty() {
        skip!("message.deliveries: every delivery carries one");
    }
    for way in silent {
        let request = w.request_by(way.delivery, 1, None)?.message("Hello");
        w.refused(request, "message").await?;
        let mut request = w.request_by(way.delivery, 1, None)?;
        request.signers[0].message = Some("Hello".to_owned());
        w.refused(request, "signers[0].message").await?;
    }
    Ok(())
}

pub(super) async fn language(w: &World) -> Outcome {
    // Reserved for private use: nobody knows it.
    w.refused(w.request()?.language("qaa"), "language").await?;
    let mut request = w.request()?;
    request.signers[0].language = Some("qaa".to_owned());
    w.refused(request, "signers[0].language").await?;
    Ok(())
}

pub(super) async fn return_url(w: &World) -> Outcome {
    let support = &w.caps.return_url;
    let mut unwelcome = Vec::new();
    if !support.supported.is_yes() {
        unwelcome.push("https://conformance.example/back".to_owned());
    }
    if !support.schemes.is_empty() {
        let host = support.domain.as_deref().unwrap_or("conformance.example");
        unwelcome.push(format!("gopher://{host}/back"));
    }
    if let Some(domain) = &support.domain {
        unwelcome.push("https://conformance.example/back".to_owned());
        unwelcome.push(format!("https://{domain}.conformance.example/back"));
        unwelcome.push(format!("https://not{domain}/back"));
    }
    if unwelcome.is_empty() {
        skip!("return_url: any address is claimed");
    }
    for url in unwelcome {
        // Made of constants and a domain of the capabilities'.
        let Ok(url) = url.parse() else { continue };
        w.refused(w.request()?.return_url(url), "return_url").await?;
    }
    Ok(())
}

pub(super) async fn expiry(w: &World) -> Outcome {
    if w.caps.expiry.supported.is_yes() {
        skip!("expiry: claimed");
    }
    w.refused(w.request()?.expires_after(SignedDuration::from_hours(48)), "expires_after").await?;
    Ok(())
}

pub(super) async fn identity(w: &World) -> Outcome {
    let mut request = w.request()?;
    request.signers[0].identity = Some(Identity::new("conformance-none", "1"));
    w.refused(request, "signers[0].identity").await?;
    Ok(())
}

pub(super) async fn legal_class(w: &World) -> Outcome {
    w.refused(w.request()?.accept(LegalClass::new("conformance-none")), "legal_classes").await?;
    Ok(())
}

pub(super) async fn media_type(w: &World) -> Outcome {
    let mut request = w.request()?;
    let name = request.documents[0].name().to_owned();
    request.documents = vec![Document::new(name, MediaType::new("application/zip"), &b"PK\x03\x04"[..])];
    w.refused(request, "documents[0].media_type").await?;
    Ok(())
}

pub(super) async fn view_only(w: &World) -> Outcome {
    if w.caps.documents.view_only.is_yes() {
        skip!("documents.view_only: claimed");
    }
    let mut request = w.request()?;
    let second = request.documents[0].clone().with_key("second");
    request.documents.push(second);
    request.signers[0].placements.iter_mut().for_each(|p| p.document = Some("document".to_owned()));
    request.signers[0] =
        request.signers[0].clone().document("document", Use::Sign).document("second", Use::View);
    // A provider that takes one document names that first.
    w.refused(request, "").await?;
    Ok(())
}

pub(super) async fn anchor(w: &World) -> Outcome {
    if w.caps.placements.anchors.is_yes() {
        skip!("placements.anchors: claimed");
    }
    place(w, Placement::anchor(Anchor::text("Sign here"))).await
}

pub(super) async fn form_field(w: &World) -> Outcome {
    if w.caps.placements.fields.is_yes() {
        skip!("placements.fields: claimed");
    }
    place(w, Placement::form_field("signature")).await
}

pub(super) async fn foreign_native_placement(w: &World) -> Outcome {
    place(w, Placement::native(NOBODY, 1, "0", "0")?).await
}

async fn place(w: &World, placement: Placement) -> Outcome {
    let mut request = w.request()?;
    request.signers[0].placements = vec![placement];
    w.refused(request, "signers[0].placements[0]").await?;
    Ok(())
}

pub(super) async fn unregistered_options(w: &World) -> Outcome {
    #[derive(Serialize, Deserialize)]
    struct Options {}
    impl ProviderOption for Options {
        const KIND: ProviderKind = NOBODY;
    }
    w.refused(w.request()?.with_option(&Options {})?, "options.conformance-nobody").await?;
    Ok(())
}

pub(super) async fn cancel(w: &World) -> Outcome {
    if w.caps.cancel.is_yes() {
        skip!("cancel: claimed");
    }
    let handle = w.sent(&w.request()?).await?;
    let error = w.client.cancel(&handle).await.err();
    ensure!(
        error.is_some_and(|e| e.kind() == ErrorKind::Unsupported),
        "cancel is not claimed and not refused"
    );
    ensure!(w.backend.reached(Operation::Cancel).await == 0, "a refused cancel reached the backend");
    Ok(())
}

pub(super) async fn erase(w: &World) -> Outcome {
    if w.caps.erase.is_yes() {
        skip!("erase: claimed");
    }
    let handle = w.sent(&w.request()?).await?;
    let error = w.client.erase(&handle).await.err();
    ensure!(
        error.is_some_and(|e| e.kind() == ErrorKind::Unsupported),
        "erase is not claimed and not refused"
    );
    ensure!(w.backend.reached(Operation::Erase).await == 0, "a refused erase reached the backend");
    Ok(())
}
