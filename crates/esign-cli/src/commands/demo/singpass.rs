//! Sign with Singpass: one signer in a browser session, and two as a chain.

use std::sync::Arc;

use esign::singpass::LocalKey;
use esign::{Delivery, KeyAlgorithm, Order, SignRequest, Signer, SigningKey, Submission};
use esign_sandbox::Sandbox;
use esign_sandbox::singpass::{Client, ClientKeys, Person};
use serde_json::json;

use super::flow::Flow;
use super::{Stage, Wiring};
use crate::failure::Failure;

const KIND: &str = "singpass";
const KEY: &str = "singpass-demo-key";
const CLIENT: &str = "esign-demo";
/// The signers by key, and who they are to the sandbox.
const SIGNERS: [(&str, &str, &str); 2] = [
    ("first-party", "Demonstration Signer 1", "S0000001A"),
    ("second-party", "Demonstration Signer 2", "S0000002B"),
];

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        provider: KIND,
        name: "link",
        request: |stage, reference, document| {
            SignRequest::new(reference, document, Delivery::InSessionRedirect).signer(signer(stage, 0))
        },
        sign: |stage, sent| Box::pin(sign(stage, sent)),
    },
    Flow {
        provider: KIND,
        name: "chain",
        request: |stage, reference, document| {
            SignRequest::new(reference, document, Delivery::InSessionRedirect)
                .signer(signer(stage, 0))
                .signer(signer(stage, 1))
                .order(Order::Sequential)
        },
        sign: |stage, sent| Box::pin(sign(stage, sent)),
    },
];

/// Registers a client with a new key. Its webhook leads to the sandbox itself, where nobody listens: the demonstration
/// reads the status.
pub(super) fn set_up(sandbox: &Sandbox, mut wiring: Wiring) -> Result<Wiring, Failure> {
    let key = LocalKey::generate(KeyAlgorithm::Es256, None)?;
    let base_url = sandbox.base_url();
    let singpass = sandbox.singpass();
    singpass.change(|settings| settings.webhook_retries = false);
    let client = Client {
        client_id: CLIENT.to_owned(),
        keys: ClientKeys::Inline(json!({ "keys": [key.public_jwk()] })),
        redirect_url: base_url.clone(),
        webhook_url: base_url.clone(),
    };
    singpass.register(client).map_err(|e| Failure::usage(e.to_string()))?;
    wiring.config += &format!(
        r#"
[providers.{KIND}]
kind = "{KIND}"
base_url = "{base_url}api/v3"
jwks_url = "{base_url}.well-known/keys.json"
client_id = "{CLIENT}"
signing_key = {{ external = "{KEY}" }}
"#
    );
    wiring.keys.push((KEY, Arc::new(key)));
    Ok(wiring)
}

fn signer(stage: &Stage, i: usize) -> Signer {
    Signer::new(SIGNERS[i].0).place(stage.places[i].clone())
}

/// Every signer of this submission opens the link, logs in, reviews and approves.
async fn sign(stage: &Stage, sent: &Submission) -> Result<(), Failure> {
    for (_, name, uin) in SIGNERS.iter().filter(|(key, ..)| sent.next_steps.iter().any(|s| s.signer == *key))
    {
        let person = Person::new(*name, *uin);
        let signed = stage.sandbox.singpass().sign(sent.handle.request().id(), &person).await;
        signed.map_err(|e| Failure::usage(format!("the sandbox's signer could not sign: {e}")))?;
    }
    Ok(())
}
