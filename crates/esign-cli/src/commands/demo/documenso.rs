//! Documenso: by e-mail to two signers with a copy for a third person, and by a link with name and date beside the signature.

use esign::{Delivery, Mark, Order, Role, SignRequest, Signer, Submission};
use esign_sandbox::Sandbox;

use super::flow::Flow;
use super::{Stage, Wiring};
use crate::failure::Failure;

const KIND: &str = "documenso";
const TOKEN: &str = "api_demo0000000token";

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        provider: KIND,
        name: "email",
        request: |stage, reference, document| {
            let person = |key: &str| Signer::new(key).email(format!("{key}@example.com"));
            SignRequest::new(reference, document, Delivery::ProviderEmail)
                .signer(person("first.party").name("First Party").place(stage.places[0].clone()))
                .signer(person("second.party").name("Second Party").place(stage.places[1].clone()))
                .signer(person("archive").role(Role::Copy))
                .order(Order::Sequential)
        },
        sign: |stage, sent| Box::pin(async move { sign(stage, sent, 2).await }),
    },
    Flow {
        provider: KIND,
        name: "link",
        request: |stage, reference, document| {
            let signer = Signer::new("first-party").name("First Party").email("first.party@example.com");
            SignRequest::new(reference, document, Delivery::ShareableLink)
                .signer(signer.place(stage.places[0].clone()).place(stage.places[1].clone().mark(Mark::Date)))
        },
        sign: |stage, sent| Box::pin(async move { sign(stage, sent, 1).await }),
    },
];

pub(super) fn set_up(sandbox: &Sandbox, mut wiring: Wiring) -> Wiring {
    let documenso = sandbox.documenso();
    documenso.add_token("demo", TOKEN, None);
    // Nobody wants to wait for it in a demonstration.
    documenso.change(|settings| settings.seal_seconds = 0);
    let base_url = sandbox.base_url();
    wiring.config += &format!(
        r#"[providers.{KIND}]
kind = "{KIND}"
base_url = "{base_url}documenso"
api_token = {{ external = "documenso-demo-token" }}
"#
    );
    wiring.secrets = wiring.secrets.with("documenso-demo-token", TOKEN);
    wiring
}

/// The first so many recipients sign, one after the other.
async fn sign(stage: &Stage, sent: &Submission, signers: usize) -> Result<(), Failure> {
    for recipient in 0..signers {
        let signed = stage.sandbox.documenso().sign(sent.handle.request().id(), recipient).await;
        signed.map_err(|e| Failure::usage(format!("the sandbox's signer could not sign: {e}")))?;
    }
    Ok(())
}
