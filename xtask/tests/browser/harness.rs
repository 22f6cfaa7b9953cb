//! Headless Chromium behind a handful of verbs.
//!
//! Elements are found as assistive technology finds them, by role and accessible name, so that a page which passes can
//! also be used without a mouse or a screen. Finding waits until the element is there, up to [`PATIENCE`].

use std::fmt::Debug;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

/// How long a page may take to show what is looked for. Only a limit: nothing waits once it is there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Elements that can have a role and a name worth looking for.
const NAMED: &str = "a, button, input, select, textarea, summary, img, dialog, table, h1, h2, h3, h4, [role]";

/// Chromium as it must be started in a container, as root, without calling home.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en",
    "--window-size=1280,900",
    "--force-device-scale-factor=1",
];

/// Runs one scenario in a browser of its own, which is gone afterwards whether the scenario passed or panicked.
pub(crate) async fn browse(scenario: impl AsyncFnOnce(&Page)) {
    let profile = tempfile::tempdir().unwrap();
    let mut driver = Driver::start();
    let flags = FLAGS.iter().map(|flag| (*flag).to_owned());
    let flags: Vec<_> = flags.chain([format!("--user-data-dir={}", profile.path().display())]).collect();
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": flags }));
    let connector = hyper_util::client::legacy::connect::HttpConnector::new();
    let client =
        ClientBuilder::new(connector).capabilities(capabilities).connect(&driver.address).await.unwrap();
    let page = Page { client: client.clone() };
    let result = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(scenario(&page))).await;
    if result.is_err() {
        page.screenshot("failed").await;
    }
    client.close().await.unwrap();
    driver.stop();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// The one tab of a browser.
pub(crate) struct Page {
    /// For what has no verb here.
    pub(crate) client: Client,
}

impl Page {
    /// Goes to an address and waits until the page is loaded.
    pub(crate) async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// The address of the page.
    pub(crate) async fn address(&self) -> String {
        self.client.current_url().await.unwrap().into()
    }

    /// The first element with this ARIA role and exactly this accessible name.
    pub(crate) async fn find(&self, role: &str, name: &str) -> Element {
        self.wait(&format!("{role} `{name}`"), async |element| {
            self.computed(element, "computedlabel").await == name
                && self.computed(element, "computedrole").await == role
        })
        .await
    }

    /// The first form control with exactly this accessible name.
    pub(crate) async fn labelled(&self, name: &str) -> Element {
        self.wait(&format!("control labelled `{name}`"), async |element| {
            let control = ["input", "select", "textarea"]
                .contains(&element.tag_name().await.unwrap_or_default().as_str());
            control && self.computed(element, "computedlabel").await == name
        })
        .await
    }

    /// The first element that a CSS selector matches.
    pub(crate) async fn css(&self, selector: &str) -> Element {
        self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await.unwrap()
    }

    /// Waits until the page's visible text contains `text`.
    pub(crate) async fn says(&self, text: &str) {
        let body = Locator::Css("body");
        let mut seen = String::new();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Ok(element) = self.client.find(body).await {
                    seen = element.text().await.unwrap_or_default();
                }
                if seen.contains(text) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
        if found.await.is_err() {
            panic!("the page never said `{text}`; it says: {seen}");
        }
    }

    /// Presses and releases a key where the focus is.
    pub(crate) async fn press(&self, key: Key) {
        let value = char::from(key);
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Writes what the page looks like to a PNG in the build's folder for tests, and returns its path.
    pub(crate) async fn screenshot(&self, name: &str) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}.png"));
        std::fs::write(&path, self.client.screenshot().await.unwrap()).unwrap();
        println!("screenshot: {}", path.display());
        path
    }

    /// A picture that a page of documentation shows (`docs/screenshots/NAME.png`). It must be there; it is taken anew only
    /// where `ESIGN_SCREENSHOTS` is set, because no two browsers draw the same.
    pub(crate) async fn picture(&self, name: &str) {
        self.client.set_window_size(960, 640).await.unwrap();
        self.picture_as_it_is(name).await;
    }

    /// The same at the window's present size.
    pub(crate) async fn picture_as_it_is(&self, name: &str) {
        let fresh = self.screenshot(name).await;
        let kept = xtask::repository::root().join("docs/screenshots").join(format!("{name}.png"));
        if std::env::var_os("ESIGN_SCREENSHOTS").is_some() {
            std::fs::copy(fresh, &kept).unwrap();
        }
        assert!(kept.is_file(), "{} is missing: run this test with ESIGN_SCREENSHOTS=1", kept.display());
    }

    async fn wait(&self, what: &str, matches: impl AsyncFn(&Element) -> bool) -> Element {
        let search = async {
            loop {
                for element in self.client.find_all(Locator::Css(NAMED)).await.unwrap_or_default() {
                    if matches(&element).await {
                        return element;
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(element) => element,
            Err(_) => panic!("the page never showed a {what}"),
        }
    }

    /// An accessibility property; empty when the element has gone meanwhile.
    async fn computed(&self, element: &Element, property: &'static str) -> String {
        let answer =
            self.client.issue_cmd(Computed { element: element.element_id().to_string(), property }).await;
        answer.ok().and_then(|value: Value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// `computedrole` and `computedlabel` of WebDriver (section "Get Computed Role"), which fantoccini does not name.
#[derive(Debug)]
struct Computed {
    element: String,
    property: &'static str,
}

impl WebDriverCompatibleCommand for Computed {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/element/{}/{}",
            session.unwrap_or_default(),
            self.element,
            self.property
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::GET, None)
    }
}

/// A running chromedriver.
struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    /// Lets the driver choose its port and reads it from its first lines.
    fn start() -> Self {
        let program = std::env::var_os("ESIGN_CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut process = Command::new(program).arg("--port=0").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop)); // so that it never waits for a reader
        Self { process, address: format!("http://127.0.0.1:{}", port.expect("chromedriver names its port")) }
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
