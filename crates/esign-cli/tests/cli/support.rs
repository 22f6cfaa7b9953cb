//! A folder to run the command in, and a sandbox as a second process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const KEY: &str = "key-of-the-test";

/// A folder with `agreement.pdf` in it.
pub(crate) struct Desk {
    folder: TempDir,
}

/// How a run of the command ended.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.write("agreement.pdf", esign_sandbox::sample_pdf("Agreement", &["The only clause."]));
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn esign<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        let Output { status, stdout, stderr } = self.command().args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { status: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// The same, with the command line in one string.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.esign(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esign"));
        command.current_dir(self.folder.path()).env("SIGNIFY_API_KEY", KEY).stdin(Stdio::null());
        for variable in ["ESIGN_CONFIG", "ESIGN_LOG", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
    }
}

impl Ran {
    /// Fails the test unless the command ended so.
    #[track_caller]
    pub(crate) fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The JSON objects on standard output, each of version 1.
    #[track_caller]
    pub(crate) fn objects(&self) -> Vec<Value> {
        let objects: Vec<Value> =
            self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(objects.iter().all(|object| object["version"] == 1), "{}", self.stdout);
        objects
    }

    /// The only one.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        let [object] =
            self.objects().try_into().unwrap_or_else(|_| panic!("not one object: {}", self.stdout));
        object
    }
}

/// `esign sandbox` as a process of its own, with `esign.toml` written for it.
pub(crate) struct SandboxProcess {
    child: Child,
    address: String,
}

impl SandboxProcess {
    pub(crate) fn start(desk: &Desk) -> Self {
        Self::start_with(desk, "")
    }

    /// The same, with more options.
    pub(crate) fn start_with(desk: &Desk, options: &str) -> Self {
        let mut child = desk
            .command()
            .args(["sandbox", "--json", "--listen", "127.0.0.1:0", "--write-config", "esign.toml"])
            .args(["--signify-key", KEY])
            .args(options.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["base_url"].as_str().unwrap();
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child, address }
    }

    /// One request to the control API; the answer's status and body.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let (status, _, body) = http(&self.address, method, path, body);
        (status, body)
    }

    /// Acts as the signer of all that is open.
    #[track_caller]
    pub(crate) fn sign(&self, document: &str) {
        let path = format!("/_sandbox/signify/documents/{document}/sign");
        let (status, body) = self.call("POST", &path, &serde_json::json!({ "name": "Tester", "all": true }));
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) fn root_pem(&self) -> String {
        self.call("GET", "/_sandbox/root.pem", &Value::Null).1
    }
}

/// One request: the answer's status, head and body.
pub(crate) fn http(address: &str, method: &str, path: &str, body: &Value) -> (u16, String, String) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
