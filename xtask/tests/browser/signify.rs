//! The simulated Signify's signing page, used with the keyboard alone, from the link to the end of the request.

use fantoccini::key::Key;

use crate::harness::browse;
use crate::programs::{Sandbox, esign};

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn a_person_signs_with_the_keyboard_alone() {
    let folder = tempfile::tempdir().unwrap();
    let _sandbox = Sandbox::start(folder.path());
    std::fs::rename(folder.path().join("sandbox.toml"), folder.path().join("esign.toml")).unwrap();
    esign(folder.path(), &["demo", "--provider", "signify", "--out", "demo"]);
    let place = "2,62,585,points,bottom-left,bottom-left";
    let send =
        ["send", "demo/agreement.pdf", "--delivery", "shareable-link", "--signer", "tenant", "--at", place];
    esign(folder.path(), &send);
    let links = std::fs::read_to_string(folder.path().join("agreement.links")).unwrap();
    let link = links.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();

    browse(async |page| {
        page.open(&link).await;
        page.says("not legal signatures").await;
        page.labelled("Your full name").await.send_keys("Ada Lovelace").await.unwrap();
        page.press(Key::Enter).await;
        page.find("button", "Leave without signing more").await;
        page.screenshot("signify-session").await;

        // The lock: somebody else comes meanwhile, in a tab that has no session.
        let session = page.client.current_url().await.unwrap();
        page.open(&link).await;
        page.says("try again later").await;
        page.open(session.as_str()).await;

        tab_to(page, "Sign number 1, on page 2").await;
        page.press(Key::Enter).await;
        page.says("All signatures of this invitation are made").await;
        page.screenshot("signify-done").await;
    })
    .await;

    esign(folder.path(), &["watch", "agreement.handle"]);
}

/// Presses Tab until a control whose name begins so has the focus.
async fn tab_to(page: &crate::harness::Page, name: &str) {
    for _ in 0..40 {
        page.press(Key::Tab).await;
        let focused = page.client.active_element().await.unwrap();
        if focused.text().await.unwrap_or_default().starts_with(name) {
            return;
        }
    }
    panic!("no control called `{name}` is reached with Tab");
}
