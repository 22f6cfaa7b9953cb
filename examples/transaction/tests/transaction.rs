//! The program as a process, the sandbox as Singpass, and a browser that knows no more than HTTP and what the script does.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use esign::KeyAlgorithm;
use esign::secrecy::ExposeSecret;
use esign::txn::LocalKey;
use esign_sandbox::txn::{Client, ClientKeys, Forgery, SessionStatus};
use esign_sandbox::{Effect, Fault, Sandbox};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

/// The program beside a sandbox that knows it.
struct Stage {
    sandbox: Sandbox,
    program: Child,
    url: String,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let sandbox = Sandbox::builder().start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = LocalKey::generate(KeyAlgorithm::Es256, None).unwrap().to_pem().unwrap();
        std::fs::write(folder.path().join("key.pem"), key.expose_secret()).unwrap();
        let (program, url) = start(folder.path(), sandbox.base_url().as_str());
        let client = Client {
            client_id: "transaction".to_owned(),
            keys: ClientKeys::Url(format!("{url}/jwks.json").parse().unwrap()),
            redirect_uri: format!("{url}/approved"),
            origins: Vec::new(),
        };
        sandbox.txn().register(client).unwrap();
        Self { sandbox, program, url, folder }
    }

    /// A new visitor.
    #[allow(clippy::disallowed_methods, reason = "a browser")]
    fn browser(&self) -> Browser<'_> {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Browser { stage: self, http: http.build().unwrap(), cookie: Mutex::default() }
    }

    /// What was kept of approved payments.
    fn evidence(&self) -> Vec<Value> {
        let files = std::fs::read_dir(self.folder.path().join("approved")).unwrap();
        files
            .map(|file| serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap())
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Its own address is in its configuration, so it has to be chosen before; somebody else may take it first.
fn start(folder: &Path, sandbox: &str) -> (Child, String) {
    for _ in 0..10 {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = include_str!("../esign.toml")
            .replace("http://127.0.0.1:8080/", sandbox)
            .replace("127.0.0.1:4000", &address.to_string());
        std::fs::write(folder.join("esign.toml"), config).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_transaction"))
            .args(["--listen", &address.to_string()])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        if let Some(url) = lines.next().and_then(|line| line.strip_prefix("listening on ").map(str::to_owned))
        {
            std::thread::spawn(move || lines.for_each(drop)); // so that it never waits for a reader
            return (program, url);
        }
        program.wait().unwrap();
    }
    panic!("no address was free, or the program does not start");
}

struct Browser<'a> {
    stage: &'a Stage,
    http: reqwest::Client,
    cookie: Mutex<Option<String>>,
}

/// What the browser shows at last.
struct Shown {
    status: StatusCode,
    url: String,
    page: String,
}

impl Browser<'_> {
    /// Follows redirects and keeps the cookie.
    async fn go(&self, mut request: RequestBuilder) -> Shown {
        loop {
            let answer = self.send(request).await;
            let url = answer.url().clone();
            match answer.headers().get("location") {
                Some(to) => request = self.http.get(url.join(to.to_str().unwrap()).unwrap()),
                None => {
                    let (status, url) = (answer.status(), url.to_string());
                    return Shown { status, url, page: answer.text().await.unwrap() };
                }
            }
        }
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        let cookie = self.cookie.lock().unwrap().clone();
        let request = cookie.into_iter().fold(request, |request, cookie| request.header("cookie", cookie));
        let answer = request.send().await.unwrap();
        if let Some(set) = answer.headers().get("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
            *self.cookie.lock().unwrap() = set.split(';').next().map(str::to_owned);
        }
        answer
    }

    async fn get(&self, url: &str) -> (StatusCode, String) {
        let shown = self.go(self.http.get(url)).await;
        (shown.status, shown.page)
    }

    /// Fills the form in.
    async fn fill(&self, amount: &str, account: &str) -> Shown {
        let form = [("amount", amount), ("account", account)];
        self.go(self.http.post(format!("{}/payments", self.stage.url)).form(&form)).await
    }

    /// Returns the address of a new payment.
    async fn order(&self) -> String {
        let shown = self.fill("10.00", "123-45678-5678").await;
        assert_eq!(shown.status, StatusCode::OK);
        let page = shown.page;
        assert!(page.contains("Transfer SGD 10.00 to account ****5678") && !page.contains("45678"), "{page}");
        shown.url
    }

    async fn supply(&self, payment: &str) -> Response {
        self.send(self.http.post(format!("{payment}/supply"))).await
    }

    /// What the script in the page does: asks for values and opens a session with them. Returns the session's id.
    async fn open(&self, payment: &str) -> String {
        let params = self.supply(payment).await;
        assert_eq!(params.status(), StatusCode::OK);
        let mut params: Value = params.json().await.unwrap();
        params["clientId"] = json!("transaction");
        params["redirectUri"] = json!(format!("{}/approved", self.stage.url));
        let sessions = self.stage.sandbox.base_url().join("api/v1/txn-signing-sessions").unwrap();
        let request = self.http.post(sessions).header("origin", &self.stage.url).json(&params);
        let opened = request.send().await.unwrap();
        assert_eq!(opened.status(), StatusCode::OK, "{}", opened.text().await.unwrap());
        opened.json::<Value>().await.unwrap()["session_id"].as_str().unwrap().to_owned()
    }

    /// A payment that is approved on the phone. Returns its address, and where the browser is sent.
    async fn approved(&self) -> (String, String) {
        let payment = self.order().await;
        let back = self.stage.sandbox.txn().approve(&self.open(&payment).await, None).unwrap();
        (payment, back)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_approved_once_and_what_proves_it_is_kept() {
    let stage = Stage::new().await;
    let browser = stage.browser();
    let (payment, back) = browser.approved().await;
    let (status, page) = browser.get(&back).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Your payment is approved"), "{page}");
    assert!(page.contains(&stage.sandbox.txn().anybody()));
    let evidence = stage.evidence();
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0]["token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!(evidence[0]["verified_with"]["kty"], "EC");

    // The return again, and the page again.
    let (status, page) = browser.get(&back).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(page.contains("This does not approve anything"), "{page}");
    assert_eq!(stage.sandbox.call_count("txn.exchange"), 1);
    assert!(browser.get(&payment).await.1.contains("Your payment is approved"));
    assert_eq!(browser.supply(&payment).await.status(), StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_is_good_for_the_browser_that_it_was_issued_to() {
    let stage = Stage::new().await;
    let (browser, other) = (stage.browser(), stage.browser());
    let (payment, back) = browser.approved().await;
    other.order().await;
    let altered = |name: &str, value: Option<&str>| {
        let mut url = Url::parse(&back).unwrap();
        let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
        url.to_string()
    };
    for (visitor, url) in [
        (&browser, altered("state", None)),
        (&browser, altered("state", Some(""))),
        (&browser, altered("state", Some(&"a".repeat(64)))),
        (&browser, altered("code", None)),
        (&stage.browser(), back.clone()),
    ] {
        assert_eq!(visitor.get(&url).await.0, StatusCode::FORBIDDEN, "{url}");
    }
    assert_eq!(other.get(&payment).await.0, StatusCode::NOT_FOUND);
    assert_eq!(other.supply(&payment).await.status(), StatusCode::NOT_FOUND);
    // Another visitor's attempt uses the state up: the person has to approve once more.
    assert_eq!(other.get(&back).await.0, StatusCode::FORBIDDEN);
    assert_eq!(browser.get(&back).await.0, StatusCode::FORBIDDEN);
    assert_eq!(stage.sandbox.call_count("txn.exchange"), 0);
    let back = stage.sandbox.txn().approve(&browser.open(&payment).await, None).unwrap();
    assert_eq!(browser.get(&back).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_approved_by_an_answer_that_is_wrong_lost_or_missing() {
    let stage = Stage::new().await;
    let browser = stage.browser();
    for forgery in
        [Forgery::BadSignature, Forgery::AlgNone, Forgery::WrongNonce, Forgery::WrongHash, Forgery::Expired]
    {
        let (payment, back) = browser.approved().await;
        stage.sandbox.txn().forge_next(forgery);
        assert!(browser.get(&back).await.0.as_u16() >= 400, "{forgery:?}");
        assert!(!browser.get(&payment).await.1.contains("is approved"), "{forgery:?}");
    }
    let (payment, back) = browser.approved().await;
    stage.sandbox.inject(Fault::on("txn.exchange", Effect::Close).after_commit()).unwrap();
    let (status, page) = browser.get(&back).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(page.contains("approve the payment once more"), "{page}");
    assert!(stage.evidence().is_empty());

    // The same payment, by another session.
    let session = browser.open(&payment).await;
    let back = stage.sandbox.txn().approve(&session, None).unwrap();
    stage.sandbox.inject(Fault::on("txn.exchange", Effect::too_many_requests(None)).times(8)).unwrap();
    let (status, _) = browser.get(&back).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stage.sandbox.txn().session(&session).unwrap().status, SessionStatus::Authorised);
    // The same address, tried again: each call tries several times by itself.
    loop {
        match browser.get(&back).await.0 {
            StatusCode::OK => break,
            other => assert_eq!(other, StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    assert!(stage.sandbox.planned_faults().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_supplier_gives_new_values_however_often_it_is_called() {
    let stage = Stage::new().await;
    let browser = stage.browser();
    let payment = browser.order().await;
    let mut supplied = Vec::new();
    let calls = (0..10).map(|_| browser.supply(&payment));
    for answer in futures_util::future::join_all(calls).await {
        supplied.push(answer.json::<Value>().await.unwrap());
    }
    let mut values: Vec<_> =
        supplied.iter().flat_map(|one| [&one["state"], &one["nonce"], &one["txnInfo"]]).collect();
    values.sort_by_key(ToString::to_string);
    values.dedup();
    assert_eq!(values.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_payment_is_told() {
    let stage = Stage::new().await;
    let browser = stage.browser();
    for (amount, account) in [("ten", "123456"), ("10", "<b>\"")] {
        let Shown { status, page, .. } = browser.fill(amount, account).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("This is no payment") && !page.contains("<b>"), "{page}");
    }
    assert_eq!(browser.get(&format!("{}/payments/PAY-1", stage.url)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(browser.get(&format!("{}/approved", stage.url)).await.0, StatusCode::FORBIDDEN);
}
