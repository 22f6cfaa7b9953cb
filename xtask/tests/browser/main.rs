//! What a person sees and does in a page, in a real browser.
//!
//! These tests need Chromium and its driver, which `.ci/run` installs; elsewhere they are listed as ignored, by name.
//! One file per page under test, each scenario through [`harness::browse`].

mod harness;
mod overview;
mod place;
mod programs;
mod signicat;
mod signify;
mod singpass;
mod txn;
mod txn_script;

use fantoccini::key::Key;
use harness::browse;

const PAGE: &str = r#"data:text/html,<!doctype html><html lang="en"><title>Greeting</title>
<h1>Greeting</h1>
<form onsubmit="event.preventDefault(); said.textContent = 'Hello ' + who.value">
<label>Name <input id="who"></label> <button>Greet</button> <button type="reset" aria-label="Start again">x</button>
</form><p role="status" id="said"></p></html>"#;

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn the_harness_acts_and_reads_as_a_person_does() {
    browse(async |page| {
        page.open(PAGE).await;
        assert_eq!(page.find("heading", "Greeting").await.text().await.unwrap(), "Greeting");

        let name = page.labelled("Name").await;
        name.send_keys("Ada").await.unwrap();
        page.find("button", "Greet").await.click().await.unwrap();
        page.says("Hello Ada").await;

        page.find("button", "Start again").await.click().await.unwrap();
        page.press(Key::Tab).await;
        name.send_keys("Grace").await.unwrap();
        page.press(Key::Enter).await;
        page.says("Hello Grace").await;
        assert_eq!(page.css("#said").await.text().await.unwrap(), "Hello Grace");
        assert!(page.screenshot("harness").await.metadata().unwrap().len() > 1000);
    })
    .await;
}
