//! Signify: by e-mail to two signers, and by a link.

use esign::{Delivery, Order, SignRequest, Signer, Submission};
use esign_sandbox::{Sandbox, signify};

use super::flow::Flow;
use super::{Stage, Wiring};
use crate::failure::Failure;

const KIND: &str = "signify";
const KEY: &str = "demo_key";
const EMAILS: [&str; 2] = ["first.party@example.com", "second.party@example.com"];

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        provider: KIND,
        name: "email",
        request: |stage, reference, document| {
            SignRequest::new(reference, document, Delivery::ProviderEmail)
                .signer(Signer::new("first-party").email(EMAILS[0]).place(stage.places[0].clone()))
                .signer(Signer::new("second-party").email(EMAILS[1]).place(stage.places[1].clone()))
                .order(Order::Parallel)
        },
        sign: |stage, sent| {
            Box::pin(async move {
                for (i, email) in EMAILS.into_iter().enumerate() {
                    let name = format!("Demonstration Signer {}", i + 1);
                    sign(stage, sent, &signify::Signer::invited(name, email)).await?;
                }
                Ok(())
            })
        },
    },
    Flow {
        provider: KIND,
        name: "link",
        request: |stage, reference, document| {
            SignRequest::new(reference, document, Delivery::ShareableLink)
                .signer(Signer::new("first-party").place(stage.places[0].clone()))
        },
        sign: |stage, sent| {
            Box::pin(async move { sign(stage, sent, &signify::Signer::named("Demonstration Signer")).await })
        },
    },
];

pub(super) fn set_up(sandbox: &Sandbox, mut wiring: Wiring) -> Result<Wiring, Failure> {
    sandbox.signify().add_api_key("demo", KEY);
    let base_url = sandbox.base_url();
    wiring.config += &format!(
        r#"[providers.{KIND}]
kind = "{KIND}"
base_url = "{base_url}public"
api_key = {{ external = "signify-demo-key" }}
placement_origin = "top-left"
"#
    );
    wiring.secrets = wiring.secrets.with("signify-demo-key", KEY);
    Ok(wiring)
}

async fn sign(stage: &Stage, sent: &Submission, signer: &signify::Signer) -> Result<(), Failure> {
    let signed = stage.sandbox.signify().sign_all(sent.handle.request().id(), signer).await;
    signed.map(drop).map_err(|e| Failure::usage(format!("the sandbox's signer could not sign: {e}")))
}
