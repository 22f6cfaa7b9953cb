//! The page of `esign place`, used with the keyboard alone and with the mouse.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::key::Key;
use serde_json::Value;
use xtask::generated::esign_binary;

use crate::harness::{Page, browse};

/// A configuration without secrets that exist: the page sends nothing.
const CONFIG: &str = r#"
[providers.singpass-test]
kind = "singpass"
environment = "staging"
client_id = "client"
signing_key = { file = "key.pem" }
[providers.signify-test]
kind = "signify"
environment = "staging"
api_key = { env = "SIGNIFY_API_KEY" }
placement_origin = "top-left"
"#;

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn a_box_is_placed_with_the_keyboard_alone_and_with_the_mouse() {
    let folder = tempfile::tempdir().unwrap();
    esign(folder.path(), &["keygen", "--out", "key.pem"]);
    esign(folder.path(), &["demo", "--provider", "signify", "--out", "demo"]);
    std::fs::write(folder.path().join("esign.toml"), CONFIG).unwrap();
    let (_served, url) = Served::start(folder.path(), "demo/agreement.pdf");

    browse(async |page| {
        page.open(&url).await;
        page.find("heading", "Place a signature").await;
        page.says("x = 36, y = 36").await;
        page.says("Page 1 of").await;

        tab_to_box(page).await;
        press(page, &[], Key::Right, 4).await;
        press(page, &[Key::Control], Key::Up, 2).await;
        page.says("page = 1, x = 40, y = 56, unit = \"points\"").await;
        page.says("--at 1,40,56,points,bottom-left,bottom-left").await;
        page.says("native = { kind = \"singpass\", page = 1, x = \"0.0671\"").await;
        page.says("native = { kind = \"signify\", page = 1").await;

        press(page, &[], Key::PageDown, 1).await;
        page.says("page = 2, x = 40, y = 56").await;
        press(page, &[], Key::Right, 22).await;
        press(page, &[Key::Control], Key::Up, 53).await;
        page.says("page = 2, x = 62, y = 586").await;
        assert_eq!(page.css("#picture").await.attr("alt").await.unwrap().unwrap(), "page 2 of 2");
        page.css("#sheet[data-shown='2']").await;
        page.client.execute("scrollTo(0, 0)", Vec::new()).await.unwrap();
        page.screenshot("place").await;

        // Both providers draw boxes of one size only, and say so.
        press(page, &[Key::Shift], Key::Right, 1).await;
        page.says("size = { width = 221.5, height = 60 }").await;
        page.says("refused: the box is always 220.5 x 60 points").await;
        page.find("button", "Usual size").await.click().await.unwrap();
        page.says("unit = \"points\", origin = \"bottom-left\", corner = \"bottom-left\" }").await;

        let from = page.labelled("From the left").await;
        from.send_keys(&(Key::Control + "a")).await.unwrap();
        from.send_keys("100").await.unwrap();
        page.press(Key::Enter).await;
        page.says("x = 100, y = 586").await;

        drag(page, 60).await;
        let toml = page.css("#toml").await.text().await.unwrap();
        let x: f64 = toml.split("x = ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        assert!(x > 120.0, "the mouse moved the box to the right: {toml}");
        page.find("button", "Copy TOML").await.click().await.unwrap();
        let told = page.css("#copied").await;
        assert!(!told.text().await.unwrap().is_empty());

        // Nothing comes from elsewhere, and nothing broke a rule of the page's own policy.
        let hosts = page.client.execute(
            "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).host)",
            Vec::new(),
        );
        let own = url.split('/').nth(2).unwrap();
        assert!(hosts.await.unwrap().as_array().unwrap().iter().all(|host| host == own));
    })
    .await;
}

async fn tab_to_box(page: &Page) {
    for _ in 0..10 {
        page.press(Key::Tab).await;
        let focused = page.client.active_element().await.unwrap();
        if focused.attr("id").await.unwrap().as_deref() == Some("box") {
            return;
        }
    }
    panic!("the box is not reached with Tab");
}

async fn press(page: &Page, held: &[Key], key: Key, times: usize) {
    let mut keys = KeyActions::new("keys".to_owned());
    for key in held {
        keys = keys.then(KeyAction::Down { value: (*key).into() });
    }
    for _ in 0..times {
        keys = keys.then(KeyAction::Down { value: key.into() }).then(KeyAction::Up { value: key.into() });
    }
    for key in held {
        keys = keys.then(KeyAction::Up { value: (*key).into() });
    }
    page.client.perform_actions(keys).await.unwrap();
}

/// Drags the box to the right by this many pixels.
async fn drag(page: &Page, right: i64) {
    let asked = page.css("body").await.attr("data-answered").await.unwrap();
    let element = page.css("#box").await;
    let script = "document.getElementById('box').scrollIntoView({ block: 'center' })";
    page.client.execute(script, Vec::new()).await.unwrap();
    let move_to = |x| PointerAction::MoveToElement { element: element.clone(), duration: None, x, y: 0.0 };
    let mouse = MouseActions::new("mouse".to_owned())
        .then(move_to(0.0))
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
        .then(PointerAction::MoveBy { duration: None, x: right as f64, y: 0.0 })
        .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    page.client.perform_actions(mouse).await.unwrap();
    page.css(&format!("body:not([data-answered='{}'])", asked.unwrap_or_default())).await;
}

fn esign(folder: &Path, words: &[&str]) {
    let output = command(folder).args(words).output().unwrap();
    assert!(output.status.success(), "esign {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(esign_binary().unwrap());
    command.current_dir(folder).env("SIGNIFY_API_KEY", "browser_key").env_remove("ESIGN_CONFIG");
    command
}

/// `esign place`, until it is dropped.
struct Served(Child);

impl Served {
    fn start(folder: &Path, file: &str) -> (Self, String) {
        let mut command = command(folder);
        command.args(["place", file, "--json"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        (Self(process), ready["url"].as_str().unwrap().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
