//! The example application and the simulated transaction signing, from the form to the receipt.

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::harness::{Page, browse};
use crate::programs::{Sandbox, Transaction};

const NO_PHONE: &str = "No phone? Open the simulated app";
const REFUSED: &str = "This does not approve anything";

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn a_person_approves_a_payment_in_the_simulated_app() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path());
    let server = Transaction::start(folder.path(), &sandbox);
    browse(async |page| {
        order(page, &server.url).await;
        page.find("image", "QR code for the Singpass app").await;
        page.picture("transaction-qr").await;

        // The link beneath the code opens another window, where the phone is played; with the keyboard.
        let shop = page.client.window().await.unwrap();
        let link = page.find("link", NO_PHONE).await;
        link.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
        switch_away_from(page, &shop).await;
        page.find("heading", "Approve a transaction").await;
        page.says("Transfer SGD 10.00 to account ****5678").await;
        page.says("not legal signatures").await;
        page.picture("transaction-phone").await;
        page.find("button", "Approve").await.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
        page.find("heading", "Transaction approved").await;

        page.client.switch_to_window(shop).await.unwrap();
        page.find("heading", "Payment approved").await;
        assert!(page.address().await.starts_with(&format!("{}/payments/PAY-", server.url)));
        page.says("Singpass's answer is verified").await;
        page.picture("transaction-receipt").await;

        // The way back was good once.
        let back = last(&sandbox)["redirect_url"].as_str().unwrap().to_owned();
        page.open(&back).await;
        page.says(REFUSED).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn who_declines_comes_late_or_with_another_state_is_told_and_can_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path());
    let server = Transaction::start(folder.path(), &sandbox);
    browse(async |page| {
        order(page, &server.url).await;
        page.find("link", NO_PHONE).await;
        on_the_phone(&sandbox, "scan", &Value::Null);
        page.says("Please approve on your phone").await;
        on_the_phone(&sandbox, "decline", &Value::Null);
        page.says("The transaction has been cancelled").await;

        retry(page).await;
        on_the_phone(&sandbox, "expire", &Value::Null);
        page.says("Your session has expired").await;

        // A way back with somebody else's state, before the right one.
        retry(page).await;
        let payment = page.address().await;
        // The page is left, so that the way back is taken by hand.
        page.open(&server.url).await;
        on_the_phone(&sandbox, "approve", &json!({}));
        let back = last(&sandbox)["redirect_url"].as_str().unwrap().to_owned();
        let (before, _) = back.split_once("state=").unwrap();
        page.open(&format!("{before}state={}", "0".repeat(64))).await;
        page.says(REFUSED).await;
        page.open(&payment).await;
        page.find("heading", "Approve your payment").await;
        page.open(&back).await;
        page.find("heading", "Payment approved").await;

        // Cancelled in the page.
        order(page, &server.url).await;
        page.find("link", NO_PHONE).await;
        page.find("button", "Cancel").await.click().await.unwrap();
        page.says("The transaction has been cancelled").await;
    })
    .await;
}

/// Fills the form in, with the keyboard alone.
async fn order(page: &Page, url: &str) {
    page.open(url).await;
    page.labelled("To account").await.send_keys("123-45678-5678").await.unwrap();
    page.press(Key::Enter).await;
    page.find("heading", "Approve your payment").await;
}

/// Presses the button of the error screen, which leads to another QR code.
async fn retry(page: &Page) {
    page.find("button", "Try again").await.click().await.unwrap();
    page.find("link", NO_PHONE).await;
}

async fn switch_away_from(page: &Page, window: &fantoccini::wd::WindowHandle) {
    loop {
        let other = page.client.windows().await.unwrap().into_iter().find(|one| one != window);
        if let Some(other) = other {
            return page.client.switch_to_window(other).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
}

fn on_the_phone(sandbox: &Sandbox, step: &str, body: &Value) {
    let id = last(sandbox)["session_id"].as_str().unwrap().to_owned();
    sandbox.control("POST", &format!("txn/sessions/{id}/{step}"), body);
}

/// The newest session.
fn last(sandbox: &Sandbox) -> Value {
    let state: Value = serde_json::from_str(&sandbox.control("GET", "txn", &Value::Null)).unwrap();
    state["sessions"].as_array().unwrap().last().unwrap().clone()
}
