//! The sandbox's `ndi_txn_sign.js` in a page that knows nothing but Singpass's documentation, under the documented content
//! security policy.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::harness::{Page, browse};
use crate::programs::Sandbox;

const NO_PHONE: &str = "No phone? Open the simulated app";

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn a_strangers_page_uses_the_script_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(folder.path());
    let url = serve(&sandbox.url);
    browse(async |page| {
        open(page, &url, &sandbox).await;
        checks_before_anything_is_sent(page, &sandbox).await;
        what_on_error_is_told(page, &sandbox).await;
        cancelling_is_the_end(page, &sandbox).await;
        options_change_what_is_drawn(page, &sandbox).await;
        approving_leads_back(page, &url).await;
    })
    .await;
}

async fn checks_before_anything_is_sent(page: &Page, sandbox: &Sandbox) {
    for call in [
        "window.NDI.initTxnSigning('ndi-qr', {}, supplier, onError)",
        "window.NDI.initTxnSigning('ndi-qr', undefined, supplier, onError)",
        "window.NDI.initTxnSigning('ndi-qr', { clientId: 'a' }, supplier, onError)",
        "window.NDI.initTxnSigning('ndi-qr', { clientId: '', redirectUri: 'https://a/' }, supplier, onError)",
        "window.NDI.initTxnSigning('ndi-qr', { clientId: 'a', redirectUri: '/back' }, supplier, onError)",
        "window.NDI.initTxnSigning('ndi-qr', client, undefined, onError)",
        "window.NDI.initTxnSigning('ndi-qr', client, supplier, 'onError')",
        "init(supplier, 'options')",
        "init(supplier, { renderDownloadLink: 7 })",
        "init(supplier, { appLaunchUrl: true })",
        "init(supplier, { appLaunchUrl: 'myapp://open' })",
    ] {
        clear(page).await;
        assert_eq!(run(page, call).await, "FAILED", "{call}");
        page.says("Please choose another way").await;
    }
    clear(page).await;
    for call in
        ["window.NDI.initTxnSigning('nowhere', client, supplier, onError)", "window.NDI.initTxnSigning()"]
    {
        assert_eq!(run(page, call).await, "FAILED", "{call}");
    }
    assert_eq!(run(page, "document.getElementById('ndi-qr').textContent").await, "");

    let unsupported = "(() => { const { fetch } = window; window.fetch = undefined; const result = init(); \
                       window.fetch = fetch; return result; })()";
    assert_eq!(run(page, unsupported).await, "NO_OP");
    page.says("This browser is not supported").await;
    assert_eq!(run(page, "told.length + made.length").await, 0);
    assert_eq!(sessions(sandbox).len(), 0);
}

async fn what_on_error_is_told(page: &Page, sandbox: &Sandbox) {
    let status = |status: u16, operation: &str| {
        let effect = json!({ "answer": { "status": status, "body": "<html>" } });
        sandbox.control("POST", "faults", &json!({ "operation": operation, "effect": effect }));
    };
    let off = |off: bool| {
        sandbox.control("PATCH", "txn/settings", &json!({ "switched_off": off }));
    };
    // What the page supplies, what goes wrong, what is told, what is seen.
    let bad_state = "async () => ({ ...await supplier(), state: 'a b' })";
    let reused = "async () => ({ ...await supplier(), nonce: 'always' })";
    for (supply, message, heading, code) in [
        (bad_state, "invalid_request", "Something went wrong", "Error code: 400"),
        ("async () => undefined", "invalid_request", "Something went wrong", "Error code: 400"),
        ("async () => { throw new Error('no network') }", "txn_signing_fail", "Something went wrong", ""),
        ("() => { throw new Error('at once') }", "txn_signing_fail", "Something went wrong", ""),
        ("supplier", "service_unavailable", "Transaction signing is not available", "Error code: 503"),
        ("supplier", "txn_signing_fail", "Something went wrong", "Error code: 500"),
        ("supplier", "status_subscription_fail", "Something went wrong", "Error code: 502"),
        ("supplier", "sign_session_expired", "Your session has expired", "Reference: "),
        (reused, "invalid_request", "Something went wrong", "Error code: 400"),
    ] {
        let before = told(page).await.len();
        match (message, code) {
            ("service_unavailable", _) => off(true),
            ("txn_signing_fail", "Error code: 500") => status(500, "txn.session"),
            ("status_subscription_fail", _) => status(502, "txn.status"),
            _ => {}
        }
        if supply == reused {
            assert_eq!(run(page, &format!("init({supply})")).await, "SUCCESSFUL");
            page.find("link", NO_PHONE).await;
        }
        assert_eq!(run(page, &format!("init({supply})")).await, "SUCCESSFUL");
        if message == "sign_session_expired" {
            page.find("link", NO_PHONE).await;
            sandbox.control("POST", &format!("txn/sessions/{}/expire", last(sandbox)), &json!({}));
        }
        page.find("button", "Try again").await;
        page.says(heading).await;
        page.says(code).await;
        let told = told(page).await;
        assert_eq!(told.len(), before + 1, "{supply}: {message}");
        assert_eq!(told[before][1], message, "{supply}");
        let has_id = ["invalid_request", "service_unavailable", "sign_session_expired"].contains(&message);
        assert_eq!(told[before][0] != "", has_id, "{message}: {}", told[before]);
        off(false);
    }

    // The button of the error screen asks for new values and goes on; with the keyboard too.
    sandbox.control("DELETE", "faults", &Value::Null);
    assert_eq!(run(page, "init()").await, "SUCCESSFUL");
    page.find("link", NO_PHONE).await;
    sandbox.control("POST", &format!("txn/sessions/{}/expire", last(sandbox)), &json!({}));
    let retry = page.find("button", "Try again").await;
    page.client.execute("arguments[0].focus()", vec![serde_json::to_value(&retry).unwrap()]).await.unwrap();
    let made = run(page, "made.length").await.as_u64().unwrap();
    page.press(Key::Enter).await;
    page.find("link", NO_PHONE).await;
    assert_eq!(run(page, "made.length").await, made + 1);
    let values = "new Set(made.slice(-2).flatMap((one) => [one.state, one.nonce, one.txnInfo])).size";
    assert_eq!(run(page, values).await, 6);
}

async fn cancelling_is_the_end(page: &Page, sandbox: &Sandbox) {
    let before = told(page).await.len();
    assert_eq!(run(page, "init()").await, "SUCCESSFUL");
    page.find("link", NO_PHONE).await;
    assert_eq!(run(page, "window.NDI.cancelTxnSigningSession()").await, Value::Null);
    page.says("The transaction has been cancelled").await;
    assert_eq!(told(page).await[before..], [json!(["", "txn_signing_cancelled"])]);
    // What happens on the phone changes nothing any more; nor does another cancel.
    let address = page.address().await;
    sandbox.control("POST", &format!("txn/sessions/{}/approve", last(sandbox)), &json!({}));
    run(page, "window.NDI.cancelTxnSigningSession()").await;
    page.says("The transaction has been cancelled").await;
    assert_eq!((told(page).await.len(), page.address().await), (before + 1, address));
}

async fn options_change_what_is_drawn(page: &Page, sandbox: &Sandbox) {
    let size = "(() => { const box = document.querySelector('.ndi-sandbox').getBoundingClientRect(); \
                return [box.width, box.height]; })()";
    assert_eq!(run(page, "init()").await, "SUCCESSFUL");
    page.find("image", "QR code for the Singpass app").await;
    assert_eq!(run(page, size).await, json!([298, 367]));
    page.screenshot("txn-script").await;
    for link in ["true", "'true'"] {
        assert_eq!(
            run(page, &format!("init(supplier, {{ renderDownloadLink: {link} }})")).await,
            "SUCCESSFUL"
        );
        page.find("link", NO_PHONE).await;
        let download = page.find("link", "Download the Singpass app").await;
        assert_eq!(download.attr("target").await.unwrap().as_deref(), Some("_blank"));
        assert_eq!(run(page, size).await, json!([298, 416]));
    }
    let app = "https://stranger.example/app";
    assert_eq!(run(page, &format!("init(supplier, {{ appLaunchUrl: '{app}' }})")).await, "SUCCESSFUL");
    let link = page.find("link", NO_PHONE).await;
    let phone = link.attr("href").await.unwrap().unwrap();
    assert_eq!(sandbox.post(&phone, "decision=approve"), Some(app.to_owned()));
}

async fn approving_leads_back(page: &Page, url: &str) {
    page.says("You are back.").await;
    page.open(url).await;
    page.find("heading", "Stranger").await;
}

/// Loads the page anew, and registers its key.
async fn open(page: &Page, url: &str, sandbox: &Sandbox) {
    page.open(url).await;
    let jwk = page
        .client
        .execute_async("const done = arguments[0]; jwk().then((key) => done(key));", Vec::new())
        .await
        .unwrap();
    let client =
        json!({ "client_id": "stranger", "jwks": { "keys": [jwk] }, "redirect_uri": format!("{url}/back") });
    sandbox.control("POST", "txn/clients", &client);
}

async fn run(page: &Page, expression: &str) -> Value {
    page.client.execute(&format!("return {expression};"), Vec::new()).await.unwrap()
}

async fn clear(page: &Page) {
    run(page, "document.getElementById('ndi-qr').replaceChildren()").await;
}

async fn told(page: &Page) -> Vec<Value> {
    run(page, "told").await.as_array().unwrap().clone()
}

fn sessions(sandbox: &Sandbox) -> Vec<Value> {
    let state: Value = serde_json::from_str(&sandbox.control("GET", "txn", &Value::Null)).unwrap();
    state["sessions"].as_array().unwrap().clone()
}

fn last(sandbox: &Sandbox) -> String {
    sessions(sandbox).last().unwrap()["session_id"].as_str().unwrap().to_owned()
}

/// The stranger's server: a page, its script, and the address to come back to. Returns its own address.
fn serve(sandbox: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sandbox = sandbox.trim_end_matches('/').to_owned();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &sandbox)));
    url
}

fn answer(mut stream: TcpStream, sandbox: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (kind, body) = match path.split('?').next() {
        Some("/") => (
            "text/html",
            format!(
                "<!doctype html><html lang=\"en\"><title>Stranger</title><h1>Stranger</h1><div id=\"ndi-qr\"></div>\
                 <script src=\"{sandbox}/static/ndi_txn_sign.js\"></script><script src=\"/stranger.js\"></script></html>"
            ),
        ),
        Some("/stranger.js") => ("text/javascript", include_str!("stranger.js").to_owned()),
        Some("/back") => (
            "text/html",
            "<!doctype html><html lang=\"en\"><title>Back</title><p>You are back.</p></html>".to_owned(),
        ),
        _ => ("text/plain", String::new()),
    };
    // As documented, with the sandbox in the place of https://*.singpass.gov.sg.
    let policy = format!(
        "default-src 'none'; script-src 'self' {sandbox}; connect-src {sandbox}; style-src {sandbox}; \
         img-src {sandbox} data:; font-src https://fonts.gstatic.com"
    );
    let head = format!("Content-Type: {kind}\r\nContent-Security-Policy: {policy}\r\nConnection: close\r\n");
    // A browser that has gone away needs no answer.
    let _ = write!(stream, "HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len());
}
