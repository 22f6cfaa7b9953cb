//! The sandbox's overview: a person sees what is open, signs, moves the clock and plans a fault, without a command line.

use crate::harness::browse;
use crate::programs::{Sandbox, esign};

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn every_flow_is_played_from_the_overview() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path());
    std::fs::rename(folder.path().join("sandbox.toml"), folder.path().join("esign.toml")).unwrap();
    esign(folder.path(), &["demo", "--provider", "signify", "--out", "demo"]);
    let place = "2,62,585,points,bottom-left,bottom-left";
    let send =
        ["send", "demo/agreement.pdf", "--delivery", "shareable-link", "--signer", "tenant", "--at", place];
    esign(folder.path(), &send);

    browse(async |page| {
        page.open(&sandbox.url).await;
        page.says("0 of 1 signatures made").await;
        page.find("link", "Sign on the page").await;
        page.picture("sandbox-overview").await;
        page.client.set_window_size(500, 900).await.unwrap();
        page.picture_as_it_is("sandbox-overview-phone").await;

        let effect = page.labelled("What happens").await;
        effect.select_by_value("503").await.unwrap();
        page.find("button", "Plan it").await.click().await.unwrap();
        page.says("Drop them all").await;
        page.find("button", "Drop them all").await.click().await.unwrap();

        page.find("button", "Sign here at once").await.click().await.unwrap();
        page.says("1 of 1 signatures made").await;
        page.find("button", "31 days later").await.click().await.unwrap();
        page.says("It is").await;
    })
    .await;
}
