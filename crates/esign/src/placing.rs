//! What each provider would make of one place on one document.

use esign_core::{
    Client, Delivery, Document, Order, Placement, Plan, Reference, Result, SignRequest, Signer,
};

/// The key of the signer in the requests that are tried, and so in the plans.
const SIGNER: &str = "signer";

/// Plans one signature at this place with every configured instance that signs documents, for tools that choose places. Sends nothing.
///
/// The rest of each request is made up to suit the instance (the first delivery that it knows, a signer with an invented
/// address), so only what a plan says of `signers[0].placements[0]` counts, and its
/// [`placements`](Plan::placements): the box, and with it the provider's own numbers.
///
/// # Errors
/// [`ErrorKind::Config`](esign_core::ErrorKind::Config) if an instance is removed meanwhile.
pub async fn try_place(client: &Client, document: &Document, placement: &Placement) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for (instance, capabilities) in client.instances() {
        if client.provider(&instance)?.documents().is_none() {
            continue;
        }
        let delivery = capabilities.deliveries.first().map_or(Delivery::ProviderEmail, |d| d.delivery);
        let signer = Signer::new(SIGNER)
            .name("Signer")
            .email("signer@example.com")
            .place(placement.clone().on(document.key()));
        let request = SignRequest::new(Reference::new("place")?, document.clone(), delivery)
            .signer(signer)
            .order(Order::Parallel);
        plans.push(client.plan_on(&instance, &request).await?);
    }
    Ok(plans)
}

#[cfg(all(test, feature = "signify", feature = "singpass"))]
mod tests {
    use esign_core::{Corner, Origin};

    use super::*;
    use crate::matrix::typical_client;

    #[tokio::test]
    async fn each_provider_says_what_it_would_be_sent() {
        let client = typical_client().await.unwrap();
        let document = Document::pdf("Lease", esign_pdf::sign::sample_pdf("Lease", &["A clause."]));
        let placement = Placement::points(1, 62.0, 100.0, Origin::BottomLeft, Corner::BottomLeft);
        let plans = try_place(&client, &document, &placement).await.unwrap();
        let of = |instance: &str| plans.iter().find(|plan| plan.instance == instance).unwrap();
        let numbers = of("singpass").placements[0].sent_as.clone().unwrap();
        assert_eq!((numbers.x.as_str(), numbers.y.as_str()), ("0.1041", "0.1187"));
        assert!(of("signify").placements.is_empty());
        let origin =
            of("signify").findings.iter().find(|finding| finding.code == "placement.origin").unwrap();
        assert!(origin.allow.is_some(), "the line that is missing is named");
    }
}
