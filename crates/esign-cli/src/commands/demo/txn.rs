//! Singpass transaction signing: a text that a person approves on their phone.

use std::sync::Arc;

use esign::txn::{LocalKey, SingpassTxn};
use esign::{
    ErrorKind, InboundCall, KeyAlgorithm, Reference, SigningKey, State, TransactionRequest, TransactionReturn,
};
use esign_sandbox::Sandbox;
use esign_sandbox::txn::{Client, ClientKeys};
use serde_json::json;

use super::flow::Outcome;
use super::{Stage, Wiring};
use crate::failure::Failure;

pub(super) const KIND: &str = "singpass-txn";
pub(super) const NAME: &str = "transaction";
const KEY: &str = "singpass-txn-demo-key";
const CLIENT: &str = "esign-demo";
/// Where the browser would come back to: nobody listens, the demonstration reads the address.
const REDIRECT: &str = "http://localhost/approved";
const TEXT: &str = "Transfer SGD 10.00 to account ****5678";
/// The session of the person in the application.
const SESSION: &str = "demonstration";

/// Registers a client with a new key.
pub(super) fn set_up(sandbox: &Sandbox, mut wiring: Wiring) -> Result<Wiring, Failure> {
    let key = LocalKey::generate(KeyAlgorithm::Es256, None)?;
    let base_url = sandbox.base_url();
    let client = Client {
        client_id: CLIENT.to_owned(),
        keys: ClientKeys::Inline(json!({ "keys": [key.public_jwk()] })),
        redirect_uri: REDIRECT.to_owned(),
        origins: Vec::new(),
    };
    sandbox.txn().register(client).map_err(|e| Failure::usage(e.to_string()))?;
    wiring.config += &format!(
        r#"
[providers.{KIND}]
kind = "{KIND}"
base_url = "{base_url}api/v1"
jwks_url = "{base_url}.well-known/keys.json"
client_id = "{CLIENT}"
redirect_uri = "{REDIRECT}"
signing_key = {{ external = "{KEY}" }}
nonce_claim = "nonce"
hash_claim = "txn_hash"
"#
    );
    wiring.keys.push((KEY, Arc::new(key)));
    Ok(wiring)
}

pub(super) async fn run(stage: &Stage) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.error = steps(stage, &mut outcome).await.err();
    outcome
}

async fn steps(stage: &Stage, outcome: &mut Outcome) -> Result<(), Failure> {
    let provider = stage.client.provider_as::<SingpassTxn>(KIND)?;
    let request = TransactionRequest::new(Reference::random()?, TEXT, SESSION);
    let supplied = provider.supply(&request).await?;
    stage.good("state, nonce and txnInfo issued");

    // What the script in the page does, and then the person.
    let person = stage.sandbox.txn();
    let not =
        |what: &str, e: &dyn std::fmt::Display| Failure::usage(format!("the sandbox did not {what}: {e}"));
    let session = person.open(CLIENT, &supplied.to_json()).await.map_err(|e| not("open a session", &e))?;
    let address = person.approve(&session, None).map_err(|e| not("let the person approve", &e))?;
    let back = TransactionReturn::new(returning(&address)?, SESSION);
    stage.good("the person has approved, the browser comes back");

    let (_, signed) = provider.finish(&back).await?;
    outcome.state = Some(State::Completed);
    outcome.claims = Some(json!(signed.claims));
    stage.good("Singpass's statement verified: its signature, the nonce, the hash of the transaction");
    match provider.finish(&back).await {
        Err(error) if error.kind() == ErrorKind::Verification => {
            outcome.checked = true;
            stage.good("a second return is refused");
        }
        Err(error) => {
            outcome.problems.push(format!("a second return is refused for another reason: {error}"))
        }
        Ok(_) => outcome.problems.push("a second return was taken".to_owned()),
    }
    Ok(())
}

/// The call that a browser makes.
fn returning(address: &str) -> Result<InboundCall, Failure> {
    let url = axum::http::Uri::try_from(address).map_err(|e| Failure::usage(e.to_string()))?;
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&url);
    let axum::extract::Query(query) = query.map_err(|e| Failure::usage(e.to_string()))?;
    Ok(query
        .into_iter()
        .fold(InboundCall::get(url.path()), |call, (name, value)| call.with_query(name, value)))
}
