//! Signicat: two signers in order by link, and two by e-mail.

use esign::{Delivery, Order, Reference, SignRequest, Signer, Submission};
use esign_sandbox::{Sandbox, signicat};

use super::flow::Flow;
use super::{Stage, Wiring};
use crate::failure::Failure;

const KIND: &str = "signicat";
const CLIENT: &str = "esign-demo";
const SECRET: &str = "demo_secret";
const EMAILS: [&str; 2] = ["first.party@example.com", "second.party@example.com"];

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        provider: KIND,
        name: "link",
        request: |_, reference, document| {
            request(reference, document, Delivery::ShareableLink, Order::Sequential)
        },
        sign: |stage, sent| Box::pin(sign(stage, sent)),
    },
    Flow {
        provider: KIND,
        name: "email",
        request: |_, reference, document| {
            request(reference, document, Delivery::ProviderEmail, Order::Parallel)
        },
        sign: |stage, sent| {
            Box::pin(async move {
                let mail = stage.sandbox.mailbox();
                if let Some(missing) =
                    EMAILS.iter().find(|email| !mail.iter().any(|m| m.to == **email && m.link.is_some()))
                {
                    return Err(Failure::usage(format!("no e-mail with a link has come to {missing}")));
                }
                sign(stage, sent).await
            })
        },
    },
];

/// Signicat decides where signatures go: there are no places to ask for.
fn request(reference: Reference, document: esign::Document, delivery: Delivery, order: Order) -> SignRequest {
    SignRequest::new(reference, document, delivery)
        .signer(Signer::new("first-party").email(EMAILS[0]))
        .signer(Signer::new("second-party").email(EMAILS[1]))
        .order(order)
}

pub(super) fn set_up(sandbox: &Sandbox, mut wiring: Wiring) -> Wiring {
    sandbox.signicat().register(signicat::Client::new(CLIENT, SECRET));
    let base_url = sandbox.base_url();
    wiring.config += &format!(
        r#"
[providers.{KIND}]
kind = "{KIND}"
base_url = "{base_url}enterprise/sign"
token_url = "{base_url}auth/open/connect/token"
client_id = "{CLIENT}"
client_secret = {{ external = "signicat-demo-secret" }}
methods = [{{ name = "nbid-sign", type = "SIGNED_STATEMENT" }}]
email = {{ header = "Please sign", message = "A document waits for you: ${{taskUrl}}" }}
"#
    );
    wiring.secrets = wiring.secrets.with("signicat-demo-secret", SECRET);
    wiring
}

/// Every signer in turn: tasks are numbered like the signers.
async fn sign(stage: &Stage, sent: &Submission) -> Result<(), Failure> {
    for number in 1..=EMAILS.len() {
        let person = signicat::Signer::named(format!("Demonstration Signer {number}"));
        let task = format!("task-{number}");
        let signed = stage.sandbox.signicat().sign(sent.handle.request().id(), &task, &person).await;
        signed.map_err(|e| Failure::usage(format!("the sandbox's signer could not sign: {e}")))?;
    }
    Ok(())
}
