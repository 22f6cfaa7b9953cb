//! The example application and the simulated Sign Portal, from the button to the signed document.

use serde_json::{Value, json};

use crate::harness::{Page, browse};
use crate::programs::{Sandbox, WebhookServer};

const REVIEW: [&str; 2] = ["Mark field 1 as reviewed", "Mark field 2 as reviewed"];

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn a_visitor_signs_although_the_application_is_restarted_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path());
    WebhookServer::prepare(folder.path(), &sandbox);
    let server = WebhookServer::start(folder.path(), &sandbox);

    browse(async |page| {
        page.open(&server.url).await;
        let button = page.find("button", "Sign with Sing pass").await;
        for (property, value) in [
            ("background-color", "rgba(255, 255, 255, 1)"),
            ("font-size", "16px"),
            ("font-weight", "700"),
            ("font-family", "Poppins, system-ui, sans-serif"),
        ] {
            assert_eq!(button.css_value(property).await.unwrap(), value, "{property}");
        }
        page.picture("webhook-server-start").await;
        button.click().await.unwrap();
        log_in(page, "Ada Lovelace", "S0000001A").await;

        for name in REVIEW {
            let sign = page.find("button", "Proceed to Sign").await;
            assert!(!sign.is_enabled().await.unwrap(), "before {name}");
            if name == REVIEW[1] {
                page.picture("singpass-portal").await;
            }
            page.find("button", name).await.click().await.unwrap();
        }
        page.says("You can sign now").await;
        drop(server);
        let server = WebhookServer::start(folder.path(), &sandbox);
        page.find("button", "Proceed to Sign").await.click().await.unwrap();
        page.find("button", "Approve").await.click().await.unwrap();
        page.says("Signed. Thank you.").await;
        page.find("button", "Return to webhook-server").await.click().await.unwrap();

        page.says("every signature in it is valid").await;
        assert!(page.address().await.starts_with(&server.url));
        page.says("Ada Lovelace").await;
        page.picture("webhook-server-signed").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn who_rejects_is_not_the_signer_or_comes_late_is_led_back_or_told() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path());
    WebhookServer::prepare(folder.path(), &sandbox);
    let server = WebhookServer::start(folder.path(), &sandbox);

    browse(async |page| {
        page.open(&server.url).await;
        page.find("button", "Sign with Sing pass").await.click().await.unwrap();
        page.labelled("Full name").await;
        let link = page.address().await;
        log_in(page, "Ada Lovelace", "S0000001A").await;
        for name in REVIEW {
            page.find("button", name).await.click().await.unwrap();
        }
        page.find("button", "Proceed to Sign").await.click().await.unwrap();
        page.find("button", "Reject").await.click().await.unwrap();
        page.says("You have rejected the request in the app").await;
        page.find("button", "Leave without signing").await.click().await.unwrap();
        is_still_unsigned(page, &server).await;

        page.open(&link).await;
        log_in(page, "Charles Babbage", "S0000002B").await;
        page.find("heading", "You are not the intended signer").await;
        page.find("link", "Leave Sign Portal").await.click().await.unwrap();
        is_still_unsigned(page, &server).await;

        let known: Value = serde_json::from_str(&sandbox.control("GET", "singpass", &Value::Null)).unwrap();
        let id = known["requests"][0]["request_id"].as_str().unwrap();
        sandbox.control("POST", &format!("singpass/requests/{id}/expire"), &json!({}));
        page.open(&link).await;
        page.find("heading", "This link does not work").await;
        page.open(&format!("{}/singpass/redirect?request_id={id}&status=success", server.url)).await;
        page.says("This signing has ended: expired").await;
    })
    .await;
}

async fn log_in(page: &Page, name: &str, uin: &str) {
    page.labelled("Full name").await.send_keys(name).await.unwrap();
    page.labelled("NRIC or FIN").await.send_keys(uin).await.unwrap();
    page.find("button", "Log in").await.click().await.unwrap();
}

async fn is_still_unsigned(page: &Page, server: &WebhookServer) {
    page.find("heading", "Waiting for your signature").await;
    assert_eq!(page.address().await, format!("{}/signing", server.url));
}
