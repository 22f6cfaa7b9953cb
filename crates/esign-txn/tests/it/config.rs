//! Settings: what is refused before anything is built, and what the addresses are.

use std::sync::Arc;

use esign_core::{
    Corner, Delivery, Document, ErrorKind, KeyAlgorithm, Origin, Placement, Provider, Reference, SignRequest,
    Signer, VirtualClock,
};
use esign_http::LocalKey;
use esign_txn::SingpassTxn;
use serde_json::{Value, json};

use crate::support::{client, instance};

async fn build(settings: &[(&str, Value)]) -> esign_core::Result<Arc<SingpassTxn>> {
    let clock = VirtualClock::at("2026-11-21T10:00:00Z".parse().unwrap());
    let key = LocalKey::generate(KeyAlgorithm::Es256, None).unwrap();
    let client = client(instance("http://127.0.0.1:9", settings), Arc::new(key), &clock).await?;
    client.provider_as::<SingpassTxn>("payments")
}

#[tokio::test]
async fn what_is_missing_or_contradicts_itself_is_named() {
    let gone = ["base_url", "jwks_url", "script_url"].map(|key| (key, Value::Null));
    let at_home = |environment: &str, key: &'static str, value: Value| {
        let mut settings = gone.to_vec();
        settings.extend([("environment", json!(environment)), (key, value)]);
        settings
    };
    for (settings, key) in [
        (vec![("nonce_claim", Value::Null)], "nonce_claim"),
        (vec![("nonce_claim", json!(" "))], "nonce_claim"),
        (vec![("hash_claim", Value::Null)], "hash_claim"),
        (vec![("hash_claim", json!("nonce"))], "hash_claim"),
        (gone[..1].to_vec(), "environment"),
        (gone[1..2].to_vec(), "jwks_url"),
        (vec![("environment", json!("staging"))], "base_url"),
        (at_home("staging", "jwks_url", json!("https://x.example")), "jwks_url"),
        (at_home("staging", "script_url", json!("https://x.example")), "script_url"),
        (at_home("production", "http", json!({ "danger_http_hosts": ["x"] })), "http.danger_http_hosts"),
        (vec![("client_id", json!(" "))], "client_id"),
        (vec![("redirect_uri", json!("http://rp.example/back"))], "redirect_uri"),
        (vec![("redirect_uri", json!("/back"))], "redirect_uri"),
        (vec![("response_field", json!(""))], "response_field"),
        (vec![("code_parameters", json!([]))], "code_parameters"),
        (vec![("code_parameters", json!(["token"]))], "code_parameters[0]"),
        (vec![("token_life", json!(121))], "token_life"),
        (vec![("txn_info_life", json!(121))], "txn_info_life"),
        (vec![("session_life", json!(59))], "session_life"),
        (vec![("max_instructions", json!(0))], "max_instructions"),
        (vec![("signing_key", json!({ "external": "other" }))], "signing_key"),
        (vec![("base_url", json!("http://sign.example/api/v1"))], "base_url"),
    ] {
        let error = build(&settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{settings:?}: {error}");
        assert_eq!(error.field_path(), Some(format!("providers.payments.{key}").as_str()), "{error}");
    }
    let error = build(&[("nonce_claims", json!("x"))]).await.unwrap_err();
    assert!(error.to_string().contains("unknown field"), "{error}");
}

#[tokio::test]
async fn environments_have_the_documented_addresses() {
    let gone = ["base_url", "jwks_url", "script_url"].map(|key| (key, Value::Null));
    for (environment, api, script) in [
        (
            "staging",
            "https://staging.sign.singpass.gov.sg/api/v1",
            "https://static.staging.sign.singpass.gov.sg/static/ndi_txn_sign.js",
        ),
        (
            "production",
            "https://app.sign.singpass.gov.sg/api/v1",
            "https://static.app.sign.singpass.gov.sg/static/ndi_txn_sign.js",
        ),
    ] {
        let mut settings = gone.to_vec();
        settings.push(("environment", json!(environment)));
        let provider = build(&settings).await.unwrap();
        let endpoint = provider.capabilities().endpoint;
        assert_eq!((endpoint.environment.as_str(), endpoint.base_url.as_str()), (environment, api));
        let page = provider.page("/supply").unwrap();
        assert!(page.html().contains(&format!("<script src=\"{script}\"></script>")));
    }
    // The registered address is passed letter for letter: no slash is added.
    let provider = build(&[("redirect_uri", json!("https://rp.example"))]).await.unwrap();
    assert!(provider.page("/supply").unwrap().html().contains("data-redirect-uri=\"https://rp.example\""));
    let error = build(&[("script_url", Value::Null)]).await.unwrap().page("/supply").unwrap_err();
    assert_eq!((error.kind(), error.field_path()), (ErrorKind::Config, Some("script_url")));
}

#[tokio::test]
async fn a_document_is_refused_before_anything_is_sent() {
    let world = crate::support::world(&[]).await;
    let document = Document::pdf("Lease", &b"%PDF-1.7"[..]);
    let place = Placement::points(1, 72.0, 72.0, Origin::BottomLeft, Corner::BottomLeft);
    let request = SignRequest::new(Reference::new("r-1").unwrap(), document, Delivery::InSessionRedirect);
    let request = request.signer(Signer::new("tenant").place(place));
    let error = world.client.prepare_on("payments", request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(world.server.received_requests().await.unwrap().is_empty());
}
