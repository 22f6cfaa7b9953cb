//! The programs under test, each as a process in a folder of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use xtask::generated::{built, esign_binary};

pub(crate) const KEY: &str = "browser_key";

/// Runs the command in the folder and expects it to go well.
pub(crate) fn esign(folder: &Path, words: &[&str]) {
    let mut command = Command::new(esign_binary().unwrap());
    let output = command.args(words).current_dir(folder).env("SIGNIFY_API_KEY", KEY).output().unwrap();
    assert!(output.status.success(), "esign {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A sandbox, with `sandbox.toml` for it in the folder.
pub(crate) struct Sandbox {
    _process: Process,
    pub(crate) url: String,
}

impl Sandbox {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = Command::new(esign_binary().unwrap());
        command.args(["sandbox", "--json", "--listen", "127.0.0.1:0", "--write-config", "sandbox.toml"]);
        command.args(["--signify-key", KEY]).current_dir(folder).stderr(Stdio::null());
        let (process, line) = Process::start(&mut command);
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { _process: process, url: ready["base_url"].as_str().unwrap().to_owned() }
    }

    /// One request to the control API, which must go well. Returns the body.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> String {
        let (head, body) =
            self.call(method, &format!("/_sandbox/{path}"), "application/json", &body.to_string());
        assert!(head.contains(" 20"), "{method} {path}: {head} {body}");
        body
    }

    /// Sends a form to an address of the sandbox, as a script does. Returns where it leads.
    pub(crate) fn post(&self, address: &str, form: &str) -> Option<String> {
        let path = address.strip_prefix(self.url.trim_end_matches('/')).unwrap();
        let (head, _) = self.call("POST", path, "application/x-www-form-urlencoded", form);
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        let location = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
        location.map(|(_, value)| value.to_owned())
    }

    /// One request. Returns the answer's head and body.
    fn call(&self, method: &str, path: &str, kind: &str, body: &str) -> (String, String) {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: {kind}\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

/// The example application, with the sandbox as its Singpass.
pub(crate) struct WebhookServer {
    _process: Process,
    pub(crate) url: String,
}

impl WebhookServer {
    /// Copies the example into the folder: two places to sign at instead of one, and this sandbox's addresses.
    pub(crate) fn prepare(folder: &Path, sandbox: &Sandbox) {
        let example = xtask::repository::root().join("examples/webhook-server");
        let read = |name| std::fs::read_to_string(example.join(name)).unwrap();
        let one = "    { page = 2, x = 62, y = 585,";
        let two = format!(
            "    {{ page = 2, x = 62, y = 440,{}\n{one}",
            read("agreement.toml").split_once(one).unwrap().1.lines().next().unwrap()
        );
        std::fs::copy(example.join("agreement.pdf"), folder.join("agreement.pdf")).unwrap();
        std::fs::write(folder.join("agreement.toml"), read("agreement.toml").replace(one, &two)).unwrap();
        let config = read("esign.toml").replace("http://127.0.0.1:8080/", &sandbox.url);
        std::fs::write(folder.join("esign.toml"), config).unwrap();
        std::fs::write(folder.join("root.pem"), sandbox.control("GET", "root.pem", &Value::Null)).unwrap();
        esign(folder, &["keygen", "--out", "key.pem"]);
    }

    /// Starts it, and tells the sandbox where it is.
    pub(crate) fn start(folder: &Path, sandbox: &Sandbox) -> Self {
        let mut command = Command::new(built("webhook-server", "webhook-server").unwrap());
        command.args(["--listen", "127.0.0.1:0"]).current_dir(folder);
        let (process, line) = Process::start(&mut command);
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let client = json!({
            "client_id": "webhook-server", "jwks_url": format!("{url}/singpass/jwks.json"),
            "redirect_url": format!("{url}/singpass/redirect"), "webhook_url": format!("{url}/singpass/webhook"),
        });
        sandbox.control("POST", "singpass/clients", &client);
        Self { _process: process, url }
    }
}

/// The example in which payments are approved, with the sandbox as its Singpass.
pub(crate) struct Transaction {
    _process: Process,
    pub(crate) url: String,
}

impl Transaction {
    /// Its own address is in its configuration, so it has to be chosen before; somebody else may take it first.
    pub(crate) fn start(folder: &Path, sandbox: &Sandbox) -> Self {
        esign(folder, &["keygen", "--out", "key.pem"]);
        let example = xtask::repository::root().join("examples/transaction/esign.toml");
        let config =
            std::fs::read_to_string(example).unwrap().replace("http://127.0.0.1:8080/", &sandbox.url);
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            std::fs::write(folder.join("esign.toml"), config.replace("127.0.0.1:4000", &address)).unwrap();
            let mut command = Command::new(built("transaction", "transaction").unwrap());
            let (process, line) = Process::start(command.args(["--listen", &address]).current_dir(folder));
            let Some(url) = line.trim().strip_prefix("listening on ").map(str::to_owned) else { continue };
            let client = json!({
                "client_id": "transaction", "jwks_url": format!("{url}/jwks.json"),
                "redirect_uri": format!("{url}/approved"),
            });
            sandbox.control("POST", "txn/clients", &client);
            return Self { _process: process, url };
        }
        panic!("no address was free, or the program does not start");
    }
}

/// A program that runs until it is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it and reads its first line, which says that it is ready.
    pub(crate) fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(drop)); // so that it never waits for a reader
        (Self(child), line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
