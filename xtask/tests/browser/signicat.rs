//! The simulated Signicat's signer pages, from the invitation in the mailbox to the rejection of another task.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use fantoccini::key::Key;
use serde_json::{Value, json};
use url::Url;
use xtask::generated::esign_binary;

use crate::harness::browse;

#[tokio::test]
#[ignore = "needs chromium and chromedriver: run .ci/run"]
async fn a_person_follows_the_invitation_reads_and_signs() {
    let sandbox = Sandbox::start();
    let token = sandbox.token();
    let document = sandbox.call("/enterprise/sign/documents", &token, "text/plain", b"The first clause.\n");
    let task = |id: &str| {
        json!({
            "id": id, "dialog": { "title": "Your agreement", "message": "Please read it first." },
            "documents": [
                { "id": "terms", "description": "Terms", "action": "VIEW", "source": "SESSION", "documentRef": document["documentId"] },
                { "id": "doc", "description": "Agreement", "action": "SIGN", "source": "SESSION", "documentRef": document["documentId"] },
            ],
            "signatureMethods": [{ "name": "nbid-sign", "type": "SIGNED_STATEMENT" }],
            "notifications": [{
                "id": "n", "type": "EMAIL", "recipient": "ada@rp.example", "header": format!("Please sign {id}"),
                "message": "Sign here: ${taskUrl}", "schedule": [{ "triggerStatus": "CREATED" }],
            }],
        })
    };
    let order = json!({ "tasks": [task("one"), task("two")] });
    let order =
        sandbox.call("/enterprise/sign/orders", &token, "application/json", order.to_string().as_bytes());

    browse(async |page| {
        page.open(&format!("{}mailbox", sandbox.base)).await;
        page.find("link", "Open: Please sign one").await.click().await.unwrap();
        page.says("Please read it first").await;
        page.labelled("Your full name").await.send_keys("Ada Lovelace").await.unwrap();
        page.press(Key::Enter).await;
        page.says("Every document to view must be viewed first").await;
        page.find("button", "I have read Terms").await.click().await.unwrap();
        page.says("Viewed").await;
        page.picture("signicat-signer").await;
        page.find("button", "Sign").await.click().await.unwrap();
        page.says("You may close this page").await;
        page.screenshot("signicat-done").await;

        page.open(order["tasks"][1]["signingUrl"].as_str().unwrap()).await;
        page.labelled("Your full name").await.send_keys("Ada Lovelace").await.unwrap();
        page.press(Key::Enter).await;
        page.find("button", "Reject").await.click().await.unwrap();
        page.says("Rejected").await;
    })
    .await;

    for (task, expected) in [("one", "COMPLETED"), ("two", "REJECTED")] {
        let path = format!("/enterprise/sign/orders/{}/tasks/{task}/status", order["id"].as_str().unwrap());
        assert_eq!(sandbox.call(&path, &token, "", b"")["taskStatus"], expected);
    }
}

/// A sandbox, and as much of HTTP as is needed to call it.
struct Sandbox {
    process: Child,
    base: Url,
}

impl Sandbox {
    fn start() -> Self {
        let mut command = Command::new(esign_binary().unwrap());
        command.args([
            "sandbox",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--signicat-client",
            "browser:se:cret",
        ]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        Self { process, base: ready["base_url"].as_str().unwrap().parse().unwrap() }
    }

    fn token(&self) -> String {
        let form =
            "grant_type=client_credentials&scope=signicat-api&client_id=browser&client_secret=se%3Acret";
        let kind = "application/x-www-form-urlencoded";
        let answer = self.call("/auth/open/connect/token", "", kind, form.as_bytes());
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// POST with a body, GET without one.
    fn call(&self, path: &str, token: &str, kind: &str, body: &[u8]) -> Value {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let host = &self.base[url::Position::BeforeHost..url::Position::AfterPort];
        let authorization =
            if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\n{authorization}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut socket = TcpStream::connect(host).unwrap();
        socket.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{path}: {answer}"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
